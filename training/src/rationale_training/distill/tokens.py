"""Distillation by token loss alone, for students of any prompt and size: LoRA, QLoRA, one process or many.

The tasks of the paper as rows of one training (refine/training.py): explanation then label, label then explanation, the
label alone, and queries for a question. Targets are rendered by the profile's answer templates; loss is on completions.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from rationale_training.errors import UserError
from rationale_training.manifest import Manifest
from rationale_training.profile import BoundPrompt, ProfileError, load_profile, prompt_tokenizer
from rationale_training.refine.training import Item, Training, fit, load_model, make_accelerator, save_model

from .rationales import RationaleRow

Task = Literal["explain-first", "label-first", "score", "queries"]

#: The paper's prompt for queries (paper.md section 4).
QUERY_PROMPT = (
    "Based on the following question, generate a list of up to 10 search queries that would help find answers. Each query "
    "should be specific and focused on different aspects of the question. Format the output as one query per line. "
    "Question: {question}"
)


@dataclass(frozen=True)
class Tokens:
    """Settings of the method `tokens`.

    tasks: what is learnt of every judged pair, where the profile offers the mode; queries needs generated_queries.
    generated_queries: JSON Lines of {query, generated_queries}, as `generate` writes them.
    document_tokens: documents are cut here; training: batch sizes, learning rate, adapters, 4-bit base weights.
    """

    tasks: tuple[Task, ...] = ("explain-first", "label-first", "score", "queries")
    generated_queries: tuple[Path, ...] = ()
    document_tokens: int = 1024
    training: Training = field(default_factory=Training)


def items_of(
    profile_file: Path, tokenizer: Any, rows: list[RationaleRow], settings: Tokens
) -> tuple[list[Item], dict[str, int]]:
    """Training rows of all tasks, and how many of each; pairs that do not fit the model are counted as `too_long`."""
    profile = load_profile(profile_file)
    items: list[Item] = []
    counts: Counter[str] = Counter()
    for task in settings.tasks:
        if task == "queries" or task not in profile.modes:
            continue
        bound = BoundPrompt(profile, task, tokenizer)
        for row in rows:
            try:
                prompt = bound.prepare(row.query, row.document, max_document_tokens=settings.document_tokens)
            except ProfileError:
                counts["too_long"] += 1
                continue
            if task == "score":
                target = bound.target_ids(row.label)
            else:
                target = bound.target_ids(row.label, row.explanation) + bound.end_ids()
            items.append(Item(prompt.ids + target, len(prompt.ids), row.weight))
            counts[task] += 1
    if "queries" in settings.tasks:
        items += (found := list(_query_items(tokenizer, settings)))
        counts["queries"] = len(found)
    return items, dict(counts)


def _query_items(tokenizer: Any, settings: Tokens) -> list[Item]:
    plain = prompt_tokenizer(tokenizer)
    items = []
    for file in settings.generated_queries:
        for number, line in enumerate(file.open(encoding="utf-8"), 1):
            try:
                row = json.loads(line)
                queries = [str(query) for query in row["generated_queries"]]
                question = str(row["query"])
            except (json.JSONDecodeError, KeyError, TypeError) as error:
                raise UserError(f"{file}:{number}: needs query and a list of generated_queries ({error!r}).") from error
            listed = "\n".join(f"{k}. {query}" for k, query in enumerate(queries[:10], 1))
            prompt = plain.encode(QUERY_PROMPT.format(question=question) + "\n")
            target = [*plain.encode(f"{listed} ##"), int(tokenizer.eos_token_id)]
            items.append(Item(prompt + target, len(prompt)))
    return items


def train_on_tokens(
    base: Path, profile_file: Path, rows: list[RationaleRow], settings: Tokens, seed: int, out: Path
) -> dict[str, Any]:
    """Trains, writes `out/model` with its profile, and returns the counts. Raises UserError without anything to learn."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(base)
    items, counts = items_of(profile_file, tokenizer, rows, settings)
    if not items:
        raise UserError("no judged pair has an explanation to learn from: give rationales or judgements.")
    model = load_model(base, settings.training)
    accelerator = make_accelerator(settings.training)
    log = (out / "log.jsonl").open("a", encoding="utf-8") if accelerator.is_main_process else None

    def note(step: int, loss: float) -> None:
        if log is not None:
            log.write(json.dumps({"step": step + 1, "loss": round(loss, 5)}) + "\n")
            log.flush()

    fitted = fit(model, items, settings.training, seed, accelerator, note, "distil")
    if accelerator.is_main_process:
        save_model(accelerator.unwrap_model(model), tokenizer, base, settings.training, out / "model")
        text = json.dumps(load_profile(profile_file).source, indent=2, ensure_ascii=False)
        (out / "model" / "profile.json").write_text(text + "\n", encoding="utf-8")
    accelerator.wait_for_everyone()
    return {**counts, "steps": fitted.steps, "tokens": fitted.tokens}


def finish(manifest: Manifest, out: Path, counts: dict[str, Any]) -> None:
    """Closes the stage's manifest over the model's files."""
    manifest.finish(outputs=sorted((out / "model").iterdir()), counts=counts)
