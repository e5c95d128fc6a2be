import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from mlsd_lib.metrics import mean


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
    monkeypatch.setattr("mlsd_lib.metrics._AT_ONCE", 250)
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
