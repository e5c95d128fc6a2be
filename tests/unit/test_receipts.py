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
