"""Quantities: units cancel, convert and refuse; nothing is trusted to be in the right unit."""

import math
import subprocess
import sys

import numpy as np
import pytest

from mlsd_lib.capacity import units
from mlsd_lib.capacity.units import EUR, GB, KB, MB, PB, TB, Quantity, byte, day, hour, minute, ms, ns, second, us, year


@pytest.mark.parametrize(
    ("larger", "smaller", "times"),
    [
        (second, ms, 1_000),
        (ms, us, 1_000),
        (us, ns, 1_000),
        (minute, second, 60),
        (hour, minute, 60),
        (day, hour, 24),
        (year, day, 365),
        (KB, byte, 1_000),
        (MB, KB, 1_000),
        (GB, MB, 1_000),
        (TB, GB, 1_000),
        (PB, TB, 1_000),
        (1 / second, 1 / day, 86_400),
    ],
)
def test_units_convert_into_each_other(larger: Quantity, smaller: Quantity, times: float) -> None:
    assert larger.to(smaller) == pytest.approx(times)
    assert smaller.to(larger) == pytest.approx(1 / times)


def test_units_multiply_divide_and_cancel_to_a_plain_float() -> None:
    in_flight = (58_000 / second) * (1_500 * ms)
    assert type(in_flight) is float
    assert in_flight == pytest.approx(87_000)
    assert type(6 * GB / (2 * GB)) is float
    assert 6 * GB / (2 * GB) == 3
    assert (10 * EUR / hour * day).to(EUR) == pytest.approx(240)
    assert (12 / minute).to(1 / second) == pytest.approx(0.2)
    assert (1 / (4 * second)).to(1 / second) == 0.25
    assert (3 * second / 2).to(second) == 1.5
    assert (6 / (3 * GB / second)).dimension == (1, -1, 0)
    assert 1 / EUR * EUR == EUR / EUR == 1
    assert EUR * EUR / EUR == EUR
    assert (1 / (2 * EUR)).dimension == (0, 0, -1)


def test_sums_differences_and_order_are_those_of_the_amounts() -> None:
    assert (1 * second + 1 * ms).to(ms) == pytest.approx(1_001)
    assert (1 * second - 1 * ms).to(ms) == pytest.approx(999)
    assert 1 * ms < 1 * second
    assert not second < ms
    assert not ms < ms
    assert ms <= ms
    assert not second <= ms
    assert second > ms
    assert not ms > ms
    assert ms >= ms
    assert not ms >= second
    assert 60 * second == minute
    assert second != byte


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: ms + GB, "1 ms is a time and 1 GB is a size; they cannot be added"),
        (lambda: ms - EUR, "1 EUR is an amount of money; they cannot be subtracted"),
        (lambda: ms < 1 / second, "they cannot be compared"),
        (lambda: ms <= GB, "they cannot be compared"),
        (lambda: ms > GB, "they cannot be compared"),
        (lambda: ms >= GB, "they cannot be compared"),
        (lambda: ms.to(EUR / hour), "is a price for a time; they cannot be converted into each other"),
        (lambda: ms + 3, "1 ms has a unit and 3 has none; they cannot be added. Give both a unit"),
        (lambda: ms > 3, "they cannot be compared. Give both a unit"),
        (lambda: ms < 3, "they cannot be compared. Give both a unit"),
        (lambda: ms.to(1_000), "to: 1000 is not a unit"),
    ],
)
def test_what_does_not_go_together_is_an_error_that_names_both(wrong, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        wrong()


@pytest.mark.parametrize("other", ["3", None, [1.0], np.arange(3)])
def test_only_numbers_scale_a_quantity(other: object) -> None:
    for wrong in (lambda: ms * other, lambda: other * ms, lambda: ms / other, lambda: other / ms):
        with pytest.raises(TypeError):
            wrong()


def test_numpy_numbers_scale_a_quantity_from_both_sides() -> None:
    assert np.float64(3) * ms == ms * np.float64(3) == 3 * ms
    assert np.int64(4) * ms == 4 * ms
    assert (np.float64(1) / second) == 1 / second


@pytest.mark.parametrize(
    ("quantity", "text"),
    [
        (0 * ms, "0 ns"),
        (20 * ns, "20 ns"),
        (999.4 * us, "999.4 µs"),
        (1 * ms, "1 ms"),
        (1_500 * ms, "1.5 s"),
        (-1_500 * ms, "-1.5 s"),
        (90 * second, "90 s"),
        (2 * minute, "2 min"),
        (119 * minute, "119 min"),
        (36 * hour, "36 h"),
        (48 * hour, "2 days"),
        (364 * day, "364 days"),
        (1.5 * year, "1.5 years"),
        (math.inf * year, "inf years"),
        (57_870 / second, "57,870 /s"),
        (1_000 / day, "1,000 /day"),
        (0.1 / second, "0.1 /s"),
        (0.0999 / second, "8,631 /day"),
        (999 * byte, "999 B"),
        (1_234_567 * byte, "1.235 MB"),
        (12 * KB, "12 kB"),
        (3 * GB, "3 GB"),
        (4 * TB, "4 TB"),
        (5_000 * PB, "5,000 PB"),
        (0.00012346 * EUR, "0.0001235 EUR"),
        (1_234_567 * EUR, "1,235,000 EUR"),
        (0.5 * EUR / hour, "4,380 EUR/year"),
        (2 * GB / second, "2,000,000,000 s^-1 B^1"),
        (4 * second * second * EUR, "4 s^2 EUR^1"),
    ],
)
def test_a_quantity_prints_in_a_unit_that_fits_its_size(quantity: Quantity, text: str) -> None:
    assert str(quantity) == repr(quantity) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (12_731_481.5, "12,730,000"),
        (99_996, "100,000"),
        (0.033493, "0.03349"),
        (2.5, "2.5"),
        (10, "10"),
        (1_000.04, "1,000"),
        (-0.5, "-0.5"),
        (math.nan, "nan"),
    ],
)
def test_digits_keeps_four_that_matter(value: float, text: str) -> None:
    assert units.digits(value) == text


def test_kinds_have_names() -> None:
    assert [units.kind(value) for value in (3, ms, 1 / ms, GB, EUR, EUR / day, GB / ms)] == [
        "a plain number",
        "a time",
        "a rate",
        "a size",
        "an amount of money",
        "a price for a time",
        "of a mixed kind",
    ]


def test_formulas_and_units_run_where_only_the_standard_library_is() -> None:
    code = (
        "import sys\n"
        "class Refuse:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        top = name.partition('.')[0]\n"
        "        if top not in sys.stdlib_module_names and top != 'mlsd_lib':\n"
        "            raise ImportError(name)\n"
        "sys.meta_path.insert(0, Refuse())\n"
        "from mlsd_lib.capacity.formulas import waiting_probability\n"
        "print(round(waiting_probability(9, 10), 3))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == ("0.669", "")
