"""Profiles: the same `profile.json` that the extension reads (docs/formats/profile.md), so that training and inference
agree.

Everything here mirrors TypeScript, rule for rule: `src/profiles/profile.ts` (the schema), `src/profiles/template.ts`
(prompts, answers and the parser), `src/profiles/chat.ts` (chat templates), `src/inference/worker/tokenizer.ts` and
`src/inference/worker/prompts.ts` (token ids, label tokens, the cut of a document). `tests/test_profile.py` runs both
sides on the same input and compares.
"""

from __future__ import annotations

import hashlib
import json
import re
import weakref
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from jinja2 import TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from tokenizers import Tokenizer

from rationale_training.errors import UserError

Mode = Literal["score", "label-first", "explain-first"]

#: The key of each mode's prompt in `prompts`.
MODES: dict[Mode, str] = {"score": "score", "label-first": "label_first", "explain-first": "explain_first"}

#: A document shorter than this says too little to be judged: the question is refused as too long instead.
MIN_DOCUMENT_TOKENS = 32
#: Ordinary text has fewer characters a token: so much is tokenised at first, more only if it does not fill the room.
USUAL_CHARACTERS_PER_TOKEN = 16

# What JavaScript's trim() and \s take for white space; Python's differ at U+001C–U+001F, U+0085 and U+FEFF.
_SPACE = (
    "\t\n\v\f\r \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000\ufeff"
)
_PROMPT_SLOT = re.compile(r"(\{(?:query|document|title)\})")
_ANSWER_SLOT = re.compile(r"(\{label\}|\{explanation\})")
_LABEL = re.compile(rf"[{_SPACE}]*(-?[0-9]+)(?![0-9])")


class ProfileError(UserError):
    """A profile, or a profile with a tokenizer or a pair, that cannot be used; the message says what to change."""


class QuestionTooLong(ProfileError):
    """The question leaves no room for any document: not one document's fault."""


@dataclass(frozen=True)
class ExpectedRead:
    """Softmax over the label tokens at the position after `after`; the read is Σ value · p."""

    name: str
    after: str
    #: Text of each label token and its value, in the order in which the extension goes through them.
    tokens: tuple[tuple[str, int | float], ...]
    #: Divides the logits before the softmax; 1 where the profile names none.
    temperature: float = 1.0


@dataclass(frozen=True)
class LikelihoodRead:
    """Mean log-probability of the query's tokens, each given all before it."""

    name: str
    of: str = "query"


@dataclass(frozen=True)
class Prompt:
    """The prompt of one mode: raw text or chat messages, and the answer template that targets are made of."""

    answer: str
    raw: str | None = None
    messages: tuple[tuple[str, str], ...] | None = None
    add_generation_prompt: bool = True
    stop: tuple[str, ...] = ()
    max_new_tokens: int = 1
    reads: tuple[ExpectedRead | LikelihoodRead, ...] = ()

    @property
    def expected(self) -> ExpectedRead | None:
        """The read of the label, or None."""
        return next((read for read in self.reads if isinstance(read, ExpectedRead)), None)


@dataclass(frozen=True)
class Label:
    """One value of a scale."""

    value: int
    name: str
    description: str


@dataclass(frozen=True)
class Scale:
    """A label scale; `labels` in ascending order of relevance."""

    name: str
    labels: tuple[Label, ...]

    @property
    def values(self) -> tuple[int, ...]:
        return tuple(label.value for label in self.labels)


@dataclass(frozen=True)
class Profile:
    """A whole profile. `source` is the JSON object it was read from, for run records and exports."""

    id: str
    version: int | float
    kind: str
    label_scale: Scale
    max_tokens: int
    prompts: dict[str, Prompt]
    score: dict[str, int | float]
    precision: str = "unknown"
    chat_template: str | None = None
    special_tokens: dict[str, str] = field(default_factory=dict)
    fusion: dict[str, int | float] | None = None
    rationale_notice: str | None = None
    source: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    def prompt(self, mode: Mode) -> Prompt:
        """The prompt of a mode. Raises ProfileError where the profile does not offer it."""
        found = self.prompts.get(MODES[mode])
        if found is None:
            raise ProfileError(f"profile {self.id} offers no {mode} mode; it offers {', '.join(self.modes) or 'none'}.")
        return found

    @property
    def modes(self) -> list[Mode]:
        return [mode for mode, key in MODES.items() if key in self.prompts]


