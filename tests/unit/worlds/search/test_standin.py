import numpy as np
import pandas as pd
import pytest

from mlsd_lib.metrics import ranking
from mlsd_lib.worlds.search import SearchWorld, StandIn


def quality(world: SearchWorld, requests: pd.DataFrame, engine: StandIn) -> float:
    truth = world.truth(requests)
    judged = requests.assign(query_id=truth.requests["query_id"])
    return float(ranking.ndcg(engine.run(requests), truth.judgments, judged, k=10).mean())


def test_pages_are_whole_and_hold_each_document_once(world: SearchWorld, requests) -> None:
    for show, chaff in ((10, 20), (7, 0), (100, 400)):
        page = StandIn(world, 1.0, show=show, chaff=chaff).run(requests)
        assert page["position"].tolist() == list(range(1, show + 1)) * len(requests)
        assert not page.duplicated(["request_id", "doc_id"]).any()
        assert page["doc_id"].isin(world.documents["doc_id"]).all()


def test_a_batch_of_one_gets_the_page_of_a_batch_of_all(world: SearchWorld, requests) -> None:
    whole = StandIn(world, 0.7, seed=3).run(requests)
    engine = StandIn(world, 0.7, seed=3)
    for row in range(0, len(requests), 300):
        one = requests.iloc[[row]]
        own = engine.run(one)
        there = whole[whole["request_id"] == one["request_id"].iloc[0]]
        assert own["doc_id"].tolist() == there["doc_id"].tolist()


def test_more_skill_is_better_and_a_lot_is_nearly_perfect(world: SearchWorld, requests) -> None:
    some = requests.head(1_500)
    found = [quality(world, some, StandIn(world, skill, fails=0.0)) for skill in (0.0, 0.5, 1.0, 2.0, 30.0)]
    assert np.all(np.diff(found) > 0)
    assert found[0] < 0.4
    assert found[-1] == pytest.approx(1.0)


def test_what_it_fails_to_understand_it_does_not_answer(world: SearchWorld, requests) -> None:
    some = requests.head(1_500)
    best, half, none = (quality(world, some, StandIn(world, 30.0, fails=share)) for share in (0.0, 0.5, 1.0))
    assert none < 0.05
    assert half == pytest.approx((best + none) / 2, abs=0.04)


def test_other_seeds_make_other_mistakes(world: SearchWorld, requests) -> None:
    pages = [StandIn(world, 1.0, seed=seed).run(requests)["doc_id"] for seed in (0, 0, 1)]
    assert (pages[0] == pages[1]).all()
    assert (pages[0] == pages[2]).mean() < 0.5


def test_other_seeds_order_the_same_good_documents_otherwise(world: SearchWorld, requests) -> None:
    truth = world.truth(requests)
    good = truth.requests[["request_id", "query_id"]].merge(truth.judgments, on="query_id")
    one, other = (StandIn(world, 1.0, fails=0.0, seed=seed).run(requests) for seed in (0, 1))
    both = one.merge(other, on=["request_id", "doc_id"]).merge(good, on=["request_id", "doc_id"])
    order = [both.groupby("request_id")[name].rank() for name in ("position_x", "position_y")]
    assert (order[0] != order[1]).mean() > 0.2


@pytest.mark.parametrize(
    ("skill", "more"),
    [(-1.0, {}), (np.nan, {}), (1.0, {"fails": 1.5}), (1.0, {"show": 0}), (1.0, {"show": 101}), (1.0, {"chaff": -1})],
)
def test_settings_out_of_range_are_refused(world: SearchWorld, skill: float, more: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="StandIn"):
        StandIn(world, skill, **more)
