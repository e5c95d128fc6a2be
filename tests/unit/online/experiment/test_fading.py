"""Whether an effect fades: against simulated experiments whose fading is known, and effects computed one by one."""

import numpy as np
import pandas as pd
import pytest

from mlsd_lib.online import experiment
from mlsd_lib.online.experiment import Mean, Ratio

CLICKS = Mean("clicks a day", "clicks")
RATE = Ratio("click rate", "clicks", "requests")


def people(users=600, days=6, seed=0, first=0.0, steady=0.0, half=1.0, start=None):
    """A row a user and day: users differ, and the first part of the effect halves in so many days."""
    rng = np.random.default_rng(seed)
    start = np.zeros(users, dtype=int) if start is None else start
    of, age = (grid.ravel() for grid in np.meshgrid(np.arange(users), np.arange(days), indexing="ij"))
    table = pd.DataFrame({"user_id": of, "day": 10 + start[of] + age})
    treated = rng.uniform(size=users) < 0.5
    table["arm"] = np.where(treated, "treatment", "control")[of]
    effect = treated[of] * (steady + first * 0.5 ** (age / half))
    table["requests"] = 1 + rng.poisson(2, len(table))
    table["clicks"] = rng.exponential(size=users)[of] + rng.normal(size=len(table)) + effect
    return table


def test_an_effect_that_fades_is_found_and_told():
    table = people(4_000, first=1.0, steady=0.1)
    found = experiment.novelty(table, CLICKS)
    truth = 0.1 + 0.5 ** np.arange(6)
    assert found.frame["age"].tolist() == list(range(6))
    assert (np.abs(found.frame["effect"] - truth) < 4 * found.frame["standard_error"]).all()
    assert found.days == 2
    assert found.early == pytest.approx(truth[:2].mean(), abs=0.15)
    assert found.late == pytest.approx(truth[2:].mean(), abs=0.15)
    assert found.change == pytest.approx(found.late - found.early)
    assert found.low < truth[2:].mean() - truth[:2].mean() < found.high
    assert found.p_value < 1e-6
    assert str(found) == (
        f"The effect on clicks a day is {found.early:.4g} in the first 2 days and {found.late:.4g} later: a change of "
        f"{found.change:.4g} ({found.low:.4g} to {found.high:.4g}), more than noise. It fades, so run on until it is "
        "steady and read the later days."
    )


def test_a_third_of_the_days_counts_as_early():
    for days, early in ((2, 1), (3, 1), (6, 2), (7, 3)):
        assert experiment.novelty(people(100, days=days), CLICKS).days == early


def test_an_effect_that_is_learned_grows():
    found = experiment.novelty(people(4_000, first=-1.0, steady=1.0), CLICKS)
    assert found.change > 0
    assert "It grows, so run on" in str(found)


@pytest.mark.parametrize("metric", [CLICKS, RATE])
def test_without_novelty_its_p_value_is_small_as_seldom_as_it_says_and_the_interval_covers(metric):
    start = np.arange(200) % 4
    found = [experiment.novelty(people(200, seed=seed, steady=0.5, start=start), metric) for seed in range(100)]
    p = np.array([one.p_value for one in found])
    assert np.mean(p < 0.2) == pytest.approx(0.2, abs=0.11)
    assert np.mean(p < 0.05) < 0.11
    assert np.mean([one.low <= 0 <= one.high for one in found]) > 0.89
    quiet = found[int(np.argmax(p))]
    assert f"Noise alone shows one as large in {quiet.p_value:.0%} of experiments." in str(quiet)


def test_what_one_user_does_on_all_days_cancels_out_of_the_change():
    """With users that differ a lot and days that do not, the noise of the change is far below that of its parts."""
    rng = np.random.default_rng(0)
    table = people(400)
    table["clicks"] = 5 * rng.normal(size=400)[table["user_id"]] + 0.1 * rng.normal(size=len(table))
    found = experiment.novelty(table, CLICKS)
    assert found.high - found.low < 0.1
    assert found.frame["standard_error"].min() > 0.3


def test_the_change_of_balanced_days_is_a_test_of_each_users_own_change():
    table = people(500)
    found = experiment.novelty(table, CLICKS, early=2)
    age = table["day"] - 10
    weight = 1 / found.frame["standard_error"].to_numpy() ** 2
    late = np.where(np.arange(6) < 2, 0, weight) / weight[2:].sum()
    early = np.where(np.arange(6) < 2, weight, 0) / weight[:2].sum()
    own = (table["clicks"] * (late - early)[age]).groupby(table["user_id"]).sum()
    arm = table.groupby("user_id")["arm"].first()
    alone = experiment.effects(pd.DataFrame({"arm": arm, "own": own}), [Mean("own", "own")]).of("own")
    assert found.change == pytest.approx(alone["effect"])
    assert (found.high - found.low) / 2 == pytest.approx(1.959964 * alone["standard_error"], rel=1e-6)


