"""Ranking metrics: what an ordered answer is worth to the request it was given to.

Every function takes what was shown, the judgments and the requests, and gives a value for each *request*. The rules
are the same for all. The position decides the order, so there are no ties to break; two items at one position are an
error. What was not judged counts as irrelevant (grade 0). A request whose answer is empty scores 0. A request whose
query has no relevant judgment (grade above 0) is NaN, and `mlsd_lib.metrics.mean` leaves it out and counts it.

Here tables are checked and ids are joined. `mlsd_lib.metrics.grouped` has the arithmetic, for arrays of scored items.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from mlsd_lib import tables
from mlsd_lib.architecture import Array
from mlsd_lib.metrics import grouped
from mlsd_lib.metrics.grouped import Gain


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
    graded, request_id = _judge(shown, judgments, requests, k)
    return pd.Series(graded.ndcg(gain), index=request_id, name=f"ndcg@{k}")


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
    graded, request_id = _judge(shown, judgments, requests, k)
    return pd.Series(graded.precision(), index=request_id, name=f"precision@{k}")


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
    graded, request_id = _judge(shown, judgments, requests, k)
    return pd.Series(graded.recall(), index=request_id, name=f"recall@{k}")


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
    graded, request_id = _judge(shown, judgments, requests, k)
    return pd.Series(graded.reciprocal_rank(k), index=request_id, name=f"mrr@{k}")


def average_precision(
    shown: pd.DataFrame, judgments: pd.DataFrame, requests: pd.DataFrame, *, k: int = 10
) -> pd.Series[float]:
    """Mean, over a query's relevant documents, of the precision where each stands; 0 for those not in the first k.

    Args:
        shown: Columns `request_id, position, doc_id`.
        judgments: Columns `query_id, doc_id, grade`; a grade above 0 is relevant.
        requests: Columns `request_id, query_id`.
        k: How many positions count; at least 1.

    Returns:
        A value in [0, 1] or NaN for each request, named "map@k" after its mean, indexed by `request_id`.

    Raises:
        ValueError: If a table is unsound, ids do not match, or `k` is below 1.

    Source: [manning2008ir]. Chapter: Metrics.

    >>> requests = pd.DataFrame({"request_id": ["r1"], "query_id": [1]})
    >>> judgments = pd.DataFrame({"query_id": [1, 1], "doc_id": ["a", "b"], "grade": [3, 1]})
    >>> shown = pd.DataFrame({"request_id": ["r1", "r1"], "position": [1, 2], "doc_id": ["x", "a"]})
    >>> average_precision(shown, judgments, requests).to_dict()
    {'r1': 0.25}
    """
    graded, request_id = _judge(shown, judgments, requests, k)
    return pd.Series(graded.average_precision(), index=request_id, name=f"map@{k}")


def err(
    shown: pd.DataFrame,
    judgments: pd.DataFrame,
    requests: pd.DataFrame,
    *,
    k: int = 10,
    highest: float | None = None,
) -> pd.Series[float]:
    """Expected reciprocal rank of the document that ends the search, for a reader who goes down and stops satisfied.

    A document of grade g satisfies with probability (2 ** g - 1) / 2 ** highest.

    Args:
        shown: Columns `request_id, position, doc_id`.
        judgments: Columns `query_id, doc_id, grade`.
        requests: Columns `request_id, query_id`.
        k: How many positions count; at least 1.
        highest: The highest grade of the scale, so that values from different judgments can be compared; left out,
            the highest in `judgments`.

    Returns:
        A value in [0, 1) or NaN for each request, named "err@k", indexed by `request_id`.

    Raises:
        ValueError: If a table is unsound, ids do not match, `k` is below 1, or `highest` is below a grade or above 100.

    Source: [burges2011yahoo] for its use. Chapter: Metrics.

    >>> requests = pd.DataFrame({"request_id": ["r1"], "query_id": [1]})
    >>> judgments = pd.DataFrame({"query_id": [1, 1], "doc_id": ["a", "b"], "grade": [2, 1]})
    >>> shown = pd.DataFrame({"request_id": ["r1", "r1"], "position": [1, 2], "doc_id": ["b", "a"]})
    >>> err(shown, judgments, requests).to_dict()  # 1/4 at once, else 3/4 at the second
    {'r1': 0.53125}
    """
    graded, request_id = _judge(shown, judgments, requests, k)
    return pd.Series(graded.err(highest), index=request_id, name=f"err@{k}")


def table(shown: pd.DataFrame, judgments: pd.DataFrame, requests: pd.DataFrame, *, k: int = 10) -> pd.DataFrame:
    """All metrics of this module at once, for little more than the price of one: the tables are joined once.

    Args:
        shown: Columns `request_id, position, doc_id`.
        judgments: Columns `query_id, doc_id, grade`.
        requests: Columns `request_id, query_id`.
        k: How many positions count; at least 1.

    Returns:
        A row a request, in the order of `requests`, with the columns ndcg@k (linear gain), precision@k, recall@k,
        mrr@k, map@k and err@k.

    Raises:
        ValueError: If a table is unsound, ids do not match, `k` is below 1, or a grade is above 100.

    Chapter: Metrics.

    >>> requests = pd.DataFrame({"request_id": ["r1"], "query_id": [1]})
    >>> judgments = pd.DataFrame({"query_id": [1, 1], "doc_id": ["a", "b"], "grade": [1, 1]})
    >>> shown = pd.DataFrame({"request_id": ["r1"], "position": [1], "doc_id": ["b"]})
    >>> table(shown, judgments, requests)[["recall@10", "mrr@10", "map@10"]].values.tolist()
    [[0.5, 1.0, 0.5]]
    """
    graded, request_id = _judge(shown, judgments, requests, k)
    values = {
        "ndcg": graded.ndcg(),
        "precision": graded.precision(),
        "recall": graded.recall(),
        "mrr": graded.reciprocal_rank(k),
        "map": graded.average_precision(),
        "err": graded.err(),
    }
    return pd.DataFrame({f"{name}@{k}": value for name, value in values.items()}, index=request_id)


def among(
    judgments: pd.DataFrame, requests: pd.DataFrame, candidates: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Judgments and requests that judge a component by what reached it, and not by all there is.

    Pass both on to a metric of this module: `ndcg(shown, *among(judgments, requests, candidates))` divides by the best
    order of the candidates. A request without a relevant candidate then has no value.

    Args:
        judgments: Columns `query_id, doc_id, grade`.
        requests: Columns `request_id, query_id`.
        candidates: Columns `request_id, doc_id`: what the component was given.

    Returns:
        The judgments of the candidates of each request, and the requests; the `query_id` of both is the request's id.

    Raises:
        ValueError: If a table is unsound or ids do not match.

    Chapter: Metrics.

    >>> requests = pd.DataFrame({"request_id": ["r1"], "query_id": [1]})
    >>> judgments = pd.DataFrame({"query_id": [1, 1], "doc_id": ["a", "b"], "grade": [3, 1]})
    >>> shown = pd.DataFrame({"request_id": ["r1"], "position": [1], "doc_id": ["b"]})
    >>> ndcg(shown, *among(judgments, requests, candidates=shown)).tolist()
    [1.0]
    """
    asked, truth, reached = (
        tables.judged_requests(requests),
        tables.judgments(judgments),
        tables.search_pairs(candidates),
    )
    tables.known(reached, "request_id", asked, table="candidates", where="requests", show=("request_id", "doc_id"))
    tables.same_kind(reached["doc_id"], truth["doc_id"], "doc_id", table="candidates", where="judgments")
    tables.same_kind(asked["query_id"], truth["query_id"], "query_id", table="requests", where="judgments")
    graded = reached[["request_id", "doc_id"]].merge(asked).merge(truth[["query_id", "doc_id", "grade"]])
    own = graded[["request_id", "doc_id", "grade"]].rename(columns={"request_id": "query_id"})
    return own, asked.assign(query_id=asked["request_id"])


