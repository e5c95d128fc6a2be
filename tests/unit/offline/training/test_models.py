"""Five kinds of models: what they learn of a law that is known, that they are data, and what they refuse."""

import json
import sys
from time import process_time

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from mlsd_lib.architecture import State
from mlsd_lib.offline import training
from mlsd_lib.offline.training import DEFAULTS, KINDS, Model, models, serving_us, train

from .made import LIKED, made

LEARN, TRUE = made(12_000, pair=-3.0)
NEW, NEW_TRUE = made(6_000, day=1, pair=-3.0)
TRAINED = {kind: train(kind, LEARN.table, LEARN.target) for kind in KINDS}


def off(model, table=NEW.table, true=NEW_TRUE):
    return float(np.abs(model.predict(table) - true).mean())


def test_the_rate_is_the_mean_of_the_target():
    assert TRAINED["rate"].predict(NEW.table) == pytest.approx(np.full(len(NEW), LEARN.target.mean()))


def test_the_linear_model_finds_the_weights_of_a_law_without_a_pair():
    rows, true = made(40_000)
    model = train("linear", rows.table, rows.target, strength=100.0)
    spread = rows.table["size"].std()
    assert model.arrays["numbers"][:, 0] == pytest.approx([0, 0.8 * spread / 3], abs=0.04)
    words = dict(zip(model.columns.words["colour"], model.arrays["words"][:-1, 0], strict=True))
    for one, other in (("blue", "red"), ("green", "red")):
        assert words[one] - words[other] == pytest.approx(LIKED[one] - LIKED[other], abs=0.12)
    assert off(model, rows.table, true) < 0.01


def test_the_linear_model_is_scikit_learns_on_the_same_columns():
    wide = pd.get_dummies(LEARN.table["colour"]).to_numpy(float)
    numbers = LEARN.table[["idle", "size"]]
    wide = np.column_stack([(numbers - numbers.mean()) / numbers.std(ddof=0), wide])
    theirs = LogisticRegression(C=1.0, tol=1e-8, max_iter=1_000).fit(wide, LEARN.target).predict_proba(wide)[:, 1]
    assert TRAINED["linear"].predict(LEARN.table) == pytest.approx(theirs, abs=1e-3)


def test_trees_leaves_and_the_net_see_the_pair_and_the_linear_model_cannot():
    assert off(TRAINED["rate"]) > 0.13
    assert off(TRAINED["linear"]) > 0.1
    for kind, most in (("trees", 0.04), ("leaves", 0.04), ("net", 0.065)):
        assert off(TRAINED[kind]) < most


def test_predictions_are_probabilities_of_the_right_size():
    for kind, model in TRAINED.items():
        probability = model.predict(NEW.table)
        assert probability.dtype == np.float64
        assert ((probability > 0) & (probability < 1)).all()
        assert probability.mean() == pytest.approx(NEW_TRUE.mean(), abs=0.02), kind


def test_the_trees_predict_what_lightgbm_predicts():
    model = TRAINED["trees"]
    matrix = model.columns.matrix(model.columns.coded(NEW.table))
    assert model.predict(NEW.table) == pytest.approx(model.booster.predict(matrix), abs=1e-12)


def test_the_leaves_are_those_of_its_own_trees_summed_up():
    model = train("leaves", LEARN.table, LEARN.target, trees=3, leaves=4)
    leaf = model.booster.predict(model.columns.matrix(model.columns.coded(NEW.table)), pred_leaf=True)
    assert leaf.shape == (len(NEW), 3)
    assert leaf.max() == 3
    odds = model.arrays["bias"][0] + sum(model.arrays["leaf"][4 * tree + leaf[:, tree]] for tree in range(3))
    assert model.predict(NEW.table) == pytest.approx(1 / (1 + np.exp(-odds)))
    assert model.arrays["leaf"].shape == (12,)


