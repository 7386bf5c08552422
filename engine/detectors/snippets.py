"""Detectors that look at snippets of successive frames: Intra-SIM and Inter-SIM (P003)."""

from collections.abc import Sequence

import numpy as np
import torch

from engine.detectors.base import Clip, ClipDetector, ClipScores
from engine.detectors.cards import Card
from engine.detectors.folding import fold_batch_norm
from engine.detectors.own import OwnDetector
from engine.detectors.snippet_sampling import dense_clips
from engine.faces.crops import crop_affines, run_square
from engine.networks.snippets.network import SnippetNetwork, SnippetOutput
from engine.results import FloatArray, Picture, frozen

SNIPPETS = 8
"""U of a whole clip (P003, at inference)."""


class SnippetDetector(OwnDetector, ClipDetector):
    """U = 8 snippets of T = 4 frames at a time, one score per snippet. See ClipDetector.

    Series of a snippet: "u-t", (K, T), the attention that Inter-SIM pays to its frames, no probability: 0.25 where
    nothing was learnt; "frame-logits", (K, T), whose mean is the snippet's logit. Both are of the frames that the
    network saw, the last of which is the last of the snippet's span.

    Args:
        network: with its weights loaded; it is folded and moved. The others: see OwnDetector.
    """

    unit = "clips"

    def __init__(
        self, detector_id: str, network: SnippetNetwork, card: Card, device: torch.device, precision: str = "auto"
    ) -> None:
        super().__init__(detector_id, card, device, precision)
        self.snippet_frames = network.config.frames
        self.length = SNIPPETS * self.snippet_frames
        self.batch = 1
        network.eval().requires_grad_(requires_grad=False)
        fold_batch_norm(network)
        self.network = network.to(device).to(memory_format=torch.channels_last)

    def plan(self, first: int, last: int, every: int = 1) -> Sequence[Clip]:
        return dense_clips(first, last, SNIPPETS, self.snippet_frames, every)

    def affines(self, boxes: FloatArray, landmarks: FloatArray) -> FloatArray:
        """One square for the whole clip: nothing moves in it that did not move in the video."""
        squares = np.repeat(run_square(boxes)[None], len(boxes), axis=0)
        return crop_affines(squares, landmarks, self.crop_spec)

    def score_clip(self, clip: Clip, crops: Picture) -> ClipScores:
        output = self.judge(crops)
        ends = clip.frames.reshape(-1, self.snippet_frames).max(1)
        rows = np.searchsorted(ends, clip.spans[:, 1])
        u_t = output.u_t
        series = {"frame-logits": _rows(output.frame_logits, rows)}
        return ClipScores(
            frozen(output.snippet_logits[0].float().cpu().numpy()[rows]),
            series if u_t is None else {"u-t": _rows(u_t, rows), **series},
        )

    def judge(self, crops: Picture) -> SnippetOutput:
        """(U T, S, S, 3) uint8 RGB -> what the network says of the clip, N = 1."""
        with torch.inference_mode(), self._in_precision():
            x = self.prepare(crops)
            return self.network.forward_with_attention(x.view(1, -1, self.snippet_frames, *x.shape[1:]))


def _rows(values: torch.Tensor, rows: np.ndarray) -> FloatArray:
    """(1, U, T) -> (K, T) float32."""
    return frozen(values[0].float().cpu().numpy()[rows])
