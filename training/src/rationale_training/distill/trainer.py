"""The optimiser loop of small full-parameter runs: bf16 weights, fp32 masters, cosine schedule, checkpoints to go on from.

autocast over fp32 weights ran at a tenth of the speed of bf16 weights with fp32 masters on CPUs, so the masters are ours.
Larger students and many GPUs go through accelerate instead (tokens.py).
"""

from __future__ import annotations

import json
import math
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

Step = Callable[[int], tuple[dict[str, float], int]]


@dataclass(frozen=True)
class Schedule:
    """`steps` optimiser steps; linear warm-up, then cosine down to 5 % of `learning_rate`; gradients clipped at norm 1."""

    steps: int
    learning_rate: float = 1.5e-4
    warm_up: int = 10
    weight_decay: float = 0.01
    checkpoint_minutes: float = 10.0
    stop_after_minutes: float | None = None

    def rate(self, step: int) -> float:
        """Learning rate of a step counted from 0."""
        cosine = 0.5 * (1 + math.cos(math.pi * step / self.steps))
        return self.learning_rate * min(1.0, (step + 1) / self.warm_up) * (0.05 + 0.95 * cosine)


class MasterWeights:
    """AdamW on fp32 copies of a bf16 model's trainable parameters."""

    def __init__(self, model: nn.Module, schedule: Schedule) -> None:
        self.parameters = [p for p in model.parameters() if p.requires_grad]
        self.masters = [p.detach().float().clone() for p in self.parameters]
        for master in self.masters:
            master.grad = torch.zeros_like(master)
        self.optimiser = torch.optim.AdamW(
            self.masters, lr=schedule.learning_rate, betas=(0.9, 0.98), weight_decay=schedule.weight_decay, fused=True
        )

    def step(self, rate: float) -> float:
        """Applies the accumulated gradients, clipped; returns their norm before clipping."""
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        for parameter, master in zip(self.parameters, self.masters, strict=True):
            if parameter.grad is None:
                master.grad.zero_()
            else:
                master.grad.copy_(parameter.grad)
            parameter.grad = None
        norm = float(torch.nn.utils.clip_grad_norm_(self.masters, 1.0))
        self.optimiser.step()
        with torch.no_grad():
            for parameter, master in zip(self.parameters, self.masters, strict=True):
                parameter.copy_(master)
        return norm

    def state(self) -> dict[str, Any]:
        return {"masters": self.masters, "optimiser": self.optimiser.state_dict()}

    def load(self, state: dict[str, Any]) -> None:
        with torch.no_grad():
            for parameter, master, saved in zip(self.parameters, self.masters, state["masters"], strict=True):
                master.copy_(saved)
                parameter.copy_(master)
        self.optimiser.load_state_dict(state["optimiser"])


def train(model: nn.Module, schedule: Schedule, step: Step, folder: Path, resume: bool) -> bool:
    """Runs the schedule; `step(n)` does step n's forwards and backwards and returns its losses and tokens.

    Writes log.jsonl, and a checkpoint every few minutes; with `resume` goes on from it. Everything random in `step` must
    derive from n alone, so that a run in pieces equals a run in one. Returns whether the schedule is complete: False when
    `stop_after_minutes` ended this piece."""
    weights = MasterWeights(model, schedule)
    checkpoint = folder / "checkpoint.pt"
    begin = 0
    if resume and checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        weights.load(state)
        begin = int(state["step"])
    started = saved = time.monotonic()
    totals: defaultdict[str, float] = defaultdict(float)
    computed = window = 0

    def save(done: int) -> None:
        temporary = checkpoint.with_suffix(".tmp")
        torch.save({"step": done, **weights.state()}, temporary)
        temporary.replace(checkpoint)

    with (folder / "log.jsonl").open("a", encoding="utf-8") as log:
        for n in range(begin, schedule.steps):
            losses, tokens = step(n)
            norm = weights.step(schedule.rate(n))
            computed += tokens
            window += 1
            for name, value in {**losses, "gradient_norm": norm}.items():
                totals[name] += value
            now = time.monotonic()
            if (n + 1) % 10 == 0 or n + 1 == schedule.steps:
                means = {name: round(total / window, 4) for name, total in totals.items()}
                line = {
                    "step": n + 1,
                    "seconds": round(now - started),
                    "tokens_per_s": round(computed / (now - started)),
                }
                log.write(json.dumps(line | means) + "\n")
                log.flush()
                totals.clear()
                window = 0
            out_of_time = schedule.stop_after_minutes is not None and now - started > schedule.stop_after_minutes * 60
            if n + 1 < schedule.steps and (out_of_time or now - saved > schedule.checkpoint_minutes * 60):
                save(n + 1)
                saved = now
                if out_of_time:
                    return False
    checkpoint.unlink(missing_ok=True)
    return True
