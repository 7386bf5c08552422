"""Detectors that look at one crop at a time: MobileNetV2 and EfficientNet with one logit (P002)."""

import copy
from dataclasses import replace

import numpy as np
import torch

from engine.detectors.base import Detector, Notify
from engine.detectors.cards import Card
from engine.detectors.folding import fold_batch_norm
from engine.detectors.onnx_engine import (
    NAME,
    ONNXRUNTIME,
    NetworkSession,
    open_session,
    proof_crops,
    require_sense,
    version,
)
from engine.detectors.own import OwnDetector
from engine.networks.frame import FrameNetwork
from engine.progress import CancelToken
from engine.results import FloatArray, Picture, Provenance, frozen

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
        self._opened: NetworkSession | None = None
        self.batch = max(1, _BATCH_PIXELS[device.type] // card.size**2)

    def use_onnx_runtime(self, notify: Notify) -> None:
        """Let ONNX Runtime compute the scores from now on, if it gives torch's; if not, `notify` is told why.

        Raises:
            UsageError: it computes on a GPU, or in bf16.
        """
        require_sense(ONNXRUNTIME, self._torch_device, self.precision)
        inputs = self.prepare(proof_crops(self.crop_spec.size))
        self._opened = open_session(self.network, self.weights_sha256, inputs, notify)

    def on_torch(self) -> "FrameDetector":
        """The same detector, all of whose answers are torch's."""
        other = copy.copy(self)
        other._opened = None  # noqa: SLF001 - it is of this class
        return other

    @property
    def _session(self) -> NetworkSession | None:
        """What computes in torch's place. Never for another network, such as a copy with random parameters."""
        opened = self._opened
        return opened if opened is not None and opened.network is self.network else None

    def score_crops(
        self, crops: Picture, *, cancel: CancelToken | None = None, notify: Notify | None = None
    ) -> FloatArray:
        parts = self.in_batches(crops, self._forward, cancel=cancel, notify=notify)
        return frozen(np.concatenate([np.empty(0, np.float32), *parts]))

    @torch.inference_mode()
    def _forward(self, crops: Picture) -> FloatArray:
        if self._session is not None:
            return self._session.logits(self.prepare(crops))
        with self._in_precision():
            logits: FloatArray = self.network(self.prepare(crops)).float().cpu().numpy()
        return logits

    @torch.inference_mode()
    def exact_logits(self, crops: Picture) -> FloatArray:
        with torch.autocast(self.device, enabled=False):
            logits: FloatArray = self.network(self.prepare(crops)).float().cpu().numpy()
        return logits

    @torch.inference_mode()
    def logits(self, inputs: torch.Tensor) -> FloatArray:
        """Float32 logits of prepared crops (N, 3, S, S) that fit into one batch, by what computes the scores."""
        if self._session is not None:
            return self._session.logits(inputs)
        with torch.autocast(self.device, enabled=False):
            logits: FloatArray = self.network(inputs).float().cpu().numpy()
        return logits

    def provenance(self, **settings: object) -> Provenance:
        made_by = super().provenance(**settings)
        if self._session is None:
            return made_by
        return replace(
            made_by,
            settings={**made_by.settings, "engine": ONNXRUNTIME},
            device=f"{made_by.device}, {NAME}",
            versions={**made_by.versions, ONNXRUNTIME: version()},
        )
