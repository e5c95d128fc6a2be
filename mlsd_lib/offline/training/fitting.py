"""Training: from a table of features and what happened to a model, for each of the five kinds."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from mlsd_lib.architecture import Array
from mlsd_lib.offline.training.columns import Coded, Columns, beside
from mlsd_lib.offline.training.models import KINDS, Kind, Model
from mlsd_lib.worlds import chance

_GROWN = {"trees": 60, "leaves": 15, "rate": 0.1, "least": 50, "l2": 1.0}
DEFAULTS: dict[Kind, dict[str, float]] = {
    "rate": {},
    "linear": {"strength": 1.0},
    "trees": _GROWN,
    "leaves": {**_GROWN, "trees": 30, "leaves": 12, "strength": 0.003},
    "net": {"width": 16, "epochs": 10, "rate": 0.005, "decay": 0.1, "batch": 256},
}
SEEDS = 2**31  # what LightGBM and scikit-learn both accept
DENSE = 256_000_000  # bytes up to which a net learns from a table with all its zeros, which takes half the time
WHOLE = {"trees": 1, "leaves": 2, "least": 1, "width": 1, "epochs": 1, "batch": 1}  # settings that count, and the least


def train(kind: Kind, table: pd.DataFrame, target: npt.ArrayLike, *, seed: int = 0, **settings: float) -> Model:
    """Train a model of a probability.

    The same table, target, seed and settings give the same model.

    Args:
        kind: "rate" (the average), "linear" (logistic regression), "trees" (boosted), "leaves" (a logistic regression
            on the leaves of boosted trees) or "net" (one hidden layer).
        table: Features: numbers, booleans and words; a row an example. Missing values are allowed: trees send them
            where they do best, the others take a missing number for the mean.
        target: What happened, 0 or 1, of shape (rows,); for all kinds but "net" it may be a probability, such as what
            another model predicts.
        seed: Seed of whatever is drawn.
        **settings: Of the kind, where `DEFAULTS` does not do: for "linear" `strength` (the inverse of the
            regularisation); for "trees" and "leaves" `trees` (how many), `leaves` (of each tree), `rate` (of learning),
            `least` (rows in a leaf), `l2`; for "leaves" also `strength`; for "net" `width`, `epochs`, `rate`, `decay`
            and `batch`.

    Returns:
        The model.

    Raises:
        ValueError: If there is no such kind or setting, the table is unsound, lengths differ, or the target is out of
            range or the same in all rows.

    Source: [he2014facebook] for "leaves". Chapter: Models.

    >>> table = pd.DataFrame({"bid": [0.1, 0.2, 0.3, 0.4], "segment": ["a", "b", "a", "b"]})
    >>> train("rate", table, [0, 0, 0, 1]).predict(table).tolist()
    [0.25, 0.25, 0.25, 0.25]
    """
    own = _settings(kind, settings)
    chance.bits(seed, "check")  # raises where the seed is no integer
    columns = Columns.of(table)
    happened = _target(kind, target, len(table))
    return fitted(kind, columns, columns.coded(table), happened, seed=seed, settings=own)


def fitted(
    kind: Kind, columns: Columns, coded: Coded, happened: Array, *, seed: int, settings: Mapping[str, float]
) -> Model:
    """A model trained on arrays that were checked.

    Args:
        kind: Its kind.
        columns: The columns.
        coded: The rows.
        happened: What happened, float64 of shape (rows,).
        seed: Seed of whatever is drawn.
        settings: All settings of the kind.

    Returns:
        The model.
    """
    if kind == "rate":
        mean = happened.mean()
        return Model(kind, columns, {"bias": np.array([np.log(mean / (1 - mean))])})
    if kind == "linear":
        weight, bias = _logistic(columns.one_hot(coded), happened, settings["strength"])
        return Model(kind, columns, {"bias": bias, **_split(columns, weight[:, None])})
    if kind == "net":
        return Model(kind, columns, _net(columns, coded, happened, seed, settings))
    text = _trees(columns, coded, happened, seed, settings)
    trees = Model("trees", columns, {}, text)
    if kind == "trees":
        return trees
    leaf = np.asarray(trees.booster.predict(columns.matrix(coded), pred_leaf=True, num_threads=1))
    start = np.arange(leaf.shape[1]) * int(settings["leaves"])
    places = leaf.shape[1] * int(settings["leaves"])
    seen = beside(np.empty((len(leaf), 0)), leaf + start, places)
    weight, bias = _logistic(seen, happened, settings["strength"])
    return Model(kind, columns, {"bias": bias, "leaf": weight, "start": start}, text)


def _split(columns: Columns, weight: Array) -> dict[str, Array]:
    """Weights of numbers, and of words with one more that is 0, for what is unknown."""
    wide = len(columns.numbers)
    return {"numbers": weight[:wide], "words": np.concatenate([weight[wide:], np.zeros((1, weight.shape[1]))])}


def _logistic(seen: Any, happened: Array, strength: float) -> tuple[Array, Array]:
    """Weights and bias of a logistic regression; a row whose target is a probability counts as a share of both."""
    from scipy import sparse
    from sklearn.linear_model import LogisticRegression

    weight = None
    label = happened
    if not np.isin(happened, (0, 1)).all():
        seen = sparse.vstack([seen, seen])
        label, weight = np.repeat([1, 0], len(happened)), np.concatenate([happened, 1 - happened])
    model = LogisticRegression(C=strength, max_iter=1_000, tol=1e-6)
    model.fit(seen, label, sample_weight=weight)
    return model.coef_[0], model.intercept_


def _trees(columns: Columns, coded: Coded, happened: Array, seed: int, settings: Mapping[str, float]) -> str:
    import lightgbm

    wide = len(columns.numbers)
    data = lightgbm.Dataset(
        columns.matrix(coded),
        label=happened,
        feature_name=[f"column_{place}" for place in range(len(columns.names))],
        categorical_feature=list(range(wide, len(columns.names))),
        params={"verbosity": -1},
    )
    fixed = {
        "objective": "cross_entropy",
        "learning_rate": settings["rate"],
        "num_leaves": int(settings["leaves"]),
        "min_data_in_leaf": int(settings["least"]),
        "lambda_l2": settings["l2"],
        "seed": seed % SEEDS,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": 1,
        "verbosity": -1,
    }
    return str(lightgbm.train(fixed, data, num_boost_round=int(settings["trees"])).model_to_string())


def _net(columns: Columns, coded: Coded, happened: Array, seed: int, settings: Mapping[str, float]) -> dict[str, Array]:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier

    model = MLPClassifier(
        hidden_layer_sizes=(int(settings["width"]),),
        activation="tanh",  # smooth, so that a rounding error stays one
        alpha=settings["decay"],
        batch_size=min(int(settings["batch"]), len(happened)),
        learning_rate_init=settings["rate"],
        max_iter=int(settings["epochs"]),
        n_iter_no_change=int(settings["epochs"]),
        random_state=seed % SEEDS,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # it stops after the epochs that were asked for
        seen = columns.one_hot(coded)
        dense = 8 * seen.shape[0] * seen.shape[1] <= DENSE
        model.fit(seen.toarray() if dense else seen, happened)
    (first, out), (bias, out_bias) = model.coefs_, model.intercepts_
    return {"bias": bias, "out": out[:, 0], "out_bias": out_bias, **_split(columns, first)}


def _settings(kind: str, given: Mapping[str, float]) -> dict[str, float]:
    if kind not in KINDS:
        raise ValueError(f"train: no kind {kind!r}. Choose one of: {', '.join(KINDS)}.")
    own = DEFAULTS[kind]
    strange = [name for name in given if name not in own]
    if strange:
        raise ValueError(f"train: {kind!r} has no setting {strange[0]!r}. It has: {', '.join(own) or 'none'}.")
    for name, value in given.items():
        if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not 0 <= value < np.inf:
            raise ValueError(f"train: {name} is {value!r}; expected a finite number of at least 0.")
        if name in WHOLE and (value < WHOLE[name] or value != int(value)):
            raise ValueError(f"train: {name} is {value!r}; expected a whole number of at least {WHOLE[name]}.")
        if name in ("rate", "strength") and value == 0:
            raise ValueError(f"train: {name} is 0; expected a number above 0.")
    return {**own, **given}


def _target(kind: str, target: npt.ArrayLike, rows: int) -> Array:
    happened = np.asarray(target)
    if happened.shape != (rows,) or happened.dtype.kind not in "biuf":
        raise ValueError(f"train: {rows} rows and a target of shape {happened.shape}. Give one number a row.")
    happened = happened.astype(np.float64)
    wrong = ~((happened >= 0) & (happened <= 1))
    if wrong.any():
        raise ValueError(
            f"train: {int(wrong.sum())} of {rows} targets are neither 0 nor 1 nor between (first: row "
            f"{int(np.argmax(wrong))}, {happened[wrong][0]:g}). Leave out what was not observed."
        )
    if happened.min() == happened.max() and happened[0] in (0, 1):
        raise ValueError(
            f"train: all {rows} targets are {happened[0]:g}, one class only, so there is nothing to tell apart. Take "
            "more rows."
        )
    if kind == "net" and not np.isin(happened, (0, 1)).all():
        raise ValueError("train: a 'net' learns from 0 and 1 only. Imitate a model with 'linear' or 'trees'.")
    return happened
