from itertools import product

import numpy as np
import pandas as pd
import pytest

from mlsd_lib.architecture import Batch, Off, System
from mlsd_lib.funnel import Costs, Scored, losses, opened, resized, stages, tune, tuning
from mlsd_lib.systems import search
from mlsd_lib.systems.search.page import Page
from tests.unit.funnel.cascades import EDGE, Column, Find, Offer, cascade, noisy

NUMBERS = np.arange(30)
ASKED = pd.DataFrame({"request_id": NUMBERS[::-1]})
TABLE = noisy(NUMBERS)
SYSTEM = cascade(TABLE, (40, 20, 5))
KEEPS = {"first": [40, 10, 20], "second": [5, 10, 20, 40]}
COSTS = Costs(
    fixed_ms={"first": 1.0, "second": 0.5, "third": 0.25},
    per_item_ms={"first": 0.001, "second": 0.01, "third": 0.1},
)
MOST = int(TABLE.groupby("request_id").size().max())


def by_hand(keeps, reference=None):
    """Every setting in which no stage passes on more than it is given, run for real: numbers, milliseconds, recall."""
    wanted = opened(resized(SYSTEM, {"first": 40}), 40).run(ASKED) if reference is None else reference
    rows = []
    for first, second in product(keeps["first"], keeps["second"]):
        if second > first:
            continue
        left = losses(resized(SYSTEM, {"first": first, "second": second}), ASKED, wanted, item="item_id")["left"].iloc[
            -1
        ]
        ms = 1.75 + 0.001 * min(first, MOST) + 0.01 * min(first, MOST) + 0.1 * min(second, MOST)
        rows.append((first, second, ms, left))
    return pd.DataFrame(rows, columns=["first", "second", "ms", "recall"])


@pytest.mark.parametrize("outside", [False, True])
def test_one_wide_run_says_what_every_setting_would_show(outside):
    truth = TABLE.sort_values("third").groupby("request_id").tail(3)[["request_id", "item_id"]] if outside else None
    considered = tune(SYSTEM, ASKED, 99, KEEPS, item="item_id", costs=COSTS, reference=truth).considered
    expected = by_hand(KEEPS, truth).sort_values(["ms", "recall"], ascending=[True, False], ignore_index=True)
    assert len(considered) == 9
    pd.testing.assert_frame_equal(considered[["first", "second", "ms", "recall"]], expected)
    assert (considered["third"] == 5).all()


def test_the_setting_of_highest_recall_within_the_budget_is_chosen():
    everything = by_hand(KEEPS)
    for budget in np.linspace(everything["ms"].min(), everything["ms"].max() + 0.1, 12):
        tuned = tune(SYSTEM, ASKED, budget, KEEPS, item="item_id", costs=COSTS)
        fits = everything[everything["ms"] <= budget + 1e-9]
        expected = fits.sort_values(["recall", "ms"], ascending=[False, True]).iloc[0]
        assert tuned.keeps == {"first": expected["first"], "second": expected["second"]}
        assert (tuned.predicted_ms, tuned.expected_recall) == pytest.approx((expected["ms"], expected["recall"]))
        assert [stage.keep for stage in stages(tuned.system)] == [*tuned.keeps.values(), 5]


def test_a_budget_that_is_met_exactly_is_kept():
    ms = 1.75 + 0.001 * 10 + 0.01 * 10 + 0.1 * 5
    tuned = tune(SYSTEM, ASKED, ms + 1e-12, KEEPS, item="item_id", costs=COSTS)
    assert tuned.keeps == {"first": 10, "second": 5}
    exact = Costs(dict.fromkeys(COSTS.fixed_ms, 1.0), dict.fromkeys(COSTS.fixed_ms, 0.0))
    assert tune(SYSTEM, ASKED, 3.0, KEEPS, item="item_id", costs=exact).predicted_ms == 3.0


def test_the_expected_recall_is_what_the_chosen_system_has():
    tuned = tune(SYSTEM, ASKED, 3.3, KEEPS, item="item_id", costs=COSTS)
    wanted = opened(SYSTEM, 40).run(ASKED)
    assert losses(tuned.system, ASKED, wanted, item="item_id")["left"].iloc[-1] == pytest.approx(tuned.expected_recall)
    assert 0.5 < tuned.expected_recall < 1


