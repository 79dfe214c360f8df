"""What one training step computes: listwise ranking and label losses over clusters, token losses over rationales.

Ranking: for each question the K documents of its cluster are compared twice, by the label's log-odds at the position where
the label is read before any explanation, and by the likelihood of the question's tokens. Both distributions over documents
are pulled to the teacher's (KL divergence with a temperature). The label itself learns from cross-entropy on graded pairs.
Rationales are learnt in both orders (label then explanation; explanation then label), on the completion's tokens only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from .packing import TokenTree, pack
from .prompts import PieceEncoder
from .rationales import RationaleRow
from .targets import teacher_distribution


@dataclass(frozen=True)
class Weights:
    """Weights of the terms of the loss, and the shape of the listwise targets.

    label, likelihood: listwise KL by label log-odds and by question likelihood; label_ce: cross-entropy of the label;
    generation: mean negative log-likelihood of a document's own question (query generation as a task);
    label_first, explain_first: token losses of the two orders of a rationale.
    """

    label: float = 1.0
    likelihood: float = 1.0
    label_ce: float = 0.5
    generation: float = 0.05
    label_first: float = 0.5
    explain_first: float = 0.5
    temperature: float = 0.07
    match_bonus: float = 0.1
    likelihood_scale: float = 4.0


@dataclass(frozen=True)
class Lengths:
    """Limits in tokens."""

    document: int = 110
    question: int = 36
    explanation: int = 64


class PackedObjective:
    """Losses of a causal language model over packed rows. `model` has `.model` (hidden states) and `.lm_head`."""

    def __init__(self, model: nn.Module, encoder: PieceEncoder, weights: Weights, lengths: Lengths) -> None:
        self.model = model
        self.encoder = encoder
        self.weights = weights
        self.lengths = lengths

    def _hidden(self, trees: list[TokenTree]) -> tuple[torch.Tensor, list[list[int]], int]:
        batch = pack(trees, self.model.dtype)
        hidden = self.model.model(
            input_ids=batch.input_ids,
            position_ids=batch.position_ids,
            attention_mask=batch.mask,
            use_cache=False,
        ).last_hidden_state
        return hidden, batch.offsets, batch.input_ids.numel()

    def _log_likelihood(self, hidden: torch.Tensor, at: list[tuple[int, int]], tokens: list[int]) -> torch.Tensor:
        """Log-probability of each token given the hidden state at (row, position)."""
        rows, positions = zip(*at, strict=True)
        logits = F.linear(hidden[list(rows), list(positions)], self.model.lm_head.weight).float()
        return -F.cross_entropy(logits, torch.tensor(tokens), reduction="none")

    def cluster(
        self,
        documents: list[str],
        questions: list[str],
        similarity: np.ndarray,
        labels: np.ndarray,
        rationales: dict[int, tuple[int, str]],
    ) -> tuple[torch.Tensor, dict[str, float], int]:
        """Loss of a cluster. `similarity` and `labels` are [documents, questions]; `rationales[d] = (question, text)`.

        Returns the loss, its parts for the log, and the number of tokens computed."""
        encoder, weights, lengths = self.encoder, self.weights, self.lengths
        size = len(documents)
        asked = [encoder.question(q, lengths.question) for q in questions]
        trees: list[TokenTree] = []
        label_at: list[tuple[int, int, int]] = []
        token_nodes: list[tuple[int, int, int, list[int], str]] = []
        for row, document in enumerate(documents):
            tree = TokenTree()
            root = tree.add(-1, encoder.document(document, lengths.document))
            question_nodes = []
            for column, (ids, divider) in enumerate(asked):
                node = tree.add(root, ids)
                question_nodes.append(node)
                token_nodes.append((row, node, divider, ids, f"question {column}"))
                label_at.append((row, tree.add(node, encoder.to_label), column))
            if row in rationales:
                column, text = rationales[row]
                label = int(labels[row, column])
                label_node = label_at[row * size + column][1]
                token_nodes += self._rationale_nodes(tree, row, question_nodes[column], label_node, label, text)
            trees.append(tree)
        hidden, offsets, computed = self._hidden(trees)

        at = [(row, offsets[row][node] + len(encoder.to_label) - 1) for row, node, _ in label_at]
        rows, positions = zip(*at, strict=True)
        logits = F.linear(hidden[list(rows), list(positions)], self.model.lm_head.weight[encoder.labels]).float()
        logits = logits.view(size, size, -1)
        target = torch.from_numpy(teacher_distribution(similarity, weights.match_bonus, weights.temperature))
        entropy = (target * target.clamp_min(1e-9).log()).sum(0).mean()

        def listwise(scores: torch.Tensor) -> torch.Tensor:
            return entropy - (target * scores.log_softmax(0)).sum(0).mean()

        loss = weights.label * (label_kl := listwise(log_odds(logits)))
        ce = F.cross_entropy(logits.view(size * size, -1), torch.from_numpy(labels).view(-1), ignore_index=-100)
        loss = loss + weights.label_ce * ce
        parts = {"label_kl": float(label_kl.detach()), "label_ce": float(ce.detach())}

        losses = self._token_losses(hidden, offsets, trees, token_nodes)
        likelihood = torch.stack([losses[row, f"question {column}"] for row in range(size) for column in range(size)])
        likelihood = -likelihood.view(size, size)
        likelihood_kl = listwise(weights.likelihood_scale * likelihood)
        generation = -likelihood.diagonal().mean()
        loss = loss + weights.likelihood * likelihood_kl + weights.generation * generation
        parts |= {"likelihood_kl": float(likelihood_kl.detach()), "generation": float(generation.detach())}
        loss = loss + self._rationale_loss(losses, {}, parts)
        return loss, parts, computed

    def rationales(self, rows: list[RationaleRow]) -> tuple[torch.Tensor, dict[str, float], int]:
        """Loss of judged pairs with their explanations, both orders and the label, one tree a pair."""
        encoder, lengths = self.encoder, self.lengths
        trees: list[TokenTree] = []
        token_nodes: list[tuple[int, int, int, list[int], str]] = []
        label_at: list[tuple[int, int]] = []
        for row, pair in enumerate(rows):
            tree = TokenTree()
            root = tree.add(-1, encoder.document(pair.document, lengths.document))
            ids, _ = encoder.question(pair.query, lengths.question)
            question = tree.add(root, ids)
            label_node = tree.add(question, encoder.to_label)
            label_at.append((row, label_node))
            token_nodes += self._rationale_nodes(tree, row, question, label_node, pair.label, pair.explanation)
            trees.append(tree)
        hidden, offsets, computed = self._hidden(trees)
        at = [(row, offsets[row][node] + len(encoder.to_label) - 1) for row, node in label_at]
        rows_at, positions = zip(*at, strict=True)
        logits = F.linear(hidden[list(rows_at), list(positions)], self.model.lm_head.weight[encoder.labels]).float()
        labels = torch.tensor([encoder.pieces.labels.index(pair.label) for pair in rows])
        each = F.cross_entropy(logits, labels, reduction="none")
        weight = torch.tensor([pair.weight for pair in rows])
        ce = (each * weight).sum() / weight.sum()
        parts = {"label_ce": float(ce.detach())}
        losses = self._token_losses(hidden, offsets, trees, token_nodes)
        row_weights = {row: pair.weight for row, pair in enumerate(rows)}
        return self.weights.label_ce * ce + self._rationale_loss(losses, row_weights, parts), parts, computed

    def _rationale_nodes(
        self, tree: TokenTree, row: int, question: int, label_node: int, label: int, text: str
    ) -> list[tuple[int, int, int, list[int], str]]:
        """Adds both orders of a rationale; each is (row, node, first token that is learnt, ids, kind)."""
        encoder, limit = self.encoder, self.lengths.explanation
        label_id = encoder.labels[encoder.pieces.labels.index(label)]
        first = [label_id, *encoder.after_label(text)[: limit + 8]]
        explain = encoder.explanation(text)[: limit + 16]
        given = len(encoder.encode(encoder.pieces.to_explanation.rstrip()))
        last = [label_id, encoder.end]
        label_first = tree.add(label_node, first)
        explain_first = tree.add(question, [*explain, *last])
        # The label before the explanation is learnt by cross-entropy over the labels, not as a token.
        return [
            (row, label_first, 1, first, "label_first"),
            (row, explain_first, given, [*explain, *last], "explain_first"),
        ]

    def _token_losses(
        self,
        hidden: torch.Tensor,
        offsets: list[list[int]],
        trees: list[TokenTree],
        nodes: list[tuple[int, int, int, list[int], str]],
    ) -> dict[tuple[int, str], torch.Tensor]:
        """Mean negative log-likelihood of each node's tokens from its first learnt one on, by (row, kind)."""
        at: list[tuple[int, int]] = []
        tokens: list[int] = []
        for row, node, first, ids, _ in nodes:
            start = offsets[row][node]
            for k in range(first, len(ids)):
                at.append((row, start + k - 1))
                tokens.append(ids[k])
        values = -self._log_likelihood(hidden, at, tokens)
        losses: dict[tuple[int, str], torch.Tensor] = {}
        done = 0
        for row, _, first, ids, kind in nodes:
            count = len(ids) - first
            losses[row, kind] = values[done : done + count].mean() if count > 0 else values.new_zeros(())
            done += count
        return losses

    def _rationale_loss(
        self, losses: dict[tuple[int, str], torch.Tensor], weights: dict[int, float], parts: dict[str, float]
    ) -> torch.Tensor | float:
        total: torch.Tensor | float = 0.0
        for kind, scale in (("label_first", self.weights.label_first), ("explain_first", self.weights.explain_first)):
            chosen = [(weights.get(row, 1.0), loss) for (row, name), loss in losses.items() if name == kind]
            if chosen:
                mean = sum(w * loss for w, loss in chosen) / sum(w for w, _ in chosen)
                parts[kind] = float(mean.detach())
                total = total + scale * mean
        return total


def log_odds(logits: torch.Tensor) -> torch.Tensor:
    """Ordinal log-odds of label logits [..., labels]: the mean over thresholds of log P(label >= t) - log P(label < t)."""
    odds = [
        torch.logsumexp(logits[..., t:], -1) - torch.logsumexp(logits[..., :t], -1) for t in range(1, logits.shape[-1])
    ]
    return torch.stack(odds).mean(0)
