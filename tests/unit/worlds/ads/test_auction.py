import numpy as np
import pytest

from mlsd_lib.worlds.ads import second_price


def bids(seed: int, auctions: int = 60) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    row = np.repeat(np.arange(auctions), rng.integers(0, 9, size=auctions))
    return row, rng.integers(1, 200, size=len(row)) / 100, rng.uniform(0.01, 0.5, size=len(row))


def spelt_out(row, bid, quality, places, reserve):
    """The rule in words: rank, then find the least bid, by trying, at which the winner still holds the place."""
    sold = []
    for auction in np.unique(row):
        able = [i for i in np.flatnonzero(row == auction) if bid[i] >= reserve]
        ranked = sorted(able, key=lambda i: -bid[i] * quality[i])
        for place, winner in enumerate(ranked[:places]):
            after = ranked[place + 1 :]
            needed = max((bid[i] * quality[i] / quality[winner] for i in after), default=0.0)
            sold.append((winner, place + 1, max(needed, reserve)))
    return sold


@pytest.mark.parametrize("reserve", [0.0, 0.3, 5.0])
@pytest.mark.parametrize("places", [1, 4])
def test_places_and_prices_are_those_of_the_rule_spelt_out(places: int, reserve: float) -> None:
    row, bid, quality = bids(seed=places)
    sold = second_price(row, bid, quality, places=places, reserve=reserve)
    expected = spelt_out(row, bid, quality, places, reserve)
    assert list(zip(sold.item, sold.position, strict=True)) == [(i, p) for i, p, _ in expected]
    np.testing.assert_allclose(sold.price, [price for _, _, price in expected])


def test_nobody_pays_more_than_the_bid_or_less_than_the_reserve() -> None:
    row, bid, quality = bids(seed=7, auctions=500)
    sold = second_price(row, bid, quality, places=3, reserve=0.2)
    assert len(sold.item) > 500
    assert (sold.price <= bid[sold.item]).all()
    assert (sold.price >= 0.2).all()
    assert (bid[sold.item] >= 0.2).all()


def test_not_even_rounding_makes_a_price_exceed_the_bid() -> None:
    rng = np.random.default_rng(0)
    bid, quality = np.repeat(rng.uniform(0.1, 2, 3_000), 2), np.repeat(rng.uniform(0.01, 0.5, 3_000), 2)
    assert (bid * quality / quality > bid).any()
    sold = second_price(np.repeat(np.arange(3_000), 2), bid, quality, places=1)
    assert (sold.price <= bid[sold.item]).all()


def test_the_price_is_what_keeps_the_place() -> None:
    row, bid, quality = bids(seed=11)
    sold = second_price(row, bid, quality, places=3)
    for item, position, price in zip(sold.item, sold.position, sold.price, strict=True):
        for factor, holds in ((1.001, True), (0.999, False)):
            others = bid.copy()
            others[item] = price * factor
            again = second_price(row, others, quality, places=3)
            won = again.position[again.item == item]
            assert (len(won) == 1 and won[0] <= position) == (holds or price == 0), (item, factor)


def test_a_higher_bid_never_lowers_the_place_nor_the_price() -> None:
    row, bid, quality = bids(seed=13)
    before = second_price(row, bid, quality, places=4)
    for item, position, price in zip(before.item, before.position, before.price, strict=True):
        raised = bid.copy()
        raised[item] *= 1.5
        after = second_price(row, raised, quality, places=4)
        mine = after.item == item
        assert after.position[mine][0] <= position
        assert after.price[mine][0] >= price - 1e-12


def test_bidding_less_than_a_click_is_worth_can_pay_more() -> None:
    # the example of Edelman, Ostrovsky and Schwarz: 200 and 199 clicks, values 10, 4 and 2
    clicks = np.array([200.0, 199.0])

    def gain(bid: float) -> float:
        sold = second_price(np.zeros(3, int), np.array([bid, 4.0, 2.0]), np.ones(3), places=2)
        mine = sold.item == 0
        return float(clicks[sold.position[mine][0] - 1] * (10 - sold.price[mine][0]))

    assert gain(10.0) == pytest.approx(1_200)
    assert gain(3.0) == pytest.approx(1_592)


def test_equal_offers_are_ordered_as_they_came_and_each_auction_stands_alone() -> None:
    sold = second_price(np.array([0, 0, 1]), np.array([1.0, 1.0, 1.0]), np.ones(3), places=2, reserve=0.1)
    assert sold.item.tolist() == [0, 1, 2]
    assert sold.price.tolist() == [1.0, 0.1, 0.1]


def test_an_auction_without_bids_sells_nothing() -> None:
    sold = second_price(np.empty(0, int), np.empty(0), np.empty(0), places=2)
    assert [len(part) for part in sold] == [0, 0, 0]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"bid": np.array([1.0])}, "shapes"),
        ({"row": np.array([1, 0])}, "non-decreasing integers"),
        ({"row": np.array([0.0, 1.0])}, "non-decreasing integers"),
        ({"bid": np.array([1.0, -1.0])}, r"1 values of bid are not at least 0 \(first: row 1, bid=-1"),
        ({"quality": np.array([0.0, 1.0])}, r"quality are not above 0 \(first: row 0"),
        ({"quality": np.array([1.0, np.nan])}, "quality are not above 0"),
        ({"places": 0}, "places is 0"),
        ({"reserve": -0.1}, r"reserve is -0\.1"),
    ],
)
def test_bad_input(change: dict, complaint: str) -> None:
    sound = {"row": np.array([0, 0]), "bid": np.ones(2), "quality": np.ones(2), "places": 1}
    with pytest.raises(ValueError, match=complaint):
        second_price(**{**sound, **change})
