import numpy as np
import pytest

from mlsd_lib.architecture import Batch
from mlsd_lib.systems.search.page import Page


def batch(row, doc_id, score, requests=None):
    size = (max(row) + 1 if row else 0) if requests is None else requests
    items = {"row": np.array(row, dtype=np.int64), "doc_id": np.array(doc_id), "score": np.array(score, dtype=float)}
    items["mark"] = np.arange(len(row))
    return Batch({"query": np.array(["pizza"] * size, dtype=object)}, items)


def seen(page, *args, **kwargs):
    shown = page(batch(*args, **kwargs)).items
    return list(zip(shown["row"].tolist(), shown["doc_id"].tolist(), strict=True))


def test_the_highest_scores_of_each_request_are_shown() -> None:
    page = Page("page", show=2)
    assert seen(page, [0, 0, 0, 1, 2, 2], [5, 6, 7, 5, 6, 5], [1, 3, 2, 0, -1, 0]) == [
        (0, 6),
        (0, 7),
        (1, 5),
        (2, 5),
        (2, 6),
    ]


def test_equal_scores_stay_as_they_came() -> None:
    assert seen(Page("page", show=3), [0] * 5, [9, 2, 7, 1, 4], [1, 1, 2, 1, 1]) == [(0, 7), (0, 9), (0, 2)]


def test_a_document_is_shown_once_at_its_best_and_makes_room_for_others() -> None:
    doc_id = np.array(["b", "a", "b", "c", "a"], dtype=object)
    shown = Page("page", show=3)(batch([0] * 5, doc_id, [1, 2, 5, 0, 2]))
    assert shown.items["doc_id"].tolist() == ["b", "a", "c"]
    assert shown.items["score"].tolist() == [5, 2, 0]
    assert shown.items["mark"].tolist() == [2, 1, 3]  # other arrays go with their document


def test_a_document_may_be_shown_to_several_requests() -> None:
    assert seen(Page("page", show=5), [0, 1, 1, 2], [4, 4, 4, 4], [1, 2, 3, 1]) == [(0, 4), (1, 4), (2, 4)]


def test_requests_without_candidates_stay_without() -> None:
    page = Page("page", show=5)
    assert seen(page, [2], [4], [1], requests=4) == [(2, 4)]
    assert len(page(batch([2], [4], [1], requests=4))) == 4
    assert seen(page, [], np.array([], dtype=object), [], requests=3) == []


@pytest.mark.parametrize("show", [0, -1, 2.0, True, "all", None])
def test_how_many_to_show_must_be_a_number_of_at_least_one(show) -> None:
    with pytest.raises(ValueError, match="page: show must be an integer of at least 1"):
        Page("page", show=show)
