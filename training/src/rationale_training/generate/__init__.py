"""Asks a teacher model: for labels with explanations, for explanations of given labels, for search queries.

The teacher is any OpenAI-compatible server or a local model. Every answer goes to journal.jsonl before anything else
happens, so that a run that is killed and started with --resume pays for no answer twice (what was under way when it died,
at most server.concurrency requests, is asked again). Answers become teacher.judgements.jsonl, which the extension opens for
audit; an answer without a label on the scale is kept as "unparsed" and counted, never taken for a 0. Answers that fail the
checks of the config go to rejected.judgements.jsonl, with the reasons.
"""

import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from rationale_training import checks
from rationale_training.collect import with_negatives
from rationale_training.collect.settings import Config as CollectConfig
from rationale_training.collect.settings import Source
from rationale_training.collect.texts import Positive, Query
from rationale_training.errors import UserError
from rationale_training.generate import items, prompts
from rationale_training.generate.card import card
from rationale_training.generate.journal import Answer, Failure, Journal, Request
from rationale_training.generate.settings import Config
from rationale_training.judgements import (
    Judgement,
    companion,
    dump_line,
    id_of_text,
    sha256,
    write_judgements,
    write_sidecar,
)
from rationale_training.manifest import Manifest, progress, write_text

__all__ = ["Config", "run"]

#: Settings that change how an answer is got, not which.
MAY_CHANGE = (
    *(f"server.{name}" for name in "url key_variable concurrency timeout retries".split()),
    *(
        f"server.{name}"
        for name in "requests_per_minute tokens_per_minute prompt_price completion_price budget".split()
    ),
    "local.batch",
    "local.device",
)
GUIDELINES = "Labels: 0 no useful information on the question; 1 context, but no answer; 2 information that answers it."


class Teacher(Protocol):
    """What asks: ServerTeacher or LocalTeacher."""

    #: What answers depend on, besides the request.
    identity: str
    retries: int

    def describe(self) -> dict[str, str]: ...

    def cost(self, answer: Answer) -> float: ...

    def spent_before(self, cost: float) -> None: ...

    def run(
        self, requests: Iterator[Request], answered: Callable[[Request, Answer | Failure], Request | None]
    ) -> None: ...


def run(config: Config, out: Path, resume: bool) -> None:
    """Runs the stage; see the module's docstring."""
    inputs = _inputs(config)
    manifest = Manifest.open(
        out, "generate", config, seed=config.seed, inputs=inputs, resume=resume, may_change=MAY_CHANGE
    )
    if manifest.complete:
        return
    teacher = _teacher(config)
    with Journal(out / "journal.jsonl") as journal:
        asking = _Asking(config, teacher, journal)
        write = _write_judgements if config.task in ("judge", "explain") else _write_queries
        work = list(_work(config))
        if not work:
            raise UserError(f"{config.input} gives nothing to ask about.")
        total = len(work) * config.samples
        asking.ask(progress((request for one in work for request in asking.first(one)), total, config.task))
        outputs, counts = write(config, out, asking, work)
    counts.update(asking.counts())
    write_text(out / "README.md", card(config, teacher.describe(), counts, _licences(config)))
    if again := sum(not failure.final for failure in asking.failed.values()):
        manifest.record(counts=counts)
        raise UserError(
            f"{again} requests got no answer, the others are written to {out}. --resume asks for what is missing."
        )
    manifest.finish(outputs=[*outputs, out / "README.md", out / "journal.jsonl"], counts=counts)


def _inputs(config: Config) -> list[Path]:
    if config.input.is_file():
        logs = companion(config.input, "corrections")
        return [config.input, *([logs] if logs.exists() else [])]
    names = ["documents.jsonl"] if config.task == "document_queries" else ["queries.jsonl"]
    if config.task == "judge":
        names += ["documents.jsonl", "pairs.jsonl"]
    return [config.input / name for name in names]


def _teacher(config: Config) -> Teacher:
    # Here, because each brings packages that the other does not need.
    if config.server is not None:
        from rationale_training.generate.server import ServerTeacher

        return ServerTeacher(config.server)
    from rationale_training.generate.local import LocalTeacher

    assert config.local is not None
    return LocalTeacher(config.local)


