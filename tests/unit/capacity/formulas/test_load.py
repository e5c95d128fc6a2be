import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlsd_lib.capacity.formulas import grown, load, peak_factor, time_until
from mlsd_lib.capacity.units import EUR, GB, TB, Quantity, day, hour, ms, second, year


def test_a_million_requests_a_day_are_about_twelve_a_second() -> None:
    asked = load(1_000_000, sessions=1 / day)
    assert asked.average.to(1 / second) == pytest.approx(11.574, abs=1e-3)
    assert asked.peak == asked.average
    assert asked.a_day == pytest.approx(1_000_000)


def test_habits_multiply() -> None:
    asked = load(8_640, sessions=2 / hour, requests_per_session=3, active_share=0.5, peak_factor=4)
    # half of 8,640 people, twice an hour, three requests: 4,320 * 6 an hour
    assert asked.average.to(1 / hour) == pytest.approx(25_920)
    assert asked.peak.to(1 / second) == pytest.approx(28.8)
    assert asked.a_day == pytest.approx(622_080)
    assert load(10, sessions=1 / day, active_share=0).a_day == 0


def test_a_load_prints_as_a_table() -> None:
    assert str(load(86_400, sessions=10 / day, peak_factor=2)) == (
        "Load\n  average  10 /s\n  peak     20 /s\n  a day    864,000"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"users": 0}, "users is 0, and it must be above 0"),
        ({"users": math.nan}, "users is nan, and a finite value was expected"),
        ({"users": "many"}, "users is 'many', and a number was expected"),
        ({"users": True}, "users is True, and a number was expected"),
        ({"users": 3 * GB}, "users is 3 GB, a size, and a number without a unit was expected"),
        ({"sessions": 2}, r"sessions is 2, without a unit. Pass a rate, such as 500 / second"),
        ({"sessions": 2 * day}, "sessions is 2 days, a time, and a rate was expected, such as 500 / second"),
        ({"sessions": 0 / day}, "sessions is 0 /day, and it must be above 0"),
        ({"sessions": -1 / day}, "sessions is -1 /day, and it must be above 0"),
        ({"sessions": math.inf / day}, "sessions is inf /s, and a finite value was expected"),
        ({"requests_per_session": 0}, "requests_per_session is 0"),
        ({"active_share": 30}, r"active_share is 30, and a share between 0 and 1 was expected. .* per cent, write 0.3"),
        ({"active_share": -0.1}, "active_share is -0.1, and it must be at least 0"),
        ({"active_share": 101}, "active_share is 101, and a share between 0 and 1 was expected.$"),
        ({"peak_factor": 0.9}, "peak_factor is 0.9, and the peak can't be below the average"),
        ({"peak_factor": 0}, "peak_factor is 0"),
    ],
)
def test_a_wrong_number_or_unit_is_an_error_that_names_the_argument(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        load(**({"users": 10, "sessions": 1 / day} | arguments))  # type: ignore[arg-type]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0, 1e6), min_size=1).filter(any))
def test_a_peak_factor_times_the_mean_is_the_peak(counts: list[float]) -> None:
    factor = peak_factor(counts)
    assert factor * math.fsum(counts) / len(counts) == pytest.approx(max(counts))
    assert factor >= 1 - 1e-12


@pytest.mark.parametrize("counts", [[], [0, 0]])
def test_no_traffic_has_no_peak(counts: list[float]) -> None:
    with pytest.raises(ValueError, match=rf"counts: {len(counts)} periods and no request"):
        peak_factor(counts)


def test_a_negative_count_is_named_by_its_place() -> None:
    with pytest.raises(ValueError, match=r"counts\[1\] is -3, and it must be at least 0"):
        peak_factor([1, -3])


def test_growth_compounds() -> None:
    assert grown(500 / second, yearly_growth=0.5, after=2 * year).to(1 / second) == pytest.approx(1_125)
    assert grown(3 * TB, yearly_growth=-0.5, after=1 * year).to(TB) == pytest.approx(1.5)
    assert grown(3 * TB, yearly_growth=0.5, after=0 * year) == 3 * TB
    assert grown(100 * EUR, yearly_growth=10, after=1 * year).to(EUR) == pytest.approx(1_100)


@settings(max_examples=60, deadline=None)
@given(st.floats(0.01, 10), st.floats(1.001, 1e6))
def test_a_limit_is_reached_just_when_growth_says_so(growth: float, times: float) -> None:
    left = time_until(times * GB, now=1 * GB, yearly_growth=growth)
    assert grown(1 * GB, yearly_growth=growth, after=left).to(GB) == pytest.approx(times, rel=1e-9)


def test_a_limit_that_is_reached_takes_no_time_and_one_never_reached_for_ever() -> None:
    assert time_until(1 * GB, now=1 * GB, yearly_growth=0.4) == 0 * second
    assert time_until(1 * GB, now=2 * GB, yearly_growth=-0.4) == 0 * second
    assert time_until(2 * GB, now=1 * GB, yearly_growth=0).to(year) == math.inf
    assert time_until(2 * GB, now=1 * GB, yearly_growth=-0.1).to(year) == math.inf
    assert time_until(2 * GB, now=1 * GB, yearly_growth=1).to(year) == pytest.approx(1)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: grown(ms, yearly_growth=40, after=year), "yearly_growth is 40, a share of the start.* write 0.4"),
        (lambda: grown(ms, yearly_growth=10.001, after=year), "yearly_growth is 10.001"),
        (lambda: grown(ms, yearly_growth=-1, after=year), r"1 \+ yearly_growth is 0, and it must be above 0"),
        (lambda: grown(ms, yearly_growth="fast", after=year), r"1 \+ yearly_growth is 'fast', and a number"),
        (lambda: grown(ms, yearly_growth=math.nan, after=year), "yearly_growth is nan, and a finite"),
        (lambda: grown(ms, yearly_growth=0.4, after=2), "after is 2, without a unit. Pass a time"),
        (lambda: grown(ms, yearly_growth=0.4, after=-1 * year), "after is -1 years, and it must be at least 0"),
        (lambda: grown(500, yearly_growth=0.4, after=year), "now is 500, without a unit"),
        (lambda: time_until(3, now=2, yearly_growth=0.1), "limit is 3, without a unit"),
        (lambda: time_until(3 * GB, now=2, yearly_growth=0.1), "now is 2, without a unit"),
        (lambda: time_until(3 * GB, now=2 * ms, yearly_growth=0.1), "3 GB is a size and 2 ms is a time"),
        (lambda: time_until(0 * GB, now=GB, yearly_growth=0.1), "limit is 0 B, and it must be above 0"),
        (lambda: time_until(GB, now=0 * GB, yearly_growth=0.1), "now is 0 B, and it must be above 0"),
    ],
)
def test_growth_refuses_what_it_cannot_mean(wrong, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        wrong()


def test_results_are_quantities_of_the_right_kind() -> None:
    assert isinstance(time_until(2 * GB, now=GB, yearly_growth=1), Quantity)
    assert grown(1 / second, yearly_growth=1, after=year).dimension == (1 / second).dimension
