"""Labels from clicks: which of two results on a page was preferred, and how much that is worth.

A click is no verdict. People look from the top, so what stands first is clicked more, whatever it is. The functions
here turn one log into preferences in the ways that are in use; a simple linear order is learned from any of them, so
that the labels can be compared and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from mlsd_lib.architecture import Array
from mlsd_lib.metrics import checks
from mlsd_lib.offline.labels.propensity import inverse_weights, positions
from mlsd_lib.worlds import chance


@dataclass(frozen=True, eq=False)
class Preferences:
    """Pairs of rows of a log of which one is taken to be better than the other.

    Attributes:
        better: Row numbers (from 0) of the preferred results, int64 of shape (pairs,).
        worse: Row numbers of the others, of the same page.
        weight: How much each pair counts, float64 above 0.

    Chapter: Training data.
    """

    better: Array = field(repr=False)
    worse: Array = field(repr=False)
    weight: Array = field(repr=False)

    def __len__(self) -> int:
        return len(self.better)

    def right(self, grade: npt.ArrayLike) -> float:
        """The share of these preferences that the truth shares, by weight; pairs of equal grade are left out.

        Args:
            grade: The true grade of each row of the log, of shape (rows,).

        Returns:
            A share in [0, 1]; NaN where no pair differs in grade.

        Raises:
            ValueError: If a row of a pair has no grade.

        Source: [joachims2005clickthrough]. Chapter: Training data.

        >>> Preferences(np.array([1, 2]), np.array([0, 0]), np.ones(2)).right([1, 3, 0])
        0.5
        """
        grades = np.asarray(grade, dtype=np.float64)
        if grades.ndim != 1 or len(grades) <= max(self.better.max(initial=-1), self.worse.max(initial=-1)):
            raise ValueError(f"right: grade has the shape {grades.shape}. Give one grade for each row of the log.")
        ahead, behind = grades[self.better], grades[self.worse]
        differ = ahead != behind
        if not differ.any():
            return float("nan")
        return float(np.average((ahead > behind)[differ], weights=self.weight[differ]))


def clicked_over_unclicked(log: pd.DataFrame) -> Preferences:
    """The naive reading: a clicked result is better than each result of its page that was not clicked.

    Args:
        log: Columns `request_id, position, clicked`; rows in any order.

    Returns:
        The preferences, each of weight 1.

    Raises:
        ValueError: If a column is missing or unsound, or two results share a position.

    Chapter: Training data.

    >>> log = pd.DataFrame({"request_id": 1, "position": [1, 2, 3], "clicked": [0, 1, 0]})
    >>> clicked_over_unclicked(log).worse.tolist()
    [0, 2]
    """
    return _over_unclicked(log, above=False)


def skip_above(log: pd.DataFrame) -> Preferences:
    """A clicked result is better than each unclicked one that stood above it, since that one was most likely seen.

    Such pairs can only contradict the order that was shown, never confirm it.

    Args:
        log: Columns `request_id, position, clicked`; rows in any order.

    Returns:
        The preferences, each of weight 1.

    Raises:
        ValueError: If a column is missing or unsound, or two results share a position.

    Source: [joachims2005clickthrough]. Chapter: Training data.

    >>> log = pd.DataFrame({"request_id": 1, "position": [1, 2, 3], "clicked": [0, 1, 0]})
    >>> skip_above(log).worse.tolist()
    [0]
    """
    return _over_unclicked(log, above=True)


def weighted(log: pd.DataFrame, examined: npt.ArrayLike, *, most: float | None = None) -> Preferences:
    """A clicked result is better than each other one of its page, and counts once for each time it went unseen there.

    The weight is 1 / examined of its position. The other clicked ones stay in: only then the sum over many pages is
    that of pages on which everything was looked at.

    Args:
        log: Columns `request_id, position, clicked`; rows in any order.
        examined: How likely a result is looked at, by position from 1 on, relative to position 1.
        most: The largest weight; larger ones are cut to it. It lets some bias back in and takes noise out.

    Returns:
        The preferences with their weights.

    Raises:
        ValueError: If a column is missing or unsound, or as `inverse_weights`.

    Source: [joachims2017unbiased]. Chapter: Training data.

    >>> log = pd.DataFrame({"request_id": 1, "position": [1, 2, 3], "clicked": [0, 1, 0]})
    >>> weighted(log, [1.0, 0.5, 0.25]).weight.tolist()
    [2.0, 2.0]
    """
    order, start, end, clicked = _pages(log)
    click, other = _beside(clicked, start, end)
    weight = inverse_weights(log["position"].to_numpy()[order[click]], examined, most=most)
    return Preferences(order[click], order[other], weight)


def graded(request_id: npt.ArrayLike, grade: npt.ArrayLike) -> Preferences:
    """A result of a higher grade is better than each one of a lower grade on its page: what a judge's labels say.

    Args:
        request_id: Which page each row belongs to, integers or strings of shape (rows,); rows in any order.
        grade: The grade of each row.

    Returns:
        The preferences, each of weight 1.

    Raises:
        ValueError: If the two differ in shape, or a grade is not finite.

    Chapter: Training data.

    >>> graded([7, 7, 7], [0, 2, 2]).better.tolist()
    [1, 2]
    """
    page, grades = np.asarray(request_id), np.asarray(grade, dtype=np.float64)
    if page.ndim != 1 or page.shape != grades.shape:
        raise ValueError(f"graded: request_id has the shape {page.shape} and grade {grades.shape}. Give one of each.")
    if not np.isfinite(grades).all():
        raise ValueError(
            f"graded: {int((~np.isfinite(grades)).sum())} grades are missing or infinite. Drop those rows."
        )
    code = pd.factorize(page)[0]
    order = np.argsort(code, kind="stable")
    start, end = _bounds(code[order])
    one, other = _beside(np.ones(len(order), dtype=bool), start, end)
    higher = grades[order[one]] > grades[order[other]]
    return _preferences(order, one[higher], other[higher])


def reordered(shown: pd.DataFrame, key: npt.ArrayLike) -> pd.DataFrame:
    """The same pages in another order.

    Args:
        shown: Column `request_id`; others are kept, and `position` is written anew.
        key: A number for each row; the smallest of a page comes first, and of equal ones the row that came first.

    Returns:
        The rows by request (in order of appearance) and position from 1, with a fresh index.

    Raises:
        ValueError: If the column is missing, or there is not one finite number for each row.

    Chapter: Training data.

    >>> shown = pd.DataFrame({"request_id": [1, 1], "position": [1, 2], "doc_id": ["a", "b"]})
    >>> reordered(shown, [0.7, 0.2])["doc_id"].tolist()
    ['b', 'a']
    """
    page = pd.factorize(checks.columns("shown", shown, "request_id")["request_id"])[0]
    keys = np.asarray(key, dtype=np.float64)
    if keys.shape != page.shape or not np.isfinite(keys).all():
        raise ValueError(
            f"reordered: key has the shape {keys.shape}. Give one finite number for each of {len(page)} rows."
        )
    order = np.lexsort((keys, page))
    rows = shown.iloc[order].reset_index(drop=True)
    return rows.assign(position=np.arange(len(rows)) - np.searchsorted(page[order], page[order]) + 1)


def order_from(values: npt.ArrayLike, preferences: Preferences, *, l2: float = 1.0, most: int = 500_000) -> Array:
    """Learn a linear order: weights of features such that what is preferred scores higher, by logistic loss.

    Args:
        values: Features, a row for each row of the log, of shape (rows, features).
        preferences: Pairs of those rows.
        l2: Strength of the penalty on the weights of standardised features; above 0.
        most: How many pairs to learn from at most; a longer list is thinned out evenly. Memory grows with it.

    Returns:
        A weight a feature, float64 of shape (features,); `values @ weights` is the score.

    Raises:
        ValueError: If there is no pair, a value is not finite, or a pair names a row that `values` does not have.

    Source: [joachims2005clickthrough] for learning from pairs. Chapter: Training data.

    >>> weights = order_from([[0.0], [1.0], [3.0]], Preferences(np.array([1, 2]), np.array([0, 1]), np.ones(2)))
    >>> bool(weights[0] > 0)
    True
    """
    from sklearn.linear_model import LogisticRegression

    table = np.asarray(values, dtype=np.float64)
    if not len(preferences):
        raise ValueError("order_from: there is no pair to learn from. Log more clicks.")
    if table.ndim != 2 or len(table) <= max(preferences.better.max(), preferences.worse.max()):
        raise ValueError(
            f"order_from: values has the shape {table.shape}. Give a row of features for each row of the log."
        )
    if not np.isfinite(table).all():
        raise ValueError(
            f"order_from: {int((~np.isfinite(table)).any(axis=1).sum())} rows have a value that is not finite."
        )
    if not 0 < l2 < np.inf or most < 1:
        raise ValueError(f"order_from: l2={l2} and most={most}; expected l2 above 0 and most of at least 1.")
    some = np.arange(len(preferences))
    if len(some) > most:
        some = np.sort(np.argsort(chance.bits(0, "pairs", some), kind="stable")[:most])
    better, worse, weight = preferences.better[some], preferences.worse[some], preferences.weight[some]
    spread = table.std(axis=0)
    varies = spread > 1e-12
    scaled = table[:, varies] / spread[varies]
    ahead = np.vstack([scaled[better] - scaled[worse], np.zeros((1, int(varies.sum())))])
    target = np.append(np.ones(len(some)), 0.0)  # scikit-learn wants both classes; a row of zeros moves nothing
    share = np.append(weight / weight.mean(), 1.0)
    model = LogisticRegression(C=1 / l2, fit_intercept=False, solver="newton-cholesky", tol=1e-8, max_iter=100)
    found = np.zeros(table.shape[1])
    found[varies] = model.fit(ahead, target, sample_weight=share).coef_[0] / spread[varies]
    return found


def _pages(log: pd.DataFrame) -> tuple[Array, Array, Array, Array]:
    """The rows by page and position; for each its page's first and one past its last; whether it was clicked."""
    clean = checks.columns("log", log, "request_id", "position", "clicked")
    checks.once("log", clean, ["request_id", "position"])
    clicked = checks.flags("log", clean, "clicked").to_numpy()
    place = positions("log", clean["position"].to_numpy())
    page = pd.factorize(clean["request_id"])[0]
    order = np.lexsort((place, page))
    return order, *_bounds(page[order]), clicked[order]


def _bounds(page: Array) -> tuple[Array, Array]:
    """For each row, of rows sorted by page, its page's first row and one past its last."""
    return np.searchsorted(page, page, side="left"), np.searchsorted(page, page, side="right")


def _over_unclicked(log: pd.DataFrame, *, above: bool) -> Preferences:
    """Clicked results over the unclicked ones of their page, or over those that stood above them."""
    order, start, end, clicked = _pages(log)
    click, other = _beside(clicked, start, np.arange(len(order)) if above else end)
    some = ~clicked[other]
    return _preferences(order, click[some], other[some])


def _beside(marked: Array, start: Array, end: Array) -> tuple[Array, Array]:
    """Every marked row with every other row from its `start` to before its `end`."""
    rows = np.flatnonzero(marked)
    count = end[rows] - start[rows]
    one = np.repeat(rows, count)
    step = np.arange(int(count.sum())) - np.repeat(np.cumsum(count) - count, count)
    other = start[one] + step
    apart = one != other
    return one[apart], other[apart]


def _preferences(order: Array, better: Array, worse: Array) -> Preferences:
    return Preferences(order[better], order[worse], np.ones(len(better)))
