"""Checks of what comes into the world of ads: parameters, people, requests, pairs and what was shown."""

from __future__ import annotations

import numpy as np
import pandas as pd

from mlsd_lib import tables
from mlsd_lib.architecture import Array
from mlsd_lib.worlds.ads import people, space
from mlsd_lib.worlds.ads.catalogue import Catalogue
from mlsd_lib.worlds.checks import is_number, plain, probability, seed, strange, users, whole

__all__ = ["advertisers", "answers", "number", "pairs", "parameters", "requests", "seed", "users", "whole"]

LEAST, MOST = 1_000, 20_000_000  # ads
FEWEST_KEYWORDS = 50


def number(function: str, name: str, value: float, low: float, high: float) -> None:
    """Raise an error unless a value is a finite number between two others, both included."""
    if not is_number(value) or not low <= value <= high:
        raise ValueError(f"{function}: {name} is {value!r}; expected a number from {low:g} to {high:g}.")


def parameters(
    ads: int, keywords: int, advertisers: int, personal: float, steep: float, base: float, eta: float, budget: float
) -> None:
    """Raise an error unless the parameters of a world can be what they are called."""
    whole("AdsWorld", "ads", ads, LEAST, MOST)
    whole("AdsWorld", "keywords", keywords, FEWEST_KEYWORDS, space.MOST)
    whole("AdsWorld", "advertisers", advertisers, 1, ads)
    probability("AdsWorld", "personal", personal)
    number("AdsWorld", "steep", steep, 0, 100)
    number("AdsWorld", "base", base, -20, 20)
    number("AdsWorld", "eta", eta, 0, 100)
    number("AdsWorld", "budget", budget, 0, 1e9)


def requests(frame: pd.DataFrame) -> pd.DataFrame:
    """Requests of this world, each once; an error otherwise."""
    if not isinstance(frame, pd.DataFrame) or "request_id" not in frame:
        raise ValueError(
            "requests: expected a DataFrame with the column request_id. Pass the frame that AdsWorld.requests made."
        )
    clean = frame.reset_index(drop=True)
    request_ids(clean["request_id"].to_numpy())
    return clean.astype({"request_id": "int64"})


def request_ids(ids: Array) -> None:
    """Raise an error unless request ids can be of this world, each once."""
    most = people.MOST_DAYS * people.MOST_SEEDS * people.MOST_USERS * people.MOST_NTH * people.MOST_ROUNDS
    beyond, again = strange(ids, most), pd.Series(ids).duplicated().to_numpy()
    wrong = beyond if beyond.any() else again
    if wrong.any():
        what = "have a request_id that this world did not give" if beyond.any() else "repeat a request_id"
        raise ValueError(
            f"requests: {int(wrong.sum())} rows {what} (first: row {int(np.argmax(wrong))}, request_id="
            f"{plain(ids[wrong][0])!r}).\nTake the requests that AdsWorld.requests made, each once."
        )


def rows(ids: Array, table: str, catalogue: Catalogue) -> Array:
    """The rows of ads' ids; an error where one is not of this world."""
    row = catalogue.rows(ids) if ids.dtype.kind in "iu" else np.full(len(ids), -1)
    if (row < 0).any():
        first = int(np.argmax(row < 0))
        raise ValueError(
            f"{table}: {int((row < 0).sum())} rows name an ad_id that this world does not have (first: row {first}, "
            f"ad_id={plain(ids[first])!r}).\nDrop them, or serve AdsWorld.ads."
        )
    return row


def pairs(asked: pd.DataFrame, frame: pd.DataFrame, catalogue: Catalogue) -> tuple[Array, Array]:
    """For each pair `request_id, ad_id` the place of its request in `asked` and the row of its ad."""
    missing = [c for c in ("request_id", "ad_id") if not isinstance(frame, pd.DataFrame) or c not in frame]
    if missing:
        raise ValueError(f"pairs: expected a DataFrame with the columns request_id and ad_id; {missing[0]} is missing.")
    tables.known(frame, "request_id", asked, table="pairs", where="requests", show=("request_id", "ad_id"))
    place = pd.Index(asked["request_id"]).get_indexer(pd.Index(frame["request_id"]))
    return place, rows(frame["ad_id"].to_numpy(), "pairs", catalogue)


def answers(asked: pd.DataFrame, shown: pd.DataFrame, catalogue: Catalogue) -> tuple[pd.DataFrame, Array, Array]:
    """What was shown, joined to the requests and ordered by them and by position.

    Args:
        asked: Requests that were checked.
        shown: What was shown to them.
        catalogue: The ads.

    Returns:
        The joined table, for each row the place of its request in `asked`, and its ad's row.
    """
    clean = tables.ads_shown(shown)
    tables.known(clean, "request_id", asked, table="shown", where="requests", show=("request_id", "ad_id"))
    place = pd.Index(asked["request_id"]).get_indexer(pd.Index(clean["request_id"]))
    order = np.lexsort((clean["position"].to_numpy(), place))
    clean, place = clean.iloc[order].reset_index(drop=True), place[order]
    row = rows(clean["ad_id"].to_numpy(), "shown", catalogue)
    if "price" not in clean:
        clean["price"] = catalogue.bid[row]
    left = asked.drop(columns=[c for c in asked if c in clean])
    first = ["ad_id", "position", "price"]
    rest = [column for column in clean if column not in ("request_id", *first)]
    joined = [clean[["request_id"]], left.take(place).reset_index(drop=True), clean[[*first, *rest]]]
    return pd.concat(joined, axis=1), place, row


def advertisers(frame: pd.DataFrame) -> pd.DataFrame:
    """Advertisers with budgets, each once; an error otherwise."""
    needed = ("advertiser_id", "budget")
    if not isinstance(frame, pd.DataFrame) or any(column not in frame for column in needed):
        raise ValueError("advertisers: expected a DataFrame with the columns advertiser_id and budget.")
    again = frame["advertiser_id"].duplicated().to_numpy()
    broken = ~(frame["budget"].to_numpy(dtype=np.float64) >= 0)
    for wrong, what in ((again, "repeat an advertiser_id"), (broken, "have a budget that is missing or negative")):
        if wrong.any():
            first = int(np.argmax(wrong))
            raise ValueError(
                f"advertisers: {int(wrong.sum())} rows {what} (first: row {first}, advertiser_id="
                f"{plain(frame['advertiser_id'].iloc[first])!r}).\nTake what AdsWorld.advertisers or settle gave."
            )
    return frame.reset_index(drop=True)
