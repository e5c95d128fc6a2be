"""What a load test found: percentiles, errors and windows of a table made by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mlsd_lib.online.load import Load


def found(latency_s, error=None, due_s=None):
    count = len(latency_s)
    error = [""] * count if error is None else error
    due = np.arange(count, dtype=float) if due_s is None else np.array(due_s, dtype=float)
    taken = np.array(latency_s, dtype=float)
    return Load(pd.DataFrame({"due_s": due, "started_s": due + 0.001, "done_s": due + taken, "latency_s": taken,
                              "status": 200, "bytes": 1, "error": error}))  # fmt: skip


def test_a_percentile_is_a_latency_that_somebody_had():
    hundred = found(np.arange(1, 101) / 1_000)
    assert hundred.percentile(0.99) == 0.1
    assert hundred.percentile(0.5) == 0.051
    assert hundred.percentile(0) == 0.001


def test_a_failed_request_is_slower_than_any_answered_one():
    one_failed = found([0.001] * 100, error=["503"] + [""] * 99)
    assert one_failed.percentile(0.98) == 0.001
    assert one_failed.percentile(1.0) == np.inf
    assert one_failed.answered.percentile(1.0) == 0.001


def test_errors_are_counted_by_kind():
    mixed = found([0.1] * 6, error=["503", "", "timeout", "503", "", "503"])
    assert mixed.errors().to_dict() == {"503": 3, "timeout": 1}
    assert len(mixed.answered) == 2


def test_windows_follow_the_moment_when_requests_were_due():
    table = found([3.0, 0.01, 0.02, 9.0], error=["", "", "", "503"], due_s=[0.2, 1.1, 1.9, 2.0]).over_time(1.0)
    assert table["from_s"].tolist() == [0.0, 1.0, 2.0]
    assert table["requests"].tolist() == [1, 2, 1]
    assert table["failed"].tolist() == [0, 0, 1]
    assert table["p50_ms"].tolist()[:2] == pytest.approx([3_000, 15])
    assert np.isnan(table["p99_ms"].iloc[2])


def test_the_summary_says_what_the_parts_say():
    summary = found([0.01] * 100, error=["503"] + [""] * 99).summary()
    assert summary["requests"] == 100
    assert summary["answered"] == 0.99
    assert summary["p50_ms"] == pytest.approx(10)
    assert summary["lag_p99_ms"] == pytest.approx(1)
    assert summary["rate"] == pytest.approx(100 / 99)


def test_nothing_has_no_percentile():
    with pytest.raises(ValueError, match="no request"):
        found([0.1], error=["503"]).answered.percentile(0.5)


@pytest.mark.parametrize("level", [-0.1, 1.1, 99])
def test_a_level_is_a_share(level):
    with pytest.raises(ValueError, match="a share between 0 and 1"):
        found([0.1]).percentile(level)


def test_a_window_has_a_length():
    with pytest.raises(ValueError, match="step_s is 0"):
        found([0.1]).over_time(0)
