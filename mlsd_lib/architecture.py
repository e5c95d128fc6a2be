"""A System: named components in a fixed order that turn a batch of requests into what is shown.

Frames at the edge, arrays inside. An `Edge` turns a frame of requests into the first `Batch` and the last batch into
the frame that is shown; between them each component takes a batch and gives a batch. A single request is a batch of
one, so serving, simulation and evaluation run the same code.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np
import pandas as pd

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Batch:
    """What flows between components: arrays by name, for the requests and for their candidate items.

    Attributes:
        requests: Arrays whose first axis is the request; at least one.
        items: Arrays whose first axis is the candidate. `row` (integers, non-decreasing) says which request, counted
            from 0, a candidate belongs to; it is added where a batch has no candidates yet.

    Arrays are shared, not copied, and read-only: a component that changes values makes a new array.

    Raises:
        ValueError: If lengths differ within a side, or `row` is missing, not integer, out of range or out of order.

    Chapter: Architecture.

    >>> batch = Batch({"query": np.array(["pizza", "taxi"])}, {"row": np.array([0, 0, 1]), "price": np.arange(3.0)})
    >>> len(batch), batch.counts()
    (2, array([2, 1]))
    """

    requests: Mapping[str, Array]
    items: Mapping[str, Array] = field(default_factory=dict)

    def __post_init__(self) -> None:
        items = self.items or {"row": np.empty(0, dtype=np.int64)}
        object.__setattr__(self, "requests", _frozen("requests", self.requests))
        object.__setattr__(self, "items", _frozen("items", items))
        if not self.requests:
            raise ValueError("batch: requests has no array, so their number is unknown. Give at least the ids.")
        row = self.items.get("row")
        if row is None or row.dtype.kind not in "iu" or row.ndim != 1:
            raise ValueError("batch: items needs an integer array 'row' that says which request a candidate is for.")
        if len(row) and (row[0] < 0 or row[-1] >= len(self) or bool(np.any(row[1:] < row[:-1]))):
            raise ValueError(
                f"batch: items['row'] must be non-decreasing and in 0..{len(self) - 1}, since candidates of a request "
                "stand together. Sort the items by row, with a stable sort."
            )

    def __len__(self) -> int:
        """The number of requests."""
        return len(next(iter(self.requests.values())))

    @property
    def row(self) -> Array:
        """The request, counted from 0, that each candidate belongs to."""
        row: Array = self.items["row"]
        return row

    def counts(self) -> Array:
        """The number of candidates of each request, as int64 of shape (requests,)."""
        return np.bincount(self.row, minlength=len(self)).astype(np.int64)

    def places(self) -> Array:
        """The place of each candidate among those of its request, counted from 0."""
        counts = self.counts()
        places: Array = np.arange(len(self.row)) - np.repeat(np.cumsum(counts) - counts, counts)
        return places


@dataclass(frozen=True)
class State:
    """What a component has learned, as data that can be stored, compared and read without running it.

    Attributes:
        arrays: NumPy arrays of numbers or booleans, by name.
        json: What JSON can hold: numbers, strings, lists and dictionaries of them, by name.
        texts: Longer texts, such as a model in LightGBM's text format, by name.

    Chapter: Architecture.

    >>> State(json={"keep": 10}).json["keep"]
    10
    """

    arrays: Mapping[str, Array] = field(default_factory=dict)
    json: Mapping[str, Any] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)


class Component(Protocol):
    """One named step of a System: a batch in, a batch out."""

    @property
    def name(self) -> str:
        """How the System, a trace and an error call it; a Python identifier."""
        ...

    def __call__(self, batch: Batch) -> Batch:
        """Pass a batch on, with other candidates, another order, or more arrays; requests stay as many."""
        ...

    def state(self) -> State:
        """What it has learned."""
        ...


@dataclass(frozen=True)
class Off:
    """A component switched off: it passes on what it is given.

    `system.replace(ranker=Off("ranker"))` is the system without its ranker, to see what the ranker is worth.

    Attributes:
        name: The component that it stands for.

    Chapter: Search ranking.

    >>> batch = Batch({"query": np.array(["pizza"])})
    >>> Off("rewriter")(batch) is batch
    True
    """

    name: str

    def __call__(self, batch: Batch) -> Batch:
        """Pass the batch on."""
        return batch

    def state(self) -> State:
        """Nothing is learned."""
        return State()


@dataclass(frozen=True)
class Altered:
    """A component whose work is changed before it is passed on: how a chapter plants a fault, or tries an idea.

    Attributes:
        component: The component that does the work.
        change: Takes the batch that it would pass on, and gives the one that is passed on instead.

    Chapter: Architecture.

    >>> shout = Altered(Off("rewriter"), lambda batch: Batch({"query": np.char.upper(batch.requests["query"])}))
    >>> shout.name, shout(Batch({"query": np.array(["pizza"])})).requests["query"].tolist()
    ('rewriter', ['PIZZA'])
    """

    component: Component
    change: Callable[[Batch], Batch]

    @property
    def name(self) -> str:
        """The name of the component that does the work."""
        return self.component.name

    def __call__(self, batch: Batch) -> Batch:
        """Let the component work, and pass on its batch with the change."""
        return self.change(self.component(batch))

    def state(self) -> State:
        """The state of the component; the change is code, so the whole cannot be saved."""
        return self.component.state()


@dataclass(frozen=True)
class Down:
    """A component that is down: it answers nothing and raises, as a service does whose machine is gone.

    Attributes:
        name: The component that it stands for.

    Chapter: Architecture.

    >>> Down("rewriter")(Batch({"query": np.array(["pizza"])}))
    Traceback (most recent call last):
    RuntimeError: rewriter is down
    """

    name: str

    def __call__(self, batch: Batch) -> Batch:
        """Fail."""
        raise RuntimeError(f"{self.name} is down")

    def state(self) -> State:
        """Nothing is learned."""
        return State()


@dataclass(frozen=True)
class Fallback:
    """A component with a simpler one that steps in when it fails, so that the request is answered all the same.

    What stepped in is told in the request array `<name>_fell_back` (booleans): a fallback that nobody can see hides
    that something is broken. The whole batch falls back together; in serving, a batch is one request.

    Attributes:
        usual: The component that should do the work.
        otherwise: The one that steps in, of the same name; `Off` passes on what came.

    Raises:
        ValueError: If the two have different names.

    Chapter: Architecture.

    >>> sure = Fallback(Down("rewriter"), Off("rewriter"))
    >>> sure(Batch({"query": np.array(["pizza"])})).requests["rewriter_fell_back"].tolist()
    [True]
    """

    usual: Component
    otherwise: Component

    def __post_init__(self) -> None:
        if self.usual.name != self.otherwise.name:
            raise ValueError(
                f"Fallback: {self.usual.name!r} and {self.otherwise.name!r} have different names. What steps in for a "
                "component has its name."
            )

    @property
    def name(self) -> str:
        """The name that the two components share."""
        return self.usual.name

    def __call__(self, batch: Batch) -> Batch:
        """Let the usual component work, or the other one if it raises."""
        try:
            passed, fell_back = self.usual(batch), False
        except Exception:  # whatever went wrong, the searcher should not see it
            passed, fell_back = self.otherwise(batch), True
        told = {f"{self.name}_fell_back": np.full(len(passed), fell_back)}
        return Batch({**passed.requests, **told}, passed.items)

    def state(self) -> State:
        """The state of the usual component."""
        return self.usual.state()


@dataclass(frozen=True)
class Edge:
    """Where frames become arrays and arrays become a frame again.

    Attributes:
        name: How a saved System calls it.
        key: The array of the requests that identifies one, for errors.
        read: Checks a frame of requests and gives the arrays of the first batch.
        write: Turns the last batch into the frame that is shown.

    Chapter: Architecture.
    """

    name: str
    key: str
    read: Callable[[pd.DataFrame], Mapping[str, Array]]
    write: Callable[[Batch], pd.DataFrame]


@dataclass(frozen=True)
class Trace:
    """One run of a System, taken apart.

    Attributes:
        shown: What `run` returns.
        steps: A row a component, in order: `component`, `items_in`, `items_out`, `milliseconds` (wall clock).
        after: The batch that each component passed on, by the component's name.
        before: The batch that the first component was given.

    Chapter: Architecture.
    """

    shown: pd.DataFrame
    steps: pd.DataFrame
    after: Mapping[str, Batch]
    before: Batch

    def flow(self) -> pd.DataFrame:
        """What each component did to the batch: the contract between neighbours, as it was kept in this run.

        Returns:
            A row a component, in order: `component`; `adds` and `changes`, the names of arrays that are new or have
            other values after it, separated by commas; `items`, how many it passed on. Where the number of items
            changed, all their arrays did, and only those of the requests are compared.
        """
        rows, before = [], self.before
        for name, after in self.after.items():
            cut = len(before.row) != len(after.row)
            added, changed = _compared(before.requests, after.requests, values=True)
            more, other = _compared(before.items, after.items, values=not cut)
            rows.append((name, ", ".join(added + more), ", ".join(changed + other), len(after.row)))
            before = after
        return pd.DataFrame(rows, columns=["component", "adds", "changes", "items"])


@dataclass(frozen=True)
class System:
    """Named components in a fixed order, from a frame of requests to the frame that is shown.

    Attributes:
        name: What the system is called in errors.
        edge: How frames become batches and back.
        components: The steps, in order; their names differ.

    Raises:
        ValueError: If there is no component, or two have the same name.

    Chapter: Architecture.

    >>> from mlsd_lib.systems import search
    >>> documents = pd.DataFrame({"doc_id": ["a", "b"], "title": ["Pizza", "Taxi"], "text": ["thin crust", "at night"]})
    >>> search.fit(documents).run(pd.DataFrame({"request_id": [1], "query": ["night taxis"]}))[["position", "doc_id"]]
       position doc_id
    0         1      b
    """

    name: str
    edge: Edge
    components: tuple[Component, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "components", tuple(self.components))
        names = [component.name for component in self.components]
        if not names:
            raise ValueError(f"{self.name}: a system needs at least one component.")
        for name in names:
            if not name.isidentifier() or names.count(name) > 1:
                raise ValueError(
                    f"{self.name}: component names must differ and be Python identifiers, got {', '.join(names)}."
                )

    def __getitem__(self, name: str) -> Component:
        """The component of that name."""
        for component in self.components:
            if component.name == name:
                return component
        raise ValueError(f"{self.name}: no component {name!r}; it has {self._names()}.")

    def run(self, requests: pd.DataFrame) -> pd.DataFrame:
        """Answer a frame of requests; one row or ten thousand take the same path and give the same rows.

        Args:
            requests: A frame as the system's edge documents it.

        Returns:
            The frame that is shown; with the same columns and dtypes where there is nothing to show.

        Raises:
            ValueError: If the frame is unsound, or a component gives a NaN score.
        """
        batch = Batch(self.edge.read(requests))
        for component in self.components:
            batch = self._step(component, batch)
        return self.edge.write(batch)

    def trace(self, requests: pd.DataFrame) -> Trace:
        """Answer a frame of requests and keep what each component did.

        Args:
            requests: A frame as the system's edge documents it.

        Returns:
            What was shown, a row a component, and every batch on the way (in memory, so take few requests).

        Raises:
            ValueError: If the frame is unsound, or a component gives a NaN score.
        """
        before = batch = Batch(self.edge.read(requests))
        after: dict[str, Batch] = {}
        steps: list[tuple[str, int, int, float]] = []
        for component in self.components:
            start = perf_counter()
            passed = self._step(component, batch)
            milliseconds = (perf_counter() - start) * 1_000
            steps.append((component.name, len(batch.row), len(passed.row), milliseconds))
            after[component.name] = batch = passed
        columns = ["component", "items_in", "items_out", "milliseconds"]
        table = pd.DataFrame(steps, columns=columns)
        return Trace(self.edge.write(batch), table, MappingProxyType(after), before)

    def replace(self, **components: Component) -> System:
        """The same system with components swapped by name; all others are shared with this one.

        Args:
            **components: New components by the name of the one that each replaces.

        Returns:
            A new System; this one stays as it is.

        Raises:
            ValueError: If the system has no component of a name, or the new one is called otherwise.
        """
        for name, component in components.items():
            if self[name] and component.name != name:
                raise ValueError(f"{self.name}: the component to replace {name!r} is called {component.name!r}.")
        swapped = tuple(components.get(component.name, component) for component in self.components)
        return System(self.name, self.edge, swapped)

    def save(self, folder: str | Path) -> None:
        """Write the system to a folder, whole or not at all.

        Args:
            folder: A new folder, or one that holds a saved system, which is replaced.

        Raises:
            ValueError: If the folder holds something else, or a component cannot be saved.
        """
        from mlsd_lib import storage  # it needs the types above

        storage.save(self, Path(folder))

    @staticmethod
    def load(folder: str | Path) -> System:
        """Read a system that `save` wrote, without running code from the file.

        Args:
            folder: The folder it was saved to. The module that defines the system, such as
                `mlsd_lib.systems.search`, has to be imported before.

        Returns:
            A System that gives the same rows as the one that was saved.

        Raises:
            ValueError: If there is no saved system, or it is damaged, of a newer format, or of an unknown kind.
        """
        from mlsd_lib import storage

        return storage.load(Path(folder))

    def _step(self, component: Component, batch: Batch) -> Batch:
        passed = component(batch)
        if not isinstance(passed, Batch) or len(passed) != len(batch):
            got = f"a batch of {len(passed)}" if isinstance(passed, Batch) else f"a {type(passed).__name__}"
            raise ValueError(
                f"{self.name}: component {component.name!r} was given {len(batch)} requests and returned {got}. "
                "It has to return a Batch of the same requests."
            )
        score = passed.items.get("score")
        if score is not None and bool(np.isnan(score).any()):
            broken = np.isnan(score)
            first = passed.requests[self.edge.key][passed.row[np.argmax(broken)]]
            plain = first.item() if isinstance(first, np.generic) else first
            raise ValueError(
                f"{self.name}: component {component.name!r} gave NaN as the score of {int(broken.sum())} items "
                f"(first: {self.edge.key}={plain!r}).\nLook at what went in with trace(requests).after, and mend it."
            )
        return passed

    def _names(self) -> str:
        return ", ".join(component.name for component in self.components)


def _compared(before: Mapping[str, Array], after: Mapping[str, Array], *, values: bool) -> tuple[list[str], list[str]]:
    """The names of arrays that are new, and of those with other values; `row` is not told, since it always is there."""
    added = [name for name in after if name not in before and name != "row"]
    both = [name for name in after if name in before and name != "row"] if values else []
    return added, [name for name in both if not _same(before[name], after[name])]


def _same(one: Array, other: Array) -> bool:
    return bool(np.array_equal(one, other, equal_nan=one.dtype.kind == other.dtype.kind == "f"))


def _frozen(side: str, arrays: Mapping[str, Array]) -> Mapping[str, Array]:
    views: dict[str, Array] = {}
    lengths = set()
    for name, values in arrays.items():
        if not isinstance(values, np.ndarray) or not values.ndim:
            raise ValueError(f"batch: {side}[{name!r}] is a {type(values).__name__}; expected an array of values.")
        views[name] = values.view()
        views[name].flags.writeable = False
        lengths.add(len(values))
    if len(lengths) > 1:
        told = ", ".join(f"{name} {len(values)}" for name, values in views.items())
        raise ValueError(f"batch: the arrays of {side} differ in length ({told}).")
    return MappingProxyType(views)
