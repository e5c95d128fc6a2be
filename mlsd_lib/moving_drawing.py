"""Writes a moving figure as HTML: one setting drawn as SVG, its numbers as a table, and all settings as data.

The data hold places on the drawing and finished texts, so that the script of the page only puts them in: the scale and
the rounding exist once, here.
"""

from __future__ import annotations

import hashlib
import html
import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mlsd_lib.figure import FONT, GRID, INK, PAPER, SERIES, VARIABLES, theme_rules

if TYPE_CHECKING:
    from mlsd_lib.explore_moving import Moving

WIDTH, HEIGHT = 380, 240  # of the drawing, in its own units: at most 1.5 pixels each
TOP, BOTTOM = 24.0, 36.0
LETTER = 6.6  # the width that a digit may take, on a phone
STEPS = (1, 2, 5)  # between two powers of ten
DASHES = ("", "7 3", "2 2.5", "9 3 2 3")
SHAPES = (  # around a point: circle, square, triangle, diamond
    "m-3.2 0a3.2 3.2 0 1 0 6.4 0a3.2 3.2 0 1 0-6.4 0z",
    "m-2.9-2.9h5.8v5.8h-5.8z",
    "m0-3.9l3.7 6.6h-7.4z",
    "m0-4.2l4.2 4.2l-4.2 4.2l-4.2-4.2z",
)
MARKED = 12  # points of a line that carry its shape, about


def figure(own: Moving, place: int, *, script: bool) -> str:
    """The figure at one setting, as an HTML element.

    Args:
        own: The figure.
        place: Place of the setting, from 0.
        script: Whether to add the range input and the numbers of all settings.

    Returns:
        HTML; equal figures give equal text.

    Chapter: How to read this book.
    """
    texts = _texts(own.values)
    axes = _Axes(own)
    data = {
        "x": _places(axes.x(own.x)),
        "marked": _marked(len(own.x)),
        "settings": own.settings,
        "y": [[_places(line) for line in frame] for frame in axes.y(own.values)],
        "cells": texts,
    }
    written = json.dumps(data, separators=(",", ":"), ensure_ascii=False).replace("</", "<\\/")
    mark = "m" + hashlib.blake2b((own.alt + own.control + written).encode(), digest_size=5).hexdigest()
    setting = html.escape(own.settings[place])
    control = [f'<label for="{mark}-control">{html.escape(own.control)}</label>']
    if script:
        control.append(
            f'<input id="{mark}-control" type="range" min="0" max="{len(own.settings) - 1}" step="1" value="{place}" '
            f'aria-valuetext="{setting}" autocomplete="off" hidden>'
        )
    else:
        control = [f"<span>{html.escape(own.control)}</span>"]
    parts = [
        f"<style>{theme_rules(mark)}{_rules(mark)}</style>",
        f'<p class="moving-setting">{" ".join(control)} '
        f'<output for="{mark}-control" aria-live="polite">{setting}</output></p>',
        _legend(own),
        _svg(own, axes, data, place),
        _table(own, texts[place]),
        f'<script type="application/json">{written}</script>' if script else "",
    ]
    return f'<figure class="mlsd-figure mlsd-moving {mark}">{"".join(parts)}</figure>'


def readable(value: float) -> str:
    """A number with four significant digits, without an exponent where people would not write one.

    Args:
        value: A finite number.

    Returns:
        The number as text, thousands separated by commas.

    Chapter: How to read this book.

    >>> [readable(value) for value in (0.0, 63.3968, 100_000, 0.000123456, 1.5e-9)]
    ['0', '63.4', '100,000', '0.0001235', '1.5e-09']
    """
    rounded = float(f"{value:.4g}")
    if rounded and not 1e-6 <= abs(rounded) < 1e12:
        return f"{rounded:g}"
    return f"{rounded:,.0f}" if rounded == int(rounded) else f"{rounded:,.10f}".rstrip("0")


