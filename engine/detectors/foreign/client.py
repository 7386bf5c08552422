"""The process of a foreign model as its parent sees it. See `engine.detectors.foreign.process`."""

import json
import os
import signal
import stat
import subprocess
import sys
import threading
import weakref
from pathlib import Path
from typing import Any

import numpy as np

from engine import paths
from engine.detectors.foreign.description import LARGEST_FILE, Description, as_description
from engine.detectors.foreign.settings import ModelSettings
from engine.errors import DeviceError, InternalError, UsageError, WeightsError
from engine.results import FloatArray, Picture

PATIENCE = 120.0
"""Seconds until a model that does not answer is given up."""

_MODULE = "engine.detectors.foreign.process"
_LONGEST_ANSWER = 1 << 22


class ModelProcess:
    """A foreign model in a process of its own. For one thread; `close` it, or let go of it.

    Every method raises WeightsError for whatever the model does or is; the process is then of no more use.
    """

    def __init__(self, path: Path) -> None:
        """Raises WeightsError for what is no file of a sensible size."""
        self.path = path
        _check_file(path)
        roots = [str(paths.PROJECT), *filter(None, [os.environ.get("PYTHONPATH")])]
        self._process = subprocess.Popen(  # noqa: S603 - our own module in our own interpreter
            [sys.executable, "-P", "-m", _MODULE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(roots)},
        )
        self.close = weakref.finalize(self, _end, self._process)

    def describe(self) -> Description:
        """Read the file and look at it without running anything."""
        answer = self._ask({"do": "describe", "path": str(self.path.absolute())})
        try:
            return as_description(self.path, answer["description"])
        except (KeyError, TypeError, ValueError) as error:
            raise InternalError(f"A foreign model was described in a strange way ({error!r})") from error

    def start(self, settings: ModelSettings, threads: int, provider: str = "CPUExecutionProvider") -> str:
        """Load the described model and try it; the provider that it runs on."""
        request = {"do": "start", "settings": settings.tables(), "threads": threads, "provider": provider}
        return str(self._ask(request)["provider"])

    def logits(self, crops: Picture) -> FloatArray:
        """(N, S, S, 3) uint8 -> (N,) float32 logits of fake."""
        answer = self._ask({"do": "score", "shape": crops.shape}, np.ascontiguousarray(crops).tobytes())
        found = np.array(answer["logits"], np.float32)
        if found.shape != (len(crops),) or not np.isfinite(found).all():
            raise InternalError("A foreign model answered in a strange way")
        return found

    def _ask(self, request: dict[str, Any], payload: bytes = b"") -> dict[str, Any]:
        process = self._process
        assert process.stdin is not None  # noqa: S101 - both are pipes
        assert process.stdout is not None  # noqa: S101
        late = threading.Event()

        def give_up() -> None:
            late.set()
            process.kill()

        watchdog = threading.Timer(PATIENCE, give_up)
        watchdog.start()
        try:
            process.stdin.write(json.dumps(request).encode() + b"\n" + payload)
            process.stdin.flush()
            line = process.stdout.readline(_LONGEST_ANSWER)
        except OSError:
            line = b""
        finally:
            watchdog.cancel()
            watchdog.join()
        if not line.endswith(b"\n"):
            raise self._broken_off(late=late.is_set())
        answer: dict[str, Any] = json.loads(line)
        if "refused" in answer:
            self.close()
            raise WeightsError(str(answer["refused"]), advice=str(answer["advice"]), file=self.path)
        return answer

    def _broken_off(self, *, late: bool) -> WeightsError:
        self.close()
        code = self._process.returncode or 0
        name = signal.Signals(-code).name if code < 0 else f"exit status {code}"
        what = f"gave no answer for {PATIENCE:.0f} s" if late else f"broke off ({name})"
        return WeightsError(
            f"The process that runs this model {what}; Tellframe itself is unharmed",
            advice="Use another model: this one is damaged, hostile, or far too large",
            file=self.path,
        )


def onnx_provider(device: str) -> tuple[str, str]:
    """The device a name stands for in ONNX Runtime, cpu or cuda, and its provider.

    Raises:
        DeviceError: cuda is wanted and ONNX Runtime comes without it.
        UsageError: another name.
    """
    import onnxruntime

    if device not in ("auto", "cpu", "cuda"):
        raise UsageError(f"There is no device {device}", advice="Choose one of auto, cpu, cuda")
    present = "CUDAExecutionProvider" in onnxruntime.get_available_providers()
    if device == "cuda" and not present:
        raise DeviceError(
            "ONNX Runtime cannot use a GPU here",
            advice="Choose the device cpu or auto, or install onnxruntime-gpu",
        )
    return ("cuda", "CUDAExecutionProvider") if present and device != "cpu" else ("cpu", "CPUExecutionProvider")


def _check_file(path: Path) -> None:
    try:
        found = path.stat()
    except OSError as error:
        raise WeightsError(
            f"The model cannot be read ({error.strerror})", advice="Give the path of a FILE.onnx", file=path
        ) from error
    if not stat.S_ISREG(found.st_mode):
        raise WeightsError("This is no file", advice="Give the path of a FILE.onnx", file=path)
    if found.st_size > LARGEST_FILE:
        raise WeightsError(
            f"The model has {found.st_size / 2**30:.1f} GiB, more than the {LARGEST_FILE >> 30} GiB that are read",
            advice="Give a smaller model",
            file=path,
        )


def _end(process: "subprocess.Popen[bytes]") -> None:
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            try:
                pipe.close()
            except OSError:  # it died with something unwritten
                continue
    try:
        process.wait(2)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
