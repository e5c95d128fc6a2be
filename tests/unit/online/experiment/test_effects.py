import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from mlsd_lib.online.experiment import Mean, Ratio, effects, effects_by, moments
from tests.unit.online.experiment.people import people

FIELDS = ["control", "treatment", "effect", "low", "high", "relative", "relative_low", "relative_high", "p_value"]
METRICS = {
    "revenue": Mean("revenue", "revenue"),
    "revenue, covariate": Mean("revenue, covariate", "revenue", covariate="revenue_before"),
    "click rate": Ratio("click rate", "clicks", "requests"),
    "click rate, covariate": Ratio(
        "click rate, covariate", "clicks", "requests", covariate=("clicks_before", "requests_before")
    ),
    "click rate, one covariate": Ratio("click rate, one covariate", "clicks", "requests", covariate="clicks_before"),
}
# tea-tasting 1.14 on people(), its column arm renamed to variant: Experiment({name: Mean("revenue", "revenue_before")
# or RatioOfMeans("clicks", "requests", "clicks_before", "requests_before")}).analyze(table, control="control")
THEIRS = {
    "revenue": (
        *(1.846673224, 1.902395726, 0.05572250245, -0.7160181073, 0.8274631122),
        *(0.03017453317, -0.317959729, 0.5560071948, 0.8870958246),
    ),
    "revenue, covariate": (
        *(1.806013835, 1.965991181, 0.1599773458, -0.5556366665, 0.8755913582),
        *(0.08858035456, -0.2556682598, 0.5920417258, 0.6602399909),
    ),
    "click rate": (
        *(0.4492063492, 0.4827586207, 0.03355227148, -0.09269526836, 0.1597998113),
        *(0.07469233581, -0.1818413055, 0.411662095, 0.6013430031),
    ),
    "click rate, covariate": (
        *(0.4472719934, 0.4861321742, 0.03886018073, -0.08649969852, 0.16422006),
        *(0.08688266043, -0.1710025239, 0.42499097, 0.5422885913),
    ),
    "click rate, one covariate": (
        *(0.446859564, 0.4864292334, 0.03956966941, -0.08575380002, 0.1648931388),
        *(0.08855057067, -0.1696167041, 0.4269823957, 0.5348244062),
    ),
}
# the same with confidence_level=0.8
AT_80 = (0.4472719934, 0.4861321742, 0.03886018073, -0.04295563015, 0.1206759916, 0.08688266043, -0.08922505054)


@pytest.mark.parametrize("name", METRICS)
def test_every_number_is_that_of_the_reference_implementation(name):
    ours = effects(people(), list(METRICS.values())).of(name)
    assert [ours[field] for field in FIELDS] == pytest.approx(THEIRS[name], rel=1e-9)


def test_at_another_level_too():
    ours = effects(people(), [METRICS["click rate, covariate"]], level=0.8).of("click rate, covariate")
    assert [ours[field] for field in FIELDS[:7]] == pytest.approx(AT_80, rel=1e-9)


def test_a_mean_is_compared_as_scipy_compares_it():
    table = people()
    control, treatment = (table.loc[table["arm"] == arm, "revenue"] for arm in ("control", "treatment"))
    right = stats.ttest_ind(treatment, control, equal_var=False)
    found = effects(table, [METRICS["revenue"]]).of("revenue")
    assert (found["p_value"], found["degrees"]) == pytest.approx((right.pvalue, right.df), rel=1e-12)
    assert (found["low"], found["high"]) == pytest.approx(tuple(right.confidence_interval()), rel=1e-11)
    assert found["effect"] / found["standard_error"] == pytest.approx(right.statistic, rel=1e-12)
    assert (found["units_control"], found["units_treatment"]) == (len(control), len(treatment)) == (183, 117)
    skews = [float(stats.skew(control)), float(stats.skew(treatment))]
    assert found["skewness"] == pytest.approx(max(skews), rel=1e-10)
    assert found["needed"] == np.ceil(355 * found["skewness"] ** 2)


