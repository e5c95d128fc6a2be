"""What it costs to keep what was served: appends, bytes, and a million rows read back, each in a process of its own."""

from __future__ import annotations

import json
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tests.benchmarks.row import Row

REQUESTS, BATCH = 1_000, 32  # requests that are served, and how many at once
ROWS, SHOWN = 1_000_000, 10  # rows of the log that is read back, and documents shown to a request
SYNCED = 200  # appends that each wait for the disk


def bench_journal() -> Sequence[Row]:
    """Records with all served features: written beside plain lines of JSON, then a million rows read back."""
    with tempfile.TemporaryDirectory() as folder:
        wrote = _apart(_writing, folder)
        read = _apart(_reading, folder)
    features = f"{SHOWN} documents with {wrote['features']} features"
    return [
        Row("journal: a request, without the journal", wrote["run_us"], "µs", f"served in batches of {BATCH}"),
        Row("journal: frames to records", wrote["records_us"], "µs a request", f"batches of {BATCH}"),
        Row("journal: frames to a record", wrote["record_us"], "µs a request", "batches of 1"),
        Row("journal: append", wrote["append_us"], "µs a request", "one at a time, a sync every 1,000"),
        Row("journal: appends", 1e6 / wrote["append_us"], "requests/s"),
        Row("journal: extend", wrote["extend_us"], "µs a request", f"{BATCH} at a time, a sync every 1,000"),
        Row("journal: plain lines of JSON", wrote["plain_us"], "µs a request", "one write each, no frame, no check"),
        Row("journal: append, times plain lines", wrote["framed_us"] / wrote["plain_us"], "times", "both in turn"),
        Row("journal: append and sync", wrote["synced_us"], "µs a request", "each waits for the disk"),
        Row("journal: size", wrote["bytes"], "bytes a request", features),
        Row(f"journal: read {ROWS:,} rows", read["seconds"], "s", f"{read['files']} files, {read['mib']:.0f} MiB"),
        Row("journal: read", ROWS / read["seconds"], "rows/s"),
        Row("memory of that", read["memory_gib"], "GiB", "peak of the process, the tables included"),
        Row("the tables themselves", read["table_gib"], "GiB"),
    ]


def _apart(function: Callable[[str], dict[str, Any]], folder: str) -> dict[str, Any]:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, (folder,))


def _writing(folder: str) -> dict[str, Any]:
    from mlsd_lib.online.journal import Journal
    from mlsd_lib.online.served import records
    from mlsd_lib.systems import search
    from mlsd_lib.worlds.search import SearchWorld

    world = SearchWorld(seed=0)
    requests = world.requests(world.users(2_000, seed=1), n=REQUESTS, day=0, seed=1)
    system = search.with_features(search.fit(world.documents))
    batches = [requests.iloc[start : start + BATCH] for start in range(0, REQUESTS, BATCH)]
    system.run(batches[0])  # the first answer fills caches
    shown, run_s = _timed(lambda: [system.run(batch) for batch in batches])
    kept, records_s = _timed(
        lambda: [records(batch, rows, version="v0001", arm="usual") for batch, rows in zip(batches, shown, strict=True)]
    )
    one, its = requests.head(1), shown[0][shown[0]["request_id"] == requests["request_id"].iloc[0]]
    _, record_s = _timed(lambda: [records(one, its, version="v0001", arm="usual") for _ in range(200)])
    flat = [record for batch in kept for record in batch]
    full = [record for record in flat if len(record["shown"]["doc_id"]) == SHOWN]

    side = Path(folder) / "side"
    with Journal(side / "extended") as journal:
        _, extend_s = _timed(lambda: _each(journal.extend, kept))
    plain_s = framed_s = 0.0
    with (side / "plain").open("wb", buffering=0) as file, Journal(side / "framed") as journal:

        def plainly(record: Any) -> None:
            file.write(json.dumps(record, separators=(",", ":")).encode() + b"\n")

        for batch in kept:  # in turn, so that a slow moment slows both
            plain_s += _timed(lambda: _each(plainly, batch))[1]  # noqa: B023
            framed_s += _timed(lambda: _each(journal.append, batch))[1]  # noqa: B023
    with Journal(side / "synced", sync_every=1) as journal:
        _, synced_s = _timed(lambda: _each(journal.append, flat[:SYNCED]))

    def million() -> None:
        for number in range(ROWS // SHOWN):
            journal.append({**full[number % len(full)], "request_id": number})

    with Journal(Path(folder) / "journal") as journal:
        _, append_s = _timed(million)
    size = sum(path.stat().st_size for path in (Path(folder) / "journal").iterdir())
    return {
        "run_us": 1e6 * run_s / REQUESTS,
        "records_us": 1e6 * records_s / REQUESTS,
        "record_us": 1e6 * record_s / 200,
        "extend_us": 1e6 * extend_s / REQUESTS,
        "plain_us": 1e6 * plain_s / len(flat),
        "framed_us": 1e6 * framed_s / len(flat),
        "synced_us": 1e6 * synced_s / SYNCED,
        "append_us": 1e6 * append_s / (ROWS // SHOWN),
        "bytes": size / (ROWS // SHOWN),
        "features": sum(name.startswith("feature_") for name in full[0]["shown"]),
    }


def _reading(folder: str) -> dict[str, Any]:
    from mlsd_lib.online import journal

    paths = list((Path(folder) / "journal").iterdir())
    log, seconds = _timed(lambda: journal.read(Path(folder) / "journal"))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # Linux counts in KiB
    assert len(log) == ROWS
    return {
        "seconds": seconds,
        "files": len(paths),
        "mib": sum(path.stat().st_size for path in paths) / 2**20,
        "memory_gib": peak,
        "table_gib": log.memory_usage(deep=True).sum() / 2**30,
    }


def _each(work: Callable[[Any], None], things: Sequence[Any]) -> None:
    for thing in things:
        work(thing)


def _timed(work: Callable[[], Any]) -> tuple[Any, float]:
    start = time.perf_counter()
    result = work()
    return result, time.perf_counter() - start
