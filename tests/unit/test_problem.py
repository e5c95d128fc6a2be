import math

import pytest

from mlsd_lib.problem import ProblemStatement, Requirement, Requirements, at_least, at_most, questions

WANTED = Requirements(
    [
        at_most("p99_latency", 300, "ms", source="product manager"),
        at_least("session_success", 0.7, "share", source="today's engine"),
        at_most("cost", 0.002, "EUR", source="budget"),
    ]
)


@pytest.mark.parametrize(
    ("name", "value", "met"),
    [
        ("p99_latency", 300, "yes"),
        ("p99_latency", 300.001, "no"),
        ("p99_latency", 0, "yes"),
        ("session_success", 0.7, "yes"),
        ("session_success", 0.699, "no"),
        ("session_success", 1, "yes"),
    ],
)
def test_the_limit_itself_is_allowed_and_nothing_beyond(name: str, value: float, met: str) -> None:
    table = WANTED.check({name: value}).set_index("name")
    assert table.met[name] == met
    assert table.measured[name] == value
    assert (table.met.drop(name) == "not measured").all()
    assert table.measured.drop(name).isna().all()


def test_the_table_keeps_order_units_and_limits() -> None:
    table = WANTED.check({"cost": 0.001, "p99_latency": 500})
    assert table.columns.tolist() == ["name", "required", "measured", "unit", "met"]
    assert table.name.tolist() == ["p99_latency", "session_success", "cost"]
    assert table.required.tolist() == ["at most 300", "at least 0.7", "at most 0.002"]
    assert table.unit.tolist() == ["ms", "share", "EUR"]
    assert table.met.tolist() == ["no", "not measured", "yes"]


@pytest.mark.parametrize("value", [math.nan, math.inf, "fast"])
def test_what_is_no_finite_number_is_an_error_and_never_a_pass(value: object) -> None:
    with pytest.raises(ValueError, match="measured: session_success is"):
        WANTED.check({"session_success": value})  # type: ignore[dict-item]


def test_an_unknown_name_is_an_error_that_names_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"'p95' is not a requirement.*p99_latency, session_success, cost"):
        WANTED.check({"p95": 1})
    with pytest.raises(ValueError, match="'p95' is not a requirement"):
        WANTED.check({}, units={"p95": "ms"})
    with pytest.raises(KeyError, match="p99_latency, session_success, cost"):
        WANTED["p95"]


def test_a_wrong_unit_is_an_error_even_where_the_number_would_pass() -> None:
    with pytest.raises(ValueError, match="p99_latency is in 's', and the requirement is in 'ms'"):
        WANTED.check({"p99_latency": 0.3}, units={"p99_latency": "s"})
    assert WANTED.check({"p99_latency": 300}, units={"p99_latency": "ms"}).met[0] == "yes"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Requirements([]), "none given"),
        (lambda: Requirements([WANTED["cost"], WANTED["cost"]]), "'cost' is given 2 times"),
        (lambda: at_most("x", math.nan, "ms", source="law"), "limit is nan"),
        (lambda: at_most("x", "300", "ms", source="law"), "limit is '300'"),  # type: ignore[arg-type]
        (lambda: at_most("x", 3, " ", source="law"), "unit is empty"),
        (lambda: at_most("x", 3, "ms", source=""), "source is empty"),
        (lambda: at_most("", 3, "ms", source="law"), "name is empty"),
        (lambda: Requirement("x", 3, "ms", "below", "law"), "direction is 'below'"),  # type: ignore[arg-type]
    ],
)
def test_a_requirement_that_could_not_be_checked_is_refused(make, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_every_question_can_be_reached_and_says_what_it_decides() -> None:
    everywhere = questions()
    assert len(everywhere) >= 9
    for kind in ("search", "feed", "ads", "recommendation", "extraction", "linking", "segmentation"):
        asked = questions(kind)
        assert {q.ask for q in everywhere} < {q.ask for q in asked}
        assert {q.theme for q in asked} >= {
            "scope",
            "users",
            "data",
            "scale",
            "hardware",
            "privacy",
            "fairness",
            "cost",
        }
        assert all(q.ask.endswith("?") and q.because and q.decides for q in asked)
    assert len(questions("search", theme="users").frame()) == len(questions("search", theme="users"))
    assert {q.theme for q in questions("feed", theme="scale")} == {"scale"}


def test_unknown_kinds_and_themes_are_named() -> None:
    with pytest.raises(ValueError, match=r"kind 'shop' is not known. Choose one of: search"):
        questions("shop")
    with pytest.raises(ValueError, match=r"theme 'money' is not known.*privacy"):
        questions(theme="money")


def test_a_checklist_is_shown_whole() -> None:
    asked = questions("search", theme="users")
    shown = asked._repr_markdown_().splitlines()
    assert len(shown) == len(asked) == 3
    for line, question in zip(shown, asked, strict=True):
        assert question.ask in line
        assert question.because in line
        assert question.decides in line


FEED = {
    "given": "a list of posts",
    "predict": "the probability of engagement",
    "so_that": "orders them by it",
    "optimise": "the log loss of a reply",
    "judged_by": ["NDCG", "return next week"],
}


def test_the_statement_is_one_sentence() -> None:
    statement = ProblemStatement(**FEED)
    assert str(statement).startswith(
        "Given a list of posts, train a model that predicts the probability of engagement and orders them by it"
    )
    assert str(statement).count(".") == 1
    assert statement._repr_markdown_() == f"> {statement}"
    assert str(ProblemStatement(**FEED | {"judged_by": ["NDCG"]})).endswith("judge it by NDCG.")


@pytest.mark.parametrize("part", FEED)
def test_a_statement_with_a_hole_is_refused(part: str) -> None:
    empty = [] if part == "judged_by" else "  "
    with pytest.raises(ValueError, match=f"ProblemStatement: {part} is empty"):
        ProblemStatement(**FEED | {part: empty})
    with pytest.raises(ValueError, match="judged_by is a text"):
        ProblemStatement(**FEED | {"judged_by": "NDCG"})
