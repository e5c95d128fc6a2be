"""Records in a file that may end anywhere and be damaged anywhere: one a line, each with its number, length and check.

A line is `checksum number length body`. The number tells how many records a damaged stretch has cost, the length finds
the end of a body whose line break is damaged, and the checksum (CRC-32, of all that follows it) tells a whole record
from a torn one.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from typing import NamedTuple

HEAD = re.compile(rb"([0-9a-f]{8}) (\d{1,12}) (\d{1,12}) ")


class Found(NamedTuple):
    """A record that is whole.

    Attributes:
        number: Its number in the file.
        body: Its bytes, without the frame.
    """

    number: int
    body: bytes


class Lost(NamedTuple):
    """A stretch of the file that holds no whole record.

    Attributes:
        first_byte: Where it starts, counted from 0.
        bytes: How long it is; 0 where records are missing without a trace but their numbers.
        records: How many records it has cost.
        torn: Whether it is the end of the file, and stops within a line, as a kill leaves it.
    """

    first_byte: int
    bytes: int
    records: int
    torn: bool


def framed(number: int, body: bytes) -> bytes:
    r"""A record as a line.

    Args:
        number: Its number in the file; they rise by 1.
        body: What it holds, without a line break.

    Returns:
        The line, with its line break.

    Chapter: Online execution.

    >>> framed(7, b'{"query":"taxi"}')
    b'82c9b8f8 7 16 {"query":"taxi"}\n'
    """
    told = b"%d %d %b" % (number, len(body), body)
    return b"%08x %b\n" % (zlib.crc32(told), told)


def unframed(data: bytes) -> Iterator[Found | Lost]:
    """What a file holds, in order: whole records, and the stretches between them that are none.

    Args:
        data: The bytes of the file.

    Yields:
        A `Found` for each whole record, and a `Lost` for each stretch without one.

    Chapter: Online execution.

    >>> list(unframed(framed(1, b"{}") + framed(2, b"[]")[:-3]))
    [Found(number=1, body=b'{}'), Lost(first_byte=16, bytes=13, records=1, torn=True)]
    """
    place, last, lost = 0, 0, -1  # `lost` is where a stretch without a record starts, or -1
    while place < len(data):
        found, end = _frame_at(data, place)
        if found is None:
            lost = place if lost < 0 else lost
            place = data.find(b"\n", place) + 1 or len(data)
            continue
        missing = max(0, found.number - last - 1)
        if lost >= 0 or missing:
            start = place if lost < 0 else lost
            yield Lost(start, place - start, missing, torn=False)
        yield found
        last, place, lost = max(last, found.number), end + 1, -1
        if data[end : end + 1] not in (b"\n", b""):
            lost = end  # the record is whole, its line break is not
    if lost >= 0:
        rest = data[lost:]
        yield Lost(lost, len(rest), max(1, rest.count(b"\n")), torn=not rest.endswith(b"\n"))


def _frame_at(data: bytes, place: int) -> tuple[Found | None, int]:
    """The whole record that starts at `place`, and where its body ends."""
    head = HEAD.match(data, place)
    if head is None:
        return None, place
    end = head.end() + int(head[3])
    if end > len(data) or zlib.crc32(data[place + 9 : end]) != int(head[1], 16):
        return None, place
    return Found(int(head[2]), data[head.end() : end]), end