Work = items.Pair | items.Text


def _work(config: Config) -> Iterator[Work]:
    if config.task in ("judge", "explain"):
        yield from items.pairs(config)
        return
    texts = items.questions(config.input) if config.task == "question_queries" else items.documents_of(config.input)
    for number, text in enumerate(texts):
        if config.limit is not None and number >= config.limit:
            return
        yield text


class _Asking:
    """Requests for pieces of work, and what became of them."""

    def __init__(self, config: Config, teacher: Teacher, journal: Journal) -> None:
        self.config = config
        self.teacher = teacher
        self.journal = journal
        self.failed: dict[str, Failure] = {}
        self._work: dict[str, Work] = {}
        self.found_in_journal = len(journal)
        self._asked = 0

    def first(self, work: Work) -> Iterator[Request]:
        """For each sample of a piece of work the first request that has no answer yet and whose earlier attempts failed."""
        for sample in range(self.config.samples):
            for attempt in range(self.config.attempts):
                request = self.request(work, sample, attempt)
                answer = self.answer(request)
                if answer is None:
                    self._work[self.key(request)] = work
                    yield request
                    break
                if attempt == 0:
                    self.teacher.spent_before(self.teacher.cost(answer))
                if not self.failures(work, answer):
                    break

    def ask(self, requests: Iterator[Request]) -> None:
        self.teacher.run(requests, self._answered)

    def _answered(self, request: Request, answer: Answer | Failure) -> Request | None:
        key = self.key(request)
        work = self._work.pop(key)
        if isinstance(answer, Failure):
            self.failed[key] = answer
            return None
        self._asked += 1
        self.journal.add(key, answer)
        sample, attempt = divmod(request.draw, self.config.attempts)
        if attempt + 1 >= self.config.attempts or not self.failures(work, answer):
            return None
        again = self.request(work, sample, attempt + 1)
        if self.key(again) in self.journal:
            return None
        self._work[self.key(again)] = work
        return again

    def request(self, work: Work, sample: int, attempt: int) -> Request:
        temperature = self.config.temperature if attempt == 0 else max(0.7, self.config.temperature)
        content = _content(self.config, work)
        system = (("system", self.config.system),) if self.config.system else ()
        return Request(
            item=_name(work),
            messages=(*system, ("user", content)),
            temperature=temperature,
            top_p=self.config.top_p,
            max_tokens=self.config.max_tokens,
            seed=self.config.seed,
            draw=sample * self.config.attempts + attempt,
        )

    def key(self, request: Request) -> str:
        return request.key(self.teacher.identity)

    def answer(self, request: Request) -> Answer | None:
        return self.journal.get(self.key(request))

    def best(self, work: Work, sample: int) -> tuple[Request, Answer | None]:
        """The first attempt that passes, else the last one that has an answer."""
        last = self.request(work, sample, 0)
        found: Answer | None = None
        for attempt in range(self.config.attempts):
            request = self.request(work, sample, attempt)
            answer = self.answer(request)
            if answer is None:
                break
            last, found = request, answer
            if not self.failures(work, answer):
                break
        return last, found

    def failures(self, work: Work, answer: Answer) -> list[str]:
        """What is wrong with an answer by the checks that the config asks for; `unparsed` where there is nothing to check."""
        must = self.config.must_pass
        if isinstance(work, items.Text):
            return [] if prompts.queries_of(answer.text, 1) else ["unparsed"]
        verdict = _verdict(self.config, work, answer)
        if verdict.label is None:
            return ["unparsed"] if must else []
        judgement = work.judgement
        seen = judgement.document[: prompts.cut(judgement.document, self.config.document_words)]
        found = checks.check(verdict.explanation, verdict.label, seen, judgement.query, verdict_comes_last=True)
        return [name for name in found.failed if name in must]

    def counts(self) -> dict[str, Any]:
        """What it took. Counted from the journal, so that a resumed run counts what its predecessors paid, too."""
        prompt = completion = without = tries = 0
        cost = 0.0
        for answer in self.journal.answers():
            tries += answer.tries
            if answer.prompt_tokens is None or answer.completion_tokens is None:
                without += 1
            prompt += answer.prompt_tokens or 0
            completion += answer.completion_tokens or 0
            cost += self.teacher.cost(answer)
        return {
            "answers": len(self.journal),
            "answers_of_earlier_runs": self.found_in_journal,
            "requests": tries,
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "answers_without_token_counts": without,
            "cost": round(cost, 6),
            "torn_journal_lines": self.journal.torn,
        }


