"""What a group of features is worth: alone, and beside all the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from mlsd_lib.architecture import Array
from mlsd_lib.metrics import checks, noise


def worth(
    losses: Callable[[list[str]], Array],
    groups: Mapping[str, Sequence[str]],
    *,
    units: npt.ArrayLike,
    base: Sequence[str] = (),
    seed: int = 0,
) -> pd.DataFrame:
    """What each group of features takes off the loss, added to the base alone and beside all other groups.

    The two differ where groups say the same thing twice: each is worth much alone, and neither is missed.

    Args:
        losses: Trains a model on the named columns and returns its loss on each row of a fixed test set.
        groups: The columns of each group by the group's name; no column in two groups or in `base`.
        units: What each row of the test set belongs to (a user, a request): they are resampled for the intervals.
        base: Columns that every model has.
        seed: Seed of the intervals.

    Returns:
        A row a group: `alone`, by how much the mean loss falls when it is added to the base, and `beside`, by how much
        it rises when the group is taken from the model that has everything; each with its 95 % interval (`alone_low`,
        `alone_high`, `beside_low`, `beside_high`), paired by row.

    Raises:
        ValueError: If there is no group, a column is in two places, a unit is missing, or the losses do not fit the
            units.

    Source: [he2014facebook]. Chapter: Features.

    >>> def losses(columns):  # a loss of 1, less 0.25 for each column
    ...     return np.full(4, 1 - 0.25 * len(columns))
    >>> worth(losses, {"ad": ["ctr"], "user": ["age"]}, units=[1, 1, 2, 2])["beside"].to_dict()
    {'ad': 0.25, 'user': 0.25}
    """
    columns = [*base, *(column for names in groups.values() for column in names)]
    if not groups or not all(len(names) for names in groups.values()):
        raise ValueError("worth: there is no group, or a group without a column. Name at least one column in each.")
    again = [column for place, column in enumerate(columns) if column in columns[:place]]
    if again:
        raise ValueError(f"worth: {again[0]!r} is in two places, so that taking one away changes nothing. Decide.")
    of = checks.columns("worth", pd.DataFrame({"units": np.asarray(units)}), "units")
    code, _ = pd.factorize(of["units"])
    rows = np.bincount(code)

    def run(names: list[str]) -> Array:
        found = np.asarray(losses(names), dtype=np.float64)
        if found.shape != code.shape or not np.isfinite(found).all():
            raise ValueError(
                f"worth: the losses with {', '.join(names) or 'no column'} have the shape {found.shape} and "
                f"{int((~np.isfinite(found)).sum())} are not finite; expected one for each of {len(code)} units."
            )
        return found

    def fall(before: Array, after: Array) -> noise.Mean:
        change = np.bincount(code, weights=before - after)
        return noise.ratio(pd.Series(change), pd.Series(rows), seed=seed)

    nothing, everything = run(list(base)), run(columns)
    found = {}
    for group, names in groups.items():
        alone = fall(nothing, run([*base, *names]))
        beside = fall(run([column for column in columns if column not in set(names)]), everything)
        found[group] = {
            "alone": alone.value,
            "alone_low": alone.low,
            "alone_high": alone.high,
            "beside": beside.value,
            "beside_low": beside.low,
            "beside_high": beside.high,
        }
    return pd.DataFrame.from_dict(found, orient="index").rename_axis("group")
