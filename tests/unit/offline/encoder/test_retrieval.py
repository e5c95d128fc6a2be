"""Candidates by meaning, alone and beside those by words."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest

from mlsd_lib.metrics import ranking
from mlsd_lib.offline import encoder
from mlsd_lib.systems import search
from mlsd_lib.worlds.search import SearchWorld


def vectors(rows, seed, dimensions=16):
    made = np.random.default_rng(seed).normal(size=(rows, dimensions)).astype(np.float32)
    return made / np.linalg.norm(made, axis=1, keepdims=True)


@pytest.mark.parametrize("k", [1, 7, 50])
@pytest.mark.parametrize("block", [1, 13, 1_024])
def test_the_nearest_are_those_that_sorting_everything_finds(k, block):
    queries, documents = vectors(30, 0), vectors(50, 1)
    cosine = np.array([[sum(map(float.__mul__, q, d)) for d in documents.tolist()] for q in queries.tolist()])
    row, similarity = encoder.nearest(queries, documents, k, block=block)
    assert row.tolist() == np.argsort(-cosine, axis=1)[:, :k].tolist()
    assert similarity == pytest.approx(-np.sort(-cosine, axis=1)[:, :k], abs=1e-5)
    assert row.dtype == np.int64
    assert similarity.dtype == np.float32


def test_of_equally_near_documents_the_earlier_comes_first_in_any_block():
    documents = vectors(4, 2)[[0, 1, 2, 0, 1, 2, 0, 3]]
    queries = documents[[0] * 40]
    for block in (1, 3, 40):
        row, _ = encoder.nearest(queries, documents, 3, block=block)
        assert row.tolist() == [[0, 3, 6]] * 40
    assert encoder.nearest(queries[:1], documents, 2)[0].tolist() == [[0, 3]]


def test_nothing_asked_finds_nothing():
    row, similarity = encoder.nearest(np.empty((0, 16)), vectors(5, 0), 2)
    assert row.shape == similarity.shape == (0, 2)


def test_memory_is_bounded_by_the_block():
    queries, documents = vectors(4_000, 0, 4), vectors(2_000, 1, 4)  # 32 MB of similarities
    tracemalloc.start()
    encoder.nearest(queries, documents, 5, block=50)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4_000_000


@pytest.mark.parametrize(
    ("queries", "documents", "k", "block", "said"),
    [
        (np.ones((2, 3)), np.ones((2, 4)), 1, 1, r"shapes \(2, 3\) and \(2, 4\)"),
        (np.ones(3), np.ones((2, 3)), 1, 1, r"shapes \(3,\) and \(2, 3\)"),
        (np.ones(3), np.ones(3), 1, 1, r"shapes \(3,\) and \(3,\)"),
        (np.ones((2, 3)), np.ones((2, 3)), 0, 1, "k is 0; expected a whole number from 1 to 2"),
        (np.ones((2, 3)), np.ones((2, 3)), 3, 1, "k is 3; expected a whole number from 1 to 2"),
        (np.ones((2, 3)), np.ones((2, 3)), 1, 0, "block is 0"),
        (np.ones((2, 3)), np.array([[1, 2, 3], [1, np.nan, 3], [np.inf, 2, 3]]), 1, 1, "2 documents .*row 1"),
        (np.full((1, 3), np.nan), np.ones((2, 3)), 1, 1, "1 queries have a vector that is not finite .first: row 0"),
    ],
)
def test_vectors_that_cannot_be_compared_are_refused(queries, documents, k, block, said):
    with pytest.raises(ValueError, match=f"nearest: .*{said}"):
        encoder.nearest(queries, documents, k, block=block)


def test_what_is_retrieved_is_a_table_of_what_was_shown():
    found = encoder.retrieve(pd.Series(["r2", "r1"], index=[7, 5]), np.eye(3)[[2, 0]], ["a", "b", "c"], np.eye(3), k=2)
    assert found.to_numpy().tolist() == [["r2", 1, "c", 1], ["r2", 2, "a", 0], ["r1", 1, "a", 1], ["r1", 2, "b", 0]]
    assert found.columns.tolist() == ["request_id", "position", "doc_id", "score"]


@pytest.mark.parametrize(
    ("requests", "documents", "said"),
    [(["r1"], ["a", "b"], "1 values of request_id and 2"), ([1, 2], ["a"], "1 values of doc_id and 2 vectors")],
)
def test_ids_without_a_vector_are_refused(requests, documents, said):
    with pytest.raises(ValueError, match=f"retrieve: {said}"):
        encoder.retrieve(requests, np.eye(2), documents, np.eye(2), k=1)


def test_the_similarity_of_candidates_is_that_of_retrieval_whatever_their_order_and_number():
    queries, documents = vectors(300, 3), vectors(80, 4)
    request_id, doc_id = [f"r{number}" for number in range(300)], np.arange(80) * 3
    found = encoder.retrieve(request_id, queries, doc_id, documents, k=80)  # more than are held at a time
    mixed = found.sample(frac=1, random_state=0)
    made = encoder.similarity(mixed, request_id, queries, doc_id, documents)
    assert made.dtype == np.float32
    assert made == pytest.approx(mixed["score"].to_numpy(), abs=2e-5)
    assert len(encoder.similarity(mixed[:0], request_id, queries, doc_id, documents)) == 0


@pytest.mark.parametrize(
    ("request_id", "doc_id", "said"),
    [
        ([1, 5, 7], ["a", "b", "a"], "2 candidates name a request_id without a vector .first: row 1, request_id=5"),
        ([1, 2, 2], ["a", "b", "z"], "1 candidates name a doc_id without a vector .first: row 2, doc_id='z'"),
    ],
)
def test_candidates_without_a_vector_are_counted_and_the_first_is_named(request_id, doc_id, said):
    shown = pd.DataFrame({"request_id": request_id, "doc_id": doc_id})
    with pytest.raises(ValueError, match=f"similarity: {said}"):
        encoder.similarity(shown, [1, 2], np.eye(2), ["a", "b"], np.eye(2))
    with pytest.raises(ValueError, match="similarity: 3 values of doc_id and 2 vectors"):
        encoder.similarity(shown, [1, 2], np.eye(2), ["a", "b", "c"], np.eye(2))


def table(**answers):
    rows = [(request, place + 1, doc) for request, docs in answers.items() for place, doc in enumerate(docs)]
    return pd.DataFrame(rows, columns=["request_id", "position", "doc_id"])


def listed(frame):
    assert (frame["position"] == frame.groupby("request_id").cumcount() + 1).all()
    return frame.groupby("request_id", sort=False)["doc_id"].agg("".join).to_dict()


def test_sources_take_turns_and_no_document_is_taken_twice():
    words, meaning, third = table(r2="abcd", r1="xy"), table(r1="yz", r2="bea", r3="q"), table(r1="w")
    both = encoder.alternate(words, meaning, keep=9)
    assert listed(both) == {"r2": "abecd", "r1": "xyz", "r3": "q"}
    assert list(listed(both)) == ["r2", "r1", "r3"]
    assert both.columns.tolist() == ["request_id", "position", "doc_id"]
    assert both.index.tolist() == list(range(len(both)))
    assert both.equals(encoder.alternate(words, meaning, keep=1_000_000))
    assert listed(encoder.alternate(words, meaning, keep=3)) == {"r2": "abe", "r1": "xyz", "r3": "q"}
    assert listed(encoder.alternate(words, meaning, third, keep=3)) == {"r2": "abe", "r1": "xyw", "r3": "q"}
    assert listed(encoder.alternate(words.sample(frac=1, random_state=1), keep=1)) == {"r2": "a", "r1": "x"}
    assert encoder.alternate(table()[:0].astype({"position": "int64"}), words, keep=9)["request_id"].nunique() == 2


def test_sources_that_are_none_are_refused():
    with pytest.raises(ValueError, match="alternate: no source"):
        encoder.alternate(keep=3)
    with pytest.raises(ValueError, match="alternate: keep is 0"):
        encoder.alternate(table(r1="a"), keep=0)
    with pytest.raises(ValueError, match="shown"):
        encoder.alternate(table(r1="aa"), keep=2)


def test_the_place_is_added_only_where_a_query_does_not_name_it():
    assert encoder.questions(pd.Series(["Bistro ALDBURY", "bistro", "taxi"]), ["Aldbury", "Aldbury", ""]) == [
        "Bistro ALDBURY",
        "bistro Aldbury",
        "taxi",
    ]
    with pytest.raises(ValueError, match="questions: 1 queries and 2 places"):
        encoder.questions(["a"], ["b", "c"])
    with pytest.raises(ValueError, match="questions: 2 queries and 1 places"):
        encoder.questions(["a", "b"], [""])


def test_pairs_without_a_common_word_are_told_by_stems():
    queries, texts = ["Italian restaurants", "the taxi", "the taxi"], ["A restaurant", "the bus", "taxis"]
    assert encoder.no_word_shared(queries, iter(texts), search.terms).tolist() == [False, True, False]
    assert encoder.no_word_shared([], [], search.terms).dtype == np.bool_
    with pytest.raises(ValueError, match="no_word_shared: 1 queries and 2 texts"):
        encoder.no_word_shared(["a"], ["b", "c"], str.split)
    with pytest.raises(ValueError, match="no_word_shared: 2 queries and 1 texts"):
        encoder.no_word_shared(["a", "b"], ["c"], str.split)


def test_a_second_source_finds_relevant_pages_that_share_no_word_with_the_question():
    world = SearchWorld(seed=0, documents=1_000)
    documents, requests = world.documents, world.requests(world.users(300, seed=1), n=1_000, day=1, seed=2)
    system = search.fit(documents, keep=50, show=50)
    asked = system.trace(requests).after["understanding"].requests
    queries = encoder.vectors(encoder.questions(asked["rewritten"], asked["near"]))
    pages = encoder.vectors(documents["title"] + ". " + documents["text"])
    by_words = system.run(requests)
    by_meaning = encoder.retrieve(requests["request_id"], queries, documents["doc_id"], pages, k=50)
    both = encoder.alternate(by_words, by_meaning, keep=50)

    truth = world.truth(requests)
    needs = truth.requests[["request_id", "query_id"]]
    pairs = needs.merge(truth.judgments, on="query_id").merge(documents, on="doc_id")
    said = pairs["request_id"].map(dict(zip(requests["request_id"], asked["rewritten"], strict=True)))
    hard = pairs[encoder.no_word_shared(said, pairs["title"] + " " + pairs["text"], search.terms)]
    everything = {
        name: ranking.recall(shown, truth.judgments, needs, k=50).mean()
        for name, shown in (("words", by_words), ("meaning", by_meaning), ("both", both))
    }
    unshared = {
        name: ranking.recall(
            shown, hard.assign(query_id=hard["request_id"]), needs.assign(query_id=needs["request_id"]), k=50
        ).mean()
        for name, shown in (("words", by_words), ("meaning", by_meaning), ("both", both))
    }
    assert 0.15 < len(hard) / len(pairs) < 0.25
    assert unshared["words"] < 0.05 < 0.3 < unshared["both"] < unshared["meaning"] < 0.6
    assert everything["words"] + 0.05 < everything["both"] < 0.95
