import pytest

from mlsd_lib.funnel.headline import COLUMNS, headline, parsed

ROW = dict.fromkeys(COLUMNS, 1) | {"system": "funnel"}
STORED = {"seed": 0, "library": "0.1.0", "command": "python -m …", "machine": "one", "rows": [ROW, {**ROW, "more": 2}]}


def test_a_stored_run_is_read_with_where_it_comes_from():
    run = parsed(STORED)
    assert (run.seed, run.library, run.command, run.machine) == (0, "0.1.0", "python -m …", "one")
    assert run.rows.columns.tolist() == list(COLUMNS)
    assert len(run.rows) == 2


def test_a_run_without_what_it_should_hold_is_refused():
    short = {name: value for name, value in ROW.items() if name not in ("cpu_ms", "p50_ms")}
    with pytest.raises(ValueError, match="its rows lack cpu_ms, p50_ms"):
        parsed({**STORED, "rows": [short]})
    with pytest.raises(KeyError, match="machine"):
        parsed({name: value for name, value in STORED.items() if name != "machine"})


def test_the_stored_run_has_both_systems_at_every_size_and_difficulty():
    rows = headline().rows
    assert (rows.groupby(["ads", "personal"])["system"].agg(set) == {"funnel", "exhaustive"}).all()
    assert (rows.loc[rows["system"] == "exhaustive", "recall_full"] == 1).all()
    assert rows[["recall_full", "recall_truth"]].stack().between(0, 1).all()
