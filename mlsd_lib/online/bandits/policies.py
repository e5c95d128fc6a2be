"""Policies of a bandit: Thompson sampling, upper confidence bounds, epsilon-greedy, and a plain experiment.

A policy has no state. It chooses from what has been heard so far, for all runs at once, and its own chance is drawn
ahead of it, keyed by run, step and arm.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from mlsd_lib.architecture import Array
from mlsd_lib.worlds import chance


@dataclass(frozen=True)
class Seen:
    """What a policy has heard so far.

    Attributes:
        pulls: How often each arm was pulled, of shape (runs, arms).
        rewards: What that brought.
        steps: Of how many steps it has heard.
    """

    pulls: Array
    rewards: Array
    steps: int

    def rates(self) -> Array:
        """Mean reward of each arm, infinite for one that was never pulled: it has to be tried."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(self.pulls > 0, self.rewards / self.pulls, np.inf)


class Policy(Protocol):
    """How an arm is chosen. Chapter: Online evaluation."""

    @property
    def name(self) -> str:
        """What to call it in a table."""
        ...

    @property
    def until(self) -> float:
        """After how many steps it stops learning."""
        ...

    def luck(self, seed: int, run: Array, step: Array, arm: Array) -> tuple[Array, ...]:
        """Its own draws for runs, steps and arms, each of shape (runs, steps, …)."""
        ...

    def choose(self, seen: Seen, luck: tuple[Array, ...]) -> Array:
        """An arm for each run and step, of shape (runs, steps)."""
        ...


@dataclass(frozen=True)
class Thompson:
    """Draws a rate for each arm from what is believed of it, and pulls the arm with the highest.

    Attributes:
        prior: Successes and failures (plus one each) that an arm starts with: a Beta(a, b), both at least 1.

    Source: [chapelle2011thompson]. Chapter: Online evaluation.
    """

    prior: tuple[float, float] = (1.0, 1.0)
    name = "Thompson"
    until = math.inf

    def __post_init__(self) -> None:
        if min(self.prior) < 1:
            raise ValueError(f"Thompson: prior is {self.prior}; expected two numbers of at least 1.")

    def luck(self, seed: int, run: Array, step: Array, arm: Array) -> tuple[Array, ...]:
        """Two normal and three uniform draws for each arm: what a Beta draw is made of."""
        normal = [chance.normal(seed, f"thompson {name}", run, step, arm) for name in ("paid", "unpaid")]
        uniform = [chance.uniform(seed, f"thompson {name}", run, step, arm) for name in ("u", "v", "again")]
        return (*normal, *uniform)

    def choose(self, seen: Seen, luck: tuple[Array, ...]) -> Array:
        """The arm whose drawn rate is highest."""
        paid = (self.prior[0] + seen.rewards)[:, None, :]
        unpaid = (self.prior[1] + seen.pulls - seen.rewards)[:, None, :]
        return np.asarray(_beta(paid, unpaid, luck).argmax(axis=2))


@dataclass(frozen=True)
class UCB:
    """Pulls the arm whose rate could be highest: its mean plus a bonus that shrinks as it is pulled.

    Within a delay it hears nothing, so it pulls the same arm again and again. Ties go to the first arm.

    Attributes:
        tight: Whether to take Chernoff's bound, which is narrow for small rates, instead of Hoeffding's ("UCB1").

    Source: [chapelle2011thompson] for the tight bound. Chapter: Online evaluation.
    """

    tight: bool = False
    until = math.inf

    @property
    def name(self) -> str:
        """What to call it in a table."""
        return "UCB, tight" if self.tight else "UCB1"

    def luck(self, seed: int, run: Array, step: Array, arm: Array) -> tuple[Array, ...]:
        """It leaves nothing to chance: only the shape, (runs, steps)."""
        return (np.empty((len(run), step.size)),)

    def choose(self, seen: Seen, luck: tuple[Array, ...]) -> Array:
        """The arm with the highest bound, for each step until it hears more."""
        pulls = np.maximum(seen.pulls, 1)
        rate = seen.rewards / pulls
        log_t = math.log(max(seen.steps, 1))
        if self.tight:
            odds = 0.5 * log_t  # log(1 / d) with d = sqrt(1 / t)
            index = rate + np.sqrt(2 * rate * odds / pulls) + 2 * odds / pulls
        else:
            index = rate + np.sqrt(2 * log_t / pulls)
        index[seen.pulls == 0] = np.inf  # each has to be tried once
        return np.repeat(index.argmax(axis=1)[:, None], luck[0].shape[1], axis=1)


