"""One command builds the site, shows new numbers when the library changed, and does nothing when nothing did."""

from __future__ import annotations

import gzip
import shutil
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

import pytest

from book.tools import build, lean, serve
from tests.unit.book.small_book import make, page, replace, write

# the same code on two pages: only the folder tells their outputs apart
SAME = "import pathlib\nfrom mlsd_lib.law import share\nprint(pathlib.Path.cwd().name, 'has', share())"


@pytest.fixture(autouse=True)
def plain_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """The light-page pass has tests of its own."""
    monkeypatch.setattr(lean, "lean", lambda raw, out: shutil.copytree(raw, out))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("book")
    make(root, {"left/a": page(SAME), "right/a": page(SAME)}, {"law.py": "def share():\n    return 0.25\n"})
    return root


def html(root: Path, docname: str) -> str:
    return (root / "_build/html" / f"{docname}.html").read_text("utf8")


def test_a_book_is_built_and_follows_its_library(built: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert build.build(built) == 0
    assert f"The site: {built / '_build/html/index.html'}" in capsys.readouterr().out
    assert "left has 0.25" in html(built, "left/a")
    assert "right has 0.25" in html(built, "right/a")
    assert (built / "_build/html/notebooks/left/a.ipynb").is_file()

    start = time.monotonic()
    assert build.build(built) == 0
    assert time.monotonic() - start < 1
    assert "Nothing changed" in capsys.readouterr().out

    replace(built / "mlsd_lib/law.py", "0.25", "0.35")  # no page's text changes
    assert build.build(built) == 0
    assert "left has 0.35" in html(built, "left/a")
    assert "right has 0.35" in html(built, "right/a")
    assert "0.35" in (built / "_build/html/notebooks/right/a.ipynb").read_text("utf8")

    replace(built / "mlsd_lib/law.py", "0.35", "0.25")
    capsys.readouterr()
    assert build.build(built) == 0
    assert "left/a:" not in capsys.readouterr().out  # nothing was executed
    assert "left has 0.25" in html(built, "left/a")


def test_jupyter_book_alone_shows_the_right_numbers(built: Path, tmp_path: Path) -> None:
    root = shutil.copytree(built, tmp_path / "copy")
    replace(root / "mlsd_lib/law.py", "0.25", "0.45")
    command = [sys.executable, "-c", build.JUPYTER_BOOK, "build", str(root), "-q", "-W", "--keep-going"]
    subprocess.run(command, check=True, capture_output=True)
    assert "left has 0.45" in html(root, "left/a")
    assert "right has 0.45" in html(root, "right/a")


def test_a_failing_page_leaves_the_site_as_it_was(built: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert build.build(built) == 0
    before = html(built, "left/a")
    text = (built / "left/a.md").read_text("utf8")
    try:
        write(built / "left/a.md", page("1 / 0"))
        assert build.build(built) == 1
        assert "left/a failed\ncode cell 1, a.md line" in capsys.readouterr().err
        write(built / "left/a.md", text.replace("Some prose.", "See {ref}`nowhere`."))
        assert build.build(built) == 1
        printed = capsys.readouterr().err
        assert "left/a.md" in printed
        assert "WARNING: undefined label: 'nowhere'" in printed
        assert html(built, "left/a") == before
    finally:
        write(built / "left/a.md", text)


def test_a_new_title_reaches_the_navigation_of_every_page(built: Path) -> None:
    assert build.build(built) == 0
    replace(built / "left/a.md", "# Page", "# Renamed")
    assert build.build(built) == 0
    assert "Renamed" in html(built, "right/a")


def test_only_executing_builds_no_site(tmp_path: Path) -> None:
    root = make(tmp_path, {"a": page("1")})
    assert build.build(root, only_execute=True) == 0
    assert not (root / "_build/html").exists()


def test_a_missing_openmp_runtime_is_explained(monkeypatch: pytest.MonkeyPatch, capsys, tmp_path: Path) -> None:
    assert build.missing_openmp() == ""

    def refuse(path: str) -> None:
        raise OSError("libgomp.so.1: cannot open shared object file")

    monkeypatch.setattr(build.ctypes, "CDLL", refuse)
    assert build.build(make(tmp_path, {"a": page("1")})) == 1
    printed = capsys.readouterr().err
    assert "libgomp.so.1" in printed
    assert "apt-get install libgomp1" in printed


@pytest.fixture
def site(tmp_path: Path):
    write(tmp_path / "_build/html/index.html", "<p>hello</p>" * 100)
    write(tmp_path / "_build/html/picture.bin", "x")
    with serve.server(tmp_path, 0) as httpd:
        thread = threading.Thread(target=httpd.serve_forever)
        thread.start()
        yield tmp_path, httpd.server_address[1]
        httpd.shutdown()
        thread.join()


def test_the_site_is_served_packed(site) -> None:
    _, port = site
    request = urllib.request.Request(f"http://127.0.0.1:{port}/", headers={"Accept-Encoding": "gzip"})
    with urllib.request.urlopen(request) as answer:
        assert answer.headers["Content-Encoding"] == "gzip"
        assert answer.headers["Content-Type"] == "text/html"
        assert gzip.decompress(answer.read()) == b"<p>hello</p>" * 100
    for path in ("index.html", "picture.bin"):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}") as answer:
            assert answer.headers["Content-Encoding"] is None
            assert answer.status == 200


def test_a_taken_port_is_said(site, capsys: pytest.CaptureFixture[str]) -> None:
    root, port = site
    assert serve.serve(root, port) == 1
    assert f"Port {port} is taken by another program. Choose another one" in capsys.readouterr().err


def test_a_site_that_was_not_built_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert serve.serve(tmp_path) == 1
    assert "has not been built" in capsys.readouterr().err
