"""What each component of a system drops of an answer that it should have given."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from mlsd_lib import tables
from mlsd_lib.architecture import Array, System, Trace
from mlsd_lib.funnel.stage import whole
from mlsd_lib.metrics import mean

BLOCK = 500  # requests traced at once


def losses(
    system: System, requests: pd.DataFrame, reference: pd.DataFrame, *, item: str, block: int = BLOCK
) -> pd.DataFrame:
    """What each component drops of a wanted answer.

    Args:
        system: The system to take apart.
        requests: A frame of requests, as the system reads them.
        reference: The wanted answer, such as `opened(system, 5_000).run(requests)` or the truth: the column that
            identifies a request and the column `item`. A pair counts once; requests that are not asked are ignored.
        item: The name of the items' ids, such as "doc_id", in batches and in `reference`.
        block: How many requests to trace at once; memory grows with it, results do not change.

    Returns:
        A row a component, in order: `component`; `items`, how many candidates it passes on for a request on average;
        `lost`, the share of the wanted items that it dropped (below 0 where it brought some in); `left`, the share
        that is still there, with the ends `low` and `high` of its 95 per cent interval. Shares are means over the
        requests for which something is wanted. `lost` sums to 1 minus the last `left`. A component that comes before
        there are candidates loses nothing.

    Raises:
        ValueError: If `reference` lacks a column, no request that was asked has a wanted item, its ids are of another
            kind than the system's, or no component gives candidates an array called `item`.

    Chapter: A funnel for scale.

    >>> from mlsd_lib.systems import search
    >>> documents = pd.DataFrame({"doc_id": [1, 2], "title": ["Pizza", "Taxi"], "text": ["thin crust", "to pizza"]})
    >>> wanted = pd.DataFrame({"request_id": ["a", "a"], "doc_id": [1, 2]})
    >>> requests = pd.DataFrame({"request_id": ["a"], "query": ["pizza"]})
    >>> losses(search.lexical(documents, keep=1), requests, wanted, item="doc_id")[["component", "lost", "left"]]
       component  lost  left
    0  selection   0.5   0.5
    """
    wanted = Wanted.of(system, requests, reference, item)
    names = [component.name for component in system.components]
    found = np.zeros((len(names), len(wanted.code)), dtype=bool)
    items, named = np.zeros(len(names)), np.zeros(len(names), dtype=bool)
    for start, trace in traced(system, requests, block):
        for place, name in enumerate(names):
            batch = trace.after[name]
            if item in batch.items:
                named[place] = True
                items[place] += len(batch.row)
                found[place] |= wanted.among(batch.row + start, batch.items[item])
    if not named.any():
        raise ValueError(f"losses: no component of {system.name} gives its candidates an array {item!r}.")
    found[: int(np.argmax(named))] = True  # there were no candidates yet, so none was lost
    left = [mean(wanted.share(np.bincount(wanted.request[one], minlength=len(requests)))) for one in found]
    shares = np.array([1.0, *(one.value for one in left)])
    return pd.DataFrame(
        {
            "component": names,
            "items": items / len(requests),
            "lost": shares[:-1] - shares[1:],
            "left": shares[1:],
            "low": [one.low for one in left],
            "high": [one.high for one in left],
        }
    )


@dataclass(frozen=True)
class Wanted:
    """The items that requests should have been shown, coded as integers.

    Attributes:
        request: The request's place in the frame that was asked, an entry a wanted pair.
        code: The item's place in `ids`, an entry a wanted pair.
        ids: The ids of the items.
        counts: How many items are wanted, an entry a request.

    Chapter: A funnel for scale.
    """

    request: Array
    code: Array
    ids: pd.Index[Any]
    counts: Array

    @classmethod
    def of(cls, system: System, requests: pd.DataFrame, reference: pd.DataFrame, item: str) -> Wanted:
        """The pairs of a table that are for requests which were asked; see `losses`."""
        key = system.edge.key
        for column in (key, item):
            if column not in reference:
                raise ValueError(
                    f"reference: column {column!r} is missing; it has {', '.join(map(str, reference))}. Give a row for "
                    f"each wanted item, with {key!r} and {item!r}."
                )
        asked = pd.Index(system.edge.read(requests)[key])
        pairs = reference[[key, item]].drop_duplicates()
        request = asked.get_indexer(pd.Index(pairs[key]))
        pairs, request = pairs[request >= 0], request[request >= 0]
        if not len(pairs):
            raise ValueError(
                f"reference: none of its {len(reference)} rows is for one of the {len(asked)} requests that were "
                f"asked, by {key}. Compare the two columns, and whether both hold integers or both strings."
            )
        code, ids = pd.factorize(pairs[item])
        return cls(request, code, pd.Index(ids, name=item), np.bincount(request, minlength=len(asked)))

    def among(self, row: Array, candidates: Array) -> Array:
        """Whether each wanted pair is among candidates, of which `row` says whose they are."""
        return np.isin(self.request * len(self.ids) + self.code, self._keys(row, candidates))

    def holds(self, row: Array, candidates: Array) -> Array:
        """Whether each candidate is a wanted one."""
        return np.isin(self._keys(row, candidates), self.request * len(self.ids) + self.code)

    def share(self, hits: Array) -> pd.Series[float]:
        """The share of what is wanted that was found, an entry a request; NaN where nothing is wanted."""
        nothing = np.full(len(hits), np.nan)
        return pd.Series(np.divide(hits, self.counts, out=nothing, where=self.counts > 0))

    def _keys(self, row: Array, candidates: Array) -> Array:
        """A number for each pair of a request and a candidate; -1 for items that nobody wants."""
        own = pd.Series(candidates)
        tables.same_kind(self.ids.to_series(), own, str(self.ids.name), table="reference", where="the system")
        code = self.ids.get_indexer(pd.Index(own))
        return np.where(code < 0, -1, row * len(self.ids) + code)


def traced(system: System, requests: pd.DataFrame, block: int) -> Iterator[tuple[int, Trace]]:
    """Traces of a block of requests after the other, each with the place of its first request.

    Args:
        system: The system.
        requests: A frame of requests, as the system reads them.
        block: How many to trace at once; at least 1.

    Yields:
        The number of requests before the block, and its trace.

    Raises:
        ValueError: If `block` is not an integer of at least 1.

    Chapter: A funnel for scale.
    """
    for start in range(0, len(requests), whole("traced", "block", block)):
        yield start, system.trace(requests.iloc[start : start + block])
