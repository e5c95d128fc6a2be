import numpy as np
import pandas as pd
import pytest

from mlsd_lib.online.experiment import Mean, Ratio, baseline, effects, moments, units, with_history
from tests.unit.online.experiment.people import people

LOG = pd.DataFrame(
    {
        "request_id": [10, 10, 11, 12, 13, 13],
        "session_id": [1, 1, 1, 2, 3, 3],
        "user_id": [8, 8, 8, 7, 9, 9],
        "arm": ["treatment"] * 3 + ["control"] * 3,
        "clicked": [True, False, True, False, True, True],
        "dwell_s": [40.0, 0.0, 5.0, 0.0, 3.0, 29.0],
        "price": [0.5, 9.0, 0.25, 9.0, 1.0, 2.0],
        "liked": [1, 0, 1, 0, 0, 1],
    }
)
REQUESTS = pd.DataFrame(
    {
        "request_id": [10, 11, 12, 13, 14, 15],
        "session_id": [1, 1, 2, 3, 4, 5],
        "user_id": [8, 8, 7, 9, 9, 6],
        "arm": ["treatment", "treatment", "control", "control", "control", "control"],
    }
)
ASSIGNED = pd.DataFrame(
    {"user_id": [9, 8, 7, 6, 5], "arm": ["control", "treatment", "control", "control", "treatment"]}
)


def test_a_log_is_summed_up_by_unit():
    table = units(LOG, sums=["liked"])
    assert table.to_dict("list") == {
        "user_id": [7, 8, 9],
        "arm": ["control", "treatment", "control"],
        "requests": [1, 2, 1],
        "shown": [1, 3, 2],
        "clicks": [0, 2, 2],
        "revenue": [0.0, 0.75, 3.0],
        "sessions": [1, 1, 1],
        "successes": [0, 1, 0],
        "liked": [0, 2, 1],
    }


def test_requests_without_an_answer_count():
    table = units(LOG, REQUESTS)
    assert table["user_id"].tolist() == [6, 7, 8, 9]
    assert table["requests"].tolist() == [1, 1, 2, 2]
    assert table["sessions"].tolist() == [1, 1, 1, 2]
    assert table["shown"].tolist() == [0, 1, 3, 2]
    assert units(LOG, REQUESTS, dwell_s=29.0)["successes"].tolist() == [0, 0, 1, 1]


def test_people_who_never_came_count():
    table = units(LOG, REQUESTS.drop(columns="arm"), assigned=ASSIGNED)
    assert table["user_id"].tolist() == [5, 6, 7, 8, 9]
    assert table["arm"].tolist() == ["treatment", "control", "control", "treatment", "control"]
    assert table["requests"].tolist() == [0, 1, 1, 2, 2]
    assert table["revenue"].tolist() == [0.0, 0.0, 0.0, 0.75, 3.0]


def test_a_table_of_ones_own_is_summed_up_as_it_is():
    own = pd.DataFrame(
        {"user_id": ["b", "a", "b"], "arm": ["x", "y", "x"], "plays": [1, 2, 3], "euros": [0.5, 1, 2.0], "device": "tv"}
    )
    table = units(own)
    assert table.to_dict("list") == {"user_id": ["a", "b"], "arm": ["y", "x"], "plays": [2, 4], "euros": [1.0, 2.5]}
    assert table["plays"].dtype == np.int64


def test_a_log_may_come_in_pieces():
    pieces = [units(LOG[LOG["request_id"] <= 11]), units(LOG[LOG["request_id"] > 11])]
    pd.testing.assert_frame_equal(units(pd.concat(pieces)), units(LOG))
    again = units(pd.concat([*pieces, *pieces]))
    assert again["clicks"].tolist() == [0, 4, 4]


def test_a_log_of_before_the_experiment_has_no_arms():
    before = units(LOG.drop(columns="arm"), arm=None)
    assert "arm" not in before
    assert before["clicks"].tolist() == [0, 2, 2]


def test_other_names_of_unit_and_arm():
    renamed = LOG.rename(columns={"user_id": "visitor", "arm": "variant"})
    table = units(renamed, unit="visitor", arm="variant")
    assert table.columns[:2].tolist() == ["visitor", "arm"]
    pd.testing.assert_frame_equal(table.rename(columns={"visitor": "user_id"}), units(LOG))


