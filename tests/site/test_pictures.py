"""The light site looks as the site before the light-page pass: pictures of up to eight pages, two themes, two widths.

Meant to differ, and left out of the comparison: icons, which the raw site replaces by drawings with a script of 1.4 MB
(blocked here) and whose edges a cut font draws a little differently, so they keep their place and are not painted; a
head cell of a table without text, which is a plain cell in the light site.
"""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import pytest
from PIL import Image, ImageChops
from playwright.sync_api import Browser, Page

from tests.site import sites

STILL = """*, *::before, *::after { animation: none !important; transition: none !important }
table thead :is(th, td):empty { visibility: hidden !important }
i[class*="fa-"] { color: transparent !important }"""
# A table whose cells are hidden after it was painted is not always painted again: lay the page out anew.
AFRESH = """() => {
  document.body.style.display = "none";
  document.body.getBoundingClientRect();
  document.body.style.display = "";
}"""
PAINTED = """async () => {
  await Promise.all([...document.fonts].filter((face) => face.status === "loading").map((face) => face.load()));
  await document.fonts.ready;
  await Promise.all([...document.images].filter((one) => one.getClientRects().length).map((one) => one.decode()));
}"""
STRENGTH = 24  # of 255: what a channel may differ by; lossless pictures and fonts differ by less
SHARE = 0.00001  # of a picture: pixels that may differ by more
WIDTHS = (1280, 390)


def picked() -> list[str]:
    """Eight pages, those with the most kinds of elements first."""
    names = [name for name in sites.pages() if (sites.RAW / name).is_file()]
    text = {name: (sites.SITE / name).read_text(encoding="utf-8") for name in names}
    return sorted(names, key=lambda name: (-len(text[name]), name))[:8]


def picture(page: Page, address: str) -> Image.Image:
    page.route("**/fontawesome.js*", lambda route: route.fulfill(body="", content_type="text/javascript"))
    page.goto(address, wait_until="load")
    page.add_style_tag(content=STILL)
    page.evaluate(AFRESH)
    page.evaluate("document.querySelectorAll('img[loading=lazy]').forEach((one) => { one.loading = 'eager'; })")
    page.evaluate(PAINTED)
    return Image.open(io.BytesIO(page.screenshot(full_page=True))).convert("RGB")


def difference(one: Image.Image, other: Image.Image) -> float:
    """The share of pixels that differ; 1 where the pictures differ in size."""
    if one.size != other.size:
        return 1.0
    strongest = ImageChops.difference(one, other).convert("RGB").split()
    channel = ImageChops.lighter(ImageChops.lighter(strongest[0], strongest[1]), strongest[2])
    histogram = channel.histogram()
    return sum(histogram[STRENGTH:]) / (one.width * one.height)


@pytest.fixture(scope="module")
def raw() -> None:
    if not picked():
        pytest.fail(f"{sites.RAW} holds no page to compare with. Build the site first: make book")


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_pages_look_as_before(browser: Browser, raw: None, tmp_path: Path, theme: str, width: int) -> None:
    wrong = {}
    with (
        sites.served(sites.RAW) as before,
        sites.served(sites.SITE) as after,
        sites.looking(browser, theme=theme, width=width) as context,
    ):
        page = context.new_page()
        for name in picked():
            was, now = picture(page, f"{before}/{name}"), picture(page, f"{after}/{name}")
            if (share := difference(was, now)) > SHARE:
                wrong[name] = f"{share:.4%} of the picture, {was.size} → {now.size}"
                stem = name.replace("/", "-").removesuffix(".html")
                was.save(tmp_path / f"{stem}-before.png")
                now.save(tmp_path / f"{stem}-after.png")
    assert not wrong, f"{wrong}; pictures in {tmp_path}"


@pytest.mark.parametrize("dropped", [".study{", ".receipt{", ".study-tag{", ".bd-article{"])
def test_a_dropped_rule_is_seen(browser: Browser, raw: None, tmp_path: Path, dropped: str) -> None:
    copy = tmp_path / "site"
    shutil.copytree(sites.SITE, copy)
    (sheet,) = (copy / "_static").glob("course.*.css")
    css = sheet.read_text(encoding="utf-8")
    start = css.index(dropped)
    end = css.index("}", start)
    sheet.write_text(css[: start + len(dropped)] + css[end:], encoding="utf-8")
    name = sites.with_element("form.quiz")
    with sites.served(sites.SITE) as before, sites.served(copy) as after, sites.looking(browser) as context:
        page = context.new_page()
        assert difference(picture(page, f"{before}/{name}"), picture(page, f"{after}/{name}")) > SHARE
