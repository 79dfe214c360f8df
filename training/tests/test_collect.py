"""The collect stage over small sources of every kind."""

import gzip
import json
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from rationale_training.cli import main
from rationale_training.collect.duplicates import EvaluationSets, near_duplicates, normalised, shingles
from rationale_training.collect.texts import passages, plain_text


def write_jsonl(path: Path, rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def read_jsonl(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]


def collect(tmp_path: Path, sources: list[dict[str, Any]], expect: int = 0, **config: Any) -> Path:
    file = tmp_path / "collect.yaml"
    file.write_text(yaml.safe_dump({"sources": [{"licence": "CC0", **s} for s in sources], **config}))
    out = tmp_path / "out"
    assert main(["collect", "--config", str(file), "--out", str(out)]) == expect
    return out


def post(**attributes: Any) -> str:
    return f"  <row {' '.join(f'{name}={quoteattr(str(value))}' for name, value in attributes.items())} />\n"


@pytest.fixture
def dump(tmp_path: Path) -> Path:
    """A dump of four questions: 1 with two answers and a link to 4, 2 unanswered, 3 a duplicate of 1, 4 old."""
    folder = tmp_path / "dump"
    folder.mkdir()
    rows = [
        post(Id=1, PostTypeId=1, Score=5, AnswerCount=3, AcceptedAnswerId=11, Title="How do I descale a boiler?",
             Body="<p>It is full of <b>chalk</b> &amp; lime.</p><pre><code>a\n  b</code></pre>", Tags="<boiler><chalk>"),
        post(Id=2, PostTypeId=1, Score=9, AnswerCount=0, Title="Unanswered", Body="<p>?</p>"),
        post(Id=10, PostTypeId=2, ParentId=1, Score=7,
             Body='<p>Use citric acid, as <a href="https://example.org/acid">this page</a> and <a href="/q/2">that</a> say, and rinse twice.</p>'),
        post(Id=11, PostTypeId=2, ParentId=1, Score=3, Body="<p>Vinegar dissolves the chalk, leave it in over night.</p>"),
        post(Id=12, PostTypeId=2, ParentId=1, Score=-2, Body="<p>Throw the boiler away and buy a new one.</p>"),
        post(Id=3, PostTypeId=1, Score=2, AnswerCount=1, Title="Boiler full of lime", Body="<p>Help with the lime in my boiler.</p>"),
        post(Id=13, PostTypeId=2, ParentId=3, Score=1, Body="<p>Boil lemon juice in it for an hour or so.</p>"),
        post(Id=4, PostTypeId=1, Score=1, AnswerCount=1, Title="Kettle noise", Body="<p>Why is my kettle so loud?</p>"),
        post(Id=14, PostTypeId=2, ParentId=4, Score=2, Body="<p>Chalk on the element makes a kettle loud when it boils.</p>"),
    ]  # fmt: skip
    (folder / "Posts.xml").write_text(f'<?xml version="1.0"?>\n<posts>\n{"".join(rows)}</posts>\n', encoding="utf-8")
    links = [post(PostId=1, RelatedPostId=4, LinkTypeId=1), post(PostId=3, RelatedPostId=1, LinkTypeId=3)]
    (folder / "PostLinks.xml").write_text(f"<postlinks>\n{''.join(links)}</postlinks>\n", encoding="utf-8")
    return folder


def test_a_stackexchange_dump_gives_questions_answers_and_links(tmp_path: Path, dump: Path) -> None:
    out = collect(tmp_path, [{"name": "diy", "kind": "stackexchange", "path": str(dump)}])
    queries = {row["_id"]: row for row in read_jsonl(out / "queries.jsonl")}
    assert sorted(queries) == ["diy:1", "diy:3", "diy:4"]
    first = queries["diy:1"]
    assert first["title"] == "How do I descale a boiler?"
    assert first["body"] == "It is full of chalk & lime.\n\na\n  b"
    assert first["text"] == f"{first['title']} {first['body']}"
    assert first["metadata"] == {"tags": ["boiler", "chalk"], "score": 5}
    # Only links that lead out of the site.
    assert first["links"] == [{"url": "https://example.org/acid", "text": "this page"}]
    documents = {row["_id"]: row["text"] for row in read_jsonl(out / "documents.jsonl")}
    assert documents["diy:11"] == "Vinegar dissolves the chalk, leave it in over night."
    assert "diy:12" not in documents
    pairs = [(p["query_id"], p["positive"], p["relation"], p["grade"]) for p in read_jsonl(out / "pairs.jsonl")]
    assert pairs == [
        ("diy:1", "diy:11", "accepted", 3),
        ("diy:1", "diy:10", "answer", 7),
        ("diy:1", "diy:14", "link", 2),
        ("diy:3", "diy:13", "answer", 1),
        ("diy:3", "diy:11", "duplicate", 3),
        ("diy:4", "diy:14", "answer", 2),
    ]
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["state"] == "complete"
    assert manifest["counts"]["left_out"]["diy: answers with too low a score"] == 1
    assert manifest["counts"]["left_out"]["diy: questions without an answer or with too low a score"] == 1


def test_the_same_config_gives_the_same_bytes_and_a_limit_keeps_its_choice(tmp_path: Path, dump: Path) -> None:
    kept = []
    for number in range(2):
        folder = tmp_path / str(number)
        folder.mkdir()
        out = collect(folder, [{"name": "diy", "kind": "stackexchange", "path": str(dump), "limit": 2}], seed=7)
        kept.append({p.name: p.read_bytes() for p in out.iterdir() if p.name != "manifest.json"})
    assert kept[0] == kept[1]
    assert kept[0]["queries.jsonl"].count(b"\n") == 2


def test_hard_negatives_are_bm25s_best_without_the_positives(tmp_path: Path) -> None:
    corpus = [{"_id": f"d{i}", "title": "", "text": f"boiler note number {i} about {word}, chalk and pipes"} for i, word in enumerate("vinegar lemons acids pumps valves taps".split())]  # fmt: skip
    corpus += [{"_id": "far", "title": "Sheep", "text": "wool is sheared once a year in early summer"}]
    folder = tmp_path / "beir"
    write_jsonl(folder / "corpus.jsonl", corpus)
    write_jsonl(
        folder / "queries.jsonl", [{"_id": "1", "text": "vinegar against chalk in a boiler"}, {"_id": "2", "text": "x"}]
    )
    (folder / "qrels").mkdir()
    (folder / "qrels" / "train.tsv").write_text("query-id\tcorpus-id\tscore\n1\td0\t2\n1\tfar\t0\n1\tgone\t1\n")
    out = collect(tmp_path, [{"name": "b", "kind": "beir", "path": str(folder)}], negatives=4, depth=5)
    (pair,) = read_jsonl(out / "pairs.jsonl")
    assert (pair["positive"], pair["relation"], pair["grade"], pair["positive_rank"]) == ("b:d0", "judged", 2, 1)
    # The judged one first, though no term is shared; then from the best five, in their order.
    assert pair["negatives"][0] == "b:far"
    assert len(pair["negatives"]) == 4
    assert pair["negative_ranks"][0] is None
    assert pair["negative_ranks"][1:] == sorted(pair["negative_ranks"][1:])
    assert all(2 <= rank <= 5 for rank in pair["negative_ranks"][1:])
    counts = json.loads((out / "manifest.json").read_text())["counts"]
    assert counts["left_out"] == {
        "b: judged documents that are not in the collection": 1,
        "b: queries without judgements": 1,
    }


def test_questions_as_json_lines_in_the_shapes_that_are_about(tmp_path: Path) -> None:
    answer = "Vinegar dissolves the chalk that hard water leaves."
    rows = [
        {"question": {"title": "Descale?", "body": "My boiler is full."}, "generated_queries": ["descale boiler"],
         "links": [{"text": answer, "label": 2, "explanation": "x"}, {"text": "Sheep are sheared in early summer.", "label": 0}, {"url": "https://e.org"}],
         "other_document": {"text": "Stoves burn wood and make the room warm.", "label": 0}},
        {"qid": 7, "question": "Why is my <b>kettle</b> loud?", "answers": [{"answer_id": 3, "pm_score": 4, "selected": True, "text": "<p>Chalk on the element makes it loud.</p>"},
                                                                           {"answer_id": 4, "pm_score": -1, "text": "I do not know that at all."}]},
        {"id": "z", "title": "Third", "body": "question", "answers": ["A plain answer of some five words."]},
    ]  # fmt: skip
    write_jsonl(tmp_path / "q.jsonl", rows)
    out = collect(tmp_path, [{"name": "q", "kind": "questions", "path": str(tmp_path / "q.jsonl"), "html": True}])
    queries = read_jsonl(out / "queries.jsonl")
    assert [q["text"] for q in queries] == ["Descale? My boiler is full.", "Why is my kettle loud?", "Third question"]
    assert queries[0]["metadata"]["generated_queries"] == ["descale boiler"]
    pairs = read_jsonl(out / "pairs.jsonl")
    assert [(p["relation"], p["grade"]) for p in pairs] == [("link", 2), ("accepted", 4), ("answer", None)]
    texts = {row["_id"]: row["text"] for row in read_jsonl(out / "documents.jsonl")}
    assert texts[pairs[1]["positive"]] == "Chalk on the element makes it loud."
    assert {texts[d] for d in pairs[0]["negatives"][:2]} == {
        rows[0]["links"][1]["text"],
        rows[0]["other_document"]["text"],
    }


def test_documents_of_a_folder_are_split_into_passages(tmp_path: Path) -> None:
    folder = tmp_path / "notes"
    (folder / "sub").mkdir(parents=True)
    paragraphs = [" ".join(f"word{i}x{j}" for j in range(30)) for i in range(4)]
    (folder / "sub" / "a.md").write_text("# Boilers\n\n" + "\n\n".join(paragraphs), encoding="utf-8")
    (folder / "b.txt").write_bytes("Café au lait is made with hot milk.".encode("latin-1"))
    (folder / "c.html").write_text("<head><title>no</title></head><p>One two three four five <script>x</script>six</p>")
    (folder / "skip.png").write_bytes(b"\x89PNG")
    out = collect(tmp_path, [{"name": "n", "kind": "documents", "path": str(folder), "passage_words": 65}])
    rows = {row["_id"]: row for row in read_jsonl(out / "documents.jsonl")}
    assert list(rows) == ["n:b.txt", "n:c.html", "n:sub/a.md#0", "n:sub/a.md#1"]
    assert rows["n:b.txt"]["text"] == "Café au lait is made with hot milk."
    assert rows["n:c.html"]["text"] == "One two three four five six"
    assert rows["n:sub/a.md#0"]["title"] == "Boilers"
    assert rows["n:sub/a.md#1"]["text"] == "\n\n".join(paragraphs[2:])
    assert read_jsonl(out / "pairs.jsonl") == []


def test_a_trec_collection_in_sgml_with_topics_and_qrels(tmp_path: Path) -> None:
    sgml = (
        "<DOC>\n<DOCNO> FT-1 </DOCNO>\n<HEADLINE>Boilers &amp; chalk</HEADLINE>\n<TEXT>\n<P>Vinegar is good, if x < y.</P>\n<P>Rinse it.</P>\n</TEXT>\n</DOC>\n"
        "<DOC><DOCNO>FT-2</DOCNO><TEXT>Wool is sheared in the early summer.</TEXT></DOC>"
    )
    folder = tmp_path / "disk"
    folder.mkdir()
    (folder / "ft1.gz").write_bytes(gzip.compress(sgml.encode()))
    topics = "<top>\n<num> Number: 301 \n<title> descaling\n boilers \n<desc> Description:\nlong\n</top>\n"
    (tmp_path / "topics").write_text(topics)
    (tmp_path / "qrels").write_text("301 0 FT-1 1\n301 0 FT-2 0\n")
    source = {"name": "t", "kind": "trec", "path": str(folder), "topics": str(tmp_path / "topics"), "qrels": str(tmp_path / "qrels")}  # fmt: skip
    out = collect(tmp_path, [source])
    assert read_jsonl(out / "queries.jsonl")[0]["text"] == "descaling boilers"
    document = read_jsonl(out / "documents.jsonl")[0]
    assert (document["_id"], document["title"], document["text"]) == (
        "t:FT-1",
        "Boilers & chalk",
        "Vinegar is good, if x y.\n\nRinse it.",
    )
    (pair,) = read_jsonl(out / "pairs.jsonl")
    assert (pair["positive"], pair["negatives"]) == ("t:FT-1", ["t:FT-2"])


def test_evaluation_texts_are_removed_with_what_and_why(tmp_path: Path, repository: Path) -> None:
    evaluation = repository / "test" / "fixtures" / "pubmedqa"
    questions = read_jsonl(evaluation / "queries.jsonl")
    abstracts = read_jsonl(evaluation / "corpus.jsonl")
    clean = "Steam rises in the pipes and the radiators of the old house begin to knock every winter morning."
    part = " ".join(abstracts[1]["text"].split()[5:60])
    rows = [
        {"_id": "same", "text": abstracts[0]["text"].upper() + " !"},
        {"_id": "part", "text": f"Somebody wrote: {part}. That was all of it."},
        {"_id": "quote", "text": f"{clean} Then somebody asked {questions[2]['text'].lower()} and nobody knew."},
        {"_id": "clean", "text": clean},
    ]
    write_jsonl(tmp_path / "documents.jsonl", rows)
    asked = [
        {"id": "leak", "question": questions[0]["text"].replace("?", " ?!"), "answers": [clean + " So it goes."]},
        {"id": "title", "title": questions[1]["text"], "body": "A long body. " * 30, "answers": [clean + " It does."]},
        {
            "id": "kept",
            "question": "Why do the pipes knock?",
            "answers": ["Air in the pipes makes them knock so loud."],
        },
    ]
    write_jsonl(tmp_path / "questions.jsonl", asked)
    out = collect(
        tmp_path,
        [
            {"name": "d", "kind": "documents", "path": str(tmp_path / "documents.jsonl")},
            {"name": "q", "kind": "questions", "path": str(tmp_path / "questions.jsonl")},
        ],
        evaluation=[str(evaluation)],
    )
    removed = {row["id"]: row for row in read_jsonl(out / "removed.jsonl")}
    reasons = {identity: row["reason"] for identity, row in removed.items()}
    assert reasons["d:same"] == "evaluation text"
    assert reasons["d:part"] == "evaluation overlap"
    assert reasons["d:quote"] == "evaluation query"
    assert reasons["q:leak"] == "evaluation text"
    assert reasons["q:title"] == "evaluation overlap"
    assert removed["d:same"]["of"] == f"pubmedqa document {abstracts[0]['_id']}"
    assert {"d:clean", "q:kept"}.isdisjoint(removed)
    assert [q["_id"] for q in read_jsonl(out / "queries.jsonl")] == ["q:kept"]
    card = (out / "README.md").read_text()
    assert "document: evaluation query: 1" in card
    assert "pubmedqa" in card


def test_qrels_alone_remove_by_id(tmp_path: Path) -> None:
    (tmp_path / "test.qrels").write_text("z 0 other 1\n")
    rows = [
        {"id": name, "question": f"{name} question", "answers": [f"{name} answers in five whole words"]}
        for name in "yz"
    ]
    write_jsonl(tmp_path / "q.jsonl", rows)
    out = collect(tmp_path, [{"name": "q", "kind": "questions", "path": str(tmp_path / "q.jsonl")}], evaluation=[str(tmp_path / "test.qrels")])  # fmt: skip
    assert [(r["id"], r["reason"]) for r in read_jsonl(out / "removed.jsonl")] == [("q:z", "evaluation id")]


def test_near_duplicates_go_and_their_questions_keep_the_answer_that_stays(tmp_path: Path) -> None:
    base = " ".join(f"word{i}" for i in range(60))
    rows = [
        {"id": "a", "question": "first question about boilers", "answers": [base]},
        {"id": "b", "question": "second one about wooden stoves", "answers": [f"{base.upper()}, extra"]},
        {"id": "c", "question": "First question: about boilers!", "answers": ["Something else in five words or more."]},
        {
            "id": "d",
            "question": "third thing about kettles",
            "answers": [" ".join(f"word{i}" for i in range(0, 120, 2))],
        },
    ]
    write_jsonl(tmp_path / "q.jsonl", rows)
    out = collect(tmp_path, [{"name": "q", "kind": "questions", "path": str(tmp_path / "q.jsonl")}])
    removed = {r["id"]: (r["reason"], r["of"]) for r in read_jsonl(out / "removed.jsonl")}
    assert removed == {"q:b/0": ("near-duplicate", "q:a/0"), "q:c": ("duplicate", "q:a")}
    pairs = {p["query_id"]: p["positive"] for p in read_jsonl(out / "pairs.jsonl")}
    assert pairs == {"q:a": "q:a/0", "q:b": "q:a/0", "q:d": "q:d/0"}


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({"kind": "stackexchange", "path": "empty"}, "Posts.xml"),
        ({"kind": "questions", "path": "bad.jsonl"}, "line 2: not valid JSON"),
        ({"kind": "documents", "path": "none.jsonl"}, "line 1: no text in 'text'"),
        ({"kind": "documents", "path": "twice.jsonl"}, "'1' occurs twice"),
        ({"kind": "documents", "path": "absent"}, "absent: No such file"),
        ({"kind": "beir", "path": "empty"}, "corpus.jsonl"),
        ({"kind": "trec", "path": "bad.jsonl", "qrels": "x"}, "qrels need topics"),
        ({"kind": "docs", "path": "empty"}, "'docs' is none of"),
    ],
)
def test_a_source_that_is_not_what_it_says_is_refused_by_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], source: dict[str, Any], message: str
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad.jsonl").write_text('{"question": "a b c", "answers": []}\n{\n')
    (tmp_path / "none.jsonl").write_text('{"id": "1"}\n')
    (tmp_path / "twice.jsonl").write_text('{"id": "1", "text": "one two three four five"}\n' * 2)
    collect(tmp_path, [{"name": "s", **source}], expect=2)
    assert message in capsys.readouterr().err


