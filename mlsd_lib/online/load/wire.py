"""One HTTP exchange after another over asyncio's streams: as much of HTTP/1.1 as a load test needs, and no more.

A load generator must cost less than what it measures. These few lines take a fraction of a millisecond an exchange.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import urlsplit

MOST_BYTES = 16 * 2**20  # of one answer; more is an error, so that memory stays bounded
_HEAD = b"\r\n\r\n"


class Unreadable(ValueError):  # noqa: N818 - what an answer is
    """An answer that cannot be read: not HTTP, cut short, too large, or in chunks."""


@dataclass(frozen=True)
class Address:
    """Where requests go.

    Attributes:
        host: Name or address of the machine.
        port: Its port.
        path: The path, with its query.

    Chapter: Online execution.
    """

    host: str
    port: int
    path: str

    @staticmethod
    def of(url: str, *, anywhere: bool = False) -> Address:
        """Take an address apart, and see that it lies on this machine.

        Args:
            url: An address such as "http://127.0.0.1:8000/search".
            anywhere: Whether other machines are allowed.

        Returns:
            The address.

        Raises:
            ValueError: If it is not an http address, or lies elsewhere and `anywhere` is not set.

        Chapter: Online execution.

        >>> Address.of("http://127.0.0.1:8000/search")
        Address(host='127.0.0.1', port=8000, path='/search')
        """
        parts = urlsplit(url)
        try:
            port = parts.port or 80
        except ValueError:
            port = 0
        if parts.scheme != "http" or not parts.hostname or not port:
            raise ValueError(f"load: {url!r} is not an address such as 'http://127.0.0.1:8000/search'.")
        if not anywhere and not _loopback(parts.hostname):
            raise ValueError(
                f"load: {parts.hostname!r} is another machine, and a load test can take a service down. Pass "
                "anywhere=True if it is yours and its owner knows."
            )
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        if not (path.isascii() and path.isprintable() and " " not in path):
            raise ValueError(f"load: the path {path!r} holds characters that must be escaped; see urllib.parse.quote.")
        return Address(parts.hostname, port, path)


@dataclass
class Line:
    """Connections to one address, kept open between exchanges; each is used by one exchange at a time.

    Attributes:
        address: Where they lead.

    Chapter: Online execution.
    """

    address: Address
    _idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = field(default_factory=list)

    async def exchange(self, body: bytes) -> tuple[int, bytes]:
        """Send a request and read the answer.

        Args:
            body: What to POST; empty for a GET.

        Returns:
            The status and the answer's body.

        Raises:
            OSError: If the connection fails.
            Unreadable: If the answer cannot be read.

        Chapter: Online execution.
        """
        reader, writer = await self._connection()
        done = False
        try:
            writer.write(self._request(body))
            await writer.drain()
            status, answer, lasting = await _answer(reader)
            done = lasting
        except asyncio.IncompleteReadError as error:
            raise Unreadable("the server hung up before its answer was whole") from error
        except asyncio.LimitOverrunError as error:
            raise Unreadable("the head of the answer is too large") from error
        finally:
            if done:
                self._idle.append((reader, writer))
            else:
                writer.transport.abort()  # also after a timeout: whatever comes late must not answer the next request
        return status, answer

    def close(self) -> None:
        """Hang up.

        Chapter: Online execution.
        """
        while self._idle:
            _, writer = self._idle.pop()
            writer.transport.abort()

    async def _connection(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        while self._idle:
            reader, writer = self._idle.pop()
            if not (reader.at_eof() or writer.is_closing()):  # the server may have hung up meanwhile
                return reader, writer
            writer.transport.abort()
        return await asyncio.open_connection(self.address.host, self.address.port)

    def _request(self, body: bytes) -> bytes:
        host = f"[{self.address.host}]" if ":" in self.address.host else self.address.host
        head = f"{'POST' if body else 'GET'} {self.address.path} HTTP/1.1\r\nHost: {host}:{self.address.port}\r\n"
        if body:
            head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        return head.encode() + b"\r\n" + body


async def _answer(reader: asyncio.StreamReader) -> tuple[int, bytes, bool]:
    """Status, body, and whether the connection can be used again."""
    lines = (await reader.readuntil(_HEAD)).decode("latin-1").split("\r\n")
    version, _, rest = lines[0].partition(" ")
    if not version.startswith("HTTP/1.") or not rest[:3].isdigit():
        raise Unreadable(f"{lines[0][:40]!r} is not the first line of an HTTP answer")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    length = headers.get("content-length", "")
    if not length.isdigit():
        raise Unreadable("the answer does not say its length")
    if int(length) > MOST_BYTES:
        raise Unreadable(f"the answer has {int(length)} bytes, more than {MOST_BYTES}")
    lasting = version == "HTTP/1.1" and headers.get("connection", "").lower() != "close"
    return int(rest[:3]), await reader.readexactly(int(length)), lasting


def _loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
