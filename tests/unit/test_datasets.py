import copy
import functools
import hashlib
import http.server
import threading

import pandas as pd
import pytest
import yaml

from mlsd_lib import datasets, tables
from mlsd_lib.datasets import DataUnavailable

# Made-up files in the format of the real ones: no line of a public set stands here.
FILES = {
    "cranfield": {
        "cran/cran.all.1400": b".I 1\n.T\nsoup in\na pot .\n.A\ncook,a.\n.B\nkitchen 1.\n.W\nsoup in\na pot .\n"
        b"  it boils .\n.I 2\n.T\n.A\n.B\n.W\n.I 3\n.T\nbread\n.W\na loaf .\n.5 of it is crust .\n",
        "cran/cran.qry": b".I 001\n.W\nhow is soup\nmade .\n.I 004\n.W\nwhat is bread .\n",
        "cran/cranqrel": b"1 1 1 \n1 3 4\n1 2 -1\n2 3 2\n2 1 3\n",
    },
    "vaswani-npl": {
        "share/vaswani_npl/corpus/doc-text.trec": b"<DOC>\n<DOCNO>1</DOCNO>\nsoup  in a\npot\n</DOC>\n"
        b"<DOC>\n<DOCNO>7</DOCNO>\nbread\n</DOC>\n<DOC>\n</DOC>",
        "share/vaswani_npl/query-text.trec": b"<top>\n<num>1</num><title>\nHOT SOUP\n</title>\n</top>\n"
        b"<top>\n<num>2</num><title>\nBREAD\n</title>\n</top>\n",
        "share/vaswani_npl/qrels": b"1 0 1 1\n2 0 7 1\n",
    },
    "chorus-product-ratings": {
        "katas/Broad_Query_Set_individual_ratings.csv": b"query,docid,name,description,agent_1_rating,agent_2_rating,"
        b"agent_3_rating,final_rating\npot,9,Soup pot,,3,2,3,3\npot,4,NA,,0,0,1,0\n"
        b'knife,9,Soup pot,"Steel, 3 l",0,0,0,0\nknife,5,"Knife, \xc3\xbcber",,3,3,3,3\n',
    },
    "norvig-spell-testset1": {"spell-testset1.txt": b"saucepan: saucepen sorcepan\nladle: laddle\n\n"},
    "codespell-dictionary": {
        "codespell_lib/data/dictionary.txt": b"saucepen->saucepan\nladels->ladles, ladels,\nabit->a bit\n"
        b"kettel->kettle, is a name\n"
    },
    "symspell": {
        "SymSpell/frequency_dictionary_en_82_765.txt": b"\xef\xbb\xbfladle 30000000000\nkettle 7\n",
        "SymSpell.Benchmark/test_data/noisy_query_en_1000.txt": b"laedlq ladle 2\nkettle kettle 0\n",
    },
    "open-bandit-men": {
        "obd/random/men/men.csv": b",timestamp,item_id,position,click,propensity_score,user_feature_0,user_feature_1,"
        b"user_feature_2,user_feature_3,user-item_affinity_0\n"
        b"0,2019-11-24 00:03:13.442536+00:00,14,3,0,0.25,ce,03,7b,9b,0.0\n"
        b"1,2019-11-24 00:03:14+00:00,1,1,1,0.25,ce,03,7b,12,1.0\n",
        "obd/bts/men/men.csv": b",timestamp,item_id,position,click,propensity_score,user_feature_0,user_feature_1,"
        b"user_feature_2,user_feature_3,user-item_affinity_0\n"
        b"0,2019-11-24 00:01:03.979311+00:00,2,2,0,0.045,ce,2d,c2,c3,0.0\n",
    },
}
COLLECTIONS = ("cranfield", "vaswani-npl", "chorus-product-ratings")


