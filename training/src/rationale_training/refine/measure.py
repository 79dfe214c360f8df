"""What a model's answers are worth on pairs with gold answers: label accuracy, trained rewards, and rewards it never saw."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from rationale_training.checks import CHECKS_VERSION, check_answer
from rationale_training.profile import BoundPrompt, explains
from rationale_training.refine.pairs import Pair
from rationale_training.refine.sampling import Sampling, sample
from rationale_training.rewards import Rewards


def measure(
    model: Any,
    bound: BoundPrompt,
    pairs: Sequence[Pair],
    rewards: Rewards,
    batch_size: int,
    document_tokens: int | None,
) -> dict[str, Any]:
    """Means over the likeliest answer to each pair. Unparsed answers count as wrong, and are counted."""
    pairs = [pair for pair in pairs if pair.prompt is None]
    if not pairs:
        return {"pairs": 0}
    prompts = [
        bound.prepare(pair.query, pair.document, pair.title, max_document_tokens=document_tokens) for pair in pairs
    ]
    how = Sampling(k=1, temperature=0, batch_size=batch_size)
    texts = [answers[0].text for answers in sample(model, bound, prompts, how, seed=0)]
    columns: dict[str, list[Any]] = {
        "query": [pair.query for pair in pairs],
        "document": [pair.document for pair in pairs],
        "gold_label": [pair.gold_label for pair in pairs],
        "gold_explanation": [pair.gold_explanation for pair in pairs],
        "gold_evidence": [list(pair.gold_evidence) for pair in pairs],
    }
    parsed = [rewards.parse(text) for text in texts]
    right = sum(p is not None and p.label == pair.gold_label for p, pair in zip(parsed, pairs, strict=True))
    result: dict[str, Any] = {
        "pairs": len(pairs),
        "label_accuracy": right / len(pairs),
        "unparsed": sum(p is None for p in parsed),
        "labels": dict(Counter(str(p.label) for p in parsed if p is not None)),
        "reward": _mean(list(rewards.total([""] * len(texts), texts, **columns))),
        "trained": {name: _mean(f([""] * len(texts), texts, **columns)) for name, f, _ in rewards.trained()},
        "held_out": {name: _mean(f([""] * len(texts), texts, **columns)) for name, f in rewards.held_out()},
    }
    if explains(bound.prompt):
        failed = Counter(
            name
            for text, pair in zip(texts, pairs, strict=True)
            for name in check_answer(
                bound.prompt, text, pair.document, pair.query, labels=bound.profile.label_scale.values
            ).failed
        )
        result["checks"] = {"version": CHECKS_VERSION, "failed": dict(failed)}
    return result


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def table(reports: Sequence[dict[str, Any]]) -> str:
    """The rounds of a refinement as a Markdown table, the model before the first round as round 0."""
    columns: list[tuple[str, dict[str, Any]]] = [("before", reports[0]["before"])]
    columns += [(f"round {report['round']}", report["after"]) for report in reports]
    if not columns[0][1]["pairs"]:
        return "No pair was held out, so nothing was measured."
    rows = [
        ("pairs", [str(values["pairs"]) for _, values in columns]),
        ("label accuracy", [_shown(values["label_accuracy"]) for _, values in columns]),
        ("unparsed", [str(values["unparsed"]) for _, values in columns]),
        ("reward", [_shown(values["reward"]) for _, values in columns]),
    ]
    rows += [
        (f"{name} (trained)", [_shown(v["trained"][name]) for _, v in columns]) for name in columns[0][1]["trained"]
    ]
    rows.append(("—", ["—"] * len(columns)))
    rows += [(name, [_shown(v["held_out"][name]) for _, v in columns]) for name in columns[0][1]["held_out"]]
    head = ["| |" + "".join(f" {name} |" for name, _ in columns), "| --- |" + " ---: |" * len(columns)]
    return "\n".join(head + [f"| {name} |" + "".join(f" {value} |" for value in values) for name, values in rows])


def _shown(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
