"""Search ads: from a query to a few ads and what a click on each costs.

Five components: `understanding` finds the keyword that a query names, `retrieval` takes the beginning of a list of ads
of that keyword and of related ones, `light` scores them with a linear model and keeps few, `heavy` scores those with
trees and keeps fewer, and `auction` sells the places. `retrieval`, `light` and `heavy` are the stages of a funnel.

Between them flow, beside `query`, the request arrays `keyword` (its code, -1 for none) and `group` (the segment's), and
the item arrays `ad` (row in the table of ads), `ad_id`, `score` (the value that the last stage expects: bid times the
probability of a click), after `heavy` also `probability`, and after `auction` `price`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TypeVar, get_args

import numpy as np
import pandas as pd

from mlsd_lib import tables
from mlsd_lib.architecture import System
from mlsd_lib.systems.ads.catalogue import Catalogue
from mlsd_lib.systems.ads.knowledge import FEATURES, Knowledge
from mlsd_lib.systems.ads.selling import EDGE, Auctioneer, RankBy, Understanding
from mlsd_lib.systems.ads.stages import LIGHT, Exhaustive, Heavy, Light, Retrieval
from mlsd_lib.systems.ads.training import Teacher, learn, lists

__all__ = ["FEATURES", "LIGHT", "exhaustive", "exploring", "fit", "paused"]

Kind = TypeVar("Kind")


def fit(
    ads: pd.DataFrame,
    log: pd.DataFrame | None = None,
    seed: int = 0,
    *,
    keep: tuple[int, int, int] = (1_000, 200, 20),
    show: int = 4,
    reserve: float = 0.05,
    rank_by: RankBy = "value",
    light: Teacher = "heavy",
) -> System:
    """An ads system over a table of ads; it learns from a log where it is given one.

    Without a log, `retrieval` knows only the keyword that a query names, and ads are ranked by their bids, since every
    click is taken for equally likely. From a log it learns which keywords are related (asked for, or clicked, in the
    same session), and how likely a click is. What it never showed it cannot learn: see `exploring`.

    Args:
        ads: Columns `ad_id, advertiser_id, keyword, bid, text`.
        log: Columns `request_id, query, ad_id, position, clicked` and, where there are, `session_id` (else `user_id`)
            and `segment`.
        seed: Seed of the learning.
        keep: How many ads `retrieval`, `light` and `heavy` pass on for a request at most.
        show: How many ads to show for a request at most.
        reserve: Least price of a click; ads that bid less are not shown.
        rank_by: Whether the auction ranks by bid times the probability of a click ("value") or by "bid".
        light: What the light model learns: "heavy" imitates the heavy model on ads that are retrieved; "clicks" learns
            clicks on ads that were shown.

    Returns:
        A System that turns requests (`request_id, query` and, where there is one, `segment`) into what is shown
        (`request_id, position, ad_id, price, score, probability`).

    Raises:
        ValueError: If a table is unsound, the log names an ad that `ads` lacks or has too little to learn from, or a
            setting is out of range.

    Source: [edelman2007gsp] for the auction. Chapter: A funnel for scale.

    >>> ads = {"ad_id": [1, 2], "advertiser_id": [7, 8], "keyword": "tent", "bid": [0.4, 0.9], "text": "Tents: dry."}
    >>> system = fit(pd.DataFrame(ads))
    >>> system.run(pd.DataFrame({"request_id": [1], "query": ["buy tent"]}))[["position", "ad_id", "price"]]
       position  ad_id  price
    0         1      2   0.40
    1         2      1   0.05
    """
    if light not in get_args(Teacher):
        raise ValueError(f"fit: light must be 'heavy' or 'clicks', got {light!r}.")
    if not isinstance(keep, tuple | list) or len(keep) != 3:
        raise ValueError(f"fit: keep is {keep!r}; expected three numbers, of retrieval, light and heavy.")
    clean = tables.ads(ads)
    catalogue = Catalogue.of(clean)
    auction = Auctioneer("auction", catalogue, show, reserve, rank_by)
    if log is None:
        known = Knowledge.nothing(catalogue)
        lightly = Light("light", keep[1], catalogue, known, np.zeros(len(catalogue), dtype=np.float32))
        stages = (lists(lightly, keep[0]), lightly, Heavy("heavy", keep[2], catalogue, known))
    else:
        clicks = tables.ads_log(log, ads=clean)
        known, stages = learn(catalogue, clicks, keep=keep, teacher=light, seed=seed)
    return System("ads", EDGE, (Understanding("understanding", catalogue, known), *stages, auction))


def exhaustive(system: System, *, keep: int | None = None, block: int = 65_536) -> System:
    """The yardstick: the same system with every ad scored by the heavy model, in blocks of bounded memory.

    Args:
        system: One that `fit` made.
        keep: How many ads go to the auction for a request at most; as many as in `system` if left out.
        block: How many ads to score at once; memory grows with it, results do not change.

    Returns:
        A System with the components `understanding`, `heavy` (which scores all ads) and `auction`.

    Raises:
        ValueError: If the system is none of this module, or a setting is below 1.

    Chapter: A funnel for scale.

    >>> ads = {"ad_id": [1, 2], "advertiser_id": 7, "keyword": ["tent", "rug"], "bid": 0.4, "text": ["Dry.", "Soft."]}
    >>> system = exhaustive(fit(pd.DataFrame(ads)))
    >>> system.run(pd.DataFrame({"request_id": [1], "query": ["tent"]}))["ad_id"].tolist()
    [1, 2]
    """
    heavy = _part(system, "heavy", Heavy)
    everything = Exhaustive("heavy", heavy.keep if keep is None else keep, heavy, block)
    return System(system.name, system.edge, (system["understanding"], everything, system["auction"]))


def exploring(system: System, *, share: float, seed: int = 0) -> System:
    """The same system, which shows some requests a few of the ads that reached the auction, in random order.

    A log of it teaches what the models would never show. With `system.replace(heavy=system["heavy"].kept(200))` it
    explores further down.

    Args:
        system: One that `fit` made.
        share: Share of the requests that are used to explore; they pay the reserve price.
        seed: Seed of which requests, and of which ads.

    Returns:
        A new system.

    Raises:
        ValueError: If the system is none of this module, or `share` is no share.

    Chapter: A funnel for scale.

    >>> ads = {"ad_id": range(9), "advertiser_id": 7, "keyword": "tent", "bid": 0.4, "text": "Tents: dry."}
    >>> system = exploring(fit(pd.DataFrame(ads)), share=1.0)
    >>> system.run(pd.DataFrame({"request_id": [1], "query": ["tent"]}))["price"].tolist()
    [0.05, 0.05, 0.05, 0.05]
    """
    return system.replace(auction=replace(_part(system, "auction", Auctioneer), explore=share, seed=seed))


def paused(system: System, advertiser_ids: Iterable[int | str]) -> System:
    """The same system without the ads of some advertisers, such as those whose budget is spent.

    Args:
        system: One that `fit` or `paused` made.
        advertiser_ids: Whose ads are not to be shown; all others are.

    Returns:
        A new system, whose lists are made anew.

    Raises:
        ValueError: If the system is none of this module.

    Chapter: A funnel for scale.

    >>> ads = {"ad_id": [1, 2], "advertiser_id": [7, 8], "keyword": "tent", "bid": [0.4, 0.9], "text": "Tents: dry."}
    >>> system = paused(fit(pd.DataFrame(ads)), [8])
    >>> system.run(pd.DataFrame({"request_id": [1], "query": ["buy tent"]}))["ad_id"].tolist()
    [1]
    """
    light, retrieval = _part(system, "light", Light), _part(system, "retrieval", Retrieval)
    catalogue = light.ads.paused(advertiser_ids)
    light = replace(light, ads=catalogue)
    heavy = _part(system, "heavy", Heavy).over(catalogue)
    return system.replace(retrieval=lists(light, retrieval.keep), light=light, heavy=heavy)


def _part(system: System, name: str, kind: type[Kind]) -> Kind:
    component = system[name]
    if not isinstance(component, kind):
        raise ValueError(
            f"{system.name}: {name!r} is a {type(component).__name__} where a {kind.__name__} was expected. Pass a "
            "system that mlsd_lib.systems.ads.fit made."
        )
    return component
