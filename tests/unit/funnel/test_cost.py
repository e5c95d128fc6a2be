import re

import numpy as np
import pandas as pd
import pytest

from mlsd_lib.funnel import Costs, timings
from tests.unit.funnel.cascades import cascade, noisy

COSTS = Costs(
    fixed_ms={"find": 2.0, "light": 0.5, "heavy": 1.0}, per_item_ms={"find": 0.0, "light": 0.001, "heavy": 0.02}
)


def took(name, handled, milliseconds, *, found=False):
    """Timings of a component that was given `handled` items and passed on a few, or found them."""
    few = np.minimum(handled, 5)
    given, passed = (few * 0, handled) if found else (handled, few)
    return pd.DataFrame({"component": name, "items_in": given, "items_out": passed, "milliseconds": milliseconds})


def test_a_request_costs_what_is_fixed_and_what_its_items_cost():
    assert COSTS.predict({"find": 5_000, "light": 1_000, "heavy": 50}) == {"find": 2.0, "light": 1.5, "heavy": 2.0}
    assert COSTS.predict({"heavy": 50}) == {"find": 2.0, "light": 0.5, "heavy": 2.0}


def test_costs_are_fitted_to_what_each_component_handled():
    handled = np.random.default_rng(0).integers(0, 900, 200)
    table = pd.concat(
        [took("find", handled, 2.0 + 0.003 * handled, found=True), took("heavy", handled, 0.25 + 0.02 * handled)]
    ).sample(frac=1, random_state=0)
    fitted = Costs.fitted(table)
    assert fitted.fixed_ms == pytest.approx({"find": 2.0, "heavy": 0.25})
    assert fitted.per_item_ms == pytest.approx({"find": 0.003, "heavy": 0.02})


def test_a_few_stray_slow_requests_do_not_move_the_costs():
    handled = np.tile(np.arange(100, 1_300, 100), 20)
    milliseconds = 1 + 0.01 * handled
    milliseconds[::23] += 5_000
    fitted = Costs.fitted(took("heavy", handled, milliseconds))
    assert (fitted.fixed_ms["heavy"], fitted.per_item_ms["heavy"]) == pytest.approx((1, 0.01), rel=0.02)


def test_a_component_that_always_handled_the_same_has_a_fixed_cost():
    fitted = Costs.fitted(took("heavy", np.full(9, 40), np.array([3.0, 3, 9, 3, 3, 3, 3, 3, 3])))
    assert (fitted.fixed_ms, fitted.per_item_ms) == ({"heavy": 3.0}, {"heavy": 0.0})


def test_no_cost_is_negative_whatever_was_timed():
    handled = np.arange(100, 1_200, 100)
    falling, steep = (Costs.fitted(took("x", handled, ms)) for ms in (20 - 0.01 * handled, 0.1 * (handled - 90.0)))
    assert falling.per_item_ms == {"x": 0.0}
    assert 9 < falling.fixed_ms["x"] < 20
    assert steep.fixed_ms == {"x": 0.0}
    assert 0.08 < steep.per_item_ms["x"] < 0.1


def test_one_timing_is_enough_for_a_fixed_cost():
    assert Costs.fitted(took("x", np.array([7]), [1.5])).fixed_ms == {"x": 1.5}


def test_costs_print_as_a_table():
    assert re.sub(r" +", " ", str(COSTS)).splitlines()[2:] == ["find 2.0 0.000", "light 0.5 0.001", "heavy 1.0 0.020"]
    assert COSTS.frame().columns.tolist() == ["fixed_ms", "per_item_ms"]
    assert repr(COSTS) == str(COSTS)


@pytest.mark.parametrize(
    ("fixed_ms", "per_item_ms", "message"),
    [
        ({"a": 1.0}, {"b": 1.0}, "Costs: fixed_ms is for a, and per_item_ms for b"),
        ({"a": 1.0}, {}, "per_item_ms for nothing"),
        ({}, {"a": 1.0}, "fixed_ms is for nothing"),
        ({"a": -0.1}, {"a": 1.0}, "Costs: a costs -0.1 ms"),
        ({"a": 0.1}, {"a": float("nan")}, "Costs: a costs nan ms"),
        ({"a": 0.1}, {"a": float("inf")}, "Costs: a costs inf ms"),
    ],
)
def test_unsound_costs_are_refused(fixed_ms, per_item_ms, message):
    with pytest.raises(ValueError, match=message):
        Costs(fixed_ms, per_item_ms)


def test_costs_cannot_be_changed_and_stay_in_the_order_of_the_components():
    with pytest.raises(AttributeError):
        COSTS.fixed_ms = {}
    table = pd.concat([took("zoom", np.arange(4), np.ones(4)), took("add", np.arange(4), np.ones(4))])
    assert list(Costs.fitted(table).fixed_ms) == ["zoom", "add"]


def test_free_components_are_allowed():
    assert Costs({"a": 0.0}, {"a": 0.0}).predict({"a": 10}) == {"a": 0.0}


def test_a_component_of_unknown_cost_is_named():
    with pytest.raises(ValueError, match=r"Costs: the cost of 'page' is not known, only of find, light, heavy"):
        COSTS.predict({"light": 3, "page": 10, "footer": 1})


def test_costs_need_timings():
    table = took("heavy", np.arange(3), np.ones(3))
    with pytest.raises(ValueError, match=r"Costs: the table of timings has no row"):
        Costs.fitted(table.iloc[:0])
    with pytest.raises(ValueError, match=r"Costs: the table of timings lacks the column 'items_out'"):
        Costs.fitted(table.drop(columns=["milliseconds", "items_out"]))


TABLE = noisy(np.arange(20)).groupby("request_id").filter(lambda rows: len(rows) >= 12)
REQUESTS = TABLE[["request_id"]].drop_duplicates().head(3)
SYSTEM = cascade(TABLE, (40, 6, 2))


def test_every_component_is_timed_on_every_request_at_every_width():
    table = timings(SYSTEM, REQUESTS, scales=(0.5, 1, 2))
    assert table.columns.tolist() == ["request", "scale", "component", "items_in", "items_out", "milliseconds"]
    assert table["request"].tolist() == [request for request in range(3) for _ in range(9)]
    assert table["scale"].tolist() == [0.5, 0.5, 0.5, 1, 1, 1, 2, 2, 2] * 3
    assert table["component"].tolist() == ["first", "second", "third"] * 9
    passed = table.set_index(["component", "scale"])["items_out"]
    assert passed["second"].groupby("scale").unique().map(list).to_dict() == {0.5: [3], 1: [6], 2: [12]}
    assert passed["third"].groupby("scale").unique().map(list).to_dict() == {0.5: [1], 1: [2], 2: [4]}
    assert table.index.tolist() == list(range(27))
    assert (table["milliseconds"] > 0).all()


def test_components_are_timed_at_a_quarter_to_twice_their_width_unless_told_otherwise():
    assert timings(SYSTEM, REQUESTS.iloc[:1])["scale"].unique().tolist() == [0.25, 0.5, 1.0, 2.0]


def test_a_stage_is_never_scaled_to_nothing():
    assert (timings(SYSTEM, REQUESTS, scales=(0.01,))["items_out"] == 1).all()


@pytest.mark.parametrize(("requests", "scales"), [(REQUESTS.iloc[:0], (1,)), (REQUESTS, ())])
def test_timings_need_requests_and_scales(requests, scales):
    with pytest.raises(ValueError, match=r"timings: \d requests and \d scales; give at least one of each"):
        timings(SYSTEM, requests, scales=scales)
