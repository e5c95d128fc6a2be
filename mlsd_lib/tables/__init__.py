"""Light checks of the documented tables: a clean frame comes back, or an error that a reader can act on.

Everything that takes a reader's table passes it through here once, at the edge. The checks are the ones whose absence
would give silent nonsense later: a missing column, an id that joins to nothing, a text that is no text, a NaN.
An error names the table, the column, how many rows, the first of them, and what to do.
"""

from mlsd_lib.tables.ads_tables import ads, ads_log, ads_requests, ads_shown
from mlsd_lib.tables.checks import known, same_kind
from mlsd_lib.tables.search_tables import (
    as_requests,
    documents,
    judged_requests,
    judgments,
    queries,
    search_log,
    search_pairs,
    search_requests,
    shown,
)

__all__ = [
    "ads",
    "ads_log",
    "ads_requests",
    "ads_shown",
    "as_requests",
    "documents",
    "judged_requests",
    "judgments",
    "known",
    "queries",
    "same_kind",
    "search_log",
    "search_pairs",
    "search_requests",
    "shown",
]
