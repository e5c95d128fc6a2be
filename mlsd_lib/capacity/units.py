"""Quantities: numbers that carry their unit, so that a wrong one is an error and not a factor of a thousand.

`20 * ms` is a time, `500 / second` a rate, `3 * GB` a size, `0.4 * EUR / hour` a price. Products and quotients work
out their unit, and where it cancels the result is a plain float: `(58_000 / second) * (1.5 * second)` is 87000.0.
Requests, users, machines and cores are counted, and counts have no unit.
"""

from __future__ import annotations

import math
import numbers
from dataclasses import dataclass
from typing import Any, overload

Dimension = tuple[int, int, int]  # powers of second, byte and EUR

NUMBER: Dimension = (0, 0, 0)
TIME: Dimension = (1, 0, 0)
RATE: Dimension = (-1, 0, 0)
SIZE: Dimension = (0, 1, 0)
MONEY: Dimension = (0, 0, 1)
PRICE: Dimension = (-1, 0, 1)
KINDS = {
    NUMBER: "a plain number",
    TIME: "a time",
    RATE: "a rate",
    SIZE: "a size",
    MONEY: "an amount of money",
    PRICE: "a price for a time",
}
EXAMPLES = {
    TIME: "20 * ms",
    RATE: "500 / second",
    SIZE: "3 * GB",
    MONEY: "100 * EUR",
    PRICE: "0.4 * EUR / hour",
}


@dataclass(frozen=True, repr=False)
class Quantity:
    """A number with a unit. Make one by multiplying or dividing by a unit of this module: `20 * ms`, `500 / second`.

    Attributes:
        value: The amount in seconds, bytes, EUR or their product.
        dimension: The powers of second, byte and EUR.

    Sums, differences and comparisons of different kinds raise ValueError.

    Chapter: Scale and latency.

    >>> 36 * second + 200 * ms
    36.2 s
    >>> 1_000_000 / day
    11.57 /s
    >>> 20 * ms + 3 * GB
    Traceback (most recent call last):
    ...
    ValueError: 20 ms is a time and 3 GB is a size; they cannot be added.
    """

    value: float
    dimension: Dimension

    __array_ufunc__ = None  # NumPy leaves the operators to this class

    def to(self, unit: Quantity) -> float:
        """The amount in a unit, as a plain float.

        Args:
            unit: A unit of the same kind, such as `ms`.

        Returns:
            How many of the unit it is.

        Raises:
            ValueError: If the unit is of another kind.

        Chapter: Scale and latency.

        >>> (0.25 * second).to(ms)
        250.0
        """
        if not isinstance(unit, Quantity):
            raise ValueError(f"to: {unit!r} is not a unit. Pass one of mlsd_lib.capacity.units, such as ms.")
        self._same(unit, "converted into each other")
        return self.value / unit.value

    def __add__(self, other: Quantity) -> Quantity:
        return Quantity(self.value + self._same(other, "added"), self.dimension)

    def __sub__(self, other: Quantity) -> Quantity:
        return Quantity(self.value - self._same(other, "subtracted"), self.dimension)

    @overload
    def __mul__(self, other: Quantity) -> Any: ...
    @overload
    def __mul__(self, other: float) -> Quantity: ...
    def __mul__(self, other: Quantity | float) -> Any:
        if isinstance(other, Quantity):
            return _made(self.value * other.value, self.dimension, other.dimension, 1)
        if not isinstance(other, numbers.Real):
            return NotImplemented
        return Quantity(self.value * float(other), self.dimension)

    def __rmul__(self, other: float) -> Quantity:
        return self * other

    @overload
    def __truediv__(self, other: Quantity) -> Any: ...
    @overload
    def __truediv__(self, other: float) -> Quantity: ...
    def __truediv__(self, other: Quantity | float) -> Any:
        if isinstance(other, Quantity):
            return _made(self.value / other.value, self.dimension, other.dimension, -1)
        if not isinstance(other, numbers.Real):
            return NotImplemented
        return Quantity(self.value / float(other), self.dimension)

    def __rtruediv__(self, other: float) -> Quantity:
        if not isinstance(other, numbers.Real):
            return NotImplemented
        time, size, money = self.dimension
        return Quantity(float(other) / self.value, (-time, -size, -money))

    def __lt__(self, other: Quantity) -> bool:
        return self.value < self._same(other, "compared")

    def __le__(self, other: Quantity) -> bool:
        return self.value <= self._same(other, "compared")

    def __gt__(self, other: Quantity) -> bool:
        return self.value > self._same(other, "compared")

    def __ge__(self, other: Quantity) -> bool:
        return self.value >= self._same(other, "compared")

    def __str__(self) -> str:
        steps = _STEPS.get(self.dimension)
        if steps is None:
            names = zip(("s", "B", "EUR"), self.dimension, strict=True)
            return f"{digits(self.value)} " + " ".join(f"{name}^{power}" for name, power in names if power)
        reached = [step for step in steps if abs(self.value) >= step[2]]
        name, unit, _ = reached[-1] if reached else steps[0]
        return f"{digits(self.value / unit)} {name}"

    __repr__ = __str__

    def _same(self, other: object, verb: str) -> float:
        if not isinstance(other, Quantity):
            raise ValueError(f"{self} has a unit and {other!r} has none; they cannot be {verb}. Give both a unit.")
        if other.dimension != self.dimension:
            raise ValueError(f"{self} is {kind(self)} and {other} is {kind(other)}; they cannot be {verb}.")
        return other.value


