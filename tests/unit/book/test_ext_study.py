from pathlib import Path

import pytest

from tests.unit.book import tiny

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::PendingDeprecationWarning")

QUIZ = """# Page

:::{quiz} Which split *leaks*?
:type: one
- by user <!-- no: Rows stay **together**. -->
- at random <!-- yes: Later rows teach; see {glue:text}`slow:.0%`. -->
:::

:::{quiz} Which two?
:type: many
- a <!-- yes: First. -->
- b <!-- no: Second. -->
- c <!-- yes: Third. -->
:::

:::{quiz} How much?
:type: number
:answer: slow
:scale: 100
:tolerance: 0.5
:unit: "%"

<!-- yes: Good. -->
<!-- no: Think of the fan-out. -->
:::

:::{predict} What share is slow?
:name: slow
:unit: "%"
:scale: 100

Commit.
:::
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tiny.Built:
    text = QUIZ + "\n:::{covers}\n:builds_on: [it](other)\n- one thing\n:::\n\n:::{interview}\nSay *it*.\n:::\n"
    later = tiny.cell(outputs=[tiny.output("slow", 0.633968, cell=7, seed=0)])
    other = "# Other\n\n:::{quiz} Once more?\n- a <!-- yes: Yes. -->\n- b <!-- no: No. -->\n:::\n"
    pages = {"index.ipynb": tiny.page(text, later, tiny.toctree("other")), "other.md": other}
    return tiny.build(tmp_path_factory.mktemp("book"), pages)


def test_no_warning(built: tiny.Built) -> None:
    assert built.warnings == ""


def test_a_question_with_one_answer_has_radios_and_feedback(built: tiny.Built) -> None:
    quiz = built.page().select_one('form[data-kind="one"]')
    assert quiz is not None
    assert quiz.select_one("legend em") is not None
    inputs = quiz.select("input")
    assert [one["type"] for one in inputs] == ["radio", "radio"]
    assert len({one["name"] for one in inputs}) == 1
    assert ["data-right" in one.attrs for one in inputs] == [False, True]
    assert [one.get_text(" ", strip=True)[:8] for one in quiz.select(".quiz-why")] == ["Not this", "Right. L"]
    assert quiz.select_one(".quiz-why strong + p strong") is not None
    assert "63%" in quiz.get_text()
    assert "<!--" not in str(quiz)


def test_a_question_with_several_answers_has_checkboxes(built: tiny.Built) -> None:
    quiz = built.page().select('form[data-kind="many"] input')
    assert [one["type"] for one in quiz] == ["checkbox"] * 3
    assert ["data-right" in one.attrs for one in quiz] == [True, False, True]


def test_a_number_comes_from_a_receipt_of_a_later_cell(built: tiny.Built) -> None:
    quiz = built.page().select_one('form[data-kind="number"]')
    assert quiz is not None
    assert float(str(quiz["data-answer"])) == pytest.approx(63.3968)
    assert float(str(quiz["data-tolerance"])) == 0.5
    assert [one["data-verdict"] for one in quiz.select("details")] == ["yes", "no"]


def test_a_prediction_knows_what_was_measured(built: tiny.Built) -> None:
    form = built.page().select_one("form.predict")
    assert form is not None
    assert float(str(form["data-value"])) == pytest.approx(63.3968)
    assert form["data-shown"] == "63.4 %"
    assert form["data-origin"] == "measured in cell 7 · seed 0 · mlsd-lib 0.1.0"
    label, field = form.select_one("label"), form.select_one("input")
    assert label is not None
    assert field is not None
    assert label["for"] == field["id"]


def test_boxes(built: tiny.Built) -> None:
    covers, interview = built.page().select_one(".covers"), built.page().select_one(".interview")
    assert covers is not None
    assert interview is not None
    assert [one.get_text(strip=True) for one in covers.select("li")] == ["one thing"]
    assert "other.html" in {str(one["href"]) for one in covers.select("a")}
    assert interview.get_text(" ", strip=True) == "In the interview Say it ."


def test_ids_are_unique_over_pages(built: tiny.Built) -> None:
    ids = [
        str(tag["id"]) for name in ("index", "other") for tag in built.page(name).select("form.study, form.study [id]")
    ]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a <!-- no: A. -->\n- b <!-- no: B. -->", "0 right options where one is needed"),
        ("- a <!-- yes: A. -->\n- b <!-- yes: B. -->", "2 right options where one is needed"),
        (":type: many\n- a <!-- no: A. -->", "no right option"),
        ("- a <!-- yes: A. -->\n- b", "option 'b' has 0 feedback comments"),
        (":type: number\n<!-- yes: A. -->\n<!-- no: B. -->", "a number needs :answer:"),
        (":type: number\n:answer: 3\n\n<!-- yes: A. -->", "feedback for both outcomes"),
        (
            ":type: number\n:answer: missing\n\n<!-- yes: A. -->\n<!-- no: B. -->",
            "no cell of this page keeps a receipt named 'missing'",
        ),
    ],
)
def test_a_faulty_quiz_is_a_warning_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    built = tiny.build(tmp_path, {"index.md": f"# Page\n\n:::{{quiz}} Which?\n{text}\n:::\n"})
    assert message in built.warnings
    assert "index.md:3" in built.warnings


@pytest.mark.parametrize(
    ("options", "message"),
    [("", "no :name:"), (":name: missing", "no cell of this page keeps a receipt named 'missing'")],
)
def test_a_faulty_prediction_is_a_warning_with_its_place(tmp_path: Path, options: str, message: str) -> None:
    built = tiny.build(tmp_path, {"index.md": f"# Page\n\n:::{{predict}} How much?\n{options}\n:::\n"})
    assert message in built.warnings
    assert "index.md:3" in built.warnings
