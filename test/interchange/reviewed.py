"""A judgement file with everybody's decisions beside it, and what an export of it must hold: input of trl_readers.py.

Written here, in Python, from the documented formats: an export that only reads files of our own writing proves little.
"""

import hashlib
import json
import pathlib
import random
from dataclasses import dataclass, field

from answer_ids import answer_id
from source import JUDGEMENTS, judgement_rows, sampled, teachable, without_nulls
from typescript import MODEL, pubmedqa

SURPRISES = ["naïve café, β-blocker ≥ 5 µg 👩‍🔬", "这份文件回答了问题。", 'It says: "no\u2028break", \\n, {label} and <|im_end|>.']


@dataclass
class Reviewed:
    """The file on disk and, by answer id, what its reviewed rows must become."""

    path: pathlib.Path
    rows: int = 0
    # answer id -> (prompt text, human answer, model's answer or None where it was accepted)
    decided: dict[str, tuple[str, str, str | None]] = field(default_factory=dict)

    unteachable: set[str] = field(default_factory=set)
    # answer id -> (query id, document id, label that counts), also of what cannot be taught
    labels: dict[str, tuple[str, str, int]] = field(default_factory=dict)
    # Answers to raw prompts: only these can stand in formats of plain strings.
    raw: set[str] = field(default_factory=set)

    @property
    def pairs(self) -> dict[str, tuple[str, str, str]]:
        return {key: value for key, value in self.decided.items() if value[2] is not None and value[1] != value[2]}

    @property
    def verdicts(self) -> set[tuple[str, str, str, bool]]:
        """(answer id, prompt, answer, whether it is good): what KTO learns from."""
        good = {(key, prompt, human, True) for key, (prompt, human, _) in self.decided.items()}
        return good | {(key, prompt, original, False) for key, (prompt, _, original) in self.pairs.items()}


def write_reviewed(folder: pathlib.Path) -> Reviewed:
    """24 answers, the fixture's or of the judgement file that the suite is run on: of a teacher (paper's prompt) and of the embedded model (its raw prompt): accepted, corrected, skipped, left."""
    folder.mkdir(parents=True)
    reviewed = Reviewed(folder / "audit.judgements.jsonl")
    lines, events = [], []
    for i, row in enumerate(fixture_rows() if JUDGEMENTS is None else source_rows()):
        key = answer_id({**row, "model_id": row["model"]["id"]})
        lines.append(row)
        reviewed.rows += 1
        event = decision(i, row, key)
        if event is not None:
            events.append(event)
        if event is not None and event["action"] in ("accept", "correct"):
            human = (event.get("label", row["label"]), event.get("explanation", row["explanation"]))
            reviewed.labels[key] = (row["query_id"], row["doc_id"], human[0])
            if any(stop in human[1] for stop in stops(row)):
                # The model would stop there: such an answer cannot be taught, and must not be exported.
                reviewed.unteachable.add(key)
                continue
            original = answer_text(row, row["label"], row["explanation"]) if event["action"] == "correct" else None
            if row["scale"] != "interank":
                reviewed.raw.add(key)
            reviewed.decided[key] = (prompt_text(row), answer_text(row, *human), original)
    write_lines(reviewed.path, lines)
    logs = folder / "audit.judgements.corrections"
    logs.mkdir()
    write_lines(logs / "tester-0123abcd.jsonl", events)
    return reviewed


def fixture_rows() -> list[dict]:
    queries, corpus = pubmedqa()
    rows = []
    for i, query in enumerate(random.Random(11).sample(sorted(queries), 24)):
        # One document too long for the trainers' default of 1,024 tokens.
        document = corpus[query[1:]] * (4 if i == 3 else 1)
        rows.append((teacher_row if i % 2 == 0 else model_row)(query, queries[query], document))
    return rows


def source_rows() -> list[dict]:
    """24 rows of the file, by turns with the paper's prompt and the embedded model's: its own, or made of its texts."""
    usable = [row for row in judgement_rows() if teachable(row, [" ##", *profile_prompt()["stop"]])]
    own = [row for row in usable if row.get("prompt_sha256") is None and row.get("scale") == "interank"]
    model = [row for row in usable if row.get("scale") == "four-grades" and row.get("prompt_sha256") == prompt_hash(row)]
    if len(own) >= 12 and len(model) >= 12:
        pairs = zip(sampled(own, 12), sampled(model, 12), strict=True)
        return [without_nulls(row) | {"sample": row.get("sample") or 0} for pair in pairs for row in pair]
    rows = []
    for i, row in enumerate(sampled(usable, 24)):
        document = row["document"] * (1 + 4000 // len(row["document"]) if i == 3 else 1)
        made = (teacher_row if i % 2 == 0 else model_row)(f"q{row['query_id']}", row["query"], document)
        # In the middle of the scale, where no word contradicts a label.
        rows.append(made | {"doc_id": row["doc_id"], "explanation": row["explanation"], "label": 1})
    return rows


def decision(i: int, row: dict, key: str) -> dict | None:
    base = {
        # UUIDv7, ascending.
        "id": f"019{i:05x}-0000-7000-8000-{i:012x}",
        "at": "2026-11-23T09:00:00.000Z",
        "annotator": "tester",
        "query_id": row["query_id"],
        "doc_id": row["doc_id"],
        "answer_id": key,
        "seconds": 3.5,
    }
    kind = ["correct", "correct", "accept", "correct", "skip", None, "accept", "cannot_judge"][i % 8]
    if kind is None:
        return None
    if kind != "correct":
        return {**base, "action": kind}
    explanation = f"The abstract does not say it. {SURPRISES[i % len(SURPRISES)]}"
    return {**base, "action": "correct", "label": 1, "explanation": explanation}


def teacher_row(query_id: str, query: str, document: str) -> dict:
    return {
        "query_id": query_id,
        "query": query,
        "doc_id": query_id[1:],
        "document": document,
        "label": 2,
        "scale": "interank",
        "explanation": "The document answers the question.",
        "status": "ok",
        "run_id": "teacher",
        "sample": 0,
        "mode": "explain-first",
        "model": {"id": "a-teacher"},
    }


def model_row(query_id: str, query: str, document: str) -> dict:
    row = teacher_row(query_id, query, document) | {
        "label": 3,
        "scale": "four-grades",
        "mode": "label-first",
        "run_id": "run-1",
        "model": {"id": "rationale-135m"},
    }
    return row | {"prompt_sha256": prompt_hash(row)}


def prompt_hash(row: dict) -> str:
    return hashlib.sha256(prompt_text(row).encode("utf-8")).hexdigest()


def profile_prompt() -> dict:
    return json.loads((MODEL / "profile.json").read_text(encoding="utf-8"))["prompts"]["label_first"]


def stops(row: dict) -> list[str]:
    return [" ##"] if row["scale"] == "interank" else profile_prompt()["stop"]


def prompt_text(row: dict) -> str:
    if row["scale"] == "interank":
        template = (
            "Explain whether the following document is relevant or not to the given question. Then end your response with a "
            "relevance label (0: irrelevant, 1: partially relevant, 2: relevant) and the symbol '##'. "
            "Question: {query}\nDocument: {document}"
        )
    else:
        template = profile_prompt()["raw"]
    before, after = template.split("{document}")
    return before.replace("{query}", row["query"]) + row["document"] + after.replace("{query}", row["query"])


def answer_text(row: dict, label: int, explanation: str) -> str:
    if row["scale"] == "interank":
        return f"{explanation}\n\nRelevance Label: {label} ##"
    return f"{label}\nExplanation: {explanation}"


def write_lines(path: pathlib.Path, rows: list[dict]) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
