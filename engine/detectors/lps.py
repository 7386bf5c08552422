"""Latent pattern sensing as a detector (P001): windows of 60 successive frames of an aligned face."""

import hashlib
import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from engine.detectors.base import Clip, ClipDetector, ClipScores
from engine.detectors.cards import Card
from engine.detectors.embedding import CONTEXT, SECOND_DIFFERENCE, SECOND_DIFFERENCE_SIZE, SPATIAL
from engine.detectors.folding import fold_batch_norm
from engine.detectors.lps_windows import (
    EXAMPLE_FRAMES,
    EXAMPLES,
    PREDICTION_ERROR,
    WINDOW,
    window_clips,
)
from engine.detectors.own import OwnDetector
from engine.networks.lps.config import OBSERVED
from engine.networks.lps.encoder import ResNet2d3d
from engine.networks.lps.network import Lps
from engine.networks.lps.views import prediction_errors_over_time, second_difference
from engine.results import Picture, frozen

_KEPT = 2 * EXAMPLES


class LpsDetector(OwnDetector, ClipDetector):
    """One window of 12 examples of 5 frames at a time, one score per window. See ClipDetector.

    The span of a window is all of its frames, and as windows begin every 30 frames, spans overlap: most frames lie
    in two windows, and the mean of a face counts them in both. What shows a single number for a frame takes the
    window that began last; a step of a trace is named by the first frame of its window; a suspicious interval
    reaches to the last frame of its last window.

    Series: "prediction-error", (1, 12) float32, how surprised the predictor is by each example, seen from the
    examples before it and from those behind it. Of each cell of an example's map it is the contrastive loss by
    which the predictor was trained (P001, eq 4), -log of the share of exp(z' z) that the true cell has among all
    cells of the window that are predicted, divided by log of their number: 0 is certainty, 1 is chance. The mean
    over cells and over the directions that there are: the first three examples are only foretold from behind, the
    last three only from before. The distance of z' from z would not do: the loss is blind to what all z have in
    common, so z' says nothing of it. Windows of one detector are comparable, all having the same number of cells;
    yet where a face hardly moves its examples are more alike, and errors are larger. It means nothing in weights
    that were not pre-trained, and is no score: nothing decides by it.

    Each example is encoded by itself, and what was made of the last 24 is kept: windows that share examples cost
    half, and their scores are the same to the bit in whatever order they are asked for.

    Args:
        network: with its weights loaded; it is folded and moved. The others: see OwnDetector.
    """

    unit = "examples"
    length = WINDOW

    def __init__(
        self, detector_id: str, network: Lps, card: Card, device: torch.device, precision: str = "auto"
    ) -> None:
        super().__init__(detector_id, card, device, precision)
        self.batch = 1
        network.eval().requires_grad_(requires_grad=False)
        fold_batch_norm(network)
        self.network = network.to(device)
        self.chance = math.log((EXAMPLES - OBSERVED) * network.config.cells**2)
        self._encoded: dict[bytes, Tensor] = {}

    def plan(self, first: int, last: int, every: int = 1) -> Sequence[Clip]:
        return window_clips(first, last, every)

    def score_clip(self, clip: Clip, crops: Picture) -> ClipScores:  # noqa: ARG002 - all windows are alike
        return self._judged(self.features(crops))

    def embed_clip(self, clip: Clip, crops: Picture) -> ClipScores:  # noqa: ARG002 - as score_clip
        """See engine.detectors.embedding.

        "spatial": (1, C), the mean of the encoder's features over examples and cells. "context": (1, 512), what
        the classifier judges. With a ResNet as encoder (P001), of the maps of its first stages, which look at each
        frame alone, flattened: "second-difference" (1, h w) of the three frames in the middle, as P001's figure 2;
        "second-difference-size" (1, h w), the mean of the absolute values over all 58 threes of the window: signed
        ones of successive frames would cancel.
        """
        z = self.features(crops)
        scores = self._judged(z)
        with torch.inference_mode(), self._in_precision():
            context = self.network.descriptors(z).float()
        seen = {SPATIAL: z.mean((1, 3, 4)), CONTEXT: context, **self._differences(crops)}
        found = {name: frozen(values.cpu().numpy()) for name, values in seen.items()}
        return ClipScores(scores.logits, {**scores.activations, **found})

    def _differences(self, crops: Picture) -> dict[str, Tensor]:
        """Second differences of the maps of single frames; none of an encoder that has no such maps."""
        maps = self.frame_maps(crops)
        if maps is None:
            return {}
        (differences,) = second_difference(maps[None, None])
        return {
            SECOND_DIFFERENCE: differences[len(differences) // 2].flatten()[None],
            SECOND_DIFFERENCE_SIZE: differences.abs().mean(0).flatten()[None],
        }

    def frame_maps(self, frames: Picture) -> Tensor | None:
        """Single frames (n, S, S, 3) uint8 RGB -> (n, h, w) float32, each by itself.

        The mean over the channels of those stages of the encoder that look at each frame alone; None of an encoder
        without such stages.

        Raises:
            DeviceError: a frame does not fit into memory.
        """
        encoder = self.network.encoder
        if not isinstance(encoder, ResNet2d3d):
            return None

        def mapped(frame: Picture) -> Tensor:
            with torch.inference_mode(), self._in_precision():
                return encoder.frame_features(self.prepare(frame)[:, :, None])[:, :, 0].float().mean(1)

        return torch.cat(list(self.in_batches(frames, mapped)))

    def _judged(self, z: Tensor) -> ClipScores:
        with torch.inference_mode(), self._in_precision():
            real, fake = self.network.classify(z)[0].float().tolist()
            errors = prediction_errors_over_time(self.network, z).float().mean((2, 3)) / self.chance
        return ClipScores(
            frozen(np.array([fake - real], np.float32)), {PREDICTION_ERROR: frozen(errors.cpu().numpy())}
        )

    def features(self, crops: Picture) -> Tensor:
        """A window (60, S, S, 3) uint8 RGB -> its features z (1, 12, C, h, w) float32, before their ReLU.

        Raises:
            DeviceError: an example does not fit into memory.
        """
        examples = crops.reshape(EXAMPLES, EXAMPLE_FRAMES, *crops.shape[1:])
        key = self.precision.encode()
        marks = [hashlib.blake2b(example.tobytes(), digest_size=16, key=key).digest() for example in examples]
        missing = {mark: place for place, mark in enumerate(marks) if mark not in self._encoded}
        made = self.in_batches(examples[list(missing.values())], self._encode)
        self._encoded |= dict(zip(missing, made, strict=True))
        z = torch.stack([self._encoded[mark] for mark in marks])[None]
        for mark in dict.fromkeys(marks):  # the last used ones come last
            self._encoded[mark] = self._encoded.pop(mark)
        for mark in list(self._encoded)[:-_KEPT]:
            del self._encoded[mark]
        return z

    def _encode(self, example: Picture) -> Tensor:
        """(1, 5, S, S, 3) -> (C, h, w)"""
        with torch.inference_mode(), self._in_precision():
            x = self.prepare(example[0]).transpose(0, 1)
            encoded: Tensor = self.network.encode(x[None, None])[0, 0]
        return encoded.float()
