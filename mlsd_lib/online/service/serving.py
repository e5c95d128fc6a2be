"""The process around an application: uvicorn on loopback, signals, and clients that dawdle before they ask."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import H11Protocol

from mlsd_lib.online.service.limits import Limits

LINGER_S = 2.0  # beyond the times of the limits, for answers to get out at the end
BACKLOG = 1_024  # connections that wait to be taken up


class Impatient(H11Protocol):
    """uvicorn's HTTP/1.1, with a bound on how long the head of a request may take to arrive, and none read later.

    uvicorn limits how long an idle connection is kept after an answer, not how long a first request, or half of one,
    may take. Without this, a client that sends a letter a minute holds a connection for good.
    """

    receive_s = 5.0
    _head: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the clock of the first request."""
        super().connection_made(transport)
        self._start_clock()

    def data_received(self, data: bytes) -> None:
        """Read on; the clock runs where no request is being answered."""
        super().data_received(data)
        if self._between() and not self.transport.is_closing():
            if self._head is None:
                self._start_clock()
        else:
            self._stop_clock()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock."""
        self._stop_clock()
        super().connection_lost(exc)

    def timeout_keep_alive_handler(self) -> None:
        """Close an idle connection, and cut one whose client does not read its answer."""
        super().timeout_keep_alive_handler()
        self.transport.abort()

    def _between(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _start_clock(self) -> None:
        self._head = self.loop.call_later(self.receive_s, self._give_up)

    def _stop_clock(self) -> None:
        if self._head is not None:
            self._head.cancel()
            self._head = None

    def _give_up(self) -> None:
        self._head = None
        if self._between():
            self.transport.abort()


class Server(uvicorn.Server):
    """uvicorn's server, which tells the application at once that it will end.

    Args:
        config: uvicorn's configuration.
        drain: Called when a signal asks the server to end.
    """

    def __init__(self, config: uvicorn.Config, drain: Callable[[], None]) -> None:
        super().__init__(config)
        self._drain = drain

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Take nothing new; uvicorn does the rest."""
        # In a thread of its own: a signal can interrupt the very lines that hold the lock which `drain` needs.
        threading.Thread(target=self._drain, daemon=True).start()
        super().handle_exit(sig, frame)


def server_for(application: FastAPI, limits: Limits) -> Server:
    """A uvicorn server for the application, with the limits' times.

    Args:
        application: What `app` made.
        limits: Its limits.

    Returns:
        A server that has not been started.

    Chapter: Online execution.
    """
    protocol = type("Impatient", (Impatient,), {"receive_s": limits.receive_s})
    config = uvicorn.Config(
        application,
        loop="asyncio",
        backlog=BACKLOG,
        http=protocol,
        ws="none",
        lifespan="on",
        log_level="warning",
        access_log=False,
        proxy_headers=False,  # who asks is who is connected
        server_header=False,
        limit_concurrency=limits.connections,
        timeout_keep_alive=max(1, round(limits.receive_s)),
        timeout_graceful_shutdown=round(limits.answer_s + limits.receive_s + LINGER_S),
    )
    return Server(config, application.state.runner.drain)


def bound(host: str, port: int) -> socket.socket:
    """A listening socket, so that its port is known before anything is served.

    Args:
        host: The address to listen on.
        port: The port; 0 for any that is free.

    Returns:
        The socket.

    Raises:
        ValueError: If the address or the port cannot be had.

    Chapter: Online execution.

    >>> with bound("127.0.0.1", 0) as free:
    ...     free.getsockname()[1] > 0
    True
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol has to be told: asyncio switches off Nagle's algorithm, which would hold back each answer for about
    # 40 ms until its head is acknowledged, on sockets only that say they are TCP.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(BACKLOG)
    except (OSError, OverflowError) as error:
        listening.close()
        raise ValueError(f"serve: {host} port {port} cannot be had ({error}). Choose another with --port.") from None
    return listening


def run(application: FastAPI, limits: Limits, host: str, port: int, *, until_closed: bool = False) -> int:
    """Serve until SIGTERM or Ctrl+C, then answer what was accepted, and return.

    Args:
        application: What `app` made.
        limits: Its limits.
        host: The address to listen on.
        port: The port; 0 for any that is free.
        until_closed: Whether to end, too, when standard input is closed, as when the parent process ends.

    Returns:
        The exit code.

    Raises:
        ValueError: If the address or the port cannot be had.

    Chapter: Online execution.
    """
    listening = bound(host, port)
    server = server_for(application, limits)
    versions = application.state.runner.releases.plan.usual.name
    print(f"serving {application.title} {versions} on {url_of(listening)} (for people: /docs; Ctrl+C ends)", flush=True)
    if until_closed:
        threading.Thread(target=_end_with_input, args=(server,), daemon=True).start()

    def ended(*_: Any) -> None:
        """End, if it was asked for before uvicorn listens to signals; uvicorn raises it again when it is done."""
        server.should_exit = True

    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, ended)
    server.run(sockets=[listening])
    return 0 if server.started else 1


@contextlib.contextmanager
def background(application: FastAPI, limits: Limits) -> Iterator[str]:
    """Serve from a thread of this process, on a free port of loopback.

    Args:
        application: What `app` made.
        limits: Its limits.

    Yields:
        The service's URL.

    Raises:
        RuntimeError: If it does not start within ten seconds.

    Chapter: Online execution.
    """
    listening = bound("127.0.0.1", 0)
    server = server_for(application, limits)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, name="mlsd-service", daemon=True)
    thread.start()
    until = time.monotonic() + 10
    while not server.started:
        if not thread.is_alive() or time.monotonic() > until:
            raise RuntimeError("service: it did not start.")
        time.sleep(0.005)
    try:
        yield url_of(listening)
    finally:
        application.state.runner.drain()
        server.should_exit = True
        thread.join(limits.answer_s + limits.receive_s + 2 * LINGER_S)


def url_of(listening: socket.socket) -> str:
    """The URL of a listening socket.

    Args:
        listening: The socket.

    Returns:
        Such as "http://127.0.0.1:8000".

    Chapter: Online execution.

    >>> with bound("127.0.0.1", 0) as free:
    ...     url_of(free).startswith("http://127.0.0.1:")
    True
    """
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _end_with_input(server: Server) -> None:
    # Not through sys.stdin: a thread that waits in it holds a lock that the end of the interpreter needs.
    while os.read(0, 4_096):
        pass
    server.handle_exit(signal.SIGTERM, None)
