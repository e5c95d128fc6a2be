"""The door of the service: how many may be inside, how large a body may be, and how long it may take to arrive.

A body is read whole, within its limits, before anything else happens. So a client that sends slowly holds a socket
and a few kilobytes, never a worker, and one that stops half-way is told so.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections import Counter
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from mlsd_lib.online.service.limits import Limits, RefusedError
from mlsd_lib.online.service.metrics import Meters

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]

LINGER_S, LINGER_BYTES = 1.0, 16 * 2**20  # how long, and how much, of a refused body is read to no purpose


class Guard:
    """ASGI middleware that keeps the limits on bodies and on what is open, and counts what goes out.

    Args:
        app: What answers.
        limits: The limits.
        meters: What it counts into.
        routes: The paths that are counted under their own name; others are counted as "other".

    Chapter: Online execution.
    """

    def __init__(self, app: Asgi, *, limits: Limits, meters: Meters, routes: frozenset[str]) -> None:
        self._app, self._limits, self._meters, self._routes = app, limits, meters, routes
        self._open = 0
        self._by_client: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in, or answer it with a refusal."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = time.monotonic()
        route = scope["path"] if scope["path"] in self._routes else "other"
        status = 499  # the client left: nothing goes out

        async def counted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            if scope["method"] == "POST":
                await self._within(scope, receive, counted)
            else:  # health, metrics and pages are cheap, and have to answer when the rest is full
                await self._app(scope, receive, counted)
        finally:
            self._meters.answers.labels(route, status).inc()
            self._meters.latency.labels(route).observe(time.monotonic() - begun)

    async def _within(self, scope: Scope, receive: Receive, send: Send) -> None:
        client = scope["client"][0] if scope.get("client") else ""
        try:
            self._let_in(client)
        except RefusedError as refusal:
            self._meters.shed.labels(refusal.code).inc()
            await refuse(send, refusal, rest=receive)
            return
        self._open += 1
        self._by_client[client] += 1
        self._meters.open.set(self._open)
        try:
            try:
                body = await self._body(scope, receive)
            except RefusedError as refusal:
                await refuse(send, refusal, rest=receive if refusal.status == 413 else None)
                return
            if body is not None:
                await self._app(scope, _replay(body, receive), send)
        finally:
            self._open -= 1
            self._meters.open.set(self._open)
            self._by_client[client] -= 1
            if not self._by_client[client]:
                del self._by_client[client]

    def _let_in(self, client: str) -> None:
        if self._open >= self._limits.open:
            raise RefusedError(503, "too_busy", f"{self._open} bodies are open already.", retry_after_s=1)
        if self._by_client[client] >= self._limits.client_open:
            message = f"{self._by_client[client]} bodies of yours are open already; wait for answers."
            raise RefusedError(429, "too_many", message, retry_after_s=1)

    async def _body(self, scope: Scope, receive: Receive) -> bytes | None:
        """The whole body; None where the client left before it was whole."""
        most = self._limits.body_bytes
        large = RefusedError(413, "too_large", f"A body may have {most:,} bytes.", where=("body",))
        told = next((value for name, value in scope["headers"] if name == b"content-length"), b"")
        if told.isdigit() and int(told[:20]) > most:
            raise large
        parts, size = [], 0
        try:
            async with asyncio.timeout(self._limits.receive_s):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        self._meters.hung_up.inc()
                        return None
                    parts.append(message.get("body", b""))
                    size += len(parts[-1])
                    if size > most:
                        raise large
                    if not message.get("more_body", False):
                        return b"".join(parts)
        except TimeoutError:
            message_ = f"The body did not arrive within {self._limits.receive_s:g} s."
            raise RefusedError(408, "too_slow_a_body", message_, where=("body",)) from None


async def refuse(send: Send, refusal: RefusedError, rest: Receive | None = None) -> None:
    """Answer with a refusal, then close the connection.

    Args:
        send: Where the answer goes.
        refusal: What the client is told.
        rest: Where the rest of the body comes from. It is thrown away for a moment before the connection is closed,
            since a client that is cut off while it sends often does not read what it was told.

    Chapter: Online execution.
    """
    content = json.dumps(refusal.body()).encode()
    headers = {
        "content-type": "application/json",
        "content-length": str(len(content)),
        "connection": "close",
        **refusal.headers(),
    }
    pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": refusal.status, "headers": pairs})
    await send({"type": "http.response.body", "body": content, "more_body": True})
    if rest is not None:
        await _throw_away(rest)
    await send({"type": "http.response.body", "body": b""})


async def _throw_away(receive: Receive) -> None:
    size = 0
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LINGER_S):
            while size < LINGER_BYTES:
                message = await receive()
                if message["type"] == "http.disconnect" or not message.get("more_body", False):
                    return
                size += len(message.get("body", b""))


def _replay(body: bytes, receive: Receive) -> Receive:
    """Give the body that was read, then what the server says next, which is that the client left."""
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again
