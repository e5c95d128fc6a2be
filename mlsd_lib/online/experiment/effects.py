"""What the treatment changes: means and ratios of two arms, with their intervals.

Means are compared by Welch's t-test, ratios by the same test on their linear part, either with a covariate of before
the experiment taken out (CUPED); `delta` says how, and which interval the relative effect has.

What cannot be computed raises an error. What can be computed and should not be believed is NaN or is told in a note.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from mlsd_lib.architecture import Array
from mlsd_lib.online.experiment import checks
from mlsd_lib.online.experiment.delta import compare, slope, weights
from mlsd_lib.online.experiment.metric import Metric, is_before
from mlsd_lib.online.experiment.moments import Moments, Reader
from mlsd_lib.online.experiment.power import needed_for_skew

FEW = 20  # units of an arm below which a t-test is not to be believed, whatever the metric
UNLIKE = 4.0  # standard errors between the arms' covariates that are no chance
STEADY = 0.1  # relative standard error of a mean denominator, above which the delta method is not to be believed


@dataclass(frozen=True, eq=False)
class Effects:
    """The effect of each treatment on each metric.

    Attributes:
        frame: A row a metric and treatment:
            `metric` and `arm` (names); `control` and `treatment` (means or ratios, adjusted where there is a
            covariate); `effect` (treatment minus control) with its `standard_error`, `low` and `high` (ends of its
            interval) and `p_value` (two-sided, NaN where nothing varies); `relative` (the effect over the control: 0.1
            is 10 % more) with `relative_low` and `relative_high` (NaN where the control is not clearly apart from 0);
            `units_control` and `units_treatment`; `degrees` (of freedom); `cut` (by which share the covariate cuts the
            variance of the effect; 0 without one); `skewness` (the larger one of the two arms in absolute value) and
            `needed` (units an arm before a mean of such skewness is nearly normal); `better` ("higher" or "lower").
        metrics: What was compared.
        control: The arm that the others are compared with.
        level: Coverage of the intervals.
        notes: Sentences about what should not be believed, each beginning with the metric's name; empty where nothing
            stands out.

    Chapter: Experiments.
    """

    frame: pd.DataFrame
    metrics: tuple[Metric, ...]
    control: str
    level: float
    notes: tuple[str, ...]

    def __str__(self) -> str:
        show = ["metric", "arm", "control", "treatment", "effect", "low", "high", "p_value", "relative"]
        table = self.frame[show].to_string(index=False, float_format=lambda value: f"{value:.4g}")
        return "\n".join([table, *self.notes])

    def of(self, metric: str, arm: str | None = None) -> pd.Series[Any]:
        """The row of a metric.

        Args:
            metric: Name of the metric.
            arm: The treatment; may be left out where there is one only.

        Returns:
            The row of `frame`.

        Raises:
            ValueError: If there is no such row, or more than one.
        """
        rows = self.frame[(self.frame["metric"] == metric) & (self.frame["arm"] == arm if arm is not None else True)]
        if len(rows) != 1:
            names = ", ".join(f"{one!r} of {other!r}" for one, other in self.frame[["metric", "arm"]].to_numpy())
            raise ValueError(f"of: {len(rows)} rows are of {metric!r} and arm {arm!r}. There are {names}.")
        return rows.iloc[0]


def effects(
    table: pd.DataFrame,
    metrics: Sequence[Metric],
    *,
    control: str = "control",
    level: float = 0.95,
    unit: str = "user_id",
) -> Effects:
    """Compare every other arm with the control, metric by metric.

    Args:
        table: A row a unit, with the column `arm` and those that the metrics read, as `units` makes it.
        metrics: What to compare; their names differ.
        control: The arm that the others are compared with.
        level: Coverage of the intervals, between 0 and 1.
        unit: Name of the column that says whose row it is. Where the table has it, no unit may stand twice: rows of one
            unit resemble each other, and intervals that count them as many are too narrow.

    Returns:
        The effects. Not to be believed, and told in `notes`: a metric that is constant in both arms (its standard error
        is 0, its interval and p-value NaN), an arm of fewer than 20 units or of fewer than its skewness needs, a
        denominator too near 0, a covariate that varies nowhere or differs between the arms.

    Raises:
        ValueError: If the control or every other arm is missing, an arm has fewer than two units or no name, a unit
            stands twice, a column is missing or holds no numbers, a value is infinite or missing (a covariate may be),
            a denominator is negative or 0 in a whole arm, or two metrics share a name.

    Source: [deng2013cuped] for the covariate. Chapter: Experiments.

    >>> from mlsd_lib.online.experiment import Mean
    >>> rng = np.random.default_rng(0)
    >>> table = pd.DataFrame({"arm": ["control", "treatment"] * 500, "clicks": rng.poisson(2.0, 1_000)})
    >>> print(effects(table, [Mean("clicks per user", "clicks")]))
             metric       arm  control  treatment  effect     low   high  p_value  relative
    clicks per user treatment    1.962      1.996   0.034 -0.1393 0.2073   0.7004   0.01733
    """
    checks.settings(table, metrics, level)
    checks.each_once(table, unit)
    arms, code = checks.arms_of(table, control)
    reader = Reader(table, metrics, code, len(arms))
    rows: list[dict[str, Any]] = []
    notes: list[str] = []
    for metric, found in zip(metrics, reader.moments(metrics), strict=True):
        checks.enough(metric, arms, found)
        at = np.zeros(len(arms) - 1, dtype=np.intp), np.arange(1, len(arms))
        result = compare(metric, found[at[0]], found[at[1]], level=level)
        skew = _skewness(reader, metric, found)
        for place, arm in enumerate(arms[1:]):
            row = {"metric": metric.name, "arm": arm} | {name: values[place] for name, values in result.items()}
            row["skewness"] = max(skew[[0, place + 1]], key=abs)
            row["needed"] = needed_for_skew(row["skewness"]) if np.isfinite(row["skewness"]) else 0
            rows.append(row | {"better": metric.better})
            notes += _notes(metric, row, found[0], found[place + 1])
    frame = pd.DataFrame(rows).astype({"units_control": "int64", "units_treatment": "int64", "needed": "int64"})
    return Effects(frame, tuple(metrics), control, level, tuple(notes))


def effects_by(
    table: pd.DataFrame,
    metrics: Sequence[Metric],
    by: str,
    *,
    control: str = "control",
    level: float = 0.95,
    cumulative: bool = False,
) -> pd.DataFrame:
    """The effects within each group of units: by country, by day of the first visit, by simulated experiment.

    All groups are computed at once, ten thousand as fast as ten. Each row is taken for a unit of its own.

    Args:
        table: A row a unit, as for `effects`.
        metrics: What to compare.
        by: The column of groups; none may be missing.
        control: The arm that the others are compared with.
        level: Coverage of the intervals.
        cumulative: Each group together with all before it, in the order of their values: what a look at the data on
            each day has seen, if each unit's value belongs to the day of its row.

    Returns:
        A row a metric, arm and group, groups in the order of their values: `by`, then the columns of `Effects.frame`
        up to `cut`. Where a group lacks an arm, or has fewer than two units of it, its
        effect, interval and p-value are NaN.

    Raises:
        ValueError: As `effects`, or if a group is missing.

    Chapter: Experiments.

    >>> from mlsd_lib.online.experiment import Mean
    >>> table = pd.DataFrame({"arm": ["control", "treatment"] * 4, "day": [0] * 4 + [1] * 4})
    >>> table["clicks"] = [1, 3, 2, 5] * 2
    >>> effects_by(table, [Mean("clicks", "clicks")], "day", cumulative=True)[["day", "effect", "p_value"]].round(3)
       day  effect  p_value
    0    0     2.5    0.199
    1    1     2.5    0.015
    """
    checks.settings(table, metrics, level)
    if by not in table:
        raise ValueError(f"units: column {by!r} is missing (columns there: {', '.join(map(str, table))}).")
    arms, code = checks.arms_of(table, control)
    group, names = pd.factorize(table[by], sort=True)
    if (group < 0).any():
        raise ValueError(
            f"units: {int((group < 0).sum())} rows have no {by} (first: row {int(np.argmin(group))}). Drop them, or "
            "give them one."
        )
    wide = len(arms)
    reader = Reader(table, metrics, group * wide + code, len(names) * wide)
    parts = []
    for metric, found in zip(metrics, reader.moments(metrics, cumulative=wide if cumulative else None), strict=True):
        first = np.arange(len(names)) * wide
        for place, arm in enumerate(arms[1:], start=1):
            result = compare(metric, found[first], found[first + place], level=level)
            parts.append(pd.DataFrame({by: names, "metric": metric.name, "arm": arm, **result}))
    whole = pd.concat(parts, ignore_index=True)
    return whole.astype({"units_control": "int64", "units_treatment": "int64"})


def _skewness(reader: Reader, metric: Metric, found: Moments) -> Array:
    """Skewness in each arm of what the test averages, the covariate taken out over all arms."""
    whole = found[0]
    for place in range(1, len(found.count)):
        whole = whole + found[place]
    theta = np.full(len(found.count), slope(metric, whole))
    return reader.skewness(metric, found.mean, weights(metric, found, theta))


def _notes(metric: Metric, row: dict[str, Any], control: Moments, treatment: Moments) -> list[str]:
    """What should not be believed of a metric in two arms."""
    told, few = [], int(min(row["units_control"], row["units_treatment"]))
    if row["standard_error"] == 0:
        told.append(f"no unit differs from another of its arm ({row['control']:g} and {row['treatment']:g}): no test")
    if few < FEW:
        told.append(f"{few} units in an arm are too few for a t-test; have at least {FEW}")
    elif abs(row["skewness"]) > 1 and few < row["needed"]:
        told.append(
            f"its skewness of {row['skewness']:.1f} takes {row['needed']:,} units an arm, and one has {few:,}: the "
            "interval may miss more often than it says. Cap the value, or wait"
        )
    for place, column in enumerate(metric.columns):
        pair = [arm.mean[place] for arm in (control, treatment)]
        errors = [np.sqrt(arm.covariance[place, place] / arm.count) for arm in (control, treatment)]
        if column.role == "denominator" and any(e > STEADY * m for m, e in zip(pair, errors, strict=True)):
            told.append(f"the mean of its denominator {column.name} is known to no better than {STEADY:.0%}; wait")
        if column.role == "covariate" and control.spread[place, place] == treatment.spread[place, place] == 0:
            told.append(f"its covariate {column.name} is the same for all units and explains nothing")
        elif is_before(column) and abs(pair[1] - pair[0]) > UNLIKE * np.hypot(*errors):
            told.append(
                f"its covariate {column.name} differs between the arms by more than chance ({pair[0]:g} and "
                f"{pair[1]:g}): the treatment changes it, or the arms are of different people"
            )
    return [f"{metric.name}, {row['arm']}: {sentence}." for sentence in told]
