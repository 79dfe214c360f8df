"""Recipes: steps in order, names filled in, complete steps passed over, failures named."""

import json
from pathlib import Path

import pytest

from rationale_training.config import load
from rationale_training.errors import UserError
from rationale_training.run import Config, run

SCRIPT = """
import pathlib, sys
out = pathlib.Path(sys.argv[1]) / "made.txt"
out.write_text((out.read_text() if out.exists() else "") + sys.argv[2] + "\\n")
"""


def recipe(folder: Path, *, second: str = "two.py") -> Path:
    (folder / "one.py").write_text(SCRIPT)
    (folder / "two.py").write_text(
        "import pathlib, sys\npathlib.Path(sys.argv[2], 'copy').write_bytes(pathlib.Path(sys.argv[1], 'made.txt').read_bytes())"
    )
    (folder / "bad.py").write_text("raise SystemExit(3)")
    file = folder / "recipe.yaml"
    file.write_text(
        "folder: .\nvalues: {word: hello}\nsteps:\n"
        "  - {name: first, script: one.py, arguments: ['{out}', '{word}']}\n"
        f"  - {{name: second, script: {second}, arguments: ['{{first}}', '{{out}}']}}\n"
    )
    return file


def test_steps_run_in_order_and_complete_ones_are_passed_over(tmp_path: Path) -> None:
    config = load(Config, recipe(tmp_path))
    run(config, tmp_path / "out", resume=False)
    assert (tmp_path / "out/second/copy").read_text() == "hello\n"
    run(config, tmp_path / "out", resume=True)
    assert (tmp_path / "out/first/made.txt").read_text() == "hello\n"
    assert json.loads((tmp_path / "out/first/manifest.json").read_text())["state"] == "complete"


def test_a_failing_step_is_named_and_the_earlier_ones_stay(tmp_path: Path) -> None:
    config = load(Config, recipe(tmp_path, second="bad.py"))
    with pytest.raises(UserError, match=r"step second: bad\.py ended with exit code 3"):
        run(config, tmp_path / "out", resume=False)
    assert (tmp_path / "out/first/made.txt").exists()


def test_unknown_names_and_steps_are_refused(tmp_path: Path) -> None:
    file = recipe(tmp_path)
    file.write_text(file.read_text().replace("{word}", "{wrod}"))
    with pytest.raises(UserError, match="wrod"):
        run(load(Config, file), tmp_path / "out", resume=False)
    with pytest.raises(UserError, match="no step"):
        run(load(Config, recipe(tmp_path), ["until=third"]), tmp_path / "out2", resume=False)
