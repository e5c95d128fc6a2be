"""Figures for pages: one inline SVG that follows the light and the dark theme, with the text that replaces it.

Matplotlib draws in sentinel colours; they are replaced by CSS variables, which the page's theme sets. The same figure
therefore looks right on the site and in JupyterLab, in both themes, without a second picture.
"""

from __future__ import annotations

import hashlib
import html
import io
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

    from mlsd_lib.architecture import Trace

# What Matplotlib draws with, and what it becomes in the light and in the dark theme. The four series colours stay apart
# under the three common colour deficiencies, and each has a contrast of at least 3 with its background.
INK, GRID, PAPER = "#101010", "#c9c9c9", "#fdfdfd"
SERIES = ("#0c3c65", "#c25312", "#1f826d", "#9251b9")
LIGHT = {INK: "#1f2328", GRID: "#d0d4d9", PAPER: "#ffffff"} | {colour: colour for colour in SERIES}
DARK = {INK: "#e6e6e6", GRID: "#4a4f57", PAPER: "#121212"} | dict(
    zip(SERIES, ("#4385b5", "#e5a34a", "#52c698", "#f6adf9"), strict=True)
)

_VARIABLES = {colour: f"--mlsd-{place}" for place, colour in enumerate(LIGHT)}
_FONT = "system-ui, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif"
_WIDER = 1.5  # pixels on the page per point of the drawing, at most: 10 pt text becomes 15 px


def style() -> None:
    """Set Matplotlib's defaults for figures of the book: sizes, sentinel colours, a fixed salt for ids.

    Chapter: How to read this book.

    >>> style()
    >>> import matplotlib
    >>> matplotlib.rcParams["svg.fonttype"]
    'none'
    """
    import matplotlib as mpl
    from cycler import cycler

    mpl.rcParams.update(
        {
            "figure.figsize": (5.2, 2.9),
            "figure.facecolor": "none",
            "axes.facecolor": "none",
            "savefig.facecolor": "none",
            "savefig.transparent": True,
            "font.family": "sans-serif",
            "font.size": 9,
            "text.color": INK,
            "axes.edgecolor": INK,
            "axes.labelcolor": INK,
            "axes.titlecolor": INK,
            "xtick.color": INK,
            "ytick.color": INK,
            "axes.grid": True,
            "axes.axisbelow": True,
            "grid.color": GRID,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.prop_cycle": cycler(color=list(SERIES)),
            "legend.facecolor": PAPER,
            "legend.edgecolor": GRID,
            "patch.edgecolor": PAPER,
            "lines.linewidth": 2,
            "svg.fonttype": "none",
            "svg.hashsalt": "mlsd",
        }
    )


class Figure:
    """A finished figure: inline SVG for both themes, and its alternative text. The last line of a cell shows it.

    Args:
        fig: The Matplotlib figure; it is closed, so that a notebook does not show it a second time.
        alt: What the figure shows, in a sentence or two, for readers who do not see it.

    Attributes:
        alt: The alternative text.
        svg: The SVG element, with the colours of both themes inside.

    Raises:
        ValueError: If `alt` is empty, or is the name of a file.

    Chapter: How to read this book.

    >>> import matplotlib.pyplot as plt
    >>> style()
    >>> fig, ax = plt.subplots()
    >>> _ = ax.plot([1, 2, 4])
    >>> Figure(fig, alt="A line that rises from 1 to 4, faster at the end.")
    A line that rises from 1 to 4, faster at the end.
    """

    def __init__(self, fig: Drawing, alt: str) -> None:
        alt = " ".join(str(alt).split())
        if not alt:
            raise ValueError("Figure: alt is empty. Say in a sentence what the figure shows.")
        if re.fullmatch(r"\S+\.\w{2,4}", alt):
            raise ValueError(f"Figure: alt is {alt!r}, the name of a file. Say in a sentence what the figure shows.")
        import matplotlib.pyplot as plt

        self.alt = alt
        self.svg = _themed(fig, alt)
        plt.close(fig)

    def __repr__(self) -> str:
        return self.alt

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return {"text/plain": self.alt, "text/html": f'<figure class="mlsd-figure">{self.svg}</figure>'}


