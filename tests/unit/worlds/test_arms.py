import numpy as np
import pandas as pd
import pytest

from mlsd_lib.worlds.arms import paired_change

RNG = np.random.default_rng(0)


def arms(n: int = 2_000, lift: float = 0.1) -> tuple[pd.DataFrame, pd.DataFrame]:
    base = RNG.gamma(2, 1, n)
    before = pd.DataFrame({"user": np.arange(n), "minutes": base})
    return before, before.assign(minutes=base * (1 + lift) + RNG.normal(0, 0.5, n))


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    covered = 0
    for trial in range(200):
        before, after = arms(300)
        row = paired_change(before, after, unit="user", resamples=200, seed=trial).iloc[0]
        covered += row.low <= 0.1 <= row.high
    assert 0.88 <= covered / 200 <= 0.99


def test_pairing_does_not_depend_on_the_order_of_rows() -> None:
    before, after = arms()
    shuffled = after.sample(frac=1, random_state=0)
    pd.testing.assert_frame_equal(
        paired_change(before, after, unit="user"), paired_change(before, shuffled, unit="user")
    )


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda a: a.drop(columns="user"), "treatment: column 'user' is missing"),
        (lambda a: pd.concat([a, a.iloc[:2]]), r"treatment: 2 rows repeat a user \(first: 0\)"),
        (lambda a: a.iloc[1:], "different values of user"),
        (lambda a: a.assign(user=a.user + 1), "different values of user"),
        (lambda a: a.assign(minutes=a.minutes.where(a.user > 2)), "treatment: 3 rows have no minutes"),
    ],
)
def test_bad_arms_are_named(spoil, message: str) -> None:
    before, after = arms(20)
    with pytest.raises(ValueError, match=message):
        paired_change(before, spoil(after), unit="user")


def test_no_relative_change_from_nothing() -> None:
    before, after = arms(20)
    with pytest.raises(ValueError, match="mean of minutes is 0"):
        paired_change(before.assign(minutes=0.0), after, unit="user")
    with pytest.raises(ValueError, match="resamples=10"):
        paired_change(before, after, unit="user", resamples=10)
