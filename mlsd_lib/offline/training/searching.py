"""The search for settings within a budget: at random, or many on little data and the best of them on more.

The budget is counted in rows that models are trained on, so that the same seed gives the same result on any machine.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd

from mlsd_lib.offline.training.fitting import DEFAULTS, WHOLE, train
from mlsd_lib.offline.training.measuring import Examples, entropy_alone
from mlsd_lib.offline.training.models import Kind, Model
from mlsd_lib.worlds import chance

How = Literal["at random", "halving"]
Stopped = Literal["budget spent", "out of time", "interrupted"]
KEPT = 3  # one in so many settings goes on, to so many times as many rows

# Where to look, lowest and highest value; each setting is drawn evenly on a logarithmic scale.
SPACES: dict[Kind, dict[str, tuple[float, float]]] = {
    "linear": {"strength": (1e-3, 10.0)},
    "trees": {"trees": (20, 200), "leaves": (3, 31), "rate": (0.02, 0.3), "least": (20, 200), "l2": (0.1, 30.0)},
    "net": {"width": (4, 32), "epochs": (3, 20), "rate": (0.001, 0.02), "decay": (1e-4, 1.0)},
}


@dataclass(frozen=True)
class Search:
    """What a search found.

    Attributes:
        kind: The kind of model.
        trials: A row a model that was trained: `setting` (its number), `rows`, `entropy` (normalised, on what it was
            validated by), and a column a setting.
        settings: The best of those that were trained on the most rows.
        model: The model trained with them.
        entropy: Its normalised entropy on what it was validated by, which flatters it: it was chosen for that.
        rows: Rows that were trained on, all models together.
        stopped: Why it ended.

    Chapter: Models.
    """

    kind: Kind
    trials: pd.DataFrame = field(repr=False)
    settings: Mapping[str, float]
    model: Model = field(repr=False)
    entropy: float
    rows: int
    stopped: Stopped


def search(
    kind: Kind,
    learn: Examples,
    validate: Examples,
    *,
    budget: int,
    how: How = "halving",
    space: Mapping[str, tuple[float, float]] | None = None,
    seconds: float | None = None,
    seed: int = 0,
) -> Search:
    """Search for the settings of a model within a budget.

    "at random" trains each setting on all rows. "halving" tries three times as many: first on a ninth of the rows,
    then the best third of them on a third of the rows, then the best third of those on all; each of the three rounds
    gets a third of the budget. What was found is kept if the search is interrupted or runs out of time.

    Args:
        kind: What to train.
        learn: Rows to train on.
        validate: Rows to choose by; none of them may be among those that the result is judged by later.
        budget: Rows to train on, all models together; at least those of `learn`, three times as many for "halving".
        how: "halving" or "at random".
        space: Lowest and highest value by setting; `SPACES` of the kind if left out. Others keep their default.
        seconds: Time after which no further model is trained.
        seed: Seed of the settings that are drawn and of the training: the same seed, the same result.

    Returns:
        The best setting, its model and all trials.

    Raises:
        ValueError: If the kind has nothing to search, a range or the budget is unsound, or time ran out before the
            first model was trained.
        KeyboardInterrupt: If it is interrupted before the first model was trained.

    Source: [bergstra2012random], [jamieson2016halving]. Chapter: Models.

    >>> table = pd.DataFrame({"x": np.arange(300.0)})
    >>> rows = Examples(table, (table["x"] % 7 < table["x"] / 60).to_numpy(dtype=int), np.arange(300))
    >>> search("linear", rows, rows, budget=900, seed=0).trials["rows"].tolist()
    [33, 33, 33, 33, 33, 33, 33, 33, 33, 100, 100, 100, 300]
    """
    ranges = _space(kind, SPACES.get(kind, {}) if space is None else space)
    if how not in get_args(How):
        raise ValueError(f"search: how must be 'halving' or 'at random', got {how!r}.")
    least = len(learn) * (KEPT if how == "halving" else 1)
    if budget < least:
        raise ValueError(f"search: a budget of {budget} rows does not pay for one model; expected {least} at least.")
    ends = np.inf if seconds is None else monotonic() + seconds
    trials: list[dict[str, Any]] = []
    best: tuple[tuple[float, float], Mapping[str, float], Model] | None = None
    stopped: Stopped = "budget spent"
    plan = _rounds(how, len(learn), budget)
    numbers: list[int] = []
    try:
        for count, rows in plan:
            part = learn.drawn(rows, seed=seed)
            numbers = _first(trials, numbers, count)
            for number in numbers:
                if monotonic() >= ends:
                    stopped = "out of time"
                    break
                settings = drawn(ranges, number, seed)
                model = train(kind, part.table, part.target, seed=seed, **settings)
                worth = entropy_alone(validate, model.predict(validate.table))
                trials.append({"setting": number, "rows": rows, "entropy": worth, **settings})
                if best is None or (-rows, worth) < best[0]:
                    best = ((-rows, worth), settings, model)
    except KeyboardInterrupt:
        if best is None:
            raise
        stopped = "interrupted"
    if best is None:
        raise ValueError(f"search: {seconds} s ran out before the first model was trained. Give more time.")
    table = pd.DataFrame(trials)
    return Search(kind, table, dict(best[1]), best[2], float(best[0][1]), int(table["rows"].sum()), stopped)


def drawn(ranges: Mapping[str, tuple[float, float]], number: int, seed: int) -> dict[str, float]:
    """The settings of a number: draws that depend on the seed, the number and the name of each setting alone.

    Args:
        ranges: Lowest and highest value by name.
        number: Which settings.
        seed: Seed of the draw.

    Returns:
        A value by name, whole where it counts something.
    """
    settings: dict[str, float] = {}
    for name, (low, high) in ranges.items():
        value = float(low * (high / low) ** chance.uniform(seed, "search", name, number))
        settings[name] = round(value) if name in WHOLE else float(f"{value:.3g}")
    return settings


def _rounds(how: How, rows: int, budget: int) -> Iterator[tuple[int, int]]:
    """How many settings to train on how many rows, round by round."""
    models = budget // rows
    if how == "at random":
        yield models, rows
        return
    for share in (KEPT**2, KEPT, 1):
        yield models * share // KEPT, rows // share


def _first(trials: list[dict[str, Any]], numbers: list[int], count: int) -> list[int]:
    """The settings of a round: all of the first, and the best of the round before."""
    if not numbers:
        return list(range(count))
    last = trials[-len(numbers) :]
    return [one["setting"] for one in sorted(last, key=lambda one: (one["entropy"], one["setting"]))[:count]]


def _space(kind: str, space: Mapping[str, tuple[float, float]]) -> Mapping[str, tuple[float, float]]:
    known = DEFAULTS.get(kind, {})  # type: ignore[call-overload]
    if not space:
        raise ValueError(f"search: a {kind!r} model has no settings to search here. Give a space.")
    for name, ends in space.items():
        if name not in known:
            raise ValueError(f"search: {kind!r} has no setting {name!r}. It has: {', '.join(known) or 'none'}.")
        if len(ends) != 2 or not 0 < ends[0] <= ends[1] < np.inf:
            raise ValueError(f"search: {name} is to lie in {ends!r}; expected a lowest above 0 and a highest value.")
    return space
