import gzip
import hashlib
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from PIL import Image

from book.tools.lean import LIMIT, first_load, lean

HEAD = """<!DOCTYPE html><html lang="en" data-theme="auto"><head><title>{title} — Course</title>
<meta name="viewport" content="a"><meta name="viewport" content="b">
<script>document.documentElement.dataset.mode = localStorage.getItem("mode") || "auto";</script>
<link rel="stylesheet" href="{up}_static/styles/theme.css?v=1"><link rel="stylesheet" href="{up}_static/course.css">
<link rel="preload" as="script" href="{up}_static/scripts/bootstrap.js">
<script src="{up}_static/documentation_options.js"></script><script src="{up}_static/searchtools.js"></script>
<script src="{up}_static/scripts/fontawesome.js" defer></script><script src="{up}_static/scripts/bootstrap.js"></script>
<script src="{up}_static/copybutton.js"></script></head><body><main>{body}</main></body></html>"""
BODY = """<p class="used">Text</p><img src="../_images/first.png"><img src="../_images/second.png">
<table><thead><tr><th></th><th>a</th></tr></thead></table><a href="../notebooks/a.ipynb">b</a>
<details class="hide"><summary aria-label="Toggle">Show</summary></details>"""


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def digest(root: Path) -> dict[str, str]:
    files = sorted(path for path in root.rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    root = tmp_path / "raw"
    static = root / "_static"
    write(root / "chapters" / "a.html", HEAD.format(title="A", up="../", body=BODY))
    write(root / "search.html", HEAD.format(title="Search", up="", body="<p>Search</p>"))
    write(root / "index.html", '<meta http-equiv="Refresh" content="0; url=chapters/a.html" />')
    write(static / "styles" / "theme.css", '@import "../basic.css";.used{background:url(../x.png)}.never{color:red}')
    write(static / "basic.css", "main{color:blue}")
    write(static / "course.css", '@font-face{font-family:M;src:url("math.woff2")}math{font-family:M}.used{margin:0}')
    for name in ("searchtools.js", "copybutton.js", "scripts/fontawesome.js", "documentation_options.js", "unused.js"):
        write(static / name, f"/* {name} */")
    write(static / "scripts" / "bootstrap.js", "use();\n//# sourceMappingURL=bootstrap.js.map\n")
    write(static / "scripts" / "bootstrap.js.map", "{}")
    (static / "math.woff2").write_bytes(b"font" * 100)
    write(static / "x.png", "x")
    write(root / "notebooks" / "a.ipynb", "{}")
    write(root / "searchindex.js", "Search.setIndex({})")
    (root / "_images").mkdir()
    for name, size in {"first": (40, 20), "second": (300, 200)}.items():
        Image.new("RGB", size, "red").save(root / "_images" / f"{name}.png")
    return root


@pytest.fixture
def out(raw: Path, tmp_path: Path) -> Path:
    lean(raw, tmp_path / "out")
    return tmp_path / "out"


def page(out: Path, name: str = "chapters/a.html") -> BeautifulSoup:
    return BeautifulSoup((out / name).read_text(encoding="utf-8"), "html.parser")


def test_the_raw_site_is_not_changed(raw: Path, tmp_path: Path) -> None:
    before = digest(raw)
    lean(raw, tmp_path / "out")
    assert digest(raw) == before


def test_the_same_site_gives_the_same_copy(raw: Path, tmp_path: Path) -> None:
    lean(raw, tmp_path / "one")
    write(tmp_path / "two" / "stale.html", "<html></html>")
    lean(raw, tmp_path / "two")
    assert digest(tmp_path / "one") == digest(tmp_path / "two")


def test_one_style_sheet_with_what_is_used_in_order(out: Path) -> None:
    (link,) = page(out).select("link[rel=stylesheet]")
    (sheet,) = (out / "_static").glob("*.css")
    assert link["href"] == f"../_static/{sheet.name}"
    css = sheet.read_text(encoding="utf-8")
    assert css.startswith('main{color:blue}.used{background:url("x.png")}@font-face')
    assert ".never" not in css
    assert (out / "_static" / "x.png").is_file()
    assert (out / "_static" / "math.woff2").is_file()


def test_scripts(out: Path) -> None:
    chapter, search = page(out), page(out, "search.html")
    assert [tag["src"] for tag in chapter.select("script[src]")] == ["../_static/scripts/bootstrap.js"]
    assert [tag["src"] for tag in search.select("script[src]")] == [
        "_static/searchtools.js",
        "_static/scripts/bootstrap.js",
    ]
    assert all("defer" in tag.attrs for tag in chapter.select("script[src]"))
    assert any("documentation_options.js" in str(tag.string) for tag in chapter.select("script"))
    assert not chapter.select("link[rel=preload]")
    assert "sourceMapping" not in (out / "_static" / "scripts" / "bootstrap.js").read_text(encoding="utf-8")


def test_only_what_is_referred_to_is_copied(out: Path) -> None:
    files = set(digest(out))
    assert {"notebooks/a.ipynb", "searchindex.js", "_static/scripts/bootstrap.js"} <= files
    assert not {name for name in files if name.endswith(".map") or "fontawesome" in name or "unused" in name}
    assert not {name for name in files if "copybutton" in name or "basic" in name}


def test_accessibility(out: Path) -> None:
    chapter = page(out)
    assert [tag.name for tag in chapter.select("thead tr > *")] == ["td", "th"]
    assert "aria-label" not in chapter.select("summary")[0].attrs
    assert len(chapter.select("meta[name=viewport]")) == 1
    assert chapter.html is not None
    assert chapter.html["data-theme"] == "light"


def test_images_keep_their_pixels_and_say_their_size(raw: Path, out: Path) -> None:
    first, second = page(out).select("img")
    assert (first["width"], first["height"]) == ("40", "20")
    assert "loading" not in first.attrs
    assert second["loading"] == "lazy"
    assert str(second["src"]).endswith(".webp")
    with Image.open(raw / "_images" / "second.png") as before, Image.open(out / "_images" / "second.webp") as after:
        assert before.convert("RGB").tobytes() == after.convert("RGB").tobytes()
    assert not (out / "_images" / "second.png").exists()


def test_a_page_that_leads_on_is_made_whole(out: Path) -> None:
    index = page(out, "index.html")
    assert index.html is not None
    assert index.html["lang"] == "en"
    assert index.select("a")[0]["href"] == "chapters/a.html"
    assert index.title is not None
    assert index.title.get_text() == "Course"


def test_first_load_counts_everything_that_a_page_needs(raw: Path, tmp_path: Path) -> None:
    lean(raw, tmp_path / "out")
    name = "chapters/a.html"
    out = tmp_path / "out"
    (sheet,) = (out / "_static").glob("*.css")
    packed = sum(
        len(gzip.compress(file.read_bytes())) for file in (out / name, sheet, out / "_static/scripts/bootstrap.js")
    )
    plain = sum((out / file).stat().st_size for file in ("_static/math.woff2", "_static/x.png"))
    plain += sum(file.stat().st_size for file in (out / "_images").iterdir())
    assert first_load(out / name) == packed + plain
    assert first_load(out / name) <= LIMIT
    (out / "_static" / "math.woff2").write_bytes(b"0" * LIMIT)
    assert first_load(out / name) > LIMIT


def test_nothing_to_lighten(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="holds no page"):
        lean(tmp_path, tmp_path / "out")
