"""The arithmetic of an effect, from the moments of two arms: the delta method, the covariate, Welch's test.

A ratio of two sums moves, near its value, as the mean over units of its linear part: each unit's numerator less the
ratio times its denominator, over the mean denominator. A mean is a ratio over ones. A covariate is one more ratio, of
before the experiment; θ times it is taken out of each unit's part, with θ the regression of the one on the other over
both arms together. What is left is compared as two means are.

The relative effect is the treatment's mean over the control's, less 1. Its interval is that of the logarithm of the two
means' ratio by the delta method, with Welch's degrees of freedom. It is not Fieller's, from which it differs little as
long as the control's mean is many standard errors from 0, and it is NaN where that is not so.
"""

from __future__ import annotations

import numpy as np
from scipy.special import stdtr, stdtrit

from mlsd_lib.architecture import Array
from mlsd_lib.online.experiment.metric import Metric, Role
from mlsd_lib.online.experiment.moments import Moments

CLEAR = 4.0  # standard errors that the control's mean has to be from 0 for a relative interval
ROLES: tuple[Role, ...] = ("value", "denominator", "covariate", "covariate's denominator")
_ROUNDING = 1e-12  # a variance below so much of its terms is what rounding left of 0


def compare(metric: Metric, control: Moments, treatment: Moments, *, level: float = 0.95) -> dict[str, Array]:
    """The effect of a metric from the moments of two arms, for many pairs of arms at once.

    Args:
        metric: What is compared.
        control: Moments of the metric's columns in the control arms, of shape (pairs,).
        treatment: The same of the treatments.
        level: Coverage of the intervals.

    Returns:
        Arrays of shape (pairs,), by the names of the columns of `Effects.frame` from `control` to `cut`.

    Source: [deng2013cuped] for the covariate. Chapter: Experiments.
    """
    both = control + treatment
    theta = slope(metric, both)
    arms = []
    with np.errstate(divide="ignore", invalid="ignore"):
        common = _parts(metric, both)["before"]
        for arm in (control, treatment):
            mean, weight, raw = _parts(metric, arm), weights(metric, arm, theta), weights(metric, arm, 0.0 * theta)
            value = mean["metric"] - theta * (mean["before"] - common)
            variances = (np.maximum(quadratic(each, arm.covariance, each), 0.0) for each in (weight, raw))
            arms.append((value, *(variance / arm.count for variance in variances), arm.count))
        (low_mean, low_error, low_plain, low_n), (high_mean, high_error, high_plain, high_n) = arms
        squared = low_error + high_error
        error = np.sqrt(squared)
        degrees = squared**2 / (low_error**2 / (low_n - 1) + high_error**2 / (high_n - 1))
        effect = np.where(np.isfinite(squared), high_mean - low_mean, np.nan)
        far = np.where(squared > 0, effect / error, np.nan)
        reach = _quantile(degrees, level) * np.where(squared > 0, error, np.nan)
        ratio = high_mean / low_mean
        low_share, high_share = low_error / low_mean**2, high_error / high_mean**2
        log_squared = low_share + high_share
        log_degrees = log_squared**2 / (low_share**2 / (low_n - 1) + high_share**2 / (high_n - 1))
        clear = (ratio > 0) & (np.abs(low_mean) > CLEAR * np.sqrt(low_error)) & (log_squared > 0)
        log_reach = np.where(clear, _quantile(log_degrees, level) * np.sqrt(log_squared), np.nan)
        cut = 1 - squared / (low_plain + high_plain)
    return {
        "control": low_mean,
        "treatment": high_mean,
        "effect": effect,
        "standard_error": error,
        "low": effect - reach,
        "high": effect + reach,
        "p_value": 2 * stdtr(degrees, -np.abs(far)),
        "relative": np.where(np.isfinite(effect) & (low_mean != 0), ratio - 1, np.nan),
        "relative_low": ratio * np.exp(-log_reach) - 1,
        "relative_high": ratio * np.exp(log_reach) - 1,
        "units_control": low_n,
        "units_treatment": high_n,
        "degrees": degrees,
        "cut": np.where(np.isfinite(cut), cut, 0.0),
    }


def _parts(metric: Metric, arm: Moments) -> dict[str, Array]:
    """The mean of each role's column; 1 where the metric has none, so that each metric is a ratio with a covariate."""
    mean: dict[str, Array] = {role: np.ones(arm.count.shape) for role in ROLES}
    mean |= {column.role: arm.mean[..., place] for place, column in enumerate(metric.columns)}
    below = mean["covariate's denominator"]
    mean["covariate's denominator"] = np.where(below == 0, 1.0, below)  # nobody has a history, and 0 is above the line
    mean["metric"] = mean["value"] / mean["denominator"]
    mean["before"] = mean["covariate"] / mean["covariate's denominator"]
    return mean


def values(metric: Metric, arm: Moments) -> Array:
    """The metric itself: a mean, or a ratio of means."""
    return _parts(metric, arm)["metric"]


def weights(metric: Metric, arm: Moments, theta: Array) -> Array:
    """How much each column of a unit moves the adjusted metric (its linear part), of shape (…, columns)."""
    mean = _parts(metric, arm)
    value, before = 1.0 / mean["denominator"], -theta / mean["covariate's denominator"]
    weight = {
        "value": value,
        "denominator": -mean["metric"] * value,
        "covariate": before,
        "covariate's denominator": -mean["before"] * before,
    }
    return np.stack([weight[column.role] for column in metric.columns], axis=-1)


def slope(metric: Metric, both: Moments) -> Array:
    """The regression θ of the metric on its covariate; 0 where there is none, or it does not vary."""
    none = np.zeros(both.count.shape)
    with np.errstate(divide="ignore", invalid="ignore"):
        own = weights(metric, both, none)
        other = own - weights(metric, both, none + 1.0)
        variance = quadratic(other, both.covariance, other)
        together = quadratic(own, both.covariance, other)
        return np.where(variance > 0, together / variance, 0.0)


def quadratic(one: Array, covariance: Array, other: Array) -> Array:
    """The covariance of two weighted sums of the columns; exactly 0 where it is rounding alone."""
    parts = one[..., :, None] * covariance * other[..., None, :]
    total, size = parts.sum(axis=(-2, -1)), np.abs(parts).sum(axis=(-2, -1))
    return np.where(np.abs(total) <= _ROUNDING * size, 0.0, total)


def _quantile(degrees: Array, level: float) -> Array:
    return np.asarray(stdtrit(degrees, (1 + level) / 2))
