import numpy as np
import pandas as pd
import pytest

from mlsd_lib.architecture import Batch, Off, System
from mlsd_lib.funnel import Scored, Stage, best, opened, resized, stages
from mlsd_lib.systems import search
from tests.unit.funnel.cascades import Column, cascade, noisy

REQUESTS = np.array([3, 1, 8])
TABLE = noisy(REQUESTS)
DOCUMENTS = pd.DataFrame(
    {
        "doc_id": range(30),
        "title": [f"pizza {'taxi ' * (i % 4)}" for i in range(30)],
        "text": ["night " * i for i in range(30)],
    }
)
ASKED = pd.DataFrame({"request_id": ["a", "b"], "query": ["taxi night", "pizza"]})


def scored(row, score):
    row = np.array(row, dtype=np.int64)
    items = {"row": row, "score": np.array(score, dtype=float), "item_id": np.arange(len(row))}
    return Batch({"request_id": np.arange(3)}, items)


def test_the_best_of_each_request_go_on_best_first_and_equal_ones_as_they_came():
    batch = best(scored([0, 0, 0, 0, 2, 2], [1, 3, 2, 3, -5, -4]), 3)
    assert batch.items["item_id"].tolist() == [1, 3, 2, 5, 4]
    assert batch.row.tolist() == [0, 0, 0, 2, 2]
    assert len(batch) == 3


def test_a_request_alone_is_cut_as_it_is_among_others():
    rng = np.random.default_rng(0)
    score, row = rng.integers(0, 9, 600).astype(float), np.sort(rng.integers(0, 3, 600))
    whole = best(scored(row, score), 20)
    for number in range(3):
        own = row == number
        alone = Batch(
            {"request_id": np.array([number])},
            {"row": row[own] * 0, "score": score[own], "item_id": np.flatnonzero(own)},
        )
        expected = sorted(np.flatnonzero(own), key=lambda item: (-score[item], item))[:20]
        assert best(alone, 20).items["item_id"].tolist() == expected
        assert whole.items["item_id"][whole.row == number].tolist() == expected


@pytest.mark.parametrize("keep", [1, 4, 5, 6])
def test_a_cut_at_or_above_the_number_of_candidates_passes_all(keep):
    batch = Batch({"request_id": np.array([1])}, {"row": np.zeros(5, int), "score": np.array([2.0, 2, 9, 2, 0])})
    assert best(batch, keep).items["score"].tolist() == [9.0, 2, 2, 2, 0][:keep]


def test_a_cut_needs_scores_unless_there_is_nothing_to_cut():
    nothing = Batch({"request_id": np.array([1])})
    assert best(nothing, 3) is nothing
    with pytest.raises(ValueError, match=r"best: 2 candidates have no item array 'score'.*row, price"):
        best(Batch({"request_id": np.array([1])}, {"row": np.zeros(2, int), "price": np.ones(2)}), 3)


def test_a_cut_refuses_nan_instead_of_hiding_it_at_the_end():
    with pytest.raises(ValueError, match=r"best: 1 of 2 candidates have NaN"):
        best(scored([0, 0], [1, np.nan]), 1)


@pytest.mark.parametrize("keep", [0, -1, 2.0, True, "3", None])
def test_a_number_to_keep_is_a_positive_integer(keep):
    with pytest.raises(ValueError, match=r"ranker: keep must be an integer of at least 1, got"):
        Scored(Off("ranker"), keep=keep)
    with pytest.raises(ValueError, match=r"best: keep must be an integer of at least 1"):
        best(scored([0], [1]), keep)


def test_a_scored_stage_is_named_after_its_scorer_and_can_keep_another_number():
    stage = Scored(Column("light", "first"), keep=np.int64(4))
    other = stage.kept(2)
    assert isinstance(stage, Stage)
    assert (stage.name, stage.keep, type(stage.keep)) == ("light", 4, int)
    assert (other.keep, other.scorer) == (2, stage.scorer)
    assert stage.keep == 4


def test_a_scored_stage_cannot_be_changed():
    with pytest.raises(AttributeError):
        Scored(Column("light"), keep=4).keep = 5


def test_a_narrow_stage_passes_on_the_first_of_what_a_wide_one_does():
    wide, narrow = (cascade(TABLE, (60, 60, keep)) for keep in (20, 5))
    requests = pd.DataFrame({"request_id": REQUESTS})
    pd.testing.assert_frame_equal(
        narrow.run(requests), wide.run(requests).groupby("request_id", sort=False).head(5).reset_index(drop=True)
    )


def test_the_selection_of_search_is_a_stage():
    engine = search.lexical(DOCUMENTS, keep=20)
    stage = engine["selection"]
    assert isinstance(stage, Stage)
    narrow = engine.replace(selection=stage.kept(3))
    assert stage.keep == 20
    assert stage.kept(3).block == stage.block
    pd.testing.assert_frame_equal(
        narrow.run(ASKED), engine.run(ASKED).groupby("request_id", sort=False).head(3).reset_index(drop=True)
    )


def test_a_component_without_a_number_to_keep_is_no_stage():
    engine = search.fit(DOCUMENTS)
    assert [stage.name for stage in stages(engine)] == ["selection"]
    with pytest.raises(ValueError, match=r"search: no component is a stage"):
        stages(System("search", engine.edge, (engine["ranker"], engine["page"])))


def test_resizing_changes_the_stages_that_are_named_and_no_other():
    system = cascade(TABLE, (50, 20, 10))
    assert [stage.keep for stage in stages(resized(system, {"third": 4, "first": 30}))] == [30, 20, 4]
    assert [stage.keep for stage in stages(system)] == [50, 20, 10]
    with pytest.raises(ValueError, match=r"cascade: 'fourth' is not a stage; its stages are first, second, third"):
        resized(system, {"first": 3, "fourth": 4})


def test_an_opened_funnel_is_wide_down_to_its_last_stage():
    assert [stage.keep for stage in stages(opened(cascade(TABLE, (50, 20, 10)), 900))] == [900, 900, 10]


def test_a_stage_made_of_a_ranker_is_saved_and_loaded(tmp_path):
    engine = search.fit(DOCUMENTS, keep=25)
    engine = engine.replace(ranker=Scored(engine["ranker"], keep=4))
    engine.save(tmp_path / "engine")
    loaded = System.load(tmp_path / "engine")
    assert [stage.keep for stage in stages(loaded)] == [25, 4]
    assert type(loaded["ranker"].scorer) is type(engine["ranker"].scorer)
    pd.testing.assert_frame_equal(loaded.run(ASKED), engine.run(ASKED))


def test_a_stage_whose_scorer_cannot_be_loaded_is_not_saved(tmp_path):
    engine = search.fit(DOCUMENTS)
    with pytest.raises(ValueError, match=r"save: stage 'ranker' scores with a Column, a kind that is not registered"):
        engine.replace(ranker=Scored(Column("ranker", "score"), keep=4)).save(tmp_path / "engine")


@pytest.mark.parametrize(
    ("held", "message"),
    [({"kind": "unknown"}, "scores with a component of kind 'unknown'"), ({"keep": 0}, "keep must be an integer")],
)
def test_a_stage_whose_stored_state_is_unsound_is_refused(held, message):
    from mlsd_lib import storage
    from mlsd_lib.architecture import State

    sound = Scored(search.fit(DOCUMENTS)["page"], keep=4).state()
    assert storage.KINDS["scored-stage"].restore("page", sound).keep == 4
    with pytest.raises(ValueError, match=message):
        storage.KINDS["scored-stage"].restore("page", State(json={**sound.json, **held}))
