"""Two processes on CPU (gloo) train as one does: the same losses, the same weights. The path of every larger machine."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).with_name("distributed.py")
CONFIGS = Path(__file__).resolve().parents[1] / "configs"


def trained(model: Path, out: Path, processes: int) -> dict[str, Any]:
    launch = [sys.executable]
    if processes > 1:
        launch += ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    environment = {k: v for k, v in os.environ.items() if k not in ("RANK", "WORLD_SIZE", "LOCAL_RANK")}
    environment |= {"ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(
        [*launch, str(SCRIPT), str(model), str(out)], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-4000:]
    result: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    return result


def test_two_processes_train_as_one(tiny_model_folder: Path, tmp_path: Path) -> None:
    one = trained(tiny_model_folder, tmp_path / "one.json", 1)
    two = trained(tiny_model_folder, tmp_path / "two.json", 2)
    assert (one["processes"], two["processes"]) == (1, 2)
    assert two["losses"] == pytest.approx(one["losses"], rel=1e-5)
    assert two["sums"] == pytest.approx(one["sums"], rel=1e-5)
    assert one["losses"][0] != one["losses"][-1]


@pytest.mark.parametrize("file", sorted((CONFIGS / "accelerate").glob("*.yaml")), ids=lambda f: f.name)
def test_launch_configs_are_accelerates(file: Path) -> None:
    from accelerate.commands.config.config_args import load_config_from_file

    # Refuses keys that this accelerate does not know.
    config = load_config_from_file(str(file))
    assert config.num_processes >= 1
