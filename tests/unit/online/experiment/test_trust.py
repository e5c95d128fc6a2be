"""Sizes of arms, corrections for many tests, and segments: against scipy, statsmodels and simulated experiments."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2_contingency, chisquare

from mlsd_lib.online import experiment
from mlsd_lib.online.experiment import Mean, Ratio, trust


def test_a_published_mismatch_is_found_with_its_published_p_value():
    found = experiment.mismatch({"control": 815_482, "treatment": 821_588})
    assert found.found
    assert found.p_value == pytest.approx(1.8e-6, abs=0.05e-6)
    assert str(found) == (
        "The arms are not as large as they should be: control 815,482 units (49.81%, expected 50.00%), treatment "
        "821,588 units (50.19%, expected 50.00%); p = 1.8e-06. Whoever is missing from an arm is not missing by "
        "chance, so its effects cannot be trusted."
    )


def test_p_values_are_those_of_the_chi_square_test_for_any_shares_and_arms():
    shares = {"a": 0.2, "b": 0.3, "c": 0.5}
    counts = {"c": 480, "a": 230, "b": 310}
    found = experiment.mismatch(pd.Series(counts), shares)
    expected = chisquare([230, 310, 480], np.array([0.2, 0.3, 0.5]) * 1_020)
    assert found.p_value == pytest.approx(expected.pvalue)
    assert found.counts == {"a": 230, "b": 310, "c": 480}
    assert found.shares == shares


def test_arms_that_were_drawn_by_their_shares_are_seldom_called_mismatched():
    rng = np.random.default_rng(0)
    p = [experiment.mismatch({"control": n, "treatment": 5_000 - n}).p_value for n in rng.binomial(5_000, 0.5, 4_000)]
    for level in (0.01, 0.05, 0.5):
        assert np.mean(np.array(p) < level) == pytest.approx(level, abs=0.02)
    assert experiment.mismatch({"control": 5_116, "treatment": 4_884}).p_value > 0.01  # 2.32 standard errors
    assert not experiment.mismatch({"control": 5_164, "treatment": 4_836}).found
    assert experiment.mismatch({"control": 5_165, "treatment": 4_835}).found  # 3.3 standard errors, p = 0.00097


def test_an_arm_without_units_is_a_mismatch_and_too_few_units_are_none():
    assert experiment.mismatch({"control": 100}).found
    assert experiment.mismatch({"control": 10}).p_value == pytest.approx(chisquare([10, 0], [5, 5]).pvalue)
    few = experiment.mismatch({"control": 9})
    assert not few.found
    assert np.isnan(few.p_value)
    assert str(few).startswith("The arms are too small to tell whether their sizes are right: control 9 units (100.00%")
    right = str(experiment.mismatch({"control": 51, "treatment": 50}))
    assert right.startswith("The arms are as large as they should be: control 51 units")
    assert right.endswith("; p = 0.92.")


def test_unsound_counts_are_refused():
    with pytest.raises(
        ValueError, match=r"counts have an arm 'new' that shares do not have \(they have control, treat"
    ):
        experiment.mismatch({"control": 10, "new": 10})
    for count in (-1, 2.5, True, "many"):
        with pytest.raises(ValueError, match=f"'control' has {count!r} units"):
            experiment.mismatch({"control": count, "treatment": 10})
    for counts in ({}, {"control": 0, "treatment": 0}):
        with pytest.raises(ValueError, match="no arm has a unit"):
            experiment.mismatch(counts)
    with pytest.raises(ValueError, match=r"the shares sum to 0\.9"):
        experiment.mismatch({"control": 10}, {"control": 0.5, "treatment": 0.4})


def test_adjusted_p_values_are_those_of_statsmodels():
    """The numbers are of statsmodels 0.15.0, multipletests(p, method="holm") and "fdr_bh", rounded to six digits."""
    p = [0.001, 0.008, 0.039, 0.041, 0.042, 0.06, 0.074, 0.205, 0.212, 0.216, 0.222, 0.251, 0.269, 0.275, 0.34]
    holm = [0.015, 0.112, 0.507, 0.507, 0.507, 0.6, 0.666, *[1.0] * 8]
    hochberg = [0.015, 0.06, 0.126, 0.126, 0.126, 0.15, 0.158571, *[0.294643] * 7, 0.34]
    order = np.random.default_rng(0).permutation(15)
    shuffled = np.array(p)[order]
    assert experiment.adjust(shuffled) == pytest.approx(np.array(holm)[order])
    assert experiment.adjust(shuffled, "benjamini-hochberg") == pytest.approx(np.array(hochberg)[order], abs=1e-6)
    assert experiment.adjust(shuffled, "none").tolist() == shuffled.tolist()


def test_missing_p_values_stay_missing_and_do_not_count():
    for how in ("holm", "benjamini-hochberg", "none"):
        found = experiment.adjust([np.nan, 0.01, 0.04], how)
        assert np.isnan(found[0])
        assert found[1:].tolist() == experiment.adjust([0.01, 0.04], how).tolist()
        assert np.isnan(experiment.adjust([np.nan], how)).all()
        assert experiment.adjust([], how).tolist() == []
        for wrong in ([1.2], [-0.1], [[0.1]]):
            with pytest.raises(ValueError, match="adjust: expected probabilities"):
                experiment.adjust(wrong, how)
    with pytest.raises(ValueError, match="how is 'bonferroni'; expected 'holm', 'benjamini-hochberg' or 'none'"):
        experiment.adjust([0.1], "bonferroni")


def test_corrections_keep_what_they_promise():
    rng = np.random.default_rng(0)
    false, share = {"holm": [], "benjamini-hochberg": [], "none": []}, []
    for _ in range(1_500):
        p = rng.uniform(size=30)
        p[:10] = p[:10] ** 8  # ten true effects
        for how, any_false in false.items():
            real = experiment.adjust(p, how) <= 0.05
            any_false.append(real[10:].any())
            if how == "benjamini-hochberg":
                share.append(real[10:].sum() / max(1, real.sum()))
    assert np.mean(false["none"]) > 0.5
    assert np.mean(false["holm"]) <= 0.06
    assert np.mean(false["benjamini-hochberg"]) > 0.06
    assert 0.02 < np.mean(share) <= 0.055


def people(n=6_000, seed=0):
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({"user_id": np.arange(n), "country": rng.choice(["FI", "NO", "SE"], n, p=[0.2, 0.3, 0.5])})
    table["arm"] = np.where(rng.uniform(size=n) < 0.5, "treatment", "control")
    better = (table["arm"] == "treatment") & (table["country"] == "NO")
    table["requests"] = 1 + rng.poisson(2, n)
    table["clicks"] = rng.binomial(table["requests"], np.where(better, 0.5, 0.4))
    return table


METRICS = [Ratio("click rate", "clicks", "requests"), Mean("requests", "requests")]


def test_a_segment_has_the_effect_that_it_has_alone_and_all_rows_are_corrected_together():
    table = people()
    found = experiment.segments(table, "country", METRICS)
    assert found[["country", "metric"]].to_numpy().tolist() == [
        [country, metric.name] for metric in METRICS for country in ("FI", "NO", "SE")
    ]
    norway = experiment.effects(table[table["country"] == "NO"], METRICS)
    for metric in METRICS:
        row = found[(found["country"] == "NO") & (found["metric"] == metric.name)].iloc[0]
        assert row["effect"] == pytest.approx(norway.of(metric.name)["effect"])
        assert row["p_value"] == pytest.approx(norway.of(metric.name)["p_value"])
    assert found["p_adjusted"].tolist() == experiment.adjust(found["p_value"]).tolist()
    assert found["real"].tolist() == [False, True, False, False, False, False]
    assert (found["note"] == "").all()
    other = experiment.segments(table, "country", METRICS, how="benjamini-hochberg", level=0.8)
    assert other["p_adjusted"].tolist() == experiment.adjust(found["p_value"], "benjamini-hochberg").tolist()
    assert other["real"].tolist() == (other["p_adjusted"] <= 0.2).tolist()
    assert (other["low"] > found["low"]).all()


def test_without_any_effect_a_corrected_segment_is_seldom_called_real():
    rng = np.random.default_rng(0)
    called = {"holm": [], "none": []}
    for _ in range(60):
        table = pd.DataFrame(
            {"arm": rng.choice(["control", "treatment"], 2_000), "group": rng.integers(12, size=2_000)}
        )
        table["value"] = rng.normal(size=2_000)
        for how, any_real in called.items():
            any_real.append(experiment.segments(table, "group", [Mean("value", "value")], how=how)["real"].any())
    assert np.mean(called["none"]) > 0.25
    assert np.mean(called["holm"]) <= 0.12


def test_a_segment_that_the_treatment_decides_is_told():
    table = people()
    table["active"] = (table["clicks"] >= 1) | ((table["arm"] == "treatment") & (table["user_id"] % 3 == 0))
    found = experiment.segments(table, "active", METRICS[1:])
    assert found["note"].str.contains("does the treatment decide who is in it").all()
    three = people()
    three.loc[three["user_id"] % 4 == 0, "arm"] = "other"
    three.loc[(three["arm"] == "other") & (three["country"] == "FI"), "country"] = "SE"
    found = experiment.segments(three, "country", METRICS[:1])
    told = found[found["note"].str.contains("other sizes")]
    assert set(told["country"]) == {"FI", "SE"}
    missing = found[(found["country"] == "FI") & (found["arm"] == "other")].iloc[0]
    assert missing["note"] == "no effect can be computed"


def test_whether_a_segment_is_split_like_the_rest_is_the_chi_square_test_of_a_table():
    sizes = np.array([[40.0, 60.0], [300.0, 320.0], [3.0, 1.0]])
    other = sizes.sum(axis=0) - sizes
    found = trust._unlike(sizes, other)
    for row in (0, 1):
        assert found[row] == pytest.approx(chi2_contingency([sizes[row], other[row]], correction=False).pvalue)
    assert np.isnan(found[2])
    few = np.array([[5.0, 5.0], [95.0, 95.0]])
    assert trust._unlike(few, few[::-1]) == pytest.approx([1.0, 1.0])


def test_a_segment_with_too_few_units_has_no_effect_and_says_so():
    table = people()
    table.loc[0, "country"] = "IS"
    found = experiment.segments(table, "country", METRICS).set_index("country")
    assert (found.loc["IS", "note"] == "no effect can be computed").all()
    assert found.loc["IS", "p_adjusted"].isna().all()
    assert not found.loc["IS", "real"].any()
    with pytest.raises(ValueError, match="1 rows have no country"):
        experiment.segments(table.assign(country=table["country"].where(table.index != 1)), "country", METRICS)
    with pytest.raises(ValueError, match="how is 'all'"):
        experiment.segments(table, "country", METRICS, how="all")
