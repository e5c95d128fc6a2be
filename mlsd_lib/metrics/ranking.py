"""Ranking metrics: what an ordered answer is worth to the request it was given to.

Every function takes what was shown, the judgments and the requests, and gives a value for each *request*. The rules
are the same for all. The position decides the order, so there are no ties to break; two items at one position are an
error. What was not judged counts as irrelevant (grade 0). A request whose answer is empty scores 0. A request whose
query has no relevant judgment (grade above 0) is NaN, and `mlsd_lib.metrics.mean` leaves it out and counts it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from mlsd_lib import tables
from mlsd_lib.architecture import Array

Gain = Literal["linear", "exponential"]
HIGHEST_GRADE = 100  # for exponential gain: sums of 2 ** grade stay exact enough far beyond any scale in use


def ndcg(
    shown: pd.DataFrame, judgments: pd.DataFrame, requests: pd.DataFrame, *, k: int = 10, gain: Gain = "linear"
) -> pd.Series[float]:
    """Normalised discounted cumulative gain of the first k positions, for each request.

    The gain of an item at position p (from 1) is divided by log2(p + 1); the sum is divided by that of the best
    possible order of all judged documents of the query.

    Args:
        shown: Columns `request_id, position, doc_id`.
        judgments: Columns `query_id, doc_id, grade`.
        requests: Columns `request_id, query_id`.
        k: How many positions count; at least 1.
        gain: "linear" takes the grade itself, "exponential" takes 2 ** grade - 1.

    Returns:
        A value in [0, 1] or NaN for each request, named "ndcg@k", indexed by `request_id` in the order of `requests`.

    Raises:
        ValueError: If a table is unsound, ids do not match, `k` is below 1, or `gain` is neither of the two.

    Source: [jarvelin2002cumulated]; the exponential gain as in [burges2010lambdamart]. Chapter: Metrics.

    >>> requests = pd.DataFrame({"request_id": ["r1", "r2"], "query_id": [1, 2]})
    >>> judgments = pd.DataFrame({"query_id": [1, 1], "doc_id": ["a", "b"], "grade": [3, 1]})
    >>> shown = pd.DataFrame({"request_id": ["r1", "r1"], "position": [1, 2], "doc_id": ["b", "a"]})
    >>> ndcg(shown, judgments, requests).round(3).to_dict()
    {'r1': 0.797, 'r2': nan}
    """
    if gain not in ("linear", "exponential"):
        raise ValueError(f"ndcg: gain must be 'linear' or 'exponential', got {gain!r}.")
    pairs = _judge(shown, judgments, requests, k)
    highest = float(pairs.judged_grade.max(initial=0.0))
    if gain == "exponential" and highest > HIGHEST_GRADE:
        raise ValueError(
            f"judgments: the highest grade is {highest:g}, and 2 ** grade above {HIGHEST_GRADE} drowns all others. "
            "Use gain='linear', or grades on a shorter scale."
        )
    found = np.bincount(
        pairs.request, weights=_gain(pairs.grade, gain) * _discount(pairs.position), minlength=pairs.requests
    )
    order = np.lexsort((-pairs.judged_grade, pairs.judged_query))
    query, grade = pairs.judged_query[order], pairs.judged_grade[order]
    place = np.arange(len(query)) - np.searchsorted(query, query) + 1
    first = place <= k
    ideal = np.bincount(
        query[first], weights=_gain(grade[first], gain) * _discount(place[first]), minlength=pairs.queries
    )
    return pairs.series(f"ndcg@{k}", found, ideal)


def precision(shown: pd.DataFrame, judgments: pd.DataFrame, requests: pd.DataFrame, *, k: int = 10) -> pd.Series[float]:
    """Share of the first k positions that hold a relevant document; a shorter answer is divided by k all the same.

    Args:
        shown: Columns `request_id, position, doc_id`.
        judgments: Columns `query_id, doc_id, grade`; a grade above 0 is relevant.
        requests: Columns `request_id, query_id`.
        k: How many positions count; at least 1.

    Returns:
        A value in [0, 1] or NaN for each request, named "precision@k", indexed by `request_id`.

    Raises:
        ValueError: If a table is unsound, ids do not match, or `k` is below 1.

    Source: [manning2008ir]. Chapter: Metrics.

    >>> requests = pd.DataFrame({"request_id": ["r1"], "query_id": [1]})
    >>> judgments = pd.DataFrame({"query_id": [1, 1], "doc_id": ["a", "b"], "grade": [3, 0]})
    >>> shown = pd.DataFrame({"request_id": ["r1", "r1"], "position": [1, 2], "doc_id": ["b", "a"]})
    >>> precision(shown, judgments, requests, k=2).to_dict()
    {'r1': 0.5}
    """
    pairs = _judge(shown, judgments, requests, k)
    return pairs.series(f"precision@{k}", pairs.relevant_shown(), np.where(pairs.relevant() > 0, k, 0))


def recall(shown: pd.DataFrame, judgments: pd.DataFrame, requests: pd.DataFrame, *, k: int = 10) -> pd.Series[float]:
    """Share of the query's relevant documents that stand in the first k positions.

    Args:
        shown: Columns `request_id, position, doc_id`.
        judgments: Columns `query_id, doc_id, grade`; a grade above 0 is relevant.
        requests: Columns `request_id, query_id`.
        k: How many positions count; at least 1.

    Returns:
        A value in [0, 1] or NaN for each request, named "recall@k", indexed by `request_id`.

    Raises:
        ValueError: If a table is unsound, ids do not match, or `k` is below 1.

    Source: [manning2008ir]. Chapter: Metrics.

    >>> requests = pd.DataFrame({"request_id": ["r1"], "query_id": [1]})
    >>> judgments = pd.DataFrame({"query_id": [1, 1], "doc_id": ["a", "b"], "grade": [3, 1]})
    >>> shown = pd.DataFrame({"request_id": ["r1"], "position": [1], "doc_id": ["b"]})
    >>> recall(shown, judgments, requests).to_dict()
    {'r1': 0.5}
    """
    pairs = _judge(shown, judgments, requests, k)
    return pairs.series(f"recall@{k}", pairs.relevant_shown(), pairs.relevant())


def mrr(shown: pd.DataFrame, judgments: pd.DataFrame, requests: pd.DataFrame, *, k: int = 10) -> pd.Series[float]:
    """One over the position of the first relevant document, 0 if none stands in the first k positions.

    Args:
        shown: Columns `request_id, position, doc_id`.
        judgments: Columns `query_id, doc_id, grade`; a grade above 0 is relevant.
        requests: Columns `request_id, query_id`.
        k: How many positions count; at least 1.

    Returns:
        The reciprocal rank or NaN for each request, named "mrr@k" after its mean, indexed by `request_id`.

    Raises:
        ValueError: If a table is unsound, ids do not match, or `k` is below 1.

    Source: [manning2008ir]. Chapter: Metrics.

    >>> requests = pd.DataFrame({"request_id": ["r1"], "query_id": [1]})
    >>> judgments = pd.DataFrame({"query_id": [1], "doc_id": ["a"], "grade": [3]})
    >>> shown = pd.DataFrame({"request_id": ["r1", "r1"], "position": [1, 2], "doc_id": ["b", "a"]})
    >>> mrr(shown, judgments, requests).to_dict()
    {'r1': 0.5}
    """
    pairs = _judge(shown, judgments, requests, k)
    best = np.zeros(pairs.requests)
    hit = pairs.grade > 0
    np.maximum.at(best, pairs.request[hit], 1 / pairs.position[hit])
    return pairs.series(f"mrr@{k}", best, (pairs.relevant() > 0).astype(np.float64))


@dataclass(frozen=True)
class _Pairs:
    """What was shown at the first k positions, with its grades; all ids coded as integers from 0."""

    request_id: pd.Index[int] | pd.Index[str]
    request: Array  # an entry an item shown
    position: Array
    grade: Array
    query_of: Array  # an entry a request; -1 where its query was never judged
    judged_query: Array  # an entry a judgment
    judged_grade: Array
    queries: int

    @property
    def requests(self) -> int:
        return len(self.query_of)

    def relevant(self) -> Array:
        """The number of relevant documents of each query."""
        return np.bincount(self.judged_query[self.judged_grade > 0], minlength=self.queries)

    def relevant_shown(self) -> Array:
        """The number of relevant documents shown to each request."""
        return np.bincount(self.request[self.grade > 0], minlength=self.requests)

    def series(self, name: str, value: Array, best: Array) -> pd.Series[float]:
        """Each request's value divided by the best of its query; NaN where that is 0 or the query is not judged."""
        of_request = np.concatenate([best, [0]])[self.query_of]
        possible = of_request > 0
        quotient = np.divide(value, of_request, out=np.full(self.requests, np.nan), where=possible)
        return pd.Series(quotient, index=self.request_id, name=name)


