import contextlib
import hashlib
import json
import os
import pickle
import threading

import numpy as np
import pandas as pd
import pytest

from mlsd_lib import storage
from mlsd_lib.online import disk, versions
from mlsd_lib.online.versions import Store
from mlsd_lib.systems import search
from tests.unit.online.kills import deaths

DOCUMENTS = pd.DataFrame(
    {"doc_id": ["d9", "d1"], "title": ["Pizza", "Taxi"], "text": ["thin crust", "all night, pizza delivered"]}
)
REQUESTS = pd.DataFrame({"request_id": [1, 2], "query": ["pizza at night", "taxi"]})


@pytest.fixture
def store(tmp_path):
    """A store of two versions that show one document and two, the second of them current."""
    store = Store(tmp_path / "store")
    for show in (1, 2):
        store.point_to(store.save(search.fit(DOCUMENTS, show=show)))
    return store


def rewrite(folder, part, content):
    """Change a part of a version, and its hash in the manifest too, as one who means harm would."""
    (folder / part).write_bytes(content)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"][part] = hashlib.sha256(content).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest))


def test_versions_are_counted_and_each_gives_the_rows_of_the_system_that_was_saved(store):
    assert store.versions() == ["v0001", "v0002"]
    for version, show in (("v0001", 1), ("v0002", 2)):
        expected = search.fit(DOCUMENTS, show=show).run(REQUESTS)
        pd.testing.assert_frame_equal(Store(store.folder).load(version).run(REQUESTS), expected, check_exact=True)


def test_what_is_current_and_what_was_before_lead_there_and_back(store):
    assert (store.current(), store.previous()) == ("v0002", "v0001")
    store.save(search.fit(DOCUMENTS))
    assert (store.current(), store.previous()) == ("v0002", "v0001")
    store.point_to("v0002")
    assert (store.current(), store.previous()) == ("v0002", "v0001")
    store.point_to("v0003")
    assert (Store(store.folder).current(), Store(store.folder).previous()) == ("v0003", "v0002")
    store.point_to(store.previous())
    assert (store.current(), store.previous()) == ("v0002", "v0003")


def test_a_new_store_has_no_version_and_points_to_none(tmp_path):
    store = Store(str(tmp_path / "new" / "store"))
    assert (store.versions(), store.current(), store.previous()) == ([], None, None)
    assert store.save(search.fit(DOCUMENTS)) == "v0001"
    assert (store.current(), store.previous()) == (None, None)
    store.point_to("v0001")
    assert (store.current(), store.previous()) == ("v0001", None)


def test_the_number_after_9999_comes_after_it(store):
    (store.folder / "v0002").rename(store.folder / "v9999")
    assert store.save(search.fit(DOCUMENTS)) == "v10000"
    assert store.versions() == ["v0001", "v9999", "v10000"]
    assert store.save(search.fit(DOCUMENTS)) == "v10001"


def test_a_version_that_is_not_there_is_refused_with_those_that_are(store):
    for act in (store.load, store.point_to):
        for name in ("v0003", "../store/v0001", "", "v0001/"):
            with pytest.raises(ValueError, match=r"has no version '.*'; it has v0001, v0002\."):
                act(name)
    assert store.current() == "v0002"


# Kills


SAVES = """
kept = Store(folder)
while True:
    version = kept.save(SYSTEM)
    acknowledge(version)
    kept.point_to(version)
    acknowledge("points to " + version)
"""
IMPORTS = """
import numpy, pandas
from mlsd_lib.online.versions import Store
from mlsd_lib.systems import search
SYSTEM = search.fit(pandas.DataFrame({"doc_id": range(300), "title": "Pizza", "text": "thin crust"}))
"""


