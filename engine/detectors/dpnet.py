"""Detectors that compare clips of a face and its motion with prototypes of real and of fake: DPNet (P000)."""

from collections.abc import Sequence
from dataclasses import asdict

import numpy as np
import torch

from engine.detectors.base import Clip, ClipDetector, ClipScores
from engine.detectors.cards import ADVICE, Card
from engine.detectors.embedding import FEATURES
from engine.detectors.flow_card import flow_of
from engine.detectors.folding import fold_batch_norm
from engine.detectors.own import OwnDetector
from engine.detectors.prototype_evidence import logits
from engine.detectors.stretches import reflect
from engine.errors import WeightsError
from engine.faces.crops import crop_affines, run_square
from engine.faces.flow import make_clip, network_input
from engine.networks.dpnet.network import DpNetwork
from engine.results import SIMILARITY, CropSpec, FloatArray, IntArray, Picture, frozen


class DpnetDetector(OwnDetector, ClipDetector):
    """One picture and the motion that follows it at a time, one score per clip. See ClipDetector.

    Series: "similarity", (1, m) float32 in [0, 1], of all prototypes in their order. The logits that it shows are
    what `prototype_evidence` makes of these numbers, so evidence adds up to them.

    A clip begins every `step` frames and looks at more frames than that, so what clips look at overlaps. Its score
    stands for the frames from its beginning to that of the next clip alone: so every frame has one score, none
    counts twice in an interval or on a timeline, and a step of a trace is named by the frame whose picture was
    judged, as P000 counts time. So what is told of a frame hangs on the frames behind it, up to `length` of them.

    Args:
        network: with its weights loaded; it is folded and moved. The others: see OwnDetector.

    Raises:
        WeightsError: the card says nothing of the flow, or the network takes other planes.
    """

    unit = "clips"

    def __init__(
        self, detector_id: str, network: DpNetwork, card: Card, device: torch.device, precision: str = "auto"
    ) -> None:
        super().__init__(detector_id, card, device, precision)
        self.flow, self.step = flow_of(card)
        if network.channels != self.flow.channels:
            raise WeightsError(
                f"The card speaks of {self.flow.channels} planes, the network takes {network.channels}",
                advice=ADVICE,
            )
        self.crop_spec = CropSpec(self.flow.side, card.margin)
        self._input |= {**asdict(self.crop_spec), "flow": dict(card.raw["flow"])}
        self.length = self.flow.offsets[-1] + 1
        self.batch = 1
        self._weights = network.weights.cpu().numpy()
        network.eval().requires_grad_(requires_grad=False)
        fold_batch_norm(network)
        self.network = network.to(device).to(memory_format=torch.channels_last)

    def plan(self, first: int, last: int, every: int = 1) -> Sequence[Clip]:
        return grid_clips(first, last, self.flow.offsets, self.step, every)

    def affines(self, boxes: FloatArray, landmarks: FloatArray) -> FloatArray:
        """One square for the whole clip: nothing moves in it that did not move in the video."""
        squares = np.repeat(run_square(boxes)[None], len(boxes), axis=0)
        return crop_affines(squares, landmarks, self.crop_spec)

    def score_clip(self, clip: Clip, crops: Picture) -> ClipScores:  # noqa: ARG002 - one score, of all crops
        return self._judged(crops)[0]

    def embed_clip(self, clip: Clip, crops: Picture) -> ClipScores:  # noqa: ARG002 - as score_clip
        """See engine.detectors.embedding. "features": (1, 256), the mean of the cells that meet the prototypes."""
        scores, features = self._judged(crops)
        return ClipScores(scores.logits, {**scores.activations, FEATURES: features})

    def _judged(self, crops: Picture) -> tuple[ClipScores, FloatArray]:
        """What it says of a clip (L, S, S, 3), and the mean of its cells (1, C)."""
        x = network_input(make_clip(crops, self.flow), self.flow, self.card.mean, self.card.std)
        ((similarity, features),) = self.in_batches(x[None], self._compared)
        real, fake = logits(similarity, self._weights)[0]
        scores = ClipScores(frozen(np.array([fake - real], np.float32)), {SIMILARITY: frozen(similarity)})
        return scores, frozen(features)

    def _compared(self, clips: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Similarities (B, m) and mean cells (B, C)."""
        with torch.inference_mode(), self._in_precision():
            cells = self.network.features(torch.from_numpy(clips).to(self._torch_device))
            similarities = self.network.judge(cells).similarities
            means = cells.float().mean((2, 3))
        return similarities.float().cpu().numpy(), means.cpu().numpy()


def grid_clips(first: int, last: int, offsets: Sequence[int], step: int, every: int = 1) -> Sequence[Clip]:
    """All of a stretch first..last without a gap: each of its frames belongs to the span of exactly one clip.

    Clips begin at the multiples of `step`, counted from frame 0 of the video, so that a clip does not hang on how
    far the stretch reaches; besides, one begins with the stretch and one ends with it. A stretch shorter than a
    clip is played forth and back.

    Args:
        offsets: the frames of a clip, counted from its first, ascending.
        every: clips of the grid begin at least so many frames apart; with more than one clip's length between them
            each stands for the frames it looks at, those in between have no span, and the ends none either if the
            grid has a clip.
    """
    length = offsets[-1] + 1
    if last - first + 1 < length:
        places = first + reflect(np.array(offsets), last - first + 1)
        return [Clip(frozen(places), _span(first, last), repeats=True)]
    step *= -(-max(every, 1) // step)
    begins = list(range(-(-first // step) * step, last - length + 2, step))
    if step > length and begins:
        return [Clip(frozen(at + np.array(offsets)), _span(at, at + length - 1)) for at in begins]
    begins = sorted({first, *begins, last - length + 1})
    following = [*begins[1:], last + 1]
    return [
        Clip(frozen(at + np.array(offsets)), _span(at, min(then, at + length) - 1))
        for at, then in zip(begins, following, strict=True)
    ]


def _span(first: int, last: int) -> IntArray:
    return frozen(np.array([[first, last]], np.int64))
