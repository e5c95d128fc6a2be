"""Sending: against a server whose service times are known, a queue's theory, and planted stalls."""

from __future__ import annotations

import asyncio
import socket
import time

import numpy as np
import pytest

from mlsd_lib.capacity import formulas, simulate
from mlsd_lib.capacity.units import second
from mlsd_lib.online import load
from mlsd_lib.worlds import chance
from tests.unit.online.load.server import ok, serving

NUMBERED = [b"%04d" % number for number in range(1_000)]


def test_arrivals_come_at_random_at_the_rate():
    times = load.arrivals(500, 100, seed=1)
    gaps = np.diff(times)
    assert len(times) == pytest.approx(50_000, abs=4 * np.sqrt(50_000))
    assert times.min() > 0
    assert times.max() < 100
    assert gaps.mean() == pytest.approx(1 / 500, rel=0.02)
    assert gaps.std() == pytest.approx(1 / 500, rel=0.03)  # as for an exponential; even gaps would have 0
    assert np.mean(gaps > 3 / 500) == pytest.approx(np.exp(-3), abs=0.004)


def test_arrivals_depend_on_the_seed_alone():
    assert load.arrivals(100, 2, seed=3).tolist() == load.arrivals(100, 2, seed=3).tolist()
    assert load.arrivals(100, 2, seed=3).tolist() != load.arrivals(100, 2, seed=4).tolist()
    longer = load.arrivals(100, 4, seed=3)
    assert longer[longer < 2].tolist() == load.arrivals(100, 2, seed=3).tolist()


def test_every_request_is_sent_once_and_answered_with_its_own_answer():
    with serving() as server:
        found = load.send(server.url, NUMBERED, load.arrivals(300, 1, seed=0), keep_bodies=True)
    assert found.rows["body"].tolist() == NUMBERED[: len(found)]
    assert sorted(server.bodies) == NUMBERED[: len(found)]
    assert set(server.lines) == {b"POST /work HTTP/1.1"}
    assert found.rows["bytes"].eq(4).all()
    assert found.rows["status"].eq(200).all()
    assert found.errors().empty


def test_the_sender_keeps_its_schedule():
    due = load.arrivals(300, 1.5, seed=0)
    with serving([0.001]) as server:
        found = load.send(server.url, NUMBERED, due)
    assert found.rows["due_s"].tolist() == due.tolist()
    late = found.rows["started_s"] - found.rows["due_s"]
    assert (late > -0.001).all()
    assert late.median() < 0.004
    assert found.lag() < 0.05  # generous: the machine of the tests is shared


def test_it_does_not_wait_for_answers():
    due = np.arange(50) / 100
    with serving([0.03]) as server:  # three times slower than they come
        found = load.send(server.url, NUMBERED, due)
    assert (found.rows["started_s"] - found.rows["due_s"]).median() < 0.01
    assert found.rows["done_s"].max() > 50 * 0.03
    assert found.rows["latency_s"].iloc[-1] > 0.9


def test_latencies_are_those_of_a_queue_with_the_same_arrivals_and_service_times():
    due = load.arrivals(70, 3, seed=2)
    with serving([0.01]) as server:
        found = load.send(server.url, NUMBERED, due)
    expected = simulate.serve(1_000 * due, 1_000 * np.array(server.worked_s)).response_ms / 1_000
    assert expected.max() > 2.5 * expected.min()  # there was waiting to see
    assert (found.rows["latency_s"] - expected).abs().median() < 0.006
    assert np.corrcoef(found.rows["latency_s"], expected)[0, 1] > 0.9


def test_the_mean_is_near_the_textbook_formula():
    service = 0.008 * chance.exponential(5, "service", np.arange(400))
    due = load.arrivals(60, 5, seed=6)
    with serving(service) as server:
        found = load.send(server.url, NUMBERED, due)
    worked = np.mean(server.worked_s)
    textbook = formulas.queue(len(due) / 5 / second, worked * second).mean_response.to(second)
    assert found.rows["latency_s"].mean() == pytest.approx(textbook, rel=0.4)  # three hundred requests hang together
    assert textbook > 1.4 * worked  # so that a sender that takes turns would fail


def test_a_stall_is_seen_and_a_polite_client_does_not_see_it():
    stalls = [0.001] * 1_000
    stalls[100] = 1.0
    with serving(stalls) as server:
        open_loop = load.send(server.url, NUMBERED, np.arange(300) / 100)
    with serving(stalls) as server:
        polite = load.take_turns(server.url, NUMBERED, requests=300)
    assert open_loop.percentile(0.99) > 0.9
    assert (open_loop.rows["latency_s"] > 0.1).mean() == pytest.approx(0.3, abs=0.08)
    assert polite.percentile(0.99) < 0.1
    assert (polite.rows["latency_s"] > 0.1).sum() == 1
    over = open_loop.over_time(0.5).set_index("from_s")
    assert over.loc[1.0, "p50_ms"] > 500
    assert over.loc[0.0, "p99_ms"] < 100


def test_a_stall_of_the_sender_itself_counts_and_is_told():
    class Stalling(list):
        def __getitem__(self, place):
            if place == 20:
                time.sleep(0.4)
            return super().__getitem__(place)

    with serving() as server:
        found = load.send(server.url, Stalling(NUMBERED), np.arange(60) / 100)
    assert found.lag() > 0.3
    assert found.percentile(0.99) > 0.3
    assert found.errors().empty


