import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlsd_lib import storage
from mlsd_lib.architecture import Batch, State
from mlsd_lib.systems import search
from mlsd_lib.systems.search.rewriter import Rewriter
from mlsd_lib.worlds.search import SearchWorld

TEXTS = (
    "italian restaurant in town, an italian restaurant with pizza",
    "hiking boots, waterproof hiking boots, cheap hiking boots",
    "chess books, more chess books and fewer books on boots",
    "café Ünter straße шаверма пицца trelliwig",
)
DOCUMENTS = pd.DataFrame({"doc_id": range(len(TEXTS)), "title": "", "text": TEXTS})
KNOWN = ("italian", "restaurant", "pizza", "hiking", "boots", "waterproof", "cheap", "chess", "books", "in", "an")


@pytest.fixture(scope="module")
def rewriter() -> Rewriter:
    return search.fit(DOCUMENTS)["rewriter"]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("itlian restaurant", "italian restaurant"),
        ("itailan restaurant", "italian restaurant"),
        ("italiann restaurant", "italian restaurant"),
        ("italian restaurrant", "italian restaurant"),
        ("italian restayrant", "italian restaurant"),
        ("italian rastaurant", "italian restaurant"),
        ("italianrestaurant", "italian restaurant"),
        ("resturent", "restaurant"),
        ("watreproff boots", "waterproof boots"),
        ("pizzza", "pizza"),
        ("пица шаверма", "пицца шаверма"),
    ],
)
def test_errors_that_people_make_are_mended(rewriter: Rewriter, typed: str, meant: str) -> None:
    assert rewriter.rewrite(typed) == meant


@pytest.mark.parametrize(
    "query",
    [
        "italian restaurant",
        "Hiking BOOTS",
        "restaurants and trelliwigs",  # plurals of what the documents hold
        "bicycle trattoria",  # English, though no document has them
        "itn bks",  # short
        "2021 20211 boots2 mp3player",  # not of letters only
        "空港 מסעדה مطعم",
        "🍕🍕 ?!",
        "qqqqqqqqq zzzzxxxx",  # nothing is near
        "x" * 10_000,
        "",
        "   ",
    ],
)
def test_what_is_no_error_or_beyond_help_stays(rewriter: Rewriter, query: str) -> None:
    assert rewriter.rewrite(query) == query


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("hiking boohs", "hiking boots"),
        ("chess boohs", "chess books"),
        ("BEST hiking boohs, cheap", "BEST hiking boots, cheap"),
    ],
)
def test_neighbours_decide_between_two_words_that_are_equally_near(rewriter: Rewriter, typed: str, meant: str) -> None:
    assert rewriter.rewrite(typed) == meant


def test_a_corrected_word_is_a_neighbour_to_the_next() -> None:
    documents = DOCUMENTS.assign(text=[*TEXTS[:3], "books boots " * 30])
    fitted = search.fit(documents)["rewriter"]
    assert fitted.rewrite("hikign boohs") == "hiking boots"
    assert fitted.rewrite("ches boohs") == "chess books"


def test_without_neighbours_the_more_common_word_is_meant() -> None:
    assert Rewriter.of_words({"boots": 30, "books": 3}).rewrite("boohs") == "boots"
    assert Rewriter.of_words({"boots": 3, "books": 30}).rewrite("boohs") == "books"


def test_an_error_that_is_easily_made_is_likelier_than_one_that_is_not() -> None:
    words = Rewriter.of_words({"boots": 10, "books": 10})
    assert words.rewrite("booys") == "boots"  # y is beside t
    assert words.rewrite("boojs") == "books"  # j is beside k
    assert Rewriter.of_words({"ration": 10, "nation": 10}).rewrite("nnation") == "nation"


def test_queries_weigh_the_words_of_documents_and_make_none_known() -> None:
    documents = DOCUMENTS.assign(text="boots books")
    queries = pd.DataFrame({"query_id": range(40), "text": ["books bookz"] * 40})
    fitted = search.fit(documents, queries)["rewriter"]
    assert fitted.rewrite("boohs") == "books"
    assert fitted.rewrite("bookz") == "books"
    turned = search.fit(documents, queries.assign(text="boots"))["rewriter"]
    assert turned.rewrite("boohs") == "boots"


