"""How a table of features becomes numbers, the same way for every kind of model.

A column of numbers stays as it is for trees, and is put on a common scale for models that multiply it by a weight. A
column of words becomes a code for trees, and a row of zeros with a single one for the others; since nearly all of
that row is nothing, it is never written down: a code is a place in a table of weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from mlsd_lib.architecture import Array


@dataclass(frozen=True, eq=False)
class Coded:
    """A table as arrays.

    Attributes:
        numbers: The columns of numbers, float64 of shape (rows, numbers); NaN where a value is missing.
        codes: The columns of words, int32 of shape (rows, words); -1 where a value is missing or was never seen.
    """

    numbers: Array = field(repr=False)
    codes: Array = field(repr=False)

    def part(self, some: Array | slice) -> Coded:
        """Some of the rows."""
        return Coded(self.numbers[some], self.codes[some])


@dataclass(frozen=True, eq=False)
class Columns:
    """The columns that a model was trained on, and what it takes to read them again.

    Attributes:
        numbers: Names of the columns of numbers, in the order of the table.
        words: The values of each column of words, in the order of their codes, by name.
        middle: Mean of each column of numbers, where it is not missing; float64.
        spread: Standard deviation of each; 1 where all values are the same.

    Chapter: Models.

    >>> columns = Columns.of(pd.DataFrame({"bid": [0.1, 0.3], "segment": ["students", "families"]}))
    >>> columns.coded(pd.DataFrame({"segment": ["students", "pensioners"], "bid": 0.2})).codes.tolist()
    [[1], [-1]]
    """

    numbers: tuple[str, ...]
    words: Mapping[str, Array]
    middle: Array = field(repr=False)
    spread: Array = field(repr=False)

    @staticmethod
    def of(table: pd.DataFrame) -> Columns:
        """Learn the columns of a table.

        Args:
            table: Numbers, booleans and words (str, object or categorical); a row an example.

        Returns:
            Its columns.

        Raises:
            ValueError: If the table is empty, a name comes twice, or a column is of another type, infinite somewhere or
                missing everywhere.

        >>> Columns.of(pd.DataFrame({"bid": [0.1, 0.3], "segment": ["students", "families"]})).names
        ('bid', 'segment')
        """
        if not isinstance(table, pd.DataFrame) or not len(table) or not len(table.columns):
            raise ValueError("table: expected a DataFrame with at least one row and one column of features.")
        twice = table.columns[table.columns.duplicated()]
        if len(twice):
            raise ValueError(f"table: column {twice[0]!r} comes twice. Give each feature a name of its own.")
        numbers, words, middle, spread = [], {}, [], []
        for name in table:
            column = table[name]
            if column.isna().all():
                raise ValueError(f"table: column {name!r} is missing in all {len(table)} rows. Drop it.")
            if _is_number(column):
                values = _numbers(str(name), column)
                numbers.append(str(name))
                middle.append(np.nanmean(values))
                spread.append(np.nanstd(values) or 1.0)
            elif _is_words(column):
                _strings(str(name), column)
                words[str(name)] = np.array(sorted({str(value) for value in column.dropna().unique()}), dtype=str)
            else:
                raise ValueError(
                    f"table: column {name!r} has the type {column.dtype}, and numbers or words were expected. Turn "
                    "times into numbers first, such as the hour or the days since."
                )
        return Columns(tuple(numbers), words, np.array(middle, dtype=float), np.array(spread, dtype=float))

    @property
    def names(self) -> tuple[str, ...]:
        """All columns: numbers first, then words."""
        return (*self.numbers, *self.words)

    @property
    def places(self) -> int:
        """How many values all columns of words have together."""
        return sum(len(values) for values in self.words.values())

    def coded(self, table: pd.DataFrame) -> Coded:
        """A table as arrays; columns that were not learned are ignored.

        Args:
            table: The learned columns, in any order.

        Returns:
            The arrays.

        Raises:
            ValueError: If a column is missing, or holds words where numbers were learned, or the reverse.
        """
        missing = [name for name in self.names if name not in table]
        if missing:
            raise ValueError(f"table: column {missing[0]!r} is missing; the model was trained with {len(self.names)}.")
        numbers = np.empty((len(table), len(self.numbers)))
        for place, name in enumerate(self.numbers):
            if not _is_number(table[name]):
                raise ValueError(f"table: column {name!r} holds words, and the model was trained with numbers in it.")
            numbers[:, place] = _numbers(name, table[name])
        codes = np.empty((len(table), len(self.words)), dtype=np.int32)
        for place, (name, values) in enumerate(self.words.items()):
            if not _is_words(table[name]):
                raise ValueError(f"table: column {name!r} holds no words, and the model was trained with words in it.")
            _strings(name, table[name])
            codes[:, place] = _codes(table[name], values)
        return Coded(numbers, codes)

    def scaled(self, numbers: Array) -> Array:
        """Numbers on a common scale: mean 0 and standard deviation 1 in the table that was learned; missing is 0."""
        return np.asarray(np.nan_to_num((numbers - self.middle) / self.spread))

    def slots(self, codes: Array) -> Array:
        """Where each code lies among all values of all columns of words; `places` stands for unknown."""
        start = np.cumsum([0, *(len(values) for values in self.words.values())])[: len(self.words)]
        return np.where(codes >= 0, codes + start, self.places)

    def matrix(self, coded: Coded) -> Array:
        """Numbers and codes beside each other as trees read them, NaN where something is missing or unknown."""
        return np.column_stack([coded.numbers, np.where(coded.codes >= 0, coded.codes, np.nan)])

    def one_hot(self, coded: Coded) -> Any:
        """Scaled numbers and a column a value, as a sparse matrix of shape (rows, numbers + places)."""
        return beside(self.scaled(coded.numbers), self.slots(coded.codes), self.places)

    def json(self) -> dict[str, Any]:
        """What has to be kept of it, as plain values."""
        words = {name: values.tolist() for name, values in self.words.items()}
        scale = {"middle": self.middle.tolist(), "spread": self.spread.tolist()}
        return {"numbers": list(self.numbers), "words": words, **scale}

    @staticmethod
    def restored(held: Mapping[str, Any]) -> Columns:
        """The columns in kept values."""
        words = {name: np.array(values, dtype=str) for name, values in held["words"].items()}
        middle, spread = (np.array(held[name], dtype=float) for name in ("middle", "spread"))
        if not len(held["numbers"]) == len(middle) == len(spread):
            raise ValueError("model: the columns of numbers and their scales do not fit each other")
        return Columns(tuple(held["numbers"]), words, middle, spread)


def beside(numbers: Array, slots: Array, places: int) -> Any:
    """Numbers, and a one at each slot, as a sparse matrix of shape (rows, numbers + places).

    Args:
        numbers: float64 of shape (rows, numbers).
        slots: int of shape (rows, columns of words); `places` and above leave a row without a one.
        places: How many slots there are.

    Returns:
        A compressed sparse row matrix.
    """
    from scipy import sparse

    rows, wide = numbers.shape
    known = slots < places
    index = np.concatenate([np.tile(np.arange(wide), (rows, 1)), slots + wide], axis=1)
    value = np.concatenate([numbers, known.astype(np.float64)], axis=1)
    there = np.concatenate([np.ones((rows, wide), dtype=bool), known], axis=1)
    ends = np.concatenate([[0], np.cumsum(there.sum(axis=1))])
    return sparse.csr_matrix((value[there], index[there], ends), shape=(rows, wide + places))


def _is_number(column: pd.Series[Any]) -> bool:
    return bool(pd.api.types.is_numeric_dtype(column.dtype))


def _is_words(column: pd.Series[Any]) -> bool:
    kind = column.dtype
    return isinstance(kind, pd.CategoricalDtype) or pd.api.types.is_string_dtype(kind)


def _strings(name: str, column: pd.Series[Any]) -> None:
    """Raise an error where a column of words holds something else, such as a list."""
    if column.dtype != object:
        return
    other = [value for value in column.dropna() if not isinstance(value, str)]
    if other:
        raise ValueError(
            f"table: column {name!r} holds {len(other)} values that are no words (first: {other[0]!r}). Make words or "
            "numbers of them; a list becomes several columns."
        )


def _numbers(name: str, column: pd.Series[Any]) -> Array:
    values: Array = column.to_numpy(dtype=np.float64, na_value=np.nan)
    infinite = np.isinf(values)
    if infinite.any():
        raise ValueError(
            f"table: column {name!r} is infinite in {int(infinite.sum())} rows (first: row "
            f"{int(np.argmax(infinite))}). Replace them, for example by NaN for missing."
        )
    return values


def _codes(column: pd.Series[Any], values: Array) -> Array:
    """The code of each value; each distinct value is looked up once."""
    number, distinct = pd.factorize(column)
    found = pd.Index(values).get_indexer(pd.Index([str(value) for value in distinct], dtype=object))
    return np.append(found, -1)[number]
