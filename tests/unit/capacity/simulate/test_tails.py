import numpy as np
import pytest

from mlsd_lib.capacity import formulas
from mlsd_lib.capacity.simulate import Server, compare, fan_out
from mlsd_lib.capacity.units import ms, second

STEADY = Server(usual=10 * ms, stall=1 * second, stall_share=0)
OFTEN = Server(usual=2 * ms, stall=1 * second, stall_share=0.01)


def near(values: np.ndarray, truth: float) -> bool:
    """Whether the mean of independent values lies within four standard errors of the truth."""
    return bool(abs(values.mean() - truth) < 4 * values.std() / np.sqrt(len(values)) + 1e-12)


@pytest.mark.parametrize("width", [1, 2, 10, 100])
def test_the_slowest_of_many_takes_as_long_as_harmonic_numbers_say(width: int) -> None:
    harmonic = sum(1 / k for k in range(1, width + 1))
    assert near(fan_out(STEADY, width=width, requests=20_000, seed=0).latency_ms, 10 * harmonic)


@pytest.mark.parametrize("skipped", [1, 3])
def test_without_the_slowest_the_sum_lacks_its_first_terms(skipped: int) -> None:
    expected = sum(1 / k for k in range(skipped + 1, 11))
    run = fan_out(STEADY, width=10, requests=20_000, seed=0, skip_slowest=skipped)
    assert near(run.latency_ms, 10 * expected)
    assert run.extra_load_share.max() == 0


@pytest.mark.parametrize(("share", "width"), [(0.01, 100), (0.0001, 1_000), (0.5, 3)])
def test_stalls_strike_as_many_requests_as_the_formula_says(share: float, width: int) -> None:
    server = Server(usual=2 * ms, stall=1 * second, stall_share=share)
    slow = fan_out(server, width=width, requests=10_000, seed=1).latency_ms >= 1_000
    assert near(slow, formulas.fan_out_slow_share(share, width))


@pytest.mark.parametrize("after_ms", [0, 5, 10])
def test_hedging_costs_and_leaves_what_the_formula_says(after_ms: float) -> None:
    run = fan_out(OFTEN, width=20, requests=40_000, seed=2, hedge_after=after_ms * ms)
    late = 0.01 + 0.99 * np.exp(-after_ms / 2)
    exact = formulas.hedged(slow_share_each=0.01, late_share=late, fan_out=20)
    assert near(run.extra_load_share, exact.extra_load_share)
    assert near(run.latency_ms >= 1_000, exact.slow_share)


def test_a_hedge_is_never_slower_on_the_same_luck_and_never_answers_before_it_is_sent() -> None:
    plain = fan_out(OFTEN, width=10, requests=5_000, seed=3).latency_ms
    hedged = fan_out(OFTEN, width=10, requests=5_000, seed=3, hedge_after=6 * ms).latency_ms
    assert (hedged <= plain).all()
    assert (hedged < plain).any()
    changed = hedged < plain
    assert hedged[changed].min() > 6
    assert (plain[~changed] == hedged[~changed]).all()


def test_results_depend_neither_on_blocks_nor_on_how_many_are_asked() -> None:
    whole = fan_out(OFTEN, width=7, requests=1_000, seed=4, hedge_after=3 * ms)
    blocks = fan_out(OFTEN, width=7, requests=1_000, seed=4, hedge_after=3 * ms, at_once=50)
    tiny = fan_out(OFTEN, width=7, requests=1_000, seed=4, hedge_after=3 * ms, at_once=1)
    first = fan_out(OFTEN, width=7, requests=10, seed=4, hedge_after=3 * ms)
    for other in (blocks, tiny):
        assert whole.latency_ms.tolist() == other.latency_ms.tolist()
        assert whole.extra_load_share.tolist() == other.extra_load_share.tolist()
    assert whole.latency_ms[:10].tolist() == first.latency_ms.tolist()
    assert whole.latency_ms.tolist() != fan_out(OFTEN, width=7, requests=1_000, seed=5).latency_ms.tolist()


def test_copies_of_a_call_have_luck_of_their_own() -> None:
    calls = [OFTEN.calls_ms(0, copy, np.arange(2_000), 0) for copy in ("first", "second")]
    assert abs(np.corrcoef(*calls)[0, 1]) < 0.08
    assert OFTEN.calls_ms(0, "first", 7, 0).item() == calls[0][7]


def test_runs_stand_side_by_side() -> None:
    runs = {(name, width): fan_out(OFTEN, width=width, requests=4_000, seed=0) for name in "ab" for width in (1, 50)}
    table = compare(runs, slow=1 * second)
    assert table.columns.tolist() == ["median_ms", "p99_ms", "p999_ms", "slow_share", "extra_load_share"]
    assert table.index.tolist() == list(runs)
    row, latency = table.loc[("a", 50)], np.sort(runs["a", 50].latency_ms)
    assert row.slow_share == (latency >= 1_000).mean()
    assert latency[1_998] <= row.median_ms <= latency[2_001]
    assert latency[3_958] <= row.p99_ms <= latency[3_961]
    assert latency[3_994] <= row.p999_ms <= latency[3_997]
    assert row.extra_load_share == 0


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: Server(usual=2, stall=second, stall_share=0), "usual is 2, without a unit"),
        (lambda: Server(usual=ms, stall=1 / second, stall_share=0), "stall is 1 /s, a rate, and a time"),
        (lambda: Server(usual=ms, stall=second, stall_share=5), "stall_share is 5.*write 0.05"),
        (lambda: fan_out(OFTEN, width=0, requests=1, seed=0), "width is 0"),
        (lambda: fan_out(OFTEN, width=2, requests=0, seed=0), "requests is 0"),
        (
            lambda: fan_out(OFTEN, width=2, requests=1, seed=0, skip_slowest=2),
            "skip_slowest is 2, and a request asks 2",
        ),
        (lambda: fan_out(OFTEN, width=2, requests=1, seed=0, skip_slowest=-1), "skip_slowest is -1"),
        (lambda: fan_out(OFTEN, width=2, requests=1, seed=0, hedge_after=10), "hedge_after is 10, without a unit"),
        (lambda: fan_out(OFTEN, width=2, requests=1, seed=0, at_once=0), "at_once is 0"),
        (lambda: compare({}, slow=second), "compare: no run"),
        (
            lambda: compare({"a": fan_out(OFTEN, width=2, requests=1, seed=0)}, slow=1_000),
            "slow is 1000, without a unit",
        ),
    ],
)
def test_a_fan_out_that_cannot_be_is_an_error(wrong, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        wrong()
