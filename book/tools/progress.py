"""What the executor shows while it works: a bar on a terminal, a line a chapter elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from typing import TextIO

from tqdm import tqdm

UNKNOWN_S = 10.0  # what a page is taken to last while no page has been timed


class Progress:
    """Shows which pages run, for how long, how many are left, and about how much time.

    Args:
        waiting: The pages to execute.
        known: Page name to the seconds of its last execution.
        jobs: How many pages run at once.
        file: Where to show it; standard output where it is not given.
    """

    def __init__(
        self, waiting: Sequence[str], known: Mapping[str, float], jobs: int, file: TextIO | None = None
    ) -> None:
        self._file = file or sys.stdout
        self._known = known
        self._jobs = jobs
        self._waiting = list(waiting)
        self._running: dict[str, float] = {}
        self._bar = None
        if self._file.isatty():
            shape = "{n_fmt}/{total_fmt} |{bar:12}| {desc}"
            self._bar = tqdm(total=len(waiting), file=self._file, dynamic_ncols=True, bar_format=shape)

    def started(self, docname: str) -> None:
        """Note that a page has started."""
        self._waiting = [name for name in self._waiting if name != docname]
        self._running[docname] = time.monotonic()
        self.tick()

    def finished(self, docname: str, outcome: str) -> None:
        """Note that a page has ended; `outcome` says how, such as "4.2 s"."""
        self._running.pop(docname, None)
        if self._bar is not None:
            self._bar.update()
            self.tick()
        else:
            print(f"{docname}: {outcome} ({self._rest()})", file=self._file, flush=True)

    def note(self, line: str) -> None:
        """Show a line of its own."""
        if self._bar is not None:
            self._bar.write(line, file=self._file)
        else:
            print(line, file=self._file, flush=True)

    def tick(self) -> None:
        """Refresh the seconds that are shown."""
        if self._bar is not None:
            now = time.monotonic()
            running = ", ".join(f"{name.split('/')[-1]} {now - start:.0f} s" for name, start in self._running.items())
            self._bar.set_description_str(f"{running} · {self._rest()}" if running else self._rest())

    def close(self) -> None:
        """End the bar."""
        if self._bar is not None:
            self._bar.close()

    def _rest(self) -> str:
        left = len(self._waiting) + len(self._running)
        return f"{left} left, about {self.remaining_s():.0f} s" if left else "none left"

    def remaining_s(self) -> float:
        """Seconds that are about left; a page that was never timed counts as the mean of the others."""
        times = list(self._known.values())
        typical = sum(times) / len(times) if times else UNKNOWN_S
        now = time.monotonic()
        rest = [max(self._known.get(name, typical) - (now - start), 0.0) for name, start in self._running.items()]
        rest += [self._known.get(name, typical) for name in self._waiting]
        return max(sum(rest) / self._jobs, max(rest, default=0.0))
