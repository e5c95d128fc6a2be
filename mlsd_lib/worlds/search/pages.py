"""Titles and texts: sentences by kind of page, filled with the names and wordings that a document is about.

In a template `{a}` is the first part of the topic in the document's wording and `{b}` the second; `{A}` and `{B}` are
the same in its second wording, which differs where a document uses both; `{n}` is the entity, `{s}` a street, `{m}` a
month, `{o}` somebody, `{d}` something else altogether. `{an_a}` and `{an_A}` have their article.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

import numpy as np

from mlsd_lib.architecture import Array
from mlsd_lib.worlds import chance
from mlsd_lib.worlds.search import words
from mlsd_lib.worlds.search.typing_errors import misspell


class Templates(NamedTuple):
    """What a kind of page can say."""

    titles: tuple[str, ...]
    first: tuple[str, ...]
    second: tuple[str, ...]
    more: tuple[str, ...]


class Kind(IntEnum):
    """What a document is about."""

    BUSINESS = 0
    EVENT = 1
    PERSON = 2
    LANGUAGE = 3
    PRODUCT = 4
    BROAD = 5  # lists, portals, news: much linked to, rarely what was asked for
    HOMONYM = 6  # the other python


OFFICIAL = {
    Kind.BUSINESS: Templates(
        ("{n} | {a} in {b}", "{n}, {b}", "{n} – {s}, {b}", "Welcome to {n}", "{a}: {n} ({b})"),
        (
            "{n} is a small family firm on {s} in {b}: {a} since 1987.",
            "{a}, five minutes from {b} station: that is {n}.",
            "You find {n} on {s} in {b}. What we do is short to say: {a}.",
            "{n}: {a} for {b} and the villages around.",
        ),
        ("{A}? Look no further.", "{A}, done with care.", "People who ask for {A} come here.", "Our trade: {A}."),
        (
            "Open Tuesday to Sunday.",
            "Call us or drop in, no appointment needed.",
            "There is parking behind the house.",
            "Prices are on the door and on this page.",
            "{o} has run the place for twelve years.",
            "We speak English, French and a little Polish.",
            "Groups of more than eight, please ring a day ahead.",
            "Gift cards can be ordered by post.",
        ),
    ),
    Kind.PERSON: Templates(
        ("{n}", "{n}, {a}", "{n} – {a} in {b}", "{n}: home page", "{a} {n}"),
        (
            "{n}, {a}, works in {b}.",
            "I am {n}. I live in {b} and earn my bread as {an_a}.",
            "{n} has rooms on {s} in {b}. The sign says {a}.",
        ),
        (
            "Some clients say {A}, and that is fine.",
            "{A} by calling and by training.",
            "Look under {A}, too.",
        ),
        (
            "Studies in Leeds and Ghent came first.",
            "Work in progress is shown on these pages.",
            "Write to the address below; answers take two days.",
            "Two colleagues help out in summer.",
            "The first conversation is free of charge.",
            "Earlier work is listed by year.",
        ),
    ),
    Kind.PRODUCT: Templates(
        ("{n}", "{n} – {b} {a}", "{n} | {a}", "{n}: data sheet"),
        ("{n}: {b} {a} made to last.", "Meet {n}: {a}, {b}, in four sizes.", "The {b} {a} of the season: {n}."),
        ("In a word: {B} {A}.", "Shops keep them with the {A}, shelf {B}.", "{A} should be {B}, and these are."),
        (
            "Delivery takes three days.",
            "Two years' warranty, thirty days to send it back.",
            "Weight 740 g, packed in cardboard.",
            "The maker answers questions by mail.",
            "To be had in black, green and sand.",
            "Care: wipe with a damp cloth.",
        ),
    ),
}

OTHER = {
    Kind.BUSINESS: Templates(
        ("We tried {n}", "{n}: what guests say", "An hour at {n}", "{n} in {b} – reviews", "{a} in {b}: {n}"),
        (
            "We went to {n} in {b} on a wet Thursday, in search of {a}.",
            "{n} ({a}, on {s}) has changed hands, as all {b} knows.",
            "{a}, we said, and friends in {b} sent us to {n}.",
        ),
        ("Of all we know under {A}, this is in the upper half.", "Verdict, as {A} go: solid.", "In {b} one says {A}."),
        (
            "The staff had time for us.",
            "We waited a quarter of an hour.",
            "The bill was fair.",
            "Somebody had lost our booking, and apologised.",
            "Would we come back? Yes.",
            "{o} was less pleased and said so.",
            "Bring cash, the machine was broken.",
        ),
    ),
    Kind.EVENT: Templates(
        ("{a} {b}, {m}", "{a} in {b}", "{b}: {a} returns in {m}", "Programme: {a}", "{m} in {b}"),
        (
            "On the second weekend of {m} it is time again in {b}: {a}.",
            "{m} brings {a} to {b}, on and around {s}.",
            "In {m} the town of {b} invites everyone: {a}.",
        ),
        ("Expect {A} from noon until late.", "Two days, one theme: {A}.", "{A} for all ages."),
        (
            "Tickets are sold at the town hall.",
            "Children come in free.",
            "{o} has organised it for years.",
            "In case of rain it moves to the gym.",
            "Buses run every twenty minutes.",
            "Volunteers are welcome from eight o'clock.",
        ),
    ),
    Kind.PERSON: Templates(
        ("Interview: {n}", "{n} at sixty", "{n} honoured in {b}", "A visit to {n}", "{n} – profile"),
        (
            "We met {n}, {a}, at home in {b}.",
            "{b} has honoured {n} for thirty years as {an_a}.",
            "{n} ({a}, {b}) on work, weather and patience.",
        ),
        (
            "What does {an_A} do all day?",
            "The life of {an_A} is quieter than we thought.",
            "{A} was not the first plan.",
        ),
        (
            "The talk lasted two hours.",
            "There was tea, and a dog.",
            "{o} took the pictures.",
            "Asked about money, our host smiled.",
            "A shorter version appeared in print.",
            "The prize is given every other year.",
        ),
    ),
    Kind.LANGUAGE: Templates(
        (
            "{a} {b}",
            "{b} in {a}",
            "{a}: {b} explained",
            "Working with {b} ({a})",
            "{a} notes, part 7: {b}",
            "{b}, step by step",
        ),
        (
            "This page explains {b} in {a}.",
            "{a} has two answers to questions of {b}.",
            "How does {a} deal with {b}?",
            "A short course on {b} for people who know some {a}.",
        ),
        ("Some texts call this {B} and speak of {A}.", "Elsewhere filed as {A}: {B}.", "See also: {A}, {B}."),
        (
            "We start with the smallest program that runs.",
            "Copy the lines below and change one thing at a time.",
            "The exercise at the end takes ten minutes.",
            "Beginners fall into the same trap each year.",
            "Measured on a laptop, the second version is faster.",
            "The official manual is terse here.",
            "Comments are welcome; corrections even more so.",
            "{o} sent in the third solution.",
        ),
    ),
    Kind.PRODUCT: Templates(
        ("{n} tested", "Three months with {n}", "{n}: is it worth the money?", "{b} {a}: {n}", "{n} against the rest"),
        (
            "We wore out {n} so that you need not: {a}, said to be {b}.",
            "{n} promise a lot: {b} {a}.",
            "Our reader {o} bought {n}, {b} {a}, and wrote to us.",
        ),
        ("For {A} that are {B}, this is a fair price.", "{A} can be {B} and still fail.", "{B}? As {A} go, yes."),
        (
            "The seam gave way in week five.",
            "Nothing broke, nothing rattled.",
            "The older model was heavier.",
            "The shop sent a new one at once.",
            "Points off for the packaging.",
            "We measured twice.",
        ),
    ),
    Kind.BROAD: Templates(
        (
            "The best of the year: {d}",
            "Top ten: {d}, {a} and more",
            "Everything about {d}",
            "Today: {d}, weather, football",
            "{a} and {d}: the big list",
            "Portal: {b}, {d}, jobs and cars",
        ),
        (
            "From {a} to {d}: what the country talks about.",
            "Our editors rank {d} near you, from coast to coast.",
            "The best {a}, the best {d}, all on one page.",
        ),
        ("Also on this page: {A}, {B}, {d}.", "Most read: {d}. Then {A}.", "Next week: {B} and {d}."),
        (
            "Subscribe to the letter on Fridays.",
            "Forty more on page two.",
            "The list is paid for in part by those on it.",
            "Vote for your own best.",
            "Weather: rain in {b}, sun on the coast.",
            "Stars, jobs, cars and {d}.",
            "Open now: our shop, with {d} and {a}.",
        ),
    ),
    Kind.HOMONYM: Templates(
        ("{n} ({a})", "The {a} called {n}: {t}", "{n}: {t}", "{t} of the {a} {n}"),
        ("{A}", "Did you know? {A}", "Children learn it early. {A}"),
        ("Written for {b}, read by everybody.", "Much loved by {b}.", "Ask {b}, they will tell you more."),
        (
            "A list of books follows.",
            "Files of pictures can be searched by date.",
            "Sorting them into types and classes took years.",
            "The museum has strings of them.",
            "Modules for schools come in packages of ten.",
            "Statistics are kept since 1950.",
        ),
    ),
}
ASIDES = (
    "Next door: {d}.",
    "Those who want {d} will have to look elsewhere.",
    "Not to be confused with {d}.",
    "Readers of this page also looked for {d}.",
    "In an earlier life it was all about {d}.",
)
FACETS = ("a history", "pictures", "questions and answers", "names and myths", "an introduction", "twelve facts")
SLIPS = 0.05  # share of titles with a typing error, among documents that use both wordings
STREETS = (
    "Mill Lane",
    "Station Road",
    "Church Street",
    "Bridge Street",
    "Harbour Road",
    "King Street",
    "Chapel Row",
    "Market Square",
)


class Made(NamedTuple):
    """The names that a web needs, as many as it needs.

    Attributes:
        towns: Number of towns.
        languages: Number of languages.
        types: Number of types of products.
    """

    towns: int
    languages: int
    types: int

    def names(self, seed: int, kinds: Array) -> Array:
        """A name for every entity; businesses and people may share theirs with others.

        Args:
            seed: Seed of the world.
            kinds: Kind of each entity.

        Returns:
            Names, as objects.
        """
        number = np.arange(len(kinds))
        one, two, form = (chance.uniform(seed, f"name {part}", number).tolist() for part in ("one", "two", "form"))
        last = words.surnames(max(60, len(kinds) // 20))
        makers = words.brands(max(24, len(kinds) // 60))
        names = []
        for place, kind in enumerate(kinds.tolist()):
            u, v = one[place], two[place]
            if kind == Kind.PERSON:
                names.append(f"{_pick(words.GIVEN, u)} {_pick(last, v)}")
            elif kind == Kind.PRODUCT:
                names.append(f"{_pick(makers, u)} {_pick(words.SIGNS, v)} {10 * int(1 + 89 * form[place])}")
            elif form[place] < 0.4:
                names.append(f"The {_pick(words.ADJECTIVES, u)} {_pick(words.SIGNS, v)}")
            else:
                names.append(f"{_pick(last, u)}'s {_pick(words.SIGNS, v)}")
        return np.array(names, dtype=object)


def wordings(made: Made) -> dict[int, tuple[list[words.Wording], list[words.Wording]]]:
    """For each kind of document the wordings of the first and of the second part of its topic."""
    towns = [words.Wording(town, town) for town in words.towns(made.towns)]
    local = (list(words.LOCAL), towns)
    language = (list(words.languages(made.languages)), list(words.SUBJECTS))
    product = (list(words.product_types(made.types)), list(words.PROPERTIES))
    return {
        Kind.BUSINESS: local,
        Kind.EVENT: local,
        Kind.PERSON: local,
        Kind.LANGUAGE: language,
        Kind.PRODUCT: product,
        Kind.BROAD: local,
    }


def write(
    seed: int,
    made: Made,
    kind: Array,
    first: Array,
    second: Array,
    entity: Array,
    names: Array,
    official: Array,
    quality: Array,
    wording: Array,
) -> tuple[list[str], list[str]]:
    """Titles and texts of documents; all arrays but `names` are of shape (documents,).

    Args:
        seed: Seed of the world.
        made: How many names there are.
        kind: Kind of each document.
        first: First part of its topic.
        second: Second part of its topic.
        entity: Its entity, or -1.
        names: Names of the entities.
        official: Whether it is an official page.
        quality: Its hidden quality; better pages tend to say more.
        wording: 0 for both wordings, 1 for the common one, 2 for the other.

    Returns:
        Titles and texts.
    """
    doc = np.arange(len(kind))
    spoken = wordings(made)
    draws = np.column_stack([chance.uniform(seed, "page", doc, part) for part in range(12)]).tolist()
    longer = np.clip(np.round(2.2 + 0.8 * quality + chance.normal(seed, "length", doc)), 0, 6).astype(int).tolist()
    elsewhere = [way.common for way in (*words.LOCAL, *words.SUBJECTS[:8], *words.languages(10))]
    kind_, first_, second_, entity_ = kind.tolist(), first.tolist(), second.tolist(), entity.tolist()
    titles, texts = [], []
    for place, (one, way, is_official) in enumerate(zip(kind_, wording.tolist(), official.tolist(), strict=True)):
        u = draws[place]
        said = (OFFICIAL if is_official else OTHER)[one]
        d = _pick(elsewhere, u[0])
        if one == Kind.HOMONYM:
            name, sense, claim, readers = words.HOMONYMS[int(u[1] * len(words.HOMONYMS))]
            filled = {"n": name, "a": sense, "A": claim, "b": readers, "t": _pick(FACETS, u[3])}
        else:
            aa, bb = spoken[one]
            a = aa[int(u[1] * len(aa))] if one == Kind.BROAD else aa[first_[place]]
            b = bb[int(u[2] * len(bb))] if one == Kind.BROAD else bb[second_[place]]
            start = 1 if way == 2 or (way == 0 and u[3] < 0.5) else 0
            end = start if way else 1 - start
            filled = {"a": a[start], "b": b[start], "A": a[end], "B": b[end]}
            filled |= {"an_a": _with_article(a[start]), "an_A": _with_article(a[end])}
            filled |= {"n": names[entity_[place]] if entity_[place] >= 0 else ""}
        filled |= {"s": _pick(STREETS, u[4]), "m": _pick(words.MONTHS, u[5]), "d": d}
        filled |= {"o": f"{_pick(words.GIVEN, u[6])} {_pick(words.SURNAMES_KNOWN, u[7])}"}
        turn = int(u[8] * len(said.more))
        lines = [_pick(said.first, u[9])]
        lines += [said.more[(turn + step) % len(said.more)] for step in range(longer[place])]
        if way == 0 or one >= Kind.BROAD:
            lines.insert(1 + int(u[10] * len(lines)), _pick(said.second, u[11]))
        if way == 1 and one < Kind.BROAD:
            lines.append(_pick(ASIDES, u[8]))
        text = " ".join(lines).format_map(filled)
        titles.append(_capital(_pick(said.titles, u[2] if one != Kind.BROAD else u[3]).format_map(filled)))
        texts.append(". ".join(_capital(part) for part in text.split(". ")))
    return _with_slips(seed, titles, wording), texts


def _with_slips(seed: int, titles: list[str], wording: Array) -> list[str]:
    """Pages have typing errors, too, so that an unknown word and a wrong one are not the same."""
    doc = np.arange(len(titles))
    some = np.flatnonzero((chance.uniform(seed, "slip in a title", doc) < SLIPS) & (wording == 0))
    draws = [chance.uniform(seed, f"slip in a title {part}", some) for part in ("where", "how", "which")]
    for place, title in zip(some.tolist(), misspell(np.array(titles, dtype=object)[some], *draws), strict=True):
        titles[place] = title
    return titles


def _pick(values: tuple[str, ...] | list[str], u: float) -> str:
    return values[int(u * len(values))]


def _with_article(text: str) -> str:
    return f"{'an' if text[0] in 'aeiouAEIOU' else 'a'} {text}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
