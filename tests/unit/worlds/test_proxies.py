import numpy as np
import pandas as pd
import pytest

from mlsd_lib.worlds.arms import paired_change
from mlsd_lib.worlds.proxies import SearcherWorld


def test_one_week_is_what_its_parameters_say() -> None:
    world = SearcherWorld(seed=1, most_tries=60)
    week = world.run(30_000, poor=0.3, weeks=1)
    solves = 0.7 * world.solves + 0.3 * world.solves_poor
    on = (1 - solves) * world.tries_again  # probability of one more query
    tasks = week.tasks.sum()
    assert week.tasks.mean() == pytest.approx(world.tasks_per_week, rel=0.02)
    assert week.queries.sum() / tasks == pytest.approx(1 / (1 - on), rel=0.01)
    assert week.solved.sum() / tasks == pytest.approx(solves / (1 - on), rel=0.01)
    per_query = solves * world.ad_if_solved + (1 - solves) * world.ad_if_not
    assert week.ad_clicks.sum() / week.queries.sum() == pytest.approx(per_query, rel=0.02)
    failures = (week.tasks - week.solved).to_numpy()
    for failed in (0, 1, 2, 3):
        stays = week.returns[failures == failed].mean()
        assert stays == pytest.approx((1 - world.leaves) ** max(failed - 1, 0), abs=0.01)


def test_nobody_comes_back_and_only_those_who_return_are_there() -> None:
    table = SearcherWorld(seed=0).run(300, poor=0.4, weeks=6)
    for week in range(1, 6):
        stayed = table[(table.week == week) & (table.returns == 1)].user_id
        assert stayed.tolist() == table[table.week == week + 1].user_id.tolist()
    assert not table.duplicated(["user_id", "week"]).any()


def test_given_up_after_the_last_try() -> None:
    table = SearcherWorld(seed=0, most_tries=1).run(200, poor=0.5, weeks=1)
    assert (table.queries == table.tasks).all()
    never = SearcherWorld(seed=0, solves=0.0, solves_poor=0.0, tries_again=1.0, most_tries=3).run(
        200, poor=0.0, weeks=1
    )
    assert (never.queries == 3 * never.tasks).all()
    assert (never.solved == 0).all()


def test_the_same_people_meet_the_same_luck_in_both_arms() -> None:
    world = SearcherWorld(seed=0)
    healthy, broken = (world.run(2_000, poor=poor, weeks=1) for poor in (0.0, 0.2))
    assert (healthy.tasks == broken.tasks).all()
    assert (broken.solved <= healthy.solved).all()  # a poor page never helps where a good one would not
    few = world.run(10, poor=0.2, weeks=1)
    pd.testing.assert_frame_equal(few, broken.iloc[:10])


def test_errors_say_what_is_wrong() -> None:
    with pytest.raises(ValueError, match=r"poor=1\.5"):
        SearcherWorld().run(10, poor=1.5, weeks=1)
    with pytest.raises(ValueError, match="users=0"):
        SearcherWorld().run(0, poor=0.5, weeks=1)
    with pytest.raises(ValueError, match="leaves is -1"):
        SearcherWorld(leaves=-1)
    with pytest.raises(ValueError, match="most_tries=0"):
        SearcherWorld(most_tries=0)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_second_experiment_of_chapter_1_does_not_hang_on_its_seed(seed: int) -> None:
    world = SearcherWorld(seed=seed)

    def metrics(poor: float) -> pd.DataFrame:
        week = world.run(5_000, poor=poor, weeks=1)
        return week[["user_id", "queries", "ad_clicks", "solved", "returns"]]

    severity = [
        paired_change(metrics(0.0), metrics(p), unit="user_id", resamples=200).set_index("metric")
        for p in (0.1, 0.2, 0.4)
    ]
    for metric, sign in (("queries", 1), ("ad_clicks", 1), ("solved", -1), ("returns", -1)):
        changes = [sign * table.change[metric] for table in severity]
        assert 0 < changes[0] < changes[1] < changes[2]
        assert (severity[1].low[metric] > 0) == (severity[1].high[metric] > 0)  # the interval leaves out no change
    assert 0.07 < severity[1].change["queries"] < 0.13
    assert 0.25 < severity[1].change["ad_clicks"] < 0.40

    weeks = {poor: world.run(3_000, poor=poor, weeks=52).groupby("week") for poor in (0.0, 0.2)}
    revenue = weeks[0.2].ad_clicks.sum() / weeks[0.0].ad_clicks.sum() - 1
    users = weeks[0.2].size() / weeks[0.0].size() - 1
    smooth = revenue.rolling(4, center=True, min_periods=1).mean()
    assert 8 <= smooth[smooth < 0].index[0] <= 24
    assert revenue.iloc[:4].mean() > 0.15
    assert revenue.iloc[-4:].mean() < -0.15
    assert np.all(users.iloc[1:] < 0)
    assert users.iloc[-1] < -0.25
