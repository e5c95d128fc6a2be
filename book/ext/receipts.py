"""Numbers in the prose that show where they came from.

The role keeps MyST-NB's syntax, `` {glue:text}`name:format` ``. A value that a receipt came with becomes an element
that takes keyboard focus; on hover or focus a line appears that says which cell measured it, with which seed and
version. It needs no script.
"""

from __future__ import annotations

from ast import literal_eval
from collections.abc import Mapping
from typing import Any

from docutils import nodes
from myst_nb.core.variables import RetrievalError, format_plain_text
from myst_nb.ext.glue.roles import PasteTextRole
from myst_nb.ext.glue.utils import glue_warning, retrieve_glue_data
from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

from book.ext.markup import element


def provenance(receipt: Mapping[str, Any]) -> str:
    """Where a value came from, in one line.

    Args:
        receipt: What `mlsd_lib.receipts` kept beside the value: kind, cell, seed, library, source, machine.

    Returns:
        A line such as "measured in cell 7 · seed 0 · mlsd-lib 0.1.0".

    Chapter: How to read this book.

    >>> provenance({"kind": "measured", "cell": 7, "seed": 0, "library": "0.1.0", "source": None})
    'measured in cell 7 · seed 0 · mlsd-lib 0.1.0'
    >>> provenance({"kind": "given", "cell": 2, "library": "0.1.0"})
    'given in cell 2'
    """
    kind = str(receipt.get("kind", "measured"))
    cell = receipt.get("cell")
    parts = [kind if cell is None else f"{kind} in cell {cell}"]
    if receipt.get("source"):
        parts = [f"from {receipt['source']}", *([] if cell is None else [f"read in cell {cell}"])]
    if receipt.get("seed") is not None:
        parts.append(f"seed {receipt['seed']}")
    if receipt.get("machine"):
        parts.append(f"on {receipt['machine']}")
    if kind != "given" and receipt.get("library"):
        parts.append(f"mlsd-lib {receipt['library']}")
    return " · ".join(parts)


def split(text: str) -> tuple[str, str]:
    """Name and format of a role's text.

    Args:
        text: What stands between the role's backticks.

    Returns:
        The receipt's name, and a format specification; "s" where none is given, as MyST-NB does.

    Chapter: How to read this book.

    >>> split("slow:.0%"), split("users")
    (('slow', '.0%'), ('users', 's'))
    """
    name, colon, form = text.rpartition(":")
    return (name, form) if colon else (text, "s")


def measured(document: nodes.document, name: str) -> tuple[float, str]:
    """The number that a page's receipt holds, whichever cell of the page makes it.

    Args:
        document: The page while it is read; MyST-NB has run or recalled all its cells by then.
        name: Name of the receipt.

    Returns:
        The number, and its provenance in one line.

    Raises:
        ValueError: If no cell of the page keeps that name, or what it keeps is not a number.

    Chapter: How to read this book.
    """
    try:
        kept = retrieve_glue_data(document, name)
        value = float(literal_eval(kept.data["text/plain"]))
    except RetrievalError:
        raise ValueError(
            f"no cell of this page keeps a receipt named {name!r}. Add receipt({name}=…) to one."
        ) from None
    except (KeyError, ValueError, TypeError, SyntaxError):
        raise ValueError(f"the receipt {name!r} does not hold a number.") from None
    return value, provenance(kept.metadata.get("receipt", {}))


class ReceiptRole(PasteTextRole):  # type: ignore[misc]  # MyST-NB has no types
    """MyST-NB's role for a value as text, which shows a value's receipt too."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Write the value.

        Returns:
            The nodes of the value, and warnings about it.

        Chapter: How to read this book.
        """
        name, form = split(self.text)
        try:
            kept = retrieve_glue_data(self.document, name)
            receipt = kept.metadata.get("receipt")
            text = format_plain_text(kept.data["text/plain"], form) if receipt else ""
        except (RetrievalError, KeyError, ValueError, TypeError) as error:
            if "::" in name:
                return super().run()  # type: ignore[no-any-return]
            message = (
                f"{{glue:text}}`{self.text}`: {error} Keep the value in a cell of this page with receipt({name}=…)."
            )
            return [], [glue_warning(message, self.document, self.line)]
        if not receipt:
            return super().run()  # type: ignore[no-any-return]
        return [self.element(text, provenance(receipt))], []

    def element(self, text: str, origin: str) -> nodes.Node:
        """A value with its provenance.

        Args:
            text: The formatted value.
            origin: Its provenance, in one line.

        Returns:
            An element that takes keyboard focus.

        Chapter: How to read this book.
        """
        env = self.document.settings.env
        tip = f"receipt-{env.docname.replace('/', '-')}-{env.new_serialno('receipt')}"
        shown = element("span", f" ({origin})", class_="receipt-tip", role="tooltip", id=tip)
        return element("span", text, shown, class_="receipt", tabindex="0", aria_describedby=tip)


def setup(app: Sphinx) -> ExtensionMetadata:
    """Put the role in the place of MyST-NB's.

    Args:
        app: The Sphinx application.

    Returns:
        What Sphinx wants to know of an extension.

    Chapter: How to read this book.
    """
    app.setup_extension("book.ext.markup")
    app.setup_extension("myst_nb")
    app.add_role_to_domain("glue", "text", ReceiptRole(), override=True)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