def test_the_skewness_of_a_ratio_is_that_of_what_its_test_averages():
    table = people()
    metric = METRICS["click rate, covariate"]
    found = effects(table, [metric]).of(metric.name)
    both = {name: table[name] for name in ("clicks", "requests", "clicks_before", "requests_before")}
    rate, earlier = (both[f"clicks{when}"].sum() / both[f"requests{when}"].sum() for when in ("", "_before"))
    linear = (both["clicks"] - rate * both["requests"]) / both["requests"].mean()
    before = (both["clicks_before"] - earlier * both["requests_before"]) / both["requests_before"].mean()
    theta = np.cov(linear, before)[0, 1] / np.var(before, ddof=1)
    of_arms = []
    for _, own in table.groupby("arm"):
        own_rate, own_earlier = (own[f"clicks{when}"].sum() / own[f"requests{when}"].sum() for when in ("", "_before"))
        value = (own["clicks"] - own_rate * own["requests"]) / own["requests"].mean()
        past = (own["clicks_before"] - own_earlier * own["requests_before"]) / own["requests_before"].mean()
        of_arms.append(float(stats.skew(value - theta * past)))
    assert found["skewness"] == pytest.approx(max(of_arms, key=abs), rel=1e-9)
    assert 0 < found["cut"] < 1


def test_a_covariate_takes_out_what_it_explains():
    rng = np.random.default_rng(1)
    before = rng.normal(size=40_000)
    table = pd.DataFrame(
        {"arm": np.tile(["control", "treatment"], 20_000), "before": before, "noise": rng.normal(size=40_000)}
    )
    table["value"] = 3 * before + table["noise"] + 0.1 * (table["arm"] == "treatment")
    plain, adjusted, other = effects(
        table,
        [
            Mean("plain", "value"),
            Mean("adjusted", "value", covariate="before"),
            Mean("other", "value", covariate="noise"),
        ],
    ).frame.itertuples()
    assert adjusted.cut == pytest.approx(0.9, abs=0.01)  # 9 of 10 parts of the variance
    assert other.cut == pytest.approx(0.1, abs=0.01)
    assert adjusted.standard_error == pytest.approx(np.sqrt(0.1) * plain.standard_error, rel=0.02)
    assert plain.cut == 0
    assert abs(adjusted.effect - 0.1) < 3 * adjusted.standard_error


def test_units_without_history_count_as_average():
    table = people()
    known = table["user_id"] % 3 != 0
    partly = table.assign(revenue_before=table["revenue_before"].where(known))
    filled = table.assign(revenue_before=table["revenue_before"].where(known, table["revenue_before"][known].mean()))
    metric = METRICS["revenue, covariate"]
    ours, right = (effects(frame, [metric]).of(metric.name) for frame in (partly, filled))
    assert ours[FIELDS].tolist() == pytest.approx(right[FIELDS].tolist(), rel=1e-10)
    nobody = effects(table.assign(revenue_before=np.nan), [metric])
    assert nobody.of(metric.name)[FIELDS].tolist() == pytest.approx(THEIRS["revenue"], rel=1e-9)
    assert nobody.of(metric.name)["cut"] == 0
    assert any("explains nothing" in note for note in nobody.notes)


def test_a_ratio_covariate_of_nobody_takes_out_nothing():
    metric = METRICS["click rate, covariate"]
    for empty in (0, np.nan):
        table = people().assign(clicks_before=empty, requests_before=empty)
        found = effects(table, [metric]).of(metric.name)
        assert found[FIELDS].tolist() == pytest.approx(THEIRS["click rate"], rel=1e-9)


def test_a_ratio_covariate_may_be_of_losses():
    table = people()
    flipped = table.assign(clicks_before=-table["clicks_before"], requests_before=-table["requests_before"])
    found = effects(flipped, [METRICS["click rate, covariate"]]).of("click rate, covariate")
    assert found[FIELDS].tolist() == pytest.approx(THEIRS["click rate, covariate"], rel=1e-9)


def test_capped_values_are_cut_before_anything_else():
    table = people()
    table.loc[0, "revenue"] = 5_000.0
    cut = table.assign(revenue=table["revenue"].clip(upper=4.0), revenue_before=table["revenue_before"].clip(upper=4.0))
    capped = effects(table, [Mean("revenue", "revenue", covariate="revenue_before", cap=4.0)]).of("revenue")
    right = effects(cut, [Mean("revenue", "revenue", covariate="revenue_before")]).of("revenue")
    pd.testing.assert_series_equal(capped, right, rtol=1e-10)
    assert effects(table, [METRICS["revenue"]]).of("revenue")["skewness"] > 10 > 3 > capped["skewness"]
    some = table["revenue_before"].where(table["user_id"] % 2 == 0)
    filled = table.assign(revenue_before=some.clip(upper=4.0).fillna(some.clip(upper=4.0).mean()))
    partly = effects(table.assign(revenue_before=some), [Mean("r", "revenue", covariate="revenue_before", cap=4.0)])
    right = effects(filled, [Mean("r", "revenue", covariate="revenue_before", cap=4.0)])
    pd.testing.assert_frame_equal(partly.frame, right.frame, rtol=1e-10)


