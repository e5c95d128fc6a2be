"""Stages: components that order their candidates, best first, and pass on a number of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol, Self, runtime_checkable

import numpy as np

from mlsd_lib import storage
from mlsd_lib.architecture import Batch, Component, State, System


@runtime_checkable
class Stage(Component, Protocol):
    """A Component that passes on at most `keep` candidates of each request, best first.

    `kept(few)` passes on the first few of what `kept(many)` passes on: the number cuts the order and does not change
    it. A retrieval that finds candidates and a ranker that orders them can both be stages; the last stage's `keep` is
    how many are shown, or go to an auction.

    Chapter: A funnel for scale.
    """

    @property
    def keep(self) -> int:
        """How many candidates of a request it passes on at most; at least 1."""
        ...

    def kept(self, keep: int) -> Self:
        """A copy that passes on another number; this one stays as it is.

        Args:
            keep: How many candidates of a request to pass on at most.

        Returns:
            The copy; what was learned is shared.

        Raises:
            ValueError: If `keep` is not an integer of at least 1.
        """
        ...


@dataclass(frozen=True)
class Scored:
    """A stage made of a component that gives each candidate a `score`: the best of each request go on.

    Attributes:
        scorer: A component that leaves candidates with an item array `score`, higher is better; in any order.
        keep: How many candidates of a request to pass on at most; equal scores as the scorer left them.

    Raises:
        ValueError: If `keep` is not an integer of at least 1.

    Chapter: A funnel for scale.

    >>> from mlsd_lib.architecture import Off
    >>> stage = Scored(Off("ranker"), keep=1)  # it leaves the scores that came with the candidates
    >>> batch = Batch({"query": np.array(["pizza"])}, {"row": np.zeros(2, int), "score": np.array([0.2, 0.7])})
    >>> stage.name, stage(batch).items["score"]
    ('ranker', array([0.7]))
    """

    scorer: Component
    keep: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "keep", whole(self.name, "keep", self.keep))

    @property
    def name(self) -> str:
        """The scorer's name."""
        return self.scorer.name

    def __call__(self, batch: Batch) -> Batch:
        """Score the candidates of each request, order them by it, and cut."""
        return best(self.scorer(batch), self.keep)

    def kept(self, keep: int) -> Scored:
        """The same scorer, with another number to pass on."""
        return replace(self, keep=keep)

    def state(self) -> State:
        """What the scorer has learned, the kind of component that it is, and the number."""
        inner = self.scorer.state()
        kind = next((kind for kind, known in storage.KINDS.items() if type(self.scorer) is known.type), None)
        if kind is None:
            raise ValueError(
                f"save: stage {self.name!r} scores with a {type(self.scorer).__name__}, a kind that is not registered, "
                "so it could not be loaded again. Call storage.register for it first."
            )
        return State(inner.arrays, {"keep": self.keep, "kind": kind, "scorer": dict(inner.json)}, inner.texts)


def best(batch: Batch, keep: int) -> Batch:
    """The candidates of each request with the highest `score`, best first; equal ones as they came.

    Args:
        batch: Candidates with an item array `score`.
        keep: How many of a request to keep at most; at least 1.

    Returns:
        A batch of the same requests; all item arrays are kept.

    Raises:
        ValueError: If candidates have no `score` or NaN as their score, or `keep` is not an integer of at least 1.

    Chapter: A funnel for scale.

    >>> batch = Batch({"query": np.array(["pizza"])}, {"row": np.zeros(3, int), "score": np.array([0.2, 0.7, 0.7])})
    >>> best(batch, 2).items["score"]
    array([0.7, 0.7])
    """
    keep = whole("best", "keep", keep)
    if not len(batch.row):
        return batch
    score = batch.items.get("score")
    if score is None:
        raise ValueError(
            f"best: {len(batch.row)} candidates have no item array 'score', so none is better than another; they have "
            f"{', '.join(batch.items)}. Let the component before the cut give each candidate a score."
        )
    if bool(np.isnan(score).any()):
        raise ValueError(
            f"best: {int(np.isnan(score).sum())} of {len(score)} candidates have NaN as their score, and a cut would "
            "hide them. Mend the component that scores."
        )
    some = np.arange(len(score))
    if len(batch) == 1 and len(score) > keep:  # most candidates need no place in the order
        some = np.flatnonzero(score >= np.partition(score, len(score) - keep)[len(score) - keep])
    row = batch.row[some]
    order = some[np.lexsort((-score[some], row))]
    order = order[np.arange(len(row)) - np.searchsorted(row, row) < keep]
    return Batch(batch.requests, {name: values[order] for name, values in batch.items.items()})


