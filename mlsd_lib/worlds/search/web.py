"""The documents of the simulated web, and what is true of them.

A document has a kind, mostly a topic (a concept in a town, a subject of a language, a property of a product) and often
an entity (a business, a person, a product) with an official page and others. Its hidden quality decides between grades.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from mlsd_lib.architecture import Array
from mlsd_lib.worlds import chance
from mlsd_lib.worlds.search import pages, words
from mlsd_lib.worlds.search.pages import Kind

FIRST_ID, STEP_ID = 1_001, 3  # ids neither start at 0 nor follow each other, as in a crawl


SHARES = {
    Kind.BUSINESS: 0.24,
    Kind.EVENT: 0.10,
    Kind.PERSON: 0.18,
    Kind.LANGUAGE: 0.20,
    Kind.PRODUCT: 0.18,
    Kind.BROAD: 0.06,
    Kind.HOMONYM: 0.04,
}
PAGES_EACH = {Kind.BUSINESS: 2, Kind.PERSON: 3, Kind.PRODUCT: 2}  # pages an entity
PAGES_A_TOPIC = 6  # about so many documents are wholly about a topic
LOCAL_CONCEPTS = {Kind.BUSINESS: words.BUSINESSES, Kind.EVENT: words.EVENTS, Kind.PERSON: words.PEOPLE}


@dataclass(frozen=True)
class Plan:
    """How many of everything there are, so that a topic keeps about as many documents however large the web is.

    Attributes:
        towns: Towns.
        languages: Programming languages.
        subjects: Subjects of a language; even.
        types: Types of products.
        properties: Properties of a type; even.

    Topics are numbered: first concept x town, then language x subject, then type x property.
    """

    towns: int
    languages: int
    subjects: int
    types: int
    properties: int

    @classmethod
    def of(cls, documents: int) -> Plan:
        """The plan for a number of documents."""
        towns = max(2, round(documents * SHARES[Kind.BUSINESS] / len(words.BUSINESSES) / PAGES_A_TOPIC))
        subjects, languages = _even(documents * SHARES[Kind.LANGUAGE] / PAGES_A_TOPIC, len(words.SUBJECTS))
        properties, types = _even(documents * SHARES[Kind.PRODUCT] / PAGES_A_TOPIC, len(words.PROPERTIES))
        return cls(towns, languages, subjects, min(types, len(words.USES) * len(words.NOUNS)), properties)

    @property
    def first_subject(self) -> int:
        """The first topic about a language."""
        return len(words.LOCAL) * self.towns

    @property
    def first_product(self) -> int:
        """The first topic about products."""
        return self.first_subject + self.languages * self.subjects

    @property
    def topics(self) -> int:
        """The number of topics."""
        return self.first_product + self.types * self.properties

    def parts(self, topic: Array) -> tuple[Array, Array]:
        """What a topic is made of: concept and town, or language and subject, or type and property."""
        width = np.where(topic < self.first_subject, self.towns, self.subjects)
        width = np.where(topic >= self.first_product, self.properties, width)
        start = np.where(topic < self.first_subject, 0, self.first_subject)
        start = np.where(topic >= self.first_product, self.first_product, start)
        return (topic - start) // width, (topic - start) % width

    def akin(self, topic: Array) -> Array:
        """The topic next to each: the kindred concept in the same town, the kindred subject or property."""
        first, _ = self.parts(topic)
        concept = topic + np.where(first % 2 == 0, self.towns, -self.towns)
        start = np.where(topic >= self.first_product, self.first_product, self.first_subject)
        other = topic + np.where((topic - start) % 2 == 0, 1, -1)
        return np.where(topic < self.first_subject, concept, other)


def _even(topics: float, most: int) -> tuple[int, int]:
    """An even number of inner parts, and as many outer ones as make up the topics."""
    inner = int(np.clip(2 * round(topics**0.5 / 2), 2, most))
    return inner, max(2, round(topics / inner))


@dataclass(frozen=True, eq=False)
class Web:
    """The documents, and the hidden truth about them as arrays of shape (documents,).

    Attributes:
        documents: The public table: `doc_id, title, text, popularity, place`.
        plan: How many of everything there are.
        towns: Their names.
        kind: `Kind` of each document.
        topic: Its topic, -1 for none.
        entity: Its entity, -1 for none.
        official: Whether it is the official page of its entity.
        quality: Hidden quality, standard normal.
        wording: 0 where it uses both wordings of its concepts, 1 only the common one, 2 only the other.
        names: Names of the entities.
        entity_kind: Their kinds.
        entity_topic: Their topics.
        famous: The entities, the most famous first.
    """

    documents: pd.DataFrame
    plan: Plan
    towns: Array
    kind: Array
    topic: Array
    entity: Array
    official: Array
    quality: Array
    wording: Array
    names: Array
    entity_kind: Array
    entity_topic: Array
    famous: Array

    def rows(self, doc_id: Array) -> Array:
        """The row of each document in `documents`, -1 for an id that the web does not have."""
        row, rest = np.divmod(doc_id - FIRST_ID, STEP_ID)
        return np.where((rest == 0) & (row >= 0) & (row < len(self.kind)), row, -1)


def build(seed: int, documents: int, wordless: float) -> Web:
    """Make the web.

    Args:
        seed: Seed of the world.
        documents: How many documents.
        wordless: Share of the documents that use only the common wording of their concepts, and the same share that
            use only the other: so this share of the relevant documents has no word of a query's concept.

    Returns:
        The web; a document depends on the seed, its own number and the size of the web.

    Chapter: Search.
    """
    plan = Plan.of(documents)
    doc = np.arange(documents)
    kind = _kinds(seed, documents)
    topic, entity = np.full(documents, -1), np.full(documents, -1)
    official = np.zeros(documents, dtype=bool)
    entity_kind: list[Array] = []
    entity_topic: list[Array] = []
    entities = 0
    for one in (Kind.BUSINESS, Kind.EVENT, Kind.PERSON, Kind.LANGUAGE, Kind.PRODUCT):
        own = np.flatnonzero(kind == one)
        each = PAGES_EACH.get(one, 1)
        group = np.arange(len(own)) // each
        topics = _topics(seed, one, plan, group[-1] + 1)
        topic[own] = topics[group]
        if one in PAGES_EACH:
            entity[own] = entities + group
            official[own] = np.arange(len(own)) % each == 0
            entity_kind.append(np.full(len(topics), int(one)))
            entity_topic.append(topics)
            entities += len(topics)
    kinds, topics = np.concatenate(entity_kind), np.concatenate(entity_topic)
    fame = chance.normal(seed, "fame", np.arange(entities))
    quality = chance.normal(seed, "quality", doc)
    u = chance.uniform(seed, "wording", doc)
    wording = np.where(u < wordless, 2, np.where(u < 2 * wordless, 1, 0))
    made_of = pages.Made(plan.towns, plan.languages, plan.types)
    names = made_of.names(seed, kinds)
    first, second = plan.parts(np.maximum(topic, 0))
    title, text = pages.write(seed, made_of, kind, first, second, entity, names, official, quality, wording)
    known = chance.uniform(seed, "place known", doc) < 0.9  # a crawler does not always see the address
    local = (topic >= 0) & (topic < plan.first_subject) & known
    towns = np.array(words.towns(plan.towns), dtype=object)
    strength = 0.6 * quality + np.where(entity >= 0, 0.8 * fame[entity], 0.0) + np.where(official, 0.6, 0.0)
    strength += np.where(kind == Kind.BROAD, 2.5, 0.0) + np.where(kind == Kind.HOMONYM, 1.2, 0.0)
    popularity = np.round(10 * np.exp(strength + 0.8 * chance.normal(seed, "links", doc)), 1)
    frame = pd.DataFrame(
        {
            "doc_id": FIRST_ID + STEP_ID * doc,
            "title": pd.Series(title, dtype="str"),
            "text": pd.Series(text, dtype="str"),
            "popularity": popularity,
            "place": pd.Series(np.where(local, towns[second * local], ""), dtype="str"),
        }
    )
    famous = np.argsort(-fame, kind="stable")
    return Web(frame, plan, towns, kind, topic, entity, official, quality, wording, names, kinds, topics, famous)


def _kinds(seed: int, documents: int) -> Array:
    """Kinds in fixed shares, scattered over the table."""
    ends = np.round(np.cumsum(list(SHARES.values())) * documents).astype(np.int64)
    kinds = np.repeat(np.array([int(kind) for kind in SHARES]), np.diff(ends, prepend=0))
    return np.asarray(kinds[np.argsort(np.argsort(chance.bits(seed, "kind", np.arange(documents)), kind="stable"))])


def _topics(seed: int, kind: Kind, plan: Plan, count: int) -> Array:
    """A topic for each of `count` entities or pages: every topic once, as far as they go, and then at random."""
    if kind in LOCAL_CONCEPTS:
        concepts = np.array(LOCAL_CONCEPTS[kind])
        own = (concepts[:, None] * plan.towns + np.arange(plan.towns)).ravel()
    elif kind == Kind.LANGUAGE:
        own = np.arange(plan.first_subject, plan.first_product)
    else:
        own = np.arange(plan.first_product, plan.topics)
    number = np.arange(count)
    own = own[np.argsort(chance.bits(seed, f"topics of {kind.name}", np.arange(len(own))), kind="stable")]
    drawn = (chance.uniform(seed, f"topic of {kind.name}", number) * len(own)).astype(np.int64)
    return np.asarray(own[np.where(number < len(own), number, drawn)])
