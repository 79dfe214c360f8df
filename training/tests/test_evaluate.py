"""Evaluation: shared documents read as plain prompts, statistics equal to scipy's and by hand, and a whole run."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from rationale_training.distill.prompts import PieceEncoder, Pieces
from rationale_training.errors import UserError
from rationale_training.evaluate.collection import Collection, ranked, read_run, write_run
from rationale_training.evaluate.scoring import read_pairs, z
from rationale_training.evaluate.stage import Config, run
from rationale_training.evaluate.statistics import calibration_error, fit_temperature, ndcg, paired
from rationale_training.profile import BoundPrompt, load_profile

PROFILE = Path(__file__).resolve().parents[1] / "recipes" / "rationale_135m" / "profile.json"


def write_collection(folder: Path) -> Path:
    (folder / "qrels").mkdir(parents=True)
    topics = ["boiler", "stove", "kettle", "lamp", "pump", "fan"]
    corpus = [
        {"_id": f"d {k}", "title": "", "text": f"The {t} needs care and clean water."} for k, t in enumerate(topics)
    ]
    queries = [{"_id": f"q{k}", "text": f"care of the {t}"} for k, t in enumerate(topics[:4])]
    (folder / "corpus.jsonl").write_text("".join(json.dumps(row) + "\n" for row in corpus))
    (folder / "queries.jsonl").write_text(
        "".join(json.dumps(row) + "\n" for row in [*queries, {"_id": "q9", "text": "x"}])
    )
    lines = ["query-id\tcorpus-id\tscore", *(f"q{k}\td {k}\t1" for k in range(4))]
    (folder / "qrels/test.tsv").write_text("\n".join(lines) + "\n")
    return folder


def test_reads_of_shared_documents_equal_those_of_plain_prompts(tiny_model_folder: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(tiny_model_folder)
    model = AutoModelForCausalLM.from_pretrained(tiny_model_folder, dtype=torch.float32).eval()
    profile = load_profile(PROFILE)
    encoder = PieceEncoder(tokenizer, Pieces.of(profile.source))
    queries = {f"q{k}": f"how do I clean part {k}?" for k in range(10)}
    documents = {"a": "Vinegar dissolves chalk.", "b": "A lamp gives light at night, says the label."}
    pairs = [(q, d) for q in queries for d in documents]
    found = read_pairs(model, encoder, pairs, queries, documents)
    bound = BoundPrompt(profile, "score", tokenizer)
    for query, document in pairs:
        prompt = bound.prepare(queries[query], documents[document])
        with torch.inference_mode():
            logits = model(input_ids=torch.tensor([prompt.ids])).logits[0]
        labels = logits[-1, [label.id for label in bound.labels]].numpy()
        assert np.allclose(found[query, document].label_logits, labels, atol=1e-4)
        start, end = prompt.query
        log = logits.log_softmax(-1)
        mean = float(np.mean([float(log[k - 1, prompt.ids[k]]) for k in range(start, end)]))
        assert found[query, document].query_likelihood == pytest.approx(mean, abs=1e-4)


def test_z_of_equal_values_is_zero() -> None:
    assert z(np.asarray([2.0, 2.0])).tolist() == [0.0, 0.0]
    assert z(np.asarray([1.0, 3.0])).tolist() == [-1.0, 1.0]


def test_paired_statistics_agree_with_scipy() -> None:
    from scipy.stats import permutation_test

    rng = np.random.default_rng(3)
    old = rng.random(30)
    new = np.clip(old + rng.normal(0.05, 0.15, 30), 0, 1)
    found = paired(new, old, draws=20_000)
    expected = permutation_test(
        (new, old), lambda a, b, axis: np.mean(a - b, axis=axis), permutation_type="samples", n_resamples=20_000, rng=0
    )
    assert found.p == pytest.approx(expected.pvalue, abs=0.01)
    assert found.low < found.difference < found.high
    assert found.wins + found.ties + found.losses == 30


def test_calibration_error_by_hand_and_temperature_recovers_a_known_one() -> None:
    assert calibration_error(np.asarray([0.95, 0.95, 0.15]), np.asarray([1.0, 0.0, 0.0])) == pytest.approx(0.35)
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(20_000, 3)) * 2
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    labels = np.asarray([rng.choice(3, p=row) for row in p])
    assert fit_temperature(logits * 3, labels) == pytest.approx(3, rel=0.05)


def test_runs_keep_their_order_and_ties_fall_back_to_the_first_stage(tmp_path: Path) -> None:
    first = {"q": {"a": 3.0, "b": 2.0, "c": 1.0}}
    scores = {"q": {"a": 0.5, "b": 0.5, "c": 0.9}}
    assert ranked(scores["q"], first["q"]) == ["c", "a", "b"]
    write_run(scores, first, tmp_path / "x.trec", "tag")
    again = read_run(tmp_path / "x.trec")
    assert ranked(again["q"], {}) == ["c", "a", "b"]
    assert ndcg(scores, first, {"q": {"a": 1}})["q"] == pytest.approx(1 / np.log2(3))
    (tmp_path / "bad.trec").write_text("q Q0 a 1 high tag\n")
    with pytest.raises(UserError, match=r"bad\.trec:1"):
        read_run(tmp_path / "bad.trec")


def test_a_collection_without_qrels_is_refused_by_name(tmp_path: Path) -> None:
    folder = write_collection(tmp_path / "c")
    assert sorted(Collection.read(folder).queries) == ["q0", "q1", "q2", "q3"]
    (folder / "qrels/test.tsv").unlink()
    with pytest.raises(UserError, match=r"qrels/test\.tsv"):
        Collection.read(folder)


def test_a_whole_evaluation_reports_every_ranking_and_its_runs(tmp_path: Path, tiny_model_folder: Path) -> None:
    folder = write_collection(tmp_path / "made")
    config = Config(
        model=tiny_model_folder,
        profile=PROFILE,
        beir=(folder,),
        depth=5,
        explain_depth=2,
        modes=("score", "explain-first"),
    )
    # Ids with spaces cannot stand in a TREC run.
    with pytest.raises(UserError, match="d 0"):
        run(config, tmp_path / "refused", resume=False)
    text = (folder / "corpus.jsonl").read_text().replace('"d ', '"d')
    (folder / "corpus.jsonl").write_text(text)
    (folder / "qrels/test.tsv").write_text((folder / "qrels/test.tsv").read_text().replace("d ", "d"))
    run(config, tmp_path / "out", resume=False)
    results = json.loads((tmp_path / "out/results.json").read_text())["collections"]["made"]
    assert {"bm25", "reranked", "explain-first@2", "score@2"} <= set(results["rankings"])
    assert results["rankings"]["bm25"]["ndcg@10"] == 1.0
    assert results["labels"]["relevant"] + results["labels"]["other"] == results["pairs"]
    assert (tmp_path / "out/runs/made.reranked.trec").exists()
    assert "| made | reranked |" in (tmp_path / "out/table.md").read_text()
