"""Claims are compared with committed text, and every real page tags the cells that make them."""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from book.tools import pages, references
from tests.unit.book.small_book import make, page, replace

ROOT = Path(__file__).parents[3]
CLAIM = "nbval-check-output"
LIBRARY = {"law.py": "def share():\n    return 0.25\n"}
CELLS = (
    "print('same')",
    "from mlsd_lib.law import share\nprint('share', share())",
    "x = 1\nx",
    "import itertools\ncount = itertools.count()",
    "next(count)",
    "next(count)",
)
PAGES = {
    "claims": page(*CELLS, tags=CLAIM) + page("1 / (1 - 1)", tags=f"{CLAIM}, raises-exception").split("prose.")[1],
    "picture": page("from IPython.display import HTML\nHTML(f'<b>{object()}</b>')"),
}


@pytest.fixture
def book(tmp_path: Path) -> Path:
    make(tmp_path, PAGES, LIBRARY)
    shutil.copy(ROOT / "conftest.py", tmp_path)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    return tmp_path


def nbval(root: Path, *docnames: str) -> tuple[set[str], str]:
    """Run the checks as `mlsd test` does; the tests that failed, and all that was printed."""
    arguments = [each for each in references.pytest_arguments(root, jobs=0) if not each.endswith(".md")]
    chosen = [f"{name}.md" for name in docnames or PAGES]
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:cov", "-rA", *arguments, *chosen]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    failed = set(re.findall(r"^(?:FAILED|ERROR) (\S+?\.md(?:::(?:Cell \d+|references))?)", done.stdout, re.MULTILINE))
    assert (done.returncode == 0) == (not failed), done.stdout
    return failed, done.stdout


def test_claims_are_compared(book: Path) -> None:
    assert references.refresh(book) == 0
    assert nbval(book)[0] == set()

    replace(book / "mlsd_lib/law.py", "0.25", "0.35")
    replace(book / "claims.md", "x = 1", "x = 2")
    path = references.place(book, "claims")
    kept = json.loads(path.read_text("utf8"))
    path.write_text(json.dumps([*kept, {"source": ["gone()"], "outputs": []}]), "utf8")
    failed, printed = nbval(book, "claims")
    assert failed == {"claims.md::Cell 1", "claims.md::Cell 2", "claims.md::references"}
    assert "-stdout: share 0.25\n+stdout: share 0.35" in printed
    assert "no reference was committed for its code. If the change is meant, run `make refresh`" in printed
    assert "2 references belong to no cell of the page" in printed  # that of the edited cell, and gone()


def test_refreshing_keeps_text_alone(book: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert references.refresh(book) == 0
    assert {path.stem for path in (book / references.FOLDER).glob("*.json")} == {"claims"}  # a picture is no claim
    kept = references.load(book, "claims").outputs
    assert kept["next(count)", 0][0]["data"] == {"text/plain": ["0"]}
    assert kept["next(count)", 1][0]["data"] == {"text/plain": ["1"]}
    (book / references.FOLDER / "removed.json").write_text("[]", "utf8")
    capsys.readouterr()
    assert references.refresh(book) == 0
    printed = capsys.readouterr().out
    assert "claims: 7 references, unchanged" in printed
    assert "removed.json: no such page any more; removed" in printed


def test_pieces_of_a_stream_are_one_text() -> None:
    whole = [{"output_type": "stream", "name": "stdout", "text": "a\nb\n"}]
    pieces = [{"output_type": "stream", "name": "stdout", "text": text} for text in ("a", "\nb", "\n")]
    assert references.text_of(pieces) == references.text_of(whole)


def test_a_damaged_reference_file_says_what_to_do(book: Path) -> None:
    path = references.place(book, "claims")
    path.parent.mkdir(parents=True)
    path.write_text("{", "utf8")
    with pytest.raises(ValueError, match="Run `mlsd refresh`"):
        references.load(book, "claims")


def calls(code: str) -> set[str]:
    """The names of the functions that a cell calls, nested ones included."""
    called = (node.func for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call))
    return {f.id if isinstance(f, ast.Name) else f.attr for f in called if isinstance(f, ast.Name | ast.Attribute)}


def wrongly_tagged(code: str, tags: list[str]) -> str:
    """What is wrong with a cell's tags; empty where nothing is."""
    if not re.search(r"\b(receipt|given|timed)\b", code):
        return ""
    called = calls(code)
    if called & {"receipt", "given"} and CLAIM not in tags:
        return f"keeps a receipt and is not tagged {CLAIM}"
    if "timed" in called and CLAIM in tags:
        return f"keeps a timed value and is tagged {CLAIM}: times differ at every run"
    return ""


@pytest.mark.parametrize(
    ("code", "tags", "fine"),
    [
        ("receipt(a=1)", [CLAIM], True),
        ("receipt(a=1)", [], False),
        ("receipts.given(a=1)", [], False),
        ("for x in (1,):\n    given(a=x)", [], False),
        ("timed(a=1)", [], True),
        ("timed(a=1)", [CLAIM], False),
        ("timed(a=1)\nreceipt(b=1)", [CLAIM], False),
        ("from mlsd_lib.receipts import receipt", [], True),
    ],
)
def test_the_lint_sees_missing_and_wrong_tags(code: str, tags: list[str], fine: bool) -> None:
    assert (wrongly_tagged(code, tags) == "") == fine


def test_every_cell_with_a_receipt_is_checked() -> None:
    wrong = []
    for found in pages.executable(ROOT):
        notebook = pages.read(found, ROOT)
        for index, cell in enumerate(notebook.cells):
            problem = wrongly_tagged(cell.source, cell.metadata.get("tags", [])) if cell.cell_type == "code" else ""
            if problem:
                wrong.append(f"{found.docname}.md line {pages.source_line(found, notebook, index)}: the cell {problem}")
    assert not wrong, "\n".join(wrong)


def test_every_reference_file_belongs_to_a_page() -> None:
    known = {references.place(ROOT, found.docname) for found in pages.executable(ROOT)}
    stale = [path.name for path in (ROOT / references.FOLDER).glob("*.json") if path not in known]
    assert stale == []
