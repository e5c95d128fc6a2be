"""Estimates with their intervals, for simulated values that may hang together in time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mlsd_lib.capacity._checks import inner_share

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """A simulated value with its 95 per cent interval.

    Attributes:
        value: The estimate.
        low: Lower end of the interval.
        high: Upper end of the interval.

    Chapter: Scale and latency.

    >>> print(Estimate(2.0012, 1.99498, 2.00709))
    2.001 (1.995 to 2.007)
    """

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.4g} ({self.low:.4g} to {self.high:.4g})"


def mean_of(values: npt.ArrayLike, *, batches: int = 20) -> Estimate:
    """The mean of a series in the order of time, with an interval from batch means.

    Neighbours in a queue wait together, so single values say less than their number suggests. Means of long batches
    are nearly independent, and a t interval over them is honest.

    Args:
        values: Numbers or booleans in the order of time; at least one a batch. A remainder at the end is left out of
            the interval and counted in the mean.
        batches: How many batches; at least 2.

    Returns:
        The mean and its interval.

    Raises:
        ValueError: If there are too few values or batches.

    Chapter: Scale and latency.

    >>> print(mean_of([1, 2, 3, 4], batches=4))
    2.5 (0.4457 to 4.554)
    """
    from scipy.stats import t

    series = np.asarray(values, dtype=np.float64)
    if batches < 2 or len(series) < batches:
        raise ValueError(f"mean_of: {len(series)} values for {batches} batches; at least 2 batches of 1 are needed.")
    length = len(series) // batches
    means = series[: length * batches].reshape(batches, length).mean(axis=1)
    half = float(t.ppf(0.975, batches - 1) * means.std(ddof=1) / np.sqrt(batches))
    value = float(series.mean())
    return Estimate(value, value - half, value + half)


def percentile_of(values: npt.ArrayLike, level: float) -> Estimate:
    """A percentile of independent values, with an interval that assumes nothing about their distribution.

    Args:
        values: Independent numbers, such as the latencies of requests that share no queue.
        level: Which percentile, as a share: 0.99 for the 99th.

    Returns:
        The percentile, and the order statistics that hold the true one with a chance of about 95 per cent.

    Raises:
        ValueError: If `level` is not strictly between 0 and 1, or there are too few values to see it at all.

    Chapter: Scale and latency.

    >>> print(percentile_of(range(1, 1_001), 0.5))
    500.5 (469 to 532)
    """
    ordered = np.sort(np.asarray(values, dtype=np.float64))
    size, share = len(ordered), inner_share("level", level)
    spread = 1.96 * np.sqrt(size * share * (1 - share))
    low, high = int(np.floor(size * share - spread)), int(np.ceil(size * share + spread))
    if low < 1 or high >= size:
        raise ValueError(f"percentile_of: {size} values are too few for the interval of level {level}. Simulate more.")
    return Estimate(float(np.quantile(ordered, share)), float(ordered[low - 1]), float(ordered[high]))
