"""Leaving rows out: what is kept, and that the repair and the weights make up for it."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from mlsd_lib.metrics.classification import calibration_ratio
from mlsd_lib.offline import labels
from mlsd_lib.worlds import chance

IDS = np.arange(200_000)
VALUES = chance.normal(0, "x", IDS[:, None], np.arange(3))
TRUE = 1 / (1 + np.exp(-(VALUES @ [0.8, -0.5, 0.3] - 5)))
CLICKED = chance.uniform(0, "click", IDS) < TRUE


def test_every_positive_is_kept_and_a_share_of_the_negatives():
    kept = labels.keep_negatives(CLICKED, IDS, rate=0.05)
    assert kept[CLICKED].all()
    assert kept[~CLICKED].mean() == pytest.approx(0.05, abs=0.002)


def test_who_is_kept_depends_on_the_row_and_the_seed_not_on_the_batch():
    whole = labels.keep_negatives(CLICKED, IDS, IDS % 7, rate=0.1, seed=3)
    half = labels.keep_negatives(CLICKED[::2], IDS[::2], IDS[::2] % 7, rate=0.1, seed=3)
    assert np.array_equal(whole[::2], half)
    assert not np.array_equal(whole, labels.keep_negatives(CLICKED, IDS, IDS % 7, rate=0.1, seed=4))
    assert set(np.flatnonzero(whole)) <= set(
        np.flatnonzero(labels.keep_negatives(CLICKED, IDS, IDS % 7, rate=0.2, seed=3))
    )


def test_the_repair_gives_the_probability_of_the_whole_log():
    kept = labels.keep_negatives(CLICKED, IDS, rate=0.02)
    model = LogisticRegression(C=1e6).fit(VALUES[kept], CLICKED[kept])
    raw = model.predict_proba(VALUES)[:, 1]
    mended = labels.repaired(raw, 0.02)
    assert calibration_ratio(CLICKED, raw) > 10
    assert calibration_ratio(CLICKED, mended) == pytest.approx(1.0, abs=0.08)
    assert np.abs(mended / TRUE - 1).mean() < 0.1
    assert roc_auc_score(CLICKED, mended) == roc_auc_score(CLICKED, raw)


def test_the_repair_undoes_the_sampling_exactly():
    true, rate = np.linspace(0, 1, 11), 0.03
    assert labels.repaired(true / (true + (1 - true) * rate), rate) == pytest.approx(true)
    assert labels.repaired([0.1 / 1.1], 0.01)[0] == pytest.approx(0.001, rel=0.01)  # published: 9.1 % returns 0.1 %
    assert labels.repaired([[0.2], [0.4]], 1.0).tolist() == [[0.2], [0.4]]


def log_of(requests=4_000):
    request = np.repeat(np.arange(requests), 5)
    clicked = chance.uniform(0, "clicked", np.arange(len(request))) < 0.02
    return pd.DataFrame({"request_id": request, "clicked": clicked, "loss": chance.exponential(0, "loss", request)})


def test_requests_with_a_click_stay_whole_and_the_weights_make_up_for_the_rest():
    log = log_of()
    small = labels.keep_requests(log, share=0.2)
    with_click = log.groupby("request_id")["clicked"].transform("any")
    assert small["clicked"].sum() == log["clicked"].sum()
    assert len(small) == pytest.approx(with_click.sum() + 0.2 * (~with_click).sum(), rel=0.05)
    assert set(small["weight"]) == {1.0, 5.0}
    assert (small.groupby("request_id").size() == 5).all()
    some = small.groupby("request_id")["clicked"].transform("any")
    assert (small["weight"] == np.where(some, 1.0, 5.0)).all()


def test_the_weighted_loss_is_that_of_the_whole_log_on_average():
    log = log_of()
    sums = [
        (kept["weight"] * kept["loss"]).sum()
        for kept in (labels.keep_requests(log, share=0.2, seed=s) for s in range(40))
    ]
    error = np.std(sums) / np.sqrt(len(sums))
    assert abs(np.mean(sums) - log["loss"].sum()) < 3 * error
    assert len(set(sums)) == 40


def test_a_request_is_kept_or_not_whatever_else_the_log_holds():
    log = log_of()
    whole, part = labels.keep_requests(log, share=0.3), labels.keep_requests(log[log["request_id"] % 2 == 0], share=0.3)
    assert set(part["request_id"]) == {one for one in whole["request_id"] if one % 2 == 0}


def test_a_log_of_negatives_only_and_one_of_positives_only_are_sampled_all_the_same():
    log = log_of()
    none = labels.keep_requests(log.assign(clicked=False), share=0.5)
    assert 0 < len(none) < len(log)
    assert set(none["weight"]) == {2.0}
    assert len(labels.keep_requests(log.assign(clicked=True), share=0.5)) == len(log)
    assert labels.keep_negatives(np.ones(5), np.arange(5), rate=0.01).all()


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="2 values that are neither 0 nor 1"):
        labels.keep_negatives([0, 2, 3], [1, 2, 3], rate=0.5)
    with pytest.raises(ValueError, match="Give a row of 0 and 1"):
        labels.keep_negatives([[0]], [1], rate=0.5)
    with pytest.raises(ValueError, match="no ids given"):
        labels.keep_negatives([0, 1], rate=0.5)
    with pytest.raises(ValueError, match=r"shape \(2,\) and the ids \(3,\)"):
        labels.keep_negatives([0, 1], [1, 2, 3], rate=0.5)
    for rate in (0.0, 1.5, -1, np.nan):
        with pytest.raises(ValueError, match="above 0 and at most 1"):
            labels.keep_negatives([0, 1], [1, 2], rate=rate)
        with pytest.raises(ValueError, match="above 0 and at most 1"):
            labels.repaired([0.5], rate)
        with pytest.raises(ValueError, match="above 0 and at most 1"):
            labels.keep_requests(log_of(2), share=rate)
    for wrong in (-0.1, 1.1, np.nan):
        with pytest.raises(ValueError, match="1 of 2 values are no probability"):
            labels.repaired([0.5, wrong], 0.5)
    with pytest.raises(ValueError, match="'weight' already"):
        labels.keep_requests(log_of(2).assign(weight=1), share=0.5)
    with pytest.raises(ValueError, match="column 'request_id' is missing"):
        labels.keep_requests(pd.DataFrame({"clicked": [1]}), share=0.5)
