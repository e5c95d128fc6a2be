"""Quality with its interval, costs, and the ladder that puts them side by side."""

import numpy as np
import pandas as pd
import pytest

from mlsd_lib.metrics.classification import normalised_entropy
from mlsd_lib.offline.training import Examples, entropy, entropy_alone, ladder, measuring, serving_us, train

from .made import made

LEARN, _ = made(6_000)
JUDGE, TRUE = made(4_000, day=1)


def test_entropy_is_the_normalised_entropy_of_the_metrics_with_an_interval():
    found = entropy(JUDGE, TRUE)
    assert found.value == pytest.approx(normalised_entropy(JUDGE.target, TRUE))
    assert entropy_alone(JUDGE, TRUE) == pytest.approx(found.value)
    assert found.low < found.value < found.high
    assert found.counted == 800


def test_entropy_against_another_model_is_the_ratio_of_their_losses():
    other = np.clip(TRUE + 0.1, 0, 0.99)
    found = entropy(JUDGE, TRUE, against=other)
    assert found.value == pytest.approx(entropy_alone(JUDGE, TRUE) / entropy_alone(JUDGE, other))
    assert found.high < 1
    assert entropy(JUDGE, TRUE, against=TRUE).value == 1


def test_the_interval_covers_the_entropy_of_the_law_as_often_as_it_says():
    expected = -(TRUE * np.log(TRUE) + (1 - TRUE) * np.log1p(-TRUE)).sum()
    base = TRUE.mean()
    law = expected / -(TRUE * np.log(base) + (1 - TRUE) * np.log1p(-base)).sum()
    covered = []
    for draw in range(40):
        again = (np.random.default_rng(draw).random(len(TRUE)) < TRUE).astype(int)
        found = entropy(Examples(JUDGE.table, again, JUDGE.unit), TRUE, resamples=200)
        covered.append(found.low <= law <= found.high)
    assert 33 <= sum(covered) <= 40


def test_rows_of_a_unit_are_resampled_together():
    rows, true = made(1_000, day=2)
    fivefold = Examples(
        pd.concat([rows.table] * 5), np.tile(rows.target, 5), np.tile(np.arange(1_000), 5)
    )  # five copies of each row are no more evidence than one
    one = entropy(Examples(rows.table, rows.target, np.arange(1_000)), true)
    copies = entropy(fivefold, np.tile(true, 5))
    assert copies.high - copies.low == pytest.approx(one.high - one.low, rel=0.02)


def test_a_certain_mistake_is_dear_but_not_infinite():
    rows = Examples(pd.DataFrame({"x": [1, 2]}), [0, 1], [1, 2])
    assert entropy_alone(rows, [1.0, 1.0]) == pytest.approx(-np.log(1e-12) / (2 * np.log(2)), rel=1e-4)
    assert entropy_alone(rows, [0.0, 1.0]) == pytest.approx(0, abs=1e-9)


def test_a_draw_holds_whole_units_and_a_smaller_one_is_part_of_it():
    few, many = LEARN.drawn(1_001), LEARN.drawn(3_000)
    assert (len(few), len(many)) == (1_000, 3_000)
    assert (np.bincount(few.unit)[np.unique(few.unit)] == 5).all()
    assert set(few.unit) < set(many.unit)
    assert (np.diff(few.unit) >= 0).all()
    assert set(LEARN.drawn(1_000, seed=1).unit) != set(few.unit)
    assert len(LEARN.drawn(len(LEARN))) == len(LEARN)
    place = np.flatnonzero(np.isin(LEARN.unit, few.unit))
    assert few.table["size"].tolist() == LEARN.table["size"].iloc[place].tolist()
    assert few.target.tolist() == LEARN.target[place].tolist()


def test_which_units_are_drawn_does_not_depend_on_the_order_of_the_rows():
    back = LEARN.part(np.arange(len(LEARN))[::-1])
    assert set(back.drawn(500).unit) == set(LEARN.drawn(500).unit)


