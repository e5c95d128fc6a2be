import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from mlsd_lib.metrics import apart, gap, mean, ratio, requests_needed, summary


def test_what_is_nan_is_left_out_and_counted():
    result = mean(pd.Series([1.0, np.nan, 0.0, 0.5, np.nan]))
    assert (result.value, result.counted, result.left_out) == (0.5, 3, 2)


def test_the_interval_is_that_of_scipy_within_the_noise_of_resampling():
    values = np.random.default_rng(1).beta(2, 3, size=400)
    ours = mean(pd.Series(values), resamples=4_000, seed=2)
    theirs = stats.bootstrap((values,), np.mean, n_resamples=4_000, method="percentile", rng=3).confidence_interval
    assert ours.low == pytest.approx(theirs.low, abs=0.0015)
    assert ours.high == pytest.approx(theirs.high, abs=0.0015)
    wide, narrow = mean(pd.Series(values), level=0.99), mean(pd.Series(values), level=0.5)
    assert wide.low < narrow.low < narrow.value < narrow.high < wide.high


def test_the_seed_decides_and_memory_blocks_do_not_show(monkeypatch):
    values = pd.Series(np.random.default_rng(1).random(100))
    assert mean(values, seed=4) == mean(values, seed=4)
    assert mean(values, seed=4) != mean(values, seed=5)
    whole = mean(values, seed=4)
    monkeypatch.setattr("mlsd_lib.metrics.noise._AT_ONCE", 250)
    assert mean(values, seed=4) == whole


@pytest.mark.parametrize("values", [[], [np.nan, np.nan]])
def test_the_mean_of_nothing_is_nan_and_says_so(values):
    result = mean(pd.Series(values, dtype="float64"))
    assert math.isnan(result.value)
    assert (result.counted, result.left_out) == (0, len(values))


def test_settings_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="level must be between 0 and 1"):
        mean(pd.Series([1.0]), level=95)
    with pytest.raises(ValueError, match="resamples must be at least 1"):
        mean(pd.Series([1.0]), resamples=0)


def test_a_ratio_weighs_units_by_their_bottom_and_resamples_units():
    """Against the delta method, whose interval is right for many units."""
    rng = np.random.default_rng(5)
    shown = pd.Series(rng.integers(1, 40, size=2_000))
    clicks = pd.Series(rng.binomial(shown, np.where(shown > 20, 0.05, 0.2)))
    found = ratio(clicks, shown, resamples=2_000, seed=1)
    assert found.value == clicks.sum() / shown.sum()
    assert abs((clicks / shown).mean() - found.value) > 0.03  # the mean of ratios is something else
    spread = (clicks - found.value * shown).std() / shown.mean() / math.sqrt(len(shown))
    assert found.low == pytest.approx(found.value - 1.96 * spread, abs=0.1 * spread)
    assert found.high == pytest.approx(found.value + 1.96 * spread, abs=0.1 * spread)
    narrow = ratio(clicks, shown, level=0.5, seed=1)
    assert found.low < narrow.low < found.value < narrow.high < found.high


def test_a_ratio_leaves_out_units_without_a_value_and_survives_empty_ones(monkeypatch):
    top, bottom = pd.Series([1, 2, np.nan, 0, 1]), pd.Series([2, 4, 5, 0, np.nan])
    found = ratio(top, bottom)
    assert (found.value, found.counted, found.left_out) == (0.5, 3, 2)
    assert (found.low, found.high) == (0.5, 0.5)  # a resample of the empty unit alone has no ratio and is passed over
    monkeypatch.setattr("mlsd_lib.metrics.noise._AT_ONCE", 7)
    assert ratio(top, bottom) == found


@pytest.mark.parametrize("bottom", [[0, 0], [3, -1]])
def test_a_ratio_of_nothing_is_refused(bottom):
    with pytest.raises(ValueError, match="nothing to divide by"):
        ratio(pd.Series([1, 0]), pd.Series(bottom))
    with pytest.raises(ValueError, match="top has 2 units and bottom 1"):
        ratio(pd.Series([1, 0]), pd.Series([1]))
    with pytest.raises(ValueError, match="ratio: level must be between 0 and 1"):
        ratio(pd.Series([1]), pd.Series([1]), level=1)


