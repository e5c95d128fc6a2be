"""The people of a site, a row each: how often they come, whether they find, what they spend, how long they wait.

Nothing is ranked here. A change is a planted number, so an experiment's answer can be held against what was planted,
and a hundred thousand people take a second. The shapes are those that make experiments hard: a few people come very
often, who came often comes often again, people differ in whether they find, and most spend nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from mlsd_lib.architecture import Array
from mlsd_lib.worlds import chance

DEVICES = ("phone", "desktop", "old phone")
DAYS = 14
_SHARES = (0.55, 0.4, 0.05)  # of the devices
_BLOCK = 100_000  # people drawn at once: some 1.5 million searches, about 150 MB
_SUMS = ("searches", "successes", "revenue", "latency_ms")


@dataclass(frozen=True)
class Change:
    """What a version does to people, against the version of before.

    Attributes:
        success: Added to the log odds that a search succeeds.
        visits: Relative change of how often people search: 0.01 is one search more in a hundred.
        spending: Relative change of how often a search is followed by a purchase.
        latency_ms: Added to the time that each answer takes, in ms.
        only: The device to which this applies; None for all.

    Raises:
        ValueError: If a number is not finite, a relative change is not above -1, or there is no such device.

    Chapter: Experiments.
    """

    success: float = 0.0
    visits: float = 0.0
    spending: float = 0.0
    latency_ms: float = 0.0
    only: str | None = None

    def __post_init__(self) -> None:
        numbers = (self.success, self.visits, self.spending, self.latency_ms)
        if not np.isfinite(numbers).all() or self.visits <= -1 or self.spending <= -1:
            raise ValueError(f"Change: {self} has a number that is not finite, or a relative change not above -1.")
        if self.only is not None and self.only not in DEVICES:
            raise ValueError(f"Change: only={self.only!r} is no device. Choose one of: {', '.join(DEVICES)}.")


@dataclass(frozen=True)
class Audience:
    """People who come to a site again and again, and what they do in a fortnight.

    With the defaults the searches of a person in two fortnights have a correlation near 0.7, and their revenue one
    near 0.1.

    Attributes:
        seed: Seed of everything that is drawn.
        searches: Mean searches of a person in a fortnight; above 0.
        activity: How much people differ in how often they search, as the standard deviation of its logarithm.
        mood: How much a person differs from one fortnight to the next, likewise.
        finding: How much people differ in whether they find, as the standard deviation of the log odds.
        buying: Share of searches that are followed by a purchase, of an average person; between 0 and 1.
        prices: How much purchases differ, as the standard deviation of the logarithm of their worth.
        new: Share of the people who have never been there before.

    Raises:
        ValueError: If a number is out of range.

    Source: [deng2013cuped] and [kohavi2014seven] for the shapes. Chapter: Experiments.

    >>> audience = Audience(seed=0)
    >>> audience.visits(audience.people(2, seed=1)).columns.tolist()
    ['user_id', 'device', 'new', 'day', 'searches', 'successes', 'revenue', 'latency_ms']
    """

    seed: int = 0
    searches: float = 8.0
    activity: float = 0.69
    mood: float = 0.37
    finding: float = 1.0
    buying: float = 0.02
    prices: float = 1.15
    new: float = 0.25

    def __post_init__(self) -> None:
        chance.bits(self.seed, "check")  # raises where the seed is no integer
        spreads = (self.activity, self.mood, self.finding, self.prices)
        if not (0 < self.searches < np.inf and all(0 <= spread <= 3 for spread in spreads)):
            raise ValueError(f"Audience: {self} has no searches, or a spread that is not between 0 and 3.")
        if not (0 <= self.buying <= 1 and 0 <= self.new <= 1):
            raise ValueError(f"Audience: {self} has a share that is not between 0 and 1.")

    def people(self, n: int, seed: int = 0) -> pd.DataFrame:
        """Some of the people.

        Args:
            n: How many; 1 to 100 million.
            seed: Which of them, 0 to 9,999: other seeds give other people.

        Returns:
            A row a person: `user_id`, `device` and `new` (whether they have never been there before).

        Raises:
            ValueError: If `n` or `seed` is out of range.

        Chapter: Experiments.
        """
        if not 1 <= n <= 100_000_000 or not 0 <= seed < 10_000:
            raise ValueError(
                f"people: n={n}, seed={seed}; expected 1 to 100,000,000 people and a seed from 0 to 9,999."
            )
        user = seed * 100_000_000 + np.arange(n)
        place = np.searchsorted(np.cumsum(_SHARES), chance.uniform(self.seed, "device", user)).clip(max=2)
        return pd.DataFrame(
            {
                "user_id": user,
                "device": pd.Series(np.array(DEVICES, dtype=object)[place], dtype="str"),
                "new": chance.uniform(self.seed, "is new", user) < self.new,
            }
        )

    def visits(
        self, people: pd.DataFrame, *, changes: Mapping[str, Sequence[Change]] | None = None, number: int = 1
    ) -> pd.DataFrame:
        """What people do in a fortnight.

        Chance is keyed by the person and the fortnight: under another version the same person meets the same luck.

        Args:
            people: Columns `user_id` and `device`; where `changes` are given, also `arm`. Others are kept.
            changes: What each arm does to its people; an arm without an entry does nothing.
            number: Which fortnight; at least 0.

        Returns:
            The people with `day` (of their first search, from 0 to 13), `searches`, `successes`, `revenue` (EUR) and
            `latency_ms` (summed over their searches). Everybody searches at least once: who does not is in no log.

        Raises:
            ValueError: If a column is missing, an arm of `changes` has nobody, or `number` is negative.

        Chapter: Experiments.
        """
        frame = self._fortnight(people, changes or {}, number, least=1)
        return people.assign(**{name: frame[name].to_numpy() for name in ("day", *_SUMS)})

    def before(self, people: pd.DataFrame) -> pd.DataFrame:
        """What people did in the fortnight before an experiment: the covariates.

        Args:
            people: Columns `user_id`, `device` and `new`; others are kept.

        Returns:
            The people with `searches_before, successes_before, revenue_before, latency_ms_before`: NaN for those who
            are new, 0 for those who happened to stay away.

        Raises:
            ValueError: If a column is missing.

        Chapter: Experiments.
        """
        _needs(people, "new")
        frame = self._fortnight(people, {}, 0, least=0)
        old = ~people["new"].to_numpy()
        return people.assign(**{f"{name}_before": np.where(old, frame[name], np.nan) for name in _SUMS})

    def _fortnight(
        self, people: pd.DataFrame, changes: Mapping[str, Sequence[Change]], number: int, *, least: int
    ) -> pd.DataFrame:
        _needs(people, "user_id", "device", *(["arm"] if changes else []))
        if number < 0:
            raise ValueError(f"visits: number={number}; expected the number of a fortnight, at least 0.")
        strange = [arm for arm in changes if not (people["arm"] == arm).any()]
        if strange:
            raise ValueError(f"visits: changes names the arm {strange[0]!r}, and nobody in people is in it.")
        blocks = []
        for start in range(0, len(people), _BLOCK):
            part = people.iloc[start : start + _BLOCK]
            blocks.append(self._block(part["user_id"].to_numpy(), _applied(part, changes), number, least))
        return pd.concat(blocks, ignore_index=True)

    def _block(self, user: Array, change: dict[str, Array], number: int, least: int) -> pd.DataFrame:
        habit = chance.normal(self.seed, "activity", user)
        mood = chance.normal(self.seed, "mood", number, user)
        level = self.activity * habit + self.mood * mood - (self.activity**2 + self.mood**2) / 2
        wanted = self.searches * np.exp(level) * (1 + change["visits"])
        searches = np.floor(wanted + chance.uniform(self.seed, "rounding", number, user)).astype(np.int64)
        searches = searches.clip(min=least)
        who = np.repeat(np.arange(len(user)), searches)
        nth = np.arange(len(who)) - np.repeat(np.cumsum(searches) - searches, searches)
        key = (number, user[who], nth)
        # Who comes often also knows how to ask.
        skill = 1.0 + self.finding * (0.3 * habit + np.sqrt(0.91) * chance.normal(self.seed, "finding", user))
        odds = (skill + change["success"])[who]
        found = chance.uniform(self.seed, "finds", *key) < 1 / (1 + np.exp(-odds))
        generous = np.exp(chance.normal(self.seed, "generous", user) - 0.5) * self.buying * (1 + change["spending"])
        buyer = np.flatnonzero(chance.uniform(self.seed, "buys", *key) < generous[who])
        bought = (number, user[who[buyer]], nth[buyer])
        price = np.exp(self.prices * chance.normal(self.seed, "price", *bought) - self.prices**2 / 2)
        wait = 120 * np.exp(0.5 * chance.normal(self.seed, "waits", *key)) + change["latency_ms"][who]
        first = chance.uniform(self.seed, "first day", number, user) ** (1 / np.maximum(searches, 1))
        sums = {"successes": (who, found), "revenue": (who[buyer], price), "latency_ms": (who, wait)}
        counted = {name: np.bincount(at, weights=what, minlength=len(user)) for name, (at, what) in sums.items()}
        day = np.minimum(np.floor(DAYS * (1 - first)), DAYS - 1).astype(np.int64)
        return pd.DataFrame({"day": day, "searches": searches, **counted}).astype({"successes": np.int64})


def _applied(people: pd.DataFrame, changes: Mapping[str, Sequence[Change]]) -> dict[str, Array]:
    """What the changes add up to for each person."""
    names = ("success", "visits", "spending", "latency_ms")
    total = {name: np.zeros(len(people)) for name in names}
    for arm, several in changes.items():
        for change in several:
            hit = (people["arm"] == arm).to_numpy()
            if change.only is not None:
                hit = hit & (people["device"] == change.only).to_numpy()
            for name in names:
                total[name][hit] += getattr(change, name)
    return total


def _needs(people: pd.DataFrame, *columns: str) -> None:
    missing = [name for name in columns if name not in people]
    if missing:
        raise ValueError(f"people: column {missing[0]!r} is missing. Pass what Audience.people returned.")
