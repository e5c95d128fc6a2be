import inspect
import tracemalloc
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import mlsd_lib.systems.ads as package
from mlsd_lib.architecture import System
from mlsd_lib.funnel import Stage, stages
from mlsd_lib.systems import ads
from mlsd_lib.systems.ads import catalogue, knowledge, selling, training
from mlsd_lib.systems.ads import stages as stages_module
from mlsd_lib.worlds.ads import AdsWorld, second_price

from .conftest import KEEP, Learned


def pairs(frame: pd.DataFrame) -> set[tuple[int, int]]:
    return set(zip(frame["request_id"], frame["ad_id"], strict=True))


def value(world: AdsWorld, requests: pd.DataFrame, shown: pd.DataFrame) -> float:
    bid = shown[["ad_id"]].merge(world.ads[["ad_id", "bid"]], on="ad_id", how="left")["bid"].to_numpy()
    return float((bid * world.probability(requests, shown)).sum() / len(requests))


def test_what_is_shown_are_places_with_prices(learned: Learned) -> None:
    shown = learned.system.run(learned.requests)
    assert shown.columns.tolist() == ["request_id", "position", "ad_id", "price", "score", "probability"]
    assert shown.groupby("request_id")["position"].agg(list).map(lambda p: p == list(range(1, len(p) + 1))).all()
    assert shown["position"].max() == 4
    bid = shown.merge(learned.world.ads[["ad_id", "bid"]], on="ad_id", how="left")["bid"]
    assert (shown["price"] <= bid + 1e-12).all()
    assert (shown["price"] >= 0.05).all()
    np.testing.assert_allclose(shown["score"], bid * shown["probability"])
    log = learned.world.respond(learned.requests, shown)
    assert len(log) == len(shown)


def test_a_batch_of_one_is_a_batch_of_many(learned: Learned) -> None:
    asked = learned.requests.head(60)
    together = learned.system.run(asked)
    alone = pd.concat([learned.system.run(asked.iloc[i : i + 1]) for i in range(60)], ignore_index=True)
    pd.testing.assert_frame_equal(together, alone, check_exact=True)
    exploring = ads.exploring(learned.system, share=0.5, seed=3)
    some = exploring.run(asked)
    pd.testing.assert_frame_equal(
        some, pd.concat([exploring.run(asked[:7]), exploring.run(asked[7:])], ignore_index=True)
    )
    nothing = learned.system.run(asked.head(0))
    assert nothing.dtypes.equals(together.dtypes)


def test_learned_beats_static_and_the_oracle_beats_both(learned: Learned) -> None:
    asked = learned.requests
    static, system = (value(learned.world, asked, s.run(asked)) for s in (learned.static, learned.system))
    best = learned.system.replace(
        retrieval=learned.world.oracle("retrieval", keep=60), heavy=learned.world.oracle("heavy", keep=20)
    )
    assert system > 1.15 * static
    assert value(learned.world, asked, best.run(asked)) > 1.05 * system


def test_each_stage_passes_on_the_beginning_of_what_it_would_pass_on(learned: Learned) -> None:
    system = learned.system
    assert [stage.name for stage in stages(system)] == ["retrieval", "light", "heavy"]
    assert [stage.keep for stage in stages(system)] == list(KEEP)
    trace = system.trace(learned.requests.head(30))
    before = {"retrieval": "understanding", "light": "retrieval", "heavy": "light"}
    oracles = [learned.world.oracle(name, keep=50) for name in ("retrieval", "heavy")]
    everything = ads.exhaustive(system)["heavy"]
    for stage in (*stages(system), *oracles, everything):
        assert isinstance(stage, Stage)
        given = trace.after[before[stage.name] if stage in stages(system) else "light"]
        many, few = stage.kept(15)(given), stage.kept(4)(given)
        cut = many.places() < 4
        assert few.items["ad"].tolist() == many.items["ad"][cut].tolist()
        assert (np.diff(many.items["score"])[np.diff(many.row) == 0] <= 0).all()
        with pytest.raises(ValueError, match="keep"):
            stage.kept(0)


def test_the_exhaustive_system_is_the_heavy_model_on_all_ads(learned: Learned) -> None:
    asked, heavy = learned.requests.head(8), learned.system["heavy"]
    shown = ads.exhaustive(learned.system).run(asked)
    batch = learned.system.trace(asked).after["understanding"]
    for place in range(len(asked)):
        every = np.arange(len(heavy.ads))
        codes = (np.full(len(every), batch.requests[name][place]) for name in ("keyword", "group"))
        score = heavy.ads.bid * heavy.probability(*codes, every)
        best = np.lexsort((every, -score))[:4]
        mine = shown[shown["request_id"] == asked["request_id"].iloc[place]]
        assert mine["ad_id"].tolist() == heavy.ads.ad_id[best].tolist()
        np.testing.assert_allclose(mine["score"], score[best])


