"""Fewer rows to learn from, and what has to be put right afterwards.

Clicks are rare, so most of a log says the same thing. Leaving a part of it out is cheap and safe as long as the model,
or the one who reads its probabilities, is told what was left out.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from mlsd_lib.architecture import Array
from mlsd_lib.metrics import checks
from mlsd_lib.worlds import chance


def keep_negatives(clicked: npt.ArrayLike, *ids: npt.ArrayLike, rate: float, seed: int = 0) -> Array:
    """Which rows to keep: every positive, and each negative with probability `rate`.

    Args:
        clicked: 0 or 1, of shape (rows,).
        *ids: What a row is known by, such as request and ad; a row's luck depends on these and nothing else.
        rate: Share of the negatives to keep, above 0 and at most 1.
        seed: Seed of the draw.

    Returns:
        bool of shape (rows,).

    Raises:
        ValueError: If `clicked` is neither 0 nor 1 somewhere, no id is given, or `rate` is out of range.

    Source: [he2014facebook]. Chapter: Training data.

    >>> keep_negatives([1, 0, 0, 1], [1, 2, 3, 4], rate=1.0).tolist()
    [True, True, True, True]
    """
    positive = _zero_or_one("keep_negatives", clicked)
    _share("keep_negatives", "rate", rate)
    if not ids:
        raise ValueError(
            "keep_negatives: no ids given. Pass what a row is known by, such as log.request_id, log.ad_id."
        )
    drawn = chance.uniform(seed, "keep negatives", *ids)
    if drawn.shape != positive.shape:
        raise ValueError(f"keep_negatives: clicked has the shape {positive.shape} and the ids {drawn.shape}.")
    return np.asarray(positive | (drawn < rate))


def repaired(probability: npt.ArrayLike, rate: float) -> Array:
    """The probability in the whole log, from one that was learned where only a share of the negatives was kept.

    With p learned and w the share kept, it is p / (p + (1 - p) / w). The order stays as it was.

    Args:
        probability: Predictions in [0, 1].
        rate: The share of the negatives that was kept, above 0 and at most 1.

    Returns:
        float64 of the same shape.

    Raises:
        ValueError: If a value is no probability, or `rate` is out of range.

    Source: [he2014facebook]. Chapter: Training data.

    >>> repaired([0.091], rate=0.01).round(4).tolist()
    [0.001]
    """
    learned = np.asarray(probability, dtype=np.float64)
    _share("repaired", "rate", rate)
    wrong = ~((learned >= 0) & (learned <= 1))
    if wrong.any():
        raise ValueError(
            f"repaired: {int(wrong.sum())} of {learned.size} values are no probability (first: {learned[wrong][0]:g}). "
            "Pass probabilities, not scores or odds."
        )
    return np.asarray(learned / (learned + (1 - learned) / rate))


def keep_requests(log: pd.DataFrame, *, share: float, seed: int = 0) -> pd.DataFrame:
    """A smaller log: every request with a click, a share of the others, and the weight that makes up for the rest.

    A sum over the log is, on average, the weighted sum over what is kept, so a loss stays what it was.

    Args:
        log: Columns `request_id, clicked`; others are kept.
        share: Share of the requests without a click to keep, above 0 and at most 1.
        seed: Seed of the draw; whether a request is kept depends on it and on the request.

    Returns:
        The kept rows, in order, with `weight`: 1 for requests with a click, 1 / share for the others.

    Raises:
        ValueError: If a column is missing or unsound, `weight` is there already, or `share` is out of range.

    Source: [mcmahan2013trenches]. Chapter: Training data.

    >>> keep_requests(pd.DataFrame({"request_id": [1, 1, 2], "clicked": [0, 1, 0]}), share=1.0)["weight"].tolist()
    [1.0, 1.0, 1.0]
    """
    clean = checks.columns("log", log, "request_id", "clicked")
    clicked = checks.flags("log", clean, "clicked")
    _share("keep_requests", "share", share)
    if "weight" in log:
        raise ValueError("log: it has a column 'weight' already. Rename it, or multiply the two afterwards.")
    some = clicked.groupby(clean["request_id"]).transform("any").to_numpy()
    kept = some | (chance.uniform(seed, "keep requests", clean["request_id"].to_numpy()) < share)
    return log[kept].assign(weight=np.where(some, 1.0, 1 / share)[kept]).reset_index(drop=True)


def _zero_or_one(function: str, clicked: npt.ArrayLike) -> Array:
    values = np.asarray(clicked)
    odd = ~np.isin(values, [0, 1])
    if values.ndim != 1 or odd.any():
        raise ValueError(
            f"{function}: clicked has the shape {values.shape} and {int(odd.sum())} values that are neither 0 nor 1. "
            "Give a row of 0 and 1."
        )
    return values.astype(bool)


def _share(function: str, name: str, value: float) -> None:
    if not 0 < value <= 1:
        raise ValueError(f"{function}: {name} is {value}; expected a share above 0 and at most 1.")
