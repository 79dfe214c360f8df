"""Distillation: packed rows read as the plain prompts do, runs in pieces equal runs in one, and a run learns."""

import json
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from rationale_training.distill.clusters import Clusters, Pool, draw_clusters
from rationale_training.distill.objective import Lengths, PackedObjective, Weights, log_odds
from rationale_training.distill.packing import TokenTree, pack
from rationale_training.distill.prompts import PieceEncoder, Pieces
from rationale_training.distill.rationales import ExtractiveWriter, RationaleRow, is_good
from rationale_training.distill.stage import Config, Judgements, judged_rows, run
from rationale_training.distill.targets import grade, grades, teacher_distribution
from rationale_training.distill.tokens import Tokens
from rationale_training.distill.trainer import Schedule
from rationale_training.errors import UserError
from rationale_training.judgements import judgement_of, write_judgements
from rationale_training.profile import BoundPrompt, load_profile, parse_profile
from rationale_training.refine.training import Training

PROFILE = Path(__file__).resolve().parents[1] / "recipes" / "rationale_135m" / "profile.json"
TOPICS = [
    "boiler",
    "stove",
    "kettle",
    "lamp",
    "pump",
    "fan",
    "oven",
    "drill",
    "saw",
    "clock",
    "radio",
    "press",
    "valve",
]


def write_pool(folder: Path) -> Path:
    file = folder / "pool.jsonl"
    with file.open("w", encoding="utf-8") as out:
        for k, topic in enumerate(TOPICS * 2):
            query = f"how do I clean a {topic} of kind {k}"
            document = f"A {topic} of kind {k} is cleaned with vinegar, since hard water leaves chalk in the {topic}."
            out.write(json.dumps({"query": query, "document": document, "source": "made"}) + "\n")
    return file


def write_clusters(folder: Path, size: int) -> Path:
    """Clusters of the pool with random unit vectors as the teacher's, so that no encoder is needed."""
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(size, 8)).astype(np.float16)
    vectors /= np.linalg.norm(vectors.astype(np.float32), axis=1, keepdims=True).astype(np.float16)
    members = np.asarray([random.Random(k).sample(range(size), 4) for k in range(12)], dtype=np.int32)
    file = folder / "clusters.npz"
    Clusters(members, vectors, vectors).save(file)
    return file


def config_for(folder: Path, model: Path, steps: int = 3) -> Config:
    return Config(
        base=model,
        profile=PROFILE,
        pool=write_pool(folder),
        encoder=folder,
        cached_clusters=write_clusters(folder, len(TOPICS) * 2),
        held_out=2,
        frozen_layers=0,
        rationales_per_step=0,
        schedule=Schedule(steps=steps, learning_rate=3e-3, warm_up=1),
    )


@pytest.fixture(scope="module")
def encoder(tiny_model_folder: Path) -> PieceEncoder:
    tokenizer = AutoTokenizer.from_pretrained(tiny_model_folder)
    return PieceEncoder(tokenizer, Pieces.of(load_profile(PROFILE).source))


def test_every_branch_of_a_packed_row_reads_as_its_plain_prompt(tiny_model_folder: Path, encoder: PieceEncoder) -> None:
    model = AutoModelForCausalLM.from_pretrained(tiny_model_folder, dtype=torch.float32).eval()
    tree = TokenTree()
    root = tree.add(-1, encoder.document("Vinegar dissolves chalk. It is cheap.", 50))
    paths: list[list[int]] = []
    for text in ("how do I descale a boiler?", "what is a stove"):
        question = tree.add(root, encoder.question(text, 20)[0])
        label = tree.add(question, encoder.to_label)
        first = tree.add(label, [encoder.labels[2], *encoder.after_label("It names vinegar.")])
        explain = tree.add(question, encoder.explanation("It names vinegar."))
        paths += [[root, question, label, first], [root, question, explain]]
    batch = pack([tree], torch.float32)
    with torch.inference_mode():
        packed = model(
            input_ids=batch.input_ids, position_ids=batch.position_ids, attention_mask=batch.mask, use_cache=False
        ).logits[0]
        for path in paths:
            ids = [token for node in path for token in tree.ids[node]]
            plain = model(input_ids=torch.tensor([ids])).logits[0]
            flat = [batch.offsets[0][node] + k for node in path for k in range(len(tree.ids[node]))]
            assert torch.allclose(packed[flat], plain, atol=1e-5)


