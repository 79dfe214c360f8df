"""Where the rows of the suites come from: the fixture, or a judgement file that run.mjs names (examples/, or imported data).

A file's own rows are taken where the export can rebuild what they were asked (the paper's prompt, the embedded model's), so
that they are exports of that file and of nothing else. Data of other scales and prompts gives its texts and explanations.
"""

import json
import os
import pathlib
import random

from typescript import read_jsonl

JUDGEMENTS = os.environ.get("RATIONALE_JUDGEMENTS")


def judgement_rows() -> list[dict]:
    """The rows of the named file, in its order; none for the fixture."""
    return [] if JUDGEMENTS is None else read_jsonl(pathlib.Path(JUDGEMENTS))


def teachable(row: dict, stops: list[str]) -> bool:
    """Whether label and explanation can be a training target under every template of ours, in any of the fixture's roles."""
    text = row.get("explanation")
    if not isinstance(text, str) or text.strip() == "" or text != text.strip():
        return False
    reserved = [*stops, "Relevance Label:", "Explanation:", "<|", "<image>"]
    # The words by which an explanation can contradict its label (src/annotation/checks.ts).
    contradicting = ["relevant", "answer", "address"]
    return not any(part in text for part in reserved) and not any(word in text.lower() for word in contradicting)


def sampled(rows: list[dict], count: int) -> list[dict]:
    """As many rows of different queries, drawn with a fixed seed."""
    by_query = {row["query_id"]: row for row in random.Random(3).sample(rows, len(rows))}
    if len(by_query) < count:
        raise ValueError(f"{JUDGEMENTS} has {len(by_query)} queries with usable explanations; {count} are needed")
    return [by_query[key] for key in sorted(by_query)[:count]]


def without_nulls(row: dict) -> dict:
    return json.loads(json.dumps({key: value for key, value in row.items() if value is not None}))
