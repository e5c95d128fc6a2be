"""Looks at running experiments: the effects of each day, and tests that err as rarely as they promise."""

import numpy as np
import pandas as pd
import pytest

from mlsd_lib.online import experiment
from mlsd_lib.online.experiment import Mean, Ratio

METRICS = [
    Mean("revenue", "revenue"),
    Mean("revenue, adjusted", "revenue", covariate="before"),
    Ratio("click rate", "clicks", "requests"),
]


def joining(n=4_000, days=10, seed=0, effect=0.0):
    """A row a user, who joins on a day; A/A unless there is an effect on revenue."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({"user_id": np.arange(n), "day": np.arange(n) * days // n})
    treated = rng.uniform(size=n) < 0.5
    table["arm"] = np.where(treated, "treatment", "control")
    kind = rng.normal(size=n)
    table["before"] = kind + rng.normal(size=n)
    table["revenue"] = rng.exponential(size=n) + kind + effect * treated
    table["requests"] = 1 + rng.poisson(3, n)
    table["clicks"] = rng.binomial(table["requests"], rng.beta(2, 5, n))
    return table


def daily(users=600, days=8, seed=0):
    """A row a user and day; users join over the days and differ from each other. A/A."""
    rng = np.random.default_rng(seed)
    start = rng.integers(days, size=users)
    of, day = (grid.ravel() for grid in np.meshgrid(np.arange(users), np.arange(days), indexing="ij"))
    table = pd.DataFrame({"user_id": of, "day": day})[day >= start[of]].reset_index(drop=True)
    arm = np.where(rng.uniform(size=users) < 0.5, "treatment", "control")
    rate = rng.exponential(size=users)
    table["arm"] = arm[table["user_id"]]
    table["requests"] = 1 + rng.poisson(2, len(table))
    table["clicks"] = rng.binomial(table["requests"], np.exp(-rate)[table["user_id"]])
    table["before"] = rate[table["user_id"]]
    return table


def test_each_look_is_the_effect_of_the_users_who_have_joined_by_then():
    table = joining().sample(frac=1, random_state=0)
    found = experiment.looks(table, METRICS)
    assert found[["metric", "day"]].drop_duplicates().shape == (30, 2)
    for day in (0, 4, 9):
        then = table[table["day"] <= day]
        for metric in METRICS:
            row = found[(found["metric"] == metric.name) & (found["day"] == day)].iloc[0]
            alone = experiment.effects(then, [metric]).of(metric.name)
            for name in ("effect", "standard_error", "low", "high", "p_value", "units_control", "units_treatment"):
                assert row[name] == pytest.approx(alone[name], rel=1e-9)
            assert row["rows"] == len(then)


def test_rows_of_one_user_are_summed_up_to_each_look():
    table = daily()
    metrics = [Ratio("click rate", "clicks", "requests"), Mean("clicks", "clicks", covariate="before")]
    shuffled = table.sample(frac=1, random_state=0)
    found = experiment.looks(shuffled, metrics)
    assert found["metric"].tolist() == ["click rate"] * 8 + ["clicks"] * 8
    for day in (0, 3, 7):
        then = table[table["day"] <= day]
        summed = then.groupby("user_id").agg(
            arm=("arm", "first"), clicks=("clicks", "sum"), requests=("requests", "sum"), before=("before", "first")
        )
        alone = experiment.effects(summed.reset_index(), metrics).frame
        rows = found[found["day"] == day]
        for name in ("effect", "standard_error", "p_value", "units_control"):
            assert rows[name].to_numpy() == pytest.approx(alone[name].to_numpy(), rel=1e-9)
        assert rows["rows"].tolist() == [len(then)] * 2


def test_several_treatments_are_looked_at_each_with_its_own_rows():
    table = joining()
    table.loc[table["user_id"] % 3 == 0, "arm"] = "other"
    found = experiment.looks(table, METRICS[:1])
    for arm in ("other", "treatment"):
        rows = found[found["arm"] == arm]["rows"].tolist()
        kept = table[table["arm"].isin(["control", arm])]
        assert rows == (kept.groupby("day").size().cumsum()).tolist()
    valid = experiment.always_valid(found, planned=2_700)
    for arm in ("other", "treatment"):
        alone = experiment.always_valid(found[found["arm"] == arm], planned=2_700)
        assert valid[valid["arm"] == arm]["p_value"].tolist() == alone["p_value"].tolist()


def correlations(table, metrics):
    """How looks go together, over metrics that are each an A/A test of its own; and what their shares let expect."""
    found = experiment.looks(table, metrics)
    looks = len(found) // len(metrics)
    z = (found["effect"] / found["standard_error"]).to_numpy().reshape(-1, looks)
    share = found["rows"].to_numpy()[:looks]
    expected = np.sqrt(np.minimum.outer(share, share) / np.maximum.outer(share, share))
    return np.corrcoef(z.T), expected


def test_looks_at_means_ratios_and_adjusted_means_go_together_as_the_boundaries_assume():
    rng = np.random.default_rng(0)
    table = joining(600, 5)[["user_id", "day", "arm"]]
    many = range(300)
    kind = rng.normal(size=(600, 300))
    columns = {"value": rng.exponential(size=kind.shape) + kind, "before": kind + rng.normal(size=kind.shape)}
    columns["requests"] = 1 + rng.poisson(3, kind.shape)
    columns["clicks"] = rng.binomial(columns["requests"], rng.beta(2, 5, kind.shape))
    table = pd.concat([table, *(pd.DataFrame(drawn).add_prefix(name) for name, drawn in columns.items())], axis=1)
    for metrics in (
        [Mean(f"{at}", f"value{at}") for at in many],
        [Mean(f"{at}", f"value{at}", covariate=f"before{at}") for at in many],
        [Ratio(f"{at}", f"clicks{at}", f"requests{at}") for at in many],
    ):
        found, expected = correlations(table, metrics)
        assert found == pytest.approx(expected, abs=0.12)


def test_looks_at_the_same_users_again_go_together_at_least_so_much():
    rng = np.random.default_rng(0)
    table = daily(150, 4)[["user_id", "day", "arm", "requests"]]
    rate = rng.beta(0.5, 1, (150, 150))
    clicks = rng.binomial(table["requests"].to_numpy()[:, None], rate[table["user_id"]])
    table = pd.concat([table, pd.DataFrame(clicks).add_prefix("clicks")], axis=1)
    ratios, expected = correlations(table, [Ratio(f"{at}", f"clicks{at}", "requests") for at in range(150)])
    sums, _ = correlations(table, [Mean(f"{at}", f"clicks{at}") for at in range(150)])
    for found in (ratios, sums):
        assert (found > expected - 0.1).all()
        assert (found - expected)[0, -1] > 0.1


def test_the_always_valid_interval_and_p_value_are_those_of_the_boundary():
    each = experiment.looks(joining(effect=0.2, seed=1), METRICS[:1])
    found = experiment.always_valid(each, planned=2_000)
    share = each["rows"].to_numpy() / 2_000
    height = experiment.always_valid_boundary(share)
    assert found["share"].tolist() == pytest.approx(share.tolist())
    assert found["boundary"].tolist() == pytest.approx(height.tolist())
    assert found["low"].to_numpy() == pytest.approx(each["effect"] - height * each["standard_error"])
    assert found["high"].to_numpy() == pytest.approx(each["effect"] + height * each["standard_error"])
    stop = int(np.argmax(np.abs(each["effect"] / each["standard_error"]) >= height))
    assert found["rejected"].tolist() == [False] * stop + [True] * (10 - stop)
    assert (found["rejected"] == (found["p_value"] <= 0.05)).all()
    assert 0 < stop < 9
    strict = experiment.always_valid(each, planned=2_000, level=0.999)
    assert (strict["low"] < found["low"]).all()


def test_the_group_sequential_interval_is_that_of_the_boundary_and_passing_the_end_counts_as_the_end():
    each = experiment.looks(joining(), METRICS[:1])
    height = experiment.group_sequential_boundary(np.arange(1, 11) / 10)
    found = experiment.group_sequential(each, planned=4_000)
    assert found["boundary"].tolist() == pytest.approx(height.tolist())
    assert found["low"].to_numpy() == pytest.approx(each["effect"] - height * each["standard_error"])
    assert found["p_value"].isna().all()
    late = experiment.group_sequential(each, planned=3_900)
    assert np.isfinite(late["boundary"]).all()
    assert late["share"].iloc[-1] > 1
    with pytest.raises(ValueError, match="a look follows on the one at which the plan had ended"):
        experiment.group_sequential(each, planned=3_500)
    strict = experiment.group_sequential(each, planned=4_000, level=0.99)
    assert (strict["boundary"] > found["boundary"]).all()


def test_units_count_where_there_are_no_rows():
    each = experiment.effects_by(joining(), METRICS[:1], "day", cumulative=True)
    with_rows = experiment.looks(joining(), METRICS[:1])
    for function in (experiment.always_valid, experiment.group_sequential):
        assert function(each, planned=4_000)["low"].tolist() == function(with_rows, planned=4_000)["low"].tolist()


def test_a_look_without_an_effect_rejects_nothing_and_what_was_rejected_stays_so():
    each = pd.DataFrame({"effect": [np.nan, 9.0, 0.0], "standard_error": [np.nan, 1.0, 1.0], "rows": [10, 50, 100]})
    for function in (experiment.always_valid, experiment.group_sequential):
        found = function(each, planned=100)
        assert found["rejected"].tolist() == [False, True, True]
        assert np.isnan(found["low"].iloc[0])
        assert len(function(each[:1], planned=100)) == 1
    same = each.assign(standard_error=0.0)
    assert not experiment.always_valid(same, planned=100)["rejected"].any()
    assert not experiment.always_valid(same, planned=100)["p_value"].notna().any()


def test_the_first_look_of_which_an_arm_has_nobody_is_left_out_or_has_no_effect():
    table = joining()
    single = experiment.looks(table[(table["day"] > 0) | (table["arm"] == "control")], METRICS[:1])
    assert single["effect"].isna().tolist() == [True] + [False] * 9
    again = daily()
    early = again["user_id"].isin(again[(again["day"] == 0) & (again["arm"] == "treatment")]["user_id"])
    found = experiment.looks(again[~early], [Ratio("click rate", "clicks", "requests")])
    assert found["day"].tolist() == list(range(1, 8))


def test_a_test_that_is_always_valid_covers_the_effect_at_all_looks_together():
    table = joining(500, 10)[["user_id", "day", "arm"]]
    values = (
        np.random.default_rng(0).exponential(size=(500, 300)) + 0.5 * (table["arm"] == "treatment").to_numpy()[:, None]
    )
    table = pd.concat([table, pd.DataFrame(values).add_prefix("value")], axis=1)
    each = experiment.looks(table, [Mean(f"{at}", f"value{at}") for at in range(300)])
    valid = experiment.always_valid(each, planned=500)

    def missed(found):
        return ((found["low"] > 0.5) | (found["high"] < 0.5)).groupby(found["metric"]).any().mean()

    assert missed(each) == pytest.approx(experiment.peeking_error(10), abs=0.05)
    assert missed(valid) < 0.03


def test_simulated_a_a_tests_are_called_significant_as_often_as_computed():
    found = experiment.false_alarms(4_000, looks=50, seed=1)
    assert found["naive"] == pytest.approx(experiment.peeking_error(50), abs=0.03)
    assert found["group_sequential"] == pytest.approx(0.05, abs=0.011)
    share = np.arange(1, 101) / 50
    height = experiment.always_valid_boundary(share)
    assert found["always_valid"] == pytest.approx(experiment.crossing(height[:50], share[:50]).sum(), abs=0.006)
    assert found["always_valid_twice"] == pytest.approx(experiment.crossing(height, share).sum(), abs=0.007)
    strict = experiment.false_alarms(1_000, looks=10, level=0.999)
    assert max(strict.values()) < 0.03


@pytest.mark.parametrize("looks", [1, 2, 5, 20, 100, 500])
def test_the_always_valid_test_calls_at_most_five_per_cent_of_a_a_tests_significant_at_any_number_of_looks(looks):
    found = experiment.false_alarms(2_000, looks=looks, units=10 if looks > 100 else 40)
    assert found["always_valid"] <= 0.05
    assert found["always_valid_twice"] <= 0.05


def test_simulated_experiments_do_not_depend_on_how_many_are_in_memory(monkeypatch):
    whole = experiment.false_alarms(300, looks=5)
    monkeypatch.setattr("mlsd_lib.online.experiment.sequential._AT_ONCE", 1)
    assert experiment.false_alarms(300, looks=5) == whole
    assert experiment.false_alarms(300, looks=5, seed=1) != whole


def test_unsound_tables_and_settings_are_refused():
    table = daily()
    again = pd.concat([table, table.head(2)])
    with pytest.raises(ValueError, match="user_id, day of an earlier row again in 2 rows"):
        experiment.looks(again, METRICS[2:])
    mixed = table.copy()
    mixed.loc[mixed.index[-1], "arm"] = "control" if mixed["arm"].iloc[-1] == "treatment" else "treatment"
    other = mixed["user_id"].iloc[-1]
    assert (mixed["user_id"] == other).sum() > 1
    with pytest.raises(ValueError, match=f"1 unit is in two arms .first: user_id={other}[)]"):
        experiment.looks(mixed, METRICS[2:])
    for missing in ("arm", "day"):
        with pytest.raises(ValueError, match=f"column '{missing}' is missing"):
            experiment.looks(table.drop(columns=missing), METRICS[2:])
    with pytest.raises(ValueError, match="clicks is missing in 1 row"):
        experiment.looks(table.assign(clicks=table["clicks"].where(table.index != 3)), METRICS[2:])
    with pytest.raises(ValueError, match="no look has a unit in 'control' and one in another arm"):
        experiment.looks(table[table["arm"] == "control"], METRICS[2:])

    each = experiment.looks(joining(), METRICS[:1])
    for function in (experiment.always_valid, experiment.group_sequential):
        name = function.__name__
        for planned in (0, -5, np.nan, np.inf):
            with pytest.raises(ValueError, match=f"{name}: planned is {planned}"):
                function(each, planned=planned)
        with pytest.raises(ValueError, match=f"{name}: level is 0"):
            function(each, planned=100, level=0)
        with pytest.raises(ValueError, match=f"{name}: column 'effect' is missing"):
            function(each.drop(columns="effect"), planned=100)
        with pytest.raises(ValueError, match="column 'units_control' is missing"):
            function(each[["effect", "standard_error"]], planned=100)
        for wrong in (each[::-1], pd.concat([each, each.tail(1)])):
            with pytest.raises(ValueError, match=f"{name}: rows do not grow from look to look"):
                function(wrong, planned=10_000)
    for wrong in ({"experiments": 0}, {"looks": 0}, {"units": 1}):
        with pytest.raises(ValueError, match="false_alarms: experiments="):
            experiment.false_alarms(**wrong)


def test_looks_do_not_change_the_table():
    table = daily()
    before = table.copy()
    experiment.looks(table, METRICS[2:])
    pd.testing.assert_frame_equal(table, before)
