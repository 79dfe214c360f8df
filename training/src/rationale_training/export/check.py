"""Does the exported graph say what the trained model says? Both judge real pairs; the differences are the export's error."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Difference:
    """Over the pairs: worst |logit difference| as a share of the row's range, worst and mean |label probability difference|,
    and how many labels (argmax) agree."""

    pairs: int
    logits_of_range: float
    probability_worst: float
    probability_mean: float
    labels_agree: int


class OnnxModel:
    """Runs an exported folder in onnxruntime for one prompt at a time."""

    def __init__(self, folder: Path, threads: int = 0) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(
            str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"]
        )
        self.past = {
            i.name: np.zeros((1, i.shape[1], 0, i.shape[3]), np.float16 if "float16" in i.type else np.float32)
            for i in self.session.get_inputs()
            if i.name.startswith("past_key_values.")
        }

    def logits(self, ids: list[int]) -> np.ndarray:
        """[vocabulary] logits after the last token."""
        feeds: dict[str, Any] = {
            "input_ids": np.asarray([ids], np.int64),
            "attention_mask": np.ones((1, len(ids)), np.int64),
            "logits_indices": np.asarray([[0, len(ids) - 1]], np.int64),
            **self.past,
        }
        return np.asarray(self.session.run(["logits"], feeds)[0][0], np.float32)


def compare(model_folder: Path, onnx_folder: Path, prompts: list[list[int]], labels: list[int]) -> Difference:
    """Compares PyTorch in fp32 with the exported graph at the last position of each prompt."""
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(model_folder, dtype=torch.float32).eval()
    exported = OnnxModel(onnx_folder)
    ranges, worst, means, agree = [], [], [], 0
    for ids in prompts:
        with torch.inference_mode():
            hidden = model.model(input_ids=torch.tensor([ids]), use_cache=False).last_hidden_state[0, -1]
            expected = model.lm_head(hidden).float().numpy()
        found = exported.logits(ids)
        ranges.append(float(np.abs(found - expected).max() / (expected.max() - expected.min())))
        a, b = softmax(expected[labels]), softmax(found[labels])
        worst.append(float(np.abs(a - b).max()))
        means.append(float(np.abs(a - b).mean()))
        agree += int(a.argmax() == b.argmax())
    return Difference(len(prompts), max(ranges), max(worst), float(np.mean(means)), agree)


def softmax(values: np.ndarray) -> np.ndarray:
    exponent = np.exp(values - values.max())
    return np.asarray(exponent / exponent.sum())