def architecture(trace: Trace, *, title: str) -> Figure:
    """Draw a System as it ran: its components from top to bottom, and how many items flow between them.

    Args:
        trace: A run of the system, as `System.trace` returns it.
        title: What the system is called, for the alternative text and above the drawing.

    Returns:
        The figure; its alternative text names the components and the counts.

    Chapter: Search ranking.

    >>> import pandas as pd
    >>> from mlsd_lib.systems import search
    >>> style()
    >>> documents = pd.DataFrame({"doc_id": [1, 2], "title": ["Pizza", "Taxi"], "text": ["thin crust", "at night"]})
    >>> trace = search.lexical(documents).trace(pd.DataFrame({"request_id": [1], "query": ["pizza"]}))
    >>> architecture(trace, title="Search")
    Search, from top to bottom: 1 request; selection passes on 1 items.
    """
    import matplotlib.pyplot as plt
    from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

    requests = len(next(iter(trace.after.values())))
    asked = f"{requests:,} request{'s' if requests != 1 else ''}"
    rows = list(zip(trace.steps.component, trace.steps.items_out.astype(int), strict=True))
    fig, ax = plt.subplots(figsize=(3.6, 0.62 * len(rows) + 0.7))
    ax.set(xlim=(0, 1), ylim=(-len(rows) - 0.6, 0.6))
    ax.axis("off")
    ax.text(0.5, 0.3, f"{title}: {asked}", ha="center", va="center", weight="bold")
    for place, (name, items) in enumerate(rows):
        y = -place - 0.5
        box = FancyBboxPatch((0.24, y - 0.27), 0.52, 0.54, boxstyle="round,pad=0.01", fc="none", ec=SERIES[0], lw=1.5)
        ax.add_patch(box)
        ax.text(0.5, y, name, ha="center", va="center")
        ax.add_patch(FancyArrowPatch((0.5, y + 0.74), (0.5, y + 0.29), arrowstyle="-|>", mutation_scale=9, color=INK))
        ax.text(0.8, y, f"{items:,} items" if items else "the query", ha="left", va="center", fontsize=8)
    told = "; ".join(f"{name} passes on {f'{items:,} items' if items else 'the query'}" for name, items in rows)
    return Figure(fig, alt=f"{title}, from top to bottom: {asked}; {told}.")


def _themed(fig: Drawing, alt: str) -> str:
    import matplotlib as mpl

    buffer = io.StringIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "mlsd"}):
        fig.savefig(buffer, format="svg", bbox_inches="tight", transparent=True)
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :].strip()
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)  # it holds the date
    mark = "f" + hashlib.blake2b((alt + svg).encode(), digest_size=5).hexdigest()
    svg = _own_ids(svg, mark)
    svg = re.sub(r"#[0-9a-fA-F]{6}\b", lambda m: _variable(m[0]), svg)
    svg = re.sub(r"font: ([^;\"]*?[\d.]+px) [^;\"]+", lambda m: f"font: {m[1]} {_FONT}", svg)

    box = re.search(r'viewBox="([^"]+)"', svg)
    assert box is not None  # Matplotlib always writes one
    width = _WIDER * float(box[1].split()[2])
    opening = (
        f'<svg class="{mark}" role="img" aria-label="{html.escape(alt)}" viewBox="{box[1]}" '
        f'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'style="display:block;width:100%;max-width:{width:.0f}px;height:auto;fill:var({_VARIABLES[INK]})">'
    )
    return opening + f"<style>{_rules(mark)}</style>" + svg[svg.index(">") + 1 :]


def _own_ids(svg: str, mark: str) -> str:
    """Drop ids that nothing refers to, and mark the rest as this figure's: several figures share a page."""
    used = set(re.findall(r'(?:url\(#|href="#)([^")]+)', svg))
    svg = re.sub(r' id="([^"]+)"', lambda m: f' id="{mark}-{m[1]}"' if m[1] in used else "", svg)
    return re.sub(r'(url\(#|href="#)([^")]+)', lambda m: f"{m[1]}{mark}-{m[2]}", svg)


def _variable(colour: str) -> str:
    name = _VARIABLES.get(colour.lower())
    return f"var({name})" if name else colour


def _rules(mark: str) -> str:
    def rule(selector: str, theme: dict[str, str]) -> str:
        return selector + "{" + ";".join(f"{_VARIABLES[key]}:{value}" for key, value in theme.items()) + "}"

    # The site says data-theme on <html>, JupyterLab data-jp-theme-light on <body>.
    dark = f"html[data-theme=dark] .{mark},[data-jp-theme-light=false] .{mark}"
    return rule(f".{mark}", LIGHT) + f"@media not print{{{rule(dark, DARK)}}}"
