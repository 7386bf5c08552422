"""Signed Grad-CAM on the logit of each snippet of a clip: the class activation maps of P003's figure 3.

alpha_c(t) = mean over positions of ds_u/dA_c(t),   L(t) = sum_c alpha_c(t) A_c(t)

with s_u the logit of the frame's own snippet and A(t) the frame's output of a layer, by default the network's last
map; see engine.explainers.gradcam. What a frame does for other snippets, through Inter-SIM, is not in its map.
Always in float32.
"""

from collections.abc import Generator

import torch
from torch import nn

from engine.detectors.base import Clip, ClipDetector
from engine.explainers.base import UNWATCHED, ClipExplainer, ClipMaps, Watch, snippet_box
from engine.explainers.gradcam import AnyGradCam, leaf_output
from engine.networks.snippets.network import SnippetNetwork
from engine.results import Picture, frozen


class ClipGradCam(AnyGradCam, ClipExplainer):
    """See the module. Costs one forward pass of the clip, and per snippet a backward pass from the layer on."""

    def steps(
        self, detector: ClipDetector, clip: Clip, crops: Picture, watch: Watch = UNWATCHED
    ) -> Generator[None, None, ClipMaps]:
        yield from ()
        watch.check()
        inside = snippet_box(detector)
        network = inside.network
        layer = network.get_submodule(self._chosen.layer or network.map_layers[0])
        values, logits = inside.at_once(crops, lambda clips: clip_gradcam(network, layer, clips))
        told = logits.cpu().numpy()[inside.snippets_of(clip)]
        return ClipMaps(frozen(self.drawn(values, inside.crop_spec.size)), frozen(told))


def clip_gradcam(
    network: SnippetNetwork, layer: nn.Module, clips: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Signed maps (U T, h, w) and snippet logits (U,) of one clip (1, U, T, 3, S, S); in eval mode."""
    with leaf_output(layer) as held, torch.enable_grad(), torch.autocast(clips.device.type, enabled=False):
        logits = network.forward_with_attention(clips).snippet_logits[0]
        (activations,) = held
        parts = activations.detach().chunk(len(logits))
        maps = []
        for u, own in enumerate(parts):
            (gradient,) = torch.autograd.grad(logits[u], activations, retain_graph=u + 1 < len(parts))
            alpha = gradient.chunk(len(parts))[u].mean((2, 3), keepdim=True)
            maps.append((alpha * own).sum(1))
    return torch.cat(maps), logits.detach()
