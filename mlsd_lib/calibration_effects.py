"""Thousands of simulated experiments whose true effects are known: does `effects` keep what its intervals promise?

Each experiment has three arms: a control, the same again (an A/A test), and a treatment with a planted effect whose
size follows from a formula. An A/A test should reject in 5 of 100 experiments, and the interval of the planted effect
should hold it in 95. Two more are computed to fail: a ratio whose requests are counted as if each were a user, and
skewed revenue with a hundredth of the units that its skewness asks for.

Experiments are drawn some at a time, each lot from a key of its own, and analysed together by `effects_by`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from zlib import crc32

import numpy as np
import pandas as pd
from scipy.special import ndtr

from mlsd_lib.architecture import Array
from mlsd_lib.online.experiment import Mean, Metric, Ratio, effects_by, needed_for_skew

LOT = 50  # experiments drawn from one key
MANY, FEW = 10_000, 4_000  # experiments of small and of large kinds
SHAPE, SCALE = 1.2, 2.45  # sessions vary so that two periods have a correlation of 0.71
BUY, CAP = 0.1, 4.0  # share of users who buy, and where revenue is cut
VISITS = 5  # of each user, for the mistake of counting visits
LIFT = 1.1  # by which the treatment multiplies what it changes
ARMS = pd.Index(["control", "same", "treatment"])

Draw = Callable[[np.random.Generator, Array], dict[str, Array]]  # takes 1 or LIFT for each unit


@dataclass(frozen=True)
class Trial:
    """One kind of experiment, repeated.

    Attributes:
        name: What its results are called.
        metric: What is compared.
        draw: Draws the columns of a block of units, given the lift of each.
        before: The metric's true value without the lift.
        after: Its true value with it.
        units: Units of the control and of each other arm.
        experiments: How many experiments.
    """

    name: str
    metric: Metric
    draw: Draw = field(repr=False)
    before: float
    after: float
    units: tuple[int, int]
    experiments: int


def compute(seed: int) -> dict[str, int | float]:
    """The shares of simulated experiments that reject, and whose intervals hold the truth.

    Args:
        seed: Seed of all draws.

    Returns:
        For each kind of experiment: `<name>_rejected` (share of A/A tests with p below 0.05), `<name>_covered` (share
        of 95 % intervals of a planted effect that hold it), `<name>_relative_covered` (the same of the relative
        effect), `<name>_units` (of the smallest arm) and `<name>_experiments`.

    Chapter: Experiments.
    """
    values: dict[str, int | float] = {}
    for trial in trials():
        values |= run(trial, seed, experiments=trial.experiments)
    return values


def run(trial: Trial, seed: int, *, experiments: int) -> dict[str, int | float]:
    """Repeat one kind of experiment and count.

    Args:
        trial: What to repeat.
        seed: Seed of the draws; each lot of experiments has a key of its own, so that fewer are the first of more.
        experiments: How many.

    Returns:
        The shares, as `compute` names them.

    Chapter: Experiments.

    >>> found = run(trials()[0], 0, experiments=100)
    >>> found["mean_experiments"], found["mean_covered"] > 0.85
    (100, True)
    """
    sizes = [trial.units[0], trial.units[1], trial.units[1]]
    code = np.tile(np.repeat(np.arange(len(ARMS)), sizes), LOT)
    lift = np.where(code == ARMS.get_loc("treatment"), LIFT, 1.0)
    frame = {"arm": pd.Categorical.from_codes(code, ARMS), "experiment": np.arange(len(code)) // sum(sizes)}
    parts = []
    for lot in range(-(-experiments // LOT)):
        drawn = trial.draw(np.random.default_rng((seed, crc32(trial.name.encode()), lot)), lift)
        found = effects_by(pd.DataFrame(frame | drawn), [trial.metric], "experiment")
        parts.append(found[lot * LOT + found["experiment"] < experiments])
    found = pd.concat(parts)
    same, changed = (found[found["arm"] == arm] for arm in ARMS[1:])
    effect, relative = trial.after - trial.before, trial.after / trial.before - 1
    return {
        f"{trial.name}_rejected": float((same["p_value"] < 0.05).mean()),
        f"{trial.name}_covered": _share(changed["low"] <= effect, effect <= changed["high"]),
        f"{trial.name}_relative_covered": _share(
            changed["relative_low"] <= relative, relative <= changed["relative_high"]
        ),
        f"{trial.name}_units": min(trial.units),
        f"{trial.name}_experiments": experiments,
    }


def _share(above: pd.Series[bool], below: pd.Series[bool]) -> float:
    return float((above & below).mean())


def trials() -> tuple[Trial, ...]:
    """What is repeated, with its truth.

    Returns:
        Sessions of a user; a click rate whose denominator the treatment changes too; both with what was known before;
        revenue as it comes, capped, and with one user in ten treated; and two mistakes.

    Chapter: Experiments.

    >>> {trial.name: trial.units[1] for trial in trials()}["revenue"]
    24087
    """
    light, heavy = 0.8, 0.2  # shares of people
    few, many = 2.0, 12.0  # their further requests
    keen, blind = 0.4, 0.2  # the click rates of people who make few and many requests

    def rate(lift: float) -> float:
        """Clicks of all people over their requests; the lift moves both."""
        sizes = light * (1 + few * lift), heavy * (1 + many * lift)
        return lift * (sizes[0] * keen + sizes[1] * blind) / sum(sizes)

    def sessions(rng: np.random.Generator, lift: Array) -> dict[str, Array]:
        usual = rng.gamma(SHAPE, SCALE, len(lift))
        return {"sessions": rng.poisson(usual * lift), "sessions_before": rng.poisson(usual)}

    def visits(rng: np.random.Generator, lift: Array) -> dict[str, Array]:
        busy = rng.random(len(lift)) < heavy
        more, likely = np.where(busy, many, few), np.where(busy, blind, keen)
        asked, earlier = 1 + rng.poisson(more * lift), 1 + rng.poisson(more)
        columns = {"requests": asked, "requests_before": earlier}
        columns["clicks"] = rng.binomial(asked, likely * lift)
        return columns | {"clicks_before": rng.binomial(earlier, likely)}

    def single_visits(rng: np.random.Generator, lift: Array) -> dict[str, Array]:
        users = len(lift) // VISITS
        likely = np.repeat(rng.beta(1, 3, users) / LIFT, VISITS)
        return {"clicks": rng.random(len(lift)) < likely * lift}

    mean, whole = SHAPE * SCALE, Mean("sessions", "sessions")
    adjusted = Mean("sessions", "sessions", covariate="sessions_before")
    clicks = Ratio("click rate", "clicks", "requests")
    both = Ratio("click rate", "clicks", "requests", covariate=("clicks_before", "requests_before"))
    plain, capped = Mean("revenue", "revenue"), Mean("revenue", "revenue", cap=CAP)
    spent, cut, mild = Revenue(BUY, 0.8), Revenue(BUY, 0.8, CAP), Revenue(0.5, 0.5)
    needed, needed_cut, needed_mild = (needed_for_skew(revenue.skewness) for revenue in (spent, cut, mild))
    early = needed // 100
    one = 0.25 / LIFT
    return (
        Trial("mean", whole, sessions, mean, mean * LIFT, (500, 500), MANY),
        Trial("ratio", clicks, visits, rate(1.0), rate(LIFT), (1_000, 1_000), MANY),
        Trial("cuped", adjusted, sessions, mean, mean * LIFT, (500, 500), MANY),
        Trial("cuped_ratio", both, visits, rate(1.0), rate(LIFT), (1_000, 1_000), MANY),
        Trial("revenue", plain, spent.draw, spent.mean(), spent.mean(LIFT), (needed, needed), FEW),
        Trial("capped_revenue", capped, spent.draw, cut.mean(), cut.mean(LIFT), (needed_cut, needed_cut), FEW),
        Trial("tenth", plain, mild.draw, mild.mean(), mild.mean(LIFT), (9 * needed_mild, needed_mild), MANY),
        Trial("wrong_requests", Mean("clicks", "clicks"), single_visits, one, one * LIFT, (2_500, 2_500), FEW),
        Trial("wrong_early", plain, spent.draw, spent.mean(), spent.mean(LIFT), (49 * early, early), FEW),
    )


@dataclass(frozen=True)
class Revenue:
    """What users spend: most of them nothing, the others a log-normal sum, all of it cut at a cap.

    Attributes:
        buyers: Share of the users who spend anything.
        sigma: Standard deviation of the logarithm of what they spend.
        cap: The largest value that counts.
    """

    buyers: float
    sigma: float
    cap: float = math.inf

    def mean(self, lift: float = 1.0) -> float:
        """The mean over all users, buyers and others, if everything spent is multiplied by `lift`."""
        return lift * Revenue(self.buyers, self.sigma, self.cap / lift).moment(1)

    def moment(self, power: int) -> float:
        """The mean of a power of what a user spends."""
        below, moved = math.inf, power * self.sigma**2
        if self.cap < math.inf:
            below = math.log(self.cap) / self.sigma
        inside = math.exp(power * moved / 2) * ndtr(below - moved / self.sigma)
        return float(self.buyers * (inside + (self.cap**power * ndtr(-below) if self.cap < math.inf else 0.0)))

    @property
    def skewness(self) -> float:
        """Skewness over users."""
        one, two, three = (self.moment(power) for power in (1, 2, 3))
        return float((three - 3 * one * two + 2 * one**3) / (two - one**2) ** 1.5)

    def draw(self, rng: np.random.Generator, lift: Array) -> dict[str, Array]:
        """Revenue of each user, not yet cut."""
        value = np.zeros(len(lift))
        buys = np.flatnonzero(rng.random(len(lift)) < self.buyers)
        value[buys] = np.exp(self.sigma * rng.standard_normal(len(buys))) * lift[buys]
        return {"revenue": value}
