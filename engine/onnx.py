"""Frame detectors written as ONNX, for programs that know nothing of torch.

What was written is run once by ONNX Runtime and must give torch's logits, or nothing is written.
"""

import hashlib
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from engine import __version__
from engine.detectors.cards import card_text
from engine.detectors.frame import FrameDetector
from engine.detectors.onnx_engine import INPUT, OUTPUT, NetworkSession, clouds, traced
from engine.detectors.onnx_engine import OPSET as DEFAULT_OPSET
from engine.detectors.probability import sigmoid
from engine.errors import ExportError, UsageError
from engine.exports.files import Staging
from engine.results import FloatArray, Picture

OPSETS = range(13, 21)
TOLERANCE = 1e-3
"""How far ONNX Runtime may lie from torch: a probability, and a logit, as a share of it where it is above one."""

_FIRST_LINE = "# Describes the ONNX file of the same name beside it; written by Tellframe.\n"


@dataclass(frozen=True, slots=True)
class Deviation:
    """The largest differences between ONNX Runtime and torch that were met in the proof.

    Attributes:
        logit: as a share of the logit where that is larger than one.
        probability: of fake.
    """

    logit: float
    probability: float


def export_onnx(detector: FrameDetector, path: Path, opset: int = DEFAULT_OPSET) -> Deviation:
    """Write a detector and, beside it, NAME.toml that says what goes in and what comes out.

    The network takes (N, 3, S, S) float32 normalised crops, any N, and gives (N,) logits of fake. It is the
    float32 network, also of a detector that computes in bf16 here.

    Args:
        detector: on the CPU.

    Returns:
        How far ONNX Runtime's answers lie from torch's.

    Raises:
        UsageError: the opset or the name makes no sense, or NAME.toml is there and is another thing.
        ExportError: the answers are not torch's, or the files cannot be written.
    """
    check_request(path, opset)
    card, described = detector.card, describe(detector, opset)
    data = _with_metadata(traced(detector.network, card.size, opset), described)
    deviation = _deviation(detector, data)
    if not max(deviation.logit, deviation.probability) <= TOLERANCE:
        raise _differs(detector, deviation, path)
    beside = {"onnx_sha256": hashlib.sha256(data).hexdigest(), **described}
    with Staging() as staging:
        staging.write(path, data)
        staging.write(path.with_suffix(".toml"), (_FIRST_LINE + card_text(beside)).encode())
    return deviation


def check_request(path: Path, opset: int) -> None:
    """What can be refused before anything is loaded.

    Raises:
        UsageError: as `export_onnx`.
    """
    if opset not in OPSETS:
        raise UsageError(
            f"The opset {opset} cannot be written", advice=f"Choose one from {OPSETS[0]} to {OPSETS[-1]}"
        )
    if path.suffix != ".onnx":
        raise UsageError("The name does not end in .onnx", advice="Give --out NAME.onnx", file=path)
    beside = path.with_suffix(".toml")
    if beside.exists() and not beside.read_bytes().startswith(_FIRST_LINE.encode()):
        raise UsageError(
            "The description would replace this file, which is another thing",
            advice="Give --out another name or folder",
            file=beside,
        )


def describe(detector: FrameDetector, opset: int) -> dict[str, Any]:
    """What a stranger must know to feed the network and to read it; plain data as TOML holds it."""
    card = detector.card
    return {
        "detector": detector.id,
        "architecture": card.architecture,
        "weights_sha256": detector.weights_sha256,
        "opset": opset,
        "tellframe": __version__,
        "trustworthy": card.trustworthy,
        "trust_reason": card.trust_reason,
        "input": {
            "name": INPUT,
            "layout": "NCHW",
            "size": card.size,
            "colour": "RGB",
            "scale": 255.0,
            "mean": list(card.mean),
            "std": list(card.std),
            "normalisation": "(pixel / scale - mean) / std",
            "margin": card.margin,
        },
        "output": {
            "name": OUTPUT,
            "meaning": "logit",
            "classes": list(card.classes),
            "reading": "one logit of fake; its probability is 1 / (1 + exp(-logit))",
        },
    }


def _with_metadata(data: bytes, description: dict[str, Any]) -> bytes:
    """The file with its description inside: tables are JSON, as ONNX holds texts only."""
    import onnx

    model = onnx.load_model_from_string(data)
    texts = {k: v if isinstance(v, str) else json.dumps(v, ensure_ascii=False) for k, v in description.items()}
    onnx.helper.set_model_props(model, texts)
    onnx.checker.check_model(model)
    written: bytes = model.SerializeToString()
    return written


def _deviation(detector: FrameDetector, data: bytes) -> Deviation:
    """Of batches of two sizes; infinite where a shape is not torch's or a value is no number."""
    session = NetworkSession(detector.network, data)
    worst = Deviation(0, 0)
    for crops in _proof_crops(detector.crop_spec.size):
        pixels = detector.prepare(crops)
        met = _difference(session.logits(pixels), _torch_logits(detector, pixels))
        worst = Deviation(max(worst.logit, met.logit), max(worst.probability, met.probability))
    return worst


@torch.inference_mode()
def _torch_logits(detector: FrameDetector, pixels: torch.Tensor) -> FloatArray:
    logits: FloatArray = detector.network(pixels).numpy()
    return logits


def _difference(found: FloatArray, expected: FloatArray) -> Deviation:
    if found.shape != expected.shape or not np.isfinite(found).all() or not np.isfinite(expected).all():
        return Deviation(math.inf, math.inf)
    logit = np.abs(found - expected) / np.maximum(1, np.abs(expected))
    return Deviation(float(logit.max()), float(np.abs(sigmoid(found) - sigmoid(expected)).max()))


def _differs(detector: FrameDetector, deviation: Deviation, path: Path) -> ExportError:
    """Says whose fault it is: of the file, or of weights whose answers float32 cannot hold.

    A network may magnify differences between crops so much that the rounding of a single pixel moves its logit by
    per cents: then no two programs agree, nor torch with itself.
    """
    size = detector.crop_spec.size
    signs = torch.from_numpy(np.random.default_rng(1).choice([-1, 1], (3, size, size))).float()
    own = 0.0
    for crops in _proof_crops(size):
        pixels = detector.prepare(crops)
        moved = pixels * (1 + torch.finfo(torch.float32).eps * signs)
        own = max(own, _difference(_torch_logits(detector, moved), _torch_logits(detector, pixels)).logit)
    message = (
        f"ONNX Runtime gives logits that lie {deviation.logit:.2g} from those of torch, "
        f"and probabilities that lie {deviation.probability:.2g} from them"
    )
    if own <= TOLERANCE:
        return ExportError(message, advice=f"Choose another --opset from {OPSETS[0]} to {OPSETS[-1]}", file=path)
    return ExportError(
        f"{message}; but torch's own logits move by {own:.2g} when each pixel moves by its last digit: float32 "
        "does not hold the answers of these weights",
        advice="Train the weights further",
        file=path,
    )


def _proof_crops(size: int) -> tuple[Picture, Picture]:
    """Three crops and one, two sizes of batch.

    White noise would prove little: on it float32 itself loses the digits (a B4 with random weights gives -209.5 in
    float32 and -212.9 in float64).
    """
    crops = clouds(4, size)
    return crops[:3], crops[3:]
