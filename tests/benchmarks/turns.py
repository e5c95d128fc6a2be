"""Timing of several ways to do the same, in turns, so that a busy moment of the machine meets all of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any


def in_turns(
    ways: Mapping[str, Callable[[], Any]], rounds: int, *, fewer: Callable[[str], int | None] = lambda name: None
) -> dict[str, list[float]]:
    """Processor seconds of each way in each round; every second round goes backwards.

    Args:
        ways: What to time, by name.
        rounds: How many rounds.
        fewer: How many rounds a slow way gets; None for all.

    Returns:
        For each way a number a round.
    """
    spent: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(rounds):
        for name in list(ways) if turn % 2 == 0 else reversed(list(ways)):
            most = fewer(name)
            if most is None or turn < most:
                begin = time.process_time()
                ways[name]()
                spent[name].append(time.process_time() - begin)
    return spent
