"""Refines a model from what people corrected: reward-weighted best of k (the paper's method), or GRPO.

Every round reads pairs with gold answers (judgement files with their corrections, or the extension's `interank` and
`trl-grpo` exports), trains, and is measured on queries that no round trains on. The model of each round, its samples (a
judgement file, which the extension opens for audit) and its measurements stay in the output folder.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from rationale_training.errors import UserError
from rationale_training.judgements import Judgement, companion, read_judgements, serialise, sha256, write_judgements
from rationale_training.manifest import Manifest, is_main_process, progress, write_json, write_text
from rationale_training.profile import (
    BoundPrompt,
    Mode,
    PreparedPrompt,
    Profile,
    ProfileError,
    explains,
    load_profile,
)
from rationale_training.refine.grpo import Grpo, grpo
from rationale_training.refine.measure import measure, table
from rationale_training.refine.pairs import Include, Pair, read_pairs
from rationale_training.refine.pools import Answer, Selection, select
from rationale_training.refine.sampling import Sample, Sampling, sample
from rationale_training.refine.training import (
    Item,
    Training,
    fit,
    load_model,
    make_accelerator,
    save_model,
)
from rationale_training.rewards import Rewards, Weights


@dataclass(frozen=True)
class Round:
    """One round: the files it learns from, and which of their pairs (the paper's rounds take shards of 5,000 questions)."""

    inputs: tuple[Path, ...]
    start: int = 0
    count: int | None = None

    def __post_init__(self) -> None:
        if not self.inputs:
            raise ValueError("a round needs inputs")


@dataclass(frozen=True)
class Config:
    """model: the Hugging Face folder to refine, with its profile.json (or profile: another one)
    rounds: a list of {inputs: [judgement files or export folders], start, count}; each begins with the last one's model
    mode: score, label-first or explain-first
    method: best-of-k or grpo
    include: human (decided by people), or prefilled (teachers' answers, too)
    held_out: the share of queries that are measured and never trained on
    measured: pairs measured after each round at most
    document_tokens: cut documents to so many tokens (not set: what the profile's max_tokens leaves)
    seed, sampling, rewards, selection, training, grpo: see docs/training-refine.md
    """

    model: Path
    rounds: tuple[Round, ...]
    profile: Path | None = None
    mode: Mode = "label-first"
    method: Literal["best-of-k", "grpo"] = "best-of-k"
    include: Include = "human"
    held_out: float = 0.1
    measured: int = 200
    document_tokens: int | None = None
    seed: int = 0
    sampling: Sampling = field(default_factory=Sampling)
    rewards: Weights = field(default_factory=Weights)
    selection: Selection = field(default_factory=Selection)
    training: Training = field(default_factory=Training)
    grpo: Grpo = field(default_factory=Grpo)

    def __post_init__(self) -> None:
        if not self.rounds:
            raise ValueError("there are no rounds")
        if not 0 <= self.held_out < 1:
            raise ValueError("held_out is a share of the queries, at least 0 and below 1")


def run(config: Config, out: Path, resume: bool) -> None:
    """Runs the rounds. An interrupted run goes on with the samples it has; a finished round is not repeated."""
    inputs = [path for one in config.rounds for path in one.inputs]
    # What people decided is an input as much as what they decided on.
    logs = [folder for path in inputs if (folder := companion(path, "corrections")).is_dir()]
    accelerator = make_accelerator(config.training)
    # The other processes begin to write into the folder only when it is claimed.
    with accelerator.main_process_first():
        manifest = Manifest.open(
            out, "refine", config, seed=config.seed, inputs=[config.model, *inputs, *logs], resume=resume
        )
    if manifest.complete:
        return
    profile = load_profile(config.profile or config.model)
    values, scale = profile.label_scale.values, profile.label_scale.name
    everything = read_pairs(inputs, values, scale, config.include)
    # The same pairs after every round, whichever round's files they come from.
    measured = [pair for pair in everything.pairs if _is_held_out(pair, config)][: config.measured]
    reports: list[dict[str, Any]] = []
    model = config.model
    for number, one in enumerate(config.rounds, start=1):
        folder = out / f"round-{number}"
        if not (folder / "report.json").exists():
            _round(config, profile, one, number, model, measured, folder, accelerator)
        reports.append(json.loads((folder / "report.json").read_text(encoding="utf-8")))
        model = folder / "model"
    if is_main_process():
        write_text(out / "README.md", _card(config, profile, reports))
    manifest.finish(
        outputs=[model, out / "README.md"],
        counts={"rounds": len(reports), "pairs": sum(r["pairs"] for r in reports)},
    )


def _round(
    config: Config,
    profile: Profile,
    one: Round,
    number: int,
    base: Path,
    measured: Sequence[Pair],
    folder: Path,
    accelerator: Any,
) -> None:
    from transformers import AutoTokenizer

    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = AutoTokenizer.from_pretrained(base)
    bound = BoundPrompt(profile, config.mode, tokenizer)
    labels = profile.label_scale.values
    rewards = Rewards(bound.prompt, labels, config.rewards)
    read = read_pairs(one.inputs, labels, profile.label_scale.name, config.include)
    shard = read.pairs[one.start :][: one.count]
    trained = [pair for pair in shard if not _is_held_out(pair, config)]
    if not trained:
        raise UserError(f"round {number}: none of {len(shard)} pairs is left to train on. Lower held_out.")
    model = load_model(base, config.training).to(accelerator.device)
    model.eval()
    before = measure(model, bound, measured, rewards, config.sampling.batch_size, config.document_tokens)
    seed = config.seed + 1000 * number
    counts: dict[str, Any] = {"left_out": read.left_out, "unreadable": [str(p) for p in read.problems[:20]]}
    if config.method == "grpo":
        fitted, left_out = grpo(
            model, tokenizer, profile, bound, trained, rewards, config.sampling, config.training, config.grpo,
            seed, folder / "trainer", config.document_tokens,
        )  # fmt: skip
        counts["left_out"] = {**read.left_out, **left_out}
    else:
        if any(pair.prompt is not None for pair in trained):
            raise UserError(
                "best-of-k needs queries and documents: export as `interank`; `trl-grpo` rows are for grpo."
            )
        samples = draw_samples(model, bound, trained, config, seed, folder, accelerator)
        items, dropped = training_items(bound, trained, samples, rewards, config.selection, config.document_tokens)
        counts["pools"] = dropped
        if not items:
            raise UserError(f"round {number}: no answer is worth training on ({dropped}). Raise sampling.k.")
        fitted = fit(model, items, config.training, seed, accelerator, label=f"round {number}")
        counts["rows"] = len(items)
    if is_main_process():
        save_model(model, tokenizer, base, config.training, folder / "model", fitted.weights)
        source = config.profile or base / "profile.json"
        shutil.copyfile(source, folder / "model" / "profile.json")
    accelerator.wait_for_everyone()
    # What was written is what is measured, adapters merged and all.
    del model
    model = load_model(folder / "model", Training(dtype=config.training.dtype)).to(accelerator.device).eval()
    after = measure(model, bound, measured, rewards, config.sampling.batch_size, config.document_tokens)
    if is_main_process():
        report = {
            "round": number,
            "method": config.method,
            "pairs": len(trained),
            "measured": len(measured),
            "steps": fitted.steps,
            "tokens": fitted.tokens,
            "losses": [round(x, 6) for x in fitted.losses],
            **counts,
            "before": before,
            "after": after,
        }
        # Last: a round without a report is done again.
        write_json(folder / "report.json", report)
    accelerator.wait_for_everyone()


def _is_held_out(pair: Pair, config: Config) -> bool:
    """By query, as the exporter splits: the first 48 bits of SHA-256(seed, line feed, query id), as a fraction."""
    return int(sha256(f"{config.seed}\n{pair.query_id}")[:12], 16) / 2**48 < config.held_out


def draw_samples(
    model: Any,
    bound: BoundPrompt,
    pairs: Sequence[Pair],
    config: Config,
    seed: int,
    folder: Path,
    accelerator: Any,
) -> dict[tuple[str, str], list[Judgement]]:
    """k answers a pair, drawn by all processes and kept as judgement files, which a resumed run reads again."""
    rank, world = accelerator.process_index, accelerator.num_processes
    file = folder / f"samples-{rank:05d}-of-{world:05d}.judgements.jsonl"
    found = _whole_pools(file, config.sampling.k)
    mine = list(pairs[rank::world])
    size = config.sampling.batch_size
    # The samples of a batch depend on its number alone, so what is there already need not be drawn to go on.
    chunks = [mine[i : i + size] for i in range(0, len(mine), size)]
    whole = [chunk for chunk in chunks if all(pair.key in found for pair in chunk)]
    kept = {pair.key for chunk in whole for pair in chunk}
    found = {key: rows for key, rows in found.items() if key in kept}
    # Whole, not by writing over it: what an interrupted run has drawn is not lost by a second interruption.
    write_judgements(file, [row for chunk in whole for pair in chunk for row in found[pair.key]])
    with file.open("a", encoding="utf-8", newline="\n") as stream:
        for number, chunk in enumerate(progress(chunks, total=len(chunks), label="sampling")):
            if chunk[0].key in kept:
                continue
            for row in _sampled(model, bound, chunk, config, seed * 1009 + rank + world * number):
                found.setdefault((row.query_id, row.doc_id), []).append(row)
                stream.write(f"{serialise(row)}\n")
            stream.flush()
    write_judgements(file, [row for pair in mine for row in found[pair.key]])
    accelerator.wait_for_everyone()
    everything: dict[tuple[str, str], list[Judgement]] = {}
    for other in range(world):
        everything |= _whole_pools(folder / f"samples-{other:05d}-of-{world:05d}.judgements.jsonl", config.sampling.k)
    return everything


def _whole_pools(file: Path, k: int) -> dict[tuple[str, str], list[Judgement]]:
    pools: dict[tuple[str, str], list[Judgement]] = {}
    if file.exists():
        # A half-written last line is what an interrupted run leaves.
        for row in read_judgements(file, []):
            pools.setdefault((row.judgement.query_id, row.judgement.doc_id), []).append(row.judgement)
    return {key: rows for key, rows in pools.items() if len(rows) == k}


def _sampled(model: Any, bound: BoundPrompt, pairs: Sequence[Pair], config: Config, seed: int) -> Iterable[Judgement]:
    prompts = [prepared(bound, pair, config.document_tokens) for pair in pairs]
    for pair, prompt, drawn in zip(pairs, prompts, sample(model, bound, prompts, config.sampling, seed), strict=True):
        for number, answer in enumerate(drawn):
            yield as_judgement(bound, pair, prompt, answer, number, config, seed)


def prepared(bound: BoundPrompt, pair: Pair, document_tokens: int | None) -> PreparedPrompt:
    """A pair's prompt. Raises ProfileError naming the pair where it does not fit."""
    try:
        return bound.prepare(pair.query, pair.document, pair.title, max_document_tokens=document_tokens)
    except ProfileError as error:
        raise ProfileError(f"query {pair.query_id}, document {pair.doc_id}: {error}") from error


def as_judgement(
    bound: BoundPrompt, pair: Pair, prompt: PreparedPrompt, answer: Sample, number: int, config: Config, seed: int
) -> Judgement:
    """A sample as a row of a judgement file; what cannot be parsed has no label."""
    parsed = Rewards(bound.prompt, bound.profile.label_scale.values, Weights()).parse(answer.text)
    status = "unparsed" if parsed is None else "ok" if answer.finished else "truncated"
    return Judgement(
        query_id=pair.query_id,
        query=pair.query,
        doc_id=pair.doc_id,
        document=pair.document,
        title=pair.title,
        document_end=None if prompt.document_end >= len(pair.document) else prompt.document_end,
        label=None if parsed is None else parsed.label,
        scale=bound.profile.label_scale.name,
        explanation=None if parsed is None else parsed.explanation,
        raw_response=answer.text,
        status=status,
        run_id=f"refine-{seed}",
        mode=bound.mode,
        sample=number,
        prompt_sha256=prompt.sha256,
        model={"id": config.model.name, "profile": bound.profile.id},
        sampling={"temperature": config.sampling.temperature, "top_p": config.sampling.top_p, "seed": seed},
        prompt_tokens=len(prompt.ids),
        completion_tokens=answer.tokens,
    )


def training_items(
    bound: BoundPrompt,
    pairs: Sequence[Pair],
    samples: dict[tuple[str, str], list[Judgement]],
    rewards: Rewards,
    rule: Selection,
    document_tokens: int | None,
) -> tuple[list[Item], dict[str, int]]:
    """The weighted rows of all pools, and how many pools were dropped, by reason."""
    items: list[Item] = []
    dropped: Counter[str] = Counter()
    for pair in pairs:
        pool = samples.get(pair.key, [])
        whole = not explains(bound.prompt) or pair.gold_explanation is not None
        texts = [row.raw_response or "" for row in pool]
        if whole:
            texts.append(answer_text(bound, pair.gold_label, pair.gold_explanation))
        scores = rewards.total([""] * len(texts), texts, **_columns(pair, len(texts)))
        answers = [Answer(row.label, row.explanation, score) for row, score in zip(pool, scores, strict=False)]
        gold = Answer(pair.gold_label, pair.gold_explanation, scores[-1]) if whole else None
        selected = select(answers, pair.gold_label, gold, rule)
        prompt = prepared(bound, pair, document_tokens)
        if selected.dropped is not None:
            dropped[selected.dropped] += 1
        for example in selected.examples:
            target = target_of(bound, example.label, example.explanation)
            items.append(Item(prompt.ids + target, len(prompt.ids), example.weight))
        if not whole and bound.mode == "label-first" and not rule.as_released:
            # Somebody corrected the label and said no more: the label is learnt, and nothing about the explanation.
            boost = rule.boost_floor + (1 - rule.boost_floor) * selected.misclassified
            items.append(Item(prompt.ids + target_of(bound, pair.gold_label, None), len(prompt.ids), boost**rule.power))
            dropped["label_only"] += 1
    return items, dict(dropped)


def target_of(bound: BoundPrompt, label: int, explanation: str | None) -> list[int]:
    """Ids of an answer to learn: with its end, or the label alone where no explanation goes with it."""
    if explains(bound.prompt) and explanation is None and bound.mode == "label-first":
        return bound.target_ids(label)[:1]
    if bound.mode == "score":
        return bound.target_ids(label)
    return bound.target_ids(label, explanation) + bound.end_ids()


def answer_text(bound: BoundPrompt, label: int, explanation: str | None) -> str:
    """The answer as the model would write it."""
    return bound.tokenizer.decode(bound.target_ids(label, explanation))


def _columns(pair: Pair, count: int) -> dict[str, list[Any]]:
    return {
        "query": [pair.query] * count,
        "document": [pair.document] * count,
        "gold_label": [pair.gold_label] * count,
        "gold_explanation": [pair.gold_explanation] * count,
        "gold_evidence": [list(pair.gold_evidence)] * count,
    }


def _card(config: Config, profile: Profile, reports: Sequence[dict[str, Any]]) -> str:
    return "\n".join(
        [
            f"# {config.model.name}, refined",
            "",
            f"{len(reports)} round(s) of {config.method} from `{config.model.name}`, profile {profile.id} "
            f"{profile.version}, mode {config.mode}, seed {config.seed}. Settings, hashes and package versions: "
            "`manifest.json`; each round's samples, losses and counts: `round-N/`.",
            "",
            "Measured on held-out queries, one answer a pair at temperature 0. The rewards below the line were not trained on.",
            "",
            table(reports),
            "",
        ]
    )
