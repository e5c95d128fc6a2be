import math
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlsd_lib.capacity.formulas import fan_out_slow_share, hedged, level_of_each, slow_share_allowed

shares = st.floats(0, 1)
widths = st.integers(1, 3_000)


@pytest.mark.parametrize(
    ("each", "width", "published"),
    [(0.01, 100, 0.634), (0.0001, 2_000, 0.181), (0.01, 1, 0.01), (0, 50, 0), (1, 3, 1)],
)
def test_fan_out_gives_the_published_shares(each: float, width: int, published: float) -> None:
    assert fan_out_slow_share(each, width) == pytest.approx(published, abs=5e-4)


@settings(max_examples=60, deadline=None)
@given(st.fractions(0, 1, max_denominator=1_000), st.integers(1, 60))
def test_fan_out_agrees_with_exact_fractions(each: Fraction, width: int) -> None:
    assert fan_out_slow_share(float(each), width) == pytest.approx(float(1 - (1 - each) ** width), rel=1e-12)


def test_tiny_shares_are_not_rounded_away() -> None:
    assert fan_out_slow_share(1e-20, 100) == pytest.approx(1e-18, rel=1e-12)
    assert slow_share_allowed(1e-18, 100) == pytest.approx(1e-20, rel=1e-12)


@settings(max_examples=60, deadline=None)
@given(st.floats(0, 0.99), widths)
def test_what_is_allowed_to_each_gives_what_was_wanted_of_all(wanted: float, width: int) -> None:
    each = slow_share_allowed(wanted, width)
    assert 0 <= each <= wanted * (1 + 1e-12)
    assert fan_out_slow_share(each, width) == pytest.approx(wanted, rel=1e-9)


@settings(max_examples=60, deadline=None)
@given(shares, widths)
def test_more_servers_are_never_faster(each: float, width: int) -> None:
    assert each * (1 - 1e-12) <= fan_out_slow_share(each, width) <= fan_out_slow_share(each, width + 1) <= 1


def test_all_or_none() -> None:
    assert slow_share_allowed(1, 7) == 1
    assert slow_share_allowed(0, 7) == 0


def test_the_median_of_a_wide_request_is_a_high_percentile_of_each_server() -> None:
    assert level_of_each(0.5, 100) == pytest.approx(0.5**0.01)
    assert level_of_each(0.99, 1) == pytest.approx(0.99)


def test_hedging_squares_what_stays_slow_and_costs_what_is_late() -> None:
    left = hedged(slow_share_each=0.02, late_share=0.05, fan_out=50)
    assert left.slow_share_each == pytest.approx(0.0004)
    assert left.slow_share == pytest.approx(1 - 0.9996**50)
    assert left.extra_load_share == 0.05
    assert hedged(slow_share_each=0.1, late_share=0.1).slow_share == pytest.approx(0.01)


def test_what_hedging_leaves_prints_as_a_table() -> None:
    assert str(hedged(slow_share_each=0.1, late_share=0.2)) == (
        "Hedged\n  slow share each   1.00 %\n  slow share        1.00 %\n  extra load share  20.00 %"
    )


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: fan_out_slow_share(5, 10), r"slow_share_each is 5, .*share between 0 and 1.*in per cent, write 0.05"),
        (lambda: fan_out_slow_share(100, 10), "slow_share_each is 100.*in per cent, write 1"),
        (lambda: fan_out_slow_share(math.nan, 10), "slow_share_each is nan"),
        (lambda: fan_out_slow_share(0.1, 0), "fan_out is 0, and a whole number of at least 1"),
        (lambda: fan_out_slow_share(0.1, 2.5), "fan_out is 2.5"),
        (lambda: slow_share_allowed(-1, 10), "slow_share is -1"),
        (lambda: slow_share_allowed(0.5, 0), "fan_out is 0"),
        (lambda: level_of_each(1, 10), "level is 1, and a share strictly between 0 and 1"),
        (lambda: level_of_each(0, 10), "level is 0, and a share strictly between 0 and 1"),
        (lambda: level_of_each(99, 10), "level is 99.*write 0.99"),
        (lambda: hedged(slow_share_each=2, late_share=0.1), "slow_share_each is 2"),
        (lambda: hedged(slow_share_each=0.1, late_share=10), "late_share is 10"),
        (lambda: hedged(slow_share_each=0.1, late_share=0.05), "late_share is 0.05, below slow_share_each=0.1"),
        (lambda: hedged(slow_share_each=0.1, late_share=0.2, fan_out=0), "fan_out is 0"),
    ],
)
def test_a_tail_refuses_what_it_cannot_mean(wrong, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        wrong()
