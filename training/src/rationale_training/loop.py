"""The closed loop, measured: does a model get better from corrections, and by more than from training alone?

The judged queries of all collections are split in two halves, each of which takes both roles. On one half the model judges
pairs, a simulated annotator (annotator.py states its rule) writes a real correction log, the extension's command line exports
it, and one refinement round trains on it. The other half is then reranked. Controls train for the same number of steps on the
same pairs: outputs accepted as they are, corrections dealt out at random, corrected labels without reasons. The claim is
corrected minus control. What difference could be seen is written to plan.md before the first cell is trained.

Every cell (seed, half, number of corrections, arm) is a folder with its judgement file, log and result.json; an interrupted
run goes on with the next cell.
"""

from __future__ import annotations

import hashlib
import json
import random
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from rationale_training.annotator import ARMS, Arm, decide, events_of, write_log
from rationale_training.distill.prompts import PieceEncoder, Pieces
from rationale_training.distill.rationales import ExtractiveWriter
from rationale_training.errors import UserError
from rationale_training.evaluate.collection import Collection, Run
from rationale_training.evaluate.scoring import fused
from rationale_training.evaluate.scoring import read_pairs as score_pairs
from rationale_training.evaluate.statistics import ndcg, paired
from rationale_training.judgements import Judgement, read_judgements, serialise, write_judgements
from rationale_training.manifest import Manifest, progress, write_json, write_text
from rationale_training.profile import BoundPrompt, Profile, load_profile, parse_answer
from rationale_training.refine import training_items
from rationale_training.refine.pairs import Pair, read_pairs
from rationale_training.refine.pools import Selection
from rationale_training.refine.sampling import Sampling, sample
from rationale_training.refine.training import Training, fit, load_model
from rationale_training.rewards import Rewards, Weights

Key = tuple[str, str]
Half = Literal["a", "b"]
ANNOTATOR = "Simulated"
#: Two-sided 5 %, power 80 %: z(.975) + z(.8).
POWER = 1.96 + 0.8416


@dataclass(frozen=True)
class Config:
    """model: a Hugging Face folder with profile.json
    collections: folders in BEIR's layout, none of whose text the model was trained on
    corrections: numbers of reviewed pairs; each is the beginning of the next
    seeds, arms: what is repeated, and what is compared
    depth: candidates of BM25 that are reviewed from, reranked and labelled
    relevant_share: share of relevant pairs among the reviewed, as far as there are so many
    queries: judged queries of each collection (not set: all)
    document_tokens: cut of documents, for answers, training and scoring alike
    answer_batch: pairs a forward when the model answers
    export: cli (the extension's command line) or direct (the judgement file and its log are read here)
    training: its steps are the same in every arm; selection, rewards: as in refine
    """

    model: Path
    collections: tuple[Path, ...]
    training: Training = field(default_factory=lambda: Training(steps=50, learning_rate=5e-5))
    # The boost would weigh corrected pairs more than accepted ones, and so train the controls less.
    selection: Selection = field(default_factory=lambda: Selection(boost_floor=1.0))
    rewards: Weights = field(default_factory=Weights)
    corrections: tuple[int, ...] = (50, 200, 800)
    seeds: tuple[int, ...] = (0, 1, 2)
    arms: tuple[Arm, ...] = ("corrected", "uncorrected", "shuffled", "labels-only")
    depth: int = 100
    relevant_share: float = 0.5
    queries: int | None = None
    document_tokens: int = 160
    answer_batch: int = 16
    export: Literal["cli", "direct"] = "cli"

    def __post_init__(self) -> None:
        if self.training.steps is None:
            raise ValueError("training.steps must be set: every arm trains for the same number of steps")
        if "corrected" not in self.arms or not self.corrections or not self.seeds or not self.collections:
            raise ValueError("arms must hold corrected, and collections, corrections and seeds at least one entry each")
        if list(self.corrections) != sorted(set(self.corrections)) or self.corrections[0] < 2:
            raise ValueError("corrections must rise, from 2 at least")


