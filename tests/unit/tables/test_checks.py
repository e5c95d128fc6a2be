import numpy as np
import pandas as pd
import pytest

from mlsd_lib import tables


@pytest.mark.parametrize(
    ("left", "right", "complaint"),
    [
        (["d9", "d1"], [1, 9], r"all 2 values of doc_id are strings \(first: 'd9'\), .* integers \(first: 1\)"),
        ([7, 8, 9], ["a"], r"all 3 values of doc_id are integers \(first: 7\), .* strings \(first: 'a'\)"),
    ],
)
def test_ids_of_different_kinds_are_told_apart_before_they_fail_to_join(left, right, complaint):
    given = pd.DataFrame({"doc_id": left}), pd.DataFrame({"doc_id": right})
    with pytest.raises(ValueError, match=rf"judgments: {complaint}, so none would match"):
        tables.known(*given[:1], "doc_id", given[1], table="judgments", where="documents", show=["doc_id"])
    ids = pd.Series(left), pd.Series(right)
    with pytest.raises(ValueError, match=rf"log: {complaint}, so none"):
        tables.same_kind(*ids, "doc_id", table="log", where="documents")


def test_a_table_without_rows_is_of_no_kind():
    tables.same_kind(pd.Series([], dtype=object), pd.Series(["a"]), "doc_id", table="log", where="documents")
    tables.same_kind(pd.Series([1]), pd.Series([], dtype=object), "doc_id", table="log", where="documents")


def test_values_in_an_error_are_plain_ones():
    wrong = pd.DataFrame({"query_id": np.array([1.5, 2.5]), "text": "x"})
    with pytest.raises(ValueError, match=r"kind 'floating' \(first: 1\.5\)"):
        tables.queries(wrong)
