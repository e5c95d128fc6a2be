"""The space of keywords: which ones sell to the same people. Nothing of it shows in their words."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from mlsd_lib.architecture import Array
from mlsd_lib.worlds import chance
from mlsd_lib.worlds.ads import words

DIMENSIONS = 8
SPREAD = 0.6  # how far keywords lie from the middle of their theme, relative to the middle's length
NEARNESS = 10.0  # how strongly the next request of a session is about a near keyword
A_THEME = 40  # keywords of a theme, roughly
MOST = len(words.MODIFIERS) * sum(map(len, words.THEMES))


@dataclass(frozen=True, eq=False)
class Space:
    """The keywords of a world, most asked for first.

    Attributes:
        phrases: The keywords as texts.
        theme: The theme of each, int64.
        place: Where each lies: a unit vector, float64 of shape (keywords, 8).
        popularity: How often each is asked for, relative to the others; sums to 1.
    """

    phrases: tuple[str, ...]
    theme: Array = field(repr=False)
    place: Array = field(repr=False)
    popularity: Array = field(repr=False)

    @cached_property
    def likeness(self) -> Array:
        """Cosine of each pair of keywords, float64 of shape (keywords, keywords): 1 for a keyword with itself."""
        cosine = self.place @ self.place.T
        np.fill_diagonal(cosine, 1.0)
        return np.asarray(np.minimum(cosine, 1.0))

    @cached_property
    def follows(self) -> Array:
        """Where each keyword's share of what is asked after it ends, plus its number; flat, for one search."""
        weight = np.exp(NEARNESS * (self.likeness - 1)) * self.popularity
        ends = np.cumsum(weight, axis=1)
        ends /= ends[:, -1:]
        ends[:, -1] = 1.0
        return np.asarray((ends + np.arange(len(ends))[:, None]).ravel())

    def after(self, keyword: Array, u: Array) -> Array:
        """The keyword that is asked for after each one, by a uniform draw each."""
        number = len(self.phrases)
        found = np.searchsorted(self.follows, keyword + u)
        return np.asarray(np.minimum(found, (keyword + 1) * number - 1) - keyword * number)


def build(seed: int, keywords: int) -> Space:
    """Draw the keywords of a world.

    Args:
        seed: Seed of the world.
        keywords: How many, at most `MOST`.

    Returns:
        The keywords and where they lie.
    """
    per_theme = len(words.MODIFIERS) * len(words.THEMES[0])
    themes = int(np.clip(round(keywords / A_THEME), max(4, -(-keywords // per_theme)), len(words.THEMES)))
    chosen = np.argsort(chance.bits(seed, "themes", np.arange(len(words.THEMES))), kind="stable")[:themes]
    code = (chosen[:, None] * per_theme + np.arange(per_theme)).ravel()
    code = code[np.argsort(chance.bits(seed, "keywords", code), kind="stable")][:keywords]
    theme = code // per_theme
    middle = _units(chance.normal(seed, "middle of a theme", theme[:, None], np.arange(DIMENSIONS)))
    own = _units(chance.normal(seed, "own place", code[:, None], np.arange(DIMENSIONS)))
    place = _units(middle + SPREAD * own)
    popularity = (np.arange(len(code)) + 5.0) ** -0.8
    phrases = tuple(
        words.MODIFIERS[number % len(words.MODIFIERS)] + words.THEMES[number // per_theme][number % per_theme // 5]
        for number in code.tolist()
    )
    return Space(phrases, theme, place, popularity / popularity.sum())


def _units(vectors: Array) -> Array:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
