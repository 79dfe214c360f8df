"""Training on weighted answers: weight · mean cross-entropy of the answer's tokens, averaged over a batch.

One script for one process and many: run it through `accelerate launch` or `torchrun`, and every process takes its share of
each batch. Which rows a step sees, and its gradient, do not depend on the number of processes (tests/test_distributed.py).
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
import torch.nn.functional as F

from rationale_training.errors import UserError
from rationale_training.manifest import progress
from rationale_training.refine.optimizer import MasterAdamW, Schedule, learning_rate

#: Lengths are padded to a multiple of this: with shapes that vary freely, memory grew to many times what was needed.
PADDING = 64
IGNORED = -100


@dataclass(frozen=True)
class Lora:
    """Low-rank adapters instead of full weights. The defaults are the paper's."""

    r: int = 64
    alpha: int = 16
    dropout: float = 0.1
    targets: tuple[str, ...] = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj")


@dataclass(frozen=True)
class Training:
    """How weights are updated."""

    learning_rate: float = 2e-5
    schedule: Schedule = "cosine"
    warmup: float = 0.03
    weight_decay: float = 0.0
    clip: float = 1.0
    epochs: float = 1.0
    #: Updates; where given, epochs do not count. Rows are gone through as often as it takes.
    steps: int | None = None
    #: Rows of an update, over all processes, and of a forward in each.
    batch_size: int = 16
    micro_batch_size: int = 4
    dtype: Literal["bfloat16", "float32"] = "bfloat16"
    lora: Lora | None = None
    #: 4-bit base weights (QLoRA): needs lora, a GPU and bitsandbytes.
    quantize: Literal["none", "nf4"] = "none"
    gradient_checkpointing: bool = False
    #: Embeddings and this many layers from the bottom stay as they are (full weights only).
    freeze_layers: int = 0

    def __post_init__(self) -> None:
        if self.batch_size < 1 or self.micro_batch_size < 1 or self.learning_rate <= 0:
            raise ValueError("batch sizes are at least 1 and the learning rate above 0")
        if self.quantize != "none" and self.lora is None:
            raise ValueError("quantize needs lora: 4-bit weights cannot be trained themselves")


@dataclass(frozen=True)
class Item:
    """A training row: prompt and answer in one list of ids, where the answer begins, and the weight of its loss."""

    ids: list[int]
    answer_start: int
    weight: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.answer_start < len(self.ids):
            raise ValueError("a training row needs a prompt and an answer")


@dataclass(frozen=True)
class Fitted:
    """What a training did: updates, tokens, and the loss of each update."""

    steps: int
    tokens: int
    losses: list[float]
    #: The whole weights, gathered on the first process, where DeepSpeed had them in parts; None: they are in the model.
    weights: dict[str, Any] | None = None


def load_model(folder: Path, training: Training) -> Any:
    """The model in a Hugging Face folder, ready to be trained: its dtype, adapters and frozen layers as configured."""
    from transformers import AutoModelForCausalLM

    options: dict[str, Any] = {"dtype": getattr(torch, training.dtype)}
    if training.quantize == "nf4":
        from transformers import BitsAndBytesConfig

        if not torch.cuda.is_available():
            raise UserError("quantize: nf4 needs a GPU and bitsandbytes. Set quantize: none for this machine.")
        options["quantization_config"] = BitsAndBytesConfig(
            load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=options["dtype"]
        )
    model = AutoModelForCausalLM.from_pretrained(folder, **options)
    if training.gradient_checkpointing:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    if training.lora is not None:
        from peft import LoraConfig, get_peft_model, prepare_model_for_kbit_training

        if training.quantize != "none":
            model = prepare_model_for_kbit_training(model, use_gradient_checkpointing=training.gradient_checkpointing)
        adapter = LoraConfig(
            task_type="CAUSAL_LM",
            r=training.lora.r,
            lora_alpha=training.lora.alpha,
            lora_dropout=training.lora.dropout,
            target_modules=list(training.lora.targets),
        )
        return get_peft_model(model, adapter)
    if training.freeze_layers > 0:
        model.get_input_embeddings().requires_grad_(False)
        for layer in model.get_decoder().layers[: training.freeze_layers]:
            layer.requires_grad_(False)
    return model


def save_model(
    model: Any, tokenizer: Any, base: Path, training: Training, out: Path, weights: dict[str, Any] | None = None
) -> None:
    """Writes a whole model, adapters merged, with its tokenizer. Of a 4-bit base the merge goes into its full weights.
    `weights` are `Fitted.weights`."""
    if training.lora is not None and training.quantize != "none":
        from peft import PeftModel
        from transformers import AutoModelForCausalLM

        adapter = out.with_name(f"{out.name}-adapter")
        model.save_pretrained(adapter)
        full = AutoModelForCausalLM.from_pretrained(base, dtype=getattr(torch, training.dtype))
        model = PeftModel.from_pretrained(full, adapter).merge_and_unload()
    elif training.lora is not None:
        model = model.merge_and_unload()
    model.save_pretrained(out, **({} if weights is None else {"state_dict": weights}))
    tokenizer.save_pretrained(out)


