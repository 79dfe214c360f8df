"""The dataset card of a collected folder: sources and licences, what was removed and why, and what the data is not."""

import json
from typing import Any

from rationale_training.collect.settings import Config


def card(config: Config, counts: dict[str, Any]) -> str:
    """The README.md of the folder, with the front matter that the hub reads."""
    licences = sorted({source.licence for source in config.sources})
    licence = licences[0] if len(licences) == 1 else "other"
    lines = [
        "---",
        f"license: {json.dumps(licence)}",
        "task_categories: [text-ranking]",
        "configs:",
        *(f"  - config_name: {name}\n    data_files: {name}.jsonl" for name in ("queries", "documents", "pairs")),
        "---",
        "",
        "# Queries, documents and hard negatives",
        "",
        f"Written by `rationale-train collect` (seed {config.seed}); `manifest.json` holds config, versions and hashes.",
        "",
        "| source | kind | licence | from |",
        "| --- | --- | --- | --- |",
        *(f"| {s.name} | {s.kind} | {s.licence} | {s.url or ''} |" for s in config.sources),
        "",
        "| file | rows | a row |",
        "| --- | --- | --- |",
        f"| `queries.jsonl` | {counts['queries']} | `_id`, `text`, `title`, `body`, `source`, `links` of the answers, `metadata` |",
        f"| `documents.jsonl` | {counts['documents']} | `_id`, `title`, `text`, `source` |",
        f"| `pairs.jsonl` | {counts['pairs']} | `query_id`, `positive`, `relation`, `grade`, `negatives` and their BM25 ranks |",
        "| `removed.jsonl` | what was removed | `kind`, `id`, `reason`, `of`, `overlap` |",
        "",
        "## What was left out",
        "",
        f"Read: {counts['read']['queries']} queries, {counts['read']['documents']} documents.",
        "",
        *_list(counts["left_out"], "Nothing by the bounds of the config."),
        "",
        "## What was removed",
        "",
        f"Near-duplicates (Jaccard similarity of word 5-grams, of queries 3-grams, ≥ {config.near_duplicate:g} with an "
        f"earlier text), and texts that are in an evaluation set, or share ≥ {config.leak_overlap:g} of the shorter "
        "text's word n-grams with one of its texts.",
        "",
        *_list(counts["removed"], "Nothing."),
        "",
        "Evaluation sets compared with:",
        "",
        *_list(
            {
                name: ", ".join(f"{number} {what}" for what, number in sizes.items())
                for name, sizes in counts["evaluation"].items()
            },
            "None. **Say nothing about a model trained on this data without comparing it with your test sets.**",
        ),
        "",
        "## What this data is not",
        "",
        f"Negatives are up to {config.negatives} documents a query from BM25's best {config.depth} (k1 1.2, b 0.75, Porter "
        f"stems), without the first {config.skip}, and where the source judged documents as not relevant, these first. "
        "Nobody has looked at the others: some are relevant. A positive is what the source says (`relation`), not a "
        "judgement of relevance; `rationale-train generate` asks a teacher about both.",
        "",
    ]
    return "\n".join(lines)


def _list(values: dict[str, Any], nothing: str) -> list[str]:
    return [f"- {name}: {value}" for name, value in values.items()] or [nothing]
