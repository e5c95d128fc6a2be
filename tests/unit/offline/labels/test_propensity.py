"""How likely a position is looked at: both estimates against the world's truth, and the weights made of them."""

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize

from mlsd_lib.offline import labels
from mlsd_lib.worlds import chance
from mlsd_lib.worlds.search import SearchWorld

PLACES = np.arange(1, 11)


def simulated(order, examined, pages, seed=0, queries=40):
    """Clicks on ten results of each query: order[arm, query] says which result stands where."""
    page = np.arange(pages)[:, None]
    query, arm = page % queries, (chance.uniform(seed, "arm", page) * len(order)).astype(int)
    doc = order[arm, query, PLACES - 1]
    good = 0.05 + 0.5 * chance.uniform(seed, "good", query, doc)
    clicked = chance.uniform(seed, "click", page, doc) < good * np.asarray(examined)
    columns = {"query": query + 0 * doc, "doc_id": doc, "position": PLACES + 0 * doc, "clicked": clicked}
    return pd.DataFrame({name: values.ravel() for name, values in columns.items()})


def orders(arms, queries=40, seed=0):
    draws = chance.uniform(seed, "order", np.arange(arms)[:, None, None], np.arange(queries)[:, None], np.arange(10))
    return np.argsort(draws, axis=2)


def test_random_pages_of_the_world_show_its_curve():
    # Nobody stops or trusts the first result: then looks are (1 / p) ** eta, exactly.
    world = SearchWorld(seed=0, documents=500, eta=0.8, trust=0.0, satisfied=(0, 0, 0, 0))
    requests = world.requests(world.users(3_000), n=20_000, day=0)
    draws = chance.uniform(0, "any", requests["request_id"].to_numpy()[:, None], np.arange(10))
    doc = world.documents["doc_id"].to_numpy()[(draws * 50).astype(int)]
    pages = pd.DataFrame({"request_id": np.repeat(requests["request_id"], 10), "doc_id": doc.ravel()})
    pages = pages.drop_duplicates().reset_index(drop=True)
    pages = pages.assign(position=pages.groupby("request_id").cumcount() + 1)
    found = labels.examined_at_random(world.respond(requests, pages)).query("position <= 8")
    true = found["position"] ** -0.8
    assert found["examined"].to_numpy() == pytest.approx(true.to_numpy(), abs=0.05)
    assert ((found["low"] <= true) & (true <= found["high"])).sum() >= 7


def test_intervals_of_the_random_estimate_cover_the_truth_as_often_as_they_say():
    true, inside = PLACES**-1.0, []
    for seed in range(60):
        clicked = chance.uniform(seed, "c", np.arange(2_000)[:, None], PLACES) < 0.3 * true
        log = pd.DataFrame({"position": np.tile(PLACES, 2_000), "clicked": clicked.ravel()})
        found = labels.examined_at_random(log)
        inside.append(((found["low"] <= true) & (true <= found["high"]))[1:].mean())
    assert np.mean(inside) == pytest.approx(0.95, abs=0.03)


def test_the_random_estimate_is_a_ratio_of_click_rates():
    log = pd.DataFrame({"position": [1, 1, 2, 2, 2, 2, 3], "clicked": [1, 1, 1, 0, 0, 0, 0]})
    found = labels.examined_at_random(log)
    assert found["examined"].tolist() == [1.0, 0.25, 0.0]
    assert found["shown"].tolist() == [2, 4, 1]
    assert found["clicks"].tolist() == [2, 1, 0]
    assert found["low"].iloc[0] == found["high"].iloc[0] == 1.0
    assert np.isnan(found["low"].iloc[2])
    assert np.isnan(found["high"].iloc[2])
    half = pd.concat([log, pd.DataFrame({"position": [1, 1], "clicked": 0})])
    found = labels.examined_at_random(half).iloc[1]
    spread = np.sqrt(0.75 / 1 + 0.5 / 2)  # of the logarithm of a ratio of two rates
    assert found["examined"] == 0.5
    assert found["high"] == pytest.approx(0.5 * np.exp(1.96 * spread), rel=1e-4)
    assert found["low"] == pytest.approx(0.5 / np.exp(1.96 * spread), rel=1e-4)


@pytest.mark.parametrize("eta", [0.5, 1.0])
def test_a_log_of_three_rankers_shows_the_curve_without_a_shuffled_page(eta):
    true = PLACES**-eta
    found = labels.examined_from_log(simulated(orders(3), true, 40_000))
    assert found["examined"].to_numpy() == pytest.approx(true, abs=0.06)


def test_the_estimate_does_not_mind_that_rankers_put_the_better_results_first():
    good = 0.05 + 0.5 * chance.uniform(0, "good", np.arange(40)[:, None], np.arange(10))
    noisy = [good + 0.15 * chance.normal(arm, "noise", np.arange(40)[:, None], np.arange(10)) for arm in range(3)]
    log = simulated(np.argsort(-np.stack(noisy), axis=2), PLACES**-1.0, 60_000)
    rate = log.groupby("position")["clicked"].mean()
    plain, found = (rate / rate.iloc[0]).to_numpy(), labels.examined_from_log(log)["examined"].to_numpy()
    assert np.abs(plain * PLACES - 1).max() > 0.5  # click rates alone take quality for attention
    assert np.abs(found * PLACES - 1).max() < 0.2


