import math
from functools import partial

import numpy as np
import pytest

from mlsd_lib.online.experiment import needed_for_skew, power, sample_size, smallest_effect

# statsmodels 0.15, NormalIndPower().power(effect, nobs1, alpha, ratio=treatment over control), with the level 1 - alpha
POWERS = [
    (0.1, 1_600, 1, 0.95, 0.807430419432557),
    (0.05, 900, 0.25, 0.99, 0.0289733165354483),
    (0.3, 100, 9, 0.95, 0.8122151522237787),
    (0.01, 50, 1, 0.95, 0.050286425739456714),
]
SIZED = [partial(sample_size, 0.1, 1.0), partial(power, 0.1, 1.0, 9), partial(smallest_effect, 1, 9)]
# NormalIndPower().solve_power(effect, power=power, alpha=alpha, ratio=ratio) * (1 + ratio)
SIZES = [
    (0.1, 0.8, 1, 0.95, 3139.5442038046576),
    (0.02, 0.9, 1, 0.95, 105074.19409690755),
    (0.1, 0.8, 1 / 9, 0.95, 8720.956124098813),
    (0.5, 0.1, 3, 0.95, 9.078852026604968),  # the far tail counts
    (0.05, 0.95, 1, 0.99, 28502.663039005227),
]


@pytest.mark.parametrize(("effect", "control", "ratio", "level", "theirs"), POWERS)
def test_power_is_that_of_statsmodels(effect, control, ratio, level, theirs):
    units, share = control * (1 + ratio), ratio / (1 + ratio)
    assert power(effect, 1.0, units, share=share, level=level) == pytest.approx(theirs, rel=1e-12)
    assert power(-7 * effect, 7.0, units, share=share, level=level) == pytest.approx(theirs, rel=1e-12)


@pytest.mark.parametrize(("effect", "wanted", "ratio", "level", "theirs"), SIZES)
def test_sizes_are_those_of_statsmodels(effect, wanted, ratio, level, theirs):
    share = ratio / (1 + ratio)
    assert sample_size(effect, 1.0, power=wanted, level=level, share=share) == math.ceil(theirs)
    assert sample_size(-3 * effect, 3.0, power=wanted, level=level, share=share) == math.ceil(theirs)
    assert smallest_effect(1.0, theirs, power=wanted, level=level, share=share) == pytest.approx(effect, rel=1e-6)


def test_the_size_is_the_smallest_that_has_the_power():
    for share in (0.5, 0.1, 0.73):
        units = sample_size(0.3, 2.0, power=0.85, level=0.9, share=share)
        enough, fewer = (power(0.3, 2.0, many, share=share, level=0.9) for many in (units, units - 1))
        assert fewer < 0.85 <= enough


def test_the_power_is_the_share_of_experiments_that_are_significant():
    rng = np.random.default_rng(0)
    control, treatment = rng.normal(0.0, 2.0, (4_000, 300)), rng.normal(0.5, 2.0, (4_000, 100))
    error = 2.0 * math.sqrt(1 / 300 + 1 / 100)
    seen = np.abs(treatment.mean(axis=1) - control.mean(axis=1)) > 1.959964 * error
    assert power(0.5, 2.0, 400, share=0.25) == pytest.approx(seen.mean(), abs=0.02)


def test_powers_of_many_sizes_come_at_once():
    assert power(0.1, 1.0, [1_600, 3_200]).tolist() == [power(0.1, 1.0, 1_600), power(0.1, 1.0, 3_200)]
    assert power([[0.1], [0.2]], 1.0, [10, 20, 30]).shape == (2, 3)
    assert power(0.0, 1.0, 1_000) == pytest.approx(0.05)


def test_no_size_is_below_two_units():
    assert sample_size(100.0, 1.0) == 2


def test_the_sizes_for_skewed_metrics_are_the_published_ones():
    assert needed_for_skew(17.9) == pytest.approx(114_000, rel=0.01)
    assert needed_for_skew(3.6) == pytest.approx(4_600, rel=0.01)
    assert needed_for_skew(-2.1) == pytest.approx(1_600, rel=0.03)
    assert needed_for_skew(0.0) == 0
    assert needed_for_skew(0.01) == 1
    with pytest.raises(ValueError, match="skewness is nan; expected a finite number"):
        needed_for_skew(float("nan"))


@pytest.mark.parametrize(
    "act", [lambda **more: sample_size(0.1, 1.0, **more), lambda **more: power(0.1, 1.0, 9, **more)]
)
@pytest.mark.parametrize(
    "wrong",
    [
        {"share": 0.0},
        {"share": 1.0},
        {"level": 1.0},
        {"level": 0.0},
        {"share": -1},
        {"share": 2},
        {"level": -1},
        {"level": 2},
    ],
)
def test_shares_and_levels_lie_between_0_and_1(act, wrong):
    with pytest.raises(ValueError, match="expected both between 0 and 1"):
        act(**wrong)


@pytest.mark.parametrize("wanted", [0.05, 1.0, 0.0, -1.0, 1.5, float("nan")])
def test_a_power_that_chance_alone_has_is_refused(wanted):
    for act in (lambda: sample_size(0.1, 1.0, power=wanted), lambda: smallest_effect(1.0, 100, power=wanted)):
        with pytest.raises(ValueError, match=r"expected one below 1 and above 0\.05"):
            act()


@pytest.mark.parametrize(
    ("act", "told"),
    [
        (lambda: sample_size(0.0, 1.0), "sample_size: effect is 0.0; expected a finite number other than 0"),
        (lambda: sample_size(float("inf"), 1.0), "sample_size: effect is inf"),
        (lambda: sample_size(0.1, 0.0), "sample_size: spread is 0; expected a finite number above 0"),
        (lambda: sample_size(0.1, float("nan")), "sample_size: spread is nan"),
        (lambda: power(0.1, -1.0, 100), "power: spread is -1"),
        (lambda: power(0.1, float("inf"), 100), "power: spread is inf"),
        (lambda: power(0.1, 1.0, [100, 1]), "power: units is 1; expected at least 2"),
        (lambda: power(float("nan"), 1.0, 100), "power: effect is nan; expected a finite number"),
        (lambda: smallest_effect(1.0, 1), "smallest_effect: units is 1"),
        (lambda: smallest_effect(0.0, 10), "smallest_effect: spread is 0"),
    ],
)
def test_arguments_out_of_range_are_named(act, told):
    with pytest.raises(ValueError, match=told):
        act()
