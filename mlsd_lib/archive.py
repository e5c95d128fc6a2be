"""Results that a command computes and keeps with their receipt in `data/results/`, so that a page can show them.

What takes minutes, or data that a page may not have, is computed by one command, stored, and compared by the same
command with what comes out later.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from mlsd_lib.receipts import plain

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T")


def place(name: str) -> Path:
    """Where results are kept.

    Args:
        name: Their name, such as "search".

    Returns:
        The path of a file, which may not be there yet.

    Raises:
        ValueError: If this is no checkout that could hold them.

    Chapter: Search.

    >>> place("search").name
    'search.json'
    """
    root = Path(__file__).resolve().parent.parent
    if not (root / "data" / "registry.yml").is_file():
        raise ValueError(
            f"results: {name}.json lies in the project's repository, not in the installed package. Clone the "
            "repository, install it with pip install -e . and run this there."
        )
    return root / "data" / "results" / f"{name}.json"


def rounded(values: Mapping[str, int | float]) -> dict[str, int | float]:
    """Values as they are kept: six significant digits, and integers whole.

    Args:
        values: Values by name.

    Returns:
        The same, rounded.

    Chapter: Search.

    >>> rounded({"ndcg": 0.123456789, "queries": 1_234_567})
    {'ndcg': 0.123457, 'queries': 1234567}
    """
    return {name: value if isinstance(value, int) else float(plain(name, value)) for name, value in values.items()}


def write(path: Path, record: DataclassInstance) -> None:
    """Keep results.

    Args:
        path: Where; `place` names it.
        record: The results, of a dataclass that JSON can hold.

    Chapter: Search.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(asdict(record), indent=1) + "\n", encoding="utf-8")


def read(path: Path, kind: Callable[..., T], command: str) -> T:
    """Read results that `write` kept.

    Args:
        path: Where they are.
        kind: The dataclass that they were kept from.
        command: What computes them, for the error.

    Returns:
        The results.

    Raises:
        ValueError: If they are missing or damaged.

    Chapter: Search.
    """
    file = f"data/results/{path.name}"
    if not path.is_file():
        raise ValueError(f"results: {file} is missing. Compute it with {command} --refresh.")
    try:
        return kind(**json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError):
        raise ValueError(f"results: {file} cannot be read. Compute it again with {command} --refresh.") from None
