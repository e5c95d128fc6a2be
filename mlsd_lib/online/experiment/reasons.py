"""What each part of an experiment says for and against a decision, each in a sentence that can be read aloud."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd

from mlsd_lib.online.experiment.boundaries import always_valid_boundary, always_valid_p
from mlsd_lib.online.experiment.effects import FEW
from mlsd_lib.online.experiment.price import peeking_error

Outcome = Literal["good", "bad", "open", "void", "told"]
_UNLIKE = "differs between the arms"  # in a note about a covariate
_MANY = 100  # looks beyond which the error of peeking is not computed any more


class Reason(NamedTuple):
    """One thing that speaks for a decision or against it.

    Attributes:
        check: What was looked at.
        outcome: "good" lets it ship, "bad" forbids it, "open" takes more units, "void" forbids any decision, and "told"
            is for information.
        sentence: What was found.

    Chapter: Experiments.
    """

    check: str
    outcome: Outcome
    sentence: str


@dataclass(frozen=True)
class Plan:
    """How an experiment was planned, and how it was looked at.

    Attributes:
        needed: Units of control and treatment together that were planned; None if nothing was.
        looks: How many times the results were looked at, this one included.
        level: Coverage of the intervals.

    Chapter: Experiments.
    """

    needed: int | None
    looks: int
    level: float

    def careful(self, row: pd.Series[Any]) -> bool:
        """Whether a metric must be read by an interval that holds at any look."""
        return self.looks > 1 or not self.reached(row)

    def reached(self, row: pd.Series[Any]) -> bool:
        """Whether the planned units are there."""
        return self.needed is None or bool(units(row) >= self.needed)


def units(row: pd.Series[Any]) -> int:
    """Units of both arms of a row."""
    return int(row["units_control"] + row["units_treatment"])


def read(row: pd.Series[Any], plan: Plan) -> pd.Series[Any]:
    """A row of effects, with interval and p-value as the plan allows to read them."""
    if not plan.careful(row) or plan.needed is None or not row["standard_error"] > 0:
        return row
    share, error = units(row) / plan.needed, row["standard_error"]
    boundary = float(always_valid_boundary(share, level=plan.level))
    wider = boundary * error / (row["high"] - row["effect"])
    new = {"low": row["effect"] - boundary * error, "high": row["effect"] + boundary * error}
    new["p_value"] = float(always_valid_p([row["effect"] / error], share, level=plan.level)[0])
    ratio = 1 + row["relative"]
    if ratio > 0:
        new |= {name: ratio * ((1 + row[name]) / ratio) ** wider - 1 for name in ("relative_low", "relative_high")}
    return pd.Series({**row, **new})


def direction(row: pd.Series[Any]) -> Literal["better", "worse", "not clear"]:
    """Which way a metric has moved, as far as its interval says."""
    if min(row["units_control"], row["units_treatment"]) < FEW or not (row["low"] > 0 or row["high"] < 0):
        return "not clear"
    return "better" if (row["low"] > 0) == (row["better"] == "higher") else "worse"


def told(row: pd.Series[Any]) -> tuple[bool, tuple[float, float, float]]:
    """Whether an effect is told as a share of the control; the effect and the ends of its interval, as they are told.

    A share takes a control that is clearly above 0.
    """
    relative = row["relative"], row["relative_low"], row["relative_high"]
    if row["control"] > 0 and np.isfinite(relative).all():
        return True, relative
    return False, (row["effect"], row["low"], row["high"])


def moved(row: pd.Series[Any]) -> str:
    """How far a metric has moved, in words: relative where it can be, absolute elsewhere."""
    word = "rose" if row["effect"] > 0 else "fell" if row["effect"] < 0 else "did not move"
    relative, (middle, low, high) = told(row)
    size = f"{abs(middle):.2%}" if relative else f"{abs(middle):.4g}"
    ends = " to ".join(f"{value:+.2%}" if relative else f"{value:+.4g}" for value in (low, high))
    return f"{word} by {size} ({ends})" if row["effect"] != 0 else f"{word} ({ends})"


def broken(rows: Sequence[pd.Series[Any]], notes: Sequence[str]) -> dict[str, Reason]:
    """The metrics that cannot be judged at all, and why.

    Args:
        rows: Rows of effects, those that decide.
        notes: `Effects.notes`.

    Returns:
        A reason a metric, by its name: "open" where an arm has too few units, "void" where more would not help.
    """
    found: dict[str, Reason] = {}
    for row in rows:
        name, few = row["metric"], int(min(row["units_control"], row["units_treatment"]))
        unlike = [note for note in notes if note.startswith(f"{name}, {row['arm']}: ") and _UNLIKE in note]
        if few < FEW:
            sentence = f"{name} has {few} units in an arm, and fewer than {FEW} say nothing."
            found[name] = Reason("too few units", "open", sentence)
        elif not row["standard_error"] > 0:
            same = f"{row['control']:g} for every unit of the control and {row['treatment']:g} for every other one"
            sentence = f"{name} is {same}: there is nothing to test. Look at how it is logged."
            found[name] = Reason("constant metric", "void", sentence)
        elif unlike:
            found[name] = Reason("unlike arms", "void", unlike[0])
    return found


def skewed(row: pd.Series[Any], check: str) -> Reason | None:
    """Why a metric's interval is not to be believed yet; None if it is."""
    few = int(min(row["units_control"], row["units_treatment"]))
    if abs(row["skewness"]) <= 1 or few >= row["needed"]:
        return None
    return Reason(
        check,
        "open",
        f"{row['metric']} has a skewness of {row['skewness']:.1f}, for which an interval holds from {row['needed']:,} "
        f"units an arm on, and an arm has {few:,}. Wait, or cap its largest values.",
    )


