import dataclasses

import numpy as np
import pandas as pd
import pytest

from mlsd_lib.architecture import Altered, Batch, Down, Edge, Fallback, Off, State, System


class Step:
    """A component made of a function."""

    def __init__(self, name, function):
        self.name, self.function = name, function

    def __call__(self, batch):
        return self.function(batch)

    def state(self):
        return State()


def offer(batch):
    """Two candidates for each request, at 10 and 20 times its number."""
    row = np.repeat(np.arange(len(batch)), 2)
    number = batch.requests["number"][row]
    return Batch(batch.requests, {"row": row, "price": number * np.tile([10.0, 20.0], len(batch))})


def half(batch):
    """The first candidate of each request."""
    first = batch.places() == 0
    return Batch(batch.requests, {name: values[first] for name, values in batch.items.items()})


EDGE = Edge(
    name="shop",
    key="number",
    read=lambda frame: {"number": frame["number"].to_numpy()},
    write=lambda batch: pd.DataFrame({"number": batch.requests["number"][batch.row], "price": batch.items["price"]}),
)
SHOP = System("shop", EDGE, (Step("offer", offer), Step("page", half)))
REQUESTS = pd.DataFrame({"number": [7, 3, 5]})


def test_a_system_passes_a_batch_through_its_components_in_order():
    assert SHOP.run(REQUESTS).to_dict("list") == {"number": [7, 3, 5], "price": [70.0, 30.0, 50.0]}


def test_a_trace_shows_what_each_component_did():
    trace = SHOP.trace(REQUESTS)
    pd.testing.assert_frame_equal(trace.shown, SHOP.run(REQUESTS))
    assert list(trace.steps.columns) == ["component", "items_in", "items_out", "milliseconds"]
    assert trace.steps["component"].tolist() == ["offer", "page"]
    assert trace.steps["items_in"].tolist() == [0, 6]
    assert trace.steps["items_out"].tolist() == [6, 3]
    assert (trace.steps["milliseconds"] >= 0).all()
    assert list(trace.after) == ["offer", "page"]
    assert trace.after["offer"].counts().tolist() == [2, 2, 2]


def test_a_trace_tells_what_each_component_adds_and_changes():
    def reader(batch):
        return Batch({**batch.requests, "wish": batch.requests["number"] * 1.0}, batch.items)

    def doubter(batch):
        return Batch({**batch.requests, "wish": batch.requests["wish"] + 1}, batch.items)

    def turn(batch):
        order = np.lexsort((-batch.items["price"], batch.row))
        return Batch(batch.requests, {name: values[order] for name, values in batch.items.items()})

    steps = {"reader": reader, "doubter": doubter, "offer": offer, "turn": turn, "same": lambda batch: batch}
    shop = System("shop", EDGE, tuple(Step(name, step) for name, step in steps.items()))
    flow = shop.trace(REQUESTS).flow().set_index("component")
    assert flow["adds"].to_dict() == {"reader": "wish", "doubter": "", "offer": "price", "turn": "", "same": ""}
    assert flow["changes"].to_dict() == {"reader": "", "doubter": "wish", "offer": "", "turn": "price", "same": ""}
    assert flow["items"].tolist() == [0, 0, 6, 6, 6]


def test_the_flow_tells_a_cut_by_its_count_and_takes_nan_for_no_change():
    def unsure(batch):
        given = offer(batch)
        return Batch(given.requests, {**given.items, "guess": np.full(len(given.row), np.nan)})

    def again(batch):
        return Batch(batch.requests, {name: values.copy() for name, values in batch.items.items()})

    steps = (Step("unsure", unsure), Step("again", again), Step("page", half))
    flow = System("shop", EDGE, steps).trace(REQUESTS).flow()
    assert flow["changes"].tolist() == ["", "", ""]
    assert flow["items"].tolist() == [6, 6, 3]


def test_a_trace_keeps_what_the_first_component_was_given():
    assert list(SHOP.trace(REQUESTS).before.requests) == ["number"]
    assert len(SHOP.trace(REQUESTS).before.row) == 0


def test_an_altered_component_works_and_then_is_changed():
    def dearer(batch):
        return Batch(batch.requests, {**batch.items, "price": batch.items["price"] + 1})

    altered = Altered(SHOP["offer"], dearer)
    assert SHOP.replace(offer=altered).run(REQUESTS)["price"].tolist() == [71.0, 31.0, 51.0]
    assert altered.state() == SHOP["offer"].state()


def test_a_component_that_is_down_takes_the_whole_answer_with_it_unless_something_steps_in():
    with pytest.raises(RuntimeError, match="page is down"):
        SHOP.replace(page=Down("page")).run(REQUESTS)
    sure = SHOP.replace(page=Fallback(Down("page"), Off("page")))
    assert sure.run(REQUESTS)["price"].tolist() == [70.0, 140.0, 30.0, 60.0, 50.0, 100.0]
    assert sure.trace(REQUESTS).after["page"].requests["page_fell_back"].tolist() == [True] * 3


def test_a_fallback_leaves_a_healthy_component_alone_and_says_so():
    sure = SHOP.replace(page=Fallback(SHOP["page"], Down("page")))
    pd.testing.assert_frame_equal(sure.run(REQUESTS), SHOP.run(REQUESTS))
    assert sure.trace(REQUESTS).after["page"].requests["page_fell_back"].tolist() == [False] * 3