def weighted_loss(model: Any, batch: Sequence[Item], device: Any = None) -> torch.Tensor:
    """Σ weight · mean cross-entropy of the answer's tokens over the rows of a batch (not yet divided by their number)."""
    longest = -(-max(len(item.ids) for item in batch) // PADDING) * PADDING
    ids = torch.zeros(len(batch), longest, dtype=torch.long)
    mask = torch.zeros_like(ids)
    targets = torch.full_like(ids, IGNORED)
    for i, item in enumerate(batch):
        ids[i, : len(item.ids)] = torch.tensor(item.ids)
        mask[i, : len(item.ids)] = 1
        targets[i, item.answer_start : len(item.ids)] = torch.tensor(item.ids[item.answer_start :])
    # The head is applied only where some row has an answer; the whole vocabulary of every position would be the largest part.
    first = min(item.answer_start for item in batch) - 1
    last = max(len(item.ids) for item in batch) - 1
    kept = torch.arange(first, last)
    logits = model(
        input_ids=ids.to(device), attention_mask=mask.to(device), logits_to_keep=kept.to(device), use_cache=False
    ).logits
    wanted = targets[:, first + 1 : last + 1].to(logits.device)
    losses = F.cross_entropy(
        logits.float().flatten(0, 1), wanted.flatten(), ignore_index=IGNORED, reduction="none"
    ).view(wanted.shape)
    lengths = (wanted != IGNORED).sum(-1)
    weights = torch.tensor([item.weight for item in batch], device=logits.device)
    return (weights * losses.sum(-1) / lengths).sum()


def updates(count: int, training: Training) -> int:
    """How many updates a training on `count` rows makes."""
    return (
        training.steps if training.steps is not None else max(1, round(training.epochs * count / training.batch_size))
    )


def batches(count: int, training: Training, seed: int) -> list[list[int]]:
    """The rows of each update: each once an epoch, in an order that the seed gives."""
    rng = random.Random(seed)
    steps = updates(count, training)
    order: list[int] = []
    while len(order) < steps * training.batch_size:
        epoch = list(range(count))
        rng.shuffle(epoch)
        order.extend(epoch)
    # Without `steps` the last update of an epoch is as small as the rows that are left.
    size = training.batch_size
    return [order[i * size : (i + 1) * size] for i in range(steps)]


def make_accelerator(training: Training) -> Any:
    """Accelerate's view of this process: device, rank, and DDP or DeepSpeed as the launcher says."""
    from accelerate import Accelerator, PartialState

    cpu = not torch.cuda.is_available()
    processes = PartialState(cpu=cpu).num_processes
    share = math.ceil(training.batch_size / processes)
    return Accelerator(cpu=cpu, gradient_accumulation_steps=math.ceil(share / training.micro_batch_size))


def fit(
    model: Any,
    items: Sequence[Item],
    training: Training,
    seed: int,
    accelerator: Any = None,
    on_step: Callable[[int, float], None] | None = None,
    label: str = "training",
) -> Fitted:
    """Trains `model` in place. `on_step` gets the number of each update and its loss."""
    if not items:
        raise UserError("there is nothing to train on.")
    accelerator = accelerator or make_accelerator(training)
    # Of dropout.
    torch.manual_seed(seed)
    model.train()
    parameters = [p for p in model.parameters() if p.requires_grad]
    deepspeed = accelerator.state.deepspeed_plugin is not None
    half = any(p.dtype != torch.float32 for p in parameters)
    # DeepSpeed keeps float32 masters itself.
    kind: Any = MasterAdamW if half and not deepspeed else torch.optim.AdamW
    optimizer = kind(parameters, lr=training.learning_rate, betas=(0.9, 0.98), weight_decay=training.weight_decay)
    wrapped, optimizer = _prepared(accelerator, model, optimizer, training)
    world, rank = accelerator.num_processes, accelerator.process_index
    micro_steps = accelerator.gradient_accumulation_steps
    plan = batches(len(items), training, seed)
    losses: list[float] = []
    tokens = 0
    for step, rows in enumerate(progress(plan, total=len(plan), label=label)):
        rate = learning_rate(step, len(plan), training.learning_rate, training.warmup, training.schedule)
        for group in optimizer.param_groups:
            group["lr"] = rate
        # Rows of like length together; every process makes as many forwards as the others.
        rows = sorted(rows, key=lambda i: len(items[i].ids))
        parts = _parts(rows[rank::world], micro_steps)
        total = 0.0
        for part in parts:
            batch = [items[i] for i in part] or [_weightless(items[rows[0]])]
            tokens += sum(len(item.ids) for item in batch)
            with accelerator.accumulate(wrapped):
                loss = weighted_loss(wrapped, batch, accelerator.device) / len(rows)
                total += float(loss.detach())
                # Gradients are averaged over the processes and over the forwards of an update; a sum is meant.
                accelerator.backward(loss * world * micro_steps)
                if accelerator.sync_gradients and training.clip > 0:
                    accelerator.clip_grad_norm_(parameters, training.clip)
                optimizer.step()
                optimizer.zero_grad()
        summed = accelerator.reduce(torch.tensor(total, device=accelerator.device), reduction="sum")
        losses.append(float(summed))
        if not math.isfinite(losses[-1]):
            raise UserError(f"the loss of update {step + 1} is {losses[-1]}. Lower training.learning_rate.")
        if on_step is not None:
            on_step(step, losses[-1])
    model.eval()
    return Fitted(len(plan), tokens, losses, accelerator.get_state_dict(wrapped) if deepspeed else None)


def _prepared(accelerator: Any, model: Any, optimizer: Any, training: Training) -> tuple[Any, Any]:
    if accelerator.state.deepspeed_plugin is not None:
        accelerator.state.deepspeed_plugin.deepspeed_config["train_micro_batch_size_per_gpu"] = (
            training.micro_batch_size
        )
    wrapped, prepared = accelerator.prepare(model, optimizer)
    return wrapped, prepared


def _parts(rows: list[int], count: int) -> list[list[int]]:
    """`rows` in `count` parts of nearly equal size, some empty where there are too few."""
    size = math.ceil(len(rows) / count) if rows else 0
    return [rows[i * size : (i + 1) * size] for i in range(count)]


def _weightless(item: Item) -> Item:
    return Item(item.ids, item.answer_start, 0.0)
