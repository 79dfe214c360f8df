"""The stage `export`: builder, graph edits, the folder with profile, tokenizer, card and hashes, and the check."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from rationale_training.errors import UserError
from rationale_training.manifest import Manifest, hash_of
from rationale_training.profile import BoundPrompt, load_profile

from .graph import name_head_size, save_in_pieces, select_positions, share_embedding


@dataclass(frozen=True)
class Config:
    """A trained model as a folder the extension loads.

    model: Hugging Face folder (distill's and refine's `model/`).
    profile: profile.json that goes along; default: the one in the model's folder.
    precision: int8 (fastest on CPUs), int4, fp16 or fp32.
    block_size: weights that share a scale.
    pairs: JSON Lines of {query, document} on which PyTorch and ONNX are compared.
    check_pairs: how many of them.
    max_logit_difference: worst difference allowed, as a share of a row's range of logits.
    card: Markdown file that becomes the folder's README.md.
    licence: file that becomes the folder's LICENSE.
    temperature: of the label reads, fitted by `evaluate` on held-out training pairs; written into the profile.
    """

    model: Path
    profile: Path | None = None
    precision: Literal["int8", "int4", "fp16", "fp32"] = "int8"
    block_size: int = 32
    pairs: Path | None = None
    check_pairs: int = 20
    max_logit_difference: float = 0.04
    card: Path | None = None
    licence: Path | None = None
    temperature: float | None = None


def run(config: Config, out: Path, resume: bool) -> None:
    """Writes the folder. Raises UserError where the model cannot be exported, or differs too much once it is."""
    import onnx

    profile_file = config.profile or config.model / "profile.json"
    inputs = [profile_file, *([config.pairs] if config.pairs else []), *sorted(config.model.glob("*.safetensors"))]
    manifest = Manifest.open(out, "export", config, inputs=inputs, resume=resume)
    if manifest.complete:
        return
    profile = load_profile(profile_file)
    with tempfile.TemporaryDirectory() as scratch:
        built = Path(scratch) / "built"
        _build(config, built, Path(scratch) / "cache")
        model = onnx.load(str(built / "model.onnx"))
        shared = share_embedding(model.graph)
        select_positions(model.graph)
        name_head_size(model.graph, _head_size(config.model))
        files = save_in_pieces(model, out)
    source = dict(profile.source) | {"precision": config.precision}
    if config.temperature is not None:
        source = _with_temperature(source, config.temperature)
    (out / "profile.json").write_text(json.dumps(source, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    _write_tokenizer(config.model / "tokenizer.json", out / "tokenizer.json")
    listed = [*files, out / "profile.json", out / "tokenizer.json"]
    (out / "SHA256SUMS").write_text("".join(f"{hash_of(f)}  {f.name}\n" for f in sorted(listed)), encoding="utf-8")
    for given, name in ((config.card, "README.md"), (config.licence, "LICENSE")):
        if given is not None:
            shutil.copyfile(given, out / name)
    manifest.record(embedding_shared_with_head=shared, bytes=sum(f.stat().st_size for f in listed))
    if config.pairs is not None:
        _check(config, out, manifest)
    manifest.finish(outputs=listed, counts={"files": len(listed)})


def _build(config: Config, out: Path, cache: Path) -> None:
    """onnxruntime-genai's model builder, in a process of its own: it prints a line a layer and keeps its memory."""
    command = [sys.executable, "-m", "onnxruntime_genai.models.builder", "-m", str(config.model), "-o", str(out)]
    command += ["-p", config.precision, "-e", "cpu", "-c", str(cache)]
    if config.precision in ("int8", "int4"):
        command += ["--extra_options", "accuracy_level=4", f"block_size={config.block_size}"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0 or not (out / "model.onnx").exists():
        raise UserError(f"the model builder failed on {config.model}:\n{done.stderr[-2000:]}")


def _head_size(folder: Path) -> int:
    settings = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    return int(settings.get("head_dim") or settings["hidden_size"] // settings["num_attention_heads"])


def _with_temperature(source: dict[str, object], temperature: float) -> dict[str, object]:
    """The profile with the temperature in every `expected` read."""
    copy = json.loads(json.dumps(source))
    for prompt in copy["prompts"].values():
        for read in prompt.get("reads", []):
            if read["as"] == "expected":
                read["temperature"] = round(temperature, 3)
    return copy


def _write_tokenizer(source: Path, target: Path) -> None:
    """Copies tokenizer.json without its post-processor: nothing may add a BOS to a prompt that is complete."""
    value = json.loads(source.read_text(encoding="utf-8"))
    value["post_processor"] = None
    target.write_text(json.dumps(value, ensure_ascii=False, separators=(",", ":")), encoding="utf-8")


def _check(config: Config, out: Path, manifest: Manifest) -> None:
    from transformers import AutoTokenizer

    from .check import compare

    assert config.pairs is not None
    profile = load_profile(out / "profile.json")
    bound = BoundPrompt(profile, "score", AutoTokenizer.from_pretrained(config.model))
    prompts = []
    with config.pairs.open(encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            prompts.append(bound.prepare(row["query"], row["document"]).ids)
            if len(prompts) == config.check_pairs:
                break
    found = compare(config.model, out, prompts, [label.id for label in bound.labels])
    manifest.record(check=asdict(found))
    print(
        f"export: {found.pairs} pairs: logits within {found.logits_of_range:.1%} of their range, label probabilities within "
        f"{found.probability_worst:.3f} ({found.probability_mean:.4f} on average), {found.labels_agree} labels the same.",
        file=sys.stderr,
    )
    if found.logits_of_range > config.max_logit_difference:
        raise UserError(
            f"the exported logits differ by {found.logits_of_range:.1%} of their range, more than the "
            f"{config.max_logit_difference:.1%} that max_logit_difference allows. The files are in {out}."
        )
