"""What would another policy have earned? Estimates from the log of the one that served.

A log says what happened after the choices that were made, each with a known probability. Where the new policy would
have chosen the same, the log can speak for it; where the old one could never have chosen it, nothing can, and the
estimate is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from mlsd_lib.architecture import Array
from mlsd_lib.metrics.classification import NORMAL_95
from mlsd_lib.offline.labels.propensity import effective_share

_SLACK = 1e-6  # probabilities may miss their sum by so much


@dataclass(frozen=True, eq=False)
class Logged:
    """Choices that were made by chance, and what they brought.

    Attributes:
        action: Which action was taken for each request, integers from 0, of shape (requests,).
        reward: What it brought, such as a click (1 or 0) or euros, of shape (requests,).
        probability: How likely each action was to be taken then, of shape (requests, actions); each row sums to 1.

    Raises:
        ValueError: If shapes do not fit, an action or a reward is unsound, rows do not sum to 1, or an action was taken
            that could not be.

    Chapter: Offline evaluation.

    >>> Logged(action=[0, 1], reward=[1.0, 0.0], probability=[[0.5, 0.5], [0.5, 0.5]])
    Logged(2 requests, 2 actions)
    """

    action: Array
    reward: Array
    probability: Array = field(repr=False)

    def __post_init__(self) -> None:
        action, reward = np.asarray(self.action), np.asarray(self.reward, dtype=np.float64)
        likely = _policy("Logged", "probability", self.probability, None)
        if action.shape != likely.shape[:1] or reward.shape != likely.shape[:1]:
            raise ValueError(
                f"Logged: action {action.shape}, reward {reward.shape} and probability {likely.shape} do not fit. "
                "Give an action and a reward for each request, and a probability for each of its actions."
            )
        if action.dtype.kind not in "iu" or ((action < 0) | (action >= likely.shape[1])).any():
            raise ValueError(f"Logged: actions have to be integers from 0 to {likely.shape[1] - 1}.")
        if not np.isfinite(reward).all():
            first = int(np.argmax(~np.isfinite(reward)))
            raise ValueError(f"Logged: the reward of request {first} is {reward[first]}. Drop it, or wait for it.")
        never = likely[np.arange(len(action)), action] == 0
        if never.any():
            raise ValueError(
                f"Logged: {int(never.sum())} actions were taken whose probability is said to be 0 (first: request "
                f"{int(np.argmax(never))}). These are not the probabilities of the policy that served."
            )
        for name, value in (("action", action), ("reward", reward), ("probability", likely)):
            object.__setattr__(self, name, value)

    def __repr__(self) -> str:
        return f"Logged({len(self.action)} requests, {self.probability.shape[1]} actions)"


@dataclass(frozen=True)
class Estimate:
    """What a policy would earn a request.

    Attributes:
        value: The estimate, in units of the reward.
        low: Lower end of its 95 % interval.
        high: Its upper end.
        used: Requests that speak for the policy: those with a weight above 0.
        effective: As how many requests of equal weight they count (Kish's formula).

    Chapter: Offline evaluation.
    """

    value: float
    low: float
    high: float
    used: int
    effective: float

    def __str__(self) -> str:
        return (
            f"{self.value:.4f} ({self.low:.4f} to {self.high:.4f}), from {self.used} requests that count as "
            f"{self.effective:.0f}"
        )


def replay(log: Logged, chosen: npt.ArrayLike) -> Estimate:
    """Keep the requests in which the log, by chance, chose as the new policy would; average what these brought.

    It takes a log of choices that were all equally likely. With K actions about one request in K is kept.

    Args:
        log: The log.
        chosen: The action that the new policy takes for each request, of shape (requests,).

    Returns:
        The estimate; `used` are the requests kept.

    Raises:
        ValueError: If choices were not all equally likely, `chosen` does not fit, or fewer than two requests are kept.

    Source: [li2011replay]. Chapter: Offline evaluation.

    >>> even = np.full((4, 2), 0.5)
    >>> replay(Logged([0, 1, 0, 1], [1, 0, 0, 1], even), [0, 0, 0, 1]).value.__round__(3)
    0.667
    """
    if np.ptp(log.probability) > _SLACK:
        raise ValueError(
            f"replay: choices were not all equally likely (from {log.probability.min():g} to "
            f"{log.probability.max():g}), so what is kept is no fair sample. Use inverse_propensity."
        )
    choice = np.asarray(chosen)
    if choice.shape != log.action.shape or not np.isin(choice, np.arange(log.probability.shape[1])).all():
        raise ValueError(
            f"replay: chosen has the shape {choice.shape}; expected an action from 0 to {log.probability.shape[1] - 1} "
            f"for each of {len(log.action)} requests."
        )
    kept = log.action == choice
    return _estimate("replay", log.reward[kept], np.ones(int(kept.sum())))


def inverse_propensity(
    log: Logged, target: npt.ArrayLike, *, normalised: bool = False, most: float | None = None
) -> Estimate:
    """Weight what each choice brought by how much likelier the new policy makes it than the old one did.

    Args:
        log: The log.
        target: How likely the new policy takes each action, of shape (requests, actions); rows sum to 1.
        normalised: Divide by the sum of the weights instead of the number of requests: slightly biased, and steadier,
            and it does not change when a constant is added to all rewards.
        most: The largest weight, above 0; larger ones are cut, which makes the estimate steadier and biased. None cuts
            nothing.

    Returns:
        The estimate.

    Raises:
        ValueError: If `target` is no policy for this log, it chooses what the log never could, `most` is not above 0,
            or fewer than two requests speak for it.

    Source: [swaminathan2015crm] for the capped weights. Chapter: Offline evaluation.

    >>> log = Logged([0, 0, 0, 1], [0, 1, 0, 1], np.tile([0.75, 0.25], (4, 1)))
    >>> print(inverse_propensity(log, np.tile([0.25, 0.75], (4, 1))))
    0.8333 (-0.5905 to 2.2572), from 4 requests that count as 2
    """
    weight = _weights("inverse_propensity", log, target, most)
    if normalised:
        return _estimate("inverse_propensity", log.reward, weight)
    return _mean("inverse_propensity", weight * log.reward, weight)


def doubly_robust(
    log: Logged, target: npt.ArrayLike, predicted: npt.ArrayLike, *, most: float | None = None
) -> Estimate:
    """What a model predicts for the new policy's choices, corrected by what the log says of the model's errors.

    It is right on average if the logged probabilities are, however poor the model; with a good model it is steadier
    than weights alone.

    Args:
        log: The log.
        target: How likely the new policy takes each action, of shape (requests, actions); rows sum to 1.
        predicted: The reward that a model expects of each action, of shape (requests, actions), from a model that did
            not learn from this log.
        most: The largest weight, as in `inverse_propensity`.

    Returns:
        The estimate.

    Raises:
        ValueError: As `inverse_propensity`, or if `predicted` does not fit or is not finite.

    Chapter: Offline evaluation.

    >>> log = Logged([0, 0, 0, 1], [0, 1, 0, 1], np.tile([0.75, 0.25], (4, 1)))
    >>> print(doubly_robust(log, np.tile([0.25, 0.75], (4, 1)), np.tile([0.3, 0.9], (4, 1))))
    0.8333 (0.6242 to 1.0425), from 4 requests that count as 2
    """
    weight = _weights("doubly_robust", log, target, most)
    expected = np.asarray(predicted, dtype=np.float64)
    if expected.shape != log.probability.shape or not np.isfinite(expected).all():
        raise ValueError(
            f"doubly_robust: predicted has the shape {expected.shape}; expected a finite reward for each of "
            f"{log.probability.shape} requests and actions."
        )
    error = log.reward - expected[np.arange(len(weight)), log.action]
    direct = (np.asarray(target, dtype=np.float64) * expected).sum(axis=1)
    return _mean("doubly_robust", direct + weight * error, weight)


def over_logs(estimates: Sequence[Estimate], truth: float) -> pd.Series[float]:
    """How one kind of estimate does over many logs of a world that knows the truth.

    Args:
        estimates: An estimate a log; at least one.
        truth: What the policy really earns a request, not 0.

    Returns:
        `bias` (of their mean) and `spread` (their standard deviation), both as shares of the truth, `inside` (the share
        of logs whose interval holds the truth), and the mean of `used` and `effective`.

    Raises:
        ValueError: If there is no estimate, or the truth is 0 or not finite.

    Chapter: Offline evaluation.

    >>> over_logs([Estimate(0.9, 0.7, 1.1, 40, 20.0), Estimate(1.3, 1.1, 1.5, 60, 30.0)], truth=1.0).round(3).to_dict()
    {'bias': 0.1, 'spread': 0.2, 'inside': 0.5, 'used': 50.0, 'effective': 25.0}
    """
    if not len(estimates) or not np.isfinite(truth) or truth == 0:
        raise ValueError(f"over_logs: {len(estimates)} estimates and a truth of {truth}; expected some, and not 0.")
    value, low, high, used, effective = np.array([astuple(one) for one in estimates]).T
    figures = {"bias": value.mean() / truth - 1, "spread": value.std() / abs(truth)}
    figures |= {"inside": ((low <= truth) & (truth <= high)).mean(), "used": used.mean(), "effective": effective.mean()}
    return pd.Series(figures)


def _policy(function: str, name: str, given: npt.ArrayLike, shape: tuple[int, ...] | None) -> Array:
    likely = np.asarray(given, dtype=np.float64)
    fits = likely.ndim == 2 and likely.size if shape is None else likely.shape == shape
    if not fits:
        wanted = "(requests, actions)" if shape is None else str(shape)
        raise ValueError(f"{function}: {name} has the shape {likely.shape}; expected {wanted}.")
    wrong = ~((likely >= 0).all(axis=1) & (np.abs(likely.sum(axis=1) - 1) <= _SLACK))
    if wrong.any():
        first = int(np.argmax(wrong))
        raise ValueError(
            f"{function}: {name} has {int(wrong.sum())} rows that are no probabilities (first: row {first}, which sums "
            f"to {likely[first].sum():g}). Each row has to sum to 1, without a negative number."
        )
    return likely


def _weights(function: str, log: Logged, target: npt.ArrayLike, most: float | None) -> Array:
    wanted = _policy(function, "target", target, log.probability.shape)
    if most is not None and not most > 0:
        raise ValueError(f"{function}: most is {most}; expected a number above 0, or None.")
    lost = np.where(log.probability == 0, wanted, 0.0).sum(axis=1)
    if (lost > 0).any():
        first = int(np.argmax(lost > 0))
        raise ValueError(
            f"{function}: in {int((lost > 0).sum())} of {len(lost)} requests ({lost.mean():.1%} of its choices) the "
            f"new policy chooses what the log never could (first: request {first}, action "
            f"{int(np.argmax((log.probability[first] == 0) & (wanted[first] > 0)))}). No estimate can say what that "
            "would have brought: explore there first, or keep the policy to what was shown."
        )
    row = np.arange(len(log.action))
    weight = wanted[row, log.action] / log.probability[row, log.action]
    return np.asarray(weight if most is None else np.minimum(weight, most))


def _estimate(function: str, reward: Array, weight: Array) -> Estimate:
    """A weighted mean; its error by the delta method."""
    _enough(function, weight)
    value = float(weight @ reward / weight.sum())
    error = float(np.sqrt(((weight * (reward - value)) ** 2).sum()) / weight.sum())
    return Estimate(value, value - NORMAL_95 * error, value + NORMAL_95 * error, *_used(weight))


def _mean(function: str, parts: Array, weight: Array) -> Estimate:
    _enough(function, weight)
    value, error = float(parts.mean()), float(parts.std(ddof=1) / np.sqrt(len(parts)))
    return Estimate(value, value - NORMAL_95 * error, value + NORMAL_95 * error, *_used(weight))


def _enough(function: str, weight: Array) -> None:
    used = int(np.count_nonzero(weight))
    if used < 2:
        raise ValueError(
            f"{function}: {used} of the logged requests speaks for the new policy, and an estimate with an interval "
            "takes two. Log more requests."
        )


def _used(weight: Array) -> tuple[int, float]:
    return int(np.count_nonzero(weight)), effective_share(weight) * len(weight)
