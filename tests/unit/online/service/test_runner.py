"""The queue, the worker and its batches, without HTTP."""

import threading
from concurrent.futures import wait

import pytest

from mlsd_lib.architecture import Off
from mlsd_lib.online.service.faces import FACES
from mlsd_lib.online.service.limits import Limits, RefusedError
from mlsd_lib.online.service.live import Plan, Version
from mlsd_lib.online.service.metrics import Meters
from mlsd_lib.online.service.runner import Runner
from tests.unit.online.service.helpers import QUERIES, Allergic, Gate, Slow, behind, lexical, offline, until


@pytest.fixture
def runner():
    """Makes runners, and ends them."""
    made = []

    def make(system, journal=None, **limits):
        made.append(
            Runner(system, face=FACES["search"], limits=Limits(**limits), meters=Meters(), journal=journal, seed=0)
        )
        return made[-1]

    yield make
    for one in made:
        one.close()


def rows(runner, queries, **more):
    return [{"request_id": runner.new_id(), "query": query, "place": "", **more} for query in queries]


def counted(runner, name, *labels):
    meter = getattr(runner.meters, name)
    return (meter.labels(*labels) if labels else meter)._value.get()


class Lines(list):
    """A journal that is a list."""

    def extend(self, records):
        super().extend(list(records))


def test_requests_that_wait_together_are_one_run_and_get_what_each_gets_alone(runner):
    gate = Gate()
    it = runner(behind(gate), answer_s=30.0)
    asked = [rows(it, [query]) for query in QUERIES[:9]]
    first = it.submit(asked[0])
    assert gate.entered.wait(10)
    answers = [first, *(it.submit(row) for row in asked[1:])]
    gate.opened.set()
    for [row], answer in zip(asked, answers, strict=True):
        [served] = answer.result(10).served
        shown = [dict(zip(served.shown, item, strict=True)) for item in zip(*served.shown.values(), strict=True)]
        assert shown == offline(lexical(), row["request_id"], row["query"])
        assert len(shown) > 1
    assert gate.sizes == [1, 8]


def test_a_batch_is_no_larger_than_the_limit_unless_one_body_is(runner):
    gate = Gate()
    it = runner(behind(gate), answer_s=30.0, batch=4)
    first = it.submit(rows(it, QUERIES[:1]))
    assert gate.entered.wait(10)
    answers = [first, *(it.submit(rows(it, QUERIES[:n])) for n in (3, 3, 1, 6, 1))]
    gate.opened.set()
    wait(answers, 10)
    assert gate.sizes == [1, 3, 4, 6, 1]


def test_ids_of_different_kinds_can_wait_together(runner):
    gate = Gate()
    it = runner(behind(gate), answer_s=30.0)
    first = it.submit(rows(it, QUERIES[:1]))
    assert gate.entered.wait(10)
    answers = [it.submit(rows(it, QUERIES[:1], **ids)) for ids in ({"user_id": 7}, {"user_id": "u7"}, {})]
    gate.opened.set()
    lists = [answer.result(10).served[0].shown["doc_id"] for answer in [first, *answers]]
    assert all(lists)
    assert lists.count(lists[0]) == 4


def test_a_full_queue_refuses_at_the_door_and_says_when_to_come_back(runner):
    gate = Gate()
    it = runner(behind(gate), answer_s=30.0, queue=3)
    kept = [it.submit(rows(it, QUERIES[:1]))]
    assert gate.entered.wait(10)
    kept += [it.submit(rows(it, QUERIES[:1])) for _ in range(3)]
    with pytest.raises(RefusedError) as refused:
        it.submit(rows(it, QUERIES[:1]))
    gate.opened.set()
    assert refused.value.status == 503
    assert refused.value.code == "queue_full"
    assert int(refused.value.headers()["retry-after"]) >= 1
    assert all(len(answer.result(10).served) == 1 for answer in kept)


def test_what_waited_too_long_is_refused_without_being_run_and_is_not_in_the_journal(runner):
    slow, journal = Slow(batch_s=0.3), Lines()
    it = runner(behind(slow), journal, answer_s=0.2, batch=1)
    answers = [it.submit(rows(it, QUERIES[:1])) for _ in range(2)]
    for answer in answers:
        with pytest.raises(RefusedError, match=r"longer than 0\.2 s"):
            answer.result(10)
    assert slow.sizes == [1]
    assert journal == []


def test_once_the_time_of_a_run_is_known_a_hopeless_request_is_refused_at_the_door(runner):
    it = runner(behind(Slow(batch_s=0.15)), answer_s=0.4, batch=1)
    it.submit(rows(it, QUERIES[:1])).result(10)
    taken = [it.submit(rows(it, QUERIES[:1]))]
    with pytest.raises(RefusedError, match="at this load"):
        taken += [it.submit(rows(it, QUERIES[:1])) for _ in range(6)]
    assert 1 <= len(taken) <= 4


def test_one_bad_request_fails_alone(runner):
    gate = Gate()
    it = runner(behind(gate, behind(Allergic("bad"))), answer_s=30.0)
    first = it.submit(rows(it, QUERIES[:1]))
    assert gate.entered.wait(10)
    good, bad, other = (it.submit(rows(it, [query])) for query in (QUERIES[0], "bad", QUERIES[1]))
    gate.opened.set()
    assert all(len(answer.result(10).served[0].shown["doc_id"]) > 1 for answer in (first, good, other))
    with pytest.raises(ZeroDivisionError):
        bad.result(10)
    assert counted(it, "failed") == 1


