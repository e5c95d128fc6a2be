"""Printed tables: columns of text are marked, for the style sheet to set them flush left and numbers flush right."""

from __future__ import annotations

import re

from bs4 import BeautifulSoup
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

NUMERIC = re.compile(r"[-−+]?[\d,_.]*(e[-+]?\d+)?( ?%)?|NaN|True|False|inf")  # what stays flush right


def texts(soup: BeautifulSoup) -> None:
    """Mark the columns of printed tables that hold text.

    Args:
        soup: HTML that a cell printed; changed in place.

    Chapter: How to read this book.
    """
    for table in soup.select("table.dataframe"):
        rows = [row.find_all("td") for row in table.select("tbody tr")]
        if len({len(row) for row in rows}) != 1:
            continue
        heads = [row.find_all(["th", "td"]) for row in table.select("thead tr")]
        for number in range(len(rows[0])):
            cells = [row[number] for row in rows]
            if all(NUMERIC.fullmatch(cell.get_text(strip=True)) for cell in cells):
                continue
            from_end = number - len(rows[0])
            for cell in [*cells, *(head[from_end] for head in heads if len(head) >= -from_end)]:
                cell["class"] = " ".join([*cell.get_attribute_list("class"), "text"])


def mark(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Mark the tables of a page."""
    for node in list(doctree.findall(nodes.raw)):
        text = node.astext()
        if node.get("format") == "html" and 'class="dataframe' in text:
            soup = BeautifulSoup(text, "html.parser")
            texts(soup)
            marked = str(soup)
            node.replace_self(nodes.raw(node.rawsource, marked, **node.attributes))


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register with Sphinx."""
    app.connect("doctree-resolved", mark)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
