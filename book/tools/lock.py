"""The lock: one set of versions, in `requirements.txt` for pip and in `environment.yml` for conda and Binder."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

from packaging.requirements import Requirement

BINDER_PYTHON = "3.12"  # the newest Python that is widely packaged; the tests hold on 3.11 to 3.13
COMPILE = [
    "pip", "compile", "pyproject.toml", "--extra", "book", "--universal", "--fork-strategy", "fewest",
    "--python-version", "3.11", "--no-emit-index-url", "--custom-compile-command", "mlsd lock", "--quiet",
]  # fmt: skip
HEADER = f"""\
# For Binder and for conda users: the versions of requirements.txt. Written by `mlsd lock`; do not edit.
name: mlsd
channels: [conda-forge]
dependencies:
  - python={BINDER_PYTHON}
  - pip
  - pip:
"""


def lock(root: Path) -> int:
    """Resolve the dependencies anew into `requirements.txt` (with hashes) and `environment.yml`.

    Args:
        root: The checkout.

    Returns:
        0; 2 where `uv` is missing; uv's own exit code where the resolution fails.
    """
    if shutil.which("uv") is None:
        print("mlsd lock: uv is needed to resolve the dependencies: pip install uv", file=sys.stderr)
        return 2
    full = [*COMPILE, "--extra", "test", "--generate-hashes", "--upgrade", "-o", "requirements.txt"]
    done = subprocess.run(["uv", *full], cwd=root)
    if done.returncode:
        return done.returncode
    # Binder runs the book and does not test it: the same versions, fewer packages.
    lean = subprocess.run(
        ["uv", *COMPILE, "--constraints", "requirements.txt", "--no-annotate", "--no-header"],
        cwd=root, capture_output=True, text=True,
    )  # fmt: skip
    if lean.returncode:
        print(lean.stderr, file=sys.stderr)
        return lean.returncode
    (root / "environment.yml").write_text(environment(lean.stdout), encoding="utf8")
    print("requirements.txt and environment.yml hold the same versions. Run `make test` before you commit them.")
    return 0


def environment(pins: str) -> str:
    r"""The text of `environment.yml` for Binder's Linux and Python.

    Args:
        pins: Lines of `name==version`, some with an environment marker.

    Returns:
        YAML in which the packages that Binder's machine needs are pinned.

    >>> print(environment("numpy==2.4.6\ncolorama==0.4 ; sys_platform == 'win32'").splitlines()[-1])
          - numpy==2.4.6
    """
    return HEADER + "".join(f"      - {name}=={version}\n" for name, version in pinned(pins).items())


def pinned(text: str) -> dict[str, str]:
    r"""The versions that a requirements file pins on Binder's machine.

    Args:
        text: A requirements file; comments, hashes and continuation lines are passed over.

    Returns:
        Version by package name, for Linux and Binder's Python.

    >>> pinned("pandas==3.1.1 \\\n    --hash=sha256:00")
    {'pandas': '3.1.1'}
    """
    there = {
        "sys_platform": "linux",
        "platform_system": "Linux",
        "os_name": "posix",
        "platform_machine": "x86_64",
        "platform_python_implementation": "CPython",
        "implementation_name": "cpython",
        "python_version": BINDER_PYTHON,
        "python_full_version": BINDER_PYTHON + ".0",
    }
    versions = {}
    for line in text.splitlines():
        if re.match(r"[A-Za-z0-9]", line):
            requirement = Requirement(line.rstrip(" \\"))
            if requirement.marker is None or requirement.marker.evaluate(there):
                versions[requirement.name] = str(requirement.specifier).removeprefix("==")
    return versions
