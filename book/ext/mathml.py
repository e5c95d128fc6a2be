"""Mathematics as MathML, made when the book is built: no script on the page.

Temml (`vendor/temml.min.js`, MIT) turns TeX into MathML inside the small engine that the wheel `dukpy` brings. What
it made is kept in a sorted JSON file beside this module (option `mathml_store`), formula by formula, so that a
rebuild needs no engine and a change of engine shows in the diff; formulas that no page uses any more are dropped from
it.

Brackets and roots stretch only with a font that has a MATH table. `book/static/math.woff2` is the part of STIX Two
Math (OFL, licence beside it) that formulas use; `python -m book.tools.mathfont STIXTwoMath-Regular.ttf` made it.
"""

from __future__ import annotations

import json
import re
from collections.abc import MutableMapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.environment import BuildEnvironment
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number
from sphinx.util.typing import ExtensionMetadata
from sphinx.writers.html5 import HTML5Translator

LOGGER = logging.getLogger(__name__)
ENGINE = Path(__file__).parent / "vendor" / "temml.min.js"
MACROS = {r"\E": r"\mathbb{E}", r"\Var": r"\operatorname{Var}", r"\argmax": r"\operatorname*{arg\,max}"}
NUMBERED = re.compile(r"\\(begin|end)\{(align|gather|alignat|equation|multline|flalign)\}")


@lru_cache(maxsize=1)
def engine() -> Any:
    """The JavaScript engine with Temml loaded.

    Returns:
        A `dukpy.JSInterpreter`.

    Chapter: How to read this book.
    """
    import dukpy

    interpreter = dukpy.JSInterpreter()
    interpreter.evaljs(ENGINE.read_text(encoding="utf-8") + ";0")
    return interpreter


def convert(tex: str, *, display: bool, store: MutableMapping[str, str]) -> str:
    """MathML of a formula.

    Args:
        tex: The formula.
        display: Whether it stands on a line of its own.
        store: What was converted before, by `key_of`; a new formula is added.

    Returns:
        A `<math>` element.

    Raises:
        ValueError: If Temml cannot read the formula; its message says where.

    Chapter: How to read this book.

    >>> convert("x^2", display=False, store={}).startswith("<math>")
    True
    """
    key = key_of(tex, display=display)
    if key not in store:
        options = {"displayMode": display, "throwOnError": True, "macros": MACROS}
        try:
            store[key] = engine().evaljs("temml.renderToString(dukpy.tex, dukpy.options)", tex=key[2:], options=options)
        except Exception as error:
            raise ValueError(f"{tex!r} is not mathematics that Temml reads: {str(error).splitlines()[0]}") from error
    return store[key]


def key_of(tex: str, *, display: bool) -> str:
    r"""The name of a formula in the store. Sphinx numbers equations, so environments lose their own numbers.

    Args:
        tex: The formula.
        display: Whether it stands on a line of its own.

    Returns:
        "D " or "I " and the formula.

    Chapter: How to read this book.

    >>> key_of(r"\begin{align}a&=b\end{align}", display=True)
    'D \\begin{align*}a&=b\\end{align*}'
    """
    return ("D " if display else "I ") + NUMBERED.sub(r"\\\1{\2*}", tex.strip())


def display_tex(node: nodes.math_block) -> str:
    """The formula of a displayed node, with several paragraphs or lines made into one environment.

    Args:
        node: The node.

    Returns:
        TeX that Temml reads.

    Chapter: How to read this book.
    """
    tex = str(node.astext())
    if node.get("nowrap"):
        return tex
    parts = [part for part in tex.split("\n\n") if part.strip()]
    if len(parts) > 1:
        return r"\begin{gather*}" + r"\\".join(parts) + r"\end{gather*}"
    return r"\begin{split}" + tex + r"\end{split}" if r"\\" in tex and r"\begin" not in tex else tex


