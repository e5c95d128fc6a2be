"""Labels from people: how far they agree, what most of them say, and whom to believe.

A table of answers has a row for each label that somebody gave: `item_id, annotator_id, label`. Nobody need label
everything.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from mlsd_lib.architecture import Array
from mlsd_lib.metrics import checks

_STILL = 1e-9  # change of a probability from which on nothing moves any more


def agreement(answers: pd.DataFrame) -> pd.DataFrame:
    """How far each two annotators agree beyond chance on the items that both labelled (Cohen's kappa).

    Args:
        answers: Columns `item_id, annotator_id, label`.

    Returns:
        One row a pair of annotators: `one`, `other`, `items` (that both labelled), `agree` (share of them with the same
        label) and `kappa` (1 is perfect, 0 what chance gives; NaN where they share no item, or both always said the
        same single thing).

    Raises:
        ValueError: If the table is unsound, has one annotator only, or no two of them share an item.

    Chapter: Training data.

    >>> who = ["a", "a", "a", "b", "b", "b"]
    >>> answers = pd.DataFrame({"item_id": [1, 2, 3] * 2, "annotator_id": who, "label": list("xyxxyy")})
    >>> agreement(answers)[["items", "agree", "kappa"]].round(2).values.tolist()
    [[3.0, 0.67, 0.4]]
    """
    from sklearn.metrics import cohen_kappa_score

    coded = _coded(answers)
    if len(coded.annotators) < 2:
        raise ValueError(
            f"answers: all {len(coded.label)} are by one annotator ({coded.annotators[0]!r}), and agreement takes two. "
            "Have a part of the items labelled by somebody else."
        )
    table = _wide(coded)
    rows = []
    for one in range(len(coded.annotators)):
        for other in range(one + 1, len(coded.annotators)):
            both = (table[:, one] >= 0) & (table[:, other] >= 0)
            left, right = table[both, one], table[both, other]
            varied = both.any() and len(np.union1d(left, right)) > 1
            rows.append(
                {
                    "one": coded.annotators[one],
                    "other": coded.annotators[other],
                    "items": int(both.sum()),
                    "agree": float((left == right).mean()) if both.any() else np.nan,
                    "kappa": float(cohen_kappa_score(left, right)) if varied else np.nan,
                }
            )
    found = pd.DataFrame(rows)
    if not found["items"].any():
        raise ValueError(
            f"answers: no two of {len(coded.annotators)} annotators labelled the same item, so nobody can be compared. "
            "Give a part of the items to several of them."
        )
    return found


def alpha(answers: pd.DataFrame) -> float:
    """Agreement of all annotators together beyond chance: Krippendorff's alpha for labels without an order.

    Args:
        answers: Columns `item_id, annotator_id, label`. Items with one answer are left out; the others may have any
            number.

    Returns:
        1 for perfect agreement, about 0 for chance; NaN where only one label was ever given.

    Raises:
        ValueError: If the table is unsound or no item has two answers.

    Chapter: Training data.

    >>> who = ["a", "a", "a", "b", "b", "b"]
    >>> answers = pd.DataFrame({"item_id": [1, 2, 3] * 2, "annotator_id": who, "label": list("xyxxyy")})
    >>> round(alpha(answers), 3)
    0.444
    """
    counts = _counts(_coded(answers))
    counts = counts[counts.sum(axis=1) > 1]
    if not len(counts):
        raise ValueError(
            "answers: no item has two answers, so there is no agreement to measure. Label some items twice."
        )
    answered = counts.sum(axis=1)
    differ = (answered**2 - (counts**2).sum(axis=1)) / (answered - 1)
    total, of_label = answered.sum(), counts.sum(axis=0)
    by_chance = (total**2 - (of_label**2).sum()) / (total - 1)
    return float(1 - differ.sum() / by_chance) if by_chance > 0 else float("nan")


def majority(answers: pd.DataFrame) -> pd.DataFrame:
    """What most annotators say of each item; of labels with equally many votes, the one given more often overall.

    Args:
        answers: Columns `item_id, annotator_id, label`.

    Returns:
        One row an item, in order of appearance: `item_id`, `label`, `votes` (answers) and `share` (of them for the
        label).

    Raises:
        ValueError: If the table is unsound.

    Source: [snow2008cheap]. Chapter: Training data.

    >>> answers = pd.DataFrame({"item_id": 1, "annotator_id": ["a", "b", "c"], "label": ["x", "y", "y"]})
    >>> majority(answers).values.tolist()
    [[1, 'y', 3, 0.6666666666666666]]
    """
    coded = _coded(answers)
    counts = _counts(coded)
    best = (counts + counts.sum(axis=0) / (counts.sum() + 1)).argmax(axis=1)  # the fraction only breaks ties
    votes = counts.sum(axis=1)
    share = counts[np.arange(len(counts)), best] / votes
    return pd.DataFrame(
        {"item_id": coded.items, "label": coded.labels[best], "votes": votes.astype(np.int64), "share": share}
    )


@dataclass(frozen=True, eq=False)
class Consensus:
    """True labels and annotators' skills, estimated together.

    Attributes:
        labels: A row an item, in order of appearance: `item_id`, `label` (the likeliest) and `probability`.
        annotators: A row an annotator: `annotator_id`, `answers`, and `right`, the estimated probability of a right
            answer, over labels as frequent as they are estimated to be.
        names: The labels, in the order of the axes of `confusion`.
        confusion: Estimated probability of each answer, of shape (annotators, true label, answer).
        rounds: How many rounds of expectation-maximisation it took.

    Chapter: Training data.
    """

    labels: pd.DataFrame = field(repr=False)
    annotators: pd.DataFrame
    names: tuple[Any, ...]
    confusion: Array = field(repr=False)
    rounds: int


def dawid_skene(answers: pd.DataFrame, *, most_rounds: int = 500, prior: float = 0.1) -> Consensus:
    """Estimate the true labels and each annotator's confusions together, by expectation-maximisation.

    It starts from the shares of votes, so its result is the same at every run, and right as long as most annotators are
    better than chance.

    Args:
        answers: Columns `item_id, annotator_id, label`.
        most_rounds: Rounds after which to stop at the latest; at least 1.
        prior: Answers of each kind that every annotator is credited with beforehand, so that no estimate is exactly 0;
            above 0.

    Returns:
        The estimated labels and annotators.

    Raises:
        ValueError: If the table is unsound, a setting is out of range, or no item has two answers: then nothing tells
            who is right.

    Source: [dawid1979maximum]. Chapter: Training data.

    >>> rows = [(item, name, item % 2) for item in range(6) for name in "ab"] + [(item, "c", 0) for item in range(6)]
    >>> found = dawid_skene(pd.DataFrame(rows, columns=["item_id", "annotator_id", "label"]))
    >>> found.labels["label"].tolist()
    [0, 1, 0, 1, 0, 1]
    """
    coded = _coded(answers)
    if most_rounds < 1 or not 0 < prior < np.inf:
        raise ValueError(f"dawid_skene: most_rounds={most_rounds}, prior={prior}; expected at least 1, and above 0.")
    counts = _counts(coded)
    if counts.sum(axis=1).max() < 2:
        raise ValueError(
            f"answers: no item has two answers by {len(coded.annotators)} annotators, so nothing tells who is right. "
            "Label some items twice."
        )
    believed = counts / counts.sum(axis=1, keepdims=True)
    shape = (len(coded.annotators), len(coded.labels), len(coded.labels))
    rounds, moved = 0, np.inf
    while rounds < most_rounds and moved > _STILL:
        rounds += 1
        confusion, share = _maximised(coded, believed, shape, prior)
        before, believed = believed, _expected(coded, confusion, share)
        moved = float(np.abs(believed - before).max())
    best = believed.argmax(axis=1)
    right = (confusion[:, np.arange(shape[1]), np.arange(shape[1])] * share).sum(axis=1)
    return Consensus(
        pd.DataFrame({"item_id": coded.items, "label": coded.labels[best], "probability": believed.max(axis=1)}),
        pd.DataFrame({"annotator_id": coded.annotators, "answers": np.bincount(coded.annotator), "right": right}),
        tuple(coded.labels.tolist()),
        confusion,
        rounds,
    )


class _Coded(NamedTuple):
    item: Array
    annotator: Array
    label: Array
    items: Array
    annotators: Array
    labels: Array


def _coded(answers: pd.DataFrame) -> _Coded:
    clean = checks.columns("answers", answers, "item_id", "annotator_id", "label")
    if clean.empty:
        raise ValueError("answers: the table has no row. Give at least one label.")
    checks.once("answers", clean, ["item_id", "annotator_id"])
    item, items = pd.factorize(clean["item_id"])
    annotator, annotators = pd.factorize(clean["annotator_id"])
    label, labels = pd.factorize(clean["label"], sort=True)
    return _Coded(item, annotator, label, np.asarray(items), np.asarray(annotators), np.asarray(labels))


def _counts(coded: _Coded) -> Array:
    """How often each item was given each label, float64 of shape (items, labels)."""
    cell = coded.item * len(coded.labels) + coded.label
    counts = np.bincount(cell, minlength=len(coded.items) * len(coded.labels))
    return counts.reshape(len(coded.items), len(coded.labels)).astype(np.float64)


def _wide(coded: _Coded) -> Array:
    """The answer of each annotator to each item, -1 for none, of shape (items, annotators)."""
    table = np.full((len(coded.items), len(coded.annotators)), -1, dtype=np.int64)
    table[coded.item, coded.annotator] = coded.label
    return table


def _maximised(coded: _Coded, believed: Array, shape: tuple[int, int, int], prior: float) -> tuple[Array, Array]:
    """Confusions and shares of labels that fit what is believed of the items."""
    confusion = np.full(shape, prior)
    np.add.at(confusion.transpose(0, 2, 1), (coded.annotator, coded.label), believed[coded.item])
    share = believed.mean(axis=0) + 1e-12
    return confusion / confusion.sum(axis=2, keepdims=True), share / share.sum()


def _expected(coded: _Coded, confusion: Array, share: Array) -> Array:
    """What to believe of each item, given confusions and shares; summed as logarithms, so that nothing underflows."""
    told = np.log(confusion).transpose(0, 2, 1)[coded.annotator, coded.label]
    believed = np.tile(np.log(share), (len(coded.items), 1))
    np.add.at(believed, coded.item, told)
    believed = np.exp(believed - believed.max(axis=1, keepdims=True))
    return np.asarray(believed / believed.sum(axis=1, keepdims=True))
