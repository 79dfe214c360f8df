"""The generate stage against a real OpenAI-compatible server that serves a real (tiny, taught) model over HTTP, on good days
and bad ones, and against the same model on this machine."""

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from rationale_training.cli import main
from rationale_training.generate import prompts
from rationale_training.generate.journal import Answer, Journal, Request
from rationale_training.judgements import companion, read_judgements
from teacher_server import KEY, TeacherServer

DOCUMENTS = {
    "d0": ("", "Vinegar dissolves the chalk that hard water leaves in a boiler."),
    "d1": ("Stoves", "Wood stoves make a room warm."),
    "d2": ("", "Citric acid descales a kettle."),
    "d3": ("", "Sheep are sheared in early summer."),
}
QUESTIONS = {"q0": "how do I descale a boiler?", "q1": "why is my kettle loud?"}
#: What the tiny model is taught to say: good answers, one without a label, one that contradicts itself.
TAUGHT = {
    ("q0", "d0"): "It says that vinegar dissolves the chalk in a boiler.\n\nRelevance Label: 2 ##",
    ("q0", "d1"): "It is about wood stoves, not about boilers.\n\nRelevance Label: 0 ##",
    ("q0", "d2"): "I cannot say.",
    ("q0", "d3"): "It directly answers how sheep are sheared.\n\nRelevance Label: 0 ##",
    ("q1", "d0"): "It is about chalk.\n\nRelevance Label: 1 ##",
    ("q1", "d1"): "It is about wood stoves.\n\nRelevance Label: 0 ##",
    ("q1", "d2"): "It tells how a kettle is descaled.\n\nRelevance Label: 1 ##",
    ("q1", "d3"): "It is about sheep.\n\nRelevance Label: 0 ##",
}
#: Reasons for the label 2, given: one that quotes, one that misquotes.
REASONS = {
    "d0": 'It says that vinegar "dissolves the chalk that hard water leaves", which descales a boiler.',
    "d2": 'It says that "salt water descales a kettle", which would help with a boiler as well.',
}


def document_text(name: str) -> str:
    title, text = DOCUMENTS[name]
    return f"{title}\n{text}" if title else text


