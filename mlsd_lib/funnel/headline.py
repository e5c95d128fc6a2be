"""The stored run of one request against ever more ads, by the funnel and by its heaviest model alone.

The run takes too long for a page, so a benchmark does it and writes `data/results/funnel.json`, with where it comes
from: `seed, library, command, machine` and `rows`, one for each number of ads, difficulty and system.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

COLUMNS = (
    "ads",  # how many there are
    "personal",  # the world's knob of difficulty
    "system",  # "funnel" or "exhaustive"
    "requests",  # how many were measured
    "cpu_ms",  # processor time for a request, mean
    "p50_ms",  # latency of one request alone, median
    "p99_ms",  # latency of one request alone, 99th percentile
    "memory_mib",  # of the process, at most
    "recall_full",  # share of the full model's ten best that are among the system's ten
    "recall_truth",  # share of the truly best ten that are
)


@dataclass(frozen=True, eq=False)
class Headline:
    """What was measured, and where it comes from.

    Attributes:
        seed: Seed of the worlds.
        library: Version of the library that ran.
        command: The command that measures it again.
        machine: Where it ran.
        rows: A row for each number of ads, difficulty and system, with the columns of `COLUMNS`.

    Chapter: A funnel for scale.
    """

    seed: int
    library: str
    command: str
    machine: str
    rows: pd.DataFrame


def headline() -> Headline:
    """The stored run.

    Returns:
        Its rows, and where they come from.

    Raises:
        ValueError: If this is no checkout that holds it, or the file is damaged.

    Chapter: A funnel for scale.
    """
    path = Path(__file__).resolve().parents[2] / "data" / "results" / "funnel.json"
    if not path.is_file():
        raise ValueError(
            "headline: data/results/funnel.json is missing; it lies in the project's repository, not in the installed "
            "package. Run this in a checkout, or compute it with python -m tests.benchmarks.bench_funnel."
        )
    try:
        return parsed(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"headline: {path.name} cannot be read ({error}). Restore it, or compute it again.") from None


def parsed(stored: Mapping[str, Any]) -> Headline:
    """What the file holds, checked.

    Args:
        stored: `seed, library, command, machine` and `rows`.

    Returns:
        The run.

    Raises:
        ValueError: If a row lacks a column.
    """
    rows = pd.DataFrame(stored["rows"])
    missing = [column for column in COLUMNS if column not in rows]
    if missing:
        raise ValueError(f"its rows lack {', '.join(missing)}")
    told = {name: stored[name] for name in ("seed", "library", "command", "machine")}
    return Headline(**told, rows=rows[list(COLUMNS)])
