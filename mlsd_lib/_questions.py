"""The clarifying questions of step 1, as data."""

from __future__ import annotations

from dataclasses import dataclass

KINDS = ("search", "feed", "ads", "recommendation", "extraction", "linking", "segmentation")
THEMES = ("scope", "users", "data", "scale", "hardware", "privacy", "fairness", "cost", "ownership")


@dataclass(frozen=True)
class Question:
    """A question to ask before designing.

    Attributes:
        theme: What it is about; one of `THEMES`.
        ask: The question, as it would be said.
        because: Why the answer matters.
        decides: The choices in the design that the answer settles.
        kinds: The kinds of system it is for; empty for every system.

    Chapter: Set up the problem.

    >>> Question("cost", "What may a request cost?", "It bounds the model.", "model size").kinds
    ()
    """

    theme: str
    ask: str
    because: str
    decides: str
    kinds: tuple[str, ...] = ()


ALL = (
    Question(
        "scope",
        "What happens today, and what goes wrong with it?",
        "The present system is the baseline, and what people complain about is the goal.",
        "the baseline to beat; whether a model is needed at all",
    ),
    Question(
        "scope",
        "How will we know in a year that it was worth it?",
        "A label that is easy to log is rarely what the company wants.",
        "the label; the metrics that decide a launch; the guardrails",
    ),
    Question(
        "scope",
        "Is it a search of everything, or of one thing, such as the products of a shop?",
        "A shop knows price, stock and brand; the web knows links and text.",
        "the index; the features; whether a sale is a label",
        ("search",),
    ),
    Question(
        "scope",
        "How is the feed ordered now, and what do people miss?",
        "An order by time shows the loudest author first, not the most relevant post.",
        "what replaces the order by time; what stays in it",
        ("feed",),
    ),
    Question(
        "scope",
        "Who pays, and for what: a view, a click, or a sale?",
        "The price turns a probability into an order.",
        "the prediction and how exact its value must be, not only its order",
        ("ads",),
    ),
    Question(
        "scope",
        "Should people finish what they start, or start more?",
        "The two reward different titles.",
        "the label; the shelf that is optimised",
        ("recommendation",),
    ),
    Question(
        "scope",
        "Which types of name, in which languages, and may they overlap?",
        "Each type and language needs labels of its own.",
        "the tag set; one model or several; the metric for partial matches",
        ("extraction",),
    ),
    Question(
        "scope",
        "Which knowledge base, and what about names that are not in it?",
        "Most wrong links are to a famous namesake.",
        "candidate generation; whether 'none of them' is an answer",
        ("linking",),
    ),
    Question(
        "scope",
        "Which classes must never be missed, and what acts on the mask?",
        "A missed pedestrian and a missed kerb do not cost the same.",
        "the loss; the metric a class; how late an answer is useless",
        ("segmentation",),
    ),
    Question(
        "users",
        "Who are the people, and what are they trying to get done?",
        "Success is theirs: an answer found, an evening well spent.",
        "the end-to-end metric",
    ),
    Question(
        "users",
        "Which kinds of query: a person such as 'Richard Nixon', a subject such as 'programming languages', a place?",
        "A person has one right page, a subject many good ones, and a place depends on where the searcher is.",
        "the intents to tell apart; precision at the top, or variety; whether location is a feature",
        ("search",),
    ),
    Question(
        "users",
        "How often are queries misspelt?",
        "A query that matches nothing cannot be ranked.",
        "whether a rewriting component stands first",
        ("search",),
    ),
    Question(
        "data",
        "What is logged now, with which delay, and who chose what was shown?",
        "A log holds answers only to what the present system dared to show.",
        "labels from people's behaviour or from annotators; a share of random traffic",
    ),
    Question(
        "data",
        "What is known at the moment of the request?",
        "A feature that arrives later cannot be served.",
        "the features; what is computed ahead of time",
    ),
    Question(
        "scale",
        "How many requests a second at the peak, how many items, and how long may an answer take?",
        "They bound the time for one item, and with it the model.",
        "depth of the model; number of stages; machines",
    ),
    Question(
        "scale",
        "How many posts are new for one person at one time?",
        "Some hundreds can all be scored by one model; some millions cannot.",
        "whether a funnel is needed",
        ("feed",),
    ),
    Question(
        "hardware",
        "Where does it run: on a phone, in a car, on processors or accelerators that we have?",
        "Memory and power are harder limits than accuracy.",
        "model family and size; precision of its arithmetic; what is left to a server",
    ),
    Question(
        "hardware",
        "Which sensors feed the model, how often, and can they be trusted in rain and at night?",
        "A model cannot see what no sensor records.",
        "the inputs; whether to fuse sensors; which conditions need data of their own",
        ("segmentation",),
    ),
    Question(
        "privacy",
        "Which data may be used, for how long, and what happens when somebody asks to be forgotten?",
        "A feature that must be deleted later is in every model trained on it.",
        "the features; retention of logs; how often to retrain",
    ),
    Question(
        "fairness",
        "Who could be served worse than others, and who would notice?",
        "An average hides a group for which the system does not work.",
        "the slices that are measured; minimum exposure for small authors and new items",
    ),
    Question(
        "cost",
        "What may a request cost, and what is one better answer worth?",
        "A model that is a little better can cost more than it brings.",
        "model size; where the funnel is cut; whether labels are bought",
    ),
    Question(
        "ownership",
        "Who owns the goal, who is woken at night, and who may say no to a launch?",
        "A trade-off without an owner is decided by whoever ships first.",
        "the launch metric and its guardrails; monitoring; the path back",
    ),
)
