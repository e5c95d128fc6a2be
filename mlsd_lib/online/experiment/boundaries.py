"""How far from zero an effect must be at each look, so that many looks together are mistaken in 5 % of A/A tests.

Two boundaries are here. The always-valid one holds for any number of looks at any time, also without an end; it is
lowest at the end of the plan. The group-sequential one spends the 5 % over a plan that ends, little of it early, and
costs next to nothing; after the end there is nothing left to spend. A look is described by its share of the plan, as
in `crossing`, which computes what either promises.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from scipy.special import lambertw, ndtr, ndtri

from mlsd_lib.architecture import Array
from mlsd_lib.online.experiment.crossing import Path, alarms_left, positive, rising


def fixed_boundary(level: float = 0.95) -> float:
    """Standard errors that an effect must be from zero in a test that is read once.

    Args:
        level: Confidence of the test.

    Returns:
        1.96 for 0.95.

    Raises:
        ValueError: If `level` is not between 0 and 1.

    Chapter: Experiments.

    >>> round(fixed_boundary(), 2)
    1.96
    """
    return -float(ndtri(alarms_left("fixed_boundary", level) / 2))


def always_valid_boundary(share: npt.ArrayLike, *, level: float = 0.95) -> Array:
    """Standard errors that an effect must be from zero, at any look, in a test that may be looked at any time.

    The mixture sequential probability ratio test: the likelihood of the data under a normal mixture of effects over
    that under no effect passes 1 / alpha with probability at most alpha, however often one looks. The mixture is chosen
    so that the boundary is lowest where the share is 1.

    Args:
        share: Share of the planned units at each look, above 0; it may pass 1. Any shape.
        level: Confidence of the test: 1 less the chance of a false alarm over all looks together.

    Returns:
        float64 of the same shape: 3.04 at a share of 1 for a level of 0.95, more before and after.

    Raises:
        ValueError: If a share is not above 0 and finite, or `level` is not between 0 and 1.

    Source: [johari2017peeking]. Chapter: Experiments.

    >>> always_valid_boundary([0.1, 0.5, 1.0, 2.0]).round(2).tolist()
    [3.82, 3.08, 3.04, 3.06]
    """
    alpha = alarms_left("always_valid_boundary", level)
    spread = _tuned(alpha) * positive("always_valid_boundary", share)
    return np.asarray(np.sqrt((1 + 1 / spread) * (np.log1p(spread) - 2 * np.log(alpha))))


def always_valid_p(z: npt.ArrayLike, share: npt.ArrayLike, *, level: float = 0.95) -> Array:
    """The p-value that may be read at any look: 1 over the mixture likelihood ratio, the smallest so far.

    Args:
        z: Effect over standard error at each look; looks are the last axis.
        share: Share of the planned units at each look, above 0.
        level: Confidence for which the mixture is tuned; the p-value holds for any other as well.

    Returns:
        float64 of the shape of `z`: at most 1 - `level` from the look on at which the boundary was passed. Under no
        effect, the chance that it ever falls to p is at most p.

    Raises:
        ValueError: As `always_valid_boundary`.

    Source: [johari2017peeking]. Chapter: Experiments.

    >>> always_valid_p([1.0, 3.2, 2.0], [0.5, 1.0, 1.5]).round(3).tolist()
    [1.0, 0.032, 0.032]
    """
    spread = _tuned(alarms_left("always_valid_p", level)) * positive("always_valid_p", share)
    log_ratio = np.square(z) * spread / (1 + spread) / 2 - np.log1p(spread) / 2
    return np.asarray(np.minimum.accumulate(np.exp(np.minimum(-log_ratio, 0.0)), axis=-1))


def group_sequential_boundary(share: npt.ArrayLike, *, level: float = 0.95) -> Array:
    """Standard errors that an effect must be from zero at each look of a plan that ends.

    The alpha is spent as Lan and DeMets do for a boundary of O'Brien and Fleming's type: by a share t of the plan, each
    side may have been mistaken with probability 2 (1 - Phi(z / sqrt(t))), where z is the normal quantile of
    1 - alpha / 4. Nothing is assumed about how many looks follow; when they come must not depend on the effect.

    Args:
        share: Share of the planned units at each look so far, rising, above 0 and at most 1; of shape (looks,).
        level: 1 less the chance of a false alarm over the whole plan, both sides together.

    Returns:
        float64 of shape (looks,), falling to little above the fixed test's 1.96.

    Raises:
        ValueError: If shares do not rise, or leave (0, 1], or `level` is not between 0 and 1.

    Chapter: Experiments.

    >>> group_sequential_boundary([0.2, 0.4, 0.6, 0.8, 1.0]).round(2).tolist()
    [4.88, 3.36, 2.68, 2.29, 2.03]
    """
    alpha = alarms_left("group_sequential_boundary", level)
    time = rising("group_sequential_boundary", share)
    if time[-1] > 1:
        raise ValueError(
            f"group_sequential_boundary: a look lies at {time[-1]:.3g} times the plan, and by its end all of alpha is "
            "spent. End at 1, or use the always-valid boundary."
        )
    spend = np.diff(4 * ndtr(ndtri(alpha / 4) / np.sqrt(time)), prepend=0.0)
    path = Path(drift=0.0)
    found = np.empty(len(time))
    for look, (now, part) in enumerate(zip(time, spend, strict=True)):
        most = path.reach(now)

        def missing(height: float, now: float = now, part: float = part) -> float:
            return path.beyond(height, now) - part

        spent = missing(most) < 0 < missing(0.0)  # a share so early that less than 1e-16 may be spent: no look at all
        found[look] = brentq(missing, 0.0, most, xtol=1e-10) / np.sqrt(now) if spent else np.inf
        path.step(found[look] * np.sqrt(now), now)
    return found


def _tuned(alpha: float) -> float:
    """Variance of the mixture, in units of the variance of the effect at a share of 1, that is lowest there."""
    return float(-np.real(lambertw(-(alpha**2) / np.e, k=-1))) - 1
