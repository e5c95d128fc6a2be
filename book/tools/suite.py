"""All checks of the repository, in the order in which they are cheapest to fail."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

PYTEST = [sys.executable, "-m", "pytest", "-q"]


def run(root: Path, *, only: Sequence[str] = ()) -> int:
    """Run the checks, all of them even where one fails, and say at the end which did.

    Args:
        root: The checkout.
        only: Names of the checks to run; all where empty.

    Returns:
        0 where every check passed, 1 where one failed, 2 where a name is unknown.
    """
    checks: dict[str, Callable[[Path], bool]] = {
        "lint": _lint,
        "unit": _unit,
        "chapters": _chapters,
        "real": _real,
        "site": _site,
    }
    unknown = [name for name in only if name not in checks]
    if unknown:
        print(f"mlsd test: no check is named {unknown[0]!r}; there are {', '.join(checks)}.", file=sys.stderr)
        return 2
    failed = []
    for name, check in checks.items():
        if only and name not in only:
            continue
        print(f"\n== {name}", flush=True)
        start = time.monotonic()
        if not check(root):
            failed.append(name)
        print(f"== {name}: {'failed' if name in failed else 'passed'} in {time.monotonic() - start:.0f} s", flush=True)
    print(f"\nmlsd test: {'failed: ' + ', '.join(failed) if failed else 'everything passed'}")
    return 1 if failed else 0


def _all(root: Path, *commands: Sequence[str | Path]) -> bool:
    codes = [subprocess.run(command, cwd=root).returncode for command in commands]  # every one, even after a failure
    return not any(codes)


def _lint(root: Path) -> bool:
    from book.tools import pages

    notebooks = [str(page.path) for page in pages.executable(root)]
    return _all(
        root,
        [sys.executable, "-m", "ruff", "check", "--quiet", "."],
        [sys.executable, "-m", "ruff", "format", "--check", "--quiet", "."],
        [
            sys.executable,
            "-m",
            "nbqa",
            "ruff",
            *notebooks,
            "--extend-ignore=D,B018,E402,N999,PD010",
        ],  # cells import where they need it, end in a bare value, unstack
        [sys.executable, "-m", "mypy", "--no-error-summary"],
    )


def _unit(root: Path) -> bool:
    return _all(root, [*PYTEST, "-n", "2", "tests/unit", "mlsd_lib", "book"])


def _chapters(root: Path) -> bool:
    from book.tools.references import pytest_arguments

    return _all(root, [*PYTEST, *pytest_arguments(root)])


def _real(root: Path) -> bool:
    """Results on real data; where they cannot be had there is nothing to compare, and that is said, not failed."""
    from mlsd_lib.real import SUITES, UNAVAILABLE

    codes = [subprocess.run([sys.executable, "-m", "mlsd_lib", "real", name], cwd=root).returncode for name in SUITES]
    return all(code in (0, UNAVAILABLE) for code in codes)


def _site(root: Path) -> bool:
    from book.tools.build import build

    return build(root) == 0 and _all(root, [*PYTEST, "-p", "no:xdist", "tests/site"])
