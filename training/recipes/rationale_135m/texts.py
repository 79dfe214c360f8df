"""Training text of the embedded model: questions and passages taken from Debian-packaged English prose.

A model hub is no part of this recipe: everything comes from Debian's archive by package name (`apt-get download`), and one
file of PubMedQA (MIT) where it is given. Nothing of CACM, Vaswani or any other test collection is read.

    python texts.py --out pool.jsonl [--packages DIR] [--pubmedqa pqal.jsonl]

Writes one JSON object per line: {query, document, source}; sources and their licences are in SOURCES. Needs Debian 12's
`apt-get` (any user) and network access to its archive once; DIR keeps the packages.
"""

from __future__ import annotations

import argparse
import collections
import gzip
import hashlib
import html
import json
import random
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

# Debian package -> what its text is, and its licence as the package's copyright file states it.
SOURCES = {
    "debian": "descriptions of Debian packages (Debian's own texts; DFSG-free)",
    "dict-foldoc": "Free On-line Dictionary of Computing (GFDL 1.1+)",
    "dict-jargon": "Jargon File 4.4.7 (public domain)",
    "linux-doc-6.1": "Linux kernel documentation (GPL-2)",
    "git-doc": "Git documentation (GPL-2)",
    "python3.11-doc": "Python documentation (PSF licence)",
    "sqlite3-doc": "SQLite documentation (public domain)",
    "postgresql-doc-15": "PostgreSQL documentation (PostgreSQL licence)",
    "octave-doc": "GNU Octave manual (verbatim-copy licence of the FSF)",
    "pubmedqa": "PubMedQA questions and abstracts (MIT)",
    "cloze": "a sentence of one of the passages above as the question, the rest as the document",
}
PACKAGES = [
    name for name in SOURCES if name.startswith(("dict-", "linux-", "git-")) or name.endswith(("-doc", "-doc-15"))
]
QUOTA = collections.Counter({"debian": 3600, "dict-foldoc": 2000, "dict-jargon": 500, "cloze": 3000, "pubmedqa": 1000})
MANUAL_QUOTA = 900
MAX_WORDS = 110
TERM_QUESTIONS = ["what is {}", "{}", "define {}", "what does {} mean", "explain {}", "meaning and use of {}"]

Pair = tuple[str, str, str]


def squeeze(text: str) -> str:
    """Text with every run of white space as one space."""
    return re.sub(r"\s+", " ", text).strip()


def package_descriptions(lists: Path) -> list[tuple[str, str, str]]:
    """(package, short description, long description) of every package of Debian's main archive."""
    options = ["-o", "Acquire::Languages=en", "-o", f"Dir::State::Lists={lists}"]
    (lists / "partial").mkdir(parents=True, exist_ok=True)
    if not list(lists.glob("*Translation-en*")):
        subprocess.run(["apt-get", "update", *options], check=True, stdout=sys.stderr)
    # The main archive's index is by far the largest; those of updates and security repeat a few of its packages.
    index = max(lists.glob("*Translation-en*"), key=lambda file: file.stat().st_size)
    text = subprocess.run(
        ["/usr/lib/apt/apt-helper", "cat-file", str(index)], capture_output=True, text=True, check=True
    )
    found = []
    for stanza in text.stdout.split("\n\n"):
        name = re.search(r"^Package: (\S+)$", stanza, re.M)
        body = re.search(r"^Description-en: (.*)\n((?: .*\n?)*)", stanza + "\n", re.M)
        if name and body and len(body[2]) > 150:
            found.append((name[1], body[1], re.sub(r"^ \.$", "", body[2], flags=re.M)))
    return found


def unpacked(package: str, folder: Path) -> Path:
    """The package's files below `folder`, downloaded and unpacked when they are not there."""
    target = folder / package
    if not target.exists():
        folder.mkdir(parents=True, exist_ok=True)
        if not list(folder.glob(f"{package}_*.deb")):
            subprocess.run(["apt-get", "download", package], cwd=folder, check=True, stdout=sys.stderr)
        subprocess.run(["dpkg", "-x", str(next(folder.glob(f"{package}_*.deb"))), str(target)], check=True)
    return target


