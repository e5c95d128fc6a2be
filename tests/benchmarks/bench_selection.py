"""How fast many models are resampled, against loops over resamples, in the same run.

Two loops: one as most people write it (draw the queries, take their rows, average), and the fastest that stays a loop
(a column at a time). Times are of the processor, since the machine may have other work.
"""

from __future__ import annotations

import statistics
import tracemalloc
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from mlsd_lib.offline import selection
from tests.benchmarks.row import Row
from tests.benchmarks.turns import in_turns

QUERIES, MODELS, RESAMPLES, ROUNDS = 20_000, 5, 1_000, 5


def bench_bootstrap() -> Sequence[Row]:
    """1,000 resamples of 20,000 queries and 5 models, and the whole leaderboard with its paired tests."""
    rng = np.random.default_rng(0)
    values = rng.random((QUERIES, MODELS))
    frame = pd.DataFrame(values).add_prefix("model ")
    columns = np.ascontiguousarray(values.T)
    ways: dict[str, Callable[[], Any]] = {
        "loop over rows": lambda: _loop(values),
        "loop over columns": lambda: _columns(columns),
        "resampled": lambda: selection.resampled(selection.scores(frame), resamples=RESAMPLES),
        "leaderboard": lambda: selection.leaderboard(frame, resamples=RESAMPLES),
    }
    _agree(ways)
    spent = in_turns(ways, ROUNDS)
    of = f"{RESAMPLES:,} resamples of {QUERIES:,} queries × {MODELS} models"
    plain = spent["loop over rows"]
    rows = [Row(f"{of}: a plain loop", statistics.median(plain), "s", f"{ROUNDS} rounds, median")]
    notes = {"loop over columns": "the same loop, a column at a time", "resampled": "wanted: at most 0.1"}
    notes |= {"leaderboard": "with all paired tests and intervals; wanted: at most 0.15"}
    for name, note in notes.items():
        share = statistics.median(ours / other for ours, other in zip(spent[name], plain, strict=True))
        rows.append(Row(f"{of}: {name}, relative to that", share, "×", note))
    fastest = spent["loop over columns"]
    share = statistics.median(ours / other for ours, other in zip(spent["resampled"], fastest, strict=True))
    rows.append(Row(f"{of}: resampled, relative to the loop over columns", share, "×", "wanted: at most 0.2"))
    tracemalloc.start()
    selection.resampled(selection.scores(frame), resamples=RESAMPLES)
    rows.append(Row(f"{of}: memory at most", tracemalloc.get_traced_memory()[1] / 2**20, "MiB", "wanted: at most 20"))
    tracemalloc.stop()
    return rows


def _loop(values: Any) -> Any:
    rng = np.random.default_rng(1)
    return np.array([values[rng.integers(QUERIES, size=QUERIES)].mean(axis=0) for _ in range(RESAMPLES)])


def _columns(columns: Any) -> Any:
    rng = np.random.default_rng(1)
    drawn = (rng.integers(QUERIES, size=QUERIES) for _ in range(RESAMPLES))
    return np.array([[column[some].mean() for column in columns] for some in drawn])


def _agree(ways: dict[str, Callable[[], Any]]) -> None:
    """A fast wrong answer is worth nothing: means and spreads have to be those of the loop."""
    theirs = ways["loop over rows"]()
    np.testing.assert_allclose(ways["loop over columns"](), theirs, atol=1e-12)
    ours = ways["resampled"]()
    np.testing.assert_allclose(ours.mean(axis=0), theirs.mean(axis=0), atol=5e-4)
    np.testing.assert_allclose(ours.std(axis=0), theirs.std(axis=0), rtol=0.12)
