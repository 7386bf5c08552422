"""Small ONNX models, sound and hostile, made by hand."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

SIDE = 16
WEIGHTS = np.array([0.5, -1.0, 2.0], np.float32)
"""Of the red, green and blue mean of the input, whose sum is the logit."""

TOML = """
[input]
layout = "{layout}"
size = {size}
colour = "{colour}"
scale = {scale}
mean = {mean}
std = {std}
margin = 0.25

[output]
meaning = "{meaning}"
classes = {classes}
"""


def write_toml(model: Path, **said: object) -> Path:
    """The description beside a model."""
    values: dict[str, object] = {
        "layout": "NCHW", "size": SIDE, "colour": "RGB", "scale": 255.0, "mean": [0.5, 0.4, 0.3],
        "std": [0.25, 0.5, 1.0], "meaning": "logit", "classes": '["real", "fake"]',
    }  # fmt: skip
    path = model.with_suffix(".toml")
    path.write_text(TOML.format(**(values | said)))
    return path


def port(name: str, shape: Sequence[object] | None, kind: int = TensorProto.FLOAT) -> Any:
    return helper.make_tensor_value_info(name, kind, shape)


def linear(
    *, nchw: bool = True, columns: int = 1, last: str = "", side: object = SIDE, batch: object = "n"
) -> ModelProto:
    """mean colour @ WEIGHTS (columns > 1: the same value with rising factors), then the operator `last`."""
    shape = [batch, 3, side, side] if nchw else [batch, side, side, 3]
    weights = np.outer(WEIGHTS, np.arange(columns) + 1.0).astype(np.float32)
    nodes = [
        helper.make_node("ReduceMean", ["x"], ["mean"], axes=[2, 3] if nchw else [1, 2], keepdims=0),
        helper.make_node("MatMul", ["mean", "w"], ["y" if not last else "z"]),
        *([helper.make_node(last, ["z"], ["y"])] if last else []),
    ]
    return model(nodes, [port("x", shape)], [port("y", None)], [numpy_helper.from_array(weights, "w")])


def model(
    nodes: Sequence[NodeProto],
    inputs: Sequence[Any] = (),
    outputs: Sequence[Any] = (),
    tensors: Sequence[TensorProto] = (),
    opset: int = 17,
    domains: Sequence[str] = (),
) -> ModelProto:
    graph = helper.make_graph(
        nodes, "g", inputs or [port("x", ["n", 3, SIDE, SIDE])], outputs or [port("y", None)], list(tensors)
    )
    imports = [helper.make_opsetid("", opset), *(helper.make_opsetid(domain, 1) for domain in domains)]
    return helper.make_model(graph, opset_imports=imports, ir_version=10)


def write(path: Path, made: ModelProto, **said: object) -> Path:
    """A model and its description."""
    path.write_bytes(made.SerializeToString())
    write_toml(path, **said)
    return path
