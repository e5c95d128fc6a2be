import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlsd_lib import tables

DOCUMENTS = pd.DataFrame({"doc_id": ["d9", "d1"], "title": ["Pizza", ""], "text": ["crust", "x"]})
QUERIES = pd.DataFrame({"query_id": [17, 3], "text": ["pizza", ""]})
JUDGMENTS = pd.DataFrame({"query_id": [17, 17, 3], "doc_id": ["d9", "d1", "d1"], "grade": [3, 0, 1]})
REQUESTS = pd.DataFrame({"request_id": [5, 2], "query": ["pizza", ""]})
LOG = pd.DataFrame(
    {"request_id": [5, 5], "query": "pizza", "position": [1, 2], "doc_id": ["d9", "d1"], "clicked": [True, False]}
)
SHOWN = pd.DataFrame({"request_id": [5, 5], "position": [2, 1], "doc_id": ["d1", "d9"], "score": [0.5, 1.0]})

CHECKS = [
    (tables.documents, DOCUMENTS),
    (tables.queries, QUERIES),
    (tables.judgments, JUDGMENTS),
    (tables.search_requests, REQUESTS),
    (tables.shown, SHOWN),
    (tables.search_log, LOG.assign(dwell_s=[31.5, 0.0])),
]


def with_value(frame, column, row, value):
    """The frame with one value changed, whatever that does to the column's type."""
    values = frame[column].astype(object).tolist()
    values[row] = value
    return frame.assign(**{column: pd.Series(values, index=frame.index, dtype=object)})


@pytest.mark.parametrize(("check", "frame"), CHECKS)
def test_a_sound_table_keeps_its_rows_and_its_other_columns(check, frame):
    odd_index = frame.assign(extra=1.5).set_index(pd.Index(range(10, 10 + len(frame))))[["extra", *frame.columns]]
    clean = check(odd_index)
    assert list(clean.columns) == [*frame.columns, "extra"]
    assert clean.index.tolist() == list(range(len(frame)))
    for column in frame.columns:
        assert clean[column].tolist() == frame[column].tolist()


@pytest.mark.parametrize(("check", "frame"), CHECKS)
def test_the_given_table_is_not_changed(check, frame):
    before = frame.copy(deep=True)
    check(frame)
    pd.testing.assert_frame_equal(frame, before)


@pytest.mark.parametrize("wrong", [None, {"doc_id": [1]}, [1], "documents.csv", np.zeros((2, 3))])
@pytest.mark.parametrize(("check", "frame"), CHECKS)
def test_what_is_no_frame_is_refused(check, frame, wrong):
    with pytest.raises(ValueError, match=r"expected a pandas DataFrame .* got a"):
        check(wrong)


@pytest.mark.parametrize(("check", "frame"), CHECKS)
def test_a_missing_column_is_named(check, frame):
    column = frame.columns[1]
    with pytest.raises(ValueError, match=rf"1 column missing: {column} \(columns there: .*{frame.columns[0]}"):
        check(frame.drop(columns=column))


@pytest.mark.parametrize(("check", "frame"), CHECKS)
def test_a_column_that_exists_twice_is_named(check, frame):
    twice = pd.concat([frame, frame[[frame.columns[0]]]], axis=1)
    with pytest.raises(ValueError, match=f"column '{frame.columns[0]}' exists more than once"):
        check(twice)


@pytest.mark.parametrize(
    ("check", "frame", "column"),
    [
        (tables.documents, DOCUMENTS, "title"),
        (tables.documents, DOCUMENTS, "text"),
        (tables.queries, QUERIES, "text"),
        (tables.search_requests, REQUESTS, "query"),
    ],
)
@pytest.mark.parametrize("value", [None, float("nan"), pd.NA, 7, b"bytes", ["a"]])
def test_a_text_that_is_none_is_named_with_its_row(check, frame, column, value):
    key = frame[frame.columns[0]].tolist()[1]
    with pytest.raises(ValueError, match=rf"1 row has (no|a) {column}.*first: row 1, {frame.columns[0]}={key!r}"):
        check(with_value(frame, column, 1, value))