def test_the_frontier_holds_what_nothing_cheaper_reaches():
    considered = tune(SYSTEM, ASKED, 99, KEEPS, item="item_id", costs=COSTS).considered
    for _, row in considered.iterrows():
        cheaper = considered[
            (considered["ms"] < row["ms"]) | ((considered["ms"] == row["ms"]) & (considered.index < row.name))
        ]
        assert row["frontier"] == (row["recall"] > cheaper["recall"].max() if len(cheaper) else True)
    assert 2 < considered["frontier"].sum() < len(considered)


def test_of_settings_with_the_same_recall_the_cheapest_is_chosen():
    table = TABLE.assign(first=TABLE["third"], second=TABLE["third"])  # every stage sees what the last one sees
    tuned = tune(cascade(table, (40, 20, 5)), ASKED, 99, KEEPS, item="item_id", costs=COSTS)
    assert (tuned.keeps, tuned.expected_recall) == ({"first": 10, "second": 5}, 1.0)


def test_a_budget_that_nothing_meets_is_an_error_that_says_what_would_be_needed():
    told = (
        r"^tune: none of 9 settings keeps 2 ms\. The cheapest \(first=10, second=5, third=5\) takes 2\.36 ms, of which "
        r"1\.75 ms whatever it keeps\. "
    )
    with pytest.raises(ValueError, match=told):
        tune(SYSTEM, ASKED, 2, KEEPS, item="item_id", costs=COSTS)
    with pytest.raises(ValueError, match="keeps nan ms"):
        tune(SYSTEM, ASKED, float("nan"), KEEPS, item="item_id", costs=COSTS)


def test_blocks_and_kinds_of_ids_change_nothing():
    expected = tune(SYSTEM, ASKED, 3, KEEPS, item="item_id", costs=COSTS).considered
    texts = cascade(noisy(NUMBERS, text_ids=True), (40, 20, 5))
    for block in (1, 7):
        pd.testing.assert_frame_equal(
            tune(texts, ASKED, 3, KEEPS, item="item_id", costs=COSTS, block=block).considered, expected
        )


def test_the_number_that_is_shown_can_be_tuned_too():
    wanted = opened(SYSTEM, 40).run(ASKED)
    tuned = tune(SYSTEM, ASKED, 99, {"third": [2, 5]}, item="item_id", costs=COSTS, reference=wanted)
    assert tuned.keeps == {"third": 5}
    few = resized(SYSTEM, {"third": 2})
    assert tuned.considered.set_index("third")["recall"][2] == pytest.approx(
        losses(few, ASKED, wanted, item="item_id")["left"].iloc[-1]
    )


def test_a_stage_whose_numbers_are_all_above_what_it_is_given_gets_its_smallest():
    considered = tune(SYSTEM, ASKED, 99, {"first": [4, 40], "second": [20, 30]}, item="item_id", costs=COSTS).considered
    assert sorted(zip(considered["first"], considered["second"], strict=True)) == [(4, 20), (40, 20), (40, 30)]


def test_components_before_and_between_stages_are_paid_for():
    parts = (Offer(TABLE), Scored(Column("second"), 20), Off("filter"), Scored(Column("third"), 5), Off("page"))
    system = System("cascade", EDGE, parts)
    cents = {"offer": 0.001, "second": 0.01, "filter": 0.1, "third": 1.0, "page": 10.0}
    costs = Costs(dict.fromkeys(cents, 0.0), cents)
    considered = tune(system, ASKED, 1e9, {"second": [10, 30]}, item="item_id", costs=costs).considered
    assert considered["ms"].tolist() == pytest.approx([0.011 * MOST + 1.1 * second + 10.0 * 5 for second in (10, 30)])


def test_a_stage_may_drop_candidates_of_its_own_accord():
    class Picky(Column):
        def __call__(self, batch):
            good = batch.items["item_id"] % 3 > 0
            return super().__call__(Batch(batch.requests, {name: values[good] for name, values in batch.items.items()}))

    system = SYSTEM.replace(second=Scored(Picky("second"), 20))
    tuned = tune(system, ASKED, 99, {"first": [15, 40], "second": [6, 12]}, item="item_id", costs=COSTS)
    wanted = opened(resized(system, {"first": 40}), 40).run(ASKED)
    for _, row in tuned.considered.iterrows():
        one = resized(system, {"first": int(row["first"]), "second": int(row["second"])})
        assert losses(one, ASKED, wanted, item="item_id")["left"].iloc[-1] == pytest.approx(row["recall"])


def test_without_costs_the_components_are_timed():
    tuned = tune(SYSTEM, ASKED.iloc[:4], 1e6, {"first": [10, 40]}, item="item_id")
    assert tuned.keeps == {"first": 40}
    assert tuned.predicted_ms > 0


