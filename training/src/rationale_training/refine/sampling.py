"""Answers of the model itself: k samples of a pair, as the extension generates them.

Label-first, the label is drawn among the label tokens alone and the text between label and explanation is forced, so that
every sample has a label, as in the extension; explain-first, everything is generated, and a sample may have none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from rationale_training.profile import BoundPrompt, LabelToken, PreparedPrompt, text_after_label
from rationale_training.rewards import cut_at_stop


@dataclass(frozen=True)
class Sampling:
    """How answers are drawn; temperature 0 takes the likeliest token."""

    k: int = 8
    temperature: float = 1.0
    top_p: float = 1.0
    #: Prompts a forward; each is continued k times.
    batch_size: int = 4

    def __post_init__(self) -> None:
        if self.k < 1 or self.batch_size < 1 or self.temperature < 0 or not 0 < self.top_p <= 1:
            raise ValueError("k and batch_size are at least 1, temperature at least 0, top_p above 0 and at most 1")
        if self.temperature == 0 and self.k > 1:
            raise ValueError("at temperature 0 all k samples are the same: set k to 1")


@dataclass(frozen=True)
class Sample:
    """One answer: its text without special tokens, whether it ended by itself, and how many tokens it took."""

    text: str
    finished: bool
    tokens: int


def sample(
    model: Any, bound: BoundPrompt, prompts: Sequence[PreparedPrompt], how: Sampling, seed: int
) -> Iterator[list[Sample]]:
    """k samples of each prompt, in order. The same seed, prompts and batch size give the same samples."""
    for start in range(0, len(prompts), how.batch_size):
        batch = prompts[start : start + how.batch_size]
        # Seeded a batch, so that a resumed run draws what the interrupted one would have.
        generator = torch.Generator(device="cpu").manual_seed(seed * 1_000_003 + start)
        rows = [list(prompt.ids) for prompt in batch for _ in range(how.k)]
        answers = _continue(model, bound, rows, how, generator)
        for i in range(len(batch)):
            yield answers[i * how.k : (i + 1) * how.k]


@torch.no_grad()
def _continue(
    model: Any, bound: BoundPrompt, rows: list[list[int]], how: Sampling, generator: torch.Generator
) -> list[Sample]:
    device = next(model.parameters()).device
    pad = min(bound.tokenizer.special_ids, default=0)
    longest = max(map(len, rows))
    ids = torch.full((len(rows), longest), pad, dtype=torch.long)
    mask = torch.zeros_like(ids)
    for i, row in enumerate(rows):
        ids[i, longest - len(row) :] = torch.tensor(row)
        mask[i, longest - len(row) :] = 1
    positions = (mask.cumsum(-1) - 1).clamp_min(0)
    out = model(
        input_ids=ids.to(device),
        attention_mask=mask.to(device),
        position_ids=positions.to(device),
        use_cache=True,
        logits_to_keep=1,
    )
    logits, cache = out.logits[:, -1].float().cpu(), out.past_key_values
    generated: list[list[int]] = [[] for _ in rows]
    next_position = positions[:, -1:] + 1

    def feed(tokens: torch.Tensor) -> torch.Tensor:
        nonlocal mask, cache, next_position
        mask = torch.cat([mask, torch.ones_like(tokens)], dim=-1)
        steps = next_position + torch.arange(tokens.shape[1])
        out = model(
            input_ids=tokens.to(device),
            attention_mask=mask.to(device),
            position_ids=steps.to(device),
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        )
        cache = out.past_key_values
        next_position = next_position + tokens.shape[1]
        return out.logits[:, -1].float().cpu()

    if bound.mode != "explain-first":
        chosen = _draw_label(logits, bound.labels, how, generator)
        for i, token in enumerate(chosen):
            generated[i].append(token)
        if bound.mode == "score":
            return [Sample(bound.tokenizer.decode(g), True, len(g)) for g in generated]
        forced = bound.tokenizer.encode((text_after_label(bound.prompt) or "").rstrip())
        for g in generated:
            g.extend(forced)
        logits = feed(torch.tensor([[token, *forced] for token in chosen]))
    finished = [False] * len(rows)
    special = bound.tokenizer.special_ids
    room = bound.prompt.max_new_tokens
    texts = [""] * len(rows)
    for step in range(room):
        tokens = _draw(logits, how, generator)
        for i, token in enumerate(tokens):
            if finished[i]:
                tokens[i] = pad
                continue
            if token in special:
                finished[i] = True
                continue
            generated[i].append(token)
            whole = bound.tokenizer.decode(generated[i])
            texts[i] = cut_at_stop(bound.prompt, whole)
            # A stop at the very end of the text is a stop, too, even where the template keeps it.
            finished[i] = texts[i] != whole or any(s.strip() and whole.endswith(s) for s in bound.prompt.stop)
        if all(finished) or step == room - 1:
            break
        logits = feed(torch.tensor(tokens)[:, None])
    return [Sample(texts[i] or bound.tokenizer.decode(g), finished[i], len(g)) for i, g in enumerate(generated)]


def _draw_label(
    logits: torch.Tensor, labels: Sequence[LabelToken], how: Sampling, generator: torch.Generator
) -> list[int]:
    wanted = torch.tensor([label.id for label in labels])
    drawn = _draw(logits[:, wanted], how, generator)
    return [int(wanted[i]) for i in drawn]


def _draw(logits: torch.Tensor, how: Sampling, generator: torch.Generator) -> list[int]:
    if how.temperature == 0:
        return [int(t) for t in logits.argmax(-1)]
    probabilities = (logits / how.temperature).softmax(-1)
    if how.top_p < 1:
        ordered, order = probabilities.sort(-1, descending=True)
        # The first token that reaches top_p is kept.
        ordered[ordered.cumsum(-1) - ordered >= how.top_p] = 0
        probabilities = torch.zeros_like(probabilities).scatter(-1, order, ordered)
    return [int(t) for t in torch.multinomial(probabilities, 1, generator=generator)[:, 0]]
