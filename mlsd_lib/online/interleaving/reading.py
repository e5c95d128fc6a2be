"""Reading an interleaved log: whose results were clicked, whom each user prefers, and how sure that is."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from mlsd_lib.metrics import checks

By = Literal["team", "rank"]


@dataclass(frozen=True)
class Preference:
    """Which of two rankings users prefer: wins of b among those who prefer one.

    Attributes:
        share: Share of the decided units that prefer b; NaN if none is decided. Above 0.5, b is better.
        low: Lower end of its 95 % interval (Clopper and Pearson's, exact).
        high: Its upper end.
        p_value: Probability of a split at least as uneven if neither were preferred (two-sided sign test).
        wins_a: Units that prefer a.
        wins_b: Units that prefer b.
        ties: Units that prefer neither, mostly for want of a click. They say nothing and are left out.

    Chapter: Online evaluation.
    """

    share: float
    low: float
    high: float
    p_value: float
    wins_a: int
    wins_b: int
    ties: int

    def __str__(self) -> str:
        decided = self.wins_a + self.wins_b
        if not decided:
            return f"none of {self.ties} units prefers one"
        return (
            f"b preferred by {self.share:.1%} ({self.low:.1%} to {self.high:.1%}) of {decided} decided units, "
            f"{self.ties} ties, p = {self.p_value:.2g}"
        )


def credit(log: pd.DataFrame, *, by: By = "team") -> pd.DataFrame:
    """How many clicks each ranking gets for each request.

    Args:
        log: A row a result shown, as `team_draft` or `balanced` mixed them, with `clicked` (true or false).
        by: "team" counts the clicks on each team's results: for `team_draft`. "rank" is for `balanced`, whose page
            belongs to both: it takes the lowest clicked result, looks how far down the ranking that has it higher it
            stands, and counts the clicks among so many first results of each.

    Returns:
        A row a request in the order of the log: `request_id, a, b`. Requests without a click get 0 and 0.

    Raises:
        ValueError: If a column or a value is missing or unsound.

    Source: [chapelle2012interleaved]. Chapter: Online evaluation.

    >>> log = pd.DataFrame({"request_id": [1, 1, 2], "team": ["a", "b", "b"], "clicked": [False, True, True]})
    >>> credit(log)
       request_id  a  b
    0           1  0  1
    1           2  0  1
    """
    if by not in ("team", "rank"):
        raise ValueError(f"credit: by must be 'team' or 'rank', got {by!r}.")
    needed = ("team",) if by == "team" else ("position", "rank_a", "rank_b")
    clean = checks.columns("log", log, "request_id", "clicked", *needed)
    clicked = checks.flags("log", clean, "clicked").to_numpy()
    if by == "team":
        odd = ~clean["team"].isin(["a", "b", ""]).to_numpy()
        if odd.any():
            first = int(np.argmax(odd))
            raise ValueError(
                f"log: team is neither 'a' nor 'b' nor '' in {checks.count(odd)} (first: row {first}, "
                f"{checks.plain(clean['team'].iloc[first])!r}). Keep the column that team_draft made."
            )
    row, request = pd.factorize(clean["request_id"])
    if by == "team":
        team = clean["team"].to_numpy()
        sides = [clicked & (team == side) for side in ("a", "b")]
    else:
        ranks = clean[["rank_a", "rank_b"]].to_numpy()
        highest = np.where(ranks > 0, ranks, np.iinfo(np.int64).max).min(axis=1)
        at = np.flatnonzero(clicked)
        at = at[np.lexsort((clean["position"].to_numpy()[at], row[at]))]
        reach = np.zeros(len(request), dtype=np.int64)
        reach[row[at]] = highest[at]  # the last assignment stands: the lowest click
        sides = [clicked & (rank > 0) & (rank <= reach[row]) for rank in ranks.T]
    counts = [np.bincount(row[side], minlength=len(request)) for side in sides]
    return pd.DataFrame({"request_id": request, "a": counts[0], "b": counts[1]})


def wins(log: pd.DataFrame, *, unit: str = "user_id", by: By = "team") -> pd.Series[int]:
    """Whom each unit prefers: 1 for b, -1 for a, 0 for neither. Each unit has one vote, however much it clicks.

    Args:
        log: As for `credit`, with the column `unit`.
        unit: Who has a vote: what is independent of each other, such as "user_id".
        by: As for `credit`.

    Returns:
        The votes, named "wins", indexed by `unit` in the order of the log.

    Raises:
        ValueError: As `credit`, or if a request belongs to several units.

    Source: [chapelle2012interleaved]. Chapter: Online evaluation.

    >>> log = pd.DataFrame({"request_id": [1, 2, 3], "user_id": [7, 7, 8], "team": ["b", "b", "a"], "clicked": True})
    >>> wins(log).to_dict()
    {7: 1, 8: -1}
    """
    score = credit(log, by=by)
    owners = checks.columns("log", log, *dict.fromkeys(["request_id", unit])).drop_duplicates(ignore_index=True)
    if unit != "request_id":
        checks.once("log", owners, ["request_id"])
    more = pd.Series((score["b"] - score["a"]).to_numpy()).groupby(owners[unit], sort=False).sum()
    return pd.Series(np.sign(more.to_numpy()).astype(np.int64), index=more.index, name="wins")


def preference(log: pd.DataFrame, *, unit: str = "user_id", by: By = "team") -> Preference:
    """Which ranking users prefer, with the interval of their share and a p-value.

    Args:
        log: As for `credit`, with the column `unit`.
        unit: Who has a vote, such as "user_id". Requests of one user are not independent: by "request_id" the interval
            is too narrow where users differ.
        by: As for `credit`.

    Returns:
        The preference.

    Raises:
        ValueError: As `wins`.

    Source: [chapelle2012interleaved]. Chapter: Online evaluation.

    >>> log = pd.DataFrame({"request_id": range(8), "user_id": range(8), "team": ["b"] * 7 + ["a"], "clicked": True})
    >>> print(preference(log))
    b preferred by 87.5% (47.3% to 99.7%) of 8 decided units, 0 ties, p = 0.07
    """
    return decided(wins(log, unit=unit, by=by).to_numpy())


def decided(votes: npt.ArrayLike) -> Preference:
    """The preference in votes of 1 (for b), -1 (for a) and 0; see `preference`."""
    from scipy.stats import beta, binom

    vote = np.asarray(votes)
    a, b = int((vote < 0).sum()), int((vote > 0).sum())
    if a + b == 0:
        return Preference(math.nan, 0.0, 1.0, 1.0, 0, 0, len(vote))
    low = float(beta.ppf(0.025, b, a + 1)) if b else 0.0
    high = float(beta.ppf(0.975, b + 1, a)) if a else 1.0
    p_value = min(1.0, 2 * float(binom.cdf(min(a, b), a + b, 0.5)))
    return Preference(b / (a + b), low, high, p_value, a, b, len(vote) - a - b)
