"""Words and index terms of texts, as arrays."""

from __future__ import annotations

import re
import unicodedata
from array import array
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import Stemmer
from bm25s.stopwords import STOPWORDS_EN

from mlsd_lib.architecture import Array

WORD = re.compile(r"\w\w+")
STOP_WORDS = frozenset(STOPWORDS_EN)

_STEMMER = Stemmer.Stemmer("english")


def words(text: str) -> list[str]:
    """The words of a text: lower case, two characters or more, in one normal form of Unicode.

    Args:
        text: Any text.

    Returns:
        The words in the order of the text, repeated as often as they occur.

    Chapter: Search.

    >>> words("The BEST pizza, a slice")
    ['the', 'best', 'pizza', 'slice']
    """
    return WORD.findall(unicodedata.normalize("NFKC", text).lower())


def terms(text: str) -> list[str]:
    """The index terms of a text: lower-case words of two characters or more, without stop words, stemmed.

    Args:
        text: Any text; one in another script keeps its words whole, and one without words has no terms.

    Returns:
        The terms in the order of the text, repeated as often as they occur.

    Source: [robertson2009probabilistic] for the model that counts them. Chapter: Search.

    >>> terms("The best restaurants of Rome, rated")
    ['best', 'restaur', 'rome', 'rate']
    """
    return stems([word for word in words(text) if word not in STOP_WORDS])


def stems(some: list[str]) -> list[str]:
    """The stem of each word, by Snowball's rules for English.

    Args:
        some: Lower-case words.

    Returns:
        As many stems.

    Chapter: Search.

    >>> stems(["restaurants", "rated"])
    ['restaur', 'rate']
    """
    return _STEMMER.stemWords(some)  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Tokens:
    """The words of many texts, each different word numbered once.

    Attributes:
        words: The different words, in the order of their first appearance.
        word: The number of each word, texts one after the other, int32 of shape (tokens,).
        text: The text that each belongs to, non-decreasing, int64 of shape (tokens,).

    Chapter: Search.
    """

    words: list[str]
    word: Array
    text: Array

    @classmethod
    def of(cls, texts: Iterable[str]) -> Tokens:
        """Read texts.

        Args:
            texts: Any texts; each is read once.

        Returns:
            Their words.
        """
        numbers: defaultdict[str, int] = defaultdict()
        numbers.default_factory = numbers.__len__
        flat, counts = array("i"), array("q")
        for one in texts:
            before = len(flat)
            flat.extend(map(numbers.__getitem__, words(one)))
            counts.append(len(flat) - before)
        word = np.array(flat, dtype=np.int32)
        return cls(list(numbers), word, np.repeat(np.arange(len(counts)), np.array(counts, dtype=np.int64)))

    def stemmed(self) -> tuple[Tokens, Array]:
        """The same texts as index terms.

        Returns:
            The terms, numbered by first appearance, without stop words; and the term of each word, -1 for a stop word.
        """
        plain = np.array([word not in STOP_WORDS for word in self.words], dtype=bool)
        numbers: dict[str, int] = {}
        own = [numbers.setdefault(stem, len(numbers)) for stem in stems([w for w in self.words if w not in STOP_WORDS])]
        term_of = np.full(len(self.words), -1, dtype=np.int32)
        term_of[plain] = own
        term = term_of[self.word]
        return Tokens(list(numbers), term[term >= 0], self.text[term >= 0]), term_of
