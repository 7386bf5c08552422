"""How surprised the predictor of LPS is by each cell of each example of 5 frames (P001, eq 4).

The error that LpsDetector tells as a series, before its mean over the cells: -log of the share that the true cell
has among all cells of the window that are predicted, over log of their number. 0 is certainty, 1 is chance. It
says what is hard to foretell, a cut or a quick turn of the head, say: not what is fake, and no score hangs on it.
It means nothing in weights that were not pre-trained. The frames of an example have its map.
"""

import torch

from engine.detectors.base import Clip, ClipDetector
from engine.detectors.lps import LpsDetector
from engine.detectors.lps_windows import EXAMPLE_FRAMES
from engine.explainers.base import ClipMaps
from engine.explainers.one_pass import OnePass, inside_of
from engine.networks.lps.views import prediction_errors_over_time
from engine.results import Picture, frozen


class PredictionError(OnePass):
    """See the module. Costs the encoding of the window, which the detector keeps."""

    id = "prediction-error"
    signed = False
    precision = "float32"

    @property
    def title(self) -> str:
        return f"{self.id}, the predictor's surprise"

    @torch.inference_mode()
    def maps(self, detector: ClipDetector, clip: Clip, crops: Picture) -> ClipMaps:  # noqa: ARG002 - all alike
        inside = inside_of(detector, LpsDetector, "networks of windows").in_float32()
        z = inside.features(crops)
        (errors,) = prediction_errors_over_time(inside.network, z) / inside.chance
        real, fake = inside.network.classify(z).T
        values = errors.repeat_interleave(EXAMPLE_FRAMES, 0)
        return ClipMaps(frozen(values.cpu().numpy()), frozen((fake - real).cpu().numpy()))
