"""Receipts keep plain, rounded values, with where they came from."""

import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

from mlsd_lib import receipts


@pytest.fixture(scope="module")
def shell():
    yield InteractiveShell.instance()
    InteractiveShell.clear_instance()


def published(shell, call):
    shell.user_ns["receipts"] = receipts
    with capture_output() as captured:
        shell.run_cell(call, store_history=True).raise_error()
    return captured.outputs


def test_a_receipt_names_cell_seed_and_library(shell):
    (output,) = published(shell, "receipts.receipt(seed=7, slow=0.25)")
    assert output.data["text/plain"] == "slow = 0.25"
    assert output.data["application/papermill.record/text/plain"] == "0.25"
    assert output.metadata["scrapbook"] == {"name": "slow", "mime_prefix": "application/papermill.record/"}
    kept = output.metadata["receipt"]
    assert (kept["kind"], kept["seed"]) == ("measured", 7)
    assert kept["library"] == receipts.library_version()
    assert isinstance(kept["cell"], int)
    assert "machine" not in kept


def test_a_timed_value_names_its_machine(shell):
    (output,) = published(shell, "receipts.timed(p99_ms=3)")
    assert output.metadata["receipt"]["kind"] == "timed"
    assert "processors" in output.metadata["receipt"]["machine"]


def test_a_given_value_has_no_seed(shell):
    one, two = published(shell, "receipts.given(budget_ms=300, items=10)")
    assert one.metadata["receipt"]["kind"] == "given"
    assert two.data["text/plain"] == "items = 10"


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (np.float64(2 / 3), 0.666667),
        (np.float32(0.5), 0.5),
        (np.int64(12_345_678), 12_345_678),
        (1_234_567.8, 1_234_570.0),
        (np.bool_(True), True),
        ("ranker", "ranker"),
        (np.str_("ranker"), "ranker"),
        (0.0, 0.0),
    ],
)
def test_values_become_plain_and_short(value, kept):
    result = receipts.plain("value", value)
    assert result == kept
    assert type(result) is type(kept)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, [1], np.array([1.0]), None, {"a": 1}])
def test_what_no_sentence_can_quote_is_refused_by_name(value):
    with pytest.raises(ValueError, match="slow_share is"):
        receipts.receipt(slow_share=value)


def test_an_empty_receipt_is_refused():
    with pytest.raises(ValueError, match="no value"):
        receipts.receipt(seed=1)


@pytest.fixture
def rows(tmp_path, monkeypatch):
    file = tmp_path / "reproductions.yml"
    row = (
        "chapter: a, what: Share, published: 0.634, tolerance: 0.01, unit: share, source: dean2013tail, kind: simulated"
    )
    file.write_text(f"fan-out-100: {{{row}}}\n", "utf8")
    monkeypatch.setattr("mlsd_lib.reproductions.path", lambda: file)


def test_a_reproduced_value_is_a_receipt_with_its_row(shell, rows):
    (output,) = published(shell, "receipts.reproduced('fan-out-100', 0.63396766, low=0.631, high=0.637, seed=3)")
    assert output.data["text/plain"] == (
        "fan-out-100 = 0.633968 (0.631 to 0.637); published 0.634, tolerance 0.01: within"
    )
    assert output.metadata["scrapbook"]["name"] == "fan_out_100"
    assert output.data["application/papermill.record/text/plain"] == "0.633968"
    kept = output.metadata["receipt"]
    assert (kept["kind"], kept["seed"]) == ("measured", 3)
    assert kept["reproduced"] == {"key": "fan-out-100", "value": 0.633968, "low": 0.631, "high": 0.637}


def test_a_value_outside_its_tolerance_is_kept_and_said(shell, rows):
    (output,) = published(shell, "receipts.reproduced('fan-out-100', 0.7)")
    assert output.data["text/plain"] == "fan-out-100 = 0.7; published 0.634, tolerance 0.01: OUTSIDE"
    assert output.metadata["receipt"]["reproduced"]["low"] is None


@pytest.mark.parametrize(
    ("value", "more", "said"),
    [
        (np.nan, {}, "fan-out-100 is nan"),
        ("0.6", {}, "fan-out-100 is '0.6', and the row holds a number"),
        (0.6, {"low": 0.5}, "one end of an interval"),
        (0.6, {"low": 0.61, "high": 0.7}, "outside its own interval"),
        (0.6, {"low": 0.7, "high": 0.5}, "outside its own interval"),
        (0.6, {"low": np.nan, "high": 0.7}, "outside its own interval"),
        (0.6, {"low": 0.5, "high": np.inf}, "high is inf"),
    ],
)
def test_a_reproduced_value_that_says_nothing_is_refused(rows, value, more, said):
    with pytest.raises(ValueError, match=said):
        receipts.reproduced("fan-out-100", value, **more)


def test_a_row_must_be_written_before_the_run(rows):
    with pytest.raises(ValueError, match=r"has no row 'fan-out-10'\. Write it there before the run"):
        receipts.reproduced("fan-out-10", 0.1)