@pytest.fixture
def source(tmp_path, monkeypatch):
    """A mirror folder with the made-up files, a registry that pins them, and an empty cache."""
    mirror = tmp_path / "mirror"
    registry = yaml.safe_load(datasets.registry_path().read_text(encoding="utf-8"))
    for name, files in FILES.items():
        assert sorted(files) == sorted(entry["path"] for entry in registry["datasets"][name]["files"])
        for entry in registry["datasets"][name]["files"]:
            content = files[entry["path"]]
            entry |= {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
            entry["url"] = "http://127.0.0.1:9/" + entry["path"]
            (mirror / name / entry["path"]).parent.mkdir(parents=True, exist_ok=True)
            (mirror / name / entry["path"]).write_bytes(content)
    (tmp_path / "registry.yml").write_text(yaml.safe_dump(registry), encoding="utf-8")
    monkeypatch.setattr(datasets, "registry_path", lambda: tmp_path / "registry.yml")
    monkeypatch.setattr(datasets.platformdirs, "user_cache_path", lambda app: tmp_path / "cache" / app)
    monkeypatch.setattr(datasets, "RETRIES", 0)
    monkeypatch.setenv(datasets.MIRROR, str(mirror))
    return mirror


@pytest.fixture
def server(source):
    """The mirror over HTTP; gives its address and the list of paths that were asked for."""
    asked = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

        def do_GET(self):
            asked.append(self.path)
            super().do_GET()

    handler = functools.partial(Handler, directory=str(source))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}", asked
        running.shutdown()
        thread.join()


def cached(source):
    cache = source.parent / "cache"
    return sorted(str(path.relative_to(cache)) for path in cache.rglob("*") if path.is_file())


@pytest.mark.parametrize("name", sorted(FILES))
def test_every_set_comes_with_its_hashes_and_terms(source, name):
    dataset = datasets.load(name)
    assert set(dataset.sha256) == set(FILES[name])
    assert dataset.licence == datasets.describe(name).licence
    assert dataset.citation == datasets.describe(name).citation
    assert sorted(FILES) == datasets.names()


@pytest.mark.parametrize("name", COLLECTIONS)
def test_every_collection_comes_as_sound_tables(source, name):
    dataset = datasets.load(name)
    documents, queries = tables.documents(dataset.documents), tables.queries(dataset.queries)
    assert len(tables.judgments(dataset.judgments, documents=documents, queries=queries)) > 0


def test_cranfield_is_renumbered_and_its_codes_become_grades(source):
    dataset = datasets.load("cranfield")
    assert dataset.documents.to_dict("list") == {
        "doc_id": [1, 2, 3],
        "title": ["soup in a pot .", "", "bread"],
        "text": ["soup in a pot . it boils .", "", "a loaf . .5 of it is crust ."],
    }
    assert dataset.queries["query_id"].tolist() == [1, 2]
    assert dataset.queries["source_id"].tolist() == [1, 4]
    assert dataset.queries["text"].tolist() == ["how is soup made .", "what is bread ."]
    assert dataset.judgments[["query_id", "doc_id", "grade"]].to_numpy().tolist() == [
        [1, 1, 4],
        [1, 3, 1],
        [1, 2, 0],
        [2, 3, 3],
        [2, 1, 2],
    ]


def test_open_bandit_is_one_table_of_two_policies_without_affinities(source):
    rows = datasets.load("open-bandit-men").impressions
    assert rows.columns.tolist() == [
        *["policy", "ts", "item_id", "position", "clicked", "propensity"],
        *[f"user_feature_{number}" for number in range(4)],
    ]
    assert rows["policy"].tolist() == ["even", "even", "learned"]
    assert rows["ts"].iloc[1] == pd.Timestamp("2019-11-24 00:03:14", tz="UTC")
    assert rows[["item_id", "position", "clicked", "propensity"]].to_numpy().tolist() == [
        [14, 3, False, 0.25],
        [1, 1, True, 0.25],
        [2, 2, False, 0.045],
    ]
    assert rows["clicked"].dtype == bool
    assert rows["user_feature_3"].tolist() == ["9b", "12", "c3"]


def test_vaswani_is_lower_cased_and_has_no_titles(source):
    dataset = datasets.load("vaswani-npl")
    assert dataset.documents.to_numpy().tolist() == [[1, "", "soup in a pot"], [7, "", "bread"]]
    assert dataset.queries.to_numpy().tolist() == [[1, "hot soup"], [2, "bread"]]
    assert dataset.judgments.to_numpy().tolist() == [[1, 1, 1], [2, 7, 1]]


