"""Checks of the tables of search: documents, queries, judgments, requests, what was shown, and the log."""

from __future__ import annotations

import pandas as pd

from mlsd_lib.tables import checks


def documents(frame: pd.DataFrame) -> pd.DataFrame:
    """Check a table of documents.

    Args:
        frame: Columns `doc_id` (all integers or all strings, unique), `title` and `text` (strings, may be empty);
            where there are, `popularity` (a number of at least 0) and `place` (a string, "" for none).

    Returns:
        The documented columns first and in order, then any others as they were; a fresh index.

    Raises:
        ValueError: If the table is not a frame, has no row, lacks a column, repeats an id, or has a value that is
            not of its column's kind.

    Chapter: Your own tables in fifteen minutes.

    >>> documents(pd.DataFrame({"text": ["thin crust"], "title": ["Pizza"], "doc_id": [7], "price": [9.5]}))
       doc_id  title        text  price
    0       7  Pizza  thin crust    9.5
    """
    clean = checks.columns("documents", frame, ("doc_id", "title", "text", "popularity?", "place?"))
    if clean.empty:
        raise ValueError("documents: the table has no row. A system needs at least one document.")
    clean["doc_id"] = checks.ids("documents", clean, "doc_id")
    checks.unique("documents", clean, ["doc_id"])
    for column in ("title", "text", "place"):
        if column in clean:
            clean[column] = checks.texts("documents", clean, column, key="doc_id")
    if "popularity" in clean:
        todo = "Give 0 to a document of which nothing is known."
        show = ("doc_id", "popularity")
        clean["popularity"] = checks.not_negative("documents", clean, "popularity", show, todo)
    return clean


def queries(frame: pd.DataFrame) -> pd.DataFrame:
    """Check a table of queries.

    Args:
        frame: Columns `query_id` (all integers or all strings, unique) and `text` (strings, may be empty); where there
            is one, `place` (the searcher's, a string, "" for none).

    Returns:
        The documented columns first and in order, then any others as they were; a fresh index.

    Raises:
        ValueError: If the table is not a frame, lacks a column, repeats an id, or has a value that is not of its
            column's kind.

    Chapter: Your own tables in fifteen minutes.

    >>> queries(pd.DataFrame({"query_id": ["a"], "text": ["pizza"]}))
      query_id   text
    0        a  pizza
    """
    clean = checks.columns("queries", frame, ("query_id", "text", "place?"))
    clean["query_id"] = checks.ids("queries", clean, "query_id")
    checks.unique("queries", clean, ["query_id"])
    for column in ("text", "place"):
        if column in clean:
            clean[column] = checks.texts("queries", clean, column, key="query_id")
    return clean


