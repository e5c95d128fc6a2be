import tracemalloc

import numpy as np
import pandas as pd
import pytest

from mlsd_lib import tables
from mlsd_lib.worlds.ads import AdsWorld, catalogue, space

from .conftest import anything, best


def test_the_tables_are_those_documented(world: AdsWorld, requests: pd.DataFrame) -> None:
    ads = tables.ads(world.ads)
    assert ads.columns.tolist() == ["ad_id", "advertiser_id", "keyword", "bid", "text"]
    assert len(ads) == 3_000
    assert ads["advertiser_id"].isin(world.advertisers["advertiser_id"]).all()
    np.testing.assert_allclose(ads["bid"], ads["bid"].round(2), rtol=1e-12)
    named = [text.lower().startswith(word) for text, word in zip(ads["text"], ads["keyword"].str.lower(), strict=True)]
    assert all(named)
    log = world.respond(requests, anything(world, requests).assign(price=0.1, arm="b"))
    told = "request_id user_id session_id ts query segment ad_id position price arm clicked"
    assert log.columns.tolist() == told.split()
    tables.ads_log(log, ads=world.ads)


def test_a_larger_world_begins_with_the_same_ads_and_blocks_do_not_matter() -> None:
    small = AdsWorld(seed=3, ads=1_000, keywords=60, advertisers=30)
    large = AdsWorld(seed=3, ads=2_500, keywords=60, advertisers=30, block=97)
    pd.testing.assert_frame_equal(small.ads, large.ads.head(1_000))
    assert not small.ads.equals(AdsWorld(seed=4, ads=1_000, keywords=60, advertisers=30).ads)


def test_memory_is_bounded_by_the_block() -> None:
    words = space.build(0, 60)
    peaks = {}
    for block in (20_000, 400_000):
        tracemalloc.start()
        made = catalogue.build(0, words, 400_000, 100, block)
        peaks[block] = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        held = sum(part.nbytes for part in (made.advertiser, made.keyword, made.appeal, made.bid))
    assert held == 400_000 * 15
    assert peaks[20_000] < 1.6 * held
    assert peaks[400_000] > 4 * held


def test_people_draw_alike_whoever_else_asks(world: AdsWorld, requests: pd.DataFrame) -> None:
    again = world.requests(world.users(3_000, seed=1), n=4_000, day=3, seed=2)
    pd.testing.assert_frame_equal(requests, again)
    truth = world.truth(requests.head(20))
    one = pd.concat([world.truth(requests.iloc[i : i + 1]) for i in range(20)], ignore_index=True)
    pd.testing.assert_frame_equal(truth, one)
    assert len(requests) == 4_000
    assert requests["request_id"].is_unique
    assert requests["ts"].is_monotonic_increasing
    sizes = requests.groupby("session_id").size()
    assert 1.5 < sizes.mean() < 3
    assert not requests[["session_id", "user_id"]].drop_duplicates()["session_id"].duplicated().any()


def test_chance_depends_on_request_and_ad_alone(world: AdsWorld, requests: pd.DataFrame) -> None:
    asked, shown = requests.head(100), best(world, requests.head(100))
    log = world.respond(asked, shown, seed=7)
    mixed = world.respond(asked, shown.sample(frac=1, random_state=1), seed=7, block=13)
    pd.testing.assert_frame_equal(log, mixed)
    one = pd.concat(
        [world.respond(asked.iloc[i : i + 1], shown.iloc[4 * i : 4 * i + 4], seed=7) for i in range(len(asked))],
        ignore_index=True,
    )
    pd.testing.assert_frame_equal(log, one)
    assert not log["clicked"].equals(world.respond(asked, shown, seed=8)["clicked"])


def test_click_rates_by_position_are_what_the_parameters_say() -> None:
    world = AdsWorld(seed=0, ads=1_000, keywords=50, steep=0.0, base=-0.5, eta=0.8)
    asked = world.requests(world.users(5_000, seed=4), n=10_000, day=1, seed=5)
    pairs = pd.DataFrame({"request_id": asked["request_id"], "ad_id": world.ads["ad_id"].iloc[0]})
    likely, clicked = world.probability(asked, pairs), {}
    for position in (1, 2, 4):
        clicked[position] = world.respond(asked, pairs.assign(position=position), seed=1)["clicked"].to_numpy()
        expected = likely * (1 / position) ** 0.8
        spread = np.sqrt((expected * (1 - expected)).sum())
        assert abs(clicked[position].sum() - expected.sum()) < 3.5 * spread, position
    assert expected.sum() > 1_000
    # the same luck further down: nobody clicks there who would not at the top
    assert not (clicked[4] & ~clicked[2]).any()
    assert not (clicked[2] & ~clicked[1]).any()


def test_the_probability_is_the_law_that_the_parameters_state(world: AdsWorld, requests: pd.DataFrame) -> None:
    asked = requests.drop_duplicates("user_id").head(400)
    pairs = anything(world, asked)
    odds = np.log(world.probability(asked, pairs) / (1 - world.probability(asked, pairs)))
    flat = AdsWorld(seed=0, ads=3_000, keywords=200, steep=0.0)
    steeper = AdsWorld(seed=0, ads=3_000, keywords=200, steep=5.0)
    level, half = (np.log(p / (1 - p)) for p in (w.probability(asked, pairs) for w in (flat, steeper)))
    np.testing.assert_allclose(odds - level, 2 * (half - level), atol=1e-6)  # the default is 10
    assert (odds <= level + 1e-6).all()
    assert abs(level.mean() + 3.0) < 0.4
    assert 0.7 < level.var() < 1.3


