"""Metrics of tagged text: an entity counts if its type and both of its ends are right, and not otherwise.

Tags are BIO: `B-PER` begins a person, `I-PER` goes on with it, `O` is outside. Spans are read strictly: an entity
begins with a B tag, and an I tag that goes on with nothing, or with an entity of another type, belongs to no entity.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from mlsd_lib.architecture import Array
from mlsd_lib.metrics import checks

_TOKEN = ["doc_id", "sentence_id", "token_id"]
_SPAN = ["doc_id", "sentence_id", "start", "end", "type"]


def spans(sentences: pd.DataFrame) -> pd.DataFrame:
    """The entities that BIO tags mark.

    Args:
        sentences: Columns `doc_id, sentence_id, token_id` (integers in the order of the text) and `tag`, in any order.

    Returns:
        A row an entity, in the order of ids: `doc_id, sentence_id, start, end` (the `token_id` of its first and of
        its last token) and `type`.

    Raises:
        ValueError: If a column is missing, a token is repeated, or a tag is not O, B-… or I-….

    Source: [tjongkimsang2003conll] for the format. Chapter: Metrics.

    >>> tags = ["B-PER", "I-PER", "O", "B-LOC"]
    >>> text = pd.DataFrame({"doc_id": 1, "sentence_id": 1, "token_id": range(4), "tag": tags})
    >>> spans(text)[["start", "end", "type"]].values.tolist()
    [[0, 1, 'PER'], [3, 3, 'LOC']]
    """
    tagged = _tagged("sentences", sentences)
    tag = tagged["tag"].to_numpy(dtype=object).astype(str)
    sentence = tagged.groupby(["doc_id", "sentence_id"], sort=False).ngroup().to_numpy()
    head, kind = np.array([one[0] for one in tag], dtype="U1"), np.array([one[2:] for one in tag], dtype=str)
    begins = head == "B"
    # An I tag goes on with the entity if the token before it, of the same sentence, is in one of the same type. So a
    # run of I tags hangs on the last B tag before it, as long as nothing else stands between.
    follows = np.zeros(len(tag), dtype=bool)
    follows[1:] = (head[1:] == "I") & (sentence[1:] == sentence[:-1]) & (kind[1:] == kind[:-1]) & (head[:-1] != "O")
    run = np.cumsum(~follows)  # tokens that hang together
    starts = np.flatnonzero(begins)
    ends = np.searchsorted(run, run[starts], side="right") - 1
    token = tagged["token_id"].to_numpy()
    found = tagged.loc[starts, ["doc_id", "sentence_id"]].reset_index(drop=True)
    return found.assign(start=token[starts], end=token[ends], type=pd.Series(kind[starts], dtype="str"))


def entity_f1(sentences: pd.DataFrame, predicted: pd.DataFrame) -> pd.DataFrame:
    """Precision, recall and F1 of exact entities, for each type and for all together.

    Args:
        sentences: The true tags: columns `doc_id, sentence_id, token_id, tag`.
        predicted: The predicted tags of the same tokens: the same columns.

    Returns:
        A row a type in alphabetical order, then "all" (micro-averaged: entities of all types counted together), with
        the columns `true`, `predicted` and `right` (counts of entities), `precision`, `recall` and `f1`. Precision is
        NaN where nothing was predicted, recall where nothing is true, and F1 where both.

    Raises:
        ValueError: As `spans`, or if the two tables do not hold the same tokens.

    Source: [tjongkimsang2003conll]. Chapter: Metrics.

    >>> text = pd.DataFrame({"doc_id": 1, "sentence_id": 1, "token_id": range(3), "tag": ["B-PER", "I-PER", "O"]})
    >>> entity_f1(text, text.assign(tag=["B-PER", "O", "O"])).loc["all", ["true", "predicted", "right"]].tolist()
    [1, 1, 0]
    """
    true, found = _tagged("sentences", sentences), _tagged("predicted", predicted)
    if not true[_TOKEN].equals(found[_TOKEN]):
        both = true[_TOKEN].merge(found[_TOKEN], how="outer", indicator=True)
        missing = both[both["_merge"] != "both"]
        first = ", ".join(f"{name}={checks.plain(missing[name].iloc[0])!r}" for name in _TOKEN)
        raise ValueError(
            f"predicted: {len(missing)} tokens are in one table and not in the other (first: {first}).\n"
            "Tag every token of sentences, O where there is no entity, and no others."
        )
    there, told = spans(true), spans(found)
    right = there.merge(told, on=_SPAN)
    types = sorted(set(there["type"]) | set(told["type"]))
    counts = [[table["type"].eq(one).sum() for table in (there, told, right)] for one in types]
    counts.append([len(there), len(told), len(right)])
    table = pd.DataFrame(counts, index=pd.Index([*types, "all"], name="type"), columns=["true", "predicted", "right"])
    return table.assign(
        precision=_share(table["right"], table["predicted"]),
        recall=_share(table["right"], table["true"]),
        f1=_share(2 * table["right"], table["true"] + table["predicted"]),
    )


def _share(part: pd.Series[int], whole: pd.Series[int]) -> Array:
    of = whole.to_numpy()
    share: Array = np.divide(part.to_numpy(), of, out=np.full(len(part), np.nan), where=of > 0)
    return share


def _tagged(table: str, frame: pd.DataFrame) -> pd.DataFrame:
    """The tokens in the order of their ids, and their tags, checked."""
    clean = checks.columns(table, frame, *_TOKEN, "tag")
    checks.once(table, clean, _TOKEN)
    odd = ~clean["tag"].astype(str).str.fullmatch(r"O|[BI]-.+").to_numpy(dtype=bool)
    if odd.any():
        raise ValueError(
            f"{table}: the tag is none in {checks.count(odd)} (first: row {int(np.argmax(odd))}, "
            f"{checks.plain(clean['tag'][odd].iloc[0])!r}). A tag is O, or B- or I- and a type, such as B-PER."
        )
    return clean.sort_values(_TOKEN, ignore_index=True)
