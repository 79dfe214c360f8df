"""Refinement: pools, pairs, samples, weighted training, rounds."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from rationale_training import refine
from rationale_training.errors import UserError
from rationale_training.profile import BoundPrompt, load_profile
from rationale_training.refine import Config, Round, answer_text, training_items
from rationale_training.refine.optimizer import MasterAdamW, learning_rate
from rationale_training.refine.pairs import Pair, read_pairs
from rationale_training.refine.pools import Answer, Selection, select
from rationale_training.refine.sampling import Sampling, sample
from rationale_training.refine.training import Item, Lora, Training, batches, fit, load_model, save_model, weighted_loss
from rationale_training.rewards import Rewards, Weights
from refine_case import model_with_profile, reviewed_file

RELEASED = Selection(as_released=True, minimum=0.85)


# --- pools ------------------------------------------------------------------------------------------------------------


def test_as_released_gives_the_papers_verified_example() -> None:
    # Labels 2, 1, 2, 0 against the teacher's 2: misclassified .5; two answers pass the least reward of .85.
    scores = [10.0, 0.0, 9.66, 2.0]
    pool = [Answer(label, f"e{i}", s) for i, (label, s) in enumerate(zip([2, 1, 2, 0], scores, strict=True))]
    found = select(pool, 2, Answer(2, "teacher", 5.0), RELEASED)
    assert found.misclassified == 0.5
    assert [round(e.reward, 3) for e in found.examples] == [0.5, 0.483]
    assert [e.weight for e in found.examples] == pytest.approx([0.125, 0.483**3])


def test_as_released_keeps_wrong_labels_and_pools_of_equal_scores_and_drops_what_is_always_right() -> None:
    wrong = select([Answer(0, "wrong", 9.0), Answer(2, "right", 1.0)], 2, Answer(2, "gold", 2.0), RELEASED)
    assert [e.label for e in wrong.examples] == [0]
    equal = select([Answer(0, "a", 3.0), Answer(2, "b", 3.0)], 2, Answer(2, "gold", 3.0), RELEASED)
    assert [(e.label, e.reward) for e in equal.examples] == [(0, 0.5), (2, 0.5), (2, 0.5)]
    assert select([Answer(2, "a", 3.0)], 2, Answer(2, "gold", 1.0), RELEASED).dropped == "always_right"


def test_a_wrong_label_earns_nothing_however_well_it_is_argued() -> None:
    found = select([Answer(0, "fluent", 0.99), Answer(2, "plain", 0.4), Answer(None, None, 0.9)], 2, None, Selection())
    assert [(e.label, e.explanation) for e in found.examples] == [(2, "plain")]
    assert found.misclassified == pytest.approx(2 / 3)


def test_a_pool_of_equal_rewards_is_dropped() -> None:
    assert (
        select([Answer(2, "a", 0.5), Answer(2, "b", 0.5)], 2, Answer(2, "c", 0.5), Selection()).dropped
        == "equal_rewards"
    )
    assert select([Answer(0, "a", 0.5), Answer(1, "b", 0.9)], 2, None, Selection()).dropped == "equal_rewards"
    assert select([], 2, None, Selection()).dropped == "no_answer"
    alone = select([], 2, Answer(2, "gold", 0.7), Selection(boost_floor=1))
    assert [(e.reward, e.gold) for e in alone.examples] == [(1.0, True)]


def test_weights_are_the_cube_of_the_normalised_reward_and_grow_with_the_share_of_errors() -> None:
    pool = [Answer(2, "best", 0.9), Answer(2, "middle", 0.6), Answer(2, "worst", 0.3)]
    plain = select(pool, 2, None, Selection(boost_floor=1))
    assert [e.weight for e in plain.examples] == pytest.approx([1.0, 0.125])
    right = select(pool, 2, None, Selection())
    half = select([*pool, Answer(0, "x", 1.0), Answer(1, "y", 1.0), Answer(1, "z", 1.0)], 2, None, Selection())
    assert right.examples[0].reward == 0.25 and half.examples[0].reward == pytest.approx(0.625)


def test_equal_answers_are_one_row_with_their_weights_added() -> None:
    found = select([Answer(2, "a", 0.9), Answer(2, "a", 0.9), Answer(0, "b", 1)], 2, None, Selection(boost_floor=1))
    assert [(e.explanation, e.weight) for e in found.examples] == [("a", 2.0)]


# --- pairs ------------------------------------------------------------------------------------------------------------


def test_corrections_are_what_is_learnt(tmp_path: Path) -> None:
    read = read_pairs([reviewed_file(tmp_path)], (0, 1, 2), "interank")
    assert len(read.pairs) == 12 and read.problems == []
    assert {p.gold_label for p in read.pairs} == {0, 2}
    assert all(p.gold_explanation and p.gold_explanation.startswith("The text") for p in read.pairs)


def test_an_explanation_under_a_corrected_label_is_not_a_reason_for_it(tmp_path: Path) -> None:
    read = read_pairs([reviewed_file(tmp_path, explained=False)], (0, 1, 2), "interank")
    assert {p.gold_explanation for p in read.pairs} == {None}


def test_teachers_answers_are_taken_where_asked_for(tmp_path: Path) -> None:
    file = tmp_path / "teacher.judgements.jsonl"
    rows = [
        {"query": "q", "document": "d1", "label": 2, "explanation": "Because."},
        {"query": "q", "document": "d2", "status": "unparsed"},
        {"query": "q", "document": "d3", "label": 7},
        {"query": "q", "document": "d4", "label": 1, "status": "truncated", "explanation": "It bre"},
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    with pytest.raises(UserError, match="include: prefilled"):
        read_pairs([file], (0, 1, 2), "interank")
    read = read_pairs([file], (0, 1, 2), "interank", "prefilled")
    assert [(p.gold_label, p.gold_explanation) for p in read.pairs] == [(2, "Because."), (1, None)]
    assert read.left_out == {"unparsed": 1, "off_scale": 1}


def test_exports_are_read_from_their_folder(tmp_path: Path) -> None:
    interank = {
        "query": "q", "document": "d", "predictions": [{"label": 1, "explanation": "x"}],
        "groundtruth": {"label": 2, "explanation": "Since so."}, "query_id": "q1", "doc_id": "d1", "review": "corrected",
    }  # fmt: skip
    grpo = {"prompt": "Document: d\nQuestion: q\nRelevance Label: ", "gold_label": 0, "gold_explanation": None,
            "gold_answer": "0", "gold_evidence": ["d"], "scale": "interank", "query_id": "q2", "doc_id": "d2"}  # fmt: skip
    (tmp_path / "export").mkdir()
    (tmp_path / "export" / "train.jsonl").write_text(json.dumps(interank) + "\n", encoding="utf-8")
    (tmp_path / "grpo.jsonl").write_text(json.dumps(grpo) + "\n{\n", encoding="utf-8")
    read = read_pairs([tmp_path / "export", tmp_path / "grpo.jsonl"], (0, 1, 2), "interank")
    assert [(p.key, p.gold_label, p.gold_explanation) for p in read.pairs] == [
        (("q1", "d1"), 2, "Since so."),
        (("q2", "d2"), 0, None),
    ]
    assert read.pairs[1].prompt is not None and read.left_out == {"malformed": 1}


# --- samples ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tiny_model_folder: Path, tmp_path: Path) -> Path:
    return model_with_profile(tiny_model_folder, tmp_path / "model")


def bound_to(folder: Path, tokenizer: Any, mode: Any) -> BoundPrompt:
    return BoundPrompt(load_profile(folder), mode, tokenizer)


@pytest.mark.parametrize("mode", ["score", "label-first", "explain-first"])
def test_samples_repeat_with_their_seed_and_do_not_depend_on_padding(
    mode: Any, folder: Path, tiny_model: Any, tiny_tokenizer: Any
) -> None:
    bound = bound_to(folder, tiny_tokenizer, mode)
    prompts = [bound.prepare("what?", "a short text"), bound.prepare("what about it?", "a longer text on boilers " * 4)]
    how = Sampling(k=3, temperature=1.0, top_p=0.9, batch_size=2)
    first, again = (list(sample(tiny_model, bound, prompts, how, seed=5)) for _ in range(2))
    assert first == again != list(sample(tiny_model, bound, prompts, how, seed=6))
    together, apart = (
        [s[0].text for s in sample(tiny_model, bound, prompts, Sampling(k=1, temperature=0, batch_size=n), 0)]
        for n in (2, 1)
    )
    assert together == apart


def test_samples_are_what_transformers_generates(folder: Path, tiny_model: Any, tiny_tokenizer: Any) -> None:
    bound = bound_to(folder, tiny_tokenizer, "explain-first")
    prompt = bound.prepare("what?", "a short text")
    [[ours]] = sample(tiny_model, bound, [prompt], Sampling(k=1, temperature=0), 0)
    ids = torch.tensor([prompt.ids])
    theirs = tiny_model.generate(ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=16)[
        0, ids.shape[1] :
    ]
    assert bound.tokenizer.decode([t for t in theirs.tolist() if t not in bound.tokenizer.special_ids]).startswith(
        ours.text
    )
    assert ours.text


def test_label_first_samples_have_a_label_and_the_forced_text(
    folder: Path, tiny_model: Any, tiny_tokenizer: Any
) -> None:
    bound = bound_to(folder, tiny_tokenizer, "label-first")
    rewards = Rewards(bound.prompt, (0, 1, 2), Weights())
    [drawn] = sample(tiny_model, bound, [bound.prepare("what?", "text")], Sampling(k=8, temperature=5.0), 1)
    parsed = [rewards.parse(s.text) for s in drawn]
    assert all(p is not None for p in parsed) and len({p.label for p in parsed if p}) > 1
    assert all("\nExplanation:" in s.text for s in drawn)


def test_equal_samples_are_refused() -> None:
    with pytest.raises(ValueError, match="set k to 1"):
        Sampling(k=4, temperature=0)


# --- training ---------------------------------------------------------------------------------------------------------


def some_items(count: int = 6) -> list[Item]:
    return [Item([5 + (i * 7 + j) % 90 for j in range(12 + i)], 6 + i % 3, 0.25 + 0.25 * (i % 4)) for i in range(count)]


def test_the_loss_is_the_weighted_mean_over_answer_tokens(tiny_model: Any) -> None:
    items = some_items(3)
    wanted = 0.0
    for item in items:
        ids = torch.tensor([item.ids])
        logits = tiny_model(input_ids=ids).logits[0]
        tokens = ids[0, item.answer_start :]
        wanted += item.weight * float(F.cross_entropy(logits[item.answer_start - 1 : -1], tokens).detach())
    assert float(weighted_loss(tiny_model, items).detach()) == pytest.approx(wanted, rel=1e-5)


def test_a_row_without_a_prompt_or_an_answer_is_refused() -> None:
    for start in (0, 2):
        with pytest.raises(ValueError, match="prompt and an answer"):
            Item([1, 2], start)


def test_masters_equal_adamw_in_float32_and_keep_small_steps_in_bfloat16() -> None:
    torch.manual_seed(0)
    start = torch.randn(20)
    plain, ours = torch.nn.Parameter(start.clone()), torch.nn.Parameter(start.clone())
    small = torch.nn.Parameter(start.to(torch.bfloat16))
    reference = torch.optim.AdamW([plain], lr=1e-3, betas=(0.9, 0.98), weight_decay=0.01)
    masters = MasterAdamW([ours], lr=1e-3, weight_decay=0.01)
    half = MasterAdamW([small], lr=1e-5)
    before = small.detach().clone()
    for _ in range(300):
        for p in (plain, ours, small):
            p.grad = torch.ones_like(p)
        reference.step()
        masters.step()
        half.step()
    assert torch.allclose(plain, ours, atol=1e-6)
    # A step of 1e-5 is lost in bfloat16; 300 of them are not lost in the masters.
    assert float((before.float() - half.masters[0]).mean()) == pytest.approx(3e-3, rel=0.05)


def test_rates_rise_and_fall() -> None:
    rates = [learning_rate(i, 100, 1.0, 0.1, "cosine") for i in range(100)]
    assert rates[0] == pytest.approx(0.1) and rates[9] == 1.0 and max(rates) == 1.0 and rates[-1] < 0.06
    assert learning_rate(50, 100, 1.0, 0.0, "constant") == 1.0


def test_every_row_is_seen_once_an_epoch_and_steps_decide_where_given() -> None:
    plan = batches(10, Training(batch_size=5, epochs=2), seed=1)
    assert len(plan) == 4 and sorted(i for rows in plan[:2] for i in rows) == list(range(10))
    assert len(batches(3, Training(batch_size=4, steps=7), seed=1)) == 7
    assert batches(9, Training(), 1) == batches(9, Training(), 1) != batches(9, Training(), 2)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_training_learns(dtype: Any, tiny_model_folder: Path) -> None:
    training = Training(steps=30, batch_size=4, micro_batch_size=2, learning_rate=5e-3, dtype=dtype)
    model = load_model(tiny_model_folder, training)
    fitted = fit(model, [Item(item.ids, item.answer_start) for item in some_items()], training, seed=0)
    assert fitted.steps == 30 and fitted.losses[-1] < 0.7 * fitted.losses[0]


def test_accumulation_changes_nothing(tiny_model_folder: Path) -> None:
    ends = []
    for micro in (1, 4):
        training = Training(steps=3, batch_size=4, micro_batch_size=micro, learning_rate=1e-3, dtype="float32")
        model = load_model(tiny_model_folder, training)
        ends.append((fit(model, some_items(), training, seed=0).losses, model.get_input_embeddings().weight.detach()))
    assert ends[0][0] == pytest.approx(ends[1][0], rel=1e-5)
    assert torch.allclose(ends[0][1], ends[1][1], atol=1e-6)


def test_adapters_are_trained_and_merged(tiny_model_folder: Path, tiny_tokenizer: Any, tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM

    training = Training(steps=5, batch_size=4, learning_rate=1e-2, dtype="float32", lora=Lora(r=4, dropout=0.0))
    model = load_model(tiny_model_folder, training)
    assert sum(p.requires_grad for p in model.parameters()) == 2 * 5 * 2
    fit(model, some_items(), training, seed=0)
    item = some_items(1)
    trained = float(weighted_loss(model, item).detach())
    save_model(model, tiny_tokenizer, tiny_model_folder, training, tmp_path / "merged")
    merged = AutoModelForCausalLM.from_pretrained(tmp_path / "merged", dtype=torch.float32)
    assert float(weighted_loss(merged, item).detach()) == pytest.approx(trained, abs=1e-4)


def test_four_bits_need_adapters() -> None:
    with pytest.raises(ValueError, match="needs lora"):
        Training(quantize="nf4")


# --- rounds -----------------------------------------------------------------------------------------------------------


def small_config(folder: Path, file: Path, **changes: Any) -> Config:
    settings: dict[str, Any] = {
        "model": folder,
        "rounds": (Round((file,)), Round((file,), start=2, count=8)),
        "held_out": 0.4,
        "sampling": Sampling(k=3, batch_size=2),
        "training": Training(steps=3, batch_size=4, learning_rate=1e-3, dtype="float32"),
        **changes,
    }
    return Config(**settings)


@pytest.mark.parametrize("mode", ["score", "label-first", "explain-first"])
def test_rounds_sample_train_and_are_measured(mode: Any, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    refine.run(small_config(folder, reviewed_file(tmp_path / "in"), mode=mode), out, resume=False)
    reports = [json.loads((out / f"round-{n}" / "report.json").read_text()) for n in (1, 2)]
    assert [r["steps"] for r in reports] == [3, 3]
    assert reports[0]["after"] == reports[1]["before"], "a round begins with the model of the last"
    assert reports[0]["measured"] > 0 and set(reports[0]["after"]["held_out"]) >= {"agreement"}
    assert (out / "round-2" / "model" / "profile.json").exists()
    card = (out / "README.md").read_text()
    assert "| label accuracy |" in card and "round 2" in card and str(tmp_path) not in card
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["state"] == "complete" and any("corrections" in name for name in manifest["inputs"])


def test_an_interrupted_round_goes_on_with_its_samples(folder: Path, tmp_path: Path, monkeypatch: Any) -> None:
    config = small_config(
        folder, reviewed_file(tmp_path / "in"), rounds=(Round((tmp_path / "in/round.judgements.jsonl",)),), held_out=0.2
    )
    refine.run(config, tmp_path / "whole", resume=False)
    calls = []
    real = refine.sample

    def stops(model: Any, bound: Any, prompts: Any, how: Any, seed: int) -> Any:
        calls.append(seed)
        if len(calls) == 2:
            raise KeyboardInterrupt
        yield from real(model, bound, prompts, how, seed)

    monkeypatch.setattr(refine, "sample", stops)
    with pytest.raises(KeyboardInterrupt):
        refine.run(config, tmp_path / "parts", resume=False)
    before = len(calls)
    refine.run(config, tmp_path / "parts", resume=True)
    samples = "round-1/samples-00000-of-00001.judgements.jsonl"
    assert (tmp_path / "parts" / samples).read_text() == (tmp_path / "whole" / samples).read_text()
    # The first batch is not drawn again, the second is.
    assert before == 2 and calls[0] not in calls[before:] and calls[1] in calls[before:]
    reports = [json.loads((tmp_path / name / "round-1/report.json").read_text()) for name in ("whole", "parts")]
    assert reports[0] == reports[1]


def test_a_corrected_label_without_an_explanation_is_learnt_as_a_label(folder: Path, tiny_tokenizer: Any) -> None:
    bound = bound_to(folder, tiny_tokenizer, "label-first")
    pair = Pair("q", "d", "what?", "text", None, gold_label=2, gold_explanation=None)
    rewards = Rewards(bound.prompt, (0, 1, 2), Weights())
    items, dropped = training_items(bound, [pair], {}, rewards, Selection(), None)
    assert len(items) == 1 and dropped == {"no_answer": 1, "label_only": 1}
    assert items[0].ids[items[0].answer_start :] == [next(t.id for t in bound.labels if t.value == 2)]


def test_the_annotators_answer_is_learnt_when_all_samples_are_wrong(folder: Path, tiny_tokenizer: Any) -> None:
    from rationale_training.judgements import Judgement

    bound = bound_to(folder, tiny_tokenizer, "label-first")
    pair = Pair(
        "q",
        "d",
        "what about chalk?",
        "Vinegar dissolves chalk.",
        None,
        2,
        "Vinegar acts on the chalk that was asked for.",
    )
    wrong = [
        Judgement(
            "q",
            pair.query,
            "d",
            pair.document,
            label=0,
            explanation="No.",
            raw_response="0\nExplanation: No.",
            sample=i,
        )
        for i in range(3)
    ]
    items, dropped = training_items(
        bound, [pair], {pair.key: wrong}, Rewards(bound.prompt, (0, 1, 2), Weights()), Selection(), None
    )
    assert dropped == {} and len(items) == 1 and items[0].weight == 1.0
    text = bound.tokenizer.decode(items[0].ids[items[0].answer_start : -1])
    assert text == answer_text(bound, 2, pair.gold_explanation)


def test_grpo_trains_with_the_same_rewards(folder: Path, tiny_tokenizer: Any, tmp_path: Path) -> None:
    file = reviewed_file(tmp_path / "in")
    training = Training(steps=25, batch_size=12, learning_rate=5e-3, dtype="float32")
    # A random model never answers with a label, and equal rewards teach nothing: first it learns to say any of the three.
    model = load_model(folder, training)
    bound = bound_to(folder, tiny_tokenizer, "score")
    prompts = [bound.prepare(p.query, p.document) for p in read_pairs([file], (0, 1, 2), "interank").pairs]
    fit(model, [Item(p.ids + bound.target_ids(i % 3), len(p.ids)) for i, p in enumerate(prompts)], training, seed=0)
    model.save_pretrained(folder)
    config = small_config(
        folder, file, method="grpo", mode="score", rounds=(Round((file,)),), sampling=Sampling(k=4, batch_size=2),
        training=Training(steps=2, batch_size=16, micro_batch_size=4, learning_rate=1e-3, dtype="float32"),
    )  # fmt: skip
    refine.run(config, tmp_path / "out", resume=False)
    report = json.loads((tmp_path / "out/round-1/report.json").read_text())
    assert report["method"] == "grpo" and report["steps"] == 2
    after = load_model(tmp_path / "out/round-1/model", training).get_input_embeddings().weight
    assert not torch.equal(model.get_input_embeddings().weight, after)


def test_rendered_prompts_are_for_grpo_alone(folder: Path, tmp_path: Path) -> None:
    row = {"prompt": "Document: d\nQuestion: q\nRelevance Label: ", "gold_label": 0, "gold_explanation": None}
    file = tmp_path / "grpo.jsonl"
    file.write_text(json.dumps(row) + "\n", encoding="utf-8")
    with pytest.raises(UserError, match="interank"):
        refine.run(small_config(folder, file, held_out=0.0, rounds=(Round((file,)),)), tmp_path / "out", resume=False)
