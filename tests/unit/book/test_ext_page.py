from pathlib import Path

import pytest
import yaml
from jupyter_book.config import get_final_config

from book.ext.page import Chapter, Repository, minutes, neighbours
from tests.unit.book import tiny

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::PendingDeprecationWarning")

ROOT = Path(__file__).parents[3]
URL = "https://github.com/somebody/course"


def book(folder: Path, url: str) -> tiny.Built:
    words = "word " * 500
    pages = {
        "index.md": "# Home\n\nText of a page that is read, with enough words for a description.\n\n"
        + tiny.toctree("one", "deep/two"),
        "one.ipynb": tiny.page(
            f"# First title\n\n{words}",
            tiny.cell(),
            tiny.cell(),
            mlsd={"step": 1, "title": "Set up", "goes_deeper": ["index", "later"]},
        ),
        "deep/two.ipynb": tiny.page("# Second title\n\nText.", tiny.cell(), mlsd={"step": 2}),
    }
    theme = {"repository_url": url, "repository_branch": "main", "path_to_docs": ""}
    return tiny.build(folder, pages, theme=theme)


@pytest.fixture(scope="module")
def private(tmp_path_factory: pytest.TempPathFactory) -> tiny.Built:
    return book(tmp_path_factory.mktemp("private"), "")


@pytest.fixture(scope="module")
def public(tmp_path_factory: pytest.TempPathFactory) -> tiny.Built:
    return book(tmp_path_factory.mktemp("public"), URL)


def test_no_warning(private: tiny.Built, public: tiny.Built) -> None:
    assert (private.warnings, public.warnings) == ("", "")


def test_facts_and_download(private: tiny.Built) -> None:
    facts = private.page("one").select_one("h1 + .page-facts")
    assert facts is not None
    assert facts.select_one("p").get_text() == "Step 1 of 8 · 4 min to read"
    assert [str(link["href"]) for link in facts.select("a")] == ["notebooks/one.ipynb"]
    deep = private.page("deep/two").select_one(".page-facts a")
    assert deep is not None
    assert deep["href"] == "../notebooks/deep/two.ipynb"
    assert private.page("index").select_one(".page-facts") is None


def test_without_a_repository_nothing_leads_outside(private: tiny.Built) -> None:
    for name in ("index", "one", "deep/two"):
        links = [str(tag["href"]) for tag in private.page(name).select("a[href]")]
        assert not [link for link in links if "://" in link], name
        assert not private.page(name).select("script[src*='://'], link[href*='://']")


def test_with_a_repository_its_links_appear(public: tiny.Built) -> None:
    links = {tag.get_text(strip=True): str(tag["href"]) for tag in public.page("deep/two").select(".page-facts a")}
    assert links["Open in Binder"] == "https://mybinder.org/v2/gh/somebody/course/main?urlpath=lab/tree/deep/two.ipynb"
    assert links["Report an issue on this page"] == f"{URL}/issues/new?title=On+the+page+deep%2Ftwo"
    assert public.page("deep/two").select(f'.bd-header-article a[href="{URL}"]')


def test_the_end_of_a_page(private: tiny.Built) -> None:
    end = private.page("one").select_one(".page-end")
    assert end is not None
    button = end.select_one("button")
    assert button is not None
    assert (button["aria-pressed"], button["data-page"]) == ("false", "one")
    links = [(tag.get_text(), str(tag["href"])) for tag in end.select("nav a")]
    assert links == [("Step 2: Second title", "deep/two.html"), ("Goes deeper: Home", "index.html")]
    back = private.page("deep/two").select_one(".page-end nav a")
    assert back is not None
    assert (back.get_text(), back["href"]) == ("Step 1: Set up", "../one.html")


def test_every_page_has_a_description_and_no_live_code(private: tiny.Built) -> None:
    for name in ("index", "one", "search"):
        page = private.page(name)
        (description,) = page.select("meta[name=description]")
        assert 5 < len(str(description["content"])) <= 155
        assert "thebe" not in str(page).lower()
    assert private.page("index").select_one("meta[name=description]")["content"].startswith("Text of a page")


def test_the_repository_is_one_setting_of_the_book(tmp_path: Path) -> None:
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    config["repository"]["url"] = URL
    path = tmp_path / "_config.yml"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    sphinx, _ = get_final_config(
        user_yaml=path, cli_config={"latex_individualpages": False}, sourcedir=ROOT, validate=False
    )
    assert sphinx["html_theme_options"].get("repository_url") == URL, (
        "the theme's options replace the repository: set sphinx.recursive_update: true in _config.yml"
    )


def test_places_other_than_github() -> None:
    other = Repository("https://gitlab.com/o/r", "main", "course")
    assert other.binder("a b.md").endswith(
        "/git/https%3A%2F%2Fgitlab.com%2Fo%2Fr/main?urlpath=lab/tree/course/a%20b.md"
    )
    assert "/-/issues/new?issue%5Btitle%5D=" in other.issue("a")


def test_neighbours_are_the_first_chapters_of_the_steps_beside() -> None:
    chapters = {
        name: Chapter(name, step, name, ()) for name, step in (("a", 1), ("b", 3), ("c", 3), ("d", 6), ("e", None))
    }
    assert [one.docname for one in neighbours(chapters["c"], chapters)] == ["a", "d"]
    assert [one.docname for one in neighbours(chapters["d"], chapters)] == ["b"]
    assert neighbours(chapters["e"], chapters) == []


def test_reading_takes_at_least_a_minute() -> None:
    assert minutes(words=0, cells=0) == 1
    assert minutes(words=201, cells=0) == 2
