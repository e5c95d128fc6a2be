"""Real public data: where it comes from, what it may be used for, and the same tables as everything else.

Nothing of it is part of this library. A set is downloaded by the person who uses it, from a pinned address, checked
against a sha256, and kept in the user's cache folder. The environment variable MLSD_DATA_MIRROR (a folder or a base
URL) replaces the addresses: there a file lies at `<mirror>/<data set>/<path>`, and the same sha256 has to match.
"""

from __future__ import annotations

import logging
import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import quote, urlsplit

import pandas as pd
import platformdirs
import pooch
import yaml

from mlsd_lib.readers import READERS

MIRROR = "MLSD_DATA_MIRROR"
RETRIES = 2  # after the first attempt, with a pause of one and of two seconds
TIMEOUT_S = 30


class DataUnavailable(RuntimeError):  # noqa: N818 (a state of the world, not a mistake)
    """A data set that cannot be had now: no connection, a file that is missing or not the one that was pinned."""


@dataclass(frozen=True)
class RemoteFile:
    """One file of a data set.

    Attributes:
        path: Its path in the upstream repository.
        url: Where it is downloaded from; the commit is part of it.
        sha256: What its content has to hash to.
        bytes: Its size.

    Chapter: Data.
    """

    path: str
    url: str
    sha256: str
    bytes: int


@dataclass(frozen=True)
class Description:
    """What the registry says of a data set.

    Attributes:
        name: Its name, for `load`.
        description: What it is, in a sentence.
        tier: "A" for an open licence, "B" for explicit terms with limits, "C" for none upstream.
        licence: The licence or terms.
        citation: How to cite it.
        quirks: What is odd about it, and what the reader does about it.
        files: The files that are read.

    Chapter: Data.
    """

    name: str
    description: str
    tier: str
    licence: str
    citation: str
    quirks: tuple[str, ...]
    files: tuple[RemoteFile, ...]

    def __str__(self) -> str:
        size = sum(file.bytes for file in self.files) / 1e6
        lines = [
            f"{self.name}: {self.description}",
            f"Licence ({self.tier}): {self.licence}",
            f"Citation: {self.citation}",
            f"Download: {len(self.files)} files, {size:.1f} MB",
            *(f"- {quirk}" for quirk in self.quirks),
        ]
        return "\n".join(lines)


@dataclass(frozen=True)
class Dataset:
    """A public data set as tables. `dataset.documents` is short for `dataset.tables["documents"]`.

    Attributes:
        name: Its name in the registry.
        tables: The documented tables by name.
        licence: The licence or terms.
        citation: How to cite it.
        sha256: The hash of each file that was read, by path.

    Chapter: Data.
    """

    name: str
    tables: Mapping[str, pd.DataFrame]
    licence: str
    citation: str
    sha256: Mapping[str, str]

    def __getattr__(self, table: str) -> pd.DataFrame:
        """The table of that name."""
        if table.startswith("_") or table == "tables":  # copying and pickling ask for these before there is one
            raise AttributeError(table)
        if table not in self.tables:
            raise AttributeError(f"{self.name} has no table {table!r}; it has {', '.join(self.tables)}.")
        return self.tables[table]


def names() -> list[str]:
    """The data sets that `load` knows.

    Returns:
        Their names, sorted.

    Chapter: Data.

    >>> names()[:4]
    ['chorus-product-ratings', 'codespell-dictionary', 'cranfield', 'norvig-spell-testset1']
    """
    return sorted(_registry())


def describe(name: str) -> Description:
    """What the registry says of a data set, without a download.

    Args:
        name: One of `names()`.

    Returns:
        Its origin, terms and quirks; prints as a few lines.

    Raises:
        ValueError: If there is no such data set.

    Chapter: Data.

    >>> describe("cranfield").tier
    'C'
    """
    registry = _registry()
    if name not in registry:
        raise ValueError(f"datasets: there is no {name!r}. Choose one of {', '.join(sorted(registry))}.")
    entry = dict(registry[name])
    files = tuple(RemoteFile(**file) for file in entry.pop("files"))
    return Description(name=name, quirks=tuple(entry.pop("quirks")), files=files, **entry)