def test_days_are_counted_from_each_users_first_one_and_rows_may_come_in_any_order():
    start = np.random.default_rng(3).integers(5, size=600)
    table = people(start=start, first=1.0)
    found = experiment.novelty(table, CLICKS)
    aligned = experiment.novelty(people(first=1.0), CLICKS)
    assert found.frame["effect"].tolist() == pytest.approx(aligned.frame["effect"].tolist())
    shuffled = experiment.novelty(table.sample(frac=1, random_state=0), CLICKS)
    assert shuffled.change == pytest.approx(found.change)
    assert shuffled.p_value == pytest.approx(found.p_value)


def test_a_ratio_has_the_change_that_its_daily_ratios_have():
    table = people(500)
    table["clicks"] = table["clicks"].abs()
    found = experiment.novelty(table, RATE, early=3)
    sums = table.groupby([table["day"] - 10, "arm"])[["clicks", "requests"]].sum()
    daily = sums["clicks"] / sums["requests"]
    expected = daily.xs("treatment", level="arm") - daily.xs("control", level="arm")
    assert found.frame["effect"].to_numpy() == pytest.approx(expected.to_numpy())
    weight = 1 / found.frame["standard_error"].to_numpy() ** 2
    effect = found.frame["effect"].to_numpy()
    assert found.early == pytest.approx(np.average(effect[:3], weights=weight[:3]))
    assert found.late == pytest.approx(np.average(effect[3:], weights=weight[3:]))


def test_other_arms_covariates_and_caps():
    table = people(600)
    third = table["user_id"] % 3 == 0
    three = table.assign(arm=table["arm"].where(~third, "other"), before=table["requests"])
    found = experiment.novelty(three, CLICKS)
    alone = experiment.novelty(table[~third], CLICKS)
    assert found.change == pytest.approx(alone.change)
    assert found.low == pytest.approx(alone.low)
    adjusted = experiment.novelty(three, Mean("clicks a day", "clicks", covariate="before"))
    assert adjusted.change == pytest.approx(found.change)
    cut = experiment.novelty(table, Mean("clicks", "clicks", cap=0.5))
    plain = experiment.novelty(table.assign(clicks=table["clicks"].clip(upper=0.5)), CLICKS)
    assert cut.change == pytest.approx(plain.change)
    assert cut.low == pytest.approx(plain.low)


def test_days_without_an_effect_count_for_nothing():
    """On the fourth day nobody of the treatment asked anything, and from the seventh on only the control is there."""
    table = people(400, days=9)
    table["clicks"] = table["clicks"].abs()
    age, treated = table["day"] - 10, table["arm"] == "treatment"
    table.loc[treated & (age == 3), ["requests", "clicks"]] = 0
    found = experiment.novelty(table[~(treated & (age > 5))], RATE, early=3)
    alone = experiment.novelty(table[(age < 6) & (age != 3)], RATE, early=3)
    assert found.frame["age"].tolist() == [0, 1, 2, 4, 5]
    assert found.change == pytest.approx(alone.change)
    assert found.low == pytest.approx(alone.low, rel=1e-9)
    same = table.assign(clicks=table["clicks"].where(age != 4, 7.0))
    assert experiment.novelty(same, CLICKS).frame["age"].tolist() == [0, 1, 2, 3, 5, 6, 7, 8]


def test_unsound_tables_are_refused():
    table = people(100)
    with pytest.raises(ValueError, match="user_id, day of an earlier row again in 1 row"):
        experiment.novelty(pd.concat([table, table.head(1)]), CLICKS)
    mixed = table.copy()
    mixed.loc[mixed.index[-1], "arm"] = "treatment" if mixed["arm"].iloc[-1] == "control" else "control"
    with pytest.raises(ValueError, match=r"1 unit is in two arms .first: user_id=99[)]"):
        experiment.novelty(mixed, CLICKS)
    with pytest.raises(ValueError, match=r"day is of the type float64; number the days"):
        experiment.novelty(table.assign(day=table["day"] / 2), CLICKS)
    with pytest.raises(ValueError, match="column 'day' is missing"):
        experiment.novelty(table.drop(columns="day"), CLICKS)
    for early in (0, 6):
        with pytest.raises(ValueError, match=f"early={early}[)]; a change takes days before it and after it"):
            experiment.novelty(table, CLICKS, early=early)
    with pytest.raises(ValueError, match="novelty: of 1 days since the first exposure"):
        experiment.novelty(table[table["day"] == 10], CLICKS)
