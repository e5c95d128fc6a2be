"""People who take items near to their taste, out of a catalogue in which few items are popular and most are rare."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from mlsd_lib.architecture import Array
from mlsd_lib.worlds import chance


@dataclass(frozen=True, eq=False)
class Taken:
    """Who took what.

    Attributes:
        users: Features of the user of each pair, float64 of shape (pairs, features).
        item: The item taken, from 0; the smaller the number, the more popular. int64 of shape (pairs,).

    Chapter: Training data.
    """

    users: Array = field(repr=False)
    item: Array = field(repr=False)


def taken(
    pairs: int,
    items: int,
    *,
    features: int = 8,
    zipf: float = 1.0,
    strength: float = 1.5,
    seed: int = 0,
    block: int = 5_000,
) -> Taken:
    """Pairs of a user and the item that this user took.

    Item number i (from 0) is taken in proportion to (i + 1) ** -zipf times the exponential of its nearness to the user.

    Args:
        pairs: How many; at least 1.
        items: How many items; at least 2.
        features: Numbers that describe a user.
        zipf: How unequal the popularity of items is; 0 for none.
        strength: How much taste counts against popularity.
        seed: Seed of tastes and choices.
        block: How many pairs to draw at once; memory grows with it, results do not change.

    Returns:
        Features and items.

    Raises:
        ValueError: If there are too few pairs, items or features.

    Source: [yi2019sampling]. Chapter: Training data.

    >>> drawn = taken(1_000, items=50)
    >>> bool((drawn.item < 5).mean() > (drawn.item >= 45).mean())
    True
    """
    if pairs < 1 or items < 2 or features < 1 or block < 1:
        raise ValueError(f"taken: pairs={pairs}, items={items}, features={features}, block={block} are too few.")
    popular = -zipf * np.log(np.arange(1, items + 1))
    taste = chance.normal(seed, "taste of the item", np.arange(items)[:, None], np.arange(features))
    users, item = np.empty((pairs, features)), np.empty(pairs, dtype=np.int64)
    for start in range(0, pairs, block):
        who = np.arange(start, min(start + block, pairs))
        users[who] = chance.normal(seed, "taste of the user", who[:, None], np.arange(features))
        score = popular + strength * users[who] @ taste.T / np.sqrt(features)
        mass = np.cumsum(np.exp(score - score.max(axis=1, keepdims=True)), axis=1)
        drawn = chance.uniform(seed, "takes", who) * mass[:, -1]
        item[who] = (mass < drawn[:, None]).sum(axis=1)
    return Taken(users, item)
