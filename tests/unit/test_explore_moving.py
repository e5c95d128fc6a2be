"""Moving figures: one object, drawn without a kernel, alive with one; what cannot be drawn is refused by name."""

from __future__ import annotations

import json
import re
from typing import Any

import nbformat
import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup, Tag
from nbclient import NotebookClient

from mlsd_lib.explore import Moving, moving

FRAMES = {1: {"mean": [1.0, 2.0, 4.0], "p99": [3.0, 6.0, 12.0]}, 4: {"mean": [1.0, 1.5, 3.0], "p99": [2.0, 3.0, 8.0]}}
WORDS = {
    "x": [0.5, 0.7, 0.9],
    "control": "Machines",
    "xlabel": "utilisation (share)",
    "ylabel": "response (ms)",
    "alt": "Response times rise with utilisation, less so with more machines.",
    "value": "{:d} machines",
}
WIDGET = "application/vnd.jupyter.widget-view+json"


def figure(frames: Any = FRAMES, **changes: Any) -> Moving:
    return moving(frames, **{**WORDS, **changes})


def soup(own: Moving, place: int | None = None) -> BeautifulSoup:
    return BeautifulSoup(own.html(place), "html.parser")


def numbers(page: BeautifulSoup) -> list[list[str]]:
    return [[cell.get_text() for cell in row.find_all(["th", "td"])] for row in page.select("tbody tr")]


def one(page: BeautifulSoup, selector: str) -> Tag:
    (found,) = page.select(selector)
    return found


def points(page: BeautifulSoup, series: int) -> np.ndarray:
    path = str(page.select(".moving-plot .moving-line")[series]["d"])
    return np.array([[float(number) for number in point.split()] for point in path.removeprefix("M").split("L")])


def heights(page: BeautifulSoup, series: int) -> np.ndarray:
    return points(page, series)[:, 1]


def scale(page: BeautifulSoup, anchor: str, coordinate: str) -> np.poly1d:
    """What a place on the drawing stands for, as the labels of its axis say."""
    ticks = page.select(f'.moving-plot text[text-anchor="{anchor}"][{coordinate}]')
    labelled = [tick for tick in ticks if re.fullmatch(r"[-\d.,]+", tick.get_text())]
    at = [float(str(tick[coordinate])) for tick in labelled]
    return np.poly1d(np.polyfit(at, [float(tick.get_text().replace(",", "")) for tick in labelled], 1))


def test_the_start_is_drawn_without_a_script() -> None:
    page = soup(figure(start=4))
    assert one(page, "output").get_text() == "4 machines"
    assert numbers(page) == [["0.5", "1", "2"], ["0.7", "1.5", "3"], ["0.9", "3", "8"]]
    assert one(page, "svg.moving-plot")["aria-label"] == WORDS["alt"]
    said = [text.get_text() for text in page.select(".moving-plot text")]
    assert {"utilisation (share)", "response (ms)", "0.6", "0.8"} <= set(said)
    assert [item.get_text(strip=True) for item in page.select(".moving-legend li")] == ["mean", "p99"]


def test_the_control_is_named_hidden_until_a_script_runs_and_says_its_value() -> None:
    page = soup(figure(start=4))
    control = one(page, "input")
    assert (control["type"], control["min"], control["max"], control["value"]) == ("range", "0", "1", "1")
    assert control["aria-valuetext"] == "4 machines"
    assert control.has_attr("hidden")
    assert one(page, "label")["for"] == control["id"]
    assert one(page, "output")["aria-live"] == "polite"
    assert len(page.select("[aria-live]")) == 1


def test_drawn_places_are_the_values_on_the_labelled_axes() -> None:
    page = soup(figure(), 0)
    for series, name in enumerate(("mean", "p99")):
        across, up = points(page, series).T
        assert np.allclose(scale(page, "middle", "x")(across), WORDS["x"], atol=0.002)
        assert np.allclose(scale(page, "end", "y")(up), FRAMES[1][name], atol=0.05)
        mark = page.select(".moving-plot .moving-mark")[series]
        shape = str(mark["data-shape"])
        assert mark["d"] == "".join(f"M{x} {y}{shape}" for x, y in zip(across, up, strict=True))


def test_the_lines_span_the_axes() -> None:
    page = soup(figure(), 0)
    axis = re.fullmatch(r"M([\d.]+) ([\d.]+)V([\d.]+)H([\d.]+)", str(one(page, ".moving-axis")["d"]))
    assert axis is not None
    left, top, base, right = map(float, axis.groups())
    across = points(page, 0)[:, 0]
    assert (across[0], across[-1]) == (left, right)
    grid = [str(line["d"]) for line in page.select(".moving-grid") if "H" in str(line["d"])]
    up = [float(re.split("[ H]", line)[1]) for line in grid]
    assert (min(up), max(up)) == (top, base)  # the highest and the lowest tick are the ends