def _name(work: Work) -> str:
    if isinstance(work, items.Text):
        return work.id
    return f"{work.judgement.query_id} {work.judgement.doc_id}"


def _content(config: Config, work: Work) -> str:
    built_in = {
        "judge": prompts.JUDGE,
        "explain": prompts.EXPLAIN,
        "question_queries": prompts.QUESTION_QUERIES,
        "document_queries": prompts.DOCUMENT_QUERIES,
    }
    template = config.prompt or built_in[config.task]
    if isinstance(work, items.Text):
        text = f"{work.title}\n{work.text}" if work.title and config.task == "document_queries" else work.text
        text = text[: prompts.cut(text, config.document_words)]
        return prompts.filled(template, question=text, document=text, queries=config.queries)
    judgement = work.judgement
    return prompts.filled(
        template,
        question=judgement.query,
        document=judgement.document[: prompts.cut(judgement.document, config.document_words)],
        label=judgement.label,
        meaning=None if judgement.label is None else _meaning(judgement),
    )


def _meaning(judgement: Judgement) -> str:
    if judgement.scale != "interank" or judgement.label not in prompts.MEANINGS:
        raise UserError(
            f"{judgement.query_id} {judgement.doc_id}: label {judgement.label} on the scale {judgement.scale!r}; explain "
            "knows the meaning of the scale interank alone. Map the labels first (rationale import --map)."
        )
    return prompts.MEANINGS[judgement.label]


def _verdict(config: Config, pair: items.Pair, answer: Answer) -> prompts.Verdict:
    if config.task == "judge":
        return prompts.verdict_of(answer.text)
    reason = prompts.reason_of(answer.text)
    return prompts.Verdict(pair.judgement.label if reason else None, reason)


# ── What is written ─────────────────────────────────────────────────────────────────────────────────────────────────


def _run_id(config: Config, asking: _Asking) -> str:
    """The same run, resumed or repeated, gives the same answers the same identity."""
    parts = [config.task, asking.teacher.identity, config.prompt or "", config.system or "", config.temperature]
    parts += [config.top_p, config.max_tokens, config.seed, config.document_words]
    return f"generate-{sha256(dump_line({'parts': parts}))[:16]}"


def _write_judgements(
    config: Config, out: Path, asking: _Asking, work: list[Work]
) -> tuple[list[Path], dict[str, Any]]:
    run_id = _run_id(config, asking)
    model = asking.teacher.describe()
    sampling = {"temperature": config.temperature, "top_p": config.top_p, "max_tokens": config.max_tokens}
    counts: Counter[str] = Counter()
    labels: Counter[str] = Counter()
    failures: Counter[str] = Counter()

    def rows() -> Iterator[tuple[Judgement, list[str]]]:
        for pair in work:
            assert isinstance(pair, items.Pair)
            for sample in range(config.samples):
                request, answer = asking.best(pair, sample)
                content = request.messages[-1][1]
                extra: dict[str, Any] = {"teacher_task": config.task, "teacher_prompt_sha256": sha256(content)}
                if pair.label_source is not None:
                    extra["label_source"] = pair.label_source
                end = prompts.cut(pair.judgement.document, config.document_words)
                base = replace(
                    pair.judgement,
                    document_end=end,
                    run_id=run_id,
                    sample=sample,
                    model=model,
                    sampling={**sampling, "temperature": request.temperature, "seed": request.seed + request.draw},
                    extra=extra,
                )
                if answer is None:
                    failure = asking.failed[asking.key(request)]
                    yield replace(base, label=None, status="failed", error=failure.reason), []
                    continue
                verdict = _verdict(config, pair, answer)
                cut_off = answer.finish == "length"
                status = "unparsed" if verdict.label is None else "truncated" if cut_off else "ok"
                failed = asking.failures(pair, answer)
                if failed:
                    extra["checks_failed"] = failed
                yield (
                    replace(
                        base,
                        label=verdict.label,
                        explanation=verdict.explanation,
                        raw_response=answer.text,
                        status=status,
                        prompt_tokens=answer.prompt_tokens,
                        completion_tokens=answer.completion_tokens,
                        elapsed_ms=answer.elapsed_ms,
                    ),
                    failed,
                )

    def kept() -> Iterator[Judgement]:
        for judgement, failed in rows():
            counts[judgement.status] += 1
            if judgement.label is not None:
                labels[str(judgement.label)] += 1
            failures.update(failed)
            if not failed:
                yield judgement

    file, rejected = out / "teacher.judgements.jsonl", out / "rejected.judgements.jsonl"
    files = [file, *([rejected] if config.must_pass else [])]
    written = write_judgements(file, kept())
    refused = write_judgements(rejected, (row for row, failed in rows() if failed)) if config.must_pass else 0
    source = {"name": f"{config.task} by {model['id']}", **({"licence": one} if (one := _licences(config)) else {})}
    sidecars = [write_sidecar(path, guidelines=GUIDELINES, source=source) for path in files]
    return [*files, *sidecars], {
        "pairs": len(work),
        "rows": written,
        "rejected": refused,
        "checks_failed": dict(sorted(failures.items())),
        "status": dict(sorted(counts.items())),
        "labels": dict(sorted(labels.items())),
    }