def linear_ticks(low: float, high: float, most: int) -> list[float]:
    """Round numbers between two others, evenly spaced.

    Args:
        low: The lower end.
        high: The upper end, above `low`.
        most: How many ticks at most; at least 2.

    Returns:
        Multiples of 1, 2 or 5 times a power of ten, within the ends.

    Chapter: How to read this book.

    >>> linear_ticks(0.0, 0.93, 6)
    [0.0, 0.2, 0.4, 0.6, 0.8]
    """
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    for step in (power * m for m in (1, 2, 5, 10, 20, 50)):
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        if last - first < most:
            return [float(f"{k * step:.10g}") for k in range(first, last + 1)]
    raise AssertionError("a step of five times the range leaves two ticks at most")


def log_ticks(low: float, high: float) -> list[float]:
    """Ticks of a logarithmic axis: powers of ten, and 2 and 5 times them where few powers fit.

    Args:
        low: The lower end, above 0.
        high: The upper end, above `low`.

    Returns:
        Ticks within the ends.

    Chapter: How to read this book.

    >>> log_ticks(0.5, 20.0)
    [0.5, 1.0, 2.0, 5.0, 10.0, 20.0]
    >>> log_ticks(1.0, 1e6)[:3]
    [1.0, 10.0, 100.0]
    """
    bottom, top = math.floor(math.log10(low) + 1e-9), math.ceil(math.log10(high) - 1e-9)
    every = max(1, math.ceil((top - bottom) / 7))
    factors = STEPS if high <= 1_000 * low else (1,)
    ticks = [float(f"{m}e{power}") for power in range(bottom, top + 1, every) for m in factors]
    return [tick for tick in ticks if low * (1 - 1e-9) <= tick <= high * (1 + 1e-9)]


