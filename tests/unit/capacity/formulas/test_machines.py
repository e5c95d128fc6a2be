import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlsd_lib.capacity.formulas import cost, fleet, machines_for_memory, split_budget
from mlsd_lib.capacity.units import EUR, GB, TB, day, hour, ms, second, year


def test_a_fleet_keeps_its_headroom() -> None:
    # 1,000 requests a second of 30 ms keep 30 cores busy; at most half of 8 cores may be: 7.5 machines
    bought = fleet(1_000 / second, cpu=30 * ms, cores=8, utilisation=0.5)
    assert bought.busy_cores == pytest.approx(30)
    assert bought.machines == 8
    assert bought.utilisation_share == pytest.approx(30 / 64)


def test_spares_are_bought_for_every_copy() -> None:
    assert fleet(1_000 / second, cpu=30 * ms, cores=8, utilisation=0.5, spares=2).machines == 10
    assert fleet(1_000 / second, cpu=30 * ms, cores=8, utilisation=0.5, spares=2, copies=3).machines == 30
    assert fleet(1_000 / second, cpu=30 * ms, cores=10).machines == 5


def test_a_load_that_fits_exactly_needs_no_machine_more() -> None:
    assert fleet(0.3 / second, cpu=1 * second, cores=1, utilisation=0.1).machines == 3
    assert machines_for_memory(0.3 * TB, memory=100 * GB, usable_share=1) == 3


@settings(max_examples=60, deadline=None)
@given(st.floats(0.1, 1e6), st.floats(0.1, 1e3), st.integers(1, 128), st.floats(0.1, 0.95))
def test_a_fleet_is_large_enough_and_no_machine_too_large(rate: float, cpu: float, cores: int, most: float) -> None:
    bought = fleet(rate / second, cpu=cpu * ms, cores=cores, utilisation=most)
    assert bought.utilisation_share <= most * (1 + 1e-9)
    assert (bought.machines - 1) * cores * most < bought.busy_cores


def test_a_fleet_prints_as_a_table() -> None:
    assert str(fleet(1_000 / second, cpu=30 * ms, cores=8)) == (
        "Fleet\n  busy cores         30\n  machines           7\n  utilisation share  53.57 %"
    )
    assert "machines           6,250\n" in str(fleet(1_000_000 / second, cpu=30 * ms, cores=8))


def test_memory_is_cut_into_shards() -> None:
    assert machines_for_memory(1 * TB, memory=100 * GB, usable_share=1) == 10
    assert machines_for_memory(1 * TB, memory=100 * GB) == 13
    assert machines_for_memory(1 * TB, memory=100 * GB, copies=3) == 39
    assert machines_for_memory(1 * GB, memory=100 * GB) == 1


def test_machines_cost_while_they_stand() -> None:
    spent = cost(10, price=2 * EUR / hour, average=4 / second)
    assert spent.a_year.to(EUR) == pytest.approx(10 * 2 * 24 * 365)
    assert spent.a_request.to(EUR) == pytest.approx(20 / 3_600 / 4)
    assert spent.a_thousand.to(EUR) == pytest.approx(20 / 3.6 / 4)
    # what a year of requests costs is what the year costs
    assert (4 / second * year * spent.a_request).to(EUR) == pytest.approx(spent.a_year.to(EUR))


def test_a_budget_is_split_in_proportion_and_adds_up() -> None:
    budget = split_budget(200 * ms, {"a": 10 * ms, "b": 30 * ms}, kept_back=0.1)
    assert budget.allowed["a"].to(ms) == pytest.approx(45)
    assert budget.allowed["b"].to(ms) == pytest.approx(135)
    assert budget.kept_back.to(ms) == pytest.approx(20)
    assert budget.limit == 200 * ms
    assert budget.used == {"a": 10 * ms, "b": 30 * ms}
    assert budget.fits
    assert not split_budget(40 * ms, {"a": 10 * ms, "b": 30 * ms}).fits
    assert split_budget(40 * ms, {"a": 8 * ms, "b": 24 * ms}).kept_back.to(ms) == pytest.approx(8)


def test_a_component_that_takes_no_time_is_allowed_none() -> None:
    budget = split_budget(100 * ms, {"a": 0 * ms, "b": 30 * ms})
    assert budget.allowed["a"] == 0 * ms
    assert budget.fits


def test_a_budget_prints_who_takes_what() -> None:
    assert str(split_budget(60 * ms, {"ranker": 30 * ms})).startswith(
        "Budget of 60 ms: fits\n  ranker     takes 30 ms of 48"
    )
    assert str(split_budget(30 * ms, {"selection": 30 * ms, "page": 10 * ms})) == (
        "Budget of 30 ms: does not fit\n"
        "  selection  takes 30 ms of 18 ms\n"
        "  page       takes 10 ms of 6 ms\n"
        "  kept back  6 ms"
    )


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: fleet(500, cpu=ms, cores=8), "peak is 500, without a unit. Pass a rate"),
        (lambda: fleet(1 / second, cpu=20, cores=8), "cpu is 20, without a unit. Pass a time, such as 20"),
        (lambda: fleet(1 / second, cpu=ms, cores=0), "cores is 0"),
        (lambda: fleet(1 / second, cpu=ms, cores=8, utilisation=60), "utilisation is 60,.*write 0.6"),
        (lambda: fleet(1 / second, cpu=ms, cores=8, utilisation=1), "utilisation is 1, and a share strictly"),
        (lambda: fleet(1 / second, cpu=ms, cores=8, spares=-1), "spares is -1, and it must be at least 0"),
        (lambda: fleet(1 / second, cpu=ms, cores=8, copies=0), "copies is 0"),
        (lambda: machines_for_memory(3, memory=GB), "size is 3, without a unit. Pass a size"),
        (lambda: machines_for_memory(GB, memory=64), "memory is 64, without a unit"),
        (lambda: machines_for_memory(GB, memory=GB, usable_share=0), "usable_share is 0.0, and it must be above 0"),
        (lambda: machines_for_memory(GB, memory=GB, usable_share=80), "usable_share is 80"),
        (lambda: machines_for_memory(GB, memory=GB, copies=0), "copies is 0"),
        (lambda: cost(0, price=EUR / hour, average=1 / second), "machines is 0"),
        (lambda: cost(1, price=0.5, average=1 / second), "price is 0.5, without a unit. Pass a price for a time"),
        (lambda: cost(1, price=EUR, average=1 / second), "price is 1 EUR, an amount of money, and a price for a time"),
        (lambda: cost(1, price=EUR / day, average=500), "average is 500, without a unit"),
        (lambda: split_budget(300, {"a": ms}), "limit is 300, without a unit"),
        (lambda: split_budget(ms, {}), "used: no component"),
        (lambda: split_budget(ms, {"a": 3}), r"used\['a'\] is 3, without a unit"),
        (lambda: split_budget(ms, {"a": 0 * ms, "b": 0 * ms}), "used: all 2 components take no time"),
        (lambda: split_budget(ms, {"a": ms}, kept_back=20), "kept_back is 20"),
    ],
)
def test_money_and_machines_refuse_what_they_cannot_mean(wrong, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        wrong()
