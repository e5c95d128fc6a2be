"""A line of the table of measured figures."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One figure: its name, value, unit, and what else the reader of the table should know."""

    name: str
    value: float
    unit: str
    note: str = ""
