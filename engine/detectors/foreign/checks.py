"""Whether an ONNX file is a frame model that may be run at all. In the process that reads foreign files only.

Nothing of a model is code of its own: a graph names operators that ONNX Runtime brings along. What would go beyond
them (operators of another domain, functions, weights taken from elsewhere on the disk) is refused here.
"""

import hashlib
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import onnx

from engine.detectors.foreign.description import LARGEST_FILE

DOMAINS = ("", "ai.onnx", "ai.onnx.ml")
ENDLESS = ("Loop", "Scan", "SequenceMap")
_TEXT, _MOST_PORTS = 200, 64


class RefusedError(Exception):
    """A model that is not run: what is wrong, and what to do."""

    def __init__(self, message: str, advice: str) -> None:
        super().__init__(message)
        self.message, self.advice = message, advice


def read_model(path: Path, data: bytes, make_room: Callable[[int], None]) -> tuple[dict[str, Any], bytes]:
    """What a file says of itself, as plain data, and the model in one piece.

    Args:
        make_room: told how many bytes of further files are about to be read.

    Raises:
        RefusedError: it is no frame model, or one that is not run.
    """
    try:
        model = onnx.load_model_from_string(data)
    except Exception as error:  # protobuf's own, whichever implementation is at work
        raise RefusedError(
            "This is no ONNX model, or a damaged one", "Export it again, or get it again from where it came"
        ) from error
    _check_versions(model)
    _check_graph(model)
    beside = _embed(model, path.parent, make_room)
    digest = hashlib.sha256(data)
    for name in sorted(beside):
        digest.update(beside[name])
    initialised = {each.name for each in model.graph.initializer}
    inputs = [each for each in model.graph.input if each.name not in initialised]
    said = {
        "sha256": digest.hexdigest(),
        "beside": sorted(beside),
        "opset": max((each.version for each in model.opset_import if each.domain in DOMAINS[:2]), default=0),
        "producer": f"{model.producer_name} {model.producer_version}".strip()[:_TEXT],
        "input": _port(_only_input(inputs)),
        "outputs": [_port(each) for each in _outputs(model)],
        "metadata": {each.key: each.value for each in model.metadata_props if each.key in ("input", "output")},
    }
    return said, (model.SerializeToString() if beside else data)


