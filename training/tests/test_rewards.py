"""Rewards: every known way of gaming them earns less than an honest answer, by the trained sum and mostly held out, too."""

import json
from pathlib import Path
from typing import Any

import pytest

from rationale_training.profile import Prompt, render_answer
from rationale_training.rewards import ModelReward, Rewards, Weights, cut_at_stop, own_content

EXPLAIN = Prompt(raw="x", answer="{explanation}\n\nRelevance Label: {label} ##", stop=(" ##",))
LABEL_FIRST = Prompt(raw="x", answer="{label}\nExplanation: {explanation}", stop=("\n", "<|im_end|>"))
LABELS = (0, 1, 2)
QUERY = "How does a hash table resolve collisions?"
DOCUMENT = (
    "A hash table stores keys in buckets. When two keys hash to the same bucket, separate chaining keeps a linked list per "
    "bucket, while open addressing probes for the next free slot. The load factor decides when to grow."
)
OTHER = (
    "Sourdough bread rises slowly because wild yeast ferments the flour. Bakers feed the starter every day with water."
)
HONEST = {
    DOCUMENT: "The text names two ways in which a hash table handles colliding keys, since separate chaining keeps a list "
    "and open addressing probes for a free slot, so collisions are resolved.",
    OTHER: "Wild yeast, flour and a starter are what the text is about. A hash table or colliding keys do not occur in it.",
}
ROWS = [(DOCUMENT, 2), (OTHER, 0), (OTHER, 0), (DOCUMENT, 2)]
COLUMNS: dict[str, Any] = {
    "query": [QUERY] * len(ROWS),
    "document": [document for document, _ in ROWS],
    "gold_label": [label for _, label in ROWS],
    "gold_explanation": [HONEST[document] for document, _ in ROWS],
    "gold_evidence": [[] for _ in ROWS],
}
PROMPTS = ["prompt"] * len(ROWS)
PADDING = " It is worth noting that this matters a good deal in practice. One should keep it in mind at all times. " * 3
HACKS = {
    "a constant label": lambda p, d, g: render_answer(p, 1, HONEST[d]),
    "always the top label": lambda p, d, g: render_answer(p, 2, HONEST[d]),
    "a copied document": lambda p, d, g: render_answer(p, g, d),
    "a copied sentence": lambda p, d, g: render_answer(p, g, d.split(". ")[1]),
    "a quotation without an argument": lambda p, d, g: render_answer(p, g, f'The document says: "{d.split(". ")[1]}"'),
    "an invented quotation": lambda p, d, g: render_answer(
        p, g, HONEST[d] + ' It says "collisions are always resolved".'
    ),
    "padding": lambda p, d, g: render_answer(p, g, HONEST[d] + PADDING),
    "repetition": lambda p, d, g: render_answer(p, g, f"{HONEST[d]} {HONEST[d]}"),
    "empty": lambda p, d, g: render_answer(p, g, ""),
    "two labels in the text": lambda p, d, g: render_answer(p, g, HONEST[d] + " Relevance Label: 0, or label 2."),
}


def total(prompt: Prompt, answers: list[str], weights: Weights | None = None) -> float:
    rewards = Rewards(prompt, LABELS, weights or Weights())
    return sum(rewards.total(PROMPTS, answers, **COLUMNS)) / len(answers)


def honest(prompt: Prompt) -> list[str]:
    return [render_answer(prompt, gold, HONEST[document]) for document, gold in ROWS]


@pytest.mark.parametrize("prompt", [EXPLAIN, LABEL_FIRST], ids=["explain-first", "label-first"])
@pytest.mark.parametrize("hack", HACKS)
def test_every_hack_earns_less_than_an_honest_answer(prompt: Prompt, hack: str) -> None:
    gamed = [HACKS[hack](prompt, document, gold) for document, gold in ROWS]
    assert total(prompt, gamed) < total(prompt, honest(prompt)) - 0.05


def test_hacks_of_the_explain_first_order() -> None:
    best = total(EXPLAIN, honest(EXPLAIN))
    given_away = [
        render_answer(EXPLAIN, g, ("The document is relevant. " if g else "The document is irrelevant. ") + HONEST[d])
        for d, g in ROWS
    ]
    two = [
        render_answer(EXPLAIN, 2 - g, HONEST[d]).removesuffix(" ##") + f"\n\nRelevance Label: {g} ##" for d, g in ROWS
    ]
    endless = [f"{HONEST[d]}\n\nRelevance Label: {g} and so on" for d, g in ROWS]
    for gamed in (given_away, two, endless):
        assert total(EXPLAIN, gamed) < best - 0.05


def test_an_honest_answer_earns_nearly_everything() -> None:
    for prompt in (EXPLAIN, LABEL_FIRST):
        assert total(prompt, honest(prompt)) > 0.9


