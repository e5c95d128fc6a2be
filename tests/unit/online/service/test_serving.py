"""The service as a process under traffic: floods, slow clients, swaps in mid-traffic, SIGTERM and SIGKILL."""

import http.client
import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, contextmanager, suppress

import pytest

from mlsd_lib import cli
from mlsd_lib.online import journal, load, service
from mlsd_lib.online.service import Limits
from mlsd_lib.online.versions import Store
from tests.unit.online.service.helpers import (
    QUERIES,
    Slow,
    ask,
    behind,
    counted,
    lexical,
    offline,
    one,
    raw,
    until,
)


@contextmanager
def process(*arguments):
    """A service in a process of its own: the process and its URL; killed at the end if it still runs."""
    command = [sys.executable, "-m", "tests.unit.online.service.slow_service", *map(str, arguments)]
    running = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=cli.checkout())
    try:
        yield running, re.search(r"http://\S+", running.stdout.readline())[0]
    finally:
        if running.poll() is None:
            running.kill()
        running.wait(10)
        running.stdin.close()
        running.stdout.close()


class Clients:
    """Clients that ask one request after the other until they are told to stop; every answer is kept."""

    def __init__(self, url, number):
        self.url, self.stopped = url, threading.Event()
        self.answers, self.broken = [], []
        self.threads = [threading.Thread(target=self._ask, args=(place,)) for place in range(number)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *error):
        self.stopped.set()
        for thread in self.threads:
            thread.join(20)

    def _ask(self, place):
        while not self.stopped.is_set():
            place += 1
            query = QUERIES[place % len(QUERIES)]
            try:
                status, _, answer = ask(self.url, body=one(query, user_id=place % 50))
                self.answers.append((query, status, answer))
            except OSError as error:
                self.broken.append(error)
                return


def test_a_flood_of_three_times_the_capacity_is_shed_and_what_is_accepted_is_in_time_and_right():
    capacity, seconds, limits = 100, 2.0, Limits(answer_s=0.5, queue=40, batch=8)
    queries = QUERIES[:7]
    with service.background(behind(Slow(request_s=1 / capacity)), limits=limits) as url:
        bodies = [json.dumps(one(query)).encode() for query in queries]
        times = load.arrivals(3 * capacity, seconds, seed=0)
        found = load.send(f"{url}/search", bodies, times, timeout_s=5.0, keep_bodies=True)
        after = ask(url, body=one("taxi"))
    rows, system = found.rows, lexical()
    assert set(rows["status"]) == {200, 503}
    accepted = rows[rows["status"] == 200]
    assert (accepted["done_s"] - accepted["started_s"]).max() < limits.answer_s + 0.2
    assert 0.6 * capacity * seconds < len(accepted) < 1.5 * capacity * (seconds + limits.answer_s)
    for place, body in accepted["body"].items():
        [result] = json.loads(body)["results"]
        assert result["shown"] == offline(system, result["request_id"], queries[place % len(queries)])
    refused = [json.loads(body) for body in rows.loc[rows["status"] == 503, "body"]]
    assert {problem["code"] for problem in refused} <= {"queue_full", "too_slow", "too_late"}
    assert after[0] == 200


def test_swaps_in_mid_traffic_lose_no_answer_and_each_is_what_its_version_gives(tmp_path):
    store = Store(tmp_path)
    store.point_to(store.save(lexical()))
    store.save(lexical(seed=1))
    broken = store.save(lexical(seed=2))
    part = next((store.folder / broken).rglob("*.npy"))
    part.write_bytes(part.read_bytes()[:-1])
    systems = {"v0001": lexical(), "v0002": lexical(seed=1)}
    with service.background(store) as url, Clients(url, 4) as clients:
        for round_ in range(3):
            assert ask(url, "/admin/canary", {"version": "v0002", "share": 0.5})[0] == 200
            time.sleep(0.1)
            assert ask(url, "/admin/swap", {"version": "v0002"})[0] == 200
            assert ask(url, "/admin/shadow", {"version": "v0001"})[0] == 200
            status, _, problem = ask(url, "/admin/swap", {"version": broken})
            assert (status, problem["code"]) == (409, "unfit_version")
            assert "v0002 goes on" in problem["message"]
            time.sleep(0.1)
            assert ask(url, "/admin/rollback", {})[2]["current"] == "v0001", round_
    assert clients.broken == []
    seen = set()
    for query, status, answer in clients.answers:
        assert status == 200
        [result] = answer["results"]
        seen.add((result["version"], result["arm"]))
        assert result["shown"] == offline(systems[result["version"]], result["request_id"], query)
    assert seen == {("v0001", "usual"), ("v0002", "usual"), ("v0002", "canary")}
    assert len(clients.answers) > 50


def test_sigterm_answers_everything_that_was_accepted_and_ends_with_success(tmp_path):
    with process(0.3, tmp_path) as (running, url):
        answers: list[tuple] = []
        threads = [threading.Thread(target=lambda q=q: answers.append((q, ask(url, body=one(q))))) for q in QUERIES[:8]]
        for thread in threads:
            thread.start()
        until(lambda: counted(url, "mlsd_open") == 8)
        running.send_signal(signal.SIGTERM)
        for thread in threads:
            thread.join(20)
        assert running.wait(20) == 0
        with pytest.raises(OSError, match="refused"):
            ask(url, "/health")
    assert [status for _, (status, _, _) in answers] == [200] * 8
    for query, (_, _, answer) in answers:
        [result] = answer["results"]
        assert result["shown"] == offline(lexical(), result["request_id"], query)
    assert len(journal.recover(tmp_path).requests) == 8


