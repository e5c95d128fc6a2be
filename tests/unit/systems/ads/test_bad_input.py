import numpy as np
import pandas as pd
import pytest

from mlsd_lib import tables
from mlsd_lib.architecture import Off, System
from mlsd_lib.systems import ads

from .conftest import Learned

GOOD = pd.DataFrame(
    {
        "ad_id": [1, 2, 3],
        "advertiser_id": [7, 7, 8],
        "keyword": ["tent", "rug", "tent"],
        "bid": [0.4, 0.5, 0.6],
        "text": ["Tent: dry.", "Rug: soft.", "Tent: dry."],
    }
)
LOG = pd.DataFrame({"request_id": [1, 1], "query": "tent", "ad_id": [1, 3], "position": [1, 2], "clicked": [1, 0]})


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (lambda a: a.drop(columns="bid"), "ads: 1 column missing: bid"),
        (lambda a: a.head(0), "ads: the table has no row"),
        (lambda a: a.assign(ad_id=1), r"ads: 2 rows repeat a ad_id \(first: row 1, ad_id=1\)"),
        (lambda a: a.assign(bid=[0.1, 0.0, 0.2]), r"ads: 1 row has a bid that is not above 0 \(first: row 1, ad_id=2"),
        (lambda a: a.assign(bid=[0.1, np.nan, 0.2]), "has a bid that is missing or infinite"),
        (lambda a: a.assign(keyword=["tent", None, "rug"]), "has no keyword"),
        (lambda a: a.assign(keyword=pd.Categorical(["tent", None, "rug"])), "has no keyword"),
        (lambda a: a.assign(text=[1, 2, 3]), "have a text that is no string"),
        (lambda a: a.assign(text=pd.Categorical([1, 2, 3])), "have a text that is no string"),
        (lambda a: a.assign(advertiser_id=[7, "x", 8]), "is no string|that is no string"),
        (lambda a: a["ad_id"], "expected a pandas DataFrame"),
    ],
)
def test_ads(spoil, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        ads.fit(spoil(GOOD))


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (lambda g: g.drop(columns="clicked"), "log: 1 column missing: clicked"),
        (lambda g: g.assign(ad_id=[1, 9]), "names a ad_id that ads does not have"),
        (lambda g: g.assign(ad_id=["1", "3"]), "integers|strings"),
        (lambda g: g.assign(clicked=[1, 2]), "has a clicked that is neither true nor false"),
        (lambda g: g.assign(position=[1, 1]), "repeats a pair of request_id and position"),
        (lambda g: g.assign(position=[1, 1.5]), "has a position that is none"),
        (lambda g: g.assign(ad_id=1), "repeats a pair of request_id and ad_id"),
        (lambda g: g.assign(query=[1, 2]), "have a query that is no string"),
        (lambda g: g, "log: 2 rows, of which 1 are clicked and 2 have a query"),
        (lambda g: g.assign(clicked=0), "0 are clicked"),
        (lambda g: g.head(0), "log: 0 rows"),
    ],
)
def test_logs(spoil, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        ads.fit(GOOD, spoil(LOG))


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (lambda r: r.drop(columns="query"), "requests: 1 column missing: query"),
        (lambda r: r.assign(request_id=1), "repeats a request_id"),
        (lambda r: r.assign(query=[None, "tent"]), "has no query"),
        (lambda r: r.assign(segment=[1, 2]), "have a segment that is no string"),
    ],
)
def test_requests(spoil, complaint: str) -> None:
    system = ads.fit(GOOD)
    with pytest.raises(ValueError, match=complaint):
        system.run(spoil(pd.DataFrame({"request_id": [1, 2], "query": ["tent", "rug"]})))


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"keep": (10, 5)}, "keep is .*; expected three numbers"),
        ({"keep": (10, 0, 5)}, "light: keep must be an integer of at least 1, got 0"),
        ({"show": 0}, "auction: show must be an integer of at least 1"),
        ({"reserve": -1.0}, "reserve must be a price"),
        ({"rank_by": "name"}, "rank_by must be 'value' or 'bid', got 'name'"),
        ({"light": "people"}, "light must be 'heavy' or 'clicks'"),
    ],
)
def test_settings(settings: dict, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        ads.fit(GOOD, **settings)


def test_functions_want_a_system_of_this_module() -> None:
    system = ads.fit(GOOD)
    other = system.replace(heavy=Off("heavy"), auction=Off("auction"), light=Off("light"))
    for call in (ads.exhaustive, lambda s: ads.exploring(s, share=0.5), lambda s: ads.paused(s, [7])):
        with pytest.raises(ValueError, match=r"is a Off where a .* was expected"):
            call(other)
    with pytest.raises(ValueError, match="explore a share from 0 to 1"):
        ads.exploring(system, share=2.0)
    with pytest.raises(ValueError, match="block must be an integer"):
        ads.exhaustive(system, block=0)


@pytest.mark.parametrize(
    ("part", "change", "complaint"),
    [
        ("retrieval/list_ad", lambda a: a + 100, "a list names an ad that is not there"),
        ("retrieval/list_value", lambda a: a[1:], "the lists do not fit each other"),
        ("light/offline", lambda a: a[1:], "the scores made offline do not fit the ads"),
        ("light/keyword", lambda a: a + 1, "the arrays of the ads do not fit each other"),
        ("heavy/liking", lambda a: a[:, 1:], "what was learned does not fit the ads"),
    ],
)
def test_an_unsound_state_is_refused(part: str, change, complaint: str) -> None:
    from mlsd_lib import storage
    from mlsd_lib.architecture import State

    name, array = part.split("/")
    component = ads.fit(GOOD)[name]
    state = component.state()
    broken = State({**state.arrays, array: change(state.arrays[array])}, state.json, state.texts)
    kind = next(kind for kind in storage.KINDS.values() if kind.type is type(component))
    assert kind.restore(name, state).state().json == state.json
    with pytest.raises(ValueError, match=complaint):
        kind.restore(name, broken)


def test_models_over_other_features_are_refused(learned: Learned) -> None:
    from dataclasses import replace

    with pytest.raises(ValueError, match="light: the model reads other features"):
        replace(learned.system["light"], weight=(1.0,))
    with pytest.raises(ValueError, match="heavy: the model cannot be read"):
        replace(learned.system["heavy"], model="no model")
    renamed = learned.system["heavy"].model.replace("relation", "relatives")
    with pytest.raises(ValueError, match="heavy: the model reads other features"):
        replace(learned.system["heavy"], model=renamed)


def test_categorical_and_plain_strings_are_the_same(tmp_path) -> None:
    plain = tables.ads(GOOD)
    assert plain["keyword"].tolist() == ["tent", "rug", "tent"]
    coded = GOOD.assign(keyword=GOOD["keyword"].astype("category"), text=GOOD["text"].astype("category"))
    assert isinstance(tables.ads(coded)["keyword"].dtype, pd.CategoricalDtype)
    asked = pd.DataFrame({"request_id": [1], "query": ["tent"]})
    pd.testing.assert_frame_equal(ads.fit(GOOD).run(asked), ads.fit(coded).run(asked))
    ads.fit(coded).save(tmp_path / "ads")
    assert isinstance(System.load(tmp_path / "ads"), System)
