"""Export: the edited graph says what PyTorch says, at every position asked for, and the folder is complete."""

import hashlib
import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM

from rationale_training.errors import UserError
from rationale_training.export.graph import MAX_FILE_BYTES, save_in_pieces
from rationale_training.export.stage import Config, run
from rationale_training.profile import load_profile

PROFILE = Path(__file__).resolve().parents[1] / "recipes" / "rationale_135m" / "profile.json"


@pytest.fixture(scope="module")
def wide_model(tiny_model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model with widths that blocks of 32 and attention heads of 32 divide, tied embeddings."""
    folder = tmp_path_factory.mktemp("wide")
    tokenizer = AutoTokenizer.from_pretrained(tiny_model_folder)
    torch.manual_seed(1)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=32,
        max_position_embeddings=512,
        tie_word_embeddings=True,
        bos_token_id=1,
        eos_token_id=2,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    (folder / "profile.json").write_text(PROFILE.read_text(encoding="utf-8"), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def exported(wide_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("export")
    pairs = folder / "pairs.jsonl"
    rows = [
        {"query": f"what dissolves chalk {k}", "document": f"Vinegar dissolves chalk, says page {k}."} for k in range(5)
    ]
    pairs.write_text("".join(json.dumps(row) + "\n" for row in rows))
    run(Config(model=wide_model, pairs=pairs, temperature=1.25), folder / "model", resume=False)
    return folder / "model"


def test_the_folder_holds_what_the_extension_loads(exported: Path) -> None:
    sums = dict(reversed(line.split("  ")) for line in (exported / "SHA256SUMS").read_text().splitlines())
    assert {"model.onnx", "model.onnx.data.0", "profile.json", "tokenizer.json"} <= set(sums)
    for name, digest in sums.items():
        assert hashlib.sha256((exported / name).read_bytes()).hexdigest() == digest
        assert (exported / name).stat().st_size < 100_000_000
    assert json.loads((exported / "tokenizer.json").read_text())["post_processor"] is None
    profile = load_profile(exported)
    assert profile.precision == "int8"
    expected = profile.prompt("score").expected
    assert expected is not None and expected.temperature == 1.25


def test_label_probabilities_agree_with_pytorch(exported: Path) -> None:
    check = json.loads((exported / "manifest.json").read_text())["check"]
    assert check["pairs"] == 5
    assert check["logits_of_range"] < 0.04
    assert check["probability_worst"] < 0.05


def test_logits_of_any_position_of_any_row_are_those_of_the_whole_sequence(wide_model: Path, exported: Path) -> None:
    ids = torch.randint(3, 400, (2, 9), generator=torch.Generator().manual_seed(0))
    whole = (
        AutoModelForCausalLM.from_pretrained(wide_model, dtype=torch.float32)
        .eval()(input_ids=ids)
        .logits.detach()
        .numpy()
    )
    session = onnxruntime.InferenceSession(str(exported / "model.onnx"))
    past = {
        i.name: np.zeros((2, i.shape[1], 0, i.shape[3]), np.float32)
        for i in session.get_inputs()
        if i.name.startswith("past_key_values.")
    }
    asked = np.asarray([[1, 3], [0, 8], [1, 0]], np.int64)
    feeds = {"input_ids": ids.numpy(), "attention_mask": np.ones((2, 9), np.int64), "logits_indices": asked, **past}
    found = session.run(["logits"], feeds)[0]
    expected = whole[asked[:, 0], asked[:, 1]]
    assert found.shape == expected.shape
    spread = expected.max(1) - expected.min(1)
    assert (np.abs(found - expected).max(1) / spread).max() < 0.04
    # A control that must fail: another position of the same rows.
    assert (np.abs(found - whole[asked[:, 0], (asked[:, 1] + 1) % 9]).max(1) / spread).max() > 0.1


def test_the_embedding_is_read_from_the_head(exported: Path) -> None:
    graph = onnx.load(str(exported / "model.onnx"), load_external_data=False).graph
    assert [node.op_type for node in graph.node].count("GatherBlockQuantized") == 1
    assert not any("embed_tokens" in initializer.name for initializer in graph.initializer)


def test_a_check_that_fails_keeps_the_files_and_says_where(wide_model: Path, tmp_path: Path) -> None:
    pairs = tmp_path / "pairs.jsonl"
    pairs.write_text(json.dumps({"query": "what dissolves chalk", "document": "Vinegar."}) + "\n")
    with pytest.raises(UserError, match="max_logit_difference"):
        run(Config(model=wide_model, pairs=pairs, max_logit_difference=1e-9), tmp_path / "out", resume=False)
    assert (tmp_path / "out/model.onnx").exists()


def test_a_tensor_above_the_limit_is_refused(tmp_path: Path) -> None:
    tensor = onnx.TensorProto(name="large", raw_data=bytes(MAX_FILE_BYTES + 1))
    model = onnx.ModelProto(graph=onnx.GraphProto(initializer=[tensor]))
    with pytest.raises(UserError, match="large"):
        save_in_pieces(model, tmp_path)