def test_pieces_join_to_the_prompts_that_the_extension_sends(tiny_model_folder: Path, encoder: PieceEncoder) -> None:
    profile = load_profile(PROFILE)
    tokenizer = AutoTokenizer.from_pretrained(tiny_model_folder)
    document, query, text = "Vinegar dissolves chalk.", "how do I descale a boiler?", "It names vinegar."
    shared = encoder.document(document, 100) + encoder.question(query, 100)[0]
    score = BoundPrompt(profile, "score", tokenizer).prepare(query, document)
    assert score.ids == shared + encoder.to_label
    label_first = BoundPrompt(profile, "label-first", tokenizer)
    assert [encoder.labels[1], *encoder.after_label(text)] == [*label_first.target_ids(1, text), encoder.end]
    explain = BoundPrompt(profile, "explain-first", tokenizer)
    whole = explain.prepare(query, document).ids + explain.target_ids(2, text)
    assert whole == shared + encoder.explanation(text) + [encoder.labels[2]]


def test_a_profile_that_puts_the_question_first_is_refused() -> None:
    text = PROFILE.read_text(encoding="utf-8").replace(
        "Document: {document}\\nQuestion: {query}\\nRelevance", "Question: {query}\\nDocument: {document}\\nRelevance"
    )
    with pytest.raises(UserError, match="document"):
        Pieces.of(parse_profile(text, "profile.json").source)


def test_special_token_look_alikes_in_a_document_stay_text(encoder: PieceEncoder) -> None:
    assert encoder.end not in encoder.document("ends <|im_end|> here", 100)


def test_targets_prefer_the_match_and_leave_doubtful_pairs_out() -> None:
    similarity = np.asarray([[0.6, 0.1], [0.5, 0.8]], dtype=np.float32)
    assert grades(similarity).tolist() == [[2, 0], [1, 2]]
    assert grade(0.9, match=False) is None
    assert grade(0.05, match=True) is None
    distribution = teacher_distribution(similarity, match_bonus=0.1, temperature=0.07)
    assert np.allclose(distribution.sum(0), 1)
    assert distribution[0, 0] > distribution[1, 0]


def test_log_odds_order_labels_as_their_expectation_does_for_shifted_scores() -> None:
    logits = torch.tensor([[2.0, 0.0, -2.0], [0.0, 1.0, 0.0], [-2.0, 0.0, 2.0]])
    odds = log_odds(logits)
    assert odds[0] < odds[1] < odds[2]


def test_extractive_rationales_pass_the_checks_and_quote_verbatim() -> None:
    documents = [f"The {topic} needs water. It leaves chalk in the {topic} every winter season." for topic in TOPICS]
    writer = ExtractiveWriter(documents)
    rng = random.Random(0)
    good = 0
    for k, topic in enumerate(TOPICS):
        text = writer.write(f"how is a {topic} cleaned", documents[k], 2, rng)
        other = writer.write(f"how is a {topic} cleaned", documents[(k + 1) % len(TOPICS)], 0, rng)
        assert text is not None and other is not None
        good += is_good(RationaleRow(topic, documents[k], 2, text))
        good += is_good(RationaleRow(f"how is a {topic} cleaned", documents[(k + 1) % len(TOPICS)], 0, other))
    assert good == 2 * len(TOPICS)


def test_clusters_hold_the_question_own_document_first_and_no_document_twice() -> None:
    pool = Pool([f"q {k}" for k in range(40)], [f"d {k}" for k in range(40)], ["made"] * 40)
    found = np.asarray([[(i + k) % 40 for k in range(30)] for i in range(40)], dtype=np.int32)
    for members in draw_clusters(pool, found, seed=1):
        assert len(set(members.tolist())) == 6


def test_a_run_in_pieces_ends_in_the_weights_of_a_run_in_one(tmp_path: Path, tiny_model_folder: Path) -> None:
    config = config_for(tmp_path, tiny_model_folder)
    run(config, tmp_path / "whole", resume=False)
    pieces = replace(config, schedule=replace(config.schedule, stop_after_minutes=0.0))
    for attempt in range(config.schedule.steps):
        assert not (tmp_path / "pieces" / "model").exists()
        run(pieces, tmp_path / "pieces", resume=attempt > 0)
    whole, pieced = (
        AutoModelForCausalLM.from_pretrained(tmp_path / name / "model").state_dict() for name in ("whole", "pieces")
    )
    assert all(torch.equal(whole[name], pieced[name]) for name in whole)


