"""Off-policy estimates against the true value of a policy, over many logs, and what they refuse."""

import numpy as np
import pandas as pd
import pytest

from mlsd_lib.offline import selection
from mlsd_lib.worlds import chance
from mlsd_lib.worlds.ads import AdsWorld

REQUESTS, ACTIONS = 2_000, 5
NUMBER = np.arange(REQUESTS)
TRUE = 0.1 + 0.6 * chance.uniform(0, "true", NUMBER[:, None], np.arange(ACTIONS))
EVEN = np.full((REQUESTS, ACTIONS), 1 / ACTIONS)
OPINION = np.clip(TRUE + 0.15 * chance.normal(0, "opinion", NUMBER[:, None], np.arange(ACTIONS)), 0.01, 0.99)


def softmax(score):
    power = np.exp(score)
    return power / power.sum(axis=1, keepdims=True)


TARGET = softmax(8 * OPINION)
GOAL = (TARGET * TRUE).sum(axis=1).mean()
SERVED = softmax(2 * chance.normal(0, "taste", NUMBER[:, None], np.arange(ACTIONS)))


def log_of(probability, seed, lift=0.0):
    luck = chance.uniform(seed, "chooses", NUMBER)
    action = (np.cumsum(probability, axis=1) < luck[:, None]).sum(axis=1).clip(max=ACTIONS - 1)
    clicked = chance.uniform(seed, "clicks", NUMBER) < TRUE[NUMBER, action]
    return selection.Logged(action, clicked + lift, probability)


def over_logs(estimate, probability, logs=150, **more):
    return [estimate(log_of(probability, seed), **more) for seed in range(logs)]


def mean(runs):
    return np.mean([one.value for one in runs])


def spread(runs):
    return np.std([one.value for one in runs])


def inside(runs, goal):
    return np.mean([one.low <= goal <= one.high for one in runs])


def test_replay_is_unbiased_and_keeps_one_request_in_as_many_as_there_are_actions():
    choice = OPINION.argmax(axis=1)
    goal = TRUE[NUMBER, choice].mean()
    runs = over_logs(selection.replay, EVEN, chosen=choice)
    assert mean(runs) == pytest.approx(goal, abs=4 * spread(runs) / np.sqrt(150))
    assert np.mean([one.used for one in runs]) / REQUESTS == pytest.approx(1 / ACTIONS, abs=0.005)
    assert inside(runs, goal) == pytest.approx(0.95, abs=0.06)
    assert all(one.effective == pytest.approx(one.used) for one in runs)


def test_a_log_of_the_ads_world_tells_what_another_policy_would_earn_there():
    world = AdsWorld(seed=0, ads=1_000, keywords=50, base=1.0)
    requests = world.requests(world.users(2_000, seed=1), n=8_000, day=0, seed=2)
    number, place = np.arange(8_000)[:, None], np.arange(4)
    ad = world.ads["ad_id"].to_numpy()[(1_000 * chance.uniform(0, "stands by", number, place)).astype(int)]
    pairs = pd.DataFrame({"request_id": np.repeat(requests["request_id"], 4), "ad_id": ad.ravel()})
    true = world.probability(requests, pairs).reshape(-1, 4)
    even = np.full((8_000, 4), 0.25)
    action = (4 * chance.uniform(0, "chooses", number[:, 0])).astype(int)
    page = pd.DataFrame({"request_id": requests["request_id"], "position": 1, "ad_id": ad[number[:, 0], action]})
    clicked = world.respond(requests, page, seed=3)["clicked"].to_numpy()
    log = selection.Logged(action, clicked, even)
    target = softmax(8 * true)
    found = selection.inverse_propensity(log, target)
    assert found.low <= (target * true).sum(axis=1).mean() <= found.high
    replayed = selection.replay(log, true.argmax(axis=1))
    assert replayed.low <= true.max(axis=1).mean() <= replayed.high
    assert replayed.low > true.mean()


def test_over_logs_says_how_a_kind_of_estimate_does():
    runs = [selection.Estimate(1.0, 0.5, 1.5, 10, 8.0), selection.Estimate(4.0, 3.5, 4.5, 30, 2.0)]
    found = selection.over_logs(runs, truth=-4.0)
    assert found.to_dict() == {"bias": -1.625, "spread": 0.375, "inside": 0.0, "used": 20.0, "effective": 5.0}
    for edge in (3.5, 4.5):
        assert selection.over_logs(runs, truth=edge)["inside"] == 0.5
    for wrong in (0.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="2 estimates and a truth of"):
            selection.over_logs(runs, wrong)
    with pytest.raises(ValueError, match="0 estimates and a truth of 1"):
        selection.over_logs([], 1.0)


