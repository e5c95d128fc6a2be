"""The stages of the funnel: `retrieval`, `light` and `heavy`, each with fewer ads to score and a better score.

All three score by the value they expect, bid times the probability of a click, and order ads of equal score by their
row, so that what a stage keeps is the beginning of what it would keep with a larger `keep`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from mlsd_lib import storage
from mlsd_lib.architecture import Array, Batch, State
from mlsd_lib.funnel.stage import whole
from mlsd_lib.systems.ads.catalogue import Catalogue
from mlsd_lib.systems.ads.knowledge import FEATURES, Knowledge

PLAIN = 0.05  # click probability of every ad where nothing was learned
STEEP = 6.0  # what the log odds of the models start from: STEEP * (relation - 1)
LIGHT = ("one", "offline", "relation", "relation_squared", "own_keyword", "liking")
SUMMED = ("advertiser", "appeal", "liking", "ad")  # features that are logarithms of a ratio of clicks
AT_ONCE = 65_536  # ads scored together


@dataclass(frozen=True, eq=False)
class Retrieval:
    """The component `retrieval`: the beginning of a list that was made before the request came.

    Each keyword has a list of ads, of its own and of related keywords, with the value that the light model expects of
    them from everybody. So a request costs the same whatever the number of ads.

    Attributes:
        name: The component's name.
        keep: How many ads to pass on for a request at most; a list is as long as it was made, too.
        ads: The catalogue.
        start: Where each keyword's list begins, int64 of shape (keywords + 1,).
        ad: The lists, one after the other: rows of ads, int32, best first.
        value: What is expected of each, float32.

    Raises:
        ValueError: If `keep` is not an integer of at least 1.

    Chapter: A funnel for scale.
    """

    name: str
    keep: int
    ads: Catalogue = field(repr=False)
    start: Array = field(repr=False)
    ad: Array = field(repr=False)
    value: Array = field(repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "keep", whole(self.name, "keep", self.keep))

    def kept(self, keep: int) -> Retrieval:
        """A copy that passes on another number of ads."""
        return replace(self, keep=keep)

    def __call__(self, batch: Batch) -> Batch:
        """Look up the lists; a request that names no keyword gets no ad."""
        keyword = batch.requests["keyword"]
        begin = self.start[keyword]
        counts = np.where(keyword < 0, 0, np.minimum(self.start[keyword + 1] - begin, self.keep))
        row = np.repeat(np.arange(len(batch)), counts)
        item = np.arange(len(row)) + np.repeat(begin - (np.cumsum(counts) - counts), counts)
        ad = self.ad[item].astype(np.int64)
        score = self.value[item].astype(np.float64)
        return Batch(batch.requests, {"row": row, "ad": ad, "ad_id": self.ads.ad_id[ad], "score": score})

    def state(self) -> State:
        """The ads and the lists."""
        held = self.ads.state()
        lists = {"list_start": self.start, "list_ad": self.ad, "list_value": self.value}
        return State(arrays={**held.arrays, **lists}, json={**held.json, "keep": self.keep})


@dataclass(frozen=True, eq=False)
class Light:
    """The component `light`: a linear model of few features.

    Attributes:
        name: The component's name.
        keep: How many ads to pass on for a request at most.
        ads: The catalogue.
        known: What a log taught.
        offline: Log odds that the heavy model gives each ad ahead of any request, float32 of shape (ads,).
        weight: The weights of `LIGHT`; none where nothing was learned.

    Raises:
        ValueError: If `keep` is not an integer of at least 1, or the weights are for other features.

    Chapter: A funnel for scale.
    """

    name: str
    keep: int
    ads: Catalogue = field(repr=False)
    known: Knowledge = field(repr=False)
    offline: Array = field(repr=False)
    weight: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "keep", whole(self.name, "keep", self.keep))
        if len(self.weight) not in (0, len(LIGHT)):
            raise ValueError(f"{self.name}: the model reads other features than this version of the library computes.")

    def kept(self, keep: int) -> Light:
        """A copy that passes on another number of ads."""
        return replace(self, keep=keep)

    def __call__(self, batch: Batch) -> Batch:
        """Score the ads of each request and pass on the best."""
        ad, row = batch.items["ad"], batch.row
        keyword, group = batch.requests["keyword"][row], batch.requests["group"][row]
        return _best(batch, self.ads.bid[ad] * self.probability(keyword, group, ad), self.keep)

    def probability(self, keyword: Array, group: Array, ad: Array) -> Array:
        """What the model takes the probability of a click at position 1 for, float64 of shape (pairs,)."""
        if not self.weight:
            return np.full(len(ad), PLAIN)
        return sigmoid(self.features(keyword, group, ad) @ np.array(self.weight))

    def from_everybody(self, related: Array, ad: Array) -> Array:
        """The same for ads of keywords whose part of the log odds is known, whatever the segment."""
        if not self.weight:
            return np.full(len(ad), PLAIN)
        return sigmoid(self.weight[LIGHT.index("offline")] * self.offline[ad].astype(np.float64) + related)

    def related(self, keyword: Array, other: Array) -> Array:
        """The part of the log odds that is the two keywords' alone, the constant with it, of shape (pairs,)."""
        if not self.weight:
            return np.zeros(len(other))
        relation = self.known.relation(keyword, other).astype(np.float64)
        columns = np.column_stack([np.ones(len(other)), relation, relation**2, keyword == other])
        names = ("one", "relation", "relation_squared", "own_keyword")
        return np.asarray(columns @ np.array([self.weight[LIGHT.index(name)] for name in names]))

    def features(self, keyword: Array, group: Array, ad: Array) -> Array:
        """What the model sees of pairs of a request and an ad, float64 of shape (pairs, 6), in the order of `LIGHT`."""
        theirs = self.ads.keyword[ad]
        relation = self.known.relation(keyword, theirs).astype(np.float64)
        liking = self.known.liking[group, self.ads.appeal[ad]]
        seen = (np.ones(len(ad)), self.offline[ad], relation, relation**2, keyword == theirs, liking)
        return np.column_stack([column.astype(np.float64) for column in seen])

    def state(self) -> State:
        """The ads, what a log taught, and the model."""
        held, known = self.ads.state(), self.known.state()
        arrays = {**held.arrays, **known.arrays, "offline": self.offline}
        return State(arrays=arrays, json={**held.json, **known.json, "keep": self.keep, "weight": list(self.weight)})


