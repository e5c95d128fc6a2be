"""What the chapters conclude from ratios of times, asserted with a margin.

Work is compared on the engine itself, in processor time. What a service does under pressure is compared behind a
component that sleeps for a known time, so that a busy machine changes little.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from time import process_time

import numpy as np
import pandas as pd
import pytest

from mlsd_lib.online import load, service
from mlsd_lib.systems import search
from mlsd_lib.worlds.search import SearchWorld
from tests.unit.online.service.helpers import Slow, behind


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


def test_fewer_candidates_are_less_work(world, requests):
    wide = search.with_features(search.fit(world.documents))
    narrow = wide.replace(selection=wide["selection"].kept(30))
    wide.run(requests)
    assert fastest_of_three(lambda: wide.run(requests)) / fastest_of_three(lambda: narrow.run(requests)) > 1.1


def test_one_core_has_room_to_spare_for_the_planned_load_of_search():
    world = SearchWorld(seed=0, documents=5_000)
    requests = world.requests(world.users(500, seed=1), n=30, day=0, seed=2)
    past = world.requests(world.users(500, seed=1), n=200, day=1, seed=2)
    rules = search.fit(world.documents)
    engine = search.with_features(search.fit(world.documents, log=world.respond(past, rules.run(past), seed=3)))
    singles = [requests.iloc[[place]] for place in range(len(requests))]
    engine.run(requests)
    alone_s = fastest_of_three(lambda: [engine.run(one) for one in singles]) / len(singles)
    assert 29 * alone_s < 0.5  # requests a second of the search chapter's plan


CAPACITY = 12.5  # requests a second of one worker that answers one at a time


def under_pressure(workers, batch):
    """Half as much again as one worker can do alone, for four seconds, in turn to each of the workers."""
    due, bodies = np.arange(75) / (1.5 * CAPACITY), [b'{"requests": [{"query": "taxi"}]}']
    limits = service.Limits(answer_s=0.8, batch=batch)
    with ExitStack() as stack, ThreadPoolExecutor() as pool:
        slow = [behind(Slow(batch_s=1 / CAPACITY)) for _ in range(workers)]
        urls = [stack.enter_context(service.background(system, limits=limits)) for system in slow]
        parts = pool.map(lambda n: load.send(f"{urls[n]}/search", bodies, due[n::workers]), range(workers))
        return load.Load(pd.concat([part.rows for part in parts]))


def test_batches_and_a_second_worker_each_answer_what_one_worker_has_to_refuse_and_have_a_shorter_tail():
    with ThreadPoolExecutor() as pool:
        alone, batches, two = pool.map(under_pressure, (1, 1, 2), (1, 64, 1))
    assert set(alone.errors().index) == {"503"}
    for lever in (batches, two):
        assert len(lever.answered) / len(alone.answered) > 1.1  # measured: 1.4 to 1.5
        assert alone.answered.percentile(0.9) / lever.answered.percentile(0.9) > 2  # measured: four to eight


def test_both_give_the_same_answers(world, requests):
    engine = search.fit(world.documents)
    together = engine.run(requests)
    alone = [engine.run(requests.iloc[[place]])["doc_id"].to_numpy() for place in range(len(requests))]
    assert together["doc_id"].tolist() == np.concatenate(alone).tolist()
