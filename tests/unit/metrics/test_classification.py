import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.calibration import calibration_curve
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score

from mlsd_lib.metrics import classification


def clicks(seed=0, n=5_000):
    rng = np.random.default_rng(seed)
    probability = rng.beta(1, 12, size=n)
    return (rng.random(n) < probability).astype(int), probability


def test_the_calibration_ratio_is_expected_over_observed_clicks():
    clicked, probability = clicks(n=200_000)
    assert classification.calibration_ratio(clicked, probability) == pytest.approx(1, abs=0.02)
    ratio = classification.calibration_ratio(clicked, probability / 2)
    assert ratio == pytest.approx(classification.calibration_ratio(clicked, probability) / 2)
    assert roc_auc_score(clicked, probability / 2) == roc_auc_score(clicked, probability)
    assert classification.calibration_ratio([True, False], [1.0, 0.5]) == 1.5
    with pytest.raises(ValueError, match="none of 2 impressions was clicked"):
        classification.calibration_ratio([0, 0], [0.1, 0.1])


def test_normalised_entropy_is_log_loss_over_that_of_the_constant():
    clicked, probability = clicks()
    constant = np.full(len(clicked), clicked.mean())
    wanted = log_loss(clicked, probability) / log_loss(clicked, constant)
    assert classification.normalised_entropy(clicked, probability) == pytest.approx(wanted)
    assert classification.normalised_entropy(clicked, constant) == pytest.approx(1)
    other = log_loss(clicked, probability) / log_loss(clicked, np.full(len(clicked), 0.2))
    assert classification.normalised_entropy(clicked, probability, background=0.2) == pytest.approx(other)


def test_a_certainty_that_fails_costs_infinitely_and_one_that_holds_nothing():
    assert classification.normalised_entropy([1, 0], [0.0, 0.0]) == np.inf
    assert classification.normalised_entropy([1, 0], [1.0, 0.0]) == 0


@pytest.mark.parametrize("background", [None, 0, 1])
def test_a_background_without_surprise_is_refused(background):
    with pytest.raises(ValueError, match="the background rate is"):
        classification.normalised_entropy([0, 0], [0.1, 0.2], background=background)


@pytest.mark.parametrize(("edges", "theirs"), [("width", "uniform"), ("quantile", "quantile")])
@pytest.mark.parametrize("bins", [1, 7, 20])
def test_reliability_agrees_with_scikit_learn(edges, theirs, bins):
    clicked, probability = clicks()
    probability[:800] = np.round(probability[:800], 2)  # ties, and values on the edges
    table = classification.reliability(clicked, probability, bins=bins, edges=edges)
    observed, predicted = calibration_curve(clicked, probability, n_bins=bins, strategy=theirs)
    np.testing.assert_allclose(table["observed"], observed)
    np.testing.assert_allclose(table["predicted"], predicted)
    assert table["count"].sum() == len(clicked)
    assert ((table["predicted"] >= table["from"] - 1e-12) & (table["predicted"] <= table["to"] + 1e-12)).all()
    if edges == "quantile" and bins == 7:
        assert (table["count"] - 5_000 / 7).abs().max() < 5_000 / 7 / 3


def test_the_interval_of_a_bin_is_that_of_wilson():
    clicked, probability = clicks()
    table = classification.reliability(clicked, probability, bins=5, edges="width")
    for count, observed, low, high in table[["count", "observed", "low", "high"]].itertuples(index=False):
        wanted = binomtest(round(observed * count), int(count)).proportion_ci(0.95, "wilson")
        assert (low, high) == (pytest.approx(wanted.low), pytest.approx(wanted.high))


def test_the_calibration_error_is_the_mean_distance_by_bin():
    clicked, probability = clicks()
    inner = np.digitize(probability, np.linspace(0, 1, 16)[1:-1], right=True)
    wanted = sum(
        abs(probability[inner == one].mean() - clicked[inner == one].mean()) * np.mean(inner == one)
        for one in np.unique(inner)
    )
    assert classification.expected_calibration_error(clicked, probability) == pytest.approx(wanted)
    assert classification.expected_calibration_error([1, 1, 0, 0], [1.0, 1.0, 0.0, 0.0], bins=3) == 0
    assert classification.expected_calibration_error([0, 0, 1], [1.0, 1.0, 0.0], bins=1) == pytest.approx(1 / 3)


