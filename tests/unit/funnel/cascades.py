"""Cascades whose losses are known, because every candidate's place in every stage is written down."""

import numpy as np
import pandas as pd

from mlsd_lib.architecture import Batch, Edge, State, System
from mlsd_lib.funnel import Scored, best
from mlsd_lib.worlds import chance

EDGE = Edge(
    name="cascade",
    key="request_id",
    read=lambda frame: {"request_id": frame["request_id"].to_numpy()},
    write=lambda batch: pd.DataFrame(
        {"request_id": batch.requests["request_id"][batch.row], "item_id": batch.items["item_id"]}
    ),
)


class Offer:
    """Gives each request the candidates of a table."""

    name = "offer"

    def __init__(self, table):
        self.table = table

    def __call__(self, batch):
        place = pd.Index(batch.requests["request_id"]).get_indexer(pd.Index(self.table["request_id"]))
        own = self.table.assign(row=place)[place >= 0].sort_values("row", kind="stable")
        items = {name: own[name].to_numpy() for name in own if name != "request_id"}
        return Batch(batch.requests, items)

    def state(self):
        return State()


class Column:
    """Scores candidates by one of their arrays."""

    def __init__(self, name, column=None):
        self.name, self.column = name, column or name

    def __call__(self, batch):
        return Batch(batch.requests, {**batch.items, "score": batch.items[self.column]})

    def state(self):
        return State()


class Find:
    """A retrieval that is itself a stage: it finds the candidates of a table, best first by one of their columns."""

    def __init__(self, table, column, keep):
        self.name, self.offer, self.column, self.keep = column, Offer(table), column, keep

    def __call__(self, batch):
        return best(Column("", self.column)(self.offer(batch)), self.keep)

    def kept(self, keep):
        return Find(self.offer.table, self.column, keep)

    def state(self):
        return State()


def noisy(requests, *, text_ids=False, seed=0):
    """A table of candidates, more for some requests than for others, with what three ever better stages see in them."""
    sizes = 5 + (chance.uniform(seed, "size", requests) * 60).astype(int)
    request = np.repeat(requests, sizes)
    item = np.concatenate([np.arange(size) * 7 % 71 for size in sizes])
    true = chance.normal(seed, "true", request, item)
    seen = {
        name: np.round(true + noise * chance.normal(seed, name, request, item), 1)
        for name, noise in (("first", 1.5), ("second", 0.7), ("third", 0.2))
    }  # rounded, so that there are ties
    ids = np.array([f"item {number}" for number in item], dtype=object) if text_ids else item
    return pd.DataFrame({"request_id": request, "item_id": ids, **seen})


def cascade(table, keeps):
    """The three-stage funnel over a table of candidates."""
    first, second, third = keeps
    found = Find(table, "first", first)
    return System("cascade", EDGE, (found, Scored(Column("second"), second), Scored(Column("third"), third)))
