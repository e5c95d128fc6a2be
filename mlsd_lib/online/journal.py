"""The journal of a service: what was served, appended so that it survives a kill, and read back as the Log.

`append` returns when the operating system has the record: a kill of the process, at whatever moment, loses none that
was accepted. Only when the machine itself stops (a power cut) can accepted records be lost, and then at most
`sync_every - 1` of them. Each start of a service writes a file of its own, so nothing is ever written after a torn end.
"""

from __future__ import annotations

import contextlib
import json
import re
import threading
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

import numpy as np
import pandas as pd

from mlsd_lib import __version__
from mlsd_lib.online import disk, framing, served

FORMAT = "mlsd-journal"
VERSION = 1
AT_ONCE = 2_000  # records that are held as they were written while a file is read
NAME = re.compile(r"journal-(\d{6,9})\.log", re.ASCII)


class Journal:
    """Appends records to files of a folder; several threads may append, and each process has files of its own.

    Args:
        folder: The journal's own folder; made where it is missing.
        sync_every: After how many records the disk itself has to have them; at least 1. A power cut loses at most
            `sync_every - 1` accepted records; 1 loses none, and makes each append wait for the disk.
        rotate_bytes: Size at which the next file is begun; at least 1,000. A file never holds less than one record.

    Raises:
        ValueError: If a setting is too small, or the folder is a file.

    Chapter: Online execution.

    >>> import tempfile
    >>> requests = pd.DataFrame({"request_id": [1], "query": ["taxi"]})
    >>> shown = pd.DataFrame({"request_id": [1, 1], "position": [1, 2], "doc_id": ["d9", "d4"], "score": [0.5, 0.25]})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with Journal(folder) as journal:
    ...         journal.extend(served.records(requests, shown, version="v0001"))
    ...     print(read(folder))
       request_id query version  position doc_id  score
    0           1  taxi   v0001         1     d9   0.50
    1           1  taxi   v0001         2     d4   0.25
    """

    def __init__(self, folder: str | Path, *, sync_every: int = 1_000, rotate_bytes: int = 64 * 2**20) -> None:
        for name, value, least in (("sync_every", sync_every, 1), ("rotate_bytes", rotate_bytes, 1_000)):
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise ValueError(f"journal: {name} is {value!r}, and a whole number of at least {least} was expected.")
        self.folder = Path(folder).absolute()
        if self.folder.exists() and not self.folder.is_dir():
            raise ValueError(f"journal: {self.folder} is a file. Name a folder for the journal.")
        self.folder.mkdir(parents=True, exist_ok=True)
        self.sync_every, self.rotate_bytes = sync_every, rotate_bytes
        self._lock = threading.Lock()
        self._accepted = self._unsynced = 0
        self._file: BinaryIO | None = self._begun()

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def accepted(self) -> int:
        """How many records this journal has accepted since it was opened."""
        return self._accepted

    def append(self, record: served.Record) -> None:
        """Accept a record; when this returns, a kill of the process cannot lose it.

        Args:
            record: As `served.records` makes them.

        Raises:
            ValueError: If the record is unsound or the journal is closed; nothing is written.
            OSError: If the disk refuses, for example because it is full.
        """
        self.extend([record])

    def extend(self, records: Iterable[served.Record]) -> None:
        """Accept the records of a batch with one write, none of them if one is unsound.

        Args:
            records: As `served.records` makes them.

        Raises:
            ValueError: If a record is unsound or the journal is closed; nothing is written.
            OSError: If the disk refuses, for example because it is full.
        """
        bodies = [_body(record) for record in records]
        with self._lock:
            if self._file is None:
                raise ValueError(f"journal: {self.folder} is closed. Open it anew with Journal(folder).")
            lines = self._lines(bodies)
            if self._number and self._size + len(lines) > self.rotate_bytes:
                self._end(self._file)
                self._file = None  # stays so if the next file cannot be made
                self._file = self._begun()
                lines = self._lines(bodies)
            self._write(self._file, lines)
            self._number += len(bodies)
            self._accepted += len(bodies)
            self._unsynced += len(bodies)
            if self._unsynced >= self.sync_every:
                disk.sync(self._file)
                self._unsynced = 0

    def close(self) -> None:
        """Bring what was accepted to the disk and close; closing again does nothing."""
        with self._lock:
            if self._file is not None:
                self._end(self._file)
            self._file = None

    def _lines(self, bodies: list[bytes]) -> bytes:
        return b"".join(framing.framed(self._number + place, body) for place, body in enumerate(bodies, start=1))

    def _begun(self) -> BinaryIO:
        """The next file, new to this process, with the line that says what it is."""
        number = max([0, *_files(self.folder)])
        while True:
            number += 1
            with contextlib.suppress(FileExistsError):  # another process was faster
                file = open(self.folder / f"journal-{number:06d}.log", "xb", buffering=0)  # noqa: SIM115
                break
        told = {"format": FORMAT, "version": VERSION, "library": __version__}
        self._size = self._number = 0
        self._write(file, framing.framed(0, json.dumps(told).encode()))
        disk.sync(file)
        disk.sync_folder(self.folder)
        return file

    def _write(self, file: BinaryIO, lines: bytes) -> None:
        """All of the lines, or none: what a refusal has left of them is cut off, so that the next starts a line."""
        rest = memoryview(lines)
        try:
            while rest:
                rest = rest[file.write(rest) :]
        except BaseException:
            with contextlib.suppress(OSError):
                file.truncate(self._size)
                file.seek(self._size)
            raise
        self._size += len(lines)

    def _end(self, file: BinaryIO) -> None:
        try:
            disk.sync(file)
            self._unsynced = 0
        finally:
            file.close()


