"""The key of a page changes with everything that its outputs depend on, and with nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from book.tools import imports, kernel, key, pages
from tests.unit.book.small_book import make, page, replace, write

LIBRARY = {
    "worlds/__init__.py": "",
    "worlds/search.py": "def world():\n    from ..tables import check\n    return check()\n",
    "tables.py": "from mlsd_lib import _columns\n\ndef check():\n    return _columns.NAMES\n",
    "_columns.py": "NAMES = ['a']\n",
    "metrics/__init__.py": "from .ranking import ndcg\n",
    "metrics/ranking.py": "def ndcg():\n    return 1\n",
    "metrics/online.py": "def lift():\n    return 2\n",
    "loader.py": "import importlib\n\ndef load(name):\n    return importlib.import_module(name)\n",
    "schema.json": "{}\n",
}
PAGES = {
    "search": page("from mlsd_lib.worlds import search\nsearch.world()"),
    "metric": page("import mlsd_lib.metrics as m\nm.ndcg()"),
    "plain": page("print(1)"),
}
EVERY = {"search", "metric", "plain"}


@pytest.fixture
def book(tmp_path: Path) -> Path:
    return make(tmp_path, PAGES, LIBRARY)


def changed(root: Path, path: str, old: str, new: str) -> set[str]:
    """The pages whose key changes with an edit; undoing it must give every old key back."""
    before = key.keys(root)
    replace(root / path, old, new)
    after = key.keys(root)
    replace(root / path, new, old)
    assert key.keys(root) == before
    return {name for name in before if before[name] != after[name]}


def test_pages_of_the_table_of_contents_with_a_kernel_are_executable(book: Path) -> None:
    write(book / "stray.md", PAGES["plain"])
    assert pages.docnames(book) == ["index", "search", "metric", "plain"]
    assert [found.docname for found in pages.executable(book)] == ["search", "metric", "plain"]


def test_prose_is_not_part_of_the_key(book: Path) -> None:
    assert changed(book, "search.md", "Some prose.", "Some other prose, and more of it.") == set()


def test_code_is_part_of_the_key(book: Path) -> None:
    assert changed(book, "search.md", "search.world()", "search.world(), 1") == {"search"}


@pytest.mark.parametrize(("tag", "expected"), [("hide-output", set()), ("raises-exception", {"plain"})])
def test_only_tags_that_change_how_a_cell_runs_count(book: Path, tag: str, expected: set[str]) -> None:
    assert changed(book, "plain.md", "ipython3\nprint", f"ipython3\n:tags: [{tag}]\nprint") == expected


@pytest.mark.parametrize(
    ("module", "old", "new", "expected"),
    [
        ("worlds/search.py", "return check()", "return check() + 1", {"search"}),  # imported by a cell
        ("tables.py", "check():", "check(x=1):", {"search"}),  # relative, within a function
        ("_columns.py", "'a'", "'b'", {"search"}),  # two modules further
        ("worlds/__init__.py", "", "# a comment\n", {"search"}),  # the package runs first
        ("metrics/ranking.py", "1", "2", {"metric"}),  # through the package's own file
        ("metrics/online.py", "2", "3", set()),  # of the same package, imported by nothing
        ("__init__.py", "", "X = 1\n", {"search", "metric"}),
        ("schema.json", "{}", "[]", {"search", "metric"}),  # a file that code may read
    ],
)
def test_a_change_in_the_library_reaches_the_pages_that_import_it(
    book: Path, module: str, old: str, new: str, expected: set[str]
) -> None:
    path = book / "mlsd_lib" / module
    if old:
        assert changed(book, f"mlsd_lib/{module}", old, new) == expected
        return
    before = key.keys(book)
    path.write_text(new, "utf8")
    after = key.keys(book)
    assert {name for name in before if before[name] != after[name]} == expected


@pytest.mark.parametrize(
    "code",
    [
        "from mlsd_lib import loader",  # imports importlib
        "__import__('mlsd_lib.worlds.search')",
        "from importlib import import_module",
        "import subprocess",
        "%run script.py",
        "!mlsd real search",
        "exec('import mlsd_lib.worlds.search')",
    ],
)
def test_code_that_imports_dynamically_depends_on_the_whole_library(book: Path, code: str) -> None:
    write(book / "plain.md", page(code))
    assert "plain" in changed(book, "mlsd_lib/metrics/online.py", "return 2", "return 3")


def test_a_star_import_reaches_the_package(book: Path) -> None:
    write(book / "plain.md", page("from mlsd_lib.metrics import *"))
    assert changed(book, "mlsd_lib/metrics/online.py", "return 2", "return 3") == {"plain"}


def test_version_look_ups_are_not_dynamic() -> None:
    assert not imports.imports_of("from importlib.metadata import version\nversion('x')").dynamic


def test_relative_imports_start_from_their_package() -> None:
    found = imports.imports_of("from . import a\nfrom ..b import c", package="mlsd_lib.worlds")
    assert {"mlsd_lib.worlds.a", "mlsd_lib.b.c"} <= found.names


def test_data_reach_every_page(book: Path) -> None:
    assert changed(book, "data/numbers.csv", "1", "2") == EVERY
    before = key.keys(book)
    write(book / "data/more/new.csv", "")
    assert all(before[name] != now for name, now in key.keys(book).items())


def test_a_renamed_data_file_reaches_every_page(book: Path) -> None:
    before = key.keys(book)
    (book / "data/numbers.csv").rename(book / "data/figures.csv")
    assert all(before[name] != now for name, now in key.keys(book).items())


def test_the_lock_reaches_every_page(book: Path) -> None:
    assert changed(book, "requirements.txt", "2.0.0", "2.0.1") == EVERY


def test_the_kernels_variables_reach_every_page(book: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = key.keys(book)
    monkeypatch.setitem(kernel.VARIABLES, "OMP_NUM_THREADS", "2")
    assert all(before[name] != now for name, now in key.keys(book).items())


def test_the_version_of_python_reaches_every_page(book: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Other(tuple):
        major, minor = 3, 99

    before = key.keys(book)
    monkeypatch.setattr(key.sys, "version_info", Other((3, 99)))
    assert all(before[name] != now for name, now in key.keys(book).items())


def test_a_broken_header_names_the_page(book: Path) -> None:
    replace(book / "plain.md", "kernelspec:", "kernelspec: [")
    with pytest.raises(ValueError, match=r"plain\.md: the front matter is not valid YAML"):
        pages.executable(book)
