"""Resampling and paired tests: against loops, SciPy, closed formulas, and how often the truth is inside."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import poisson, ttest_rel

from mlsd_lib.offline import selection
from mlsd_lib.offline.selection import testing
from mlsd_lib.worlds import chance


def judged(requests=400, models=3, seed=0, shared=1.0, lead=0.0):
    """Values with a part that all models share, since some requests are hard for all."""
    number = np.arange(requests)[:, None]
    hard = shared * chance.normal(seed, "hard", number)
    own = 0.5 * chance.normal(seed, "own", number, np.arange(models))
    return pd.DataFrame(hard + own + lead * np.arange(models), columns=[f"m{one}" for one in range(models)])


def test_a_byte_of_chance_gives_weights_like_a_poisson_count():
    weight = np.array([sum(byte < level for level in testing.LEVELS) for byte in range(256)])
    assert weight.mean() == 1
    assert weight.var() == 1
    assert ((weight - 1) ** 3).mean() == pytest.approx(1, abs=0.01)
    share = np.bincount(weight) / 256
    assert share == pytest.approx(poisson.pmf(np.arange(6), 1), abs=0.02)


def test_resampled_means_spread_like_those_of_a_plain_bootstrap():
    values = judged()
    ours = selection.resampled(selection.scores(values), resamples=4_000)
    rng = np.random.default_rng(1)
    number = values.to_numpy()
    theirs = np.array([number[rng.integers(400, size=400)].mean(axis=0) for _ in range(4_000)])
    assert ours.mean(axis=0) == pytest.approx(number.mean(axis=0), abs=0.005)
    assert np.cov(ours.T) == pytest.approx(np.cov(theirs.T), rel=0.12)
    assert np.quantile(ours, [0.025, 0.975], axis=0) == pytest.approx(
        np.quantile(theirs, [0.025, 0.975], axis=0), abs=0.01
    )


def test_a_skewed_metric_gives_a_skewed_interval_as_a_plain_bootstrap_does():
    values = pd.DataFrame({"spend": np.exp(1.5 * chance.normal(0, "spend", np.arange(100)))})
    ours = selection.resampled(selection.scores(values), resamples=20_000)[:, 0]
    rng = np.random.default_rng(2)
    theirs = values["spend"].to_numpy()[rng.integers(100, size=(20_000, 100))].mean(axis=1)
    ends = [0.025, 0.975]
    assert np.quantile(ours, ends) == pytest.approx(np.quantile(theirs, ends), rel=0.03)


@pytest.mark.parametrize("rows", [203, 400])
def test_memory_is_bounded_and_changes_nothing(rows):
    found = selection.scores(judged(rows))
    whole = selection.resampled(found, resamples=250, seed=5)
    for at_once in (1, 1_000, 10**9):
        assert np.array_equal(
            whole.round(12), selection.resampled(found, resamples=250, seed=5, at_once=at_once).round(12)
        )
    assert len(np.unique(whole[:, 0])) == 250
    assert not np.allclose(whole, selection.resampled(found, resamples=250, seed=6))


def test_an_interval_holds_the_truth_as_often_as_it_says():
    inside = []
    for seed in range(300):
        values = judged(100, 1, seed=seed)
        low, high = np.quantile(selection.resampled(selection.scores(values), seed=seed), [0.025, 0.975])
        inside.append(low <= 0 <= high)
    assert np.mean(inside) == pytest.approx(0.94, abs=0.03)


def test_rows_of_one_user_are_drawn_together():
    # Rows of a user are correlated by 0.2, so 20 of them vary sqrt(1 + 19 * 0.2) times as much as separate ones.
    user = np.repeat(np.arange(400), 20)
    number = np.arange(len(user))
    value = np.sqrt(0.2) * chance.normal(0, "user", user) + np.sqrt(0.8) * chance.normal(0, "row", number)
    values = pd.DataFrame({"m": value})
    spread = [selection.resampled(selection.scores(values, unit)).std() for unit in (user, None)]
    assert spread[0] / spread[1] == pytest.approx(np.sqrt(1 + 19 * 0.2), rel=0.12)


def test_units_of_unequal_size_count_by_their_rows():
    user = np.repeat([*range(30)], [1] * 29 + [100])
    values = pd.DataFrame({"m": np.where(user == 29, 1.0, 0.0)})
    found = selection.scores(values, user)
    assert found.means.tolist() == [pytest.approx(100 / 129)]
    assert found.rows.tolist() == [1.0] * 29 + [100.0]
    drawn = selection.resampled(found, resamples=3_000)[:, 0]
    never = np.isclose(drawn, 0, atol=1e-9).mean()  # the large user was not drawn
    assert never == pytest.approx(93 / 256, abs=0.03)


def test_every_pair_is_tested_as_scipy_tests_one():
    values = judged(120, 4, lead=0.02)
    found = selection.scores(values)
    table = selection.pairs(found)
    assert len(table) == 6
    for row in table.itertuples():
        one, other = values.iloc[:, row.better], values.iloc[:, row.worse]
        theirs = ttest_rel(one, other)
        assert row.p == pytest.approx(theirs.pvalue, rel=1e-9)
        assert row.difference == pytest.approx((one - other).mean())
        assert row.difference >= 0
        wide = np.sqrt(one.var() + other.var()) / (one - other).std()
        assert row.unpaired == pytest.approx(wide)
    assert table["p_corrected"].to_numpy() == pytest.approx(selection.holm(table["p"]))


def test_paired_tests_of_users_reject_equal_models_as_seldom_as_they_say():
    user, rejected, rowwise = np.repeat(np.arange(60), 10), [], []
    for seed in range(400):
        number = np.arange(600)
        likes = chance.normal(seed, "likes", user[:, None], np.arange(2))
        values = pd.DataFrame(likes + chance.normal(seed, "row", number[:, None], np.arange(2)))
        rejected.append(selection.pairs(selection.scores(values, user))["p"][0] <= 0.05)
        rowwise.append(selection.pairs(selection.scores(values))["p"][0] <= 0.05)
    assert np.mean(rejected) == pytest.approx(0.05, abs=0.025)
    assert np.mean(rowwise) > 0.3


def test_copies_of_a_model_do_not_differ_and_a_constant_lead_is_certain():
    values = judged(50, 1)
    table = selection.pairs(selection.scores(values.assign(copy=values["m0"], better=values["m0"] + 0.1)))
    assert table["difference"].tolist() == pytest.approx([0.1, 0.1, 0.0])
    assert table["p"].tolist() == [0.0, 0.0, 1.0]


def test_holm_is_the_published_procedure():
    # Five tests at 0.05: thresholds 0.01, 0.0125, 0.0167, 0.025, 0.05, stopping at the first that fails.
    p = np.array([0.012, 0.001, 0.2, 0.016, 0.02])
    found = selection.holm(p)
    assert (found <= 0.05).tolist() == [True, True, False, True, True]
    assert found.tolist() == pytest.approx([0.048, 0.005, 0.2, 0.048, 0.048])
    assert selection.holm([0.6, 0.7]).tolist() == [1.0, 1.0]
    with_none = selection.holm([0.02, np.nan, 0.03])
    assert with_none[[0, 2]].tolist() == pytest.approx([0.04, 0.04])
    assert np.isnan(with_none[1])
    assert selection.holm([]).tolist() == []
    for wrong in ([1.2], [-0.1], [[0.1]]):
        with pytest.raises(ValueError, match="expected probabilities from 0 to 1"):
            selection.holm(wrong)


def test_rows_that_some_model_has_no_value_for_are_left_out_for_all_and_counted():
    values = judged(30, 2)
    values.iloc[3, 0] = values.iloc[4, 1] = np.nan
    found = selection.scores(values)
    assert found.left_out == 2
    assert found.models == ("m0", "m1")
    assert found.means.tolist() == pytest.approx(values.dropna().mean().tolist())
    assert len(found.rows) == 28


@pytest.mark.parametrize(
    ("values", "unit", "words"),
    [
        (pd.DataFrame({"a": [1.0] * 19}), None, "19 units have a value for every model .0 of 19 rows were left out"),
        (pd.DataFrame({"a": [1.0] * 40}), [1, 2] * 20, "2 units have a value"),
        (pd.DataFrame({"a": [np.nan] * 40}), None, "0 units have a value for every model .40 of 40"),
        (pd.DataFrame({"a": [1.0] * 39 + [np.inf]}), None, "1 row have an infinite value .first: row 39, model 'a'"),
        (pd.DataFrame({"a": [1.0] * 40}), [1] * 39, "40 rows and 39 units"),
        (pd.DataFrame({"a": [1.0] * 40}), [1] * 39 + [None], "1 rows have no unit"),
        (pd.DataFrame({"a": [1.0] * 40}), ["q"] * 39 + [np.nan], "1 rows have no unit"),
        (pd.DataFrame(index=range(40)), None, "expected a frame"),
        ([1.0] * 40, None, "expected a frame"),
        (pd.DataFrame([[1.0, 2.0]] * 40, columns=["a", "a"]), None, "two models are named 'a'"),
    ],
)
def test_unsound_values_are_refused(values, unit, words):
    with pytest.raises(ValueError, match=words):
        selection.scores(values, unit)


def test_settings_out_of_range_are_refused():
    found = selection.scores(judged(20, 1))
    with pytest.raises(ValueError, match=r"resamples=99 \(at least 100\)"):
        selection.resampled(found, resamples=99)
    with pytest.raises(ValueError, match=r"at_once=0 \(at least 1\)"):
        selection.resampled(found, at_once=0)
    assert selection.resampled(found, resamples=100).shape == (100, 1)
    with pytest.raises(ValueError, match="1 model, and a comparison takes two"):
        selection.pairs(found)
