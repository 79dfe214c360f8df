"""What to ask about: pairs, questions or documents, from a collected folder or a judgement file."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rationale_training.bm25 import text_of
from rationale_training.collect.jsonlines import read_objects
from rationale_training.collect.texts import Collected, Document
from rationale_training.errors import UserError
from rationale_training.generate.settings import Config
from rationale_training.judgements import Judgement, Row, fold, read_judgements, read_logs, reviews_of


@dataclass(frozen=True)
class Pair:
    """A query and a document, with the label where it is given."""

    judgement: Judgement
    #: `human` where somebody decided it, `file` where the judgement file said it; None where the teacher decides.
    label_source: str | None = None


@dataclass(frozen=True)
class Text:
    """A question to search for, or a document to ask about."""

    id: str
    text: str
    title: str | None = None


def pairs(config: Config) -> Iterator[Pair]:
    """The pairs of the input, each once. Raises UserError where the input has none to give."""
    found = _of_judgements(config) if config.input.is_file() else _of_folder(config)
    seen: set[tuple[str, str]] = set()
    queries: set[str] = set()
    for pair in found:
        key = (pair.judgement.query_id, pair.judgement.doc_id)
        if key in seen:
            continue
        if config.limit is not None and key[0] not in queries and len(queries) >= config.limit:
            continue
        queries.add(key[0])
        seen.add(key)
        yield pair


def _of_judgements(config: Config) -> Iterator[Pair]:
    annotators = fold(read_logs(config.input))
    for row in read_judgements(config.input):
        given = row.judgement
        label, source = given.label, "file"
        reviews = reviews_of(row, annotators, "agreeing", "label")
        if reviews:
            label, source = reviews[0].label, "human"
        elif config.task == "explain" and _undecided(row, annotators):
            # People looked and disagree, or would not judge: no label to argue for.
            continue
        if config.task == "explain" and label is None:
            continue
        asked = Judgement(
            query_id=given.query_id,
            query=given.query,
            doc_id=given.doc_id,
            document=given.document,
            title=given.title,
            uri=given.uri,
            range=given.range,
            scale=given.scale,
            first_stage_rank=given.first_stage_rank,
            first_stage_score=given.first_stage_score,
            label=label if config.task == "explain" else None,
        )
        yield Pair(asked, source if config.task == "explain" else None)


def _undecided(row: Row, annotators: dict[str, Any]) -> bool:
    return any(folded.statement("decision", row) is not None for folded in annotators.values())


def _of_folder(config: Config) -> Iterator[Pair]:
    if config.task == "explain":
        raise UserError("explain takes its labels from a judgement file; the input is a folder. Run judge on it first.")
    queries = {text.id: text for text in questions(config.input)}
    # Texts are made once: a document stands in many pairs.
    documents = {one.id: (one.title, text_of(one.title, one.text)) for one in documents_of(config.input)}
    path = config.input / "pairs.jsonl"
    for line, row in read_objects(path):
        query = queries.get(row.get("query_id", ""))
        if query is None:
            raise UserError(f"{path}, line {line}: there is no query {row.get('query_id')!r} in queries.jsonl.")
        for name in [row.get("positive"), *row.get("negatives", [])[: config.negatives]]:
            document = documents.get(name)
            if document is None:
                raise UserError(f"{path}, line {line}: there is no document {name!r} in documents.jsonl.")
            yield Pair(
                Judgement(
                    query_id=query.id,
                    query=query.text,
                    doc_id=name,
                    document=document[1],
                    title=document[0],
                )
            )


def questions(folder: Path) -> Iterator[Text]:
    """The queries of a collected folder."""
    yield from _texts(folder / "queries.jsonl")


def documents_of(folder: Path) -> Iterator[Text]:
    """The documents of a collected folder."""
    yield from _texts(folder / "documents.jsonl")


def _texts(path: Path) -> Iterator[Text]:
    for line, row in read_objects(path):
        identity, text, title = row.get("_id"), row.get("text"), row.get("title")
        if not isinstance(identity, str) or not isinstance(text, str):
            raise UserError(f"{path}, line {line}: a row needs the texts _id and text, as collect writes them.")
        yield Text(identity, text, title if isinstance(title, str) and title.strip() else None)


def collected_documents(folder: Path) -> Collected:
    """The documents of a collected folder, to draw negatives from."""
    documents = {t.id: Document(t.id, t.id, "", t.title, t.text) for t in documents_of(folder)}
    return Collected(documents=documents)
