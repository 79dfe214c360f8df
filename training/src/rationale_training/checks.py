"""Rule-based checks of a rationale: does it quote what is there, agree with its label, say something once, and end?

They filter teacher text before training, score samples in `rewards.py`, and count faults in reports. None needs a model,
all are deterministic, and `CHECKS_VERSION` grows when an outcome may change for the same text, so that counts of two
versions are not compared.

`src/annotation/checks.ts` has the extension's own three checks (`empty`, `repetition`, `contradiction`). What it flags is
flagged here, too (tests/test_checks.py compares); these are stricter, since they choose training text instead of pointing a
reader at a row: a clause that stands twice is a repetition here, three times there; contradiction knows more wordings and
the middle of the scale.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from rationale_training.profile import Prompt, explains, parse_answer, render_answer

CHECKS_VERSION = 1

#: What each check says about a text that fails it.
TITLES = {
    "empty": "no explanation",
    "repetition": "a clause or a stretch of words stands twice",
    "contradiction": "label and explanation contradict each other",
    "length": "not one to three sentences of 4 to 90 words together",
    "quote": "a quoted span does not occur in the document, or a quotation is not closed",
    "unsupported": "more than half of the sentences have little to do with document and question",
    "labels": "the explanation names a label itself",
    "given_away": "the first sentence already gives the verdict",
    "anchor": "the answer does not end with the label, as its template asks",
}

SENTENCES = (1, 3)
WORDS = (4, 90)
#: A clause shorter than this may well stand twice.
CLAUSE_WORDS = 4
#: Words of a stretch that may not stand twice outside quotations.
STRETCH = 6
#: A sentence is supported when this share of its content words is in document or question, and so many sentences must be.
SUPPORT = 0.5

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_QUOTES = re.compile(
    # Straight double, curly double, guillemets, curly single, straight single around several words.
    r"\"([^\"]*)\"|“([^“”]*)”|«([^«»]*)»|(?<!\w)‘([^‘]*?)’(?!\w)|(?<!\w)'([^'\s][^']*\s[^']*[^'\s])'(?!\w)"
)
_SENTENCE_END = re.compile(r"(?<=[.!?…])[\"”’)\]]*\s+(?=[\"“‘(\[]?[^\Wa-z_])|\n+")
_CLAUSE_END = re.compile(r"[.!?;:,\n…]+|\s[-–—]\s|\b(?:and|but|because|so|while|which|that)\b", re.IGNORECASE)

# Words that carry no claim of their own.
_STOP = frozenset(
    """a about above after again all also although an and another any are as at be because been before being between both
    but by can cannot could did do does doing for from further had has have having he her here his how however i if in
    into is it its just like many may might more most much must no nor not of on once only or other our out over own
    rather same she should since so some such than that the their them then there these they this those through thus to
    too under until up upon very was we well were what when where whether which while who whom whose why will with within
    without would yet you your""".split()  # noqa: SIM905
)
# Words in which a rationale speaks about relevance; any document is "supported" by them.
_META = frozenset(
    """address addresses addressed addressing answer answering answers asked asking asks abstract article concerned
    concerns contain contains cover covers covered covering describe described describes detail details directly discuss
    discusses discussed does doesn't document documents else explain explained explains explicitly focus focuses fully
    gives give giving help helpful helps information instead irrelevant item label main mainly matter mention mentioned
    mentions only paper part partial partially partly passage provide provided provides query question questions reader
    related relates relevance relevant says section something specific state stated states subject text touches topic
    touch unrelated use useful user nothing speak speaks want wants""".split()  # noqa: SIM905
)

_DENIAL = re.compile(
    r"\b(?:not|never|cannot|n't|nor|no|without|fails?\s+to|hardly|nothing|neither)\b(?:\W+\w+){0,4}?\W*$|n['’]t(?:\W+\w+){0,4}?\W*$",
    re.IGNORECASE,
)
_IRRELEVANT = re.compile(
    r"\b(?:not\s+(?:at\s+all\s+)?relevant|irrelevant|unrelated|not\s+related|has\s+nothing\s+to\s+do|"
    r"about\s+something\s+(?:else|different)|about\s+(?:an?other|a\s+different)\s+(?:topic|subject|matter)|"
    r"(?:provides?|contains?|gives?|has)\s+no\s+(?:useful\s+)?(?:information|answer))\b",
    re.IGNORECASE,
)
# "is not irrelevant", "not completely unrelated": no verdict.
_NOT_IRRELEVANT = re.compile(r"\b(?:not|n't|hardly)\s+(?:\w+\s+)?$", re.IGNORECASE)
_RELEVANT = re.compile(r"\b(?:is|are|was|seems|appears|makes\s+it)\s+(?:\w+ly\s+)?relevant\b", re.IGNORECASE)
_ANSWERS = re.compile(r"\b(?:directly|fully|completely)\s+(?:answers?|addresse?s?|explains?)\b", re.IGNORECASE)
_ANSWERS_QUESTION = re.compile(r"\banswers?\s+(?:the|this|that)\s+(?:question|query)\b", re.IGNORECASE)
_DOES_NOT_ANSWER = re.compile(
    r"(?:\b(?:does|do|did|can)\s*(?:not|n['’]t)|\bcannot|\bfails?\s+to|\bnever)\s+(?:\w+ly\s+)?"
    r"(?:answer|address|help|discuss|cover|concern)\b",
    re.IGNORECASE,
)
_PARTIAL = re.compile(r"\b(?:only\s+)?(?:partially|partly|somewhat|marginally)\s+(?:relevant|related)\b", re.IGNORECASE)
_NAMES_LABEL = re.compile(
    r"\b(?:relevance\s+)?(?:label|grade|score|rating)\b\s*(?:is|of|=|:|-)?\s*[\"“(]?-?\d+\b|##", re.IGNORECASE
)
_VERDICT = re.compile(
    r"\b(?:(?:is|are|seems|appears)\s+(?:\w+ly\s+)?(?:not\s+)?(?:\w+ly\s+)?(?:relevant|irrelevant|unrelated)|"
    r"(?:partially|partly|highly|fully)\s+relevant|irrelevant|not\s+relevant)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Checked:
    """What the checks found in one rationale; `failed` holds names of `TITLES` in their order."""

    failed: tuple[str, ...]
    sentences: int
    words: int
    quotes: int
    #: Quoted spans that occur in the document, word for word.
    verbatim: int
    #: Share of sentences supported by document and question.
    support: float

    @property
    def good(self) -> bool:
        return not self.failed


def check(
    explanation: str | None,
    label: int | None,
    document: str,
    query: str = "",
    *,
    labels: Sequence[int] = (0, 1, 2),
    verdict_comes_last: bool = False,
) -> Checked:
    """Checks a rationale. `labels` are the scale's values in ascending order; `verdict_comes_last` adds `given_away`, which
    only makes sense where the label follows the explanation."""
    text = (explanation or "").strip()
    if text == "":
        return Checked(("empty",), 0, 0, 0, 0, 0.0)
    found = quotes_of(text)
    verbatim = sum(is_verbatim(quote, document) for quote in found)
    parts = sentences_of(text)
    count = len(words_of(text))
    supported = support(text, document, query)
    failed = {
        "repetition": repeats(text),
        "contradiction": label is not None and contradicts(text, label, labels),
        "length": not (SENTENCES[0] <= len(parts) <= SENTENCES[1] and WORDS[0] <= count <= WORDS[1]),
        "quote": verbatim < len(found) or has_open_quote(text),
        "unsupported": supported < SUPPORT,
        "labels": names_label(text),
        "given_away": verdict_comes_last and gives_away(text),
    }
    return Checked(
        tuple(name for name in TITLES if failed.get(name)), len(parts), count, len(found), verbatim, supported
    )


def check_answer(prompt: Prompt, text: str, document: str, query: str = "", *, labels: Sequence[int]) -> Checked:
    """`check` of a whole answer as the model wrote it, by its template, with `anchor` where it does not end as it must."""
    parsed = parse_answer(prompt, text, list(labels))
    if parsed is None:
        found = check(text, None, document, query, labels=labels)
    else:
        first = prompt.answer.find("{explanation}") < prompt.answer.find("{label}")
        found = check(
            parsed.explanation,
            parsed.label,
            document,
            query,
            labels=labels,
            verdict_comes_last=explains(prompt) and first,
        )
    if ends_with_anchor(prompt, text, labels):
        return found
    return Checked((*found.failed, "anchor"), *(getattr(found, f) for f in _MEASURES))


_MEASURES = ("sentences", "words", "quotes", "verbatim", "support")


def ends_with_anchor(prompt: Prompt, text: str, labels: Sequence[int]) -> bool:
    """Whether an answer ends as its template does: with the label (and its closing text, whose stop may be cut off).

    Where the explanation comes last there is no anchor to see; then it must end as a sentence does.
    """
    parsed = parse_answer(prompt, text, list(labels))
    if parsed is None:
        return False
    if not explains(prompt):
        return text.strip() in {str(parsed.label), render_answer(prompt, parsed.label).strip()}
    if prompt.answer.find("{label}") < prompt.answer.find("{explanation}"):
        return (parsed.explanation or "").rstrip("\"”’'»)]").endswith((".", "!", "?", "…"))
    whole = render_answer(prompt, parsed.label, "")
    ends = {whole.strip()}
    for stop in prompt.stop:
        at = whole.find(stop)
        if at > 0:
            ends.add(whole[:at].strip())
    return any(text.strip().endswith(end) for end in ends)


# --- the single checks ------------------------------------------------------------------------------------------------


def words_of(text: str) -> list[str]:
    """Lower-case words."""
    return [word.lower() for word in _WORD.findall(text)]


def sentences_of(text: str) -> list[str]:
    """Sentences; what stands in quotation marks is one piece, however many sentences it holds."""
    held: list[str] = []

    def hold(match: re.Match[str]) -> str:
        held.append(match[0])
        # The end of a quoted sentence ends the sentence around it: `It says: "No." Then …`
        end = match[0].rstrip("\"”’'»")[-1:]
        return f"Q{len(held) - 1}\ue000" + (end if end in (".", "!", "?", "…") else "")

    masked = _QUOTES.sub(hold, text.strip())
    parts = [part.strip() for part in _SENTENCE_END.split(masked)]

    def unmask(match: re.Match[str]) -> str:
        return held[int(match[1])]

    return [re.sub(r"Q(\d+)\ue000[.!?…]?", unmask, part) for part in parts if _WORD.search(part)]


def quotes_of(text: str) -> list[str]:
    """What stands in quotation marks, straight and curly, without the marks; single ones only around several words."""
    return [
        span for match in _QUOTES.finditer(text) if (span := next(g for g in match.groups() if g is not None)).strip()
    ]


def has_open_quote(text: str) -> bool:
    """A double quotation mark without its partner."""
    rest = _QUOTES.sub("", text)
    # 5" is an inch mark.
    return re.search(r"(?<!\d)\"|[“”]", rest) is not None


@lru_cache(maxsize=4096)
def _flat(text: str) -> str:
    text = unicodedata.normalize("NFKC", text)
    text = text.translate({ord(c): '"' for c in "“”„«»"} | {ord(c): "'" for c in "‘’‚"} | {ord(c): "-" for c in "‐‑–—"})
    return " ".join(text.split())


def is_verbatim(quote: str, document: str) -> bool:
    """Whether a quoted span occurs in the document: white space, the kind of quotation mark and of dash, and punctuation at
    its ends aside. Where it leaves something out (…, ..., [...]) its pieces must come in this order."""
    flat = _flat(document)
    at = 0
    for piece in re.split(r"\[?(?:…|\.\.\.)\]?", _flat(quote)):
        piece = piece.strip(" .,;:!?'\"")
        if piece == "":
            continue
        at = flat.find(piece, at)
        if at < 0:
            return False
        at += len(piece)
    return True


def repeats(text: str) -> bool:
    """A clause of 4 words or more twice, a stretch of 6 words twice (quotations aside), the same quotation twice, or a
    stretch of 8 words three times."""
    bare = _QUOTES.sub(" … ", text)
    clauses = [" ".join(w) for part in _CLAUSE_END.split(bare) if len(w := words_of(part)) >= CLAUSE_WORDS]
    if _most(clauses) > 1:
        return True
    spans = [" ".join(w) for quote in quotes_of(text) if len(w := words_of(quote)) >= CLAUSE_WORDS]
    return _most(spans) > 1 or _most(_stretches(words_of(bare), STRETCH)) > 1 or _thrice(text)


def _thrice(text: str) -> bool:
    """The extension's own rule."""
    sentences = [" ".join(w) for part in re.split(r"[.!?\n]+", text) if len(w := words_of(part)) >= 4]
    plain = re.findall(r"[^\W_]+", text.lower())
    return _most(sentences) > 2 or _most(_stretches(plain, 8)) > 2


