import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from mlsd_lib import archive, calibration, calibration_effects, calibration_looks
from mlsd_lib.calibration import Calibration
from mlsd_lib.calibration_effects import ARMS, LIFT, Revenue, trials
from mlsd_lib.online.experiment import baseline, needed_for_skew
from mlsd_lib.receipts import library_version

RESULTS = Calibration(
    numbers={"mean_rejected": 0.0463, "mean_covered": 0.9484, "mean_units": 500},
    seed=0,
    library="0.1.0",
    command="mlsd calibrate",
)
TRIALS = {trial.name: trial for trial in trials()}


@pytest.fixture
def project(tmp_path, monkeypatch):
    """An empty folder for stored results, and a computation that gives `RESULTS`."""
    monkeypatch.setattr(calibration, "_path", lambda: tmp_path / "results" / "experiment.json")
    monkeypatch.setattr(calibration, "compute", lambda: RESULTS)
    return tmp_path


def changed(**numbers):
    return replace(RESULTS, numbers={**RESULTS.numbers, **numbers})


def test_what_was_stored_is_verified(project, capsys):
    assert calibration.run(refresh=True) == 0
    assert calibration.results() == RESULTS
    capsys.readouterr()
    assert calibration.run() == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[1] == ["✓", "mean_rejected", "0.04–0.06", "0.0463", "0.0463"]
    assert lines[3] == ["✓", "mean_units", "500", "500"]


@pytest.mark.parametrize(
    ("computed", "told"),
    [
        (changed(mean_rejected=0.0469), "✗ mean_rejected"),
        (changed(mean_units=501), "✗ mean_units"),
        (changed(ratio_covered=0.95), "✗ ratio_covered"),
        (replace(RESULTS, numbers={"mean_rejected": 0.0463, "mean_units": 500}), "✗ mean_covered"),
    ],
)
def test_a_value_that_differs_fails_by_name(project, monkeypatch, capsys, computed, told):
    calibration.run(refresh=True)
    monkeypatch.setattr(calibration, "compute", lambda: computed)
    assert calibration.run() == calibration.DIFFERENT == 1
    assert told in capsys.readouterr().out


def test_a_few_experiments_may_differ_between_machines(project, monkeypatch):
    calibration.run(refresh=True)
    monkeypatch.setattr(calibration, "compute", lambda: changed(mean_rejected=0.0467))
    assert calibration.run() == 0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("mean_rejected", 0.0399),
        ("mean_rejected", 0.0601),
        ("revenue_covered", 0.9399),
        ("revenue_relative_covered", 0.9601),
        ("always_valid_false_alarms", 0.0501),
        ("wrong_requests_rejected", 0.05),
        ("wrong_early_covered", 0.95),
        ("mean_rejected", float("nan")),
    ],
)
def test_what_was_promised_and_not_kept_fails_even_when_it_is_stored(project, monkeypatch, name, value):
    monkeypatch.setattr(calibration, "compute", lambda: changed(**{name: value}))
    assert calibration.run(refresh=True) == 1
    assert calibration.run() == 1
    assert calibration.compute().broken() == [name]


@pytest.mark.parametrize(
    ("name", "value"),
    [("a_rejected", 0.04), ("a_rejected", 0.06), ("a_covered", 0.94), ("a_covered", 0.96), ("a_false_alarms", 0.0)],
)
def test_the_ends_of_what_was_promised_are_kept(name, value):
    assert calibration.kept(name, value)
    assert calibration.kept("anything_else", 7.0)


def test_results_that_are_missing_or_damaged_are_told(project, capsys):
    assert calibration.run() == 1
    assert "nothing is stored yet; mlsd calibrate --refresh stores it" in capsys.readouterr().err
    with pytest.raises(ValueError, match=r"data/results/experiment\.json is missing"):
        calibration.results()
    (project / "results").mkdir()
    for damaged in ("{", "[]", json.dumps({"numbers": {}})):
        (project / "results" / "experiment.json").write_text(damaged)
        with pytest.raises(ValueError, match=r"experiment\.json cannot be read"):
            calibration.results()


def test_an_installed_package_says_that_results_lie_in_the_repository(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "__file__", str(tmp_path / "site-packages" / "mlsd_lib" / "archive.py"))
    with pytest.raises(ValueError, match="lies in the project's repository, not in the installed package"):
        calibration.results()


def test_the_stored_calibration_keeps_every_promise():
    stored = calibration.results()
    assert stored.broken() == []
    assert (stored.seed, stored.library, stored.command) == (0, library_version(), "mlsd calibrate")
    for name, trial in TRIALS.items():
        assert stored.numbers[f"{name}_experiments"] == trial.experiments >= 2_000
        assert stored.numbers[f"{name}_units"] == min(trial.units)
        for what in ("rejected", "covered", "relative_covered"):
            assert calibration.bounds(f"{name}_{what}") is not None
            assert 0 < stored.numbers[f"{name}_{what}"] < 1
    assert stored.numbers["looks_experiments"] == calibration_looks.EXPERIMENTS >= 2_000
    looks = [name for name in stored.numbers if "_looks_" in name]
    assert len(looks) == 4 * len(calibration_looks.LOOKS)
    assert {"mean", "ratio", "cuped", "cuped_ratio", "revenue"} <= set(TRIALS)


