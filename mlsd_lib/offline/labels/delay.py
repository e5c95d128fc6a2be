"""Labels that come late: a click today, a purchase next week.

Until then the row looks like a negative. Waiting makes labels right and old; not waiting makes them new and wrong.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from mlsd_lib.architecture import Array
from mlsd_lib.metrics import checks


def labels_at(
    clicks: pd.DataFrame, conversions: pd.DataFrame, *, now: pd.Timestamp, window: pd.Timedelta
) -> pd.DataFrame:
    """The labels that a log shows at one moment: which clicks have converted, and which could still do so.

    Args:
        clicks: Columns `click_id` (each once) and `ts`; others are kept.
        conversions: Columns `click_id, ts`; the first of a click counts.
        now: The moment. What happens after it, or at it, is not seen.
        window: How long after a click a conversion is credited to it, its end included; above 0.

    Returns:
        The clicks before `now`, in order, with `converted` (as seen by then), `ripe` (whether the window was over, so
        that the label is final) and `age_s` (seconds since the click).

    Raises:
        ValueError: If a column is missing, a click is there twice, a conversion has no click or comes before it, or the
            window is not above 0.

    Chapter: Training data.

    >>> day = pd.Timestamp("2026-01-05", tz="UTC")
    >>> clicks = pd.DataFrame({"click_id": [1, 2], "ts": [day, day + pd.Timedelta(days=8)]})
    >>> bought = pd.DataFrame({"click_id": [1], "ts": [day + pd.Timedelta(days=2)]})
    >>> labels_at(clicks, bought, now=day + pd.Timedelta(days=9), window=pd.Timedelta(days=7))[["converted", "ripe"]]
       converted   ripe
    0       True   True
    1      False  False
    """
    checks.columns("clicks", clicks, "click_id", "ts")
    checks.once("clicks", clicks, ["click_id"])
    bought = checks.columns("conversions", conversions, "click_id", "ts")
    if not window > pd.Timedelta(0):
        raise ValueError(f"labels_at: window is {window}; expected a time above 0.")
    since = clicks.set_index("click_id")["ts"]
    strange = ~bought["click_id"].isin(since.index).to_numpy()
    if strange.any():
        raise ValueError(
            f"conversions: {checks.count(strange)} without a click (first: click_id="
            f"{checks.plain(bought['click_id'][strange].iloc[0])!r}). Drop them, or add their clicks."
        )
    early = (bought["ts"].to_numpy() < since.loc[bought["click_id"]].to_numpy()) if len(bought) else np.zeros(0, bool)
    if early.any():
        raise ValueError(
            f"conversions: {checks.count(early)} before its click (first: click_id="
            f"{checks.plain(bought['click_id'][early].iloc[0])!r}). Check the clocks of the two logs."
        )
    seen = clicks[clicks["ts"] < now].reset_index(drop=True)
    first = bought[bought["ts"] < now].groupby("click_id")["ts"].min()
    when = first.reindex(seen["click_id"]).reset_index(drop=True)
    return seen.assign(
        converted=((when - seen["ts"]) <= window).to_numpy(),
        ripe=(seen["ts"] + window < now).to_numpy(),
        age_s=(now - seen["ts"]).dt.total_seconds(),
    )


def seen_by(age_s: npt.ArrayLike, delays_s: Sequence[float] | Array) -> Array:
    """Which share of conversions has come by an age, going by the delays of old ones.

    Args:
        age_s: Ages in seconds, at least 0, of any shape.
        delays_s: Delays of conversions that were old enough to be complete, in seconds, at least one.

    Returns:
        Shares in [0, 1], float64 of the shape of `age_s`.

    Raises:
        ValueError: If there is no delay, or a value is negative or missing.

    Chapter: Training data.

    >>> seen_by([0, 50, 500], delays_s=[10, 20, 60, 300]).tolist()
    [0.0, 0.5, 1.0]
    """
    age, delays = np.asarray(age_s, dtype=np.float64), np.sort(np.asarray(delays_s, dtype=np.float64))
    if not len(delays) or not (delays >= 0).all() or not (age >= 0).all():
        raise ValueError("seen_by: expected ages and delays of at least 0 seconds, and at least one delay.")
    return np.asarray(np.searchsorted(delays, age, side="right") / len(delays))


def rate(labels: pd.DataFrame, delays_s: Sequence[float] | Array | None = None) -> float:
    """The rate of conversion among clicks, all conversions that are still to come included if delays are given.

    Without delays it is the share that has converted so far. With them the conversions are divided by the clicks, each
    of which counts as far as its conversion would have been seen by its age.

    Args:
        labels: Columns `converted, age_s`, as `labels_at` returned them.
        delays_s: Delays of old conversions within the window, in seconds.

    Returns:
        The rate, at least 0.

    Raises:
        ValueError: If a column is missing or unsound, there is no row, or all clicks are too young.

    Chapter: Training data.

    >>> labels = pd.DataFrame({"converted": [True, False, False, False], "age_s": [90.0, 90.0, 15.0, 15.0]})
    >>> rate(labels), round(rate(labels, delays_s=[10, 60]), 3)
    (0.25, 0.333)
    """
    clean = checks.columns("labels", labels, "converted", "age_s")
    converted = checks.flags("labels", clean, "converted").to_numpy()
    if not len(converted):
        raise ValueError("labels: there is no row, so there is no rate. Take clicks from before `now`.")
    if delays_s is None:
        return float(converted.mean())
    counted = float(seen_by(clean["age_s"].to_numpy(), delays_s).sum())
    if counted == 0:
        raise ValueError("labels: every click is younger than the shortest delay, so nothing could be seen yet. Wait.")
    return float(converted.sum() / counted)
