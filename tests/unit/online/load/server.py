"""A tiny server with known service times, for load tests: one request at a time, in the order of arrival."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

Plain = bytes | None  # an answer as it goes over the line; None hangs up without one


def ok(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body


class Server:
    """Serves one request after the other; what it was sent and how long it really worked are kept."""

    def __init__(self, service_s: Sequence[float], answer: Callable[[int, bytes], Plain]) -> None:
        self.service_s, self.answer = service_s, answer
        self.bodies: list[bytes] = []
        self.lines: list[bytes] = []
        self.worked_s: list[float] = []
        self.connections = 0
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/work"

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = [line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
                body = await reader.readexactly(int(length[0].split(b":")[1])) if length else b""
                async with self.turn:
                    place, begin = len(self.bodies), asyncio.get_running_loop().time()
                    self.bodies.append(body)
                    self.lines.append(head.split(b"\r\n")[0])
                    await asyncio.sleep(self.service_s[place % len(self.service_s)])
                    self.worked_s.append(asyncio.get_running_loop().time() - begin)
                said = self.answer(place, body)
                if said is None:
                    break
                writer.write(said)
                await writer.drain()
                if b"Connection: close" in said or b"short" in said:
                    break
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            writer.transport.abort() if writer.is_closing() else writer.close()

    async def run(self, started: threading.Event, ended: list[Callable[[], None]]) -> None:
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        self.turn = asyncio.Lock()
        server = await asyncio.start_server(self.connected, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        ended.append(lambda: loop.call_soon_threadsafe(stop.set))
        started.set()
        await stop.wait()
        server.close()
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)


@contextmanager
def serving(
    service_s: Sequence[float] = (0.0,), answer: Callable[[int, bytes], Plain] = lambda place, body: ok(body)
) -> Iterator[Server]:
    """A running server, which is gone afterwards."""
    server, started, ended = Server(service_s, answer), threading.Event(), []
    thread = threading.Thread(target=lambda: asyncio.run(server.run(started, ended)), daemon=True)
    thread.start()
    assert started.wait(5)
    try:
        yield server
    finally:
        ended[0]()
        thread.join(5)
        assert not thread.is_alive()
