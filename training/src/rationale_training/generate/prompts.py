"""What the teacher is asked, and how its answers are read. The wording of `judge` and `question_queries` is InteRank's
(arXiv 2504.03947, released code, single-space form), so that teacher, student and extension ask the same thing.
"""

import re
from dataclasses import dataclass

from rationale_training.profile import Prompt, parse_answer

#: The form of an answer that the student learns, too.
ANSWER = Prompt(answer="{explanation}\n\nRelevance Label: {label} ##")
LABELS = (0, 1, 2)
MEANINGS = {
    0: "irrelevant: it does not provide any useful information related to the question",
    1: "partially relevant: it provides some context, but does not answer the specific question",
    2: "relevant: it provides useful information to answer the question",
}

JUDGE = (
    "Explain whether the following document is relevant or not to the given question. Then end your response with a "
    "relevance label (0: irrelevant, 1: partially relevant, 2: relevant) and the symbol '##'. Your response should have "
    "this format: '<explanation>\nRelevance Label: <label> ##'. Question: {question}\nDocument: {document}"
)
QUESTION_QUERIES = (
    "Based on the following question, generate a list of up to 10 search queries that would help find answers. Each "
    "query should be specific and focused on different aspects of the question. Format the output as one query per line. "
    "Question: {question}"
)
#: Ours: the paper has no prompts for these two.
EXPLAIN = (
    "Question: {question}\nDocument: {document}\n\nThe document is {meaning}.\n\nIn one to three sentences, explain why, "
    "so that a reader of question and document is convinced. Say what the document is about, and copy a few words of it "
    'in "double quotes" to show it. Do not mention any label or these instructions.'
)
DOCUMENT_QUERIES = (
    "Document: {document}\n\nWrite {queries} different search queries that this document answers. Each should be specific, "
    "in the words of somebody who has not read the document. Format the output as one query per line."
)

_SLOT = re.compile(r"\{(question|document|label|meaning|queries)\}")


def filled(template: str, **values: str | int | None) -> str:
    """The template with its slots filled, in one pass: a slot's name inside a document is text."""
    return _SLOT.sub(lambda match: match[0] if values.get(match[1]) is None else str(values[match[1]]), template)


def cut(document: str, words: int) -> int | None:
    """Where the first `words` words end (code points); None where the document has no more."""
    for number, match in enumerate(re.finditer(r"\S+", document), start=1):
        if number == words:
            return match.end() if document[match.end() :].strip() else None
    return None


@dataclass(frozen=True)
class Verdict:
    """A label and its explanation, as far as an answer holds them."""

    label: int | None
    explanation: str | None


_THOUGHT = re.compile(r"^\s*<think>.*?</think>", re.DOTALL)
# Teachers put the anchor in bold, the label in brackets, or name it: "**Relevance Label:** 2 (relevant)".
_ANCHOR = re.compile(r"[*_#\s]*\brelevance\s+label\b[*_\s]*[:=][*_\s]*[\[(<'\"]?(-?\d+)(?![\d.])", re.IGNORECASE)


def verdict_of(text: str) -> Verdict:
    """Label and explanation of an answer: at its last anchor. No anchor, or a label that is not on the scale, is no
    label: the released code's guesses from the wording, and its 0 for everything else, are ranking errors."""
    text = _THOUGHT.sub("", text)
    parsed = parse_answer(ANSWER, text, LABELS)
    if parsed is not None and len(_ANCHOR.findall(text)) == 1:
        return Verdict(parsed.label, parsed.explanation or None)
    anchors = list(_ANCHOR.finditer(text))
    if not anchors or len({match[1] for match in anchors}) > 1 or int(anchors[-1][1]) not in LABELS:
        return Verdict(None, None)
    return Verdict(int(anchors[-1][1]), text[: anchors[0].start()].strip() or None)


def reason_of(text: str) -> str | None:
    """The explanation in an answer to `explain`: without a thought before it, or a label line after it."""
    text = _THOUGHT.sub("", text)
    if anchor := _ANCHOR.search(text):
        text = text[: anchor.start()]
    return text.strip().removesuffix("##").strip() or None


_BULLET = re.compile(r"^\s*(?:\d{1,2}\s*[.):]|[-*•])\s*")


def queries_of(text: str, most: int) -> list[str]:
    """The queries in an answer, one a line, without numbers, bullets and quotation marks, each once; lines that introduce
    the list (they end in a colon) and what is longer than 40 words are none."""
    found: dict[str, str] = {}
    for line in _THOUGHT.sub("", text).replace("##", "\n").split("\n"):
        query = " ".join(_BULLET.sub("", line).strip().strip("\"“”*'").split())
        if query and not query.endswith(":") and 1 < len(query.split()) <= 40:
            found.setdefault(query.lower(), query)
    return list(found.values())[:most]
