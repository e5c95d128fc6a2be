"""The inverted index: which documents have a term, how often and where, and what it adds to their score.

`selection` reads the scores and `ranker` the evidence; in a fitted system both share one index.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import bm25s
import numpy as np
import pandas as pd
from scipy import sparse

from mlsd_lib.architecture import Array, State
from mlsd_lib.systems.search.text import Tokens

K1 = 1.5
B = 0.75
_ARRAYS = {
    "start": np.int64,
    "document": np.int32,
    "weight": np.float32,
    "in_title": np.uint16,
    "in_text": np.uint16,
    "first": np.uint16,
    "title_length": np.int32,
    "text_length": np.int32,
    "popularity": np.float64,
    "place_of": np.int32,
}


@dataclass(frozen=True, eq=False)
class Index:
    """An inverted index over documents.

    A place is a term like any other, of one posting for each document that lies there; such terms come after those of
    the vocabulary, so a query that asks for a place is scored in one go.

    Attributes:
        doc_id: The documents' ids, int64 or strings (as objects), of shape (documents,).
        vocabulary: The terms, each once.
        places: The places that documents lie in, each once.
        start: Where the postings of each term, then of each place, begin; int64 of shape (terms + places + 1,).
        document: The document of each posting, ascending within a term, int32 of shape (postings,).
        weight: What the posting adds to the document's BM25 score of title and text together, float32.
        in_title: How often the term stands in the title, uint16.
        in_text: How often it stands in the text, uint16.
        first: How many terms of title and text stand before its first occurrence, uint16.
        title_length: Terms in each title, int32 of shape (documents,).
        text_length: Terms in each text, int32 of shape (documents,).
        popularity: What the table says of each document, 0 where it says nothing, float64 of shape (documents,).
        place_of: The place of each document as its number, -1 where it has none, int32 of shape (documents,).

    Chapter: Search.
    """

    doc_id: Array
    vocabulary: list[str]
    places: list[str]
    start: Array
    document: Array
    weight: Array
    in_title: Array
    in_text: Array
    first: Array
    title_length: Array
    text_length: Array
    popularity: Array
    place_of: Array

    @classmethod
    def of(cls, documents: pd.DataFrame, tokens: Tokens) -> Index:
        """Build the index.

        Args:
            documents: A checked table: `doc_id`, and where there are, `popularity` and `place`.
            tokens: The words of title and text in turn, two texts a document.

        Returns:
            The index.

        Source: [robertson2009probabilistic], with the scores precomputed as in [lu2024bm25s].
        """
        n = len(documents)
        indexed, _ = tokens.stemmed()
        document, is_text = indexed.text >> 1, (indexed.text & 1).astype(bool)
        length = np.bincount(document, minlength=n)
        place_in = np.arange(len(document)) - (np.cumsum(length) - length)[document]
        key = indexed.word.astype(np.int64) * n + document
        order = np.argsort(key, kind="stable")
        posting, begins, times = np.unique(key[order], return_index=True, return_counts=True)
        number = np.repeat(np.arange(len(posting)), times)
        text = np.bincount(number[is_text[order]], minlength=len(posting))
        ids = values(documents["doc_id"])
        place_of, places = _places(documents)
        there, weight_there = _postings_of_places(place_of, len(places))
        counts = np.bincount(posting // n, minlength=len(indexed.words))
        none = np.zeros(len(there), dtype=np.uint16)
        return cls(
            doc_id=ids,
            vocabulary=indexed.words,
            places=places,
            start=np.concatenate([[0], np.cumsum([*counts, *np.bincount(place_of[there], minlength=len(places))])]),
            document=np.concatenate([(posting % n).astype(np.int32), there]),
            weight=np.concatenate([_bm25(indexed, document, n), weight_there]),
            in_title=np.concatenate([_short(times - text), none]),
            in_text=np.concatenate([_short(text), none]),
            first=np.concatenate([_short(place_in[order[begins]]), none]),
            title_length=np.bincount(document[~is_text], minlength=n).astype(np.int32),
            text_length=np.bincount(document[is_text], minlength=n).astype(np.int32),
            popularity=_popularity(documents),
            place_of=place_of,
        )

    def __len__(self) -> int:
        """The number of documents."""
        return len(self.doc_id)

    @cached_property
    def term_of(self) -> dict[str, int]:
        """The number of each term."""
        return {term: number for number, term in enumerate(self.vocabulary)}

    @cached_property
    def place_term_of(self) -> dict[str, int]:
        """The number of the term that stands for each place."""
        return {place: len(self.vocabulary) + number for number, place in enumerate(self.places)}

    @cached_property
    def frequency(self) -> Array:
        """In how many documents each term or place is, int64 of shape (terms + places,)."""
        return np.diff(self.start)

    @cached_property
    def rarity(self) -> Array:
        """BM25's weight of each term by its frequency, float64 of shape (terms + places,)."""
        return np.asarray(np.log1p((len(self) - self.frequency + 0.5) / (self.frequency + 0.5)))

    @cached_property
    def contents(self) -> sparse.csr_array:
        """The terms of each document, weighted as BM25 weighs them and scaled to length 1: (documents, terms)."""
        size = len(self.vocabulary)
        end = self.start[size]
        scores = sparse.csr_array((self.weight[:end], self.document[:end], self.start[: size + 1]), (size, len(self)))
        own = scores.T.tocsr()
        length = np.sqrt(np.bincount(self.document[:end], weights=np.square(self.weight[:end]), minlength=len(self)))
        own.data = (own.data / np.repeat(length, np.diff(own.indptr))).astype(np.float32)
        return own

    @cached_property
    def row_of(self) -> pd.Index[Any]:
        """Finds the row of a document by its id, with `get_indexer`."""
        return pd.Index(self.doc_id, dtype=self.doc_id.dtype)

    def rows(self, doc_id: Array, name: str) -> Array:
        """The row of each document.

        Args:
            doc_id: Ids.
            name: The component that asks, for the error.

        Returns:
            int64 array of the same shape.

        Raises:
            ValueError: If an id is none of this index.
        """
        rows: Array = self.row_of.get_indexer(pd.Index(doc_id, dtype=doc_id.dtype))
        lost = rows < 0
        if lost.any():
            first = doc_id[np.argmax(lost)]
            raise ValueError(
                f"{name}: {int(lost.sum())} items have a doc_id that the documents of this system do not have (first: "
                f"{first.item() if isinstance(first, np.generic) else first!r}).\nFit it on all documents that the "
                "selection may find."
            )
        return rows

    def postings(self, term: Array, document: Array) -> Array:
        """The posting of each pair of term and document.

        Args:
            term: Numbers of terms or places.
            document: Rows of documents, as many.

        Returns:
            The posting's number, -1 where the document does not have the term.
        """
        found = np.full(len(term), -1, dtype=np.int64)
        order = np.argsort(term, kind="stable")
        kinds, begins = np.unique(term[order], return_index=True)
        for kind, some in zip(kinds, np.split(order, begins)[1:], strict=True):  # begins starts with 0
            low, high = self.start[kind], self.start[kind + 1]
            own, wanted = self.document[low:high], document[some]
            place = np.minimum(np.searchsorted(own, wanted), high - low - 1)
            found[some] = np.where(own[place] == wanted, place + low, -1)
        return found

    def state(self) -> State:
        """The index as arrays, with what is text for JSON."""
        arrays = {name: getattr(self, name) for name in _ARRAYS}
        told: dict[str, Any] = {"vocabulary": self.vocabulary, "places": self.places}
        if self.doc_id.dtype == object:
            told["doc_id"] = list(self.doc_id)
        else:
            arrays["doc_id"] = self.doc_id
        return State(arrays=arrays, json=told)

    @classmethod
    def restored(cls, name: str, state: State) -> Index:
        """An index from its state; unsound arrays would be read beyond their ends, so they stop here.

        Args:
            name: The component it belongs to, for the error.
            state: What `state` gave, possibly with more.

        Returns:
            The index.

        Raises:
            ValueError: If arrays are missing, or do not fit together.
        """
        arrays, told = state.arrays, state.json
        doc_id = arrays["doc_id"] if "doc_id" in arrays else np.array(told["doc_id"], dtype=object)
        index = cls(doc_id, told["vocabulary"], told["places"], **{part: arrays[part] for part in _ARRAYS})
        if not index._is_sound():
            raise ValueError(f"the index of component {name!r} is not consistent")
        return index

    def _is_sound(self) -> bool:
        arrays = [getattr(self, field.name) for field in fields(self) if field.name in (*_ARRAYS, "doc_id")]
        if not all(isinstance(word, str) for word in (*self.vocabulary, *self.places)):
            return False
        if any(array.ndim != 1 for array in arrays) or any(
            getattr(self, part).dtype != kind for part, kind in _ARRAYS.items()
        ):
            return False
        terms, postings, n = len(self.vocabulary) + len(self.places), len(self.document), len(self.doc_id)
        return (
            all(len(a) == postings for a in (self.weight, self.in_title, self.in_text, self.first))
            and all(len(a) == n for a in (self.title_length, self.text_length, self.popularity, self.place_of))
            and len(self.start) == terms + 1
            and (self.start[0], self.start[-1]) == (0, postings)
            and bool(np.all(np.diff(self.start) > 0))
            and bool(np.all((self.document >= 0) & (self.document < n)))
            and bool(np.all((self.place_of >= -1) & (self.place_of < len(self.places))))
            and bool(np.isfinite(self.weight).all() and np.isfinite(self.popularity).all())
        )


