"""One reader for each kind of source. Each fills a `Collected` with queries, documents and why they belong together, and
counts what it leaves out; none decides what is a duplicate, a leak or a negative.
"""

import gzip
import hashlib
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from rationale_training.collect.duplicates import read_qrels
from rationale_training.collect.jsonlines import identity, read_objects, string
from rationale_training.collect.settings import Source
from rationale_training.collect.texts import Collected, Document, Positive, Query, passages, plain_text
from rationale_training.errors import UserError
from rationale_training.judgements import id_of_text, well_formed
from rationale_training.manifest import progress

TEXT_NAMES = ("text", "contents", "content", "body", "document", "passage", "abstract")
TEXT_FILES = frozenset((".txt", ".md", ".markdown", ".rst", ".adoc", ".tex", ".html", ".htm"))


def read_source(source: Source, seed: int, collected: Collected) -> None:
    """Reads a source into `collected`. Raises UserError naming file and line where it is not what its kind says."""
    readers: dict[str, Callable[[_Into], None]] = {
        "stackexchange": _stackexchange,
        "questions": _questions,
        "documents": _documents,
        "beir": _beir,
        "trec": _trec,
    }
    readers[source.kind](_Into(source, seed, collected))


class _Into:
    """A source on its way into `collected`: ids get the source's name, texts the bounds of its settings."""

    def __init__(self, source: Source, seed: int, collected: Collected) -> None:
        self.source = source
        self.seed = seed
        self.collected = collected

    def leave_out(self, reason: str, count: int = 1) -> None:
        self.collected.leave_out(f"{self.source.name}: {reason}", count)

    def text(self, text: str) -> tuple[str, list[dict[str, str]]]:
        return plain_text(text) if self.source.html else (text.strip(), [])

    def document(self, origin: str, title: str | None, text: str, *, whole: bool = True) -> list[str]:
        """Adds a document (unless `whole`, in passages); ids of what came in."""
        ids = []
        title = " ".join(title.split()) if title and title.strip() else None
        pieces = [text] if whole else list(passages(text, self.source.passage_words))
        for number, piece in enumerate(pieces):
            words = len(piece.split())
            if words < self.source.min_words:
                self.leave_out(f"documents of fewer than {self.source.min_words} words")
                continue
            if words > self.source.max_words:
                piece = next(passages(piece, self.source.max_words))
                self.leave_out(f"ends of documents of more than {self.source.max_words} words")
            own = origin if len(pieces) == 1 else f"{origin}#{number}"
            document = Document(f"{self.source.name}:{own}", own, self.source.name, title, well_formed(piece))
            if document.id in self.collected.documents:
                raise UserError(f"{self.source.path}: the document id {own!r} occurs twice.")
            self.collected.documents[document.id] = document
            ids.append(document.id)
        return ids

    def query(self, origin: str, text: str, **more: Any) -> Query | None:
        text = text.strip()
        if not text:
            self.leave_out("queries without text")
            return None
        query = Query(f"{self.source.name}:{origin}", origin, self.source.name, well_formed(text), **more)
        self.collected.queries.append(query)
        return query

    def chosen(self, ids: Iterator[str]) -> set[str]:
        """At most `limit` of the ids: those whose hash with the seed is smallest, whatever order they come in."""
        every = list(ids)
        if self.source.limit is None or len(every) <= self.source.limit:
            return set(every)
        self.leave_out("questions over the limit", len(every) - self.source.limit)
        return set(
            sorted(every, key=lambda one: hashlib.sha256(f"{self.seed}\n{one}".encode()).digest())[: self.source.limit]
        )


# ── StackExchange ───────────────────────────────────────────────────────────────────────────────────────────────────


def _xml_rows(path: Path, label: str) -> Iterator[dict[str, str]]:
    """Attributes of each <row> of a dump's file, which may be larger than memory."""
    try:
        with path.open("rb") as stream:
            parser = ElementTree.iterparse(stream, events=("start", "end"))
            _, root = next(parser)
            for event, element in progress(parser, None, label):
                if event == "end" and element.tag == "row":
                    yield dict(element.attrib)
                    root.clear()
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}.") from error
    except (ElementTree.ParseError, StopIteration) as error:
        raise UserError(f"{path} is not the XML of a StackExchange dump: {error or 'it is empty'}.") from error


def _number(row: dict[str, str], name: str) -> int:
    try:
        return int(row.get(name, "0"))
    except ValueError:
        return 0


