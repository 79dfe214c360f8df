"""GRPO through TRL's trainer, with the same rewards as best of k. Prompts are given as the very text that the extension sends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from rationale_training.errors import UserError
from rationale_training.profile import BoundPrompt, Profile, prompt_segments
from rationale_training.refine.pairs import Pair
from rationale_training.refine.sampling import Sampling
from rationale_training.refine.training import Fitted, Training, updates
from rationale_training.rewards import Rewards


@dataclass(frozen=True)
class Grpo:
    """What only GRPO needs; everything else is in `sampling` (k answers a prompt) and `training`."""

    #: Weight of the divergence from the model at the start of the round.
    beta: float = 0.02
    #: Forwards on the same answers.
    iterations: int = 1


def grpo(
    model: Any,
    tokenizer: Any,
    profile: Profile,
    bound: BoundPrompt,
    pairs: Sequence[Pair],
    rewards: Rewards,
    sampling: Sampling,
    training: Training,
    settings: Grpo,
    seed: int,
    scratch: Path,
    document_tokens: int | None,
) -> tuple[Fitted, dict[str, int]]:
    """Trains `model` in place; returns what was done and how many rows were left out, by reason."""
    from datasets import Dataset
    from trl import GRPOConfig, GRPOTrainer

    if sampling.k < 2:
        raise UserError("grpo compares the answers to one prompt: sampling.k must be at least 2.")
    if training.quantize != "none":
        raise UserError("grpo with 4-bit weights is not supported here: set training.quantize to none.")
    rows, left_out = _rows(profile, bound, pairs, document_tokens)
    if not rows:
        raise UserError(f"no prompt is left for grpo ({left_out}).")
    # TRL tokenises plain strings with whatever the tokenizer adds; the extension adds nothing.
    plain = _without_added_tokens(tokenizer)
    ends = {*bound.tokenizer.special_ids, *bound.end_ids()}
    model.generation_config.eos_token_id = sorted(ends)
    model.config.use_cache = True
    named = rewards.trained()
    # A generation batch must be a multiple of k, of different prompts: with fewer than it asks for TRL trains nothing.
    answers = min(max(training.batch_size, sampling.k), len(rows) * sampling.k)
    answers -= answers % sampling.k
    device_batch = next(n for n in range(min(training.micro_batch_size, answers), 0, -1) if answers % n == 0)
    steps = updates(len(rows) * sampling.k, training)
    config = GRPOConfig(
        output_dir=str(scratch),
        per_device_train_batch_size=device_batch,
        gradient_accumulation_steps=answers // device_batch,
        num_generations=sampling.k,
        max_completion_length=max(2, bound.answer_tokens),
        temperature=sampling.temperature,
        top_p=sampling.top_p,
        learning_rate=training.learning_rate,
        lr_scheduler_type=training.schedule,
        warmup_steps=round(steps * training.warmup),
        weight_decay=training.weight_decay,
        max_grad_norm=training.clip,
        max_steps=steps,
        beta=settings.beta,
        num_iterations=settings.iterations,
        reward_weights=[weight for _, _, weight in named],
        mask_truncated_completions=False,
        remove_unused_columns=False,
        bf16=False,
        fp16=False,
        use_cpu=not torch.cuda.is_available(),
        gradient_checkpointing=training.gradient_checkpointing,
        logging_steps=1,
        save_strategy="no",
        report_to=[],
        seed=seed,
        disable_tqdm=True,
    )
    trainer = GRPOTrainer(
        model=model,
        reward_funcs=[_named(name, reward) for name, reward, _ in named],
        args=config,
        train_dataset=Dataset.from_list(rows),
        processing_class=plain,
    )
    trainer.train()
    if trainer.state.global_step == 0:
        raise UserError(f"TRL made no update on {len(rows)} prompts. Lower training.batch_size.")
    history = [entry for entry in trainer.state.log_history if "reward" in entry]
    model.eval()
    return Fitted(
        steps=trainer.state.global_step,
        tokens=int(trainer.state.num_input_tokens_seen),
        losses=[float(entry.get("loss", 0.0)) for entry in history],
    ), left_out


def _rows(
    profile: Profile, bound: BoundPrompt, pairs: Sequence[Pair], document_tokens: int | None
) -> tuple[list[dict[str, Any]], dict[str, int]]:
    rows: list[dict[str, Any]] = []
    left_out: dict[str, int] = {}
    for pair in pairs:
        if pair.prompt is not None:
            text, untrusted = pair.prompt, pair.prompt
        else:
            made = bound.prepare(pair.query, pair.document, pair.title, max_document_tokens=document_tokens)
            cut = pair.document[: made.document_end]
            text = "".join(s.text for s in prompt_segments(profile, bound.prompt, pair.query, cut, pair.title))
            untrusted = f"{pair.query}\n{cut}\n{pair.title or ''}"
        if bound.tokenizer.holds_special(untrusted):
            # As text it would become a control token in TRL's tokenisation.
            left_out["special_tokens"] = left_out.get("special_tokens", 0) + 1
            continue
        rows.append(
            {
                "prompt": text,
                "query": pair.query,
                "document": pair.document,
                "gold_label": pair.gold_label,
                "gold_explanation": pair.gold_explanation,
                "gold_evidence": list(pair.gold_evidence),
            }
        )
    return rows, left_out


def _named(name: str, reward: Any) -> Any:
    """TRL names a reward's metrics by the function's name, which a bound method would share with a column."""

    def function(prompts: Any, completions: Any, **columns: Any) -> Any:
        return reward(prompts, completions, **columns)

    function.__name__ = f"{name}_reward"
    return function


def _without_added_tokens(tokenizer: Any) -> Any:
    import copy

    from tokenizers.processors import Sequence as Processors

    plain = copy.deepcopy(tokenizer)
    plain.backend_tokenizer.post_processor = Processors([])
    plain.padding_side = "left"
    if plain.pad_token is None:
        plain.pad_token = plain.eos_token
    return plain
