import math

import numpy as np
import pandas as pd
import pytest
import pytrec_eval
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import ndcg_score

from mlsd_lib.metrics import ranking

METRICS = [ranking.ndcg, ranking.precision, ranking.recall, ranking.mrr, ranking.average_precision]


def answers(**documents):
    """A table of what was shown: for each request its documents in order."""
    rows = [(request, place + 1, doc) for request, docs in documents.items() for place, doc in enumerate(docs)]
    return pd.DataFrame(rows, columns=["request_id", "position", "doc_id"]).astype({"position": "int64"})


def truth(**grades):
    rows = [(query, doc, grade) for query, judged in grades.items() for doc, grade in judged.items()]
    return pd.DataFrame(rows, columns=["query_id", "doc_id", "grade"])


def asked(**queries):
    return pd.DataFrame({"request_id": list(queries), "query_id": list(queries.values())})


def random_case(seed, requests=40, documents=30):
    """Requests with ragged answers and judgments, some of them empty, in shuffled order."""
    rng = np.random.default_rng(seed)
    queries = [f"q{number}" for number in rng.permutation(requests)]
    judged = {q: rng.choice(documents, size=rng.integers(0, documents), replace=False) for q in queries}
    grades = {q: {f"d{d}": int(rng.choice([0, 0, 1, 2, 3])) for d in docs} for q, docs in judged.items()}
    shown = {q: [f"d{d}" for d in rng.permutation(documents)[: rng.integers(0, documents)]] for q in queries}
    frames = answers(**shown), truth(**grades), asked(**{q: q for q in queries})
    return shown, grades, tuple(frame.sample(frac=1, random_state=seed) for frame in frames)


@pytest.mark.parametrize("seed", range(4))
def test_all_metrics_agree_with_pytrec_eval(seed):
    shown, grades, (answer, judged, requests) = random_case(seed)
    run = {q: {doc: float(-place) for place, doc in enumerate(docs)} for q, docs in shown.items()}
    wanted = {"ndcg_cut.5,10", "P.5,10", "recall.5,10", "map_cut.5,10", "recip_rank"}
    theirs = pytrec_eval.RelevanceEvaluator(grades, wanted).evaluate(run)
    whole = {"ndcg_cut": ranking.ndcg, "P": ranking.precision, "recall": ranking.recall}
    whole |= {"map_cut": ranking.average_precision}
    compared = 0
    for k in (5, 10):
        for name, metric in whole.items():
            ours = metric(answer, judged, requests, k=k)
            assert ours.index.tolist() == requests["request_id"].tolist()
            for query, value in ours.items():
                if max(grades[query].values(), default=0) == 0:
                    assert math.isnan(value)
                elif not shown[query]:
                    assert value == 0
                else:
                    assert value == pytest.approx(theirs[query][f"{name}_{k}"], abs=1e-12)
                    compared += 1
    assert compared > 100
    reciprocal = ranking.mrr(answer, judged, requests, k=1_000).dropna()
    for query, value in reciprocal.items():
        assert value == pytest.approx(theirs[query]["recip_rank"] if shown[query] else 0.0, abs=1e-12)


@pytest.mark.parametrize("gain", ["linear", "exponential"])
@pytest.mark.parametrize("k", [1, 3, 10, 50])
def test_ndcg_agrees_with_scikit_learn_in_both_gains(gain, k):
    rng = np.random.default_rng(7)
    grades = rng.integers(0, 5, size=(25, 20))
    grades[:, 0] = 1  # none without a relevant document
    scores = rng.permuted(np.tile(np.arange(20.0), (25, 1)), axis=1)
    gains = grades if gain == "linear" else 2.0**grades - 1
    places = (-scores).argsort(axis=1)
    request, position = np.divmod(np.arange(500), 20)
    answer = pd.DataFrame({"request_id": request, "position": position + 1, "doc_id": places.ravel()})
    judged = pd.DataFrame({"query_id": request, "doc_id": position, "grade": grades.ravel()})
    requests = pd.DataFrame({"request_id": range(25), "query_id": range(25)})
    ours = ranking.ndcg(answer, judged, requests, k=k, gain=gain)
    theirs = [ndcg_score(gains[[row]], scores[[row]], k=k) for row in range(25)]
    np.testing.assert_allclose(ours.to_numpy(), theirs, atol=1e-12)


