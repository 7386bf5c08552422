"""Detectors written as ONNX, for programs that know nothing of torch.

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
from engine.detectors.base import AnyDetector
from engine.detectors.cards import card_text
from engine.detectors.onnx_engine import OPSET as DEFAULT_OPSET
from engine.detectors.onnx_engine import NetworkSession, traced
from engine.detectors.probability import sigmoid
from engine.errors import ExportError, UsageError
from engine.exports.files import Staging
from engine.onnx_forms import OnnxForm, form_of
from engine.results import FloatArray

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


def export_onnx(detector: AnyDetector, path: Path, opset: int = DEFAULT_OPSET) -> Deviation:
    """Write a detector and, beside it, NAME.toml that says what goes in and what comes out.

    The batch may have any size. It is the float32 network, also of a detector that computes in bf16 here.

    Args:
        detector: on the CPU.

    Returns:
        How far ONNX Runtime's answers lie from torch's.

    Raises:
        UsageError: the opset or the name makes no sense, NAME.toml is there and is another thing, or the detector
            is a foreign model.
        ExportError: the answers are not torch's, or the files cannot be written.
    """
    check_request(path, opset)
    form = form_of(detector)
    described = describe(detector.id, form, opset)
    data = _with_metadata(traced(form.network, form.inputs[0], opset, *form.names), described)
    deviation = _deviation(form, data)
    if not max(deviation.logit, deviation.probability) <= TOLERANCE:
        raise _differs(form, deviation, path)
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


def describe(detector_id: str, form: OnnxForm, opset: int) -> dict[str, Any]:
    """What a stranger must know to feed the network and to read it; plain data as TOML holds it."""
    card = form.card
    return {
        "detector": detector_id,
        "architecture": card.architecture,
        "weights_sha256": card.sha256,
        "opset": opset,
        "tellframe": __version__,
        "trustworthy": card.trustworthy,
        "trust_reason": card.trust_reason,
        "input": form.input,
        "output": form.output,
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


def _deviation(form: OnnxForm, data: bytes) -> Deviation:
    """Of batches of two sizes; infinite where a shape is not torch's or a value is no number."""
    session = NetworkSession(form.network, data)
    worst = Deviation(0, 0)
    for inputs in form.inputs:
        met = _difference(session.logits(inputs), _torch_logits(form, inputs))
        worst = Deviation(max(worst.logit, met.logit), max(worst.probability, met.probability))
    return worst


@torch.inference_mode()
def _torch_logits(form: OnnxForm, inputs: torch.Tensor) -> FloatArray:
    logits: FloatArray = form.network(inputs).numpy()
    return logits


def _difference(found: FloatArray, expected: FloatArray) -> Deviation:
    if found.shape != expected.shape or not np.isfinite(found).all() or not np.isfinite(expected).all():
        return Deviation(math.inf, math.inf)
    logit = np.abs(found - expected) / np.maximum(1, np.abs(expected))
    return Deviation(float(logit.max()), float(np.abs(sigmoid(found) - sigmoid(expected)).max()))


def _differs(form: OnnxForm, deviation: Deviation, path: Path) -> ExportError:
    """Says whose fault it is: of the file, or of weights whose answers float32 cannot hold.

    A network may magnify differences between inputs so much that the rounding of a single pixel moves its logit by
    per cents: then no two programs agree, nor torch with itself.
    """
    signs = np.random.default_rng(1).choice([-1, 1], form.inputs[0].shape[1:])
    own = 0.0
    for inputs in form.inputs:
        moved = inputs * (1 + torch.finfo(torch.float32).eps * torch.from_numpy(signs).float())
        own = max(own, _difference(_torch_logits(form, moved), _torch_logits(form, inputs)).logit)
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
