"""Step 1, set up the problem: the questions to ask, the requirements they lead to, and one precise statement."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from mlsd_lib._questions import ALL, KINDS, THEMES, Question

Direction = Literal["at most", "at least"]


@dataclass(frozen=True, repr=False)
class Checklist:
    """Questions to ask before designing, as `questions` returns them; a notebook shows them as a list.

    Attributes:
        asked: The questions, in the order in which they are best asked.

    Chapter: Set up the problem.

    >>> print(questions("search", theme="cost"))
    [cost] What may a request cost, and what is one better answer worth?
        because A model that is a little better can cost more than it brings.
        decides model size; where the funnel is cut; whether labels are bought
    """

    asked: tuple[Question, ...]

    def __iter__(self) -> Iterator[Question]:
        return iter(self.asked)

    def __len__(self) -> int:
        return len(self.asked)

    def __str__(self) -> str:
        return "\n".join(f"[{q.theme}] {q.ask}\n    because {q.because}\n    decides {q.decides}" for q in self.asked)

    __repr__ = __str__

    def frame(self) -> pd.DataFrame:
        """The questions as a table, for instance to fill in the answers.

        Returns:
            One row a question: `theme`, `question`, `because`, `decides`.

        Chapter: Set up the problem.

        >>> questions("feed").frame().columns.tolist()
        ['theme', 'question', 'because', 'decides']
        """
        rows = [(q.theme, q.ask, q.because, q.decides) for q in self.asked]
        return pd.DataFrame(rows, columns=["theme", "question", "because", "decides"])

    def _repr_markdown_(self) -> str:
        return "\n".join(f"- **{q.ask}** {q.because} *Decides:* {q.decides}." for q in self.asked)


def questions(kind: str | None = None, *, theme: str | None = None) -> Checklist:
    """The clarifying questions worth asking about a system, each with what its answer decides.

    Args:
        kind: Kind of system, such as "search" or "feed"; None for the questions that every system needs.
        theme: Keep one theme, such as "privacy"; None keeps all.

    Returns:
        The questions for every system and those for this kind, ordered by theme.

    Raises:
        ValueError: If `kind` or `theme` is not known.

    Chapter: Set up the problem.

    >>> [q.ask for q in questions("search", theme="scope")][0]
    'Is it a search of everything, or of one thing, such as the products of a shop?'
    """
    for what, value, known in (("kind", kind, KINDS), ("theme", theme, THEMES)):
        if value is not None and value not in known:
            raise ValueError(f"questions: {what} {value!r} is not known. Choose one of: {', '.join(known)}.")
    fitting = [q for q in ALL if (not q.kinds or kind in q.kinds) and theme in (None, q.theme)]
    return Checklist(tuple(sorted(fitting, key=lambda q: (THEMES.index(q.theme), not q.kinds))))


@dataclass(frozen=True)
class Requirement:
    """A number that the system is held to.

    Attributes:
        name: What is measured, as in the mapping given to `Requirements.check`.
        value: The limit, in `unit`.
        unit: Unit of the limit and of what is measured, such as "ms".
        direction: Whether the limit is a ceiling ("at most") or a floor ("at least"); the limit itself is allowed.
        source: Where the number came from: an answer in the interview, a law, a budget.

    Raises:
        ValueError: If a text is empty, `value` is not finite, or `direction` is neither.

    Chapter: Set up the problem.

    >>> print(at_most("p99_latency", 300, "ms", source="product manager"))
    p99_latency at most 300 ms (product manager)
    """

    name: str
    value: float
    unit: str
    direction: Direction
    source: str

    def __post_init__(self) -> None:
        for field in ("name", "unit", "source"):
            if not str(getattr(self, field)).strip():
                raise ValueError(f"Requirement {self.name!r}: {field} is empty. A number without it cannot be checked.")
        if self.direction not in ("at most", "at least"):
            raise ValueError(f"Requirement {self.name!r}: direction is {self.direction!r}; 'at most' or 'at least'.")
        if isinstance(self.value, str) or not math.isfinite(self.value):
            raise ValueError(f"Requirement {self.name!r}: the limit is {self.value!r}; a finite number was expected.")

    def __str__(self) -> str:
        return f"{self.name} {self.direction} {self.value:g} {self.unit} ({self.source})"

    def met_by(self, measured: float) -> bool:
        """Whether a measured value keeps the requirement; the limit itself does.

        Args:
            measured: The measured value, in the unit of the requirement.

        Returns:
            True if it does.

        Chapter: Set up the problem.

        >>> at_most("p99_latency", 300, "ms", source="product manager").met_by(300)
        True
        """
        return measured <= self.value if self.direction == "at most" else measured >= self.value


def at_most(name: str, value: float, unit: str, *, source: str) -> Requirement:
    """A ceiling.

    Args:
        name: What is measured.
        value: The largest allowed value, in `unit`.
        unit: Unit of the value.
        source: Where the number came from.

    Returns:
        The requirement.

    Raises:
        ValueError: As `Requirement`.

    Chapter: Set up the problem.

    >>> at_most("cost_per_request", 0.002, "EUR", source="budget").direction
    'at most'
    """
    return Requirement(name, value, unit, "at most", source)


def at_least(name: str, value: float, unit: str, *, source: str) -> Requirement:
    """A floor.

    Args:
        name: What is measured.
        value: The smallest allowed value, in `unit`.
        unit: Unit of the value.
        source: Where the number came from.

    Returns:
        The requirement.

    Raises:
        ValueError: As `Requirement`.

    Chapter: Set up the problem.

    >>> at_least("requests_per_second", 2_000, "1/s", source="capacity plan").value
    2000
    """
    return Requirement(name, value, unit, "at least", source)


@dataclass(frozen=True, repr=False)
class Requirements:
    """The numbers that steps 1 and 2 set down, and that every later step is held to.

    Attributes:
        items: The requirements; their names differ.

    Raises:
        ValueError: If two requirements share a name, or there is none.

    Chapter: Set up the problem.

    >>> wanted = Requirements([
    ...     at_most("p99_latency", 300, "ms", source="product manager"),
    ...     at_least("session_success", 0.70, "share", source="last year's average"),
    ... ])
    >>> wanted.check({"p99_latency": 340}, units={"p99_latency": "ms"})
                  name      required  measured   unit           met
    0      p99_latency   at most 300     340.0     ms            no
    1  session_success  at least 0.7       NaN  share  not measured
    """

    items: Sequence[Requirement]

    def __post_init__(self) -> None:
        names = [requirement.name for requirement in self.items]
        if not names:
            raise ValueError("Requirements: none given. Start with one: at_most('p99_latency', 300, 'ms', source=...).")
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"Requirements: {name!r} is given {names.count(name)} times. Keep one, or rename one.")
        object.__setattr__(self, "items", tuple(self.items))

    def __iter__(self) -> Iterator[Requirement]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, name: str) -> Requirement:
        for requirement in self.items:
            if requirement.name == name:
                return requirement
        raise KeyError(f"Requirements: {name!r} is not one of: {self._names()}.")

    def check(self, measured: Mapping[str, float], *, units: Mapping[str, str] | None = None) -> pd.DataFrame:
        """The "requirements met?" table. What was not measured is never met.

        Args:
            measured: A finite number for each requirement that was measured, by name, in the requirement's unit.
            units: Units of the measured values, where they are known; each must be the requirement's.

        Returns:
            One row a requirement, in order: `name`, `required`, `measured` (NaN where it was not), `unit` and `met`:
            "yes", "no" or "not measured".

        Raises:
            ValueError: If a name is not a requirement's, a value is not a finite number, or a unit is another one.

        Chapter: Set up the problem.

        >>> wanted = Requirements([at_most("p99_latency", 300, "ms", source="product manager")])
        >>> wanted.check({"p99_latency": 240}).met.tolist()
        ['yes']
        """
        units = units or {}
        for name in [*measured, *units]:
            if name not in [requirement.name for requirement in self.items]:
                raise ValueError(f"measured: {name!r} is not a requirement. The requirements are: {self._names()}.")
        rows = []
        for requirement in self.items:
            name, unit = requirement.name, requirement.unit
            if units.get(name, unit) != unit:
                raise ValueError(
                    f"measured: {name} is in {units[name]!r}, and the requirement is in {unit!r}. Convert the value."
                )
            required = f"{requirement.direction} {requirement.value:g}"
            if name not in measured:
                rows.append((name, required, math.nan, unit, "not measured"))
                continue
            value = measured[name]
            if isinstance(value, str) or not math.isfinite(value):
                raise ValueError(
                    f"measured: {name} is {value!r}. Pass a finite number, or leave {name} out: "
                    "it then counts as not measured."
                )
            rows.append((name, required, float(value), unit, "yes" if requirement.met_by(value) else "no"))
        return pd.DataFrame(rows, columns=["name", "required", "measured", "unit", "met"])

    def frame(self) -> pd.DataFrame:
        """The requirements as a table, with where each number came from.

        Returns:
            One row a requirement: `name`, `required`, `unit`, `source`.

        Chapter: Set up the problem.

        >>> Requirements([at_most("p99_latency", 300, "ms", source="product manager")]).frame().required[0]
        'at most 300'
        """
        rows = [(r.name, f"{r.direction} {r.value:g}", r.unit, r.source) for r in self.items]
        return pd.DataFrame(rows, columns=["name", "required", "unit", "source"])

    def _repr_html_(self) -> str:
        return self.frame().to_html(index=False, border=0, justify="left")

    def __str__(self) -> str:
        return "\n".join(map(str, self.items))

    __repr__ = __str__

    def _names(self) -> str:
        return ", ".join(requirement.name for requirement in self.items)


@dataclass(frozen=True, repr=False)
class ProblemStatement:
    """What the model is to do, in one sentence that leaves nothing to guess.

    Attributes:
        given: What goes in, such as "a list of posts".
        predict: What the model predicts, such as "the probability of engagement".
        so_that: What is done with the prediction, as a verb: "orders them by it".
        optimise: The label and the loss it is trained on.
        judged_by: The metrics that decide, offline and online; at least one.

    Raises:
        ValueError: If a part is empty.

    Chapter: Set up the problem.

    >>> print(ProblemStatement(
    ...     given="a list of posts",
    ...     predict="the probability of engagement",
    ...     so_that="orders them by it",
    ...     optimise="the log loss of 'liked, replied or reposted'",
    ...     judged_by=["NDCG offline", "return next week online"],
    ... ))
    Given a list of posts, train a model that predicts the probability of engagement and orders them by it;
    optimise the log loss of 'liked, replied or reposted'; judge it by NDCG offline and return next week online.
    """

    given: str
    predict: str
    so_that: str
    optimise: str
    judged_by: Sequence[str]

    def __post_init__(self) -> None:
        for part in ("given", "predict", "so_that", "optimise"):
            if not getattr(self, part).strip():
                raise ValueError(f"ProblemStatement: {part} is empty, so two teams would fill it in differently.")
        if isinstance(self.judged_by, str):
            raise ValueError(f"ProblemStatement: judged_by is a text; pass a list of metrics: [{self.judged_by!r}].")
        if not self.judged_by or not all(metric.strip() for metric in self.judged_by):
            raise ValueError("ProblemStatement: judged_by is empty, so nobody could say whether the model is good.")
        object.__setattr__(self, "judged_by", tuple(self.judged_by))

    def __str__(self) -> str:
        *others, last = self.judged_by
        metrics = f"{', '.join(others)} and {last}" if others else last
        return (
            f"Given {self.given}, train a model that predicts {self.predict} and {self.so_that}; "
            f"optimise {self.optimise}; judge it by {metrics}."
        )

    __repr__ = __str__

    def _repr_markdown_(self) -> str:
        return f"> {self}"
