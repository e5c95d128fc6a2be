"""Explanations against a law that is known."""

import numpy as np
import pytest

from mlsd_lib.offline.training import entropy_alone, gains, shuffled, train

from .made import made

LEARN, TRUE = made(6_000)
JUDGE, _ = made(4_000, day=1)
TREES = train("trees", LEARN.table, LEARN.target, trees=150, leaves=31)


def test_gains_are_shares_by_name_and_count_what_was_learned_by_heart():
    found = gains(TREES)
    assert found.sum() == pytest.approx(1)
    assert found.is_monotonic_decreasing
    assert set(found.index) == {"idle", "size", "colour"}
    assert found["idle"] > 0.1  # a column of noise, and trees that grew too far
    oracle = gains(train("trees", LEARN.table, TRUE, trees=20))
    assert oracle["idle"] < 0.001
    assert oracle["colour"] > 0.2


def test_a_model_without_a_split_gains_nothing_and_one_without_trees_says_so():
    assert gains(train("trees", LEARN.table, LEARN.target, least=5_000)).tolist() == [0, 0, 0]
    with pytest.raises(ValueError, match="a 'linear' model has no trees"):
        gains(train("linear", LEARN.table, LEARN.target))


@pytest.mark.parametrize("kind", ["linear", "trees", "net"])
def test_shuffling_finds_what_matters_and_not_what_is_idle(kind):
    model = train(kind, LEARN.table, LEARN.target)
    found = shuffled(model, JUDGE)
    assert found.index[-1] == "idle"
    assert abs(found.loc["idle", "lost"]) < 0.01
    assert found.loc["colour", "lost"] > 0.1
    assert found.loc["size", "lost"] > 0.1
    assert found["share"].sum() == pytest.approx(1)
    assert (found["share"] >= 0).all()


def test_what_is_lost_is_the_rise_of_the_entropy_where_a_column_says_nothing():
    model = train("linear", LEARN.table, LEARN.target)
    found = shuffled(model, JUDGE, repeats=20)
    rng = np.random.default_rng(7)
    rises = []
    for _ in range(20):
        table = JUDGE.table.assign(size=rng.permutation(JUDGE.table["size"].to_numpy()))
        rises.append(entropy_alone(JUDGE, model.predict(table)) - entropy_alone(JUDGE, model.predict(JUDGE.table)))
    assert found.loc["size", "lost"] == pytest.approx(np.mean(rises), rel=0.05)
    assert found.loc["size", "spread"] == pytest.approx(np.std(rises), rel=0.8)
    assert found.loc["size", "spread"] > 0


def test_one_seed_one_explanation_and_the_examples_are_left_as_they_were():
    before = JUDGE.table.copy()
    once, again = (shuffled(TREES, JUDGE, repeats=2, seed=4) for _ in range(2))
    assert once.equals(again)
    assert not once.equals(shuffled(TREES, JUDGE, repeats=2, seed=5))
    assert JUDGE.table.equals(before)


def test_a_model_of_the_rate_alone_loses_nothing():
    found = shuffled(train("rate", LEARN.table, LEARN.target), JUDGE, repeats=2)
    assert (found[["lost", "spread", "share"]] == 0).all().all()


def test_too_few_repeats_are_refused():
    with pytest.raises(ValueError, match="repeats is 1; expected at least 2"):
        shuffled(TREES, JUDGE, repeats=1)