def dictionary(file: Path) -> Iterator[tuple[str, str]]:
    """(headword, entry) of a dictd dictionary."""
    with gzip.open(file, "rt", errors="replace") as stream:
        entries = re.split(r"\n\n(?=\S)", stream.read())
    for entry in entries:
        lines = entry.split("\n")
        heads = 0
        while heads < len(lines) and lines[heads] and not lines[heads].startswith(" "):
            heads += 1
        body = re.sub(r"<[^>]*>|\(\d{4}-\d\d-\d\d\)|https?://\S+|[{}]", "", "\n".join(lines[heads:]))
        if heads > 0 and len(body) > 200:
            yield lines[0], body


def rst_sections(file: Path) -> list[tuple[str, str]]:
    """(heading, text) of a reStructuredText file, directives left out."""
    opener = gzip.open if file.suffix == ".gz" else open
    with opener(file, "rt", errors="replace") as stream:
        lines = stream.read().split("\n")
    rule = re.compile(r"([=\-~^\"'*#+])\1{3,}\s*")
    sections: list[tuple[str, list[str]]] = []
    for at, line in enumerate(lines):
        below = lines[at + 1] if at + 1 < len(lines) else ""
        if line.strip() and rule.fullmatch(below) and len(below.strip()) >= len(line.strip()) - 1:
            sections.append((line.strip(), []))
        elif sections and not rule.fullmatch(line) and not line.startswith(".. ") and not line.strip().startswith(":"):
            sections[-1][1].append(line)
    return [(heading, squeeze("\n".join(body).replace("``", ""))) for heading, body in sections]


def html_sections(file: Path) -> tuple[str, list[tuple[str, str]]]:
    """Title and (heading, text) pairs of an HTML page; scripts, listings and tables left out."""
    opener = gzip.open if file.suffix == ".gz" else open
    with opener(file, "rt", errors="replace") as stream:
        page = stream.read()

    def plain(markup: str) -> str:
        return squeeze(html.unescape(re.sub(r"<[^>]+>", " ", markup))).replace("¶", "").strip()

    title = re.search(r"<title>(.*?)</title>", page, re.S | re.I)
    page = re.sub(r"<(script|style|pre|table)\b.*?</\1>", " ", page, flags=re.S | re.I)
    parts = re.split(r"<h[1-5][^>]*>(.*?)</h[1-5]>", page, flags=re.S | re.I)
    sections = [(plain(parts[i]), plain(parts[i + 1])) for i in range(1, len(parts) - 1, 2)]
    return re.sub(r"\s*[—|\-–(].*$", "", plain(title[1])) if title else "", sections


def is_prose(text: str) -> bool:
    """At least 40 words, of which the first hundred are mostly plain words: no listings, no navigation, no release notes."""
    words = text.split()
    if len(words) < 40 or re.match(r"Navigation|Table of Contents|.{0,30}index modules", text):
        return False
    return sum(word.strip(".,;:()").isalpha() for word in words[:100]) / min(len(words), 100) > 0.72


def manual_sections(packages: Path) -> Iterator[Pair]:
    """(heading, text, source) of the packaged manuals, a heading of few words led by its page's title."""
    linux = unpacked("linux-doc-6.1", packages)
    for file in sorted(linux.rglob("*.rst*")):
        if "translations" in file.parts:
            continue
        sections = rst_sections(file)
        for at, (heading, text) in enumerate(sections):
            if is_prose(text):
                whole = at == 0 or len(heading.split()) >= 4
                yield heading if whole else f"{sections[0][0]} {heading}", text, "linux-doc-6.1"
    for package in ["git-doc", "python3.11-doc", "sqlite3-doc", "postgresql-doc-15", "octave-doc"]:
        for file in sorted(unpacked(package, packages).rglob("*.html*")):
            if not file.is_file():
                continue
            title, sections = html_sections(file)
            for heading, text in sections:
                heading = re.sub(r"^[\dA-Z]{0,2}[\d.]+\s*", "", heading)
                if heading and is_prose(text):
                    yield heading if len(heading.split()) >= 4 else f"{title} {heading}", text, package


