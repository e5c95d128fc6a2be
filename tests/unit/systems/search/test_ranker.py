from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from mlsd_lib.architecture import Batch, System
from mlsd_lib.systems import search
from mlsd_lib.systems.search.ranker import Ranker, learn

from .conftest import Lesson, ask


def some_features(n: int, seed: int) -> np.ndarray:
    """Features of `n` candidates, all of them noise."""
    return np.random.default_rng(seed).random((n, len(search.FEATURES))).astype(np.float32)


def test_learned_from_judgments_it_beats_bm25_on_needs_it_has_not_seen(
    lesson: Lesson, engine: System, learned: System
) -> None:
    plain, by_rules, taught = (
        lesson.ndcg(system) for system in (search.lexical(lesson.world.documents), engine, learned)
    )
    gain = taught - by_rules
    assert taught.mean() > plain.mean() + 0.1
    assert gain.mean() > 0.05
    assert gain.mean() > 5 * gain.std() / np.sqrt(len(gain))
    assert taught.mean() < lesson.ndcg(engine.replace(ranker=lesson.world.oracle("ranker"))).mean() - 0.05


def test_the_ranker_alone_is_worth_a_margin(lesson: Lesson, engine: System, learned: System) -> None:
    alone = lesson.ndcg(engine.replace(ranker=learned["ranker"]))
    assert alone.mean() > lesson.ndcg(engine).mean() + 0.05


def test_it_orders_and_does_not_choose(lesson: Lesson, learned: System) -> None:
    after = learned.trace(lesson.exam.head(200)).after
    before, ranked = after["selection"], after["ranker"]
    np.testing.assert_array_equal(ranked.row, before.row)
    for request in range(200):
        own = before.row == request
        assert sorted(ranked.items["doc_id"][own]) == sorted(before.items["doc_id"][own])
        assert (np.diff(ranked.items["score"][own]) <= 0).all()
    assert (ranked.items["doc_id"] != before.items["doc_id"]).mean() > 0.3


def test_without_a_model_it_scores_as_the_selection_does(lesson: Lesson, engine: System) -> None:
    after = engine.trace(lesson.exam.head(200)).after
    for name in ("row", "doc_id", "score"):
        np.testing.assert_array_equal(after["ranker"].items[name], after["selection"].items[name])


def test_equal_scores_stay_as_they_came() -> None:
    documents = pd.DataFrame({"doc_id": [4, 2, 9, 7], "title": "pizza", "text": ["same", "same", "crust", "same"]})
    pairs = pd.DataFrame({"request_id": 1, "doc_id": [7, 9, 2, 4]})
    system = search.fit(documents).replace(selection=search.given(pairs))
    assert system.run(ask("pizza crust"))["doc_id"].tolist() == [9, 7, 2, 4]


@pytest.mark.parametrize("pairs", [1, 150, 1_000])
def test_how_many_are_looked_at_at_once_changes_nothing(
    lesson: Lesson, learned: System, monkeypatch, pairs: int
) -> None:
    recording, asked = search.with_features(learned), lesson.exam.head(100)
    expected = recording.run(asked)
    monkeypatch.setattr("mlsd_lib.systems.search.ranker.PAIRS", pairs)
    pd.testing.assert_frame_equal(recording.run(asked), expected, check_exact=True)


def test_it_learns_the_feature_that_decides_and_ignores_the_others() -> None:
    index = search.fit(pd.DataFrame({"doc_id": [1], "title": ["pizza"], "text": [""]}))["ranker"].index
    seen, which = some_features(6_000, seed=1), search.FEATURES.index("popularity")
    model = learn(seen, np.floor(4 * seen[:, which]), np.full(300, 20))
    new = some_features(2_000, seed=2)
    new[:, search.FEATURES.index("bm25_share")] = 0.5
    score = Ranker("ranker", index, model=model)._booster.predict(new)
    assert pd.Series(score).corr(pd.Series(np.floor(4 * new[:, which])), method="spearman") > 0.95
    shares = dict(
        zip(search.FEATURES, Ranker("r", index, model=model)._booster.feature_importance("gain"), strict=True)
    )
    assert shares["popularity"] > 0.5 * sum(shares.values())


def test_with_little_to_learn_from_the_order_stays_near_bm25s(lesson: Lesson, engine: System) -> None:
    few = lesson.queries.head(4)
    asking = few.rename(columns={"query_id": "request_id", "text": "query"})
    pairs = engine.run(asking).rename(columns={"request_id": "query_id"})[["query_id", "doc_id"]]
    system = search.fit(lesson.world.documents, few, lesson.world.judge(pairs, skill=0.5, seed=1))
    hasty = engine.replace(ranker=system["ranker"])
    assert lesson.ndcg(hasty).mean() > lesson.ndcg(engine).mean() - 0.08


def test_the_same_seed_learns_the_same_model() -> None:
    seen, counts = some_features(3_000, seed=1), np.full(150, 20)
    grade = np.floor(4 * seen[:, 3])
    assert learn(seen, grade, counts, seed=3) == learn(seen, grade, counts, seed=3)


def test_two_fits_are_the_same(lesson: Lesson, judgments: pd.DataFrame, learned: System) -> None:
    again = search.fit(lesson.world.documents, lesson.queries, judgments, unjudged="left out", seed=0)
    assert again["ranker"].model == learned["ranker"].model
    np.testing.assert_array_equal(again["understanding"].weights, learned["understanding"].weights)


def test_features_are_passed_on_only_where_they_are_asked_for(lesson: Lesson, learned: System) -> None:
    asked = lesson.exam.head(50)
    plain, recorded = learned.run(asked), search.with_features(learned).run(asked)
    own = [f"feature_{name}" for name in search.FEATURES]
    assert recorded.columns.tolist() == [*plain.columns, *own]
    pd.testing.assert_frame_equal(recorded[plain.columns], plain, check_exact=True)
    with pytest.raises(ValueError, match="with_features: the ranker is a Oracle, which computes no features"):
        search.with_features(learned.replace(ranker=lesson.world.oracle("ranker")))


def test_a_model_that_cannot_be_read_or_is_of_other_features_is_refused(learned: System) -> None:
    ranker = learned["ranker"]
    other = ranker.model.replace("feature_names=bm25 ", "feature_names=bm26 ")
    with pytest.raises(ValueError, match="ranker: the model reads other features than this version"):
        Ranker("ranker", ranker.index, model=other)
    with pytest.raises(ValueError, match="ranker: the model cannot be read"):
        Ranker("ranker", ranker.index, model="tree of life")


def test_an_empty_batch_and_a_request_without_candidates_are_passed_on(learned: System) -> None:
    for system in (learned, search.with_features(learned)):
        batch = system.trace(ask("", "the", "zzzz")).after["ranker"]
        assert len(batch) == 3
        assert not len(batch.row)
    nothing = Batch({"query": np.empty(0, dtype=object)}, {"row": np.empty(0, int), "doc_id": np.empty(0, int)})
    assert not len(learned["ranker"](nothing).items["score"])


def test_an_unsound_index_is_refused(engine: System) -> None:
    index = engine["ranker"].index
    for wrong in (
        {"document": index.document + len(index)},
        {"start": index.start[:-1]},
        {"place_of": index.place_of + 99},
    ):
        state = Ranker("ranker", replace(index, **wrong)).state()
        with pytest.raises(ValueError, match="the index of component 'ranker' is not consistent"):
            index.restored("ranker", state)
