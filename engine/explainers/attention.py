"""The attention of networks that have some: where they look, not what is fake.

A map of attention is not negative and says nothing of fake or real; it looks alike on both, as Bonettini et al.
(arXiv 2004.07676) say of theirs. It is that of the pass that gives the score. Always in float32.
"""

from abc import abstractmethod
from collections.abc import Generator, Mapping

import numpy as np
import torch

from engine.detectors.base import Detector
from engine.explainers.base import UNWATCHED, Explainer, Maps, Watch, white_box
from engine.results import FloatArray, Picture, frozen


class AttentionExplainer(Explainer):
    """Base of both kinds. Costs one forward pass."""

    signed = False
    precision = "float32"

    @property
    def title(self) -> str:
        return f"{self.id}, where it looks"

    @abstractmethod
    def combine(self, attention: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """The network's maps (B, h, w) by name -> (B, h, w)."""

    @torch.inference_mode()
    def attention(self, detector: Detector, crops: Picture) -> tuple[FloatArray, FloatArray]:
        """Maps (B, h, w) and logits (B,) of one batch."""
        inside = white_box(detector)
        with torch.autocast(inside.device, enabled=False):
            logits, maps = inside.network.forward_with_attention(inside.prepare(crops))
        return self.combine(maps).cpu().numpy(), logits.cpu().numpy()

    def steps(self, detector: Detector, crops: Picture, watch: Watch = UNWATCHED) -> Generator[None, None, Maps]:
        parts = []
        for part in detector.in_batches(
            crops, lambda some: self.attention(detector, some), cancel=watch.cancel, notify=watch.notify
        ):
            parts.append(part)
            yield None
        values, logits = (frozen(np.concatenate(each)) for each in zip(*parts, strict=True))
        return Maps(values, logits, frozen(np.ones(len(crops), np.int64)))


class Attention(AttentionExplainer):
    """The one map of Bonettini et al., in (0, 1), as it is: 28 x 28 cells at 224 px."""

    id = "attention"

    def combine(self, attention: Mapping[str, torch.Tensor]) -> torch.Tensor:
        return attention["attention"]
