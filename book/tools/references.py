"""The reference outputs of checked cells: text alone, one JSON file a page, looked up by the cell's code."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from book.tools import pages, store

CHECKED = "nbval-check-output"
TEXT = ("application/papermill.record/text/plain", "text/plain")
FOLDER = "tests/chapters/references"


@dataclass(frozen=True)
class References:
    """The references of one page.

    Attributes:
        outputs: (code, how many cells with the same code came before) to the cell's outputs.
    """

    outputs: dict[tuple[str, int], list[dict[str, Any]]]


def place(root: Path, docname: str) -> Path:
    """The file of a page's references.

    Args:
        root: The root of the book.
        docname: The page's name.

    Returns:
        A path, which need not exist.

    Chapter: How to read this book.
    """
    return root / FOLDER / f"{docname.replace('/', '__')}.json"


def checked(notebook: Any) -> list[tuple[tuple[str, int], Any]]:
    """The cells whose output is a claim, each with what its reference is looked up by.

    Args:
        notebook: A page.

    Returns:
        ((code, how many cells with the same code came before), cell) in order.

    Chapter: How to read this book.
    """
    seen: Counter[str] = Counter()
    found = []
    for cell in notebook.cells:
        if cell.cell_type == "code" and CHECKED in cell.metadata.get("tags", []):
            found.append(((cell.source, seen[cell.source]), cell))
            seen[cell.source] += 1
    return found


def text_of(outputs: Iterable[Any]) -> list[dict[str, Any]]:
    """The text of outputs: what a reference keeps, and what is compared.

    Args:
        outputs: Outputs of a cell, in the notebook format.

    Returns:
        Outputs with their text as lists of lines. Pictures and HTML are left out.

    Chapter: How to read this book.
    """
    kept: list[dict[str, Any]] = []
    for output in outputs:
        kind = output["output_type"]
        if kind == "stream" and kept and kept[-1].get("name") == output["name"]:
            # where a kernel cuts a stream into pieces is chance
            kept[-1]["text"] = ("\n".join(kept[-1]["text"]) + output["text"]).split("\n")
        elif kind == "stream":
            kept.append({"output_type": kind, "name": output["name"], "text": output["text"].split("\n")})
        elif kind == "error":
            kept.append({"output_type": kind, "ename": output["ename"], "evalue": output["evalue"].split("\n")})
        else:
            data = {mime: output["data"][mime].split("\n") for mime in TEXT if mime in output["data"]}
            if data:
                kept.append({"output_type": kind, "data": data})
    return kept


def load(root: Path, docname: str) -> References:
    """The committed references of a page.

    Args:
        root: The root of the book.
        docname: The page's name.

    Returns:
        The references; none where the page has no file.

    Raises:
        ValueError: If the file is not what `refresh` writes.

    Chapter: How to read this book.
    """
    path = place(root, docname)
    if not path.is_file():
        return References({})
    seen: Counter[str] = Counter()
    outputs = {}
    try:
        for entry in json.loads(path.read_text("utf8")):
            code = "\n".join(entry["source"])
            outputs[code, seen[code]] = entry["outputs"]
            seen[code] += 1
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{path}: not a file of references ({error!r}). Run `mlsd refresh` to write it anew."
        ) from None
    return References(outputs)


def refresh(root: Path, *, jobs: int = 2, limit_s: float = 300.0) -> int:
    """Write the references of every page from its newest outputs, executing first what is missing.

    Args:
        root: The root of the book.
        jobs: How many pages are executed at once.
        limit_s: Wall time in seconds that a page's execution may take.

    Returns:
        0; 1 where a page could not be executed.

    Chapter: How to read this book.
    """
    from book.tools import execute, key

    if execute.execute(root, jobs=jobs, limit_s=limit_s) != 0:
        return 1
    keys = key.keys(root)
    written = set()
    for page in pages.executable(root):
        entry = store.load(root, page.docname, keys[page.docname])
        if entry is None:
            print(f"{page.docname} was edited while it was executed. Run again.", file=sys.stderr)
            return 1
        notebook = store.with_outputs(pages.read(page, root), entry.notebook)
        cells = checked(notebook)
        if not cells:
            continue
        content = [{"source": code.split("\n"), "outputs": text_of(cell.outputs)} for (code, _), cell in cells]
        path = place(root, page.docname)
        written.add(path)
        text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
        state = "unchanged"
        if not path.is_file() or path.read_text("utf8") != text:
            store.write_whole(path, text)
            state = "written"
        print(f"{page.docname}: {len(cells)} references, {state}")
    for stale in set((root / FOLDER).glob("*.json")) - written:
        stale.unlink()
        print(f"{stale.name}: no such page any more; removed")
    return 0


def pytest_arguments(root: Path, jobs: int = 2) -> list[str]:
    """The arguments with which pytest checks every executable page under nbval.

    Args:
        root: The root of the book.
        jobs: How many pages are checked at once.

    Returns:
        Arguments for `python -m pytest`, to be run in `root`.

    Chapter: How to read this book.
    """
    found = [page.path.relative_to(root).as_posix() for page in pages.executable(root)]
    return ["--nbval-lax", "--nbval-current-env", "-n", str(jobs), "--dist", "loadfile", *found]
