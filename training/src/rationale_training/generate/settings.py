"""What the stage can be told (shown by `rationale-train generate --help`)."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from rationale_training.checks import TITLES

Task = Literal["judge", "explain", "question_queries", "document_queries"]
#: Checks that an explanation written for a given label must pass; `given_away` and `anchor` are about other answers.
EXPLAIN_FILTER = ("empty", "repetition", "contradiction", "length", "quote", "unsupported", "labels")


@dataclass(frozen=True)
class Server:
    """An OpenAI-compatible server (see `Config`)."""

    url: str
    model: str
    key_variable: str = "OPENAI_API_KEY"
    concurrency: int = 8
    timeout: float = 300.0
    retries: int = 8
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    prompt_price: float = 0.0
    completion_price: float = 0.0
    budget: float | None = None
    extra: dict[str, str | int | float | bool] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.url.startswith(("http://", "https://")):
            raise ValueError("url must begin with http:// or https://, for example http://127.0.0.1:8000/v1")
        if self.concurrency < 1 or self.retries < 0 or self.timeout <= 0:
            raise ValueError("concurrency must be at least 1, retries at least 0, timeout positive")
        if self.budget is not None and not self.prompt_price and not self.completion_price:
            raise ValueError("a budget needs prompt_price and completion_price")


@dataclass(frozen=True)
class Local:
    """A model of transformers on this machine (see `Config`)."""

    model: Path
    gguf: str | None = None
    batch: int = 8
    device: str = "auto"
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"

    def __post_init__(self) -> None:
        if self.batch < 1:
            raise ValueError("batch must be at least 1")


@dataclass(frozen=True)
class Config:
    """
    task: judge (explanation and label for each query and document), explain (the label is given, the teacher writes the
      reason), question_queries (search queries for each question), document_queries (queries that a document answers)
    input: a folder written by collect or by document_queries; with judge and explain also a judgement file, whose
      labels (people's, where somebody decided) explain takes as given
    server: an OpenAI-compatible server
      url: base address, for example http://127.0.0.1:8000/v1
      model: the model's name there
      key_variable: environment variable that holds the key; unset, none is sent (default OPENAI_API_KEY)
      concurrency: requests under way at once (default 8)
      timeout: seconds for one request (default 300)
      retries: of one request, with growing pauses, or as long as Retry-After says (default 8)
      requests_per_minute, tokens_per_minute: limits to keep (default none)
      prompt_price, completion_price: per million tokens, for the cost in the manifest
      budget: stop when so much has been spent; a greater one and --resume go on
      extra: further fields of the request, for example {top_k: 20}
    local: a model of transformers on this machine, instead of server
      model: its folder
      gguf: name of a GGUF file in that folder, if it is one
      batch: sequences at once (default 8)
      device: cpu, cuda, … (default auto: a GPU where there is one)
      dtype: float32, bfloat16, float16 (default auto: as stored)
    temperature: 0 (the default, and the paper's teacher) is greedy
    top_p: of sampling (default 1)
    max_tokens: of one answer (default 512)
    samples: answers to each pair (default 1; more need a temperature)
    negatives: with a collect folder, so many hard negatives of each query are asked about (default 4); with
      document_queries, so many are drawn for each generated query
    limit: at most so many queries or documents, the first of the file (default all)
    document_words: the teacher sees so much of a document (default 3000)
    queries: with document_queries, so many for each document (default 3)
    prompt: another prompt than the built-in one, with {question}, {document}, {label} (its number), {meaning} (its
      description) and {queries} where they are wanted
    system: a system message (default none)
    filter: checks whose failure moves an answer to rejected.judgements.jsonl (default with explain: empty, repetition,
      contradiction, length, quote, unsupported, labels; with judge: none, everything stays open to audit)
    attempts: an answer that fails them is asked for again, so often (default 1; from the second at temperature 0.7 or
      more)
    seed: of sampling (default 0)
    """

    task: Task
    input: Path
    server: Server | None = None
    local: Local | None = None
    temperature: float = 0.0
    top_p: float = 1.0
    max_tokens: int = 512
    samples: int = 1
    negatives: int = 4
    limit: int | None = None
    document_words: int = 3000
    queries: int = 3
    prompt: str | None = None
    system: str | None = None
    filter: tuple[str, ...] | None = None
    attempts: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        if (self.server is None) == (self.local is None):
            raise ValueError("exactly one of server and local is needed")
        if self.samples > 1 and self.temperature == 0:
            raise ValueError("several samples at temperature 0 would be equal; set a temperature")
        if min(self.samples, self.attempts, self.max_tokens, self.document_words, self.queries) < 1:
            raise ValueError("samples, attempts, max_tokens, document_words and queries must be at least 1")
        if self.temperature < 0 or not 0 < self.top_p <= 1 or self.negatives < 0:
            raise ValueError("temperature and negatives must be at least 0, top_p above 0 and at most 1")
        unknown = [name for name in self.filter or () if name not in TITLES]
        if unknown:
            raise ValueError(f"filter: there is no check {unknown[0]!r}. There are: {', '.join(TITLES)}")

    @property
    def must_pass(self) -> tuple[str, ...]:
        """The checks that an answer must pass."""
        if self.filter is not None:
            return self.filter
        return EXPLAIN_FILTER if self.task == "explain" else ()
