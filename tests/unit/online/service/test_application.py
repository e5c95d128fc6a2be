"""What the service answers and refuses, over real HTTP on loopback."""

import asyncio
import json
import re

import httpx
import pytest

from mlsd_lib.online import service
from mlsd_lib.online.service import Limits
from mlsd_lib.online.versions import Store
from mlsd_lib.systems import search
from tests.unit.online.service.helpers import (
    QUERIES,
    Allergic,
    Gate,
    ask,
    behind,
    counted,
    documents,
    lexical,
    offline,
    one,
    until,
)


@pytest.fixture(scope="module")
def url():
    """A service with small limits, for everything that does not change it."""
    with service.background(lexical(), limits=Limits(body_bytes=2_000, requests=5, characters=50)) as where:
        yield where


@pytest.fixture
def released(tmp_path):
    """A service on a store with two versions, the first of them current; and the store."""
    store = Store(tmp_path / "store")
    store.point_to(store.save(lexical()))
    store.save(lexical(seed=1))
    with service.background(store) as where:
        yield where, store


def test_answers_are_what_the_system_gives_offline_in_the_order_of_the_body(url):
    status, _, answer = ask(url, body={"requests": [{"query": query} for query in QUERIES[:5]]})
    assert status == 200
    for query, result in zip(QUERIES, answer["results"], strict=False):
        assert result["shown"] == offline(lexical(), result["request_id"], query)
    assert len({result["request_id"] for result in answer["results"]}) == 5
    assert answer["trace"] == []


def test_a_request_that_finds_nothing_gets_an_empty_list(url):
    assert ask(url, body=one("zebra"))[2]["results"][0]["shown"] == []


def test_a_trace_is_given_on_demand(url):
    [step] = ask(url, body={**one("taxi"), "trace": True})[2]["trace"]
    assert step["component"] == "selection"
    assert step["milliseconds"] > 0


@pytest.mark.parametrize(
    ("body", "status", "where"),
    [
        (b'{"requests": [{"query": "taxi"', 422, ["body", 30]),
        (b"\xff\xfe", 422, ["body"]),
        (b"[" * 1_500, 400, []),
        (b"", 422, ["body"]),
        ({"requests": []}, 422, ["body", "requests"]),
        ({"requests": [{"query": "taxi"}] * 6}, 422, ["body", "requests"]),
        (one("taxi", unknown=1), 422, ["body", "requests", 0, "unknown"]),
        ({**one("taxi"), "unknown": 1}, 422, ["body", "unknown"]),
        (one("x" * 51), 422, ["body", "requests", 0, "query"]),
        (one(7), 422, ["body", "requests", 0, "query"]),
        (b'{"requests": [{"query": "\\ud800"}]}', 422, ["body", "requests", 0, "query"]),
        (b'{"requests": [{"query": NaN}]}', 422, ["body", "requests", 0, "query"]),
        ({"requests": [{"place": "Rome"}]}, 422, ["body", "requests", 0, "query"]),
        (one("taxi", user_id=2**63), 422, ["body", "requests", 0, "user_id"]),
        (one("taxi", user_id=1.5), 422, ["body", "requests", 0, "user_id"]),
        ({**one("taxi"), "trace": "yes"}, 422, ["body", "trace"]),
        (one("x" * 3_000), 413, ["body"]),
    ],
)
def test_what_is_wrong_is_refused_with_its_place_and_a_sentence(url, body, status, where):
    got, _, problem = ask(url, body=body)
    assert got == status
    assert set(problem) == {"code", "message", "where"}
    assert len(problem["message"]) > 10
    assert problem["where"][: len(where)] == where


def test_a_body_that_is_no_json_by_its_header_is_refused(url):
    assert ask(url, body=json.dumps(one("taxi")).encode(), headers={"content-type": "text/plain"})[0] == 422


def test_a_large_body_of_unknown_length_is_cut_off(url):
    def parts():
        for _ in range(50):
            yield b"x" * 1_000

    answer = httpx.post(url + "/search", content=parts(), trust_env=False)
    assert answer.status_code == 413
    assert answer.json()["code"] == "too_large"


def test_other_paths_and_methods_have_typed_refusals(url):
    assert ask(url, "/nowhere")[::2] == (404, {"code": "not_found", "message": "Not Found.", "where": []})
    status, headers, problem = ask(url, "/search")
    assert (status, headers["allow"], problem["code"]) == (405, "POST", "method_not_allowed")


def test_a_request_that_the_system_fails_is_our_fault_and_harms_no_other():
    with service.background(behind(Allergic("bad"))) as where:
        status, _, problem = ask(where, body=one("bad"))
        assert (status, problem["code"]) == (500, "our_fault")
        assert "bad" not in problem["message"]
        assert ask(where, body=one("taxi"))[0] == 200
        assert counted(where, "mlsd_failed_total") == 1


def test_the_documentation_page_loads_nothing_from_elsewhere_and_names_every_path(url):
    status, headers, page = ask(url, "/docs")
    assert status == 200
    assert "default-src 'none'" in headers["content-security-policy"]
    assert not re.search(r"<script|<link|<img|src=|https?://|@import", page)
    description = ask(url, "/openapi.json")[2]
    assert all(f"<code>{path}</code>" in page or f" {path}</code>" in page for path in description["paths"])
    assert "/search" in description["paths"]
    assert "maxLength 50" in page


def test_metrics_count_what_was_sent_and_have_few_labels(url):
    before = counted(url, "mlsd_requests_total")
    ask(url, body={"requests": [{"query": "taxi"}] * 3})
    for place in range(20):
        ask(url, f"/made-up-{place}")
    assert counted(url, "mlsd_requests_total") == before + 3
    text = ask(url, "/metrics")[2]
    assert "made-up" not in text
    assert 'mlsd_http_responses_total{route="other",status="404"}' in text
    assert counted(url, "mlsd_open") == 0


