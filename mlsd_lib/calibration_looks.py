"""Thousands of simulated A/A tests, each looked at again and again: how often does a test ever call a difference?

A test that may be looked at at any time keeps its promise at every number of looks, also far beyond the plan; one of
group-sequential kind keeps it until the plan's end. The naive test, which takes each look for its only one, is here to
fail.
"""

from __future__ import annotations

from mlsd_lib.online.experiment import false_alarms

EXPERIMENTS = 10_000
UNITS = 2_000  # of each arm, when the plan ends
LOOKS = (5, 20, 100, 500)


def compute(seed: int) -> dict[str, int | float]:
    """The shares of A/A tests that were ever called significant, by test and number of looks.

    Args:
        seed: Seed of all draws.

    Returns:
        For each number of looks: `always_valid_<looks>_looks_false_alarms` until the plan's end, `…_twice_…` until
        twice the plan with twice the looks, `group_sequential_<looks>_looks_rejected`, the naive test's
        `wrong_naive_<looks>_looks_false_alarms`; and `looks_experiments`.

    Chapter: Experiments.
    """
    values: dict[str, int | float] = {}
    for looks in LOOKS:
        found = false_alarms(EXPERIMENTS, looks=looks, units=UNITS // looks, seed=seed)
        values[f"always_valid_{looks}_looks_false_alarms"] = found["always_valid"]
        values[f"always_valid_twice_{looks}_looks_false_alarms"] = found["always_valid_twice"]
        values[f"group_sequential_{looks}_looks_rejected"] = found["group_sequential"]
        values[f"wrong_naive_{looks}_looks_false_alarms"] = found["naive"]
    return values | {"looks_experiments": EXPERIMENTS}
