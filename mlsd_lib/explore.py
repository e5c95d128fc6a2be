"""Figures for pages, in one place: drawn with Matplotlib, drawn of a System, and moved by the reader."""

from __future__ import annotations

from mlsd_lib.drawing import architecture
from mlsd_lib.explore_moving import Moving, moving
from mlsd_lib.figure import DARK, GRID, INK, LIGHT, PAPER, SERIES, Figure, style

__all__ = [
    "DARK",
    "GRID",
    "INK",
    "LIGHT",
    "PAPER",
    "SERIES",
    "Figure",
    "Moving",
    "architecture",
    "moving",
    "style",
]
