import json
import os

import pandas as pd
import pytest

from mlsd_lib import archive, datasets, real, real_search, tables
from mlsd_lib.datasets import DataUnavailable

RESULTS = real.Results(
    name="search",
    numbers={"ndcg": 0.373487, "queries": 225},
    data={"cranfield/a": "00"},
    seed=0,
    library="0.1.0",
    command="mlsd real search",
)


@pytest.fixture
def project(tmp_path, monkeypatch):
    """An empty folder for stored results, and a computation that gives `RESULTS`."""
    monkeypatch.setattr(real, "_path", lambda name: tmp_path / "results" / f"{name}.json")
    monkeypatch.setattr(real, "compute", lambda name: RESULTS)
    return tmp_path


def changed(**changes):
    return real.Results(**{**vars(RESULTS), **changes})


def test_what_was_stored_is_verified(project, capsys):
    assert real.run("search", refresh=True) == 0
    assert real.results("search") == RESULTS
    capsys.readouterr()
    assert real.run("search") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == ["✓", "ndcg", "0.373487", "0.373487"]
    assert lines[2].split() == ["✓", "queries", "225", "225"]


@pytest.mark.parametrize(
    ("computed", "told"),
    [
        (changed(numbers={"ndcg": 0.3736, "queries": 225}), "✗ ndcg"),
        (changed(numbers={"ndcg": 0.373487, "queries": 224}), "✗ queries"),
        (changed(numbers={"ndcg": 0.373487}), "✗ queries"),
        (changed(numbers={**RESULTS.numbers, "recall": 0.5}), "✗ recall"),
        (changed(data={"cranfield/a": "01"}), "✗ cranfield/a: not the file"),
    ],
)
def test_a_value_or_a_file_that_differs_fails_by_name(project, monkeypatch, capsys, computed, told):
    real.run("search", refresh=True)
    monkeypatch.setattr(real, "compute", lambda name: computed)
    assert real.run("search") == real.DIFFERENT == 1
    assert told in capsys.readouterr().out


def test_the_last_digit_may_differ_between_machines(project, monkeypatch):
    real.run("search", refresh=True)
    monkeypatch.setattr(real, "compute", lambda name: changed(numbers={"ndcg": 0.373488, "queries": 225}))
    assert real.run("search") == 0


def test_learned_values_may_differ_a_little_more_and_others_may_not(project, monkeypatch):
    monkeypatch.setattr(real, "compute", lambda name: changed(numbers={"x_learned_more": 0.07, "x_ndcg": 0.37}))
    real.run("search", refresh=True)
    for numbers, code in [
        ({"x_learned_more": 0.0739, "x_ndcg": 0.37}, 0),
        ({"x_learned_more": 0.0761, "x_ndcg": 0.37}, 1),
        ({"x_learned_more": 0.07, "x_ndcg": 0.3739}, 1),
    ]:
        monkeypatch.setattr(real, "compute", lambda name, numbers=numbers: changed(numbers=numbers))
        assert real.run("search") == code


def test_every_query_is_ranked_once_by_a_system_that_did_not_learn_from_it():
    queries = pd.DataFrame({"query_id": range(100, 123), "text": "pizza"})
    requests = tables.as_requests(queries)
    taught = []

    def answers(train, asked):
        assert not set(train["query_id"]) & set(asked["query_id"])
        taught.append(len(train))
        return pd.Series(asked["query_id"].to_numpy() / 1_000, index=pd.Index(asked["request_id"]))

    values = real_search.cross_validated(queries, requests, answers)
    assert values.index.tolist() == requests["request_id"].tolist()
    assert (values * 1_000).round().astype(int).tolist() == queries["query_id"].tolist()
    assert len(taught) == 5
    assert sum(23 - n for n in taught) == 23


def test_corrections_and_spoiled_words_are_shares_of_words():
    errors = pd.DataFrame(
        {"wrong": ["Piza", "taxxi", "tabel", "table"], "right": ["pizza", "taxi", "Table", "table"], "edits": 1}
    )
    rewriter = real_search.Rewriter.of_words({"pizza": 5, "table": 5})
    values = real_search._correction("demo", errors, rewriter)
    assert values["demo_corrected"] == 0.75  # taxi is not in the list
    assert values["demo_spoiled"] == 0.0
    assert values["demo_errors"] == 4
    assert real_search._correction("demo", errors, real_search.Rewriter.of_words({"tax": 9}))["demo_spoiled"] == 1 / 3


