"""The audience: what is planted is what happens, luck stays with the person, and the shapes are the published ones."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from mlsd_lib.worlds import audience as module
from mlsd_lib.worlds.audience import DAYS, Audience, Change

WORLD = Audience(seed=3)
CROWD = WORLD.people(60_000, seed=1)
SUMS = ["searches", "successes", "revenue", "latency_ms"]


@pytest.fixture(scope="module")
def table():
    return WORLD.visits(WORLD.before(CROWD))


def under(change, people=CROWD, **audience):
    arm = people.assign(arm="treatment")
    return Audience(seed=3, **audience).visits(arm, changes={"treatment": [change]})


def test_people_are_a_row_each_with_the_shares_that_were_said(table):
    assert table["user_id"].is_unique
    assert table["new"].mean() == pytest.approx(0.25, abs=0.01)
    shares = table["device"].value_counts(normalize=True)
    assert shares[["phone", "desktop", "old phone"]].tolist() == pytest.approx([0.55, 0.4, 0.05], abs=0.01)
    assert not set(WORLD.people(10, seed=2)["user_id"]) & set(CROWD["user_id"])


def test_sums_are_possible_ones(table):
    assert (table["searches"] >= 1).all()
    assert table["successes"].between(0, table["searches"]).all()
    assert (table["revenue"] >= 0).all()
    assert (table["revenue"] > 0).mean() == pytest.approx(0.13, abs=0.03)  # most people buy nothing
    assert table["day"].between(0, DAYS - 1).all()


def test_means_are_those_that_were_asked_for(table):
    assert table["searches"].mean() == pytest.approx(8.0, abs=0.15)
    assert table["revenue"].mean() == pytest.approx(8.0 * 0.02, rel=0.1)  # a purchase is worth 1 EUR on average
    assert table["latency_ms"].sum() / table["searches"].sum() == pytest.approx(120 * np.exp(0.125), rel=0.02)


def test_searches_of_two_fortnights_are_correlated_as_published_and_revenue_is_hardly(table):
    old = table[~table["new"]]
    halves = {name: np.corrcoef(old[name], old[f"{name}_before"])[0, 1] ** 2 for name in ("searches", "revenue")}
    assert halves["searches"] == pytest.approx(0.5, abs=0.05)
    assert halves["revenue"] < 0.05


def test_the_new_have_no_history_and_the_others_have_one(table):
    before = [f"{name}_before" for name in SUMS]
    assert table.loc[table["new"], before].isna().all(axis=None)
    assert table.loc[~table["new"], before].notna().all(axis=None)


def test_metrics_are_skewed_and_searches_of_a_person_are_not_independent(table):
    assert 2.5 < stats.skew(table["searches"]) < 5
    assert stats.skew(table["revenue"]) > 8
    rate = table["successes"].sum() / table["searches"].sum()
    of_people = (table["successes"] - rate * table["searches"]).std() / np.sqrt(len(table)) / table["searches"].mean()
    of_searches = np.sqrt(rate * (1 - rate) / table["searches"].sum())
    assert of_people > 1.4 * of_searches


def test_without_differences_between_people_searches_are_independent():
    same = Audience(seed=3, activity=0.0, mood=0.0, finding=0.0).visits(CROWD)
    rate = same["successes"].sum() / same["searches"].sum()
    assert rate == pytest.approx(1 / (1 + np.exp(-1)), abs=0.005)
    assert set(same["searches"]) == {8}
    assert same["successes"].var() == pytest.approx(8 * rate * (1 - rate), rel=0.03)


def test_who_comes_often_finds_more_often(table):
    often = table["searches"] > 15
    rates = [rows["successes"].sum() / rows["searches"].sum() for rows in (table[often], table[~often])]
    assert rates[0] > rates[1] + 0.02
    assert 0.60 < rates[1] < rates[0] < 0.85


def test_finding_buying_being_new_and_the_device_have_nothing_to_do_with_each_other():
    same = Audience(seed=3, activity=0.0, mood=0.0, finding=0.0, buying=0.2).visits(CROWD)
    same = same.assign(revenue=same["revenue"] > 0, device=same["device"] == "phone")
    apart = same[["successes", "revenue", "new", "device"]].astype(float).corr().to_numpy()
    assert np.abs(apart - np.eye(4)).max() < 0.02  # 4.9 standard errors
    assert same["revenue"].mean() > 0.5
    assert Audience(seed=3, buying=0.0).visits(CROWD)["revenue"].sum() == 0


def test_a_change_does_what_was_planted_and_nothing_else(table):
    slower = under(Change(latency_ms=30.0))
    assert np.allclose(slower["latency_ms"] - table["latency_ms"], 30.0 * table["searches"])
    assert slower[["searches", "successes", "revenue"]].equals(table[["searches", "successes", "revenue"]])
    more = under(Change(visits=0.1))
    assert more["searches"].mean() / table["searches"].mean() == pytest.approx(1.1, abs=0.01)
    better = under(Change(success=0.5))
    assert better["searches"].equals(table["searches"])
    assert (better["successes"] >= table["successes"]).all()  # the same luck, a higher chance
    gain = (better["successes"].sum() - table["successes"].sum()) / table["searches"].sum()
    assert 0.05 < gain < 0.5 * 0.25  # the slope of the logistic curve is at most a quarter
    richer = under(Change(spending=1.0))
    assert (richer["revenue"] >= table["revenue"] - 1e-9).all()
    assert richer["revenue"].sum() / table["revenue"].sum() == pytest.approx(2.0, rel=0.1)


def test_a_change_for_one_device_leaves_the_others_alone(table):
    broken = under(Change(success=-1.0, only="old phone"))
    hit = (table["device"] == "old phone").to_numpy()
    assert broken[~hit][SUMS].equals(table[~hit][SUMS])
    assert broken.loc[hit, "successes"].sum() < 0.9 * table.loc[hit, "successes"].sum()


def test_changes_of_an_arm_add_up_and_only_its_people_meet_them(table):
    arm = CROWD.assign(arm=np.where(np.arange(len(CROWD)) % 2, "b", "a"))
    two = WORLD.visits(arm, changes={"b": [Change(latency_ms=10.0), Change(latency_ms=5.0)]})
    more = (two["latency_ms"] - table["latency_ms"]) / table["searches"]
    assert np.allclose(more, np.where(arm["arm"] == "b", 15.0, 0.0))


def test_luck_belongs_to_the_person_and_the_fortnight(table, monkeypatch):
    some = CROWD.iloc[[7, 40_000, 3]].reset_index(drop=True)
    alone = WORLD.visits(WORLD.before(some))
    assert alone.equals(table.iloc[[7, 40_000, 3]].reset_index(drop=True))
    monkeypatch.setattr(module, "_BLOCK", 7_919)
    assert WORLD.visits(WORLD.before(CROWD)).equals(table)
    assert not WORLD.visits(CROWD, number=2)["searches"].equals(table["searches"])
    assert not Audience(seed=4).visits(CROWD)["searches"].equals(table["searches"])


def test_who_comes_often_comes_early(table):
    often = table["searches"] > 15
    assert table.loc[often, "day"].mean() < table.loc[~often, "day"].mean()
    uniform = Audience(seed=3, searches=1.0, activity=0.0, mood=0.0).visits(CROWD)["day"].value_counts()
    assert stats.chisquare(uniform).pvalue > 0.001  # one search is as likely on each day


def test_an_index_of_ones_own_is_kept(table):
    odd = CROWD.head(5).set_index(pd.Index([9, 3, 7, 1, 5]))
    assert WORLD.visits(odd).index.tolist() == [9, 3, 7, 1, 5]
    assert WORLD.visits(odd)["searches"].tolist() == table["searches"].head(5).tolist()


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda: Change(success=np.nan), "not finite"),
        (lambda: Change(visits=-1.0), "not above -1"),
        (lambda: Change(spending=-2.0), "not above -1"),
        (lambda: Change(only="tablet"), "'tablet' is no device"),
        (lambda: Audience(searches=0.0), "no searches"),
        (lambda: Audience(mood=-0.1), "between 0 and 3"),
        (lambda: Audience(new=1.5), "between 0 and 1"),
        (lambda: Audience(buying=-0.5), "between 0 and 1"),
        (lambda: WORLD.people(0), "n=0"),
        (lambda: WORLD.people(5, seed=10_000), "seed=10000"),
        (lambda: WORLD.visits(CROWD.head(3), number=-1), "number=-1"),
        (lambda: WORLD.visits(CROWD.head(3)[["user_id"]]), "'device' is missing"),
        (lambda: WORLD.before(CROWD.head(3)[["user_id", "device"]]), "'new' is missing"),
        (lambda: WORLD.visits(CROWD.head(3), changes={"b": [Change()]}), "'arm' is missing"),
        (lambda: WORLD.visits(CROWD.head(3).assign(arm="a"), changes={"b": [Change()]}), "nobody in people"),
    ],
)
def test_bad_input_is_refused_in_words(wrong, says):
    with pytest.raises(ValueError, match=says):
        wrong()
