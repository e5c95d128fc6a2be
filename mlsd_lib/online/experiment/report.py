"""What to do about an experiment: ship, don't ship, or keep running, and why, in the order in which to ask.

First whether the arms are what they should be, since nothing else counts if they are not; then whether the primary
metric and the guardrails can be judged at all; then harm; then the primary metric, read as the plan and the number of
looks allow; last what else moved, which explains a decision and makes none.
"""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from mlsd_lib.online.experiment import checks
from mlsd_lib.online.experiment import reasons as why
from mlsd_lib.online.experiment.assignment import HALVES
from mlsd_lib.online.experiment.effects import effects
from mlsd_lib.online.experiment.metric import Metric
from mlsd_lib.online.experiment.reasons import Plan, Reason
from mlsd_lib.online.experiment.trust import Mismatch, adjust, mismatch

Verdict = Literal["ship", "don't ship", "keep running", "no verdict"]


@dataclass(frozen=True, repr=False)
class Report:
    """A decision about an experiment, with its reasons and the numbers behind them.

    Attributes:
        verdict: "ship"; "don't ship"; "keep running", if more units would tell; "no verdict", if something is wrong
            with the experiment itself, which more units do not repair.
        reasons: Why, a sentence each, in the order in which they were asked.
        checks: The same as a table: `check`, `outcome` ("good", "bad", "open", "void" or "told") and `sentence`.
        effects: A row a metric: `metric`, `role` ("primary", "guardrail", "component" or "secondary"), and the columns
            of `Effects.frame`, with intervals and p-values as they may be read after so many looks; `reading`
            ("better", "worse", "not clear") and, for components and secondary metrics, `p_adjusted` (Holm).
        mismatch: Whether the arms have the sizes that they should have.
        treatment: The arm that is judged.

    Chapter: Experiments.
    """

    verdict: Verdict
    reasons: tuple[str, ...]
    checks: pd.DataFrame
    effects: pd.DataFrame
    mismatch: Mismatch
    treatment: str

    def frame(self) -> pd.DataFrame:
        """The metrics as they are printed.

        Returns:
            A row a metric, with texts: `metric`, `role`, `control`, `treatment`, `change`, `from` and `to` (the ends of
            its interval), `p` and `reading`.

        Chapter: Experiments.
        """
        rows = []
        for _, row in self.effects.iterrows():
            relative, ends = why.told(row)
            shown = [f"{value:+.2%}" if relative else f"{value:+.4g}" for value in ends]
            shown = [text if text.strip("+") != "nan" else "" for text in shown]
            p = "" if pd.isna(row["p_value"]) else f"{row['p_value']:.3f}" if row["p_value"] >= 0.001 else "< 0.001"
            means = f"{row['control']:.4g}", f"{row['treatment']:.4g}"
            rows.append((row["metric"], row["role"], *means, *shown, p, row["reading"]))
        columns = ["metric", "role", "control", "treatment", "change", "from", "to", "p", "reading"]
        return pd.DataFrame(rows, columns=columns)

    def __str__(self) -> str:
        told = "\n".join(f"{number}. {sentence}" for number, sentence in enumerate(self.reasons, start=1))
        return f"Verdict: {self.verdict}\n{told}\n\n{self.frame().to_string(index=False)}"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        told = "".join(f"<li>{html.escape(sentence)}</li>" for sentence in self.reasons)
        table = self.frame().to_html(index=False, border=0, justify="left")
        return f"<p><strong>Verdict: {html.escape(self.verdict)}</strong></p><ol>{told}</ol>{table}"


