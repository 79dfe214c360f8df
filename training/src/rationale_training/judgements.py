"""Judgement files and their correction logs, as docs/formats/judgements.md and corrections.md define them: the same
rules as the extension's own reader, because what an annotator sees must be what a model learns.
"""

import dataclasses
import hashlib
import json
import math
import re
import struct
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from rationale_training.errors import UserError
from rationale_training.manifest import write_text

Status = Literal["pending", "ok", "truncated", "unparsed", "failed"]
Mode = Literal["score", "label-first", "explain-first"]
STATUSES = ("pending", "ok", "truncated", "unparsed", "failed")
MODES = ("score", "label-first", "explain-first")
SAFE_INTEGER = 2**53 - 1


@dataclass(frozen=True)
class Judgement:
    """What a model or teacher said about one (query, document) pair: one line of the file, by the file's own names."""

    query_id: str
    query: str
    doc_id: str
    document: str
    title: str | None = None
    uri: str | None = None
    range: tuple[int, int] | None = None
    document_end: int | None = None
    label: int | None = None
    scale: str = "interank"
    explanation: str | None = None
    raw_response: str | None = None
    score: float | None = None
    score_parts: dict[str, float] | None = None
    label_probabilities: list[float] | None = None
    rank: int | None = None
    first_stage_rank: int | None = None
    first_stage_score: float | None = None
    status: Status = "ok"
    run_id: str = ""
    mode: Mode = "explain-first"
    sample: int = 0
    prompt_sha256: str | None = None
    model: dict[str, Any] | None = None
    sampling: dict[str, Any] | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    elapsed_ms: float | None = None
    error: str | None = None
    #: Fields this version does not know: kept, and written out again.
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def seen(self) -> str:
        """The part of the document that the model saw."""
        return self.document if self.document_end is None else self.document[: self.document_end]


@dataclass(frozen=True)
class Row:
    """A judgement with its place (line from 1) and the identity of its answer."""

    line: int
    judgement: Judgement
    answer_id: str


@dataclass(frozen=True)
class Problem:
    """A line that counts for nothing, and why."""

    file: Path
    line: int
    reason: str

    def __str__(self) -> str:
        return f"{self.file}, line {self.line}: {self.reason}"


def id_of_text(kind: Literal["q", "d"], text: str) -> str:
    """Identity of a query or document whose source gives none."""
    return f"{kind}-{sha256(text)[:16]}"


def sha256(text: str) -> str:
    """SHA-256 (hex) of the UTF-8 form; lone surrogates count as U+FFFD."""
    return hashlib.sha256(_utf8(text)).hexdigest()


def answer_id(judgement: Judgement) -> str:
    """Identity of an answer: SHA-256 over its parts, each as UTF-8 preceded by its length (4 bytes, big-endian).
    Test vectors: test/fixtures/answer-ids.json, shared with the TypeScript side."""
    model = judgement.model or {}
    name = model.get("id")
    parts = (
        judgement.query_id,
        judgement.doc_id,
        name if isinstance(name, str) else "",
        judgement.run_id,
        str(judgement.sample),
        "" if judgement.label is None else str(judgement.label),
        judgement.explanation or "",
    )
    digest = hashlib.sha256()
    for part in parts:
        data = _utf8(part)
        digest.update(struct.pack(">I", len(data)))
        digest.update(data)
    return digest.hexdigest()


def _utf8(text: str) -> bytes:
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        return well_formed(text).encode("utf-8")


