"""Calls the TypeScript side of a comparison: a bundled program that reads JSON on stdin and writes JSON on stdout."""

import json
import os
import pathlib
import subprocess

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
MODEL = REPOSITORY / "models" / "rationale-135m"
PUBMEDQA = REPOSITORY / "test" / "fixtures" / "pubmedqa"


def call(entry: str, payload: object) -> object:
    """Result of `test/python/ENTRY.ts` for `payload`. Raises with what it wrote on stderr when it fails."""
    program = pathlib.Path(os.environ["RATIONALE_ENTRIES"]) / f"{entry}.mjs"
    done = subprocess.run(
        [os.environ["RATIONALE_NODE"], str(program)],
        input=json.dumps(payload).encode("utf-8"),
        capture_output=True,
        cwd=REPOSITORY,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"{entry}.ts ended with {done.returncode}:\n{done.stderr.decode('utf-8', 'replace')}")
    return json.loads(done.stdout)


def read_jsonl(path: pathlib.Path) -> list[dict]:
    # Not splitlines(): it also splits at U+2028 and other separators that JSON strings may hold.
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]


def pubmedqa() -> tuple[dict[str, str], dict[str, str]]:
    """Questions and abstracts of the fixture by id; the own abstract of question `q123` is `123`."""
    queries = {row["_id"]: row["text"] for row in read_jsonl(PUBMEDQA / "queries.jsonl")}
    corpus = {row["_id"]: row["text"] for row in read_jsonl(PUBMEDQA / "corpus.jsonl")}
    return queries, corpus