def test_history_is_joined_by_unit():
    before = pd.DataFrame({"user_id": [9, 7, 1], "clicks": [5, 6, 7], "device": "tv"}, index=[4, 4, 4])
    table = with_history(units(LOG), before)
    assert table["clicks_before"].tolist()[::2] == [6.0, 5.0]
    assert np.isnan(table["clicks_before"][1])
    assert "device_before" not in table
    assert table.columns[:-1].tolist() == units(LOG).columns.tolist()
    with pytest.raises(ValueError, match="before: 2 rows repeat a user_id"):
        with_history(units(LOG), pd.concat([before, before[:2]]))
    with pytest.raises(ValueError, match="table: 3 rows repeat a user_id"):
        with_history(pd.concat([units(LOG)] * 2), before)
    with pytest.raises(ValueError, match="so none would match"):
        with_history(units(LOG), before.assign(user_id=["9", "7", "1"]))


def seen_twice(log):
    other = log.assign(arm="treatment")[log["user_id"] == 9]
    return pd.concat([log, other.assign(request_id=99), log[log["user_id"] == 8].assign(request_id=98, arm="control")])


def named(user, arm):
    return LOG.assign(arm=LOG["arm"].where(LOG["user_id"] != user, arm))


@pytest.mark.parametrize(
    ("act", "told"),
    [
        (lambda: units(seen_twice(LOG)), r"log: 2 units are in two arms \(first: user_id=\d, in '.*' and in '.*'\)"),
        (lambda: units(LOG, REQUESTS.assign(arm=["treatment", *["control"] * 5])), "requests: 1 unit is in two arms"),
        (
            lambda: units(LOG.assign(arm="treatment"), REQUESTS),
            r"log: 2 units are in two arms \(first: user_id=7, in 'control' and in 'treatment'\)",
        ),
        (lambda: units(LOG.assign(arm="holdout"), REQUESTS), r"first: user_id=8, in 'treatment' and in 'holdout'"),
        (lambda: units(LOG.assign(arm="control"), assigned=ASSIGNED), "log: 1 unit is in two arms"),
        (lambda: units(named(7, None)), "log: 1 row has a missing or nameless arm"),
        (lambda: units(named(9, "")), "log: 2 rows have a missing or nameless arm"),
        (lambda: units(LOG.assign(arm=1)), "log: 6 rows have a missing or nameless arm"),
        (
            lambda: units(LOG, arms=["control", "new"]),
            r"log: 3 rows have an unknown arm \(first: row 0, user_id=8, arm='treatment'\)\.\nThe arms are 'control', ",
        ),
        (lambda: units(LOG.drop(columns="arm")), "log: 1 column missing: arm"),
        (lambda: units(LOG, REQUESTS.drop(columns="arm")), "requests: 1 column missing: arm"),
        (lambda: units(LOG.drop(columns="clicked")), "log: 1 column missing: clicked"),
        (lambda: units(LOG, assigned=ASSIGNED[:2]), "log: 1 row has a user_id that was never seen"),
        (lambda: units(LOG, assigned=pd.concat([ASSIGNED, ASSIGNED[:1]])), "assigned: 1 row repeats a user_id"),
        (lambda: units(LOG, REQUESTS[1:]), "log: 2 rows name a request_id that requests does not have"),
        (lambda: units(LOG, pd.concat([REQUESTS, REQUESTS])), "requests: 6 rows repeat a request_id"),
        (lambda: units(LOG.assign(price=np.nan)), "log: 4 rows have a price that is missing or infinite"),
        (
            lambda: units(LOG.assign(liked=np.inf), sums=["liked"]),
            r"log: liked is missing or infinite in 6 rows \(first: row 0\)",
        ),
        (lambda: units(LOG, sums=["replied"]), "log: 1 column missing: replied"),
        (lambda: units(LOG.assign(clicked=2)), "neither true nor false"),
        (lambda: units(LOG.assign(user_id=LOG["user_id"].where(LOG["user_id"] != 7))), "log: 1 row has no user_id"),
        (lambda: units("log"), "log: expected a pandas DataFrame"),
        (lambda: units(people().assign(revenue=np.nan)), r"log: revenue is missing or infinite in 300 rows"),
    ],
)
def test_a_log_that_cannot_be_trusted_is_refused_by_name(act, told):
    with pytest.raises(ValueError, match=told):
        act()


