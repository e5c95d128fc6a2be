"""People who label: each is right as often as their skill says, and a misunderstanding is shared."""

import numpy as np
import pytest

from mlsd_lib.worlds import chance
from mlsd_lib.worlds.annotators import answers

TRUTH = (3 * chance.uniform(0, "truth", np.arange(20_000))).astype(int)


def test_each_annotator_is_right_with_their_skill_and_wrong_ones_are_spread_evenly():
    told = answers(TRUTH, [0.9, 0.5], labels=3)
    right = told["label"].to_numpy() == TRUTH[told["item_id"]]
    assert right[told["annotator_id"] == 0].mean() == pytest.approx(0.9, abs=0.01)
    assert right[told["annotator_id"] == 1].mean() == pytest.approx(0.5, abs=0.01)
    step = (told["label"].to_numpy() - TRUTH[told["item_id"]])[~right] % 3
    assert (step == 1).mean() == pytest.approx(0.5, abs=0.02)


def test_errors_of_two_annotators_are_independent():
    told = answers(TRUTH, [0.7, 0.7], labels=3)
    wrong = (told["label"].to_numpy() != TRUTH[told["item_id"]]).reshape(-1, 2)
    assert wrong.all(axis=1).mean() == pytest.approx(0.09, abs=0.01)


def test_some_of_them_label_each_item_and_all_equally_often():
    told = answers(TRUTH, [0.8] * 5, labels=3, each=2)
    assert len(told) == 2 * len(TRUTH)
    assert not told.duplicated(["item_id", "annotator_id"]).any()
    assert told["annotator_id"].value_counts(normalize=True).to_numpy() == pytest.approx(np.full(5, 0.2), abs=0.01)
    assert told["item_id"].is_monotonic_increasing


def test_an_answer_does_not_depend_on_what_else_is_labelled():
    whole, part = answers(TRUTH, [0.6] * 3, labels=3, seed=1), answers(TRUTH[:50], [0.6] * 3, labels=3, seed=1)
    assert whole.head(150).equals(part)
    assert not answers(TRUTH, [0.6] * 3, labels=3, seed=2).equals(whole)


def test_a_misunderstanding_is_shared_by_the_share_that_has_it():
    told = answers(TRUTH, [1.0] * 4, labels=3, misread=(0, 2, 0.5))
    said = told["label"].to_numpy().reshape(-1, 4)
    assert (said[TRUTH == 0] == [2, 2, 0, 0]).all()
    assert (said[TRUTH == 1] == 1).all()


def test_bad_input_is_refused():
    for truth in ([3], [-1], [[0]], [0.5]):
        with pytest.raises(ValueError, match="whole numbers from 0 to 2"):
            answers(truth, [0.5], labels=3)
    with pytest.raises(ValueError, match="there must be two labels"):
        answers([0], [0.5], labels=1)
    for skill in ([], [1.1], [-0.1], [np.nan], [[0.5]]):
        with pytest.raises(ValueError, match="at least one number from 0 to 1"):
            answers([0], skill, labels=2)
    for each in (0, 3):
        with pytest.raises(ValueError, match=f"each is {each} and there are 2 annotators"):
            answers([0], [0.5, 0.5], labels=2, each=each)
    for misread in ((2, 0, 0.5), (0, -1, 0.5), (0, 1, 1.5)):
        with pytest.raises(ValueError, match="two labels from 0 to 1 and a share"):
            answers([0], [0.5], labels=2, misread=misread)
