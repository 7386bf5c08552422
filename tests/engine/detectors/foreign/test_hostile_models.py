"""Broken and hostile ONNX files: each is one clear line, whatever it holds."""

import os
import time
import tomllib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper
from onnx_models import SIDE, linear, model, port, write, write_toml

from engine.detectors.foreign import client, process
from engine.detectors.foreign.checks import RefusedError, read_model
from engine.detectors.foreign.detector import load_foreign
from engine.errors import WeightsError

Relu = helper.make_node("Relu", ["x"], ["y"])


def external(location: str, **more: str) -> ModelProto:
    made = linear()
    tensor = made.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in {"location": location, **more}.items():
        entry = tensor.external_data.add()
        entry.key, entry.value = key, value
    return made


def with_function() -> ModelProto:
    made = model([helper.make_node("Mine", ["x"], ["y"], domain="mine")], domains=["mine"])
    made.functions.append(
        helper.make_function(
            "mine", "Mine", ["a"], ["b"], [helper.make_node("Relu", ["a"], ["b"])], [helper.make_opsetid("", 17)]
        )
    )
    return made


def with_domain_inside() -> ModelProto:
    """A foreign operator that only a branch of an If holds."""
    branch = helper.make_graph([helper.make_node("Evil", ["x"], ["z"], domain="evil")], "b", [], [port("z", None)])
    test = helper.make_node("If", ["c"], ["y"], then_branch=branch, else_branch=branch)
    return model([test], tensors=[numpy_helper.from_array(np.array(True), "c")], domains=["evil"])


def looping() -> ModelProto:
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["on"])],
        "body",
        [port("i", [], TensorProto.INT64), port("go", [], TensorProto.BOOL)],
        [port("on", [], TensorProto.BOOL)],
    )
    loop = helper.make_node("Loop", ["", "c"], [], body=body)
    return model([loop, Relu], tensors=[numpy_helper.from_array(np.array(True), "c")])


def claiming(dims: list[int]) -> ModelProto:
    """An initialiser that says it is huge, and holds four bytes."""
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=dims, raw_data=b"\0\0\0\0")
    return model([helper.make_node("Add", ["x", "w"], ["y"])], tensors=[tensor])


def newer(opset: int, ir: int) -> ModelProto:
    made = model([Relu], opset=opset)
    made.ir_version = ir
    return made


def bare(field: str) -> ModelProto:
    made = linear()
    made.graph.ClearField(field)
    return made


def inputs(*ports: object) -> ModelProto:
    return model([Relu], list(ports))


REFUSED: dict[str, tuple[Callable[[], ModelProto], str]] = {
    "outside": (lambda: external("../secret.bin"), "no plain file"),
    "absolute": (lambda: external("/etc/passwd"), "no plain file"),
    "nameless": (lambda: external(""), "no plain file"),
    "link": (lambda: external("link.bin"), "no plain file"),
    "missing": (lambda: external("absent.bin"), "missing"),
    "short": (lambda: external("weights.bin", length="4000"), "does not hold"),
    "behind the end": (lambda: external("weights.bin", offset="4000"), "does not hold"),
    "no number": (lambda: external("weights.bin", offset="many"), "does not hold"),
    "negative": (lambda: external("weights.bin", offset="-4", length="4"), "does not hold"),
    "foreign operator": (
        lambda: model([helper.make_node("Evil", ["x"], ["y"], domain="evil")], domains=["evil"]),
        "Evil of evil",
    ),
    "foreign operator inside": (with_domain_inside, "Evil of evil"),
    "runtime's own domain": (
        lambda: model([helper.make_node("Gelu", ["x"], ["y"], domain="com.microsoft")], domains=["com.microsoft"]),
        "com.microsoft",
    ),
    "functions": (with_function, "functions"),
    "endless": (looping, "loops"),
    "many GB": (lambda: claiming([1 << 20, 1 << 20]), "claim the shape"),
    "overflowing": (lambda: claiming([1 << 62, 1 << 62]), "claim the shape"),
    "negative shape": (lambda: claiming([-3]), "claim the shape"),
    "opset": (lambda: newer(99, 10), "opset 99"),
    "format": (lambda: newer(17, 99), "format 99"),
    "empty": (ModelProto, "no network"),
    "two inputs": (
        lambda: model([helper.make_node("Add", ["x", "b"], ["y"])], [port("x", ["n", 3, 8, 8]), port("b", [1])]),
        "2 inputs",
    ),
    "no input": (lambda: bare("input"), "0 inputs"),
    "no output": (lambda: bare("output"), "0 outputs"),
    "integers": (lambda: inputs(port("x", ["n", 3, SIDE, SIDE], TensorProto.UINT8)), "uint8, not float32"),
    "rank": (lambda: inputs(port("x", ["n", 3 * SIDE * SIDE])), "four dimensions"),
    "no rank": (lambda: inputs(port("x", None)), "no shape"),
    "one channel": (lambda: inputs(port("x", ["n", 1, SIDE, SIDE])), "three colours"),
    "not square": (lambda: inputs(port("x", ["n", 3, SIDE, 2 * SIDE])), "not square"),
    "absurd size": (lambda: inputs(port("x", ["n", 3, 1 << 20, 1 << 20])), "no size"),
    "seven at a time": (lambda: inputs(port("x", [7, 3, SIDE, SIDE])), "exactly 7"),
}