def load(name: str) -> Dataset:
    """The tables of a public data set; downloaded at the first use, with its licence and citation shown before.

    Args:
        name: One of `names()`.

    Returns:
        The data set.

    Raises:
        ValueError: If there is no such data set.
        DataUnavailable: If a file can be neither downloaded nor found in the cache, or is not the one that was pinned.

    Chapter: Data.
    """
    about = describe(name)
    cache = platformdirs.user_cache_path("mlsd-lib") / "data" / name
    source = os.environ.get(MIRROR, "")
    if not all((cache / file.path).is_file() for file in about.files):
        origin = source or ", ".join(sorted({str(urlsplit(file.url).hostname) for file in about.files}))
        told = f"{about.name}: {about.description}\nLicence: {about.licence}\nCitation: {about.citation}"
        print(f"{told}\nDownloading from {origin} to {cache}", file=sys.stderr)
    paths = {file.path: _fetch(name, file, cache, source) for file in about.files}
    tables = READERS[name](paths)
    hashes = {file.path: file.sha256 for file in about.files}
    return Dataset(name, MappingProxyType(tables), about.licence, about.citation, MappingProxyType(hashes))


def _registry() -> dict[str, dict[str, Any]]:
    content = yaml.safe_load(registry_path().read_text(encoding="utf-8"))
    return dict(content["datasets"])


def registry_path() -> Path:
    """Where the registry lies: beside this module in an installed wheel, under `data/` in a checkout.

    Returns:
        The path of `registry.yml`.

    Chapter: Data.

    >>> registry_path().name
    'registry.yml'
    """
    here = Path(__file__).resolve().parent
    installed = here / "registry.yml"
    return installed if installed.is_file() else here.parent / "data" / "registry.yml"


def _fetch(name: str, file: RemoteFile, cache: Path, source: str) -> Path:
    """The verified file in the cache; one that does not verify is removed and fetched again."""
    if source and "://" not in source:
        url, download = str(Path(source).expanduser() / name / file.path), _copy
    else:
        url = f"{source.rstrip('/')}/{name}/{quote(file.path)}" if source else file.url
        download = pooch.HTTPDownloader(progressbar=True, timeout=TIMEOUT_S)
    logger = pooch.get_logger()
    level = logger.level
    logger.setLevel(logging.ERROR)  # it reports each attempt; the bar and the sentence below say it better
    try:
        fetcher = pooch.create(
            path=cache,
            base_url="",
            registry={file.path: f"sha256:{file.sha256}"},
            urls={file.path: url},
            retry_if_failed=0 if download is _copy else RETRIES,
        )
        stale = cache / file.path
        if stale.is_file() and not pooch.hashes.hash_matches(str(stale), file.sha256):
            stale.unlink()
            print(
                f"{name}: the cached {file.path} was altered, so it was removed and is fetched again.", file=sys.stderr
            )
        return Path(fetcher.fetch(file.path, downloader=download))
    except OSError as error:  # first, since a bad address is both
        status = getattr(getattr(error, "response", None), "status_code", None)
        reason = f"HTTP status {status}" if status else type(error).__name__
        raise DataUnavailable(
            f"{name}: {file.path} cannot be had from {url} ({reason}). Connect to the internet, or set {MIRROR} to a "
            f"folder or base URL that holds {name}/{file.path}."
        ) from None
    except ValueError:
        raise DataUnavailable(
            f"{name}: {file.path} from {url} was refused and removed: it is truncated or altered (its sha256 is not "
            "the one in the registry). Try again later, or from another source."
        ) from None
    finally:
        logger.setLevel(level)


def _copy(source: str, target: str, _: pooch.Pooch) -> None:
    """A downloader for pooch that copies from a folder."""
    shutil.copyfile(source, target)