@dataclass(frozen=True, eq=False)
class Heavy:
    """The component `heavy`: trees that estimate the probability of a click, then calibrated.

    Attributes:
        name: The component's name.
        keep: How many ads to pass on for a request at most.
        ads: The catalogue.
        known: What a log taught.
        model: A LightGBM model over `FEATURES` in LightGBM's text format; "" takes every ad for equally likely.
        average: Log odds that everything else is added to.
        calibration: What the model's log odds are multiplied by, and what is added, to fit clicks that are new to it.

    Raises:
        ValueError: If `keep` is not an integer of at least 1, or the model cannot be read or is over other features.

    Chapter: A funnel for scale.
    """

    name: str
    keep: int
    ads: Catalogue = field(repr=False)
    known: Knowledge = field(repr=False)
    model: str = field(default="", repr=False)
    average: float = 0.0
    calibration: tuple[float, float] = (1.0, 0.0)

    def __post_init__(self) -> None:
        object.__setattr__(self, "keep", whole(self.name, "keep", self.keep))
        if self.model and tuple(self._booster.feature_name()) != FEATURES:
            raise ValueError(f"{self.name}: the model reads other features than this version of the library computes.")

    def kept(self, keep: int) -> Heavy:
        """A copy that passes on another number of ads."""
        return self._copied(keep, self.ads)

    def over(self, ads: Catalogue) -> Heavy:
        """A copy over the same ads, of which others may be shown."""
        return self._copied(self.keep, ads)

    def _copied(self, keep: int, ads: Catalogue) -> Heavy:
        copy = Heavy(self.name, keep, ads, self.known, "", self.average, self.calibration)
        object.__setattr__(copy, "model", self.model)
        if self.model:
            copy.__dict__["_booster"] = self._booster  # to read the text again would take longer than all the rest
        return copy

    def __call__(self, batch: Batch) -> Batch:
        """Score the ads of each request, add `probability`, and pass on the best."""
        ad, row = batch.items["ad"], batch.row
        likely = self.probability(batch.requests["keyword"][row], batch.requests["group"][row], ad)
        items = {**batch.items, "probability": likely}
        return _best(Batch(batch.requests, items), self.ads.bid[ad] * likely, self.keep)

    def probability(self, keyword: Array, group: Array, ad: Array) -> Array:
        """Probability of a click at position 1, float64 of shape (pairs,)."""
        if not self.model:
            return np.full(len(ad), PLAIN)
        return sigmoid(self.odds(keyword, group, ad))

    def odds(self, keyword: Array, group: Array, ad: Array) -> Array:
        """Log odds of a click at position 1, calibrated, float64 of shape (pairs,)."""
        parts = [np.empty(0)]
        for low in range(0, len(ad), AT_ONCE):
            part = slice(low, low + AT_ONCE)
            parts.append(self.raw(self.known.features(self.ads, keyword[part], group[part], ad[part])))
        return self.calibration[0] * np.concatenate(parts) + self.calibration[1]

    def raw(self, seen: Array) -> Array:
        """Log odds before calibration, from features of shape (pairs, 7)."""
        return np.asarray(self._booster.predict(seen, raw_score=True, num_threads=1)) + self.average + begin(seen)

    def state(self) -> State:
        """The ads, what a log taught, and the model."""
        held, known = self.ads.state(), self.known.state()
        json = {**held.json, **known.json, "keep": self.keep, "average": self.average}
        json["calibration"] = list(self.calibration)
        return State(arrays={**held.arrays, **known.arrays}, json=json, texts={"model": self.model})

    @cached_property
    def _booster(self) -> Any:
        import lightgbm

        try:
            return lightgbm.Booster(model_str=self.model)
        except lightgbm.basic.LightGBMError as error:
            raise ValueError(f"{self.name}: the model cannot be read ({error}).") from None


