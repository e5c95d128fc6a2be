"""A book of a few small pages with a library of its own, in a temporary folder."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from pathlib import Path

HEADER = """\
---
jupytext:
  text_representation:
    extension: .md
    format_name: myst
kernelspec:
  display_name: Python 3
  language: python
  name: python3
---
"""
CONFIG = """\
title: A small book
author: nobody
execute: {execute_notebooks: cache, raise_on_error: true}
parse: {myst_enable_extensions: [colon_fence, dollarmath]}
sphinx:
  extra_extensions: [book.ext.executed]
"""


def page(*cells: str, title: str = "Page", prose: str = "Some prose.", tags: str = "") -> str:
    """The text of a page with these code cells."""
    options = f":tags: [{tags}]\n" if tags else ""
    blocks = [f"```{{code-cell}} ipython3\n{options}{textwrap.dedent(cell).strip()}\n```\n" for cell in cells]
    return f"{HEADER}# {title}\n\n{prose}\n\n" + "\n".join(blocks)


def make(root: Path, pages: Mapping[str, str], library: Mapping[str, str] | None = None) -> Path:
    """Write a book: an index without code, the pages, the modules of its library, one data file and a lock."""
    names = "".join(f"  - file: {name}\n" for name in pages)
    files = {
        "_config.yml": CONFIG,
        "_toc.yml": "format: jb-book\nroot: index\nchapters:\n" + names,
        "index.md": "# Index\n\nText without code.\n",
        "requirements.txt": "numpy==2.0.0\n",
        "data/numbers.csv": "a\n1\n",
        "mlsd_lib/__init__.py": "",
    }
    files |= {f"{name}.md": text for name, text in pages.items()}
    files |= {f"mlsd_lib/{name}": text for name, text in (library or {}).items()}
    for name, text in files.items():
        write(root / name, text)
    return root


def write(path: Path, text: str) -> None:
    """Write a file, making its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf8")


def replace(path: Path, old: str, new: str) -> None:
    """Replace a passage of a file that must be there."""
    text = path.read_text("utf8")
    assert old in text
    path.write_text(text.replace(old, new), "utf8")
