"""What changes all at once between three successive frames, in features of single frames (P001, figures 1 and 2).

|f(t - 1) - 2 f(t) + f(t + 1)| per cell, f the mean over the channels. P001 takes f from a face recogniser; here it
is that of the stages of LPS's encoder that look at each frame alone. P001 draws it as it comes, but its
sign takes no side: features grow and fall again, or fall and grow. So the magnitude is shown, without a sign. A
blink or a quick move shows as a forged frame would. Always in float32.

Frame t has the map of the three frames around it; the first and the last frame of a window that of the three that
they belong to, since the detector sees no frames beyond, and the whole map is 0 where there are fewer than three.
"""

import numpy as np
import torch

from engine.detectors.base import Clip, ClipDetector
from engine.detectors.lps import LpsDetector
from engine.errors import UsageError
from engine.explainers.base import ClipMaps
from engine.explainers.one_pass import OnePass, inside_of
from engine.networks.lps.views import second_difference
from engine.results import Picture, frozen


class SecondDifference(OnePass):
    """See the module. Costs the first half of the encoder, and the rest of it for the logit."""

    id = "second-difference"
    signed = False
    precision = "float32"

    @property
    def title(self) -> str:
        return f"{self.id}, sudden change of features"

    @torch.inference_mode()
    def maps(self, detector: ClipDetector, clip: Clip, crops: Picture) -> ClipMaps:
        inside = inside_of(detector, LpsDetector, "networks of windows").in_float32()
        _, first, shown = np.unique(clip.frames, return_index=True, return_inverse=True)
        maps = inside.frame_maps(crops[first])
        if maps is None:
            raise UsageError(
                f"The encoder of {detector.id} has no features of single frames",
                advice="Choose another explainer, such as prediction-error",
            )
        (differences,) = second_difference(maps[None, None]).abs().cpu().numpy()
        if len(differences):
            around = np.clip(np.arange(len(first)) - 1, 0, len(differences) - 1)
            values = differences[around]
        else:
            values = np.zeros(maps.shape, np.float32)
        real, fake = inside.network.classify(inside.features(crops)).T
        return ClipMaps(frozen(values[shown]), frozen((fake - real).cpu().numpy()))
