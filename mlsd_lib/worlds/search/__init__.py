"""A world of search: a small readable web, people who look for things in it, and what they do with the answers.

What a system may see are the public tables: documents, users, requests, logs. What is true (what was meant, how good a
page really is, who was satisfied) is a function of ids and the world's seed, and is handed out by `truth`, `oracle`
and, blurred, by `judge` only.
"""

from mlsd_lib.worlds.search.loop import Engine, possible, visit
from mlsd_lib.worlds.search.people import INTENTS
from mlsd_lib.worlds.search.standin import StandIn
from mlsd_lib.worlds.search.trial import Day, Novelty, Split, TrueEffect, daily, everybody, trial, true_effect
from mlsd_lib.worlds.search.truth import ORACLES, Oracle, Truth
from mlsd_lib.worlds.search.world import SearchWorld

__all__ = [
    "INTENTS",
    "ORACLES",
    "Day",
    "Engine",
    "Novelty",
    "Oracle",
    "SearchWorld",
    "Split",
    "StandIn",
    "TrueEffect",
    "Truth",
    "daily",
    "everybody",
    "possible",
    "trial",
    "true_effect",
    "visit",
]
