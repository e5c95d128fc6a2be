"""Light checks of the documented tables: a clean frame comes back, or an error that a reader can act on.

Everything that takes a reader's table passes it through here once, at the edge. The checks are the ones whose absence
would give silent nonsense later: a missing column, an id that joins to nothing, a text that is no text, a NaN.
An error names the table, the column, how many rows, the first of them, and what to do.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Any, NoReturn

import numpy as np
import pandas as pd


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
    clean = _columns("documents", frame, ("doc_id", "title", "text", "popularity?", "place?"))
    if clean.empty:
        raise ValueError("documents: the table has no row. A system needs at least one document.")
    clean["doc_id"] = _ids("documents", clean, "doc_id")
    _unique("documents", clean, ["doc_id"])
    for column in ("title", "text", "place"):
        if column in clean:
            clean[column] = _texts("documents", clean, column, key="doc_id")
    if "popularity" in clean:
        clean["popularity"] = _numbers("documents", clean, "popularity")
        negative = clean["popularity"].to_numpy() < 0
        if negative.any():
            todo = "Give 0 to a document of which nothing is known."
            _refuse("documents", clean, negative, "have a negative popularity", ("doc_id", "popularity"), todo)
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
    clean = _columns("queries", frame, ("query_id", "text", "place?"))
    clean["query_id"] = _ids("queries", clean, "query_id")
    _unique("queries", clean, ["query_id"])
    for column in ("text", "place"):
        if column in clean:
            clean[column] = _texts("queries", clean, column, key="query_id")
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
    clean = _columns("judgments", frame, ("query_id", "doc_id", "grade"))
    clean["query_id"] = _ids("judgments", clean, "query_id")
    clean["doc_id"] = _ids("judgments", clean, "doc_id")
    clean["grade"] = _numbers("judgments", clean, "grade")
    negative = clean["grade"].to_numpy() < 0
    if negative.any():
        _refuse(
            "judgments",
            clean,
            negative,
            "have a negative grade",
            ("query_id", "doc_id", "grade"),
            "Code irrelevant as 0 and better grades higher.",
        )
    _unique("judgments", clean, ["query_id", "doc_id"])
    if documents is not None:
        known(clean, "doc_id", documents, table="judgments", where="documents", show=("query_id", "doc_id"))
    if queries is not None:
        known(clean, "query_id", queries, table="judgments", where="queries", show=("query_id", "doc_id"))
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
    clean = _columns("requests", frame, told)
    clean["request_id"] = _ids("requests", clean, "request_id")
    _unique("requests", clean, ["request_id"])
    for column in ("query", "place"):
        if column in clean:
            clean[column] = _texts("requests", clean, column, key="request_id")
    if "query_id" in clean:
        clean["query_id"] = _ids("requests", clean, "query_id")
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
    clean = _columns("requests", frame, ("request_id", "query_id"))[["request_id", "query_id"]]
    clean["request_id"] = _ids("requests", clean, "request_id")
    _unique("requests", clean, ["request_id"])
    clean["query_id"] = _ids("requests", clean, "query_id")
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
    clean = _columns("shown", frame, ("request_id", "position", "doc_id", "score?"))
    return _shown("shown", clean)


def search_log(frame: pd.DataFrame, *, documents: pd.DataFrame | None = None) -> pd.DataFrame:
    """Check a log of search: a row for each document that was shown, with what became of it.

    Args:
        frame: Columns `request_id, query, position, doc_id` as in requests and in what was shown, and `clicked` (true
            or false, or 1 or 0). Where there are: `place` (a string), `score` and `feature_...` (numbers).
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
    clean = _shown("log", _columns("log", frame, ("request_id", *told)))
    for column in ("query", "place"):
        if column in clean:
            clean[column] = _texts("log", clean, column, key="request_id")
    clicked = clean["clicked"]
    if not pd.api.types.is_bool_dtype(clicked.dtype) or clicked.isna().any():
        odd = ~clicked.isin([0, 1]).to_numpy()
        if odd.any():
            todo = "Say True or False for each document that was shown."
            _refuse("log", clean, odd, "have a clicked that is neither true nor false", ("request_id", "clicked"), todo)
    clean["clicked"] = clicked.astype(bool)
    for column in clean.columns:
        if str(column).startswith("feature_"):
            clean[column] = _numbers("log", clean, column)
    if documents is not None:
        known(clean, "doc_id", documents, table="log", where="documents", show=("request_id", "doc_id"))
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
    clean = _columns("pairs", frame, ("request_id", "doc_id"))
    clean["request_id"] = _ids("pairs", clean, "request_id")
    clean["doc_id"] = _ids("pairs", clean, "doc_id")
    _unique("pairs", clean, ["request_id", "doc_id"])
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


