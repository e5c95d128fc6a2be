"""Keyed chance: a draw is a function of what it is for, not of when or in which batch it was made.

A generator that is passed around gives different luck to the same person as soon as rows are reordered, batched
otherwise or dropped. Here a draw is a hash of (seed, purpose, ids): the same viewer meets the same luck in both arms
of an experiment, and a batch of one draws what a batch of a million draws.

The hash chains the finaliser of SplitMix64 over the ids. It is made for simulation, not for secrets.
"""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Words = npt.NDArray[np.uint64]

_STEP = np.uint64(0x9E3779B97F4A7C15)
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


def bits(seed: int, purpose: str, *ids: npt.ArrayLike) -> Words:
    """64 random bits for every row of ids.

    Args:
        seed: Seed of the world or of the run.
        purpose: What the draw is for, such as "click"; draws for different purposes are independent.
        *ids: Scalars or arrays of integers or strings, broadcast against each other; their order matters.

    Returns:
        uint64 array of the broadcast shape of `ids`.

    Raises:
        ValueError: If an id is neither an integer nor a string, or `seed` is not an integer.

    Source: [steele2014splittable]. Chapter: Set up the problem.

    >>> together = bits(0, "click", [7, 8, 9])
    >>> bool(together[1] == bits(0, "click", 8))
    True
    """
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer):
        raise ValueError(f"chance: seed is {seed!r}, and an integer was expected. Pass for example seed=0.")
    words = np.broadcast_arrays(*(_words(values, place) for place, values in enumerate(ids)))
    shape = words[0].shape if words else ()
    start = hashlib.blake2b(f"{int(seed)}\x1f{purpose}".encode(), digest_size=8).digest()
    state = np.full(max(1, int(np.prod(shape))), int.from_bytes(start, "little"), dtype=np.uint64)
    for word in words:
        state = _mix(state ^ _mix(word.reshape(-1) + _STEP))
    return _mix(state + _STEP).reshape(shape)


def uniform(seed: int, purpose: str, *ids: npt.ArrayLike) -> Floats:
    """Uniform draws, strictly between 0 and 1, one for every row of ids.

    Args:
        seed: Seed of the world or of the run.
        purpose: What the draw is for.
        *ids: Scalars or arrays of integers or strings, broadcast against each other.

    Returns:
        float64 array of the broadcast shape of `ids`.

    Raises:
        ValueError: As `bits`.

    Chapter: Set up the problem.

    >>> clicked = uniform(0, "click", [7, 8, 9], ["v1", "v1", "v2"]) < 0.5
    >>> clicked.shape
    (3,)
    """
    # 52 bits and a half: the largest value stays below 1 when it is rounded to a float.
    fraction: Floats = ((bits(seed, purpose, *ids) >> np.uint64(12)).astype(np.float64) + 0.5) * 2.0**-52
    return fraction


def normal(seed: int, purpose: str, *ids: npt.ArrayLike) -> Floats:
    """Standard normal draws, one for every row of ids.

    Args:
        seed: Seed of the world or of the run.
        purpose: What the draw is for.
        *ids: Scalars or arrays of integers or strings, broadcast against each other.

    Returns:
        float64 array of the broadcast shape of `ids`, mean 0 and standard deviation 1.

    Raises:
        ValueError: As `bits`.

    Chapter: Set up the problem.

    >>> draws = normal(0, "quality", range(10_000))
    >>> bool(abs(draws.mean()) < 0.05 and abs(draws.std() - 1) < 0.05)
    True
    """
    from scipy.special import ndtri

    return np.asarray(ndtri(uniform(seed, purpose, *ids)), dtype=np.float64)


def exponential(seed: int, purpose: str, *ids: npt.ArrayLike) -> Floats:
    """Exponential draws with mean 1, one for every row of ids; multiply by the mean that is wanted.

    Args:
        seed: Seed of the world or of the run.
        purpose: What the draw is for.
        *ids: Scalars or arrays of integers or strings, broadcast against each other.

    Returns:
        float64 array of the broadcast shape of `ids`, above 0.

    Raises:
        ValueError: As `bits`.

    Chapter: Set up the problem.

    >>> bool(abs(exponential(0, "watch", range(10_000)).mean() - 1) < 0.05)
    True
    """
    return np.asarray(-np.log(uniform(seed, purpose, *ids)), dtype=np.float64)


def _mix(word: Words) -> Words:
    """SplitMix64's finaliser: a bijection of 64-bit words in which every input bit moves half of the output bits."""
    word = (word ^ (word >> np.uint64(30))) * _FIRST
    word = (word ^ (word >> np.uint64(27))) * _SECOND
    return word ^ (word >> np.uint64(31))


def _words(values: npt.ArrayLike, place: int) -> Words:
    array = np.asarray(values)
    if array.dtype.kind in "iu":
        return array.astype(np.uint64) if array.dtype.kind == "u" else array.astype(np.int64).view(np.uint64)
    if array.size == 0:
        return np.empty(array.shape, dtype=np.uint64)
    if array.dtype.kind in "OUT" and all(isinstance(value, str) for value in array.ravel().tolist()):
        names, where = np.unique(array.astype(str), return_inverse=True)
        digests = [hashlib.blake2b(str(name).encode(), digest_size=8).digest() for name in names]
        return np.array([int.from_bytes(d, "little") for d in digests], dtype=np.uint64)[where].reshape(array.shape)
    raise ValueError(
        f"chance: id {place + 1} has dtype {array.dtype}, and integers or strings were expected "
        f"(first: {array.ravel().tolist()[0]!r}). Cast it, for example with .astype(int)."
    )
