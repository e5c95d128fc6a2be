import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mlsd_lib.metrics import sequence

THEIRS = json.loads(Path(__file__).with_name("seqeval-strict.json").read_text(encoding="utf-8"))


def text(*sentences, doc="d"):
    rows = [(doc, place, token, tag) for place, tags in enumerate(sentences) for token, tag in enumerate(tags)]
    return pd.DataFrame(rows, columns=["doc_id", "sentence_id", "token_id", "tag"])


def read(tags):
    """Strict spans from the written-out tags of one sentence: a B and the I of its type that follow at once."""
    found = []
    for match in re.finditer(r"(\d+):B-(\w+) ((?:\d+:I-\2 )*)", "".join(f"{n}:{tag} " for n, tag in enumerate(tags))):
        start = int(match[1])
        found.append((start, start + match[3].count(" "), match[2]))
    return found


def random_text(seed, sentences=200):
    rng = np.random.default_rng(seed)
    tags = ["O", "O", "B-PER", "I-PER", "B-LOC", "I-LOC"]
    return [rng.choice(tags, size=rng.integers(1, 12)).tolist() for _ in range(sentences)]


def test_spans_are_those_of_strict_reading():
    sentences = random_text(1)
    wanted = [(place, *span) for place, tags in enumerate(sentences) for span in read(tags)]
    found = sequence.spans(text(*sentences).sample(frac=1, random_state=0))
    assert found.columns.tolist() == ["doc_id", "sentence_id", "start", "end", "type"]
    assert found[["sentence_id", "start", "end", "type"]].to_numpy().tolist() == [list(row) for row in wanted]


@pytest.mark.parametrize(
    ("tags", "wanted"),
    [
        (["I-PER", "I-PER"], []),
        (["O", "I-PER"], []),
        (["B-PER", "I-LOC", "I-LOC"], [[0, 0, "PER"]]),
        (["B-PER", "O", "I-PER"], [[0, 0, "PER"]]),
        (["B-PER", "B-PER", "I-PER"], [[0, 0, "PER"], [1, 2, "PER"]]),
        (["B-PER", "I-PER", "I-LOC", "I-PER"], [[0, 1, "PER"]]),
        (["O", "O"], []),
    ],
)
def test_an_i_tag_that_goes_on_with_nothing_belongs_to_no_entity(tags, wanted):
    assert sequence.spans(text(tags))[["start", "end", "type"]].to_numpy().tolist() == wanted


def test_an_entity_never_crosses_a_sentence_or_a_document():
    one = text(["O", "B-PER"], ["I-PER", "O"])
    other = pd.concat([text(["B-LOC"], doc="a"), text(["I-LOC"], doc="b")])
    assert sequence.spans(one)[["sentence_id", "start", "end"]].to_numpy().tolist() == [[0, 1, 1]]
    assert sequence.spans(other)[["doc_id", "end"]].to_numpy().tolist() == [["a", 0]]
    gapped = text(["B-PER", "I-PER"]).assign(token_id=[10, 30])
    assert sequence.spans(gapped)[["start", "end"]].to_numpy().tolist() == [[10, 30]]


def test_f1_agrees_with_seqeval():
    assert "strict" in THEIRS["made_with"]
    compared = 0
    for case in THEIRS["cases"]:
        table = sequence.entity_f1(text(*case["true"]), text(*case["predicted"]))
        assert table.index.tolist() == [*sorted(set(case["report"]) - {"micro avg"}), "all"]
        for kind, values in case["report"].items():
            ours = table.loc["all" if kind == "micro avg" else kind, ["precision", "recall", "f1"]]
            assert ours.fillna(0).tolist() == pytest.approx(values, abs=1e-9)  # seqeval says 0 where nothing is divided
            compared += 1
    assert compared > 120


def test_one_wrong_boundary_costs_a_false_positive_and_a_false_negative():
    true, wrong = text(["B-PER", "I-PER", "O", "B-LOC"]), text(["B-PER", "O", "O", "B-LOC"])
    table = sequence.entity_f1(true, wrong)
    assert table.loc["PER", ["true", "predicted", "right"]].tolist() == [1, 1, 0]
    assert table.loc["LOC", ["precision", "recall", "f1"]].tolist() == [1, 1, 1]
    assert table.loc["all", ["precision", "recall", "f1"]].tolist() == [0.5, 0.5, 0.5]
    assert sequence.entity_f1(true, text(["B-LOC", "I-LOC", "O", "B-LOC"])).loc["PER", "right"] == 0


def test_where_nothing_can_be_divided_there_is_no_value():
    nothing, something = text(["O", "O"]), text(["B-PER", "O"])
    missed = sequence.entity_f1(something, nothing).loc["PER"]
    assert np.isnan(missed["precision"])
    assert (missed["recall"], missed["f1"]) == (0, 0)
    made_up = sequence.entity_f1(nothing, something).loc["PER"]
    assert np.isnan(made_up["recall"])
    assert (made_up["precision"], made_up["f1"]) == (0, 0)
    empty = sequence.entity_f1(nothing, nothing)
    assert empty.index.tolist() == ["all"]
    assert empty.loc["all", ["precision", "recall", "f1"]].isna().all()


def test_bad_tables_are_refused():
    good = text(["B-PER", "O"])
    with pytest.raises(ValueError, match="sentences: column 'tag' is missing"):
        sequence.spans(good.drop(columns="tag"))
    with pytest.raises(
        ValueError,
        match=r"sentences: doc_id, sentence_id, token_id of an earlier row again in 1 row \(first: doc_id='d'",
    ):
        sequence.spans(good.assign(token_id=3))
    with pytest.raises(ValueError, match=r"sentences: the tag is none in 1 row \(first: row 1, 'PER'\)"):
        sequence.spans(good.assign(tag=["O", "PER"]))
    for tag in ("B-", "E-PER", "o", "OO", "xB-PER"):
        with pytest.raises(ValueError, match="the tag is none in 1 row"):
            sequence.spans(good.assign(tag=["O", tag]))
    with pytest.raises(
        ValueError, match=r"predicted: 2 tokens are in one table and not in the other \(first: doc_id='d'"
    ):
        sequence.entity_f1(good, good.assign(token_id=[0, 9]))
    with pytest.raises(ValueError, match="predicted: expected a pandas DataFrame"):
        sequence.entity_f1(good, [["B-PER"]])


def test_errors_name_the_table_and_the_first_token():
    good = text(["B-PER", "O", "O"])
    with pytest.raises(ValueError, match="sentences: column 'tag' is missing"):
        sequence.entity_f1(good.drop(columns="tag"), good)
    with pytest.raises(ValueError, match=r"first: doc_id='d', sentence_id=0, token_id=0\)"):
        sequence.entity_f1(good, good.tail(2))
    assert sequence.entity_f1(good, good).index.name == "type"
    assert sequence.spans(good)["type"].dtype == "str"
