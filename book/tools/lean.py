"""The light-page pass: a copy of the site that Jupyter Book built, accessible and a tenth of the size.

The raw site is never changed. Rules that no page uses leave the style sheets (`lean_css`), scripts and labels are put
right page by page (`lean_html`), images and icon fonts shrink (`lean_assets`), and only files that a page refers to are
copied. `tests/site/test_pictures.py` compares pictures of the pages before and after.
"""

from __future__ import annotations

import gzip
import hashlib
import shutil
from collections.abc import Iterator, Mapping
from functools import lru_cache, partial
from pathlib import Path
from posixpath import normpath

import tinycss2
from bs4 import BeautifulSoup

from book.tools import lean_assets, lean_css, lean_html

LIMIT = 250 * 1024  # bytes, gzipped, that a page may load first
REFERENCES = (("script", "src"), ("img", "src"), ("link", "href"), ("object", "data"), ("a", "href"), ("source", "src"))
FIRST = (("script", "src"), ("img", "src"), ("link", "href"), ("object", "data"))
FETCHED = {"stylesheet", "icon"}  # what a link must be for a browser to fetch it at once
LEFT = ("_sources", "reports")  # folders that no page links
IMAGES_KEPT = "main img{max-width:100%;height:auto}"  # a width and a height on an image must not stretch it


def lean(raw: Path, out: Path) -> None:
    """Write a light copy of a site.

    Args:
        raw: Root of the site as Sphinx wrote it; it is not changed.
        out: Root of the light site; replaced if it exists.

    Raises:
        ValueError: If `raw` holds no page.

    Chapter: How to read this book.
    """
    raw, out = raw.resolve(), out.resolve()
    soups = {
        path: BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
        for path in sorted(raw.rglob("*.html"))
        if "_static" not in path.relative_to(raw).parts
    }
    if not soups:
        raise ValueError(f"{raw} holds no page. Build the site there first.")
    shutil.rmtree(out, ignore_errors=True)
    sheets = _sheets(soups)
    for path, soup in soups.items():
        lean_html.accessible(soup)
        lean_html.scripts(soup, path, searching=path.name == "search.html")
        lean_assets.images(soup, path, raw, out)
    sheet = _bundle(sheets, soups, raw, out)
    title = _title(soups)
    for path, soup in soups.items():
        up = "../" * (len(path.relative_to(raw).parts) - 1)
        lean_html.style(soup, f"{up}_static/{sheet}")
        target = out / path.relative_to(raw)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(lean_html.redirect(soup, title) or str(soup), encoding="utf-8")
    _copy(soups, raw, out)


def first_load(page: Path) -> int:
    """What a browser fetches to show a page the first time.

    Args:
        page: A page of a site on disk.

    Returns:
        Bytes of the page, its style sheets, scripts, images, and the fonts of its style sheets, each gzipped as a
        server would; fonts and pictures are packed already and count as they are.

    Chapter: How to read this book.
    """
    soup = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")
    for link in soup.find_all("link"):
        if not FETCHED & set(link.get_attribute_list("rel")):
            link.decompose()
    files = {page, *_references(soup, page, FIRST)}
    for sheet in [file for file in files if file.suffix == ".css"]:
        files |= set(_fonts(sheet))
    return sum(_packed(file) for file in files)


def _packed(file: Path) -> int:
    data = file.read_bytes()
    return len(data) if file.suffix in {".woff2", ".webp", ".png", ".jpg"} else len(gzip.compress(data))


def _references(soup: BeautifulSoup, page: Path, kinds: tuple[tuple[str, str], ...]) -> Iterator[Path]:
    attributes = dict(kinds)
    for tag in soup.find_all(list(attributes)):
        if tag.has_attr(attributes[tag.name]):
            file = lean_html.local(page, str(tag[attributes[tag.name]]))
            if file is not None and file.is_file():
                yield file


def _fonts(sheet: Path) -> Iterator[Path]:
    for rule in lean_css.walk(lean_css.parse(sheet.read_text(encoding="utf-8"), lambda address: address)):
        for declaration in rule.declarations:
            for address in _addresses(declaration):
                file = (sheet.parent / address).resolve()
                if file.is_file():
                    yield file


def _addresses(declaration: lean_css.Declaration) -> Iterator[str]:
    for token in lean_css.tokens(declaration.value):
        if token.type == "url":
            yield str(token.value).partition("?")[0].partition("#")[0]
        elif token.type == "function" and token.lower_name == "url":
            yield from (str(argument.value) for argument in token.arguments if argument.type == "string")


