"""A tiny book, built in a second: pages are notebooks that were executed already, so no kernel starts."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from bs4 import BeautifulSoup
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace, patch_docutils

RECORD = "application/papermill.record/"
EXTENSIONS = ["myst_nb", "book.ext.study", "book.ext.receipts", "book.ext.mathml", "book.ext.page"]


@dataclass(frozen=True)
class Built:
    root: Path
    warnings: str

    def page(self, name: str = "index") -> BeautifulSoup:
        return BeautifulSoup((self.root / f"{name}.html").read_text(encoding="utf-8"), "html.parser")


def output(name: str, value: object, **receipt: Any) -> nbformat.NotebookNode:
    """What `mlsd_lib.receipts` leaves in a notebook."""
    metadata = {"scrapbook": {"name": name, "mime_prefix": RECORD}}
    if receipt:
        metadata["receipt"] = {"name": name, "kind": "measured", "library": "0.1.0", "seed": None, **receipt}
    data = {f"{RECORD}text/plain": repr(value), "text/plain": f"{name} = {value}"}
    return nbformat.v4.new_output("display_data", data=data, metadata=metadata)


def cell(source: str = "1", outputs: Sequence[nbformat.NotebookNode] = (), **metadata: Any) -> nbformat.NotebookNode:
    return nbformat.v4.new_code_cell(source, outputs=list(outputs), execution_count=1, metadata=metadata)


def page(*cells: str | nbformat.NotebookNode, mlsd: Mapping[str, Any] | None = None) -> str:
    """A notebook as JSON; text is Markdown."""
    made = [nbformat.v4.new_markdown_cell(part) if isinstance(part, str) else part for part in cells]
    for number, one in enumerate(made):
        one["id"] = f"cell-{number}"
    metadata: dict[str, Any] = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    if mlsd is not None:
        metadata["mlsd"] = dict(mlsd)
    return str(nbformat.writes(nbformat.v4.new_notebook(cells=made, metadata=metadata)))


def build(
    folder: Path,
    pages: Mapping[str, str],
    *,
    theme: Mapping[str, Any] | None = None,
    force_all: bool = True,
    **config: Any,
) -> Built:
    """Build pages ("index.ipynb": text, "other.md": text) into HTML; without `force_all` only those that changed."""
    source = folder / "source"
    for name, text in pages.items():
        target = source / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.is_file() or target.read_text(encoding="utf-8") != text:
            target.write_text(text, encoding="utf-8")
    warning = io.StringIO()
    settings = {
        "extensions": EXTENSIONS,
        "html_theme": "sphinx_book_theme",
        "html_title": "Tiny",
        "html_static_path": [str(Path(__file__).parents[3] / "book" / "static")],
        "html_theme_options": dict(theme or {}),
        "myst_enable_extensions": ["colon_fence", "dollarmath", "amsmath"],
        "nb_execution_mode": "off",
        "mathml_store": "store.json",
        **config,
    }
    with patch_docutils(str(source)), docutils_namespace():
        app = Sphinx(
            str(source),
            None,
            str(folder / "html"),
            str(folder / "trees"),
            "html",
            settings,
            status=None,
            warning=warning,
        )
        app.build(force_all=force_all)
    return Built(folder / "html", re.sub(r"\x1b\[[0-9;]*m", "", warning.getvalue()))


def toctree(*names: str) -> str:
    return "```{toctree}\n" + "\n".join(names) + "\n```"


def store(built: Built) -> dict[str, str]:
    found: dict[str, str] = json.loads((built.root.parent / "source" / "store.json").read_text(encoding="utf-8"))
    return found