@pytest.mark.parametrize("personal", [0.0, 0.5, 1.0])
def test_the_knob_is_the_personal_share_of_the_variance(personal: float) -> None:
    world = AdsWorld(seed=2, ads=2_000, keywords=60, personal=personal, steep=0.0, advertisers=400)
    asked = world.requests(world.users(400, seed=1), n=400, day=0).drop_duplicates("user_id").head(150)
    ads = world.ads["ad_id"].sample(150, random_state=0)
    pairs = asked[["request_id"]].merge(ads, how="cross")
    likely = world.probability(asked, pairs).reshape(len(asked), 150)
    odds = np.log(likely / (1 - likely))
    common = odds.mean(axis=0).var()
    assert odds.var() == pytest.approx(1.0, abs=0.3)
    assert 1 - common / odds.var() == pytest.approx(personal, abs=0.1)


def test_the_truth_is_the_best_of_all_ads(world: AdsWorld, requests: pd.DataFrame) -> None:
    asked = requests.head(5)
    everything = asked[["request_id"]].merge(world.ads[["ad_id", "bid"]], how="cross")
    everything["value"] = everything["bid"] * world.probability(asked, everything)
    expected = everything.sort_values(["request_id", "value"], ascending=[True, False]).groupby("request_id").head(10)
    truth = world.truth(asked).sort_values(["request_id", "rank"])
    assert truth["ad_id"].tolist() == expected["ad_id"].tolist()
    np.testing.assert_allclose(truth["value"], expected["value"], rtol=1e-6)


@pytest.mark.parametrize(("ads", "personal"), [(10_000, 0.0), (10_000, 0.6), (100_000, 0.2)])
def test_at_least_three_in_ten_of_the_true_ten_share_no_keyword(ads: int, personal: float) -> None:
    world = AdsWorld(seed=1, ads=ads, personal=personal)
    asked = world.requests(world.users(2_000, seed=1), n=2_000, day=0).sample(100, random_state=0)
    truth = world.truth(asked).merge(asked[["request_id", "query"]], on="request_id")
    truth = truth.merge(world.ads[["ad_id", "keyword"]], on="ad_id")
    apart = [word not in query for word, query in zip(truth["keyword"].astype(str), truth["query"], strict=True)]
    assert np.mean(apart) >= 0.3
    assert np.mean(~truth["shares_keyword"]) >= 0.3
    assert np.mean(truth["shares_keyword"]) >= 0.2  # and the query's own keyword still matters


def test_words_do_not_tell_which_keywords_are_near() -> None:
    words = space.build(0, 1_000)
    near = words.likeness - np.eye(1_000)
    same_theme = words.theme[:, None] == words.theme
    thing = np.array([phrase.split()[-1] for phrase in words.phrases])
    same_word = (thing[:, None] == thing) & same_theme & ~np.eye(1_000, dtype=bool)
    others = same_theme & (thing[:, None] != thing)
    assert same_word.sum() > 500
    assert near[same_word].mean() == pytest.approx(near[others].mean(), abs=0.03)
    assert near[others].mean() > near[~same_theme].mean() + 0.4


def test_sessions_show_which_keywords_are_near(world: AdsWorld, requests: pd.DataFrame) -> None:
    keyword = world._people.keyword(requests["request_id"].to_numpy())
    asked = requests.assign(keyword=keyword).sort_values(["session_id", "request_id"])
    after = asked.groupby("session_id")["keyword"].shift(-1)
    both = after.notna()
    pairs = asked.loc[both, "keyword"].to_numpy(), after[both].to_numpy().astype(int)
    likeness = world._space.likeness
    assert likeness[pairs].mean() > 0.6
    assert likeness.mean() < 0.3


def test_budgets_change_between_batches_only(world: AdsWorld, requests: pd.DataFrame) -> None:
    advertisers = world.advertisers
    log = world.respond(requests, best(world, requests).assign(price=0.5), seed=1)
    assert world.advertisers.equals(advertisers)
    settled = world.settle(advertisers, log)
    clicks = log[log["clicked"]].merge(world.ads[["ad_id", "advertiser_id"]], on="ad_id")
    owed = clicks.groupby("advertiser_id")["price"].sum().reindex(advertisers["advertiser_id"], fill_value=0).to_numpy()
    np.testing.assert_allclose(settled["spent"] + settled["unpaid"], owed)
    np.testing.assert_allclose(settled["budget"] + settled["spent"], advertisers["budget"])
    assert (settled["budget"] >= 0).all()
    assert (settled["unpaid"] > 0).any()
    assert ((settled["unpaid"] == 0) | (settled["budget"] == 0)).all()
    again = world.settle(settled, log)
    assert (again["budget"] <= settled["budget"]).all()
    assert again.columns.tolist() == settled.columns.tolist()


def test_ads_off_the_mark_drive_people_away(world: AdsWorld, requests: pd.DataFrame) -> None:
    users, requests = world.users(3_000, seed=1), requests.head(1_500)
    good = world.evolve(users, world.respond(requests, best(world, requests)), seed=1)
    bad = world.evolve(users, world.respond(requests, anything(world, requests)), seed=1)
    asked = users["user_id"].isin(requests["user_id"])
    assert len(bad) < len(good) < len(users)
    idle = users.loc[~asked, "user_id"]
    assert idle.isin(good["user_id"]).mean() == pytest.approx(0.98, abs=0.02)
    assert set(bad["user_id"]) <= set(good["user_id"])  # the same luck
    left = 1 - users.loc[asked, "user_id"].isin(bad["user_id"]).mean()
    pairs = anything(world, requests)
    annoying = pd.Series(world.probability(requests, pairs) < 0.01).groupby(requests["user_id"].repeat(4).to_numpy())
    assert left == pytest.approx(0.02 + 0.2 * annoying.mean().mean(), abs=0.04)
