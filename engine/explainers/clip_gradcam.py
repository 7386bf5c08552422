"""Signed Grad-CAM on the logits of a clip; see engine.explainers.gradcam. Always in float32.

alpha_c(t) = mean over positions of ds_u/dA_c(t),   L(t) = sum_c alpha_c(t) A_c(t)

Snippets (P003's figure 3): s_u is the logit of the frame's own snippet and A(t) the frame's output of a layer, by
default the network's last map. What a frame does for other snippets, through Inter-SIM, is not in its map.

DPNet (P000): s is the clip's logit, A the map of its trunk, of one picture and the motion that follows it. All
frames of the clip have that one map.

LPS (P001): s is the window's logit, A(t) the features of example t as both aggregators receive them; ds/dA is the
sum of what flows back through the two. The 5 frames of an example have its map.
"""

from functools import partial
from typing import cast

import torch
from torch import Tensor, nn

from engine.detectors.base import Clip, ClipDetector
from engine.detectors.dpnet import DpnetDetector
from engine.detectors.lps import LpsDetector
from engine.detectors.snippets import SnippetDetector
from engine.explainers.base import ClipMaps
from engine.explainers.gradcam import AnyGradCam, gradcam, leaf_output, weighed
from engine.explainers.one_pass import OnePass, inside_of
from engine.explainers.prototypes import of_clip
from engine.networks.dpnet.network import DpNetwork
from engine.networks.lps.network import Lps
from engine.networks.snippets.network import SnippetNetwork
from engine.results import Picture, frozen


class ClipGradCam(AnyGradCam, OnePass):
    """See the module. Costs one forward pass of the clip, and per score a backward pass from the layer on."""

    def maps(self, detector: ClipDetector, clip: Clip, crops: Picture) -> ClipMaps:
        if isinstance(detector, DpnetDetector):
            values, logits = of_clip(detector, crops, partial(dpnet_gradcam, detector.network))
        elif isinstance(detector, LpsDetector):
            values, logits = lps_gradcam(detector.network, detector.in_float32().features(crops))
        else:
            inside = inside_of(detector, SnippetDetector, "networks of clips")
            layer = inside.network.get_submodule(self._chosen.layer or inside.network.map_layers[0])
            values, logits = inside.at_once(crops, partial(snippet_gradcam, inside.network, layer))
            logits = logits[inside.snippets_of(clip)]
        drawn = self.drawn(values, detector.crop_spec.size)
        return ClipMaps(frozen(drawn.repeat(len(crops) // len(drawn), axis=0)), frozen(logits.cpu().numpy()))


def snippet_gradcam(network: SnippetNetwork, layer: nn.Module, clips: Tensor) -> tuple[Tensor, Tensor]:
    """Signed maps (U T, h, w) and snippet logits (U,) of one clip (1, U, T, 3, S, S); in eval mode."""
    with leaf_output(layer) as held, torch.enable_grad(), torch.autocast(clips.device.type, enabled=False):
        logits = network.forward_with_attention(clips).snippet_logits[0]
        (activations,) = held
        parts = activations.detach().chunk(len(logits))
        maps = []
        for u, own in enumerate(parts):
            (gradient,) = torch.autograd.grad(logits[u], activations, retain_graph=u + 1 < len(parts))
            maps.append(weighed(own, gradient.chunk(len(parts))[u]))
    return torch.cat(maps), logits.detach()


def dpnet_gradcam(network: DpNetwork, x: Tensor) -> tuple[Tensor, Tensor]:
    """Signed maps (B, h, w) and logits (B,) of clips (B, channels, S, S); in eval mode."""

    def judged(inputs: Tensor) -> Tensor:
        real, fake = network(inputs).logits.unbind(1)
        return cast("Tensor", fake - real)

    return gradcam(judged, network.get_submodule(network.map_layers[0]), x)


def lps_gradcam(network: Lps, z: Tensor) -> tuple[Tensor, Tensor]:
    """Signed maps of the examples (m, h, w) and the logit (1,) of one window's features (1, m, C, h, w)."""
    layer = network.get_submodule(network.map_layers[0])
    with leaf_output(layer) as held, torch.enable_grad(), torch.autocast(z.device.type, enabled=False):
        real, fake = network.classify(z).unbind(1)
        gradients = torch.autograd.grad(fake - real, held)
    with torch.no_grad():
        gradient = gradients[0] + sum(each.flip(1) for each in gradients[1:])  # the second aggregator's way
        return weighed(held[0], gradient)[0], (fake - real).detach()
