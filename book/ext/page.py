"""What surrounds a chapter: facts and links under its title, completion and neighbouring steps at its end, settings.

Everything that needs the public repository (Binder, "report an issue", the theme's own button) hangs on one setting,
`repository.url` of `_config.yml`; where it is empty, none of it is written.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.environment import BuildEnvironment
from sphinx.util.typing import ExtensionMetadata

from book.ext.markup import Tag, element

STEPS = 8  # steps of the framework
WORDS_A_MINUTE = 200
SECONDS_A_CELL = 20  # to read a cell and its output
DESCRIPTION = 155  # characters that a search engine shows
UNREAD = (nodes.literal_block, nodes.raw, nodes.math, nodes.math_block, nodes.comment)
DROPPED = "thebe"  # the theme's live code asks an outside host for scripts


@dataclass(frozen=True)
class Chapter:
    """A page of the course: its step of the framework, if it has one, its title, and where it goes deeper."""

    docname: str
    step: int | None
    title: str
    goes_deeper: tuple[str, ...]


@dataclass(frozen=True)
class Repository:
    """The public repository: its address, a branch, and the folder of the book in it."""

    url: str
    branch: str
    folder: str

    def binder(self, source: str) -> str:
        """Where a page opens live.

        Args:
            source: The page's source file, relative to the book.

        Returns:
            An address of mybinder.org.

        Chapter: How to read this book.

        >>> Repository("https://github.com/o/r", "main", "").binder("chapters/a.md")
        'https://mybinder.org/v2/gh/o/r/main?urlpath=lab/tree/chapters/a.md'
        """
        parts = urlsplit(self.url)
        place = f"gh{parts.path}" if parts.netloc == "github.com" else f"git/{quote(self.url, safe='')}"
        path = "/".join(part for part in (self.folder.strip("/"), source) if part)
        return f"https://mybinder.org/v2/{place}/{quote(self.branch, safe='')}?urlpath=lab/tree/{quote(path)}"

    def issue(self, docname: str) -> str:
        """Where an issue on a page is reported.

        Args:
            docname: The page.

        Returns:
            An address of the repository, with a title filled in.

        Chapter: How to read this book.

        >>> Repository("https://github.com/o/r", "main", "").issue("chapters/a")
        'https://github.com/o/r/issues/new?title=On+the+page+chapters%2Fa'
        """
        if "gitlab" in urlsplit(self.url).netloc:
            return f"{self.url}/-/issues/new?{urlencode({'issue[title]': f'On the page {docname}'})}"
        return f"{self.url}/issues/new?{urlencode({'title': f'On the page {docname}'})}"


def repository(config: Config) -> Repository | None:
    """The public repository, if one is set.

    Args:
        config: Sphinx's configuration.

    Returns:
        The repository; None where `repository.url` is empty.

    Chapter: How to read this book.
    """
    options: dict[str, Any] = config.html_theme_options
    url = str(options.get("repository_url") or "").rstrip("/").removesuffix(".git")
    branch = str(options.get("repository_branch") or "main")
    return Repository(url, branch, str(options.get("path_to_docs") or "")) if url else None


def chapter(env: BuildEnvironment, docname: str) -> Chapter | None:
    """A page as the course sees it.

    Args:
        env: Sphinx's environment.
        docname: The page.

    Returns:
        The chapter; None for a page that is neither executed nor marked `mlsd` in its front matter.

    Chapter: How to read this book.
    """
    metadata = env.metadata.get(docname, {})
    if "mlsd" not in metadata and "kernelspec" not in metadata:
        return None
    own = metadata.get("mlsd", "{}")
    front: dict[str, Any] = json.loads(own) if isinstance(own, str) else own
    title = str(front.get("title") or env.titles[docname].astext())
    return Chapter(docname, front.get("step"), title, tuple(front.get("goes_deeper") or ()))


def neighbours(own: Chapter, chapters: Mapping[str, Chapter]) -> list[Chapter]:
    """The first chapters of the steps before and after.

    Args:
        own: A chapter.
        chapters: All chapters by name, in the order of the book.

    Returns:
        At most two chapters.

    Chapter: How to read this book.
    """
    if own.step is None:
        return []
    first: dict[int, Chapter] = {}
    for other in chapters.values():
        if other.step is not None:
            first.setdefault(other.step, other)
    before = max((step for step in first if step < own.step), default=None)
    after = min((step for step in first if step > own.step), default=None)
    return [first[step] for step in (before, after) if step is not None]


def prose(node: nodes.Node) -> Iterator[str]:
    """The text of a page that is read as prose: no code, outputs, formulas, feedback or provenance.

    Args:
        node: A tree.

    Yields:
        Pieces of text.

    Chapter: How to read this book.
    """
    if isinstance(node, nodes.Text):
        yield str(node)
    elif isinstance(node, nodes.Element) and not isinstance(node, UNREAD):
        if isinstance(node, Tag) and (node["tag"] == "details" or node["attrs"].get("role") == "tooltip"):
            return
        for child in node.children:
            yield from prose(child)
        if not isinstance(node, nodes.Inline | nodes.TextElement):
            yield " "


def minutes(words: int, cells: int) -> int:
    """How long a page takes to read.

    Args:
        words: Words of prose.
        cells: Code cells.

    Returns:
        Whole minutes, at least 1: 200 words a minute, and 20 seconds a cell.

    Chapter: How to read this book.

    >>> minutes(words=3_000, cells=20)
    22
    """
    return max(1, math.ceil(words / WORDS_A_MINUTE + cells * SECONDS_A_CELL / 60))


def setup(app: Sphinx) -> ExtensionMetadata:
    """Add the furniture.

    Args:
        app: The Sphinx application.

    Returns:
        What Sphinx wants to know of an extension.

    Chapter: How to read this book.
    """
    app.setup_extension("book.ext.markup")
    app.add_css_file("course.css")
    app.add_js_file("course.js", loading_method="defer")
    app.connect("config-inited", _configure)
    app.connect("env-updated", _rewrite)
    app.connect("doctree-resolved", _furnish)
    app.connect("html-page-context", _complete, priority=990)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


def _configure(app: Sphinx, config: Config) -> None:
    config.html_copy_source = False  # a page links its notebook instead
    config.html_show_sourcelink = False
    config.html_use_index = False  # nothing links to the indices; the search finds what they list
    config.html_domain_indices = False
    options: dict[str, Any] = config.html_theme_options
    options["use_download_button"] = False
    options["launch_buttons"] = {}
    options["use_repository_button"] = repository(config) is not None


def _chapters(env: BuildEnvironment) -> dict[str, Chapter]:
    order = [env.config.root_doc]
    for docname in order:  # the list grows while the table of contents is walked
        order += [child for child in env.toctree_includes.get(docname, []) if child not in order]
    found = {docname: chapter(env, docname) for docname in order if docname in env.all_docs}
    return {docname: page for docname, page in found.items() if page is not None}


def _rewrite(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Pages to write again because another page's step, title or place in the book changed."""
    before, now = getattr(env, "mlsd_chapters", None), _chapters(env)
    env.mlsd_chapters = now  # type: ignore[attr-defined]
    return [] if before is None or list(before.values()) == list(now.values()) else list(now)


