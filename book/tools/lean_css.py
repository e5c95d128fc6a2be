"""One small style sheet out of many: rules that no page can use are dropped, by a parser of CSS.

A rule goes when each of its selectors names a class, an id or an element that neither a page nor a script mentions.
What stands inside `:not()`, `:is()` and brackets is not looked at: `:not(.x)` holds where no `.x` is. What scripts add
while the page runs is found in the strings of the scripts, or named in `RUNTIME`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import tinycss2
from bs4 import BeautifulSoup

RUNTIME = re.compile(  # classes that Bootstrap adds while the page runs
    r"show|showing|hiding|active|disabled|collaps(e|ed|ing)|fade|tooltip.*|bs-tooltip.*|dropdown-menu.*|modal-open|was-validated"
)
NAME = re.compile(r"-?[_a-zA-Z][\w-]*")
NESTED = {"media", "supports", "layer", "container"}
FRAMES = {"keyframes", "-webkit-keyframes"}


@dataclass(frozen=True)
class Declaration:
    """A property with its value, as tokens."""

    name: str
    value: tuple[Any, ...]
    important: bool


@dataclass(frozen=True)
class Block:
    """A rule or a group of rules: what stands before the brace, and what stands inside."""

    keyword: str  # "media", "font-face" …; empty for a rule with selectors
    head: str
    declarations: tuple[Declaration, ...] = ()
    blocks: tuple[Block, ...] = ()


@dataclass(frozen=True)
class Known:
    """What a site's pages and scripts mention: names of elements, classes and ids, custom properties."""

    names: frozenset[str]
    properties: frozenset[str]


def known(pages: Iterable[BeautifulSoup], scripts: Iterable[str]) -> Known:
    """What the pages of a site and its scripts mention.

    Args:
        pages: The pages.
        scripts: Texts of the scripts that they load.

    Returns:
        Names and custom properties.

    Chapter: How to read this book.
    """
    names: set[str] = set()
    texts = list(scripts)
    for page in pages:
        for tag in page.find_all(True):
            names.add(tag.name)
            names.update(tag.get_attribute_list("class"))
            names.add(str(tag.get("id", "")))
            texts.append(str(tag.get("style", "")))
        texts += [str(script.string) for script in page.find_all(["script", "style"]) if script.string]
    for text in texts:
        names.update(NAME.findall(text))
    properties = {name for text in texts for name in re.findall(r"--[\w-]+", text)}
    return Known(frozenset(names), frozenset(properties))


def parse(css: str, url: Callable[[str], str]) -> list[Block]:
    """The rules of a style sheet.

    Args:
        css: The style sheet; its imports are resolved already.
        url: What an address in it becomes.

    Returns:
        Its rules, without comments.

    Chapter: How to read this book.
    """
    return list(_blocks(tinycss2.parse_stylesheet(css, skip_comments=True, skip_whitespace=True), url))


def purge(blocks: Iterable[Block], found: Known) -> list[Block]:
    """Drop what no page can use: rules, and then custom properties and animations that no rule is left to use.

    Args:
        blocks: Rules.
        found: What the site mentions.

    Returns:
        The rules that stay, in their order.

    Chapter: How to read this book.
    """
    kept = list(_select(blocks, found))
    while True:
        smaller = list(_prune(kept, _variables(kept) | found.properties, _animations(kept)))
        if smaller == kept:
            return kept
        kept = smaller


def write(blocks: Iterable[Block]) -> str:
    """Rules as a style sheet, in one line.

    Args:
        blocks: Rules.

    Returns:
        The text.

    Chapter: How to read this book.
    """
    return "".join(_write(block) for block in blocks)


def walk(blocks: Iterable[Block]) -> Iterator[Block]:
    """Every rule, however deep.

    Args:
        blocks: Rules.

    Yields:
        Each rule, and those inside it.

    Chapter: How to read this book.
    """
    for block in blocks:
        yield block
        yield from walk(block.blocks)


def tokens(values: Iterable[Any]) -> Iterator[Any]:
    """Every token of a value, however deep.

    Args:
        values: Tokens.

    Yields:
        Each token, and those inside functions and brackets.

    Chapter: How to read this book.
    """
    for token in values:
        yield token
        yield from tokens(getattr(token, "arguments", None) or getattr(token, "content", None) or ())


