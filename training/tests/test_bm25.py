"""The Python first stage gives the terms, scores and order of the extension's own."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rationale_training.bm25 import Bm25Index, terms_of, text_of

IDENTIFIERS = [
    "parseJson parse_json parse-json HTTPServer2 utf8 URLs don't the Users' naïve ŒUVRES ﬁne İstanbul",
    "数据库检索 カタカナー ภาษาไทย word数据word x 數",
    "a" * 101 + " " + "ab-" * 50 + "c é " + "\U0001d400" * 60,
    "terminology assembly possibly us s is generalization flies dying agreed plastered motoring controlling rolled",
    "",
]


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]


@pytest.fixture(scope="module")
def pubmedqa(repository: Path) -> tuple[list[tuple[str, str]], list[str]]:
    folder = repository / "test" / "fixtures" / "pubmedqa"
    documents = [(row["_id"], text_of(row.get("title"), row["text"])) for row in read(folder / "corpus.jsonl")]
    return documents, [row["text"] for row in read(folder / "queries.jsonl")]


def test_terms_and_rankings_of_a_real_collection_equal_the_extensions(
    typescript: Callable[[str, Any], Any], pubmedqa: tuple[list[tuple[str, str]], list[str]]
) -> None:
    documents, queries = pubmedqa
    texts = [*IDENTIFIERS, *(text for _, text in documents), *queries]
    theirs = typescript(
        "first-stage", {"texts": texts, "documents": documents, "queries": [*queries, *IDENTIFIERS], "depth": 20}
    )
    for text, terms in zip(texts, theirs["terms"], strict=True):
        assert terms_of(text) == terms
    index = Bm25Index(documents)
    found = 0
    for query, hits in zip([*queries, *IDENTIFIERS], theirs["hits"], strict=True):
        ours = index.search(query, 20)
        assert [hit.id for hit in ours] == [hit["id"] for hit in hits]
        assert [hit.score for hit in ours] == pytest.approx([hit["score"] for hit in hits], rel=1e-12)
        found += len(ours)
    assert len(queries) > 10
    assert found > 10 * len(queries)


def test_ties_stand_in_the_order_of_their_ids_also_at_the_cut() -> None:
    index = Bm25Index(
        [("b", "boiler"), ("\U0001d400", "boiler"), ("a", "boiler"), ("\uffee", "boiler"), ("c", "stove")]
    )
    assert [hit.id for hit in index.search("boiler", 2)] == ["a", "b"]
    # UTF-16 order, as JavaScript compares: a surrogate pair stands before U+FFEE.
    assert [hit.id for hit in index.search("boiler", 9)] == ["a", "b", "\U0001d400", "\uffee"]


def test_finds_nothing_where_no_term_is_shared() -> None:
    index = Bm25Index([("a", "boiler")])
    assert index.search("stove", 5) == []
    assert index.search("the of", 5) == []
    assert index.search("boiler", 0) == []
    assert Bm25Index([]).search("boiler", 5) == []


def test_refuses_two_documents_of_one_id() -> None:
    with pytest.raises(ValueError, match="repeat"):
        Bm25Index([("a", "x"), ("a", "y")])


words = st.lists(
    st.sampled_from(["boiler", "stove", "vinegar", "chalk", "water", "hard", "lime", "kettle"]), min_size=1, max_size=8
)


@given(documents=st.lists(words, min_size=1, max_size=12), query=words, depth=st.integers(1, 12))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_cut_ranking_is_the_start_of_the_whole_one(documents: list[list[str]], query: list[str], depth: int) -> None:
    index = Bm25Index([(f"d{i}", " ".join(document)) for i, document in enumerate(documents)])
    whole = index.search(" ".join(query), len(documents))
    assert index.search(" ".join(query), depth) == whole[:depth]
    assert [hit.score for hit in whole] == sorted((hit.score for hit in whole), reverse=True)
