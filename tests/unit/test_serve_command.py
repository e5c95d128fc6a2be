"""`mlsd serve NAME`: what is served, what is refused before anything is, and the process that `start` makes."""

import pandas as pd
import pytest

from mlsd_lib import cli, serve_command
from mlsd_lib.online import journal, service
from mlsd_lib.online.service.faces import FACES
from mlsd_lib.online.versions import Store
from mlsd_lib.worlds.search import SearchWorld
from tests.unit.online.service.helpers import QUERIES, lexical, offline


def test_a_store_is_served_from_a_process_of_its_own_and_can_be_administered(tmp_path):
    store = Store(tmp_path / "store")
    store.point_to(store.save(lexical()))
    store.save(lexical(seed=1))
    with service.start(store.folder, journal=tmp_path / "journal", limits=service.Limits(requests=2)) as running:
        assert running.url.startswith("http://127.0.0.1:")
        status, answer = running.ask("/search", {"requests": [{"query": QUERIES[0]}]})
        assert status == 200
        assert running.ask("/search", {"requests": [{"query": "taxi"}] * 3})[0] == 422  # the limit came through
        assert running.ask("/admin/swap", {"version": "v0002"})[1]["current"] == "v0002"
        assert "mlsd_requests_total" in running.ask("/metrics")[1]
    assert not running.alive
    assert running.process.returncode == 0
    [result] = answer["results"]
    assert result["shown"] == offline(lexical(), result["request_id"], QUERIES[0])
    log = journal.read(tmp_path / "journal")
    assert log["request_id"].unique().tolist() == [result["request_id"]]
    assert log["doc_id"].tolist() == [item["doc_id"] for item in result["shown"]]
    assert store.current() == "v0002"


def test_a_process_that_cannot_serve_is_an_error_and_leaves_nothing_running(tmp_path, capfd):
    with pytest.raises(RuntimeError, match="does not listen"):
        service.start(tmp_path)
    assert "no current version" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["serve", "maps"], "no system is called 'maps'"),
        (["serve", "search", "--batch", "0"], "batch is 0"),
        (["serve", "search", "--answer-s", "nan"], "answer_s is nan"),
    ],
)
def test_what_cannot_be_served_is_one_sentence_and_exit_code_two(words, told, capsys):
    assert cli.main(words) == 2
    assert told in capsys.readouterr().err


@pytest.fixture
def served(monkeypatch):
    """What would be served, without serving it."""
    kept = {}
    monkeypatch.setattr(serve_command, "serve", lambda source, **more: kept.update(source=source, **more) or 0)
    return kept


def test_a_saved_system_is_served_as_it_is_or_becomes_the_first_version_of_a_store(tmp_path, served):
    saved = tmp_path / "saved"
    lexical().save(saved)
    request = pd.DataFrame({"request_id": [1], "query": QUERIES[:1]})
    assert cli.main(["serve", str(saved), "--port", "8123"]) == 0
    assert (served["port"], served["host"], served["journal"]) == (8123, "127.0.0.1", None)
    pd.testing.assert_frame_equal(served["source"].run(request), lexical().run(request))
    for _ in range(2):  # the second time, the store has it
        assert cli.main(["serve", str(saved), "--store", str(tmp_path / "store")]) == 0
        assert served["source"].versions() == ["v0001"]
        assert served["source"].current() == "v0001"


def test_another_address_than_loopback_is_warned_of(tmp_path, served, capsys):
    lexical().save(tmp_path / "saved")
    assert cli.main(["serve", str(tmp_path / "saved"), "--host", "0.0.0.0"]) == 0
    assert "open to other machines" in capsys.readouterr().err


@pytest.mark.parametrize("name", serve_command.NAMES)
def test_every_named_system_answers_over_http_what_it_gives_offline(name):
    system, face = serve_command.named(name, size=1_000), FACES[name]
    asked = SearchWorld(seed=0, documents=1_000).documents["title"][0] if name == "search" else "buy tent"
    with service.background(system) as url:
        status, answer = service.Running(url, None).ask(face.path, {"requests": [{"query": asked, "user_id": 7}]})
    assert status == 200
    [result] = answer["results"]
    frame = pd.DataFrame({"request_id": [result["request_id"]], "query": [asked], "user_id": [7]})
    assert [item[face.item] for item in result["shown"]] == system.run(frame)[face.item].tolist()
    assert result["shown"] or name == "ads"


def test_without_a_name_the_built_site_is_served(monkeypatch):
    from book.tools import build

    seen = []
    monkeypatch.setattr(build, "serve", lambda root, port: seen.append((root, port)) or 0)
    assert cli.main(["serve", "--port", "8001"]) == 0
    assert seen == [(cli.checkout(), 8001)]
