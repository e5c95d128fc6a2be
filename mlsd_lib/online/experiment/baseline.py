"""What is known of a metric before the experiment: its level, its noise, and what it asks of the experiment."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from mlsd_lib.online.experiment.checks import each_once
from mlsd_lib.online.experiment.delta import quadratic, slope, values, weights
from mlsd_lib.online.experiment.metric import Metric
from mlsd_lib.online.experiment.moments import Reader
from mlsd_lib.online.experiment.power import needed_for_skew


@dataclass(frozen=True)
class Baseline:
    """A metric over all units of a table without arms.

    Attributes:
        metric: Its name.
        mean: The mean, or the ratio of the sums.
        spread: Standard deviation over units of what the test averages, the covariate taken out: what `sample_size`
            takes.
        plain: The same without the covariate.
        skewness: Skewness of what the test averages.
        needed: Units an arm before a mean of such skewness is nearly normal.
        units: How many units it was measured on.

    Chapter: Experiments.
    """

    metric: str
    mean: float
    spread: float
    plain: float
    skewness: float
    needed: int
    units: int

    def __str__(self) -> str:
        return (
            f"{self.metric}: {self.mean:.4g}, standard deviation {self.spread:.4g} ({self.plain:.4g} without its "
            f"covariate), skewness {self.skewness:.1f} ({self.needed:,} units an arm), on {self.units:,} units"
        )


def baseline(table: pd.DataFrame, metric: Metric, *, unit: str = "user_id") -> Baseline:
    """Measure a metric's level and noise on a table of units of before the experiment.

    Args:
        table: A row a unit, with the columns that the metric reads; no `arm` is needed.
        metric: The metric.
        unit: Name of the column that says whose row it is; no unit may stand twice where the table has it.

    Returns:
        The baseline; skewness NaN and `needed` 0 where nothing varies.

    Raises:
        ValueError: If there are fewer than two units, or the table is unsound, as for `effects`.

    Chapter: Experiments.

    >>> from mlsd_lib.online.experiment import Mean
    >>> rng = np.random.default_rng(0)
    >>> found = baseline(pd.DataFrame({"revenue": rng.lognormal(size=10_000)}), Mean("revenue", "revenue"))
    >>> round(found.spread, 3), found.needed
    (2.006, 5693)
    """
    if not isinstance(table, pd.DataFrame) or len(table) < 2:
        raise ValueError("units: expected a frame with a row a unit, and at least two of them.")
    each_once(table, unit)
    reader = Reader(table, [metric], np.zeros(len(table), dtype=np.int8), 1)
    (found,) = reader.moments([metric])
    if any(column.role == "denominator" and found.mean[0, at] == 0 for at, column in enumerate(metric.columns)):
        raise ValueError(f"units: the denominator of {metric.name!r} is 0 for all units. Look at how it is logged.")
    theta = slope(metric, found)
    weight, raw = weights(metric, found, theta), weights(metric, found, 0.0 * theta)
    spread, plain = (float(np.sqrt(quadratic(each, found.covariance, each)[0])) for each in (weight, raw))
    skewness = float(reader.skewness(metric, found.mean, weight)[0]) if spread else float("nan")
    needed = needed_for_skew(skewness) if spread else 0
    return Baseline(metric.name, float(values(metric, found)[0]), spread, plain, skewness, needed, len(table))
