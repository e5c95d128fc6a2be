"""A search engine that is not one: pages made from the truth and some noise, fast enough for a million users."""

from __future__ import annotations

import numpy as np
import pandas as pd

from mlsd_lib.architecture import Array
from mlsd_lib.worlds import chance
from mlsd_lib.worlds.search import checks
from mlsd_lib.worlds.search.world import SearchWorld


class StandIn:
    """An engine of a given skill that answers each need with one page, whatever the words.

    It stands in where an experiment is the subject and the engine is not: it knows the truth, so nothing can be learned
    from how it does its work.

    Args:
        world: Whose needs it answers.
        skill: How much a grade counts beside the noise; 0 orders at random, at 3 nearly nothing is out of place.
        fails: Share of the requests that it does not understand and takes for another need.
        show: How many documents it shows.
        chaff: How many documents that answer nothing compete with those that do.
        seed: Seed of the noise; two engines of one seed make the same mistakes where their skills allow it.

    Raises:
        ValueError: If a setting is out of range.

    Chapter: Online evaluation.

    >>> world = SearchWorld(documents=500)
    >>> requests = world.requests(world.users(100), n=200, day=0)
    >>> found = {}
    >>> for skill in (0.0, 2.0):
    ...     log = world.respond(requests, StandIn(world, skill).run(requests))
    ...     found[skill] = (world.sessions(requests, log)["outcome"] == "satisfied").mean().round(2).item()
    >>> found
    {0.0: 0.14, 2.0: 0.61}
    """

    def __init__(
        self, world: SearchWorld, skill: float, *, fails: float = 0.1, show: int = 10, chaff: int = 20, seed: int = 0
    ) -> None:
        if not checks.is_number(skill) or not 0 <= skill < np.inf:
            raise ValueError(f"StandIn: skill is {skill!r}; expected a finite number of at least 0.")
        checks.probability("StandIn", "fails", fails)
        checks.whole("StandIn", "show", show, 1, 100)
        checks.whole("StandIn", "chaff", chaff, 0, 400)
        oracle = world.oracle("ranker")
        self._people, self._grader = oracle.people, oracle.grader
        self._ids = world.documents["doc_id"].to_numpy()
        self.skill, self.fails, self.show, self.chaff, self.seed = float(skill), float(fails), show, chaff, seed
        needs = self._people.web.plan.topics + len(self._people.web.names)
        self._known = np.zeros(needs, dtype=bool)
        self._pages = np.zeros((needs, show), dtype=np.int32)

    def run(self, requests: pd.DataFrame) -> pd.DataFrame:
        """A page for each request: `request_id, position, doc_id`."""
        request = checks.requests(requests)["request_id"].to_numpy()
        need = self._people.needs(request)
        lost = chance.uniform(self.seed, "not understood", request) < self.fails
        other = chance.uniform(self.seed, "taken for", request[lost]) * len(self._known)
        need[lost] = other.astype(np.int64)
        self._learn(np.unique(need))
        return pd.DataFrame(
            {
                "request_id": np.repeat(request, self.show),
                "position": np.tile(np.arange(1, self.show + 1), len(request)),
                "doc_id": self._ids[self._pages[need].ravel()],
            }
        )

    def _learn(self, needs: Array) -> None:
        """Make the pages of needs that were not met before."""
        new = needs[~self._known[needs]]
        if not len(new):
            return
        place, doc, grade = self._grader.relevant(new)
        others = self.show + self.chaff  # spread over the web, so that they are different ones
        start = (chance.uniform(self.seed, "chaff", new) * len(self._ids)).astype(np.int64)
        other = (start[:, None] + np.arange(others) * (len(self._ids) // others)) % len(self._ids)
        place = np.concatenate([place, np.repeat(np.arange(len(new)), others)])
        doc = np.concatenate([doc, other.ravel()])
        grade = np.concatenate([grade, np.zeros(other.size)])
        _, first = np.unique(place * len(self._ids) + doc, return_index=True)  # of a pair found twice the graded one
        place, doc, grade = place[first], doc[first], grade[first]
        score = self.skill * grade + chance.normal(self.seed, "stand-in", new[place], doc)
        order = np.lexsort((-score, place))
        nth = np.arange(len(order)) - np.searchsorted(place, place)
        top = order[nth < self.show]
        self._pages[new] = doc[top].reshape(len(new), self.show)
        self._known[new] = True
