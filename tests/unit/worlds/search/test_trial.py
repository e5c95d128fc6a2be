import numpy as np
import pandas as pd
import pytest
from scipy import stats

from mlsd_lib.online import experiment
from mlsd_lib.worlds.search import (
    Novelty,
    SearchWorld,
    Split,
    StandIn,
    daily,
    everybody,
    possible,
    trial,
    true_effect,
    visit,
)
from mlsd_lib.worlds.search.trial import SUMS

from .conftest import anything, relevant

ARMS = ["control", "treatment"]


@pytest.fixture(scope="module")
def arms(world: SearchWorld) -> dict[str, StandIn]:
    return {"control": StandIn(world, 0.5), "treatment": StandIn(world, 2.0)}


@pytest.fixture(scope="module")
def users(world: SearchWorld) -> pd.DataFrame:
    people = world.users(4_000, seed=5)
    return people.assign(arm=experiment.assign(people["user_id"], experiment="a trial"))


@pytest.fixture(scope="module")
def table(world: SearchWorld, arms, users) -> pd.DataFrame:
    return trial(world, arms, users, days=4, before=3, seed=1)


def test_people_begin_as_many_sessions_as_said_and_vary_as_their_activity_does(world: SearchWorld) -> None:
    people = world.users(40_000, seed=6)
    counts = world.visits(people, 0.8, day=5)["user_id"].value_counts().reindex(people["user_id"]).fillna(0)
    assert counts.mean() == pytest.approx(0.8, abs=0.025)
    assert counts.var() == pytest.approx(0.8 + 0.8**2 * (np.exp(0.8**2) - 1), rel=0.1)  # Poisson around a lognormal


def test_what_a_person_asks_depends_on_nobody_else(world: SearchWorld) -> None:
    people = world.users(500, seed=6)
    some = people.sample(60, random_state=0)
    alone, together = world.visits(some, 1.5, day=5), world.visits(people, 1.5, day=5)
    pd.testing.assert_frame_equal(alone, together[together["user_id"].isin(some["user_id"])].reset_index(drop=True))
    assert not alone["request_id"].isin(world.visits(people, 1.5, day=6)["request_id"]).any()
    assert not alone["request_id"].isin(world.visits(people, 1.5, day=5, seed=1)["request_id"]).any()


@pytest.mark.parametrize("per_user", [0.0, 21.0, float("nan"), True, "1"])
def test_a_rate_of_visits_that_cannot_be_is_refused(world: SearchWorld, per_user) -> None:
    with pytest.raises(ValueError, match="per_user"):
        world.visits(world.users(3), per_user, day=0)


def test_the_sums_are_those_of_the_log(world: SearchWorld, arms, users) -> None:
    seen = list(daily(world, arms, users, days=3, seed=1))
    log, asked = (pd.concat([getattr(day, what) for day in seen]) for what in ("log", "requests"))
    other = experiment.units(log, asked).set_index("user_id")
    own = trial(world, arms, users, days=3, seed=1).set_index("user_id")
    for name in ("sessions", "successes", "requests", "shown", "clicks"):
        assert own[name].sort_index().tolist() == other[name].tolist()
    assert (own["arm"].sort_index() == other["arm"]).all()
    assert own["unanswered"].sum() == (~asked["request_id"].isin(log["request_id"])).sum()


def test_a_row_a_day_sums_up_to_a_row_a_user(world: SearchWorld, arms, users, table: pd.DataFrame) -> None:
    by_day = trial(world, arms, users, days=4, before=3, seed=1, by="day")
    summed = by_day.groupby("user_id")[list(SUMS)].sum()
    pd.testing.assert_frame_equal(summed, table.set_index("user_id")[list(SUMS)])
    assert (by_day["since"] == by_day["day"] - by_day.groupby("user_id")["day"].transform("min")).all()
    assert (by_day.groupby("user_id")["day"].min() == table.set_index("user_id")["first_day"]).all()
    assert (by_day.groupby("user_id").size() == table.set_index("user_id")["active_days"]).all()


