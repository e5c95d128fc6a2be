"""What people do with a page of results: look from the top, click, dwell, stop, search again, give up.

Every draw is keyed by the request and the document, never by the position, so the same person meets the same luck
whatever is shown; only how far down they look and what they trust depends on where a document stands.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mlsd_lib.architecture import Array
from mlsd_lib.worlds import chance

LONG_S = 30.0  # a dwell from which on a product counts a session as a success
DWELL_S = (6.0, 18.0, 45.0, 90.0)  # median dwell by grade
CLICK = (-2.6, -1.5, -0.4, 0.8)  # log odds of a click on a document that is looked at, by grade
SATISFIED = (0.02, 0.25, 0.65, 0.92)  # probability that a clicked document ends the search, by grade


@dataclass(frozen=True)
class Habits:
    """How people read a page of results.

    Attributes:
        eta: A person looks at position p with probability (1 / p) ** eta, unless satisfied before.
        trust: What standing first adds to the log odds of a click; it falls as 1 / position.
        satisfied: Probability that a clicked document ends the search, by grade.
    """

    eta: float
    trust: float
    satisfied: tuple[float, float, float, float]


def satisfied(seed: int, habits: Habits, request: Array, doc: Array, grade: Array) -> Array:
    """Whether each document, once clicked, would end the search."""
    return np.asarray(chance.uniform(seed, "satisfied", request, doc) < np.array(habits.satisfied)[grade])


def react(
    seed: int,
    run: int,
    habits: Habits,
    request: Array,
    place: Array,
    position: Array,
    doc: Array,
    grade: Array,
    curiosity: Array | None = None,
) -> tuple[Array, Array]:
    """Clicks and dwell on what is shown.

    Args:
        seed: Seed of the world.
        run: Seed of the answers.
        habits: How people read.
        request: Request id of each row; rows of a request stand together, by position.
        place: Which request a row belongs to, counted from 0, non-decreasing.
        position: Position from 1.
        doc: Row of the document.
        grade: Its grade.
        curiosity: What is added to each row's log odds of a click.

    Returns:
        Whether each row was clicked, and the dwell in seconds, 0 without a click.
    """
    looks = chance.uniform(seed, "looks down to", run, request) < (1.0 / position) ** habits.eta
    odds = np.array(CLICK)[grade] + habits.trust / position
    odds += 0.5 * chance.normal(seed, "appeal of the title", doc)
    odds += 0.0 if curiosity is None else curiosity
    would = chance.uniform(seed, "click", run, request, doc) < 1 / (1 + np.exp(-odds))
    ends = would & looks & satisfied(seed, habits, request, doc, grade)
    before: Array = np.cumsum(ends) - ends
    first = np.searchsorted(place, place)
    clicked = would & looks & (before == before[first])
    dwell = np.array(DWELL_S)[grade] * np.exp(0.7 * chance.normal(seed, "dwell", run, request, doc))
    return clicked, np.where(clicked, np.round(np.maximum(dwell, 0.5), 1), 0.0)


def goes_on(seed: int, request: Array, patience: Array) -> Array:
    """Whether each unsatisfied person searches again rather than gives up."""
    return np.asarray(chance.uniform(seed, "again", request) < patience)
