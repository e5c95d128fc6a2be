"""`rewriter`: the query that was meant, where what was typed cannot be.

A word that is known is left alone: one of the documents, its plural, or one of a list of English words. For an unknown
word compete the words of the documents within a few edits, and pairs of them that were joined by mistake, as in a noisy
channel: how often a word is used, whether it is seen beside its neighbours in the query, and how likely the edits are
that would have led to what was typed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from itertools import pairwise

import numpy as np
import pandas as pd
from symspellpy import SymSpell, Verbosity

from mlsd_lib import storage
from mlsd_lib.architecture import Array, Batch, State
from mlsd_lib.systems.search.text import WORD, Tokens, words

SHORTEST, LONGEST = 4, 30  # letters of a word that may be corrected
SHORTEST_PART = 2  # letters of a word that may have been joined to another
TWO_EDITS = 6  # letters from which on two edits are considered
EDIT = 6.0  # an edit is e ** 6, about 400 times, less likely than none
FIRST_LETTER = 2.0  # people seldom miss the first letter
EASY = 0.7  # of EDIT: a swap of letters, a doubled or undoubled one, a neighbouring key, another vowel, a missing space
BESIDE = 1.5  # weight of the logarithm of how often two words stand side by side
ENGLISH = "frequency_dictionary_en_82_765.txt"  # comes with symspellpy, under its MIT licence
VOWELS = frozenset("aeiouy")
ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
KEYS = {frozenset(pair) for row in ROWS for pair in pairwise(row)} | {
    frozenset((above[place], letter))
    for above, below in pairwise(ROWS)
    for column, letter in enumerate(below)
    for place in (column, column + 1)
}


class Rewriter:
    """The component `rewriter`: adds `rewritten`, the query with unknown words corrected and all else as it was.

    Args:
        name: The component's name.
        vocabulary: The words that a correction may lead to, in lower case, each once.
        count: How often each is used, at least 1, int64 of shape (words,).
        beside: Pairs of words that stand side by side, as first * words + second, ascending, int64 of shape (pairs,).
        beside_count: How often each does, int64 of shape (pairs,).
        english: Whether English words are known, too.

    Chapter: Search.

    >>> rewriter = Rewriter.of_words({"italian": 9, "restaurant": 20})
    >>> rewriter.rewrite("itlian restaurants")
    'italian restaurants'
    """

    def __init__(
        self, name: str, vocabulary: Sequence[str], count: Array, beside: Array, beside_count: Array, *, english: bool
    ) -> None:
        self.name = name
        self.english = bool(english)
        self._vocabulary = list(vocabulary)
        self._number = {word: number for number, word in enumerate(self._vocabulary)}
        self._count, self._beside, self._beside_count = count, beside, beside_count
        self._english = english_words() if english else frozenset()
        self._total = int(count.sum())
        self._speller = SymSpell(max_dictionary_edit_distance=2)
        for word, times in zip(self._vocabulary, count.tolist(), strict=True):
            if word.isalpha() and len(word) <= LONGEST:
                self._speller.create_dictionary_entry(word, times)

    @classmethod
    def of_tokens(cls, name: str, tokens: Tokens, queries: Sequence[str] = ()) -> Rewriter:
        """Learn from documents, and from queries what people ask for.

        Args:
            name: The component's name.
            tokens: The words of the documents.
            queries: Texts of queries. They weigh the words of documents; a word that only they have may be an error,
                so it does not become known.

        Returns:
            The component.
        """
        size = len(tokens.words)
        count = np.bincount(tokens.word, minlength=size)
        joined = [tokens.word[:-1].astype(np.int64) * size + tokens.word[1:]]
        joined[0] = joined[0][tokens.text[:-1] == tokens.text[1:]]
        number = {word: number for number, word in enumerate(tokens.words)}
        asked = Tokens.of(queries)
        known = np.array([number.get(word, -1) for word in asked.words], dtype=np.int64)[asked.word]
        count += np.bincount(known[known >= 0], minlength=size)
        side = (asked.text[:-1] == asked.text[1:]) & (known[:-1] >= 0) & (known[1:] >= 0)
        joined.append((known[:-1] * size + known[1:])[side])
        beside, times = np.unique(np.concatenate(joined), return_counts=True)
        often = times > 1  # a pair that was seen once says little, and most pairs were
        return cls(name, tokens.words, count.astype(np.int64), beside[often], times[often], english=True)

    @classmethod
    def of_words(cls, counts: Mapping[str, int], *, name: str = "rewriter", english: bool = False) -> Rewriter:
        """Learn from a list of words.

        Args:
            counts: How often each word is used, at least once; in lower case.
            name: The component's name.
            english: Whether English words that the list lacks are known, too.

        Returns:
            The component; without neighbours, since a list has none.
        """
        none = np.empty(0, dtype=np.int64)
        return cls(name, list(counts), np.array(list(counts.values()), dtype=np.int64), none, none, english=english)

    def __call__(self, batch: Batch) -> Batch:
        """Add `rewritten` to the requests; each different query and word is looked at once."""
        number, queries = pd.factorize(batch.requests["query"])
        seen: dict[str, list[tuple[float, str]]] = {}
        corrected = np.array([self._rewrite(query, seen) for query in queries], dtype=object)
        rewritten = corrected[number] if len(corrected) else np.empty(0, dtype=object)
        return Batch({**batch.requests, "rewritten": rewritten}, batch.items)

    def rewrite(self, query: str) -> str:
        """Correct one query.

        Args:
            query: As it was typed.

        Returns:
            The same text where all words are known or beyond help; else the text with those words replaced.
        """
        return self._rewrite(query, {})

    def state(self) -> State:
        """The words with their counts, and the pairs."""
        arrays = {"count": self._count, "beside": self._beside, "beside_count": self._beside_count}
        return State(arrays=arrays, json={"vocabulary": self._vocabulary, "english": self.english})

    def _rewrite(self, query: str, seen: dict[str, list[tuple[float, str]]]) -> str:
        """Correct a query; `seen` keeps the candidates of each word of a batch."""
        parts = list(WORD.finditer(query))
        typed = [(words(part[0]) or [part[0]])[0] for part in parts]
        fixed = list(typed)
        for place, word in enumerate(typed):
            if word not in seen:
                seen[word] = [] if self._is_known(word) else self._candidates(word)
            if seen[word]:
                before, after = fixed[:place][-1:], typed[place + 1 :][:1]
                rated = [(score + self._support([*before, c, *after]), c) for score, c in seen[word]]
                fixed[place] = max(rated)[1]
        text = query
        for part, before_, after_ in reversed(list(zip(parts, typed, fixed, strict=True))):
            text = text if before_ == after_ else text[: part.start()] + after_ + text[part.end() :]
        return text

    def _is_known(self, word: str) -> bool:
        if not word.isalpha() or not SHORTEST <= len(word) <= LONGEST or word in self._number:
            return True
        return word in self._english or (word.endswith("s") and word[:-1] in self._number)

    def _candidates(self, word: str) -> list[tuple[float, str]]:
        """What may have been meant, each with the logarithm of how likely it is, up to a constant."""
        found = self._speller.lookup(word, Verbosity.ALL, max_edit_distance=2 if len(word) >= TWO_EDITS else 1)
        likely = [(math.log(one.count) - EDIT * effort(word, one.term, one.distance), one.term) for one in found]
        for cut in range(SHORTEST_PART, len(word) - SHORTEST_PART + 1):
            left, right = self._number.get(word[:cut]), self._number.get(word[cut:])
            if left is not None and right is not None:
                both = math.log(self._count[left]) + math.log(self._count[right] / self._total)
                likely.append((both - EDIT * EASY, f"{word[:cut]} {word[cut:]}"))
        return likely

    def _support(self, phrase: list[str]) -> float:
        """How much it speaks for a phrase that its words were seen side by side."""
        numbers = [self._number.get(word, -1) for word in " ".join(phrase).split(" ")]
        support = 0.0
        for first, second in pairwise(numbers):
            pair = first * len(self._vocabulary) + second
            place = int(np.searchsorted(self._beside, pair)) if min(first, second) >= 0 else len(self._beside)
            if place < len(self._beside) and self._beside[place] == pair:
                support += BESIDE * math.log1p(self._beside_count[place])
        return support


def effort(typed: str, meant: str, edits: int) -> float:
    """How unlikely the edits are that lead from what was meant to what was typed, in ordinary edits.

    Args:
        typed: An unknown word.
        meant: A known one.
        edits: Their distance in insertions, deletions, substitutions and swaps of neighbouring letters.

    Returns:
        The number of edits, less where one of them is of a kind that is easily made, more for a first letter.

    Source: [cucerzan2004spelling] for corrections as a noisy channel. Chapter: Search.

    >>> round(effort("itlaian", "italian", 1), 3), round(effort("utalain", "italian", 2), 3)
    (0.7, 2.333)
    """
    beyond = FIRST_LETTER / EDIT if typed[0] != meant[0] else 0.0
    return edits - (1 - EASY) * _is_easy(typed, meant) + beyond


def _is_easy(typed: str, meant: str) -> bool:
    """Whether the words differ by swapped, doubled or undoubled letters only, or by one neighbouring key or vowel."""
    if sorted(typed) == sorted(meant) or _undoubled(typed) == _undoubled(meant):
        return True
    if len(typed) != len(meant):
        return False
    differ = [(a, b) for a, b in zip(typed, meant, strict=True) if a != b]
    return len(differ) == 1 and (frozenset(differ[0]) in KEYS or VOWELS.issuperset(differ[0]))


def _undoubled(word: str) -> str:
    return "".join(letter for letter, before in zip(word, " " + word, strict=False) if letter != before)


@cache
def english_words() -> frozenset[str]:
    """The words of the English frequency list that comes with symspellpy.

    Returns:
        About 83,000 words in lower case.

    Chapter: Search.

    >>> "trattoria" in english_words(), "itlian" in english_words()
    (True, False)
    """
    text = resources.files("symspellpy").joinpath(ENGLISH).read_text(encoding="utf-8-sig")
    return frozenset(line.split(" ", 1)[0] for line in text.splitlines())


def _restore(name: str, state: State) -> Rewriter:
    arrays, told = state.arrays, state.json
    count, beside, times = arrays["count"], arrays["beside"], arrays["beside_count"]
    vocabulary = told["vocabulary"]
    sound = (
        all(isinstance(word, str) and word for word in vocabulary)
        and all(array.ndim == 1 and array.dtype.kind == "i" for array in (count, beside, times))
        and len(count) == len(vocabulary)
        and len(beside) == len(times)
        and bool(np.all(count > 0))
    )
    if not sound:
        raise ValueError(f"the words of component {name!r} are not consistent")
    return Rewriter(name, vocabulary, count, beside, times, english=told["english"])


storage.register("rewriter", Rewriter, _restore)