def _blocks(rules: Iterable[Any], url: Callable[[str], str]) -> Iterator[Block]:
    for rule in rules:
        if rule.type == "qualified-rule":
            inner = list(tinycss2.parse_blocks_contents(rule.content, skip_comments=True, skip_whitespace=True))
            nested = tuple(_blocks((part for part in inner if part.type != "declaration"), url))
            yield Block("", _text(rule.prelude), _declarations(inner, url), nested)
        elif rule.type == "at-rule" and rule.content is not None:
            keyword = rule.lower_at_keyword
            head = f"@{rule.at_keyword} {_text(rule.prelude)}".strip()
            if keyword in NESTED or keyword in FRAMES:
                inner = tinycss2.parse_rule_list(rule.content, skip_comments=True, skip_whitespace=True)
                yield Block(keyword, head, blocks=tuple(_blocks(inner, url)))
            else:
                inner = tinycss2.parse_blocks_contents(rule.content, skip_comments=True, skip_whitespace=True)
                yield Block(keyword, head, _declarations(inner, url))


def _declarations(parts: Iterable[Any], url: Callable[[str], str]) -> tuple[Declaration, ...]:
    found = [part for part in parts if part.type == "declaration"]
    for part in found:
        for token in tokens(part.value):
            if token.type == "url":
                token.value = url(token.value)
                token.representation = f'url("{token.value}")'
            elif token.type == "function" and token.lower_name == "url":
                for text in (argument for argument in token.arguments if argument.type == "string"):
                    text.value = url(text.value)
                    text.representation = '"' + text.value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return tuple(Declaration(part.name, tuple(part.value), part.important) for part in found)


def _select(blocks: Iterable[Block], found: Known) -> Iterator[Block]:
    for block in blocks:
        if block.keyword in NESTED:
            inner = tuple(_select(block.blocks, found))
            if inner:
                yield replace(block, blocks=inner)
        elif block.keyword:
            yield block
        else:
            prelude = tinycss2.parse_component_value_list(block.head, skip_comments=True)
            kept = [selector for selector in _split(prelude) if _possible(selector, found)]
            if kept:
                yield replace(block, head=",".join(_text(selector) for selector in kept))


def _split(prelude: Iterable[Any]) -> list[list[Any]]:
    selectors: list[list[Any]] = [[]]
    for token in prelude:
        if token.type == "literal" and token.value == ",":
            selectors.append([])
        else:
            selectors[-1].append(token)
    return selectors


def _possible(selector: Sequence[Any], found: Known) -> bool:
    before = ""
    for token in selector:
        if token.type == "hash" and token.value not in found.names:
            return False
        if token.type == "ident" and before != ":":
            name = token.value if before == "." else token.lower_value
            if name not in found.names and not (before == "." and RUNTIME.fullmatch(name)):
                return False
        before = token.value if token.type == "literal" else ""
    return True


def _variables(blocks: Iterable[Block]) -> set[str]:
    return {
        argument.value
        for block in walk(blocks)
        for declaration in block.declarations
        for token in tokens(declaration.value)
        if token.type == "function" and token.lower_name == "var"
        for argument in token.arguments
        if argument.type == "ident"
    }


def _animations(blocks: Iterable[Block]) -> set[str]:
    return {
        token.value
        for block in walk(blocks)
        for declaration in block.declarations
        if "animation" in declaration.name or declaration.name.startswith("--")
        for token in tokens(declaration.value)
        if token.type == "ident"
    }


def _prune(blocks: Iterable[Block], variables: set[str] | frozenset[str], animations: set[str]) -> Iterator[Block]:
    for block in blocks:
        if block.keyword in FRAMES and block.head.split()[-1] not in animations:
            continue
        kept = tuple(
            declaration
            for declaration in block.declarations
            if not declaration.name.startswith("--") or declaration.name in variables
        )
        inner = tuple(_prune(block.blocks, variables, animations))
        if kept or inner:
            yield replace(block, declarations=kept, blocks=inner)


def _text(values: Iterable[Any]) -> str:
    """Tokens as text, without comments and with single spaces."""
    parts = []
    for token in values:
        if token.type == "whitespace":
            parts.append(" ")
        elif token.type != "comment":
            parts.append(token.serialize())
    return "".join(parts).strip()


def _write(block: Block) -> str:
    lines = [
        f"{declaration.name}:{_text(declaration.value) or ' '}{'!important' if declaration.important else ''}"
        for declaration in block.declarations
    ]
    inner = "".join(_write(child) for child in block.blocks)
    return f"{block.head}{{{';'.join(lines)}{';' if lines and inner else ''}{inner}}}"
