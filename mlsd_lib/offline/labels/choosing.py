"""Which items to have labelled next: at random, or those of which the model is least certain."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from mlsd_lib.architecture import Array
from mlsd_lib.worlds import chance


def least_certain(probability: npt.ArrayLike, n: int) -> Array:
    """The rows whose two likeliest labels are closest to each other; of equal ones, the earlier.

    Args:
        probability: A predicted probability for each row and label, of shape (rows, labels), at least two labels.
        n: How many rows, from 1 to their number.

    Returns:
        Row numbers, int64 of shape (n,), the least certain first.

    Raises:
        ValueError: If the shape is another, a value is not finite, or `n` is out of range.

    Source: [lewis1994sequential]. Chapter: Training data.

    >>> least_certain([[0.9, 0.1], [0.45, 0.55], [0.3, 0.7]], n=2).tolist()
    [1, 2]
    """
    table = np.asarray(probability, dtype=np.float64)
    if table.ndim != 2 or table.shape[1] < 2 or not np.isfinite(table).all():
        raise ValueError(
            f"least_certain: probability has the shape {table.shape}; expected (rows, labels), two or more."
        )
    if not 1 <= n <= len(table):
        raise ValueError(f"least_certain: n is {n}; expected a whole number from 1 to {len(table)}.")
    top = np.sort(table, axis=1)
    return np.argsort(top[:, -1] - top[:, -2], kind="stable")[:n]


def labelled_in_turn(
    model: Any,
    values: Any,
    labels: Sequence[Any] | Array,
    score: Callable[[Any], float],
    *,
    first: int,
    step: int,
    most: int,
    choose: Literal["at random", "least certain"],
    seed: int = 0,
) -> pd.DataFrame:
    """Have items labelled a batch at a time, train a fresh model after each, and note how good it is.

    The first batch is random either way. If it has one label only, random items are added until there are two.

    Args:
        model: A scikit-learn classifier with `predict_proba`; it is copied, not changed.
        values: Features of the items, an array or a sparse matrix with a row an item.
        labels: What a person would say of each item; read only for those that are chosen.
        score: What a trained model is worth, on items that are not among these.
        first: Items in the first batch; at least 2.
        step: Items in each further batch; at least 1.
        most: Labels after which to stop; at most the number of items.
        choose: How the further batches are chosen.
        seed: Seed of random choices.

    Returns:
        One row a batch: `labels` (how many in all) and `score`.

    Raises:
        ValueError: If a setting is out of range, the lengths differ, or all items have the same label.

    Source: [lewis1994sequential]. Chapter: Training data.

    >>> from sklearn.linear_model import LogisticRegression
    >>> values = np.arange(100.0)[:, None]
    >>> late = values[:, 0] > 60
    >>> found = labelled_in_turn(LogisticRegression(), values, late, lambda model: model.score(values, late), first=10,
    ...                          step=5, most=20, choose="least certain")
    >>> found["labels"].tolist()
    [10, 15, 20]
    """
    from sklearn.base import clone

    said = np.asarray(labels)
    if values.shape[0] != len(said):
        raise ValueError(f"labelled_in_turn: {values.shape[0]} items and {len(said)} labels. Give one of each.")
    if not (2 <= first <= most <= len(said) and step >= 1):
        raise ValueError(
            f"labelled_in_turn: first={first}, step={step}, most={most} for {len(said)} items; expected 2 <= first "
            "<= most <= items, and a step of at least 1."
        )
    if choose not in ("at random", "least certain"):
        raise ValueError(f"labelled_in_turn: choose must be 'at random' or 'least certain', got {choose!r}.")
    if len(np.unique(said)) < 2:
        raise ValueError("labelled_in_turn: all items have the same label, so there is nothing to tell apart.")
    waiting = np.argsort(chance.bits(seed, "label next", np.arange(len(said))), kind="stable")
    known, waiting = waiting[:first], waiting[first:]
    rows = []
    while True:
        while len(np.unique(said[known])) < 2:
            known, waiting = np.append(known, waiting[:1]), waiting[1:]
        trained = clone(model).fit(values[known], said[known])
        rows.append({"labels": len(known), "score": float(score(trained))})
        count = min(step, most - len(known))
        if count <= 0:
            return pd.DataFrame(rows)
        chosen = np.arange(count)
        if choose == "least certain":
            chosen = least_certain(trained.predict_proba(values[waiting]), count)
        known, waiting = np.append(known, waiting[chosen]), np.delete(waiting, chosen)


def labels_needed(curve: pd.DataFrame, reach: float) -> float:
    """How many labels it took to reach a score and not fall below it again.

    Args:
        curve: Columns `labels, score`, as `labelled_in_turn` returned them.
        reach: The score to reach.

    Returns:
        The number of labels; NaN if it was not reached for good.

    Raises:
        ValueError: If a column is missing.

    Chapter: Training data.

    >>> labels_needed(pd.DataFrame({"labels": [10, 20, 30], "score": [0.9, 0.7, 0.8]}), 0.75)
    30.0
    """
    missing = [column for column in ("labels", "score") if column not in curve]
    if missing:
        raise ValueError(f"curve: column {missing[0]!r} is missing. Pass what labelled_in_turn returned.")
    below = np.flatnonzero(~(curve["score"].to_numpy(dtype=np.float64) >= reach))
    start = int(below[-1]) + 1 if len(below) else 0
    return float(curve["labels"].iloc[start]) if start < len(curve) else float("nan")
