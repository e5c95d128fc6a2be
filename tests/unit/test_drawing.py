import re

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from mlsd_lib import explore
from mlsd_lib.architecture import Batch, Edge, State, System
from mlsd_lib.drawing import LETTERS, architecture
from mlsd_lib.figure import style


class Step:
    """A component made of a function."""

    def __init__(self, name, function):
        self.name, self.function = name, function

    def __call__(self, batch):
        return self.function(batch)

    def state(self):
        return State()


def offer(batch):
    """Three candidates for each request."""
    row = np.repeat(np.arange(len(batch)), 3)
    return Batch(batch.requests, {"row": row, "price": np.tile([3.0, 1.0, 2.0], len(batch))})


def first(batch):
    keep = batch.places() == 0
    return Batch(batch.requests, {name: values[keep] for name, values in batch.items.items()})


EDGE = Edge(
    name="shop",
    key="number",
    read=lambda frame: {"number": frame["number"].to_numpy()},
    write=lambda batch: pd.DataFrame({"price": batch.items["price"]}),
)
SHOP = System(
    "shop",
    EDGE,
    (
        Step("greeter", lambda batch: batch),
        Step("reader", lambda batch: Batch({**batch.requests, "wish": np.zeros(len(batch))}, batch.items)),
        Step("offer", offer),
        Step("page", first),
    ),
)
REQUESTS = pd.DataFrame({"number": [7, 3]})


@pytest.fixture(autouse=True)
def drawing_defaults():
    mpl.use("agg")
    with mpl.rc_context():
        style()
        yield


def drawn_texts(figure):
    return re.findall(r"<text[^>]*>([^<]+)</text>", figure.svg)


def test_the_text_tells_components_counts_and_arrays_in_order():
    assert architecture(SHOP.trace(REQUESTS), title="Shop").alt == (
        "Shop, from top to bottom: 2 requests with number; greeter changes nothing; reader adds wish; "
        "offer passes on 6 items, adds price; page passes on 2 items."
    )


def test_the_drawing_says_what_its_text_says_from_top_to_bottom():
    assert drawn_texts(architecture(SHOP.trace(REQUESTS), title="Shop")) == [
        *("Shop", "2 requests with number", "greeter", "changes nothing", "reader", "adds wish"),
        *("offer", "6 items", "adds price", "page", "2 items"),
    ]


def test_one_request_and_one_item_are_told_in_the_singular():
    single = architecture(SHOP.trace(REQUESTS.head(1)), title="Shop").alt
    assert "1 request with" in single
    assert single.endswith("page passes on 1 item.")


def test_a_system_that_has_not_run_is_drawn_with_the_kind_of_each_component():
    figure = architecture(SHOP, title="Shop")
    assert figure.alt.startswith("Shop, from top to bottom: requests; greeter (Step); reader (Step);")
    assert "item" not in figure.alt
    assert drawn_texts(figure)[:4] == ["Shop", "requests", "greeter", "Step"]


def test_time_stands_in_the_boxes_where_it_is_asked_for():
    trace = SHOP.trace(REQUESTS)
    trace.steps["milliseconds"] = [1.0, 2.5, 1_234.56, 0.0]
    figure = architecture(trace, title="Shop", time=True)
    assert "offer (1,234.6 ms) passes on 6 items" in figure.alt
    assert [text for text in drawn_texts(figure) if text.endswith(" ms")] == [
        "1.0 ms",
        "2.5 ms",
        "1,234.6 ms",
        "0.0 ms",
    ]
    assert " ms" not in architecture(trace, title="Shop").svg
    with pytest.raises(ValueError, match=r"has not run, so it took no time\. Draw system\.trace"):
        architecture(SHOP, title="Shop", time=True)


def test_the_drawing_keeps_its_width_however_many_arrays_are_added():
    many = {f"array_number_{number}": np.zeros(2) for number in range(30)}
    wide = SHOP.replace(reader=Step("reader", lambda batch: Batch({**batch.requests, **many}, batch.items)))
    figures = [architecture(system.trace(REQUESTS), title="Shop") for system in (SHOP, wide)]
    widths, heights = zip(
        *(map(float, re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', f.svg).groups()) for f in figures), strict=True
    )
    assert widths[1] == pytest.approx(widths[0], rel=0.02)
    assert heights[1] > heights[0] + 100
    assert max(len(text) for text in drawn_texts(figures[1])) <= LETTERS
    assert all(name in figures[1].alt for name in many)


def test_letters_are_legible_on_a_narrow_screen():
    svg = architecture(SHOP.trace(REQUESTS), title="Shop", time=True).svg
    width = float(re.search(r'viewBox="0 0 ([\d.]+)', svg)[1])
    sizes = [float(size) for size in re.findall(r"font(?:-size)?:[^;\"]*?([\d.]+)px", svg)]
    assert sizes
    assert min(sizes) * 328 / width >= 12  # a page of 360 pixels leaves 328 for the figure


def test_no_colour_is_fixed_so_both_themes_can_set_them():
    svg = architecture(SHOP, title="Shop").svg
    assert not re.findall(r"#[0-9a-fA-F]{6}\b", re.sub(r"<style>.*?</style>", "", svg))


def test_explore_offers_the_same_function():
    assert explore.architecture is architecture