# --- reading a profile.json -------------------------------------------------------------------------------------------


class _Reader:
    """Takes fields off an object and refuses what is missing, of the wrong type, or not known."""

    def __init__(self, value: Any, where: str) -> None:
        if not isinstance(value, dict):
            raise ProfileError(f"{where}: an object is expected.")
        self._rest: dict[str, Any] = dict(value)
        self._where = where

    def take(self, name: str, kinds: type | tuple[type, ...], *default: Any) -> Any:
        if name not in self._rest:
            if default:
                return default[0]
            raise ProfileError(f"{self._where}: the field {name} is missing.")
        value = self._rest.pop(name)
        wrong = not isinstance(value, kinds) or (isinstance(value, bool) and bool not in _tuple(kinds))
        if wrong:
            raise ProfileError(f"{self._where}.{name}: {json.dumps(value)[:80]} is of the wrong type.")
        return value

    def end(self) -> None:
        for name in self._rest:
            raise ProfileError(f"{self._where}: the field {name} is not known (docs/formats/profile.md).")


def _tuple(kinds: type | tuple[type, ...]) -> tuple[type, ...]:
    return kinds if isinstance(kinds, tuple) else (kinds,)


def load_profile(path: str | Path) -> Profile:
    """Reads a `profile.json`, or the one in a model folder. Raises ProfileError naming the file and the field."""
    file = Path(path)
    if file.is_dir():
        file = file / "profile.json"
    return parse_profile(file.read_text(encoding="utf-8"), str(file))


def parse_profile(text: str, file: str) -> Profile:
    """A profile from its JSON. `file` is named in errors."""
    try:
        source = json.loads(text)
    except json.JSONDecodeError as error:
        raise ProfileError(f"{file} is not valid JSON: {error}.") from error
    reader = _Reader(source, file)
    scale = _Reader(reader.take("label_scale", dict), f"{file}: label_scale")
    labels = tuple(_label(item, f"{file}: label_scale.labels") for item in scale.take("labels", list))
    parsed_scale = Scale(scale.take("name", str), labels)
    scale.end()
    if len(labels) < 2:
        raise ProfileError(f"{file}: label_scale.labels: a scale has at least two labels.")
    special = _Reader(reader.take("special_tokens", dict, {}), f"{file}: special_tokens")
    special_tokens = {name: special.take(name, str, "") for name in ("bos_token", "eos_token")}
    special.end()
    prompts = _Reader(reader.take("prompts", dict), f"{file}: prompts")
    found = {key: prompts.take(key, dict, None) for key in MODES.values()}
    prompts.end()
    fusion = reader.take("fusion", dict, None)
    if fusion is not None:
        weights = _Reader(fusion, f"{file}: fusion")
        weights.take("first_stage", (int, float))
        weights.end()
    profile = Profile(
        id=reader.take("id", str),
        version=reader.take("version", (int, float)),
        kind=reader.take("kind", str),
        label_scale=parsed_scale,
        precision=reader.take("precision", str, "unknown"),
        max_tokens=reader.take("max_tokens", int),
        chat_template=reader.take("chat_template", str, None),
        special_tokens=special_tokens,
        prompts={key: _prompt(value, f"{file}: prompts.{key}") for key, value in found.items() if value is not None},
        score=reader.take("score", dict),
        fusion=fusion,
        rationale_notice=reader.take("rationale_notice", str, None),
        source=source,
    )
    reader.end()
    if profile.kind != "decoder":
        raise ProfileError(f'{file}: kind: only "decoder" is known.')
    if profile.max_tokens < 16:
        raise ProfileError(f"{file}: max_tokens: at least 16 are needed.")
    return profile


