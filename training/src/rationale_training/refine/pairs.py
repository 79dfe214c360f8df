"""What a refinement round learns from: pairs with the answer that a person (or, where asked for, a teacher) gave.

Three kinds of file, told apart by their content: a judgement file with its correction logs, the extension's `interank` export
(every answer of the model beside the human's) and its `trl-grpo` export (rendered prompts with gold columns).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from rationale_training.errors import UserError
from rationale_training.judgements import (
    Problem,
    decided,
    id_of_text,
    parse_json_line,
    read_judgements,
    read_lines,
)

Include = Literal["human", "prefilled"]


@dataclass(frozen=True)
class Pair:
    """A (query, document) pair with its gold answer. Rows of a `trl-grpo` export have a `prompt` instead of the texts."""

    query_id: str
    doc_id: str
    query: str
    document: str
    title: str | None
    gold_label: int
    #: None: nobody has said why, or nobody has read what the model said.
    gold_explanation: str | None
    gold_evidence: tuple[str, ...] = ()
    prompt: str | None = None

    @property
    def key(self) -> tuple[str, str]:
        return self.query_id, self.doc_id


@dataclass(frozen=True)
class Inputs:
    """The pairs of all files, in the order of the files, and why rows were left out."""

    pairs: list[Pair]
    left_out: dict[str, int]
    problems: list[Problem]


def read_pairs(files: Sequence[Path], labels: Sequence[int], scale: str, include: Include = "human") -> Inputs:
    """Reads files or export folders. A pair that stands in several files is what the last one says. Raises UserError where a
    file is of no known kind or nothing is left."""
    found: dict[tuple[str, str], Pair] = {}
    left_out: Counter[str] = Counter()
    problems: list[Problem] = []
    for file in [f for path in files for f in _files(path)]:
        for pair in _read(file, scale, include, left_out, problems):
            if isinstance(pair, str):
                left_out[pair] += 1
            elif pair.gold_label not in labels:
                left_out["off_scale"] += 1
            else:
                found[pair.key] = pair
    if not found:
        why = ", ".join(f"{name} {count}" for name, count in left_out.items()) or "they are empty"
        raise UserError(
            f"{', '.join(map(str, files))}: no pair to learn from ({why}). Judgement files need corrections beside them, "
            "or include: prefilled."
        )
    return Inputs(list(found.values()), dict(left_out), problems)


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    # An export: its validation rows are for measuring, so they are no input.
    for name in ("train.jsonl", "data/train-00000-of-00001.jsonl"):
        if (path / name).exists():
            return [path / name]
    found = sorted(path.glob("*.judgements.jsonl"))
    if not found:
        raise UserError(f"{path} is no export and holds no *.judgements.jsonl.")
    return found


def _read(
    file: Path, scale: str, include: Include, left_out: Counter[str], problems: list[Problem]
) -> Iterator[Pair | str]:
    kind = _kind(file)
    if kind == "judgements":
        yield from _judged(file, scale, include, left_out, problems)
        return
    for number, line, _ in read_lines(file):
        try:
            row = parse_json_line(line.decode("utf-8"))
            yield _interank(row, include) if kind == "interank" else _grpo(row)
        except (KeyError, TypeError, ValueError, UnicodeDecodeError) as error:
            problems.append(Problem(file, number, f"no {kind} row: {error}"))
            left_out["malformed"] += 1


def _kind(file: Path) -> str:
    for _, line, _ in read_lines(file):
        try:
            row = parse_json_line(line.decode("utf-8"))
        except (ValueError, UnicodeDecodeError):
            break
        if "groundtruth" in row and "predictions" in row:
            return "interank"
        if "gold_label" in row and "prompt" in row:
            return "trl-grpo"
        break
    return "judgements"


def _judged(
    file: Path, scale: str, include: Include, left_out: Counter[str], problems: list[Problem]
) -> Iterator[Pair | str]:
    human: set[tuple[str, str]] = set()
    for item in decided(file, problems=problems):
        judgement, review = item.row.judgement, item.review
        key = (judgement.query_id, judgement.doc_id)
        if key in human and review.source != "decided":
            # Another sample of the same pair, which nobody has read.
            continue
        human.add(key)
        if judgement.scale != scale:
            yield "other_scale"
        elif review.label is None:
            yield "no_label"
        else:
            # An explanation that its annotator did not see, or of another answer, is nobody's reason for the new label.
            read = review.source in ("decided", "kept")
            # Under a corrected label the model's explanation argues for the label that was wrong.
            read = read and not (review.source == "kept" and review.label != judgement.label)
            yield Pair(
                *key,
                query=judgement.query,
                document=judgement.seen,
                title=judgement.title,
                gold_label=review.label,
                gold_explanation=(review.explanation or None) if read else None,
                gold_evidence=tuple(judgement.document[a:b] for a, b in review.evidence),
            )
    if include == "human":
        return
    for row in read_judgements(file, problems):
        judgement = row.judgement
        if (judgement.query_id, judgement.doc_id) in human:
            continue
        if judgement.scale != scale:
            yield "other_scale"
        elif judgement.label is None or judgement.status not in ("ok", "truncated"):
            yield judgement.status if judgement.status != "ok" else "no_label"
        else:
            # A capped explanation has no end to learn.
            whole = judgement.status == "ok"
            yield Pair(
                query_id=judgement.query_id,
                doc_id=judgement.doc_id,
                query=judgement.query,
                document=judgement.seen,
                title=judgement.title,
                gold_label=judgement.label,
                gold_explanation=(judgement.explanation or None) if whole else None,
            )


def _interank(row: dict[str, Any], include: Include) -> Pair | str:
    truth = row["groundtruth"]
    if include == "human" and row.get("review") == "prefilled":
        return "prefilled"
    query, document = str(row["query"]), str(row["document"])
    if truth["label"] is None:
        return "no_label"
    return Pair(
        query_id=row.get("query_id") or id_of_text("q", query),
        doc_id=row.get("doc_id") or id_of_text("d", document),
        query=query,
        document=document,
        title=None,
        gold_label=int(truth["label"]),
        gold_explanation=(truth["explanation"] or "").strip() or None,
    )


def _grpo(row: dict[str, Any]) -> Pair | str:
    prompt = row["prompt"]
    if not isinstance(prompt, str):
        prompt = "\n".join(message["content"] for message in prompt)
    return Pair(
        query_id=row.get("query_id") or id_of_text("q", prompt),
        doc_id=row.get("doc_id") or id_of_text("d", prompt),
        query="",
        document=prompt,
        title=None,
        gold_label=int(row["gold_label"]),
        gold_explanation=row.get("gold_explanation"),
        gold_evidence=tuple(row.get("gold_evidence") or ()),
        prompt=prompt,
    )
