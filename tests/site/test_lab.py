"""JupyterLab as `mlsd lab` starts it: a chapter opens as a notebook, and Run All finishes without an error."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from book.tools import pages, serve

ROOT = Path(__file__).parents[2]
CHAPTER = "chapters/framework/01-problem"


# the model, not the page: cells out of sight are not part of the page
CELLS = """() => {
    const cells = [...window.jupyterapp.shell.currentWidget.content.model.cells];
    return cells.filter(cell => cell.type === 'code').map(cell => ({
        count: cell.executionCount,
        errors: cell.outputs.toJSON().filter(output => output.output_type === 'error').map(output => output.evalue),
    }));
}"""

READY = "() => window.jupyterapp.shell.currentWidget.sessionContext.kernelDisplayStatus === 'idle'"


@pytest.fixture(scope="session", autouse=True)
def built() -> None:
    """JupyterLab needs no built site."""


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[str]:
    """The address of a running JupyterLab whose user has an empty home, on a copy: JupyterLab saves what it runs."""
    root = tmp_path / "book"
    shutil.copytree(ROOT / "chapters", root / "chapters")
    with socket.socket() as free:
        free.bind((serve.HOST, 0))
        port = free.getsockname()[1]
    home = {"HOME": str(tmp_path), "JUPYTER_CONFIG_DIR": str(tmp_path / "config"), "JUPYTER_RUNTIME_DIR": str(tmp_path)}
    options = [
        f"--ServerApp.port={port}",
        "--no-browser",
        "--expose-app-in-browser",
        "--IdentityProvider.token=",
        "--allow-root",
    ]
    with (tmp_path / "lab.log").open("w") as log:
        running = subprocess.Popen(
            [*serve.lab_command(root), *options],
            cwd=root,
            env=serve.lab_environment(root) | home,
            stdout=log,
            stderr=log,
        )
    address = f"http://{serve.HOST}:{port}"
    try:
        for _ in range(120):
            assert running.poll() is None, (tmp_path / "lab.log").read_text()
            try:
                urllib.request.urlopen(f"{address}/api").close()
                break
            except OSError:
                time.sleep(0.5)
        yield address
    finally:
        running.terminate()
        try:
            running.wait(timeout=60)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()


def test_a_chapter_opens_as_a_notebook_and_runs(browser: Browser, lab: str) -> None:
    chapter = pages.Page(CHAPTER, ROOT / f"{CHAPTER}.md")
    codes = [cell for cell in pages.read(chapter, ROOT).cells if cell.cell_type == "code"]
    page = browser.new_page(viewport={"width": 1200, "height": 1000})
    page.goto(f"{lab}/lab/tree/{CHAPTER}.md")
    page.locator(".jp-NotebookPanel .jp-CodeCell").first.wait_for(timeout=60_000)
    page.wait_for_function(READY, timeout=60_000)  # before its kernel is there, Run All does nothing
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name=re.compile(r"^Run All Cells")).first.click()
    end = time.monotonic() + 180
    cells = page.evaluate(CELLS)
    while not all(cell["count"] for cell in cells) and not any(cell["errors"] for cell in cells):
        assert time.monotonic() < end, cells
        page.wait_for_timeout(500)
        cells = page.evaluate(CELLS)
    assert [error for cell in cells for error in cell["errors"]] == []
    assert len(cells) == len(codes)
