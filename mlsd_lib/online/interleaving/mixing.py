"""Two rankings of the same requests on one page: team-draft and balanced interleaving.

All requests are mixed at once, position by position. The only chance is a coin, and it is keyed by the request: a
request gets the same page alone and in a batch of a million.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from mlsd_lib import tables
from mlsd_lib.architecture import Array
from mlsd_lib.worlds import chance

_NOBODY, _A, _B = 0, 1, 2
TEAMS = np.array(["", "a", "b"], dtype=object)


def team_draft(
    a: pd.DataFrame, b: pd.DataFrame, *, keep: int = 10, seed: int = 0, block: int = 100_000
) -> pd.DataFrame:
    """One page from two rankings, as two captains draft teams: in each round a coin says who picks first.

    Each side picks its highest result that is not on the page yet, so of every two results one is of each team. Once
    a side has nothing left, the rest of the other's follows without a team: that it is longer is no merit of its order.

    Args:
        a: One ranking: columns `request_id`, `position` (from 1) and `doc_id`; others are left out.
        b: The other. A request that only one of them answers gets that one's page, without teams.
        keep: Length of a page, at least 1.
        seed: Seed of the coins.
        block: How many requests to mix at once; memory grows with it times `keep`, and the pages stay the same.

    Returns:
        One row a result on a page, by request (in the order of `a`, then what only `b` has) and position:
        `request_id, position, doc_id, team`, which is "a", "b", or "" for nobody.

    Raises:
        ValueError: If a ranking is unsound, their ids are of different kinds, or `keep` or `block` is below 1.

    Source: [chapelle2012interleaved]. Chapter: Online evaluation.

    >>> a = pd.DataFrame({"request_id": 7, "position": [1, 2, 3], "doc_id": ["x", "y", "z"]})
    >>> b = pd.DataFrame({"request_id": 7, "position": [1, 2, 3], "doc_id": ["z", "x", "w"]})
    >>> team_draft(a, b, keep=3, seed=1)
       request_id  position doc_id team
    0           7         1      z    b
    1           7         2      x    a
    2           7         3      w    b
    """
    lists = _lists("team_draft", a, b, keep, block)

    def page(part: slice) -> dict[str, Array]:
        rounds = np.arange((keep + 1) // 2)
        a_first = chance.bits(seed, "team draft", lists.request[part, None], rounds) % 2 == 0
        return _drafted(lists.a[part], lists.b[part], a_first)

    return _shown(lists, block, page)


def balanced(a: pd.DataFrame, b: pd.DataFrame, *, keep: int = 10, seed: int = 0, block: int = 20_000) -> pd.DataFrame:
    """One page from two rankings, merged as a zip: first of one, first of the other, second of one, and so on.

    One coin a request says which side comes first. A result that stands already on the page is passed over, so one
    side may get in more results than the other. Its known flaw: where one ranking is the other moved up by a place,
    visitors who click anywhere seem to prefer one of them.

    Args:
        a: One ranking: columns `request_id`, `position` (from 1) and `doc_id`; others are left out.
        b: The other.
        keep: Length of a page, at least 1.
        seed: Seed of the coins.
        block: How many requests to mix at once; memory grows with it times `keep` squared, and the pages stay the same.

    Returns:
        One row a result on a page, by request (in the order of `a`, then what only `b` has) and position:
        `request_id, position, doc_id, team` (whose place on the page it is) and `rank_a`, `rank_b`, its places in both
        rankings, 0 where it is not among the first `keep` of one. Credit goes by these ranks.

    Raises:
        ValueError: If a ranking is unsound, their ids are of different kinds, or `keep` or `block` is below 1.

    Source: [chapelle2012interleaved]. Chapter: Online evaluation.

    >>> a = pd.DataFrame({"request_id": 7, "position": [1, 2, 3], "doc_id": ["x", "y", "z"]})
    >>> b = pd.DataFrame({"request_id": 7, "position": [1, 2, 3], "doc_id": ["y", "z", "x"]})
    >>> balanced(a, b, keep=3, seed=1)[["position", "doc_id", "team", "rank_a", "rank_b"]]
       position doc_id team  rank_a  rank_b
    0         1      x    a       1       3
    1         2      y    b       2       1
    2         3      z    b       3       2
    """
    lists = _lists("balanced", a, b, keep, block)

    def page(part: slice) -> dict[str, Array]:
        a_first = chance.bits(seed, "balanced", lists.request[part]) % 2 == 0
        return _zipped(lists.a[part], lists.b[part], a_first)

    return _shown(lists, block, page)


@dataclass(frozen=True)
class _Lists:
    """Both rankings as rows of document numbers, -1 where a ranking ends, of shape (requests, keep)."""

    request: Array
    document: Array
    a: Array
    b: Array


def _lists(function: str, a: pd.DataFrame, b: pd.DataFrame, keep: int, block: int) -> _Lists:
    for name, value in (("keep", keep), ("block", block)):
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
            raise ValueError(f"{function}: {name} is {value!r}; expected a whole number of at least 1.")
    both = []
    for name, ranking in (("a", a), ("b", b)):
        try:
            both.append(tables.shown(ranking))
        except ValueError as error:
            raise ValueError(f"{function}, ranking {name}: {error}") from None
    for column in ("request_id", "doc_id"):
        tables.same_kind(both[0][column], both[1][column], column, table="a", where="b")
    together = pd.concat([one[["request_id", "position", "doc_id"]] for one in both if len(one)] or both[:1])
    row, request = pd.factorize(together["request_id"])
    number, document = pd.factorize(together["doc_id"])
    ends = np.cumsum([len(one) for one in both])
    position = together["position"].to_numpy()
    a_list, b_list = (
        _matrix(row[part], position[part], number[part], (len(request), keep))
        for part in (slice(0, ends[0]), slice(ends[0], ends[1]))
    )
    return _Lists(request.to_numpy(), document.to_numpy(), a_list, b_list)


def _matrix(row: Array, position: Array, number: Array, shape: tuple[int, int]) -> Array:
    order = np.lexsort((position, row))
    row, number = row[order], number[order]
    rank = np.arange(len(row)) - np.searchsorted(row, row)
    lists = np.full(shape, -1, dtype=np.int64)
    near = rank < shape[1]
    lists[row[near], rank[near]] = number[near]
    return lists


def _drafted(a: Array, b: Array, a_first: Array) -> dict[str, Array]:
    rows = np.arange(len(a))
    left_a, left_b = a >= 0, b >= 0  # who can still be picked
    page, team = np.full(a.shape, -1, dtype=np.int64), np.full(a.shape, _NOBODY, dtype=np.int8)
    for place in range(a.shape[1]):
        can_a, can_b = left_a.any(axis=1), left_b.any(axis=1)
        both = can_a & can_b
        turn_a = a_first[:, place // 2] ^ (place % 2 == 1)
        from_a = np.where(both, turn_a, can_a)
        picked = np.where(from_a, a[rows, left_a.argmax(axis=1)], b[rows, left_b.argmax(axis=1)])
        picked[~(can_a | can_b)] = -1
        page[:, place] = picked
        team[:, place] = np.where(both, np.where(from_a, _A, _B), _NOBODY)
        left_a &= a != picked[:, None]
        left_b &= b != picked[:, None]
    return {"page": page, "team": team}


def _zipped(a: Array, b: Array, a_first: Array) -> dict[str, Array]:
    keep = a.shape[1]
    same = (a[:, :, None] == b[:, None, :]) & (a >= 0)[:, :, None]
    of_a, of_b = np.arange(1, keep + 1), np.arange(1, keep + 1)
    in_b = np.where(same.any(axis=2), same.argmax(axis=2) + 1, 0)  # the place in b of what stands in a
    in_a = np.where(same.any(axis=1), same.argmax(axis=1) + 1, 0)
    number = np.hstack([a, b])
    rank_a = np.hstack([np.broadcast_to(of_a, a.shape), in_a])
    rank_b = np.hstack([in_b, np.broadcast_to(of_b, b.shape)])
    never = 2 * keep + 2
    turn_a = np.where(rank_a > 0, 2 * rank_a + ~a_first[:, None], never)
    turn_b = np.where(rank_b > 0, 2 * rank_b + a_first[:, None], never)
    turn = np.minimum(turn_a, turn_b)
    turn[number < 0] = never
    turn[:, keep:][in_a > 0] = never  # it is there once, as a's
    order = np.argsort(turn, axis=1, kind="stable")[:, :keep]
    rows = np.arange(len(a))[:, None]
    page = np.where(turn[rows, order] < never, number[rows, order], -1)
    team = np.where(turn_a < turn_b, _A, _B)[rows, order]
    return {"page": page, "team": team, "rank_a": rank_a[rows, order], "rank_b": rank_b[rows, order]}


def _shown(lists: _Lists, block: int, page: Callable[[slice], dict[str, Array]]) -> pd.DataFrame:
    starts = range(0, max(len(lists.request), 1), block)
    parts = [page(slice(start, start + block)) for start in starts]
    filled = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    row, place = np.nonzero(filled["page"] >= 0)
    columns = {
        "request_id": lists.request[row],
        "position": place + 1,
        "doc_id": lists.document[filled.pop("page")[row, place]],
        "team": pd.Series(TEAMS[filled.pop("team")[row, place]], dtype="str"),
    }
    return pd.DataFrame(columns | {name: ranks[row, place] for name, ranks in filled.items()})