def test_each_treatment_is_compared_with_the_control_and_not_with_the_others():
    table = people()
    table["arm"] = np.where(table["user_id"] % 3 == 0, "a new page", table["arm"])
    found = effects(table, [METRICS["revenue, covariate"], METRICS["click rate"]])
    assert found.frame["arm"].tolist() == ["a new page", "treatment"] * 2
    assert found.frame["metric"].tolist() == ["revenue, covariate"] * 2 + ["click rate"] * 2
    for metric in (METRICS["revenue, covariate"], METRICS["click rate"]):
        for arm in ("a new page", "treatment"):
            alone = effects(table[table["arm"].isin(["control", arm])], [metric]).of(metric.name)
            columns = [name for name in alone.index if name != "skewness" and name != "needed"]
            pd.testing.assert_series_equal(
                found.of(metric.name, arm)[columns], alone[columns], check_names=False, rtol=1e-10
            )
    other = effects(table, [METRICS["revenue"]], control="treatment")
    assert other.frame["arm"].tolist() == ["a new page", "control"]
    with pytest.raises(ValueError, match=r"2 rows are of 'revenue' and arm None\. There are 'revenue' of 'a new page'"):
        other.of("revenue")
    with pytest.raises(ValueError, match="0 rows are of 'clicks'"):
        other.of("clicks", "control")


def test_rows_in_any_order_and_in_blocks_of_any_size_give_the_same(monkeypatch):
    table = people()
    right = effects(table, list(METRICS.values())).frame
    for size in (7, 128, 300):
        monkeypatch.setattr(moments, "AT_ONCE", size)
        mixed = table.sample(frac=1, random_state=size)
        pd.testing.assert_frame_equal(effects(mixed, list(METRICS.values())).frame, right, rtol=1e-9)


@pytest.mark.parametrize("dtype", ["category", object, "str"])
def test_arms_may_be_of_any_type_of_text_and_numbers_of_any_type_of_number(dtype):
    table = people()
    right = effects(table, [METRICS["click rate"]]).frame
    other = table.astype({"arm": dtype, "clicks": "Int64", "requests": "float32"})
    pd.testing.assert_frame_equal(effects(other, [METRICS["click rate"]]).frame, right, rtol=1e-12)
    flags = effects(table.assign(clicked=table["clicks"] > 0), [Mean("clicked", "clicked")]).of("clicked")
    ones = effects(table.assign(clicked=(table["clicks"] > 0) * 1.0), [Mean("clicked", "clicked")]).of("clicked")
    pd.testing.assert_series_equal(flags, ones)


def test_an_unused_category_is_no_arm():
    table = people()
    table["arm"] = pd.Categorical(table["arm"], categories=["holdout", "treatment", "control"])
    assert effects(table, [METRICS["revenue"]]).of("revenue")[FIELDS].tolist() == pytest.approx(THEIRS["revenue"])


def test_large_numbers_lose_no_digits():
    table = people()
    moved = effects(table.assign(revenue=table["revenue"] + 1e9), [METRICS["revenue"]]).of("revenue")
    assert [moved[f] for f in ("effect", "low", "high", "p_value")] == pytest.approx(
        [*THEIRS["revenue"][2:5], THEIRS["revenue"][8]], rel=1e-6
    )


def test_a_sorted_table_loses_no_digits_either(monkeypatch):
    monkeypatch.setattr(moments, "_SAMPLE", 10)
    table = people(3_000).assign(revenue=lambda frame: np.where(frame["user_id"] < 300, 0.0, frame["revenue"] + 1e8))
    late = table[table["user_id"] >= 300]
    right = stats.ttest_ind(
        *(late.loc[late["arm"] == arm, "revenue"] - 1e8 for arm in ("treatment", "control")), equal_var=False
    )
    late = effects_by(table.assign(late=table["user_id"] >= 300), [METRICS["revenue"]], "late").loc[1]
    assert late["p_value"] == pytest.approx(right.pvalue, rel=1e-6)


