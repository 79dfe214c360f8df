"""Two edits of a builder-made decoder graph, without which a reranker pays for logits that nobody reads (DESIGN section 6).

The builder is onnxruntime-genai's (GroupQueryAttention, shareable past, MatMulNBits). After it
- a GatherND on the new input `logits_indices [n, 2]` (row, position) stands before the LM head, so that `logits` are
  [n, vocabulary] for exactly the positions asked for, of any row;
- a tied 8-bit head also serves as the token embedding (GatherBlockQuantized on the head's own weights), which saves the
  fp32 copy of the embedding: 267 MB become 154 for 135 million parameters.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from rationale_training.errors import UserError

#: Files in a repository, and in a VSIX, stay below the 100 MB that Git hosts refuse.
MAX_FILE_BYTES = 95_000_000


def lm_head(graph: onnx.GraphProto) -> onnx.NodeProto:
    """The node that makes `logits`. Raises UserError for a graph that has none we know."""
    by_output = {output: node for node in graph.node for output in node.output}
    node = by_output.get("logits")
    while node is not None and node.op_type in ("Cast", "Mul", "Softcap"):
        node = by_output.get(node.input[0])
    if node is None or node.op_type not in ("MatMulNBits", "MatMul", "Gemm"):
        raise UserError(f"the graph's logits come from {node.op_type if node else 'nowhere'}; a MatMul was expected.")
    return node


def select_positions(graph: onnx.GraphProto) -> None:
    """Adds `logits_indices [n, 2]` and computes logits [n, vocabulary] at these (row, position) only."""
    head = lm_head(graph)
    hidden = head.input[0]
    graph.input.append(helper.make_tensor_value_info("logits_indices", TensorProto.INT64, ["num_logits", 2]))
    selected = f"{hidden}/selected"
    select = helper.make_node("GatherND", [hidden, "logits_indices"], [selected], name="/lm_head/select")
    graph.node.insert(list(graph.node).index(head), select)
    head.input[0] = selected
    for output in graph.output:
        if output.name == "logits":
            vocabulary = output.type.tensor_type.shape.dim[-1].dim_value
            kind = output.type.tensor_type.elem_type
            output.CopyFrom(helper.make_tensor_value_info("logits", kind, ["num_logits", vocabulary]))


def share_embedding(graph: onnx.GraphProto) -> bool:
    """Reads the token embedding from an 8-bit head of the same weights. Returns False where the head is not 8-bit."""
    head = lm_head(graph)
    attributes = {a.name: a.i for a in head.attribute}
    if head.op_type != "MatMulNBits" or attributes.get("bits") != 8 or len(head.input) > 3:
        return False
    embedding = next((n for n in graph.node if n.op_type == "Gather" and "embed_tokens" in n.input[0]), None)
    if embedding is None:
        return False
    width, vocabulary, block = attributes["K"], attributes["N"], attributes["block_size"]
    shapes = {"/embed/shape": [vocabulary, width], "/embed/scales_shape": [vocabulary, width // block]}
    graph.initializer.extend(numpy_helper.from_array(np.asarray(v, np.int64), k) for k, v in shapes.items())
    # Reshape nodes on the initialisers, instead of reshaped copies, keep the weights in memory once.
    nodes = [
        helper.make_node("Reshape", [head.input[1], "/embed/shape"], ["/embed/weight"], name="/embed/reshape"),
        helper.make_node(
            "Reshape", [head.input[2], "/embed/scales_shape"], ["/embed/scales"], name="/embed/reshape_scales"
        ),
        helper.make_node(
            "GatherBlockQuantized",
            ["/embed/weight", embedding.input[1], "/embed/scales"],
            list(embedding.output),
            name="/embed/gather",
            domain="com.microsoft",
            bits=8,
            block_size=block,
            gather_axis=0,
            quantize_axis=1,
        ),
    ]
    weights = embedding.input[0]
    at = list(graph.node).index(embedding)
    graph.node.remove(embedding)
    for offset, node in enumerate(nodes):
        graph.node.insert(at + offset, node)
    for initializer in [i for i in graph.initializer if i.name == weights]:
        graph.initializer.remove(initializer)
    return True


def name_head_size(graph: onnx.GraphProto, size: int) -> None:
    """Writes the size of an attention head into the shapes of past and present, where builders leave it symbolic: the
    extension allocates the cache from these shapes."""
    for value in [*graph.input, *graph.output]:
        if value.name.startswith(("past_key_values.", "present.")):
            value.type.tensor_type.shape.dim[3].ClearField("dim_param")
            value.type.tensor_type.shape.dim[3].dim_value = size


def save_in_pieces(model: onnx.ModelProto, folder: Path, name: str = "model.onnx") -> list[Path]:
    """Writes graph and external data `model.onnx.data.0`, `.1`, … each below 100 MB. Raises UserError for a larger tensor."""
    folder.mkdir(parents=True, exist_ok=True)
    pieces: list[list[onnx.TensorProto]] = [[]]
    size = 0
    for tensor in model.graph.initializer:
        count = len(tensor.raw_data)
        if count < 1024:
            continue
        if count > MAX_FILE_BYTES:
            raise UserError(f"{tensor.name} alone has {count / 1e6:.0f} MB; files must stay below 100 MB.")
        # onnxruntime maps files at page bounds.
        padded = -(-count // 4096) * 4096
        if size + padded > MAX_FILE_BYTES:
            pieces.append([])
            size = 0
        pieces[-1].append(tensor)
        size += padded
    files = []
    for number, tensors in enumerate(pieces):
        file = folder / f"{name}.data.{number}"
        with file.open("wb") as out:
            for tensor in tensors:
                offset = out.tell()
                out.write(tensor.raw_data)
                out.write(b"\0" * (-out.tell() % 4096))
                place = {"location": file.name, "offset": str(offset), "length": str(len(tensor.raw_data))}
                tensor.data_location = TensorProto.EXTERNAL
                tensor.ClearField("raw_data")
                del tensor.external_data[:]
                for key, value in place.items():
                    entry = tensor.external_data.add()
                    entry.key, entry.value = key, value
        files.append(file)
    graph_file = folder / name
    graph_file.write_bytes(model.SerializeToString())
    return [graph_file, *files]
