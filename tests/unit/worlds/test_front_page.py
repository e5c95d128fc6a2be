"""The front page: what is read depends on what is seen, and the box earns only where nobody has seen the story."""

import numpy as np
import pytest

from mlsd_lib.worlds.front_page import FrontPage

WHO = np.arange(2_000)


def test_stories_at_the_top_are_read_more_as_they_are_seen_more():
    world = FrontPage(seed=1, stories=100, steep=1.0, taste=0.0, base=0.0)
    reads = world.reads(WHO)["story_id"].value_counts(normalize=False).reindex(range(100), fill_value=0)
    expected = 0.5 * 2_000 / (1 + np.arange(100))
    assert reads.to_numpy() == pytest.approx(expected, abs=5 * np.sqrt(expected.max()))
    assert reads[0] == pytest.approx(1_000, abs=100)


def test_nobody_clicks_what_they_have_seen_and_everybody_who_likes_it_what_they_have_not():
    world = FrontPage(seed=1, stories=100, steep=1.0, taste=0.0, base=0.0)
    every = np.tile(np.arange(100), (2_000, 1))
    clicked = world.clicks(WHO, every)
    assert clicked[:, 0].sum() == 0  # everybody has seen the first
    assert clicked[:, 99].mean() == pytest.approx(0.5 * 0.99, abs=0.04)
    reads = world.reads(WHO)
    assert not clicked[reads["reader_id"], reads["story_id"]].any()
    either = clicked.copy()
    either[reads["reader_id"], reads["story_id"]] = True
    assert either.mean() == pytest.approx(0.5, abs=0.01)  # a story is liked, or not, wherever it is seen


def test_taste_says_who_reads_what():
    world = FrontPage(seed=2, stories=200, steep=0.0, taste=2.0)
    reads = world.reads(WHO)
    known = np.zeros((2_000, 200))
    known[reads["reader_id"], reads["story_id"]] = 1
    half = known.copy()
    half[:, ::2] = 0
    profile = half @ world.topics
    liking = profile @ world.topics.T
    other = known[:, ::2]
    assert np.corrcoef(liking[:, ::2].ravel(), other.ravel())[0, 1] > 0.3


def test_a_reader_reads_the_same_whoever_else_is_there():
    world = FrontPage(seed=0, stories=50)
    some = world.reads(WHO).query("reader_id >= 1990").reset_index(drop=True)
    assert world.reads(WHO[1990:]).equals(some)
    box = np.tile([3, 7], (2_000, 1))
    assert np.array_equal(world.clicks(WHO, box)[5], world.clicks(WHO[5:6], [[3, 7]])[0])
    assert world.topics.shape == (50, 4)
    assert not FrontPage(seed=1, stories=50).reads(WHO).equals(world.reads(WHO))


def test_one_read_of_each_reader_is_held_out_and_the_rest_is_known():
    world = FrontPage(seed=0, stories=50)
    reads = world.reads(WHO)
    known, held = world.held_out(reads)
    assert held["reader_id"].tolist() == sorted(reads["reader_id"].unique())
    assert known.sum() == len(reads) - len(held)
    whole = known.copy()
    whole[held["reader_id"], held["story_id"]] += 1
    assert np.array_equal(np.argwhere(whole), reads.sort_values(["reader_id", "story_id"]).to_numpy())
    assert whole.max() == 1
    _, again = world.held_out(reads.sample(frac=1, random_state=0))
    assert again.equals(held)
    assert not world.held_out(reads, seed=1)[1].equals(held)
    first = reads.drop_duplicates("reader_id")
    assert (held["story_id"].to_numpy() == first["story_id"].to_numpy()).mean() < 0.6
    for wrong in (reads[:0], reads.assign(story_id=50), reads.assign(story_id=-1), reads.assign(reader_id=-1)):
        with pytest.raises(ValueError, match="expected some, of readers from 0 and of stories from 0 to 49"):
            world.held_out(wrong)


def test_bad_parameters_and_stories_are_refused():
    for wrong in ({"stories": 9}, {"steep": -1.0}, {"taste": -1.0}, {"steep": float("nan")}, {"taste": float("inf")}):
        with pytest.raises(ValueError, match="at least 10"):
            FrontPage(**wrong)
    world = FrontPage(stories=10)
    for shown in ([[10]], [[-1]], [[0], [1]], [0]):
        with pytest.raises(ValueError, match="expected a row of stories from 0 to 9"):
            world.clicks([0], shown)
