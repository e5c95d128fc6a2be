"""The site under test: where it lies, how it is served, and which browser looks at it."""

from __future__ import annotations

import functools
import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import axe_playwright_python
from playwright.sync_api import Browser, BrowserContext, Page, Playwright

ROOT = Path(__file__).parents[2]
SITE = Path(os.environ.get("MLSD_SITE", ROOT / "_build" / "html"))  # the light site
RAW = Path(os.environ.get("MLSD_RAW_SITE", ROOT / "_build" / "raw" / "_build" / "html"))  # before the light-page pass
NAMES = ("chromium", "chromium-browser", "google-chrome")
AXE = Path(axe_playwright_python.__file__).parent / "axe.min.js"
FLAGS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--force-color-profile=srgb",
    "--hide-scrollbars",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]
HOW = (
    "no browser: install Debian's chromium (apt-get install chromium), or run `playwright install chromium`, "
    "or name one in MLSD_CHROMIUM"
)


def browser_path(playwright: Playwright) -> str | None:
    named = os.environ.get("MLSD_CHROMIUM")
    found = [named] if named else [path for name in NAMES if (path := shutil.which(name))]
    own = playwright.chromium.executable_path
    return next((path for path in [*found, own] if path and Path(path).exists()), None)


def pages(root: Path = SITE) -> list[str]:
    """Every page of a site that holds something: no redirect, nothing of the static folder."""
    found = sorted(root.rglob("*.html"))
    names = [path.relative_to(root).as_posix() for path in found if "_static" not in path.parts]
    return [name for name in names if 'http-equiv="refresh"' not in (root / name).read_text(encoding="utf-8").lower()]


class _Quiet(SimpleHTTPRequestHandler):
    def log_request(self, code: object = "-", size: object = "-") -> None:
        pass

    def log_error(self, *args: object) -> None:
        pass


@contextmanager
def served(root: Path) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=str(root)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass
class Watch:
    """What a page did that it should not: console errors, failed requests, requests to other hosts."""

    base: str
    faults: list[str] = field(default_factory=list)

    def follow(self, page: Page) -> None:
        page.on("console", lambda message: self.note(message.type == "error", f"console: {message.text}"))
        page.on("pageerror", lambda error: self.note(True, f"script error: {error}"))
        page.on("requestfailed", lambda request: self.note(True, f"failed: {request.url}"))
        page.on("response", lambda answer: self.note(answer.status >= 400, f"{answer.status}: {answer.url}"))
        page.on("request", lambda request: self.note(self.outside(request.url), f"outside: {request.url}"))

    def outside(self, url: str) -> bool:
        return not url.startswith((self.base, "data:", "blob:"))

    def note(self, wrong: bool, what: str) -> None:
        if wrong:
            self.faults.append(what)


@contextmanager
def looking(
    browser: Browser, *, width: int = 1280, theme: str = "light", script: bool = True
) -> Iterator[BrowserContext]:
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme="dark" if theme == "dark" else "light",
        java_script_enabled=script,
        reduced_motion="reduce",
    )
    context.set_default_timeout(20_000)
    try:
        yield context
    finally:
        context.close()


def with_element(selector: str, root: Path = SITE) -> str:
    """The first page of the site that holds an element."""
    from bs4 import BeautifulSoup

    for name in pages(root):
        if BeautifulSoup((root / name).read_text(encoding="utf-8"), "html.parser").select_one(selector):
            return name
    raise AssertionError(f"no page of {root} holds {selector}, which the course's pages have.")
