import numpy as np
import pandas as pd
import pytest

from mlsd_lib.worlds.search import SearchWorld, visit

from .conftest import anything


@pytest.mark.parametrize(
    ("parameters", "complaint"),
    [
        ({"documents": 10}, "documents is 10; expected a whole number from 500"),
        ({"documents": 5e3}, r"documents is 5000\.0"),
        ({"seed": 0.5}, "seed is 0.5"),
        ({"misspelt": 1.2}, "misspelt is 1.2, and a probability"),
        ({"habit": "often"}, "habit is 'often'"),
        ({"wordless": 0.7}, r"2 \* wordless is 1.4"),
        ({"return_base": 0.9, "return_gain": 0.2}, r"return_base \+ return_gain"),
        ({"intents": (0.5, 0.5)}, "expected 3 probabilities"),
        ({"intents": (0.5, 0.5, 0.5)}, "with the sum 1.5"),
        ({"satisfied": (0.1, 0.2, 0.3, 1.4)}, r"satisfied\[3\] is 1.4"),
        ({"eta": -1.0}, "eta is -1.0"),
        ({"zipf": float("nan")}, "zipf is nan"),
        ({"trust": float("inf")}, "trust is inf"),
    ],
)
def test_parameters(parameters: dict, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        SearchWorld(**parameters)


@pytest.mark.parametrize(
    ("call", "complaint"),
    [
        (lambda w, u: w.users(0), "users: n is 0"),
        (lambda w, u: w.users(3, seed=1_000), "users: seed is 1000; expected a whole number from 0 to 999"),
        (lambda w, u: w.requests(u, -1, 0), "requests: n is -1"),
        (lambda w, u: w.requests(u, 1, 1_000), "requests: day is 1000"),
        (lambda w, u: w.requests(u, 1, 0, seed=-1), "requests: seed is -1"),
        (lambda w, u: w.requests(u, 100_000, 0), "At most 1,000 a day; give more users"),
        (lambda w, u: w.requests(u.head(0), 1, 0), "users: expected a DataFrame with the column user_id"),
        (lambda w, u: w.requests([1], 1, 0), "users: expected a DataFrame"),
        (lambda w, u: w.requests(pd.concat([u, u]), 1, 0), r"10 rows repeat a user_id \(first: row 10, user_id=0\)"),
        (lambda w, u: w.requests(u.assign(user_id="x"), 1, 0), "10 rows have a user_id that this world did not give"),
        (lambda w, u: w.requests(u.assign(user_id=u.user_id - 5), 1, 0), r"5 rows have .*user_id=-5"),
        (lambda w, u: w.oracle("page"), "no oracle 'page'. Choose one of: rewriter"),
        (lambda w, u: visit(w, None, u, rounds=0), "rounds is 0"),
    ],
)
def test_people(world: SearchWorld, call, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        call(world, world.users(10))


def broken_shown(shown: pd.DataFrame, column: str, row: int, value: object) -> pd.DataFrame:
    values = shown[column].tolist()
    values[row] = value
    return shown.assign(**{column: values})


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (lambda s: s.drop(columns="doc_id"), "shown: 1 column missing: doc_id"),
        (lambda s: broken_shown(s, "doc_id", 4, 1002), r"shown: 1 rows? names? a doc_id .* row 4, doc_id=1002"),
        (lambda s: broken_shown(s, "doc_id", 4, -2), "row 4, doc_id=-2"),
        (lambda s: s.assign(doc_id=s["doc_id"].astype(str)), "this world's documents do not have"),
        (lambda s: broken_shown(s, "position", 1, 1), "repeats a pair of request_id and position"),
        (lambda s: broken_shown(s, "position", 1, 0), "has a position that is none"),
        (lambda s: broken_shown(s, "position", 1, np.nan), "position that is missing"),
        (
            lambda s: broken_shown(s, "request_id", 0, 77),
            r"names a request_id that requests does not have .*request_id=77",
        ),
        (lambda s: s.assign(score=np.nan), "have a score that is missing"),
        (lambda s: s.assign(doc_id=s["doc_id"].iloc[0]), "repeat a pair of request_id and doc_id"),
    ],
)
def test_shown(world: SearchWorld, requests: pd.DataFrame, spoil, complaint: str) -> None:
    asked = requests.head(5)
    with pytest.raises(ValueError, match=complaint):
        world.respond(asked, spoil(anything(world, asked)))


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (lambda r: r.drop(columns="request_id"), "column 'request_id' is missing"),
        (lambda r: pd.concat([r, r]), r"5 rows repeat a request_id \(first: row 5"),
        (
            lambda r: r.assign(request_id=r["request_id"].astype(str)),
            "5 rows have a request_id that this world did not",
        ),
        (lambda r: r.assign(request_id=-r["request_id"]), "request_id that this world did not give"),
        (lambda r: r.assign(request_id=r["request_id"] + 10**18), "request_id that this world did not give"),
        (lambda r: r.assign(request_id=r["request_id"].astype(float)), "request_id that this world did not give"),
        (lambda r: r["request_id"], "expected a pandas DataFrame"),
    ],
)
def test_requests(world: SearchWorld, requests: pd.DataFrame, spoil, complaint: str) -> None:
    asked = requests.head(5)
    log = world.respond(asked, anything(world, asked))
    for call in (world.truth, lambda r: world.respond(r, anything(world, asked)), lambda r: world.sessions(r, log)):
        with pytest.raises(ValueError, match=complaint):
            call(spoil(asked))


def test_logs(world: SearchWorld, requests: pd.DataFrame) -> None:
    asked = requests.head(5)
    log = world.respond(asked, anything(world, asked))
    with pytest.raises(ValueError, match="log: column 'clicked' is missing"):
        world.sessions(asked, log.drop(columns="clicked"))
    with pytest.raises(ValueError, match="log: 10 rows name a request_id that requests does not have"):
        world.sessions(asked.head(4), log)
    with pytest.raises(ValueError, match="column 'ts' is missing"):
        world.again(asked.drop(columns="ts"), log)
    with pytest.raises(ValueError, match=r"seed is 0\.5"):
        world.respond(asked, anything(world, asked), seed=0.5)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"query_id": 10**9}, "5 rows name a query_id that this world does not have"),
        ({"query_id": "x"}, "query_id that this world does not have"),
        ({"doc_id": [1001, 1004, 1007, 1010, 0]}, r"1 rows? names? a doc_id .*doc_id=0"),
        ({"doc_id": [1001, 1001, 1007, 1010, 1013], "query_id": 3}, "repeats a pair of query_id and doc_id"),
    ],
)
def test_pairs(world: SearchWorld, change: dict, complaint: str) -> None:
    pairs = pd.DataFrame({"query_id": [1, 2, 3, 4, 5], "doc_id": [1001, 1004, 1007, 1010, 1013]}).assign(**change)
    with pytest.raises(ValueError, match=complaint):
        world.judge(pairs)
    with pytest.raises(ValueError, match="skill is 2"):
        world.judge(pairs, skill=2)


def test_an_oracle_does_not_know_foreign_requests(world: SearchWorld) -> None:
    from mlsd_lib.architecture import Batch

    with pytest.raises(ValueError, match="request_id that this world did not give"):
        world.oracle("rewriter")(Batch({"request_id": np.array(["a"], dtype=object)}))
