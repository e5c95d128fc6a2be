"""Cut STIX Two Math down to what formulas use: `python -m book.tools.mathfont STIXTwoMath-Regular.ttf`.

The MATH table stays, with the larger variants and the pieces that brackets, roots and arrows are built from.
"""

from __future__ import annotations

import sys
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont

TARGET = Path(__file__).parents[1] / "static" / "math.woff2"
BLOCKS = (
    (0x20, 0x7E),  # Latin
    (0x391, 0x3C9),  # Greek
    (0x2200, 0x220F),  # quantifiers, sets
    (0x2308, 0x230B),  # floor, ceiling
    (0x1D400, 0x1D467),  # Latin, bold and italic
    (0x1D49C, 0x1D4CF),  # script
    (0x1D538, 0x1D56B),  # double-struck
    (0x1D6A8, 0x1D71B),  # Greek, bold and italic
)
SINGLE = (
    "\u00a0¬±µ·×÷ıȷϑϕϵ‖†…′″‴ˆˇ˙˚˜¯‾"  # accents, primes, dots
    "\u0302\u0303\u0304\u0305\u0307\u0308\u0332\u20d6\u20d7"  # accents that combine
    "ℂℇℋℐℒℓℕℙℚℝℤℬℰℱℳℴℎ𝟙𝚤𝚥"  # letters of their own
    "←↑→↓↔↦⇐⇒⇔⟵⟶⟷⟸⟹⟺"  # arrows
    "∑−∓∖∗∘√∝∞∣∥∧∨∩∪∫∬∮∼≃≅≈≔≠≡≤≥≪≫≺≻⊂⊃⊆⊇⊕⊗⊙⊤⊥⊨⊮⋅⋮⋯⋱⏞⏟⟨⟩⩽⩾⪷"  # operators and relations
)


def cut(source: Path, target: Path) -> int:
    """Write the part of a mathematics font that formulas use.

    Args:
        source: STIX Two Math, as its project publishes it.
        target: The web font to write.

    Returns:
        Its size, in bytes.

    Chapter: How to read this book.
    """
    font = TTFont(source)
    options = subset.Options()
    options.layout_features = ["dtls", "flac"]  # optical variants for indices (ssty) would double the size
    options.hinting = False
    options.name_IDs = [0, 1, 2, 13, 14]
    options.notdef_outline = True
    options.drop_tables += ["DSIG", "GPOS"]
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=[*map(ord, SINGLE), *(code for first, last in BLOCKS for code in range(first, last + 1))])
    cutter.subset(font)
    font.flavor = "woff2"
    font.save(target)
    return target.stat().st_size


if __name__ == "__main__":
    print(f"{TARGET}: {cut(Path(sys.argv[1]), TARGET):,} bytes")
