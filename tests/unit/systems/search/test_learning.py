import numpy as np
import pandas as pd
import pytest

from mlsd_lib.architecture import System
from mlsd_lib.systems import search
from mlsd_lib.systems.search import ranker, training
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


def upside_down(shown: pd.DataFrame, documents: pd.DataFrame) -> pd.DataFrame:
    last = shown.groupby("request_id")["position"].transform("max")
    return shown.assign(position=last - shown["position"] + 1)


def popular_first(shown: pd.DataFrame, documents: pd.DataFrame) -> pd.DataFrame:
    popularity = shown["doc_id"].map(documents.set_index("doc_id")["popularity"])
    order = popularity.groupby(shown["request_id"]).rank(ascending=False, method="first")
    return shown.assign(position=order.astype(int))


def at_random(shown: pd.DataFrame) -> pd.DataFrame:
    luck = pd.Series(np.random.default_rng(3).random(len(shown)))
    return shown.assign(position=luck.groupby(shown["request_id"].to_numpy()).rank().astype(int))


@pytest.fixture(scope="module")
def looked_at(lesson: Lesson, engine: System) -> np.ndarray:
    """How likely each position is looked at, measured on pages in random order."""
    log = lesson.world.respond(lesson.asked, at_random(engine.run(lesson.asked)), seed=8)
    rate = log.groupby("position")["clicked"].mean()
    return (rate / rate[1]).clip(upper=1).to_numpy()


ORDERS = {"as ranked": lambda shown, _: shown, "popular first": popular_first, "upside down": upside_down}


@pytest.fixture(scope="module", params=ORDERS)
def from_clicks(lesson: Lesson, engine: System, looked_at: np.ndarray, request) -> dict[str, pd.Series]:
    """What is learned from clicks on pages in some order: as they are, divided only, and divided and weighted."""
    documents = lesson.world.documents
    log = lesson.world.respond(lesson.asked, ORDERS[request.param](engine.run(lesson.asked), documents), seed=9)
    naive = search.fit(documents, log=log, keep=100)
    corrected = search.fit(documents, log=log, keep=100, examined=looked_at)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "learn", lambda *given, weight, seed: ranker.learn(*given, seed=seed))
        divided = search.fit(documents, log=log, keep=100, examined=looked_at)
    return {name: lesson.ndcg(one) for name, one in (("naive", naive), ("divided", divided), ("corrected", corrected))}


def test_each_step_of_the_correction_comes_nearer_to_the_truth(
    from_clicks: dict[str, pd.Series], lesson: Lesson, engine: System
) -> None:
    naive, divided, corrected = from_clicks.values()
    assert naive.mean() < divided.mean() < corrected.mean()
    gain = corrected - naive
    assert gain.mean() > 2 * gain.std() / np.sqrt(len(gain))
    assert corrected.mean() > lesson.ndcg(engine).mean() + 0.02


@pytest.mark.parametrize("from_clicks", ["upside down"], indirect=True)
def test_clicks_taken_at_their_word_repeat_a_bad_order(
    from_clicks: dict[str, pd.Series], lesson: Lesson, engine: System
) -> None:
    assert from_clicks["naive"].mean() < lesson.ndcg(engine).mean() - 0.1
    assert from_clicks["corrected"].mean() > from_clicks["naive"].mean() + 0.2


def test_shown_documents_alone_teach_an_order_that_fails_for_the_others(
    lesson: Lesson, engine: System, looked_at: np.ndarray, monkeypatch
) -> None:
    log = lesson.world.respond(lesson.asked, engine.run(lesson.asked), seed=9)
    with_others = lesson.ndcg(search.fit(lesson.world.documents, log=log, examined=looked_at)).mean()
    monkeypatch.setattr(training, "UNSHOWN", 0)
    alone = search.fit(lesson.world.documents, log=log, examined=looked_at)
    few = search.fit(lesson.world.documents, keep=10).replace(ranker=alone["ranker"])
    assert lesson.ndcg(few).mean() > lesson.ndcg(engine).mean()  # it orders what is like what it was shown
    assert lesson.ndcg(alone).mean() < lesson.ndcg(engine).mean() - 0.05 < with_others


@pytest.mark.parametrize("most", [0, 1, 3, 9])
def test_a_few_of_each_row_are_spread_from_its_first_to_its_last(most: int) -> None:
    row = np.repeat([0, 2, 3], [10, 2, 7])
    taken = training._spread(row, most)
    assert np.bincount(row[taken], minlength=4).tolist() == [min(most, n) for n in (10, 0, 2, 7)]
    assert not len(training._spread(row[:0], most))
    if most == 3:
        assert np.flatnonzero(taken[:10]).tolist() == [3, 6, 9]


def test_clicks_on_pages_in_random_order_teach_the_order(biased: Lesson, engine: System) -> None:
    shown = search.fit(biased.world.documents).run(biased.asked)
    log = biased.world.respond(biased.asked, at_random(shown), seed=9)
    assert biased.ndcg(search.fit(biased.world.documents, log=log)).mean() > biased.ndcg(engine).mean() + 0.04


def test_a_flat_curve_corrects_nothing_and_a_short_one_goes_on_as_it_ends(lesson: Lesson, engine: System) -> None:
    asked = lesson.asked.head(600)
    log = lesson.world.respond(asked, engine.run(asked), seed=9)
    plain, flat, steep, long, seldom = (
        search.fit(lesson.world.documents, log=log, examined=curve)["ranker"].model
        for curve in (None, [1.0], [1.0, 0.1], [1.0, *[0.1] * 9], [0.25])
    )
    assert plain == flat
    assert plain.split("\nparameters:")[0] == seldom.split("\nparameters:")[0]  # only what differs by position counts
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


def test_one_click_a_page_counts_by_its_position_unless_only_what_was_shown_can_be_learned_from(
    lesson: Lesson, served: pd.DataFrame
) -> None:
    once = served[served.groupby("request_id")["clicked"].transform("sum") == 1]
    plain = once[[column for column in once if not str(column).startswith("feature_")]]
    curve = 2.0 ** -np.arange(10)  # halves and quarters, so that dividing by them rounds nothing
    for log, same in ((once, True), (plain, False)):
        naive, corrected = (search.fit(lesson.world.documents, log=log, examined=given) for given in (None, curve))
        equal = naive.run(lesson.exam)["doc_id"].to_numpy() == corrected.run(lesson.exam)["doc_id"].to_numpy()
        assert bool(equal.mean() > 0.99) is same


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


@pytest.mark.parametrize("seed", [0, 4])
def test_an_understanding_learned_from_judgments_knows_more_than_the_rules_and_finds_no_less(seed: int) -> None:
    other = Lesson.of(SearchWorld(seed=seed, documents=1_000))
    engine = search.fit(other.world.documents)
    taught = search.fit(other.world.documents, other.queries, other.judged(), unjudged="left out")["understanding"]
    told = engine.replace(understanding=taught)
    assert other.ndcg(told).mean() > other.ndcg(engine).mean() - 0.01
    intent = other.truth.requests["intent"].to_numpy()
    right = [
        (
            np.array(search.INTENTS)[one.trace(other.exam).after["understanding"].requests["intent"].argmax(axis=1)]
            == intent
        )
        for one in (engine, told)
    ]
    assert right[1].mean() > right[0].mean() + 0.08


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
