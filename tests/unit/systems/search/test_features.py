import math

import numpy as np
import pandas as pd
import pytest

from mlsd_lib.architecture import Batch, System
from mlsd_lib.systems import search
from mlsd_lib.systems.search.features import bm25, features

from .conftest import Lesson, ask

DOCUMENTS = pd.DataFrame(
    [
        ("a", "Pizza Roma", "thin crust pizza and pizza by night", 5.0, "Rome"),
        ("b", "Pizzas by night", "pizza delivered until 4, with a thin crust", 0.0, "Oslo"),
        ("c", "Taxis", "rides all night through the old town", 30.0, "Rome"),
        ("d", "Trattoria", "a crust so thin, the town says", 12.5, ""),
        ("e", "", "oven", 7.0, "Rome"),
        ("f", "Old town oven", "", 7.0, ""),
        ("g", "Night night night", "night pizza in the old town, then a taxi ride, then the oven", 1.0, "Oslo"),
        ("h", "Bread and crust", "thin bread", 2.0, "Oslo"),
    ],
    columns=["doc_id", "title", "text", "popularity", "place"],
)
REQUESTS = [  # as typed, as rewritten, where, and the probabilities of the intents
    ("thin crust pizza", "thin crust pizza", "Rome", (0.7, 0.2, 0.1)),
    ("pizza pizza at nihgt", "pizza pizza at night", "", (0.1, 0.6, 0.3)),
    ("old town taxi unheard", "old town taxi unheard", "Oslo", (0.0, 0.0, 1.0)),
    ("the", "the", "", (0.2, 0.3, 0.5)),
    ("oven", "oven", "Atlantis", (0.3, 0.3, 0.4)),
    ("", "", "Rome", (0.1, 0.1, 0.8)),
]
K1, B, BEST = 1.5, 0.75, 5
FAR = 65_535  # where a document has no term of the query


class Book:
    """The documents as lists of terms, and everything about them spelt out one document and one term at a time."""

    def __init__(self) -> None:
        self.titles = [search.terms(title) for title in DOCUMENTS["title"]]
        self.texts = [search.terms(text) for text in DOCUMENTS["text"]]
        self.whole = [[*title, *text] for title, text in zip(self.titles, self.texts, strict=True)]
        self.n = len(self.whole)
        self.places = DOCUMENTS["place"].tolist()
        self.popularity = DOCUMENTS["popularity"].tolist()

    def rarity(self, having: int) -> float:
        return math.log(1 + (self.n - having + 0.5) / (having + 0.5))

    def weight(self, term: str) -> float:
        return self.rarity(sum(term in text for text in self.whole))

    def known(self, term: str) -> bool:
        return any(term in text for text in self.whole)

    def in_field(self, term: str, doc: int, fields: list[list[str]]) -> float:
        usual = max(1, sum(map(len, fields)) / self.n)
        times = fields[doc].count(term)
        return self.weight(term) * times / (times + K1 * (1 - B + B * len(fields[doc]) / usual))

    def bm25(self, query: list[str], near: str, doc: int) -> float:
        score = sum(self.in_field(term, doc, self.whole) for term in query if self.known(term))
        if near and self.places[doc] == near:  # one more word, that stands once in a field of usual length
            score += self.rarity(self.places.count(near)) / (1 + K1)
        return score

    def likeness(self, one: int, other: int) -> float:
        def product(first: int, second: int) -> float:
            both = set(self.whole[first]) & set(self.whole[second])
            return sum(self.in_field(t, first, self.whole) * self.in_field(t, second, self.whole) for t in both)

        return product(one, other) / math.sqrt(product(one, one) * product(other, other))

    def like_best(self, scores: list[float]) -> list[float]:
        shares = [score / max(scores) if max(scores) else 0.0 for score in scores]
        best = sorted(range(self.n), key=lambda doc: -shares[doc])[:BEST]
        best = [doc for doc in best if shares[doc] > 0]
        return [sum(shares[b] * self.likeness(b, doc) for b in best if b != doc) for doc in range(self.n)]

    def features(self, typed: str, rewritten: str, near: str, intent: tuple[float, ...]) -> list[dict[str, float]]:
        query = search.terms(rewritten)
        scores = [self.bm25(query, near, doc) for doc in range(self.n)]
        like = self.like_best(scores)
        rows = []
        for doc in range(self.n):
            shared = [term for term in query if term in self.whole[doc]]
            in_title = [term for term in query if term in self.titles[doc]]
            places = [self.whole[doc].index(term) for term in shared]
            every = sum(self.weight(term) for term in query if self.known(term))
            either = len(query) + len(self.titles[doc]) - len(in_title)
            lies = 0.0
            if self.places[doc] and near in self.places:
                lies = (1.0 if self.places[doc] == near else -1.0) if near else 0.0
            title_match = len(in_title) / either if either else 0.0
            rows.append(
                {
                    "bm25": scores[doc],
                    "bm25_share": scores[doc] / max(scores) if max(scores) else 0.0,
                    "bm25_title": sum(self.in_field(term, doc, self.titles) for term in shared),
                    "bm25_text": sum(self.in_field(term, doc, self.texts) for term in shared),
                    "like_best": like[doc],
                    "like_best_share": like[doc] / max(like) if max(like) > 0 else 0.0,
                    "title_coverage": sum(map(self.weight, in_title)) / every if every else 0.0,
                    "coverage": sum(map(self.weight, shared)) / every if every else 0.0,
                    "title_match": title_match,
                    "terms_missing": len(query) - len(shared),
                    "first": min(places, default=FAR),
                    "spread": max(places) - min(places) if places else 0,
                    "title_length": len(self.titles[doc]),
                    "text_length": len(self.texts[doc]),
                    "popularity": math.log(1 + self.popularity[doc]),
                    "popularity_place": sum(p > self.popularity[doc] for p in self.popularity) / self.n,
                    "query_length": len(query),
                    "query_rarity": max((self.weight(term) for term in query if self.known(term)), default=0.0),
                    "rewritten": float(typed != rewritten),
                    "local": intent[0],
                    "navigational": intent[1],
                    "informational": intent[2],
                    "has_place": float(self.places[doc] != ""),
                    "place_match": lies,
                    "local_match": lies * intent[0],
                    "navigational_match": title_match * intent[1],
                }
            )
        return rows


