import numpy as np
import pandas as pd
import pytest

from mlsd_lib.systems import ads
from mlsd_lib.worlds.ads import AdsWorld, MarketDay, market_day

ARMS = ["control", "treatment"]


@pytest.fixture(scope="module")
def shop() -> AdsWorld:
    return AdsWorld(seed=0, ads=2_000, keywords=50, base=-1.5, budget=60.0)


@pytest.fixture(scope="module")
def asked(shop: AdsWorld) -> pd.DataFrame:
    requests = shop.requests(shop.users(2_500, seed=1), n=4_000, day=0, seed=1)
    halves = np.random.default_rng(0).permutation(requests["user_id"].max() + 1) % 2
    return requests.assign(arm=np.array(ARMS)[halves[requests["user_id"]]])


@pytest.fixture(scope="module")
def engines(shop: AdsWorld) -> dict:
    return {"control": ads.fit(shop.ads, show=1), "treatment": ads.fit(shop.ads, show=4)}


def day(shop: AdsWorld, engines, asked: pd.DataFrame, **more) -> MarketDay:
    return market_day(shop, engines, asked, pause=ads.paused, **more)


def test_no_advertiser_pays_more_than_the_budget_and_the_sums_agree(shop: AdsWorld, engines, asked) -> None:
    seen = day(shop, engines, asked)
    paid = seen.spent.groupby("advertiser_id")["spent"].sum()
    budget = shop.advertisers.set_index("advertiser_id")["budget"]
    assert (paid <= budget[paid.index] + 1e-9).all()
    assert seen.log["charged"].sum() == pytest.approx(seen.users["charged"].sum())
    assert seen.users["clicks"].sum() == seen.log["clicked"].sum()
    assert seen.users["shown"].sum() == len(seen.log)
    assert seen.users["requests"].sum() == len(asked)
    assert not seen.log.loc[~seen.log["clicked"], "charged"].any()
    assert (seen.log["charged"] <= seen.log["price"] + 1e-12).all()
    spent = (paid.reindex(budget.index).fillna(0) >= budget - 1e-6).mean()
    assert seen.stopped == pytest.approx(spent)
    assert 0.2 < spent < 1


def test_who_has_spent_the_budget_is_shown_no_more(shop: AdsWorld, engines, asked) -> None:
    log = day(shop, engines, asked, parts=8).log
    budget = shop.advertisers.set_index("advertiser_id")["budget"]
    for _, own in log.groupby("advertiser_id"):
        left = budget[own["advertiser_id"].iloc[0]] - own["charged"].cumsum()
        if left.iloc[-1] < 1e-6:
            empty = own["ts"][left < 1e-6].iloc[0]
            part = (asked["ts"] <= empty).sum() * 8 // len(asked)  # the part of the day in which the money ran out
            later = asked["ts"].sort_values().iloc[min(len(asked) - 1, (part + 1) * len(asked) // 8)]
            assert own["ts"].max() <= later


def test_with_money_for_all_every_click_is_paid_and_splitting_changes_nothing(shop: AdsWorld, engines, asked) -> None:
    rich = shop.advertisers.assign(budget=1e6)
    shared, split = (day(shop, engines, asked, advertisers=rich, split=apart) for apart in (False, True))
    assert shared.stopped == split.stopped == 0
    assert (shared.log["charged"] == shared.log["price"].where(shared.log["clicked"], 0.0)).all()
    pd.testing.assert_frame_equal(shared.users, split.users)


def test_a_split_budget_cannot_be_spent_by_the_other_arm(shop: AdsWorld, engines, asked) -> None:
    budget = shop.advertisers.set_index("advertiser_id")["budget"]
    share = asked.drop_duplicates("user_id")["arm"].value_counts(normalize=True)
    split = day(shop, engines, asked, split=True).spent
    allowed = budget[split["advertiser_id"]].to_numpy() * share[split["arm"]].to_numpy()
    assert (split["spent"] <= allowed + 1e-9).all()
    shared = day(shop, engines, asked).spent
    allowed = budget[shared["advertiser_id"]].to_numpy() * share[shared["arm"]].to_numpy()
    assert (shared["spent"] > allowed + 1e-6).any()


def test_equal_engines_earn_what_one_arm_of_all_earns(shop: AdsWorld, engines, asked) -> None:
    same = dict.fromkeys(ARMS, engines["control"])
    two, one = day(shop, same, asked), day(shop, same, asked.assign(arm="control"))
    pd.testing.assert_frame_equal(two.log.drop(columns="arm"), one.log.drop(columns="arm"))
    pd.testing.assert_frame_equal(two.users.drop(columns="arm"), one.users.drop(columns="arm"))


def test_sharing_makes_the_effect_too_large_and_splitting_mends_it(shop: AdsWorld, asked: pd.DataFrame) -> None:
    engines = {"control": ads.fit(shop.ads, show=2), "treatment": ads.fit(shop.ads, show=4)}

    def gain(users: pd.DataFrame) -> float:
        charged = users.groupby("arm")["charged"].mean()
        return charged["treatment"] / charged["control"] - 1

    alone = gain(pd.concat(day(shop, engines, asked.assign(arm=arm)).users for arm in ARMS))
    found = []
    for seed in range(6):
        halves = np.random.default_rng(seed).permutation(asked["user_id"].max() + 1) % 2
        drawn = asked.assign(arm=np.array(ARMS)[halves[asked["user_id"]]])
        found.append([gain(day(shop, engines, drawn, split=apart).users) for apart in (False, True)])
    shared, split = np.mean(found, axis=0)
    assert shared > alone + 0.08
    assert abs(split - alone) < (shared - alone) / 2


def test_more_parts_notice_an_empty_purse_sooner(shop: AdsWorld, engines, asked) -> None:
    wasted = []
    for parts in (1, 40):
        log = day(shop, engines, asked, parts=parts).log
        wasted.append((log["price"].where(log["clicked"], 0.0) - log["charged"]).sum())
    assert wasted[1] < wasted[0] / 3


def test_bad_input_is_named(shop: AdsWorld, engines, asked) -> None:
    few = asked.head(20)
    with pytest.raises(ValueError, match="'arm' is missing"):
        day(shop, engines, few.drop(columns="arm"))
    with pytest.raises(ValueError, match=r"no engine \(first: arm='third'\)"):
        day(shop, engines, few.assign(arm="third"))
    one = few[few["user_id"] == few["user_id"].value_counts().index[0]]
    crossed = pd.concat([one.assign(arm="control").head(1), asked.assign(arm="treatment")])
    crossed = crossed.drop_duplicates("request_id")
    with pytest.raises(ValueError, match="in two arms"):
        day(shop, engines, crossed)
    with pytest.raises(ValueError, match="parts"):
        day(shop, engines, few, parts=0)

    class Shows:
        def run(self, requests: pd.DataFrame) -> pd.DataFrame:
            return pd.DataFrame({"request_id": [], "position": [], "ad_id": [], "price": []}).astype(int)

    with pytest.raises(ValueError, match="no engine showed any ad"):
        market_day(shop, dict.fromkeys(ARMS, Shows()), few, pause=lambda engine, _: engine)