def test_the_funnel_finds_nearly_what_the_heavy_model_finds_on_all_ads(learned: Learned) -> None:
    asked = learned.requests.head(150)
    found, best = learned.system.run(asked), ads.exhaustive(learned.system).run(asked)
    assert len(pairs(found) & pairs(best)) / len(best) > 0.9
    named = learned.system.trace(asked).after["retrieval"]
    own = named.requests["keyword"][named.row] == learned.system["heavy"].ads.keyword[named.items["ad"]]
    assert own.mean() < 0.5  # most of what it looks at is found by related keywords, not by words


def test_memory_of_the_exhaustive_system_is_bounded_by_the_block(learned: Learned) -> None:
    asked, peaks, shown = learned.requests.head(3), {}, {}
    for block in (100, 4_000):
        system = ads.exhaustive(learned.system, block=block)
        system.run(asked)
        tracemalloc.start()
        shown[block] = system.run(asked)
        peaks[block] = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    pd.testing.assert_frame_equal(shown[100], shown[4_000])
    assert peaks[100] < 0.5 * peaks[4_000]


def test_lists_do_not_grow_with_the_number_of_ads_and_hold_the_best() -> None:
    world = AdsWorld(seed=0, ads=150_000, keywords=50)
    retrieval = ads.fit(world.ads)["retrieval"]
    lengths, sells = np.diff(retrieval.start), retrieval.ads
    most = int(np.argmax(np.bincount(sells.keyword)))
    own = np.sort(sells.bid[sells.keyword == most])[::-1]
    assert lengths.max() == lengths[most] == training.DEPTH < len(own)
    held = retrieval.ad[retrieval.start[most] : retrieval.start[most + 1]]
    assert sells.bid[held].tolist() == own[: training.DEPTH].tolist()


def test_probabilities_are_calibrated_on_a_day_that_was_not_learned_from(learned: Learned) -> None:
    asked = learned.world.requests(learned.world.users(3_000, seed=1), n=2_500, day=4, seed=5)
    shown = learned.system.run(asked)
    truth = learned.world.probability(asked, shown)
    assert shown["probability"].mean() == pytest.approx(truth.mean(), rel=0.15)
    raw = replace_calibration(learned.system, (1.0, -2.0)).run(asked)
    assert raw["probability"].mean() < 0.5 * learned.world.probability(asked, raw).mean()


def replace_calibration(system: System, calibration: tuple[float, float]) -> System:
    return system.replace(heavy=replace(system["heavy"], calibration=calibration))


def test_what_is_learned_are_the_relations_of_the_world(learned: Learned) -> None:
    known, ads_ = learned.system["light"].known, learned.system["light"].ads
    space = learned.world._space
    code = ads_.named(space.phrases)
    there = code >= 0
    place = known.place[code[there]]
    true, found = space.likeness[np.ix_(there, there)], place @ place.T
    upper = np.triu_indices(len(true), 1)
    assert np.corrcoef(true[upper], found[upper])[0, 1] > 0.55
    liked = np.corrcoef(known.liking[:-1, 1:].ravel(), true_liking(learned, known.segments, ads_.appeals[1:]).ravel())
    assert liked[0, 1] > 0.4


def true_liking(learned: Learned, segments: tuple[str, ...], appeals: tuple[str, ...]) -> np.ndarray:
    from mlsd_lib.worlds.ads import words

    spoken = [" ".join(catalogue.TOKEN.findall(appeal.lower())) for appeal in words.APPEALS]
    rows, columns = [words.SEGMENTS.index(s) for s in segments], [spoken.index(a) for a in appeals]
    return learned.world._clicks.liking[np.ix_(rows, columns)]


def test_without_a_log_only_the_keyword_that_is_named_counts(learned: Learned) -> None:
    shown = learned.static.run(learned.requests)
    keyword = shown.merge(learned.world.ads, on="ad_id")["keyword"].astype(str)
    query = shown.merge(learned.requests, on="request_id")["query"]
    assert all(word in text for word, text in zip(keyword, query, strict=True))
    assert set(shown["probability"]) == {0.05}


def test_paused_advertisers_are_not_shown_and_come_back(learned: Learned) -> None:
    asked = learned.requests.head(100)
    owner = learned.world.ads.set_index("ad_id")["advertiser_id"]
    usual = learned.system.run(asked)
    stopped = usual["ad_id"].map(owner).value_counts().index[:5]
    system = ads.paused(learned.system, stopped)
    for one in (system, ads.exhaustive(system)):
        shown = one.run(asked)
        assert not shown["ad_id"].map(owner).isin(stopped).any()
        assert len(shown) == len(usual)
    pd.testing.assert_frame_equal(ads.paused(system, []).run(asked), usual)


