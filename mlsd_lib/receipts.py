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


def _keep(kind: Kind, values: Mapping[str, Any], *, seed: int | None, source: str | None) -> None:
    if not values:
        raise ValueError("receipt: no value given. Name at least one: receipt(slow_share=slow).")
    from IPython import get_ipython  # only a page has a shell; the library is used without one too

    shell = get_ipython()
    for name, value in values.items():
        kept = plain(name, value)
        line = f"{name} = {kept}"
        if shell is None:
            print(line)
            continue
        provenance: dict[str, Any] = {"name": name, "kind": kind, "cell": shell.execution_count, "seed": seed}
        provenance |= {"library": library_version(), "source": source}
        if kind == "timed":
            provenance["machine"] = machine()
        shell.display_pub.publish(
            data={RECORD + "text/plain": repr(kept), "text/plain": line},
            metadata={"scrapbook": {"name": name, "mime_prefix": RECORD}, "receipt": provenance},
        )
