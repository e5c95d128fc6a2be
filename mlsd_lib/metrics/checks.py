"""Checks of the tables that come into the metrics of text and of people's behaviour."""

from __future__ import annotations

import numpy as np
import pandas as pd

from mlsd_lib.architecture import Array
from mlsd_lib.tables.checks import plain as plain


def columns(table: str, frame: pd.DataFrame, *needed: str) -> pd.DataFrame:
    """The needed columns of a frame, each without a missing value; an error otherwise.

    Args:
        table: What to call the frame in the error.
        frame: The frame.
        *needed: Names of columns.

    Returns:
        A frame of those columns, with a fresh index.

    Raises:
        ValueError: If it is no frame, lacks a column, or has a missing value in one.
    """
    if not isinstance(frame, pd.DataFrame):
        raise ValueError(
            f"{table}: expected a pandas DataFrame with {', '.join(needed)}, got a {type(frame).__name__}."
        )
    missing = [column for column in needed if column not in frame]
    if missing:
        there = ", ".join(map(str, frame.columns)) or "none"
        raise ValueError(f"{table}: column {missing[0]!r} is missing (columns there: {there}). Rename or add it.")
    clean = frame[list(needed)].reset_index(drop=True)
    for column in needed:
        none = clean[column].isna().to_numpy()
        if none.any():
            raise ValueError(
                f"{table}: {column} is missing in {count(none)} (first: row {int(np.argmax(none))}). Drop them, or "
                "give them a value."
            )
    return clean


def flags(table: str, frame: pd.DataFrame, column: str) -> pd.Series[bool]:
    """A column of true and false, or of 1 and 0, as booleans; an error otherwise.

    Args:
        table: What to call the frame in the error.
        frame: A frame with that column, without missing values.
        column: Its name.

    Returns:
        The column as booleans.

    Raises:
        ValueError: If a value is something else.
    """
    odd = ~frame[column].isin([0, 1]).to_numpy()
    if odd.any():
        raise ValueError(
            f"{table}: {column} is neither true nor false in {count(odd)} (first: row {int(np.argmax(odd))}, "
            f"{plain(frame[column][odd].iloc[0])!r}). Say True or False for each."
        )
    return frame[column].astype(bool)


def once(table: str, frame: pd.DataFrame, key: list[str]) -> None:
    """Raise an error if rows repeat a key.

    Args:
        table: What to call the frame in the error.
        frame: A frame with the columns of the key.
        key: Names of columns.

    Raises:
        ValueError: If two rows have the same key.
    """
    again = frame.duplicated(key).to_numpy()
    if again.any():
        first = ", ".join(f"{name}={plain(frame[name].iloc[int(np.argmax(again))])!r}" for name in key)
        raise ValueError(
            f"{table}: {', '.join(key)} of an earlier row again in {count(again)} (first: {first}). Keep one of each."
        )


def count(wrong: Array) -> str:
    """How many rows are wrong, in words.

    Args:
        wrong: A boolean a row.

    Returns:
        "1 row", "2 rows", ….
    """
    number = int(np.count_nonzero(wrong))
    return "1 row" if number == 1 else f"{number} rows"
