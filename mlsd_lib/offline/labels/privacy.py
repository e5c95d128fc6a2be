"""What a log must not keep, and how a person leaves it.

Three habits: keep the columns that somebody needs and no others; do not keep what singles a person out; and be able to
delete one person from the log and from everything that was derived from it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from mlsd_lib.architecture import Array
from mlsd_lib.metrics import checks


def minimised(log: pd.DataFrame, keep: Sequence[str], *, coarse: Mapping[str, str] | None = None) -> pd.DataFrame:
    """The log with the columns on a list and no others, times made coarse: what is to be written down at all.

    Args:
        log: Any table.
        keep: The columns that somebody has given a reason for.
        coarse: To what a time is rounded down, by column, such as {"ts": "h"} for hours.

    Returns:
        A new table of those columns.

    Raises:
        ValueError: If a column is not there, or one to be made coarse is not kept or holds no times.

    Chapter: Training data.

    >>> log = pd.DataFrame({"user": ["ann"], "query": ["taxi"], "ts": [pd.Timestamp("2026-01-05 10:31", tz="UTC")]})
    >>> minimised(log, ["query", "ts"], coarse={"ts": "h"})["ts"].iloc[0].minute
    0
    """
    missing = [column for column in keep if column not in log]
    if missing:
        raise ValueError(f"minimised: column {missing[0]!r} is not in the log (it has: {', '.join(map(str, log))}).")
    small = log[list(keep)].copy()
    for column, step in (coarse or {}).items():
        if column not in small or not pd.api.types.is_datetime64_any_dtype(small[column].dtype):
            raise ValueError(f"minimised: coarse names {column!r}, which is not a kept column of times.")
        small[column] = small[column].dt.floor(step)
    return small


def pseudonyms(ids: npt.ArrayLike, key: bytes) -> Array:
    """Names for ids that tell nothing to who lacks the key, and everything to who has it: a keyed hash.

    With a new key each month, the months cannot be joined once the old keys are thrown away.

    Args:
        ids: Integers or strings.
        key: A secret of 16 to 64 bytes.

    Returns:
        16 hexadecimal digits for each id, as an array of strings of the same shape.

    Raises:
        ValueError: If the key is too short or too long.

    Chapter: Training data.

    >>> names = pseudonyms([7, 8, 7], key=b"a secret of January")
    >>> bool(names[0] == names[2] != names[1])
    True
    """
    if not isinstance(key, bytes) or not 16 <= len(key) <= 64:
        raise ValueError("pseudonyms: key must be bytes, from 16 to 64 of them. Make one with secrets.token_bytes(32).")
    values = np.asarray(ids)
    code, different = pd.factorize(values.ravel())
    names = [hashlib.blake2b(str(one).encode(), digest_size=8, key=key).hexdigest() for one in different]
    return np.array(names, dtype=str)[code].reshape(values.shape)


def withheld(log: pd.DataFrame, column: str, *, least: int, by: str = "user_id") -> pd.DataFrame:
    """The log with a text replaced by "" wherever fewer than some number of people have it.

    Args:
        log: Columns `column` (strings) and `by`; others are kept.
        column: The column whose rare values are to go, such as `query`.
        least: How many different people a value needs to stay; at least 1.
        by: Whose column it is.

    Returns:
        The log, all rows and columns.

    Raises:
        ValueError: If a column is missing or `least` is below 1.

    Chapter: Training data.

    >>> log = pd.DataFrame({"user_id": [1, 2, 2], "query": ["taxi", "taxi", "my own name"]})
    >>> withheld(log, "query", least=2)["query"].tolist()
    ['taxi', 'taxi', '']
    """
    clean = checks.columns("log", log, column, by)
    if least < 1:
        raise ValueError(f"withheld: least is {least}; expected a whole number of at least 1.")
    people = clean.groupby(column)[by].nunique()
    enough = clean[column].map(people).to_numpy() >= least
    return log.assign(**{column: log[column].where(enough, "")})


def singled_out(log: pd.DataFrame, columns: Sequence[str], *, by: str = "user_id") -> float:
    """The share of people who have a value, or a combination of values, that nobody else has; "" is nobody's.

    Args:
        log: Columns `by` and `columns`.
        columns: What somebody who looks for a person might know of them.
        by: Whose row it is.

    Returns:
        A share in [0, 1] of the people in the log.

    Raises:
        ValueError: If a column is missing or the log has no row.

    Chapter: Training data.

    >>> singled_out(pd.DataFrame({"user_id": [1, 2, 2], "query": ["taxi", "taxi", "my own name"]}), ["query"])
    0.5
    """
    clean = checks.columns("log", log, by, *columns)
    if clean.empty:
        raise ValueError("log: it has no row, so it has nobody who could be singled out.")
    told = clean[(clean[list(columns)] != "").all(axis=1)].drop_duplicates()
    alone = ~told.duplicated(list(columns), keep=False)
    return float(told.loc[alone, by].nunique() / clean[by].nunique())


@dataclass(frozen=True, eq=False)
class Forgotten:
    """Tables without a person, and what was removed.

    Attributes:
        tables: The tables, by name.
        removed: A row a table: `table`, `rows` (removed), `left`.

    Chapter: Training data.
    """

    tables: dict[str, pd.DataFrame] = field(repr=False)
    removed: pd.DataFrame


def forget(user_id: int | str, log: pd.DataFrame, **derived: pd.DataFrame) -> Forgotten:
    """Delete a person's rows from a log, and from each table derived from it.

    A derived table is followed by its `user_id` or, where it has none, by `request_id`. One that has neither cannot be
    followed, and is refused: it would keep the person without anybody noticing. What was summed over many people (a
    model, a count) is not deleted by this; it has to be made again from the tables.

    Args:
        user_id: Who is to be forgotten.
        log: Columns `user_id, request_id`.
        **derived: Tables made from the log, by name.

    Returns:
        The tables without that person, the log under "log", and how many rows went.

    Raises:
        ValueError: If a column is missing, the log does not know the person, or a derived table cannot be followed.

    Chapter: Training data.

    >>> log = pd.DataFrame({"user_id": [1, 2, 2], "request_id": [10, 20, 21]})
    >>> forget(2, log, labels=pd.DataFrame({"request_id": [10, 21]})).removed.values.tolist()
    [['log', 2, 1], ['labels', 1, 1]]
    """
    checks.columns("log", log, "user_id", "request_id")
    theirs = log["user_id"].to_numpy() == user_id
    if not theirs.any():
        raise ValueError(f"log: nobody in it has user_id={user_id!r}. Check whether ids were replaced by pseudonyms.")
    requests = log.loc[theirs, "request_id"].unique()
    tables, rows = {}, []
    for name, table in {"log": log, **derived}.items():
        if "user_id" in table:
            gone = table["user_id"].to_numpy() == user_id
        elif "request_id" in table:
            gone = table["request_id"].isin(requests).to_numpy()
        else:
            raise ValueError(
                f"{name}: it has neither user_id nor request_id, so nobody can be followed into it. Keep one of them, "
                "or make the table again from the log."
            )
        tables[name] = table[~gone].reset_index(drop=True)
        rows.append({"table": name, "rows": int(gone.sum()), "left": int((~gone).sum())})
    return Forgotten(tables, pd.DataFrame(rows))
