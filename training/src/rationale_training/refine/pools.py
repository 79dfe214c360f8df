"""Reward-weighted best of k: what a pool of answers to one pair is worth as training data. Pure.

The paper's released code (arXiv 2504.03947, `score_outputs`, `train_rewarded`) normalises the scores of the k samples and the
teacher's answer of a pair to [0, 1], keeps those at or above a least reward, multiplies them by the share of samples with
another label than the teacher's, and trains on reward³ · mean-token cross-entropy. Two things it does are not done here,
unless `as_released` asks for them: it keeps samples whose own label is wrong, and it takes a pool of equal scores for one of
perfect answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Selection:
    """How a pool becomes training rows."""

    #: Exponent of the normalised reward.
    power: float = 3.0
    #: Rows below this normalised reward are left out (the released code's default is 0.85).
    minimum: float = 0.0
    #: Share of the weight that a pair keeps which the model always gets right; 1 switches the boost off.
    boost_floor: float = 0.25
    #: The released code's rules: wrong labels kept, pools of equal scores kept, boost from 0 on.
    as_released: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.boost_floor <= 1 or not 0 <= self.minimum <= 1 or self.power <= 0:
            raise ValueError("boost_floor and minimum are between 0 and 1, power is above 0")


@dataclass(frozen=True)
class Answer:
    """One answer in a pool. `label` None: nothing could be parsed."""

    label: int | None
    explanation: str | None
    score: float


@dataclass(frozen=True)
class Example:
    """A training row: the answer, its reward (normalised and boosted), and the weight of its loss."""

    label: int
    explanation: str | None
    reward: float
    weight: float
    gold: bool


Dropped = Literal["equal_rewards", "always_right", "below_minimum", "no_answer"]


@dataclass(frozen=True)
class Selected:
    """The rows of a pool, the share of its samples with a wrong label, and why there are none."""

    examples: list[Example]
    misclassified: float
    dropped: Dropped | None


def select(predictions: Sequence[Answer], gold_label: int, gold: Answer | None, rule: Selection) -> Selected:
    """The training rows of one pool. `gold` is the teacher's or annotator's own answer; without an explanation of theirs
    there is none, and only the label counts."""
    wrong = sum(answer.label != gold_label for answer in predictions)
    misclassified = wrong / len(predictions) if predictions else 0.0
    pool = [(answer, False) for answer in predictions] + ([(gold, True)] if gold is not None else [])
    if not pool:
        return Selected([], misclassified, "no_answer")
    scores = [answer.score if rule.as_released or answer.label == gold_label else 0.0 for answer, _ in pool]
    least, span = min(scores), max(scores) - min(scores)
    if span == 0 and not rule.as_released:
        # Nothing in the pool is better than anything else; with a gold answer alone there is nothing to compare it with.
        if len(pool) > 1 or gold is None:
            return Selected([], misclassified, "equal_rewards")
        least, span = 0.0, 1.0
        scores = [1.0]
    boost = misclassified if rule.as_released else rule.boost_floor + (1 - rule.boost_floor) * misclassified
    if boost == 0:
        return Selected([], misclassified, "always_right")
    examples = []
    for (answer, is_gold), score in zip(pool, scores, strict=True):
        normalised = (score - least) / span if span > 0 else 1.0
        if normalised < rule.minimum or normalised <= 0 or answer.label is None:
            continue
        reward = normalised * boost
        examples.append(Example(answer.label, answer.explanation, reward, reward**rule.power, is_gold))
    return Selected(_distinct(examples), misclassified, None if examples else "below_minimum")


def _distinct(examples: list[Example]) -> list[Example]:
    """Equal answers once, with their weights added up: the same gradient for fewer tokens."""
    found: dict[tuple[int, str | None], Example] = {}
    for example in examples:
        key = (example.label, example.explanation)
        earlier = found.get(key)
        found[key] = (
            example
            if earlier is None
            else Example(
                example.label,
                example.explanation,
                max(example.reward, earlier.reward),
                example.weight + earlier.weight,
                example.gold or earlier.gold,
            )
        )
    return list(found.values())