def first_line(error: BaseException) -> str:
    """What an error says, short enough for one line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__)[:_TEXT].rstrip(".")


def _check_versions(model: Any) -> None:
    opset = max((each.version for each in model.opset_import if each.domain in DOMAINS[:2]), default=0)
    newest = onnx.defs.onnx_opset_version()
    if model.ir_version > onnx.IR_VERSION or opset > newest:
        raise RefusedError(
            f"The model is too new: opset {opset}, format {model.ir_version}; what is installed here reads opset "
            f"{newest} and format {onnx.IR_VERSION} at most",
            "Export it with opset 17, say, or install a newer onnx and onnxruntime",
        )
    if not model.graph.node or not opset:
        raise RefusedError("This is no ONNX model: it holds no network", "Give a file that an exporter wrote")


def _check_graph(model: Any) -> None:
    if model.functions:
        raise RefusedError(
            "The model defines functions of its own", "Export it with its functions inlined (onnx.inliner)"
        )
    for node in _nodes(model.graph):
        if node.domain not in DOMAINS:
            raise RefusedError(
                f"The model needs the operator {node.op_type[:_TEXT]} of {node.domain[:_TEXT]}, which is not "
                "ONNX's own; foreign operators are never loaded",
                "Export it with standard operators only",
            )
        if node.op_type in ENDLESS:
            raise RefusedError(
                f"The model loops ({node.op_type}), which no frame model needs", "Export it unrolled"
            )
    for tensor in _tensors(model.graph):
        if min(tensor.dims, default=0) < 0 or math.prod(tensor.dims) > LARGEST_FILE:
            raise RefusedError(
                f"The weights {tensor.name[:_TEXT]} claim the shape {_dims(tensor.dims)}", "Get the file again"
            )


def _embed(model: Any, folder: Path, make_room: Callable[[int], None]) -> dict[str, bytes]:
    """Put weights that lie in files beside the model into it; those files by name.

    Raises:
        RefusedError: they lie elsewhere, are missing, too short or too large.
    """
    files: dict[str, bytes] = {}
    for tensor in _tensors(model.graph):
        if tensor.data_location != onnx.TensorProto.EXTERNAL:
            continue
        where = {each.key: each.value for each in tensor.external_data}
        name = where.get("location", "")
        if name not in files:
            path = _file_beside(folder, name)
            read = sum(map(len, files.values())) + path.stat().st_size
            if read > LARGEST_FILE:
                raise RefusedError(
                    f"The model has more than {LARGEST_FILE >> 30} GiB of weights", "Take a smaller model"
                )
            make_room(read)
            files[name] = path.read_bytes()
        try:
            offset, length = int(where.get("offset", 0)), int(where.get("length", len(files[name])))
        except ValueError:
            offset = length = -1
        part = files[name][offset : offset + length] if offset >= 0 and length >= 0 else b""
        if not part or ("length" in where and len(part) != length):
            raise RefusedError(f"The file {name} does not hold the weights {tensor.name[:_TEXT]}", "Get it again")
        tensor.raw_data = part
        tensor.data_location = onnx.TensorProto.DEFAULT
        del tensor.external_data[:]
    return files


def _file_beside(folder: Path, name: str) -> Path:
    path = folder / name
    if not name or "\\" in name or Path(name).name != name or path.is_symlink():
        raise RefusedError(
            f"The model takes its weights from {name[:_TEXT] or 'a file without a name'}, which is no plain file "
            "beside it; nothing else is read",
            "Put all weights into the file itself (onnx.save_model), or into one beside it",
        )
    if not path.is_file():
        raise RefusedError(f"The file {name[:_TEXT]} with its weights is missing beside it", "Put it there")
    return path


def _nodes(graph: Any) -> Iterator[Any]:
    """All nodes, those of graphs in attributes included."""
    waiting = [graph]
    while waiting:
        for node in waiting.pop().node:
            yield node
            for attribute in node.attribute:
                waiting += [attribute.g] if attribute.HasField("g") else []
                waiting += attribute.graphs


def _tensors(graph: Any) -> Iterator[Any]:
    """All tensors with values, wherever they stand."""
    graphs = [graph]
    for node in _nodes(graph):
        for attribute in node.attribute:
            graphs += [attribute.g] if attribute.HasField("g") else []
            graphs += attribute.graphs
            yield from [attribute.t] if attribute.HasField("t") else []
            yield from attribute.tensors
            sparse = [attribute.sparse_tensor] if attribute.HasField("sparse_tensor") else []
            for each in (*sparse, *attribute.sparse_tensors):
                yield from (each.values, each.indices)
    for each in graphs:
        yield from each.initializer
        for sparse_one in each.sparse_initializer:
            yield from (sparse_one.values, sparse_one.indices)


def _only_input(inputs: list[Any]) -> Any:
    advice = "Give a model that takes one batch of pictures (N, 3, S, S) or (N, S, S, 3) in float32"
    if len(inputs) != 1:
        raise RefusedError(f"The model has {len(inputs)} inputs where a frame model has one", advice)
    (found,) = inputs
    kind = found.type.tensor_type
    if kind.elem_type != onnx.TensorProto.FLOAT:
        raise RefusedError(f"Its input is {_type_name(found.type)}, not float32", advice)
    shape = _shape(found)
    if shape is None or len(shape) != 4:
        dims = "no shape" if shape is None else f"the shape {_dims(shape)}"
        raise RefusedError(f"Its input has {dims}, not four dimensions", advice)
    if shape[0] not in (None, 1):
        raise RefusedError(
            f"It takes exactly {shape[0]} pictures at a time", "Export it with a dynamic batch, or a batch of 1"
        )
    if 3 not in shape[1::2] and None not in shape[1::2]:
        raise RefusedError(f"Its input {_dims(shape)} has no three colours", advice)
    sides = set(shape[2:] if shape[1] == 3 else shape[1:3] if shape[3] == 3 else ()) - {None}
    if len(sides) > 1:
        raise RefusedError(f"Its input {_dims(shape)} is not square, which all crops are", advice)
    if any(not 8 <= side <= 2048 for side in sides if side is not None):
        raise RefusedError(f"Its input {_dims(shape)} is of no size that a face has", advice)
    return found


def _outputs(model: Any) -> list[Any]:
    found = list(model.graph.output)
    if not 1 <= len(found) <= _MOST_PORTS:
        raise RefusedError(f"The model has {len(found)} outputs", "Give a model with one output")
    return found


def _port(value: Any) -> dict[str, Any]:
    shape = _shape(value)
    return {"name": value.name[:_TEXT], "shape": None if shape is None else list(shape)}


def _shape(value: Any) -> tuple[int | None, ...] | None:
    if not value.type.HasField("tensor_type") or not value.type.tensor_type.HasField("shape"):
        return None
    dims = value.type.tensor_type.shape.dim
    return tuple(dim.dim_value if dim.HasField("dim_value") else None for dim in dims)


def _type_name(kind: Any) -> str:
    if not kind.HasField("tensor_type"):
        return str(kind.WhichOneof("value") or "untyped").removesuffix("_type")
    known = onnx.TensorProto.DataType.values()
    number = kind.tensor_type.elem_type
    return str(onnx.TensorProto.DataType.Name(number)).lower() if number in known else f"of type {number}"


def _dims(dims: Any) -> str:
    shown = ["?" if n is None else str(n) for n in dims][:8]
    return f"({', '.join(shown)})"
