"""Metrics of what people did, from the log that a system left: clicks, success, abandonment, and who comes back.

The log has a row for each item that was shown, of a search engine or of an ads system alike: `request_id` and
`clicked`, and where a metric needs them `session_id, user_id, dwell_s`. A request to which nothing was shown has no row
in it. So the metrics of sessions take the requests too: leave those out, and the failures are missing.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from mlsd_lib import tables
from mlsd_lib.architecture import Array
from mlsd_lib.metrics import checks

Success = Literal["click", "dwell", "settled"]


def ctr(log: pd.DataFrame, *, unit: str = "request_id") -> pd.DataFrame:
    """Clicks and impressions of each unit, for the click-through rate: `ratio(table.clicks, table.shown)`.

    Args:
        log: A row an item shown, with `clicked` (true or false) and the column `unit`.
        unit: Whose clicks are summed: what is drawn by chance in an experiment, such as "user_id".

    Returns:
        A row a unit in the order of the log, indexed by it: `clicks` and `shown`.

    Raises:
        ValueError: If a column or a value is missing, or `clicked` is neither true nor false.

    Chapter: Metrics.

    >>> ctr(pd.DataFrame({"request_id": [1, 1, 2], "clicked": [True, False, False]})).values.tolist()
    [[1, 2], [0, 1]]
    """
    clean = checks.columns("log", log, unit, "clicked")
    clicked = checks.flags("log", clean, "clicked").astype(np.int64)
    by_unit = clicked.groupby(clean[unit], sort=False)
    return pd.DataFrame({"clicks": by_unit.sum(), "shown": by_unit.size()})


def abandonment(requests: pd.DataFrame, log: pd.DataFrame, *, unit: str = "session_id") -> pd.Series[float]:
    """Whether each unit ended without any click; its mean is the abandonment rate.

    A searcher who read the answer on the page itself counts as gone: it is a metric to read beside others.

    Args:
        requests: All requests, also those to which nothing was shown: `request_id` and the column `unit`.
        log: A row an item shown: `request_id` and `clicked`.
        unit: What is abandoned: "session_id", or "request_id" for single requests.

    Returns:
        1.0 or 0.0 for each unit, named "abandonment", indexed by it.

    Raises:
        ValueError: If a table is unsound, or the log names a request that `requests` does not have.

    Chapter: Metrics.

    >>> requests = pd.DataFrame({"request_id": [1, 2], "session_id": [7, 8]})
    >>> abandonment(requests, pd.DataFrame({"request_id": [1], "clicked": [True]})).to_dict()
    {7: 0.0, 8: 1.0}
    """
    asked, clicks = _clicks(requests, log, unit)
    without = ~asked["request_id"].isin(clicks["request_id"])
    return without.groupby(asked[unit], sort=False).all().astype(np.float64).rename("abandonment")


def session_success(
    requests: pd.DataFrame, log: pd.DataFrame, *, by: Success = "dwell", dwell_s: float = 30.0
) -> pd.Series[float]:
    """Whether each session was a success, by one of three definitions, each stricter in another way.

    Args:
        requests: All requests, also those to which nothing was shown: `request_id` and `session_id`, and for
            "settled" also `query` and `ts`.
        log: A row an item shown: `request_id` and `clicked`, and except for "click" also `dwell_s` (seconds).
        by: "click": the session has a click. "dwell": it has a click with a dwell of `dwell_s` or more. "settled":
            it has a click that is not followed by a query in other words, and on which the visitor stayed for
            `dwell_s` or more, or with whose request the session ended.
        dwell_s: The dwell that counts, in seconds; at least 0.

    Returns:
        1.0 or 0.0 for each session, named "session success", indexed by `session_id`.

    Raises:
        ValueError: If a table is unsound, the log names a request that `requests` does not have, or `by` is none of
            the three.

    Source: [abmetrics2017] for "settled"; [wikimediasearch] for "dwell", with 10 s. Chapter: Metrics.

    >>> requests = pd.DataFrame({"request_id": [1, 2], "session_id": [7, 8]})
    >>> log = pd.DataFrame({"request_id": [1, 2], "clicked": [True, True], "dwell_s": [45.0, 5.0]})
    >>> session_success(requests, log).to_dict()
    {7: 1.0, 8: 0.0}
    """
    if by not in ("click", "dwell", "settled"):
        raise ValueError(f"session_success: by must be 'click', 'dwell' or 'settled', got {by!r}.")
    if not dwell_s >= 0:
        raise ValueError(f"session_success: dwell_s is {dwell_s}; expected seconds, at least 0.")
    more = ("query", "ts") if by == "settled" else ()
    asked, clicks = _clicks(requests, log, "session_id", *more, dwell=by != "click")
    good = clicks
    if by == "dwell":
        good = clicks[clicks["dwell_s"] >= dwell_s]
    elif by == "settled":
        session = asked.sort_values(["session_id", "ts"], kind="stable", ignore_index=True)
        ends, reworded = _ends(session)
        place = pd.Index(session["request_id"]).get_indexer(pd.Index(clicks["request_id"]))
        stayed = (clicks["dwell_s"].to_numpy() >= dwell_s) | ends[place]
        good = clicks[stayed & ~reworded[place]]
    found = asked["request_id"].isin(good["request_id"])
    return found.groupby(asked["session_id"], sort=False).any().astype(np.float64).rename("session success")


def sessions_per_user(requests: pd.DataFrame, users: npt.ArrayLike | None = None) -> pd.Series[float]:
    """How many sessions each user has.

    Args:
        requests: Columns `user_id` and `session_id`.
        users: The ids of all users that count, so that those without a request count as 0, each once; left out, only
            those who are in `requests` do.

    Returns:
        The number of sessions, as float64, named "sessions per user", indexed by `user_id`.

    Raises:
        ValueError: If a column or a value is missing, or `users` repeats an id or lacks one of `requests`.

    Source: [kohavi2012puzzling] for its use. Chapter: Metrics.

    >>> requests = pd.DataFrame({"user_id": [1, 1, 2], "session_id": [10, 11, 20]})
    >>> sessions_per_user(requests, users=[1, 2, 3]).tolist()
    [2.0, 1.0, 0.0]
    """
    asked = checks.columns("requests", requests, "user_id", "session_id").drop_duplicates()
    counts = asked.groupby("user_id", sort=False).size().astype(np.float64).rename("sessions per user")
    if users is None:
        return counts
    everybody = _everybody(users)
    tables.known(asked, "user_id", everybody, table="requests", where="users", show=("user_id", "session_id"))
    return counts.reindex(pd.Index(everybody["user_id"]), fill_value=0.0)


def retention(users: npt.ArrayLike, later: pd.DataFrame) -> pd.Series[float]:
    """Whether each user came back: 1.0 for those who are in a later table, 0.0 for the others.

    Args:
        users: Ids of the users who were there, each once.
        later: A later table of requests or of a log, with the column `user_id`; who is new in it does not count.

    Returns:
        1.0 or 0.0 for each user, named "retention", indexed by `user_id`.

    Raises:
        ValueError: If `users` repeats an id, or a column or a value is missing.

    Chapter: Metrics.

    >>> retention([1, 2], pd.DataFrame({"user_id": [2, 2, 5]})).to_dict()
    {1: 0.0, 2: 1.0}
    """
    there = _everybody(users)["user_id"]
    back = checks.columns("later", later, "user_id")["user_id"]
    tables.same_kind(there, back, "user_id", table="users", where="later")
    return pd.Series(there.isin(back).to_numpy(dtype=np.float64), index=pd.Index(there), name="retention")


def _everybody(users: npt.ArrayLike) -> pd.DataFrame:
    everybody = checks.columns("users", pd.DataFrame({"user_id": np.asarray(users)}), "user_id")
    checks.once("users", everybody, ["user_id"])
    return everybody


def _clicks(
    requests: pd.DataFrame, log: pd.DataFrame, unit: str, *more: str, dwell: bool = False
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The requests and the clicked rows of the log, checked."""
    needed: list[str] = list(dict.fromkeys(["request_id", unit, *more]))
    asked = checks.columns("requests", requests, *needed)
    checks.once("requests", asked, ["request_id"])
    rows = checks.columns("log", log, "request_id", "clicked", *(["dwell_s"] if dwell else []))
    tables.known(rows, "request_id", asked, table="log", where="requests", show=("request_id",))
    return asked, rows[checks.flags("log", rows, "clicked").to_numpy()]


def _ends(session: pd.DataFrame) -> tuple[Array, Array]:
    """Whether each request, sorted by session and time, ends its session, and whether other words follow it there."""
    of, words = session["session_id"].to_numpy(), session["query"].to_numpy()
    ends = np.ones(len(of), dtype=bool)
    ends[:-1] = of[1:] != of[:-1]
    changes = np.zeros(len(of), dtype=np.int64)
    changes[:-1] = (words[1:] != words[:-1]) & ~ends[:-1]
    still = np.cumsum(changes[::-1])[::-1]  # changes from here to the end of the table
    last = np.flatnonzero(ends)[np.cumsum(ends) - ends]
    return ends, still > still[last]