@pytest.fixture(autouse=True)
def _memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bound is for a process of a model, not for that of the tests."""
    monkeypatch.setattr(process, "_bound_memory", lambda size: None)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "secret.bin").write_bytes(bytes(12))
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "weights.bin").write_bytes(bytes(12))
    (folder / "link.bin").symlink_to("../secret.bin")
    return folder


def refusal(data: bytes, folder: Path) -> str:
    with pytest.raises(RefusedError) as caught:
        read_model(folder / "x.onnx", data, lambda _: None)
    assert caught.value.advice
    assert "\n" not in caught.value.message
    return caught.value.message


@pytest.mark.parametrize("name", REFUSED)
def test_what_must_not_be_run_is_refused_before_it_is(name: str, place: Path) -> None:
    make, said = REFUSED[name]
    message = refusal(make().SerializeToString(), place)
    assert said in message, message


def test_text_and_every_truncation_are_refused(place: Path) -> None:
    assert "no ONNX model" in refusal(b"# a text, and no model\n" * 20, place)
    assert "no ONNX model" in refusal(b"", place)
    whole = linear().SerializeToString()
    for length in range(1, len(whole), 7):
        refused(place, whole[:length])
    rng = np.random.default_rng(0)
    broken = 0
    for _ in range(100):
        data = bytearray(whole)
        for at in rng.integers(0, len(data), 4):
            data[at] = rng.integers(0, 256)
        try:
            served_by(place, bytes(data))
        except RefusedError:
            broken += 1
    assert 50 < broken <= 100


def test_weights_in_a_file_beside_it_are_taken(place: Path) -> None:
    said, data = read_model(
        place / "x.onnx", external("weights.bin", length="12").SerializeToString(), lambda _: None
    )
    assert said["beside"] == ["weights.bin"]
    assert said["sha256"] != read_model(place / "x.onnx", data, lambda _: None)[0]["sha256"]


def served_by(folder: Path, data: bytes, **said: object) -> None:
    """What the process does with a file, in this one."""
    path = folder / "x.onnx"
    path.write_bytes(data)
    served = process._Served()
    served.describe(path)
    served.start(tomllib.loads(write_toml(path, **said).read_text()), 1, "CPUExecutionProvider")


def refused(folder: Path, data: bytes, **said: object) -> str:
    with pytest.raises(RefusedError) as caught:
        served_by(folder, data, **said)
    assert "\n" not in caught.value.message
    return caught.value.message


# With the process around it


def complaint(path: Path) -> str:
    with pytest.raises(WeightsError) as caught:
        load_foreign(path, "cpu")
    line = str(caught.value)
    assert line.startswith(str(path))
    assert "\n" not in line
    return line


def test_sizes_and_things_that_are_no_files(tmp_path: Path) -> None:
    huge = tmp_path / "huge.onnx"
    with huge.open("wb") as file:
        file.truncate((2 << 30) + 1)
    started = time.monotonic()
    assert "2.0 GiB" in complaint(huge)
    os.mkfifo(tmp_path / "pipe.onnx")
    assert "no file" in complaint(tmp_path / "pipe.onnx")
    assert "no file" in complaint(tmp_path)
    assert "No such file" in complaint(tmp_path / "absent.onnx")
    assert time.monotonic() - started < 2


def test_memory_without_end_is_refused(tmp_path: Path) -> None:
    """Fourteen gigabytes made of two numbers."""
    shape = numpy_helper.from_array(np.array([60000, 60000]), "s")
    nodes = [
        helper.make_node("ConstantOfShape", ["s"], ["c"]),
        helper.make_node("ReduceSum", ["c"], ["r"], keepdims=0),
        helper.make_node("ReduceMean", ["x"], ["q"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("Add", ["q", "r"], ["y"]),
    ]
    assert "memory" in complaint(write(tmp_path / "x.onnx", model(nodes, tensors=[shape])))


def run_by(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, code: str) -> None:
    """Let another program stand in for the process of the model."""
    module = tmp_path / "stand_in.py"
    module.write_text(code)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(client, "_MODULE", "stand_in")


def test_a_process_that_crashes_or_hangs_hurts_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "x.onnx", linear())
    run_by(monkeypatch, tmp_path, "import os; os.abort()")
    assert "broke off (SIGABRT)" in complaint(path)
    run_by(monkeypatch, tmp_path, "import time; time.sleep(60)")
    monkeypatch.setattr(client, "PATIENCE", 0.3)
    assert "no answer" in complaint(path)


@pytest.mark.parametrize(
    ("made", "said", "message"),
    [
        (linear(last="Log"), {"mean": [0.0, 0.0, 9.0]}, "not finite"),
        (linear(), {"meaning": "probability", "scale": 1.0}, "where its description says probability"),
        (linear(), {"meaning": "two-logits"}, "2 values per crop"),
        (linear(columns=2), {}, "1 value per crop"),
        (
            linear(columns=2),
            {"meaning": "two-probabilities", "scale": 1e3, "mean": [0.0] * 3, "std": [1.0] * 3},
            "do not sum to 1",
        ),
        (linear(), {"size": 2 * SIDE}, f"fails on crops of {2 * SIDE} pixels"),
        (linear(), {"layout": "NHWC"}, "fails on crops"),
        (
            model(
                [helper.make_node("Cast", ["x"], ["y"], to=TensorProto.INT64)],
                outputs=[port("y", None, TensorProto.INT64)],
            ),
            {},
            "int64, not float32",
        ),
        (model([helper.make_node("ReduceMean", ["x"], ["y"], axes=[0, 1, 2, 3])]), {}, "where its description"),
        (
            model(
                [
                    helper.make_node("ReduceMean", ["x"], ["all"]),
                    helper.make_node("ReduceMean", ["x"], ["own"], axes=[1, 2, 3], keepdims=0),
                    helper.make_node("Add", ["all", "own"], ["sum"]),
                    helper.make_node("Reshape", ["sum", "shape"], ["y"]),
                ],
                tensors=[numpy_helper.from_array(np.array([-1]), "shape")],
            ),
            {},
            "hangs on the faces beside it",
        ),
    ],
    ids=["nan", "range", "too few", "too many", "sum", "size", "layout", "int", "no batch", "neighbours"],
)
def test_what_a_model_gives_must_be_what_its_description_says(
    made: ModelProto, said: dict[str, object], message: str, tmp_path: Path
) -> None:
    line = refused(tmp_path, made.SerializeToString(), **said)
    assert message in line, line


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (model([helper.make_node("Sorcery", ["x"], ["y"])]), "Sorcery"),
        (claiming([64]), "cannot load"),
        (model([helper.make_node("Relu", ["nowhere"], ["y"])]), "nowhere"),
        (newer(27, 10), "newer version"),
    ],
    ids=["operator", "length", "edge", "opset"],
)
def test_what_onnx_runtime_does_not_take_is_told_in_its_words(
    made: ModelProto, message: str, tmp_path: Path
) -> None:
    line = refused(tmp_path, made.SerializeToString())
    assert message in line, line
    assert "/onnxruntime_src/" not in line


def test_outputs_among_several_must_be_named(tmp_path: Path) -> None:
    made = linear()
    made.graph.output.append(port("mean", None))
    path = write(tmp_path / "x.onnx", made)
    assert "names none" in complaint(path)
    toml = write_toml(path)
    toml.write_text(toml.read_text().replace("[output]", '[output]\nname = "y"'))
    detector = load_foreign(path, "cpu")
    assert detector.score_crops(np.zeros((2, SIDE, SIDE, 3), np.uint8)).shape == (2,)
    detector.close()
