"""Features: who is involved, what each of them did before, joined so that nothing of the future gets in."""

from mlsd_lib.offline.features.actors import actors
from mlsd_lib.offline.features.encoding import encoded_from, encoded_in_time, encoded_out_of_fold, smoothed
from mlsd_lib.offline.features.pointintime import as_of, refreshed
from mlsd_lib.offline.features.windows import EVER, top_values, windows
from mlsd_lib.offline.features.worth import worth

__all__ = [
    "EVER",
    "actors",
    "as_of",
    "encoded_from",
    "encoded_in_time",
    "encoded_out_of_fold",
    "refreshed",
    "smoothed",
    "top_values",
    "windows",
    "worth",
]
