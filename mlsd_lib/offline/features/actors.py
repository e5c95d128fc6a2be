"""Who is involved: the table that is filled in before any feature is computed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import pandas as pd

EMPTY = "?"


def actors(
    known: Mapping[str, Sequence[str]],
    history: Mapping[tuple[str, str], Sequence[str]] | None = None,
    context: Sequence[str] = (),
) -> pd.DataFrame:
    """The actors of a system, what is known of each, what each two of them have to do with each other, and the context.

    Every pair gets a row, filled in or not: a question mark is a question that nobody has asked yet.

    Args:
        known: What is known of each actor, by its name; at least one actor.
        history: What is known of a pair of them, by the two names in any order, such as {("user", "ad"): ["clicks"]}.
        context: What is true of the moment alone, whoever is involved.

    Returns:
        A row an actor, a row a pair and one for the context: `who`, `kind` ("actor", "pair" or "context"), `features`
        (how many are named) and `what` (their names).

    Raises:
        ValueError: If there is no actor, a pair names one that is not there or one twice, a pair is there twice, or a
            text stands in the place of a list.

    Source: [covington2016youtube]. Chapter: Features.

    >>> actors({"user": ["age"], "film": ["genre"]}, {("film", "user"): ["films of this genre"]})["who"].tolist()
    ['user', 'film', 'user × film', 'context']
    """
    if not known:
        raise ValueError("actors: nobody is named. Begin with who is involved: actors({'user': ['language']}).")
    for name, given in [*known.items(), *(history or {}).items(), ("context", context)]:
        if isinstance(given, str):
            raise ValueError(f"actors: the features of {name!r} are the text {given!r}; give a list of texts.")
    between: dict[frozenset[str], Sequence[str]] = {}
    for pair, names in (history or {}).items():
        strange = [name for name in pair if name not in known]
        if strange or len(set(pair)) != 2:
            reason = f"{strange[0]!r} is no actor" if strange else "it takes two different actors"
            raise ValueError(f"actors: the pair {pair!r}: {reason}. Actors are {', '.join(known)}.")
        if frozenset(pair) in between:
            raise ValueError(f"actors: the pair {pair!r} is there twice. Put its features into one list.")
        between[frozenset(pair)] = names
    lines = [(name, "actor", names) for name, names in known.items()]
    lines += [(f"{one} × {two}", "pair", between.get(frozenset((one, two)), ())) for one, two in combinations(known, 2)]
    lines.append(("context", "context", context))
    return pd.DataFrame(
        [(who, kind, len(names), ", ".join(names) or EMPTY) for who, kind, names in lines],
        columns=["who", "kind", "features", "what"],
    )
