"""A system may see the public tables; nothing that it learns or computes comes from the truth of a world."""

import ast
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import mlsd_lib.systems
from mlsd_lib.architecture import System
from mlsd_lib.systems import search
from mlsd_lib.worlds.search import SearchWorld
from mlsd_lib.worlds.search.people import People
from mlsd_lib.worlds.search.truth import Grader
from mlsd_lib.worlds.search.web import Web

from .conftest import Lesson

FOLDER = Path(mlsd_lib.systems.__file__).parent


def imported(file: Path) -> set[str]:
    """Every module that a file imports, or may import a part of."""
    package = ["mlsd_lib", "systems", *file.relative_to(FOLDER).parts[:-1]]
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {one.name for one in node.names}
        if isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*above, *([node.module] if node.module else [])])
            names |= {module, *(f"{module}.{one.name}" for one in node.names)}
    return names


def test_systems_import_nothing_of_worlds() -> None:
    files = [file for file in FOLDER.rglob("*.py") if file.relative_to(FOLDER).parts[0] == "search"]
    assert len(files) > 10
    seen = {file.name: imported(file) for file in files}
    assert "mlsd_lib.systems.search.index" in seen["features.py"]  # imports are found at all
    for name, modules in seen.items():
        strange = {module for module in modules if module.startswith("mlsd_lib.worlds")}
        assert not strange, f"{name} imports {strange}"
        assert not {"importlib.import_module", "sys"} & modules, name


@pytest.fixture(scope="module")
def tables(lesson: Lesson, engine: System, judgments: pd.DataFrame) -> dict[str, pd.DataFrame]:
    asked = lesson.asked.head(500)
    return {
        "documents": lesson.world.documents,
        "queries": lesson.queries,
        "judgments": judgments,
        "log": lesson.world.respond(asked, engine.run(asked), seed=9),
        "requests": lesson.exam.head(200),
    }


def three(tables: dict[str, pd.DataFrame], exam: pd.DataFrame | None = None) -> list[pd.DataFrame]:
    """What a system by rules, one taught by judgments and one taught by clicks show, with the features they read."""
    documents, requests = tables["documents"], tables["requests"] if exam is None else exam
    systems = (
        search.fit(documents),
        search.fit(documents, tables["queries"], tables["judgments"], unjudged="left out"),
        search.fit(documents, log=tables["log"]),
    )
    return [search.with_features(system).run(requests) for system in systems]


@pytest.fixture(scope="module")
def expected(tables: dict[str, pd.DataFrame]) -> list[pd.DataFrame]:
    return three(tables)


def assert_same(got: list[pd.DataFrame], expected: list[pd.DataFrame]) -> None:
    for one, other in zip(got, expected, strict=True):
        pd.testing.assert_frame_equal(one, other, check_exact=True)


def test_fit_and_run_work_where_asking_for_the_truth_is_an_error(tables, expected, monkeypatch) -> None:
    def forbidden(*args: object, **kwargs: object) -> None:
        raise AssertionError("the truth was asked for")

    for owner, names in {
        Grader: ("grade", "relevant"),
        People: ("asked", "homes", "activity", "patience"),
        SearchWorld: ("truth", "oracle", "judge", "respond", "sessions", "requests"),
    }.items():
        for name in names:
            monkeypatch.setattr(owner, name, forbidden)
    with pytest.raises(AssertionError, match="the truth was asked for"):
        SearchWorld(documents=500).truth(tables["requests"])
    assert_same(three(tables), expected)


def test_tables_carry_nothing_but_their_values(tables, expected) -> None:
    """Frames built anew from plain lists give the same rows: no attribute, index or object smuggles the truth in."""
    anew = {
        name: pd.DataFrame({str(column): table[column].tolist() for column in table}) for name, table in tables.items()
    }
    assert_same(three(anew), expected)


