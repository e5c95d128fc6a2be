"""The point-in-time join: everything that could make it see the future, and what it has to see."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest

from mlsd_lib.offline import features
from mlsd_lib.offline.features import history
from tests.unit.offline.features.tables import SECOND, START, at, drawn, earlier


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("on", [["user_id"], ["user_id", "place"], ["place"]])
def test_each_row_gets_the_last_strictly_earlier_event_of_its_key(seed, on):
    asked, past = drawn(seed)
    found = features.as_of(asked, past, on=on, columns=["value"])
    assert found.index.equals(asked.index)
    for (_, answer), row, events in zip(found.iterrows(), asked.itertuples(), earlier(asked, past, on), strict=True):
        if len(events):
            assert answer["value"] == events["value"].iloc[-1]
            assert answer["age_s"] == (row.ts - events["ts"].iloc[-1]).total_seconds() > 0
        else:
            assert np.isnan(answer["value"])
            assert np.isnan(answer["age_s"])


@pytest.mark.parametrize("seed", range(4))
def test_pandas_merge_asof_without_exact_matches_says_the_same(seed):
    rng = np.random.default_rng(seed)
    past = pd.DataFrame({"user_id": rng.integers(0, 50, 5_000), "ts": START + rng.permutation(9_000)[:5_000] * SECOND})
    past["value"] = rng.random(5_000)
    asked = pd.DataFrame({"user_id": rng.integers(0, 60, 3_000), "ts": START + rng.integers(0, 9_000, 3_000) * SECOND})
    theirs = pd.merge_asof(
        asked.reset_index().sort_values("ts", kind="stable"),
        past.sort_values("ts"),
        on="ts",
        by="user_id",
        allow_exact_matches=False,
    ).sort_values("index")
    found = features.as_of(asked, past, on="user_id")
    np.testing.assert_array_equal(found["value"], theirs["value"])
    assert 0 < found["value"].isna().sum() < len(found)


def test_the_future_can_be_anything_and_no_row_before_it_changes():
    asked, past = drawn(1)
    for moment in at(0, 7, 12, 24):
        known = asked[asked["ts"] <= moment]
        lied = past.copy()
        future = lied["ts"] >= moment
        lied.loc[future, "value"] = 999
        more = pd.concat([lied, lied[future].assign(value=-1), known.assign(value=-2, clicked=True)])
        before = features.as_of(known, past, on="user_id", columns=["value"])
        after = features.as_of(
            known, more[(more["value"] != -2) | (more["ts"] >= moment)], on="user_id", columns=["value"]
        )
        pd.testing.assert_frame_equal(before, after)
        gone = features.as_of(known, past[~future], on="user_id", columns=["value"])
        pd.testing.assert_frame_equal(before, gone)


def test_a_row_that_is_itself_an_event_does_not_see_itself_or_its_page():
    log = pd.DataFrame({"user_id": 1, "ts": at(0, 0, 5, 5), "clicked": [True, False, False, True]})
    found = features.as_of(log, log, on="user_id")
    assert found["clicked"].isna().tolist() == [True, True, False, False]
    assert found["clicked"].iloc[2:].tolist() == [False, False]  # of two at the same time, the one that stands last
    assert found["age_s"].iloc[2:].tolist() == [5.0, 5.0]


def test_a_nanosecond_is_enough_and_a_tie_in_another_unit_is_a_tie():
    asked = pd.DataFrame({"user_id": [1], "ts": at(5)})
    moment = pd.DataFrame({"user_id": [1], "value": ["seen"]})
    just_before = moment.assign(ts=at(5).as_unit("ns") - pd.Timedelta(1, unit="ns"))
    assert features.as_of(asked, just_before, on="user_id")["value"].tolist() == ["seen"]
    for unit in ("s", "ms", "us", "ns"):
        tied = moment.assign(ts=at(5).as_unit(unit))
        assert features.as_of(asked, tied, on="user_id")["value"].isna().all()


def test_the_same_instant_on_another_clock_is_a_tie():
    asked = pd.DataFrame({"user_id": [1, 1], "ts": at(0, 1)})
    past = pd.DataFrame({"user_id": [1], "ts": at(0).tz_convert("America/New_York"), "value": [3]})
    assert features.as_of(asked, past, on="user_id")["value"].isna().tolist() == [True, False]


def test_events_of_other_keys_at_neighbouring_times_stay_out():
    past = pd.DataFrame({"user_id": [1, 2, 3], "ts": at(4, 4, 4), "value": [1, 2, 3]})
    asked = pd.DataFrame({"user_id": [2, 3, 1, 9, 0], "ts": at(5, 4, 5, 5, 5)})
    found = features.as_of(asked, past, on="user_id")["value"]
    assert found.iloc[[0, 2]].tolist() == [2.0, 1.0]
    assert found.iloc[[1, 3, 4]].isna().all()


@pytest.mark.parametrize("kind", [int, str])
def test_events_of_a_key_that_no_row_has_but_that_lies_between_go_to_nobody(kind):
    past = pd.DataFrame({"user_id": [1, 2, 3, 4, 5, 6], "ts": at(0, 1, 2, 3, 4, 5), "value": [1, 2, 3, 4, 5, 6]})
    asked = pd.DataFrame({"user_id": [5, 3, 1], "ts": at(9, 9, 9)})
    past, asked = (table.assign(user_id=table["user_id"].astype(kind)) for table in (past, asked))
    assert features.as_of(asked, past, on="user_id")["value"].tolist() == [5, 3, 1]
    counted = features.windows(asked, past, on="user_id", last={"ever": features.EVER})["count_ever"]
    assert counted.tolist() == [1, 1, 1]


@pytest.mark.parametrize("seed", range(3))
def test_three_columns_of_three_to_seven_values_make_as_many_keys_as_there_are(seed):
    rng = np.random.default_rng(seed)

    def table(number):
        drawn_ = {name: rng.integers(0, most, number) for name, most in {"a": 5, "b": 3, "c": 7}.items()}
        return pd.DataFrame({**drawn_, "ts": at(*rng.integers(0, 50, number))})

    asked, past = table(80), table(900).assign(value=rng.random(900))
    found = features.as_of(asked, past, on=["a", "b", "c"])["value"]
    right = [events["value"].iloc[-1] if len(events) else np.nan for events in earlier(asked, past, ["a", "b", "c"])]
    np.testing.assert_array_equal(found, right)


def test_two_keys_that_read_alike_when_put_together_are_two():
    past = pd.DataFrame({"one": ["ab", "a"], "two": ["c", "bc"], "ts": at(0, 0), "value": [1, 2]})
    asked = pd.DataFrame({"one": ["a", "ab", "a"], "two": ["bc", "c", "c"], "ts": at(1, 1, 1)})
    found = features.as_of(asked, past, on=["one", "two"])["value"]
    assert found.iloc[:2].tolist() == [2.0, 1.0]
    assert np.isnan(found.iloc[2])


def test_where_all_rows_share_one_part_of_the_key_events_of_other_keys_still_stay_out():
    past = pd.DataFrame({"user_id": [1, 2, 1], "ad_id": [7, 7, 8], "ts": at(1, 2, 3), "value": [10, 20, 30]})
    asked = pd.DataFrame({"user_id": [1, 1], "ad_id": [7, 7], "ts": at(1, 9)})
    for on in (["user_id", "ad_id"], ["ad_id", "user_id"]):
        found = features.as_of(asked, past, on=on, columns=["value"])["value"]
        assert np.isnan(found.iloc[0])
        assert found.iloc[1] == 10


@pytest.mark.parametrize("ids", [
    np.array([-128, 127], dtype=np.int8), np.array([2**64 - 1, 2**64 - 2], dtype=np.uint64), pd.array([3, 4], "Int64"),
    [5, 6], [-(2**62), 2**62], [2**63 - 1, -(2**63)], ["u5", "u6"], [True, False],
])  # fmt: skip
def test_keys_may_be_any_ids(ids):
    ids = pd.Series(ids)
    past = pd.DataFrame(
        {"user_id": ids.iloc[[1, 0, 1]].reset_index(drop=True), "ts": at(3, 1, 2), "value": [30, 10, 20]}
    )
    asked = pd.DataFrame({"user_id": ids, "ts": at(9, 3)})
    assert features.as_of(asked, past, on="user_id")["value"].tolist() == [10.0, 20.0]


def test_a_categorical_key_finds_the_same_texts():
    past = pd.DataFrame({"keyword": pd.Categorical(["tent", "rug"]), "ts": at(0, 0), "value": [1, 2]})
    asked = pd.DataFrame({"keyword": ["rug", "tent", "bed"], "ts": at(1, 1, 1)})
    found = features.as_of(asked, past, on="keyword")["value"]
    other = asked.assign(keyword=pd.Categorical(asked["keyword"], categories=["bed", "rug", "lamp", "tent"]))
    pd.testing.assert_series_equal(features.as_of(other, past, on="keyword")["value"], found)
    assert found.iloc[:2].tolist() == [2.0, 1.0]
    assert np.isnan(found.iloc[2])


@pytest.mark.parametrize("block", [1, 7, 59, 60, 10_000])
def test_the_block_changes_nothing(block):
    asked, past = drawn(3)
    whole = features.as_of(asked, past, on=["user_id", "place"])
    pd.testing.assert_frame_equal(features.as_of(asked, past, on=["user_id", "place"], block=block), whole)


def test_memory_beyond_the_events_is_bounded_by_the_block():
    rng = np.random.default_rng(0)
    past = pd.DataFrame({"user_id": rng.integers(0, 9, 1_000), "ts": START + rng.integers(0, 999, 1_000) * SECOND})
    asked = pd.DataFrame({"user_id": rng.integers(0, 9, 100_000), "ts": START + rng.integers(0, 999, 100_000) * SECOND})
    past_sorted = history.sort("test", asked, past, "user_id", "ts", [])
    peak = {}
    for block in (10_000, 100_000):
        tracemalloc.start()
        for part in past_sorted.blocks(block):
            past_sorted.before(part)
        peak[block] = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak[10_000] < peak[100_000] / 5


@pytest.mark.parametrize("spread", [1, 10**3, 10**6, 10**9, 7 * 10**13])
def test_unsorted_times_are_sorted_whatever_their_unit_and_span(spread):
    rng = np.random.default_rng(spread % 97)
    when = START.value + rng.permutation(3_000) * spread
    past = pd.DataFrame({"user_id": rng.integers(0, 3, 3_000), "ts": pd.to_datetime(when, utc=True)})
    past["value"] = np.arange(3_000)
    asked = past[["user_id", "ts"]].sample(200, random_state=0)
    found = features.as_of(asked, past, on="user_id")
    in_order = past.sort_values("ts").groupby("user_id")["value"].shift()
    np.testing.assert_array_equal(found["value"], in_order.loc[asked.index])


def found_age(past):
    return features.as_of(past, past, on="user_id")["age_s"].iloc[1:].tolist()


def test_times_from_the_first_to_the_last_that_there_are_do_not_overflow():
    ends = pd.to_datetime([-(2**63) + 1, 2**63 - 1, 0], utc=True)
    past = pd.DataFrame({"user_id": 1, "ts": ends, "value": ["first", "last", "1970"]})
    found = features.as_of(past, past, on="user_id", columns=["value"])["value"]
    assert pd.isna(found.iloc[0])
    assert found.iloc[1:].tolist() == ["1970", "first"]
    assert found_age(past) == [2**63 / 1e9, (2**63 - 1) / 1e9]
    early = past.assign(ts=pd.to_datetime([-(2**63) + 1, -(2**63) + 1_000, -(2**63) + 2_000], utc=True))
    counted = features.windows(early, early, on="user_id", last={"ever": features.EVER})
    assert counted["count_ever"].tolist() == [0, 1, 2]


def test_no_rows_and_no_events_are_no_error():
    asked, past = drawn(0)
    none = features.as_of(asked, past.head(0), on="user_id", columns=["value"])
    assert none["value"].isna().all()
    assert len(none) == len(asked)
    assert len(features.as_of(asked.head(0), past, on=["user_id", "place"])) == 0
    assert len(features.as_of(asked.head(0), past.head(0), on="user_id")) == 0


def test_all_columns_are_fetched_and_keep_what_they_are():
    asked, past = drawn(0)
    found = features.as_of(asked, past, on="user_id")
    assert found.columns.tolist() == ["place", "value", "clicked", "age_s"]
    past = pd.DataFrame({"user_id": 1, "ts": at(0), "bought": at(9), "text": ["dry"]})
    found = features.as_of(pd.DataFrame({"user_id": [1, 2], "ts": at(1, 1)}), past, on="user_id")
    assert found["bought"].iloc[0] == at(9)[0]
    assert found["bought"].isna().tolist() == found["text"].isna().tolist() == [False, True]


def test_tables_are_left_as_they_were():
    asked, past = drawn(0)
    before = asked.copy(), past.copy()
    features.as_of(asked, past, on="user_id")
    features.windows(asked, past, on="user_id", last={"s": SECOND}, sums=["value"])
    pd.testing.assert_frame_equal(asked, before[0])
    pd.testing.assert_frame_equal(past, before[1])


def naive(frame):
    return frame.assign(ts=frame["ts"].dt.tz_localize(None))


@pytest.mark.parametrize(("change", "message"), [
    (lambda a, p: (a, p.drop(columns="ts")), r"events: column 'ts' is missing \(columns there: user_id, place,"),
    (lambda a, p: (a.drop(columns="user_id"), p), "rows: column 'user_id' is missing"),
    (lambda a, p: (a, p.assign(ts=p["ts"].where(p.index != 3))), r"events: ts is missing in 1 row \(first: row 3\)"),
    (lambda a, p: (a.assign(ts=pd.NaT), p), "rows: ts is missing in 60 rows"),
    (lambda a, p: (a.assign(user_id=[None, *a["user_id"][1:]]), p), "rows: user_id is missing in 1 row"),
    (lambda a, p: (naive(a), p), "rows: ts has no time zone, and that of the other table has one"),
    (lambda a, p: (a, naive(p)), r"events: ts has no time zone.*events\['ts'\].dt.tz_localize\('UTC'\)"),
    (lambda a, p: (a.assign(ts=a["ts"].astype(str)), p), r"rows: ts holds (str|object), and timestamps were expected"),
    (lambda a, p: (a, p.assign(ts=p["ts"].astype("int64"))), r"events: ts holds int64.*pd.to_datetime\(events\['ts'\]"),
    (lambda a, p: (a, p.assign(user_id=p["user_id"].astype(str))), "events: user_id holds texts and that of rows"),
    (lambda a, p: (a.assign(user_id=a["user_id"].astype(str)), p), "events: user_id holds whole numbers and that"),
    (lambda a, p: (a, p.assign(user_id=p["user_id"] + 0.5)), "events: user_id holds floating and that of rows whole"),
    (lambda a, p: (a, p.assign(age_s=1.0)), "events: the column 'age_s' would be overwritten"),
    (lambda a, p: (a, [1]), "events: expected a pandas DataFrame"),
])  # fmt: skip
def test_what_cannot_be_joined_is_refused(change, message):
    asked, past = change(*drawn(0))
    with pytest.raises(ValueError, match=message):
        features.as_of(asked, past, on="user_id")


def test_both_without_a_zone_are_compared_as_they_are():
    asked, past = drawn(2)
    found = features.as_of(naive(asked), naive(past), on="user_id", columns=["value"])
    pd.testing.assert_frame_equal(found, features.as_of(asked, past, on="user_id", columns=["value"]))


@pytest.mark.parametrize(("options", "message"), [
    ({"on": []}, r"as_of: on=\[\]; expected one or more columns"),
    ({"on": ["user_id", "user_id"]}, "expected one or more columns, each once"),
    ({"on": ["user_id", "ts"]}, "none of them 'ts'"),
    ({"on": "user_id", "columns": ["price"]}, "events: column 'price' is missing"),
    ({"on": "user_id", "block": 0}, "as_of: block is 0; expected a whole number of at least 1"),
    ({"on": "user_id", "block": True}, "block is True"),
    ({"on": "user_id", "block": 2.0}, "block is 2.0"),
])  # fmt: skip
def test_settings_that_mean_nothing_are_refused(options, message):
    asked, past = drawn(0)
    with pytest.raises(ValueError, match=message):
        features.as_of(asked, past, **options)


def test_a_missing_value_in_a_fetched_column_is_passed_on_and_not_refused():
    past = pd.DataFrame({"user_id": 1, "ts": at(0, 1), "bid": [0.2, np.nan]})
    found = features.as_of(pd.DataFrame({"user_id": [1, 1], "ts": at(1, 2)}), past, on="user_id", columns=["bid"])
    assert found["bid"].iloc[0] == 0.2
    assert found["age_s"].tolist() == [1.0, 1.0]
    assert np.isnan(found["bid"].iloc[1])


def test_a_job_knows_what_happened_before_its_last_finished_start():
    hour, day = pd.Timedelta(hours=1), pd.Timedelta(days=1)
    times = pd.Series(START + np.array([0, 1, 12, 13, 36, 37]) * hour, index=[9, 8, 7, 6, 5, 4], name="ts")
    nightly = features.refreshed(times, every=day)
    assert nightly.index.equals(times.index)
    assert ((nightly - START) // day).tolist() == [0, 0, 0, 0, 1, 1]
    slow = features.refreshed(times, every=day, takes=13 * hour)
    assert ((slow - START) // day).tolist() == [-1, -1, -1, 0, 0, 1]
    assert features.refreshed(times, every=hour).tolist() == times.tolist()
    assert nightly.name == "ts"
    assert (
        features.refreshed(naive(times.to_frame())["ts"], every=day).tolist() == nightly.dt.tz_localize(None).tolist()
    )


def test_a_job_does_not_mind_the_change_of_a_local_clock():
    twice = pd.Series(pd.to_datetime(["2026-10-25 00:30", "2026-10-25 01:30"], utc=True).tz_convert("Europe/Brussels"))
    found = features.refreshed(twice, every=pd.Timedelta(hours=1))
    assert found.dt.tz_convert("UTC").dt.hour.tolist() == [0, 1]
    assert str(found.dt.tz) == "Europe/Brussels"


@pytest.mark.parametrize(("options", "message"), [
    ({"every": pd.Timedelta(0)}, "every is 0 days"),
    ({"every": SECOND, "takes": -SECOND}, "takes -1 days"),
])  # fmt: skip
def test_a_job_needs_durations(options, message):
    with pytest.raises(ValueError, match=message):
        features.refreshed(pd.Series(at(0)), **options)


def test_times_of_a_job_are_timestamps():
    with pytest.raises(ValueError, match="refreshed: ts holds int64, and timestamps"):
        features.refreshed(pd.Series([1, 2]), every=SECOND)
    with pytest.raises(ValueError, match="refreshed: ts is missing in 1 row"):
        features.refreshed(pd.Series([START, pd.NaT]), every=SECOND)


def test_large_whole_numbers_are_not_rounded_in_silence():
    past = pd.DataFrame({"user_id": [1, 1], "ts": at(0, 1), "ad_id": [2**53 + 1, -(2**60) - 1]})
    asked = pd.DataFrame({"user_id": [1, 1], "ts": at(1, 2)})
    found = features.as_of(asked, past, on="user_id")["ad_id"]
    assert found.tolist() == past["ad_id"].tolist()  # none is missing, so they stay whole numbers
    other = pd.concat([asked, asked.assign(user_id=2)])
    with pytest.raises(ValueError, match=r"events: ad_id holds numbers up to 1152921504606846977.*astype\('Int64'\)"):
        features.as_of(other, past, on="user_id")
    with pytest.raises(ValueError, match="events: ad_id holds numbers up to"):
        features.top_values(other, past, on="user_id", column="ad_id", k=1)
    kept = features.as_of(other, past.astype({"ad_id": "Int64"}), on="user_id")["ad_id"]
    assert kept.iloc[:2].tolist() == past["ad_id"].tolist()
    assert kept.iloc[2:].isna().all()
    small = features.as_of(other, past.assign(ad_id=[2**53, -(2**53)]), on="user_id")["ad_id"]
    assert small.iloc[:2].tolist() == [2**53, -(2**53)]


@pytest.mark.parametrize(("since", "kept", "dtype"), [
    ([0, 3 * 10**9, 10**9], [0, 3, 1], "uint32"),
    ([0, 3 * 10**9, 10**6], [0, 3_000, 1], "uint32"),
    ([0, 3 * 10**9, 10**3], [0, 3_000_000, 1], "uint32"),
    ([0, 3 * 10**9, 1], [0, 3 * 10**9, 1], "uint64"),
    ([0, (2**32 - 1) * 10**9], [0, 2**32 - 1], "uint32"),
    ([0, 2**32 * 10**9], [0, 2**32], "uint64"),
    ([0] * 1_000 + [10**9 + 1], [0] * 1_000 + [10**9 + 1], "uint64"),  # what the first thousand do not show
])  # fmt: skip
def test_times_are_sorted_in_the_largest_unit_that_loses_nothing(since, kept, dtype):
    found = history.shrunk(np.array(since, dtype=np.uint64))
    assert found.tolist() == kept
    assert found.dtype == dtype
