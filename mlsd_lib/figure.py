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

# What Matplotlib draws with, and what it becomes in the light and in the dark theme. The four series colours stay apart
# under the three common colour deficiencies, and each has a contrast of at least 3 with its background.
INK, GRID, PAPER = "#101010", "#c9c9c9", "#fdfdfd"
SERIES = ("#0c3c65", "#c25312", "#1f826d", "#9251b9")
LIGHT = {INK: "#1f2328", GRID: "#d0d4d9", PAPER: "#ffffff"} | {colour: colour for colour in SERIES}
DARK = {INK: "#e6e6e6", GRID: "#4a4f57", PAPER: "#121212"} | dict(
    zip(SERIES, ("#4385b5", "#e5a34a", "#52c698", "#f6adf9"), strict=True)
)

VARIABLES = {colour: f"--mlsd-{place}" for place, colour in enumerate(LIGHT)}
FONT = "system-ui, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif"
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
        import matplotlib.pyplot as plt

        self.alt = described(alt)
        self.svg = _themed(fig, self.alt)
        plt.close(fig)

    def __repr__(self) -> str:
        return self.alt

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return {"text/plain": self.alt, "text/html": f'<figure class="mlsd-figure">{self.svg}</figure>'}


def described(alt: str) -> str:
    r"""An alternative text that says something.

    Args:
        alt: What a figure shows, in a sentence or two.

    Returns:
        The text on one line.

    Raises:
        ValueError: If it is empty, or is the name of a file.

    Chapter: How to read this book.

    >>> described("A line\n  that rises.")
    'A line that rises.'
    """
    alt = " ".join(str(alt).split())
    if not alt:
        raise ValueError("Figure: alt is empty. Say in a sentence what the figure shows.")
    if re.fullmatch(r"\S+\.\w{2,4}", alt):
        raise ValueError(f"Figure: alt is {alt!r}, the name of a file. Say in a sentence what the figure shows.")
    return alt


def theme_rules(mark: str) -> str:
    """The CSS rules that set the colours of one figure, in the light and in the dark theme.

    Args:
        mark: The class of the figure's outermost element.

    Returns:
        Rules that reach nothing but that element.

    Chapter: How to read this book.

    >>> "html[data-theme=dark] .f1" in theme_rules("f1")
    True
    """

    def rule(selector: str, theme: dict[str, str]) -> str:
        return selector + "{" + ";".join(f"{VARIABLES[key]}:{value}" for key, value in theme.items()) + "}"

    # The site says data-theme on <html>, JupyterLab data-jp-theme-light on <body>.
    dark = f"html[data-theme=dark] .{mark},[data-jp-theme-light=false] .{mark}"
    return rule(f".{mark}", LIGHT) + f"@media not print{{{rule(dark, DARK)}}}"


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
    svg = re.sub(r"font: ([^;\"]*?[\d.]+px) [^;\"]+", lambda m: f"font: {m[1]} {FONT}", svg)

    box = re.search(r'viewBox="([^"]+)"', svg)
    assert box is not None  # Matplotlib always writes one
    width = _WIDER * float(box[1].split()[2])
    opening = (
        f'<svg class="{mark}" role="img" aria-label="{html.escape(alt)}" viewBox="{box[1]}" '
        f'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'style="display:block;width:100%;max-width:{width:.0f}px;height:auto;fill:var({VARIABLES[INK]})">'
    )
    return opening + f"<style>{theme_rules(mark)}</style>" + svg[svg.index(">") + 1 :]


def _own_ids(svg: str, mark: str) -> str:
    """Drop ids that nothing refers to, and mark the rest as this figure's: several figures share a page."""
    used = set(re.findall(r'(?:url\(#|href="#)([^")]+)', svg))
    svg = re.sub(r' id="([^"]+)"', lambda m: f' id="{mark}-{m[1]}"' if m[1] in used else "", svg)
    return re.sub(r'(url\(#|href="#)([^")]+)', lambda m: f"{m[1]}{mark}-{m[2]}", svg)


def _variable(colour: str) -> str:
    name = VARIABLES.get(colour.lower())
    return f"var({name})" if name else colour