def test_a_request_without_an_answer_in_time_is_given_up_and_its_late_answer_reaches_nobody():
    with serving([0.0, 0.0, 0.0, 0.35] + [0.0] * 96) as server:
        found = load.send(server.url, NUMBERED, np.arange(20) / 20, timeout_s=0.2, keep_bodies=True)
    assert found.errors()["timeout"] >= 1
    assert found.rows["error"].iloc[3] == "timeout"
    assert found.rows["status"].iloc[3] == 0
    assert found.rows["latency_s"].iloc[3] == pytest.approx(0.2, abs=0.1)
    kept = found.answered.rows
    assert kept["body"].tolist() == [NUMBERED[place] for place in kept.index]
    assert len(kept) > 10


def test_what_is_due_beyond_the_most_open_is_not_sent_and_counts_as_failed():
    with serving([0.2]) as server:
        found = load.send(server.url, NUMBERED, np.arange(10) / 1_000, most_open=3)
        assert len(server.bodies) == 3
    assert found.errors().to_dict() == {"not sent": 7}


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nRetry-After: 1\r\n\r\n", "503"),
        (b"HTTP/1.1 422 Wrong\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno", "422"),
        (b"SSH-2.0-short\r\n\r\n", "unreadable"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nshort", "unreadable"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "unreadable"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", "unreadable"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n", "unreadable"),
        (None, "unreadable"),
    ],
)
def test_what_goes_wrong_is_named(said, error):
    with serving(answer=lambda place, body: said if place % 2 else ok(body)) as server:
        found = load.send(server.url, NUMBERED, np.arange(8) / 50, timeout_s=2)
    assert found.errors().to_dict() == {error: 4}
    assert len(found.answered) == 4


def test_nobody_there_is_no_connection():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        found = load.send(f"http://127.0.0.1:{port}/", [b""], [0.0, 0.01], timeout_s=2)
    assert found.errors().to_dict() == {"no connection": 2}


def test_connections_are_kept_and_a_dropped_one_is_replaced():
    with serving() as server:
        load.send(server.url, NUMBERED, np.arange(20) / 100)
        assert server.connections < 10
    quietly = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nshort"  # whole, and then the server hangs up
    with serving(answer=lambda place, body: quietly) as server:
        found = load.send(server.url, NUMBERED, np.arange(10) / 20)
        assert server.connections == 10
    assert found.errors().empty


def test_an_empty_body_is_a_get():
    with serving() as server:
        load.send(server.url + "?full=1", [b""], [0.0])
    assert server.lines == [b"GET /work?full=1 HTTP/1.1"]


def test_it_runs_where_an_event_loop_runs_already():
    async def in_a_notebook():
        with serving() as server:
            return load.send(server.url, NUMBERED, [0.0])

    assert len(asyncio.run(in_a_notebook()).answered) == 1


def test_clients_that_take_turns_have_at_most_one_request_open_each():
    with serving([0.01]) as server:
        found = load.take_turns(server.url, NUMBERED, requests=30, clients=3)
    rows = found.rows
    inside = [((rows["started_s"] < moment) & (rows["done_s"] > moment)).sum() for moment in rows["started_s"] + 1e-6]
    assert max(inside) == 3
    assert sorted(server.bodies) == NUMBERED[:30]
    assert (rows["latency_s"] == rows["done_s"] - rows["started_s"]).all()


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("https://127.0.0.1/", "is not an address such as"),
        ("127.0.0.1:8000", "is not an address such as"),
        ("http://127.0.0.1:99999/", "is not an address such as"),
        ("http://example.org/", "'example.org' is another machine"),
        ("http://10.0.0.1/", "'10.0.0.1' is another machine"),
        ("http://127.0.0.1/a b", "must be escaped"),
    ],
)
def test_a_wrong_address_is_refused(url, says):
    with pytest.raises(ValueError, match=says):
        load.send(url, [b""], [0.0])


@pytest.mark.parametrize("url", ["http://localhost:1/", "http://[::1]:1/", "http://127.3.2.1:1/"])
def test_this_machine_has_several_names(url):
    assert load.send(url, [b""], [0.0], timeout_s=2).rows["status"].tolist() == [0]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"times": []}, "shape"),
        ({"times": [[0.0]]}, "shape"),
        ({"times": [0.0, 2.0, 1.0, 0.5]}, r"2 times .* \(first: times\[2\]=1.0\)"),
        ({"times": [0.0, float("nan")]}, "1 times"),
        ({"times": [-1.0]}, "1 times"),
        ({"times": [601.0]}, "601 seconds"),
        ({"times": np.zeros(100_001)}, "100,001 requests"),
        ({"bodies": []}, "bodies must be a list of bytes"),
        ({"bodies": b"{}"}, "bodies must be a list of bytes"),
        ({"bodies": ["{}"]}, "bodies must be a list of bytes"),
        ({"timeout_s": 0}, "timeout_s is 0"),
        ({"most_open": -1}, "most_open is -1"),
    ],
)
def test_wrong_arguments_are_refused(arguments, says):
    with pytest.raises(ValueError, match=says):
        load.send(**{"url": "http://127.0.0.1:9/", "bodies": [b""], "times": [0.0], **arguments})


@pytest.mark.parametrize(("rate", "seconds"), [(0, 1), (-5, 1), (float("inf"), 1), (10, 0), (1e6, 1), (1, 601)])
def test_an_unbounded_test_is_refused(rate, seconds):
    with pytest.raises(ValueError, match="load: "):
        load.arrivals(rate, seconds, seed=0)
