"""`understanding`: what kind of answer a query wants, and where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, reduce

import numpy as np
import pandas as pd
from scipy import sparse

from mlsd_lib import storage
from mlsd_lib.architecture import Array, Batch, State
from mlsd_lib.systems.search.index import Index
from mlsd_lib.systems.search.text import terms, words

INTENTS = ("local", "navigational", "informational")
LOCAL_FROM = 0.3  # probability of a local intent from which on the searcher's own place is tried
MOSTLY = 0.5  # share of the documents with a query's rarest term that lie somewhere, from which on it may be local
NEARBY = frozenset(("near", "nearby", "nearest", "closest", "open"))  # words that people add to local queries
FEW = 5  # documents with all terms of a query in their title, up to which a rule takes it for the name of one thing
RULES = np.array([(0.1, 0.1, 0.8), (0.8, 0.1, 0.1), (0.1, 0.8, 0.1), (0.4, 0.5, 0.1)])  # by 2 * named + lies
LONGEST_PLACE = 4  # words
CUES = ("terms", "names_place", "nearby", "in_few_titles", "in_no_title", "rarest", "rarest_lies", "lies", "unknown")
STEPS, RIDGE = 300, 1.0  # of learning


@dataclass(frozen=True, eq=False)
class Understanding:
    """The component `understanding`: adds `intent` and `near` to the requests.

    `intent` holds the probabilities of `INTENTS`, of shape (requests, 3). `near` is the place to search for: one that
    the query names, else the searcher's own where a local intent is likely enough, else "".

    Without a model it goes by rules: a query whose terms stand together in the titles of a few documents is probably
    navigational; one whose rarest term stands mostly in documents that lie somewhere, or that says "near", is probably
    local, one of both kinds may be either, and any other is probably informational.

    Attributes:
        name: The component's name.
        vocabulary: The terms of the documents.
        places: The places that documents lie in.
        frequency: In how many documents each term is, int64 of shape (terms,).
        place_share: Which share of those lies somewhere, float64 of shape (terms,).
        start: Where the documents that have each term in their title begin, int64 of shape (terms + 1,).
        titled: Those documents, ascending within a term, int32.
        documents: The number of documents.
        weights: A model: a row for each of `CUES`, for each term, and for the constant, a column for each intent;
            float64 of shape (cues + terms + 1, 3), or (0, 3) where nothing was learned.

    Chapter: Search.
    """

    name: str
    vocabulary: list[str]
    places: list[str]
    frequency: Array
    place_share: Array
    start: Array
    titled: Array
    documents: int
    weights: Array

    @classmethod
    def of(cls, name: str, index: Index) -> Understanding:
        """The component that goes by rules.

        Args:
            name: The component's name.
            index: The index of the documents.

        Returns:
            The component.
        """
        size = len(index.vocabulary)
        end = index.start[size]
        frequency = index.frequency[:size]
        term = np.repeat(np.arange(size), frequency)
        lies = index.place_of[index.document[:end]] >= 0
        in_title = index.in_title[:end] > 0
        return cls(
            name,
            vocabulary=index.vocabulary,
            places=index.places,
            frequency=frequency,
            place_share=np.bincount(term, weights=lies, minlength=size) / frequency,
            start=np.concatenate([[0], np.cumsum(np.bincount(term[in_title], minlength=size))]),
            titled=index.document[:end][in_title],
            documents=len(index),
            weights=np.empty((0, len(INTENTS))),
        )

    def __call__(self, batch: Batch) -> Batch:
        """Add `intent` and `near`; each different query is looked at once."""
        arrays = batch.requests
        number, different = pd.factorize(arrays.get("rewritten", arrays["query"]))
        queries = different.tolist()
        cues, ones = self._cues(queries)
        intent = (_probabilities(cues, ones, self.weights) if len(self.weights) else _ruled(cues))[number]
        named = np.array([self._named(query) for query in queries] or [""], dtype=object)[number]
        own = arrays["place"] if "place" in arrays else np.full(len(batch), "", dtype=object)
        near = np.where(named != "", named, np.where(intent[:, 0] >= LOCAL_FROM, own, ""))
        return Batch({**arrays, "intent": intent, "near": near}, batch.items)

    def learned(self, queries: Sequence[str], intent: Array, weight: Array) -> Understanding:
        """The component with a model: a logistic regression on cues and on the terms of the query.

        Args:
            queries: Texts.
            intent: How much each is of each intent, of shape (queries, 3), rows summing to 1.
            weight: How much each counts.

        Returns:
            A new component.
        """
        cues, ones = self._cues(queries)
        return replace(self, weights=_fitted(cues, ones, intent, weight / weight.sum()))

    def state(self) -> State:
        """What it knows of terms, places and titles, and the model."""
        arrays = {name: getattr(self, name) for name in ("frequency", "place_share", "start", "titled", "weights")}
        told = {"vocabulary": self.vocabulary, "places": self.places, "documents": self.documents}
        return State(arrays=arrays, json=told)

    @cached_property
    def _term_of(self) -> dict[str, int]:
        return {term: number for number, term in enumerate(self.vocabulary)}

    @cached_property
    def _place_of(self) -> dict[tuple[str, ...], str]:
        return {tuple(words(place)): place for place in reversed(self.places)}

    def _named(self, query: str) -> str:
        """The place that a query names, the longest if it names several, "" if it names none."""
        if not self._place_of:
            return ""
        said = words(query)
        for length in range(min(LONGEST_PLACE, len(said)), 0, -1):
            for first in range(len(said) - length + 1):
                place = self._place_of.get(tuple(said[first : first + length]))
                if place is not None:
                    return place
        return ""

    def _titles(self, some: Sequence[int]) -> int:
        """How many documents have all of some terms in their title."""
        lists = sorted((self.titled[self.start[term] : self.start[term + 1]] for term in some), key=len)
        return len(reduce(lambda a, b: a[np.isin(a, b, assume_unique=True)], lists)) if lists else 0

    def _cues(self, queries: Sequence[str]) -> tuple[Array, sparse.csr_array]:
        """The cues of each query, of shape (queries, cues), and its terms as ones, of shape (queries, terms)."""
        asked = [set(terms(query)) for query in queries]
        known = [sorted(self._term_of[term] for term in some if term in self._term_of) for some in asked]
        length, counts = np.array([len(some) for some in asked]), np.array([len(some) for some in known])
        titles = np.array([self._titles(some) for some in known])
        number = np.array([term for some in known for term in some], dtype=np.int64)
        row = np.repeat(np.arange(len(known)), counts) if len(known) else number
        rarity = np.log1p(self.documents / self.frequency[number])
        rarest, share = np.zeros((2, len(known)))
        order = np.lexsort((rarity, row))
        rarest[row[order]], share[row[order]] = rarity[order], self.place_share[number[order]]  # the last one stays
        some = np.maximum(1, counts)
        cues = [
            np.log1p(length),
            [self._named(query) != "" for query in queries],
            [bool(self.places) and not NEARBY.isdisjoint(words(query)) for query in queries],
            (titles > 0) & (titles <= FEW),
            titles == 0,
            rarest / 10,
            share,
            np.bincount(row, weights=self.place_share[number], minlength=len(known)) / some,
            (length - counts) / np.maximum(1, length),
        ]
        ends = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        ones = sparse.csr_array((np.ones(len(number)), number, ends), shape=(len(known), len(self.vocabulary)))
        return np.stack([np.asarray(cue, dtype=np.float64) for cue in cues], axis=1), ones


def _ruled(cues: Array) -> Array:
    named, nearby = cues[:, CUES.index("in_few_titles")] > 0, cues[:, CUES.index("nearby")] > 0
    lies = nearby | (cues[:, CUES.index("rarest_lies")] >= MOSTLY)
    return np.asarray(RULES[2 * named + lies])


def _probabilities(cues: Array, ones: sparse.csr_array, weights: Array) -> Array:
    """Softmax of cues and terms, summed cue by cue: products of matrices may round otherwise in other batches."""
    total = ones @ weights[len(CUES) : -1] + weights[-1]
    for place in range(len(CUES)):
        total = total + cues[:, place, None] * weights[place]
    odds = np.exp(total - total.max(axis=1, keepdims=True))
    return np.asarray(odds / odds.sum(axis=1, keepdims=True))


def _fitted(cues: Array, ones: sparse.csr_array, intent: Array, weight: Array) -> Array:
    """Multinomial logistic regression by accelerated gradient steps of a safe size, the same on every machine."""
    inputs = sparse.hstack([sparse.csr_array(cues), ones, np.ones((len(cues), 1))]).tocsr()
    back = inputs.T.tocsr()
    penalty = RIDGE / len(cues)
    step = 1 / (0.5 * float(inputs.multiply(inputs).sum(axis=1).max()) + penalty)
    weights = before = np.zeros((inputs.shape[1], len(INTENTS)))
    for number in range(STEPS):
        ahead = weights + number / (number + 3) * (weights - before)
        error = _probabilities(cues, ones, ahead) - intent
        slope = back @ (error * weight[:, None]) + penalty * ahead
        before, weights = weights, ahead - step * slope
    return np.asarray(weights)


def _restore(name: str, state: State) -> Understanding:
    arrays, told = state.arrays, state.json
    understanding = Understanding(
        name,
        vocabulary=told["vocabulary"],
        places=told["places"],
        documents=told["documents"],
        **{part: arrays[part] for part in ("frequency", "place_share", "start", "titled", "weights")},
    )
    if not _is_sound(understanding):
        raise ValueError(f"what component {name!r} knows of terms and places is not consistent")
    return understanding


def _is_sound(one: Understanding) -> bool:
    size = len(one.vocabulary)
    return (
        all(isinstance(word, str) for word in (*one.vocabulary, *one.places))
        and isinstance(one.documents, int)
        and one.frequency.shape == one.place_share.shape == (size,)
        and one.start.shape == (size + 1,)
        and one.start.dtype.kind == one.titled.dtype.kind == "i"
        and (one.start[0], one.start[-1]) == (0, len(one.titled))
        and bool(np.all(np.diff(one.start) >= 0))
        and one.weights.shape in ((0, len(INTENTS)), (len(CUES) + size + 1, len(INTENTS)))
        and bool(np.isfinite(one.weights).all() and np.isfinite(one.place_share).all())
        and bool(np.all(one.frequency > 0))
    )


storage.register("understanding", Understanding, _restore)
