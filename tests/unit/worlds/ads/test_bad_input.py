import numpy as np
import pandas as pd
import pytest

from mlsd_lib.architecture import Batch
from mlsd_lib.worlds.ads import AdsWorld

from .conftest import anything


@pytest.mark.parametrize(
    ("parameters", "complaint"),
    [
        ({"ads": 10}, "ads is 10; expected a whole number from 1000"),
        ({"ads": 1e4}, r"ads is 10000\.0"),
        ({"seed": 0.5}, "seed is 0.5"),
        ({"keywords": 3}, "keywords is 3; expected a whole number from 50 to 2000"),
        ({"advertisers": 0}, "advertisers is 0"),
        ({"personal": 1.2}, "personal is 1.2, and a probability"),
        ({"steep": -1.0}, "steep is -1.0"),
        ({"base": float("nan")}, "base is nan"),
        ({"eta": "much"}, "eta is 'much'"),
        ({"budget": True}, "budget is True"),
        ({"block": 0}, "block is 0"),
    ],
)
def test_parameters(parameters: dict, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        AdsWorld(**parameters)


@pytest.mark.parametrize(
    ("call", "complaint"),
    [
        (lambda w, u: w.users(0), "users: n is 0"),
        (lambda w, u: w.users(3, seed=1_000), "users: seed is 1000"),
        (lambda w, u: w.requests(u, -1, 0), "requests: n is -1"),
        (lambda w, u: w.requests(u, 1, 1_000), "requests: day is 1000"),
        (lambda w, u: w.requests(u, 200_000, 0), "more than 1,000 sessions for one of them"),
        (lambda w, u: w.requests(u.head(0), 1, 0), "users: expected a DataFrame with the column user_id"),
        (lambda w, u: w.requests(pd.concat([u, u]), 1, 0), r"10 rows repeat a user_id \(first: row 10, user_id=0\)"),
        (lambda w, u: w.requests(u.assign(user_id="x"), 1, 0), "10 rows have a user_id that this world did not give"),
        (lambda w, u: w.oracle("auction"), "no oracle 'auction'. Choose one of: retrieval, heavy"),
        (lambda w, u: w.oracle("heavy", keep=0), "keep is 0"),
        (lambda w, u: w.truth(w.requests(u, 1, 0), top=0), "top is 0"),
    ],
)
def test_people(world: AdsWorld, call, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        call(world, world.users(10))


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (lambda s: s.drop(columns="ad_id"), "shown: 1 column missing: ad_id"),
        (lambda s: s.assign(ad_id=s["ad_id"] + 1), r"shown: 20 rows name an ad_id that this world does not have"),
        (lambda s: s.assign(ad_id=s["ad_id"].astype(str)), "this world does not have"),
        (lambda s: s.assign(position=1), "repeat a pair of request_id and position"),
        (lambda s: s.assign(position=s["position"] - 1), "5 rows have a position that is none"),
        (lambda s: s.assign(ad_id=s["ad_id"].iloc[0]), "repeat a pair of request_id and ad_id"),
        (lambda s: s.assign(request_id=77), "names? a request_id that requests does not have|repeat"),
        (lambda s: s.assign(price=-0.1), r"20 rows have a negative price"),
        (lambda s: s.assign(price=np.nan), "have a price that is missing"),
    ],
)
def test_shown(world: AdsWorld, requests: pd.DataFrame, spoil, complaint: str) -> None:
    asked = requests.head(5)
    with pytest.raises(ValueError, match=complaint):
        world.respond(asked, spoil(anything(world, asked)))


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (lambda r: r.drop(columns="request_id"), "requests: expected a DataFrame with the column request_id"),
        (lambda r: pd.concat([r, r]), r"5 rows repeat a request_id \(first: row 5"),
        (lambda r: r.assign(request_id=r["request_id"].astype(str)), "5 rows have a request_id that this world did"),
        (lambda r: r.assign(request_id=-r["request_id"]), "request_id that this world did not give"),
    ],
)
def test_requests(world: AdsWorld, requests: pd.DataFrame, spoil, complaint: str) -> None:
    asked = requests.head(5)
    for call in (world.truth, lambda r: world.respond(r, anything(world, asked))):
        with pytest.raises(ValueError, match=complaint):
            call(spoil(asked))


def test_budgets_and_pairs(world: AdsWorld, requests: pd.DataFrame) -> None:
    asked = requests.head(5)
    log = world.respond(asked, anything(world, asked)).assign(clicked=True)
    with pytest.raises(ValueError, match="log: column 'price' is missing"):
        world.settle(world.advertisers, log.drop(columns="price"))
    with pytest.raises(ValueError, match="advertisers: expected a DataFrame with the columns advertiser_id and budget"):
        world.settle(world.advertisers.drop(columns="budget"), log)
    with pytest.raises(ValueError, match="30 rows have a budget that is missing or negative"):
        world.settle(world.advertisers.assign(budget=-1.0), log)
    with pytest.raises(ValueError, match="name a advertiser_id that advertisers does not have"):
        world.settle(world.advertisers.head(1), log)
    with pytest.raises(ValueError, match="pairs: expected a DataFrame with the columns request_id and ad_id"):
        world.probability(asked, log[["request_id"]])
    with pytest.raises(ValueError, match="name a request_id that requests does not have"):
        world.probability(asked.head(1), log)


def test_an_oracle_does_not_know_foreign_requests(world: AdsWorld) -> None:
    with pytest.raises(ValueError, match="request_id that this world did not give"):
        world.oracle("retrieval")(Batch({"request_id": np.array(["a"], dtype=object)}))
