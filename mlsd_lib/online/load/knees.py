"""The knee: the highest rate at which a service still keeps its promise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import pandas as pd

from mlsd_lib.online.load.checks import above, bounded
from mlsd_lib.online.load.sending import arrivals, send


@dataclass(frozen=True)
class Knee:
    """Up to which rate a service keeps its promise.

    Attributes:
        rate: The highest rate tried at which it did, in requests a second, all lower ones tried included; 0 where it
            broke at the first.
        broke: Whether a higher one was tried, and broke it; if not, the knee lies somewhere above `rate`.
        steps: A row a rate, in the order tried: `wanted` and the columns of `Load.summary`, and `kept`, whether the
            promise was.

    Chapter: Online execution.
    """

    rate: float
    broke: bool
    steps: pd.DataFrame


def knee(
    url: str,
    bodies: Sequence[bytes],
    *,
    rates: Sequence[float],
    seconds: float,
    within_s: float,
    level: float = 0.99,
    seed: int = 0,
    timeout_s: float = 5.0,
    most_open: int = 500,
    anywhere: bool = False,
) -> Knee:
    """Raise the rate step by step until the service breaks its promise on latency.

    Args:
        url: Where to; on this machine, unless `anywhere` is set.
        bodies: What to POST, in turn and from the front again.
        rates: The rates to try, in requests a second, increasing; it stops at the first that breaks the promise.
        seconds: How long to hold each.
        within_s: The promise: at most this many seconds at the percentile. A failed request counts as slower, so more
            failures than `1 - level` break it, too.
        level: Which percentile, as a share.
        seed: Seed of the arrivals.
        timeout_s: When a request is given up, in seconds after it was due.
        most_open: How many requests may be open at once.
        anywhere: Whether `url` may be on another machine.

    Returns:
        The knee and the steps that led to it.

    Raises:
        ValueError: If the rates do not increase, or an argument is out of range.

    Chapter: Online execution.
    """
    tried = [above("rates", rate) for rate in rates]
    if not tried or any(after <= before for before, after in pairwise(tried)):
        raise ValueError(f"load: rates is {list(rates)!r}, and increasing numbers above 0 were expected.")
    bounded(sum(tried) * seconds, len(tried) * above("seconds", seconds))
    steps, best, broke = [], 0.0, False
    for rate in tried:
        due = arrivals(rate, seconds, seed)
        found = send(url, bodies, due, timeout_s=timeout_s, most_open=most_open, anywhere=anywhere)
        kept = found.percentile(level) <= within_s
        steps.append({"wanted": rate, **found.summary(), "kept": kept})
        if not kept:
            broke = True
            break
        best = rate
    return Knee(best, broke, pd.DataFrame(steps))
