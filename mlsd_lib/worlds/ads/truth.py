"""Components that know the truth, to see what a perfect one would be worth."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from mlsd_lib.architecture import Array, Batch, State
from mlsd_lib.worlds.ads import checks
from mlsd_lib.worlds.ads.clicks import Clicks
from mlsd_lib.worlds.ads.people import People, user_of

ORACLES = ("retrieval", "heavy")


@dataclass(frozen=True, eq=False)
class Oracle:
    """A component of an ads system that knows the truth; it reads the requests' ids.

    Attributes:
        name: Which component it stands for.
        keep: How many ads it passes on for a request at most.
        people: Who asked.
        clicks: What they like.

    Raises:
        ValueError: If `keep` is not a whole number of at least 1.

    Chapter: A funnel for scale.
    """

    name: str
    keep: int
    people: People = field(repr=False)
    clicks: Clicks = field(repr=False)

    def __post_init__(self) -> None:
        checks.whole(self.name, "keep", self.keep, 1, checks.MOST)

    def kept(self, keep: int) -> Oracle:
        """A copy that passes on another number of ads."""
        return replace(self, keep=keep)

    def __call__(self, batch: Batch) -> Batch:
        """Pass on the true best ads, of all or of those that came, best first."""
        request = batch.requests["request_id"]
        checks.request_ids(request)
        keyword, user = self.people.keyword(request), user_of(request)
        segment, sells = self.people.segment(user), self.clicks.catalogue
        if self.name == "retrieval":
            found = [self.clicks.best(*asked, self.keep) for asked in zip(keyword, user, segment, strict=True)]
            row = np.repeat(np.arange(len(batch)), [len(ad) for ad, _ in found])
            ad = np.concatenate([ad for ad, _ in found]) if found else np.empty(0, dtype=np.int64)
            likely = np.concatenate([likely for _, likely in found]) if found else np.empty(0)
            items: dict[str, Array] = {"row": row, "ad": ad, "ad_id": sells.ids(ad)}
        else:
            row, ad = batch.row, checks.rows(batch.items["ad_id"], "batch", sells)
            likely = self.clicks.probability(keyword[row], user[row], segment[row], ad)
            items = dict(batch.items)
        value = likely * sells.bid[ad]
        order = np.lexsort((-value, row))
        order = order[np.arange(len(row)) - np.searchsorted(row, row) < self.keep]
        items |= {"score": value, "probability": likely}
        return Batch(batch.requests, {name: values[order] for name, values in items.items()})

    def state(self) -> State:
        """Nothing is learned, and the truth is not to be saved."""
        return State(json={"oracle": self.name, "seed": self.people.seed, "keep": self.keep})
