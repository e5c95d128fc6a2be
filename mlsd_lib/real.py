"""Results on real data: computed by one command, kept with their receipt, and verified wherever the data can be had.

A chapter has to build where nothing can be downloaded, so it shows what this module stored under `data/results/`. The
same command that stored a result computes it again and compares.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from mlsd_lib import archive, real_ads, real_search
from mlsd_lib.datasets import Dataset, DataUnavailable
from mlsd_lib.real_search import SEED
from mlsd_lib.receipts import library_version

TOLERANCE = 1e-5  # relative; results keep six significant digits, and the last may differ between machines
LEARNED = 0.005  # absolute, for names with "learned": a last digit that differs may move a split of a tree
DIFFERENT, UNAVAILABLE = 1, 2


@dataclass(frozen=True)
class Results:
    """Stored results on real data, and where they come from.

    Attributes:
        name: The suite, such as "search".
        numbers: Values by name; intervals as `<name>_low` and `<name>_high`.
        data: The sha256 of every file that was read, by data set and path.
        seed: The seed of the bootstrap intervals.
        library: The version of the library that computed them.
        command: The command that computes them again.

    In a chapter: `receipt(**stored.numbers, seed=stored.seed, source=stored.command)`.

    Chapter: Search.
    """

    name: str
    numbers: Mapping[str, int | float]
    data: Mapping[str, str]
    seed: int
    library: str
    command: str


def run(name: str = "search", *, refresh: bool = False) -> int:
    """Compute a suite of results on real data and compare them with the stored ones; prints a table.

    Args:
        name: The suite.
        refresh: Store what was computed instead of comparing.

    Returns:
        0 if all is as stored (or was stored), 1 if something differs or nothing is stored, 2 if the data cannot be had.

    Raises:
        ValueError: If there is no such suite, or this is no checkout that could hold its results.

    Chapter: Search.
    """
    _known(name)
    try:
        computed = compute(name)
    except DataUnavailable as error:
        print(error, file=sys.stderr)
        return UNAVAILABLE
    if refresh:
        archive.write(_path(name), computed)
        print(f"{len(computed.numbers)} values stored in data/results/{name}.json")
        return 0
    if not _path(name).is_file():
        print(f"{name}: nothing is stored yet; {computed.command} --refresh stores it.", file=sys.stderr)
        return DIFFERENT
    differences = compare(results(name), computed)
    return DIFFERENT if differences else 0


def compute(name: str) -> Results:
    """Compute a suite of results on real data.

    Args:
        name: The suite.

    Returns:
        The results, each rounded to six significant digits.

    Raises:
        ValueError: If there is no such suite.
        DataUnavailable: If the data cannot be had.

    Chapter: Search.
    """
    _known(name)
    values, used = SUITES[name]()
    data = {f"{dataset.name}/{path}": sha256 for dataset in used for path, sha256 in dataset.sha256.items()}
    return Results(name, archive.rounded(values), data, SEED, library_version(), f"mlsd real {name}")


def compare(stored: Results, computed: Results) -> list[str]:
    """Print stored and computed results side by side, and name what differs.

    Args:
        stored: What was kept.
        computed: What came out now.

    Returns:
        The names of values and files that differ, or that only one of the two has.

    Chapter: Search.

    >>> one = Results("demo", {"ndcg": 0.5}, {}, 0, "0.1.0", "mlsd real demo")
    >>> compare(one, one)
      value       stored     computed
    ✓ ndcg           0.5          0.5
    []
    """
    width = max(map(len, [*stored.numbers, *computed.numbers, "value"]))
    print(f"  {'value':<{width}} {'stored':>12} {'computed':>12}")
    different = []
    for key in dict.fromkeys([*stored.numbers, *computed.numbers]):
        old, new = stored.numbers.get(key, math.nan), computed.numbers.get(key, math.nan)
        same = math.isclose(old, new, rel_tol=TOLERANCE, abs_tol=LEARNED if "_learned_" in key else 0.0)
        different += [] if same else [key]
        print(f"{'✓' if same else '✗'} {key:<{width}} {old:>12.6g} {new:>12.6g}")
    for path in dict.fromkeys([*stored.data, *computed.data]):
        if stored.data.get(path) != computed.data.get(path):
            different.append(path)
            print(f"✗ {path}: not the file that the stored results were computed from")
    return different


def results(name: str) -> Results:
    """The stored results of a suite, for a chapter that has to build without the data.

    Args:
        name: The suite.

    Returns:
        Its numbers by name and where they come from.

    Raises:
        ValueError: If there is no such suite, or this is no checkout that holds its results, or they are damaged.

    Chapter: Search.

    >>> round(results("search").numbers["cranfield_ndcg_10"], 2)
    0.37
    """
    _known(name)
    return archive.read(_path(name), Results, f"mlsd real {name}")


SUITES: Mapping[str, Callable[[], tuple[dict[str, int | float], list[Dataset]]]] = {
    "search": real_search.compute,
    "ads": real_ads.compute,
}


def _known(name: str) -> None:
    if name not in SUITES:
        raise ValueError(f"real: there is no suite {name!r}. Choose one of {', '.join(SUITES)}.")


def _path(name: str) -> Path:
    return archive.place(name)
