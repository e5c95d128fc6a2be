"""How a table becomes numbers."""

import numpy as np
import pandas as pd
import pytest

from mlsd_lib.offline.training import Columns

TABLE = pd.DataFrame(
    {
        "segment": ["b", "a", None, "b"],
        "bid": [1.0, 2.0, np.nan, 3.0],
        "own": [True, False, True, True],
        "kind": pd.Categorical(["x", "y", "x", "x"], categories=["y", "unused", "x"]),
    }
)


def test_numbers_come_first_and_words_have_sorted_values():
    columns = Columns.of(TABLE)
    assert columns.names == ("bid", "own", "segment", "kind")
    assert {name: values.tolist() for name, values in columns.words.items()} == {
        "segment": ["a", "b"],
        "kind": ["x", "y"],
    }
    assert columns.places == 4


def test_missing_and_unknown_words_have_the_code_minus_one_and_missing_numbers_stay_missing():
    coded = Columns.of(TABLE).coded(TABLE)
    assert coded.codes.tolist() == [[1, 0], [0, 1], [-1, 0], [1, 0]]
    assert np.array_equal(coded.numbers, [[1, 1], [2, 0], [np.nan, 1], [3, 1]], equal_nan=True)
    new = TABLE.assign(segment=["c", "a", "b", None])
    assert Columns.of(TABLE).coded(new).codes[:, 0].tolist() == [-1, 0, 1, -1]


def test_the_order_of_columns_and_columns_that_were_not_learned_do_not_matter():
    columns = Columns.of(TABLE)
    other = TABLE[["kind", "own", "segment", "bid"]].assign(more=1)
    assert np.array_equal(columns.coded(other).codes, columns.coded(TABLE).codes)
    assert np.array_equal(columns.coded(other).numbers, columns.coded(TABLE).numbers, equal_nan=True)


def test_scaled_numbers_have_mean_zero_and_deviation_one_and_missing_ones_are_the_mean():
    columns = Columns.of(TABLE)
    scaled = columns.scaled(columns.coded(TABLE).numbers)
    assert scaled[:, 0] == pytest.approx([-np.sqrt(1.5), 0, 0, np.sqrt(1.5)])
    assert scaled.mean(axis=0) == pytest.approx([0, 0])
    assert scaled[:, 1].std() == pytest.approx(1)


def test_a_column_that_never_changes_is_scaled_to_zero_without_a_warning():
    table = pd.DataFrame({"same": [7, 7, 7]})
    columns = Columns.of(table)
    assert columns.scaled(columns.coded(table).numbers).ravel().tolist() == [0, 0, 0]


def test_one_hot_has_a_one_at_the_place_of_each_known_word_and_none_for_unknown():
    columns = Columns.of(TABLE)
    wide = columns.one_hot(columns.coded(TABLE)).toarray()
    assert wide.shape == (4, 6)
    assert wide[:, 2:].tolist() == [[0, 1, 1, 0], [1, 0, 0, 1], [0, 0, 1, 0], [0, 1, 1, 0]]
    assert columns.slots(columns.coded(TABLE).codes).tolist() == [[1, 2], [0, 3], [4, 2], [1, 2]]


def test_trees_read_codes_as_they_are_and_unknown_as_missing():
    columns = Columns.of(TABLE)
    matrix = columns.matrix(columns.coded(TABLE))
    assert np.array_equal(matrix[2], [np.nan, 1, np.nan, 0], equal_nan=True)
    assert matrix[0].tolist() == [1, 1, 1, 0]


def test_what_is_kept_makes_the_same_columns_again():
    columns = Columns.of(TABLE)
    again = Columns.restored(columns.json())
    one, other = columns.coded(TABLE), again.coded(TABLE)
    assert again.names == columns.names
    assert np.array_equal(one.codes, other.codes)
    assert np.array_equal(columns.scaled(one.numbers), again.scaled(other.numbers))
    with pytest.raises(ValueError, match="do not fit each other"):
        Columns.restored({**columns.json(), "middle": [0.0]})


def test_part_takes_the_same_rows_of_both():
    coded = Columns.of(TABLE).coded(TABLE).part(slice(1, 2))
    assert coded.numbers.tolist() == [[2, 0]]
    assert coded.codes.tolist() == [[0, 1]]


@pytest.mark.parametrize("table", [pd.DataFrame(), pd.DataFrame({"bid": []}), [1, 2], pd.DataFrame(index=[0, 1])])
def test_a_table_without_rows_or_columns_is_refused(table):
    with pytest.raises(ValueError, match="at least one row and one column"):
        Columns.of(table)


def test_unsound_columns_are_named():
    with pytest.raises(ValueError, match="column 'bid' comes twice"):
        Columns.of(pd.DataFrame([[1, 2]], columns=["bid", "bid"]))
    with pytest.raises(ValueError, match="'gone' is missing in all 2 rows"):
        Columns.of(pd.DataFrame({"gone": [np.nan, np.nan]}))
    with pytest.raises(ValueError, match="'ts' has the type datetime64"):
        Columns.of(pd.DataFrame({"ts": pd.to_datetime(["2026-01-01"])}))
    with pytest.raises(ValueError, match=r"'bid' is infinite in 2 rows \(first: row 1\)"):
        Columns.of(pd.DataFrame({"bid": [1, np.inf, -np.inf]}))
    with pytest.raises(ValueError, match=r"'tops' holds 2 values that are no words \(first: \['a'\]\)"):
        Columns.of(pd.DataFrame({"tops": [["a"], None, ["a", "b"], "c"]}))
    columns = Columns.of(TABLE)
    with pytest.raises(ValueError, match="'segment' holds 4 values that are no words"):
        columns.coded(TABLE.assign(segment=pd.Series([1, 2, 3, 4], dtype=object)))
    with pytest.raises(ValueError, match="'bid' is missing; the model was trained with 4"):
        columns.coded(TABLE.drop(columns="bid"))
    with pytest.raises(ValueError, match="'bid' holds words"):
        columns.coded(TABLE.assign(bid="much"))
    with pytest.raises(ValueError, match="'segment' holds no words"):
        columns.coded(TABLE.assign(segment=1))
    with pytest.raises(ValueError, match="'bid' is infinite in 1 rows"):
        columns.coded(TABLE.assign(bid=[1, 2, 3, np.inf]))
