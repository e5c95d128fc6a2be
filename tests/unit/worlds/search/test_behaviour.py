import numpy as np
import pandas as pd
import pytest

from mlsd_lib.worlds.search import SearchWorld, visit

from .conftest import anything, relevant


class Shows:
    """A system that answers from a function."""

    def __init__(self, answer) -> None:
        self.answer = answer

    def run(self, requests: pd.DataFrame) -> pd.DataFrame:
        return self.answer(requests)


def test_the_log_has_a_row_a_document_shown_and_keeps_unknown_columns(world: SearchWorld, requests) -> None:
    asked = requests.head(50).assign(team="red")
    shown = anything(world, asked).assign(score=0.5, arm="b", propensity=0.25).sample(frac=1, random_state=0)
    log = world.respond(asked, shown, seed=3)
    own = ["request_id", "user_id", "session_id", "ts", "query", "place", "team", "position", "doc_id", "score"]
    assert log.columns.tolist() == [*own, "arm", "propensity", "clicked", "dwell_s"]
    assert len(log) == 500
    assert log["request_id"].tolist() == np.repeat(asked["request_id"], 10).tolist()
    assert log["position"].tolist() == list(range(1, 11)) * 50
    joined = log.merge(shown, on=["request_id", "position"])
    assert (joined["doc_id_x"] == joined["doc_id_y"]).all()
    assert log["clicked"].dtype == bool
    assert ((log["dwell_s"] > 0) == log["clicked"]).all()


@pytest.mark.parametrize("eta", [0.5, 1.0])
def test_clicks_fall_with_the_position_as_eta_says(eta: float) -> None:
    world = SearchWorld(seed=0, documents=500, eta=eta, trust=0.0, satisfied=(0.0, 0.0, 0.0, 0.0))
    requests = world.requests(world.users(30_000), n=60_000, day=0)
    by_position = world.respond(requests, anything(world, requests), seed=1).groupby("position")["clicked"].mean()
    curve = (by_position / by_position[1]).to_numpy()
    assert curve == pytest.approx(np.arange(1, 11.0) ** -eta, abs=0.03)


def test_trust_raises_the_clicks_of_the_first_and_fades() -> None:
    rates = {}
    for trust in (0.0, 1.0):
        world = SearchWorld(seed=0, documents=500, eta=0.0, trust=trust, satisfied=(0.0, 0.0, 0.0, 0.0))
        requests = world.requests(world.users(10_000), n=20_000, day=0)
        log = world.respond(requests, anything(world, requests), seed=1)
        rates[trust] = log.groupby("position")["clicked"].mean()
    odds = {trust: np.log(rate / (1 - rate)) for trust, rate in rates.items()}
    gained = (odds[1.0] - odds[0.0]).to_numpy()
    assert gained == pytest.approx(1 / np.arange(1, 11), abs=0.12)
    assert rates[0.0].max() / rates[0.0].min() < 1.2


def test_people_stop_where_they_are_satisfied() -> None:
    world = SearchWorld(seed=0, documents=500, satisfied=(1.0, 1.0, 1.0, 1.0))
    requests = world.requests(world.users(1_000), n=3_000, day=0)
    log = world.respond(requests, relevant(world, requests), seed=1)
    assert log.groupby("request_id")["clicked"].sum().max() == 1
    sessions = world.sessions(requests, log)
    assert ((sessions["outcome"] == "satisfied") == (sessions["clicks"] > 0)).all()


def test_better_documents_get_clicks_dwell_and_satisfaction(world: SearchWorld, requests: pd.DataFrame) -> None:
    truth = world.truth(requests)
    log = world.respond(requests, relevant(world, requests, k=1), seed=1)
    log = log.merge(truth.requests[["request_id", "query_id"]]).merge(truth.judgments, how="left").fillna({"grade": 0})
    clicks = log.groupby("grade")["clicked"].mean()
    dwell = log[log["clicked"]].groupby("grade")["dwell_s"].median()
    assert clicks.is_monotonic_increasing
    assert dwell.is_monotonic_increasing
    assert dwell[3] == pytest.approx(90, rel=0.15)
    satisfied = log.assign(happy=(world.sessions(requests, log)["outcome"] == "satisfied").to_numpy())
    shares = satisfied[satisfied["clicked"]].groupby("grade")["happy"].mean()
    assert shares[3] == pytest.approx(0.92, abs=0.03)
    assert shares[1] == pytest.approx(0.25, abs=0.05)


def test_the_same_person_meets_the_same_luck_however_requests_are_batched(world: SearchWorld, requests) -> None:
    asked = requests.head(400)
    shown = relevant(world, asked)
    whole = world.respond(asked, shown, seed=3)
    pd.testing.assert_frame_equal(world.respond(asked, shown, seed=3, block=7), whole)
    parts = [
        world.respond(asked.iloc[n : n + 1], shown[shown["request_id"] == one], seed=3)
        for n, one in enumerate(asked["request_id"].head(20))
    ]
    assert (
        pd.concat(parts)["clicked"].tolist()
        == whole[whole["request_id"].isin(asked["request_id"].head(20))]["clicked"].tolist()
    )
    other = world.respond(asked, shown, seed=4)
    assert (other["clicked"] != whole["clicked"]).any()


