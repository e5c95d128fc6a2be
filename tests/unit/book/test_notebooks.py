"""The notebook for download says what the page says, in plain Markdown, and runs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import nbformat
import pytest

from book.tools import execute, notebooks, pages, plain
from tests.unit.book.small_book import HEADER, make, page, write

CHAPTER = (
    HEADER
    + """\
(top)=
# A chapter

:::{covers}
:builds_on: nothing
- how to be slow
:::

After {ref}`top`, {doc}`the other page <other>`, {doc}`/other` and [that page](other.md#part); {cite:t}`dean2013tail`
say so {cite}`dean2013tail,unknown`. A {term}`receipt` with {math}`x^2`.

:::{predict} What share of queries is slow?
:name: slow
:unit: %
:scale: 100
Think of the slowest.
:::

```{code-cell} ipython3
:tags: [hide-output, nbval-check-output]
from mlsd_lib.receipts import receipt
receipt(slow=0.634, word="slow", seed=0)
```

{glue:text}`slow:.0%` are {glue:text}`word`.

:::{quiz} Which split leaks the future?
:type: one
- by user <!-- no: Each user's rows
  stay together. -->
- at random <!-- yes: {glue:text}`slow:.1f` of them leak. -->
:::

:::{quiz} How many servers?
:type: number
:answer: 7
:tolerance: 1
:unit: servers
:::

:::{exercise} Make it fast
:label: ex-1
Do it.
:::
:::{solution-start} ex-1
:class: dropdown
:::
```{code-cell} ipython3
1 + 1
```
:::{solution-end}
:::
```{code-cell} ipython3
2 + 2
```

:::{interview}
Say it aloud.
:::

::::{tip}
:::{admonition} A title
Inside.
:::
::::

```python
kept = "{glue:text}`slow`"
```
"""
)
BIBLIOGRAPHY = """\
@article{dean2013tail, title={The Tail}, author={Dean, Jeffrey and Barroso, {Luiz Andr{\\'e}}}, year={2013}}
"""
ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> nbformat.NotebookNode:
    root = tmp_path_factory.mktemp("book")
    make(root, {"chapters/one": CHAPTER}, {"receipts.py": (ROOT / "mlsd_lib/receipts.py").read_text("utf8")})
    write(root / "other.md", "# Another page\n")
    write(root / "_toc.yml", (root / "_toc.yml").read_text("utf8") + "  - file: other\n")
    write(root / "book/references.bib", BIBLIOGRAPHY)
    assert execute.execute(root) == 0
    (path,) = notebooks.write_all(root, root / "out")
    assert path == root / "out/chapters/one.ipynb"
    again = path.read_bytes()
    notebooks.write_all(root, root / "out")
    assert path.read_bytes() == again  # the same page gives the same file
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    return notebook


def text(notebook: nbformat.NotebookNode) -> str:
    return "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


@pytest.mark.parametrize(
    "passage",
    [
        "# A chapter\n\n**This chapter covers**\n\n- how to be slow\n\nBuilds on: nothing",
        "After A chapter, the other page, Another page and that page; Dean and Barroso (2013)",
        "say so (Dean and Barroso, 2013; unknown). A receipt with $x^2$.",
        "> **Before you run the next cell, write down:** What share of queries is slow? (%)\n>\n> Think of the",
        "63% are slow.",
        "**Quiz.** Which split leaks the future?\n\n- by user\n- at random\n\n<details>\n<summary>Answers</summary>",
        "- by user: **no**. Each user's rows stay together.\n- at random: **right**. 0.6 of them leak.",
        "How many servers?\n\n<details>\n<summary>Answer</summary>\n\n7 servers, give or take 1\n\n</details>",
        "### Exercise: Make it fast\n\nDo it.\n\n#### Solution",
        "> **In the interview.**\n>\n> Say it aloud.",
        "**Tip**\n\n**A title**\n\nInside.",
        '```python\nkept = "{glue:text}`slow`"\n```',
    ],
)
def test_the_text_is_plain_markdown(made: nbformat.NotebookNode, passage: str) -> None:
    assert passage in text(made)


def test_nothing_of_the_source_format_is_left(made: nbformat.NotebookNode) -> None:
    left = text(made).split("```python")[0]
    assert not any(mark in left for mark in (":::", "{glue", "{cite", "{ref", "{doc", "(top)=", "<!--", ":name:"))
    assert "papermill" not in json.dumps(made.cells[1].outputs[0].data)


def test_a_solution_is_folded_and_outputs_are_there(made: nbformat.NotebookNode) -> None:
    cells = {cell.source: cell for cell in made.cells if cell.cell_type == "code"}
    assert cells["1 + 1"].metadata.jupyter.source_hidden
    assert "jupyter" not in cells["2 + 2"].metadata
    assert cells["2 + 2"].outputs[0].data["text/plain"] == "4"
    assert next(iter(cells.values())).outputs[0].data["text/plain"] == "slow = 0.634"


def test_the_notebook_runs(made: nbformat.NotebookNode) -> None:
    from nbclient import NotebookClient

    from book.tools import kernel

    expected = [cell.outputs for cell in made.cells if cell.cell_type == "code"]
    ran = NotebookClient(nbformat.from_dict(made), km=kernel.manager(), kernel_name="python3").execute(cleanup_kc=True)
    found = [cell.outputs for cell in ran.cells if cell.cell_type == "code"]
    assert [output[0].data["text/plain"] for output in found] == [output[0].data["text/plain"] for output in expected]


def test_a_receipt_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    root = make(tmp_path, {"a": page("1", prose="{glue:text}`missing:.1f` of them.")})
    notebook = pages.read(pages.Page("a", root / "a.md"), root)
    with pytest.raises(ValueError, match=r"'missing' \(it has none\)"):
        notebooks.download(notebook, {}, {})


def test_a_page_without_outputs_is_not_written(tmp_path: Path) -> None:
    root = make(tmp_path, {"a": page("1")})
    with pytest.raises(ValueError, match="a has not been executed"):
        notebooks.write_all(root, root / "out")


def test_a_fence_that_is_not_closed_ends_with_the_text() -> None:
    assert plain.markdown(":::{note}\ninside", plain.Book()) == "**Note**\n\ninside"


def test_saving_in_jupyterlab_keeps_the_page(tmp_path: Path) -> None:
    from jupytext.sync_contentsmanager import TextFileContentsManager

    header = HEADER.replace("\n---\n", '\nmlsd:\n  step: 1\n  title: "A title"\n---\n')
    write(tmp_path / "a.md", CHAPTER.replace(HEADER, header))
    shutil.copy(ROOT / "jupytext.toml", tmp_path)
    before = (tmp_path / "a.md").read_text("utf8")
    manager = TextFileContentsManager(root_dir=str(tmp_path))
    opened = manager.get("a.md", content=True, type="notebook")
    manager.save({"type": "notebook", "format": "json", "content": opened["content"]}, "a.md")
    after = (tmp_path / "a.md").read_text("utf8")
    assert pages.front_matter(tmp_path / "a.md")["mlsd"] == {"step": 1, "title": "A title"}
    assert after.split("\n---\n", 1)[1].split() == before.split("\n---\n", 1)[1].split()
