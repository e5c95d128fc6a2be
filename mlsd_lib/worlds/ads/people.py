"""People and what they ask for: ids that say everything, segments, sessions, and the words of a query.

A request's id holds its day, the seed under which it was drawn, the user, the how-manieth of that user's sessions of
the day it is and the place within the session. All that is true of a request is a function of its id.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from mlsd_lib.architecture import Array
from mlsd_lib.worlds import chance
from mlsd_lib.worlds.ads import words
from mlsd_lib.worlds.ads.space import Space

MOST_USERS, MOST_NTH, MOST_ROUNDS, MOST_DAYS, MOST_SEEDS = 100_000_000, 1_000, 8, 1_000, 1_000
EPOCH = pd.Timestamp("2026-01-05", tz="UTC")
GOES_ON = 0.6  # probability that a session goes on after a request
PAUSE_MS = 45_000  # mean time between two requests of a session


def request_ids(day: int, seed: int, user: Array, nth: Array) -> Array:
    """Ids of the first requests of sessions; the next ones of a session have the next numbers."""
    start = np.int64(day * MOST_SEEDS + seed) * MOST_USERS
    return np.asarray(((start + user) * MOST_NTH + nth) * MOST_ROUNDS, dtype=np.int64)


def user_of(request: Array) -> Array:
    """The user in each request's id."""
    return np.asarray(request // (MOST_ROUNDS * MOST_NTH) % MOST_USERS)


@dataclass(frozen=True, eq=False)
class People:
    """The people of a world.

    Attributes:
        seed: Seed of the world.
        space: The keywords.
    """

    seed: int
    space: Space

    def segment(self, user: Array) -> Array:
        """The segment of each user, int64."""
        return np.asarray((len(words.SEGMENTS) * chance.uniform(self.seed, "segment", user)).astype(np.int64))

    def activity(self, user: Array) -> Array:
        """How often each user searches, relative to others."""
        return np.asarray(np.exp(0.8 * chance.normal(self.seed, "activity", user)))

    def rounds(self, session: Array) -> Array:
        """How many requests each session has, from 1 to `MOST_ROUNDS`."""
        u = chance.uniform(self.seed, "rounds", session)
        return np.asarray(np.minimum(1 + np.floor(np.log(u) / np.log(GOES_ON)), MOST_ROUNDS).astype(np.int64))

    def milliseconds(self, request: Array) -> Array:
        """When each request comes, in milliseconds since midnight."""
        session, place = np.divmod(request, MOST_ROUNDS)
        peak = np.where(chance.uniform(self.seed, "which peak", session) < 0.4, 10.0, 19.5)
        hour = (peak + 2.5 * chance.normal(self.seed, "hour", session)) % 24
        waited = np.zeros(len(request))
        for before in range(1, MOST_ROUNDS):
            pause = 5_000 + PAUSE_MS * chance.exponential(self.seed, "pause", session, before)
            waited += np.where(before <= place, pause, 0.0)
        return np.asarray((hour * 3_600_000 + waited).astype(np.int64))

    def keyword(self, request: Array) -> Array:
        """The keyword that each request is about: of a session's first by popularity, then near the one before."""
        session, place = np.divmod(request, MOST_ROUNDS)
        ends = np.cumsum(self.space.popularity)
        first = np.searchsorted(ends, chance.uniform(self.seed, "first keyword", session) * ends[-1])
        keyword: Array = np.minimum(first, len(ends) - 1).astype(np.int64)
        for turn in range(1, MOST_ROUNDS):
            on = np.flatnonzero(place >= turn)
            keyword[on] = self.space.after(keyword[on], chance.uniform(self.seed, "keyword", session[on], turn))
        return keyword

    def query(self, request: Array) -> Array:
        """The words of each request, an array of strings."""
        form = (len(words.QUERIES) * chance.uniform(self.seed, "form", request)).astype(np.int64)
        texts = np.array([form.format(k=phrase) for phrase in self.space.phrases for form in words.QUERIES], object)
        return np.asarray(texts[self.keyword(request) * len(words.QUERIES) + form])
