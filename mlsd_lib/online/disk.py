"""What has to be on the disk before it counts: a file that is replaced whole, and a folder whose names are kept."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path
from typing import BinaryIO


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that a reader, or a power cut, finds the old content or the new one and nothing between.

    Args:
        path: The file; its folder exists.
        content: What it shall hold.

    Chapter: Online execution.

    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_whole(Path(folder) / "current", b"v0001")
    ...     print(os.listdir(folder), (Path(folder) / "current").read_bytes())
    ['current'] b'v0001'
    """
    number, fresh = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with os.fdopen(number, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(fresh, 0o644)  # a temporary file is its maker's alone
        os.replace(fresh, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(fresh)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names of a folder's files last: a file that is synced can still vanish with its folder's entry.

    Args:
        folder: The folder. Where the system cannot open folders (Windows), nothing is done.

    Chapter: Online execution.

    >>> sync_folder(Path("."))
    """
    try:
        number = os.open(folder, os.O_RDONLY)
    except PermissionError:
        return
    try:
        os.fsync(number)
    finally:
        os.close(number)


def sync_tree(folder: Path) -> None:
    """Make all files below a folder last, and their names.

    Args:
        folder: The folder.

    Chapter: Online execution.

    >>> with tempfile.TemporaryDirectory() as folder:
    ...     sync_tree(Path(folder))
    """
    for path in sorted(folder.rglob("*"), reverse=True):  # what is in a folder comes before the folder
        if path.is_dir():
            sync_folder(path)
        else:
            with path.open("rb+") as file:
                os.fsync(file.fileno())
    sync_folder(folder)


def sync(file: BinaryIO) -> None:
    """Wait until the disk has what was written to a file.

    Args:
        file: An open file without a buffer of its own.

    Chapter: Online execution.

    >>> with tempfile.TemporaryFile("wb", buffering=0) as file:
    ...     sync(file)
    """
    os.fsync(file.fileno())
