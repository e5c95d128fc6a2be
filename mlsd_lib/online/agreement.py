"""How far an offline metric and an online one put the same candidates into the same order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from mlsd_lib.architecture import Array

_AT_ONCE = 50  # resamples drawn at a time


@dataclass(frozen=True)
class Agreement:
    """The agreement of two orders of the same candidates.

    Attributes:
        correlation: Spearman's rank correlation of the candidates' means: 1 if the orders are the same, 0 if they have
            nothing to do with each other.
        low: Lower end of its 95 % interval, from resampling the units of both metrics.
        high: Its upper end.
        chosen: The candidate that the offline metric puts first.
        best: The one that the online metric puts first.
        lost: How much of the online metric the choice costs: that of `best` less that of `chosen`.
        place: The place of `chosen` online, from 1.
        candidates: How many were compared.

    Chapter: Online evaluation.
    """

    correlation: float
    low: float
    high: float
    chosen: str
    best: str
    lost: float
    place: int
    candidates: int

    def __str__(self) -> str:
        return (
            f"rank correlation {self.correlation:.2f} ({self.low:.2f} to {self.high:.2f}) over {self.candidates} "
            f"candidates; offline prefers {self.chosen!r}, which is number {self.place} online and {self.lost:.4f} "
            "behind the best"
        )


def agreement(offline: pd.DataFrame, online: pd.DataFrame, *, resamples: int = 500, seed: int = 0) -> Agreement:
    """Compare the order of candidates offline with their order online.

    Resampling adds noise to means that have some already, so with candidates that lie close together the interval lies
    a little low: it says how well such *measurements* agree.

    Args:
        offline: A row a unit that was judged, such as a query, and a column a candidate, higher being better; NaN where
            a unit says nothing.
        online: A row a unit that was served, such as a user, and the same columns. Its units need not be those of
            `offline`, but a row holds one unit under every candidate: from a simulation, or one experiment each.
        resamples: Bootstrap resamples; at least 100.
        seed: Seed of the resampling.

    Returns:
        The agreement.

    Raises:
        ValueError: If the candidates differ or are fewer than three, a table has fewer than two units or a candidate
            without a value, all candidates are equal, or there are too few resamples.

    Source: [garcin2014swissinfo] for what its absence costs. Chapter: Online evaluation.

    >>> offline = pd.DataFrame({"a": [0.1, 0.2, 0.1], "b": [0.3, 0.3, 0.4], "c": [0.5, 0.4, 0.6]})
    >>> online = pd.DataFrame({"a": [1.0, 2.0], "b": [5.0, 5.0], "c": [4.0, 4.0]})
    >>> found = agreement(offline, online)
    >>> found.correlation, found.chosen, found.place, found.lost
    (0.5, 'c', 2, 1.0)
    """
    if resamples < 100:
        raise ValueError(f"agreement: resamples={resamples}; the ends of an interval need at least 100.")
    names = list(offline)
    if len(names) < 3 or set(names) != set(online) or len(set(names)) < len(names) or not online.columns.is_unique:
        raise ValueError(
            f"agreement: offline has the candidates {names} and online {list(online)}. Give the same ones, three or "
            "more, a column each."
        )
    tables = [_values("offline", offline), _values("online", online[names])]
    means = [_means(table, np.ones((1, len(table)))) for table in tables]
    for name, mean in zip(("offline", "online"), means, strict=True):
        if np.ptp(mean) == 0:
            raise ValueError(f"agreement: {name}, all candidates have the same mean, so there is no order to compare.")
    rng, found = np.random.default_rng(seed), []
    for start in range(0, resamples, _AT_ONCE):
        size = min(_AT_ONCE, resamples - start)
        found.append(_spearman(*(_means(table, rng.poisson(1.0, (size, len(table)))) for table in tables)))
    low, high = np.nanpercentile(np.concatenate(found), [2.5, 97.5])
    first, success = int(means[0].argmax()), means[1][0]
    place = int((success > success[first]).sum()) + 1
    return Agreement(
        correlation=float(_spearman(*means)[0]),
        low=float(low),
        high=float(high),
        chosen=str(names[first]),
        best=str(names[int(success.argmax())]),
        lost=float(success.max() - success[first]),
        place=place,
        candidates=len(names),
    )


def _values(name: str, table: pd.DataFrame) -> Array:
    values = table.to_numpy(dtype=np.float64)
    empty = np.isnan(values).all(axis=0) if len(values) else np.ones(values.shape[1], dtype=bool)
    if len(values) < 2 or empty.any():
        which = f"; {table.columns[int(np.argmax(empty))]!r} has no value" if empty.any() else ""
        raise ValueError(f"agreement: {name} has {len(values)} units{which}. Give a value for two units and more.")
    if np.isinf(values).any():
        raise ValueError(f"agreement: {name} has infinite values. A mean of them is no order.")
    return values


def _means(values: Array, weight: Array) -> Array:
    """The mean of each candidate under each set of weights, of shape (sets, candidates)."""
    there = ~np.isnan(values)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray((weight @ np.where(there, values, 0.0)) / (weight @ there.astype(np.float64)))


def _spearman(one: Array, other: Array) -> Array:
    """Rank correlation row by row; NaN where all candidates are equal."""
    from scipy.stats import rankdata

    ranks = [rankdata(np.round(means, 12), axis=1) for means in (one, other)]
    a, b = (rank - rank.mean(axis=1, keepdims=True) for rank in ranks)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray((a * b).sum(axis=1) / np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1)))
