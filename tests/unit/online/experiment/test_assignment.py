import numpy as np
import pytest
from scipy import stats

from mlsd_lib.online import experiment
from mlsd_lib.online.experiment import assign

MANY = np.arange(200_000)
THIRDS = {"control": 0.5, "new ranker": 0.3, "new page": 0.2}


@pytest.mark.parametrize("unit", [MANY, np.char.add("user ", MANY[:50_000].astype(str)), MANY * 1_000_003 - 7])
def test_each_arm_gets_its_share_of_any_kind_of_id(unit):
    arms = assign(unit, experiment="ranker", shares=THIRDS)
    counts = [(arms == arm).sum() for arm in THIRDS]
    assert sum(counts) == len(unit)
    assert stats.chisquare(counts, np.array(list(THIRDS.values())) * len(unit)).pvalue > 1e-4


def test_a_unit_gets_the_same_arm_alone_and_in_any_company():
    arms = assign(MANY[:1_000], experiment="ranker")
    mixed = np.random.default_rng(0).permutation(1_000)
    assert (assign(MANY[mixed], experiment="ranker") == arms[mixed]).all()
    assert [str(assign(unit, experiment="ranker")) for unit in range(20)] == arms[:20].tolist()
    assert assign(MANY[:6].reshape(2, 3), experiment="ranker").shape == (2, 3)


def test_arms_do_not_change_from_one_version_of_the_library_to_the_next():
    assert assign(range(1, 9), experiment="new ranker").tolist() == ["treatment"] * 5 + ["control"] + ["treatment"] * 2


def test_two_experiments_toss_independently():
    one, other = (assign(MANY, experiment=name) for name in ("ranker", "page"))
    table = [[np.sum((one == a) & (other == b)) for a in set(one)] for b in set(other)]
    assert stats.chi2_contingency(table).pvalue > 1e-4
    assert (assign(MANY, experiment="ranker") == one).all()


def test_the_toss_is_not_that_of_a_world_with_the_same_seed():
    from mlsd_lib.worlds import chance

    treated = assign(MANY, experiment="ranker") == "treatment"
    assert abs(np.corrcoef(treated, chance.uniform(0, "ranker", MANY))[0, 1]) < 0.01


def test_who_is_treated_stays_treated_while_the_treatment_grows():
    before = np.zeros(len(MANY), dtype=bool)
    for share in (0.01, 0.1, 0.5, 0.9):
        now = assign(MANY, experiment="ranker", shares={"control": 1 - share, "treatment": share}) == "treatment"
        assert now[before].all()
        assert now.mean() == pytest.approx(share, abs=0.005)
        before = now


@pytest.mark.parametrize(
    ("shares", "told"),
    [
        ({"control": 0.5, "treatment": 0.4}, r"assign: the shares sum to 0\.9"),
        ({"control": 1.0}, "the share of 'control' is 1.0; expected one between 0 and 1"),
        ({"control": 1.2, "treatment": -0.2}, "share of 'control' is 1.2"),
        ({"control": 0.5, "treatment": True}, "share of 'treatment' is True"),
        ({"control": 0.5, "treatment": float("nan")}, "share of 'treatment' is nan"),
        ({"control": 0.5, "treatment": "half"}, "share of 'treatment' is 'half'"),
        ({"control": 0.5, 1: 0.5}, "an arm is named 1"),
        ({"control": 0.5, "": 0.5}, "an arm is named ''"),
        ({"control": 0.9}, "1 arms; an experiment compares at least two"),
    ],
)
def test_shares_that_are_none_are_refused(shares, told):
    with pytest.raises(ValueError, match=told):
        assign(MANY, experiment="ranker", shares=shares)


def test_shares_may_miss_their_sum_by_rounding():
    assert len(assign(MANY[:5], experiment="ranker", shares={f"arm {n}": 0.1 for n in range(10)})) == 5


@pytest.mark.parametrize("name", ["", None, 7])
def test_an_experiment_without_a_name_is_refused(name):
    with pytest.raises(ValueError, match="give it a name"):
        assign([1], experiment=name)


def test_ids_that_are_no_ids_are_refused():
    with pytest.raises(ValueError, match="integers or strings were expected"):
        assign([1.5], experiment="ranker")


def test_the_room_exports_what_it_names():
    assert all(hasattr(experiment, name) for name in experiment.__all__)
    assert len(set(experiment.__all__)) == len(experiment.__all__)