def test_a_part_is_taken_by_a_mask_or_by_numbers_and_is_numbered_anew():
    part = LEARN.part(np.arange(len(LEARN)) % 2 == 1)
    assert part.table.index.tolist() == list(range(3_000))
    assert part.target.tolist() == LEARN.target[1::2].tolist()
    assert LEARN.part(np.array([3, 1])).unit.tolist() == [0, 0]


def test_the_ladder_has_a_row_a_size_and_model_and_says_what_it_says_of_each():
    table = ladder(
        {"average": {"kind": "rate"}, "few": {"kind": "trees", "trees": 5}}, LEARN, JUDGE, sizes=(500, 2_000)
    )
    assert table[["rows", "model"]].to_numpy().tolist() == [
        [500, "average"],
        [500, "few"],
        [2_000, "average"],
        [2_000, "few"],
    ]
    part = LEARN.drawn(2_000)
    model = train("trees", part.table, part.target, trees=5)
    assert table["entropy"].iloc[3] == pytest.approx(entropy_alone(JUDGE, model.predict(JUDGE.table)))
    assert table["kilobytes"].iloc[3] == model.size() / 1_000
    assert (table["low"] < table["entropy"]).all()
    assert (table["entropy"] < table["high"]).all()
    assert (table[["train_s", "serve_us"]] > 0).all().all()


def test_the_ladder_takes_kinds_and_gives_the_same_quality_again():
    once, again = (ladder(["rate", "linear"], LEARN, JUDGE, sizes=(1_000,), seed=3) for _ in range(2))
    assert once["model"].tolist() == ["rate", "linear"]
    quality = ["rows", "model", "entropy", "low", "high", "kilobytes"]
    pd.testing.assert_frame_equal(once[quality], again[quality])
    other = ladder(["linear"], LEARN, JUDGE, sizes=(1_000,), seed=4)
    assert other["entropy"].iloc[0] != once["entropy"].iloc[1]


def test_more_data_help_the_linear_model_up_to_the_truth():
    table = ladder(["linear"], LEARN, JUDGE, sizes=(100, 5_000))
    assert table["entropy"].iloc[0] > table["entropy"].iloc[1]
    assert table["entropy"].iloc[1] == pytest.approx(entropy_alone(JUDGE, TRUE), abs=0.01)


def test_serving_is_timed_a_row_in_microseconds(monkeypatch):
    model = train("rate", LEARN.table, LEARN.target)
    ticks = iter(range(100))
    monkeypatch.setattr(measuring, "process_time", lambda: next(ticks) * 4e-3)  # each span is 4 ms, for four batches
    assert serving_us(model, JUDGE.table.head(3), repeats=2) == pytest.approx(1.0)


def test_unsound_examples_and_predictions_are_refused():
    table = pd.DataFrame({"x": [1, 2]})
    for target, unit in (([0], [1, 2]), ([0, 1], [1]), ([[0, 1]], [1, 2])):
        with pytest.raises(ValueError, match="2 rows, a target of shape"):
            Examples(table, target, unit)
    with pytest.raises(ValueError, match="at least one row"):
        Examples(table.head(0), [], [])
    for rows in (0, len(LEARN) + 1):
        with pytest.raises(ValueError, match=f"{rows} rows are wanted of 6000"):
            LEARN.drawn(rows)
    with pytest.raises(ValueError, match=r"4 rows are fewer than one whole unit has \(5\)"):
        LEARN.drawn(4)
    for wrong in (np.full(3, 0.5), np.full(len(JUDGE), 1.1), np.full(len(JUDGE), -0.1), np.full(len(JUDGE), np.nan)):
        with pytest.raises(ValueError, match="a probability for each of 4000 rows"):
            entropy(JUDGE, wrong)
    for only in (0, 1):
        with pytest.raises(ValueError, match="all 2 rows are of one class"):
            entropy(Examples(table, [only, only], [1, 2]), [0.5, 0.5])
