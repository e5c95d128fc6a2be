"""Finds numbers that have no role: typed into a page's prose, with neither a receipt nor a citation behind them.

A numeral with a unit, a per cent sign or a decimal point must be quoted from a receipt (`{glue:text}`), or stand in the
same sentence as a citation. Code, mathematics, addresses, front matter and options of directives are not prose;
the feedback of quizzes, which is written in HTML comments, is.

    python -m book.tools.roles chapters/framework/01-problem.md
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

_CITED = "\x01"  # stands for a citation while the text is searched

# Backtick directives whose body is not prose. The bodies of all others, and of colon fences, are read.
_NOT_PROSE = (
    r"code-cell|code-block|code|sourcecode|literalinclude|math|raw|eval-rst|bibliography|toctree|mermaid|graphviz"
)

_UNITS = (
    r"%|‰|×|x\b|°|€|£|[nµμm]?s\b|secs?\b|seconds?\b|milliseconds?\b|microseconds?\b|mins?\b|minutes?\b|h\b|hours?\b|days?\b"
    r"|weeks?\b|months?\b|years?\b|per\s+cent\b|percent\b|percentage\b|per\s+(?:second|minute|hour|day|week|user|request)\b"
    r"|[kKMGTP]i?B\b|bytes?\b|bits?\b|Hz\b|[kMG]Hz\b|px\b|[kcm]?m\b|kg\b|W\b|kWh\b|QPS\b|qps\b"
    r"|-?\s?fold\b|times\b|thousand\b|million\b|billion\b|trillion\b|EUR\b|USD\b|GBP\b|euros?\b|dollars?\b|cents?\b|pounds?\b"
    r"|users?\b|viewers?\b|people\b|persons?\b|searchers?\b|requests?\b|quer(?:y|ies)\b|sessions?\b|clicks?\b|impressions?\b"
    r"|views?\b|documents?\b|posts?\b|ads?\b|videos?\b|films?\b|movies?\b|items?\b|rows?\b|candidates?\b|entities\b|images?\b"
    r"|machines?\b|servers?\b|shards?\b|tokens?\b|words?\b|parameters?\b|trees?\b|examples?\b|features?\b|labels?\b"
)
_NUMBER = r"\d+(?:[,_\u202f\u00a0 ]\d{3})*(?:\.\d+)?"
_NUMERAL = re.compile(
    rf"(?<![\w.\-/#@])(?P<currency>[€£$]\s?)?(?P<number>{_NUMBER})"
    rf"(?:\s?(?:–|-|to|or|and|by)\s?{_NUMBER})?(?P<unit>[\s\u00a0\-]?(?:{_UNITS}))?(?![\w/])"
)
# A dotted number after one of these names a version or a place in a text, and measures nothing.
_NAMES = re.compile(
    r"(?:Python|versions?|BY|Apache|LGPL|GPL|Jupyter Book|JupyterLab|Sphinx|numpy|pandas"
    r"|[Cc]hapters?|[Ss]ections?|[Ff]igures?|[Tt]ables?|[Ee]quations?|[Ss]teps?|[Rr]ules?)[\s\u00a0]$"
)
_SENTENCE_END = re.compile(r"(?<=[.!?…])[\"'”’)\]*_]*\s+(?=[\"'“‘(\[*_<\x01]*[A-Z\d])")
_BLOCK_END = re.compile(r"\n[ \t]*\n|\n(?=[ \t]*(?:[-*+]|\d+[.)]|\||>|#|:::|```|<!--))")


class Finding(NamedTuple):
    """A number without a role.

    Attributes:
        file: The page.
        line: Line in the page, from 1.
        numeral: The number with its unit, as it is written.
        advice: What to do about it.
    """

    file: str
    line: int
    numeral: str
    advice: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.numeral!r} has no role. {self.advice}"


ADVICE = (
    "Measured: keep it with receipt(name=...) and quote {glue:text}`name`. Given: the same, with given(name=...). "
    "Published: cite its source in the same sentence."
)


def find_untyped(text: str, *, file: str = "<text>") -> list[Finding]:
    """Find the numbers of a page's prose that come from no receipt and stand beside no citation.

    Args:
        text: A page in MyST Markdown.
        file: Its name, for the findings.

    Returns:
        The findings, in the order of the page.

    Chapter: How to read this book.

    >>> [finding.numeral for finding in find_untyped("Ranking takes 20 ms, or 3 stages.")]
    ['20 ms']
    >>> find_untyped("Dean and Barroso print 63 % {cite}`dean2013tail`.")
    []
    """
    prose = _prose(text)
    findings = []
    for start, sentence in _sentences(prose):
        if _CITED in sentence:
            continue
        for match in _NUMERAL.finditer(sentence):
            bare = "." not in match["number"] and not match["unit"] and not match["currency"]
            decade = re.fullmatch(r"(?:19|20)\d0s", match[0])
            named = not match["unit"] and _NAMES.search(sentence[: match.start()])
            if bare or named or decade:
                continue
            line = prose.count("\n", 0, start + match.start()) + 1
            findings.append(Finding(file, line, " ".join(match[0].split()), ADVICE))
    return findings


def find_in_files(paths: Iterable[Path]) -> list[Finding]:
    """Find the numbers without a role in several pages.

    Args:
        paths: Pages in MyST Markdown.

    Returns:
        The findings, page by page.

    Chapter: How to read this book.

    >>> find_in_files([])
    []
    """
    return [finding for path in paths for finding in find_untyped(path.read_text(encoding="utf-8"), file=str(path))]


def main(arguments: list[str]) -> int:
    """Print the findings of the pages named on the command line.

    Args:
        arguments: Paths of pages.

    Returns:
        The exit code: 1 if anything was found, 2 if no page was named.

    Chapter: How to read this book.
    """
    if not arguments:
        print("Name at least one page: python -m book.tools.roles chapters/framework/01-problem.md", file=sys.stderr)
        return 2
    findings = find_in_files(map(Path, arguments))
    for finding in findings:
        print(finding)
    return 1 if findings else 0


def _sentences(prose: str) -> Iterable[tuple[int, str]]:
    for block_start, block in _pieces(prose, _BLOCK_END):
        for start, sentence in _pieces(block, _SENTENCE_END):
            yield block_start + start, sentence


def _pieces(text: str, end: re.Pattern[str]) -> Iterable[tuple[int, str]]:
    start = 0
    for match in end.finditer(text):
        yield start, text[start : match.start()]
        start = match.end()
    yield start, text[start:]


def _prose(text: str) -> str:
    """The text with everything that is not prose blanked out, so that lines keep their numbers."""
    text = _blank(text, r"\A---\n.*?\n---[ \t]*(?=\n|\Z)")
    text = _blank(text, rf"^(?P<f>`{{3,}}|~{{3,}}|:{{3,}})\{{(?:{_NOT_PROSE})\}}.*?^(?P=f)[`~:]*[ \t]*$", re.M)
    text = _blank(text, r"^[ \t]*(?P<f>`{3,}|~{3,})(?!\{)[^\n`]*\n.*?^[ \t]*(?P=f)[ \t]*$", re.M)
    # Options stand directly below the opening of a directive.
    text = _blank(
        text,
        r"^[ \t]*(?:`{3,}|~{3,}|:{3,})\{[\w:.-]+\}[^\n]*\n(?:[ \t]*:[\w-]+:[^\n]*(?:\n|\Z))+",
        re.M,
        _keep_first,
    )
    text = _blank(text, r"^[ \t]*(?:`{3,}|~{3,}|:{3,})(?:\{[\w:.-]+\})?", re.M)
    text = _blank(text, r"^%[^\n]*$", re.M)
    text = _blank(text, r"<!--(?!\s*(?:yes|no):).*?-->")
    text = re.sub(r"\{cite[\w:]*\}`[^`]*`", lambda m: _CITED + " " * (len(m[0]) - 1), text)
    text = _blank(text, r"\{[\w:.-]+\}(?P<t>`+).*?(?P=t)")
    text = _blank(text, r"(?<!`)(?P<t>`+)(?!`).+?(?<!`)(?P=t)(?!`)")
    text = _blank(text, r"\$\$.*?\$\$")
    text = _blank(text, r"(?<![\\$])\$(?![\s$])[^$\n]*?(?<!\s)\$(?!\d)")
    text = _blank(text, r"(?<=\])\([^)\s]*\)|https?://[^\s)>]+|www\.[^\s)>]+")
    text = _blank(text, r"^\([\w-]+\)=[ \t]*$", re.M)
    return _blank(text, r"^(?P<h>#{1,6}[ \t]+)\d+(?:\.\d+)*\.?(?=[ \t])", re.M)


def _spaces(match: re.Match[str]) -> str:
    return re.sub(r"[^\n]", " ", match[0])


def _keep_first(match: re.Match[str]) -> str:
    first, options = match[0].split("\n", 1)
    return first + "\n" + re.sub(r"[^\n]", " ", options)


def _blank(text: str, pattern: str, flags: int = 0, by: Callable[[re.Match[str]], str] = _spaces) -> str:
    return re.sub(pattern, by, text, flags=flags | re.DOTALL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
