"""Quality by group: what the mean hides, how sure a gap is, and which groups cannot be judged at all."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import stdtr, stdtrit
from scipy.stats import rankdata

from mlsd_lib.architecture import Array
from mlsd_lib.offline.selection.testing import holm

FEW = 30  # values below which a note says so


def by_group(
    values: pd.Series[Any], groups: npt.ArrayLike, *, unit: npt.ArrayLike | None = None, level: float = 0.95
) -> pd.DataFrame:
    """A metric for each group, beside its gap to everybody else.

    Args:
        values: A value a request, as the ranking metrics return them; NaN where a request has none, such as one
            without a relevant document.
        groups: The group of each request, in the same order.
        unit: What each request belongs to: its query, or its user; requests of one unit count as one observation of
            how sure a mean is, also where they are in several groups. Left out, each request is its own.
        level: Coverage of each interval, between 0 and 1.

    Returns:
        A row a group, the weakest first and those without a value last: `group`, `requests`, `counted` (with a value),
        `value` (their mean), `low`, `high`, `gap` (to the mean of all others), `gap_low`, `gap_high`, `p` (of no gap,
        corrected by Holm for the number of groups), `real` (p is at most 1 - level), and `note`, which says what is
        wanting: a group without any value, or with few.

    Raises:
        ValueError: If lengths differ, a group or a unit is missing, `level` is not between 0 and 1, or no request has a
            value.

    Source: [breck2017mltest] for judging slices. Chapter: Offline evaluation.

    >>> ndcg = pd.Series([0.9, 0.8, 0.7, 0.4, 0.3, 0.2, float("nan")])
    >>> by_group(ndcg, ["en"] * 3 + ["fi"] * 3 + ["sv"])[["group", "value", "gap", "note"]]
      group  value  gap                       note
    0    fi    0.3 -0.5              only 3 values
    1    en    0.8  0.5              only 3 values
    2    sv    NaN  NaN  none of 1 rows has a value
    """
    number = values.to_numpy(dtype=np.float64)
    names, code = _groups(groups, len(number), level)
    has = ~np.isnan(number)
    if not has.any():
        raise ValueError(f"by_group: none of {len(number)} requests has a value. Look at what the metric leaves out.")
    of = _units(unit, has)
    cells = of * len(names) + code[has]
    shape = (int(of.max()) + 1, len(names))
    rows = np.bincount(cells, minlength=shape[0] * shape[1]).reshape(shape).astype(np.float64)
    total = np.bincount(cells, weights=number[has], minlength=rows.size).reshape(shape)
    own, moved = _means(total, rows)
    rest, moved_rest = _means(total.sum(axis=1, keepdims=True) - total, rows.sum(axis=1, keepdims=True) - rows)
    error = _error(moved - moved_rest, own[1], rest[1])
    many = rows.sum(axis=0)
    table = pd.DataFrame({"group": names, "requests": np.bincount(code, minlength=len(names))})
    table["counted"] = many.astype(np.int64)
    few = [f"none of {rows} rows has a value" for rows in table["requests"]]
    note = np.where(many == 0, few, _few(many, "value"))
    return _finished(table, own, rest, error, note, level, most=np.inf)


def auc_by_group(
    label: npt.ArrayLike, score: npt.ArrayLike, groups: npt.ArrayLike, *, level: float = 0.95
) -> pd.DataFrame:
    """AUC within each group, beside that among everybody else.

    Args:
        label: True or false (1 or 0) for each row.
        score: What the model says, higher for likelier; not NaN.
        groups: The group of each row.
        level: Coverage of each interval, between 0 and 1.

    Returns:
        A row a group, as `by_group`: `group`, `rows`, `positives`, `value` (AUC), `low`, `high`, `gap`, `gap_low`,
        `gap_high`, `p`, `real`, and `note`. A group without a positive, or without a negative, has no AUC, and the note
        says so. Errors are those of DeLong: from how each positive stands among the negatives, and the reverse.

    Raises:
        ValueError: If lengths differ, a label is neither true nor false, a score is NaN, a group is missing, or `level`
            is not between 0 and 1.

    Source: [breck2017mltest] for judging slices. Chapter: Offline evaluation.

    >>> table = auc_by_group([1, 0, 1, 0, 0], [0.9, 0.1, 0.4, 0.6, 0.5], ["a", "a", "b", "b", "c"])
    >>> table[["group", "value", "note"]]
      group  value                             note
    0     b    0.0  only 1 positive, only 1 negative
    1     a    1.0  only 1 positive, only 1 negative
    2     c    NaN                      no positives
    """
    yes, given = np.asarray(label), np.asarray(score, dtype=np.float64)
    names, code = _groups(groups, len(given), level)
    if yes.shape != given.shape or not np.isin(yes, [0, 1]).all() or np.isnan(given).any():
        raise ValueError(
            f"auc_by_group: {yes.size} labels (true or false) and {given.size} scores (not NaN) were expected to match "
            f"one to one; {int(np.isnan(given).sum())} scores are NaN."
        )
    yes = yes.astype(bool)
    inside = [code == one for one in range(len(names))]
    own = np.array([_area(yes[some], given[some]) for some in inside]).T
    rest = np.array([_area(yes[~some], given[~some]) for some in inside]).T
    rows = np.bincount(code, minlength=len(names))
    positives = np.bincount(code[yes], minlength=len(names))
    sides = [_few(positives, "positive"), _few(rows - positives, "negative")]
    both = [", ".join(word for word in pair if word) for pair in zip(*sides, strict=True)]
    table = pd.DataFrame({"group": names, "rows": rows, "positives": positives})
    note = np.where(positives == 0, "no positives", np.where(positives == rows, "no negatives", both))
    return _finished(table, own, rest, np.hypot(own[1], rest[1]), note, level, most=1.0)


def placements(yes: Array, score: Array) -> tuple[Array, Array]:
    """Where each positive stands among the negatives, and each negative among the positives; both means are the AUC.

    Args:
        yes: Whether each row is a positive; some are and some are not.
        score: What is said of it; of equal ones each half counts.

    Returns:
        The share of negatives below each positive, and the share of positives above each negative.
    """
    rank = rankdata(score)
    inside = rankdata(score[yes]), rankdata(score[~yes])
    below = (rank[yes] - inside[0]) / (~yes).sum()
    above = 1 - (rank[~yes] - inside[1]) / yes.sum()
    return below, above


def _area(yes: Array, score: Array) -> tuple[float, float, float]:
    """AUC, its standard error, and degrees of freedom; NaN where there is none."""
    few = min(int(yes.sum()), int((~yes).sum()))
    if few == 0:
        return (float("nan"),) * 3
    sides = placements(yes, score)
    error = sum(side.var(ddof=1) / len(side) for side in sides) ** 0.5 if few > 1 else float("nan")
    return float(sides[0].mean()), float(error), float(few - 1)


def _means(total: Array, rows: Array) -> tuple[Array, Array]:
    """Mean, standard error and degrees of freedom of each group, and how far each unit moves each mean.

    Args:
        total: Sums of values, of shape (units, groups).
        rows: How many values they are.
    """
    units = np.count_nonzero(rows, axis=0).astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = total.sum(axis=0) / rows.sum(axis=0)
        moved = (total - rows * mean) / rows.sum(axis=0) * np.sqrt(units / (units - 1))
    error = np.sqrt((moved**2).sum(axis=0))
    return np.array([mean, np.where(units > 1, error, np.nan), units - 1]), moved


def _error(moved: Array, own: Array, rest: Array) -> Array:
    """Standard error of each gap; NaN where one side has none."""
    return np.where(np.isnan(own + rest), np.nan, np.sqrt((moved**2).sum(axis=0)))


def _units(unit: npt.ArrayLike | None, has: Array) -> Array:
    """A code from 0 for the unit of each request that has a value."""
    if unit is None:
        return np.arange(int(has.sum()))
    named = pd.Series(list(np.asarray(unit, dtype=object)), dtype=object)
    if len(named) != len(has) or named.isna().any():
        raise ValueError(
            f"by_group: {len(has)} requests and {int(named.notna().sum())} units. Say for each request whose it is."
        )
    return pd.factorize(named[has])[0]


def _finished(
    table: pd.DataFrame, own: Array, rest: Array, error: Array, note: Array, level: float, *, most: float
) -> pd.DataFrame:
    """The table with values, gaps and their intervals, the weakest group first; no interval goes beyond `most`."""
    gap = own[0] - rest[0]
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = own[1] ** 2 + rest[1] ** 2
        freedom = spread**2 / (own[1] ** 4 / own[2] + rest[1] ** 4 / rest[2])  # Welch's
        far = np.where(error > 0, np.abs(gap) / error, np.where(gap == 0, 0.0, np.inf))
    freedom = np.where(error > 0, freedom, 1.0)
    p = np.where(np.isnan(error), np.nan, 2 * stdtr(freedom, -far))
    wide, wide_gap = _half(own[1], own[2], level), _half(error, freedom, level)
    table = table.assign(
        value=own[0],
        low=own[0] - wide,
        high=np.minimum(own[0] + wide, most),
        gap=gap,
        gap_low=gap - wide_gap,
        gap_high=gap + wide_gap,
        p=holm(p),
        note=note,
    )
    table.insert(len(table.columns) - 1, "real", (table["p"] <= 1 - level).to_numpy())
    return table.sort_values("value", kind="stable", ignore_index=True)


def _half(error: Array, freedom: Array, level: float) -> Array:
    return np.asarray(error * stdtrit(np.where(freedom > 0, freedom, 1.0), (1 + level) / 2))


def _few(many: Array, thing: str) -> Array:
    counts = [int(one) for one in many]
    texts = [f"only {one} {thing}{'' if one == 1 else 's'}" if one < FEW else "" for one in counts]
    return np.array(texts, dtype=object)


def _groups(groups: npt.ArrayLike, rows: int, level: float) -> tuple[Array, Array]:
    if not 0 < level < 1:
        raise ValueError(f"by group: level is {level}; expected a share between 0 and 1.")
    named = pd.Series(list(np.asarray(groups, dtype=object)), dtype=object)
    if len(named) != rows:
        raise ValueError(f"by group: {rows} rows and {len(named)} groups. Give one group for each row.")
    if named.isna().any():
        raise ValueError(
            f"by group: {int(named.isna().sum())} rows have no group (first: row {int(named.isna().argmax())}). Name "
            "one for them, such as 'unknown'."
        )
    names, code = np.unique(named.astype(str).to_numpy(dtype=str), return_inverse=True)
    return names, code
