"""People and what they ask for: ids that say everything, needs, and the words of a query.

A request's id holds its day, the seed under which it was drawn, the user, the how-manieth of that user's requests it is
and the round within the session. All that is true of a request is a function of its id, so no table of secrets exists.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from mlsd_lib.architecture import Array
from mlsd_lib.worlds import chance
from mlsd_lib.worlds.search import pages, typing_errors, words
from mlsd_lib.worlds.search.pages import Kind
from mlsd_lib.worlds.search.web import Web

INTENTS = ("local", "navigational", "informational")
MOST_USERS, MOST_NTH, MOST_ROUNDS, MOST_DAYS, MOST_SEEDS = 100_000_000, 1_000, 10, 1_000, 1_000
EPOCH = pd.Timestamp("2026-01-05", tz="UTC")
TWICE = 0.15  # share of misspelt queries with a second error
FAVOURITES = 4  # needs that a person has again and again
SPREAD = 0.8  # standard deviation of the logarithm of how often people search
AVERAGE_ACTIVITY = float(np.exp(SPREAD**2 / 2))

# Templates of queries and how common they are; those of the second line name the town.
_LOCAL = (("{x}", 0.6), ("{x} near me", 0.15), ("best {x}", 0.15), ("{x} open now", 0.1))
_LOCAL_NAMED = (("{x} {y}", 0.6), ("{x} in {y}", 0.2), ("best {x} {y}", 0.1), ("{y} {x}", 0.1))
_NAMED = (("{n}", 0.6), ("{n} {y}", 0.2), ("{n} {x}", 0.2))
_PRODUCT_NAMED = (("{n}", 0.7), ("{n} test", 0.15), ("{n} price", 0.15))
_SUBJECT = (("{x} {y}", 0.6), ("{y} in {x}", 0.15), ("how to use {y} in {x}", 0.1), ("{x} {y} example", 0.15))
_PRODUCT = (("{y} {x}", 0.7), ("best {y} {x}", 0.15), ("buy {y} {x}", 0.15))
_SLIP = ("where", "how", "which")
TEMPLATES = (_LOCAL, _LOCAL_NAMED, _NAMED, _PRODUCT_NAMED, _SUBJECT, _PRODUCT)


def request_ids(day: int, seed: int, user: Array, nth: Array) -> Array:
    """Ids of first requests, as decimal digits: day (3), seed (3), user (8), how-manieth (3), round (1)."""
    start = np.int64(day * MOST_SEEDS + seed) * MOST_USERS
    return np.asarray(((start + user) * MOST_NTH + nth) * MOST_ROUNDS, dtype=np.int64)


def user_of(request: Array) -> Array:
    """The user in each request's id."""
    return np.asarray(request // (MOST_ROUNDS * MOST_NTH) % MOST_USERS)


@dataclass(frozen=True, eq=False)
class Asked:
    """What is true of requests, as arrays of shape (requests,).

    Attributes:
        need: What is needed: a topic, or the number of topics plus an entity. It is the `query_id`.
        intent: Index into `INTENTS`.
        home: Town of the user.
        town: Town of the need; -1 where the intent is not local.
        intended: The query without typing errors.
        typed: The query as typed.
        misspelt: Whether a typing error was made.
    """

    need: Array
    intent: Array
    home: Array
    town: Array
    intended: Array
    typed: Array
    misspelt: Array


@dataclass(frozen=True, eq=False)
class People:
    """The people of a web and how they ask.

    Attributes:
        seed: Seed of the world.
        web: The documents.
        intents: Probabilities of a local, a navigational and an informational need.
        zipf: Exponent of how often entities and topics are asked for.
        habit: Share of needs that are among the few of a person that come again and again.
        travel: Share of local needs that are about another town than the user's.
        named: Share of local needs about the user's own town whose query names it all the same.
        other_words: Share of queries in the less common wording.
        misspelt: Share of queries with a typing error.
    """

    seed: int
    web: Web
    intents: tuple[float, float, float]
    zipf: float
    habit: float
    travel: float
    named: float
    other_words: float
    misspelt: float

    def homes(self, user: Array) -> Array:
        """The town where each user lives; large towns come first."""
        return np.searchsorted(self._town_ends, chance.uniform(self.seed, "home", user)).astype(np.int64)

    def activity(self, user: Array) -> Array:
        """How often each user searches, relative to others."""
        return np.asarray(np.exp(SPREAD * chance.normal(self.seed, "activity", user)))

    def patience(self, user: Array) -> Array:
        """Probability that a user who did not find searches again, between 0.2 and 0.9."""
        return 0.2 + 0.7 * chance.uniform(self.seed, "patience", user)

    def hours(self, request: Array) -> Array:
        """When each first request comes, in milliseconds since midnight: a morning peak and a larger one at night."""
        peak = np.where(chance.uniform(self.seed, "which peak", request) < 0.4, 10.0, 19.5)
        hour = (peak + 2.5 * chance.normal(self.seed, "hour", request)) % 24
        return np.asarray((hour * 3_600_000).astype(np.int64))

    def visits(self, user: Array, day: int, seed: int, mean: float) -> Array:
        """How many sessions each user begins on a day: Poisson draws around their activity, `mean` for the average."""
        rate = mean * self.activity(user) / AVERAGE_ACTIVITY
        luck = chance.uniform(self.seed, "how many visits", seed, day, user)
        count, term = np.zeros(len(user), dtype=np.int64), np.exp(-rate)
        still, reached = np.flatnonzero(luck > term), term.copy()
        for number in range(1, MOST_NTH):
            if not len(still):
                break
            count[still] = number
            term[still] *= rate[still] / number
            reached[still] += term[still]
            still = still[luck[still] > reached[still]]
        return count

    def needs(self, request: Array) -> Array:
        """What is needed, without putting it into words: a topic, or the number of topics plus an entity."""
        return self._needs(request // MOST_ROUNDS, user_of(request))[0]

    def asked(self, request: Array) -> Asked:
        """What is true of requests, from their ids alone."""
        session = request // MOST_ROUNDS
        user = user_of(request)
        need, intent, home, town = self._needs(session, user)
        slip = chance.uniform(self.seed, "slip", session * MOST_ROUNDS) < self.misspelt
        rounds = request % MOST_ROUNDS
        corrected = slip & (rounds >= 1)  # after a typing error people first correct it
        rewordings = np.maximum(rounds - slip, 0)
        drawn = session * MOST_ROUNDS + rewordings  # a corrected query keeps its words
        intended = self._words(need, intent, home, town, session, rewordings, drawn)
        slip = np.where(rounds == 0, slip, chance.uniform(self.seed, "slip", request) < self.misspelt)
        slip &= ~(corrected & (rounds == 1))
        typed = intended.copy()
        some = np.flatnonzero(slip)
        for time in ("first", "second"):
            draws = [chance.uniform(self.seed, f"{time} slip {part}", request[some]) for part in _SLIP]
            typed[some] = typing_errors.misspell(typed[some], *draws)
            some = some[chance.uniform(self.seed, "slips twice", request[some]) < TWICE]
        return Asked(need, intent, home, town, intended, typed, np.asarray(typed != intended))

    def place_names(self, town: Array) -> Array:
        """Names of towns, "" for -1."""
        return np.where(town >= 0, self.web.towns[town], "").astype(object)

    def _needs(self, session: Array, user: Array) -> tuple[Array, Array, Array, Array]:
        plan = self.web.plan
        favourite = (chance.uniform(self.seed, "favourite", session) * FAVOURITES).astype(np.int64)
        usual = chance.uniform(self.seed, "usual", session) < self.habit
        key = np.where(usual, -(user * FAVOURITES + favourite) - 1, session)
        intent = np.searchsorted(np.cumsum(self.intents)[:-1], chance.uniform(self.seed, "intent", key), side="right")
        u = chance.uniform(self.seed, "need", key)
        home = self.homes(user)
        away = np.searchsorted(self._town_ends, chance.uniform(self.seed, "away", key)).astype(np.int64)
        town = np.where(chance.uniform(self.seed, "travel", key) < self.travel, away, home)
        concept = self._concepts[np.searchsorted(self._concept_ends, u)]
        entity = self.web.famous[np.searchsorted(self._entity_ends, u)]
        topic = self._subjects[np.searchsorted(self._subject_ends, u)]
        need = np.where(intent == 0, concept * plan.towns + town, np.where(intent == 1, plan.topics + entity, topic))
        return need.astype(np.int64), intent.astype(np.int64), home, np.where(intent == 0, town, -1)

    def _words(
        self, need: Array, intent: Array, home: Array, town: Array, session: Array, rewordings: Array, drawn: Array
    ) -> Array:
        """The intended query; equal needs in equal words are put into words once."""
        way = (chance.uniform(self.seed, "words", session) < self.other_words) ^ (rewordings % 2 == 1)
        names = np.array([self.named, max(0.6, self.named), 1.0])[np.minimum(rewordings, 2)]
        named = (town != home) | (chance.uniform(self.seed, "named", drawn) < names)
        family = self._family(need, intent) + ((intent == 0) & named)
        u = chance.uniform(self.seed, "template", session)
        form = np.zeros(len(need), dtype=np.int64)
        for number, templates in enumerate(TEMPLATES):
            own = family == number
            form[own] = np.searchsorted(np.cumsum([share for _, share in templates])[:-1], u[own], side="right")
            turn = rewordings[own] if number in (2, 3) else rewordings[own] // 2  # names have but one wording
            form[own] = (form[own] + turn) % len(templates)  # the same words are not tried twice
        code = ((need * len(TEMPLATES) + family) * 4 + form) * 2 + way
        distinct, where = np.unique(code, return_inverse=True)
        texts = np.array([self._say(one) for one in distinct.tolist()], dtype=object)
        return np.asarray(texts[where]) if len(texts) else texts

    def _family(self, need: Array, intent: Array) -> Array:
        """Which templates a need is put into words with."""
        plan = self.web.plan
        entity = np.where(intent == 1, need - plan.topics, 0)
        product = self.web.entity_kind[entity] == Kind.PRODUCT
        informational = np.where(need < plan.first_product, 4, 5)
        return np.asarray(np.where(intent == 0, 0, np.where(intent == 1, 2 + product, informational)))

    def _say(self, code: int) -> str:
        code, way = divmod(code, 2)
        code, form = divmod(code, 4)
        need, family = divmod(code, len(TEMPLATES))
        plan, template = self.web.plan, TEMPLATES[family][form][0]
        name, topic = "", need
        if need >= plan.topics:
            name, topic = self.web.names[need - plan.topics], int(self.web.entity_topic[need - plan.topics])
        first, second = (int(part) for part in plan.parts(np.array(topic)))
        xs, ys = self._spoken[_spoken_kind(topic, self.web)]
        return template.format(n=name, x=xs[first][way], y=ys[second][way]).lower()

    @cached_property
    def _spoken(self) -> dict[int, tuple[list[words.Wording], list[words.Wording]]]:
        plan = self.web.plan
        return pages.wordings(pages.Made(plan.towns, plan.languages, plan.types))

    @cached_property
    def _town_ends(self) -> Array:
        return _ends(1 / (np.arange(self.web.plan.towns) + 3))

    @cached_property
    def _concepts(self) -> Array:
        return np.argsort(chance.bits(self.seed, "concepts asked", np.arange(len(words.LOCAL))), kind="stable")

    @cached_property
    def _concept_ends(self) -> Array:
        return _ends((np.arange(len(words.LOCAL)) + 1.0) ** -0.5)

    @cached_property
    def _entity_ends(self) -> Array:
        return _ends((np.arange(len(self.web.famous)) + 1.0) ** -self.zipf)

    @cached_property
    def _subjects(self) -> Array:
        """Topics of languages and products that have a page, those asked for most first."""
        pages_of = np.bincount(self.web.topic[self.web.topic >= 0], minlength=self.web.plan.topics)
        topics = np.arange(self.web.plan.first_subject, self.web.plan.topics)
        topics = topics[pages_of[topics] > 0]
        return topics[np.argsort(chance.bits(self.seed, "subjects asked", topics), kind="stable")]

    @cached_property
    def _subject_ends(self) -> Array:
        return _ends((np.arange(len(self._subjects)) + 1.0) ** -self.zipf)


def _ends(weights: Array) -> Array:
    """Where each share ends on the way from 0 to 1, the last one left out."""
    return np.asarray(np.cumsum(weights / weights.sum())[:-1])


def _spoken_kind(topic: int, web: Web) -> int:
    if topic < web.plan.first_subject:
        return Kind.BUSINESS
    return Kind.LANGUAGE if topic < web.plan.first_product else Kind.PRODUCT
