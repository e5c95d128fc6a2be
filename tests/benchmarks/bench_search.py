"""How fast search answers, and how fast its world does: each size in a process of its own, with memory of its own."""

from __future__ import annotations

import multiprocessing
import resource
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from tests.benchmarks.row import Row

SIZES = (5_000, 50_000, 500_000)  # documents
ALONE, BATCH = 200, 1_000  # requests, one by one and at once
ANSWERED, SHOWN = 1_000_000, 10  # requests answered by the world, and documents shown to each


def bench_search() -> Sequence[Row]:
    """The whole engine, its ranker learned, at three sizes; then a million requests shown and answered."""
    rows: list[Row] = []
    for size in SIZES:
        found = _apart(_engine, size)
        of = f"{size:,} documents"
        rows += [
            Row(f"search, {of}: build the world", found["world_s"], "s"),
            Row(f"search, {of}: fit the engine", found["fit_s"], "s"),
            Row(f"search, {of}: one request, p50", found["p50_ms"], "ms", f"{ALONE} requests, one by one"),
            Row(f"search, {of}: one request, p99", found["p99_ms"], "ms"),
            Row(f"search, {of}: a batch of {BATCH:,}", found["batch_ms"], "ms a request"),
            *(Row(f"search, {of}: {name}", ms, "ms a request", "in the batch") for name, ms in found["steps"]),
            Row(f"search, {of}: memory", found["memory_gib"], "GiB", "peak of the process, world included"),
        ]
    found = _apart(_answers, ANSWERED)
    rows += [
        Row(
            "a million requests answered by the world", found["rate"], "requests/s", f"{SHOWN} documents shown to each"
        ),
        Row("memory of that", found["memory_gib"], "GiB", "peak of the process, tables included"),
    ]
    return rows


def _apart(function: Any, argument: int) -> dict[str, Any]:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        result: dict[str, Any] = pool.apply(function, (argument,))
        return result


def _engine(size: int) -> dict[str, Any]:
    from mlsd_lib.systems import search
    from mlsd_lib.worlds.search import SearchWorld

    start = time.perf_counter()
    world = SearchWorld(seed=0, documents=size)
    documents = world.documents
    built = time.perf_counter()
    asked = world.requests(world.users(2_000, seed=1), n=1_000, day=0, seed=1)
    queries = world.queries(asked).head(300)
    truth = world.truth(asked).judgments
    truth = truth[truth["query_id"].isin(queries["query_id"])]
    judgments = world.judge(truth[["query_id", "doc_id"]], skill=0.8, seed=2)
    fitting = time.perf_counter()
    engine = search.fit(documents, queries, judgments)
    fitted = time.perf_counter()
    requests = world.requests(world.users(2_000, seed=3), n=BATCH, day=1, seed=3)
    engine.run(requests.head(2))  # the first answer fills caches
    alone = []
    for place in range(ALONE):
        begin = time.perf_counter()
        engine.run(requests.iloc[place : place + 1])
        alone.append(1_000 * (time.perf_counter() - begin))
    steps = engine.trace(requests).steps
    return {
        "world_s": built - start,
        "fit_s": fitted - fitting,
        "p50_ms": float(np.percentile(alone, 50)),
        "p99_ms": float(np.percentile(alone, 99)),
        "batch_ms": float(steps["milliseconds"].sum()) / BATCH,
        "steps": [(name, ms / BATCH) for name, ms in zip(steps["component"], steps["milliseconds"], strict=True)],
        "memory_gib": _peak_gib(),
    }


def _answers(number: int) -> dict[str, Any]:
    import pandas as pd

    from mlsd_lib.worlds.search import SearchWorld

    world = SearchWorld(seed=0)
    ids = world.documents["doc_id"].to_numpy()
    requests = world.requests(world.users(200_000, seed=1), n=number, day=0, seed=1)
    first = np.random.default_rng(0).integers(len(ids), size=number)
    shown = pd.DataFrame(
        {
            "request_id": np.repeat(requests["request_id"].to_numpy(), SHOWN),
            "position": np.tile(np.arange(1, SHOWN + 1), number),
            "doc_id": ids[(first[:, None] + 97 * np.arange(SHOWN)).ravel() % len(ids)],
        }
    )
    start = time.perf_counter()
    log = world.respond(requests, shown, seed=2)
    seconds = time.perf_counter() - start
    assert len(log) == SHOWN * number
    return {"rate": number / seconds, "memory_gib": _peak_gib()}


def _peak_gib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # Linux counts in KiB