def test_series_are_matched_by_name_not_by_order() -> None:
    turned = {1: FRAMES[1], 4: dict(reversed(FRAMES[4].items()))}
    assert figure(turned).html() == figure().html()


def test_a_logarithmic_axis_is_even_in_ratios() -> None:
    frames = {name: {"share": list(np.array([1e-4, 1e-2, 1.0]) * scale)} for name, scale in {"a": 1, "b": 2}.items()}
    drawn = heights(soup(figure(frames, value="{}", ylog=True)), 0)
    assert drawn[0] - drawn[1] == pytest.approx(drawn[1] - drawn[2], abs=0.2)


def test_all_settings_share_one_pair_of_axes() -> None:
    own = figure()
    axes = [[text.get_text() for text in soup(own, place).select(".moving-plot text")] for place in (0, 1)]
    assert axes[0] == axes[1]
    assert (heights(soup(own, 0), 1) < heights(soup(own, 1), 1)).all()  # a smaller y stands higher


def test_the_script_gets_what_python_would_draw() -> None:
    own = figure()
    data = json.loads(one(soup(own), 'script[type="application/json"]').get_text())
    for place in range(2):
        page = soup(own, place)
        assert data["settings"][place] == one(page, "output").get_text()
        for series in range(2):
            assert np.allclose(data["y"][place][series], heights(page, series))
            assert data["cells"][place][series] == [row[series + 1] for row in numbers(page)]


def test_series_differ_in_colour_dash_and_shape() -> None:
    frames = {setting: {name: [1, 2, 3] for name in "abcd"} for setting in (1, 2)}
    page = soup(figure(frames))
    lines, marks = page.select(".moving-plot .moving-line"), page.select(".moving-plot .moving-mark")
    keys = page.select(".moving-legend .moving-line")
    for looks in ([line["stroke"] for line in lines], [line.get("stroke-dasharray") for line in lines]):
        assert len(set(looks)) == 4
    assert len({mark["data-shape"] for mark in marks}) == 4
    for key, line in zip(keys, lines, strict=True):
        assert (key["stroke"], key.get("stroke-dasharray")) == (line["stroke"], line.get("stroke-dasharray"))


def test_every_colour_follows_the_theme() -> None:
    own = figure().html()
    style = re.search(r"<style>(.*?)</style>", own)
    assert style is not None
    assert "html[data-theme=dark]" in style[1]
    assert not re.findall(r"#[0-9a-fA-F]{6}\b", own.replace(style[0], ""))
    mark = re.search(r"mlsd-moving (\w+)", own)
    assert mark is not None
    selectors = re.findall(r"([^{}]+)\{[^{}]*\}", re.sub(r"@media[^{]*\{", "", style[1]))
    assert selectors
    assert all(f".{mark[1]}" in selector for selector in selectors)  # its rules reach nothing else


def test_equal_figures_are_equal_text_and_others_share_no_id() -> None:
    assert figure().html() == figure().html()
    ids = [set(re.findall(r'\bid="([^"]+)"', own.html())) for own in (figure(), figure(control="Servers"))]
    assert ids[0]
    assert not ids[0] & ids[1]


def test_text_is_escaped_and_cannot_leave_the_data() -> None:
    frames = {1: {"</script><b>": [1, 2, 3]}, 2: {"</script><b>": [1, 2, 3]}}
    page = soup(figure(frames, value="{} </script><i>", alt='Say "<u>" & more.'))
    assert not page.select("b, i, u")
    assert json.loads(one(page, "script").get_text())["settings"][0] == "1 </script><i>"
    assert one(page, "svg.moving-plot")["aria-label"] == 'Say "<u>" & more.'


def test_nothing_is_requested() -> None:
    own = figure().html()
    assert re.findall(r"<script[^>]*>", own) == ['<script type="application/json">']
    assert not re.findall(r"\b(?:src|href)=|url\(|@import", own)


def test_arrays_and_series_of_a_frame_are_taken() -> None:
    table = pd.DataFrame({"x": [1, 2, 3], "a": [1.0, 2.0, 3.0]})
    frames = {key: {"a": table.a * key} for key in np.array([1, 2])}
    assert numbers(soup(figure(frames, x=table.x), 1)) == [["1", "2"], ["2", "4"], ["3", "6"]]


@pytest.mark.parametrize("level", [0.0, 5.0, -5.0, 1e-9, 1e9])
def test_flat_lines_stay_on_the_drawing(level: float) -> None:
    drawn = heights(soup(figure({key: {"a": [level] * 3} for key in (1, 2)})), 0)
    assert ((drawn >= 20) & (drawn <= 210)).all()


