"""What a batch asks for: its different questions, as numbers of terms."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate

import numpy as np
import pandas as pd

from mlsd_lib.architecture import Array, Batch
from mlsd_lib.systems.search.index import Index
from mlsd_lib.systems.search.text import terms


@dataclass(frozen=True, eq=False)
class Questions:
    """The different questions of a batch, each a query and a place to search for.

    Attributes:
        of_request: The question of each request, int64 of shape (requests,).
        start: Where the terms of each question begin, int64 of shape (questions + 1,).
        term: The numbers of their terms in the index, ascending within a question; a place is a term, too.
        asked: How many terms each query has, known to the index or not, int64 of shape (questions,).

    Chapter: Search.
    """

    of_request: Array
    start: Array
    term: Array
    asked: Array

    @classmethod
    def of(cls, batch: Batch, index: Index) -> Questions:
        """Read `rewritten` (or `query`) and, where there is one, `near` of each request.

        Args:
            batch: The requests.
            index: Where the terms are numbered.

        Returns:
            The questions, in the order of their first appearance.
        """
        arrays = batch.requests
        of_request, queries = pd.factorize(arrays.get("rewritten", arrays["query"]))
        near = np.full(len(of_request), "", dtype=object) if "near" not in arrays else arrays["near"]
        place, places = pd.factorize(near)
        pair, of_pair = np.unique(of_request * max(1, len(places)) + place, return_inverse=True)
        texts = [terms(query) for query in queries]
        known = [[index.term_of[term] for term in some if term in index.term_of] for some in texts]
        here = [[index.place_term_of[name]] if name in index.place_term_of else [] for name in places]
        query_of, place_of = np.divmod(pair, max(1, len(places)))
        both = [sorted(known[query]) + here[name] for query, name in zip(query_of, place_of, strict=True)]
        return cls(
            of_request=of_pair,
            start=np.array([0, *accumulate(map(len, both))], dtype=np.int64),
            term=np.array([number for some in both for number in some], dtype=np.int64),
            asked=np.array([len(texts[query]) for query in query_of], dtype=np.int64),
        )

    def __len__(self) -> int:
        """The number of questions."""
        return len(self.asked)

    def of_items(self, row: Array) -> tuple[Array, Array]:
        """Each candidate beside each term of its question.

        Args:
            row: The request of each candidate.

        Returns:
            The candidate and the term of each pair, candidates and then terms ascending.
        """
        question = self.of_request[row]
        counts = np.diff(self.start)[question]
        item = np.repeat(np.arange(len(row)), counts)
        within = np.arange(len(item)) - np.repeat(np.cumsum(counts) - counts, counts)
        return item, self.term[np.repeat(self.start[question], counts) + within]
