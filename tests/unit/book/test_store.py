"""The store gives back what was put in, or nothing."""

from __future__ import annotations

import os
from pathlib import Path

import nbformat
import pytest

from book.tools import pages, store
from tests.unit.book.small_book import make, page

RUN = store.Run(seconds=1.5, peak_mib=80.0)


def executed(root: Path, docname: str, shown: str) -> object:
    notebook = pages.read(pages.Page(docname, root / f"{docname}.md"), root)
    for number, cell in enumerate((c for c in notebook.cells if c.cell_type == "code"), start=1):
        cell.execution_count = number
        cell.outputs = [nbformat.v4.new_output("stream", name="stdout", text=shown)]
    return notebook


@pytest.fixture
def book(tmp_path: Path) -> Path:
    return make(tmp_path, {"a": page("x = 1\nprint(x)"), "b": page("x = 1\nprint(x)")})


def outputs(notebook: object) -> list[str]:
    return [cell.outputs[0].text for cell in notebook.cells if cell.cell_type == "code"]


def test_what_was_saved_is_loaded(book: Path) -> None:
    path = store.save(book, "a", "k1", executed(book, "a", "one\ntwo\n"), RUN)
    found = store.load(book, "a", "k1")
    assert found is not None
    assert path.stat().st_mode == (book / "a.md").stat().st_mode  # a web server may read what a build writes
    assert outputs(found.notebook) == ["one\ntwo\n"]
    assert found.run == RUN
    assert store.last_run(book, "a") == RUN
    assert store.load(book, "a", "k2") is None
    assert store.load(book, "b", "k1") is None


@pytest.mark.parametrize(
    "damage", [lambda t: t[: len(t) // 2], lambda t: t.replace("one", "two"), lambda t: "", lambda t: "[]"]
)
def test_a_damaged_entry_is_ignored(book: Path, damage) -> None:
    path = store.save(book, "a", "k1", executed(book, "a", "one"), RUN)
    path.write_text(damage(path.read_text("utf8")), "utf8")
    assert store.load(book, "a", "k1") is None
    assert store.last_run(book, "a") is None
    assert not store.fill_cache(book, pages.Page("a", book / "a.md"), "k1")


def test_an_entry_under_another_name_is_not_taken(book: Path) -> None:
    path = store.save(book, "a", "k1", executed(book, "a", "one"), RUN)
    path.rename(path.with_name("k2.ipynb"))
    assert store.load(book, "a", "k2") is None


def test_an_interrupted_write_leaves_the_old_entry(book: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = store.save(book, "a", "k1", executed(book, "a", "one"), RUN)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            store.save(book, "a", "k1", executed(book, "a", "two"), RUN)
    assert outputs(store.load(book, "a", "k1").notebook) == ["one"]
    assert list(path.parent.iterdir()) == [path]


def test_the_oldest_entries_go_first(book: Path) -> None:
    for number in range(store.KEPT + 3):
        path = store.save(book, "a", f"k{number}", executed(book, "a", str(number)), RUN)
        os.utime(path, (number, number))
    store.save(book, "a", "last", executed(book, "a", "last"), RUN)
    assert store.load(book, "a", "k0") is None
    assert store.load(book, "a", f"k{store.KEPT + 2}") is not None
    assert len(list(path.parent.iterdir())) == store.KEPT


def from_cache(book: Path, name: str) -> list[str]:
    """What MyST-NB would show for a page: the outputs that its cache folder gives to the page's cells."""
    from jupyter_cache import get_cache

    cache = get_cache(str(store.cache_folder(book, name, "k")))
    try:
        _, merged = cache.merge_match_into_notebook(pages.read(pages.Page(name, book / f"{name}.md"), book))
    finally:
        cache.db.dispose()
    return outputs(merged)


def test_pages_with_the_same_cells_keep_their_own_outputs(book: Path) -> None:
    for name in "ab":
        store.save(book, name, "k", executed(book, name, f"of {name}"), RUN)
        assert store.fill_cache(book, pages.Page(name, book / f"{name}.md"), "k")
    assert [from_cache(book, name) for name in "ab"] == [["of a"], ["of b"]]


def test_a_tag_added_later_still_finds_the_outputs(book: Path) -> None:
    found = pages.Page("a", book / "a.md")
    store.save(book, "a", "k", executed(book, "a", "one"), RUN)
    store.fill_cache(book, found, "k")
    found.path.write_text(page("x = 1\nprint(x)", tags="hide-output"), "utf8")
    assert store.fill_cache(book, found, "k")
    assert from_cache(book, "a") == ["one"]


def test_outputs_of_other_cells_are_refused(book: Path) -> None:
    notebook = executed(book, "a", "one")
    (book / "a.md").write_text(page("y = 2"), "utf8")
    with pytest.raises(ValueError, match="other code cells"):
        store.with_outputs(pages.read(pages.Page("a", book / "a.md"), book), notebook)
