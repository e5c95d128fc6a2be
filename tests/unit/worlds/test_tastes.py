"""People who take items: in proportion to popularity times taste."""

import numpy as np
import pytest

from mlsd_lib.worlds import chance
from mlsd_lib.worlds.tastes import taken


def test_without_taste_items_are_taken_by_their_popularity():
    drawn = taken(100_000, items=30, strength=0.0, zipf=1.2)
    share = np.arange(1, 31) ** -1.2
    assert np.bincount(drawn.item, minlength=30) / 100_000 == pytest.approx(share / share.sum(), abs=0.005)


def test_taste_draws_people_to_items_near_to_them():
    drawn = taken(20_000, items=40, zipf=0.0, strength=2.0, features=3)
    taste = chance.normal(0, "taste of the item", np.arange(40)[:, None], np.arange(3))
    score = 2.0 * drawn.users @ taste.T / np.sqrt(3)
    expected = np.exp(score) / np.exp(score).sum(axis=1, keepdims=True)
    likely = expected[np.arange(20_000), drawn.item].mean()
    assert likely == pytest.approx((expected**2).sum(axis=1).mean(), rel=0.03)


def test_blocks_do_not_show_and_the_seed_does():
    one, other = taken(300, items=20), taken(300, items=20, block=7)
    assert np.array_equal(one.item, other.item)
    assert np.array_equal(one.users, other.users)
    assert not np.array_equal(one.item, taken(300, items=20, seed=1).item)
    assert one.users.shape == (300, 8)


@pytest.mark.parametrize("wrong", [{"pairs": 0}, {"items": 1}, {"features": 0}, {"block": 0}])
def test_too_few_of_anything_are_refused(wrong):
    with pytest.raises(ValueError, match="are too few"):
        taken(**({"pairs": 5, "items": 5} | wrong))
