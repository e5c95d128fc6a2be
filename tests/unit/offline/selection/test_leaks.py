"""Leaks: what stands on both sides, and columns that know the answer."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from mlsd_lib.offline import selection
from mlsd_lib.worlds import chance


def test_planted_copies_are_found_and_counted():
    number = np.arange(1_000)
    clean = pd.DataFrame({"event": number, "request_id": number, "ad_id": number % 7, "ts": number})
    copies = clean[chance.uniform(0, "twice", number) < 0.3].assign(event=lambda rows: rows["event"] + 10_000)
    split = selection.split_at_random(pd.concat([clean, copies], ignore_index=True))
    found = selection.leaks(split.train, split.test, same=["request_id", "ad_id"])
    known = set(split.train["request_id"])
    twice = [one in known for one in split.test["request_id"]]
    assert found["rows"].tolist() == [sum(twice)]
    assert found["share"].tolist() == [pytest.approx(np.mean(twice))]
    assert found["first"].tolist() == [split.test.index[twice.index(True)]]
    assert found["check"].tolist() == ["a copy (request_id, ad_id) is in train"]
    mended = selection.split_by_key(pd.concat([clean, copies], ignore_index=True), "request_id")
    assert selection.leaks(mended.train, mended.test, same=["request_id", "ad_id"])["rows"].tolist() == [0]


def test_values_have_to_stand_together_to_be_a_copy():
    train = pd.DataFrame({"user": [1, 2], "query": ["tent", "rug"]})
    test = pd.DataFrame({"user": [1, 1, 3], "query": ["rug", "tent", "tent"]}, index=[10, 11, 12])
    found = selection.leaks(train, test, same=["user", "query"], keys=["user", "query"]).set_index("check")
    assert found["rows"].to_dict() == {
        "a copy (user, query) is in train": 1,
        "user is in train": 2,
        "query is in train": 3,
    }
    assert found["first"].tolist() == [11, 10, 10]


def test_time_leaks_where_a_test_row_is_older_than_the_last_training_row():
    train, test = pd.DataFrame({"ts": [1, 5]}), pd.DataFrame({"ts": [4, 5, 6]})
    found = selection.leaks(train, test, time="ts")
    assert found["rows"].tolist() == [1]
    assert found["check"].tolist() == ["ts is before the last training row's"]
    clean = selection.leaks(train, test[1:], time="ts")
    assert clean["rows"].tolist() == [0]
    assert clean["first"].tolist() == [None]


def test_leaks_refuses_what_it_cannot_check():
    rows = pd.DataFrame({"user_id": [1, 2]})
    with pytest.raises(ValueError, match="nothing to check"):
        selection.leaks(rows, rows)
    with pytest.raises(ValueError, match="test has no row"):
        selection.leaks(rows, rows[:0], keys=["user_id"])
    with pytest.raises(ValueError, match="train has no row"):
        selection.leaks(rows[:0], rows, keys=["user_id"])
    with pytest.raises(ValueError, match="user_id holds 1 in train and '1' in test, so nothing would match"):
        selection.leaks(rows, rows.astype(str), same=["user_id"])
    times = pd.DataFrame({"ts": [pd.Timestamp("2026-01-05")]})
    with pytest.raises(ValueError, match="ts of train and of test cannot be compared"):
        selection.leaks(times, times.assign(ts=times["ts"].dt.tz_localize("UTC")), time="ts")
    with pytest.raises(ValueError, match="train: column 'query' is missing"):
        selection.leaks(rows, rows, keys=["query"])
    with pytest.raises(ValueError, match="test: user_id is missing in 1 row"):
        selection.leaks(rows, pd.DataFrame({"user_id": [1, None]}), keys=["user_id"])


def test_a_column_tells_as_much_as_scikit_learn_says():
    number = np.arange(500)
    clicked = chance.uniform(0, "clicked", number) < 0.3
    helps = np.round(clicked + chance.normal(0, "helps", number))  # with ties
    rows = pd.DataFrame({"clicked": clicked, "helps": helps, "hinders": -helps, "text": "x"})
    rows["ts"] = pd.Timestamp("2026-01-05") + pd.to_timedelta(helps, unit="h")
    rows["flag"] = helps > 0
    found = selection.telling(rows, "clicked").set_index("column")
    area = roc_auc_score(clicked, helps)
    assert found["auc"].drop(["text", "flag"]).tolist() == pytest.approx([area] * 3)
    assert found["auc"]["flag"] == pytest.approx(roc_auc_score(clicked, helps > 0))
    assert np.isnan(found["auc"]["text"])
    assert found["auc_missing"].tolist() == [0.5] * 5


def test_whether_a_value_is_missing_may_tell_all():
    clicked = np.array([True, False, True, False, False])
    rows = pd.DataFrame({"clicked": clicked, "bid": [1, 2, 3, 4, 5], "dwell": np.where(clicked, 3.0, np.nan)})
    found = selection.telling(rows, "clicked")
    assert found["column"].tolist() == ["dwell", "bid"]
    assert found["auc_missing"].tolist() == [1.0, 0.5]
    assert found["missing"].tolist() == [0.6, 0.0]
    assert np.isnan(found["auc"][0])  # of the rows that have one, all are clicked
    assert selection.telling(rows, "clicked", ["bid"])["column"].tolist() == ["bid"]


def test_telling_needs_two_classes_and_its_columns():
    rows = pd.DataFrame({"clicked": [1, 1], "bid": [1, 2]})
    with pytest.raises(ValueError, match="clicked is True in all 2 rows"):
        selection.telling(rows, "clicked")
    with pytest.raises(ValueError, match="clicked is False in all 2 rows"):
        selection.telling(rows.assign(clicked=0), "clicked")
    with pytest.raises(ValueError, match="neither true nor false in 2 rows"):
        selection.telling(rows.assign(clicked=7), "clicked")
    with pytest.raises(ValueError, match=r"column 'price' is missing .columns there: clicked, bid"):
        selection.telling(rows.assign(clicked=[0, 1]), "clicked", ["price"])
