"""The command line as a person meets it."""

import subprocess
import sys
from pathlib import Path

import pytest

from rationale_training.cli import STAGES, main


def test_help_lists_the_stages_without_importing_them() -> None:
    code = (
        "import sys; from rationale_training.cli import main; main(['--help']); "
        "print([m for m in ('torch', 'transformers', 'datasets') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    for name in STAGES:
        assert f"  {name} " in done.stdout
    assert done.stdout.endswith("[]\n")


@pytest.mark.parametrize("stage", ["collect", "generate"])
def test_help_of_a_stage_explains_every_field_without_loading_torch(stage: str) -> None:
    code = (
        "import sys, dataclasses, importlib; from rationale_training.cli import main\n"
        f"stage = importlib.import_module('rationale_training.{stage}')\n"
        "print(*(f.name for f in dataclasses.fields(stage.Config)), 'torch' in sys.modules)\n"
        f"main(['{stage}', '--help'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    first, _, text = done.stdout.partition("\n")
    *fields, torch = first.split()
    assert torch == "False"
    assert len(fields) > 5
    for field in fields:
        assert f"\n{field}: " in text or f"\n  {field}: " in text, field


def test_what_the_user_can_mend_is_said_without_a_traceback(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["colect"]) == 2
    assert 'no stage "colect"' in capsys.readouterr().err
    assert main(["collect", "--out", str(tmp_path / "out")]) == 2
    assert "no config" in capsys.readouterr().err
    assert main(["collect", "--config", str(tmp_path / "a.yaml"), "--out", str(tmp_path / "out")]) == 2
    assert "a.yaml" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
