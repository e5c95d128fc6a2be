"""The winner's curse and its repair, and which few models go online."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from mlsd_lib.architecture import Array
from mlsd_lib.offline.selection import splits, testing
from mlsd_lib.worlds import chance


@dataclass(frozen=True)
class Winner:
    """The best of many models, and what it is worth on queries that did not choose it.

    Attributes:
        model: Its name.
        chosen_on: Its mean on the queries that chose it: too high, the more so the more models there were.
        fresh: Its mean on the other queries.
        low: Lower end of the 95 % interval of `fresh`.
        high: Its upper end.
        units: How many queries chose, and how many judged.

    Chapter: Offline evaluation.
    """

    model: str
    chosen_on: float
    fresh: float
    low: float
    high: float
    units: tuple[int, int]

    def __str__(self) -> str:
        return (
            f"{self.model}: {self.chosen_on:.3f} on the {self.units[0]} queries that chose it, {self.fresh:.3f} "
            f"({self.low:.3f} to {self.high:.3f}) on {self.units[1]} others"
        )


def winner(
    values: pd.DataFrame,
    *,
    unit: npt.ArrayLike | None = None,
    share: float = 0.5,
    resamples: int = 1_000,
    seed: int = 0,
) -> Winner:
    """Choose the best model on some queries and judge it on the others: a second hold-out.

    Args:
        values: A row a request, a column a model; rows in which a model has NaN are left out.
        unit: What each row belongs to (integers or text): its query, or its user. Left out, the label of the row.
        share: About which share of the units judges, between 0 and 1.
        resamples: How many times to resample the judging units.
        seed: Seed of which units judge (by their ids alone), and of the resampling.

    Returns:
        The winner.

    Raises:
        ValueError: If there is no model, fewer than 20 units on a side, or `share` is not between 0 and 1.

    Chapter: Offline evaluation.

    >>> luck = np.random.default_rng(0).normal(size=(400, 20))
    >>> print(winner(pd.DataFrame(luck).add_prefix("model ")))
    model 8: 0.156 on the 191 queries that chose it, 0.011 (-0.127 to 0.141) on 209 others
    """
    if not 0 < share < 1:
        raise ValueError(f"winner: share is {share}; expected a share between 0 and 1.")
    ids = np.asarray(values.index if unit is None else unit)
    if len(ids) != len(values):
        raise ValueError(f"winner: {len(values)} rows and {len(ids)} units. Give one unit for each row.")
    judges = chance.uniform(seed, "judges the winner", splits.ids(ids)) < share
    chosen, fresh = testing.scores(values[~judges], ids[~judges]), testing.scores(values[judges], ids[judges])
    best = int(np.argmax(chosen.means))
    alone = replace(fresh, models=(fresh.models[best],), total=fresh.total[:, [best]])
    low, high = np.quantile(testing.resampled(alone, resamples=resamples, seed=seed), [0.025, 0.975])
    counts = len(chosen.rows), len(fresh.rows)
    return Winner(chosen.models[best], float(chosen.means[best]), float(fresh.means[best]), low, high, counts)


def shortlist(
    values: pd.DataFrame,
    budget: int,
    *,
    unit: npt.ArrayLike | None = None,
    resamples: int = 1_000,
    seed: int = 0,
    doubt: float = 0.0,
) -> pd.DataFrame:
    """The few models to try online: each next one is that which adds most to the best of those tried.

    The means are uncertain, and those of two near-copies in the same way: where one disappoints, so does the other. So
    a copy of a model that is tried adds little, and a model that is a little worse on average, and wrong in other
    ways, may add more. What a list is worth is its best model's mean, averaged over resamples.

    Args:
        values: A row a request, a column a model; rows in which a model has NaN are left out.
        budget: How many experiments there are; at least 1.
        unit: What is resampled, for each row: its query, or its user. Left out, each row is its own.
        resamples: How many times to resample.
        seed: Seed of the resampling.
        doubt: How far the offline metric is from what counts online, as a standard deviation in units of the metric:
            the part by which two models that are judged quite differently, request by request, may differ online beyond
            their offline difference. Near-copies share it. 0 believes the metric.

    Returns:
        A row an experiment, in the order of choice: `model`, `mean`, `best` (the share of resamples in which it is the
        best of all models), and `worth`, the expected mean of the best of the list up to here.

    Raises:
        ValueError: If `budget` is below 1, `doubt` is negative, or `values` are unsound.

    Chapter: Offline evaluation.

    >>> rng = np.random.default_rng(0)
    >>> easy, luck = rng.normal(size=(2, 400, 1))
    >>> values = pd.DataFrame(easy + [0.02, 0.02, 0.0]).assign(other=easy + luck - 0.01).add_prefix("model ")
    >>> shortlist(values, 2)["model"].tolist()
    ['model 0', 'model other']
    """
    if budget < 1 or not 0 <= doubt < np.inf:
        raise ValueError(f"shortlist: budget={budget} and doubt={doubt}; expected at least 1 and at least 0.")
    found = testing.scores(values, unit)
    drawn = testing.resampled(found, resamples=resamples, seed=seed)
    if doubt:
        drawn = drawn + doubt * _doubts(found, resamples, seed)
    best = np.bincount(drawn.argmax(axis=1), minlength=len(found.models)) / resamples
    reached = np.full(resamples, -np.inf)
    chosen: list[int] = []
    worth: list[float] = []
    for _ in range(min(budget, len(found.models))):
        each = np.maximum(reached[:, None], drawn).mean(axis=0)
        each[chosen] = -np.inf
        chosen.append(int(each.argmax()))
        worth.append(float(each.max()))
        reached = np.maximum(reached, drawn[:, chosen[-1]])
    names = [found.models[one] for one in chosen]
    return pd.DataFrame({"model": names, "mean": found.means[chosen], "best": best[chosen], "worth": worth})


def _doubts(found: testing.Scores, resamples: int, seed: int) -> Array:
    """Normal draws with the correlation of the models' values over units, of shape (resamples, models)."""
    moved = found.influence()
    length = np.linalg.norm(moved, axis=0)
    alike = moved / np.where(length > 0, length, 1.0)
    value, vector = np.linalg.eigh(alike.T @ alike)
    drawn = chance.normal(seed, "doubt", np.arange(resamples)[:, None], np.arange(len(value)))
    root = (vector * np.sqrt(np.maximum(value, 0.0))) @ vector.T  # the symmetric one, which no sign changes
    return np.asarray(drawn @ root)
