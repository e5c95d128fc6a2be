"""The search engine as a service, flooded with three times what it can do: shed, not collapse, and nothing wrong."""

from __future__ import annotations

import json

import pytest

from mlsd_lib.online import load, service
from mlsd_lib.online.versions import Store
from mlsd_lib.systems import search
from mlsd_lib.worlds.search import SearchWorld
from tests.unit.online.service.helpers import counted, until

# One at a time, so that the flood stays small enough for a sender on the same two cores. The counts let all of it in,
# which would keep the last one waiting for many seconds: only the limit of time keeps the accepted ones quick.
LIMITS = service.Limits(batch=1, answer_s=0.5, queue=3_000, open=3_000, client_open=3_000)
MARGIN_S = 2.0  # for a sender that has to share its core
SECONDS, MOST = 4.0, 3_000


@pytest.fixture(scope="module")
def world():
    return SearchWorld(seed=0, documents=1_000)


@pytest.fixture(scope="module")
def requests(world):
    return world.requests(world.users(300, seed=1), n=300, day=1, seed=2)


@pytest.fixture(scope="module")
def engine(world):
    past = world.requests(world.users(300, seed=1), n=300, day=0, seed=3)
    return search.fit(world.documents, log=world.respond(past, search.fit(world.documents).run(past), seed=4))


@pytest.fixture(scope="module")
def offline(engine, requests):
    """What the engine shows for each request in a batch of them all, as the service writes it."""
    rows = dict(iter(engine.run(requests).groupby("request_id")))
    return [
        rows[name].drop(columns="request_id").to_dict("records") if name in rows else []
        for name in requests["request_id"]
    ]


def test_under_three_times_its_knee_search_answers_what_it_accepts_in_time_and_right_and_refuses_the_rest(
    tmp_path, engine, requests, offline
):
    store = Store(tmp_path)
    store.point_to(store.save(engine))
    bodies = [json.dumps({"requests": [row]}).encode() for row in requests[["query", "place"]].to_dict("records")]

    def wrong(rows):
        """The requests that were answered with something else than what the engine shows offline."""
        answers = rows.loc[rows["status"] == 200, "body"].map(lambda body: json.loads(body)["results"])
        return [place for place, found in answers.items() if found[0]["shown"] != offline[place % len(bodies)]]

    with service.start(store.folder, limits=LIMITS) as running:
        url = f"{running.url}/search"
        load.take_turns(url, bodies, requests=20)  # the first answers fill caches
        turns = [load.take_turns(url, bodies, requests=60, clients=4, timeout_s=30) for _ in range(3)]
        knee = max(len(turn) / turn.rows["done_s"].max() for turn in turns)
        times = load.arrivals(3 * knee, min(SECONDS, MOST / (3 * knee)), seed=0)
        flood = load.send(url, bodies, times, timeout_s=30, most_open=MOST, keep_bodies=True).rows
        until(lambda: counted(running.url, "mlsd_open") == 0)
        after = load.take_turns(url, bodies, requests=40, timeout_s=30, keep_bodies=True).rows
        assert running.ask("/ready") == (200, {"status": "ready"})
        assert counted(running.url, "mlsd_queue") == 0

    accepted, refused = flood[flood["status"] == 200], flood[flood["status"].isin([429, 503])]
    assert len(accepted) + len(refused) == len(flood)
    assert len(refused) > 0.2 * len(flood)
    assert len(accepted) > 0.1 * knee * times[-1]
    assert (accepted["done_s"] - accepted["started_s"]).max() < LIMITS.answer_s + MARGIN_S
    assert wrong(accepted) == []
    told = refused["body"].map(lambda body: json.loads(body)["code"])
    assert set(told) <= {"queue_full", "too_slow", "too_late", "too_busy", "too_many"}
    assert (after["status"] == 200).all()
    assert wrong(after) == []
