import hashlib
import json
import os
import pickle
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from mlsd_lib import storage
from mlsd_lib.architecture import Batch, State, System
from mlsd_lib.systems import search

DOCUMENTS = pd.DataFrame(
    {"doc_id": ["d9", "d1"], "title": ["Pizza", "Taxi"], "text": ["thin crust", "all night, pizza delivered"]}
)
REQUESTS = pd.DataFrame({"request_id": [1, 2], "query": ["pizza at night", "taxi"]})


@pytest.fixture
def saved(tmp_path):
    folder = tmp_path / "system"
    search.fit(DOCUMENTS).save(folder)
    return folder


def rewrite(folder, part, content, *, honest):
    """Change a part of a saved system, and its hash in the manifest too if the change shall look honest."""
    (folder / part).write_bytes(content)
    if honest:
        manifest = json.loads((folder / "manifest.json").read_text())
        manifest["files"][part] = hashlib.sha256(content).hexdigest()
        (folder / "manifest.json").write_text(json.dumps(manifest))


def npy(values, path, **options):
    with path.open("wb") as file:
        np.save(file, values, **options)
    return path.read_bytes()


@pytest.mark.parametrize("ids", [["d9", "d1"], [7, -3]])
def test_a_loaded_system_gives_identical_rows(tmp_path, ids):
    system = search.fit(DOCUMENTS.assign(doc_id=ids), keep=3, block=7)
    system.save(tmp_path / "a" / "system")
    loaded = System.load(str(tmp_path / "a" / "system"))
    pd.testing.assert_frame_equal(loaded.run(REQUESTS), system.run(REQUESTS), check_exact=True)
    assert (loaded.name, loaded["selection"].keep, loaded["selection"].block) == ("search", 3, 7)


def test_the_same_system_is_saved_as_the_same_bytes(tmp_path, saved):
    search.fit(DOCUMENTS).save(tmp_path / "again")
    names = sorted(path.relative_to(saved) for path in saved.rglob("*"))
    assert names == sorted(path.relative_to(tmp_path / "again") for path in (tmp_path / "again").rglob("*"))
    for name in names:
        if (saved / name).is_file():
            assert (saved / name).read_bytes() == (tmp_path / "again" / name).read_bytes()


def test_another_process_loads_it_once_the_kind_is_imported(saved):
    code = (
        "import sys; from mlsd_lib.architecture import System\n"
        "try: System.load(sys.argv[1])\n"
        "except ValueError as error: print(error)\n"
        "from mlsd_lib.systems import search\n"
        "print(System.load(sys.argv[1]).name)"
    )
    output = subprocess.run([sys.executable, "-c", code, str(saved)], capture_output=True, text=True, check=True).stdout
    refused, name = output.splitlines()
    assert (
        "is a system of kind 'search' that is not known here. Its components were defined in 'mlsd_lib.sys" in refused
    )
    assert name == "search"


def test_saving_again_replaces_the_system_and_leaves_nothing_beside_it(saved):
    search.fit(DOCUMENTS, keep=1).save(saved)
    assert System.load(saved)["selection"].keep == 1
    assert [path.name for path in saved.parent.iterdir()] == ["system"]


