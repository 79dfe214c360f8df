"""profile.py against the TypeScript that it mirrors, on the same input, and what it refuses."""

import json
import random
import re
from typing import Any

import pytest
from tokenizers import Tokenizer

from extension_side import MODEL, extension
from rationale_training.profile import (
    BoundPrompt,
    ParsedAnswer,
    ProfileError,
    QuestionTooLong,
    label_token_ids,
    load_profile,
    parse_answer,
    parse_profile,
    prompt_segments,
    render_answer,
    render_prompt,
    text_after_label,
)

CHAT = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
LABELS = [{"value": v, "name": f"n{v}", "description": f"d{v}"} for v in (0, 1, 2)]
READ = {
    "name": "expected",
    "after": "Relevance Label: ",
    "tokens": {"2": 2, "0": 0, "1": 1},
    "as": "expected",
}
PROFILES: list[dict[str, Any]] = [
    {
        "id": "raw",
        "version": 1,
        "kind": "decoder",
        "label_scale": {"name": "interank", "labels": LABELS},
        "max_tokens": 200,
        "score": {"expected": 1},
        "prompts": {
            "score": {
                "raw": "Document: {document}\nQuestion: {query}\nRelevance Label: ",
                "answer": "{label}",
                "reads": [READ, {"name": "ql", "of": "query", "as": "mean_log_probability"}],
            },
            "label_first": {
                "raw": "<|im_start|>T: {title}\nDocument: {document}\nQuestion: {query}\nRelevance Label: ",
                "answer": "{label}\nExplanation: {explanation}",
                "stop": ["\n", "<|im_end|>"],
                "max_new_tokens": 40,
                "reads": [READ],
            },
            "explain_first": {
                "raw": "Question: {query}\nDocument: {document}\nExplanation:",
                "answer": " {explanation}\n\nRelevance Label: {label} ##",
                "stop": [" ##"],
                "max_new_tokens": 60,
            },
        },
    },
    {
        "id": "chat",
        "version": 2,
        "kind": "decoder",
        "label_scale": {"name": "interank", "labels": LABELS},
        "max_tokens": 300,
        "chat_template": CHAT,
        "special_tokens": {"eos_token": "<|im_end|>"},
        "score": {},
        "prompts": {
            "explain_first": {
                "messages": [
                    {"role": "system", "content": "Be brief."},
                    {"role": "user", "content": "Explain. Question: {query}\nDocument: {document}"},
                ],
                "answer": "{explanation}\n\nRelevance Label: {label} ##",
                "stop": [" ##"],
                "max_new_tokens": 50,
            }
        },
    },
]
PARSED = [parse_profile(json.dumps(p), "test") for p in PROFILES]
MODES = [(0, "score"), (0, "label-first"), (0, "explain-first"), (1, "explain-first")]
# Text that is easy to get wrong: white space of both languages, special tokens, slots, anchors, surrogate pairs.
PIECES = [
    " ", "  ", "\n", "\n\n", "\t", "\u0085", "\u00a0", "\ufeff", "\u001c", "<|im_end|>", "<|im_start|>", "{query}",
    "{document}", "{label}", "Relevance Label:", "Relevance Label: 1", "Explanation:", "##", " ##", "0", "2", "22", "-1",
    "007", "word", " another", "don't", "naïve", "日本語", "😀", "👩‍👩‍👧", "é", "!?", "...", "x" * 30, "", "\ud83d",
]  # fmt: skip


def _texts(seed: int, count: int, longest: int) -> list[str]:
    rng = random.Random(seed)
    return ["".join(rng.choices(PIECES, k=rng.randrange(longest))) for _ in range(count)]


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer.from_file(str(MODEL / "tokenizer.json"))


def test_prompts_render_as_in_the_extension() -> None:
    texts = _texts(1, 240, 12)
    items = [
        {"profile": p, "mode": mode, "query": q, "document": d, "title": t if i % 3 else None}
        for i, (q, d, t) in enumerate(zip(texts[::3], texts[1::3], texts[2::3], strict=True))
        for p, mode in MODES
    ]
    for item, theirs in zip(items, extension(profiles=PROFILES, prompts=items)["prompts"], strict=True):
        profile = PARSED[item["profile"]]
        prompt = profile.prompt(item["mode"])
        pair = (item["query"], item["document"], item["title"])
        ours = render_prompt(prompt, *pair)
        rendered = theirs["rendered"]
        assert ours == (rendered["text"] if rendered["kind"] == "raw" else rendered["messages"])
        assert "".join(s.text for s in prompt_segments(profile, prompt, *pair)) == theirs["text"]


