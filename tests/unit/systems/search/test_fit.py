import numpy as np
import pandas as pd
import pytest

from mlsd_lib.architecture import Off, System
from mlsd_lib.systems import search

from .conftest import Lesson, ask

ODD = [
    "",
    " ",
    "the of",
    "🍕🚕",
    "مطعم قريب",
    "\u202bמסעדה\u202c",
    "空港",
    "a" * 10_000,
    "pizza " * 1_667,
    "\x00",
    "20211",
]
DOCUMENTS = pd.DataFrame(
    {
        "doc_id": ["p", "q", "t"],
        "title": ["Pizza", "Pizzas", "Taxis"],
        "text": ["thin crust", "delivered", "rides all night"],
        "popularity": [3.0, 0.0, 8.0],
        "place": ["Rome", "", "Oslo"],
    }
)
QUERIES = pd.DataFrame({"query_id": [7, 8], "text": ["pizza", "taxi"], "place": ["Rome", ""]})
JUDGMENTS = pd.DataFrame({"query_id": [7, 7, 8], "doc_id": ["p", "q", "t"], "grade": [1, 0, 2]})
LOG = pd.DataFrame(
    {"request_id": [1, 1], "query": "pizza", "position": [1, 2], "doc_id": ["p", "q"], "clicked": [0, 1]}
)


def requests_of(lesson: Lesson, n: int = 300) -> pd.DataFrame:
    """Requests of a world, and among them some that nobody expects."""
    usual = lesson.exam[["request_id", "query", "place"]].head(n)
    odd = pd.DataFrame({"request_id": range(len(ODD)), "query": ODD, "place": ["", usual["place"].iloc[0]] * 5 + [""]})
    return pd.concat([usual, odd]).sample(frac=1, random_state=3, ignore_index=True)


@pytest.mark.parametrize("kind", ["engine", "learned"])
def test_one_request_and_many_get_the_same_rows(kind: str, lesson: Lesson, request: pytest.FixtureRequest) -> None:
    system, requests = request.getfixturevalue(kind), requests_of(lesson)
    together = system.run(requests)
    assert together["request_id"].nunique() > 290
    alone = pd.concat([system.run(requests.iloc[[place]]) for place in range(len(requests))], ignore_index=True)
    pd.testing.assert_frame_equal(alone, together, check_exact=True)
    parts = np.array_split(np.arange(len(requests)), 7)
    in_parts = pd.concat([system.run(requests.iloc[part]) for part in parts], ignore_index=True)
    pd.testing.assert_frame_equal(in_parts, together, check_exact=True)


@pytest.mark.parametrize("query", ODD)
@pytest.mark.parametrize("kind", ["engine", "learned"])
def test_a_single_odd_query_gets_an_answer_of_the_documented_form(kind, query, request: pytest.FixtureRequest) -> None:
    shown = request.getfixturevalue(kind).run(ask(query))
    assert shown.columns.tolist() == ["request_id", "position", "doc_id", "score"]
    assert shown["doc_id"].dtype == np.int64
    assert shown["position"].tolist() == list(range(1, len(shown) + 1))
    assert (query.strip() in ("", "the of", "🍕🚕", "\x00")) <= shown.empty


def test_no_request_at_all_gets_no_row(learned: System, engine: System) -> None:
    for system in (engine, learned, search.with_features(learned)):
        full = system.run(ask("italian restaurant"))
        empty = system.run(ask("italian restaurant").iloc[:0])
        assert empty.empty
        assert empty.dtypes.to_dict() == full.dtypes.to_dict()


@pytest.mark.parametrize("kind", ["engine", "learned"])
def test_a_save_and_a_load_change_nothing(kind: str, lesson: Lesson, tmp_path, request: pytest.FixtureRequest) -> None:
    system, requests = request.getfixturevalue(kind), requests_of(lesson)
    for name, one in (("plain", system), ("recording", search.with_features(system))):
        one.save(tmp_path / name)
        loaded = System.load(tmp_path / name)
        assert [component.name for component in loaded.components] == [component.name for component in one.components]
        pd.testing.assert_frame_equal(loaded.run(requests), one.run(requests), check_exact=True)


def test_without_learning_the_order_is_bm25s(lesson: Lesson) -> None:
    """Where nothing is corrected and no place is near, five components show what the index alone shows."""
    documents = lesson.world.documents
    requests = lesson.exam[["request_id", "query"]].head(400)
    bare = search.fit(documents).replace(rewriter=Off("rewriter"), understanding=Off("understanding"))
    pd.testing.assert_frame_equal(bare.run(requests), search.lexical(documents).run(requests), check_exact=True)
    plain = search.fit(documents.drop(columns=["place", "popularity"]))
    spelt = requests[requests["query"] == [plain["rewriter"].rewrite(query) for query in requests["query"]]]
    assert len(spelt) > 300
    pd.testing.assert_frame_equal(plain.run(spelt), search.lexical(documents).run(spelt), check_exact=True)


