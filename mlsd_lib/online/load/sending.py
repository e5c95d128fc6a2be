"""Sending: by the clock, or in turn for comparison."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from mlsd_lib.online.load.checks import above, bounded, moments, sound
from mlsd_lib.online.load.results import Load
from mlsd_lib.online.load.wire import Address, Line, Unreadable
from mlsd_lib.worlds import chance

Floats = npt.NDArray[np.float64]


def arrivals(rate: float, seconds: float, seed: int) -> Floats:
    """Moments at which independent people send requests: a Poisson process.

    Args:
        rate: Requests a second; above 0.
        seconds: How long; above 0.
        seed: Seed of the draws.

    Returns:
        Increasing times in seconds from the start, float64; how many there are is random, about `rate * seconds`.

    Raises:
        ValueError: If an argument is out of range, or there would be more than 100,000 requests or 600 seconds.

    Source: [kleinrock1975queueing]. Chapter: Online execution.

    >>> times = arrivals(200, 10, seed=0)
    >>> bool(abs(len(times) - 2_000) < 200), bool((np.diff(times) > 0).all())
    (True, True)
    """
    expected = above("rate", rate) * above("seconds", seconds)
    bounded(expected, seconds)
    drawn = int(expected + 8 * np.sqrt(expected)) + 20  # beyond chance, so that the last gap reaches the end
    times = np.cumsum(chance.exponential(seed, "load", np.arange(drawn))) / rate
    return np.asarray(times[times < seconds])


def send(
    url: str,
    bodies: Sequence[bytes],
    times: npt.ArrayLike,
    *,
    timeout_s: float = 5.0,
    most_open: int = 500,
    keep_bodies: bool = False,
    anywhere: bool = False,
) -> Load:
    """Send requests at given moments, and wait for no answer before the next one.

    Args:
        url: Where to, such as "http://127.0.0.1:8000/search"; on this machine, unless `anywhere` is set.
        bodies: What to POST, in turn and from the front again; an empty one makes a GET.
        times: When each is due, in seconds from the start, non-decreasing; see `arrivals`.
        timeout_s: When a request without a whole answer is given up, in seconds after it was due.
        most_open: How many requests may be open at once. One that is due beyond that is not sent and counts as failed.
        keep_bodies: Whether to keep the answers.
        anywhere: Whether `url` may be on another machine.

    Returns:
        What happened to every request.

    Raises:
        ValueError: If an argument is out of range, or the test would not be bounded.

    Chapter: Online execution.
    """
    due = moments(times)
    run = _Run(Address.of(url, anywhere=anywhere), sound(bodies), above("timeout_s", timeout_s), keep_bodies)
    return run.all(run.by_the_clock(due, int(above("most_open", most_open))))


def take_turns(
    url: str,
    bodies: Sequence[bytes],
    *,
    requests: int,
    clients: int = 1,
    timeout_s: float = 5.0,
    keep_bodies: bool = False,
    anywhere: bool = False,
) -> Load:
    """The polite way, for comparison: clients that each wait for an answer before they send the next request.

    It measures how much a service can do at most, and hides what users meet when it stalls: a request is due whenever
    its client gets round to it, so `latency_s` counts from there.

    Args:
        url: Where to; on this machine, unless `anywhere` is set.
        bodies: What to POST, in turn and from the front again; an empty one makes a GET.
        requests: How many in all; at most 100,000.
        clients: How many clients at once.
        timeout_s: When a request without a whole answer is given up, in seconds.
        keep_bodies: Whether to keep the answers.
        anywhere: Whether `url` may be on another machine.

    Returns:
        What happened to every request.

    Raises:
        ValueError: If an argument is out of range.

    Chapter: Online execution.
    """
    bounded(above("requests", requests), 0.0)
    run = _Run(Address.of(url, anywhere=anywhere), sound(bodies), above("timeout_s", timeout_s), keep_bodies)
    return run.all(run.in_turn(int(requests), int(above("clients", clients))))


@dataclass
class _Run:
    """A test under way: what is sent, and what came back so far."""

    address: Address
    bodies: Sequence[bytes]
    timeout_s: float
    keep_bodies: bool
    begin: float = 0.0
    rows: list[tuple[Any, ...]] = field(default_factory=list)
    stopped: bool = False

    def all(self, sending: Coroutine[Any, Any, None]) -> Load:
        """Do the sending in a thread of its own, since a notebook's own thread has a running event loop already."""
        with ThreadPoolExecutor(1, "load") as pool:
            try:
                pool.submit(asyncio.run, sending).result()
            finally:
                self.stopped = True  # where the reader interrupts it, nothing more is sent
        columns = ["place", "due_s", "started_s", "done_s", "status", "bytes", "error", "body"]
        rows = pd.DataFrame(self.rows, columns=columns).sort_values("place", ignore_index=True)
        rows.insert(4, "latency_s", rows["done_s"] - rows["due_s"])
        return Load(rows.drop(columns=["place"] if self.keep_bodies else ["place", "body"]))

    async def by_the_clock(self, due: Floats, most_open: int) -> None:
        """Start each request at its moment, whatever has become of the others."""
        line, clock = Line(self.address), asyncio.get_running_loop().time
        opened: set[asyncio.Task[None]] = set()
        self.begin = clock()
        for place, moment in enumerate(due.tolist()):
            await asyncio.sleep(max(0.0, self.begin + moment - clock()))  # 0 lets the others work where it is late
            if self.stopped:
                break
            if len(opened) >= most_open:
                now = clock() - self.begin
                self.rows.append((place, moment, now, now, 0, 0, "not sent", None))
                continue
            task = asyncio.create_task(self._one(line, place, moment))
            opened.add(task)
            task.add_done_callback(opened.discard)
        if opened:
            await asyncio.gather(*opened)
        line.close()

    async def in_turn(self, requests: int, clients: int) -> None:
        """Each client sends when it has its answer, until all requests are spent."""
        line, left = Line(self.address), iter(range(requests))
        self.begin = asyncio.get_running_loop().time()

        async def client() -> None:
            for place in left:
                if self.stopped:
                    break
                await self._one(line, place, None)

        await asyncio.gather(*(client() for _ in range(min(clients, requests))))
        line.close()

    async def _one(self, line: Line, place: int, due: float | None) -> None:
        clock = asyncio.get_running_loop().time
        started = clock() - self.begin
        moment = started if due is None else due
        status, answer, error = 0, b"", ""
        try:
            async with asyncio.timeout_at(self.begin + moment + self.timeout_s):
                status, answer = await line.exchange(self.bodies[place % len(self.bodies)])
            error = str(status) if status >= 400 else ""
        except TimeoutError:
            error = "timeout"
        except OSError:
            error = "no connection"
        except Unreadable:
            error = "unreadable"
        done, kept = clock() - self.begin, answer if self.keep_bodies else None
        self.rows.append((place, moment, started, done, status, len(answer), error, kept))