@pytest.mark.parametrize("kind", KINDS)
def test_one_seed_gives_one_model_and_a_batch_of_one_the_same_as_a_batch_of_many(kind, monkeypatch):
    again = train(kind, LEARN.table, LEARN.target)
    whole = TRAINED[kind].predict(NEW.table)
    assert np.array_equal(again.predict(NEW.table), whole)
    assert TRAINED[kind].predict(NEW.table.iloc[[7]])[0] == pytest.approx(whole[7], abs=1e-12)
    monkeypatch.setattr(models, "AT_ONCE", 1_000)
    assert TRAINED[kind].predict(NEW.table) == pytest.approx(whole, abs=1e-12)


def test_another_seed_gives_another_net():
    table, target = LEARN.table.head(500), LEARN.target[:500]
    nets = [off(train("net", table, target, seed=seed)) for seed in (0, 1, 8, 40, 64, 2**20)]
    assert len(set(nets)) == 6


@pytest.mark.parametrize("kind", KINDS)
def test_any_whole_number_is_a_seed(kind):
    for seed in (-3, 2**40 + 1, np.int64(7)):
        model = train(kind, LEARN.table.head(200), LEARN.target[:200], seed=seed)
        assert np.isfinite(model.predict(NEW.table)).all()


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_is_data_and_comes_back_from_it(kind):
    state = TRAINED[kind].state()
    assert all(array.dtype.kind in "fi" for array in state.arrays.values())
    kept = State(dict(state.arrays), json.loads(json.dumps(state.json)), dict(state.texts))
    again = Model.restored(kept)
    assert np.array_equal(again.predict(NEW.table), TRAINED[kind].predict(NEW.table))
    assert again.size() == TRAINED[kind].size()


def test_an_unsound_state_is_refused():
    linear, trees = TRAINED["linear"].state(), TRAINED["trees"].state()
    for state in (
        State(linear.arrays, {**linear.json, "kind": "forest"}, linear.texts),
        State(linear.arrays, {**linear.json, "kind": "net"}, linear.texts),
        State(linear.arrays, linear.json, {"trees": "tree"}),
        State(trees.arrays, trees.json, {"trees": ""}),
    ):
        with pytest.raises(ValueError, match="does not hold what such a model needs"):
            Model.restored(state)
    for kind, name in (("linear", "words"), ("linear", "numbers"), ("net", "bias"), ("net", "out")):
        state = TRAINED[kind].state()
        cut = {**state.arrays, name: state.arrays[name][:-1]}
        with pytest.raises(ValueError, match=f"weights of the '{kind}' model do not fit its columns"):
            Model.restored(State(cut, state.json, state.texts))
    broken = Model.restored(State({}, trees.json, {"trees": "no trees at all"}))
    with pytest.raises(ValueError, match="its trees cannot be read"):
        broken.predict(NEW.table)


def test_size_counts_weights_and_text():
    assert TRAINED["rate"].size() == 8
    assert TRAINED["linear"].size() == 8 * (1 + 2 + 3 + 1)
    assert TRAINED["net"].size() == 8 * (16 * (2 + 4) + 16 + 16 + 1)
    assert TRAINED["trees"].size() == len(TRAINED["trees"].text.encode())


def test_first_keeps_the_first_trees_and_what_they_predict():
    model, five = TRAINED["trees"], train("trees", LEARN.table, LEARN.target, trees=5)
    assert model.first(5).predict(NEW.table) == pytest.approx(five.predict(NEW.table), abs=1e-12)
    assert model.first(5).booster.num_trees() == 5
    assert model.first(60).predict(NEW.table) == pytest.approx(model.predict(NEW.table), abs=1e-12)
    for wrong in (0, 61):
        with pytest.raises(ValueError, match="no first"):
            model.first(wrong)
    with pytest.raises(ValueError, match="a 'linear' model has no first 1 trees"):
        TRAINED["linear"].first(1)
    with pytest.raises(ValueError, match="a 'net' model has no trees"):
        _ = TRAINED["net"].booster


