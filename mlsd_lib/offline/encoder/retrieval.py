"""Candidates by meaning: the nearest vectors, as a second source beside an inverted index."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from mlsd_lib import tables
from mlsd_lib.architecture import Array
from mlsd_lib.worlds import checks

DECIMALS = 5  # of a similarity; products of matrices differ beyond with the machine and with the block
AT_ONCE = 16_384  # candidates whose two vectors are held at a time


def questions(queries: Iterable[str], places: Iterable[str]) -> list[str]:
    """What to encode for a search request: its query, and the place to search for where the query does not name it.

    Args:
        queries: Texts, best as the search system corrected them.
        places: For each the place to search for, "" where there is none.

    Returns:
        As many texts.

    Raises:
        ValueError: If there are not as many places as queries.

    Chapter: Models.

    >>> questions(["trattoria", "bistro aldbury", "recursion"], ["Aldbury", "Aldbury", ""])
    ['trattoria Aldbury', 'bistro aldbury', 'recursion']
    """
    asked, near = list(queries), list(places)
    if len(asked) != len(near):
        raise ValueError(f"questions: {len(asked)} queries and {len(near)} places. Give one place for each query.")
    return [
        query if not place or place.lower() in query.lower() else f"{query} {place}"
        for query, place in zip(asked, near, strict=True)
    ]


def nearest(queries: Array, documents: Array, k: int, *, block: int = 1_024) -> tuple[Array, Array]:
    """The k documents of highest similarity for each query, found by comparing it with all of them.

    Args:
        queries: Vectors, of shape (queries, dimensions).
        documents: Vectors, of shape (documents, dimensions).
        k: How many, from 1 to the number of documents.
        block: How many queries to compare at once; memory grows with it, results do not change.

    Returns:
        Rows of `documents`, int64 of shape (queries, k), best first and of equal ones the earlier, and similarities,
        float32 of the same shape, rounded to five decimals.

    Raises:
        ValueError: If the shapes do not fit each other, a number is not finite, or `k` or `block` is out of range.

    Chapter: Models.

    >>> row, cosine = nearest(np.eye(2)[[1]], np.array([[1.0, 0.0], [0.6, 0.8], [0.0, 1.0]]), k=2)
    >>> row.tolist(), cosine.astype(float).round(2).tolist()
    ([[2, 1]], [[1.0, 0.8]])
    """
    asked, held = np.asarray(queries, dtype=np.float32), np.asarray(documents, dtype=np.float32)
    if not asked.ndim == held.ndim == 2 or asked.shape[1] != held.shape[1]:
        raise ValueError(
            f"nearest: queries and documents have the shapes {asked.shape} and {held.shape}; expected two tables of "
            "vectors with as many columns."
        )
    for name, table in (("queries", asked), ("documents", held)):
        wrong = ~np.isfinite(table).all(axis=1)
        if wrong.any():
            raise ValueError(
                f"nearest: {int(wrong.sum())} {name} have a vector that is not finite (first: row "
                f"{int(np.argmax(wrong))}).\nDrop them, or encode them again."
            )
    checks.whole("nearest", "k", k, 1, len(held))
    checks.whole("nearest", "block", block, 1, 2**62)
    rows, found = np.empty((len(asked), k), dtype=np.int64), np.empty((len(asked), k), dtype=np.float32)
    for start in range(0, len(asked), block):
        rows[start : start + block], found[start : start + block] = _top(asked[start : start + block] @ held.T, k)
    return rows, found


def retrieve(
    request_id: Sequence[Any] | Array, queries: Array, doc_id: Sequence[Any] | Array, documents: Array, k: int
) -> pd.DataFrame:
    """The k nearest documents of each request as a table, a second source of candidates beside an inverted index.

    Args:
        request_id: The requests.
        queries: Their vectors, of shape (requests, dimensions).
        doc_id: The documents.
        documents: Their vectors, of shape (documents, dimensions).
        k: How many, from 1 to the number of documents.

    Returns:
        One row for each request and each of its documents: `request_id, position, doc_id, score`.

    Raises:
        ValueError: As `nearest`, or if ids and vectors are not as many.

    Chapter: Models.

    >>> retrieve(["r1"], np.eye(2)[[1]], ["a", "b"], np.eye(2), k=1)
      request_id  position doc_id  score
    0         r1         1      b    1.0
    """
    _as_many("retrieve", request_id, queries, doc_id, documents)
    row, cosine = nearest(queries, documents, k)
    return pd.DataFrame(
        {
            "request_id": pd.Series(request_id).repeat(k).to_numpy(),
            "position": np.tile(np.arange(1, k + 1), len(row)),
            "doc_id": pd.Series(doc_id).take(row.ravel()).to_numpy(),
            "score": cosine.ravel(),
        }
    )


def similarity(
    shown: pd.DataFrame,
    request_id: Sequence[Any] | Array,
    queries: Array,
    doc_id: Sequence[Any] | Array,
    documents: Array,
) -> Array:
    """The cosine of each candidate and its request: one more feature for a ranker.

    Args:
        shown: Columns `request_id, doc_id`, a row a candidate, such as a log with served features.
        request_id: The requests, each once.
        queries: Their vectors, of shape (requests, dimensions), of length 1.
        doc_id: The documents, each once.
        documents: Their vectors, of shape (documents, dimensions), of length 1.

    Returns:
        float32 array of shape (candidates,), rounded to five decimals.

    Raises:
        ValueError: If ids and vectors are not as many, or a candidate names an id that has no vector.

    Chapter: Models.

    >>> shown = pd.DataFrame({"request_id": ["r1", "r1"], "doc_id": ["b", "a"]})
    >>> similarity(shown, ["r1"], np.eye(2)[[1]], ["a", "b"], np.eye(2)).tolist()
    [1.0, 0.0]
    """
    _as_many("similarity", request_id, queries, doc_id, documents)
    places = []
    for name, ids in (("request_id", request_id), ("doc_id", doc_id)):
        found = pd.Index(ids).get_indexer(pd.Index(shown[name]))
        if (found < 0).any():
            raise ValueError(
                f"similarity: {int((found < 0).sum())} candidates name a {name} without a vector (first: row "
                f"{int(np.argmax(found < 0))}, {name}={shown[name].tolist()[int(np.argmax(found < 0))]!r}).\nEncode "
                "those, too, or drop the rows."
            )
        places.append(found)
    cosine = np.empty(len(shown), dtype=np.float32)
    for start in range(0, len(shown), AT_ONCE):
        query, document = (place[start : start + AT_ONCE] for place in places)
        cosine[start : start + AT_ONCE] = np.einsum("ij,ij->i", queries[query], documents[document])
    return np.round(cosine, DECIMALS)


def alternate(*sources: pd.DataFrame, keep: int) -> pd.DataFrame:
    """Candidates of several sources in turn: the first of each, then the second of each, none twice.

    Args:
        *sources: Tables of what each source found, `request_id, position, doc_id`; the first source begins.
        keep: How many to keep for a request; at least 1.

    Returns:
        `request_id, position, doc_id`, by request and position, requests in the order of their first appearance; ready
        for `mlsd_lib.systems.search.given` and for `mlsd_lib.metrics.ranking`.

    Raises:
        ValueError: If there is no source, a table is unsound, or `keep` is below 1.

    Chapter: Models.

    >>> words = pd.DataFrame({"request_id": 1, "position": [1, 2], "doc_id": ["a", "b"]})
    >>> meaning = pd.DataFrame({"request_id": 1, "position": [1, 2], "doc_id": ["c", "a"]})
    >>> alternate(words, meaning, keep=3)["doc_id"].tolist()
    ['a', 'c', 'b']
    """
    checks.whole("alternate", "keep", keep, 1, 2**62)
    if not sources:
        raise ValueError("alternate: no source was given. Pass the table of what each source found.")
    columns = ["request_id", "position", "doc_id"]
    rows = pd.concat([tables.shown(source)[columns].assign(turn=turn) for turn, source in enumerate(sources)])
    rows["request"] = pd.factorize(rows["request_id"])[0]
    rows = rows.sort_values(["request", "position", "turn"]).drop_duplicates(["request", "doc_id"])
    rows["position"] = rows.groupby("request").cumcount() + 1
    return rows.loc[rows["position"] <= keep, columns].reset_index(drop=True)


def no_word_shared(queries: Iterable[str], texts: Iterable[str], terms: Callable[[str], list[str]]) -> Array:
    """Which pairs of a query and a text have no word in common, so that no inverted index can bring them together.

    Args:
        queries: One for each pair.
        texts: One for each pair.
        terms: What the words of a text are, such as `mlsd_lib.systems.search.terms`.

    Returns:
        bool array of shape (pairs,).

    Raises:
        ValueError: If there are not as many texts as queries.

    Chapter: Models.

    >>> no_word_shared(["italian food", "taxi"], ["a trattoria", "taxi at night"], str.split).tolist()
    [True, False]
    """
    asked, held = list(queries), list(texts)
    if len(asked) != len(held):
        raise ValueError(f"no_word_shared: {len(asked)} queries and {len(held)} texts. Give one text a query.")
    words = {text: frozenset(terms(text)) for text in {*asked, *held}}
    return np.array([words[query].isdisjoint(words[text]) for query, text in zip(asked, held, strict=True)], dtype=bool)


def _as_many(
    function: str, request_id: Sequence[Any] | Array, queries: Array, doc_id: Sequence[Any] | Array, documents: Array
) -> None:
    """Raise an error unless there is a vector for each id."""
    for name, ids, table in (("request_id", request_id, queries), ("doc_id", doc_id, documents)):
        if len(ids) != len(table):
            raise ValueError(f"{function}: {len(ids)} values of {name} and {len(table)} vectors. Give one for each.")


def _top(cosine: Array, k: int) -> tuple[Array, Array]:
    """The places and values of the k highest of each row, of equal ones the earlier first."""
    rounded = np.round(cosine, DECIMALS)
    least = np.partition(rounded, rounded.shape[1] - k, axis=1)[:, rounded.shape[1] - k]
    row, column = np.nonzero(rounded >= least[:, None])
    value = rounded[row, column]
    order = np.lexsort((column, -value, row))
    kept = order[np.arange(len(row)) - np.searchsorted(row, row) < k]
    return column[kept].reshape(-1, k), value[kept].reshape(-1, k)
