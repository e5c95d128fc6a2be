"""Build the site: execute what changed, run Jupyter Book, lighten its pages, put them in place."""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import importlib.util
import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from book.tools import pages
from book.tools.serve import lab, serve

__all__ = ["build", "fingerprint", "lab", "missing_openmp", "openmp_advice", "serve"]

# Everything that the site is made from besides the pages of `_toc.yml`. A folder stands for all files below it.
SOURCES = (
    "_config.yml",
    "_toc.yml",
    "book",
    "chapters",
    "mlsd_lib",
    "data",
    "requirements.txt",
    "pyproject.toml",
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE",
)
# What decides how every page looks: Sphinx does not see a change there, so all pages are read again.
FRAME = ("_config.yml", "_toc.yml", "book/ext", "book/static", "requirements.txt")
JUPYTER_BOOK = "from jupyter_book.cli.main import main; main()"  # this Python's, whatever is first on the PATH
# Jupyter Book's imports take longer than reading a page: they are done while the chapters are executed, and the build
# itself starts when a line arrives. Where none does, since a chapter failed, the process ends.
WAITING = f"""
import importlib, sys
for name in ("jupyter_book.sphinx", "myst_nb.sphinx_ext", "myst_nb.core.execute", "jupyter_cache.cache.main",
             "nbclient", "sphinx.builders.html", "sphinx_book_theme", "sphinx_external_toc", "sphinxcontrib.bibtex",
             "sphinx_design", "sphinx_togglebutton", "sphinx_copybutton", "sphinx_thebe", "sphinx_exercise"):
    try:
        importlib.import_module(name)
    except ImportError:
        pass  # not every book uses every extension
if sys.stdin.readline():
    {JUPYTER_BOOK}
"""
SKIPPED = {"__pycache__", ".ipynb_checkpoints"}
ANSI = re.compile(r"\x1b\[[0-9;]*m")


def build(root: Path, *, jobs: int = 2, limit_s: float = 300.0, only_execute: bool = False) -> int:
    """Build the site into `_build/html`, executing only the pages that changed.

    Args:
        root: The root of the book.
        jobs: How many pages are executed at once.
        limit_s: Wall time in seconds that a page's execution may take before it is ended and tried once more.
        only_execute: Whether to stop when every page is executed.

    Returns:
        0 where the site stands, else 1.

    Raises:
        FileNotFoundError: If `root` holds no `_toc.yml`.

    Chapter: How to read this book.
    """
    root = root.resolve()
    start = time.monotonic()
    html, record = root / "_build" / "html", root / "_build" / "site.json"
    inputs = _inputs(root)
    if not only_execute and (html / "index.html").is_file() and _recorded(record).get("inputs") == inputs:
        print(f"Nothing changed since the last build. The site: {html / 'index.html'}")
        return 0
    missing = missing_openmp()
    if missing:
        print(missing, file=sys.stderr)
        return 1

    from book.tools import execute

    if only_execute:
        return execute.execute(root, jobs=jobs, limit_s=limit_s)
    raw = root / "_build" / "raw"
    frame = fingerprint(root, FRAME)
    if _recorded(raw / "frame.json").get("inputs") != frame:
        shutil.rmtree(raw, ignore_errors=True)
    raw.mkdir(parents=True, exist_ok=True)
    with _jupyter_book(root, raw) as sphinx:
        from book.tools import lean, notebooks  # slow to import, while the other process imports too

        if execute.execute(root, jobs=jobs, limit_s=limit_s) != 0:
            return 1
        with ThreadPoolExecutor(1) as ahead:  # while this process would only wait for the other
            downloads = root / "_build" / "notebooks.new"
            shutil.rmtree(downloads, ignore_errors=True)
            waiting: list[Future[object]] = [ahead.submit(lean.warm, raw / "_build" / "html")]
            waiting.append(ahead.submit(notebooks.write_all, root, downloads))
            if not _finish(sphinx, root):
                return 1
        for done in waiting:
            done.result()
    _record(raw / "frame.json", frame)

    fresh = root / "_build" / "html.new"
    shutil.rmtree(fresh, ignore_errors=True)
    lean.lean(raw / "_build" / "html", fresh)
    downloads.rename(fresh / "notebooks")
    record.unlink(missing_ok=True)
    _swap(fresh, html)
    if _inputs(root) == inputs:  # else something was edited meanwhile, and the next build must see it
        _record(record, inputs)
    print(f"Built in {time.monotonic() - start:.0f} s. The site: {html / 'index.html'}")
    return 0


