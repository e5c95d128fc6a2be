"""Many models on the same queries: resampled means, paired tests of all pairs, and the correction for many tests.

Queries are resampled, and all models meet the same resample, so a difference between two models is not blurred by which
queries happened to be drawn. Each query is drawn about once: its weight is 0, 1, 2, … with nearly the probabilities of
a Poisson count, as in a bootstrap of a very long table. The weights are read off a byte of chance, by comparing it with
five levels that are chosen so that their mean and variance are 1 exactly and their third moment is within a hundredth.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import stdtr

from mlsd_lib.architecture import Array
from mlsd_lib.metrics import checks

LEVELS = (163, 65, 22, 5, 1)  # a byte below so many of them is a weight of as many: 93, 98, 43, 17, 4, 1 in 256
AT_ONCE = 1 << 17  # weights held in memory at a time: they stay in a processor's cache
FEWEST = 20  # queries below which a resample says nothing


@dataclass(frozen=True)
class Scores:
    """Values of many models on the same queries, summed up for each query.

    Attributes:
        models: Names of the models.
        total: Sum of a model's values over the rows of each unit, float64 of shape (units, models).
        rows: How many rows each unit has, float64 of shape (units,).
        left_out: Rows that no model is judged by, since some model has no value there.

    Chapter: Offline evaluation.
    """

    models: tuple[str, ...]
    total: Array
    rows: Array
    left_out: int

    @property
    def means(self) -> Array:
        """Each model's mean over all rows, of shape (models,)."""
        return np.asarray(self.total.sum(axis=0) / self.rows.sum())

    def influence(self) -> Array:
        """How far each unit moves each mean, of shape (units, models): its variance over units, by n, is the mean's."""
        return np.asarray((self.total - self.rows[:, None] * self.means) / self.rows.mean())


def scores(values: pd.DataFrame, unit: npt.ArrayLike | None = None) -> Scores:
    """Read a table of values: a row a request, a column a model.

    Args:
        values: A number for each request and model. Rows in which a model has NaN are left out for all and counted.
        unit: What is resampled, for each row: its query, or its user. Left out, each row is its own.

    Returns:
        The values, summed up by unit.

    Raises:
        ValueError: If there is no model, a name stands twice, a value is no finite number, a unit is missing, or fewer
            than 20 units are left.

    Chapter: Offline evaluation.

    >>> scores(pd.DataFrame({"A": [0.5, 1.0] * 10, "B": 0.5})).means.tolist()
    [0.75, 0.5]
    """
    if not isinstance(values, pd.DataFrame) or values.shape[1] == 0:
        raise ValueError("values: expected a frame with a row a request and a column a model.")
    again = values.columns.duplicated()
    if again.any():
        raise ValueError(f"values: two models are named {values.columns[again][0]!r}. Name each once.")
    number = values.to_numpy(dtype=np.float64)
    endless = np.isinf(number)
    if endless.any():
        row, column = (int(place[0]) for place in np.nonzero(endless))
        raise ValueError(
            f"values: {checks.count(endless.any(axis=1))} have an infinite value (first: row {row}, model "
            f"{values.columns[column]!r}). Repair the metric, or leave them out as NaN."
        )
    named: Any = np.arange(len(number)) if unit is None else pd.Series(np.asarray(unit, dtype=object))
    if len(named) != len(number):
        raise ValueError(f"values: {len(number)} rows and {len(named)} units. Give one unit for each row.")
    if unit is not None and named.isna().any():
        raise ValueError(f"values: {int(named.isna().sum())} rows have no unit. Say whose they are, or drop them.")
    kept = ~np.isnan(number).any(axis=1)
    code, _ = pd.factorize(np.asarray(named)[kept])
    units = int(code.max(initial=-1)) + 1
    if units < FEWEST:
        raise ValueError(
            f"values: {units} units have a value for every model ({int((~kept).sum())} of {len(number)} rows were left "
            f"out); a resample of fewer than {FEWEST} says nothing. Judge more queries."
        )
    columns = [np.bincount(code, weights=one) for one in number[kept].T]
    total, rows = np.column_stack(columns), np.bincount(code).astype(np.float64)
    return Scores(tuple(map(str, values.columns)), total, rows, int((~kept).sum()))