def test_after_sigkill_the_journal_has_every_answer_and_at_most_those_in_flight_beside(tmp_path):
    with process(0.005, tmp_path) as (running, url):
        with Clients(url, 6) as clients:
            until(lambda: len(clients.answers) > 100)
            running.kill()
        assert running.wait(10) == -signal.SIGKILL
    answered = {answer["results"][0]["request_id"]: answer["results"][0] for _, _, answer in clients.answers}
    kept = journal.recover(tmp_path)
    journalled = kept.requests["request_id"].tolist()
    assert len(set(journalled)) == len(journalled)
    assert set(answered) <= set(journalled)
    assert len(journalled) - len(answered) <= 6
    shown = kept.log.groupby("request_id")["doc_id"].agg(list)
    assert all(shown[name] == [item["doc_id"] for item in result["shown"]] for name, result in answered.items())


def test_a_kill_in_mid_swap_leaves_a_store_that_serves_one_of_the_two(tmp_path):
    store = Store(tmp_path / "store")
    store.point_to(store.save(lexical()))
    store.save(lexical(seed=1))
    with process(0, tmp_path / "journal", store.folder) as (running, url):
        swaps = []

        def swap():
            while True:
                try:
                    swaps.append(ask(url, "/admin/swap", {"version": f"v000{1 + len(swaps) % 2}"}))
                except OSError:
                    return

        thread = threading.Thread(target=swap)
        thread.start()
        until(lambda: len(swaps) > 20)
        running.kill()
        thread.join(10)
    with service.background(Store(store.folder)) as again:
        [result] = ask(again, body=one(QUERIES[0]))[2]["results"]
    system = {"v0001": lexical(), "v0002": lexical(seed=1)}[result["version"]]
    assert result["shown"] == offline(system, result["request_id"], QUERIES[0])
    assert store.versions() == ["v0001", "v0002"]


def test_a_service_ends_when_its_starter_is_gone(tmp_path):
    with process(0, tmp_path) as (running, url):
        assert ask(url, "/health")[0] == 200
        running.stdin.close()
        assert running.wait(15) == 0


HEAD = b"POST /search HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 35\r\n"


def test_slow_clients_are_told_or_cut_off_and_hold_no_worker():
    with service.background(lexical(), limits=Limits(receive_s=0.6)) as url, ExitStack() as stack:
        clients = [stack.enter_context(raw(url)) for _ in range(41)]
        half_a_head, half_a_body, silent = clients[:20], clients[20:40], clients[40]
        begun = time.monotonic()
        for client in half_a_head:
            client.sendall(HEAD)
        for client in half_a_body:
            client.sendall(HEAD + b'\r\n{"requests": [')
        assert all(ask(url, body=one(query))[0] == 200 for query in QUERIES[:10])
        assert time.monotonic() - begun < 0.6
        told = [_rest(client) for client in half_a_body]
        assert all(b" 408 " in text and b"too_slow_a_body" in text for text in told)
        assert [_rest(client) for client in (*half_a_head, silent)] == [b""] * 21
        assert time.monotonic() - begun < 5
        until(lambda: counted(url, "mlsd_open") == 0)


def _rest(client: socket.socket) -> bytes:
    """Whatever comes until the service closes the connection."""
    parts = [b""]
    with suppress(ConnectionResetError):
        while part := client.recv(4_096):
            parts.append(part)
    return b"".join(parts)


def test_a_second_request_on_an_open_connection_may_dawdle_no_longer_than_the_first():
    with service.background(lexical(), limits=Limits(receive_s=1.0)) as url, raw(url) as client:
        client.sendall(b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n")
        answer = b""
        while not answer.endswith(b'{"status":"alive"}'):
            answer += client.recv(4_096)
        client.sendall(b"GET /hea")
        begun = time.monotonic()
        assert _rest(client) == b""
        assert time.monotonic() - begun < 3


def test_clients_that_hang_up_in_the_middle_of_a_body_leave_nothing_open():
    with service.background(lexical()) as url:
        for _ in range(10):
            with raw(url) as client:
                client.sendall(HEAD + b'\r\n{"requests": [')
        until(lambda: counted(url, "mlsd_hung_up_total") == 10)
        assert counted(url, "mlsd_open") == 0
        assert ask(url, body=one("taxi"))[0] == 200


def test_what_is_no_http_gets_a_400_or_nothing():
    with service.background(lexical()) as url:
        with raw(url) as client:
            client.sendall(b"\x16\x03\x01 hello\r\n\r\n")
            assert b" 400 " in client.recv(4_096)
        assert ask(url, body=one("taxi"))[0] == 200


def test_answers_on_an_open_connection_are_not_held_back_until_the_client_acknowledges_their_head():
    parts = []
    with service.background(lexical()) as url:
        connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=10)
        for _ in range(40):
            begun = time.monotonic()
            connection.request("POST", "/search", json.dumps(one("taxi")), {"content-type": "application/json"})
            connection.getresponse().read()
            parts.append(time.monotonic() - begun)
        connection.close()
    assert sorted(parts[20:])[5] < 0.035  # a delayed acknowledgement takes 40 ms; the first few are not delayed


def test_a_port_that_is_taken_is_named():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(ValueError, match=f"port {taken.getsockname()[1]} cannot be had"):
            service.serve(lexical(), port=taken.getsockname()[1])
