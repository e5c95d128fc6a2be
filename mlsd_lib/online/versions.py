"""Versions of a system in a folder: each written whole or not at all, and one of them pointed to as current.

A new version never changes an old one, so going back is pointing back. What is current and what was before stand in
one small file that is replaced as a whole: a reader sees the old pair or the new one, never a mixture.
"""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import tempfile
import threading
import time
from pathlib import Path
from typing import NamedTuple

from mlsd_lib import storage
from mlsd_lib.architecture import System
from mlsd_lib.online import disk

NAME = re.compile(r"v\d{4,9}", re.ASCII)
POINTER = "current.json"
UNFINISHED = ".saving-"  # what a save writes to, before it gets its name
STALE_S = 3_600.0  # an unfinished save older than this was killed, and is cleared away


class _Pointed(NamedTuple):
    current: str | None
    previous: str | None


class Store:
    """Saved systems under the names v0001, v0002, …, one of which is current.

    Several threads and processes may save and read at the same time; pointing is for one process.

    Args:
        folder: The store's own folder; made by the first save.

    Raises:
        ValueError: If the folder is a file, or itself a saved system.

    Chapter: Online execution.

    >>> import pandas as pd
    >>> from mlsd_lib.systems import search
    >>> documents = pd.DataFrame({"doc_id": [3, 8], "title": ["Pizza", "Taxi"], "text": ["thin crust", "at night"]})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     store = Store(folder)
    ...     for _ in range(2):
    ...         store.point_to(store.save(search.fit(documents)))
    ...     print(store.versions(), store.current(), store.previous(), store.load("v0001").name)
    ['v0001', 'v0002'] v0002 v0001 search
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder).absolute()
        self._pointing = threading.Lock()
        if self.folder.exists() and not self.folder.is_dir():
            raise ValueError(f"store: {self.folder} is a file. Name a folder for the versions.")
        if (self.folder / storage.MANIFEST).exists():
            raise ValueError(
                f"store: {self.folder} is one saved system and no store of versions. Name another folder, and save the "
                "system there with Store(folder).save(System.load(...))."
            )

    def save(self, system: System) -> str:
        """Write a system as a new version; it is not current before `point_to` says so.

        It is written under another name, brought to the disk, and renamed: a kill or a power cut leaves a whole
        version or none.

        Args:
            system: A system, all of whose components can be saved.

        Returns:
            The name of the version, such as "v0007".

        Raises:
            ValueError: If a component or its state cannot be saved.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        self._clear()
        shelter = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=self.folder))
        try:
            fresh = shelter / "system"
            storage.save(system, fresh)
            disk.sync_tree(fresh)
            number = int((self.versions() or ["v0"])[-1][1:])
            while True:
                number += 1
                name = f"v{number:04d}"
                if (self.folder / name).exists():
                    continue
                try:
                    fresh.rename(self.folder / name)  # fails where another process took the name meanwhile
                except OSError:
                    if not (self.folder / name).exists():
                        raise
                    continue
                disk.sync_folder(self.folder)
                return name
        finally:
            shutil.rmtree(shelter, ignore_errors=True)

    def load(self, version: str) -> System:
        """Read a version. Every file is compared with the hash in the manifest, and nothing in a file is executed.

        Args:
            version: Its name. The module that defines the system, such as `mlsd_lib.systems.search`, has to be
                imported before.

        Returns:
            A system that gives the same rows as the one that was saved.

        Raises:
            ValueError: If there is no such version, or it is damaged, of another kind, or holds what no save wrote.
        """
        folder = self._folder(version)
        _refuse_strange(folder, version)
        try:
            return storage.load(folder)
        except ValueError:
            raise
        except Exception as error:  # what no check foresaw must not take a running service down
            raise ValueError(
                f"load: {folder} is damaged: {type(error).__name__}: {error}. Save the system again."
            ) from error

    def versions(self) -> list[str]:
        """The names of all whole versions, oldest first."""
        if not self.folder.is_dir():
            return []
        names = [path.name for path in self.folder.iterdir() if NAME.fullmatch(path.name) and path.is_dir()]
        return sorted(names, key=lambda name: int(name[1:]))

    def current(self) -> str | None:
        """The version that is pointed to, or None before the first `point_to`.

        Raises:
            ValueError: If the file that says so is damaged.
        """
        return self._pointed().current

    def previous(self) -> str | None:
        """The version that was current before, or None; `point_to(previous())` is the rollback.

        Raises:
            ValueError: If the file that says so is damaged.
        """
        return self._pointed().previous

    def point_to(self, version: str) -> None:
        """Make a version current, and the one that was current the previous one; at once, for every reader.

        Args:
            version: Its name; pointing to the current version changes nothing.

        Raises:
            ValueError: If there is no such version.
        """
        self._folder(version)
        with self._pointing:
            before = self._pointed().current
            if version != before:
                content = json.dumps({"current": version, "previous": before}) + "\n"
                disk.write_whole(self.folder / POINTER, content.encode())

    def _folder(self, version: str) -> Path:
        there = self.versions()
        if version not in there:
            raise ValueError(
                f"store: {self.folder} has no version {version!r}; it has {', '.join(there) or 'none'}. Save one first."
            )
        return self.folder / version

    def _pointed(self) -> _Pointed:
        path = self.folder / POINTER
        try:
            text = path.read_bytes()
        except FileNotFoundError:
            return _Pointed(None, None)
        try:
            told = json.loads(text)
            pointed = _Pointed(told["current"], told["previous"])
        except (ValueError, KeyError, TypeError):
            pointed = _Pointed(None, None)
        sound = [isinstance(name, str) and NAME.fullmatch(name) for name in pointed]
        if not sound[0] or not (sound[1] or pointed.previous is None):
            raise ValueError(
                f"store: {path} does not say which version is current. Delete it, and call point_to with one of "
                f"{', '.join(self.versions()) or 'none'}."
            )
        return pointed

    def _clear(self) -> None:
        """Remove what killed saves left behind."""
        for path in self.folder.glob(f"{UNFINISHED}*"):
            with contextlib.suppress(OSError):
                if time.time() - path.stat().st_mtime > STALE_S:
                    shutil.rmtree(path, ignore_errors=True)


def _refuse_strange(folder: Path, version: str) -> None:
    """Raise an error where a version holds, or lists, what no save writes.

    Other faults of the manifest are left to `storage.load`, which has the sentences for them.
    """
    try:
        listed = json.loads((folder / storage.MANIFEST).read_bytes())["files"]
        names = [str(name) for name in listed]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return
    foreign = [name for name in names if not storage.PART.fullmatch(name)]
    if foreign:
        raise ValueError(
            f"load: the manifest of {version} names {foreign[0]!r}, which no save writes (parts are "
            "component/name.npy, .json or .txt, inside the version's folder), so it is refused. Save the system again."
        )
    known = {*names, storage.MANIFEST}
    strays = sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_symlink() or (not path.is_dir() and path.relative_to(folder).as_posix() not in known)
    )
    if strays:
        raise ValueError(
            f"load: {version} holds what its manifest does not list, or links ({len(strays)}; first: {strays[0]!r}). "
            "It is not what was saved and is refused. Remove them, or save the system again."
        )
