"""One worker thread that answers what waits, in batches: a bounded queue in front, a journal and a shadow behind.

Requests that wait together are run as one batch, so a service under load answers more of them a second, and each gets
what it would get alone. The queue is bounded in number and in time: a request that could not be answered in time is
refused at the door, where refusing is cheap.
"""

from __future__ import annotations

import itertools
import logging
import math
import secrets
import threading
import time
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Protocol

import pandas as pd

from mlsd_lib.architecture import System
from mlsd_lib.online.service.answering import Row, Served, frames, run
from mlsd_lib.online.service.faces import Face, face_of
from mlsd_lib.online.service.limits import Limits, RefusedError
from mlsd_lib.online.service.live import Plan, Releases, Shelf, Version
from mlsd_lib.online.service.metrics import Meters
from mlsd_lib.online.service.shadow import Shadow

log = logging.getLogger(__name__)

SAMPLE = 8  # requests kept, on which a new version is tried
LINGER_S = 2.0  # what a batch that has begun gets beyond its time, before it is given up
MEMORY = 0.8  # weight of the past in the running mean of seconds a batch


class Writes(Protocol):
    """Where what was served is written; `mlsd_lib.online.journal.Journal` is one."""

    def extend(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Write the records of a batch, so that they survive the end of this process."""
        ...


@dataclass(frozen=True)
class Answer:
    """The answer to one body.

    Attributes:
        version: The usual version when it was answered.
        served: One for each request of the body, in its order.
        steps: A dictionary a component, where the trace was asked for: `version, component, items_in, items_out,
            milliseconds`.
    """

    version: str
    served: Sequence[Served]
    steps: Sequence[Row] = ()


@dataclass(frozen=True)
class _Job:
    rows: Sequence[Row]
    trace: bool
    until: float  # time.monotonic() by which it has to be answered
    answer: Future[Answer] = field(default_factory=Future)


class Runner:
    """The queue and the worker of one service.

    Args:
        source: A System, or a store of saved ones with a current version.
        face: The fields of its requests; None for those of the system's kind.
        limits: Bounds of queue, batch and time.
        meters: What it counts into.
        journal: Where what was served is written before it is answered; None for nowhere.
        seed: Seed of the draw that picks the canary's users.

    Raises:
        ValueError: If the store has no current version, or it cannot be loaded.

    Chapter: Online execution.
    """

    def __init__(
        self,
        source: System | Shelf,
        *,
        face: Face | None,
        limits: Limits,
        meters: Meters,
        journal: Writes | None = None,
        seed: int = 0,
    ) -> None:
        self.limits, self.meters, self.journal = limits, meters, journal
        self._recent: Sequence[Row] = ()
        self.releases = Releases(source, seed=seed, trial=self._sample)
        self.face = face or face_of(self.releases.plan.usual.system)
        self._shadow = Shadow(self.face, meters)
        self._waiting: deque[_Job] = deque()
        self._changed = threading.Condition()
        self._rows_waiting = 0
        self._batch_s = 0.0
        self._busy = False
        self._draining = False
        self._ids = itertools.count(1)
        self._start = secrets.token_hex(4)  # ids stay unique over restarts, which a journal of many runs needs
        self._thread: threading.Thread | None = None

    @property
    def draining(self) -> bool:
        """Whether it takes nothing new, since the service is about to end."""
        return self._draining

    def new_id(self) -> str:
        """An id for a request."""
        return f"{self._start}-{next(self._ids)}"

    def submit(self, rows: Sequence[Row], *, trace: bool = False) -> Future[Answer]:
        """Queue the requests of one body.

        Args:
            rows: Requests, each with `request_id` and the fields of the face; absent ids are left out.
            trace: Whether to time every component; such a body is run by itself.

        Returns:
            The answer to come. Cancelling it saves the work, unless it has begun.

        Raises:
            RefusedError: If the service is draining, the queue is full, or the answer would come too late.
        """
        with self._changed:
            if self._draining:
                raise RefusedError(503, "draining", "The service is shutting down.", retry_after_s=1)
            wait_s = self._wait_s(len(rows))
            again = max(1, math.ceil(wait_s))
            # Where nothing waits, a body is taken whatever the estimate says: only a run can mend a bad estimate.
            if self._rows_waiting + len(rows) > self.limits.queue and self._waiting:
                self.meters.shed.labels("queue_full").inc()
                message = f"{self._rows_waiting} requests wait already, and the queue holds {self.limits.queue}."
                raise RefusedError(503, "queue_full", message, retry_after_s=again)
            if self._waiting and wait_s > self.limits.answer_s:
                self.meters.shed.labels("too_slow").inc()
                message = f"The answer would take more than {self.limits.answer_s:g} s at this load."
                raise RefusedError(503, "too_slow", message, retry_after_s=again)
            job = _Job(rows, trace, time.monotonic() + self.limits.answer_s)
            self._waiting.append(job)
            self._rows_waiting += len(rows)
            self.meters.queue.set(self._rows_waiting)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="mlsd-runner", daemon=True)
                self._thread.start()
            self._changed.notify()
        return job.answer

    def drain(self) -> None:
        """Take nothing new; what waits is still answered."""
        with self._changed:
            self._draining = True
            self._changed.notify_all()

    def close(self) -> None:
        """Answer what waits, and end the worker."""
        self.drain()
        if self._thread is not None:
            self._thread.join(self.limits.answer_s + LINGER_S)  # by then, what waited was answered or is too late
        self._shadow.close()

    def _wait_s(self, rows: int) -> float:
        """How long a body of so many requests will probably take, from the mean time of a batch."""
        batches = math.ceil((self._rows_waiting + rows) / self.limits.batch)
        return (batches + self._busy) * self._batch_s

    def _work(self) -> None:
        while jobs := self._take():
            try:
                self._answer(jobs)
            except Exception:
                log.exception("the worker goes on after an unexpected error")
                for job in jobs:
                    if not job.answer.done():
                        job.answer.set_exception(RuntimeError("unexpected error in the worker"))

    def _take(self) -> list[_Job]:
        """The jobs of the next batch, none of them cancelled or too late; empty where all work is done."""
        with self._changed:
            self._busy = False
            jobs: list[_Job] = []
            while not jobs:
                while not self._waiting:
                    if self._draining:
                        return []
                    self._changed.wait()
                rows = 0
                while self._waiting:
                    job = self._waiting[0]
                    apart = job.trace or (bool(jobs) and jobs[0].trace)
                    if jobs and (apart or rows + len(job.rows) > self.limits.batch):
                        break
                    self._waiting.popleft()
                    self._rows_waiting -= len(job.rows)
                    if not job.answer.set_running_or_notify_cancel():
                        continue
                    if time.monotonic() > job.until:
                        job.answer.set_exception(self.too_late())
                        continue
                    jobs.append(job)
                    rows += len(job.rows)
            self.meters.queue.set(self._rows_waiting)
            self._busy = True
            return jobs

    def too_late(self) -> RefusedError:
        """The refusal of what waited too long; counted."""
        self.meters.shed.labels("too_late").inc()
        message = f"The request waited longer than {self.limits.answer_s:g} s."
        return RefusedError(503, "too_late", message, retry_after_s=max(1, math.ceil(self._wait_s(1))))

    def _answer(self, jobs: Sequence[_Job]) -> None:
        """Run jobs as one batch; where that fails, each by itself, so that one bad request harms no other."""
        plan, rows = self.releases.plan, [row for job in jobs for row in job.rows]
        begun = time.monotonic()
        try:
            served, steps = self._run(plan, rows, trace=jobs[0].trace)
        except Exception as error:
            if len(jobs) > 1:
                for job in jobs:
                    self._answer([job])
                return
            self._fail(plan.usual, jobs[0], error)
            return
        seconds = time.monotonic() - begun
        self._batch_s = seconds if not self._batch_s else MEMORY * self._batch_s + (1 - MEMORY) * seconds
        self.meters.batch.observe(len(rows))
        self.meters.run.observe(seconds)
        self._recent = rows[-SAMPLE:]
        self._give(plan.usual.name, jobs, served, steps)
        if plan.shadow is not None:
            self._shadow.offer(plan.shadow, rows, served)

    def _give(self, usual: str, jobs: Sequence[_Job], served: Sequence[Served], steps: Sequence[Row]) -> None:
        """Journal and hand out what is in time; what is not was not served, and is not in the journal."""
        now, at, intime = time.monotonic(), 0, []
        for job in jobs:
            mine = served[at : at + len(job.rows)]
            at += len(job.rows)
            if now > job.until:
                job.answer.set_exception(self.too_late())
            else:
                intime.append((job, mine))
        if self.journal is not None:
            self._write(self.journal, [one for _, mine in intime for one in mine])
        for job, mine in intime:
            job.answer.set_result(Answer(usual, mine, steps))
            for one in mine:
                self.meters.served.labels(one.version, one.arm).inc()

    def _run(self, plan: Plan, rows: Sequence[Row], *, trace: bool) -> tuple[list[Served], list[Row]]:
        """Answer rows, which may be for two versions; what the canary fails, the usual version answers."""
        user = self.face.ids[0] if self.face.ids else "request_id"
        canary = plan.on_canary([str(row.get(user, row["request_id"])) for row in rows])
        answers: dict[str, Served] = {}
        steps: list[Row] = []
        mine = [row for row, other in zip(rows, canary, strict=True) if other]
        if mine and plan.canary is not None:
            try:
                answers, steps = run(plan.canary, "canary", mine, self.face, trace=trace)
            except Exception:
                log.exception("the canary %s failed; %s answers", plan.canary.name, plan.usual.name)
                self.meters.canary_failed.inc(len(mine))
        left = [row for row in rows if row["request_id"] not in answers]
        if left:
            others, more = run(plan.usual, "usual", left, self.face, trace=trace)
            answers, steps = answers | others, steps + more
        return [answers[row["request_id"]] for row in rows], steps

    def _fail(self, usual: Version, job: _Job, error: Exception) -> None:
        """Tell the client what is wrong with its request, or that the fault is ours."""
        try:
            for frame in frames(job.rows, self.face):
                usual.system.edge.read(frame)
        except ValueError as unsound:
            job.answer.set_exception(RefusedError(422, "unsound_request", str(unsound), where=("body", "requests")))
            return
        self.meters.failed.inc()
        log.error("%s could not answer a request", usual.name, exc_info=error)
        job.answer.set_exception(error)

    def _write(self, journal: Writes, served: Sequence[Served]) -> None:
        """Journal before the answer is out: what was answered is in it, even after a kill."""
        try:
            journal.extend(one.record for one in served)
            self.meters.journalled.inc(len(served))
        except (OSError, ValueError):
            log.exception("the journal does not take what was served; answers go on")
            self.meters.journal_failed.inc(len(served))

    def _sample(self) -> pd.DataFrame | None:
        """Some requests of late, which every new version has to answer before it goes live."""
        return next(iter(frames(self._recent, self.face)), None)