def test_two_arms_share_their_luck(requests) -> None:
    world = SearchWorld(seed=0, documents=2_000, eta=0.0, trust=0.0, satisfied=(0.0, 0.0, 0.0, 0.0))
    shown = relevant(world, requests.head(1_000))
    backwards = shown.assign(position=11 - shown["position"])
    one, other = (world.respond(requests.head(1_000), arm, seed=3) for arm in (shown, backwards))
    both = one.merge(other, on=["request_id", "doc_id"])
    assert (both["position_x"] != both["position_y"]).any()
    assert (both["clicked_x"] == both["clicked_y"]).all()
    assert (both["dwell_s_x"] == both["dwell_s_y"]).all()


def test_requests_with_an_empty_answer_are_not_lost(world: SearchWorld, requests: pd.DataFrame) -> None:
    asked = requests.head(300)
    shown = relevant(world, asked.iloc[::2])
    log = world.respond(asked, shown)
    sessions = world.sessions(asked, log)
    assert sessions["request_id"].tolist() == asked["request_id"].tolist()
    empty = ~asked["request_id"].isin(log["request_id"]).to_numpy()
    assert empty.sum() == 150
    assert (sessions["clicks"][empty] == 0).all()
    assert set(sessions["outcome"][empty]) == {"again", "gave up"}
    none = world.respond(asked, shown.head(0))
    assert none.columns.tolist() == log.columns.tolist()
    assert none.dtypes.to_dict() == log.dtypes.to_dict()
    assert len(world.sessions(asked, none)) == 300
    assert len(world.respond(asked.head(0), shown.head(0))) == len(world.requests(world.users(3), 0, 0)) == 0


def test_a_long_dwell_is_what_a_product_can_count(world: SearchWorld, requests: pd.DataFrame) -> None:
    log = world.respond(requests, relevant(world, requests))
    sessions = world.sessions(requests, log).set_index("request_id")
    longest = log.groupby("request_id")["dwell_s"].max().reindex(sessions.index, fill_value=0.0)
    assert (sessions["satisfied_by_dwell"] == (longest >= 30)).all()
    assert 0.2 < sessions["satisfied_by_dwell"].mean() < 0.9
    assert sessions["clicks"].sum() == log["clicked"].sum()


def test_those_who_search_again_correct_or_reword(world: SearchWorld, requests: pd.DataFrame) -> None:
    asked, log = visit(world, Shows(lambda batch: anything(world, batch, k=3)), requests, seed=3, rounds=4)
    truth = world.truth(asked).requests
    asked = asked.assign(meant=truth["query"], need=truth["query_id"]).sort_values(["session_id", "request_id"])
    assert asked["request_id"].is_unique
    assert asked.groupby("session_id")["need"].nunique().max() == 1
    assert asked.groupby("session_id")["ts"].apply(lambda ts: ts.is_monotonic_increasing).all()
    sizes = asked.groupby("session_id").size()
    assert sizes.max() == 4
    assert sizes.mean() == pytest.approx(1 + 0.55 + 0.55**2 + 0.55**3, abs=0.15)  # patience is 0.55 on average
    after = asked.groupby("session_id").shift(-1)
    follows = after["query"].notna() & (asked["request_id"] % 10 == 0)
    slipped = follows & (asked["query"] != asked["meant"])
    assert (after["query"] == asked["meant"])[slipped].all()
    assert (after["meant"] != asked["meant"])[follows & ~slipped].all()
    assert set(log["request_id"]) == set(asked["request_id"])


def test_follow_ups_come_from_those_who_did_not_find(world: SearchWorld, requests: pd.DataFrame) -> None:
    log = world.respond(requests, relevant(world, requests), seed=3)
    outcome = world.sessions(requests, log).set_index("request_id")["outcome"]
    again = world.again(requests, log, seed=3)
    assert set(again["request_id"] - 1) == set(outcome.index[outcome == "again"])
    assert again.columns.tolist() == requests.columns.tolist()


def test_success_brings_people_back() -> None:
    world = SearchWorld(seed=0, documents=500, return_base=0.5, return_gain=0.4)
    users = world.users(20_000).assign(arm="a")
    requests = world.requests(users, n=30_000, day=0)
    best = world.respond(requests, relevant(world, requests, by="grade"))
    stays = world.evolve(users, best, requests=requests)
    asked = users["user_id"].isin(requests["user_id"])
    assert users[~asked]["user_id"].isin(stays["user_id"]).all()
    assert (stays["arm"] == "a").all()
    outcome = world.sessions(requests, best).assign(user_id=requests["user_id"])
    rate = outcome.groupby("user_id")["outcome"].apply(lambda values: (values == "satisfied").mean())
    back = rate.index.isin(stays["user_id"])
    for share in (0.0, 1.0):
        assert back[rate == share].mean() == pytest.approx(0.5 + 0.4 * share, abs=0.04)
    nothing = world.respond(requests, anything(world, requests).head(0))
    left = world.evolve(users, nothing, requests=requests)
    assert left[left["user_id"].isin(requests["user_id"])].shape[0] / asked.sum() == pytest.approx(0.5, abs=0.02)
    assert set(left["user_id"]) < set(stays["user_id"])  # the same luck: success only ever keeps people
