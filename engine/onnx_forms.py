"""What each kind of detector takes and gives as ONNX: one tensor in, logits of fake out."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from engine.detectors.base import AnyDetector
from engine.detectors.cards import Card
from engine.detectors.dpnet import DpnetDetector
from engine.detectors.flow_card import flow_table
from engine.detectors.frame import FrameDetector
from engine.detectors.lps import LpsDetector
from engine.detectors.lps_windows import EXAMPLE_FRAMES, EXAMPLES, WINDOW
from engine.detectors.onnx_engine import INPUT, OUTPUT, clouds
from engine.detectors.own import OwnDetector
from engine.detectors.snippets import SNIPPETS, SnippetDetector
from engine.errors import UsageError
from engine.faces.flow import make_clip, network_input
from engine.results import Picture

CLIPS = "clips"


@dataclass(frozen=True, slots=True)
class OnnxForm:
    """How a detector stands in an ONNX file.

    Attributes:
        card: of its weights.
        network: one float32 tensor, of which the first axis is the batch, to logits.
        inputs: two batches of different sizes, as the network takes them, on which it is compared with torch.
        input: what a stranger must know to feed it; plain data as TOML holds it.
        output: what a stranger must know to read it.
    """

    card: Card
    network: nn.Module
    inputs: tuple[Tensor, Tensor]
    input: dict[str, Any]
    output: dict[str, Any]

    @property
    def names(self) -> tuple[str, str]:
        """Of what goes in and of what comes out."""
        return self.input["name"], self.output["name"]


def form_of(detector: AnyDetector) -> OnnxForm:
    """The form of a detector on the CPU.

    Raises:
        UsageError: it is no detector of ours.
    """
    match detector:
        case FrameDetector():
            return _frame(detector)
        case SnippetDetector():
            return _snippet(detector)
        case LpsDetector():
            return _lps(detector)
        case DpnetDetector():
            return _dpnet(detector)
        case _:
            raise UsageError(
                f"{detector.id} is a foreign model, and an ONNX file already",
                advice="Copy its file, or choose a detector of python main.py detectors",
            )


def _frame(detector: FrameDetector) -> OnnxForm:
    # White noise would prove little: on it float32 itself loses the digits (a B4 with random weights gives -209.5
    # in float32 and -212.9 in float64).
    crops = clouds(4, detector.crop_spec.size)
    given = _pixels(detector, INPUT, "NCHW")
    return OnnxForm(
        detector.card,
        detector.network,
        (detector.prepare(crops[:3]), detector.prepare(crops[3:])),
        given,
        _logit(detector, "one logit of fake; its probability is 1 / (1 + exp(-logit))"),
    )


def _snippet(detector: SnippetDetector) -> OnnxForm:
    frames = detector.snippet_frames

    def clip(crops: Picture) -> Tensor:
        pixels = detector.prepare(crops)
        return pixels.reshape(SNIPPETS, frames, *pixels.shape[1:])

    given = _pixels(detector, CLIPS, "NUTCHW") | {
        "aligned": False,
        "snippets": SNIPPETS,
        "snippet_frames": frames,
        "frames": "U snippets of T successive frames, all cut with the square of the whole clip",
    }
    return OnnxForm(
        detector.card,
        _Answer(detector.network, lambda network, x: network.forward_with_attention(x).snippet_logits),
        _two_batches(clip, SNIPPETS * frames, detector.crop_spec.size),
        given,
        _logit(detector, "a logit of fake for each snippet (N, U); a probability is 1 / (1 + exp(-logit))"),
    )


def _lps(detector: LpsDetector) -> OnnxForm:
    def window(crops: Picture) -> Tensor:
        pixels = detector.prepare(crops)
        return pixels.reshape(EXAMPLES, EXAMPLE_FRAMES, *pixels.shape[1:]).transpose(1, 2)

    given = _pixels(detector, CLIPS, "NMCTHW") | {
        "aligned": detector.crop_spec.aligned,
        "examples": EXAMPLES,
        "example_frames": EXAMPLE_FRAMES,
        "frames": "M examples of T frames, all of them successive",
    }
    return OnnxForm(
        detector.card,
        _Answer(detector.network, _fake_against_real),
        _two_batches(window, WINDOW, detector.crop_spec.size),
        given,
        _logit(detector, "one logit of fake; its probability is 1 / (1 + exp(-logit))"),
    )


def _dpnet(detector: DpnetDetector) -> OnnxForm:
    flow, card = detector.flow, detector.card

    def planes(crops: Picture) -> Tensor:
        return torch.from_numpy(network_input(make_clip(crops, flow), flow, card.mean, card.std))

    given = _pixels(detector, CLIPS, "NCHW") | {
        "aligned": False,
        "size": flow.size,
        "channels": flow.channels,
        "flow": flow_table(flow, detector.step),
        "frames": "red, green and blue of the first frame, then planes of flow in [0, 1], (v / bound + 1) / 2 for "
        "motion to the right and downwards, |v| / bound for its length; flow is computed on crops of flow.side "
        "pixels, and so is the bound once these are brought to size",
    }
    return OnnxForm(
        detector.card,
        _Answer(detector.network, lambda network, x: _difference_of(network(x).logits)),
        _two_batches(planes, flow.offsets[-1] + 1, flow.side, flow.offsets),
        given,
        _logit(detector, "one logit of fake; its probability is 1 / (1 + exp(-logit))"),
    )


class _Answer(nn.Module):
    """Of what a network says, what is written."""

    def __init__(self, network: nn.Module, answer: Callable[[Any, Tensor], Tensor]) -> None:
        super().__init__()
        self.network, self._answer = network, answer
        self.eval()  # or the exporter would leave the network in training

    def forward(self, x: Tensor) -> Tensor:
        return self._answer(self.network, x)


def _fake_against_real(network: nn.Module, x: Tensor) -> Tensor:
    return _difference_of(network(x))


def _difference_of(logits: Tensor) -> Tensor:
    """(N, 2) of real and fake -> (N,)"""
    return logits[:, 1] - logits[:, 0]


def _two_batches(
    made: Callable[[Picture], Tensor], frames: int, size: int, offsets: tuple[int, ...] | None = None
) -> tuple[Tensor, Tensor]:
    """Two clips and one, of clouds that move by a pixel a frame."""
    wide = clouds(3, size + frames)
    seen = range(frames) if offsets is None else offsets
    clips = [made(np.stack([each[t : t + size, t : t + size] for t in seen])) for each in wide]
    return torch.stack(clips[:2]), torch.stack(clips[2:])


def _pixels(detector: OwnDetector, name: str, layout: str) -> dict[str, Any]:
    card = detector.card
    return {
        "name": name,
        "layout": layout,
        "size": card.size,
        "colour": "RGB",
        "scale": 255.0,
        "mean": list(card.mean),
        "std": list(card.std),
        "normalisation": "(pixel / scale - mean) / std",
        "margin": card.margin,
    }


def _logit(detector: OwnDetector, reading: str) -> dict[str, Any]:
    return {"name": OUTPUT, "meaning": "logit", "classes": list(detector.card.classes), "reading": reading}
