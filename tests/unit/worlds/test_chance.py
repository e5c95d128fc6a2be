import numpy as np
import pytest
from scipy import stats

from mlsd_lib.worlds import chance

N = 100_000


def test_uniform_is_uniform_and_open() -> None:
    draws = chance.uniform(0, "click", np.arange(N))
    assert stats.kstest(draws, "uniform").pvalue > 0.001
    assert draws.min() > 0
    assert draws.max() < 1


def test_the_largest_word_stays_below_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for word in (0, 2**64 - 1):
        monkeypatch.setattr(chance, "bits", lambda *_, word=word: np.array([word], dtype=np.uint64))
        assert 0 < chance.uniform(0, "x")[0] < 1
        assert np.isfinite(chance.normal(0, "x")).all()
        assert (chance.exponential(0, "x") > 0).all()


@pytest.mark.parametrize(("draw", "law"), [(chance.normal, "norm"), (chance.exponential, "expon")])
def test_other_laws(draw, law: str) -> None:
    assert stats.kstest(draw(3, "watch", np.arange(N)), law).pvalue > 0.001


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (lambda ids: chance.uniform(0, "click", ids), lambda ids: chance.uniform(1, "click", ids)),
        (lambda ids: chance.uniform(0, "click", ids), lambda ids: chance.uniform(0, "watch", ids)),
        (lambda ids: chance.uniform(0, "click", ids), lambda ids: chance.uniform(0, "click", ids + 1)),
        (lambda ids: chance.uniform(0, "click", ids, 1), lambda ids: chance.uniform(0, "click", 1, ids)),
        (lambda ids: chance.uniform(0, "click", ids, 1), lambda ids: chance.uniform(0, "click", ids, 2)),
        (lambda ids: chance.uniform(0, "click", ids), lambda ids: chance.uniform(0, "click", ids, 0)),
    ],
    ids=["seed", "purpose", "neighbour", "order of ids", "second id", "number of ids"],
)
def test_draws_of_different_keys_are_independent(one, other) -> None:
    ids = np.arange(N)
    assert abs(np.corrcoef(one(ids), other(ids))[0, 1]) < 4 / np.sqrt(N)


def test_two_ids_fill_the_square() -> None:
    draws = chance.bits(0, "grid", np.arange(400)[:, None], np.arange(400))
    assert len(np.unique(draws)) == 160_000
    counts = np.bincount((draws >> np.uint64(56)).ravel().astype(int), minlength=256)
    assert stats.chisquare(counts).pvalue > 0.001


def test_every_output_bit_is_fair_and_moves_with_every_input_bit() -> None:
    words = chance.bits(0, "x", np.arange(4_000))
    flips = np.zeros((64, 64))
    for place in range(64):
        moved = words ^ chance.bits(0, "x", np.arange(4_000).astype(np.uint64) ^ (np.uint64(1) << np.uint64(place)))
        flips[place] = [((moved >> np.uint64(bit)) & np.uint64(1)).mean() for bit in range(64)]
    assert np.abs(flips - 0.5).max() < 0.05


def test_batching_and_order_change_nothing() -> None:
    users, items = np.repeat(np.arange(50), 4), np.tile(np.arange(4), 50)
    whole = chance.uniform(7, "click", users, items)
    shuffled = np.random.default_rng(0).permutation(200)
    assert (chance.uniform(7, "click", users[shuffled], items[shuffled]) == whole[shuffled]).all()
    assert [float(chance.uniform(7, "click", u, i)) for u, i in zip(users, items, strict=True)] == whole.tolist()


def test_integers_of_any_width_and_strings_of_any_kind_agree() -> None:
    assert chance.bits(0, "x", np.int32(-5)) == chance.bits(0, "x", -5)
    assert (chance.bits(0, "x", np.array([5], dtype=np.uint8)) == chance.bits(0, "x", [5])).all()
    names = ["v1", "v2", "v1", "日本"]
    drawn = chance.bits(0, "x", np.array(names, dtype=object))
    assert (drawn == chance.bits(0, "x", names)).all()
    assert drawn[0] == drawn[2]
    assert len(set(drawn.tolist())) == 3


def test_values_do_not_move() -> None:
    # Reference outputs rest on these: a change here changes every chapter.
    assert [hex(word) for word in chance.bits(0, "click", [0, 1, 2]).tolist()] == [
        "0xa398be331439f032",
        "0xcfcb39d99cdb6f6",
        "0xd1f1274739671953",
    ]


@pytest.mark.parametrize("ids", [[0.5], [None], [True], [np.datetime64("2026-01-01")], [1, "a", None]])
def test_other_ids_are_refused(ids: list) -> None:
    with pytest.raises(ValueError, match="integers or strings were expected"):
        chance.bits(0, "x", np.array(ids, dtype=object) if None in ids else ids)


def test_empty_and_no_ids() -> None:
    assert chance.uniform(0, "x", []).shape == (0,)
    assert chance.uniform(0, "x").shape == ()
    with pytest.raises(ValueError, match="seed is 'a'"):
        chance.bits("a", "x")  # type: ignore[arg-type]