def test_ndcg_by_hand():
    judged = truth(q={"a": 3, "b": 2, "c": 1, "d": 0})
    answer, requests = answers(r=["c", "x", "a", "d"]), asked(r="q")
    ideal = 3 / 1 + 2 / 1.584962500721156 + 1 / 2  # discounts: log2 of 2, 3, 4
    assert ranking.ndcg(answer, judged, requests)["r"] == pytest.approx((1 / 1 + 3 / 2) / ideal)
    assert ranking.ndcg(answer, judged, requests, k=2)["r"] == pytest.approx(1 / (3 + 2 / 1.584962500721156))
    exponential = (1 / 1 + 7 / 2) / (7 / 1 + 3 / 1.584962500721156 + 1 / 2)
    assert ranking.ndcg(answer, judged, requests, gain="exponential")["r"] == pytest.approx(exponential)


def test_precision_recall_and_reciprocal_rank_by_hand():
    judged, requests = truth(q={"a": 3, "b": 2, "c": 1, "d": 0}), asked(r="q", short="q")
    answer = answers(r=["d", "c", "x", "a"], short=["b"])
    assert ranking.precision(answer, judged, requests, k=4).tolist() == [0.5, 0.25]
    assert ranking.recall(answer, judged, requests, k=4).tolist() == [pytest.approx(2 / 3), pytest.approx(1 / 3)]
    assert ranking.recall(answer, judged, requests, k=2).tolist() == [pytest.approx(1 / 3)] * 2
    assert ranking.mrr(answer, judged, requests, k=4).tolist() == [0.5, 1.0]
    assert ranking.mrr(answer, judged, requests, k=1).tolist() == [0.0, 1.0]


@pytest.mark.parametrize("metric", METRICS)
def test_an_empty_answer_scores_zero_and_a_query_without_relevant_judgment_is_nan(metric):
    judged = truth(q={"a": 1}, zero={"a": 0})
    requests = asked(hit="q", empty="q", irrelevant="zero", unjudged="new", unjudged_empty="new")
    values = metric(answers(hit=["a"], irrelevant=["a"], unjudged=["a"]), judged, requests, k=1)
    assert values["hit"] == 1
    assert values["empty"] == 0
    assert values[["irrelevant", "unjudged", "unjudged_empty"]].isna().all()
    assert values.index.name == "request_id"


@pytest.mark.parametrize("metric", METRICS)
def test_several_requests_of_one_query_are_judged_each_on_its_own_answer(metric):
    values = metric(answers(one=["a"], two=["b"]), truth(q={"a": 1, "b": 0}), asked(two="q", one="q"), k=1)
    assert values.to_dict() == {"two": 0, "one": 1}


@pytest.mark.parametrize("metric", METRICS)
def test_a_document_without_any_judgment_borrows_no_grade_from_another_query(metric):
    judged = truth(first={"a": 1, "z": 3}, second={"a": 1, "z": 0}, third={"a": 1})
    for query in ("first", "second", "third"):
        assert metric(answers(r=["unknown"]), judged, asked(r=query), k=1).tolist() == [0]
    assert metric(answers(r=["z"]), judged, asked(r="third"), k=1).tolist() == [0]


@pytest.mark.parametrize("metric", METRICS)
def test_tables_without_rows_give_a_value_for_every_request_there_is(metric):
    answer, judged, requests = answers(r=["a"]), truth(q={"a": 1}), asked(r="q")
    assert metric(answer.iloc[:0], judged, requests).tolist() == [0]
    assert metric(answer, judged.iloc[:0], requests).isna().tolist() == [True]
    assert metric(answer.iloc[:0], judged, requests.iloc[:0]).empty


