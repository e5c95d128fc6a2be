"""How fast experiments are analysed and run: ten million users in a frame, and a million in a world.

The analysis is compared with tea-tasting on the same frame in the same run. Both give means, a mean with a covariate
and ratios, with their intervals and p-values; ours adds the skewness of each, by a second pass over the rows. Times are
of the processor, all threads together, since the machine may have other work. tea-tasting is no dependency of the
project: where it is not installed, its row says so and ours stands alone.
"""

from __future__ import annotations

import multiprocessing
import statistics
import time
import tracemalloc
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mlsd_lib.online.experiment import Effects, Mean, Ratio, assign, effects, report
from mlsd_lib.worlds.search import SearchWorld
from mlsd_lib.worlds.search.standin import StandIn
from mlsd_lib.worlds.search.trial import trial
from tests.benchmarks.row import Row
from tests.benchmarks.turns import in_turns

USERS, ROUNDS = 10_000_000, 3
PEOPLE, DAYS = 1_000_000, 7
METRICS = (
    Mean("revenue", "revenue"),
    Mean("revenue, covariate", "revenue", covariate="revenue_before"),
    Ratio("click rate", "clicks", "requests"),
    Ratio("click rate, covariate", "clicks", "requests", covariate=("clicks_before", "requests_before")),
)
MISSING = "NOT MEASURED: tea-tasting is not installed; pip install tea-tasting in a copy of the environment"


def bench_experiment() -> Sequence[Row]:
    """Four metrics of ten million users, one metric alone, and the memory that it takes beyond the frame."""
    table = _users(USERS)
    ways: dict[str, Callable[[], Any]] = {
        "four metrics": lambda: effects(table, METRICS),
        "one metric": lambda: effects(table, METRICS[:1]),
    }
    theirs = _theirs(table)
    ways |= {f"tea-tasting, {name}": way for name, way in theirs.items()}
    if theirs:
        _agree(ways["four metrics"](), theirs["four metrics"]())
    spent = in_turns(ways, ROUNDS)
    rows = []
    for name in ("four metrics", "one metric"):
        of = f"{USERS:,} users, {name}"
        rows.append(Row(f"{of}: effects", statistics.median(spent[name]), "s", f"{ROUNDS} rounds, median"))
        if not theirs:
            rows.append(Row(f"{of}: relative to tea-tasting", float("nan"), "×", MISSING))
            continue
        other = spent[f"tea-tasting, {name}"]
        share = statistics.median(ours / their for ours, their in zip(spent[name], other, strict=True))
        rows.append(Row(f"{of}: tea-tasting", statistics.median(other), "s", "the same frame"))
        rows.append(Row(f"{of}: relative to tea-tasting", share, "×", "wanted: at most 1"))
    tracemalloc.start()
    effects(table, METRICS)
    taken = tracemalloc.get_traced_memory()[1] / 2**20
    tracemalloc.stop()
    rows.append(Row(f"{USERS:,} users: memory beyond the frame", taken, "MiB", "wanted: at most 100"))
    return rows


def bench_trial() -> Sequence[Row]:
    """An experiment of a million users in SearchWorld, from assignment to report, in a process of its own."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as alone:
        spent, memory, verdict = alone.submit(_trial).result()
    of = f"{PEOPLE:,} users in SearchWorld, {DAYS} days"
    return [
        Row(f"{of}: assigned, served and simulated", spent[0], "s", "stand-in engines, one core"),
        Row(f"{of}: report", spent[1], "s", f"verdict: {verdict}"),
        Row(f"{of}: memory at most", memory, "MiB", "the whole process"),
    ]


def _trial() -> tuple[tuple[float, float], float, str]:
    world = SearchWorld(documents=5_000)
    begin = time.process_time()
    users = world.users(PEOPLE, seed=1)
    users["arm"] = assign(users["user_id"], experiment="a better ranker")
    table = trial(world, {"control": StandIn(world, 0.5), "treatment": StandIn(world, 0.55)}, users, days=DAYS)
    simulated = time.process_time()
    success, sessions = Ratio("session success", "successes", "sessions"), Mean("sessions", "sessions")
    found = report(table, [success, sessions], primary="session success", guardrails=["sessions"])
    ended = time.process_time()
    return (simulated - begin, ended - simulated), _peak_mib(), found.verdict


def _peak_mib() -> float:
    """Peak memory of this process, in MiB; NaN where the system does not tell. getrusage would count the parent's."""
    status = Path("/proc/self/status")
    lines = status.read_text(encoding="utf-8").splitlines() if status.is_file() else []
    return next((int(line.split()[1]) / 2**10 for line in lines if line.startswith("VmHWM")), float("nan"))


def _users(many: int) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"user_id": np.arange(many)})
    table["arm"] = pd.Series(np.array(["control", "treatment"])[rng.integers(0, 2, many)])
    for when in ("", "_before"):
        table[f"requests{when}"] = 1 + rng.poisson(4.0, many)
        table[f"clicks{when}"] = rng.binomial(table[f"requests{when}"], 0.3)
    table["revenue_before"] = rng.gamma(0.5, 10.0, many)
    table["revenue"] = 0.7 * table["revenue_before"] + rng.gamma(0.5, 10.0, many)
    return table


def _theirs(table: pd.DataFrame) -> dict[str, Callable[[], Any]]:
    try:
        import tea_tasting
    except ImportError:
        return {}
    rate = ("clicks", "requests")
    metrics = {
        "revenue": tea_tasting.Mean("revenue"),
        "revenue, covariate": tea_tasting.Mean("revenue", "revenue_before"),
        "click rate": tea_tasting.RatioOfMeans(*rate),
        "click rate, covariate": tea_tasting.RatioOfMeans(*rate, "clicks_before", "requests_before"),
    }
    four = tea_tasting.Experiment(metrics, variant="arm")
    one = tea_tasting.Experiment({"revenue": metrics["revenue"]}, variant="arm")
    return {
        "four metrics": lambda: four.analyze(table, control="control"),
        "one metric": lambda: one.analyze(table, control="control"),
    }


def _agree(ours: Effects, theirs: Any) -> None:
    """A fast wrong answer is worth nothing: all numbers have to be the same."""
    for metric in METRICS:
        row, other = ours.of(metric.name), theirs[metric.name]
        right = [other.effect_size_ci_lower, other.effect_size_ci_upper, other.rel_effect_size_ci_lower, other.pvalue]
        np.testing.assert_allclose(row[["low", "high", "relative_low", "p_value"]].astype(float), right, rtol=1e-6)