def well_formed(text: str) -> str:
    """`text` with each half of a surrogate pair that stands alone replaced by U+FFFD, and whole pairs joined."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


# ── Reading ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"Expected string, found {_kind(value)}")
    return value


def _integer(value: Any) -> int:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if type(value) is not int or abs(value) > SAFE_INTEGER:
        raise ValueError(f"Expected a whole number, found {_kind(value)}")
    return value


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"Expected a finite number, found {_kind(value)}")
    return value


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"Expected object, found {_kind(value)}")
    return value


def _range(value: Any) -> tuple[int, int]:
    if not isinstance(value, list) or len(value) != 2:
        raise ValueError(f"Expected [start, end], found {_kind(value)}")
    return _integer(value[0]), _integer(value[1])


def _one_of(*allowed: str) -> Callable[[Any], Any]:
    def read(value: Any) -> str:
        if value not in allowed or not isinstance(value, str):
            raise ValueError(f"Expected one of {', '.join(allowed)}, found {_kind(value)}")
        return value

    return read


def _numbers(value: Any) -> list[float]:
    if not isinstance(value, list):
        raise ValueError(f"Expected a list of numbers, found {_kind(value)}")
    return [_number(item) for item in value]


def _parts(value: Any) -> dict[str, float]:
    return {name: _number(item) for name, item in _object(value).items()}


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, str):
        return f'"{value[:40]}"'
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    return json.dumps(value)


_READERS: dict[str, Callable[[Any], Any]] = {
    "query_id": _text,
    "query": _text,
    "doc_id": _text,
    "title": _text,
    "document": _text,
    "uri": _text,
    "range": _range,
    "document_end": _integer,
    "label": _integer,
    "scale": _text,
    "explanation": _text,
    "raw_response": _text,
    "score": _number,
    "score_parts": _parts,
    "label_probabilities": _numbers,
    "rank": _integer,
    "first_stage_rank": _integer,
    "first_stage_score": _number,
    "status": _one_of(*STATUSES),
    "run_id": _text,
    "mode": _one_of(*MODES),
    "sample": _integer,
    "prompt_sha256": _text,
    "model": _object,
    "sampling": _object,
    "prompt_tokens": _integer,
    "completion_tokens": _integer,
    "elapsed_ms": _number,
    "error": _text,
}


def _constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def parse_json_line(line: str) -> dict[str, Any]:
    """The JSON object on a line, without lone surrogates. Raises ValueError with the reason."""
    try:
        value = json.loads(line, parse_constant=_constant)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not valid JSON ({error})") from error
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")
    if "\\u" in line and (where := _lone_surrogate(value, "")) is not None:
        raise ValueError(f'field "{where}" holds half of a surrogate pair: the text was cut inside a character')
    return value


_surrogate = re.compile("[\ud800-\udfff]")


def _lone_surrogate(value: Any, path: str) -> str | None:
    if isinstance(value, str):
        return path if _surrogate.search(value) else None
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        if (found := _lone_surrogate(item, f"{path}.{key}" if path else str(key))) is not None:
            return found
    return None


def parse_judgement(line: str) -> Judgement:
    """Reads one line. Absent and null mean the same. Raises ValueError with what is wrong."""
    return judgement_of(parse_json_line(line))


def judgement_of(value: dict[str, Any]) -> Judgement:
    """The judgement in a JSON object; a row without a status is `ok` with a label and `unparsed` without one."""
    known: dict[str, Any] = {}
    extra: dict[str, Any] = {}
    for name, item in value.items():
        read = _READERS.get(name)
        if read is None:
            extra[name] = item
        elif item is not None:
            try:
                known[name] = read(item)
            except ValueError as error:
                raise ValueError(f'field "{name}": {error}') from error
    for name in ("query", "document"):
        if name not in known:
            raise ValueError(f'field "{name}" is missing')
    known.setdefault("query_id", id_of_text("q", known["query"]))
    known.setdefault("doc_id", id_of_text("d", known["document"]))
    known.setdefault("status", "unparsed" if known.get("label") is None else "ok")
    return Judgement(**known, extra=extra)


def read_lines(path: Path) -> Iterator[tuple[int, bytes, bool]]:
    """Number (from 1), bytes and whether a line feed ended it, for every line that is not blank. Only line feeds end
    lines: JSON strings may hold U+2028. Raises UserError where the file cannot be read."""
    try:
        with path.open("rb") as stream:
            for number, line in enumerate(stream, start=1):
                ended = line.endswith(b"\n")
                line = line.rstrip(b"\r\n")
                if number == 1:
                    line = line.removeprefix(b"\xef\xbb\xbf")
                if line.strip():
                    yield number, line, ended
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}.") from error


def read_judgements(path: Path, problems: list[Problem] | None = None) -> Iterator[Row]:
    """The rows of a judgement file, as they are read. A line that is no judgement, or repeats an earlier answer, goes
    to `problems`; without that list it raises UserError with file and line."""
    lines_of: dict[bytes, int] = {}
    for number, line, ended in read_lines(path):
        torn = "" if ended else "half-written: the file ends inside this line; "
        try:
            try:
                text = line.decode("utf-8")
            except UnicodeDecodeError:
                raise ValueError("not valid UTF-8") from None
            judgement = parse_judgement(text)
            identity = answer_id(judgement)
            earlier = lines_of.setdefault(bytes.fromhex(identity), number)
            if earlier != number:
                torn = ""
                raise ValueError(f"repeats line {earlier}")
        except ValueError as error:
            problem = Problem(path, number, f"{torn}{error}")
            if problems is None:
                raise UserError(f"{problem}.") from error
            problems.append(problem)
            continue
        yield Row(number, judgement, identity)


# ── Writing ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def serialise(judgement: Judgement) -> str:
    """One line without the line feed: known fields in the documented order, then the unknown ones as they came."""
    fields = {name: getattr(judgement, name) for name in _READERS}
    return dump_line({**fields, **judgement.extra})


def dump_line(value: dict[str, Any]) -> str:
    """A JSON object on one line, well-formed UTF-8 whatever strings it holds. Raises ValueError on NaN and infinity."""
    return well_formed(json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")))


def write_judgements(path: Path, judgements: Iterable[Judgement]) -> int:
    """Writes a judgement file whole or not at all; returns the number of rows."""
    count = 0
    temporary = path.with_name(f".{path.name}.partial")
    try:
        with temporary.open("w", encoding="utf-8", newline="\n") as stream:
            for judgement in judgements:
                stream.write(f"{serialise(judgement)}\n")
                count += 1
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return count


def stem_of(path: Path) -> Path:
    """`DIR/NAME.judgements`: what the names of the files beside a judgement file begin with."""
    return path.with_name(re.sub(r"\.jsonl$", "", path.name, flags=re.IGNORECASE))


def companion(path: Path, ending: str) -> Path:
    """The file or folder beside a judgement file: `run.json`, `rationale.json`, `corrections`."""
    stem = stem_of(path)
    return stem.with_name(f"{stem.name}.{ending}")


def write_sidecar(path: Path, *, guidelines: str | None = None, source: dict[str, Any] | None = None) -> Path:
    """Writes `NAME.judgements.rationale.json` beside a judgement file, for people to edit."""
    value: dict[str, Any] = {"version": 1, "scales": []}
    if guidelines is not None:
        value["guidelines"] = guidelines
    if source is not None:
        value["source"] = source
    target = companion(path, "rationale.json")
    write_text(target, json.dumps(value, ensure_ascii=False, indent=2) + "\n")
    return target


# ── Corrections ─────────────────────────────────────────────────────────────────────────────────────────────────────

Action = Literal["accept", "correct", "skip", "cannot_judge", "flag", "comment", "retract"]
Slot = Literal["decision", "flag", "comment"]
_ACTIONS = ("accept", "correct", "skip", "cannot_judge", "flag", "comment", "retract")
_KINDS = {"accept": "accepted", "correct": "corrected", "skip": "skipped", "cannot_judge": "cannot_judge"}
_uuid = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)


@dataclass(frozen=True)
class Event:
    """One line of an annotator's log."""

    id: str
    at: str
    annotator: str
    query_id: str
    doc_id: str
    action: Action
    answer_id: str | None = None
    label: int | None = None
    explanation: str | None = None
    evidence: tuple[tuple[int, int], ...] | None = None
    reasons: tuple[str, ...] | None = None
    note: str | None = None
    blind: bool | None = None
    seconds: float = 0
    batch: str | None = None
    retracts: str | None = None

    @property
    def pair(self) -> tuple[str, str]:
        """The (query, document) pair it is about."""
        return self.query_id, self.doc_id

    @property
    def slot(self) -> Slot:
        """Decisions, flags and comments stand independently of each other."""
        return self.action if self.action in ("flag", "comment") else "decision"

    @property
    def label_only(self) -> bool:
        """A corrected label without an explanation: a statement about the pair, not about the answer."""
        return self.action == "correct" and self.label is not None and self.explanation is None

    @property
    def target(self) -> str | None:
        """The answer it is about; None: the pair."""
        return None if self.label_only else self.answer_id

    def to_json(self) -> dict[str, Any]:
        """As it stands in a log: without what is absent."""
        fields = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        return {name: value for name, value in fields.items() if value is not None}


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"Expected true or false, found {_kind(value)}")
    return value


