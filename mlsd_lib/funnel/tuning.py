"""How many candidates each stage should pass on: the least loss that a budget of time allows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from mlsd_lib.architecture import Array, System
from mlsd_lib.funnel.cost import Costs, timings
from mlsd_lib.funnel.loss import BLOCK, Wanted, traced
from mlsd_lib.funnel.stage import resized, stages, whole

TIMED = 50  # requests, where costs are not given


@dataclass(frozen=True, eq=False, repr=False)
class Tuned:
    """A funnel that keeps a budget of time, and what else was considered.

    Attributes:
        system: The system with the numbers that were chosen.
        keeps: Those numbers, by stage.
        predicted_ms: What the costs say about one request that fills every stage, in milliseconds.
        expected_recall: Which share of the wanted items the last stage passes on, as a mean over the requests.
        considered: A row a setting, cheapest first: the number of each tuned stage, `ms`, `recall`, and whether it is
            on the `frontier`: no cheaper setting has as high a recall.

    Chapter: A funnel for scale.
    """

    system: System
    keeps: Mapping[str, int]
    predicted_ms: float
    expected_recall: float
    considered: pd.DataFrame

    def __str__(self) -> str:
        told = ", ".join(f"{name}={keep}" for name, keep in self.keeps.items())
        return f"{told}: {self.predicted_ms:.3g} ms, recall {self.expected_recall:.3f}"

    __repr__ = __str__


def tune(
    system: System,
    requests: pd.DataFrame,
    budget_ms: float,
    keeps: Mapping[str, Sequence[int]],
    *,
    item: str,
    costs: Costs | None = None,
    reference: pd.DataFrame | None = None,
    block: int = BLOCK,
) -> Tuned:
    """Choose how many candidates each stage passes on: the least loss that a budget of time allows.

    The system runs once with its funnel wide open. Since a stage only cuts an order, that run says what any narrower
    setting passes on; exactly so where a stage's order of two candidates does not depend on the others. All
    combinations are compared, except those in which a stage could pass on more than it is given.

    Args:
        system: A system with stages.
        requests: Requests to learn the loss from; not those that the funnel will be judged on.
        budget_ms: What a request may take in all components together, in milliseconds.
        keeps: The numbers to try for each stage; a stage that is left out keeps its own.
        item: The name of the items' ids, such as "doc_id".
        costs: What components cost; left out, the first fifty requests are timed.
        reference: The wanted answer, as in `losses`; left out, what the last stage passes on when it sees all that the
            first one can find.
        block: How many requests to trace at once; memory grows with it, results do not change.

    Returns:
        The chosen setting; of settings with the same recall the cheapest.

    Raises:
        ValueError: If no setting keeps the budget (the error says what the cheapest takes), a name is not that of a
            stage, a number is unsound, a later stage passes on items that the first one did not, or as in `losses`.

    Source: [wang2011cascade]. Chapter: A funnel for scale.

    >>> from mlsd_lib.systems import search
    >>> documents = pd.DataFrame({"doc_id": [1, 2], "title": ["Pizza", "Taxi"], "text": ["thin crust", "for pizza"]})
    >>> requests = pd.DataFrame({"request_id": ["a"], "query": ["pizza"]})
    >>> costs = Costs(fixed_ms={"selection": 0.1}, per_item_ms={"selection": 0.02})
    >>> tune(search.lexical(documents), requests, 0.13, {"selection": [1, 2]}, item="doc_id", costs=costs)
    selection=1: 0.12 ms, recall 0.500
    """
    funnel = [stage.name for stage in stages(system)]
    resized(system, dict.fromkeys(keeps, 1))  # so that a wrong name is noticed before anything runs
    grid = [
        sorted({whole(one.name, "keep", keep) for keep in keeps.get(one.name, [one.keep])}) for one in stages(system)
    ]
    if not keeps or not all(grid):
        raise ValueError(
            "tune: there is nothing to choose from. Give in keeps, for each stage to tune, numbers to try."
        )
    wide = resized(system, dict.fromkeys(funnel, grid[0][-1]))
    if costs is None:
        costs = Costs.fitted(timings(wide, requests.iloc[:TIMED], scales=(0.125, 0.25, 0.5, 1.0)))
    run = _Wide.of(wide, requests, reference, item, block, show=grid[-1][-1])
    rows = []
    for numbers, recall in run.settings(grid):
        sizes = dict(zip(funnel, numbers, strict=True))
        rows.append({**sizes, "ms": sum(costs.predict(run.handled(sizes)).values()), "recall": recall})
    considered = pd.DataFrame(rows).sort_values(["ms", "recall"], ascending=[True, False], ignore_index=True)
    considered["frontier"] = considered["recall"] > considered["recall"].cummax().shift(fill_value=-1.0)
    fits = considered[considered["ms"] <= budget_ms]
    if fits.empty:
        least = considered.iloc[0]
        told = ", ".join(f"{name}={least[name]:.0f}" for name in funnel)
        raise ValueError(
            f"tune: none of {len(considered)} settings keeps {budget_ms:g} ms. The cheapest ({told}) takes "
            f"{least['ms']:.3g} ms, of which {sum(costs.fixed_ms.values()):.3g} ms whatever it keeps. Allow more time, "
            "give smaller numbers in keeps, or make a component cheaper."
        )
    chosen = considered.iloc[int(fits["recall"].to_numpy().argmax())]
    sizes = {name: int(chosen[name]) for name in keeps}
    return Tuned(resized(system, sizes), sizes, float(chosen["ms"]), float(chosen["recall"]), considered)


@dataclass(frozen=True)
class _Wide:
    """One run with every stage as wide as the first: the candidates of all requests, and each stage's order of them."""

    most: Mapping[str, int]  # by component, in order: how many candidates of a request it passes on at most
    request: Array  # an entry a candidate: the place of its request
    orders: Sequence[Array]  # for each stage: the candidates that it passes on, by request and in its order
    begins: Sequence[Array]  # for each of those: where the ones of its request begin
    wanted: Array  # an entry a candidate: whether it is wanted
    counts: Array  # an entry a request: how many items are wanted

    @classmethod
    def of(
        cls, system: System, requests: pd.DataFrame, reference: pd.DataFrame | None, item: str, block: int, show: int
    ) -> _Wide:
        """Run and take apart; without a reference, what is wanted are the first `show` items of the last stage."""
        funnel = [stage.name for stage in stages(system)]
        most = {component.name: 0 for component in system.components}
        parts: dict[str, list[tuple[Array, Array]]] = {name: [] for name in funnel}
        for start, trace in traced(system, requests, block):
            for name, batch in trace.after.items():
                most[name] = max(most[name], int(batch.counts().max(initial=0)))
                if name in parts:
                    if item not in batch.items:
                        raise ValueError(f"tune: stage {name!r} gives its candidates no array {item!r}.")
                    parts[name].append((batch.row + start, batch.items[item]))
        if not most[funnel[0]]:
            raise ValueError(f"tune: stage {funnel[0]!r} finds no candidate for any of the {len(requests)} requests.")
        runs = [
            (np.concatenate(rows), np.concatenate(ids)) for rows, ids in (zip(*parts[n], strict=True) for n in parts)
        ]
        request, items = runs[0]
        orders = _aligned(funnel, runs)
        begins = [np.searchsorted(request[order], request[order]) for order in orders]
        if reference is None:
            wanted = np.zeros(len(items), dtype=bool)
            wanted[orders[-1][np.arange(len(orders[-1])) - begins[-1] < show]] = True
            counts = np.bincount(request[wanted], minlength=len(requests))
            if not counts.any():
                raise ValueError(f"tune: stage {funnel[-1]!r} passes on nothing, so there is nothing to lose. Mend it.")
        else:
            asked = Wanted.of(system, requests, reference, item)
            wanted, counts = asked.holds(request, items), asked.counts
        return cls(most, request, orders, begins, wanted, counts)

    def settings(self, grid: Sequence[Sequence[int]]) -> Iterator[tuple[tuple[int, ...], float]]:
        """Every combination of numbers in which no stage could pass on more than it is given, and its recall."""

        def narrowed(alive: Array, numbers: tuple[int, ...]) -> Iterator[tuple[tuple[int, ...], float]]:
            stage = len(numbers)
            if stage == len(grid):
                yield numbers, self._recall(alive)
                return
            for keep in grid[stage]:
                if not numbers or keep <= numbers[-1] or keep == grid[stage][0]:
                    yield from narrowed(self._cut(stage, alive, keep), (*numbers, keep))

        yield from narrowed(np.ones(len(self.request), dtype=bool), ())

    def handled(self, sizes: Mapping[str, int]) -> dict[str, int]:
        """How many items each component handles for a request that fills every stage, with these numbers to keep."""
        handled, given = {}, 0
        for name, most in self.most.items():
            passed = min(most, sizes.get(name, most), given or most)
            handled[name] = max(given, passed)
            given = passed
        return handled

    def _cut(self, stage: int, alive: Array, keep: int) -> Array:
        """Which candidates are left when a stage orders those that are alive and passes on some."""
        order = self.orders[stage]
        here = alive[order]
        before = np.cumsum(here) - here
        left = np.zeros_like(alive)
        left[order[here & (before - before[self.begins[stage]] < keep)]] = True
        return left

    def _recall(self, alive: Array) -> float:
        hits = np.bincount(self.request[alive & self.wanted], minlength=len(self.counts))
        asked = self.counts > 0
        return float((hits[asked] / self.counts[asked]).mean())


def _aligned(funnel: Sequence[str], runs: Sequence[tuple[Array, Array]]) -> list[Array]:
    """For each stage, the places of what it passes on among what the first stage passes on."""
    ids = pd.Index(pd.unique(runs[0][1]))
    codes = [ids.get_indexer(pd.Index(items)) for _, items in runs]
    keys = [row * len(ids) + code for (row, _), code in zip(runs, codes, strict=True)]
    sorter = np.argsort(keys[0], kind="stable")
    orders = []
    for name, code, key in zip(funnel, codes, keys, strict=True):
        place = np.minimum(np.searchsorted(keys[0], key, sorter=sorter), len(sorter) - 1)
        strange = (code < 0) | (keys[0][sorter[place]] != key)
        if strange.any() or len(np.unique(key)) < len(key):
            how = f"that {funnel[0]!r} did not" if strange.any() else "twice"
            raise ValueError(
                f"tune: stage {name!r} passes on items {how}, and a funnel only narrows. Let {funnel[0]!r} find all, "
                "each once."
            )
        orders.append(sorter[place])
    return orders
