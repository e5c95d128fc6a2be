"""A table whose law is known: what the tests of this room hold models against."""

import numpy as np
import pandas as pd
from scipy.special import expit

from mlsd_lib.offline.training import Examples
from mlsd_lib.worlds import chance

COLOUR = np.array(["red", "green", "blue"])
LIKED = {"red": -1.0, "green": 0.0, "blue": 1.5}


def made(rows: int, *, day: int = 0, pair: float = 0.0) -> tuple[Examples, np.ndarray]:
    """Examples in units of five, and the truth: log odds -1 + 0.8 size + colour + `pair` for blue and big."""
    row = np.arange(rows)
    size = chance.normal(day, "size", row)
    colour = COLOUR[(3 * chance.uniform(day, "colour", row)).astype(int)]
    table = pd.DataFrame({"idle": chance.normal(day, "idle", row), "size": 10 + 3 * size, "colour": colour})
    odds = -1 + 0.8 * size + table["colour"].map(LIKED).to_numpy() + pair * (size > 0) * (colour == "blue")
    true = expit(odds)
    return Examples(table, (chance.uniform(day, "target", row) < true).astype(int), row // 5), true