@pytest.fixture(scope="session")
def taught_model(tiny_model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model, trained for some seconds until it says what TAUGHT holds: a real model whose answers are known."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    torch.set_num_threads(1)
    asked = [
        (prompts.filled(prompts.JUDGE, question=QUESTIONS[query], document=document_text(document)), answer)
        for (query, document), answer in TAUGHT.items()
    ]
    asked += [
        (
            prompts.filled(prompts.QUESTION_QUERIES, question=question),
            f"1. {question[:-1]} quickly\n2. hard water chalk ##",
        )
        for question in QUESTIONS.values()
    ]
    asked += [
        (
            prompts.filled(
                prompts.EXPLAIN, question=QUESTIONS["q0"], document=document_text(name), meaning=prompts.MEANINGS[2]
            ),
            answer,
        )
        for name, answer in REASONS.items()
    ]
    tiny = AutoTokenizer.from_pretrained(tiny_model_folder)
    # Its own merges: prompts of half the length take half the time.
    tokenizer = tiny.train_new_from_iterator([text for pair in asked for text in pair] * 3, 900, show_progress=False)
    tokenizer.chat_template = tiny.chat_template
    config = AutoConfig.from_pretrained(tiny_model_folder, vocab_size=len(tokenizer))
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    rows = []
    for prompt, answer in asked:
        start = tokenizer.apply_chat_template(
            [{"role": "user", "content": prompt}], add_generation_prompt=True, tokenize=False
        )
        given = tokenizer(start, add_special_tokens=False)["input_ids"]
        target = [*tokenizer(answer, add_special_tokens=False)["input_ids"], tokenizer.eos_token_id]
        rows.append((given + target, [-100] * len(given) + target))
    width = max(len(ids) for ids, _ in rows)
    ids = torch.tensor([row + [tokenizer.pad_token_id] * (width - len(row)) for row, _ in rows])
    labels = torch.tensor([row + [-100] * (width - len(row)) for _, row in rows])
    mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row, _ in rows])
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for _ in range(400):
        loss = model(input_ids=ids, attention_mask=mask, labels=labels).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        optimiser.zero_grad()
        if loss.item() < 0.01:
            break
    folder = tmp_path_factory.mktemp("taught-model")
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def read_jsonl(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What collect writes: two questions, four documents, each pair once."""
    folder = tmp_path / "collected"
    folder.mkdir()
    files: dict[str, list[dict[str, Any]]] = {
        "queries.jsonl": [{"_id": name, "text": text} for name, text in QUESTIONS.items()],
        "documents.jsonl": [{"_id": n, "title": title, "text": text} for n, (title, text) in DOCUMENTS.items()],
        "pairs.jsonl": [
            {"query_id": "q0", "positive": "d0", "negatives": ["d1", "d2", "d3"]},
            {"query_id": "q1", "positive": "d2", "negatives": ["d0", "d1", "d3"]},
            {"query_id": "q1", "positive": "d0", "negatives": ["d2", "d1", "d3"]},
        ],
    }
    for name, rows in files.items():
        (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows))
    source = {"name": "diy", "licence": "CC BY-SA 4.0"}
    (folder / "manifest.json").write_text(json.dumps({"config": {"sources": [source]}}))
    return folder


@dataclass(frozen=True)
class Teacher:
    """The server on one test's day."""

    url: str
    log_file: Path

    def log(self) -> list[dict[str, Any]]:
        return read_jsonl(self.log_file) if self.log_file.exists() else []

    def outcomes(self) -> Counter[str]:
        return Counter(row["outcome"] for row in self.log())


@pytest.fixture(scope="session")
def server(taught_model: Path) -> Iterator[TeacherServer]:
    """The server, for the session."""
    server = TeacherServer(taught_model)
    yield server
    server.close()


@pytest.fixture
def serve(server: TeacherServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Teacher]:
    """`serve(limit_every=3, …)`: the server, with this test's log and bad luck (teacher_server.py)."""
    monkeypatch.setenv("RATIONALE_TEST_KEY", KEY)

    def start(**day: float) -> Teacher:
        teacher = Teacher(server.url, tmp_path / "requests.jsonl")
        server.begin(log=teacher.log_file, **day)
        return teacher

    return start


def config_file(tmp_path: Path, url: str | None, **config: Any) -> Path:
    file = tmp_path / "generate.yaml"
    server: dict[str, Any] = {"url": url, "model": "tiny", "key_variable": "RATIONALE_TEST_KEY", "concurrency": 3}
    server.update(config.pop("server", {}))
    value = {"task": "judge", "input": str(tmp_path / "collected"), "max_tokens": 60, **config}
    if url is not None:
        value["server"] = server
    file.write_text(yaml.safe_dump(value))
    return file


def generate(tmp_path: Path, url: str | None, *options: str, expect: int = 0, **config: Any) -> Path:
    out = tmp_path / "out"
    arguments = ["generate", str(config_file(tmp_path, url, **config)), "--out", str(out), *options]
    assert main(arguments) == expect
    return out


def counts_of(out: Path) -> dict[str, Any]:
    return json.loads((out / "manifest.json").read_text())["counts"]


def assert_all_answered(out: Path) -> None:
    rows = {
        (r.judgement.query_id, r.judgement.doc_id): r.judgement
        for r in read_judgements(out / "teacher.judgements.jsonl")
    }
    assert set(rows) == set(TAUGHT)
    for pair, judgement in rows.items():
        expected = prompts.verdict_of(TAUGHT[pair])
        assert (judgement.label, judgement.explanation) == (expected.label, expected.explanation), pair
        assert judgement.raw_response is not None
        assert judgement.raw_response.strip() == TAUGHT[pair].strip()


def test_a_teacher_judges_over_http_and_what_it_does_not_label_is_unparsed(
    tmp_path: Path, folder: Path, serve: Callable[..., Teacher]
) -> None:
    teacher = serve()
    prices = {"prompt_price": 1000.0, "completion_price": 2000.0}
    out = generate(tmp_path, teacher.url, server=prices)
    assert_all_answered(out)
    assert teacher.outcomes() == {"answered": 8}
    rows = {
        (r.judgement.query_id, r.judgement.doc_id): r.judgement
        for r in read_judgements(out / "teacher.judgements.jsonl")
    }
    silent = rows["q0", "d2"]
    assert (silent.status, silent.label, silent.explanation) == ("unparsed", None, None)
    assert rows["q0", "d1"].title == "Stoves"
    assert rows["q0", "d1"].document == "Stoves\nWood stoves make a room warm."
    assert rows["q0", "d0"].model == {"id": "tiny", "engine": "openai-compatible"}
    # A teacher's row without a prompt hash is exported with the paper's prompt.
    assert rows["q0", "d0"].prompt_sha256 is None
    counts = counts_of(out)
    assert counts["status"] == {"ok": 7, "unparsed": 1}
    assert counts["labels"] == {"0": 4, "1": 2, "2": 1}
    assert counts["prompt_tokens"] == sum(row.prompt_tokens or 0 for row in rows.values()) > 0
    spent = (1000 * counts["prompt_tokens"] + 2000 * counts["completion_tokens"]) / 1e6
    assert counts["cost"] == pytest.approx(spent)
    sidecar = json.loads(companion(out / "teacher.judgements.jsonl", "rationale.json").read_text())
    assert sidecar["source"] == {"name": "judge by tiny", "licence": "diy: CC BY-SA 4.0"}
    assert "unparsed 1" in (out / "README.md").read_text()
    text = "".join(p.read_text() for p in out.iterdir())
    assert "secret" not in text
    assert "127.0.0.1" not in (out / "teacher.judgements.jsonl").read_text()


def test_the_extension_reads_what_a_teacher_wrote(
    tmp_path: Path, folder: Path, serve: Callable[..., Teacher], typescript: Callable[[str, Any], Any]
) -> None:
    out = generate(tmp_path, serve().url)
    file = out / "teacher.judgements.jsonl"
    (read,) = typescript("reviews", {"paths": [str(file)], "annotators": "agreeing", "aspects": "answer"})
    ours = [(row.line, row.answer_id, row.judgement.label) for row in read_judgements(file)]
    assert [(row["line"], row["answer_id"], row["judgement"]["label"]) for row in read["rows"]] == ours
    # Nobody has reviewed them: nothing goes out as human data.
    assert not any(row["reviews"] for row in read["rows"])


def test_limits_faults_and_dropped_connections_cost_patience_and_nothing_else(
    tmp_path: Path, folder: Path, serve: Callable[..., Teacher]
) -> None:
    teacher = serve(limit_every=3, fail_every=4, drop_every=5)
    out = generate(tmp_path, teacher.url)
    assert_all_answered(out)
    outcomes = teacher.outcomes()
    assert outcomes["answered"] == 8
    assert min(outcomes["limited"], outcomes["failed"], outcomes["dropped"]) >= 1
    assert counts_of(out)["requests"] == sum(outcomes.values())
    limited = [row["at"] for row in teacher.log() if row["outcome"] == "limited"]
    later = [row["at"] for row in teacher.log() if row["at"] > limited[0]]
    # Retry-After: 0.2 holds for all: only what was under way comes before (concurrency 3).
    assert sum(at < limited[0] + 0.15 for at in later) <= 2


def test_what_was_answered_before_a_kill_is_not_paid_for_again(
    tmp_path: Path, folder: Path, serve: Callable[..., Teacher]
) -> None:
    teacher = serve(delay=0.3)
    file = config_file(tmp_path, teacher.url, server={"concurrency": 2})
    out = tmp_path / "out"
    command = [sys.executable, "-m", "rationale_training", "generate", str(file), "--out", str(out)]
    first = subprocess.Popen(command)
    journal = out / "journal.jsonl"
    deadline = time.monotonic() + 240
    while not journal.exists() or journal.read_bytes().count(b"\n") < 3:
        assert time.monotonic() < deadline
        assert first.poll() is None
        time.sleep(0.02)
    first.kill()
    first.wait()
    kept = [row["key"] for row in read_jsonl(journal)]
    assert 3 <= len(kept) < 8
    before = teacher.outcomes()["answered"]
    # As if the process had died inside a write.
    with journal.open("ab") as stream:
        stream.write(b'{"key": "torn')
    assert main([*command[3:], "--resume"]) == 0
    assert_all_answered(out)
    rows = [json.loads(line) for line in journal.read_bytes().split(b"\n") if line.endswith(b"}")]
    keys = [row["key"] for row in rows]
    assert len(keys) == len(set(keys)) == 8
    assert keys[: len(kept)] == kept
    asked = Counter(row["prompt"] for row in teacher.log() if row["outcome"] == "answered")
    assert len(asked) == 8
    twice = sum(number - 1 for number in asked.values())
    # Only what was under way when the process died: at most as many as ran at once, none of them journalled.
    assert twice <= 2
    assert sum(asked.values()) == 8 + twice
    assert before - len(kept) <= 2
    assert counts_of(out)["torn_journal_lines"] == 1
    # Complete: a third start asks nothing.
    total = len(teacher.log())
    assert main([*command[3:], "--resume"]) == 0
    assert len(teacher.log()) == total


def test_a_refused_prompt_fails_alone_and_a_wrong_key_stops_everything(
    tmp_path: Path,
    folder: Path,
    serve: Callable[..., Teacher],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    teacher = serve()
    documents = (folder / "documents.jsonl").read_text().replace("Sheep", "REFUSE Sheep")
    (folder / "documents.jsonl").write_text(documents)
    monkeypatch.setenv("RATIONALE_TEST_KEY", "wrong")
    out = generate(tmp_path, teacher.url, expect=2)
    assert "RATIONALE_TEST_KEY" in capsys.readouterr().err
    assert teacher.outcomes()["refused"] <= 3
    monkeypatch.setenv("RATIONALE_TEST_KEY", "secret")
    generate(tmp_path, teacher.url, "--resume")
    rows = [row.judgement for row in read_judgements(out / "teacher.judgements.jsonl")]
    failed = [row for row in rows if row.status == "failed"]
    assert [row.doc_id for row in failed] == ["d3", "d3"]
    assert all(row.label is None and "too long" in (row.error or "") for row in failed)
    assert counts_of(out)["status"] == {"failed": 2, "ok": 5, "unparsed": 1}


def test_a_server_that_is_down_leaves_the_run_open_to_go_on(
    tmp_path: Path, folder: Path, serve: Callable[..., Teacher], capsys: pytest.CaptureFixture[str]
) -> None:
    out = generate(tmp_path, "http://127.0.0.1:9/v1", expect=2, server={"retries": 0})
    assert "8 requests got no answer" in capsys.readouterr().err
    assert {row.judgement.status for row in read_judgements(out / "teacher.judgements.jsonl")} == {"failed"}
    # Another address and more patience are no other run.
    generate(tmp_path, serve().url, "--resume")
    assert_all_answered(out)


def test_a_budget_stops_in_time_and_a_greater_one_goes_on(
    tmp_path: Path, folder: Path, serve: Callable[..., Teacher], capsys: pytest.CaptureFixture[str]
) -> None:
    teacher = serve()
    prices = {"prompt_price": 1e6, "completion_price": 0.0, "concurrency": 1}
    prompt = 200
    out = generate(tmp_path, teacher.url, expect=2, server={**prices, "budget": float(prompt)})
    assert "budget of 200 is spent" in capsys.readouterr().err
    paid = teacher.outcomes()["answered"]
    assert 1 <= paid < 8
    generate(tmp_path, teacher.url, "--resume", server={**prices, "budget": 1e6})
    assert_all_answered(out)
    assert teacher.outcomes()["answered"] == 8


def test_answers_that_fail_the_checks_are_asked_again_and_set_apart(
    tmp_path: Path, folder: Path, serve: Callable[..., Teacher]
) -> None:
    teacher = serve()
    out = generate(tmp_path, teacher.url, filter=["contradiction"], attempts=2, max_tokens=40)
    first = {(r["prompt"], r["seed"]) for r in teacher.log()}
    rejected = [row.judgement for row in read_judgements(out / "rejected.judgements.jsonl")]
    kept = [row.judgement for row in read_judgements(out / "teacher.judgements.jsonl")]
    assert len(rejected) + len(kept) == 8
    # Two bad answers (a contradiction, no label) were asked for once more, with another seed.
    assert len(first) == 10
    assert sorted(seed for _, seed in first) == [0] * 8 + [1] * 2
    for row in rejected:
        assert set(row.extra["checks_failed"]) <= {"contradiction", "unparsed"}
        assert row.doc_id in ("d2", "d3")
    assert counts_of(out)["rejected"] == len(rejected)
    assert not any("checks_failed" in row.extra for row in kept)


def test_search_queries_for_questions(tmp_path: Path, folder: Path, serve: Callable[..., Teacher]) -> None:
    out = generate(tmp_path, serve().url, task="question_queries")
    rows = {row["query_id"]: row for row in read_jsonl(out / "generated_queries.jsonl")}
    assert rows["q0"]["queries"] == ["how do I descale a boiler quickly", "hard water chalk"]
    assert rows["q1"]["queries"] == ["why is my kettle loud quickly", "hard water chalk"]
    assert counts_of(out)["queries"] == 4


def test_the_same_model_on_this_machine_gives_the_same_answers(
    tmp_path: Path, folder: Path, taught_model: Path
) -> None:
    out = generate(tmp_path, None, local={"model": str(taught_model), "batch": 3})
    rows = {
        (r.judgement.query_id, r.judgement.doc_id): r.judgement
        for r in read_judgements(out / "teacher.judgements.jsonl")
    }
    assert set(rows) == set(TAUGHT)
    for pair, judgement in rows.items():
        assert judgement.label == prompts.verdict_of(TAUGHT[pair]).label, (pair, judgement.raw_response)
    model = rows["q0", "d0"].model or {}
    assert model["engine"] == "transformers"
    assert len(model["sha256"]) == 64


def test_reasons_for_given_labels_are_kept_where_they_quote_what_is_there(
    tmp_path: Path, folder: Path, serve: Callable[..., Teacher]
) -> None:
    source = tmp_path / "audited.judgements.jsonl"
    labels = {"d0": 0, "d1": 1, "d2": 2, "d3": None}
    rows = [
        {"query_id": "q0", "query": QUESTIONS["q0"], "doc_id": name, "document": document_text(name), "label": label}
        for name, label in labels.items()
    ]
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    logs = companion(source, "corrections")
    logs.mkdir()
    # A person says 2 of d0 where the file says 0, and will not judge d1.
    events = [("d0", "correct", {"label": 2}), ("d1", "cannot_judge", {})]
    lines = [
        {
            "id": f"01890000-0000-7000-8000-{number:012x}",
            "at": "2026-01-01T00:00:00Z",
            "annotator": "ann",
            "query_id": "q0",
            "doc_id": doc,
            "action": action,
            "seconds": 1,
            **more,
        }
        for number, (doc, action, more) in enumerate(events)
    ]
    (logs / "ann-1.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    out = generate(tmp_path, serve().url, task="explain", input=str(source))
    (kept,) = [row.judgement for row in read_judgements(out / "teacher.judgements.jsonl")]
    assert (kept.doc_id, kept.label, kept.status, kept.explanation) == ("d0", 2, "ok", REASONS["d0"])
    assert kept.extra["label_source"] == "human"
    (rejected,) = [row.judgement for row in read_judgements(out / "rejected.judgements.jsonl")]
    assert (rejected.doc_id, rejected.label, rejected.extra["label_source"]) == ("d2", 2, "file")
    assert "quote" in rejected.extra["checks_failed"]
    assert counts_of(out)["checks_failed"]["quote"] == 1


def test_queries_for_documents_become_a_folder_to_judge_next(tmp_path: Path, folder: Path, taught_model: Path) -> None:
    out = generate(
        tmp_path,
        None,
        task="document_queries",
        prompt=prompts.QUESTION_QUERIES.replace("{question}", "how do I descale a boiler?"),
        local={"model": str(taught_model)},
        negatives=2,
        limit=2,
    )
    assert {q["text"] for q in read_jsonl(out / "queries.jsonl")} == {
        "how do I descale a boiler quickly",
        "hard water chalk",
    }
    pairs = read_jsonl(out / "pairs.jsonl")
    # Both documents gave the same two queries.
    assert {(p["positive"], p["relation"]) for p in pairs} == {("d0", "generated"), ("d1", "generated")}
    assert all({"d0", "d1"}.isdisjoint(p["negatives"]) for p in pairs)
    assert (out / "documents.jsonl").read_bytes() == (folder / "documents.jsonl").read_bytes()


@pytest.mark.parametrize(
    ("text", "label", "explanation"),
    [
        ("Because.\n\nRelevance Label: 2 ##", 2, "Because."),
        ("Because.\nRelevance Label: 1", 1, "Because."),
        ("Because.\n\n**Relevance Label:** 2 (relevant)", 2, "Because."),
        ("Because.\n\nrelevance label: [0] ##", 0, "Because."),
        ("<think>Relevance Label: 0?</think>\nBecause.\nRelevance Label: 2 ##", 2, "Because."),
        ("Relevance Label: 2 ##", 2, None),
        ("The document is irrelevant.", None, None),
        ("Because.\nRelevance Label: 3 ##", None, None),
        ("Because.\nRelevance Label: 1.5 ##", None, None),
        ("Because.\nRelevance Label: 12 ##", None, None),
        ("Because.\nRelevance Label: -1 ##", None, None),
        ("Relevance Label: 2 ## Relevance Label: 0 ##", None, None),
        ("", None, None),
    ],
)
def test_a_label_is_read_only_where_it_stands(text: str, label: int | None, explanation: str | None) -> None:
    assert prompts.verdict_of(text) == prompts.Verdict(label, explanation)


def test_queries_are_read_from_lists_of_all_kinds() -> None:
    text = 'Here are the queries:\n1. "descale boiler"\n2) Descale  boiler\n- vinegar chalk\n* one\n\n10. hard water ##'
    assert prompts.queries_of(text, 10) == ["descale boiler", "vinegar chalk", "hard water"]
    assert prompts.queries_of(text, 1) == ["descale boiler"]
    assert prompts.queries_of("one", 10) == []


def test_a_slot_named_in_a_document_is_text() -> None:
    assert (
        prompts.filled("{question} {document}", question="{document}", document="d {question}")
        == "{document} d {question}"
    )
    assert prompts.cut("one two  three", 2) == 7
    assert prompts.cut("one two ", 2) is None


def test_a_journal_has_one_writer_and_forgets_no_whole_line(tmp_path: Path) -> None:
    from rationale_training.errors import UserError

    path = tmp_path / "journal.jsonl"
    request = Request("q d", (("user", "x"),), 0.0, 1.0, 5, 0, 0)
    assert request.key("a") != request.key("b")
    answer = Answer("line\u2028one\ud83d", "stop", 1, None, 3)
    with Journal(path) as journal:
        journal.add(request.key("a"), answer)
        with pytest.raises(UserError, match="in use"), Journal(path):
            pass
    path.write_bytes(path.read_bytes() + b'{"key":"half')
    with Journal(path) as journal:
        assert journal.torn == 1
        journal.add("second", answer)
    again = Journal(path)
    assert len(again) == 2
    assert again.get(request.key("a")) == Answer("line\u2028one\ufffd", "stop", 1, None, 3)
    assert again.get("second") is not None
    assert again.get("half") is None


def test_a_config_that_cannot_be_is_refused(tmp_path: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for config, message in [
        ({"samples": 2}, "several samples at temperature 0"),
        ({"filter": ["contradicton"]}, "there is no check 'contradicton'"),
        ({"server": {"url": "localhost"}}, "url must begin with http://"),
        ({"server": {"budget": 1.0}}, "a budget needs"),
        ({"local": {"model": "x"}}, "exactly one of server and local"),
    ]:
        generate(tmp_path, "http://127.0.0.1:9/v1", expect=2, **config)
        assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
