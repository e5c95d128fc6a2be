import numpy as np
import pandas as pd
import pytest

from mlsd_lib.funnel import Costs, losses, resized, stages, tune
from mlsd_lib.funnel.simulated import simulated

SHOW = 20
REQUESTS = pd.DataFrame({"request_id": np.arange(200)})
WANTED = pd.DataFrame({"request_id": np.repeat(np.arange(200), SHOW), "item_id": np.tile(np.arange(SHOW), 200)})


def left(system):
    return losses(system, REQUESTS, WANTED, item="item_id").set_index("component")["left"]


def error(recall):
    """Three standard errors of a share."""
    return 3 * np.sqrt(recall * (1 - recall) / len(WANTED))


def test_independent_losses_multiply():
    measured = left(simulated([500, 300, 200, 100], show=SHOW, recall=0.9))
    assert measured["corpus"] == 1
    for stage in range(1, 5):
        assert measured[f"stage_{stage}"] == pytest.approx(0.9**stage, abs=error(0.9**stage))


def test_each_stage_has_its_own_recall():
    measured = left(simulated([500, 300, 100], show=SHOW, recall=[1.0, 0.5, 0.8]))
    assert measured.tolist()[:2] == [1, 1]
    assert measured["stage_2"] == pytest.approx(0.5, abs=error(0.5))
    assert measured["stage_3"] == pytest.approx(0.4, abs=error(0.4))


def test_mistakes_that_all_stages_share_are_made_once():
    measured = left(simulated([500, 300, 200, 100], show=SHOW, recall=0.8, shared=1.0))
    assert measured["stage_1"] == pytest.approx(0.8, abs=error(0.8))
    assert measured.nunique() == 2


def test_the_more_stages_share_their_mistakes_the_less_is_lost():
    ends = [
        left(simulated([500, 300, 200, 100], show=SHOW, recall=0.8, shared=part)).iloc[-1] for part in (0, 0.5, 0.9)
    ]
    assert ends[0] < ends[1] - error(0.5) < ends[2] - 2 * error(0.5)


def test_each_stage_alone_has_its_recall_also_where_mistakes_are_shared():
    for place in range(3):
        recall = [1.0, 1.0, 1.0]
        recall[place] = 0.7
        end = left(simulated([500, 300, 100], show=SHOW, recall=recall, shared=0.5)).iloc[-1]
        assert end == pytest.approx(0.7, abs=error(0.7))


def test_neither_batches_nor_the_number_of_items_change_who_is_lost():
    shown = simulated([5_000, 300, 100], show=SHOW, recall=0.8, seed=3).run(REQUESTS)
    other = simulated([500, 200, 50], show=SHOW, recall=0.8, seed=3)
    parts = [other.run(REQUESTS.iloc[start : start + 7]) for start in range(0, 200, 7)]
    lost = [rows[rows["item_id"] < SHOW].reset_index(drop=True) for rows in (shown, pd.concat(parts))]
    pd.testing.assert_frame_equal(*lost)
    assert not simulated([500, 200, 50], show=SHOW, recall=0.8, seed=4).run(REQUESTS).equals(other.run(REQUESTS))


def test_stages_are_stages_that_can_be_resized_and_tuned():
    system = simulated([500, 300, 100], show=SHOW, recall=0.9)
    assert [stage.keep for stage in stages(system)] == [300, 100, SHOW]
    assert [stage.keep for stage in stages(resized(system, {"stage_1": 70}))] == [70, 100, SHOW]
    names = [component.name for component in system.components]
    costs = Costs(dict.fromkeys(names, 0.0), dict(zip(names, (0.0, 0.001, 0.01, 0.1), strict=True)))
    tuned = tune(system, REQUESTS, 99, {"stage_1": [50, 200]}, item="item_id", costs=costs, reference=WANTED)
    assert tuned.expected_recall == pytest.approx(left(tuned.system).iloc[-1])
    assert tuned.keeps == {"stage_1": 50}  # the wanted ones stand first, so width buys nothing


def test_its_state_says_what_it_is():
    system = simulated([500, 300], show=SHOW, recall=0.9, shared=0.25, seed=5)
    expected = {"place": 1, "keep": 20, "show": 20, "recall": 0.9, "shared": 0.25, "seed": 5}
    assert (system["corpus"].state().json, system["stage_2"].state().json) == ({"items": 500}, expected)


@pytest.mark.parametrize(
    ("sizes", "arguments", "message"),
    [
        ([100, 200], {"recall": 0.9}, "let no stage pass on more than it is given"),
        ([100, 10], {"recall": 0.9}, "let no stage pass on more than it is given"),
        ([100, 50], {"recall": [0.9]}, "2 stages with 1 recalls pass on 100, 50, 20 items"),
        ([100, 0], {"recall": 0.9}, "simulated: a size must be an integer of at least 1, got 0"),
        ([100, 50], {"recall": 1.1}, "1.1 is no probability"),
        ([100, 50], {"recall": float("nan")}, "nan is no probability"),
        ([100, 50], {"recall": 0.9, "shared": -0.1}, "-0.1 is no probability"),
    ],
)
def test_unsound_settings_are_refused(sizes, arguments, message):
    with pytest.raises(ValueError, match=message):
        simulated(sizes, show=SHOW, **arguments)


def test_a_stage_may_pass_on_all_that_it_is_given():
    assert left(simulated([100, 100], show=SHOW, recall=1.0)).iloc[-1] == 1
