"""How likely is a position looked at? Measured on shuffled pages, or harvested from a log of several rankers.

Both give the curve that `weighted` preferences divide by: the probability of a look at a position, relative to the
first. It is a property of people and of the layout, so it has to be measured where it is to be used.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from mlsd_lib.architecture import Array
from mlsd_lib.metrics import checks
from mlsd_lib.metrics.classification import NORMAL_95

_ROUNDS, _STILL = 20_000, 1e-10


def examined_at_random(log: pd.DataFrame) -> pd.DataFrame:
    """The curve from pages in random order, where every position holds equally good results on average.

    Args:
        log: Columns `position, clicked` of results that were shown in random order.

    Returns:
        One row a position from 1 to the last: `position`, `shown`, `clicks`, `examined` (its click rate over that of
        position 1) and `low`, `high`, the 95 % interval of the ratio (NaN without a click there).

    Raises:
        ValueError: If a column is missing or unsound, a position was never shown, or position 1 was never clicked.

    Source: [joachims2017unbiased]. Chapter: Training data.

    >>> log = pd.DataFrame({"position": [1, 1, 1, 1, 2, 2, 2, 2], "clicked": [1, 1, 1, 0, 1, 0, 0, 0]})
    >>> examined_at_random(log)["examined"].round(3).tolist()
    [1.0, 0.333]
    """
    clean = checks.columns("log", log, "position", "clicked")
    place = positions("log", clean["position"].to_numpy())
    clicked = checks.flags("log", clean, "clicked").to_numpy()
    shown = np.bincount(place - 1)
    clicks = np.bincount(place - 1, weights=clicked)
    _complete(shown)
    _first(clicks)
    rate = clicks / shown
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = np.sqrt((1 - rate) / clicks + (1 - rate[0]) / clicks[0])
        spread[0] = 0.0
        factor = np.exp(NORMAL_95 * spread)
        ratio = rate / rate[0]
        ends = (np.where(clicks > 0, ratio / factor, np.nan), np.where(clicks > 0, ratio * factor, np.nan))
    return _curve(shown, clicks, ratio).assign(low=ends[0], high=ends[1])


def examined_from_log(log: pd.DataFrame, *, pair: Sequence[str] = ("query", "doc_id")) -> pd.DataFrame:
    """The curve from a log in which the same result stood at different positions, because several rankers served.

    A pair of a query and a result is as good at one position as at another, so its clicks are spread over positions as
    looks are. Given how often a pair was clicked in all, how many of its clicks fell to each position depends on the
    curve alone (clicks taken as Poisson counts); the curve is the one of highest likelihood. Which ranker served must
    not depend on anything that makes clicks likelier, such as who asked. Nobody's page is shuffled.

    Args:
        log: Columns `position, clicked` and those of `pair`.
        pair: Columns that say what was shown to whom, as far as it matters: add the place where results depend on it.

    Returns:
        One row a position from 1 to the last: `position`, `shown`, `clicks`, `examined`, and `informs`, the clicks
        there on pairs that also stood elsewhere: what the estimate rests on. `examined` is NaN where no chain of such
        pairs leads to position 1.

    Raises:
        ValueError: If a column is missing or unsound, a position was never shown, or no clicked pair stood at position
            1 and elsewhere.

    Source: [fang2019intervention] for harvesting rankers; the conditional likelihood is ours. Chapter: Training data.

    >>> log = pd.DataFrame({"query": "taxi", "doc_id": "b", "position": [1] * 4 + [2] * 4})
    >>> examined_from_log(log.assign(clicked=[1, 1, 1, 0, 1, 0, 0, 0]))["examined"].round(3).tolist()
    [1.0, 0.333]
    """
    clean = checks.columns("log", log, *pair, "position", "clicked")
    place = positions("log", clean["position"].to_numpy()) - 1
    clicked = checks.flags("log", clean, "clicked").to_numpy()
    last = int(place.max(initial=-1)) + 1
    shown = np.bincount(place, minlength=last)
    _complete(shown)
    group = clean.groupby(list(pair), sort=False).ngroup().to_numpy()
    cell = group * last + place
    times, clicks = np.bincount(cell), np.bincount(cell, weights=clicked)
    there = np.flatnonzero(times)
    times, clicks, group, place = times[there].astype(float), clicks[there], there // last, there % last
    stood = np.bincount(group)
    of_pair = np.bincount(group, weights=clicks)
    tells = (stood[group] > 1) & (of_pair[group] > 0)
    times, clicks, group, at = times[tells], clicks[tells], group[tells], place[tells]
    informs = np.bincount(at, weights=clicks, minlength=last)
    linked = _linked(group, at, last)
    if not linked[1:].any() or informs[0] == 0:
        raise ValueError(
            f"log: none of {len(stood)} pairs of {', '.join(pair)} was clicked at position 1 and shown elsewhere too, "
            "so there is nothing to harvest. Take a log in which several rankers served the same queries, or shuffle a "
            "few pages and use examined_at_random."
        )
    inside = linked[at]
    curve = _likeliest(times[inside], clicks[inside], group[inside], at[inside], informs * linked, of_pair)
    total = np.bincount(clean["position"].to_numpy().astype(np.int64) - 1, weights=clicked, minlength=last)
    return _curve(shown, total, np.where(linked, curve, np.nan)).assign(informs=informs.astype(np.int64))


def inverse_weights(position: npt.ArrayLike, examined: npt.ArrayLike, *, most: float | None = None) -> Array:
    """How often a click at each position counts: 1 / examined, cut at `most`.

    Args:
        position: Positions from 1, of shape (clicks,).
        examined: How likely each position is looked at, from position 1 on, above 0 and finite where it is needed.
        most: The largest weight, at least 1; None cuts nothing.

    Returns:
        float64 of shape (clicks,).

    Raises:
        ValueError: If a position lies beyond the curve, or the curve is 0, NaN or negative at one that is needed.

    Source: [joachims2017unbiased]. Chapter: Training data.

    >>> inverse_weights([1, 2, 3], [1.0, 0.5, 0.05], most=10).tolist()
    [1.0, 2.0, 10.0]
    """
    place = positions("inverse_weights", np.asarray(position))
    curve = np.asarray(examined, dtype=np.float64)
    if most is not None and not 1 <= most < np.inf:
        raise ValueError(f"inverse_weights: most is {most}; expected a finite number of at least 1, or None.")
    beyond = place > len(curve)
    if curve.ndim != 1 or beyond.any():
        raise ValueError(
            f"inverse_weights: examined has the shape {curve.shape}, and {int(beyond.sum())} of {len(place)} clicks "
            f"lie beyond it (the deepest at position {int(place.max(initial=0))}). Measure the curve that deep."
        )
    chance_of_look = curve[place - 1]
    unsound = ~((chance_of_look > 0) & (chance_of_look < np.inf))
    if unsound.any():
        first = int(place[unsound][0])
        raise ValueError(
            f"inverse_weights: examined is {curve[first - 1]:g} at position {first}, where "
            f"{int((place == first).sum())} clicks lie; expected a number above 0. "
            "Measure that position with more clicks, or drop its clicks."
        )
    weight = 1 / chance_of_look
    return np.asarray(weight if most is None else np.minimum(weight, most))


def effective_share(weight: npt.ArrayLike) -> float:
    """How many rows of equal weight are worth as much as these, as a share of their number (Kish's formula).

    Args:
        weight: Weights of at least 0, of shape (rows,), not all 0.

    Returns:
        A share in (0, 1]; 1 where all weights are equal.

    Raises:
        ValueError: If there is no weight above 0, or one is negative or not finite.

    Chapter: Training data.

    >>> effective_share([1, 1, 1, 5])
    0.5714285714285714
    """
    values = np.asarray(weight, dtype=np.float64)
    if values.ndim != 1 or not np.isfinite(values).all() or (values < 0).any() or not values.sum() > 0:
        raise ValueError("effective_share: expected finite weights of at least 0, of which one is above 0.")
    return float(values.sum() ** 2 / (len(values) * (values**2).sum()))


def positions(table: str, values: Array) -> Array:
    """Positions as int64; an error where one is no whole number of at least 1.

    Args:
        table: What to call the table in the error.
        values: The positions.

    Returns:
        int64 of the same shape.

    Raises:
        ValueError: If there is none, or one is unsound.
    """
    number = np.asarray(values)
    if number.dtype.kind not in "iuf":
        raise ValueError(f"{table}: position has dtype {number.dtype}, and whole numbers from 1 were expected.")
    odd = ~((number >= 1) & (number == np.floor(number)))
    if odd.any():
        raise ValueError(
            f"{table}: position is no whole number of at least 1 in {checks.count(odd)} (first: row "
            f"{int(np.argmax(odd))}, {checks.plain(number[odd][0])!r}). Positions count from 1."
        )
    return number.astype(np.int64)


def _linked(group: Array, place: Array, last: int) -> Array:
    """Which positions a chain of pairs links to position 1."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    size = last + len(group)
    edges = coo_array((np.ones(len(group)), (place, last + pd.factorize(group)[0])), shape=(size, size))
    part = connected_components(edges, directed=False)[1]
    return np.asarray(part[:last] == part[0])


def _likeliest(times: Array, clicks: Array, group: Array, place: Array, at: Array, of_pair: Array) -> Array:
    """The curve of highest conditional likelihood, by the steps that raise it for Bradley and Terry's model."""
    curve = np.where(at > 0, 1.0, 0.0)
    for _ in range(_ROUNDS):
        looks = np.bincount(group, weights=times * curve[place], minlength=len(of_pair))
        per_look = np.divide(of_pair, looks, out=np.zeros(len(of_pair)), where=looks > 0)
        expected = np.bincount(place, weights=times * per_look[group], minlength=len(at))
        new = np.divide(at, expected, out=np.zeros(len(at)), where=expected > 0)
        new /= new[0]
        still = bool(np.abs(new - curve).max() < _STILL)
        curve = new
        if still:
            break
    return curve


def _curve(shown: Array, clicks: Array, examined: Array) -> pd.DataFrame:
    place = np.arange(1, len(shown) + 1)
    return pd.DataFrame({"position": place, "shown": shown, "clicks": clicks.astype(np.int64), "examined": examined})


def _complete(shown: Array) -> None:
    if len(shown) == 0 or not shown.all():
        gap = int(np.argmin(shown)) + 1 if len(shown) else 1
        raise ValueError(f"log: nothing was shown at position {gap}. Positions have to run from 1 without a gap.")


def _first(clicks: Array) -> None:
    if clicks[0] == 0:
        raise ValueError("log: nothing was clicked at position 1, which all others are compared with. Log more pages.")
