"""Off-policy results on logs that were made here, with policies and click rates that are known."""

import numpy as np
import pandas as pd
import pytest

from mlsd_lib import real_ads

ITEMS = 5
RATES = np.array(
    [[0.1, 0.2, 0.3, 0.4, 0.6]] * 2 + [[0.05, 0.1, 0.15, 0.2, 0.3]]
)  # position 3 is looked at half as often
CHOOSES = np.array([[0.1, 0.1, 0.2, 0.2, 0.4], [0.2, 0.2, 0.2, 0.2, 0.2], [0.4, 0.1, 0.1, 0.1, 0.3]])
EVEN, LEARNED = RATES.mean(), (CHOOSES * RATES).sum(axis=1).mean()


def impressions(rows, seed=0):
    """Logs of an even policy and of one that chooses by position, with true probabilities."""
    rng = np.random.default_rng(seed)
    logs = []
    for policy, chooses in (("even", np.full((3, ITEMS), 1 / ITEMS)), ("learned", CHOOSES)):
        place = rng.integers(3, size=rows)
        item = (chooses[place].cumsum(axis=1) < rng.random(rows)[:, None]).sum(axis=1).clip(max=ITEMS - 1)
        log = {"policy": policy, "item_id": item, "position": place + 1}
        log |= {"clicked": rng.random(rows) < RATES[place, item], "propensity": chooses[place, item]}
        logs.append(pd.DataFrame(log))
    return pd.concat(logs, ignore_index=True)


@pytest.fixture(scope="module")
def numbers():
    return real_ads.judged(impressions(60_000))


@pytest.mark.parametrize(("policy", "truth"), [("even", EVEN), ("learned", LEARNED)])
@pytest.mark.parametrize("by", ["ctr", "by_weights", "by_normalised", "by_doubly_robust"])
def test_with_many_clicks_each_estimate_is_near_the_truth_that_only_the_other_log_knows(numbers, policy, truth, by):
    assert numbers[f"{policy}_{by}"] == pytest.approx(truth, abs=0.008)
    assert numbers[f"{policy}_{by}_low"] < truth < numbers[f"{policy}_{by}_high"]


def test_replay_keeps_one_in_as_many_as_there_are_items(numbers):
    assert numbers["learned_by_replay"] == pytest.approx(LEARNED, abs=0.02)
    assert numbers["learned_by_replay_used"] == pytest.approx(60_000 / ITEMS, rel=0.03)


def test_weights_average_to_one_and_are_what_the_policies_say(numbers):
    for policy in ("even", "learned"):
        assert numbers[f"{policy}_weight_mean"] == pytest.approx(1, abs=0.02)
    assert numbers["even_weight_most"] == pytest.approx(0.2 / 0.1)
    assert numbers["learned_weight_most"] == pytest.approx(0.4 / 0.2, abs=0.03)  # shares are counted in the log
    assert numbers["even_counts_as"] < 60_000


def test_the_gap_is_seen_three_ways_and_its_price_is_the_textbooks(numbers):
    for name in ("gap", "gap_by_even", "gap_by_learned"):
        assert numbers[name] == pytest.approx(LEARNED - EVEN, abs=0.01)
        assert numbers[f"{name}_low"] < LEARNED - EVEN < numbers[f"{name}_high"]
    assert numbers["gap"] == pytest.approx(numbers["learned_ctr"] - numbers["even_ctr"])
    even, learned = numbers["even_ctr"], numbers["learned_ctr"]
    spread = even * (1 - even) + learned * (1 - learned)
    assert numbers["needed_side_by_side"] == pytest.approx(7.849 * spread / numbers["gap"] ** 2, rel=0.001)
    assert numbers["needed_for_a_tenth"] == pytest.approx(7.849 * 2 * (1 - even) / even / 0.01, rel=0.001)
    assert numbers["clicks_for_a_tenth"] == pytest.approx(even * numbers["needed_for_a_tenth"], abs=1)


def test_the_impressions_needed_are_those_with_which_four_logs_in_five_see_the_gap():
    planned = real_ads.judged(impressions(60_000))["needed_by_even"]
    several = [real_ads.judged(impressions(planned, seed)) for seed in range(1, 61)]
    seen = np.mean([one["gap_by_even_low"] > 0 for one in several])
    assert 0.65 < seen < 0.92


def test_the_shares_of_a_log_are_counted_by_position():
    log = pd.DataFrame({"item_id": [0, 0, 1, 2, 2], "position": [1, 1, 1, 2, 3]})
    shares = real_ads.shown_shares(log, 3)
    assert shares.round(3).tolist() == [[0.667, 0.333, 0], [0, 0, 1], [0, 0, 1]]


def test_a_log_keeps_its_own_probability_and_fills_in_the_rest():
    log = pd.DataFrame({"item_id": [0, 2], "clicked": [True, False], "propensity": [0.5, 0.1]})
    filled = real_ads.logged(log, np.array([[0.2, 0.2, 0.6], [0.3, 0.6, 0.1]]))
    assert filled.probability.round(3).tolist() == [[0.5, 0.125, 0.375], [0.3, 0.6, 0.1]]
    assert filled.reward.tolist() == [1.0, 0.0]
    assert real_ads.weights(filled, np.array([[0.25, 0.5, 0.25], [0.5, 0.3, 0.2]])).tolist() == [0.5, 2.0]


def test_an_impression_is_predicted_from_the_other_half_only():
    log = pd.DataFrame({"item_id": [0, 0, 1, 1, 0, 1, 1, 1], "clicked": [1, 0, 0, 0, 0, 1, 1, 0]})
    rates = real_ads.predicted(log, 2)
    assert rates[:4].tolist() == [[1 / 3, 3 / 5]] * 4  # the late half has two clicks in four
    assert rates[4:].tolist() == [[2 / 6, 1 / 6]] * 4  # the early half has one in four
