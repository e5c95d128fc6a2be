import numpy as np
import pandas as pd
import pytest

from mlsd_lib.architecture import Off, System
from mlsd_lib.funnel import Scored, losses, opened
from mlsd_lib.systems import search
from tests.unit.funnel.cascades import EDGE, Column, Offer, cascade, noisy


def planted(requests=40, lost_first=3, lost_second=2):
    """A hundred candidates a request of which the ten best are known, and known to be lost where."""
    item = np.tile(np.arange(100), requests)
    place = np.tile(np.arange(100.0), requests)
    first = np.where(item < lost_first, 1_000, place)  # lower is better here
    second = np.where((item >= lost_first) & (item < lost_first + lost_second), 1_000, place)
    seen = {"first": -first, "second": -second, "third": -place}
    return pd.DataFrame({"request_id": np.repeat(np.arange(requests), 100), "item_id": item, **seen})


REQUESTS = pd.DataFrame({"request_id": np.arange(40)})
SYSTEM = cascade(planted(), (50, 20, 10))
TOP = planted().loc[lambda rows: rows["item_id"] < 10, ["request_id", "item_id"]]


def test_each_stage_is_charged_with_what_it_drops():
    table = losses(SYSTEM, REQUESTS, TOP, item="item_id")
    assert table["component"].tolist() == ["first", "second", "third"]
    assert table["items"].tolist() == [50, 20, 10]
    assert table["lost"].to_numpy() == pytest.approx([0.3, 0.2, 0.0])
    assert table["left"].to_numpy() == pytest.approx([0.7, 0.5, 0.5])
    assert table["low"].to_numpy() == pytest.approx([0.7, 0.5, 0.5])  # every request is alike


def test_the_opened_funnel_shows_what_the_last_stage_would_have_chosen():
    shown = opened(SYSTEM, 100).run(REQUESTS)
    assert sorted(map(tuple, shown.to_numpy())) == sorted(map(tuple, TOP.to_numpy()))


def test_losses_add_up_to_what_is_missing_at_the_end():
    requests = np.arange(60)
    asked, system = pd.DataFrame({"request_id": requests}), cascade(noisy(requests), (30, 12, 5))
    wanted = opened(system, 100).run(asked)
    table = losses(system, asked, wanted, item="item_id")
    assert table["lost"].sum() == pytest.approx(1 - table["left"].iloc[-1])
    both = system.run(asked).merge(wanted)
    recall = both.groupby("request_id").size().reindex(requests, fill_value=0) / wanted.groupby("request_id").size()
    assert table["left"].iloc[-1] == pytest.approx(recall.mean())
    assert (table["lost"] > 0).tolist() == [True, True, False]  # the last stage is the judge here
    assert (table["low"] < table["left"]).all()
    assert (table["left"] < table["high"]).all()


def test_requests_count_alike_however_many_items_they_want():
    wanted = TOP[(TOP["request_id"] == 0) | ((TOP["request_id"] == 1) & (TOP["item_id"] == 9))]
    table = losses(SYSTEM, REQUESTS, wanted, item="item_id")
    assert table["left"].to_numpy() == pytest.approx([(0.7 + 1) / 2, (0.5 + 1) / 2, (0.5 + 1) / 2])
    assert table["items"].tolist() == [50, 20, 10]  # of all requests, also of those that want nothing


def test_neither_blocks_nor_the_order_of_rows_nor_the_kind_of_id_change_a_loss():
    requests = np.arange(23)
    asked = pd.DataFrame({"request_id": requests[::-1]})
    wanted = opened(cascade(noisy(requests), (30, 12, 5)), 100).run(asked)
    expected = losses(cascade(noisy(requests), (30, 12, 5)), asked, wanted, item="item_id")
    system = cascade(noisy(requests, text_ids=True), (30, 12, 5))
    wanted = wanted.assign(item_id=[f"item {number}" for number in wanted["item_id"]]).sample(frac=1, random_state=0)
    for block in (1, 5, 1_000):
        pd.testing.assert_frame_equal(losses(system, asked, wanted, item="item_id", block=block), expected)


