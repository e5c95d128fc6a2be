"""Experiments in the closed loop: arms that hold different people, over days, with people who leave.

    users = world.users(20_000, seed=1)
    users["arm"] = assign(users["user_id"], experiment="ranker 7")       # mlsd_lib.online.experiment
    table = trial(world, {"control": old, "treatment": new}, users, days=14, before=14)
    effects(table, [Ratio("success", "successes", "sessions")])          # what an analysis can know
    both = everybody(world, {"control": old, "treatment": new}, users, days=14)
    true_effect(both["control"], both["treatment"], "successes", "sessions")   # what is true

`trial` gives a row a user (`by="day"`: a row a user and day), with `arm` and sums, which an analysis takes. What is
held at once is the log of a block of users and a day. `daily` gives the log itself, a day at a time.

Novelty is planted by `novelty=Novelty(size, half_life)`: people of every arm but the control click more on what is new
to them, and ever less so. Interference is planted in the world of ads: see `mlsd_lib.worlds.ads.market`. A fast engine
for a million users is `StandIn`; `Shelf` (mlsd_lib.systems.search) serves many candidate rankers from features that
were computed once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from mlsd_lib.architecture import Array
from mlsd_lib.metrics.classification import NORMAL_95
from mlsd_lib.worlds.search import checks, people
from mlsd_lib.worlds.search.loop import Engine, visit
from mlsd_lib.worlds.search.world import SearchWorld

SUMS = ("sessions", "successes", "satisfied", "requests", "unanswered", "shown", "clicks")


@dataclass(frozen=True)
class Novelty:
    """How people take to something new, before they are used to it.

    Attributes:
        size: What is added to the log odds of every click on the first day on which a person meets a new arm; below 0
            where people dislike a change.
        half_life: Days after which half of it is left; above 0.

    Raises:
        ValueError: If a setting is out of range.

    Source: [hohnhold2015focusing] for an effect that is learned. Chapter: Online evaluation.

    >>> Novelty(size=0.4, half_life=2.0).left(np.array([0, 2, 4])).tolist()
    [0.4, 0.2, 0.1]
    """

    size: float
    half_life: float

    def __post_init__(self) -> None:
        if not np.isfinite(self.size) or not 0 < self.half_life < np.inf:
            raise ValueError(
                f"Novelty: size={self.size} and half_life={self.half_life}; expected a finite number, and days above 0."
            )

    def left(self, since: Array) -> Array:
        """What is left of it so many days after the first."""
        return np.asarray(self.size * 0.5 ** (since / self.half_life))


class Split:
    """One engine to the outside, and inside one for each arm: everybody is answered by the engine of their arm.

    Args:
        engines: The engine of each arm.
        arms: Each user's arm, indexed by `user_id`.

    Raises:
        ValueError: If a user has two arms, or one that has no engine.

    Chapter: Online evaluation.
    """

    def __init__(self, engines: Mapping[str, Engine], arms: pd.Series[str]) -> None:
        if not arms.index.is_unique:
            twice = arms.index[arms.index.duplicated()]
            raise ValueError(
                f"users: {len(twice)} users stand twice (first: user_id={twice[0]}). Keep one row of each."
            )
        unknown = ~arms.isin(list(engines)).to_numpy()
        if unknown.any():
            raise ValueError(
                f"users: {int(unknown.sum())} users are in an arm that has no engine (first: arm="
                f"{arms.iloc[int(np.argmax(unknown))]!r}). Engines: {', '.join(map(repr, engines)) or 'none'}."
            )
        self.engines, self.arms = dict(engines), arms

    def run(self, requests: pd.DataFrame) -> pd.DataFrame:
        """What the engine of each asker's arm shows, with the column `arm`."""
        arm = self.arms.reindex(requests["user_id"]).to_numpy()
        parts = [
            engine.run(requests[arm == name].reset_index(drop=True)).assign(arm=name)
            for name, engine in self.engines.items()
            if (arm == name).any()
        ]
        return pd.concat(parts, ignore_index=True) if parts else next(iter(self.engines.values())).run(requests)


