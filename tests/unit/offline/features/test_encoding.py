"""Target encoding: sound ways tell a row nothing of its own label."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from mlsd_lib.offline import features
from tests.unit.offline.features.tables import at, drawn, earlier


def test_smoothing_draws_what_is_thin_towards_the_rate():
    assert features.smoothed(3, 10, rate=0.1, weight=20) == pytest.approx((3 + 2) / 30)
    assert features.smoothed([0.0], [0], rate=0.25, weight=1e-6).tolist() == [0.25]
    assert features.smoothed([1, 1], [2, 2], rate=[0.0, 1.0], weight=2).tolist() == [0.25, 0.75]


@pytest.mark.parametrize(("count", "weight"), [(-1, 1.0), (np.nan, 1.0), (1, 0.0), (1, -1.0), (1, np.inf)])
def test_smoothing_needs_counts_and_a_weight(count, weight):
    with pytest.raises(
        ValueError, match=f"smoothed: expected counts of at least 0 and a weight above 0; weight is {weight}"
    ):
        features.smoothed(1, count, rate=0.1, weight=weight)


@pytest.mark.parametrize("seed", range(4))
def test_out_of_fold_is_the_smoothed_mean_of_the_other_folds(seed):
    rng = np.random.default_rng(seed)
    key, fold, label = rng.choice(list("abcd"), 90), rng.integers(0, 3, 90) * 5, (rng.random(90) < 0.3).astype(float)
    found = features.encoded_out_of_fold(key, label, fold, weight=4)
    for row in range(90):
        other = fold != fold[row]
        same = other & (key == key[row])
        right = (label[same].sum() + 4 * label[other].mean()) / (same.sum() + 4)
        assert found[row] == pytest.approx(right)


def test_out_of_fold_a_row_does_not_depend_on_its_own_fold():
    rng = np.random.default_rng(0)
    key, fold, label = rng.integers(0, 9, 200), rng.integers(0, 4, 200), rng.integers(0, 2, 200)
    mine = fold == 2
    turned = np.where(mine, 1 - label, label)
    before, after = (features.encoded_out_of_fold(key, some, fold) for some in (label, turned))
    np.testing.assert_allclose(before[mine], after[mine])
    assert (before[~mine] != after[~mine]).any()


def test_a_name_that_means_nothing_is_worth_nothing_where_it_is_encoded_soundly():
    rng = np.random.default_rng(0)
    key, label = rng.integers(0, 3_000, 9_000), (rng.random(9_000) < 0.2).astype(float)
    log = pd.DataFrame({"key": key, "ts": at(*range(9_000)), "label": label})
    on_its_own = features.encoded_from(key, label, key)
    folded = features.encoded_out_of_fold(key, label, np.arange(9_000) % 5)
    in_time = features.encoded_in_time(log, on="key", label="label", rate=0.2)
    assert roc_auc_score(label, on_its_own) > 0.7
    assert abs(roc_auc_score(label, folded) - 0.5) < 0.03
    assert abs(roc_auc_score(label, in_time) - 0.5) < 0.03


def test_a_name_that_means_something_keeps_its_meaning():
    rng = np.random.default_rng(1)
    key = rng.integers(0, 50, 20_000)
    rate = rng.uniform(0.05, 0.6, 50)
    label = (rng.random(20_000) < rate[key]).astype(float)
    folded = features.encoded_out_of_fold(key, label, np.arange(20_000) % 5)
    assert np.corrcoef(folded, rate[key])[0, 1] > 0.95
    later = features.encoded_from(key, label, np.arange(50))
    assert np.abs(later - rate).max() < 0.08


@pytest.mark.parametrize("seed", range(3))
def test_in_time_it_is_the_smoothed_mean_of_what_is_strictly_earlier(seed):
    _, past = drawn(seed)
    past = past.set_axis(np.arange(len(past)) + 50)
    found = features.encoded_in_time(past, on=["user_id", "place"], label="clicked", rate=0.3, weight=5)
    assert found.index.equals(past.index)
    right = [(e["clicked"].sum() + 5 * 0.3) / (len(e) + 5) for e in earlier(past, past, ["user_id", "place"])]
    np.testing.assert_allclose(found, right)


def test_twenty_rows_are_the_weight_unless_told_otherwise():
    right = 21 * 0.5 / 21  # ten of twenty, and one more half
    key, label = np.repeat(["a"], 40), np.tile([0, 1], 20)
    assert features.encoded_from(key, label, ["a"])[0] == right
    assert features.encoded_from(["a", "b"], [1, 0], ["a"])[0] == pytest.approx((1 + 20 * 0.5) / 21)
    assert features.encoded_out_of_fold(["a", "a", "b"], [1, 0, 0], [0, 1, 1])[1] == pytest.approx((1 + 20) / 21)
    log = pd.DataFrame({"key": "a", "ts": at(0, 1), "label": [1, 0]})
    assert features.encoded_in_time(log, on="key", label="label", rate=0.0).tolist() == [0.0, 1 / 21]


def test_a_name_that_was_never_seen_gets_the_mean():
    assert features.encoded_from([1, 1, 2], [1, 0, 0], [9, 1], weight=3).round(6).tolist() == [0.333333, 0.4]
    assert len(features.encoded_from([1], [1], np.array([], dtype=int))) == 0


def test_one_class_alone_is_encoded_as_that_class():
    assert features.encoded_out_of_fold(["a", "b"], [1, 1], [0, 1]).tolist() == [1.0, 1.0]
    assert features.encoded_from(["a", "b"], [0, 0], ["a", "c"]).tolist() == [0.0, 0.0]


@pytest.mark.parametrize(("call", "message"), [
    (lambda: features.encoded_out_of_fold([1, 2], [0, 1], [3, 3]), "encoded_out_of_fold: 1 fold, and it takes two"),
    (lambda: features.encoded_out_of_fold([], [], []), "encoded_out_of_fold: 0 fold"),
    (lambda: features.encoded_out_of_fold([1, 2], [0], [3, 4]), r"differ.*key \(2,\), label \(1,\), fold \(2,\)"),
    (lambda: features.encoded_out_of_fold([[1]], [[0]], [[3]]), "shapes differ or are not of one dimension"),
    (lambda: features.encoded_out_of_fold(["a", None], [0, 1], [3, 4]), "encoded_out_of_fold: key is missing in 1 row"),
    (lambda: features.encoded_out_of_fold([1, 2], [0, np.nan], [3, 4]), "encoded_out_of_fold: label is missing"),
    (lambda: features.encoded_out_of_fold([1, 2], ["no", "yes"], [3, 4]), "out_of_fold: label holds no numbers"),
    (lambda: features.encoded_from(["a"], ["yes"], ["a"]), "encoded_from: past_label holds no numbers"),
    (lambda: features.encoded_from([], [], ["a"]), "encoded_from: there is no past row"),
    (lambda: features.encoded_from(["a"], [1, 0], ["a"]), "encoded_from: shapes differ"),
    (lambda: features.encoded_from(["a"], [1], ["a", None]), "encoded_from: key is missing in 1 row"),
    (lambda: features.encoded_from(["a"], [1], [3]), "encoded_from: key holds whole numbers and past_key texts"),
])  # fmt: skip
def test_what_cannot_be_encoded_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
