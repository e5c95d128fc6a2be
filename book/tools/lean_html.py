"""What the light-page pass does to one page: accessibility, scripts, images."""

from __future__ import annotations

import re
from os.path import normpath
from pathlib import Path
from urllib.parse import unquote, urlsplit

from bs4 import BeautifulSoup, Tag

UNUSED = ("fontawesome.js", "sphinx-thebe", "mathjax", "require.min.js")  # icons are a font; nothing needs the rest
FOR_SEARCH = ("searchtools.js", "language_data.js", "searchindex.js")
ONLY_FOR = {  # scripts that do something only on pages which hold such an element
    "design-tabs.js": ".sd-tab-set",
    "togglebutton.js": ".toggle, .admonition.dropdown",
    "copybutton.js": "div.highlight pre",
    "clipboard.min.js": "div.highlight pre",
}
# The theme resolves "auto" in a deferred script, and until then shows a page without colours.
THEME = """(() => {
  const root = document.documentElement.dataset;
  let mode = "auto";
  try { mode = localStorage.getItem("mode") || mode; } catch (error) { /* storage is shut off */ }
  root.mode = mode;
  root.theme = mode === "auto" ? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light") : mode;
})();"""
REDIRECT = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="description" content="{title}">
<title>{title}</title>
<meta http-equiv="refresh" content="0; url={target}">
</head>
<body><main><h1>{title}</h1><p><a href="{target}">Go to the first page</a></p></main></body>
</html>
"""


def local(page: Path, address: str) -> Path | None:
    """The file that an address on a page names.

    Args:
        page: The page's file.
        address: Value of a `src` or `href`.

    Returns:
        The file's path; None for an address with a scheme or host, and for one inside the page.

    Chapter: How to read this book.

    >>> local(Path("/site/chapters/a.html"), "../_static/x.css?v=1").as_posix()
    '/site/_static/x.css'
    """
    parts = urlsplit(address)
    if parts.scheme or parts.netloc or not parts.path:
        return None
    return Path(normpath(page.parent / unquote(parts.path)))


def redirect(soup: BeautifulSoup, title: str) -> str | None:
    """A page that only leads to another one, made whole: a language, a title, a link.

    Args:
        soup: A page.
        title: The site's title.

    Returns:
        The page's text; None for a page that leads nowhere.

    Chapter: How to read this book.
    """
    refresh = soup.find("meta", attrs={"http-equiv": re.compile("refresh", re.IGNORECASE)})
    if soup.body is not None or not isinstance(refresh, Tag):
        return None
    target = str(refresh["content"]).partition("url=")[2].strip()
    return REDIRECT.format(title=title, target=target)


def accessible(soup: BeautifulSoup) -> None:
    """Mend what the theme leaves for readers with a screen reader or a keyboard.

    Args:
        soup: The page; changed in place.

    Chapter: How to read this book.
    """
    named = "details.hide > summary, button.search-button-field, button.theme-switch-button"
    for tag in soup.select(named):  # the label contradicts the text that is seen
        del tag["aria-label"]
    for tag in soup.select("a.nav-link[aria-label]"):
        del tag["aria-label"]
    for tag in soup.select(".search-button__kbd-shortcut"):
        tag["aria-hidden"] = "true"
    for tag in soup.select(".sidebar-primary-items__start"):
        tag["role"], tag["aria-label"] = "navigation", "Site"
    for tag in soup.select("object[type='image/svg+xml']"):
        tag["role"], tag["aria-label"] = "img", tag.get_text(" ", strip=True) or "diagram"
    for tag in soup.select("[role=doc-biblioentry], [role=doc-endnote]"):  # deprecated roles, which lists may not hold
        if tag.find_parent(attrs={"role": "list"}) is not None:
            tag["role"] = "listitem"
        else:
            del tag["role"]
    for tag in soup.select("table thead th"):
        if not tag.get_text(strip=True):
            tag.name = "td"
    for tag in soup.select("meta[name='viewport']")[1:]:
        tag.decompose()
    html = soup.html
    if html is not None and html.get("data-theme") == "auto":
        html["data-theme"] = "light"  # without scripts nothing resolves "auto"


def scripts(soup: BeautifulSoup, page: Path, *, searching: bool) -> None:
    """Leave the scripts that a page needs, all deferred.

    Args:
        soup: The page; changed in place.
        page: Its file.
        searching: Whether it is the search page.

    Chapter: How to read this book.
    """
    for tag in soup.select("link[rel=preload][as=script]"):  # they compete with the style sheet on a slow line
        tag.decompose()
    for tag in soup.find_all("script"):
        address, text = str(tag.get("src") or ""), str(tag.string or "")
        if not address:
            if "thebe" in text.lower():
                tag.decompose()
            elif "dataset.mode" in text:
                tag.string = THEME
            continue
        needs = next((selector for name, selector in ONLY_FOR.items() if f"/{name}" in address), None)
        if (
            any(name in address for name in UNUSED)
            or (not searching and any(name in address for name in FOR_SEARCH))
            or (needs is not None and not soup.select(needs))
        ):
            tag.decompose()
        elif "documentation_options.js" in address:  # inline scripts of the theme need it at once; it is 300 bytes
            source = local(page, address)
            assert source is not None, f"{page}: {address} is not a file of the site."
            del tag["src"]
            tag.string = source.read_text(encoding="utf-8")
        else:
            tag["defer"] = ""
            del tag["async"]


def style(soup: BeautifulSoup, href: str) -> None:
    """Put one style sheet in the place of all.

    Args:
        soup: The page; changed in place.
        href: Address of the style sheet, as seen from the page.

    Chapter: How to read this book.
    """
    links = soup.select("link[rel=stylesheet][href]")
    if not links:
        return
    links[0].insert_before(soup.new_tag("link", attrs={"rel": "stylesheet", "href": href}))
    for link in links:
        link.decompose()