def _furnish(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    chapters = _chapters(app.env)
    own = chapters.get(docname)
    section = next(iter(doctree.findall(nodes.section)), None)
    if app.builder.format != "html" or own is None or section is None:
        return
    place = section.first_child_matching_class(nodes.title)
    section.insert(0 if place is None else place + 1, _head(app, doctree, own))
    section += _end(app, own, chapters)


def _head(app: Sphinx, doctree: nodes.document, own: Chapter) -> Tag:
    env = app.env
    facts = [f"Step {own.step} of {STEPS}"] if own.step is not None else []
    cells = sum(1 for node in doctree.findall(nodes.container) if node.get("nb_element") == "cell_code")
    words = re.findall(r"\w+", "".join(prose(doctree)))
    facts.append(f"{minutes(len(words), cells)} min to read")
    executed = "kernelspec" in env.metadata[own.docname]
    run = _seconds(env, own.docname)
    if executed and run is not None:
        facts.append(f"runs in {max(1, round(run))} s")
    links = []
    if executed:
        up = "../" * own.docname.count("/")
        links.append(element("a", "Download the notebook", href=f"{up}notebooks/{own.docname}.ipynb", download=True))
    public = repository(app.config)
    if public is not None:
        source = env.doc2path(own.docname, base=False)
        if executed:
            links.append(element("a", "Open in Binder", href=public.binder(str(source))))
        links.append(element("a", "Report an issue on this page", href=public.issue(own.docname)))
    listed = [element("ul", *(element("li", link) for link in links))] if links else []
    return element("div", element("p", " · ".join(facts)), *listed, class_="page-facts")


def _seconds(env: BuildEnvironment, docname: str) -> float | None:
    data = getattr(env, "nb_metadata", {}).get(docname, {}).get("exec_data") or {}
    return data.get("runtime")


def _end(app: Sphinx, own: Chapter, chapters: Mapping[str, Chapter]) -> Tag:
    button = element(
        "button", "Mark as completed", type="button", class_="completion", aria_pressed="false", data_page=own.docname
    )
    deeper = [docname for docname in own.goes_deeper if docname in app.env.all_docs]  # without chapters still to come
    links = [
        *((f"Step {other.step}: {other.title}", other.docname) for other in neighbours(own, chapters)),
        *((f"Goes deeper: {app.env.titles[docname].astext()}", docname) for docname in deeper),
    ]
    end = element("div", button, class_="page-end")
    if links:
        items = [
            element("li", element("a", text, href=app.builder.get_relative_uri(own.docname, docname)))
            for text, docname in links
        ]
        end += element("nav", element("ul", *items), aria_label="Neighbouring steps")
    return end


def _complete(
    app: Sphinx, pagename: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    context["default_mode"] = "auto"  # the reader's system decides until they choose
    context["script_files"] = [file for file in context.get("script_files", []) if DROPPED not in _name(file)]
    context["css_files"] = [file for file in context.get("css_files", []) if DROPPED not in _name(file)]
    if 'name="description"' not in context.get("metatags", ""):
        text = _description(doctree) or f"{context.get('title', '')}: {app.config.html_title}"
        context["metatags"] = f'{context.get("metatags", "")}<meta name="description" content="{escape(text)}">'


def _name(file: Any) -> str:
    return f"{getattr(file, 'filename', file)} {getattr(file, 'attributes', {}).get('body', '')}".lower()


def _description(doctree: nodes.document | None) -> str:
    for paragraph in [] if doctree is None else doctree.findall(nodes.paragraph):
        text = " ".join("".join(prose(paragraph)).split())
        if len(text) > DESCRIPTION:
            return text[: DESCRIPTION - 1].rsplit(" ", 1)[0] + "…"
        if len(text) > 40:
            return text
    return ""
