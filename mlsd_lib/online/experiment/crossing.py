"""How likely an effect that is looked at again and again passes a boundary, computed instead of simulated.

A look is described by its share of the plan: the units seen so far over those that were planned. From look to look, the
effect over its standard error moves like a Brownian path over the square root of time, where time is that share: this
holds for means, ratios and CUPED alike, as soon as an arm has units enough for its mean to be normal. So the density of
the paths that have not yet crossed can be carried from look to look.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from mlsd_lib.architecture import Array

_FAR = 8.5  # standard errors beyond which a path is not followed: less than 1e-16 of them
_NODES = 64  # points at which the density is kept, at least
_FINE = 3.0  # points a standard deviation of the step between two looks


def crossing(boundary: npt.ArrayLike, share: npt.ArrayLike, *, drift: float = 0.0) -> Array:
    """How likely an effect first passes a boundary at each look, computed.

    Args:
        boundary: Standard errors from zero at each look, on both sides, above 0; of shape (looks,).
        share: Share of the planned units at each look, rising; of shape (looks,).
        drift: Expected effect over its standard error at a share of 1: 0 in an A/A test, 2.80 for the effect that
            a fixed test would find with 80 % power.

    Returns:
        float64 of shape (looks,); its sum is the false-alarm rate or the power.

    Raises:
        ValueError: If shares do not rise, a boundary is not above 0, or the two are not equally many.

    Source: [armitage1969repeated]. Chapter: Experiments.

    >>> float(crossing([1.96, 1.96], [0.5, 1.0]).sum().round(3))
    0.083
    """
    time = rising("crossing", share)
    height = np.asarray(boundary, dtype=np.float64)
    if height.shape != time.shape or not (height > 0).all() or not np.isfinite(drift):
        raise ValueError(
            f"crossing: {height.size} heights and {time.size} shares, drift {drift}; expected a height above 0 for "
            "each look, and a finite drift."
        )
    path = Path(drift)
    found = np.empty(len(time))
    for look, (now, level) in enumerate(zip(time, height * np.sqrt(time), strict=True)):
        found[look] = path.beyond(level, now)
        path.step(level, now)
    return found


class Path:
    """Density of the Brownian paths that have crossed nothing yet, at the nodes of a Gauss-Legendre rule."""

    def __init__(self, drift: float) -> None:
        self.drift = drift
        self.time = 0.0
        self.at: Array = np.zeros(1)
        self.mass: Array = np.ones(1)

    def reach(self, now: float) -> float:
        """How far from zero a path can be."""
        return abs(self.drift) * now + _FAR * float(np.sqrt(now))

    def beyond(self, level: float, now: float) -> float:
        """Probability of not having crossed before, and of being beyond a level, on either side, now."""
        step = np.sqrt(now - self.time)
        mean = self.at + self.drift * (now - self.time)
        return float(self.mass @ (ndtr((mean - level) / step) + ndtr((-level - mean) / step)))

    def step(self, level: float, now: float) -> None:
        """Go on to now, and leave behind what is beyond the level."""
        most, step = min(level, self.reach(now)), np.sqrt(now - self.time)
        nodes, weights = _rule(_NODES * max(1, int(np.ceil(_FINE * 2 * most / step / _NODES))))
        at = most * nodes
        mean = self.at + self.drift * (now - self.time)
        density = np.exp(-0.5 * np.square((at[:, None] - mean) / step)) / (step * np.sqrt(2 * np.pi))
        self.at, self.mass, self.time = at, most * weights * (density @ self.mass), now


def alarms_left(function: str, level: float) -> float:
    """The chance of a false alarm that a level of confidence leaves, checked.

    Args:
        function: What to call in the error.
        level: Confidence of a test.

    Returns:
        1 less the level.

    Raises:
        ValueError: If the level is not between 0 and 1.

    Chapter: Experiments.

    >>> round(alarms_left("price", 0.95), 2)
    0.05
    """
    if not 0 < level < 1:
        raise ValueError(f"{function}: level is {level}; expected a confidence between 0 and 1, such as 0.95.")
    return 1 - level


def positive(name: str, share: npt.ArrayLike) -> Array:
    """Shares of a plan, each above 0; an error that names a function otherwise."""
    given = np.asarray(share, dtype=np.float64)
    if not ((given > 0) & np.isfinite(given)).all():
        raise ValueError(f"{name}: a share of the plan is not above 0 and finite. Start looking when there are units.")
    return given


def rising(name: str, share: npt.ArrayLike) -> Array:
    """Shares of a plan that rise from look to look; an error that names a function otherwise."""
    given = np.atleast_1d(positive(name, share))
    if given.ndim != 1 or not len(given) or not (np.diff(given) > 0).all():
        raise ValueError(f"{name}: shares of the plan must rise from look to look. Keep one look for each share.")
    return given


@cache
def _rule(nodes: int) -> tuple[Array, Array]:
    return np.polynomial.legendre.leggauss(nodes)
