"""Tails: requests that ask many servers and wait for the slowest, and what is done about it."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from mlsd_lib.capacity._checks import amount, share, whole
from mlsd_lib.capacity.units import TIME, Quantity
from mlsd_lib.worlds import chance

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Server:
    """A server that is quick as a rule and now and then stalls.

    Attributes:
        usual: Mean of its exponential response time, as a time.
        stall: What a stall adds, as a time.
        stall_share: Share of calls that meet a stall, independently.

    Raises:
        ValueError: If an argument is out of range or has the wrong unit.

    Source: [dean2013tail]. Chapter: Scale and latency.

    >>> from mlsd_lib.capacity.units import ms, second
    >>> Server(usual=2 * ms, stall=1 * second, stall_share=0.01)
    Server(usual=2 ms, stall=1 s, stall_share=0.01)
    """

    usual: Quantity
    stall: Quantity
    stall_share: float

    def __post_init__(self) -> None:
        amount("usual", self.usual, TIME)
        amount("stall", self.stall, TIME)
        share("stall_share", self.stall_share)

    def calls_ms(self, seed: int, copy: str, request: npt.ArrayLike, shard: npt.ArrayLike) -> Floats:
        """The response times of calls: the same call of the same copy takes the same time whenever it is asked for.

        Args:
            seed: Seed of the draws.
            copy: Which copy of the call, such as "first".
            request: Numbers of requests.
            shard: Numbers of servers, broadcast against `request`.

        Returns:
            Times in ms, float64, of the broadcast shape.

        Chapter: Scale and latency.

        >>> from mlsd_lib.capacity.units import ms, second
        >>> server = Server(usual=2 * ms, stall=1 * second, stall_share=0.01)
        >>> many = server.calls_ms(0, "first", [[3], [4]], range(100))
        >>> many.shape, bool(many[1, 7] == server.calls_ms(0, "first", 4, 7))
        ((2, 100), True)
        """
        usual = self.usual.value * chance.exponential(seed, f"usual, {copy}", request, shard)
        stalled = chance.uniform(seed, f"stall, {copy}", request, shard) < self.stall_share
        return 1_000 * np.asarray(usual + self.stall.value * stalled)


@dataclass(frozen=True)
class FanOut:
    """What requests that ask many servers met.

    Attributes:
        latency_ms: How long each request took, float64 (requests,).
        extra_load_share: Second copies sent, as a share of first ones, for each request, float64 (requests,).

    Chapter: Scale and latency.
    """

    latency_ms: Floats
    extra_load_share: Floats


def fan_out(
    server: Server,
    *,
    width: int,
    requests: int,
    seed: int,
    hedge_after: Quantity | None = None,
    skip_slowest: int = 0,
    at_once: int = 1_000_000,
) -> FanOut:
    """Requests that each ask `width` servers and wait for all of them, or for nearly all.

    Args:
        server: How each of the servers behaves, independently of the others.
        width: How many servers a request asks; at least 1.
        requests: How many requests to simulate; at least 1.
        seed: Seed of the draws.
        hedge_after: Ask a second server where the first has not answered after this time, and take the faster answer.
        skip_slowest: How many of the slowest answers a request does without; below `width`.
        at_once: Calls drawn at once. Memory grows with it, results do not change.

    Returns:
        Latency and extra load of every request.

    Raises:
        ValueError: If an argument is out of range or has the wrong unit.

    Source: [dean2013tail]. Chapter: Scale and latency.

    >>> from mlsd_lib.capacity.units import ms, second
    >>> server = Server(usual=2 * ms, stall=1 * second, stall_share=0.01)
    >>> run = fan_out(server, width=100, requests=10_000, seed=0)
    >>> bool(abs((run.latency_ms >= 1_000).mean() - 0.634) < 0.02)
    True
    """
    asked, waited_for = whole("width", width), whole("width", width) - whole("skip_slowest", skip_slowest, least=0)
    if waited_for < 1:
        raise ValueError(f"skip_slowest is {skip_slowest}, and a request asks {asked}; it must wait for at least one.")
    after_ms = None if hedge_after is None else 1_000 * amount("hedge_after", hedge_after, TIME, zero=True)
    latency = np.empty(whole("requests", requests))
    extra = np.zeros(len(latency))
    step, shards = max(1, whole("at_once", at_once) // asked), np.arange(asked)
    for start in range(0, len(latency), step):
        block = slice(start, min(start + step, len(latency)))
        ids = np.arange(block.start, block.stop)[:, None]
        calls = server.calls_ms(seed, "first", ids, shards)
        if after_ms is not None:
            row, shard = np.nonzero(calls > after_ms)
            second_copy = after_ms + server.calls_ms(seed, "second", ids[row, 0], shards[shard])
            calls[row, shard] = np.minimum(calls[row, shard], second_copy)
            extra[block] = np.bincount(row, minlength=len(ids)) / asked
        latency[block] = np.partition(calls, waited_for - 1, axis=1)[:, waited_for - 1]
    return FanOut(latency, extra)


def compare(runs: Mapping[Hashable, FanOut], *, slow: Quantity) -> pd.DataFrame:
    """What several runs met, side by side.

    Args:
        runs: Runs by name.
        slow: From which latency on a request counts as slow.

    Returns:
        One row a run: `median_ms`, `p99_ms`, `p999_ms` (the 99.9th percentile), `slow_share`, `extra_load_share`.

    Raises:
        ValueError: If there is no run, or `slow` is out of range or has the wrong unit.

    Chapter: Scale and latency.

    >>> from mlsd_lib.capacity.units import ms, second
    >>> server = Server(usual=2 * ms, stall=1 * second, stall_share=0.01)
    >>> runs = {width: fan_out(server, width=width, requests=2_000, seed=0) for width in (1, 100)}
    >>> compare(runs, slow=1 * second).columns.tolist()
    ['median_ms', 'p99_ms', 'p999_ms', 'slow_share', 'extra_load_share']
    """
    limit = 1_000 * amount("slow", slow, TIME)
    if not runs:
        raise ValueError("compare: no run. Name at least one, such as {'wait for all': fan_out(...)}.")
    rows = [
        (
            *np.quantile(run.latency_ms, [0.5, 0.99, 0.999]),
            np.mean(run.latency_ms >= limit),
            run.extra_load_share.mean(),
        )
        for run in runs.values()
    ]
    columns = ["median_ms", "p99_ms", "p999_ms", "slow_share", "extra_load_share"]
    return pd.DataFrame(rows, columns=columns, index=pd.Index(list(runs)))