def used(doctree: nodes.document) -> set[str]:
    """The formulas of a page.

    Args:
        doctree: The page.

    Returns:
        Their keys in the store.

    Chapter: How to read this book.
    """
    inline = {key_of(node.astext(), display=False) for node in doctree.findall(nodes.math)}
    return inline | {key_of(display_tex(node), display=True) for node in doctree.findall(nodes.math_block)}


def setup(app: Sphinx) -> ExtensionMetadata:
    """Make MathML the way this book writes mathematics.

    Args:
        app: The Sphinx application.

    Returns:
        What Sphinx wants to know of an extension.

    Chapter: How to read this book.
    """
    app.add_config_value("mathml_store", "book/ext/mathml.json", "env", str)
    app.add_html_math_renderer("mathml", (_visit_inline, None), (_visit_display, None))
    app.connect("config-inited", _select, priority=900)
    app.connect("builder-inited", _load)
    app.connect("doctree-read", _note)
    app.connect("env-purge-doc", _forget)
    app.connect("env-merge-info", _merge)
    app.connect("build-finished", _save)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": False}


def _select(app: Sphinx, config: Config) -> None:
    config.html_math_renderer = "mathml"


def _path(app: Sphinx) -> Path:
    return Path(app.srcdir) / str(app.config.mathml_store)


def _load(app: Sphinx) -> None:
    path = _path(app)
    app.mathml = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}  # type: ignore[attr-defined]


def _formulas(env: BuildEnvironment) -> dict[str, set[str]]:
    if not hasattr(env, "mathml_formulas"):
        env.mathml_formulas = {}  # type: ignore[attr-defined]
    return env.mathml_formulas  # type: ignore[attr-defined,no-any-return]


def _note(app: Sphinx, doctree: nodes.document) -> None:
    _formulas(app.env)[app.env.docname] = used(doctree)


def _forget(app: Sphinx, env: BuildEnvironment, docname: str) -> None:
    _formulas(env).pop(docname, None)


def _merge(app: Sphinx, env: BuildEnvironment, docnames: list[str], other: BuildEnvironment) -> None:
    _formulas(env).update({name: keys for name, keys in _formulas(other).items() if name in docnames})


def _save(app: Sphinx, exception: Exception | None) -> None:
    path = _path(app)
    if exception is not None or app.builder.format != "html" or not _formulas(app.env):
        return
    keys = set().union(*_formulas(app.env).values())
    kept = {key: value for key, value in sorted(app.mathml.items()) if key in keys}  # type: ignore[attr-defined]
    text = json.dumps(kept, ensure_ascii=False, indent=0) + "\n"
    if path.parent.is_dir() and (not path.exists() or path.read_text(encoding="utf-8") != text):
        path.write_text(text, encoding="utf-8")


def _render(self: HTML5Translator, node: nodes.Element, tex: str, *, display: bool) -> str:
    try:
        return convert(tex, display=display, store=self.builder.app.mathml)  # type: ignore[attr-defined]
    except ValueError as error:
        LOGGER.warning("math: %s", error, location=node, type="mlsd", subtype="math")
        return f"<code>{self.encode(tex)}</code>"


def _visit_inline(self: HTML5Translator, node: nodes.math) -> None:
    rendered = _render(self, node, node.astext(), display=False)
    self.body.append(self.starttag(node, "span", "", CLASS="math notranslate nohighlight") + rendered + "</span>")
    raise nodes.SkipNode


def _visit_display(self: HTML5Translator, node: nodes.math_block) -> None:
    rendered = _render(self, node, display_tex(node), display=True)
    self.body.append(self.starttag(node, "div", CLASS="math math-display notranslate nohighlight"))
    self.body.append(f'<div class="math-scroll" role="group" aria-label="equation">{rendered}</div>')
    if node["number"]:
        self.body.append(f'<span class="eqno">({get_node_equation_number(self, node)})')
        self.add_permalink_ref(node, "Link to this equation")
        self.body.append("</span>")
    self.body.append("</div>\n")
    raise nodes.SkipNode
