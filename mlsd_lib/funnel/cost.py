"""What each component costs in time: measured, and predicted from how many items it handles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.optimize import nnls

from mlsd_lib.architecture import Array, System
from mlsd_lib.funnel.stage import resized, stages

GROUPS = 12  # of equal size, into which the timings of a component are put before a line is fitted


def timings(system: System, requests: pd.DataFrame, *, scales: Sequence[float] = (0.25, 0.5, 1.0, 2.0)) -> pd.DataFrame:
    """Time every component on one request after the other, with the stages narrower and wider than they are.

    Args:
        system: A system with stages.
        requests: Some dozens of typical requests.
        scales: What to multiply each stage's number by; every request is asked once with each, in turn, so that a
            slow moment of the machine meets all of them.

    Returns:
        A row for each request, scale and component: `request` (counted from 0), `scale`, `component`, `items_in`,
        `items_out`, `milliseconds` (wall clock).

    Raises:
        ValueError: If there is no request or no scale, or the system has no stage.

    Chapter: A funnel for scale.
    """
    if not len(requests) or not len(scales):
        raise ValueError(f"timings: {len(requests)} requests and {len(scales)} scales; give at least one of each.")
    funnel = {stage.name: stage.keep for stage in stages(system)}
    sizes = [{name: max(1, round(keep * scale)) for name, keep in funnel.items()} for scale in scales]
    variants = [resized(system, size) for size in sizes]
    for variant in variants:
        variant.trace(requests.iloc[:1])  # the first run of all pays for imports and caches
    parts = [
        variant.trace(requests.iloc[number : number + 1]).steps.assign(request=number, scale=scale)
        for number in range(len(requests))
        for scale, variant in zip(scales, variants, strict=True)
    ]
    columns = ["request", "scale", "component", "items_in", "items_out", "milliseconds"]
    return pd.concat(parts, ignore_index=True)[columns]


@dataclass(frozen=True, repr=False)
class Costs:
    """What each component costs: a fixed time, and a time for each item that it handles.

    A component handles the items that it is given or, where it finds them, those that it passes on.

    Attributes:
        fixed_ms: Milliseconds for a request whatever it handles, by the component's name.
        per_item_ms: Milliseconds for each item, by the component's name.

    Raises:
        ValueError: If the two name other components, or a cost is negative or not finite.

    Chapter: A funnel for scale.

    >>> costs = Costs(fixed_ms={"light": 0.2, "heavy": 1.0}, per_item_ms={"light": 0.001, "heavy": 0.02})
    >>> costs.predict({"light": 1_000, "heavy": 100})
    {'light': 1.2, 'heavy': 3.0}
    """

    fixed_ms: Mapping[str, float]
    per_item_ms: Mapping[str, float]

    def __post_init__(self) -> None:
        if set(self.fixed_ms) != set(self.per_item_ms):
            raise ValueError(
                f"Costs: fixed_ms is for {', '.join(self.fixed_ms) or 'nothing'}, and per_item_ms for "
                f"{', '.join(self.per_item_ms) or 'nothing'}. Give both for every component."
            )
        for costs in (self.fixed_ms, self.per_item_ms):
            for name, value in costs.items():
                if not 0 <= value < np.inf:
                    raise ValueError(f"Costs: {name} costs {value!r} ms; a finite number of at least 0 was expected.")

    @classmethod
    def fitted(cls, timings: pd.DataFrame) -> Costs:
        """The costs that fit measured times best.

        The timings of a component are sorted by what it handled and put into groups of equal size. A line with
        no negative part is fitted through their medians, so that a stray slow request moves nothing.

        Args:
            timings: As `timings` returned them. A component that always handled the same number gets a fixed cost.

        Returns:
            The costs of every component in the table.

        Raises:
            ValueError: If the table has no row or lacks a column.

        >>> took = {"component": "heavy", "items_in": [10, 20], "items_out": 5, "milliseconds": [1.5, 2.0]}
        >>> Costs.fitted(pd.DataFrame(took))
                   fixed_ms  per_item_ms
        component
        heavy           1.0         0.05
        """
        missing = [c for c in ("component", "items_in", "items_out", "milliseconds") if c not in timings]
        if missing or timings.empty:
            what = f"lacks the column {missing[0]!r}" if missing else "has no row"
            raise ValueError(f"Costs: the table of timings {what}. Pass what timings(…) returned.")
        fixed_ms, per_item_ms = {}, {}
        for name, rows in timings.groupby("component", sort=False):
            handled = rows[["items_in", "items_out"]].to_numpy(dtype=np.float64).max(axis=1)
            order = np.argsort(handled, kind="stable")
            groups = np.array_split(order, min(GROUPS, len(order)))
            taken = rows["milliseconds"].to_numpy(dtype=np.float64)
            x, y = (np.array([np.median(values[group]) for group in groups]) for values in (handled, taken))
            fixed_ms[str(name)], per_item_ms[str(name)] = _line(x, y)
        return cls(fixed_ms, per_item_ms)

    def predict(self, items: Mapping[str, float]) -> dict[str, float]:
        """What each component takes for one request.

        Args:
            items: How many items each component handles; components that are left out handle none.

        Returns:
            Milliseconds by component.

        Raises:
            ValueError: If a component has no known cost.
        """
        unknown = [name for name in items if name not in self.fixed_ms]
        if unknown:
            raise ValueError(f"Costs: the cost of {unknown[0]!r} is not known, only of {', '.join(self.fixed_ms)}.")
        return {name: fixed + self.per_item_ms[name] * items.get(name, 0) for name, fixed in self.fixed_ms.items()}

    def frame(self) -> pd.DataFrame:
        """The costs as a table.

        Returns:
            One row a component: `fixed_ms` and `per_item_ms`.
        """
        return pd.DataFrame({"fixed_ms": self.fixed_ms, "per_item_ms": self.per_item_ms}).rename_axis("component")

    def __str__(self) -> str:
        return self.frame().to_string()

    __repr__ = __str__


def _line(x: Array, y: Array) -> tuple[float, float]:
    """Height and slope, both at least 0, of the line nearest to some points; all height where x does not vary."""
    if np.ptp(x) == 0:
        return float(np.median(y)), 0.0
    unit = x.max()  # columns of the same size keep the fit well conditioned
    (height, slope), _ = nnls(np.stack([np.ones(len(x)), x / unit], axis=1), y)
    return float(height), float(slope / unit)
