"""A browser for the tests of the site; without one they are skipped, and fail where CI=true."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.site import sites


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        path = sites.browser_path(playwright)
        if path is None:
            if os.environ.get("CI") == "true":
                pytest.fail(sites.HOW)
            pytest.skip(sites.HOW)
        started = playwright.chromium.launch(executable_path=path, args=sites.FLAGS)
        yield started
        started.close()


@pytest.fixture(scope="session", autouse=True)
def built() -> None:
    if not sites.pages():
        pytest.fail(f"{sites.SITE} holds no page. Build the site first: make book")


@pytest.fixture(scope="session")
def server(built: None) -> Iterator[str]:
    with sites.served(sites.SITE) as address:
        yield address


@pytest.fixture(params=["server", "folder"])
def base(request: pytest.FixtureRequest, server: str) -> str:
    """The address of the site: on a loopback server, and in a folder."""
    return server if request.param == "server" else sites.SITE.as_uri()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    with sites.looking(browser) as opened:
        yield opened


@pytest.fixture
def tab(context: BrowserContext) -> Page:
    return context.new_page()
