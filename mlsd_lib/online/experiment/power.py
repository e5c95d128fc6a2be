"""How many units an experiment takes, what it can see with those it has, and when a mean is nearly normal.

All of it is for the two-sided test of a difference between two arms, with the normal distribution: exact for arms of
hundreds of units and more.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri

from mlsd_lib.architecture import Array

_SKEW = 355  # units an arm for each unit of squared skewness


def power(
    effect: npt.ArrayLike, spread: npt.ArrayLike, units: npt.ArrayLike, *, share: float = 0.5, level: float = 0.95
) -> Array:
    """How likely an experiment is to show an effect of a given size.

    Args:
        effect: Treatment minus control, in the unit of the metric; an array gives an array.
        spread: Standard deviation of the metric over units, above 0.
        units: How many units both arms have together; at least 2.
        share: The share of the units that the treatment gets, between 0 and 1.
        level: Confidence of the test, between 0 and 1.

    Returns:
        A probability, of the broadcast shape of the first three.

    Raises:
        ValueError: If an argument is out of range.

    Source: [kohavi2020trustworthy]. Chapter: Experiments.

    >>> power(effect=0.1, spread=1.0, units=2 * 1_600).round(3)
    np.float64(0.807)
    """
    changes, spreads, many = (np.asarray(given, dtype=np.float64) for given in (effect, spread, units))
    _settings("power", share=share, level=level)
    _sound("power", "spread", spreads, spreads > 0)
    _sound("power", "units", many, many >= 2)
    _sound("power", "effect", changes, np.isfinite(changes))
    far = np.abs(changes) / spreads * np.sqrt(many * share * (1 - share))
    edge = ndtri((1 + level) / 2)
    return np.asarray(ndtr(far - edge) + ndtr(-far - edge))[()]


def sample_size(effect: float, spread: float, *, power: float = 0.8, level: float = 0.95, share: float = 0.5) -> int:
    """How many units both arms together take to see an effect.

    Args:
        effect: The smallest effect worth seeing, in the unit of the metric; not 0.
        spread: Standard deviation of the metric over units, above 0; `baseline` measures it.
        power: How likely it is to be seen, above 1 less the level and below 1.
        level: Confidence of the test, between 0 and 1.
        share: The share of the units that the treatment gets, between 0 and 1.

    Returns:
        Units of both arms together, the smallest whole number that has the power.

    Raises:
        ValueError: If an argument is out of range.

    Source: [kohavi2020trustworthy]. Chapter: Experiments.

    >>> sample_size(effect=0.1, spread=1.0)
    3140
    """
    _settings("sample_size", share=share, level=level, power=power)
    if not (math.isfinite(effect) and effect != 0):
        raise ValueError(f"sample_size: effect is {effect}; expected a finite number other than 0.")
    _sound("sample_size", "spread", np.asarray(spread, dtype=np.float64), spread > 0)
    return max(2, math.ceil((_distance(power, level) * spread / effect) ** 2 / (share * (1 - share))))


def smallest_effect(
    spread: float, units: float, *, power: float = 0.8, level: float = 0.95, share: float = 0.5
) -> float:
    """The smallest effect that an experiment of so many units is likely to show.

    Args:
        spread: Standard deviation of the metric over units, above 0.
        units: How many units both arms have together; at least 2.
        power: How likely it is to be seen, above 1 less the level and below 1.
        level: Confidence of the test, between 0 and 1.
        share: The share of the units that the treatment gets, between 0 and 1.

    Returns:
        An effect, above 0, in the unit of the metric.

    Raises:
        ValueError: If an argument is out of range.

    Source: [kohavi2020trustworthy]. Chapter: Experiments.

    >>> round(smallest_effect(spread=1.0, units=3_140), 4)
    0.1
    """
    _settings("smallest_effect", share=share, level=level, power=power)
    _sound("smallest_effect", "spread", np.asarray(spread, dtype=np.float64), spread > 0)
    _sound("smallest_effect", "units", np.asarray(units, dtype=np.float64), units >= 2)
    return float(_distance(power, level) * spread / math.sqrt(units * share * (1 - share)))


def needed_for_skew(skewness: float) -> int:
    """How many units each arm takes before the mean of a skewed metric is so nearly normal that a t-test holds.

    Args:
        skewness: The metric's skewness over units; its sign does not matter. Below 1 the rule asks for little, and how
            large the effect is decides.

    Returns:
        355 times the squared skewness, rounded up.

    Raises:
        ValueError: If `skewness` is not finite.

    Source: [kohavi2014seven]. Chapter: Experiments.

    >>> needed_for_skew(17.9), needed_for_skew(5.2)
    (113746, 9600)
    """
    if not math.isfinite(skewness):
        raise ValueError(f"needed_for_skew: skewness is {skewness}; expected a finite number.")
    return math.ceil(_SKEW * skewness**2)


def _distance(power: float, level: float) -> float:
    """How many standard errors an effect has to be from 0 to be seen with a probability; both tails count."""
    edge = float(ndtri((1 + level) / 2))
    return float(brentq(lambda far: ndtr(far - edge) + ndtr(-far - edge) - power, 0.0, edge + 40.0, xtol=1e-13))


def _settings(function: str, *, share: float, level: float, power: float | None = None) -> None:
    if not 0 < level < 1 or not 0 < share < 1:
        raise ValueError(f"{function}: share={share} and level={level}; expected both between 0 and 1.")
    if power is not None and not 1 - level < power < 1:
        raise ValueError(
            f"{function}: power is {power}; expected one below 1 and above {1 - level:g}, which chance alone gives."
        )


def _sound(function: str, name: str, values: Array, right: Any) -> None:
    wrong = ~(np.asarray(right) & np.isfinite(values))
    if wrong.any():
        least = {"spread": "a finite number above 0", "units": "at least 2 units in all", "effect": "a finite number"}
        raise ValueError(f"{function}: {name} is {values[wrong].flat[0]:g}; expected {least[name]}.")
