"""Exercises that check themselves: an answer is right, or a sentence says what kind of thing is missing."""

from __future__ import annotations

import numbers
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

_NOTHING: Any = object()  # so that None, too, can be the right answer


class NotYet(AssertionError):  # noqa: N818 - a step on the way, not an error
    """An answer that is not right yet. A notebook shows its sentence alone, without a traceback."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


def check(
    what: str,
    answer: Any,
    *,
    equals: Any = _NOTHING,
    close_to: float | Sequence[float] | Any = _NOTHING,
    within: float | None = None,
    satisfies: Callable[[Any], bool] | None = None,
    hint: str = "",
) -> None:
    """Check the answer to an exercise: print "✓ what", or say in one sentence what kind of answer was expected.

    Args:
        what: What the answer is, in a few words.
        answer: The reader's answer; `...` stands for none yet.
        equals: The right answer: a number, text, list, array, Series or frame. Row labels count, dtypes do not.
        close_to: The right answer where it is a number, or an array or Series of numbers.
        within: How far from `close_to` an answer may be (absolute); needed with it, at least 0.
        satisfies: A test that returns True for every right answer.
        hint: A sentence that helps, shown when the answer is not right.

    Raises:
        NotYet: If the answer is not right. It does not tell the right one.
        ValueError: If not exactly one of `equals`, `close_to` and `satisfies` is given, or `within` does not fit.

    Chapter: How to read this book.

    >>> check("share of slow queries", 0.631, close_to=0.634, within=0.005)
    ✓ share of slow queries
    >>> check("share of slow queries", 0.1, close_to=0.634, within=0.005, hint="Count queries.")
    Traceback (most recent call last):
    ...
    mlsd_lib.study.checking.NotYet: ✗ share of slow queries: 0.1 is not within 0.005 of the right number. Hint: Count
    queries.
    """
    ways = [equals is not _NOTHING, close_to is not _NOTHING, satisfies is not None]
    if sum(ways) != 1:
        raise ValueError(
            f"check({what!r}): give exactly one of equals, close_to and satisfies; {sum(ways)} were given."
        )
    if not what.strip():
        raise ValueError("check: `what` is empty. Say in a few words what is checked.")
    if (close_to is not _NOTHING) != (within is not None) or (within is not None and not within >= 0):
        raise ValueError(f"check({what!r}): close_to and within (at least 0) go together; within is {within!r}.")
    if answer is ...:
        wrong = "there is no answer yet: put yours in place of the dots"
    elif satisfies is not None:
        wrong = _unsatisfied(answer, satisfies)
    elif within is not None:
        wrong = _far(answer, close_to, within)
    else:
        wrong = _different(answer, equals)
    if wrong:
        raise NotYet(f"✗ {what}: {wrong}." + (f" Hint: {hint}" if hint else ""))
    print(f"✓ {what}")


def _unsatisfied(answer: Any, satisfies: Callable[[Any], bool]) -> str:
    try:
        verdict = satisfies(answer)
    except Exception as error:  # the answer may be of any kind, and what it breaks is the reader's to know
        return f"{_kind(answer)} could not be tested ({type(error).__name__}: {error})"
    if not isinstance(verdict, bool | np.bool_):
        raise ValueError(f"check: `satisfies` returned {_kind(verdict)}, and True or False was expected.")
    return "" if verdict else f"{_show(answer)} does not have the property that is asked for"


def _far(answer: Any, right: Any, within: float) -> str:
    if _is_number(right):
        if not _is_number(answer):
            return f"a number was expected, and this is {_kind(answer)}"
        near = abs(answer - right) <= within
        return "" if near else f"{_show(answer)} is not within {within:g} of the right number"
    try:
        given = np.asarray(answer, dtype=float)
    except (TypeError, ValueError):
        return f"{_kind(right)} of numbers was expected, and this is {_kind(answer)}"
    wanted = np.asarray(right, dtype=float)
    if given.shape != wanted.shape:
        return f"{_shape(wanted)} numbers were expected, and these are {_shape(given)}"
    far = ~(np.abs(given - wanted) <= within)
    return "" if not far.any() else f"{far.sum()} of {far.size} numbers are not within {within:g} of the right ones"


def _different(answer: Any, right: Any) -> str:
    if isinstance(right, pd.DataFrame):
        return _different_frame(answer, right)
    if isinstance(right, pd.Series | np.ndarray) or (isinstance(right, list | tuple) and not isinstance(answer, str)):
        return _different_row(answer, right)
    if _is_number(right) != _is_number(answer) or isinstance(right, str) != isinstance(answer, str):
        return f"{_kind(right)} was expected, and this is {_kind(answer)}"
    same = answer == right
    if not isinstance(same, bool | np.bool_):
        return f"{_kind(right)} was expected, and this is {_kind(answer)}"
    return "" if same else f"{_show(answer)} is {_kind(answer)}, as expected, but not the right one"


def _different_frame(answer: Any, right: pd.DataFrame) -> str:
    if not isinstance(answer, pd.DataFrame):
        return f"a table was expected, and this is {_kind(answer)}"
    if set(answer) != set(right):
        return f"a table with the columns {', '.join(map(str, right))} was expected; this one has {_listed(answer)}"
    if len(answer) != len(right):
        return f"a table of {len(right)} rows was expected, and this one has {len(answer)}"
    if not answer.index.equals(right.index):
        return "the columns are right, and the row labels (the index) are not"
    wrong = [str(column) for column in right if _unequal(answer[column], right[column]).any()]
    return "" if not wrong else f"columns and rows are as expected, and values differ in: {', '.join(wrong)}"


def _different_row(answer: Any, right: Any) -> str:
    if isinstance(answer, pd.DataFrame) or not isinstance(answer, pd.Series | np.ndarray | list | tuple):
        return f"{_kind(right)} was expected, and this is {_kind(answer)}"
    if np.shape(answer) != np.shape(right):
        return f"{_shape(right)} values were expected, and these are {_shape(answer)}"
    if isinstance(answer, pd.Series) and isinstance(right, pd.Series) and not answer.index.equals(right.index):
        return "the number of values is right, and their labels (the index) are not"
    wrong = _unequal(answer, right)
    return "" if not wrong.any() else f"{wrong.sum()} of {wrong.size} values are not the right ones"


def _unequal(answer: Any, right: Any) -> np.ndarray[Any, np.dtype[np.bool_]]:
    given, wanted = np.asarray(answer, dtype=object).ravel(), np.asarray(right, dtype=object).ravel()
    missing = pd.isna(given) & pd.isna(wanted)  # two missing values are the same answer
    return np.asarray(~missing & (given != wanted), dtype=bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, numbers.Real | np.number) and not isinstance(value, bool | np.bool_)


def _kind(value: Any) -> str:
    if value is None:
        return "nothing (None)"
    if isinstance(value, bool | np.bool_):
        return "True or False"
    if _is_number(value):
        return "a number"
    names = {str: "a text", pd.DataFrame: "a table", pd.Series: "a Series", np.ndarray: "an array"}
    return names.get(type(value), f"a {type(value).__name__}")


def _show(value: Any) -> str:
    text = repr(value.item() if isinstance(value, np.generic) else value)
    return text if len(text) <= 60 and "\n" not in text else _kind(value)


def _shape(value: Any) -> str:
    return " × ".join(map(str, np.shape(value))) or "1"


def _listed(table: pd.DataFrame) -> str:
    return ", ".join(map(str, table)) or "none"
