"""What a log must not keep, and how a person leaves it."""

import numpy as np
import pandas as pd
import pytest

from mlsd_lib.offline import labels
from mlsd_lib.worlds.search import SearchWorld

LOG = pd.DataFrame(
    {
        "request_id": [10, 10, 11, 12],
        "user_id": [1, 1, 2, 1],
        "query": ["taxi", "taxi", "taxi", "my own name"],
        "ts": pd.to_datetime(["2026-01-05 10:31:07"] * 4, utc=True),
    }
)


def test_only_what_is_on_the_list_is_kept_and_times_are_coarse():
    small = labels.minimised(LOG, ["query", "ts"], coarse={"ts": "h"})
    assert small.columns.tolist() == ["query", "ts"]
    assert set(small["ts"]) == {pd.Timestamp("2026-01-05 10:00", tz="UTC")}
    assert LOG["ts"].dt.second.tolist() == [7] * 4
    assert labels.minimised(LOG, ["user_id"])["user_id"].tolist() == [1, 1, 2, 1]


def test_pseudonyms_are_one_a_person_and_need_the_key():
    january, february = (labels.pseudonyms([[7, 8], [7, 9]], key=key * 16) for key in (b"j", b"f"))
    assert january[0, 0] == january[1, 0]
    assert len(set(january.ravel())) == 3
    assert not set(january.ravel()) & set(february.ravel())
    assert all(len(name) == 16 for name in january.ravel())
    assert labels.pseudonyms(["a", "b", "a"], key=b"k" * 64)[0] == labels.pseudonyms("a", key=b"k" * 64)
    for wrong in (b"short", b"x" * 65, "a string of 24 letters .."):
        with pytest.raises(ValueError, match="from 16 to 64"):
            labels.pseudonyms([1], key=wrong)


def test_a_text_stays_where_enough_people_have_it_and_repeats_by_one_do_not_count():
    assert labels.withheld(LOG, "query", least=2)["query"].tolist() == ["taxi", "taxi", "taxi", ""]
    assert labels.withheld(LOG, "query", least=3)["query"].tolist() == [""] * 4
    assert labels.withheld(LOG, "query", least=1).equals(LOG)
    assert labels.withheld(LOG, "query", least=2).columns.tolist() == LOG.columns.tolist()


def test_who_is_singled_out_is_counted_in_people():
    assert labels.singled_out(LOG, ["query"]) == 0.5
    assert labels.singled_out(labels.withheld(LOG, "query", least=2), ["query"]) == 0.0
    assert labels.singled_out(LOG.assign(home=["x", "x", "y", "x"]), ["query", "home"]) == 1.0
    assert labels.singled_out(LOG.head(2), ["query"]) == 1.0  # the only one there


def test_in_the_world_of_search_many_are_singled_out_until_rare_queries_go():
    world = SearchWorld(seed=0, documents=500)
    log = world.requests(world.users(500), n=2_000, day=0)
    before = labels.singled_out(log, ["query"])
    after = labels.withheld(log, "query", least=5)
    assert before > 0.5
    assert labels.singled_out(after, ["query"]) == 0.0
    assert 0 < labels.singled_out(after, ["query", "place"]) < before  # two harmless columns are not harmless together


def test_a_person_leaves_the_log_and_all_that_can_be_followed():
    derived = {
        "labels": pd.DataFrame({"request_id": [10, 11, 12, 12], "grade": [1, 2, 3, 4]}),
        "profiles": pd.DataFrame({"user_id": [1, 2, 3], "interest": list("abc")}),
    }
    found = labels.forget(1, LOG, **derived)
    assert found.tables["log"]["user_id"].tolist() == [2]
    assert found.tables["labels"].to_dict("list") == {"request_id": [11], "grade": [2]}
    assert found.tables["profiles"]["user_id"].tolist() == [2, 3]
    assert found.removed.to_numpy().tolist() == [["log", 3, 1], ["labels", 3, 1], ["profiles", 1, 2]]
    assert len(LOG) == 4
    assert found.tables["log"].index.tolist() == [0]


def test_a_table_that_has_both_ids_is_followed_by_the_person():
    stray = pd.DataFrame({"user_id": [1, 2], "request_id": [99, 98]})
    assert labels.forget(1, LOG, stray=stray).tables["stray"]["user_id"].tolist() == [2]


def test_what_cannot_be_followed_and_who_is_not_there_are_refused():
    with pytest.raises(ValueError, match="counts: it has neither user_id nor request_id"):
        labels.forget(1, LOG, counts=pd.DataFrame({"query": ["taxi"], "times": [3]}))
    with pytest.raises(ValueError, match="nobody in it has user_id=9"):
        labels.forget(9, LOG)
    with pytest.raises(ValueError, match="column 'user_id' is missing"):
        labels.forget(1, LOG.drop(columns="user_id"))


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="column 'name' is not in the log"):
        labels.minimised(LOG, ["name"])
    for coarse in ({"query": "h"}, {"user_id": "h"}):
        with pytest.raises(ValueError, match="not a kept column of times"):
            labels.minimised(LOG, ["query", "ts"], coarse=coarse)
    with pytest.raises(ValueError, match="least is 0"):
        labels.withheld(LOG, "query", least=0)
    with pytest.raises(ValueError, match="column 'text' is missing"):
        labels.withheld(LOG, "text", least=2)
    with pytest.raises(ValueError, match="it has no row"):
        labels.singled_out(LOG.head(0), ["query"])
    with pytest.raises(ValueError, match="query is missing in 4 rows"):
        labels.singled_out(LOG.assign(query=np.nan), ["query"])
