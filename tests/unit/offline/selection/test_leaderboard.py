"""The leaderboard: real differences against the truth of simulated models, places, groups, and what it says aloud."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest

from mlsd_lib.offline import selection
from mlsd_lib.offline.selection import board as room
from mlsd_lib.worlds import chance


def judged(means, requests=300, seed=0, noise=0.3):
    number = np.arange(requests)[:, None]
    hard = chance.normal(seed, "hard", number)
    own = noise * chance.normal(seed, "own", number, np.arange(len(means)))
    return pd.DataFrame(hard + own + np.asarray(means), columns=[f"m{one}" for one in range(len(means))])


def test_equal_models_are_seldom_called_different_even_among_many_pairs():
    false, single = [], []
    for seed in range(200):
        pairs = selection.leaderboard(judged([0.0] * 8, seed=seed), resamples=100).pairs
        false.append(pairs["real"].any())
        single.append((pairs["p"] <= 0.05).any())
    assert np.mean(false) <= 0.08
    assert np.mean(single) > 0.2  # without the correction


def test_true_differences_are_found_and_give_places():
    board = selection.leaderboard(judged([0.0, 0.5, 0.5, 1.0]))
    models = board.models.set_index("model")
    assert models.index[0] == "m3"
    assert models.index[-1] == "m0"
    assert models.loc["m3", ["first", "last"]].tolist() == [1, 1]
    assert models.loc["m1", ["first", "last"]].tolist() == [2, 3]
    assert models.loc["m2", ["first", "last"]].tolist() == [2, 3]
    assert models.loc["m0", ["first", "last"]].tolist() == [4, 4]
    assert models.loc[["m3", "m1", "m2", "m0"], "groups"].tolist() == ["1", "2", "2", "3"]
    assert models["mean"].is_monotonic_decreasing
    assert ((models["low"] < models["mean"]) & (models["mean"] < models["high"])).all()
    assert board.units == 300
    assert board.left_out == 0


def test_a_row_of_a_pair_is_found_from_either_side_and_its_interval_holds_the_true_difference():
    inside, wide = [], []
    for seed in range(150):
        board = selection.leaderboard(judged([0.0, 0.05], seed=seed), seed=seed)
        row = board.between("m0", "m1")
        true = 0.05 if row["better"] == "m1" else -0.05
        inside.append(row["low"] <= true <= row["high"])
        wide.append(row["high"] - row["low"])
        assert row.equals(board.between("m1", "m0"))
    assert np.mean(inside) == pytest.approx(0.95, abs=0.04)
    assert np.mean(wide) == pytest.approx(2 * 1.96 * 0.3 * np.sqrt(2 / 300), rel=0.05)
    with pytest.raises(ValueError, match=r"no pair 'm0' and 'm7'. The models are"):
        board.between("m0", "m7")


def test_groups_are_longest_runs_in_which_no_difference_is_real():
    # Places 1 to 5; real: 1-4, 1-5, 2-5 (in the order of numpy.triu_indices).
    pairs = [(0, 1), (0, 2), (0, 3), (0, 4), (1, 2), (1, 3), (1, 4), (2, 3), (2, 4), (3, 4)]
    real = np.array([pair in {(0, 3), (0, 4), (1, 4)} for pair in pairs])
    assert room._groups(real, 5) == ["1", "1 2", "1 2 3", "2 3", "3"]
    assert room._groups(np.zeros(10, dtype=bool), 5) == ["1"] * 5
    assert room._groups(np.ones(10, dtype=bool), 5) == ["1", "2", "3", "4", "5"]
    inside = np.array([pair == (1, 2) for pair in pairs])  # a gap within a run ends it, whatever is beyond
    assert room._groups(inside, 5) == ["1", "1", "2", "2", "2"]


def test_differences_of_many_pairs_are_taken_some_at_a_time(monkeypatch):
    values = judged([0.0] * 6)
    whole = selection.leaderboard(values)
    monkeypatch.setattr(room, "_CELLS", 2_000)
    assert selection.leaderboard(values).pairs.equals(whole.pairs)
    monkeypatch.setattr(room, "_CELLS", 1)
    assert selection.leaderboard(values, at_once=1_000).pairs.round(9).equals(whole.pairs.round(9))


def test_memory_stays_bounded_with_many_models_and_many_queries():
    many = selection.scores(pd.DataFrame(chance.normal(0, "v", np.arange(20_000)[:, None], np.arange(5))))
    wide = selection.resampled(selection.scores(judged([0.0] * 120, requests=50)))
    better, worse = np.triu_indices(120, 1)
    tracemalloc.start()
    selection.resampled(many)
    resampling = tracemalloc.get_traced_memory()[1]
    tracemalloc.reset_peak()
    room._differences(wide, better, worse, [0.025, 0.975])
    comparing = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert resampling < 8e6  # all weights at once would be 160 MB
    assert comparing < 40e6  # all differences at once would be 57 MB, and as much again


def test_queries_are_resampled_where_rows_share_them():
    query = np.repeat(np.arange(60), 5)
    number = np.arange(300)[:, None]
    shared = chance.normal(0, "query", query[:, None], np.arange(2))
    values = pd.DataFrame(shared + 0.1 * chance.normal(0, "row", number, np.arange(2)), columns=["a", "b"])
    by_query, by_row = selection.leaderboard(values, unit=query), selection.leaderboard(values)
    assert by_query.units == 60
    assert by_row.units == 300
    width = [(board.pairs["high"] - board.pairs["low"])[0] for board in (by_query, by_row)]
    assert width[0] / width[1] == pytest.approx(np.sqrt(5), rel=0.15)


def test_the_level_sets_intervals_and_what_is_real():
    values = judged([0.0, 0.03])
    strict, loose = (selection.leaderboard(values, level=level) for level in (0.999, 0.8))
    width = [board.models["high"] - board.models["low"] for board in (strict, loose)]
    assert (width[0] > 1.8 * width[1]).all()
    p = strict.pairs["p_corrected"][0]
    assert strict.pairs["real"].tolist() == [bool(p <= 0.001)]
    assert loose.pairs["real"].tolist() == [bool(p <= 0.2)]
    assert 0.001 < p < 0.2
    for level in (0, 1, 1.5):
        with pytest.raises(ValueError, match="expected a share between 0 and 1"):
            selection.leaderboard(values, level=level)


def test_it_prints_what_it_says():
    values = judged([0.0, 1.0])
    values.iloc[0, 0] = np.nan
    text = str(selection.leaderboard(values))
    assert text.endswith("299 queries, 1 rows left out; 1 of 1 differences are real")
    assert "groups" in text.splitlines()[0]


def test_seeds_change_the_intervals_and_nothing_else():
    values = judged([0.0, 0.1])
    one, other = selection.leaderboard(values), selection.leaderboard(values, seed=1)
    assert one.pairs["p"].equals(other.pairs["p"])
    assert not one.models["low"].equals(other.models["low"])
    assert not one.models["low"].equals(selection.leaderboard(values, resamples=200).models["low"])
    with pytest.raises(ValueError, match="1 model, and a comparison takes two"):
        selection.leaderboard(values[["m0"]])
