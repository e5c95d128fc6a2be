"""What groups of features are worth, where the truth is known."""

import numpy as np
import pytest

from mlsd_lib.offline import features

UNITS = np.repeat(np.arange(200), 5)


def linear(seed=0):
    """Two features that say different things and one that repeats the first; least squares on one half."""
    rng = np.random.default_rng(seed)
    units = UNITS
    first, second = rng.normal(size=(2, 2 * len(units)))
    seen = {"first": first, "again": first, "second": second, "noise": rng.normal(size=2 * len(units))}
    label = 2 * first + second + rng.normal(size=len(first))
    learn = np.arange(len(label)) < len(units)

    def losses(columns):
        features_ = np.column_stack([np.ones(len(label)), *(seen[column] for column in columns)])
        weight, *_ = np.linalg.lstsq(features_[learn], label[learn], rcond=None)
        return (label[~learn] - features_[~learn] @ weight) ** 2

    return losses


def test_what_is_said_twice_is_worth_much_alone_and_nothing_beside_the_other():
    table = features.worth(linear(), {name: [name] for name in ("first", "again", "second", "noise")}, units=UNITS)
    assert table.index.tolist() == ["first", "again", "second", "noise"]
    assert table.loc["first", "alone"] == pytest.approx(4, abs=0.6)
    assert table.loc["again", "alone"] == pytest.approx(table.loc["first", "alone"])
    assert abs(table.loc["again", "beside"]) < 1e-9
    assert table.loc["second", "beside"] == pytest.approx(1, abs=0.25)
    assert table.loc["noise", "beside_low"] < 0.01
    assert (table["alone_low"] <= table["alone"]).all()
    assert (table["alone"] <= table["alone_high"]).all()
    assert (table["beside_low"] <= table["beside"]).all()
    assert (table["beside"] <= table["beside_high"]).all()


def test_the_base_is_in_every_model_and_the_columns_keep_their_order():
    asked = []

    def losses(columns):
        asked.append(list(columns))
        return np.zeros(3)

    features.worth(losses, {"one": ["a", "b"], "two": ["c"]}, units=[1, 2, 3], base=["z"])
    assert asked == [["z"], ["z", "a", "b", "c"], ["z", "a", "b"], ["z", "c"], ["z", "c"], ["z", "a", "b"]]


def test_the_interval_covers_the_truth_as_often_as_it_says_and_counts_units_and_not_rows():
    covered, widths = 0, {}
    for seed in range(100):
        rng = np.random.default_rng(seed)
        change = np.repeat(rng.normal(0.3, 1, 60), 10)  # ten rows of a unit say the same thing

        def losses(columns, change=change):
            return np.where(len(columns), 0, change)

        for kind, units in {"units": np.repeat(np.arange(60), 10), "rows": np.arange(600)}.items():
            table = features.worth(losses, {"one": ["a"]}, units=units, seed=seed)
            if kind == "units":
                covered += bool(table["alone_low"].iloc[0] <= 0.3 <= table["alone_high"].iloc[0])
            widths[kind] = float(table["alone_high"].iloc[0] - table["alone_low"].iloc[0])
    assert 86 <= covered <= 99
    assert widths["units"] > 2 * widths["rows"]


def test_the_mean_is_over_rows_however_they_lie_in_units():
    def losses(columns):
        return np.array([1.0, 2.0, 6.0, 3.0]) * (not columns)

    table = features.worth(losses, {"one": ["a"]}, units=["x", "y", "y", "x"])
    assert table["alone"].iloc[0] == table["beside"].iloc[0] == 3.0


@pytest.mark.parametrize(("groups", "options", "message"), [
    ({}, {}, "worth: there is no group"),
    ({"one": []}, {}, "or a group without a column"),
    ({"one": ["a"], "two": ["a"]}, {}, "worth: 'a' is in two places"),
    ({"one": ["a"]}, {"base": ["a"]}, "worth: 'a' is in two places"),
    ({"one": ["a", "a"]}, {}, "worth: 'a' is in two places"),
])  # fmt: skip
def test_groups_that_mean_nothing_are_refused(groups, options, message):
    with pytest.raises(ValueError, match=message):
        features.worth(lambda columns: np.zeros(3), groups, units=[1, 2, 3], **options)


@pytest.mark.parametrize(("losses", "message"), [
    (np.zeros(2), r"worth: the losses with no column have the shape \(2,\)"),
    (np.zeros((3, 1)), r"the shape \(3, 1\)"),
    (np.array([0, np.nan, np.inf]), "2 are not finite; expected one for each of 3 units"),
])  # fmt: skip
def test_losses_that_do_not_fit_are_refused(losses, message):
    with pytest.raises(ValueError, match=message):
        features.worth(lambda columns: losses, {"one": ["a"]}, units=[1, 2, 3])


def test_a_row_without_a_unit_is_refused():
    with pytest.raises(ValueError, match="worth: units is missing in 1 row"):
        features.worth(lambda columns: np.zeros(3), {"one": ["a"]}, units=["x", None, "y"])
