"""Training data: labels from clicks and from people, what to leave out, what comes late, and what must not be kept."""

from mlsd_lib.offline.labels.choosing import labelled_in_turn, labels_needed, least_certain
from mlsd_lib.offline.labels.delay import labels_at, rate, seen_by
from mlsd_lib.offline.labels.in_batch import Towers, log_frequency, two_towers
from mlsd_lib.offline.labels.people import Consensus, agreement, alpha, dawid_skene, majority
from mlsd_lib.offline.labels.preferences import (
    Preferences,
    clicked_over_unclicked,
    graded,
    order_from,
    reordered,
    skip_above,
    weighted,
)
from mlsd_lib.offline.labels.privacy import Forgotten, forget, minimised, pseudonyms, singled_out, withheld
from mlsd_lib.offline.labels.propensity import effective_share, examined_at_random, examined_from_log, inverse_weights
from mlsd_lib.offline.labels.sampling import keep_negatives, keep_requests, repaired

__all__ = [
    "Consensus",
    "Forgotten",
    "Preferences",
    "Towers",
    "agreement",
    "alpha",
    "clicked_over_unclicked",
    "dawid_skene",
    "effective_share",
    "examined_at_random",
    "examined_from_log",
    "forget",
    "graded",
    "inverse_weights",
    "keep_negatives",
    "keep_requests",
    "labelled_in_turn",
    "labels_at",
    "labels_needed",
    "least_certain",
    "log_frequency",
    "majority",
    "minimised",
    "order_from",
    "pseudonyms",
    "rate",
    "reordered",
    "repaired",
    "seen_by",
    "singled_out",
    "skip_above",
    "two_towers",
    "weighted",
    "withheld",
]
