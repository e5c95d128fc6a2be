import numpy as np
import pandas as pd
import pytest

from mlsd_lib.metrics import online, ratio
from mlsd_lib.worlds.search import SearchWorld, visit

START = pd.Timestamp("2026-01-05", tz="UTC")


def asked(*rows):
    """Requests from (session, query); ids and times count up in the order given."""
    frame = pd.DataFrame(rows, columns=["session_id", "query"])
    ids = range(100, 100 + len(frame))
    return frame.assign(request_id=ids, ts=[START + pd.Timedelta(minutes=n) for n in range(len(frame))])


def logged(*rows):
    """Rows shown, from (request, clicked, dwell)."""
    return pd.DataFrame(rows, columns=["request_id", "clicked", "dwell_s"])


def spelt_out(requests, log, dwell_s):
    """ "settled" from its definition, a session and a click at a time."""
    good = {}
    for session, mine in requests.groupby("session_id", sort=False):
        mine = mine.sort_values("ts")
        good[session] = 0.0
        for click in log[log.clicked & log.request_id.isin(mine.request_id)].itertuples():
            at = mine.request_id.tolist().index(click.request_id)
            later = mine["query"].tolist()[at + 1 :]
            followed = any(words != mine["query"].iloc[at] for words in later)
            if (click.dwell_s >= dwell_s or not later) and not followed:
                good[session] = 1.0
    return good


class Anything:
    """Shows the same ten documents to everybody, except nothing for every fifth request."""

    def __init__(self, world):
        self.doc_id = world.documents["doc_id"].to_numpy()[:10]

    def run(self, requests):
        some = requests.loc[requests["request_id"] % 5 != 0, ["request_id"]]
        return some.merge(pd.DataFrame({"position": range(1, 11), "doc_id": self.doc_id}), how="cross")


@pytest.fixture(scope="module")
def visits():
    world = SearchWorld(seed=3, documents=500)
    requests = world.requests(world.users(300, seed=1), n=350, day=0, seed=2)
    everything, log = visit(world, Anything(world), requests, seed=3)
    return world, everything, log


def test_all_definitions_of_success_agree_with_the_world_and_with_their_definition(visits):
    world, requests, log = visits
    assert requests["request_id"].isin(log["request_id"]).mean() < 0.9  # some were shown nothing
    told = world.sessions(requests, log).groupby("session_id", sort=False)
    clicked, long = (told["clicks"].sum() > 0).astype(float), told["satisfied_by_dwell"].max().astype(float)
    shuffled = log.sample(frac=1, random_state=1)
    success = {by: online.session_success(requests, shuffled, by=by) for by in ("click", "dwell", "settled")}
    pd.testing.assert_series_equal(success["click"], clicked, check_names=False)
    pd.testing.assert_series_equal(success["dwell"], long, check_names=False)
    wanted = spelt_out(requests, log, 30)
    assert success["settled"].to_dict() == wanted
    assert 0.05 < np.mean(list(wanted.values())) < 0.95
    assert not success["settled"].equals(success["click"])
    ten = online.session_success(requests, log, by="settled", dwell_s=10)
    assert ten.to_dict() == spelt_out(requests, log, 10)
    mixed = requests.sample(frac=1, random_state=4)
    other = online.session_success(mixed, log, by="settled")
    assert other.index.tolist() == mixed["session_id"].drop_duplicates().tolist()
    assert other.to_dict() == wanted
    assert success["dwell"].name == "session success"


def test_settled_looks_at_what_follows_a_click():
    requests = asked(
        (1, "pizza"), (1, "pizza oven"),  # reworded after a long click
        (2, "taxi"), (2, "taxi"),  # the same words again after a long click
        (3, "bank"), (3, "bank"),  # the same words again after a short click
        (4, "shoe"),  # a short click that ends the session
        (5, "hat"), (5, "cap"), (5, "hat"),  # a long click, other words, the first words again
        (6, "tea"), (6, "coffee"),  # no click, then a short one at the end
    )  # fmt: skip
    log = logged(
        (100, True, 60),
        (102, True, 30),
        (103, False, 0),
        (104, True, 5),
        (106, True, 5),
        (107, True, 90),
        (111, True, 1),
    )
    success = online.session_success(requests, log, by="settled")
    assert success.to_dict() == {1: 0, 2: 1, 3: 0, 4: 1, 5: 0, 6: 1}
    assert online.session_success(requests, log).to_dict() == {1: 1, 2: 1, 3: 0, 4: 0, 5: 1, 6: 0}
    assert online.session_success(requests, log, by="click").tolist() == [1] * 6
    assert online.session_success(requests, log, dwell_s=30.5).to_dict() == {1: 1, 2: 0, 3: 0, 4: 0, 5: 1, 6: 0}
    assert online.session_success(requests, log, dwell_s=0).tolist() == [1] * 6


def test_a_session_that_was_shown_nothing_is_a_failure_and_not_missing():
    requests, log = asked((1, "a"), (2, "b")), logged((100, True, 50))
    for by in ("click", "dwell", "settled"):
        assert online.session_success(requests, log, by=by).to_dict() == {1: 1, 2: 0}
        assert online.session_success(requests, log.iloc[:0], by=by).to_dict() == {1: 0, 2: 0}
    assert online.abandonment(requests, log).to_dict() == {1: 0, 2: 1}