def _label(value: Any, where: str) -> Label:
    reader = _Reader(value, where)
    label = Label(reader.take("value", int), reader.take("name", str), reader.take("description", str))
    reader.end()
    return label


def _prompt(value: Any, where: str) -> Prompt:
    reader = _Reader(value, where)
    raw = reader.take("raw", str, None)
    messages = reader.take("messages", list, None)
    if (raw is None) == (messages is None):
        raise ProfileError(f'{where}: a prompt has either "raw" or "messages".')
    prompt = Prompt(
        raw=raw,
        messages=None if messages is None else tuple(_message(item, f"{where}.messages") for item in messages),
        add_generation_prompt=reader.take("add_generation_prompt", bool, True),
        answer=reader.take("answer", str),
        stop=tuple(reader.take("stop", list, [])),
        max_new_tokens=reader.take("max_new_tokens", int, 1),
        reads=tuple(_read(item, f"{where}.reads") for item in reader.take("reads", list, [])),
    )
    reader.end()
    _shape(prompt.answer)
    return prompt


def _message(value: Any, where: str) -> tuple[str, str]:
    reader = _Reader(value, where)
    message = (reader.take("role", str), reader.take("content", str))
    reader.end()
    return message


def _read(value: Any, where: str) -> ExpectedRead | LikelihoodRead:
    reader = _Reader(value, where)
    kind, name = reader.take("as", str), reader.take("name", str)
    read: ExpectedRead | LikelihoodRead
    if kind == "expected":
        tokens = reader.take("tokens", dict)
        read = ExpectedRead(
            name=name,
            after=reader.take("after", str),
            tokens=tuple((text, tokens[text]) for text in sorted(tokens, key=_javascript_key)),
            temperature=float(reader.take("temperature", (int, float), 1.0)),
        )
        if read.temperature <= 0:
            raise ProfileError(f"{where}.temperature: must be above 0.")
    elif kind == "mean_log_probability":
        read = LikelihoodRead(name=name, of=reader.take("of", str))
        if read.of != "query":
            raise ProfileError(f'{where}.of: only "query" is known.')
    else:
        raise ProfileError(f'{where}.as: "{kind}" is neither "expected" nor "mean_log_probability".')
    reader.end()
    return read


def _javascript_key(text: str) -> tuple[int, int]:
    """JavaScript goes through keys that are array indices in ascending order, then the rest as written (sort is stable)."""
    index = re.fullmatch(r"0|[1-9][0-9]*", text) is not None and int(text) < 2**32 - 1
    return (0, int(text)) if index else (1, 0)


# --- prompts and answers as text --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Segment:
    """Part of a rendered prompt: the template's own text (`slot` None), or what filled a slot (untrusted)."""

    text: str
    slot: str | None


def render_segments(template: str, query: str, document: str, title: str | None = None) -> list[Segment]:
    """The template with its slots filled in one pass, so that a document holding `{query}` stays what it is."""
    values = {"{query}": query, "{document}": document, "{title}": title or ""}
    return [
        Segment(_well_formed(values[part]), part[1:-1]) if part in values else Segment(part, None)
        for part in _PROMPT_SLOT.split(template)
        if part != ""
    ]


def render_prompt(prompt: Prompt, query: str, document: str, title: str | None = None) -> str | list[dict[str, str]]:
    """The raw text of a prompt, or its messages, which a chat template is then applied to (`prompt_segments`)."""
    if prompt.messages is None:
        return _text(render_segments(prompt.raw or "", query, document, title))
    return [
        {"role": role, "content": _text(render_segments(content, query, document, title))}
        for role, content in prompt.messages
    ]


