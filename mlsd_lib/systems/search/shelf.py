"""Many rankers over candidates whose features were computed once.

To compare twenty rankers online, in a simulation, an engine of five components would find and describe the same
candidates twenty times. A shelf holds them ready by query and place; a ranker is then a column of scores.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from mlsd_lib.architecture import Array, System
from mlsd_lib.funnel.stage import whole
from mlsd_lib.systems.search import with_features
from mlsd_lib.systems.search.features import FEATURES

ASKED = ["query", "place"]


@dataclass(frozen=True, eq=False)
class Shelf:
    """Candidates and their features, ready for every query that is asked.

    Attributes:
        asked: The distinct `query, place`.
        candidates: A row a candidate, those of an asking together, in the order of the engine: `asking` (row of
            `asked`), `doc_id`, and `feature_<name>` for each feature.

    Chapter: Online evaluation.
    """

    asked: pd.DataFrame = field(repr=False)
    candidates: pd.DataFrame = field(repr=False)

    @staticmethod
    def of(system: System, requests: pd.DataFrame) -> Shelf:
        """Let an engine find and describe the candidates of all requests.

        Args:
            system: One that `mlsd_lib.systems.search.fit` made; what it shows are the candidates, so let it show many.
            requests: Columns `query` and `place`; for a closed loop of a world those of `worlds.search.possible`.

        Returns:
            The shelf.

        Raises:
            ValueError: If a column is missing or the system has no ranker of its own.

        >>> from mlsd_lib.systems import search
        >>> documents = pd.DataFrame({"doc_id": [3, 8], "title": ["Pizza", "Taxi"], "text": ["so fast", "very fast"]})
        >>> requests = pd.DataFrame({"request_id": [1, 2], "query": ["fast taxi", "fast taxi"], "place": ""})
        >>> shelf = Shelf.of(search.fit(documents), requests)
        >>> len(shelf.asked), shelf.candidates["doc_id"].tolist()
        (1, [8, 3])
        >>> last_first = shelf.engine(-shelf.candidates["feature_bm25"], show=1)
        >>> last_first.run(requests)
           request_id  position  doc_id
        0           1         1       3
        1           2         1       3
        """
        asked = _columns(requests).drop_duplicates(ignore_index=True)
        shown = with_features(system).run(asked.assign(request_id=np.arange(len(asked))))
        names = [f"feature_{name}" for name in FEATURES]
        candidates = shown.rename(columns={"request_id": "asking"})[["asking", "doc_id", *names]]
        return Shelf(asked, candidates.sort_values("asking", kind="stable", ignore_index=True))

    def engine(self, score: npt.ArrayLike, *, show: int = 10) -> Ordered:
        """An engine that shows the candidates of each query by a score.

        Args:
            score: A number a row of `candidates`; equal ones stay in the order of the table.
            show: How many to show at most.

        Returns:
            The engine.

        Raises:
            ValueError: If there is not one finite score for each candidate, or `show` is below 1.
        """
        whole("Shelf", "show", show)
        values = np.asarray(score, dtype=np.float64)
        if values.shape != (len(self.candidates),) or not np.isfinite(values).all():
            raise ValueError(
                f"Shelf: score has the shape {values.shape}; expected a finite number for each of "
                f"{len(self.candidates)} candidates."
            )
        start, count = self._lists
        asking = self.candidates["asking"].to_numpy()
        grid = np.full((len(self.asked), max(int(count.max(initial=0)), show)), -np.inf)
        grid[asking, np.arange(len(asking)) - start[asking]] = values
        order = np.argsort(-grid, axis=1, kind="stable")[:, :show]
        pages = np.where(order < count[:, None], start[:, None] + order, -1)
        return Ordered(self, pages)

    def rows(self, requests: pd.DataFrame) -> pd.DataFrame:
        """The candidates of each request with their features.

        Args:
            requests: Columns `request_id`, `query` and `place`.

        Returns:
            A row a request and candidate, by request in their order: `request_id`, `candidate` (the row of
            `candidates`, to look up a score), `doc_id` and the features.

        Raises:
            ValueError: If a request was never asked when the shelf was filled.
        """
        start, count = (each[self.places(requests)] for each in self._lists)
        step = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
        candidate = np.repeat(start, count) + step
        rows = self.candidates.take(candidate).drop(columns="asking").reset_index(drop=True)
        rows.insert(0, "request_id", np.repeat(requests["request_id"].to_numpy(), count))
        rows.insert(1, "candidate", candidate)
        return rows

    def places(self, requests: pd.DataFrame) -> Array:
        """The row of `asked` of each request; an error where there is none."""
        wanted = pd.MultiIndex.from_frame(_columns(requests))
        place = np.asarray(self._index.get_indexer(wanted))
        if (place < 0).any():
            first = int(np.argmax(place < 0))
            raise ValueError(
                f"requests: {int((place < 0).sum())} rows ask what the shelf does not hold (first: row {first}, query="
                f"{requests['query'].iloc[first]!r}). Fill it with all requests that can come: worlds.search.possible."
            )
        return place

    @cached_property
    def _lists(self) -> tuple[Array, Array]:
        """Where the candidates of each asking begin, and how many there are."""
        count = np.bincount(self.candidates["asking"], minlength=len(self.asked))
        return np.cumsum(count) - count, count

    @cached_property
    def _index(self) -> pd.MultiIndex:
        return pd.MultiIndex.from_frame(self.asked)


@dataclass(frozen=True, eq=False)
class Ordered:
    """An engine that shows what stands on a shelf in one order.

    Attributes:
        shelf: The shelf.
        pages: For each asking the rows of its candidates that are shown, -1 where there is no more.

    Chapter: Online evaluation.
    """

    shelf: Shelf = field(repr=False)
    pages: Array = field(repr=False)

    def run(self, requests: pd.DataFrame) -> pd.DataFrame:
        """The page of each request: `request_id, position, doc_id`."""
        page = self.pages[self.shelf.places(requests)]
        row, place = np.nonzero(page >= 0)
        return pd.DataFrame(
            {
                "request_id": requests["request_id"].to_numpy()[row],
                "position": place + 1,
                "doc_id": self.shelf.candidates["doc_id"].to_numpy()[page[row, place]],
            }
        )


def _columns(requests: pd.DataFrame) -> pd.DataFrame:
    missing = [column for column in ("request_id", *ASKED) if column not in requests]
    if missing:
        raise ValueError(f"requests: column {missing[0]!r} is missing. A shelf takes request_id, query and place.")
    return requests[ASKED].reset_index(drop=True)
