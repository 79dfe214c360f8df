"""The product's own first stage, in Python: the same terms (src/retrieval/analyzer.ts) and the same scores
(src/retrieval/bm25.ts), so that candidates and hard negatives of training are those that the reranker will meet.
"""

import functools
import math
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import regex

from rationale_training import porter

K1 = 1.2
B = 0.75

#: The `stopword` package's English list, which the analyzer uses.
STOP_WORDS = frozenset(
    [
        "about",
        "after",
        "all",
        "also",
        "am",
        "an",
        "and",
        "another",
        "any",
        "are",
        "as",
        "at",
        "be",
        "because",
        "been",
        "before",
        "being",
        "between",
        "both",
        "but",
        "by",
        "came",
        "can",
        "come",
        "could",
        "did",
        "do",
        "each",
        "for",
        "from",
        "get",
        "got",
        "has",
        "had",
        "he",
        "have",
        "her",
        "here",
        "him",
        "himself",
        "his",
        "how",
        "if",
        "in",
        "into",
        "is",
        "it",
        "like",
        "make",
        "many",
        "me",
        "might",
        "more",
        "most",
        "much",
        "must",
        "my",
        "never",
        "now",
        "of",
        "on",
        "only",
        "or",
        "other",
        "our",
        "out",
        "over",
        "said",
        "same",
        "should",
        "since",
        "some",
        "still",
        "such",
        "take",
        "than",
        "that",
        "the",
        "their",
        "them",
        "then",
        "there",
        "these",
        "they",
        "this",
        "those",
        "through",
        "to",
        "too",
        "under",
        "up",
        "very",
        "was",
        "way",
        "we",
        "well",
        "were",
        "what",
        "where",
        "which",
        "while",
        "who",
        "with",
        "would",
        "you",
        "your",
        "a",
        "i",
    ]
)
#: Longer runs of letters are encoded data, not words (UTF-16 units, as JavaScript counts).
LONGEST_WORD = 100

_unspaced = "".join(
    rf"\p{{Script={script}}}" for script in ("Han", "Hiragana", "Katakana", "Thai", "Lao", "Khmer", "Myanmar")
)
_start = rf"[[\p{{L}}\p{{N}}]--[{_unspaced}]]"
_next = rf"[[\p{{L}}\p{{N}}\p{{M}}]--[{_unspaced}]]"
_words = regex.compile(
    rf"([{_unspaced}][{_unspaced}\p{{M}}ー]*)"
    rf"|({_start}{_next}*(?:(?:_+|-){_start}{_next}*)*)(?:['’]\p{{L}}{{1,2}}(?!{_next}))?",
    regex.VERSION1,
)
_parts = regex.compile(r"\p{Lu}+(?!\p{Ll})|\p{Lu}?[\p{Ll}\p{Lt}\p{Lo}\p{Lm}\p{M}]+|\p{N}+|\p{Lu}")
_undivided = regex.compile(r"[A-Z]?[a-z]+|[A-Z]+s?|[0-9]+")
_plain_letters = regex.compile(r"[a-z]+")
_joints = regex.compile(r"[_-]+")


@functools.lru_cache(maxsize=1 << 18)
def _term(word: str) -> str:
    """The term of one word or part, or `''` for a stop word."""
    plain = (word if word.isascii() else unicodedata.normalize("NFKC", word)).lower()
    if plain in STOP_WORDS:
        return ""
    return porter.stem(plain) if _plain_letters.fullmatch(plain) else plain


