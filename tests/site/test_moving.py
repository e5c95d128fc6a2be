"""Figures that a reader moves: by keyboard, from a folder, in both themes, on a phone, and there without scripts."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.site import sites
from tests.site.test_pages import SIDEWAYS, violations

FIGURE = "figure.mlsd-moving"
STATE = """(figure) => ({
  lines: [...figure.querySelectorAll(".moving-plot .moving-line")].map((line) => line.getAttribute("d")),
  marks: [...figure.querySelectorAll(".moving-plot .moving-mark")].map((mark) => mark.getAttribute("d")),
  cells: [...figure.querySelectorAll("tbody tr")].map((row) => [...row.cells].map((cell) => cell.textContent)),
})"""


def opened(page: Page, base: str) -> Locator:
    page.goto(f"{base}/{sites.with_element(FIGURE)}")
    return page.locator(FIGURE).first


def data(figure: Locator) -> dict[str, list]:  # type: ignore[type-arg]
    found: dict[str, list] = json.loads(figure.locator("script").text_content() or "")  # type: ignore[type-arg]
    return found


def test_the_keyboard_moves_the_figure_its_text_and_its_numbers(tab: Page, base: str) -> None:
    watch = sites.Watch(base)
    watch.follow(tab)
    figure = opened(tab, base)
    control, said = figure.locator("input[type=range]"), figure.locator("output")
    expect(control).to_be_visible()
    expect(figure.get_by_role("slider")).to_have_accessible_name(figure.locator("label").inner_text())
    kept = data(figure)
    last = len(kept["settings"]) - 1

    control.focus()
    tab.keyboard.press("Home")
    before = figure.evaluate(STATE)
    expect(said).to_have_text(kept["settings"][0])
    tab.keyboard.press("ArrowRight")
    expect(said).to_have_text(kept["settings"][1])
    expect(control).to_have_attribute("aria-valuetext", kept["settings"][1])
    tab.keyboard.press("End")
    expect(said).to_have_text(kept["settings"][last])
    after = figure.evaluate(STATE)
    assert after["lines"] != before["lines"]
    assert after["marks"] != before["marks"]
    assert [row[1:] for row in after["cells"]] == [list(row) for row in zip(*kept["cells"][last], strict=True)]
    assert [row[0] for row in after["cells"]] == [row[0] for row in before["cells"]]

    tab.keyboard.press("Home")
    assert figure.evaluate(STATE) == before
    assert not watch.faults, "\n".join(watch.faults)


def test_the_drawing_is_where_the_data_say(tab: Page, server: str) -> None:
    figure = opened(tab, server)
    kept = data(figure)
    control = figure.locator("input")
    control.focus()
    tab.keyboard.press("End")
    for path, heights in zip(figure.evaluate(STATE)["lines"], kept["y"][-1], strict=True):
        points = [[float(number) for number in point.split()] for point in path[1:].split("L")]
        assert points == [[x, y] for x, y in zip(kept["x"], heights, strict=True)]


def test_starting_the_script_moves_nothing(browser: Browser, server: str) -> None:
    """The figure drawn without scripts is the one that the script starts from, and the control's place is kept."""
    states = []
    for script in (True, False):
        with sites.looking(browser, script=script) as context:
            page = context.new_page()
            figure = opened(page, server)
            expect(figure.locator("svg.moving-plot")).to_be_visible()
            expect(figure.locator("output")).not_to_be_empty()
            expect(figure.locator("input")).to_be_visible(visible=script)
            figure.locator("details summary").click()
            expect(figure.locator("table")).to_be_visible()
            numbers = figure.locator("tbody tr").all_inner_texts()
            states.append((figure.locator("output").inner_text(), numbers))
    assert states[0] == states[1]
    with sites.looking(browser) as context:
        page = context.new_page()
        page.add_init_script(
            "window.shift = 0; new PerformanceObserver((list) => list.getEntries().forEach((one) => {"
            " window.shift += one.value; })).observe({type: 'layout-shift', buffered: true});"
        )
        opened(page, server)
        page.wait_for_timeout(200)
        assert page.evaluate("window.shift") < 0.01


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_with_the_numbers_open(browser: Browser, server: str, theme: str) -> None:
    with sites.looking(browser, theme=theme) as context:
        page = context.new_page()
        opened(page, server)
        page.evaluate(f"document.querySelectorAll('{FIGURE} details').forEach((one) => {{ one.open = true; }})")
        assert violations(page) == []


def test_themes_change_every_colour(browser: Browser, server: str) -> None:
    seen = []
    colours = """(figure) => [
      ...[...figure.querySelectorAll(".moving-plot .moving-line")].map((line) => getComputedStyle(line).stroke),
      getComputedStyle(figure.querySelector(".moving-plot")).fill,
      getComputedStyle(figure.querySelector(".moving-grid")).stroke,
    ]"""
    for theme in ("light", "dark"):
        with sites.looking(browser, theme=theme) as context:
            seen.append(opened(context.new_page(), server).evaluate(colours))
    assert all(one != other for one, other in zip(*seen, strict=True))


def test_a_phone_shows_all_of_it(browser: Browser, server: str) -> None:
    with sites.looking(browser, width=360) as context:
        page = context.new_page()
        figure = opened(page, server)
        page.evaluate(f"document.querySelectorAll('{FIGURE} details').forEach((one) => {{ one.open = true; }})")
        assert page.evaluate(SIDEWAYS) == ""
        for part in ("svg.moving-plot", "input", "output"):
            box = figure.locator(part).bounding_box()
            assert box is not None
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= 360
        drawn = """(plot) => {
          const sizes = [...plot.querySelectorAll("text")].map((one) => parseFloat(getComputedStyle(one).fontSize));
          return Math.min(...sizes) * plot.getBoundingClientRect().width / plot.viewBox.baseVal.width;
        }"""
        assert figure.locator("svg.moving-plot").evaluate(drawn) >= 9
