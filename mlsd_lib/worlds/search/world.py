"""SearchWorld: the face of the world of search."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

import numpy as np
import pandas as pd

from mlsd_lib import tables
from mlsd_lib.architecture import Array
from mlsd_lib.worlds import chance
from mlsd_lib.worlds.search import behaviour, checks, people
from mlsd_lib.worlds.search.truth import ORACLES, Grader, Oracle, Truth, misjudged
from mlsd_lib.worlds.search.web import Web, build


class SearchWorld:
    """A web, people, what they ask for and how they react.

    Args:
        seed: Seed of everything that is drawn.
        documents: How many documents; at least 500. Towns, languages, products and names grow with it, so that a
            topic keeps about as many documents.
        intents: Probabilities of a local need (the town is mostly not named), a navigational one (one business, person
            or product) and an informational one; they sum to 1.
        zipf: Exponent of how often names and subjects are asked for: the r-th in proportion to r ** -zipf.
        habit: Share of needs that are among the four which a person has again and again.
        travel: Share of local needs drawn from all towns, not the user's; then the query names the town.
        named: Share of the other local queries that name the town all the same.
        other_words: Share of queries in the less common wording ("trattoria").
        wordless: Share of the documents of a topic that share no word with the concept that a query names.
        misspelt: Share of queries with a typing error.
        eta: A person looks at position p with probability (1 / p) ** eta, unless satisfied before.
        trust: What standing first adds to the log odds of a click; at position p it is trust / p.
        satisfied: Probability that a clicked document ends the search, by grade from 0 to 3.
        return_base: Probability that a person who never found comes back the next day.
        return_gain: How much more likely it is for one who always found.

    Raises:
        ValueError: If a parameter is out of range.

    Source: [joachims2005clickthrough], [joachims2017unbiased] for position bias; [silverstein1999altavista] for what
    people ask; [teevan2006history] for what they ask again. Chapter: Search.

    >>> world = SearchWorld(seed=0, documents=500)
    >>> requests = world.requests(world.users(20, seed=1), n=3, day=3, seed=2)
    >>> requests.columns.tolist()
    ['request_id', 'user_id', 'session_id', 'ts', 'query', 'place']
    """

    def __init__(
        self,
        seed: int = 0,
        documents: int = 5_000,
        *,
        intents: tuple[float, float, float] = (0.35, 0.3, 0.35),
        zipf: float = 0.9,
        habit: float = 0.33,
        travel: float = 0.15,
        named: float = 0.2,
        other_words: float = 0.15,
        wordless: float = 0.2,
        misspelt: float = 0.12,
        eta: float = 0.8,
        trust: float = 0.6,
        satisfied: tuple[float, float, float, float] = behaviour.SATISFIED,
        return_base: float = 0.7,
        return_gain: float = 0.25,
    ) -> None:
        chance.bits(seed, "check")  # raises where the seed is no integer
        checks.whole("SearchWorld", "documents", documents, checks.LEAST, checks.MOST)
        shares = {"habit": habit, "travel": travel, "named": named, "other_words": other_words, "misspelt": misspelt}
        shares |= {"return_base": return_base, "return_base + return_gain": return_base + return_gain}
        checks.parameters(intents, satisfied, shares | {"2 * wordless": 2 * wordless}, zipf=zipf, eta=eta, trust=trust)
        self.seed, self.size, self.wordless = int(seed), int(documents), float(wordless)
        self.habits = behaviour.Habits(float(eta), float(trust), satisfied)
        self.return_base, self.return_gain = float(return_base), float(return_gain)
        self._asking = (intents, zipf, habit, travel, named, other_words, misspelt)

    def __repr__(self) -> str:
        return f"SearchWorld(seed={self.seed}, documents={self.size})"

    @property
    def documents(self) -> pd.DataFrame:
        """The web as a crawler sees it.

        Returns:
            One row a document: `doc_id`, `title`, `text`, `popularity` (at least 0: what counting links would say) and
            `place` (a town, or "" where there is none or the crawler did not see it).

        Chapter: Search.
        """
        return self._web.documents.copy(deep=False)

    def users(self, n: int, seed: int = 0) -> pd.DataFrame:
        """Some of the people of this world.

        Args:
            n: How many; at least 1.
            seed: Which of them: other seeds give mostly other people.

        Returns:
            One row a person: `user_id` and `place`, the town where they live.

        Raises:
            ValueError: If `n` or `seed` is out of range.

        Chapter: Search.

        >>> SearchWorld(documents=500).users(1, seed=1)
           user_id     place
        0  1000000  Ashmouth
        """
        checks.whole("users", "n", n, 1, people.MOST_USERS // 10)
        checks.whole("users", "seed", seed, 0, people.MOST_SEEDS - 1)
        user = (seed * 1_000_000 + np.arange(n)) % people.MOST_USERS
        place = self._people.place_names(self._people.homes(user))
        return pd.DataFrame({"user_id": user, "place": pd.Series(place, dtype="str")})

    def requests(self, users: pd.DataFrame, n: int, day: int, seed: int = 0) -> pd.DataFrame:
        """The first requests of sessions on one day; who searches a lot on other days does so on this.

        A person's first, second, … request of a day is the same whoever else searches, so two arms of an experiment
        can be given the same people or different ones.

        Args:
            users: Column `user_id`, as `users` or `evolve` returned them.
            n: How many requests; at least 0.
            day: Number of the day, from 0 to 999.
            seed: Seed of the draw, from 0 to 999: it is part of the ids.

        Returns:
            One row a request, by time: `request_id, user_id, session_id, ts` (UTC), `query` (as typed) and `place`
            (where the user lives). Ids differ between days, seeds and users.

        Raises:
            ValueError: If an argument is out of range, `users` is unsound, or somebody would search more than a
                thousand times.

        Chapter: Search.
        """
        checks.whole("requests", "n", n, 0, 100_000_000)
        checks.whole("requests", "day", day, 0, people.MOST_DAYS - 1)
        checks.whole("requests", "seed", seed, 0, people.MOST_SEEDS - 1)
        everybody = checks.users(users, people.MOST_USERS, "SearchWorld")
        ends = np.cumsum(self._people.activity(everybody))
        drawn = chance.uniform(self.seed, "who", seed, day, np.arange(n)) * ends[-1]
        user = np.sort(everybody[np.searchsorted(ends, drawn).clip(max=len(everybody) - 1)])
        nth = np.arange(n) - np.searchsorted(user, user)
        if n and nth.max() >= people.MOST_NTH:
            raise ValueError(
                f"requests: {n} requests by {len(everybody)} users make {nth.max() + 1} for one of them (first: "
                f"user_id={user[np.argmax(nth)]}). At most 1,000 a day; give more users."
            )
        request = people.request_ids(day, seed, user, nth)
        second = day * 86_400_000 + self._people.hours(request)
        return self._frame(request, second).sort_values(["ts", "request_id"], ignore_index=True)

    def visits(self, users: pd.DataFrame, per_user: float, day: int, seed: int = 0) -> pd.DataFrame:
        """The first requests of sessions on one day, each person as often as their own chance has it.

        Where `requests` shares out a number of requests among whoever is there, here a person's requests do not depend
        on anybody else: it is what an experiment needs whose arms lose different people.

        Args:
            users: Column `user_id`, as `users` or `evolve` returned them.
            per_user: How many sessions a person of average activity begins on a day, above 0 and at most 20.
            day: Number of the day, from 0 to 999.
            seed: Seed of the draw, from 0 to 999: it is part of the ids.

        Returns:
            As `requests`.

        Raises:
            ValueError: If an argument is out of range or `users` is unsound.

        Chapter: Online evaluation.

        >>> world = SearchWorld(documents=500)
        >>> people = world.users(1_000, seed=1)
        >>> few, all_of_them = world.visits(people.head(10), 1.0, day=3), world.visits(people, 1.0, day=3)
        >>> few["request_id"].isin(all_of_them["request_id"]).all().item(), len(all_of_them)
        (True, 959)
        """
        if not checks.is_number(per_user) or not 0 < per_user <= 20:
            raise ValueError(f"visits: per_user is {per_user!r}; expected a number above 0 and at most 20.")
        checks.whole("visits", "day", day, 0, people.MOST_DAYS - 1)
        checks.whole("visits", "seed", seed, 0, people.MOST_SEEDS - 1)
        everybody = checks.users(users, people.MOST_USERS, "SearchWorld")
        counts = self._people.visits(everybody, day, seed, float(per_user))
        nth = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        request = people.request_ids(day, seed, np.repeat(everybody, counts), nth)
        frame = self._frame(request, day * 86_400_000 + self._people.hours(request))
        return frame.sort_values(["ts", "request_id"], ignore_index=True)

    def respond(
        self,
        requests: pd.DataFrame,
        shown: pd.DataFrame,
        seed: int = 0,
        *,
        curiosity: pd.Series[float] | None = None,
        block: int = 1_000_000,
    ) -> pd.DataFrame:
        """What people do with the results that they are shown.

        Args:
            requests: As `requests` or `again` made them; columns of your own are kept.
            shown: Columns `request_id, position, doc_id`; columns of your own (arm, propensity, version) are kept.
            seed: Seed of the answers.
            curiosity: What is added to the log odds of every click of some people, by `user_id`: how they take to
                something new. Others have none.
            block: How many rows to answer at once; memory beyond the log itself grows with it, results do not change.

        Returns:
            The log: a row a document shown, by request (in their order) and position, with the columns of both tables,
            `clicked` and `dwell_s` (seconds on the document; 0 without a click). Requests to which nothing was shown
            have no row here; `sessions` counts them.

        Raises:
            ValueError: If a table is unsound, or names a request or document that this world does not have.

        Source: [joachims2005clickthrough], [joachims2017unbiased]. Chapter: Search.
        """
        checks.whole("respond", "block", block, 1, 2**62)
        checks.seed("respond", seed)
        asked = checks.requests(requests)
        rows, place, doc = checks.answers(asked, shown, self._web)
        request, position = rows["request_id"].to_numpy(), rows["position"].to_numpy()
        clicked, dwell = np.zeros(len(rows), dtype=bool), np.zeros(len(rows))
        need = self._people.needs(asked["request_id"].to_numpy())
        extra = checks.by_user("curiosity", curiosity, people.user_of(request))
        for start, end in _blocks(place, block):
            part = slice(start, end)
            grade = self._grader.grade(need[place[part]], doc[part])
            clicked[part], dwell[part] = behaviour.react(
                self.seed, seed, self.habits, request[part], place[part], position[part], doc[part], grade, extra[part]
            )
        return rows.assign(clicked=clicked, dwell_s=dwell)

    def sessions(self, requests: pd.DataFrame, log: pd.DataFrame) -> pd.DataFrame:
        """What came of each request, also of those to which nothing was shown.

        Args:
            requests: As `requests` or `again` made them.
            log: As `respond` returned it for them.

        Returns:
            One row a request, in their order: `request_id`, `session_id`, `clicks`, `satisfied_by_dwell` (a click of
            30 s or more: what a product can count) and `outcome`: "satisfied", "again" (will search) or "gave up".
            The outcome is true of the person, so it is for judging, not for a model.

        Raises:
            ValueError: If a table is unsound or names a request or document that this world does not have.

        Chapter: Search.
        """
        asked = checks.requests(requests)
        request = asked["request_id"].to_numpy()
        clicks, long, found = self._found(asked, log)
        on = behaviour.goes_on(self.seed, request, self._people.patience(people.user_of(request)))
        on &= request % people.MOST_ROUNDS < people.MOST_ROUNDS - 1
        outcome = np.where(found, "satisfied", np.where(on, "again", "gave up"))
        return pd.DataFrame(
            {
                "request_id": request,
                "session_id": request // people.MOST_ROUNDS,
                "clicks": clicks,
                "satisfied_by_dwell": long,
                "outcome": pd.Series(outcome, dtype="str"),
            }
        )

    def again(self, requests: pd.DataFrame, log: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
        """The next requests of those who did not find and search again in the same session.

        Who made a typing error corrects it first; others choose other words, and more often name the town.

        Args:
            requests: As `requests` or `again` made them.
            log: As `respond` returned it for them.
            seed: Seed of how long they take.

        Returns:
            Requests as `requests` returns them, with new ids and times and the old sessions; maybe none.

        Raises:
            ValueError: As `sessions`.

        Chapter: Search.
        """
        checks.seed("again", seed)
        outcome = self.sessions(requests, log)["outcome"].to_numpy()
        asked = checks.requests(requests, "ts")[outcome == "again"]
        before = asked["request_id"].to_numpy()
        took = 10_000 + (20_000 * chance.exponential(self.seed, "tries again after", seed, before)).astype(np.int64)
        clicks = self._clicks(asked, log[log["request_id"].isin(asked["request_id"])])
        dwelt = np.bincount(clicks["place"], weights=clicks["dwell_s"], minlength=len(asked))
        took += (1_000 * dwelt).astype(np.int64)
        since = (asked["ts"] - people.EPOCH) // pd.Timedelta(milliseconds=1)
        return self._frame(before + 1, since.to_numpy(dtype=np.int64) + took)

    def evolve(
        self, users: pd.DataFrame, log: pd.DataFrame, seed: int = 0, *, requests: pd.DataFrame | None = None
    ) -> pd.DataFrame:
        """Who is still there the next day: people who found come back, people who did not may go elsewhere.

        Args:
            users: Column `user_id`; others are kept.
            log: The day's log.
            seed: Seed of who stays.
            requests: The day's requests, so that those to which nothing was shown count; left out, only the log does.

        Returns:
            The rows of `users` who come back. People without a request that day stay.

        Raises:
            ValueError: If a table is unsound or names what this world does not have.

        Chapter: Search.
        """
        checks.seed("evolve", seed)
        everybody = checks.users(users, people.MOST_USERS, "SearchWorld")
        asked = log.drop_duplicates("request_id") if requests is None else requests
        asked = checks.requests(asked)
        _, _, found = self._found(asked, log)
        request = asked["request_id"].to_numpy()
        success = pd.Series(found).groupby(request // people.MOST_ROUNDS).max()
        rate = success.groupby(people.user_of(success.index.to_numpy() * people.MOST_ROUNDS)).mean()
        share = rate.reindex(everybody).to_numpy(dtype=np.float64)
        stays = chance.uniform(self.seed, "comes back", seed, everybody) < self.return_base + self.return_gain * share
        return users[stays | np.isnan(share)].reset_index(drop=True)

    def truth(self, requests: pd.DataFrame) -> Truth:
        """What is true of requests. For judging only: no model may see it.

        Args:
            requests: Column `request_id`, as this world made them.

        Returns:
            What was meant, and every graded pair above zero of the needs behind them.

        Raises:
            ValueError: If a request is not of this world.

        Chapter: Search.
        """
        request = checks.requests(requests)["request_id"].to_numpy()
        asked = self._people.asked(request)
        meant = pd.DataFrame(
            {
                "request_id": request,
                "query_id": asked.need,
                "query": pd.Series(asked.intended, dtype="str"),
                "intent": pd.Series(np.array(people.INTENTS, dtype=object)[asked.intent], dtype="str"),
                "place": pd.Series(self._people.place_names(asked.town), dtype="str"),
            }
        )
        needs = np.unique(asked.need)
        place, doc, grade = self._grader.relevant(needs)
        ids = self._web.documents["doc_id"].to_numpy()
        judged = {"query_id": needs[place], "doc_id": ids[doc], "grade": grade.astype(np.int64)}
        return Truth(meant, pd.DataFrame(judged))

    def queries(self, requests: pd.DataFrame) -> pd.DataFrame:
        """A sample of queries to have judged: for each need the words of the first request that had it.

        Args:
            requests: Columns `request_id, query, place`.

        Returns:
            One row a need: `query_id`, `text` (as typed) and `place` (where that user lives).

        Raises:
            ValueError: If a request is not of this world.

        Chapter: Search.
        """
        asked = checks.requests(requests, "query", "place")
        need = self._people.asked(asked["request_id"].to_numpy()).need
        frame = pd.DataFrame({"query_id": need, "text": asked["query"], "place": asked["place"]})
        return frame.drop_duplicates("query_id", ignore_index=True)

    def oracle(self, name: str) -> Oracle:
        """A component that knows the truth, to see what a perfect one would be worth.

        Args:
            name: "rewriter" (adds `rewritten`, the query as intended), "understanding" (adds `intent`, certain, of
                shape (requests, 3) in the order of `INTENTS`, and `near`, the town of a local need or ""), "selection"
                (exactly the relevant documents, all with score 1, in the order of the table) or "ranker" (orders what
                it is given by grade).

        Returns:
            A component of that name for `System.replace`; it reads `request_id`.

        Raises:
            ValueError: If there is no such oracle.

        Chapter: Search.

        >>> SearchWorld(documents=500).oracle("ranker").name
        'ranker'
        """
        if name not in ORACLES:
            raise ValueError(f"oracle: no oracle {name!r}. Choose one of: {', '.join(ORACLES)}.")
        return Oracle(name, self._people, self._grader)

    def judge(self, pairs: pd.DataFrame, skill: float = 0.8, seed: int = 0) -> pd.DataFrame:
        """Grades as people give them: the only truth that a `fit` may see.

        Args:
            pairs: Columns `query_id` (of this world's needs) and `doc_id`; others are kept.
            skill: Probability of the right grade. A wrong one is one off, or, one time in five, two off.
            seed: Seed of the judging.

        Returns:
            The pairs with `grade`, 0 to 3.

        Raises:
            ValueError: If `skill` is no probability, or an id is not of this world.

        Chapter: Search.
        """
        checks.seed("judge", seed)
        checks.probability("judge", "skill", skill)
        clean = tables.judgments(pairs.assign(grade=0))
        doc, need = checks.rows(clean["doc_id"].to_numpy(), "pairs", self._web), checks.needs(clean, self._web)
        grade = misjudged(self.seed, seed, need, doc, self._grader.grade(need, doc), skill)
        return clean.assign(grade=grade)

    @cached_property
    def _web(self) -> Web:
        return build(self.seed, self.size, self.wordless)

    @cached_property
    def _people(self) -> people.People:
        return people.People(self.seed, self._web, *self._asking)

    @cached_property
    def _grader(self) -> Grader:
        return Grader(self.seed, self._web)

    def _frame(self, request: Array, millisecond: Array) -> pd.DataFrame:
        asked = self._people.asked(request)
        place = self._people.place_names(asked.home)
        return pd.DataFrame(
            {
                "request_id": request,
                "user_id": people.user_of(request),
                "session_id": request // people.MOST_ROUNDS,
                "ts": people.EPOCH + pd.to_timedelta(millisecond, unit="ms"),
                "query": pd.Series(asked.typed, dtype="str"),
                "place": pd.Series(place, dtype="str"),
            }
        )

    def _clicks(self, asked: pd.DataFrame, log: pd.DataFrame) -> pd.DataFrame:
        """The clicked rows of a log, with the place of their request in `asked` and the row of their document."""
        missing = [c for c in ("request_id", "doc_id", "clicked", "dwell_s") if c not in log]
        if missing:
            raise ValueError(f"log: column {missing[0]!r} is missing. Pass what SearchWorld.respond returned.")
        tables.known(log, "request_id", asked, table="log", where="requests", show=("request_id", "doc_id"))
        clicks = log.loc[log["clicked"].to_numpy(dtype=bool), ["request_id", "doc_id", "dwell_s"]].reset_index(
            drop=True
        )
        place = pd.Index(asked["request_id"]).get_indexer(pd.Index(clicks["request_id"]))
        return clicks.assign(place=place, row=checks.rows(clicks["doc_id"].to_numpy(), "log", self._web))

    def _found(self, asked: pd.DataFrame, log: pd.DataFrame) -> tuple[Array, Array, Array]:
        """For each request its clicks, whether one was long, and whether one satisfied."""
        clicks = self._clicks(asked, log)
        place, row = clicks["place"].to_numpy(), clicks["row"].to_numpy()
        request = asked["request_id"].to_numpy()
        grade = self._grader.grade(self._people.needs(request[place]), row)
        ends = behaviour.satisfied(self.seed, self.habits, request[place], row, grade)
        long = clicks["dwell_s"].to_numpy() >= behaviour.LONG_S
        counts = [np.bincount(place[some], minlength=len(asked)) for some in (slice(None), long, ends)]
        return counts[0], counts[1] > 0, counts[2] > 0


def _blocks(place: Array, block: int) -> Iterator[tuple[int, int]]:
    """Slices of about `block` rows that cut no request in two."""
    start = 0
    while start < len(place):
        end = min(start + block, len(place))
        end = int(np.searchsorted(place, place[end - 1], side="right"))
        yield start, end
        start = end
