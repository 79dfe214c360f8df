"""Judgement files: read and written by the rules that the extension reads them by."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rationale_training.errors import UserError
from rationale_training.judgements import (
    Judgement,
    Problem,
    answer_id,
    id_of_text,
    parse_judgement,
    read_judgements,
    serialise,
    well_formed,
    write_judgements,
)

ROW = {"query": "q", "document": "d", "label": 2, "explanation": "because"}


def line(**fields: Any) -> str:
    return json.dumps({**ROW, **fields})


def test_answer_ids_equal_the_typescript_vectors(repository: Path) -> None:
    vectors = json.loads((repository / "test" / "fixtures" / "answer-ids.json").read_text(encoding="utf-8"))
    assert len(vectors) >= 10
    for vector in vectors:
        answer = vector["answer"]
        names = ("query_id", "doc_id", "run_id", "sample", "label", "explanation")
        judgement = Judgement(
            query="", document="", model={"id": answer["model_id"]}, **{name: answer[name] for name in names}
        )
        assert answer_id(judgement) == vector["answer_id"], vector["name"]


def test_a_teachers_row_needs_only_query_document_and_answer() -> None:
    judgement = parse_judgement(line())
    assert judgement.query_id == id_of_text("q", "q")
    assert judgement.doc_id == id_of_text("d", "d")
    assert (judgement.status, judgement.scale, judgement.mode) == ("ok", "interank", "explain-first")
    assert parse_judgement(line(label=None)).status == "unparsed"
    assert parse_judgement(line(label=2.0)).label == 2


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "not valid JSON"),
        ("[]", "not a JSON object"),
        (line(label=1.5), 'field "label"'),
        (line(label=True), 'field "label"'),
        (line(label=2**53), 'field "label"'),
        ('{"query": "q", "document": "d", "score": NaN}', "NaN"),
        (line(status="done"), 'field "status"'),
        (line(range=[1]), 'field "range"'),
        (line(model="gpt"), 'field "model"'),
        ('{"query": "q"}', 'field "document" is missing'),
        (line(query=None), 'field "query" is missing'),
        ('{"query": "q", "document": "cut \\ud83d"}', "half of a surrogate pair"),
        ('{"query": "q", "document": "d", "note": {"a": ["\\udc00"]}}', '"note.a.0"'),
    ],
)
def test_a_line_that_is_no_judgement_says_why(text: str, reason: str) -> None:
    with pytest.raises(ValueError) as error:
        parse_judgement(text)
    assert reason in str(error.value)


def test_errors_name_file_and_line_and_the_other_rows_are_kept(tmp_path: Path) -> None:
    file = tmp_path / "a.judgements.jsonl"
    lines = [line(), "", "nonsense", line(), line(sample=1), '{"query": "q", "docu']
    file.write_bytes(b"\xef\xbb\xbf" + "\r\n".join(lines).encode())
    with pytest.raises(UserError, match=r"a\.judgements\.jsonl, line 3: not valid JSON"):
        list(read_judgements(file))
    problems: list[Problem] = []
    rows = list(read_judgements(file, problems))
    assert [row.line for row in rows] == [1, 5]
    assert [problem.line for problem in problems] == [3, 4, 6]
    assert "repeats line 1" in problems[1].reason
    assert "half-written" in problems[2].reason
    with pytest.raises(UserError, match="cannot read"):
        list(read_judgements(tmp_path / "absent.jsonl"))


def test_line_separators_inside_strings_end_no_line(tmp_path: Path) -> None:
    file = tmp_path / "a.judgements.jsonl"
    judgement = Judgement(query_id="1", query="a\u2028b\x85c", doc_id="2", document="d\x1ce")
    write_judgements(file, [judgement])
    assert [row.judgement for row in read_judgements(file)] == [judgement]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
finite = st.floats(allow_nan=False, allow_infinity=False)
judgements = st.builds(
    Judgement,
    query_id=st.text(max_size=8),
    query=st.text(max_size=20),
    doc_id=st.text(max_size=8),
    document=st.text(max_size=20),
    title=st.none() | st.text(max_size=8),
    range=st.none() | st.tuples(st.integers(0, 99), st.integers(0, 99)),
    label=st.none() | st.integers(0, 3),
    explanation=st.none() | st.text(max_size=20),
    score=st.none() | finite,
    score_parts=st.none() | st.dictionaries(st.text(max_size=5), finite, max_size=2),
    label_probabilities=st.none() | st.lists(finite, max_size=3),
    status=st.sampled_from(["pending", "ok", "truncated", "unparsed", "failed"]),
    mode=st.sampled_from(["score", "label-first", "explain-first"]),
    sample=st.integers(0, 9),
    model=st.none() | st.dictionaries(st.text(max_size=5), json_values, max_size=2),
    extra=st.dictionaries(st.text(max_size=5).map(lambda name: f"x_{name}"), json_values, max_size=3),
)


@given(judgements)
def test_what_is_written_is_read_again_unknown_fields_too(judgement: Judgement) -> None:
    text = serialise(judgement)
    assert "\n" not in text
    assert parse_judgement(text) == judgement


def test_lone_surrogates_are_written_as_replacement_characters() -> None:
    judgement = Judgement(query_id="1", query="q", doc_id="2", document="cut \ud83d", explanation="\ud83d\ude00")
    again = parse_judgement(serialise(judgement))
    assert again.document == "cut \ufffd"
    assert again.explanation == "\U0001f600"
    assert answer_id(dataclasses.replace(judgement, explanation=None)) == answer_id(
        dataclasses.replace(again, explanation=None)
    )
    assert well_formed("a\udc00b") == "a\ufffdb"
