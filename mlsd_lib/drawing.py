"""The drawing of a System: its components from top to bottom, and what flows from one to the next.

One column and short lines, so that it can be read on a telephone; it is drawn by Matplotlib alone and follows the
page's theme like every other figure.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from typing import NamedTuple

from mlsd_lib.architecture import System, Trace
from mlsd_lib.figure import INK, SERIES, Figure

WIDTH = 3.0  # inches: on a screen of 360 pixels the smallest letters are still 12 pixels high
LETTERS = 42  # to a line of small type between two boxes
BOX, LINE, GAP = 0.30, 0.15, 0.13  # inches: a box, a line of small type, and the space around those lines


class Step(NamedTuple):
    """One box of the drawing and the arrow that leaves it.

    Attributes:
        name: What stands in the box.
        note: What stands beside the name: how long it took, or what kind of component it is; "" for nothing.
        items: How many items it passed on, in words; "" for none.
        does: What it does to the arrays, a phrase a line.
    """

    name: str
    note: str
    items: str
    does: tuple[str, ...]


def architecture(drawn: Trace | System, *, title: str, time: bool = False) -> Figure:
    """Draw a System: as it ran, with what flowed between its components, or as it stands.

    Args:
        drawn: A run, as `System.trace` returns it: each arrow then says which arrays a component added or changed and
            how many items it passed on. Or a System: each box then names the kind of component.
        title: What the system is called, above the drawing and in the alternative text.
        time: Whether each box says how long the component took in this run; only a Trace knows.

    Returns:
        The figure; its alternative text says what the drawing shows, in the same order.

    Raises:
        ValueError: If `time` is asked of a System, which has not run.

    Chapter: Architecture.

    >>> import pandas as pd
    >>> from mlsd_lib.figure import style
    >>> from mlsd_lib.systems import search
    >>> style()
    >>> documents = pd.DataFrame({"doc_id": [1, 2], "title": ["Pizza", "Taxi"], "text": ["thin crust", "at night"]})
    >>> system = search.lexical(documents)
    >>> architecture(system.trace(pd.DataFrame({"request_id": [1], "query": ["pizza"]})), title="Search")
    Search, from top to bottom: 1 request with request_id, query, place; selection passes on 1 item, adds doc_id, score.
    >>> architecture(system, title="Search")
    Search, from top to bottom: requests; selection (Selection).
    """
    if isinstance(drawn, System):
        if time:
            raise ValueError("architecture: a System has not run, so it took no time. Draw system.trace(requests).")
        asked = "requests"
        steps = [Step(component.name, type(component).__name__, "", ()) for component in drawn.components]
    else:
        asked = f"{_count(len(drawn.before), 'request')} with {', '.join(drawn.before.requests)}"
        steps = _steps_of(drawn, time=time)
    told = "; ".join(_told(step) for step in steps)
    return _drawn(title, asked, steps, alt=f"{title}, from top to bottom: {asked}; {told}.")


def _steps_of(trace: Trace, *, time: bool) -> list[Step]:
    steps = []
    flow = trace.flow()
    for place, component in enumerate(flow["component"]):
        names = {"adds": flow["adds"].iloc[place], "changes": flow["changes"].iloc[place]}
        does = [f"{verb} {some}" for verb, some in names.items() if some]
        count = int(flow["items"].iloc[place])
        items = _count(count, "item") if count else ""
        note = f"{float(trace.steps['milliseconds'].iloc[place]):,.1f} ms" if time else ""
        steps.append(Step(str(component), note, items, tuple(does if does or items else ["changes nothing"])))
    return steps


def _told(step: Step) -> str:
    phrases = [f"passes on {step.items}"] * bool(step.items) + list(step.does)
    return " ".join([step.name] + [f"({step.note})"] * bool(step.note) + [", ".join(phrases)] * bool(phrases))


def _drawn(title: str, asked: str, steps: list[Step], *, alt: str) -> Figure:
    import matplotlib.pyplot as plt
    from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

    between = [_lines([asked]), *(_lines([step.items, *step.does]) for step in steps)]
    heights = [LINE * len(lines) + 2 * GAP for lines in between]
    if not between[-1]:  # nothing has run, so nothing leaves the last box
        heights[-1] = 0.0
    top = 0.32
    fig = plt.figure(figsize=(WIDTH, top + sum(heights) + BOX * len(steps)))
    ax = fig.add_axes((0, 0, 1, 1), xlim=(0, WIDTH), ylim=(-sum(heights) - BOX * len(steps), top))
    ax.axis("off")
    ax.text(WIDTH / 2, top / 2, title, ha="center", va="center", weight="bold", fontsize=10)
    y = 0.0
    for place, (lines, height) in enumerate(zip(between, heights, strict=True)):
        if height:
            arrow = FancyArrowPatch(
                (0.22, y), (0.22, y - height), arrowstyle="-|>", mutation_scale=9, color=INK, shrinkA=1, shrinkB=1
            )
            ax.add_patch(arrow)
            for number, line in enumerate(lines):
                ax.text(0.36, y - GAP - LINE * (number + 0.5), line, ha="left", va="center", fontsize=8.5)
        y -= height
        if place < len(steps):
            shape = FancyBboxPatch(
                (0.04, y - BOX + 0.02),
                WIDTH - 0.08,
                BOX - 0.04,
                boxstyle="round,pad=0.01,rounding_size=0.06",
                fc="none",
                ec=SERIES[0],
                lw=1.5,
            )
            ax.add_patch(shape)
            ax.text(0.16, y - BOX / 2, steps[place].name, ha="left", va="center", fontsize=9.5)
            ax.text(WIDTH - 0.16, y - BOX / 2, steps[place].note, ha="right", va="center", fontsize=8.5)
            y -= BOX
    return Figure(fig, alt=alt)


def _lines(phrases: Iterable[str]) -> list[str]:
    """Phrases cut to the width of the drawing; a phrase begins a line of its own."""
    return [line for phrase in phrases for line in textwrap.wrap(phrase, LETTERS, subsequent_indent="  ")]


def _count(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
