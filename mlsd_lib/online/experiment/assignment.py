"""Who sees which arm: by the unit and the experiment alone, so that nobody changes sides from one visit to the next."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from mlsd_lib.architecture import Array
from mlsd_lib.worlds import chance

HALVES: Mapping[str, float] = MappingProxyType({"control": 0.5, "treatment": 0.5})
_SLACK = 1e-9  # shares may miss their sum by so much


def assign(unit: npt.ArrayLike, *, experiment: str, shares: Mapping[str, float] = HALVES) -> Array:
    """The arm of each unit: the same one whenever it is asked, and by another toss in another experiment.

    Arms lie side by side in the order of `shares`. Where the share of the last one grows, units move into it and none
    moves out of it: a treatment that starts at 1 % keeps its people when it goes to 50 %.

    Args:
        unit: Ids of the units, integers or strings, of any shape.
        experiment: Name of the experiment; two experiments of one name share their toss.
        shares: The share of the units that each arm gets; above 0, with the sum 1.

    Returns:
        The name of an arm for each unit, as strings of the shape of `unit`.

    Raises:
        ValueError: If an id is neither an integer nor a string, the experiment has no name, or shares do not sum to 1.

    Chapter: Experiments.

    >>> assign(["ann", "bob", "eve"], experiment="shorter page").tolist()
    ['control', 'treatment', 'treatment']
    """
    if not isinstance(experiment, str) or not experiment:
        raise ValueError(f"assign: experiment is {experiment!r}; give it a name, such as 'new ranker'.")
    sound(shares, "assign")
    ends = np.cumsum(list(shares.values()))[:-1]
    toss = chance.uniform(0, f"assign for {experiment}", np.asarray(unit))
    arms: Array = np.array(list(shares))[np.searchsorted(ends, toss, side="right")]
    return arms


def sound(shares: Mapping[str, float], function: str) -> None:
    """Raise an error unless shares are above 0 and sum to 1.

    Args:
        shares: The share of each arm.
        function: What to call in the error.

    Raises:
        ValueError: If there are fewer than two arms, a share is not above 0, or they do not sum to 1.

    Chapter: Experiments.

    >>> sound({"control": 0.5, "treatment": 0.4}, "assign")
    Traceback (most recent call last):
    ValueError: assign: the shares sum to 0.9, and every unit is in one arm. Let them sum to 1.
    """
    for arm, share in shares.items():
        if not isinstance(arm, str) or not arm:
            raise ValueError(f"{function}: an arm is named {arm!r}; name arms by strings, such as 'treatment'.")
        if isinstance(share, bool) or not isinstance(share, int | float | np.number) or not 0 < share < 1:
            raise ValueError(f"{function}: the share of {arm!r} is {share!r}; expected one between 0 and 1.")
    if len(shares) < 2:
        raise ValueError(f"{function}: {len(shares)} arms; an experiment compares at least two.")
    total = float(sum(shares.values()))
    if abs(total - 1) > _SLACK:
        raise ValueError(f"{function}: the shares sum to {total:g}, and every unit is in one arm. Let them sum to 1.")