def test_where_the_data_cannot_be_had_there_is_one_sentence_and_a_code_of_its_own(project, monkeypatch, capsys):
    def unavailable(name):
        raise DataUnavailable("cranfield: cannot be had.")

    real.run("search", refresh=True)
    stored = (project / "results" / "search.json").read_bytes()
    capsys.readouterr()
    monkeypatch.setattr(real, "compute", unavailable)
    for refresh in (False, True):
        assert real.run("search", refresh=refresh) == real.UNAVAILABLE == 2
        assert capsys.readouterr() == ("", "cranfield: cannot be had.\n")
    assert (project / "results" / "search.json").read_bytes() == stored


def test_results_that_are_missing_damaged_or_unknown_are_told(project, capsys):
    assert real.run("search") == real.DIFFERENT
    assert "nothing is stored yet; mlsd real search --refresh stores it" in capsys.readouterr().err
    with pytest.raises(ValueError, match=r"data/results/search\.json is missing"):
        real.results("search")
    (project / "results").mkdir()
    for damaged in ("{", "[]", json.dumps({"name": "search"})):
        (project / "results" / "search.json").write_text(damaged)
        with pytest.raises(ValueError, match=r"data/results/search\.json cannot be read"):
            real.results("search")


@pytest.mark.parametrize("act", [real.run, real.results, real.compute])
def test_an_unknown_suite_is_refused(act):
    with pytest.raises(ValueError, match=r"there is no suite 'feed'\. Choose one of search"):
        act("feed")


def test_an_installed_package_says_that_results_lie_in_the_repository(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "__file__", str(tmp_path / "site-packages" / "mlsd_lib" / "archive.py"))
    with pytest.raises(ValueError, match="lies in the project's repository, not in the installed package"):
        real.results("search")


def test_the_committed_results_meet_the_reference_figures_of_the_cards():
    stored = real.results("search")
    numbers = stored.numbers
    assert numbers["cranfield_ndcg_10"] == pytest.approx(0.374, abs=0.005)
    assert numbers["cranfield_recall_100"] == pytest.approx(0.738, abs=0.005)
    assert (numbers["cranfield_queries"], numbers["vaswani_queries"], numbers["chorus_queries"]) == (225, 93, 98)
    assert (numbers["norvig_errors"], numbers["codespell_errors"], numbers["symspell_synthetic_errors"]) == (
        270,
        58_927,
        1_000,
    )
    with_interval = [name.removesuffix("_low") for name in numbers if name.endswith("_low")]
    assert len(with_interval) == 14
    for name in with_interval:
        assert numbers[f"{name}_low"] < numbers[name] < numbers[f"{name}_high"]
    for short in ("cranfield", "vaswani", "chorus"):
        more = numbers[f"{short}_learned_ndcg_10"] - numbers[f"{short}_ndcg_10"]
        assert numbers[f"{short}_learned_more"] == pytest.approx(more, abs=1e-5)
    assert stored.data == pinned("search")


def test_the_committed_results_of_ads_meet_the_card_and_are_too_few_to_decide():
    stored = real.results("ads")
    numbers = stored.numbers
    assert (numbers["even_clicks"], numbers["learned_clicks"]) == (46, 69)
    assert (numbers["even_impressions"], numbers["learned_impressions"], numbers["items"]) == (10_000, 10_000, 34)
    assert (numbers["even_ctr"], numbers["learned_ctr"]) == (0.0046, 0.0069)
    with_interval = [name.removesuffix("_low") for name in numbers if name.endswith("_low")]
    assert len(with_interval) == 12
    for name in with_interval:
        assert numbers[f"{name}_low"] < numbers[name] < numbers[f"{name}_high"]
    for way in ("replay", "weights", "normalised", "doubly_robust"):
        for ctr in ("even_ctr", "learned_ctr"):  # no estimate tells the two policies apart
            assert numbers[f"learned_by_{way}_low"] < numbers[ctr] < numbers[f"learned_by_{way}_high"]
    assert numbers["gap_by_even_low"] < 0 < numbers["gap_by_even"] < numbers["gap_by_even_high"]
    assert numbers["gap"] == pytest.approx(0.0023)
    assert 10_000 < numbers["needed_side_by_side"] < numbers["needed_by_even"] < numbers["needed_for_a_tenth"]
    assert numbers["clicks_for_a_tenth"] > 30 * numbers["even_clicks"]
    assert stored.data == pinned("ads")


