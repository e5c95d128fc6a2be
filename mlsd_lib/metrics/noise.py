"""How sure a metric is: its mean with an interval, its gap between groups, and how many requests it takes.

Requests are resampled, not rows: two results of one request share a query, a person and a moment, so they are not two
observations.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from mlsd_lib.architecture import Array

_AT_ONCE = 1_000_000  # resampled values held in memory at a time


@dataclass(frozen=True)
class Mean:
    """A mean over requests, and how far it can be trusted.

    Attributes:
        value: The mean of the counted requests; NaN where there are none.
        low: Lower end of the bootstrap interval.
        high: Upper end of the bootstrap interval.
        counted: Requests with a value.
        left_out: Requests whose value is NaN, such as those without a relevant judgment.

    Chapter: Metrics.
    """

    value: float
    low: float
    high: float
    counted: int
    left_out: int

    def __str__(self) -> str:
        return (
            f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f}), {self.counted} requests, {self.left_out} left out"
        )


def mean(values: pd.Series[float], *, level: float = 0.95, resamples: int = 1_000, seed: int = 0) -> Mean:
    """The mean over requests with a percentile bootstrap interval, requests being resampled.

    Args:
        values: A value a request, as the metrics of this package return them; NaN means left out.
        level: Coverage of the interval, between 0 and 1.
        resamples: How many times to resample.
        seed: Seed of the resampling.

    Returns:
        The mean, its interval, and how many requests were counted and left out.

    Raises:
        ValueError: If `level` is not between 0 and 1, or `resamples` is below 1.

    Source: [efron1993bootstrap]. Chapter: Metrics.

    >>> print(mean(pd.Series([1.0, 0.5, float("nan"), 0.0])))
    0.500 (0.000 to 1.000), 3 requests, 1 left out
    """
    _settings("mean", level, resamples)
    everything = values.to_numpy(dtype=np.float64)
    counted = everything[~np.isnan(everything)]
    left_out = len(everything) - len(counted)
    if not len(counted):
        return Mean(float("nan"), float("nan"), float("nan"), 0, left_out)
    rng = np.random.default_rng(seed)
    means = _resampled(counted, _steps(resamples, len(counted)), rng)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return Mean(float(counted.mean()), float(low), float(high), len(counted), left_out)


def ratio(
    top: pd.Series[Any], bottom: pd.Series[Any], *, level: float = 0.95, resamples: int = 1_000, seed: int = 0
) -> Mean:
    """A ratio of two sums, such as clicks over impressions, with a bootstrap interval over the units that were summed.

    Args:
        top: A value a unit (a user, a request), such as its clicks.
        bottom: A value for the same units in the same order, such as what was shown; at least 0.
        level: Coverage of the interval, between 0 and 1.
        resamples: How many times to resample.
        seed: Seed of the resampling.

    Returns:
        The ratio, its interval, how many units were counted, and how many were left out for a missing value.

    Raises:
        ValueError: If the indexes differ, `bottom` sums to 0 or has a negative value, or as `mean`.

    Source: [efron1993bootstrap]. Chapter: Metrics.

    >>> print(ratio(pd.Series([1, 0, 0]), pd.Series([1, 9, 10])))
    0.050 (0.000 to 1.000), 3 requests, 0 left out
    """
    _settings("ratio", level, resamples)
    if not top.index.equals(bottom.index):
        raise ValueError(f"ratio: top has {len(top)} units and bottom {len(bottom)}, and they are not the same ones.")
    pairs = np.column_stack([top.to_numpy(dtype=np.float64), bottom.to_numpy(dtype=np.float64)])
    counted = pairs[~np.isnan(pairs).any(axis=1)]
    if not (counted[:, 1].sum() > 0 and (counted[:, 1] >= 0).all()):
        raise ValueError("ratio: bottom sums to 0 or has a negative value, so there is nothing to divide by.")
    rng = np.random.default_rng(seed)
    ratios = []
    for step in _steps(resamples, len(counted)):
        drawn = counted[rng.integers(len(counted), size=(step, len(counted)))].sum(axis=1)
        ratios.append(np.divide(drawn[:, 0], drawn[:, 1], out=np.full(step, np.nan), where=drawn[:, 1] > 0))
    low, high = np.nanquantile(np.concatenate(ratios), [(1 - level) / 2, (1 + level) / 2])
    value = float(counted[:, 0].sum() / counted[:, 1].sum())
    return Mean(value, float(low), float(high), len(counted), len(pairs) - len(counted))


def summary(values: Mapping[str, pd.Series[Any]], *, seed: int = 0) -> pd.DataFrame:
    """Several metrics under each other, each with its interval: component-wise ones beside those of the whole.

    Args:
        values: A Series of values a unit by the metric's name; the units may differ (requests, sessions, users).
        seed: Seed of the resampling.

    Returns:
        A row a metric, with the columns `value, low, high, counted, left_out`.

    Raises:
        ValueError: If there is no metric.

    Chapter: Metrics.

    >>> summary({"NDCG@10": pd.Series([1.0, 0.5]), "session success": pd.Series([1.0, 1.0, 1.0])})["value"].to_dict()
    {'NDCG@10': 0.75, 'session success': 1.0}
    """
    if not values:
        raise ValueError("summary: no metric given. Name at least one: summary({'NDCG@10': ndcg}).")
    rows = {name: vars(mean(series, seed=seed)) for name, series in values.items()}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("metric")


def requests_needed(spread: float, change: float, *, power: float = 0.8, level: float = 0.95) -> int:
    """How many requests it takes to see a change of a mean.

    Args:
        spread: Standard deviation over requests, above 0. Where both systems answer the same requests: of the
            *difference* of a request's two values. Where each arm has its own: of the values; the result is then for
            each arm, if `spread` is multiplied by the square root of 2.
        change: The change of the mean to be seen, in the same unit; not 0.
        power: Probability of seeing it, between 0.5 and 1.
        level: Confidence of the two-sided test, between 0 and 1.

    Returns:
        The number of requests, rounded up.

    Raises:
        ValueError: If an argument is out of range.

    Source: [kohavi2020trustworthy]. Chapter: Metrics.

    >>> requests_needed(spread=0.2, change=0.01)
    3140
    """
    if not (0 < spread < math.inf and change != 0 and math.isfinite(change) and 0.5 <= power < 1 and 0 < level < 1):
        raise ValueError(
            f"requests_needed: spread={spread}, change={change}, power={power}, level={level}; expected a spread above "
            "0, a change other than 0, a power from 0.5 to 1, and a level between 0 and 1."
        )
    from scipy.special import ndtri

    z = float(ndtri((1 + level) / 2) + ndtri(power))
    return math.ceil((z * spread / change) ** 2)


def apart(control: pd.Series[Any], treatment: pd.Series[Any]) -> float:
    """How far apart the means of two arms of different people are, in standard errors; about 2 is seldom chance.

    Args:
        control: A value a unit (a user, a session) of one arm; NaN means left out.
        treatment: The same of the other arm.

    Returns:
        The difference of the means over its standard error, above 0 where the treatment's is higher.

    Raises:
        ValueError: If an arm has fewer than two values, or neither arm varies.

    Source: [kohavi2020trustworthy]. Chapter: Metrics.

    >>> round(apart(pd.Series([1.0, 2.0, 3.0]), pd.Series([2.0, 3.0, 4.0])), 2)
    1.22
    """
    arms = [arm.to_numpy(dtype=np.float64) for arm in (control, treatment)]
    one, other = (arm[~np.isnan(arm)] for arm in arms)
    if min(len(one), len(other)) < 2:
        raise ValueError(f"apart: the arms have {len(one)} and {len(other)} values, and each needs at least two.")
    error = math.sqrt(one.var(ddof=1) / len(one) + other.var(ddof=1) / len(other))
    if error == 0:
        raise ValueError("apart: no value differs from another, so there is no standard error. Look at the metric.")
    return float((other.mean() - one.mean()) / error)


@dataclass(frozen=True)
class Gap:
    """How far apart the groups are, of which a mean says nothing.

    Attributes:
        value: The mean of the strongest group minus that of the weakest.
        low: Lower end of the 95 % bootstrap interval of the difference between these two groups.
        high: Its upper end.
        by_chance: The gap that 95 in 100 shufflings of the groups stay below: what groups of these sizes show where
            there is no difference.
        strongest: The group with the highest mean.
        weakest: The group with the lowest mean.

    Chapter: Metrics.
    """

    value: float
    low: float
    high: float
    by_chance: float
    strongest: str
    weakest: str

    def __str__(self) -> str:
        return (
            f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f}) from {self.weakest} to {self.strongest}; "
            f"by chance up to {self.by_chance:.3f}"
        )


def gap(values: pd.Series[Any], groups: npt.ArrayLike, *, resamples: int = 1_000, seed: int = 0) -> Gap:
    """The gap between the strongest and the weakest group, beside the one that chance alone would show.

    Args:
        values: A value a request; NaN means left out.
        groups: The group of each request, in the same order, such as its language or its intent.
        resamples: How many times to resample, and how many times to shuffle.
        seed: Seed of both.

    Returns:
        The gap, its interval, the gap that chance shows, and which two groups they are.

    Raises:
        ValueError: If lengths differ, or fewer than two groups have a value.

    Chapter: Metrics.

    >>> found = gap(pd.Series([1.0, 1.0, 0.9, 0.2, 0.1, 0.0]), ["short"] * 3 + ["long"] * 3)
    >>> round(found.value, 2), found.weakest
    (0.87, 'long')
    """
    _settings("gap", 0.95, resamples)
    named = np.asarray(groups).astype(str)
    number = values.to_numpy(dtype=np.float64)
    if named.shape != number.shape:
        raise ValueError(f"gap: {len(number)} values and {named.size} groups. Give one group for each value.")
    counted = ~np.isnan(number)
    number = number[counted]
    names, code = np.unique(named[counted], return_inverse=True)
    if len(names) < 2:
        raise ValueError(f"gap: {len(names)} group has a value, and a gap takes two. Look at values.isna().")
    member = (code[:, None] == np.arange(len(names))).astype(np.float64)
    means = number @ member / member.sum(axis=0)
    top, bottom = int(means.argmax()), int(means.argmin())
    rng = np.random.default_rng(seed)
    steps = _steps(resamples, len(number))
    drawn = [_resampled(number[code == one], steps, rng) for one in (top, bottom)]
    low, high = np.quantile(drawn[0] - drawn[1], [0.025, 0.975])
    shuffled = [rng.permuted(np.tile(number, (step, 1)), axis=1) @ member / member.sum(axis=0) for step in steps]
    chance = np.ptp(np.concatenate(shuffled), axis=1)
    return Gap(
        float(means[top] - means[bottom]),
        float(low),
        float(high),
        float(np.quantile(chance, 0.95)),
        str(names[top]),
        str(names[bottom]),
    )


def _steps(resamples: int, length: int) -> list[int]:
    """How many resamples to draw at a time."""
    step = max(1, _AT_ONCE // length)
    return [min(step, resamples - start) for start in range(0, resamples, step)]


def _resampled(values: Array, steps: list[int], rng: np.random.Generator) -> Array:
    """Means of resampled values, a step at a time."""
    means = [values[rng.integers(len(values), size=(step, len(values)))].mean(axis=1) for step in steps]
    return np.concatenate(means)


def _settings(function: str, level: float, resamples: int) -> None:
    if not 0 < level < 1:
        raise ValueError(f"{function}: level must be between 0 and 1, got {level}.")
    if resamples < 1:
        raise ValueError(f"{function}: resamples must be at least 1, got {resamples}.")
