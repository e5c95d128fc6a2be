"""How fast the ranking metrics are, against pytrec-eval with its dictionaries ready, in the same run.

Three ways in are timed: arrays whose groups are unsorted, the same with each group contiguous, and frames. The frame
functions check three tables and join ids on each call, for each metric again; the arrays are integer-coded already,
as pytrec-eval's dictionaries are built already. Times are of the processor, since the machine may have other work.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytrec_eval

from mlsd_lib.metrics import grouped, ranking
from tests.benchmarks.row import Row
from tests.benchmarks.turns import in_turns

QUERIES, LEAST, MOST = 20_000, 5, 195  # documents a query
ROUNDS, FRAME_ROUNDS = 7, 3
WANTED = {"ndcg_cut.10", "recip_rank", "recall.10"}


def bench_metrics() -> Sequence[Row]:
    """NDCG@10, MRR and recall@10 of 20,000 queries: all three, in each of the ways in."""
    rng = np.random.default_rng(0)
    sizes = rng.integers(LEAST, MOST + 1, size=QUERIES)
    group = np.repeat(np.arange(QUERIES), sizes)
    score = rng.normal(size=len(group))
    grade = rng.choice(5, size=len(group), p=[0.6, 0.2, 0.1, 0.06, 0.04]).astype(float)
    mixed = rng.permutation(len(group))
    unsorted = group[mixed], score[mixed], grade[mixed]
    begin = time.process_time()
    run, judged = _dictionaries(sizes, score), _dictionaries(sizes, grade.astype(int))
    built = time.process_time() - begin
    shown, judgments, requests = _frames(sizes, group, score, grade)
    evaluator = pytrec_eval.RelevanceEvaluator(judged, WANTED)
    ways: dict[str, Callable[[], Any]] = {
        "pytrec-eval": lambda: evaluator.evaluate(run),
        "contiguous": lambda: _arrays(group, score, grade),
        "unsorted": lambda: _arrays(*unsorted),
        "frames, one function a metric": lambda: [
            ranking.ndcg(shown, judgments, requests),
            ranking.mrr(shown, judgments, requests, k=MOST),
            ranking.recall(shown, judgments, requests),
        ],
        "frames, one table": lambda: ranking.table(shown, judgments, requests)[["ndcg@10", "mrr@10", "recall@10"]],
    }
    _agree(ways)
    spent = in_turns(ways, ROUNDS, fewer=lambda name: FRAME_ROUNDS if name.startswith("frames") else None)
    theirs = statistics.median(spent["pytrec-eval"])
    of = f"NDCG@10, MRR, recall@10 of {QUERIES:,} queries"
    rows = [
        Row(f"{of}: pytrec-eval", theirs, "s", f"{len(group):,} documents, dictionaries ready; {ROUNDS} rounds, median")
    ]
    notes = {"unsorted": "wanted: at most 0.45", "contiguous": "wanted: at most 0.15"}
    notes |= {"frames, one function a metric": "tables checked and ids joined three times"}
    notes |= {"frames, one table": "six metrics; checked and joined once"}
    for name, note in notes.items():
        share = statistics.median(ours / other for ours, other in zip(spent[name], spent["pytrec-eval"], strict=False))
        rows.append(Row(f"{of}: {name}, relative to that", share, "×", note))
    rows.append(Row(f"{of}: building the dictionaries, relative to that", built / theirs, "×", "not counted above"))
    return rows


def _arrays(group: Any, score: Any, grade: Any) -> list[Any]:
    graded = grouped.rank(group, score, grade, k=10)
    return [graded.ndcg(), graded.reciprocal_rank(), graded.recall()]


def _dictionaries(sizes: Any, values: Any) -> dict[str, dict[str, Any]]:
    names = [f"d{number}" for number in range(MOST)]
    ends = np.cumsum(sizes)
    return {
        f"q{query}": dict(zip(names[:size], values[end - size : end].tolist(), strict=True))
        for query, (size, end) in enumerate(zip(sizes.tolist(), ends.tolist(), strict=True))
    }


def _frames(sizes: Any, group: Any, score: Any, grade: Any) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    doc = np.arange(len(group)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    position = pd.Series(-score).groupby(group).rank(method="first").astype(int).to_numpy()
    shown = pd.DataFrame({"request_id": group, "position": position, "doc_id": doc})
    judgments = pd.DataFrame({"query_id": group, "doc_id": doc, "grade": grade})
    return shown, judgments, pd.DataFrame({"request_id": range(len(sizes)), "query_id": range(len(sizes))})


def _agree(ways: dict[str, Callable[[], Any]]) -> None:
    """A fast wrong answer is worth nothing: all ways have to give the same values."""
    theirs = ways["pytrec-eval"]()
    for place, name in enumerate(("ndcg_cut_10", "recip_rank", "recall_10")):
        right = np.array([theirs[f"q{query}"][name] for query in range(QUERIES)])
        for way in ("contiguous", "unsorted", "frames, one function a metric"):
            ours = np.asarray(ways[way]()[place])
            # without a relevant document pytrec-eval says 0 and we say NaN
            np.testing.assert_allclose(np.nan_to_num(ours), right, atol=1e-12, err_msg=f"{name}, {way}")
