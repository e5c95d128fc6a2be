"""Small systems with known answers and known slowness, and clients that behave well or badly."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import numpy as np
import pandas as pd

from mlsd_lib.architecture import Batch, State, System
from mlsd_lib.systems import search
from mlsd_lib.systems.search.edge import EDGE

WORDS = ["taxi", "pizza", "bus", "river", "museum", "bakery", "garden", "tower"]
QUERIES = [f"{one} {other}" for one in WORDS for other in WORDS if one != other]


def documents(number: int = 60, seed: int = 0) -> pd.DataFrame:
    """Texts of a few words each, so that every query finds several, in an order that depends on the seed."""
    rng = np.random.default_rng(seed)
    texts = [" ".join(rng.choice(WORDS, size=4)) for _ in range(number)]
    return pd.DataFrame({"doc_id": [f"d{place}" for place in range(number)], "title": texts, "text": texts})


def lexical(seed: int = 0, keep: int = 10) -> System:
    return search.lexical(documents(seed=seed), keep=keep)


@dataclass
class Slow:
    """Passes on what it is given, later: `batch_s` a run and `request_s` a request; remembers the sizes of its runs."""

    name: str = "slow"
    batch_s: float = 0.0
    request_s: float = 0.0
    sizes: list[int] = field(default_factory=list)

    def __call__(self, batch: Batch) -> Batch:
        self.sizes.append(len(batch))
        time.sleep(self.batch_s + self.request_s * len(batch))
        return batch

    def state(self) -> State:
        return State()


@dataclass
class Gate:
    """Holds the first run until it is opened, so that others gather behind it."""

    name: str = "gate"
    entered: threading.Event = field(default_factory=threading.Event)
    opened: threading.Event = field(default_factory=threading.Event)
    sizes: list[int] = field(default_factory=list)

    def __call__(self, batch: Batch) -> Batch:
        self.sizes.append(len(batch))
        self.entered.set()
        assert self.opened.wait(20), "the gate was never opened"
        return batch

    def state(self) -> State:
        return State()


@dataclass
class Allergic:
    """Fails on a batch in which any query is `word`."""

    word: str
    name: str = "allergic"

    def __call__(self, batch: Batch) -> Batch:
        if self.word in batch.requests["query"].tolist():
            raise ZeroDivisionError(self.word)
        return batch

    def state(self) -> State:
        return State()


def behind(component, system: System | None = None) -> System:
    """The system with a component put before its first."""
    system = system or lexical()
    return System("search", EDGE, (component, *system.components))


def offline(system: System, request_id: str, query: str) -> list[dict]:
    """What a system shows for one request that is run by itself, as the service writes it."""
    shown = system.run(pd.DataFrame({"request_id": [request_id], "query": [query]}))
    return shown.drop(columns="request_id").to_dict("records")


def ask(url: str, path: str = "/search", body: object = None, *, timeout: float = 10.0, headers=None):
    """Status, headers and body (from JSON where it is JSON) of one request on a connection of its own."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout)
    try:
        content = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        told = {"content-type": "application/json", **(headers or {})}
        connection.request("GET" if content is None else "POST", path, content, told)
        answer = connection.getresponse()
        text = answer.read()
    finally:
        connection.close()
    try:
        return answer.status, answer.headers, json.loads(text)
    except ValueError:
        return answer.status, answer.headers, text.decode()


def one(query: str, **more: object) -> dict:
    return {"requests": [{"query": query, **more}]}


def raw(url: str, timeout: float = 10.0) -> socket.socket:
    parts = urlsplit(url)
    return socket.create_connection((parts.hostname, parts.port), timeout=timeout)


def until(true, seconds: float = 10.0) -> None:
    """Wait for something to become true."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"did not happen within {seconds} s"
        time.sleep(0.01)


def counted(url: str, name: str) -> float:
    """The sum over labels of a counter or gauge that the service tells."""
    lines = ask(url, "/metrics")[2].splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith((f"{name} ", f"{name}{{")))
