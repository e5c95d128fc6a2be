"""Who clicks what: the true probability of a click, which no model may see, and the clicks that follow from it.

Every draw is keyed by the request and the ad, never by the position, so the same person meets the same luck whatever
is shown; only how far down they look depends on where an ad stands.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from mlsd_lib.architecture import Array
from mlsd_lib.worlds import chance
from mlsd_lib.worlds.ads import words
from mlsd_lib.worlds.ads.catalogue import Catalogue, blocks

# How the variance of what everybody likes, and of what is personal, is made up; each sums to 1.
QUALITY = {"advertiser": 0.6, "appeal": 0.2, "ad": 0.2}
PERSONAL = {"segment and appeal": 0.7, "user and advertiser": 0.3}
AT_ONCE = 500_000  # ads looked at together


@dataclass(frozen=True, eq=False)
class Clicks:
    """The law of clicks: log odds of a click on an ad that is looked at.

    Attributes:
        catalogue: The ads.
        personal: Share of the variance of the log odds, relation apart, that is personal to user and ad.
        steep: What the log odds lose as the likeness of two keywords falls from 1 to 0.
        base: Log odds for an average ad of the query's own keyword.
        eta: A person looks at position p with probability (1 / p) ** eta.
    """

    catalogue: Catalogue = field(repr=False)
    personal: float
    steep: float
    base: float
    eta: float

    @property
    def seed(self) -> int:
        """Seed of the world."""
        return self.catalogue.seed

    def probability(self, keyword: Array, user: Array, segment: Array, ad: Array) -> Array:
        """Probability of a click at position 1.

        Args:
            keyword: The keyword of the request, of shape (pairs,).
            user: Who asked.
            segment: Their segment.
            ad: Rows of ads.

        Returns:
            float64 of shape (pairs,), between 0 and 1.
        """
        sells = self.catalogue
        advertiser = sells.advertiser[ad]
        return self._probability(
            sells.space.likeness[keyword, sells.keyword[ad]],
            self.quality[ad],
            self.liking[segment, sells.appeal[ad]],
            chance.normal(self.seed, "taste", user, advertiser),
        )

    def _probability(self, likeness: Array, quality: Array, liking: Array, taste: Array) -> Array:
        odds = self.base + self.steep * (likeness - 1) + quality
        odds += np.sqrt(self.personal * PERSONAL["segment and appeal"]) * liking
        odds += np.sqrt(self.personal * PERSONAL["user and advertiser"]) * taste
        return np.asarray(1 / (1 + np.exp(-odds)))

    @cached_property
    def quality(self) -> Array:
        """What everybody likes about each ad, as log odds; float32 of shape (ads,)."""
        sells, share = self.catalogue, {name: np.sqrt((1 - self.personal) * part) for name, part in QUALITY.items()}
        trusted = chance.normal(self.seed, "quality of the advertiser", np.arange(sells.advertisers))
        liked = chance.normal(self.seed, "quality of the appeal", np.arange(len(words.APPEALS)))
        quality = np.empty(len(sells), dtype=np.float32)
        for start, end in blocks(len(sells), AT_ONCE):
            part = slice(start, end)
            quality[part] = share["advertiser"] * trusted[sells.advertiser[part]]
            quality[part] += share["appeal"] * liked[sells.appeal[part]]
            quality[part] += share["ad"] * chance.normal(self.seed, "quality of the ad", np.arange(start, end))
        return quality

    @cached_property
    def liking(self) -> Array:
        """How each segment likes each appeal, standard normal, of shape (segments, appeals)."""
        segment = np.arange(len(words.SEGMENTS))[:, None]
        return chance.normal(self.seed, "segment likes appeal", segment, np.arange(len(words.APPEALS)))

    def best(self, keyword: int, user: int, segment: int, top: int) -> tuple[Array, Array]:
        """The ads of highest value for one request, over all ads, a block at a time.

        Args:
            keyword: The keyword of the request.
            user: Who asked.
            segment: Their segment.
            top: How many ads.

        Returns:
            Rows of at most `top` ads, the best first and equal ones by row, and their click probabilities.
        """
        sells = self.catalogue
        taste = chance.normal(self.seed, "taste", user, np.arange(sells.advertisers))
        ad, probability, value = np.empty(0, dtype=np.int64), np.empty(0), np.empty(0)
        for start, end in blocks(len(sells), AT_ONCE):
            part = slice(start, end)
            own = self._probability(
                sells.space.likeness[keyword][sells.keyword[part]],
                self.quality[part],
                self.liking[segment][sells.appeal[part]],
                taste[sells.advertiser[part]],
            )
            worth = own * sells.bid[part]
            some = np.arange(len(worth))
            if len(some) > top:
                some = np.flatnonzero(worth >= np.partition(worth, len(worth) - top)[len(worth) - top])
            ad, probability = np.concatenate([ad, start + some]), np.concatenate([probability, own[some]])
            value = np.concatenate([value, worth[some]])
            order = np.lexsort((ad, -value))[:top]
            ad, probability, value = ad[order], probability[order], value[order]
        return ad, probability

    def react(self, run: int, request: Array, position: Array, ad: Array, probability: Array) -> Array:
        """Whether each ad that is shown is clicked.

        Args:
            run: Seed of the answers.
            request: Request ids, of shape (rows,).
            position: Positions from 1.
            ad: Rows of ads.
            probability: Of a click at position 1.

        Returns:
            bool of shape (rows,).
        """
        looks = chance.uniform(self.seed, "looks down to", run, request) < (1.0 / position) ** self.eta
        return np.asarray(looks & (chance.uniform(self.seed, "click", run, request, ad) < probability))
