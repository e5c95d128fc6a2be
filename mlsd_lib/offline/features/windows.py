"""What happened before: counts, sums and most frequent values over the last days, as they were known at the time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from mlsd_lib.architecture import Array
from mlsd_lib.metrics import checks
from mlsd_lib.offline.features import history

EVER = pd.Timedelta(days=100_000)  # a window that holds all there is


def windows(
    rows: pd.DataFrame,
    events: pd.DataFrame,
    *,
    on: str | Sequence[str],
    last: Mapping[str, pd.Timedelta],
    sums: Sequence[str] = (),
    time: str = "ts",
    block: int = history.BLOCK,
) -> pd.DataFrame:
    """How many events each row's key had in the time before it, and what they add up to.

    A window reaches from `last` before the row, that moment included, up to the row, that moment *not* included.

    Args:
        rows: Columns `on` and `time`. In any order.
        events: Columns `on`, `time` and `sums`. In any order.
        on: Name or names of the columns that make up the key.
        last: Length of each window by a name for it, such as {"week": pd.Timedelta(days=7)}; above 0.
        sums: Columns of the events to add up, numbers or booleans, none missing.
        time: Name of the column of times, in both tables; both with a time zone, or neither.
        block: How many rows to answer at once; memory beyond the sorted events and the answer grows with it, results
            do not change.

    Returns:
        A row for each of `rows`, with its index, and for each window `count_NAME` (int64) and for each of `sums`
        `COLUMN_NAME` (float64). Where there is no event, they are 0. Sums are differences of running sums: exact for
        whole numbers, rounded like any sum for others.

    Raises:
        ValueError: If a column or value is missing, keys are of two kinds, times cannot be compared, a window is not
            above 0, or a column to add up does not hold finite numbers.

    Source: [he2014facebook]. Chapter: Features.

    >>> hour = pd.Timestamp("2026-01-05", tz="UTC") + pd.to_timedelta([0, 1, 2], unit="h")
    >>> shown = pd.DataFrame({"ad_id": 7, "ts": hour, "clicked": [True, False, True]})
    >>> windows(shown, shown, on="ad_id", last={"1h": pd.Timedelta(hours=1)}, sums=["clicked"])["clicked_1h"].tolist()
    [0.0, 1.0, 0.0]
    """
    history.whole("windows", "block", block, 1)
    if not last:
        raise ValueError("windows: no window is named. Name at least one: last={'week': pd.Timedelta(days=7)}.")
    if "count" in sums:
        raise ValueError(
            "windows: a column named 'count' cannot be summed: its sums would be taken for counts. Rename it."
        )
    spans = {name: _span("windows", span) for name, span in last.items()}
    past = history.sort("windows", rows, events, on, time, sums)
    running = {column: _running(events, column, past.order) for column in sums}
    names = [f"{what}_{name}" for name in spans for what in ("count", *sums)]
    found = {name: np.zeros(len(rows), dtype=np.int64 if name.startswith("count_") else np.float64) for name in names}
    for part in past.blocks(block):
        end = past.before(part)
        for name, span in spans.items():
            begin = past.before(part, span)
            found[f"count_{name}"][part] = end - begin
            for column, upto in running.items():
                found[f"{column}_{name}"][part] = upto[end] - upto[begin]
    return pd.DataFrame(found, index=rows.index)


def top_values(
    rows: pd.DataFrame,
    events: pd.DataFrame,
    *,
    on: str | Sequence[str],
    column: str,
    k: int = 5,
    last: pd.Timedelta = EVER,
    time: str = "ts",
    block: int = history.BLOCK,
) -> pd.DataFrame:
    """The most frequent values of a key's earlier events, such as a user's top five interests at that time.

    Of values that are equally frequent, the one that was seen last comes first.

    Args:
        rows: Columns `on` and `time`. In any order.
        events: Columns `on`, `time` and `column`. In any order.
        on: Name or names of the columns that make up the key.
        column: Which column of the events holds the values; none may be missing.
        k: How many values at most.
        last: How far back to look, above 0; as `windows`. Everything that is earlier, if left out.
        time: Name of the column of times, in both tables; both with a time zone, or neither.
        block: How many pairs of a row and an event to look at together (one row's at least); memory beyond the sorted
            events and the answer grows with it, results do not change.

    Returns:
        A row for each of `rows`, with its index, and the columns `top_1` … `top_k`, missing where there are fewer.

    Raises:
        ValueError: As `windows` and `as_of`, or if `k` is below 1.

    Chapter: Features.

    >>> hour = pd.Timestamp("2026-01-05", tz="UTC") + pd.to_timedelta([0, 1, 2, 3], unit="h")
    >>> asked = pd.DataFrame({"user_id": 1, "ts": hour, "about": ["tents", "rugs", "rugs", "beds"]})
    >>> top_values(asked.tail(1), asked, on="user_id", column="about", k=2).iloc[0].tolist()
    ['rugs', 'tents']
    """
    history.whole("top_values", "k", k, 1)
    history.whole("top_values", "block", block, 1)
    past = history.sort("top_values", rows, events, on, time, [column])
    code, values = pd.factorize(events[column])
    code, kinds = code[past.order].astype(np.int64), len(values)
    every = slice(0, len(rows))
    end = past.before(every)
    begin = past.before(every, _span("top_values", last))
    best = np.full((len(rows), k), -1, dtype=np.int64)
    for part in pieces(end - begin, block):
        length = (end - begin)[part]
        row = np.repeat(np.arange(len(length)), length)
        place = np.arange(len(row)) + np.repeat(begin[part] - (np.cumsum(length) - length), length)
        pair, first, count = np.unique((row * kinds + code[place])[::-1], return_index=True, return_counts=True)
        latest = -first  # within a row: the later its last event, the larger
        owner = pair // max(kinds, 1)
        order = np.lexsort((-latest, -count, owner))
        rank = np.arange(len(order)) - np.searchsorted(owner, owner[order])
        kept = rank < k
        best[part][owner[order][kept], rank[kept]] = (pair % max(kinds, 1))[order][kept]
    found = pd.Series(values)
    tops = {f"top_{place + 1}": history.taken(column, found, best[:, place]) for place in range(k)}
    return pd.DataFrame(tops, index=rows.index)


def _span(function: str, span: pd.Timedelta) -> int:
    if not isinstance(span, pd.Timedelta) or not span > pd.Timedelta(0):
        raise ValueError(f"{function}: a window is {span!r}; expected a pd.Timedelta above 0.")
    return int(span.as_unit("ns").value)


def _running(events: pd.DataFrame, column: str, order: Array) -> Array:
    """Sums of the sorted events up to each place; one entry more than there are events."""
    if not pd.api.types.is_numeric_dtype(events[column].dtype):
        raise ValueError(f"events: {column} is no number but {events[column].dtype}, and only numbers have a sum.")
    numbers = events[column].to_numpy(dtype=np.float64)
    odd = ~np.isfinite(numbers)
    if odd.any():
        raise ValueError(
            f"events: {column} is not finite in {checks.count(odd)} (first: row {int(np.argmax(odd))}). Drop them, or "
            "give them a value."
        )
    return np.concatenate([[0.0], np.cumsum(numbers[order])])


def pieces(length: Array, block: int) -> Iterator[slice]:
    """Runs of rows whose lengths sum to at most `block`; a longer row is a run of its own."""
    ends = np.cumsum(length)
    low = 0
    while low < len(ends):
        before = ends[low - 1] if low else 0
        high = max(low + 1, int(np.searchsorted(ends, before + block, side="right")))
        yield slice(low, high)
        low = high