def test_a_pair_counts_once_and_requests_that_were_not_asked_do_not():
    wanted = pd.concat([TOP, TOP.head(7), pd.DataFrame({"request_id": [999], "item_id": [99]})])
    expected = losses(SYSTEM, REQUESTS, TOP, item="item_id")
    pd.testing.assert_frame_equal(losses(SYSTEM, REQUESTS, wanted, item="item_id"), expected)


def test_the_same_item_wanted_by_another_request_is_not_found():
    asked = pd.DataFrame({"request_id": [0, 1]})
    table = pd.DataFrame(
        {"request_id": [0, 0, 1, 1], "item_id": [1, 2, 3, 4], "first": 1.0, "second": 1.0, "third": 1.0}
    )
    wanted = pd.DataFrame({"request_id": [0, 0, 1], "item_id": [3, 1, 3]})
    assert losses(cascade(table, (2, 2, 2)), asked, wanted, item="item_id")["left"].tolist() == [0.75, 0.75, 0.75]


def test_a_component_before_there_are_candidates_loses_nothing():
    documents = pd.DataFrame({"doc_id": [1, 2, 3], "title": "pizza", "text": ["a taxi", "a bus", "a bus"]})
    asked = pd.DataFrame({"request_id": ["a"], "query": ["pizza"]})
    wanted = pd.DataFrame({"request_id": ["a"] * 3, "doc_id": [1, 2, 3]})
    table = losses(search.fit(documents, keep=2, show=1), asked, wanted, item="doc_id").set_index("component")
    assert table["lost"].to_dict() == pytest.approx(
        {"rewriter": 0, "understanding": 0, "selection": 1 / 3, "ranker": 0, "page": 1 / 3}
    )
    assert table["items"].tolist() == [0, 0, 2, 2, 1]


def test_a_component_that_brings_items_in_has_a_negative_loss():
    class Adds(Offer):
        name = "adds"

    parts = Offer(TOP.assign(third=1.0).groupby("request_id").head(4)), Adds(TOP.assign(third=1.0))
    table = losses(System("two", EDGE, parts), REQUESTS, TOP, item="item_id")
    assert table["lost"].to_numpy() == pytest.approx([0.6, -0.6])


def test_an_answer_that_finds_nothing_loses_everything():
    wanted = TOP.assign(item_id=TOP["item_id"] + 1_000)
    assert losses(SYSTEM, REQUESTS, wanted, item="item_id")["lost"].tolist() == [1, 0, 0]


@pytest.mark.parametrize(
    ("reference", "item", "message"),
    [
        (TOP[["item_id"]], "item_id", r"reference: column 'request_id' is missing; it has item_id"),
        (TOP, "doc_id", r"reference: column 'doc_id' is missing; it has request_id, item_id"),
        (
            TOP.assign(request_id=TOP["request_id"] + 100),
            "item_id",
            r"none of its 400 rows is for one of the 40 requests",
        ),
        (TOP.iloc[:0], "item_id", r"none of its 0 rows"),
        (TOP.assign(item_id=TOP["item_id"].astype(str)), "item_id", r"reference: all 10 values of item_id are strings"),
        (TOP.assign(doc_id=1), "doc_id", r"losses: no component of cascade gives its candidates an array 'doc_id'"),
    ],
)
def test_an_unsound_reference_is_refused(reference, item, message):
    with pytest.raises(ValueError, match=message):
        losses(SYSTEM, REQUESTS, reference, item=item)


@pytest.mark.parametrize("block", [0, 2.5])
def test_an_unsound_block_is_refused(block):
    with pytest.raises(ValueError, match=r"traced: block must be an integer of at least 1"):
        losses(SYSTEM, REQUESTS, TOP, item="item_id", block=block)


def test_a_stage_switched_off_moves_the_loss_to_the_next():
    open_second = SYSTEM.replace(second=Off("second"))
    table = losses(open_second, REQUESTS, TOP, item="item_id")
    assert table["lost"].to_numpy() == pytest.approx([0.3, 0, 0])
    weak = SYSTEM.replace(third=Scored(Column("third", "second"), 10))
    assert losses(weak, REQUESTS, TOP, item="item_id")["lost"].to_numpy() == pytest.approx([0.3, 0.2, 0])