def _stretches(words: list[str], size: int) -> list[str]:
    return [" ".join(words[i : i + size]) for i in range(len(words) - size + 1)]


def _most(parts: Iterable[str]) -> int:
    return max(Counter(parts).values(), default=0)


def contradicts(text: str, label: int, labels: Sequence[int]) -> bool:
    """Whether the explanation says another verdict than the label: not relevant under the highest one, an answer under the
    lowest, either of them under one between; or another label's number. Quotations are the document's words, not a verdict."""
    own = _QUOTES.sub(" … ", text)
    low, high = min(labels), max(labels)
    # The extension looks at the whole text; so must whoever flags what it flags.
    denies = any(_NOT_IRRELEVANT.search(own[: m.start()]) is None for m in _IRRELEVANT.finditer(own)) or bool(
        label == high and re.search(_EXTENSION_IRRELEVANT, text)
    )
    affirms = _affirmed(own, _RELEVANT) or _affirmed(own, _ANSWERS_QUESTION)
    answers = _affirmed(own, _ANSWERS) or bool(
        label == low and re.search(_EXTENSION_ANSWERS, text) and not re.search(_EXTENSION_NEGATED, text)
    )
    partial = _PARTIAL.search(own) is not None
    named = re.search(r"\blabel\b\s*(?:is|of|=|:)?\s*(-?\d+)\b", own, re.IGNORECASE)
    if named is not None and int(named[1]) in labels and int(named[1]) != label:
        return True
    if label == high:
        return denies or partial or (_DOES_NOT_ANSWER.search(own) is not None and not (affirms or answers))
    if label == low:
        return answers or affirms or partial
    return denies or answers


