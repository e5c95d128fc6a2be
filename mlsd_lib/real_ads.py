"""Results of off-policy estimates on a real log: what would the shop's other policy have earned?

A fashion shop let two policies serve at the same time, one that draws items evenly and one that had learned which are
clicked (Bernoulli Thompson sampling). Each log is asked what the other policy earns, and the other's own log knows the
answer, as far as its clicks go.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from mlsd_lib import datasets
from mlsd_lib.architecture import Array
from mlsd_lib.datasets import Dataset
from mlsd_lib.metrics import Mean, mean
from mlsd_lib.metrics.classification import NORMAL_95
from mlsd_lib.metrics.noise import requests_needed
from mlsd_lib.offline.selection import Estimate, Logged, doubly_robust, inverse_propensity, replay
from mlsd_lib.worlds import chance

SEED = 0
POSITIONS = 3


def compute() -> tuple[dict[str, int | float], list[Dataset]]:
    """Compute all results of ads.

    Returns:
        Values by name, intervals as `<name>_low` and `<name>_high`; and the data set that was read.

    Raises:
        DataUnavailable: If the data cannot be had.

    Chapter: Online evaluation.
    """
    shop = datasets.load("open-bandit-men")
    return judged(shop.impressions), [shop]


def judged(impressions: pd.DataFrame) -> dict[str, int | float]:
    """Each policy by its own log, by the other's, and how many impressions it would have taken.

    Args:
        impressions: Columns `policy` ("even" or "learned"), `item_id` (from 0), `position` (1 to 3), `clicked` and
            `propensity`, by time.

    Returns:
        Values by name: what each policy earned an impression, what the other's log says of it by each estimator, their
        gap in three ways, and the impressions that it takes to see it.

    Chapter: Online evaluation.
    """
    logs = {str(name): log.reset_index(drop=True) for name, log in impressions.groupby("policy")}
    items = int(impressions["item_id"].max()) + 1
    share = shown_shares(logs["learned"], items)[logs["even"]["position"].to_numpy() - 1]
    values: dict[str, int | float] = {"items": items}
    for name, log in logs.items():
        values |= {f"{name}_impressions": len(log), f"{name}_clicks": int(log["clicked"].sum())}
        values |= _named(f"{name}_ctr", mean(log["clicked"].astype(np.float64), seed=SEED))
    evenly = logged(logs["even"], np.full((len(logs["even"]), items), 1 / items))
    drawn = (share.cumsum(axis=1) < chance.uniform(SEED, "replay", np.arange(len(share)))[:, None]).sum(axis=1)
    replayed = replay(evenly, drawn.clip(max=items - 1))
    values |= _named("learned_by_replay", replayed) | {"learned_by_replay_used": replayed.used}
    values |= _estimates("learned", evenly, share, logs["even"])
    own = shown_shares(logs["learned"], items)[logs["learned"]["position"].to_numpy() - 1]
    learned, wanted = logged(logs["learned"], own), np.full(own.shape, 1 / items)
    values |= _estimates("even", learned, wanted, logs["learned"])
    return values | _gap(evenly, learned, weights(evenly, share), weights(learned, wanted))


def shown_shares(log: pd.DataFrame, items: int) -> Array:
    """How a policy that changed a little every few minutes chose on average: the share of each item at each position.

    Args:
        log: Columns `item_id` and `position` (1 to 3).
        items: How many items there are.

    Returns:
        Shares of shape (positions, items); each row sums to 1.

    Chapter: Online evaluation.
    """
    counts = np.zeros((POSITIONS, items))
    np.add.at(counts, (log["position"].to_numpy() - 1, log["item_id"].to_numpy()), 1)
    return np.asarray(counts / counts.sum(axis=1, keepdims=True))


def logged(log: pd.DataFrame, likely: Array) -> Logged:
    """A log with the probability it names for what was shown, and likely ones for what was not.

    The log names the probability of the item that was shown, and no other; estimates by weights use no other.

    Args:
        log: Columns `item_id`, `clicked` and `propensity`.
        likely: Shares of all items, of shape (impressions, items), which are scaled to what the shown one leaves.

    Returns:
        The log, for the estimators.

    Chapter: Online evaluation.
    """
    row, item = np.arange(len(log)), log["item_id"].to_numpy()
    rest = likely.copy()
    rest[row, item] = 0.0
    rest *= ((1 - log["propensity"].to_numpy()) / rest.sum(axis=1))[:, None]
    rest[row, item] = log["propensity"].to_numpy()
    return Logged(item, log["clicked"].to_numpy(dtype=np.float64), rest)


def predicted(log: pd.DataFrame, items: int) -> Array:
    """Click rates of items for each half of a log, as the other half has them, drawn to the mean by one click.

    Args:
        log: Columns `item_id` and `clicked`, by time.
        items: How many items there are.

    Returns:
        Rates of shape (impressions, items).

    Chapter: Online evaluation.
    """
    rates = np.empty((len(log), items))
    early = np.arange(len(log)) < len(log) // 2
    for half in (early, ~early):
        other = log[~half]
        shown = np.bincount(other["item_id"], minlength=items)
        clicks = np.bincount(other["item_id"], weights=other["clicked"], minlength=items)
        rates[half] = (clicks + 1) / (shown + 1 / other["clicked"].mean())
    return rates


def weights(log: Logged, wanted: Array) -> Array:
    """How much likelier each item that was shown is under another policy.

    Args:
        log: The log.
        wanted: How likely the other policy shows each item, of shape (impressions, items).

    Returns:
        A weight an impression; about 1 on average if both say true probabilities.

    Chapter: Online evaluation.
    """
    row = np.arange(len(log.action))
    return np.asarray(wanted[row, log.action] / log.probability[row, log.action])


def _estimates(name: str, log: Logged, wanted: Array, rows: pd.DataFrame) -> dict[str, int | float]:
    """What the other policy's log says of a policy, by each way to weight it."""
    weighted = inverse_propensity(log, wanted)
    by = {
        "weights": weighted,
        "normalised": inverse_propensity(log, wanted, normalised=True),
        "doubly_robust": doubly_robust(log, wanted, predicted(rows, wanted.shape[1])),
    }
    values: dict[str, int | float] = {}
    for way, estimate in by.items():
        values |= _named(f"{name}_by_{way}", estimate)
    weight = weights(log, wanted)
    return values | {
        f"{name}_counts_as": weighted.effective,
        f"{name}_weight_mean": float(weight.mean()),
        f"{name}_weight_most": float(weight.max()),
    }


