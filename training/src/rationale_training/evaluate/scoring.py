"""Scores all candidates of all queries, each document read once: its queries branch off behind it (distill/packing.py)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from rationale_training.distill.packing import TokenTree, pack
from rationale_training.distill.prompts import PieceEncoder
from rationale_training.manifest import progress

#: Questions behind one document in one row; more make the mask large.
BRANCHES = 8
ROWS = 8


@dataclass(frozen=True)
class Reads:
    """What is read of a pair before any explanation: logits of the labels, mean log-probability of the question."""

    label_logits: np.ndarray
    query_likelihood: float

    def probabilities(self, temperature: float = 1.0) -> np.ndarray:
        values = self.label_logits / temperature
        exponent = np.exp(values - values.max())
        return np.asarray(exponent / exponent.sum())


@torch.inference_mode()
def read_pairs(
    model: Any,
    encoder: PieceEncoder,
    pairs: Iterable[tuple[str, str]],
    queries: dict[str, str],
    documents: dict[str, str],
    document_tokens: int = 480,
    question_tokens: int = 200,
) -> dict[tuple[str, str], Reads]:
    """Reads of (query id, document id) pairs. `model` is a causal language model in evaluation mode."""
    asked: defaultdict[str, list[str]] = defaultdict(list)
    for query, document in pairs:
        asked[document].append(query)
    encoded = {q: encoder.question(queries[q], question_tokens) for q in {q for qs in asked.values() for q in qs}}
    rows: list[tuple[str, list[int], list[str]]] = []
    for document, names in asked.items():
        ids = encoder.document(documents[document], document_tokens)
        rows += [(document, ids, names[at : at + BRANCHES]) for at in range(0, len(names), BRANCHES)]
    rows.sort(key=lambda row: len(row[1]) + sum(len(encoded[q][0]) for q in row[2]))
    found: dict[tuple[str, str], Reads] = {}
    starts = range(0, len(rows), ROWS)
    for start in progress(starts, len(starts), "scoring"):
        batch_rows = rows[start : start + ROWS]
        trees, label_at, query_at, targets, owners = [], [], [], [], []
        for row, (document, ids, names) in enumerate(batch_rows):
            tree = TokenTree()
            root = tree.add(-1, ids)
            for name in names:
                question, divider = encoded[name]
                node = tree.add(root, question)
                label = tree.add(node, encoder.to_label)
                offsets = tree.offsets()
                label_at.append((row, offsets[label] + len(encoder.to_label) - 1))
                query_at.append([(row, offsets[node] + k - 1) for k in range(divider, len(question))])
                targets.append(question[divider:])
                owners.append((name, document))
            trees.append(tree)
        batch = pack(trees, model.dtype)
        hidden = model.model(
            input_ids=batch.input_ids, position_ids=batch.position_ids, attention_mask=batch.mask, use_cache=False
        ).last_hidden_state
        weight = model.lm_head.weight
        at, positions = zip(*label_at, strict=True)
        labels = F.linear(hidden[list(at), list(positions)], weight[encoder.labels]).float().numpy()
        flat = [place for places in query_at for place in places]
        at, positions = zip(*flat, strict=True)
        logits = F.linear(hidden[list(at), list(positions)], weight).float()
        losses = F.cross_entropy(logits, torch.tensor([t for ts in targets for t in ts]), reduction="none")
        done = 0
        for owner, label_logits, tokens in zip(owners, labels, targets, strict=True):
            mean = -float(losses[done : done + len(tokens)].mean())
            done += len(tokens)
            found[owner] = Reads(label_logits, mean)
    return found


def z(values: np.ndarray) -> np.ndarray:
    """Standard scores; zeros where all values are equal (docs/formats/profile.md)."""
    spread = values.std()
    return np.zeros_like(values) if spread == 0 else (values - values.mean()) / spread


def fused(
    reads: dict[tuple[str, str], Reads],
    query: str,
    first: dict[str, float],
    weights: tuple[float, float, float],
    values: np.ndarray,
    temperature: float,
) -> dict[str, float]:
    """Score of a query's candidates: weights of z(expected label), z(query likelihood), z(first stage)."""
    names = list(first)
    expected = np.asarray([float(reads[query, d].probabilities(temperature) @ values) for d in names])
    likelihood = np.asarray([reads[query, d].query_likelihood for d in names])
    stage = np.asarray([first[d] for d in names])
    total = weights[0] * z(expected) + weights[1] * z(likelihood) + weights[2] * z(stage)
    return dict(zip(names, total.tolist(), strict=True))
