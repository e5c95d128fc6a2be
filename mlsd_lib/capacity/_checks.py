"""What every formula asks of its arguments, and how its results are printed. Standard library only."""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping
from dataclasses import fields

from mlsd_lib.capacity.units import EXAMPLES, KINDS, Dimension, Quantity, digits, kind


def amount(name: str, value: object, dimension: Dimension, *, zero: bool = False) -> float:
    """A quantity of the wanted kind, above 0 (or at least 0) and finite, in seconds, bytes or EUR."""
    if not isinstance(value, Quantity):
        raise ValueError(
            f"{name} is {value!r}, without a unit. Pass {KINDS[dimension]}, such as {EXAMPLES[dimension]}."
        )
    if value.dimension != dimension:
        wanted = f"{KINDS[dimension]} was expected, such as {EXAMPLES[dimension]}"
        raise ValueError(f"{name} is {value}, {kind(value)}, and {wanted}.")
    _in_range(name, value.value, str(value), zero=zero)
    return float(value.value)


def count(name: str, value: object, *, zero: bool = False) -> float:
    """A plain number above 0 (or at least 0) and finite: a count, a factor, a load in erlangs."""
    if isinstance(value, Quantity):
        raise ValueError(f"{name} is {value}, {kind(value)}, and a number without a unit was expected.")
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise ValueError(f"{name} is {value!r}, and a number was expected.")
    _in_range(name, float(value), repr(value), zero=zero)
    return float(value)


def whole(name: str, value: object, *, least: int = 1) -> int:
    """A whole number, at least `least`: machines, servers, a fan-out."""
    number = count(name, value, zero=True)
    if number != int(number) or number < least:
        raise ValueError(f"{name} is {value!r}, and a whole number of at least {least} was expected.")
    return int(number)


def share(name: str, value: object) -> float:
    """A share between 0 and 1, both allowed."""
    number = count(name, value, zero=True)
    if number > 1:
        advice = f" If it is in per cent, write {number / 100:g}." if number <= 100 else ""
        raise ValueError(f"{name} is {value!r}, and a share between 0 and 1 was expected.{advice}")
    return number


def inner_share(name: str, value: object) -> float:
    """A share strictly between 0 and 1, such as the level of a percentile."""
    number = share(name, value)
    if number in (0.0, 1.0):
        raise ValueError(f"{name} is {value!r}, and a share strictly between 0 and 1 was expected, such as 0.99.")
    return number


def lines(title: str, rows: Mapping[str, object]) -> str:
    """A small table: a title, and a name and a value a line."""
    width = max(map(len, rows))
    told = [f"  {name:<{width}}  {_told(name, value)}" for name, value in rows.items()]
    return "\n".join([title, *told])


class Table:
    """Prints a frozen dataclass as a small table of its fields."""

    def __str__(self) -> str:
        rows = {field.name.replace("_", " "): getattr(self, field.name) for field in fields(self)}  # type: ignore[arg-type]
        return lines(type(self).__name__, rows)

    __repr__ = __str__


def _told(name: str, value: object) -> str:
    if isinstance(value, float):
        return f"{value:.2%}".replace("%", " %") if "share" in name else digits(value)
    return f"{value:,}" if isinstance(value, int) else str(value)


def _in_range(name: str, value: float, told: str, *, zero: bool) -> None:
    if not math.isfinite(value):
        raise ValueError(f"{name} is {told}, and a finite value was expected.")
    if value < 0 or (value == 0 and not zero):
        raise ValueError(f"{name} is {told}, and it must be {'at least' if zero else 'above'} 0.")
