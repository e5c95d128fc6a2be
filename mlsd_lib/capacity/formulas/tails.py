"""Tails: what one slow server in a hundred does to a request that asks a hundred, and what a second copy mends."""

from __future__ import annotations

import math
from dataclasses import dataclass

from mlsd_lib.capacity._checks import Table, inner_share, share, whole


@dataclass(frozen=True, repr=False)
class Hedged(Table):
    """What hedging leaves and what it costs.

    Attributes:
        slow_share_each: Share of calls to one server that stay slow: both copies were.
        slow_share: Share of requests that wait for at least one slow call.
        extra_load_share: Second copies sent, as a share of the calls without hedging.

    Chapter: Scale and latency.
    """

    slow_share_each: float
    slow_share: float
    extra_load_share: float


def fan_out_slow_share(slow_share_each: float, fan_out: int) -> float:
    """Share of requests that are slow when each waits for all of several servers.

    Args:
        slow_share_each: Share of calls to one server that are slow, independently of the others.
        fan_out: How many servers a request asks; at least 1.

    Returns:
        `1 - (1 - slow_share_each) ** fan_out`, exact for tiny shares, too.

    Raises:
        ValueError: If a share is outside [0, 1] or `fan_out` is not a whole number of at least 1.

    Source: [dean2013tail]. Chapter: Scale and latency.

    >>> round(fan_out_slow_share(0.01, 100), 3)
    0.634
    """
    each, width = share("slow_share_each", slow_share_each), whole("fan_out", fan_out)
    return 1.0 if each == 1 else -math.expm1(width * math.log1p(-each))


def slow_share_allowed(slow_share: float, fan_out: int) -> float:
    """How seldom a single server must be slow, so that few enough requests are.

    Args:
        slow_share: Share of requests that may be slow.
        fan_out: How many servers a request asks; at least 1.

    Returns:
        The share of slow calls that each server may have: the inverse of `fan_out_slow_share`.

    Raises:
        ValueError: If a share is outside [0, 1] or `fan_out` is not a whole number of at least 1.

    Source: [dean2013tail]. Chapter: Scale and latency.

    >>> round(slow_share_allowed(0.01, 100), 6)
    0.0001
    """
    slow, width = share("slow_share", slow_share), whole("fan_out", fan_out)
    return 1.0 if slow == 1 else -math.expm1(math.log1p(-slow) / width)


def level_of_each(level: float, fan_out: int) -> float:
    """Which percentile of a single server decides a percentile of the requests that ask several.

    Args:
        level: Percentile of the requests, as a share: 0.5 for the median.
        fan_out: How many servers a request asks; at least 1.

    Returns:
        The percentile of each server, as a share.

    Raises:
        ValueError: If `level` is not strictly between 0 and 1, or `fan_out` is not a whole number of at least 1.

    Source: [dean2013tail]. Chapter: Scale and latency.

    >>> round(level_of_each(0.5, 100), 4)
    0.9931
    """
    return 1 - slow_share_allowed(1 - inner_share("level", level), fan_out)


def hedged(*, slow_share_each: float, late_share: float, fan_out: int = 1) -> Hedged:
    """Hedging: ask a second server where the first has not answered after a while, and take the faster answer.

    Args:
        slow_share_each: Share of calls that are slow; the second copy is slow independently of the first.
        late_share: Share of calls that have not answered when the second copy is sent; at least `slow_share_each`.
        fan_out: How many servers a request asks; at least 1.

    Returns:
        What stays slow, for a call and for a request, and the extra load.

    Raises:
        ValueError: If a share is outside [0, 1], slow calls exceed late ones, or `fan_out` is not a whole number.

    Source: [dean2013tail]. Chapter: Scale and latency.

    >>> hedged(slow_share_each=0.001, late_share=0.008, fan_out=100)
    Hedged
      slow share each   0.00 %
      slow share        0.01 %
      extra load share  0.80 %
    """
    slow, late = share("slow_share_each", slow_share_each), share("late_share", late_share)
    if slow > late:
        raise ValueError(
            f"late_share is {late_share!r}, below slow_share_each={slow_share_each!r}: a slow call is late as well, "
            "unless the second copy is sent only after the slow ones have answered, which mends nothing."
        )
    return Hedged(slow**2, fan_out_slow_share(slow**2, fan_out), late)