def test_documents_where_the_searcher_is_come_first() -> None:
    documents = DOCUMENTS.assign(text="same", title="Pizza", place=["Oslo", "Rome", "Oslo"])
    system = search.fit(documents)
    assert system.run(ask("pizza", place="Rome"))["doc_id"].iloc[0] == "q"
    assert system.run(ask("pizza rome", place="Oslo"))["doc_id"].iloc[0] == "q"
    assert system.run(ask("pizza", place="Oslo"))["doc_id"].tolist()[:2] == ["p", "t"]
    assert system.run(ask("pizza"))["doc_id"].tolist() == ["p", "q", "t"]


def test_keep_and_show_bound_what_is_passed_on(lesson: Lesson) -> None:
    documents, requests = lesson.world.documents, lesson.exam.head(150)
    long = search.fit(documents, keep=40, show=40).run(requests)
    assert long.groupby("request_id").size().max() == 40
    for keep, show in ((40, 3), (3, 10), (1, 1)):
        short = search.fit(documents, keep=keep, show=show).run(requests)
        expected = long[long["position"] <= min(keep, show)].reset_index(drop=True)
        pd.testing.assert_frame_equal(short, expected, check_exact=True)


@pytest.mark.parametrize("setting", ["keep", "show", "block"])
@pytest.mark.parametrize("wrong", [0, -3, 2.5, True, "ten"])
def test_settings_that_cannot_be_are_refused(setting: str, wrong: object) -> None:
    with pytest.raises(ValueError, match=rf"{setting} must be an integer of at least 1, got {wrong!r}"):
        search.fit(DOCUMENTS, **{setting: wrong})


def test_a_component_off_or_swapped_for_the_truth_changes_its_step_only(lesson: Lesson, learned: System) -> None:
    asked = lesson.exam.head(300)
    for name in ("rewriter", "understanding"):
        off = learned.replace(**{name: Off(name)}).trace(asked)
        assert len(off.shown) > 2_000
        assert ({"rewriter": "rewritten", "understanding": "intent"}[name] in off.after["page"].requests) is False
    unranked = learned.replace(ranker=Off("ranker"))
    trace = learned.trace(asked)
    best = pd.Series(trace.after["selection"].items["score"]).groupby(trace.after["selection"].row).max()
    first = unranked.run(asked).query("position == 1")["score"].to_numpy()
    np.testing.assert_array_equal(first, best.to_numpy())
    whole = learned.replace(page=Off("page")).run(asked)
    assert len(whole) == len(trace.after["selection"].row)


def test_each_oracle_fits_into_its_place_and_ranking_by_the_truth_is_worth_most(lesson: Lesson, engine: System) -> None:
    base = lesson.ndcg(engine).mean()
    gains = {}
    for name in ("rewriter", "understanding", "selection", "ranker"):
        swapped = engine.replace(**{name: lesson.world.oracle(name)})
        assert swapped[name] is not engine[name]
        gains[name] = lesson.ndcg(swapped).mean() - base
    assert gains["rewriter"] >= 0
    assert gains["ranker"] > gains["selection"] > gains["rewriter"]
    assert gains["ranker"] > 0.2
    every = engine.replace(**{name: lesson.world.oracle(name) for name in gains})
    assert lesson.ndcg(every).mean() == pytest.approx(1)


def test_a_table_of_candidates_is_put_in_order_whatever_it_names() -> None:
    system = search.fit(DOCUMENTS).replace(
        selection=search.given(pd.DataFrame({"request_id": [2, 1, 2, 9], "doc_id": ["q", "t", "p", "p"]}))
    )
    shown = system.run(ask("pizza", "pizza", "pizza"))
    assert shown[["request_id", "doc_id"]].to_numpy().tolist() == [[1, "t"], [2, "q"], [2, "p"]]


def spoilt(frame: pd.DataFrame, row: int, **values: object) -> pd.DataFrame:
    """The table with one row's values changed."""
    columns = {name: frame[name].tolist() for name in values}
    for name, value in values.items():
        columns[name][row] = value
    return frame.assign(**columns)


