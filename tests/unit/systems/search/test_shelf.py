import numpy as np
import pandas as pd
import pytest

from mlsd_lib.systems import search
from mlsd_lib.systems.search.shelf import Shelf
from mlsd_lib.worlds.search import SearchWorld, possible, visit


@pytest.fixture(scope="module")
def world() -> SearchWorld:
    return SearchWorld(seed=3, documents=800)


@pytest.fixture(scope="module")
def requests(world: SearchWorld) -> pd.DataFrame:
    return world.requests(world.users(400), n=600, day=1)


@pytest.fixture(scope="module")
def learned(world: SearchWorld, requests):
    plain = search.fit(world.documents, show=25, keep=60)
    return search.fit(world.documents, log=world.respond(requests, plain.run(requests)), show=25, keep=60)


@pytest.fixture(scope="module")
def shelf(world: SearchWorld, requests, learned) -> Shelf:
    return Shelf.of(learned, possible(world, requests))


def test_each_different_asking_is_held_once(shelf: Shelf, world: SearchWorld, requests) -> None:
    assert not shelf.asked.duplicated().any()
    assert len(shelf.asked) == len(possible(world, requests)[["query", "place"]].drop_duplicates())
    assert shelf.candidates["asking"].is_monotonic_increasing
    assert len(set(shelf.candidates.groupby("asking").size())) > 1  # short lists are among them


def test_in_the_engines_own_order_it_shows_what_the_engine_shows(shelf: Shelf, requests, learned) -> None:
    shown = shelf.engine(-np.arange(len(shelf.candidates)), show=25).run(requests)
    own = learned.run(requests)[["request_id", "position", "doc_id"]]
    pd.testing.assert_frame_equal(shown, own, check_dtype=False)


def test_the_model_gives_the_same_pages_on_the_shelf(shelf: Shelf, requests, learned) -> None:
    rows = shelf.rows(requests)
    served = search.with_features(learned).run(requests)
    pd.testing.assert_frame_equal(
        rows.drop(columns="candidate"), served.drop(columns=["position", "score"])[list(rows.drop(columns="candidate"))]
    )
    pd.testing.assert_series_equal(
        rows["doc_id"], shelf.candidates["doc_id"].iloc[rows["candidate"]].reset_index(drop=True)
    )


def test_pages_are_by_score_and_equal_scores_keep_the_engines_order(shelf: Shelf, requests) -> None:
    score = np.random.default_rng(0).integers(0, 3, len(shelf.candidates)).astype(float)
    shown = shelf.engine(score, show=5).run(requests)
    rows = shelf.rows(requests).assign(score=lambda one: score[one["candidate"]])
    for request_id, page in shown.groupby("request_id"):
        own = rows[rows["request_id"] == request_id]
        expected = sorted(zip(-own["score"], range(len(own)), own["doc_id"], strict=True))[:5]
        assert page["doc_id"].tolist() == [doc for *_, doc in expected]
        assert page["position"].tolist() == list(range(1, len(page) + 1))


def test_it_serves_a_closed_loop(shelf: Shelf, world: SearchWorld, requests, learned) -> None:
    own = shelf.engine(-np.arange(len(shelf.candidates)), show=25)
    asked, log = visit(world, own, requests)
    other, real = visit(world, learned, requests)
    pd.testing.assert_frame_equal(asked, other)
    assert log["clicked"].tolist() == real["clicked"].tolist()


def test_bad_input_is_named(shelf: Shelf, requests, learned) -> None:
    with pytest.raises(ValueError, match="1 rows ask what the shelf does not hold"):
        shelf.rows(requests.head(2).assign(query=["never asked", requests["query"].iloc[1]]))
    with pytest.raises(ValueError, match="'place' is missing"):
        Shelf.of(learned, requests.drop(columns="place"))
    for score in (np.zeros(3), np.full(len(shelf.candidates), np.nan)):
        with pytest.raises(ValueError, match="a finite number for each"):
            shelf.engine(score)
    with pytest.raises(ValueError, match="show"):
        shelf.engine(np.zeros(len(shelf.candidates)), show=0)