def test_many_bodies_of_one_client_are_too_many_and_many_of_all_are_too_busy():
    gate = Gate()
    with service.background(behind(gate), limits=Limits(client_open=2, open=3, answer_s=20.0)) as where:

        async def scenario():
            async with httpx.AsyncClient(base_url=where, trust_env=False, timeout=20) as client:
                kept = [asyncio.ensure_future(client.post("/search", json=one("taxi"))) for _ in range(2)]
                while ask(where, "/metrics")[2].count("mlsd_open 2.0") == 0:  # reads are let in when all is full
                    await asyncio.sleep(0.01)
                refused = await client.post("/search", json=one("taxi"))
                gate.opened.set()
                return refused, [answer.status_code for answer in await asyncio.gather(*kept)]

        refused, kept = asyncio.run(scenario())
    assert (refused.status_code, refused.json()["code"], refused.headers["retry-after"]) == (429, "too_many", "1")
    assert kept == [200, 200]


def test_a_swap_and_a_rollback_over_http(released):
    where, store = released
    assert ask(where, "/admin/swap", {"version": "v0002"})[2]["current"] == "v0002"
    [result] = ask(where, body=one(QUERIES[0]))[2]["results"]
    assert result["version"] == "v0002"
    assert result["shown"] == offline(lexical(seed=1), result["request_id"], QUERIES[0])
    assert ask(where, "/admin/rollback", {})[2]["current"] == store.current() == "v0001"


def test_canary_users_get_the_canary_and_the_others_the_usual_version(released):
    where, _ = released
    assert ask(where, "/admin/canary", {"version": "v0002", "share": 0.3})[0] == 200
    systems = {"v0001": lexical(), "v0002": lexical(seed=1)}
    seen: dict[int, set[str]] = {}
    for _ in range(2):
        body = {"requests": [{"query": QUERIES[0], "user_id": user} for user in range(60)]}
        for user, result in enumerate(ask(where, body=body)[2]["results"]):
            seen.setdefault(user, set()).add(result["version"])
            assert result["shown"] == offline(systems[result["version"]], result["request_id"], QUERIES[0])
            assert result["arm"] == ("canary" if result["version"] == "v0002" else "usual")
    assert all(len(versions) == 1 for versions in seen.values())
    assert 8 <= sum(versions == {"v0002"} for versions in seen.values()) <= 30
    assert ask(where, "/admin/canary", {"version": None})[2]["canary"] is None


@pytest.mark.parametrize(
    "headers",
    [{"host": "attacker.example"}, {"origin": "http://attacker.example"}, {"x-forwarded-for": "127.0.0.1"}],
)
def test_the_admin_pages_are_closed_to_web_pages_and_proxies(released, headers):
    where, store = released
    assert ask(where, "/admin/swap", {"version": "v0002"}, headers=headers)[0] == 403
    assert store.current() == "v0001"


def test_the_admin_pages_are_closed_to_other_machines():
    application = service.app(lexical())

    async def scenario(client):
        transport = httpx.ASGITransport(application, client=(client, 5_000))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as session:
            return (await session.get("/admin/versions")).status_code, (await session.get("/ready")).status_code

    assert asyncio.run(scenario("10.0.0.7")) == (403, 200)
    assert asyncio.run(scenario("127.0.0.1")) == (200, 200)


def test_served_features_go_to_the_journal_and_not_to_the_client():
    class Lines(list):
        def extend(self, records):
            super().extend(list(records))

    journal, system = Lines(), search.with_features(search.fit(documents()))
    with service.background(system, journal=journal) as where:
        shown = ask(where, body=one("taxi"))[2]["results"][0]["shown"]
    assert set(shown[0]) == {"position", "doc_id", "score"}
    assert len(journal[0]["shown"]["feature_title_match"]) == len(shown)


def test_ready_tells_when_the_service_is_ending():
    application = service.app(lexical())

    async def scenario():
        async with httpx.AsyncClient(transport=httpx.ASGITransport(application), base_url="http://127.0.0.1") as client:
            before = (await client.get("/ready")).status_code
            application.state.runner.drain()
            after = [(await client.get(path)).status_code for path in ("/ready", "/health")]
            return before, *after, (await client.post("/search", json=one("taxi"))).json()["code"]

    assert asyncio.run(scenario()) == (200, 503, 200, "draining")


def test_a_system_without_a_face_is_named():
    strange = type(lexical())("maps", lexical().edge, lexical().components)
    with pytest.raises(ValueError, match="named 'maps'"):
        service.app(strange)


def test_what_is_missing_is_named_with_the_extra_that_brings_it(monkeypatch):
    monkeypatch.setattr(service, "EXTRA", ("fastapi", "no_such_module"))
    with pytest.raises(ModuleNotFoundError, match=r'no_such_module.*pip install "mlsd-lib\[serve\]"'):
        service.app(lexical())


def test_a_client_that_hangs_up_takes_its_request_out_of_the_queue():
    gate = Gate()
    with service.background(behind(gate), limits=Limits(answer_s=20.0, batch=1)) as where:

        async def scenario():
            async with httpx.AsyncClient(base_url=where, trust_env=False, timeout=20) as client:
                first = asyncio.ensure_future(client.post("/search", json=one("taxi")))
                await asyncio.to_thread(gate.entered.wait, 10)
                with pytest.raises(httpx.ReadTimeout):
                    await client.post("/search", json=one("pizza"), timeout=0.2)
                await asyncio.to_thread(until, lambda: counted(where, "mlsd_hung_up_total") == 1)
                gate.opened.set()
                return (await first).status_code

        assert asyncio.run(scenario()) == 200
    assert gate.sizes == [1]
