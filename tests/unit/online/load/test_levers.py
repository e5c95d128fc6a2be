"""What the chapter "Online execution" concludes from ratios of times, asserted with a margin on the engine itself."""

from __future__ import annotations

from time import process_time

import numpy as np
import pytest

from mlsd_lib.systems import search
from mlsd_lib.worlds.search import SearchWorld


@pytest.fixture(scope="module")
def world():
    return SearchWorld(seed=0, documents=1_000)


@pytest.fixture(scope="module")
def requests(world):
    return world.requests(world.users(500, seed=1), n=64, day=0, seed=2)


def fastest_of_three(work):
    """Processor time of this process, the least of three runs: others on the machine only add to it."""
    taken = []
    for _ in range(3):
        begin = process_time()
        work()
        taken.append(process_time() - begin)
    return min(taken)


def test_a_batch_does_a_request_with_less_work_than_single_requests_do(world, requests):
    engine = search.with_features(search.fit(world.documents))
    singles = [requests.iloc[[place]] for place in range(len(requests))]
    engine.run(requests)
    alone = fastest_of_three(lambda: [engine.run(one) for one in singles])
    together = fastest_of_three(lambda: engine.run(requests))
    assert alone / together > 1.5  # measured: four to six


def test_a_smaller_model_does_less_work_than_one_that_looks_at_features(world, requests):
    small = search.fit(world.documents)
    large = search.with_features(small)
    large.run(requests)
    assert fastest_of_three(lambda: large.run(requests)) / fastest_of_three(lambda: small.run(requests)) > 1.15


def test_both_give_the_same_answers(world, requests):
    engine = search.fit(world.documents)
    together = engine.run(requests)
    alone = [engine.run(requests.iloc[[place]])["doc_id"].to_numpy() for place in range(len(requests))]
    assert together["doc_id"].tolist() == np.concatenate(alone).tolist()
