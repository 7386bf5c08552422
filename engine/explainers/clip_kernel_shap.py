"""Kernel SHAP on volumes through a clip, of the logit of each of its spans; see engine.explainers.kernel_shap.

The players are volumes through the F frames that the detector sees; a coalition is the clip whose other volumes
have the clip's mean colour, judged as any clip is, in one pass. That pass gives the logits of all spans, so each
coalition is asked once and every span has Shapley values of its own. What is explained of a frame is the logit of
the span that it belongs to: with several spans (snippets, P003) a volume has another value in the frames of each,
with one (DPNet, LPS) the same value wherever it is seen. All volumes of the clip, not only those that are seen in
the frame, sum to the logit of the span minus that of the muted clip: snippets bear on each other by Inter-SIM.

A pass is the detector's own way from pixels to a score. For DPNet the optical flow of the muted frames is computed
anew: a muted volume has no motion of its own, its edges have what lies beside them. LPS encodes anew only those
examples that a coalition changes. Always in float32.
"""

from collections.abc import Generator, Mapping
from dataclasses import dataclass

import numpy as np

from engine.detectors.base import Clip, ClipDetector
from engine.explainers.base import UNWATCHED, ClipExplainer, ClipMaps, Watch
from engine.explainers.games import span_game
from engine.explainers.kernel_shap import AnyKernelShap, SamplingSettings, game_name
from engine.explainers.settings import real
from engine.explainers.superpixels import FRAME_SPACING, volumes
from engine.results import Picture, frozen


@dataclass(frozen=True)
class ClipKernelShapSettings(SamplingSettings):
    """What of it can be set."""

    spacing: float = real(FRAME_SPACING, 0.001, 100, "pixels between two frames, as the segmentation sees it")


class ClipKernelShap(AnyKernelShap, ClipExplainer):
    """See the module. Costs a forward pass of the clip for each sample, and two for the ends."""

    settings_type = ClipKernelShapSettings
    _chosen: ClipKernelShapSettings

    def __init__(self, chosen: ClipKernelShapSettings | None = None) -> None:
        self._chosen = chosen or ClipKernelShapSettings()
        super().__init__(self._chosen)

    @property
    def settings(self) -> Mapping[str, object]:
        return {**super().settings, "muted": "mean colour of the clip", "explained": "logit of the frame's span"}

    @property
    def title(self) -> str:
        return f"{self.id}, of the score of the frame's span"

    def steps(
        self, detector: ClipDetector, clip: Clip, crops: Picture, watch: Watch = UNWATCHED
    ) -> Generator[None, None, ClipMaps]:
        watch.check()
        labels = volumes(crops, self._chosen.segments, self._chosen.spacing)
        yield None
        own = clip.span_rows
        game = span_game(detector.in_float32(), clip, crops, labels, watch)
        name = game_name(crops, labels, self._chosen.samples, clip.spans.tobytes() + clip.frames.tobytes())
        grown = yield from self._grown(game, name, labels, range(len(crops)), watch, own)
        firsts = np.unique(own, return_index=True)[1]
        return ClipMaps(
            frozen(grown.values),
            frozen(grown.logits[firsts]),
            int(grown.passes.sum()) // len(crops),
            frozen(grown.errors),
            float(grown.seconds.sum()),
        )
