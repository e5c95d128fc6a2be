"""Quality by group: against SciPy, scikit-learn, simulation, and groups that have nothing to judge."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t, ttest_ind
from sklearn.metrics import roc_auc_score

from mlsd_lib.offline import selection
from mlsd_lib.worlds import chance


def values(rows=600, gap=0.0, seed=0):
    number = np.arange(rows)
    group = np.array(["de", "en", "fi"])[number % 3]
    return pd.Series(0.5 + 0.2 * chance.normal(seed, "value", number) + gap * (group == "fi")), group


def test_each_group_is_compared_with_everybody_else_as_scipy_does():
    score, group = values(gap=-0.03)
    found = selection.by_group(score, group).set_index("group")
    for name in ("de", "en", "fi"):
        own, rest = score[group == name], score[group != name]
        row = found.loc[name]
        theirs = ttest_ind(own, rest, equal_var=False)
        interval = theirs.confidence_interval(0.95)
        assert row["value"] == pytest.approx(own.mean())
        assert row["gap"] == pytest.approx(own.mean() - rest.mean())
        assert [row["gap_low"], row["gap_high"]] == pytest.approx([interval.low, interval.high], rel=1e-6)
        low, high = t.interval(0.95, len(own) - 1, own.mean(), own.std() / np.sqrt(len(own)))
        assert [row["low"], row["high"]] == pytest.approx([low, high])
    p = [ttest_ind(score[group == name], score[group != name], equal_var=False).pvalue for name in found.index]
    assert found["p"].tolist() == pytest.approx(selection.holm(p).tolist())
    assert found["value"].is_monotonic_increasing
    assert found["note"].tolist() == [""] * 3
    assert found["requests"].tolist() == found["counted"].tolist() == [200] * 3


def test_no_gap_is_seldom_called_real_and_a_large_one_always():
    false = [selection.by_group(*values(seed=seed))["real"].any() for seed in range(200)]
    assert np.mean(false) == pytest.approx(0.05, abs=0.05)
    found = selection.by_group(*values(gap=-0.2)).set_index("group")
    assert found["real"]["fi"]
    assert found.index[0] == "fi"
    assert found["gap"]["fi"] == pytest.approx(-0.2, abs=0.05)


def test_a_group_without_any_value_is_said_and_not_lost():
    score = pd.Series([0.5, 0.7, 0.2, 0.4, np.nan, np.nan, 0.3])
    found = selection.by_group(score, ["a", "a", "b", "b", "c", "c", "d"])
    assert found["group"].tolist() == ["d", "b", "a", "c"]
    assert found["requests"].tolist() == [1, 2, 2, 2]
    assert found["counted"].tolist() == [1, 2, 2, 0]
    assert found["note"].tolist() == ["only 1 value", "only 2 values", "only 2 values", "none of 2 rows has a value"]
    assert found["value"].tolist()[:3] == pytest.approx([0.3, 0.3, 0.6])
    assert found["low"].isna().tolist() == [True, False, False, True]
    assert found["gap"].isna().tolist() == [False, False, False, True]
    assert found["p"].isna().tolist() == [True, False, False, True]
    assert not found["real"].any()


def test_thirty_values_need_no_note():
    score = pd.Series(chance.uniform(0, "v", np.arange(59)))
    found = selection.by_group(score, ["a"] * 30 + ["b"] * 29).set_index("group")
    assert found["note"].to_dict() == {"a": "", "b": "only 29 values"}


def test_values_that_do_not_vary_have_a_certain_gap_or_none():
    same = selection.by_group(pd.Series([0.5] * 8), ["a", "b"] * 4)
    assert same["p"].tolist() == [1.0, 1.0]
    assert same["gap"].tolist() == [0.0, 0.0]
    apart = selection.by_group(pd.Series([0.5, 0.25] * 4), ["a", "b"] * 4)
    assert apart["p"].tolist() == [0.0, 0.0]
    assert apart["real"].all()
    assert apart["gap_low"].tolist() == apart["gap_high"].tolist() == [-0.25, 0.25]


def test_one_group_alone_has_nobody_to_be_compared_with():
    found = selection.by_group(pd.Series([0.1, 0.2, 0.3]), ["a"] * 3)
    assert found["value"].tolist() == pytest.approx([0.2])
    assert np.isnan(found["gap"][0])
    assert not found["real"][0]


def test_requests_of_one_query_count_as_one_observation():
    query = np.repeat(np.arange(80), 10)
    group = np.where(query % 2, "short", "long")
    score = pd.Series(chance.normal(0, "query", query) + 0.1 * chance.normal(0, "row", np.arange(800)))
    alone = selection.by_group(score, group).set_index("group")
    whole = selection.by_group(score, group, unit=query).set_index("group")
    means = score.groupby(query).mean()
    theirs = ttest_ind(means[1::2], means[::2], equal_var=False)
    interval = theirs.confidence_interval(0.95)
    assert whole.loc["short", ["gap_low", "gap_high"]].tolist() == pytest.approx([interval.low, interval.high])
    assert whole.loc["short", "p"] == pytest.approx(min(2 * theirs.pvalue, 1))
    assert (whole["gap_high"] - whole["gap_low"] > 2.5 * (alone["gap_high"] - alone["gap_low"])).all()
    assert whole["counted"].tolist() == [400, 400]
    named = selection.by_group(score, group, unit=[f"q{one}" for one in query]).set_index("group")
    assert named["low"].to_dict() == pytest.approx(whole["low"].to_dict())


def test_a_unit_in_both_groups_blurs_no_gap():
    user = np.repeat(np.arange(100), 2)
    group = np.tile(["phone", "desk"], 100)
    likes = chance.normal(0, "likes", user)
    score = pd.Series(likes + 0.1 * (group == "desk") + 0.01 * chance.normal(0, "row", np.arange(200)))
    found = selection.by_group(score, group, unit=user).set_index("group")
    differences = score[1::2].to_numpy() - score[::2].to_numpy()
    half = (found.loc["desk", "gap_high"] - found.loc["desk", "gap_low"]) / 2
    assert half == pytest.approx(1.97 * differences.std(ddof=1) / 10, rel=0.02)
    assert found.loc["desk", "real"]
    assert not selection.by_group(score, group)["real"].any()


def test_a_group_of_one_unit_has_a_value_and_no_interval():
    score = pd.Series([0.1, 0.2, 0.6, 0.7, 0.8])
    found = selection.by_group(score, ["a", "a", "b", "b", "b"], unit=[1, 1, 2, 3, 3]).set_index("group")
    assert found["value"].tolist() == pytest.approx([0.15, 0.7])
    assert found["low"].isna().to_dict() == {"a": True, "b": False}
    assert found["gap_low"].isna().all()
    assert not found["real"].any()


def clicks(rows=900, seed=0, blind=None):
    number = np.arange(rows)
    group = np.array(["de", "en", "fi"])[number % 3]
    clicked = chance.uniform(seed, "clicked", number) < 0.3
    score = np.round(1.0 * clicked + chance.normal(seed, "score", number), 1)  # with ties
    return clicked, np.where(group == blind, 0.1 * chance.normal(seed, "blind", number), score), group


def test_auc_of_a_group_is_scikit_learns_and_its_error_is_that_of_resampling():
    clicked, score, group = clicks()
    found = selection.auc_by_group(clicked, score, group).set_index("group")
    rng = np.random.default_rng(0)
    for name in ("de", "en", "fi"):
        yes, said = clicked[group == name], score[group == name]
        row = found.loc[name]
        assert row["value"] == pytest.approx(roc_auc_score(yes, said))
        assert row["gap"] == pytest.approx(row["value"] - roc_auc_score(clicked[group != name], score[group != name]))
        drawn = rng.integers(300, size=(250, 300))
        spread = np.std([roc_auc_score(yes[some], said[some]) for some in drawn])
        assert (row["high"] - row["low"]) / 2 == pytest.approx(1.98 * spread, rel=0.18)
        assert row["positives"] == yes.sum()
        assert row["rows"] == 300


def test_a_model_that_is_blind_to_a_group_is_found_out():
    found = selection.auc_by_group(*clicks(blind="fi")).set_index("group")
    assert found.index[0] == "fi"
    assert found["real"]["fi"]
    assert found["value"]["fi"] == pytest.approx(0.5, abs=0.08)
    assert found["gap_high"]["fi"] < 0
    false = [selection.auc_by_group(*clicks(seed=seed))["real"].any() for seed in range(60)]
    assert np.mean(false) <= 0.12


def test_groups_without_positives_or_negatives_are_said():
    label = [1, 0, 1, 0] * 10 + [0, 0, 0] + [1, 1] + [1, 0]
    group = ["a"] * 40 + ["b"] * 3 + ["c"] * 2 + ["d"] * 2
    found = selection.auc_by_group(label, np.linspace(0, 1, 47), group).set_index("group")
    assert found["note"].to_dict() == {
        "a": "only 20 positives, only 20 negatives",
        "b": "no positives",
        "c": "no negatives",
        "d": "only 1 positive, only 1 negative",
    }
    assert found["value"].isna().to_dict() == {"a": False, "b": True, "c": True, "d": False}
    assert found["low"].isna().to_dict() == {"a": False, "b": True, "c": True, "d": True}
    assert found["high"]["a"] <= 1
    perfect = selection.auc_by_group([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9], ["a"] * 4)
    assert perfect[["value", "low", "high"]].to_numpy().tolist() == [[1.0, 1.0, 1.0]]


def test_the_level_widens_intervals():
    score, group = values()
    narrow, wide = (selection.by_group(score, group, level=level) for level in (0.5, 0.99))
    assert (wide["high"] - wide["low"] > 3 * (narrow["high"] - narrow["low"])).all()
    assert narrow["value"].equals(wide["value"])


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: selection.by_group(pd.Series([1.0, 2.0]), ["a"]), "2 rows and 1 groups"),
        (lambda: selection.by_group(pd.Series([1.0, 2.0]), ["a", None]), "1 rows have no group .first: row 1"),
        (lambda: selection.by_group(pd.Series([np.nan] * 2), ["a", "b"]), "none of 2 requests has a value"),
        (lambda: selection.by_group(pd.Series([1.0]), ["a"], level=1), "level is 1"),
        (lambda: selection.by_group(pd.Series([1.0, 2.0]), ["a", "b"], unit=[1]), "2 requests and 1 units"),
        (lambda: selection.by_group(pd.Series([1.0, 2.0]), ["a", "b"], unit=["q", np.nan]), "2 requests and 1 units"),
        (lambda: selection.by_group(pd.Series([1.0]), ["a"], level=0), "level is 0"),
        (lambda: selection.auc_by_group([1, 0], [0.1], ["a"]), "2 labels .true or false. and 1 scores"),
        (lambda: selection.auc_by_group([1, 2], [0.1, 0.2], ["a", "a"]), "2 labels"),
        (lambda: selection.auc_by_group([1, 0], [0.1, np.nan], ["a", "a"]), "1 scores are NaN"),
        (lambda: selection.auc_by_group([1, 0], [0.1, 0.2], ["a", np.nan]), "1 rows have no group"),
        (lambda: selection.by_group(pd.Series([1.0, 2.0]), np.array([1.0, np.nan])), "1 rows have no group"),
    ],
)
def test_unsound_groups_are_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()