def _stackexchange(into: _Into) -> None:
    source = into.source
    posts = source.path / "Posts.xml"
    if not posts.exists():
        raise UserError(f"{source.path} holds no Posts.xml: unpack the dump's 7z file first.")
    # First pass: which questions. Second: their texts, and the answers to them and to what they link to.
    candidates: list[str] = []
    for row in _xml_rows(posts, f"{source.name}: questions"):
        if row.get("PostTypeId") != "1":
            continue
        if _number(row, "AnswerCount") < 1 or _number(row, "Score") < source.min_question_score:
            into.leave_out("questions without an answer or with too low a score")
            continue
        candidates.append(row["Id"])
    chosen = into.chosen(iter(candidates))
    links: dict[str, list[tuple[str, str]]] = {}
    linked: set[str] = set()
    link_file = source.path / "PostLinks.xml"
    if link_file.exists():
        for row in _xml_rows(link_file, f"{source.name}: links"):
            relation = {"1": "link", "3": "duplicate"}.get(row.get("LinkTypeId", ""))
            if relation and row.get("PostId") in chosen and "RelatedPostId" in row:
                links.setdefault(row["PostId"], []).append((row["RelatedPostId"], relation))
                linked.add(row["RelatedPostId"])
    questions: dict[str, dict[str, str]] = {}
    accepted: set[str] = set()
    answers: dict[str, list[dict[str, str]]] = {}
    for row in _xml_rows(posts, f"{source.name}: answers"):
        kind, identity_, parent = row.get("PostTypeId"), row.get("Id", ""), row.get("ParentId", "")
        if kind == "1" and identity_ in chosen:
            questions[identity_] = row
        if kind == "1" and (identity_ in chosen or identity_ in linked) and row.get("AcceptedAnswerId"):
            accepted.add(row["AcceptedAnswerId"])
        if kind == "2" and (parent in chosen or parent in linked):
            if _number(row, "Score") < source.min_answer_score:
                into.leave_out("answers with too low a score")
            else:
                answers.setdefault(parent, []).append(row)
    html = into.source.html
    added: dict[str, list[str]] = {}
    outward: dict[str, list[dict[str, str]]] = {}

    def documents_of(question: str) -> list[tuple[str, dict[str, str]]]:
        """Ids of a question's answers, accepted first, then by score."""
        found = []
        rows = sorted(answers.get(question, []), key=lambda r: (r["Id"] not in accepted, -_number(r, "Score"), r["Id"]))
        for row in rows:
            if row["Id"] not in added:
                text, anchors = plain_text(row.get("Body", "")) if html else (row.get("Body", ""), [])
                added[row["Id"]] = into.document(row["Id"], None, text)
                outward[row["Id"]] = anchors
            found += [(identity_, row) for identity_ in added[row["Id"]]]
        return found

    for identity_ in sorted(questions, key=int):
        row = questions[identity_]
        title = row.get("Title", "").strip()
        body, _ = plain_text(row.get("Body", "")) if html else (row.get("Body", ""), [])
        query = into.query(identity_, f"{title} {body}", title=title, body=body)
        if query is None:
            continue
        query.metadata = {"tags": re.findall(r"[^<>|]+", row.get("Tags", "")), "score": _number(row, "Score")}
        for document, answer in documents_of(identity_):
            relation = "accepted" if answer["Id"] in accepted else "answer"
            query.positives.append(Positive(document, relation, _number(answer, "Score")))
            query.links += outward[answer["Id"]]
        own = {positive.doc_id for positive in query.positives}
        for other, relation in links.get(identity_, []):
            for document, answer in documents_of(other)[:1]:
                if document not in own:
                    own.add(document)
                    query.positives.append(Positive(document, relation, _number(answer, "Score")))
        if not query.positives:
            into.collected.queries.pop()
            into.leave_out("questions whose answers were all left out")


# ── JSON Lines of questions ─────────────────────────────────────────────────────────────────────────────────────────


def _questions(into: _Into) -> None:
    source = into.source
    rows = [(line, value) for file in _files(source.path, ".jsonl", ".ndjson") for line, value in read_objects(file)]
    keyed: dict[str, tuple[int, dict[str, Any]]] = {}
    for line, value in rows:
        question = value.get("question", value)
        text = question if isinstance(question, str) else str(value.get("title", ""))
        key = (
            identity(value, text, source.path, line)
            if any(n in value for n in ("id", "_id", "qid", "question_id"))
            else None
        )
        key = key or id_of_text("q", repr(sorted(question.items())) if isinstance(question, dict) else text)
        if key in keyed:
            into.leave_out("questions that repeat an id")
            continue
        keyed[key] = (line, value)
    chosen = into.chosen(iter(keyed))
    for key, (line, value) in progress(keyed.items(), len(keyed), f"{source.name}: questions"):
        if key in chosen:
            _question(into, key, line, value)


