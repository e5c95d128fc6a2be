"""Machines and money: how many it takes, what they cost, and who may spend which part of the time allowed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from mlsd_lib.capacity._checks import Table, amount, count, inner_share, lines, share, whole
from mlsd_lib.capacity.units import PRICE, RATE, SIZE, TIME, Quantity, second, year


@dataclass(frozen=True, repr=False)
class Fleet(Table):
    """The machines that a load needs.

    Attributes:
        busy_cores: Cores that the work alone keeps busy, on average over the period that the load is given for.
        machines: Machines to buy, with headroom and spares.
        utilisation_share: Share of the bought cores that the load keeps busy.

    Chapter: Scale and latency.
    """

    busy_cores: float
    machines: int
    utilisation_share: float


@dataclass(frozen=True, repr=False)
class Cost(Table):
    """What machines cost.

    Attributes:
        a_year: Money a year.
        a_request: Money a request.
        a_thousand: Money for a thousand requests.

    Chapter: Scale and latency.
    """

    a_year: Quantity
    a_request: Quantity
    a_thousand: Quantity


@dataclass(frozen=True, repr=False)
class Budget:
    """A latency budget, split over the components that run one after the other.

    Attributes:
        limit: The time allowed in all.
        allowed: What each component may take, by name.
        used: What each takes, by name.
        kept_back: What is left for the network and for surprises.

    Chapter: Scale and latency.
    """

    limit: Quantity
    allowed: Mapping[str, Quantity]
    used: Mapping[str, Quantity]
    kept_back: Quantity

    @property
    def fits(self) -> bool:
        """Whether no component takes more than it may."""
        return all(self.used[name] <= self.allowed[name] for name in self.allowed)

    def __str__(self) -> str:
        rows = {name: f"takes {self.used[name]} of {self.allowed[name]}" for name in self.allowed}
        verdict = "fits" if self.fits else "does not fit"
        return lines(f"Budget of {self.limit}: {verdict}", rows | {"kept back": str(self.kept_back)})

    __repr__ = __str__


def fleet(
    peak: Quantity, *, cpu: Quantity, cores: int, utilisation: float = 0.6, spares: int = 0, copies: int = 1
) -> Fleet:
    """The machines that keep up with a load.

    Args:
        peak: Requests a second in the busiest period, as a rate.
        cpu: Processor time of one request, summed over its cores.
        cores: Cores of a machine; at least 1.
        utilisation: Share of the cores that may be busy at the peak; strictly between 0 and 1, or queues grow.
        spares: Machines that may fail without harm; at least 0.
        copies: Sites that each hold the whole fleet; at least 1.

    Returns:
        Busy cores, machines, and the utilisation that results.

    Raises:
        ValueError: If an argument is out of range or has the wrong unit.

    Chapter: Scale and latency.

    >>> from mlsd_lib.capacity.units import ms
    >>> fleet(1_500 / second, cpu=20 * ms, cores=16, spares=1)
    Fleet
      busy cores         30
      machines           5
      utilisation share  37.50 %
    """
    busy = amount("peak", peak, RATE) * amount("cpu", cpu, TIME)
    each = whole("cores", cores)
    # A product such as 0.1 * 3 is a hair too large, and must not cost a machine.
    wanted = math.ceil(busy / (each * inner_share("utilisation", utilisation)) * (1 - 1e-12))
    machines = (wanted + whole("spares", spares, least=0)) * whole("copies", copies)
    return Fleet(busy, machines, busy / (machines * each))


def machines_for_memory(size: Quantity, *, memory: Quantity, usable_share: float = 0.8, copies: int = 1) -> int:
    """The machines whose memory holds something, cut into shards.

    Args:
        size: What is to be held.
        memory: Memory of a machine.
        usable_share: Share of it that the data may fill; above 0.
        copies: How many times the whole is held; at least 1.

    Returns:
        The number of machines; without copies, it is the fan-out of a request that asks every shard.

    Raises:
        ValueError: If an argument is out of range or has the wrong unit.

    Chapter: Scale and latency.

    >>> from mlsd_lib.capacity.units import GB, TB
    >>> machines_for_memory(1.6 * TB, memory=64 * GB)
    32
    """
    usable = amount("memory", memory, SIZE) * count("usable_share", share("usable_share", usable_share))
    shards = math.ceil(amount("size", size, SIZE) / usable * (1 - 1e-12))
    return shards * whole("copies", copies)


def cost(machines: int, *, price: Quantity, average: Quantity) -> Cost:
    """What machines cost in a year, and for a request.

    Args:
        machines: How many run all the time; at least 1.
        price: Price of one, such as `0.4 * EUR / hour`.
        average: Requests a second, averaged over the day: at night the machines stand and cost.

    Returns:
        Money a year, a request, and for a thousand requests.

    Raises:
        ValueError: If an argument is out of range or has the wrong unit.

    Chapter: Scale and latency.

    >>> from mlsd_lib.capacity.units import EUR, hour
    >>> cost(5, price=0.5 * EUR / hour, average=500 / second)
    Cost
      a year      21,900 EUR
      a request   0.000001389 EUR
      a thousand  0.001389 EUR
    """
    amount("price", price, PRICE)
    amount("average", average, RATE)
    spent = whole("machines", machines) * price
    return Cost(spent * year, spent / average, 1_000 * (spent / average))


def split_budget(limit: Quantity, used: Mapping[str, Quantity], *, kept_back: float = 0.2) -> Budget:
    """Split a latency budget over components in proportion to what they take today.

    Args:
        limit: The time allowed in all.
        used: The time that each component takes, by name; components run one after the other.
        kept_back: Share of the limit that no component may take: network, waiting, surprises; strictly between 0 and 1.

    Returns:
        What each may take, beside what it takes.

    Raises:
        ValueError: If there is no component, or an argument is out of range or has the wrong unit.

    Chapter: Scale and latency.

    >>> from mlsd_lib.capacity.units import ms
    >>> split_budget(100 * ms, {"selection": 30 * ms, "ranker": 10 * ms})
    Budget of 100 ms: fits
      selection  takes 30 ms of 60 ms
      ranker     takes 10 ms of 20 ms
      kept back  20 ms
    """
    seconds = amount("limit", limit, TIME)
    if not used:
        raise ValueError("used: no component. Name at least one and its time, such as {'ranker': 10 * ms}.")
    times = {name: amount(f"used[{name!r}]", time, TIME, zero=True) for name, time in used.items()}
    total = math.fsum(times.values())
    if not total:
        raise ValueError(f"used: all {len(times)} components take no time, so there is nothing to go by.")
    back = inner_share("kept_back", kept_back)
    allowed = {name: (1 - back) * seconds * time / total * second for name, time in times.items()}
    return Budget(limit, allowed, dict(used), back * limit)
