"""Detectors that look at one crop at a time: MobileNetV2 and EfficientNet with one logit (P002)."""

import numpy as np
import torch

from engine.detectors.base import Detector, Notify
from engine.detectors.cards import Card
from engine.detectors.folding import fold_batch_norm
from engine.detectors.own import OwnDetector
from engine.networks.frame import FrameNetwork
from engine.progress import CancelToken
from engine.results import FloatArray, Picture, frozen

_BATCH_PIXELS = {"cpu": 4 * 224**2, "cuda": 256 * 224**2}
"""Crop pixels that go through a network at a time. On a CPU few, so that what lies between two layers stays in its
caches: MobileNetV2 takes 12.2 ms of processor a crop with 4 of them, 17.6 ms with 16."""


class FrameDetector(OwnDetector, Detector):
    """One crop, one logit. See Detector.

    Args:
        network: with its weights loaded; it is folded and moved. The others: see OwnDetector.
    """

    unit = "faces"

    def __init__(
        self, detector_id: str, network: FrameNetwork, card: Card, device: torch.device, precision: str = "auto"
    ) -> None:
        super().__init__(detector_id, card, device, precision)
        self.gradcam_layer = network.gradcam_layer
        network.eval().requires_grad_(requires_grad=False)
        fold_batch_norm(network)
        self.network = network.to(device).to(memory_format=torch.channels_last)
        self.batch = max(1, _BATCH_PIXELS[device.type] // card.size**2)

    def score_crops(
        self, crops: Picture, *, cancel: CancelToken | None = None, notify: Notify | None = None
    ) -> FloatArray:
        parts = self.in_batches(crops, self._forward, cancel=cancel, notify=notify)
        return frozen(np.concatenate([np.empty(0, np.float32), *parts]))

    @torch.inference_mode()
    def _forward(self, crops: Picture) -> FloatArray:
        with self._in_precision():
            logits: FloatArray = self.network(self.prepare(crops)).float().cpu().numpy()
        return logits

    @torch.inference_mode()
    def exact_logits(self, crops: Picture) -> FloatArray:
        with torch.autocast(self.device, enabled=False):
            logits: FloatArray = self.network(self.prepare(crops)).float().cpu().numpy()
        return logits