def test_exploring_shows_what_else_reached_the_auction_at_the_reserve(learned: Learned) -> None:
    asked = learned.requests
    usual, shown = learned.system.run(asked), ads.exploring(learned.system, share=0.3, seed=1).run(asked)
    explored = shown.groupby("request_id")["price"].max() <= 0.05
    assert explored.mean() == pytest.approx(0.3, abs=0.08)
    same = shown[~shown["request_id"].isin(explored.index[explored])]
    pd.testing.assert_frame_equal(
        same.reset_index(drop=True), usual[usual["request_id"].isin(same["request_id"])].reset_index(drop=True)
    )
    rest = shown[shown["request_id"].isin(explored.index[explored])]
    assert pairs(rest) <= pairs(learned.system.replace(auction=replace(learned.system["auction"], show=20)).run(asked))
    assert len(pairs(rest) - pairs(usual)) > 0.5 * len(rest)


def test_the_auction_ranks_by_value_or_by_bid(learned: Learned) -> None:
    asked = learned.requests.head(50)
    batch = learned.system.trace(asked).after["heavy"]
    bid = learned.system["auction"].ads.bid[batch.items["ad"]]
    for rank_by, quality in (("value", batch.items["probability"]), ("bid", np.ones(len(bid)))):
        sold = second_price(batch.row, bid, quality, places=4, reserve=0.05)
        auction = replace(learned.system["auction"], rank_by=rank_by)
        shown = learned.system.replace(auction=auction).run(asked)
        assert shown["ad_id"].tolist() == batch.items["ad_id"][sold.item].tolist()
        assert shown["price"].tolist() == sold.price.tolist()


@pytest.mark.parametrize("which", ["system", "static", "exhaustive", "paused"])
def test_a_saved_system_is_the_same_system(learned: Learned, which: str, tmp_path) -> None:
    asked = learned.requests.head(20)
    system = {
        "system": learned.system,
        "static": learned.static,
        "exhaustive": ads.exhaustive(learned.system),
        "paused": ads.paused(learned.system, [500, 501]),
    }[which]
    system.save(tmp_path / "saved")
    pd.testing.assert_frame_equal(System.load(tmp_path / "saved").run(asked), system.run(asked), check_exact=True)


def test_learning_twice_gives_the_same_system_and_string_ids_do_as_well(learned: Learned) -> None:
    log, asked = learned.log.tail(12_000), learned.requests.head(50)
    one = ads.fit(learned.world.ads, log, keep=KEEP)
    two = ads.fit(
        learned.world.ads.assign(
            ad_id=lambda f: "a" + f["ad_id"].astype(str),
            advertiser_id=lambda f: "s" + f["advertiser_id"].astype(str),
            keyword=lambda f: f["keyword"].astype(str).str.upper(),
            text=lambda f: f["text"].astype(str),
        ),
        log.assign(ad_id="a" + log["ad_id"].astype(str), request_id="r" + log["request_id"].astype(str)),
        keep=KEEP,
    )
    shown, again = one.run(asked), two.run(asked.assign(request_id=lambda f: "r" + f["request_id"].astype(str)))
    assert again["ad_id"].tolist() == ("a" + shown["ad_id"].astype(str)).tolist()
    np.testing.assert_allclose(again["price"], shown["price"])


def test_the_two_teachers_make_different_light_models(learned: Learned) -> None:
    clicks = ads.fit(learned.world.ads, learned.log, keep=KEEP, light="clicks")
    asked = learned.requests.head(150)
    best = ads.exhaustive(learned.system).run(asked)
    narrow = [s.replace(light=s["light"].kept(8)) for s in (learned.system, clicks)]
    heavy, shown = (len(pairs(s.run(asked)) & pairs(best)) / len(best) for s in narrow)
    assert clicks["heavy"].model == learned.system["heavy"].model
    assert heavy > shown


def test_no_system_reads_the_truth() -> None:
    for module in (package, catalogue, knowledge, stages_module, training, selling):
        source = inspect.getsource(module)
        imports = [line for line in source.splitlines() if "mlsd_lib.worlds" in line]
        assert set(imports) <= {
            "from mlsd_lib.worlds import chance",
            "from mlsd_lib.worlds.ads.auction import second_price",
        }
        assert "AdsWorld" not in source


def test_requests_without_ids_of_the_world_are_answered(learned: Learned) -> None:
    own = pd.DataFrame(
        {"request_id": ["x", "y"], "query": [learned.requests["query"].iloc[0].upper(), "no such thing"]}
    )
    shown = learned.system.run(own)
    assert shown["request_id"].tolist() == ["x"] * 4


def test_the_longest_keyword_that_a_query_names_is_meant() -> None:
    table = pd.DataFrame(
        {
            "ad_id": [1, 2, 3],
            "advertiser_id": 1,
            "keyword": ["shoes", "running shoes", "Après-ski boots"],
            "bid": 1.0,
            "text": ["Shoes: cheap.", "Running shoes: cheap.", "Après-ski boots: warm."],
        }
    )
    code = catalogue.Catalogue.of(table)
    named = code.named(["buy RUNNING shoes", "red shoes", "shoes running", "après ski boots!", "", "boots"])
    words = [code.phrases[number] if number >= 0 else None for number in named]
    assert words == ["running shoes", "shoes", "shoes", "après ski boots", None, None]