def stages(system: System) -> tuple[Stage, ...]:
    """The stages of a System's funnel, in order.

    Args:
        system: Any system.

    Returns:
        Its components that are stages.

    Raises:
        ValueError: If none is.

    Chapter: A funnel for scale.

    >>> import pandas as pd
    >>> from mlsd_lib.systems import search
    >>> documents = pd.DataFrame({"doc_id": [1], "title": ["Pizza"], "text": ["thin crust"]})
    >>> [stage.name for stage in stages(search.fit(documents))]
    ['selection']
    """
    found = tuple(component for component in system.components if isinstance(component, Stage))
    if not found:
        raise ValueError(
            f"{system.name}: no component is a stage with a number to keep. Make one with Scored(component, keep=…)."
        )
    return found


def resized(system: System, keeps: Mapping[str, int]) -> System:
    """The same system whose stages pass on other numbers.

    Args:
        system: A system with stages.
        keeps: How many candidates to pass on, by the stage's name; other stages stay as they are.

    Returns:
        A new system that shares what was learned.

    Raises:
        ValueError: If a name is not that of a stage, or a number is not an integer of at least 1.

    Chapter: A funnel for scale.

    >>> import pandas as pd
    >>> from mlsd_lib.systems import search
    >>> documents = pd.DataFrame({"doc_id": [1], "title": ["Pizza"], "text": ["thin crust"]})
    >>> stages(resized(search.fit(documents), {"selection": 7}))[0].keep
    7
    """
    by_name = {stage.name: stage for stage in stages(system)}
    for name in keeps:
        if name not in by_name:
            raise ValueError(f"{system.name}: {name!r} is not a stage; its stages are {', '.join(by_name)}.")
    return system.replace(**{name: by_name[name].kept(keep) for name, keep in keeps.items()})


def opened(system: System, keep: int) -> System:
    """The funnel with its upper stages wide open: the last stage orders everything that the first one can find.

    What it shows is the answer that the funnel is there to save the cost of, so it is what `losses` compares with.

    Args:
        system: A system with stages.
        keep: How many candidates all stages but the last pass on, for example the number of items there are.

    Returns:
        A new system that shares what was learned.

    Raises:
        ValueError: If the system has no stage, or `keep` is not an integer of at least 1.

    Chapter: A funnel for scale.

    >>> import pandas as pd
    >>> from mlsd_lib.systems import search
    >>> documents = pd.DataFrame({"doc_id": [1], "title": ["Pizza"], "text": ["thin crust"]})
    >>> engine = search.fit(documents, keep=50)
    >>> engine = engine.replace(ranker=Scored(engine["ranker"], keep=10))
    >>> [(stage.name, stage.keep) for stage in stages(opened(engine, 5_000))]
    [('selection', 5000), ('ranker', 10)]
    """
    return resized(system, {stage.name: keep for stage in stages(system)[:-1]})


def whole(name: str, label: str, value: object) -> int:
    """A number that counts something.

    Args:
        name: What it belongs to, for the error.
        label: What it is, for the error.
        value: What was given.

    Returns:
        The value as a plain integer.

    Raises:
        ValueError: If it is not an integer of at least 1.

    Chapter: A funnel for scale.

    >>> whole("ranker", "keep", 10)
    10
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise ValueError(f"{name}: {label} must be an integer of at least 1, got {value!r}.")
    return int(value)


def _restore(name: str, state: State) -> Scored:
    held = state.json
    kind = storage.KINDS.get(held["kind"])
    if kind is None:
        raise ValueError(f"stage {name!r} scores with a component of kind {held['kind']!r}, which is not known here")
    return Scored(kind.restore(name, State(state.arrays, held["scorer"], state.texts)), held["keep"])


storage.register("scored-stage", Scored, _restore)
