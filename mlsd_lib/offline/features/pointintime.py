"""The point-in-time join: what was known at a moment, and nothing that came at that moment or later."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from mlsd_lib.metrics import checks
from mlsd_lib.offline.features import history

AT_ONCE = pd.Timedelta(0)


def as_of(
    rows: pd.DataFrame,
    events: pd.DataFrame,
    *,
    on: str | Sequence[str],
    time: str = "ts",
    columns: Sequence[str] | None = None,
    block: int = history.BLOCK,
) -> pd.DataFrame:
    """What the last event before each row said: the join that cannot see the future.

    Only events that are *strictly* earlier than the row count. An event of the same time may be the row itself, or its
    label. Of several events of the same key and time, the one that stands last in the table counts.

    Args:
        rows: Columns `on` and `time`: what is asked, and when. In any order.
        events: Columns `on`, `time` and `columns`. In any order.
        on: Name or names of the columns that make up the key, such as "user_id" or ["user_id", "ad_id"].
        time: Name of the column of times, in both tables; both with a time zone, or neither.
        columns: Which columns of the events to fetch; all but the key and the time if left out.
        block: How many rows to answer at once; memory beyond the sorted events and the answer grows with it, results
            do not change.

    Returns:
        A row for each of `rows`, with its index: the fetched columns, missing where there was no earlier event, and
        `age_s`, how long ago the event was, in seconds (NaN where there was none). Whole numbers become floats where
        one is missing.

    Raises:
        ValueError: If a column or a value of key or time is missing, keys are of two kinds, times cannot be compared, a
            fetched column is called `age_s`, or a whole number is too large to become a float.

    Source: [feastdocs]. Chapter: Features.

    >>> day, hour = pd.Timestamp("2026-01-05", tz="UTC"), pd.Timedelta(hours=1)
    >>> bids = pd.DataFrame({"ad_id": 7, "ts": [day, day + hour], "bid": [0.2, 0.9]})
    >>> as_of(pd.DataFrame({"ad_id": 7, "ts": [day, day + hour]}), bids, on="ad_id")["bid"].tolist()
    [nan, 0.2]
    """
    history.whole("as_of", "block", block, 1)
    past = history.sort("as_of", rows, events, on, time, [])
    keys = [on] if isinstance(on, str) else list(on)
    wanted = [name for name in events if name not in (*keys, time)] if columns is None else list(columns)
    checks.columns("events", events.head(0), *wanted)
    if "age_s" in wanted:
        raise ValueError("events: the column 'age_s' would be overwritten by the age of the event. Rename it.")
    last = np.full(len(rows), -1)
    age_s = np.full(len(rows), np.nan)
    for part in past.blocks(block):
        place = past.before(part) - 1
        found = place >= past.first(part)
        some = place[found]
        last[part][found] = past.order[some]
        since = past.asked[part][found] - past.when[some]
        age_s[part][found] = since.view(np.uint64) / 1e9  # it is above 0, and may be more than an int64 holds
    fetched = {name: history.taken(name, events[name], last) for name in wanted}
    return pd.DataFrame({**fetched, "age_s": age_s}, index=rows.index)


def refreshed(times: pd.Series[Any], *, every: pd.Timedelta, takes: pd.Timedelta = AT_ONCE) -> pd.Series[Any]:
    """Up to which moment the features know the past, if a job computes them only now and then.

    A job starts at every multiple of `every` since 1970 (UTC) and sees what happened until then; its result is in use
    once it has finished. Put the answer in the place of the rows' times, and any feature of the past is as old as it
    would be in production.

    Args:
        times: When each row is served; timestamps.
        every: Time between two starts of the job, above 0.
        takes: How long it runs until its result is in use; at least 0.

    Returns:
        For each row the start of the last job that had finished, with the index of `times`.

    Raises:
        ValueError: If a time is missing or no timestamp, or a duration is out of range.

    Chapter: Features.

    >>> noon = pd.Series([pd.Timestamp("2026-01-05 12:00", tz="UTC")])
    >>> refreshed(noon, every=pd.Timedelta(days=1), takes=pd.Timedelta(hours=13))[0].isoformat()
    '2026-01-04T00:00:00+00:00'
    """
    if not every > pd.Timedelta(0) or not takes >= pd.Timedelta(0):
        raise ValueError(f"refreshed: every is {every} and takes {takes}; expected times above 0 and of at least 0.")
    frame = checks.columns("refreshed", pd.DataFrame({"ts": times}), "ts")
    served = history.moments("refreshed", frame, "ts")
    utc = served if served.tz is None else served.tz_convert("UTC")  # a local clock skips hours, and repeats some
    start = (utc - takes).floor(every)
    return pd.Series(start if served.tz is None else start.tz_convert(served.tz), index=times.index, name=times.name)
