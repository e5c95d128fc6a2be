"""What a service says of itself: the counters that a monitoring system would read."""

from __future__ import annotations

import urllib.request

import pandas as pd

from mlsd_lib.online.load.wire import MOST_BYTES, Address


def counters(url: str, *, timeout_s: float = 5.0, anywhere: bool = False) -> pd.Series[float]:
    """Read a page of metrics in Prometheus' text format.

    Args:
        url: Where it is, such as "http://127.0.0.1:8000/metrics"; on this machine, unless `anywhere` is set.
        timeout_s: Seconds to wait.
        anywhere: Whether `url` may be on another machine.

    Returns:
        The values by name, with labels as the page writes them: `mlsd_requests_total{arm="usual"}`.

    Raises:
        ValueError: If the address is none or on another machine, or the page is not in that format.
        OSError: If there is no answer.

    Chapter: Online execution.
    """
    Address.of(url, anywhere=anywhere)
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(url, timeout=timeout_s) as answer:
        return parsed(answer.read(MOST_BYTES).decode())


def parsed(text: str) -> pd.Series[float]:
    r"""The values of a page of metrics in Prometheus' text format.

    Args:
        text: The page.

    Returns:
        The values by name, labels included.

    Raises:
        ValueError: If a line is not a name and a number.

    Chapter: Online execution.

    >>> parsed('# TYPE shed counter\nshed{why="full"} 3.0\nopen 2\n').to_dict()
    {'shed{why="full"}': 3.0, 'open': 2.0}
    """
    found: dict[str, float] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip() and not line.startswith("#"):
            name, _, value = line.rpartition(" ")
            try:
                found[name.strip()] = float(value)
            except ValueError:
                name = ""
            if not name:
                raise ValueError(f"load: line {number} of the metrics is {line[:60]!r}, not a name and a number.")
    return pd.Series(found, dtype=float)
