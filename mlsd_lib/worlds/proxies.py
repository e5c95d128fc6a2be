"""A world of searchers, in which worse results make people search more, click more ads, and stay away later.

It is the smallest world in which a proxy rises while the goal falls. A searcher has tasks. A result page solves the
task or does not; a searcher who is not helped tries again, or gives up, and is likelier to click an ad. Somebody who is
let down more than once in a week may not come back.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import poisson

from mlsd_lib.worlds import chance


@dataclass(frozen=True)
class SearcherWorld:
    """People with things to look up, and a search engine that may be broken for a share of their queries.

    Attributes:
        seed: Seed of everything that is drawn.
        tasks_per_week: Mean number of tasks of an average user in a week; users differ by a factor of about two.
        solves: Probability that a page of good results solves the task.
        solves_poor: The same for a page of very poor results.
        tries_again: Probability of another query after a page that did not help.
        most_tries: Queries after which a task is given up in any case; at least 1.
        ad_if_solved: Probability of an ad click on a page that solved the task.
        ad_if_not: The same on a page that did not.
        leaves: Probability of not coming back, for each failed task of a week after the first.

    Raises:
        ValueError: If a probability is outside [0, 1], or a number is not positive.

    Source: [kohavi2012puzzling] for the case it imitates. Chapter: Set up the problem.

    >>> world = SearcherWorld(seed=0)
    >>> world.run(users=5, poor=0.0, weeks=1).columns.tolist()
    ['user_id', 'week', 'tasks', 'queries', 'ad_clicks', 'solved', 'returns']
    """

    seed: int = 0
    tasks_per_week: float = 6.0
    solves: float = 0.70
    solves_poor: float = 0.20
    tries_again: float = 0.70
    most_tries: int = 6
    ad_if_solved: float = 0.02
    ad_if_not: float = 0.12
    leaves: float = 0.10

    def __post_init__(self) -> None:
        for name in ("solves", "solves_poor", "tries_again", "ad_if_solved", "ad_if_not", "leaves"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"SearcherWorld: {name} is {getattr(self, name)}, and a probability lies in [0, 1].")
        if self.tasks_per_week <= 0 or self.most_tries < 1:
            raise ValueError(
                f"SearcherWorld: tasks_per_week={self.tasks_per_week}, most_tries={self.most_tries}. "
                "Both must be positive."
            )

    def run(self, users: int, *, poor: float, weeks: int) -> pd.DataFrame:
        """Follow a group of people for some weeks. Nobody joins it; who leaves does not come back.

        The draws for a user, a week, a task and a try are the same whatever `poor` is, so the same people meet the same
        luck with a healthy and with a broken ranker.

        Args:
            users: People in the first week; at least 1.
            poor: Share of queries that get very poor results, in [0, 1]; 0 is a healthy engine.
            weeks: Weeks to follow them; at least 1.

        Returns:
            One row a user and week in which the user is still there: `user_id`, `week` (from 1), `tasks`, `queries`,
            `ad_clicks`, `solved` (tasks that ended with an answer) and `returns` (1 if the user comes back next week).

        Raises:
            ValueError: If an argument is out of range.

        Chapter: Set up the problem.
        """
        if users < 1 or weeks < 1 or not 0 <= poor <= 1:
            raise ValueError(
                f"SearcherWorld.run: users={users}, weeks={weeks}, poor={poor}; expected ≥ 1, ≥ 1 and [0, 1]."
            )
        there = np.arange(users)
        table = []
        for week in range(1, weeks + 1):
            table.append(self._week(there, week, poor))
            there = there[table[-1]["returns"].to_numpy() == 1]
        return pd.concat(table, ignore_index=True)

    def _week(self, users: npt.NDArray[np.int64], week: int, poor: float) -> pd.DataFrame:
        rate = self.tasks_per_week * np.exp(0.6 * chance.normal(self.seed, "activity", users) - 0.18)
        tasks = poisson.ppf(chance.uniform(self.seed, "tasks", users, week), rate).astype(int)

        owner = np.repeat(np.arange(len(users)), tasks)
        number = np.arange(len(owner)) - np.repeat(np.cumsum(tasks) - tasks, tasks)
        solved = np.zeros(len(owner), dtype=bool)
        queries, ads = np.zeros(len(owner), dtype=int), np.zeros(len(owner), dtype=int)
        open_ = np.arange(len(owner))
        for attempt in range(self.most_tries):
            key = (users[owner[open_]], week, number[open_], attempt)
            helped = np.where(chance.uniform(self.seed, "poor", *key) < poor, self.solves_poor, self.solves)
            solved[open_] = chance.uniform(self.seed, "solves", *key) < helped
            ad = np.where(solved[open_], self.ad_if_solved, self.ad_if_not)
            ads[open_] += chance.uniform(self.seed, "ad", *key) < ad
            queries[open_] += 1
            again = ~solved[open_] & (chance.uniform(self.seed, "again", *key) < self.tries_again)
            open_ = open_[again]

        def total(values: npt.NDArray[np.generic]) -> npt.NDArray[np.int64]:
            return np.bincount(owner, weights=values, minlength=len(users)).astype(np.int64)

        failures = tasks - total(solved)
        stays = (1 - self.leaves) ** np.maximum(failures - 1, 0)
        return pd.DataFrame(
            {
                "user_id": users,
                "week": week,
                "tasks": tasks,
                "queries": total(queries),
                "ad_clicks": total(ads),
                "solved": total(solved),
                "returns": (chance.uniform(self.seed, "returns", users, week) < stays).astype(int),
            }
        )