def _bm25(indexed: Tokens, document: Array, n: int) -> Array:
    """The score of each posting, in the order of term and document."""
    ends = np.searchsorted(document, np.arange(1, n))
    corpus = [part.tolist() for part in np.split(indexed.word, ends)]
    scorer = bm25s.BM25(k1=K1, b=B, method="lucene", backend="numpy", csc_backend="numpy")
    numbers = {term: number for number, term in enumerate(indexed.words)}
    scorer.index((corpus, numbers), create_empty_token=False, show_progress=False)
    scores = scorer.scores
    term = np.repeat(np.arange(len(indexed.words)), np.diff(scores["indptr"]))
    return np.asarray(scores["data"][np.lexsort((scores["indices"], term))])


def _postings_of_places(place_of: Array, places: int) -> tuple[Array, Array]:
    """The documents of each place, and the weight of a term that stands once in a field of usual length."""
    there = np.argsort(place_of, kind="stable")[np.count_nonzero(place_of < 0) :].astype(np.int32)
    having = np.bincount(place_of[there], minlength=places)
    rarity = np.log1p((len(place_of) - having + 0.5) / (having + 0.5))
    return there, (rarity / (1 + K1))[place_of[there]].astype(np.float32)


def _places(documents: pd.DataFrame) -> tuple[Array, list[str]]:
    if "place" not in documents:
        return np.full(len(documents), -1, dtype=np.int32), []
    named = documents["place"].where(documents["place"] != "")
    numbers, places = pd.factorize(named)
    return numbers.astype(np.int32), [str(place) for place in places]


def _popularity(documents: pd.DataFrame) -> Array:
    if "popularity" not in documents:
        return np.zeros(len(documents))
    return documents["popularity"].to_numpy(dtype=np.float64)


def _short(numbers: Array) -> Array:
    return np.minimum(numbers, np.iinfo(np.uint16).max).astype(np.uint16)


def values(column: pd.Series[Any]) -> Array:
    """A checked column of ids or texts as an array: integers as int64, strings as objects.

    Args:
        column: The column.

    Returns:
        An array of the same length.

    Chapter: Search.

    >>> values(pd.Series([3, 1])).dtype
    dtype('int64')
    """
    return column.to_numpy(dtype=np.int64 if column.dtype == np.int64 else object)
