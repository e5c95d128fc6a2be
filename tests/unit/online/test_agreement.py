import numpy as np
import pandas as pd
import pytest
from scipy import stats

from mlsd_lib.online.agreement import agreement


def noisy(worth: np.ndarray, units: int, noise: float, seed: int) -> pd.DataFrame:
    """A row a unit: each candidate's worth, a unit's own level, and noise."""
    rng = np.random.default_rng(seed)
    values = worth + rng.normal(0, 1, (units, 1)) + rng.normal(0, noise, (units, len(worth)))
    return pd.DataFrame(values, columns=[f"candidate {number}" for number in range(len(worth))])


def test_the_correlation_is_spearmans_of_the_means() -> None:
    offline, online = noisy(np.arange(9.0), 50, 30.0, 1), noisy(np.arange(9.0), 80, 30.0, 2)
    offline.iloc[3:20, 4] = np.nan
    online = online.round(-1)  # ties
    found = agreement(offline, online)
    assert found.correlation == pytest.approx(stats.spearmanr(offline.mean(), online.mean()).statistic)
    assert found.low <= found.correlation <= found.high
    assert found.candidates == 9


def test_equal_and_opposite_orders() -> None:
    worth = np.array([0.1, 0.5, 0.3, 0.9])
    same, opposite = noisy(worth, 30, 0.0, 1), noisy(-worth, 30, 0.0, 2)
    for online, value in ((same, 1.0), (opposite, -1.0)):
        found = agreement(same, online)
        assert (found.correlation, found.low, found.high) == pytest.approx((value, value, value))


def test_it_says_what_the_choice_loses() -> None:
    offline = pd.DataFrame({"a": [3.0, 3.0], "b": [2.0, 2.0], "c": [1.0, 1.0]})
    online = pd.DataFrame({"c": [0.5, 0.7], "b": [0.9, 0.9], "a": [0.4, 0.8]})
    found = agreement(offline, online)
    assert (found.chosen, found.best, found.place) == ("a", "b", 2)
    assert found.lost == pytest.approx(0.3)
    assert str(found).startswith("rank correlation 0.00 (")
    assert str(found).endswith("offline prefers 'a', which is number 2 online and 0.3000 behind the best")


def test_units_that_say_nothing_of_a_candidate_are_left_out_of_its_mean() -> None:
    offline = pd.DataFrame({"a": [0.5, np.nan, np.nan], "b": [1.0, 1.0, 1.0], "c": [2.0, 2.0, 2.0]})
    online = pd.DataFrame({"a": [1.0, 1.0], "b": [2.0, 2.0], "c": [3.0, 3.0]})
    assert agreement(offline, online).correlation == pytest.approx(1.0)


def test_the_order_of_the_columns_does_not_matter() -> None:
    offline, online = noisy(np.arange(5.0), 40, 3.0, 1), noisy(np.arange(5.0), 40, 3.0, 2)
    assert agreement(offline, online) == agreement(offline, online[list(online)[::-1]])


def test_more_units_make_the_interval_narrower_and_it_holds_other_samples() -> None:
    worth = np.linspace(0, 1, 12)
    few, many = (agreement(noisy(worth, n, 2.0, 1), noisy(worth, n, 2.0, 2)) for n in (60, 2_000))
    assert many.high - many.low < (few.high - few.low) / 3
    others = [agreement(noisy(worth, 60, 2.0, 10 + s), noisy(worth, 60, 2.0, 90 + s)).correlation for s in range(20)]
    assert np.mean([few.low <= one <= few.high for one in others]) > 0.7


def test_bad_input_is_named() -> None:
    good = noisy(np.arange(4.0), 10, 1.0, 0)
    with pytest.raises(ValueError, match="same ones"):
        agreement(good, good.rename(columns={"candidate 0": "other"}))
    with pytest.raises(ValueError, match="same ones"):
        agreement(good.iloc[:, :2], good.iloc[:, :2])
    with pytest.raises(ValueError, match="same ones"):
        agreement(good, pd.concat([good, good["candidate 0"]], axis=1))
    with pytest.raises(ValueError, match="'candidate 1' has no value"):
        agreement(good.assign(**{"candidate 1": np.nan}), good)
    with pytest.raises(ValueError, match="online has 1 units"):
        agreement(good, good.head(1))
    with pytest.raises(ValueError, match="infinite"):
        agreement(good, good.replace(good.iloc[0, 0], np.inf))
    with pytest.raises(ValueError, match="same mean"):
        agreement(good * 0, good)
    with pytest.raises(ValueError, match="resamples=50"):
        agreement(good, good, resamples=50)
