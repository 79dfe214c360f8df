"""A test collection in BEIR's layout, its first stage, and TREC runs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rationale_training.bm25 import Bm25Index, text_of
from rationale_training.errors import UserError

#: {query: {document: score}}
Run = dict[str, dict[str, float]]


@dataclass(frozen=True)
class Collection:
    """Queries with judgements (those without are left out), documents as the product reranks them, qrels."""

    name: str
    queries: dict[str, str]
    documents: dict[str, str]
    qrels: dict[str, dict[str, int]]

    @staticmethod
    def read(folder: Path) -> Collection:
        """Reads corpus.jsonl, queries.jsonl and qrels/test.tsv. Raises UserError naming what is missing or malformed."""
        for name in ("corpus.jsonl", "queries.jsonl", "qrels/test.tsv"):
            if not (folder / name).exists():
                raise UserError(f"{folder} is no BEIR folder: {name} is missing.")
        qrels: dict[str, dict[str, int]] = {}
        for number, line in enumerate((folder / "qrels/test.tsv").open(encoding="utf-8"), 1):
            parts = line.rstrip("\n").split("\t")
            if number == 1 and not parts[-1].lstrip("-").isdigit():
                continue
            if len(parts) != 3 or not parts[2].lstrip("-").isdigit():
                raise UserError(f"{folder}/qrels/test.tsv:{number}: expected query, document and a whole number.")
            qrels.setdefault(parts[0], {})[parts[1]] = int(parts[2])
        documents = {row["_id"]: text_of(row.get("title"), row["text"]) for row in _rows(folder / "corpus.jsonl")}
        queries = {row["_id"]: row["text"] for row in _rows(folder / "queries.jsonl") if row["_id"] in qrels}
        return Collection(folder.name, queries, documents, qrels)

    def first_stage(self, depth: int) -> Run:
        """The product's BM25: each query's `depth` best documents."""
        ids = list(self.documents)
        index = Bm25Index((key, self.documents[key]) for key in ids)
        return {key: {hit.id: hit.score for hit in index.search(text, depth)} for key, text in self.queries.items()}


def _rows(file: Path) -> list[dict[str, str]]:
    rows = []
    for number, line in enumerate(file.open(encoding="utf-8"), 1):
        try:
            row = json.loads(line)
            rows.append({**row, "_id": row["_id"], "text": row["text"]})
        except (json.JSONDecodeError, KeyError, TypeError) as error:
            raise UserError(f"{file}:{number}: needs an object with _id and text ({error!r}).") from error
    return rows


def ranked(scores: Mapping[str, float], first: Mapping[str, float]) -> list[str]:
    """Documents by falling score, ties by the first stage's order."""
    return sorted(scores, key=lambda d: (-scores[d], -first.get(d, 0.0)))


def write_run(run: Run, first: Run, file: Path, tag: str) -> None:
    """A TREC run whose scores fall strictly, so that every evaluator sees the order that is meant."""
    with file.open("w", encoding="utf-8") as out:
        for query, scores in run.items():
            for name in (query, *scores):
                if len(name.split()) != 1:
                    raise UserError(
                        f'id "{name}" holds white space, which a TREC run cannot hold; rename it in the collection.'
                    )
            for rank, document in enumerate(ranked(scores, first.get(query, {})), 1):
                out.write(f"{query} Q0 {document} {rank} {1 / rank:.9f} {tag}\n")


def read_run(file: Path) -> Run:
    """Reads a TREC run. Raises UserError naming the malformed line."""
    run: Run = {}
    for number, line in enumerate(file.open(encoding="utf-8"), 1):
        parts = line.split()
        try:
            query, _, document, _, score, _ = parts
            run.setdefault(query, {})[document] = float(score)
        except ValueError as error:
            raise UserError(f"{file}:{number}: a TREC run has six columns with a number as the fifth.") from error
    return run