def test_plain_text_of_html_keeps_code_and_drops_scripts() -> None:
    text, links = plain_text(
        '<p>a <i>b</i>&lt;c</p><script>no</script><ul><li>x</li><li>y</li></ul><pre>p\n  q</pre><a href="http://e.org">e</a>'
    )
    assert text == "a b<c\n\nx\n\ny\n\np\n  q\ne"
    assert links == [{"url": "http://e.org", "text": "e"}]


words = st.lists(st.sampled_from("boiler stove vinegar chalk water hard".split()), min_size=1, max_size=40)


@given(st.lists(words, min_size=1, max_size=8), st.integers(1, 20))
def test_passages_lose_no_word_and_keep_their_bound(paragraphs: list[list[str]], bound: int) -> None:
    text = "\n\n".join(" ".join(paragraph) for paragraph in paragraphs)
    pieces = list(passages(text, bound))
    assert " ".join(pieces).split() == text.split()
    assert all(len(piece.split()) <= bound for piece in pieces)


@given(st.lists(words, min_size=1, max_size=8))
def test_near_duplicates_leave_no_two_texts_alike(texts: list[list[str]]) -> None:
    named = [(str(i), " ".join(text)) for i, text in enumerate(texts)]
    removed = {removal.id: removal for removal in near_duplicates("document", named, 3, 0.8)}
    kept = {name: shingles(normalised(text), 3) for name, text in named if name not in removed}
    for name, own in kept.items():
        for other, theirs in kept.items():
            if name < other:
                union = len(set(own.tolist()) | set(theirs.tolist()))
                assert len(set(own.tolist()) & set(theirs.tolist())) / union < 0.8
    assert all(removal.of in kept for removal in removed.values())


def test_an_evaluation_folder_without_texts_is_refused(tmp_path: Path) -> None:
    from rationale_training.errors import UserError

    with pytest.raises(UserError, match="no BEIR folder"):
        EvaluationSets([tmp_path])