def collect(packages: Path, pubmedqa: Path | None, seed: int) -> list[Pair]:
    """All pairs, shuffled by `seed`, at most the quota of each source, one question for a passage."""
    rng = random.Random(seed)
    pairs: list[Pair] = []
    seen: set[str] = set()
    counts: collections.Counter[str] = collections.Counter()

    def add(query: str, text: str, source: str) -> None:
        query = squeeze(query)
        document = " ".join(squeeze(text).split()[:MAX_WORDS])
        key = hashlib.sha256(document[:200].lower().encode()).hexdigest()
        quota = QUOTA[source] or MANUAL_QUOTA
        if counts[source] < quota and key not in seen and len(document.split()) >= 12 and 2 <= len(query.split()) <= 40:
            seen.add(key)
            counts[source] += 1
            pairs.append((query, document, source))

    descriptions = package_descriptions(packages / "lists")
    rng.shuffle(descriptions)
    shorts: set[str] = set()
    rest = []
    for _, short, long in descriptions:
        if short in shorts or re.search(r"transitional|dummy|metapackage|debug|virtual package", short):
            continue
        shorts.add(short)
        query = re.sub(r"\s*[(\[].*?[)\]]|\s+-\s+.*$", "", short)
        if len(query.split()) >= 3 and counts["debian"] < QUOTA["debian"]:
            add(query, long, "debian")
        else:
            rest.append(squeeze(long))
    for package, name in [("dict-foldoc", "foldoc"), ("dict-jargon", "jargon")]:
        file = unpacked(package, packages) / f"usr/share/dictd/{name}.dict.dz"
        entries = list(dictionary(file))
        rng.shuffle(entries)
        for head, body in entries:
            add(rng.choice(TERM_QUESTIONS).format(head), f"{head}. {body}" if rng.random() < 0.5 else body, package)
    sections = list(manual_sections(packages))
    rng.shuffle(sections)
    uses: collections.Counter[str] = collections.Counter()
    for heading, text, source in sections:
        uses[heading] += 1
        if uses[heading] <= 2 and len(heading.split()) >= 2:
            add(heading, text, source)
    if pubmedqa is not None:
        for line in pubmedqa.open(encoding="utf-8"):  # not splitlines(): abstracts hold U+2028
            row = json.loads(line)
            contexts = row["contexts"]
            start = rng.randrange(len(contexts))
            chosen = contexts[start:] if start + 1 < len(contexts) else contexts
            add(row["question"], " ".join(chosen), "pubmedqa")
    # Inverse cloze: a question that shares meaning with its passage but is not contained in it any more.
    passages = [text for _, text, _ in sections] + rest
    rng.shuffle(passages)
    for passage in passages:
        sentences = [s for s in re.split(r"(?<=[.!?])\s+(?=[A-Z])", squeeze(passage)) if 7 <= len(s.split()) <= 35]
        if len(sentences) >= 4 and is_prose(passage):
            sentence = sentences[rng.randrange(min(len(sentences), 6))]
            add(sentence.rstrip("."), squeeze(passage).replace(sentence, " "), "cloze")
    rng.shuffle(pairs)
    print(f"{len(pairs)} pairs: {dict(counts)}", file=sys.stderr)
    return pairs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--packages", type=Path, default=Path(tempfile.gettempdir()) / "rationale-135m-packages")
    parser.add_argument("--pubmedqa", type=Path, help="PubMedQA's labelled questions as JSON Lines (pqal.jsonl)")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    pairs = collect(options.packages, options.pubmedqa, options.seed)
    with options.out.open("w", encoding="utf-8") as out:
        for query, document, source in pairs:
            out.write(json.dumps({"query": query, "document": document, "source": source}, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
