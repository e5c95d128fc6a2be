import numpy as np
import pandas as pd
import pytest

from mlsd_lib.architecture import System
from mlsd_lib.systems import search
from mlsd_lib.systems.search.features import features
from mlsd_lib.worlds.search import SearchWorld

from .conftest import Lesson, ask

DOCUMENTS = pd.DataFrame(
    {"doc_id": [1, 2, 3, 4], "title": ["pizza", "taxi", "bus", "train"], "text": ["crust", "night", "stop", "rail"]}
)
QUERIES = pd.DataFrame({"query_id": [7, 8], "text": ["pizza taxi", "bus"]})
JUDGMENTS = pd.DataFrame({"query_id": [7, 7, 8], "doc_id": [1, 2, 3], "grade": [0, 2, 1]})
LOG = pd.DataFrame(
    {
        "request_id": [1, 1, 2, 2],
        "query": ["pizza taxi", "pizza taxi", "bus train", "bus train"],
        "position": [1, 2, 1, 2],
        "doc_id": [1, 2, 3, 4],
        "clicked": [False, True, True, False],
    }
)


@pytest.fixture(scope="module")
def biased() -> Lesson:
    """People who look less and less further down, are never satisfied, and trust no position."""
    return Lesson.of(SearchWorld(seed=0, documents=1_000, eta=0.5, trust=0.0, satisfied=(0.0, 0.0, 0.0, 0.0)))


def upside_down(shown: pd.DataFrame) -> pd.DataFrame:
    last = shown.groupby("request_id")["position"].transform("max")
    return shown.assign(position=last - shown["position"] + 1)


def test_corrected_clicks_teach_more_than_naive_ones_where_the_shown_order_was_bad(biased: Lesson) -> None:
    documents = biased.world.documents
    log = biased.world.respond(biased.asked, upside_down(search.fit(documents).run(biased.asked)), seed=9)
    looked_at = np.arange(1, 11) ** -0.5  # as this world's people do
    naive = biased.ndcg(search.fit(documents, log=log))
    corrected = biased.ndcg(search.fit(documents, log=log, examined=looked_at))
    gain = corrected - naive
    assert naive.mean() < biased.ndcg(search.fit(documents)).mean() - 0.1  # clicks were taken at their word
    assert gain.mean() > 0.05
    assert gain.mean() > 4 * gain.std() / np.sqrt(len(gain))


def test_clicks_on_pages_in_random_order_teach_the_order(biased: Lesson, engine: System) -> None:
    shown = search.fit(biased.world.documents).run(biased.asked)
    luck = pd.Series(np.random.default_rng(3).random(len(shown)))
    shuffled = shown.assign(position=luck.groupby(shown["request_id"].to_numpy()).rank().astype(int))
    log = biased.world.respond(biased.asked, shuffled, seed=9)
    assert biased.ndcg(search.fit(biased.world.documents, log=log)).mean() > biased.ndcg(engine).mean() + 0.04


def test_a_flat_curve_corrects_nothing_and_a_short_one_goes_on_as_it_ends(lesson: Lesson, engine: System) -> None:
    asked = lesson.asked.head(600)
    log = lesson.world.respond(asked, engine.run(asked), seed=9)
    plain, flat, steep, long = (
        search.fit(lesson.world.documents, log=log, examined=curve)["ranker"].model
        for curve in (None, [1.0], [1.0, 0.1], [1.0, *[0.1] * 9])
    )
    assert plain == flat
    assert steep == long  # positions beyond the curve are looked at as its last one
    assert steep != plain


@pytest.fixture(scope="module")
def served(lesson: Lesson, engine: System) -> pd.DataFrame:
    asked = lesson.asked.head(800)
    return lesson.world.respond(asked, search.with_features(engine).run(asked), seed=9)


def test_features_that_were_served_are_those_that_can_be_computed_again(
    lesson: Lesson, engine: System, served: pd.DataFrame
) -> None:
    after = engine.trace(lesson.asked.head(800)).after["selection"]
    again = pd.DataFrame(features(after, engine["ranker"].index, "ranker"), columns=list(search.FEATURES))
    again["request_id"] = after.requests["request_id"][after.row]
    again["doc_id"] = after.items["doc_id"]
    both = served[["request_id", "doc_id"]].merge(again, on=["request_id", "doc_id"])
    assert len(both) == len(served) > 5_000
    for name in search.FEATURES:
        np.testing.assert_array_equal(both[name].to_numpy(dtype=np.float32), served[f"feature_{name}"].to_numpy())


def test_served_features_teach_the_ranker_and_leave_the_understanding_that_served_them(
    lesson: Lesson, served: pd.DataFrame
) -> None:
    system = search.fit(lesson.world.documents, log=served)
    assert not len(system["understanding"].weights)
    plain = [column for column in served if not str(column).startswith("feature_")]
    assert len(search.fit(lesson.world.documents, log=served[plain])["understanding"].weights)
    shuffled = served.assign(feature_popularity=served["feature_popularity"].to_numpy()[::-1])
    assert search.fit(lesson.world.documents, log=shuffled)["ranker"].model != system["ranker"].model


