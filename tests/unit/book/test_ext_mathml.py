from pathlib import Path
from xml.etree import ElementTree

import pytest

from book.ext import mathml
from tests.unit.book import tiny

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::PendingDeprecationWarning")

PAGE = r"""# Page

Inline $x^2$ and twice $x^2$.

$$
\frac{1}{2}
$$ (half)

$$
a &= b \\
c &= d
$$

See {eq}`half`.
"""


def test_mathematics_needs_no_script(tmp_path: Path) -> None:
    built = tiny.build(tmp_path, {"index.md": PAGE})
    assert built.warnings == ""
    page = built.page()
    assert len(page.select("math")) == 4
    assert page.select_one("math mfrac") is not None
    assert page.select_one("math mtable") is not None
    assert page.select_one(".math-display .eqno") is not None
    assert not [tag for tag in page.select("script") if "mathjax" in str(tag).lower()]


def test_the_store_is_sorted_minimal_and_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built = tiny.build(tmp_path, {"index.md": PAGE})
    first = tiny.store(built)
    assert list(first) == sorted(first)
    assert len(first) == 3

    def no_engine() -> None:
        raise AssertionError("the engine was started although every formula is in the store")

    monkeypatch.setattr(mathml, "engine", no_engine)
    again = tiny.build(tmp_path, {"index.md": "# Page\n\n$x^2$\n"})
    assert again.warnings == ""
    assert list(tiny.store(again)) == ["I x^2"]


def test_a_wrong_formula_is_a_warning_with_its_place(tmp_path: Path) -> None:
    built = tiny.build(tmp_path, {"index.md": "# Page\n\nText $\\frac{1}$ here.\n"})
    assert "is not mathematics that Temml reads" in built.warnings
    assert "index.md:3" in built.warnings


@pytest.mark.parametrize(
    ("tex", "inside"),
    [
        (r"\mathbb{E}[X]", "𝔼"),
        (r"\argmax_\theta f", "<munder>"),
        (r"\lVert x \rVert", "‖"),
        (r"\begin{cases}1 & x > 0\\0\end{cases}", "mtable"),
        (r"\sum_{\substack{i\\j}} x", "∑"),
    ],
)
def test_formulas_that_other_converters_get_wrong(tex: str, inside: str) -> None:
    made = mathml.convert(tex, display=True, store={})
    ElementTree.fromstring(made)
    assert inside in made