def _sheets(soups: Mapping[Path, BeautifulSoup]) -> list[Path]:
    """All style sheets of a site, in the order of the page that has most."""
    orders = [
        [file for tag in soup.find_all("link", rel="stylesheet") if (file := lean_html.local(path, str(tag["href"])))]
        for path, soup in soups.items()
    ]
    longest = max(orders, key=len)
    return list(dict.fromkeys(file for order in (longest, *orders) for file in order if "thebe" not in file.name))


def _bundle(sheets: list[Path], soups: Mapping[Path, BeautifulSoup], raw: Path, out: Path) -> str:
    """Write the one style sheet, named by its content; returns its name."""
    static = raw / "_static"
    scripts = {file for path, soup in soups.items() for file in _references(soup, path, (("script", "src"),))}
    texts = [file.read_text(encoding="utf-8") for file in sorted(scripts) if file.name != "bootstrap.js"]
    found = lean_css.known(soups.values(), texts)
    blocks = [block for sheet in sheets for block in _read(sheet, static)]
    kept = lean_assets.icons(lean_css.purge(blocks, found), found.names, static, out / "_static")
    css = lean_css.write(kept) + IMAGES_KEPT
    name = f"course.{hashlib.sha256(css.encode()).hexdigest()[:10]}.css"
    (out / "_static").mkdir(parents=True, exist_ok=True)
    (out / "_static" / name).write_text(css, encoding="utf-8")
    for block in lean_css.walk(kept):
        for declaration in block.declarations:
            for address in _addresses(declaration):
                _take(static / address, out / "_static" / address)
    return name


def warm(raw: Path) -> None:
    """Read the style sheets of a site ahead of `lean`, which then finds them read if they are still the same.

    Args:
        raw: Root of the site as Sphinx wrote it the last time; it need not exist.

    Chapter: How to read this book.
    """
    for sheet in (raw.resolve() / "_static").rglob("*.css"):
        _read(sheet, raw.resolve() / "_static")


def _read(sheet: Path, static: Path) -> list[lean_css.Block]:
    """The rules of a style sheet and of those that it imports; addresses become relative to the static folder."""
    imported, own = _parsed(sheet.read_text(encoding="utf-8"), sheet.parent.relative_to(static).as_posix())
    blocks = [block for address in imported for block in _read((sheet.parent / address).resolve(), static)]
    return [*blocks, *own]


@lru_cache(maxsize=64)
def _parsed(text: str, folder: str) -> tuple[list[str], list[lean_css.Block]]:
    """What a style sheet imports, and its rules."""
    imported = [
        str(next(token.value for token in rule.prelude if token.type in ("string", "url")))
        for rule in (tinycss2.parse_stylesheet(text) if "@import" in text else ())
        if rule.type == "at-rule" and rule.lower_at_keyword == "import"
    ]
    return imported, lean_css.parse(text, partial(_moved, folder=folder))


def _moved(address: str, *, folder: str) -> str:
    if address.startswith(("data:", "#", "/")) or "://" in address:
        return address
    return normpath(f"{folder}/{address}")


def _copy(soups: Mapping[Path, BeautifulSoup], raw: Path, out: Path) -> None:
    """Copy what pages refer to, and what lies outside the folders of static files and images."""
    for path, soup in soups.items():
        for file in _references(soup, path, REFERENCES):
            if file.is_relative_to(raw):
                _take(file, out / file.relative_to(raw))
    for file in raw.rglob("*"):
        inside = file.relative_to(raw)
        if (
            file.is_file()
            and inside.parts[0] not in ("_static", "_images", *LEFT)
            and file.suffix not in (".html", ".map")
        ):
            _take(file, out / inside)
    for licence in (raw / "_static").glob("*LICENSE*"):
        _take(licence, out / "_static" / licence.name)


def _take(source: Path, target: Path) -> None:
    if source.is_file() and not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.suffix == ".js":  # without its map, which is not copied
            lines = source.read_text(encoding="utf-8").splitlines(keepends=True)
            kept = "".join(line for line in lines if not line.startswith("//# sourceMappingURL="))
            target.write_text(kept, encoding="utf-8")
        else:
            shutil.copyfile(source, target)


def _title(soups: Mapping[Path, BeautifulSoup]) -> str:
    titles = [soup.title.get_text(strip=True) for soup in soups.values() if soup.title is not None]
    return titles[0].rpartition(" — ")[2] if titles else "Contents"


def _bytes(root: Path) -> int:
    return sum(file.stat().st_size for file in root.rglob("*") if file.is_file())