def test_a_log_lacking_one_feature_counts_as_one_without(lesson: Lesson, served: pd.DataFrame) -> None:
    plain = [column for column in served if not str(column).startswith("feature_")]
    expected = search.fit(lesson.world.documents, log=served[plain])["ranker"].model
    lacking = served.drop(columns="feature_first")
    assert search.fit(lesson.world.documents, log=lacking)["ranker"].model == expected


def test_how_many_requests_are_held_at_once_changes_nothing(
    lesson: Lesson, judgments: pd.DataFrame, learned: System, served: pd.DataFrame, monkeypatch
) -> None:
    plain = served[[column for column in served if not str(column).startswith("feature_")]]
    from_log = search.fit(lesson.world.documents, log=plain)["ranker"].model
    monkeypatch.setattr("mlsd_lib.systems.search.training.AT_ONCE", 37)
    assert search.fit(lesson.world.documents, log=plain)["ranker"].model == from_log
    again = search.fit(lesson.world.documents, lesson.queries, judgments, unjudged="left out")
    assert again["ranker"].model == learned["ranker"].model


def test_the_block_of_the_selection_changes_nothing(lesson: Lesson, judgments: pd.DataFrame, learned: System) -> None:
    again = search.fit(lesson.world.documents, lesson.queries, judgments, unjudged="left out", block=7)
    assert again["ranker"].model == learned["ranker"].model
    pd.testing.assert_frame_equal(again.run(lesson.exam.head(200)), learned.run(lesson.exam.head(200)))


def test_a_long_log_is_drawn_from_by_the_seed(lesson: Lesson, served: pd.DataFrame, monkeypatch) -> None:
    monkeypatch.setattr("mlsd_lib.systems.search.training.REQUESTS", 100)
    models = [search.fit(lesson.world.documents, log=served, seed=seed)["ranker"].model for seed in (0, 0, 1)]
    trees = [model.split("\nparameters:")[0] for model in models]
    assert trees[0] == trees[1] != trees[2]


def test_left_out_learns_from_judged_pairs_alone(lesson: Lesson, judgments: pd.DataFrame, learned: System) -> None:
    documents, queries = lesson.world.documents, lesson.queries
    narrow = search.fit(documents, queries, judgments, unjudged="left out", keep=20)
    assert narrow["ranker"].model == learned["ranker"].model
    wide = search.fit(documents, queries, judgments)
    assert wide["ranker"].model != learned["ranker"].model
    assert wide["ranker"].model != search.fit(documents, queries, judgments, keep=20)["ranker"].model


def test_left_out_also_learns_from_what_the_selection_would_not_find() -> None:
    queries, judgments = QUERIES.head(1), pd.DataFrame({"query_id": [7, 7], "doc_id": [3, 4], "grade": [3, 0]})
    assert search.fit(DOCUMENTS, queries, judgments, unjudged="left out")["ranker"].model
    with pytest.raises(ValueError, match=r"judgments: 1 rows have a grade above 0, and none of their documents shares"):
        search.fit(DOCUMENTS, queries, judgments)


def test_judgments_teach_where_both_are_given(lesson: Lesson, judgments, learned: System, served) -> None:
    both = search.fit(lesson.world.documents, lesson.queries, judgments, served, unjudged="left out")
    assert both["ranker"].model == learned["ranker"].model


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"judgments": JUDGMENTS}, "fit: judgments come without queries"),
        (
            {"queries": QUERIES, "judgments": JUDGMENTS.assign(grade=0)},
            "judgments: 0 rows have a grade above 0",
        ),
        ({"queries": QUERIES, "judgments": JUDGMENTS.head(0)}, "judgments: 0 rows have a grade above 0"),
        ({"queries": QUERIES, "judgments": JUDGMENTS, "unjudged": "maybe"}, "fit: unjudged must be .*, got 'maybe'"),
        ({"log": LOG.assign(clicked=False)}, "log: none of the 4 rows is clicked, so it teaches nothing"),
        ({"log": LOG.head(0)}, "log: none of the 0 rows is clicked"),
        ({"log": LOG.assign(query="zzzz")}, "log: 2 rows are clicked, and the selection finds none of their documents"),
        (
            {"log": LOG.assign(doc_id=[2, 1, 4, 9])},
            r"log: 1 row names a doc_id .* \(first: row 3, request_id=2, doc_id",
        ),
        *(
            ({"log": LOG, "examined": curve}, "fit: examined must hold a probability above 0 and at most 1 for each")
            for curve in ([], [1.0, 0.0], [1.5], [float("nan")], [[1.0, 0.5]], [1.0, -0.5])
        ),
    ],
)
def test_where_nothing_can_be_learned_an_error_says_why(given: dict, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        search.fit(DOCUMENTS, **given)


def test_very_little_is_learned_from_without_complaint() -> None:
    for given in ({"queries": QUERIES, "judgments": JUDGMENTS}, {"log": LOG}):
        system = search.fit(DOCUMENTS, **given)
        assert set(system.run(ask("pizza taxi"))["doc_id"]) == {1, 2}