def test_what_is_timed_are_the_first_requests_at_several_widths(monkeypatch):
    asked = pd.DataFrame({"request_id": np.arange(70)})
    table = pd.DataFrame(
        {"component": ["first", "second", "third"], "items_in": 1, "items_out": 1, "milliseconds": [1, 2, 4]}
    )
    calls = []

    def timings(system, requests, *, scales):
        calls.append(([stage.keep for stage in stages(system)], requests["request_id"].tolist(), scales))
        return table

    monkeypatch.setattr(tuning, "timings", timings)
    assert tune(cascade(noisy(np.arange(70)), (40, 20, 5)), asked, 99, KEEPS, item="item_id").predicted_ms == 7
    assert calls == [([40, 40, 40], list(range(50)), (0.125, 0.25, 0.5, 1.0))]


def test_of_settings_that_cost_the_same_the_best_comes_first():
    free = Costs(dict.fromkeys(COSTS.fixed_ms, 1.0), dict.fromkeys(COSTS.fixed_ms, 0.0))
    tuned = tune(SYSTEM, ASKED, 99, KEEPS, item="item_id", costs=free)
    assert tuned.considered["recall"].is_monotonic_decreasing
    assert tuned.considered["frontier"].tolist() == [True] + [False] * 8
    assert tuned.expected_recall == tuned.considered["recall"].max()


def test_requests_for_which_nothing_is_wanted_are_left_out():
    wanted = opened(SYSTEM, 40).run(ASKED).loc[lambda rows: rows["request_id"] < 7]
    tuned = tune(SYSTEM, ASKED, 3, KEEPS, item="item_id", costs=COSTS, reference=wanted)
    left = losses(tuned.system, ASKED, wanted, item="item_id")["left"].iloc[-1]
    assert tuned.expected_recall == pytest.approx(left)


def test_a_result_cannot_be_changed_and_equals_itself_only():
    tuned, again = (tune(SYSTEM, ASKED, 3, KEEPS, item="item_id", costs=COSTS) for _ in range(2))
    assert tuned != again
    with pytest.raises(AttributeError):
        tuned.predicted_ms = 0


def test_a_search_engine_is_tuned():
    documents = pd.DataFrame(
        {
            "doc_id": range(60),
            "title": [f"pizza {'taxi ' * (i % 5)}" for i in range(60)],
            "text": [f"night {i}" for i in range(60)],
        }
    )
    engine = search.fit(documents, keep=50)
    engine = engine.replace(ranker=Scored(engine["ranker"], 10))
    asked = pd.DataFrame({"request_id": ["a", "b"], "query": ["taxi", "pizza night"]})
    tuned = tune(engine, asked, 1e6, {"selection": [10, 20, 60]}, item="doc_id")
    assert tuned.expected_recall == 1.0
    assert isinstance(tuned.system["page"], Page)
    assert str(tuned).startswith(f"selection={tuned.keeps['selection']}: ")
    assert str(tuned).endswith("recall 1.000")


def test_a_tuned_funnel_prints_as_one_line():
    tuned = tune(SYSTEM, ASKED, 99, {"first": [10, 40]}, item="item_id", costs=COSTS)
    assert repr(tuned) == f"first=40: {tuned.predicted_ms:.3g} ms, recall {tuned.expected_recall:.3f}"


@pytest.mark.parametrize(
    ("keeps", "message"),
    [
        ({}, "tune: there is nothing to choose from"),
        ({"first": []}, "tune: there is nothing to choose from"),
        ({"fourth": [3]}, "cascade: 'fourth' is not a stage"),
        ({"first": [10, 0]}, "first: keep must be an integer of at least 1, got 0"),
        ({"second": [2.5]}, "second: keep must be an integer"),
    ],
)
def test_unsound_numbers_are_refused(keeps, message):
    with pytest.raises(ValueError, match=message):
        tune(SYSTEM, ASKED, 99, keeps, item="item_id", costs=COSTS)


def test_a_component_of_unknown_cost_is_refused():
    with pytest.raises(ValueError, match="the cost of 'third' is not known"):
        tune(
            SYSTEM, ASKED, 99, KEEPS, item="item_id", costs=Costs({"first": 1, "second": 1}, {"first": 1, "second": 1})
        )