def test_a_target_may_be_a_probability_and_teaches_more_than_its_draws():
    few = slice(0, 1_500)
    for kind, most in (("linear", 0.02), ("trees", 0.045), ("leaves", 0.07)):
        rows, true = made(1_500)
        _, new_true = made(6_000, day=1)
        soft = off(train(kind, rows.table, true), true=new_true)
        hard = off(train(kind, rows.table, rows.target), true=new_true)
        assert soft < most
        assert soft < hard
    assert train("rate", LEARN.table[few], TRUE[few]).predict(NEW.table)[0] == pytest.approx(TRUE[few].mean())


def test_a_target_of_zeros_and_ones_is_the_same_as_one_of_booleans():
    soft = np.clip(LEARN.target, 1e-9, 1 - 1e-9)
    hard = train("linear", LEARN.table, LEARN.target.astype(bool))
    assert np.array_equal(hard.predict(NEW.table), TRAINED["linear"].predict(NEW.table))
    assert train("linear", LEARN.table, soft).predict(NEW.table) == pytest.approx(hard.predict(NEW.table), abs=1e-3)


@pytest.mark.parametrize("kind", KINDS)
def test_somebody_without_a_history_gets_a_sensible_probability(kind):
    gaps = LEARN.table.assign(size=LEARN.table["size"].where(np.arange(len(LEARN)) % 7 > 0))
    model = train(kind, gaps, LEARN.target)
    unknown = pd.DataFrame({"idle": [0.0], "size": [np.nan], "colour": ["ultraviolet"]})
    assert 0.1 < model.predict(unknown)[0] < 0.8
    assert np.isfinite(model.predict(unknown.assign(colour=None))).all()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("columns", [["colour"], ["size"]])
def test_words_alone_and_numbers_alone_are_enough(kind, columns):
    model = train(kind, LEARN.table[columns], LEARN.target)
    assert model.predict(NEW.table).mean() == pytest.approx(NEW_TRUE.mean(), abs=0.02)
    assert Model.restored(model.state()).columns.names == tuple(columns)
    assert (kind == "rate") == (np.ptp(model.predict(NEW.table)) < 0.05)


def test_settings_change_what_is_trained():
    assert train("trees", LEARN.table, LEARN.target, trees=7).booster.num_trees() == 7
    assert train("net", LEARN.table, LEARN.target, width=5, epochs=1).arrays["out"].shape == (5,)
    tight = train("linear", LEARN.table, LEARN.target, strength=1e-5)
    assert np.abs(tight.arrays["numbers"]).max() < 0.2 * np.abs(TRAINED["linear"].arrays["numbers"]).max()
    lazy = train("trees", LEARN.table, LEARN.target, rate=1e-4)
    assert np.ptp(lazy.predict(NEW.table)) < 0.01
    assert train("trees", LEARN.table, LEARN.target, least=7_000).booster.num_trees() == 1
    small = train("trees", LEARN.table, LEARN.target, leaves=2)
    assert small.booster.trees_to_dataframe().groupby("tree_index").size().max() == 3
    heavy = train("trees", LEARN.table, LEARN.target, l2=1e6)
    assert np.ptp(heavy.predict(NEW.table)) < 0.3 * np.ptp(TRAINED["trees"].predict(NEW.table))
    held = train("net", LEARN.table, LEARN.target, decay=1e4)
    assert np.ptp(held.predict(NEW.table)) < 0.3
    still = train("net", LEARN.table, LEARN.target, rate=1e-7, epochs=1)
    assert off(still) > off(TRAINED["net"]) + 0.05


def test_the_least_settings_that_count_are_accepted_and_one_less_is_not():
    table, target = LEARN.table.head(60), LEARN.target[:60]
    for kind in KINDS:
        for name in set(DEFAULTS[kind]) & set(training.fitting.WHOLE):
            least = 2 if name == "leaves" else 1
            assert np.isfinite(train(kind, table, target, **{name: least}).predict(table)).all()
            with pytest.raises(ValueError, match=f"{name} is {least - 1}; expected a whole number"):
                train(kind, table, target, **{name: least - 1})


