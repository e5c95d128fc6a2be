"""Target encoding: a name replaced by how often it was clicked, without telling a row its own answer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from mlsd_lib.architecture import Array
from mlsd_lib.metrics import checks
from mlsd_lib.offline.features import history
from mlsd_lib.offline.features.windows import EVER, windows


def smoothed(total: npt.ArrayLike, count: npt.ArrayLike, *, rate: npt.ArrayLike, weight: float) -> Array:
    """Rates that trust few observations little: (total + weight · rate) / (count + weight).

    Args:
        total: Sums, such as clicks.
        count: How many observations each sum has; at least 0.
        rate: What is expected where nothing was observed.
        weight: How many observations that expectation is worth; above 0.

    Returns:
        float64 of the common shape.

    Raises:
        ValueError: If a count is negative or `weight` is not above 0.

    Chapter: Features.

    >>> smoothed([0, 1, 50], [0, 1, 100], rate=0.1, weight=10).round(3).tolist()
    [0.1, 0.182, 0.464]
    """
    often = np.asarray(count, dtype=np.float64)
    if not (often >= 0).all() or not 0 < weight < np.inf:
        raise ValueError(f"smoothed: expected counts of at least 0 and a weight above 0; weight is {weight}.")
    return np.asarray((np.asarray(total) + weight * np.asarray(rate)) / (often + weight))


def encoded_out_of_fold(
    key: npt.ArrayLike, label: npt.ArrayLike, fold: npt.ArrayLike, *, weight: float = 20.0
) -> Array:
    """The mean label of each row's key, over the rows of the *other* folds.

    Args:
        key: What is to be encoded, of shape (rows,): numbers or texts.
        label: A number a row, such as clicked or not.
        fold: Which fold a row is in; at least two different ones. What belongs together (a user's rows, a day's)
            belongs in one fold.
        weight: How many rows the mean label of the other folds is worth; above 0.

    Returns:
        float64 of shape (rows,), drawn towards the mean label of the other folds.

    Raises:
        ValueError: If shapes differ, a value is missing, there are fewer than two folds, or `weight` is not above 0.

    Source: [kaufman2012leakage]. Chapter: Features.

    >>> encoded_out_of_fold(["a", "a", "b"], [1, 0, 0], fold=[0, 1, 1], weight=1.0).tolist()
    [0.0, 1.0, 1.0]
    """
    table = _table("encoded_out_of_fold", key=key, label=label, fold=fold)
    labels = table["label"].to_numpy(dtype=np.float64)
    folds, number = _codes(table["fold"])
    if number < 2:
        raise ValueError(f"encoded_out_of_fold: {number} fold, and it takes two: the others say what a row is given.")
    keys, _ = _codes(table["key"])
    both = keys * number + folds
    total = np.bincount(keys, labels)[keys] - np.bincount(both, labels)[both]
    count = np.bincount(keys)[keys] - np.bincount(both)[both]
    rest = (labels.sum() - np.bincount(folds, labels)) / (len(labels) - np.bincount(folds))
    return smoothed(total, count, rate=rest[folds], weight=weight)


def encoded_in_time(
    rows: pd.DataFrame, *, on: str | Sequence[str], label: str, rate: float, time: str = "ts", weight: float = 20.0
) -> pd.Series[float]:
    """The mean label of each row's key, over the rows that are strictly earlier.

    Args:
        rows: Columns `on`, `label` and `time`. In any order.
        on: Name or names of the columns that make up what is to be encoded.
        label: Name of the column with the label, a number or boolean.
        rate: What is expected of a key before its first row, such as last month's rate.
        time: Name of the column of times.
        weight: How many rows that expectation is worth; above 0.

    Returns:
        A value for each of `rows`, with its index.

    Raises:
        ValueError: If a column or value is missing, or `weight` is not above 0.

    Source: [kaufman2012leakage]. Chapter: Features.

    >>> hour = pd.Timestamp("2026-01-05", tz="UTC") + pd.to_timedelta([0, 1, 2], unit="h")
    >>> log = pd.DataFrame({"ad_id": 7, "ts": hour, "clicked": [1, 0, 0]})
    >>> encoded_in_time(log, on="ad_id", label="clicked", rate=0.0, weight=1.0).tolist()
    [0.0, 0.5, 0.3333333333333333]
    """
    past = windows(rows, rows, on=on, last={"ever": EVER}, sums=[label], time=time)
    value = smoothed(past[f"{label}_ever"], past["count_ever"], rate=rate, weight=weight)
    return pd.Series(value, index=rows.index)


def encoded_from(
    past_key: npt.ArrayLike, past_label: npt.ArrayLike, key: npt.ArrayLike, *, weight: float = 20.0
) -> Array:
    """The mean label that keys had in past rows: for rows that come later, such as those of serving.

    Args:
        past_key: Keys of past rows, of shape (past rows,).
        past_label: Their labels.
        key: What is to be encoded, of shape (rows,).
        weight: How many rows the mean past label is worth; above 0.

    Returns:
        float64 of shape (rows,); the mean past label for a key that was never seen.

    Raises:
        ValueError: If shapes differ, a value is missing, or there is no past row.

    Chapter: Features.

    >>> encoded_from(["a", "a", "b"], [1, 0, 0], ["a", "new"], weight=1.0).round(3).tolist()
    [0.444, 0.333]
    """
    past = _table("encoded_from", past_key=past_key, past_label=past_label)
    if not len(past):
        raise ValueError("encoded_from: there is no past row, so nothing was learned. Give at least one.")
    asked = _table("encoded_from", key=key)["key"]
    kinds = [history.kind(values) for values in (asked, past["past_key"])]
    if len(asked) and kinds[0] != kinds[1]:
        raise ValueError(f"encoded_from: key holds {kinds[0]} and past_key {kinds[1]}. Make them the same.")
    mean = past["past_label"].astype(np.float64).groupby(past["past_key"]).agg(["sum", "count"])
    known = mean.reindex(asked).fillna(0)
    return smoothed(known["sum"], known["count"], rate=float(past["past_label"].mean()), weight=weight)


def _table(function: str, **columns: npt.ArrayLike) -> pd.DataFrame:
    arrays = {name: np.asarray(values) for name, values in columns.items()}
    shapes = {values.shape for values in arrays.values()}
    if len(shapes) > 1 or len(next(iter(shapes))) != 1:
        named = ", ".join(f"{name} {values.shape}" for name, values in arrays.items())
        raise ValueError(f"{function}: shapes differ or are not of one dimension: {named}. Give a value each a row.")
    table = checks.columns(function, pd.DataFrame(arrays), *arrays)
    for name in arrays:
        if name.endswith("label") and len(table) and not pd.api.types.is_numeric_dtype(table[name].dtype):
            raise ValueError(f"{function}: {name} holds no numbers but {table[name].dtype}. Give 0 and 1, or numbers.")
    return table


def _codes(values: pd.Series[int]) -> tuple[Array, int]:
    code, kinds = pd.factorize(values)
    return code.astype(np.int64), len(kinds)
