import numpy as np
import pandas as pd
import pytest

from mlsd_lib import tables
from mlsd_lib.worlds.search import SearchWorld


def test_requests_are_a_sound_table(world: SearchWorld, requests: pd.DataFrame) -> None:
    assert requests.columns.tolist() == ["request_id", "user_id", "session_id", "ts", "query", "place"]
    pd.testing.assert_frame_equal(tables.search_requests(requests), requests)
    assert len(requests) == 6_000
    assert requests["ts"].is_monotonic_increasing
    assert (requests["ts"].dt.date == pd.Timestamp("2026-01-08").date()).all()
    assert str(requests["ts"].dt.tz) == "UTC"
    assert requests["session_id"].is_unique
    homes = world.users(3_000, seed=1).set_index("user_id")["place"]
    assert (homes.loc[requests["user_id"]].to_numpy() == requests["place"].to_numpy()).all()


def test_ids_differ_between_days_and_seeds(world: SearchWorld) -> None:
    users = world.users(50)
    ids = [world.requests(users, 200, day, seed)["request_id"] for day in (0, 1, 999) for seed in (0, 1, 999)]
    assert pd.concat(ids).is_unique


@pytest.mark.parametrize("misspelt", [0.0, 0.12, 0.5])
def test_the_stated_share_of_queries_is_misspelt(misspelt: float) -> None:
    world = SearchWorld(seed=0, documents=500, misspelt=misspelt)
    requests = world.requests(world.users(5_000), n=20_000, day=0)
    meant = world.truth(requests).requests["query"]
    assert (requests["query"] != meant).mean() == pytest.approx(misspelt, abs=0.01)


def test_the_stated_shares_of_intents_and_of_named_towns() -> None:
    world = SearchWorld(seed=2, documents=2_000, intents=(0.5, 0.2, 0.3), travel=0.1, named=0.3, misspelt=0.0)
    requests = world.requests(world.users(20_000), n=20_000, day=0)
    truth = world.truth(requests).requests
    shares = truth["intent"].value_counts(normalize=True)
    assert shares["local"] == pytest.approx(0.5, abs=0.015)
    assert shares["navigational"] == pytest.approx(0.2, abs=0.015)
    local = (truth["intent"] == "local").to_numpy()
    names = np.array([place.lower() in query for place, query in zip(truth["place"], truth["query"], strict=True)])
    away = local & (truth["place"] != requests["place"]).to_numpy()
    assert names[away].all()
    assert names[local & ~away].mean() == pytest.approx(0.3, abs=0.02)
    elsewhere = 1 - (world.users(20_000)["place"].value_counts(normalize=True) ** 2).sum()
    assert away.sum() / local.sum() == pytest.approx(0.1 * elsewhere, abs=0.012)
    assert (truth.loc[~local, "place"] == "").all()


@pytest.mark.parametrize("zipf", [0.5, 1.0])
def test_names_are_asked_for_as_zipf_says(zipf: float) -> None:
    world = SearchWorld(seed=0, documents=2_000, intents=(0.0, 1.0, 0.0), zipf=zipf, habit=0.0)
    requests = world.requests(world.users(20_000), n=60_000, day=0)
    needs = world.truth(requests).requests["query_id"]
    counts = needs.value_counts().reindex(world._web.famous + world._web.plan.topics, fill_value=0)
    rank = np.arange(1, 101)
    slope = np.polyfit(np.log(rank), np.log(counts.to_numpy()[:100]), 1, w=np.sqrt(counts.to_numpy()[:100]))[0]
    assert slope == pytest.approx(-zipf, abs=0.06)


def test_most_needs_are_rare(requests: pd.DataFrame, world: SearchWorld) -> None:
    counts = requests["query"].value_counts()
    assert (counts == 1).mean() > 0.4
    assert requests["query"].str.split().str.len().mean() == pytest.approx(2.6, abs=0.4)


def test_habits_bring_needs_back() -> None:
    repeated = {}
    for habit in (0.0, 0.6):
        world = SearchWorld(seed=0, documents=2_000, habit=habit)
        users = world.users(300)
        days = pd.concat([world.requests(users, 1_000, day) for day in range(5)], ignore_index=True)
        days["need"] = world.truth(days).requests["query_id"]
        repeated[habit] = days.duplicated(["user_id", "need"]).mean()
    assert repeated[0.6] > repeated[0.0] + 0.3


def test_a_request_does_not_depend_on_who_else_asks(world: SearchWorld) -> None:
    users = world.users(200)
    whole = world.requests(users, 2_000, 4, 1).set_index("request_id")
    few = world.requests(users.iloc[::-1].head(60), 700, 4, 1).set_index("request_id")
    both = whole.index.intersection(few.index)
    assert len(both) > 300
    pd.testing.assert_frame_equal(whole.loc[both], few.loc[both])
    again = SearchWorld(seed=0, documents=2_000).requests(users, 2_000, 4, 1).set_index("request_id")
    pd.testing.assert_frame_equal(whole, again)


def test_truth_depends_on_ids_alone(world: SearchWorld, requests: pd.DataFrame) -> None:
    whole = world.truth(requests).requests.set_index("request_id")
    some = requests[["request_id"]].sample(200, random_state=0)
    pd.testing.assert_frame_equal(world.truth(some).requests.set_index("request_id"), whole.loc[some["request_id"]])


def test_queries_give_each_need_once_as_typed(world: SearchWorld, requests: pd.DataFrame) -> None:
    queries = tables.queries(world.queries(requests))
    truth = world.truth(requests).requests
    assert set(queries["query_id"]) == set(truth["query_id"])
    first = requests.assign(query_id=truth["query_id"]).drop_duplicates("query_id")
    assert queries["text"].tolist() == first["query"].tolist()
    assert queries["place"].tolist() == first["place"].tolist()
