import math
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlsd_lib.capacity.formulas import (
    in_flight,
    offered_load,
    queue,
    response_percentile,
    servers_for,
    wait_percentile,
    waiting_probability,
)
from mlsd_lib.capacity.units import GB, day, ms, second


def erlang_c(load: Fraction, servers: int) -> Fraction:
    """The textbook form, with factorials and exact fractions."""
    terms = [load**n / math.factorial(n) for n in range(servers + 1)]
    last = terms[servers] / (1 - load / servers)
    return last / (sum(terms[:servers], Fraction(0)) + last)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 40), st.fractions(Fraction(1, 1_000), Fraction(999, 1_000), max_denominator=1_000))
def test_waiting_agrees_with_the_textbook_in_exact_fractions(servers: int, busy: Fraction) -> None:
    exact = erlang_c(busy * servers, servers)
    assert waiting_probability(float(busy * servers), servers) == pytest.approx(float(exact), rel=1e-9, abs=1e-300)


@pytest.mark.parametrize(("busy", "published"), [(0.9, 0.67), (0.7, 0.22)])
def test_ten_servers_make_as_many_wait_as_published(busy: float, published: float) -> None:
    assert waiting_probability(10 * busy, 10) == pytest.approx(published, abs=5e-3)


def test_waiting_is_stable_for_thousands_of_servers() -> None:
    # Halfin and Whitt: with erlangs = c - b * sqrt(c), the probability tends to 1 / (1 + b * Phi(b) / phi(b)).
    b, servers = 1.0, 1_000_000
    limit = 1 / (1 + b * 0.8413447461 / 0.2419707245)
    assert waiting_probability(servers - b * math.sqrt(servers), servers) == pytest.approx(limit, abs=1e-3)
    assert waiting_probability(1.0, 3_000) == 0.0


def test_nobody_waits_without_load_and_everybody_at_full_load() -> None:
    assert waiting_probability(0, 5) == 0
    assert waiting_probability(5, 5) == 1.0
    assert waiting_probability(7, 5) == 1.0
    assert waiting_probability(4.999, 5) < 1


@pytest.mark.parametrize(("busy", "times"), [(0.5, 2), (0.7, 10 / 3), (0.8, 5), (0.9, 10), (0.95, 20)])
def test_one_server_stretches_the_service_by_one_over_what_is_free(busy: float, times: float) -> None:
    one = queue(busy / ms, 1 * ms)
    assert one.mean_response.to(ms) == pytest.approx(times)
    assert one.mean_wait.to(ms) == pytest.approx(times - 1)
    assert one.utilisation_share == pytest.approx(busy)
    assert one.waiting_share == pytest.approx(busy)
    assert one.waiting == pytest.approx(busy**2 / (1 - busy))
    # for one server the response is exponential, and the wait is so with an atom at 0
    assert response_percentile(busy / ms, 1 * ms).to(ms) == pytest.approx(times * math.log(100))
    assert wait_percentile(busy / ms, 1 * ms).to(ms) == pytest.approx(times * math.log(100 * busy))


def test_ten_servers_that_share_a_queue_wait_as_published() -> None:
    ten = queue(9 / second, 1 * second, servers=10)
    assert ten.mean_wait.to(second) == pytest.approx(0.67, abs=5e-3)
    assert ten.mean_response.to(second) == pytest.approx(ten.mean_wait.to(second) + 1)
    assert ten.waiting == pytest.approx(9 * ten.mean_wait.to(second))


def tail(time: float, waiting: float, spare: float) -> float:
    """P(response > time) in service times, by numerical integration over the wait (Simpson's rule)."""
    steps = 20_000
    width = time / steps
    inner = [waiting * spare * math.exp(-spare * x - (time - x)) for x in (i * width for i in range(steps + 1))]
    area = width / 3 * (inner[0] + inner[-1] + 4 * sum(inner[1:-1:2]) + 2 * sum(inner[2:-1:2]))
    return (1 - waiting) * math.exp(-time) + area + waiting * math.exp(-spare * time)


