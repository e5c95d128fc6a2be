"""Many runs of a bandit at once, step by step.

An arm pays 1 with its rate, else 0, and the policy hears of it every `delay` steps, as a product does that reads its
log once an hour. Each draw is keyed by run, step and arm, so a run is the same alone and among a thousand, and two
policies meet the same luck.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mlsd_lib.architecture import Array
from mlsd_lib.online.bandits.policies import Policy, Seen, evenly
from mlsd_lib.worlds import chance

_AT_ONCE = 500_000  # draws held in memory at a time, of each kind


@dataclass(frozen=True, eq=False)
class Played:
    """What a policy did, in many runs.

    Attributes:
        policy: Its name.
        at: Steps after which the regret was taken, of shape (points,); the last is the end.
        regret: By then, the reward that the best arm would have brought more, in expectation, of shape (runs, points).
        pulls: How often each arm was pulled, of shape (runs, arms).
        rewards: What these brought, of shape (runs, arms).
        even_pulls: Those of `pulls` that were drawn evenly, whatever the policy said.
        even_rewards: What these brought.
        rates: The true rates, of shape (runs, arms). With `renewal` this and the counts are of the last arms.

    Chapter: Online evaluation.
    """

    policy: str
    at: Array
    regret: Array
    pulls: Array
    rewards: Array
    even_pulls: Array
    even_rewards: Array
    rates: Array

    def __repr__(self) -> str:
        return f"Played({self.policy}, {len(self.regret)} runs, regret {self.regret[:, -1].mean():.1f})"


def play(
    policy: Policy,
    rates: npt.ArrayLike,
    *,
    steps: int,
    runs: int = 100,
    delay: int = 1,
    even: float = 0.0,
    renewal: float = 0.0,
    points: int = 50,
    seed: int = 0,
) -> Played:
    """Let a policy serve, in many runs at once.

    Args:
        policy: How arms are chosen: `Thompson()`, `UCB()`, `EpsilonGreedy()`, `FixedSplit(1_000)`.
        rates: How likely each arm pays 1, of shape (arms,), or (runs, arms) if they differ between runs.
        steps: How many steps.
        runs: How many runs.
        delay: The policy hears of what it brought every `delay` steps.
        even: Share of the steps that draw an arm evenly, to measure with; the policy hears of them as of the others.
        renewal: How likely each arm, at each step, is replaced by a new one with a rate from Beta(4, 4), of which
            nothing is known yet: articles age.
        points: At how many steps to take the regret.
        seed: Seed of all draws.

    Returns:
        Regret, pulls and rewards of each run.

    Raises:
        ValueError: If rates are no probabilities or do not fit, or a number is out of range.

    Source: [chapelle2011thompson] for the delay. Chapter: Online evaluation.

    >>> from mlsd_lib.online.bandits import Thompson
    >>> play(Thompson(), [0.05, 0.06], steps=1_000, runs=20)
    Played(Thompson, 20 runs, regret 3.5)
    """
    rate = _checked(rates, steps, runs, delay, points, even=even, renewal=renewal)
    arms = rate.shape[1]
    row = np.arange(runs)
    run, arm = row[:, None, None], np.arange(arms)
    counts = np.zeros((4, runs, arms))  # pulls, rewards, and those of them that were drawn evenly
    seen = Seen(np.zeros((runs, arms)), np.zeros((runs, arms)), 0)
    lost, at = np.zeros(runs), np.unique(np.linspace(steps / points, steps, points).round().astype(np.int64))
    regret = np.zeros((runs, len(at)))
    chunk = max(1, _AT_ONCE // (runs * arms))
    for start in range(0, steps, chunk):
        step = np.arange(start, min(start + chunk, steps))[:, None]
        luck = policy.luck(seed, run, step, arm)
        pays = chance.uniform(seed, "pays", run, step, arm)
        measured = chance.uniform(seed, "even?", run[..., 0], step[..., 0]) < even
        anyway = evenly(seed, "even", run, step, arm)
        renewed = chance.uniform(seed, "renewed", run, step, arm) < renewal if renewal else None
        begin = start
        while begin < start + len(step):
            end = begin + 1 if renewal else min(start + len(step), (begin // delay + 1) * delay)
            part = slice(begin - start, end - start)
            if renewed is not None and renewed[:, begin - start].any():
                fresh = renewed[:, begin - start]
                rate = np.where(fresh, drawn_rates(arms, runs=runs, seed=seed, step=begin), rate)
                for count in (*counts, seen.pulls, seen.rewards):
                    count[fresh] = 0
            choice = policy.choose(seen, tuple(one[:, part] for one in luck))
            choice = np.where(measured[:, part], anyway[:, part], choice)
            gap = rate.max(axis=1, keepdims=True) - rate[row[:, None], choice]
            paid = pays[row[:, None], np.arange(begin - start, end - start), choice] < rate[row[:, None], choice]
            _count(counts, choice, paid, measured[:, part])
            inside = (at > begin) & (at <= end)
            regret[:, inside] = (lost[:, None] + gap.cumsum(axis=1))[:, at[inside] - begin - 1]
            lost += gap.sum(axis=1)
            if end % delay == 0 and seen.steps < policy.until:
                seen = Seen(counts[0].copy(), counts[1].copy(), end)
            begin = end
    pulls, rewards, even_pulls, even_rewards = counts
    return Played(policy.name, at, regret, pulls, rewards, even_pulls, even_rewards, rate)


def drawn_rates(arms: int, *, runs: int, seed: int = 0, step: int = -1) -> Array:
    """Rates of arms from Beta(4, 4): mostly between 0.2 and 0.8.

    Args:
        arms: How many arms.
        runs: How many runs.
        seed: Seed of the draw.
        step: The step at which they come; -1 is the start.

    Returns:
        Rates of shape (runs, arms).

    Source: [chapelle2011thompson]. Chapter: Online evaluation.

    >>> drawn_rates(2, runs=3).shape
    (3, 2)
    """
    from scipy.special import betaincinv

    drawn = chance.uniform(seed, "rate", np.arange(runs)[:, None], step, np.arange(arms))
    return np.asarray(betaincinv(4, 4, drawn))


def _count(counts: Array, choice: Array, paid: Array, measured: Array) -> None:
    rows = np.broadcast_to(np.arange(len(choice))[:, None], choice.shape)
    for count, worth in zip(counts, (np.ones(choice.shape), paid, measured, measured & paid), strict=True):
        np.add.at(count, (rows, choice), worth)


def _checked(rates: npt.ArrayLike, steps: int, runs: int, delay: int, points: int, **shares: float) -> Array:
    for name, value in (("steps", steps), ("runs", runs), ("delay", delay), ("points", points)):
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
            raise ValueError(f"play: {name} is {value!r}; expected a whole number of at least 1.")
    for name, share in shares.items():
        if not 0 <= share <= 1:
            raise ValueError(f"play: {name} is {share!r}; expected a share from 0 to 1.")
    rate = np.asarray(rates, dtype=np.float64)
    if rate.ndim == 1:
        rate = np.tile(rate, (runs, 1))
    if rate.ndim != 2 or len(rate) != runs or rate.shape[1] < 2 or not ((rate >= 0) & (rate <= 1)).all():
        raise ValueError(
            f"play: rates has the shape {np.shape(rates)}; expected a probability for each of at least two arms, or "
            f"one for each of {runs} runs and the arms."
        )
    return rate
