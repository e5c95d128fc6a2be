"""People who label: each with a skill, some with a misunderstanding that they share.

Who errs on which item depends on the seed, the annotator and the item, not on what else they label.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from mlsd_lib.architecture import Array
from mlsd_lib.worlds import chance


def answers(
    truth: npt.ArrayLike,
    skill: Sequence[float],
    *,
    labels: int,
    each: int | None = None,
    misread: tuple[int, int, float] | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """What people say of some items.

    Args:
        truth: The true label of each item, whole numbers from 0, of shape (items,).
        skill: For each annotator the probability of the right label. A wrong one is any other, equally likely.
        labels: How many labels there are; at least 2.
        each: How many annotators label an item, drawn for each item; all of them if left out.
        misread: A misunderstanding: (true label, label given instead, share of the annotators who have it), such as
            follows from guidelines that leave a case open. It replaces the right answer where it applies.
        seed: Seed of who labels what and who errs.

    Returns:
        One row an answer, by item: `item_id` (from 0), `annotator_id` (from 0) and `label`.

    Raises:
        ValueError: If a label or a probability is out of range, or there are too few annotators.

    Source: [dawid1979maximum]. Chapter: Training data.

    >>> answers([0, 1, 1], skill=[1.0, 1.0], labels=2)["label"].tolist()
    [0, 0, 1, 1, 1, 1]
    """
    right, ability = np.asarray(truth), np.asarray(skill, dtype=np.float64)
    if right.ndim != 1 or right.dtype.kind not in "iu" or ((right < 0) | (right >= labels)).any() or labels < 2:
        raise ValueError(
            f"answers: truth must hold whole numbers from 0 to {labels - 1}, and there must be two labels."
        )
    if ability.ndim != 1 or not len(ability) or not ((ability >= 0) & (ability <= 1)).all():
        raise ValueError(f"answers: skill is {list(skill)!r}; expected at least one number from 0 to 1.")
    count = len(ability) if each is None else each
    if not 1 <= count <= len(ability):
        raise ValueError(f"answers: each is {each} and there are {len(ability)} annotators.")
    item, person = np.arange(len(right))[:, None], np.arange(len(ability))
    turn = np.argsort(chance.bits(seed, "who labels", item, person), axis=1, kind="stable")
    who = np.sort(turn[:, :count], axis=1)
    meant = np.broadcast_to(right[:, None], who.shape)
    if misread is not None:
        meant = _misread(meant, who, misread, len(ability), labels)
    errs = chance.uniform(seed, "errs", item, who) >= ability[who]
    shift = 1 + (chance.uniform(seed, "says instead", item, who) * (labels - 1)).astype(np.int64)
    said = np.where(errs, (meant + shift) % labels, meant)
    return pd.DataFrame({"item_id": np.repeat(item.ravel(), count), "annotator_id": who.ravel(), "label": said.ravel()})


def _misread(meant: Array, who: Array, misread: tuple[int, int, float], people: int, labels: int) -> Array:
    true, instead, share = misread
    if not (0 <= true < labels and 0 <= instead < labels and 0 <= share <= 1):
        raise ValueError(f"answers: misread is {misread!r}; expected two labels from 0 to {labels - 1} and a share.")
    has = np.arange(people) < round(share * people)
    return np.where((meant == true) & has[who], instead, meant)
