"""Interleaving against the algorithms of the papers, spelled out list by list, and visitors with known tastes."""

import itertools
from dataclasses import FrozenInstanceError

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from mlsd_lib.online.interleaving import (
    balanced,
    credit,
    detected,
    needed,
    preference,
    team_draft,
    wins,
)
from mlsd_lib.online.interleaving.reading import decided
from mlsd_lib.worlds import chance
from mlsd_lib.worlds.search import SearchWorld

A, B = list("xyz"), list("yzx")  # b is a, moved up by a place


def frame(lists):
    """A ranking as a table, from lists of documents by request."""
    rows = [(request, place + 1, doc) for request, docs in lists.items() for place, doc in enumerate(docs)]
    table = pd.DataFrame(rows, columns=["request_id", "position", "doc_id"])
    return table.astype({"request_id": "int64", "position": "int64"})


def pages(shown):
    """What was shown, as a list of (document, team) for each request."""
    return {
        request: list(zip(rows["doc_id"], rows["team"], strict=True)) for request, rows in shown.groupby("request_id")
    }


def draft(a, b, coins, keep):
    """Team-draft as the paper has it: who has fewer picks next, a coin at equality; then the rest, without a team."""
    page, team_a, team_b, coins = [], 0, 0, iter(coins)
    while any(d not in page for d in a) and any(d not in page for d in b) and len(page) < keep:
        if team_a < team_b or (team_a == team_b and next(coins)):
            page.append(next(d for d in a if d not in page))
            team_a += 1
        else:
            page.append(next(d for d in b if d not in page))
            team_b += 1
    drafted = len(page)
    page += [d for d in [*a, *b] if d not in page]
    return page[:keep], drafted