@pytest.mark.parametrize(
    ("check", "frame", "column"),
    [
        (tables.documents, DOCUMENTS, "doc_id"),
        (tables.queries, QUERIES, "query_id"),
        (tables.judgments, JUDGMENTS, "doc_id"),
        (tables.judgments, JUDGMENTS, "query_id"),
        (tables.search_requests, REQUESTS, "request_id"),
        (tables.shown, SHOWN, "doc_id"),
    ],
)
def test_ids_that_are_missing_mixed_or_no_ids_are_refused(check, frame, column):
    with pytest.raises(ValueError, match=rf"1 row has no {column} \(first: row 1"):
        check(with_value(frame, column, 1, None))
    other = 4 if isinstance(frame[column].iloc[0], str) else "four"
    with pytest.raises(ValueError, match=rf"1 row has a {column} that is no string, while the others are"):
        check(with_value(with_value(frame, column, slice(None), ["a", "b", "c"][: len(frame)]), column, 1, 4))
    with pytest.raises(ValueError, match=f"{column}"):
        check(with_value(frame, column, 1, other))
    floats = frame.assign(**{column: np.arange(len(frame)) + 0.5})
    with pytest.raises(ValueError, match=rf"all {len(frame)} values of {column} are of kind 'floating'"):
        check(floats)
    with pytest.raises(ValueError, match="boolean"):
        check(frame.assign(**{column: [True, False, True][: len(frame)]}))
    with pytest.raises(ValueError, match="beyond 64 bits"):
        check(frame.assign(**{column: pd.Series([2**70, 1, 2][: len(frame)], dtype=object)}))


@pytest.mark.parametrize(
    ("check", "frame", "what"),
    [
        (tables.documents, DOCUMENTS, r"documents: 1 row repeats a doc_id \(first: row 2, doc_id='d9'\)"),
        (tables.queries, QUERIES, r"queries: 1 row repeats a query_id \(first: row 2, query_id=17\)"),
        (tables.judgments, JUDGMENTS, r"judgments: 1 row repeats a pair of query_id and doc_id \(first: row 3"),
        (tables.search_requests, REQUESTS, r"requests: 1 row repeats a request_id \(first: row 2, request_id=5\)"),
        (tables.shown, SHOWN, r"shown: 1 row repeats a pair of request_id and position"),
    ],
)
def test_duplicates_are_counted_and_the_first_is_named(check, frame, what):
    with pytest.raises(ValueError, match=what):
        check(pd.concat([frame, frame.iloc[:1]]))


def test_a_document_shown_twice_to_one_request_is_refused():
    again = pd.concat([SHOWN, SHOWN.iloc[:1].assign(position=3)])
    with pytest.raises(ValueError, match="repeats a pair of request_id and doc_id"):
        tables.shown(again)


@pytest.mark.parametrize("value", [float("nan"), None, float("inf"), pd.NA])
def test_a_grade_or_score_that_is_missing_is_named(value):
    with pytest.raises(ValueError, match=r"judgments: 1 row has a grade .*first: row 1, query_id=17, doc_id='d1'"):
        tables.judgments(with_value(JUDGMENTS, "grade", 1, value))
    with pytest.raises(ValueError, match=r"shown: 1 row has a score .*first: row 1, request_id=5, doc_id='d9'"):
        tables.shown(with_value(SHOWN, "score", 1, value))


def test_grades_that_are_negative_or_no_numbers_are_refused():
    with pytest.raises(ValueError, match=r"judgments: 1 row has a negative grade .*grade=-1\)"):
        tables.judgments(JUDGMENTS.assign(grade=[3, 0, -1]))
    with pytest.raises(ValueError, match=r"2 rows have a grade that is no number .*grade='good'"):
        tables.judgments(JUDGMENTS.assign(grade=["good", 0, "bad"]))


