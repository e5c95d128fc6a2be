"""The directive `reproduced`: a table of what was published, what our chapters measured, and whether it came out.

The rows stand in `data/reproductions.yml`; the results are what `mlsd_lib.receipts.reproduced` left in the outputs of
the chapters. They are collected as each chapter is read, whoever executed it, and the table is made when the page is
written. A row that no chapter ran is a warning, and so an error of the build: it cannot vanish.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging
from sphinx.util.typing import ExtensionMetadata

from book.ext.markup import Tag, element
from book.ext.quiz import StudyDirective
from book.ext.study import readable
from mlsd_lib.reproductions import Reproduction, load

LOGGER = logging.getLogger(__name__)
FILE = "data/reproductions.yml"
HEADS = ("What", "Published, and the tolerance", "Ours, and its interval", "Verdict", "How")
RESULTS, PAGES, SHOWN = "mlsd_results", "mlsd_reproduced_pages", "mlsd_reproduced_shown"  # kept with the environment


class Result(NamedTuple):
    """What a cell of a chapter gave for a row.

    Attributes:
        page: The chapter.
        value: The value, in the unit of the row.
        low: Lower end of its interval; None where none was given.
        high: Upper end of its interval.
        seed: The seed of the run; None where it has none.
        cell: The number of the cell.
    """

    page: str
    value: float
    low: float | None
    high: float | None
    seed: int | None
    cell: int | None


class Placeholder(nodes.General, nodes.Element):  # type: ignore[misc]  # docutils has no types
    """Where the table will stand; its children are the citations of the rows, by key."""


class Reproduced(StudyDirective):
    """The table of all rows."""

    has_content = False
    optional_arguments = 0

    def run(self) -> list[nodes.Node]:
        """Read the rows, and keep a place for the table.

        Returns:
            The place.

        Chapter: How to read this book.
        """
        file = Path(self.env.app.confdir) / FILE
        self.env.note_dependency(str(file))
        try:
            rows = load(file)
        except (OSError, ValueError) as error:
            self.warn(str(error))
            return []
        _kept(self.env, PAGES).add(self.env.docname)
        place = Placeholder()
        for row in rows.values():
            place += element("small", *self.inline(f"{{cite}}`{row.source}`"), data_key=row.key)
        return [place]


def collect(app: Sphinx, doctree: nodes.document) -> None:
    """Keep what the cells of a page reproduced, and give those cells an address."""
    env = app.env
    docname = env.docname
    found = {}
    for output in _outputs(env, docname):
        receipt = output.get("metadata", {}).get("receipt", {})
        row = receipt.get("reproduced")
        if row is not None:
            ends = (row.get("low"), row.get("high"))
            found[row["key"]] = Result(docname, row["value"], *ends, receipt.get("seed"), receipt.get("cell"))
    _kept(env, RESULTS)[docname] = found
    cells = {
        node["exec_count"]: node
        for node in doctree.findall(nodes.container)
        if node.get("nb_element") == "cell_code" and node.get("exec_count") is not None
    }
    for key, result in found.items():
        if result.cell in cells:
            cells[result.cell]["ids"].append(anchor(key))


def anchor(key: str) -> str:
    """The id of the cell that reproduces a row.

    Args:
        key: The row's key.

    Returns:
        An id within the cell's page.

    Chapter: How to read this book.

    >>> anchor("fan-out-100")
    'reproduced-fan-out-100'
    """
    return f"reproduced-{key}"


def results(kept: Mapping[str, Mapping[str, Result]]) -> dict[str, list[Result]]:
    """What all pages reproduced.

    Args:
        kept: Page to key to result.

    Returns:
        Key to results: one where all is well.

    Chapter: How to read this book.
    """
    found: dict[str, list[Result]] = {}
    for page in sorted(kept):
        for key, result in kept[page].items():
            found.setdefault(key, []).append(result)
    return found


def faults(rows: Mapping[str, Reproduction], found: Mapping[str, list[Result]]) -> Iterable[str]:
    """What is wrong between the rows and the results.

    Args:
        rows: Key to published result.
        found: Key to results, as `results` gives them.

    Yields:
        Sentences.

    Chapter: How to read this book.
    """
    for key, row in rows.items():
        pages = [result.page for result in found.get(key, [])]
        if not pages:
            yield f"{key!r}: no cell of {row.chapter} reproduced it. Call reproduced({key!r}, …) there."
        elif len(pages) > 1:
            yield f"{key!r} is reproduced by {len(pages)} pages: {', '.join(pages)}. Give each its own key."
        elif pages != [row.chapter]:
            yield f"{key!r} is reproduced by {pages[0]}, and {FILE} says {row.chapter}. Correct one of them."
    for key in found.keys() - rows.keys():
        yield f"{key!r} is reproduced by {found[key][0].page}, and is no row of {FILE}. Execute that page again."


def check(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Warn of what is wrong, in every build; name the pages to write again because a result changed."""
    pages = _kept(env, PAGES)
    if not pages:
        return []
    try:
        rows = load(Path(app.confdir) / FILE)
    except (OSError, ValueError):
        return []  # the directive has said so
    found = results(_kept(env, RESULTS))
    for fault in faults(rows, found):
        LOGGER.warning("reproduced: %s", fault, location=sorted(pages)[0], type="mlsd", subtype="reproduced")
    before, now = getattr(env, SHOWN, None), (found, {page: env.titles[page].astext() for page in _kept(env, RESULTS)})
    setattr(env, SHOWN, now)
    return [] if before == now else sorted(pages)


