"""Small tables of events, and what is true of them spelt out one row at a time."""

import numpy as np
import pandas as pd

START = pd.Timestamp("2026-01-05", tz="UTC")
SECOND = pd.Timedelta(seconds=1)


def at(*seconds):
    """Timestamps so many seconds after the start."""
    return START + pd.to_timedelta(np.array(seconds, dtype=float), unit="s")


def drawn(seed, rows=60, events=200, keys=4, moments=25):
    """Rows and events with few keys and few moments, so that nearly everything is tied, in no order."""
    rng = np.random.default_rng(seed)

    def table(number):
        return pd.DataFrame(
            {
                "user_id": rng.integers(0, keys, number),
                "place": rng.choice(["Ghent", "Lyon"], number),
                "ts": at(*rng.integers(0, moments, number)),
            }
        )

    past = table(events).assign(value=rng.integers(0, 5, events), clicked=rng.random(events) < 0.4)
    asked = table(rows)
    return asked.set_axis(rng.permutation(rows) + 7), past


def earlier(asked, past, on, span=None):
    """For each row, the events of its key that are strictly earlier, by time and then as they stand in the table."""
    for row in asked.itertuples(index=False):
        same = np.ones(len(past), dtype=bool)
        for name in on:
            same &= (past[name] == getattr(row, name)).to_numpy()
        same &= (past["ts"] < row.ts).to_numpy()
        if span is not None:
            same &= (past["ts"] >= row.ts - span).to_numpy()
        yield past[same].sort_values("ts", kind="stable")
