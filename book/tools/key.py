"""The key of an executable page: a hash of everything that its outputs depend on.

Its code cells, the files of the library that they import (through whatever those import), the data, the locked
dependencies and the version of Python. Prose is not part of it, so editing a sentence executes nothing.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from book.tools import imports, kernel, pages

LOCK = "requirements.txt"
DATA = "data"
TAGS = {"raises-exception", "skip-execution"}  # tags that change how a cell runs; others change only how it is shown
LENGTH = 32  # hexadecimal digits of the hash that are kept
FORMAT = "1"  # raise it when the executor changes what it stores


def keys(root: Path, chosen: Iterable[pages.Page] | None = None) -> dict[str, str]:
    """The keys of executable pages.

    Args:
        root: The root of the book.
        chosen: The pages; all executable ones where it is not given.

    Returns:
        Page name to key, in the order of the pages.

    Raises:
        ValueError: If a page cannot be read as a notebook.

    Chapter: How to read this book.
    """
    surroundings = environment(root)
    files = imports.library(root)
    found = pages.executable(root) if chosen is None else chosen
    return {page.docname: page_key(pages.read(page, root), files, surroundings) for page in found}


def environment(root: Path) -> dict[str, str]:
    """What every page depends on: the data, the lock, the version of Python and the kernel's fixed variables.

    Args:
        root: The root of the book.

    Returns:
        Names to hashes or values.

    Chapter: How to read this book.
    """
    parts = {f"{name}={value}": "" for name, value in kernel.VARIABLES.items()}
    parts |= {"python": f"{sys.version_info.major}.{sys.version_info.minor}", "format": FORMAT}
    lock = root / LOCK
    if lock.is_file():
        parts[LOCK] = hashlib.sha256(lock.read_bytes()).hexdigest()
    for path in sorted((root / DATA).rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            parts[path.relative_to(root).as_posix()] = hashlib.sha256(path.read_bytes()).hexdigest()
    return parts


def page_key(notebook: Any, files: imports.Library, surroundings: dict[str, str]) -> str:
    """The key of one page.

    Args:
        notebook: The page, read by `pages.read`.
        files: The library, read by `imports.library`.
        surroundings: What `environment` gave.

    Returns:
        A hexadecimal key.

    Chapter: How to read this book.
    """
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    reached = imports.closure(imports_of_cells(cell.source for cell in cells), files)
    parts = {
        "cells": [[cell.source, sorted(TAGS & set(cell.metadata.get("tags", [])))] for cell in cells],
        "library": {name: files.digests[name] for name in reached},
        "environment": surroundings,
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode("utf8")).hexdigest()[:LENGTH]


def imports_of_cells(sources: Iterable[str]) -> imports.Imports:
    """What a page's cells import of the library.

    Args:
        sources: The code of each cell; IPython's magics are allowed.

    Returns:
        The imports of all cells together. A magic or a shell command makes them dynamic.

    Chapter: How to read this book.
    """
    from IPython.core.inputtransformer2 import TransformerManager

    manager: Any = TransformerManager()  # type: ignore[no-untyped-call]
    found = [imports.imports_of(manager.transform_cell(source)) for source in sources]
    return imports.Imports(
        names=frozenset().union(*(each.names for each in found)),
        stars=frozenset().union(*(each.stars for each in found)),
        dynamic=any(each.dynamic for each in found),
    )