def _write_queries(config: Config, out: Path, asking: _Asking, work: list[Work]) -> tuple[list[Path], dict[str, Any]]:
    most = 10 if config.task == "question_queries" else config.queries
    rows: list[dict[str, Any]] = []
    counts: Counter[str] = Counter()
    for text in work:
        assert isinstance(text, items.Text)
        answers = [asking.best(text, sample) for sample in range(config.samples)]
        found: dict[str, str] = {}
        for request, answer in answers:
            own = prompts.queries_of(answer.text, most) if answer is not None else []
            status = "failed" if answer is None else "ok" if own else "unparsed"
            counts[status] += 1
            found.update((query.lower(), query) for query in own)
            rows.append(
                {
                    "document_id" if config.task == "document_queries" else "query_id": text.id,
                    "queries": own,
                    "status": status,
                    "raw_response": answer.text if answer is not None else None,
                    "error": asking.failed[asking.key(request)].reason if answer is None else None,
                }
            )
    file = out / "generated_queries.jsonl"
    write_text(file, "".join(f"{dump_line(row)}\n" for row in rows))
    outputs = [file]
    total = sum(len(row["queries"]) for row in rows)
    if config.task == "document_queries":
        outputs += _write_collection(config, out, rows)
    return outputs, {"texts": len(work), "queries": total, "status": dict(sorted(counts.items()))}


def _write_collection(config: Config, out: Path, rows: list[dict[str, Any]]) -> list[Path]:
    """A folder as collect writes it: the generated queries, each with its document and hard negatives, to be judged next."""
    collected = items.collected_documents(config.input)
    queries: dict[str, Query] = {}
    for row in rows:
        for text in row["queries"]:
            identity = id_of_text("q", text)
            query = queries.setdefault(identity, Query(identity, identity, "generated", text))
            if row["document_id"] not in {positive.doc_id for positive in query.positives}:
                query.positives.append(Positive(row["document_id"], "generated"))
    collected.queries = list(queries.values())
    source = Source("generated", "documents", config.input, licence="")
    draw = CollectConfig(sources=(source,), negatives=config.negatives, seed=config.seed)
    write_text(
        out / "queries.jsonl",
        "".join(f"{dump_line({'_id': q.id, 'text': q.text, 'source': q.source})}\n" for q in collected.queries),
    )
    write_text(out / "pairs.jsonl", "".join(f"{dump_line(row)}\n" for row in with_negatives(collected, draw)))
    shutil.copyfile(config.input / "documents.jsonl", out / "documents.jsonl")
    return [out / name for name in ("queries.jsonl", "pairs.jsonl", "documents.jsonl")]


def _licences(config: Config) -> str:
    """What the manifest beside the input says about the licences of its texts."""
    folder = config.input if config.input.is_dir() else config.input.parent
    try:
        value = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        return "; ".join(f"{s['name']}: {s['licence']}" for s in value["config"]["sources"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""