@dataclass(frozen=True)
class EpsilonGreedy:
    """Pulls the arm with the best mean, and now and then any arm.

    Attributes:
        epsilon: Share of steps that pull any arm, from 0 to 1.

    Chapter: Online evaluation.
    """

    epsilon: float = 0.1
    until = math.inf

    def __post_init__(self) -> None:
        if not 0 <= self.epsilon <= 1:
            raise ValueError(f"EpsilonGreedy: epsilon is {self.epsilon}; expected a share from 0 to 1.")

    @property
    def name(self) -> str:
        """What to call it in a table."""
        return f"{self.epsilon:g}-greedy"

    def luck(self, seed: int, run: Array, step: Array, arm: Array) -> tuple[Array, ...]:
        """Whether to try any arm, and which."""
        tries = chance.uniform(seed, "greedy tries", run[..., 0], step[..., 0]) < self.epsilon
        return tries, evenly(seed, "greedy any", run, step, arm)

    def choose(self, seen: Seen, luck: tuple[Array, ...]) -> Array:
        """The arm with the best mean, or any."""
        return np.where(luck[0], luck[1], seen.rates().argmax(axis=1)[:, None])


@dataclass(frozen=True)
class FixedSplit:
    """An experiment: arms are drawn evenly until enough steps are heard of, then the best mean is shipped for good.

    Attributes:
        steps: Steps of the experiment, at least 1.

    Chapter: Online evaluation.
    """

    steps: int

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ValueError(f"FixedSplit: steps is {self.steps}; an experiment takes at least one.")

    @property
    def name(self) -> str:
        """What to call it in a table."""
        return f"experiment of {self.steps:,}"

    @property
    def until(self) -> float:
        """What comes after the experiment does not change the decision."""
        return self.steps

    def luck(self, seed: int, run: Array, step: Array, arm: Array) -> tuple[Array, ...]:
        """The arm of each step, while it runs."""
        return (evenly(seed, "split", run, step, arm),)

    def choose(self, seen: Seen, luck: tuple[Array, ...]) -> Array:
        """The arm that was drawn, and after the experiment the best."""
        if seen.steps < self.steps:
            return luck[0]
        tried = np.where(seen.pulls > 0, seen.rates(), -np.inf)
        return np.repeat(tried.argmax(axis=1)[:, None], luck[0].shape[1], axis=1)


def evenly(seed: int, purpose: str, run: Array, step: Array, arm: Array) -> Array:
    """An arm for each run and step, each as likely."""
    drawn = chance.uniform(seed, purpose, run[..., 0], step[..., 0])
    return (drawn * len(arm)).astype(np.int64)


def _beta(paid: Array, unpaid: Array, luck: tuple[Array, ...]) -> Array:
    """Exact Beta draws from keyed draws: two gammas by Marsaglia and Tsang, and where one is rejected, the inverse."""
    from scipy.special import betaincinv

    sums, accepted = [], np.True_
    for shape, normal, uniform in ((paid, luck[0], luck[2]), (unpaid, luck[1], luck[3])):
        d = shape - 1 / 3
        v = (1 + normal / np.sqrt(9 * d)) ** 3
        positive = np.where(v > 0, v, 1.0)
        accepted = accepted & (v > 0) & (np.log(uniform) < 0.5 * normal**2 + d * (1 - positive + np.log(positive)))
        sums.append(d * positive)
    drawn = sums[0] / (sums[0] + sums[1])
    again = ~accepted
    a, b = (np.broadcast_to(shape, drawn.shape)[again] for shape in (paid, unpaid))
    drawn[again] = betaincinv(a, b, luck[4][again])
    return np.asarray(drawn)
