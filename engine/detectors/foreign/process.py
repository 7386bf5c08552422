"""The process in which a foreign model is read and run, so that whatever it does, it does it to nobody else.

Its memory is bounded, it has no way to answer but a line of JSON, and when it dies or hangs its parent says so in
a typed error (`engine.detectors.foreign.client`). On its standard input, per request a line of JSON and then as
many bytes as it names; on its standard output one line per request.
"""

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from engine.detectors.foreign.checks import RefusedError, first_line, read_model
from engine.detectors.foreign.settings import ModelSettings, parse_settings
from engine.results import FloatArray, Picture

_BASE_MEMORY, _TIMES_MODEL = 3 << 30, 6
"""Bytes of address space that the process may have: so many, and this many times the size of the file."""
CLOSE = 1e-3
"""How far an answer may move with the crops beside it, as a share of a logit where that is larger than one."""


def main() -> None:
    """Answer until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is the parent's to judge
    requests = sys.stdin.buffer
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no answer
    served = _Served()
    while line := requests.readline():
        answer = _answer(served, json.loads(line), requests)
        answers.write(json.dumps(answer).encode() + b"\n")
        answers.flush()


def _answer(served: "_Served", request: dict[str, Any], payload: BinaryIO) -> dict[str, Any]:
    try:
        match request["do"]:
            case "describe":
                return served.describe(Path(request["path"]))
            case "start":
                return served.start(request["settings"], request["threads"], request["provider"])
            case _:
                shape = tuple(request["shape"])
                pixels = np.frombuffer(payload.read(int(np.prod(shape))), np.uint8).reshape(shape)
                return {"logits": served.score(pixels).tolist()}
    except RefusedError as error:
        return {"refused": error.message, "advice": error.advice}
    except MemoryError:
        return {
            "refused": "The model needs more memory than a frame model may have",
            "advice": "Use a smaller one",
        }


class _Served:
    """The one model of the process."""

    def __init__(self) -> None:
        self._model = b""
        self._input = ""
        self._single = False

    def describe(self, path: Path) -> dict[str, Any]:
        size = path.stat().st_size
        _bound_memory(size)
        said, self._model = read_model(path, path.read_bytes(), lambda more: _bound_memory(size + more))
        self._input = said["input"]["name"]
        self._single = said["input"]["shape"][0] == 1
        return {"description": said}

    def start(self, raw: dict[str, Any], threads: int, provider: str) -> dict[str, Any]:
        """Load the model and try it with crops of the size it is said to want."""
        import onnxruntime

        self._settings = parse_settings(raw)
        if provider != "CPUExecutionProvider":
            _bound_memory(None)  # CUDA reserves addresses by the terabyte
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 4
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session = onnxruntime.InferenceSession(self._model, options, providers=[provider])
        except Exception as error:
            raise _refused("ONNX Runtime cannot load the model", error) from error
        self._model = b""
        names = [each.name for each in self._session.get_outputs()]
        self._output = self._settings.output or names[0]
        if self._output not in names or (len(names) > 1 and not self._settings.output):
            raise RefusedError(
                f"The model has the outputs {', '.join(names)[:200]}, and its description "
                f"{'names ' + self._output if self._settings.output else 'names none of them'}",
                "Name the one that is read in output.name",
            )
        self._try()
        return {"provider": self._session.get_providers()[0]}

    def score(self, crops: Picture) -> FloatArray:
        parts = crops[:, None] if self._single else crops[None]
        return np.concatenate([self._logits(self._settings, part) for part in parts])

    def _try(self) -> None:
        """Three crops together and each alone must give the same answers."""
        size = self._settings.size
        rng = np.random.default_rng(0)
        coarse = rng.normal(128, 50, (3, 8, 8, 3)).clip(0, 255).astype(np.uint8)
        at = np.arange(size) * 8 // size
        crops = np.ascontiguousarray(coarse[:, at][:, :, at])
        together = self.score(crops)
        alone = np.concatenate([self.score(crop[None]) for crop in crops])
        if (np.abs(together - alone) > CLOSE * np.maximum(1, np.abs(alone))).any():
            raise RefusedError(
                "Its answer for a face hangs on the faces beside it", "Export it in evaluation mode (model.eval())"
            )

    def _logits(self, settings: ModelSettings, crops: Picture) -> FloatArray:
        try:
            (values,) = self._session.run([self._output], {self._input: settings.prepare(crops)})
        except Exception as error:
            raise _refused(f"The model fails on crops of {settings.size} pixels", error) from error
        wanted = settings.outputs
        if not isinstance(values, np.ndarray) or values.dtype != np.float32:
            kind = values.dtype if isinstance(values, np.ndarray) else type(values).__name__
            raise RefusedError(f"Its output is {kind}, not float32", "Give a model whose output is float32")
        if values.size != len(crops) * wanted or len(values.shape) < 1 or values.shape[0] != len(crops):
            raise RefusedError(
                f"It gives the shape {values.shape} for {len(crops)} crops, where its description says "
                f"{settings.meaning}: {wanted} value{'s' * (wanted > 1)} per crop",
                "Mend output.meaning in its description, or export it with that output only",
            )
        try:
            return settings.logits(values.reshape(len(crops), wanted))
        except ValueError as error:
            raise RefusedError(str(error), "Mend output.meaning in its description, or the model") from error


def _bound_memory(size: int | None) -> None:
    """By the bytes of the model; None lifts the bound. On Windows there is none."""
    if sys.platform == "win32":
        return
    import resource

    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    most = hard if size is None else _BASE_MEMORY + _TIMES_MODEL * size
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (most, hard))


def _refused(what: str, error: Exception) -> RefusedError:
    """ONNX Runtime's complaint without the places in its own source."""
    text = first_line(error)
    for mark in (" : FAIL : ", " : INVALID_GRAPH : ", " : INVALID_ARGUMENT : ", " : NOT_IMPLEMENTED : "):
        text = text.rpartition(mark)[2]
    if "bad_alloc" in text or "Failed to allocate memory" in str(error):
        text = "it needs more memory than a frame model may have"
    elif "under development" in str(error) or "Unsupported model IR version" in str(error):
        text = "it is of a newer version of ONNX than ONNX Runtime knows"
    return RefusedError(f"{what} ({text})", "Check its description, or export it with another opset, such as 17")


if __name__ == "__main__":
    main()
