"""The stage `evaluate`: config, the measurements, and their tables."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from rationale_training.checks import CHECKS_VERSION, check_answer
from rationale_training.distill.clusters import Clusters, Pool, SentenceEncoder
from rationale_training.distill.prompts import PieceEncoder, Pieces
from rationale_training.distill.targets import grades
from rationale_training.errors import UserError
from rationale_training.manifest import Manifest, write_json
from rationale_training.profile import BoundPrompt, Profile, load_profile, parse_answer
from rationale_training.refine.sampling import Sampling, sample

from .collection import Collection, Run, read_run, write_run
from .scoring import Reads, fused, read_pairs
from .statistics import Paired, calibration_error, fit_temperature, ndcg, paired

Mode = Literal["score", "label-first", "explain-first"]


@dataclass(frozen=True)
class HeldOut:
    """Held-out training text, where the temperature is fitted and rationales are checked.

    pool, clusters: as `distill` used them; the first `count` clusters were never trained on.
    rationales: pairs for which both orders of rationale are written and checked; 0 skips this.
    """

    pool: Path
    clusters: Path
    count: int = 60
    rationales: int = 200


@dataclass(frozen=True)
class Config:
    """Measures a model on collections in BEIR's layout.

    model: Hugging Face folder; profile: its profile.json (default: the one in the folder).
    beir: folders with corpus.jsonl, queries.jsonl and qrels/test.tsv.
    depth: candidates of BM25 that are reranked.
    modes: score (label-first ranks alike: the label is read before its rationale) and explain-first.
    explain_depth: candidates that explain-first judges, best BM25 first; writing costs fifty times reading.
    encoder: sentence encoder whose cosine, fused with BM25, is a baseline.
    previous: `runs/` folder of an earlier evaluation to compare with.
    held_out: where the temperature comes from; without it labels are judged as they are.
    threads: CPU threads; 0 leaves torch's default.
    seed: of bootstrap and randomisation.
    """

    model: Path
    profile: Path | None = None
    beir: tuple[Path, ...] = ()
    depth: int = 30
    modes: tuple[Mode, ...] = ("score",)
    explain_depth: int = 10
    encoder: Path | None = None
    previous: Path | None = None
    held_out: HeldOut | None = None
    threads: int = 0
    seed: int = 0


def run(config: Config, out: Path, resume: bool) -> None:
    """Writes results.json, table.md, runs/*.trec and rationales.jsonl."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    manifest = Manifest.open(out, "evaluate", config, seed=config.seed, inputs=[config.model], resume=resume)
    if manifest.complete:
        return
    if config.threads > 0:
        torch.set_num_threads(config.threads)
    profile = load_profile(config.profile or config.model)
    tokenizer = AutoTokenizer.from_pretrained(config.model)
    model = AutoModelForCausalLM.from_pretrained(config.model, dtype=torch.bfloat16).eval()
    encoder = PieceEncoder(tokenizer, Pieces.of(profile.source))
    values = np.asarray(profile.label_scale.values, float)
    results: dict[str, Any] = {"model": config.model.name, "depth": config.depth, "collections": {}}

    temperature = 1.0
    if config.held_out is not None:
        results["held_out"] = held = _held_out(config.held_out, model, encoder, profile, tokenizer, out)
        temperature = held["temperature"]
    (out / "runs").mkdir(exist_ok=True)
    for folder in config.beir:
        results["collections"][folder.name] = _collection(
            config, Collection.read(folder), model, encoder, profile, tokenizer, values, temperature, out
        )
        write_json(out / "results.json", results)
    write_json(out / "results.json", results)
    (out / "table.md").write_text(table(results), encoding="utf-8")
    print(table(results))
    manifest.finish(outputs=[out / "results.json", out / "table.md", *sorted((out / "runs").iterdir())])


def _weights(profile: Profile) -> tuple[float, float, float]:
    """Of z(expected), z(query_likelihood) and z(first stage), as the profile says. Other scores are the extension's alone."""
    known = {"z(expected)", "z(query_likelihood)"}
    if set(profile.score) - known:
        raise UserError(f"profile {profile.id}: evaluate knows the reads {', '.join(sorted(known))} only.")
    first = (profile.fusion or {}).get("first_stage", 0)
    return float(profile.score.get("z(expected)", 0)), float(profile.score.get("z(query_likelihood)", 0)), float(first)


def _collection(
    config: Config,
    collection: Collection,
    model: Any,
    encoder: PieceEncoder,
    profile: Profile,
    tokenizer: Any,
    values: np.ndarray,
    temperature: float,
    out: Path,
) -> dict[str, Any]:
    first = collection.first_stage(config.depth)
    pairs = [(q, d) for q, candidates in first.items() for d in candidates]
    reads = read_pairs(model, encoder, pairs, collection.queries, collection.documents)
    weights = _weights(profile)
    rankings: dict[str, Run] = {"bm25": first}
    variants = {
        "reranked": weights,
        "label + likelihood": (weights[0], weights[1], 0.0),
        "label + bm25": (weights[0], 0.0, weights[2]),
        "label": (1.0, 0.0, 0.0),
        "likelihood": (0.0, 1.0, 0.0),
    }
    for name, chosen in variants.items():
        rankings[name] = {q: fused(reads, q, c, chosen, values, temperature) for q, c in first.items()}
    if config.encoder is not None:
        rankings["bm25 + encoder"] = _encoder_run(config.encoder, collection, first)
    if "explain-first" in config.modes:
        shallow = {q: dict(sorted(c.items(), key=lambda x: -x[1])[: config.explain_depth]) for q, c in first.items()}
        rankings[f"explain-first@{config.explain_depth}"] = _explained(
            model, profile, tokenizer, collection, shallow, reads, values, weights, out
        )
        rankings[f"score@{config.explain_depth}"] = {
            q: fused(reads, q, c, weights, values, temperature) for q, c in shallow.items()
        }
    previous = config.previous / f"{collection.name}.reranked.trec" if config.previous else None
    if previous is not None and previous.exists():
        rankings["previous"] = read_run(previous)
    by_query = {name: ndcg(run, first, collection.qrels) for name, run in rankings.items()}
    queries = sorted(collection.qrels)
    table: dict[str, Any] = {}
    for name, run in rankings.items():
        write_run(run, first, out / "runs" / f"{collection.name}.{name.replace(' ', '-')}.trec", name.replace(" ", "-"))
        scores = [by_query[name][q] for q in queries]
        table[name] = {"ndcg@10": float(np.mean(scores))}
        if name != "bm25":
            base = [by_query["bm25"][q] for q in queries]
            table[name]["against bm25"] = asdict(paired(scores, base, config.seed))
    against: dict[str, Paired] = {}
    for other in ("bm25 + encoder", "previous"):
        if other in by_query:
            mine, theirs = ([by_query[n][q] for q in queries] for n in ("reranked", other))
            against[other] = paired(mine, theirs, config.seed)
    return {
        "queries": len(queries),
        "pairs": len(pairs),
        "rankings": table,
        "reranked against": {name: asdict(value) for name, value in against.items()},
        "labels": label_report(collection, first, reads, temperature),
    }


def label_report(
    collection: Collection, first: Run, reads: dict[tuple[str, str], Reads], temperature: float
) -> dict[str, Any]:
    """Labels against the collection's judgements. Candidates without a judgement count as not relevant."""
    relevant, probabilities = [], []
    for query, candidates in first.items():
        for document in candidates:
            relevant.append(collection.qrels[query].get(document, 0) > 0)
            probabilities.append(reads[query, document].probabilities(temperature))
    truth, p = np.asarray(relevant), np.asarray(probabilities)
    labels = p.argmax(1)
    counts = {
        kind: Counter(map(str, labels[truth == wanted])) for kind, wanted in (("relevant", True), ("other", False))
    }
    top = p.shape[1] - 1
    entropy = -(p * np.log(np.clip(p, 1e-12, None))).sum(1)
    return {
        "relevant": int(truth.sum()),
        "other": int((~truth).sum()),
        "labels of relevant": dict(sorted(counts["relevant"].items())),
        "labels of others": dict(sorted(counts["other"].items())),
        "share of top label among others": float((labels[~truth] == top).mean()),
        "share of top label among relevant": float((labels[truth] == top).mean()),
        "ece of P(top label)": calibration_error(p[:, top], truth.astype(float)),
        "mean P(top label)": float(p[:, top].mean()),
        "temperature": temperature,
        "label entropy in nats": float(entropy.mean()),
        "share of ties in expected label": _ties(first, reads, temperature),
    }


def _ties(first: Run, reads: dict[tuple[str, str], Reads], temperature: float) -> float:
    """Share of neighbouring candidates, in label order, that no expected label (to 1e-6) tells apart."""
    same = total = 0
    for query, candidates in first.items():
        expected = sorted(
            round(float(reads[query, d].probabilities(temperature) @ np.arange(len(reads[query, d].label_logits))), 6)
            for d in candidates
        )
        same += sum(a == b for a, b in itertools.pairwise(expected))
        total += max(0, len(expected) - 1)
    return same / max(1, total)


def _encoder_run(folder: Path, collection: Collection, first: Run) -> Run:
    """Equal-weight fusion of z(cosine) and z(BM25)."""
    from .scoring import z

    encoder = SentenceEncoder(str(folder))
    documents = sorted({d for c in first.values() for d in c})
    vectors = dict(zip(documents, encoder.encode([collection.documents[d] for d in documents], 208), strict=True))
    queries = list(first)
    asked = encoder.encode([collection.queries[q] for q in queries], 64)
    run: Run = {}
    for query, vector in zip(queries, asked, strict=True):
        names = list(first[query])
        cosine = np.asarray([float(vectors[d] @ vector) for d in names])
        total = z(cosine) + z(np.asarray([first[query][d] for d in names]))
        run[query] = dict(zip(names, total.tolist(), strict=True))
    return run


def _explained(
    model: Any,
    profile: Profile,
    tokenizer: Any,
    collection: Collection,
    first: Run,
    reads: dict[tuple[str, str], Reads],
    values: np.ndarray,
    weights: tuple[float, float, float],
    out: Path,
) -> Run:
    """Explain-first: the label after the model's own explanation, in the place of the label before it."""
    bound = BoundPrompt(profile, "explain-first", tokenizer)
    pairs = [(q, d) for q, candidates in first.items() for d in candidates]
    prompts = [bound.prepare(collection.queries[q], collection.documents[d]) for q, d in pairs]
    answers = sample(model, bound, prompts, Sampling(k=1, temperature=0, batch_size=16), seed=0)
    judged: dict[tuple[str, str], Reads] = {}
    with (out / f"explain-first.{collection.name}.jsonl").open("w", encoding="utf-8") as log:
        for pair, (answer,) in zip(pairs, answers, strict=True):
            parsed = parse_answer(bound.prompt, answer.text, profile.label_scale.values)
            logits = np.full(len(values), -4.0)
            if parsed is not None:
                logits[profile.label_scale.values.index(parsed.label)] = 4.0
            else:
                logits = reads[pair].label_logits
            judged[pair] = Reads(logits, reads[pair].query_likelihood)
            row = {"query_id": pair[0], "doc_id": pair[1], "text": answer.text, "parsed": parsed is not None}
            log.write(json.dumps(row, ensure_ascii=False) + "\n")
    return {q: fused(judged, q, c, weights, values, 1.0) for q, c in first.items()}


def _held_out(
    settings: HeldOut, model: Any, encoder: PieceEncoder, profile: Profile, tokenizer: Any, out: Path
) -> dict[str, Any]:
    """Fits the temperature on graded pairs of held-out clusters, and checks rationales of held-out pairs."""
    pool, clusters = Pool.read(settings.pool), Clusters.load(settings.clusters)
    queries = {str(i): text for i, text in enumerate(pool.queries)}
    documents = {str(i): text for i, text in enumerate(pool.documents)}
    graded: dict[tuple[str, str], int] = {}
    for members in clusters.members[: settings.count]:
        labels = grades(clusters.similarity(members))
        for d, document in enumerate(members):
            for q, query in enumerate(members):
                if labels[d, q] >= 0:
                    graded[str(query), str(document)] = int(labels[d, q])
    reads = read_pairs(model, encoder, graded, queries, documents)
    logits = np.asarray([reads[pair].label_logits for pair in graded])
    gold = np.asarray([profile.label_scale.values.index(label) for label in graded.values()])
    temperature = fit_temperature(logits, gold)
    p = np.asarray([reads[pair].probabilities(temperature) for pair in graded])
    result: dict[str, Any] = {
        "pairs": len(graded),
        "temperature": temperature,
        "label accuracy": float((p.argmax(1) == gold).mean()),
        "ece": calibration_error(p.max(1), (p.argmax(1) == gold).astype(float)),
        "checks_version": CHECKS_VERSION,
    }
    if settings.rationales > 0:
        rng = np.random.default_rng(0)
        names = list(graded)
        chosen = [names[i] for i in rng.permutation(len(names))[: settings.rationales]]
        with (out / "rationales.jsonl").open("w", encoding="utf-8") as log:
            for mode in ("label-first", "explain-first"):
                result[mode] = _rationales(model, profile, tokenizer, mode, chosen, graded, queries, documents, log)
    return result


def _rationales(
    model: Any,
    profile: Profile,
    tokenizer: Any,
    mode: Literal["label-first", "explain-first"],
    chosen: list[tuple[str, str]],
    graded: dict[tuple[str, str], int],
    queries: dict[str, str],
    documents: dict[str, str],
    log: Any,
) -> dict[str, Any]:
    bound = BoundPrompt(profile, mode, tokenizer)
    prompts = [bound.prepare(queries[q], documents[d]) for q, d in chosen]
    failed: Counter[str] = Counter()
    ended = quotes = verbatim = right = 0
    answers = sample(model, bound, prompts, Sampling(k=1, temperature=0, batch_size=16), seed=0)
    for pair, (answer,) in zip(chosen, answers, strict=True):
        query, document = queries[pair[0]], documents[pair[1]]
        found = check_answer(bound.prompt, answer.text, document, query, labels=profile.label_scale.values)
        parsed = parse_answer(bound.prompt, answer.text, profile.label_scale.values)
        failed.update(found.failed)
        ended += answer.finished
        quotes += found.quotes
        verbatim += found.verbatim
        right += parsed is not None and parsed.label == graded[pair]
        row = {
            "mode": mode,
            "query": query,
            "document": document,
            "gold": graded[pair],
            "label": parsed.label if parsed else None,
            "text": answer.text,
            "ended": answer.finished,
            "failed": list(found.failed),
        }
        log.write(json.dumps(row, ensure_ascii=False) + "\n")
    count = len(chosen)
    return {
        "pairs": count,
        "ended by themselves": ended / count,
        "label accuracy": right / count,
        "quoted spans": quotes,
        "quoted spans verbatim": verbatim / max(1, quotes),
        "failed checks": {name: number / count for name, number in sorted(failed.items())},
    }


def table(results: dict[str, Any]) -> str:
    """The results as Markdown."""
    lines = [
        "| collection | ranking | nDCG@10 | difference to BM25 | p | wins/ties/losses |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for name, collection in results["collections"].items():
        for ranking, row in collection["rankings"].items():
            d = row.get("against bm25")
            compared = (
                f"{d['difference']:+.4f} [{d['low']:+.4f}, {d['high']:+.4f}] | {d['p']:.4f} | {d['wins']}/{d['ties']}/{d['losses']}"
                if d
                else "| |"
            )
            lines.append(f"| {name} | {ranking} | {row['ndcg@10']:.4f} | {compared} |")
        for other, d in collection["reranked against"].items():
            lines.append(
                f"| {name} | reranked − {other} | | {d['difference']:+.4f} [{d['low']:+.4f}, {d['high']:+.4f}] | {d['p']:.4f} | "
                f"{d['wins']}/{d['ties']}/{d['losses']} |"
            )
    lines.append("")
    for name, collection in results["collections"].items():
        lines += [f"Labels on {name}: `{json.dumps(collection['labels'])}`", ""]
    if "held_out" in results:
        lines += [f"Held-out training pairs: `{json.dumps(results['held_out'])}`", ""]
    return "\n".join(lines)
