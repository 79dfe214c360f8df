"""The closed loop at the size of a toy: real files, the extension's own export, every arm, and its arithmetic."""

import dataclasses
import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rationale_training import loop
from rationale_training.annotator import Decision, events_of
from rationale_training.cli import main
from rationale_training.config import load
from rationale_training.errors import UserError
from rationale_training.judgements import Judgement, decided
from rationale_training.loop import Cell, Config, detectable, drawn, label_difference, pooled, split, summarise, table
from refine_case import PROFILE, TOPICS, model_with_profile

CONFIG = Path(__file__).resolve().parents[1] / "configs" / "loop.yaml"


def collection(folder: Path, queries: int = 5) -> Path:
    """Each query is about one topic; two documents are relevant to it and others share a word with it."""
    (folder / "qrels").mkdir(parents=True)
    words = [topic.split() for topic in TOPICS]
    corpus, asked, qrels = [], [], ["query-id\tcorpus-id\tscore"]
    for i, topic in enumerate(words):
        for j in range(4):
            other = words[(i + j) % len(words)]
            text = (
                f"This passage treats {topic[0]} together with {other[1]} and describes {topic[j % 3]} at some length."
            )
            corpus.append({"_id": f"d{i}-{j}", "title": "", "text": text})
    for i, topic in enumerate(words[:queries]):
        asked.append({"_id": f"q{i}", "text": f"how does {' '.join(topic)} work"})
        qrels += [f"q{i}\td{i}-{j}\t1" for j in range(2)]
    (folder / "corpus.jsonl").write_text("".join(json.dumps(r) + "\n" for r in corpus), encoding="utf-8")
    (folder / "queries.jsonl").write_text("".join(json.dumps(r) + "\n" for r in asked), encoding="utf-8")
    (folder / "qrels/test.tsv").write_text("\n".join(qrels) + "\n", encoding="utf-8")
    return folder


@pytest.fixture
def student(tiny_model_folder: Path, tmp_path: Path) -> Path:
    folder = model_with_profile(tiny_model_folder, tmp_path / "student")
    profile = json.loads(json.dumps(PROFILE))
    profile["prompts"]["explain_first"]["raw"] = "Document: {document}\nQuestion: {query}\nExplanation: "
    profile["prompts"]["explain_first"]["answer"] = "{explanation}\nRelevance Label: {label}"
    (folder / "profile.json").write_text(json.dumps(profile), encoding="utf-8")
    return folder


def test_the_loop_runs_through_the_command_line_and_goes_on_where_it_stopped(
    student: Path, tmp_path: Path, monkeypatch: Any
) -> None:
    collections = [collection(tmp_path / name) for name in ("one", "two")]
    out = tmp_path / "out"
    arguments = ["loop", "--config", str(CONFIG), "--out", str(out)]
    for setting in (
        f"model={student}", f"collections=[{collections[0]}, {collections[1]}]", "corrections=[4, 8]", "seeds=[0]",
        "depth=4", "document_tokens=40", "training.steps=2", "training.dtype=float32", "training.batch_size=4",
    ):  # fmt: skip
        arguments += ["--set", setting]
    real = loop._Lab.run
    done: list[str] = []

    def stops(self: Any, cell: Cell) -> None:
        if len(done) == 5:
            raise KeyboardInterrupt
        done.append(cell.name)
        real(self, cell)

    monkeypatch.setattr(loop._Lab, "run", stops)
    assert main(arguments) == 130
    kept = {f: f.stat().st_mtime_ns for f in out.glob("cells/*/result.json")}
    assert len(kept) == 5 and (out / "plan.md").exists()
    monkeypatch.setattr(loop._Lab, "run", real)
    assert main([*arguments, "--resume"]) == 0
    assert {f: f.stat().st_mtime_ns for f in kept} == kept, "finished cells are not run again"
    results = {f.parent.name: json.loads(f.read_text()) for f in out.glob("cells/*/result.json")}
    assert len(results) == 16
    assert {r["counts"]["steps"] for r in results.values()} == {2}, "every arm trains for as many steps"
    for half in "ab":
        sizes = {json.dumps(sorted(results[f"seed-0-{half}-8-{arm}"]["ndcg"])) for arm in loop.ARMS}
        assert len(sizes) == 1
    # The product's own export was made of the product's own log.
    cell = out / "cells" / "seed-0-a-8-corrected"
    assert (cell / "outputs.judgements.corrections" / "simulated-00000000.jsonl").exists()
    manifest = json.loads((cell / "export" / "manifest.json").read_text())
    assert manifest["kind"] == "rationale-export" and manifest["format"] == "interank"
    report = (out / "table.md").read_text()
    assert report.count("| corrected |") == 2 and "| 8 | shuffled |" in report and str(tmp_path) not in report
    assert "power of 80 %" in (out / "plan.md").read_text()


