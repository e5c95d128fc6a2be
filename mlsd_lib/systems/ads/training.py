"""Learning from a log: knowledge first, then trees on requests it did not see, then a linear model that imitates them.

The requests of a log are cut in three by session: from most of them come the statistics that models look up, from
others the trees, and from the rest the calibration. A model that learned from rows that its own features were counted
on would trust those features more than it should.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd

from mlsd_lib.architecture import Array
from mlsd_lib.systems.ads.catalogue import Catalogue
from mlsd_lib.systems.ads.knowledge import FEATURES, Knowledge, learned
from mlsd_lib.systems.ads.stages import AT_ONCE, LIGHT, STEEP, Heavy, Light, Retrieval, begin, sigmoid, top
from mlsd_lib.worlds import chance

Teacher = Literal["heavy", "clicks"]

STATISTICS, TREES = 0.5, 0.9  # shares of a log where each part ends; the rest calibrates
RELATED = 64  # keywords whose ads a list may hold
DEPTH = 2_000  # ads of a list at most
DEPTH_OF_RELATED = 500  # ads of any one related keyword in it at most
TAUGHT = 60  # requests whose candidates the light model imitates the heavy one on
FEWEST = 200  # rows that a model needs
SETTINGS: dict[str, Any] = {
    "objective": "binary",
    "learning_rate": 0.1,
    "num_leaves": 15,
    "min_data_in_leaf": 100,
    "lambda_l2": 5.0,
    "monotone_constraints": [1, 1, 1, 1, 1, 1, -1],
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,
    "verbosity": -1,
}
GROWN = 60


class Rows(NamedTuple):
    """Rows of a log as codes, arrays of shape (rows,).

    Attributes:
        keyword: The keyword that the query names; -1 for none.
        group: The segment.
        ad: The row of the ad.
        position: Where it stood.
        clicked: Whether it was clicked.
    """

    keyword: Array
    group: Array
    ad: Array
    position: Array
    clicked: Array

    def where(self, some: Array) -> Rows:
        """Some of the rows."""
        return Rows(*(values[some] for values in self))


def learn(
    ads: Catalogue, log: pd.DataFrame, *, keep: tuple[int, int, int], teacher: Teacher, seed: int
) -> tuple[Knowledge, tuple[Retrieval, Light, Heavy]]:
    """Everything that a log teaches.

    Args:
        ads: The catalogue.
        log: A checked log, whose ads the catalogue has.
        keep: How many ads `retrieval`, `light` and `heavy` pass on.
        teacher: What the light model learns from.
        seed: Seed of the learning.

    Returns:
        Knowledge and the three stages.

    Raises:
        ValueError: If too few rows teach, or nothing was clicked.
    """
    texts, queries = pd.factorize(log["query"])
    keyword = ads.named(queries)[texts]
    ad = ads.rows(log["ad_id"].to_numpy())
    column = next(name for name in ("session_id", "user_id", "request_id") if name in log)
    context, contexts = pd.factorize(log[column])
    part = chance.uniform(seed, "part of the log", np.arange(len(contexts)))[context]
    named, clicked = keyword >= 0, log["clicked"].to_numpy()
    first, grown, rest = part < STATISTICS, (part >= STATISTICS) & (part < TREES) & named, (part >= TREES) & named
    if grown.sum() < FEWEST or any(clicked[some].all() or not clicked[some].any() for some in (first, grown, rest)):
        raise ValueError(
            f"log: {len(log)} rows, of which {int(clicked.sum())} are clicked and {int(named.sum())} have a query that "
            "names a keyword of the ads, are too few to learn from. Log more requests."
        )
    known = learned(ads, log[first], keyword[first], ad[first], context[first])
    group = known.groups(log["segment"].to_numpy()) if "segment" in log else np.zeros(len(log), dtype=np.int64)
    rows = Rows(keyword, group, ad, log["position"].to_numpy(), clicked)
    heavy = calibrated(_trees(ads, known, rows.where(grown), keep[2], seed), rows.where(rest))
    blank = Light("light", keep[1], ads, known, _offline(heavy))
    light = replace(blank, weight=_from_clicks(blank, rows.where(grown)))
    if teacher == "heavy":
        asked = np.flatnonzero(named)[np.argsort(chance.bits(seed, "taught", np.flatnonzero(named)))[:TAUGHT]]
        candidates = lists(light, keep[0], keywords=np.unique(keyword[asked]))
        light = replace(blank, weight=_imitating(heavy, light, candidates, keyword[asked], group[asked]))
    return known, (lists(light, keep[0]), light, heavy)


def calibrated(heavy: Heavy, rows: Rows) -> Heavy:
    """The model with its log odds stretched and moved to fit the clicks of rows that it did not learn from.

    Args:
        heavy: The model.
        rows: Rows of a log.

    Returns:
        The calibrated model.
    """
    odds = heavy.raw(heavy.known.features(heavy.ads, rows.keyword, rows.group, rows.ad, rows.position))
    slope, shift = _logistic(np.column_stack([odds, np.ones(len(odds))]), rows.clicked, np.array([1.0, 0.0]))
    return replace(heavy, calibration=(slope, shift))


def lists(light: Light, keep: int, *, keywords: Array | None = None) -> Retrieval:
    """A list of ads for each keyword, of its own and of related ones, by the value the light model expects.

    Args:
        light: The model; what it knows of the request's segment is left out.
        keep: How many ads the retrieval passes on.
        keywords: Which keywords need a list; all if left out.

    Returns:
        The retrieval.
    """
    ads, number = light.ads, len(light.ads.phrases)
    able = np.flatnonzero(ads.active)
    alone = ads.bid[able]  # what an ad is worth to those who ask for its own keyword
    for part in _parts(len(able)):
        own = ads.keyword[able[part]]
        alone[part] *= light.from_everybody(light.related(own, own), able[part])
    able = able[np.lexsort((able, -alone, ads.keyword[able]))]
    low, high = np.searchsorted(ads.keyword[able], [np.arange(number), np.arange(1, number + 1)])
    high = np.minimum(high, low + DEPTH)
    chosen, values = [np.empty(0, dtype=np.int32)], [np.empty(0, dtype=np.float32)]
    start = np.zeros(number + 1, dtype=np.int64)
    for keyword in range(number) if keywords is None else keywords:
        near = _near(light, keyword)
        ends = np.where(near == keyword, high[near], np.minimum(high[near], low[near] + DEPTH_OF_RELATED))
        ad = np.concatenate([able[first:end] for first, end in zip(low[near], ends, strict=True)])
        odds = np.repeat(light.related(np.full(len(near), keyword), near), ends - low[near])
        value = ads.bid[ad] * light.from_everybody(odds, ad)
        some = top(value, DEPTH)
        order = some[np.lexsort((ad[some], -value[some]))][:DEPTH]
        chosen.append(ad[order].astype(np.int32))
        values.append(value[order].astype(np.float32))
        start[keyword + 1] = len(order)
    start = np.cumsum(start)
    return Retrieval("retrieval", keep, ads, start, np.concatenate(chosen), np.concatenate(values))


def _near(light: Light, keyword: int) -> Array:
    """A keyword and the ones that are nearest to it; itself alone where nothing was learned."""
    if not light.weight:
        return np.array([keyword])
    likeness = light.known.place @ light.known.place[keyword]
    likeness[keyword] = np.inf
    near = np.argsort(-likeness, kind="stable")[:RELATED]
    return np.asarray(near[likeness[near] > 0])


def _trees(ads: Catalogue, known: Knowledge, rows: Rows, keep: int, seed: int) -> Heavy:
    import lightgbm

    seen = known.features(ads, rows.keyword, rows.group, rows.ad, rows.position)
    thumb = begin(seen)
    average = _logistic(np.ones((len(thumb), 1)), rows.clicked, np.zeros(1), offset=thumb)[0]
    data = lightgbm.Dataset(
        seen,
        label=rows.clicked,
        init_score=average + thumb,
        feature_name=list(FEATURES),
        params={"verbosity": -1},
    )
    model = lightgbm.train({**SETTINGS, "seed": seed}, data, num_boost_round=GROWN)
    return Heavy("heavy", keep, ads, known, str(model.model_to_string()), average)


def _offline(heavy: Heavy) -> Array:
    """Log odds of a click on each ad by somebody of any segment who asks for its keyword."""
    odds = np.empty(len(heavy.ads), dtype=np.float32)
    for part in _parts(len(heavy.ads)):
        ad = np.arange(part.start, part.stop)
        odds[part] = heavy.odds(heavy.ads.keyword[ad], np.full(len(ad), len(heavy.known.segments)), ad)
    return odds


def _from_clicks(light: Light, rows: Rows) -> tuple[float, ...]:
    """Weights of the light model from clicks on ads that were shown; what a lower place costs is set apart."""
    seen = np.column_stack([light.features(rows.keyword, rows.group, rows.ad), np.log(rows.position)])
    start = {"one": -STEEP, "offline": 1.0, "relation": STEEP, "liking": 1.0}
    weight = _logistic(seen, rows.clicked, np.array([*(start.get(name, 0.0) for name in LIGHT), -1.0]))
    return weight[: len(LIGHT)]


def _imitating(heavy: Heavy, light: Light, retrieval: Retrieval, keyword: Array, group: Array) -> tuple[float, ...]:
    """Weights of the light model that come nearest to the heavy model's log odds, on candidates of some requests."""
    counts = retrieval.start[keyword + 1] - retrieval.start[keyword]
    item = np.repeat(retrieval.start[keyword] - (np.cumsum(counts) - counts), counts) + np.arange(counts.sum())
    pairs = np.repeat(keyword, counts), np.repeat(group, counts), retrieval.ad[item].astype(np.int64)
    odds, seen = heavy.odds(*pairs), light.features(*pairs)
    weight = np.sqrt(heavy.ads.bid[pairs[2]] * sigmoid(odds))  # the most valuable ads are to be right
    found, *_ = np.linalg.lstsq(seen * weight[:, None], odds * weight, rcond=None)
    return tuple(found.tolist())


def _logistic(seen: Array, clicked: Array, start: Array, offset: Array | float = 0.0) -> tuple[float, ...]:
    """Weights of a logistic regression, drawn a little towards `start`, by Newton's method."""
    weight = start.astype(np.float64)
    for _ in range(30):
        likely = sigmoid(seen @ weight + offset)
        slope = seen.T @ (likely - clicked) + (weight - start)
        curve = (seen * (likely * (1 - likely))[:, None]).T @ seen + np.eye(len(weight))
        step = np.linalg.solve(curve, slope)
        weight = weight - step
        if np.abs(step).max() < 1e-9:
            break
    return tuple(weight.tolist())


def _parts(number: int) -> Iterator[slice]:
    for low in range(0, number, AT_ONCE):
        yield slice(low, min(low + AT_ONCE, number))
