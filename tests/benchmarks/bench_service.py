"""The service beside a bare endpoint of the same framework that answers the same bytes, and the knee of search.

Three processes, loaded by the same sender in turns: the bare endpoint; the service around a System whose answer is
ready, so that the difference to the bare one is ours; and the service around the search engine.
"""

from __future__ import annotations

import json
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from mlsd_lib.architecture import Batch, State, System
from mlsd_lib.cli import checkout
from mlsd_lib.online import load, service
from mlsd_lib.online.versions import Store
from tests.benchmarks.row import Row

CLIENTS, REQUESTS, ROUNDS = 16, 1_500, 3  # closed loop, for throughput
RATE, SECONDS = 100.0, 5.0  # open loop, for latency
DOCUMENTS, SHOWN = 2_000, 10
WANTED_S = 0.3  # search's requirement on the 99th percentile
RATES = (25, 35, 50, 70, 100, 140, 200, 280, 400, 560, 800)


@dataclass
class Ready:
    """A component whose answer is ready: the same items for every request."""

    name: str = "ready"

    def __call__(self, batch: Batch) -> Batch:
        """Give each request its items."""
        ids, score = np.arange(1_000, 1_000 + SHOWN), np.linspace(3.5, 2.5, SHOWN)
        row = np.repeat(np.arange(len(batch)), SHOWN)
        return Batch(
            batch.requests, {"row": row, "doc_id": np.tile(ids, len(batch)), "score": np.tile(score, len(batch))}
        )

    def state(self) -> State:
        """Nothing is learned."""
        return State()


def bench_service() -> Sequence[Row]:
    """Throughput and p99 of the three, then the knee of search and its p99 at 70 % of it."""
    from mlsd_lib.serve_command import named
    from mlsd_lib.worlds.search import SearchWorld

    world = SearchWorld(seed=0, documents=DOCUMENTS)
    asked = world.requests(world.users(2_000, seed=5), n=500, day=1, seed=5)["query"].tolist()
    bodies = [json.dumps({"requests": [{"query": query}]}).encode() for query in asked]
    with tempfile.TemporaryDirectory() as folder:
        store = Store(folder)
        store.point_to(store.save(named("search", size=DOCUMENTS)))
        alone = service.Limits(batch=1)
        with (
            _process("ready") as ready,
            _process("bare", _answer(ready, bodies[0])) as bare,
            service.start(store.folder) as search,
        ):
            urls = {"bare endpoint": bare, "service, answer ready": ready, "service, search": f"{search.url}/search"}
            rows = _compared(urls, bodies)
            rows += _knee(urls["service, search"], bodies, "micro-batching")
        with service.start(store.folder, limits=alone) as search:
            rows += _knee(f"{search.url}/search", bodies, "one at a time")
    return rows


def _compared(urls: dict[str, str], bodies: list[bytes]) -> list[Row]:
    rates: dict[str, list[float]] = {name: [] for name in urls}
    p50: dict[str, list[float]] = {name: [] for name in urls}
    p99: dict[str, list[float]] = {name: [] for name in urls}
    for url in urls.values():
        load.take_turns(url, bodies, requests=100, clients=2)  # the first answers fill caches
    for turn in range(ROUNDS):
        for name, url in urls.items():
            done = load.take_turns(url, bodies, requests=REQUESTS, clients=CLIENTS)
            assert not len(done.errors()), (name, done.errors())
            rates[name].append(len(done) / float(done.rows["done_s"].max()))
            found = load.send(url, bodies, load.arrivals(RATE, SECONDS, seed=turn))
            p50[name].append(1_000 * found.percentile(0.5))
            p99[name].append(1_000 * found.percentile(0.99))
    rows, base = [], "bare endpoint"
    for name in urls:
        ratios = [mine / bare for mine, bare in zip(rates[name], rates[base], strict=True)]
        slower = [1 / mine - 1 / bare for mine, bare in zip(rates[name], rates[base], strict=True)]
        rows += [
            Row(f"{name}: throughput", statistics.median(rates[name]), "requests/s", f"{CLIENTS} clients in turns"),
            Row(f"{name}: p50 at {RATE:g} requests/s", statistics.median(p50[name]), "ms", "open loop"),
            Row(f"{name}: p99 at {RATE:g} requests/s", statistics.median(p99[name]), "ms", "open loop"),
        ]
        if name != base:
            told = f"rounds {', '.join(f'{ratio:.2f}' for ratio in ratios)}"
            rows += [
                Row(f"{name}: throughput of the bare endpoint's", statistics.median(ratios), "ratio", told),
                Row(f"{name}: more than the bare endpoint", 1_000 * statistics.median(slower), "ms a request"),
            ]
    return rows


def _knee(url: str, bodies: list[bytes], how: str) -> list[Row]:
    load.take_turns(url, bodies, requests=100, clients=2)
    knee = load.knee(url, bodies, rates=RATES, seconds=SECONDS, within_s=WANTED_S)
    rows = [
        Row(f"service, search, {how}: knee", knee.rate, "requests/s", f"p99 within {1_000 * WANTED_S:g} ms, of {RATES}")
    ]
    if knee.rate:
        found = load.send(url, bodies, load.arrivals(0.7 * knee.rate, 2 * SECONDS, seed=9))
        p99 = 1_000 * found.percentile(0.99)
        note = (
            f"{'within' if p99 <= 1_000 * WANTED_S else 'MISSES'} the {1_000 * WANTED_S:g} ms of search's requirement"
        )
        rows += [
            Row(f"service, search, {how}: p99 at 70 % of the knee", p99, "ms", note),
            Row(f"service, search, {how}: sender's own lag there, p99", 1_000 * found.lag(), "ms"),
        ]
    return rows


def _answer(url: str, body: bytes) -> str:
    """What the service answers, for the bare endpoint to answer, too."""
    found = load.send(url, [body], [0.0], keep_bodies=True)
    kept = found.rows["body"][0]
    return kept.decode() if isinstance(kept, bytes) else str(kept)


@contextmanager
def _process(what: str, *more: str) -> Iterator[str]:
    command = [sys.executable, "-m", "tests.benchmarks.bench_service", what, *more]
    running = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=checkout())
    assert running.stdout is not None
    try:
        found = re.search(r"http://\S+", running.stdout.readline())
        assert found is not None, f"{what} does not listen"
        yield f"{found[0]}/search"
    finally:
        running.terminate()
        running.wait(20)
        for stream in (running.stdin, running.stdout):
            assert stream is not None
            stream.close()


def _bare(content: str) -> None:
    """A route that reads the body and answers the same bytes, under uvicorn set as for the service."""
    import uvicorn
    from fastapi import FastAPI, Request, Response

    from mlsd_lib.online.service.serving import bound, url_of

    application = FastAPI(docs_url=None, redoc_url=None)
    body = content.encode()

    async def answer(request: Request) -> Response:
        await request.body()
        return Response(body, media_type="application/json")

    answer.__annotations__ |= {"request": Request, "return": Response}  # names of this function, not of the module
    application.add_api_route("/search", answer, methods=["POST"])

    listening = bound("127.0.0.1", 0)
    print(url_of(listening), flush=True)
    config = uvicorn.Config(
        application, loop="asyncio", http="h11", ws="none", log_level="warning", access_log=False, server_header=False
    )
    uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    if sys.argv[1] == "bare":
        _bare(sys.argv[2])
    else:
        from mlsd_lib.systems.search.edge import EDGE

        service.serve(System("search", EDGE, (Ready(),)), port=0, until_closed=True)
