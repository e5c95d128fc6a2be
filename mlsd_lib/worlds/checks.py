"""Checks that every world makes of numbers, seeds, ids and people."""

from __future__ import annotations

import numpy as np
import pandas as pd

from mlsd_lib.architecture import Array
from mlsd_lib.tables.checks import plain as plain


def whole(function: str, name: str, value: int, low: int, high: int) -> None:
    """Raise an error unless a value is a whole number between two others, both included."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or not low <= value <= high:
        raise ValueError(f"{function}: {name} is {value!r}; expected a whole number from {low} to {high}.")


def seed(function: str, value: int) -> None:
    """Raise an error unless a value can be a seed."""
    whole(function, "seed", value, -(2**63), 2**63 - 1)


def probability(function: str, name: str, value: float) -> None:
    """Raise an error unless a value lies between 0 and 1."""
    if not is_number(value) or not 0 <= value <= 1:
        raise ValueError(f"{function}: {name} is {value!r}, and a probability is a number from 0 to 1.")


def is_number(value: object) -> bool:
    """Whether a value is a number and not a boolean."""
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)


def users(frame: pd.DataFrame, most: int, world: str) -> Array:
    """The ids of people of a world, each once; an error otherwise.

    Args:
        frame: Column `user_id`.
        most: How many people the world can have.
        world: What the world is called, for the error.

    Returns:
        int64 array of shape (people,).

    Raises:
        ValueError: If the table is empty or unsound, or names somebody twice or nobody of this world.
    """
    if not isinstance(frame, pd.DataFrame) or "user_id" not in frame or frame.empty:
        raise ValueError(
            f"users: expected a DataFrame with the column user_id and at least one row. Make one with {world}.users."
        )
    ids = frame["user_id"].to_numpy()
    beyond, again = strange(ids, most), frame["user_id"].duplicated().to_numpy()
    wrong = beyond if beyond.any() else again
    if wrong.any():
        what = "have a user_id that this world did not give" if beyond.any() else "repeat a user_id"
        raise ValueError(
            f"users: {int(wrong.sum())} rows {what} (first: row {int(np.argmax(wrong))}, user_id="
            f"{plain(ids[wrong][0])!r}).\nTake the users that {world}.users made, each once."
        )
    return ids.astype(np.int64)


def strange(ids: Array, end: int) -> Array:
    """Which ids are no whole numbers from 0 to below an end."""
    if len(ids) and ids.dtype.kind not in "iu":
        return np.ones(len(ids), dtype=bool)
    return np.asarray((ids < 0) | (ids >= end))
