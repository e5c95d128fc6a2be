"""Metrics of predicted probabilities: are they the right size, and do they tell more than the average rate?

AUC, log loss and their kind are scikit-learn's. Here is what they leave out: AUC sees only the order, so it cannot see
that every probability is twice too high, and a log loss cannot be compared between two days whose click rates differ.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from mlsd_lib.architecture import Array
from mlsd_lib.metrics import checks

NORMAL_95 = 1.959963984540054  # the normal quantile of a 95 % interval


def calibration_ratio(clicked: npt.ArrayLike, predicted: npt.ArrayLike) -> float:
    """Expected clicks divided by observed ones: 1 is right, 1.2 promises a fifth too many.

    Args:
        clicked: What happened, 0 or 1, of shape (impressions,).
        predicted: The predicted probability of each, of the same shape.

    Returns:
        The ratio, at least 0.

    Raises:
        ValueError: If shapes differ, a value is out of range, or nothing was clicked.

    Source: [he2014facebook]. Chapter: Metrics.

    >>> calibration_ratio([1, 0, 0, 0], [0.2, 0.1, 0.1, 0.1])
    0.5
    """
    happened, probability = _both("calibration_ratio", clicked, predicted)
    if not happened.any():
        raise ValueError(
            f"calibration_ratio: none of {len(happened)} impressions was clicked, so there is nothing to divide by. "
            "Take more of them."
        )
    return float(probability.sum() / happened.sum())


def normalised_entropy(clicked: npt.ArrayLike, predicted: npt.ArrayLike, *, background: float | None = None) -> float:
    """Log loss divided by that of always predicting the background rate: below 1 is better than the constant.

    Args:
        clicked: What happened, 0 or 1, of shape (impressions,).
        predicted: The predicted probability of each, of the same shape.
        background: The rate that the constant predicts, between 0 and 1; left out, the rate of `clicked`.

    Returns:
        The ratio, at least 0; infinite where something happened that was given probability 0.

    Raises:
        ValueError: If shapes differ, a value is out of range, or all or none of the impressions are clicked and no
            `background` is given.

    Source: [he2014facebook]. Chapter: Metrics.

    >>> normalised_entropy([1, 0, 0, 0], [0.25, 0.25, 0.25, 0.25])
    1.0
    """
    happened, probability = _both("normalised_entropy", clicked, predicted)
    rate = float(happened.mean()) if background is None else float(background)
    if not 0 < rate < 1:
        raise ValueError(
            f"normalised_entropy: the background rate is {rate:g}, and a constant prediction of it would need no "
            "model. Take impressions with and without clicks, or pass background=."
        )
    return _log_loss(happened, probability) / _log_loss(happened, np.full(len(happened), rate))


def reliability(
    clicked: npt.ArrayLike,
    predicted: npt.ArrayLike,
    *,
    bins: int = 10,
    edges: Literal["quantile", "width"] = "quantile",
) -> pd.DataFrame:
    """What was predicted beside what happened, by size of the prediction.

    Args:
        clicked: What happened, 0 or 1, of shape (impressions,).
        predicted: The predicted probability of each, of the same shape.
        bins: How many bins; at least 1. Bins that would be empty are left out.
        edges: "quantile" puts about as many impressions into each bin, "width" makes bins of equal width. A value on
            an edge belongs to the bin below it.

    Returns:
        A row a bin: `from` and `to` (its edges), `count`, `predicted` (mean), `observed` (the rate), and `low` and
        `high`, the 95 % Wilson interval of the rate.

    Raises:
        ValueError: If shapes differ, a value is out of range, `bins` is below 1, or `edges` is neither of the two.

    Source: [guo2017calibration]. Chapter: Metrics.

    >>> reliability([0, 0, 1, 1], [0.1, 0.3, 0.6, 0.8], bins=2)[["predicted", "observed"]].values.tolist()
    [[0.2, 0.0], [0.7, 1.0]]
    """
    happened, probability = _both("reliability", clicked, predicted)
    if isinstance(bins, bool) or not isinstance(bins, int | np.integer) or bins < 1:
        raise ValueError(f"reliability: bins must be an integer of at least 1, got {bins!r}.")
    if edges not in ("quantile", "width"):
        raise ValueError(f"reliability: edges must be 'quantile' or 'width', got {edges!r}.")
    cuts = np.linspace(0, 1, bins + 1)
    if edges == "quantile":
        cuts = np.quantile(probability, cuts)
    bin_ = np.searchsorted(cuts[1:-1], probability)
    count = np.bincount(bin_, minlength=bins)
    clicks = np.bincount(bin_, weights=happened, minlength=bins)
    some = count > 0
    count, clicks = count[some], clicks[some]
    middle = (clicks + NORMAL_95**2 / 2) / (count + NORMAL_95**2)
    half = NORMAL_95 * np.sqrt(clicks * (count - clicks) / count + NORMAL_95**2 / 4) / (count + NORMAL_95**2)
    return pd.DataFrame(
        {
            "from": cuts[:-1][some],
            "to": cuts[1:][some],
            "count": count,
            "predicted": np.bincount(bin_, weights=probability, minlength=bins)[some] / count,
            "observed": clicks / count,
            "low": middle - half,
            "high": middle + half,
        }
    )


def expected_calibration_error(clicked: npt.ArrayLike, predicted: npt.ArrayLike, *, bins: int = 15) -> float:
    """Mean distance between what was predicted and what happened, over bins of equal width, weighted by their counts.

    Args:
        clicked: What happened, 0 or 1, of shape (impressions,).
        predicted: The predicted probability of each, of the same shape.
        bins: How many bins; at least 1. More of them find more, and count more of the noise.

    Returns:
        The error, from 0 (calibrated at this width) to 1.

    Raises:
        ValueError: If shapes differ, a value is out of range, or `bins` is below 1.

    Source: [guo2017calibration]. Chapter: Metrics.

    >>> expected_calibration_error([0, 0, 1, 1], [0.1, 0.1, 0.6, 0.6], bins=2)
    0.25
    """
    table = reliability(clicked, predicted, bins=bins, edges="width")
    off = (table["predicted"] - table["observed"]).abs()
    return float((off * table["count"]).sum() / table["count"].sum())


def temperature(clicked: npt.ArrayLike, predicted: npt.ArrayLike) -> float:
    """The number by which all log odds are best divided: above 1 for a model that is too sure of itself.

    Args:
        clicked: What happened, 0 or 1, on data that the model was not trained on, of shape (impressions,).
        predicted: The predicted probability of each, strictly between 0 and 1, of the same shape.

    Returns:
        The temperature with the least log loss, between 0.01 and 100.

    Raises:
        ValueError: If shapes differ or a value is out of range.

    Source: [guo2017calibration]. Chapter: Metrics.

    >>> round(temperature([1, 1, 1, 0], [0.9, 0.9, 0.9, 0.9]), 3)  # 3 of 4 came true, and nine to one was offered
    2.0
    """
    from scipy.optimize import minimize_scalar

    happened, probability = _both("temperature", clicked, predicted)
    odds = _log_odds(probability)

    def loss(log_t: float) -> float:  # from the odds: probabilities would round to 0 and 1 when it is cold
        cooled = odds / np.exp(log_t)
        return float((np.logaddexp(0, cooled) - happened * cooled).mean())

    found = minimize_scalar(
        loss,
        bounds=(np.log(0.01), np.log(100)),
        method="bounded",
        options={"xatol": 1e-9},
    )
    return float(np.exp(found.x))


def tempered(predicted: npt.ArrayLike, temperature: float) -> Array:
    """Probabilities after all log odds were divided by a temperature; their order stays as it was.

    Args:
        predicted: Probabilities, strictly between 0 and 1, of shape (impressions,).
        temperature: Above 0; above 1 draws them towards a half.

    Returns:
        A float64 array of the same shape.

    Raises:
        ValueError: If a probability is 0 or 1 or out of range, or the temperature is not above 0.

    Source: [guo2017calibration]. Chapter: Metrics.

    >>> tempered([0.5, 0.9], 2.0).round(2).tolist()
    [0.5, 0.75]
    """
    from scipy.special import expit

    if not 0 < temperature < np.inf:
        raise ValueError(f"temperature: it is {temperature}; expected a number above 0.")
    return np.asarray(expit(_log_odds(np.asarray(predicted, dtype=np.float64)) / temperature), dtype=np.float64)


def _log_odds(probability: Array) -> Array:
    sure = ~((probability > 0) & (probability < 1))
    if sure.any():
        raise ValueError(
            f"temperature: {int(sure.sum())} of {probability.size} probabilities are not strictly between 0 and 1 "
            f"(first: {probability[sure][0]:g}), so their odds are infinite. Clip them first."
        )
    return np.asarray(np.log(probability) - np.log1p(-probability))


def _log_loss(happened: Array, probability: Array) -> float:
    from scipy.special import xlog1py, xlogy

    return float(-(xlogy(happened, probability) + xlog1py(1 - happened, -probability)).mean())


def _both(function: str, clicked: npt.ArrayLike, predicted: npt.ArrayLike) -> tuple[Array, Array]:
    happened, probability = np.asarray(clicked), np.asarray(predicted, dtype=np.float64)
    if happened.ndim != 1 or happened.shape != probability.shape or not len(happened):
        raise ValueError(
            f"{function}: clicked has the shape {happened.shape} and predicted {probability.shape}. Give a value of "
            "each for every impression, and at least one impression."
        )
    odd = ~np.isin(happened, [0, 1])
    if odd.any():
        raise ValueError(
            f"{function}: {int(odd.sum())} of {len(happened)} values of clicked are neither 0 nor 1 "
            f"(first: row {int(np.argmax(odd))}, {checks.plain(happened[odd][0])!r}). Leave out what was not observed."
        )
    wrong = ~((probability >= 0) & (probability <= 1))
    if wrong.any():
        raise ValueError(
            f"{function}: {int(wrong.sum())} of {len(happened)} predictions are no probability "
            f"(first: row {int(np.argmax(wrong))}, {probability[wrong][0]:g}). Pass probabilities, not scores or odds."
        )
    return happened.astype(np.float64), probability
