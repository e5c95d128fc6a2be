import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from mlsd_lib.worlds.arms import paired_change
from mlsd_lib.worlds.videos import LEFT_AT_ONCE_S, VideoWorld, top

SEEDS = (1, 2, 3, 4)


@pytest.fixture(scope="module")
def world() -> VideoWorld:
    return VideoWorld(seed=0)


def one_place(world: VideoWorld, n: int = 60_000) -> pd.DataFrame:
    candidates = world.candidates(world.requests(n, day=3), per_request=1)
    return top(candidates, np.zeros(len(candidates)), k=1)


def test_clicks_and_watches_are_what_the_truth_says(world: VideoWorld) -> None:
    shown = one_place(world)
    log, truth = world.respond(shown), world.truth(shown)
    for loud in (False, True):
        rows = ((log.shouting > 0.6) == loud).to_numpy()
        assert log.clicked[rows].mean() == pytest.approx(truth.click[rows].mean(), rel=0.08)
        clicked = rows & (log.clicked == 1).to_numpy()
        assert log.watched_s[clicked].mean() == pytest.approx(truth.watch_s[clicked].mean(), rel=0.10)
    assert log.watched_s.mean() == pytest.approx(truth.value_s.mean(), rel=0.05)
    assert (log.watched_s <= 60 * log.minutes).all()
    assert (log.watched_s[log.clicked == 0] == 0).all()


def test_viewers_leave_as_often_as_the_parameters_say(world: VideoWorld) -> None:
    candidates = world.candidates(world.requests(20_000, day=1), per_request=2)
    log = world.respond(top(candidates, world.shuffle(candidates), k=2))
    first = log[log.position == 1]
    went_on = first.request_id.isin(log.request_id[log.position == 2]).to_numpy()
    let_down = ((first.clicked == 1) & (first.watched_s < LEFT_AT_ONCE_S)).to_numpy()
    assert went_on[~let_down].mean() == pytest.approx(world.patience, abs=0.01)
    assert went_on[let_down].mean() == pytest.approx(world.forgiveness, abs=0.06)


def test_the_same_viewer_and_video_meet_the_same_luck_in_both_arms(world: VideoWorld) -> None:
    candidates = world.candidates(world.requests(500, day=1))
    one = world.respond(top(candidates, world.shuffle(candidates), k=10))
    other = world.respond(top(candidates, candidates.shouting, k=10))
    both = one.merge(other, on=["request_id", "video_id"], suffixes=("", "_other"))
    assert len(both) > 500
    assert (both.position != both.position_other).any()
    assert (both.clicked == both.clicked_other).all()
    assert (both.watched_s == both.watched_s_other).all()


def test_a_batch_of_one_gets_what_a_large_batch_gets(world: VideoWorld) -> None:
    requests = world.requests(50, day=2)
    whole = world.candidates(requests)
    log = world.respond(top(whole, world.shuffle(whole), k=5))
    for i in (0, 17):
        own = world.candidates(requests.iloc[[i]])
        alone = world.respond(top(own, world.shuffle(own), k=5))
        expected = log[log.request_id == requests.request_id[i]].reset_index(drop=True)
        pd.testing.assert_frame_equal(alone, expected)


def test_candidates_do_not_repeat_and_cover_the_catalogue(world: VideoWorld) -> None:
    candidates = world.candidates(world.requests(5_000, day=0))
    assert not candidates.duplicated(["request_id", "video_id"]).any()
    share = candidates.video_id.value_counts(normalize=True)
    assert len(share) == world.n_videos
    assert share.max() < 2 / world.n_videos


def test_a_model_sees_no_truth(world: VideoWorld) -> None:
    candidates = world.candidates(world.requests(10, day=0))
    other = VideoWorld(seed=0, lure=0.0, letdown=0.0)  # another truth, the same appearances
    pd.testing.assert_frame_equal(
        world.features(candidates), other.features(other.candidates(other.requests(10, day=0)))
    )
    assert not np.allclose(world.truth(candidates).value_s, other.truth(candidates).value_s)


