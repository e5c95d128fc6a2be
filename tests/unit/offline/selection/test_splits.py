"""Splits: what is on which side, what is left out, and that nothing depends on the order of rows."""

import numpy as np
import pandas as pd
import pytest

from mlsd_lib.offline import selection
from mlsd_lib.worlds import chance


def log(rows=2_000, users=50):
    number = np.arange(rows)
    return pd.DataFrame(
        {
            "row": number,
            "ts": pd.Timestamp("2026-01-05", tz="UTC") + pd.to_timedelta((number * 7919) % 240, unit="h"),
            "user_id": (users * chance.uniform(0, "user", number)).astype(int),
            "query": [f"q{one}" for one in (30 * chance.uniform(0, "query", number)).astype(int)],
        }
    )


def test_a_moment_cuts_a_log_whose_rows_are_unsorted_and_share_times():
    at = pd.Timestamp("2026-01-10", tz="UTC")
    split = selection.split_by_time(log(), at)
    assert split.train["ts"].max() < at
    assert split.test["ts"].min() == at  # rows of exactly that moment are to judge by
    assert len(split.train) + len(split.test) == 2_000
    assert split.train["row"].is_monotonic_increasing
    assert split.left_out == {"in the gap": 0}
    assert str(split) == f"by time at {at}: {len(split.train):,} rows to learn from, {len(split.test):,} to judge by"


def test_a_gap_leaves_out_what_lies_in_it_and_counts_it():
    at, gap = pd.Timestamp("2026-01-10", tz="UTC"), pd.Timedelta(hours=24)
    split = selection.split_by_time(log(), at, gap=gap)
    assert split.train["ts"].max() < at - gap
    assert split.left_out["in the gap"] == 2_000 - len(split.train) - len(split.test) > 0
    assert f"{split.left_out['in the gap']} left out (in the gap)" in str(split)
    assert selection.split_by_time(log(), at, gap=pd.Timedelta(0)).left_out == {"in the gap": 0}
    numbers = selection.split_by_time(pd.DataFrame({"ts": [1, 2, 3, 4]}), at=4, gap=2)
    assert numbers.train["ts"].tolist() == [1]
    assert numbers.left_out == {"in the gap": 2}


def test_only_the_unseen_are_judged_where_that_is_asked():
    rows = pd.DataFrame({"ts": [1, 1, 2, 2, 2], "user_id": ["a", "b", "a", "c", "c"]})
    split = selection.split_by_time(rows, 2, unseen="user_id")
    assert split.test["user_id"].tolist() == ["c", "c"]
    assert split.left_out == {"in the gap": 0, "user_id is among the training rows": 1}


def test_a_key_keeps_to_one_side_whatever_else_is_in_the_table():
    rows = log()
    split = selection.split_by_key(rows, "user_id", share=0.3)
    assert not set(split.train["user_id"]) & set(split.test["user_id"])
    assert len(split.train) + len(split.test) == 2_000
    assert split.test["user_id"].nunique() == pytest.approx(0.3 * 50, abs=8)
    shorter = selection.split_by_key(rows.sample(500, random_state=0), "user_id", share=0.3)
    assert set(shorter.test["user_id"]) <= set(split.test["user_id"])
    both = selection.split_by_key(rows, "user_id", "query")
    assert set(both.train["user_id"]) & set(both.test["user_id"])
    pairs = [set(zip(side["user_id"], side["query"], strict=True)) for side in (both.train, both.test)]
    assert not pairs[0] & pairs[1]


def test_seeds_and_shares_say_which_keys():
    rows = log()
    first, other = (set(selection.split_by_key(rows, "query", seed=seed).test["query"]) for seed in (0, 1))
    assert first != other
    sizes = [len(selection.split_at_random(rows, share=share).test) for share in (0.1, 0.5)]
    assert sizes == [pytest.approx(200, abs=50), pytest.approx(1_000, abs=80)]
    assert len(selection.split_at_random(rows).test) == pytest.approx(400, abs=60)
    assert selection.split_at_random(rows).how == "at random"
    assert selection.split_by_key(rows, "user_id", "query").how == "by user_id, query"


def test_keys_may_be_times_numbers_or_text():
    rows = log().assign(share=lambda frame: frame["user_id"] / 7, day=lambda frame: frame["ts"].dt.floor("D"))
    for key in ("share", "day", "query"):
        split = selection.split_by_key(rows, key)
        assert not set(split.train[key]) & set(split.test[key])


def test_a_random_split_goes_by_the_label_of_a_row_and_not_by_its_place():
    rows = log()
    whole = selection.split_at_random(rows)
    part = selection.split_at_random(rows.sample(700, random_state=1))
    assert set(part.test["row"]) <= set(whole.test["row"])
    assert set(part.train["row"]) <= set(whole.train["row"])
    assert set(whole.train["user_id"]) == set(whole.test["user_id"])
    again = pd.concat([rows, rows])
    with pytest.raises(ValueError, match=r"2000 rows have the label of an earlier one .first: 0.. Number them"):
        selection.split_at_random(again)


@pytest.mark.parametrize(
    ("split", "words"),
    [
        (lambda rows: selection.split_by_time(rows, pd.Timestamp("2027-01-01", tz="UTC")), "no row is left to judge"),
        (lambda rows: selection.split_by_time(rows, pd.Timestamp("2025-01-01", tz="UTC")), "no row is left to learn"),
        (lambda rows: selection.split_by_time(rows, 3), "at=3 and gap=None do not fit ts, which holds datetime64"),
        (lambda rows: selection.split_by_time(rows, pd.Timestamp("2026-01-10")), "do not fit ts"),
        (lambda rows: selection.split_by_time(rows, pd.Timestamp("2026-01-10", tz="UTC"), gap=3), "do not fit ts"),
        (lambda rows: selection.split_by_time(rows, 5, column="row", gap=-1), "gap is -1; expected a length of at"),
        (lambda rows: selection.split_by_time(rows, 5, column="when"), "column 'when' is missing"),
        (lambda rows: selection.split_by_time(rows, 5, column="row", unseen="who"), "column 'who' is missing"),
        (lambda rows: selection.split_by_time(rows.assign(row=np.nan), 5, column="row"), "row is missing in 2000 rows"),
        (lambda rows: selection.split_by_key(rows), "no column named"),
        (lambda rows: selection.split_by_key(rows.assign(user_id=1), "user_id"), "split by user_id: no row is left"),
        (lambda rows: selection.split_by_key(rows, "user_id", share=0), "share is 0; expected a share between"),
        (lambda rows: selection.split_by_key(rows, "user_id", share=1), "share is 1; expected a share between"),
        (lambda rows: selection.split_at_random(rows, share=1.5), "share is 1.5"),
        (lambda rows: selection.split_at_random(rows[:0]), "no row is left to learn from .of 0"),
        (lambda rows: selection.split_by_key(rows.assign(user_id=None), "user_id"), "user_id is missing in 2000"),
    ],
)
def test_what_cannot_be_split_is_refused_and_says_why(split, words):
    with pytest.raises(ValueError, match=words):
        split(log())


def test_a_split_that_leaves_nothing_says_what_was_left_out():
    rows = pd.DataFrame({"ts": [1, 2], "user_id": [5, 5]})
    with pytest.raises(ValueError, match=r"of 2; left out: 1 user_id is among the training rows\). Choose another"):
        selection.split_by_time(rows, 2, unseen="user_id")
    with pytest.raises(
        ValueError, match=r"by time at 2: no row is left to learn from \(of 2; left out: 1 in the gap\)"
    ):
        selection.split_by_time(rows, 2, gap=1)
