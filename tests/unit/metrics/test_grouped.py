import numpy as np
import pytest
import pytrec_eval
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, ndcg_score

from mlsd_lib.metrics import grouped


def some(seed, groups=60, widest=40, *, levels=None):
    """Ragged groups in shuffled order, with numbers left out, and ties where `levels` is small."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(0, widest, size=groups)
    group = np.repeat(np.arange(groups) * 3, sizes)
    score = rng.normal(size=len(group)) if levels is None else rng.integers(levels, size=len(group)).astype(float)
    grade = rng.choice(4, size=len(group), p=[0.6, 0.2, 0.1, 0.1])
    mixed = rng.permutation(len(group))
    return group[mixed], score[mixed], grade[mixed]


def in_order(group, score, grade, one):
    """The grades of one group as a reader sees them: higher scores first, of equal ones the earlier row."""
    rows = [row for row in range(len(group)) if group[row] == one]
    return [int(grade[row]) for row in sorted(rows, key=lambda row: -score[row])]


def read_down(grades, k, highest):
    """ERR from its definition: the probability of stopping at each position, over the position."""
    value = 0.0
    for place in range(min(k, len(grades))):
        stop = (2 ** grades[place] - 1) / 2**highest
        for before in grades[:place]:
            stop *= 1 - (2**before - 1) / 2**highest
        value += stop / (place + 1)
    return value


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("k", [1, 5, 10])
def test_arrays_agree_with_pytrec_eval(seed, k):
    group, score, grade = some(seed)
    run, judged = {}, {}
    for row, (one, points, worth) in enumerate(zip(group.tolist(), score.tolist(), grade.tolist(), strict=True)):
        run.setdefault(str(one), {})[f"d{row}"] = points
        judged.setdefault(str(one), {})[f"d{row}"] = worth
    names = {f"ndcg_cut.{k}", f"P.{k}", f"recall.{k}", f"map_cut.{k}", "recip_rank"}
    theirs = pytrec_eval.RelevanceEvaluator(judged, names).evaluate(run)
    graded = grouped.rank(group, score, grade, k=k)
    ours = {
        f"ndcg_cut_{k}": graded.ndcg(),
        f"P_{k}": graded.precision(),
        f"recall_{k}": graded.recall(),
        f"map_cut_{k}": graded.average_precision(),
        "recip_rank": graded.reciprocal_rank(),
    }
    compared = 0
    for name, values in ours.items():
        for one, value in enumerate(values):
            if max(judged.get(str(one), {}).values(), default=0) == 0:
                assert np.isnan(value)
            else:
                assert value == pytest.approx(theirs[str(one)][name], abs=1e-12)
                compared += 1
    assert compared > 150


@pytest.mark.parametrize("gain", ["linear", "exponential"])
@pytest.mark.parametrize("k", [1, 4, 30])
def test_ndcg_agrees_with_scikit_learn(gain, k):
    group, score, grade = some(4)
    values = grouped.rank(group, score, grade, k=k).ndcg(gain)
    for one in np.unique(group):
        mine = group == one
        gains = grade[mine] if gain == "linear" else 2.0 ** grade[mine] - 1
        if mine.sum() > 1 and gains.any():
            assert values[one] == pytest.approx(ndcg_score([gains], [score[mine]], k=k), abs=1e-12)


def test_average_precision_without_a_cut_is_that_of_scikit_learn():
    group, score, grade = some(5)
    values = grouped.rank(group, score, grade, k=1_000).average_precision()
    for one in np.unique(group[grade > 0]):
        mine = group == one
        assert values[one] == pytest.approx(average_precision_score(grade[mine] > 0, score[mine]), abs=1e-12)


@pytest.mark.parametrize("k", [1, 3, 100])
def test_err_is_its_definition_spelt_out(k):
    group, score, grade = some(6, groups=25, widest=12)
    graded = grouped.rank(group, score, grade, k=k)
    for highest in (3, 4):
        values = graded.err(highest)
        for one in np.unique(group[grade > 0]):
            assert values[one] == pytest.approx(read_down(in_order(group, score, grade, one), k, highest), abs=1e-12)
    np.testing.assert_array_equal(graded.err(), graded.err(3))


@pytest.mark.parametrize("levels", [1, 2, 5])
def test_of_equal_scores_the_earlier_row_stands_first(levels):
    group, score, grade = some(7, levels=levels)
    for k in (1, 3, 50):
        graded = grouped.rank(group, score, grade, k=k)
        for one in np.unique(group):
            wanted = in_order(group, score, grade, one)
            mine = graded.group == one
            order = np.argsort(graded.position[mine])
            assert graded.grade[mine][order].tolist() == wanted[:k]
            assert graded.position[mine][order].tolist() == list(range(1, min(k, len(wanted)) + 1))
            first = next((place for place, worth in enumerate(wanted, 1) if worth > 0), 0)
            assert graded.first[one] == first
            best = graded.best_group == one
            ideal = sorted(wanted, reverse=True)[:k]
            assert graded.best_grade[best][np.argsort(graded.best_position[best])].tolist() == ideal
            assert graded.relevant[one] == sum(worth > 0 for worth in wanted)


@pytest.mark.parametrize("cells", [1, 64])
def test_blocks_and_the_order_of_groups_do_not_show(cells, monkeypatch):
    group, score, grade = some(8)
    whole = grouped.rank(group, score, grade, k=5)
    contiguous = np.argsort(group, kind="stable")
    monkeypatch.setattr(grouped, "_CELLS", cells)
    for rows in (slice(None), contiguous):
        parts = grouped.rank(group[rows], score[rows], grade[rows], k=5)
        for metric in ("ndcg", "precision", "recall", "reciprocal_rank", "average_precision", "err"):
            np.testing.assert_allclose(getattr(parts, metric)(), getattr(whole, metric)(), rtol=1e-14)


def test_memory_follows_the_block_and_not_the_widest_group():
    """One group of 50,000 items beside 20,000 small ones: padded as one matrix it would hold a billion cells."""
    group = np.concatenate([np.zeros(50_000, dtype=int), np.repeat(np.arange(1, 20_001), 5)])
    cells = [there.size for _, _, there in grouped._blocks(group, 20_001)]
    assert max(cells) <= max(grouped._CELLS, 50_000)
    assert sum(cells) < 2 * len(group) + grouped._CELLS


def test_more_groups_than_sixteen_bits_hold_are_sorted():
    rng = np.random.default_rng(0)
    for groups in (2, 65_536, 65_537, 200_000):
        group = rng.integers(groups, size=300_000)
        np.testing.assert_array_equal(grouped._sorted(group, groups), np.argsort(group, kind="stable"))


def test_a_group_without_items_or_without_a_relevant_one_has_no_value():
    graded = grouped.rank([1, 1, 3], [0.5, 0.4, 0.3], [0, 0, 2], k=2)
    for values in (graded.ndcg(), graded.precision(), graded.recall(), graded.reciprocal_rank(), graded.err()):
        assert np.isnan(values).tolist() == [True, True, True, False]
    assert graded.precision()[3] == 0.5  # one relevant item, and two positions
    assert grouped.rank([], [], []).ndcg().tolist() == []


def test_reciprocal_rank_looks_as_far_as_it_is_told():
    graded = grouped.rank([0] * 6, [6, 5, 4, 3, 2, 1], [0, 0, 0, 1, 0, 1], k=2)
    assert graded.reciprocal_rank().tolist() == [0.25]
    assert [graded.reciprocal_rank(k)[0] for k in (3, 4, 5)] == [0, 0.25, 0.25]


def test_infinite_scores_have_their_place():
    graded = grouped.rank([0, 0, 0, 1], [-np.inf, np.inf, 0.0, -np.inf], [3, 0, 1, 1], k=3)
    order = np.argsort(graded.position[graded.group == 0])
    assert graded.grade[graded.group == 0][order].tolist() == [0, 1, 3]
    assert graded.reciprocal_rank().tolist() == [0.5, 1.0]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (([0, 0], [1.0], [1, 1]), r"have the shapes \(2,\), \(1,\) and \(2,\)"),
        (([[0]], [[1.0]], [[1]]), "an entry for each item"),
        (([0.5], [1.0], [1]), "integers from 0"),
        (([0, -1], [1.0, 1.0], [1, 1]), "integers from 0"),
        (([0, 0, 0], [1.0, np.nan, np.nan], [1, 1, 1]), r"2 of 3 items have a score that is none \(first: item 1, nan"),
        (([0, 0], [1.0, 1.0], [1, -2]), r"1 of 2 items have a grade that is none \(first: item 1, -2"),
        (([0], [1.0], [np.inf]), "a grade that is none"),
    ],
)
def test_bad_arrays_are_refused(arguments, told):
    with pytest.raises(ValueError, match=told):
        grouped.rank(*arguments)


def test_settings_that_cannot_be_are_refused():
    for k in (0, 1.5, True):
        with pytest.raises(ValueError, match="k must be an integer of at least 1"):
            grouped.rank([0], [1.0], [1], k=k)
    graded = grouped.rank([0], [1.0], [3])
    with pytest.raises(ValueError, match="err: highest is 2, and the highest grade in judgments is 3"):
        graded.err(2)
    with pytest.raises(ValueError, match="at most 100"):
        graded.err(101)
    assert graded.err(100)[0] == pytest.approx(7 / 2**100)
    assert grouped.rank([0], [1.0], [100]).ndcg("exponential").tolist() == [1.0]
    with pytest.raises(ValueError, match="2 \\*\\* grade above 100"):
        grouped.rank([0], [1.0], [101]).ndcg("exponential")
    with pytest.raises(ValueError, match="gain must be"):
        graded.ndcg("log")


@settings(max_examples=60, deadline=None)
@given(grades=st.lists(st.integers(0, 3), min_size=2, max_size=10), k=st.integers(1, 12), data=st.data())
def test_swapping_a_better_item_upwards_never_lowers_a_metric(grades, k, data):
    low = data.draw(st.integers(1, len(grades) - 1))
    high = data.draw(st.integers(0, low - 1))
    if grades[high] > grades[low]:
        high, low = low, high
    better = list(grades)
    better[min(high, low)], better[max(high, low)] = max(grades[high], grades[low]), min(grades[high], grades[low])
    worse = list(grades)
    worse[min(high, low)], worse[max(high, low)] = better[max(high, low)], better[min(high, low)]
    group = [0] * len(grades) + [1] * len(grades)
    score = [-float(place) for place in range(len(grades))] * 2
    graded = grouped.rank(group, score, worse + better, k=k)
    if max(grades) > 0:
        for values in (graded.ndcg(), graded.ndcg("exponential"), graded.average_precision(), graded.err(3)):
            assert values[0] <= values[1] + 1e-12


def test_ten_positions_count_unless_told_otherwise():
    group, score, grade = some(9)
    wanted, ours = grouped.rank(group, score, grade, k=10), grouped.rank(group, score, grade)
    assert ours.k == 10
    np.testing.assert_array_equal(ours.ndcg(), wanted.ndcg())
    assert ours.position.max() == 10


def test_grades_may_be_fractions_and_the_highest_is_that_of_the_items():
    graded = grouped.rank([0, 0, 1], [2.0, 1.0, 1.0], [0.25, 0.5, 0.0])
    assert graded.highest == 0.5
    assert graded.ndcg()[0] == pytest.approx((0.25 + 0.5 / np.log2(3)) / (0.5 + 0.25 / np.log2(3)))
    assert graded.relevant.tolist() == [2, 0]
    assert graded.first.dtype == graded.relevant.dtype == np.int64


def test_scores_and_grades_may_be_booleans_or_small_integers():
    graded = grouped.rank(np.array([0, 0], dtype=np.uint8), [True, False], np.array([1, 255], dtype=np.uint8))
    assert graded.reciprocal_rank().tolist() == [1.0]
    assert graded.ndcg()[0] == pytest.approx((1 + 255 / np.log2(3)) / (255 + 1 / np.log2(3)))