def test_abandonment_by_session_and_by_request(visits):
    world, requests, log = visits
    told = world.sessions(requests, log)
    by_session = online.abandonment(requests, log)
    assert by_session.to_dict() == (told.groupby("session_id")["clicks"].sum() == 0).astype(float).to_dict()
    by_request = online.abandonment(requests, log, unit="request_id")
    assert by_request.to_dict() == dict(zip(told["request_id"], (told["clicks"] == 0).astype(float), strict=True))
    assert by_request.index.tolist() == requests["request_id"].tolist()
    assert by_session.name == "abandonment"


def test_click_through_sums_clicks_and_impressions_by_unit(visits):
    _, _, log = visits
    table = online.ctr(log, unit="user_id")
    assert table["clicks"].sum() == log["clicked"].sum()
    assert table["shown"].sum() == len(log)
    assert table.index.tolist() == log["user_id"].drop_duplicates().tolist()
    one = log["user_id"].iloc[0]
    mine = log[log["user_id"] == one]
    assert table.loc[one].tolist() == [mine["clicked"].sum(), len(mine)]
    assert ratio(table["clicks"], table["shown"]).value == pytest.approx(log["clicked"].mean())
    assert online.ctr(log).shape == (log["request_id"].nunique(), 2)


def test_an_ads_log_is_as_good_as_a_search_log():
    ads = pd.DataFrame({"request_id": ["a", "a", "b"], "ad_id": [7, 8, 7], "position": [1, 2, 1], "clicked": [1, 0, 0]})
    requests = pd.DataFrame({"request_id": ["a", "b", "c"], "session_id": ["s", "t", "u"]})
    assert online.ctr(ads, unit="ad_id").loc[7].tolist() == [1, 2]
    assert online.session_success(requests, ads, by="click").to_dict() == {"s": 1, "t": 0, "u": 0}


def test_sessions_are_counted_once_and_users_without_one_are_zero():
    requests = pd.DataFrame({"user_id": [5, 5, 5, 2], "session_id": [1, 1, 2, 3]})
    assert online.sessions_per_user(requests).to_dict() == {5: 2, 2: 1}
    everybody = online.sessions_per_user(requests, users=np.array([2, 9, 5]))
    assert everybody.to_dict() == {2: 1, 9: 0, 5: 2}
    assert everybody.index.tolist() == [2, 9, 5]
    assert everybody.name == "sessions per user"
    with pytest.raises(ValueError, match="requests: 1 row names a user_id that users does not have"):
        online.sessions_per_user(requests, users=[5])
    with pytest.raises(ValueError, match="users: user_id of an earlier row again in 1 row"):
        online.sessions_per_user(requests, users=[5, 2, 2])


def test_retention_is_of_those_who_were_there():
    back = online.retention(["a", "b", "c"], pd.DataFrame({"user_id": ["c", "x", "a", "a"]}))
    assert back.to_dict() == {"a": 1, "b": 0, "c": 1}
    assert back.name == "retention"
    with pytest.raises(ValueError, match=r"user_id are strings .* later has integers"):
        online.retention(["a"], pd.DataFrame({"user_id": [1]}))
    with pytest.raises(ValueError, match=r"users: user_id of an earlier row again in 1 row .first: user_id='a'"):
        online.retention(["a", "a"], pd.DataFrame({"user_id": ["a"]}))


def test_bad_logs_are_refused():
    requests, log = asked((1, "a"), (1, "b")), logged((100, True, 3.0), (101, False, 0.0))
    with pytest.raises(ValueError, match="by must be 'click', 'dwell' or 'settled', got 'happy'"):
        online.session_success(requests, log, by="happy")
    for dwell_s in (-1, float("nan")):
        with pytest.raises(ValueError, match=r"dwell_s is .*; expected seconds, at least 0"):
            online.session_success(requests, log, dwell_s=dwell_s)
    with pytest.raises(ValueError, match="log: column 'dwell_s' is missing"):
        online.session_success(requests, log.drop(columns="dwell_s"))
    with pytest.raises(ValueError, match="requests: column 'ts' is missing"):
        online.session_success(requests.drop(columns="ts"), log, by="settled")
    with pytest.raises(ValueError, match="log: 1 row names a request_id that requests does not have"):
        online.session_success(requests.head(1), log)
    with pytest.raises(
        ValueError, match=r"requests: request_id of an earlier row again in 1 row \(first: request_id=100\)"
    ):
        online.abandonment(requests.assign(request_id=100), log.head(1))
    with pytest.raises(ValueError, match=r"log: clicked is neither true nor false in 1 row \(first: row 1, 2\)"):
        online.ctr(log.assign(clicked=[1, 2]))
    with pytest.raises(ValueError, match=r"log: clicked is missing in 1 row \(first: row 0\)"):
        online.ctr(log.assign(clicked=[None, True]))
    with pytest.raises(ValueError, match="log: expected a pandas DataFrame with request_id, clicked, got a list"):
        online.ctr([1])


def test_units_come_in_the_order_of_the_table_and_errors_name_it():
    requests = pd.DataFrame({"user_id": [9, 2, 9], "session_id": [5, 1, 6]})
    assert online.sessions_per_user(requests).index.tolist() == [9, 2]
    assert online.sessions_per_user(requests).dtype == np.float64
    with pytest.raises(ValueError, match="requests: column 'session_id' is missing"):
        online.sessions_per_user(requests[["user_id"]])
    with pytest.raises(ValueError, match="later: column 'user_id' is missing"):
        online.retention([1], requests[["session_id"]])
    with pytest.raises(ValueError, match=r"users: user_id is missing in 2 rows \(first: row 1\)"):
        online.retention([1.0, None, None], requests)
    with pytest.raises(ValueError, match="users: all 1 values of user_id are strings"):
        online.retention(["a"], requests)
    assert online.retention([2], requests).dtype == np.float64