def _judge(shown: pd.DataFrame, judgments: pd.DataFrame, requests: pd.DataFrame, k: int) -> _Pairs:
    if isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 1:
        raise ValueError(f"k must be an integer of at least 1, got {k!r}.")
    answers = tables.shown(shown)
    truth = tables.judgments(judgments)
    asked = tables.judged_requests(requests)
    tables.known(answers, "request_id", asked, table="shown", where="requests", show=("request_id", "doc_id"))
    tables.same_kind(answers["doc_id"], truth["doc_id"], "doc_id", table="shown", where="judgments")
    tables.same_kind(asked["query_id"], truth["query_id"], "query_id", table="requests", where="judgments")

    judged_query, query_ids = pd.factorize(truth["query_id"])
    judged_doc, doc_ids = pd.factorize(truth["doc_id"])
    grade = truth["grade"].to_numpy()
    request_id = pd.Index(asked["request_id"], name="request_id")
    query_of = pd.Index(query_ids).get_indexer(pd.Index(asked["query_id"]))

    first = answers[answers["position"] <= k]
    request = request_id.get_indexer(pd.Index(first["request_id"]))
    query = query_of[request]
    doc = pd.Index(doc_ids).get_indexer(pd.Index(first["doc_id"]))
    found = _lookup(
        judged_query * len(doc_ids) + judged_doc, grade, query * len(doc_ids) + doc, (query >= 0) & (doc >= 0)
    )
    return _Pairs(
        request_id, request, first["position"].to_numpy(), found, query_of, judged_query, grade, len(query_ids)
    )


def _lookup(keys: Array, values: Array, wanted: Array, askable: Array) -> Array:
    """The value of each wanted key, 0 where there is none or it cannot be asked for; keys are unique."""
    result = np.zeros(len(wanted))
    if not len(keys):
        return result
    order = np.argsort(keys)
    place = np.minimum(np.searchsorted(keys, wanted, sorter=order), len(keys) - 1)
    hit = askable & (keys[order[place]] == wanted)
    result[hit] = values[order[place[hit]]]
    return result


def _gain(grade: Array, gain: Gain) -> Array:
    return grade if gain == "linear" else np.exp2(grade) - 1


def _discount(position: Array) -> Array:
    return np.asarray(1 / np.log2(position + 1))
