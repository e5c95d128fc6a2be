"""What every chapter takes: seconds and peak memory of its last execution, words of prose, code cells."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from book.tools import execute, pages, store
from tests.benchmarks.row import Row

ROOT = Path(__file__).parents[2]


def bench_chapters() -> Sequence[Row]:
    """Execute what has changed, one page at a time, and read the record of each page."""
    if execute.execute(ROOT, jobs=1):
        raise RuntimeError("a page could not be executed; mlsd book says which and why")
    rows: list[Row] = []
    for page in pages.executable(ROOT):
        notebook = pages.read(page, ROOT)
        words = sum(len(cell.source.split()) for cell in notebook.cells if cell.cell_type == "markdown")
        cells = sum(cell.cell_type == "code" for cell in notebook.cells)
        run = store.last_run(ROOT, page.docname)
        assert run is not None
        memory = "not measured" if run.peak_mib is None else f"{run.peak_mib:.0f} MiB"
        rows.append(Row(page.docname, run.seconds, "s", f"{memory}, {words:,} words, {cells} cells"))
    return rows
