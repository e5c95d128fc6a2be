"""Labels from people: agreement against published formulas, votes against arithmetic, Dawid and Skene against truth."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom
from sklearn.metrics import cohen_kappa_score

from mlsd_lib.offline import labels
from mlsd_lib.worlds import chance
from mlsd_lib.worlds.annotators import answers


def truth_of(items, labels=2, seed=0):
    return (chance.uniform(seed, "truth", np.arange(items)) * labels).astype(int)


def frame(rows):
    return pd.DataFrame(rows, columns=["item_id", "annotator_id", "label"])


def test_kappa_is_that_of_scikit_learn_on_the_shared_items():
    told = answers(truth_of(200, 3), [0.9, 0.6, 0.7], labels=3, each=2)
    wide = told.pivot_table(index="item_id", columns="annotator_id", values="label")
    for row in labels.agreement(told).itertuples():
        both = wide[[row.one, row.other]].dropna()
        assert row.items == len(both)
        assert row.agree == pytest.approx((both[row.one] == both[row.other]).mean())
        assert row.kappa == pytest.approx(cohen_kappa_score(both[row.one], both[row.other]))
    assert len(labels.agreement(told)) == 3


def test_krippendorffs_alpha_is_that_of_his_worked_example():
    # Four observers, twelve units, missing values: nominal alpha is 0.743.
    told = {
        "a": [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
        "b": [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3],
        "c": [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None],
        "d": [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
    }
    rows = [(item, who, said) for who, list_ in told.items() for item, said in enumerate(list_) if said is not None]
    assert labels.alpha(frame(rows)) == pytest.approx(0.743, abs=0.0005)


def test_alpha_is_one_for_agreement_and_about_zero_for_guessing():
    truth = truth_of(3_000, 3)
    assert labels.alpha(answers(truth, [1.0, 1.0], labels=3)) == 1.0
    assert labels.alpha(answers(truth, [1 / 3] * 3, labels=3)) == pytest.approx(0.0, abs=0.03)


def test_one_label_only_has_no_agreement_to_speak_of():
    told = frame([(item, who, "x") for item in range(3) for who in "ab"])
    assert np.isnan(labels.alpha(told))
    assert labels.agreement(told)["kappa"].isna().all()
    assert labels.agreement(told)["agree"].tolist() == [1.0]
    assert labels.majority(told)["label"].tolist() == ["x"] * 3
    assert labels.dawid_skene(told).labels["label"].tolist() == ["x"] * 3


def test_one_annotator_and_annotators_who_never_overlap_are_refused_and_a_vote_still_counts():
    one = frame([(1, "a", "x"), (2, "a", "y")])
    apart = frame([(1, "a", "x"), (2, "b", "y")])
    with pytest.raises(ValueError, match=r"all 2 are by one annotator \('a'\)"):
        labels.agreement(one)
    with pytest.raises(ValueError, match="no two of 2 annotators labelled the same item"):
        labels.agreement(apart)
    for told in (one, apart):
        with pytest.raises(ValueError, match="no item has two answers"):
            labels.alpha(told)
        with pytest.raises(ValueError, match="no item has two answers"):
            labels.dawid_skene(told)
        assert labels.majority(told)["label"].tolist() == ["x", "y"]


def test_a_pair_without_a_shared_item_is_listed_and_said_to_have_none():
    told = frame([(1, "a", "x"), (1, "b", "x"), (2, "a", "y"), (2, "b", "x"), (3, "c", "x")])
    found = labels.agreement(told).set_index(["one", "other"])
    assert found.loc[("a", "c"), "items"] == 0
    assert np.isnan(found.loc[("a", "c"), "agree"])
    assert np.isnan(found.loc[("a", "c"), "kappa"])
    assert found.loc[("a", "b"), "agree"] == 0.5


@pytest.mark.parametrize("votes", [1, 3, 5, 9])
def test_a_majority_is_right_as_often_as_the_binomial_says(votes):
    truth = truth_of(20_000)
    found = labels.majority(answers(truth, [0.7] * votes, labels=2))
    assert (found["label"] == truth).mean() == pytest.approx(1 - binom.cdf(votes // 2, votes, 0.7), abs=0.01)
    assert (found["votes"] == votes).all()


def test_the_share_and_the_order_of_items_are_kept():
    found = labels.majority(frame([("z", 1, "b"), ("a", 1, "a"), ("z", 2, "b"), ("z", 3, "a"), ("a", 2, "a")]))
    assert found["item_id"].tolist() == ["z", "a"]
    assert found["label"].tolist() == ["b", "a"]
    assert found["share"].tolist() == [pytest.approx(2 / 3), 1.0]


def test_a_tie_goes_to_the_label_given_more_often_and_never_beats_a_vote():
    tied = [(1, 1, "a"), (1, 2, "b")]
    assert labels.majority(frame([*tied, (2, 1, "b"), (2, 2, "b")]))["label"].tolist() == ["b", "b"]
    assert labels.majority(frame([*tied, (2, 1, "a"), (2, 2, "a")]))["label"].tolist() == ["a", "a"]
    many = [(item, who, "b") for item in range(2, 200) for who in (1, 2)]
    assert labels.majority(frame([(1, 1, "a"), (1, 2, "a"), (1, 3, "b"), *many]))["label"].iloc[0] == "a"


def test_dawid_and_skene_beat_the_majority_where_skills_differ_and_find_the_skills():
    skill, gains = np.linspace(0.55, 0.9, 5), []
    for seed in range(5):
        truth = truth_of(2_000, seed=seed)
        told = answers(truth, skill, labels=2, seed=seed)
        found = labels.dawid_skene(told)
        assert found.annotators["right"].to_numpy() == pytest.approx(skill, abs=0.05)
        right = (found.labels["label"] == truth).mean()
        gains.append(right - (labels.majority(told)["label"] == truth).mean())
        assert right == pytest.approx(0.92, abs=0.015)
        believed = found.labels["probability"]
        assert believed.mean() == pytest.approx(right, abs=0.02)  # it knows how sure it may be
    assert min(gains) > 0.02


def test_the_estimate_is_near_the_best_that_known_skills_allow():
    skill, truth = np.array([0.55, 0.65, 0.8, 0.9, 0.7]), truth_of(4_000)
    told = answers(truth, skill, labels=2)
    sign = np.where(told["label"] == 1, 1, -1) * np.log(skill / (1 - skill))[told["annotator_id"]]
    best = (np.bincount(told["item_id"], weights=sign) > 0) == truth
    found = labels.dawid_skene(told).labels["label"].to_numpy() == truth
    assert found.mean() == pytest.approx(best.mean(), abs=0.006)


def test_a_rare_label_is_believed_less_readily():
    truth = (chance.uniform(0, "rare", np.arange(4_000)) < 0.15).astype(int)
    told = answers(truth, [0.75, 0.75, 0.75], labels=2)
    found = labels.dawid_skene(told)
    share = 0.15 * 0.25 * 0.75**2 / (0.15 * 0.25 * 0.75**2 + 0.85 * 0.75 * 0.25**2)
    two_of_three = told.groupby("item_id")["label"].sum() == 2
    believed = found.labels.loc[two_of_three.to_numpy(), ["label", "probability"]]
    assert (believed["label"] == 0).all()
    assert believed["probability"].mean() == pytest.approx(1 - share, abs=0.1)


def test_three_labels_and_missing_answers_and_confusions():
    truth = truth_of(6_000, 3)
    told = answers(truth, [0.9, 0.8, 0.7, 0.6], labels=3, each=3, misread=(0, 2, 0.25))
    found = labels.dawid_skene(told)
    assert found.names == (0, 1, 2)
    assert found.confusion.shape == (4, 3, 3)
    assert found.confusion.sum(axis=2) == pytest.approx(np.ones((4, 3)))
    assert found.confusion[0, 0, 2] == pytest.approx(0.9, abs=0.05)  # the first one misreads label 0 as 2
    assert found.confusion[1, 0, 0] == pytest.approx(0.8, abs=0.05)
    assert found.annotators["answers"].tolist() == told["annotator_id"].value_counts().sort_index().tolist()
    majority = (labels.majority(told)["label"] == truth).mean()
    assert (found.labels["label"] == truth).mean() > majority


def test_the_posterior_of_one_item_follows_from_the_confusions_by_bayes():
    told = answers(truth_of(500), [0.9, 0.7, 0.6], labels=2)
    found = labels.dawid_skene(told)
    share, believed = np.ones(2), np.empty(0)
    said = told.pivot_table(index="item_id", columns="annotator_id", values="label").to_numpy(dtype=int)
    for _ in range(200):
        odds = np.log(share / share.sum()) + sum(np.log(found.confusion[who][:, said[:, who]]).T for who in range(3))
        believed = np.exp(odds) / np.exp(odds).sum(axis=1, keepdims=True)
        share = believed.sum(axis=0)
    assert found.labels["probability"].to_numpy() == pytest.approx(believed.max(axis=1), abs=1e-3)


def test_the_result_does_not_depend_on_the_order_of_rows_and_is_the_same_each_time():
    told = answers(truth_of(300, 3), [0.9, 0.6, 0.7], labels=3)
    one, again = labels.dawid_skene(told), labels.dawid_skene(told)
    pd.testing.assert_frame_equal(one.labels, again.labels)
    mixed = labels.dawid_skene(told.sample(frac=1, random_state=0)).labels.sort_values("item_id", ignore_index=True)
    assert mixed["probability"].to_numpy() == pytest.approx(one.labels["probability"].to_numpy(), abs=1e-6)
    assert 1 < one.rounds < 500
    assert labels.dawid_skene(told, most_rounds=1).rounds == 1


def test_many_answers_do_not_underflow():
    told = frame([(item, who, item % 2) for item in range(4) for who in range(3_000)])
    assert labels.dawid_skene(told).labels["label"].tolist() == [0, 1, 0, 1]


def test_bad_tables_are_refused():
    for function in (labels.agreement, labels.alpha, labels.majority, labels.dawid_skene):
        with pytest.raises(ValueError, match="column 'label' is missing"):
            function(pd.DataFrame({"item_id": [1], "annotator_id": [1]}))
        with pytest.raises(ValueError, match="item_id, annotator_id of an earlier row again in 1 row"):
            function(frame([(1, "a", 0), (1, "a", 1)]))
        with pytest.raises(ValueError, match="label is missing in 1 row"):
            function(frame([(1, "a", 0), (1, "b", None)]))
        with pytest.raises(ValueError, match="the table has no row"):
            function(frame([]))
    for setting in ({"most_rounds": 0}, {"prior": 0.0}, {"prior": np.inf}):
        with pytest.raises(ValueError, match="expected at least 1, and above 0"):
            labels.dawid_skene(frame([(1, "a", 0), (1, "b", 0)]), **setting)
