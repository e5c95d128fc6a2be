"""What the ranker knows of a query and a document: numbers that the system can compute when it is asked.

Nothing here looks at judgments, clicks or positions, and nothing depends on the other requests of a batch.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import sparse

from mlsd_lib.architecture import Array, Batch
from mlsd_lib.systems.search.index import K1, B, Index
from mlsd_lib.systems.search.questions import Questions

FEATURES = (
    "bm25",  # of title and text together, as the selection scores it
    "bm25_share",  # of the best of the request's candidates
    "bm25_title",
    "bm25_text",
    "like_best",  # likeness to the request's best candidates by BM25, itself left out
    "like_best_share",  # of the highest among the request's candidates
    "title_coverage",  # share of the query's terms, weighted by rarity, that stand in the title
    "coverage",  # the same for title or text
    "title_match",  # shared terms of query and title, of all terms that either has
    "terms_missing",  # terms of the query that the document lacks
    "first",  # how many terms stand before the first that is asked for
    "spread",  # terms between the first occurrences of the first and the last that is asked for
    "title_length",
    "text_length",
    "popularity",  # logarithm of 1 + popularity
    "popularity_place",  # share of the request's candidates that are more popular
    "query_length",
    "query_rarity",  # BM25's weight of the rarest term of the query
    "rewritten",
    "local",
    "navigational",
    "informational",
    "has_place",
    "place_match",  # 1 if the document lies where the request searches, -1 if it lies elsewhere
    "local_match",  # place_match times local
    "navigational_match",  # title_match times navigational
)

ACTORS = {  # whom each feature is about
    "query": ("query_length", "query_rarity", "rewritten", "local", "navigational", "informational"),
    "document": ("title_length", "text_length", "popularity", "has_place"),
    "query and document": (
        "bm25",
        "bm25_title",
        "bm25_text",
        "title_coverage",
        "coverage",
        "title_match",
        "terms_missing",
        "first",
        "spread",
        "navigational_match",
    ),
    "searcher and document": ("place_match", "local_match"),
    "document and other candidates": ("bm25_share", "like_best", "like_best_share", "popularity_place"),
}

BEST = 5  # candidates that the others are compared with
CELLS = 4_000_000  # of a dense table of requests and terms held at once


def bm25(batch: Batch, index: Index, name: str) -> Array:
    """BM25 of title and text together for each candidate, as the selection scores it, ties and all.

    Args:
        batch: Requests with `query`, and where there are, `rewritten` and `near`; items with `doc_id`.
        index: The index of the documents.
        name: The component that asks, for errors.

    Returns:
        float32 array of shape (candidates,).

    Raises:
        ValueError: If a candidate is no document of the index.

    Source: [robertson2009probabilistic]. Chapter: Search.
    """
    document = index.rows(batch.items["doc_id"], name)
    item, term = Questions.of(batch, index).of_items(batch.row)
    posting = index.postings(term, document[item])
    return _bm25(index, item[posting >= 0], posting[posting >= 0], len(document))


def features(batch: Batch, index: Index, name: str) -> Array:
    """The features of each candidate.

    Args:
        batch: Requests with `query`, and where there are, `rewritten`, `intent` and `near`; items with `doc_id`.
        index: The index of the documents.
        name: The component that asks, for errors.

    Returns:
        float32 array of shape (candidates, features), in the order of `FEATURES`.

    Raises:
        ValueError: If a candidate is no document of the index.

    Source: [robertson2009probabilistic] for BM25. Chapter: Search.
    """
    row, document = batch.row, index.rows(batch.items["doc_id"], name)
    asked = Questions.of(batch, index)
    item, term = asked.of_items(row)
    words = len(index.vocabulary)
    rarity = np.bincount(item[term < words], weights=index.rarity[term[term < words]], minlength=len(row))
    posting = index.postings(term, document[item])
    item, term, posting = item[posting >= 0], term[posting >= 0], posting[posting >= 0]
    score = _bm25(index, item, posting, len(row))
    word = term < words
    item, term, posting = item[word], term[word], posting[word]
    in_title, in_text = index.in_title[posting], index.in_text[posting]

    def summed(weights: Array) -> Array:
        return np.bincount(item, weights=weights, minlength=len(row))

    weight = index.rarity[term]
    shared_title = summed(in_title > 0)
    title_length, text_length = index.title_length[document], index.text_length[document]
    query_length = asked.asked[asked.of_request][row]
    intent = _intent(batch)[row]
    place_match, has_place = _places(batch, index, document)
    title_match = _divided(shared_title, query_length + title_length - shared_title)
    earliest, latest = _ends(item, index.first[posting], len(row))
    popularity = index.popularity[document]
    score_share = _divided(score, _best(score, row))
    like_best = _like_best(index, row, document, score_share)
    columns = {
        "bm25": score,
        "bm25_share": score_share,
        "bm25_title": summed(weight * _saturated(in_title, title_length[item], index.title_length)),
        "bm25_text": summed(weight * _saturated(in_text, text_length[item], index.text_length)),
        "like_best": like_best,
        "like_best_share": _divided(like_best, _best(like_best, row)),
        "title_coverage": _divided(summed(weight * (in_title > 0)), rarity),
        "coverage": _divided(summed(weight), rarity),
        "title_match": title_match,
        "terms_missing": query_length - summed(np.ones(len(item))),
        "first": earliest,
        "spread": latest - earliest,
        "title_length": title_length,
        "text_length": text_length,
        "popularity": np.log1p(popularity),
        "popularity_place": _share_above(popularity, row),
        "query_length": query_length,
        "query_rarity": _rarest(asked, index)[asked.of_request][row],
        "rewritten": _rewritten(batch)[row],
        "local": intent[:, 0],
        "navigational": intent[:, 1],
        "informational": intent[:, 2],
        "has_place": has_place,
        "place_match": place_match,
        "local_match": place_match * intent[:, 0],
        "navigational_match": title_match * intent[:, 1],
    }
    return np.stack([columns[feature].astype(np.float32) for feature in FEATURES], axis=1)


def _bm25(index: Index, item: Array, posting: Array, items: int) -> Array:
    """Summed in the order and precision of the selection, so that ties stay ties."""
    score = np.zeros(items, dtype=np.float32)
    np.add.at(score, item, index.weight[posting])
    return score


def _like_best(index: Index, row: Array, document: Array, share: Array) -> Array:
    """The cosine of each document and each of the request's best ones, summed with their shares as weights.

    Words that the best answers have in common are often other words for what was asked: a way to see that a trattoria
    is an Italian restaurant.
    """
    order = np.lexsort((-share, row))
    best = order[np.arange(len(row)) - np.searchsorted(row[order], row[order]) < BEST]
    best = best[share[best] > 0]
    requests = int(row[-1]) + 1 if len(row) else 0
    weights = sparse.csr_array((share[best], (row[best], document[best])), shape=(requests, len(index)))
    wanted = (weights @ index.contents).tocsr()
    like = np.zeros(len(row))
    step = max(1, CELLS // len(index.vocabulary))
    start, size = index.contents.indptr, np.diff(index.contents.indptr)
    for low in range(0, requests, step):
        first, last = np.searchsorted(row, [low, low + step])
        own = document[first:last]
        counts = size[own]
        item = np.repeat(np.arange(last - first), counts)
        entry = np.arange(len(item)) + np.repeat(start[own] - (np.cumsum(counts) - counts), counts)
        table = wanted[low : low + step].toarray()
        found = table[(row[first:last] - low)[item], index.contents.indices[entry]] * index.contents.data[entry]
        like[first:last] = np.bincount(item, weights=found, minlength=last - first)
    like[best] -= share[best]
    return like


def _saturated(times: Array, length: Array, lengths: Array) -> Array:
    """How much of a term's rarity counts for occurrences in a field of some length."""
    usual = max(1.0, float(lengths.mean()))
    return np.asarray(times / (times + K1 * (1 - B + B * length / usual)))