@pytest.mark.parametrize("metric", METRICS)
def test_the_order_of_rows_and_the_kind_of_ids_do_not_matter(metric):
    _, _, (answer, judged, requests) = random_case(3)
    before = metric(answer, judged, requests)
    number = {name: code * 7 - 50 for code, name in enumerate(pd.unique(judged["doc_id"]))}
    number |= {name: 1_000 + code for code, name in enumerate(set(answer["doc_id"]) - set(number))}
    coded = [frame.assign(doc_id=frame["doc_id"].map(number)) for frame in (answer, judged)]
    after = metric(*(frame.sample(frac=1, random_state=1) for frame in coded), requests)
    pd.testing.assert_series_equal(after, before)


@pytest.mark.parametrize("metric", METRICS)
def test_bad_input_is_refused_with_the_table_and_the_row(metric):
    answer, judged, requests = answers(r=["a", "b"]), truth(q={"a": 1}), asked(r="q")
    with pytest.raises(ValueError, match=r"shown: 1 row repeats a pair of request_id and position \(first: row 1"):
        metric(answer.assign(position=1), judged, requests)
    with pytest.raises(ValueError, match=r"shown: 2 rows name a request_id that requests does not have"):
        metric(answer.assign(request_id="other"), judged, requests)
    with pytest.raises(ValueError, match=r"doc_id are integers .* judgments has strings"):
        metric(answer.assign(doc_id=[1, 2]), judged, requests)
    with pytest.raises(ValueError, match=r"query_id are integers .* judgments has strings"):
        metric(answer, judged, requests.assign(query_id=1))
    with pytest.raises(ValueError, match="requests: 1 column missing: query_id"):
        metric(answer, judged, requests.drop(columns="query_id"))
    for k in (0, -1, 2.5, True, "10"):
        with pytest.raises(ValueError, match="k must be an integer of at least 1"):
            metric(answer, judged, requests, k=k)


def test_gains_that_cannot_be_are_refused():
    answer, requests = answers(r=["a"]), asked(r="q")
    with pytest.raises(ValueError, match="gain must be 'linear' or 'exponential', got 'log'"):
        ranking.ndcg(answer, truth(q={"a": 1}), requests, gain="log")
    with pytest.raises(ValueError, match="the highest grade is 5000"):
        ranking.ndcg(answer, truth(q={"a": 5000}), requests, gain="exponential")


@settings(max_examples=80, deadline=None)
@given(
    grades=st.lists(st.integers(0, 4), min_size=1, max_size=12),
    k=st.integers(1, 15),
    gain=st.sampled_from(["linear", "exponential"]),
    data=st.data(),
)
def test_ndcg_is_between_zero_and_one_and_best_for_the_ideal_order(grades, k, gain, data):
    docs = [f"d{number}" for number in range(len(grades))]
    judged = truth(q=dict(zip(docs, grades, strict=True)))
    order = data.draw(st.permutations(docs))
    ideal = sorted(docs, key=lambda doc: -grades[docs.index(doc)])
    values = ranking.ndcg(answers(any=order, best=ideal), judged, asked(any="q", best="q"), k=k, gain=gain)
    if max(grades) == 0:
        assert values.isna().all()
    else:
        assert 0 <= values["any"] <= 1 + 1e-12
        assert values["best"] == pytest.approx(1)


