import numpy as np
import pandas as pd
import pytest

from mlsd_lib import tables
from mlsd_lib.architecture import Batch, System
from mlsd_lib.metrics import ranking
from mlsd_lib.systems import search
from mlsd_lib.worlds.search import INTENTS, ORACLES, SearchWorld


@pytest.fixture(scope="module")
def lexical(world: SearchWorld) -> System:
    return search.fit(world.documents)


def ndcg(system: System, world: SearchWorld, requests: pd.DataFrame) -> pd.Series:
    truth = world.truth(requests)
    return ranking.ndcg(system.run(requests), truth.judgments, truth.requests, k=10)


def test_judgments_are_every_pair_above_zero(world: SearchWorld, requests: pd.DataFrame) -> None:
    truth = world.truth(requests.head(100))
    judgments = tables.judgments(truth.judgments, documents=world.documents)
    assert set(judgments["grade"]) == {1, 2, 3}
    needs = truth.requests["query_id"].unique()
    everything = pd.MultiIndex.from_product([needs, world.documents["doc_id"]], names=["query_id", "doc_id"]).to_frame(
        index=False
    )
    graded = world.judge(everything, skill=1.0)
    positive = graded[graded["grade"] > 0].sort_values(["query_id", "doc_id"], ignore_index=True)
    expected = truth.judgments.sort_values(["query_id", "doc_id"], ignore_index=True)
    pd.testing.assert_frame_equal(positive, expected, check_dtype=False)


def test_every_need_has_a_bounded_number_of_relevant_documents(world: SearchWorld, requests: pd.DataFrame) -> None:
    truth = world.truth(requests)
    counts = truth.requests["query_id"].map(truth.judgments.groupby("query_id").size())
    assert counts.notna().mean() > 0.98
    assert counts.max() <= 60
    assert 3 < counts.median() < 12


def test_a_local_need_is_met_in_its_town_only(world: SearchWorld, requests: pd.DataFrame) -> None:
    truth = world.truth(requests)
    pairs = (
        truth.requests.drop_duplicates("query_id")
        .merge(truth.judgments, on="query_id")
        .merge(world.documents, on="doc_id")
    )
    pairs = pairs[(pairs["intent"] == "local") & (pairs["place_y"] != "")]
    assert len(pairs) > 100
    assert (pairs["place_x"] == pairs["place_y"]).all()


def test_the_official_page_of_what_is_named_is_best(world: SearchWorld, requests: pd.DataFrame) -> None:
    truth = world.truth(requests)
    navigational = truth.requests.loc[truth.requests["intent"] == "navigational", "query_id"].unique()
    best = truth.judgments[truth.judgments["query_id"].isin(navigational) & (truth.judgments["grade"] == 3)]
    assert best["query_id"].tolist() == sorted(navigational)
    assert world._web.official[world._web.rows(best["doc_id"].to_numpy())].all()


def test_what_a_model_can_see_does_not_give_the_grade(world: SearchWorld, requests: pd.DataFrame) -> None:
    truth = world.truth(requests)
    pairs = truth.judgments.merge(world.documents, on="doc_id")
    pairs = pairs[pairs["query_id"].isin(truth.requests.loc[truth.requests["intent"] == "informational", "query_id"])]
    seen = np.column_stack([np.log1p(pairs["popularity"]), pairs["text"].str.len(), np.ones(len(pairs))])
    fitted = seen @ np.linalg.lstsq(seen, pairs["grade"].to_numpy(dtype=float), rcond=None)[0]
    explained = np.corrcoef(fitted, pairs["grade"])[0, 1] ** 2
    assert 0.02 < explained < 0.5


def test_each_oracle_is_worth_something_and_all_are_worth_everything(world, requests, lexical: System) -> None:
    asked = requests.head(3_000)
    base = ndcg(lexical, world, asked).mean()
    assert 0.4 < base < 0.65
    gains = {name: ndcg(lexical.replace(**{name: world.oracle(name)}), world, asked).mean() - base for name in ORACLES}
    assert gains["rewriter"] > 0  # the better the engine's own component is, the less its oracle can add
    assert gains["understanding"] > 0
    assert gains["selection"] > 0.15
    assert gains["ranker"] > 0.15
    perfect = lexical.replace(**{name: world.oracle(name) for name in ORACLES})
    assert ndcg(perfect, world, asked).to_numpy() == pytest.approx(1.0)


