"""Numbers that know where they came from: what a cell measured or was given, kept for the prose that quotes it.

A page never has a result typed in. A cell calls `receipt`, `timed` or `given`, and the prose beside it quotes the
value by name; the page shows, on hover or focus, which cell made it, with which seed and which version of the library.
In a notebook the same call prints the values, so that nothing is hidden there.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Literal

import numpy as np

Value = int | float | str | bool
Kind = Literal["measured", "timed", "given"]

RECORD = "application/papermill.record/"  # the prefix that MyST-NB's `glue` understands
DIGITS = 6  # significant digits kept: more would differ between machines, and no sentence quotes more


def receipt(*, seed: int | None = None, source: str | None = None, **values: Any) -> None:
    """Keep measured values for the prose, with the cell, the seed and the library's version that made them.

    Args:
        seed: The seed of the run, where it has one.
        source: Where a value that this cell only reads was made, such as the command of a stored run.
        **values: Scalars by name: int, float, bool, str or a NumPy scalar. Floats keep 6 significant digits.

    Raises:
        ValueError: If no value is given, or a value is not a finite scalar.

    Chapter: How to read this book.

    >>> receipt(seed=0, slow=0.6339676, requests=100_000)
    slow = 0.633968
    requests = 100000
    """
    _keep("measured", values, seed=seed, source=source)


def timed(*, seed: int | None = None, **values: Any) -> None:
    """Keep timed values for the prose. Their receipts name the machine, and no reference output holds them.

    Args:
        seed: The seed of the run that was timed, where it has one.
        **values: Scalars by name, with the unit in the name, such as `p99_ms`.

    Raises:
        ValueError: If no value is given, or a value is not a finite scalar.

    Chapter: How to read this book.

    >>> timed(p99_ms=12.25)
    p99_ms = 12.25
    """
    _keep("timed", values, seed=seed, source=None)


def given(**values: Any) -> None:
    """Keep inputs for the prose, so that text and code cannot disagree about them.

    Args:
        **values: Scalars by name; pass the variable that the code uses, not a copy of its value.

    Raises:
        ValueError: If no value is given, or a value is not a finite scalar.

    Chapter: How to read this book.

    >>> given(budget_ms=300)
    budget_ms = 300
    """
    _keep("given", values, seed=None, source=None)


def reproduced(
    key: str, value: Any, *, low: float | None = None, high: float | None = None, seed: int | None = None
) -> None:
    """Keep our value of a published result: a row of the page "Reproduced results", and a receipt for the prose.

    What was published and the tolerance stand in `data/reproductions.yml`, written before the run. A value outside it
    raises nothing: the row stays, and the page marks it. Prose quotes the value by the key, with underscores for its
    hyphens.

    Args:
        key: Name of the row, such as "fan-out-100".
        value: What our run gave, in the unit of the row.
        low: Lower end of our interval, in the same unit.
        high: Upper end of our interval.
        seed: The seed of the run, where it has one.

    Raises:
        ValueError: If there is no such row, a number is not finite, only one end of the interval is given, or the value
            lies outside its own interval.

    Chapter: How to read this book.

    >>> reproduced("no-such-row", 0.6)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ValueError: reproduced: data/reproductions.yml has no row 'no-such-row'. Write it there before the run, ...
    """
    from mlsd_lib import reproductions  # only this function reads the file

    rows = reproductions.load(reproductions.path())
    if key not in rows:
        raise ValueError(
            f"reproduced: data/reproductions.yml has no row {key!r}. Write it there before the run, with what was "
            "published, its source and the tolerance."
        )
    kept = plain(key, value)
    if isinstance(kept, str):
        raise ValueError(f"reproduced: {key} is {kept!r}, and the row holds a number.")
    kept = int(kept) if isinstance(kept, bool) else kept
    ends = _interval(key, float(value), low, high)
    between = f" ({ends[0]:g} to {ends[1]:g})" if ends else ""
    verdict = "within" if rows[key].within(kept) else "OUTSIDE"
    line = f"{key} = {kept}{between}; {rows[key].promise}: {verdict}"
    row = {"key": key, "value": kept, "low": ends[0] if ends else None, "high": ends[1] if ends else None}
    _publish(key.replace("-", "_"), kept, line, kind="measured", seed=seed, source=None, reproduced=row)


def plain(name: str, value: Any) -> Value:
    """A scalar as a plain Python value, a float rounded to 6 significant digits.

    Args:
        name: What to call the value in an error.
        value: A Python or NumPy scalar.

    Returns:
        The value as int, float, bool or str.

    Raises:
        ValueError: If `value` is not a scalar, or is not finite.

    Chapter: How to read this book.

    >>> plain("share", np.float64(1 / 3))
    0.333333
    """
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        if not np.isfinite(value):
            raise ValueError(
                f"receipt: {name} is {value}. A page quotes finite numbers only; see why the run gave none."
            )
        return float(f"{value:.{DIGITS}g}")
    raise ValueError(
        f"receipt: {name} is a {type(value).__name__}, and a sentence quotes one number or one word. "
        "Reduce it first, for example with float(x.mean())."
    )


def machine() -> str:
    """The machine that a timed value was measured on, in a few words.

    Returns:
        Operating system, architecture and number of processors.

    Chapter: How to read this book.

    >>> "processors" in machine()
    True
    """
    return f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors, Python {platform.python_version()}"


def library_version() -> str:
    """The version of this library, as installed.

    Returns:
        A version such as "0.1.0"; "unknown" where the package is not installed.

    Chapter: How to read this book.

    >>> library_version().count(".") >= 1
    True
    """
    try:
        return version("mlsd-lib")
    except PackageNotFoundError:
        return "unknown"


def _interval(key: str, value: float, low: float | None, high: float | None) -> tuple[float, float] | None:
    if low is None and high is None:
        return None
    if low is None or high is None:
        raise ValueError(f"reproduced: {key} has one end of an interval. Give low and high, or neither.")
    if not low <= value <= high:
        raise ValueError(
            f"reproduced: {key} is {value:g}, outside its own interval from {low:g} to {high:g}. "
            "Give the interval of this value, in the same unit, low before high."
        )
    return float(plain(f"{key}, low", float(low))), float(plain(f"{key}, high", float(high)))


def _keep(kind: Kind, values: Mapping[str, Any], *, seed: int | None, source: str | None) -> None:
    if not values:
        raise ValueError("receipt: no value given. Name at least one: receipt(slow_share=slow).")
    for name, value in values.items():
        kept = plain(name, value)
        _publish(name, kept, f"{name} = {kept}", kind=kind, seed=seed, source=source)


def _publish(name: str, kept: Value, line: str, *, kind: Kind, **more: Any) -> None:
    """Print a line; on a page leave the value, and where it came from, in the cell's outputs."""
    from IPython import get_ipython  # only a page has a shell; the library is used without one too

    shell = get_ipython()
    if shell is None:
        print(line)
        return
    provenance: dict[str, Any] = {"name": name, "kind": kind, "cell": shell.execution_count, **more}
    provenance |= {"library": library_version()}
    if kind == "timed":
        provenance["machine"] = machine()
    shell.display_pub.publish(
        data={RECORD + "text/plain": repr(kept), "text/plain": line},
        metadata={"scrapbook": {"name": name, "mime_prefix": RECORD}, "receipt": provenance},
    )
