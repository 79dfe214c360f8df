"""The stage `distill`: its config, what a step draws, and the run from a base model to a trained folder."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import torch

from rationale_training.errors import UserError
from rationale_training.judgements import fold, read_judgements, read_logs, reviews_of
from rationale_training.manifest import Manifest
from rationale_training.profile import load_profile

from .clusters import Clusters, Pool, make_clusters
from .objective import Lengths, PackedObjective, Weights
from .prompts import PieceEncoder, Pieces
from .rationales import ExtractiveWriter, RationaleRow, is_good, read_rationales
from .targets import grades
from .tokens import Tokens, finish, train_on_tokens
from .trainer import Schedule, train


@dataclass(frozen=True)
class Judgements:
    """Judgement files as training data.

    files: *.judgements.jsonl; decisions of people are read from the logs beside each.
    people: weight of an answer that somebody accepted or corrected; their label and explanation are the target.
    teacher: weight of an answer nobody decided on; 0 leaves these out.
    """

    files: tuple[Path, ...] = ()
    people: float = 3.0
    teacher: float = 1.0


@dataclass(frozen=True)
class Config:
    """Supervised training of a reranker.

    base: Hugging Face folder of the model to start from.
    profile: profile.json whose prompts and answer templates are trained; the extension reads the same file.
    method: packed (all parameters, documents first, one process: small models) or tokens (token loss, LoRA, many GPUs).
    pool: JSON Lines of {query, document, source}: matched questions and documents to rank (packed only).
    encoder: folder of the sentence encoder that teaches the ranking.
    clusters: how many clusters are made of the pool; held_out of them are never trained on.
    cached_clusters: a clusters.npz of an earlier run with the same pool and seed, instead of encoding again.
    clusters_per_step: clusters whose losses are averaged in a step; 0 trains on rationales alone.
    rationales: JSON Lines of {query, document, label, explanation}; rows with problems are left out.
    rationales_per_step: how many of these (and of judgements') a step adds.
    extractive: share of a cluster's documents that get a rationale made from the document itself.
    judgements: judgement files and what their rows weigh.
    weights, lengths, schedule: the loss, its limits in tokens, and the optimiser.
    frozen_layers: the first layers, which are not trained; the embedding is not trained either.
    seed: of the clusters, of what each step draws, and of torch.
    threads: CPU threads; 0 leaves torch's default.
    tokens: settings of the method tokens.
    """

    base: Path
    profile: Path
    method: Literal["packed", "tokens"] = "packed"
    pool: Path | None = None
    encoder: Path | None = None
    clusters: int = 1000
    held_out: int = 60
    cached_clusters: Path | None = None
    clusters_per_step: int = 2
    rationales: tuple[Path, ...] = ()
    rationales_per_step: int = 3
    extractive: float = 1.0
    judgements: Judgements = field(default_factory=Judgements)
    weights: Weights = field(default_factory=Weights)
    lengths: Lengths = field(default_factory=Lengths)
    schedule: Schedule = field(default_factory=lambda: Schedule(steps=200))
    frozen_layers: int = 6
    seed: int = 0
    threads: int = 0
    tokens: Tokens = field(default_factory=Tokens)

    def __post_init__(self) -> None:
        if self.method == "packed" and self.clusters_per_step > 0 and (self.pool is None or self.encoder is None):
            raise ValueError("clusters_per_step > 0 needs pool and encoder")


def judged_rows(config: Judgements) -> list[RationaleRow]:
    """Rows with label and explanation: people's answers at their weight, a teacher's at its own, unparsed ones never."""
    rows: list[RationaleRow] = []
    for file in config.files:
        annotators = fold(read_logs(file))
        for row in read_judgements(file):
            judged = row.judgement
            reviews = reviews_of(row, annotators)
            if reviews and reviews[0].label is not None:
                label, text, weight = reviews[0].label, reviews[0].explanation, config.people
            elif judged.label is not None and judged.status == "ok":
                label, text, weight = judged.label, judged.explanation, config.teacher
            else:
                continue
            if weight > 0 and text:
                rows.append(RationaleRow(judged.query, judged.seen, int(label), text, weight))
    return rows


class Drawer:
    """What step n trains on, from n and the seed alone: a run in pieces draws what a run in one draws."""

    def __init__(self, config: Config, pool: Pool | None, clusters: Clusters | None, rows: list[RationaleRow]) -> None:
        self.config = config
        self.pool = pool
        self.clusters = clusters
        self.rows = rows
        self.writer = ExtractiveWriter(pool.documents) if pool is not None else None
        usable = (len(clusters.members) if clusters is not None else 0) - config.held_out
        if config.clusters_per_step > 0 and usable < config.clusters_per_step:
            raise UserError(f"the pool gives {usable} clusters beside the held-out ones; more text is needed.")
        self.order = list(range(config.held_out, config.held_out + max(usable, 0)))

    def cluster_of(self, place: int) -> list[int]:
        """Pool indices of the cluster at a place of the endless shuffled sequence."""
        assert self.clusters is not None
        lap, at = divmod(place, len(self.order))
        order = self.order.copy()
        if lap > 0:
            random.Random(f"{self.config.seed} lap {lap}").shuffle(order)
        return [int(i) for i in self.clusters.members[order[at]]]

    def extractive(self, members: list[int], labels: list[list[int]], rng: random.Random) -> dict[int, tuple[int, str]]:
        """A rationale for some of a cluster's documents: (question, text) by document."""
        assert self.pool is not None and self.writer is not None
        found: dict[int, tuple[int, str]] = {}
        size = len(members)
        for row in range(size):
            if rng.random() >= self.config.extractive:
                continue
            column = row if rng.random() < 0.4 else rng.randrange(size)
            label = labels[row][column]
            if label < 0:
                continue
            query, document = self.pool.queries[members[column]], self.pool.documents[members[row]]
            text = self.writer.write(query, document, label, rng)
            if text is not None and is_good(RationaleRow(query, document, label, text)):
                found[row] = (column, text)
        return found

    def rationale_rows(self, rng: random.Random) -> list[RationaleRow]:
        count = min(self.config.rationales_per_step, len(self.rows))
        return rng.sample(self.rows, count) if count > 0 else []


def run(config: Config, out: Path, resume: bool) -> None:
    """Trains and writes a Hugging Face folder `model/` with the profile beside it. Raises UserError on bad input."""
    inputs = [p for p in (config.profile, config.pool, *config.rationales, *config.judgements.files) if p is not None]
    manifest = Manifest.open(out, "distill", config, seed=config.seed, inputs=inputs, resume=resume)
    if manifest.complete:
        return
    rows = [row for file in config.rationales for row in read_rationales(file)] + judged_rows(config.judgements)
    if config.method == "tokens":
        finish(manifest, out, train_on_tokens(config.base, config.profile, rows, config.tokens, config.seed, out))
        return
    from transformers import AutoModelForCausalLM, AutoTokenizer

    if config.threads > 0:
        torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)
    tokenizer = AutoTokenizer.from_pretrained(config.base)
    model = AutoModelForCausalLM.from_pretrained(config.base, dtype=torch.bfloat16).train()
    model.get_input_embeddings().weight.requires_grad_(False)
    for layer in model.model.layers[: config.frozen_layers]:
        layer.requires_grad_(False)
    profile = load_profile(config.profile)
    encoder = PieceEncoder(tokenizer, Pieces.of(profile.source))
    objective = PackedObjective(model, encoder, config.weights, config.lengths)

    pool = Pool.read(config.pool) if config.pool is not None else None
    clusters = _clusters(config, pool, out)
    drawer = Drawer(config, pool, clusters, rows)
    manifest.record(clusters=0 if clusters is None else len(clusters.members), rationale_rows=len(rows))

    def step(n: int) -> tuple[dict[str, float], int]:
        rng = random.Random(f"{config.seed} step {n}")
        losses: dict[str, float] = {}
        tokens = 0

        def backward(loss: torch.Tensor, parts: dict[str, float], share: float, computed: int) -> None:
            nonlocal tokens
            (loss * share).backward()
            tokens += computed
            for name, value in parts.items():
                losses[name] = losses.get(name, 0.0) + value * share

        for k in range(config.clusters_per_step):
            assert pool is not None and clusters is not None
            members = drawer.cluster_of(n * config.clusters_per_step + k)
            similarity = clusters.similarity(members)
            labels = grades(similarity)
            rationales = drawer.extractive(members, labels.tolist(), rng)
            loss = objective.cluster(
                [pool.documents[i] for i in members], [pool.queries[i] for i in members], similarity, labels, rationales
            )
            backward(loss[0], loss[1], 1 / config.clusters_per_step, loss[2])
        chosen = drawer.rationale_rows(rng)
        if chosen:
            loss, parts, computed = objective.rationales(chosen)
            backward(loss, {f"given_{name}": value for name, value in parts.items()}, 1.0, computed)
        return losses, tokens

    if not train(model, config.schedule, step, out, resume):
        print(f"distill: stopped after {config.schedule.stop_after_minutes} minutes; --resume goes on.")
        return
    folder = out / "model"
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    (folder / "profile.json").write_text(
        json.dumps(profile.source, indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    manifest.finish(
        outputs=sorted(folder.iterdir()), counts={"steps": config.schedule.steps, "rationale_rows": len(rows)}
    )


def _clusters(config: Config, pool: Pool | None, out: Path) -> Clusters | None:
    if pool is None or config.clusters_per_step == 0:
        return None
    file = config.cached_clusters or out / "clusters.npz"
    if not file.exists():
        assert config.encoder is not None
        made = make_clusters(pool, str(config.encoder), config.seed, config.clusters)
        made.save(file)
    return Clusters.load(file)