def test_oracles_give_the_arrays_that_the_components_give(world, requests, lexical: System) -> None:
    asked = requests.head(30)
    real = lexical.trace(asked).after
    system = lexical.replace(**{name: world.oracle(name) for name in ("rewriter", "understanding", "selection")})
    oracle = system.trace(asked).after
    for name in ("rewriter", "understanding", "selection"):
        for side in ("requests", "items"):
            mine, theirs = getattr(oracle[name], side), getattr(real[name], side)
            assert set(mine) == set(theirs), name
            assert {key: mine[key].dtype.kind for key in mine} == {key: theirs[key].dtype.kind for key in theirs}
            assert {key: mine[key].shape[1:] for key in mine} == {key: theirs[key].shape[1:] for key in theirs}
    truth = world.truth(asked).requests
    assert oracle["rewriter"].requests["rewritten"].tolist() == truth["query"].tolist()
    assert oracle["understanding"].requests["near"].tolist() == truth["place"].tolist()
    assert [INTENTS[n] for n in oracle["understanding"].requests["intent"].argmax(axis=1)] == truth["intent"].tolist()


def test_the_ranker_orders_what_it_is_given_by_grade(world: SearchWorld, requests: pd.DataFrame) -> None:
    asked = requests.head(40)
    truth = world.truth(asked)
    pairs = truth.requests[["request_id", "query_id"]].merge(truth.judgments, on="query_id")
    row = pd.Index(asked["request_id"]).get_indexer(pd.Index(pairs["request_id"]))
    order = np.lexsort((pairs["grade"], row))  # the worst first
    items = {"row": row[order], "doc_id": pairs["doc_id"].to_numpy()[order], "mark": np.arange(len(order))}
    ranked = world.oracle("ranker")(Batch({"request_id": asked["request_id"].to_numpy()}, items)).items
    assert sorted(ranked["mark"]) == items["mark"].tolist()
    assert (ranked["row"] == items["row"]).all()
    assert (ranked["doc_id"] == items["doc_id"][ranked["mark"]]).all()
    assert (ranked["score"] == pairs["grade"].to_numpy()[order][ranked["mark"]]).all()
    assert (np.diff(ranked["score"])[np.diff(ranked["row"]) == 0] <= 0).all()


def test_kindred_documents_are_of_some_use_when_they_are_good(world: SearchWorld) -> None:
    web = world._web
    about = np.flatnonzero(web.topic >= 0)
    pairs = pd.DataFrame(
        {"query_id": web.plan.akin(web.topic[about]), "doc_id": world.documents["doc_id"].to_numpy()[about]}
    )
    grade = world.judge(pairs, skill=1.0)["grade"]
    assert set(grade) == {0, 1}
    assert grade.mean() == pytest.approx(0.31, abs=0.04)  # P(worth > 0.5) of a standard normal
    own = world.judge(pairs.assign(query_id=web.topic[about]), skill=1.0)["grade"].value_counts(normalize=True)
    assert own[1] == pytest.approx(0.382, abs=0.04)
    assert own[3] == pytest.approx(0.212, abs=0.04)


@pytest.mark.parametrize("skill", [0.0, 0.6, 0.9, 1.0])
def test_judges_are_right_as_often_as_their_skill_says(
    world: SearchWorld, requests: pd.DataFrame, skill: float
) -> None:
    truth = world.truth(requests).judgments
    zeros = truth.assign(doc_id=np.roll(truth["doc_id"], 50)).drop_duplicates(["query_id", "doc_id"])
    pairs = pd.concat([truth, zeros]).drop_duplicates(["query_id", "doc_id"])[["query_id", "doc_id"]]
    right = world.judge(pairs, skill=1.0)["grade"]
    judged = world.judge(pairs.assign(batch=7), skill=skill, seed=5)
    assert (judged["grade"] == right).mean() == pytest.approx(skill, abs=0.02)
    off = (judged["grade"] - right).abs()
    assert off.max() <= 2
    assert (judged["batch"] == 7).all()
    assert judged["grade"].between(0, 3).all()
    if skill < 1:
        assert (off[off > 0] == 1).mean() == pytest.approx(0.8, abs=0.03)
        assert (world.judge(pairs, skill=skill, seed=6)["grade"] != judged["grade"]).any()


def test_a_judge_meets_each_pair_with_the_same_luck(world: SearchWorld, requests: pd.DataFrame) -> None:
    pairs = world.truth(requests).judgments[["query_id", "doc_id"]]
    whole = world.judge(pairs, skill=0.5, seed=1)
    some = world.judge(pairs.sample(100, random_state=0), skill=0.5, seed=1)
    assert len(some.merge(whole, on=["query_id", "doc_id", "grade"])) == 100
