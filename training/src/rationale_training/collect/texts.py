"""What sources have in common: a question and a document in one shape, and HTML as plain text."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any


@dataclass(frozen=True)
class Document:
    """A document as it will be ranked. `origin` is its id in the source, `id` is unique over all sources."""

    id: str
    origin: str
    source: str
    title: str | None
    text: str


@dataclass(frozen=True)
class Positive:
    """Why a document counts as an answer to a query."""

    doc_id: str
    #: accepted, answer, link, duplicate (a question marked as one has this answer), judged.
    relation: str
    #: The source's own grade: votes of an answer, relevance in qrels; None where there is none.
    grade: int | None = None


@dataclass
class Query:
    """A question with what its source says answers it."""

    id: str
    origin: str
    source: str
    text: str
    title: str | None = None
    body: str | None = None
    positives: list[Positive] = field(default_factory=list)
    #: Documents that the source judged as not relevant.
    judged_not: list[str] = field(default_factory=list)
    #: What the answers link to: `{url, text}`.
    links: list[dict[str, str]] = field(default_factory=list)
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass
class Collected:
    """What the sources gave. Ids are unique; `left_out` counts what a source held and why it did not come in."""

    queries: list[Query] = field(default_factory=list)
    documents: dict[str, Document] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)

    def leave_out(self, reason: str, count: int = 1) -> None:
        self.left_out[reason] = self.left_out.get(reason, 0) + count


_BLOCKS = frozenset("p div br li ul ol h1 h2 h3 h4 h5 h6 blockquote pre tr table hr section article".split())
_SILENT = frozenset(("script", "style", "head"))


class _Plain(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.links: list[dict[str, str]] = []
        self._silent = 0
        self._verbatim = 0
        self._anchor: list[str] | None = None
        self._href = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _SILENT:
            self._silent += 1
        if tag in _BLOCKS:
            self.parts.append("\n\n" if tag in ("p", "pre", "blockquote", "div") else "\n")
        if tag == "pre":
            self._verbatim += 1
        if tag == "a":
            self._anchor, self._href = [], dict(attrs).get("href") or ""

    def handle_endtag(self, tag: str) -> None:
        if tag in _SILENT and self._silent:
            self._silent -= 1
        if tag in _BLOCKS:
            self.parts.append("\n")
        if tag == "pre" and self._verbatim:
            self._verbatim -= 1
        if tag == "a" and self._anchor is not None:
            if self._href.startswith(("http://", "https://")):
                self.links.append({"url": self._href, "text": " ".join("".join(self._anchor).split())})
            self._anchor = None

    def handle_data(self, data: str) -> None:
        if self._silent:
            return
        if self._anchor is not None:
            self._anchor.append(data)
        self.parts.append(data if self._verbatim else re.sub(r"\s+", " ", data))


def plain_text(html: str) -> tuple[str, list[dict[str, str]]]:
    """The text of an HTML fragment (paragraphs apart, code with its line breaks) and its outward links."""
    parser = _Plain()
    parser.feed(html)
    parser.close()
    lines = [line.rstrip() for line in "".join(parser.parts).split("\n")]
    lines = [line if line.startswith("  ") else line.strip() for line in lines]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip(), parser.links


def passages(text: str, words: int) -> Iterator[str]:
    """`text` in pieces of at most `words` words, cut between paragraphs where it can be and between words else."""
    if len(text.split()) <= words:
        yield text
        return
    piece: list[str] = []
    size = 0
    for paragraph in re.split(r"\n\s*\n", text):
        for part in _cut(paragraph, words):
            length = len(part.split())
            if piece and size + length > words:
                yield "\n\n".join(piece)
                piece, size = [], 0
            piece.append(part)
            size += length
    if piece:
        yield "\n\n".join(piece)


def _cut(paragraph: str, words: int) -> Iterator[str]:
    tokens = paragraph.split()
    if len(tokens) <= words:
        if tokens:
            yield paragraph.strip()
        return
    for at in range(0, len(tokens), words):
        yield " ".join(tokens[at : at + words])
