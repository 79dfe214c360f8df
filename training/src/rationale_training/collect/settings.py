"""What the stage can be told: one dataclass for a source, one for the whole (shown by `rationale-train collect --help`)."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True)
class Source:
    """One collection (see `Config`)."""

    name: str
    kind: Literal["stackexchange", "questions", "documents", "beir", "trec"]
    path: Path
    licence: str
    url: str | None = None
    limit: int | None = None
    html: bool | None = None
    split: str = "train"
    topics: Path | None = None
    qrels: Path | None = None
    min_question_score: int = 1
    min_answer_score: int = 1
    min_words: int = 5
    max_words: int = 2000
    passage_words: int = 300

    def __post_init__(self) -> None:
        if not self.name or any(c in self.name for c in ':/\\ "\t\n'):
            raise ValueError(
                f"name: {self.name!r} must be a word without colons, slashes and spaces: ids begin with it"
            )
        if self.html is None:
            object.__setattr__(self, "html", self.kind == "stackexchange")
        if self.qrels is not None and self.topics is None:
            raise ValueError("qrels need topics: the texts of the queries they judge")
        if min(self.min_words, self.passage_words, self.max_words) < 1:
            raise ValueError("min_words, passage_words and max_words must be at least 1")


@dataclass(frozen=True)
class Config:
    """
    sources: collections to read, a list of
      name: short word; the ids of its queries and documents begin with it
      kind: stackexchange (folder with Posts.xml and PostLinks.xml), questions (JSON Lines with question, answers,
        links), documents (text files, or JSON Lines with text), beir (corpus.jsonl, queries.jsonl, qrels/), trec
        (SGML or JSON Lines; with topics and qrels)
      path: file or folder
      licence: of its texts, for the card; where you do not know it, say so or leave the source out
      url: where it came from, for the card
      limit: at most so many questions, chosen by hash and seed
      html: texts are HTML (default: with stackexchange)
      split: which qrels of a BEIR folder (default train)
      topics: a TREC collection's queries; qrels: their judgements
      min_question_score: questions below are left out (default 1)
      min_answer_score: answers below are left out (default 1)
      min_words: shorter documents are left out (default 5)
      max_words: longer documents are cut (default 2000)
      passage_words: documents without questions are split into passages of so many words (default 300)
    evaluation: BEIR folders and qrels files that models will be measured on; what is too much like them is removed
    negatives: hard negatives of a query (default 8)
    depth: drawn from the best so many documents by BM25 (default 100)
    skip: but not from the first so many, which are often relevant and just not marked (default 0)
    near_duplicate: Jaccard similarity of word 5-grams (queries: 3-grams) from which the later text is removed (default 0.8)
    leak_overlap: share of the shorter text's word n-grams in an evaluation text from which it is removed (default 0.5)
    seed: of the choice of questions and negatives (default 0)
    """

    sources: tuple[Source, ...]
    evaluation: tuple[Path, ...] = ()
    negatives: int = 8
    depth: int = 100
    skip: int = 0
    near_duplicate: float = 0.8
    leak_overlap: float = 0.5
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.sources:
            raise ValueError("sources: at least one is needed")
        names = [source.name for source in self.sources]
        if len(set(names)) != len(names):
            raise ValueError("sources: two have the same name")
        if not 0 <= self.skip < self.depth or self.negatives < 0:
            raise ValueError("skip must be below depth, and negatives at least 0")
        if not 0 < self.near_duplicate <= 1 or not 0 < self.leak_overlap <= 1:
            raise ValueError("near_duplicate and leak_overlap must be above 0 and at most 1")