def test_chorus_has_a_row_a_product_and_keeps_its_raters(source):
    dataset = datasets.load("chorus-product-ratings")
    assert dataset.documents.to_numpy().tolist() == [
        [9, "Soup pot", "Steel, 3 l"],
        [4, "NA", ""],
        [5, "Knife, über", ""],
    ]
    assert dataset.queries.to_numpy().tolist() == [[1, "pot"], [2, "knife"]]
    assert dataset.judgments.to_numpy().tolist() == [
        [1, 9, 3, 3, 2, 3],
        [1, 4, 0, 0, 0, 1],
        [2, 9, 0, 0, 0, 0],
        [2, 5, 3, 3, 3, 3],
    ]


def test_misspellings_have_a_row_each_and_one_correction(source):
    assert datasets.load("norvig-spell-testset1").errors.to_numpy().tolist() == [
        ["saucepen", "saucepan"],
        ["sorcepan", "saucepan"],
        ["laddle", "ladle"],
    ]
    assert datasets.load("codespell-dictionary").errors.to_numpy().tolist() == [
        ["saucepen", "saucepan"],
        ["abit", "a bit"],
    ]


def test_words_have_counts_and_noisy_words_their_edits(source):
    dataset = datasets.load("symspell")
    assert dataset.words.to_numpy().tolist() == [["ladle", 30_000_000_000], ["kettle", 7]]
    assert dataset.errors.to_numpy().tolist() == [["laedlq", "ladle", 2], ["kettle", "kettle", 0]]


def test_licence_and_citation_are_shown_before_a_download_and_not_after(source, capsys):
    datasets.load("cranfield")
    told = capsys.readouterr().err
    about = datasets.describe("cranfield")
    assert about.licence in told
    assert about.citation in told
    datasets.load("cranfield")
    assert capsys.readouterr() == ("", "")


def test_the_cache_is_used_where_the_source_is_gone(source, monkeypatch):
    before = datasets.load("cranfield")
    monkeypatch.setenv(datasets.MIRROR, str(source / "nowhere"))
    pd.testing.assert_frame_equal(datasets.load("cranfield").judgments, before.judgments)


def test_a_mirror_may_be_a_base_url(server, monkeypatch, capsys):
    address, asked = server
    monkeypatch.setenv(datasets.MIRROR, address + "/")
    assert len(datasets.load("cranfield").documents) == 3
    assert asked == [f"/cranfield/{path}" for path in FILES["cranfield"]]
    assert "100%" in capsys.readouterr().err  # the progress bar


def test_without_a_mirror_the_pinned_address_is_used(server, source, monkeypatch):
    address, asked = server
    registry = (source.parent / "registry.yml").read_text().replace("http://127.0.0.1:9", address + "/cranfield")
    (source.parent / "registry.yml").write_text(registry)
    monkeypatch.delenv(datasets.MIRROR)
    assert len(datasets.load("cranfield").documents) == 3
    assert asked == [f"/cranfield/{path}" for path in FILES["cranfield"]]


@pytest.mark.parametrize(
    "damage", [lambda content: content[:-5], lambda content: b"X" + content[1:], lambda content: b""]
)
@pytest.mark.parametrize("over", ["folder", "http"])
def test_a_truncated_or_altered_file_is_refused_and_removed(server, source, monkeypatch, damage, over):
    if over == "http":
        monkeypatch.setenv(datasets.MIRROR, server[0])
    path = source / "cranfield" / "cran" / "cranqrel"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(
        DataUnavailable, match=r"^cranfield: cran/cranqrel from .* was refused and removed: it is trunc"
    ):
        datasets.load("cranfield")
    assert not [name for name in cached(source) if "cranqrel" in name or "tmp" in name]
    assert path.is_file()  # the mirror is not ours to clean


def test_an_altered_file_in_the_cache_is_fetched_again(source, capsys):
    before = datasets.load("cranfield")
    path = source.parent / "cache" / "mlsd-lib" / "data" / "cranfield" / "cran" / "cranqrel"
    path.write_bytes(path.read_bytes().replace(b"-1", b" 1"))
    capsys.readouterr()
    pd.testing.assert_frame_equal(datasets.load("cranfield").judgments, before.judgments)
    assert "cran/cranqrel was altered, so it was removed and is fetched again" in capsys.readouterr().err


