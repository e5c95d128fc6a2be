"""Which items to label next."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from mlsd_lib.offline import labels
from mlsd_lib.worlds import chance

VALUES = chance.normal(0, "x", np.arange(3_000)[:, None], np.arange(20))
RARE = VALUES @ np.linspace(0.2, 1.5, 20) > 7  # about one in twelve


def test_the_least_certain_are_those_with_the_smallest_margin():
    three = [[0.5, 0.4, 0.1], [0.35, 0.33, 0.32], [0.9, 0.05, 0.05], [0.45, 0.1, 0.45]]
    assert labels.least_certain(three, 3).tolist() == [3, 1, 0]
    assert labels.least_certain(three, 4).tolist() == [3, 1, 0, 2]
    assert labels.least_certain([[0.5, 0.5]] * 4, 2).tolist() == [0, 1]


def run(choose, seed=0, **more):
    judge = slice(2_000, None)
    settings = {"first": 40, "step": 20, "most": 400} | more
    return labels.labelled_in_turn(
        LogisticRegression(C=10),
        VALUES[:2_000],
        RARE[:2_000],
        lambda model: model.score(VALUES[judge], RARE[judge]),
        choose=choose,
        seed=seed,
        **settings,
    )


def test_choosing_the_uncertain_needs_fewer_labels_than_chance():
    saved = []
    for seed in range(3):
        at_random, chosen = run("at random", seed), run("least certain", seed)
        assert at_random.iloc[0].tolist() == chosen.iloc[0].tolist()
        saved.append(at_random["labels"].iloc[-1] / labels.labels_needed(chosen, at_random["score"].iloc[-1]))
    assert min(saved) > 1.5


def test_labels_are_asked_for_in_batches_up_to_the_most_and_each_once():
    found = run("least certain", first=30, step=7, most=50)
    assert found["labels"].tolist() == [30, 37, 44, 50]
    assert run("at random", first=30, step=9, most=30)["labels"].tolist() == [30]
    some, positive = VALUES[:30], VALUES[:30, 0] > 0
    settings = {"first": 10, "step": 10, "most": 30, "choose": "least certain"}
    chances = []
    labels.labelled_in_turn(
        LogisticRegression(tol=1e-9),
        some,
        positive,
        lambda model: chances.append(model.predict_proba(some)) or 0.0,
        **settings,
    )
    whole = LogisticRegression(tol=1e-9).fit(some, positive).predict_proba(some)
    assert chances[-1] == pytest.approx(whole, abs=1e-4)  # after all batches everything was labelled, each once


def test_the_seed_decides_and_the_model_given_is_not_changed():
    assert run("at random", 1).equals(run("at random", 1))
    assert not run("at random", 1).equals(run("at random", 2))
    model = LogisticRegression()
    labels.labelled_in_turn(model, VALUES[:99], RARE[:99], lambda _: 0.0, first=50, step=9, most=60, choose="at random")
    assert not hasattr(model, "coef_")


def test_a_first_batch_of_one_label_is_widened_until_there_are_two():
    seldom = np.arange(200) == 150
    found = labels.labelled_in_turn(
        LogisticRegression(),
        VALUES[:200],
        seldom,
        lambda _: 0.0,
        first=2,
        step=5,
        most=20,
        choose="least certain",
        seed=3,
    )
    assert found["labels"].iloc[0] > 2


def test_the_labels_needed_are_those_after_which_the_score_stays():
    curve = pd.DataFrame({"labels": [10, 20, 30, 40], "score": [0.5, 0.8, 0.7, 0.9]})
    assert labels.labels_needed(curve, 0.4) == 10
    assert labels.labels_needed(curve, 0.8) == 40
    assert labels.labels_needed(curve, 0.7) == 20
    assert np.isnan(labels.labels_needed(curve, 0.95))
    with pytest.raises(ValueError, match="column 'score' is missing"):
        labels.labels_needed(curve[["labels"]], 0.5)


@pytest.mark.parametrize("wrong", [[[0.5]], [0.5, 0.5], [[np.nan, 0.5]]])
def test_probabilities_of_another_shape_are_refused(wrong):
    with pytest.raises(ValueError, match=r"expected \(rows, labels\), two or more"):
        labels.least_certain(wrong, 1)


def test_bad_settings_are_refused():
    for n in (0, 2):
        with pytest.raises(ValueError, match=f"n is {n}; expected a whole number from 1 to 1"):
            labels.least_certain([[0.5, 0.5]], n)
    for wrong in ({"first": 1}, {"first": 50, "most": 40}, {"most": 2_001}, {"step": 0}):
        with pytest.raises(ValueError, match="expected 2 <= first <= most <= items"):
            run("at random", **wrong)
    with pytest.raises(ValueError, match="got 'best'"):
        run("best")
    with pytest.raises(ValueError, match="all items have the same label"):
        labels.labelled_in_turn(
            LogisticRegression(), VALUES[:9], [1] * 9, lambda _: 0.0, first=2, step=1, most=3, choose="at random"
        )
    for count in (8, 10):
        with pytest.raises(ValueError, match=f"9 items and {count} labels"):
            labels.labelled_in_turn(
                LogisticRegression(),
                VALUES[:9],
                [1] * count,
                lambda _: 0.0,
                first=2,
                step=1,
                most=3,
                choose="at random",
            )
