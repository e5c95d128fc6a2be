"""Results of search on real data: what finds, what orders, what corrects.

The ranker is judged by cross-validation: the queries are cut into five parts by chance, and each part is ranked by a
system that has learned from the other four. Its difference from BM25 is taken query by query, so that queries which are
hard for both do not blur it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from mlsd_lib import datasets, tables
from mlsd_lib.datasets import Dataset
from mlsd_lib.metrics import Mean, mean, ranking
from mlsd_lib.systems import search
from mlsd_lib.systems.search.rewriter import Rewriter

SEED = 0
FOLDS = 5
SHUFFLES = 20  # random orders of products with equal scores, averaged


def compute() -> tuple[dict[str, int | float], list[Dataset]]:
    """Compute all results of search.

    Returns:
        Values by name, intervals as `<name>_low` and `<name>_high`; and the data sets that were read.

    Raises:
        DataUnavailable: If the data cannot be had.

    Chapter: Search.
    """
    names = ("cranfield", "vaswani-npl", "chorus-product-ratings", "norvig-spell-testset1", "codespell-dictionary")
    cranfield, vaswani, chorus, norvig, codespell = (datasets.load(name) for name in names)
    symspell = datasets.load("symspell")
    values = {**_retrieval("cranfield", cranfield), **_retrieval("vaswani", vaswani), **_reranking(chorus)}
    rewriter = Rewriter.of_words(dict(zip(symspell.words["word"], symspell.words["count"].tolist(), strict=True)))
    for name, errors in (("norvig", norvig), ("codespell", codespell), ("symspell_synthetic", symspell)):
        values |= _correction(name, errors.errors, rewriter)
    return values, [cranfield, vaswani, chorus, norvig, codespell, symspell]


def _retrieval(short: str, dataset: Dataset) -> dict[str, int | float]:
    """BM25 and the learned ranker over all documents."""
    tables.judgments(dataset.judgments, documents=dataset.documents, queries=dataset.queries)
    requests = tables.as_requests(dataset.queries)
    shown = search.lexical(dataset.documents, keep=100).run(requests)
    ndcg = ranking.ndcg(shown, dataset.judgments, requests, k=10)
    recall = mean(ranking.recall(shown, dataset.judgments, requests, k=100), seed=SEED)

    def answers(train: pd.DataFrame, asked: pd.DataFrame) -> pd.Series[float]:
        judged = dataset.judgments[dataset.judgments["query_id"].isin(train["query_id"])]
        system = search.fit(dataset.documents, train, judged, seed=SEED)
        return ranking.ndcg(system.run(asked), dataset.judgments, asked, k=10)

    learned = cross_validated(dataset.queries, requests, answers)
    bm25 = mean(ndcg, seed=SEED)
    values: dict[str, int | float] = {**_named(f"{short}_ndcg_10", bm25), **_named(f"{short}_recall_100", recall)}
    return {**values, **_compared(short, learned, ndcg), f"{short}_queries": bm25.counted}


def _reranking(chorus: Dataset) -> dict[str, int | float]:
    """BM25 and the learned ranker over the judged products of each query, by their names."""
    requests = _worth_ranking(chorus)
    named = chorus.documents.assign(text="")
    orders = _ranked_by_name(chorus, requests)
    each = [ranking.ndcg(shown, chorus.judgments, requests, k=10, gain="exponential") for shown in orders]
    ndcg = pd.concat(each, axis=1).mean(axis=1)

    def answers(train: pd.DataFrame, asked: pd.DataFrame) -> pd.Series[float]:
        judged = chorus.judgments[chorus.judgments["query_id"].isin(train["query_id"])]
        judged = judged.sample(frac=1, random_state=SEED)
        system = search.fit(named, train, judged, seed=SEED, unjudged="left out")
        own = chorus.judgments.rename(columns={"query_id": "request_id"})[["request_id", "doc_id"]]
        every = [
            ranking.ndcg(
                system.replace(selection=search.given(pairs)).run(asked),
                chorus.judgments,
                asked,
                k=10,
                gain="exponential",
            )
            for pairs in (own.sample(frac=1, random_state=seed) for seed in range(SEED, SEED + SHUFFLES))
        ]
        return pd.concat(every, axis=1).mean(axis=1)

    worth = chorus.queries[chorus.queries["query_id"].isin(requests["query_id"])]
    learned = cross_validated(worth, requests, answers)
    bm25 = mean(ndcg, seed=SEED)
    return {**_named("chorus_ndcg_10", bm25), **_compared("chorus", learned, ndcg), "chorus_queries": bm25.counted}


def cross_validated(
    queries: pd.DataFrame, requests: pd.DataFrame, answers: Callable[[pd.DataFrame, pd.DataFrame], pd.Series[float]]
) -> pd.Series[float]:
    """A value for each request, from a system that did not learn from its query.

    Args:
        queries: The queries, cut into parts by chance.
        requests: One for each query, in the same order.
        answers: Values of some requests by a system that learns from some queries.

    Returns:
        The values, indexed by `request_id` in the order of `requests`.

    Chapter: Search.
    """
    part = np.random.default_rng(SEED).permutation(len(queries)) % FOLDS
    values = [answers(queries[part != fold], requests[part == fold]) for fold in range(FOLDS)]
    return pd.concat(values).reindex(pd.Index(requests["request_id"]))


def _compared(short: str, learned: pd.Series[float], baseline: pd.Series[float]) -> dict[str, float]:
    """The learned ranker, and what it adds to BM25, each query against itself."""
    more = mean(learned - baseline, seed=SEED)
    return _named(f"{short}_learned_ndcg_10", mean(learned, seed=SEED)) | _named(f"{short}_learned_more", more)


def _correction(short: str, errors: pd.DataFrame, rewriter: Rewriter) -> dict[str, int | float]:
    """The share of words that are corrected to what was meant, and the share of right words that are spoiled."""
    wrong, right = (errors[side].str.lower() for side in ("wrong", "right"))
    meant = right.drop_duplicates()
    correct = pd.Series([float(rewriter.rewrite(word) == goal) for word, goal in zip(wrong, right, strict=True)])
    spoiled = pd.Series([float(rewriter.rewrite(word) != word) for word in meant])
    values = _named(f"{short}_corrected", mean(correct, seed=SEED))
    return {**values, f"{short}_errors": len(errors), f"{short}_spoiled": mean(spoiled).value}


def _worth_ranking(chorus: Dataset) -> pd.DataFrame:
    """Requests for the queries that have at least five judged products, one of them relevant."""
    grades = chorus.judgments.groupby("query_id")["grade"]
    enough = (grades.size() >= 5) & (grades.max() > 0)
    return tables.as_requests(chorus.queries[chorus.queries["query_id"].isin(enough.index[enough])])


def _ranked_by_name(chorus: Dataset, requests: pd.DataFrame) -> list[pd.DataFrame]:
    """The judged products of each query by BM25 on the name, once for each of several random orders of ties.

    Most products share no word with their query, and the order of the file is a help that no system has.
    """
    named = chorus.documents.assign(text="")
    scores = search.lexical(named, keep=len(named)).run(requests)[["request_id", "doc_id", "score"]]
    asked = chorus.judgments[chorus.judgments["query_id"].isin(requests["query_id"])]
    pairs = asked.rename(columns={"query_id": "request_id"})[["request_id", "doc_id"]]
    scored = pairs.merge(scores, how="left", on=["request_id", "doc_id"]).fillna({"score": 0.0})
    orders = []
    for seed in range(SEED, SEED + SHUFFLES):
        ranked = scored.sample(frac=1, random_state=seed)
        ranked = ranked.sort_values(["request_id", "score"], ascending=[True, False], kind="stable")
        orders.append(ranked.assign(position=ranked.groupby("request_id").cumcount() + 1))
    return orders


def _named(name: str, result: Mean) -> dict[str, float]:
    return {name: result.value, f"{name}_low": result.low, f"{name}_high": result.high}
