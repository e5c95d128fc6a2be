"""Sphinx extensions of the book: one name in `_config.yml` (`book.ext`) sets them all up."""

from __future__ import annotations

from importlib.util import find_spec

from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

PARTS = ("markup", "study", "receipts", "reproduced", "columns", "mathml", "page", "executed")


def setup(app: Sphinx) -> ExtensionMetadata:
    """Set up every extension of the book that is present.

    Args:
        app: The Sphinx application.

    Returns:
        What Sphinx wants to know of an extension.

    Chapter: How to read this book.
    """
    for part in PARTS:
        name = f"book.ext.{part}"
        if find_spec(name) is not None:
            app.setup_extension(name)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