def test_replay_by_hand():
    log = selection.Logged([0, 1, 0, 1, 0], [1.0, 5.0, 3.0, 7.0, 2.0], np.full((5, 2), 0.5))
    found = selection.replay(log, [0, 0, 0, 1, 1])
    assert found.value == pytest.approx((1 + 3 + 7) / 3)
    assert found.used == 3
    half = 1.959964 * np.sqrt(((np.array([1, 3, 7]) - 11 / 3) ** 2).sum()) / 3
    assert found.high - found.value == pytest.approx(half)
    assert found.value - found.low == pytest.approx(half)
    assert str(found).endswith("from 3 requests that count as 3")


def test_inverse_propensity_is_unbiased_whatever_policy_served():
    runs = over_logs(selection.inverse_propensity, SERVED, target=TARGET)
    assert mean(runs) == pytest.approx(GOAL, abs=4 * spread(runs) / np.sqrt(150))
    assert abs((SERVED * TRUE).sum(axis=1).mean() - GOAL) > 0.1  # what the log says if nobody weights


def test_intervals_hold_the_truth_where_the_log_explores():
    mixed = 0.5 * SERVED + 0.5 * EVEN
    for estimate, more in (
        (selection.inverse_propensity, {}),
        (selection.inverse_propensity, {"normalised": True}),
        (selection.doubly_robust, {"predicted": OPINION}),
    ):
        runs = over_logs(estimate, mixed, target=TARGET, **more)
        assert inside(runs, GOAL) == pytest.approx(0.95, abs=0.06)
        assert mean(runs) == pytest.approx(GOAL, abs=0.01)


def test_a_cap_is_steadier_and_biased():
    plain = over_logs(selection.inverse_propensity, SERVED, target=TARGET)
    capped = over_logs(selection.inverse_propensity, SERVED, target=TARGET, most=3)
    assert spread(capped) < 0.5 * spread(plain)
    assert mean(capped) < GOAL - 0.05
    assert np.mean([one.effective for one in capped]) > np.mean([one.effective for one in plain])


def test_doubly_robust_is_steadier_with_a_good_model_and_right_with_a_bad_one():
    plain = over_logs(selection.inverse_propensity, SERVED, target=TARGET)
    good = over_logs(selection.doubly_robust, SERVED, target=TARGET, predicted=TRUE)
    bad = over_logs(selection.doubly_robust, SERVED, target=TARGET, predicted=np.full_like(TRUE, 0.9))
    assert spread(good) < 0.8 * spread(plain)
    assert mean(bad) == pytest.approx(GOAL, abs=4 * spread(bad) / np.sqrt(150))
    nothing = selection.doubly_robust(log_of(SERVED, 0), TARGET, np.zeros_like(TRUE))
    assert nothing.value == pytest.approx(selection.inverse_propensity(log_of(SERVED, 0), TARGET).value)
    small = selection.doubly_robust(log_of(SERVED, 0), TARGET, TRUE, most=1e-9)
    assert small.value == pytest.approx(GOAL, abs=1e-6)


def test_normalised_weights_move_with_a_constant_and_plain_ones_do_not():
    for normalised in (True, False):
        moved = [
            selection.inverse_propensity(log_of(SERVED, 0, lift=lift), TARGET, normalised=normalised).value
            for lift in (0.0, 1.0)
        ]
        assert (moved[1] - moved[0] == pytest.approx(1.0)) is normalised


def test_the_policy_that_served_is_judged_by_its_own_mean():
    log = log_of(SERVED, 3)
    found = selection.inverse_propensity(log, SERVED)
    assert found.value == pytest.approx(log.reward.mean())
    assert found.effective == pytest.approx(REQUESTS)
    assert found.used == REQUESTS
    error = 1.959964 * log.reward.std(ddof=1) / np.sqrt(REQUESTS)
    assert [found.low, found.high] == pytest.approx([found.value - error, found.value + error])


def test_weights_by_hand():
    log = selection.Logged([0, 0, 0, 1], [2.0, 4.0, 0.0, 8.0], np.tile([0.75, 0.25], (4, 1)))
    target = np.tile([0.25, 0.75], (4, 1))
    weight = np.array([1 / 3, 1 / 3, 1 / 3, 3.0])
    parts = weight * log.reward
    found = selection.inverse_propensity(log, target)
    assert found.value == pytest.approx(parts.mean())
    assert found.high - found.value == pytest.approx(1.959964 * parts.std(ddof=1) / 2)
    assert found.effective == pytest.approx(16 / (1 / 3 + 9))
    steady = selection.inverse_propensity(log, target, normalised=True)
    assert steady.value == pytest.approx(parts.sum() / 4)
    off = weight * (log.reward - steady.value)
    assert steady.high - steady.value == pytest.approx(1.959964 * np.sqrt((off**2).sum()) / 4)
    capped = selection.inverse_propensity(log, target, most=2)
    assert capped.value == pytest.approx((2 / 3 + 4 / 3 + 16) / 4)


