"""How fast the point-in-time join is, against duckdb's ASOF join where it is installed, and pandas' merge_asof.

Both get the same frames and give back the same columns, the sorting included. Times are of the processor, since the
machine may have other work; duckdb runs in one thread.
"""

from __future__ import annotations

import importlib.util
import statistics
import time
import tracemalloc
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from mlsd_lib.offline import features
from tests.benchmarks.row import Row
from tests.benchmarks.turns import in_turns

EVENTS, ROWS, USERS, DAYS = 5_000_000, 500_000, 100_000, 28
ROUNDS = 5


def bench_pointintime() -> Sequence[Row]:
    """The last earlier event of 500,000 rows among 5,000,000, in the order of time and in none."""
    rng = np.random.default_rng(0)
    asked = _table(rng, ROWS)
    events = _table(rng, EVENTS).assign(value=rng.random(EVENTS))
    rows: list[Row] = []
    for order, past in (("by time", events.sort_values("ts", ignore_index=True)), ("in no order", events)):
        rows += _compared(f"as_of, events {order}", asked, past)
    spent = _seconds(lambda: features.windows(asked, events, on="user_id", last={"week": pd.Timedelta(days=7)}))
    rows.append(Row("windows of a week, events in no order", spent, "s", f"{EVENTS:,} events, {ROWS:,} rows"))
    for block in (10_000, ROWS):
        tracemalloc.start()
        features.as_of(asked, events, on="user_id", block=block)
        rows.append(
            Row(
                f"as_of: peak memory, block {block:,}",
                tracemalloc.get_traced_memory()[1] / 2**20,
                "MiB",
                "mostly the sort",
            )
        )
        tracemalloc.stop()
    return rows


def _table(rng: np.random.Generator, number: int) -> pd.DataFrame:
    start = pd.Timestamp("2026-01-05", tz="UTC")
    since = pd.to_timedelta(rng.integers(0, DAYS * 86_400_000, number), unit="ms")
    return pd.DataFrame({"user_id": rng.integers(0, USERS, number), "ts": start + since})


def _compared(name: str, asked: pd.DataFrame, past: pd.DataFrame) -> list[Row]:
    ways: dict[str, Callable[[], Any]] = {
        "as_of": lambda: features.as_of(asked, past, on="user_id"),
        "merge_asof": lambda: _pandas(asked, past),
    }
    if importlib.util.find_spec("duckdb"):
        ways["duckdb"] = _duckdb(asked, past)
    _agree({way: run() for way, run in ways.items()})
    spent = in_turns(ways, ROUNDS, fewer=lambda way: 2 if way == "merge_asof" else None)
    rows = [Row(name, statistics.median(spent["as_of"]), "s", f"{len(past):,} events, {len(asked):,} rows")]
    for way in list(ways)[1:]:
        share = statistics.median(spent["as_of"]) / statistics.median(spent[way])
        wanted = "wanted: at most 1" if way == "duckdb" else "its sorting included"
        rows.append(Row(f"{name}, relative to {way}", share, "×", wanted))
    return rows


def _pandas(asked: pd.DataFrame, past: pd.DataFrame) -> Any:
    left = asked.assign(row=np.arange(len(asked))).sort_values("ts")
    joined = pd.merge_asof(left, past.sort_values("ts"), on="ts", by="user_id", allow_exact_matches=False)
    return joined.sort_values("row")


def _duckdb(asked: pd.DataFrame, past: pd.DataFrame) -> Callable[[], Any]:
    import duckdb

    joined = (
        "select asked.row, past.value from asked asof left join past "
        "on asked.user_id = past.user_id and asked.ts > past.ts"
    )
    connection = duckdb.connect()
    connection.execute("set threads = 1")
    connection.register("asked", asked.assign(row=np.arange(len(asked))))
    connection.register("past", past)
    return lambda: connection.execute(joined).fetchnumpy()


def _agree(answers: dict[str, Any]) -> None:
    """A fast wrong answer is worth nothing. (Of events that are tied, each may take another: those are left out.)"""
    ours = answers.pop("as_of")["value"].to_numpy()
    for way, answer in answers.items():
        values = np.ma.filled(np.ma.asarray(answer["value"]).astype(float), np.nan)
        if way == "duckdb":
            values = values[np.argsort(answer["row"])]
        differs = ~((ours == values) | (np.isnan(ours) & np.isnan(values)))
        if differs.mean() > 1e-4:
            raise AssertionError(f"{way} says something else in {differs.sum()} rows")


def _seconds(run: Callable[[], Any]) -> float:
    spent = []
    for _ in range(3):
        begin = time.process_time()
        run()
        spent.append(time.process_time() - begin)
    return statistics.median(spent)