def prompt_segments(
    profile: Profile, prompt: Prompt, query: str, document: str, title: str | None = None
) -> list[Segment]:
    """What a model gets, chat template included, its own text and untrusted text apart.

    Raises ProfileError when the prompt has messages and the profile no chat_template, or when the template fails, drops
    or repeats a slot.
    """
    if prompt.messages is None:
        return render_segments(prompt.raw or "", query, document, title)
    if profile.chat_template is None:
        raise ProfileError(f'profile {profile.id}: a prompt with messages needs "chat_template".')
    slots: list[Segment] = []
    messages = []
    for role, content in prompt.messages:
        parts = []
        for segment in render_segments(content, query, document, title):
            if segment.slot is None:
                parts.append(segment.text)
            else:
                slots.append(segment)
                # Private-use characters, which no template holds.
                parts.append(f"\ue000{len(slots) - 1}\ue001")
        messages.append({"role": role, "content": "".join(parts)})
    try:
        text = (
            _jinja()
            .from_string(profile.chat_template)
            .render(
                messages=messages,
                add_generation_prompt=prompt.add_generation_prompt,
                bos_token=profile.special_tokens.get("bos_token", ""),
                eos_token=profile.special_tokens.get("eos_token", ""),
            )
        )
    except TemplateError as error:
        raise ProfileError(f"profile {profile.id}: the chat template cannot be rendered: {error}.") from error
    parts = re.split("\ue000([0-9]+)\ue001", text)
    if [int(n) for n in parts[1::2]] != list(range(len(slots))):
        raise ProfileError(f"profile {profile.id}: the chat template drops, repeats or reorders a slot of the prompt.")
    segments = [Segment(part, None) if i % 2 == 0 else slots[int(part)] for i, part in enumerate(parts)]
    return [segment for segment in segments if segment.text != "" or segment.slot is not None]


def _jinja() -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
    )

    def raise_exception(message: str) -> None:
        raise TemplateError(message)

    environment.globals["raise_exception"] = raise_exception
    return environment


def render_answer(prompt: Prompt, label: int, explanation: str | None = None) -> str:
    """What the model is to answer: the answer template filled in. This is the training target."""
    values = {"{label}": str(label), "{explanation}": explanation or ""}
    return "".join(values.get(part, part) for part in _ANSWER_SLOT.split(prompt.answer))


@dataclass(frozen=True)
class _AnswerShape:
    before: str
    first: str
    between: str
    after: str
    single: bool


def _shape(template: str) -> _AnswerShape:
    parts = re.split(r"\{(label|explanation)\}", template)
    if (
        len(parts) not in (3, 5)
        or (len(parts) == 5 and parts[3] == parts[1])
        or (len(parts) == 3 and parts[1] != "label")
    ):
        raise ProfileError(f'answer template "{template}" must hold {{label}} once and {{explanation}} at most once.')
    return _AnswerShape(
        before=parts[0],
        first=parts[1],
        between=parts[2],
        after=parts[4] if len(parts) == 5 else "",
        single=len(parts) == 3,
    )


def explains(prompt: Prompt) -> bool:
    """Whether the answer holds an explanation."""
    return not _shape(prompt.answer).single


def text_after_label(prompt: Prompt) -> str | None:
    """The template's text between label and explanation (label-first): what is forced after the label has been read."""
    shape = _shape(prompt.answer)
    return shape.between if shape.first == "label" and not shape.single else None


@dataclass(frozen=True)
class ParsedAnswer:
    """An answer taken apart by its template."""

    label: int
    explanation: str | None


def parse_answer(prompt: Prompt, text: str, labels: tuple[int, ...] | list[int]) -> ParsedAnswer | None:
    """Reads an answer by its template: the label directly after the last anchor, as one of `labels`.

    None when there is none: unparsed is never a label.
    """
    shape = _shape(prompt.answer)
    anchor = (shape.before if shape.first == "label" else shape.between).strip(_SPACE)
    start = 0 if shape.first == "label" and anchor == "" else text.rfind(anchor)
    if start < 0:
        return None
    rest = text[start + len(anchor) :]
    match = _LABEL.match(rest)
    if match is None or int(match[1]) not in labels:
        return None
    label = int(match[1])
    if shape.single:
        return ParsedAnswer(label, None)
    if shape.first == "explanation":
        return ParsedAnswer(label, text[len(shape.before) : start].strip(_SPACE))
    tail = rest[match.end() :]
    divider = shape.between.strip(_SPACE)
    at = tail.find(divider)
    if at < 0:
        return ParsedAnswer(label, None)
    explanation = tail[at + len(divider) :]
    end = shape.after.strip(_SPACE)
    if end != "" and explanation.rstrip(_SPACE).endswith(end):
        explanation = explanation.rstrip(_SPACE)[: -len(end)]
    return ParsedAnswer(label, explanation.strip(_SPACE))


