"""What the theme brings still works on the light site: themes, the menu on a phone, the search, folded solutions."""

from __future__ import annotations

from playwright.sync_api import Browser, Page, expect

from tests.site import sites

BACKGROUND = "getComputedStyle(document.body).backgroundColor"


def first() -> str:
    return sites.with_element("nav.bd-links")


def test_the_theme_switch(tab: Page, base: str) -> None:
    tab.goto(f"{base}/{first()}")
    switch = tab.locator("button.theme-switch-button:visible").first
    seen = {tab.evaluate(BACKGROUND)}
    modes = []
    for _ in range(3):
        switch.press("Enter")
        modes.append(tab.evaluate("document.documentElement.dataset.mode"))
        seen.add(tab.evaluate(BACKGROUND))
    assert sorted(modes) == ["auto", "dark", "light"]
    assert len(seen) == 2
    while tab.evaluate("document.documentElement.dataset.mode") != "dark":
        switch.press("Enter")
    tab.reload()
    assert tab.evaluate("document.documentElement.dataset.theme") == "dark"


def test_icons_are_there(tab: Page, base: str) -> None:
    tab.goto(f"{base}/{first()}")
    shown = tab.locator("i.fa-solid:visible")
    assert shown.count() > 0
    drawn = tab.evaluate(
        """async () => {
          await document.fonts.ready;
          const icons = [...document.querySelectorAll("i.fa-solid")].filter((icon) => icon.getClientRects().length);
          const fonts = [...document.fonts].filter((face) => face.family.includes("Awesome"));
          return icons.map((icon) => {
            const text = getComputedStyle(icon, "::before").content;
            return text !== "none" && fonts.some((face) => face.status === "loaded");
          });
        }"""
    )
    assert all(drawn)


def test_the_menu_on_a_phone(browser: Browser, base: str) -> None:
    with sites.looking(browser, width=360) as context:
        page = context.new_page()
        page.goto(f"{base}/{first()}")
        menu = page.locator("nav.bd-links a.reference.internal").first
        expect(menu).not_to_be_in_viewport()
        page.locator("button.primary-toggle:visible").first.press("Enter")
        expect(menu).to_be_in_viewport()
        page.keyboard.press("Escape")
        expect(menu).not_to_be_in_viewport()


def test_the_search(tab: Page, base: str) -> None:
    watch = sites.Watch(base)
    watch.follow(tab)
    tab.goto(f"{base}/{first()}")
    tab.keyboard.press("Control+k")
    box = tab.locator("#pst-search-dialog input[type=search]")
    expect(box).to_be_focused()
    tab.keyboard.type("chapter")
    tab.keyboard.press("Enter")
    tab.wait_for_url("**/search.html?q=chapter*")
    found = tab.locator("#search-results ul.search li a")
    expect(found.first).to_be_visible()
    assert [fault for fault in watch.faults if "outside" in fault] == []


def test_a_solution_folds_open(tab: Page, base: str) -> None:
    tab.goto(f"{base}/{sites.with_element('.solution.dropdown')}")
    solution = tab.locator(".solution.dropdown").first
    content = solution.locator(".section, .cell").first
    expect(content).to_be_hidden()
    solution.locator("button, summary").first.press("Enter")
    expect(content).to_be_visible()


def test_figures_keep_their_contrast_in_the_dark(browser: Browser, base: str) -> None:
    page = sites.with_element("figure.mlsd-figure")
    context = browser.new_context(color_scheme="dark")
    tab = context.new_page()
    tab.goto(f"{base}/{page}")
    boxes = tab.eval_on_selector_all(
        "figure.mlsd-figure", "all => all.map(one => getComputedStyle(one.closest('.output')).backgroundColor)"
    )
    context.close()
    assert boxes
    assert set(boxes) == {"rgba(0, 0, 0, 0)"}, "a pale box behind a figure drawn for the dark theme"
