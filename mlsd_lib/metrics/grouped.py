"""Ranking metrics on arrays: graded items of many groups, scored, in any order.

This is the core under `mlsd_lib.metrics.ranking`, which reads frames, and the way in for whoever has arrays already,
such as the validation set of a ranker. A group is a request. The items of a group are laid side by side in a padded
matrix, groups of about the same size together, a block at a time; so nothing loops over groups, and memory is bounded.

A higher score stands first, and of two equal scores the one whose row comes first. `Graded` holds what the metrics
need: the first k items of every group, the best k that it could have had, how many are relevant (grade above 0), and
where the first relevant item stands. A group without a relevant item has no value: NaN.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from mlsd_lib.architecture import Array

Gain = Literal["linear", "exponential"]
HIGHEST_GRADE = 100  # for exponential gain: sums of 2 ** grade stay exact enough far beyond any scale in use
_CELLS = 1 << 17  # cells of a padded block: a megabyte of numbers, which stays in a processor's cache


@dataclass(frozen=True)
class Graded:
    """The first k items of each group with their grades, and what they could have been at best.

    Attributes:
        k: How many positions count.
        group: The group of each item at the first k positions.
        position: Its position, from 1.
        grade: Its grade; 0 where it was not judged.
        judged: The judged group of each group, -1 where it was never judged. Groups may share one: two requests for
            the same query have the same best answer.
        best_group: The judged group of each item of the best possible first k.
        best_position: Its position, from 1.
        best_grade: Its grade.
        relevant: How many relevant items each judged group has.
        first: The position of the first relevant item of each group at any depth, 0 where there is none.
        highest: The highest grade among all judged items, 0 where there is none.

    Chapter: Metrics.
    """

    k: int
    group: Array
    position: Array
    grade: Array
    judged: Array
    best_group: Array
    best_position: Array
    best_grade: Array
    relevant: Array
    first: Array
    highest: float

    def ndcg(self, gain: Gain = "linear") -> Array:
        """Normalised discounted cumulative gain at k of each group.

        Args:
            gain: "linear" takes the grade itself, "exponential" takes 2 ** grade - 1.

        Returns:
            A float64 array of shape (groups,), in [0, 1] or NaN.

        Raises:
            ValueError: If `gain` is neither of the two, or 2 ** grade would drown all other grades.

        Source: [jarvelin2002cumulated]; the exponential gain as in [burges2010lambdamart]. Chapter: Metrics.
        """
        if gain not in ("linear", "exponential"):
            raise ValueError(f"ndcg: gain must be 'linear' or 'exponential', got {gain!r}.")
        if gain == "exponential" and self.highest > HIGHEST_GRADE:
            raise ValueError(
                f"judgments: the highest grade is {self.highest:g}, and 2 ** grade above {HIGHEST_GRADE} drowns all "
                "others. Use gain='linear', or grades on a shorter scale."
            )
        found = np.bincount(self.group, _gain(self.grade, gain) / np.log2(self.position + 1), len(self.judged))
        best = np.bincount(
            self.best_group, _gain(self.best_grade, gain) / np.log2(self.best_position + 1), len(self.relevant)
        )
        return self._over(found, best)

    def precision(self) -> Array:
        """Share of the first k positions that hold a relevant item; a shorter list is divided by k all the same.

        Returns:
            A float64 array of shape (groups,), in [0, 1] or NaN.

        Source: [manning2008ir]. Chapter: Metrics.
        """
        return self._over(self._hits(), np.where(self.relevant > 0, self.k, 0))

    def recall(self) -> Array:
        """Share of the relevant items that stand at the first k positions.

        Returns:
            A float64 array of shape (groups,), in [0, 1] or NaN.

        Source: [manning2008ir]. Chapter: Metrics.
        """
        return self._over(self._hits(), self.relevant)

    def reciprocal_rank(self, k: int | None = None) -> Array:
        """One over the position of the first relevant item; its mean is called MRR.

        Args:
            k: How many positions count; left out, any depth does.

        Returns:
            A float64 array of shape (groups,), in [0, 1] or NaN; 0 where no relevant item is shown.

        Source: [manning2008ir]. Chapter: Metrics.
        """
        counts = (self.first > 0) & (self.first <= (np.inf if k is None else k))
        value = np.divide(1.0, self.first, out=np.zeros(len(self.first)), where=counts)
        return self._over(value, self.relevant > 0)

    def average_precision(self) -> Array:
        """Mean, over the relevant items, of the precision where each stands; 0 for those not among the first k.

        Returns:
            A float64 array of shape (groups,), in [0, 1] or NaN. Its mean over groups is called MAP.

        Source: [manning2008ir]. Chapter: Metrics.
        """
        hit = self.grade > 0
        group, position = self.group[hit], self.position[hit]
        order = np.lexsort((position, group))
        group, position = group[order], position[order]
        so_far = np.arange(len(group)) - np.searchsorted(group, group) + 1
        return self._over(np.bincount(group, so_far / position, len(self.judged)), self.relevant)

    def err(self, highest: float | None = None) -> Array:
        """Expected reciprocal rank: of a reader who goes down the list and stops where satisfied.

        An item of grade g satisfies with probability (2 ** g - 1) / 2 ** highest, and ends the search.

        Args:
            highest: The highest grade of the scale; left out, the highest that was given to any item.

        Returns:
            A float64 array of shape (groups,), in [0, 1) or NaN.

        Raises:
            ValueError: If an item has a higher grade than `highest`, or it is above 100.

        Source: [burges2011yahoo] for its use. Chapter: Metrics.
        """
        top = self.highest if highest is None else float(highest)
        if not self.highest <= top <= HIGHEST_GRADE:
            raise ValueError(
                f"err: highest is {top:g}, and the highest grade in judgments is {self.highest:g}; expected at least "
                f"that, and at most {HIGHEST_GRADE}. Pass the highest grade of your scale."
            )
        stops = (np.exp2(self.grade) - 1) / np.exp2(top)
        value, reads_on = np.zeros(len(self.judged)), np.ones(len(self.judged))
        order = np.argsort(self.position, kind="stable")
        ends = np.flatnonzero(np.diff(self.position[order])) + 1
        for rows in np.split(order, ends):  # one position after another, for all groups at once
            group = self.group[rows]
            value[group] += reads_on[group] * stops[rows] / self.position[rows]
            reads_on[group] *= 1 - stops[rows]
        return self._over(value, self.relevant > 0)

    def _hits(self) -> Array:
        return np.bincount(self.group[self.grade > 0], minlength=len(self.judged))

    def _over(self, value: Array, best: Array) -> Array:
        """Each group's value divided by what its judged group has at best; NaN where that is 0 or there is none."""
        possible = np.append(best, 0)[self.judged]
        quotient: Array = np.divide(value, possible, out=np.full(len(value), np.nan), where=possible > 0)
        return quotient


