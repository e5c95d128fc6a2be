"""Two arms of one world, compared person by person.

Keyed chance lets the same people meet the same luck under two systems, which no real experiment can do: there, the
arms hold different people, and the intervals are wider.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

_CHUNK = 50  # resamples drawn at once: keeps memory near 10 MB for 20,000 people


def paired_change(
    control: pd.DataFrame, treatment: pd.DataFrame, *, unit: str, resamples: int = 1_000, seed: int = 0
) -> pd.DataFrame:
    """How much each metric changes from control to treatment, with a 95 % bootstrap interval over people.

    Args:
        control: One row a unit (a user, a session), a column a metric, and the column `unit`.
        treatment: The same units and columns under the other system.
        unit: Name of the column that says whose row it is.
        resamples: Bootstrap resamples of the units; at least 100.
        seed: Seed of the resampling.

    Returns:
        One row a metric: `metric`, `control` and `treatment` (means over units), `change` (relative: 0.1 is 10 % more),
        `low` and `high`, the ends of the 95 % interval of the change.

    Raises:
        ValueError: If a unit is missing or doubled in one arm, a metric is NaN or 0 on average in control, or there are
            too few resamples.

    Chapter: Set up the problem.

    >>> before = pd.DataFrame({"user": [1, 2, 3, 4], "clicks": [1, 2, 3, 2]})
    >>> after = before.assign(clicks=2 * before.clicks)
    >>> paired_change(before, after, unit="user").round(2)
       metric  control  treatment  change  low  high
    0  clicks      2.0        4.0     1.0  1.0   1.0
    """
    for name, arm in (("control", control), ("treatment", treatment)):
        if unit not in arm:
            raise ValueError(f"{name}: column {unit!r} is missing. It has: {', '.join(map(str, arm))}.")
        twice = arm[unit].duplicated()
        if twice.any():
            raise ValueError(
                f"{name}: {twice.sum()} rows repeat a {unit} (first: {arm[unit][twice].tolist()[0]!r}). "
                f"Sum them up first: one row a {unit}."
            )
    if resamples < 100:
        raise ValueError(f"paired_change: resamples={resamples}; the ends of an interval need at least 100.")
    metrics = [column for column in control if column != unit]
    before, after = control.set_index(unit)[metrics], treatment.set_index(unit)
    if len(before) != len(after) or not before.index.isin(after.index).all():
        raise ValueError(f"The arms hold different values of {unit}. Give both systems the same requests.")
    after = after.loc[before.index, metrics]
    for name, arm in (("control", before), ("treatment", after)):
        if arm.isna().to_numpy().any():
            column = arm.columns[arm.isna().any()][0]
            raise ValueError(
                f"{name}: {arm[column].isna().sum()} rows have no {column}. Fill or drop them in both arms."
            )
    if (before.mean() == 0).any():
        raise ValueError(
            f"control: the mean of {before.columns[before.mean() == 0][0]} is 0, so no relative change exists."
        )

    values = np.hstack([before.to_numpy(dtype=float), after.to_numpy(dtype=float)])
    rng = np.random.default_rng(seed)
    chunks = (min(_CHUNK, resamples - done) for done in range(0, resamples, _CHUNK))
    total = np.vstack([rng.poisson(1.0, size=(size, len(values))) @ values for size in chunks])
    with np.errstate(divide="ignore", invalid="ignore"):  # a tiny sample may draw nobody at all
        changes = total[:, len(metrics) :] / total[:, : len(metrics)] - 1
    low, high = np.nanpercentile(changes, [2.5, 97.5], axis=0)
    means = values.mean(axis=0)
    return pd.DataFrame(
        {
            "metric": metrics,
            "control": means[: len(metrics)],
            "treatment": means[len(metrics) :],
            "change": means[len(metrics) :] / means[: len(metrics)] - 1,
            "low": low,
            "high": high,
        }
    )
