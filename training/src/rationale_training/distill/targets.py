"""What the student is to learn of a pair: the label, and how a question's candidates compare."""

from __future__ import annotations

import numpy as np

# Cosines of all-MiniLM-L6-v2 between which a pair that is no known match gets label 1 or 0, and the band in which it gets
# none: a neighbour this close may well answer the question, and a wrong 0 or 1 teaches the opposite of what is meant.
UNCERTAIN_ABOVE = 0.72
RELATED_ABOVE = 0.42
# A known match that the encoder sees no kinship in is a poor match (a heading that says nothing).
POOR_MATCH_BELOW = 0.15


def grade(cosine: float, match: bool) -> int | None:
    """Label 0, 1 or 2 (the paper's scale) of a pair, or None where the sources do not say."""
    if match:
        return 2 if cosine >= POOR_MATCH_BELOW else None
    if cosine >= UNCERTAIN_ABOVE:
        return None
    return 1 if cosine >= RELATED_ABOVE else 0


def grades(similarity: np.ndarray) -> np.ndarray:
    """[documents, questions] labels of a cluster whose diagonal holds the known matches; -100 where there is none."""
    size = similarity.shape[0]
    found = [[grade(float(similarity[d, q]), d == q) for q in range(size)] for d in range(size)]
    return np.asarray([[-100 if label is None else label for label in row] for row in found], dtype=np.int64)


def teacher_distribution(similarity: np.ndarray, match_bonus: float, temperature: float) -> np.ndarray:
    """[documents, questions] softmax over a question's documents of (cosine + bonus of the known match) / temperature."""
    logits = (similarity + match_bonus * np.eye(similarity.shape[0], dtype=np.float32)) / temperature
    exponent = np.exp(logits - logits.max(0, keepdims=True))
    return (exponent / exponent.sum(0, keepdims=True)).astype(np.float32)