def test_top_reserves_places_and_gives_back_what_is_not_needed() -> None:
    shelf = pd.DataFrame({"request_id": np.repeat([5, 3], 4), "video_id": list("abcdefgh")})
    score = [4, 3, 2, 1, 1, 2, 3, 4]
    short = [False, False, True, True, False, False, False, False]
    shown = top(shelf, score, k=2, reserved=1, reserve=short)
    assert shown.video_id.tolist() == ["h", "g", "a", "c"]
    assert shown.position.tolist() == [1, 2, 1, 2]
    assert top(shelf, score, k=9).video_id.tolist() == list("hgfeabcd")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda w, c: top(c, [1.0], k=1), "1 scores for 8 candidates"),
        (lambda w, c: top(c, [np.nan] * 8, k=1), "8 of them not finite"),
        (lambda w, c: top(c, np.ones(8), k=2, reserved=1), "pass `reserve`"),
        (lambda w, c: top(c, np.ones(8), k=0), "k=0"),
        (lambda w, c: w.respond(c), "shown: column 'position' is missing"),
        (
            lambda w, c: w.respond(c.assign(position=1)),
            r"6 rows share a request_id and a position \(first: request_id=0",
        ),
        (lambda w, c: w.features(c.drop(columns="minutes")), "rows: column 'minutes' is missing"),
        (lambda w, c: w.candidates(w.requests(1, day=0), per_request=0), "per_request=0"),
        (lambda w, c: w.requests(0, day=0), "n=0"),
        (lambda w, c: VideoWorld(patience=1.2), "patience is 1.2"),
        (lambda w, c: VideoWorld(n_videos=3), "n_videos=3"),
    ],
)
def test_errors_say_what_is_wrong(world: VideoWorld, call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call(world, world.candidates(world.requests(2, day=0), per_request=4))


def odds_of(world: VideoWorld, log: pd.DataFrame, rows: pd.DataFrame, weight: np.ndarray | None) -> np.ndarray:
    model = LogisticRegression(C=1e6, solver="newton-cholesky", tol=1e-10)
    model.fit(world.features(log), log.clicked, sample_weight=weight)
    return np.exp(model.decision_function(world.features(rows)))


def test_without_a_letdown_most_of_the_gain_is_gone() -> None:
    gains = []
    for world in (VideoWorld(seed=0), VideoWorld(seed=0, letdown=0.0)):
        candidates, fresh = (world.candidates(world.requests(n, day=day)) for day, n in enumerate((10_000, 5_000)))
        log = world.respond(top(candidates, world.shuffle(candidates), k=10))
        weights = (None, np.where(log.clicked == 1, log.watched_s, 1))
        shelves = [top(fresh, odds_of(world, log, fresh, weight), k=10) for weight in weights]
        by_click, by_watch = (world.sessions(world.respond(shelf)).minutes.mean() for shelf in shelves)
        gains.append(by_watch / by_click - 1)
    assert gains[1] < 0.4 * gains[0]


@pytest.mark.parametrize("seed", SEEDS)
def test_the_first_experiment_of_chapter_1_does_not_hang_on_its_seed(seed: int) -> None:
    world = VideoWorld(seed=seed)
    candidates = world.candidates(world.requests(15_000, day=0))
    log = world.respond(top(candidates, world.shuffle(candidates), k=10))
    fresh = world.candidates(world.requests(8_000, day=1))

    weights = (None, np.where(log.clicked == 1, log.watched_s, 1))
    by_click, by_watch = (odds_of(world, log, fresh, weight) for weight in weights)
    short, loud = (fresh.minutes < 2).to_numpy(), (fresh.shouting > 0.8).to_numpy()
    shelf_click, shelf_watch = top(fresh, by_click, k=10), top(fresh, by_watch, k=10)
    shelf_kept = top(fresh, by_watch, k=10, reserved=2, reserve=short)
    today = top(fresh, world.shuffle(fresh), k=10)
    visits = {
        n: world.sessions(world.respond(s))
        for n, s in zip("tcwk", (today, shelf_click, shelf_watch, shelf_kept), strict=True)
    }
    change = paired_change(visits["c"], visits["w"], unit="request_id", resamples=200).set_index("metric")
    assert 0.30 < change.low["minutes"] < change.high["minutes"] < 0.90
    assert -0.40 < change.change["clicks"] < -0.15
    assert change.high["left_at_once"] < -0.30

    left = {name: v.left_at_once.sum() / v.clicks.sum() for name, v in visits.items()}
    assert left["c"] > left["t"] + 0.05
    assert left["w"] < left["t"] - 0.03
    minutes = {name: v.minutes.mean() for name, v in visits.items()}
    assert minutes["c"] < 1.25 * minutes["t"] < minutes["w"]
    assert minutes["k"] > 0.93 * minutes["w"]

    share = [(s.minutes < 2).mean() for s in (today, shelf_watch, shelf_kept)]
    assert share[1] < 0.65 * share[0]
    assert share[2] >= 0.8 * share[0]

    test = world.respond(today)
    shown = test[["request_id", "video_id"]].merge(
        fresh[["request_id", "video_id"]].assign(click=by_click, watch=by_watch), on=["request_id", "video_id"]
    )
    assert roc_auc_score(test.clicked, shown.click) > roc_auc_score(test.clicked, shown.watch) + 0.05

    # The odds are the expected seconds, too high by about 1 / (1 - p), and most so for the loud.
    truth = world.truth(fresh)
    assert 1.0 < by_watch.mean() / truth.value_s.mean() < 1.2
    assert by_watch[loud].mean() / truth.value_s[loud].mean() > 1.1
    assert pd.Series(by_watch).corr(truth.value_s, method="spearman") > 0.8
