"""Which version answers whom: the usual one, a canary for a share of users, and a shadow that nobody sees.

What is live is one frozen `Plan`. The worker reads it once a batch, so a change never meets half a batch, and a
version is loaded and tried before it goes live: what is damaged, foreign or fails is refused, and the old one goes on.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from mlsd_lib.architecture import System
from mlsd_lib.online.service.limits import RefusedError
from mlsd_lib.worlds import chance

UNSAVED = "unsaved"


class Shelf(Protocol):
    """Where saved versions stand; `mlsd_lib.online.versions.Store` is one."""

    def versions(self) -> list[str]:
        """The names of all versions, oldest first."""
        ...

    def current(self) -> str | None:
        """The version to serve, if there is one."""
        ...

    def previous(self) -> str | None:
        """The version that was served before, if there is one."""
        ...

    def load(self, version: str) -> System:
        """Read a version, or raise ValueError."""
        ...

    def point_to(self, version: str) -> None:
        """Make a version the one to serve."""
        ...


@dataclass(frozen=True)
class Version:
    """A System under the name that it is served by.

    Attributes:
        name: Such as "v0007".
        system: The system.
    """

    name: str
    system: System


@dataclass(frozen=True)
class Plan:
    """Who is answered by which version.

    Attributes:
        usual: The version that answers whoever the canary does not.
        canary: Another version that answers a share of users.
        share: That share, from 0 to 1.
        shadow: A version that runs on what was answered already, to be compared, never shown.
        seed: Seed of the draw that picks the canary's users.

    Chapter: Online execution.
    """

    usual: Version
    canary: Version | None = None
    share: float = 0.0
    shadow: Version | None = None
    seed: int = 0

    def on_canary(self, keys: Sequence[str]) -> npt.NDArray[np.bool_]:
        """Whether the canary answers, for each key; a user's share of luck stays the same as the share grows.

        Args:
            keys: What the draw hangs on: the user, or the request where no user is told.

        Returns:
            bool array of shape (keys,).
        """
        if self.canary is None:
            return np.zeros(len(keys), dtype=bool)
        draws = chance.uniform(self.seed, f"canary {self.canary.name}", np.array(keys, dtype=object))
        return np.asarray(draws < self.share)


class Releases:
    """The versions of one service, and the changes that its operator makes.

    Args:
        source: A System, or a store of saved ones with a current version.
        seed: Seed of the draw that picks the canary's users.
        trial: Gives a frame of requests that every new version has to answer before it goes live, or None.

    Raises:
        ValueError: If the store has no current version, or it cannot be loaded.

    Chapter: Online execution.
    """

    def __init__(
        self, source: System | Shelf, *, seed: int = 0, trial: Callable[[], pd.DataFrame | None] = lambda: None
    ) -> None:
        self._lock = threading.Lock()  # one change at a time; readers take `plan` without it
        self._trial = trial
        self._shelf = None if isinstance(source, System) else source
        if isinstance(source, System):
            self.plan = Plan(Version(UNSAVED, source), seed=seed)
            return
        name = source.current()
        if name is None:
            raise ValueError(
                "service: the store has no current version, so there is nothing to serve. Save a system with "
                "store.save(system) and name it with store.point_to(version)."
            )
        self.plan = Plan(Version(name, source.load(name)), seed=seed)

    def swap(self, name: str) -> None:
        """Serve another version from the next batch on, and after a restart, too.

        Args:
            name: A version of the store.

        Raises:
            RefusedError: If there is no such version, or it cannot be loaded or fails the trial.
        """
        with self._lock:
            self._become(name)

    def rollback(self) -> None:
        """Serve the version before the current one.

        Raises:
            RefusedError: If there is none, or it cannot be served.
        """
        with self._lock:
            name = self._store().previous()
            if name is None:
                raise RefusedError(409, "no_previous", "There is no version to go back to: none was served before.")
            self._become(name)

    def canary(self, name: str | None, share: float) -> None:
        """Let a version answer a stable share of users, or end the canary.

        Args:
            name: A version of the store; None ends the canary.
            share: Share of users, from 0 to 1.

        Raises:
            RefusedError: As `swap`.
        """
        with self._lock:
            version = None if name is None else self._ready(name)
            self.plan = replace(self.plan, canary=version, share=share if version else 0.0)

    def shadow(self, name: str | None) -> None:
        """Let a version run beside the others without being shown, or end that.

        Args:
            name: A version of the store; None ends the shadow.

        Raises:
            RefusedError: As `swap`.
        """
        with self._lock:
            self.plan = replace(self.plan, shadow=None if name is None else self._loaded(name))

    def told(self) -> dict[str, object]:
        """What is live and what could be, as JSON can hold it."""
        plan = self.plan
        return {
            "current": plan.usual.name,
            "previous": None if self._shelf is None else self._shelf.previous(),
            "canary": plan.canary and plan.canary.name,
            "share": plan.share,
            "shadow": plan.shadow and plan.shadow.name,
            "stored": [] if self._shelf is None else self._shelf.versions(),
        }

    def _become(self, name: str) -> None:
        """Point to a version and serve it; a canary or shadow of the same version is over."""
        version = self._ready(name)
        self._store().point_to(name)
        plan = self.plan
        over = plan.canary is not None and plan.canary.name == name
        kept = None if plan.shadow is not None and plan.shadow.name == name else plan.shadow
        self.plan = Plan(version, None if over else plan.canary, 0.0 if over else plan.share, kept, plan.seed)

    def _ready(self, name: str) -> Version:
        """A version that is live, or that was loaded whole and has answered the trial."""
        for known in (self.plan.usual, self.plan.canary):
            if known is not None and known.name == name:
                return known
        return self._loaded(name)

    def _loaded(self, name: str) -> Version:
        """A version with arrays of its own, so that the shadow's thread shares none with the worker's."""
        if name not in self._store().versions():
            raise RefusedError(404, "unknown_version", f"The store has no version {name!r}.", where=("version",))
        try:
            version = Version(name, self._store().load(name))
            if version.system.name != self.plan.usual.system.name:
                raise ValueError(f"it is a system of kind {version.system.name!r}.")
            asked = self._trial()
            if asked is not None:
                version.system.run(asked)
        except Exception as error:  # whatever is wrong with the new version, the old one has to go on
            raise RefusedError(
                409, "unfit_version", f"{name} is refused, {self.plan.usual.name} goes on: {error}", where=("version",)
            ) from error
        return version

    def _store(self) -> Shelf:
        if self._shelf is None:
            raise RefusedError(
                409, "no_store", "This service was started with one system and no store, so there is no other version."
            )
        return self._shelf
