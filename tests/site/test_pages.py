"""Every page: no console error, no outside request, no axe violation, no sideways scrolling, not too heavy."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from book.tools.lean import LIMIT, first_load
from tests.site import sites

SIDEWAYS = """() => {
  const root = document.scrollingElement;
  if (root.scrollWidth <= root.clientWidth) return "";
  const beyond = (e) => e.getBoundingClientRect().right > root.clientWidth + 1;
  const wide = [...document.querySelectorAll("body *")].filter(beyond);
  return `${root.scrollWidth} px wide: ` + wide.slice(-3).map((e) => e.outerHTML.slice(0, 100)).join(" | ");
}"""


def violations(page: Page) -> list[str]:
    page.add_script_tag(path=sites.AXE)
    found = page.evaluate("async () => (await axe.run(document, {resultTypes: ['violations']})).violations")
    return [f"{rule['id']}, {len(rule['nodes'])} times: {rule['nodes'][0]['html'][:160]}" for rule in found]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(browser: Browser, server: str, theme: str) -> None:
    wrong = {}
    with sites.looking(browser, theme=theme) as context:
        page = context.new_page()
        for name in sites.pages():
            page.goto(f"{server}/{name}", wait_until="load")
            assert page.evaluate("document.documentElement.dataset.theme") == theme
            if found := violations(page):
                wrong[name] = found
    assert not wrong, json.dumps(wrong, indent=1)


def test_axe_sees_a_fault(tab: Page, server: str) -> None:
    tab.goto(f"{server}/{sites.pages()[0]}")
    tab.evaluate("document.querySelector('article').append(document.createElement('img'))")
    assert any("image-alt" in fault for fault in violations(tab))


def test_nothing_fails_and_nothing_comes_from_outside(browser: Browser, base: str) -> None:
    watch = sites.Watch(base)
    with sites.looking(browser) as context:
        for name in sites.pages():
            page = context.new_page()
            watch.follow(page)
            page.goto(f"{base}/{name}", wait_until="load")
            page.wait_for_timeout(50)
            page.close()
    assert not watch.faults, "\n".join(watch.faults)


def test_no_sideways_scrolling_on_a_phone(browser: Browser, server: str) -> None:
    wrong = {}
    with sites.looking(browser, width=360) as context:
        page = context.new_page()
        for name in sites.pages():
            page.goto(f"{server}/{name}", wait_until="load")
            page.evaluate("document.querySelectorAll('details').forEach((e) => { e.open = true; })")
            if found := page.evaluate(SIDEWAYS):
                wrong[name] = found
    assert not wrong, json.dumps(wrong, indent=1)


def test_first_load_is_light() -> None:
    heavy = {name: size for name in sites.pages() if (size := first_load(sites.SITE / name)) > LIMIT}
    assert not heavy, f"more than {LIMIT:,} bytes gzipped: {heavy}"


def test_an_outside_script_is_noticed(browser: Browser, tmp_path: Path) -> None:
    name = sites.pages()[0]
    copy = tmp_path / "site"
    shutil.copytree(sites.SITE, copy)
    page = copy / name
    tag = '<script src="https://example.org/x.js"></script></head>'
    page.write_text(page.read_text(encoding="utf-8").replace("</head>", tag), encoding="utf-8")
    with sites.served(copy) as address, sites.looking(browser) as context:
        watch = sites.Watch(address)
        opened = context.new_page()
        watch.follow(opened)
        opened.goto(f"{address}/{name}", wait_until="load")
    assert "outside: https://example.org/x.js" in watch.faults
