"""What a report decides and says: on simulated experiments whose truth is known, and on every bad input."""

import numpy as np
import pandas as pd
import pytest

from mlsd_lib.online import experiment
from mlsd_lib.online.experiment import Mean, Ratio

RATE = Ratio("click rate", "clicks", "requests")
LATENCY = Ratio("latency", "waited", "requests", better="lower")
REVENUE = Mean("revenue", "revenue")
NDCG = Mean("NDCG at 10", "ndcg")
METRICS = [RATE, REVENUE, LATENCY, NDCG]


def people(n=4_000, seed=0, clicks=0.0, waits=0.0, ndcg=0.0, revenue=0.0):
    """A row a user; each argument is what the treatment adds."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({"user_id": np.arange(n), "arm": np.where(np.arange(n) % 2, "treatment", "control")})
    treated = (table["arm"] == "treatment").to_numpy()
    table["requests"] = 1 + rng.poisson(3, n)
    table["clicks"] = rng.binomial(table["requests"], 0.3 + clicks * treated)
    table["waited"] = table["requests"] * rng.normal(100 * (1 + waits * treated), 20)
    table["ndcg"] = rng.normal(0.5 + ndcg * treated, 0.1)
    table["revenue"] = rng.gamma(4, 1 + revenue * treated)
    return table


def decide(table, **settings):
    return experiment.report(table, METRICS, **({"primary": "click rate", "needed": 4_000} | settings))


def outcomes(found):
    return dict(zip(found.checks["check"], found.checks["outcome"], strict=True))


def test_a_better_primary_metric_ships():
    found = decide(people(clicks=0.04))
    assert found.verdict == "ship"
    row = found.effects.iloc[0]
    alone = experiment.effects(people(clicks=0.04), METRICS).of("click rate")
    assert (row["metric"], row["role"], row["reading"]) == ("click rate", "primary", "better")
    for name in ("effect", "low", "high", "p_value", "relative_low", "units_control"):
        assert row[name] == alone[name]
    assert found.reasons[1:3] == (
        "4,000 units are there, of 4,000 that were planned, and this is the first look.",
        f"click rate, the primary metric, is better: it rose by {alone['relative']:.2%} "
        f"({alone['relative_low']:+.2%} to {alone['relative_high']:+.2%}).",
    )


def test_a_worse_primary_metric_does_not_ship():
    found = decide(people(clicks=-0.04))
    assert found.verdict == "don't ship"
    assert found.reasons[2].startswith("click rate, the primary metric, is worse: it fell by ")
    assert decide(people(waits=-0.05), primary="latency").verdict == "ship"
    assert decide(people(waits=0.05), primary="latency").verdict == "don't ship"


def test_no_effect_with_all_planned_units_does_not_ship_and_with_fewer_keeps_running():
    found = decide(people())
    assert found.verdict == "don't ship"
    assert "shows no effect with the units it was to be shown with: it " in found.reasons[2]
    early = decide(people(), needed=4_001)
    assert early.verdict == "keep running"
    assert early.reasons[1].startswith("4,000 of 4,001 planned units are there. Until they all are, intervals and ")
    assert early.reasons[2].startswith("click rate, the primary metric, is not clear yet: it ")
    unplanned = decide(people(), needed=None)
    assert unplanned.verdict == "keep running"
    assert unplanned.reasons[1].startswith("No number of units was planned, and 4,000 are there. ")
    assert decide(people(clicks=0.04), needed=None).verdict == "ship"


def test_after_several_looks_or_before_the_plan_an_effect_must_pass_the_always_valid_interval():
    table = people(clicks=0.02)
    once = decide(table)
    row = once.effects.iloc[0]
    assert once.verdict == "ship"
    assert 0.002 < row["p_value"] < 0.05
    for settings, share in (({"looks": 5}, 1.0), ({"needed": 10_000}, 0.4)):
        found = decide(table, **settings)
        assert found.verdict == ("keep running" if share < 1 else "don't ship")
        careful = found.effects.iloc[0]
        height = experiment.always_valid_boundary(share)
        assert careful["low"] == pytest.approx(row["effect"] - height * row["standard_error"])
        assert careful["high"] == pytest.approx(row["effect"] + height * row["standard_error"])
        each = pd.DataFrame({"effect": [row["effect"]], "standard_error": row["standard_error"], "rows": 4_000})
        alone = experiment.always_valid(each, planned=4_000 / share)
        assert careful["p_value"] == pytest.approx(alone["p_value"].iloc[0])
        wider = (careful["high"] - careful["low"]) / (row["high"] - row["low"])
        ends = [np.log1p(one["relative_high"]) - np.log1p(one["relative"]) for one in (careful, row)]
        assert ends[0] / ends[1] == pytest.approx(wider)
        ends = [np.log1p(one["relative_low"]) - np.log1p(one["relative"]) for one in (careful, row)]
        assert ends[0] / ends[1] == pytest.approx(wider)


def test_a_report_says_how_often_it_was_looked_at_and_what_that_would_have_cost():
    found = decide(people(clicks=0.06), looks=5)
    assert found.verdict == "ship"
    assert found.reasons[1] == (
        "It has been looked at 5 times, with 4,000 of 4,000 planned units. Read that often, an ordinary test calls "
        "14.2% of changes that do nothing significant; intervals and p-values here allow for it."
    )
    assert found.reasons[2].endswith("%).")
    early = decide(people(clicks=0.06), needed=6_000)
    assert early.verdict == "ship"
    assert early.reasons[2].endswith("An effect that stops an experiment early is on average larger than it will be.")
    assert "looked at 2 times" in decide(people(), looks=2).reasons[1]
    assert "calls more than 37.4% of changes" in decide(people(), looks=5_000).reasons[1]
    assert "calls 37.4% of changes" in decide(people(), looks=100).reasons[1]


def test_a_report_that_is_asked_for_again_and_again_ships_luck_only_if_the_looks_are_kept_from_it():
    """Of 40 A/A experiments, those in which an ordinary test is at some look significant, and better, by chance."""
    shipped_anyway = 0
    for seed in (11, 14, 20, 25, 26, 38):
        table = people(2_000, seed=seed)
        shipped = {"kept from it": [], "told": []}
        for look in range(1, 11):
            now, settings = table.head(200 * look), {"primary": "click rate"}
            shipped["kept from it"].append(experiment.report(now, [RATE], **settings).verdict == "ship")
            told = experiment.report(now, [RATE], needed=2_000, looks=look, **settings)
            shipped["told"].append(told.verdict == "ship")
        assert any(shipped["kept from it"])
        shipped_anyway += any(shipped["told"])
    assert shipped_anyway <= 1


def test_a_guardrail_that_got_worse_does_not_ship():
    table = people(clicks=0.04, waits=0.03)
    found = decide(table, guardrails=["latency"])
    assert found.verdict == "don't ship"
    assert outcomes(found) == {
        "arm sizes": "good",
        "guardrail latency": "bad",
        "plan": "told",
        "primary metric": "good",
        "other metrics": "told",
    }
    assert found.reasons[1].startswith("The guardrail latency got worse: it rose by ")
    assert decide(table).verdict == "ship"
    faster = decide(people(clicks=0.04, waits=-0.03), guardrails=["latency"])
    assert faster.verdict == "ship"
    assert faster.reasons[1].startswith("The guardrail latency shows no harm: it fell by ")
    assert decide(people(clicks=0.04, revenue=-0.1), guardrails=["revenue"]).verdict == "don't ship"
    assert decide(people(clicks=0.04, revenue=0.1), guardrails=["revenue"]).verdict == "ship"


def test_a_tolerated_worsening_must_be_ruled_out():
    table = people(clicks=0.04, waits=0.02)
    row = experiment.effects(table, METRICS).of("latency")
    assert row["relative_low"] > 0.005
    assert row["relative_high"] < 0.05
    least, most = row["relative_low"], row["relative_high"]
    for tolerated, outcome, verdict in (
        (most * 1.01, "good", "ship"),
        (most * 0.99, "open", "keep running"),
        (least * 1.01, "open", "keep running"),
        (least * 0.99, "bad", "don't ship"),
    ):
        found = decide(table, guardrails={"latency": tolerated})
        assert outcomes(found)["guardrail latency"] == outcome
        assert found.verdict == verdict
        assert f"{tolerated:.2%} worse is tolerated" in found.reasons[1]
    fewer = people(clicks=0.04, revenue=-0.05)
    row = experiment.effects(fewer, METRICS).of("revenue")
    for tolerated, outcome in (
        (-row["relative_low"] * 1.01, "good"),
        (-row["relative_low"] * 0.99, "open"),
        (-row["relative_high"] * 0.99, "bad"),
    ):
        found = decide(fewer, guardrails={"revenue": tolerated})
        assert outcomes(found)["guardrail revenue"] == outcome
    worst = decide(people(), guardrails={"latency": 0.001})
    assert worst.verdict == "don't ship"  # the primary shows nothing, and waiting for the guardrail is idle


def test_a_guardrail_that_may_be_broken_says_how_many_units_would_show_that_it_is_not():
    table = people(1_000)
    row = experiment.effects(table, METRICS).of("latency")
    found = decide(table, needed=None, guardrails={"latency": 0.001})
    half = (row["relative_high"] - row["relative_low"]) / 2
    assert f"about {1_000 * (half / 0.001) ** 2:,.0f} units in all can show it" in found.reasons[1]
    more = people(int(1_000 * (half / 0.001) ** 2))
    wide = experiment.effects(more, METRICS).of("latency")
    assert (wide["relative_high"] - wide["relative_low"]) / 2 == pytest.approx(0.001, rel=0.1)


def test_guardrails_are_read_as_often_as_the_plan_was_looked_at():
    table = people(clicks=0.04, waits=0.012)
    once = decide(table, guardrails=["latency"])
    assert outcomes(once)["guardrail latency"] == "bad"
    assert outcomes(decide(table, guardrails=["latency"], looks=9))["guardrail latency"] == "good"


def test_arms_of_the_wrong_sizes_give_no_verdict_and_nothing_else_is_said():
    table = people(clicks=0.04)
    found = decide(table[(table["arm"] == "control") | (table["user_id"] % 9 > 0)], guardrails=["latency"])
    assert found.verdict == "no verdict"
    assert found.mismatch.found
    assert found.reasons == (str(found.mismatch),)
    assert found.reasons[0].startswith("The arms are not as large as they should be")
    assert set(found.effects["reading"]) == {"untrusted"}
    uneven = table[(table["arm"] == "control") | (table["user_id"] % 8 == 1)]
    assert not decide(uneven, shares={"control": 0.8, "treatment": 0.2}).mismatch.found
    assert decide(uneven).verdict == "no verdict"


def test_a_component_that_is_better_alone_does_not_ship_what_is_worse_in_place():
    found = decide(people(clicks=-0.04, ndcg=0.05), components=["NDCG at 10"])
    assert found.verdict == "don't ship"
    assert outcomes(found)["component NDCG at 10"] == "told"
    assert found.reasons[3].startswith("NDCG at 10 judges a part of the system: it rose by ")
    assert found.reasons[3].endswith("which is better, and click rate is worse: better in part is not better in place.")
    assert found.effects["role"].tolist() == ["primary", "component", "secondary", "secondary"]
    assert found.effects.columns[:3].tolist() == ["metric", "role", "arm"]
    nothing = decide(people(ndcg=0.05), components=["NDCG at 10"])
    assert "and click rate is not clear: better in part" in nothing.reasons[3]
    reverse = decide(people(clicks=0.04, ndcg=-0.05), components=["NDCG at 10"])
    assert reverse.verdict == "ship"
    assert reverse.reasons[3].endswith("which is worse, and click rate is better all the same.")
    both = decide(people(clicks=0.04, ndcg=0.05), components=["NDCG at 10"])
    assert both.reasons[3].endswith("), which is better.")


def test_secondary_metrics_are_corrected_for_their_number_and_decide_nothing():
    table = people(clicks=0.04, waits=0.04)
    found = decide(table)
    assert found.verdict == "ship"
    assert found.reasons[3].startswith("Other metrics, corrected for 3 being looked at: latency rose by ")
    assert found.reasons[3].endswith("which is worse.")
    others = found.effects[found.effects["role"] == "secondary"]
    assert others["p_adjusted"].tolist() == experiment.adjust(others["p_value"]).tolist()
    assert found.effects["p_adjusted"].isna().tolist() == [True, False, False, False]
    assert (
        decide(people(clicks=0.04)).reasons[3] == "Other metrics, corrected for 3 being looked at: none moved clearly."
    )
    rng = np.random.default_rng(0)
    wide = people().assign(**{f"noise{at}": rng.normal(size=4_000) for at in range(60)})
    noise = [Mean(f"noise {at}", f"noise{at}") for at in range(60)]
    many = experiment.report(wide, [RATE, *noise], primary="click rate", needed=4_000)
    assert (many.effects["p_value"] < 0.05).sum() >= 2
    assert set(many.effects["reading"]) == {"not clear"}


def test_with_several_treatments_each_interval_is_wider_and_one_is_named():
    table = people(6_000, clicks=0.04)
    table.loc[table["user_id"] % 3 == 0, "arm"] = "other"
    shares = dict.fromkeys(["control", "treatment", "other"], 1 / 3)
    found = decide(table, shares=shares, treatment="treatment")
    assert found.treatment == "treatment"
    assert found.reasons[1] == "2 treatments are compared with one control, so each interval is one of 97.50%."
    row = experiment.effects(table, METRICS, level=0.975).of("click rate", "treatment")
    assert found.effects.iloc[0]["low"] == row["low"]
    assert found.effects.iloc[0]["units_treatment"] == 2_000
    assert decide(table, shares=shares, treatment="other").treatment == "other"
    for named in (None, "new", "control"):
        with pytest.raises(ValueError, match=f"treatment is {named!r}; the treatments are treatment, other"):
            decide(table, shares=shares, treatment=named)


def test_other_names_for_arms_and_units():
    table = people(clicks=0.04).replace({"arm": {"control": "old", "treatment": "new"}})
    found = decide(
        table.rename(columns={"user_id": "who"}),
        shares={"old": 0.5, "new": 0.5},
        control="".join(["o", "ld"]),
        unit="who",
    )
    assert (found.verdict, found.treatment) == ("ship", "new")


def test_a_report_prints_as_what_one_would_read_aloud_and_as_a_table_with_headers():
    found = decide(people(clicks=0.04), guardrails={"latency": 0.05})
    text = str(found)
    assert text == repr(found)
    lines = text.splitlines()
    assert lines[0] == "Verdict: ship"
    assert lines[1 : 1 + len(found.reasons)] == [f"{n}. {told}" for n, told in enumerate(found.reasons, 1)]
    assert lines[-4].split()[:3] == ["click", "rate", "primary"]
    shown = found.frame()
    assert shown.columns.tolist() == ["metric", "role", "control", "treatment", "change", "from", "to", "p", "reading"]
    row = found.effects.iloc[0]
    assert shown.iloc[0].tolist() == [
        "click rate",
        "primary",
        f"{row['control']:.4g}",
        f"{row['treatment']:.4g}",
        f"{row['relative']:+.2%}",
        f"{row['relative_low']:+.2%}",
        f"{row['relative_high']:+.2%}",
        "< 0.001",
        "better",
    ]
    assert shown["p"].iloc[1] == f"{found.effects['p_value'].iloc[1]:.3f}"
    page = found._repr_html_()
    assert page.startswith("<p><strong>Verdict: ship</strong></p><ol><li>The arms are as large")
    assert page.count("<th>") == 9
    assert page.count("<li>") == len(found.reasons)
    assert "&lt; 0.001" in page
    odd = experiment.report(people(), [Mean("a<b", "ndcg")], primary="a<b")
    assert "a&lt;b, the primary" in odd._repr_html_()
    assert "<b" not in odd._repr_html_()


def test_an_effect_on_a_mean_near_zero_is_told_in_its_own_unit():
    table = people().assign(ndcg=lambda rows: rows["ndcg"] - rows["ndcg"].mean())
    found = decide(table, primary="NDCG at 10")
    row = found.effects.iloc[0]
    assert f"by {abs(row['effect']):.4g} ({row['low']:+.4g} to {row['high']:+.4g})" in found.reasons[2]
    assert found.frame()["change"].iloc[0] == f"{row['effect']:+.4g}"
    near = decide(table, guardrails={"NDCG at 10": 0.1})
    assert near.verdict == "no verdict"
    assert "is not clearly above 0 in the control: a share of it makes no sense" in near.reasons[1]
    assert decide(table, guardrails=["NDCG at 10"]).verdict == "don't ship"


def test_a_metric_below_zero_that_rises_is_told_to_rise():
    found = decide(people(ndcg=0.1).assign(ndcg=lambda rows: rows["ndcg"] - 3), primary="NDCG at 10")
    row = found.effects.iloc[0]
    assert row["relative_high"] < 0 < row["low"]
    assert found.verdict == "ship"
    assert f"it rose by {row['effect']:.4g} ({row['low']:+.4g} to {row['high']:+.4g})" in found.reasons[2]
    guard = decide(people(ndcg=0.1).assign(ndcg=lambda rows: rows["ndcg"] - 3), guardrails={"NDCG at 10": 0.01})
    assert guard.verdict == "no verdict"


# Bad input, one by one.


def test_an_empty_arm_is_refused():
    table = people()
    with pytest.raises(ValueError, match="arm 'control' has all of the units"):
        decide(table[table["arm"] == "control"])
    with pytest.raises(ValueError, match="arm 'control' has no units"):
        decide(table[table["arm"] == "treatment"])
    with pytest.raises(ValueError, match="the table has no row"):
        decide(table.head(0))
    shares = {"control": 0.5, "treatment": 0.25, "other": 0.25}
    missing = decide(table, shares=shares, treatment="treatment")
    assert missing.verdict == "no verdict"
    with pytest.raises(ValueError, match="arm 'other' has no units"):
        decide(table, shares=shares, treatment="other")


def test_a_user_in_two_arms_is_refused():
    table = people()
    twice = pd.concat([table, table.head(1).assign(arm="treatment")])
    with pytest.raises(ValueError, match=r"1 rows repeat a user_id \(first: 0\)"):
        decide(twice)


def test_an_unknown_or_missing_arm_is_refused():
    table = people()
    table.loc[3, "arm"] = "new"
    with pytest.raises(ValueError, match=r"mismatch: counts have an arm 'new' that shares do not have"):
        decide(table)
    table.loc[3, "arm"] = None
    with pytest.raises(ValueError, match="1 rows have no arm"):
        decide(table)
    with pytest.raises(ValueError, match="the column 'arm'"):
        decide(table.drop(columns="arm"))


def test_a_metric_that_is_all_zeros_or_constant_gives_no_verdict():
    for value in (0, 7):
        found = decide(people().assign(clicks=value, requests=1))
        assert found.verdict == "no verdict"
        assert outcomes(found)["constant metric"] == "void"
        assert found.reasons[1] == (
            f"click rate is {value} for every unit of the control and {value} for every other one: there is nothing to "
            "test. Look at how it is logged."
        )
        assert "primary metric" not in outcomes(found)
    apart = people().assign(clicks=lambda rows: (rows["arm"] == "control") * 1.0, requests=1)
    assert decide(apart).verdict == "no verdict"
    guard = decide(people(clicks=0.04).assign(revenue=0.0), guardrails=["latency", "revenue"])
    assert guard.verdict == "no verdict"
    assert guard.checks["check"].tolist()[1:3] == ["constant metric", "guardrail latency"]
    other = decide(people(clicks=0.04).assign(revenue=0.0))
    assert other.verdict == "ship"
    assert other.effects.set_index("metric").loc["revenue", "reading"] == "not clear"
    assert other.frame().set_index("metric").loc["revenue", ["change", "from", "to", "p"]].tolist() == [
        "+0",
        "",
        "",
        "",
    ]


def test_infinite_and_missing_values_are_refused():
    for value, message in ((np.inf, "revenue is infinite"), (np.nan, "revenue is missing|revenue has no")):
        table = people()
        table.loc[5, "revenue"] = value
        with pytest.raises(ValueError, match=message):
            decide(table)


def test_a_negative_or_empty_denominator_is_refused():
    table = people()
    table.loc[5, "requests"] = -1
    with pytest.raises(ValueError, match="requests is negative"):
        decide(table)
    with pytest.raises(ValueError, match="requests, the denominator of 'click rate', is 0 for all units"):
        decide(table.assign(requests=0))


def test_ten_users_keep_running():
    found = decide(people(10, clicks=0.7), needed=None, guardrails=["latency"])
    assert found.verdict == "keep running"
    assert found.reasons[1:3] == (
        "click rate has 5 units in an arm, and fewer than 20 say nothing.",
        "latency has 5 units in an arm, and fewer than 20 say nothing.",
    )
    assert set(found.effects["reading"]) == {"not clear"}
    assert decide(people(8, clicks=0.7), needed=None).reasons[0].startswith("The arms are too small")
    with pytest.raises(ValueError, match="has 1 unit, and its noise cannot be told from one"):
        decide(people(3))


def test_a_skewed_metric_keeps_running_until_it_has_the_units_that_its_skewness_takes():
    rng = np.random.default_rng(0)
    table = people().assign(revenue=lambda rows: rng.lognormal(0, 1.5, 4_000) * (1 + 2 * (rows["arm"] == "treatment")))
    found = decide(table, primary="revenue")
    row = found.effects.iloc[0]
    assert row["p_value"] < 0.001
    assert row["needed"] > 2_000
    assert found.verdict == "keep running"
    assert found.reasons[2] == (
        f"revenue has a skewness of {row['skewness']:.1f}, for which an interval holds from {row['needed']:,} units an "
        "arm on, and an arm has 2,000. Wait, or cap its largest values."
    )
    capped = [Mean("revenue", "revenue", cap=10.0)]
    assert experiment.report(table, capped, primary="revenue", needed=4_000).verdict == "ship"


def test_arms_whose_past_differs_give_no_verdict():
    rng = np.random.default_rng(0)
    table = people(clicks=0.04).assign(before=lambda rows: rng.normal(size=4_000) + 0.3 * (rows["arm"] == "treatment"))
    adjusted = [Mean("clicks", "clicks", covariate="before"), LATENCY]
    found = experiment.report(table, adjusted, primary="clicks", needed=4_000)
    assert found.verdict == "no verdict"
    assert "its covariate before differs between the arms by more than chance" in found.reasons[1]
    same = experiment.report(table.assign(before=table["requests"]), adjusted, primary="clicks", needed=4_000)
    assert same.verdict == "ship"


def test_bad_settings_are_refused():
    table = people(100)
    for settings, message in (
        (
            {"primary": "clicks"},
            r"primary 'clicks' is none of the metrics \(click rate, revenue, latency, NDCG at 10\)",
        ),
        ({"guardrails": ["speed"]}, "guardrail 'speed' is none of the metrics"),
        ({"components": ["recall"]}, "component 'recall' is none of the metrics"),
        ({"guardrails": ["click rate"]}, "'click rate' is primary and guardrail. Give it one role"),
        ({"guardrails": ["latency"], "components": ["latency"]}, "'latency' is guardrail and component"),
        ({"guardrails": "latency"}, r"guardrails is a text; pass a list of metrics: \['latency'\]"),
        ({"components": "latency"}, r"components is a text; pass a list of metrics: \['latency'\]"),
        ({"guardrails": {"latency": -0.1}}, "guardrail 'latency' tolerates -0.1"),
        ({"guardrails": {"latency": np.inf}}, "guardrail 'latency' tolerates inf"),
        ({"looks": 0}, "looks is 0"),
        ({"looks": 1.5}, "looks is 1.5"),
        ({"looks": True}, "looks is True"),
        ({"looks": 2, "needed": None}, "looked at 2 times, and no number of units was planned"),
        ({"needed": 0}, "needed is 0"),
        ({"needed": np.inf}, "needed is inf"),
        ({"level": 1.5}, "level is 1.5"),
        ({"shares": {"control": 0.5, "treatment": 0.4}}, "the shares sum to 0.9"),
        ({"treatment": "other"}, "treatment is 'other'; the treatments are treatment"),
    ):
        with pytest.raises(ValueError, match=message):
            decide(table, **settings)