@dataclass(frozen=True, eq=False)
class Exhaustive:
    """The component `heavy` of the yardstick: all ads scored for each request, a block at a time.

    Attributes:
        name: The component's name.
        keep: How many ads to pass on for a request at most.
        heavy: What scores them.
        block: How many ads to score at once; memory grows with it, results do not change.

    Chapter: A funnel for scale.
    """

    name: str
    keep: int
    heavy: Heavy = field(repr=False)
    block: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "keep", whole(self.name, "keep", self.keep))
        whole(self.name, "block", self.block)

    def kept(self, keep: int) -> Exhaustive:
        """A copy that passes on another number of ads."""
        return replace(self, keep=keep)

    def __call__(self, batch: Batch) -> Batch:
        """The best of all ads that may be shown, for each request that names a keyword."""
        requests = batch.requests
        asking = np.flatnonzero(requests["keyword"] >= 0)
        found = [self._over_all(requests["keyword"][row], requests["group"][row]) for row in asking]
        ad = np.concatenate([np.empty(0, dtype=np.int64), *(ad for ad, _ in found)])
        likely = np.concatenate([np.empty(0), *(likely for _, likely in found)])
        row, ads = np.repeat(asking, [len(ad) for ad, _ in found]), self.heavy.ads
        items = {"row": row, "ad": ad, "ad_id": ads.ad_id[ad], "score": ads.bid[ad] * likely, "probability": likely}
        return Batch(requests, items)

    def _over_all(self, keyword: int, group: int) -> tuple[Array, Array]:
        """The best ads for one request, and their click probabilities."""
        ads = self.heavy.ads
        best, its = np.empty(0, dtype=np.int64), np.empty(0)
        for low in range(0, len(ads), self.block):
            ad = low + np.flatnonzero(ads.active[low : low + self.block])
            likely = self.heavy.probability(np.full(len(ad), keyword), np.full(len(ad), group), ad)
            some = top(ads.bid[ad] * likely, self.keep)
            best, its = np.concatenate([best, ad[some]]), np.concatenate([its, likely[some]])
            order = np.lexsort((best, -ads.bid[best] * its))[: self.keep]
            best, its = best[order], its[order]
        return best, its

    def state(self) -> State:
        """What the model holds, and the block."""
        held = self.heavy.state()
        json = {**held.json, "keep": self.keep, "block": self.block}
        return State(arrays=held.arrays, json=json, texts=held.texts)


