"""Every check on texts that must pass and texts that must fail, and against the extension's own checks."""

import random

import pytest

from extension_side import extension
from rationale_training.checks import (
    TITLES,
    check,
    check_answer,
    contradicts,
    ends_with_anchor,
    gives_away,
    grounding,
    has_open_quote,
    is_verbatim,
    names_label,
    quotes_of,
    repeats,
    sentences_of,
    support,
)
from rationale_training.profile import Prompt, render_answer

EXPLAIN = Prompt(raw="x", answer="{explanation}\n\nRelevance Label: {label} ##", stop=(" ##",))
LABEL_FIRST = Prompt(raw="x", answer="{label}\nExplanation: {explanation}", stop=("\n",))
QUERY = "How does a hash table resolve collisions?"
DOCUMENT = (
    "A hash table stores keys in buckets. When two keys hash to the same bucket, separate chaining keeps\n"
    "a linked list per bucket, while “open addressing” probes for the next free slot. The load factor decides when to grow."
)
GOOD = [
    (2, 'The document names two ways of resolving collisions: it says that "separate chaining keeps a linked list per bucket".'),
    (1, "The passage describes buckets and the load factor of a hash table. It leaves open how probing picks a slot."),
    (0, "The text explains linked lists and buckets. Nothing in it speaks about sorting, which the reader wants."),
    (2, "Separate chaining and “open addressing” resolve collisions, as the document describes for keys in the same bucket."),
]  # fmt: skip


@pytest.mark.parametrize(("label", "text"), GOOD)
def test_good_rationales_pass(label: int, text: str) -> None:
    assert check(text, label, DOCUMENT, QUERY, verdict_comes_last=True).failed == ()


@pytest.mark.parametrize(
    ("fault", "label", "text"),
    [
        ("empty", 2, "  \n"),
        ("repetition", 2, "The table keeps a linked list per bucket, and the table keeps a linked list per bucket."),
        ("repetition", 2, "A hash table stores keys in buckets here. So a hash table stores keys in buckets."),
        ("contradiction", 2, "The document about hash tables and buckets is not relevant to collisions."),
        ("contradiction", 2, "The document does not address how a hash table resolves collisions in buckets."),
        ("contradiction", 0, "It directly answers how a hash table resolves collisions by separate chaining."),
        ("contradiction", 0, "The chaining of keys in buckets is relevant to resolving collisions."),
        ("contradiction", 1, "The hash table passage has nothing to do with collisions of keys."),
        ("contradiction", 1, "Separate chaining fully answers how a hash table resolves collisions."),
        ("contradiction", 2, "The buckets of a hash table are partially relevant to collisions."),
        ("length", 2, "Hash tables."),
        ("length", 2, "It has buckets. It has keys too. The list is linked. The slot is free."),
        ("quote", 2, 'The document says that "hash tables never collide" in any bucket at all.'),
        ("quote", 2, 'The document says that "separate chaining keeps a linked list per bucket.'),
        ("unsupported", 2, "Photosynthesis in leaves converts sunlight into chemical energy for plants."),
        ("labels", 2, "Separate chaining resolves collisions of keys, so the relevance label is 2."),
        ("labels", 2, "Separate chaining resolves collisions of keys ## and open addressing does as well."),
        ("given_away", 2, "The document is relevant. Separate chaining keeps a linked list per bucket."),
        ("given_away", 0, "This is irrelevant. The hash table keeps keys in buckets, not collisions of cars."),
    ],
)
def test_each_fault_is_found(fault: str, label: int, text: str) -> None:
    assert fault in TITLES
    assert fault in check(text, label, DOCUMENT, QUERY, verdict_comes_last=True).failed


def test_an_early_verdict_is_no_fault_after_the_label() -> None:
    text = "The document is relevant, since separate chaining keeps a linked list per bucket."
    assert gives_away(text)
    assert check(text, 2, DOCUMENT, QUERY).failed == ()


@pytest.mark.parametrize(
    ("quote", "found"),
    [
        ("separate chaining keeps a linked list", True),  # across a line break
        ('"open addressing" probes', True),  # curly there, straight here
        ("Separate chaining keeps", False),  # another letter case is another text
        ("the load factor", False),
        ("The load factor decides when to grow", True),
        ("A hash table … next free slot", True),
        ("next free slot ... A hash table", False),  # the wrong order
        ("linked list per bucket,", True),
        ("linked lists per bucket", False),
    ],
)
def test_quotes_are_verbatim_or_not(quote: str, found: bool) -> None:
    assert is_verbatim(quote, DOCUMENT) is found


