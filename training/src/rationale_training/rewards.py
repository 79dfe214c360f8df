"""Rewards of an answer, as functions of TRL's signature `(prompts, completions, **columns) -> list[float]`, each in [0, 1].

Two families. The *trained* ones (label, format, grounding, length, and a reward model) are what `refine` optimises; the
*held-out* ones (agreement, consistency, support, likeness, evidence) are never optimised and only reported, because a policy
that games a reward looks good by that reward alone. tests/test_rewards.py holds the known ways of gaming (a constant label, a
copied document, a quotation without an argument, padding, two labels, the verdict in the first sentence) and shows that each
earns less than an honest answer.

Columns used, all optional but `gold_label`: `query`, `document`, `gold_explanation`, `gold_evidence`. Without `document`
(the extension's `trl-grpo` export has none) the prompt stands for it. A row without a gold label scores None in what needs
one; TRL leaves None out of its sum.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rationale_training.checks import (
    content_words,
    contradicts,
    ends_with_anchor,
    gives_away,
    grounding,
    has_open_quote,
    is_verbatim,
    names_label,
    quotes_of,
    repeats,
    sentences_of,
    support,
    words_of,
)
from rationale_training.profile import ParsedAnswer, Prompt, explains, parse_answer

Reward = Callable[..., list[float | None]]

#: Words of an explanation that says enough and not too much; above twice the greater number the reward is 0.
LENGTH = (8, 60)
MOST_SENTENCES = 3
#: Content words outside quotations and copied stretches that make an argument.
ARGUMENT_WORDS = 3
#: A stretch of so many words in a row that the document has, too, is a copy, with or without quotation marks.
COPY = 8
#: More of an explanation's content words need not come from the document: the rest is the question's or the argument's.
GROUNDED = 0.6


@dataclass(frozen=True)
class Weights:
    """How much each trained reward counts; 0 leaves it out. `model` needs `reward_model`."""

    label: float = 1.0
    format: float = 0.5
    grounding: float = 0.5
    length: float = 0.25
    model: float = 0.0
    #: Folder of a sequence-classification model with one output.
    reward_model: Path | None = None

    def __post_init__(self) -> None:
        if min(self.label, self.format, self.grounding, self.length, self.model) < 0:
            raise ValueError("weights of rewards must not be negative")
        if (self.model > 0) != (self.reward_model is not None):
            raise ValueError("a weight for `model` and the folder `reward_model` go together")


class Rewards:
    """The rewards of answers to one prompt, which are read by its template. `labels` are the scale's values, ascending."""

    def __init__(self, prompt: Prompt, labels: Sequence[int], weights: Weights) -> None:
        self.prompt = prompt
        self.labels = tuple(labels)
        self.weights = weights
        self._model = ModelReward(weights.reward_model) if weights.reward_model is not None else None

    # --- trained ----------------------------------------------------------------------------------------------------

    def label(self, prompts: Any, completions: Any, *, gold_label: Any = None, **columns: Any) -> list[float | None]:
        """1 for the gold label, else 0, also where the answer names two or none: no credit for guessing the middle."""
        return self._each(self._label, prompts, completions, {**columns, "gold_label": gold_label})

    def format(self, prompts: Any, completions: Any, **columns: Any) -> list[float | None]:
        """1 where the answer ends as its template does, gives its label once, and does not give it away before; less for
        each of these faults."""
        return self._each(self._format, prompts, completions, columns)

    def grounding(self, prompts: Any, completions: Any, **columns: Any) -> list[float | None]:
        """Whether the explanation argues from the document: words of the document, quotations word for word, and words of its
        own beside them. 0 for a copy, a misquotation or a bare quotation."""
        return self._each(self._grounding, prompts, completions, columns)

    def length(self, prompts: Any, completions: Any, **columns: Any) -> list[float | None]:
        """1 within 8 to 60 words in at most three sentences that do not repeat, falling to 0 at twice as much."""
        return self._each(self._length, prompts, completions, columns)

    def model(self, prompts: Any, completions: Any, **columns: Any) -> list[float | None]:
        """What the reward model says of prompt and answer, through a sigmoid."""
        if self._model is None:
            raise ValueError("no reward model is configured")
        return [*self._model(prompts, completions, **columns)]

    def trained(self) -> list[tuple[str, Reward, float]]:
        """Name, function and weight of every reward with a weight."""
        named = [(name, getattr(self.weights, name)) for name in ("label", "format", "grounding", "length", "model")]
        if not explains(self.prompt):
            # A label alone can neither be grounded nor be long.
            named = [(name, weight) for name, weight in named if name not in ("grounding", "length")]
        return [(name, getattr(self, name), weight) for name, weight in named if weight > 0]

    def total(self, prompts: Any, completions: Any, **columns: Any) -> list[float]:
        """The weighted sum over the weights' sum, in [0, 1]; rewards that do not apply to a row are left out of both."""
        sums = [0.0] * len(completions)
        weights = [0.0] * len(completions)
        for _, reward, weight in self.trained():
            for i, value in enumerate(reward(prompts, completions, **columns)):
                if value is not None:
                    sums[i] += weight * value
                    weights[i] += weight
        return [s / w if w > 0 else 0.0 for s, w in zip(sums, weights, strict=True)]

    # --- held out ---------------------------------------------------------------------------------------------------

    def held_out(self) -> list[tuple[str, Reward]]:
        """Rewards that are reported and never trained on."""
        names = (
            ("agreement", "consistency", "support", "likeness", "evidence") if explains(self.prompt) else ("agreement",)
        )
        return [(name, getattr(self, name)) for name in names]

    def agreement(
        self, prompts: Any, completions: Any, *, gold_label: Any = None, **columns: Any
    ) -> list[float | None]:
        """1 − |label − gold label| / width of the scale, as the extension's rewards (src/interchange/rewards.ts)."""
        return self._each(self._agreement, prompts, completions, {**columns, "gold_label": gold_label})

    def consistency(self, prompts: Any, completions: Any, **columns: Any) -> list[float | None]:
        """0 where the explanation contradicts the answer's own label."""
        return self._each(self._consistency, prompts, completions, columns)

    def support(self, prompts: Any, completions: Any, **columns: Any) -> list[float | None]:
        """Share of the sentences that document and question support (checks.support)."""
        return self._each(self._support, prompts, completions, columns)

    def likeness(self, prompts: Any, completions: Any, **columns: Any) -> list[float | None]:
        """F1 of the content words with those of the gold explanation; None without one."""
        return self._each(self._likeness, prompts, completions, columns)

    def evidence(self, prompts: Any, completions: Any, **columns: Any) -> list[float | None]:
        """Share of the content words of the annotator's marked evidence that the explanation names; None without any."""
        return self._each(self._evidence, prompts, completions, columns)

    # --- one answer ---------------------------------------------------------------------------------------------------

    def parse(self, text: str) -> ParsedAnswer | None:
        """The answer, cut where generation ends for this prompt."""
        return parse_answer(self.prompt, cut_at_stop(self.prompt, text), list(self.labels))

    def _each(
        self, one: Callable[[_Answer], float | None], prompts: Any, completions: Any, columns: dict[str, Any]
    ) -> list[float | None]:
        return [one(answer) for answer in self._answers(prompts, completions, columns)]

    def _answers(self, prompts: Any, completions: Any, columns: dict[str, Any]) -> list[_Answer]:
        def column(name: str, i: int) -> Any:
            values = columns.get(name)
            return values[i] if isinstance(values, list | tuple) and i < len(values) else None

        answers = []
        for i, completion in enumerate(completions):
            text = cut_at_stop(self.prompt, _plain(completion))
            document = column("document", i)
            answers.append(
                _Answer(
                    text=text,
                    parsed=parse_answer(self.prompt, text, list(self.labels)),
                    query=column("query", i) or "",
                    document=document if document is not None else _plain(prompts[i]),
                    gold_label=column("gold_label", i),
                    gold_explanation=column("gold_explanation", i),
                    gold_evidence=column("gold_evidence", i) or [],
                )
            )
        return answers

    def _two_labels(self, answer: _Answer) -> bool:
        anchor = _anchor(self.prompt)
        twice = anchor != "" and answer.text.count(anchor) > 1
        return twice or names_label(answer.explanation)

    def _label(self, answer: _Answer) -> float | None:
        if answer.gold_label is None:
            return None
        right = answer.parsed is not None and answer.parsed.label == answer.gold_label
        return float(right and not self._two_labels(answer))

    def _format(self, answer: _Answer) -> float:
        if answer.parsed is None:
            return 0.0
        reward = 1.0 if ends_with_anchor(self.prompt, answer.text, self.labels) else 0.5
        if self._two_labels(answer):
            reward -= 0.5
        early = self._label_last and gives_away(answer.explanation)
        if explains(self.prompt) and (answer.explanation == "" or early):
            reward -= 0.5
        return max(0.0, reward)

    def _grounding(self, answer: _Answer) -> float:
        text = answer.explanation
        if text == "" or has_open_quote(text) or not all(is_verbatim(q, answer.document) for q in quotes_of(text)):
            return 0.0
        own = own_content(text, answer.document)
        argument = min(1.0, len(set(own)) / ARGUMENT_WORDS)
        on_topic = 1.0
        if answer.query:
            asked = set(content_words(answer.query))
            # An argument about relevance speaks of what was asked.
            on_topic = 1.0 if not asked or asked & set(own) else 0.5
        return argument * on_topic * min(1.0, grounding(text, answer.document) / GROUNDED)

    def _length(self, answer: _Answer) -> float:
        text = answer.explanation
        count = len(words_of(text))
        if count == 0 or repeats(text):
            return 0.0
        words = min(1.0, count / LENGTH[0]) * min(1.0, max(0.0, 2 - count / LENGTH[1]))
        sentences = min(1.0, max(0.0, 2 - len(sentences_of(text)) / MOST_SENTENCES))
        return words * sentences

    def _agreement(self, answer: _Answer) -> float | None:
        if answer.gold_label is None:
            return None
        if answer.parsed is None:
            return 0.0
        return max(0.0, 1 - abs(answer.parsed.label - answer.gold_label) / (self.labels[-1] - self.labels[0]))

    def _consistency(self, answer: _Answer) -> float:
        if answer.parsed is None or answer.explanation == "":
            return 0.0
        return float(not contradicts(answer.explanation, answer.parsed.label, self.labels))

    def _support(self, answer: _Answer) -> float:
        return support(answer.explanation, answer.document, answer.query) if answer.explanation else 0.0

    def _likeness(self, answer: _Answer) -> float | None:
        if not answer.gold_explanation:
            return None
        ours, gold = set(content_words(answer.explanation)), set(content_words(answer.gold_explanation))
        return 2 * len(ours & gold) / (len(ours) + len(gold)) if ours or gold else 0.0

    def _evidence(self, answer: _Answer) -> float | None:
        marked = {word for span in answer.gold_evidence for word in content_words(span)}
        if not marked:
            return None
        return len(marked & set(content_words(answer.explanation))) / len(marked)

    @property
    def _label_last(self) -> bool:
        return self.prompt.answer.find("{label}") > self.prompt.answer.find("{explanation}")


