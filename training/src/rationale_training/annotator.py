"""An annotator simulated from a test collection's judgements, who writes a real correction log (docs/formats/corrections.md).

The collections list relevant documents only. The rule: a listed document is relevant and gets the highest label; a document
among the query's candidates that is not listed gets the lowest, as nDCG counts it. No pair gets a label between. A label that
is already so is accepted with its explanation; another one is corrected, with a reason made from the document's own words
(distill/rationales.py), or without one where the document offers nothing to quote.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from rationale_training.distill.rationales import ExtractiveWriter
from rationale_training.judgements import Event, Judgement, answer_id, companion, dump_line
from rationale_training.manifest import write_text

#: What is done with the model's outputs. All but `corrected` are controls.
Arm = Literal["corrected", "uncorrected", "shuffled", "labels-only"]
ARMS: dict[Arm, str] = {
    "corrected": "wrong labels corrected, each with a reason",
    "uncorrected": "every output accepted as it is",
    "shuffled": "the corrected answers, dealt out to other pairs at random",
    "labels-only": "wrong labels corrected, without reasons",
}
_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Decision:
    """What the annotator holds of a pair; `explanation` None: the label alone."""

    label: int
    explanation: str | None
    accepted: bool


def decide(
    output: Judgement, relevant: bool, labels: Sequence[int], writer: ExtractiveWriter, rng: random.Random
) -> Decision:
    """The decision on one output by the rule above."""
    label = labels[-1] if relevant else labels[0]
    if output.label == label:
        return Decision(label, output.explanation, accepted=True)
    # The writer knows the paper's 0 and 2; only the ends of a scale are ever asked for.
    return Decision(label, writer.write(output.query, output.seen, 2 if relevant else 0, rng), accepted=False)


def events_of(
    arm: Arm, outputs: Sequence[Judgement], decisions: Sequence[Decision], annotator: str, rng: random.Random
) -> list[Event]:
    """The log of one arm: one event a pair, in the order of the outputs."""
    if arm == "uncorrected":
        return [_event(i, output, "accept", annotator, rng) for i, output in enumerate(outputs)]
    held = list(decisions)
    if arm == "shuffled":
        rng.shuffle(held)
    events = []
    for i, (output, decision) in enumerate(zip(outputs, held, strict=True)):
        explanation = None if arm == "labels-only" and not decision.accepted else decision.explanation
        if decision.label == output.label and explanation in (None, output.explanation):
            events.append(_event(i, output, "accept", annotator, rng))
        else:
            events.append(_event(i, output, "correct", annotator, rng, label=decision.label, explanation=explanation))
    return events


def _event(
    place: int,
    output: Judgement,
    action: Literal["accept", "correct"],
    annotator: str,
    rng: random.Random,
    label: int | None = None,
    explanation: str | None = None,
) -> Event:
    at = _EPOCH + timedelta(seconds=place)
    # UUID version 7: 48 bits of milliseconds, then the version, the variant, and random bits (RFC 9562, 5.7).
    number = (
        (int(at.timestamp() * 1000) << 80) | (7 << 76) | (rng.getrandbits(12) << 64) | (2 << 62) | rng.getrandbits(62)
    )
    return Event(
        id=str(uuid.UUID(int=number)),
        at=at.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        annotator=annotator,
        query_id=output.query_id,
        doc_id=output.doc_id,
        answer_id=answer_id(output),
        action=action,
        label=label,
        explanation=explanation,
        seconds=0,
    )


def write_log(judgements: Path, events: Sequence[Event], annotator: str) -> Path:
    """Writes the log where the extension would: `NAME.judgements.corrections/SLUG-XXXXXXXX.jsonl`."""
    folder = companion(judgements, "corrections")
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / f"{annotator.lower().replace(' ', '-')}-00000000.jsonl"
    write_text(log, "".join(f"{dump_line(event.to_json())}\n" for event in events))
    return log
