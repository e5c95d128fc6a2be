"""The search within a budget: what it spends, what it finds, and what is left when it is stopped."""

from itertools import pairwise

import numpy as np
import pytest

from mlsd_lib.offline import training
from mlsd_lib.offline.training import DEFAULTS, SPACES, entropy_alone, search, train
from mlsd_lib.offline.training.searching import drawn

from .made import made

LEARN, _ = made(900)
VALIDATE, _ = made(1_500, day=1)
FRESH, _ = made(5_000, day=2)


def test_halving_gives_a_third_of_the_budget_to_each_round_and_keeps_the_best_third():
    found = search("linear", LEARN, VALIDATE, budget=8_100)
    rounds = [group for _, group in found.trials.groupby("rows", sort=False)]
    assert [(len(one), one["rows"].iloc[0]) for one in rounds] == [(27, 100), (9, 300), (3, 900)]
    for before, after in pairwise(rounds):
        assert set(after["setting"]) == set(before.nsmallest(len(after), "entropy")["setting"])
    assert found.rows == 8_100
    assert found.stopped == "budget spent"


def test_at_random_trains_each_setting_on_all_rows():
    found = search("linear", LEARN, VALIDATE, budget=5_000, how="at random")
    assert found.trials["rows"].tolist() == [900] * 5
    assert found.trials["setting"].tolist() == [0, 1, 2, 3, 4]
    assert found.rows == 4_500


@pytest.mark.parametrize("how", ["halving", "at random"])
def test_the_best_of_those_on_all_rows_is_kept_with_its_settings_and_model(how):
    found = search("trees", LEARN, VALIDATE, budget=9_000, how=how)
    full = found.trials[found.trials["rows"] == 900]
    best = full.loc[full["entropy"].idxmin()]
    assert found.entropy == best["entropy"]
    assert {name: best[name] for name in SPACES["trees"]} == dict(found.settings)
    again = train("trees", LEARN.table, LEARN.target, **found.settings)
    assert np.array_equal(again.predict(FRESH.table), found.model.predict(FRESH.table))
    assert entropy_alone(VALIDATE, found.model.predict(VALIDATE.table)) == found.entropy


def test_one_seed_one_result_and_another_seed_another():
    once, again = (search("net", LEARN, VALIDATE, budget=2_700, seed=5) for _ in range(2))
    assert once.trials.equals(again.trials)
    assert once.settings == again.settings
    assert search("net", LEARN, VALIDATE, budget=2_700, seed=6).settings != once.settings


def test_settings_that_are_searched_do_better_than_unlucky_ones():
    few, _ = made(300)
    found = search("trees", few, VALIDATE, budget=9_000)
    unlucky = train("trees", few.table, few.target, trees=200, leaves=31, least=20, rate=0.3)
    assert entropy_alone(FRESH, found.model.predict(FRESH.table)) < 0.9 * entropy_alone(
        FRESH, unlucky.predict(FRESH.table)
    )


def test_draws_are_even_on_a_logarithmic_scale_and_whole_where_they_count():
    many = [drawn(SPACES["trees"], number, seed=0) for number in range(600)]
    rates = np.log([one["rate"] for one in many])
    low, high = np.log(SPACES["trees"]["rate"])
    assert (rates.min(), rates.max()) == pytest.approx((low, high), abs=0.05)
    assert rates.mean() == pytest.approx((low + high) / 2, abs=0.08)
    counts = [one["trees"] for one in many]
    assert all(isinstance(count, int) and 20 <= count <= 200 for count in counts)
    assert np.corrcoef(rates, counts)[0, 1] == pytest.approx(0, abs=0.12)
    assert drawn({"rate": (0.1, 0.1)}, 3, seed=9) == {"rate": 0.1}


def test_what_models_are_trained_with_by_default_lies_where_a_search_looks():
    for kind, space in SPACES.items():
        assert set(space) <= set(DEFAULTS[kind])
        assert all(low < DEFAULTS[kind][name] < high for name, (low, high) in space.items())


def test_a_space_of_ones_own_leaves_the_other_settings_alone():
    found = search("trees", LEARN, VALIDATE, budget=2_700, space={"trees": (3, 6)})
    assert set(found.settings) == {"trees"}
    assert found.trials["trees"].between(3, 6).all()
    assert found.model.booster.num_trees() == found.settings["trees"]


def stop_after(monkeypatch, count, error):
    """Let `train` raise an error after so many models."""
    real, calls = training.searching.train, iter(range(1_000))

    def counted(*args, **kwargs):
        if next(calls) >= count:
            raise error
        return real(*args, **kwargs)

    monkeypatch.setattr(training.searching, "train", counted)


def test_an_interrupted_search_keeps_what_it_found(monkeypatch):
    whole = search("linear", LEARN, VALIDATE, budget=2_700)
    stop_after(monkeypatch, 11, KeyboardInterrupt())
    found = search("linear", LEARN, VALIDATE, budget=2_700)
    assert found.stopped == "interrupted"
    assert found.trials.equals(whole.trials.head(11))
    second = found.trials[found.trials["rows"] == 300]
    assert found.entropy == second["entropy"].min()
    assert found.rows == 9 * 100 + 2 * 300


def test_interrupted_before_the_first_model_it_is_interrupted(monkeypatch):
    stop_after(monkeypatch, 0, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        search("linear", LEARN, VALIDATE, budget=2_700)


def test_an_error_of_the_training_is_not_swallowed(monkeypatch):
    stop_after(monkeypatch, 3, RuntimeError("disk full"))
    with pytest.raises(RuntimeError, match="disk full"):
        search("linear", LEARN, VALIDATE, budget=2_700)


def test_it_stops_when_time_is_up(monkeypatch):
    clock = iter(range(1_000))
    monkeypatch.setattr(training.searching, "monotonic", lambda: next(clock))
    found = search("linear", LEARN, VALIDATE, budget=2_700, seconds=4.5)
    assert found.stopped == "out of time"
    assert len(found.trials) == 4
    with pytest.raises(ValueError, match="ran out before the first model"):
        search("linear", LEARN, VALIDATE, budget=2_700, seconds=0)


def test_too_few_rows_for_the_first_round_are_refused():
    few, _ = made(40)
    with pytest.raises(ValueError, match=r"4 rows are fewer than one whole unit has \(5\)"):
        search("linear", few, VALIDATE, budget=120)


def test_what_cannot_be_searched_is_refused():
    with pytest.raises(ValueError, match="a budget of 2699 rows does not pay for one model; expected 2700"):
        search("linear", LEARN, VALIDATE, budget=2_699)
    with pytest.raises(ValueError, match="expected 900 at least"):
        search("linear", LEARN, VALIDATE, budget=899, how="at random")
    with pytest.raises(ValueError, match="how must be 'halving' or 'at random', got 'grid'"):
        search("linear", LEARN, VALIDATE, budget=9_000, how="grid")
    for kind in ("rate", "forest"):
        with pytest.raises(ValueError, match=f"a '{kind}' model has no settings to search here"):
            search(kind, LEARN, VALIDATE, budget=9_000)
    with pytest.raises(ValueError, match=r"'linear' has no setting 'trees'. It has: strength"):
        search("linear", LEARN, VALIDATE, budget=9_000, space={"trees": (1, 2)})
    for ends in ((0, 1), (2, 1), (1, np.inf), (1,), (-1, 1)):
        with pytest.raises(ValueError, match="expected a lowest above 0 and a highest value"):
            search("linear", LEARN, VALIDATE, budget=9_000, space={"strength": ends})
