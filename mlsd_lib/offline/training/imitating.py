"""Distillation: a light model that learns what a heavy one thinks, instead of what people did.

A click is one draw from a probability; the heavy model's opinion is the probability itself, or its best guess of it.
It can also be had for rows that were never shown to anybody.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from mlsd_lib.offline.training.fitting import train
from mlsd_lib.offline.training.models import Kind, Model


def distil(teacher: Model, table: pd.DataFrame, *, kind: Kind = "linear", seed: int = 0, **settings: float) -> Model:
    """A light model that imitates a heavy one.

    Args:
        teacher: The heavy model.
        table: What both read; columns that the teacher does not know are for the light model. No label is needed.
        kind: The kind of the light model; all but "net".
        seed: Seed of the training.
        **settings: Of the kind, as for `train`.

    Returns:
        The light model.

    Raises:
        ValueError: As `train`.

    Source: [hinton2015distilling]. Chapter: Models.

    >>> table = pd.DataFrame({"x": np.arange(100.0)})
    >>> heavy = train("trees", table, table["x"] > 60, trees=5, least=5)
    >>> light = distil(heavy, table)
    >>> bool((np.diff(light.predict(table)) > 0).all())
    True
    """
    return train(kind, table, teacher.predict(table), seed=seed, **settings)


def kept(
    heavy: npt.ArrayLike, light: npt.ArrayLike, unit: npt.ArrayLike, *, final: int, passed: int
) -> pd.Series[float]:
    """Of what the heavy model would put first, the share that a light one passes on to it.

    Args:
        heavy: Scores of the heavy model, of shape (candidates,).
        light: Scores of the light model, of the same shape.
        unit: The request of each candidate.
        final: How many the heavy model puts first.
        passed: How many the light one passes on; at least `final`.

    Returns:
        A share a request, named and ordered by the requests; equal scores go by place. A request with fewer than
        `final` candidates counts those that it has.

    Raises:
        ValueError: If shapes differ, a score is not finite, or `final` and `passed` are out of range.

    Chapter: Models.

    >>> kept([0.9, 0.8, 0.1], [3.0, 1.0, 2.0], [7, 7, 7], final=1, passed=1).to_dict()
    {7: 1.0}
    """
    scores = [np.asarray(score, dtype=np.float64) for score in (heavy, light)]
    units = np.asarray(unit)
    if any(score.shape != units.shape or not np.isfinite(score).all() for score in scores) or units.ndim != 1:
        raise ValueError("kept: expected a finite score of both models for each candidate, and its request.")
    if not 1 <= final <= passed:
        raise ValueError(f"kept: final is {final} and passed {passed}; expected 1 <= final <= passed.")
    code, names = pd.factorize(units, sort=True)
    wanted, on = (_place(score, code) < most for score, most in zip(scores, (final, passed), strict=True))
    share = np.bincount(code, weights=wanted & on) / np.bincount(code, weights=wanted)
    return pd.Series(share, index=pd.Index(names))


def _place(score: npt.NDArray[np.float64], code: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The place of each score within its group, from 0, the highest first."""
    order = np.lexsort((-score, code))
    place = np.empty(len(code), dtype=np.int64)
    ranked = code[order]
    place[order] = np.arange(len(code)) - np.searchsorted(ranked, ranked)
    return place
