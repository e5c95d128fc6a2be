"""`selection`: the documents that are worth a closer look."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from mlsd_lib import storage
from mlsd_lib.architecture import Array, Batch, State
from mlsd_lib.systems.search.index import Index, values
from mlsd_lib.systems.search.questions import Questions

POSTINGS = 4_000_000  # how many postings to add up at once at most, unless a single query has more


class Selection:
    """The component `selection`: the documents of an inverted index that score highest by BM25.

    It reads `rewritten`, or `query` where nothing was rewritten, and `near`: a place to search for counts as one more
    word of the query. Documents without a word of the query are never selected, so a query that matches nothing has an
    empty answer. Ties go to the document that came first in the table of documents.

    Args:
        name: The component's name.
        index: The index of the documents.
        keep: How many documents to select for a request; at least 1.
        block: How many queries to score at once; memory grows with it, results do not change.

    Raises:
        ValueError: If `keep` or `block` is not an integer of at least 1.

    Chapter: Search.
    """

    def __init__(self, name: str, index: Index, *, keep: int, block: int) -> None:
        self.name = name
        self.index = index
        self.keep = at_least_one(name, "keep", keep)
        self.block = at_least_one(name, "block", block)
        shape = (len(index.start) - 1, len(index))
        self._weights = sparse.csr_array((index.weight, index.document, index.start), shape=shape)

    def __call__(self, batch: Batch) -> Batch:
        """Select documents for each request; gives `row`, `doc_id` and `score` as items."""
        asked = Questions.of(batch, self.index)
        nothing = (np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64), np.empty(0))
        found = [nothing, *(self._select(asked, low, high) for low, high in self._blocks(asked))]
        counts, document, score = (np.concatenate(parts) for parts in zip(*found, strict=True))
        own = counts[asked.of_request]
        row = np.repeat(np.arange(len(batch)), own)
        begin = (np.cumsum(counts) - counts)[asked.of_request]
        item = np.arange(len(row)) + np.repeat(begin - (np.cumsum(own) - own), own)
        return Batch(batch.requests, {"row": row, "doc_id": self.index.doc_id[document[item]], "score": score[item]})

    def kept(self, keep: int) -> Selection:
        """A copy that selects another number of documents; the index is shared.

        Args:
            keep: How many documents to select for a request; at least 1.

        Returns:
            The copy, which is a `mlsd_lib.funnel.Stage` like this one.

        Raises:
            ValueError: If `keep` is not an integer of at least 1.
        """
        return Selection(self.name, self.index, keep=keep, block=self.block)

    def state(self) -> State:
        """The index and the settings."""
        held = self.index.state()
        return State(arrays=held.arrays, json={**held.json, "keep": self.keep, "block": self.block})

    def _blocks(self, asked: Questions) -> Iterator[tuple[int, int]]:
        """Runs of questions that are scored together."""
        work = np.concatenate([[0], np.cumsum(self.index.frequency[asked.term])])[asked.start]
        low = 0
        while low < len(asked):
            high = int(np.searchsorted(work, work[low] + POSTINGS, side="right")) - 1
            high = min(max(high, low + 1), low + self.block, len(asked))
            yield low, high
            low = high

    def _select(self, asked: Questions, low: int, high: int) -> tuple[Array, Array, Array]:
        """How many documents each question of a run selects, which, and with which scores."""
        starts = asked.start[low : high + 1]
        numbers = asked.term[starts[0] : starts[-1]]
        ones = np.ones(len(numbers), dtype=np.float32)
        scores = sparse.csr_array((ones, numbers, starts - starts[0]), shape=(high - low, self._weights.shape[0]))
        scores = scores @ self._weights
        sizes = np.diff(scores.indptr)
        row = np.repeat(np.arange(high - low), sizes)
        enough = np.zeros(high - low, dtype=scores.dtype)  # the score of the last document that is kept
        for question in np.flatnonzero(sizes > self.keep):
            own = scores.data[scores.indptr[question] : scores.indptr[question + 1]]
            enough[question] = np.partition(own, len(own) - self.keep)[len(own) - self.keep]
        able = scores.data >= enough[row]
        row, document, score = row[able], scores.indices[able], scores.data[able]
        order = np.lexsort((document, -score, row))
        row, document, score = row[order], document[order], score[order]
        kept = np.arange(len(row)) - np.searchsorted(row, row) < self.keep
        counts = np.bincount(row[kept], minlength=high - low)
        return counts, document[kept].astype(np.int64), score[kept].astype(np.float64)


class Given:
    """The component `selection` of a re-ranking: the documents that a table names for each request.

    Args:
        name: The component's name.
        pairs: Columns `request_id, doc_id`, sound and each pair once; their order does not matter.

    Chapter: Search.
    """

    def __init__(self, name: str, pairs: pd.DataFrame) -> None:
        self.name = name
        request_id = values(pairs["request_id"])
        number, different = pd.factorize(request_id)
        self._request_id = pd.Index(different, dtype=request_id.dtype)
        self._doc_id = values(pairs["doc_id"])[np.argsort(number, kind="stable")]
        self._counts = np.bincount(number, minlength=len(different))

    def __call__(self, batch: Batch) -> Batch:
        """Give each request its documents; `score` is 0 for all, and a request that the table lacks has none."""
        asking = batch.requests["request_id"]
        number = self._request_id.get_indexer(pd.Index(asking, dtype=asking.dtype))
        counts = np.where(number >= 0, np.concatenate([self._counts, [0]])[number], 0)
        begin = np.concatenate([np.cumsum(self._counts) - self._counts, [0]])[number]
        row = np.repeat(np.arange(len(batch)), counts)
        item = np.arange(len(row)) + np.repeat(begin - (np.cumsum(counts) - counts), counts)
        return Batch(batch.requests, {"row": row, "doc_id": self._doc_id[item], "score": np.zeros(len(row))})

    def state(self) -> State:
        """The pairs."""
        pairs = {"request_id": np.repeat(self._request_id, self._counts).tolist(), "doc_id": self._doc_id.tolist()}
        return State(json=pairs)


def at_least_one(name: str, label: str, value: Any) -> int:
    """A setting that counts something.

    Args:
        name: The component, for the error.
        label: The setting, for the error.
        value: What was given.

    Returns:
        The value.

    Raises:
        ValueError: If it is not an integer of at least 1.

    Chapter: Search.

    >>> at_least_one("page", "show", 10)
    10
    """
    if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < 1:
        raise ValueError(f"{name}: {label} must be an integer of at least 1, got {value!r}.")
    return int(value)


def _restore(name: str, state: State) -> Selection:
    index = Index.restored(name, state)
    return Selection(name, index, keep=state.json["keep"], block=state.json["block"])


storage.register("lexical-selection", Selection, _restore)
storage.register("given-selection", Given, lambda name, state: Given(name, pd.DataFrame(dict(state.json))))
