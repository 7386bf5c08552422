"""Detectors that look at snippets of successive frames: Intra-SIM and Inter-SIM (P003)."""

from collections.abc import Callable, Sequence

import numpy as np
import torch

from engine.detectors.base import Clip, ClipDetector, ClipScores, Computed
from engine.detectors.cards import Card
from engine.detectors.folding import fold_batch_norm
from engine.detectors.own import OwnDetector
from engine.detectors.snippet_sampling import dense_clips
from engine.faces.crops import crop_affines, run_square
from engine.networks.snippets.network import SnippetNetwork, SnippetOutput
from engine.results import FloatArray, IntArray, Picture, frozen

SNIPPETS = 8
"""U of a whole clip (P003, at inference)."""


class SnippetDetector(OwnDetector, ClipDetector):
    """U = 8 snippets of T = 4 frames at a time, one score per snippet. See ClipDetector.

    Series of a snippet: "u-t", (K, T), the attention that Inter-SIM pays to its frames, no probability: 0.25 where
    nothing was learnt; "frame-logits", (K, T), whose mean is the snippet's logit. Both begin with the frames of
    the span, in their order; where it is shorter than T the others that the network saw with them follow.

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
        output = self.at_once(crops, self._judged)
        snippets, columns = self._places(clip)
        u_t = output.u_t
        series = {"frame-logits": _picked(output.frame_logits, snippets, columns)}
        return ClipScores(
            frozen(output.snippet_logits[0].float().cpu().numpy()[snippets[:, 0]]),
            series if u_t is None else {"u-t": _picked(u_t, snippets, columns), **series},
        )

    def at_once(self, crops: Picture, compute: Callable[[torch.Tensor], Computed]) -> Computed:
        """What `compute` makes of a whole clip: (U T, S, S, 3) uint8 RGB, given to it as (1, U, T, 3, S, S).

        Raises:
            DeviceError: it does not fit into memory.
        """

        def prepared(part: Picture) -> Computed:
            x = self.prepare(part[0])
            return compute(x.view(1, -1, self.snippet_frames, *x.shape[1:]))

        (made,) = self.in_batches(crops[None], prepared)
        return made

    def snippets_of(self, clip: Clip) -> IntArray:
        """(K,) the snippet of each span."""
        ends = clip.frames.reshape(-1, self.snippet_frames).max(1)
        found: IntArray = np.searchsorted(ends, clip.spans[:, 1])
        return found

    def _judged(self, clips: torch.Tensor) -> SnippetOutput:
        with torch.inference_mode(), self._in_precision():
            return self.network.forward_with_attention(clips)

    def _places(self, clip: Clip) -> tuple[IntArray, IntArray]:
        """(K, 1) the snippet of each span and (K, T) its frames' places there, those of the span first."""
        snippets = self.snippets_of(clip)
        columns = []
        rows = clip.frames.reshape(-1, self.snippet_frames)[snippets].tolist()
        for row, (low, high) in zip(rows, clip.spans.tolist(), strict=True):
            told = [row.index(frame) for frame in range(low, high + 1)]
            columns.append(told + [at for at in range(len(row)) if at not in told])
        return snippets[:, None], np.array(columns, np.int64)


def _picked(values: torch.Tensor, snippets: IntArray, columns: IntArray) -> FloatArray:
    """(1, U, T) -> (K, T) float32."""
    return frozen(values[0].float().cpu().numpy()[snippets, columns])
