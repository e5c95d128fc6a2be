import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlsd_lib.capacity import formulas
from mlsd_lib.capacity.simulate import Served, arrivals, in_flight, queue, serve
from mlsd_lib.capacity.units import GB, hour, minute, ms, second


def event_loop(arrived: list[float], service: list[float], servers: int) -> list[float]:
    """Responses from an explicit clock: a line of people, a list of busy servers, one event after the other."""
    busy: list[tuple[float, int]] = []
    line: list[int] = []
    response = [0.0] * len(arrived)
    events = [(time, 1, person) for person, time in enumerate(arrived)]
    while events:
        events.sort()
        now, arrival, person = events.pop(0)
        if arrival:
            line.append(person)
        else:
            busy = [entry for entry in busy if entry[1] != person]
        while line and len(busy) < servers:
            first = line.pop(0)
            done = now + service[first]
            response[first] = done - arrived[first]
            busy.append((done, first))
            events.append((done, 0, first))
    return response


gaps_and_works = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 9)), min_size=1, max_size=40)


@settings(deadline=None)
@given(gaps_and_works, st.integers(1, 5))
def test_serving_agrees_with_an_explicit_clock(drawn: list[tuple[int, int]], servers: int) -> None:
    gaps, service = zip(*drawn, strict=True)
    arrived = np.cumsum(gaps).astype(float)
    run = serve(arrived, service, servers=servers)
    assert run.response_ms.tolist() == event_loop(arrived.tolist(), [float(work) for work in service], servers)
    assert (run.wait_ms >= 0).all()
    starts = run.arrived_ms + run.wait_ms
    assert (np.diff(starts) >= 0).all()  # the order of arrival is kept
    assert max(((starts <= t) & (t < starts + np.asarray(service))).sum() for t in starts) <= servers


@pytest.mark.parametrize(("servers", "busy"), [(1, 0.5), (1, 0.8), (2, 0.8), (10, 0.7), (10, 0.9), (50, 0.9)])
def test_a_simulated_queue_agrees_with_the_formulas(servers: int, busy: float) -> None:
    rate, service = busy * servers / (20 * ms), 20 * ms
    exact = formulas.queue(rate, service, servers=servers)
    median, p99 = (formulas.response_percentile(rate, service, servers=servers, level=x).to(ms) for x in (0.5, 0.99))
    wait_p80 = formulas.wait_percentile(rate, service, servers=servers, level=0.8).to(ms)
    found = []
    for seed in range(12):  # independent runs: what one run says of its own error is too little for the tail
        run = queue(rate, service, servers=servers, requests=60_000, seed=seed).after(10 * second)
        wait, response = run.wait_ms, run.response_ms
        late = ((response > median).mean(), (response > p99).mean(), (wait > wait_p80).mean())
        found.append((response.mean(), wait.mean(), (wait > 0).mean(), *late))
    # at most a fifth wait longer than the 80th percentile; fewer than that where fewer wait at all
    last = min(0.2, exact.waiting_share)
    truth = (exact.mean_response.to(ms), exact.mean_wait.to(ms), exact.waiting_share, 0.5, 0.01, last)
    error = np.std(found, axis=0, ddof=1) / np.sqrt(len(found))
    assert (np.abs(np.mean(found, axis=0) - truth) < 4 * error).all()


def test_littles_law_holds_in_a_run() -> None:
    run = queue(9 / second, 1 * second, servers=10, requests=100_000, seed=2)
    moments = np.linspace(1_000_000, 10_000_000, 40_001)
    inside = in_flight(run, moments).mean()
    within = (run.arrived_ms >= 1_000_000) & (run.arrived_ms < 10_000_000)
    rate = within.sum() / 9_000_000
    assert inside == pytest.approx(rate * run.response_ms[within].mean(), rel=0.01)


def test_who_comes_and_goes_at_a_moment_is_counted_once() -> None:
    run = serve([0, 10], [5, 5])
    assert in_flight(run, [-1, 0, 4.9, 5, 10, 15]).tolist() == [0, 1, 1, 0, 1, 0]


def test_the_first_requests_can_be_left_out() -> None:
    run = Served(np.array([0.0, 999.0, 1_000.0]), np.array([1.0, 2.0, 3.0]), np.array([4.0, 5.0, 6.0]))
    later = run.after(1 * second)
    assert (later.arrived_ms.tolist(), later.wait_ms.tolist(), later.response_ms.tolist()) == ([1_000], [3], [6])


def test_arrivals_follow_their_rate() -> None:
    times = arrivals([100 / second, 0 / second, 400 / second], step=10 * minute, seed=3)
    counts = np.histogram(times, bins=[0, 600_000, 1_200_000, 1_800_000])[0]
    assert counts[1] == 0
    assert abs(counts[0] - 60_000) < 4 * np.sqrt(60_000)
    assert abs(counts[2] - 240_000) < 4 * np.sqrt(240_000)
    assert (np.diff(times) >= 0).all()
    assert times[0] >= 0
    assert times[-1] < 1_800_000
    gaps = np.diff(times[times < 600_000])
    assert gaps.mean() == pytest.approx(10, rel=0.02)
    assert gaps.std() == pytest.approx(10, rel=0.03)  # exponential: as wide as it is long


def test_no_rate_brings_nobody() -> None:
    assert len(arrivals([0 / second], step=1 * hour, seed=0)) == 0


def test_luck_depends_on_the_seed_and_the_request_alone() -> None:
    few, many = (queue(5 / second, 100 * ms, servers=2, requests=n, seed=4) for n in (50, 500))
    assert few.response_ms.tolist() == many.response_ms[:50].tolist()
    other = queue(5 / second, 100 * ms, servers=2, requests=50, seed=5)
    assert few.response_ms.tolist() != other.response_ms.tolist()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: queue(5, ms, requests=10, seed=0), "rate is 5, without a unit"),
        (lambda: queue(5 / second, 3 * GB, requests=10, seed=0), "service is 3 GB, a size, and a time"),
        (lambda: queue(5 / second, ms, requests=0, seed=0), "requests is 0"),
        (lambda: queue(5 / second, ms, servers=0, requests=10, seed=0), "servers is 0"),
        (lambda: queue(5 / second, ms, requests=10, seed=0.5), "seed is 0.5"),
        (lambda: arrivals([], step=hour, seed=0), "rates is empty"),
        (lambda: arrivals([1 / second, 2], step=hour, seed=0), r"rates\[1\] is 2, without a unit"),
        (lambda: arrivals([1 / second], step=3, seed=0), "step is 3, without a unit"),
        (lambda: serve([1, 2], [1]), r"arrived_ms has shape \(2,\) and service_ms \(1,\)"),
        (lambda: serve([], []), r"arrived_ms has shape \(0,\)"),
        (lambda: serve([[1.0]], [[1.0]]), r"shape \(1, 1\)"),
        (lambda: serve([1, 3, 2], [1, 1, 1]), r"1 values of arrived_ms .* \(first: arrived_ms\[2\]=2.0\)"),
        (lambda: serve([1, np.nan], [1, 1]), r"arrived_ms\[1\]=nan"),
        (lambda: serve([1, 2, 3], [1, -1, -2]), r"2 values of service_ms .* \(first: service_ms\[1\]=-1.0\)"),
        (lambda: serve([1, 2], [1, np.inf]), r"service_ms\[1\]=inf"),
        (lambda: serve([1], [1]).after(5), "warm_up is 5, without a unit"),
    ],
)
def test_a_queue_that_cannot_be_is_an_error(wrong, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        wrong()
