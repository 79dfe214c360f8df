"""A judgement file of a run, with people's labels, and what runs and qrels of it must hold: input of evaluation_readers.py."""

import json
import pathlib
import random
from dataclasses import dataclass, field

from answer_ids import answer_id
from reviewed import write_lines
from source import judgement_rows, sampled

# Ids as workspaces and collections have them: spaces, percent signs, other scripts, a colon.
QUERIES = {"q1": "What is a naïve café?", "q 2": "tab\tin the query", "q%203": "über alles", "四": "这是什么？"}
DOCUMENTS = ["docs/a file.md#0-20", "plain", "100%", "docs/a%20file.md", "naïve\u00a0id", "x:y"]
TEXTS = {document: f"Text of {document}: 👩‍🔬\u2028 line" for document in DOCUMENTS}
# With them, queries and documents of the file that the suite is run on: their ids and texts are real ones.
if rows := judgement_rows():
    for row in sampled(rows, 6):
        QUERIES[row["query_id"]] = row["query"]
        TEXTS[row["doc_id"]] = row["document"]
    DOCUMENTS = list(TEXTS)


@dataclass
class Ranked:
    path: pathlib.Path
    # query id -> document ids, best first
    order: dict[str, list[str]] = field(default_factory=dict)
    # query id -> document id -> label that a person gave or accepted
    labels: dict[str, dict[str, int]] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    explanations: dict[tuple[str, str], str] = field(default_factory=dict)


def write_ranked(folder: pathlib.Path) -> Ranked:
    """An answer for each query and document: tied scores, a failed row at the end, a second sample of a document, labels of two people."""
    folder.mkdir(parents=True)
    ranked = Ranked(folder / "run.judgements.jsonl")
    choice = random.Random(7)
    lines, events = [], []
    for query_id, query in QUERIES.items():
        documents = choice.sample(DOCUMENTS, len(DOCUMENTS))
        ranked.order[query_id] = documents
        ranked.labels[query_id] = {}
        rows = []
        for place, document in enumerate(documents, 1):
            ranked.texts[document] = TEXTS[document]
            failed = place == len(documents)
            row = {
                "query_id": query_id,
                "query": query,
                "doc_id": document,
                "document": ranked.texts[document],
                "title": "A title" if document == "plain" else None,
                "label": None if failed else max(0, 2 - place // 3),
                "explanation": None if failed else f"Because {place}.",
                "raw_response": None,
                "status": "failed" if failed else "ok",
                # Tied scores, told apart by rank alone; the failed row has none.
                "score": None if failed else 1 - (place // 2) / 10,
                "rank": place,
                "run_id": "run-1",
                "model": {"id": "a model"},
                "prompt_tokens": 100 + place,
                "completion_tokens": 5,
            }
            rows.append(row)
            if not failed:
                ranked.explanations[query_id, document] = row["explanation"]
                if place != 3:
                    label = row["label"] if place % 2 else 0
                    events.append(event(len(events), row, label))
                    ranked.labels[query_id][document] = label
        # The file is not in the order of the ranking.
        choice.shuffle(rows)
        lines.extend(rows)
        lines.append(rows[0] | {"sample": 1, "explanation": "Said otherwise.", "rank": 99})
    write_lines(ranked.path, lines)
    logs = folder / "run.judgements.corrections"
    logs.mkdir()
    write_lines(logs / "tester-0123abcd.jsonl", events)
    return ranked


def event(i: int, row: dict, label: int) -> dict:
    base = {
        "id": f"019{i:05x}-0000-7000-8000-{i:012x}",
        "at": "2026-11-23T09:00:00.000Z",
        "annotator": "tester",
        "query_id": row["query_id"],
        "doc_id": row["doc_id"],
        "answer_id": answer_id({**row, "sample": 0, "model_id": row["model"]["id"]}),
        "seconds": 2,
    }
    return {**base, "action": "accept"} if label == row["label"] else {**base, "action": "correct", "label": label}


def plain_ids(folder: pathlib.Path) -> dict[str, str]:
    """As written -> as it is, from the map that an export leaves; ids that it does not name are as they are."""
    lines = (folder / "ids.jsonl").read_text(encoding="utf-8").split("\n")
    return {row["written"]: row["id"] for row in map(json.loads, filter(None, lines))}
