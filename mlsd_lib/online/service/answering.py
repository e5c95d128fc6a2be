"""Requests as a client writes them become frames, and what a System shows becomes an answer a request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from mlsd_lib.online import served
from mlsd_lib.online.service.faces import Face
from mlsd_lib.online.service.live import Version

Row = dict[str, Any]


@dataclass(frozen=True)
class Served:
    """What one request was shown.

    Attributes:
        request_id: Its id, given by the service.
        version: The version that answered.
        arm: "usual", "canary" or "shadow".
        record: The request and what `System.run` gave for it, as the journal keeps it.
    """

    request_id: str
    version: str
    arm: str
    record: Mapping[str, Any]

    @property
    def shown(self) -> Mapping[str, list[Any]]:
        """The columns of what was shown, but `request_id`."""
        shown: Mapping[str, list[Any]] = self.record[served.SHOWN]
        return shown


def frames(rows: Sequence[Row], face: Face) -> list[pd.DataFrame]:
    """Rows as frames of one kind each: a column of ids holds integers or strings, and misses none.

    Args:
        rows: Requests.
        face: Their fields.

    Returns:
        A frame for each kind, in the order of their first rows.

    Chapter: Online execution.

    >>> from mlsd_lib.online.service.faces import FACES
    >>> rows = [{"request_id": "a", "query": "x", "user_id": 1}, {"request_id": "b", "query": "y"}]
    >>> [frame.columns.tolist() for frame in frames(rows, FACES["search"])]
    [['request_id', 'query', 'user_id'], ['request_id', 'query']]
    """
    alike: dict[tuple[type | None, ...], list[Row]] = {}
    for row in rows:
        kinds = tuple(type(row[name]) if name in row else None for name in face.ids)
        alike.setdefault(kinds, []).append(row)
    return [pd.DataFrame(group) for group in alike.values()]


def run(
    version: Version, arm: str, rows: Sequence[Row], face: Face, *, trace: bool = False
) -> tuple[dict[str, Served], list[Row]]:
    """Answer rows by one version.

    Args:
        version: The version.
        arm: What to call its part in the experiment.
        rows: Requests.
        face: Their fields.
        trace: Whether to time the components.

    Returns:
        What each was shown, by request id, and a dictionary a component.

    Raises:
        Exception: Whatever the system raises.

    Chapter: Online execution.
    """
    answers: dict[str, Served] = {}
    steps: list[Row] = []
    ts = pd.Timestamp.now("UTC").isoformat()
    for frame in frames(rows, face):
        if trace:
            traced = version.system.trace(frame)
            shown = traced.shown
            steps += [
                {"version": version.name, **{str(name): value for name, value in step.items()}}
                for step in traced.steps.to_dict("records")
            ]
        else:
            shown = version.system.run(frame)
        for record in served.records(frame, shown, version=version.name, arm=arm, ts=ts):
            name = record["request_id"]
            answers[name] = Served(name, version.name, arm, record)
    return answers, steps