@pytest.mark.parametrize(
    ("dwell", "what"),
    [
        ([31, -1], r"log: 1 row has a negative dwell_s \(first: row 1, request_id=5, doc_id='d1', dwell_s=-1\)"),
        (
            [None, 3.0],
            r"log: 1 row has a dwell_s that is missing or infinite \(first: row 0, request_id=5",
        ),
        ([float("inf"), 3.0], r"log: 1 row has a dwell_s that is missing or infinite \(first: row 0"),
        (["long", "short"], r"log: 2 rows have a dwell_s that is no number .*dwell_s='long'"),
        ([True, False], r"log: 2 rows have a dwell_s that is no number"),
    ],
)
def test_a_time_that_cannot_be_is_refused(dwell, what):
    with pytest.raises(ValueError, match=what):
        tables.search_log(LOG.assign(dwell_s=dwell))


def test_a_log_without_times_is_sound_and_whole_seconds_are_times():
    assert "dwell_s" not in tables.search_log(LOG)
    assert tables.search_log(LOG.assign(dwell_s=[31, 0]))["dwell_s"].tolist() == [31.0, 0.0]


@pytest.mark.parametrize("position", [0, -1, 1.5])
def test_positions_count_from_one(position):
    with pytest.raises(ValueError, match=r"1 row has a position that is none \(first: row 0, request_id=5"):
        tables.shown(SHOWN.assign(position=[position, 1]))


def test_judgments_must_point_to_documents_and_queries_that_exist():
    with pytest.raises(
        ValueError,
        match=r"judgments: 2 rows name a doc_id that documents does not have \(first: row 1, query_id=17, doc_id='d1'\)"
        r"\.\nAdd those to documents, or drop the rows with judgments\[judgments\.doc_id\.isin\(documents\.doc_id\)\]",
    ):
        tables.judgments(JUDGMENTS, documents=DOCUMENTS.iloc[:1])
    with pytest.raises(ValueError, match=r"1 row names a query_id that queries does not have \(first: row 2"):
        tables.judgments(JUDGMENTS, documents=DOCUMENTS, queries=QUERIES.iloc[:1])
    assert len(tables.judgments(JUDGMENTS, documents=DOCUMENTS, queries=QUERIES)) == 3


@pytest.mark.parametrize(("check", "frame"), CHECKS[1:])
def test_an_empty_table_keeps_its_columns(check, frame):
    clean = check(frame.iloc[:0])
    assert clean.empty
    assert set(clean.columns) == set(frame.columns)
    assert check(pd.DataFrame(columns=frame.columns)).empty


def test_an_empty_table_of_documents_is_refused():
    with pytest.raises(ValueError, match="documents: the table has no row"):
        tables.documents(DOCUMENTS.iloc[:0])


def test_categories_and_small_or_nullable_integers_are_ids_too():
    assert tables.queries(QUERIES.assign(query_id=pd.Categorical(["b", "a"])))["query_id"].tolist() == ["b", "a"]
    for dtype in ("int8", "uint32", "Int64"):
        clean = tables.queries(QUERIES.astype({"query_id": dtype}))
        assert clean["query_id"].dtype == np.int64


def test_a_request_without_its_query_id_is_refused_where_the_column_is_there():
    with pytest.raises(ValueError, match="requests: 1 row has no query_id"):
        tables.search_requests(REQUESTS.assign(query_id=["a", None]))


def test_requests_are_made_of_queries_in_their_order():
    requests = tables.as_requests(QUERIES)
    assert requests.to_dict("list") == {"request_id": [17, 3], "query_id": [17, 3], "query": ["pizza", ""]}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(st.text(), st.integers(), st.none(), st.floats(), st.booleans()), max_size=6))
def test_any_column_of_ids_gives_a_frame_or_a_value_error(ids):
    frame = pd.DataFrame({"query_id": pd.Series(ids, dtype=object), "text": ["x"] * len(ids)})
    sound = len(ids) == len(set(map(repr, ids))) and (
        all(isinstance(value, str) for value in ids)
        or all(type(value) is int and -(2**63) <= value < 2**63 for value in ids)
    )
    if sound:
        assert tables.queries(frame)["query_id"].tolist() == ids
    else:
        with pytest.raises(ValueError, match=r"^queries: "):
            tables.queries(frame)
