"""What a model is worth and what it costs, in one table: quality, time to train and to serve, bytes, by amount of data.

Quality is the log loss over that of a baseline, with an interval: requests are resampled, since the rows of a request
share a person and a moment.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from time import process_time
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from mlsd_lib.architecture import Array
from mlsd_lib.metrics import Mean, ratio
from mlsd_lib.offline.training.fitting import train
from mlsd_lib.offline.training.models import Kind, Model
from mlsd_lib.worlds import chance

SURE = 1e-12  # probabilities are kept this far from 0 and 1, or one certain mistake would outweigh everything
RESAMPLES = 200  # for the intervals of a table with many rows
SERVED = 1_000  # rows scored at once where serving is timed


@dataclass(frozen=True, eq=False)
class Examples:
    """Rows to learn from or to judge by.

    Attributes:
        table: Features, a row an example.
        target: What happened, 0 or 1 (or a probability), of shape (rows,).
        unit: What each row belongs to, such as its request; integers or strings of shape (rows,).

    Raises:
        ValueError: If lengths differ or there is no row.

    Chapter: Models.

    >>> len(Examples(pd.DataFrame({"bid": [0.1, 0.2]}), [0, 1], [7, 7]))
    2
    """

    table: pd.DataFrame = field(repr=False)
    target: Array = field(repr=False)
    unit: Array = field(repr=False)

    def __init__(self, table: pd.DataFrame, target: npt.ArrayLike, unit: npt.ArrayLike) -> None:
        happened, units = np.asarray(target), np.asarray(unit)
        if not len(table) or not happened.shape == units.shape == (len(table),):
            raise ValueError(
                f"examples: {len(table)} rows, a target of shape {happened.shape} and units of shape {units.shape}. "
                "Give one of each a row, and at least one row."
            )
        object.__setattr__(self, "table", table.reset_index(drop=True))
        object.__setattr__(self, "target", happened)
        object.__setattr__(self, "unit", units)

    def __len__(self) -> int:
        return len(self.table)

    def part(self, some: Array) -> Examples:
        """Some of the rows, by number or by a mask."""
        return Examples(self.table.iloc[some], self.target[some], self.unit[some])

    def drawn(self, rows: int, *, seed: int = 0) -> Examples:
        """About so many rows: whole units at random, as many as fit. A smaller draw is a part of a larger one.

        Args:
            rows: The most rows, from 1 to their number.
            seed: Seed of the draw.

        Returns:
            The rows, in order.

        Raises:
            ValueError: If `rows` is out of range, or smaller than the unit that comes first.
        """
        if not 1 <= rows <= len(self):
            raise ValueError(f"examples: {rows} rows are wanted of {len(self)}.")
        code, units = pd.factorize(self.unit)
        order = np.argsort(chance.bits(seed, "draw examples", units), kind="stable")
        ends = np.cumsum(np.bincount(code)[order])
        taken = order[: np.searchsorted(ends, rows, side="right")]
        if not len(taken):
            raise ValueError(f"examples: {rows} rows are fewer than one whole unit has ({ends[0]}). Draw more.")
        return self.part(np.isin(code, taken))


def entropy(
    examples: Examples, predicted: npt.ArrayLike, *, against: npt.ArrayLike | None = None, resamples: int = 1_000
) -> Mean:
    """Log loss over that of a baseline, with its interval: the normalised entropy, or what a model adds to another.

    Args:
        examples: What happened.
        predicted: Probabilities, of shape (rows,).
        against: Probabilities of the baseline, such as another model's; left out, the average rate of these rows, which
            makes it the normalised entropy.
        resamples: How many times to resample for the interval; at least 1.

    Returns:
        The ratio with a 95 % interval; units are resampled. Below 1 is better than the baseline.

    Raises:
        ValueError: If shapes differ, a value is no probability, or all rows are of one class.

    Source: [he2014facebook]. Chapter: Models.

    >>> examples = Examples(pd.DataFrame({"bid": [1.0] * 4}), [1, 0, 0, 0], [1, 2, 3, 4])
    >>> entropy(examples, [0.25] * 4).value
    1.0
    """
    baseline = _rate(examples) if against is None else against
    losses = {"model": _loss(examples, predicted), "baseline": _loss(examples, baseline)}
    each = pd.DataFrame(losses).groupby(examples.unit).sum()
    return ratio(each["model"], each["baseline"], resamples=resamples)


def entropy_alone(examples: Examples, predicted: npt.ArrayLike) -> float:
    """The normalised entropy without an interval, for whoever needs it hundreds of times.

    Args:
        examples: What happened.
        predicted: Probabilities, of shape (rows,).

    Returns:
        Log loss over that of the average rate of these rows; below 1 is better.

    Raises:
        ValueError: As `entropy`.

    Source: [he2014facebook]. Chapter: Models.

    >>> entropy_alone(Examples(pd.DataFrame({"bid": [1.0] * 4}), [1, 0, 0, 0], [1, 2, 3, 4]), [0.25] * 4)
    1.0
    """
    return float(_loss(examples, predicted).sum() / _loss(examples, _rate(examples)).sum())


def ladder(
    models: Mapping[str, Mapping[str, Any]] | Sequence[Kind],
    learn: Examples,
    judge: Examples,
    *,
    sizes: Sequence[int],
    seed: int = 0,
) -> pd.DataFrame:
    """Train models on growing parts of a log, and measure what each is worth and what it costs.

    Args:
        models: Kinds, or by name the arguments of `train`: `{"small trees": {"kind": "trees", "trees": 30}}`.
        learn: What to learn from.
        judge: What to judge by.
        sizes: How many rows to learn from; a smaller part is a part of a larger one.
        seed: Seed of the draws and of the training.

    Returns:
        A row a size and model: `rows, model, entropy, low, high` (normalised entropy with its interval), `train_s`
        (processor time), `serve_us` (processor time to score a row, in batches of a thousand), `kilobytes`. Times are
        of this machine; everything else is the same everywhere.

    Raises:
        ValueError: As `train`, and if a size is out of range.

    Chapter: Models.

    >>> rows = Examples(pd.DataFrame({"x": np.arange(60.0)}), np.arange(60) > 30, np.arange(60))
    >>> ladder(["rate", "linear"], rows, rows, sizes=[30, 60])["model"].tolist()
    ['rate', 'linear', 'rate', 'linear']
    """
    wanted = models if isinstance(models, Mapping) else {kind: {"kind": kind} for kind in models}
    rows = []
    for how in wanted.values():  # the first training of a kind also imports what it needs, which is not to be timed
        train(table=learn.table.head(50), target=np.arange(min(50, len(learn))) % 2, seed=seed, **how)
    for size in sizes:
        part = learn.drawn(size, seed=seed)
        for name, how in wanted.items():
            start = process_time()
            model = train(table=part.table, target=part.target, seed=seed, **how)
            took = process_time() - start
            found = entropy(judge, model.predict(judge.table), resamples=RESAMPLES)
            rows.append(
                {
                    "rows": size,
                    "model": name,
                    "entropy": found.value,
                    "low": found.low,
                    "high": found.high,
                    "train_s": took,
                    "serve_us": serving_us(model, judge.table),
                    "kilobytes": model.size() / 1_000,
                }
            )
    return pd.DataFrame(rows)


def serving_us(model: Model, table: pd.DataFrame, *, repeats: int = 5) -> float:
    """Processor time to score a row that is an array already, in microseconds, in batches of a thousand.

    Args:
        model: The model.
        table: Rows to score; the first thousand are taken, again and again where there are fewer.
        repeats: How many batches; the fastest counts, since whatever else the machine does only adds.

    Returns:
        Microseconds a row.

    Chapter: Models.

    >>> table = pd.DataFrame({"x": np.arange(60.0)})
    >>> average, trees = (train(kind, table, table["x"] > 30) for kind in ("rate", "trees"))
    >>> serving_us(average, table) < serving_us(trees, table)
    True
    """
    coded = model.columns.coded(table.iloc[np.arange(SERVED) % len(table)])
    model.odds(coded)  # reads the trees, once
    took = []
    for _ in range(repeats):
        start = process_time()
        for _ in range(4):  # a clock's tick may be longer than one batch
            model.odds(coded)
        took.append((process_time() - start) / 4)
    return min(took) / SERVED * 1e6


def _rate(examples: Examples) -> Array:
    """The average rate, for each row."""
    rate = float(examples.target.mean())
    if not 0 < rate < 1:
        raise ValueError(f"entropy: all {len(examples)} rows are of one class, and the average rate needs no model.")
    return np.full(len(examples), rate)


def _loss(examples: Examples, predicted: npt.ArrayLike) -> Array:
    """Log loss of each row."""
    probability = np.asarray(predicted, dtype=np.float64)
    if probability.shape != (len(examples),) or not ((probability >= 0) & (probability <= 1)).all():
        raise ValueError(f"entropy: expected a probability for each of {len(examples)} rows, not scores or odds.")
    sure = np.clip(probability, SURE, 1 - SURE)
    return np.asarray(-(examples.target * np.log(sure) + (1 - examples.target) * np.log1p(-sure)))
