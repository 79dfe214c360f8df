"""Metrics and their uncertainty: nDCG by pytrec_eval, paired bootstrap and randomisation, calibration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .collection import Run, ranked


def ndcg(run: Run, first: Run, qrels: dict[str, dict[str, int]], cutoff: int = 10) -> dict[str, float]:
    """nDCG@cutoff by query (linear gains, as trec_eval); queries without a ranking get 0."""
    import pytrec_eval

    strict = {
        q: {d: 1.0 / rank for rank, d in enumerate(ranked(scores, first.get(q, {})), 1)} for q, scores in run.items()
    }
    measure = f"ndcg_cut.{cutoff}"
    found = pytrec_eval.RelevanceEvaluator(qrels, {measure}).evaluate(strict)
    return {q: found.get(q, {}).get(measure.replace(".", "_"), 0.0) for q in qrels}


@dataclass(frozen=True)
class Paired:
    """Mean difference of paired values, its 95 % bootstrap interval, and the randomisation test's two-sided p."""

    difference: float
    low: float
    high: float
    p: float
    wins: int
    ties: int
    losses: int


def paired(new: Sequence[float], old: Sequence[float], seed: int = 0, draws: int = 10_000) -> Paired:
    """Compares paired values: percentile bootstrap over pairs, and sign flips (Fisher's randomisation; Smucker 2007)."""
    differences = np.asarray(new, float) - np.asarray(old, float)
    rng = np.random.default_rng(seed)
    count = len(differences)
    means = differences[rng.integers(0, count, (draws, count))].mean(1)
    flips = (differences * rng.choice([-1.0, 1.0], (draws, count))).mean(1)
    observed = float(differences.mean())
    p = float((1 + np.sum(np.abs(flips) >= abs(observed) - 1e-12)) / (draws + 1))
    low, high = np.quantile(means, [0.025, 0.975])
    wins, losses = int((differences > 0).sum()), int((differences < 0).sum())
    return Paired(observed, float(low), float(high), p, wins, count - wins - losses, losses)


def calibration_error(confidence: np.ndarray, correct: np.ndarray, bins: int = 10) -> float:
    """Expected calibration error: |confidence - accuracy| by equal-width bin, weighted by its share (Guo 2017, eq. 3)."""
    which = np.minimum((confidence * bins).astype(int), bins - 1)
    total = 0.0
    for b in range(bins):
        inside = which == b
        if inside.any():
            total += inside.mean() * abs(confidence[inside].mean() - correct[inside].mean())
    return float(total)


def fit_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """The temperature that minimises the negative log-likelihood of `labels` (Guo 2017, section 4.2), by golden section."""

    def loss(log_t: float) -> float:
        values = logits / np.exp(log_t)
        log_sum = np.log(np.exp(values - values.max(1, keepdims=True)).sum(1)) + values.max(1)
        return float((log_sum - values[np.arange(len(labels)), labels]).mean())

    low, high = np.log(0.1), np.log(10.0)
    ratio = (5**0.5 - 1) / 2
    while high - low > 1e-4:
        a, b = high - ratio * (high - low), low + ratio * (high - low)
        if loss(a) < loss(b):
            high = b
        else:
            low = a
    return float(np.exp((low + high) / 2))