def test_what_the_log_never_could_show_is_refused_with_how_much():
    served = np.tile([0.5, 0.5, 0.0], (4, 1))
    target = np.array([[1, 0, 0], [0, 0, 1.0], [0.5, 0, 0.5], [0, 1, 0]])
    log = selection.Logged([0, 1, 0, 1], [1, 1, 0, 0], served)
    words = r"in 2 of 4 requests \(37.5% of its choices\) the new policy chooses .* \(first: request 1, action 2\)"
    with pytest.raises(ValueError, match="inverse_propensity: " + words):
        selection.inverse_propensity(log, target)
    with pytest.raises(ValueError, match="doubly_robust: " + words):
        selection.doubly_robust(log, target, np.zeros((4, 3)))
    with pytest.raises(ValueError, match=r"not all equally likely .from 0 to 0.5.*Use inverse_propensity"):
        selection.replay(log, [0, 0, 0, 0])


@pytest.mark.parametrize(
    ("action", "reward", "probability", "words"),
    [
        ([0], [1, 1], [[0.5, 0.5]] * 2, r"action \(1,\), reward \(2,\) and probability \(2, 2\) do not fit"),
        ([0, 1], [1], [[0.5, 0.5]] * 2, "do not fit"),
        ([0, 2, 0], [1, 1, 1], [[0.5, 0.5]] * 3, "integers from 0 to 1[.]"),
        ([0, -1], [1, 1], [[0.5, 0.5]] * 2, "integers from 0 to 1"),
        ([0.0, 1.0], [1, 1], [[0.5, 0.5]] * 2, "integers from 0 to 1"),
        ([0, 1], [1, np.nan], [[0.5, 0.5]] * 2, "the reward of request 1 is nan"),
        (
            [0, 1],
            [1, 1],
            [[0.5, 0.5], [1.0, 0.0]],
            "1 actions were taken whose probability is said to be 0 .first: req",
        ),
        ([0, 1], [1, 1], [[0.5, 0.5], [0.5, 0.6]], "1 rows that are no probabilities .first: row 1, which sums to 1.1"),
        ([0, 1], [1, 1], [[1.5, -0.5], [0.5, 0.5]], "1 rows that are no probabilities .first: row 0"),
        ([0, 1], [1, 1], [0.5, 0.5], r"probability has the shape \(2,\); expected \(requests, actions\)"),
        ([0, 1], [1, 1], [[[0.5, 0.5]]] * 2, r"probability has the shape \(2, 1, 2\)"),
        ([], [], np.empty((0, 2)), r"probability has the shape \(0, 2\)"),
    ],
)
def test_unsound_logs_are_refused(action, reward, probability, words):
    with pytest.raises(ValueError, match=words):
        selection.Logged(action, reward, probability)


def test_unsound_policies_are_refused():
    log = selection.Logged([0, 1, 0], [1, 0, 1], np.full((3, 2), 0.5))
    assert repr(log) == "Logged(3 requests, 2 actions)"
    half = np.full((3, 2), 0.5)
    for most in (0, -1):
        with pytest.raises(ValueError, match="expected a number above 0, or None"):
            selection.inverse_propensity(log, half, most=most)
    with pytest.raises(ValueError, match=r"target has the shape \(2, 2\); expected \(3, 2\)"):
        selection.inverse_propensity(log, half[:2])
    with pytest.raises(ValueError, match="target has 3 rows that are no probabilities"):
        selection.doubly_robust(log, half * 2, half)
    with pytest.raises(ValueError, match=r"predicted has the shape \(3, 1\)"):
        selection.doubly_robust(log, half, half[:, :1])
    with pytest.raises(ValueError, match="expected a finite reward"):
        selection.doubly_robust(log, half, half * np.nan)
    with pytest.raises(ValueError, match=r"chosen has the shape \(2,\); expected an action from 0 to 1 for each of 3"):
        selection.replay(log, [0, 1])
    with pytest.raises(ValueError, match="expected an action from 0 to 1"):
        selection.replay(log, [0, 1, 2])
    with pytest.raises(ValueError, match="replay: 0 of the logged requests speaks"):
        selection.replay(log, [1, 0, 1])
    with pytest.raises(ValueError, match="replay: 1 of the logged requests speaks"):
        selection.replay(log, [0, 0, 1])
    assert selection.replay(log, [0, 0, 0]).used == 2
    one = np.array([[0.0, 1.0], [1.0, 0.0], [0.0, 1.0]])
    with pytest.raises(ValueError, match="inverse_propensity: 0 of the logged requests speaks for the new policy"):
        selection.inverse_propensity(log, one)
    with pytest.raises(ValueError, match="doubly_robust: 0 of the logged"):
        selection.doubly_robust(log, one, half)