def _gap(even: Logged, learned: Logged, to_learned: Array, to_even: Array) -> dict[str, int | float]:
    """How much more the learned policy earns than the even one, told by both logs or by one, and what it takes."""
    rate, other = float(even.reward.mean()), float(learned.reward.mean())
    gap, variance = other - rate, (rate * (1 - rate), other * (1 - other))
    error = NORMAL_95 * math.sqrt(variance[0] / len(even.reward) + variance[1] / len(learned.reward))
    more = pd.Series((to_learned - 1) * even.reward)  # the same clicks, weighted and not
    own = pd.Series((1 - to_even) * learned.reward)
    tenth = requests_needed(math.sqrt(2 * variance[0]), 0.1 * rate)
    return {
        "gap": gap,
        "gap_low": gap - error,
        "gap_high": gap + error,
        **_named("gap_by_even", mean(more, seed=SEED)),
        **_named("gap_by_learned", mean(own, seed=SEED)),
        "needed_side_by_side": requests_needed(math.sqrt(sum(variance)), gap),
        "needed_by_even": requests_needed(float(more.std()), gap),
        "needed_for_a_tenth": tenth,
        "clicks_for_a_tenth": round(rate * tenth),
    }


def _named(name: str, estimate: Estimate | Mean) -> dict[str, int | float]:
    return {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}
