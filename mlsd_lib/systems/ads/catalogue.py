"""The table of ads as arrays of codes, which every component shares, and the keyword that a text names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from mlsd_lib.architecture import Array, State

TOKEN = re.compile(r"\w+")
MOST_APPEALS = 256  # wordings of ads that are told apart; the rest count as one
FEWEST = 5  # ads that a wording needs to be told apart


@dataclass(frozen=True, eq=False)
class Catalogue:
    """Ads, a row each, as codes.

    Attributes:
        ad_id: Their ids, integers or strings.
        advertiser_id: The ids of the advertisers, in the order of their codes.
        phrases: The keywords, lower case, in the order of their codes.
        appeals: Wordings of texts with the keyword left out, in the order of their codes; the first stands for all that
            are rare.
        advertiser: Each ad's advertiser, int32.
        keyword: Each ad's keyword, int32.
        appeal: Each ad's wording, int16.
        bid: Money a click, float64.
        active: Whether each ad may be shown.
    """

    ad_id: Array = field(repr=False)
    advertiser_id: Array = field(repr=False)
    phrases: tuple[str, ...] = field(repr=False)
    appeals: tuple[str, ...] = field(repr=False)
    advertiser: Array = field(repr=False)
    keyword: Array = field(repr=False)
    appeal: Array = field(repr=False)
    bid: Array = field(repr=False)
    active: Array = field(repr=False)

    def __len__(self) -> int:
        return len(self.bid)

    @staticmethod
    def of(ads: pd.DataFrame) -> Catalogue:
        """The catalogue of a checked table of ads."""
        word_code, words = _coded(ads["keyword"])
        text_code, texts = _coded(ads["text"])
        spoken = [" ".join(_tokens(word)) for word in words]
        phrase_of, phrases = pd.factorize(np.array(spoken, dtype=object), sort=True)
        keyword = phrase_of[word_code].astype(np.int32)
        pair, pairs = pd.factorize(text_code.astype(np.int64) * len(words) + word_code)
        rest = [_without(texts[code // len(words)], spoken[code % len(words)]) for code in pairs.tolist()]
        wording, wordings = pd.factorize(np.array(rest, dtype=object), sort=True)
        counts = np.bincount(wording[pair], minlength=len(wordings))
        told = np.argsort(-counts, kind="stable")[: MOST_APPEALS - 1]
        told = np.sort(told[counts[told] >= FEWEST])
        number = np.zeros(len(wordings), dtype=np.int16)
        number[told] = np.arange(1, len(told) + 1)
        advertiser, advertisers = pd.factorize(ads["advertiser_id"])
        return Catalogue(
            ad_id=_plain(ads["ad_id"]),
            advertiser_id=_plain(pd.Series(advertisers)),
            phrases=tuple(phrases),
            appeals=("", *(wordings[told])),
            advertiser=advertiser.astype(np.int32),
            keyword=keyword,
            appeal=number[wording][pair],
            bid=ads["bid"].to_numpy(dtype=np.float64),
            active=np.ones(len(ads), dtype=bool),
        )

    def paused(self, advertiser_ids: Iterable[int | str]) -> Catalogue:
        """The same ads, those of some advertisers not to be shown."""
        stopped = pd.Index(self.advertiser_id).isin(list(advertiser_ids))
        return replace(self, active=~stopped[self.advertiser])

    def rows(self, ad_id: Array) -> Array:
        """The row of each ad's id; -1 for an id of no ad."""
        return np.asarray(pd.Index(self.ad_id).get_indexer(pd.Index(ad_id)))

    def named(self, queries: Iterable[str]) -> Array:
        """The code of the longest keyword that each text names, the first of equally long ones; -1 for none."""
        return np.array([self._longest(_tokens(query)) for query in queries], dtype=np.int64)

    def state(self) -> State:
        """All of it."""
        names = ("advertiser", "keyword", "appeal", "bid", "active")
        arrays = {name: getattr(self, name) for name in names}
        json: dict[str, Any] = {"phrases": list(self.phrases), "appeals": list(self.appeals)}
        for name in ("ad_id", "advertiser_id"):
            ids = getattr(self, name)
            (json if ids.dtype == object else arrays)[name] = ids.tolist() if ids.dtype == object else ids
        return State(arrays=arrays, json=json)

    @staticmethod
    def restored(name: str, state: State) -> Catalogue:
        """The catalogue in a component's saved state."""
        held: Mapping[str, Any] = {**state.arrays, **state.json}
        ids = {}
        for column in ("ad_id", "advertiser_id"):
            ids[column] = held[column] if column in state.arrays else np.array(held[column], dtype=object)
        arrays = {column: state.arrays[column] for column in ("advertiser", "keyword", "appeal", "bid", "active")}
        sizes = {len(ids["ad_id"]), *(len(values) for values in arrays.values())}
        ends = {"advertiser": len(ids["advertiser_id"]), "keyword": len(held["phrases"])}
        ends["appeal"] = len(held["appeals"])
        if len(sizes) > 1 or any(arrays[c].min() < 0 or arrays[c].max() >= end for c, end in ends.items()):
            raise ValueError(f"{name}: the arrays of the ads do not fit each other")
        return Catalogue(**ids, phrases=tuple(held["phrases"]), appeals=tuple(held["appeals"]), **arrays)

    def _longest(self, tokens: list[str]) -> int:
        for length in range(min(self._most_tokens, len(tokens)), 0, -1):
            for start in range(len(tokens) - length + 1):
                code = self._code_of.get(" ".join(tokens[start : start + length]))
                if code is not None:
                    return code
        return -1

    @cached_property
    def _code_of(self) -> dict[str, int]:
        return {phrase: code for code, phrase in enumerate(self.phrases) if phrase}

    @cached_property
    def _most_tokens(self) -> int:
        return max(phrase.count(" ") + 1 for phrase in self.phrases)


def _tokens(text: str) -> list[str]:
    return TOKEN.findall(text.lower())


def _without(text: str, phrase: str) -> str:
    """The words of a text without those of a keyword, where they stand together."""
    return f" {' '.join(_tokens(text))} ".replace(f" {phrase} ", " ", 1).strip()


def _coded(column: pd.Series[Any]) -> tuple[Array, list[str]]:
    if isinstance(column.dtype, pd.CategoricalDtype):
        return column.cat.codes.to_numpy(), column.cat.categories.tolist()
    code, words = pd.factorize(column)
    return code, list(words)


def _plain(ids: pd.Series[Any]) -> Array:
    """Ids as int64 or as an object array of strings."""
    return ids.to_numpy() if ids.dtype == np.int64 else ids.to_numpy(dtype=object)