def test_blocks_change_nothing(world: SearchWorld, arms, users, table: pd.DataFrame) -> None:
    small = trial(world, arms, users, days=4, before=3, seed=1, block=2_500)
    pd.testing.assert_frame_equal(
        small.sort_values("user_id", ignore_index=True), table.sort_values("user_id", ignore_index=True)
    )


def test_everybody_meets_the_same_luck_so_equal_engines_do_not_differ_at_all(world: SearchWorld, users) -> None:
    same = everybody(world, {"control": StandIn(world, 1.0), "treatment": StandIn(world, 1.0)}, users, days=2)
    control, treatment = (same[name].drop(columns="arm") for name in ARMS)
    pd.testing.assert_frame_equal(control, treatment)
    found = true_effect(same["control"], same["treatment"], "successes", "sessions")
    assert (found.effect, found.standard_error) == (0.0, 0.0)


def test_an_experiment_finds_the_true_effect_within_its_noise(world: SearchWorld, arms, users, table) -> None:
    both = everybody(world, arms, users, days=4, before=3, seed=1)
    for metric, parts in (
        (experiment.Ratio("success", "successes", "sessions"), ("successes", "sessions")),
        (experiment.Mean("requests", "requests"), ("requests",)),
    ):
        truth = true_effect(both["control"], both["treatment"], *parts)
        found = experiment.effects(table, [metric]).frame.iloc[0]
        assert abs(found["effect"] - truth.effect) < 4 * found["standard_error"]
        assert truth.standard_error < found["standard_error"]
    assert true_effect(both["control"], both["treatment"], "successes", "sessions").low > 0.1


def test_who_finds_stays(world: SearchWorld, arms, users) -> None:
    both = everybody(world, arms, users, days=4)
    assert true_effect(both["control"], both["treatment"], "stayed").low > 0
    forever = trial(world, arms, users, days=4, leave=False)
    assert (forever["stayed"] == 1.0).all()
    assert forever["sessions"].sum() > both["treatment"]["sessions"].sum()


def test_people_who_left_do_not_ask_again(world: SearchWorld, arms, users) -> None:
    there = None
    for day in daily(world, arms, users, days=4):
        assert there is None or set(day.users["user_id"]) == there
        assert set(day.requests["user_id"]) <= set(day.users["user_id"])
        there = set(day.stay["user_id"])
        assert there < set(day.users["user_id"])


def test_each_day_people_are_tossed_anew_whether_they_stay(world: SearchWorld) -> None:
    class Nothing:
        def run(self, asked: pd.DataFrame) -> pd.DataFrame:
            return asked[["request_id"]].head(0).assign(position=1, doc_id=1)

    people = world.users(1_500, seed=8).assign(arm="control")
    table = trial(world, {"control": Nothing()}, people, days=3, per_user=8.0, rounds=1)
    assert table["stayed"].mean() == pytest.approx(world.return_base**3, abs=0.05)
    assert table["unanswered"].sum() == table["requests"].sum() == table["sessions"].sum()
    assert table[["shown", "clicks", "successes", "satisfied"]].sum().sum() == 0


def test_the_days_before_are_served_by_the_control_in_both_arms(world: SearchWorld, arms, users) -> None:
    both = everybody(world, arms, users, days=2, before=3)
    before = [f"{name}_before" for name in SUMS]
    pd.testing.assert_frame_equal(*(both[name][["user_id", *before]] for name in ARMS))
    control = both["control"]
    assert control[before].dtypes.eq(np.int64).all()
    assert (control["sessions_before"] == 0).any()
    assert np.corrcoef(control["sessions"], control["sessions_before"])[0, 1] > 0.3
    past = list(daily(world, {"control": arms["control"]}, users.assign(arm="control"), days=3, first_day=97))
    asked = pd.concat([day.requests for day in past])
    stayed = asked[asked["user_id"].isin(control["user_id"])]
    assert control["requests_before"].sum() == len(stayed)
    assert set(control["user_id"]) <= set(past[-1].stay["user_id"])


def test_novelty_halves_in_its_half_life() -> None:
    assert Novelty(0.8, half_life=3.0).left(np.array([0, 3, 6, 9])).tolist() == [0.8, 0.4, 0.2, 0.1]


