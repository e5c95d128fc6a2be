"""Checks of the tables of search ads.

They are long: where a text column is categorical it stays so, and only its categories are looked at.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from mlsd_lib.tables import checks


def ads(frame: pd.DataFrame) -> pd.DataFrame:
    """Check a table of ads.

    Args:
        frame: Columns `ad_id` (unique) and `advertiser_id` (each all integers or all strings), `keyword` and `text`
            (strings, or a categorical of strings) and `bid` (a number above 0, money a click).

    Returns:
        The documented columns first and in order, then any others as they were; a fresh index.

    Raises:
        ValueError: If the table is not a frame, has no row, lacks a column, repeats an id, or has a value that is
            not of its column's kind.

    Chapter: Your own tables in fifteen minutes.

    >>> ad = {"ad_id": [7], "advertiser_id": ["s"], "keyword": ["tent"], "bid": [0.4], "text": ["Tents: dry inside."]}
    >>> ads(pd.DataFrame(ad))
       ad_id advertiser_id keyword  bid                text
    0      7             s    tent  0.4  Tents: dry inside.
    """
    clean = checks.columns("ads", frame, ("ad_id", "advertiser_id", "keyword", "bid", "text"))
    if clean.empty:
        raise ValueError("ads: the table has no row. A system needs at least one ad.")
    for column in ("ad_id", "advertiser_id"):
        clean[column] = checks.ids("ads", clean, column)
    checks.unique("ads", clean, ["ad_id"])
    for column in ("keyword", "text"):
        clean[column] = _words("ads", clean, column, key="ad_id")
    clean["bid"] = checks.numbers("ads", clean, "bid")
    free = clean["bid"].to_numpy() <= 0
    if free.any():
        checks.refuse(
            "ads", clean, free, "have a bid that is not above 0", ("ad_id", "bid"), "Drop ads that bid nothing."
        )
    return clean


def ads_requests(frame: pd.DataFrame) -> pd.DataFrame:
    """Check a table of requests for ads.

    Args:
        frame: Columns `request_id` (all integers or all strings, unique) and `query` (strings); where there is one,
            `segment` (strings, "" for none).

    Returns:
        The documented columns first and in order, then any others as they were; a fresh index.

    Raises:
        ValueError: If the table is not a frame, lacks a column, repeats a request, or has a value that is missing or
            not of its column's kind.

    Chapter: Your own tables in fifteen minutes.

    >>> ads_requests(pd.DataFrame({"query": ["buy tent"], "request_id": [10]}))
       request_id     query
    0          10  buy tent
    """
    told = ("request_id", "user_id?", "session_id?", "ts?", "query", "segment?")
    clean = checks.columns("requests", frame, told)
    clean["request_id"] = checks.ids("requests", clean, "request_id")
    checks.unique("requests", clean, ["request_id"])
    for column in ("query", "segment"):
        if column in clean:
            clean[column] = _words("requests", clean, column, key="request_id")
    return clean


def ads_shown(frame: pd.DataFrame) -> pd.DataFrame:
    """Check a table of ads that were shown.

    Args:
        frame: Columns `request_id`, `ad_id` and `position` (integers counting from 1, no two alike within a request);
            where there are, `price` (at least 0, money a click) and `score`, numbers. No ad is shown twice to one
            request.

    Returns:
        The documented columns first and in order, then any others as they were; a fresh index.

    Raises:
        ValueError: If the table is not a frame, lacks a column, or breaks one of the rules above.

    Chapter: A funnel for scale.

    >>> ads_shown(pd.DataFrame({"request_id": [1], "ad_id": [7], "position": [1], "price": [0.3]}))
       request_id  position  ad_id  price
    0           1         1      7    0.3
    """
    return _shown("shown", checks.columns("shown", frame, ("request_id", "position", "ad_id", "price?", "score?")))


def ads_log(frame: pd.DataFrame, *, ads: pd.DataFrame | None = None) -> pd.DataFrame:
    """Check a log of ads: a row for each ad that was shown, with what became of it.

    Args:
        frame: Columns `request_id, query, ad_id, position` as in requests and in what was shown, and `clicked` (true or
            false, or 1 or 0). Where there are: `user_id`, `session_id`, `segment` and `price`.
        ads: Where every `ad_id` has to be found; not checked if left out.

    Returns:
        The documented columns first and in order, then any others as they were; `clicked` as bool; a fresh index.

    Raises:
        ValueError: If the table is not a frame, lacks a column, shows two ads at one place or one ad twice to a
            request, or has a value that is not of its column's kind.

    Chapter: A funnel for scale.

    >>> row = {"request_id": [1], "query": "tent", "ad_id": [7], "position": [1], "price": [0.3], "clicked": [1]}
    >>> ads_log(pd.DataFrame(row))
       request_id query  ad_id  position  price  clicked
    0           1  tent      7         1    0.3     True
    """
    told = ("user_id?", "session_id?", "ts?", "query", "segment?", "ad_id", "position", "price?", "clicked")
    clean = _shown("log", checks.columns("log", frame, ("request_id", *told)))
    for column in ("query", "segment"):
        if column in clean:
            clean[column] = _words("log", clean, column, key="request_id")
    clean["clicked"] = checks.clicked("log", clean, what="ad")
    if ads is not None:
        checks.known(clean, "ad_id", ads, table="log", where="ads", show=("request_id", "ad_id"))
    return clean


def _shown(table: str, clean: pd.DataFrame) -> pd.DataFrame:
    """What was shown, checked; no price is negative."""
    clean = checks.shown(table, clean, "ad_id", ("price", "score"))
    if "price" in clean:
        todo = "Nobody is paid for a click."
        clean["price"] = checks.not_negative(table, clean, "price", ("request_id", "price"), todo)
    return clean


def _words(table: str, frame: pd.DataFrame, column: str, *, key: str) -> pd.Series[Any]:
    """Texts; a categorical of strings without gaps stays one."""
    texts = frame[column]
    if not isinstance(texts.dtype, pd.CategoricalDtype):
        return checks.texts(table, frame, column, key=key)
    strings = pd.api.types.infer_dtype(texts.cat.categories, skipna=False) == "string"
    if not strings or texts.isna().any():
        return checks.texts(table, frame.assign(**{column: texts.astype(object)}), column, key=key)
    return texts