@dataclass(frozen=True)
class Day:
    """What happened on a day.

    Attributes:
        day: Number of the day.
        users: Who was there in the morning.
        requests: All requests, follow-ups included, with `arm`.
        log: The log of all answers, with `arm`.
        since: For each user who asked that day, days since they first asked in this experiment, by `user_id`.
        stay: Who will be there the next morning.

    Chapter: Online evaluation.
    """

    day: int
    users: pd.DataFrame
    requests: pd.DataFrame
    log: pd.DataFrame
    since: pd.Series[float]
    stay: pd.DataFrame


def daily(
    world: SearchWorld,
    engines: Mapping[str, Engine],
    users: pd.DataFrame,
    *,
    days: int,
    per_user: float = 0.3,
    first_day: int = 100,
    seed: int = 0,
    rounds: int = 3,
    novelty: Novelty | None = None,
    control: str = "control",
    leave: bool = True,
) -> Iterator[Day]:
    """Let people use the engine of their arm, day after day, and yield each day's log.

    Args:
        world: Where the people live.
        engines: The engine of each arm.
        users: Columns `user_id` and `arm`.
        days: How many days; at least 1.
        per_user: How many sessions a person of average activity begins on a day.
        first_day: Number of the first day. The same people on the same day ask the same, whatever serves them.
        seed: Seed of the requests, the answers and who stays, from 0 to 999.
        rounds: How often a person asks in a session at most.
        novelty: How people take to an arm other than the control.
        control: The arm that is new to nobody.
        leave: Whether people who do not find may leave for good (`SearchWorld.evolve`).

    Yields:
        A `Day` for each day on which somebody asked.

    Raises:
        ValueError: If a table or a setting is unsound.

    Chapter: Online evaluation.
    """
    there = _users(users)
    checks.whole("daily", "days", days, 1, people.MOST_DAYS)
    engine = Split(engines, there.set_index("user_id")["arm"])
    first = pd.Series(np.nan, index=pd.Index(there["user_id"]))
    for day in range(first_day, first_day + days):
        asked = world.visits(there, per_user, day, seed)
        if asked.empty:
            continue
        who = asked["user_id"].unique()
        first[who] = first[who].fillna(day)
        since = day - first[who]
        curiosity = None if novelty is None else _curiosity(novelty, since, engine.arms[who] != control)
        requests, log = visit(world, engine, asked, seed, rounds, curiosity=curiosity)
        requests = requests.assign(arm=pd.Series(engine.arms[requests["user_id"]].to_numpy(), dtype="str"))
        stay = world.evolve(there, log, 1_000 * seed + day, requests=requests) if leave else there
        yield Day(day, there, requests, log, since, stay)
        there = stay


def trial(
    world: SearchWorld,
    engines: Mapping[str, Engine],
    users: pd.DataFrame,
    *,
    days: int,
    before: int = 0,
    per_user: float = 0.3,
    first_day: int = 100,
    seed: int = 0,
    rounds: int = 3,
    novelty: Novelty | None = None,
    control: str = "control",
    leave: bool = True,
    by: Literal["user", "day"] = "user",
    block: int = 50_000,
) -> pd.DataFrame:
    """An experiment in the closed loop, as the table that its analysis takes: a row a user, or a user and day.

    Args:
        world: Where the people live.
        engines: The engine of each arm.
        users: Columns `user_id` and `arm` (`mlsd_lib.online.experiment.assign` draws it).
        days: How many days; at least 1.
        before: How many days before the first are watched as well, all people being served by the control; who leaves
            then takes no part.
        per_user: How many sessions a person of average activity begins on a day.
        first_day: Number of the first day; at least `before`.
        seed: Seed of the requests, the answers and who stays, from 0 to 999.
        rounds: How often a person asks in a session at most.
        novelty: How people take to an arm other than the control.
        control: The arm that is new to nobody, and that serves before the first day.
        leave: Whether people who do not find may leave for good.
        by: "user" gives a row a user, "day" a row a user and day on which they asked.
        block: How many users are simulated at once. Memory grows with it, results do not change.

    Returns:
        Only people who asked have a row: `user_id`, `arm`, `first_day` (on which they first asked), with `by="day"`
        also `day` and `since` (days since the first), and the sums `sessions`, `successes` (sessions with a click of
        30 s or more), `satisfied` (sessions that truly ended well: for judging), `requests`, `unanswered`, `shown` and
        `clicks`. With `by="user"` also `active_days` and `stayed` (1.0 for who is still there after the last day). With
        `before`, also `<sum>_before` for each sum, 0 for people who did not ask then.

    Raises:
        ValueError: If a table or a setting is unsound.

    Chapter: Online evaluation.

    >>> world = SearchWorld(documents=500)
    >>> class Popular:
    ...     def run(self, requests):
    ...         return requests[["request_id"]].assign(position=1, doc_id=1001)
    >>> users = world.users(200).assign(arm=["control", "treatment"] * 100)
    >>> table = trial(world, {"control": Popular(), "treatment": Popular()}, users, days=2)
    >>> table.groupby("arm")["sessions"].sum().to_dict()
    {'control': 63, 'treatment': 40}
    """
    everyone = _users(users)
    checks.whole("trial", "before", before, 0, first_day)
    checks.whole("trial", "block", block, 1, 2**62)
    if before and control not in engines:
        raise ValueError(f"trial: there is no control {control!r} to serve before the first day. Give it an engine.")
    if by not in ("user", "day"):
        raise ValueError(f"trial: by is {by!r}; choose 'user' or 'day'.")
    settings: dict[str, Any] = {"per_user": per_user, "seed": seed, "rounds": rounds, "control": control}
    settings |= {"leave": leave}
    parts = []
    for start in range(0, len(everyone), block):
        part, history = everyone.iloc[start : start + block].reset_index(drop=True), None
        if before:
            serving = {control: engines[control]}
            past = list(
                _watch(world, serving, part.assign(arm=control), days=before, first_day=first_day - before, **settings)
            )
            history = _earlier(past)
            part = part[part["user_id"].isin(past[-1][1])] if past else part
        rows = _watch(world, engines, part, days=days, first_day=first_day, novelty=novelty, **settings)
        parts += _table(rows, by, history)
    if not parts:
        raise ValueError(
            f"trial: none of the {len(everyone)} users asked anything in {days} days. Take more of either."
        )
    return pd.concat(parts, ignore_index=True)


