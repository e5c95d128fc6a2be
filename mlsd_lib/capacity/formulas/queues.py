"""Queues: how long a request waits for a free server.

M/M/c: requests come at random (Poisson) times, service times are exponential, and `c` identical servers take them in
the order of arrival. Real traffic is burstier and real service times differ, so a real queue is often longer.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from mlsd_lib.capacity._checks import Table, amount, count, inner_share, whole
from mlsd_lib.capacity.units import RATE, TIME, Quantity, second


@dataclass(frozen=True, repr=False)
class Queue(Table):
    """What an M/M/c queue does in the long run; times are infinite where more arrives than can be served.

    Attributes:
        utilisation_share: Share of the time that a server is busy; 1 or more where the queue only grows.
        waiting_share: Probability that a request has to wait.
        mean_wait: Mean time in the queue, before service.
        mean_response: Mean time from arrival to answer.
        waiting: Mean number of requests in the queue.

    Chapter: Scale and latency.
    """

    utilisation_share: float
    waiting_share: float
    mean_wait: Quantity
    mean_response: Quantity
    waiting: float


def in_flight(rate: Quantity, response: Quantity) -> float:
    """Little's law: how many requests are in a system at once, on average, whatever the distributions are.

    Args:
        rate: Requests that arrive in a time, as a rate.
        response: Mean time that one stays.

    Returns:
        The mean number in the system.

    Raises:
        ValueError: If an argument is out of range or has the wrong unit.

    Source: [little1961proof]. Chapter: Scale and latency.

    >>> round(in_flight(58_000 / second, 1.5 * second))
    87000
    """
    return amount("rate", rate, RATE, zero=True) * amount("response", response, TIME, zero=True)


def offered_load(rate: Quantity, service: Quantity) -> float:
    """How many servers the requests would keep busy if none ever waited, in erlangs.

    Args:
        rate: Requests that arrive in a time, as a rate.
        service: Mean time that a server works on one.

    Returns:
        Rate times service time.

    Raises:
        ValueError: If an argument is out of range or has the wrong unit.

    Source: [kleinrock1975queueing]. Chapter: Scale and latency.

    >>> offered_load(500 / second, 20 * second / 1_000)
    10.0
    """
    return amount("rate", rate, RATE, zero=True) * amount("service", service, TIME)


def waiting_probability(offered_load: float, servers: int) -> float:
    """Probability that a request has to wait in an M/M/c queue (Erlang's C formula).

    Args:
        offered_load: Arrival rate times mean service time, in erlangs; at least 0.
        servers: Number of identical servers; at least 1.

    Returns:
        A probability in [0, 1]; exactly 1.0 where `offered_load >= servers`, since that queue never empties.

    Raises:
        ValueError: If `offered_load` is negative or not finite, or `servers` is below 1.

    Source: [kleinrock1975queueing]. Chapter: Scale and latency.

    >>> round(waiting_probability(offered_load=9.0, servers=10), 3)
    0.669
    """
    erlangs, machines = count("offered_load", offered_load, zero=True), whole("servers", servers)
    if erlangs >= machines:
        return 1.0
    # Erlang's B by its recursion, which has neither factorials nor powers and so stays exact for thousands of servers.
    blocked = 1.0
    for busy in range(1, machines + 1):
        blocked = erlangs * blocked / (busy + erlangs * blocked)
    return machines * blocked / (machines - erlangs * (1 - blocked))


def queue(rate: Quantity, service: Quantity, *, servers: int = 1) -> Queue:
    """The means of an M/M/c queue.

    Args:
        rate: Requests that arrive in a time, as a rate.
        service: Mean time that a server works on one.
        servers: Number of identical servers; at least 1.

    Returns:
        Utilisation, probability of waiting, mean wait, mean response and mean number waiting.

    Raises:
        ValueError: If an argument is out of range or has the wrong unit.

    Source: [kleinrock1975queueing]. Chapter: Scale and latency.

    >>> from mlsd_lib.capacity.units import ms
    >>> queue(450 / second, 20 * ms, servers=10)
    Queue
      utilisation share  90.00 %
      waiting share      66.87 %
      mean wait          13.37 ms
      mean response      33.37 ms
      waiting            6.019
    """
    erlangs = offered_load(rate, service)
    waiting = waiting_probability(erlangs, servers)
    wait = _slack(erlangs, servers, waiting) * service
    return Queue(erlangs / servers, waiting, wait, wait + service, rate * wait)


def wait_percentile(rate: Quantity, service: Quantity, *, servers: int = 1, level: float = 0.99) -> Quantity:
    """The time in the queue that a share `level` of the requests of an M/M/c queue stays within.

    Args:
        rate: Requests that arrive in a time, as a rate.
        service: Mean time that a server works on one.
        servers: Number of identical servers; at least 1.
        level: Which percentile, as a share: 0.99 for the 99th.

    Returns:
        The time; 0 where enough requests need not wait, infinite where more arrives than can be served.

    Raises:
        ValueError: If an argument is out of range or has the wrong unit.

    Source: [kleinrock1975queueing]. Chapter: Scale and latency.

    >>> from mlsd_lib.capacity.units import ms
    >>> wait_percentile(450 / second, 20 * ms, servers=10)
    84.06 ms
    """
    erlangs, late = offered_load(rate, service), 1 - inner_share("level", level)
    waiting = waiting_probability(erlangs, servers)
    if waiting <= late:
        return 0 * second
    return _slack(erlangs, servers, math.log(waiting / late)) * service


def response_percentile(rate: Quantity, service: Quantity, *, servers: int = 1, level: float = 0.99) -> Quantity:
    """The time from arrival to answer that a share `level` of the requests of an M/M/c queue stays within.

    Args:
        rate: Requests that arrive in a time, as a rate.
        service: Mean time that a server works on one.
        servers: Number of identical servers; at least 1.
        level: Which percentile, as a share: 0.99 for the 99th.

    Returns:
        The time; infinite where more arrives than can be served.

    Raises:
        ValueError: If an argument is out of range or has the wrong unit.

    Source: [kleinrock1975queueing]. Chapter: Scale and latency.

    >>> from mlsd_lib.capacity.units import ms
    >>> response_percentile(45 / second, 20 * ms)
    921 ms
    >>> response_percentile(450 / second, 20 * ms, servers=10)
    125 ms
    """
    erlangs, late = offered_load(rate, service), 1 - inner_share("level", level)
    waiting = waiting_probability(erlangs, servers)
    if erlangs >= servers:
        return math.inf * second
    # In service times: the wait is 0 or exponential with rate `spare`, and the service is exponential with rate 1.
    spare = servers - erlangs
    low, high = 0.0, 1.0
    while _later(high, waiting, spare) > late:
        high *= 2
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if _later(middle, waiting, spare) > late else (low, middle)
    return high * service


def servers_for(rate: Quantity, service: Quantity, *, within: Quantity, level: float = 0.99) -> int:
    """The fewest servers with which a share `level` of the requests of an M/M/c queue is answered in time.

    Args:
        rate: Requests that arrive in a time, as a rate; take the peak.
        service: Mean time that a server works on one.
        within: The longest response that is allowed.
        level: Which percentile, as a share: 0.99 for the 99th.

    Returns:
        The number of servers.

    Raises:
        ValueError: If an argument is out of range or has the wrong unit, or no number of servers is enough.

    Source: [kleinrock1975queueing]. Chapter: Scale and latency.

    >>> from mlsd_lib.capacity.units import ms
    >>> servers_for(450 / second, 20 * ms, within=100 * ms)
    11
    """
    amount("within", within, TIME)
    alone = -math.log(1 - inner_share("level", level)) * service
    erlangs = offered_load(rate, service)
    if alone >= within:
        raise ValueError(
            f"within is {within}, and the service alone exceeds it: at this level it takes {alone}. "
            "Make the service faster; more servers only shorten the wait."
        )

    def enough(servers: int) -> bool:
        return response_percentile(rate, service, servers=servers, level=level) <= within

    few, many = math.floor(erlangs), math.floor(erlangs) + 1
    while not enough(many):
        few, many = many, 2 * many
    while many - few > 1:
        middle = (few + many) // 2
        few, many = (few, middle) if enough(middle) else (middle, many)
    return many


_HALVINGS = 60  # a double has 53 bits


def _slack(erlangs: float, servers: int, numerator: float) -> float:
    """A time in the queue, in service times: infinite where nothing is left over."""
    return numerator / (servers - erlangs) if erlangs < servers else math.inf


def _later(time: float, waiting: float, spare: float) -> float:
    """Probability that a response takes longer; time in service times."""
    slow, gap = min(1.0, spare), abs(spare - 1)
    # The sum of two exponentials, written so that nothing cancels where their rates are (nearly) the same.
    both = math.exp(-slow * time) * (1 + slow * (-math.expm1(-gap * time) / gap if gap else time))
    return (1 - waiting) * math.exp(-time) + waiting * both