def test_held_out_rewards_are_others_than_the_trained_ones_and_see_faults() -> None:
    rewards = Rewards(EXPLAIN, LABELS, Weights())
    trained = {name for name, _, _ in rewards.trained()}
    held_out = dict(rewards.held_out())
    assert trained == {"label", "format", "grounding", "length"} and not trained & set(held_out)
    good = honest(EXPLAIN)
    upside_down = [
        render_answer(EXPLAIN, 2 - g, "The document directly answers the question." if g else "It is irrelevant.")
        for _, g in ROWS
    ]
    for name in ("agreement", "consistency", "support", "likeness"):
        best, worst = (sum(held_out[name](PROMPTS, answers, **COLUMNS)) for answers in (good, upside_down))
        assert best > worst, name
    assert held_out["evidence"](PROMPTS, good, **COLUMNS) == [None] * 4
    marked = {**COLUMNS, "gold_evidence": [["separate chaining"], [], ["wild yeast"], ["per bucket"]]}
    assert held_out["evidence"](PROMPTS, good, **marked) == [1.0, None, 1.0, 0.0]


def test_the_signature_is_trls() -> None:
    rewards = Rewards(LABEL_FIRST, LABELS, Weights())
    conversation = [[{"role": "user", "content": DOCUMENT}]]
    completions = [
        [{"role": "assistant", "content": "2\nExplanation: Separate chaining keeps a list for keys of one bucket."}]
    ]
    columns = {"gold_label": [2], "completion_ids": [[1]], "trainer_state": None, "log_metric": None}
    assert rewards.label(prompts=conversation, completions=completions, **columns) == [1.0]
    # Without a document column the prompt is what an explanation is grounded in.
    assert rewards.grounding(prompts=conversation, completions=completions, **columns)[0] > 0.5
    assert rewards.label(prompts=["p"], completions=["2"], gold_label=[None]) == [None]
    assert rewards.total(["p"], ["no label at all"], gold_label=[2]) == [0.0]


def test_a_label_alone_is_judged_as_a_label() -> None:
    rewards = Rewards(Prompt(raw="x", answer="{label}"), LABELS, Weights())
    assert [name for name, _, _ in rewards.trained()] == ["label", "format"]
    # The right label; a wrong one in the right form; the right one with more after it.
    found = rewards.total(["p"] * 3, ["2", "0", "2 or 1"], gold_label=[2, 2, 2])
    assert found == pytest.approx([1, 0.5 / 1.5, 1.25 / 1.5])


def test_stops_cut_the_answer_where_generation_would_end() -> None:
    assert cut_at_stop(EXPLAIN, "So.\n\nRelevance Label: 2 ## more") == "So.\n\nRelevance Label: 2 ##"
    assert cut_at_stop(LABEL_FIRST, "2\nExplanation: So it is.\nDocument: next") == "2\nExplanation: So it is."


def test_copied_words_are_not_ones_own() -> None:
    assert own_content(DOCUMENT, DOCUMENT) == []
    assert own_content('It says "separate chaining".', DOCUMENT) == []
    assert "collid" in own_content("Colliding keys are kept in a list.", DOCUMENT)


def test_weights_that_do_not_go_together_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="negative"):
        Weights(label=-1)
    with pytest.raises(ValueError, match="go together"):
        Weights(model=1.0)


def test_a_reward_model_is_asked(tmp_path: Path, tiny_model_folder: Path) -> None:
    import torch
    from transformers import AutoTokenizer, LlamaConfig, LlamaForSequenceClassification

    config = LlamaConfig(**{**json.loads((tiny_model_folder / "config.json").read_text()), "num_labels": 1})
    torch.manual_seed(3)
    LlamaForSequenceClassification(config).save_pretrained(tmp_path)
    AutoTokenizer.from_pretrained(tiny_model_folder).save_pretrained(tmp_path)
    scores = ModelReward(tmp_path)(["a question"] * 3, ["one answer", "another answer of more words", "one answer"])
    assert len(scores) == 3 and all(0 < s < 1 for s in scores)
    assert scores[0] == pytest.approx(scores[2], abs=1e-5) and scores[0] != pytest.approx(scores[1], abs=1e-6)
    weights = Weights(model=1.0, reward_model=tmp_path)
    assert "model" in [name for name, _, _ in Rewards(EXPLAIN, LABELS, weights).trained()]
    assert 0 < total(EXPLAIN, honest(EXPLAIN), weights) < 1
    chat = ModelReward(tmp_path)(
        [[{"role": "user", "content": "a question"}]], [[{"role": "assistant", "content": "so"}]]
    )
    assert 0 < chat[0] < 1