def pinned(suite):
    """The sha256 of every file that the suite reads: all of the registry but those of the other suites."""
    ads = ("open-bandit-men",)
    named = [name for name in datasets.names() if (name in ads) == (suite == "ads")]
    return {f"{name}/{file.path}": file.sha256 for name in named for file in datasets.describe(name).files}


needs_mirror = pytest.mark.skipif(
    not os.environ.get(datasets.MIRROR), reason=f"real data: set {datasets.MIRROR} to a mirror, or run mlsd real search"
)


@pytest.fixture
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets.platformdirs, "user_cache_path", lambda app: tmp_path / app)


@needs_mirror
@pytest.mark.usefixtures("empty_cache")
@pytest.mark.parametrize("suite", real.SUITES)
def test_the_real_sets_give_what_is_stored(suite):
    assert real.run(suite) == 0


@needs_mirror
@pytest.mark.usefixtures("empty_cache")
@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("cranfield", {"documents": 1_400, "queries": 225, "judgments": 1_837}),
        ("vaswani-npl", {"documents": 11_429, "queries": 93, "judgments": 2_083}),
        ("chorus-product-ratings", {"documents": 2_349, "queries": 135, "judgments": 3_188}),
        ("norvig-spell-testset1", {"errors": 270}),
        ("codespell-dictionary", {"errors": 58_927}),
        ("symspell", {"words": 82_834, "errors": 1_000}),
        ("open-bandit-men", {"impressions": 20_000}),
    ],
)
def test_the_real_sets_have_the_rows_that_their_cards_name(name, rows):
    dataset = datasets.load(name)
    assert {table: len(frame) for table, frame in dataset.tables.items()} == rows
    assert not any(frame.isna().to_numpy().any() for frame in dataset.tables.values())
    card = (datasets.registry_path().parent / "cards" / f"{name}.md").read_text(encoding="utf-8")
    for table, count in rows.items():
        assert f"| {table} | {count:,} |" in card
    if name == "cranfield":
        assert dataset.documents.loc[dataset.documents["text"] == "", "doc_id"].tolist() == [471, 995]
        assert dataset.judgments["code"].value_counts().to_dict() == {3: 734, 2: 387, 4: 363, -1: 225, 1: 128}


def test_products_are_ranked_by_name_and_those_without_a_word_come_last_in_any_order():
    chorus = datasets.Dataset(
        name="chorus",
        tables={
            "documents": pd.DataFrame(
                {"doc_id": [1, 2, 3, 4, 5], "title": ["cup", "lid", "soup pot", "pot", "jar"], "text": "pot pot"}
            ),
            "queries": pd.DataFrame({"query_id": [1, 2], "text": ["pot", "cup"]}),
            "judgments": pd.DataFrame(
                {"query_id": [1] * 5 + [2], "doc_id": [5, 2, 3, 1, 4, 1], "grade": [0, 0, 3, 1, 2, 3]}
            ),
        },
        licence="",
        citation="",
        sha256={},
    )
    requests = real_search._worth_ranking(chorus)
    assert requests["query_id"].tolist() == [1]  # the other query has one product only
    orders = [ranked["doc_id"].tolist() for ranked in real_search._ranked_by_name(chorus, requests)]
    assert {tuple(order[:2]) for order in orders} == {(4, 3)}
    assert {tuple(sorted(order[2:])) for order in orders} == {(1, 2, 5)}
    assert len({tuple(order[2:]) for order in orders}) > 3
    assert all(
        ranked["position"].tolist() == [1, 2, 3, 4, 5] for ranked in real_search._ranked_by_name(chorus, requests)
    )