def _units(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def _words_of(text: str) -> Iterator[str]:
    """Words, then for an identifier its whole and its parts, as the analyzer passes them on to be stemmed."""
    for match in _words.finditer(text):
        run = match[1]
        if run is not None:
            yield from [run] if len(run) == 1 else (run[i : i + 2] for i in range(len(run) - 1))
            continue
        word = match[2]
        pieces = [] if _undivided.fullmatch(word) else _parts.findall(word)
        if len(pieces) < 2:
            if _units(word) <= LONGEST_WORD:
                yield word
            continue
        if _units(word) <= LONGEST_WORD:
            yield _joints.sub("", word).lower()
        # A single letter or digit of an identifier says nothing by itself; as a word of its own it does.
        yield from (piece for piece in pieces if 2 <= _units(piece) <= LONGEST_WORD)


def terms_of(text: str) -> list[str]:
    """The terms of `text` in reading order, repeated as often as they occur."""
    return [term for word in _words_of(text) if (term := _term(word))]


@dataclass(frozen=True)
class Hit:
    """A document that shares a term with the query."""

    id: str
    score: float


def text_of(title: str | None, text: str) -> str:
    """What is indexed and reranked of a document: its title on a line of its own, where it has one, then its text."""
    return f"{title}\n{text}".strip() if title and title.strip() else text


class Bm25Index:
    """BM25 (Robertson and Zaragoza 2009, eq. 3.15, with Lucene's idf) over documents given once.

    The score of a document is the sum over the query's distinct terms, in order of first occurrence, of
    `qtf · ln(1 + (N − df + 0.5) / (df + 0.5)) · tf · (k1 + 1) / (tf + k1 · (1 − b + b · length / mean length))`.
    Memory: 8 bytes per (term, document) posting.
    """

    def __init__(self, documents: Iterable[tuple[str, str]]) -> None:
        self.ids: list[str] = []
        lengths: list[int] = []
        numbers: dict[str, int] = {}
        terms: list[np.ndarray] = []
        counts: list[np.ndarray] = []
        for identity, text in documents:
            found = [numbers.setdefault(term, len(numbers)) for term in terms_of(text)]
            self.ids.append(identity)
            lengths.append(len(found))
            distinct, occurrences = np.unique(np.asarray(found, dtype=np.int32), return_counts=True)
            terms.append(distinct)
            counts.append(occurrences.astype(np.int32))
        if len(set(self.ids)) != len(self.ids):
            raise ValueError("document ids repeat")
        self._numbers = numbers
        self._lengths = np.asarray(lengths, dtype=np.float64)
        sizes = [len(part) for part in terms]
        term_of = np.concatenate(terms) if terms else np.zeros(0, dtype=np.int32)
        slots = np.repeat(np.arange(len(terms), dtype=np.int32), sizes)
        order = np.argsort(term_of, kind="stable")
        self._slots = slots[order]
        self._counts = (np.concatenate(counts) if counts else np.zeros(0, dtype=np.int32))[order]
        self._starts = np.searchsorted(term_of[order], np.arange(len(numbers) + 1))

    def __len__(self) -> int:
        return len(self.ids)

    def search(self, query: str, depth: int) -> list[Hit]:
        """The best `depth` documents that share a term with the query, best first; ties in ascending order of id."""
        scores = self._scores(query)
        touched = np.flatnonzero(scores)
        if depth <= 0 or not len(touched):
            return []
        if len(touched) > depth:
            # All that tie with the last place stay in, so that the order of ids decides among them.
            worst = -np.partition(-scores[touched], depth - 1)[depth - 1]
            touched = touched[scores[touched] >= worst]
        hits = [Hit(self.ids[slot], float(scores[slot])) for slot in touched]
        hits.sort(key=lambda hit: (-hit.score, hit.id.encode("utf-16-be", "surrogatepass")))
        return hits[:depth]

    def _scores(self, query: str) -> np.ndarray:
        total = len(self.ids)
        scores = np.zeros(total, dtype=np.float64)
        if total == 0:
            return scores
        mean = self._lengths.sum() / total
        wanted: dict[int, int] = {}
        for term in terms_of(query):
            if (number := self._numbers.get(term)) is not None:
                wanted[number] = wanted.get(number, 0) + 1
        for number, repeated in wanted.items():
            part = slice(self._starts[number], self._starts[number + 1])
            slots, tf = self._slots[part], self._counts[part].astype(np.float64)
            df = len(slots)
            weight = repeated * math.log(1 + (total - df + 0.5) / (df + 0.5)) * (K1 + 1)
            scores[slots] += (weight * tf) / (tf + K1 * (1 - B + (B * self._lengths[slots]) / mean))
        return scores
