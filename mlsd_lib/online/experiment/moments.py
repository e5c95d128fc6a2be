"""Counts, means and products of the columns of a units table, arm by arm, in one pass over blocks of rows.

Everything that a test of means or ratios needs of ten million units is a handful of sums. They are taken about a value
in the middle of each column, so that no digits are lost, and kept for every group: the arms, or the arms of each day,
of each segment, of each simulated experiment.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
import pandas as pd

from mlsd_lib.architecture import Array
from mlsd_lib.online.experiment.metric import Column, Metric, is_before

AT_ONCE = 1 << 16  # rows in work at a time: they stay in a processor's cache
_SAMPLE = 1_000  # rows, or a few more, that the middle of a column is taken from
_NOTHING = 1e-13  # a sum of squares below so much of that about the middle is rounding alone


@dataclass(frozen=True, eq=False)
class Moments:
    """What is known of the columns of one metric in some groups of units.

    Attributes:
        count: Units of each group, float64 of shape (groups, …).
        mean: Mean of each column, of shape (groups, …, columns).
        spread: Sums of products of deviations from the means, of shape (groups, …, columns, columns).

    Chapter: Experiments.
    """

    count: Array
    mean: Array
    spread: Array

    def __add__(self, other: Moments) -> Moments:
        """Both together, as if their units had been in one group."""
        count = self.count + other.count
        with np.errstate(divide="ignore", invalid="ignore"):
            part = (other.count / count)[..., None]
        apart = other.mean - self.mean
        mean = self.mean + part * apart
        across = (self.count[..., None] * part)[..., None] * apart[..., :, None] * apart[..., None, :]
        return Moments(count, mean, self.spread + other.spread + across)

    def __getitem__(self, at: int | slice | Array) -> Moments:
        """Some of the groups."""
        return Moments(np.asarray(self.count[at]), self.mean[at], self.spread[at])

    @property
    def covariance(self) -> Array:
        """Sample covariances of the columns; NaN in a group of fewer than two units."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(self.spread / np.where(self.count > 1, self.count - 1, np.nan)[..., None, None])