def rank(group: npt.ArrayLike, score: npt.ArrayLike, grade: npt.ArrayLike, *, k: int = 10) -> Graded:
    """Order the items of every group by score, for the metrics of `Graded`.

    Args:
        group: The group of each item, integers from 0 in any order; numbers without an item are groups without one.
            Sorted ones are three times as fast.
        score: The score of each item; higher stands first. Of equal scores the earlier row does.
        grade: The grade of each item, at least 0; above 0 is relevant. All judged items of a group have to be there.
        k: How many positions count; at least 1.

    Returns:
        What the metrics need.

    Raises:
        ValueError: If the arrays are not three of one length and one axis, a group is negative or no integer, a score
            is NaN, a grade is negative, infinite or NaN, or `k` is below 1.

    Chapter: Metrics.

    >>> graded = rank(group=[0, 0, 1, 1], score=[0.9, 0.1, 0.4, 0.6], grade=[0, 2, 0, 1])
    >>> graded.reciprocal_rank().tolist(), graded.ndcg().round(3).tolist()
    ([0.5, 1.0], [0.631, 1.0])
    """
    whole(k)
    of, scored, graded = np.asarray(group), np.asarray(score, dtype=np.float64), np.asarray(grade, dtype=np.float64)
    if not len(of):
        of = of.astype(np.int64)
    if not of.ndim == scored.ndim == graded.ndim == 1 or not len(of) == len(scored) == len(graded):
        raise ValueError(
            f"rank: group, score and grade have the shapes {of.shape}, {scored.shape} and {graded.shape}. "
            "Give three arrays with an entry for each item."
        )
    if of.dtype.kind not in "iu" or (len(of) and of.min() < 0):
        raise ValueError("rank: group has to be integers from 0. Code your ids with pandas.factorize.")
    for name, values, wrong in (
        ("score", scored, np.isnan(scored)),
        ("grade", graded, ~np.isfinite(graded) | (graded < 0)),
    ):
        if wrong.any():
            bad = int(np.argmax(wrong))
            raise ValueError(
                f"rank: {int(wrong.sum())} of {len(values)} items have a {name} that is none "
                f"(first: item {bad}, {values[bad]:g}).\nDrop them, or give them a {name}."
            )
    groups = int(of.max()) + 1 if len(of) else 0
    shown: list[tuple[Array, Array, Array]] = []
    ideal: list[tuple[Array, Array, Array]] = []
    first, relevant = np.zeros(groups, dtype=np.int64), np.zeros(groups, dtype=np.int64)
    for block, row, there in _blocks(of, groups):
        scores, grades = np.where(there, scored[row], -np.inf), np.where(there, graded[row], 0.0)
        column = _highest(scores, k)
        top = np.take_along_axis(grades, column, axis=1)
        shown.append(_listed(block, top, np.take_along_axis(there, column, axis=1)))
        ideal.append(_listed(block, np.sort(grades, axis=1)[:, : -k - 1 : -1], there[:, :k]))
        relevant[block] = np.count_nonzero(grades, axis=1)
        hit = top > 0
        first[block] = np.where(hit.any(axis=1), np.argmax(hit, axis=1) + 1, 0)
        deep = np.flatnonzero((first[block] == 0) & (relevant[block] > 0))
        first[block[deep]] = _first(scores[deep], grades[deep] > 0)
    return Graded(k, *_joined(shown), np.arange(groups), *_joined(ideal), relevant, first, float(graded.max(initial=0)))


