"""Signed Grad-CAM on the logit (Selvaraju et al., arXiv 1610.02391, as used in P002, without the ReLU).

alpha_c = mean over positions of ds/dA_c,   L = sum_c alpha_c A_c

with s the logit of fake and A the output of a layer, the network's `gradcam_layer` unless another is chosen:
positive values support fake, negative ones real. Always in float32.
"""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from engine.detectors.base import Detector
from engine.detectors.specs import detector_spec
from engine.explainers.base import UNWATCHED, AnyExplainer, Explainer, Maps, Watch, white_box
from engine.explainers.settings import ExplainerSettings, choice, named
from engine.networks.blank import Blank
from engine.results import FloatArray, Picture, frozen


@dataclass(frozen=True)
class GradCamSettings(ExplainerSettings):
    """What of it can be set."""

    layer: str = named("module of the network whose output is weighed")
    smoothing: str = choice(
        "none",
        ("none", "bilinear"),
        "whether cells are drawn as they are, or enlarged to the crop by interpolation",
    )


class AnyGradCam(AnyExplainer):
    """What it is of single crops and of clips."""

    id = "gradcam"
    signed = True
    precision = "float32"
    settings_type = GradCamSettings

    def __init__(self, chosen: GradCamSettings | None = None) -> None:
        self._chosen = chosen or GradCamSettings()
        super().__init__(self._chosen)

    @classmethod
    def names(cls, detector_id: str) -> Mapping[str, Sequence[str]]:
        return {"layer": _map_layers(detector_id)}

    @property
    def title(self) -> str:
        return self.id if self._chosen.smoothing == "none" else f"{self.id}, smoothed ({self._chosen.smoothing})"

    def drawn(self, values: torch.Tensor, size: int) -> FloatArray:
        """Maps (B, h, w) as they are, or enlarged to crops of `size` pixels."""
        if self._chosen.smoothing == "bilinear":
            values = functional.interpolate(values[:, None], (size, size), mode="bilinear")[:, 0]
        return values.cpu().numpy()


class GradCam(AnyGradCam, Explainer):
    """See the module. Costs one forward pass, and a backward pass through what lies behind the layer."""

    def steps(self, detector: Detector, crops: Picture, watch: Watch = UNWATCHED) -> Generator[None, None, Maps]:
        inside = white_box(detector)
        layer = inside.network.get_submodule(self._chosen.layer or inside.gradcam_layer)
        size = inside.crop_spec.size

        def compute(part: Picture) -> tuple[FloatArray, FloatArray]:
            values, logits = gradcam(inside.network, layer, inside.prepare(part))
            return self.drawn(values, size), logits.cpu().numpy()

        parts = []
        for part in detector.in_batches(crops, compute, cancel=watch.cancel, notify=watch.notify):
            parts.append(part)
            yield None
        values, logits = (frozen(np.concatenate(each)) for each in zip(*parts, strict=True))
        return Maps(values, logits, frozen(np.ones(len(crops), np.int64)))


@cache
def _map_layers(detector_id: str) -> Sequence[str]:
    """Of the network as built for the usual size: its layers are the same for every size."""
    spec = detector_spec(detector_id)
    with torch.device("meta"), Blank():
        layers: Sequence[str] = spec.build(spec.size).map_layers
    return layers


def gradcam(
    network: Callable[[torch.Tensor], torch.Tensor], layer: nn.Module, inputs: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Signed maps and logits of inputs (B, channels, S, S): (B, h, w) and (B,) float32.

    `network` gives the logits (B,) and asks the layer once. It must be in eval mode, so that no logit depends on a
    neighbour in the batch: then the gradient of the sum holds the gradient of each.
    """
    device = inputs.device.type
    with leaf_output(layer) as held, torch.enable_grad(), torch.autocast(device, enabled=False):
        logits = network(inputs)
        (activations,) = held
        (gradient,) = torch.autograd.grad(logits.sum(), activations)
    with torch.no_grad():
        return weighed(activations, gradient), logits.detach()


def weighed(activations: torch.Tensor, gradient: torch.Tensor) -> torch.Tensor:
    """sum_c alpha_c A_c of activations (..., C, h, w) with the score's gradient: (..., h, w)."""
    return (gradient.mean((-2, -1), keepdim=True) * activations).sum(-3)


@contextmanager
def leaf_output(layer: nn.Module) -> Iterator[list[torch.Tensor]]:
    """Inside, the layer's output is a leaf that is put into the list; the hook is gone afterwards."""
    held: list[torch.Tensor] = []

    def hook(_layer: nn.Module, _inputs: object, output: torch.Tensor) -> torch.Tensor:
        leaf = output.detach().requires_grad_()
        held.append(leaf)
        return leaf

    handle = layer.register_forward_hook(hook)
    try:
        yield held
    finally:
        handle.remove()
