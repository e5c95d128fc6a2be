"""What a significant result is worth: how many of them are true, and by how much they promise too much.

Both follow from closed formulas. Of ideas of which few are good, even an honest test lets through many false wins,
since it is asked about so many that do nothing. And a result that had to pass a threshold to be looked at is larger
than the effect behind it, the more so the weaker the experiment: the winner's curse. A test of its own on fresh units
repairs it (`offline.selection.winner` does that offline); where there can be none, `shrunk` does, from how large
effects usually are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import ndtr, ndtri

from mlsd_lib.online.experiment.crossing import alarms_left


@dataclass(frozen=True)
class Exaggeration:
    """What is to be expected of an estimate that turned out significant.

    Attributes:
        power: Chance that it turns out significant.
        mean: Mean of the significant estimates' sizes, over the size of the true effect.
        wrong_sign: Share of the significant estimates that point the wrong way.

    Chapter: Experiments.
    """

    power: float
    mean: float
    wrong_sign: float


@dataclass(frozen=True)
class Shrunk:
    """An estimate, corrected for how large effects usually are.

    Attributes:
        effect: The corrected estimate.
        low: Lower end of its 95 % interval.
        high: Upper end.

    Chapter: Experiments.
    """

    effect: float
    low: float
    high: float


def true_wins(
    good: float,
    *,
    power: float = 0.8,
    level: float = 0.95,
    count: Literal["significant", "improvements"] = "significant",
) -> float:
    """Share of the wins that are true, if so many of the ideas that are tested are good.

    Args:
        good: Share of good ideas among those that are tested, from 0 to 1; all others do nothing.
        power: Chance that a good one turns out significant.
        level: Confidence of the two-sided test.
        count: What counts as a win: "significant" charges all false alarms to ideas that do nothing; "improvements"
            only the half of them that looks better.

    Returns:
        A share; 1.0 minus it of the wins do nothing.

    Raises:
        ValueError: If a setting is out of range.

    Source: [kohavi2014seven]. Chapter: Experiments.

    >>> [round(true_wins(good), 2) for good in (1 / 3, 0.1, 0.002)]
    [0.89, 0.64, 0.03]
    """
    if not 0 <= good <= 1 or not 0 < power <= 1:
        raise ValueError(f"true_wins: good={good} and power={power}; expected shares, a power above 0.")
    if count not in ("significant", "improvements"):
        raise ValueError(f"true_wins: count is {count!r}; expected 'significant' or 'improvements'.")
    wrong = alarms_left("true_wins", level) / (1 if count == "significant" else 2)
    return good * power / (good * power + (1 - good) * wrong)


def exaggeration(effect: float, standard_error: float, *, level: float = 0.95) -> Exaggeration:
    """By how much significant estimates of an effect are too large: the winner's curse of one experiment.

    Args:
        effect: The true effect; not 0.
        standard_error: Standard error of its estimate, above 0.
        level: Confidence of the two-sided test.

    Returns:
        Power, exaggeration and the share with the wrong sign.

    Raises:
        ValueError: If a setting is out of range.

    Chapter: Experiments.

    >>> weak = exaggeration(effect=1.0, standard_error=1.0)
    >>> round(weak.power, 2), round(weak.mean, 1), round(weak.wrong_sign, 3)
    (0.17, 2.5, 0.009)
    """
    height = -ndtri(alarms_left("exaggeration", level) / 2)
    if not (np.isfinite(effect) and effect != 0 and 0 < standard_error < np.inf):
        raise ValueError(
            f"exaggeration: effect={effect} and standard_error={standard_error}; expected an effect that is not 0 and "
            "an error above 0."
        )
    far = abs(effect) / standard_error
    right, wrong = ndtr(far - height), ndtr(-far - height)
    density = (np.exp(-((height - far) ** 2) / 2) + np.exp(-((height + far) ** 2) / 2)) / np.sqrt(2 * np.pi)
    power = right + wrong
    size = (far * (right - wrong) + density) / power  # mean size of z, given that it passed the threshold
    return Exaggeration(float(power), float(size / far), float(wrong / power))


def shrunk(effect: float, standard_error: float, *, usual: float) -> Shrunk:
    """An estimate, pulled towards zero by as much as its noise deserves: the winner's curse repaired.

    Args:
        effect: The estimate.
        standard_error: Its standard error, above 0.
        usual: Standard deviation of true effects over experiments of this kind, in the unit of the effect: from past
            ones, the variance of their estimates less the mean of their squared standard errors. Above 0.

    Returns:
        The mean of the true effect given the estimate, and its 95 % interval: right on average also among the
        estimates that were chosen for being large, if true effects are normal around 0.

    Raises:
        ValueError: If a setting is out of range.

    Chapter: Experiments.

    >>> shrunk(2.0, 1.0, usual=1.0).effect
    1.0
    """
    if not (np.isfinite(effect) and 0 < standard_error < np.inf and 0 < usual < np.inf):
        raise ValueError(
            f"shrunk: effect={effect}, standard_error={standard_error} and usual={usual}; expected finite numbers, the "
            "last two above 0."
        )
    kept = usual**2 / (usual**2 + standard_error**2)
    half = float(ndtri(0.975)) * standard_error * np.sqrt(kept)
    return Shrunk(float(kept * effect), float(kept * effect - half), float(kept * effect + half))
