"""What the tests of refine and loop share: a model folder with a profile, and a judgement file with a correction log."""

import json
import shutil
import uuid
from pathlib import Path
from typing import Any

from rationale_training.judgements import Event, Judgement, answer_id, companion, dump_line, write_judgements

LABELS = [
    {"value": 0, "name": "irrelevant", "description": "nothing useful"},
    {"value": 1, "name": "partially relevant", "description": "some context"},
    {"value": 2, "name": "relevant", "description": "answers"},
]
READ = {"name": "expected", "after": "Relevance Label: ", "tokens": {"0": 0, "1": 1, "2": 2}, "as": "expected"}
RAW = "Document: {document}\nQuestion: {query}\nRelevance Label: "
PROFILE: dict[str, Any] = {
    "id": "tiny",
    "version": 1,
    "kind": "decoder",
    "label_scale": {"name": "interank", "labels": LABELS},
    "max_tokens": 600,
    "prompts": {
        "score": {
            "raw": RAW,
            "answer": "{label}",
            "reads": [READ, {"name": "query_likelihood", "of": "query", "as": "mean_log_probability"}],
        },
        "label_first": {
            "raw": RAW,
            "answer": "{label}\nExplanation: {explanation}",
            "stop": ["\n", "<|im_end|>"],
            "max_new_tokens": 12,
            "reads": [READ],
        },
        "explain_first": {
            "raw": "Question: {query}\nDocument: {document}\nExplanation: ",
            "answer": "{explanation}\n\nRelevance Label: {label} ##",
            "stop": [" ##"],
            "max_new_tokens": 16,
        },
    },
    "score": {"z(expected)": 1, "z(query_likelihood)": 1},
    "fusion": {"first_stage": 1},
}
TOPICS = ["boiler chalk vinegar", "wood stove smoke", "hash table buckets", "sourdough yeast flour", "river flood dam"]


def model_with_profile(tiny_model_folder: Path, folder: Path) -> Path:
    """A copy of the tiny model with PROFILE beside it."""
    shutil.copytree(tiny_model_folder, folder)
    (folder / "profile.json").write_text(json.dumps(PROFILE), encoding="utf-8")
    return folder


def reviewed_file(folder: Path, queries: int = 4, documents: int = 3, explained: bool = True) -> Path:
    """A judgement file in which the model said 1 of everything, with a log that corrects every pair: 2 where query and
    document have the topic in common, else 0."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    events = []
    for q in range(queries):
        for d in range(documents):
            topic, other = TOPICS[q % len(TOPICS)], TOPICS[(q + d) % len(TOPICS)]
            judgement = Judgement(
                query_id=f"q{q}",
                query=f"what about {topic}?",
                doc_id=f"d{(q + d) % len(TOPICS)}",
                document=f"This is a text on {other}, which it explains at length.",
                label=1,
                explanation="It is of some use.",
                run_id="run-1",
                mode="label-first",
            )
            rows.append(judgement)
            label = 2 if d == 0 else 0
            reason = (
                f"The text explains {other}, and {topic} is what was asked."
                if d == 0
                else f"The text speaks of {other} alone; {topic} does not occur in it."
            )
            events.append(
                Event(
                    id=str(uuid.UUID(int=(7 << 76) | (2 << 62) | len(events))),
                    at="2026-01-01T00:00:00.000Z",
                    annotator="Ann",
                    query_id=judgement.query_id,
                    doc_id=judgement.doc_id,
                    answer_id=answer_id(judgement),
                    action="correct",
                    label=label,
                    explanation=reason if explained else None,
                    seconds=1,
                )
            )
    file = folder / "round.judgements.jsonl"
    write_judgements(file, rows)
    logs = companion(file, "corrections")
    logs.mkdir(exist_ok=True)
    (logs / "ann-00000000.jsonl").write_text("".join(f"{dump_line(e.to_json())}\n" for e in events), encoding="utf-8")
    return file