class Brings(Column):
    """A scorer that names other items than it was given."""

    def __call__(self, batch):
        batch = super().__call__(batch)
        return Batch(batch.requests, {**batch.items, "item_id": self.other(batch.items["item_id"])})


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (
            lambda ids: ids + 1_000,
            r"tune: stage 'second' passes on items that 'first' did not, and a funnel only narrows",
        ),
        (
            lambda ids: ids[:1].repeat(len(ids)) if len(ids) else ids,
            r"tune: stage 'second' passes on items (twice|that)",
        ),
    ],
)
def test_a_later_stage_that_adds_items_is_refused(other, message):
    scorer = Brings("second")
    scorer.other = other
    with pytest.raises(ValueError, match=message):
        tune(SYSTEM.replace(second=Scored(scorer, 20)), ASKED, 99, KEEPS, item="item_id", costs=COSTS)


def test_a_strange_item_is_noticed_even_where_it_might_pass_for_one_of_the_request_before():
    asked = pd.DataFrame({"request_id": [0, 1]})
    table = pd.DataFrame(
        {"request_id": [0, 0, 1, 1], "item_id": [1, 2, 1, 2], "first": 1.0, "second": 1.0, "third": 1.0}
    )
    scorer = Brings("second")
    scorer.other = lambda ids: np.where(np.arange(len(ids)) == 2, 77, ids)
    told = r"tune: stage 'second' passes on items that 'first' did not, .* Let 'first' find all, each once"
    with pytest.raises(ValueError, match=told):
        tune(
            cascade(table, (2, 2, 2)).replace(second=Scored(scorer, 2)),
            asked,
            9,
            {"first": [2]},
            item="item_id",
            costs=COSTS,
        )


def test_an_item_of_another_request_is_a_strange_one():
    asked = pd.DataFrame({"request_id": [0, 1]})
    table = pd.DataFrame(
        {"request_id": [0, 0, 1, 1], "item_id": [1, 2, 3, 4], "first": 1.0, "second": 1.0, "third": 1.0}
    )
    for other in ([1, 3, 3, 4], [1, 2, 2, 4]):
        scorer = Brings("second")
        scorer.other = lambda ids, other=other: np.array(other)
        with pytest.raises(ValueError, match=r"passes on items that 'first' did not"):
            tune(
                cascade(table, (2, 2, 2)).replace(second=Scored(scorer, 2)),
                asked,
                9,
                {"first": [2]},
                item="item_id",
                costs=COSTS,
            )


def test_a_funnel_whose_last_stage_passes_on_nothing_is_refused():
    class Shut(Column):
        def __call__(self, batch):
            return Batch(batch.requests, {name: values[:0] for name, values in super().__call__(batch).items.items()})

    with pytest.raises(ValueError, match=r"tune: stage 'third' passes on nothing"):
        tune(SYSTEM.replace(third=Scored(Shut("third"), 5)), ASKED, 99, KEEPS, item="item_id", costs=COSTS)


def test_items_that_are_found_twice_are_refused():
    double = pd.concat([TABLE, TABLE])
    with pytest.raises(ValueError, match=r"tune: stage 'first' passes on items twice"):
        tune(cascade(double, (40, 20, 5)), ASKED, 99, KEEPS, item="item_id", costs=COSTS)


def test_a_funnel_without_candidates_or_ids_is_refused():
    with pytest.raises(ValueError, match=r"tune: stage 'first' finds no candidate for any of the 2 requests"):
        tune(SYSTEM, pd.DataFrame({"request_id": [900, 901]}), 99, KEEPS, item="item_id", costs=COSTS)
    with pytest.raises(ValueError, match=r"tune: stage 'first' gives its candidates no array 'doc_id'"):
        tune(SYSTEM, ASKED, 99, KEEPS, item="doc_id", costs=COSTS)


def test_requests_without_candidates_count_as_lost_where_something_was_wanted():
    asked = pd.DataFrame({"request_id": [0, 900]})
    mine = TABLE[TABLE["request_id"] == 0].nlargest(2, "third")[["request_id", "item_id"]]
    wanted = pd.concat([mine, pd.DataFrame({"request_id": [900], "item_id": [1]})])
    recall = tune(SYSTEM, asked, 99, {"first": [40]}, item="item_id", costs=COSTS, reference=wanted).expected_recall
    assert recall == 0.5


def test_a_retrieval_alone_can_be_tuned():
    system = System("one", EDGE, (Find(TABLE, "first", 10),))
    costs = Costs({"first": 0.0}, {"first": 0.5})
    tuned = tune(system, ASKED, 3, {"first": [2, 4, 6, 8]}, item="item_id", costs=costs)
    assert (tuned.keeps, tuned.predicted_ms) == ({"first": 6}, 3.0)