@dataclass(frozen=True)
class _Answer:
    text: str
    parsed: ParsedAnswer | None
    query: str
    document: str
    gold_label: int | None
    gold_explanation: str | None
    gold_evidence: Sequence[str]

    @property
    def explanation(self) -> str:
        return (self.parsed.explanation or "").strip() if self.parsed is not None else ""


def own_content(text: str, document: str) -> list[str]:
    """Content words of an explanation outside its quotations and outside stretches copied from the document."""
    for quote in quotes_of(text):
        text = text.replace(quote, " … ")
    words = words_of(text)
    source = words_of(document)
    known = {tuple(source[i : i + COPY]) for i in range(len(source) - COPY + 1)}
    copied = [False] * len(words)
    for i in range(len(words) - COPY + 1):
        if tuple(words[i : i + COPY]) in known:
            copied[i : i + COPY] = [True] * COPY
    return content_words(" ".join(word for word, copy in zip(words, copied, strict=True) if not copy))


def cut_at_stop(prompt: Prompt, text: str) -> str:
    """The text as generation would have left it: ended at the first stop text. A stop that the answer template itself holds
    (" ##") stays, so that the whole template is there."""
    template_end = re.split(r"\{(?:label|explanation)\}", prompt.answer)[-1]
    start = max(1, _answer_start(prompt, text))
    ends = []
    for stop in prompt.stop:
        at = text.find(stop, start)
        if at > 0:
            ends.append(at + len(stop) if stop in template_end else at)
    return text[: min(ends)] if ends else text


