"""Queues: arrivals whose rate may change, and servers that take them in the order of arrival."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heapreplace

import numpy as np
import numpy.typing as npt

from mlsd_lib.capacity._checks import amount, whole
from mlsd_lib.capacity.units import RATE, TIME, Quantity
from mlsd_lib.worlds import chance

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Served:
    """What a queue did with each request, in the order of arrival.

    Attributes:
        arrived_ms: When each came, float64 (requests,).
        wait_ms: How long each waited for a server, float64 (requests,).
        response_ms: How long each took from arrival to answer, float64 (requests,).

    Chapter: Scale and latency.
    """

    arrived_ms: Floats
    wait_ms: Floats
    response_ms: Floats

    def after(self, warm_up: Quantity) -> Served:
        """The same without the requests that came before a time, while the queue was still filling.

        Args:
            warm_up: The time from the start on.

        Returns:
            The later requests.

        Raises:
            ValueError: If the time is out of range or has the wrong unit.

        Chapter: Scale and latency.

        >>> from mlsd_lib.capacity.units import ms
        >>> serve([0, 10, 20], [1, 2, 3]).after(5 * ms).response_ms.tolist()
        [2.0, 3.0]
        """
        kept = self.arrived_ms >= 1_000 * amount("warm_up", warm_up, TIME, zero=True)
        return Served(self.arrived_ms[kept], self.wait_ms[kept], self.response_ms[kept])


def queue(rate: Quantity, service: Quantity, *, servers: int = 1, requests: int, seed: int) -> Served:
    """An M/M/c queue: random arrivals, exponential service, one line for all servers; it starts empty.

    Args:
        rate: Requests that arrive in a time, as a rate.
        service: Mean time that a server works on one.
        servers: Number of identical servers; at least 1.
        requests: How many requests to simulate; at least 1.
        seed: Seed of the draws.

    Returns:
        Arrival, wait and response of every request.

    Raises:
        ValueError: If an argument is out of range or has the wrong unit.

    Source: [kleinrock1975queueing]. Chapter: Scale and latency.

    >>> from mlsd_lib.capacity.units import ms, second
    >>> run = queue(25 / second, 20 * ms, requests=100_000, seed=0)
    >>> bool(abs(run.response_ms.mean() - 40) < 2)
    True
    """
    ids = np.arange(whole("requests", requests))
    gap_ms, service_ms = 1_000 / amount("rate", rate, RATE), 1_000 * amount("service", service, TIME)
    arrived = np.cumsum(gap_ms * chance.exponential(seed, "arrival", ids))
    return serve(arrived, service_ms * chance.exponential(seed, "service", ids), servers=servers)


def arrivals(rates: Sequence[Quantity], *, step: Quantity, seed: int) -> Floats:
    """Random arrivals whose rate changes over time, such as over a day.

    Args:
        rates: The rate in each step of time, as rates; at least one.
        step: How long each lasts.
        seed: Seed of the draws.

    Returns:
        Times of arrival in ms from the start, increasing, float64.

    Raises:
        ValueError: If there is no rate, or an argument is out of range or has the wrong unit.

    Chapter: Scale and latency.

    >>> from mlsd_lib.capacity.units import hour, second
    >>> times = arrivals([5 / second, 15 / second], step=1 * hour, seed=0)
    >>> bool(abs((times < 3_600_000).mean() - 0.25) < 0.01)
    True
    """
    length_ms = 1_000 * amount("step", step, TIME)
    if not len(rates):
        raise ValueError("arrivals: rates is empty. Give a rate for each step of time.")
    wanted = [amount(f"rates[{place}]", rate, RATE, zero=True) for place, rate in enumerate(rates)]
    expected = np.concatenate([[0.0], np.cumsum(wanted) * length_ms / 1_000])
    # Arrivals at rate 1 in a clock that runs as fast as the expected number grows.
    drawn, at_most = np.empty(0), 0
    while not len(drawn) or drawn[-1] < expected[-1]:
        at_most += int(expected[-1] + 6 * np.sqrt(expected[-1])) + 10
        drawn = np.cumsum(chance.exponential(seed, "arrival", np.arange(at_most)))
    times: Floats = np.interp(drawn[drawn < expected[-1]], expected, length_ms * np.arange(len(expected)))
    return times


def serve(arrived_ms: npt.ArrayLike, service_ms: npt.ArrayLike, *, servers: int = 1) -> Served:
    """Serve requests in the order of arrival, each by the server that is free first.

    Args:
        arrived_ms: When each request comes, non-decreasing, (requests,).
        service_ms: How long a server works on each, at least 0, (requests,).
        servers: Number of identical servers; at least 1.

    Returns:
        Arrival, wait and response of every request.

    Raises:
        ValueError: If the arrays differ in length or are empty, hold what is not a finite number, times fall, or a
            service is negative.

    Source: [kleinrock1975queueing]. Chapter: Scale and latency.

    >>> serve([0, 1, 2], [5, 1, 1]).response_ms.tolist()
    [5.0, 5.0, 5.0]
    >>> serve([0, 1, 2], [5, 1, 1], servers=2).response_ms.tolist()
    [5.0, 1.0, 1.0]
    """
    arrived, service = np.asarray(arrived_ms, dtype=np.float64), np.asarray(service_ms, dtype=np.float64)
    machines = whole("servers", servers)
    if arrived.ndim != 1 or arrived.shape != service.shape or not len(arrived):
        raise ValueError(
            f"serve: arrived_ms has shape {arrived.shape} and service_ms {service.shape}; give one of each."
        )
    for name, values, unsound in (
        ("arrived_ms", arrived, ~np.isfinite(arrived) | (np.diff(arrived, prepend=arrived[0]) < 0)),
        ("service_ms", service, ~np.isfinite(service) | (service < 0)),
    ):
        if unsound.any():
            first = int(np.argmax(unsound))
            raise ValueError(
                f"serve: {int(unsound.sum())} values of {name} are not finite, fall or are negative "
                f"(first: {name}[{first}]={values[first]}). Sort by arrival, with services along."
            )
    wait = _wait_for_one(arrived, service) if machines == 1 else _wait_for_many(arrived, service, machines)
    return Served(arrived, wait, wait + service)


def in_flight(served: Served, at_ms: npt.ArrayLike) -> Floats:
    """How many requests are in the system at given moments.

    Args:
        served: A run.
        at_ms: Moments in ms, (moments,).

    Returns:
        The number at each moment, float64 (moments,).

    Source: [little1961proof]. Chapter: Scale and latency.

    >>> in_flight(serve([0, 1, 2], [5, 1, 1]), [0.5, 1.5, 5.5]).tolist()
    [1.0, 2.0, 2.0]
    """
    moments = np.asarray(at_ms, dtype=np.float64)
    left = np.sort(served.arrived_ms + served.response_ms)
    come = np.searchsorted(served.arrived_ms, moments, side="right")
    return (come - np.searchsorted(left, moments, side="right")).astype(np.float64)


def _wait_for_one(arrived: Floats, service: Floats) -> Floats:
    """Lindley's recursion without a loop: a request starts when the busiest run of work before it is done."""
    before = np.concatenate([[0.0], np.cumsum(service)[:-1]])
    wait: Floats = np.maximum.accumulate(arrived - before) + before - arrived
    return np.maximum(wait, 0.0)  # rounding may leave a hair less


def _wait_for_many(arrived: Floats, service: Floats, servers: int) -> Floats:
    free = [-np.inf] * servers  # when each server is free again; equal values are a heap already
    started = arrived.tolist()
    for place, (now, work) in enumerate(zip(started, service.tolist(), strict=True)):
        begin = max(now, free[0])
        heapreplace(free, begin + work)
        started[place] = begin
    return np.asarray(started) - arrived
