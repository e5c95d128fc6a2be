"""What a log teaches before any model: which keywords belong together, and how well each thing was clicked."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.sparse import linalg

from mlsd_lib.architecture import Array, State
from mlsd_lib.systems.ads.catalogue import Catalogue

DIMENSIONS = 24  # of the space that keywords are placed in
PRIOR = {"advertiser": 4.0, "appeal": 20.0, "liking": 20.0, "ad": 4.0}  # expected clicks that count as much as the data
CACHED = 8_192  # pairs of keywords compared at once: few enough for a processor's cache
FEATURES = ("relation", "own_keyword", "advertiser", "appeal", "liking", "ad", "position")


@dataclass(frozen=True, eq=False)
class Knowledge:
    """Statistics of a log, as tables to look up.

    Attributes:
        segments: The segments, in the order of their codes; one code more stands for any other.
        place: Where each keyword lies, unit vectors, float32 of shape (keywords, dimensions).
        advertiser: Clicks on each advertiser's ads against what was to be expected, as a logarithm, float32.
        appeal: The same for each wording.
        liking: The same for each segment and wording, of shape (segments + 1, wordings), beyond the wording's own.
        ad: The same for each ad, beyond its advertiser's and wording's.
    """

    segments: tuple[str, ...]
    place: Array = field(repr=False)
    advertiser: Array = field(repr=False)
    appeal: Array = field(repr=False)
    liking: Array = field(repr=False)
    ad: Array = field(repr=False)

    def groups(self, segment: Array) -> Array:
        """The code of each segment."""
        code = {name: number for number, name in enumerate(self.segments)}
        return np.array([code.get(name, len(code)) for name in segment.tolist()], dtype=np.int64)

    def relation(self, keyword: Array, other: Array) -> Array:
        """Cosine of pairs of keywords, float32; 1 for a keyword with itself."""
        cosine = np.empty(len(other), dtype=np.float32)
        for low in range(0, len(other), CACHED):
            part = slice(low, low + CACHED)
            np.einsum("ij,ij->i", self.place[keyword[part]], self.place[other[part]], out=cosine[part])
        return cosine

    def features(self, ads: Catalogue, keyword: Array, group: Array, ad: Array, position: Array | float = 1.0) -> Array:
        """What the models see of pairs of a request and an ad.

        Args:
            ads: The catalogue.
            keyword: The request's keyword, of shape (pairs,).
            group: The code of its segment.
            ad: Rows of ads.
            position: Where the ad stood; 1 where it is not known yet.

        Returns:
            float32 of shape (pairs, 7), in the order of `FEATURES`.
        """
        seen = np.empty((len(ad), len(FEATURES)), dtype=np.float32)
        theirs, appeal = ads.keyword[ad], ads.appeal[ad]
        seen[:, 0] = self.relation(keyword, theirs)
        seen[:, 1] = keyword == theirs
        seen[:, 2] = self.advertiser[ads.advertiser[ad]]
        seen[:, 3] = self.appeal[appeal]
        seen[:, 4] = self.liking[group, appeal]
        seen[:, 5] = self.ad[ad]
        seen[:, 6] = position
        return seen

    def state(self) -> State:
        """All of it."""
        arrays = {name: getattr(self, name) for name in ("place", "liking")}
        arrays |= {f"{name}_clicks": getattr(self, name) for name in ("advertiser", "appeal", "ad")}
        return State(arrays=arrays, json={"segments": list(self.segments)})

    @staticmethod
    def restored(name: str, state: State, ads: Catalogue) -> Knowledge:
        """The knowledge in a component's saved state."""
        learned = {key: state.arrays[f"{key}_clicks"] for key in ("advertiser", "appeal", "ad")}
        segments, place, liking = state.json["segments"], state.arrays["place"], state.arrays["liking"]
        sizes = [len(place), *map(len, learned.values()), *liking.shape]
        expected = [len(ads.phrases), len(ads.advertiser_id), len(ads.appeals), len(ads)]
        if sizes != [*expected, len(segments) + 1, len(ads.appeals)]:
            raise ValueError(f"{name}: what was learned does not fit the ads")
        return Knowledge(tuple(segments), place, learned["advertiser"], learned["appeal"], liking, learned["ad"])

    @staticmethod
    def nothing(ads: Catalogue) -> Knowledge:
        """What is known before the first log: each keyword is related to itself alone."""
        place = np.zeros((len(ads.phrases), 1), dtype=np.float32)
        sizes = (len(ads.advertiser_id), len(ads.appeals), (1, len(ads.appeals)), len(ads))
        return Knowledge((), place, *(np.zeros(size, dtype=np.float32) for size in sizes))