def best(group: Array, grade: Array, groups: int, k: int) -> tuple[Array, Array, Array]:
    """The best possible first k items of each group.

    Args:
        group: The group of each judged item, integers in 0..groups - 1.
        grade: Its grade, finite and at least 0.
        groups: How many groups.
        k: How many positions count.

    Returns:
        Group, position (from 1) and grade of the items that stand there.
    """
    blocks = _blocks(group, groups)
    return _joined(
        [
            _listed(block, np.sort(np.where(there, grade[row], 0.0), axis=1)[:, : -k - 1 : -1], there[:, :k])
            for block, row, there in blocks
        ]
    )


def whole(k: int) -> None:
    """Raise an error unless k is a whole number of at least 1."""
    if isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 1:
        raise ValueError(f"k must be an integer of at least 1, got {k!r}.")


def _blocks(group: Array, groups: int) -> Iterator[tuple[Array, Array, Array]]:
    """Some groups at a time, of about the same size: which, the rows of their items, and which cells hold an item."""
    sizes = np.bincount(group, minlength=groups)
    starts = np.cumsum(sizes) - sizes
    order = None if bool(np.all(group[1:] >= group[:-1])) else _sorted(group, groups)
    by_size = np.argsort(-sizes, kind="stable")[: np.count_nonzero(sizes)]
    done = 0
    while done < len(by_size):
        width = int(sizes[by_size[done]])
        block = by_size[done : done + max(1, _CELLS // width)]
        done += len(block)
        cell = np.arange(width)
        there = cell < sizes[block][:, None]
        row = np.where(there, starts[block][:, None] + cell, 0)
        yield block, row if order is None else order[row], there


def _highest(values: Array, k: int) -> Array:
    """The columns of the k highest values of each row, the highest first; earlier columns win ties."""
    rows, columns = values.shape
    width = min(k, columns)
    least = np.partition(values, columns - width, axis=1)[:, columns - width, None]
    chosen = values >= least
    crowded = np.flatnonzero(np.count_nonzero(chosen, axis=1) > width)
    if len(crowded):  # more values at the threshold than places left
        above, level = values[crowded] > least[crowded], values[crowded] == least[crowded]
        places = width - np.count_nonzero(above, axis=1)[:, None]
        chosen[crowded] = above | (level & (np.cumsum(level, axis=1) <= places))
    column = np.nonzero(chosen)[1].reshape(rows, width)
    order = np.argsort(-np.take_along_axis(values, column, axis=1), axis=1, kind="stable")
    return np.take_along_axis(column, order, axis=1)


def _first(values: Array, marked: Array) -> Array:
    """The position (from 1) of each row's first marked value, the highest first; each row has one."""
    highest = np.where(marked, values, -np.inf).max(axis=1, keepdims=True)
    level = values == highest
    at = np.argmax(level & marked, axis=1)[:, None]
    return np.asarray(1 + ((values > highest) | (level & (np.arange(values.shape[1]) < at))).sum(axis=1))


def _listed(block: Array, grade: Array, there: Array) -> tuple[Array, Array, Array]:
    """Group, position and grade of the cells that hold an item."""
    place, column = np.nonzero(there)
    return block[place], column + 1, grade[there]


def _joined(parts: list[tuple[Array, Array, Array]]) -> tuple[Array, Array, Array]:
    nothing = np.empty(0, dtype=np.int64)
    group, position, grade = (
        np.concatenate(side) for side in zip((nothing, nothing, nothing * 1.0), *parts, strict=True)
    )
    return group, position, grade


def _sorted(group: Array, groups: int) -> Array:
    """A stable order by group: a radix sort of 16 bits at a time, which is what NumPy has for 16-bit integers."""
    order = np.argsort((group & 0xFFFF).astype(np.uint16), kind="stable")
    for shift in range(16, max(groups - 1, 1).bit_length(), 16):
        digit = ((group[order] >> shift) & 0xFFFF).astype(np.uint16)
        order = order[np.argsort(digit, kind="stable")]
    return order


def _gain(grade: Array, gain: Gain) -> Array:
    return grade if gain == "linear" else np.exp2(grade) - 1
