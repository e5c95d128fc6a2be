"""What looking costs: false alarms where the test is not made for it, and sample size where it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri

from mlsd_lib.architecture import Array
from mlsd_lib.online.experiment.boundaries import always_valid_boundary, fixed_boundary, group_sequential_boundary
from mlsd_lib.online.experiment.crossing import alarms_left, crossing

Kind = Literal["naive", "always valid", "group sequential"]


def peeking_error(looks: int, *, level: float = 0.95) -> float:
    """How often an A/A test is called significant when an ordinary test is read at each of some equally spaced looks.

    Args:
        looks: How many looks, the last at the end; at least 1.
        level: Confidence that each single test promises.

    Returns:
        The probability of at least one false alarm.

    Raises:
        ValueError: If `looks` is below 1 or `level` is not between 0 and 1.

    Source: [armitage1969repeated]. Chapter: Experiments.

    >>> [round(peeking_error(looks), 3) for looks in (1, 2, 5, 10, 20)]
    [0.05, 0.083, 0.142, 0.193, 0.248]
    """
    share = _equal("peeking_error", looks)
    return float(crossing(_heights("naive", share, level), share).sum())


@dataclass(frozen=True)
class Price:
    """What a test that survives peeking costs, in sample size.

    Attributes:
        kind: The boundary.
        looks: How many equally spaced looks.
        longest: Units that it needs for the wanted power if it never stops early, over those of a fixed test.
        if_real: Units it has seen when it stops, on average, where the effect is the planned one, over the same.
        if_none: The same where there is no effect.
        false_alarms: The chance of a false alarm over all looks.

    Chapter: Experiments.
    """

    kind: Kind
    looks: int
    longest: float
    if_real: float
    if_none: float
    false_alarms: float

    def __str__(self) -> str:
        return (
            f"{self.kind}, {self.looks} looks: at most {self.longest:.2f} times the units of a fixed test, on average "
            f"{self.if_real:.2f} if the effect is real and {self.if_none:.2f} if there is none; "
            f"{self.false_alarms:.1%} false alarms"
        )


def price(kind: Kind, looks: int, *, level: float = 0.95, power: float = 0.8) -> Price:
    """How many times as many units as a fixed test a sequential one needs for the same power, computed.

    The plan is made as long as the power takes: shares are of that longer plan, whose end is the last look.

    Args:
        kind: "always valid" or "group sequential"; "naive" for the test that is wrong.
        looks: How many equally spaced looks, the last at the end; at least 1.
        level: Confidence of the test.
        power: Chance to find the planned effect, above 1 - `level` and below 1.

    Returns:
        The price.

    Raises:
        ValueError: If a setting is out of range.

    Chapter: Experiments.

    >>> found = price("group sequential", 5)
    >>> round(found.longest, 2), round(found.if_real, 2), round(found.if_none, 2)
    (1.02, 0.82, 1.02)
    """
    share = _equal("price", looks)
    alpha = alarms_left("price", level)
    if not alpha < power < 1:
        raise ValueError(
            f"price: power is {power}; expected one below 1 and above {alpha:g}, which chance alone gives."
        )
    height = _heights(kind, share, level)
    edge = ndtri(alpha / 2)
    fixed = brentq(lambda drift: ndtr(edge + drift) + ndtr(edge - drift) - power, 0.0, 20.0)
    drift = brentq(lambda drift: crossing(height, share, drift=drift).sum() - power, 0.0, 4 * fixed + 4, xtol=1e-6)
    longest = (drift / fixed) ** 2
    none, real = crossing(height, share), crossing(height, share, drift=drift)
    seen_none, seen_real = (longest * (1 - found @ (1 - share)) for found in (none, real))
    return Price(kind, looks, float(longest), float(seen_real), float(seen_none), float(none.sum()))


def _heights(kind: Kind, share: Array, level: float) -> Array:
    if kind == "naive":
        return np.full(len(share), fixed_boundary(level))
    if kind == "always valid":
        return always_valid_boundary(share, level=level)
    if kind == "group sequential":
        return group_sequential_boundary(share, level=level)
    raise ValueError(f"price: kind is {kind!r}; expected 'always valid', 'group sequential' or 'naive'.")


def _equal(name: str, looks: int) -> Array:
    if isinstance(looks, bool) or not isinstance(looks, int | np.integer) or looks < 1:
        raise ValueError(f"{name}: looks is {looks!r}; expected a whole number, at least 1.")
    return np.arange(1, looks + 1) / looks
