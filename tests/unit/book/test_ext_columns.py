from bs4 import BeautifulSoup

from book.ext.columns import texts


def test_columns_of_text_are_marked_and_columns_of_numbers_are_not():
    rows = "".join(
        f"<tr><th>{n}</th><td>{a}</td><td>{b}</td></tr>" for n, a, b in ((0, "pizza", "1,200"), (1, "", "-0.5"))
    )
    head = "<thead><tr><td></td><th>title</th><th>score</th></tr></thead>"
    soup = BeautifulSoup(f'<table class="dataframe">{head}<tbody>{rows}</tbody></table>', "html.parser")
    texts(soup)
    assert [tag.get_text() for tag in soup.select(".text")] == ["title", "pizza", ""]
