import re

import numpy as np
import pandas as pd
import pytest

from mlsd_lib import tables
from mlsd_lib.worlds.search import SearchWorld, words
from mlsd_lib.worlds.search.pages import Kind
from mlsd_lib.worlds.search.web import Plan


def said(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.lower()))


def test_documents_are_a_sound_table_without_a_trace_of_templates(world: SearchWorld) -> None:
    documents = world.documents
    assert documents.columns.tolist() == ["doc_id", "title", "text", "popularity", "place"]
    assert len(tables.documents(documents)) == 2_000
    assert np.isfinite(documents["popularity"]).all()
    assert (documents["popularity"] >= 0).all()
    for column in ("title", "text"):
        assert not documents[column].str.contains(r"[{}]|  |^$|\.\.|nan", regex=True).any()
    assert documents["text"].str.match(r"^[A-Z0-9].*[.?!]$").mean() > 0.97  # one that starts with a child's "ö" may not


def test_texts_are_varied(world: SearchWorld) -> None:
    assert world.documents["text"].nunique() > 0.97 * 2_000
    assert world.documents["text"].str.split().str.len().between(5, 90).all()


def test_a_crawler_sees_most_addresses_and_no_wrong_one(world: SearchWorld) -> None:
    documents, kind = world.documents, world._web.kind
    local = np.isin(kind, [Kind.BUSINESS, Kind.EVENT, Kind.PERSON])
    known = (documents["place"] != "").to_numpy()
    assert not known[~local].any()
    assert known[local].mean() == pytest.approx(0.9, abs=0.02)
    named = documents[known & (kind == Kind.EVENT)]
    assert all(
        place in f"{title} {text}" for place, title, text in named[["place", "title", "text"]].itertuples(index=False)
    )


def shares_none(world: SearchWorld) -> tuple[np.ndarray, np.ndarray]:
    """Whether each wholly relevant document lacks every word of the query's concept, and the document's wording."""
    requests = world.requests(world.users(2_000), n=4_000, day=0)
    truth = world.truth(requests)
    asked = truth.requests[truth.requests["intent"] != "navigational"]
    pairs = asked.drop_duplicates(["query_id", "query"]).merge(truth.judgments, on="query_id").merge(world.documents)
    row = world._web.rows(pairs["doc_id"].to_numpy())
    own = world._web.topic[row] == pairs["query_id"].to_numpy()
    idle = {"near", "me", "best", "buy", "in", "now", "open", "example", "how", "to", "use"}
    texts = pairs.loc[own, ["query", "title", "text"]].itertuples(index=False)
    none = [not (said(query) - idle) & said(f"{title} {text}") for query, title, text in texts]
    return np.array(none), world._web.wording[row[own]]


@pytest.mark.parametrize("wordless", [0.05, 0.2, 0.4])
def test_the_stated_share_of_relevant_documents_shares_no_word_with_the_query(wordless: float) -> None:
    none, _ = shares_none(SearchWorld(seed=1, documents=4_000, wordless=wordless, misspelt=0.0, travel=0.0, named=0.0))
    assert none.mean() == pytest.approx(wordless, abs=0.03)


def test_exactly_the_documents_in_other_words_share_none() -> None:
    none, wording = shares_none(
        SearchWorld(seed=1, documents=4_000, other_words=0.0, misspelt=0.0, travel=0.0, named=0.0)
    )
    assert none[wording == 2].mean() > 0.99  # somebody called Carpenter is quoted on a joiner's page
    assert not none[wording < 2].any()


def test_the_two_wordings_of_a_concept_share_no_word() -> None:
    every = [*words.LOCAL, *words.SUBJECTS, *words.PROPERTIES, *words.languages(300), *words.product_types(288)]
    assert all(not said(way.common) & said(way.other) for way in every)
    for group in (words.LOCAL, words.SUBJECTS, words.PROPERTIES, words.languages(300), words.product_types(288)):
        assert len({way.common for way in group}) == len({way.other for way in group}) == len(group)


def test_the_most_linked_to_are_mostly_relevant_to_nothing(world: SearchWorld) -> None:
    documents = world.documents
    top = documents["popularity"].rank(ascending=False) <= 100
    assert np.isin(world._web.kind[top], [Kind.BROAD, Kind.HOMONYM]).mean() > 0.4
    aimless = world._web.topic < 0
    assert (world._web.entity[aimless] == -1).all()
    assert aimless.mean() == pytest.approx(0.10, abs=0.001)


def test_names_mean_several_things(world: SearchWorld) -> None:
    web = world._web
    names = pd.Series(SearchWorld(seed=0, documents=20_000)._web.names)
    assert 0.02 < names.duplicated().mean() < 0.3
    assert names.str.contains("Baker|Taylor|Carpenter").any()
    about = world.documents["text"].str.contains("python", case=False)
    assert {int(Kind.LANGUAGE), int(Kind.HOMONYM)} <= set(web.kind[about])


def test_quality_is_hidden_and_only_hinted_at(world: SearchWorld) -> None:
    quality = world._web.quality
    popularity = np.log1p(world.documents["popularity"])
    assert 0.15 < np.corrcoef(quality, popularity)[0, 1] < 0.6
    assert 0.2 < np.corrcoef(quality, world.documents["text"].str.len())[0, 1] < 0.7


@pytest.mark.parametrize("documents", [500, 2_000, 5_000, 50_000, 500_000])
def test_a_larger_web_has_more_topics_and_not_more_documents_on_one(documents: int) -> None:
    plan = Plan.of(documents)
    topics = np.arange(plan.topics)
    assert 0.5 < 0.9 * documents / plan.topics / 7 < 2
    first, second = plan.parts(topics)
    group = (topics >= plan.first_subject).astype(int) + (topics >= plan.first_product)
    assert len(np.unique(np.column_stack([group, first, second]), axis=0)) == plan.topics
    akin = plan.akin(topics)
    assert (plan.akin(akin) == topics).all()
    assert (akin != topics).all()
    assert ((akin >= plan.first_subject) == (topics >= plan.first_subject)).all()
    assert ((akin >= plan.first_product) == (topics >= plan.first_product)).all()


def test_the_same_seed_gives_the_same_web_and_another_another() -> None:
    one, same, other = (SearchWorld(seed=seed, documents=500).documents for seed in (3, 3, 4))
    pd.testing.assert_frame_equal(one, same)
    assert (one["text"] != other["text"]).mean() > 0.9


def test_names_do_not_run_out() -> None:
    for many in (words.towns(3_000), words.surnames(3_000), words.brands(3_000)):
        assert len(set(many)) == 3_000
