from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from mlsd_lib import storage
from mlsd_lib.architecture import Batch, State, System
from mlsd_lib.systems import search
from mlsd_lib.systems.search.understanding import INTENTS, Understanding

from .conftest import Lesson

TITLES = [
    *[("Pizza", "Rome"), ("Pizza oven", "Oslo")] * 3,  # many, and all lie somewhere
    *[("Blue Anchor", "")] * 2,  # few, and nowhere
    *[("Golden Fork", "New Rome")] * 2,  # few, and somewhere
    *[("Sorting lists", "")] * 7,  # many, and nowhere
]
DOCUMENTS = pd.DataFrame(TITLES, columns=["title", "place"]).assign(text="plain words", doc_id=range(len(TITLES)))


@pytest.fixture(scope="module")
def rules() -> Understanding:
    return search.fit(DOCUMENTS)["understanding"]


def texts(*some: str) -> np.ndarray:
    return np.array(some, dtype=object)


def near(understanding: Understanding, query: str, own: str = "") -> str:
    return understanding(Batch({"query": texts(query), "place": texts(own)})).requests["near"][0]


def intents(understanding: Understanding, *queries: str) -> np.ndarray:
    return understanding(Batch({"query": texts(*queries)})).requests["intent"]


@pytest.mark.parametrize(
    ("query", "intent"),
    [
        ("pizza", "local"),
        ("best pizza", "local"),
        ("blue anchor", "navigational"),
        ("The Blue Anchors", "navigational"),
        ("sorting lists", "informational"),
        ("sorting lists nearby", "local"),
        ("plain words", "informational"),
        ("unheard of", "informational"),
        ("", "informational"),
        ("🍕", "informational"),
    ],
)
def test_rules_tell_what_is_probably_wanted(rules: Understanding, query: str, intent: str) -> None:
    probable = intents(rules, query)[0]
    assert INTENTS[int(probable.argmax())] == intent
    assert probable.max() > 0.5


def test_a_name_of_something_that_lies_somewhere_may_be_either(rules: Understanding) -> None:
    local, navigational, informational = intents(rules, "golden fork")[0]
    assert min(local, navigational) > 2 * informational


def test_a_place_that_is_named_comes_before_the_own_one(rules: Understanding) -> None:
    assert near(rules, "pizza in ROME", own="Oslo") == "Rome"
    assert near(rules, "blue anchor oslo", own="Rome") == "Oslo"
    assert near(rules, "new rome pizza", own="Oslo") == "New Rome"  # the longest
    assert near(rules, "pizza rome, new or old", own="Oslo") == "Rome"
    assert near(rules, "romes pizza", own="Oslo") == "Oslo"


def test_the_own_place_counts_where_the_query_may_be_local(rules: Understanding) -> None:
    assert near(rules, "pizza", own="Oslo") == "Oslo"
    assert near(rules, "golden fork", own="Oslo") == "Oslo"
    assert near(rules, "sorting lists near me", own="Oslo") == "Oslo"
    assert near(rules, "blue anchor", own="Oslo") == ""
    assert near(rules, "sorting lists", own="Oslo") == ""
    assert near(rules, "pizza") == ""
    assert near(rules, "pizza", own="Atlantis") == "Atlantis"  # where no document lies


def test_it_reads_what_was_rewritten(rules: Understanding) -> None:
    batch = Batch({"query": texts("piza rmoe", "pizza"), "rewritten": texts("pizza rome", "sorting")})
    seen = rules(batch).requests
    assert seen["near"].tolist() == ["Rome", ""]
    assert [INTENTS[place] for place in seen["intent"].argmax(axis=1)] == ["local", "informational"]
    assert seen["query"].tolist() == ["piza rmoe", "pizza"]


def test_documents_without_places_make_nothing_near() -> None:
    plain = search.fit(DOCUMENTS.drop(columns="place"))["understanding"]
    assert near(plain, "pizza near me in Rome", own="Oslo") == ""
    assert intents(plain, "pizza nearby")[0].argmax() == INTENTS.index("informational")


def test_an_empty_batch_keeps_its_shape(rules: Understanding) -> None:
    seen = rules(Batch({"query": texts()})).requests
    assert seen["intent"].shape == (0, 3)
    assert len(seen["near"]) == 0


def test_a_model_learns_what_rules_do_not_know(rules: Understanding) -> None:
    queries = ["sorting lists", "sorting", "lists of plain words", "pizza", "pizza oven"] * 8
    taught = np.array([INTENTS.index("navigational")] * 3 + [INTENTS.index("informational")] * 2)
    learned = rules.learned(queries, np.eye(3)[np.tile(taught, 8)], np.ones(len(queries)))
    assert intents(learned, *queries[:5]).argmax(axis=1).tolist() == taught.tolist()
    assert intents(learned, "sorting plain lists")[0].argmax() == INTENTS.index("navigational")
    assert not len(rules.weights)  # the one that was there is as it was