def fingerprint(root: Path, sources: tuple[str, ...]) -> str:
    """A hash of files' names and contents, and of the version of Python.

    Args:
        root: The root of the book.
        sources: Files and folders below it; those that do not exist are passed over.

    Returns:
        A hexadecimal hash.

    Chapter: How to read this book.
    """
    digest = hashlib.sha256(f"{sys.version_info.major}.{sys.version_info.minor}".encode())
    for source in sources:
        place = root / source
        for path in [place] if place.is_file() else sorted(place.rglob("*")):
            if path.is_file() and not SKIPPED & set(path.parts):
                digest.update(path.relative_to(root).as_posix().encode() + b"\0")
                digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def missing_openmp() -> str:
    """Check that LightGBM can be loaded, which needs the system's OpenMP runtime.

    Returns:
        What is missing and how to get it; empty where LightGBM loads, or is not installed.

    Chapter: How to read this book.
    """
    package = importlib.util.find_spec("lightgbm")
    if package is None or package.origin is None:
        return ""
    for name in ("lib_lightgbm.so", "lib_lightgbm.dylib", "lib_lightgbm.dll"):
        path = Path(package.origin).parent / "lib" / name
        if path.is_file():
            try:
                ctypes.CDLL(str(path))
            except OSError as error:
                return openmp_advice(str(error))
    return ""


def openmp_advice(reason: str) -> str:
    """What to do when LightGBM cannot be loaded.

    Args:
        reason: What the operating system said.

    Returns:
        A few sentences.

    Chapter: How to read this book.
    """
    return (
        f"LightGBM cannot be loaded ({reason}). It needs the system's OpenMP runtime: on Debian and Ubuntu "
        "`apt-get install libgomp1`, on Fedora `dnf install libgomp`, on macOS `brew install libomp`. Then run again."
    )


def _inputs(root: Path) -> str:
    return fingerprint(root, (*SOURCES, *(f"{name}.md" for name in pages.docnames(root))))


@contextlib.contextmanager
def _jupyter_book(root: Path, raw: Path) -> Iterator[subprocess.Popen[str]]:
    """Jupyter Book in a process of its own, its imports done, waiting for a line to start; ended on the way out."""
    command = [sys.executable, "-c", WAITING, "build", str(root), "--path-output", str(raw)]
    process = subprocess.Popen(
        [*command, "-W", "--keep-going", "-q"],
        cwd=root,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,  # Ctrl-C reaches this process alone, which then ends the other
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def _finish(sphinx: subprocess.Popen[str], root: Path) -> bool:
    """Let Jupyter Book build; on failure show its warnings and the end of what it said."""
    said, _ = sphinx.communicate("build\n")
    if sphinx.returncode == 0:
        return True
    lines = ANSI.sub("", said).splitlines()
    marked = [line for line in lines if re.search(r"\b(WARNING|ERROR|SEVERE|CRITICAL)\b", line)]
    shown = dict.fromkeys([*marked, *lines[-15:]])
    print(
        "The pages could not be built:\n" + "\n".join(line.replace(f"{root}/", "") for line in shown), file=sys.stderr
    )
    return False


def _swap(fresh: Path, place: Path) -> None:
    old = place.with_name(place.name + ".old")
    shutil.rmtree(old, ignore_errors=True)
    if place.exists():
        place.rename(old)
    fresh.rename(place)
    shutil.rmtree(old, ignore_errors=True)


def _recorded(path: Path) -> dict[str, str]:
    try:
        content = json.loads(path.read_text("utf8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _record(path: Path, inputs: str) -> None:
    path.write_text(json.dumps({"inputs": inputs}), "utf8")