def test_the_summary_has_each_metric_with_its_own_units():
    ndcg, success = pd.Series([0.5, np.nan, 1.0]), pd.Series([1.0, 0.0, 1.0, 1.0])
    table = summary({"NDCG@10": ndcg, "session success": success}, seed=3)
    assert table.index.tolist() == ["NDCG@10", "session success"]
    assert table.columns.tolist() == ["value", "low", "high", "counted", "left_out"]
    assert table.loc["NDCG@10"].tolist() == list(vars(mean(ndcg, seed=3)).values())
    assert table.loc["session success", "value"] == 0.75
    with pytest.raises(ValueError, match="no metric given"):
        summary({})


def test_the_number_of_requests_gives_the_power_that_was_asked_for():
    spread, change = 0.3, 0.02
    for power in (0.5, 0.8, 0.95):
        n = requests_needed(spread, change, power=power)
        rng = np.random.default_rng(7)
        means = rng.normal(change, spread / math.sqrt(n), size=40_000)
        seen = np.abs(means) > 1.959964 * spread / math.sqrt(n)
        assert seen.mean() == pytest.approx(power, abs=0.01)
    assert requests_needed(spread, -change) == requests_needed(spread, change)
    assert requests_needed(1.0, 0.1, level=0.99) > requests_needed(1.0, 0.1) == 785
    assert 2 * requests_needed(1.0, 0.1) == pytest.approx(
        16 / 0.1**2, rel=0.02
    )  # the rule of thumb for each of two arms


@pytest.mark.parametrize(
    "wrong",
    [
        {"spread": 0},
        {"spread": math.inf},
        {"change": 0},
        {"change": math.nan},
        {"power": 0.4},
        {"power": 1},
        {"level": 0},
        {"level": 1},
    ],
)
def test_numbers_of_requests_that_cannot_be_are_refused(wrong):
    with pytest.raises(ValueError, match="requests_needed: spread="):
        requests_needed(**({"spread": 0.3, "change": 0.01} | wrong))


def test_the_gap_is_that_of_the_extreme_groups():
    rng = np.random.default_rng(2)
    groups = rng.choice(["a", "b", "c"], size=3_000, p=[0.2, 0.5, 0.3])
    values = pd.Series(rng.normal({"a": 0.7, "b": 0.5, "c": 0.4}[group], 0.3) for group in groups)
    found = gap(values, groups, seed=4)
    means = values.groupby(groups).mean()
    assert found.value == pytest.approx(means["a"] - means["c"])
    assert (found.strongest, found.weakest) == ("a", "c")
    spread = math.sqrt(sum(values[groups == g].var() / (groups == g).sum() for g in "ac"))
    assert found.low == pytest.approx(found.value - 1.96 * spread, abs=0.2 * spread)
    assert found.high == pytest.approx(found.value + 1.96 * spread, abs=0.2 * spread)
    assert found.by_chance < 0.06 < found.low
    holes = values.mask(np.arange(3_000) % 7 == 0)
    assert gap(holes, groups).value == pytest.approx(np.ptp(holes.groupby(groups).mean()))


def test_where_there_is_no_difference_the_gap_stays_below_chance_nineteen_times_in_twenty(monkeypatch):
    rng = np.random.default_rng(3)
    groups = np.repeat(["a", "b", "c", "d"], [300, 40, 40, 20])
    found = [gap(pd.Series(rng.normal(size=400)), groups, resamples=200, seed=turn) for turn in range(200)]
    below = np.mean([one.value <= one.by_chance for one in found])
    assert 0.91 <= below <= 0.985
    assert np.mean([one.value for one in found]) > 0.3  # the extremes of equal groups still look far apart
    values = pd.Series(rng.normal(size=400))
    whole = gap(values, groups, seed=1)
    monkeypatch.setattr("mlsd_lib.metrics.noise._AT_ONCE", 900)
    parts = gap(values, groups, seed=1)
    assert parts.value == whole.value
    assert parts.by_chance == pytest.approx(whole.by_chance, rel=0.2)