@dataclass(frozen=True)
class Pooled:
    """All collections in one: ids are `collection/id`, candidates BM25's."""

    queries: dict[str, str]
    documents: dict[str, str]
    qrels: dict[str, dict[str, int]]
    first: Run

    def relevant(self, query: str, document: str) -> bool:
        return self.qrels[query].get(document, 0) > 0


@dataclass(frozen=True)
class Cell:
    """One training: which half was reviewed, how many pairs, what was done with them."""

    seed: int
    half: Half
    count: int
    arm: Arm

    @property
    def name(self) -> str:
        return f"seed-{self.seed}-{self.half}-{self.count}-{self.arm}"


def run(config: Config, out: Path, resume: bool) -> None:
    """Runs every cell that has no result yet, and writes table.md."""
    manifest = Manifest.open(out, "loop", config, inputs=[config.model, *config.collections], resume=resume)
    if manifest.complete:
        return
    lab = _Lab(config, out)
    lab.plan()
    for cell in progress(lab.cells(), total=len(lab.cells()), label="cells"):
        lab.run(cell)
    results = summarise(config, lab.halves, lab.before(), {c: lab.result(c) for c in lab.cells()})
    write_json(out / "results.json", results)
    write_text(out / "table.md", table(results))
    manifest.finish(
        outputs=[out / "plan.md", out / "results.json", out / "table.md"], counts={"cells": len(lab.cells())}
    )


