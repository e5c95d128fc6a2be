"""What a significant result is worth, against simulated experiments."""

from dataclasses import astuple

import numpy as np
import pytest
from scipy.stats import norm

from mlsd_lib.online import experiment


def test_wins_are_true_as_often_as_was_published():
    good = [1 / 3, 0.1, 1 / 500]
    assert [experiment.true_wins(one) for one in good] == pytest.approx([0.89, 0.64, 0.03], abs=0.005)
    improvements = [experiment.true_wins(one, count="improvements") for one in good]
    assert improvements == pytest.approx([0.94, 0.78, 0.06], abs=0.005)


def test_wins_are_true_as_often_as_in_simulated_experiments():
    rng = np.random.default_rng(0)
    good = rng.uniform(size=400_000) < 0.1
    z = rng.normal(size=len(good)) + np.where(good, norm.ppf(0.975) + norm.ppf(0.8), 0.0)
    significant = np.abs(z) > norm.ppf(0.975)
    assert experiment.true_wins(0.1) == pytest.approx(good[significant].mean(), abs=0.006)
    better = z > norm.ppf(0.975)
    assert experiment.true_wins(0.1, count="improvements") == pytest.approx(good[better].mean(), abs=0.006)


def test_ends_of_the_range():
    assert experiment.true_wins(0.0) == 0
    assert experiment.true_wins(1.0) == 1
    assert experiment.true_wins(0.5, power=0.05) == pytest.approx(0.5)
    assert experiment.true_wins(0.1, level=0.99) > experiment.true_wins(0.1)


@pytest.mark.parametrize("effect", [0.5, -1.0, 3.0])
def test_significant_estimates_are_too_large_by_as_much_as_simulated_ones(effect):
    estimate = 0.5 * np.random.default_rng(0).normal(size=2_000_000) + effect
    kept = estimate[np.abs(estimate) > 0.5 * norm.ppf(0.975)]
    found = experiment.exaggeration(effect, 0.5)
    assert found.power == pytest.approx(len(kept) / len(estimate), abs=0.002)
    assert found.mean == pytest.approx(np.abs(kept).mean() / abs(effect), rel=0.003)
    assert found.wrong_sign == pytest.approx((kept * effect < 0).mean(), abs=0.001)


def test_the_stronger_the_experiment_the_smaller_the_curse():
    curse = [experiment.exaggeration(1.0, error).mean for error in (2.0, 1.0, 0.5, 0.1)]
    assert curse == sorted(curse, reverse=True)
    assert curse[-1] == pytest.approx(1, abs=1e-6)
    assert experiment.exaggeration(1.0, 0.5, level=0.99).mean > experiment.exaggeration(1.0, 0.5).mean


def test_shrinking_repairs_the_curse_among_results_chosen_for_being_large():
    rng = np.random.default_rng(0)
    effect = 0.7 * rng.normal(size=100_000)
    estimate = effect + rng.normal(size=len(effect))
    large = estimate > 1.96
    assert estimate[large].mean() > 1.5 * effect[large].mean()
    found = np.array([astuple(experiment.shrunk(one, 1.0, usual=0.7)) for one in estimate[large]])
    assert found[:, 0].mean() == pytest.approx(effect[large].mean(), rel=0.03)
    covered = (found[:, 1] <= effect[large]) & (effect[large] <= found[:, 2])
    assert covered.mean() == pytest.approx(0.95, abs=0.01)


def test_a_shrunk_estimate_is_the_posterior_of_a_normal_effect():
    found = experiment.shrunk(3.0, 2.0, usual=0.5)
    effect = np.linspace(-8, 8, 200_001)
    weight = norm.pdf(effect, 0, 0.5) * norm.pdf(3.0, effect, 2.0)
    mean = np.average(effect, weights=weight)
    spread = np.sqrt(np.average((effect - mean) ** 2, weights=weight))
    assert astuple(found) == pytest.approx((mean, mean - 1.959964 * spread, mean + 1.959964 * spread), abs=1e-6)


def test_bad_settings_are_refused():
    for wrong in ({"good": -0.1}, {"good": 1.1}, {"good": 0.1, "power": 0}, {"good": 0.1, "power": 1.1}):
        with pytest.raises(ValueError, match="true_wins: good="):
            experiment.true_wins(**wrong)
    with pytest.raises(ValueError, match="count is 'all'"):
        experiment.true_wins(0.1, count="all")
    with pytest.raises(ValueError, match="true_wins: level is 0"):
        experiment.true_wins(0.1, level=0)
    for effect, error in ((0.0, 1.0), (np.nan, 1.0), (1.0, 0.0), (1.0, np.inf)):
        with pytest.raises(ValueError, match="exaggeration: effect="):
            experiment.exaggeration(effect, error)
    with pytest.raises(ValueError, match="exaggeration: level is 2"):
        experiment.exaggeration(1.0, 1.0, level=2)
    for effect, error, usual in ((np.inf, 1.0, 1.0), (1.0, 0.0, 1.0), (1.0, 1.0, 0.0), (1.0, 1.0, np.inf)):
        with pytest.raises(ValueError, match="shrunk: effect="):
            experiment.shrunk(effect, error, usual=usual)