def test_temperature_undoes_what_was_made_too_sure():
    rng = np.random.default_rng(1)
    probability = rng.beta(2, 2, size=200_000)
    clicked = rng.random(len(probability)) < probability
    for made in (0.4, 1.0, 3.0):
        assert classification.temperature(clicked, classification.tempered(probability, made)) == pytest.approx(
            1 / made, rel=0.02
        )
    few, told = clicked[:3_000], classification.tempered(probability, 0.4)[:3_000]
    odds = np.log(told / (1 - told))
    theirs = LogisticRegression(C=1e9, fit_intercept=False, tol=1e-10).fit(odds[:, None], few)
    assert 1 / classification.temperature(few, told) == pytest.approx(theirs.coef_[0, 0], rel=1e-4)
    assert classification.temperature([1] * 50, [0.9] * 50) < 0.1  # never wrong: it cannot be sure enough
    assert classification.temperature([0] * 99 + [1], [0.9] * 100) > 90  # mostly wrong: no odds at all is the best


def test_tempered_keeps_the_order_and_the_halves():
    probability = np.array([0.01, 0.3, 0.5, 0.7, 0.99])
    cooler = classification.tempered(probability, 2)
    assert (np.diff(cooler) > 0).all()
    assert cooler[2] == pytest.approx(0.5)
    odds, wanted = cooler / (1 - cooler), np.sqrt(probability / (1 - probability))
    np.testing.assert_allclose(odds, wanted)
    np.testing.assert_allclose(classification.tempered(probability, 1), probability)


FUNCTIONS = [
    classification.calibration_ratio,
    classification.normalised_entropy,
    classification.reliability,
    classification.expected_calibration_error,
    classification.temperature,
]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_bad_input_is_refused_by_every_function(function):
    name = function.__name__.replace("expected_calibration_error", "reliability")
    for clicked, probability, told in (
        ([0, 1], [0.5], r"clicked has the shape \(2,\) and predicted \(1,\)"),
        ([[0, 1]], [[0.5, 0.5]], "a value of each for every impression"),
        ([], [], "at least one impression"),
        ([0, 2, 3], [0.1, 0.1, 0.1], r"2 of 3 values of clicked are neither 0 nor 1 \(first: row 1, "),
        ([0, 1], [0.1, 1.5], r"1 of 2 predictions are no probability \(first: row 1, 1.5\)"),
        ([0, 1, 1], [0.1, -0.5, np.nan], r"2 of 3 predictions are no probability \(first: row 1, -0.5\)"),
    ):
        with pytest.raises(ValueError, match=f"^{name}: .*{told}"):
            function(clicked, probability)


def test_settings_that_cannot_be_are_refused():
    for bins in (0, 2.5, True):
        with pytest.raises(ValueError, match="bins must be an integer of at least 1"):
            classification.reliability([0, 1], [0.2, 0.3], bins=bins)
    with pytest.raises(ValueError, match="edges must be 'quantile' or 'width', got 'even'"):
        classification.reliability([0, 1], [0.2, 0.3], edges="even")
    with pytest.raises(ValueError, match=r"2 of 3 probabilities are not strictly between 0 and 1 \(first: 0\)"):
        classification.tempered([0.0, 0.5, 1.0], 2)
    for temperature in (0, -1, np.inf, np.nan):
        with pytest.raises(ValueError, match=r"temperature: it is .*; expected a number above 0"):
            classification.tempered([0.5], temperature)


def test_the_defaults_are_ten_bins_of_equal_counts_and_fifteen_of_equal_width():
    clicked, probability = clicks()
    table = classification.reliability(clicked, probability)
    assert table.equals(classification.reliability(clicked, probability, bins=10, edges="quantile"))
    assert len(table) == 10
    assert classification.expected_calibration_error(clicked, probability) == classification.expected_calibration_error(
        clicked, probability, bins=15
    )


def test_predictions_may_be_lists_of_whole_numbers():
    assert classification.tempered(np.array([0.25], dtype=np.float32), 1).dtype == np.float64
    assert classification.calibration_ratio([1, 0], [1, 1]) == 2
    with pytest.raises(ValueError, match=r"1 of 3 values of clicked are neither 0 nor 1 \(first: row 1, 7\)"):
        classification.calibration_ratio([0, 7, 1], [0.1, 0.1, 0.1])
