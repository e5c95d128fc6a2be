"""What every check of a table is made of, for the modules of this package.

An error names the table, the column, how many rows, the first of them, and what to do.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Any, NoReturn

import numpy as np
import pandas as pd


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
    columns(where, other, (column,))
    same_kind(frame[column], other[column], column, table=table, where=where)
    missing = ~frame[column].isin(other[column]).to_numpy()
    if missing.any():
        remedy = f"{table}[{table}.{column}.isin({where}.{column})]"
        todo = f"Add those to {where}, or drop the rows with {remedy}."
        refuse(table, frame, missing, f"name a {column} that {where} does not have", show, todo)


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
        first = [plain(ids.iloc[0]) for ids in (left, right)]
        raise ValueError(
            f"{table}: all {len(left)} values of {column} are {kinds[0]} (first: {first[0]!r}), but {where} has "
            f"{kinds[1]} (first: {first[1]!r}), so none would match.\n"
            f"Convert one of them, for example {where}[{column!r}].astype(str)."
        )


def columns(table: str, frame: pd.DataFrame, documented: tuple[str, ...]) -> pd.DataFrame:
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


def shown(table: str, clean: pd.DataFrame, item: str, measured: Iterable[str]) -> pd.DataFrame:
    """Ids, positions and numbers of what was shown: no two at one place, and nothing twice to a request."""
    for column in ("request_id", item):
        clean[column] = ids(table, clean, column)
    position = numbers(table, clean, "position")
    places = position.to_numpy()
    odd = (places < 1) | (places != np.floor(places))
    if odd.any():
        todo = "Positions are whole numbers that count from 1."
        refuse(table, clean, odd, "have a position that is none", ("request_id", "position"), todo)
    clean["position"] = position.astype(np.int64)
    for column in measured:
        if column in clean:
            clean[column] = numbers(table, clean, column)
    unique(table, clean, ["request_id", "position"])
    unique(table, clean, ["request_id", item])
    return clean


def clicked(table: str, frame: pd.DataFrame, *, what: str) -> pd.Series[bool]:
    """Whether each row was clicked; true and false may also be written 1 and 0."""
    said = frame["clicked"]
    if not pd.api.types.is_bool_dtype(said.dtype) or said.isna().any():
        odd = ~said.isin([0, 1]).to_numpy()
        if odd.any():
            todo = f"Say True or False for each {what} that was shown."
            refuse(table, frame, odd, "have a clicked that is neither true nor false", ("request_id", "clicked"), todo)
    return said.astype(bool)


def not_negative(table: str, frame: pd.DataFrame, column: str, show: Iterable[str], todo: str) -> pd.Series[float]:
    """The numbers of a column, none of them below 0."""
    values = numbers(table, frame, column)
    negative = values.to_numpy() < 0
    if negative.any():
        refuse(table, frame, negative, f"have a negative {column}", show, todo)
    return values


def ids(table: str, frame: pd.DataFrame, column: str) -> pd.Series[Any]:
    """Ids as int64 or as strings; the kind is never guessed row by row, so that 1 and "1" cannot be confused."""
    own = frame[column]
    if isinstance(own.dtype, pd.CategoricalDtype):
        own = own.astype(own.cat.categories.dtype)
    if own.empty:
        return own.astype("int64" if pd.api.types.is_integer_dtype(own.dtype) else "str")
    if own.dtype == np.int64:
        return own
    missing = own.isna().to_numpy()
    if missing.any():
        refuse(table, frame, missing, f"have no {column}", _others(frame, column), "Drop them or give them one.")
    kind = pd.api.types.infer_dtype(own, skipna=False)
    if kind == "string":
        return own.astype("str")
    if kind == "integer":
        try:
            return own.astype("int64")
        except OverflowError:
            raise ValueError(f"{table}: {column} has an integer beyond 64 bits. Use strings.") from None
    strings = np.array([isinstance(value, str) for value in own], dtype=bool)
    if strings.any() and not strings.all():
        what = f"have a {column} that is no string, while the others are strings"
        refuse(table, frame, ~strings, what, (column,), f"Make them all strings: {table}[{column!r}].astype(str).")
    raise ValueError(
        f"{table}: all {len(own)} values of {column} are of kind {kind!r} (first: {plain(own.iloc[0])!r}), and an id "
        f"is an integer or a string.\nConvert them: {table}[{column!r}].astype('int64') or .astype(str)."
    )


def texts(table: str, frame: pd.DataFrame, column: str, *, key: str) -> pd.Series[Any]:
    """The strings of a column, which may be empty and not missing."""
    own = frame[column]
    if own.empty:
        return own.astype("str")
    missing = own.isna().to_numpy()
    if missing.any():
        todo = f"Drop them, or fill them with an empty text: {table}[{column!r}].fillna('')."
        refuse(table, frame, missing, f"have no {column}", (key, column), todo)
    if pd.api.types.infer_dtype(own, skipna=False) != "string":
        wrong = np.array([not isinstance(value, str) for value in own], dtype=bool)
        if wrong.any():
            todo = f"Convert them: {table}[{column!r}].astype(str)."
            refuse(table, frame, wrong, f"have a {column} that is no string", (key, column), todo)
    return own.astype("str")


def numbers(table: str, frame: pd.DataFrame, column: str) -> pd.Series[float]:
    """The numbers of a column as float64, all of them finite."""
    own = frame[column]
    if own.empty:
        return own.astype("float64")
    if not pd.api.types.is_numeric_dtype(own.dtype) or pd.api.types.is_bool_dtype(own.dtype):
        wrong = np.array([isinstance(value, bool) or not _is_number(value) for value in own], dtype=bool)
        if wrong.any():
            todo = f"Convert them: pd.to_numeric({table}[{column!r}])."
            refuse(table, frame, wrong, f"have a {column} that is no number", _others(frame, column), todo)
    values = pd.to_numeric(own).to_numpy(dtype=np.float64, na_value=np.nan)
    broken = ~np.isfinite(values)
    if broken.any():
        what = f"have a {column} that is missing or infinite"
        refuse(table, frame, broken, what, _others(frame, column), "Drop those rows, or give them a value.")
    return pd.Series(values, index=frame.index, name=column)


def unique(table: str, frame: pd.DataFrame, by: list[str]) -> None:
    """Raise an error if a value of one column, or a pair of two, stands in more than one row."""
    single = len(by) == 1
    again = frame[by[0]].duplicated() if single else frame.duplicated(by)
    if again.any():
        what = f"repeat a {by[0]}" if single else f"repeat a pair of {by[0]} and {by[1]}"
        todo = f"Keep one of each: {table}.drop_duplicates({by[0] if single else by!r})."
        refuse(table, frame, again.to_numpy(), what, by, todo)


def refuse(
    table: str, frame: pd.DataFrame, wrong: np.ndarray, what: str, show: Iterable[Hashable], todo: str
) -> NoReturn:
    """Raise the error about some rows: what is wrong, how many, the first of them, and what to do."""
    row = int(np.flatnonzero(wrong)[0])
    values = ", ".join(f"{column}={plain(frame[column].iloc[row])!r}" for column in show)
    count = int(wrong.sum())
    if count == 1:
        what = what.replace("have ", "has ", 1).replace("name ", "names ", 1).replace("repeat ", "repeats ", 1)
    raise ValueError(f"{table}: {_count(count, 'row')} {what} (first: row {row}, {values}).\n{todo}")


def _others(frame: pd.DataFrame, column: str) -> list[str]:
    """The id columns that help to find a row whose `column` is wrong, and the column itself."""
    ids = [name for name in ("request_id", "query_id", "doc_id", "ad_id") if name in frame and name != column]
    return [*ids, column]


def _count(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count:,} {noun}s".replace(",", "_")


def plain(value: Any) -> Any:
    """A NumPy scalar as a plain Python value, for an error; others as they are."""
    return value.item() if isinstance(value, np.generic) else value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.integer | np.floating) or value is None or value is pd.NA