def test_answers_render_and_parse_as_in_the_extension() -> None:
    texts = _texts(2, 400, 14)
    answers = [
        {"profile": p, "mode": mode, "label": i % 3, "explanation": text if i % 5 else None}
        for i, text in enumerate(texts[:100])
        for p, mode in MODES
    ]
    rendered = [render_answer(PARSED[a["profile"]].prompt(a["mode"]), a["label"], a["explanation"]) for a in answers]
    parses = [
        {"profile": p, "mode": mode, "text": text, "labels": [0, 1, 2]}
        for text in texts + rendered
        for p, mode in MODES
    ]
    theirs = extension(profiles=PROFILES, answers=answers, parses=parses)
    assert rendered == theirs["answers"]
    found = 0
    for item, expected in zip(parses, theirs["parses"], strict=True):
        if expected is not None and expected["explanation"] is not None:
            # An answer that lacks the template's opening loses as many UTF-16 units there, code points here.
            expected["explanation"] = re.sub("[\ud800-\udfff]", "", expected["explanation"])
        parsed = parse_answer(PARSED[item["profile"]].prompt(item["mode"]), item["text"], item["labels"])
        ours = None if parsed is None else {"label": parsed.label, "explanation": parsed.explanation}
        if ours is not None and ours["explanation"] is not None:
            ours["explanation"] = re.sub("[\ud800-\udfff]", "", ours["explanation"])
        assert ours == expected, item
        found += parsed is not None
    assert 0 < found < len(parses)


def test_prompts_have_the_extensions_token_ids_and_cuts(tokenizer: Tokenizer) -> None:
    # Half a surrogate pair is no text for a tokenizer; both sides replace it before, which the test above compares.
    texts = [text.replace("\ud83d", "") for text in _texts(3, 120, 150)]
    items = [
        {
            "profile": 0, "mode": mode, "query": q[:120], "document": d, "title": t[:20] if i % 2 else None,
            "max_tokens": 60 + 20 * (i % 9),
        }
        for i, (q, d, t) in enumerate(zip(texts[::3], texts[1::3], texts[2::3], strict=True))
        for mode in ("score", "label-first")
    ]  # fmt: skip
    theirs = extension(profiles=PROFILES, texts=texts, prepares=items)
    outcomes = {"cut": 0, "whole": 0, "refused": 0}
    for item, expected in zip(items, theirs["prepares"], strict=True):
        profile = parse_profile(json.dumps({**PROFILES[0], "max_tokens": item["max_tokens"]}), "test")
        bound = BoundPrompt(profile, item["mode"], tokenizer)
        try:
            made = bound.prepare(item["query"], item["document"], item["title"])
        except ProfileError as error:
            assert str(error) == expected.get("error"), (item, expected)
            outcomes["refused"] += 1
            continue
        assert "error" not in expected, (item, expected)
        assert made.ids == expected["ids"]
        assert made.document_end == expected["document_end"]
        assert made.sha256 == expected["sha256"]
        if item["query"]:
            assert list(made.query) == expected["query"]
        assert [{"id": t.id, "value": t.value} for t in bound.labels] == expected["labels"]
        outcomes["cut" if made.document_end < len(item["document"]) else "whole"] += 1
    assert min(outcomes.values()) > 3, outcomes
    plain = BoundPrompt(PARSED[0], "score", tokenizer).tokenizer
    assert [plain.encode(text) for text in texts] == theirs["texts"]


def test_the_embedded_model_reads_its_profile(tokenizer: Tokenizer) -> None:
    profile = load_profile(MODEL)
    bound = BoundPrompt(profile, "score", tokenizer)
    assert [token.value for token in bound.labels] == list(profile.label_scale.values)
    prepared = bound.prepare("why?", "because <|im_end|> of it")
    # The prompt ends in the space that the label follows, and the document's special token stayed text.
    assert tokenizer.decode(prepared.ids, skip_special_tokens=False).endswith("Relevance Label: ")
    assert not set(prepared.ids) & bound.tokenizer.special_ids


