import pytest
from bs4 import BeautifulSoup

from book.tools.lean_css import known, parse, purge, write

PAGE = '<html><body id="top" class="a b"><p style="color: var(--kept)">x</p><div class="c:d">y</div></body></html>'


def cut(css: str, *scripts: str) -> str:
    found = known([BeautifulSoup(PAGE, "html.parser")], scripts)
    return write(purge(parse(css, lambda address: address), found))


@pytest.mark.parametrize(
    ("css", "left"),
    [
        (".a{color:red}", ".a{color:red}"),
        (".x{color:red}", ""),
        (".a,.x , #top{color:red}", ".a,#top{color:red}"),
        ("#nowhere p{color:red}", ""),
        ("p > .a + .x{color:red}", ""),
        ("article{color:red}", ""),
        (".a:not(.x){color:red}", ".a:not(.x){color:red}"),
        (".a:is(.x, .y)::before{color:red}", ".a:is(.x, .y)::before{color:red}"),
        (':root{color:red}[data-theme="dark"] p{color:red}', ':root{color:red}[data-theme="dark"] p{color:red}'),
        (".c\\:d{color:red}", ".c\\:d{color:red}"),
        (".a.show{color:red}", ".a.show{color:red}"),
        ("@media print{.x{color:red}}", ""),
        ("@media (scripting: none){.a{color:red}.x{color:blue}}", "@media (scripting: none){.a{color:red}}"),
        (
            "@supports (a:b){@media print{.b{color:red!important}}}",
            "@supports (a:b){@media print{.b{color:red!important}}}",
        ),
        ('.a{background:url("data:image/svg+xml;a{b},c;d")}.b{color:red}', None),
        (".a{--unused:1px;color:red}", ".a{color:red}"),
        (".a{--kept: ;color:red}", ".a{--kept: ;color:red}"),
        (".a{--one:var(--two);--two:2px;margin:var(--one)}", ".a{--one:var(--two);--two:2px;margin:var(--one)}"),
        (".a{--one:var(--two);--two:2px}", ""),
        ("@keyframes gone{to{top:0}}.a{color:red}", ".a{color:red}"),
        ("@keyframes spin{to{top:0}}.a{animation:spin 1s}", "@keyframes spin{to{top:0}}.a{animation:spin 1s}"),
        ("/* .x{} */.a{/* y */color:red;;}", ".a{color:red}"),
        ('@charset "utf-8";.a{color:red}', ".a{color:red}"),
    ],
)
def test_what_stays(css: str, left: str | None) -> None:
    assert cut(css) == (css if left is None else left)


def test_what_a_script_names_stays() -> None:
    assert cut(".added{color:red}") == ""
    assert cut(".added{color:red}", 'element.classList.add("added")') == ".added{color:red}"


def test_icons_survive_as_the_same_character() -> None:
    assert write(parse(r'.a::before{content:"\f0c9"}', str)) == '.a::before{content:"\uf0c9"}'


def test_addresses_are_rewritten_quoted_or_not() -> None:
    css = 'p{background:url(a.png),url("b.png")}'
    assert write(parse(css, lambda address: f"../{address}")) == 'p{background:url("../a.png"),url("../b.png")}'
