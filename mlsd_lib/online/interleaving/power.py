"""How many users interleaving takes, and how many an A/B test of the same two rankings.

In an A/B test the arms hold different people, and what sets people apart (one searches once a week, another all day)
drowns what the rankings do. Interleaved, each person compares both, and has one vote.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from mlsd_lib.architecture import Array
from mlsd_lib.metrics.classification import NORMAL_95
from mlsd_lib.online.experiment.power import sample_size

_AT_ONCE = 4_000_000  # drawn people held in memory at a time


@dataclass(frozen=True)
class Needed:
    """Users for the same power, in two designs.

    Attributes:
        ab: Users of an A/B test, both arms together.
        interleaved: Users of an interleaved test.
        times: `ab` over `interleaved`.

    Chapter: Online evaluation.
    """

    ab: float
    interleaved: float
    times: float

    def __str__(self) -> str:
        return f"A/B test: {self.ab:,.0f} users; interleaved: {self.interleaved:,.0f}; {self.times:.1f} times fewer"


def needed(votes: pd.Series[Any], control: pd.Series[Any], treatment: pd.Series[Any], *, power: float = 0.8) -> Needed:
    """How many users each design takes to see what it sees here, tested two-sided at 5 %.

    The effect is taken as it was measured, so measure it on many users, and where a world can do it on the same
    people under both rankings.

    Args:
        votes: A vote a user, as `wins` returns them; users who are missing in it and stand in `control` count as ties.
        control: A metric's value a user with ranking a, such as clicks, also of users without any.
        treatment: The same with ranking b: of the same users or of others.
        power: Probability of seeing the difference, between 0.5 and 1.

    Returns:
        The users of both designs, and their ratio; infinite where a design sees no difference at all.

    Raises:
        ValueError: If an arm has fewer than two users or a missing value, or `power` is out of range.

    Source: [kohavi2020trustworthy] for the A/B test. Chapter: Online evaluation.

    >>> users = pd.RangeIndex(1_000)
    >>> clicks = pd.Series(np.arange(1_000) % 10, index=users)
    >>> votes = pd.Series(np.where(users % 10 < 6, 1, -1), index=users)
    >>> print(needed(votes, clicks, clicks + 0.5))
    A/B test: 1,038 users; interleaved: 194; 5.4 times fewer
    """
    if not 0.5 <= power < 1:
        raise ValueError(f"needed: power is {power}; expected at least 0.5 and less than 1.")
    from scipy.special import ndtri

    vote, before, after = _people(votes, control, treatment)
    effect = float(after.mean() - before.mean())
    spread = math.sqrt((before.var(ddof=1) + after.var(ddof=1)) / 2)
    ab = float(sample_size(effect, spread, power=power)) if effect else math.inf
    clear = np.count_nonzero(vote)
    lead = abs(vote.sum()) / (2 * clear) if clear else 0.0  # how far the winner's share is from one half
    interleaved = math.inf
    if lead:
        root = NORMAL_95 * 0.5 + float(ndtri(power)) * math.sqrt(0.25 - lead**2)
        interleaved = (root / lead) ** 2 * len(vote) / clear
    return Needed(ab, interleaved, ab / interleaved if math.isfinite(interleaved) else math.nan)


def detected(
    votes: pd.Series[Any],
    control: pd.Series[Any],
    treatment: pd.Series[Any],
    *,
    users: Sequence[int],
    experiments: int = 1_000,
    seed: int = 0,
) -> pd.DataFrame:
    """How often each design sees the difference, in experiments with users drawn from those who are there.

    Args:
        votes: As for `needed`.
        control: As for `needed`.
        treatment: As for `needed`.
        users: Numbers of users to try, each at least 4; an A/B test gives each arm half of them.
        experiments: How many experiments for each number.
        seed: Seed of who is drawn.

    Returns:
        A row a number of users: `users`, and `ab` and `interleaved`, the shares of experiments with p below 5 %
        (two-sided) in the right direction: that of all users.

    Raises:
        ValueError: As `needed`, or if a number is out of range.

    Chapter: Online evaluation.

    >>> people = pd.RangeIndex(1_000)
    >>> clicks = pd.Series(np.arange(1_000) % 10, index=people)
    >>> votes = pd.Series(np.where(people % 10 < 6, 1, -1), index=people)
    >>> detected(votes, clicks, clicks + 0.5, users=[200, 1_000]).round(1)
       users   ab  interleaved
    0    200  0.2          0.8
    1   1000  0.8          1.0
    """
    if experiments < 1 or not len(users) or min(users) < 4:
        raise ValueError(
            f"detected: {experiments} experiments with {list(users)} users; expected at least one, and 4 users in each."
        )
    vote, before, after = _people(votes, control, treatment)
    rng = np.random.default_rng(seed)
    rows = []
    for number in users:
        half = number // 2
        seen = np.zeros(2)
        step = max(1, _AT_ONCE // number)
        for start in range(0, experiments, step):
            size = min(step, experiments - start)
            seen += _seen(rng, (size, number), (size, half), vote, before, after)
        rows.append({"users": number, "ab": seen[0] / experiments, "interleaved": seen[1] / experiments})
    return pd.DataFrame(rows)


def _seen(
    rng: np.random.Generator, whole: tuple[int, int], half: tuple[int, int], vote: Array, before: Array, after: Array
) -> Array:
    """In how many experiments an A/B test and an interleaved one see the difference."""
    from scipy.stats import binom

    one, other = before[rng.integers(len(before), size=half)], after[rng.integers(len(after), size=half)]
    error = np.sqrt((one.var(axis=1, ddof=1) + other.var(axis=1, ddof=1)) / half[1])
    gap = (other.mean(axis=1) - one.mean(axis=1)) * np.sign(after.mean() - before.mean())
    drawn = vote[rng.integers(len(vote), size=whole)] * np.sign(vote.sum())
    right, wrong = (drawn > 0).sum(axis=1), (drawn < 0).sum(axis=1)
    p_value = 2 * binom.cdf(wrong, right + wrong, 0.5)
    return np.array([np.count_nonzero(gap > NORMAL_95 * error), np.count_nonzero((p_value < 0.05) & (right > wrong))])


def _people(votes: pd.Series[Any], control: pd.Series[Any], treatment: pd.Series[Any]) -> tuple[Array, Array, Array]:
    before, after = control.to_numpy(dtype=np.float64), treatment.to_numpy(dtype=np.float64)
    for name, arm in (("control", before), ("treatment", after)):
        if len(arm) < 2 or not np.isfinite(arm).all():
            raise ValueError(
                f"{name}: {len(arm)} users, {int((~np.isfinite(arm)).sum())} of them without a finite value; expected "
                "at least two users with one value each."
            )
    everybody = control.index.union(votes.index, sort=False)
    return votes.reindex(everybody, fill_value=0).to_numpy(dtype=np.int64), before, after