def test_a_run_learns_its_labels(tmp_path: Path, tiny_model_folder: Path) -> None:
    config = config_for(tmp_path, tiny_model_folder, steps=30)
    run(config, tmp_path / "out", resume=False)
    lines = [json.loads(line) for line in (tmp_path / "out" / "log.jsonl").read_text().splitlines()]
    assert lines[-1]["label_ce"] < lines[0]["label_ce"]
    assert lines[-1]["generation"] < lines[0]["generation"]


def test_cluster_loss_has_gradients_in_every_task(tiny_model_folder: Path, encoder: PieceEncoder) -> None:
    model = AutoModelForCausalLM.from_pretrained(tiny_model_folder, dtype=torch.float32).train()
    documents = ["Vinegar dissolves chalk.", "A lamp gives light."]
    labels = np.asarray([[2, 0], [1, 2]])
    similarity = np.asarray([[0.7, 0.1], [0.3, 0.8]], dtype=np.float32)
    for name in ("label", "likelihood", "label_ce", "generation", "label_first", "explain_first"):
        off = dict.fromkeys(("label", "likelihood", "label_ce", "generation", "label_first", "explain_first"), 0.0)
        objective = PackedObjective(model, encoder, Weights(**(off | {name: 1.0})), Lengths())
        model.zero_grad()
        loss, parts, _ = objective.cluster(
            documents, ["what dissolves chalk", "what gives light"], similarity, labels, {0: (0, "It names vinegar.")}
        )
        loss.backward()
        assert float(model.model.layers[0].mlp.up_proj.weight.grad.abs().sum()) > 0, name
        assert parts["label_first"] > 0


def test_judged_rows_weigh_people_more_and_never_take_unparsed_answers(tmp_path: Path) -> None:
    file = tmp_path / "x.judgements.jsonl"
    base = {"query": "q", "document": "d", "scale": "interank", "status": "ok"}
    rows = [
        base | {"query_id": "q1", "doc_id": "d1", "label": 2, "explanation": "It says so."},
        base | {"query_id": "q1", "doc_id": "d2", "label": None, "explanation": "text", "status": "unparsed"},
    ]
    write_judgements(file, [judgement_of(row) for row in rows])
    found = judged_rows(Judgements(files=(file,), teacher=0.5))
    assert [(row.label, row.weight) for row in found] == [(2, 0.5)]
    assert judged_rows(Judgements(files=(file,), teacher=0.0)) == []


def test_token_loss_trains_every_task_the_profile_offers(tmp_path: Path, tiny_model_folder: Path) -> None:
    rationales = tmp_path / "given.jsonl"
    row = {
        "query": "what dissolves chalk",
        "document": "Vinegar dissolves chalk.",
        "label": 2,
        "explanation": "It names vinegar.",
    }
    rationales.write_text(json.dumps(row) + "\n" + json.dumps(row | {"problems": ["quote"]}) + "\n")
    queries = tmp_path / "queries.jsonl"
    queries.write_text(json.dumps({"query": "what dissolves chalk", "generated_queries": ["vinegar chalk"]}) + "\n")
    settings = Tokens(
        generated_queries=(queries,), training=Training(steps=2, batch_size=2, micro_batch_size=2, dtype="float32")
    )
    config = Config(
        base=tiny_model_folder,
        profile=PROFILE,
        method="tokens",
        clusters_per_step=0,
        rationales=(rationales,),
        tokens=settings,
    )
    run(config, tmp_path / "out", resume=False)
    counts = json.loads((tmp_path / "out" / "manifest.json").read_text())["counts"]
    assert {name: counts[name] for name in ("explain-first", "label-first", "score", "queries", "steps")} == {
        "explain-first": 1,
        "label-first": 1,
        "score": 1,
        "queries": 1,
        "steps": 2,
    }
    assert load_profile(tmp_path / "out" / "model").id == "rationale-135m"
