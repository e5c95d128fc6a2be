"""Quizzes, predictions, completion and receipts, by keyboard alone, from a server and from a folder."""

from __future__ import annotations

import re

from playwright.sync_api import Browser, Page, expect

from tests.site import sites


def reach(page: Page, selector: str, *, presses: int = 400) -> None:
    """Press Tab until an element that fits has the focus."""
    for _ in range(presses):
        page.keyboard.press("Tab")
        if page.evaluate("(selector) => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"{selector} cannot be reached with the Tab key")


def start_before(page: Page, selector: str) -> None:
    """Put the place from which Tab goes on in front of an element, as a click on the text there would."""
    page.evaluate(
        """(selector) => {
          const mark = document.createElement("span");
          mark.tabIndex = -1;
          document.querySelector(selector).before(mark);
          mark.focus();
        }""",
        selector,
    )


def test_a_quiz_with_one_answer(tab: Page, base: str) -> None:
    quiz = 'form.quiz[data-kind="one"]'
    tab.goto(f"{base}/{sites.with_element(quiz)}")
    form = tab.locator(quiz).first
    right = form.locator("input[data-right]")
    options = form.locator("input[type=radio]")
    place = options.evaluate_all("(all) => all.findIndex((one) => 'right' in one.dataset)")
    wrong = 0 if place else 1

    start_before(tab, quiz)
    reach(tab, f"{quiz} button")
    tab.keyboard.press("Enter")
    expect(form.locator("[role=status]")).to_have_text("Please choose an answer.")
    expect(form.locator(".quiz-why:visible")).to_have_count(0)

    start_before(tab, quiz)
    reach(tab, f"{quiz} input")
    tab.keyboard.press("Space")
    for _ in range(wrong):
        tab.keyboard.press("ArrowDown")
    expect(options.nth(wrong)).to_be_checked()
    tab.keyboard.press("Enter")
    expect(form.locator("[role=status]")).to_contain_text("Not right")
    expect(form.locator(".quiz-why:visible")).to_have_count(1)
    expect(form.locator(".quiz-why:visible")).to_contain_text("Not this.")

    count = options.count()
    for _ in range((place - wrong) % count):
        tab.keyboard.press("ArrowDown")
    expect(right).to_be_checked()
    expect(form.locator(".quiz-why:visible")).to_have_count(0)
    tab.keyboard.press("Enter")
    expect(form.locator("[role=status]")).to_contain_text("✓ Right.")
    expect(form.locator(".quiz-why:visible")).to_contain_text("Right.")
    described = right.get_attribute("aria-describedby")
    expect(tab.locator(f"[id='{described}']")).to_be_visible()


def test_a_prediction(tab: Page, base: str) -> None:
    name = sites.with_element("form.predict")
    tab.goto(f"{base}/{name}")
    form = tab.locator("form.predict").first
    value = float(form.get_attribute("data-value") or "nan")
    status = form.locator("[role=status]")
    expect(status).to_be_empty()

    start_before(tab, "form.predict")
    reach(tab, "form.predict input")
    tab.keyboard.press("Enter")
    expect(status).to_contain_text("Commit to a number first")

    tab.keyboard.type(f"{2 * value:.6g}")
    reach(tab, "form.predict button")
    tab.keyboard.press("Space")
    expect(status).to_contain_text(f"Measured: {form.get_attribute('data-shown')}")
    expect(status).to_contain_text("too high, a factor of 2")
    closed = tab.evaluate(
        """() => {
          let cell = document.querySelector("form.predict").nextElementSibling;
          while (cell && !cell.matches(".cell")) cell = cell.nextElementSibling;
          return [...cell.querySelectorAll("details")].filter((one) => !one.open).length;
        }"""
    )
    assert closed == 0

    tab.reload()
    expect(form.locator("input")).to_have_value(f"{2 * value:.6g}")
    expect(status).to_contain_text("You predicted")


def test_a_right_prediction(tab: Page, server: str) -> None:
    tab.goto(f"{server}/{sites.with_element('form.predict')}")
    form = tab.locator("form.predict").first
    form.locator("input").fill(form.get_attribute("data-value") or "")
    form.locator("button").press("Enter")
    expect(form.locator("[role=status]")).to_contain_text("You were right.")


def test_completion_survives_a_reload(tab: Page, base: str) -> None:
    name = sites.with_element("button.completion")
    tab.goto(f"{base}/{name}")
    button = tab.locator("button.completion")
    expect(button).to_have_attribute("aria-pressed", "false")
    expect(tab.locator(".toc-done")).to_have_count(0)
    start_before(tab, "button.completion")
    reach(tab, "button.completion")
    tab.keyboard.press("Enter")
    expect(button).to_have_attribute("aria-pressed", "true")
    tab.reload()
    expect(button).to_have_attribute("aria-pressed", "true")
    expect(tab.locator(".toc-done")).to_have_count(1)
    expect(tab.locator("a:has(.toc-done)")).to_have_text(re.compile(r".+✓, completed$", re.DOTALL))

    other = next(page for page in sites.pages() if page != name and page != "search.html")
    tab.goto(f"{base}/{other}")
    link = tab.locator("a:has(.toc-done)")
    expect(link).to_have_count(1)
    assert str(link.evaluate("(one) => one.href")).endswith(name)

    tab.goto(f"{base}/{name}")
    button.press("Space")
    expect(button).to_have_attribute("aria-pressed", "false")
    expect(tab.locator(".toc-done")).to_have_count(0)


def test_a_receipt_shows_where_its_value_came_from(browser: Browser, base: str) -> None:
    name = sites.with_element("p .receipt")
    with sites.looking(browser, width=360) as context:
        page = context.new_page()
        page.goto(f"{base}/{name}")
        receipt = page.locator("p .receipt").first
        tip = receipt.locator("[role=tooltip]")
        expect(tip).to_be_hidden()
        start_before(page, "p .receipt")
        reach(page, ".receipt")
        expect(tip).to_be_visible()
        expect(tip).to_contain_text(re.compile(r"(measured|timed|given) in cell \d+|from "))
        box = tip.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 360
        assert box["y"] + box["height"] <= 900
        page.keyboard.press("Shift+Tab")
        expect(tip).to_be_hidden()
        receipt.hover()
        expect(tip).to_be_visible()


def test_without_scripts_answers_fold_open(browser: Browser, base: str) -> None:
    name = sites.with_element("form.quiz")
    with sites.looking(browser, script=False) as context:
        page = context.new_page()
        page.goto(f"{base}/{name}")
        quiz = page.locator("form.quiz").first
        expect(quiz.locator("button")).to_be_hidden()
        feedback = quiz.locator("details").first
        expect(feedback.locator(".quiz-why")).to_be_hidden()
        feedback.locator("summary").click()
        expect(feedback.locator(".quiz-why")).to_be_visible()
        expect(page.locator("button.completion").first).to_be_hidden()
