"""Executable pages under nbval, as they are: the code from the page, the outputs from the references."""

from __future__ import annotations

import difflib
import os
from collections import defaultdict
from pathlib import Path
from typing import Any
from unittest import mock

import nbformat
import pytest
from nbval.plugin import IPyNbCell, IPyNbFile, NbCellError, find_metadata_tags

from book.tools import kernel, pages, references

REFRESH = "If the change is meant, run `make refresh` (or `mlsd refresh`) and commit what it writes."


class PageFile(IPyNbFile):
    """A page; its cells are the tests."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.root = Path(self.config.rootpath)

    def setup(self) -> None:
        with mock.patch.dict(os.environ, kernel.environment(self.root)):
            super().setup()

    def collect(self):
        docname = self.path.relative_to(self.root).with_suffix("").as_posix()
        self.nb = pages.read(pages.Page(docname, self.path), self.root)
        kept = references.load(self.root, docname).outputs
        wanted = {id(cell): name for name, cell in references.checked(self.nb)}
        number = 0
        for cell in self.nb.cells:
            if cell.cell_type != "code":
                continue
            options = defaultdict(bool, find_metadata_tags(cell.metadata))
            name = wanted.get(id(cell))
            options["check"] = name in kept
            cell.outputs, cell.execution_count = fill(kept.get(name, [])), 1
            item = PageCell.from_parent(self, name=f"Cell {number}", cell_num=number, cell=cell, options=options)
            item.unreferenced = name is not None and name not in kept
            yield item
            number += 1
        stale = [code for code, nth in kept if (code, nth) not in set(wanted.values())]
        if stale:
            yield StaleReferences.from_parent(self, name="references", stale=stale)


class PageCell(IPyNbCell):
    """A cell; what it shows is compared as text."""

    unreferenced = False

    def runtest(self) -> None:
        super().runtest()
        if self.unreferenced:
            self.raise_cell_error(
                "This cell is tagged nbval-check-output, and no reference was committed for its code. " + REFRESH
            )

    def compare_outputs(self, test, ref, skip_compare=None) -> bool:
        got, expected = lines(references.text_of(test)), lines(references.text_of(ref))
        if got == expected:
            return True
        self.comparison_traceback = list(difflib.unified_diff(expected, got, "reference", "now", lineterm="", n=1))
        return False

    def repr_failure(self, excinfo):
        if isinstance(excinfo.value, NbCellError) and getattr(self, "comparison_traceback", None):
            where = f"{self.path.name}, code cell {self.cell_num + 1}"
            changed = "\n".join(self.comparison_traceback)
            return f"{where}: its output is not the reference\n\n{self.cell.source}\n\n{changed}\n\n{REFRESH}"
        return super().repr_failure(excinfo)


class StaleReferences(pytest.Item):
    """Fails: references are kept for cells that the page does not have."""

    def __init__(self, *, stale: list[str], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.stale = stale

    def runtest(self) -> None:
        first = self.stale[0].split("\n")[0]
        pytest.fail(f"{len(self.stale)} references belong to no cell of the page (first: {first!r}). {REFRESH}", False)

    def repr_failure(self, excinfo):
        return str(excinfo.value)

    def reportinfo(self):
        return self.path, 0, f"{self.path.name}::references"


def fill(kept: list[dict[str, Any]]) -> list[Any]:
    """Kept outputs in the notebook format."""
    outputs = []
    for output in kept:
        plain = {name: "\n".join(value) if isinstance(value, list) else value for name, value in output.items()}
        if "data" in output:
            plain["data"] = {mime: "\n".join(text) for mime, text in output["data"].items()}
            plain["metadata"] = {}
        if output["output_type"] == "execute_result":
            plain["execution_count"] = 1
        outputs.append(nbformat.from_dict(plain))
    return outputs


def lines(outputs: list[dict[str, Any]]) -> list[str]:
    """Outputs as lines of text; one value a line where a cell gives receipts."""
    found: list[str] = []
    for output in outputs:
        if output["output_type"] == "stream":
            found += [f"{output['name']}: {line}" for line in output["text"]]
        elif output["output_type"] == "error":
            found += [f"{output['ename']}: {line}" for line in output["evalue"]]
        else:
            for mime, text in sorted(output["data"].items()):
                found += [f"{'receipt' if 'papermill' in mime else 'text'}: {line}" for line in text]
    return found
