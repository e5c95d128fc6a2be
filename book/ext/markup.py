"""One docutils node for any HTML element, so that directives build trees and never paste strings of HTML."""

from __future__ import annotations

from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata
from sphinx.writers.html5 import HTML5Translator

VOID = frozenset({"input"})


class Tag(nodes.General, nodes.Inline, nodes.Element):  # type: ignore[misc]  # docutils has no types
    """An HTML element: its name in `tag`, its attributes in `attrs`, its content as children."""


def element(tag: str, *children: nodes.Node | str, **attrs: str | bool | None) -> Tag:
    """An HTML element as a docutils node.

    Args:
        tag: Name of the element, such as "form".
        *children: Nodes, or text.
        **attrs: Attributes; `class_` and `for_` lose their underscore, other underscores become hyphens. True gives an
            attribute without a value; False and None leave it out.

    Returns:
        The node.

    Chapter: How to read this book.

    >>> element("button", "Check", type="submit", aria_pressed="false")["attrs"]
    {'type': 'submit', 'aria-pressed': 'false'}
    """
    kept = {name.rstrip("_").replace("_", "-"): value for name, value in attrs.items() if value not in (None, False)}
    node = Tag("", tag=tag, attrs=kept)
    node.extend(nodes.Text(child) if isinstance(child, str) else child for child in children)
    return node


def setup(app: Sphinx) -> ExtensionMetadata:
    """Teach Sphinx's writers the node.

    Args:
        app: The Sphinx application.

    Returns:
        What Sphinx wants to know of an extension.

    Chapter: How to read this book.
    """
    app.add_node(Tag, html=(_visit, _depart), latex=(_pass, _pass), text=(_pass, _pass))
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


def _visit(self: HTML5Translator, node: Tag) -> None:
    attrs: dict[str, str | bool] = node["attrs"]
    written = "".join(
        f" {name}" if value is True else f' {name}="{self.attval(str(value))}"' for name, value in attrs.items()
    )
    self.body.append(f"<{node['tag']}{written}>")


def _depart(self: HTML5Translator, node: Tag) -> None:
    if node["tag"] not in VOID:
        self.body.append(f"</{node['tag']}>")


def _pass(self: Any, node: Tag) -> None:
    """Other writers show the content alone."""