def known(
    frame: pd.DataFrame, column: str, other: pd.DataFrame, *, table: str, where: str, show: Iterable[str]
) -> None:
    """Raise an error unless every id of a column exists in another table's column of the same name.

    Args:
        frame: The table that points.
        column: Its id column.
        other: The table that is pointed to.
        table: What to call `frame` in the error.
        where: What to call `other` in the error.
        show: Columns that identify the first offending row.

    Raises:
        ValueError: If `other` lacks the column or an id, or the ids of the two are of different kinds.

    Chapter: Your own tables in fifteen minutes.

    >>> ids = pd.DataFrame({"doc_id": [1, 2]})
    >>> known(ids, "doc_id", ids, table="judgments", where="documents", show=["doc_id"])
    """
    _columns(where, other, (column,))
    same_kind(frame[column], other[column], column, table=table, where=where)
    missing = ~frame[column].isin(other[column]).to_numpy()
    if missing.any():
        remedy = f"{table}[{table}.{column}.isin({where}.{column})]"
        todo = f"Add those to {where}, or drop the rows with {remedy}."
        _refuse(table, frame, missing, f"name a {column} that {where} does not have", show, todo)


def same_kind(left: pd.Series[Any], right: pd.Series[Any], column: str, *, table: str, where: str) -> None:
    """Raise an error if one table's ids are integers and the other's strings, which would join to nothing.

    Args:
        left: Ids of the table that points.
        right: Ids of the table that is pointed to.
        column: The column's name, for the error.
        table: What to call the first table in the error.
        where: What to call the second table in the error.

    Raises:
        ValueError: If both have rows and their kinds differ.

    Chapter: Your own tables in fifteen minutes.

    >>> same_kind(pd.Series([1]), pd.Series([2]), "doc_id", table="judgments", where="documents")
    """
    if left.empty or right.empty:
        return
    kinds = [
        "integers" if pd.api.types.infer_dtype(ids, skipna=False) == "integer" else "strings" for ids in (left, right)
    ]
    if kinds[0] != kinds[1]:
        raise ValueError(
            f"{table}: all {len(left)} values of {column} are {kinds[0]} (first: {left.iloc[0]!r}), but {where} has "
            f"{kinds[1]} (first: {right.iloc[0]!r}), so none would match.\n"
            f"Convert one of them, for example {where}[{column!r}].astype(str)."
        )


def _columns(table: str, frame: pd.DataFrame, documented: tuple[str, ...]) -> pd.DataFrame:
    """A shallow copy with the documented columns first and in order; one whose name ends in `?` may be missing."""
    needed = [column for column in documented if not column.endswith("?")]
    if not isinstance(frame, pd.DataFrame):
        raise ValueError(
            f"{table}: expected a pandas DataFrame with the columns {', '.join(needed)}, got a "
            f"{type(frame).__name__}. Make one with pd.DataFrame(...)."
        )
    missing = [column for column in needed if column not in frame.columns]
    if missing:
        there = ", ".join(map(str, frame.columns)) or "none"
        raise ValueError(
            f"{table}: {_count(len(missing), 'column')} missing: {', '.join(missing)} (columns there: {there}; "
            f"{_count(len(frame), 'row')}).\nRename or add: {table}.rename(columns={{...: {missing[0]!r}}})."
        )
    if not frame.columns.is_unique:
        twice = frame.columns[frame.columns.duplicated()][0]
        raise ValueError(f"{table}: column {twice!r} exists more than once. Drop or rename all but one.")
    first = [column for column in (name.removesuffix("?") for name in documented) if column in frame.columns]
    rest = [column for column in frame.columns if column not in first]
    return frame[[*first, *rest]].reset_index(drop=True)


def _shown(table: str, clean: pd.DataFrame) -> pd.DataFrame:
    """Ids, positions and scores of what was shown, checked."""
    clean["request_id"] = _ids(table, clean, "request_id")
    clean["doc_id"] = _ids(table, clean, "doc_id")
    position = _numbers(table, clean, "position")
    places = position.to_numpy()
    odd = (places < 1) | (places != np.floor(places))
    if odd.any():
        todo = "Positions are whole numbers that count from 1."
        _refuse(table, clean, odd, "have a position that is none", ("request_id", "position"), todo)
    clean["position"] = position.astype(np.int64)
    if "score" in clean:
        clean["score"] = _numbers(table, clean, "score")
    _unique(table, clean, ["request_id", "position"])
    _unique(table, clean, ["request_id", "doc_id"])
    return clean


