"""What a test should not share with the training: rows, people, queries, time, and columns that know the answer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from mlsd_lib.architecture import Array
from mlsd_lib.metrics import checks
from mlsd_lib.offline.selection.groups import placements


def leaks(
    train: pd.DataFrame,
    test: pd.DataFrame,
    *,
    same: Sequence[str] = (),
    keys: Sequence[str] = (),
    time: str | None = None,
) -> pd.DataFrame:
    """Which rows of a test the training has seen, in which sense.

    Whether a shared user is a leak depends on the question: it is one where the model is to serve people it has not
    met. A shared row always is one.

    Args:
        train: Rows to learn from.
        test: Rows to judge by; at least one.
        same: Columns whose values, all together, make two rows copies of each other. Leave out ids that a logger
            gives anew to each copy.
        keys: Columns to look for one by one, such as `["user_id", "query"]`.
        time: A column of times: test rows from before the last training row are found.

    Returns:
        A row a check: `check`, `rows` (test rows it finds), `share` (of all test rows), and `first`, the label of the
        first of them (None where there is none).

    Raises:
        ValueError: If nothing is to be checked, a table has no row, a column is missing or has missing values, or it
            holds text in one table and something else in the other.

    Source: [kapoor2023leakage]. Chapter: Offline evaluation.

    >>> before = pd.DataFrame({"user_id": [1, 2], "query": ["tent", "rug"], "ts": [1, 5]})
    >>> after = pd.DataFrame({"user_id": [2, 3], "query": ["rug", "tent"], "ts": [5, 4]})
    >>> leaks(before, after, same=["user_id", "query"], keys=["query"], time="ts")[["check", "rows", "share"]]
                                       check  rows  share
    0   a copy (user_id, query) is in train      1    0.5
    1                     query is in train      2    1.0
    2  ts is before the last training row's      1    0.5
    """
    if not same and not keys and time is None:
        raise ValueError("leaks: nothing to check. Name columns: leaks(train, test, keys=['user_id'], time='ts').")
    for name, rows in (("train", train), ("test", test)):
        if not len(rows):
            raise ValueError(f"leaks: {name} has no row. Split again.")
    needed = list(dict.fromkeys([*same, *keys, *([] if time is None else [time])]))
    seen, judged = checks.columns("train", train, *needed), checks.columns("test", test, *needed)
    for column in needed:
        one, other = seen[column].iloc[0], judged[column].iloc[0]
        if isinstance(one, str) != isinstance(other, str):
            raise ValueError(
                f"leaks: {column} holds {checks.plain(one)!r} in train and {checks.plain(other)!r} in test, so nothing "
                f"would match. Convert one of them, for example with .astype(str)."
            )
    found: dict[str, Array] = {}
    if same:
        found[f"a copy ({', '.join(same)}) is in train"] = _among(judged, seen, list(same))
    for key in keys:
        found[f"{key} is in train"] = judged[key].isin(seen[key]).to_numpy()
    if time is not None:
        try:
            found[f"{time} is before the last training row's"] = (judged[time] < seen[time].max()).to_numpy()
        except TypeError as error:
            raise ValueError(f"leaks: {time} of train and of test cannot be compared ({error}).") from None
    return pd.DataFrame(
        {
            "check": list(found),
            "rows": [int(rows.sum()) for rows in found.values()],
            "share": [float(rows.mean()) for rows in found.values()],
            "first": pd.Series(
                [test.index[int(rows.argmax())] if rows.any() else None for rows in found.values()], dtype=object
            ),
        }
    )


def telling(rows: pd.DataFrame, label: str, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """How much each column alone tells of the label: a column that tells nearly all of it is to be explained.

    Args:
        rows: A table with the label.
        label: The column of true and false (or 1 and 0).
        columns: Which columns to look at; all others if left out.

    Returns:
        A row a column, the most telling first: `column`, `auc` of its values (the larger of the two directions, 0.5 to
        1, over rows that have one; NaN for text and where one class only has any), `auc_missing` of whether it is
        missing, and `missing`, the share of rows without a value.

    Raises:
        ValueError: If a column is missing, or the label is no label or has one class only.

    Source: [kapoor2023leakage]. Chapter: Offline evaluation.

    >>> log = pd.DataFrame({"bid": [1, 2, 2, 1], "dwell_s": [None, 30.0, None, 12.0], "clicked": [0, 1, 0, 1]})
    >>> telling(log, "clicked")
        column  auc  auc_missing  missing
    0  dwell_s  NaN          1.0      0.5
    1      bid  0.5          0.5      0.0
    """
    names = [str(name) for name in rows if name != label] if columns is None else list(columns)
    yes = checks.flags("rows", checks.columns("rows", rows, label), label).to_numpy()
    if yes.all() or not yes.any():
        raise ValueError(
            f"rows: {label} is {bool(yes[:1].all())} in all {len(rows)} rows, so nothing can tell it. Take rows of "
            "both classes."
        )
    found = []
    for name in names:
        if name not in rows:
            raise ValueError(f"rows: column {name!r} is missing (columns there: {', '.join(map(str, rows.columns))}).")
        gone = rows[name].isna().to_numpy()
        found.append((name, _told(rows[name][~gone], yes[~gone]), _auc(yes, gone), gone.mean()))
    table = pd.DataFrame(found, columns=["column", "auc", "auc_missing", "missing"])
    most = table[["auc", "auc_missing"]].max(axis=1)
    return table.iloc[np.argsort(-most.to_numpy(), kind="stable")].reset_index(drop=True)


def _told(values: pd.Series[float], yes: Array) -> float:
    kind = values.dtype.kind
    if kind not in "iufbM" or yes.all() or not yes.any():
        return float("nan")
    return _auc(yes, values.to_numpy().astype(np.int64) if kind == "M" else values.to_numpy(dtype=np.float64))


def _auc(yes: Array, score: Array) -> float:
    area = float(placements(yes, score)[0].mean())
    return max(area, 1 - area)


def _among(rows: pd.DataFrame, others: pd.DataFrame, columns: list[str]) -> Array:
    """Whether each row's values stand together in a row of another table."""
    both = pd.concat([others[columns], rows[columns]], ignore_index=True)
    code = both.groupby(columns, sort=False, observed=True).ngroup().to_numpy()
    return np.isin(code[len(others) :], code[: len(others)])
