"""Computed crossing probabilities and boundaries, against published values, integrals and simulated paths."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import multivariate_normal, norm

from mlsd_lib.online import experiment
from mlsd_lib.online.experiment import boundaries


def paths(drift=0.0, looks=10, end=1.0, many=200_000, seed=0):
    """Effect over standard error at equally spaced looks, simulated."""
    share = np.arange(1, looks + 1) / looks * end
    steps = np.random.default_rng(seed).normal(size=(many, looks)) * np.sqrt(end / looks)
    return share, (steps.cumsum(axis=1) + drift * share) / np.sqrt(share)


def first(passed):
    """Share of the paths that pass first at each look."""
    return ((passed.cumsum(axis=1) == 1) & passed & (passed.cumsum(axis=1).cumsum(axis=1) == 1)).mean(axis=0)


def test_reading_an_ordinary_test_again_and_again_errs_as_often_as_was_published():
    published = {1: 0.05, 2: 0.083, 3: 0.107, 4: 0.126, 5: 0.142, 10: 0.193, 20: 0.248, 50: 0.320, 100: 0.374}
    for looks, error in published.items():
        assert experiment.peeking_error(looks) == pytest.approx(error, abs=6e-4)


def test_two_looks_are_the_integral_of_a_bivariate_normal():
    z = norm.ppf(0.975)
    both = multivariate_normal(cov=[[1, np.sqrt(0.3)], [np.sqrt(0.3), 1]])
    inside = both.cdf([z, z], lower_limit=[-z, -z])
    first_look, second = experiment.crossing([z, z], [0.3, 1.0])
    assert first_look == pytest.approx(0.05, abs=1e-12)
    assert first_look + second == pytest.approx(1 - inside, abs=1e-6)


@pytest.mark.parametrize("drift", [0.0, 1.5, -2.8])
def test_where_paths_cross_first_is_where_simulated_ones_do(drift):
    share, z = paths(drift)
    height = experiment.always_valid_boundary(share, level=0.5)
    found = experiment.crossing(height, share, drift=drift)
    assert found == pytest.approx(first(np.abs(z) > height), abs=0.004)


def test_looks_need_not_be_equally_spaced_and_may_pass_the_plan():
    share = np.array([0.01, 0.3, 0.31, 2.0, 7.0])
    steps = np.random.default_rng(0).normal(size=(400_000, 5)) * np.sqrt(np.diff(share, prepend=0))
    z = steps.cumsum(axis=1) / np.sqrt(share)
    height = np.array([2.0, 1.7, 1.6, 1.9, 2.2])
    assert experiment.crossing(height, share) == pytest.approx(first(np.abs(z) > height), abs=0.003)


def test_the_group_sequential_boundary_is_that_of_the_reference_implementations():
    """Ld98 and ldbounds print 4.8769 … for five equal looks, two-sided; SeqBounds.jl the others, one-sided at 0.05."""
    equal = experiment.group_sequential_boundary(np.arange(1, 6) / 5)
    assert equal == pytest.approx([4.8769, 3.3569, 2.6803, 2.2898, 2.0310], abs=1e-3)
    one_sided = experiment.group_sequential_boundary([0.25, 0.5, 0.75, 1.0], level=0.9)
    assert one_sided == pytest.approx([3.74955, 2.53993, 2.01604, 1.72014], abs=2e-4)


def test_the_group_sequential_boundary_spends_its_level_and_no_more():
    for looks in (1, 2, 7, 40):
        share = np.arange(1, looks + 1) / looks
        height = experiment.group_sequential_boundary(share)
        assert experiment.crossing(height, share).sum() == pytest.approx(0.05, abs=1e-7)
    some = experiment.group_sequential_boundary([0.3, 0.6])
    spent = 4 * norm.cdf(norm.ppf(0.0125) / np.sqrt([0.3, 0.6]))
    assert experiment.crossing(some, [0.3, 0.6]).cumsum() == pytest.approx(spent, abs=1e-7)
    assert experiment.group_sequential_boundary(1.0) == pytest.approx([norm.ppf(0.975)], abs=1e-6)


def test_a_look_so_early_that_nothing_may_be_spent_stops_nothing():
    height = experiment.group_sequential_boundary([0.001, 0.5, 1.0])
    assert np.isinf(height[0])
    assert height[1:] == pytest.approx(experiment.group_sequential_boundary([0.5, 1.0]), abs=1e-9)


def test_the_always_valid_p_value_is_one_over_the_likelihood_ratio_under_a_normal_mixture_of_effects():
    spread = boundaries._tuned(0.05)  # variance of the mixture over the variance of an estimate at the end of the plan
    for share, z in ((0.2, 3.5), (1.0, 3.1), (3.0, 4.0)):
        error = 1 / np.sqrt(share)  # of an effect whose standard error is 1 at the end of the plan

        def ratio(effect, z=z, error=error):
            density = norm.pdf(effect, scale=np.sqrt(spread))
            return density * norm.pdf(z * error, effect, error) / norm.pdf(z * error, 0, error)

        mixed = quad(ratio, -20, 20, epsabs=0, limit=200)[0]
        assert boundaries.always_valid_p([z], share)[0] == pytest.approx(1 / mixed, rel=1e-6)


def test_the_always_valid_boundary_is_where_the_p_value_reaches_the_level():
    share = np.geomspace(0.01, 50, 30)
    for level in (0.9, 0.95, 0.99):
        height = experiment.always_valid_boundary(share, level=level)
        for scale, passed in ((0.999, False), (1.001, True)):
            p = [boundaries.always_valid_p([scale * z], s, level=level)[0] for z, s in zip(height, share, strict=True)]
            assert ((np.array(p) <= 1 - level) == passed).all()


def test_the_always_valid_boundary_is_lowest_at_the_end_of_the_plan():
    share = np.linspace(0.5, 2, 1501)
    for level in (0.9, 0.95, 0.99):
        assert share[np.argmin(experiment.always_valid_boundary(share, level=level))] == pytest.approx(1, abs=0.002)


@pytest.mark.parametrize(("looks", "end"), [(1, 1), (10, 1), (100, 1), (300, 30)])
def test_the_always_valid_test_errs_at_most_at_its_level_however_often_one_looks(looks, end):
    share = np.arange(1, looks + 1) / looks * end
    for level in (0.95, 0.8):
        error = experiment.crossing(experiment.always_valid_boundary(share, level=level), share).sum()
        assert error < 1 - level


def test_it_comes_near_its_level_over_a_very_long_time():
    share = np.geomspace(1e-3, 1e4, 300)
    error = experiment.crossing(experiment.always_valid_boundary(share), share).sum()
    assert 0.03 < error < 0.05


def test_an_always_valid_p_value_only_falls():
    p = boundaries.always_valid_p([[0.0, 4.0, 1.0], [2.0, 0.0, 0.0]], [0.5, 1.0, 1.5])
    assert p.shape == (2, 3)
    assert p[0, 0] == 1
    assert p[0, 1] == p[0, 2] < 0.01
    assert (np.diff(p, axis=1) <= 0).all()


def test_bad_settings_are_refused_by_the_name_of_the_function():
    for level in (0, 1, 1.5, float("nan")):
        for function in (experiment.always_valid_boundary, experiment.group_sequential_boundary):
            with pytest.raises(ValueError, match=f"{function.__name__}: level is {level}"):
                function([0.5, 1.0], level=level)
        with pytest.raises(ValueError, match="always_valid_p: level"):
            boundaries.always_valid_p([1.0], [1.0], level=level)
        with pytest.raises(ValueError, match="fixed_boundary: level"):
            experiment.peeking_error(3, level=level)
    for share in (0.0, -1.0, float("inf"), float("nan")):
        with pytest.raises(ValueError, match="always_valid_boundary: a share of the plan is not above 0"):
            experiment.always_valid_boundary([0.5, share])
    for share in ([0.5, 0.5], [1.0, 0.5], [], [[0.5, 1.0]]):
        with pytest.raises(ValueError, match="group_sequential_boundary: shares of the plan must rise"):
            experiment.group_sequential_boundary(share)
    with pytest.raises(ValueError, match=r"a look lies at 1.2 times the plan"):
        experiment.group_sequential_boundary([0.5, 1.2])
    for height, share in (([2.0], [0.5, 1.0]), ([0.0, 2.0], [0.5, 1.0])):
        with pytest.raises(ValueError, match=r"crossing: .* expected a height above 0 for each look"):
            experiment.crossing(height, share)
    with pytest.raises(ValueError, match="drift nan"):
        experiment.crossing([2.0], [1.0], drift=float("nan"))
    for looks in (0, 2.5, True):
        with pytest.raises(ValueError, match="peeking_error: looks is"):
            experiment.peeking_error(looks)
