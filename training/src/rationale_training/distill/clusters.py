"""Candidate clusters: what the listwise objective compares, and what a teacher says of every pair in them.

A cluster is K questions and K documents, each document with the question it answers: one question's document and K - 1 of
its BM25 neighbours, each of which brings its own question. So one forward of K documents scores K x K pairs, of which K
are known matches and the rest hard negatives of graded closeness.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rationale_training.errors import UserError

# Ranks (from, to, how many) of the BM25 list that a cluster's neighbours come from: close ones and farther ones.
NEIGHBOUR_BANDS = ((0, 6, 2), (6, 15, 2), (15, 30, 1))
CANDIDATES = 30


@dataclass(frozen=True)
class Pool:
    """Matched questions and documents: `queries[i]` is answered by `documents[i]`, which came from `sources[i]`."""

    queries: list[str]
    documents: list[str]
    sources: list[str]

    @staticmethod
    def read(file: Path) -> Pool:
        """Reads JSON Lines of {query, document, source}. Raises UserError naming the line that lacks a field."""
        pool = Pool([], [], [])
        with file.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                try:
                    row = json.loads(line)
                    query, document = row["query"], row["document"]
                except (json.JSONDecodeError, KeyError, TypeError) as error:
                    raise UserError(f"{file}:{number}: needs an object with query and document ({error!r})") from error
                pool.queries.append(query)
                pool.documents.append(document)
                pool.sources.append(row.get("source", "unknown"))
        return pool


@dataclass(frozen=True)
class Clusters:
    """`members[c]` are K pool indices; `similarity(members)` gives the teacher's cosine of each document and question."""

    members: np.ndarray
    document_vectors: np.ndarray
    query_vectors: np.ndarray

    def similarity(self, members: Sequence[int]) -> np.ndarray:
        """[documents, questions] cosines of the teacher for the given pool indices."""
        index = np.asarray(members)
        return self.document_vectors[index].astype(np.float32) @ self.query_vectors[index].astype(np.float32).T

    def save(self, file: Path) -> None:
        np.savez(
            file,
            members=self.members,
            document_vectors=self.document_vectors.astype(np.float16),
            query_vectors=self.query_vectors.astype(np.float16),
        )

    @staticmethod
    def load(file: Path) -> Clusters:
        with np.load(file) as arrays:
            return Clusters(arrays["members"], arrays["document_vectors"], arrays["query_vectors"])


def neighbours(pool: Pool, count: int = CANDIDATES) -> np.ndarray:
    """[pool, count] pool indices of each question's best BM25 documents (stemmed, k1 1.2, b .75, as the product's)."""
    import bm25s
    import Stemmer

    stem = Stemmer.Stemmer("english")
    tokens = bm25s.tokenize(pool.documents, stopwords="en", stemmer=stem, show_progress=False)
    index = bm25s.BM25(k1=1.2, b=0.75)
    index.index(tokens, show_progress=False)
    asked = bm25s.tokenize(pool.queries, stopwords="en", stemmer=stem, show_progress=False)
    found, _ = index.retrieve(asked, k=min(count, len(pool.documents)), show_progress=False)
    return np.asarray(found, dtype=np.int32)


def draw_clusters(pool: Pool, found: np.ndarray, seed: int) -> np.ndarray:
    """[clusters, K] pool indices, shuffled; questions with too few neighbours are left out."""
    rng = random.Random(seed)
    order = list(range(len(pool.queries)))
    rng.shuffle(order)
    clusters = []
    for i in order:
        others = [int(j) for j in found[i] if j != i]
        if len(others) < 12:
            continue
        chosen = [i]
        for start, end, count in NEIGHBOUR_BANDS:
            band = others[start:end]
            chosen += rng.sample(band, min(count, len(band)))
        if len(chosen) == 1 + sum(count for _, _, count in NEIGHBOUR_BANDS):
            clusters.append(chosen)
    return np.asarray(clusters, dtype=np.int32)


class SentenceEncoder:
    """Mean-pooled, normalised sentence embeddings (the usage note of sentence-transformers' all-MiniLM-L6-v2)."""

    def __init__(self, folder: str) -> None:
        import torch
        from transformers import AutoModel, AutoTokenizer

        self.torch = torch
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.model = AutoModel.from_pretrained(folder, dtype=torch.bfloat16).eval()

    def encode(self, texts: Sequence[str], max_length: int, batch: int = 64) -> np.ndarray:
        """[texts, width] float32 unit vectors; texts cut at `max_length` tokens, a multiple of 16."""
        torch = self.torch
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        vectors: np.ndarray | None = None
        for start in range(0, len(order), batch):
            part = order[start : start + batch]
            inputs = self.tokenizer(
                [texts[i] for i in part],
                truncation=True,
                max_length=max_length,
                padding=True,
                pad_to_multiple_of=16,
                return_tensors="pt",
            )
            with torch.inference_mode():
                hidden = self.model(**inputs).last_hidden_state.float()
            mask = inputs["attention_mask"].unsqueeze(-1).float()
            pooled = torch.nn.functional.normalize((hidden * mask).sum(1) / mask.sum(1), dim=-1).numpy()
            if vectors is None:
                vectors = np.zeros((len(texts), pooled.shape[1]), np.float32)
            vectors[part] = pooled
        return vectors if vectors is not None else np.zeros((0, 1), np.float32)


def make_clusters(pool: Pool, encoder_folder: str, seed: int, limit: int) -> Clusters:
    """The first `limit` clusters of the pool, and the teacher's vectors of what is in them (zeros elsewhere)."""
    members = draw_clusters(pool, neighbours(pool), seed)[:limit]
    used = np.unique(members)
    encoder = SentenceEncoder(encoder_folder)

    def spread(vectors: np.ndarray) -> np.ndarray:
        whole = np.zeros((len(pool.queries), vectors.shape[1]), np.float16)
        whole[used] = vectors
        return whole

    documents = encoder.encode([pool.documents[i] for i in used], max_length=144)
    queries = encoder.encode([pool.queries[i] for i in used], max_length=48)
    return Clusters(members, spread(documents), spread(queries))
