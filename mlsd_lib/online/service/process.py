"""A service in a process of its own, started from a notebook or a test, that ends with whoever started it."""

from __future__ import annotations

import contextlib
import json
import queue
import re
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from mlsd_lib.online.service.limits import Limits

URL = re.compile(r"http://\S+")


@dataclass(frozen=True)
class Running:
    """A service in another process; use it in a `with`, or call `close`.

    It ends, too, when the process that started it ends, even by a kill: it listens to the closing of its input.

    Attributes:
        url: Where it listens, on loopback.
        process: The process.

    Chapter: Online execution.
    """

    url: str
    process: subprocess.Popen[str]

    def __enter__(self) -> Running:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self.process.poll() is None

    def ask(self, path: str, body: object | None = None, *, timeout_s: float = 10.0) -> tuple[int, Any]:
        """Ask it something, as a client would.

        Args:
            path: Such as "/search" or "/admin/swap".
            body: What to post, as JSON can hold it; None for a GET.
            timeout_s: Seconds to wait.

        Returns:
            The status and the answer, from JSON, or as text where it is none.

        Raises:
            OSError: If it does not answer.
        """
        content = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, content, {"content-type": "application/json"})
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=timeout_s) as answer:
                status, text = answer.status, answer.read().decode()
        except urllib.error.HTTPError as refusal:
            with refusal:
                status, text = refusal.code, refusal.read().decode()
        try:
            return status, json.loads(text)
        except ValueError:
            return status, text

    def close(self, *, timeout_s: float = 15.0) -> None:
        """Ask it to end, wait until it has answered what it had accepted, and end it by force if that takes too long.

        Args:
            timeout_s: Seconds to wait.
        """
        if self.alive:
            self.process.terminate()
        try:
            self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()


def start(
    what: str | Path, *, journal: str | Path | None = None, limits: Limits | None = None, timeout_s: float = 60.0
) -> Running:
    """Start `mlsd serve` in a process of its own, on a free port of loopback.

    Args:
        what: A store's folder, a saved system's folder, or the name of a system that the command knows.
        journal: A folder for what is served; None for none.
        limits: The limits; None for those of the command.
        timeout_s: Seconds that it may take to listen.

    Returns:
        The running service.

    Raises:
        RuntimeError: If it ends, or does not listen in time; with what it said.

    Chapter: Online execution.
    """
    command = [sys.executable, "-m", "mlsd_lib", "serve", str(what), "--port", "0", "--until-closed"]
    if journal is not None:
        command += ["--journal", str(journal)]
    for name, value in asdict(limits or Limits()).items():
        command += [f"--{name.replace('_', '-')}", str(value)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    lines: queue.Queue[str] = queue.Queue()
    threading.Thread(target=_lines, args=(process.stdout, lines), daemon=True).start()
    try:
        line = lines.get(timeout=timeout_s)
    except queue.Empty:
        line = ""
    found = URL.search(line)
    if found is None:
        Running("", process).close(timeout_s=1.0)
        raise RuntimeError(f"service: {what} does not listen ({line.strip() or 'it said why on standard error'}).")
    return Running(found[0], process)


def _lines(stream: Any, lines: queue.Queue[str]) -> None:
    with contextlib.suppress(ValueError, OSError):
        for line in stream:
            lines.put(line)
    lines.put("")
