"""What is true: grades, intended queries, components that know them, and people who judge with some skill."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from mlsd_lib.architecture import Array, Batch, State
from mlsd_lib.worlds import chance
from mlsd_lib.worlds.search import checks
from mlsd_lib.worlds.search.people import INTENTS, People
from mlsd_lib.worlds.search.web import Web

HIGHEST = 3
ORACLES = ("rewriter", "understanding", "selection", "ranker")
_AT_ONCE = 200_000  # pairs of a need and a document that are graded at a time


@dataclass(frozen=True)
class Truth:
    """What is true of requests. For judging only: no model may see it.

    Attributes:
        requests: A row a request: `request_id`, `query_id` (the need: what, and for local intent where), `query` (as
            intended), `intent`, `place` (where the need is; "" where the intent is not local).
        judgments: Every pair above zero: `query_id, doc_id, grade` (1, 2 or 3).

    Chapter: Search.
    """

    requests: pd.DataFrame
    judgments: pd.DataFrame


class Grader:
    """Grades of documents for needs.

    Args:
        seed: Seed of the world.
        web: The documents.

    Chapter: Search.
    """

    def __init__(self, seed: int, web: Web) -> None:
        self._seed = seed
        self._web = web
        self._of_topic = _Lists(web.topic, web.plan.topics)
        self._of_entity = _Lists(web.entity, len(web.names))

    def grade(self, need: Array, doc: Array) -> Array:
        """The grade of each pair.

        Args:
            need: Needs (query ids), of shape (pairs,).
            doc: Rows of documents, of shape (pairs,).

        Returns:
            0 to 3, as int8.
        """
        grades = np.zeros(len(need), dtype=np.int8)
        topics = self._web.plan.topics
        named = need >= topics
        hit = np.where(named, self._web.entity[doc] == need - topics, self._web.topic[doc] == need)
        akin = ~hit & ~named
        akin &= self._web.topic[doc] == self._web.plan.akin(np.where(named, 0, need))
        some = np.flatnonzero(hit | akin)
        if len(some):
            own, what = doc[some], need[some]
            worth = 0.8 * self._web.quality[own] + 0.6 * chance.normal(self._seed, "worth", what, own)
            full = 1 + (worth > -0.3) + (worth > 0.8)
            full = np.where(named[some], np.where(self._web.official[own], 3, 1 + (worth > 0)), full)
            grades[some] = np.where(akin[some], worth > 0.5, full)
        return grades

    def relevant(self, need: Array) -> tuple[Array, Array, Array]:
        """All documents with a grade above zero.

        Args:
            need: Needs, of shape (needs,); may repeat.

        Returns:
            Place in `need`, row of the document, and grade, ordered by place and row.
        """
        topics = self._web.plan.topics
        named = need >= topics
        plain = np.flatnonzero(~named)
        parts = [
            self._of_topic.of(need, plain),
            self._of_topic.of(self._web.plan.akin(np.where(named, 0, need)), plain),
            self._of_entity.of(need - topics, np.flatnonzero(named)),
        ]
        place, doc = (np.concatenate(side) for side in zip(*parts, strict=True))
        order = np.lexsort((doc, place))
        place, doc = place[order], doc[order]
        grade = np.concatenate(
            [np.empty(0, dtype=np.int8)]
            + [
                self.grade(need[place[start : start + _AT_ONCE]], doc[start : start + _AT_ONCE])
                for start in range(0, len(place), _AT_ONCE)
            ]
        )
        good = grade > 0
        return place[good], doc[good], grade[good]


class _Lists:
    """Which documents belong to each of some groups."""

    def __init__(self, group: Array, groups: int) -> None:
        self._docs = np.argsort(group, kind="stable")[np.count_nonzero(group < 0) :]
        self._starts = np.concatenate([[0], np.cumsum(np.bincount(group[group >= 0], minlength=groups))])

    def of(self, group: Array, places: Array) -> tuple[Array, Array]:
        """The places, repeated, and the documents of their groups."""
        own = group[places]
        counts = self._starts[own + 1] - self._starts[own]
        step = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        return np.repeat(places, counts), self._docs[np.repeat(self._starts[own], counts) + step]


@dataclass(frozen=True, eq=False)
class Oracle:
    """A component of a search system that knows the truth; it reads the requests' ids.

    Attributes:
        name: Which component it stands for.
        people: Who asked.
        grader: What is relevant.

    Chapter: Search.
    """

    name: str
    people: People = field(repr=False)
    grader: Grader = field(repr=False)

    def __call__(self, batch: Batch) -> Batch:
        """Pass a batch on with what the best possible component of this name would add."""
        request = batch.requests["request_id"]
        asked = self.people.asked(checks.request_ids(request, "requests"))
        if self.name == "rewriter":
            return Batch({**batch.requests, "rewritten": asked.intended}, batch.items)
        if self.name == "understanding":
            sure = (asked.intent[:, None] == np.arange(len(INTENTS))).astype(np.float64)
            near = self.people.place_names(asked.town)
            return Batch({**batch.requests, "intent": sure, "near": near}, batch.items)
        if self.name == "selection":
            row, doc, _ = self.grader.relevant(asked.need)
            ids = self.people.web.documents["doc_id"].to_numpy()
            return Batch(batch.requests, {"row": row, "doc_id": ids[doc], "score": np.ones(len(row))})
        doc = self.people.web.rows(batch.items["doc_id"])
        score = self.grader.grade(asked.need[batch.row], doc).astype(np.float64)
        order = np.lexsort((-score, batch.row))
        return Batch(batch.requests, {**{k: v[order] for k, v in batch.items.items()}, "score": score[order]})

    def state(self) -> State:
        """Nothing is learned, and the truth is not to be saved."""
        return State(json={"oracle": self.name, "seed": self.people.seed})


def misjudged(seed: int, run: int, query: Array, doc: Array, grade: Array, skill: float) -> Array:
    """Grades as people of some skill give them.

    Args:
        seed: Seed of the world.
        run: Seed of the judging.
        query: Needs, of shape (pairs,).
        doc: Rows of documents.
        grade: True grades.
        skill: Probability of a right grade.

    Returns:
        Right grades with probability `skill`; else mostly one off, one time in five two off where the scale allows.
    """
    wrong = chance.uniform(seed, "judge errs", run, query, doc) >= skill
    far = 1 + (chance.uniform(seed, "judge how far", run, query, doc) < 0.2)
    up = chance.uniform(seed, "judge direction", run, query, doc) < 0.5
    up = np.where(grade - far < 0, True, np.where(grade + far > HIGHEST, False, up))
    return np.where(wrong, grade + np.where(up, far, -far), grade).astype(np.int64)
