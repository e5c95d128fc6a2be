"""Training on one side, judging on the other: splits by time, by user or query, and at random.

Each split answers another question. By time: how good will the model be tomorrow? By a key: how good is it for users
or queries that it has never met? At random: how good would it be if what it is asked tomorrow were drawn from the same
days, people and queries that it learned from? The last is seldom what one wants to know.

A row is put on a side by its own values, never by where it stands, so a table that is sorted otherwise or cut
shorter is split the same way. What ends up on neither side is counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from mlsd_lib.architecture import Array
from mlsd_lib.metrics import checks
from mlsd_lib.worlds import chance


@dataclass(frozen=True)
class Split:
    """Rows to learn from and rows to judge by.

    Attributes:
        train: Rows to learn from, in their order, with their labels.
        test: Rows to judge by.
        left_out: How many rows are on neither side, by reason.
        how: How the rows were split, in words.

    Chapter: Offline evaluation.
    """

    train: pd.DataFrame
    test: pd.DataFrame
    left_out: Mapping[str, int]
    how: str

    def __str__(self) -> str:
        out = "".join(f", {rows:,} left out ({reason})" for reason, rows in self.left_out.items() if rows)
        return f"{self.how}: {len(self.train):,} rows to learn from, {len(self.test):,} to judge by{out}"


def split_by_time(
    rows: pd.DataFrame, at: Any, *, column: str = "ts", gap: Any = None, unseen: str | None = None
) -> Split:
    """Learn from what came before a moment, judge by what came at it or after.

    Args:
        rows: A log, in any order; several rows may share a time.
        at: The moment, of the kind that `column` holds; rows of exactly that time are to judge by.
        column: The column of times (timestamps or numbers), without a missing value.
        gap: How long before `at` the training rows end, such as the delay of the label; at least 0. Rows between are
            left out. None is no gap.
        unseen: A column such as "user_id": test rows whose value also stands in a training row are left out.

    Returns:
        The two sides, and how many rows are on neither.

    Raises:
        ValueError: If a column is missing or has missing values, `at` or `gap` do not fit it, `gap` is negative, or a
            side would be empty.

    Source: [zinkevich2017rules]. Chapter: Offline evaluation.

    >>> log = pd.DataFrame({"ts": [3, 1, 2, 3], "user_id": [7, 7, 8, 9]})
    >>> print(split_by_time(log, at=3, unseen="user_id"))
    by time at 3: 2 rows to learn from, 1 to judge by, 1 left out (user_id is among the training rows)
    """
    _there(rows, column, *([] if unseen is None else [unseen]))
    time = rows[column]
    try:
        end = at if gap is None else at - gap
        after, before = (time >= at).to_numpy(), (time < end).to_numpy()
        backwards = gap is not None and bool(end > at)
    except TypeError as error:
        raise ValueError(
            f"split_by_time: at={at!r} and gap={gap!r} do not fit {column}, which holds {time.dtype} ({error}). Give a "
            "moment of that kind, for example pd.Timestamp('2026-01-06', tz='UTC')."
        ) from None
    if backwards:
        raise ValueError(f"split_by_time: gap is {gap!r}; expected a length of at least 0.")
    left = {"in the gap": int((~after & ~before).sum())}
    if unseen is not None:
        known = after & rows[unseen].isin(rows[unseen][before]).to_numpy()
        left[f"{unseen} is among the training rows"] = int(known.sum())
        after = after & ~known
    return _split(rows, before, after, left, f"by time at {at}")


def split_by_key(rows: pd.DataFrame, *key: str, share: float = 0.2, seed: int = 0) -> Split:
    """Whole users, or whole queries, on one side or the other.

    Args:
        rows: A table.
        *key: Columns that together say whom or what a row is about, such as "user_id"; without a missing value.
        share: About which share of the keys (not of the rows) is to judge by, between 0 and 1.
        seed: Seed of the draw, which depends on the key's values alone.

    Returns:
        The two sides.

    Raises:
        ValueError: If no column is named, one is missing or has missing values, `share` is not between 0 and 1, or a
            side would be empty, as where all rows have the same key.

    Chapter: Offline evaluation.

    >>> log = pd.DataFrame({"user_id": [1, 1, 2, 3, 3, 4], "clicked": [0, 1, 0, 0, 1, 1]})
    >>> found = split_by_key(log, "user_id", share=0.5)
    >>> set(found.train["user_id"]) & set(found.test["user_id"])
    set()
    """
    if not key:
        raise ValueError("split_by_key: no column named. Say whom a row is about: split_by_key(log, 'user_id').")
    _there(rows, *key)
    drawn = _drawn("split by key", share, seed, [ids(rows[name].to_numpy()) for name in key])
    return _split(rows, ~drawn, drawn, {}, f"by {', '.join(key)}")


def split_at_random(rows: pd.DataFrame, *, share: float = 0.2, seed: int = 0) -> Split:
    """Row by row, by chance: rows of one user, query or day come to stand on both sides.

    Args:
        rows: A table whose index has no label twice.
        share: About which share of the rows is to judge by, between 0 and 1.
        seed: Seed of the draw, which depends on the row's label alone.

    Returns:
        The two sides.

    Raises:
        ValueError: If labels repeat, `share` is not between 0 and 1, or a side would be empty.

    Chapter: Offline evaluation.

    >>> print(split_at_random(pd.DataFrame({"clicked": range(1_000)})))
    at random: 816 rows to learn from, 184 to judge by
    """
    again = rows.index.duplicated()
    if again.any():
        raise ValueError(
            f"rows: {checks.count(again)} have the label of an earlier one (first: {rows.index[again].tolist()[0]!r}). "
            "Number them with reset_index(drop=True)."
        )
    drawn = _drawn("split at random", share, seed, [ids(rows.index.to_numpy())])
    return _split(rows, ~drawn, drawn, {}, "at random")


def ids(values: npt.NDArray[Any]) -> Array:
    """Values that a keyed draw can take: integers as they are, all else as text."""
    return values if values.dtype.kind in "iu" else np.asarray([str(value) for value in values.tolist()], dtype=object)


def _drawn(purpose: str, share: float, seed: int, ids: Sequence[Array]) -> Array:
    if not 0 < share < 1:
        raise ValueError(f"{purpose}: share is {share}; expected a share between 0 and 1, such as 0.2.")
    return np.asarray(chance.uniform(seed, purpose, *ids) < share)


def _there(rows: pd.DataFrame, *columns: str) -> None:
    checks.columns("rows", rows, *dict.fromkeys(columns))


def _split(rows: pd.DataFrame, train: Array, test: Array, left: Mapping[str, int], how: str) -> Split:
    for side, chosen in (("to learn from", train), ("to judge by", test)):
        if not chosen.any():
            out = ", ".join(f"{many} {reason}" for reason, many in left.items() if many)
            raise ValueError(
                f"split {how}: no row is left {side} (of {len(rows)}{'; left out: ' + out if out else ''}). "
                "Choose another moment, share or key."
            )
    return Split(rows[train], rows[test], left, how)