@dataclass(frozen=True)
class Recovered:
    """What a journal holds, and what of it is lost.

    Attributes:
        requests: A row a record, in the order of files and lines: `request_id`, the request's columns, and what was
            told of it (`version`, `arm`).
        shown: What the system gave for them: `request_id`, `position`, the item, its score and served features.
        counts: How many rows of `shown` each request has, int64.
        losses: A row for each stretch that could not be read: `file`, `kind` ("torn" at the end of a file, as a kill
            leaves it; "damaged"; "missing", a whole file), `first_byte`, `bytes` and `records`, how many it has cost.

    Chapter: Online execution.
    """

    requests: pd.DataFrame
    shown: pd.DataFrame
    counts: np.ndarray[Any, np.dtype[np.int64]]
    losses: pd.DataFrame

    @property
    def log(self) -> pd.DataFrame:
        """The Log: a row for each item that was shown, with the columns of its request before its own."""
        row = np.repeat(np.arange(len(self.requests)), self.counts)
        asked = self.requests.take(row).reset_index(drop=True)
        return pd.concat([asked, self.shown.drop(columns=served.KEY)], axis=1)


def recover(folder: str | Path) -> Recovered:
    """Read a journal, also while it is written, and tell what could not be read.

    Args:
        folder: The folder of a `Journal`.

    Returns:
        All whole records as tables, and the losses. Memory grows with the tables and one file.

    Raises:
        ValueError: If the folder holds no journal, or one of a newer format.

    Chapter: Online execution.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with Journal(folder) as journal:
    ...         journal.append({"request_id": 1, "query": "zzz", "shown": {"doc_id": []}})
    ...     back = recover(folder)
    >>> len(back.requests), len(back.log), len(back.losses)
    (1, 0, 0)
    """
    folder = Path(folder)
    files = _files(folder)
    if not files:
        raise ValueError(f"journal: {folder} holds no journal (no file journal-….log). Name a folder of a Journal.")
    losses: list[tuple[str, str, int, int, int | None]] = []
    parts, before = [], min(files) - 1
    for number, path in files.items():
        losses += [(f"journal-{gone:06d}.log", "missing", 0, 0, None) for gone in range(before + 1, number)]
        before, kept = number, []
        for piece in framing.unframed(path.read_bytes()):
            if isinstance(piece, framing.Lost):
                kind = "torn" if piece.torn else "damaged"
                losses.append((path.name, kind, piece.first_byte, piece.bytes, piece.records))
            elif piece.number == 0:
                _refuse_foreign(path, piece.body)
            else:
                kept.append(json.loads(piece.body))
            if len(kept) == AT_ONCE:
                parts.append(served.tables(kept))
                kept = []
        if kept:
            parts.append(served.tables(kept))
    whole = served.joined(parts)
    columns = ["file", "kind", "first_byte", "bytes", "records"]
    lost = pd.DataFrame(losses, columns=columns).astype({"records": "Int64", "first_byte": "int64", "bytes": "int64"})
    return Recovered(whole.requests, whole.shown, whole.counts, lost)


def read(folder: str | Path) -> pd.DataFrame:
    """The Log that a journal holds; a torn last record, as a kill leaves it, is left out with a warning.

    Args:
        folder: The folder of a `Journal`.

    Returns:
        A row for each item that was shown, by record and as shown: the request's columns, what was told of it
        (`version`, `arm`), `position`, the item, its score and the features that were served, with the dtypes they
        had. Requests to which nothing was shown have no row here; `recover` has them.

    Warns:
        UserWarning: For each stretch of the files that could not be read: where it is and what it has cost.

    Raises:
        ValueError: If the folder holds no journal, or one of a newer format.

    Chapter: Online execution.
    """
    back = recover(folder)
    for loss in back.losses.itertuples():
        warnings.warn(f"journal: {folder}: {_told(loss)}", UserWarning, stacklevel=2)
    return back.log


def _told(loss: Any) -> str:
    stretch = f"{loss.file}, bytes {loss.first_byte} to {loss.first_byte + loss.bytes}"
    if loss.kind == "missing":
        return f"{loss.file} is missing between others, and its records with it."
    if loss.kind == "torn":
        return f"the last record is torn, by a kill or because it is being written, and left out ({stretch})."
    many = "1 record is" if loss.records == 1 else f"{loss.records} records are"
    return f"{many} damaged and left out ({stretch}); all others are read."


def _files(folder: Path) -> dict[int, Path]:
    """The files of a journal by number, in order."""
    found = {} if not folder.is_dir() else {path: NAME.fullmatch(path.name) for path in folder.iterdir()}
    return dict(sorted((int(name[1]), path) for path, name in found.items() if name))


def _body(record: served.Record) -> bytes:
    served.check(record)
    try:
        return json.dumps(record, separators=(",", ":")).encode()  # all ASCII, so half a surrogate is no fault
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"record: request_id={record[served.KEY]!r} has what JSON cannot hold ({error}). Make records "
            "with served.records(requests, shown)."
        ) from None


def _refuse_foreign(path: Path, body: bytes) -> None:
    told = json.loads(body)
    if not isinstance(told, dict) or told.get("format") != FORMAT:
        raise ValueError(f"journal: {path} is no file of a journal. Name a folder of a Journal.")
    if told.get("version") != VERSION:
        raise ValueError(
            f"journal: {path} was written in format {told.get('version')} by version {told.get('library')} of the "
            f"library, and this version ({__version__}) reads format {VERSION}. Update mlsd-lib."
        )