def test_quotation_marks_of_all_kinds_are_seen() -> None:
    text = "It says \"one thing\", “another thing”, «a third», ‘a fourth’ and 'a fifth one', but it's the user's word."
    assert quotes_of(text) == ["one thing", "another thing", "a third", "a fourth", "a fifth one"]
    assert not has_open_quote(text)
    assert not has_open_quote('a 5" disc')
    assert has_open_quote("it says “so")


def test_a_quotation_is_part_of_its_sentence() -> None:
    assert sentences_of('It says: "One. Two. Three." Then it stops.') == [
        'It says: "One. Two. Three."',
        "Then it stops.",
    ]
    assert sentences_of("The value 3.14 is used, e.g. here.") == ["The value 3.14 is used, e.g. here."]


def test_negated_verdicts_are_read_as_negated() -> None:
    for text in (
        "It does not directly answer the question.",
        "It never fully addresses the collisions.",
        "The text is not relevant.",
        "Nothing here answers the question.",
        "The document doesn't answer the question",
    ):
        assert not contradicts(text, 0, (0, 1, 2)), text
    assert not contradicts("It is not irrelevant to the question.", 2, (0, 1, 2))
    assert not contradicts("It does not address growth, but it is relevant to collisions.", 2, (0, 1, 2))
    assert not contradicts('It answers with "this is not relevant here".', 2, (0, 1, 2)) or extension(
        checks=[{"label": 2, "explanation": 'It answers with "this is not relevant here".', "scale": "interank"}]
    )["checks"][0] == ["contradiction"]


def test_what_the_extension_flags_is_flagged_here() -> None:
    rng = random.Random(4)
    pieces = [
        "The document is not relevant.", "It is irrelevant", "It directly answers the question.", "It fully addresses it",
        "It does not directly answer.", "never completely answers", "a hash table keeps its keys in eight buckets",
        "and", "so that", ".", "\n", "The text was entirely irrelevant.", '"it is not relevant"', "word word word word",
        "It's the user's own view of the matter.", "",
    ]  # fmt: skip
    rows = [
        {
            "label": rng.randrange(3),
            "explanation": " ".join(rng.choices(pieces, k=rng.randrange(1, 9))),
            "scale": "interank",
        }
        for _ in range(600)
    ]
    flagged = 0
    for row, theirs in zip(rows, extension(checks=rows)["checks"], strict=True):
        ours = check(str(row["explanation"]), int(str(row["label"])), "").failed
        assert set(theirs) <= set(ours), (row, theirs, ours)
        flagged += bool(theirs)
    assert 100 < flagged < 600


def test_answers_must_end_with_their_label() -> None:
    good = render_answer(EXPLAIN, 2, GOOD[0][1])
    assert check_answer(EXPLAIN, good, DOCUMENT, QUERY, labels=(0, 1, 2)).failed == ()
    assert ends_with_anchor(EXPLAIN, good.removesuffix(" ##"), (0, 1, 2))  # the stop text is cut off
    assert not ends_with_anchor(EXPLAIN, good + "\nAnd so on", (0, 1, 2))
    assert "anchor" in check_answer(EXPLAIN, GOOD[0][1], DOCUMENT, QUERY, labels=(0, 1, 2)).failed
    assert ends_with_anchor(LABEL_FIRST, f"2\nExplanation: {GOOD[0][1]}", (0, 1, 2))
    assert not ends_with_anchor(LABEL_FIRST, "2\nExplanation: The document says that the", (0, 1, 2))
    assert ends_with_anchor(Prompt(raw="x", answer="{label}"), " 1", (0, 1, 2))


def test_support_and_grounding_measure_what_they_say() -> None:
    assert (
        support("Separate chaining keeps lists. Leaves convert sunlight into chemical energy.", DOCUMENT, QUERY) == 0.5
    )
    assert support("It does not answer the question.", DOCUMENT, QUERY) == 0.0
    assert grounding("Buckets hold linked lists.", DOCUMENT) > 0.6 > grounding("Leaves convert sunlight.", DOCUMENT)


def test_labels_are_named_or_not() -> None:
    assert names_label("I would give it a score of 2.") and names_label("Label: 0")
    assert not names_label('The document scores well. It says "label 2".')
    assert not repeats("A hash table is a table of hashes; a list is a list.")