def _ids(table: str, frame: pd.DataFrame, column: str) -> pd.Series[Any]:
    """Ids as int64 or as strings; the kind is never guessed row by row, so that 1 and "1" cannot be confused."""
    ids = frame[column]
    if isinstance(ids.dtype, pd.CategoricalDtype):
        ids = ids.astype(ids.cat.categories.dtype)
    if ids.empty:
        return ids.astype("int64" if pd.api.types.is_integer_dtype(ids.dtype) else "str")
    if ids.dtype == np.int64:
        return ids
    missing = ids.isna().to_numpy()
    if missing.any():
        _refuse(table, frame, missing, f"have no {column}", _others(frame, column), "Drop them or give them one.")
    kind = pd.api.types.infer_dtype(ids, skipna=False)
    if kind == "string":
        return ids.astype("str")
    if kind == "integer":
        try:
            return ids.astype("int64")
        except OverflowError:
            raise ValueError(f"{table}: {column} has an integer beyond 64 bits. Use strings.") from None
    strings = np.array([isinstance(value, str) for value in ids], dtype=bool)
    if strings.any() and not strings.all():
        what = f"have a {column} that is no string, while the others are strings"
        _refuse(table, frame, ~strings, what, (column,), f"Make them all strings: {table}[{column!r}].astype(str).")
    raise ValueError(
        f"{table}: all {len(ids)} values of {column} are of kind {kind!r} (first: {ids.iloc[0]!r}), and an id is an "
        f"integer or a string.\nConvert them: {table}[{column!r}].astype('int64') or .astype(str)."
    )


def _texts(table: str, frame: pd.DataFrame, column: str, *, key: str) -> pd.Series[Any]:
    texts = frame[column]
    if texts.empty:
        return texts.astype("str")
    missing = texts.isna().to_numpy()
    if missing.any():
        todo = f"Drop them, or fill them with an empty text: {table}[{column!r}].fillna('')."
        _refuse(table, frame, missing, f"have no {column}", (key, column), todo)
    if pd.api.types.infer_dtype(texts, skipna=False) != "string":
        wrong = np.array([not isinstance(value, str) for value in texts], dtype=bool)
        if wrong.any():
            todo = f"Convert them: {table}[{column!r}].astype(str)."
            _refuse(table, frame, wrong, f"have a {column} that is no string", (key, column), todo)
    return texts.astype("str")


def _numbers(table: str, frame: pd.DataFrame, column: str) -> pd.Series[float]:
    numbers = frame[column]
    if numbers.empty:
        return numbers.astype("float64")
    if not pd.api.types.is_numeric_dtype(numbers.dtype) or pd.api.types.is_bool_dtype(numbers.dtype):
        wrong = np.array([isinstance(value, bool) or not _is_number(value) for value in numbers], dtype=bool)
        if wrong.any():
            todo = f"Convert them: pd.to_numeric({table}[{column!r}])."
            _refuse(table, frame, wrong, f"have a {column} that is no number", _others(frame, column), todo)
    values = pd.to_numeric(numbers).to_numpy(dtype=np.float64, na_value=np.nan)
    broken = ~np.isfinite(values)
    if broken.any():
        what = f"have a {column} that is missing or infinite"
        _refuse(table, frame, broken, what, _others(frame, column), "Drop those rows, or give them a value.")
    return pd.Series(values, index=frame.index, name=column)


def _unique(table: str, frame: pd.DataFrame, columns: list[str]) -> None:
    single = len(columns) == 1
    again = frame[columns[0]].duplicated() if single else frame.duplicated(columns)
    if again.any():
        what = f"repeat a {columns[0]}" if single else f"repeat a pair of {columns[0]} and {columns[1]}"
        todo = f"Keep one of each: {table}.drop_duplicates({columns[0] if single else columns!r})."
        _refuse(table, frame, again.to_numpy(), what, columns, todo)


def _refuse(
    table: str, frame: pd.DataFrame, wrong: np.ndarray, what: str, show: Iterable[Hashable], todo: str
) -> NoReturn:
    row = int(np.flatnonzero(wrong)[0])
    values = ", ".join(f"{column}={_plain(frame[column].iloc[row])!r}" for column in show)
    count = int(wrong.sum())
    if count == 1:
        what = what.replace("have ", "has ", 1).replace("name ", "names ", 1).replace("repeat ", "repeats ", 1)
    raise ValueError(f"{table}: {_count(count, 'row')} {what} (first: row {row}, {values}).\n{todo}")


def _others(frame: pd.DataFrame, column: str) -> list[str]:
    """The id columns that help to find a row whose `column` is wrong, and the column itself."""
    ids = [name for name in ("request_id", "query_id", "doc_id") if name in frame and name != column]
    return [*ids, column]


def _count(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count:,} {noun}s".replace(",", "_")


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.integer | np.floating) or value is None or value is pd.NA


_checked_queries = queries  # `as_requests` has an argument of the same name
