"""Models: five kinds behind one face, what they cost, how to search for settings, to imitate and to explain them."""

from mlsd_lib.offline.training.columns import Coded, Columns
from mlsd_lib.offline.training.explaining import gains, shuffled
from mlsd_lib.offline.training.fitting import DEFAULTS, train
from mlsd_lib.offline.training.imitating import distil, kept
from mlsd_lib.offline.training.measuring import Examples, entropy, entropy_alone, ladder, serving_us
from mlsd_lib.offline.training.models import KINDS, Model
from mlsd_lib.offline.training.searching import SPACES, Search, search

__all__ = [
    "DEFAULTS",
    "KINDS",
    "SPACES",
    "Coded",
    "Columns",
    "Examples",
    "Model",
    "Search",
    "distil",
    "entropy",
    "entropy_alone",
    "gains",
    "kept",
    "ladder",
    "search",
    "serving_us",
    "shuffled",
    "train",
]