def _judge(
    shown: pd.DataFrame, judgments: pd.DataFrame, requests: pd.DataFrame, k: int
) -> tuple[grouped.Graded, pd.Index[int] | pd.Index[str]]:
    """The tables, checked and joined, as what the metrics need; and the request of each value."""
    grouped.whole(k)
    answers = tables.shown(shown)
    truth = tables.judgments(judgments)
    asked = tables.judged_requests(requests)
    tables.known(answers, "request_id", asked, table="shown", where="requests", show=("request_id", "doc_id"))
    tables.same_kind(answers["doc_id"], truth["doc_id"], "doc_id", table="shown", where="judgments")
    tables.same_kind(asked["query_id"], truth["query_id"], "query_id", table="requests", where="judgments")

    judged_query, query_ids = pd.factorize(truth["query_id"])
    judged_doc, doc_ids = pd.factorize(truth["doc_id"])
    judged_grade = truth["grade"].to_numpy()
    request_id = pd.Index(asked["request_id"], name="request_id")
    query_of = pd.Index(query_ids).get_indexer(pd.Index(asked["query_id"]))

    request = request_id.get_indexer(pd.Index(answers["request_id"]))
    position = answers["position"].to_numpy()
    query = query_of[request]
    doc = pd.Index(doc_ids).get_indexer(pd.Index(answers["doc_id"]))
    grade = _lookup(
        judged_query * len(doc_ids) + judged_doc, judged_grade, query * len(doc_ids) + doc, (query >= 0) & (doc >= 0)
    )
    first = np.full(len(asked), np.iinfo(np.int64).max)
    hit = grade > 0
    np.minimum.at(first, request[hit], position[hit])
    counts = position <= k
    graded = grouped.Graded(
        int(k),
        request[counts],
        position[counts],
        grade[counts],
        query_of,
        *grouped.best(judged_query, judged_grade, len(query_ids), k),
        relevant=np.bincount(judged_query[judged_grade > 0], minlength=len(query_ids)),
        first=np.where(first == np.iinfo(np.int64).max, 0, first),
        highest=float(judged_grade.max(initial=0.0)),
    )
    return graded, request_id


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
