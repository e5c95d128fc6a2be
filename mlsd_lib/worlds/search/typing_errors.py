"""Typing errors as people make them: a neighbouring key, a letter left out, doubled or swapped, two words run together.

All texts of a batch are edited at once, as a matrix of character codes.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mlsd_lib.architecture import Array

KINDS = ("neighbour", "omission", "doubling", "transposition", "joined")
SHARES = (0.28, 0.27, 0.12, 0.23, 0.1)
NEIGHBOUR, OMISSION, DOUBLING, TRANSPOSITION, JOINED = range(5)
SHORTEST = 4  # letters: shorter words are typed without thinking
_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")


def misspell(texts: Array, where: npt.ArrayLike, how: npt.ArrayLike, which: npt.ArrayLike) -> Array:
    """Make one typing error in each text.

    An error falls on any letter but the first of a word of four letters or more, so long words get more of them. A text
    without such a word stays as it is. A text of one word cannot be run together, and loses a letter instead.

    Args:
        texts: Lower-case texts, of shape (n,).
        where: Draws in (0, 1) that choose the letter.
        how: Draws in (0, 1) that choose the kind of error.
        which: Draws in (0, 1) that choose among neighbouring keys.

    Returns:
        The texts with their errors, as objects.

    Source: [cucerzan2004spelling] for how common errors in queries are. Chapter: Search.

    >>> misspell(np.array(["italian restaurant"]), [0.1], [0.4], [0.5]).tolist()
    ['itlian restaurant']
    """
    texts = np.asarray(texts, dtype=object)
    if not len(texts):
        return texts
    wide = texts.astype(str)
    width = wide.dtype.itemsize // 4 + 1  # room for a doubled letter
    codes = np.zeros((len(wide), width), dtype=np.uint32)
    codes[:, :-1] = np.ascontiguousarray(wide).view(np.uint32).reshape(len(wide), -1)

    kind = np.searchsorted(np.cumsum(SHARES)[:-1], np.asarray(how), side="right")
    spaces = codes == ord(" ")
    kind = np.where((kind == JOINED) & ~spaces.any(axis=1), OMISSION, kind)
    able = np.where((kind == JOINED)[:, None], spaces, _able(codes))
    count = able.sum(axis=1)
    nth = np.minimum((np.asarray(where) * count).astype(np.int64), count - 1)
    place = np.argmax(np.cumsum(able, axis=1) > nth[:, None], axis=1)
    lines = np.arange(len(codes))
    letter, before = codes[lines, place], codes[lines, place - 1]
    kind = np.where((kind == TRANSPOSITION) & (letter == before), DOUBLING, kind)  # equal letters swapped are no error

    column = np.arange(width)[None, :]
    at, of = place[:, None], kind[:, None]
    source = np.where(((of == OMISSION) | (of == JOINED)) & (column >= at), column + 1, column)
    source = np.where((of == DOUBLING) & (column > at), column - 1, source)
    source = np.where((of == TRANSPOSITION) & (column == at), column - 1, source)
    source = np.where((of == TRANSPOSITION) & (column == at - 1), column + 1, source)
    edited = np.take_along_axis(codes, np.minimum(source, width - 1), axis=1)
    neighbours = _NEIGHBOURS[np.minimum(letter, 127)]
    number = (np.asarray(which) * (neighbours > 0).sum(axis=1)).astype(np.int64)
    edited[lines, place] = np.where(kind == NEIGHBOUR, neighbours[lines, number], edited[lines, place])
    typed = np.ascontiguousarray(edited).view(f"U{width}").ravel().astype(object)
    return np.where(count > 0, typed, texts)


def _able(codes: Array) -> Array:
    """Where an error can fall: letters that have neighbours, in a long word, and not the first of it."""
    letter = _NEIGHBOURS[np.minimum(codes, 127), 0] > 0
    letter &= codes < 128
    run = np.zeros(codes.shape, dtype=np.int64)
    for column in range(codes.shape[1]):
        run[:, column] = np.where(letter[:, column], 1 + (run[:, column - 1] if column else 0), 0)
    length = run.copy()
    for column in range(codes.shape[1] - 2, -1, -1):
        length[:, column] = np.where(run[:, column + 1] > run[:, column], length[:, column + 1], run[:, column])
        length[:, column] *= letter[:, column]
    return np.asarray((length >= SHORTEST) & (run > 1))


def _table() -> Array:
    table = np.zeros((128, 6), dtype=np.uint32)
    for line, keys in enumerate(_ROWS):
        for place, key in enumerate(keys):
            near = [keys[p] for p in (place - 1, place + 1) if 0 <= p < len(keys)]
            for other in (line - 1, line + 1):
                if 0 <= other < len(_ROWS):
                    shift = place if other > line else place + 1
                    near += [_ROWS[other][p] for p in (shift - 1, shift) if 0 <= p < len(_ROWS[other])]
            table[ord(key), : len(near)] = [ord(letter) for letter in near]
    return table


_NEIGHBOURS = _table()
