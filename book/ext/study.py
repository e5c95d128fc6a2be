"""Directives of a chapter that is studied: `covers`, `predict`, `quiz` and `interview`.

All are static: they need no kernel, and say what they can without scripts. They are written with colon fences, so
that a notebook shows them as plain paragraphs.
"""

from __future__ import annotations

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

from book.ext.markup import element
from book.ext.quiz import Quiz, StudyDirective, number_field
from book.ext.receipts import measured


def readable(value: float) -> str:
    """A number with four significant digits, without an exponent where people would not write one.

    Args:
        value: A finite number.

    Returns:
        The number as text, thousands separated by commas.

    Chapter: How to read this book.

    >>> [readable(value) for value in (63.3968, 100_000.0, 0.000123456, 2.0)]
    ['63.4', '100,000', '0.0001235', '2']
    """
    rounded = float(f"{value:.4g}")
    if rounded == int(rounded):
        return f"{rounded:,.0f}"
    if abs(rounded) < 1e-6:
        return f"{rounded:g}"
    return f"{rounded:,.10f}".rstrip("0")


class Predict(StudyDirective):
    """Ask for a number before the page shows it; then open the next cell's output and say how far off it was."""

    option_spec = {  # noqa: RUF012  # docutils reads it from the class
        "name": directives.unchanged_required,
        "unit": directives.unchanged,
        "scale": float,
    }

    def run(self) -> list[nodes.Node]:
        """Write the question, with the measured value that the page reveals.

        Returns:
            A form.

        Chapter: How to read this book.
        """
        own = self.identify()
        unit = self.options.get("unit")
        question = self.inline(self.arguments[0] if self.arguments else "What do you expect?")
        legend = element("legend", element("span", "Predict first", class_="study-tag"), " ", *question)
        button = element("button", "Commit and reveal", type="submit", class_="study-button")
        status = element("span", id=f"{own}-status", class_="study-status", role="status")
        form = element("form", class_="study predict", id=own)
        fields = [*self.block(self.content, self.content_offset), number_field(own, "My prediction", unit)]
        form += element(
            "fieldset", legend, *fields, element("div", button, status, class_="study-bar"), *self.reveal(form)
        )
        return [form]

    def reveal(self, form: nodes.Element) -> list[nodes.Node]:
        """The measured value, for the script and for readers without one.

        Args:
            form: The form, which gets the value, its text and its unit.

        Returns:
            A folded answer; nothing after a warning.

        Chapter: How to read this book.
        """
        name = self.options.get("name")
        if not name:
            self.warn("no :name:. Give the receipt that the prediction is compared with.")
            return []
        try:
            value, origin = measured(self.state.document, name)
        except ValueError as error:
            self.warn(str(error))
            return []
        value *= float(self.options.get("scale", 1.0))
        unit = self.options.get("unit", "")
        text = f"{readable(value)} {unit}".strip()
        form["attrs"] |= {"data-value": f"{value:.6g}", "data-shown": text, "data-unit": unit, "data-origin": origin}
        folded = element("summary", "What was measured")
        return [element("details", folded, element("p", f"{text} ({origin})."), class_="predict-answer")]


class Covers(StudyDirective):
    """What a chapter covers and builds on."""

    option_spec = {"builds_on": directives.unchanged}  # noqa: RUF012  # docutils reads it from the class

    def run(self) -> list[nodes.Node]:
        """Write the box.

        Returns:
            A container.

        Chapter: How to read this book.
        """
        box = nodes.container("", classes=["covers"])
        box += nodes.paragraph("", "This chapter covers", classes=["covers-title"])
        box.extend(self.block(self.content, self.content_offset))
        if self.options.get("builds_on"):
            label = nodes.strong("", "Builds on: ")
            box += nodes.paragraph("", "", label, *self.inline(self.options["builds_on"]), classes=["builds-on"])
        return [box]


class Interview(StudyDirective):
    """What to say of it in an interview."""

    def run(self) -> list[nodes.Node]:
        """Write the box.

        Returns:
            An admonition.

        Chapter: How to read this book.
        """
        title = nodes.title("", "In the interview")
        opening = self.inline(self.arguments[0]) if self.arguments else []
        text = [nodes.paragraph("", "", *opening)] if opening else []
        return [
            nodes.admonition("", title, *text, *self.block(self.content, self.content_offset), classes=["interview"])
        ]


def setup(app: Sphinx) -> ExtensionMetadata:
    """Add the directives.

    Args:
        app: The Sphinx application.

    Returns:
        What Sphinx wants to know of an extension.

    Chapter: How to read this book.
    """
    app.setup_extension("book.ext.markup")
    for name, directive in {"quiz": Quiz, "predict": Predict, "covers": Covers, "interview": Interview}.items():
        app.add_directive(name, directive)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