def test_the_estimate_is_the_maximum_of_its_likelihood():
    log = simulated(orders(2, queries=6), PLACES**-0.7, 900, queries=6)
    cells = log.groupby(["query", "doc_id", "position"])["clicked"].agg(["size", "sum"]).reset_index()
    pair = cells.groupby(["query", "doc_id"]).ngroup().to_numpy()
    place = cells["position"].to_numpy() - 1

    def loss(rest):
        curve = np.exp(np.concatenate([[0.0], rest]))[place] * cells["size"].to_numpy()
        share = curve / np.bincount(pair, weights=curve)[pair]
        return -(cells["sum"].to_numpy() * np.log(share)).sum()

    best = minimize(loss, np.zeros(9), method="BFGS")
    assert labels.examined_from_log(log)["examined"].to_numpy()[1:] == pytest.approx(np.exp(best.x), abs=1e-3)


def test_what_it_rests_on_is_counted_and_one_ranker_alone_is_refused():
    one = simulated(orders(1), PLACES**-1.0, 2_000)
    with pytest.raises(
        ValueError, match="none of 400 pairs of query, doc_id was clicked at position 1 and shown elsew"
    ):
        labels.examined_from_log(one)
    log = pd.DataFrame({"query": "q", "doc_id": list("aaaab"), "position": [1, 1, 2, 2, 3], "clicked": [1, 1, 1, 0, 1]})
    found = labels.examined_from_log(log)
    assert found["informs"].tolist() == [2, 1, 0]
    assert found["clicks"].tolist() == [2, 1, 1]
    assert found["shown"].tolist() == [2, 2, 1]
    assert found["examined"].iloc[1] == pytest.approx(0.5)
    assert np.isnan(found["examined"].iloc[2])


def test_positions_that_only_know_each_other_are_left_out():
    log = pd.DataFrame({"query": "q", "doc_id": list("aabbccddee"), "position": [1, 2] * 3 + [3, 4] * 2, "clicked": 1})
    assert labels.examined_from_log(log)["examined"].isna().tolist() == [False, False, True, True]
    chain = pd.DataFrame({"query": "q", "doc_id": list("aabbccdd"), "position": [1, 2, 2, 3, 3, 4, 4, 5], "clicked": 1})
    assert labels.examined_from_log(chain)["examined"].tolist() == pytest.approx([1.0] * 5)


def test_a_position_that_was_shown_and_never_clicked_has_the_estimate_zero():
    log = pd.DataFrame({"query": "q", "doc_id": "a", "position": [1, 2, 2], "clicked": [1, 0, 0]})
    assert labels.examined_from_log(log)["examined"].tolist() == [1.0, 0.0]


def test_the_pair_may_need_more_columns_than_query_and_document():
    log = pd.DataFrame({"query": "q", "place": list("xxyy"), "doc_id": "a", "position": [1, 2, 1, 2], "clicked": 1})
    assert labels.examined_from_log(log, pair=("query", "place", "doc_id"))["informs"].tolist() == [2, 2]
    with pytest.raises(ValueError, match="column 'town' is missing"):
        labels.examined_from_log(log, pair=("town", "doc_id"))


@pytest.mark.parametrize("estimate", [labels.examined_at_random, labels.examined_from_log])
def test_bad_logs_are_refused(estimate):
    log = pd.DataFrame({"query": "q", "doc_id": "a", "position": [1, 2], "clicked": [1, 1]})
    with pytest.raises(ValueError, match="nothing was shown at position 2"):
        estimate(log.assign(position=[1, 3]))
    with pytest.raises(ValueError, match="nothing was shown at position 1"):
        estimate(log.head(0))
    with pytest.raises(ValueError, match="no whole number of at least 1 in 2 rows"):
        estimate(log.assign(position=0))
    with pytest.raises(ValueError, match="column 'clicked' is missing"):
        estimate(log.drop(columns="clicked"))
    with pytest.raises(ValueError, match="at position 1"):
        estimate(log.assign(clicked=[0, 1]))


def test_weights_are_the_inverse_and_are_cut():
    assert labels.inverse_weights([3, 1, 2], [1.0, 0.5, 0.1]).tolist() == [10.0, 1.0, 2.0]
    assert labels.inverse_weights([3, 1, 2], [1.0, 0.5, 0.1], most=1).tolist() == [1.0, 1.0, 1.0]
    assert labels.inverse_weights([1], [1.0, 0.0]).tolist() == [1.0]


@pytest.mark.parametrize(
    ("position", "examined", "most", "says"),
    [
        ([3], [1.0, 0.5], None, "1 of 1 clicks lie beyond it .the deepest at position 3"),
        ([1], [[1.0]], None, "has the shape"),
        ([1, 2, 2], [1.0, 0.0], None, "examined is 0 at position 2, where 2 clicks lie"),
        ([2], [1.0, np.nan], None, "examined is nan at position 2"),
        ([2], [1.0, np.inf], None, "examined is inf at position 2"),
        ([1], [1.0], 0.5, "most is 0.5"),
        ([1], [1.0], np.inf, "most is inf"),
    ],
)
def test_weights_that_cannot_be_are_refused(position, examined, most, says):
    with pytest.raises(ValueError, match=says):
        labels.inverse_weights(position, examined, most=most)


def test_the_effective_share_falls_with_unequal_weights():
    assert labels.effective_share([2.0, 2.0, 2.0]) == pytest.approx(1.0)
    assert labels.effective_share([0.0, 0.0, 0.0, 4.0]) == pytest.approx(0.25)
    for wrong in ([], [0.0], [-1.0, 2.0], [np.inf], [[1.0]]):
        with pytest.raises(ValueError, match="finite weights of at least 0"):
            labels.effective_share(wrong)
