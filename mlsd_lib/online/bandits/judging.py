"""What a bandit lost, and what its log is worth afterwards."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from mlsd_lib.metrics.noise import Mean, mean
from mlsd_lib.online.bandits.playing import Played


def bias(played: Played, *, even: bool = False, seed: int = 0) -> Mean:
    """How far the arms' mean rewards are from their true rates: what a report that reads them would get wrong.

    Args:
        played: Runs of a policy.
        even: Take only the steps that were drawn evenly.
        seed: Seed of the interval.

    Returns:
        The mean over runs of the average error of the arms that were pulled, with its interval; runs without any pull
        are left out.

    Source: [chapelle2011thompson]. Chapter: Online evaluation.

    >>> from mlsd_lib.online.bandits import Thompson, play
    >>> played = play(Thompson(), [0.05] * 4 + [0.06], steps=1_000, runs=200)
    >>> bias(played).high < 0
    True
    """
    pulls, rewards = (played.even_pulls, played.even_rewards) if even else (played.pulls, played.rewards)
    error = np.where(pulls > 0, rewards / np.maximum(pulls, 1) - played.rates, np.nan)
    return mean(pd.DataFrame(error).mean(axis=1), seed=seed)


def compared(several: Sequence[Played], *, seed: int = 0) -> pd.DataFrame:
    """Policies under each other: what each lost, and what its log is worth.

    Args:
        several: Runs of several policies.
        seed: Seed of the intervals.

    Returns:
        A row a policy, indexed by its name: `regret` with `low` and `high` (95 %), `best`, the share of pulls that went
        to the best arm, `found`, the share of runs whose best mean is the best arm's, and `bias`, as `bias` gives it.

    Raises:
        ValueError: If there is no policy.

    Chapter: Online evaluation.

    >>> from mlsd_lib.online.bandits import FixedSplit, Thompson, play
    >>> several = [play(policy, [0.05, 0.1], steps=500, runs=50) for policy in (Thompson(), FixedSplit(200))]
    >>> compared(several)["regret"].round(0).to_dict()
    {'Thompson': 5.0, 'experiment of 200': 6.0}
    """
    if not several:
        raise ValueError("compared: no policy given. Play at least one.")
    rows = []
    for played in several:
        lost = mean(pd.Series(played.regret[:, -1]), seed=seed)
        top = played.rates == played.rates.max(axis=1, keepdims=True)
        with np.errstate(divide="ignore", invalid="ignore"):
            rate = np.where(played.pulls > 0, played.rewards / played.pulls, -np.inf)
        found = top[np.arange(len(rate)), rate.argmax(axis=1)]
        best = (played.pulls * top).sum() / played.pulls.sum()
        rows.append([lost.value, lost.low, lost.high, best, found.mean(), bias(played, seed=seed).value])
    names = pd.Index([played.policy for played in several], name="policy")
    return pd.DataFrame(rows, index=names, columns=["regret", "low", "high", "best", "found", "bias"])