def test_a_mildly_skewed_metric_has_no_rule():
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"arm": ["control", "treatment"] * 100, "x": rng.gamma(8, size=200)})
    found = effects(table, [Mean("x", "x")])
    assert 100 < found.of("x")["needed"] < 355
    assert found.notes == ()


def test_groups_are_compared_each_by_itself():
    table = people()
    table["country"] = np.array(["se", "fi", "dk"])[table["user_id"] % 3]
    by = effects_by(table, list(METRICS.values()), "country")
    assert by["country"].tolist() == ["dk", "fi", "se"] * 5
    for (country, metric), row in by.set_index(["country", "metric"]).iterrows():
        alone = effects(table[table["country"] == country], [METRICS[metric]]).of(metric)
        assert row[FIELDS].tolist() == pytest.approx(alone[FIELDS].tolist(), rel=1e-9, nan_ok=True)
        assert (row["units_control"], row["units_treatment"]) == (alone["units_control"], alone["units_treatment"])


def test_a_look_sees_everybody_up_to_its_day():
    table = people()
    table["day"] = (table["user_id"] * 7) % 5 + 1
    metrics = [METRICS["revenue, covariate"], METRICS["click rate"]]
    looks = effects_by(table, metrics, "day", cumulative=True)
    assert looks["day"].tolist() == [1, 2, 3, 4, 5] * 2
    for _, look in looks.iterrows():
        alone = effects(table[table["day"] <= look["day"]], metrics).of(look["metric"])
        assert look[FIELDS].tolist() == pytest.approx(alone[FIELDS].tolist(), rel=1e-9, nan_ok=True)


def test_a_group_without_an_arm_has_no_effect_and_harms_no_other():
    table = people()
    table["day"] = np.where(table["user_id"] < 3, 0, 1)
    table.loc[table["user_id"] < 3, "arm"] = "control"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        by = effects_by(table, [METRICS["revenue"]], "day")
    assert by.loc[0, ["effect", "low", "p_value", "relative"]].isna().all()
    assert (by.loc[0, "units_control"], by.loc[0, "units_treatment"]) == (3, 0)
    assert np.isfinite(by.loc[1, "p_value"])
    table.loc[0, "arm"] = "treatment"
    alone = effects_by(table, [METRICS["revenue"]], "day").loc[0]
    assert alone[["effect", "standard_error", "low", "high", "p_value", "relative", "relative_low"]].isna().all()
    assert (alone["units_control"], alone["units_treatment"]) == (2, 1)
    last = effects_by(table, [METRICS["revenue"]], "day", cumulative=True).loc[1, "effect"]
    assert last == pytest.approx(effects(table, [METRICS["revenue"]]).of("revenue")["effect"])


@pytest.mark.parametrize(("value", "other"), [(0, 0), (0.1, 0.1), (0.1, 0.3), (1e9 / 3, 1e9 / 3)])
def test_a_constant_metric_has_no_test_and_says_so(value, other):
    table = people()
    table["revenue"] = np.where(table["arm"] == "control", value, other)
    found = effects(table, [METRICS["revenue"]])
    row = found.of("revenue")
    assert row["standard_error"] == 0
    assert row["effect"] == pytest.approx(other - value)
    assert row[["low", "high", "p_value", "skewness"]].isna().all()
    assert row["needed"] == 0
    assert len(found.notes) == 1
    assert found.notes[0].startswith("revenue, treatment: no unit differs from another of its arm")
    assert str(found).endswith(found.notes[0])


def test_a_constant_ratio_has_no_test_either():
    table = people().assign(clicks=lambda frame: 3 * frame["requests"])
    row = effects(table, [METRICS["click rate"]]).of("click rate")
    assert (row["control"], row["standard_error"]) == (pytest.approx(3.0), 0)
    assert np.isnan(row["p_value"])


def test_one_constant_arm_is_still_compared_as_scipy_does():
    table = people()
    table.loc[table["arm"] == "control", "revenue"] = 1.0
    treated = table.loc[table["arm"] == "treatment", "revenue"]
    right = stats.ttest_1samp(treated, 1.0)
    assert effects(table, [METRICS["revenue"]]).of("revenue")["p_value"] == pytest.approx(right.pvalue)