class _Axes:
    """Where values stand on the drawing: one pair of axes for all settings."""

    def __init__(self, own: Moving) -> None:
        self.log = own.ylog
        self.low, self.high = _log_ends(own.values) if own.ylog else _ends(own.values)
        self.yticks = log_ticks(self.low, self.high) if own.ylog else linear_ticks(self.low, self.high, 6)
        self.left = 10 + LETTER * max(len(readable(tick)) for tick in self.yticks)
        self.first, self.last = float(own.x[0]), float(own.x[-1])
        widest = max(len(readable(tick)) for tick in linear_ticks(self.first, self.last, 6))
        room = (WIDTH - self.left - 16) / (LETTER * widest + 14)
        self.xticks = linear_ticks(self.first, self.last, max(2, min(6, int(room))))
        self.right = WIDTH - max(12.0, 4 + LETTER * len(readable(self.xticks[-1])) / 2 if self.xticks else 0.0)
        self.base = HEIGHT - BOTTOM

    def x(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        share = (values - self.first) / (self.last - self.first)
        return np.asarray(self.left + share * (self.right - self.left))

    def y(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        low, high = (math.log(self.low), math.log(self.high)) if self.log else (self.low, self.high)
        share = ((np.log(values) if self.log else values) - low) / (high - low)
        return np.asarray(self.base - share * (self.base - TOP))


def _ends(values: NDArray[np.float64]) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    if 0 < low < high / 2 or low == high > 0:
        low = 0.0
    if low == high:  # nothing but one value at or below 0
        low, high = low - 1, high + 1
    ticks = linear_ticks(low, high, 6)
    step = ticks[1] - ticks[0]
    return step * math.floor(low / step + 1e-9), step * math.ceil(high / step - 1e-9)


def _log_ends(values: NDArray[np.float64]) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    powers = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 2)
    steps = [float(f"{m}e{power}") for power in powers for m in STEPS]
    bottom = max(step for step in steps if step <= low * (1 + 1e-9))
    top = min(step for step in steps if step >= high * (1 - 1e-9))
    return (bottom, top) if bottom < top else (bottom / 10, top * 10)


def _svg(own: Moving, axes: _Axes, data: dict[str, Any], place: int) -> str:
    middle = (axes.left + axes.right) / 2
    base, left, right = f"{axes.base:g}", f"{axes.left:.1f}", f"{axes.right:.1f}"
    parts = [f'<text x="0" y="11">{html.escape(own.ylabel)}</text>']
    for tick, at in zip(axes.yticks, _places(axes.y(np.array(axes.yticks))), strict=True):
        parts.append(f'<path class="moving-grid" d="M{left} {at}H{right}"/>')
        parts.append(f'<text x="{axes.left - 5:.1f}" y="{at}" dy=".35em" text-anchor="end">{readable(tick)}</text>')
    for tick, at in zip(axes.xticks, _places(axes.x(np.array(axes.xticks))), strict=True):
        parts.append(f'<path class="moving-grid" d="M{at} {TOP:g}V{base}"/>')
        parts.append(f'<text x="{at}" y="{axes.base + 14:g}" text-anchor="middle">{readable(tick)}</text>')
    parts.append(f'<path class="moving-axis" d="M{left} {TOP:g}V{base}H{right}"/>')
    parts.append(f'<text x="{middle:.1f}" y="{HEIGHT - 5}" text-anchor="middle">{html.escape(own.xlabel)}</text>')
    for number, heights in enumerate(data["y"][place]):
        points = [f"{x} {y}" for x, y in zip(data["x"], heights, strict=True)]
        marks = "".join(f"M{points[at]}{SHAPES[number]}" for at in data["marked"])
        parts += [_line(number, "M" + "L".join(points)), _mark(number, marks)]
    return (
        f'<svg class="moving-plot" role="img" aria-label="{html.escape(own.alt)}" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'xmlns="http://www.w3.org/2000/svg">{"".join(parts)}</svg>'
    )


def _line(number: int, path: str) -> str:
    dash = f' stroke-dasharray="{DASHES[number]}"' if DASHES[number] else ""
    return f'<path class="moving-line" stroke="var({VARIABLES[SERIES[number]]})"{dash} d="{path}"/>'


def _mark(number: int, path: str) -> str:
    colour = VARIABLES[SERIES[number]]
    return f'<path class="moving-mark" fill="var({colour})" data-shape="{SHAPES[number]}" d="{path}"/>'


def _legend(own: Moving) -> str:
    items = []
    for number, name in enumerate(own.series):
        drawn = _line(number, "M1 7H33") + _mark(number, f"M17 7{SHAPES[number]}")
        key = f'<svg class="moving-key" aria-hidden="true" viewBox="0 0 34 14" width="34" height="14">{drawn}</svg>'
        items.append(f"<li>{key} {html.escape(name)}</li>")
    return f'<ul class="moving-legend">{"".join(items)}</ul>'


def _table(own: Moving, cells: list[list[str]]) -> str:
    heads = "".join(f'<th scope="col">{html.escape(name)}</th>' for name in (own.xlabel, *own.series))
    rows = []
    for point, at in enumerate(own.x):
        numbers = "".join(f"<td>{line[point]}</td>" for line in cells)
        rows.append(f'<tr><th scope="row">{readable(float(at))}</th>{numbers}</tr>')
    return (
        "<details><summary>The numbers of this setting</summary>"
        '<div class="moving-scroll" role="group" aria-label="The numbers of this setting" tabindex="0">'
        f'<table class="moving-numbers"><caption>{html.escape(own.ylabel)}</caption><thead><tr>{heads}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div></details>"
    )


def _texts(values: NDArray[np.float64]) -> list[list[list[str]]]:
    return [[[readable(float(value)) for value in line] for line in frame] for frame in values]


def _places(values: NDArray[np.float64]) -> list[float]:
    return [round(float(value), 1) for value in values]


def _marked(points: int) -> list[int]:
    return list(range(0, points, max(1, math.ceil(points / MARKED))))


def _rules(mark: str) -> str:
    ink, grid, paper = (f"var({VARIABLES[colour]})" for colour in (INK, GRID, PAPER))
    own = f".{mark} "
    return (
        f"{own}.moving-plot{{display:block;width:100%;max-width:{1.5 * WIDTH:.0f}px;height:auto;"
        f"font:10.5px {FONT};fill:{ink}}}"
        f"{own}.moving-legend{{list-style:none;display:flex;flex-wrap:wrap;gap:0 1.2em;margin:0 0 .4em;padding:0}}"
        f"{own}.moving-key{{vertical-align:-.1em}}"
        f"{own}.moving-line{{fill:none;stroke-width:2;stroke-linejoin:round}}"
        f"{own}.moving-mark{{stroke:{paper};stroke-width:.6}}"
        f"{own}.moving-grid{{stroke:{grid};stroke-width:.7}}"
        f"{own}.moving-axis{{stroke:{ink};fill:none}}"
        f"@media(max-width:30rem){{{own}.moving-plot{{font-size:12.5px}}}}"
    )