# --- token ids --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class EncodedPrompt:
    """Token ids of a prompt; per slot its [first, one past last] ids and the UTF-8 bytes its first 1, 2, … ids cover."""

    ids: list[int]
    spans: dict[str, tuple[int, int]]
    covered: dict[str, list[int]]


class PromptTokenizer:
    """A byte-level tokenizer without any special token of its own: nothing in a text can become one."""

    def __init__(self, backend: Tokenizer) -> None:
        file = json.loads(backend.to_str())
        self._special = {token["content"]: token["id"] for token in file["added_tokens"] if token["special"]}
        self._plain = Tokenizer.from_str(
            json.dumps({**file, "added_tokens": [], "post_processor": None, "truncation": None, "padding": None})
        )
        names = sorted(self._special, key=len, reverse=True)
        self._pattern = re.compile("(" + "|".join(map(re.escape, names)) + ")") if names else None

    def encode(self, text: str) -> list[int]:
        """Ids of a text, special tokens disabled."""
        return self._plain.encode(text, add_special_tokens=False).ids if text else []

    def special_id(self, token: str) -> int | None:
        return self._special.get(token)

    @property
    def special_ids(self) -> frozenset[int]:
        """Generated text ends at any of these."""
        return frozenset(self._special.values())

    def holds_special(self, text: str) -> bool:
        """Whether a text spells a special token, which other tokenizers would take for one."""
        return self._pattern is not None and self._pattern.search(text) is not None

    def decode(self, ids: list[int]) -> str:
        """Text of ids that were generated; incomplete UTF-8 at the end is left out."""
        return self._plain.decode(ids, skip_special_tokens=False).rstrip("\ufffd") if ids else ""

    def encode_prompt(self, segments: list[Segment]) -> EncodedPrompt:
        """Ids of segments: the template's own special tokens are single ids, all between them is encoded whole."""
        encoded = EncodedPrompt([], {}, {})
        stretch: list[Segment] = []
        for segment in segments:
            if segment.slot is not None:
                stretch.append(segment)
                continue
            for part in self._pattern.split(segment.text) if self._pattern else [segment.text]:
                special = self._special.get(part)
                if special is not None:
                    self._encode_stretch(stretch, encoded)
                    stretch = []
                    encoded.ids.append(special)
                elif part != "":
                    stretch.append(Segment(part, None))
        self._encode_stretch(stretch, encoded)
        return encoded

    def _encode_stretch(self, stretch: list[Segment], encoded: EncodedPrompt) -> None:
        text = _text(stretch)
        if text == "":
            return
        encoding = self._plain.encode(text, add_special_tokens=False)
        first = len(encoded.ids)
        encoded.ids.extend(encoding.ids)
        # Byte-level BPE writes one character per UTF-8 byte, so a token's length in characters is its length in bytes.
        ends: list[int] = []
        end = 0
        for token in encoding.tokens:
            end += len(token)
            ends.append(end)
        start = 0
        for segment in stretch:
            to = start + len(segment.text.encode("utf-8"))
            if segment.slot is not None:
                a = next((i for i, e in enumerate(ends) if e > start), -1)
                b = next((i for i, e in enumerate(ends) if e >= to), -1)
                filled = to > start and a >= 0 and b >= 0
                whole = (first + len(ends), first + len(ends))
                encoded.spans[segment.slot] = (first + a, first + b + 1) if filled else whole
                encoded.covered[segment.slot] = [min(to - start, e - start) for e in ends[a : b + 1]] if filled else []
            start = to


