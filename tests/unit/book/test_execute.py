"""Executing pages: only what changed, in the fixed surroundings, and with an end whatever a page does."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from book.tools import execute, key, store
from book.tools.progress import Progress
from tests.unit.book.small_book import make, page, replace

LIBRARY = {"deep.py": "X = 1\n", "used.py": "from mlsd_lib.deep import X\n", "other.py": "Y = 5\n"}
PAGES = {
    "uses": page("from mlsd_lib.used import X\nprint('X is', X)"),
    "plain": page("from mlsd_lib.other import Y\nY"),
}


def run(root: Path, capsys: pytest.CaptureFixture[str], **options: float) -> tuple[int, set[str], str]:
    """Execute; the exit code, the pages that were executed, and what was printed on standard error."""
    code = execute.execute(root, **options)
    captured = capsys.readouterr()
    done = {line.split(":")[0] for line in captured.out.splitlines() if " s (" in line}
    return code, done, captured.err


def shown(root: Path, docname: str) -> str:
    entry = store.load(root, docname, key.keys(root)[docname])
    assert entry is not None
    found = [output for cell in entry.notebook.cells for output in cell.get("outputs", [])]
    return "".join(output.get("text") or output["data"]["text/plain"] for output in found)


def kernels() -> list[psutil.Process]:
    return [child for child in psutil.Process().children(recursive=True) if "ipykernel" in " ".join(child.cmdline())]


def test_only_what_changed_is_executed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = make(tmp_path, PAGES, LIBRARY)
    assert run(root, capsys) == (0, {"uses", "plain"}, "")
    assert run(root, capsys) == (0, set(), "")
    replace(root / "uses.md", "Some prose.", "Other prose.")
    assert run(root, capsys) == (0, set(), "")

    replace(root / "mlsd_lib/deep.py", "1", "2")
    assert run(root, capsys) == (0, {"uses"}, "")
    assert shown(root, "uses") == "X is 2\n"

    replace(root / "mlsd_lib/deep.py", "2", "1")
    assert run(root, capsys) == (0, set(), "")
    assert shown(root, "uses") == "X is 1\n"

    replace(root / "data/numbers.csv", "1", "2")
    assert run(root, capsys) == (0, {"uses", "plain"}, "")
    replace(root / "requirements.txt", "2.0.0", "2.0.1")
    assert run(root, capsys) == (0, {"uses", "plain"}, "")

    path = store.folder(root, "plain") / f"{key.keys(root)['plain']}.ipynb"
    path.write_text(path.read_text("utf8")[:100], "utf8")
    assert run(root, capsys) == (0, {"plain"}, "")
    assert shown(root, "plain") == "5"


def test_a_page_runs_in_the_fixed_surroundings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cell = """
    import os, pathlib
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "PYTHONHASHSEED", "MLSD_STATIC")
    print(*(os.environ[name] for name in names), pathlib.Path.cwd().name)
    """
    root = make(tmp_path, {"folder/where": page(cell)})
    assert run(root, capsys)[0] == 0
    assert shown(root, "folder/where") == "1 1 1 0 1 folder\n"  # and no warning of the kernel's
    last = store.last_run(root, "folder/where")
    assert last is not None
    assert 0 < last.seconds < 60
    if sys.platform == "linux":
        assert last.peak_mib is not None
        assert last.peak_mib > 10
    row = execute.table(root).splitlines()[1].split()
    assert row[0] == "folder/where"
    assert row[3:] == ["4", "1"]  # "# Page", "Some prose."; one cell


def test_a_failing_page_is_named_with_cell_line_and_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = page("x = 1", "y = 2\nprint('before')\nx / 0", tags="hide-output")
    root = make(tmp_path, {"bad": bad, "good": page("1")})
    code, _, error = run(root, capsys)
    line = bad.split("\n").index("x / 0") + 1
    assert code == 1
    assert f"bad failed\ncode cell 2, bad.md line {line}: x / 0\nZeroDivisionError: division by zero" in error
    assert shown(root, "good") == "1"  # it ran beside the failing page and was finished
    assert store.last_run(root, "bad") is None
    assert kernels() == []


def test_no_page_is_started_after_a_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = make(tmp_path, {"bad": page("1 / 0"), "late": page("1")})
    assert run(root, capsys, jobs=1)[0] == 1
    assert store.last_run(root, "late") is None


def test_a_dead_kernel_is_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = make(tmp_path, {"dies": page("import os\nos._exit(1)")})
    code, _, error = run(root, capsys)
    assert code == 1
    assert "dies failed\nthe kernel failed" in error


def test_a_stalling_page_is_ended_and_tried_once_more(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cell = """
    import pathlib, signal, subprocess, sys
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with pathlib.Path("attempts").open("a") as file:
        file.write("x")
    subprocess.run([sys.executable, "-c", "import time; time.sleep(600)  # ipykernel"])
    """
    root = make(tmp_path, {"stalls": page(cell)})
    start = time.monotonic()
    code = execute.execute(root, limit_s=4)
    captured = capsys.readouterr()
    assert code == 1
    assert time.monotonic() - start < 12
    assert (root / "attempts").read_text() == "xx"
    assert "stalls: no end after 4 s; ended, tried once more" in captured.out
    assert "stalls failed\nstalled 2 times" in captured.err
    assert kernels() == []  # nor what they started


def test_a_page_that_stalls_once_is_executed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cell = """
    import pathlib, time
    first = not pathlib.Path("tried").exists()
    pathlib.Path("tried").touch()
    time.sleep(600 * first)
    print("through")
    """
    root = make(tmp_path, {"once": page(cell)})
    assert execute.execute(root, limit_s=4) == 0
    assert shown(root, "once") == "through\n"


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_ends_the_kernels_and_keeps_what_was_done(tmp_path: Path, by: signal.Signals) -> None:
    slow = "import pathlib, time\ntime.sleep(600 * pathlib.Path('slow').exists())\nprint('done')"
    root = make(tmp_path, {"quick": page("print('kept')"), "slow": page(slow)})
    (root / "slow").touch()
    command = [sys.executable, "-m", "book.tools.execute", "--root", str(root)]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert running.stdout is not None
    assert running.stdout.readline().startswith("quick: ")
    begun = kernels()
    assert len(begun) == 1
    os.kill(running.pid, by)
    rest, _ = running.communicate(timeout=20)
    assert running.returncode == 130
    assert "run again to continue" in rest
    psutil.wait_procs(begun, timeout=5)
    assert kernels() == []
    assert shown(root, "quick") == "kept\n"
    assert [path.suffix for path in store.folder(root, "slow").glob("*")] == []

    if by == signal.SIGTERM:
        return
    (root / "slow").unlink()
    again = subprocess.run(command, capture_output=True, text=True, check=False)
    assert again.returncode == 0
    assert again.stdout.startswith("slow: ")
    assert "quick" not in again.stdout


def test_bad_settings_are_refused(tmp_path: Path) -> None:
    root = make(tmp_path, {"a": page("1")})
    with pytest.raises(ValueError, match="at least one page"):
        execute.execute(root, jobs=0)
    with pytest.raises(ValueError, match="'nowhere'"):
        execute.execute(root, only=["nowhere"])


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_bar_names_the_running_pages_and_the_rest() -> None:
    terminal = Terminal()
    show = Progress(["book/a", "b", "c"], {"book/a": 4.0, "b": 6.0}, jobs=2, file=terminal)
    assert show.remaining_s() == pytest.approx((4 + 6 + 5) / 2)  # an unknown page counts as the mean
    show.started("book/a")
    show.started("b")
    assert "a 0 s, b 0 s" in terminal.getvalue()
    assert "3 left" in terminal.getvalue()
    show.finished("book/a", "4.0 s")
    show.finished("b", "6.0 s")
    assert show.remaining_s() == pytest.approx(5.0)
    show.started("c")
    show.finished("c", "1.0 s")
    show.close()
    assert "none left" in terminal.getvalue()
