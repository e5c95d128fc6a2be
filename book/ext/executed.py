"""Gives every page its stored outputs, and has Sphinx read a page again when only its outputs changed.

MyST-NB looks a page up in a jupyter-cache folder, by code cells alone. Here that folder is chosen for each page as it
is read: one for each page and key. `mlsd book` executes the pages first; in a plain `jupyter-book build .` MyST-NB
finds the folder of a changed page empty, executes the page itself, and the numbers are right all the same.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

from book.tools import kernel, key, pages, store

SEEN = "mlsd_executed_keys"  # kept with Sphinx's environment: page name to the key it was read with
TITLES = "mlsd_titles"  # page name to the title that other pages' navigation shows


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension.

    Args:
        app: The Sphinx application.

    Returns:
        The extension's metadata.

    Chapter: How to read this book.
    """
    app.connect("builder-inited", prepare)
    app.connect("env-get-outdated", changed_outputs)
    app.connect("source-read", choose_cache)
    app.connect("env-updated", changed_navigation)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


def prepare(app: Sphinx) -> None:
    """Find each page's key, and put stored outputs where MyST-NB will look."""
    root = Path(app.confdir)
    os.environ.update(kernel.environment(root))  # for the pages that MyST-NB executes itself
    keys: dict[str, str] = {}
    if (root / "_toc.yml").is_file():
        keys = key.keys(root)
        for page in pages.executable(root):
            store.fill_cache(root, page, keys[page.docname])
    app.mlsd_keys = keys  # type: ignore[attr-defined]


def changed_outputs(
    app: Sphinx, env: BuildEnvironment, added: set[str], changed: set[str], removed: set[str]
) -> list[str]:
    """The pages whose key is not the one they were read with."""
    keys: dict[str, str] = app.mlsd_keys  # type: ignore[attr-defined]
    seen: dict[str, str] = getattr(env, SEEN, {})
    setattr(env, SEEN, keys)
    return [name for name, now in keys.items() if seen.get(name) != now]


def choose_cache(app: Sphinx, docname: str, source: list[str]) -> None:
    """Point MyST-NB to the folder of the page that is read next."""
    keys: dict[str, str] = app.mlsd_keys  # type: ignore[attr-defined]
    env: Any = app.env
    if docname in keys:
        place = store.cache_folder(Path(app.confdir), docname, keys[docname])
        env.mystnb_config = env.mystnb_config.copy(execution_cache_path=str(place))


def changed_navigation(app: Sphinx, env: BuildEnvironment) -> Iterable[str]:
    """All pages, where a page appeared, went, or changed its title: every page shows the table of contents."""
    titles = {name: title.astext() for name, title in env.titles.items()}
    before = getattr(env, TITLES, None)
    setattr(env, TITLES, titles)
    return sorted(titles) if before is not None and before != titles else []