def _question(into: _Into, key: str, line: int, value: dict[str, Any]) -> None:
    path = into.source.path
    given = value.get("question", value)
    if isinstance(given, str):
        title, body = "", into.text(given)[0]
    elif isinstance(given, dict):
        title = str(given.get("title") or "").strip()
        body = into.text(str(given.get("body") or given.get("text") or ""))[0]
    else:
        raise UserError(f"{path}, line {line}: 'question' is neither a text nor an object with title and body.")
    query = into.query(key, f"{title} {body}", title=title or None, body=body or None)
    if query is None:
        return
    if isinstance(value.get("generated_queries"), list):
        query.metadata["generated_queries"] = [str(one) for one in value["generated_queries"]]
    answers = [("answer", one) for one in value.get("answers") or []]
    answers += [("link", one) for one in value.get("links") or []]
    for number, (relation, answer) in enumerate(answers):
        if isinstance(answer, str):
            answer = {"text": answer}
        if not isinstance(answer, dict):
            raise UserError(f"{path}, line {line}: an answer is neither a text nor an object.")
        if relation == "link" and not any(isinstance(answer.get(name), str) and answer[name] for name in TEXT_NAMES):
            if isinstance(answer.get("url"), str):
                query.links.append({"url": answer["url"], "text": str(answer.get("title") or "")})
            continue
        score = next((answer[n] for n in ("score", "pm_score", "votes") if isinstance(answer.get(n), int)), None)
        if score is not None and score < into.source.min_answer_score:
            into.leave_out("answers with too low a score")
            continue
        text, links = into.text(string(answer, TEXT_NAMES, path, line))
        query.links += links
        own = next((str(answer[n]) for n in ("id", "answer_id") if isinstance(answer.get(n), str | int)), str(number))
        title_ = answer.get("title") if isinstance(answer.get("title"), str) else None
        is_accepted = relation == "answer" and (answer.get("accepted") is True or answer.get("selected") is True)
        # A label of the source (InteRank's rows) says more than the place it stands in.
        label = answer.get("label") if isinstance(answer.get("label"), int) else None
        for document in into.document(f"{key}/{own}", title_, text):
            if label == 0:
                query.judged_not.append(document)
            else:
                kind = "accepted" if is_accepted else relation
                query.positives.append(Positive(document, kind, label if label is not None else score))
    other = value.get("other_document")
    if isinstance(other, dict) and other.get("label") == 0:
        text = into.text(string(other, TEXT_NAMES, path, line))[0]
        query.judged_not += into.document(f"{key}/other", None, text)


# ── Documents alone ─────────────────────────────────────────────────────────────────────────────────────────────────


def _files(path: Path, *endings: str) -> list[Path]:
    """`path` itself, or the files below it with one of the endings (also gzipped), in the order of their names."""
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise UserError(f"{path} does not exist.")
    names = {ending for one in endings for ending in (one, f"{one}.gz")}
    found = sorted(p for p in path.rglob("*") if p.is_file() and any(p.name.lower().endswith(end) for end in names))
    if not found:
        raise UserError(f"{path} holds no file that ends in {', '.join(endings)}.")
    return found


def _documents(into: _Into) -> None:
    path = into.source.path
    for file in progress(_files(path, ".jsonl", ".ndjson", *TEXT_FILES), None, f"{into.source.name}: files"):
        if ".jsonl" in file.name or ".ndjson" in file.name:
            for line, value in read_objects(file):
                text = into.text(string(value, TEXT_NAMES, file, line))[0]
                title = value.get("title") if isinstance(value.get("title"), str) else None
                into.document(identity(value, text, file, line), title, text, whole=False)
            continue
        text = _read_text(file)
        if file.suffix.lower() in (".html", ".htm"):
            text = plain_text(text)[0]
        name = file.relative_to(path).as_posix() if file != path else file.name
        heading = re.match(r"\s*#+\s+(.+)", text)
        into.document(name, heading[1].strip() if heading else None, text.strip(), whole=False)


def _read_text(file: Path) -> str:
    data = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        # Older TREC disks are Latin-1, which every byte is.
        return data.decode("latin-1")


# ── Test collections ────────────────────────────────────────────────────────────────────────────────────────────────