def test_what_counts_more_teaches_more(rules: Understanding) -> None:
    queries, taught = ["pizza", "pizza", "sorting", "sorting"], np.eye(3)[[0, 2, 1, 0]]
    first = intents(rules.learned(queries, taught, np.array([9.0, 1.0, 1.0, 1.0])), "pizza")[0]
    second = intents(rules.learned(queries, taught, np.array([1.0, 9.0, 1.0, 1.0])), "pizza")[0]
    assert first[0] > first[2]
    assert second[2] > second[0]


@pytest.fixture(scope="module")
def taught(lesson: Lesson, engine: System) -> Understanding:
    """An understanding that was told the true intents of what it learns from."""
    truth = lesson.world.truth(lesson.asked).requests.drop_duplicates(["query", "intent"])
    known = (truth["intent"].to_numpy()[:, None] == np.array(INTENTS)).astype(float)
    return engine["understanding"].learned(truth["query"].tolist(), known, np.ones(len(truth)))


def test_a_model_that_was_told_the_truth_beats_the_rules_on_other_needs(
    lesson: Lesson, engine: System, taught: Understanding
) -> None:
    truth = lesson.truth.requests
    wanted = np.array([INTENTS.index(intent) for intent in truth["intent"]])
    right, surprise = {}, {}
    for name, one in (("rules", engine["understanding"]), ("model", taught)):
        probable = intents(one, *truth["query"])
        right[name] = (probable.argmax(axis=1) == wanted).mean()
        surprise[name] = -np.log(probable[np.arange(len(wanted)), wanted]).mean()
    assert right["rules"] > 0.4
    assert right["model"] > right["rules"] + 0.2
    assert surprise["model"] < surprise["rules"] - 0.3


@pytest.mark.parametrize("kind", ["rules", "model"])
def test_probabilities_sum_to_one_and_do_not_depend_on_the_batch(
    kind: str, lesson: Lesson, engine: System, taught: Understanding
) -> None:
    understanding = engine["understanding"] if kind == "rules" else taught
    requests = lesson.exam.head(300)
    arrays = {"query": texts(*requests["query"], "", "🍕", "مطعم"), "place": texts(*requests["place"], "", "", "")}
    together = understanding(Batch(arrays)).requests
    assert together["intent"].shape == (303, 3)
    np.testing.assert_allclose(together["intent"].sum(axis=1), 1, rtol=1e-12)
    assert (together["intent"] >= 0).all()
    for place in range(303):
        alone = understanding(Batch({name: values[place : place + 1] for name, values in arrays.items()})).requests
        np.testing.assert_array_equal(alone["intent"][0], together["intent"][place])
        assert alone["near"][0] == together["near"][place]


@pytest.mark.parametrize("kind", ["rules", "model"])
def test_its_state_makes_the_same_understanding_again(
    kind: str, lesson: Lesson, engine: System, taught: Understanding
) -> None:
    understanding = engine["understanding"] if kind == "rules" else taught
    again = storage.KINDS["understanding"].restore("understanding", understanding.state())
    batch = Batch({name: lesson.exam[name].to_numpy(dtype=object) for name in ("query", "place")})
    before, after = understanding(batch).requests, again(batch).requests
    np.testing.assert_array_equal(after["intent"], before["intent"])
    assert after["near"].tolist() == before["near"].tolist()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda a: {"frequency": a["frequency"][:-1]},
        lambda a: {"frequency": 0 * a["frequency"]},
        lambda a: {"place_share": a["place_share"] * np.nan},
        lambda a: {"start": a["start"] + 1},
        lambda a: {"titled": a["titled"][:-1]},
        lambda a: {"weights": np.zeros((4, 3))},
    ],
)
def test_a_state_that_does_not_fit_together_is_refused(rules: Understanding, spoil) -> None:
    state = rules.state()
    with pytest.raises(ValueError, match="what component 'understanding' knows of terms and places is not consistent"):
        storage.KINDS["understanding"].restore(
            "understanding", State(arrays={**state.arrays, **spoil(state.arrays)}, json=state.json)
        )


def test_rules_hold_as_long_as_nothing_was_learned(rules: Understanding) -> None:
    flat = replace(rules, weights=np.zeros((len(rules.vocabulary) + 10, 3)))
    np.testing.assert_allclose(intents(flat, "pizza", "blue anchor"), 1 / 3)
    assert intents(rules, "pizza").max() > 0.5
