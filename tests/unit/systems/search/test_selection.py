import math
import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlsd_lib.architecture import System
from mlsd_lib.systems import search

DOCUMENTS = pd.DataFrame(
    {
        "doc_id": ["p", "q", "t", "x", "e"],
        "title": ["Pizza Roma", "Pizzas by night", "Taxis", "空港 шаверма مطعم", ""],
        "text": ["thin crust", "pizza delivered until 4", "rides all night", "מסעדה, café", ""],
    }
)
SHOWN = ["request_id", "position", "doc_id", "score"]


def ask(*queries, ids=None):
    return pd.DataFrame({"request_id": ids or list(range(1, len(queries) + 1)), "query": list(queries)})


def found(system, query):
    return system.run(ask(query))["doc_id"].tolist()


def words(seed, n, vocabulary=60, longest=40):
    """Texts of made-up words, with frequencies as uneven as in language, so that scores tie and lists overflow."""
    rng = np.random.default_rng(seed)
    names = np.array([f"{a}{b}" for a in "bdfgklmnprst" for b in ("ab", "ek", "ip", "ot", "um")])[:vocabulary]
    weights = 1 / np.arange(1, len(names) + 1)
    return [" ".join(rng.choice(names, size=rng.integers(0, longest), p=weights / weights.sum())) for _ in range(n)]


def collection(n=300, seed=0):
    ids = np.random.default_rng(seed).permutation(n) * 3 - 100
    return pd.DataFrame({"doc_id": ids, "title": words(seed + 1, n, longest=4), "text": words(seed + 2, n)})


def bm25(documents, query, k1=1.5, b=0.75):
    """BM25 spelt out for one query, document by document, as Lucene computes it."""
    texts = [search.terms(f"{title} {text}") for title, text in zip(documents["title"], documents["text"], strict=True)]
    average = sum(map(len, texts)) / len(texts)
    scores = []
    for text in texts:
        score = 0.0
        for term in search.terms(query):
            having = sum(term in other for other in texts)
            weight = math.log(1 + (len(texts) - having + 0.5) / (having + 0.5))
            score += weight * text.count(term) / (text.count(term) + k1 * (1 - b + b * len(text) / average))
        scores.append(score)
    return np.array(scores)


def test_terms_are_lower_case_stemmed_and_without_stop_words():
    assert search.terms("The restaurants, AND a Restaurant's menu") == ["restaur", "restaur", "menu"]
    assert search.terms("ｃａｆｅ café") == search.terms("cafe cafe\u0301")
    assert search.terms("") == search.terms("a the of") == search.terms("🍕 ?!") == []


def test_scores_are_those_of_the_formula_and_the_order_follows_them():
    documents = collection()
    queries = words(9, 25, longest=6)
    shown = search.lexical(documents, keep=len(documents)).run(ask(*queries))
    row_of = {doc_id: row for row, doc_id in enumerate(documents["doc_id"])}
    for request, query in enumerate(queries, start=1):
        expected = bm25(documents, query)
        mine = shown[shown["request_id"] == request]
        rows = mine["doc_id"].map(row_of).to_numpy(dtype=int)
        np.testing.assert_allclose(mine["score"], expected[rows], rtol=1e-5)
        assert set(rows) == set(np.flatnonzero(expected > 0))
        assert mine["position"].tolist() == list(range(1, len(mine) + 1))
        assert (np.diff(mine["score"]) <= 0).all()


def test_a_shorter_answer_is_the_beginning_of_a_longer_one_also_in_ties():
    documents = collection()
    requests = ask(*words(9, 60, longest=4))
    long = search.lexical(documents, keep=len(documents)).run(requests)
    for keep in (1, 2, 7, 50):
        short = search.lexical(documents, keep=keep).run(requests)
        pd.testing.assert_frame_equal(short, long[long["position"] <= keep].reset_index(drop=True))


def test_equal_scores_stand_in_the_order_of_the_documents():
    documents = pd.DataFrame({"doc_id": ["c", "a", "d", "b"], "title": "", "text": ["same", "same", "other", "same"]})
    assert found(search.lexical(documents), "same") == ["c", "a", "b"]
    assert found(search.lexical(documents, keep=2), "same") == ["c", "a"]
    assert found(search.lexical(documents.iloc[::-1], keep=2), "same") == ["b", "a"]


def test_one_request_and_ten_thousand_get_the_same_rows():
    system = search.lexical(collection(), keep=5)
    requests = ask(*words(4, 10_000, longest=5))
    together = system.run(requests)
    picked = [0, 1, 2, 255, 256, 257, 5_000, 9_999]
    alone = pd.concat([system.run(requests.iloc[[row]]) for row in picked], ignore_index=True)
    wanted = requests["request_id"].iloc[picked]
    expected = together[together["request_id"].isin(wanted)].reset_index(drop=True)
    pd.testing.assert_frame_equal(alone, expected, check_exact=True)


def test_the_order_of_words_does_not_matter_to_the_last_bit():
    system = search.lexical(collection(), keep=300)
    queries = words(4, 50, longest=12)
    turned = [" ".join(reversed(query.split())) for query in queries]
    pd.testing.assert_frame_equal(system.run(ask(*turned)), system.run(ask(*queries)), check_exact=True)