def _judge(into: _Into, queries: dict[str, str], qrels: list[Path]) -> None:
    """Queries with the documents that qrels name; those nobody judged stay out."""
    judged: dict[str, list[tuple[str, int]]] = {}
    for file in qrels:
        for query, document, grade in read_qrels(file):
            judged.setdefault(query, []).append((document, grade))
    chosen = into.chosen(one for one in queries if not qrels or one in judged)
    if qrels:
        into.leave_out("queries without judgements", sum(1 for one in queries if one not in judged))
    for origin, text in queries.items():
        query = into.query(origin, text) if origin in chosen else None
        if query is None:
            continue
        for document, grade in judged.get(origin, []):
            identity_ = f"{into.source.name}:{document}"
            if identity_ not in into.collected.documents:
                into.leave_out("judged documents that are not in the collection")
            elif grade > 0:
                query.positives.append(Positive(identity_, "judged", grade))
            else:
                query.judged_not.append(identity_)


def _beir(into: _Into) -> None:
    folder = into.source.path
    for line, value in progress(read_objects(folder / "corpus.jsonl"), None, f"{into.source.name}: documents"):
        title = value.get("title") if isinstance(value.get("title"), str) else None
        text = string(value, ("text",), folder / "corpus.jsonl", line)
        into.document(identity(value, text, folder / "corpus.jsonl", line), title, text.strip())
    queries = {}
    for line, value in read_objects(folder / "queries.jsonl"):
        text = string(value, ("text",), folder / "queries.jsonl", line)
        queries[identity(value, text, folder / "queries.jsonl", line)] = text
    qrels = folder / "qrels" / f"{into.source.split}.tsv"
    if not qrels.exists():
        there = ", ".join(sorted(p.stem for p in (folder / "qrels").glob("*.tsv"))) or "none"
        raise UserError(f"{folder} has no qrels/{into.source.split}.tsv. There are: {there} (setting split).")
    _judge(into, queries, [qrels])


def _trec(into: _Into) -> None:
    source = into.source
    for file in progress(_trec_files(source.path), None, f"{source.name}: files"):
        if ".jsonl" in file.name:
            for line, value in read_objects(file):
                text = string(value, TEXT_NAMES, file, line)
                title = value.get("title") if isinstance(value.get("title"), str) else None
                into.document(identity(value, text, file, line), title, text.strip())
            continue
        found = 0
        for match in re.finditer(r"<DOC>(.*?)</DOC>", _read_text(file), re.DOTALL | re.IGNORECASE):
            found += 1
            number = _field(match[1], "DOCNO")
            if number is None:
                raise UserError(f"{file}: document {found} has no <DOCNO>.")
            title = next((t for t in (_field(match[1], n) for n in ("HEADLINE", "TITLE", "HEAD", "TI")) if t), None)
            bodies = re.findall(r"<TEXT>(.*?)</TEXT>", match[1], re.DOTALL | re.IGNORECASE)
            rest = re.sub(r"<DOCNO>.*?</DOCNO>", "", match[1], flags=re.DOTALL | re.IGNORECASE)
            into.document(number, title, _untagged("\n".join(bodies) or rest))
        if not found:
            raise UserError(f"{file} holds no <DOC>…</DOC>: a TREC collection is SGML or JSON Lines.")
    if source.topics is not None:
        _judge(into, _topics(source.topics), [source.qrels] if source.qrels else [])


def _trec_files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise UserError(f"{path} does not exist.")
    return sorted(p for p in path.rglob("*") if p.is_file() and not p.name.startswith("."))


def _field(text: str, name: str) -> str | None:
    match = re.search(rf"<{name}>(.*?)</{name}>", text, re.DOTALL | re.IGNORECASE)
    return " ".join(_untagged(match[1]).split()) if match else None


def _untagged(sgml: str) -> str:
    # A lone < is no tag: these texts are not escaped throughout.
    return plain_text(re.sub(r"<!--.*?-->|<(?!/?[a-zA-Z])", " ", sgml, flags=re.DOTALL))[0]


def _topics(path: Path) -> dict[str, str]:
    """Queries of a topics file: TREC's <top> (number and title), or `id TAB text` a line."""
    text = _read_text(path)
    topics: dict[str, str] = {}
    for block in re.split(r"<top>", text, flags=re.IGNORECASE)[1:]:
        number = re.search(r"<num>\s*(?:Number:)?\s*([^\s<]+)", block, re.IGNORECASE)
        title = re.search(r"<title>\s*(?:Topic:)?\s*([^<]+)", block, re.IGNORECASE)
        if number is None or title is None:
            raise UserError(f"{path}: topic {len(topics) + 1} has no <num> or no <title>.")
        topics[number[1]] = " ".join(title[1].split())
    if topics:
        return topics
    for line, row in enumerate(text.split("\n"), start=1):
        if not row.strip():
            continue
        number_, tab, words = row.partition("\t")
        if not tab:
            raise UserError(f"{path}, line {line}: neither <top> topics nor `id TAB text`.")
        topics[number_.strip()] = words.strip()
    return topics