def test_revenue_is_compared_at_the_size_that_its_skewness_asks_for():
    values = Revenue(0.1, 0.8).draw(np.random.default_rng(0), np.ones(4_000_000))["revenue"]
    skewness = float(stats.skew(values))
    assert Revenue(0.1, 0.8).skewness == pytest.approx(skewness, rel=0.1)
    assert TRIALS["revenue"].units == (needed_for_skew(Revenue(0.1, 0.8).skewness),) * 2
    cut = baseline(pd.DataFrame({"revenue": values}), TRIALS["capped_revenue"].metric)
    assert min(TRIALS["capped_revenue"].units) == pytest.approx(cut.needed, rel=0.02)


@pytest.mark.parametrize("name", TRIALS)
@pytest.mark.parametrize("lift", [1.0, LIFT])
def test_the_truth_of_each_kind_of_experiment_is_that_of_a_large_one(name, lift):
    trial = TRIALS[name]
    many = 400_000
    table = pd.DataFrame(trial.draw(np.random.default_rng(1), np.full(many, lift)))
    found = baseline(table, trial.metric)
    right = trial.before if lift == 1 else trial.after
    rows = calibration_effects.VISITS if name == "wrong_requests" else 1
    assert abs(found.mean - right) < 4 * found.plain * np.sqrt(rows / many)


@pytest.mark.parametrize("name", ["mean", "cuped", "ratio", "cuped_ratio"])
def test_a_few_hundred_experiments_are_as_calibrated_as_they_can_tell(name):
    found = calibration_effects.run(TRIALS[name], 1, experiments=250)
    assert found[f"{name}_rejected"] == pytest.approx(0.05, abs=0.04)
    assert found[f"{name}_covered"] == pytest.approx(0.95, abs=0.04)
    assert found[f"{name}_relative_covered"] == pytest.approx(0.95, abs=0.04)
    assert found[f"{name}_experiments"] == 250


def test_requests_that_are_counted_as_users_are_found_out():
    found = calibration_effects.run(TRIALS["wrong_requests"], 1, experiments=400)
    assert found["wrong_requests_rejected"] > 0.08
    assert found["wrong_requests_covered"] < 0.92


def test_fewer_experiments_are_the_first_of_more_and_seeds_differ(monkeypatch):
    seen = []
    inner = calibration_effects.effects_by

    def watched(table, metrics, by):
        seen.append(inner(table, metrics, by))
        return seen[-1]

    monkeypatch.setattr(calibration_effects, "effects_by", watched)
    few = calibration_effects.run(TRIALS["mean"], 0, experiments=30)
    more = calibration_effects.run(TRIALS["mean"], 0, experiments=70)
    pd.testing.assert_frame_equal(seen[0], seen[1])
    assert not seen[1]["effect"].equals(seen[2]["effect"])
    first, rest = (part[part["arm"] == "same"]["p_value"] for part in seen[1:])
    assert few["mean_rejected"] == (first[:30] < 0.05).mean()
    assert more["mean_rejected"] == pytest.approx(np.mean([*(first < 0.05), *(rest[:20] < 0.05)]))
    calibration_effects.run(TRIALS["mean"], 1, experiments=50)
    assert not seen[3]["effect"].equals(seen[1]["effect"])
    assert seen[0]["arm"].unique().tolist() == ARMS[1:].tolist()


def test_everything_is_computed_from_one_seed(monkeypatch):
    small = [replace(TRIALS[name], experiments=50) for name in ("mean", "cuped")]
    monkeypatch.setattr(calibration_effects, "trials", lambda: small)
    monkeypatch.setattr(calibration_looks, "EXPERIMENTS", 50)
    monkeypatch.setattr(calibration_looks, "LOOKS", (2, 3))
    monkeypatch.setattr(calibration_looks, "UNITS", 40)
    one = calibration.compute(3)
    assert one == calibration.compute(3)
    assert one.seed == 3
    assert len(one.numbers) == 2 * 5 + 2 * 4 + 1
    other = calibration.compute(4).numbers
    assert any(other[name] != value for name, value in one.numbers.items())
    assert one.numbers["cuped_experiments"] == one.numbers["looks_experiments"] == 50


def test_looks_are_counted_by_test(monkeypatch):
    monkeypatch.setattr(calibration_looks, "EXPERIMENTS", 2_000)
    monkeypatch.setattr(calibration_looks, "LOOKS", (5, 20))
    found = calibration_looks.compute(1)
    for looks in calibration_looks.LOOKS:
        assert found[f"always_valid_{looks}_looks_false_alarms"] <= 0.05
        assert found[f"wrong_naive_{looks}_looks_false_alarms"] > 0.12
        assert found[f"group_sequential_{looks}_looks_rejected"] == pytest.approx(0.05, abs=0.01)