_EXTENSION_IRRELEVANT = re.compile(
    r"\b(?:is|are|was)\s+(?:completely\s+|entirely\s+|therefore\s+|thus\s+)?(?:not\s+relevant|irrelevant)\b",
    re.IGNORECASE,
)
_EXTENSION_ANSWERS = re.compile(r"\b(?:directly|fully|completely)\s+(?:answers?|addresse?s?)\b", re.IGNORECASE)
_EXTENSION_NEGATED = re.compile(
    r"\b(?:not|never|n't|nor|fails?\s+to|does\s+not)\s+(?:\w+\s+)?(?:directly|fully|completely)\s+(?:answers?|addresse?s?)\b",
    re.IGNORECASE,
)


def _affirmed(text: str, pattern: re.Pattern[str]) -> bool:
    """Whether the pattern stands somewhere without a negation in the few words before it."""
    for match in pattern.finditer(text):
        before = re.split(r"[.!?;,\n]|\bbut\b", text[: match.start()])[-1]
        if _DENIAL.search(before) is None and not _PARTIAL.search(match[0]):
            return True
    return False


def names_label(text: str) -> bool:
    """Whether an explanation names a label by its number ("label 2", "relevance label: 1") or holds the closing mark."""
    return _NAMES_LABEL.search(_QUOTES.sub(" … ", text)) is not None


