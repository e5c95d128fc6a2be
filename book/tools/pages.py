"""The pages of the book as `_toc.yml` lists them, and which of them are executable notebooks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml


@dataclass(frozen=True)
class Page:
    """A page of the book.

    Attributes:
        docname: Its path from the root of the book without the suffix, as Sphinx and `_toc.yml` name it.
        path: The Markdown file.
    """

    docname: str
    path: Path


def docnames(root: Path) -> list[str]:
    """Names of all pages, in the order of `_toc.yml`.

    Args:
        root: The folder that holds `_toc.yml`.

    Returns:
        Names such as "chapters/framework/01-problem".

    Raises:
        FileNotFoundError: If there is no `_toc.yml`.

    Chapter: How to read this book.
    """
    toc = yaml.safe_load((root / "_toc.yml").read_text("utf8"))
    return [name.removesuffix(".md") for name in _files(toc)]


def executable(root: Path) -> list[Page]:
    """The executable pages: those of `_toc.yml` whose front matter names a kernel.

    Args:
        root: The folder that holds `_toc.yml`.

    Returns:
        Pages in the order of `_toc.yml`.

    Raises:
        FileNotFoundError: If there is no `_toc.yml`.

    Chapter: How to read this book.
    """
    found = (Page(name, root / f"{name}.md") for name in docnames(root))
    return [page for page in found if page.path.is_file() and "kernelspec" in front_matter(page.path)]


def front_matter(path: Path) -> dict[str, Any]:
    """The YAML header of a page.

    Args:
        path: A Markdown file.

    Returns:
        Its front matter; empty where it has none.

    Raises:
        ValueError: If the header is not valid YAML.

    Chapter: How to read this book.
    """
    lines = path.read_text("utf8").split("\n")
    if lines[0].rstrip() != "---":
        return {}
    end = next((i for i, line in enumerate(lines[1:], start=1) if line.rstrip() in {"---", "..."}), None)
    if end is None:
        return {}
    try:
        header = yaml.safe_load("\n".join(lines[1:end]))
    except yaml.YAMLError as error:
        message = f"{path}: the front matter is not valid YAML ({error}). Correct the lines above '---'."
        raise ValueError(message) from None
    return header if isinstance(header, dict) else {}


def read(page: Page, root: Path) -> Any:
    """A page as a notebook without outputs, read exactly as MyST-NB reads it, so that both see the same cells.

    Args:
        page: An executable page.
        root: The folder that holds `_config.yml`.

    Returns:
        A notebook; `metadata.source_map` holds the line, from 0, on which each cell starts.

    Raises:
        ValueError: If the page cannot be read as a notebook.

    Chapter: How to read this book.
    """
    from myst_nb.core.read import MystMetadataParsingError, read_myst_markdown_notebook
    from myst_parser.config.main import MdParserConfig

    config = MdParserConfig(enable_extensions=_extensions(root))
    try:
        return read_myst_markdown_notebook(
            page.path.read_text("utf8"), config, add_source_map=True, path=str(page.path)
        )
    except MystMetadataParsingError as error:
        raise ValueError(f"{page.path}: {error}") from None


def source_line(page: Page, notebook: Any, index: int, line: int = 1) -> int:
    """The line of a page's file, from 1, on which a line of a code cell stands.

    Args:
        page: The page.
        notebook: The page as `read` gave it.
        index: Position of the cell among all cells, from 0.
        line: Line within the cell's code, from 1.

    Returns:
        A line number of the Markdown file.

    Chapter: How to read this book.
    """
    start = int(notebook.metadata["source_map"][index])
    lines = page.path.read_text("utf8").split("\n")
    first = notebook.cells[index].source.split("\n")[0].rstrip()
    # a cell starts with its options (`:tags: …`), which are not part of its code
    code = next((i for i in range(start, len(lines)) if lines[i].rstrip() == first), start)
    return code + line


def _files(toc: Any) -> Iterator[str]:
    if isinstance(toc, list):
        for entry in toc:
            yield from _files(entry)
    elif isinstance(toc, dict):
        for name, value in toc.items():
            if name in {"root", "file"}:
                yield str(value)
            else:
                yield from _files(value)


def _extensions(root: Path) -> set[str]:
    config = yaml.safe_load((root / "_config.yml").read_text("utf8")) or {}
    default = ["colon_fence", "dollarmath", "linkify", "substitution", "tasklist"]  # Jupyter Book's own
    return set((config.get("parse") or {}).get("myst_enable_extensions", default))