def kind(value: object) -> str:
    """What kind of quantity something is, in words.

    Args:
        value: A quantity or a number.

    Returns:
        Such as "a time"; "a plain number" for what has no unit.

    Chapter: Scale and latency.

    >>> kind(20 * ms), kind(20)
    ('a time', 'a plain number')
    """
    return KINDS.get(value.dimension if isinstance(value, Quantity) else NUMBER, "of a mixed kind")


def digits(value: float) -> str:
    """A number with four significant digits and separated thousands, as tables print it.

    Args:
        value: The number.

    Returns:
        The text.

    Chapter: Scale and latency.

    >>> digits(12_731_481.5), digits(0.03349), digits(87.0)
    ('12,730,000', '0.03349', '87')
    """
    if not math.isfinite(value) or value == 0:
        return f"{value:g}"
    decimals = 3 - math.floor(math.log10(abs(value)))
    text = f"{round(value, decimals):,.{max(0, decimals)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _made(value: float, first: Dimension, second: Dimension, sign: int) -> Quantity | float:
    powers = (first[0] + sign * second[0], first[1] + sign * second[1], first[2] + sign * second[2])
    return value if powers == NUMBER else Quantity(value, powers)


second = Quantity(1.0, TIME)
ns, us, ms = 1e-9 * second, 1e-6 * second, 1e-3 * second
minute, hour, day, year = 60 * second, 3_600 * second, 86_400 * second, 365 * 86_400 * second
byte = Quantity(1.0, SIZE)
KB, MB, GB, TB, PB = 1e3 * byte, 1e6 * byte, 1e9 * byte, 1e12 * byte, 1e15 * byte
EUR = Quantity(1.0, MONEY)

_BYTES = ("B", "kB", "MB", "GB", "TB", "PB")
# How a quantity is printed: name, unit, and from which amount on.
_STEPS: dict[Dimension, list[tuple[str, float, float]]] = {
    TIME: [
        ("ns", 1e-9, 0.0),
        ("µs", 1e-6, 1e-6),
        ("ms", 1e-3, 1e-3),
        ("s", 1.0, 1.0),
        ("min", minute.value, 2 * minute.value),
        ("h", hour.value, 2 * hour.value),
        ("days", day.value, 2 * day.value),
        ("years", year.value, year.value),
    ],
    RATE: [("/day", 1 / day.value, 0.0), ("/s", 1.0, 0.1)],
    SIZE: [(name, 10.0 ** (3 * step), 10.0 ** (3 * step)) for step, name in enumerate(_BYTES)],
    MONEY: [("EUR", 1.0, 0.0)],
    PRICE: [("EUR/year", 1 / year.value, 0.0)],
}