def report(
    table: pd.DataFrame,
    metrics: Sequence[Metric],
    *,
    primary: str,
    guardrails: Mapping[str, float] | Sequence[str] = (),
    components: Sequence[str] = (),
    shares: Mapping[str, float] = HALVES,
    needed: int | None = None,
    looks: int = 1,
    control: str = "control",
    treatment: str | None = None,
    unit: str = "user_id",
    level: float = 0.95,
) -> Report:
    """Decide what to do about an experiment.

    Ship takes all of: arms of the right sizes, no guardrail that is broken or may be, and a primary metric that is
    better beyond its interval, with the units that its skewness takes. A primary metric that is worse or, with all
    planned units there, shows no effect, does not ship. In between it keeps running.

    Args:
        table: A row a unit, with `arm` and the columns that the metrics read, as `units` makes it.
        metrics: All metrics; those without another role are secondary.
        primary: Name of the one that decides, chosen before the experiment.
        guardrails: Names of those that must not get worse; or for each name the worsening that is tolerated, as
            a share of the control, such as 0.01. Where something is tolerated, more must be ruled out before shipping;
            where nothing is, harm must be seen to stop it. They are not corrected for being many: harm missed costs
            more than a false alarm.
        components: Names of those that judge a part of the system, such as the ranker's NDCG; shown beside the others,
            deciding nothing.
        shares: The share of the units that each arm should hold.
        needed: Units of control and treatment together that were planned, as `sample_size` gives them.
        looks: How many times the results were looked at, this one included. After more than one, or before the planned
            units are there, intervals and p-values are those of `always_valid`.
        control: The arm that is compared with.
        treatment: The arm that is judged; may be left out if there is one only. With several, each interval is made
            wider, for all of them together (Bonferroni).
        unit: The column that says whose row it is.
        level: Coverage of the intervals.

    Returns:
        The report.

    Raises:
        ValueError: If the table is unsound (as for `effects`), an arm has no share, a name is no metric's or has two
            roles, a tolerated worsening is negative, several treatments are there and none is named, or `looks` is
            above 1 without `needed`.

    Source: [kohavi2020trustworthy] for guardrails. Chapter: Experiments.

    >>> from mlsd_lib.online.experiment import Mean
    >>> rng = np.random.default_rng(0)
    >>> table = pd.DataFrame({"arm": ["control", "treatment"] * 2_000})
    >>> table["clicks"] = rng.poisson(2.0 + 0.3 * (table["arm"] == "treatment"))
    >>> found = report(table, [Mean("clicks per user", "clicks")], primary="clicks per user", needed=4_000)
    >>> found.verdict
    'ship'
    >>> print(found.reasons[-1])
    clicks per user, the primary metric, is better: it rose by 13.56% (+8.82% to +18.51%).
    """
    roles, tolerated = _roles(metrics, primary, guardrails, components)
    _planned(needed, looks)
    checks.settings(table, metrics, level)
    arms, code = checks.arms_of(table, control)
    sizes = mismatch(dict(zip(arms, np.bincount(code).tolist(), strict=True)), shares)
    many = len(shares) - 1
    whole = effects(table, metrics, control=control, level=1 - (1 - level) / many, unit=unit)
    treated = _treatment([arm for arm in shares if arm != control], treatment)
    plan = Plan(needed, looks, whole.level)
    rows = {row["metric"]: row for _, row in whole.frame[whole.frame["arm"] == treated].iterrows()}
    if not rows:
        raise ValueError(f"units: arm {treated!r} has no units. Find out why before anything else.")
    shown = _shown(rows, roles, plan)
    if sizes.found:
        shown["reading"] = "untrusted"
    found = [
        Reason("arm sizes", "void" if sizes.found else "told" if math.isnan(sizes.p_value) else "good", str(sizes))
    ]
    if many > 1:
        sentence = f"{many} treatments are compared with one control, so each interval is one of {plan.level:.2%}."
        found.append(Reason("treatments", "told", sentence))
    if not sizes.found:  # whatever else the numbers say, they would say it of arms that cannot be compared
        broken = why.broken([rows[name] for name in (primary, *tolerated)], whole.notes)
        found += broken.values()
        found += [why.guardrail(rows[name], plan, most) for name, most in tolerated.items() if name not in broken]
        found += why.primary(rows[primary], plan) if primary not in broken else []
        found += why.beside(shown)
    asked = pd.DataFrame(found, columns=["check", "outcome", "sentence"])
    return Report(_verdict(asked["outcome"].tolist()), tuple(asked["sentence"]), asked, shown, sizes, treated)


def _shown(rows: Mapping[str, pd.Series[Any]], roles: Mapping[str, str], plan: Plan) -> pd.DataFrame:
    """A row a metric as it may be read, by role."""
    table = pd.DataFrame([why.read(rows[name], plan) for name in roles]).reset_index(drop=True)
    table.insert(1, "role", list(roles.values()))
    free = table["role"].isin(["component", "secondary"]).to_numpy()
    table["p_adjusted"] = adjust(table["p_value"].where(free).to_numpy(dtype=np.float64))
    reading = [why.direction(row) for _, row in table.iterrows()]
    sure = ~free | (table["p_adjusted"] <= 1 - plan.level).to_numpy()
    table["reading"] = np.where(sure, reading, "not clear")
    return table


def _verdict(outcomes: list[why.Outcome]) -> Verdict:
    if "void" in outcomes:
        return "no verdict"
    if "bad" in outcomes:
        return "don't ship"
    return "keep running" if "open" in outcomes else "ship"


def _roles(
    metrics: Sequence[Metric], primary: str, guardrails: Mapping[str, float] | Sequence[str], components: Sequence[str]
) -> tuple[dict[str, str], dict[str, float]]:
    """The role of each metric, in the order in which they are shown, and what each guardrail tolerates."""
    for name, given in (("guardrails", guardrails), ("components", components)):
        if isinstance(given, str):
            raise ValueError(f"report: {name} is a text; pass a list of metrics: [{given!r}].")
    tolerated = dict(guardrails) if isinstance(guardrails, Mapping) else dict.fromkeys(guardrails, 0.0)
    for name, most in tolerated.items():
        if not 0 <= most < np.inf:
            raise ValueError(
                f"report: guardrail {name!r} tolerates {most}; expected a share of the control, such as 0.01."
            )
    names = [metric.name for metric in metrics]
    told = [
        (primary, "primary"),
        *((name, "guardrail") for name in tolerated),
        *((name, "component") for name in components),
    ]
    roles: dict[str, str] = {}
    for name, role in told:
        if name not in names:
            raise ValueError(f"report: {role} {name!r} is none of the metrics ({', '.join(names)}). Add it to metrics.")
        if name in roles:
            raise ValueError(f"report: {name!r} is {roles[name]} and {role}. Give it one role.")
        roles[name] = role
    return roles | {name: "secondary" for name in names if name not in roles}, tolerated


def _planned(needed: int | None, looks: int) -> None:
    if isinstance(looks, bool) or not isinstance(looks, int | np.integer) or looks < 1:
        raise ValueError(f"report: looks is {looks!r}; expected how often the results were looked at, at least 1.")
    if needed is None and looks > 1:
        raise ValueError(
            f"report: looked at {looks} times, and no number of units was planned. Say how many were: needed=…, as "
            "sample_size gives them; an interval that survives looking is made for a plan."
        )
    if needed is not None and not 1 <= needed < np.inf:
        raise ValueError(f"report: needed is {needed}; expected how many units were planned, at least 1.")


def _treatment(arms: list[str], treatment: str | None) -> str:
    if treatment is None and len(arms) == 1:
        return arms[0]
    if treatment not in arms:
        raise ValueError(f"report: treatment is {treatment!r}; the treatments are {', '.join(arms)}. Name one of them.")
    return treatment
