"""Exports as the command line writes them, and the plain ways to read them: shared by the suites of this folder."""

import hashlib
import json
import os
import pathlib
import subprocess

import datasets

from typescript import REPOSITORY, read_jsonl

SCRATCH = pathlib.Path(os.environ["RATIONALE_SCRATCH"])


def export(judgements: pathlib.Path, kind: str, *options: str, name: str | None = None) -> pathlib.Path:
    """The folder that `rationale export` writes; what it left out must be accounted for."""
    out = SCRATCH / f"export-{name or kind}"
    command = [os.environ["RATIONALE_NODE"], "scripts/cli.mjs", "export", str(judgements), "--format", kind]
    done = subprocess.run(
        [*command, "--out", str(out), *options], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"rationale export ended with {done.returncode}:\n{done.stderr}")
    for output in manifest(out)["outputs"]:
        written = hashlib.sha256((out / output["name"]).read_bytes()).hexdigest()
        if written != output["sha256"]:
            raise AssertionError(f"{output['name']} is not what the manifest says")
    return out


def manifest(folder: pathlib.Path) -> dict:
    return json.loads((folder / "manifest.json").read_text(encoding="utf-8"))


def rows(folder: pathlib.Path, name: str = "train.jsonl") -> list[dict]:
    return read_jsonl(folder / name)


def load(path: pathlib.Path) -> datasets.Dataset:
    """What `datasets` makes of one file, JSON or Parquet by its name."""
    kind = "parquet" if path.suffix == ".parquet" else "json"
    return datasets.load_dataset(kind, data_files=str(path), split="train", cache_dir=str(SCRATCH / "datasets"))
