"""Windows over history, and lists made of it, against what is spelt out row by row."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest

from mlsd_lib.offline import features
from mlsd_lib.offline.features.windows import pieces
from tests.unit.offline.features.tables import SECOND, at, drawn, earlier

SPANS = {"1s": SECOND, "5s": 5 * SECOND, "ever": features.EVER}


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("on", [["user_id"], ["user_id", "place"]])
def test_counts_and_sums_are_those_of_the_events_in_the_window(seed, on):
    asked, past = drawn(seed)
    found = features.windows(asked, past, on=on, last=SPANS, sums=["value", "clicked"])
    assert found.index.equals(asked.index)
    assert found.columns.tolist() == [f"{what}_{name}" for name in SPANS for what in ("count", "value", "clicked")]
    for name, span in SPANS.items():
        inside = list(earlier(asked, past, on, span))
        assert found[f"count_{name}"].tolist() == [len(events) for events in inside]
        assert found[f"value_{name}"].tolist() == [events["value"].sum() for events in inside]
        assert found[f"clicked_{name}"].tolist() == [events["clicked"].sum() for events in inside]


def test_the_start_of_a_window_belongs_to_it_and_its_end_does_not():
    past = pd.DataFrame({"user_id": 1, "ts": at(0, 10, 20)})
    found = features.windows(
        past.tail(1), past, on="user_id", last={"a": 10 * SECOND, "b": 9 * SECOND, "c": 20 * SECOND}
    )
    assert found.iloc[0].to_dict() == {"count_a": 1, "count_b": 0, "count_c": 2}


@pytest.mark.parametrize("block", [1, 7, 59, 60, 10_000])
def test_the_block_changes_nothing(block):
    asked, past = drawn(5)
    options = {"on": "user_id", "last": SPANS, "sums": ["value"]}
    whole = features.windows(asked, past, **options)
    pd.testing.assert_frame_equal(features.windows(asked, past, **options, block=block), whole)
    tops = features.top_values(asked, past, on="user_id", column="value", k=3)
    pd.testing.assert_frame_equal(
        features.top_values(asked, past, on="user_id", column="value", k=3, block=block), tops
    )


def test_nobody_has_to_have_a_history():
    asked = pd.DataFrame({"user_id": [1, 77], "ts": at(9, 9)})
    past = pd.DataFrame({"user_id": [1], "ts": at(0), "clicked": [True]})
    found = features.windows(asked, past, on="user_id", last={"ever": features.EVER}, sums=["clicked"])
    assert found.to_numpy().tolist() == [[1, 1.0], [0, 0.0]]
    assert found.dtypes.astype(str).tolist() == ["int64", "float64"]
    none = features.windows(asked, past.head(0), on="user_id", last={"ever": features.EVER}, sums=["clicked"])
    assert none.to_numpy().tolist() == [[0, 0.0], [0, 0.0]]
    assert len(features.windows(asked.head(0), past, on="user_id", last={"ever": SECOND})) == 0


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("span", [None, 6 * SECOND])
def test_the_most_frequent_values_come_first_and_of_equals_the_one_seen_last(seed, span):
    asked, past = drawn(seed)
    found = features.top_values(asked, past, on="user_id", column="value", k=3, last=span or features.EVER)
    assert found.index.equals(asked.index)
    assert found.columns.tolist() == ["top_1", "top_2", "top_3"]
    for (_, answer), events in zip(found.iterrows(), earlier(asked, past, ["user_id"], span), strict=True):
        values = events["value"].tolist()
        often, seen = Counter(values), {value: place for place, value in enumerate(values)}
        right = sorted(often, key=lambda value: (-often[value], -seen[value]))[:3]
        assert answer.dropna().tolist() == right
        assert answer.isna().tolist() == [False] * len(right) + [True] * (3 - len(right))


def test_a_list_may_hold_texts_and_somebody_new_has_an_empty_one():
    past = pd.DataFrame({"user_id": 1, "ts": at(0, 1, 2), "about": ["tents", "rugs", "rugs"]})
    asked = pd.DataFrame({"user_id": [1, 1, 2], "ts": at(2, 3, 3)})
    found = features.top_values(asked, past, on="user_id", column="about", k=2)
    assert found.iloc[0].tolist() == ["rugs", "tents"]  # one each, and rugs were seen last
    assert found.iloc[1].tolist() == ["rugs", "tents"]
    assert found.iloc[2].isna().all()
    nobody = features.top_values(asked, past.head(0), on="user_id", column="about", k=2)
    assert nobody.isna().all(axis=None)
    assert len(features.top_values(asked.head(0), past, on="user_id", column="about")) == 0


def test_five_values_are_listed_unless_told_otherwise():
    past = pd.DataFrame({"user_id": 1, "ts": at(*range(9)), "about": list("abcdefghi")})
    assert features.top_values(past.tail(1), past, on="user_id", column="about").iloc[0].tolist() == list("hgfed")


@pytest.mark.parametrize(("options", "message"), [
    ({"last": {"a": pd.Timedelta(0)}}, "windows: a window is Timedelta.*; expected a pd.Timedelta above 0"),
    ({"last": {"a": 7}}, "windows: a window is 7"),
    ({"last": {"a": SECOND}, "sums": ["place"]}, "events: place is no number"),
    ({"last": {"a": SECOND}, "sums": ["bid"]}, "events: column 'bid' is missing"),
    ({"last": {"a": SECOND}, "block": 0}, "windows: block is 0"),
    ({"last": {}}, "windows: no window is named"),
    ({"last": {"a": SECOND}, "sums": ["count"]}, "windows: a column named 'count' cannot be summed"),
])  # fmt: skip
def test_windows_that_mean_nothing_are_refused(options, message):
    asked, past = drawn(0)
    with pytest.raises(ValueError, match=message):
        features.windows(asked, past.assign(count=1), on="user_id", **options)


def test_what_is_summed_has_to_be_finite():
    asked, past = drawn(0)
    endless = past.assign(value=past["value"].astype(float).where(past.index != 2, np.inf))
    with pytest.raises(ValueError, match=r"events: value is not finite in 1 row \(first: row 2\)"):
        features.windows(asked, endless, on="user_id", last=SPANS, sums=["value"])
    with pytest.raises(ValueError, match="events: value is missing in 1 row"):
        features.windows(asked, endless.replace(np.inf, np.nan), on="user_id", last=SPANS, sums=["value"])


@pytest.mark.parametrize(("options", "message"), [
    ({"k": 0}, "top_values: k is 0; expected a whole number of at least 1"),
    ({"block": 0}, "top_values: block is 0"),
    ({"last": -SECOND}, "top_values: a window is"),
    ({"column": "price"}, "events: column 'price' is missing"),
])  # fmt: skip
def test_lists_that_mean_nothing_are_refused(options, message):
    asked, past = drawn(0)
    with pytest.raises(ValueError, match=message):
        features.top_values(asked, past, **({"on": "user_id", "column": "value"} | options))


def test_sums_of_fractions_are_right_to_rounding_and_of_nothing_exactly_nothing():
    asked, past = drawn(4)
    priced = past.assign(price=np.random.default_rng(4).random(len(past)) * 1e6)
    found = features.windows(asked, priced, on="user_id", last=SPANS, sums=["price"])
    for name, span in SPANS.items():
        right = np.array([events["price"].sum() for events in earlier(asked, priced, ["user_id"], span)])
        np.testing.assert_allclose(found[f"price_{name}"], right, rtol=1e-9, atol=1e-6)
        assert (found.loc[found[f"count_{name}"] == 0, f"price_{name}"] == 0).all()


def test_settings_are_given_by_name():
    asked, past = drawn(0)
    for call in (
        lambda: features.windows(asked, past, "user_id", {"s": SECOND}),
        lambda: features.top_values(asked, past, "user_id", "value"),
        lambda: features.as_of(asked, past, "user_id"),
        lambda: features.encoded_in_time(past, "user_id", "clicked", 0.3),
        lambda: features.encoded_from([1], [1], [1], 20.0),
        lambda: features.smoothed(1, 2, 0.5, 20.0),
        lambda: features.refreshed(asked["ts"], SECOND),
    ):
        with pytest.raises(TypeError):
            call()


def test_pieces_hold_all_rows_in_order_and_no_more_than_the_block():
    length = np.array([3, 0, 4, 9, 1, 1, 1, 0, 0, 2])
    for block in range(1, 25):
        parts = [np.arange(10)[part] for part in pieces(length, block)]
        assert np.concatenate(parts).tolist() == list(range(10))
        for part, later in zip(parts, [*parts[1:], None], strict=True):
            assert length[part].sum() <= block or len(part) == 1
            assert later is None or length[part].sum() + length[later[0]] > block  # none is smaller than it has to be
    assert list(pieces(np.array([], dtype=int), 5)) == []
