"""A leaderboard that says which differences are real."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pandas as pd

from mlsd_lib.architecture import Array
from mlsd_lib.offline.selection import testing

_CELLS = 1_000_000  # resampled differences held in memory at a time


@dataclass(frozen=True)
class Leaderboard:
    """Models by their mean, and every pair of them.

    Attributes:
        models: A row a model, the best first: `model`, `mean`, `low` and `high` (the interval of its mean by itself),
            `first` and `last` (the best and the worst place that the real differences leave to it), and `groups`, the
            numbers of the groups it belongs to: no two models of a group can be told apart.
        pairs: A row a pair: `better`, `worse`, `difference`, `low` and `high` (its interval), `p`, `p_corrected`,
            `real`, and `unpaired`, how many times as wide the interval would be on separate queries.
        units: How many queries (or users) were resampled.
        left_out: How many rows no model was judged by, since some model had no value there.

    Chapter: Offline evaluation.
    """

    models: pd.DataFrame
    pairs: pd.DataFrame
    units: int
    left_out: int

    def __str__(self) -> str:
        real, many = int(self.pairs["real"].sum()), len(self.pairs)
        return (
            f"{self.models.round(3).to_string(index=False)}\n"
            f"{self.units} queries, {self.left_out} rows left out; {real} of {many} differences are real"
        )

    def between(self, one: str, other: str) -> pd.Series:
        """The row of a pair, whichever of the two is the better one.

        Args:
            one: A model.
            other: Another one.

        Returns:
            The row of `pairs`.

        Raises:
            ValueError: If there is no such pair.
        """
        asked = {one, other}
        found = [{*names} == asked for names in zip(self.pairs["better"], self.pairs["worse"], strict=True)]
        if not any(found):
            raise ValueError(
                f"between: no pair {one!r} and {other!r}. The models are {', '.join(self.models['model'])}."
            )
        return self.pairs.iloc[int(np.argmax(found))]


def leaderboard(
    values: pd.DataFrame,
    *,
    unit: npt.ArrayLike | None = None,
    level: float = 0.95,
    resamples: int = 1_000,
    seed: int = 0,
    at_once: int = testing.AT_ONCE,
) -> Leaderboard:
    """Rank models that were judged on the same requests, and say which differences chance would not show.

    A difference is real where its paired t-test, corrected by Holm for all pairs, says so at `level`. A model's place
    is known as far as the real differences say: behind those that beat it, before those that it beats.

    Args:
        values: A row a request, a column a model; rows in which a model has NaN are left out for all and counted.
        unit: What is resampled, for each row: its query, or its user. Left out, each row is its own. Rows of one query
            or user resemble each other, so resampling them one by one makes intervals too narrow.
        level: Coverage of each interval, and 1 less the chance that any difference is called real by mistake.
        resamples: How many times to resample; at least 100.
        seed: Seed of the resampling.
        at_once: How many weights to hold in memory; results do not change.

    Returns:
        The leaderboard.

    Raises:
        ValueError: If there are fewer than two models or 20 units, a value is infinite, or a setting is out of range.

    Source: [efron1993bootstrap]. Chapter: Offline evaluation.

    >>> rng = np.random.default_rng(0)
    >>> easy = rng.normal(size=(400, 1))
    >>> values = pd.DataFrame(easy + 0.2 * rng.normal(size=(400, 3)) + [0, 0.1, 0.1], columns=["A", "B", "C"])
    >>> leaderboard(values).models[["model", "first", "last", "groups"]]
      model  first  last groups
    0     B      1     2      1
    1     C      1     2      1
    2     A      3     3      2
    """
    if not 0 < level < 1:
        raise ValueError(f"leaderboard: level is {level}; expected a share between 0 and 1, such as 0.95.")
    found = testing.scores(values, unit)
    table = testing.pairs(found)
    means = testing.resampled(found, resamples=resamples, seed=seed, at_once=at_once)
    ends = [(1 - level) / 2, (1 + level) / 2]
    table["real"] = table["p_corrected"] <= 1 - level
    better, worse = table["better"].to_numpy(), table["worse"].to_numpy()
    table["low"], table["high"] = _differences(means, better, worse, ends)
    order = np.argsort(-found.means, kind="stable")
    beaten, beats = (np.bincount(side[table["real"]], minlength=len(order)) for side in (worse, better))
    low, high = np.quantile(means, ends, axis=0)
    names = np.array(found.models, dtype=object)
    models = pd.DataFrame({"model": names, "mean": found.means, "low": low, "high": high})
    models["first"], models["last"] = 1 + beaten, len(order) - beats
    models = models.iloc[order].reset_index(drop=True)
    models["groups"] = _groups(table["real"].to_numpy(), len(order))
    table["better"], table["worse"] = names[better], names[worse]
    columns = ["better", "worse", "difference", "low", "high", "p", "p_corrected", "real", "unpaired"]
    return Leaderboard(models, table[columns], len(found.rows), found.left_out)


def _differences(means: Array, better: Array, worse: Array, ends: list[float]) -> Array:
    """Both ends of the interval of each pair's difference, of shape (2, pairs); some pairs at a time."""
    step = max(1, _CELLS // len(means))
    cuts = [*range(0, len(better), step), len(better)]
    parts = [
        np.quantile(means[:, better[low:high]] - means[:, worse[low:high]], ends, axis=0)
        for low, high in pairwise(cuts)
    ]
    return np.concatenate(parts, axis=1)


def _groups(real: Array, models: int) -> list[str]:
    """Longest runs of neighbours by mean without a real difference among them, as the numbers each model is in."""
    apart = np.zeros((models, models), dtype=bool)
    apart[np.triu_indices(models, 1)] = real
    end, runs = 0, []
    for start in range(models):
        longest = start + 1
        while longest < models and not apart[start:longest, longest].any():
            longest += 1
        if longest > end:  # a run inside the one before says nothing new
            runs.append((start, longest))
            end = longest
    inside = [[str(number + 1) for number, (low, high) in enumerate(runs) if low <= at < high] for at in range(models)]
    return [" ".join(numbers) for numbers in inside]
