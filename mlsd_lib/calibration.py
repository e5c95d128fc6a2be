"""Calibration of the analysis of experiments: computed by one command, kept with its receipt, held to its bounds.

An interval that promises 95 % has to hold the truth in 95 of 100 experiments, and only simulated experiments have a
known truth. They take minutes, so a chapter shows what this module stored in `data/results/experiment.json`; the same
command that stored it computes it again and compares.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from mlsd_lib import archive, calibration_effects, calibration_looks
from mlsd_lib.receipts import library_version

SEED = 0
COMMAND = "mlsd calibrate"
SLACK = 5e-4  # by which a share may differ between machines: a p-value beside the limit may fall on its other side
DIFFERENT = 1

PARTS: tuple[Callable[[int], dict[str, int | float]], ...] = (calibration_effects.compute, calibration_looks.compute)

BOUNDS: Mapping[str, tuple[float, float]] = {
    "_rejected": (0.04, 0.06),  # A/A tests at 5 %
    "_covered": (0.94, 0.96),  # intervals of 95 %
    "_false_alarms": (0.0, 0.05),  # tests that may be looked at at any time
}
WRONG = "wrong_"  # mistakes, which have to lie outside: else the simulation would find nothing


@dataclass(frozen=True)
class Calibration:
    """Stored results of simulated experiments, and where they come from.

    Attributes:
        numbers: Values by name, such as `ratio_covered`, the share of intervals that hold the truth.
        seed: The seed of all draws.
        library: The version of the library that computed them.
        command: The command that computes them again.

    In a chapter: `receipt(**stored.numbers, seed=stored.seed, source=stored.command)`.

    Chapter: Experiments.
    """

    numbers: Mapping[str, int | float]
    seed: int
    library: str
    command: str

    def broken(self) -> list[str]:
        """The names of the values that are not within what was promised, and of mistakes that do no harm."""
        return [name for name, value in self.numbers.items() if not kept(name, value)]


def kept(name: str, value: float) -> bool:
    """Whether a value is within its bounds; one without bounds always is.

    Args:
        name: Its name, whose ending says what was promised.
        value: The value.

    Returns:
        True if it is; of a mistake, if it is not.

    Chapter: Experiments.

    >>> kept("mean_covered", 0.951), kept("mean_covered", 0.93), kept("wrong_requests_covered", 0.93)
    (True, False, True)
    """
    ends = bounds(name)
    return ends is None or (ends[0] <= value <= ends[1]) != name.startswith(WRONG)


def bounds(name: str) -> tuple[float, float] | None:
    """The promise of a value, by the ending of its name; None where nothing is promised."""
    return next((ends for ending, ends in BOUNDS.items() if name.endswith(ending)), None)


def run(*, refresh: bool = False) -> int:
    """Simulate all experiments, hold them to the bounds, and compare with what is stored; prints a table.

    Args:
        refresh: Store what was computed instead of comparing.

    Returns:
        0 if all is within bounds and as stored (or was stored), else 1.

    Raises:
        ValueError: If this is no checkout that could hold the results.

    Chapter: Experiments.
    """
    path = _path()
    begin = time.process_time()
    computed = compute()
    before = None if refresh or not path.is_file() else results()
    different = compare(computed, before)
    print(f"{time.process_time() - begin:.0f} s of a processor")
    if refresh:
        archive.write(path, computed)
        print(f"{len(computed.numbers)} values stored in data/results/experiment.json")
    elif before is None:
        print(f"nothing is stored yet; {COMMAND} --refresh stores it.", file=sys.stderr)
    return DIFFERENT if different or (before is None and not refresh) else 0


def compute(seed: int = SEED) -> Calibration:
    """Simulate all experiments.

    Args:
        seed: Seed of all draws.

    Returns:
        The results, each rounded to six significant digits.

    Chapter: Experiments.
    """
    values: dict[str, int | float] = {}
    for part in PARTS:
        values |= part(seed)
    return Calibration(archive.rounded(values), seed, library_version(), COMMAND)


def compare(computed: Calibration, stored: Calibration | None) -> list[str]:
    """Print each value beside its bounds and the stored one, and name what is out of bounds or differs.

    Args:
        computed: What came out now.
        stored: What was kept; None where nothing is compared.

    Returns:
        The names of the values.

    Chapter: Experiments.

    >>> one = Calibration({"mean_covered": 0.951}, 0, "0.1.0", "mlsd calibrate")
    >>> compare(one, one)
      value           promised  computed  stored
    ✓ mean_covered  0.94–0.96     0.951   0.951
    []
    """
    old = {} if stored is None else stored.numbers
    names = list(dict.fromkeys([*computed.numbers, *old]))
    width = max(map(len, [*names, "value"]))
    print(f"  {'value':<{width}}  {'promised':>12} {'computed':>9} {'stored':>9}")
    wrong = []
    for name in names:
        new, before = computed.numbers.get(name, math.nan), old.get(name, math.nan)
        right = kept(name, new) and (stored is None or abs(new - before) <= (SLACK if isinstance(new, float) else 0))
        ends = bounds(name)
        promised = "" if ends is None else f"{'not ' * name.startswith(WRONG)}{ends[0]:g}–{ends[1]:g}"
        wrong += [] if right else [name]
        told = "" if stored is None else f"{before:>9.6g}"
        print(f"{'✓' if right else '✗'} {name:<{width}}  {promised:>12} {new:>9.6g} {told}".rstrip())
    return wrong


def results() -> Calibration:
    """The stored calibration, for a chapter.

    Returns:
        Its numbers by name and where they come from.

    Raises:
        ValueError: If this is no checkout that holds the results, or they are missing or damaged.

    Chapter: Experiments.

    >>> results().broken()
    []
    """
    return archive.read(_path(), Calibration, COMMAND)


def _path() -> Path:
    return archive.place("experiment")
