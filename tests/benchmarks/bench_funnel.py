"""One request against ever more ads: the funnel, and its heavy model on all of them; each size in a process of its own.

`python -m tests.benchmarks.bench_funnel` measures all sizes and difficulties and stores them in
`data/results/funnel.json` as they come; `--ads` and `--personal` choose some. `make bench` measures the small sizes.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tests.benchmarks.row import Row

PATH = Path(__file__).resolve().parents[2] / "data" / "results" / "funnel.json"
COMMAND = "python -m tests.benchmarks.bench_funnel"
SEED = 0
SIZES = (10_000, 100_000, 1_000_000, 10_000_000)  # ads; the keywords stay a thousand
PERSONAL = (0.0, 0.2, 0.6)  # the knob of difficulty
KEEP = (1_000, 200, 20)  # set before the first run, and the same at all sizes
LOGGED = 40_000  # requests of each of the two days that are learned from
FUNNEL = 2_000  # requests measured alone
EXHAUSTIVE = {10_000: 100, 100_000: 50, 1_000_000: 20, 10_000_000: 3}
TOP = 10
NARROWER = (20, 50, 100, 300)  # keep-counts of the retrieval that are tried on the judged requests


def bench_funnel() -> Sequence[Row]:
    """Ten thousand and a hundred thousand ads; the stored run has the rest."""
    small, large = (apart(size, 0.2) for size in SIZES[:2])
    rows: list[Row] = []
    for size, (funnel, full) in zip(SIZES, (small, large), strict=False):
        rows += [
            Row(f"ads, {size:,}: processor time of a request", funnel["cpu_ms"], "ms", f"{FUNNEL:,} requests"),
            Row(
                f"ads, {size:,}: as a share of scoring all", funnel["cpu_ms"] / full["cpu_ms"], "", "wanted at 1M: 0.01"
            ),
            Row(f"ads, {size:,}: recall of the full model's ten", funnel["recall_full"], "", "wanted at 1M: 0.95"),
        ]
    growth = large[0]["cpu_p50_ms"] / small[0]["cpu_p50_ms"]
    return [*rows, Row("ads: growth of the median processor time, ten times the ads", growth, "×")]


def apart(ads: int, personal: float) -> list[dict[str, Any]]:
    """Both systems' rows, measured in a process of its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        measured: list[dict[str, Any]] = pool.apply(measure, (ads, personal))
        return measured


def measure(size: int, personal: float) -> list[dict[str, Any]]:
    """Build a world, learn from two days of logs, and measure on a third."""
    from mlsd_lib.funnel import resized
    from mlsd_lib.systems import ads
    from mlsd_lib.worlds.ads import AdsWorld

    note = _clock(f"{size:,} ads, personal {personal:g}")
    world = AdsWorld(seed=SEED, ads=size, personal=personal)
    table, users = world.ads, world.users(20_000, seed=1)
    note("world")
    narrow = (200, 100, 60)
    log = pd.DataFrame()
    system = ads.fit(table, keep=narrow, show=TOP)
    for day in range(2):
        asked = world.requests(users, n=LOGGED, day=day, seed=1)
        answered = [ads.exploring(system, share=0.3).run(asked[low : low + 5_000]) for low in range(0, LOGGED, 5_000)]
        log = pd.concat([log, world.respond(asked, pd.concat(answered), seed=day)], ignore_index=True)
        note(f"day {day} logged")
        system = ads.fit(table, log, keep=KEEP if day else narrow, show=TOP)
        note(f"day {day} learned from")
    requests = world.requests(users, n=FUNNEL, day=2, seed=2)
    funnel, answers = _alone(system.run, requests)
    funnel["memory_mib"] = _peak_mib()
    note("funnel measured")
    judged = requests.sample(EXHAUSTIVE[size], random_state=SEED)
    full, best = _alone(ads.exhaustive(system, keep=TOP).run, judged)
    full["memory_mib"] = _peak_mib()
    note("exhaustive measured")
    truth = world.truth(judged, top=TOP)
    note("truth")
    of = {"ads": size, "personal": personal}
    shares = {"no_shared_keyword": float(1 - truth["shares_keyword"].mean())}
    answers = answers[answers["request_id"].isin(judged["request_id"])]
    for few in NARROWER:  # where it breaks: fewer candidates, recall of the full model's ten
        sized = resized(system, {"retrieval": few, "light": min(few, KEEP[1])})
        funnel[f"recall_full_keep_{few}"] = _recalls(sized.run(judged), best, truth)["recall_full"]
    return [
        {**of, "system": "funnel", **funnel, **_recalls(answers, best, truth), **shares},
        {**of, "system": "exhaustive", **full, **_recalls(best, best, truth), **shares},
    ]