def everybody(
    world: SearchWorld, engines: Mapping[str, Engine], users: pd.DataFrame, **settings: Any
) -> dict[str, pd.DataFrame]:
    """The same people under each arm, meeting the same luck: what no real experiment can see.

    Args:
        world: Where the people live.
        engines: The engine of each arm.
        users: Column `user_id`; an `arm` is of no account.
        **settings: As for `trial`.

    Returns:
        For each arm a table of all people, as `trial` returns it.

    Raises:
        ValueError: As `trial`.

    Chapter: Online evaluation.
    """
    return {name: trial(world, engines, users.assign(arm=name), **settings) for name in engines}


@dataclass(frozen=True)
class TrueEffect:
    """What an arm changes for the same people, meeting the same luck.

    Attributes:
        control: The metric under the control.
        treatment: The metric under the treatment.
        effect: Treatment minus control.
        standard_error: Of the effect: other people of the same world would give another one.
        low: Lower end of its 95 % interval.
        high: Upper end.

    Chapter: Online evaluation.
    """

    control: float
    treatment: float
    effect: float
    standard_error: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.effect:+.4f} ({self.low:+.4f} to {self.high:+.4f}), from {self.control:.4f}"


def true_effect(
    control: pd.DataFrame, treatment: pd.DataFrame, numerator: str, denominator: str | None = None
) -> TrueEffect:
    """The effect of an arm, person by person.

    Args:
        control: A row a user, as `everybody` gives it.
        treatment: The same people under the treatment; who has no row in one of them counts as 0 there.
        numerator: The column that counts.
        denominator: The column to divide by, such as "sessions"; left out, the metric is a mean over users.

    Returns:
        The effect with its interval (a ratio's by the delta method).

    Raises:
        ValueError: If a column is missing, a user stands twice or there are fewer than two users.

    Chapter: Online evaluation.

    >>> before = pd.DataFrame({"user_id": [1, 2, 3], "successes": [1, 0, 2], "sessions": [2, 1, 2]})
    >>> print(true_effect(before, before.assign(successes=[2, 0, 2]), "successes", "sessions"))
    +0.2000 (-0.1593 to +0.5593), from 0.6000
    """
    named = [numerator] if denominator is None else [numerator, denominator]
    arms = {}
    for name, table in (("control", control), ("treatment", treatment)):
        missing = [column for column in ("user_id", *named) if column not in table]
        if missing:
            raise ValueError(f"{name}: column {missing[0]!r} is missing. Pass what everybody(...) returned, by user.")
        if table["user_id"].duplicated().any():
            raise ValueError(f"{name}: a user stands twice. Pass a row a user (by='user').")
        arms[name] = table.set_index("user_id")[named].astype(np.float64)
    users = arms["control"].index.union(arms["treatment"].index)
    if len(users) < 2:
        raise ValueError(f"true_effect: {len(users)} users; an effect with an interval takes two.")
    value, apart = [], []
    for arm in arms.values():
        table = arm.reindex(users).fillna(0.0)
        top = table[numerator].to_numpy()
        below = np.ones(len(users)) if denominator is None else table[denominator].to_numpy()
        value.append(top.sum() / below.sum())
        apart.append((top - value[-1] * below) / below.mean())
    error = float(np.std(apart[1] - apart[0], ddof=1) / np.sqrt(len(users)))
    effect = float(value[1] - value[0])
    reach = NORMAL_95 * error
    return TrueEffect(float(value[0]), float(value[1]), effect, error, effect - reach, effect + reach)


