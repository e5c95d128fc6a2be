"""The generalised second-price auction: who gets which place, and what a click costs there."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mlsd_lib.architecture import Array


class Auction(NamedTuple):
    """What an auction decided: a row a place that was sold, by auction and position.

    Attributes:
        item: Which bid won, as its row in what was given; int64.
        position: The place won, counted from 1; int64.
        price: What a click costs, euros; never above the bid and never below the reserve; float64.
    """

    item: Array
    position: Array
    price: Array


def second_price(row: Array, bid: Array, quality: Array, *, places: int, reserve: float = 0.0) -> Auction:
    """Sell places by bid times quality; each winner pays the least that would have kept the place.

    Whoever comes next sets the price: bid times quality of the next, divided by the winner's own quality, even if the
    next gets no place. Where nobody comes next, and where that would be less, it is the reserve. Equal bids times
    quality are ordered as they came.

    Args:
        row: Which auction each bid belongs to, non-decreasing integers of shape (bids,).
        bid: Euros a click, of shape (bids,), at least 0.
        quality: What a bid is multiplied by, above 0, of shape (bids,): a click probability, a quality score, or
            ones, to rank by bid alone.
        places: How many places each auction sells; at least 1.
        reserve: Least price of a click, euros; lower bids take no part.

    Returns:
        Who won what, at which price.

    Raises:
        ValueError: If shapes differ, `row` decreases, a bid is negative or a quality not above 0, or `places` or
            `reserve` is out of range.

    Source: [edelman2007gsp]. Chapter: A funnel for scale.

    >>> bids, clicks = np.array([2.0, 1.0, 0.5]), np.array([0.01, 0.04, 0.02])
    >>> sold = second_price(np.zeros(3, int), bids, clicks, places=2)
    >>> sold.item.tolist(), sold.price.round(2).tolist()  # worth 2, 4 and 1 cents a view
    ([1, 0], [0.5, 1.0])
    """
    row, bid, quality = np.asarray(row), np.asarray(bid, dtype=np.float64), np.asarray(quality, dtype=np.float64)
    _check(row, bid, quality, places, reserve)
    able = np.flatnonzero(bid >= reserve)
    score = bid[able] * quality[able]
    order = np.lexsort((-score, row[able]))
    able, score = able[order], score[order]
    mine = row[able]
    following = np.zeros(len(able))
    if len(able) > 1:
        following[:-1] = np.where(mine[1:] == mine[:-1], score[1:], 0.0)
    place = np.arange(len(able)) - np.searchsorted(mine, mine)
    won = place < places
    item = able[won]
    price = np.clip(following[won] / quality[item], reserve, bid[item])
    return Auction(item, place[won] + 1, price)


def _check(row: Array, bid: Array, quality: Array, places: int, reserve: float) -> None:
    if not row.shape == bid.shape == quality.shape or row.ndim != 1:
        raise ValueError(
            f"second_price: row, bid and quality have the shapes {row.shape}, {bid.shape} and {quality.shape}; "
            "expected one value a bid in each."
        )
    if row.dtype.kind not in "iu" or bool(np.any(row[1:] < row[:-1])):
        raise ValueError("second_price: row must be non-decreasing integers, since bids of an auction stand together.")
    for name, wrong, rule in (("bid", ~(bid >= 0), "at least 0"), ("quality", ~(quality > 0), "above 0")):
        if wrong.any():
            value = (bid if name == "bid" else quality)[wrong][0]
            raise ValueError(
                f"second_price: {int(wrong.sum())} values of {name} are not {rule} (first: row "
                f"{int(np.argmax(wrong))}, {name}={value}). Leave those ads out."
            )
    if isinstance(places, bool) or not isinstance(places, int | np.integer) or places < 1:
        raise ValueError(f"second_price: places is {places!r}; expected a whole number of at least 1.")
    if not 0 <= reserve < np.inf:
        raise ValueError(f"second_price: reserve is {reserve!r}; expected a finite price of at least 0.")
