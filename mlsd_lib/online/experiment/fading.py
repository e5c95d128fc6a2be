"""Whether an effect changes with the days since a unit first met it: novelty that fades, a habit that is learned.

The effect of each single day is noisy, the first ones are read most eagerly, and the same people are in all of them: so
what looks like a fading effect is tested as one difference, early days against later ones, with the noise of units.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

from mlsd_lib.architecture import Array
from mlsd_lib.metrics import checks
from mlsd_lib.online.experiment.effects import effects_by
from mlsd_lib.online.experiment.metric import Mean, Metric


@dataclass(frozen=True, eq=False)
class Novelty:
    """An effect by days since the first exposure.

    Attributes:
        frame: A row a day since the first exposure, counted from 0, and the columns of `effects_by`: its effect with
            standard error and interval, from the units that have a row on that day.
        early: The effect in the early days, each weighted by its precision.
        late: The effect in the others.
        change: Late minus early.
        low: Lower end of the 95 % interval of the change.
        high: Its upper end.
        p_value: Chance of a change as large if there is none.
        days: How many days count as early.
        metric: The metric's name.

    Chapter: Experiments.
    """

    frame: pd.DataFrame
    early: float
    late: float
    change: float
    low: float
    high: float
    p_value: float
    days: int
    metric: str

    def __str__(self) -> str:
        moved = (
            f"The effect on {self.metric} is {self.early:.4g} in the first {self.days} days and {self.late:.4g} later: "
            f"a change of {self.change:.4g} ({self.low:.4g} to {self.high:.4g})"
        )
        if self.p_value > 0.05:
            return f"{moved}. Noise alone shows one as large in {self.p_value:.0%} of experiments."
        word = "fades" if abs(self.late) < abs(self.early) else "grows"
        return f"{moved}, more than noise. It {word}, so run on until it is steady and read the later days."


def novelty(
    table: pd.DataFrame,
    metric: Metric,
    *,
    day: str = "day",
    unit: str = "user_id",
    early: int | None = None,
    control: str = "control",
    treatment: str = "treatment",
) -> Novelty:
    """Whether the effect on a metric changes with the days since each unit first met its arm.

    Args:
        table: A row a unit and day, with the columns `unit`, `day` and `arm` and those that the metric reads. Where a
            metric counts what a unit did, give a unit that did not come a row of zeros: the units that come back are
            not the same people in both arms, if the treatment changes who does. A covariate of the metric is not used.
        metric: What is compared.
        day: The column of days, whole numbers; the first one of a unit is its day 0.
        unit: The column that says whose row it is.
        early: How many days count as early; left out, a third of them.
        control: The arm that is compared with.
        treatment: The arm that is compared.

    Returns:
        The effect by day, and its change from early days to late ones. Its noise is that of units: what one unit did on
        two days counts once.

    Raises:
        ValueError: As `effects_by`, or if a unit has two rows for a day or is in two arms, or no day is early or late.

    Source: [kohavi2014seven] for how much of it is noise. Chapter: Experiments.

    >>> from mlsd_lib.online.experiment import Mean
    >>> rng = np.random.default_rng(0)
    >>> table = pd.DataFrame({"user_id": np.repeat(range(2_000), 6), "day": [0, 1, 2, 3, 4, 5] * 2_000})
    >>> table["arm"] = np.where(table.user_id % 2, "treatment", "control")
    >>> table["clicks"] = rng.poisson(2.0 + (table.arm == "treatment") * 2.0 ** -table.day)
    >>> found = novelty(table, Mean("clicks a day", "clicks"))
    >>> print(str(found)[:75])
    The effect on clicks a day is 0.7725 in the first 2 days and 0.1154 later:
    >>> found.p_value < 0.001
    True
    """
    plain = replace(metric, covariate=None)
    clean = _aged(table, plain, day, unit, (control, treatment))
    found = effects_by(clean, [plain], "age", control=control)
    found = found[found["standard_error"] > 0].reset_index(drop=True)
    age, error = found["age"].to_numpy(), found["standard_error"].to_numpy()
    first = max(1, -(-len(set(clean["age"])) // 3)) if early is None else early
    soon = age < first
    if not soon.any() or soon.all():
        raise ValueError(
            f"novelty: of {len(age)} days since the first exposure that have an effect, {int(soon.sum())} are early "
            f"(early={first}); a change takes days before it and after it. Wait for more days, or set early."
        )
    weight = np.where(soon, 1.0, 0.0) / error**2, np.where(soon, 0.0, 1.0) / error**2
    before, after = (part / part.sum() for part in weight)
    effect = found["effect"].to_numpy()
    noise = _noise(clean[clean["age"].isin(age)], plain, unit, control, age, after - before)
    change = float(effect @ (after - before))
    half = float(ndtri(0.975)) * noise
    p = float(2 * ndtr(-abs(change) / noise))
    numbers = float(effect @ before), float(effect @ after), change, change - half, change + half, p
    return Novelty(found, *numbers, int(first), metric.name)


def _aged(table: pd.DataFrame, metric: Metric, day: str, unit: str, arms: tuple[str, str]) -> pd.DataFrame:
    """What is needed of the rows of two arms, with `age`, the days since the unit's first one."""
    names = dict.fromkeys([unit, day, "arm", *(column.name for column in metric.columns)])
    clean = checks.columns("units", table, *names)
    checks.once("units", clean, [unit, day])
    if not pd.api.types.is_integer_dtype(clean[day].dtype):
        raise ValueError(f"units: {day} is of the type {clean[day].dtype}; number the days, such as 0, 1, 2.")
    changing = clean.groupby(unit)["arm"].nunique()
    both = changing[changing > 1]
    if len(both):
        which = "1 unit is" if len(both) == 1 else f"{len(both)} units are"
        raise ValueError(
            f"units: {which} in two arms (first: {unit}={both.index.tolist()[0]!r}). Leave them out, and find out how "
            "they changed sides."
        )
    since = clean[day] - clean.groupby(unit)[day].transform("min")
    return clean.assign(age=since)[clean["arm"].isin(arms)]


def _noise(table: pd.DataFrame, metric: Metric, unit: str, control: str, age: Array, weight: Array) -> float:
    """Standard error of a weighted sum of the effects by day, over units; the table has rows of those days only."""
    treated = (table["arm"] != control).to_numpy().astype(np.intp)
    place = np.searchsorted(age, table["age"].to_numpy())
    moved = _linear(table, metric, 2 * place + treated) * weight[place]
    code, ids = pd.factorize(table[unit])
    total = np.bincount(code, moved)
    arm = np.zeros(len(ids), dtype=np.intp)
    arm[code] = treated
    many = np.bincount(arm)
    return float(np.sqrt((np.bincount(arm, total**2) * many / (many - 1)).sum()))


def _linear(table: pd.DataFrame, metric: Metric, cell: Array) -> Array:
    """How far each row moves the mean, or the ratio, of its arm and day."""
    rows = np.bincount(cell).astype(np.float64)

    def mean(values: Array) -> Array:
        return np.asarray(np.bincount(cell, values)[cell] / rows[cell])

    if isinstance(metric, Mean):
        value = table[metric.value].to_numpy(dtype=np.float64)
        value = value if metric.cap is None else np.minimum(value, metric.cap)
        return np.asarray((value - mean(value)) / rows[cell])
    above, below = (table[name].to_numpy(dtype=np.float64) for name in (metric.numerator, metric.denominator))
    bottom = mean(below)
    return np.asarray((above - mean(above) / bottom * below) / bottom / rows[cell])
