"""Events in the order that every feature of the past needs: by key and by time, sorted once and asked often."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from mlsd_lib.architecture import Array
from mlsd_lib.metrics import checks

BLOCK = 1_000_000  # rows, or pairs of a row and an event, that are looked at together
UNITS = tuple(np.uint64(unit) for unit in (10**9, 10**6, 10**3))  # nanoseconds of a second, of a thousandth, …
DIGIT = 16  # bits that a pass of the sort looks at
MASK = 2**DIGIT - 1
EXACT = 2**53  # whole numbers up to here are floats without loss
WIDEST = 20  # numbers are used as addresses where they spread over at most so many times as many numbers


@dataclass(frozen=True, eq=False)
class History:
    """The events of the keys that some rows have, by key and time.

    Attributes:
        order: Row of the events' table of each event, by key and time; ties keep their order.
        when: Time of each of them, int64, nanoseconds since 1970 in UTC.
        start: Where each key's events begin, and after the last key those of keys that no row has; then their number.
        key: The number of the key of each row that asks, int64.
        asked: The time of each row that asks, as `when`.
    """

    order: Array = field(repr=False)
    when: Array = field(repr=False)
    start: Array = field(repr=False)
    key: Array = field(repr=False)
    asked: Array = field(repr=False)

    def blocks(self, block: int) -> Iterator[slice]:
        """The rows that ask, `block` of them at a time."""
        for low in range(0, len(self.asked), block):
            yield slice(low, min(low + block, len(self.asked)))

    def first(self, part: slice) -> Array:
        """Where the events of each row's key begin, as places in `order`."""
        return np.asarray(self.start[self.key[part]])

    def before(self, part: slice, ago: int = 0) -> Array:
        """Where the events of each row's key that are earlier than the row, or than some time before it, end.

        Args:
            part: The rows that ask.
            ago: How long before the row, in nanoseconds; an event at that very time is not earlier.

        Returns:
            int64 of shape (rows,): the place in `order` after the last such event.
        """
        at = np.maximum(self.asked[part], np.iinfo(np.int64).min + ago) - ago
        key = self.key[part]
        low, high = self.start[key], self.start[key + 1]
        longest = int((high - low).max(initial=0))
        for _ in range(longest.bit_length()):  # all rows bisect their own key's events at once
            middle = low + ((high - low) >> 1)
            open_ = low < high
            earlier = open_ & (self.when[np.where(open_, middle, 0)] < at)
            low = np.where(earlier, middle + 1, low)
            high = np.where(earlier, high, middle)
        return low


def sort(
    function: str, rows: pd.DataFrame, events: pd.DataFrame, on: str | Sequence[str], time: str, columns: Sequence[str]
) -> History:
    """Check two tables and sort the events by key and time.

    Args:
        function: Who asks, for errors.
        rows: Columns `on` and `time`.
        events: The same, and `columns`.
        on: Name or names of the columns that make up the key.
        time: Name of the column of times.
        columns: Names of further columns of the events that must be there.

    Returns:
        The history.

    Raises:
        ValueError: If a column or value is missing, keys are of two kinds, or times are not comparable.
    """
    keys = [on] if isinstance(on, str) else list(on)
    if not keys or len(set(keys)) < len(keys) or time in keys:
        raise ValueError(f"{function}: on={on!r}; expected one or more columns, each once, and none of them {time!r}.")
    asking = checks.columns("rows", rows, *keys, time)
    past = checks.columns("events", events, *keys, time, *columns)
    at, when = _times(asking, past, time)
    key, theirs, number = _keys(asking, past, keys)
    order, start = _sorted(theirs, when, number)
    return History(order, when[order], start, key, at)


