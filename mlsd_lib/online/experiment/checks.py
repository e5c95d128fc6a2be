"""What a table of units has to be before its arms are compared."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from mlsd_lib.architecture import Array
from mlsd_lib.online.experiment.metric import Metric
from mlsd_lib.online.experiment.moments import Moments, coded
from mlsd_lib.tables.checks import plain


def settings(table: pd.DataFrame, metrics: Sequence[Metric], level: float) -> None:
    """Raise an error unless there is a table with arms, metrics of different names, and a level."""
    if not isinstance(table, pd.DataFrame) or "arm" not in table:
        raise ValueError("units: expected a frame with a row a unit and the column 'arm'. Make one with units(log).")
    names = [metric.name for metric in metrics]
    if not names or len(set(names)) < len(names):
        raise ValueError(f"effects: {len(names)} metrics ({', '.join(names)}); give at least one, each its own name.")
    if not 0 < level < 1:
        raise ValueError(f"effects: level is {level}; expected a share between 0 and 1, such as 0.95.")


def each_once(table: pd.DataFrame, unit: str) -> None:
    """Raise an error if the table has the column of units, and one of them stands twice."""
    if unit not in table:
        return
    ids = table[unit]
    if isinstance(ids.dtype, np.dtype) and ids.dtype.kind in "iu":
        number = ids.to_numpy()
        if bool((number[1:] > number[:-1]).all()):  # sorted, as `units` makes them: seen at a glance
            return
    again = ids.duplicated().to_numpy()
    if again.any():
        first = ids.iloc[int(np.argmax(again))]
        raise ValueError(
            f"units: {int(again.sum())} rows repeat a {unit} (first: {plain(first)!r}). Rows of one unit resemble "
            "each other. Sum them up with units(log)."
        )


def arms_of(table: pd.DataFrame, control: str) -> tuple[list[str], Array]:
    """The arms, the control first and then by name, and the place of each row's."""
    names, code = coded(table["arm"])
    if not len(table):
        raise ValueError("units: the table has no row. An experiment has units in at least two arms.")
    odd = [name for name in names if not isinstance(name, str) or not name]
    if odd:
        raise ValueError(f"units: an arm is named {odd[0]!r}. Name arms by strings, such as 'treatment'.")
    others = sorted(name for name in names if name != control)
    if control not in names or not others:
        raise ValueError(
            f"units: arm {control!r} has {'no units' if control not in names else 'all of the units'} (arms there: "
            f"{', '.join(sorted(names))}). An experiment compares two; name its control with control=…."
        )
    arms = [control, *others]
    none = code < 0
    if none.any():
        raise ValueError(
            f"units: {int(none.sum())} rows have no arm (first: row {int(np.argmax(none))}). Find out why they have "
            "none: to drop them from one arm only would make the arms unlike."
        )
    return arms, np.array([arms.index(name) for name in names], dtype=np.int32)[code]


def enough(metric: Metric, arms: list[str], found: Moments) -> None:
    """Raise an error where an arm is too small for any result, or cannot be divided."""
    for place, arm in enumerate(arms):
        if found.count[place] < 2:
            raise ValueError(
                f"units: arm {arm!r} has 1 unit, and its noise cannot be told from one. Wait, or leave the arm out."
            )
        for number, column in enumerate(metric.columns):
            if column.role == "denominator" and found.mean[place, number] == 0:
                raise ValueError(
                    f"units: {column.name}, the denominator of {metric.name!r}, is 0 for all units of arm {arm!r}, and "
                    "nothing can be divided by it. Look at how it is logged."
                )
