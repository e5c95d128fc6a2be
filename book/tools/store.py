"""The store of executed pages, `_build/executed/<page>/<key>.ipynb`, and how Sphinx gets its outputs from there.

An entry is written beside its place and renamed, so it is there whole or not at all; one that was damaged later is
noticed by its checksum and treated as missing. Old keys stay, so that undoing a change finds the outputs it had.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from book.tools import pages

KEPT = 20  # entries kept for a page; the oldest go first
RUN = "mlsd_run"  # the notebook's metadata that holds its `Run`


@dataclass(frozen=True)
class Run:
    """How an execution went.

    Attributes:
        seconds: Wall time, kernel start included.
        peak_mib: Largest memory of the kernel in MiB; None where the operating system does not tell.
    """

    seconds: float
    peak_mib: float | None


@dataclass(frozen=True)
class Entry:
    """An executed page.

    Attributes:
        notebook: The notebook with its outputs.
        run: How the execution went.
    """

    notebook: Any
    run: Run


def folder(root: Path, docname: str) -> Path:
    """Where the executions of a page are kept.

    Args:
        root: The root of the book.
        docname: The page's name.

    Returns:
        A folder, which need not exist.

    Chapter: How to read this book.
    """
    return root / "_build" / "executed" / docname


def save(root: Path, docname: str, key: str, notebook: Any, run: Run) -> Path:
    """Keep an executed page.

    Args:
        root: The root of the book.
        docname: The page's name.
        key: Its key.
        notebook: The executed notebook.
        run: How the execution went.

    Returns:
        The file of the entry.

    Chapter: How to read this book.
    """
    import nbformat

    content = json.loads(nbformat.writes(notebook))  # type: ignore[no-untyped-call]
    content["metadata"][RUN] = {"key": key, "cells": _checksum(content), **asdict(run)}
    place = folder(root, docname) / f"{key}.ipynb"
    write_whole(place, json.dumps(content, ensure_ascii=False, indent=1))
    for old in sorted(place.parent.glob("*.ipynb"), key=lambda path: path.stat().st_mtime, reverse=True)[KEPT:]:
        old.unlink(missing_ok=True)
    return place


def load(root: Path, docname: str, key: str) -> Entry | None:
    """Find an executed page.

    Args:
        root: The root of the book.
        docname: The page's name.
        key: Its key.

    Returns:
        The entry; None where there is none, or it is damaged.

    Chapter: How to read this book.
    """
    return _read(folder(root, docname) / f"{key}.ipynb", key)


def last_run(root: Path, docname: str) -> Run | None:
    """How the newest execution of a page went, whatever its key.

    Args:
        root: The root of the book.
        docname: The page's name.

    Returns:
        The newest run; None where the page was never executed.

    Chapter: How to read this book.
    """
    for path in sorted(folder(root, docname).glob("*.ipynb"), key=lambda path: path.stat().st_mtime, reverse=True):
        entry = _read(path, path.stem)
        if entry is not None:
            return entry.run
    return None


def cache_folder(root: Path, docname: str, key: str) -> Path:
    """The jupyter-cache folder of one execution of one page.

    jupyter-cache looks a notebook up by its code cells alone. A folder for each page and key keeps apart what it
    cannot: two pages with the same cells, and two versions of the library behind one page.

    Args:
        root: The root of the book.
        docname: The page's name.
        key: Its key.

    Returns:
        A folder, which need not exist.

    Chapter: How to read this book.
    """
    return root / "_build" / "jupyter-cache" / docname / key


def fill_cache(root: Path, page: pages.Page, key: str) -> bool:
    """Put a page's stored outputs where MyST-NB looks for them.

    Args:
        root: The root of the book.
        page: The page.
        key: Its key.

    Returns:
        Whether MyST-NB will find the page executed.

    Chapter: How to read this book.
    """
    entry = load(root, page.docname, key)
    if entry is None:
        return False
    from jupyter_cache import get_cache
    from jupyter_cache.base import CacheBundleIn

    notebook = with_outputs(pages.read(page, root), entry.notebook)
    cache = get_cache(str(cache_folder(root, page.docname, key)))
    try:
        cache.match_cache_notebook(notebook)
    except KeyError:
        data = {"execution_seconds": entry.run.seconds}
        bundle = CacheBundleIn(notebook, str(page.path), data=data)
        cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)
    finally:
        cache.db.dispose()  # else its connection stays open until Python collects it
    return True


def with_outputs(notebook: Any, executed: Any) -> Any:
    """A page as it is written now, with the outputs of an execution of the same cells.

    The text around the cells, and tags that hide a cell, can have changed since the execution: they are not in the key.

    Args:
        notebook: The page, read by `pages.read`; it is changed and returned.
        executed: The executed notebook.

    Returns:
        The notebook with outputs.

    Raises:
        ValueError: If the two have different code cells.

    Chapter: How to read this book.
    """
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    done = [cell for cell in executed.cells if cell.cell_type == "code"]
    if [cell.source for cell in cells] != [cell.source for cell in done]:
        raise ValueError("the executed notebook has other code cells than the page. Execute the page again.")
    for cell, ran in zip(cells, done, strict=True):
        cell.outputs, cell.execution_count = ran.outputs, ran.execution_count
    for name in ("language_info", "widgets"):
        if name in executed.metadata:
            notebook.metadata[name] = executed.metadata[name]
    return notebook


def write_whole(path: Path, text: str) -> None:
    """Write a file so that a reader, or an interruption, never finds half of it.

    Args:
        path: The file; its folder is made.
        text: The content.

    Chapter: How to read this book.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")  # not `tempfile`: its files are closed to a web server
    try:
        draft.write_text(text, "utf8")
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def _read(path: Path, key: str) -> Entry | None:
    import nbformat

    try:
        content = json.loads(path.read_text("utf8"))
        kept = content["metadata"].pop(RUN)
        if kept.pop("key") != key or kept.pop("cells") != _checksum(content):
            return None
        return Entry(nbformat.reads(json.dumps(content), as_version=4), Run(**kept))  # type: ignore[no-untyped-call]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _checksum(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content["cells"], sort_keys=True).encode("utf8")).hexdigest()