def _divided(some: Array, whole: Array) -> Array:
    """A quotient, 0 where the divisor is."""
    return np.divide(some, whole, out=np.zeros(len(some)), where=whole > 0)


def _best(value: Array, row: Array) -> Array:
    """The highest value among the candidates of the same request."""
    if not len(row):
        return value
    starts = np.flatnonzero(np.diff(row, prepend=row[0] - 1))
    return np.repeat(np.maximum.reduceat(value, starts), np.diff(starts, append=len(row)))


def _share_above(value: Array, row: Array) -> Array:
    """The share of the same request's candidates with a higher value."""
    order = np.lexsort((-value, row))
    ordered_row, ordered = row[order], value[order]
    new = np.ones(len(row), dtype=bool)
    new[1:] = (ordered_row[1:] != ordered_row[:-1]) | (ordered[1:] != ordered[:-1])
    first_alike = np.maximum.accumulate(np.where(new, np.arange(len(row)), 0))
    begin, end = np.searchsorted(ordered_row, ordered_row), np.searchsorted(ordered_row, ordered_row, side="right")
    share = np.empty(len(row))
    share[order] = (first_alike - begin) / np.maximum(1, end - begin)
    return share


def _ends(item: Array, place: Array, items: int) -> tuple[Array, Array]:
    """The lowest and highest place of each item; where an item has none, both are beyond all."""
    far = float(np.iinfo(np.uint16).max)
    earliest, latest = np.full(items, far), np.full(items, -1.0)
    np.minimum.at(earliest, item, place)
    np.maximum.at(latest, item, place)
    return earliest, np.where(latest < 0, far, latest)


def _rarest(asked: Questions, index: Index) -> Array:
    """The weight of the rarest known term of each question, 0 where there is none."""
    rarest = np.zeros(len(asked))
    question = np.repeat(np.arange(len(asked)), np.diff(asked.start))
    word = asked.term < len(index.vocabulary)
    np.maximum.at(rarest, question[word], index.rarity[asked.term[word]])
    return rarest


def _rewritten(batch: Batch) -> Array:
    if "rewritten" not in batch.requests:
        return np.zeros(len(batch))
    return np.asarray(batch.requests["rewritten"] != batch.requests["query"], dtype=np.float64)


def _intent(batch: Batch) -> Array:
    return batch.requests.get("intent", np.zeros((len(batch), 3)))


def _places(batch: Batch, index: Index, document: Array) -> tuple[Array, Array]:
    """Whether each candidate lies where its request searches (1), elsewhere (-1) or neither; whether it lies at all."""
    place = index.place_of[document]
    has_place = place >= 0
    if "near" not in batch.requests or not index.places:
        return np.zeros(len(place)), has_place
    number, names = pd.factorize(batch.requests["near"])
    code = np.array([index.place_term_of.get(name, 0) - len(index.vocabulary) for name in names], dtype=np.int64)
    near = code[number][batch.row]
    return np.where(has_place & (near >= 0), np.where(place == near, 1.0, -1.0), 0.0), has_place