@pytest.mark.parametrize(
    ("tables", "complaint"),
    [
        ({"documents": DOCUMENTS.drop(columns="text")}, r"documents: 1 column missing: text .* 3 rows"),
        ({"documents": DOCUMENTS.head(0)}, "documents: the table has no row"),
        ({"documents": DOCUMENTS.to_dict()}, "documents: expected a pandas DataFrame .* got a dict"),
        (
            {"documents": spoilt(DOCUMENTS, 2, doc_id="p")},
            r"documents: 1 row repeats a doc_id \(first: row 2, doc_id='p'",
        ),
        ({"documents": spoilt(DOCUMENTS, 1, doc_id=5)}, r"documents: 1 row has a doc_id that is no string.* row 1"),
        ({"documents": spoilt(DOCUMENTS, 1, title=None)}, r"documents: 1 row has no title \(first: row 1, doc_id='q'"),
        ({"documents": spoilt(DOCUMENTS, 1, text=3)}, r"documents: 1 row has a text that is no string \(first: row 1"),
        ({"documents": spoilt(DOCUMENTS, 1, place=None)}, r"documents: 1 row has no place \(first: row 1, doc_id='q'"),
        ({"documents": spoilt(DOCUMENTS, 0, popularity=-1.0)}, r"documents: 1 row has a negative popularity .* row 0"),
        ({"documents": spoilt(DOCUMENTS, 2, popularity=np.nan)}, r"documents: .* popularity that is missing .* row 2"),
        (
            {"documents": DOCUMENTS.assign(title="the", text="")},
            r"documents: none of the 3 rows has a word .*doc_id='p'",
        ),
        ({"queries": QUERIES.drop(columns="text")}, "queries: 1 column missing: text"),
        ({"queries": spoilt(QUERIES, 1, text=np.nan)}, r"queries: 1 row has no text \(first: row 1, query_id=8"),
        ({"queries": spoilt(QUERIES, 1, query_id=7)}, r"queries: 1 row repeats a query_id \(first: row 1, query_id=7"),
        (
            {"judgments": spoilt(JUDGMENTS, 1, doc_id="z")},
            r"judgments: 1 row names a doc_id .* row 1, query_id=7, doc_id='z'",
        ),
        ({"judgments": spoilt(JUDGMENTS, 2, query_id=9)}, r"judgments: 1 row names a query_id .* row 2, query_id=9"),
        (
            {"judgments": spoilt(JUDGMENTS, 1, grade=-1)},
            r"judgments: 1 row has a negative grade \(first: row 1, query_id=7",
        ),
        ({"judgments": spoilt(JUDGMENTS, 1, grade="good")}, r"judgments: 1 row has a grade that is no number .* row 1"),
        (
            {"judgments": spoilt(JUDGMENTS, 1, doc_id="p")},
            r"judgments: 1 row repeats a pair of query_id and doc_id .* row 1",
        ),
        (
            {"judgments": JUDGMENTS.assign(doc_id=[1, 2, 3])},
            r"judgments: all 3 values of doc_id are integers .* but documents has strings",
        ),
        ({"log": LOG.drop(columns="clicked")}, "log: 1 column missing: clicked"),
        (
            {"log": spoilt(LOG, 1, clicked=2)},
            r"log: 1 row has a clicked that is neither .* row 1, request_id=1, clicked=2",
        ),
        ({"log": spoilt(LOG, 1, position=0)}, r"log: 1 row has a position that is none \(first: row 1, request_id=1"),
        ({"log": spoilt(LOG, 1, position=1)}, r"log: 1 row repeats a pair of request_id and position .* row 1"),
        ({"log": spoilt(LOG, 1, doc_id="z")}, r"log: 1 row names a doc_id .* row 1, request_id=1, doc_id='z'"),
        ({"log": spoilt(LOG, 0, query=None)}, r"log: 1 row has no query \(first: row 0, request_id=1"),
        (
            {"log": LOG.assign(feature_first=[1.0, np.inf])},
            r"log: 1 row has a feature_first that is .*infinite .* row 1",
        ),
    ],
)
def test_unsound_tables_are_refused_with_table_column_and_first_row(tables: dict, complaint: str) -> None:
    sound = {"documents": DOCUMENTS, "queries": QUERIES, "judgments": JUDGMENTS, "log": LOG}
    search.fit(**sound)
    with pytest.raises(ValueError, match=complaint):
        search.fit(**{**sound, **tables})


@pytest.mark.parametrize(
    ("requests", "complaint"),
    [
        (ask("pizza", "taxi").drop(columns="query"), "requests: 1 column missing: query"),
        (
            ask("pizza", "taxi").assign(request_id=4),
            r"requests: 1 row repeats a request_id \(first: row 1, request_id=4",
        ),
        (ask("pizza", 5), r"requests: 1 row has a query that is no string \(first: row 1, request_id=2, query=5"),
        (ask("pizza", "taxi", place=["Rome", None]), r"requests: 1 row has no place \(first: row 1, request_id=2"),
        (["pizza"], "requests: expected a pandas DataFrame .* got a list"),
    ],
)
def test_unsound_requests_are_refused_with_column_and_first_row(requests: object, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        search.fit(DOCUMENTS).run(requests)


def test_nothing_that_is_passed_in_is_changed(lesson: Lesson, judgments: pd.DataFrame) -> None:
    tables = [lesson.world.documents, lesson.queries, judgments, lesson.exam.head(50)]
    before = [table.copy(deep=True) for table in tables]
    search.fit(*tables[:3], unjudged="left out").run(tables[3])
    for now, then in zip(tables, before, strict=True):
        pd.testing.assert_frame_equal(now, then, check_exact=True)


def test_nothing_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    search.fit(DOCUMENTS, QUERIES, JUDGMENTS, LOG).run(ask("pizza"))
    assert capfd.readouterr() == ("", "")
