"""How fast the book is built, against a plain serial `jupyter-book build` of the same six chapters in the same run."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from book.tools import store
from book.tools.build import JUPYTER_BOOK
from tests.benchmarks.row import Row
from tests.unit.book.small_book import make, page, replace

CHAPTERS = tuple(f"chapter{number}" for number in range(1, 7))
CELL = """
import lightgbm, pandas as pd
import numpy as np
from sklearn.linear_model import LogisticRegression
from mlsd_lib.{chapter} import law
rng = np.random.default_rng(0)
x = pd.DataFrame(rng.normal(size=(40_000, 10)))
y = (law(x[0]) + rng.normal(size=len(x)) > 0).astype(int)
model = lightgbm.LGBMClassifier(n_estimators=60, verbose=-1, deterministic=True, random_state=0).fit(x.to_numpy(), y)
linear = LogisticRegression().fit(x, y)
print(round(model.score(x.to_numpy(), y), 2), round(linear.score(x, y), 2))
"""
LAW = "def law(x):\n    return 2 * x\n"
OURS = "import sys; from pathlib import Path; from book.tools.build import build; sys.exit(build(Path.cwd()))"
ROUNDS = 2


def bench_build() -> Sequence[Row]:
    """Cold, unchanged, and with one chapter changed."""
    times: dict[str, list[float]] = {
        "serial": [],
        "cold": [],
        "unchanged": [],
        "prose": [],
        "changed": [],
        "chapter": [],
    }
    for turn in range(ROUNDS):
        with tempfile.TemporaryDirectory() as folder:
            serial, ours = _book(Path(folder) / "serial", ours=False), _book(Path(folder) / "ours", ours=True)
            cold = [("serial", serial, [JUPYTER_BOOK, "build", ".", "-q"]), ("cold", ours, [OURS])]
            for name, root, command in cold if turn % 2 == 0 else reversed(cold):  # neither is always the first
                times[name].append(_seconds(root, command))
            times["unchanged"].append(_seconds(ours, [OURS]))
            replace(ours / "chapter1.md", "Some prose.", "Other prose.")
            times["prose"].append(_seconds(ours, [OURS]))
            replace(ours / "mlsd_lib/chapter1.py", "2 * x", "3 * x")
            times["changed"].append(_seconds(ours, [OURS]))
            run = store.last_run(ours, "chapter1")
            assert run is not None
            times["chapter"].append(run.seconds)
    middle = {name: statistics.median(values) for name, values in times.items()}
    ratios = [serial / cold for serial, cold in zip(times["serial"], times["cold"], strict=True)]
    extra = [all_ - one for all_, one in zip(times["changed"], times["chapter"], strict=True)]
    spread = ", ".join(f"{ratio:.2f}" for ratio in ratios)
    return [
        Row("six chapters, plain jupyter-book build", middle["serial"], "s", f"{os.cpu_count()} processors"),
        Row("six chapters, mlsd book, cold", middle["cold"], "s"),
        Row("times faster than plain, cold", statistics.median(ratios), "×", f"wanted: at least 1.5; rounds: {spread}"),
        Row("nothing changed", middle["unchanged"], "s", "wanted: under 5"),
        Row("prose of one chapter changed", middle["prose"], "s", "nothing is executed"),
        Row("one chapter's library changed", middle["changed"], "s", f"of which the chapter {middle['chapter']:.1f} s"),
        Row("above that chapter's own time", statistics.median(extra), "s", "wanted: under 5"),
    ]


def _book(root: Path, *, ours: bool) -> Path:
    pages = {name: page(CELL.format(chapter=name), title=name) for name in CHAPTERS}
    make(root, pages, {f"{name}.py": LAW for name in CHAPTERS})
    if not ours:
        replace(root / "_config.yml", "sphinx:\n  extra_extensions: [book.ext.executed]\n", "")
    return root


def _seconds(root: Path, command: Sequence[str]) -> float:
    # each chapter takes one thread on both sides: threads that fight over two cores would slow the plain build
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    code, *arguments = command
    start = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=root,
        env={**os.environ, **threads, "PYTHONPATH": os.pathsep.join([str(root), str(Path(__file__).parents[2])])},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{arguments or 'mlsd book'} failed in {root.name}:\n{done.stdout}\n{done.stderr}")
    return time.monotonic() - start