def guardrail(row: pd.Series[Any], plan: Plan, tolerated: float) -> Reason:
    """What a guardrail says.

    Args:
        row: Its row of effects.
        plan: How to read it.
        tolerated: The worsening that is tolerated, as a share of the control.

    Returns:
        "bad" if it got worse by more than is tolerated, "open" if that cannot be ruled out yet (where something is
        tolerated), "good" otherwise.
    """
    check = f"guardrail {row['metric']}"
    row = read(row, plan)
    up = row["better"] == "lower"  # the direction of harm
    if tolerated == 0:
        if direction(row) == "worse":
            return Reason(check, "bad", f"The guardrail {row['metric']} got worse: it {moved(row)}.")
        return Reason(check, "good", f"The guardrail {row['metric']} shows no harm: it {moved(row)}.")
    relative, (_, low, high) = told(row)
    least, most = (low, high) if up else (-high, -low)  # how much worse it got, at least and at most
    limit = f"{tolerated:.2%} worse is tolerated"
    if not relative:
        sentence = f"The guardrail {row['metric']} is not clearly above 0 in the control: a share of it makes no sense."
        return Reason(check, "void", sentence)
    if least > tolerated:
        return Reason(check, "bad", f"The guardrail {row['metric']} is broken: it {moved(row)}, and {limit}.")
    if most > tolerated:
        enough = units(row) * ((most - least) / 2 / tolerated) ** 2  # an interval as wide as it may be around no harm
        return Reason(
            check,
            "open",
            f"The guardrail {row['metric']} may be broken: it {moved(row)}, and {limit}. If it does no harm, about "
            f"{enough:,.0f} units in all can show it.",
        )
    return Reason(check, "good", f"The guardrail {row['metric']} holds: it {moved(row)}, and {limit}.")


def reading(row: pd.Series[Any], plan: Plan) -> Reason:
    """How the primary metric may be read: whether its units are there, and how often it was looked at."""
    there = f"{units(row):,}"
    if plan.looks > 1:
        error = peeking_error(min(plan.looks, _MANY), level=plan.level)
        at_least = "more than " if plan.looks > _MANY else ""
        sentence = (
            f"It has been looked at {plan.looks} times, with {there} of {plan.needed:,} planned units. Read that "
            f"often, an ordinary test calls {at_least}{error:.1%} of changes that do nothing significant; intervals "
            "and p-values here allow for it."
        )
    elif plan.needed is None:
        sentence = (
            f"No number of units was planned, and {there} are there. The intervals hold only if this is the only look, "
            "and its time was not chosen by the results."
        )
    elif plan.reached(row):
        sentence = f"{there} units are there, of {plan.needed:,} that were planned, and this is the first look."
    else:
        sentence = (
            f"{there} of {plan.needed:,} planned units are there. Until they all are, intervals and p-values here are "
            "those that allow for looking early."
        )
    return Reason("plan", "told", sentence)


def primary(row: pd.Series[Any], plan: Plan) -> list[Reason]:
    """What the primary metric says, and how it may be read."""
    name = row["metric"]
    whole = [reading(row, plan)]
    early = skewed(row, "primary metric")
    whole += [early] if early is not None else []
    now, result = read(row, plan), direction(read(row, plan))
    outcome: Outcome
    if result == "better":
        outcome, says = "good", f"{name}, the primary metric, is better: it {moved(now)}."
        if not plan.reached(row):
            says += " An effect that stops an experiment early is on average larger than it will be."
    elif result == "worse":
        outcome, says = "bad", f"{name}, the primary metric, is worse: it {moved(now)}."
    elif plan.needed is not None and plan.reached(row):
        outcome = "bad"
        says = f"{name}, the primary metric, shows no effect with the units it was to be shown with: it {moved(now)}."
    else:
        outcome, says = "open", f"{name}, the primary metric, is not clear yet: it {moved(now)}."
    return [*whole, Reason("primary metric", outcome, says)]


def beside(shown: pd.DataFrame) -> list[Reason]:
    """What components and secondary metrics say beside the primary one.

    Args:
        shown: `Report.effects`.

    Returns:
        A reason a component, and one for all secondary metrics; none of them decides.
    """
    whole = shown[shown["role"] == "primary"].iloc[0]
    found = []
    for _, row in shown[shown["role"] == "component"].iterrows():
        says = f"{row['metric']} judges a part of the system: it {moved(row)}, which is {row['reading']}"
        if row["reading"] == "better" and whole["reading"] != "better":
            says += f", and {whole['metric']} is {whole['reading']}: better in part is not better in place"
        elif row["reading"] == "worse" and whole["reading"] == "better":
            says += f", and {whole['metric']} is better all the same"
        found.append(Reason(f"component {row['metric']}", "told", f"{says}."))
    others = shown[shown["role"] == "secondary"]
    if len(others):
        clear = [f"{row['metric']} {moved(row)}, which is {row['reading']}" for _, row in others.iterrows()]
        real = [text for text, reading in zip(clear, others["reading"], strict=True) if reading != "not clear"]
        many = len(shown[shown["role"].isin(["component", "secondary"])])
        says = "; ".join(real) if real else "none moved clearly"
        found.append(Reason("other metrics", "told", f"Other metrics, corrected for {many} being looked at: {says}."))
    return found