@pytest.mark.parametrize("ylog", [False, True])
def test_whatever_the_range_the_lines_and_some_ticks_stay_on_the_drawing(ylog: bool) -> None:
    rng = np.random.default_rng(0)
    for power in (-8, -3, 0, 4, 9):
        for spread in (0.01, 1.0, 6.0):
            values = 10 ** (power + spread * rng.random((2, 3)))
            page = soup(figure({1: {"a": values[0]}, 2: {"a": values[1]}}, ylog=ylog))
            drawn = heights(page, 0)
            assert ((drawn >= 23.9) & (drawn <= 204.1)).all(), (power, spread)
            assert 2 <= len(page.select('.moving-plot text[text-anchor="end"]')) <= 11, (power, spread)


@pytest.mark.parametrize(
    ("frames", "changes", "said"),
    [
        ({}, {}, "frames has 0 settings"),
        ({1: FRAMES[1]}, {}, "frames has 1 settings"),
        ({1: {}, 2: {}}, {}, r"frames\[1\] has 0 series"),
        ({k: {name: [1, 2, 3] for name in "abcde"} for k in (1, 2)}, {}, "has 5 series"),
        ({**FRAMES, 9: {"mean": [1, 2, 3]}}, {}, r"frames\[9\] has the series \['mean'\], and the first"),
        ({**FRAMES, 9: {"mean": [1, 2], "p99": [1, 2, 3]}}, {}, r"frames\[9\]\['mean'\] has shape \(2,\), and x has 3"),
        (
            {**FRAMES, 9: {"mean": [1, np.nan, 3], "p99": [1, 2, 3]}},
            {},
            "1 values that are not finite .first: nan at place 1",
        ),
        ({**FRAMES, 9: {"mean": [1, 2, np.inf], "p99": [1, 2, 3]}}, {}, "first: inf at place 2"),
        (
            {**FRAMES, 9: {"mean": [1, 0, 3], "p99": [1, 2, 3]}},
            {"ylog": True},
            "1 values not above 0 .first: 0 at place 1",
        ),
        (FRAMES, {"x": [1, 2]}, "has shape"),
        (FRAMES, {"x": [1]}, "x has shape"),
        (FRAMES, {"x": [1, 3, 2]}, "x does not rise at place 2"),
        (FRAMES, {"x": [1, 2, np.nan]}, "x holds 1 values"),
        (FRAMES, {"start": 3}, "start is 3, which is no setting"),
        (FRAMES, {"value": "{:d} of {}"}, "does not format the setting 1"),
        (FRAMES, {"value": "many"}, "shows 4 and 1 both as 'many'"),
        (FRAMES, {"control": " "}, "control is empty"),
        (FRAMES, {"xlabel": ""}, "xlabel is empty"),
        (FRAMES, {"alt": "plot.png"}, "name of a file"),
        (
            {k: {"a": np.ones(5_001)} for k in (1, 2)},
            {"x": np.arange(5_001)},
            "10,002 numbers, and a page takes 10,000",
        ),
    ],
)
def test_what_cannot_be_drawn_is_refused_by_name(frames: Any, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        figure(frames, **changes)


LIVE = """
import json
from mlsd_lib.explore import moving
frames = {1: {"a": [1, 2]}, 4: {"a": [3, 4]}}
figure = moving(frames, x=[0, 1], control="Machines", value="{} machines", xlabel="x", ylabel="y", alt="A line.")
"""
MOVE = """
slider, picture = figure.widget().children
before = picture.value
slider.value = 1
print(slider.description, "|", "1 machines" in before, "4 machines" in picture.value, "<input" in picture.value)
"""


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    cells = [LIVE, "figure", MOVE, 'import os\nos.environ["MLSD_STATIC"] = "1"\nfigure']
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLSD_STATIC", raising=False)
        NotebookClient(notebook, kernel_name="python3", timeout=120).execute()
    return list(notebook.cells)


def test_a_live_notebook_gets_a_slider_that_redraws(ran: list[Any]) -> None:
    (shown,) = ran[1].outputs
    assert set(shown.data) == {"text/plain", "text/html", WIDGET}
    assert shown.data["text/plain"] == "A line."
    assert ran[2].outputs[0].text == "Machines | True True False\n"


def test_a_page_of_the_book_gets_no_widget(ran: list[Any]) -> None:
    (shown,) = ran[3].outputs
    assert set(shown.data) == {"text/plain", "text/html"}


def test_without_a_kernel_there_is_no_widget_either() -> None:
    assert set(figure()._repr_mimebundle_()) == {"text/plain", "text/html"}
