import pandas as pd
import pytest

from mlsd_lib import tables

ADS = pd.DataFrame({"ad_id": [7, 3], "advertiser_id": "s", "keyword": "tent", "bid": [0.4, 1.0], "text": "Tents."})
REQUESTS = pd.DataFrame({"request_id": [5, 2], "query": ["buy tent", ""]})
SHOWN = pd.DataFrame({"request_id": [5, 5], "position": [1, 2], "ad_id": [7, 3], "price": [0.3, 0.0]})
LOG = pd.DataFrame({"request_id": [5, 5], "query": "tent", "ad_id": [7, 3], "position": [1, 2], "clicked": [1, 0]})
CHECKS = [(tables.ads, ADS), (tables.ads_requests, REQUESTS), (tables.ads_shown, SHOWN), (tables.ads_log, LOG)]


@pytest.mark.parametrize(("check", "frame"), CHECKS)
def test_a_sound_table_keeps_its_rows_and_its_other_columns(check, frame):
    before = frame.copy(deep=True)
    clean = check(frame.assign(extra=1.5)[["extra", *frame.columns]])
    assert list(clean.columns) == [*frame.columns, "extra"]
    for column in frame.columns:
        assert clean[column].tolist() == frame[column].tolist()
    pd.testing.assert_frame_equal(frame, before)


def test_categories_of_strings_stay_categories_and_others_are_refused():
    coded = ADS.assign(keyword=ADS["keyword"].astype("category"))
    assert isinstance(tables.ads(coded)["keyword"].dtype, pd.CategoricalDtype)
    with pytest.raises(ValueError, match="ads: 2 rows have a keyword that is no string"):
        tables.ads(ADS.assign(keyword=pd.Categorical([1, 1])))
    with pytest.raises(ValueError, match=r"ads: 1 row has no keyword \(first: row 1, ad_id=3"):
        tables.ads(ADS.assign(keyword=pd.Categorical(["tent", None])))


@pytest.mark.parametrize(
    ("check", "frame", "complaint"),
    [
        (tables.ads, ADS.head(0), "ads: the table has no row"),
        (tables.ads, ADS.assign(ad_id=7), r"ads: 1 row repeats a ad_id \(first: row 1, ad_id=7\)"),
        (tables.ads, ADS.assign(bid=[0.4, 0.0]), r"ads: 1 row has a bid that is not above 0 \(first: row 1, ad_id=3"),
        (
            tables.ads,
            ADS.assign(bid=[None, 1.0]),
            r"ads: 1 row has a bid that is missing or infinite \(first: row 0",
        ),
        (tables.ads_requests, REQUESTS.assign(request_id=1), "requests: 1 row repeats a request_id"),
        (tables.ads_shown, SHOWN.assign(price=[0.3, -1.0]), r"shown: 1 row has a negative price .*row 1, request_id=5"),
        (tables.ads_shown, SHOWN.assign(ad_id=7), "shown: 1 row repeats a pair of request_id and ad_id"),
        (tables.ads_log, LOG.assign(position=[1, 1]), "log: 1 row repeats a pair of request_id and position"),
        (tables.ads_log, LOG.assign(clicked=[1, 3]), r"log: 1 row has a clicked .*row 1, request_id=5, clicked=3"),
    ],
)
def test_unsound_tables_are_refused_with_the_first_row(check, frame, complaint):
    with pytest.raises(ValueError, match=complaint):
        check(frame)


def test_a_log_must_point_to_ads_that_exist():
    assert tables.ads_log(LOG, ads=ADS)["clicked"].tolist() == [True, False]
    with pytest.raises(ValueError, match=r"log: 1 row names a ad_id that ads does not have \(first: row 1"):
        tables.ads_log(LOG, ads=ADS.head(1))