def test_an_altered_file_in_the_cache_is_removed_even_where_it_cannot_be_fetched(source, monkeypatch):
    datasets.load("cranfield")
    path = source.parent / "cache" / "mlsd-lib" / "data" / "cranfield" / "cran" / "cranqrel"
    path.write_bytes(b"1 1 1\n")
    monkeypatch.setenv(datasets.MIRROR, str(source / "nowhere"))
    with pytest.raises(DataUnavailable, match="cranqrel cannot be had"):
        datasets.load("cranfield")
    assert not path.exists()


@pytest.mark.parametrize("mirror", [None, "http://127.0.0.1:9", "nowhere", "gopher://127.0.0.1"])
def test_offline_is_one_clear_sentence(source, monkeypatch, mirror):
    if mirror:
        monkeypatch.setenv(datasets.MIRROR, mirror)
    else:
        monkeypatch.delenv(datasets.MIRROR)
    with pytest.raises(DataUnavailable) as caught:
        datasets.load("cranfield")
    assert "cranfield: cran/cran.all.1400 cannot be had from" in str(caught.value)
    assert "Connect to the internet, or set MLSD_DATA_MIRROR" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.__suppress_context__
    assert caught.value.__cause__ is None


def test_a_file_that_the_server_lacks_is_named_with_its_status(server, source, monkeypatch):
    monkeypatch.setenv(datasets.MIRROR, server[0])
    (source / "cranfield" / "cran" / "cran.qry").unlink()
    with pytest.raises(DataUnavailable, match=r"cran/cran\.qry cannot be had from http://127.* \(HTTP status 404\)"):
        datasets.load("cranfield")


def test_a_failed_download_is_tried_again(server, source, monkeypatch):
    monkeypatch.setenv(datasets.MIRROR, server[0])
    monkeypatch.setattr(datasets, "RETRIES", 2)
    path = source / "cranfield" / "cran" / "cran.qry"
    content = path.read_bytes()
    path.unlink()
    waits = []

    def mend(seconds):
        waits.append(seconds)
        path.write_bytes(content)

    monkeypatch.setattr(datasets.pooch.core.time, "sleep", mend)
    assert len(datasets.load("cranfield").queries) == 2
    assert len(waits) == 1


def test_names_and_descriptions_come_from_the_registry():
    assert set(datasets.names()) == set(FILES)
    for name in datasets.names():
        about = datasets.describe(name)
        assert about.tier in "ABC"
        for part in (name, about.licence, about.citation, *about.quirks):
            assert part in str(about)
        for file in about.files:
            assert file.url.startswith("https://")
            assert file.url.endswith("/" + file.path)
            assert len(file.sha256) == 64
    with pytest.raises(
        ValueError,
        match=r"there is no 'cranfeld'\. Choose one of chorus-product-ratings, codespell",
    ):
        datasets.describe("cranfeld")
    with pytest.raises(ValueError, match="there is no 'cranfeld'"):
        datasets.load("cranfeld")


def test_every_set_has_a_card():
    cards = datasets.registry_path().parent / "cards"
    for name in datasets.names():
        card = (cards / f"{name}.md").read_text(encoding="utf-8")
        for heading in ("Origin", "Licence", "Tables", "Quirks", "Limits", "Reference figures", "Not for"):
            assert f"\n## {heading}\n" in card
        assert datasets.describe(name).citation.split(",")[0] in card


def test_a_table_that_a_set_lacks_is_named(source):
    dataset = datasets.load("cranfield")
    with pytest.raises(AttributeError, match="cranfield has no table 'movies'; it has documents, queries, judgments"):
        _ = dataset.movies
    assert copy.copy(dataset).documents is dataset.documents


def test_a_cache_that_cannot_be_written_is_one_sentence(source, monkeypatch):
    (source.parent / "cache").write_text("a file where a folder should be")
    with pytest.raises(DataUnavailable, match=r"cannot be had .*\(NotADirectoryError\)|cannot be had .*FileExists"):
        datasets.load("cranfield")