def gives_away(text: str) -> bool:
    """Whether the first of several sentences, or the only one, is a verdict: then what follows argues for what is said."""
    first = next(iter(sentences_of(text)), "")
    own = _QUOTES.sub(" … ", first)
    return _VERDICT.search(own) is not None or names_label(own)


def content_words(text: str) -> list[str]:
    """Words that carry a claim, cut to a crude stem, so that "computes" supports "computing"."""
    return [_stem(w) for w in words_of(text) if len(w) > 2 and w not in _STOP and w not in _META]


def _stem(word: str) -> str:
    word = re.sub(r"['’]s?$", "", word)
    for ending in ("ations", "ation", "ings", "ing", "ers", "ied", "ies", "ed", "es", "er", "ly", "s", "e"):
        if word.endswith(ending) and len(word) - len(ending) >= 4:
            return word[: -len(ending)]
    return word


def support(explanation: str, document: str, query: str = "") -> float:
    """Share of the sentences half of whose content words are in the document or the question. A sentence without content
    words ("It does not answer the question.") is neither; without any other sentence the share is 0."""
    known = _stems(document) | _stems(query)
    shares = []
    for sentence in sentences_of(explanation):
        words = content_words(sentence)
        if words:
            shares.append(sum(word in known for word in words) / len(words) >= SUPPORT)
    return sum(shares) / len(shares) if shares else 0.0


def grounding(explanation: str, document: str) -> float:
    """Share of the content words of an explanation, each counted once, that the document has."""
    words = set(content_words(explanation))
    return len(words & _stems(document)) / len(words) if words else 0.0


@lru_cache(maxsize=4096)
def _stems(text: str) -> frozenset[str]:
    return frozenset(content_words(text))
