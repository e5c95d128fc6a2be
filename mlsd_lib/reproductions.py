"""What a run is to reproduce: published values and tolerances, written down in `data/reproductions.yml` before it runs.

The file is the promise, the cells of the chapters are the results, and the page "Reproduced results" holds one against
the other. Nothing in this module looks at a result before its tolerance is read.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

KINDS = ("simulated", "trained", "computed")
NUMBERS = ("published", "tolerance", "at_least", "at_most")
FIELDS = (
    "chapter",
    "what",
    "published",
    "published_text",
    "unit",
    "source",
    "tolerance",
    "at_least",
    "at_most",
    "kind",
)
KEY = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


@dataclass(frozen=True)
class Reproduction:
    """A published result, and how near our run has to come.

    Attributes:
        key: Its name, such as "fan-out-100".
        chapter: The page whose cell reproduces it.
        what: What the number is, in a phrase.
        unit: Its unit, such as "share" or "ms".
        source: Citation key of where it was published; several are separated by commas.
        kind: "simulated" or "trained" where chance is involved, "computed" where it is arithmetic.
        published: The published value, in `unit`; None where a direction was published.
        tolerance: How far from it our value may lie, in `unit`.
        published_text: What was published, where it is a direction.
        at_least: The lowest value that counts as that direction.
        at_most: The highest value that counts as that direction.

    Chapter: How to read this book.

    >>> row = Reproduction("fan-out-100", "chapters/framework/02-scale-and-latency", "Share of requests that wait",
    ...                    "share", "dean2013tail", "simulated", published=0.634, tolerance=0.01)
    >>> row.within(0.64), row.within(0.66), row.promise
    (True, False, 'published 0.634, tolerance 0.01')
    """

    key: str
    chapter: str
    what: str
    unit: str
    source: str
    kind: str
    published: float | None = None
    tolerance: float | None = None
    published_text: str | None = None
    at_least: float | None = None
    at_most: float | None = None

    def __post_init__(self) -> None:
        where = f"reproductions.yml: {self.key!r}"
        if not KEY.fullmatch(self.key):
            raise ValueError(f"{where} is no key. Use small letters, digits and single hyphens, such as 'fan-out-100'.")
        for name in ("chapter", "what", "unit", "source"):
            if not str(getattr(self, name) or "").strip():
                raise ValueError(f"{where} has no {name}. A row without it cannot be checked.")
        if self.kind not in KINDS:
            raise ValueError(f"{where} is of the kind {self.kind!r}. Choose one of {', '.join(KINDS)}.")
        for name in NUMBERS:
            number = getattr(self, name)
            if number is None:
                continue
            if isinstance(number, bool) or not isinstance(number, int | float) or not math.isfinite(number):
                raise ValueError(f"{where}: {name} is {number!r}. Give a finite number.")
        if self.published_text is None:
            if self.published is None or self.tolerance is None or self.tolerance < 0 or self.limits:
                raise ValueError(
                    f"{where} needs published and a tolerance of at least 0; or published_text and at_least or at_most."
                )
        elif self.published is not None or self.tolerance is not None or not self.limits:
            raise ValueError(
                f"{where} has a published_text, so it needs at_least or at_most, and neither published nor tolerance."
            )

    @property
    def limits(self) -> str:
        """The limits of a direction in words, such as "at least 0"; empty where there are none."""
        limits = {"at least": self.at_least, "at most": self.at_most}
        return " and ".join(f"{name} {number:g}" for name, number in limits.items() if number is not None)

    @property
    def promise(self) -> str:
        """What was published, and what will count as reproducing it."""
        if self.published_text is not None:
            return f"published: {self.published_text}; counts if {self.limits}"
        return f"published {self.published:g}, tolerance {self.tolerance:g}"

    def within(self, value: float) -> bool:
        """Whether a value reproduces the published one; the limits themselves do.

        Args:
            value: What our run gave, in `unit`.

        Returns:
            True if it does.

        Chapter: How to read this book.
        """
        if self.published is not None and self.tolerance is not None:
            return abs(value - self.published) <= self.tolerance + 1e-9 * max(1.0, abs(self.published))
        return (self.at_least is None or value >= self.at_least) and (self.at_most is None or value <= self.at_most)


def path() -> Path:
    """Where the file lies: in the project's repository.

    Returns:
        The path of `data/reproductions.yml`.

    Raises:
        ValueError: If the library was installed without the repository.

    Chapter: How to read this book.

    >>> path().name
    'reproductions.yml'
    """
    found = Path(__file__).resolve().parent.parent / "data" / "reproductions.yml"
    if not found.is_file():
        raise ValueError(
            "reproduced: data/reproductions.yml lies in the project's repository, not in the installed package. Clone "
            "the repository, install it with pip install -e . and run this there; or use receipt() for the value alone."
        )
    return found


def load(file: Path) -> dict[str, Reproduction]:
    """Read the published results.

    Args:
        file: A file such as `data/reproductions.yml`: key to fields.

    Returns:
        Key to published result, in the order of the file.

    Raises:
        ValueError: If the file is not valid, a key stands in it twice, or a row lacks something.

    Chapter: How to read this book.

    >>> sorted({row.kind for row in load(path()).values()} - set(KINDS))
    []
    """
    try:
        content = yaml.load(file.read_text("utf8"), Loader=_Once)
    except yaml.YAMLError as error:
        raise ValueError(f"reproductions.yml is not valid: {error}") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise ValueError("reproductions.yml: expected rows `key:` with their fields below them.")
    return {str(key): _row(str(key), fields) for key, fields in content.items()}


def _row(key: str, fields: Any) -> Reproduction:
    if not isinstance(fields, Mapping):
        raise ValueError(f"reproductions.yml: {key!r} has no fields. It needs {', '.join(FIELDS[:3])} and so on.")
    unknown = [name for name in fields if name not in FIELDS]
    if unknown:
        raise ValueError(f"reproductions.yml: {key!r} has the field {unknown[0]!r}; known are {', '.join(FIELDS)}.")
    known: dict[str, Any] = {name: fields.get(name) for name in NUMBERS}
    for name in ("chapter", "what", "unit", "source", "kind"):
        known[name] = str(fields.get(name) or "").strip()
    said = fields.get("published_text")
    return Reproduction(key, **known, published_text=None if said is None else str(said))


class _Once(yaml.SafeLoader):
    """YAML in which a key that stands twice is an error: the second would silently replace the first."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for name, _ in node.value:
            if name.value in seen:
                line = name.start_mark.line + 1
                raise ValueError(f"reproductions.yml, line {line}: {name.value!r} is there twice. Rename one.")
            seen.add(name.value)
        return super().construct_mapping(node, deep=deep)
