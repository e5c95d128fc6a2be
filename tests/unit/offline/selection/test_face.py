"""The face of the room: defaults that receipts rest on, and results that nobody can change behind one's back."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from mlsd_lib.offline import selection
from mlsd_lib.offline.selection import testing
from mlsd_lib.worlds import chance

VALUES = pd.DataFrame(chance.normal(0, "values", np.arange(200)[:, None], np.arange(3))).add_prefix("m")
SCORES = selection.scores(VALUES)


@pytest.mark.parametrize(
    ("plain", "said"),
    [
        (
            lambda: selection.split_at_random(VALUES).test,
            lambda: selection.split_at_random(VALUES, share=0.2, seed=0).test,
        ),
        (
            lambda: selection.split_by_key(VALUES, "m0").test,
            lambda: selection.split_by_key(VALUES, "m0", share=0.2, seed=0).test,
        ),
        (
            lambda: selection.leaderboard(VALUES).pairs,
            lambda: selection.leaderboard(VALUES, level=0.95, resamples=1_000, seed=0, at_once=testing.AT_ONCE).pairs,
        ),
        (
            lambda: selection.shortlist(VALUES, 2),
            lambda: selection.shortlist(VALUES, 2, resamples=1_000, seed=0, doubt=0.0),
        ),
        (
            lambda: pd.DataFrame([dataclasses.asdict(selection.winner(VALUES))]),
            lambda: pd.DataFrame([dataclasses.asdict(selection.winner(VALUES, share=0.5, resamples=1_000, seed=0))]),
        ),
        (
            lambda: pd.DataFrame(selection.resampled(SCORES)),
            lambda: pd.DataFrame(selection.resampled(SCORES, resamples=1_000, seed=0, at_once=1 << 17)),
        ),
        (
            lambda: selection.by_group(VALUES["m0"], ["a", "b"] * 100),
            lambda: selection.by_group(VALUES["m0"], ["a", "b"] * 100, level=0.95),
        ),
        (
            lambda: selection.auc_by_group(VALUES["m1"] > 0, VALUES["m0"], ["a", "b"] * 100),
            lambda: selection.auc_by_group(VALUES["m1"] > 0, VALUES["m0"], ["a", "b"] * 100, level=0.95),
        ),
    ],
)
def test_defaults_are_what_a_reader_is_told(plain, said):
    pd.testing.assert_frame_equal(plain(), said(), check_exact=True)


def test_results_are_frozen():
    log = selection.Logged([0, 1], [1, 0], np.full((2, 2), 0.5))
    for thing in (
        selection.split_at_random(VALUES),
        selection.leaderboard(VALUES),
        selection.winner(VALUES),
        SCORES,
        log,
        selection.replay(log, [0, 1]),
    ):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(thing, dataclasses.fields(thing)[0].name, None)


def test_logs_are_told_apart_by_identity_since_arrays_are_not_compared_as_a_whole():
    logs = [selection.Logged([0, 1], [1, 0], np.full((2, 2), 0.5)) for _ in range(2)]
    assert logs[0] != logs[1]


def test_the_room_shows_what_it_says():
    for name in selection.__all__:
        assert getattr(selection, name).__doc__
    assert list(selection.__all__) == sorted(selection.__all__)
