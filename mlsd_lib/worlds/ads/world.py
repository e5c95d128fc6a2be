"""AdsWorld: the face of the world of search ads."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import pandas as pd

from mlsd_lib import tables
from mlsd_lib.architecture import Array
from mlsd_lib.worlds import chance
from mlsd_lib.worlds.ads import catalogue, checks, clicks, people, space, words
from mlsd_lib.worlds.ads.truth import ORACLES, Oracle

OFF_THE_MARK = 0.01  # click probability below which an ad annoys


class AdsWorld:
    """Advertisers, their ads, people, what they ask for and which ads they click.

    A person who looks at an ad clicks it with log odds `base` + relation of the query's keyword to the ad's + quality
    of advertiser, appeal and ad + what is personal to user and ad; they look at position p with probability
    (1 / p) ** eta. The true value of an ad for a request is its bid times its click probability at position 1.

    Keywords that sell to the same people lie close in a space that no word of theirs shows; requests of a session are
    about close keywords, so a log shows it. Everybody belongs to a segment ("students"), which requests name; every ad
    has an appeal, which its text names; segments like appeals differently, and users advertisers.

    Args:
        seed: Seed of everything that is drawn.
        ads: How many ads, from 1,000 to 20 million. The first thousand are the same in worlds of any size that have as
            many keywords and advertisers.
        keywords: How many keywords, from 50 to 2,000; it does not grow with the ads.
        advertisers: How many advertisers; a hundredth of the ads if left out, but at least 20 and at most 2,000.
        personal: The knob of difficulty: the share of the variance of the log odds (relation apart) that is personal to
            user and ad, from 0 (everybody likes the same ads) to 1.
        steep: How much the log odds fall as the likeness of the query's and the ad's keyword falls from 1 to 0; the
            smaller, the more ads of other keywords compete.
        base: Log odds of a click at position 1 on an average ad of the query's own keyword.
        eta: A person looks at position p with probability (1 / p) ** eta.
        budget: Mean budget of an advertiser, euros a day.
        block: How many ads to draw at once; memory beyond the table itself grows with it, results do not change.

    Raises:
        ValueError: If a parameter is out of range.

    Source: [joachims2017unbiased] for position bias. Chapter: A funnel for scale.

    >>> world = AdsWorld(seed=0, ads=1_000, keywords=50)
    >>> world.requests(world.users(20, seed=1), n=3, day=3, seed=2).columns.tolist()
    ['request_id', 'user_id', 'session_id', 'ts', 'query', 'segment']
    """

    def __init__(
        self,
        seed: int = 0,
        ads: int = 10_000,
        *,
        keywords: int = 1_000,
        advertisers: int | None = None,
        personal: float = 0.2,
        steep: float = 10.0,
        base: float = -3.0,
        eta: float = 0.8,
        budget: float = 20.0,
        block: int = 500_000,
    ) -> None:
        chance.bits(seed, "check")  # raises where the seed is no integer
        checks.whole("AdsWorld", "ads", ads, checks.LEAST, checks.MOST)
        many = min(max(20, ads // 100), 2_000) if advertisers is None else advertisers
        checks.parameters(ads, keywords, many, personal, steep, base, eta, budget)
        checks.whole("AdsWorld", "block", block, 1, 2**62)
        self.seed, self.size, self.keywords, self.personal = int(seed), int(ads), int(keywords), float(personal)
        self._advertisers, self._budget, self._block = int(many), float(budget), int(block)
        self._law = (float(personal), float(steep), float(base), float(eta))

    def __repr__(self) -> str:
        return f"AdsWorld(seed={self.seed}, ads={self.size}, keywords={self.keywords}, personal={self.personal:g})"

    @property
    def ads(self) -> pd.DataFrame:
        """The ads, as advertisers entered them.

        Returns:
            One row an ad: `ad_id`, `advertiser_id`, `keyword`, `bid` (euros a click) and `text`. Keyword and text are
            categorical, so that ten million ads take a few hundred MB; they compare and print like strings.

        Chapter: A funnel for scale.

        >>> ads = AdsWorld(ads=1_000, keywords=50).ads
        >>> ads["text"].iloc[0]
        'Local board games: award-winning quality.'
        """
        return self._catalogue.frame.copy(deep=False)

    @property
    def advertisers(self) -> pd.DataFrame:
        """The advertisers and what they want to spend.

        Returns:
            One row an advertiser: `advertiser_id`, `name` and `budget` (euros a day).

        Chapter: A funnel for scale.
        """
        number = np.arange(self._advertisers)
        spread = np.exp(chance.normal(self.seed, "budget", number) - 0.5)
        return pd.DataFrame(
            {
                "advertiser_id": catalogue.FIRST_ADVERTISER + number,
                "name": pd.Series(self._catalogue.names, dtype="str"),
                "budget": np.round(self._budget * spread, 2),
            }
        )

    def users(self, n: int, seed: int = 0) -> pd.DataFrame:
        """Some of the people of this world.

        Args:
            n: How many; at least 1.
            seed: Which of them: other seeds give mostly other people.

        Returns:
            One row a person: `user_id` and `segment`.

        Raises:
            ValueError: If `n` or `seed` is out of range.

        Chapter: A funnel for scale.

        >>> AdsWorld().users(1, seed=1)["user_id"].tolist()
        [1000000]
        """
        checks.whole("users", "n", n, 1, people.MOST_USERS // 10)
        checks.whole("users", "seed", seed, 0, people.MOST_SEEDS - 1)
        user = (seed * 1_000_000 + np.arange(n)) % people.MOST_USERS
        return pd.DataFrame({"user_id": user, "segment": self._segments(user)})

    def requests(self, users: pd.DataFrame, n: int, day: int, seed: int = 0) -> pd.DataFrame:
        """What people ask on one day, in sessions of one to eight requests that are about like things.

        Args:
            users: Column `user_id`, as `users` or `evolve` returned them.
            n: How many requests; at least 0.
            day: Number of the day, from 0 to 999.
            seed: Seed of the draw, from 0 to 999: it is part of the ids.

        Returns:
            One row a request, by time: `request_id, user_id, session_id, ts` (UTC), `query` and `segment`. Ids differ
            between days, seeds and users.

        Raises:
            ValueError: If an argument is out of range, `users` is unsound, or somebody would have more than a thousand
                sessions.

        Chapter: A funnel for scale.
        """
        checks.whole("requests", "n", n, 0, 100_000_000)
        checks.whole("requests", "day", day, 0, people.MOST_DAYS - 1)
        checks.whole("requests", "seed", seed, 0, people.MOST_SEEDS - 1)
        everybody = checks.users(users, people.MOST_USERS, "AdsWorld")
        ends = np.cumsum(self._people.activity(everybody))
        drawn = chance.uniform(self.seed, "who", seed, day, np.arange(n)) * ends[-1]
        user = everybody[np.searchsorted(ends, drawn).clip(max=len(everybody) - 1)]
        nth = pd.Series(user).groupby(user).cumcount().to_numpy()
        first = people.request_ids(day, seed, user, nth)
        rounds = self._people.rounds(first // people.MOST_ROUNDS)
        enough = int(np.searchsorted(np.cumsum(rounds), n)) + 1  # n sessions were drawn, and fewer are needed
        if n and nth[:enough].max() >= people.MOST_NTH:
            raise ValueError(
                f"requests: {n} requests by {len(everybody)} users make more than 1,000 sessions for one of them "
                f"(first: user_id={user[np.argmax(nth)]}). Give more users."
            )
        rounds = rounds[:enough]
        request = np.repeat(first[:enough], rounds) + _within(rounds)
        return self._frame(request[:n]).sort_values(["ts", "request_id"], ignore_index=True)

    def respond(
        self, requests: pd.DataFrame, shown: pd.DataFrame, seed: int = 0, *, block: int = 500_000
    ) -> pd.DataFrame:
        """What people do with the ads that they are shown.

        Args:
            requests: As `requests` made them; columns of your own are kept.
            shown: Columns `request_id, position, ad_id` and, where there is one, `price` (euros a click; without it,
                the bid); columns of your own (arm, score, probability) are kept.
            seed: Seed of the answers.
            block: How many rows to answer at once; memory beyond the log itself grows with it, results do not change.

        Returns:
            The log: a row an ad shown, by request (in their order) and position, with the columns of both tables and
            `clicked`. The advertiser pays `price` for a click. Requests to which nothing was shown have no row.

        Raises:
            ValueError: If a table is unsound, or names a request or ad that this world does not have.

        Source: [joachims2017unbiased]. Chapter: A funnel for scale.
        """
        checks.whole("respond", "block", block, 1, 2**62)
        checks.seed("respond", seed)
        asked = checks.requests(requests)
        rows, place, ad = checks.answers(asked, shown, self._catalogue)
        request, position = rows["request_id"].to_numpy(), rows["position"].to_numpy()
        clicked = np.zeros(len(rows), dtype=bool)
        who = self._who(asked)
        for start, end in catalogue.blocks(len(rows), block):
            part = slice(start, end)
            likely = self._likely(who, place[part], ad[part])
            clicked[part] = self._clicks.react(seed, request[part], position[part], ad[part], likely)
        return rows.assign(clicked=clicked)

    def settle(self, advertisers: pd.DataFrame, log: pd.DataFrame) -> pd.DataFrame:
        """The advertisers after the clicks of a log were billed; budgets change here only, between batches.

        Within a batch nobody is stopped, so an advertiser may be sent more clicks than the budget pays for: what is
        beyond it is given away.

        Args:
            advertisers: Columns `advertiser_id, budget`; others are kept.
            log: Columns `ad_id, price, clicked`, as `respond` returned it.

        Returns:
            The advertisers with `budget` (what is left, never below 0), `spent` (billed for this log) and `unpaid`
            (clicks beyond the budget, in euros). Those with no budget left are to be paused.

        Raises:
            ValueError: If a table is unsound, or the log names an ad of this world whose advertiser is missing.

        Chapter: A funnel for scale.
        """
        clean = checks.advertisers(advertisers)
        missing = [c for c in ("ad_id", "price", "clicked") if c not in log]
        if missing:
            raise ValueError(f"log: column {missing[0]!r} is missing. Pass what AdsWorld.respond returned.")
        clicks = log.loc[log["clicked"].to_numpy(dtype=bool), ["ad_id", "price"]].reset_index(drop=True)
        row = checks.rows(clicks["ad_id"].to_numpy(), "log", self._catalogue)
        clicks["advertiser_id"] = catalogue.FIRST_ADVERTISER + self._catalogue.advertiser[row].astype(np.int64)
        show = ("ad_id", "advertiser_id")
        tables.known(clicks, "advertiser_id", clean, table="log", where="advertisers", show=show)
        place = pd.Index(clean["advertiser_id"]).get_indexer(pd.Index(clicks["advertiser_id"]))
        owed = np.bincount(place, weights=clicks["price"].to_numpy(), minlength=len(clean))
        budget = clean["budget"].to_numpy(dtype=np.float64)
        spent = np.minimum(owed, budget)
        return clean.assign(budget=budget - spent, spent=spent, unpaid=owed - spent)

    def evolve(self, users: pd.DataFrame, log: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
        """Who is still there the next day: people who were shown ads that are off the mark may go elsewhere.

        Args:
            users: Column `user_id`; others are kept.
            log: The day's log.
            seed: Seed of who stays.

        Returns:
            The rows of `users` who come back. A person leaves with probability 0.02, and with 0.2 more times the share
            of the ads shown to them whose click probability is under one in a hundred.

        Raises:
            ValueError: If a table is unsound or names what this world does not have.

        Chapter: A funnel for scale.
        """
        checks.seed("evolve", seed)
        everybody = checks.users(users, people.MOST_USERS, "AdsWorld")
        asked = checks.requests(log.drop_duplicates("request_id") if "request_id" in log else log)
        place, ad = checks.pairs(asked, log, self._catalogue)
        who = self._who(asked)
        annoys = self._likely(who, place, ad) < OFF_THE_MARK
        share = pd.Series(annoys).groupby(who[1][place]).mean().reindex(everybody).fillna(0.0).to_numpy()
        stays = chance.uniform(self.seed, "comes back", seed, everybody) >= 0.02 + 0.2 * share
        return users[stays].reset_index(drop=True)

    def truth(self, requests: pd.DataFrame, *, top: int = 10) -> pd.DataFrame:
        """The true best ads of each request, over all ads. For judging only: no model may see it.

        It looks at every ad for every request, about 0.1 s a request and million ads.

        Args:
            requests: Column `request_id`, as this world made them.
            top: How many ads of each request; at least 1.

        Returns:
            `request_id, rank` (from 1), `ad_id, probability` (of a click at position 1), `value` (bid times
            probability, euros) and `shares_keyword` (whether the ad's keyword is what the request is about), by request
            and rank.

        Raises:
            ValueError: If a request is not of this world, or `top` is out of range.

        Chapter: A funnel for scale.
        """
        checks.whole("truth", "top", top, 1, checks.MOST)
        asked = checks.requests(requests)
        request = asked["request_id"].to_numpy()
        keyword, user, segment = self._who(asked)
        found = [self._clicks.best(*one, top) for one in zip(keyword, user, segment, strict=True)]
        ad = np.concatenate([np.empty(0, dtype=np.int64), *(row for row, _ in found)])
        likely = np.concatenate([np.empty(0), *(probability for _, probability in found)])
        counts = np.array([len(row) for row, _ in found], dtype=np.int64)
        return pd.DataFrame(
            {
                "request_id": np.repeat(request, counts),
                "rank": _within(counts) + 1,
                "ad_id": self._catalogue.ids(ad),
                "probability": likely,
                "value": likely * self._catalogue.bid[ad],
                "shares_keyword": self._catalogue.keyword[ad] == np.repeat(keyword, counts),
            }
        )

    def probability(self, requests: pd.DataFrame, pairs: pd.DataFrame) -> Array:
        """True click probability at position 1 of pairs of a request and an ad. For judging only.

        Args:
            requests: Column `request_id`, as this world made them.
            pairs: Columns `request_id` (of those) and `ad_id`.

        Returns:
            float64 array of shape (pairs,).

        Raises:
            ValueError: If a request or an ad is not of this world.

        Chapter: A funnel for scale.
        """
        asked = checks.requests(requests)
        place, ad = checks.pairs(asked, pairs, self._catalogue)
        return self._likely(self._who(asked), place, ad)

    def oracle(self, name: str, *, keep: int = 10) -> Oracle:
        """A component that knows the truth, to see what a perfect one would be worth; it reads `request_id`.

        Args:
            name: "retrieval" (the true best of all ads) or "heavy" (orders what it is given by true value, and gives
                the true click probability as `probability`).
            keep: How many ads it passes on for a request at most.

        Returns:
            A component of that name for `System.replace`, and a stage of a funnel.

        Raises:
            ValueError: If there is no such oracle, or `keep` is below 1.

        Chapter: A funnel for scale.

        >>> AdsWorld().oracle("heavy").name
        'heavy'
        """
        if name not in ORACLES:
            raise ValueError(f"oracle: no oracle {name!r}. Choose one of: {', '.join(ORACLES)}.")
        return Oracle(name, keep, self._people, self._clicks)

    @cached_property
    def _space(self) -> space.Space:
        return space.build(self.seed, self.keywords)

    @cached_property
    def _catalogue(self) -> catalogue.Catalogue:
        return catalogue.build(self.seed, self._space, self.size, self._advertisers, self._block)

    @cached_property
    def _people(self) -> people.People:
        return people.People(self.seed, self._space)

    @cached_property
    def _clicks(self) -> clicks.Clicks:
        return clicks.Clicks(self._catalogue, *self._law)

    def _who(self, asked: pd.DataFrame) -> tuple[Array, Array, Array]:
        """Keyword, user and segment of the requests of a checked table."""
        request = asked["request_id"].to_numpy()
        user = people.user_of(request)
        return self._people.keyword(request), user, self._people.segment(user)

    def _likely(self, who: tuple[Array, Array, Array], place: Array, ad: Array) -> Array:
        """Click probabilities at position 1 of ads for the requests in some places."""
        keyword, user, segment = who
        return self._clicks.probability(keyword[place], user[place], segment[place], ad)

    def _segments(self, user: Array) -> pd.Series[str]:
        return pd.Series(np.array(words.SEGMENTS, dtype=object)[self._people.segment(user)], dtype="str")

    def _frame(self, request: Array) -> pd.DataFrame:
        user = people.user_of(request)
        day = request // (people.MOST_SEEDS * people.MOST_USERS * people.MOST_NTH * people.MOST_ROUNDS)
        since = day * 86_400_000 + self._people.milliseconds(request)
        return pd.DataFrame(
            {
                "request_id": request,
                "user_id": user,
                "session_id": request // people.MOST_ROUNDS,
                "ts": people.EPOCH + pd.to_timedelta(since, unit="ms"),
                "query": pd.Series(self._people.query(request), dtype="str"),
                "segment": self._segments(user),
            }
        )


def _within(counts: Array) -> Array:
    """0, 1, … for each run of `counts`."""
    return np.asarray(np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts))