def resampled(found: Scores, *, resamples: int = 1_000, seed: int = 0, at_once: int = AT_ONCE) -> Array:
    """Means of all models over resampled queries, the same queries for all of them.

    Args:
        found: The values.
        resamples: How many times to resample; at least 100.
        seed: Seed of the resampling.
        at_once: How many weights to hold in memory, but at least those of one resample; results do not change.

    Returns:
        float64 of shape (resamples, models).

    Raises:
        ValueError: If `resamples` is below 100, or `at_once` below 1.

    Source: [efron1993bootstrap]. Chapter: Offline evaluation.

    >>> found = scores(pd.DataFrame({"A": [0.0, 1.0] * 50, "B": [0.0, 0.8] * 50}))
    >>> resampled(found).std(axis=0).round(3).tolist()
    [0.051, 0.04]
    """
    if resamples < 100 or at_once < 1:
        raise ValueError(f"resampled: resamples={resamples} (at least 100) and at_once={at_once} (at least 1).")
    units, models = found.total.shape
    width = -(-units // 8) * 8  # whole words, so that a block of any size draws the same weights
    table = np.zeros((width, models + 1))
    table[:units, :models] = found.total - found.rows[:, None] * found.means  # small numbers lose fewer digits
    table[:units, models] = found.rows
    source = np.random.PCG64(seed)
    step = max(1, at_once // width)
    below = np.empty(min(step, resamples) * width, dtype=bool)
    parts = []
    for start in range(0, resamples, step):
        times = min(step, resamples - start)
        draws = np.asarray(source.random_raw(times * width // 8)).astype("<u8", copy=False).view(np.uint8)
        weight, more = (draws < LEVELS[0]).view(np.uint8), below[: len(draws)]
        for level in LEVELS[1:]:
            weight += np.less(draws, level, out=more)
        parts.append(weight.reshape(times, width).astype(np.float64) @ table)
    sums = np.concatenate(parts)
    return np.asarray(found.means + sums[:, :models] / np.maximum(sums[:, models:], 1.0))


def pairs(found: Scores) -> pd.DataFrame:
    """Every pair of models, the better one first: their difference, and how likely chance alone would show it.

    Args:
        found: The values; at least two models.

    Returns:
        A row a pair: `better` and `worse` (column numbers), `difference` (at least 0), `p` (two-sided, of
        a paired t-test over units), `p_corrected` (Holm's, for the number of pairs) and `unpaired`, how many times as
        wide an interval would be if each model had been judged on queries of its own.

    Raises:
        ValueError: If there are fewer than two models.

    Chapter: Offline evaluation.

    >>> values = pd.DataFrame({"A": [0.4, 1.0] * 10, "B": [0.5, 0.9] * 9 + [0.2, 0.9]})
    >>> pairs(scores(values))[["difference", "p"]].round(2)
       difference     p
    0        0.02  0.55
    """
    models = len(found.models)
    if models < 2:
        raise ValueError(f"values: {models} model, and a comparison takes two. Add a baseline.")
    order = np.argsort(-found.means, kind="stable")
    one, other = (order[place] for place in np.triu_indices(models, 1))
    moved = found.influence()
    units = len(moved)
    spread = moved.T @ moved / (units - 1) / units
    own = np.diag(spread)
    apart = own[one] + own[other]
    together = apart - 2 * spread[one, other]
    together = np.where(together > 1e-12 * apart, together, 0.0)  # two copies of one model differ by rounding only
    difference = found.means[one] - found.means[other]
    difference = np.where((together == 0) & (difference < 1e-12), 0.0, difference)
    with np.errstate(divide="ignore", invalid="ignore"):
        far = np.where(difference > 0, difference / np.sqrt(together), 0.0)
        unpaired = np.sqrt(apart / together)
    p = 2 * stdtr(units - 1, -far)
    named = {"better": one, "worse": other, "difference": difference, "p": p, "p_corrected": holm(p)}
    return pd.DataFrame(named | {"unpaired": unpaired})


def holm(p: npt.ArrayLike) -> Array:
    """Holm's correction: each p-value as it counts when so many were computed.

    If those up to 0.05 are called real, the chance of calling any false one real is at most 0.05.

    Args:
        p: Probabilities, of shape (tests,); NaN where there was no test, which stays NaN and does not count.

    Returns:
        float64 of the same shape, at least `p` and at most 1.

    Raises:
        ValueError: If one is outside [0, 1].

    Chapter: Offline evaluation.

    >>> holm([0.01, 0.04, 0.03]).round(2).tolist()
    [0.03, 0.06, 0.06]
    """
    given = np.asarray(p, dtype=np.float64)
    if given.ndim != 1 or ((given < 0) | (given > 1)).any():
        raise ValueError("holm: expected probabilities from 0 to 1, in one dimension.")
    there = np.flatnonzero(~np.isnan(given))
    order = there[np.argsort(given[there], kind="stable")]
    corrected = np.full(len(given), np.nan)
    still = np.arange(len(order), 0, -1)
    corrected[order] = np.minimum(np.maximum.accumulate(given[order] * still), 1.0)
    return corrected
