"""Swap, rollback, canary and shadow on a real store."""

import numpy as np
import pandas as pd
import pytest

from mlsd_lib.online.service.limits import RefusedError
from mlsd_lib.online.service.live import Plan, Releases, Version
from mlsd_lib.online.versions import Store
from mlsd_lib.systems import ads
from tests.unit.online.service.helpers import QUERIES, lexical


@pytest.fixture
def store(tmp_path):
    """Two versions, the first of them current."""
    made = Store(tmp_path / "store")
    made.point_to(made.save(lexical()))
    made.save(lexical(seed=1))
    return made


def damage(store, version):
    part = next(path for path in sorted((store.folder / version).rglob("*.npy")) if path.stat().st_size > 200)
    content = bytearray(part.read_bytes())
    content[-1] ^= 1
    part.write_bytes(content)


def shown(releases):
    return releases.plan.usual.system.run(pd.DataFrame({"request_id": [1], "query": QUERIES[:1]}))


def test_a_swap_serves_the_other_version_and_outlives_a_restart(store):
    releases = Releases(store)
    releases.swap("v0002")
    assert releases.plan.usual.name == "v0002"
    pd.testing.assert_frame_equal(shown(releases), shown(Releases(store)))
    assert Releases(store).plan.usual.name == "v0002"


def test_a_rollback_goes_back_and_a_second_one_forth(store):
    releases = Releases(store)
    releases.swap("v0002")
    releases.rollback()
    assert releases.plan.usual.name == store.current() == "v0001"
    releases.rollback()
    assert releases.plan.usual.name == "v0002"


def test_there_is_nothing_to_go_back_to_at_first(store):
    with pytest.raises(RefusedError, match="no version to go back to"):
        Releases(store).rollback()


@pytest.mark.parametrize("change", ["swap", "canary", "shadow"])
def test_a_damaged_version_is_refused_and_the_old_one_goes_on(store, change):
    releases = Releases(store)
    before = releases.plan
    damage(store, "v0002")
    with pytest.raises(RefusedError, match=r"v0002 is refused, v0001 goes on: .*damaged") as refused:
        getattr(releases, change)("v0002", *([0.5] if change == "canary" else []))
    assert refused.value.status == 409
    assert releases.plan is before
    assert store.current() == "v0001"


def test_a_version_that_cannot_answer_what_was_asked_of_late_is_refused(store):
    releases = Releases(store, trial=lambda: pd.DataFrame({"request_id": [1]}))  # no query: the edge raises
    with pytest.raises(RefusedError, match="v0002 is refused"):
        releases.swap("v0002")
    assert store.current() == "v0001"


def test_a_system_of_another_kind_is_refused(store):
    one = {"ad_id": [1], "advertiser_id": [7], "keyword": "tent", "bid": [0.4], "text": "Tents: dry."}
    name = store.save(ads.fit(pd.DataFrame(one)))
    with pytest.raises(RefusedError, match="of kind 'ads'"):
        Releases(store).swap(name)


def test_an_unknown_version_and_a_missing_store_are_told_apart(store):
    with pytest.raises(RefusedError) as unknown:
        Releases(store).swap("v0099")
    with pytest.raises(RefusedError) as alone:
        Releases(lexical()).swap("v0001")
    assert (unknown.value.status, alone.value.status) == (404, 409)


def test_an_empty_store_says_what_to_do(tmp_path):
    with pytest.raises(ValueError, match="no current version"):
        Releases(Store(tmp_path))


def test_the_canary_gets_its_share_of_users_and_keeps_them_as_the_share_grows():
    users = [str(user) for user in range(20_000)]
    usual, other = Version("v0001", lexical()), Version("v0002", lexical(seed=1))
    five, twenty = (Plan(usual, canary=other, share=share).on_canary(users) for share in (0.05, 0.2))
    assert five.mean() == pytest.approx(0.05, abs=0.006)  # four standard errors
    assert twenty.mean() == pytest.approx(0.2, abs=0.012)
    assert not np.any(five & ~twenty)
    backwards = Plan(usual, canary=other, share=0.05).on_canary(users[::-1])
    assert np.array_equal(five, backwards[::-1])


def test_another_canary_meets_other_users():
    users = [str(user) for user in range(20_000)]
    usual = Version("v0001", lexical())
    one, two = (Plan(usual, canary=Version(name, lexical()), share=0.1).on_canary(users) for name in ("v0002", "v0003"))
    assert np.mean(one & two) == pytest.approx(0.01, abs=0.004)


def test_the_end_of_a_canary_and_its_promotion(store):
    releases = Releases(store)
    releases.canary("v0002", 0.3)
    assert releases.told()["canary"] == "v0002"
    assert releases.told()["share"] == 0.3
    releases.canary(None, 0.3)
    assert releases.told()["canary"] is None
    assert releases.told()["share"] == 0.0
    releases.canary("v0002", 0.3)
    releases.shadow("v0001")
    releases.swap("v0002")
    assert releases.told() == {
        "current": "v0002",
        "previous": "v0001",
        "canary": None,
        "share": 0.0,
        "shadow": "v0001",
        "stored": ["v0001", "v0002"],
    }


def test_the_shadow_has_arrays_of_its_own(store):
    releases = Releases(store)
    releases.shadow("v0001")
    assert releases.plan.shadow.system is not releases.plan.usual.system
