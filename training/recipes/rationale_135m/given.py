"""Rationales of the recipe that are not made from the document alone: a teacher's, PubMedQA's authors', TFRank's.

    python given.py --pool pool.jsonl --teacher teacher.jsonl [--pubmedqa pqal.jsonl] [--tfrank pairs.jsonl] --out given.jsonl

Every row passes the checks (rationale_training.checks) or is left out; the counts go to stderr. A teacher's sentence says
what a document is about; what it lacks for the question is added from the words themselves. Writes {query, document, label,
explanation, origin}.
"""

from __future__ import annotations

import argparse
import collections
import json
import random
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from rationale_training.checks import check
from rationale_training.distill.clusters import Pool
from rationale_training.distill.rationales import ExtractiveWriter

MAX_WORDS = 45
# TFRank's grades 0 to 4 on the paper's scale: weak and moderate relevance give context without an answer.
TFRANK_LABELS = {0: 0, 1: 1, 2: 1, 3: 2, 4: 2}
LACKS = ["It says nothing on {}.", "Nothing in it concerns {}.", "It does not go into {}.", "It leaves out {}."]

# A verdict where the reason should stand: "The document is moderately relevant to the query."
VERDICT = re.compile(r"\b(?:ir)?relevan|\b(?:un)?related|\bmatch(?:es|ed)?\b|\bcategor", re.I)

Row = dict[str, object]


def sentences(text: str) -> list[str]:
    """Complete sentences, the last one only when it ends."""
    found = re.split(r"(?<=[.!?])\s+(?=[A-Z\"])", " ".join(text.split()))
    return found if found and found[-1].rstrip('"').endswith((".", "!", "?")) else found[:-1]


def teacher_rows(file: Path, writer: ExtractiveWriter, rng: random.Random) -> Iterator[Row]:
    for line in file.open(encoding="utf-8"):
        row = json.loads(line)
        kept = sentences(row["explanation"])[:2]
        while kept and len(" ".join(kept).split()) > MAX_WORDS:
            kept.pop()
        if not kept:
            continue
        text = " ".join(kept)
        if row["label"] < 2:
            lacking = writer.lacking(row["query"], row["document"])
            # A small teacher likes to claim the question's words of any document.
            claimed = any(re.search(rf"\b{re.escape(term)}", kept[0], re.I) for term in lacking)
            if not lacking or claimed or "question" in kept[0]:
                continue
            text = f"{kept[0]} {rng.choice(LACKS).format(' and '.join(lacking[:2]))}"
        yield {**{k: row[k] for k in ("query", "document", "label")}, "explanation": text, "origin": "teacher"}


def pubmedqa_rows(file: Path, writer: ExtractiveWriter, rng: random.Random) -> Iterator[Row]:
    """The authors' own conclusion, beside words of the abstract's last part that bear on the question."""
    for line in file.open(encoding="utf-8"):
        row = json.loads(line)
        document = " ".join(" ".join(row["contexts"][-2:]).split()[:110])
        conclusion = next((s for s in reversed(sentences(row["long_answer"])) if 8 <= len(s.split()) <= 32), None)
        quote = writer.quotation(document, re.findall(r"[A-Za-z][A-Za-z-]{3,}", row["question"]), rng)
        if conclusion is None or quote is None:
            continue
        lead = rng.choice(['It reports "{}".', 'The key finding is "{}".', '"{}" bears on this.', 'It found "{}".'])
        text = f"{lead.format(quote)} {conclusion}"
        yield {"query": row["question"], "document": document, "label": 2, "explanation": text, "origin": "pubmedqa"}


def tfrank_rows(file: Path) -> Iterator[Row]:
    for line in file.open(encoding="utf-8"):
        row = json.loads(line)
        last = row["explanation"].strip().split("\n")[-1]
        kept: list[str] = []
        for sentence in sentences(last):
            if VERDICT.search(sentence):
                continue
            if (
                re.search(r"document|passage|it ", sentence, re.I)
                and len(" ".join([*kept, sentence]).split()) <= MAX_WORDS
            ):
                kept.append(sentence)
        if kept:
            label = TFRANK_LABELS[row["grade_0_4"]]
            text = " ".join(kept[:2])
            yield {
                "query": row["query"],
                "document": row["document"],
                "label": label,
                "explanation": text,
                "origin": "tfrank",
            }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pool", type=Path, required=True)
    parser.add_argument("--teacher", type=Path)
    parser.add_argument("--pubmedqa", type=Path)
    parser.add_argument("--tfrank", type=Path)
    parser.add_argument("--pubmedqa-rows", type=int, default=150, help="at most so many: they are all label 2")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    writer = ExtractiveWriter(Pool.read(options.pool).documents)
    rows: list[Row] = []
    if options.teacher:
        rows += teacher_rows(options.teacher, writer, rng)
    if options.pubmedqa:
        rows += rng.sample(
            found := list(pubmedqa_rows(options.pubmedqa, writer, rng)), min(options.pubmedqa_rows, len(found))
        )
    if options.tfrank:
        rows += tfrank_rows(options.tfrank)
    counts: collections.Counter[str] = collections.Counter()
    with options.out.open("w", encoding="utf-8") as out:
        for row in rows:
            checked = check(str(row["explanation"]), int(str(row["label"])), str(row["document"]), str(row["query"]))
            # A conclusion need not repeat the abstract's words.
            failed = set(checked.failed) - ({"unsupported"} if row["origin"] == "pubmedqa" else set())
            counts[f"{row['origin']} {'kept' if not failed else 'left out'}"] += 1
            counts.update(f"{row['origin']}: {name}" for name in failed)
            if not failed:
                counts[f"label {row['label']}"] += 1
                out.write(json.dumps(row, ensure_ascii=False) + "\n")
    print(dict(sorted(counts.items())), file=sys.stderr)


if __name__ == "__main__":
    main()
