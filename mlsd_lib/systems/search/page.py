"""`page`: what the searcher gets to see."""

from __future__ import annotations

import numpy as np
import pandas as pd

from mlsd_lib import storage
from mlsd_lib.architecture import Batch, State
from mlsd_lib.systems.search.selection import at_least_one


class Page:
    """The component `page`: the documents with the highest scores, each once.

    Args:
        name: The component's name.
        show: How many documents to show for a request at most; at least 1.

    Raises:
        ValueError: If `show` is not an integer of at least 1.

    Chapter: Search.

    >>> items = {"row": np.zeros(3, int), "doc_id": np.array([7, 9, 7]), "score": np.array([0.1, 0.3, 0.2])}
    >>> Page("page", show=10)(Batch({"query": np.array(["pizza"])}, items)).items["doc_id"]
    array([9, 7])
    """

    def __init__(self, name: str, *, show: int) -> None:
        self.name = name
        self.show = at_least_one(name, "show", show)

    def __call__(self, batch: Batch) -> Batch:
        """Order each request's items by `score`, equal ones as they came, and cut; all item arrays are kept."""
        row = batch.row
        order = np.lexsort((-batch.items["score"], row))
        number, ids = pd.factorize(batch.items["doc_id"][order])
        _, first = np.unique(row[order] * max(1, len(ids)) + number, return_index=True)
        once = order[np.sort(first)]
        place = np.arange(len(once)) - np.searchsorted(row[once], row[once])
        seen = once[place < self.show]
        return Batch(batch.requests, {name: values[seen] for name, values in batch.items.items()})

    def state(self) -> State:
        """The setting."""
        return State(json={"show": self.show})


storage.register("page", Page, lambda name, state: Page(name, show=state.json["show"]))
