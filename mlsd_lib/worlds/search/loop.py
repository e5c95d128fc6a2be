"""The closed loop: people ask, a system answers, those who did not find ask again."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import pandas as pd

from mlsd_lib.worlds.search import checks
from mlsd_lib.worlds.search.world import SearchWorld


class Engine(Protocol):
    """Whatever turns a frame of requests into what is shown, such as a System.

    Chapter: Search.
    """

    def run(self, requests: pd.DataFrame) -> pd.DataFrame:
        """A frame with `request_id, position, doc_id` for a frame of requests."""
        ...


def visit(
    world: SearchWorld,
    system: Engine,
    requests: pd.DataFrame,
    seed: int = 0,
    rounds: int = 3,
    *,
    curiosity: pd.Series[float] | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Let a system answer requests, and the follow-up requests of those who search again.

    Args:
        world: Where the people live.
        system: What answers, by its `run`.
        requests: First requests, as `world.requests` made them.
        seed: Seed of the answers.
        rounds: How often a person asks at most; 1 to 10.
        curiosity: As for `SearchWorld.respond`.

    Returns:
        All requests, and the log of all answers, round by round.

    Raises:
        ValueError: If `rounds` is out of range or a table is unsound.

    Chapter: Search.

    >>> class Popular:
    ...     def run(self, requests):
    ...         return requests[["request_id"]].assign(position=1, doc_id=1001)
    >>> world = SearchWorld(documents=500)
    >>> first = world.requests(world.users(20), n=30, day=0)
    >>> everything, log = visit(world, Popular(), first)
    >>> len(everything) > 30, everything.session_id.nunique(), len(log) == len(everything)
    (True, 30, True)
    """
    checks.whole("visit", "rounds", rounds, 1, 10)
    asked, logs = [requests], []
    for number in range(rounds):
        logs.append(world.respond(asked[-1], system.run(asked[-1]), seed, curiosity=curiosity))
        if number == rounds - 1:
            break
        follow_up = world.again(asked[-1], logs[-1], seed)
        if follow_up.empty:
            break
        asked.append(follow_up)
    return pd.concat(asked, ignore_index=True), pd.concat(logs, ignore_index=True)


def possible(world: SearchWorld, requests: pd.DataFrame, rounds: int = 3) -> pd.DataFrame:
    """All requests that could come of some first ones, whatever is shown: what to prepare for many engines at once.

    Args:
        world: Where the people live.
        requests: First requests, as `world.requests` made them.
        rounds: How often a person asks at most; 1 to 10.

    Returns:
        The requests, and the follow-ups of people to whom nothing is shown.

    Raises:
        ValueError: As `visit`.

    Chapter: Online evaluation.

    >>> world = SearchWorld(documents=500)
    >>> first = world.requests(world.users(20), n=30, day=0)
    >>> len(possible(world, first))
    68
    """
    return visit(world, _Nothing(), requests, rounds=rounds)[0]


class _Nothing:
    def run(self, requests: pd.DataFrame) -> pd.DataFrame:
        empty = np.empty(0, dtype=np.int64)
        return pd.DataFrame({"request_id": empty, "position": empty, "doc_id": empty})
