"""An experiment in which the arms get in each other's way: they spend the budgets of the same advertisers.

    requests["arm"] = assign(requests["user_id"], experiment="reserve price")   # mlsd_lib.online.experiment
    engines = {"control": old, "treatment": new}                                # mlsd_lib.systems.ads
    seen = market_day(world, engines, requests, pause=ads.paused).users         # what the experiment sees
    true = {arm: market_day(world, engines, requests.assign(arm=arm), pause=ads.paused).users for arm in engines}
    cured = market_day(world, engines, requests, pause=ads.paused, split=True).users

Each table has a row a user with `arm`, `shown`, `clicks` and `charged`. The true effect compares the means of the two
tables of `true`: all people under one system, and whole budgets for it. What the arms share, the stronger one takes
from the other, so that an experiment sees it twice: once as a gain, once as the other's loss.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
import pandas as pd

from mlsd_lib.architecture import Array
from mlsd_lib.worlds.ads import checks
from mlsd_lib.worlds.ads.world import AdsWorld


class Seller(Protocol):
    """Whatever turns a frame of requests into ads with prices, such as a System.

    Chapter: Experiments.
    """

    def run(self, requests: pd.DataFrame) -> pd.DataFrame:
        """A frame with `request_id, position, ad_id, price` for a frame of requests."""
        ...


Sells = TypeVar("Sells", bound=Seller)


@dataclass(frozen=True)
class MarketDay:
    """What a day brought.

    Attributes:
        log: A row an ad shown, with `arm`, `clicked`, `price` and `charged`: what the budget still paid of a click.
        users: A row a user who asked: `user_id`, `arm`, `requests`, `shown`, `clicks` and `charged` (euros).
        spent: By advertiser and arm, the euros charged; `advertiser_id`, `arm`, `spent`.
        stopped: Share of the advertisers whose budget was spent before the day was over; of the arms' markets where
            budgets were split, on average.

    Chapter: Experiments.
    """

    log: pd.DataFrame
    users: pd.DataFrame
    spent: pd.DataFrame
    stopped: float


def market_day(
    world: AdsWorld,
    engines: Mapping[str, Sells],
    requests: pd.DataFrame,
    *,
    pause: Callable[[Sells, Iterable[int]], Sells],
    advertisers: pd.DataFrame | None = None,
    split: bool = False,
    parts: int = 12,
    seed: int = 0,
) -> MarketDay:
    """A day of two or more arms in one market, in which advertisers stop when their budget is spent.

    Args:
        world: Where people and advertisers live.
        engines: The engine of each arm.
        requests: As `AdsWorld.requests` made them, with the column `arm`; the same for all requests of a user.
        pause: Makes an engine that shows no ads of some advertisers: `mlsd_lib.systems.ads.paused`.
        advertisers: Columns `advertiser_id` and `budget`; the world's if left out.
        split: Whether each arm has budgets of its own, in proportion to its share of the users, so that no arm can
            spend another's.
        parts: How often a day it is looked up whose budget is spent, from 1 to 1,000.
        seed: Seed of the answers.

    Returns:
        The day.

    Raises:
        ValueError: If a table or a setting is unsound, a user is in two arms, an arm has no engine, or nothing
            is shown.

    Source: [kohavi2020trustworthy]. Chapter: Experiments.

    >>> from mlsd_lib.systems import ads
    >>> world = AdsWorld(ads=1_000, keywords=50, base=-1.0)
    >>> requests = world.requests(world.users(500), n=1_000, day=0)
    >>> engines = {"control": ads.fit(world.ads, show=1), "treatment": ads.fit(world.ads, show=4)}
    >>> requests["arm"] = np.where(requests["user_id"] % 2 == 0, "control", "treatment")
    >>> day = market_day(world, engines, requests, pause=ads.paused)
    >>> day.users.groupby("arm")["charged"].mean().round(2).to_dict()
    {'control': 0.45, 'treatment': 1.5}
    """
    checks.whole("market_day", "parts", parts, 1, 1_000)
    asked = _asked(requests, engines)
    everyone = asked.drop_duplicates("user_id")
    share = everyone["arm"].value_counts(normalize=True)
    accounts = checks.advertisers(world.advertisers if advertisers is None else advertisers)
    ids = accounts["advertiser_id"].to_numpy()
    budget = accounts["budget"].to_numpy(dtype=np.float64)
    owner = world.ads.set_index("ad_id")["advertiser_id"]
    arms = [name for name in engines if name in share.index]
    left = {name: budget * share[name] for name in arms} if split else {"": budget.copy()}
    logs = []
    for part in np.array_split(np.arange(len(asked)), parts):
        now, rows = asked.iloc[part], []
        for name in arms:
            own = now[now["arm"] == name].reset_index(drop=True)
            if len(own):
                stopped = ids[left[name if split else ""] <= 0]
                rows.append(world.respond(own, pause(engines[name], stopped.tolist()).run(own), seed))
        if not rows:
            continue
        log = pd.concat(rows, ignore_index=True).sort_values(["ts", "request_id", "position"], ignore_index=True)
        log["charged"] = 0.0
        advertiser = pd.Index(ids).get_indexer(pd.Index(owner[log["ad_id"]]))
        for market, money in left.items():
            mine = np.flatnonzero(log["clicked"].to_numpy() & ((log["arm"].to_numpy() == market) | (not split)))
            log.loc[mine, "charged"] = _charge(money, advertiser[mine], log["price"].to_numpy()[mine])
        logs.append(log.assign(advertiser_id=ids[advertiser]))
    if not sum(map(len, logs)):
        raise ValueError(f"market_day: to {len(asked)} requests no engine showed any ad. Look at engine.run(requests).")
    log = pd.concat(logs, ignore_index=True)
    stopped_share = float(np.mean([(money <= 0).mean() for money in left.values()]))
    spent = log.groupby(["advertiser_id", "arm"])["charged"].sum().rename("spent").reset_index()
    return MarketDay(log, _users(asked, log), spent, stopped_share)


def _charge(left: Array, advertiser: Array, price: Array) -> Array:
    """What each click is charged, in order, while budgets last; takes it from `left`."""
    order = np.argsort(advertiser, kind="stable")
    who, cost = advertiser[order], price[order]
    total = np.cumsum(cost)
    first = np.searchsorted(who, who)
    before = total - cost - np.where(first > 0, total[first - 1], 0.0)
    charged = np.empty(len(price))
    charged[order] = np.clip(left[who] - before, 0.0, cost)
    left -= np.bincount(advertiser, weights=charged, minlength=len(left))
    left[left < 1e-9] = 0.0  # of sums in another order some dust remains
    return charged


def _asked(requests: pd.DataFrame, engines: Mapping[str, Sells]) -> pd.DataFrame:
    clean = checks.requests(requests)
    missing = [column for column in ("user_id", "ts", "arm") if column not in clean]
    if missing:
        raise ValueError(
            f"requests: column {missing[0]!r} is missing. Assign arms first: requests['arm'] = assign(...)."
        )
    unknown = ~clean["arm"].isin(list(engines)).to_numpy()
    if unknown.any():
        raise ValueError(
            f"requests: {int(unknown.sum())} requests are in an arm that has no engine (first: arm="
            f"{clean['arm'].iloc[int(np.argmax(unknown))]!r}). Engines: {', '.join(map(repr, engines)) or 'none'}."
        )
    arms = clean[["user_id", "arm"]].drop_duplicates()
    twice = arms["user_id"].duplicated().to_numpy()
    if twice.any():
        raise ValueError(
            f"requests: {int(twice.sum())} users are in two arms (first: user_id="
            f"{arms['user_id'].iloc[int(np.argmax(twice))]}). Assign by user_id."
        )
    return clean.sort_values(["ts", "request_id"], ignore_index=True)


def _users(asked: pd.DataFrame, log: pd.DataFrame) -> pd.DataFrame:
    table = asked.groupby("user_id").agg(arm=("arm", "first"), requests=("request_id", "size"))
    sums = log.groupby("user_id").agg(shown=("ad_id", "size"), clicks=("clicked", "sum"), charged=("charged", "sum"))
    return (
        table.join(sums)
        .fillna({"shown": 0, "clicks": 0, "charged": 0.0})
        .astype({"shown": int, "clicks": int})
        .reset_index()
    )