def begin(seen: Array) -> Array:
    """What the trees add to: the log odds by rule of thumb, from which they depart where there is enough data."""
    odds = STEEP * (seen[:, 0].astype(np.float64) - 1)
    return np.asarray(odds + seen[:, [FEATURES.index(name) for name in SUMMED]].sum(axis=1))


def sigmoid(odds: Array) -> Array:
    """Probabilities of log odds."""
    return np.asarray(1 / (1 + np.exp(-np.clip(odds, -50, 50))))


def top(score: Array, keep: int) -> Array:
    """Places of all scores that are among the `keep` highest, ties included, in order of place."""
    if len(score) <= keep:
        return np.arange(len(score))
    return np.flatnonzero(score >= np.partition(score, len(score) - keep)[len(score) - keep])


def _best(batch: Batch, score: Array, keep: int) -> Batch:
    """The ads of each request with the highest scores, best first, equal ones by row."""
    counts = batch.counts()
    begin_ = np.cumsum(counts) - counts
    enough = np.full(len(batch), -np.inf)  # the score of the last ad that is kept
    for request in np.flatnonzero(counts > keep):
        own = score[begin_[request] : begin_[request] + counts[request]]
        enough[request] = np.partition(own, len(own) - keep)[len(own) - keep]
    able = np.flatnonzero(score >= enough[batch.row])
    mine = batch.row[able]
    order = able[np.lexsort((batch.items["ad"][able], -score[able], mine))]
    order = order[np.arange(len(mine)) - np.searchsorted(mine, mine) < keep]
    return Batch(batch.requests, {name: values[order] for name, values in {**batch.items, "score": score}.items()})


def _retrieval(name: str, state: State) -> Retrieval:
    ads = Catalogue.restored(name, state)
    start, ad, value = (state.arrays[f"list_{part}"] for part in ("start", "ad", "value"))
    ends = np.diff(start)
    if len(start) != len(ads.phrases) + 1 or start[0] != 0 or ends.min() < 0 or not start[-1] == len(ad) == len(value):
        raise ValueError(f"{name}: the lists do not fit each other")
    if len(ad) and not 0 <= ad.min() <= ad.max() < len(ads):
        raise ValueError(f"{name}: a list names an ad that is not there")
    return Retrieval(name, state.json["keep"], ads, start, ad, value)


def _light(name: str, state: State) -> Light:
    ads = Catalogue.restored(name, state)
    known = Knowledge.restored(name, state, ads)
    if len(state.arrays["offline"]) != len(ads):
        raise ValueError(f"{name}: the scores made offline do not fit the ads")
    return Light(name, state.json["keep"], ads, known, state.arrays["offline"], tuple(state.json["weight"]))


def _heavy(name: str, state: State) -> Heavy:
    ads = Catalogue.restored(name, state)
    known = Knowledge.restored(name, state, ads)
    slope, shift = state.json["calibration"]
    average = state.json["average"]
    return Heavy(name, state.json["keep"], ads, known, state.texts["model"], average, (slope, shift))


def _exhaustive(name: str, state: State) -> Exhaustive:
    return Exhaustive(name, state.json["keep"], _heavy(name, state), state.json["block"])


storage.register("ads-retrieval", Retrieval, _retrieval)
storage.register("ads-light", Light, _light)
storage.register("ads-heavy", Heavy, _heavy)
storage.register("ads-exhaustive", Exhaustive, _exhaustive)