def teams(a, b, coins, keep):
    """The page with the team of each result."""
    picks, count, coins = [], [0, 0], list(coins)
    page, drafted = draft(a, b, coins, keep)
    for place in range(min(drafted, keep)):
        even = place % 2 == 0
        first = coins[place // 2]
        side = first if even else not first
        picks.append("a" if side else "b")
        count[not side] += 1
    return list(zip(page, picks + [""] * (len(page) - len(picks)), strict=True))


def zipped(a, b, a_first, keep):
    """Balanced interleaving as the paper has it: two pointers, each moved on whether or not its result is new."""
    page, at_a, at_b = [], 0, 0
    while at_a < len(a) and at_b < len(b):
        if at_a < at_b or (at_a == at_b and a_first):
            page += [(a[at_a], "a")] if a[at_a] not in [d for d, _ in page] else []
            at_a += 1
        else:
            page += [(b[at_b], "b")] if b[at_b] not in [d for d, _ in page] else []
            at_b += 1
    for rest, team in ((a, "a"), (b, "b")):
        page += [(d, team) for d in rest if d not in [shown for shown, _ in page]]
    return page[:keep]


def some_lists(count, seed=0, least=0):
    """Rankings of different lengths over few documents, so that they overlap much."""
    rng = np.random.default_rng(seed)
    lists = [{r: list(rng.permutation(9)[: rng.integers(least, 8)]) for r in range(count)} for _ in "ab"]
    return [{r: [int(d) for d in docs] for r, docs in one.items()} for one in lists]


@pytest.mark.parametrize("keep", [1, 2, 5, 6, 12])
def test_a_team_draft_is_one_that_the_papers_captains_could_have_drafted(keep):
    a, b = some_lists(150, seed=keep)
    shown = pages(team_draft(frame(a), frame(b), keep=keep, seed=3))
    different = set()
    for request in a:
        possible = {
            coins: teams(a[request], b[request], coins, keep) for coins in itertools.product([True, False], repeat=6)
        }
        if a[request] or b[request]:
            page = shown[request]
            assert page in possible.values()
            different.add(next(coins for coins, one in possible.items() if one == page)[: (keep + 1) // 2])
        else:
            assert request not in shown
    assert len(different) >= min(2, keep)


def test_every_draft_is_as_likely_as_its_coins():
    lists = {r: [1, 2, 3, 4] for r in range(8_000)}, {r: [3, 5, 1, 6] for r in range(8_000)}
    shown = pages(team_draft(*map(frame, lists), keep=6, seed=1))
    expected = [str(teams([1, 2, 3, 4], [3, 5, 1, 6], c, 6)) for c in itertools.product([True, False], repeat=3)]
    counts = pd.Series([str(page) for page in shown.values()]).value_counts()
    wanted = pd.Series(expected).value_counts() * 1_000
    assert set(counts.index) == set(wanted.index)
    assert stats.chisquare(counts[wanted.index], wanted).pvalue > 0.001


@pytest.mark.parametrize("keep", [1, 4, 12])
def test_a_balanced_page_is_one_of_the_papers_two(keep):
    a, b = some_lists(300, seed=keep)
    table = balanced(frame(a), frame(b), keep=keep, seed=2)
    shown = pages(table)
    a_first = []
    for request in a:
        first, second = (zipped(a[request], b[request], side, keep) for side in (True, False))
        assert shown.get(request, []) in (first, second)
        a_first += [shown[request] == first] if first != second else []
    assert 0.38 < np.mean(a_first) < 0.62
    for row in table.itertuples():
        for side, rank in ((a, row.rank_a), (b, row.rank_b)):
            near = side[row.request_id][:keep]
            assert rank == (near.index(row.doc_id) + 1 if row.doc_id in near else 0)


@pytest.mark.parametrize("mix", [team_draft, balanced])
def test_a_page_does_not_depend_on_the_batch_the_order_of_rows_or_the_other_requests(mix):
    a, b = (frame(one) for one in some_lists(60, seed=5, least=1))
    whole = mix(a, b, keep=5, seed=9)
    for block in (1, 7, 60):
        pd.testing.assert_frame_equal(mix(a, b, keep=5, seed=9, block=block), whole)
    shuffled = mix(a.sample(frac=1, random_state=0), b.sample(frac=1, random_state=1), keep=5, seed=9)
    by = ["request_id", "position"]
    pd.testing.assert_frame_equal(shuffled.sort_values(by, ignore_index=True), whole.sort_values(by, ignore_index=True))
    alone = [mix(a[a.request_id == r], b[b.request_id == r], keep=5, seed=9) for r in range(60)]
    pd.testing.assert_frame_equal(pd.concat(alone, ignore_index=True), whole)
    assert not mix(a, b, keep=5, seed=10).equals(whole)


@pytest.mark.parametrize("mix", [team_draft, balanced])
def test_ids_may_be_strings_positions_may_have_gaps_and_other_columns_are_left_out(mix):
    a, b = frame({0: A, 1: A}), frame({0: B, 1: B})
    plain = mix(a, b, keep=3, seed=4)
    odd = [one.assign(position=10 * one.position, score=1.0, request_id=one.request_id) for one in (a, b)]
    pd.testing.assert_frame_equal(mix(*odd, keep=3, seed=4), plain)
    named = [one.assign(request_id=[f"r{r}" for r in one.request_id]) for one in (a, b)]
    shown = mix(*named, keep=3, seed=4)
    assert shown["request_id"].tolist() == ["r0"] * 3 + ["r1"] * 3
    assert {tuple(docs) for _, docs in shown.groupby("request_id")["doc_id"]} <= {tuple("xyz"), tuple("yxz")}


@pytest.mark.parametrize("mix", [team_draft, balanced])
def test_two_equal_rankings_give_their_own_page_and_nobody_wins(mix):
    lists = {r: [int(d) for d in np.random.default_rng(r).permutation(30)[:10]] for r in range(3_000)}
    shown = mix(frame(lists), frame(lists), seed=6)
    assert shown.groupby("request_id")["doc_id"].apply(list).to_dict() == lists
    click = chance.uniform(0, "test", shown["request_id"], shown["position"]) < 0.5 / shown["position"]
    by = "team" if mix is team_draft else "rank"
    found = preference(shown.assign(clicked=click), unit="request_id", by=by)
    if mix is balanced:
        assert (found.wins_a, found.wins_b) == (0, 0)
        assert np.isnan(found.share)
        assert str(found) == "none of 3000 units prefers one"
    else:
        assert found.low < 0.5 < found.high
        assert 0.47 < found.share < 0.53


def one_click(shown, place):
    """Visitors who click on exactly one place, whatever stands there."""
    return shown.assign(clicked=shown["position"] == shown["request_id"].map(place))


def test_a_visitor_who_clicks_anywhere_prefers_nobody_in_a_team_draft_and_somebody_in_a_balanced_page():
    requests = range(30_000)
    place = pd.Series(1 + (chance.uniform(0, "where", requests) * 3).astype(int), index=requests)
    a, b = frame(dict.fromkeys(requests, A)), frame(dict.fromkeys(requests, B))
    fair = preference(one_click(team_draft(a, b, keep=3, seed=1), place), unit="request_id")
    assert abs(fair.share - 0.5) < 0.012
    flawed = preference(one_click(balanced(a, b, keep=3, seed=1), place), unit="request_id", by="rank")
    assert flawed.share == pytest.approx(2 / 3, abs=0.012)
    assert flawed.ties == 0


def spelled_credit(page, a, b, clicked):
    """Balanced credit as the paper has it."""
    if not len(clicked):
        return 0, 0
    lowest = page[max(clicked)]
    k = min(side.index(lowest) + 1 for side in (a, b) if lowest in side)
    return tuple(sum(page[c] in side[:k] for c in clicked) for side in (a, b))


def test_balanced_credit_is_the_papers():
    a, b = some_lists(400, seed=8, least=1)
    shown = balanced(frame(a), frame(b), keep=6, seed=1)
    log = shown.assign(clicked=chance.uniform(0, "test", shown["request_id"], shown["doc_id"]) < 0.35)
    score = credit(log.sample(frac=1, random_state=0), by="rank").set_index("request_id")
    told = 0
    for request, rows in log.groupby("request_id"):
        rows = rows.sort_values("position")
        wanted = spelled_credit(rows["doc_id"].tolist(), a[request], b[request], np.flatnonzero(rows["clicked"]))
        assert tuple(score.loc[request]) == wanted
        told += wanted[0] != wanted[1]
    assert told > 50


def test_a_team_gets_the_clicks_on_its_results_and_nobody_those_without_a_team():
    log = pd.DataFrame(
        {
            "request_id": [5, 5, 5, 5, 2, 2, 9],
            "team": ["a", "b", "b", "", "a", "b", "b"],
            "clicked": [1, 1, 1, 1, 1, 0, 0],
        }
    )
    assert credit(log).to_numpy().tolist() == [[5, 1, 2], [2, 1, 0], [9, 0, 0]]
    votes = wins(log.assign(user_id=["u", "u", "u", "u", "u", "u", "v"]))
    assert votes.to_dict() == {"u": 0, "v": 0}
    assert wins(log, unit="request_id").to_dict() == {5: 1, 2: -1, 9: 0}


def test_a_user_has_one_vote_however_much_it_clicks():
    log = pd.DataFrame({"request_id": range(12), "user_id": [1] * 10 + [2, 3], "team": ["a"] * 10 + ["b", "b"]})
    found = preference(log.assign(clicked=True))
    assert (found.wins_a, found.wins_b, found.ties) == (1, 2, 0)


@pytest.mark.parametrize(("a", "b", "ties"), [(0, 1, 0), (7, 0, 2), (40, 61, 100), (300, 260, 5), (5, 5, 0)])
def test_interval_and_p_value_are_those_of_an_exact_sign_test(a, b, ties):
    found = decided([-1] * a + [1] * b + [0] * ties)
    reference = stats.binomtest(b, a + b)
    interval = reference.proportion_ci(method="exact")
    assert found.p_value == pytest.approx(reference.pvalue)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))
    assert (found.share, found.ties) == (b / (a + b), ties)
    assert f"of {a + b} decided units, {ties} ties" in str(found)


def test_where_nobody_prefers_one_nothing_is_known():
    found = decided([0, 0, 0])
    assert (found.low, found.high, found.p_value, found.ties) == (0.0, 1.0, 1.0, 3)
    assert np.isnan(found.share)


def test_a_seed_gives_the_same_pages_for_ever():
    a, b = frame(dict.fromkeys(range(6), A)), frame({request: ["z", "w", "x"] for request in range(6)})
    drafted = team_draft(a, b, keep=3, seed=5).groupby("request_id")[["doc_id", "team"]].sum()
    assert drafted["doc_id"].tolist() == ["zxy", "xzw", "zxw", "zxw", "zxw", "xzy"]
    assert drafted["team"].tolist() == ["baa", "abb", "bab", "bab", "bab", "aba"]
    merged = balanced(a, b, keep=3, seed=5).groupby("request_id")["doc_id"].sum()
    assert merged.tolist() == ["xzy", "xzy", "xzy", "zxw", "xzy", "xzy"]


def test_where_rankings_are_equally_good_five_per_cent_of_experiments_say_otherwise():
    experiments, users = 1_000, 60
    requests = np.arange(experiments * users)
    lists = [{}, {}]
    for side, one in enumerate(lists):
        order = np.argsort(chance.uniform(side, "order", requests[:, None], np.arange(5)), axis=1)
        one.update(zip(requests.tolist(), order[:, :3].tolist(), strict=True))
    shown = team_draft(*map(frame, lists), keep=3, seed=2)
    likes = chance.uniform(5, "likes", shown["request_id"], shown["doc_id"]) < 0.5
    votes = wins(shown.assign(clicked=likes), unit="request_id")
    p_values = [decided(part).p_value for part in np.split(votes.to_numpy(), experiments)]
    rejected = np.mean(np.array(p_values) < 0.05)
    assert 0.015 < rejected < 0.055  # an exact test of few votes stays below 5 %


@pytest.fixture(scope="module")
def engines():
    """A world, requests, and two rankings of relevant and other documents; b makes smaller mistakes."""
    world = SearchWorld(seed=0, documents=500)
    users = world.users(4_000, seed=1)
    requests = world.requests(users, n=12_000, day=3, seed=2)
    truth = world.truth(requests)
    ids = world.documents["doc_id"].to_numpy()
    other = ids[
        (chance.uniform(0, "other", requests["request_id"].to_numpy()[:, None], np.arange(12)) * 500).astype(int)
    ]
    pairs = pd.concat(
        [
            truth.requests[["request_id", "query_id"]].merge(truth.judgments, on="query_id"),
            pd.DataFrame({"request_id": np.repeat(requests["request_id"], 12), "doc_id": other.ravel(), "grade": 0}),
        ]
    ).drop_duplicates(["request_id", "doc_id"])

    def ranking(mistakes):
        noise = chance.normal(0, "mistake", pairs["request_id"].to_numpy(), pairs["doc_id"].to_numpy())
        ranked = pairs.assign(score=pairs["grade"] + mistakes * noise)
        ranked = ranked.sort_values(["request_id", "score"], ascending=[True, False], ignore_index=True)
        ranked["position"] = ranked.groupby("request_id").cumcount() + 1
        return ranked.loc[ranked["position"] <= 10, ["request_id", "position", "doc_id"]]

    return world, users["user_id"], requests, ranking(1.5), ranking(0.9)


@pytest.mark.parametrize(("mix", "by"), [(team_draft, "team"), (balanced, "rank")])
def test_the_ranking_with_smaller_mistakes_wins_on_either_side(engines, mix, by):
    world, _, requests, poor, good = engines
    right = preference(world.respond(requests, mix(poor, good, seed=1), seed=3), by=by)
    left = preference(world.respond(requests, mix(good, poor, seed=1), seed=3), by=by)
    assert right.low > 0.5 > left.high
    assert right.share + left.share == pytest.approx(1, abs=0.03)
    assert max(right.p_value, left.p_value) < 1e-6


def test_interleaving_takes_a_tenth_of_the_users_or_fewer_and_experiments_agree(engines):
    world, users, requests, poor, good = engines

    def clicks(shown):
        return world.respond(requests, shown, seed=3).groupby("user_id")["clicked"].sum().reindex(users, fill_value=0)

    votes = wins(world.respond(requests, team_draft(poor, good, seed=1), seed=3))
    takes = needed(votes, clicks(poor), clicks(good))
    assert takes.times > 10
    assert takes.times == pytest.approx(takes.ab / takes.interleaved)
    sizes = [round(takes.interleaved), round(takes.ab)]
    seen = detected(votes, clicks(poor), clicks(good), users=sizes, experiments=600, seed=1).set_index("users")
    assert seen.loc[sizes[1], "ab"] == pytest.approx(0.8, abs=0.06)
    assert seen.loc[sizes[0], "interleaved"] == pytest.approx(0.8, abs=0.08)
    assert seen.loc[sizes[0], "ab"] < 0.25
    assert seen.loc[sizes[1], "interleaved"] == 1.0


def test_the_users_needed_are_those_of_the_textbooks_formulas():
    everybody = pd.RangeIndex(1_000)
    votes = pd.Series([1] * 300 + [-1] * 200, index=everybody[:500])  # half have no vote at all
    control = pd.Series(np.tile([0.0, 2.0], 500), index=everybody)
    takes = needed(votes, control, control + 0.1, power=0.9)
    spread, z = control.var(), stats.norm.ppf(0.975) + stats.norm.ppf(0.9)
    assert takes.ab == pytest.approx(2 * 2 * spread * z**2 / 0.1**2, abs=1)
    root = stats.norm.ppf(0.975) * 0.5 + stats.norm.ppf(0.9) * np.sqrt(0.6 * 0.4)
    assert takes.interleaved == pytest.approx((root / 0.1) ** 2 * 2)
    half = needed(votes, control, control + 0.1, power=0.5)  # a power of one half asks for no more than the edge
    assert half.interleaved == pytest.approx((stats.norm.ppf(0.975) * 0.5 / 0.1) ** 2 * 2)
    nothing = needed(pd.Series(0, index=everybody), control, control)
    assert nothing.ab == nothing.interleaved == np.inf
    assert np.isnan(nothing.times)


def test_a_ranking_that_is_worse_is_found_as_often_and_in_pieces_as_at_once(monkeypatch):
    everybody = pd.RangeIndex(500)
    votes = pd.Series(np.where(everybody % 10 < 8, -1, 1), index=everybody)
    control = pd.Series(np.tile([4.0, 6.0], 250), index=everybody)
    settings = {"users": [40], "experiments": 50}
    worse = detected(votes, control, control - 3, **settings)
    assert worse.to_numpy().tolist() == [[40, 1.0, worse["interleaved"].iloc[0]]]
    assert worse["interleaved"].iloc[0] > 0.9
    monkeypatch.setattr("mlsd_lib.online.interleaving.power._AT_ONCE", 40 * 20)
    pieces = detected(votes, control, control - 3, **settings)
    assert pieces["ab"].tolist() == [1.0]
    assert pieces["interleaved"].iloc[0] == pytest.approx(worse["interleaved"].iloc[0], abs=0.1)


def test_results_cannot_be_changed_afterwards():
    control = pd.Series([1.0, 2.0])
    for result in (decided([1]), needed(pd.Series([1, 1]), control, control + 1)):
        with pytest.raises(FrozenInstanceError):
            result.share = result.times = 1.0


def test_pages_that_only_one_ranking_answers_are_its_own_and_give_no_credit():
    a, b = frame({1: [10, 11]}), frame({2: [20], 1: []})
    shown = team_draft(a, b, seed=0)
    assert pages(shown) == {1: [(10, ""), (11, "")], 2: [(20, "")]}
    assert credit(shown.assign(clicked=True))[["a", "b"]].to_numpy().sum() == 0
    nothing = team_draft(frame({}), frame({}))
    assert nothing.empty
    assert nothing.columns.tolist() == ["request_id", "position", "doc_id", "team"]


@pytest.mark.parametrize("mix", [team_draft, balanced])
@pytest.mark.parametrize(
    ("a", "settings", "told"),
    [
        (frame({1: A}).drop(columns="position"), {}, "ranking a: shown: 1 column missing: position"),
        (frame({1: ["x", "x"]}), {}, "ranking a: .*repeats a pair of request_id and doc_id"),
        (frame({1: [1, 2]}), {}, "all 2 values of doc_id are integers"),
        (frame({1: A}), {"keep": 0}, "keep is 0; expected a whole number of at least 1"),
        (frame({1: A}), {"block": True}, "block is True"),
        (frame({1: A}), {"seed": "x"}, "seed is 'x'"),
    ],
)
def test_rankings_that_cannot_be_mixed_are_refused(mix, a, settings, told):
    with pytest.raises(ValueError, match=told):
        mix(a, frame({1: B}), **settings)


LOG = pd.DataFrame({"request_id": [1, 2], "user_id": [1, 1], "team": ["a", "b"], "clicked": [True, False]})


@pytest.mark.parametrize(
    ("log", "settings", "told"),
    [
        (LOG.drop(columns="team"), {}, "log: column 'team' is missing"),
        (LOG.drop(columns="user_id"), {}, "log: column 'user_id' is missing"),
        (LOG.assign(team=["a", "c"]), {}, r"team is neither 'a' nor 'b' nor '' in 1 row \(first: row 1, 'c'\)"),
        (LOG.assign(clicked=[2, 0]), {}, "clicked is neither true nor false"),
        (LOG.assign(request_id=1, user_id=[1, 2]), {}, "request_id of an earlier row again"),
        (LOG, {"by": "rank"}, "log: column 'position' is missing"),
        (LOG, {"by": "luck"}, "by must be 'team' or 'rank', got 'luck'"),
    ],
)
def test_logs_that_cannot_be_read_are_refused(log, settings, told):
    with pytest.raises(ValueError, match=told):
        preference(log, **settings)


def test_users_that_cannot_be_compared_are_refused():
    users = pd.Series([1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match="control: 1 users, 0 of them without a finite value"):
        needed(users, users[:1], users)
    with pytest.raises(ValueError, match="treatment: 3 users, 1 of them without a finite value"):
        needed(users, users, users.replace(2.0, np.nan))
    for power in (0.49, 1):
        with pytest.raises(ValueError, match=f"power is {power}"):
            needed(users, users, users, power=power)
    with pytest.raises(ValueError, match=r"0 experiments with \[10\] users"):
        detected(users, users, users, users=[10], experiments=0)
    with pytest.raises(ValueError, match=r"1000 experiments with \[3\] users"):
        detected(users, users, users, users=[3])
