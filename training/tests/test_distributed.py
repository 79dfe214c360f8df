"""Two processes on CPU (gloo) train as one does: the same losses, the same weights. The path of every larger machine."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from rationale_training.judgements import read_judgements
from refine_case import model_with_profile, reviewed_file

SCRIPT = Path(__file__).with_name("distributed.py")
CONFIGS = Path(__file__).resolve().parents[1] / "configs"


TORCHRUN = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]


def launched(arguments: list[str]) -> None:
    environment = {k: v for k, v in os.environ.items() if k not in ("RANK", "WORLD_SIZE", "LOCAL_RANK")}
    environment |= {"ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run([sys.executable, *arguments], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4000:]


def trained(model: Path, out: Path, processes: int) -> dict[str, Any]:
    launched([*(TORCHRUN if processes > 1 else []), str(SCRIPT), str(model), str(out)])
    result: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    return result


def test_two_processes_train_as_one(tiny_model_folder: Path, tmp_path: Path) -> None:
    one = trained(tiny_model_folder, tmp_path / "one.json", 1)
    two = trained(tiny_model_folder, tmp_path / "two.json", 2)
    assert (one["processes"], two["processes"]) == (1, 2)
    assert two["losses"] == pytest.approx(one["losses"], rel=1e-5)
    assert two["sums"] == pytest.approx(one["sums"], rel=1e-5)
    assert one["losses"][0] != one["losses"][-1]


def test_two_processes_refine_together(tiny_model_folder: Path, tmp_path: Path) -> None:
    model = model_with_profile(tiny_model_folder, tmp_path / "model")
    config = {
        "model": str(model),
        "rounds": [{"inputs": [str(reviewed_file(tmp_path / "in"))]}],
        "held_out": 0.2,
        "sampling": {"k": 2, "batch_size": 2},
        "training": {"steps": 2, "batch_size": 4, "dtype": "float32"},
    }
    (tmp_path / "refine.yaml").write_text(json.dumps(config), encoding="utf-8")
    out = tmp_path / "out"
    stage = ["-m", "rationale_training", "refine", "--config", str(tmp_path / "refine.yaml"), "--out", str(out)]
    launched([*TORCHRUN, *stage])
    report = json.loads((out / "round-1/report.json").read_text(encoding="utf-8"))
    assert report["steps"] == 2 and json.loads((out / "manifest.json").read_text())["state"] == "complete"
    drawn = [
        {(row.judgement.query_id, row.judgement.doc_id) for row in read_judgements(file)}
        for file in sorted(out.glob("round-1/samples-*-of-00002.judgements.jsonl"))
    ]
    assert len(drawn) == 2 and not drawn[0] & drawn[1] and len(drawn[0] | drawn[1]) == report["pairs"]


@pytest.mark.parametrize("file", sorted((CONFIGS / "accelerate").glob("*.yaml")), ids=lambda f: f.name)
def test_launch_configs_are_accelerates(file: Path) -> None:
    from accelerate.commands.config.config_args import load_config_from_file

    # Refuses keys that this accelerate does not know.
    config = load_config_from_file(str(file))
    assert config.num_processes >= 1
