"""The measured figures of the project: `python -m tests.benchmarks [name …]` prints one table.

A benchmark is a function `bench_…` in a module `bench_*.py` of this folder that returns rows. What is compared is
measured in the same run, so that a slow machine slows both sides.
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.benchmarks.row import Row

HERE = Path(__file__).parent


def benchmarks() -> dict[str, Callable[[], Sequence[Row]]]:
    """All benchmarks, by name without the `bench_`."""
    found = {}
    for path in sorted(HERE.glob("bench_*.py")):
        module = importlib.import_module(f"tests.benchmarks.{path.stem}")
        for name, function in inspect.getmembers(module, inspect.isfunction):
            if name.startswith("bench_") and function.__module__ == module.__name__:
                found[name.removeprefix("bench_")] = function
    return found


def table(rows: Sequence[Row]) -> str:
    """Rows as a table, columns as wide as their widest cell."""
    cells = [("", "figure", "unit", "note"), *((row.name, f"{row.value:.3g}", row.unit, row.note) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(3)]
    return "\n".join(
        f"{name:<{widths[0]}}  {value:>{widths[1]}}  {unit:<{widths[2]}}  {note}".rstrip()
        for name, value, unit, note in cells
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmarks that are named, or all."""
    known = benchmarks()
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help=f"which ones: {', '.join(known)}; all where none is named")
    names = parser.parse_args(arguments).names or list(known)
    unknown = [name for name in names if name not in known]
    if unknown:
        parser.error(f"no benchmark is named {unknown[0]!r}; there are {', '.join(known)}")
    rows: list[Row] = []
    for name in names:
        print(f"… {name}", file=sys.stderr, flush=True)
        rows += known[name]()
    print(table(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
