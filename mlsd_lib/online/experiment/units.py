"""From a log to a table with one row a unit: what an experiment compares is people, not rows of a log.

The arm was drawn for a person, so that person's rows share one piece of luck. Whatever is summed up here by unit can
be compared by a test that takes units as independent.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from mlsd_lib import tables
from mlsd_lib.architecture import Array
from mlsd_lib.metrics.online import session_success
from mlsd_lib.online.experiment import moments
from mlsd_lib.tables import checks


def units(
    log: pd.DataFrame,
    requests: pd.DataFrame | None = None,
    *,
    assigned: pd.DataFrame | None = None,
    unit: str = "user_id",
    arm: str | None = "arm",
    arms: Sequence[str] | None = None,
    sums: Sequence[str] = (),
    dwell_s: float = 30.0,
) -> pd.DataFrame:
    """Sum up a log by unit, and say which arm each unit was in.

    A log in pieces is summed piece by piece: the pieces' tables, stacked, are summed up by this function again.

    Args:
        log: A row an item shown: `request_id, clicked`, the columns `unit` and `arm`, and where there are
            `price` (money a click), `dwell_s` and `session_id`. Or a reader's own table without `request_id`: each
            column of numbers in it is summed up by unit.
        requests: All requests, also those to which nothing was shown: `request_id`, `unit` and, unless `assigned` has
            it, `arm`; where there is one, `session_id`. Left out, a request without an answer is missing.
        assigned: All units that were given an arm, also those who never came: `unit` (each once) and `arm`. Left out,
            who never came is missing, and if the treatment drives people away, so is its damage.
        unit: The column that names the unit.
        arm: The column that names its arm; None for a log of before the experiment, which has none.
        arms: The names that an arm may have; any where it is left out.
        sums: Further columns of the log to sum up, such as "liked".
        dwell_s: The dwell from which a click makes a session a success, in seconds.

    Returns:
        A row a unit, sorted by it: `unit`, `arm`, then `requests`, `shown`, `clicks`; `revenue` if there is a price;
        `sessions` if there is a session_id, `successes` (of sessions) if there is dwell_s too; then `sums`. 0 for a
        unit without any.

    Raises:
        ValueError: If a column or value is missing, a unit is in two arms, an arm is missing, empty or none of `arms`,
            or the log names a request or a unit that the others do not have.

    Chapter: Experiments.

    >>> log = pd.DataFrame({"request_id": [1, 1, 2], "user_id": [7, 7, 8], "arm": ["control", "control", "treatment"]})
    >>> units(log.assign(clicked=[True, False, True]))
       user_id        arm  requests  shown  clicks
    0        7    control         1      2       1
    1        8  treatment         1      1       1
    """
    first_name, first = _base(log, requests, assigned)
    needed = (unit,) if arm is None else (unit, arm)
    clean = checks.columns(first_name, first, needed)
    if assigned is not None:
        checks.unique(first_name, clean, [unit])
    code, ids = pd.factorize(checks.ids(first_name, clean, unit), sort=True)
    table = pd.DataFrame({unit: ids})
    index = pd.Index(table[unit])
    if arm is not None:
        names = _names(first_name, clean, arm, arms)
        own = np.full(len(ids), -1, dtype=np.int32)
        own[code] = moments.placed(clean[arm], names)
        table["arm"] = np.array(names)[own] if names else np.empty(0, dtype=str)
        for name, frame in (("assigned", assigned), ("requests", requests), ("log", log)):
            if frame is not None and arm in frame and unit in frame:
                _agree(name, frame, unit, arm, names, index, own)
    if "request_id" not in log:
        return _own(table, log, unit, arm, index)
    return _counts(table, log, requests, unit, index, tuple(sums), dwell_s)


def with_history(table: pd.DataFrame, before: pd.DataFrame, *, unit: str = "user_id") -> pd.DataFrame:
    """Add what is known of each unit from before the experiment, as covariates.

    Args:
        table: A row a unit, as `units` makes it.
        before: A row a unit of an earlier time, with the column `unit`, as `units(log, arm=None)` makes it.
        unit: The column that names the unit.

    Returns:
        The table with each column of numbers of `before`, its name ending in `_before`; NaN for a unit without history,
        which counts as average where the column is a covariate.

    Raises:
        ValueError: If a table lacks the unit or repeats one, or their ids are of different kinds.

    Chapter: Experiments.

    >>> now = pd.DataFrame({"user_id": [7, 8], "arm": ["control", "treatment"], "clicks": [1, 2]})
    >>> with_history(now, pd.DataFrame({"user_id": [8, 9], "clicks": [5, 6]}))
       user_id        arm  clicks  clicks_before
    0        7    control       1            NaN
    1        8  treatment       2            5.0
    """
    now, then = checks.columns("table", table, (unit,)), checks.columns("before", before, (unit,))
    checks.same_kind(now[unit], then[unit], unit, table="table", where="before")
    for name, frame in (("table", now), ("before", then)):
        checks.unique(name, frame, [unit])
    place = pd.Index(then[unit]).get_indexer(pd.Index(now[unit]))
    added = {
        f"{name}_before": np.where(place >= 0, then[name].to_numpy(dtype=np.float64)[place], np.nan)
        for name in then.columns
        if name != unit and pd.api.types.is_numeric_dtype(then[name].dtype)
    }
    return table.reset_index(drop=True).assign(**added)


def _base(log: pd.DataFrame, requests: pd.DataFrame | None, assigned: pd.DataFrame | None) -> tuple[str, pd.DataFrame]:
    """The table that knows most units."""
    if assigned is not None:
        return "assigned", assigned
    return ("log", log) if requests is None else ("requests", requests)


def _names(table: str, clean: pd.DataFrame, arm: str, arms: Sequence[str] | None) -> list[str]:
    """The arms of a table, sorted; an error where one is missing, no name, or unknown."""
    told = clean[arm]
    found, _ = moments.coded(told)
    odd = [name for name in found if not isinstance(name, str) or not name]
    if odd or told.isna().any():
        wrong = (told.isna() | told.isin(odd)).to_numpy()
        checks.refuse(table, clean, wrong, f"have a missing or nameless {arm}", [*clean.columns[:1], arm], _WHY)
    unknown = [name for name in found if arms is not None and name not in arms]
    if unknown:
        todo = f"The arms are {', '.join(map(repr, arms or ()))}. Find out what served these units."
        wrong = told.isin(unknown).to_numpy()
        checks.refuse(table, clean, wrong, f"have an unknown {arm}", [*clean.columns[:1], arm], todo)
    return sorted(map(str, found))


_WHY = "Find out why: to drop such units would leave out other people in one arm than in another."


def _agree(
    name: str, frame: pd.DataFrame, unit: str, arm: str, names: list[str], index: pd.Index[Any], own: Array
) -> None:
    """Raise an error if a row of a table puts its unit into another arm than the unit's own."""
    place = _places(name, frame, unit, index)
    said = moments.placed(frame[arm], names)
    wrong = own[place] != said
    if wrong.any():
        at = int(np.argmax(wrong))
        whose, other = checks.plain(frame[unit].iloc[at]), frame[arm].iloc[at]
        many = len(np.unique(place[wrong]))
        raise ValueError(
            f"{name}: {many} {'unit is' if many == 1 else 'units are'} in two arms (first: {unit}={whose!r}, in "
            f"{names[own[place[at]]]!r} and in {other!r}). They have seen both, and belong to neither: find out how, "
            "and drop them from all tables before you compare."
        )


