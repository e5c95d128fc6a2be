from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from mlsd_lib.architecture import System
from mlsd_lib.metrics import ranking
from mlsd_lib.systems import search
from mlsd_lib.worlds.search import SearchWorld, Truth


@dataclass(frozen=True)
class Lesson:
    """Requests to learn from, and requests of other needs to be judged on."""

    world: SearchWorld
    asked: pd.DataFrame
    queries: pd.DataFrame
    exam: pd.DataFrame
    truth: Truth

    @classmethod
    def of(cls, world: SearchWorld, *, n: int = 4_000, share: float = 0.5) -> "Lesson":
        before = world.requests(world.users(2_000, seed=1), n=n, day=3, seed=2)
        after = world.requests(world.users(1_000, seed=2), n=1_500, day=4, seed=3)
        learnt, examined = (world.truth(requests).requests["query_id"] for requests in (before, after))
        needs = np.random.default_rng(0).permutation(np.union1d(learnt, examined))
        taught = needs[: int(share * len(needs))]
        asked = before[learnt.isin(taught)].reset_index(drop=True)
        exam = after[~examined.isin(taught)].reset_index(drop=True)
        return cls(world, asked, world.queries(asked), exam, world.truth(exam))

    def ndcg(self, system: System) -> pd.Series:
        return ranking.ndcg(system.run(self.exam), self.truth.judgments, self.truth.requests, k=10)

    def judged(self, show: int = 10, skill: float = 0.8) -> pd.DataFrame:
        """Grades of what an engine without learning finds for the queries."""
        asking = self.queries.rename(columns={"query_id": "request_id", "text": "query"})
        pairs = search.fit(self.world.documents, show=show).run(asking).rename(columns={"request_id": "query_id"})
        return self.world.judge(pairs[["query_id", "doc_id"]], skill=skill, seed=5)


@pytest.fixture(scope="session")
def lesson() -> Lesson:
    return Lesson.of(SearchWorld(seed=0, documents=1_000))


@pytest.fixture(scope="session")
def world(lesson: Lesson) -> SearchWorld:
    return lesson.world


@pytest.fixture(scope="session")
def engine(world: SearchWorld) -> System:
    """By rules and BM25: nothing is learned."""
    return search.fit(world.documents)


@pytest.fixture(scope="session")
def judgments(lesson: Lesson) -> pd.DataFrame:
    return lesson.judged()


@pytest.fixture(scope="session")
def learned(lesson: Lesson, judgments: pd.DataFrame) -> System:
    return search.fit(lesson.world.documents, lesson.queries, judgments, unjudged="left out")


def ask(*queries: str, **columns: object) -> pd.DataFrame:
    return pd.DataFrame({"request_id": range(1, len(queries) + 1), "query": list(queries), **columns})
