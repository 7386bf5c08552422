"""ONNX Runtime as the engine of our own frame detectors on a CPU, where it takes less time than torch.

The folded network is exported once and kept in the cache; every time before it is used, its answers are compared
with torch's. A session is tied to the very network that it was made of, so that a copy with other parameters is
never answered by it.
"""

import hashlib
import io
import os
import warnings
from contextlib import suppress
from importlib import metadata
from pathlib import Path

import numpy as np
import torch
from torch import nn

from engine.detectors.base import Notify
from engine.errors import InternalError, UsageError
from engine.paths import cache_dir
from engine.results import FloatArray, Picture, settings_hash

ONNXRUNTIME = "onnxruntime"
ENGINES = ("torch", ONNXRUNTIME)
NAME = "ONNX Runtime"

INPUT, OUTPUT = "crops", "logit"
OPSET = 17
TOLERANCE = 1e-3
"""How far a logit may lie from torch's."""

_DIGEST = 32
"""Bytes of SHA-256 before the network in a file of the cache."""


class NetworkSession:
    """A network in ONNX Runtime, on as many threads as torch has now. For one thread.

    Attributes:
        network: of which it is.
    """

    def __init__(self, network: nn.Module, model: bytes) -> None:
        """Raises what ONNX Runtime raises for a model that it cannot load."""
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        options.inter_op_num_threads = 1
        options.log_severity_level = 4
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # as torch's: they sleep
        self.network = network
        self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        (self._input,) = (each.name for each in self._session.get_inputs())

    def logits(self, inputs: torch.Tensor) -> FloatArray:
        """Prepared crops or clips (N, ...) float32 on the CPU -> (N, ...) float32.

        Raises:
            MemoryError: they do not fit.
        """
        try:
            (found,) = self._session.run(None, {self._input: inputs.contiguous().numpy()})
        except Exception as error:  # ONNX Runtime's own, which have no base in common
            if "allocat" in str(error) or "bad_alloc" in str(error):
                raise MemoryError(str(error)) from error
            raise InternalError(f"{NAME} failed with {type(error).__name__}: {error}") from error
        logits: FloatArray = found
        return logits


def require_sense(engine: str, device: torch.device, precision: str) -> None:
    """Raise UsageError for an engine that there is not, or that does not compute so."""
    if engine not in ENGINES:
        raise UsageError(f"There is no engine {engine}", advice=f"Choose one of {', '.join(ENGINES)}")
    if engine == ONNXRUNTIME and device.type != "cpu":
        raise UsageError(
            f"The engine {engine} runs our detectors on the processor only",
            advice="Choose the device cpu, or the engine torch",
        )
    if engine == ONNXRUNTIME and precision == "bf16":
        raise UsageError(
            f"The engine {engine} computes in float32 only", advice="Leave the precision out, or choose torch"
        )


def open_session(
    network: nn.Module, weights_sha256: str, inputs: torch.Tensor, notify: Notify
) -> NetworkSession | None:
    """A session that was compared with torch; None, told to the user, if its answers are not torch's.

    Args:
        network: folded, on the CPU, whose parameters hang on nothing but the weights.
        inputs: prepared crops (N, 3, S, S), N at least 2, with which the two are compared.
    """
    try:
        session = _kept(network, weights_sha256, inputs.shape[-1])
        together, alone = session.logits(inputs), session.logits(inputs[:1])
        with torch.inference_mode():
            expected: FloatArray = network(inputs).numpy()
    except Exception as error:  # noqa: BLE001 - whatever it is, torch can do the work
        notify(f"torch computes the scores, since {NAME} cannot ({_first_line(error)})")
        return None
    deviation = max(_deviation(together, expected), _deviation(alone, expected[:1]))
    if not deviation <= TOLERANCE:
        notify(f"torch computes the scores, since those of {NAME} lie up to {deviation:.1e} from its own")
        return None
    return session


def version() -> str:
    """Of ONNX Runtime."""
    return metadata.version(ONNXRUNTIME)


def proof_crops(size: int) -> Picture:
    """(4, S, S, 3) uint8 on which the engines are compared: coloured clouds, noise, black, white."""
    shape = (1, size, size, 3)
    noise = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    return np.concatenate([clouds(1, size), noise, np.zeros_like(noise), np.full_like(noise, 255)])


def clouds(count: int, size: int) -> Picture:
    """(count, S, S, 3) uint8: coloured clouds of several scales, as pictures have them."""
    rng = np.random.default_rng(0)
    found = np.full((count, size, size, 3), 128.0)
    for cells in (2, 5, 16, 48):
        at = np.arange(size) * cells // size
        found += 40 * rng.normal(size=(count, cells, cells, 3))[:, at][:, :, at]
    crops: Picture = np.clip(found, 0, 255).astype(np.uint8)
    return crops


def traced(
    network: nn.Module, example: torch.Tensor, opset: int = OPSET, name: str = INPUT, output: str = OUTPUT
) -> bytes:
    """A folded network as ONNX, of one tensor to logits, with a batch of any size.

    By the TorchScript exporter of torch: the newer one needs onnxscript and torch's compiler, which Tellframe
    never imports (see `engine.runtime.without_compiler`), and these networks are plain chains without control
    flow, of which a trace loses nothing. torch calls it deprecated but keeps it; its version is pinned and a test
    would tell.

    Args:
        example: float32, of a batch of at least two: a trace of one could fix the batch at one.
        name, output: of what goes in and comes out.
    """
    buffer = io.BytesIO()
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.filterwarnings("ignore", "(?s).*trace might not|.*trace to be incorrect|Constant folding")
        torch.onnx.export(
            network,
            (example,),
            buffer,  # type: ignore[arg-type]  # annotated for the other exporter
            dynamo=False,
            opset_version=opset,
            input_names=[name],
            output_names=[output],
            dynamic_axes={name: {0: "n"}, output: {0: "n"}},
        )
    return buffer.getvalue()


def _kept(network: nn.Module, weights_sha256: str, size: int) -> NetworkSession:
    """From the cache, or exported now."""
    made_of = {"weights": weights_sha256, "size": size, "opset": OPSET, "torch": torch.__version__}
    place = cache_dir() / "onnx" / f"{settings_hash(made_of)}.net"
    model = _read(place)
    if model is None:
        model = traced(network, torch.zeros(2, 3, size, size))
        _keep(place, model)
    return NetworkSession(network, model)


def _read(place: Path) -> bytes | None:
    """The network in a file of the cache; None if there is none, or a damaged one."""
    try:
        data = place.read_bytes()
    except OSError:
        return None
    model = data[_DIGEST:]
    return model if hashlib.sha256(model).digest() == data[:_DIGEST] else None


def _keep(place: Path, model: bytes) -> None:
    part = place.with_name(f"{place.name}.{os.getpid()}.part")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(hashlib.sha256(model).digest() + model)
        part.replace(place)
    except OSError:  # a full or forbidden cache costs time, nothing else
        with suppress(OSError):
            part.unlink()


def _deviation(found: FloatArray, expected: FloatArray) -> float:
    if found.shape != expected.shape or not np.isfinite(found).all() or not np.isfinite(expected).all():
        return float("inf")
    return float(np.abs(found - expected).max())


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
