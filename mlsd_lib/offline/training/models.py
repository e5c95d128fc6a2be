"""Five kinds of models of a probability behind one face, from an average to trees whose leaves feed a linear model.

A trained model is data: arrays and, for trees, LightGBM's text. It is kept, compared and loaded without running code
from the file, and what it predicts is computed here from these arrays.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd

from mlsd_lib.architecture import Array, State
from mlsd_lib.offline.training.columns import Coded, Columns

Kind = Literal["rate", "linear", "trees", "leaves", "net"]
KINDS: tuple[Kind, ...] = get_args(Kind)
AT_ONCE = 65_536  # rows scored at a time

# What each kind keeps as arrays.
HELD: dict[Kind, tuple[str, ...]] = {
    "rate": ("bias",),
    "linear": ("bias", "numbers", "words"),
    "trees": (),
    "leaves": ("bias", "leaf", "start"),
    "net": ("bias", "numbers", "words", "out", "out_bias"),
}


@dataclass(frozen=True, eq=False)
class Model:
    """A trained model of a probability.

    Attributes:
        kind: "rate" (the average), "linear" (logistic regression), "trees" (boosted), "leaves" (a logistic regression
            on the leaves of boosted trees) or "net" (one hidden layer).
        columns: What it reads.
        arrays: Its weights, by name.
        text: Its trees in LightGBM's text format; "" for kinds that have none.

    Source: [he2014facebook] for "leaves". Chapter: Models.

    >>> columns = Columns.of(pd.DataFrame({"segment": ["a", "b"]}))
    >>> model = Model("rate", columns, {"bias": np.array([0.0])})
    >>> model.predict(pd.DataFrame({"segment": ["never seen"]})).tolist()
    [0.5]
    """

    kind: Kind
    columns: Columns = field(repr=False)
    arrays: Mapping[str, Array] = field(repr=False)
    text: str = field(default="", repr=False)

    def predict(self, table: pd.DataFrame) -> Array:
        """Probabilities for the rows of a table.

        Args:
            table: The columns that it was trained on, in any order; others are ignored. Words that it never saw and
                missing values are allowed.

        Returns:
            float64 of shape (rows,), between 0 and 1.

        Raises:
            ValueError: If a column is missing or of another type.

        Chapter: Models.
        """
        return sigmoid(self.odds(self.columns.coded(table)))

    def odds(self, coded: Coded) -> Array:
        """Log odds of rows that are arrays already, float64 of shape (rows,); a bounded number of rows at a time."""
        rows = len(coded.numbers)
        odds = np.empty(rows)
        for low in range(0, rows, AT_ONCE):
            odds[low : low + AT_ONCE] = self._odds(coded.part(slice(low, low + AT_ONCE)))
        return odds

    def first(self, trees: int) -> Model:
        """The same model with its first trees only, to see what the later ones are worth.

        Args:
            trees: How many; from 1 to those that it has.

        Returns:
            A model of the kind "trees".

        Raises:
            ValueError: If it is not of that kind, or has fewer trees.
        """
        if self.kind != "trees" or not 1 <= trees <= self.booster.num_trees():
            raise ValueError(f"model: a {self.kind!r} model has no first {trees} trees to stand alone.")
        return Model(self.kind, self.columns, {}, str(self.booster.model_to_string(num_iteration=trees)))

    def size(self) -> int:
        """Bytes of what it has learned, names of columns and their values apart."""
        return sum(array.nbytes for array in self.arrays.values()) + len(self.text.encode())

    def state(self) -> State:
        """All of it, as data."""
        json = {"kind": self.kind, "columns": self.columns.json()}
        return State(arrays=dict(self.arrays), json=json, texts={"trees": self.text})

    @staticmethod
    def restored(state: State) -> Model:
        """A model from its state, which may come from anywhere.

        Args:
            state: What `state` returned.

        Returns:
            The same model.

        Raises:
            ValueError: If the state is unsound.

        Chapter: Models.
        """
        kind, columns = state.json["kind"], Columns.restored(state.json["columns"])
        if kind not in KINDS or set(state.arrays) != set(HELD[kind]) or bool(state.texts["trees"]) != _has_trees(kind):
            raise ValueError(f"model: the state of a {kind!r} model does not hold what such a model needs")
        if kind in ("linear", "net"):
            shapes = {name: array.shape for name, array in state.arrays.items()}
            width = 1 if kind == "linear" else len(state.arrays["bias"])
            fits = {"bias": (width,), "numbers": (len(columns.numbers), width), "words": (columns.places + 1, width)}
            fits |= {"out": (width,), "out_bias": (1,)} if kind == "net" else {}
            if shapes != fits:
                raise ValueError(f"model: the weights of the {kind!r} model do not fit its columns")
        return Model(kind, columns, dict(state.arrays), state.texts["trees"])

    @cached_property
    def booster(self) -> Any:
        """The trees as LightGBM's own object.

        Raises:
            ValueError: If the model has no trees, or their text cannot be read.
        """
        import lightgbm

        if not self.text:
            raise ValueError(f"model: a {self.kind!r} model has no trees. Train one of the kind 'trees' or 'leaves'.")
        try:
            return lightgbm.Booster(model_str=self.text)
        except lightgbm.basic.LightGBMError as error:
            raise ValueError(f"model: its trees cannot be read ({error}).") from None

    def _odds(self, coded: Coded) -> Array:
        if self.kind == "rate":
            return np.full(len(coded.numbers), self.arrays["bias"][0])
        if self.kind == "trees":
            raw = self.booster.predict(self.columns.matrix(coded), raw_score=True, num_threads=1)
            return np.asarray(raw, dtype=np.float64)
        if self.kind == "leaves":
            leaf = self.booster.predict(self.columns.matrix(coded), pred_leaf=True, num_threads=1)
            return np.asarray(self.arrays["leaf"][leaf + self.arrays["start"]].sum(axis=1) + self.arrays["bias"][0])
        summed = self.columns.scaled(coded.numbers) @ self.arrays["numbers"] + self.arrays["bias"]
        for slot in self.columns.slots(coded.codes).T:
            summed += self.arrays["words"][slot]
        if self.kind == "linear":
            return np.asarray(summed[:, 0])
        return np.asarray(np.tanh(summed) @ self.arrays["out"] + self.arrays["out_bias"])


def sigmoid(odds: Array) -> Array:
    """Probabilities of log odds."""
    from scipy.special import expit

    return np.asarray(expit(odds), dtype=np.float64)


def _has_trees(kind: Kind) -> bool:
    return kind in ("trees", "leaves")
