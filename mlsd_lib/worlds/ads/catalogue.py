"""Advertisers and their ads as codes: a few small numbers an ad, drawn block by block, and the frames made of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from mlsd_lib.architecture import Array
from mlsd_lib.worlds import chance
from mlsd_lib.worlds.ads import words
from mlsd_lib.worlds.ads.space import Space

FIRST_AD, AD_STEP = 10_003, 7  # the id of an ad is FIRST_AD + AD_STEP * its row
FIRST_ADVERTISER = 500
LEAST_BID = 0.05  # euros a click


@dataclass(frozen=True, eq=False)
class Catalogue:
    """What is for sale: an array an attribute, a row an ad.

    Attributes:
        seed: Seed of the world.
        space: The keywords.
        advertisers: How many advertisers there are.
        advertiser: Each ad's advertiser, int32, counted from 0.
        keyword: Each ad's keyword, int16.
        appeal: What each ad promises, int8.
        bid: Euros a click, float64 with whole cents.
    """

    seed: int
    space: Space
    advertisers: int
    advertiser: Array = field(repr=False)
    keyword: Array = field(repr=False)
    appeal: Array = field(repr=False)
    bid: Array = field(repr=False)

    def __len__(self) -> int:
        return len(self.bid)

    def rows(self, ad_id: Array) -> Array:
        """The row of each ad's id; -1 for an id of no ad."""
        row, rest = np.divmod(ad_id, AD_STEP)
        row -= FIRST_AD // AD_STEP
        return np.where((rest == FIRST_AD % AD_STEP) & (row >= 0) & (row < len(self)), row, -1)

    def ids(self, row: Array) -> Array:
        """The id of the ad in each row."""
        return FIRST_AD + AD_STEP * np.asarray(row, dtype=np.int64)

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The table of ads; keyword and text are categorical."""
        keyword = pd.CategoricalDtype(pd.Index(self.space.phrases, dtype="str"))
        texts = [
            f"{phrase[0].upper()}{phrase[1:]}: {appeal}." for phrase in self.space.phrases for appeal in words.APPEALS
        ]
        text = pd.CategoricalDtype(pd.Index(texts, dtype="str"))
        code = self.keyword.astype(np.int32) * len(words.APPEALS) + self.appeal
        return pd.DataFrame(
            {
                "ad_id": self.ids(np.arange(len(self))),
                "advertiser_id": FIRST_ADVERTISER + self.advertiser.astype(np.int64),
                "keyword": pd.Categorical.from_codes(self.keyword, dtype=keyword),
                "bid": self.bid,
                "text": pd.Categorical.from_codes(code, dtype=text),
            }
        )

    @cached_property
    def names(self) -> Array:
        """The advertisers' names; they differ."""
        first, second = len(words.FIRST), len(words.SECOND)
        number = np.arange(self.advertisers)
        chosen = chance.bits(self.seed, "name", number) % np.uint64(first * second)
        return np.array(
            [
                f"{words.FIRST[code // second]} {words.SECOND[code % second]} {one + 1}"
                for one, code in enumerate(chosen.tolist())
            ],
            dtype=object,
        )


def build(seed: int, space: Space, ads: int, advertisers: int, block: int) -> Catalogue:
    """Draw the ads of a world; each draw depends on the ad's row alone, not on how many there are or on the block.

    Args:
        seed: Seed of the world.
        space: The keywords.
        ads: How many ads.
        advertisers: How many advertisers; those with small numbers have more ads.
        block: How many ads to draw at once.

    Returns:
        The catalogue.
    """
    advertiser = np.empty(ads, dtype=np.int32)
    keyword = np.empty(ads, dtype=np.int16)
    appeal = np.empty(ads, dtype=np.int8)
    bid = np.empty(ads)
    home_ends = np.cumsum(np.sqrt(space.popularity))
    level = 0.5 * chance.normal(seed, "what a click is worth", np.arange(len(space.phrases)))
    for start, end in blocks(ads, block):
        row, part = np.arange(start, end), slice(start, end)
        whose = (advertisers * chance.uniform(seed, "advertiser", row) ** 1.5).astype(np.int32)
        home = np.searchsorted(home_ends, home_ends[-1] * chance.uniform(seed, "trade", whose))
        home = np.minimum(home, len(home_ends) - 1)
        about = space.after(home, chance.uniform(seed, "keyword", row))
        advertiser[part], keyword[part] = whose, about
        appeal[part] = len(words.APPEALS) * chance.uniform(seed, "appeal", row)
        euros = 0.6 * np.exp(level[about] + 0.5 * chance.normal(seed, "bid", row))
        bid[part] = np.maximum(np.round(euros, 2), LEAST_BID)
    return Catalogue(seed, space, advertisers, advertiser, keyword, appeal, bid)


def blocks(number: int, block: int) -> Iterator[tuple[int, int]]:
    """Where runs of `block` rows begin and end."""
    for start in range(0, number, block):
        yield start, min(start + block, number)