def test_a_request_that_its_client_gave_up_is_not_run(runner):
    gate = Gate()
    it = runner(behind(gate), answer_s=30.0, batch=1)
    first = it.submit(rows(it, QUERIES[:1]))
    assert gate.entered.wait(10)
    given_up, last = (it.submit(rows(it, QUERIES[:1])) for _ in range(2))
    assert given_up.cancel()
    gate.opened.set()
    wait([first, last], 10)
    assert gate.sizes == [1, 1]


def test_draining_answers_what_waits_and_takes_nothing_new(runner):
    gate = Gate()
    it = runner(behind(gate), answer_s=30.0)
    answers = [it.submit(rows(it, QUERIES[:1])) for _ in range(3)]
    assert gate.entered.wait(10)
    it.drain()
    with pytest.raises(RefusedError, match="shutting down"):
        it.submit(rows(it, QUERIES[:1]))
    gate.opened.set()
    it.close()
    assert all(answer.done() and answer.result().served for answer in answers)


def test_the_journal_has_each_answer_before_it_is_out(runner):
    journal = Lines()
    it = runner(lexical(), journal)
    asked = rows(it, QUERIES[:3], user_id=7)
    answer = it.submit(asked).result(10)
    assert [record["request_id"] for record in journal] == [row["request_id"] for row in asked]
    assert [record["shown"] for record in journal] == [served.shown for served in answer.served]
    assert {(record["version"], record["arm"], record["user_id"]) for record in journal} == {("unsaved", "usual", 7)}


def test_a_journal_that_fails_does_not_stop_the_answers_and_is_counted(runner):
    class Full:
        def extend(self, records):
            raise OSError("no space left on device")

    it = runner(lexical(), Full())
    assert it.submit(rows(it, QUERIES[:2])).result(10).served
    assert counted(it, "journal_failed") == 2


def test_a_canary_that_fails_is_replaced_by_the_usual_version(runner):
    it = runner(lexical())
    broken = Version("v0002", behind(Allergic(QUERIES[0])))
    it.releases.plan = Plan(it.releases.plan.usual, canary=broken, share=1.0)
    bad, good = it.submit(rows(it, QUERIES[:1])).result(10), it.submit(rows(it, QUERIES[1:2])).result(10)
    assert (bad.served[0].version, bad.served[0].arm) == ("unsaved", "usual")
    assert (good.served[0].version, good.served[0].arm) == ("v0002", "canary")
    assert bad.served[0].shown["doc_id"]
    assert counted(it, "canary_failed") == 1


def test_a_shadow_is_compared_and_counted_and_never_shown(runner):
    it = runner(lexical())
    for shadow, outcome in ((lexical(), "same"), (lexical(seed=1), "other"), (behind(Allergic(QUERIES[0])), "failed")):
        it.releases.plan = Plan(it.releases.plan.usual, shadow=Version("v0002", shadow))
        [served] = it.submit(rows(it, QUERIES[:1])).result(10).served
        assert served.version == "unsaved"
        assert served.shown["score"] == [item["score"] for item in offline(lexical(), "r", QUERIES[0])]
        until(lambda outcome=outcome: counted(it, "shadow", outcome) == 1)


def test_a_shadow_that_is_slower_than_the_traffic_drops_and_does_not_hold_up_answers(runner):
    it, gate = runner(lexical()), Gate()
    it.releases.plan = Plan(it.releases.plan.usual, shadow=Version("v0002", behind(gate)))
    it.submit(rows(it, QUERIES[:1])).result(10)
    assert gate.entered.wait(10)
    for _ in range(5):
        assert it.submit(rows(it, QUERIES[:1])).result(10).served
    until(lambda: counted(it, "shadow", "dropped") == 4)
    gate.opened.set()
    until(lambda: counted(it, "shadow", "same") == 2)


def test_answers_stay_right_while_a_shadow_of_the_same_kind_runs_beside_them(runner):
    it = runner(lexical(), answer_s=30.0)
    it.releases.plan = Plan(it.releases.plan.usual, shadow=Version("v0002", lexical(seed=1)))
    wrong = []

    def client(place):
        for query in QUERIES[place::4]:
            [row] = asked = rows(it, [query])
            [served] = it.submit(asked).result(30).served
            if served.shown["doc_id"] != [item["doc_id"] for item in offline(lexical_once, row["request_id"], query)]:
                wrong.append(query)

    lexical_once = lexical()
    threads = [threading.Thread(target=client, args=(place,)) for place in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert wrong == []


def test_a_trace_is_run_by_itself_and_tells_every_component(runner):
    it = runner(behind(Off("rewriter")))
    answer = it.submit(rows(it, QUERIES[:2]), trace=True).result(10)
    assert [step["component"] for step in answer.steps] == ["rewriter", "selection"]
    assert answer.steps[1]["items_out"] == sum(len(served.shown["doc_id"]) for served in answer.served)


@pytest.mark.parametrize(
    "bad", [{"batch": 0}, {"queue": 1.5}, {"answer_s": 0}, {"answer_s": float("nan")}, {"open": True}]
)
def test_a_limit_that_makes_no_sense_is_named(bad):
    with pytest.raises(ValueError, match=f"Limits: {next(iter(bad))} is"):
        Limits(**bad)