@pytest.fixture(scope="module")
def index():
    return search.fit(DOCUMENTS)["ranker"].index


def batch_of(requests, doc_ids=DOCUMENTS["doc_id"]) -> Batch:
    typed, rewritten, near, intent = zip(*requests, strict=True)
    asked = {"query": typed, "rewritten": rewritten, "near": near}
    arrays = {name: np.array(values, dtype=object) for name, values in asked.items()}
    doc_id = np.array([*doc_ids] * len(requests), dtype=object)
    row = np.repeat(np.arange(len(requests)), len(doc_ids))
    return Batch({**arrays, "intent": np.array(intent)}, {"row": row, "doc_id": doc_id})


@pytest.mark.parametrize("name", search.FEATURES)
def test_each_feature_is_what_it_says_document_by_document(index, name: str) -> None:
    book = Book()
    expected = [row[name] for request in REQUESTS for row in book.features(*request)]
    got = features(batch_of(REQUESTS), index, "ranker")[:, search.FEATURES.index(name)]
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)
    assert got.dtype == np.float32


def test_bm25_of_a_candidate_is_its_score_in_the_selection_to_the_last_bit(lesson: Lesson, engine: System) -> None:
    after = engine.trace(lesson.exam.head(300)).after["selection"]
    index = engine["ranker"].index
    assert len(after.row) > 10_000
    np.testing.assert_array_equal(bm25(after, index, "ranker"), after.items["score"].astype(np.float32))
    seen = features(after, index, "ranker")[:, search.FEATURES.index("bm25")]
    np.testing.assert_array_equal(seen, after.items["score"].astype(np.float32))


def test_nothing_depends_on_the_other_requests_of_the_batch(lesson: Lesson, engine: System) -> None:
    exam = lesson.exam.head(120)
    asked = pd.concat([exam, exam.head(5).assign(request_id=range(5), query=["", "🍕", "مطعم", "the", "x" * 10_000])])
    recording = search.with_features(engine)
    together = recording.run(asked)
    backwards = recording.run(asked.iloc[::-1])
    alone = pd.concat([recording.run(asked.iloc[[place]]) for place in range(len(asked))], ignore_index=True)
    pd.testing.assert_frame_equal(alone, together, check_exact=True)
    key = ["request_id", "position"]
    pd.testing.assert_frame_equal(
        backwards.sort_values(key, ignore_index=True), together.sort_values(key, ignore_index=True), check_exact=True
    )


def test_how_much_is_held_at_once_changes_nothing(lesson: Lesson, engine: System, monkeypatch) -> None:
    after = engine.trace(lesson.exam.head(150)).after["selection"]
    index = engine["ranker"].index
    expected = features(after, index, "ranker")
    monkeypatch.setattr("mlsd_lib.systems.search.features.CELLS", 7 * len(index.vocabulary))
    np.testing.assert_array_equal(features(after, index, "ranker"), expected)


def test_what_a_batch_says_of_clicks_grades_and_positions_is_not_read(index) -> None:
    plain = batch_of(REQUESTS)
    n = len(plain.row)
    told = {"clicked": np.arange(n) % 2 == 0, "grade": np.arange(n), "position": np.arange(n), "score": np.ones(n)}
    more = Batch({**plain.requests, "request_id": np.arange(len(plain))}, {**plain.items, **told})
    np.testing.assert_array_equal(features(more, index, "ranker"), features(plain, index, "ranker"))


def test_a_batch_may_lack_what_other_components_add(index) -> None:
    whole = batch_of(REQUESTS)
    bare = features(Batch({"query": whole.requests["rewritten"]}, whole.items), index, "ranker")
    told = batch_of([(text, text, "", (0.0, 0.0, 0.0)) for _, text, _, _ in REQUESTS])
    np.testing.assert_array_equal(bare, features(told, index, "ranker"))


def test_no_candidates_have_no_features(index) -> None:
    for requests in (REQUESTS, REQUESTS[:1]):
        assert features(batch_of(requests, doc_ids=[]), index, "ranker").shape == (0, len(search.FEATURES))


def test_a_candidate_that_is_no_document_is_refused_by_name(index) -> None:
    batch = batch_of(REQUESTS[:2], doc_ids=["a", "zz", "b"])
    for function in (features, bm25):
        with pytest.raises(ValueError, match=r"ranker: 2 items have a doc_id that the documents .* \(first: 'zz'\)"):
            function(batch, index, "ranker")
    pairs = pd.DataFrame({"request_id": 1, "doc_id": ["a", "nowhere"]})
    system = search.fit(DOCUMENTS).replace(selection=search.given(pairs))
    with pytest.raises(ValueError, match=r"ranker: 1 items .* \(first: 'nowhere'\)"):
        system.run(ask("pizza"))


def test_every_feature_is_about_one_actor_or_one_pair() -> None:
    assert sorted(name for names in search.ACTORS.values() for name in names) == sorted(search.FEATURES)
