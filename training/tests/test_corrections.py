"""What people decided, folded from their logs: equal to what the extension's own export takes from the same files."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rationale_training.errors import UserError
from rationale_training.judgements import (
    Judgement,
    Problem,
    Row,
    answer_id,
    companion,
    decided,
    fold,
    parse_event,
    read_judgements,
    read_logs,
    reviews_of,
    write_judgements,
)


def judgement(doc: str, **fields: Any) -> Judgement:
    row = {"label": 1, "explanation": f"about {doc}", "run_id": "r", **fields}
    return Judgement(query_id="q", query="a question", doc_id=doc, document=f"text of {doc}", **row)


def uuid(number: int) -> str:
    return f"01890000-0000-7000-8000-{number:012x}"


def event(number: int, doc: str, action: str, **fields: Any) -> dict[str, Any]:
    base = {"id": uuid(number), "at": "2026-01-01T00:00:00Z", "annotator": "ann", "query_id": "q", "doc_id": doc}
    return {**base, "action": action, "seconds": 1, **fields}


def write_logs(file: Path, events: list[dict[str, Any]], logs: int = 2) -> None:
    folder = companion(file, "corrections")
    folder.mkdir()
    for log in range(logs):
        lines = [json.dumps(item) for item in events[log::logs]]
        (folder / f"ann-0000000{log}.jsonl").write_text("".join(f"{one}\n" for one in lines), encoding="utf-8")


def random_case(seed: int, folder: Path) -> Path:
    """A judgement file with several answers to few pairs, and logs that hit every rule: label-only corrections, retracts
    of ids and batches, events on answers that are gone, events without an answer, repeated lines, several annotators."""
    pick = random.Random(seed)
    rows = [
        judgement(doc, sample=sample, label=pick.choice([0, 1, 2, None]), status="ok")
        for doc in ("d1", "d2")
        for sample in range(2)
    ]
    events: list[dict[str, Any]] = []
    for number in range(pick.randint(3, 25)):
        row = pick.choice(rows)
        action = pick.choice(["accept", "correct", "correct", "skip", "cannot_judge", "flag", "comment", "retract"])
        fields: dict[str, Any] = {"annotator": pick.choice(["ann", "ann", "bob", "Ö"])}
        answer = pick.choice([answer_id(row), answer_id(row), None, "gone"])
        if answer is not None:
            fields["answer_id"] = answer
        if action == "correct":
            if pick.random() < 0.8:
                fields["label"] = pick.randint(0, 2)
            if pick.random() < 0.5:
                fields["explanation"] = pick.choice([" better ", "other"])
            if pick.random() < 0.4:
                fields["evidence"] = [[0, pick.randint(1, 4)]]
            if pick.random() < 0.3:
                fields["blind"] = pick.random() < 0.7
        if action == "retract" and events:
            earlier = pick.choice(events)
            fields["retracts"] = earlier.get("batch", earlier["id"])
        if pick.random() < 0.3:
            fields["batch"] = f"b{pick.randint(1, 3)}"
        # Now and then the id of another event: a damaged or badly merged log.
        identity = number if pick.random() < 0.9 else pick.randint(0, 25)
        events.append({**event(identity, row.doc_id, action, **fields), "unknown": pick.randint(0, 1)})
    events += pick.sample(events, min(3, len(events)))
    pick.shuffle(events)
    file = folder / f"case{seed}.judgements.jsonl"
    write_judgements(file, rows)
    write_logs(file, events)
    with next(companion(file, "corrections").glob("*.jsonl")).open("a") as log:
        log.write('{"id": "torn')
    return file


@pytest.mark.parametrize(
    ("policy", "aspect"), [("agreeing", "answer"), ("agreeing", "label"), ("majority", "answer"), ("all", "answer")]
)
def test_decisions_equal_the_extensions_on_random_logs(
    typescript: Callable[[str, Any], Any], tmp_path: Path, policy: Any, aspect: Any
) -> None:
    files = [random_case(seed, tmp_path) for seed in range(60)]
    theirs = typescript("reviews", {"paths": [str(f) for f in files], "annotators": policy, "aspects": aspect})
    taken = 0
    for file, their in zip(files, theirs, strict=True):
        problems: list[Problem] = []
        annotators = fold(read_logs(file, problems))
        assert [problem.line for problem in problems] == their["problems"]
        rows = list(read_judgements(file, []))
        assert [row.line for row in rows] == [row["line"] for row in their["rows"] if "malformed" not in row]
        by_line = {row["line"]: row for row in their["rows"]}
        for row in rows:
            ours = [
                {
                    "kind": review.kind,
                    "label": review.label,
                    "explanation": review.explanation,
                    "source": review.source,
                    "annotators": list(review.annotators),
                    "evidence": [list(pair) for pair in review.evidence],
                }
                for review in reviews_of(row, annotators, policy, aspect)
            ]
            assert row.answer_id == by_line[row.line]["answer_id"]
            assert ours == by_line[row.line]["reviews"], (file, row.line)
            taken += len(ours)
    assert taken > 30


def test_a_corrected_label_is_about_the_pair_and_an_explanation_about_the_answer(tmp_path: Path) -> None:
    rows = [judgement("d1", sample=0), judgement("d1", sample=1), judgement("d2")]
    file = tmp_path / "a.judgements.jsonl"
    write_judgements(file, rows)
    first = answer_id(rows[0])
    write_logs(file, [event(1, "d1", "correct", label=2, answer_id=first), event(2, "d2", "skip")])
    found = list(decided(file))
    assert [(d.row.line, d.review.label, d.review.source) for d in found] == [(1, 2, "kept"), (2, 2, "elsewhere")]


def test_a_retract_takes_back_a_whole_batch_of_its_own_annotator_only(tmp_path: Path) -> None:
    file = tmp_path / "a.judgements.jsonl"
    rows = [judgement("d1"), judgement("d2")]
    write_judgements(file, rows)
    events = [
        event(n, doc, "accept", batch="b", answer_id=answer_id(r))
        for n, doc, r in zip((1, 2), ("d1", "d2"), rows, strict=True)
    ]
    write_logs(file, [*events, event(3, "d1", "retract", retracts="b", annotator="bob")])
    assert len(list(decided(file))) == 2
    log = companion(file, "corrections") / "ann-00000000.jsonl"
    log.write_text(log.read_text() + json.dumps(event(4, "d1", "retract", retracts="b")) + "\n")
    assert list(decided(file)) == []


def test_decisions_on_a_changed_answer_are_stale(tmp_path: Path) -> None:
    old, new = judgement("d1"), judgement("d1", explanation="changed")
    folded = fold([parse_event(json.dumps(event(1, "d1", "accept", answer_id=answer_id(old))))])["ann"]
    row = Row(1, new, answer_id(new))
    assert folded.statement("decision", row) is None
    assert folded.is_stale(row, lambda answer: answer == answer_id(new))
    assert not folded.is_stale(row, lambda answer: True)


def test_a_torn_line_of_a_log_names_file_and_line(tmp_path: Path) -> None:
    file = tmp_path / "a.judgements.jsonl"
    write_judgements(file, [judgement("d1")])
    folder = companion(file, "corrections")
    folder.mkdir()
    (folder / "ann-1.jsonl").write_text(json.dumps(event(1, "d1", "accept")) + '\n{"id": "0189')
    with pytest.raises(UserError, match=r"ann-1\.jsonl, line 2: half-written"):
        list(decided(file))
    problems: list[Problem] = []
    assert len(list(decided(file, problems=problems))) == 1
    assert len(problems) == 1


@given(st.permutations(range(6)), st.integers(0, 2**30))
@settings(max_examples=50)
def test_order_and_repetition_of_events_change_nothing(order: list[int], seed: int) -> None:
    pick = random.Random(seed)
    row = judgement("d1")
    place = Row(1, row, answer_id(row))
    events = []
    for number in range(6):
        action = pick.choice(["accept", "correct", "skip", "retract"])
        fields: dict[str, Any] = {"answer_id": place.answer_id} if pick.random() < 0.7 else {}
        if action == "correct":
            fields["label"] = pick.randint(0, 2)
        if action == "retract":
            fields["retracts"] = uuid(pick.randint(0, 5))
        events.append(parse_event(json.dumps(event(number, "d1", action, **fields))))
    expected = reviews_of(place, fold(events))
    shuffled = [events[i] for i in order]
    assert reviews_of(place, fold([*shuffled, *shuffled[:3]])) == expected