@pytest.mark.parametrize(
    ("erlangs", "servers", "level"),
    [
        (0.5, 1, 0.5),
        (9, 10, 0.99),
        (9.9, 10, 0.999),
        (9, 10, 0.1),
        (1, 2, 0.99),
        (1.5, 2, 0.9),
        (3, 10, 0.99),
        (99, 100, 0.95),
    ],
)
def test_a_response_percentile_leaves_just_the_late_ones(erlangs: float, servers: int, level: float) -> None:
    time = response_percentile(erlangs / second, 1 * second, servers=servers, level=level).to(second)
    waiting = float(erlang_c(Fraction(str(erlangs)), servers))
    assert tail(time, waiting, servers - erlangs) == pytest.approx(1 - level, rel=1e-5)


@pytest.mark.parametrize("shift", [-1e-6, -1e-9, -1e-12, 0, 1e-12, 1e-9, 1e-6])
def test_equal_rates_of_wait_and_service_do_no_harm(shift: float) -> None:
    # with 2 servers and 1 erlang both rates are 1; P(T > t) = (1 - C) exp(-t) + C (1 + t) exp(-t), C = 1/3
    time = response_percentile((1 + shift) / second, 1 * second, servers=2).to(second)
    assert (1 + time / 3) * math.exp(-time) == pytest.approx(0.01, rel=1e-5)


def test_a_nearly_full_queue_has_a_finite_percentile() -> None:
    time = response_percentile(0.999999 / second, 1 * second).to(second)
    assert time == pytest.approx(math.log(100) * 1e6, rel=1e-6)


def test_a_queue_that_only_grows_has_infinite_times() -> None:
    for rate in (10, 12):
        full = queue(rate / second, 1 * second, servers=10)
        assert full.mean_wait.to(second) == full.mean_response.to(second) == full.waiting == math.inf
        assert full.waiting_share == 1
        assert full.utilisation_share == pytest.approx(rate / 10)
        assert wait_percentile(rate / second, second, servers=10).to(second) == math.inf
        assert response_percentile(rate / second, second, servers=10).to(second) == math.inf


def test_an_idle_queue_serves_at_once() -> None:
    idle = queue(0 / second, 20 * ms, servers=3)
    assert (idle.mean_wait, idle.waiting, idle.waiting_share) == (0 * ms, 0, 0)
    assert idle.mean_response == 20 * ms
    assert response_percentile(0 / second, 20 * ms).to(ms) == pytest.approx(20 * math.log(100))


def test_whoever_need_not_wait_waits_no_time() -> None:
    assert wait_percentile(1 / second, 1 * second, servers=10) == 0 * ms
    # 22 per cent wait: the 70th percentile is 0, the 90th is not
    assert wait_percentile(7 / second, 1 * second, servers=10, level=0.7) == 0 * ms
    ninetieth = wait_percentile(7 / second, 1 * second, servers=10, level=0.9).to(second)
    assert waiting_probability(7, 10) * math.exp(-3 * ninetieth) == pytest.approx(0.1)


rates = st.floats(0.01, 200)


@settings(max_examples=60, deadline=None)
@given(rates, st.floats(0.01, 2), st.integers(1, 60))
def test_more_servers_never_make_anybody_wait_longer(rate: float, service: float, servers: int) -> None:
    few, more = (queue(rate / second, service * second, servers=n) for n in (servers, servers + 1))
    assert few.waiting_share >= more.waiting_share
    assert few.mean_wait >= more.mean_wait
    assert 0 <= more.waiting_share <= 1


@settings(max_examples=60, deadline=None)
@given(rates, st.floats(0.01, 0.99))
def test_one_shared_line_is_never_slower_than_two_separate_ones(rate: float, busy: float) -> None:
    service = busy / rate * second
    shared = queue(2 * rate / second, service, servers=2)
    assert shared.mean_wait <= queue(rate / second, service).mean_wait * (1 + 1e-9)