def test_novelty_is_planted_in_the_treatment_and_fades(world: SearchWorld, users) -> None:
    same, new = {name: StandIn(world, 1.0) for name in ARMS}, Novelty(size=1.0, half_life=1.0)

    def days(arm: str, **more) -> pd.DataFrame:
        return trial(world, same, users.assign(arm=arm), days=5, by="day", leave=False, per_user=0.6, **more)

    plain, curious = days("treatment"), days("treatment", novelty=new)
    pd.testing.assert_frame_equal(plain.drop(columns="arm"), days("control", novelty=new).drop(columns="arm"))
    rate = [one.groupby("since")[["clicks", "requests"]].sum().eval("clicks / requests") for one in (plain, curious)]
    more = (rate[1] / rate[0] - 1).loc[[0, 1, 2, 4]]
    assert more.iloc[0] > 0.15
    assert more.is_monotonic_decreasing
    assert more.iloc[-1] < more.iloc[0] / 5
    first = {"days": 1, "leave": False}
    dislikes = trial(world, same, users.assign(arm="treatment"), novelty=Novelty(size=-2.0, half_life=1.0), **first)
    assert dislikes["clicks"].sum() < 0.8 * trial(world, same, users.assign(arm="control"), **first)["clicks"].sum()


def test_curiosity_is_added_to_the_log_odds_of_those_who_are_named(world: SearchWorld, requests) -> None:
    flat = SearchWorld(seed=0, documents=500, eta=0.0, trust=0.0, satisfied=(0.0, 0.0, 0.0, 0.0))
    asked = flat.requests(flat.users(5_000), n=20_000, day=0)
    curious = asked["user_id"].unique()[::2]
    log = flat.respond(asked, anything(flat, asked), curiosity=pd.Series(1.0, index=curious))
    rate = log.groupby(log["user_id"].isin(curious))["clicked"].mean()
    odds = np.log(rate / (1 - rate))
    assert odds[True] - odds[False] == pytest.approx(1.0, abs=0.08)
    plain = flat.respond(asked, anything(flat, asked))
    others = ~log["user_id"].isin(curious)
    assert (log["clicked"] == plain["clicked"])[others].all()
    with pytest.raises(ValueError, match="curiosity"):
        flat.respond(asked, anything(flat, asked), curiosity=pd.Series([1.0, 2.0], index=[7, 7]))


def test_all_that_could_be_asked_holds_all_that_is_asked(world: SearchWorld, requests, arms) -> None:
    every = possible(world, requests).set_index("request_id")
    for engine in arms.values():
        asked, _ = visit(world, engine, requests)
        assert asked["request_id"].isin(every.index).all()
        assert (every.loc[asked["request_id"], "query"].to_numpy() == asked["query"].to_numpy()).all()
    assert every.index.is_unique


def test_each_person_is_answered_by_the_engine_of_their_arm(world: SearchWorld, requests) -> None:
    some = requests.head(300)
    people, ids = some["user_id"].unique(), world.documents["doc_id"].to_numpy()
    arm = pd.Series(np.where(people % 2 == 0, "control", "treatment"), index=people)

    class Fixed:
        def __init__(self, doc_id: int) -> None:
            self.doc_id = doc_id

        def run(self, asked: pd.DataFrame) -> pd.DataFrame:
            return asked[["request_id"]].assign(position=1, doc_id=self.doc_id)

    shown = Split({"control": Fixed(ids[0]), "treatment": Fixed(ids[1])}, arm).run(some)
    owner = some.set_index("request_id")["user_id"][shown["request_id"]].to_numpy()
    assert (shown["doc_id"].to_numpy() == np.where(owner % 2 == 0, ids[0], ids[1])).all()
    assert (shown["arm"].to_numpy() == arm[owner].to_numpy()).all()
    assert sorted(shown["request_id"]) == sorted(some["request_id"])
    assert len(world.respond(some, shown)) == len(some)
    empty = Split({"control": Fixed(ids[0]), "treatment": Fixed(ids[1])}, arm).run(some.head(0))
    assert empty.empty