def test_an_empty_log_gives_an_empty_table():
    assert len(units(LOG[:0])) == 0


def test_units_are_what_effects_compares():
    rng = np.random.default_rng(0)
    users = np.repeat(np.arange(400), rng.integers(1, 9, 400))
    log = pd.DataFrame({"request_id": np.arange(len(users)), "user_id": users, "clicked": rng.random(len(users)) < 0.3})
    log["arm"] = np.where(log["user_id"] % 2, "treatment", "control")
    found = effects(units(log), [Ratio("click rate", "clicks", "requests")]).of("click rate")
    assert (found["units_control"], found["units_treatment"]) == (200, 200)
    assert found["control"] == pytest.approx(log["clicked"][log["arm"] == "control"].mean())


def test_a_baseline_is_what_the_experiment_has_to_reckon_with():
    table = people()
    metric = Mean("revenue", "revenue", covariate="revenue_before")
    found = baseline(table.drop(columns="arm"), metric)
    correlation = np.corrcoef(table["revenue"], table["revenue_before"])[0, 1]
    assert found.units == 300
    assert found.mean == pytest.approx(table["revenue"].mean())
    assert found.plain == pytest.approx(table["revenue"].std())
    assert found.spread == pytest.approx(found.plain * np.sqrt(1 - correlation**2))
    assert found.needed == np.ceil(355 * found.skewness**2)
    assert str(found).startswith("revenue: 1.868, standard deviation")
    without = baseline(table, Mean("revenue", "revenue"))
    assert without.spread == without.plain == found.plain
    assert without.skewness == pytest.approx(float(table["revenue"].skew()) * 298 / np.sqrt(300 * 299))


def test_the_spread_of_a_ratio_is_that_of_its_standard_error():
    table = people(3_000)
    metric = Ratio("click rate", "clicks", "requests", covariate=("clicks_before", "requests_before"))
    same = pd.concat([table.assign(arm="control"), table.assign(arm="treatment")]).drop(columns="user_id")
    error = effects(same, [metric]).of("click rate")["standard_error"]
    assert baseline(table, metric).spread * np.sqrt(2 / 3_000) == pytest.approx(error, rel=1e-3)


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        (lambda table: table[:1], "at least two of them"),
        (lambda table: None, "expected a frame"),
        (lambda table: table.assign(requests=0), "denominator of 'rate' is 0 for all units"),
        (lambda table: pd.concat([table, table]), "repeat a user_id"),
    ],
)
def test_a_baseline_of_an_unsound_table_is_refused(broken, told):
    with pytest.raises(ValueError, match=told):
        baseline(broken(people()), Ratio("rate", "clicks", "requests"))


def test_a_constant_metric_has_a_baseline_without_noise():
    found = baseline(people().assign(revenue=0.7), Mean("revenue", "revenue"))
    assert (found.mean, found.spread, found.needed) == (0.7, 0.0, 0)
    assert np.isnan(found.skewness)


def test_moments_of_two_groups_together_are_those_of_their_rows():
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.gamma(0.5, 3, size=(500, 2)), columns=["a", "b"])
    metric = Ratio("r", "a", "b")
    for cut in (1, 137, 499):
        reader = moments.Reader(table, [metric], (np.arange(500) >= cut).astype(int), 2)
        (found,) = reader.moments([metric])
        both = found[0] + found[1]
        assert both.count == 500
        assert both.mean == pytest.approx(table.mean().to_numpy(), rel=1e-12)
        np.testing.assert_allclose(both.covariance, table.cov().to_numpy(), rtol=1e-11)
        np.testing.assert_allclose(found[1].mean, table[cut:].mean(), rtol=1e-12)


def test_the_places_of_values_are_found_in_blocks(monkeypatch):
    monkeypatch.setattr(moments, "AT_ONCE", 3)
    values = pd.Series(["b", "b", "b", "a", None, "b", "c", "a"])
    for same in (values, values.astype(object), values.astype("category")):
        names, code = moments.coded(same)
        assert names == ["b", "a", "c"]
        assert code.tolist() == [0, 0, 0, 1, -1, 0, 2, 1]
        assert moments.placed(same, ["a", "b"]).tolist() == [1, 1, 1, 0, -1, 1, -1, 0]
    assert moments.coded(values[:0]) == ([], pytest.approx(np.empty(0)))