_tokenizers: weakref.WeakKeyDictionary[Any, PromptTokenizer] = weakref.WeakKeyDictionary()


def prompt_tokenizer(tokenizer: Any) -> PromptTokenizer:
    """The PromptTokenizer of a transformers fast tokenizer, made once."""
    if isinstance(tokenizer, PromptTokenizer):
        return tokenizer
    found = _tokenizers.get(tokenizer)
    if found is None:
        backend = getattr(tokenizer, "backend_tokenizer", tokenizer)
        if not isinstance(backend, Tokenizer):
            raise ProfileError(
                f"{type(tokenizer).__name__} is no fast tokenizer; a model folder needs its tokenizer.json."
            )
        found = _tokenizers[tokenizer] = PromptTokenizer(backend)
    return found


@dataclass(frozen=True)
class LabelToken:
    """One label token of a read: the id whose logit says `value`."""

    id: int
    value: int | float


def label_token_ids(tokenizer: Any, prompt: Prompt, scale: Scale | None = None) -> list[LabelToken]:
    """The label tokens of a prompt's expected read, in the profile's order.

    Each label must be exactly one token after the anchor, and another one than the other labels'; with `scale` their
    values must be its values in order. Raises ProfileError naming the label otherwise.
    """
    plain = prompt_tokenizer(tokenizer)
    read = prompt.expected
    if read is None:
        raise ProfileError("the prompt reads no label.")
    anchor = plain.encode(read.after)
    found: list[LabelToken] = []
    for text, value in read.tokens:
        ids = plain.encode(read.after + text)
        if len(ids) != len(anchor) + 1 or ids[:-1] != anchor:
            raise ProfileError(f'"{text}" is not exactly one token after "{read.after}" in this model\'s vocabulary.')
        found.append(LabelToken(ids[-1], value))
    if len({token.id for token in found}) != len(found):
        raise ProfileError(f'two labels share one token after "{read.after}".')
    if scale is not None and [token.value for token in found] != list(scale.values):
        raise ProfileError(f"the label tokens do not match the scale {scale.name}.")
    return found


@dataclass(frozen=True)
class PreparedPrompt:
    """A pair as a model gets it. `query` and `document_end` (code points) say what of the prompt is what."""

    ids: list[int]
    query: tuple[int, int]
    document_end: int
    sha256: str