def test_targets_continue_the_prompt_as_it_is_read(tokenizer: Tokenizer) -> None:
    bound = BoundPrompt(PARSED[0], "label-first", tokenizer)
    target = bound.target_ids(2, "It says so.") + bound.end_ids()
    assert target[0] == next(t.id for t in bound.labels if t.value == 2)
    assert target[1 : 1 + len(bound.tokenizer.encode("\nExplanation:"))] == bound.tokenizer.encode("\nExplanation:")
    assert target[-1] == bound.tokenizer.special_id("<|im_end|>")
    assert bound.tokenizer.decode(target[:-1]) == "2\nExplanation: It says so."
    explain = BoundPrompt(PARSED[0], "explain-first", tokenizer)
    assert explain.end_ids() == []
    assert explain.tokenizer.decode(explain.target_ids(1, "So.")) == " So.\n\nRelevance Label: 1 ##"


def test_documents_are_cut_shorter_for_training(tokenizer: Tokenizer) -> None:
    bound = BoundPrompt(PARSED[0], "score", tokenizer)
    whole = bound.prepare("why?", "word " * 100)
    short = bound.prepare("why?", "word " * 100, max_document_tokens=10)
    assert len(short.ids) <= len(bound.prepare("why?", "").ids) + 10 < len(whole.ids)


def test_a_label_that_is_not_one_token_is_refused(tokenizer: Tokenizer) -> None:
    bad = json.loads(json.dumps(PROFILES[0]))
    bad["prompts"]["score"]["reads"][0]["tokens"] = {"0": 0, "1": 1, "very relevant": 2}
    with pytest.raises(ProfileError, match=r'"very relevant" is not exactly one token'):
        label_token_ids(tokenizer, parse_profile(json.dumps(bad), "p").prompt("score"))
    twice = json.loads(json.dumps(PROFILES[0]))
    twice["label_scale"]["labels"] = LABELS[:2]
    with pytest.raises(ProfileError, match="do not match the scale"):
        BoundPrompt(parse_profile(json.dumps(twice), "p"), "score", tokenizer)


def test_a_question_without_room_is_refused(tokenizer: Tokenizer) -> None:
    with pytest.raises(QuestionTooLong, match="Shorten it"):
        BoundPrompt(PARSED[0], "score", tokenizer).prepare("long " * 300, "short")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "encoder"}, "kind"),
        ({"max_tokens": 3}, "max_tokens"),
        ({"max_tokens": True}, "max_tokens"),
        ({"surprise": 1}, "surprise"),
        ({"prompts": {"score": {"answer": "{label}"}}}, "raw"),
        ({"prompts": {"score": {"raw": "x", "answer": "nothing"}}}, "answer template"),
        ({"prompts": {"score": {"raw": "x", "answer": "{label}", "reads": [{"name": "a", "as": "mode"}]}}}, "mode"),
        ({"label_scale": {"name": "x", "labels": LABELS[:1]}}, "two labels"),
    ],
)
def test_profiles_are_refused_with_file_and_field(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ProfileError, match=r"^my\.json.*" + message if "answer" not in message else message):
        parse_profile(json.dumps({**PROFILES[0], **change}), "my.json")


def test_a_temperature_is_read_and_must_be_positive() -> None:
    hot = json.loads(json.dumps(PROFILES[0]))
    hot["prompts"]["score"]["reads"][0]["temperature"] = 1.7
    read = parse_profile(json.dumps(hot), "p").prompt("score").expected
    assert read is not None and read.temperature == 1.7
    hot["prompts"]["score"]["reads"][0]["temperature"] = 0
    with pytest.raises(ProfileError, match="temperature"):
        parse_profile(json.dumps(hot), "p")


def test_label_first_knows_what_follows_its_label() -> None:
    assert text_after_label(PARSED[0].prompt("label-first")) == "\nExplanation: "
    assert text_after_label(PARSED[0].prompt("explain-first")) is None
    assert parse_answer(PARSED[0].prompt("score"), " 2 or so", [0, 1, 2]) == ParsedAnswer(2, None)
