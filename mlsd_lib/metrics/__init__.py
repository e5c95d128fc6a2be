"""Metrics, one module a family: each gives a value for every request, and `mean` says how sure their mean is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

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
    if not 0 < level < 1:
        raise ValueError(f"mean: level must be between 0 and 1, got {level}.")
    if resamples < 1:
        raise ValueError(f"mean: resamples must be at least 1, got {resamples}.")
    everything = values.to_numpy(dtype=np.float64)
    counted = everything[~np.isnan(everything)]
    left_out = len(everything) - len(counted)
    if not len(counted):
        return Mean(float("nan"), float("nan"), float("nan"), 0, left_out)
    rng = np.random.default_rng(seed)
    means = np.empty(resamples)
    step = max(1, _AT_ONCE // len(counted))
    for start in range(0, resamples, step):
        drawn = rng.integers(len(counted), size=(min(step, resamples - start), len(counted)))
        means[start : start + step] = counted[drawn].mean(axis=1)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return Mean(float(counted.mean()), float(low), float(high), len(counted), left_out)