def test_a_net_learns_the_same_from_a_table_that_is_too_large_to_write_down_its_zeros(monkeypatch):
    from scipy.sparse import issparse
    from sklearn.neural_network import MLPClassifier

    real, given = MLPClassifier.fit, []

    def seen(self, table, target):
        given.append(issparse(table))
        return real(self, table, target)

    monkeypatch.setattr(MLPClassifier, "fit", seen)
    table, target = LEARN.table.head(1_000), LEARN.target[:1_000]
    most = 8 * 1_000 * (2 + 3)  # two numbers, three colours
    nets = []
    for limit in (most, most - 1, 2 * most):
        monkeypatch.setattr(training.fitting, "DENSE", limit)
        nets.append(train("net", table, target).predict(NEW.table))
    assert given == [False, True, False]
    assert nets[0] == pytest.approx(nets[1], abs=1e-6)


def test_a_net_is_trained_on_a_table_smaller_than_a_batch():
    rows, _ = made(40)
    assert np.isfinite(train("net", rows.table, rows.target).predict(rows.table)).all()


def test_what_serving_costs_is_in_the_order_that_the_chapter_gives():
    us = {kind: serving_us(model, NEW.table, repeats=15) for kind, model in TRAINED.items()}
    assert us["rate"] < us["linear"]
    assert us["trees"] > 4 * us["linear"]
    assert us["trees"] > 3 * us["net"]
    assert us["leaves"] < us["trees"]


@pytest.mark.skipif(sys.gettrace() is not None, reason="a tracer slows the two unequally")
def test_a_net_costs_more_to_train_than_trees():
    took = {}
    for kind in ("trees", "net"):
        start = process_time()
        train(kind, LEARN.table, LEARN.target)
        took[kind] = process_time() - start
    assert took["net"] > 1.2 * took["trees"]


def test_every_kind_has_its_settings_and_nothing_else_is_accepted():
    assert set(DEFAULTS) == set(KINDS)
    with pytest.raises(ValueError, match=r"no kind 'forest'. Choose one of: rate, linear, trees, leaves, net"):
        train("forest", LEARN.table, LEARN.target)
    with pytest.raises(ValueError, match=r"'linear' has no setting 'trees'. It has: strength"):
        train("linear", LEARN.table, LEARN.target, trees=3)
    with pytest.raises(ValueError, match=r"'rate' has no setting 'width'. It has: none"):
        train("rate", LEARN.table, LEARN.target, width=3)
    for name, value in (("trees", 2.5), ("trees", 0), ("leaves", 1), ("least", 0)):
        with pytest.raises(ValueError, match=f"{name} is {value}; expected a whole number of at least"):
            train("trees", LEARN.table, LEARN.target, **{name: value})
    for value in (np.nan, np.inf, -0.1, True, "much"):
        with pytest.raises(ValueError, match="expected a finite number of at least 0"):
            train("trees", LEARN.table, LEARN.target, rate=value)
    for kind, name in (("trees", "rate"), ("linear", "strength")):
        with pytest.raises(ValueError, match=f"{name} is 0; expected a number above 0"):
            train(kind, LEARN.table, LEARN.target, **{name: 0})
    with pytest.raises(ValueError, match="an integer was expected"):
        train("rate", LEARN.table, LEARN.target, seed=0.5)


@pytest.mark.parametrize("kind", KINDS)
def test_one_class_only_is_refused(kind):
    for only in (0, 1):
        with pytest.raises(ValueError, match=f"all 50 targets are {only}, one class only"):
            train(kind, LEARN.table.head(50), np.full(50, only))


def test_unsound_targets_are_refused():
    table = LEARN.table.head(4)
    for target in ([0, 1, 0], [[0, 1, 0, 1]], ["a", "b", "a", "b"], [0, 1, 0, None]):
        with pytest.raises(ValueError, match="4 rows and a target of shape"):
            train("rate", table, target)
    with pytest.raises(ValueError, match=r"2 of 4 targets are neither 0 nor 1 nor between \(first: row 1, 1.5\)"):
        train("rate", table, [0, 1.5, 1, np.nan])
    with pytest.raises(ValueError, match="a 'net' learns from 0 and 1 only"):
        train("net", table, [0, 0.5, 1, 0])
    with pytest.raises(ValueError, match="at least one row"):
        train("rate", table.head(0), [])
