import numpy as np
import pandas as pd
import pytest

from mlsd_lib.study import NotYet, check

TABLE = pd.DataFrame({"query": ["a", "b"], "clicks": [1.0, np.nan]})


@pytest.mark.parametrize(
    ("answer", "how"),
    [
        (3, {"equals": 3}),
        (np.int64(3), {"equals": 3.0}),
        ("ads", {"equals": "ads"}),
        (None, {"equals": None}),
        ([1, 2], {"equals": (1, 2)}),
        (np.array([1, 2]), {"equals": [1, 2]}),
        (TABLE.copy(), {"equals": TABLE}),
        (TABLE[["clicks", "query"]], {"equals": TABLE}),
        (TABLE.clicks.astype(object), {"equals": TABLE.clicks}),
        (0.5, {"close_to": 0.51, "within": 0.01 + 1e-12}),
        (np.array([1.0, 2.0]), {"close_to": [1.01, 1.99], "within": 0.02}),
        (5, {"satisfies": lambda x: x > 4}),
        (np.float64(5), {"satisfies": lambda x: x > 4}),
    ],
)
def test_a_right_answer_is_ticked(answer, how, capsys: pytest.CaptureFixture[str]) -> None:
    check("the answer", answer, **how)
    assert capsys.readouterr().out == "✓ the answer\n"


@pytest.mark.parametrize(
    ("answer", "how", "says"),
    [
        (..., {"equals": 3}, "no answer yet"),
        (4, {"equals": 3}, "4 is a number, as expected, but not the right one"),
        ("3", {"equals": 3}, "a number was expected, and this is a text"),
        (True, {"equals": 1}, "a number was expected, and this is True or False"),
        (None, {"equals": 3}, "this is nothing (None)"),
        (TABLE, {"equals": 3}, "a number was expected, and this is a table"),
        (3, {"equals": TABLE}, "a table was expected, and this is a number"),
        (TABLE[["query"]], {"equals": TABLE}, "the columns query, clicks was expected; this one has query"),
        (TABLE.iloc[:1], {"equals": TABLE}, "a table of 2 rows was expected, and this one has 1"),
        (TABLE.set_axis([5, 6]), {"equals": TABLE}, "the row labels (the index) are not"),
        (TABLE.assign(clicks=0.0), {"equals": TABLE}, "values differ in: clicks"),
        ([1, 2, 3], {"equals": [1, 2]}, "2 values were expected, and these are 3"),
        ([2, 1], {"equals": [1, 2]}, "2 of 2 values are not the right ones"),
        (TABLE.clicks.set_axis([5, 6]), {"equals": TABLE.clicks}, "their labels (the index) are not"),
        (0.2, {"close_to": 0.5, "within": 0.1}, "0.2 is not within 0.1 of the right number"),
        (np.nan, {"close_to": 0.5, "within": 0.1}, "not within 0.1"),
        ("half", {"close_to": 0.5, "within": 0.1}, "a number was expected, and this is a text"),
        ([1.0, 9.0], {"close_to": [1.0, 2.0], "within": 0.1}, "1 of 2 numbers are not within 0.1"),
        ([1.0], {"close_to": [1.0, 2.0], "within": 0.1}, "2 numbers were expected, and these are 1"),
        (3, {"satisfies": lambda x: x > 4}, "3 does not have the property"),
        ("3", {"satisfies": lambda x: x > 4}, "a text could not be tested (TypeError"),
    ],
)
def test_a_wrong_answer_is_told_what_kind_was_expected(answer, how, says: str) -> None:
    with pytest.raises(NotYet) as caught:
        check("the answer", answer, **how, hint="Think of the shards.")
    message = str(caught.value)
    assert message.startswith("✗ the answer: ")
    assert says in message
    assert message.endswith(". Hint: Think of the shards.")


@pytest.mark.parametrize("right", [37.25, "walrus", [37.25, 41.5], pd.DataFrame({"x": [37.25]})])
def test_the_right_answer_is_not_given_away(right) -> None:
    for wrong in (1, "cat", [1, 2], [1.0], pd.DataFrame({"x": [1.0]}), None, ...):
        with pytest.raises(NotYet) as caught:
            check("the answer", wrong, equals=right)
        assert "37.25" not in str(caught.value)
        assert "walrus" not in str(caught.value)


def test_a_notebook_shows_one_sentence_without_a_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell()
    shell.run_cell("from mlsd_lib import study\nstudy.check('the share', 1, equals=2, hint='Look again.')")
    shown = capsys.readouterr().out
    assert "✗ the share: 1 is a number, as expected, but not the right one. Hint: Look again." in shown
    assert "Traceback" not in shown
    assert len(shown.strip().splitlines()) == 1


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"equals": 1, "close_to": 1, "within": 0},
        {"equals": 1, "satisfies": lambda x: True},
        {"close_to": 1},
        {"equals": 1, "within": 0.1},
        {"close_to": 1, "within": -1},
        {"close_to": 1, "within": float("nan")},
        {"satisfies": lambda x: "yes"},
    ],
)
def test_misuse_is_a_value_error_and_never_a_verdict(how) -> None:
    with pytest.raises(ValueError, match="check"):
        check("the answer", 1, **how)
    with pytest.raises(ValueError, match="`what` is empty"):
        check(" ", 1, equals=1)
