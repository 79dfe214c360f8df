"""What the package says it needs is what the tests run with, and what it imports it says it needs."""

import ast
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement

from rationale_training import collect, generate
from rationale_training.config import build

#: Import name to distribution, where they differ.
DISTRIBUTIONS = {"pytrec_eval": "pytrec_eval-terrier", "Stemmer": "PyStemmer", "yaml": "PyYAML"}


@pytest.fixture
def needed(repository: Path) -> dict[str, Requirement]:
    """Everything pyproject.toml names, extras too, by normalised name."""
    project: dict[str, Any] = tomllib.loads((repository / "training" / "pyproject.toml").read_text())["project"]
    texts = [*project["dependencies"], *(one for extra in project["optional-dependencies"].values() for one in extra)]
    return {normal(Requirement(text).name): Requirement(text) for text in texts}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_the_pinned_versions_of_the_tests_satisfy_the_package(repository: Path, needed: dict[str, Requirement]) -> None:
    pinned = {}
    for file in ("requirements.txt", "constraints.txt"):
        for line in (repository / "test" / "python" / file).read_text().splitlines():
            if line and not line.startswith("#"):
                requirement = Requirement(line)
                (specifier,) = requirement.specifier
                pinned[normal(requirement.name)] = specifier.version
    assert needed
    for name, requirement in needed.items():
        assert name in pinned, f"{name} is in pyproject.toml and not pinned in test/python"
        assert requirement.specifier.contains(pinned[name], prereleases=True), (name, pinned[name])


def test_every_package_that_is_imported_is_declared(repository: Path, needed: dict[str, Requirement]) -> None:
    imported: dict[str, Path] = {}
    for file in (repository / "training" / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                names = [node.module]
            for name in names:
                imported.setdefault(name.split(".")[0], file)
    for name, file in imported.items():
        if name in sys.stdlib_module_names or name == "rationale_training":
            continue
        assert normal(DISTRIBUTIONS.get(name, name)) in needed, f"{file} imports {name}, which pyproject.toml lacks"


def test_the_configs_in_the_readme_are_taken(repository: Path, tmp_path: Path) -> None:
    text = (repository / "training" / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```yaml\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    kinds = {"sources": collect.Config, "task": generate.Config}
    read = []
    for block in blocks:
        value = yaml.safe_load(block)
        kind = next((kind for name, kind in kinds.items() if name in value), None)
        if kind is not None:
            read.append(build(kind, value, tmp_path / "README.yaml"))
    assert [type(config) for config in read] == [collect.Config, generate.Config]