def test_the_block_is_a_matter_of_memory_only():
    documents, requests = collection(), ask(*words(4, 100, longest=5))
    expected = search.lexical(documents).run(requests)
    for block in (1, 33, 100, 1_000):
        pd.testing.assert_frame_equal(search.lexical(documents, block=block).run(requests), expected, check_exact=True)


def test_two_fits_give_the_same_rows():
    requests = ask(*words(4, 100))
    pd.testing.assert_frame_equal(
        search.lexical(collection()).run(requests), search.lexical(collection()).run(requests)
    )


def test_a_save_and_a_load_change_nothing(tmp_path):
    system, requests = search.lexical(collection(), keep=7), ask(*words(4, 300, longest=5))
    system.save(tmp_path / "search")
    pd.testing.assert_frame_equal(
        System.load(tmp_path / "search").run(requests), system.run(requests), check_exact=True
    )


def test_requests_keep_their_ids_and_their_order():
    system = search.lexical(DOCUMENTS)
    shown = system.run(ask("taxi", "pizza", ids=["late", "early"]))
    assert list(shown.columns) == SHOWN
    assert shown["request_id"].tolist() == ["late", "early", "early"]
    assert shown["position"].tolist() == [1, 1, 2]
    assert shown["doc_id"].tolist() == ["t", "q", "p"]


@pytest.mark.parametrize("ids", [["p", "q", "t", "x", "e"], [5, -1, 10**12, 0, 3]])
def test_an_empty_batch_and_an_empty_answer_keep_columns_and_dtypes(ids):
    system = search.lexical(DOCUMENTS.assign(doc_id=ids))
    full = system.run(ask("pizza"))
    assert len(full) == 2
    for requests in (ask("pizza").iloc[:0], ask("nothing like it"), ask("")):
        empty = system.run(requests)
        assert empty.empty
        assert empty.dtypes.to_dict() == full.dtypes.to_dict()


@pytest.mark.parametrize("query", ["", "   ", "the of a", "🍕🍕", "zzzz", "\x00", "\ud800", "?" * 10_000])
def test_a_query_that_matches_nothing_has_an_empty_answer(query):
    assert found(search.lexical(DOCUMENTS), query) == []


@pytest.mark.parametrize(
    ("query", "documents"),
    [
        ("🍕 taxi 🚕", ["t"]),
        ("مطعم", ["x"]),
        ("מסעדה", ["x"]),
        ("\u202bמסעדה\u202c", ["x"]),
        ("ШАВЕРМА", ["x"]),
        ("空港", ["x"]),
        ("CAFE\u0301", ["x"]),
        ("the taxis", ["t"]),
    ],
)
def test_emoji_and_other_scripts_are_words_like_any(query, documents):
    assert found(search.lexical(DOCUMENTS), query) == documents


@pytest.mark.parametrize("query", ["pizza " * 2_000, "x" * 9_994 + " pizza", "pizza" + "\u0301" * 9_995])
def test_a_query_of_ten_thousand_characters_is_answered_soon(query):
    system = search.lexical(DOCUMENTS)
    start = time.perf_counter()
    answer = found(system, query)
    assert time.perf_counter() - start < 2
    if not query.endswith("\u0301"):
        assert answer[0] == "q"


def test_missing_texts_are_refused_with_their_row():
    with pytest.raises(ValueError, match=r"requests: 1 row has no query \(first: row 1, request_id=2"):
        search.lexical(DOCUMENTS).run(ask("pizza", None))
    with pytest.raises(ValueError, match=r"documents: 1 row has no text \(first: row 2, doc_id='t'"):
        search.lexical(DOCUMENTS.assign(text=["a", "b", None, "d", "e"]))


def test_documents_without_a_word_are_refused():
    with pytest.raises(ValueError, match=r"documents: none of the 2 rows has a word .*first: doc_id=1"):
        search.lexical(pd.DataFrame({"doc_id": [1, 2], "title": "", "text": ["the", "🍕"]}))


@pytest.mark.parametrize("wrong", [{"keep": 0}, {"keep": 1.5}, {"keep": True}, {"block": 0}, {"block": "all"}])
def test_settings_that_cannot_be_are_refused(wrong):
    with pytest.raises(ValueError, match=rf"selection: {next(iter(wrong))} must be an integer of at least 1"):
        search.lexical(DOCUMENTS, **wrong)


def test_nothing_is_printed(capfd):
    search.lexical(collection()).run(ask("pizza"))
    assert capfd.readouterr() == ("", "")


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=60), max_size=5))
def test_any_text_gets_an_answer_of_the_documented_form(queries):
    shown = search.lexical(DOCUMENTS, keep=2).run(ask(*queries, *(f"{query} pizza {query}" for query in queries)))
    assert list(shown.columns) == SHOWN
    assert (shown.groupby("request_id").size() <= 2).all()
    assert set(range(len(queries) + 1, 2 * len(queries) + 1)) <= set(shown["request_id"])