def show(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Put the table in its place."""
    places = list(doctree.findall(Placeholder))
    if not places:
        return
    rows = load(Path(app.confdir) / FILE)
    found = results(_kept(app.env, RESULTS))
    for place in places:
        sources = {child["attrs"]["data-key"]: child for child in place.children}
        place.replace_self(_table(app, docname, rows, found, sources))


def _table(
    app: Sphinx,
    docname: str,
    rows: Mapping[str, Reproduction],
    found: Mapping[str, list[Result]],
    sources: Mapping[str, nodes.Node],
) -> list[nodes.Node]:
    # on a phone the cells stand below each other, and only the roles still say that this is a table
    heads = element("tr", *(element("th", head, scope="col", role="columnheader") for head in HEADS), role="row")
    label = element("caption", "What was published and what our run gave, chapter by chapter", class_="visually-hidden")
    table = element("table", label, element("thead", heads, role="rowgroup"), class_="reproduced", role="table")
    for page, group in groupby(sorted(rows.values(), key=lambda row: row.chapter), key=lambda row: row.chapter):
        title = app.env.titles[page].astext() if page in app.env.titles else page
        link = element("a", title, href=app.builder.get_relative_uri(docname, page))
        head = element("th", link, scope="rowgroup", role="rowheader", colspan=str(len(HEADS)))
        body = element("tbody", element("tr", head, role="row"), role="rowgroup")
        for row in group:
            body += _row(app, docname, row, found.get(row.key, [None])[0], sources[row.key])
        table += body
    return [nodes.paragraph("", _summary(rows, found)), table]


def _row(app: Sphinx, docname: str, row: Reproduction, result: Result | None, source: nodes.Node) -> Tag:
    source["attrs"].pop("data-key", None)
    said = row.published_text if row.published is None else _measure(row.published, row.unit)
    allowed = f"({row.limits})" if row.tolerance is None else f"± {readable(row.tolerance)}"
    published = [f"{said} ", element("span", allowed, class_="allowed"), " ", source]
    if result is None:
        ours: list[nodes.Node | str] = ["–"]
        verdict, good, how = "✗ not run", False, [row.kind]
    else:
        between = "" if result.low is None or result.high is None else _between(result.low, result.high)
        ours = [_measure(result.value, row.unit), " ", element("small", between)]
        good = row.within(result.value)
        verdict = "✓ within" if good else "✗ outside"
        address = f"{app.builder.get_relative_uri(docname, result.page)}#{anchor(row.key)}"
        seed = "" if result.seed is None else f", seed {result.seed}"
        how = [f"{row.kind}{seed}, ", element("a", f"cell {result.cell}", href=address)]
    cells = [
        element("td", *content, role="cell", data_head=head.partition(",")[0])
        for head, content in zip(HEADS[1:], (published, ours, [verdict], how), strict=True)
    ]
    cells[2]["attrs"]["class"] = "verdict" if good else "verdict outside"
    return element("tr", element("th", row.what, scope="row", role="rowheader"), *cells, role="row")


def _between(low: float, high: float) -> str:
    return f"{readable(low)} to {readable(high)}"


def _measure(value: float, unit: str) -> str:
    return readable(value) if unit in {"share", "1", "ratio"} else f"{readable(value)} {unit}"


def _summary(rows: Mapping[str, Reproduction], found: Mapping[str, list[Result]]) -> str:
    ran = {key: row.within(found[key][0].value) for key, row in rows.items() if key in found}
    chance = sum(row.kind != "computed" for row in rows.values())
    missing = f"; {len(rows) - len(ran)} not run" if len(ran) < len(rows) else ""
    return (
        f"{len(rows)} published results: {chance} simulated or trained, {len(rows) - chance} computed. "
        f"{sum(ran.values())} came out within the tolerance, {len(ran) - sum(ran.values())} outside it{missing}."
    )


def _outputs(env: BuildEnvironment, docname: str) -> list[dict[str, Any]]:
    """The outputs that MyST-NB kept by name for the page it has just read; it writes them beside the notebook."""
    if not getattr(env, "nb_metadata", {}).get(docname, {}).get("glue"):
        return []
    config: Any = env.mystnb_config  # type: ignore[attr-defined]
    file = Path(config.output_folder, f"{docname}.glue.json")
    return list(json.loads(file.read_text("utf8")).values())


def _kept(env: BuildEnvironment, name: str) -> Any:
    """A collection that is kept with Sphinx's environment."""
    if not hasattr(env, name):
        setattr(env, name, set() if name == PAGES else {})
    return getattr(env, name)


def _forget(app: Sphinx, env: BuildEnvironment, docname: str) -> None:
    _kept(env, RESULTS).pop(docname, None)
    _kept(env, PAGES).discard(docname)


def _merge(app: Sphinx, env: BuildEnvironment, docnames: Iterable[str], other: BuildEnvironment) -> None:
    """Take over what another process read."""
    for docname in docnames:
        if docname in _kept(other, RESULTS):
            _kept(env, RESULTS)[docname] = _kept(other, RESULTS)[docname]
        if docname in _kept(other, PAGES):
            _kept(env, PAGES).add(docname)


def setup(app: Sphinx) -> ExtensionMetadata:
    """Add the directive.

    Args:
        app: The Sphinx application.

    Returns:
        What Sphinx wants to know of an extension.

    Chapter: How to read this book.
    """
    app.setup_extension("book.ext.markup")
    app.add_node(Placeholder)
    app.add_directive("reproduced", Reproduced)
    app.connect("doctree-read", collect)
    app.connect("env-purge-doc", _forget)
    app.connect("env-merge-info", _merge)
    app.connect("env-updated", check)
    app.connect("doctree-resolved", show)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