def test_a_folder_with_something_else_is_left_alone(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    with pytest.raises(ValueError, match="exists and holds no saved system, so it is left alone"):
        search.fit(DOCUMENTS).save(tmp_path / "mine")
    with pytest.raises(ValueError, match="exists and holds no saved system"):
        search.fit(DOCUMENTS).save(tmp_path / "mine" / "thesis.txt")
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years of work"


def test_a_save_that_fails_half_way_keeps_what_was_there(saved, monkeypatch):
    before = System.load(saved).run(REQUESTS)
    monkeypatch.setattr(storage.os, "replace", lambda *paths: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        search.fit(DOCUMENTS, keep=1).save(saved)
    pd.testing.assert_frame_equal(System.load(saved).run(REQUESTS), before)
    assert [path.name for path in saved.parent.iterdir()] == ["system"]


def test_what_was_never_a_saved_system_is_told_apart(tmp_path, saved):
    with pytest.raises(ValueError, match="holds no saved system"):
        System.load(tmp_path / "nowhere")
    (saved / "manifest.json").write_text('{"format": "something else"}')
    with pytest.raises(ValueError, match="is not the manifest of a saved system"):
        System.load(saved)
    (saved / "manifest.json").write_text("{")
    with pytest.raises(ValueError, match=r"is damaged: manifest\.json cannot be read"):
        System.load(saved)


@pytest.mark.parametrize("part", ["selection/weight.npy", "selection/data.json"])
def test_a_truncated_altered_or_missing_part_is_refused(saved, part):
    content = (saved / part).read_bytes()
    for damaged in (content[:-1], content[:-1] + bytes([content[-1] ^ 1]), b""):
        rewrite(saved, part, damaged, honest=False)
        with pytest.raises(ValueError, match=f"is damaged: {part} is not what was saved"):
            System.load(saved)
    (saved / part).unlink()
    with pytest.raises(ValueError, match=f"is damaged: {part} is missing"):
        System.load(saved)


def test_two_saves_of_the_same_system_do_not_differ(tmp_path, saved):
    search.fit(DOCUMENTS).save(tmp_path / "again")
    assert storage.compare(saved, tmp_path / "again").empty
    assert list(storage.compare(saved, tmp_path / "again").columns) == ["component", "part", "change"]


def test_a_comparison_names_the_setting_the_share_of_values_and_the_shape_that_differ(tmp_path, saved):
    search.fit(DOCUMENTS, keep=3, show=5).save(tmp_path / "settings")
    assert storage.compare(saved, tmp_path / "settings").to_numpy().tolist() == [
        ["page", "data.json", "show"],
        ["selection", "data.json", "keep"],
    ]
    changed = np.load(saved / "selection" / "popularity.npy")
    changed[1] += 1
    search.fit(DOCUMENTS).save(tmp_path / "values")
    rewrite(tmp_path / "values", "selection/popularity.npy", npy(changed, tmp_path / "a.npy"), honest=True)
    assert storage.compare(saved, tmp_path / "values").to_numpy().tolist() == [
        ["selection", "popularity.npy", "50.00% of 2 values"]
    ]
    search.fit(pd.concat([DOCUMENTS, DOCUMENTS.assign(doc_id=["x", "y"])])).save(tmp_path / "shapes")
    grown = storage.compare(saved, tmp_path / "shapes").set_index(["component", "part"])["change"]
    assert grown["selection", "popularity.npy"] == "shape (2,) -> (4,)"


def test_a_comparison_tells_other_components_kinds_and_orders(tmp_path, saved, monkeypatch):
    monkeypatch.setitem(storage.KINDS, "odd", storage.Kind(Odd, lambda name, state: Odd(state)))
    system = search.fit(DOCUMENTS)
    odd = system.replace(selection=Odd(State(texts={"note": "a\nb\n"})))
    System("search", odd.edge, (*odd.components[1:], odd.components[0])).save(tmp_path / "odd")
    rows = storage.compare(saved, tmp_path / "odd").to_numpy().tolist()
    assert rows[0][:2] == ["", "order"]
    assert rows[0][2].endswith(" -> understanding, selection, ranker, page, rewriter")
    assert ["selection", "kind", "lexical-selection -> odd"] in rows
    assert ["selection", "weight.npy", "only in the old one"] in rows
    assert ["selection", "note.txt", "only in the new one"] in rows
    system.replace(selection=Odd(State(texts={"note": "a\n"}))).save(tmp_path / "other")
    rows = storage.compare(tmp_path / "odd", tmp_path / "other").to_numpy().tolist()
    assert ["selection", "note.txt", "text of 2 -> 1 lines"] in rows


def test_a_damaged_system_is_not_compared(tmp_path, saved):
    search.fit(DOCUMENTS).save(tmp_path / "again")
    rewrite(tmp_path / "again", "page/data.json", b"{}", honest=False)
    for old, new in ((saved, tmp_path / "again"), (tmp_path / "again", saved)):
        with pytest.raises(ValueError, match=r"again is damaged: page/data\.json is not what was saved"):
            storage.compare(old, new)


def test_a_newer_format_is_refused_with_what_to_do(saved):
    manifest = json.loads((saved / "manifest.json").read_text())
    (saved / "manifest.json").write_text(json.dumps(manifest | {"version": 2, "library": "9.1"}))
    with pytest.raises(ValueError, match=r"saved in format 2 by version 9\.1 of the library.*Update mlsd-lib"):
        System.load(saved)


@pytest.mark.parametrize(
    "change",
    [
        {"components": []},
        {"components": [{"name": "selection"}]},
        {"components": [{"name": "absent", "kind": "lexical-selection", "defined_in": "x"}]},
        {"files": {"../secret.npy": "0" * 64}},
        {"files": []},
        {"edge": 3},
    ],
)
def test_a_manifest_that_lists_nonsense_is_refused(saved, change):
    manifest = json.loads((saved / "manifest.json").read_text())
    (saved / "manifest.json").write_text(json.dumps(manifest | change))
    with pytest.raises(ValueError, match="lacks what it should list"):
        System.load(saved)


class Bomb:
    """Unpickling it writes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


def test_no_code_of_a_file_is_run(saved, tmp_path):
    target = tmp_path / "exploded"
    bombs = [
        npy(np.array([Bomb(str(target))], dtype=object), tmp_path / "bomb.npy", allow_pickle=True),
        pickle.dumps(Bomb(str(target))),
    ]
    for bomb in bombs:
        rewrite(saved, "selection/weight.npy", bomb, honest=True)
        with pytest.raises(ValueError, match="is damaged"):
            System.load(saved)
        assert not target.exists()
    manifest = json.loads((saved / "manifest.json").read_text())
    manifest["components"][0] |= {"kind": "os.system", "defined_in": "antigravity"}
    (saved / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ValueError, match=r"of kind 'os\.system' that is not known here"):
        System.load(saved)
    assert "antigravity" not in sys.modules


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("document", lambda values: values + 1_000_000),
        ("document", lambda values: values - 5),
        ("document", lambda values: values[:-1]),
        ("start", lambda values: values[::-1]),
        ("start", lambda values: values * 2),
        ("start", lambda values: values.astype(float)),
        ("weight", lambda values: values[:, None]),
        ("weight", lambda values: values.astype(float)),
    ],
)
def test_an_index_that_would_be_read_beyond_its_end_is_refused(saved, tmp_path, name, change):
    part = f"selection/{name}.npy"
    rewrite(saved, part, npy(change(np.load(saved / part)), tmp_path / "changed.npy"), honest=True)
    with pytest.raises(ValueError, match="is damaged: the index of component 'selection' is not consistent"):
        System.load(saved)


@pytest.mark.parametrize("change", [{"keep": 0}, {"keep": "many"}, {"vocabulary": 3}, {"vocabulary": ["a"]}])
def test_settings_that_cannot_be_are_refused(saved, change):
    data = json.loads((saved / "selection" / "data.json").read_text())
    rewrite(saved, "selection/data.json", json.dumps(data | change).encode(), honest=True)
    with pytest.raises(ValueError, match="is damaged"):
        System.load(saved)


class Odd:
    """A component whose state is what it is given."""

    name = "selection"

    def __init__(self, state):
        self.held = state

    def __call__(self, batch):
        return Batch(batch.requests)

    def state(self):
        return self.held


def test_a_component_that_could_not_be_loaded_again_is_not_saved(tmp_path, monkeypatch):
    system = search.fit(DOCUMENTS).replace(selection=Odd(State()))
    with pytest.raises(ValueError, match="component 'selection' is a Odd, a kind that is not registered"):
        system.save(tmp_path / "system")
    monkeypatch.setitem(storage.KINDS, "odd", storage.Kind(Odd, lambda name, state: Odd(state)))
    for state, told in [
        (State(arrays={"names": np.array(["a"])}), "arrays hold numbers or booleans"),
        (State(json={"when": {1, 2}}), "has what JSON cannot hold"),
        (State(json={"share": float("nan")}), "has what JSON cannot hold"),
        (State(arrays={"../../up": np.zeros(1)}), "has a part '../../up'; names of .* become file names"),
        (State(texts={"größe": ""}), "use ASCII letters"),
    ]:
        with pytest.raises(ValueError, match=told):
            search.fit(DOCUMENTS).replace(selection=Odd(state)).save(tmp_path / "system")
        assert not list(tmp_path.iterdir())
    kept = State(arrays={"yes": np.array([True])}, json={"a": [1, "ü"]}, texts={"model": "tree\r\n=1\n"})
    search.fit(DOCUMENTS).replace(selection=Odd(kept)).save(tmp_path / "system")
    loaded = System.load(tmp_path / "system")["selection"].state()
    assert loaded.arrays["yes"].tolist() == [True]
    assert (loaded.json, loaded.texts) == (kept.json, kept.texts)
