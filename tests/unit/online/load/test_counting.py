"""Counters: of a page in Prometheus' text format."""

from __future__ import annotations

import pytest

from mlsd_lib.online import load
from mlsd_lib.online.load.counting import parsed
from tests.unit.online.load.server import ok, serving

PAGE = b"""# HELP mlsd_shed_total Refused, by reason.
# TYPE mlsd_shed_total counter
mlsd_shed_total{reason="too many"} 304.0

mlsd_run_seconds_bucket{le="+Inf"} 600.0
mlsd_queue 0.0
"""


def test_a_page_is_read_as_it_stands():
    with serving(answer=lambda place, body: ok(PAGE)) as server:
        found = load.counters(server.url)
    assert found.to_dict() == {
        'mlsd_shed_total{reason="too many"}': 304.0,
        'mlsd_run_seconds_bucket{le="+Inf"}': 600.0,
        "mlsd_queue": 0.0,
    }


@pytest.mark.parametrize("text", ["<html>", "name nothing", "3.0"])
def test_another_page_is_refused(text):
    with pytest.raises(ValueError, match="line 1 of the metrics"):
        parsed(text)


def test_another_machine_is_refused():
    with pytest.raises(ValueError, match="another machine"):
        load.counters("http://example.org/metrics")
