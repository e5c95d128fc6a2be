"""Whether to trust an experiment: the sizes of its arms, effects that fade, effects in segments, and many at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import chdtrc
from scipy.stats import false_discovery_control

from mlsd_lib.architecture import Array
from mlsd_lib.offline.selection.testing import holm
from mlsd_lib.online.experiment.assignment import HALVES, sound
from mlsd_lib.online.experiment.effects import effects_by
from mlsd_lib.online.experiment.metric import Metric

How = Literal["holm", "benjamini-hochberg", "none"]

SURE = 0.001  # a p-value below it is called a mismatch: it is asked of every experiment, every day
_FEWEST = 5.0  # expected units of an arm below which the chi-square distribution does not hold


@dataclass(frozen=True)
class Mismatch:
    """Whether the arms hold as many units as they should.

    Attributes:
        found: Whether they do not: whether `p_value` is below 0.001.
        p_value: Chance of sizes at least as far from the shares, if units were assigned by them; NaN where an arm
            should hold fewer than 5 units.
        counts: Units of each arm.
        shares: The share that each arm should hold.

    Chapter: Experiments.
    """

    found: bool
    p_value: float
    counts: Mapping[str, int]
    shares: Mapping[str, float]

    def __str__(self) -> str:
        units = sum(self.counts.values())
        sizes = ", ".join(
            f"{arm} {count:,} units ({count / units:.2%}, expected {self.shares[arm]:.2%})"
            for arm, count in self.counts.items()
        )
        if np.isnan(self.p_value):
            return f"The arms are too small to tell whether their sizes are right: {sizes}."
        if not self.found:
            return f"The arms are as large as they should be: {sizes}; p = {self.p_value:.2g}."
        return (
            f"The arms are not as large as they should be: {sizes}; p = {self.p_value:.1e}. "
            "Whoever is missing from an arm is not missing by chance, so its effects cannot be trusted."
        )


def mismatch(counts: Mapping[str, int] | pd.Series[int], shares: Mapping[str, float] = HALVES) -> Mismatch:
    """Whether arms have the sizes they were designed to have (a sample-ratio mismatch), by the chi-square test.

    Args:
        counts: Units of each arm, such as `table["arm"].value_counts()`; an arm that is left out has none.
        shares: The share that each arm should hold; with the sum 1.

    Returns:
        The result; it prints as a sentence.

    Raises:
        ValueError: If there is no unit, a count is no whole number, an arm has no share, or shares do not sum to 1.

    Source: [fabijan2019srm]. Chapter: Experiments.

    >>> mismatch({"control": 815_482, "treatment": 821_588}).p_value < 1 / 500_000
    True
    >>> print(mismatch({"control": 50, "treatment": 51}))
    The arms are as large as they should be: control 50 units (49.50%, expected 50.00%),
    treatment 51 units (50.50%, expected 50.00%); p = 0.92.
    """
    sound(shares, "mismatch")
    given = dict(counts.items())
    unknown = [arm for arm in given if arm not in shares]
    if unknown:
        raise ValueError(
            f"mismatch: counts have an arm {unknown[0]!r} that shares do not have (they have {', '.join(shares)}). "
            "Give it a share, or leave out its units."
        )
    size = {arm: given.get(arm, 0) for arm in shares}
    for arm, count in size.items():
        if isinstance(count, bool) or not isinstance(count, int | np.integer) or count < 0:
            raise ValueError(f"mismatch: {arm!r} has {count!r} units; expected a whole number, at least 0.")
    observed, share = np.array(list(size.values()), dtype=np.float64), np.array(list(shares.values()))
    if not observed.sum():
        raise ValueError("mismatch: no arm has a unit. Count the units of each arm.")
    expected = observed.sum() * share / share.sum()
    far = float((np.square(observed - expected) / expected).sum())
    p = float(chdtrc(len(share) - 1, far)) if expected.min() >= _FEWEST else float("nan")
    return Mismatch(p < SURE, p, {arm: int(count) for arm, count in size.items()}, dict(shares))


def adjust(p_values: npt.ArrayLike, how: How = "holm") -> Array:
    """P-values as they count when so many were computed.

    Args:
        p_values: Probabilities, of shape (tests,); NaN where there was no test, which stays NaN and does not count.
        how: "holm": of all that are called real at 0.05, the chance that any is false is at most 0.05.
            "benjamini-hochberg": on average at most 0.05 of those that are called real are false. "none" adjusts
            nothing.

    Returns:
        float64 of the same shape, at least the p-values and at most 1.

    Raises:
        ValueError: If one is outside [0, 1] or `how` is none of the three.

    Chapter: Experiments.

    >>> adjust([0.01, 0.04, 0.03], "benjamini-hochberg").round(3).tolist()
    [0.03, 0.04, 0.04]
    """
    given = np.asarray(p_values, dtype=np.float64)
    if given.ndim != 1 or ((given < 0) | (given > 1)).any():
        raise ValueError("adjust: expected probabilities from 0 to 1, in one dimension.")
    if how == "holm":
        return holm(given)
    if how not in ("benjamini-hochberg", "none"):
        raise ValueError(f"adjust: how is {how!r}; expected 'holm', 'benjamini-hochberg' or 'none'.")
    adjusted, there = given.copy(), ~np.isnan(given)
    if how == "benjamini-hochberg" and there.any():
        adjusted[there] = false_discovery_control(given[there])
    return adjusted


def segments(
    table: pd.DataFrame,
    by: str,
    metrics: Sequence[Metric],
    *,
    how: How = "holm",
    control: str = "control",
    level: float = 0.95,
) -> pd.DataFrame:
    """The effects in each segment, and which of them count after so many were looked at.

    Args:
        table: A row a unit, with `arm`, the columns that the metrics read and the column `by`.
        by: The column with each unit's segment. Something of before the experiment: a segment that the treatment
            changes holds different people in the two arms.
        metrics: What to compare.
        how: How p-values are adjusted for all rows together, as in `adjust`.
        control: The arm that the others are compared with.
        level: Coverage of each single interval, and 1 less what `how` promises.

    Returns:
        A row a metric, arm and segment, as `effects_by` gives it, with `p_adjusted`, `real` (whether it is at most
        1 - level) and `note`: where a segment has too few units for an effect, or its arms have other sizes
        than everywhere, so that the treatment seems to decide who is in it.

    Raises:
        ValueError: As `effects_by`, and if `how` is not known.

    Chapter: Experiments.

    >>> from mlsd_lib.online.experiment import Mean
    >>> rng = np.random.default_rng(0)
    >>> table = pd.DataFrame({"arm": ["control", "treatment"] * 500, "country": ["FI"] * 600 + ["SE"] * 400})
    >>> table["clicks"] = rng.poisson(2.0 + 0.6 * ((table.arm == "treatment") & (table.country == "SE")))
    >>> segments(table, "country", [Mean("clicks", "clicks")])[["country", "effect", "p_value", "real"]].round(3)
      country  effect  p_value   real
    0      FI   0.043    0.718  False
    1      SE   0.480    0.001   True
    """
    found = effects_by(table, metrics, by, control=control, level=level)
    found["p_adjusted"] = adjust(found["p_value"].to_numpy(), how)
    found["real"] = found["p_adjusted"] <= 1 - level
    found["note"] = np.where(found["p_value"].isna(), "no effect can be computed", "")
    sizes = units_by(table, by)
    skewed = adjust(_unlike(sizes.to_numpy(), (sizes.sum() - sizes).to_numpy()), "holm") < SURE
    odd = found[by].isin(sizes.index[skewed]) & (found["note"] == "")
    found.loc[odd, "note"] = "arms have other sizes here than elsewhere: does the treatment decide who is in it?"
    return found


def units_by(table: pd.DataFrame, by: str) -> pd.DataFrame:
    """How many rows each arm has in each group, as float64: a row a group by value, a column an arm."""
    group, names = pd.factorize(table[by], sort=True)
    arm, arms = pd.factorize(table["arm"], sort=True)
    count = np.bincount(group * len(arms) + arm, minlength=len(names) * len(arms))
    return pd.DataFrame(count.reshape(len(names), len(arms)).astype(np.float64), index=names, columns=arms)


def _unlike(sizes: Array, other: Array) -> Array:
    """P-value that arms are split alike in each row and outside of it, of shape (rows,); NaN where too few to tell."""
    whole = sizes + other
    inside = sizes.sum(axis=1, keepdims=True) / whole.sum(axis=1, keepdims=True)
    expected, expected_other = whole * inside, whole * (1 - inside)
    with np.errstate(divide="ignore", invalid="ignore"):
        far = (np.square(sizes - expected) / expected + np.square(other - expected_other) / expected_other).sum(axis=1)
    enough = np.minimum(expected, expected_other).min(axis=1) >= _FEWEST
    return np.where(enough, chdtrc(sizes.shape[1] - 1, np.where(enough, far, 0.0)), np.nan)