def learned(ads: Catalogue, log: pd.DataFrame, keyword: Array, ad: Array, context: Array) -> Knowledge:
    """Knowledge of a log.

    Args:
        ads: The catalogue.
        log: A checked log.
        keyword: The code of the keyword that each row's query names; -1 for none.
        ad: The row of each row's ad.
        context: A number for what each row belongs to: a session, a user, or the request alone.

    Returns:
        The tables to look up.
    """
    clicked = log["clicked"].to_numpy(dtype=np.float64)
    segment = log["segment"] if "segment" in log else pd.Series("", index=log.index)
    group, segments = pd.factorize(segment, sort=True)
    expected = expected_clicks(log["position"].to_numpy(), clicked)
    own, wordings = ads.advertiser[ad], len(ads.appeals)
    advertiser = _lift(own, clicked, expected, len(ads.advertiser_id), "advertiser")
    expected = expected * np.exp(advertiser[own])
    appeal = _lift(ads.appeal[ad], clicked, expected, wordings, "appeal")
    expected = expected * np.exp(appeal[ads.appeal[ad]])
    cell = group * wordings + ads.appeal[ad]
    liking = _lift(cell, clicked, expected, (len(segments) + 1) * wordings, "liking").reshape(-1, wordings)
    expected = expected * np.exp(liking[group, ads.appeal[ad]])
    return Knowledge(
        tuple(map(str, segments)),
        _places(len(ads.phrases), keyword, ads.keyword[ad], clicked > 0, context),
        advertiser.astype(np.float32),
        appeal.astype(np.float32),
        liking.astype(np.float32),
        _lift(ad, clicked, expected, len(ads), "ad").astype(np.float32),
    )


def expected_clicks(position: Array, clicked: Array) -> Array:
    """Clicks to be expected of each row by its position alone."""
    shown = np.bincount(position)
    rate = np.bincount(position, weights=clicked) + 20 * clicked.mean()
    return np.asarray((rate / (shown + 20))[position])


def _lift(code: Array, clicked: Array, expected: Array, number: int, kind: str) -> Array:
    """Logarithm of clicks over expected ones for each code, drawn towards 0 where there is little data."""
    prior = PRIOR[kind]
    clicks = np.bincount(code, weights=clicked, minlength=number)
    return np.asarray(np.log((clicks + prior) / (np.bincount(code, weights=expected, minlength=number) + prior)))


def _places(keywords: int, asked: Array, answered: Array, clicked: Array, context: Array) -> Array:
    """Where keywords lie, from which of them come together in contexts: asked for there, or clicked there.

    The positive part of their pointwise mutual information is factored by its largest eigenvalues.
    """
    known = asked >= 0
    where = np.concatenate([context[known], context[clicked]])
    which = np.concatenate([asked[known], answered[clicked]])
    pairs = np.unique(where.astype(np.int64) * keywords + which)
    shape = (int(context.max(initial=0)) + 1, keywords)
    seen: Any = sparse.csr_array((np.ones(len(pairs)), (pairs // keywords, pairs % keywords)), shape=shape)
    together = (seen.T @ seen).tocoo()
    often = np.asarray(seen.sum(axis=0)).ravel()
    apart = together.row != together.col
    row, column, count = together.row[apart], together.col[apart], together.data[apart]
    total = together.data[apart].sum()
    margin = np.bincount(row, weights=count, minlength=keywords)
    information = np.log(count * total / (margin[row] * margin[column])) if len(count) else np.empty(0)
    # a pair that was seen once or twice says little: its information counts by how often it was seen
    weight = np.maximum(information, 0.0) * count / (count + 2.0)
    matrix = sparse.csr_array((weight, (row, column)), shape=(keywords, keywords))
    matrix = matrix + sparse.diags_array(np.where(often > 0, 1e-9, 0.0))
    number = min(DIMENSIONS, keywords - 1)
    if not len(count) or number < 1:
        return np.zeros((keywords, 1), dtype=np.float32)
    value, vector = linalg.eigsh(matrix, k=number, which="LA", v0=np.ones(keywords))
    place = vector * np.sqrt(np.maximum(value, 0.0))
    length = np.linalg.norm(place, axis=1, keepdims=True)
    return np.where(length > 1e-6, place / np.maximum(length, 1e-6), 0.0).astype(np.float32)