def _id(value: Any) -> str:
    if not _uuid.fullmatch(_text(value)):
        raise ValueError("is not a UUID")
    return value


def _evidence(value: Any) -> tuple[tuple[int, int], ...]:
    if not isinstance(value, list):
        raise ValueError(f"Expected a list of ranges, found {_kind(value)}")
    ranges = tuple(_range(item) for item in value)
    if any(number < 0 for pair in ranges for number in pair):
        raise ValueError("Expected offsets of at least 0")
    return ranges


def _strings(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise ValueError(f"Expected a list of strings, found {_kind(value)}")
    return tuple(_text(item) for item in value)


def _seconds(value: Any) -> float:
    if _number(value) < 0:
        raise ValueError("Expected at least 0 seconds")
    # 1 and 1.0 are the same event.
    return int(value) if float(value).is_integer() else value


_EVENT_READERS: dict[str, Callable[[Any], Any]] = {
    "id": _id,
    "at": _text,
    "annotator": _text,
    "query_id": _text,
    "doc_id": _text,
    "answer_id": _text,
    "action": _one_of(*_ACTIONS),
    "label": _integer,
    "explanation": _text,
    "evidence": _evidence,
    "reasons": _strings,
    "note": _text,
    "blind": _flag,
    "seconds": _seconds,
    "batch": _text,
    "retracts": _text,
}


def parse_event(line: str) -> Event:
    """Reads one line of a log; unlike in judgements, null is no absence. Raises ValueError with what is wrong."""
    try:
        value = json.loads(line, parse_constant=_constant)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not valid JSON ({error})") from error
    fields: dict[str, Any] = {}
    for name, item in _object(value).items():
        if name in _EVENT_READERS:
            try:
                fields[name] = _EVENT_READERS[name](item)
            except ValueError as error:
                raise ValueError(f'field "{name}": {error}') from error
    for name in ("id", "at", "annotator", "query_id", "doc_id", "action"):
        if name not in fields:
            raise ValueError(f'field "{name}" is missing')
    return Event(**fields)


def read_logs(path: Path, problems: list[Problem] | None = None) -> list[Event]:
    """Every event in the logs of the judgement file at `path`. A line that cannot be read counts for nothing and goes
    to `problems`; without that list it raises UserError."""
    events: list[Event] = []
    folder = companion(path, "corrections")
    for file in sorted(folder.glob("*.jsonl")) if folder.is_dir() else ():
        for number, line, ended in read_lines(file):
            try:
                events.append(parse_event(line.decode("utf-8", "replace")))
            except ValueError as error:
                torn = "" if ended else "half-written: the log ends inside this line; "
                problem = Problem(file, number, f"{torn}{error}")
                if problems is None:
                    raise UserError(f"{problem}.") from error
                problems.append(problem)
    return events


class Folded:
    """The events of one annotator, folded: per target and slot the greatest id wins among what is not retracted. Events
    may come in any order and any number of times (src/annotation/fold.ts has the same rules; a test compares them)."""

    def __init__(self, events: Iterable[Event]) -> None:
        distinct = {_canonical(event): event for event in events}
        retracted = {event.retracts for event in distinct.values() if event.action == "retract"}
        #: Live events by cell, oldest first.
        self._cells: dict[tuple[Slot, tuple[str, str], str | None], list[Event]] = {}
        self._answers: dict[tuple[str, str], set[str]] = {}
        self.pairs: set[tuple[str, str]] = set()
        for _, event in sorted(distinct.items(), key=lambda item: (item[1].id, item[0])):
            if event.action == "retract":
                continue
            # As in TypeScript, a pair once spoken of stays looked at: its rows may be stale or have nothing left.
            self.pairs.add(event.pair)
            if event.id in retracted or (event.batch is not None and event.batch in retracted):
                continue
            self._cells.setdefault((event.slot, event.pair, event.target), []).append(event)
            if event.slot == "decision" and event.target is not None:
                self._answers.setdefault(event.pair, set()).add(event.target)

    def statement(self, slot: Slot, row: Row) -> Event | None:
        """What this annotator holds on a row. A label decided on another answer of the pair counts only where it differs
        from this answer's own: nobody has read this answer."""
        pair = (row.judgement.query_id, row.judgement.doc_id)
        own = self._winner(slot, pair, row.answer_id)
        shared = self._winner(slot, pair, None)
        if shared is None or (shared.label_only and shared.label == row.judgement.label):
            return own
        return own if own is not None and own.id > shared.id else shared

    def is_stale(self, row: Row, in_file: Callable[[str], bool]) -> bool:
        """Decided on in an earlier form: a live decision names an answer of the pair that the file no longer holds."""
        pair = (row.judgement.query_id, row.judgement.doc_id)
        return any(not in_file(answer) for answer in self._answers.get(pair, ()))

    def _winner(self, slot: Slot, pair: tuple[str, str], target: str | None) -> Event | None:
        events = self._cells.get((slot, pair, target))
        return events[-1] if events else None


def _canonical(event: Event) -> str:
    return json.dumps(event.to_json(), ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def fold(events: Iterable[Event]) -> dict[str, Folded]:
    """The events of each annotator, folded. A retract takes back only its own annotator's events."""
    by_name: dict[str, list[Event]] = {}
    for event in events:
        by_name.setdefault(event.annotator, []).append(event)
    return {name: Folded(by_name[name]) for name in sorted(by_name)}


Policy = Literal["agreeing", "majority", "all"]


@dataclass(frozen=True)
class Review:
    """What people say about one answer."""

    kind: Literal["accepted", "corrected"]
    label: int | None
    explanation: str | None
    #: `decided` written or accepted; `kept` the model's, left under a corrected label by somebody who saw it; `blind`
    #: likewise by somebody who did not; `elsewhere` of an answer that nobody read.
    source: Literal["decided", "kept", "blind", "elsewhere"]
    annotators: tuple[str, ...]
    evidence: tuple[tuple[int, int], ...] = ()


_SOURCES = ("decided", "kept", "blind", "elsewhere")


@dataclass(frozen=True)
class Decided:
    """A row that people have decided on, with their answer."""

    row: Row
    review: Review


def decided(
    path: Path,
    *,
    policy: Policy = "agreeing",
    aspect: Literal["answer", "label"] = "answer",
    problems: list[Problem] | None = None,
) -> Iterator[Decided]:
    """The rows of a judgement file that people accepted or corrected, as the export's policy of the same name settles
    several annotators. With `agreeing`, all must give the same label and explanation (`aspect` label: the same label);
    rows where they do not are left out. `problems` as in `read_judgements`, for logs too."""
    annotators = fold(read_logs(path, problems))
    for row in read_judgements(path, problems):
        yield from (Decided(row, review) for review in reviews_of(row, annotators, policy, aspect))


def reviews_of(
    row: Row, annotators: dict[str, Folded], policy: Policy = "agreeing", aspect: Literal["answer", "label"] = "answer"
) -> list[Review]:
    """The reviews of a row that count: one, with `all` everybody's; none where nobody decided or people disagree."""
    pair = (row.judgement.query_id, row.judgement.doc_id)
    reviews = []
    for name, folded in annotators.items():
        if pair in folded.pairs and (review := _review(name, folded, row)) is not None:
            reviews.append(review)
    if not reviews or policy == "all":
        return reviews
    if policy == "majority":
        labels = [review.label for review in reviews]
        winner = next((label for label in labels if labels.count(label) * 2 > len(labels)), _nobody)
        if winner is _nobody:
            return []
        reviews = [review for review in reviews if review.label == winner]
        texts = [review.explanation for review in reviews]
        text = max(texts, key=texts.count)
        return [_joined([review for review in reviews if review.explanation == text])]
    first = reviews[0]
    agree = all(
        review.label == first.label and (aspect == "label" or review.explanation == first.explanation)
        for review in reviews
    )
    return [_joined(reviews)] if agree else []


_nobody = object()


def _review(name: str, folded: Folded, row: Row) -> Review | None:
    event = folded.statement("decision", row)
    if event is None or event.action not in ("accept", "correct"):
        return None
    corrected = event.action == "correct"
    label = event.label if corrected and event.label is not None else row.judgement.label
    written = event.explanation if corrected else None
    explanation = written if written is not None else row.judgement.explanation
    on_this = written is not None or event.answer_id == row.answer_id
    label_only = corrected and written is None
    source = "elsewhere" if not on_this else "decided" if not label_only else "blind" if event.blind else "kept"
    return Review(
        kind="corrected" if corrected else "accepted",
        label=label,
        explanation=None if explanation is None else explanation.strip(),
        source=source,
        annotators=(name,),
        evidence=event.evidence or (),
    )


def _joined(reviews: list[Review]) -> Review:
    best = min(reviews, key=lambda review: _SOURCES.index(review.source))
    return dataclasses.replace(
        best,
        annotators=tuple(name for review in reviews for name in review.annotators),
        evidence=tuple(sorted({pair for review in reviews for pair in review.evidence})),
    )
