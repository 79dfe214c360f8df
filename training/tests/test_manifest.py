"""A stage knows what it was told and what is left to do."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from rationale_training.errors import UserError
from rationale_training.manifest import Manifest, hash_of, write_text


@dataclass(frozen=True)
class Config:
    """Any config."""

    depth: int = 10
    corpus: Path = Path("corpus")


def finish(out: Path, source: Path, depth: int = 10) -> Manifest:
    manifest = Manifest.open(out, "collect", Config(depth), seed=3, inputs=[source])
    (out / "pairs.jsonl").write_text("{}\n")
    manifest.finish(outputs=[out / "pairs.jsonl"], counts={"pairs": 1})
    return manifest


@pytest.fixture
def source(tmp_path: Path) -> Path:
    file = tmp_path / "in.txt"
    file.write_text("text")
    return file


def test_records_hashes_counts_and_no_absolute_path(tmp_path: Path, source: Path) -> None:
    out = tmp_path / "out"
    finish(out, source)
    text = (out / "manifest.json").read_text()
    value = json.loads(text)
    assert value["state"] == "complete"
    assert value["inputs"] == {"../in.txt": hash_of(source)}
    assert value["outputs"] == {"pairs.jsonl": hash_of(out / "pairs.jsonl")}
    assert (value["seed"], value["counts"], value["stage"]) == (3, {"pairs": 1}, "collect")
    assert "torch" in value["packages"]
    assert str(tmp_path) not in text
    assert not list(out.glob(".*.partial"))


def test_a_complete_stage_has_nothing_to_do(tmp_path: Path, source: Path) -> None:
    out = tmp_path / "out"
    finish(out, source)
    before = (out / "manifest.json").read_bytes()
    assert Manifest.open(out, "collect", Config(), seed=3, inputs=[source]).complete
    assert (out / "manifest.json").read_bytes() == before


def test_another_config_input_or_stage_is_refused_by_name(tmp_path: Path, source: Path) -> None:
    out = tmp_path / "out"
    finish(out, source)
    with pytest.raises(UserError, match="depth: 10 there, 20 asked for"):
        Manifest.open(out, "collect", Config(20), inputs=[source], resume=True)
    with pytest.raises(UserError, match="stage collect, not generate"):
        Manifest.open(out, "generate", Config(), inputs=[source])
    source.write_text("other")
    with pytest.raises(UserError, match=r"input \.\./in\.txt differs"):
        Manifest.open(out, "collect", Config(), inputs=[source])


def test_changed_or_missing_outputs_are_noticed(tmp_path: Path, source: Path) -> None:
    out = tmp_path / "out"
    finish(out, source)
    (out / "pairs.jsonl").write_text("changed")
    with pytest.raises(UserError, match="has changed"):
        Manifest.open(out, "collect", Config(), inputs=[source])
    (out / "pairs.jsonl").unlink()
    with pytest.raises(UserError, match="is missing"):
        Manifest.open(out, "collect", Config(), inputs=[source])


def test_an_unfinished_stage_goes_on_only_when_asked(tmp_path: Path, source: Path) -> None:
    out = tmp_path / "out"
    first = Manifest.open(out, "collect", Config(), inputs=[source])
    assert not first.resumed
    with pytest.raises(UserError, match="--resume"):
        Manifest.open(out, "collect", Config(), inputs=[source])
    second = Manifest.open(out, "collect", Config(), inputs=[source], resume=True)
    assert second.resumed
    assert not second.complete


def test_a_folder_with_other_things_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(UserError, match="not empty"):
        Manifest.open(tmp_path, "collect", Config())
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.tex"]


def test_of_several_processes_only_the_first_writes(
    tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RANK", "1")
    manifest = Manifest.open(tmp_path / "out", "collect", Config(), inputs=[source])
    manifest.record(note="x")
    manifest.finish()
    assert not (tmp_path / "out").exists()
    monkeypatch.setenv("RANK", "0")
    finish(tmp_path / "out", source)
    monkeypatch.setenv("RANK", "1")
    assert Manifest.open(tmp_path / "out", "collect", Config(), inputs=[source]).complete


def test_a_folders_hash_depends_on_names_and_contents(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x").write_text("1")
    first = hash_of(tmp_path / "a")
    (tmp_path / "a" / "x").rename(tmp_path / "a" / "y")
    second = hash_of(tmp_path / "a")
    (tmp_path / "a" / "y").write_text("2")
    assert len({first, second, hash_of(tmp_path / "a")}) == 3


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    write_text(tmp_path / "a", "old")
    with pytest.raises(UnicodeEncodeError):
        write_text(tmp_path / "a", "\ud800")
    assert (tmp_path / "a").read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a"]
