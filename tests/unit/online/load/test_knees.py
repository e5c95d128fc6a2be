"""The knee: of servers that can do a known number of requests a second."""

from __future__ import annotations

import numpy as np
import pytest

from mlsd_lib.online import load
from tests.unit.online.load.server import serving

BODY = [b"{}"]
BUSY = b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"


def test_the_knee_lies_where_the_server_is_full():
    with serving([0.01]) as server:  # at most a hundred requests a second
        found = load.knee(server.url, BODY, rates=[20, 40, 250, 400], seconds=0.8, within_s=0.2)
    assert found.rate == 40
    assert found.broke
    assert found.steps["wanted"].tolist() == [20, 40, 250]  # it stops at the first that breaks
    assert found.steps["kept"].tolist() == [True, True, False]
    assert found.steps["p99_ms"].iloc[2] > 200


def test_errors_break_the_promise_as_slowness_does():
    with serving(answer=lambda place, body: BUSY) as server:
        found = load.knee(server.url, BODY, rates=[50, 100], seconds=0.3, within_s=0.2)
    assert (found.rate, found.broke, len(found.steps)) == (0.0, True, 1)
    assert found.steps["p99_ms"].iloc[0] == np.inf


def test_a_server_that_keeps_up_has_its_knee_further_up():
    with serving() as server:
        found = load.knee(server.url, BODY, rates=[20, 40], seconds=0.3, within_s=0.5)
    assert (found.rate, found.broke) == (40, False)


@pytest.mark.parametrize("rates", [[], [20, 20], [40, 20], [0, 20]])
def test_rates_have_to_increase(rates):
    with pytest.raises(ValueError, match="load: rates is"):
        load.knee("http://127.0.0.1:9/", BODY, rates=rates, seconds=1, within_s=1)


def test_it_is_bounded():
    with pytest.raises(ValueError, match="more than a test may have"):
        load.knee("http://127.0.0.1:9/", BODY, rates=[10, 20, 30], seconds=201, within_s=1)