def whole(function: str, name: str, value: Any, least: int) -> int:
    """A whole number that is not too small; an error otherwise."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise ValueError(f"{function}: {name} is {value!r}; expected a whole number of at least {least}.")
    return int(value)


def moments(table: str, frame: pd.DataFrame, time: str) -> pd.DatetimeIndex:
    """A column of times without a gap, as it is; an error if it holds anything else."""
    if not pd.api.types.is_datetime64_any_dtype(frame[time].dtype):
        raise ValueError(
            f"{table}: {time} holds {frame[time].dtype}, and timestamps were expected. Convert it with "
            f"pd.to_datetime({table}[{time!r}], utc=True)."
        )
    return pd.DatetimeIndex(frame[time])


def taken(name: object, values: pd.Series[Any], place: Array) -> Any:
    """Values at some places, missing where the place is -1; whole numbers then turn to floats, as in a pandas join."""
    if isinstance(values.dtype, np.dtype) and values.dtype.kind in "iu" and (place < 0).any() and len(values):
        wide = max(abs(int(values.min())), abs(int(values.max())))
        if wide > EXACT:
            raise ValueError(
                f"events: {name} holds numbers up to {wide}, which would be rounded where others are missing. Use "
                f"events[{name!r}].astype('Int64')."
            )
    return values.array.take(place, allow_fill=True)


def _times(rows: pd.DataFrame, events: pd.DataFrame, time: str) -> tuple[Array, Array]:
    both = moments("rows", rows, time), moments("events", events, time)
    if (both[0].tz is None) != (both[1].tz is None):
        bare = "rows" if both[0].tz is None else "events"
        raise ValueError(
            f"{bare}: {time} has no time zone, and that of the other table has one, so nobody knows which is earlier. "
            f"Say which zone it is: {bare}[{time!r}].dt.tz_localize('UTC')."
        )
    at, when = (moment.as_unit("ns").asi8 for moment in both)
    return np.asarray(at), np.asarray(when)


def _keys(rows: pd.DataFrame, events: pd.DataFrame, keys: list[str]) -> tuple[Array, Array, int]:
    """A number for the key of each row and event, from 0, and how many; events whose key no row has get the next."""
    own, theirs, number = _codes(rows[keys[0]], events[keys[0]], keys[0])
    for name in keys[1:]:
        mine, other, many = _codes(rows[name], events[name], name)
        own = own * many + mine  # numbers of two keys in one, made small again: no overflow however many keys
        theirs = np.where(np.minimum(theirs, other) >= 0, theirs * many + other, -1)
        own, theirs, number = _codes(pd.Series(own), pd.Series(theirs), name)
    return own, np.where(theirs >= 0, theirs, number), number


def _codes(rows: pd.Series[Any], events: pd.Series[Any], name: str) -> tuple[Array, Array, int]:
    if len(rows) and len(events) and kind(rows) != kind(events):
        raise ValueError(
            f"events: {name} holds {kind(events)} and that of rows {kind(rows)}, so no event would be found. Make "
            "them the same."
        )
    if len(rows) and all(pd.api.types.is_signed_integer_dtype(values.dtype) for values in (rows, events)):
        mine, other = rows.to_numpy(dtype=np.int64), events.to_numpy(dtype=np.int64)
        low, high = int(mine.min()), int(mine.max())
        if high - low < WIDEST * (len(mine) + len(other)):  # numbers close together are addresses: no hashing
            there = np.zeros(high - low + 2, dtype=np.int64)
            there[mine - low] = 1
            code = np.cumsum(there) - 1
            code[there == 0] = -1
            inside = (other >= low) & (other <= high)
            found = code[np.where(inside, other - low, high - low + 1)]
            return code[mine - low], found, int(there.sum())
    code, values = pd.factorize(rows)
    found = pd.Index(values).get_indexer(pd.Index(events))
    return code.astype(np.int64), found.astype(np.int64), len(values)


def kind(values: pd.Series[Any]) -> str:
    """What a column holds, in words."""
    if pd.api.types.is_integer_dtype(values.dtype):
        return "whole numbers"
    if isinstance(values.dtype, pd.CategoricalDtype):
        return kind(pd.Series(values.cat.categories))
    found = pd.api.types.infer_dtype(values, skipna=False)
    return {"string": "texts", "integer": "whole numbers"}.get(found, found)


def _sorted(key: Array, when: Array, keys: int) -> tuple[Array, Array]:
    """The order of events by key, then time, then as they came, and where each key begins: a sort by counting."""
    if not (when[1:] < when[:-1]).any():
        return _counted(key, keys + 1)
    rest = shrunk((when - when.min()).view(np.uint64))
    order, _ = _counted(rest & MASK, 2**DIGIT)
    rest >>= DIGIT
    while rest.any():  # the lowest digit first; each pass keeps the order of the one before among equals
        order = order[_counted((rest & MASK)[order], 2**DIGIT)[0]]
        rest >>= DIGIT
    place, start = _counted(key[order], keys + 1)
    return order[place], start


def shrunk(since: Array) -> Array:
    """Nanoseconds in the largest unit that loses nothing: the fewer digits, the fewer passes."""
    for unit in UNITS:
        if not (since[:1_000] % unit).any():
            whole = since // unit
            if (whole * unit == since).all():
                return whole.astype(np.uint32) if whole.max() < 2**32 else whole
    return since


def _counted(digit: Array, number: int) -> tuple[Array, Array]:
    """Places in the order of small numbers, equal ones as they came, and where each number begins.

    Turning a sparse matrix from columns to rows is just that, in one pass of compiled code: several times as fast as
    NumPy's argsort.
    """
    many = len(digit)
    small = np.int32 if max(many, number) < 2**31 else np.int64
    ones, ends = np.ones(many, dtype=np.int8), np.arange(many + 1, dtype=small)
    turned = sparse.csc_array((ones, digit.astype(small), ends), shape=(number, many)).tocsr()
    return turned.indices, turned.indptr
