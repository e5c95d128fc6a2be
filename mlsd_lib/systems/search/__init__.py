"""Search: from the words of a query to a ranked list of documents.

Five components: `rewriter` corrects spelling, `understanding` tells intents and places, `selection` finds candidates in
an inverted index, `ranker` orders them, and `page` cuts what is shown. Between them flow, beside `query` as it was
typed, the request arrays `rewritten`, `intent` and `near`, and the item arrays `doc_id` and `score`.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import pandas as pd

from mlsd_lib import tables
from mlsd_lib.architecture import System
from mlsd_lib.systems.search.edge import EDGE, RECORDING
from mlsd_lib.systems.search.features import ACTORS, FEATURES
from mlsd_lib.systems.search.index import Index
from mlsd_lib.systems.search.page import Page
from mlsd_lib.systems.search.ranker import Ranker
from mlsd_lib.systems.search.rewriter import Rewriter
from mlsd_lib.systems.search.selection import Given, Selection
from mlsd_lib.systems.search.text import Tokens, terms
from mlsd_lib.systems.search.training import Unjudged, learned_from_judgments, learned_from_log
from mlsd_lib.systems.search.understanding import INTENTS, Understanding

__all__ = ["ACTORS", "FEATURES", "INTENTS", "fit", "given", "lexical", "terms", "with_features"]


def fit(
    documents: pd.DataFrame,
    queries: pd.DataFrame | None = None,
    judgments: pd.DataFrame | None = None,
    log: pd.DataFrame | None = None,
    seed: int = 0,
    *,
    keep: int = 200,
    show: int = 10,
    block: int = 256,
    unjudged: Unjudged = "irrelevant",
    examined: Sequence[float] | None = None,
) -> System:
    """A search engine over a table of documents; it learns from judgments or from a log where it is given one.

    Without either it goes by rules and orders by BM25. With judgments, the ranker learns to order what the selection
    retrieves (LambdaMART), and the understanding what kind of document answers a query. With a log both learn from
    clicks, the ranker also from a few candidates that were not shown, as not clicked. If the log has the features that
    were served (see `with_features`), only the ranker learns, from those alone, since another understanding would serve
    other features. With both, the judgments teach.

    Args:
        documents: Columns `doc_id, title, text` and, where there are, `popularity` (a number of at least 0) and
            `place` (a name, "" for none).
        queries: Columns `query_id, text` and, where there is one, `place` (the searcher's). They weigh the words that
            corrections lead to, and judgments refer to them.
        judgments: Columns `query_id, doc_id, grade`.
        log: Columns `request_id, query, position, doc_id, clicked` and, where there is one, `place`.
        seed: Seed of the learning.
        keep: How many documents the selection passes on for a request at most.
        show: How many documents to show for a request at most.
        block: How many queries to score at once. Memory grows with it, results do not change.
        unjudged: What a retrieved document without a judgment counts as. "left out" learns from judged pairs alone,
            for collections where nearly everything that is relevant was not judged.
        examined: How likely a document is looked at, by position from 1 on, relative to position 1, as measured on
            lists in random order. A click at position p then counts 1 / examined[p - 1]. Without it clicks count as
            they are, with no correction for position: what stood higher was clicked more, and will stand higher.
            From a log with served features it is learned only which of a page's clicks counts more: what was not
            shown has no features there, and a ranker fully corrected on shown documents alone fails on the others.

    Returns:
        A System that turns requests (`request_id, query` and, where there is one, `place`) into what is shown
        (`request_id, position, doc_id, score`).

    Raises:
        ValueError: If a table is unsound or points to what another lacks, documents hold no word, judgments come
            without queries, there is nothing to learn from in what was given, or a setting is below 1.

    Source: [robertson2009probabilistic], [burges2010lambdamart], and [joachims2017unbiased] for `examined`. Chapter:
    Search.

    >>> documents = pd.DataFrame({"doc_id": [3, 8], "title": ["Pizza", "Taxi"], "text": ["thin crust", "at night"]})
    >>> fit(documents).run(pd.DataFrame({"request_id": ["r1"], "query": ["pizzas at nihgt"]}))
      request_id  position  doc_id     score
    0         r1         1       8  0.304680
    1         r1         2       3  0.254366
    """
    clean = tables.documents(documents)
    asked = None if queries is None else tables.queries(queries)
    if judgments is not None and asked is None:
        raise ValueError("fit: judgments come without queries, so their query_id means nothing. Pass queries, too.")
    if unjudged not in ("irrelevant", "left out"):
        raise ValueError(f"fit: unjudged must be 'irrelevant' or 'left out', got {unjudged!r}.")
    judged = None if judgments is None else tables.judgments(judgments, documents=clean, queries=asked)
    logged = None if log is None else tables.search_log(log, documents=clean)
    tokens = _tokens(clean)
    index = Index.of(clean, tokens)
    texts = [] if asked is None else asked["text"].tolist()
    system = System(
        "search",
        EDGE,
        (
            Rewriter.of_tokens("rewriter", tokens, texts),
            Understanding.of("understanding", index),
            Selection("selection", index, keep=keep, block=block),
            Ranker("ranker", index),
            Page("page", show=show),
        ),
    )
    if judged is not None and asked is not None:
        return learned_from_judgments(system, asked, judged, unjudged=unjudged, seed=seed)
    if logged is not None:
        return learned_from_log(system, logged, examined=examined, seed=seed)
    return system


def lexical(documents: pd.DataFrame, *, keep: int = 10, block: int = 256) -> System:
    """A search engine of one component, `selection`: BM25 on title and text, with English stop words and stemming.

    Args:
        documents: Columns `doc_id, title, text`.
        keep: How many documents to show for a request at most.
        block: How many queries to score at once. Memory grows with it, results do not change.

    Returns:
        A System that turns requests (`request_id, query`) into what is shown (`request_id, position, doc_id, score`).
        Higher scores come first, and of equal ones the document that comes first in `documents`.

    Raises:
        ValueError: If the table is unsound or holds no word, or `keep` or `block` is below 1.

    Source: [robertson2009probabilistic], with the scores precomputed as in [lu2024bm25s]. Chapter: Search.

    >>> documents = pd.DataFrame({"doc_id": [3, 8], "title": ["Pizza", "Taxi"], "text": ["thin crust", "at night"]})
    >>> lexical(documents).run(pd.DataFrame({"request_id": ["r1"], "query": ["pizzas at nihgt"]}))
      request_id  position  doc_id     score
    0         r1         1       3  0.254366
    """
    clean = tables.documents(documents)
    index = Index.of(clean, _tokens(clean))
    return System("search", EDGE, (Selection("selection", index, keep=keep, block=block),))


def given(pairs: pd.DataFrame) -> Given:
    """The component `selection` of a re-ranking: `system.replace(selection=given(pairs))` orders what a table names.

    Args:
        pairs: Columns `request_id, doc_id`; others are ignored, and the order of rows does not matter.

    Returns:
        The component; a request that the table lacks gets an empty answer.

    Raises:
        ValueError: If the table is unsound or names a pair twice.

    Chapter: Search.

    >>> documents = pd.DataFrame({"doc_id": [3, 8, 9], "title": ["Pizza", "Taxi", "Bus"], "text": "in town"})
    >>> system = fit(documents).replace(selection=given(pd.DataFrame({"request_id": 1, "doc_id": [9, 8]})))
    >>> system.run(pd.DataFrame({"request_id": [1], "query": ["taxi"]}))["doc_id"].tolist()
    [8, 9]
    """
    return Given("selection", tables.search_pairs(pairs))


def with_features(system: System) -> System:
    """The same system, whose shown documents come with the features that they were ranked by.

    Args:
        system: One that `fit` made.

    Returns:
        A system that shows the same rows with a column `feature_<name>` for each of `FEATURES`. A log of it has what
        was served, so a ranker that learns from it can't see anything else.

    Raises:
        ValueError: If the system has no `ranker` of this module.

    Chapter: Search.

    >>> documents = pd.DataFrame({"doc_id": [3, 8], "title": ["Pizza", "Taxi"], "text": ["thin crust", "at night"]})
    >>> shown = with_features(fit(documents)).run(pd.DataFrame({"request_id": [1], "query": ["taxi"]}))
    >>> shown["feature_title_match"].tolist()
    [1.0]
    """
    ranker = system["ranker"]
    if not isinstance(ranker, Ranker):
        raise ValueError(f"with_features: the ranker is a {type(ranker).__name__}, which computes no features.")
    recording = Ranker("ranker", ranker.index, model=ranker.model, record=True)
    return System(system.name, RECORDING, system.replace(ranker=recording).components)


def _tokens(clean: pd.DataFrame) -> Tokens:
    """The words of title and text in turn, two texts a document."""
    tokens = Tokens.of(chain.from_iterable(zip(clean["title"], clean["text"], strict=True)))
    if not any(terms(word) for word in tokens.words):
        raise ValueError(
            f"documents: none of the {len(clean)} rows has a word in title or text that is not a stop word (first: "
            f"doc_id={clean['doc_id'].tolist()[0]!r}), so nothing could be found. Fill title and text."
        )
    return tokens
