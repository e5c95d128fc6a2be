"""Distillation, and what a light model passes on of what a heavy one wants."""

import numpy as np
import pandas as pd
import pytest

from mlsd_lib.offline.training import distil, kept, train

from .made import made

MANY, _ = made(20_000)
FEW, _ = made(200, day=3)
NEW, TRUE = made(4_000, day=1)
HEAVY = train("trees", MANY.table, MANY.target)


def test_a_copy_orders_new_rows_like_the_teacher_and_better_than_one_that_learned_from_as_many_draws():
    copy, clicks = distil(HEAVY, FEW.table), train("linear", FEW.table, FEW.target)
    teacher = pd.Series(HEAVY.predict(NEW.table))
    assert teacher.corr(pd.Series(copy.predict(NEW.table)), method="spearman") > 0.97
    assert np.abs(copy.predict(NEW.table) - TRUE).mean() < 0.7 * np.abs(clicks.predict(NEW.table) - TRUE).mean()


def test_no_label_is_needed_and_columns_that_the_teacher_does_not_know_are_for_the_copy():
    wider = FEW.table.assign(pair=FEW.table["colour"] + (FEW.table["size"] > 10).astype(str))
    copy = distil(HEAVY, wider)
    assert copy.columns.names == ("idle", "size", "colour", "pair")
    assert copy.kind == "linear"
    assert distil(HEAVY, wider, kind="trees", trees=3, least=5).booster.num_trees() == 3
    with pytest.raises(ValueError, match="'size' is missing"):
        distil(HEAVY, FEW.table.drop(columns="size"))
    with pytest.raises(ValueError, match="a 'net' learns from 0 and 1 only"):
        distil(HEAVY, FEW.table, kind="net")


def test_kept_counts_what_is_passed_on_of_what_comes_first():
    heavy = [5, 4, 3, 2, 1, 1, 2, 3]
    light = [1, 5, 4, 3, 2, 9, 8, 7]
    request = ["b", "b", "b", "b", "b", "a", "a", "a"]
    assert kept(heavy, light, request, final=2, passed=2).to_dict() == {"a": 0.5, "b": 0.5}
    assert kept(heavy, light, request, final=1, passed=3).to_dict() == {"a": 1.0, "b": 0.0}
    assert kept(heavy, light, request, final=4, passed=4).to_dict() == {"a": 1.0, "b": 0.75}


def test_kept_does_not_depend_on_how_requests_are_mixed_and_equal_scores_go_by_place():
    heavy, light, request = [1, 2, 3, 4], [1, 1, 1, 1], [7, 8, 7, 8]
    assert kept(heavy, light, request, final=1, passed=1).to_dict() == {7: 0.0, 8: 0.0}
    assert kept(light, light, request, final=1, passed=1).to_dict() == {7: 1.0, 8: 1.0}
    assert kept(heavy, heavy, request, final=1, passed=1).tolist() == [1.0, 1.0]


def test_a_random_order_passes_on_its_share():
    rng = np.random.default_rng(0)
    request = np.repeat(np.arange(2_000), 20)
    found = kept(rng.random(40_000), rng.random(40_000), request, final=5, passed=10)
    assert found.mean() == pytest.approx(0.5, abs=0.015)


def test_unsound_scores_are_refused():
    for heavy, light in (([1.0], [1.0, 2.0]), ([1.0, np.nan], [1.0, 2.0]), ([1.0, 2.0], [np.inf, 2.0])):
        with pytest.raises(ValueError, match="a finite score of both models for each candidate"):
            kept(heavy, light, [1, 1], final=1, passed=1)
    with pytest.raises(ValueError, match="a finite score"):
        kept([[1.0]], [[1.0]], [[1]], final=1, passed=1)
    for final, passed in ((0, 1), (3, 2)):
        with pytest.raises(ValueError, match="expected 1 <= final <= passed"):
            kept([1.0, 2.0], [1.0, 2.0], [1, 1], final=final, passed=passed)
