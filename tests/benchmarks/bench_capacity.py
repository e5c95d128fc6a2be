"""How fast queues and fan-outs are simulated, and how near the simulation comes to the formulas."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

import numpy as np

from mlsd_lib.capacity import formulas, simulate
from mlsd_lib.capacity.units import ms, second
from tests.benchmarks.row import Row

T = TypeVar("T")
REQUESTS, WIDTH, ASKED = 2_000_000, 100, 100_000


def bench_capacity() -> Sequence[Row]:
    """Two million requests at one and at ten servers, and ten million calls of a hedged fan-out."""
    rows: list[Row] = []
    for servers in (1, 10):
        rate, name = 0.9 * servers / ms, f"queue, {servers} server{'s' if servers > 1 else ''}, 90 % busy"
        spent, run = _timed(partial(simulate.queue, rate, 1 * ms, servers=servers, requests=REQUESTS, seed=0))
        exact = formulas.queue(rate, 1 * ms, servers=servers).mean_response.to(ms)
        rows += [
            Row(f"{name}: simulated", REQUESTS / spent / 1e6, "million requests/s"),
            Row(f"{name}: mean response", run.response_ms.mean() / exact, "ratio", "simulated over formula"),
        ]
    server = simulate.Server(usual=2 * ms, stall=1 * second, stall_share=0.001)
    spent, hedged = _timed(partial(simulate.fan_out, server, width=WIDTH, requests=ASKED, seed=0, hedge_after=10 * ms))
    late = 0.001 + 0.999 * float(np.exp(-5))
    rows += [
        Row("hedged fan-out: simulated", WIDTH * ASKED / spent / 1e6, "million calls/s"),
        Row("hedged fan-out: extra load", hedged.extra_load_share.mean() / late, "ratio", "simulated over formula"),
    ]
    return rows


def _timed(work: Callable[[], T]) -> tuple[float, T]:
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result
