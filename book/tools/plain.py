"""MyST Markdown as plain Markdown: what a page says where only Jupyter's own Markdown is understood."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

FENCE = re.compile(r"^(?P<indent> {0,3})(?P<fence>:{3,}|`{3,}|~{3,})(?P<info>.*)$")
DIRECTIVE = re.compile(r"^\{(?P<name>[\w:.+-]+)\}\s*(?P<argument>.*)$")
OPTION = re.compile(r"^:(?P<name>[\w-]+):\s*(?P<value>.*)$")
ROLE = re.compile(r"\{(?P<name>[\w:.+-]+)\}`(?P<text>[^`]+)`")
TARGET = re.compile(r"^\([\w.:-]+\)=\s*$")
TITLED = re.compile(r"^(?P<text>.*?)\s*<(?P<target>[^<>]+)>$", re.DOTALL)
PAGE_LINK = re.compile(r"(?<!!)\[(?P<text>[^\]]+)\]\((?!https?:|mailto:|#)[^)\s]*\.md[^)]*\)")
VERDICT = re.compile(r"<!--\s*(?P<verdict>yes|no):\s*(?P<feedback>.*?)-->", re.DOTALL)
SILENT = {"tableofcontents", "toctree", "index", "bibliography", "eval-rst", "solution-end", "contents", "only"}


@dataclass(frozen=True)
class Book:
    """What a page's text refers to.

    Attributes:
        values: Name to value of the page's receipts.
        titles: Page name, or label of a heading, to its title.
        citations: Citation key to (authors, year).
    """

    values: Mapping[str, Any] = field(default_factory=dict)
    titles: Mapping[str, str] = field(default_factory=dict)
    citations: Mapping[str, tuple[str, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Directive:
    """A directive as it stands in the text.

    Attributes:
        name: Its name, such as "quiz".
        argument: What follows the name.
        options: The lines `:name: value` at its start.
        body: Its other lines.
    """

    name: str
    argument: str
    options: Mapping[str, str]
    body: str


def markdown(text: str, book: Book) -> str:
    r"""A passage of MyST Markdown as plain Markdown.

    Args:
        text: The passage: whole lines.
        book: What it refers to.

    Returns:
        Plain Markdown, with `<details>` where something is folded.

    Raises:
        ValueError: If the text quotes a receipt that the page does not have.

    Chapter: How to read this book.

    >>> markdown("{glue:text}`slow:.0%` are slow {cite}`dean`.", Book({"slow": 0.63}, {}, {"dean": ("Dean", "2013")}))
    '63% are slow (Dean, 2013).'
    """
    lines = text.split("\n")
    out: list[str] = []
    at = 0
    while at < len(lines):
        opened = FENCE.match(lines[at])
        if opened is None:
            if not TARGET.match(lines[at]) and not lines[at].startswith("% "):
                out.append(inline(lines[at], book))
            at += 1
            continue
        end = _end(lines, at, opened["fence"])
        directive = DIRECTIVE.match(opened["info"].strip())
        if directive is None:
            out += lines[at : end + 1]  # code that is shown: nothing in it is ours to change
        else:
            shown = _directive(_read(directive, lines[at + 1 : end]), book)
            out += ["", *shown.split("\n"), ""] if shown else []
        at = end + 1
    return re.sub(r"\n{3,}", "\n\n", "\n".join(out)).strip("\n")


def inline(text: str, book: Book) -> str:
    """Replace the roles in a passage, and links to other pages of the book, by their text.

    Args:
        text: A passage without directives.
        book: What it refers to.

    Returns:
        The passage.

    Raises:
        ValueError: If it quotes a receipt that the page does not have.

    Chapter: How to read this book.

    >>> inline("see {ref}`step two <scale>`", Book())
    'see step two'
    """
    text = PAGE_LINK.sub(lambda found: found["text"], text)
    return ROLE.sub(lambda found: _role(found["name"], found["text"], book), text)


def _end(lines: list[str], start: int, fence: str) -> int:
    """The line that closes the fence opened at `start`; the end of the text where none does."""
    for at in range(start + 1, len(lines)):
        found = FENCE.match(lines[at])
        if found is None or found["info"].strip():
            continue
        if found["fence"][0] == fence[0] and len(found["fence"]) >= len(fence):
            return at
    return len(lines)


def _read(found: re.Match[str], lines: list[str]) -> Directive:
    options: dict[str, str] = {}
    while lines and (option := OPTION.match(lines[0].strip())):
        options[option["name"]] = option["value"].strip()
        lines = lines[1:]
    return Directive(found["name"], found["argument"].strip(), options, "\n".join(lines).strip("\n"))


def _directive(directive: Directive, book: Book) -> str:
    if directive.name in SILENT:
        return ""
    return DIRECTIVES.get(directive.name, _admonition)(directive, book)


def _covers(directive: Directive, book: Book) -> str:
    builds_on = directive.options.get("builds_on", "")
    note = f"\n\nBuilds on: {inline(builds_on, book)}" if builds_on else ""
    return f"**This chapter covers**\n\n{markdown(directive.body, book)}{note}"


def _predict(directive: Directive, book: Book) -> str:
    unit = f" ({directive.options['unit']})" if directive.options.get("unit") else ""
    question = f"**Before you run the next cell, write down:** {inline(directive.argument, book)}{unit}"
    return _quote(f"{question}\n\n{markdown(directive.body, book)}".strip())


def _quiz(directive: Directive, book: Book) -> str:
    question = f"**Quiz.** {inline(directive.argument, book)}"
    if directive.options.get("type") == "number":
        unit, tolerance = directive.options.get("unit", ""), directive.options.get("tolerance")
        answer = f"{inline(directive.options.get('answer', ''), book)} {unit}".strip()
        answer += f", give or take {tolerance}" if tolerance else ""
        said = VERDICT.sub(lambda found: found["feedback"].strip(), markdown(directive.body, book))
        folded = _folded("Answer", f"{answer}\n\n{said}".strip())
        return f"{question}\n\n{folded}"
    options, answers = [], []
    for option in re.split(r"^- ", directive.body, flags=re.MULTILINE)[1:]:
        verdict = VERDICT.search(option)
        text = inline(VERDICT.sub("", option).strip(), book)
        options.append(f"- {text}")
        if verdict is not None:
            said = "right" if verdict["verdict"] == "yes" else "no"
            answers.append(f"- {text}: **{said}**. {inline(' '.join(verdict['feedback'].split()), book)}")
    return f"{question}\n\n" + "\n".join(options) + "\n\n" + _folded("Answers", "\n".join(answers))


def _exercise(directive: Directive, book: Book) -> str:
    title = inline(directive.argument, book)
    heading = f"### Exercise: {title}" if title else "### Exercise"
    return f"{heading}\n\n{markdown(directive.body, book)}"


def _interview(directive: Directive, book: Book) -> str:
    lead = f"**In the interview.** {inline(directive.argument, book)}".strip()
    return _quote(f"{lead}\n\n{markdown(directive.body, book)}".strip())


def _math(directive: Directive, book: Book) -> str:
    return f"$$\n{directive.body or directive.argument}\n$$"


def _code(directive: Directive, book: Book) -> str:
    return f"```{directive.argument}\n{directive.body}\n```"


def _picture(directive: Directive, book: Book) -> str:
    words = directive.options.get("alt", "") or directive.body
    return f"*Figure: {inline(words, book)}*" if words else ""


def _admonition(directive: Directive, book: Book) -> str:
    kinds = {"admonition", "table", "list-table", "margin", "sidebar", "card", "glossary", "div"}
    kind = "" if directive.name in kinds else directive.name.replace("-", " ").capitalize()
    title = inline(directive.argument, book) or kind
    body = markdown(directive.body, book)
    return f"**{title}**\n\n{body}" if title else body


def _dropdown(directive: Directive, book: Book) -> str:
    title = inline(directive.argument, book) if directive.name == "dropdown" else ""
    return _folded(title or "Solution", markdown(directive.body, book))


DIRECTIVES: Mapping[str, Callable[[Directive, Book], str]] = {
    "covers": _covers,
    "predict": _predict,
    "quiz": _quiz,
    "exercise": _exercise,
    "exercise-start": _exercise,
    "solution": _dropdown,
    "solution-start": lambda directive, book: "#### Solution",
    "dropdown": _dropdown,
    "interview": _interview,
    "math": _math,
    "code-block": _code,
    "code": _code,
    "figure": _picture,
    "image": _picture,
}


def _quote(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.split("\n"))


def _folded(title: str, text: str) -> str:
    return f"<details>\n<summary>{title}</summary>\n\n{text}\n\n</details>"


def _role(name: str, text: str, book: Book) -> str:
    if name.startswith("glue"):
        return _value(text, book)
    if name.startswith("cite"):
        return _citation(name, text, book)
    if name == "math":
        return f"${text}$"
    if name in {"code", "py:func", "py:class", "py:mod", "py:meth", "file", "command", "kbd"}:
        return f"`{text.strip('~')}`"
    titled = TITLED.match(text)
    if titled is not None and titled["text"]:
        return titled["text"]
    target = text.strip().lstrip("/")
    return book.titles.get(target, book.titles.get(target.split("/")[-1], target))


def _value(text: str, book: Book) -> str:
    name, _, form = text.partition(":")
    if name not in book.values:
        known = ", ".join(sorted(book.values)) or "none"
        raise ValueError(f"the text quotes a receipt that the page does not have: {name!r} (it has {known}).")
    return format(book.values[name], form)


def _citation(name: str, text: str, book: Book) -> str:
    found = [book.citations.get(key.strip(), (key.strip(), "")) for key in text.split(",")]
    if name.endswith(":t"):
        return "; ".join(f"{authors} ({year})" if year else authors for authors, year in found)
    return "(" + "; ".join(f"{authors}, {year}" if year else authors for authors, year in found) + ")"
