"""Execute the pages whose key is not in the store, several at a time: `python -m book.tools.execute`."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import re
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from book.tools import kernel, key, pages, store
from book.tools.progress import Progress

LIMIT_S = 300.0
ATTEMPTS = 2  # about one kernel in 75 stalls while it starts; a second attempt is all it needs
ANSI = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Failure:
    """Why a page has no outputs.

    Attributes:
        docname: The page.
        message: What to print: cell, line and error, or that it stalled.
    """

    docname: str
    message: str


class CellError(Exception):
    """A cell of a page raised; the message names cell, line and error."""


def execute(root: Path, *, jobs: int = 2, limit_s: float = LIMIT_S, only: Sequence[str] | None = None) -> int:
    """Execute the pages whose outputs are not in the store.

    Args:
        root: The root of the book.
        jobs: How many pages run at once; at least 1.
        limit_s: Wall time in seconds that a page may take, its kernel's start included. A page that takes longer is
            ended and tried once more.
        only: Names of the pages to consider; all executable ones where it is not given.

    Returns:
        0 where every page has its outputs, else 1. After a failure the pages that run are finished; none is started.

    Raises:
        KeyboardInterrupt: After Ctrl-C or SIGTERM; the kernels are gone, and what was executed is kept.
        ValueError: If `jobs` is below 1, `limit_s` is not above 0, or `only` names a page that is not executable.

    Chapter: How to read this book.
    """
    if jobs < 1 or not limit_s > 0:
        raise ValueError(f"jobs is {jobs} and limit_s is {limit_s}. Run at least one page at once, for some time.")
    chosen = pages.executable(root)
    if only is not None:
        unknown = sorted(set(only) - {page.docname for page in chosen})
        if unknown:
            raise ValueError(f"_toc.yml: {len(unknown)} names are not executable pages (first: {unknown[0]!r}).")
        chosen = [page for page in chosen if page.docname in only]
    wanted = key.keys(root, chosen)
    missing = [page for page in chosen if store.load(root, page.docname, wanted[page.docname]) is None]
    if not missing:
        return 0
    runs = {page.docname: store.last_run(root, page.docname) for page in chosen}
    known = {name: run.seconds for name, run in runs.items() if run is not None}
    # the longest first, so that no long page is left to run alone at the end
    missing.sort(key=lambda page: known.get(page.docname, float("inf")), reverse=True)
    try:
        failures = asyncio.run(_execute_all(root, missing, wanted, known, jobs, limit_s))
    except asyncio.CancelledError:  # SIGTERM; asyncio itself turns Ctrl-C into this
        raise KeyboardInterrupt from None
    for failure in failures:
        print(f"\n{failure.docname} failed\n{failure.message}", file=sys.stderr, flush=True)
    return 1 if failures else 0


async def _execute_all(
    root: Path,
    missing: Sequence[pages.Page],
    wanted: Mapping[str, str],
    known: Mapping[str, float],
    jobs: int,
    limit_s: float,
) -> list[Failure]:
    show = Progress([page.docname for page in missing], known, jobs)
    waiting = iter(missing)
    failures: list[Failure] = []

    async def worker() -> None:
        for page in waiting:
            if failures:
                return
            show.started(page.docname)
            result = await _execute_page(root, page, limit_s, show)
            if isinstance(result, Failure):
                failures.append(result)
                show.finished(page.docname, "failed")
            else:
                store.save(root, page.docname, wanted[page.docname], result.notebook, result.run)
                show.finished(page.docname, f"{result.run.seconds:.1f} s")

    async def ticker() -> None:
        while True:
            await asyncio.sleep(1)
            show.tick()

    main = asyncio.current_task()
    with contextlib.suppress(NotImplementedError, RuntimeError):  # not on Windows, not outside the main thread
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, lambda: main and main.cancel())
    ticking = asyncio.create_task(ticker())
    workers = [asyncio.create_task(worker()) for _ in range(jobs)]
    try:
        await asyncio.gather(*workers)
    finally:
        for task in (*workers, ticking):
            task.cancel()
        await asyncio.gather(*workers, ticking, return_exceptions=True)  # until every kernel is gone
        show.close()
    return failures


async def _execute_page(root: Path, page: pages.Page, limit_s: float, show: Progress) -> store.Entry | Failure:
    for attempt in range(1, ATTEMPTS + 1):
        notebook = pages.read(page, root)
        start = time.monotonic()
        running = asyncio.create_task(_run(root, page, notebook))
        try:
            done, _ = await asyncio.wait({running}, timeout=limit_s)
        finally:
            # nbclient turns a cancelled cell into an error of its own, so the outcome is read here and nowhere else
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
        if done:
            error = running.exception()
            if error is None:
                return store.Entry(notebook, store.Run(round(time.monotonic() - start, 2), running.result()))
            message = str(error) if isinstance(error, CellError) else f"the kernel failed: {error!r}"
            return Failure(page.docname, message)
        if attempt < ATTEMPTS:
            show.note(f"{page.docname}: no end after {limit_s:g} s; ended, tried once more")
    message = (
        f"stalled {ATTEMPTS} times, and was ended after {limit_s:g} s each time. Raise the limit if it needs longer."
    )
    return Failure(page.docname, message)


async def _run(root: Path, page: pages.Page, notebook: Any) -> float | None:
    """Execute the notebook in place in a kernel of its own; the peak memory in MiB."""
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError

    manager = kernel.manager()
    client: Any = NotebookClient(
        notebook, km=manager, timeout=None, kernel_name="python3", record_timing=False, coalesce_streams=True
    )
    try:
        await manager.start_kernel(cwd=str(page.path.parent), env=kernel.environment(root))
        await client.async_start_new_kernel_client()
        reply = await client.async_wait_for_reply(client.kc.kernel_info())
        notebook.metadata["language_info"] = reply["content"]["language_info"]
        for index, cell in enumerate(notebook.cells):
            try:
                await client.async_execute_cell(cell, index, execution_count=client.code_cells_executed + 1)
            except CellExecutionError as error:
                raise CellError(_describe(page, notebook, index, error)) from None
        client.set_widgets_metadata()
        return _peak_mib(_pid(manager))
    finally:
        _kill(_pid(manager))  # at once: a second Ctrl-C must not find the kernel alive
        await asyncio.shield(_clean_up(client, manager))


def _pid(manager: Any) -> int | None:
    return manager.provisioner.pid if manager.provisioner else None


def _kill(group: int | None) -> None:
    if group is not None and hasattr(os, "killpg"):
        # the kernel leads a group of its own: what it started ends with it, even when it no longer listens
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)


async def _clean_up(client: Any, manager: Any) -> None:
    if client.kc is not None:
        client.kc.stop_channels()
    if manager.has_kernel:
        await manager.shutdown_kernel(now=True)


def _describe(page: pages.Page, notebook: Any, index: int, error: Any) -> str:
    number = sum(cell.cell_type == "code" for cell in notebook.cells[: index + 1])
    trace = ANSI.sub("", error.traceback)
    within = re.search(r"Cell In\[\d+\], line (\d+)", trace)
    line = pages.source_line(page, notebook, index, int(within.group(1)) if within else 1)
    code = page.path.read_text("utf8").split("\n")[line - 1].strip()
    return f"code cell {number}, {page.path.name} line {line}: {code}\n{error.ename}: {error.evalue}"


def _peak_mib(pid: int | None) -> float | None:
    try:
        status = Path(f"/proc/{pid}/status").read_text("utf8")
    except OSError:
        return None
    peak = re.search(r"VmHWM:\s+(\d+) kB", status)
    return round(int(peak.group(1)) / 1024, 1) if peak else None


def table(root: Path) -> str:
    """What every executable page takes: seconds and peak memory of its last execution, words of prose, code cells.

    Args:
        root: The root of the book.

    Returns:
        A table as text, a line a page.

    Chapter: How to read this book.
    """
    lines = [f"{'page':44} {'seconds':>8} {'MiB':>7} {'words':>6} {'cells':>6}"]
    for page in pages.executable(root):
        notebook = pages.read(page, root)
        run = store.last_run(root, page.docname)
        words = sum(len(cell.source.split()) for cell in notebook.cells if cell.cell_type == "markdown")
        cells = sum(cell.cell_type == "code" for cell in notebook.cells)
        seconds = "-" if run is None else f"{run.seconds:.1f}"
        peak = "-" if run is None or run.peak_mib is None else f"{run.peak_mib:.0f}"
        lines.append(f"{page.docname:44} {seconds:>8} {peak:>7} {words:>6} {cells:>6}")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line of `python -m book.tools.execute`.

    Args:
        arguments: The arguments; those of the process where they are not given.

    Returns:
        The exit code.

    Chapter: How to read this book.
    """
    parser = argparse.ArgumentParser(prog="python -m book.tools.execute", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("pages", nargs="*", help="names of pages; all where none is given")
    parser.add_argument("--root", type=Path, default=Path.cwd())
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--limit", type=float, default=LIMIT_S, metavar="SECONDS")
    parser.add_argument("--table", action="store_true", help="print what every page takes, and execute nothing")
    chosen = parser.parse_args(arguments)
    if chosen.table:
        print(table(chosen.root))
        return 0
    try:
        return execute(chosen.root, jobs=chosen.jobs, limit_s=chosen.limit, only=chosen.pages or None)
    except KeyboardInterrupt:
        print("interrupted: what has been executed is kept; run again to continue", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
