import numpy as np
import pytest

from mlsd_lib.capacity.formulas import queue as exact
from mlsd_lib.capacity.simulate import mean_of, percentile_of, queue
from mlsd_lib.capacity.units import ms


def test_the_interval_of_a_mean_holds_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    found = [mean_of(rng.exponential(size=400)) for _ in range(1_000)]
    assert 0.92 < np.mean([e.low <= 1 <= e.high for e in found]) < 0.98


def test_the_interval_of_a_mean_knows_that_neighbours_wait_together() -> None:
    truth = exact(0.8 / ms, 1 * ms).mean_response.to(ms)
    runs = [queue(0.8 / ms, 1 * ms, requests=40_000, seed=seed).response_ms[2_000:] for seed in range(100)]
    found = [mean_of(run) for run in runs]
    assert np.mean([e.low <= truth <= e.high for e in found]) > 0.88
    # as if all values were independent, the interval would be far too narrow
    naive = 1.96 * np.mean([run.std() / np.sqrt(len(run)) for run in runs])
    assert np.mean([e.high - e.value for e in found]) > 4 * naive


def test_the_interval_of_a_percentile_holds_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    found = [percentile_of(rng.exponential(size=2_000), 0.99) for _ in range(1_000)]
    assert 0.92 < np.mean([e.low <= np.log(100) <= e.high for e in found]) < 0.99
    assert all(e.low <= e.value <= e.high for e in found)


def test_a_mean_counts_the_remainder_that_its_batches_leave_out() -> None:
    assert mean_of([0, 0, 0, 0, 5], batches=2).value == 1
    assert mean_of(np.ones(100) == 1).value == 1
    assert str(mean_of(np.full(40, 3.0))) == "3 (3 to 3)"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: mean_of([1, 2, 3]), "mean_of: 3 values for 20 batches"),
        (lambda: mean_of([1, 2, 3], batches=1), "mean_of: 3 values for 1 batches"),
        (lambda: percentile_of(range(300), 0.999), "300 values are too few for the interval of level 0.999"),
        (lambda: percentile_of(range(300), 0.001), "300 values are too few"),
        (lambda: percentile_of(range(300), 99), "level is 99.*write 0.99"),
    ],
)
def test_too_little_to_estimate_from_is_an_error(wrong, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        wrong()
