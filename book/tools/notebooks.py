"""The notebook that a reader downloads: an executed page, in Markdown that every Jupyter shows."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from book.tools import key, pages, plain, store

RECORD = "application/papermill.record/text/plain"
BIBLIOGRAPHY = "book/references.bib"
HEADING = re.compile(r"^(?:\((?P<label>[\w.:-]+)\)=\s*\n+)?#{1,6} (?P<title>.+)$", re.MULTILINE)
SOLUTION = re.compile(r"^(?::{3,}|`{3,})\{solution-(?P<side>start|end)\}", re.MULTILINE)
HIDDEN = {"hide-input": "source_hidden", "hide-output": "outputs_hidden"}


def write_all(root: Path, folder: Path) -> list[Path]:
    """Write the notebook of every executable page.

    Args:
        root: The root of the book.
        folder: Where to write; a page's folders are made in it.

    Returns:
        The files written.

    Raises:
        ValueError: If a page has not been executed, or quotes a receipt that it does not have.

    Chapter: How to read this book.
    """
    keys = key.keys(root)
    titles, citations = titles_of(root), citations_of(root / BIBLIOGRAPHY)
    written = []
    for page in pages.executable(root):
        entry = store.load(root, page.docname, keys[page.docname])
        if entry is None:
            raise ValueError(f"{page.docname} has not been executed. Run `mlsd book`.")
        notebook = store.with_outputs(pages.read(page, root), entry.notebook)
        path = folder / f"{page.docname}.ipynb"
        try:
            store.write_whole(path, text_of(download(notebook, titles, citations)))
        except ValueError as error:
            raise ValueError(f"{page.docname}: {error}") from None
        written.append(path)
    return written


def download(notebook: Any, titles: Mapping[str, str], citations: Mapping[str, tuple[str, str]]) -> Any:
    """Turn an executed page into a notebook for readers.

    Args:
        notebook: The page with its outputs; it is not changed.
        titles: Page name, or label of a heading, to its title.
        citations: Citation key to (authors, year).

    Returns:
        A notebook in format 4.5.

    Raises:
        ValueError: If the text quotes a receipt that the page does not have.

    Chapter: How to read this book.
    """
    from nbformat import v4

    book = plain.Book(values_of(notebook), titles, citations)
    kept = {name: notebook.metadata[name] for name in ("kernelspec", "language_info") if name in notebook.metadata}
    made: Any = v4.new_notebook(metadata=kept)  # type: ignore[no-untyped-call]
    in_solution = False
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type == "code":
            made.cells.append(_code(cell, number, in_solution))
            continue
        sides = SOLUTION.findall(cell.source)
        in_solution = sides[-1] == "start" if sides else in_solution
        text = plain.markdown(cell.source, book)
        if text:
            made.cells.append(v4.new_markdown_cell(text, id=f"cell-{number}"))  # type: ignore[no-untyped-call]
    return made


def text_of(notebook: Any) -> str:
    """A notebook as the text of an .ipynb file.

    Args:
        notebook: A notebook.

    Returns:
        JSON.

    Raises:
        ValueError: If it is not valid.

    Chapter: How to read this book.
    """
    import nbformat

    try:
        nbformat.validate(notebook)
    except nbformat.ValidationError as error:
        raise ValueError(f"not a valid notebook: {error}") from None
    return str(nbformat.writes(notebook)) + "\n"  # type: ignore[no-untyped-call]


def values_of(notebook: Any) -> dict[str, Any]:
    """The values that a page's cells kept for its prose.

    Args:
        notebook: An executed page.

    Returns:
        Name to plain Python value.

    Chapter: How to read this book.
    """
    values: dict[str, Any] = {}
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            name = output.get("metadata", {}).get("scrapbook", {}).get("name")
            if name is not None and RECORD in output.get("data", {}):
                values[name] = ast.literal_eval(output["data"][RECORD])
    return values


def titles_of(root: Path) -> dict[str, str]:
    """What references to pages and headings read.

    Args:
        root: The root of the book.

    Returns:
        Page name, last part of a page's name, and label of a heading, to the title.

    Chapter: How to read this book.
    """
    titles: dict[str, str] = {}
    for name in pages.docnames(root):
        path = root / f"{name}.md"
        if not path.is_file():
            continue
        for number, found in enumerate(HEADING.finditer(path.read_text("utf8"))):
            title = found["title"].strip()
            if number == 0:
                titles |= {name: title, name.split("/")[-1]: title}
            if found["label"]:
                titles[found["label"]] = title
    return titles


def citations_of(path: Path) -> dict[str, tuple[str, str]]:
    """How the entries of a bibliography are cited.

    Args:
        path: A BibTeX file, which need not exist.

    Returns:
        Citation key to (authors, year): two authors by name, more as "First et al.".

    Chapter: How to read this book.
    """
    if not path.is_file():
        return {}
    from pybtex.database import parse_file  # type: ignore[import-untyped]

    found = {}
    for name, entry in parse_file(str(path)).entries.items():
        people = entry.persons.get("author") or entry.persons.get("editor") or []
        names = [" ".join([*person.prelast_names, *person.last_names]) for person in people]
        who = " and ".join(names) if len(names) <= 2 else f"{names[0]} et al."
        found[name] = (re.sub(r"[{}]", "", who) or name, entry.fields.get("year", ""))
    return found


def _code(cell: Any, number: int, hidden: bool) -> Any:
    from nbformat import from_dict, v4

    tags = list(cell.metadata.get("tags", []))
    shown = {HIDDEN[tag]: True for tag in tags if tag in HIDDEN} | ({"source_hidden": True} if hidden else {})
    metadata = {**({"tags": tags} if tags else {}), **({"jupyter": shown} if shown else {})}
    outputs = []
    for output in cell.outputs:
        copy = dict(output)
        if "data" in copy:
            copy["data"] = {mime: content for mime, content in copy["data"].items() if mime != RECORD}
        outputs.append(from_dict(copy))  # type: ignore[no-untyped-call]
    return v4.new_code_cell(  # type: ignore[no-untyped-call]
        cell.source, id=f"cell-{number}", metadata=metadata, outputs=outputs, execution_count=cell.execution_count
    )
