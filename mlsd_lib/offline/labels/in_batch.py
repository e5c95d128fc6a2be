"""Negatives for nothing: the other items of a batch, and the correction for how often each of them turns up there.

A model that retrieves learns from pairs of a user and the item that was taken. What was not taken is everything else,
and scoring everything for each pair is dear. So the items of the other pairs of a batch serve as negatives. Popular
items turn up there more often than others, and learn that they are unwanted, unless the log of their frequency is
taken off their score while the model learns.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from mlsd_lib.architecture import Array
from mlsd_lib.worlds import chance


@dataclass(frozen=True, eq=False)
class Towers:
    """Two towers: a linear map of a user's features, and a vector for each item; their product is the score.

    Attributes:
        user: The map, float64 of shape (features, dimensions).
        item: The vectors, float64 of shape (items, dimensions).

    Chapter: Training data.
    """

    user: Array = field(repr=False)
    item: Array = field(repr=False)

    def best(self, users: npt.ArrayLike, *, k: int, block: int = 1_000) -> Array:
        """The items of highest score for each user, over all items.

        Args:
            users: Features of shape (users, features).
            k: How many items; from 1 to their number.
            block: How many users to score at once; memory grows with it, results do not change.

        Returns:
            int64 of shape (users, k), the best first.

        Raises:
            ValueError: If `k` is out of range or the features have another shape.
        """
        table = _users("best", users, self.user.shape[0])
        if not 1 <= k <= len(self.item):
            raise ValueError(f"best: k is {k}; expected a whole number from 1 to {len(self.item)}.")
        found = np.empty((len(table), k), dtype=np.int64)
        for start in range(0, len(table), block):
            score = table[start : start + block] @ self.user @ self.item.T
            top = np.argpartition(-score, k - 1, axis=1)[:, :k]
            inside = np.take_along_axis(score, top, axis=1)
            found[start : start + block] = np.take_along_axis(top, np.argsort(-inside, axis=1, kind="stable"), axis=1)
        return found


def log_frequency(taken: npt.ArrayLike, items: int) -> Array:
    """The logarithm of how often each item is taken, as a share; items that never were count as taken half a time.

    Args:
        taken: Items by number from 0, int of shape (pairs,).
        items: How many items there are.

    Returns:
        float64 of shape (items,).

    Raises:
        ValueError: If there is no pair, or an item's number is out of range.

    Source: [yi2019sampling]. Chapter: Training data.

    >>> np.exp(log_frequency([0, 0, 0, 1], items=2)).round(3).tolist()
    [0.75, 0.25]
    """
    number = _items("log_frequency", taken, items)
    times = np.bincount(number, minlength=items)
    return np.asarray(np.log(np.maximum(times, 0.5)) - np.log(len(number)))


def two_towers(
    users: npt.ArrayLike,
    taken: npt.ArrayLike,
    *,
    items: int,
    corrected: bool,
    dimensions: int = 16,
    batch: int = 256,
    epochs: int = 5,
    rate: float = 0.1,
    seed: int = 0,
) -> Towers:
    """Learn two towers by softmax over the items of each batch (Adagrad).

    Args:
        users: Features of the user of each pair, of shape (pairs, features).
        taken: The item that this user took, from 0 to `items` - 1.
        items: How many items there are.
        corrected: Whether each item's log frequency is taken off its score in the loss. It is not at serving.
        dimensions: Length of the vectors.
        batch: Pairs in a batch; memory grows with its square.
        epochs: How often each pair is seen.
        rate: Step size.
        seed: Seed of the first vectors and of the order of the pairs.

    Returns:
        The towers.

    Raises:
        ValueError: If shapes differ, a value is not finite, an item is out of range, or a setting is.

    Source: [yi2019sampling]. Chapter: Training data.

    >>> towers = two_towers([[1.0, 0.0], [0.0, 1.0]] * 50, [0, 1] * 50, items=2, corrected=True, batch=10)
    >>> towers.best([[1.0, 0.0], [0.0, 1.0]], k=1).ravel().tolist()
    [0, 1]
    """
    table, number = _users("two_towers", users), _items("two_towers", taken, items)
    if len(table) != len(number):
        raise ValueError(f"two_towers: {len(table)} users and {len(number)} items taken. Give one of each for a pair.")
    if min(dimensions, epochs) < 1 or batch < 2 or not rate > 0:
        raise ValueError("two_towers: dimensions and epochs must be at least 1, batch at least 2, and rate above 0.")
    size = table.shape[1]
    user = chance.normal(seed, "user tower", np.arange(size)[:, None], np.arange(dimensions)) / np.sqrt(size)
    item = 0.1 * chance.normal(seed, "item tower", np.arange(items)[:, None], np.arange(dimensions))
    off = log_frequency(number, items) if corrected else np.zeros(items)
    seen = [np.full(user.shape, 1e-6), np.full(item.shape, 1e-6)]
    for epoch in range(epochs):
        order = np.argsort(chance.bits(seed, "order of pairs", epoch, np.arange(len(number))), kind="stable")
        for start in range(0, len(order), batch):
            some = order[start : start + batch]
            step_user, step_item = _gradients(table[some], number[some], user, item, off)
            for weight, step, square in ((user, step_user, seen[0]), (item, step_item, seen[1])):
                square += step**2
                weight -= rate * step / np.sqrt(square)
    return Towers(user, item)


def _gradients(table: Array, number: Array, user: Array, item: Array, off: Array) -> tuple[Array, Array]:
    """Gradients of the mean loss of a batch: which of the batch's items did each user take?"""
    own, chosen = table @ user, item[number]
    score = own @ chosen.T - off[number]
    same = (number[:, None] == number) & ~np.eye(len(number), dtype=bool)
    score = np.where(same, -np.inf, score)  # the item itself, taken by somebody else too, is no negative
    likely = np.exp(score - score.max(axis=1, keepdims=True))
    likely /= likely.sum(axis=1, keepdims=True)
    likely[np.diag_indices(len(number))] -= 1
    likely /= len(number)
    step_item = np.zeros_like(item)
    np.add.at(step_item, number, likely.T @ own)
    return table.T @ (likely @ chosen), step_item


def _users(function: str, users: npt.ArrayLike, features: int | None = None) -> Array:
    table = np.asarray(users, dtype=np.float64)
    if table.ndim != 2 or features not in (None, table.shape[1]) or not np.isfinite(table).all():
        raise ValueError(
            f"{function}: users has the shape {table.shape}; expected finite features of shape (pairs, "
            f"{'features' if features is None else features})."
        )
    return table


def _items(function: str, taken: npt.ArrayLike, items: int) -> Array:
    number = np.asarray(taken)
    if number.ndim != 1 or not len(number) or number.dtype.kind not in "iu":
        raise ValueError(
            f"{function}: taken has the shape {number.shape} and dtype {number.dtype}; expected whole numbers."
        )
    odd = (number < 0) | (number >= items)
    if odd.any():
        raise ValueError(
            f"{function}: {int(odd.sum())} of {len(number)} items are out of range (first: {number[odd][0]}; items run "
            f"from 0 to {items - 1}). Number them with pandas.factorize."
        )
    return np.asarray(number, dtype=np.int64)