def test_ten_users_get_an_answer_and_a_warning():
    found = effects(people(10), [METRICS["revenue"]])
    assert np.isfinite(found.of("revenue")["p_value"])
    few = int(min(found.frame.loc[0, ["units_control", "units_treatment"]]))
    assert found.notes[0] == f"revenue, treatment: {few} units in an arm are too few for a t-test; have at least 20."


def test_a_skewed_metric_says_how_many_units_it_needs():
    table = people()
    table.loc[5, "revenue"] = 1_000.0
    found = effects(table, [METRICS["revenue"], METRICS["click rate"]])
    needed = found.of("revenue")["needed"]
    assert needed > 10_000
    assert [note for note in found.notes if note.startswith("revenue")] == [
        f"revenue, treatment: its skewness of {found.of('revenue')['skewness']:.1f} takes {needed:,} units an arm, and "
        "one has 117: the interval may miss more often than it says. Cap the value, or wait."
    ]


def test_a_denominator_that_is_hardly_known_is_told():
    table = people()
    table["requests"] = np.where(table["user_id"] % 10 == 0, 50, 0)
    notes = effects(table, [METRICS["click rate"]]).notes
    assert any("the mean of its denominator requests is known to no better than 10%" in note for note in notes)


def test_a_covariate_that_the_treatment_changes_is_told():
    table = people()
    table.loc[table["arm"] == "treatment", "revenue_before"] += 3.0
    notes = effects(table, [METRICS["revenue, covariate"]]).notes
    means = table.groupby("arm")["revenue_before"].mean()
    assert notes[-1] == (
        "revenue, covariate, treatment: its covariate revenue_before differs between the arms by more than chance "
        f"({means['control']:g} and {means['treatment']:g}): the treatment changes it, or the arms are of different "
        "people."
    )
    assert not any("its covariate" in note for note in effects(people(), list(METRICS.values())).notes)


def test_where_the_control_may_be_0_there_is_no_relative_interval():
    table = people()
    table["revenue"] -= table["revenue"][table["arm"] == "control"].mean() - 0.5
    found = effects(table, [METRICS["revenue"]]).of("revenue")
    assert found["control"] / found["standard_error"] < 4
    assert np.isnan(found["relative_low"])
    assert np.isnan(found["relative_high"])
    assert np.isfinite(found["low"])


def test_losses_have_relative_effects_too():
    table = people()
    gains, losses = (
        effects(table.assign(revenue=sign * table["revenue"]), [METRICS["revenue"]]).of("revenue") for sign in (1, -1)
    )
    for name in ("relative", "relative_low", "relative_high"):
        assert losses[name] == pytest.approx(gains[name])


def put(column, row, value):
    """A table with one other value."""
    return lambda table: table.assign(**{column: table[column].where(np.arange(len(table)) != row, value)})


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        (put("revenue", 9, np.inf), r"revenue is infinite \(first: row 9, inf\), and one such unit is the whole mean"),
        (
            lambda t: t.assign(revenue=t["revenue"].where(t["user_id"] < 200, -np.inf)),
            r"first: row 200, -inf; 100 rows of the 300 from row 0 on",
        ),
        (put("revenue", 9, np.nan), r"revenue is missing \(first: row 9, nan\), and a unit that did nothing has"),
        (lambda t: t.assign(revenue_before=np.inf), "revenue_before is infinite"),
        (put("requests", 4, -2), r"requests is negative \(first: row 4, -2\), and nothing can be divided"),
        (
            lambda t: t.assign(requests=t["requests"].where(t["arm"] != "treatment", 0)),
            "requests, the denominator of 'click rate', is 0 for all units of arm 'treatment'",
        ),
        (lambda t: t.drop(columns="clicks"), "column 'clicks' is missing"),
        (lambda t: t.assign(clicks="three"), "clicks is of the type .*, and numbers were expected"),
        (lambda t: t.drop(columns="arm"), "expected a frame with a row a unit and the column 'arm'"),
        (lambda t: t["revenue"], "expected a frame with a row a unit and the column 'arm'"),
        (lambda t: t[t["arm"] == "control"], r"arm 'control' has all of the units \(arms there: control\)"),
        (lambda t: t[t["arm"] == "treatment"], r"arm 'control' has no units \(arms there: treatment\)"),
        (lambda t: t[:0], "the table has no row"),
        (put("arm", 7, None), r"1 rows have no arm \(first: row 7\)"),
        (put("arm", 7, ""), "an arm is named ''"),
        (lambda t: t.assign(arm=t["user_id"] % 2), "an arm is named 0"),
        (lambda t: t.assign(user_id=t["user_id"] // 2), r"150 rows repeat a user_id \(first: 0\)"),
        (lambda t: put("user_id", 5, "4")(t.astype({"user_id": str})), r"1 rows repeat a user_id \(first: '4'\)"),
        (lambda t: t[(t["arm"] == "control") | (t.index == 3)], "arm 'treatment' has 1 unit"),
    ],
)
def test_what_cannot_be_compared_is_refused_by_name(broken, told):
    metrics = [METRICS["revenue, covariate"], METRICS["click rate"]]
    with pytest.raises(ValueError, match=told):
        effects(broken(people()), metrics)