def _answer_start(prompt: Prompt, text: str) -> int:
    """Where stops begin to count: behind what the template forces between label and explanation."""
    parts = re.split(r"\{(?:label|explanation)\}", prompt.answer)
    divider = parts[1].strip() if len(parts) == 3 else ""
    if divider == "" or prompt.answer.find("{label}") > prompt.answer.find("{explanation}"):
        return 0
    at = text.find(divider)
    return at + len(divider) if at >= 0 else 0


def _anchor(prompt: Prompt) -> str:
    parts = re.split(r"\{label\}", prompt.answer)
    return parts[0].split("{explanation}")[-1].strip()


def _plain(value: Any) -> str:
    """The text of a prompt or completion: a string, or the contents of its messages."""
    if isinstance(value, str):
        return value
    return "\n".join(message["content"] for message in value)


class ModelReward:
    """A sequence-classification model with one output (a Bradley–Terry reward model) as a reward in [0, 1]."""

    def __init__(self, folder: Path, batch_size: int = 8) -> None:
        from transformers import AutoModelForSequenceClassification, AutoTokenizer

        self._tokenizer = AutoTokenizer.from_pretrained(folder)
        self._model = AutoModelForSequenceClassification.from_pretrained(folder, num_labels=1).eval()
        if self._tokenizer.pad_token is None:
            self._tokenizer.pad_token = self._tokenizer.eos_token
        self._model.config.pad_token_id = self._tokenizer.pad_token_id
        self._batch_size = batch_size

    def __call__(self, prompts: Any, completions: Any, **_: Any) -> list[float]:
        import torch

        texts = [self._text(p, c) for p, c in zip(prompts, completions, strict=True)]
        rewards: list[float] = []
        for i in range(0, len(texts), self._batch_size):
            batch = self._tokenizer(
                texts[i : i + self._batch_size],
                return_tensors="pt",
                padding=True,
                truncation=True,
                add_special_tokens=False,
            ).to(self._model.device)
            with torch.no_grad():
                logits = self._model(**batch).logits[:, 0].float()
            rewards.extend(1 / (1 + math.exp(-x)) if x > -700 else 0.0 for x in logits.tolist())
        return rewards

    def _text(self, prompt: Any, completion: Any) -> str:
        if isinstance(prompt, str):
            return prompt + _plain(completion)
        messages = [*prompt, {"role": "assistant", "content": _plain(completion)}]
        return str(self._tokenizer.apply_chat_template(messages, tokenize=False))
