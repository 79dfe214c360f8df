"""Rationales to learn from: people's and teachers' where there are any, else one made from the document itself.

An extractive rationale says what the passage has of the question, what it lacks, and quotes the words that show it. It is
plain and it is true, and the same checks that filter a teacher's text hold for it.
"""

from __future__ import annotations

import json
import math
import random
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from rationale_training.checks import check
from rationale_training.errors import UserError

_WORD = re.compile(r"[A-Za-z][A-Za-z0-9+#-]{2,}")
_QUOTE_WORDS = (5, 16)
_STOP = frozenset(
    "the and for with that this from are was were what how does why which when where who has have had can not its into "
    "use used using about than then also such other more most between their there these those mean meaning define explain "
    "should would could will may might been being you your but all any one two it's via per".split()
)

# {have}: terms of the question that occur; {lack}: terms that do not; {quote}: the document's own words; {topic}: its subject.
_ANSWERS = [
    'It covers {have} directly: "{quote}".',
    'The passage speaks of {have} and says "{quote}".',
    '"{quote}" is what the question about {have} asks for.',
    'On {have}, the text states "{quote}".',
    'The question asks about {have}, and the passage explains: "{quote}".',
    'Its subject is {have}; the key words are "{quote}".',
    'A reader who asks about {have} finds the answer in "{quote}".',
    'It deals with {have}. It states that "{quote}".',
    'This is about {have}: "{quote}".',
]
_TOUCHES = [
    'It mentions {have} but says nothing about {lack}; the nearest words are "{quote}".',
    'The passage touches on {have} ("{quote}") without treating {lack}.',
    '"{quote}" is close to {have}, yet nothing is said of {lack}.',
    'Related to {have}, but its subject is another one: "{quote}".',
    '"{quote}" is all it has on {have}; it does not treat {lack}.',
    'It shares {have} with the question and leaves out {lack}: "{quote}".',
    'There is something on {have}: "{quote}". It does not go into {lack}.',
]
_TOUCHES_ALL = [
    'It names {have} in passing: "{quote}". What is asked is not treated.',
    'The words {have} occur in "{quote}", but the subject is another one.',
    'Close in subject, it says "{quote}" and does not go on to what is asked.',
]
_MISSES = [
    'It is about "{topic}" and says nothing on {lack}.',
    'The passage speaks of "{topic}", not of {lack}.',
    'Its subject is another one: "{topic}". Nothing in it concerns {lack}.',
    'Without a word on {lack}, the text is about "{topic}".',
    'Nothing here is on {lack}. It describes "{topic}".',
    'It deals with "{topic}", which does not help with {lack}.',
]


def _listed(terms: list[str]) -> str:
    return terms[0] if len(terms) == 1 else f"{', '.join(terms[:-1])} and {terms[-1]}"


class ExtractiveWriter:
    """Writes rationales from a document's own words; weighs words by how rare they are in `documents`."""

    def __init__(self, documents: Iterable[str]) -> None:
        counts: Counter[str] = Counter()
        total = 0
        for document in documents:
            total += 1
            counts.update({word.lower() for word in _WORD.findall(document)})
        self._counts, self._total = counts, total

    def rarity(self, word: str) -> float:
        """Inverse document frequency, natural logarithm."""
        return math.log((1 + self._total) / (1 + self._counts[word.lower()]))

    def lacking(self, query: str, document: str) -> list[str]:
        """The question's telling words that the document lacks, the rarest first."""
        present = {word.lower() for word in _WORD.findall(document)}
        return sorted((t for t in self._terms(query) if not _in(t, present)), key=self.rarity, reverse=True)

    def _terms(self, query: str) -> list[str]:
        return [t for t in dict.fromkeys(_WORD.findall(query)) if t.lower() not in _STOP and self.rarity(t) > 1.2]

    def write(self, query: str, document: str, label: int, rng: random.Random) -> str | None:
        """One or two sentences for a label 0, 1 or 2, or None where the document offers nothing to say it with."""
        terms = self._terms(query)
        present = {word.lower() for word in _WORD.findall(document)}
        have = sorted((t for t in terms if _in(t, present)), key=self.rarity, reverse=True)[: rng.choice([1, 2, 2, 3])]
        lack = self.lacking(query, document)[: rng.choice([1, 2, 2])]
        if label == 0:
            topic = self.quotation(document, [], rng)
            subject = lack or have
            if topic is None or not subject:
                return None
            return _filled(rng.choice(_MISSES), {"topic": topic, "lack": _listed(subject)})
        quote = self.quotation(document, terms, rng)
        if quote is None or not have:
            return None
        templates = _ANSWERS if label == 2 else _TOUCHES if lack else _TOUCHES_ALL
        values = {"have": _listed(have), "lack": _listed(lack) if lack else "", "quote": quote}
        return _filled(rng.choice(templates), values)

    def quotation(self, document: str, terms: list[str], rng: random.Random) -> str | None:
        """A run of words, verbatim, from the sentence that has most of `terms` (from the first sentences without any)."""
        sentences = [s for s in re.split(r"(?<=[.!?;])\s+", document) if len(s.split()) >= _QUOTE_WORDS[0]]
        if not sentences:
            return None
        wanted = {t.lower() for t in terms}

        def weight(words: list[str]) -> float:
            return sum(
                self.rarity(w) for w in {x.lower() for word in words for x in _WORD.findall(word)} if w in wanted
            )

        if terms:
            sentence = max(sentences, key=lambda s: weight(s.split()) / (10 + len(s.split())) ** 0.5)
        else:
            sentence = sentences[rng.randrange(min(2, len(sentences)))]
        words = sentence.split()
        size = min(len(words), rng.randint(_QUOTE_WORDS[0] + 1, _QUOTE_WORDS[1]))
        starts = range(len(words) - size + 1)
        best = max(starts, key=lambda at: (weight(words[at : at + size]), -at))
        quote = " ".join(words[best : best + size]).rstrip(".,;:!?")
        return None if '"' in quote or "“" in quote or "”" in quote or quote not in document else quote


def _in(term: str, present: set[str]) -> bool:
    """Whether a word or its singular or plural is among `present` (lower case)."""
    low = term.lower()
    return low in present or low.rstrip("s") in present or f"{low}s" in present


def _filled(template: str, values: dict[str, str]) -> str:
    text = re.sub(r"\{(\w+)\}", lambda slot: values[slot[1]], template)
    return text[0].upper() + text[1:] if text[0].islower() else text


@dataclass(frozen=True)
class RationaleRow:
    """A judged pair with its explanation; `weight` scales its loss."""

    query: str
    document: str
    label: int
    explanation: str
    weight: float = 1.0


def read_rationales(file: Path) -> list[RationaleRow]:
    """Rows of {query, document, label, explanation[, problems, weight]} without problems.

    Raises UserError naming the line that lacks a field."""
    rows = []
    with file.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            try:
                row = json.loads(line)
                if not row.get("problems"):
                    weight = float(row.get("weight", 1.0))
                    rows.append(RationaleRow(row["query"], row["document"], row["label"], row["explanation"], weight))
            except (json.JSONDecodeError, KeyError, TypeError) as error:
                raise UserError(f"{file}:{number}: needs query, document, label and explanation ({error!r})") from error
    return rows


def is_good(row: RationaleRow) -> bool:
    """Whether the checks find nothing wrong with a row's explanation."""
    return check(row.explanation, row.label, row.document, row.query).good