def test_a_fallback_of_another_name_is_refused():
    with pytest.raises(ValueError, match="'page' and 'offer' have different names"):
        Fallback(Down("page"), Off("offer"))


def test_what_steps_in_and_fails_too_is_not_hidden():
    with pytest.raises(RuntimeError, match="page is down"):
        SHOP.replace(page=Fallback(Down("page"), Down("page"))).run(REQUESTS)


def test_a_component_is_replaced_and_the_others_are_shared():
    def dearer(batch):
        given = offer(batch)
        return Batch(given.requests, dict(given.items) | {"price": given.items["price"] + 1})

    better = SHOP.replace(offer=Step("offer", dearer))
    assert better.run(REQUESTS)["price"].tolist() == [71.0, 31.0, 51.0]
    assert better["page"] is SHOP["page"]
    assert SHOP.run(REQUESTS)["price"].tolist() == [70.0, 30.0, 50.0]
    with pytest.raises(ValueError, match="shop: no component 'ranker'; it has offer, page"):
        SHOP.replace(ranker=Step("ranker", offer))
    with pytest.raises(ValueError, match="the component to replace 'offer' is called 'other'"):
        SHOP.replace(offer=Step("other", offer))


def test_a_system_needs_components_with_names_of_their_own():
    with pytest.raises(ValueError, match="shop: a system needs at least one component"):
        System("shop", EDGE, ())
    for names in (["a", "a"], ["a", "not a name"], ["../a"]):
        with pytest.raises(ValueError, match="component names must differ and be Python identifiers"):
            System("shop", EDGE, tuple(Step(name, offer) for name in names))


def test_a_nan_score_is_refused_with_the_component_and_the_request():
    def broken(batch):
        given = offer(batch)
        score = np.where(given.requests["number"][given.row] == 3, np.nan, 1.0)
        return Batch(given.requests, dict(given.items) | {"score": score})

    for act in (SHOP.replace(offer=Step("offer", broken)).run, SHOP.replace(offer=Step("offer", broken)).trace):
        with pytest.raises(ValueError, match=r"component 'offer' gave NaN as the score of 2 items \(first: number=3\)"):
            act(REQUESTS)


@pytest.mark.parametrize(
    ("result", "told"),
    [
        (lambda batch: None, "was given 3 requests and returned a NoneType"),
        (lambda batch: batch.items, "was given 3 requests and returned a mappingproxy"),
        (lambda batch: Batch({"number": np.arange(2)}), "was given 3 requests and returned a batch of 2"),
    ],
)
def test_a_component_has_to_return_a_batch_of_the_same_requests(result, told):
    with pytest.raises(ValueError, match=f"component 'page' {told}"):
        SHOP.replace(page=Step("page", result)).run(REQUESTS)


def test_a_batch_without_items_has_an_empty_row():
    batch = Batch({"number": np.arange(3)})
    assert (len(batch), len(batch.row), batch.counts().tolist()) == (3, 0, [0, 0, 0])


def test_places_count_within_a_request():
    batch = Batch({"number": np.arange(4)}, {"row": np.array([0, 0, 2, 3, 3, 3])})
    assert batch.places().tolist() == [0, 1, 0, 0, 1, 2]
    assert batch.counts().tolist() == [2, 0, 1, 3]


def test_a_batch_cannot_be_changed_and_leaves_the_arrays_it_was_given_alone():
    price = np.ones(1)
    batch = Batch({"number": np.arange(1)}, {"row": np.zeros(1, dtype=int), "price": price})
    with pytest.raises(ValueError, match="read-only"):
        batch.items["price"][0] = 2.0
    with pytest.raises(TypeError):
        batch.items["price"] = price
    with pytest.raises(dataclasses.FrozenInstanceError):
        batch.items = {}
    price[0] = 3.0
    assert np.shares_memory(batch.items["price"], price)


@pytest.mark.parametrize(
    ("requests", "items", "told"),
    [
        ({}, {}, "requests has no array"),
        ({"a": np.arange(2), "b": np.arange(3)}, {}, r"arrays of requests differ in length \(a 2, b 3\)"),
        ({"a": np.arange(2)}, {"row": np.zeros(2, int), "b": np.arange(3)}, r"arrays of items differ in length"),
        ({"a": [1, 2]}, {}, r"requests\['a'\] is a list; expected an array"),
        ({"a": np.array(1)}, {}, r"requests\['a'\] is a ndarray; expected an array of values"),
        ({"a": np.arange(2)}, {"b": np.arange(3)}, "needs an integer array 'row'"),
        ({"a": np.arange(2)}, {"row": np.array([0.0, 1.0])}, "needs an integer array 'row'"),
        ({"a": np.arange(2)}, {"row": np.zeros((2, 2), int)}, "needs an integer array 'row'"),
        ({"a": np.arange(2)}, {"row": np.array([1, 0])}, "must be non-decreasing and in 0..1"),
        ({"a": np.arange(2)}, {"row": np.array([0, 2])}, "must be non-decreasing and in 0..1"),
        ({"a": np.arange(2)}, {"row": np.array([-1, 0])}, "must be non-decreasing and in 0..1"),
    ],
)
def test_an_unsound_batch_is_refused(requests, items, told):
    with pytest.raises(ValueError, match=told):
        Batch(requests, items)
