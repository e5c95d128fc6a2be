"""The built HTML by itself: nothing is loaded from outside, and no link of the site is dead."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from bs4 import BeautifulSoup

from book.tools.lean_css import parse, tokens, walk
from tests.site import sites

LOADED = (("script", "src"), ("link", "href"), ("img", "src"), ("object", "data"), ("iframe", "src"), ("source", "src"))


@pytest.fixture(scope="module")
def soups() -> dict[str, BeautifulSoup]:
    found = sorted(sites.SITE.rglob("*.html"))
    return {
        path.relative_to(sites.SITE).as_posix(): BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
        for path in found
    }


def loaded(soup: BeautifulSoup) -> Iterator[str]:
    """Addresses that a browser fetches by itself."""
    for tag, attribute in LOADED:
        for found in soup.select(f"{tag}[{attribute}]"):
            if tag != "link" or {"stylesheet", "icon", "preload", "modulepreload"} & set(found.get("rel") or []):
                yield str(found[attribute])
    for style in soup.find_all("style"):
        yield from addresses(str(style.string or ""))


def addresses(css: str) -> Iterator[str]:
    seen: list[str] = []
    for block in walk(parse(css, lambda address: seen.append(address) or address)):
        for declaration in block.declarations:
            list(tokens(declaration.value))
    yield from seen


def outside(address: str) -> bool:
    return bool(urlsplit(address).netloc) and not address.startswith("data:")


def test_nothing_is_loaded_from_outside(soups: dict[str, BeautifulSoup]) -> None:
    found = {name: wrong for name, soup in soups.items() if (wrong := [x for x in loaded(soup) if outside(x)])}
    for sheet in sites.SITE.rglob("*.css"):
        if wrong := [x for x in addresses(sheet.read_text(encoding="utf-8")) if outside(x)]:
            found[sheet.name] = wrong
    assert not found


@pytest.mark.parametrize(
    "injected",
    [
        '<script src="https://example.org/x.js"></script>',
        '<script src="//example.org/x.js"></script>',
        '<img src="http://example.org/x.png">',
        '<link rel="stylesheet" href="https://example.org/x.css">',
        "<style>p { background: url(https://example.org/x.png) }</style>",
    ],
)
def test_an_outside_tag_is_noticed(injected: str) -> None:
    page = (sites.SITE / sites.pages()[0]).read_text(encoding="utf-8").replace("</head>", f"{injected}</head>")
    assert [x for x in loaded(BeautifulSoup(page, "html.parser")) if outside(x)]


def dead(soups: dict[str, BeautifulSoup], root: Path) -> list[str]:
    anchors = {
        name: {str(tag.get("id")) for tag in soup.find_all(id=True)}
        | {str(tag["name"]) for tag in soup.select("a[name]")}
        for name, soup in soups.items()
    }
    found = []
    for name, soup in soups.items():
        for link in [*soup.select("a[href]"), *soup.select("[src]"), *soup.select("link[href]")]:
            address = str(link.get("href") or link.get("src"))
            parts = urlsplit(address)
            if parts.scheme or parts.netloc:
                continue
            path = (root / name).parent / unquote(parts.path) if parts.path else root / name
            target = path.resolve()
            key = target.relative_to(root.resolve()).as_posix() if target.is_relative_to(root.resolve()) else ""
            if not target.is_file():
                found.append(f"{name}: {address} leads to no file")
            elif parts.fragment and key in anchors and unquote(parts.fragment) not in anchors[key]:
                found.append(f"{name}: {address} leads to no place on {key}")
    return found


def test_no_link_is_dead(soups: dict[str, BeautifulSoup]) -> None:
    assert not (found := dead(soups, sites.SITE)), "\n".join(found)


def test_a_dead_link_is_noticed() -> None:
    name = sites.pages()[0]
    text = (sites.SITE / name).read_text(encoding="utf-8")
    broken = text.replace("</article>", '<a href="nowhere.html">a</a><a href="#nowhere">b</a></article>')
    found = dead({name: BeautifulSoup(broken, "html.parser")}, sites.SITE)
    assert any("nowhere.html" in line for line in found)
    assert any("#nowhere" in line for line in found)


def test_every_page_says_its_language_and_what_it_is(soups: dict[str, BeautifulSoup]) -> None:
    for name, soup in soups.items():
        assert soup.html is not None, name
        assert soup.html.get("lang") == "en", name
        assert len(soup.select("meta[name=description][content]")) == 1, name
        assert soup.title is not None, name
        assert soup.title.get_text(strip=True), name
        assert not soup.select("script[src*=thebe], script[src*=athjax], script[src*=require]"), name
