"""What was served, as records and as tables: one record a request, with what was shown and what was known.

A record is plain JSON that can be read without this library: a field for each column of the request and for what else
is told of it (`version`, `arm`), `shown` (column: a value a row, in order) and, where dtypes are to be kept exactly,
`types` (dtype: columns).
"""

from __future__ import annotations

import contextlib
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from operator import itemgetter
from typing import Any

import numpy as np
import pandas as pd

from mlsd_lib.tables import checks

Record = Mapping[str, Any]

SHOWN, TYPES = "shown", "types"
KEY = "request_id"
EXACT = {"i": "Int64", "u": "UInt64", "b": "boolean"}  # dtypes that hold missing values beside exact ones


@dataclass(frozen=True, eq=False)
class Tables:
    """Records as tables.

    Attributes:
        requests: A row a record: `request_id`, the request's other columns, and what else was told of it.
        shown: A row for each item that was shown: `request_id` and the columns of `shown`, in the order of records.
        counts: How many rows of `shown` each row of `requests` has, int64.
    """

    requests: pd.DataFrame
    shown: pd.DataFrame
    counts: np.ndarray[Any, np.dtype[np.int64]]


def records(requests: pd.DataFrame, shown: pd.DataFrame, **told: Any) -> list[dict[str, Any]]:
    """The records of a batch that a system has answered.

    Args:
        requests: The batch, with a `request_id` a row.
        shown: What `System.run` gave for it, features included where it gives them.
        **told: What else is to be kept: one value for the batch, such as `version="v0007"`, or one a request.

    Returns:
        A record for each request, in their order, also for those to which nothing was shown.

    Raises:
        ValueError: If a request is missing or there twice, or two columns of the same record share a name.

    Chapter: Online execution.

    >>> requests = pd.DataFrame({"request_id": [1, 2], "query": ["taxi", "zzz"]})
    >>> shown = pd.DataFrame({"request_id": [1], "position": [1], "doc_id": ["d9"], "score": [0.5]})
    >>> first, second = records(requests, shown, version="v0001")
    >>> first["request_id"], first["query"], first["version"], first["shown"]
    (1, 'taxi', 'v0001', {'position': [1], 'doc_id': ['d9'], 'score': [0.5]})
    >>> second["shown"]
    {'position': [], 'doc_id': [], 'score': []}
    """
    asked, dtypes = _lists("requests", requests)
    items, more = _lists("shown", shown)
    ids = asked[KEY]
    _refuse_twice("requests", [*asked, *told], [name for name in items if name != KEY], (SHOWN, TYPES))
    where = {request_id: place for place, request_id in enumerate(ids)}
    if len(where) < len(ids):
        checks.unique("requests", requests, [KEY])
    row = np.array([where.get(name, -1) for name in items[KEY]], dtype=np.int64)
    if bool((row < 0).any()):
        checks.known(shown, KEY, requests, table="shown", where="requests", show=(KEY,))
    del items[KEY], more[KEY]  # the request says it
    if bool((row[1:] < row[:-1]).any()):
        order = np.argsort(row, kind="stable").tolist()
        items = {name: [values[place] for place in order] for name, values in items.items()}
    ends = np.cumsum(np.bincount(row, minlength=len(ids))).tolist()
    asked |= {name: _each(name, value, len(ids)) for name, value in told.items()}
    types: dict[str, list[str]] = {}
    for name, dtype in (dtypes | more).items():
        types.setdefault(dtype, []).append(name)
    return [
        {
            **{name: values[place] for name, values in asked.items()},
            SHOWN: {name: values[start:end] for name, values in items.items()},
            TYPES: types,
        }
        for place, (start, end) in enumerate(zip([0, *ends], ends, strict=False))
    ]


