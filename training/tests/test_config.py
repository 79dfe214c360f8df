"""Configs refuse what they do not know, naming file, key and what is allowed."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest

from rationale_training.config import build, load, plain
from rationale_training.errors import UserError


@dataclass(frozen=True)
class Optimiser:
    """Inner part."""

    rate: float = 1e-3
    name: Literal["adamw", "sgd"] = "adamw"

    def __post_init__(self) -> None:
        if self.rate <= 0:
            raise ValueError("rate must be positive")


@dataclass(frozen=True)
class Config:
    """Outer part."""

    corpus: Path
    seed: int = 0
    fast: bool = False
    note: str | None = None
    depths: tuple[int, ...] = (10,)
    weights: dict[str, float] = field(default_factory=dict)
    optimiser: Optimiser = Optimiser()


def read(tmp_path: Path, text: str, *overrides: str) -> Config:
    file = tmp_path / "a.yaml"
    file.write_text(text, encoding="utf-8")
    return load(Config, file, overrides)


def test_reads_nested_parts_and_relative_paths(tmp_path: Path) -> None:
    config = read(tmp_path, "corpus: ../data\ndepths: [1, 2]\nweights: {a: 1}\noptimiser: {rate: 1e-4}\n")
    assert config.corpus == (tmp_path / "../data").resolve()
    assert config.depths == (1, 2)
    assert config.weights == {"a": 1.0}
    # YAML 1.1 reads 1e-4 as a text.
    assert config.optimiser == Optimiser(rate=1e-4)


def test_overrides_are_yaml_with_dots_and_paths_from_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sub").mkdir()
    config = read(tmp_path / "sub", "corpus: x\n", "optimiser.rate=2", "corpus=data", "fast=true", "optimiser.name=sgd")
    assert config.optimiser == Optimiser(rate=2.0, name="sgd")
    assert config.corpus == tmp_path / "data"
    assert config.fast is True


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("seed: 1", "corpus is missing"),
        ("corpus: x\nsead: 1", "sead: there is no such field. There are: corpus, seed"),
        ("corpus: x\nseed: yes", "seed: expected a whole number, found True"),
        ("corpus: x\nseed: 1.5", "seed: expected a whole number"),
        ("corpus: x\nseed:", "seed: expected a whole number, found nothing"),
        ("corpus: x\nfast: 1", "fast: expected true or false"),
        ("corpus: x\nnote: [1]", "note: expected a text"),
        ("corpus: x\ndepths: 3", "depths: expected a list"),
        ("corpus: x\ndepths: [1, a]", "depths[1]: expected a whole number, found 'a'"),
        ("corpus: x\noptimiser: {name: adam}", "optimiser.name: 'adam' is none of 'adamw', 'sgd'"),
        ("corpus: x\noptimiser: {rate: -1}", "optimiser: rate must be positive"),
        ("corpus: x\noptimiser: {rate: .nan}", "optimiser.rate: expected a finite number"),
        ("corpus: x\noptimiser: {lr: 1}", "optimiser.lr: there is no such field. There are: rate, name"),
        ("- a", "the file: expected a mapping"),
        ("a: [", "is not valid YAML"),
    ],
)
def test_refuses_with_file_key_and_what_is_allowed(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UserError) as error:
        read(tmp_path, text)
    assert message in str(error.value)
    assert "a.yaml" in str(error.value)


@pytest.mark.parametrize("override", ["seed", "seed=[", "seed.x=1", "optimiser.rte=1"])
def test_refuses_overrides_that_lead_nowhere(tmp_path: Path, override: str) -> None:
    with pytest.raises(UserError):
        read(tmp_path, "corpus: x\nseed: 1\n", override)


def test_a_part_of_a_larger_file_and_records_without_absolute_paths(tmp_path: Path) -> None:
    config = build(Config, {"corpus": "data"}, tmp_path / "run.yaml")
    assert plain(config, tmp_path / "out")["corpus"] == "../data"
    assert plain(config, tmp_path / "out")["optimiser"] == {"rate": 1e-3, "name": "adamw"}


def test_an_absent_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"absent\.yaml"):
        load(Config, tmp_path / "absent.yaml")
