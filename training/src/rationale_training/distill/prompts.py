"""The profile's prompts as pieces of tokens: what the document, the question, the label and the rationale contribute.

Training reads the same profile.json as the extension. Pieces are cut where the template's own text begins after a slot
("\\nQuestion: …"), which is where the tokenizers at hand split anyway; the test compares with whole prompts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from rationale_training.errors import UserError


@dataclass(frozen=True)
class Pieces:
    """Text of a document-first profile: `{lead}{document}{middle}{query}` + `{to_label}` or `{to_explanation}`."""

    lead: str
    middle: str
    to_label: str
    #: From the label to the explanation (label-first), and from the question to the explanation (explain-first).
    label_to_explanation: str
    to_explanation: str
    explanation_to_label: str
    labels: tuple[int, ...]

    @staticmethod
    def of(profile: dict[str, Any]) -> Pieces:
        """Takes the prompts of a parsed profile.json apart. Raises UserError where documents do not come first."""
        prompts = profile["prompts"]
        slots = re.compile(r"\{(document|query)\}")

        def split(name: str) -> tuple[str, str, str]:
            raw = prompts[name].get("raw")
            parts = slots.split(raw) if raw is not None else []
            if parts[1::2] != ["document", "query"]:
                raise UserError(
                    f'profile {profile["id"]}: prompt "{name}" must be raw text with {{document}} before {{query}}: '
                    "packed training shares the document among its questions. Other profiles: objective = token loss only."
                )
            return parts[0], parts[2], parts[4]

        lead, middle, to_label = split("score")
        first = split("label_first")
        explain = split("explain_first")
        if first != (lead, middle, to_label) or explain[:2] != (lead, middle):
            raise UserError(f"profile {profile['id']}: its prompts must begin alike up to the question.")
        after_label = re.fullmatch(r"\{label\}(.*)\{explanation\}", prompts["label_first"]["answer"], re.S)
        around = re.fullmatch(r"(.*)\{explanation\}(.*)\{label\}", prompts["explain_first"]["answer"], re.S)
        if after_label is None or around is None:
            raise UserError(
                f"profile {profile['id']}: answers must be label then explanation, and explanation then label."
            )
        values = tuple(int(label["value"]) for label in profile["label_scale"]["labels"])
        return Pieces(lead, middle, to_label, after_label[1], explain[2] + around[1], around[2], values)


class PieceEncoder:
    """Tokenises pieces. `end` is the token that ends an answer."""

    def __init__(self, tokenizer: Any, pieces: Pieces) -> None:
        self.tokenizer = tokenizer
        self.pieces = pieces
        self.end = int(tokenizer.eos_token_id)
        self.to_label = self.encode(pieces.to_label)
        self.explanation_to_label = self.encode(pieces.explanation_to_label)
        whole = {value: self.encode(pieces.to_label + str(value)) for value in pieces.labels}
        if any(ids[:-1] != self.to_label for ids in whole.values()):
            raise UserError(
                f"a label is not exactly one token after {pieces.to_label!r}; choose another template or labels."
            )
        self.labels = [whole[value][-1] for value in pieces.labels]

    def encode(self, text: str) -> list[int]:
        """Ids of untrusted text: what looks like a special token stays text."""
        return list(self.tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"])

    def document(self, text: str, limit: int) -> list[int]:
        """Lead and document, the document cut to `limit` tokens."""
        return self.encode(self.pieces.lead + text.rstrip())[: limit + len(self.encode(self.pieces.lead.rstrip()))]

    def question(self, text: str, limit: int) -> tuple[list[int], int]:
        """Ids of the divider and the question, and how many of them are the divider's."""
        divider = self.encode(self.pieces.middle.rstrip())
        return self.encode(self.pieces.middle + text.strip())[: limit + len(divider)], len(divider)

    def after_label(self, explanation: str) -> list[int]:
        """What follows the label token: the explanation and the end."""
        return [*self.encode(self.pieces.label_to_explanation + explanation.strip()), self.end]

    def explanation(self, text: str) -> list[int]:
        """What follows the question when the explanation comes first, up to where the label is read."""
        return self.encode(self.pieces.to_explanation + text.strip()) + self.explanation_to_label
