"""Near-duplicates and evaluation leaks: what is nearly the same text as something kept, or as something that a model
will be measured on. Both compare sets of word n-grams (shingles; Broder 1997), so that punctuation, case and line breaks
hide nothing.
"""

import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import regex
import xxhash
from datasketch import MinHash, MinHashLSH

from rationale_training.collect.jsonlines import identity, read_objects, string
from rationale_training.errors import UserError
from rationale_training.judgements import read_lines

_word = regex.compile(r"[\p{L}\p{N}]+")
#: Words of a shingle: of documents, and of queries, which are short.
DOCUMENT_SHINGLE = 5
QUERY_SHINGLE = 3
#: An evaluation query of at least so many words counts as leaked into a document that holds it word by word.
QUOTED_QUERY = 6


def normalised(text: str) -> list[str]:
    """The words of a text, without case, punctuation and compatibility forms."""
    return _word.findall(unicodedata.normalize("NFKC", text).lower())


def shingles(words: list[str], size: int) -> np.ndarray:
    """Sorted distinct 64-bit hashes of the word n-grams; of a shorter text, of its words as they stand."""
    grams = range(max(1, len(words) - size + 1)) if words else ()
    hashes = [xxhash.xxh64_intdigest(" ".join(words[i : i + size]).encode()) for i in grams]
    return np.unique(np.asarray(hashes, dtype=np.uint64))


@dataclass(frozen=True)
class Removal:
    """Something that was left out because it is too much like something else."""

    kind: str
    id: str
    reason: str
    of: str
    overlap: float


def near_duplicates(kind: str, texts: Iterable[tuple[str, str]], size: int, threshold: float) -> Iterator[Removal]:
    """Those of the texts (id, text) whose shingles have a Jaccard similarity of at least `threshold` with an earlier one
    that stays. Candidates come from MinHash (128 permutations), and are then compared exactly."""
    index = MinHashLSH(threshold=max(0.1, threshold - 0.15), num_perm=128)
    kept: dict[str, np.ndarray] = {}
    same: dict[bytes, str] = {}
    for identity_, text in texts:
        words = normalised(text)
        key = xxhash.xxh128_digest(" ".join(words).encode())
        if key in same:
            yield Removal(kind, identity_, "duplicate", same[key], 1.0)
            continue
        own = shingles(words, size)
        if not len(own):
            same[key] = identity_
            continue
        sketch = MinHash(num_perm=128, seed=1, hashfunc=int)
        sketch.update_batch([int(value) & 0xFFFFFFFF for value in own])
        best, overlap = "", 0.0
        for other in sorted(index.query(sketch)):
            theirs = kept[other]
            shared = len(np.intersect1d(own, theirs, assume_unique=True))
            similarity = shared / (len(own) + len(theirs) - shared)
            if similarity > overlap:
                best, overlap = other, similarity
        if overlap >= threshold:
            yield Removal(kind, identity_, "near-duplicate", best, round(overlap, 3))
            continue
        same[key] = identity_
        kept[identity_] = own
        index.insert(identity_, sketch)


class _Overlaps:
    """Which of many texts share shingles with a text: hashes and their texts' numbers, sorted by hash."""

    def __init__(self, texts: list[list[str]], size: int) -> None:
        self.size = size
        sets = [shingles(words, size) for words in texts]
        self.sizes = np.asarray([len(one) for one in sets])
        hashes = np.concatenate(sets) if sets else np.zeros(0, dtype=np.uint64)
        numbers = np.repeat(np.arange(len(sets)), self.sizes) if sets else np.zeros(0, dtype=np.int64)
        order = np.argsort(hashes, kind="stable")
        self.hashes, self.numbers = hashes[order], numbers[order]

    def shared(self, words: list[str]) -> tuple[np.ndarray, np.ndarray, int]:
        """Numbers of the texts that share a shingle with `words`, how many, and how many `words` has."""
        own = shingles(words, self.size)
        left = np.searchsorted(self.hashes, own, "left")
        right = np.searchsorted(self.hashes, own, "right")
        found = [self.numbers[a:b] for a, b in zip(left, right, strict=True) if b > a]
        numbers, counts = np.unique(np.concatenate(found), return_counts=True) if found else (np.zeros(0, int),) * 2
        return numbers, counts, len(own)