def _alone(run: Callable[[pd.DataFrame], pd.DataFrame], requests: pd.DataFrame) -> tuple[dict[str, Any], pd.DataFrame]:
    """Answer requests one by one; processor time and latency in milliseconds, and the answers."""
    run(requests.iloc[:1])  # the first answer fills caches
    taken, used, answers = [], [], []
    for place in range(len(requests)):
        begin, before = time.perf_counter(), time.process_time()
        answers.append(run(requests.iloc[place : place + 1]))
        used.append(1_000 * (time.process_time() - before))
        taken.append(1_000 * (time.perf_counter() - begin))
    found: dict[str, Any] = {"requests": len(requests), "cpu_ms": float(np.mean(used))}
    for name, values in (("", taken), ("cpu_", used)):
        found[f"{name}p50_ms"], found[f"{name}p99_ms"] = np.percentile(values, [50, 99]).tolist()
    return found, pd.concat(answers)


def _recalls(shown: pd.DataFrame, best: pd.DataFrame, truth: pd.DataFrame) -> dict[str, float]:
    pairs, wanted, true = (set(zip(f["request_id"], f["ad_id"], strict=True)) for f in (shown, best, truth))
    return {"recall_full": len(pairs & wanted) / len(wanted), "recall_truth": len(pairs & true) / len(true)}


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10  # Linux counts in KiB


def _clock(what: str) -> Callable[[str], None]:
    start = time.monotonic()

    def note(step: str) -> None:
        print(f"{what}: {step} after {time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)

    return note


def store(rows: list[dict[str, Any]]) -> None:
    """Put rows into the file in place of those of the same size, difficulty and system."""
    from mlsd_lib.receipts import library_version, machine

    old = json.loads(PATH.read_text(encoding="utf-8"))["rows"] if PATH.is_file() else []
    key = ("ads", "personal", "system")
    fresh = {tuple(row[name] for name in key) for row in rows}
    kept = [row for row in old if tuple(row[name] for name in key) not in fresh]
    rounded = [{k: float(f"{v:.4g}") if isinstance(v, float) else v for k, v in row.items()} for row in rows]
    everything = sorted([*kept, *rounded], key=lambda row: (row["personal"], row["ads"], row["system"]))
    told = {"seed": SEED, "library": library_version(), "command": COMMAND, "machine": machine()}
    PATH.write_text(json.dumps({**told, "keep": list(KEEP), "rows": everything}, indent=1) + "\n", encoding="utf-8")


def main() -> int:
    """Measure and store."""
    parser = argparse.ArgumentParser(prog=COMMAND)
    parser.add_argument("--ads", type=int, nargs="*", default=list(SIZES), choices=SIZES)
    parser.add_argument("--personal", type=float, nargs="*", default=list(PERSONAL))
    chosen = parser.parse_args()
    for size in chosen.ads:
        for personal in chosen.personal:
            rows = apart(size, personal)
            load = os.getloadavg()[0]  # latencies of a busy machine are to be read with care
            store([{**row, "load": round(load, 1)} for row in rows])
    return 0


if __name__ == "__main__":
    sys.exit(main())
