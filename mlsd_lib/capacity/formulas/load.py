"""Load: from users and their habits to requests a second, at the peak, and next year."""

from __future__ import annotations

import math
import numbers
from collections.abc import Sequence
from dataclasses import dataclass

from mlsd_lib.capacity._checks import Table, amount, count, share
from mlsd_lib.capacity.units import RATE, TIME, Quantity, second, year

MOST_GROWTH = 11.0  # elevenfold in a year: beyond it, a share was most likely given in per cent


@dataclass(frozen=True, repr=False)
class Load(Table):
    """How much arrives.

    Attributes:
        average: Requests a second, averaged over the day.
        peak: Requests a second in the busiest period; machines are bought for this one.
        a_day: Requests a day, a count.

    Chapter: Scale and latency.
    """

    average: Quantity
    peak: Quantity
    a_day: float


def load(
    users: float,
    *,
    sessions: Quantity,
    requests_per_session: float = 1.0,
    active_share: float = 1.0,
    peak_factor: float = 1.0,
) -> Load:
    """The load that people put on a system by their habits.

    Args:
        users: How many people there are; above 0.
        sessions: How often one of the active ones comes, such as `2 / day`.
        requests_per_session: Requests that a visit makes; above 0.
        active_share: Share of the users who come at all.
        peak_factor: Load of the busiest period over the average; at least 1.

    Returns:
        Average and peak in requests a second, and requests a day.

    Raises:
        ValueError: If an argument is out of range or has the wrong unit.

    Source: [deannumbers] for the arithmetic. Chapter: Scale and latency.

    >>> from mlsd_lib.capacity.units import day
    >>> load(20_000_000, sessions=2 / day, requests_per_session=3, active_share=0.25, peak_factor=2.5)
    Load
      average  347.2 /s
      peak     868.1 /s
      a day    30,000,000
    """
    visitors = count("users", users) * share("active_share", active_share)
    average = visitors * amount("sessions", sessions, RATE) * count("requests_per_session", requests_per_session)
    factor = _factor(peak_factor)
    return Load(average / second, factor * average / second, average * 86_400)


def peak_factor(counts: Sequence[float]) -> float:
    """How much busier the busiest period is than the average one.

    Args:
        counts: Requests in periods of equal length that cover the whole cycle, such as the hours of a week.

    Returns:
        The largest count over the mean; at least 1.

    Raises:
        ValueError: If there is no count, one is negative or not finite, or all are 0.

    Chapter: Scale and latency.

    >>> peak_factor([100, 100, 300, 100])
    2.0
    """
    checked = [count(f"counts[{place}]", value, zero=True) for place, value in enumerate(counts)]
    if not any(checked):
        raise ValueError(f"counts: {len(checked)} periods and no request in them. Count over a time that has traffic.")
    return max(checked) * len(checked) / math.fsum(checked)


def grown(now: Quantity, *, yearly_growth: float, after: Quantity) -> Quantity:
    """A load, a size or a cost after some time of steady growth.

    Args:
        now: What it is today; of any kind.
        yearly_growth: Growth in a year as a share of the start, such as 0.4; above -1.
        after: How much later.

    Returns:
        `now * (1 + yearly_growth) ** years`, of the kind of `now`.

    Raises:
        ValueError: If an argument is out of range or has the wrong unit.

    Chapter: Scale and latency.

    >>> grown(500 / second, yearly_growth=0.4, after=2 * year)
    980 /s
    """
    years = amount("after", after, TIME, zero=True) / year.value
    return Quantity(_positive("now", now) * math.exp(years * _log_growth(yearly_growth)), now.dimension)


def time_until(limit: Quantity, *, now: Quantity, yearly_growth: float) -> Quantity:
    """When steady growth reaches a limit.

    Args:
        limit: What the machines, the disks or the budget can bear.
        now: What it is today, of the same kind.
        yearly_growth: Growth in a year as a share of the start, such as 0.4; above -1.

    Returns:
        The time left: 0 where the limit is reached already, infinite where it never will be.

    Raises:
        ValueError: If an argument is out of range, or the two are of different kinds.

    Chapter: Scale and latency.

    >>> time_until(1_500 / second, now=500 / second, yearly_growth=0.4)
    3.265 years
    """
    _positive("limit", limit)
    _positive("now", now)
    distance, growth = math.log(limit.to(now)), _log_growth(yearly_growth)
    if distance <= 0:
        return 0 * year
    return distance / growth * year if growth > 0 else math.inf * year


def _factor(value: object) -> float:
    factor = count("peak_factor", value)
    if factor < 1:
        raise ValueError(f"peak_factor is {value!r}, and the peak can't be below the average: at least 1.")
    return factor


def _log_growth(value: float) -> float:
    """Growth of the logarithm in a year."""
    factor = count("1 + yearly_growth", value + 1 if isinstance(value, numbers.Real) else value)
    if factor > MOST_GROWTH:
        raise ValueError(
            f"yearly_growth is {value!r}, a share of the start. If it is in per cent, write {value / 100:g}."
        )
    return math.log(factor)


def _positive(name: str, value: object) -> float:
    return amount(name, value, value.dimension if isinstance(value, Quantity) else RATE)
