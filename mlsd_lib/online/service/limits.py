"""What the service refuses: sizes, counts and times, and the refusal that a client reads."""

from __future__ import annotations

from dataclasses import dataclass, field, fields

LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True)
class Limits:
    """Bounds of the service; beyond each of them a request is refused, never half done.

    Attributes:
        body_bytes: Bytes in the body of a request (413 beyond).
        requests: Requests in one body (422).
        characters: Characters in a query or another text (422).
        open: Bodies being received or answered at once (503).
        client_open: As `open`, of one client, told by its address (429).
        queue: Requests that wait for the worker (503).
        batch: Requests that the worker answers in one run; 1 switches micro-batching off.
        receive_s: Seconds for a body to arrive, and for the head of a request on an open connection (408, or the
            connection is closed).
        answer_s: Seconds from a body's arrival to its answer. A request that would wait longer is refused at the
            door, and one that did wait longer is not answered late (503 both).
        connections: Connections open at once (503).

    Raises:
        ValueError: If a count is no integer of at least 1, or a time is not above 0.

    Chapter: Online execution.

    >>> Limits(batch=1).batch
    1
    """

    body_bytes: int = field(default=65_536, metadata={"unit": "bytes"})
    requests: int = field(default=100, metadata={"unit": "requests"})
    characters: int = field(default=500, metadata={"unit": "characters"})
    open: int = field(default=512, metadata={"unit": "bodies"})
    client_open: int = field(default=256, metadata={"unit": "bodies"})
    queue: int = field(default=512, metadata={"unit": "requests"})
    batch: int = field(default=64, metadata={"unit": "requests"})
    receive_s: float = field(default=5.0, metadata={"unit": "s"})
    answer_s: float = field(default=1.0, metadata={"unit": "s"})
    connections: int = field(default=1_024, metadata={"unit": "connections"})

    def __post_init__(self) -> None:
        for bound in fields(self):
            value = getattr(self, bound.name)
            if bound.name.endswith("_s"):
                if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 86_400:
                    raise ValueError(f"Limits: {bound.name} is {value!r}; expected seconds above 0 and below a day.")
            elif isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ValueError(f"Limits: {bound.name} is {value!r}; expected an integer of at least 1.")


class RefusedError(Exception):
    """A request that the service does not answer, with what its client is told.

    Args:
        status: HTTP status code.
        code: One word for programs, such as "queue_full".
        message: A sentence for people.
        where: Path to what is wrong in the request, outermost first.
        retry_after_s: Seconds after which trying again makes sense; None where it never does.

    Chapter: Online execution.

    >>> RefusedError(503, "queue_full", "512 requests wait already.", retry_after_s=1).body()
    {'code': 'queue_full', 'message': '512 requests wait already.', 'where': []}
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        where: tuple[str | int, ...] = (),
        retry_after_s: int | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message
        self.where, self.retry_after_s = where, retry_after_s

    def body(self) -> dict[str, object]:
        """What the client reads, as JSON can hold it."""
        return {"code": self.code, "message": self.message, "where": list(self.where)}

    def headers(self) -> dict[str, str]:
        """`Retry-After`, where trying again makes sense."""
        return {} if self.retry_after_s is None else {"retry-after": str(self.retry_after_s)}
