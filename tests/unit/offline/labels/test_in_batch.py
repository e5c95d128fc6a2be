"""Negatives from the batch: the gradient, the correction, and what popular items learn without it."""

import numpy as np
import pytest

from mlsd_lib.offline import labels
from mlsd_lib.offline.labels import in_batch
from mlsd_lib.worlds import chance
from mlsd_lib.worlds.tastes import taken


def test_the_gradient_is_that_of_the_loss():
    users = chance.normal(0, "u", np.arange(6)[:, None], np.arange(3))
    number, off = np.array([0, 1, 2, 1, 3, 0]), np.log([0.4, 0.3, 0.2, 0.1, 0.1])
    user, item = (chance.normal(0, name, np.arange(rows)[:, None], np.arange(2)) for name, rows in (("U", 3), ("I", 5)))

    def loss(user, item):
        score = users @ user @ item[number].T - off[number]
        total = 0.0
        for row in range(6):
            rivals = [c for c in range(6) if c == row or number[c] != number[row]]
            total += np.log(np.exp(score[row, rivals]).sum()) - score[row, row]
        return total / 6

    steps = in_batch._gradients(users, number, user, item, off)
    for which, (weight, step) in enumerate(zip((user, item), steps, strict=True)):
        for cell in np.ndindex(weight.shape):
            up, down = weight.copy(), weight.copy()
            up[cell] += 1e-6
            down[cell] -= 1e-6
            ends = [loss(w, item) if which == 0 else loss(user, w) for w in (up, down)]
            assert step[cell] == pytest.approx((ends[0] - ends[1]) / 2e-6, abs=1e-6)


def test_the_correction_brings_popular_items_back_and_costs_rare_ones_a_little():
    drawn, items = taken(40_000, items=1_000), 1_000
    learn, judge = slice(0, 36_000), slice(36_000, None)
    hits = {}
    for corrected in (False, True):
        towers = labels.two_towers(drawn.users[learn], drawn.item[learn], items=items, corrected=corrected, epochs=3)
        best = towers.best(drawn.users[judge], k=20)
        hits[corrected] = (best == drawn.item[judge][:, None]).any(axis=1)
    head, tail = drawn.item[judge] < 10, drawn.item[judge] >= 100
    assert hits[True].mean() > 1.5 * hits[False].mean()
    assert hits[True][head].mean() > 1.5 * hits[False][head].mean()
    assert hits[True][tail].mean() < hits[False][tail].mean()


def test_the_corrected_score_tends_to_the_true_odds_of_taking():
    # No taste at all: the corrected model must learn popularity itself, the other one must not.
    drawn = taken(30_000, items=20, strength=0.0)
    users, true = np.ones((30_000, 1)), -np.log(np.arange(1, 21))
    scores = []
    for corrected in (False, True):
        towers = labels.two_towers(users, drawn.item, items=20, corrected=corrected, dimensions=1, batch=64, epochs=6)
        scores.append((np.ones((1, 1)) @ towers.user @ towers.item.T).ravel())
    assert np.polyfit(true, scores[1], 1)[0] == pytest.approx(1.0, abs=0.15)
    assert abs(np.polyfit(true, scores[0], 1)[0]) < 0.2


def test_the_same_seed_gives_the_same_towers_and_another_one_others():
    drawn = taken(500, items=30)
    one, same, other = (
        labels.two_towers(drawn.users, drawn.item, items=30, corrected=True, batch=50, seed=seed) for seed in (1, 1, 2)
    )
    assert np.array_equal(one.item, same.item)
    assert np.array_equal(one.user, same.user)
    assert not np.array_equal(one.item, other.item)
    assert one.user.shape == (8, 16)
    assert one.item.shape == (30, 16)


def test_a_smaller_last_batch_and_more_epochs_are_all_learned_from():
    users, item = np.eye(3)[[0, 1, 2, 0, 1, 2, 0]], np.array([0, 1, 2, 0, 1, 2, 0])
    towers = labels.two_towers(users, item, items=3, corrected=False, batch=3, epochs=40)
    assert towers.best(np.eye(3), k=1).ravel().tolist() == [0, 1, 2]


def test_the_best_are_those_of_highest_score_in_order_whatever_the_block():
    towers = labels.Towers(chance.normal(0, "U", np.arange(4)[:, None], np.arange(3)),
                           chance.normal(0, "I", np.arange(50)[:, None], np.arange(3)))  # fmt: skip
    users = chance.normal(0, "u", np.arange(25)[:, None], np.arange(4))
    expected = np.argsort(-(users @ towers.user @ towers.item.T), axis=1)
    for block in (7, 25, 1_000):
        assert np.array_equal(towers.best(users, k=5, block=block), expected[:, :5])
    assert np.array_equal(towers.best(users, k=50), expected)


def test_frequencies_are_shares_and_unseen_items_are_not_impossible():
    found = np.exp(labels.log_frequency([0, 0, 2, 2, 2, 2], items=4))
    assert found == pytest.approx([2 / 6, 0.5 / 6, 4 / 6, 0.5 / 6])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"users": [[1.0]]}, "1 users and 2 items"),
        ({"users": [1.0, 2.0]}, "finite features of shape"),
        ({"users": [[1.0], [np.nan]]}, "finite features of shape"),
        ({"taken": [0, 5]}, "1 of 2 items are out of range .first: 5; items run from 0 to 1"),
        ({"taken": [0, -1]}, "first: -1"),
        ({"taken": [0.0, 1.0]}, "expected whole numbers"),
        ({"taken": np.array([], dtype=int), "users": np.empty((0, 1))}, "expected whole numbers"),
        ({"batch": 1}, "batch at least 2"),
        ({"epochs": 0}, "at least 1"),
        ({"dimensions": 0}, "at least 1"),
        ({"rate": 0.0}, "rate above 0"),
    ],
)
def test_bad_input_is_refused(change, says):
    given = {"users": [[1.0], [2.0]], "taken": [0, 1], "items": 2, "corrected": True} | change
    with pytest.raises(ValueError, match=says):
        labels.two_towers(given.pop("users"), given.pop("taken"), **given)


def test_the_best_of_too_many_or_of_other_features_are_refused():
    towers = labels.Towers(np.ones((2, 1)), np.ones((3, 1)))
    for k in (0, 4):
        with pytest.raises(ValueError, match=f"k is {k}; expected a whole number from 1 to 3"):
            towers.best([[1.0, 1.0]], k=k)
    with pytest.raises(ValueError, match=r"shape \(pairs, 2\)"):
        towers.best([[1.0]], k=1)