def test_the_first_wrong_row_is_counted_over_all_blocks(monkeypatch):
    monkeypatch.setattr(moments, "AT_ONCE", 50)
    table = people()
    table.loc[199, "revenue"] = np.nan
    with pytest.raises(ValueError, match=r"revenue is missing \(first: row 199, nan\)"):
        effects(table, [METRICS["revenue"]])


def test_settings_are_checked():
    table = people()
    with pytest.raises(ValueError, match="0 metrics"):
        effects(table, [])
    with pytest.raises(ValueError, match=r"2 metrics \(revenue, revenue\); give at least one, each its own name"):
        effects(table, [METRICS["revenue"], Mean("revenue", "clicks")])
    for level in (0, 1, 1.5):
        with pytest.raises(ValueError, match="level is"):
            effects(table, [METRICS["revenue"]], level=level)
    with pytest.raises(ValueError, match="column 'day' is missing"):
        effects_by(table, [METRICS["revenue"]], "day")
    with pytest.raises(ValueError, match=r"1 rows have no day \(first: row 3\)"):
        effects_by(table.assign(day=np.where(table["user_id"] == 3, np.nan, 1.0)), [METRICS["revenue"]], "day")


def test_rows_that_are_no_units_are_compared_only_if_nobody_says_whose_they_are():
    """The mistake that makes intervals too narrow takes a decision: to drop the column of units."""
    twice = pd.concat([people(), people()])
    with pytest.raises(ValueError, match="rows repeat a user_id"):
        effects(twice, [METRICS["revenue"]])
    narrow = effects(twice.drop(columns="user_id"), [METRICS["revenue"]]).of("revenue")
    right = effects(people(), [METRICS["revenue"]]).of("revenue")
    assert narrow["standard_error"] == pytest.approx(right["standard_error"] / np.sqrt(2), rel=0.01)


def test_a_metric_is_read_from_the_columns_that_it_names():
    metric = Ratio("r", "a", "b", covariate=["c", "d"])
    assert metric.covariate == ("c", "d")
    assert [(c.name, c.role) for c in metric.columns] == [
        ("a", "value"),
        ("b", "denominator"),
        ("c", "covariate"),
        ("d", "covariate's denominator"),
    ]
    assert (Mean("m", "a").better, Mean("m", "a", better="lower").better) == ("higher", "lower")


@pytest.mark.parametrize(
    ("act", "told"),
    [
        (lambda: Mean("", "a"), "metric: its name is ''"),
        (lambda: Mean("m", 3), "metric 'm': a column is 3"),
        (lambda: Mean("m", "a", covariate=""), "metric 'm': a column is ''"),
        (lambda: Mean("m", "a", better="more"), "better is 'more'; expected 'higher' or 'lower'"),
        (lambda: Mean("m", "a", cap=np.inf), "cap is inf"),
        (lambda: Mean("m", "a", cap=np.nan), "cap is nan"),
        (lambda: Ratio("r", "a", "b", covariate=("c", "d", "e")), "expected a column, or a pair of two"),
        (lambda: Ratio("r", "a", None), "a column is None"),
        (lambda: Ratio(3, "a", "b"), "its name is 3"),
    ],
)
def test_a_metric_that_is_none_is_refused(act, told):
    with pytest.raises(ValueError, match=told):
        act()
