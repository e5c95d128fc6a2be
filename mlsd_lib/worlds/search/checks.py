"""Checks of what comes into the world of search: parameters, people, requests and what was shown to them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from mlsd_lib import tables
from mlsd_lib.architecture import Array
from mlsd_lib.worlds.checks import is_number, plain, probability, seed, strange, users, whole
from mlsd_lib.worlds.search import people
from mlsd_lib.worlds.search.web import Web

__all__ = [
    "answers",
    "by_user",
    "is_number",
    "needs",
    "parameters",
    "probability",
    "request_ids",
    "requests",
    "rows",
    "seed",
    "users",
    "whole",
]

LEAST, MOST = 500, 3_000_000  # documents


def parameters(
    intents: tuple[float, ...], satisfied: tuple[float, ...], shares: Mapping[str, float], **at_least_0: float
) -> None:
    """Raise an error unless the parameters of a world can be what they are called."""
    for name, values, count in (("intents", intents, 3), ("satisfied", satisfied, 4)):
        if not isinstance(values, tuple | list) or len(values) != count:
            raise ValueError(f"SearchWorld: {name} is {values!r}; expected {count} probabilities.")
    told = dict(shares) | {f"intents[{place}]": share for place, share in enumerate(intents)}
    told |= {f"satisfied[{grade}]": share for grade, share in enumerate(satisfied)}
    for name, share in told.items():
        probability("SearchWorld", name, share)
    if abs(sum(intents) - 1) > 1e-9:
        raise ValueError(f"SearchWorld: intents is {intents!r}, with the sum {sum(intents):g}; they have to sum to 1.")
    for name, value in at_least_0.items():
        if not is_number(value) or not 0 <= value < float("inf"):
            raise ValueError(f"SearchWorld: {name} is {value!r}; expected a finite number of at least 0.")


def requests(frame: pd.DataFrame, *needed: str) -> pd.DataFrame:
    """Requests of this world with the columns needed besides `request_id`; an error otherwise."""
    if not isinstance(frame, pd.DataFrame):
        raise ValueError(f"requests: expected a pandas DataFrame, got a {type(frame).__name__}.")
    missing = [column for column in ("request_id", *needed) if column not in frame]
    if missing:
        raise ValueError(
            f"requests: column {missing[0]!r} is missing (columns there: {', '.join(map(str, frame)) or 'none'}). "
            "Pass the frame that SearchWorld.requests made, whole."
        )
    clean = frame.reset_index(drop=True)
    request_ids(clean["request_id"].to_numpy(), "requests")
    again = clean["request_id"].duplicated().to_numpy()
    if again.any():
        raise ValueError(
            f"requests: {int(again.sum())} rows repeat a request_id (first: row {int(np.argmax(again))}, request_id="
            f"{plain(clean['request_id'].iloc[int(np.argmax(again))])!r}).\nKeep one of each."
        )
    return clean.astype({"request_id": "int64"})


def request_ids(ids: Array, table: str) -> Array:
    """Request ids as int64; an error if they cannot be this world's."""
    most = people.MOST_DAYS * people.MOST_SEEDS * people.MOST_USERS * people.MOST_NTH * people.MOST_ROUNDS
    wrong = strange(ids, most)
    if wrong.any():
        raise ValueError(
            f"{table}: {int(wrong.sum())} rows have a request_id that this world did not give (first: row "
            f"{int(np.argmax(wrong))}, request_id={plain(ids[wrong][0])!r}).\nWhat is true is known only of requests "
            "that SearchWorld.requests or SearchWorld.again made."
        )
    return ids.astype(np.int64)


def rows(ids: Array, table: str, web: Web) -> Array:
    """The rows in the web of documents' ids; an error where one is not of this world."""
    row = web.rows(ids) if ids.dtype.kind in "iu" else np.full(len(ids), -1)
    if (row < 0).any():
        first = int(np.argmax(row < 0))
        raise ValueError(
            f"{table}: {int((row < 0).sum())} rows name a doc_id that this world's documents do not have (first: row "
            f"{first}, doc_id={plain(ids[first])!r}).\nDrop them, or serve SearchWorld.documents."
        )
    return row


def by_user(name: str, given: pd.Series[float] | None, user: Array) -> Array:
    """A number for each of some users, 0 for those who are not named; an error where it is none."""
    if given is None:
        return np.zeros(len(user))
    if not isinstance(given, pd.Series) or not given.index.is_unique or not np.isfinite(given.to_numpy(float)).all():
        raise ValueError(f"{name}: expected a Series of finite numbers, indexed by user_id, each once.")
    return given.reindex(user).fillna(0.0).to_numpy(dtype=np.float64)


def needs(frame: pd.DataFrame, web: Web) -> Array:
    """The needs of a column `query_id`; an error where one is not of this world."""
    ids = frame["query_id"].to_numpy()
    wrong = strange(ids, web.plan.topics + len(web.names))
    if wrong.any():
        raise ValueError(
            f"pairs: {int(wrong.sum())} rows name a query_id that this world does not have (first: row "
            f"{int(np.argmax(wrong))}, query_id={plain(ids[wrong][0])!r}).\nTake them from truth(requests).requests."
        )
    return ids.astype(np.int64)


def answers(asked: pd.DataFrame, shown: pd.DataFrame, web: Web) -> tuple[pd.DataFrame, Array, Array]:
    """What was shown, joined to the requests and ordered by them and by position.

    Args:
        asked: Requests that were checked.
        shown: What was shown to them.
        web: The documents.

    Returns:
        The joined table, for each row the place of its request in `asked`, and its document's row in the web.
    """
    clean = tables.shown(shown)
    tables.known(clean, "request_id", asked, table="shown", where="requests", show=("request_id", "doc_id"))
    place = pd.Index(asked["request_id"]).get_indexer(pd.Index(clean["request_id"]))
    position = clean["position"].to_numpy()
    step = np.diff(place)
    if not bool(np.all((step > 0) | ((step == 0) & (np.diff(position) > 0)))):
        order = np.lexsort((position, place))
        clean, place = clean.iloc[order].reset_index(drop=True), place[order]
    left = asked.drop(columns=[c for c in asked if c in clean and c != "request_id"]).drop(columns="request_id")
    first = ["position", "doc_id", *(["score"] if "score" in clean else [])]
    rest = [column for column in clean if column not in ("request_id", *first)]
    joined = pd.concat([clean[["request_id"]], left.take(place).reset_index(drop=True), clean[[*first, *rest]]], axis=1)
    return joined, place, rows(clean["doc_id"].to_numpy(), "shown", web)
