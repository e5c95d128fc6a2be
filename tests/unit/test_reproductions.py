"""Published results are rows that were written before the run: whole, unique, and with a tolerance."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mlsd_lib import reproductions
from mlsd_lib.reproductions import Reproduction, load

ROW = """\
fan-out-100:
  chapter: chapters/framework/02-scale-and-latency
  what: Share of requests that wait for a slow server
  published: 0.634
  tolerance: 0.01
  unit: share
  source: dean2013tail
  kind: simulated
"""
DIRECTION = ROW.replace("published: 0.634", "published_text: the order reverses").replace("tolerance:", "at_least:")


def read(folder: Path, text: str) -> dict[str, Reproduction]:
    file = folder / "rows.yml"
    file.write_text(text, "utf8")
    return load(file)


def number(published: float, tolerance: float) -> Reproduction:
    return Reproduction("key", "a", "what", "ms", "x2020", "computed", published=published, tolerance=tolerance)


def test_a_row_is_read_as_it_is_written(tmp_path: Path) -> None:
    assert read(tmp_path, ROW) == {
        "fan-out-100": Reproduction(
            key="fan-out-100",
            chapter="chapters/framework/02-scale-and-latency",
            what="Share of requests that wait for a slow server",
            unit="share",
            source="dean2013tail",
            kind="simulated",
            published=0.634,
            tolerance=0.01,
        )
    }


def test_a_file_of_comments_holds_no_row(tmp_path: Path) -> None:
    assert read(tmp_path, "# nothing yet\n") == {}


@pytest.mark.parametrize(
    ("value", "good"), [(0.624, True), (0.644, True), (0.634, True), (0.6239, False), (0.6441, False)]
)
def test_the_tolerance_itself_is_within(value: float, good: bool) -> None:
    assert number(0.634, 0.01).within(value) is good


def test_a_tolerance_of_zero_asks_for_the_very_number() -> None:
    assert number(20.0, 0.0).within(20.0)
    assert not number(20.0, 0.0).within(20.001)


def test_a_direction_holds_from_its_limit_on(tmp_path: Path) -> None:
    row = read(tmp_path, DIRECTION)["fan-out-100"]
    assert [row.within(value) for value in (0.01, 5.0, 0.0099)] == [True, True, False]
    both = replace(row, at_most=2.0)
    assert [both.within(value) for value in (0.0, 0.01, 2.0, 2.1)] == [False, True, True, False]
    assert both.limits == "at least 0.01 and at most 2"
    assert row.promise == "published: the order reverses; counts if at least 0.01"


def test_a_key_that_stands_twice_is_refused_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"line 9: 'fan-out-100' is there twice"):
        read(tmp_path, ROW + ROW)


def test_a_field_that_stands_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"line 9: 'published' is there twice"):
        read(tmp_path, ROW + "  published: 0.6\n")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (ROW.replace("fan-out-100", "fan_out"), "'fan_out' is no key"),
        (ROW.replace("fan-out-100", "Fan-out"), "'Fan-out' is no key"),
        (ROW.replace("  source: dean2013tail\n", ""), "'fan-out-100' has no source"),
        (ROW.replace("what: Share of requests that wait for a slow server", "what: ''"), "has no what"),
        (ROW.replace("kind: simulated", "kind: guessed"), "of the kind 'guessed'"),
        (ROW.replace("  tolerance: 0.01\n", ""), "needs published and a tolerance"),
        (ROW.replace("tolerance: 0.01", "tolerance: -0.01"), "a tolerance of at least 0"),
        (ROW.replace("0.634", ".nan"), "published is nan"),
        (ROW.replace("0.634", "63 %"), "published is '63 %'"),
        (ROW + "  at_least: 0.5\n", "needs published and a tolerance"),
        (ROW + "  published_text: more\n", "neither published nor tolerance"),
        (DIRECTION.replace("  at_least: 0.01\n", ""), "needs at_least or at_most"),
        (ROW + "  tolerence: 1\n", "has the field 'tolerence'"),
        ("fan-out-100: 0.634\n", "'fan-out-100' has no fields"),
        ("- fan-out-100\n", "expected rows"),
        ("a: [\n", "not valid"),
    ],
)
def test_a_row_that_cannot_be_checked_is_refused_by_name(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read(tmp_path, text)


def test_a_library_without_its_repository_says_where_the_file_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reproductions, "__file__", str(tmp_path / "mlsd_lib" / "reproductions.py"))
    with pytest.raises(ValueError, match=r"not in the installed package\. Clone the repository"):
        reproductions.path()