class BoundPrompt:
    """The prompt of one mode, bound to a tokenizer: label tokens found, pairs encoded and cut to fit."""

    def __init__(self, profile: Profile, mode: Mode, tokenizer: Any) -> None:
        """Raises ProfileError when the mode is not offered or its label cannot be read exactly."""
        self.profile = profile
        self.mode = mode
        self.prompt = profile.prompt(mode)
        self.tokenizer = prompt_tokenizer(tokenizer)
        read = self.prompt.expected
        if read is not None:
            segments = self._segments("", "", None)
            # An explain-first prompt reads its label inside the answer, where the template puts the anchor.
            if mode != "explain-first" and not (segments and segments[-1].text.endswith(read.after)):
                raise ProfileError(
                    f'profile {profile.id}: the {mode} prompt must end with "{read.after}", where the label is read.'
                )
            self.labels = label_token_ids(self.tokenizer, self.prompt, profile.label_scale)
        elif mode == "explain-first":
            self.labels = []
        else:
            raise ProfileError(f"profile {profile.id}: {mode} reads no label.")

    @property
    def answer_tokens(self) -> int:
        """Tokens kept free for the answer: what is forced before the rationale, and the longest rationale."""
        if self.mode == "score":
            return 0
        forced = (text_after_label(self.prompt) or "").rstrip(_SPACE)
        return 1 + len(self.tokenizer.encode(forced)) + self.prompt.max_new_tokens

    def prepare(
        self, query: str, document: str, title: str | None = None, *, max_document_tokens: int | None = None
    ) -> PreparedPrompt:
        """Encodes a pair, cutting the document at its end so that prompt and answer fit the profile's max_tokens.

        `max_document_tokens` cuts it shorter (training does, inference never). Raises QuestionTooLong when the question
        leaves no room for a document, and ProfileError when nothing of this one fits.
        """
        room = self.profile.max_tokens - self.answer_tokens
        bare = len(self._encode(query, "", None).ids)
        if room - bare < MIN_DOCUMENT_TOKENS:
            raise QuestionTooLong(
                f"The question is too long: with the prompt and the answer it takes {bare + self.answer_tokens} of the "
                f"model's {self.profile.max_tokens} tokens. Shorten it."
            )
        if max_document_tokens is not None:
            with_title = len(self._encode(query, "", title).ids)
            room = min(room, with_title + max_document_tokens)
        units = room * USUAL_CHARACTERS_PER_TOKEN
        cut = document[:units]
        encoded = self._encode(query, cut, title)
        while len(encoded.ids) < room and len(cut) < len(document):
            units *= 4
            cut = document[:units]
            encoded = self._encode(query, cut, title)
        # Cutting text can merge or split tokens at the cut, so the cut is checked and repeated.
        while len(encoded.ids) > room:
            covered = encoded.covered.get("document", [])
            last = len(covered) - 1 - (len(encoded.ids) - room)
            shorter = _cut_bytes(cut, covered[last] if last >= 0 else 0)
            if shorter == "" or len(shorter) >= len(cut):
                raise ProfileError("Nothing of the document fits beside the question and its title.")
            cut = shorter
            encoded = self._encode(query, cut, title)
        return PreparedPrompt(
            ids=encoded.ids,
            query=encoded.spans.get("query", (0, 0)),
            document_end=len(cut),
            sha256=hashlib.sha256(_text(self._segments(query, cut, title)).encode("utf-8")).hexdigest(),
        )

    def target_ids(self, label: int, explanation: str | None = None) -> list[int]:
        """Ids of the training target: the filled answer template, tokenised as it is generated after the prompt.

        After a label-first prompt the label is one token of its own, as the reader picks it, and the rest follows.
        """
        text = render_answer(self.prompt, label, explanation)
        by_value = {token.value: token.id for token in self.labels}
        if self.mode == "explain-first" or label not in by_value or not text.startswith(str(label)):
            return self.tokenizer.encode(text)
        return [by_value[label], *self.tokenizer.encode(text[len(str(label)) :])]

    def end_ids(self) -> list[int]:
        """What ends an answer, as ids: nothing where the answer template holds a stop text, else a stop of the profile.

        The first that is a special token, since no explanation can hold it, or the first.
        """
        if any(stop in self.prompt.answer for stop in self.prompt.stop if stop.strip(_SPACE)):
            return []
        special = [self.tokenizer.special_id(stop) for stop in self.prompt.stop]
        found = next((token for token in special if token is not None), None)
        if found is not None:
            return [found]
        return self.tokenizer.encode(self.prompt.stop[0]) if self.prompt.stop else []

    def _segments(self, query: str, document: str, title: str | None) -> list[Segment]:
        return prompt_segments(self.profile, self.prompt, query, document, title)

    def _encode(self, query: str, document: str, title: str | None) -> EncodedPrompt:
        return self.tokenizer.encode_prompt(self._segments(query, document, title))


def _text(segments: list[Segment]) -> str:
    return "".join(segment.text for segment in segments)


def _well_formed(text: str) -> str:
    """JavaScript's toWellFormed: half a surrogate pair, which JSON can hold, becomes U+FFFD."""
    return re.sub("[\ud800-\udfff]", "\ufffd", text)


def _cut_bytes(text: str, size: int) -> str:
    """The longest start of a text that takes at most `size` bytes in UTF-8 and halves no character."""
    return _well_formed(text).encode("utf-8")[: max(0, size)].decode("utf-8", "ignore")