class EvaluationSets:
    """What models will be measured on: BEIR folders (texts of queries and documents) and qrels files (ids alone)."""

    def __init__(self, paths: Iterable[Path]) -> None:
        self.query_ids: dict[str, str] = {}
        self.doc_ids: dict[str, str] = {}
        self.counts: dict[str, dict[str, int]] = {}
        queries: list[tuple[str, list[str]]] = []
        documents: list[tuple[str, list[str]]] = []
        for path in paths:
            if path.is_dir():
                name = path.name
                found_queries, found_documents = _beir_texts(path)
                queries += [(f"{name} query {q}", normalised(text)) for q, text in found_queries]
                documents += [(f"{name} document {d}", normalised(text)) for d, text in found_documents]
                self.counts[name] = {"queries": len(found_queries), "documents": len(found_documents)}
            else:
                ids = list(read_qrels(path))
                for query, document, _ in ids:
                    self.query_ids[query] = f"{path.name} query {query}"
                    self.doc_ids[document] = f"{path.name} document {document}"
                self.counts[path.name] = {"judgements": len(ids)}
        self._query_names = [name for name, _ in queries]
        self._query_words = [words for _, words in queries]
        self._document_names = [name for name, _ in documents]
        self._equal = {" ".join(words): name for name, words in [*documents, *queries] if words}
        self._queries = _Overlaps(self._query_words, QUERY_SHINGLE)
        self._documents = _Overlaps([words for _, words in documents], DOCUMENT_SHINGLE)

    def leaked_query(self, identity_: str, origin: str, text: str, threshold: float) -> Removal | None:
        """The evaluation query that `text` (id, id in its source) is, or whose shingles it shares to that degree."""
        if origin in self.query_ids:
            return Removal("query", identity_, "evaluation id", self.query_ids[origin], 1.0)
        words = normalised(text)
        if (name := self._equal.get(" ".join(words))) is not None:
            return Removal("query", identity_, "evaluation text", name, 1.0)
        return self._overlap("query", identity_, words, self._queries, self._query_names, threshold)

    def leaked_document(self, identity_: str, origin: str, text: str, threshold: float) -> Removal | None:
        """The evaluation document that `text` is, holds or lies in, or the evaluation query that it quotes."""
        if origin in self.doc_ids:
            return Removal("document", identity_, "evaluation id", self.doc_ids[origin], 1.0)
        words = normalised(text)
        if (name := self._equal.get(" ".join(words))) is not None:
            return Removal("document", identity_, "evaluation text", name, 1.0)
        found = self._overlap("document", identity_, words, self._documents, self._document_names, threshold)
        return found or self._quoted(identity_, words)

    def _overlap(
        self, kind: str, identity_: str, words: list[str], index: _Overlaps, names: list[str], threshold: float
    ) -> Removal | None:
        numbers, counts, own = index.shared(words)
        if not len(numbers):
            return None
        # Of the smaller of the two: a short text inside a long one is a leak either way.
        share = counts / np.minimum(index.sizes[numbers], own)
        best = int(np.argmax(share))
        if share[best] < threshold:
            return None
        return Removal(kind, identity_, "evaluation overlap", names[int(numbers[best])], round(float(share[best]), 3))

    def _quoted(self, identity_: str, words: list[str]) -> Removal | None:
        numbers, counts, _ = self._queries.shared(words)
        text = f" {' '.join(words)} "
        for number, count in zip(numbers, counts, strict=True):
            query = self._query_words[number]
            whole = len(query) >= QUOTED_QUERY and count == self._queries.sizes[number]
            if whole and f" {' '.join(query)} " in text:
                return Removal("document", identity_, "evaluation query", self._query_names[number], 1.0)
        return None


def read_qrels(path: Path) -> Iterator[tuple[str, str, int]]:
    """Query, document and grade of qrels: four columns (TREC), or three behind a header (BEIR)."""
    for number, line, _ in read_lines(path):
        text = line.decode("utf-8", "replace")
        fields = text.split("\t") if "\t" in text else text.split()
        fields = [one.strip() for one in fields]
        try:
            if len(fields) not in (3, 4):
                raise ValueError
            grade = int(fields[-1])
        except ValueError:
            if number == 1:
                continue
            raise UserError(f"{path}, line {number}: no line of qrels (query, [0,] document, grade).") from None
        yield fields[0], fields[-2], grade


def _beir_texts(folder: Path) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    queries, corpus = folder / "queries.jsonl", folder / "corpus.jsonl"
    if not queries.exists() and not corpus.exists():
        raise UserError(f"{folder} is no BEIR folder: it holds neither queries.jsonl nor corpus.jsonl.")
    texts: list[list[tuple[str, str]]] = [[], []]
    for found, path in zip(texts, (queries, corpus), strict=True):
        if path.exists():
            for line, value in read_objects(path):
                title = value.get("title")
                title = title if isinstance(title, str) else ""
                text = string(value, ("text",), path, line)
                found.append((identity(value, text, path, line), f"{title}\n{text}".strip()))
    return texts[0], texts[1]
