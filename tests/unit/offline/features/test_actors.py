"""The table of actors."""

import pytest

from mlsd_lib.offline import features


def test_every_pair_has_a_row_and_a_question_mark_until_it_is_filled_in():
    table = features.actors(
        {"user": ["age", "language"], "film": [], "device": ["screen"]},
        {("film", "user"): ["films of this genre"]},
        context=["hour"],
    ).set_index("who")
    assert table.index.tolist() == [
        "user",
        "film",
        "device",
        "user × film",
        "user × device",
        "film × device",
        "context",
    ]
    assert table["kind"].tolist() == ["actor"] * 3 + ["pair"] * 3 + ["context"]
    assert table["features"].tolist() == [2, 0, 1, 1, 0, 0, 1]
    assert table["what"].tolist() == ["age, language", "?", "screen", "films of this genre", "?", "?", "hour"]


def test_one_actor_has_no_pairs():
    assert features.actors({"text": ["words"]})["what"].tolist() == ["words", "?"]


@pytest.mark.parametrize(("known", "history", "message"), [
    ({}, {}, "actors: nobody is named"),
    ({"user": []}, {("user", "film"): []}, r"the pair \('user', 'film'\): 'film' is no actor. Actors are user"),
    ({"user": []}, {("user", "user"): []}, "it takes two different actors"),
    ({"a": [], "b": [], "c": []}, {("a", "b", "c"): []}, "it takes two different actors"),
    ({"a": [], "b": []}, {("a", "b"): [], ("b", "a"): []}, r"the pair \('b', 'a'\) is there twice"),
])  # fmt: skip
def test_a_pair_is_two_actors_that_are_there(known, history, message):
    with pytest.raises(ValueError, match=message):
        features.actors(known, history)


def test_a_single_text_is_not_taken_for_letters():
    with pytest.raises(ValueError, match="actors: the features of 'user' are the text 'age'; give a list"):
        features.actors({"user": "age"})
    with pytest.raises(ValueError, match="actors: the features of 'context' are the text 'hour'"):
        features.actors({"user": []}, context="hour")
