"""What a model goes by: how much its trees gained from a column, and what is lost when a column is shuffled.

Both describe the model, not the world. The first is counted on the rows that it was trained on, so it also counts what
was learned by heart; the second is measured on rows that the model has not seen.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from mlsd_lib.architecture import Array
from mlsd_lib.offline.training.measuring import Examples, entropy_alone
from mlsd_lib.offline.training.models import Model


def gains(model: Model) -> pd.Series[float]:
    """The share of what its trees gained in training that each column brought.

    Args:
        model: One of the kind "trees" or "leaves".

    Returns:
        A share a column, the largest first; they sum to 1 (0 each if no tree has a split).

    Raises:
        ValueError: If the model has no trees.

    Source: [friedman2001greedy]. Chapter: Models.

    >>> from mlsd_lib.offline.training import train
    >>> table = pd.DataFrame({"idle": np.arange(100) % 7, "x": np.arange(100)})
    >>> gains(train("trees", table, table["x"] > 60, trees=3, least=5)).index[0]
    'x'
    """
    gain = np.asarray(model.booster.feature_importance("gain"), dtype=np.float64)
    return pd.Series(gain / (gain.sum() or 1.0), index=list(model.columns.names)).sort_values(ascending=False)


def shuffled(model: Model, examples: Examples, *, repeats: int = 5, seed: int = 0) -> pd.DataFrame:
    """What is lost when a column is shuffled, so that it says nothing any more.

    Args:
        model: Any model.
        examples: Rows that it was not trained on.
        repeats: How many times to shuffle each column; at least 2.
        seed: Seed of the shuffling.

    Returns:
        A row a column, the largest loss first: `lost` (how much the normalised entropy rises, the mean over the
        shufflings), `spread` (their standard deviation) and `share` (of all that is lost, what is below 0 counted as
        nothing).

    Raises:
        ValueError: If `repeats` is below 2, or as `entropy`.

    Source: [breiman2001forests]. Chapter: Models.

    >>> from mlsd_lib.offline.training import train
    >>> table = pd.DataFrame({"idle": np.arange(100) % 7, "x": np.arange(100)})
    >>> rows = Examples(table, table["x"] > 60, np.arange(100))
    >>> shuffled(train("linear", table, rows.target), rows).index[0]
    'x'
    """
    from sklearn.inspection import permutation_importance

    if repeats < 2:
        raise ValueError(f"shuffled: repeats is {repeats}; expected at least 2, to see how much they differ.")

    def score(judged: _Judged, table: pd.DataFrame, target: Array) -> float:
        return -entropy_alone(Examples(table, target, examples.unit), judged.model.predict(table))

    names = list(model.columns.names)
    found = permutation_importance(
        _Judged(model), examples.table[names], examples.target, scoring=score, n_repeats=repeats, random_state=seed
    )
    lost = pd.DataFrame({"lost": found.importances_mean, "spread": found.importances_std}, index=names)
    whole = lost["lost"].clip(lower=0)
    lost["share"] = whole / (whole.sum() or 1.0)
    return lost.sort_values("lost", ascending=False)


class _Judged:
    """A model as scikit-learn wants to see it."""

    def __init__(self, model: Model) -> None:
        self.model = model

    def fit(self, table: pd.DataFrame, target: Array) -> None:
        """It is trained already."""
