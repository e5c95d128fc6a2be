"""Learning: from judgments or from a log to an understanding of intents and an order of documents.

Everything is read from the tables that a reader could have: what was asked, what people judged or clicked, and the
documents. What the components do with a query while they learn is what they do when they serve.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, cast

import numpy as np
import pandas as pd

from mlsd_lib import tables
from mlsd_lib.architecture import Array, Batch, System
from mlsd_lib.systems.search.features import FEATURES, features
from mlsd_lib.systems.search.index import Index, values
from mlsd_lib.systems.search.ranker import Ranker, learn
from mlsd_lib.systems.search.selection import Given
from mlsd_lib.systems.search.understanding import INTENTS, Understanding

Unjudged = Literal["irrelevant", "left out"]

AT_ONCE = 1_000  # requests whose candidates are held at a time
REQUESTS = 20_000  # clicked requests of a log to learn from at most, drawn by the seed
UNSHOWN = 5  # candidates a request that were not shown, learned from as not clicked
LONG_S = 30.0  # seconds on a document from which on it is taken for an answer
ONE_PAGE = 0.4  # share of a query's relevance from which on one document may make it navigational
HIGHEST = 10.0  # grades above count as this one where they are powers of 2
ONE_PLACE = 0.5  # share from which on documents of one place make it local


def learned_from_judgments(
    system: System, queries: pd.DataFrame, judgments: pd.DataFrame, *, unjudged: Unjudged, seed: int
) -> System:
    """A system whose understanding and ranker have learned from judgments.

    Args:
        system: One that goes by rules.
        queries: A checked table: `query_id, text` and, where there is one, `place`.
        judgments: A checked table.
        unjudged: Whether what is retrieved without a judgment counts as irrelevant, or what is judged is all.
        seed: Seed of the learning.

    Returns:
        A new system.

    Raises:
        ValueError: If no judged document that is relevant is retrieved.

    Chapter: Search.
    """
    index = cast(Ranker, system["ranker"]).index
    relevant = judgments[judgments["grade"] > 0]
    own = [column for column in ("query_id", "text", "place") if column in queries]
    asked = relevant[["query_id", "doc_id", "grade"]].merge(queries[own], on="query_id", how="inner")
    mass = np.exp2(np.minimum(asked["grade"], HIGHEST)) - 1
    system = _understanding_learned(system, asked.assign(query=asked["text"], mass=mass), index, clicks=False)
    requests = tables.as_requests(queries)
    if "place" in queries:
        requests["place"] = queries["place"]
    requests = requests[requests["query_id"].isin(relevant["query_id"])]
    pairs = judgments.rename(columns={"query_id": "request_id"})[["request_id", "doc_id", "grade"]]
    finding = system.replace(selection=Given("selection", pairs)) if unjudged == "left out" else system
    seen, grade, counts = [], [], []
    for start in range(0, len(requests), AT_ONCE):
        batch = _candidates(finding, requests.iloc[start : start + AT_ONCE])
        seen.append(features(batch, index, "ranker"))
        grade.append(np.nan_to_num(_looked_up(batch, pairs, "grade")))
        counts.append(batch.counts())
    grades = np.concatenate([np.empty(0), *grade])
    if not grades.any():
        raise ValueError(
            f"judgments: {len(relevant)} rows have a grade above 0, and none of their documents shares a word with its "
            "query, so the ranker would never see it. Check that doc_id and query_id mean what the other tables mean."
        )
    model = learn(np.concatenate(seen), grades, np.concatenate(counts), seed=seed)
    return system.replace(ranker=Ranker("ranker", index, model=model))


def learned_from_log(system: System, log: pd.DataFrame, *, examined: Sequence[float] | None, seed: int) -> System:
    """A system whose ranker has learned from clicks, and its understanding where no features were served.

    Served features came from the understanding that served, so it has to stay as it is: another one would hand the
    ranker other numbers than it learned from.

    What was shown is the top of what the selection finds, and the ranker has to order all of it. Taught by shown
    documents alone it may learn that among them a worse match is a better page, and then prefers the worst of all.
    So it also sees a few candidates that were not shown, as not clicked.

    A request weighs as much as its highest gain: LambdaMART measures each request against its own best order, which
    divides the gain of a page's only click by itself. Where features were served, there are no others to keep a
    ranker so corrected from going astray, and requests weigh the same.

    Args:
        system: One that goes by rules.
        log: A checked log.
        examined: See `mlsd_lib.systems.search.fit`.
        seed: Seed of the learning, and of the draws from a long log.

    Returns:
        A new system.

    Raises:
        ValueError: If nothing was clicked, or nothing that the selection finds, or `examined` is unsound.

    Chapter: Search.
    """
    index = cast(Ranker, system["ranker"]).index
    clicked = log[log["clicked"].to_numpy()]
    if clicked.empty:
        raise ValueError(f"log: none of the {len(log)} rows is clicked, so it teaches nothing. Log more requests.")
    served = [f"feature_{name}" for name in FEATURES]
    has_served = set(served) <= set(log.columns)
    if not has_served:
        answers = clicked[clicked["dwell_s"] >= LONG_S] if "dwell_s" in clicked else clicked
        system = _understanding_learned(system, answers.assign(mass=1.0), index, clicks=True)
    request_id = clicked["request_id"].unique()
    drawn = np.sort(np.random.default_rng(seed).permutation(len(request_id))[:REQUESTS])
    rows = log[log["request_id"].isin(request_id[drawn])]
    rows = rows.assign(gain=rows["clicked"].to_numpy() / _chance(rows["position"].to_numpy(), examined))
    weight = None
    if has_served:
        rows = rows.sort_values("request_id", kind="stable")
        counts = rows.groupby("request_id")["request_id"].count().to_numpy()
        seen, gain = rows[served].to_numpy(dtype=np.float32), rows["gain"].to_numpy()
    else:
        seen, gain, counts = _computed(system, rows, index)
        if not gain.any():
            raise ValueError(
                f"log: {len(clicked)} rows are clicked, and the selection finds none of their documents for their "
                "query now, so the ranker would never see them. Check that doc_id means what documents mean."
            )
        weight = pd.Series(gain).groupby(np.repeat(np.arange(len(counts)), counts)).transform("max").to_numpy()
        weight = weight / weight.mean()
    model = learn(seen, gain, counts, weight=weight, seed=seed)
    return system.replace(ranker=Ranker("ranker", index, model=model))


def _computed(system: System, rows: pd.DataFrame, index: Index) -> tuple[Array, Array, Array]:
    """Features and gains of what was shown, as far as the selection would find it now, and of a few others.

    The third array holds how many of both a request has.
    """
    requests = rows.drop_duplicates("request_id")
    seen, gain, counts = [], [], []
    for start in range(0, len(requests), AT_ONCE):
        batch = _candidates(system, requests.iloc[start : start + AT_ONCE])
        own = _looked_up(batch, rows, "gain")
        taken = ~np.isnan(own)
        taken[~taken] = _spread(batch.row[~taken], UNSHOWN)
        seen.append(features(batch, index, "ranker")[taken])
        gain.append(np.nan_to_num(own[taken]))
        counts.append(np.bincount(batch.row[taken], minlength=len(batch)))
    return np.concatenate(seen), np.concatenate(gain), np.concatenate(counts)


def _spread(row: Array, most: int) -> Array:
    """Up to so many of each row's entries, spread evenly from the first to the last, as a mask."""
    counts = np.bincount(row, minlength=1)
    place = np.arange(len(row)) - (np.cumsum(counts) - counts)[row]
    return np.asarray((place + 1) * most // counts[row] > place * most // counts[row])


def _candidates(system: System, requests: pd.DataFrame) -> Batch:
    """What the ranker is given."""
    batch = Batch(system.edge.read(requests))
    for name in ("rewriter", "understanding", "selection"):
        batch = system[name](batch)
    return batch


def _looked_up(batch: Batch, rows: pd.DataFrame, column: str) -> Array:
    """A column of the row of each candidate, NaN where there is no such row."""
    pairs = pd.DataFrame({"request_id": batch.requests["request_id"][batch.row], "doc_id": batch.items["doc_id"]})
    same = {name: rows[name].dtype for name in ("request_id", "doc_id")}
    found = pairs.astype(same).merge(rows[["request_id", "doc_id", column]], how="left", on=["request_id", "doc_id"])
    return found[column].to_numpy(dtype=np.float64)


def _chance(position: Array, examined: Sequence[float] | None) -> Array:
    """How likely each position is looked at; 1 where no measured curve is given."""
    if examined is None:
        return np.ones(len(position))
    curve = np.asarray(examined, dtype=np.float64)
    if curve.ndim != 1 or not len(curve) or not bool(np.all((curve > 0) & (curve <= 1))):
        raise ValueError(
            "fit: examined must hold a probability above 0 and at most 1 for each position from 1 on, got "
            f"{examined!r}. Measure it on lists in random order, relative to position 1."
        )
    return np.asarray(curve[np.minimum(position, len(curve)) - 1])


def _understanding_learned(system: System, found: pd.DataFrame, index: Index, *, clicks: bool) -> System:
    """The system with an understanding that has learned from what answered queries.

    A query is local where what answered it lies in one place, navigational where it is mostly one page, and else
    informational. Where it is both, the searcher's place decides: a small town may have only one good answer, but then
    it lies where it was asked for. Clicks cannot tell the one page from the first one, so with them the rule says what
    is navigational.

    Args:
        system: One that goes by rules.
        found: A row for each relevant or clicked document of a query: `query, doc_id, mass`, perhaps `place`.
        index: Where documents lie.
        clicks: Whether these are clicks.
    """
    rows = found.assign(lies=index.place_of[index.rows(values(found["doc_id"]), "understanding")])
    by = ["query", "place"] if "place" in found else ["query"]
    whole = rows.groupby(by, sort=False)["mass"].sum()
    one_page = rows.groupby([*by, "doc_id"], sort=False)["mass"].sum().groupby(by, sort=False).max() / whole
    lying = rows[rows["lies"] >= 0]
    one_place = lying.groupby([*by, "lies"], sort=False)["mass"].sum().groupby(by, sort=False).max() / whole
    own = pd.Index(index.places).get_indexer(pd.Index(found["place"])) if "place" in found else -1
    here = (rows["lies"] >= 0) & (rows["lies"] == own)
    at_hand = rows[here].groupby(by, sort=False)["mass"].sum() / whole
    shares = {"one_page": one_page, "one_place": one_place, "at_hand": at_hand}
    each = pd.DataFrame({"whole": whole, **shares}).fillna(0.0).reset_index()
    batch = system["rewriter"](Batch({"query": values(each["query"])}))
    rules = cast(Understanding, system["understanding"])
    by_rule = rules(batch).requests["intent"].argmax(axis=1) == INTENTS.index("navigational")
    navigational = by_rule if clicks else ((each["one_page"] >= ONE_PAGE) & (each["at_hand"] < ONE_PLACE)).to_numpy()
    names = np.where(navigational, "navigational", np.where(each["one_place"] >= ONE_PLACE, "local", "informational"))
    if len(set(names)) < 2:
        return system
    intent = (names[:, None] == np.array(INTENTS)).astype(np.float64)
    weight = np.log1p(each["whole"].to_numpy())
    return system.replace(understanding=rules.learned(batch.requests["rewritten"].tolist(), intent, weight))