@pytest.mark.parametrize(
    ("typed", "rewritten"),
    [
        ("Best ITLIAN, (restayrant)!", "Best italian, (restaurant)!"),
        ("  itlian\tpizza\n", "  italian\tpizza\n"),
        ("pizza/itlian-restaurant 🍕", "pizza/italian-restaurant 🍕"),
        ("itlian 2021 ITN itlian", "italian 2021 ITN italian"),
    ],
)
def test_all_but_the_corrected_words_stays_as_it_was(rewriter: Rewriter, typed: str, rewritten: str) -> None:
    assert rewriter.rewrite(typed) == rewritten


SPACE = st.text(alphabet=" \t,.;!?-/()🍕", min_size=1, max_size=4)
WORDS = st.sampled_from([*KNOWN, *(word.upper() for word in KNOWN), *(word.title() for word in KNOWN), "boats", "tea"])


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(WORDS, SPACE), max_size=12))
def test_a_query_of_known_words_is_never_changed(parts: list[tuple[str, str]]) -> None:
    query = "".join(word + space for word, space in parts)
    assert FITTED.rewrite(query) == query


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=40))
def test_any_text_keeps_what_is_not_a_long_word_of_letters(query: str) -> None:
    """Whatever happens to words, the characters between them stay, and a batch does what one request gets."""
    rewritten = FITTED(Batch({"query": np.array([query, "itlian", query], dtype=object)})).requests["rewritten"]
    assert rewritten.tolist() == [FITTED.rewrite(query), "italian", FITTED.rewrite(query)]
    idle = [c for c in query if not (c.isalnum() or c == "_")]
    assert [c for c in rewritten[0] if c in idle and c != " "] == [c for c in idle if c != " "]


FITTED = search.fit(DOCUMENTS)["rewriter"]


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_most_errors_of_a_world_are_mended_and_good_queries_left_alone(seed: int) -> None:
    world = SearchWorld(seed=seed, documents=800)
    requests = world.requests(world.users(1_500, seed=1), n=3_000, day=3, seed=2)
    batch = Batch({"query": requests["query"].to_numpy(dtype=object)})
    rewritten = search.fit(world.documents)["rewriter"](batch).requests["rewritten"]
    typed, meant = requests["query"].to_numpy(dtype=object), world.truth(requests).requests["query"].to_numpy(object)
    wrong = typed != meant
    assert wrong.sum() > 200
    assert (rewritten == meant)[wrong].mean() > 0.8
    assert (rewritten != typed)[~wrong].mean() < 0.005


def test_its_state_makes_the_same_rewriter_again(world: SearchWorld) -> None:
    rewriter = search.fit(world.documents)["rewriter"]
    again = storage.KINDS["rewriter"].restore("rewriter", rewriter.state())
    requests = world.requests(world.users(300, seed=1), n=600, day=3, seed=2)
    for query in requests["query"].unique():
        assert again.rewrite(query) == rewriter.rewrite(query)
    assert again.english is rewriter.english is True
    assert storage.KINDS["rewriter"].restore("r", Rewriter.of_words({"pizza": 1}).state()).rewrite("bicycl") == "bicycl"


@pytest.mark.parametrize(
    "wrong",
    [
        {"count": np.array([1])},
        {"count": np.array([1, 0])},
        {"count": np.array([1.0, 2.0])},
        {"beside": np.array([1, 2])},
        {"beside_count": np.zeros((0, 2), dtype=int)},
    ],
)
def test_a_state_that_does_not_fit_together_is_refused(wrong: dict) -> None:
    state = Rewriter.of_words({"pizza": 3, "boots": 2}).state()
    with pytest.raises(ValueError, match="the words of component 'rewriter' are not consistent"):
        storage.KINDS["rewriter"].restore("rewriter", State(arrays={**state.arrays, **wrong}, json=state.json))