class _Lab:
    """What the cells share: pooled collections, halves, the model's outputs, and the folder they are kept in."""

    def __init__(self, config: Config, out: Path) -> None:
        from transformers import AutoTokenizer

        self.config = config
        self.out = out
        self.profile = load_profile(config.model)
        self.tokenizer = AutoTokenizer.from_pretrained(config.model)
        self.bound = BoundPrompt(self.profile, "label-first", self.tokenizer)
        self.encoder = PieceEncoder(self.tokenizer, Pieces.of(self.profile.source))
        self.labels = self.profile.label_scale.values
        self.pool = pooled(config)
        self.halves = split(self.pool)
        self.writer = ExtractiveWriter(self.pool.documents.values())

    def cells(self) -> list[Cell]:
        c = self.config
        halves: tuple[Half, Half] = ("a", "b")
        return [Cell(s, h, n, a) for s in c.seeds for h in halves for n in c.corrections for a in c.arms]

    def result(self, cell: Cell) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.out / "cells" / cell.name / "result.json").read_text(encoding="utf-8"))
        return found

    def before(self) -> dict[str, Any]:
        """The model as it was, and BM25, on all queries."""
        file = self.out / "before.json"
        if not file.exists():
            model = load_model(self.config.model, self.config.training).eval()
            values = self.measure(model, list(self.pool.queries))
            values["bm25"] = ndcg(self.pool.first, self.pool.first, self.pool.qrels)
            write_json(file, values)
        found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        return found

    def plan(self) -> None:
        """States what could be detected, before anything is trained."""
        before = self.before()
        if not (self.out / "plan.md").exists():
            write_text(self.out / "plan.md", plan_text(self.config, self.halves, before, self.pool))

    def run(self, cell: Cell) -> None:
        """Reviews, exports, trains and measures one cell, unless it has its result."""
        folder = self.out / "cells" / cell.name
        if (folder / "result.json").exists():
            return
        started = time.monotonic()
        folder.mkdir(parents=True, exist_ok=True)
        pairs, samples, counts = self.reviewed(cell, folder)
        rewards = Rewards(self.bound.prompt, self.labels, self.config.rewards)
        items, pools = training_items(
            self.bound, pairs, samples, rewards, self.config.selection, self.config.document_tokens
        )
        if not items:
            raise UserError(f"{cell.name}: none of {len(pairs)} pairs is worth training on ({pools}).")
        model = load_model(self.config.model, self.config.training)
        fitted = fit(model, items, self.config.training, seed=cell.seed, label=cell.name)
        tested = self.halves["b" if cell.half == "a" else "a"]
        result = self.measure(model, tested)
        counts |= {
            "pairs": len(pairs),
            "rows": len(items),
            "pools": pools,
            "steps": fitted.steps,
            "tokens": fitted.tokens,
        }
        result |= {"counts": counts, "losses": [fitted.losses[0], fitted.losses[-1]]}
        result["seconds"] = round(time.monotonic() - started, 1)
        # Last: a cell without a result is run again.
        write_json(folder / "result.json", result)

    def reviewed(self, cell: Cell, folder: Path) -> tuple[list[Pair], dict[Key, list[Judgement]], dict[str, Any]]:
        """The cell's judgement file, its log, and the pairs that come out of the export."""
        keys = drawn(self.pool, self.halves[cell.half], self.config, cell.seed, cell.half)[: cell.count]
        outputs = self.answers(keys)
        file = folder / "outputs.judgements.jsonl"
        write_judgements(file, outputs)
        # The same decisions in every arm and for every number of corrections.
        decisions = [
            decide(o, self.pool.relevant(*k), self.labels, self.writer, _rng("reason", *k))
            for k, o in zip(keys, outputs, strict=True)
        ]
        rng = _rng("arm", cell.seed, cell.half, cell.arm)
        write_log(file, events_of(cell.arm, outputs, decisions, ANNOTATOR, rng), ANNOTATOR)
        source = file
        # InteRank rows cannot hold a label whose reason nobody gave.
        if self.config.export == "cli" and cell.arm != "labels-only":
            source = exported(file, folder / "export")
        pairs = read_pairs([source], self.labels, self.profile.label_scale.name).pairs
        gold = {pair.key: pair for pair in pairs}
        # An accepted output is the gold answer itself; beside it, it would make a pool of equals.
        samples = {
            key: [output]
            for key, output in zip(keys, outputs, strict=True)
            if key in gold and (output.label, output.explanation) != (gold[key].gold_label, gold[key].gold_explanation)
        }
        return (
            pairs,
            samples,
            {
                "reviewed": len(outputs),
                "relevant": sum(self.pool.relevant(*k) for k in keys),
                "wrong labels": sum(not d.accepted for d in decisions),
                "without a reason": sum(d.explanation is None for d in decisions),
            },
        )

    def answers(self, keys: Sequence[Key]) -> list[Judgement]:
        """The model's likeliest answers, kept in one file for all cells."""
        file = self.out / "answers.judgements.jsonl"
        known: dict[Key, Judgement] = {}
        if file.exists():
            for row in read_judgements(file, []):
                known[(row.judgement.query_id, row.judgement.doc_id)] = row.judgement
        missing = [key for key in keys if key not in known]
        if missing:
            if file.exists():
                # Without the half-written line of an interrupted run.
                write_judgements(file, known.values())
            model = load_model(self.config.model, self.config.training).eval()
            size = self.config.answer_batch
            with file.open("a", encoding="utf-8", newline="\n") as stream:
                for start in progress(range(0, len(missing), size), -(-len(missing) // size), "answers"):
                    for answer in self._answered(model, missing[start : start + size]):
                        known[(answer.query_id, answer.doc_id)] = answer
                        stream.write(f"{serialise(answer)}\n")
                    stream.flush()
        return [known[key] for key in keys]

    def _answered(self, model: Any, keys: Sequence[Key]) -> list[Judgement]:
        texts = [(self.pool.queries[q], self.pool.documents[d]) for q, d in keys]
        prompts = [self.bound.prepare(q, d, max_document_tokens=self.config.document_tokens) for q, d in texts]
        how = Sampling(k=1, temperature=0, batch_size=len(prompts))
        rows = []
        for (query, document), prompt, (answer,) in zip(
            keys, prompts, sample(model, self.bound, prompts, how, seed=0), strict=True
        ):
            parsed = parse_answer(self.bound.prompt, answer.text, self.labels)
            if parsed is None:
                raise UserError(f"query {query}, document {document}: the model's answer has no label: {answer.text!r}")
            rows.append(
                Judgement(
                    query_id=query,
                    query=self.pool.queries[query],
                    doc_id=document,
                    document=self.pool.documents[document],
                    document_end=prompt.document_end,
                    label=parsed.label,
                    scale=self.profile.label_scale.name,
                    explanation=parsed.explanation,
                    raw_response=answer.text,
                    # A capped explanation may be accepted by mistake; the export counts it.
                    status="ok" if answer.finished else "truncated",
                    run_id="loop",
                    mode="label-first",
                    # No hash of the prompt: without a run record nothing could rebuild it.
                    model={"id": self.config.model.name, "profile": self.profile.id},
                    sampling={"temperature": 0},
                    prompt_tokens=len(prompt.ids),
                    completion_tokens=answer.tokens,
                )
            )
        return rows

    def measure(self, model: Any, queries: Sequence[str]) -> dict[str, Any]:
        """nDCG@10 of each query reranked as the profile says, and its right labels: [right, all] of relevant and others."""
        first = {q: self.pool.first[q] for q in queries}
        pairs = [(q, d) for q in queries for d in first[q]]
        reads = score_pairs(
            model, self.encoder, pairs, self.pool.queries, self.pool.documents, self.config.document_tokens
        )
        values = np.asarray(self.labels, float)
        temperature = _temperature(self.profile)
        run = {q: fused(reads, q, c, _weights(self.profile), values, temperature) for q, c in first.items()}
        labels: dict[str, list[int]] = {}
        for query, candidates in first.items():
            counts = [0, 0, 0, 0]
            for document in candidates:
                said = int(np.argmax(reads[query, document].label_logits))
                relevant = self.pool.relevant(query, document)
                counts[0 if relevant else 2] += said == (len(self.labels) - 1 if relevant else 0)
                counts[1 if relevant else 3] += 1
            labels[query] = counts
        qrels = {q: self.pool.qrels[q] for q in queries}
        return {"ndcg": ndcg(run, first, qrels), "labels": labels}


def pooled(config: Config) -> Pooled:
    """All collections in one, each searched by itself."""
    result = Pooled({}, {}, {}, {})
    for folder in config.collections:
        collection = Collection.read(folder)
        kept = sorted(collection.queries)[: config.queries]
        for query, candidates in collection.first_stage(config.depth).items():
            if query not in kept or not candidates:
                continue
            name = f"{collection.name}/{query}"
            result.queries[name] = collection.queries[query]
            result.first[name] = {f"{collection.name}/{d}": score for d, score in candidates.items()}
            result.qrels[name] = {f"{collection.name}/{d}": g for d, g in collection.qrels[query].items()}
        wanted = {d for q in result.first for d in result.first[q]}
        result.documents.update(
            {name: text for d, text in collection.documents.items() if (name := f"{collection.name}/{d}") in wanted}
        )
    if len(result.queries) < 4:
        raise UserError(
            "the collections have fewer than four judged queries with candidates; there is nothing to split."
        )
    return result


def split(pool: Pooled) -> dict[Half, list[str]]:
    """Two halves of each collection's queries, by the hash of their ids."""
    halves: dict[Half, list[str]] = {"a": [], "b": []}
    for name in sorted({q.split("/")[0] for q in pool.queries}):
        mine = sorted(
            (q for q in pool.queries if q.split("/")[0] == name), key=lambda q: hashlib.sha256(q.encode()).digest()
        )
        halves["a"] += mine[: len(mine) // 2]
        halves["b"] += mine[len(mine) // 2 :]
    return halves


def drawn(pool: Pooled, queries: Sequence[str], config: Config, seed: int, half: Half) -> list[Key]:
    """The pairs that are reviewed, in their order: relevant ones and others in the share asked for, from the candidates."""
    rng = _rng("pairs", seed, half)
    pairs = [(q, d) for q in sorted(queries) for d in sorted(pool.first[q])]
    rng.shuffle(pairs)
    relevant = [p for p in pairs if pool.relevant(*p)]
    others = [p for p in pairs if not pool.relevant(*p)]
    most = max(config.corrections)
    if len(pairs) < most:
        raise UserError(
            f"half {half} has {len(pairs)} candidates for {most} corrections. Ask for fewer, or raise depth."
        )
    order: list[Key] = []
    while len(order) < most:
        wanted = round((len(order) + 1) * config.relevant_share) > round(len(order) * config.relevant_share)
        source = (relevant or others) if wanted else (others or relevant)
        order.append(source.pop())
    return order


def exported(file: Path, target: Path) -> Path:
    """Exports a judgement file by the extension's command line. Raises UserError with what it said when it fails."""
    repository = Path(__file__).resolve().parents[3]
    if not (repository / "scripts" / "cli.mjs").exists():
        raise UserError("the extension's repository is not around this package. Set export: direct.")
    command = ["node", str(repository / "scripts" / "cli.mjs"), "export", str(file.resolve())]
    command += ["--format", "interank", "--out", str(target.resolve())]
    done = subprocess.run(command, cwd=repository, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise UserError(f"the export of {file} failed: {done.stderr.strip()[-800:]}")
    return target


def _rng(*parts: object) -> random.Random:
    return random.Random(hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest())


def _weights(profile: Profile) -> tuple[float, float, float]:
    """Of z(expected), z(query_likelihood) and z(first stage)."""
    unknown = set(profile.score) - {"z(expected)", "z(query_likelihood)"}
    if unknown:
        raise UserError(f"profile {profile.id}: the loop cannot score {', '.join(sorted(unknown))}.")
    first = (profile.fusion or {}).get("first_stage", 0)
    return float(profile.score.get("z(expected)", 0)), float(profile.score.get("z(query_likelihood)", 0)), float(first)


def _temperature(profile: Profile) -> float:
    read = profile.prompt("score").expected
    return read.temperature if read is not None else 1.0


# --- what came of it --------------------------------------------------------------------------------------------------


def detectable(differences: Sequence[float]) -> float:
    """The true mean difference that a two-sided test at 5 % finds with a power of 80 %: 2.80 · SD / √n."""
    return POWER * float(np.std(differences, ddof=1)) / len(differences) ** 0.5


def plan_text(config: Config, halves: dict[Half, list[str]], before: dict[str, Any], pool: Pooled) -> str:
    """plan.md: what is compared, and what could be seen, written before the first training."""
    queries = sorted(before["ndcg"])
    differences = [before["ndcg"][q] - before["bm25"][q] for q in queries]
    relevant = sum(pool.relevant(q, d) for q in queries for d in pool.first[q])
    total = sum(len(pool.first[q]) for q in queries)
    return f"""# Plan, written before the first training

{len(queries)} judged queries in halves of {len(halves["a"])} and {len(halves["b"])}, each reviewed once and tested once;
{total} candidates at depth {config.depth}, {relevant} of them relevant. Unlisted candidates count as irrelevant.
Reviewed pairs: {", ".join(map(str, config.corrections))}; seeds {", ".join(map(str, config.seeds))}; {config.training.steps}
steps in every arm: {"; ".join(f"{arm} ({ARMS[arm]})" for arm in config.arms)}.

The claim is corrected minus each control, paired by query, over the mean of the seeds.

nDCG@10 before: {np.mean([before["ndcg"][q] for q in queries]):.4f}, BM25 {np.mean([before["bm25"][q] for q in queries]):.4f}.
The standard deviation over queries of a difference between two rankings (the model's and BM25's) is
{np.std(differences, ddof=1):.4f}. At that spread a difference of {detectable(differences):.4f} is found with a power of 80 %
(two-sided, 5 %). Two trainings of one model should differ less than that from each other; table.md has the spread found.
"""


def _balanced(counts: np.ndarray) -> np.ndarray:
    """Mean of the shares of right labels among relevant and other pairs; [..., 4] counts summed over queries."""
    return np.asarray(
        (counts[..., 0] / np.maximum(1, counts[..., 1]) + counts[..., 2] / np.maximum(1, counts[..., 3])) / 2
    )


def label_difference(new: np.ndarray, old: np.ndarray, draws: int = 2000) -> dict[str, float]:
    """Difference of balanced label accuracy with a 95 % bootstrap interval over queries; [queries, 4] counts."""
    rng = np.random.default_rng(0)
    picked = rng.integers(0, len(new), (draws, len(new)))
    spread = _balanced(new[picked].sum(1)) - _balanced(old[picked].sum(1))
    low, high = np.quantile(spread, [0.025, 0.975])
    observed = _balanced(new.sum(0)) - _balanced(old.sum(0))
    return {"difference": float(observed), "low": float(low), "high": float(high)}


def summarise(
    config: Config, halves: dict[Half, list[str]], before: dict[str, Any], results: dict[Cell, dict[str, Any]]
) -> dict[str, Any]:
    """Means over seeds by query, and the paired comparisons. Every query is tested by the trainings on the other half."""
    queries = sorted(halves["a"] + halves["b"])
    tested: dict[str, Half] = dict.fromkeys(halves["a"], "b") | dict.fromkeys(halves["b"], "a")
    old_ndcg = [before["ndcg"][q] for q in queries]
    old_labels = np.asarray([before["labels"][q] for q in queries], float)
    summary: dict[str, Any] = {
        "queries": len(queries),
        "seeds": len(config.seeds),
        "steps": config.training.steps,
        "before": {
            "ndcg@10": float(np.mean(old_ndcg)),
            "bm25": float(np.mean([before["bm25"][q] for q in queries])),
            "balanced label accuracy": float(_balanced(old_labels.sum(0))),
        },
        "arms": [],
        "claims": [],
    }
    for count in config.corrections:
        ndcgs: dict[Arm, list[float]] = {}
        labels: dict[Arm, np.ndarray] = {}
        for arm in config.arms:
            cells = {(s, h): results[Cell(s, h, count, arm)] for s in config.seeds for h in halves}
            ndcgs[arm] = [float(np.mean([cells[s, tested[q]]["ndcg"][q] for s in config.seeds])) for q in queries]
            labels[arm] = np.asarray(
                [np.mean([cells[s, tested[q]]["labels"][q] for s in config.seeds], axis=0) for q in queries]
            )
            by_seed = [float(np.mean([cells[s, tested[q]]["ndcg"][q] for q in queries])) for s in config.seeds]
            summary["arms"].append(
                {
                    "corrections": count,
                    "arm": arm,
                    "ndcg@10": float(np.mean(ndcgs[arm])),
                    "by seed": by_seed,
                    "against before": vars(paired(ndcgs[arm], old_ndcg)),
                    "balanced label accuracy": float(_balanced(labels[arm].sum(0))),
                    "labels against before": label_difference(labels[arm], old_labels),
                }
            )
        for arm in config.arms:
            if arm != "corrected":
                difference = [a - b for a, b in zip(ndcgs["corrected"], ndcgs[arm], strict=True)]
                summary["claims"].append(
                    {
                        "corrections": count,
                        "control": arm,
                        "ndcg@10": vars(paired(ndcgs["corrected"], ndcgs[arm])),
                        "detectable at this spread": detectable(difference),
                        "labels": label_difference(labels["corrected"], labels[arm]),
                    }
                )
    return summary


def table(results: dict[str, Any]) -> str:
    """table.md."""
    before = results["before"]
    lines = [
        f"{results['queries']} queries, {results['seeds']} seeds, {results['steps']} steps an arm. nDCG@10 and balanced "
        "accuracy of labels (mean of the shares of right labels among relevant and other candidates), with 95 % intervals over "
        f"queries. Before: nDCG@10 {before['ndcg@10']:.4f}, labels {before['balanced label accuracy']:.3f}; BM25 "
        f"{before['bm25']:.4f}.",
        "",
        "| corrections | arm | nDCG@10 | against before | p | labels | against before |",
        "| ---: | --- | ---: | --- | ---: | ---: | --- |",
    ]
    for row in results["arms"]:
        change = row["against before"]
        lines.append(
            f"| {row['corrections']} | {row['arm']} | {row['ndcg@10']:.4f} | {_interval(change)} | {change['p']:.3f} "
            f"| {row['balanced label accuracy']:.3f} | {_interval(row['labels against before'])} |"
        )
    lines += [
        "",
        "| corrections | corrected minus | nDCG@10 | p | detectable | labels |",
        "| ---: | --- | --- | ---: | ---: | --- |",
    ]
    for row in results["claims"]:
        lines.append(
            f"| {row['corrections']} | {row['control']} | {_interval(row['ndcg@10'])} | {row['ndcg@10']['p']:.3f} "
            f"| {row['detectable at this spread']:.4f} | {_interval(row['labels'])} |"
        )
    return "\n".join(lines) + "\n"


def _interval(value: dict[str, float]) -> str:
    return f"{value['difference']:+.4f} [{value['low']:+.4f}, {value['high']:+.4f}]"
