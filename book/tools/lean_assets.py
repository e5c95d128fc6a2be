"""Images and icon fonts of the light site."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

from bs4 import BeautifulSoup
from fontTools import subset
from fontTools.ttLib import TTFont
from PIL import Image

from book.tools.lean_css import Block, Declaration, tokens, walk
from book.tools.lean_html import local

PRIVATE = range(0xE000, 0xF900)  # where icon fonts keep their pictures
WEIGHTS = {  # icon fonts, and the classes without which a page cannot ask for one that shares the icons of another
    "fa-solid": None,
    "fa-brands": None,
    "fa-regular": {"fa-regular", "far"},
}


def images(soup: BeautifulSoup, page: Path, raw: Path, out: Path) -> None:
    """Give a page's images their size, load them late, and turn PNG into lossless WebP where that is smaller.

    Args:
        soup: The page; changed in place.
        page: Its file in the raw site.
        raw: Root of the raw site.
        out: Root of the light site, where the WebP files go.

    Chapter: How to read this book.
    """
    for number, tag in enumerate(soup.select("main img")):
        address = str(tag.get("src", ""))
        source = local(page, address)
        if source is None or not source.is_file():
            continue
        size = _size(source)
        if size is not None:
            tag["width"], tag["height"] = map(str, size)
        if (
            source.suffix == ".png"
            and source.parent.name == "_images"
            and _webp(source, out / source.relative_to(raw).with_suffix(".webp"))
        ):
            tag["src"] = address.removesuffix(".png") + ".webp"
        tag["decoding"] = "async"
        if number:  # the first may be what the reader sees first
            tag["loading"] = "lazy"


def icons(blocks: Iterable[Block], names: frozenset[str], static: Path, out: Path) -> list[Block]:
    """Cut the icon fonts down to the icons that some rule names, and drop the fonts that no page asks for.

    Args:
        blocks: Rules of the style sheet, whose addresses are relative to the static folder.
        names: Classes that the site's pages mention.
        static: Static folder of the raw site.
        out: Static folder of the light site, where the fonts go.

    Returns:
        The rules, with the smaller fonts.

    Chapter: How to read this book.
    """
    rules = list(blocks)
    used = {
        ord(character)
        for block in walk(rules)
        for declaration in block.declarations
        for token in tokens(declaration.value)
        if token.type == "string"
        for character in token.value
        if ord(character) in PRIVATE
    }
    return [smaller for block in rules if (smaller := _icon_font(block, used, names, static, out)) is not None]


def _icon_font(block: Block, used: set[int], names: frozenset[str], static: Path, out: Path) -> Block | None:
    if block.keyword != "font-face":
        return block
    sources = [
        token.value
        for item in block.declarations
        if item.name == "src"
        for token in tokens(item.value)
        if token.type == "url"
    ]
    address = next((value for value in sources if value.endswith(".woff2")), "")
    kind = next((kind for kind in WEIGHTS if Path(address).name.startswith(kind)), None)
    if kind is None:
        return block
    needed = WEIGHTS[kind]
    font = TTFont(static / address)
    glyphs = used & set(font.getBestCmap())
    if not glyphs or (needed is not None and not needed & names):
        return None
    options = subset.Options()
    options.layout_features = []
    options.drop_tables += ["GSUB", "GPOS"]
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=glyphs)
    cutter.subset(font)
    font.flavor = "woff2"
    (out / address).parent.mkdir(parents=True, exist_ok=True)
    font.save(out / address)
    kept = tuple(_first_source(item) if item.name == "src" else item for item in block.declarations)
    return replace(block, declarations=kept)


def _first_source(item: Declaration) -> Declaration:
    comma = next((place for place, token in enumerate(item.value) if token == ","), len(item.value))
    return replace(item, value=item.value[:comma])


def _size(source: Path) -> tuple[int, int] | None:
    if source.suffix == ".svg":
        box = (ElementTree.parse(source).getroot().get("viewBox") or "").split()
        return (round(float(box[2]) * 4 / 3), round(float(box[3]) * 4 / 3)) if len(box) == 4 else None
    with Image.open(source) as picture:
        return picture.size


def _webp(source: Path, target: Path) -> bool:
    """Whether a lossless WebP of the picture is smaller than the picture; it is written then."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.exists():
        with Image.open(source) as picture:
            picture.save(target, "WEBP", lossless=True, method=6)
    if target.stat().st_size < source.stat().st_size:
        return True
    target.unlink()
    return False