def test_logs_say_what_each_arm_is(tmp_path: Path) -> None:
    from rationale_training.annotator import write_log
    from rationale_training.judgements import write_judgements

    outputs = [
        Judgement(f"q{i}", "query", f"d{i}", "document", label=1 if i else 2, explanation=f"Output {i}.")
        for i in range(6)
    ]
    decisions = [
        Decision(2, "Output 0.", accepted=True),
        *[Decision(0 if i % 2 else 2, f"Reason {i}.", accepted=False) for i in range(1, 6)],
    ]
    held: dict[str, Any] = {}
    for arm in loop.ARMS:
        file = tmp_path / arm / "x.judgements.jsonl"
        file.parent.mkdir()
        write_judgements(file, outputs)
        write_log(file, events_of(arm, outputs, decisions, "Simulated", random.Random(1)), "Simulated")
        held[arm] = [(d.review.label, d.review.explanation, d.review.source) for d in decided(file)]
        assert len(held[arm]) == 6
    assert held["uncorrected"] == [(o.label, o.explanation, "decided") for o in outputs]
    assert held["corrected"] == [(d.label, d.explanation, "decided") for d in decisions]
    assert sorted(held["shuffled"]) == sorted(held["corrected"]) and held["shuffled"] != held["corrected"]
    assert [(label, source) for label, _, source in held["labels-only"]] == [
        (d.label, "decided" if d.accepted else "kept") for d in decisions
    ]


def test_halves_are_disjoint_and_draws_are_nested(student: Path, tmp_path: Path) -> None:
    config = Config(student, (collection(tmp_path / "one"),), corrections=(2, 6), depth=4)
    pool = pooled(config)
    halves = split(pool)
    assert set(halves["a"]) & set(halves["b"]) == set() and len(halves["a"]) + len(halves["b"]) == 5
    pairs = drawn(pool, halves["b"], config, 0, "b")
    assert len(pairs) == len(set(pairs)) == 6 and {q for q, _ in pairs} <= set(halves["b"])
    assert sum(pool.relevant(*p) for p in pairs) == 3 and sum(pool.relevant(*p) for p in pairs[:2]) == 1
    assert drawn(pool, halves["b"], config, 1, "b") != pairs
    with pytest.raises(UserError, match="Ask for fewer"):
        drawn(pool, halves["b"], dataclasses.replace(config, corrections=(999,)), 0, "b")


def test_differences_are_found_where_they_are() -> None:
    halves: dict[Any, list[str]] = {"a": [f"x/{i}" for i in range(20)], "b": [f"y/{i}" for i in range(20)]}
    queries = halves["a"] + halves["b"]
    rng = np.random.default_rng(0)
    base = {q: float(rng.uniform(0.2, 0.6)) for q in queries}
    before = {"ndcg": base, "bm25": base, "labels": {q: [1, 4, 8, 16] for q in queries}}
    config = Config(Path("m"), (Path("c"),), corrections=(50,), seeds=(0, 1), arms=("corrected", "shuffled"))
    results = {}
    for seed in (0, 1):
        for half in ("a", "b"):
            tested = halves["b" if half == "a" else "a"]
            for arm, gain, right in (("corrected", 0.1, 4), ("shuffled", 0.0, 1)):
                results[Cell(seed, half, 50, arm)] = {
                    "ndcg": {q: base[q] + gain + float(rng.normal(0, 0.02)) for q in tested},
                    "labels": {q: [right, 4, 8, 16] for q in tested},
                }
    found = summarise(config, halves, before, results)
    [claim] = found["claims"]
    assert claim["ndcg@10"]["difference"] == pytest.approx(0.1, abs=0.02) and claim["ndcg@10"]["p"] < 0.01
    assert claim["labels"]["difference"] == pytest.approx((4 - 1) / 4 / 2)
    assert found["before"]["balanced label accuracy"] == pytest.approx((1 / 4 + 8 / 16) / 2)
    assert "| 50 | shuffled |" in table(found)


def test_power_and_label_intervals() -> None:
    assert detectable([0.1, -0.1] * 50) == pytest.approx(2.8016 * 0.1005 / 10, rel=0.01)
    same = np.asarray([[1, 2, 3, 4]] * 10, float)
    assert label_difference(same, same) == {"difference": 0.0, "low": 0.0, "high": 0.0}


def test_the_config_is_read_and_checked() -> None:
    config = load(Config, CONFIG)
    assert config.corrections == (50, 200, 800) and config.training.steps == 50 and config.selection.boost_floor == 1
    with pytest.raises(UserError, match=r"training\.steps must be set"):
        load(Config, CONFIG, ["training.steps=null"])
    with pytest.raises(UserError, match="corrections must rise"):
        load(Config, CONFIG, ["corrections=[50, 20]"])
