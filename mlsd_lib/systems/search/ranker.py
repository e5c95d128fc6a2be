"""`ranker`: the order in which documents are shown."""

from __future__ import annotations

from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np

from mlsd_lib import storage
from mlsd_lib.architecture import Array, Batch, State
from mlsd_lib.systems.search.features import FEATURES, bm25, features
from mlsd_lib.systems.search.index import Index

PAIRS = 250_000  # how many candidates to look at at once at most, unless a single request has more
SETTINGS: dict[str, Any] = {
    "objective": "lambdarank",
    "lambdarank_truncation_level": 20,
    "learning_rate": 0.08,
    "num_leaves": 15,
    "min_data_in_leaf": 50,
    "lambda_l2": 5.0,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,
    "verbosity": -1,
}
TREES = (40, 150)  # at least, at most; between them one for every two requests to learn from
START = 4.0  # times BM25 as a share of the request's best


class Ranker:
    """The component `ranker`: candidates in the order of a learned score, or of BM25 where nothing was learned.

    Args:
        name: The component's name.
        index: The index of the documents.
        model: A LightGBM model over `FEATURES` in LightGBM's text format; "" orders by BM25.
        record: Whether to pass on the features of each candidate, as the item array `features`.

    Raises:
        ValueError: If the model cannot be read or is over other features.

    Source: [burges2010lambdamart]. Chapter: Search.
    """

    def __init__(self, name: str, index: Index, *, model: str = "", record: bool = False) -> None:
        self.name = name
        self.index = index
        self.model = model
        self.record = bool(record)
        if model and tuple(self._booster.feature_name()) != FEATURES:
            raise ValueError(f"{name}: the model reads other features than this version of the library computes.")

    def __call__(self, batch: Batch) -> Batch:
        """Give each candidate a new `score`, and order those of each request by it; equal ones stay as they came."""
        ends = self._blocks(batch.counts())
        parts = [self._score(batch, low, high) for low, high in pairwise(ends)]
        score = np.concatenate([np.empty(0), *(score for score, _ in parts)])
        order = np.lexsort((-score, batch.row))
        items = {name: values[order] for name, values in batch.items.items()} | {"score": score[order]}
        if self.record:
            seen = np.concatenate([np.empty((0, len(FEATURES)), dtype=np.float32), *(seen for _, seen in parts)])
            items["features"] = seen[order]
        return Batch(batch.requests, items)

    def state(self) -> State:
        """The index, the model's text, and whether features are passed on."""
        held = self.index.state()
        return State(arrays=held.arrays, json={**held.json, "record": self.record}, texts={"model": self.model})

    @cached_property
    def _booster(self) -> Any:
        import lightgbm  # takes longer to import than all the rest, and a system that ranks by BM25 does without

        try:
            return lightgbm.Booster(model_str=self.model)  # with params it would warn into every page
        except lightgbm.basic.LightGBMError as error:
            raise ValueError(f"{self.name}: the model cannot be read ({error}).") from None

    def _blocks(self, counts: Array) -> list[int]:
        """Where to cut the requests, so that few candidates are looked at at once."""
        total, ends = np.concatenate([[0], np.cumsum(counts)]), [0]
        while ends[-1] < len(counts):
            high = int(np.searchsorted(total, total[ends[-1]] + PAIRS, side="right")) - 1
            ends.append(max(high, ends[-1] + 1))
        return ends

    def _score(self, batch: Batch, low: int, high: int) -> tuple[Array, Array]:
        """The scores of the candidates of a run of requests, and their features where they are to be passed on."""
        first, last = np.searchsorted(batch.row, [low, high])
        part = Batch(
            {name: values[low:high] for name, values in batch.requests.items()},
            {"row": batch.row[first:last] - low, "doc_id": batch.items["doc_id"][first:last]},
        )
        if not self.model and not self.record:
            return bm25(part, self.index, self.name).astype(np.float64), np.empty((0, len(FEATURES)), dtype=np.float32)
        seen = features(part, self.index, self.name)
        if not self.model:
            return seen[:, FEATURES.index("bm25")].astype(np.float64), seen
        score = self._booster.predict(seen, num_threads=1) if len(seen) else np.empty(0)
        return np.asarray(score) + _start(seen), seen if self.record else seen[:0]


def learn(seen: Array, grade: Array, counts: Array, *, weight: Array | None = None, seed: int = 0) -> str:
    """Learn to order candidates, with LambdaMART.

    Args:
        seen: Features, float32 of shape (candidates, features), in the order of `FEATURES`.
        grade: The gain of showing each candidate; at least 0, higher is better.
        counts: How many candidates each request has, in order.
        weight: How much each candidate counts, float64 of shape (candidates,), the same for all of a request and 1 on
            average, since the settings bound the weight of a leaf; without it all requests count the same.
        seed: Seed of whatever LightGBM draws.

    Returns:
        The model in LightGBM's text format.

    Source: [burges2010lambdamart]. Chapter: Search.
    """
    import lightgbm

    grades, label = np.unique(np.concatenate([[0.0], grade]), return_inverse=True)
    data = lightgbm.Dataset(
        seen,
        label=label[1:],
        group=counts,
        weight=weight,
        init_score=_start(seen),
        feature_name=list(FEATURES),
        params={"verbosity": -1},
    )
    trees = int(np.clip(np.count_nonzero(counts) // 2, *TREES))
    settings = {**SETTINGS, "seed": seed, "label_gain": grades.tolist()}
    return str(lightgbm.train(settings, data, num_boost_round=trees).model_to_string())


def _start(seen: Array) -> Array:
    """The score that trees add to: with little to learn from, the order stays near BM25's."""
    return START * seen[:, FEATURES.index("bm25_share")].astype(np.float64)


def _restore(name: str, state: State) -> Ranker:
    return Ranker(name, Index.restored(name, state), model=state.texts["model"], record=state.json["record"])


storage.register("ranker", Ranker, _restore)
