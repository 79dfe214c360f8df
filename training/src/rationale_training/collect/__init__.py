"""Collects queries, documents and hard negatives to train on.

Reads question-and-answer dumps, collections of documents, BEIR folders and TREC corpora; removes near-duplicates and
whatever leaks from the evaluation sets; draws hard negatives from the product's own BM25. Writes queries.jsonl,
documents.jsonl, pairs.jsonl, removed.jsonl and a dataset card. The same config and inputs give the same bytes; an
interrupted run starts over.
"""

import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rationale_training.bm25 import Bm25Index, text_of
from rationale_training.collect.card import card
from rationale_training.collect.duplicates import (
    DOCUMENT_SHINGLE,
    QUERY_SHINGLE,
    EvaluationSets,
    Removal,
    near_duplicates,
)
from rationale_training.collect.settings import Config
from rationale_training.collect.sources import read_source
from rationale_training.collect.texts import Collected, Positive, Query
from rationale_training.errors import UserError
from rationale_training.judgements import dump_line
from rationale_training.manifest import Manifest, progress, write_text

__all__ = ["Config", "run"]


def run(config: Config, out: Path, resume: bool) -> None:
    """Runs the stage; see the module's docstring."""
    inputs = [path for s in config.sources for path in (s.path, s.topics, s.qrels) if path is not None]
    manifest = Manifest.open(
        out, "collect", config, seed=config.seed, inputs=[*inputs, *config.evaluation], resume=resume
    )
    if manifest.complete:
        return
    collected = Collected()
    for source in config.sources:
        read_source(source, config.seed, collected)
    read = {"queries": len(collected.queries), "documents": len(collected.documents)}
    if not collected.documents:
        raise UserError("the sources gave no document; see min_words and the scores in the config.")
    evaluation = EvaluationSets(config.evaluation)
    removals = [*remove_leaks(collected, evaluation, config.leak_overlap)]
    removals += remove_duplicates(collected, config.near_duplicate)
    pairs = list(with_negatives(collected, config))
    counts: dict[str, Any] = {
        "read": read,
        "left_out": dict(sorted(collected.left_out.items())),
        "removed": _tally(removals),
        "evaluation": evaluation.counts,
        "queries": len(collected.queries),
        "documents": len(collected.documents),
        "pairs": len(pairs),
        "negatives": sum(len(pair["negatives"]) for pair in pairs),
    }
    files = {
        "queries.jsonl": map(_query_row, collected.queries),
        "documents.jsonl": (
            {"_id": d.id, "title": d.title or "", "text": d.text, "source": d.source}
            for d in collected.documents.values()
        ),
        "pairs.jsonl": pairs,
        "removed.jsonl": (vars(removal) for removal in removals),
    }
    for name, rows in files.items():
        write_text(out / name, "".join(f"{dump_line(row)}\n" for row in rows))
    write_text(out / "README.md", card(config, counts))
    manifest.finish(outputs=[*(out / name for name in files), out / "README.md"], counts=counts)


def remove_leaks(collected: Collected, evaluation: EvaluationSets, threshold: float) -> list[Removal]:
    """Takes out of `collected` what is, holds or quotes an evaluation text; says what and why."""
    removals = []
    for query in progress(collected.queries, len(collected.queries), "leaks: queries"):
        # A long question leaks with its title alone, too.
        for text in filter(None, (query.text, query.title)):
            if (found := evaluation.leaked_query(query.id, query.origin, text, threshold)) is not None:
                removals.append(found)
                break
    for document in progress(collected.documents.values(), len(collected.documents), "leaks: documents"):
        text = text_of(document.title, document.text)
        if (found := evaluation.leaked_document(document.id, document.origin, text, threshold)) is not None:
            removals.append(found)
    _remove(collected, removals, {})
    return removals


def remove_duplicates(collected: Collected, threshold: float) -> list[Removal]:
    """Takes near-duplicates out of `collected`; where a removed document answered a query, the one kept does."""
    documents = [(d.id, text_of(d.title, d.text)) for d in collected.documents.values()]
    queries = [(query.id, query.text) for query in collected.queries]
    removals = [
        *near_duplicates(
            "document", progress(documents, len(documents), "duplicates: documents"), DOCUMENT_SHINGLE, threshold
        ),
        *near_duplicates("query", progress(queries, len(queries), "duplicates: queries"), QUERY_SHINGLE, threshold),
    ]
    _remove(collected, removals, {r.id: r.of for r in removals if r.kind == "document"})
    return removals


def _remove(collected: Collected, removals: Iterable[Removal], instead: dict[str, str]) -> None:
    gone = {(removal.kind, removal.id) for removal in removals}
    collected.documents = {k: d for k, d in collected.documents.items() if ("document", k) not in gone}
    kept: list[Query] = []
    for query in collected.queries:
        if ("query", query.id) in gone:
            continue
        had = bool(query.positives)
        positives: dict[str, Positive] = {}
        for positive in query.positives:
            doc = instead.get(positive.doc_id, positive.doc_id)
            if doc in collected.documents:
                positives.setdefault(doc, Positive(doc, positive.relation, positive.grade))
        query.positives = list(positives.values())
        judged = [instead.get(doc, doc) for doc in query.judged_not]
        query.judged_not = [d for d in dict.fromkeys(judged) if d in collected.documents and d not in positives]
        if had and not query.positives:
            collected.leave_out("queries whose answers were all removed")
            continue
        kept.append(query)
    collected.queries = kept


def with_negatives(collected: Collected, config: Config) -> Iterable[dict[str, Any]]:
    """A row for each query and positive: the negatives are what the source judged as such, then a draw from BM25's best
    without the query's positives. All positives of a query share its negatives."""
    index = Bm25Index(
        (d.id, text_of(d.title, d.text))
        for d in progress(collected.documents.values(), len(collected.documents), "BM25: documents")
    )
    for query in progress(collected.queries, len(collected.queries), "BM25: queries"):
        if not query.positives:
            continue
        taken = {positive.doc_id for positive in query.positives}
        ranks = {hit.id: rank for rank, hit in enumerate(index.search(query.text, config.depth), start=1)}
        negatives = [doc for doc in query.judged_not if doc not in taken][: config.negatives]
        pool = [doc for doc, rank in ranks.items() if rank > config.skip and doc not in taken and doc not in negatives]
        # Seeded by the query, so that another query more or less changes nothing here.
        draw = random.Random(f"{config.seed} {query.id}")
        drawn = draw.sample(pool, min(config.negatives - len(negatives), len(pool)))
        negatives += sorted(drawn, key=lambda doc: ranks[doc])
        for positive in query.positives:
            yield {
                "query_id": query.id,
                "positive": positive.doc_id,
                "relation": positive.relation,
                "grade": positive.grade,
                "positive_rank": ranks.get(positive.doc_id),
                "negatives": negatives,
                "negative_ranks": [ranks.get(doc) for doc in negatives],
            }


def _query_row(query: Query) -> dict[str, Any]:
    return {
        "_id": query.id,
        "text": query.text,
        "title": query.title,
        "body": query.body,
        "source": query.source,
        "links": query.links,
        "metadata": query.metadata,
    }


def _tally(removals: Iterable[Removal]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for removal in removals:
        key = f"{removal.kind}: {removal.reason}"
        counts[key] = counts.get(key, 0) + 1
    return dict(sorted(counts.items()))
