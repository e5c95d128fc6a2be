from pathlib import Path

import pytest

from book.ext.receipts import provenance
from tests.unit.book import tiny

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::PendingDeprecationWarning")


def test_values_are_formatted_and_say_where_they_came_from(tmp_path: Path) -> None:
    roles = ("share:.1%", "n:,d", "name", "p99:>8.1f", "plain")
    text = "# Page\n\n" + ", ".join(f"{{glue:text}}`{role}`" for role in roles)
    outputs = [
        tiny.output("share", 0.1234, cell=3, seed=5),
        tiny.output("n", 12345, cell=4, kind="given"),
        tiny.output("name", "BM25", cell=4),
        tiny.output("p99", 12.26, cell=5, kind="timed", machine="Linux x86_64"),
        tiny.output("plain", 7),
    ]
    built = tiny.build(tmp_path, {"index.ipynb": tiny.page(text, tiny.cell(outputs=outputs))})
    assert built.warnings == ""
    found = built.page().select(".receipt")
    assert [str(one.contents[0]).strip() for one in found] == ["12.3%", "12,345", "BM25", "12.3"]
    tips = [one.select("[role=tooltip]")[0] for one in found]
    assert tips[0].get_text() == " (measured in cell 3 · seed 5 · mlsd-lib 0.1.0)"
    assert tips[1].get_text() == " (given in cell 4)"
    assert tips[3].get_text() == " (timed in cell 5 · on Linux x86_64 · mlsd-lib 0.1.0)"
    assert all(one["tabindex"] == "0" for one in found)
    assert [one["aria-describedby"] for one in found] == [tip["id"] for tip in tips]
    assert len({tip["id"] for tip in tips}) == 4
    plain = built.page().select_one(".pasted-text")  # a value without a receipt is MyST-NB's
    assert plain is not None
    assert plain.get_text() == "7"


@pytest.mark.parametrize("role", ["{glue:text}`unknown:.2f`", "{glue:text}`word:.2f`", "{glue:text}`share:nonsense`"])
def test_a_value_that_cannot_be_shown_is_a_warning_with_its_place(tmp_path: Path, role: str) -> None:
    outputs = [tiny.output("word", "BM25", cell=1), tiny.output("share", 0.5, cell=1)]
    built = tiny.build(tmp_path, {"index.ipynb": tiny.page(f"# Page\n\nValue {role}.", tiny.cell(outputs=outputs))})
    assert role in built.warnings
    assert "index.ipynb:1" in built.warnings  # cells of a notebook count as 10,000 lines each


def test_a_stored_result_names_its_source() -> None:
    receipt = {"kind": "measured", "cell": 9, "seed": 0, "library": "0.1.0", "source": "mlsd real search"}
    assert provenance(receipt) == "from mlsd real search · read in cell 9 · seed 0 · mlsd-lib 0.1.0"