def _users(users: pd.DataFrame) -> pd.DataFrame:
    if not isinstance(users, pd.DataFrame) or not {"user_id", "arm"} <= set(users):
        raise ValueError("users: expected the columns user_id and arm. Assign arms first: users['arm'] = assign(...).")
    checks.users(users, people.MOST_USERS, "SearchWorld")
    return users.reset_index(drop=True)


def _watch(
    world: SearchWorld, engines: Mapping[str, Engine], users: pd.DataFrame, **settings: Any
) -> Iterator[tuple[pd.DataFrame, Array]]:
    """For each day the sums of everybody who asked, and the ids of those who stay."""
    for one in daily(world, engines, users, **settings):
        found = world.sessions(one.requests, one.log)
        shown = one.log["request_id"].value_counts().reindex(found["request_id"]).fillna(0).to_numpy(dtype=np.int64)
        session = found.assign(
            satisfied=found["outcome"] == "satisfied", requests=1, shown=shown, unanswered=shown == 0
        ).groupby("session_id")
        each = session[["requests", "unanswered", "shown", "clicks"]].sum()
        each = each.assign(
            sessions=1, successes=session["satisfied_by_dwell"].max(), satisfied=session["satisfied"].max()
        )
        user = people.user_of(each.index.to_numpy() * people.MOST_ROUNDS)
        sums = each.groupby(user)[list(SUMS)].sum().astype(np.int64).rename_axis("user_id")
        arm = one.users.set_index("user_id")["arm"].reindex(sums.index)
        since = one.since.reindex(sums.index).astype(np.int64)
        told = sums.assign(arm=arm, first_day=one.day - since, day=one.day, since=since)
        stay = one.stay["user_id"].to_numpy()
        order = ["arm", "first_day", "day", "since", *SUMS, "stays"]
        yield told.assign(stays=told.index.isin(stay))[order].reset_index(), stay


def _table(
    rows: Iterable[tuple[pd.DataFrame, Array]], by: Literal["user", "day"], history: pd.DataFrame | None
) -> list[pd.DataFrame]:
    """One table of the days of a block of users, or none where nobody asked."""
    found = [row for row, _ in rows]
    if not found:
        return []
    table = pd.concat(found, ignore_index=True)
    if by == "day":
        table = table.drop(columns="stays")
    else:
        each = table.groupby("user_id", sort=True)
        told = each[["arm", "first_day"]].first().assign(active_days=each.size(), **each[list(SUMS)].sum())
        table = told.assign(stayed=each["stays"].min().astype(np.float64)).reset_index()
    if history is None:
        return [table]
    earlier = history.reindex(table["user_id"]).fillna(0).astype(np.int64)
    return [pd.concat([table, earlier.set_axis(table.index)], axis=1)]


def _earlier(past: Sequence[tuple[pd.DataFrame, Array]]) -> pd.DataFrame:
    """The sums of the days before, by user."""
    table = pd.concat([pd.DataFrame(columns=["user_id", *SUMS]), *(row for row, _ in past)])
    return table.groupby("user_id")[list(SUMS)].sum().add_suffix("_before")


def _curiosity(novelty: Novelty, since: pd.Series[float], new: pd.Series[bool]) -> pd.Series[float]:
    return pd.Series(novelty.left(since.to_numpy()) * new.to_numpy(), index=since.index)
