"""Checks that the functions of this room share; each error says what to do."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

MOST_REQUESTS = 100_000  # of one test
MOST_SECONDS = 600.0  # that one test may last


def above(name: str, value: float) -> float:
    """A number above 0.

    Args:
        name: What it is, for the error.
        value: What was given.

    Returns:
        The number, as a float.

    Raises:
        ValueError: If it is not a finite number above 0.

    Chapter: Online execution.

    >>> above("rate", 20)
    20.0
    """
    if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not (0 < value < np.inf):
        raise ValueError(f"load: {name} is {value!r}, and a number above 0 was expected.")
    return float(value)


def bounded(requests: float, seconds: float) -> None:
    """See that a test has an end.

    Args:
        requests: How many it would send.
        seconds: How long it would last.

    Raises:
        ValueError: If either is more than a test may have.

    Chapter: Online execution.
    """
    if requests > MOST_REQUESTS or seconds > MOST_SECONDS:
        raise ValueError(
            f"load: {requests:,.0f} requests over {seconds:,.0f} seconds are more than a test may have "
            f"({MOST_REQUESTS:,} and {MOST_SECONDS:,.0f}). Lower the rate, or take several tests."
        )


def sound(bodies: Sequence[bytes]) -> Sequence[bytes]:
    """What is to be sent, once it is a list of bytes.

    Args:
        bodies: What was given.

    Returns:
        The same.

    Raises:
        ValueError: If it is something else, or empty.

    Chapter: Online execution.
    """
    if isinstance(bodies, bytes | str) or not len(bodies) or not all(isinstance(body, bytes) for body in bodies):
        raise ValueError("load: bodies must be a list of bytes with at least one, such as [json.dumps(…).encode()].")
    return bodies


def moments(times: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """When requests are due, once they are sorted and bounded.

    Args:
        times: Seconds from the start.

    Returns:
        The same as float64 (requests,).

    Raises:
        ValueError: If there is none, one is negative or not finite, they fall, or there are more than a test may have.

    Chapter: Online execution.

    >>> moments([0, 0.5]).tolist()
    [0.0, 0.5]
    """
    due = np.asarray(times, dtype=np.float64)
    if due.ndim != 1 or not len(due):
        raise ValueError(f"load: times has shape {due.shape}, and a row of at least one moment was expected.")
    wrong = ~np.isfinite(due) | (due < 0) | (np.diff(due, prepend=due[0]) < 0)
    if wrong.any():
        first = int(np.argmax(wrong))
        raise ValueError(
            f"load: {int(wrong.sum())} times are not finite, negative or before the one that comes first "
            f"(first: times[{first}]={due[first]}). Give seconds from the start, sorted."
        )
    bounded(len(due), float(due[-1]))
    return due
