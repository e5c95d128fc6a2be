import re

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest

from mlsd_lib.figure import DARK, LIGHT, PAPER, SERIES, Figure, style


@pytest.fixture(autouse=True)
def drawing_defaults():
    mpl.use("agg")
    with mpl.rc_context():
        style()
        yield
    plt.close("all")


def drawing(slope: float = 1.0) -> plt.Figure:
    fig, ax = plt.subplots()
    ax.plot([0, 1], [0, slope], marker="o", label="a line")
    ax.fill_between([0, 1], [0, 0], [1, slope], alpha=0.2)
    ax.set(xlabel="time (ms)", ylabel="share (%)")
    ax.legend()
    return fig


def test_two_renderings_are_identical() -> None:
    assert Figure(drawing(), alt="A rising line.").svg == Figure(drawing(), alt="A rising line.").svg


@pytest.mark.parametrize("alt", ["", "   \n", "plot.png", "figures/slow-queries.svg"])
def test_an_alternative_text_that_says_nothing_is_refused(alt: str) -> None:
    with pytest.raises(ValueError, match="Say in a sentence what the figure shows"):
        Figure(drawing(), alt=alt)


def test_figures_of_one_page_share_no_id_and_every_reference_resolves() -> None:
    one, other = (Figure(drawing(slope), alt="A rising line.").svg for slope in (1.0, 2.0))
    ids = [re.findall(r'\bid="([^"]+)"', svg) for svg in (one, other)]
    assert ids[0]
    assert not set(ids[0]) & set(ids[1])
    for svg, own in zip((one, other), ids, strict=True):
        assert len(own) == len(set(own))
        assert set(re.findall(r'(?:url\(#|href="#)([^")]+)', svg)) == set(own)
    classes = [re.search(r'class="([^"]+)"', svg)[1] for svg in (one, other)]  # type: ignore[index]
    assert classes[0] != classes[1]
    # A figure's rules reach nothing but itself.
    assert all(f".{classes[0]}" in rule for rule in re.findall(r"([^{}@]+)\{--", one))


def test_every_colour_follows_the_theme() -> None:
    svg = Figure(drawing(), alt="A rising line.").svg
    drawn, rules = (
        re.sub(r"<style>--?.*?</style>|<style>\.f.*?</style>", "", svg),
        re.search(r"<style>\.f.*?</style>", svg),
    )
    assert rules is not None
    assert not re.findall(r"#[0-9a-fA-F]{6}\b", drawn)
    assert all(colour in rules[0] for colour in (*LIGHT.values(), *DARK.values()))
    assert "html[data-theme=dark]" in rules[0]
    assert "[data-jp-theme-light=false]" in rules[0]


def test_the_bundle_carries_the_text_and_no_stamp() -> None:
    bundle = Figure(drawing(), alt='A line, "rising" & <falling>.')._repr_mimebundle_()
    assert bundle["text/plain"] == 'A line, "rising" & <falling>.'
    assert 'aria-label="A line, &quot;rising&quot; &amp; &lt;falling&gt;."' in bundle["text/html"]
    assert 'role="img"' in bundle["text/html"]
    assert "metadata" not in bundle["text/html"]
    assert "http" not in bundle["text/html"].replace("http://www.w3.org/", "")
    assert ">time (ms)<" in bundle["text/html"]  # text stays text


def test_the_figure_is_closed() -> None:
    fig = drawing()
    Figure(fig, alt="A rising line.")
    assert not plt.fignum_exists(fig.number)


def linear(colour: str) -> np.ndarray:
    rgb = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def contrast(one: str, other: str) -> float:
    bright, dim = sorted((linear(c) @ [0.2126, 0.7152, 0.0722] for c in (one, other)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


def lab(rgb: np.ndarray) -> np.ndarray:
    xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]) @ rgb
    f = np.cbrt(xyz / [0.9505, 1.0, 1.089])
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


# Complete protanopia, deuteranopia and tritanopia (Machado, Oliveira and Fernandes 2009), on linear RGB.
DEFICIENCIES = {
    "none": np.eye(3),
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_series_stand_out_from_the_page(theme: dict[str, str]) -> None:
    assert min(contrast(theme[colour], theme[PAPER]) for colour in SERIES) >= 3


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("deficiency", DEFICIENCIES)
def test_series_stay_apart_for_colour_blind_readers(theme: dict[str, str], deficiency: str) -> None:
    seen = [lab(np.clip(np.array(DEFICIENCIES[deficiency]) @ linear(theme[colour]), 0, 1)) for colour in SERIES]
    apart = {(i, j): float(np.linalg.norm(seen[i] - seen[j])) for i in range(4) for j in range(i)}
    assert min(apart.values()) >= 20, apart
