"""What is compared between the arms: a mean over units, or a ratio of two sums, and which columns it is read from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

Better = Literal["higher", "lower"]
Role = Literal["value", "denominator", "covariate", "covariate's denominator"]


class Column(NamedTuple):
    """A column of a units table as a metric reads it.

    Attributes:
        name: Its name.
        role: What it is to the metric.
        cap: The largest value that counts; larger ones are cut to it. None cuts nothing.

    Chapter: Experiments.
    """

    name: str
    role: Role
    cap: float | None = None


@dataclass(frozen=True)
class Mean:
    """The mean of a value over units, such as clicks a user.

    Attributes:
        name: How it is called in results.
        value: The column with a value for each unit.
        covariate: A column with a value of before the experiment, by which differences between units are taken out
            (CUPED); NaN for a unit without history, which counts as average. Never one that the treatment can change.
        better: "higher" or "lower": which direction is an improvement.
        cap: The largest value that counts, in units of the value, for the covariate too. A few huge values are most of
            the noise of revenue. Choose it before the experiment, from earlier data. None cuts nothing.

    Raises:
        ValueError: If a name is no string, `better` is neither of the two, or `cap` is not a finite number.

    Source: [deng2013cuped] for the covariate, [kohavi2014seven] for the cap. Chapter: Experiments.

    >>> Mean("revenue per user", "revenue", covariate="revenue_before", cap=100.0).columns
    (Column(name='revenue', role='value', cap=100.0), Column(name='revenue_before', role='covariate', cap=100.0))
    """

    name: str
    value: str
    covariate: str | None = None
    better: Better = "higher"
    cap: float | None = None

    def __post_init__(self) -> None:
        _named(self.name, self.better, self.value, *(() if self.covariate is None else (self.covariate,)))
        if self.cap is not None and not abs(self.cap) < float("inf"):
            raise ValueError(f"metric {self.name!r}: cap is {self.cap!r}; expected a finite number or None.")

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns that it reads, the value first."""
        value = (Column(self.value, "value", self.cap),)
        return value if self.covariate is None else (*value, Column(self.covariate, "covariate", self.cap))


@dataclass(frozen=True)
class Ratio:
    """A ratio of two sums over units, such as clicks of all users over their requests.

    A unit's two values depend on each other, and units differ in their denominators: the interval comes from the delta
    method over units, not from counting each request as independent.

    Attributes:
        name: How it is called in results.
        numerator: The column that is summed above the line.
        denominator: The column that is summed below it; never negative.
        covariate: The same two columns of before the experiment, as a pair of names, or one column for a mean of
            before (CUPED); NaN for a unit without history, which counts as average.
        better: "higher" or "lower": which direction is an improvement.

    Raises:
        ValueError: If a name is no string, or `better` is neither of the two.

    Chapter: Experiments.

    >>> [column.name for column in Ratio("click rate", "clicks", "requests").columns]
    ['clicks', 'requests']
    """

    name: str
    numerator: str
    denominator: str
    covariate: tuple[str, str] | str | None = None
    better: Better = "higher"

    def __post_init__(self) -> None:
        if isinstance(self.covariate, list):
            object.__setattr__(self, "covariate", tuple(self.covariate))
        before: tuple[str, ...] = ()
        if isinstance(self.covariate, tuple):
            before = self.covariate
            if len(before) != 2:
                raise ValueError(f"metric {self.name!r}: covariate is {before!r}; expected a column, or a pair of two.")
        elif self.covariate is not None:
            before = (self.covariate,)
        _named(self.name, self.better, self.numerator, self.denominator, *before)

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns that it reads: numerator, denominator, then those of before."""
        own = (Column(self.numerator, "value"), Column(self.denominator, "denominator"))
        if self.covariate is None:
            return own
        if isinstance(self.covariate, str):
            return (*own, Column(self.covariate, "covariate"))
        above, below = self.covariate
        return (*own, Column(above, "covariate"), Column(below, "covariate's denominator"))


Metric = Mean | Ratio


def is_before(column: Column) -> bool:
    """Whether a column is one of before the experiment, which may be missing.

    Args:
        column: The column of a metric.

    Returns:
        True for a covariate and for its denominator.

    Chapter: Experiments.

    >>> [is_before(column) for column in Mean("clicks", "clicks", covariate="clicks_before").columns]
    [False, True]
    """
    return column.role in ("covariate", "covariate's denominator")


def _named(name: str, better: str, *columns: str) -> None:
    if not isinstance(name, str) or not name:
        raise ValueError(f"metric: its name is {name!r}; expected a string, such as 'clicks per user'.")
    if better not in ("higher", "lower"):
        raise ValueError(f"metric {name!r}: better is {better!r}; expected 'higher' or 'lower'.")
    for column in columns:
        if not isinstance(column, str) or not column:
            raise ValueError(f"metric {name!r}: a column is {column!r}; expected the name of one.")