def test_err_counts_what_was_judged_for_other_queries_as_the_scale():
    judged, requests = truth(q={"a": 2, "b": 1}, other={"c": 3}), asked(r="q", o="other", none="new")
    answer = answers(r=["b", "x", "a"], o=["c"])
    stop = {grade: (2**grade - 1) / 8 for grade in (1, 2, 3)}
    values = ranking.err(answer, judged, requests)
    assert values["r"] == pytest.approx(stop[1] + (1 - stop[1]) * stop[2] / 3)
    assert values["o"] == pytest.approx(stop[3])
    assert math.isnan(values["none"])
    assert ranking.err(answer, judged, requests, k=2)["r"] == pytest.approx(stop[1])
    assert ranking.err(answer, judged, requests, highest=4)["o"] == pytest.approx(7 / 16)
    with pytest.raises(ValueError, match="highest is 2, and the highest grade in judgments is 3"):
        ranking.err(answer, judged, requests, highest=2)


@pytest.mark.parametrize("k", [1, 5, 100])
def test_the_table_has_what_the_functions_give(k):
    _, _, frames = random_case(6)
    together = ranking.table(*frames, k=k)
    functions = [*METRICS, ranking.err]
    assert sorted(together.columns) == sorted(metric(*frames, k=k).name for metric in functions)
    for metric in functions:
        alone = metric(*frames, k=k)
        pd.testing.assert_series_equal(together[alone.name], alone)


def test_positions_may_have_holes():
    shown = answers(r=["a", "b"]).assign(position=[3, 7])
    judged, requests = truth(q={"a": 0, "b": 2}), asked(r="q")
    assert ranking.ndcg(shown, judged, requests, k=7)["r"] == pytest.approx(1 / 3)
    assert ranking.mrr(shown, judged, requests, k=7)["r"] == pytest.approx(1 / 7)
    assert ranking.mrr(shown, judged, requests, k=6)["r"] == 0
    assert ranking.average_precision(shown, judged, requests)["r"] == pytest.approx(1 / 7)


def test_a_component_is_judged_by_what_reached_it():
    judged = truth(q={"a": 3, "b": 1, "c": 0, "d": 2}, other={"a": 1})
    requests = asked(r="q", s="q", t="other", nothing="other")
    candidates = answers(r=["b", "c", "x"], s=["a", "b", "d"], t=["b", "c"]).sample(frac=1, random_state=0)
    shown = answers(r=["b", "c"], s=["b", "d", "a"], t=["b"])
    own = ranking.ndcg(shown, *ranking.among(judged, requests, candidates))
    assert own.index.tolist() == requests["request_id"].tolist()
    assert own["r"] == 1  # the best order of what it was given, although the best document never came
    assert own["s"] == pytest.approx(ndcg_score([[3, 1, 2]], [[1, 3, 2]]))
    assert own[["t", "nothing"]].isna().all()
    assert ranking.ndcg(shown, judged, requests)["r"] < 0.3
    everything = candidates.assign(request_id="s", doc_id=["a", "b", "c", "d", "e", "f", "g", "h"])
    assert ranking.ndcg(shown, *ranking.among(judged, requests, everything))["s"] == pytest.approx(
        ranking.ndcg(shown, judged, requests)["s"]
    )


def test_candidates_that_match_nothing_are_refused():
    judged, requests, candidates = truth(q={"a": 1}), asked(r="q"), answers(r=["a"])
    with pytest.raises(ValueError, match="candidates: 1 row names a request_id that requests does not have"):
        ranking.among(judged, requests, candidates.assign(request_id="x"))
    with pytest.raises(ValueError, match="candidates: all 1 values of doc_id are integers"):
        ranking.among(judged, requests, candidates.assign(doc_id=1))
    with pytest.raises(ValueError, match="requests: all 1 values of query_id are integers"):
        ranking.among(judged, requests.assign(query_id=1), candidates)


@pytest.mark.parametrize("metric", [*METRICS, ranking.err, ranking.table])
def test_ten_positions_count_unless_told_otherwise(metric):
    _, _, frames = random_case(9)
    whole = metric(*frames)
    assert whole.equals(metric(*frames, k=10))
    assert not np.array_equal(whole.to_numpy(), metric(*frames, k=11).to_numpy(), equal_nan=True)