def test_gaps_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="2 values and 3 groups"):
        gap(pd.Series([1.0, 2.0]), ["a", "b", "c"])
    with pytest.raises(ValueError, match="1 group has a value"):
        gap(pd.Series([1.0, np.nan]), ["a", "b"])
    with pytest.raises(ValueError, match="gap: resamples must be at least 1"):
        gap(pd.Series([1.0, 2.0]), ["a", "b"], resamples=0)


def test_results_print_as_a_line():
    assert str(mean(pd.Series([0.25, 0.25, np.nan]))) == "0.250 (0.250 to 0.250), 2 requests, 1 left out"
    line = str(gap(pd.Series([1.0, 1.0, 0.0, 0.0]), ["x", "x", "y", "y"]))
    assert line == "1.000 (1.000 to 1.000) from y to x; by chance up to 1.000"


def test_arms_are_apart_by_the_statistic_of_welch():
    rng = np.random.default_rng(8)
    one, other = pd.Series(rng.normal(0, 1, size=80)), pd.Series(rng.normal(0.3, 2, size=120))
    wanted = stats.ttest_ind(other, one, equal_var=False).statistic
    assert apart(one, other) == pytest.approx(wanted)
    assert apart(other, one) == pytest.approx(-wanted)
    assert apart(pd.concat([one, pd.Series([np.nan])]), other) == pytest.approx(wanted)


def test_arms_that_cannot_be_compared_are_refused():
    with pytest.raises(ValueError, match="the arms have 2 and 1 values"):
        apart(pd.Series([1.0, 2.0]), pd.Series([1.0, np.nan]))
    with pytest.raises(ValueError, match="no value differs from another"):
        apart(pd.Series([1.0, 1.0]), pd.Series([2.0, 2.0]))


def test_the_defaults_are_ninety_five_per_cent_a_thousand_resamples_and_seed_zero():
    rng = np.random.default_rng(9)
    values, groups = pd.Series(rng.random(60)), np.repeat(["a", "b"], 30)
    assert mean(values) == mean(values, level=0.95, resamples=1_000, seed=0)
    assert ratio(values, values + 1) == ratio(values, values + 1, level=0.95, resamples=1_000, seed=0)
    assert gap(values, groups) == gap(values, groups, resamples=1_000, seed=0) != gap(values, groups, seed=1)
    assert summary({"x": values}).loc["x", "low"] == mean(values).low != summary({"x": values}, seed=1).loc["x", "low"]
    assert summary({"x": values}).index.name == "metric"
    assert mean(values, resamples=1).low == mean(values, resamples=1).high
    with pytest.raises(ValueError, match=r"mean: level must be between 0 and 1, got 0\."):
        mean(values, level=0)
    with pytest.raises(ValueError, match="ratio: resamples must be at least 1, got 0"):
        ratio(values, values, resamples=0)


def test_a_last_block_that_is_not_full_adds_no_resample(monkeypatch):
    values = pd.Series(np.random.default_rng(1).random(100))
    whole = mean(values, seed=4)
    monkeypatch.setattr("mlsd_lib.metrics.noise._AT_ONCE", 700)  # seven resamples at once, and a thousand in all
    assert mean(values, seed=4) == whole


def test_bottoms_may_be_fractions():
    found = ratio(pd.Series([0.1, 0.2, 0.1]), pd.Series([0.2, 0.4, 0.2]))
    assert (found.value, found.low, found.high) == (pytest.approx(0.5), pytest.approx(0.5), pytest.approx(0.5))


def test_the_mean_of_nothing_has_an_interval_of_nothing():
    nothing = mean(pd.Series([], dtype="float64"))
    assert math.isnan(nothing.low)
    assert math.isnan(nothing.high)
