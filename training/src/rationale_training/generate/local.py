"""Asks a teacher on this machine through transformers: batches of prompts of like length, GGUF files too."""

import hashlib
import time
from collections.abc import Iterator
from typing import Any

from rationale_training.errors import UserError
from rationale_training.generate.journal import Answer, Request
from rationale_training.generate.server import Answered
from rationale_training.generate.settings import Local
from rationale_training.manifest import hash_of

#: Batches are cut from so many batches' worth of prompts sorted by length, so that little is spent on padding.
WINDOW = 16


class LocalTeacher:
    """The engine for `local` configs."""

    def __init__(self, settings: Local) -> None:
        self.settings = settings
        self.retries = 0
        file = settings.model / settings.gguf if settings.gguf else settings.model
        if not file.exists():
            raise UserError(f"{file} does not exist (local.model, local.gguf).")
        self._sha256 = hash_of(file)
        self.identity = f"{self._sha256} {settings.dtype}"
        self._loaded: tuple[Any, Any] | None = None

    def describe(self) -> dict[str, str]:
        """The `model` of a judgement."""
        import transformers

        name = (self.settings.gguf or self.settings.model.name).removesuffix(".gguf")
        return {
            "id": name,
            "sha256": self._sha256,
            "engine": "transformers",
            "engine_version": transformers.__version__,
            "precision": self.settings.dtype,
        }

    def cost(self, answer: Answer) -> float:
        """Nothing but time."""
        return 0.0

    def spent_before(self, cost: float) -> None:
        """Nothing to count."""

    def run(self, requests: Iterator[Request], answered: Answered) -> None:
        """Answers all of `requests`, and what `answered` asks for in turn."""
        waiting: list[Request] = []
        size = self.settings.batch
        ended = False
        while True:
            while not ended and len(waiting) < size * WINDOW:
                request = next(requests, None)
                if request is None:
                    ended = True
                else:
                    waiting.append(request)
            if not waiting:
                return
            # One temperature and one length a batch: they are settings of the whole call.
            waiting.sort(key=lambda r: (r.temperature, r.top_p, r.max_tokens, sum(len(text) for _, text in r.messages)))
            first = waiting[0]
            batch = [
                r
                for r in waiting[:size]
                if (r.temperature, r.top_p, r.max_tokens) == (first.temperature, first.top_p, first.max_tokens)
            ]
            waiting = waiting[len(batch) :]
            for request, answer in zip(batch, self._answers(batch), strict=True):
                if (again := answered(request, answer)) is not None:
                    waiting.append(again)

    def _load(self) -> tuple[Any, Any]:
        if self._loaded is None:
            import torch
            from transformers import AutoModelForCausalLM, AutoTokenizer

            gguf = {"gguf_file": self.settings.gguf} if self.settings.gguf else {}
            device = self.settings.device
            if device == "auto":
                device = "cuda" if torch.cuda.is_available() else "cpu"
            dtype = "auto" if self.settings.dtype == "auto" else getattr(torch, self.settings.dtype)
            tokenizer = AutoTokenizer.from_pretrained(self.settings.model, padding_side="left", **gguf)
            model = AutoModelForCausalLM.from_pretrained(self.settings.model, dtype=dtype, **gguf)
            if tokenizer.chat_template is None:
                raise UserError(f"{self.settings.model} has no chat template: a teacher is asked as a chat.")
            if tokenizer.pad_token_id is None:
                tokenizer.pad_token = tokenizer.eos_token
            self._loaded = (tokenizer, model.to(device).eval())
        return self._loaded

    def _answers(self, batch: list[Request]) -> list[Answer]:
        import torch

        tokenizer, model = self._load()
        start = time.monotonic()
        texts = [
            tokenizer.apply_chat_template(
                [{"role": role, "content": content} for role, content in request.messages],
                add_generation_prompt=True,
                tokenize=False,
            )
            for request in batch
        ]
        # The template brings its own beginning.
        inputs = tokenizer(texts, return_tensors="pt", padding=True, add_special_tokens=False).to(model.device)
        first = batch[0]
        keys = "\n".join(f"{request.item} {request.draw} {request.seed}" for request in batch)
        torch.manual_seed(int.from_bytes(hashlib.sha256(keys.encode("utf-8", "replace")).digest()[:6]))
        sampling = {"temperature": first.temperature, "top_p": first.top_p} if first.temperature > 0 else {}
        with torch.inference_mode():
            output = model.generate(
                input_ids=inputs["input_ids"],
                attention_mask=inputs["attention_mask"],
                max_new_tokens=first.max_tokens,
                do_sample=first.temperature > 0,
                pad_token_id=tokenizer.pad_token_id,
                stop_strings=["##"],
                tokenizer=tokenizer,
                **sampling,
            )
        elapsed = round((time.monotonic() - start) * 1000 / len(batch))
        width = inputs["input_ids"].shape[1]
        ends = model.generation_config.eos_token_id
        ends = {tokenizer.eos_token_id, *(ends if isinstance(ends, list) else [ends])} - {None}
        answers = []
        for row, mask in zip(output[:, width:].tolist(), inputs["attention_mask"].sum(1).tolist(), strict=True):
            end = next((i for i, token in enumerate(row) if token in ends), None)
            own = row if end is None else row[:end]
            # After a stop string the row is filled up.
            while end is None and own and own[-1] == tokenizer.pad_token_id:
                own.pop()
            text = tokenizer.decode(own, skip_special_tokens=True)
            stopped = end is not None or "##" in text or len(own) < first.max_tokens
            answers.append(Answer(text, "stop" if stopped else "length", mask, len(own), elapsed))
        return answers
