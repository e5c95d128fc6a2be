"""A figure that a reader moves: a control over results that the run precomputed, with and without a kernel.

The page gets a static drawing of one setting, the numbers of all settings, and a range input; the book's script redraws
on the same axes. A live notebook gets a slider that does the same. Both show what `drawing` writes.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlsd_lib import moving_drawing as drawing
from mlsd_lib.figure import SERIES, described

STATIC = "MLSD_STATIC"  # set where a page of the book is executed: no kernel stays behind its figures
LARGEST = 10_000  # numbers in one figure: about 30 kB of a page, packed


@dataclass(frozen=True, eq=False, repr=False)
class Moving:
    """A figure with a control. The last line of a cell shows it.

    Attributes:
        alt: The alternative text: what the figure shows, and what moving it changes.
        control: What the control sets.
        settings: Each setting as text, in order.
        series: Names of the series.
        x: The common abscissa, float64 of shape (points,).
        values: The results, float64 of shape (settings, series, points).
        xlabel: Label of the x axis, with its unit.
        ylabel: Label of the y axis, with its unit.
        ylog: Whether the y axis is logarithmic.
        start: Place of the setting that is shown first.

    Chapter: How to read this book.
    """

    alt: str
    control: str
    settings: tuple[str, ...]
    series: tuple[str, ...]
    x: NDArray[np.float64]
    values: NDArray[np.float64]
    xlabel: str
    ylabel: str
    ylog: bool
    start: int

    def html(self, place: int | None = None, *, script: bool = True) -> str:
        """The figure at one setting.

        Args:
            place: Place of the setting, from 0; the one shown first where it is not given.
            script: Whether to add what the book's script needs: the range input, and the numbers of all settings.

        Returns:
            An HTML element, which shows that setting without any script.

        Chapter: How to read this book.

        >>> figure = moving({1: {"cost": [1, 2]}, 2: {"cost": [2, 4]}}, x=[0, 1], control="Price", xlabel="items",
        ...                 ylabel="cost (EUR)", alt="Cost rises with the items.")
        >>> "<output" in figure.html(1) and "<input" not in figure.html(1, script=False)
        True
        """
        return drawing.figure(self, self.start if place is None else place, script=script)

    def __repr__(self) -> str:
        return self.alt

    def widget(self) -> Any:
        """The figure in a live notebook, which shows it by itself: a slider of ipywidgets above the same drawing.

        Returns:
            A box of ipywidgets: the slider and the picture.

        Chapter: How to read this book.
        """
        import ipywidgets as widgets

        slider = widgets.SelectionSlider(
            options=[(text, place) for place, text in enumerate(self.settings)],
            value=self.start,
            description=self.control,
            style={"description_width": "initial"},
            layout={"width": "34em", "max_width": "100%"},
        )
        picture = widgets.HTML(self.html(script=False))
        slider.observe(lambda change: setattr(picture, "value", self.html(change["new"], script=False)), names="value")
        return widgets.VBox([slider, picture])

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        bundle: dict[str, Any] = {"text/plain": self.alt, "text/html": self.html()}
        if _kernel() and os.environ.get(STATIC) != "1":
            bundle = self.widget()._repr_mimebundle_() | bundle
        return bundle


def moving(
    frames: Mapping[float | str, Mapping[str, Sequence[float]]],
    *,
    x: Sequence[float],
    control: str,
    xlabel: str,
    ylabel: str,
    alt: str,
    start: float | str | None = None,
    value: str = "{}",
    ylog: bool = False,
) -> Moving:
    """A figure with a control over precomputed results, which moves with and without a kernel.

    Args:
        frames: For each setting of the control, in order, the series drawn for it: name to one value a point. All
            settings have the same series, at most four, and all are drawn on the same axes.
        x: The common abscissa: rising finite numbers, at least two.
        control: What the control sets, such as "Traffic".
        xlabel: Label of the x axis, with its unit.
        ylabel: Label of the y axis, with its unit.
        alt: What the figure shows and what moving it changes, for readers who do not see it.
        start: The setting that is shown first; the first one where it is not given.
        value: How a setting reads, as a format string such as "{:g} requests/s".
        ylog: Whether the y axis is logarithmic; all values are then above 0.

    Returns:
        The figure, as the last line of a cell.

    Raises:
        ValueError: If a text is empty, there are fewer than two settings, the series of two settings differ, a series
            has another length than `x`, a value is not finite (or not above 0 on a logarithmic axis), `x` does not
            rise, `start` is no setting, two settings read the same, or the figure is too large for a page.

    Chapter: How to read this book.

    >>> load = [0.5, 0.7, 0.9]
    >>> waits = {servers: {"mean wait": [share**servers for share in load]} for servers in (1, 4, 16)}
    >>> moving(waits, x=load, control="Machines", value="{:d} machines", xlabel="utilisation (share)",
    ...        ylabel="wait (s)", alt="The wait rises with utilisation, later and steeper the more machines there are.")
    The wait rises with utilisation, later and steeper the more machines there are.
    """
    for name, text in {"control": control, "xlabel": xlabel, "ylabel": ylabel}.items():
        if not text.strip():
            raise ValueError(f"moving: {name} is empty. A figure without it cannot be read.")
    keys = list(frames)
    if len(keys) < 2:
        raise ValueError(
            f"moving: frames has {len(keys)} settings. A control needs at least two; draw one with Figure."
        )
    series = tuple(str(name) for name in frames[keys[0]])
    if not 1 <= len(series) <= len(SERIES):
        raise ValueError(f"moving: frames[{keys[0]!r}] has {len(series)} series. Draw one to {len(SERIES)}.")
    across = _abscissa(x)
    size = len(keys) * len(series) * len(across)
    if size > LARGEST:
        raise ValueError(
            f"moving: {len(keys)} settings × {len(series)} series × {len(across)} points are {size:,} numbers, and a "
            f"page takes {LARGEST:,}. Keep fewer points of x, or fewer settings."
        )
    if start is not None and start not in frames:
        raise ValueError(f"moving: start is {start!r}, which is no setting of frames (first: {keys[0]!r}).")
    return Moving(
        alt=described(alt),
        control=control.strip(),
        settings=_settings(keys, value),
        series=series,
        x=across,
        values=_values(frames, series, len(across), ylog),
        xlabel=xlabel.strip(),
        ylabel=ylabel.strip(),
        ylog=ylog,
        start=0 if start is None else keys.index(start),
    )


def _abscissa(x: Sequence[float]) -> NDArray[np.float64]:
    across = np.asarray(x, dtype=float)
    if across.ndim != 1 or len(across) < 2:
        raise ValueError(f"moving: x has shape {across.shape}. Give one row of at least two numbers.")
    if not np.isfinite(across).all():
        raise ValueError(f"moving: x holds {np.sum(~np.isfinite(across))} values that are not finite.")
    if not (np.diff(across) > 0).all():
        place = int(np.argmax(np.diff(across) <= 0)) + 1
        raise ValueError(
            f"moving: x does not rise at place {place} ({across[place]:g}). Sort x, and the series with it."
        )
    return across


def _settings(keys: Sequence[float | str], value: str) -> tuple[str, ...]:
    seen: dict[str, float | str] = {}
    for key in keys:
        try:
            text = value.format(key).strip()
        except (ValueError, IndexError, KeyError) as error:
            raise ValueError(
                f"moving: value is {value!r}, which does not format the setting {key!r}: {error}."
            ) from None
        if not text or text in seen:
            other = f" and {seen[text]!r} both" if text in seen else ""
            raise ValueError(f"moving: value {value!r} shows {key!r}{other} as {text!r}. Tell the settings apart.")
        seen[text] = key
    return tuple(seen)


def _values(
    frames: Mapping[float | str, Mapping[str, Sequence[float]]], series: Sequence[str], points: int, ylog: bool
) -> NDArray[np.float64]:
    found = np.empty((len(frames), len(series), points))
    for place, (key, frame) in enumerate(frames.items()):
        if set(map(str, frame)) != set(series):
            raise ValueError(
                f"moving: frames[{key!r}] has the series {sorted(map(str, frame))}, and the first setting has "
                f"{sorted(series)}. Give every setting the same series."
            )
        for name, numbers in frame.items():
            line = np.asarray(numbers, dtype=float)
            where = f"moving: frames[{key!r}][{name!r}]"
            if line.shape != (points,):
                raise ValueError(f"{where} has shape {line.shape}, and x has {points} points. Give one value a point.")
            if not np.isfinite(line).all():
                bad = np.flatnonzero(~np.isfinite(line))
                raise ValueError(
                    f"{where} holds {len(bad)} values that are not finite (first: {line[bad[0]]} at place {bad[0]}). "
                    "Leave those points out of x, or cap them and say so in the label."
                )
            if ylog and (line <= 0).any():
                bad = np.flatnonzero(line <= 0)
                raise ValueError(
                    f"{where} holds {len(bad)} values not above 0 (first: {line[bad[0]]:g} at place {bad[0]}), which a "
                    "logarithmic axis does not show. Draw it with ylog=False, or leave those points out."
                )
            found[place, series.index(str(name))] = line
    return found


def _kernel() -> bool:
    from IPython import get_ipython  # only a notebook has a kernel; the library is used without one too

    return getattr(get_ipython(), "kernel", None) is not None
