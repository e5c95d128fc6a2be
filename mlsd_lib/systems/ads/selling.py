"""`understanding` and `auction`: the ends of the funnel, and the frames on both sides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd

from mlsd_lib import storage, tables
from mlsd_lib.architecture import Array, Batch, Edge, State
from mlsd_lib.funnel.stage import whole
from mlsd_lib.systems.ads.catalogue import Catalogue
from mlsd_lib.systems.ads.knowledge import Knowledge
from mlsd_lib.worlds import chance
from mlsd_lib.worlds.ads.auction import second_price

RankBy = Literal["value", "bid"]


@dataclass(frozen=True, eq=False)
class Understanding:
    """The component `understanding`: the keyword that a query names, and the code of the segment.

    Attributes:
        name: The component's name.
        ads: The catalogue, which knows the keywords.
        known: What a log taught, which knows the segments.

    Chapter: A funnel for scale.
    """

    name: str
    ads: Catalogue = field(repr=False)
    known: Knowledge = field(repr=False)

    def __call__(self, batch: Batch) -> Batch:
        """Add the request arrays `keyword` (-1 where none is named) and `group`."""
        number, texts = pd.factorize(batch.requests["query"])
        keyword = self.ads.named(texts)[number] if len(texts) else np.empty(0, dtype=np.int64)
        group = self.known.groups(batch.requests["segment"])
        return Batch({**batch.requests, "keyword": keyword, "group": group}, batch.items)

    def state(self) -> State:
        """The ads and what a log taught."""
        held, known = self.ads.state(), self.known.state()
        return State(arrays={**held.arrays, **known.arrays}, json={**held.json, **known.json})


@dataclass(frozen=True, eq=False)
class Auctioneer:
    """The component `auction`: sells the places by a generalised second-price auction.

    Attributes:
        name: The component's name.
        ads: The catalogue, which knows the bids.
        show: How many places there are.
        reserve: Least price of a click.
        rank_by: "value" ranks by bid times `probability`, "bid" by the bid alone.
        explore: Share of requests that are shown some of the candidates in random order, at the reserve price, so that
            the log teaches what the models would never show.
        seed: Seed of the exploring.

    Raises:
        ValueError: If a setting is out of range.

    Source: [edelman2007gsp]. Chapter: A funnel for scale.
    """

    name: str
    ads: Catalogue = field(repr=False)
    show: int
    reserve: float
    rank_by: RankBy = "value"
    explore: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "show", whole(self.name, "show", self.show))
        if not 0 <= self.reserve < np.inf or not 0 <= self.explore <= 1:
            raise ValueError(
                f"{self.name}: reserve must be a price of at least 0 and explore a share from 0 to 1, got "
                f"{self.reserve!r} and {self.explore!r}."
            )
        if self.rank_by not in get_args(RankBy):
            raise ValueError(f"{self.name}: rank_by must be 'value' or 'bid', got {self.rank_by!r}.")

    def __call__(self, batch: Batch) -> Batch:
        """Sell the places of each request to its candidates; adds `price`, items stand in the order of positions."""
        bid, row = self.ads.bid[batch.items["ad"]], batch.row
        likely = batch.items["probability"]
        sold = second_price(
            row, bid, likely if self.rank_by == "value" else np.ones(len(row)), places=self.show, reserve=self.reserve
        )
        item, price = sold.item, sold.price
        if self.explore:
            item, price = self._exploring(batch, bid, item, price)
        items = {name: values[item] for name, values in batch.items.items()}
        return Batch(batch.requests, {**items, "price": price})

    def state(self) -> State:
        """The ads and the settings."""
        held = self.ads.state()
        settings = {name: getattr(self, name) for name in ("show", "reserve", "rank_by", "explore", "seed")}
        return State(arrays=held.arrays, json={**held.json, **settings})

    def _exploring(self, batch: Batch, bid: Array, item: Array, price: Array) -> tuple[Array, Array]:
        request, row = batch.requests["request_id"], batch.row
        explores = chance.uniform(self.seed, "explores", request) < self.explore
        able = np.flatnonzero(explores[row] & (bid >= self.reserve))
        luck = chance.bits(self.seed, "explored", request[row[able]], batch.items["ad_id"][able])
        able = able[np.lexsort((luck, row[able]))]
        able = able[np.arange(len(able)) - np.searchsorted(row[able], row[able]) < self.show]
        usual = ~explores[row[item]]
        item = np.concatenate([item[usual], able])
        price = np.concatenate([price[usual], np.full(len(able), self.reserve)])
        order = np.argsort(row[item], kind="stable")
        return item[order], price[order]


def _read(requests: pd.DataFrame) -> Mapping[str, Array]:
    clean = tables.ads_requests(requests)
    ids = {name: _values(clean[name]) for name in ("request_id", "user_id", "session_id") if name in clean}
    segment = clean["segment"].to_numpy(dtype=object) if "segment" in clean else np.full(len(clean), "", dtype=object)
    return {**ids, "query": clean["query"].to_numpy(dtype=object), "segment": segment}


def _write(batch: Batch) -> pd.DataFrame:
    items = batch.items
    return pd.DataFrame(
        {
            "request_id": _column(batch.requests["request_id"][batch.row]),
            "position": batch.places() + 1,
            "ad_id": _column(items["ad_id"]),
            "price": items["price"],
            "score": items["score"],
            "probability": items["probability"],
        }
    )


def _values(ids: pd.Series[Any]) -> Array:
    return ids.to_numpy() if ids.dtype.kind in "iu" else ids.to_numpy(dtype=object)


def _column(values: Array) -> pd.Series[Any]:
    return pd.Series(values, dtype="str" if values.dtype == object else values.dtype)


def _understanding(name: str, state: State) -> Understanding:
    ads = Catalogue.restored(name, state)
    return Understanding(name, ads, Knowledge.restored(name, state, ads))


def _auctioneer(name: str, state: State) -> Auctioneer:
    settings = {key: state.json[key] for key in ("show", "reserve", "rank_by", "explore", "seed")}
    return Auctioneer(name, Catalogue.restored(name, state), **settings)


EDGE = Edge(name="ads", key="request_id", read=_read, write=_write)
storage.register_edge(EDGE)
storage.register("ads-understanding", Understanding, _understanding)
storage.register("ads-auction", Auctioneer, _auctioneer)
