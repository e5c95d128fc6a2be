"""Interleaving: two rankings on one page, and the clicks say which is preferred. A tenth of the users, or fewer."""

from mlsd_lib.online.interleaving.mixing import balanced, team_draft
from mlsd_lib.online.interleaving.power import Needed, detected, needed
from mlsd_lib.online.interleaving.reading import Preference, credit, preference, wins

__all__ = [
    "Needed",
    "Preference",
    "balanced",
    "credit",
    "detected",
    "needed",
    "preference",
    "team_draft",
    "wins",
]
