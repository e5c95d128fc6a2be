"""The shadow: a version that runs on what was answered already, compared with what was shown and never shown itself."""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
import time
from collections.abc import Sequence
from typing import Any

from mlsd_lib.online.service.answering import Row, Served, run
from mlsd_lib.online.service.faces import Face
from mlsd_lib.online.service.live import Version
from mlsd_lib.online.service.metrics import Meters

END_S = 2.0  # how long the shadow may hold up the end of the service
log = logging.getLogger(__name__)

Work = tuple[Version, Sequence[Row], Sequence[Served]]


class Shadow:
    """A thread that runs one batch at a time and keeps at most one waiting; what comes meanwhile is dropped, counted.

    It shares the processor with the worker, so it costs the answers some of their speed; the bound keeps that cost
    to one more thread.

    Args:
        face: The fields of the requests.
        meters: What it counts into.

    Chapter: Online execution.
    """

    def __init__(self, face: Face, meters: Meters) -> None:
        self._face, self._meters = face, meters
        self._waiting: queue.Queue[Work | None] = queue.Queue(maxsize=1)
        self._thread: threading.Thread | None = None

    def offer(self, version: Version, rows: Sequence[Row], served: Sequence[Served]) -> None:
        """Run a version on requests that were answered, later and if there is time.

        Args:
            version: The version that is tried.
            rows: The requests.
            served: What each was shown.
        """
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="mlsd-shadow", daemon=True)
            self._thread.start()
        try:
            self._waiting.put_nowait((version, rows, served))
        except queue.Full:
            self._meters.shadow.labels("dropped").inc(len(rows))

    def close(self) -> None:
        """Finish what waits, and end."""
        if self._thread is not None:
            with contextlib.suppress(queue.Full):
                self._waiting.put(None, timeout=END_S)
            self._thread.join(END_S)

    def _work(self) -> None:
        while (work := self._waiting.get()) is not None:
            version, rows, served = work
            begun = time.monotonic()
            try:
                other, _ = run(version, "shadow", rows, self._face)
            except Exception:
                log.exception("the shadow %s failed", version.name)
                self._meters.shadow.labels("failed").inc(len(rows))
                continue
            self._meters.shadow_run.observe(time.monotonic() - begun)
            for one in served:
                self._compare(one.shown.get(self._face.item, []), other[one.request_id].shown.get(self._face.item, []))

    def _compare(self, shown: list[Any], other: list[Any]) -> None:
        self._meters.shadow.labels("same" if shown == other else "other").inc()
        if shown:
            self._meters.overlap.observe(len(set(shown) & set(other)) / len(set(shown)))