def check(record: Record) -> None:
    """Raise an error unless a record can be read back as rows of tables.

    Args:
        record: As `records` makes them; `types` may be left out.

    Raises:
        ValueError: If it lacks a part, or the columns of `shown` differ in length.

    Chapter: Online execution.

    >>> check({"request_id": 1, "query": "taxi", "shown": {"position": [1], "doc_id": ["d9"]}})
    """
    shown, types = record.get(SHOWN), record.get(TYPES, {})
    if KEY not in record or not isinstance(shown, Mapping) or not isinstance(types, Mapping):
        raise ValueError(
            "record: expected a request_id and 'shown' (a dictionary of lists), got "
            f"{', '.join(map(repr, record)) or 'nothing'}. Make records with served.records(requests, shown)."
        )
    lengths = {name: len(values) if isinstance(values, list) else -1 for name, values in shown.items()}
    if len(set(lengths.values())) > 1 or -1 in lengths.values():
        raise ValueError(
            f"record: request_id={record[KEY]!r} has columns of shown that are no lists of one length ({lengths}). "
            "Make records with served.records(requests, shown)."
        )
    _refuse_twice(f"record: request_id={record[KEY]!r}", record, shown, ())


def tables(kept: Sequence[Record]) -> Tables:
    """Records as tables again; columns and dtypes are those that the records were made from.

    Args:
        kept: Records that `check` accepts, in any mixture of columns.

    Returns:
        The tables, their rows in the order of the records. A column that only some records have is missing in the
        others, and integers stay integers (pandas' Int64) for it.

    Raises:
        ValueError: If values of a column are not of the dtype that the record tells.

    Chapter: Online execution.

    >>> requests = pd.DataFrame({"request_id": [1, 2], "query": ["taxi", "zzz"]})
    >>> shown = pd.DataFrame({"request_id": [1], "position": [1], "doc_id": ["d9"], "score": [0.5]})
    >>> back = tables(records(requests, shown, version="v0001"))
    >>> back.shown.equals(shown), back.counts.tolist(), back.requests.columns.tolist()
    (True, [1, 0], ['request_id', 'query', 'version'])
    """
    alike: dict[tuple[Any, ...], list[int]] = {}
    for place, record in enumerate(kept):
        told = tuple((dtype, *names) for dtype, names in record.get(TYPES, {}).items())
        alike.setdefault((tuple(record), tuple(record[SHOWN]), told), []).append(place)
    parts = [_of_alike([kept[place] for place in places]) for places in alike.values()]
    return joined(parts, np.concatenate([np.empty(0, np.int64), *map(np.asarray, alike.values())]).astype(np.int64))


def joined(parts: Sequence[Tables], places: np.ndarray[Any, np.dtype[np.int64]] | None = None) -> Tables:
    """Tables below each other.

    Args:
        parts: The tables.
        places: The place in the result of each request of all parts, one after the other; as they come if left out.

    Returns:
        One table of each, with a fresh index.

    Chapter: Online execution.

    >>> joined([]).requests.columns.tolist()
    ['request_id']
    """
    requests, shown = (_below([getattr(part, name) for part in parts]) for name in ("requests", "shown"))
    counts = np.concatenate([np.empty(0, np.int64), *(part.counts for part in parts)]).astype(np.int64)
    if places is None or bool(np.all(places[1:] > places[:-1])):
        return Tables(requests, shown, counts)
    order = np.argsort(places)
    rows = np.argsort(np.repeat(places, counts), kind="stable")
    return Tables(requests.take(order).reset_index(drop=True), shown.take(rows).reset_index(drop=True), counts[order])


def _of_alike(kept: Sequence[Record]) -> Tables:
    """The tables of records that have the same columns of the same dtypes."""
    first = kept[0]
    dtypes = {name: dtype for dtype, names in first.get(TYPES, {}).items() for name in names}
    asked = {name: [record[name] for record in kept] for name in first if name not in (SHOWN, TYPES)}
    counts = np.array([len(next(iter(record[SHOWN].values()), ())) for record in kept], dtype=np.int64)
    rows = [record[SHOWN] for record in kept]
    items = {name: list(chain.from_iterable(map(itemgetter(name), rows))) for name in first[SHOWN]}
    requests = pd.DataFrame({name: _column(name, values, dtypes.get(name)) for name, values in asked.items()})
    requests = requests[[KEY, *requests.columns.drop(KEY)]]
    ids = requests[KEY].take(np.repeat(np.arange(len(kept)), counts)).reset_index(drop=True)
    columns = {name: _column(name, values, dtypes.get(name)) for name, values in items.items()}
    return Tables(requests, pd.DataFrame({KEY: ids, **columns}), counts)


