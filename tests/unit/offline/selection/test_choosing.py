"""The winner's curse and the shortlist, against simulated models whose worth is known."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from mlsd_lib.offline import selection
from mlsd_lib.offline.selection import choosing
from mlsd_lib.worlds import chance


def equal(models=20, requests=400, seed=0):
    number = np.arange(requests)[:, None]
    return pd.DataFrame(chance.normal(seed, "luck", number, np.arange(models))).add_prefix("m")


def test_the_best_of_twenty_equal_models_looks_better_by_the_closed_formula_and_fresh_queries_repair_it():
    found = [selection.winner(equal(seed=seed), seed=seed) for seed in range(150)]
    largest = 1.8675  # mean of the largest of 20 standard normal draws
    assert np.mean([one.chosen_on for one in found]) == pytest.approx(largest / np.sqrt(200), rel=0.05)
    assert np.mean([one.fresh for one in found]) == pytest.approx(0, abs=0.02)
    assert np.mean([one.low <= 0 <= one.high for one in found]) == pytest.approx(0.95, abs=0.05)


def test_a_better_model_wins_and_both_halves_say_by_how_much():
    values = equal(5).assign(good=lambda table: table["m0"] + 1)
    found = selection.winner(values, seed=3)
    assert found.model == "good"
    assert found.fresh == pytest.approx(1, abs=0.25)
    assert found.low < found.fresh < found.high
    assert sum(found.units) == 400
    assert str(found).startswith(f"good: {found.chosen_on:.3f} on the {found.units[0]} queries that chose it, ")
    assert str(found).endswith(f"on {found.units[1]} others")


def test_units_stay_whole_and_their_side_does_not_depend_on_the_table():
    query = np.repeat(np.arange(100), 4)
    values = equal(3)
    found = selection.winner(values, unit=query, share=0.3)
    assert sum(found.units) == 100
    assert found.units[1] == pytest.approx(30, abs=12)
    mixed = np.random.default_rng(0).permutation(400)
    again = selection.winner(values.iloc[mixed], unit=query[mixed], share=0.3)
    assert (again.model, again.units) == (found.model, found.units)
    assert again.fresh == pytest.approx(found.fresh)
    texts = selection.winner(values, unit=[f"q{one}" for one in query])
    assert sum(texts.units) == 100
    assert selection.winner(values, seed=1).units != selection.winner(values, seed=2).units


def test_winner_refuses_what_it_cannot_halve():
    for share in (0, 1):
        with pytest.raises(ValueError, match="expected a share between 0 and 1"):
            selection.winner(equal(), share=share)
    with pytest.raises(ValueError, match="400 rows and 3 units"):
        selection.winner(equal(), unit=[1, 2, 3])
    with pytest.raises(ValueError, match="a resample of fewer than 20 says nothing"):
        selection.winner(equal(requests=30))


def families(seed=0, requests=300):
    """Six copies of one model, and two others that are judged a little lower, with errors of their own."""
    number = np.arange(requests)[:, None]
    common = chance.normal(seed, "common", number)
    copies = common + 0.02 * chance.normal(seed, "copy", number, np.arange(6))
    others = chance.normal(seed, "other", number, np.arange(2))
    return pd.DataFrame(np.hstack([copies, others]), columns=[f"copy{one}" for one in range(6)] + ["x", "y"])


def test_a_list_of_models_that_differ_in_kind_loses_less_than_one_of_copies():
    lost = {"by mean": [], "by worth": []}
    for seed in range(150):
        true = pd.Series([0.0] * 6 + list(0.1 * chance.normal(seed, "truth", np.arange(2))), index=families().columns)
        values = families(seed) + true
        lost["by mean"].append(true.max() - true[values.mean().nlargest(2).index].max())
        lost["by worth"].append(true.max() - true[selection.shortlist(values, 2, seed=seed)["model"]].max())
    assert np.mean(lost["by worth"]) < 0.7 * np.mean(lost["by mean"])


def test_the_first_choice_is_the_best_mean_and_worth_grows_to_the_expected_maximum():
    values = families()
    found = selection.shortlist(values, 8, resamples=4_000)
    assert found["model"][0] == values.mean().idxmax()
    assert found["mean"].tolist() == pytest.approx(values.mean()[found["model"]].tolist())
    assert found["worth"].is_monotonic_increasing
    drawn = selection.resampled(selection.scores(values), resamples=4_000)
    assert found["worth"].tolist()[-1] == pytest.approx(drawn.max(axis=1).mean())
    assert found["worth"].tolist()[0] == pytest.approx(values.mean().max(), abs=0.005)
    assert found["best"].sum() == pytest.approx(1.0)
    share = (drawn.argmax(axis=1)[:, None] == np.arange(8)).mean(axis=0)
    assert found.set_index("model")["best"].to_dict() == pytest.approx(dict(zip(values.columns, share, strict=True)))
    assert len(selection.shortlist(values, 100)) == 8
    assert not found["model"].duplicated().any()


def test_two_models_that_differ_are_worth_what_the_formula_says():
    values = equal(2, requests=1_000)
    values = values - values.mean()
    worth = selection.shortlist(values, 2, resamples=20_000)["worth"].tolist()[-1]
    spread = (values["m0"] - values["m1"]).std() / np.sqrt(1_000)
    assert worth == pytest.approx(spread * norm.pdf(0), rel=0.05)  # E max(A, B) of two normal draws around 0


def test_doubt_makes_room_for_models_that_differ_and_copies_share_it():
    values = families(requests=2_000)
    values[["x", "y"]] -= values[["x", "y"]].mean() - values["copy0"].mean() + 0.15
    sure = selection.shortlist(values, 3)["model"]
    doubtful = selection.shortlist(values, 3, doubt=0.3)["model"]
    assert sure.str.startswith("copy").all()
    assert set(doubtful[1:]) == {"x", "y"}
    found = selection.scores(values)
    doubts = choosing._doubts(found, 4_000, 0)
    assert np.corrcoef(doubts.T) == pytest.approx(values.corr().to_numpy(), abs=0.06)
    assert doubts.std(axis=0) == pytest.approx(np.ones(8), abs=0.05)
    flat = choosing._doubts(selection.scores(pd.DataFrame({"flat": [0.5] * 30, "m": equal(1, 30)["m0"]})), 2_000, 0)
    assert flat[:, 0] == pytest.approx(0)
    assert flat[:, 1].std() == pytest.approx(1, abs=0.1)


def test_units_are_drawn_together_in_a_shortlist():
    values = equal(3, requests=100)
    long = pd.concat([values] * 10, ignore_index=True)
    query = np.tile(np.arange(100), 10)
    by_query, by_row = (selection.shortlist(long, 3, unit=unit)["worth"].tolist()[-1] for unit in (query, None))
    assert by_query == pytest.approx(selection.shortlist(values, 3)["worth"].tolist()[-1])
    assert by_row < by_query


def test_shortlist_refuses_bad_settings():
    with pytest.raises(ValueError, match="budget=0"):
        selection.shortlist(equal(), 0)
    for doubt in (-1.0, float("inf"), float("nan")):
        with pytest.raises(ValueError, match="expected at least 1 and at least 0"):
            selection.shortlist(equal(), 1, doubt=doubt)
    assert len(selection.shortlist(equal(), 1)) == 1