def judgments(
    frame: pd.DataFrame, *, documents: pd.DataFrame | None = None, queries: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Check a table of judgments, and that its ids exist in the tables they point to.

    Args:
        frame: Columns `query_id`, `doc_id` and `grade` (a number of at least 0; 0 means irrelevant, higher is
            better). A pair is judged once.
        documents: Where every `doc_id` has to be found; not checked if left out.
        queries: Where every `query_id` has to be found; not checked if left out.

    Returns:
        The documented columns first and in order, then any others as they were; `grade` as float64; a fresh index.

    Raises:
        ValueError: If the table is not a frame, lacks a column, judges a pair twice, has a grade that is missing,
            infinite, negative or no number, or names an id that the other table lacks.

    Chapter: Your own tables in fifteen minutes.

    >>> judgments(pd.DataFrame({"query_id": [1], "doc_id": ["d901"], "grade": [3]}))
       query_id doc_id  grade
    0         1   d901    3.0
    """
    clean = checks.columns("judgments", frame, ("query_id", "doc_id", "grade"))
    clean["query_id"] = checks.ids("judgments", clean, "query_id")
    clean["doc_id"] = checks.ids("judgments", clean, "doc_id")
    show, todo = ("query_id", "doc_id", "grade"), "Code irrelevant as 0 and better grades higher."
    clean["grade"] = checks.not_negative("judgments", clean, "grade", show, todo)
    checks.unique("judgments", clean, ["query_id", "doc_id"])
    if documents is not None:
        checks.known(clean, "doc_id", documents, table="judgments", where="documents", show=("query_id", "doc_id"))
    if queries is not None:
        checks.known(clean, "query_id", queries, table="judgments", where="queries", show=("query_id", "doc_id"))
    return clean


def search_requests(frame: pd.DataFrame) -> pd.DataFrame:
    """Check a table of search requests.

    Args:
        frame: Columns `request_id` (all integers or all strings, unique) and `query` (strings, may be empty); where
            there are, `query_id` (no missing value) and `place` (the searcher's, a string, "" for none).

    Returns:
        The documented columns first and in order, then any others as they were; a fresh index.

    Raises:
        ValueError: If the table is not a frame, lacks a column, repeats a request, or has a value that is missing or
            not of its column's kind.

    Chapter: Your own tables in fifteen minutes.

    >>> search_requests(pd.DataFrame({"query": ["pizza", ""], "request_id": [10, 4]}))
       request_id  query
    0          10  pizza
    1           4
    """
    told = ("request_id", "user_id?", "session_id?", "ts?", "query_id?", "query", "place?")
    clean = checks.columns("requests", frame, told)
    clean["request_id"] = checks.ids("requests", clean, "request_id")
    checks.unique("requests", clean, ["request_id"])
    for column in ("query", "place"):
        if column in clean:
            clean[column] = checks.texts("requests", clean, column, key="request_id")
    if "query_id" in clean:
        clean["query_id"] = checks.ids("requests", clean, "query_id")
    return clean


def judged_requests(frame: pd.DataFrame) -> pd.DataFrame:
    """Check the two columns of requests that a metric needs to find their judgments.

    Args:
        frame: Columns `request_id` (unique) and `query_id`, each all integers or all strings.

    Returns:
        `request_id` and `query_id`; a fresh index.

    Raises:
        ValueError: If the table is not a frame, lacks a column, repeats a request, or has an id that is none.

    Chapter: Metrics.

    >>> judged_requests(pd.DataFrame({"request_id": [10], "query": ["pizza"], "query_id": ["a"]}))
       request_id query_id
    0          10        a
    """
    clean = checks.columns("requests", frame, ("request_id", "query_id"))[["request_id", "query_id"]]
    clean["request_id"] = checks.ids("requests", clean, "request_id")
    checks.unique("requests", clean, ["request_id"])
    clean["query_id"] = checks.ids("requests", clean, "query_id")
    return clean


def shown(frame: pd.DataFrame) -> pd.DataFrame:
    """Check a table of what was shown, from this library's systems or from a reader's own engine.

    Args:
        frame: Columns `request_id`, `doc_id` and `position` (integers counting from 1, no two alike within a
            request); where there is a `score`, it must be a number. Nothing is shown twice to one request.

    Returns:
        The documented columns first and in order, then any others as they were; a fresh index.

    Raises:
        ValueError: If the table is not a frame, lacks a column, or breaks one of the rules above.

    Chapter: Metrics.

    >>> shown(pd.DataFrame({"request_id": [1, 1], "doc_id": ["b", "a"], "position": [1, 2]}))
       request_id  position doc_id
    0           1         1      b
    1           1         2      a
    """
    clean = checks.columns("shown", frame, ("request_id", "position", "doc_id", "score?"))
    return checks.shown("shown", clean, "doc_id", ("score",))


def search_log(frame: pd.DataFrame, *, documents: pd.DataFrame | None = None) -> pd.DataFrame:
    """Check a log of search: a row for each document that was shown, with what became of it.

    Args:
        frame: Columns `request_id, query, position, doc_id` as in requests and in what was shown, and `clicked` (true
            or false, or 1 or 0). Where there are: `place` (a string), `dwell_s` (a number of at least 0, the seconds on
            what was clicked), `score` and `feature_...` (numbers).
        documents: Where every `doc_id` has to be found; not checked if left out.

    Returns:
        The documented columns first and in order, then any others as they were; `clicked` as bool; a fresh index.

    Raises:
        ValueError: If the table is not a frame, lacks a column, shows two documents at one place or one document
            twice to a request, or has a value that is not of its column's kind.

    Chapter: Search.

    >>> search_log(pd.DataFrame({"request_id": [1], "query": "taxi", "position": [1], "doc_id": ["b"], "clicked": [1]}))
       request_id query  position doc_id  clicked
    0           1  taxi         1      b     True
    """
    told = ("user_id?", "session_id?", "ts?", "query", "place?", "position", "doc_id", "score?", "clicked", "dwell_s?")
    clean = checks.shown("log", checks.columns("log", frame, ("request_id", *told)), "doc_id", ("score",))
    for column in ("query", "place"):
        if column in clean:
            clean[column] = checks.texts("log", clean, column, key="request_id")
    clean["clicked"] = checks.clicked("log", clean, what="document")
    if "dwell_s" in clean:
        todo = "Give the seconds that the visitor stayed, and 0 where nothing was clicked."
        clean["dwell_s"] = checks.not_negative("log", clean, "dwell_s", ("request_id", "doc_id", "dwell_s"), todo)
    for column in clean.columns:
        if str(column).startswith("feature_"):
            clean[column] = checks.numbers("log", clean, column)
    if documents is not None:
        checks.known(clean, "doc_id", documents, table="log", where="documents", show=("request_id", "doc_id"))
    return clean


def search_pairs(frame: pd.DataFrame) -> pd.DataFrame:
    """Check a table of the documents that a request is to choose from.

    Args:
        frame: Columns `request_id` and `doc_id` (each all integers or all strings), a pair once.

    Returns:
        The documented columns first and in order, then any others as they were; a fresh index.

    Raises:
        ValueError: If the table is not a frame, lacks a column, names a pair twice, or has an id that is none.

    Chapter: Search.

    >>> search_pairs(pd.DataFrame({"doc_id": ["b", "a"], "request_id": [1, 1]}))
       request_id doc_id
    0           1      b
    1           1      a
    """
    clean = checks.columns("pairs", frame, ("request_id", "doc_id"))
    clean["request_id"] = checks.ids("pairs", clean, "request_id")
    clean["doc_id"] = checks.ids("pairs", clean, "doc_id")
    checks.unique("pairs", clean, ["request_id", "doc_id"])
    return clean


def as_requests(queries: pd.DataFrame) -> pd.DataFrame:
    """One search request for each query, as an evaluation on a collection asks them.

    Args:
        queries: Columns `query_id` and `text`.

    Returns:
        Columns `request_id` (the query's id), `query_id` and `query` (its text).

    Raises:
        ValueError: If `queries` is not a sound table of queries.

    Chapter: Your own tables in fifteen minutes.

    >>> as_requests(pd.DataFrame({"query_id": ["a"], "text": ["pizza"]}))
      request_id query_id  query
    0          a        a  pizza
    """
    clean = _checked_queries(queries)
    return pd.DataFrame({"request_id": clean["query_id"], "query_id": clean["query_id"], "query": clean["text"]})


_checked_queries = queries  # `as_requests` has an argument of the same name