def _column(name: str, values: list[Any], dtype: Any) -> pd.Series[Any]:
    column: pd.Series[Any]
    if name == "ts" and dtype is None and values:
        with contextlib.suppress(ValueError, TypeError, OverflowError):  # else it stays what a client has sent
            return _column(name, values, "datetime64[us, UTC]")
    try:
        if str(dtype).startswith("datetime64"):
            column = pd.Series(pd.to_datetime(values, utc="," in dtype, format="ISO8601")).astype(dtype)
        elif dtype not in (None, "object", "category"):
            column = pd.Series(values, dtype=dtype)
        else:
            column = pd.Series(values, dtype=_inferred(values))
    except (ValueError, TypeError, OverflowError) as error:
        raise ValueError(
            f"record: column {name!r} is not of the dtype {dtype} that its records tell: {error}."
        ) from None
    return column


def _inferred(values: list[Any]) -> Any:
    """A dtype for what JSON gave; None where pandas infers a good one."""
    kinds = {type(value) for value in values}
    if kinds == {int, type(None)} and max(abs(value or 0) for value in values) < 2**63:
        return EXACT["i"]  # pandas would make them floats
    return EXACT["b"] if kinds == {bool, type(None)} else None if values else object


def _below(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Frames below each other, whose integers and booleans keep their kind where a frame lacks the column."""
    if not frames:
        return pd.DataFrame({KEY: pd.Series(dtype=np.int64)})
    names = list(dict.fromkeys(name for frame in frames for name in frame))
    filled = [frame for frame in frames if len(frame)] or frames[:1]  # an empty column says nothing about dtypes
    partial = [name for name in names if not all(name in frame for frame in filled)]
    exact = [
        frame.astype({name: EXACT[frame[name].dtype.kind] for name in partial if _is_exact(frame, name)})
        for frame in filled
    ]
    return pd.concat(exact, ignore_index=True).reindex(columns=names)


def _is_exact(frame: pd.DataFrame, name: Hashable) -> bool:
    return name in frame and frame[name].dtype.kind in EXACT


def _lists(table: str, frame: pd.DataFrame) -> tuple[dict[str, list[Any]], dict[str, str]]:
    """The columns of a frame as lists, and their dtypes, by name."""
    if not isinstance(frame, pd.DataFrame) or KEY not in frame or not frame.columns.is_unique:
        checks.columns(table, frame, (KEY,))  # it has the sentences
    columns = {str(name): values for name, values in frame.items()}
    return {n: _plain(v) for n, v in columns.items()}, {n: _dtype(v.dtype) for n, v in columns.items()}


_dtype = lru_cache(maxsize=100)(str)  # pandas spells them slowly


def _plain(values: pd.Series[Any]) -> list[Any]:
    """The values as JSON has them; missing ones are null, but in floats, where they are NaN."""
    if isinstance(values.dtype, np.dtype) and values.dtype.kind in "biuf":
        return values.to_numpy().tolist()
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        return [None if pd.isna(moment) else moment.isoformat() for moment in values]
    return [None if missing else value for value, missing in zip(values.tolist(), values.isna(), strict=True)]


def _each(name: str, value: Any, number: int) -> list[Any]:
    if value is None or np.ndim(value) == 0:
        return [value] * number
    if len(value) != number:
        raise ValueError(f"told: {name} has {len(value)} values for {number} requests. Give one, or one a request.")
    return _plain(pd.Series(value).reset_index(drop=True))


def _refuse_twice(table: str, asked: Iterable[str], shown: Iterable[str], told: Iterable[str]) -> None:
    names = [*asked, *shown, *told]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(
            f"{table}: column {twice!r} is there twice, in the request, in what was shown or beside them, so it would "
            "mean two things in the log. Rename one."
        )