@settings(max_examples=60, deadline=None)
@given(rates, st.floats(0.01, 2), st.floats(1.01, 20), st.sampled_from([0.5, 0.9, 0.99, 0.999]))
def test_the_fewest_servers_are_enough_and_one_fewer_is_not(
    rate: float, service: float, slack: float, level: float
) -> None:
    limit = -math.log(1 - level) * service * slack * second
    found = servers_for(rate / second, service * second, within=limit, level=level)
    assert response_percentile(rate / second, service * second, servers=found, level=level) <= limit
    if found > 1:
        assert response_percentile(rate / second, service * second, servers=found - 1, level=level) > limit


def test_the_fewest_servers_are_found_for_large_loads_and_none() -> None:
    assert servers_for(0 / second, 20 * ms, within=1 * second) == 1
    many = servers_for(1_000 / second, 1 * second, within=10 * second)
    assert many == 1_001


def test_littles_law_multiplies() -> None:
    assert in_flight(58_000 / second, 1_500 * ms) == pytest.approx(87_000)
    assert in_flight(0 / second, 0 * ms) == 0
    assert offered_load(86_400 / day, 2 * second) == pytest.approx(2)


def test_a_queue_prints_as_a_table() -> None:
    assert str(queue(5 / second, 100 * ms)) == (
        "Queue\n  utilisation share  50.00 %\n  waiting share      50.00 %\n"
        "  mean wait          100 ms\n  mean response      200 ms\n  waiting            0.5"
    )


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: waiting_probability(-1, 3), "offered_load is -1, and it must be at least 0"),
        (lambda: waiting_probability(math.inf, 3), "offered_load is inf, and a finite value"),
        (lambda: waiting_probability(20 * ms, 3), "offered_load is 20 ms, a time, and a number without a unit"),
        (lambda: waiting_probability(1, 0), "servers is 0, and a whole number of at least 1"),
        (lambda: waiting_probability(1, 1.5), "servers is 1.5"),
        (lambda: queue(500, 20 * ms), "rate is 500, without a unit. Pass a rate, such as 500 / second"),
        (lambda: queue(500 / second, 20), "service is 20, without a unit. Pass a time, such as 20"),
        (lambda: queue(20 * ms, 500 / second), "rate is 20 ms, a time, and a rate was expected"),
        (lambda: queue(500 / second, 0 * ms), "service is 0 ns, and it must be above 0"),
        (lambda: queue(-1 / second, ms), "rate is -86,400 /day|rate is -1 /s"),
        (lambda: in_flight(5, ms), "rate is 5, without a unit"),
        (lambda: in_flight(5 / second, 3 * GB), "response is 3 GB, a size, and a time was expected"),
        (lambda: in_flight(-5 / second, ms), "rate is -5 /s, and it must be at least 0"),
        (lambda: in_flight(5 / second, -1 * ms), "response is -1 ms, and it must be at least 0"),
        (lambda: wait_percentile(5 / second, ms, level=99), "level is 99.*write 0.99"),
        (lambda: response_percentile(5 / second, ms, level=1), "level is 1, and a share strictly between"),
        (lambda: servers_for(5 / second, ms, within=300), "within is 300, without a unit"),
        (lambda: servers_for(5 / second, ms, within=second, level=99), "level is 99.*write 0.99"),
        (
            lambda: servers_for(5 / second, 100 * ms, within=400 * ms),
            "within is 400 ms, and the service alone exceeds it: at this level it takes 460.5 ms",
        ),
        (lambda: servers_for(5 / second, ms, within=-math.log(0.01) * ms, level=0.99), "the service alone exceeds it"),
    ],
)
def test_a_queue_refuses_what_it_cannot_mean(wrong, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        wrong()