def test_columns_that_tell_the_truth_are_not_read(lesson: Lesson, tables, expected) -> None:
    """The same truth under the names that a leak would have, in every table."""
    web: Web = lesson.world._web
    best = lesson.truth.requests.set_index("request_id").loc[tables["requests"]["request_id"]]
    told = {
        "documents": {"quality": web.quality, "official": web.official, "topic": web.topic, "entity": web.entity},
        "requests": {"intent": best["intent"], "rewritten": best["query"], "query_id": best["query_id"]},
        "queries": {"intent": "local", "grade": 3},
        "judgments": {"true_grade": 3, "text": "pizza", "place": "Rome"},
        "log": {"grade": 3, "intent": "local", "rewritten": "pizza"},
    }
    leaky = {
        name: table.assign(**{column: np.asarray(values) for column, values in told[name].items()})
        for name, table in tables.items()
    }
    assert_same(three(leaky), expected)


def test_ids_are_names_only(tables, expected) -> None:
    """In the world all that is true of a request or a document is a function of its id; a system must not use that."""
    rng = np.random.default_rng(8)
    renamed = {name: table.copy() for name, table in tables.items()}
    back: dict[str, dict[str, int]] = {}
    for column in ("doc_id", "query_id", "request_id", "user_id", "session_id"):
        holding = [name for name in tables if column in tables[name]]
        ids = np.unique(np.concatenate([tables[name][column].to_numpy() for name in holding]))
        new = [f"{column} {number}" for number in rng.permutation(len(ids))]
        back[column] = dict(zip(new, ids.tolist(), strict=True))
        for name in holding:
            renamed[name][column] = tables[name][column].map(dict(zip(ids.tolist(), new, strict=True)))
    got = three(renamed)
    for one in got:
        for column in ("doc_id", "request_id"):
            one[column] = one[column].map(back[column])
    assert_same(got, expected)


def test_a_world_with_the_same_pages_and_another_truth_makes_no_other_feature(lesson: Lesson, tables, expected) -> None:
    world = SearchWorld(seed=0, documents=1_000)
    shuffled = np.random.default_rng(4).permutation(1_000)
    web = world._web
    hidden = {
        name: getattr(web, name)[shuffled] for name in ("topic", "entity", "official", "quality", "kind", "wording")
    }
    other = SearchWorld(seed=0, documents=1_000)
    vars(other)["_web"] = replace(web, **hidden)
    requests = tables["requests"]
    then, now = world.truth(requests).judgments, other.truth(requests).judgments
    assert len(then.merge(now, on=["query_id", "doc_id"])) < 0.1 * len(then)  # it is another truth
    pd.testing.assert_frame_equal(other.documents, world.documents)
    got = search.with_features(search.fit(other.documents)).run(requests)
    pd.testing.assert_frame_equal(got, expected[0], check_exact=True)


def test_judgments_clicks_and_positions_reach_no_feature(tables, expected) -> None:
    """Where the understanding stays by rules, features are the same whatever was judged or clicked, and where."""
    served = [column for column in expected[0] if column.startswith("feature_")]
    documents, log = tables["documents"], tables["log"]
    shown = search.with_features(search.fit(documents, keep=60, show=60))
    logged = shown.run(tables["requests"])
    plain = logged.merge(tables["requests"], on="request_id").assign(clicked=log["clicked"].iloc[0])
    rng = np.random.default_rng(2)
    turned = plain.groupby("request_id")["position"].transform("max") - plain["position"] + 1
    seen = []
    for clicked, position in (
        (rng.random(len(plain)) < 0.1, plain["position"]),
        (rng.random(len(plain)) < 0.3, turned),
    ):
        system = search.fit(documents, log=plain.assign(clicked=clicked, position=position), keep=60, show=60)
        rows = search.with_features(system).run(tables["requests"])
        seen.append(rows.sort_values(["request_id", "doc_id"], ignore_index=True))
    assert (seen[0]["position"] != seen[1]["position"]).mean() > 0.3  # they learned something else
    first = logged.sort_values(["request_id", "doc_id"], ignore_index=True)
    for rows in seen:
        pd.testing.assert_frame_equal(rows[["doc_id", *served]], first[["doc_id", *served]], check_exact=True)
