"""The page of reproduced results: every row is there with its verdict, and none can vanish."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from bs4 import BeautifulSoup
from docutils import nodes

from book.ext.reproduced import Result, check
from tests.unit.book import tiny

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::PendingDeprecationWarning")

ROWS = """\
fan-out-100:
  chapter: chapters/tails
  what: Share of requests that wait
  published: 0.634
  tolerance: 0.01
  unit: share
  source: dean2013tail
  kind: simulated
hedged:
  chapter: chapters/tails
  what: Latency with a second copy
  published: 20
  tolerance: 2
  unit: ms
  source: dean2013tail
  kind: simulated
sampled-order:
  chapter: chapters/metrics
  what: Lead of the worse ranker
  published_text: the order reverses
  at_least: 0.0
  unit: share
  source: krichene2022sampled
  kind: computed
"""
BIBLIOGRAPHY = """\
@article{dean2013tail, title={The Tail at Scale}, author={Dean, J. and Barroso, L.}, journal={CACM}, year={2013}}
@article{krichene2022sampled, title={On Sampled Metrics}, author={Krichene, W.}, journal={CACM}, year={2022}}
"""
PAGE = "# Reproduced results\n\nSome text.\n\n```{reproduced}\n```\n\n```{bibliography}\n```\n"


def kept(key: str, value: float, low: float | None = None, high: float | None = None, **more: Any) -> Any:
    row = {"key": key, "value": value, "low": low, "high": high}
    return tiny.output(key.replace("-", "_"), value, **{"cell": 1, "seed": 0, "reproduced": row, **more})


def chapter(title: str, *outputs: Any) -> str:
    return tiny.page(f"# {title}\n\nText.", tiny.cell(outputs=outputs))


TAILS = chapter("Tails", kept("fan-out-100", 0.63397, 0.631, 0.637), kept("hedged", 31.0, 28.0, 34.0))
METRICS = chapter("Metrics", kept("sampled-order", 0.25, seed=None))


def build(folder: Path, pages: Mapping[str, str], rows: str = ROWS, *, force_all: bool = True) -> tiny.Built:
    source = {
        "index.md": "# Index\n\n" + tiny.toctree("reproduced", *(name.rsplit(".", 1)[0] for name in pages)),
        "reproduced.md": PAGE,
        "data/reproductions.yml": rows,
        "references.bib": BIBLIOGRAPHY,
        **pages,
    }
    extensions = [*tiny.EXTENSIONS, "sphinxcontrib.bibtex", "book.ext.reproduced"]
    settings = {"extensions": extensions, "bibtex_bibfiles": ["references.bib"], "exclude_patterns": ["data"]}
    return tiny.build(folder, source, force_all=force_all, **settings)


def texts(row: Any) -> list[str]:
    return [" ".join(cell.get_text(" ").split()) for cell in row.find_all(["th", "td"])]


def summary(page: BeautifulSoup) -> str:
    table = page.select_one("table.reproduced")
    assert table is not None
    before = table.find_previous("p")
    assert before is not None
    return before.get_text()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> tiny.Built:
    pages = {"chapters/tails.ipynb": TAILS, "chapters/metrics.ipynb": METRICS}
    return build(tmp_path_factory.mktemp("book"), pages)


@pytest.fixture
def page(site: tiny.Built) -> BeautifulSoup:
    return site.page("reproduced")


def test_a_row_holds_the_published_value_against_ours(site: tiny.Built, page: BeautifulSoup) -> None:
    assert site.warnings == ""
    rows = {texts(row)[0]: texts(row)[1:] for row in page.select(".reproduced tbody tr") if row.td}
    published, *others = rows["Share of requests that wait"]
    assert published.startswith("0.634 ± 0.01 [")
    assert others == ["0.634 0.631 to 0.637", "✓ within", "simulated, seed 0, cell 1"]
    published, *others = rows["Lead of the worse ranker"]
    assert published.startswith("the order reverses (at least 0) [")
    assert others == ["0.25", "✓ within", "computed, cell 1"]


def test_a_row_that_does_not_come_out_stays_and_is_marked(page: BeautifulSoup) -> None:
    (row,) = (row for row in page.select(".reproduced tr") if "second copy" in row.get_text())
    assert texts(row)[2:4] == ["31 ms 28 to 34", "✗ outside"]
    assert row.select_one(".verdict.outside") is not None


def test_the_table_is_counted_and_grouped_by_chapter(page: BeautifulSoup) -> None:
    assert summary(page) == (
        "3 published results: 2 simulated or trained, 1 computed. 2 came out within the tolerance, 1 outside it."
    )
    assert [head.get_text() for head in page.select("th[scope=rowgroup]")] == ["Metrics", "Tails"]
    assert len(page.select("table.reproduced tbody")) == 2
    assert page.select_one("table.reproduced caption") is not None


def test_sources_and_cells_are_links_that_lead_somewhere(site: tiny.Built, page: BeautifulSoup) -> None:
    cited = page.select(".reproduced td small a[href^='#']")
    assert len(cited) == 3
    assert all(page.find(id=str(link["href"])[1:]) is not None for link in cited)
    cells = [str(link["href"]) for link in page.select(".reproduced td:last-child a")]
    assert cells[1] == "chapters/tails.html#reproduced-fan-out-100"
    for address in cells:
        name, _, mark = address.partition(".html#")
        target = site.page(name).find(id=mark)
        assert target is not None
        cell = target if "cell" in target.get("class", []) else target.find_parent(class_="cell")
        assert cell is not None


def test_the_page_follows_a_chapter_that_changed(tmp_path: Path) -> None:
    pages = {"chapters/tails.ipynb": TAILS, "chapters/metrics.ipynb": METRICS}
    build(tmp_path, pages)
    changed = {**pages, "chapters/metrics.ipynb": chapter("Metrics", kept("sampled-order", -0.25, seed=None))}
    built = build(tmp_path, changed, force_all=False)
    assert built.warnings == ""
    row = next(row for row in built.page("reproduced").select("tr") if "worse ranker" in row.get_text())
    assert texts(row)[2:4] == ["-0.25", "✗ outside"]

    added = ROWS[: ROWS.index("hedged")].replace("fan-out-100", "one-more")
    rows = ROWS.replace("tolerance: 2", "tolerance: 11") + added
    wider = build(tmp_path, changed, rows=rows, force_all=False)
    assert "'one-more': no cell of chapters/tails reproduced it" in wider.warnings
    row = next(row for row in wider.page("reproduced").select("tr") if "second copy" in row.get_text())
    assert "✓ within" in texts(row)

    gone = {**pages, "chapters/metrics.ipynb": chapter("Metrics")}
    for _ in range(2):  # also in a build for which nothing changed any more
        assert "no cell of chapters/metrics" in build(tmp_path, gone, rows=rows, force_all=False).warnings


def test_only_a_changed_result_has_the_page_written_again(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/reproductions.yml").write_text(ROWS[: ROWS.index("hedged")], encoding="utf-8")
    app: Any = SimpleNamespace(confdir=tmp_path)
    env: Any = SimpleNamespace(
        titles={"chapters/tails": nodes.title("", "Tails")}, mlsd_reproduced_pages={"reproduced"}
    )
    for value, again in ((0.63, ["reproduced"]), (0.63, []), (0.64, ["reproduced"])):
        env.mlsd_results = {"chapters/tails": {"fan-out-100": Result("chapters/tails", value, None, None, 0, 1)}}
        assert check(app, env) == again
    env_without_the_page: Any = SimpleNamespace()
    assert check(app, env_without_the_page) == []


def test_a_page_that_left_the_book_takes_its_results_along(tmp_path: Path) -> None:
    pages = {"chapters/tails.ipynb": TAILS, "chapters/metrics.ipynb": METRICS}
    build(tmp_path, pages)
    (tmp_path / "source/chapters/metrics.ipynb").unlink()
    built = build(tmp_path, {"chapters/tails.ipynb": TAILS}, force_all=False)
    assert "'sampled-order': no cell of chapters/metrics reproduced it" in built.warnings


def test_a_row_that_is_not_run_once_and_in_its_chapter_fails_the_build(tmp_path: Path) -> None:
    pages = {
        "chapters/tails.ipynb": chapter("Tails", kept("fan-out-100", 0.63397)),
        "chapters/metrics.ipynb": METRICS,
        "a.ipynb": chapter("A", kept("sampled-order", 0.1), kept("unwritten", 0.1)),
        "b.ipynb": chapter("B", kept("misplaced", 1.0)),
    }
    rows = ROWS + ROWS[: ROWS.index("hedged")].replace("fan-out-100", "misplaced")
    built = build(tmp_path, pages, rows=rows)
    assert "'hedged': no cell of chapters/tails reproduced it" in built.warnings
    assert "'sampled-order' is reproduced by 2 pages: a, chapters/metrics" in built.warnings
    assert "'unwritten' is reproduced by a, and is no row of" in built.warnings
    assert "'misplaced' is reproduced by b, and data/reproductions.yml says chapters/tails" in built.warnings
    assert built.warnings.count("WARNING: reproduced:") == 4
    row = next(row for row in built.page("reproduced").select("tr") if "second copy" in row.get_text())
    assert "✗ not run" in texts(row)
    assert summary(built.page("reproduced")).endswith("; 1 not run.")


def test_a_key_that_one_page_uses_twice_fails_the_build(tmp_path: Path) -> None:
    twice = chapter("Metrics", kept("sampled-order", 0.25), kept("sampled-order", 0.5))
    built = build(tmp_path, {"chapters/tails.ipynb": TAILS, "chapters/metrics.ipynb": twice})
    assert "'sampled_order' duplicate" in built.warnings


def test_a_file_that_is_not_valid_fails_the_build(tmp_path: Path) -> None:
    broken = ROWS.replace("kind: computed", "kind: guessed")
    built = build(tmp_path, {"chapters/tails.ipynb": TAILS, "chapters/metrics.ipynb": METRICS}, rows=broken)
    assert "reproduced: reproductions.yml: 'sampled-order' is of the kind 'guessed'" in built.warnings
