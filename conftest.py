"""Lets `pytest --nbval-lax` collect the executable Markdown pages of the book as they are."""

from __future__ import annotations

from pathlib import Path

import pytest


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect a page that names a kernel and stands in `_toc.yml`, where nbval is asked for."""
    options = parent.config.option
    if file_path.suffix != ".md" or not (getattr(options, "nbval", False) or getattr(options, "nbval_lax", False)):
        return None
    from book.tools.pages import executable
    from tests.chapters.collect import PageFile

    if file_path not in {page.path for page in executable(Path(parent.config.rootpath))}:
        return None
    return PageFile.from_parent(parent, path=file_path)