def test_the_true_effect_of_a_mean_has_the_error_of_a_paired_test() -> None:
    rng = np.random.default_rng(0)
    before = pd.DataFrame({"user_id": range(400), "clicks": rng.poisson(3.0, 400)})
    after = before.assign(clicks=before["clicks"] + rng.poisson(0.5, 400))
    found = true_effect(before, after.sample(frac=1, random_state=0), "clicks")
    paired = stats.ttest_rel(after["clicks"], before["clicks"])
    assert found.effect / found.standard_error == pytest.approx(paired.statistic)
    assert (found.control, found.treatment) == pytest.approx((before["clicks"].mean(), after["clicks"].mean()))


def test_the_error_of_a_ratio_is_what_resampling_people_gives(world: SearchWorld, arms, users) -> None:
    both = everybody(world, arms, users, days=2)
    one, other = (both[name].set_index("user_id")[["successes", "sessions"]] for name in ARMS)
    other = other.reindex(one.index).fillna(0)
    found = true_effect(both["control"], both["treatment"], "successes", "sessions")
    rng = np.random.default_rng(1)
    weight = rng.poisson(1.0, size=(600, len(one)))
    rates = [(weight @ arm["successes"].to_numpy()) / (weight @ arm["sessions"].to_numpy()) for arm in (one, other)]
    assert (rates[1] - rates[0]).std() == pytest.approx(found.standard_error, rel=0.1)


def test_who_is_missing_in_one_arm_counts_as_nothing_there() -> None:
    control = pd.DataFrame({"user_id": [1, 2], "clicks": [2, 4]})
    found = true_effect(control, pd.DataFrame({"user_id": [2, 3], "clicks": [4, 9]}), "clicks")
    assert (found.control, found.treatment) == (2.0, pytest.approx(13 / 3))


def test_bad_input_is_named(world: SearchWorld, arms, users) -> None:
    few = users.head(30)
    with pytest.raises(ValueError, match="user_id and arm"):
        trial(world, arms, few.drop(columns="arm"), days=1)
    with pytest.raises(ValueError, match=r"an arm that has no engine \(first: arm='third'\)"):
        trial(world, arms, few.assign(arm="third"), days=1)
    with pytest.raises(ValueError, match="repeat a user_id"):
        trial(world, arms, pd.concat([few, few.head(1)]), days=1)
    with pytest.raises(ValueError, match="days"):
        trial(world, arms, few, days=0)
    with pytest.raises(ValueError, match="before"):
        trial(world, arms, few, days=1, before=5, first_day=4)
    with pytest.raises(ValueError, match="choose 'user' or 'day'"):
        trial(world, arms, few, days=1, by="week")
    with pytest.raises(ValueError, match="no control"):
        trial(world, {"treatment": arms["treatment"]}, few.assign(arm="treatment"), days=1, before=2)
    with pytest.raises(ValueError, match="none of the 1 users asked anything"):
        trial(world, arms, few.head(1), days=1, per_user=1e-9)
    for size, half_life in ((np.inf, 1.0), (1.0, 0.0)):
        with pytest.raises(ValueError, match="half_life"):
            Novelty(size, half_life)
    control = pd.DataFrame({"user_id": [1, 2], "clicks": [1, 2]})
    with pytest.raises(ValueError, match="treatment: column 'clicks' is missing"):
        true_effect(control, control.drop(columns="clicks"), "clicks")
    with pytest.raises(ValueError, match="stands twice"):
        true_effect(control.assign(user_id=1), control, "clicks")
    with pytest.raises(ValueError, match="takes two"):
        true_effect(control.head(1), control.head(1), "clicks")


def test_a_page_that_answers_makes_more_succeed_than_any_page(world: SearchWorld, requests) -> None:
    class Shows:
        def __init__(self, answer) -> None:
            self.answer = answer

        def run(self, asked: pd.DataFrame) -> pd.DataFrame:
            return self.answer(world, asked)

    both = everybody(
        world, {"control": Shows(anything), "treatment": Shows(relevant)}, world.users(400, seed=2), days=2
    )
    assert true_effect(both["control"], both["treatment"], "satisfied", "sessions").low > 0.5
