"""What looking costs in sample size, against simulated experiments."""

import numpy as np
import pytest
from scipy.stats import norm

from mlsd_lib.online import experiment

FIXED = norm.ppf(0.975) + norm.ppf(0.8)  # effect over standard error that a fixed test finds with 80 % power


@pytest.mark.parametrize("kind", ["always valid", "group sequential", "naive"])
@pytest.mark.parametrize("looks", [1, 8])
def test_the_price_is_what_simulated_experiments_of_that_size_pay(kind, looks):
    found = experiment.price(kind, looks)
    share = np.arange(1, looks + 1) / looks
    heights = {
        "always valid": experiment.always_valid_boundary,
        "group sequential": experiment.group_sequential_boundary,
        "naive": lambda share: np.full(len(share), norm.ppf(0.975)),
    }
    height = heights[kind](share)
    noise = (np.random.default_rng(0).normal(size=(100_000, looks)) / np.sqrt(looks)).cumsum(axis=1)
    for drift, seen in ((FIXED * np.sqrt(found.longest), found.if_real), (0.0, found.if_none)):
        passed = np.abs((noise + drift * share) / np.sqrt(share)) > height
        ever = passed.any(axis=1)
        assert ever.mean() == pytest.approx(0.8 if drift else found.false_alarms, abs=0.004)
        stopped = np.where(ever, share[passed.argmax(axis=1)], 1.0)
        assert found.longest * stopped.mean() == pytest.approx(seen, abs=0.006)


def test_one_look_costs_nothing_but_what_the_boundary_is_higher():
    assert experiment.price("group sequential", 1).longest == pytest.approx(1)
    always = experiment.price("always valid", 1)
    height = experiment.always_valid_boundary(1.0)
    assert always.longest == pytest.approx(((height + norm.ppf(0.8)) / FIXED) ** 2, rel=1e-4)
    assert always.false_alarms == pytest.approx(2 * norm.sf(height))


def test_a_plan_that_ends_costs_little_and_one_without_an_end_much():
    spending, always = experiment.price("group sequential", 14), experiment.price("always valid", 14)
    assert 1 < spending.longest < 1.05
    assert 1.6 < always.longest < 1.9
    assert spending.if_real < 1 < always.if_real < 1.2
    assert spending.false_alarms == pytest.approx(0.05)
    assert always.false_alarms < 0.02
    assert str(spending) == (
        f"group sequential, 14 looks: at most {spending.longest:.2f} times the units of a fixed test, on average "
        f"{spending.if_real:.2f} if the effect is real and {spending.if_none:.2f} if there is none; 5.0% false alarms"
    )


def test_power_and_level_may_be_chosen():
    strict = experiment.price("always valid", 5, level=0.99, power=0.9)
    assert strict.false_alarms < 0.01
    assert strict.longest != pytest.approx(experiment.price("always valid", 5).longest)


def test_bad_settings_are_refused():
    with pytest.raises(ValueError, match="kind is 'fixed'; expected 'always valid', 'group sequential' or 'naive'"):
        experiment.price("fixed", 5)
    for power in (0.05, 1.0):
        with pytest.raises(ValueError, match="price: power is"):
            experiment.price("naive", 5, power=power)
    with pytest.raises(ValueError, match="price: looks is 0"):
        experiment.price("naive", 0)
    with pytest.raises(ValueError, match="price: level is 1"):
        experiment.price("naive", 2, level=1)