def test_a_kill_in_the_middle_of_a_save_leaves_whole_versions_and_what_was_current(tmp_path):
    folders = [tmp_path / str(place) for place in range(6)]
    saved = unfinished = 0
    for folder, told in deaths(IMPORTS, SAVES, folders, seed=0, step=1, longest_s=0.1):
        store = Store(folder)
        there = store.versions()
        accepted = [line for line in told if line.startswith("v")]
        assert there[: len(accepted)] == accepted
        assert len(there) - len(accepted) <= 1
        for version in there:
            assert len(store.load(version).run(REQUESTS)) == 10
        pointed = [line.removeprefix("points to ") for line in told if line.startswith("points")]
        last = pointed[-1] if pointed else None
        assert store.current() in (last, accepted[-1] if accepted else None)
        assert store.previous() is None or store.previous() in there
        saved += len(there)
        unfinished += len(list(folder.glob(f"{versions.UNFINISHED}*"))) if folder.exists() else 0
        if there:
            following = store.save(search.fit(DOCUMENTS))
            assert int(following[1:]) == int(there[-1][1:]) + 1
    assert saved > 3
    assert unfinished > 0  # so some were killed in the middle


@pytest.mark.parametrize("step", [(storage, "save"), (disk, "sync_tree"), (disk, "sync_folder")])
def test_a_save_that_fails_leaves_no_half_version(store, monkeypatch, step):
    def fails(*_):
        raise OSError("No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(*step, fails)
        with pytest.raises(OSError, match="No space"):
            store.save(search.fit(DOCUMENTS))
    assert not list(store.folder.glob(".*"))
    assert store.current() == "v0002"
    for version in store.versions():
        store.load(version)


def test_what_a_killed_save_left_long_ago_is_cleared_away_and_one_at_work_is_not(store):
    old, young = (store.folder / f"{versions.UNFINISHED}{name}" for name in ("old", "young"))
    for folder in (old, young):
        (folder / "system").mkdir(parents=True)
    os.utime(old, (0, 0))
    store.save(search.fit(DOCUMENTS))
    assert not old.exists()
    assert young.exists()


def test_saves_at_the_same_time_get_versions_of_their_own(store):
    names, start = [], threading.Barrier(4)

    def save(show):
        system = search.fit(DOCUMENTS, show=show)
        start.wait(10)
        names.append((Store(store.folder).save(system), show))

    threads = [threading.Thread(target=save, args=(show,)) for show in (3, 4, 5, 6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(name for name, _ in names) == ["v0003", "v0004", "v0005", "v0006"]
    assert all(store.load(name)["page"].show == show for name, show in names)


def test_a_name_taken_meanwhile_is_not_replaced(store, monkeypatch):
    before = (store.folder / "v0002" / "manifest.json").read_bytes()
    monkeypatch.setattr(store, "versions", lambda: ["v0001"])  # as this process saw it a moment ago
    assert store.save(search.fit(DOCUMENTS)) == "v0003"
    assert (store.folder / "v0002" / "manifest.json").read_bytes() == before


def test_readers_see_the_old_pair_or_the_new_one_while_it_is_pointed_elsewhere(store):
    stop, odd, seen = threading.Event(), [], set()

    def look():
        while not stop.is_set():
            told = json.loads((store.folder / versions.POINTER).read_bytes())
            seen.add(store.current())
            if {told["current"], told["previous"]} != {"v0001", "v0002"}:
                odd.append(told)

    def surely():
        try:
            look()
        except Exception as error:
            odd.append(error)

    threads = [threading.Thread(target=surely) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for place in range(100):
            store.point_to(("v0001", "v0002")[place % 2])
    finally:
        stop.set()
        for thread in threads:
            thread.join(10)
    assert not odd
    assert seen == {"v0001", "v0002"}


def test_a_pointer_that_cannot_be_written_stays_what_it_was(store, monkeypatch):
    def fails(*_):
        raise OSError("No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", fails)
        with pytest.raises(OSError, match="No space"):
            store.point_to("v0001")
    assert store.current() == "v0002"
    assert sorted(path.name for path in store.folder.iterdir()) == ["current.json", "v0001", "v0002"]


# What is refused


def test_any_flipped_byte_is_refused_or_changes_nothing(store):
    folder, expected = store.folder / "v0001", store.load("v0001").run(REQUESTS)
    refused = 0
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        whole = path.read_bytes()
        for place in {0, len(whole) // 3, len(whole) - 1} if whole else ():
            path.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
            if path.name != "manifest.json":
                with pytest.raises(ValueError, match=r"v0001 is damaged: .* is not what was saved"):
                    store.load("v0001")
                refused += 1
            else:  # it may be the spelling of a space, or the version of the library
                with contextlib.suppress(ValueError):
                    pd.testing.assert_frame_equal(store.load("v0001").run(REQUESTS), expected, check_exact=True)
            path.write_bytes(whole)
    assert refused > 20
    pd.testing.assert_frame_equal(store.load("v0001").run(REQUESTS), expected, check_exact=True)


def test_a_version_without_its_manifest_is_refused(store):
    (store.folder / "v0001" / "manifest.json").unlink()
    with pytest.raises(ValueError, match=r"v0001 holds no saved system \(manifest\.json is missing\)"):
        store.load("v0001")


@pytest.mark.parametrize("path", ["../../secret.txt", "/etc/passwd", "page/../../v0002/page/data.json", "model.pkl"])
def test_a_manifest_that_names_a_path_outside_or_another_kind_of_file_is_refused(store, path):
    folder = store.folder / "v0001"
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"][path] = "0" * 64
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ValueError, match=f"the manifest of v0001 names '{path}', which no save writes"):
        store.load("v0001")


class Harm:
    """Unpickling this makes a folder."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


def test_a_pickle_is_refused_and_never_opened(store, tmp_path):
    harm = pickle.dumps(Harm(tmp_path / "harmed"))
    folder = store.folder / "v0001"
    whole = (folder / "selection" / "popularity.npy").read_bytes()
    rewrite(folder, "selection/popularity.npy", harm)
    with pytest.raises(ValueError, match="v0001 is damaged"):
        store.load("v0001")
    with (tmp_path / "objects.npy").open("wb") as file:
        np.save(file, np.array([Harm(tmp_path / "harmed")], dtype=object), allow_pickle=True)
    rewrite(folder, "selection/popularity.npy", (tmp_path / "objects.npy").read_bytes())
    with pytest.raises(ValueError, match=r"v0001 is damaged.*pickle"):
        store.load("v0001")
    rewrite(folder, "selection/popularity.npy", whole)
    store.load("v0001")
    (folder / "ranker" / "model.pkl").write_bytes(harm)
    with pytest.raises(ValueError, match=r"does not list, or links \(1; first: 'ranker/model\.pkl'\)"):
        store.load("v0001")
    assert not (tmp_path / "harmed").exists()


def test_a_link_is_refused(store, tmp_path):
    part = store.folder / "v0001" / "page" / "data.json"
    part.rename(tmp_path / "data.json")
    part.symlink_to(tmp_path / "data.json")
    with pytest.raises(ValueError, match=r"or links \(1; first: 'page/data\.json'\)"):
        store.load("v0001")


def test_what_no_check_foresaw_is_still_a_sentence(store):
    folder = store.folder / "v0001"
    huge = b"\x93NUMPY\x01\x00v\x00" + b"{'descr': '<f8', 'fortran_order': False, 'shape': (10000000000000,), }".ljust(
        117
    )
    rewrite(folder, "selection/popularity.npy", huge + b"\n")
    with pytest.raises(ValueError, match="v0001 is damaged"):
        store.load("v0001")
    (folder / "manifest.json").write_text("[" * 100_000)
    with pytest.raises(ValueError, match="v0001 is damaged"):
        store.load("v0001")


def test_a_system_of_a_kind_that_is_not_known_here_is_refused(store):
    folder = store.folder / "v0001"
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["edge"] = "another"
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ValueError, match=r"v0001 is a system of kind 'another' that is not known here"):
        store.load("v0001")


def test_folders_that_are_no_store_are_refused(store, tmp_path):
    with pytest.raises(ValueError, match="is one saved system and no store of versions"):
        Store(store.folder / "v0001")
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(ValueError, match=r"thesis\.txt is a file"):
        Store(tmp_path / "thesis.txt")
    assert Store(tmp_path).versions() == []


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[1]", b'{"current": "../x", "previous": null}', b'{"current": "v0001", "previous": 3}']
)
def test_a_pointer_that_says_nothing_is_refused_and_can_be_set_anew(store, content):
    path = store.folder / versions.POINTER
    path.write_bytes(content)
    for ask in (store.current, store.previous, lambda: store.point_to("v0001")):
        with pytest.raises(ValueError, match=r"does not say which version is current.*one of v0001, v0002\."):
            ask()
    path.unlink()
    store.point_to("v0001")
    assert store.current() == "v0001"
