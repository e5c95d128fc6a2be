"""Looking at an experiment while it runs: effects look by look, and tests that many looks do not spoil.

A test looked at many times is right if each look is held to a boundary of `boundaries`. What that takes of the effects
is that, from look to look, only new units (or new days of the same ones) are added; then it makes no difference whether
the effect is one of means, of ratios, or adjusted by a covariate. The share of the plan that a look has seen is counted
in rows: in units where each has one row, in days of units where each has one for every day. Days of one unit resemble
each other, which makes looks more alike than their share says, and the tests then reject a little less than they may.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from mlsd_lib.architecture import Array
from mlsd_lib.metrics import checks
from mlsd_lib.metrics.checks import plain
from mlsd_lib.online.experiment.boundaries import (
    always_valid_boundary,
    always_valid_p,
    fixed_boundary,
    group_sequential_boundary,
)
from mlsd_lib.online.experiment.crossing import alarms_left
from mlsd_lib.online.experiment.effects import effects_by
from mlsd_lib.online.experiment.metric import Metric
from mlsd_lib.online.experiment.trust import units_by

_AT_ONCE = 4_000_000  # simulated values held in memory at a time


def looks(
    table: pd.DataFrame,
    metrics: Sequence[Metric],
    *,
    by: str = "day",
    unit: str = "user_id",
    control: str = "control",
    level: float = 0.95,
) -> pd.DataFrame:
    """The effects as they stood at each look.

    Args:
        table: A row a unit, each with the look at which its value was there; or a row a unit and look, whose values are
            summed up to each look (a covariate is taken from the unit's first row). With `arm` and what the metrics
            read.
        metrics: What to compare.
        by: The column of looks, such as days, in the order of its values.
        unit: The column that says whose row it is; a table without it has a row a unit.
        control: The arm that the others are compared with.
        level: Coverage of the intervals, which hold for a single look only.

    Returns:
        A row a metric, arm and look: `by`, the columns of `effects_by`, and `rows`, the rows of both arms up to then.
        A look at which an arm has fewer than two units has no effect (NaN). A sum grows from look to look, and so does
        an effect on it; that of a ratio, such as clicks over days, stays.

    Raises:
        ValueError: As `effects_by`, or if a unit has two rows for a look or is in two arms.

    Chapter: Experiments.

    >>> from mlsd_lib.online.experiment import Mean
    >>> rng = np.random.default_rng(0)
    >>> table = pd.DataFrame({"arm": ["control", "treatment"] * 500, "day": np.arange(1_000) // 250})
    >>> table["clicks"] = rng.poisson(2.0 + 0.2 * (table.arm == "treatment"))
    >>> looks(table, [Mean("clicks", "clicks")])[["day", "effect", "standard_error", "rows"]].round(3)
       day  effect  standard_error  rows
    0    0   0.280           0.192   250
    1    1   0.236           0.132   500
    2    2   0.152           0.102   750
    3    3   0.230           0.088  1000
    """
    checks.columns("units", table, by, "arm", *([unit] if unit in table else []))
    if unit in table and table[unit].duplicated().any():
        found = _summed(table, metrics, by, unit, control, level)
    else:
        found = effects_by(table, metrics, by, control=control, level=level, cumulative=True)
    seen = units_by(table, by).cumsum()
    look, arm = seen.index.get_indexer(pd.Index(found[by])), seen.columns.get_indexer(pd.Index(found["arm"]))
    return found.assign(rows=(seen[control].to_numpy()[look] + seen.to_numpy()[look, arm]).astype(np.int64))


def always_valid(effects: pd.DataFrame, *, planned: float, level: float = 0.95) -> pd.DataFrame:
    """Intervals and p-values that may be read after every look, as often as one likes, and that allow to stop any time.

    Of 100 experiments in which the treatment does nothing, at most 5 ever get a p-value of 0.05, however many looks
    there are; and of 100 experiments, at most 5 ever have an interval that misses the effect. It holds as soon as the
    arms have units enough for a fixed test to hold. The price is `price`.

    Args:
        effects: A row a look, in order, with `effect` and `standard_error`, and `rows`, or `units_control` and
            `units_treatment`; where there are `metric` and `arm`, each pair of them is a test of its own.
        planned: How many rows (or units) of both arms together are planned, set before the first look: where the
            intervals are narrowest. It may be passed.
        level: Coverage of all intervals of one test together.

    Returns:
        The rows with `share` (of the plan), `boundary` (standard errors from 0), `low` and `high`, `p_value` (the
        smallest so far) and `rejected` (whether it has reached 1 - level at this look or before). A look without an
        effect rejects nothing.

    Raises:
        ValueError: If a column is missing, `planned` or `level` is out of range, or looks are not in order.

    Source: [johari2017peeking]. Chapter: Experiments.

    >>> each_day = pd.DataFrame({"effect": [0.5, 0.4, 0.4], "standard_error": [0.2, 0.14, 0.1], "rows": [25, 50, 100]})
    >>> always_valid(each_day, planned=100)[["low", "high", "p_value", "rejected"]].round(2)
        low  high  p_value  rejected
    0 -0.15  1.15     0.21     False
    1 -0.03  0.83     0.08     False
    2  0.10  0.70     0.00      True
    """
    return _read("always_valid", effects, planned, level)


def group_sequential(effects: pd.DataFrame, *, planned: float, level: float = 0.95) -> pd.DataFrame:
    """Intervals that may be read after every look of an experiment that ends when planned.

    Nearly free: some units in 100 more than a fixed test, against many more for `always_valid`. In return, nothing may
    be read after the end, and little stops in the first half.

    Args:
        effects: As for `always_valid`.
        planned: How many rows (or units) of both arms together are planned, set before the first look: the end. The
            first look past it counts as the end.
        level: Coverage of all intervals of one test together.

    Returns:
        The rows with `share`, `boundary`, `low`, `high` and `rejected`, and a `p_value` that is NaN: the test says only
        whether it rejects at the level.

    Raises:
        ValueError: As `always_valid`, or if a look follows on the end.

    Chapter: Experiments.

    >>> each_day = pd.DataFrame({"effect": [0.5, 0.4, 0.4], "standard_error": [0.2, 0.14, 0.1], "rows": [25, 50, 100]})
    >>> group_sequential(each_day, planned=100)[["low", "high", "rejected"]].round(2)
        low  high  rejected
    0 -0.37  1.37     False
    1 -0.01  0.81     False
    2  0.20  0.60      True
    """
    return _read("group_sequential", effects, planned, level)


def false_alarms(
    experiments: int = 2_000, *, looks: int = 100, units: int = 40, level: float = 0.95, seed: int = 0
) -> dict[str, float]:
    """How often simulated A/A tests are ever called significant, by each way of looking: what the tests promise, tried.

    Each experiment has two arms of a skewed metric (exponential, so that its skewness is 2), and is looked at equally
    often until twice the plan by the naive and the always-valid test, and until its end by the group-sequential one.

    Args:
        experiments: How many to simulate.
        looks: How many looks each has.
        units: How many units each arm gains between two looks.
        level: Confidence of each test.
        seed: Seed of the values.

    Returns:
        The share of the experiments that were ever called significant: `naive`, `always_valid`, `always_valid_twice`
        (up to twice the plan, with twice the looks) and `group_sequential`.

    Raises:
        ValueError: If a count is below 1, or there are fewer than 2 units a look.

    Chapter: Experiments.

    >>> found = false_alarms(200, looks=10)
    >>> found["naive"] > 0.1, found["always_valid"] <= 0.05
    (True, True)
    """
    if experiments < 1 or looks < 1 or units < 2:
        raise ValueError(f"false_alarms: experiments={experiments}, looks={looks}, units={units}; 1, 1 and 2 at least.")
    share = np.arange(1, 2 * looks + 1) / looks
    valid = always_valid_boundary(share, level=level)
    spent = group_sequential_boundary(share[:looks], level=level)
    rng = np.random.default_rng(seed)
    step = max(1, _AT_ONCE // (4 * looks * units))
    parts = [
        np.abs(_simulated(rng, min(step, experiments - done), 2 * looks, units)) for done in range(0, experiments, step)
    ]
    far = np.concatenate(parts)
    fixed = fixed_boundary(level)
    return {
        "naive": float((far[:, :looks] > fixed).any(axis=1).mean()),
        "always_valid": float((far[:, :looks] > valid[:looks]).any(axis=1).mean()),
        "always_valid_twice": float((far > valid).any(axis=1).mean()),
        "group_sequential": float((far[:, :looks] > spent).any(axis=1).mean()),
    }


def _simulated(rng: np.random.Generator, experiments: int, looks: int, units: int) -> Array:
    """Effect over standard error at each look of A/A tests, of shape (experiments, looks)."""
    values = rng.exponential(size=(experiments, 2, looks, units))
    first, second = values.sum(axis=-1).cumsum(axis=-1), np.square(values).sum(axis=-1).cumsum(axis=-1)
    count = units * np.arange(1, looks + 1)
    squared = ((second - first**2 / count) / (count - 1) / count).sum(axis=1)
    return np.asarray((first[:, 1] - first[:, 0]) / count / np.sqrt(squared))


def _summed(
    table: pd.DataFrame, metrics: Sequence[Metric], by: str, unit: str, control: str, level: float
) -> pd.DataFrame:
    """Effects of the sums of each unit's rows up to each look."""
    checks.once("units", checks.columns("units", table, unit, by), [unit, by])
    columns = {column.name: column.role for metric in metrics for column in metric.columns}
    values = checks.columns("units", table, *[name for name, role in columns.items() if "covariate" not in role])
    code, ids = pd.factorize(table[unit])
    look, when = pd.factorize(table[by], sort=True)
    order = np.argsort(look, kind="stable")
    first = np.full(len(ids), len(table), dtype=np.intp)
    np.minimum.at(first, code[order], np.arange(len(order)))
    people = table.iloc[order[first]].reset_index(drop=True)
    changed = table["arm"].to_numpy() != people["arm"].to_numpy()[code]
    if changed.any():
        first_one, many = plain(ids[code[np.argmax(changed)]]), len(np.unique(code[changed]))
        raise ValueError(
            f"units: {many} {'unit is' if many == 1 else 'units are'} in two arms (first: {unit}={first_one!r}). Leave "
            "them out, and find out how they changed sides."
        )
    sums = {str(name): np.zeros(len(ids)) for name in values}
    parts = []
    for place, name in enumerate(when):
        rows = order[look[order] == place]
        for column, total in sums.items():
            total[code[rows]] += values[column].to_numpy()[rows]
        there = look[order[first]] <= place
        so_far = people.assign(**sums, **{by: name})[there]
        arms = set(so_far["arm"])
        if control in arms and len(arms) > 1:
            parts.append(effects_by(so_far, metrics, by, control=control, level=level))
    if not parts:
        raise ValueError(f"units: no look has a unit in {control!r} and one in another arm. Check the column arm.")
    rows = pd.concat(parts).groupby(["metric", "arm"], sort=False)
    return pd.concat([of_one for _, of_one in rows], ignore_index=True)


def _read(name: str, effects: pd.DataFrame, planned: float, level: float) -> pd.DataFrame:
    """The rows of all looks with what a boundary makes of them, each metric and arm by itself."""
    counted = ["rows"] if "rows" in effects else ["units_control", "units_treatment"]
    clean = effects.reset_index(drop=True)
    for column in ("effect", "standard_error", *counted):
        if column not in clean:
            raise ValueError(
                f"{name}: column {column!r} is missing (columns there: {', '.join(map(str, clean))}). Make the table "
                "with looks."
            )
    alarms_left(name, level)
    if not 0 < planned < np.inf:
        raise ValueError(f"{name}: planned is {planned}; expected how many rows are planned, above 0.")
    share = clean[counted].sum(axis=1).to_numpy(dtype=np.float64) / planned
    tests = [key for key in ("metric", "arm") if key in clean]
    groups = clean.groupby(tests, sort=False).indices.values() if tests else [np.arange(len(clean))]
    result = clean.assign(share=share, boundary=np.nan, low=np.nan, high=np.nan, p_value=np.nan, rejected=False)
    read = _always_valid if name == "always_valid" else _group_sequential
    for place in groups:
        if (np.diff(share[place]) <= 0).any():
            raise ValueError(f"{name}: rows do not grow from look to look. Give each look once, the earliest first.")
        effect, error = (clean[column].to_numpy(dtype=np.float64)[place] for column in ("effect", "standard_error"))
        has = np.isfinite(effect) & (error > 0)
        boundary, p = np.full((2, len(place)), np.nan)
        z = effect[has] / error[has]
        boundary[has], p[has] = read(z, share[place][has], level)
        result.loc[place, ["boundary", "p_value"]] = np.column_stack([boundary, p])
        result.loc[place, ["low", "high"]] = np.column_stack([effect - boundary * error, effect + boundary * error])
        passed = has & (np.abs(effect) >= boundary * error)
        result.loc[place, "rejected"] = np.logical_or.accumulate(passed)
    return result


def _always_valid(z: Array, share: Array, level: float) -> tuple[Array, Array]:
    if not len(z):
        return z, z
    return always_valid_boundary(share, level=level), always_valid_p(z, share, level=level)


def _group_sequential(z: Array, share: Array, level: float) -> tuple[Array, Array]:
    if (share[:-1] >= 1).any():
        raise ValueError(
            "group_sequential: a look follows on the one at which the plan had ended, and nothing of the level is left "
            "for it. Leave out what came after the end, or use always_valid."
        )
    if not len(z):
        return z, z
    return group_sequential_boundary(np.minimum(share, 1.0), level=level), np.full(len(z), np.nan)
