"""Readers of the public data sets: from the files as they were published to the documented tables.

Each reader does all the cleaning that its data card describes, and nothing else. The files have been verified before.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

import pandas as pd

Files = Mapping[str, Path]
Tables = dict[str, pd.DataFrame]


def cranfield(files: Files) -> Tables:
    """Cranfield: SMART markup; queries renumbered by position, code c turned into grade 5 - c, code -1 into grade 0.

    Args:
        files: The verified files by their path in the registry.

    Returns:
        `documents`, `queries` (with the file's own number as `source_id`) and `judgments` (with the file's `code`).

    Source: the data card `cranfield`. Chapter: Search.
    """
    texts = _smart(files["cran/cran.all.1400"])
    documents = pd.DataFrame(
        {
            "doc_id": [int(record["I"]) for record in texts],
            "title": [record.get("T", "") for record in texts],
            "text": [record.get("W", "") for record in texts],
        }
    )
    questions = _smart(files["cran/cran.qry"])
    queries = pd.DataFrame(
        {
            "query_id": range(1, len(questions) + 1),  # the judgments count questions, they do not use their numbers
            "text": [record["W"] for record in questions],
            "source_id": [int(record["I"]) for record in questions],
        }
    )
    lines = files["cran/cranqrel"].read_text(encoding="latin-1").split("\n")
    judgments = pd.DataFrame([line.split() for line in lines if line.strip()], columns=["query_id", "doc_id", "code"])
    judgments = judgments.astype("int64")
    judgments.insert(2, "grade", (5 - judgments["code"]).where(judgments["code"] > 0, 0))
    return {"documents": documents, "queries": queries, "judgments": judgments}


def vaswani_npl(files: Files) -> Tables:
    """Vaswani (NPL): TREC markup; documents without titles, queries lower-cased, binary judgments.

    Args:
        files: The verified files by their path in the registry.

    Returns:
        `documents` (every title empty), `queries` and `judgments`.

    Source: the data card `vaswani-npl`. Chapter: Search.
    """
    corpus = files["share/vaswani_npl/corpus/doc-text.trec"].read_text(encoding="latin-1")
    found = re.findall(r"<DOC>\s*<DOCNO>(\d+)</DOCNO>(.*?)</DOC>", corpus, flags=re.DOTALL)
    documents = pd.DataFrame(
        {"doc_id": [int(number) for number, _ in found], "title": "", "text": [_joined(text) for _, text in found]}
    )
    topics = files["share/vaswani_npl/query-text.trec"].read_text(encoding="latin-1")
    asked = re.findall(r"<num>(\d+)</num>\s*<title>(.*?)</title>", topics, flags=re.DOTALL)
    queries = pd.DataFrame(
        {"query_id": [int(number) for number, _ in asked], "text": [_joined(text).lower() for _, text in asked]}
    )
    lines = files["share/vaswani_npl/qrels"].read_text(encoding="latin-1").split("\n")
    judgments = pd.DataFrame(
        [line.split() for line in lines if line.strip()], columns=["query_id", "run", "doc_id", "grade"]
    )
    judgments = judgments[["query_id", "doc_id", "grade"]].astype("int64")
    return {"documents": documents, "queries": queries, "judgments": judgments}


def chorus_product_ratings(files: Files) -> Tables:
    """Chorus: products of an electronics shop, each judged pair graded 0 to 3 by three raters and once for all.

    Args:
        files: The verified files by their path in the registry.

    Returns:
        `documents` (a product each), `queries` (numbered from 1 by first appearance) and `judgments` (in the order of
        the file, with the raters' own grades as `rater_1, rater_2, rater_3`).

    Source: the data card `chorus-product-ratings`. Chapter: Search.
    """
    rows = pd.read_csv(files["katas/Broad_Query_Set_individual_ratings.csv"], encoding="utf-8", keep_default_na=False)
    # A product stands in several rows, and only some of them carry its description.
    described = rows.assign(length=rows["description"].str.len()).sort_values("length", ascending=False, kind="stable")
    text = described.drop_duplicates("docid").set_index("docid")["description"]
    products = rows.drop_duplicates("docid")
    documents = pd.DataFrame(
        {
            "doc_id": products["docid"].to_numpy(),
            "title": products["name"].to_numpy(),
            "text": text.reindex(products["docid"]).to_numpy(),
        }
    )
    number, texts = pd.factorize(rows["query"])
    queries = pd.DataFrame({"query_id": range(1, len(texts) + 1), "text": texts})
    raters = {f"rater_{rater}": rows[f"agent_{rater}_rating"] for rater in (1, 2, 3)}
    judgments = pd.DataFrame({"query_id": number + 1, "doc_id": rows["docid"], "grade": rows["final_rating"], **raters})
    return {"documents": documents, "queries": queries, "judgments": judgments}


def norvig_spell_testset1(files: Files) -> Tables:
    """Norvig's development set: what people wrote, and the word they meant.

    Args:
        files: The verified files by their path in the registry.

    Returns:
        `errors`: a row a misspelling, `wrong` and `right`, in the order of the file.

    Source: the data card `norvig-spell-testset1`. Chapter: Search.
    """
    lines = files["spell-testset1.txt"].read_text(encoding="utf-8").split("\n")
    groups = [line.split(":") for line in lines if ":" in line]
    pairs = [(wrong, right.strip()) for right, several in groups for wrong in several.split()]
    return {"errors": pd.DataFrame(pairs, columns=["wrong", "right"])}


def codespell_dictionary(files: Files) -> Tables:
    """Codespell: common misspellings and their correction, without those that have several.

    Args:
        files: The verified files by their path in the registry.

    Returns:
        `errors`: a row a misspelling, `wrong` and `right`, in the order of the file.

    Source: the data card `codespell-dictionary`. Chapter: Search.
    """
    lines = files["codespell_lib/data/dictionary.txt"].read_text(encoding="utf-8").split("\n")
    pairs = [line.strip().split("->") for line in lines if "->" in line and "," not in line]
    return {"errors": pd.DataFrame(pairs, columns=["wrong", "right"])}


def symspell(files: Files) -> Tables:
    """SymSpell: English words with how often books use them, and words with errors that a program made.

    Args:
        files: The verified files by their path in the registry.

    Returns:
        `words` (`word, count`) and `errors` (`wrong, right, edits`; both alike where the program made no error).

    Source: the data card `symspell`. Chapter: Search.
    """
    listed = files["SymSpell/frequency_dictionary_en_82_765.txt"].read_text(encoding="utf-8-sig").split("\n")
    noisy = files["SymSpell.Benchmark/test_data/noisy_query_en_1000.txt"].read_text(encoding="utf-8").split("\n")
    words = pd.DataFrame([line.split() for line in listed if line.strip()], columns=["word", "count"])
    errors = pd.DataFrame([line.split() for line in noisy if line.strip()], columns=["wrong", "right", "edits"])
    return {"words": words.astype({"count": "int64"}), "errors": errors.astype({"edits": "int64"})}


def open_bandit_men(files: Files) -> Tables:
    """Open Bandit, men's campaign: what two policies showed, at which probability, and whether it was clicked.

    Args:
        files: The verified files by their path in the registry.

    Returns:
        `impressions`: a row an item shown, first those of the policy "even", then those of "learned", each by time:
        `policy, ts, item_id, position, clicked, propensity` and the visitor's hashed `user_feature_0` to `_3`.

    Source: the data card `open-bandit-men`. Chapter: Online evaluation.
    """
    logs = []
    for policy, folder in (("even", "random"), ("learned", "bts")):
        rows = pd.read_csv(files[f"obd/{folder}/men/men.csv"], index_col=0, encoding="utf-8")
        rows = rows.rename(columns={"timestamp": "ts", "click": "clicked", "propensity_score": "propensity"})
        rows["ts"] = pd.to_datetime(rows["ts"], format="ISO8601", utc=True)  # some have no fraction of a second
        about = [f"user_feature_{number}" for number in range(4)]
        rows = rows[["ts", "item_id", "position", "clicked", "propensity", *about]]
        rows = rows.astype({"clicked": bool} | dict.fromkeys(about, "str"))
        rows.insert(0, "policy", pd.Series(policy, index=rows.index, dtype="str"))
        logs.append(rows)
    return {"impressions": pd.concat(logs, ignore_index=True)}


READERS: Mapping[str, Callable[[Files], Tables]] = {
    "cranfield": cranfield,
    "vaswani-npl": vaswani_npl,
    "chorus-product-ratings": chorus_product_ratings,
    "norvig-spell-testset1": norvig_spell_testset1,
    "codespell-dictionary": codespell_dictionary,
    "symspell": symspell,
    "open-bandit-men": open_bandit_men,
}


def _smart(path: Path) -> list[dict[str, str]]:
    """The records of a file in SMART markup: a line `.I n` starts one, a line `.X` starts its field X."""
    records: list[dict[str, list[str]]] = []
    field = ""
    for line in path.read_text(encoding="latin-1").split("\n"):
        marker = re.fullmatch(r"\.([A-Z])(?:\s+(\d+))?\s*", line)
        if marker and marker[1] == "I":
            records.append({"I": [marker[2]]})
        elif marker:
            field = marker[1]
        elif records:
            records[-1].setdefault(field, []).append(line)
    return [{name: _joined(" ".join(lines)) for name, lines in record.items()} for record in records]


def _joined(text: str) -> str:
    return " ".join(text.split())