def _places(name: str, frame: pd.DataFrame, unit: str, index: pd.Index[Any]) -> Array:
    place: Array = index.get_indexer(pd.Index(checks.ids(name, frame, unit)))
    if (place < 0).any():
        what = f"have a {unit} that was never seen in the table of all units"
        checks.refuse(name, frame, place < 0, what, [unit], "Give all units, or drop these rows.")
    return place


def _own(table: pd.DataFrame, log: pd.DataFrame, unit: str, arm: str | None, index: pd.Index[Any]) -> pd.DataFrame:
    """A reader's own table, each column of numbers summed up."""
    place = _places("log", log, unit, index)
    for name in log.columns:
        if name not in (unit, arm) and pd.api.types.is_numeric_dtype(log[name].dtype):
            table[name] = _summed(log[name], place, len(table), f"log: {name}")
    return table


def _counts(
    table: pd.DataFrame,
    log: pd.DataFrame,
    requests: pd.DataFrame | None,
    unit: str,
    index: pd.Index[Any],
    sums: tuple[str, ...],
    dwell_s: float,
) -> pd.DataFrame:
    """What a log's rows come to, by unit."""
    rows = checks.columns("log", log, ("request_id", unit, "clicked", *sums))
    asked = log.drop_duplicates("request_id") if requests is None else requests
    checks.columns("requests", asked, ("request_id", unit))
    if requests is not None:
        checks.unique("requests", requests, ["request_id"])
        tables.known(log, "request_id", requests, table="log", where="requests", show=("request_id",))
    shown, visits = _places("log", rows, unit, index), _places("requests", asked, unit, index)
    many = len(table)
    clicked = checks.clicked("log", rows, what="item").to_numpy()
    table["requests"], table["shown"] = np.bincount(visits, minlength=many), np.bincount(shown, minlength=many)
    table["clicks"] = np.bincount(shown[clicked], minlength=many)
    if "price" in log:
        paid = checks.numbers("log", rows[clicked], "price")
        table["revenue"] = np.bincount(shown[clicked], paid.to_numpy(), many)
    if "session_id" in asked:
        session = asked[["session_id"]].assign(place=visits).drop_duplicates("session_id")
        table["sessions"] = np.bincount(session["place"], minlength=many)
        if "dwell_s" in log:
            good = session_success(asked, log, dwell_s=dwell_s).to_numpy()
            table["successes"] = np.bincount(session["place"].to_numpy()[good > 0], minlength=many)
    for name in sums:
        table[name] = _summed(rows[name], shown, many, f"log: {name}")
    return table


def _summed(column: pd.Series[Any], place: Array, many: int, name: str) -> Array:
    value = column.to_numpy(dtype=np.float64, na_value=np.nan)
    broken = ~np.isfinite(value)
    if broken.any():
        raise ValueError(
            f"{name} is missing or infinite in {int(broken.sum())} rows (first: row {int(np.argmax(broken))}). Give it "
            "a value, or drop those rows."
        )
    total: Array = np.bincount(place, value, many)
    return total if column.dtype.kind == "f" else total.astype(np.int64)