class Reader:
    """Reads the columns of some metrics from a units table, a block of rows at a time, checked.

    Args:
        table: A row a unit.
        metrics: What is read.
        code: The group of each row, from 0.
        groups: How many groups there are.

    Raises:
        ValueError: If a column is missing or holds no numbers.

    Chapter: Experiments.
    """

    def __init__(self, table: pd.DataFrame, metrics: Sequence[Metric], code: Array, groups: int) -> None:
        columns = dict.fromkeys(column for metric in metrics for column in metric.columns)
        self._table, self._code, self._groups = table, code, groups
        self._series = {name: _numeric(table, name) for name in dict.fromkeys(column.name for column in columns)}
        self._usual = {column: _usual(self._series[column.name], column) for column in columns if is_before(column)}
        self._middle = {column: self._centre(column) for column in columns}

    def moments(self, metrics: Sequence[Metric], *, cumulative: int | None = None) -> list[Moments]:
        """The moments of each metric's columns, of shape (groups,).

        Args:
            metrics: Those the reader was made for, or some of them.
            cumulative: Given, groups are the arms of one block after another, so many to a block, and each holds all
                blocks up to its own.

        Returns:
            The moments of each metric.

        Raises:
            ValueError: If a value is infinite, missing (except in a covariate), or a denominator negative.
        """
        columns = list(dict.fromkeys(column for metric in metrics for column in metric.columns))
        pairs = list(
            dict.fromkeys(
                pair for metric in metrics for pair in _pairs([columns.index(column) for column in metric.columns])
            )
        )
        count: Array = np.zeros(self._groups)
        first: Array = np.zeros((len(columns), self._groups))
        second: Array = np.zeros((len(pairs), self._groups))
        for code, values in self.blocks(columns):
            count += np.bincount(code, minlength=self._groups)
            for place, value in enumerate(values):
                first[place] += np.bincount(code, value, self._groups)
            for place, (one, other) in enumerate(pairs):
                second[place] += np.bincount(code, values[one] * values[other], self._groups)
        if cumulative is not None:
            count, first, second = (
                np.cumsum(sums.reshape(*sums.shape[:-1], -1, cumulative), axis=-2).reshape(sums.shape)
                for sums in (count, first, second)
            )
        return [self._of(metric, columns, pairs, count, first, second) for metric in metrics]

    def skewness(self, metric: Metric, mean: Array, weight: Array) -> Array:
        """Skewness of what a metric's test averages, in each group: of a weighted sum of a unit's columns.

        Args:
            metric: One that the reader was made for.
            mean: Mean of each column in each group, of shape (groups, columns).
            weight: Weight of each column in each group, of the same shape.

        Returns:
            float64 of shape (groups,); NaN where all units are alike.
        """
        middle = np.array([self._middle[column] for column in metric.columns])
        start = ((mean - middle) * weight).sum(axis=1)
        count, squares, cubes = np.zeros((3, self._groups))
        for code, values in self.blocks(metric.columns):
            moved = sum(value * weight[code, place] for place, value in enumerate(values)) - start[code]
            square = moved * moved
            count += np.bincount(code, minlength=self._groups)
            squares += np.bincount(code, square, self._groups)
            cubes += np.bincount(code, square * moved, self._groups)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(cubes / count / (squares / count) ** 1.5)

    def blocks(self, columns: Sequence[Column]) -> Iterator[tuple[Array, list[Array]]]:
        """The group of each row of a block, and its values of each column less the column's middle."""
        for low in range(0, len(self._code), AT_ONCE):
            rows = slice(low, low + AT_ONCE)
            read = {name: self._read(name, rows) for name in dict.fromkeys(column.name for column in columns)}
            yield (
                self._code[rows].astype(np.intp, copy=False),
                [self._value(column, read[column.name], rows) for column in columns],
            )

    def _value(self, column: Column, value: Array, rows: slice) -> Array:
        """A column's values as its role wants them, less its middle."""
        if not np.isfinite(value.sum()):
            endless, none = np.isinf(value), np.isnan(value)
            if endless.any():
                self._refuse(column, endless, rows, "infinite", "one such unit is the whole mean")
            if is_before(column):
                value = np.where(none, self._usual[column], value)
            elif none.any():
                self._refuse(column, none, rows, "missing", "a unit that did nothing has the value 0")
        if column.cap is not None:
            value = np.minimum(value, column.cap)
        if column.role == "denominator" and value.min() < 0:
            self._refuse(column, value < 0, rows, "negative", "nothing can be divided by it")
        return value - self._middle[column]

    def _read(self, name: str, rows: slice) -> Array:
        series = self._series[name].iloc[rows]
        if isinstance(series.dtype, np.dtype):
            return series.to_numpy(dtype=np.float64)
        return series.to_numpy(dtype=np.float64, na_value=np.nan)

    def _refuse(self, column: Column, wrong: Array, rows: slice, what: str, why: str) -> NoReturn:
        first = int(np.argmax(wrong))
        value = self._read(column.name, rows)[first]
        more = "" if wrong.sum() == 1 else f"; {int(wrong.sum())} rows of the {len(wrong)} from row {rows.start} on"
        raise ValueError(
            f"units: {column.name} is {what} (first: row {rows.start + first}, {value:g}{more}), and {why}. "
            "Repair these units, or drop such units in all arms alike."
        )

    def _centre(self, column: Column) -> float:
        """A value in the middle of a column: exactly its value where all rows have the same."""
        every = max(1, len(self._code) // _SAMPLE)  # from all over the table, which may be sorted
        some = self._series[column.name].iloc[::every].to_numpy(dtype=np.float64, na_value=np.nan)
        some = some[np.isfinite(some)] if column.cap is None else np.minimum(some[np.isfinite(some)], column.cap)
        return float(np.median(some)) if len(some) else 0.0

    def _of(
        self, metric: Metric, columns: list[Column], pairs: list[tuple[int, int]], count: Array, *sums: Array
    ) -> Moments:
        first, second = sums
        own = [columns.index(column) for column in metric.columns]
        with np.errstate(divide="ignore", invalid="ignore"):
            middle = first[own] / count
        spread = np.zeros((len(own), len(own), len(count)))
        for one, two in _pairs(range(len(own))):
            raw = second[pairs.index((own[one], own[two]))]
            both = raw - first[own[one]] * middle[two]
            if one == two:
                both = np.where(both <= _NOTHING * raw, 0.0, both)
            spread[one, two] = spread[two, one] = np.where(count > 0, both, 0.0)
        alike = np.diagonal(spread).T == 0  # what does not vary goes with nothing
        spread[alike[:, None] | alike[None, :]] = 0.0
        mean = middle + np.array([self._middle[column] for column in metric.columns])[:, None]
        return Moments(count, np.moveaxis(mean, 0, -1), np.moveaxis(spread, -1, 0))


def coded(values: pd.Series[Any]) -> tuple[list[Any], Array]:
    """The different values of a column, in order of appearance, and the place of each row's among them; -1 for none.

    Args:
        values: A column of few different values, such as arms.

    Returns:
        The values, and int32 of shape (rows,). Beyond these, memory is that of one block of rows.

    Chapter: Experiments.

    >>> coded(pd.Series(["treatment", None, "control", "treatment"]))
    (['treatment', 'control'], array([ 0, -1,  1,  0], dtype=int32))
    """
    places: dict[Any, int] = {}
    code = np.empty(len(values), dtype=np.int32)
    for low in range(0, len(values), AT_ONCE):
        place, there = pd.factorize(values.iloc[low : low + AT_ONCE])
        known = [places.setdefault(name, len(places)) for name in there.tolist()]
        code[low : low + AT_ONCE] = np.array([*known, -1])[place]
    return list(places), code


def placed(values: pd.Series[Any], names: Sequence[Any]) -> Array:
    """The place of each value among some names; -1 where it is none of them.

    Args:
        values: A column of few different values, such as arms.
        names: The names.

    Returns:
        int32 of shape (rows,).

    Chapter: Experiments.

    >>> placed(pd.Series(["treatment", "control", "holdout"]), ["control", "treatment"]).tolist()
    [1, 0, -1]
    """
    found, code = coded(values)
    own = [names.index(name) if name in names else -1 for name in found]
    return np.array([*own, -1], dtype=np.int32)[code]


def _pairs(places: Sequence[int]) -> list[tuple[int, int]]:
    return [(one, other) for at, one in enumerate(places) for other in places[at:]]


def _numeric(table: pd.DataFrame, name: str) -> pd.Series[Any]:
    if name not in table:
        there = ", ".join(map(str, table.columns)) or "none"
        raise ValueError(f"units: column {name!r} is missing (columns there: {there}). Rename or add it.")
    if not pd.api.types.is_numeric_dtype(table[name].dtype) or pd.api.types.is_complex_dtype(table[name].dtype):
        raise ValueError(
            f"units: {name} is of the type {table[name].dtype}, and numbers were expected. Convert it: "
            f"pd.to_numeric(table[{name!r}])."
        )
    return table[name]


def _usual(series: pd.Series[Any], column: Column) -> float:
    """What a covariate counts as where it is missing: its mean, by which nobody is moved."""
    mean = (series if column.cap is None else series.clip(upper=column.cap)).mean()
    return 0.0 if pd.isna(mean) else float(mean)
