"""What a client may ask a kind of system: the fields of a request, and where requests go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlsd_lib.architecture import System


@dataclass(frozen=True)
class Face:
    """The requests of a kind of system, as a client writes them.

    Attributes:
        path: Where they are posted.
        text: The text that every request has.
        texts: Texts that a request may have; "" where left out.
        ids: Ids that a request may have, integers or strings; the column is missing where no request has it.
        item: The column of what is shown that says which item it is.

    Chapter: Online execution.

    >>> FACES["search"].path, FACES["search"].item
    ('/search', 'doc_id')
    """

    path: str
    text: str
    texts: tuple[str, ...]
    ids: tuple[str, ...]
    item: str


FACES = {
    "search": Face("/search", "query", ("place",), ("user_id", "session_id"), "doc_id"),
    "ads": Face("/ads", "query", ("segment",), ("user_id", "session_id"), "ad_id"),
}


def face_of(system: System) -> Face:
    """The face of a system, by its name.

    Args:
        system: A system of a kind that has one.

    Returns:
        The face.

    Raises:
        ValueError: If its kind has none.

    Chapter: Online execution.
    """
    if system.name not in FACES:
        raise ValueError(
            f"service: no face is known for a system named {system.name!r} (known: {', '.join(FACES)}). "
            "Pass face=Face(...), which names the fields of its requests."
        )
    return FACES[system.name]
