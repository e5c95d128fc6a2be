"""Labels that come late: what is seen at a moment, and what can be said of what is not."""

import numpy as np
import pandas as pd
import pytest

from mlsd_lib.offline import labels
from mlsd_lib.worlds import chance

DAY = pd.Timedelta(days=1)
START = pd.Timestamp("2026-01-05", tz="UTC")


def clicks_at(days):
    return pd.DataFrame({"click_id": np.arange(len(days)), "ts": START + pd.to_timedelta(days, unit="D")})


def test_what_is_not_yet_seen_is_a_negative_and_said_to_be_unripe():
    clicks = clicks_at([0.0, 0.0, 4.0, 9.0, 11.0])
    bought = pd.DataFrame({"click_id": [0, 1, 2, 3], "ts": START + np.array([3, 8, 11, 10]) * DAY})
    found = labels.labels_at(clicks, bought, now=START + 11 * DAY, window=7 * DAY)
    assert found["click_id"].tolist() == [0, 1, 2, 3]  # the last one is made at `now`
    assert found["converted"].tolist() == [True, False, False, True]  # too late; at `now` itself
    assert found["ripe"].tolist() == [True, True, False, False]
    assert found["age_s"].tolist() == [11 * 86_400, 11 * 86_400, 7 * 86_400, 2 * 86_400]


def test_the_end_of_the_window_belongs_to_it_and_ripe_means_that_it_is_over():
    clicks = clicks_at([0.0])
    bought = pd.DataFrame({"click_id": [0], "ts": [START + 7 * DAY]})
    assert labels.labels_at(clicks, bought, now=START + 8 * DAY, window=7 * DAY)["converted"].tolist() == [True]
    assert labels.labels_at(clicks, bought, now=START + 7 * DAY, window=7 * DAY)["ripe"].tolist() == [False]
    later = bought.assign(ts=START + 7 * DAY + pd.Timedelta(seconds=1))
    assert labels.labels_at(clicks, later, now=START + 8 * DAY, window=7 * DAY)["converted"].tolist() == [False]


def test_the_first_conversion_counts_and_other_columns_stay():
    clicks = clicks_at([0.0, 0.0]).assign(ad="x")
    bought = pd.DataFrame({"click_id": [1, 1], "ts": [START + 30 * DAY, START + DAY]})
    found = labels.labels_at(clicks, bought, now=START + 40 * DAY, window=7 * DAY)
    assert found["converted"].tolist() == [False, True]
    assert found["ad"].tolist() == ["x", "x"]
    none = labels.labels_at(clicks, bought.head(0), now=START + 40 * DAY, window=7 * DAY)
    assert none["converted"].tolist() == [False, False]


def simulated(rate=0.1, mean_days=3.0, days=40, daily=2_000, seed=0):
    number = np.arange(days * daily)
    clicks = pd.DataFrame({"click_id": number, "ts": START + pd.to_timedelta(number / daily, unit="D")})
    delay = np.minimum(mean_days * chance.exponential(seed, "delay", number), 20)
    buys = chance.uniform(seed, "buys", number) < rate
    when = clicks["ts"] + pd.to_timedelta(delay, unit="D")
    return clicks, pd.DataFrame({"click_id": number[buys], "ts": when[buys]}), 86_400 * delay[buys]


def test_counting_what_has_come_so_far_misses_what_the_delays_say_and_the_correction_finds_it():
    clicks, bought, delays = simulated()
    fresh = labels.labels_at(clicks, bought, now=START + 40 * DAY, window=20 * DAY).query("age_s < 3 * 86_400")
    assert labels.rate(fresh) < 0.045  # of one in ten; three days of clicks, and three days is the mean delay
    assert labels.rate(fresh, delays) == pytest.approx(0.1, abs=0.012)


def test_old_clicks_need_no_correction():
    clicks, bought, delays = simulated(days=30, daily=500)
    found = labels.labels_at(clicks, bought, now=START + 90 * DAY, window=20 * DAY)
    assert found["ripe"].all()
    assert labels.rate(found) == labels.rate(found, delays) == pytest.approx(0.1, abs=0.01)


def test_the_share_seen_is_that_of_the_delays():
    delays = 86_400 * 3 * chance.exponential(0, "delay", np.arange(20_000))
    ages = 86_400 * np.array([[0.0, 1.0], [3.0, 9.0]])
    assert labels.seen_by(ages, delays) == pytest.approx(1 - np.exp(-ages / 86_400 / 3), abs=0.01)
    assert labels.seen_by([10, 9.99], [10]).tolist() == [1.0, 0.0]


def test_bad_input_is_refused():
    clicks, bought = clicks_at([0.0, 1.0]), pd.DataFrame({"click_id": [0], "ts": [START + DAY]})
    settings = {"now": START + 9 * DAY, "window": DAY}
    for wrong in (0 * DAY, -1 * DAY):
        with pytest.raises(ValueError, match="expected a time above 0"):
            labels.labels_at(clicks, bought, now=START, window=wrong)
    with pytest.raises(ValueError, match="click_id of an earlier row again in 1 row"):
        labels.labels_at(clicks.assign(click_id=1), bought, **settings)
    with pytest.raises(ValueError, match=r"1 row without a click \(first: click_id=5\)"):
        labels.labels_at(clicks, bought.assign(click_id=5), **settings)
    with pytest.raises(ValueError, match=r"1 row before its click \(first: click_id=1\)"):
        labels.labels_at(clicks, bought.assign(click_id=1, ts=START), **settings)
    with pytest.raises(ValueError, match="conversions: column 'ts' is missing"):
        labels.labels_at(clicks, bought[["click_id"]], **settings)
    with pytest.raises(ValueError, match="clicks: column 'click_id' is missing"):
        labels.labels_at(clicks[["ts"]], bought, **settings)
    for ages, delays in (([1.0], []), ([-1.0], [1.0]), ([1.0], [-1.0]), ([np.nan], [1.0]), ([1.0], [np.nan])):
        with pytest.raises(ValueError, match="at least 0 seconds, and at least one delay"):
            labels.seen_by(ages, delays)
    one = pd.DataFrame({"converted": [False], "age_s": [5.0]})
    with pytest.raises(ValueError, match="every click is younger than the shortest delay"):
        labels.rate(one, [10.0])
    with pytest.raises(ValueError, match="there is no row"):
        labels.rate(one.head(0))
    with pytest.raises(ValueError, match="converted is neither true nor false"):
        labels.rate(one.assign(converted=3))
