"""The directive `quiz`: one right option, several, or a number, with feedback for every answer.

    :::{quiz} Which split leaks the future?
    :type: one
    - by user <!-- no: Each user's rows stay together. -->
    - at random <!-- yes: Later rows of a user teach about earlier ones. -->
    :::

Feedback stands in HTML comments, which a notebook does not show. `:type: number` takes `:answer:` (a number, or the
name of a receipt), `:scale:`, `:tolerance:` and `:unit:`, and one comment of each kind. Without scripts the feedback
folds open.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from docutils import nodes
from docutils.parsers.rst import directives
from docutils.statemachine import StringList
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from book.ext.markup import Tag, element
from book.ext.receipts import measured

LOGGER = logging.getLogger(__name__)
COMMENT = re.compile(r"<!--\s*(yes|no):\s*(.*?)\s*-->", re.DOTALL)
WORD = {"yes": "Right.", "no": "Not this."}

Verdict = Literal["yes", "no"]


@dataclass(frozen=True)
class Feedback:
    """What the page says to an answer: whether it is right, and why, as MyST from a line of the source."""

    verdict: Verdict
    text: str
    line: int


def take_feedback(node: nodes.Element) -> list[Feedback]:
    """Take the feedback comments out of a tree.

    Args:
        node: A tree of parsed MyST; its comments that start with `yes:` or `no:` are removed.

    Returns:
        What the comments said, in order.

    Chapter: How to read this book.
    """
    found = []
    for raw in list(node.findall(nodes.raw)):
        for match in COMMENT.finditer(raw.astext()):
            verdict: Verdict = "yes" if match[1] == "yes" else "no"
            found.append(Feedback(verdict, match[2], raw.line or 0))
        rest = COMMENT.sub("", raw.astext())
        if rest != raw.astext():
            raw.parent.replace(raw, [nodes.raw("", rest, format="html")] if rest.strip() else [])
    return found


class StudyDirective(SphinxDirective):
    """What the study directives share: a title and a content in MyST, ids of their own, warnings with their place."""

    has_content = True
    optional_arguments = 1
    final_argument_whitespace = True

    def warn(self, message: str) -> None:
        """Warn, naming the directive and its place; builds turn warnings into errors.

        Args:
            message: What is wrong, and what to do.

        Chapter: How to read this book.
        """
        LOGGER.warning("%s: %s", self.name, message, location=self.get_location(), type="mlsd", subtype=self.name)

    def identify(self) -> str:
        """An id that no other element of the book has.

        Returns:
            The kind of directive, the page's name and a counter.

        Chapter: How to read this book.
        """
        return f"{self.name}-{self.env.docname.replace('/', '-')}-{self.env.new_serialno(self.name)}"

    def inline(self, text: str) -> list[nodes.Node]:
        """A line of MyST.

        Args:
            text: The source.

        Returns:
            Its nodes.

        Chapter: How to read this book.
        """
        parsed, messages = self.state.inline_text(text, self.lineno)
        return [*parsed, *messages]

    def block(self, text: StringList | str, line: int) -> list[nodes.Node]:
        """Paragraphs, lists and so on of MyST.

        Args:
            text: The source.
            line: Its first line, for warnings, counted from 0.

        Returns:
            Its nodes.

        Chapter: How to read this book.
        """
        lines = StringList(text.splitlines(), self.state.document["source"]) if isinstance(text, str) else text
        box = nodes.container()
        self.state.nested_parse(lines, line, box)
        return list(box.children)


class Quiz(StudyDirective):
    """A question with feedback for every answer."""

    option_spec = {  # noqa: RUF012  # docutils reads it from the class
        "type": lambda text: directives.choice(text, ("one", "many", "number")),
        "answer": directives.unchanged_required,
        "scale": float,
        "tolerance": float,
        "unit": directives.unchanged,
    }

    def run(self) -> list[nodes.Node]:
        """Write the question.

        Returns:
            A form.

        Chapter: How to read this book.
        """
        kind = self.options.get("type", "one")
        name = self.identify()
        body = nodes.container("", *self.block(self.content, self.content_offset))
        legend = element("legend", element("span", "Check yourself", class_="study-tag"), " ", *self.title())
        status = element("span", id=f"{name}-status", class_="study-status", role="status")
        form = element("form", class_="study quiz", id=name, data_kind=kind)
        fields = self.number(name, body, form) if kind == "number" else self.options_of(name, kind, body)
        bar = element(
            "div", element("button", "Check", type="submit", class_="study-button"), status, class_="study-bar"
        )
        form += element("fieldset", legend, *fields, bar)
        return [form]

    def title(self) -> list[nodes.Node]:
        """The question that stands in the directive's first line.

        Returns:
            Its nodes.

        Chapter: How to read this book.
        """
        if not self.arguments:
            self.warn("no question. Write it behind the directive's name: :::{quiz} Which split leaks the future?")
            return []
        return self.inline(self.arguments[0])

    def options_of(self, name: str, kind: str, body: nodes.Element) -> list[nodes.Node]:
        """The options of a question, each with its feedback.

        Args:
            name: Id of the form.
            kind: "one" or "many".
            body: The directive's content; its first list holds the options.

        Returns:
            What stands before the list, and an element an option.

        Chapter: How to read this book.
        """
        fields: list[nodes.Node] = []
        verdicts: list[Verdict] = []
        for child in list(body.children):
            if not isinstance(child, nodes.bullet_list):
                fields.append(child)
                continue
            for item in child.children:
                assert isinstance(item, nodes.list_item)
                option, verdict = self.option(f"{name}-{len(verdicts)}", name, kind, item)
                verdicts.append(verdict)
                fields.append(option)
        right = verdicts.count("yes")
        if kind == "one" and right != 1:
            self.warn(f"{right} right options where one is needed. Mark it with <!-- yes: why -->, or use :type: many.")
        elif right == 0:
            self.warn("no right option. Mark at least one with <!-- yes: why -->.")
        return fields

    def option(self, own: str, name: str, kind: str, item: nodes.list_item) -> tuple[Tag, Verdict]:
        """One option with its feedback.

        Args:
            own: Id of the option.
            name: Name that the options of a question share.
            kind: "one" or "many".
            item: The option's list item.

        Returns:
            The element, and whether the option is right.

        Chapter: How to read this book.
        """
        found = take_feedback(item)
        text = item.astext().strip()
        if len(found) != 1:
            self.warn(f"option {text!r} has {len(found)} feedback comments; it needs one: <!-- no: why -->.")
        said = found[0] if found else Feedback("no", "", self.lineno)
        content = [
            grandchild
            for child in item.children
            for grandchild in (child.children if isinstance(child, nodes.paragraph) else [child])
        ]
        control = element(
            "input",
            type="radio" if kind == "one" else "checkbox",
            name=name,
            value=own,
            data_right=said.verdict == "yes",
        )
        label = element("label", control, element("span", *content))
        return element("div", label, self.said(own, said), class_="quiz-option"), said.verdict

    def said(self, own: str, feedback: Feedback) -> Tag:
        """Feedback that folds open without scripts and appears with an answer otherwise.

        Args:
            own: Id of what it belongs to.
            feedback: What to say.

        Returns:
            The element.

        Chapter: How to read this book.
        """
        content = self.block(feedback.text, max(feedback.line - 1, 0))
        text = element(
            "div", element("strong", WORD[feedback.verdict]), " ", *content, class_="quiz-why", id=f"{own}-why"
        )
        summary = element("summary", "Feedback")
        return element("details", summary, text, class_="quiz-feedback", data_verdict=feedback.verdict)

    def number(self, name: str, body: nodes.Element, form: Tag) -> list[nodes.Node]:
        """The field of a question whose answer is a number.

        Args:
            name: Id of the form.
            body: The directive's content with one comment of each kind.
            form: The form, which gets the answer and its tolerance.

        Returns:
            The content, the field, and the feedback.

        Chapter: How to read this book.
        """
        found = {feedback.verdict: feedback for feedback in take_feedback(body)}
        if set(found) != {"yes", "no"}:
            self.warn("a number needs feedback for both outcomes: <!-- yes: why --> and <!-- no: why -->.")
        form["attrs"]["data-answer"] = repr(self.answer())
        form["attrs"]["data-tolerance"] = repr(self.options.get("tolerance", 0.0))
        field = number_field(name, "Your answer", self.options.get("unit"))
        said = [self.said(f"{name}-{verdict}", feedback) for verdict, feedback in found.items()]
        return [*body.children, field, *said]

    def answer(self) -> float:
        """The right number: as typed, or as a receipt of the page holds it.

        Returns:
            The number times the option `scale`; NaN after a warning.

        Chapter: How to read this book.
        """
        text = str(self.options.get("answer", "")).strip()
        if not text:
            self.warn("a number needs :answer:, a number or the name of a receipt.")
            return float("nan")
        try:
            return float(text)
        except ValueError:
            pass
        try:
            return measured(self.state.document, text)[0] * float(self.options.get("scale", 1.0))
        except ValueError as error:
            self.warn(str(error))
            return float("nan")


def number_field(name: str, label: str, unit: str | None) -> Tag:
    """A labelled field for a number, with its unit.

    Args:
        name: Id of the form it stands in.
        label: What it asks for.
        unit: Unit shown behind the field and read out with it.

    Returns:
        The element.

    Chapter: How to read this book.
    """
    control = element(
        "input",
        type="text",
        id=f"{name}-field",
        name="number",
        inputmode="decimal",
        autocomplete="off",
        size="8",
        aria_describedby=f"{name}-unit {name}-status" if unit else f"{name}-status",
    )
    shown = [element("span", unit, id=f"{name}-unit", class_="study-unit")] if unit else []
    return element("div", element("label", label, for_=f"{name}-field"), control, *shown, class_="study-field")
