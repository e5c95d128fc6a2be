from pathlib import Path

import pytest
import yaml

from book.tools.roles import find_untyped, main

ROOT = Path(__file__).resolve().parents[3]


def numerals(text: str) -> list[str]:
    return [finding.numeral for finding in find_untyped(text)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Ranking takes 20 ms.", ["20 ms"]),
        ("It rose by 12%.", ["12%"]),
        ("It rose by 12 %, and then by 3 per cent.", ["12 %", "3 per cent"]),
        ("The score is 0.37 there.", ["0.37"]),
        ("It costs €5, or £ 3.", ["€5", "£ 3"]),
        ("It costs 5 euros.", ["5 euros"]),
        ("A budget of 100 to 500 ms.", ["100 to 500 ms"]),
        ("We asked 1,000 users.", ["1,000 users"]),
        ("There are 10 billion of them.", ["10 billion"]),
        ("It is 10-fold, or 3×, or 4 times as much.", ["10-fold", "3×", "4 times"]),
        ("It needs 1.5 GiB and 200 MB.", ["1.5 GiB", "200 MB"]),
        ("A 30-minute video.", ["30-minute"]),
        ("| name | 12 ms |", ["12 ms"]),
        ("> A quote of 12 ms.", ["12 ms"]),
        (":::{quiz} Which one takes 12 ms?\n:type: one\n- a <!-- no: It takes 40 ms. -->\n:::", ["12 ms", "40 ms"]),
        (":::{exercise} A title\n:label: ex-1\nIt takes 7 s.\n:::", ["7 s"]),
        ("```{note}\nIt takes 7 s.\n```", ["7 s"]),
        ("Python 3.11 takes 4 s.", ["4 s"]),
        ("# A title of 4 s\n", ["4 s"]),
        # A citation covers its own sentence, and no other.
        ("They saw 63 % {cite}`a`. We saw 64 %.", ["64 %"]),
        ("We saw 64 %. They saw 63 % {cite}`a`.", ["64 %"]),
        ("- They saw 63 % {cite}`a`\n- We saw 64 %", ["64 %"]),
        ("| they | 63 % {cite}`a` |\n| we | 64 % |", ["64 %"]),
    ],
)
def test_a_typed_number_is_found(text: str, found: list[str]) -> None:
    assert numerals(text) == found


@pytest.mark.parametrize(
    "text",
    [
        "---\ntitle: 20 ms\n---\nNothing here.",
        "{glue:text}`slow:.0%` of queries take {glue:text}`slow_ms:.1f` ms.",
        "As {cite:t}`dean2013tail` print, 63 % of them.",
        "As Smith et al. print, 63 % of them {cite}`smith`.",
        "```{code-cell} ipython3\nx = 0.5  # 20 ms\n```",
        "```python\nx = 0.5\n```",
        ":::{predict} How many, in per cent?\n:scale: 0.5\n:unit: 20 ms\n:::",
        "Use `width=0.5` and ``20 ms``.",
        "The arithmetic is $1 - 0.99^{100}$, and $$x = 0.5$$ too.",
        "See https://example.org/0.5/20%20ms and [a page](https://example.org/v1.5).",
        "<!-- a note of 20 ms to the authors -->",
        "% 20 ms, in a comment",
        "## 1.2 A title",
        "(sec-1.5)=\n## A title",
        "Python 3.11 and version 1.0 under CC BY 4.0.",
        "Three stages, 8 steps, chapter 3, and the year 2017, or the 1990s.",
        "The rows d901 and x-100 ms-like names such as p99.",
    ],
)
def test_what_needs_no_role_is_left_alone(text: str) -> None:
    assert numerals(text) == []


def test_a_finding_names_file_line_and_remedy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "page.md"
    page.write_text("---\na: 1\n---\n\n```{code-cell} ipython3\nx = 1\n```\n\nIt takes\n20 ms.\n", encoding="utf-8")
    assert main([str(page)]) == 1
    out = capsys.readouterr().out
    assert f"{page}:10:" in out
    assert "'20 ms'" in out
    assert "receipt(" in out
    page.write_text("It takes {glue:text}`ms` ms.\n", encoding="utf-8")
    assert main([str(page)]) == 0
    assert main([]) == 2


def executable_pages() -> list[Path]:
    def files(node: object) -> list[str]:
        if isinstance(node, dict):
            own = [node[key] for key in ("root", "file") if key in node]
            return own + [name for value in node.values() for name in files(value)]
        return [name for value in node for name in files(value)] if isinstance(node, list) else []

    named = files(yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8")))
    pages = [ROOT / f"{name}.md" for name in named]
    return [page for page in pages if page.exists() and "jupytext:" in page.read_text(encoding="utf-8")[:400]]


@pytest.mark.parametrize("page", executable_pages(), ids=lambda page: page.stem)
def test_every_number_of_the_book_has_its_role(page: Path) -> None:
    assert not [str(finding) for finding in find_untyped(page.read_text(encoding="utf-8"), file=page.name)]
