"""Signed Grad-CAM on the logit (Selvaraju et al., arXiv 1610.02391, as used in P002, without the ReLU).

alpha_c = mean over positions of ds/dA_c,   L = sum_c alpha_c A_c

with s the logit of fake and A the output of the network's `gradcam_layer`: positive values support fake, negative
ones real. Always in float32.
"""

from collections.abc import Generator, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import nn

from engine.detectors.base import Detector
from engine.explainers.base import UNWATCHED, Explainer, Maps, Watch, white_box
from engine.results import FloatArray, Picture, frozen


class GradCam(Explainer):
    """See the module. Costs one forward pass, and a backward pass through what lies behind the layer."""

    id = "gradcam"
    signed = True
    precision = "float32"

    def steps(self, detector: Detector, crops: Picture, watch: Watch = UNWATCHED) -> Generator[None, None, Maps]:
        inside = white_box(detector)
        layer = inside.network.get_submodule(inside.gradcam_layer)

        def compute(part: Picture) -> tuple[FloatArray, FloatArray]:
            values, logits = gradcam(inside.network, layer, inside.prepare(part))
            return values.cpu().numpy(), logits.cpu().numpy()

        parts = []
        for part in detector.in_batches(crops, compute, cancel=watch.cancel, notify=watch.notify):
            parts.append(part)
            yield None
        values, logits = (frozen(np.concatenate(each)) for each in zip(*parts, strict=True))
        return Maps(values, logits, frozen(np.ones(len(crops), np.int64)))


def gradcam(network: nn.Module, layer: nn.Module, inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Signed maps and logits of inputs (B, 3, S, S): (B, h, w) and (B,) float32.

    The network must be in eval mode, so that no logit depends on a neighbour in the batch: then the gradient of
    the sum holds the gradient of each.
    """
    device = inputs.device.type
    with _leaf_output(layer) as held, torch.enable_grad(), torch.autocast(device, enabled=False):
        logits = network(inputs)
        (activations,) = held
        (gradient,) = torch.autograd.grad(logits.sum(), activations)
    with torch.no_grad():
        alpha = gradient.mean((2, 3), keepdim=True)
        return (alpha * activations).sum(1), logits.detach()


@contextmanager
def _leaf_output(layer: nn.Module) -> Iterator[list[torch.Tensor]]:
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
