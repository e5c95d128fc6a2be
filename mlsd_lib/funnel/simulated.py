"""A funnel whose stages lose a known share of what is wanted, to see what losses add up to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import pandas as pd

from mlsd_lib.architecture import Array, Batch, Component, Edge, State, System
from mlsd_lib.funnel.stage import best, whole
from mlsd_lib.worlds import chance

GOLDEN = 0.6180339887498949  # multiples of it spread evenly over 0 to 1


def simulated(
    sizes: Sequence[int], *, show: int, recall: float | Sequence[float], shared: float = 0.0, seed: int = 0
) -> System:
    """A System of stages that lose what is wanted by chance, at a known rate.

    Of the items 0, 1, 2, … of every request, the first `show` are the wanted ones. Each stage takes some of them for
    worthless, and else prefers them to all others.

    Args:
        sizes: How many items there are, and how many each stage but the last passes on; falling.
        show: How many items the last stage passes on, which is also how many are wanted.
        recall: The probability that a stage does not lose a wanted item, for all stages or for each.
        shared: How likely a stage decides on an item by a draw that all stages share, instead of by one of its own: 0
            makes their mistakes independent, 1 the same.
        seed: Seed of the mistakes.

    Returns:
        A System of a `corpus` and stages called `stage_1`, `stage_2`, …, from requests (`request_id`) to what is shown
        (`request_id, item_id`).

    Raises:
        ValueError: If a size is not an integer of at least 1 or above the one before it, or a probability is none.

    Source: [wang2011cascade]. Chapter: A funnel for scale.

    >>> system = simulated([1_000, 50], show=10, recall=0.95)
    >>> shown = system.run(pd.DataFrame({"request_id": range(100)}))
    >>> float((shown["item_id"] < 10).mean())  # about 0.95 * 0.95
    0.89
    """
    numbers = [whole("simulated", "a size", size) for size in (*sizes, show)]
    recalls = [float(recall)] * len(sizes) if isinstance(recall, int | float) else [float(one) for one in recall]
    if len(recalls) != len(sizes) or any(after > before for before, after in pairwise(numbers)):
        raise ValueError(
            f"simulated: {len(sizes)} stages with {len(recalls)} recalls pass on {', '.join(map(str, numbers))} items. "
            "Give a recall for each stage, and let no stage pass on more than it is given."
        )
    for probability in (*recalls, shared):
        if not 0 <= probability <= 1:
            raise ValueError(f"simulated: {probability!r} is no probability; recall and shared lie between 0 and 1.")
    lossy = [
        _Lossy(f"stage_{place + 1}", place, keep, show, one, shared, seed)
        for place, (keep, one) in enumerate(zip(numbers[1:], recalls, strict=True))
    ]
    components: tuple[Component, ...] = (_Corpus(numbers[0]), *lossy)
    return System("simulated", EDGE, components)


@dataclass(frozen=True)
class _Corpus:
    """All items, for every request."""

    items: int
    name: str = "corpus"

    def __call__(self, batch: Batch) -> Batch:
        row = np.repeat(np.arange(len(batch)), self.items)
        return Batch(batch.requests, {"row": row, "item_id": np.tile(np.arange(self.items), len(batch))})

    def state(self) -> State:
        return State(json={"items": self.items})


@dataclass(frozen=True)
class _Lossy:
    """A stage that puts some wanted items last and all others first."""

    name: str
    place: int
    keep: int
    show: int
    recall: float
    shared: float
    seed: int

    def __call__(self, batch: Batch) -> Batch:
        item = batch.items["item_id"]
        wanted = np.flatnonzero(item < self.show)
        pair = batch.requests["request_id"][batch.row[wanted]], item[wanted]
        score = item * GOLDEN % 1.0  # all others in some order, the same for every request
        score[wanted] = np.where(self._draw(*pair) < self.recall, 2.0, -1.0)
        return best(Batch(batch.requests, {**batch.items, "score": score}), self.keep)

    def kept(self, keep: int) -> _Lossy:
        return replace(self, keep=whole(self.name, "keep", keep))

    def state(self) -> State:
        told = {name: getattr(self, name) for name in ("place", "keep", "show", "recall", "shared", "seed")}
        return State(json=told)

    def _draw(self, request: Array, item: Array) -> Array:
        own = chance.uniform(self.seed, "mistake", self.place, request, item)
        common = chance.uniform(self.seed, "common mistake", request, item)
        return np.where(chance.uniform(self.seed, "common?", self.place, request, item) < self.shared, common, own)


def _write(batch: Batch) -> pd.DataFrame:
    request = batch.requests["request_id"][batch.row]
    return pd.DataFrame({"request_id": request, "item_id": batch.items["item_id"]})


EDGE = Edge(
    name="simulated",
    key="request_id",
    read=lambda requests: {"request_id": requests["request_id"].to_numpy()},
    write=_write,
)
