"""Crops as a game of superpixels: a coalition is the clip whose other superpixels have its mean colour.

The value of a coalition is the logit of that clip; for a detector of single frames, the mean over its frames. A
detector of clips gives a clip a logit per span: a coalition then has as many values, all of one pass.
"""

from collections.abc import Callable
from typing import Protocol

import numpy as np
import torch

from engine.detectors.base import Clip, ClipDetector, Detector
from engine.detectors.frame import FrameDetector
from engine.explainers.base import UNWATCHED, Watch
from engine.explainers.coalitions import Doubles
from engine.explainers.superpixels import mean_colour, muted
from engine.results import BoolArray, IntArray, Picture

Score = Callable[[Picture], Doubles]
"""Clips (N, F, S, S, 3) uint8 -> K logits of each, (N, K): all that is asked of a model not looked into."""


class Game(Protocol):
    """K values for every coalition.

    Attributes:
        players: M.
        passes: crops that go through the network for one coalition.
        batch: coalitions that are best asked for together.
    """

    players: int
    passes: int
    batch: int

    def __call__(self, masks: BoolArray) -> Doubles:
        """(N, M), True where the player is there -> (N, K)."""


class ClipGame:
    """For any model, by its scores alone.

    Args:
        score: of clips.
        crops: (F, S, S, 3) uint8.
        labels: (F, S, S) from 0 without gaps.
        batch: clips that are scored together.
    """

    def __init__(self, score: Score, crops: Picture, labels: IntArray, batch: int = 1) -> None:
        self.players, self.passes, self.batch = int(labels.max()) + 1, len(crops), batch
        self._score, self._crops, self._labels = score, crops, labels

    def __call__(self, masks: BoolArray) -> Doubles:
        scores = [
            self._score(np.stack(list(muted(self._crops, self._labels, masks[at : at + self.batch]))))
            for at in range(0, len(masks), self.batch)
        ]
        return np.concatenate(scores).astype(np.float64)


class FrameGame:
    """For a detector of single frames whose network is here: muted on its device, after the input was prepared."""

    def __init__(
        self, detector: FrameDetector, crops: Picture, labels: IntArray, watch: Watch = UNWATCHED
    ) -> None:
        self.players, self.passes = int(labels.max()) + 1, len(crops)
        self.batch = max(1, detector.batch // len(crops))
        self._detector, self._watch = detector, watch
        self._shown = detector.prepare(crops)
        device = self._shown.device
        grey = np.broadcast_to(mean_colour(crops), (1, *crops.shape[1:]))
        self._grey = detector.prepare(grey)[:, :, :1, :1]
        self._labels = torch.from_numpy(np.require(labels, requirements=["C", "W"])).to(device)

    def __call__(self, masks: BoolArray) -> Doubles:
        frames = len(self._labels)
        there = torch.from_numpy(masks).to(self._labels.device)
        parts = self._detector.in_batches(
            np.arange(len(masks) * frames),
            lambda part: self._logits(there, part // frames, part % frames),
            cancel=self._watch.cancel,
            notify=self._watch.notify,
        )
        scores: Doubles = np.concatenate(list(parts)).reshape(len(masks), frames).mean(1, keepdims=True)
        return scores

    @torch.inference_mode()
    def _logits(self, there: torch.Tensor, rows: IntArray, frames: IntArray) -> Doubles:
        at = torch.from_numpy(frames).to(self._labels.device)
        row = torch.from_numpy(rows).to(self._labels.device)[:, None, None]
        seen = there[row, self._labels[at]][:, None]
        painted = torch.where(seen, self._shown[at], self._grey)
        return self._detector.logits(painted).astype(np.float64)


def game_of(detector: Detector, crops: Picture, labels: IntArray, watch: Watch = UNWATCHED) -> Game:
    """The game of a clip for a detector, the faster way if there is one."""
    if isinstance(detector, FrameDetector):
        return FrameGame(detector, crops, labels, watch)

    def score(clips: Picture) -> Doubles:
        flat = clips.reshape(-1, *clips.shape[2:])
        parts = detector.in_batches(flat, detector.exact_logits, cancel=watch.cancel, notify=watch.notify)
        logits = np.concatenate(list(parts)).astype(np.float64).reshape(len(clips), -1)
        scores: Doubles = logits.mean(1, keepdims=True)
        return scores

    return ClipGame(score, crops, labels, max(1, detector.batch // len(crops)))


def span_game(
    detector: ClipDetector, clip: Clip, crops: Picture, labels: IntArray, watch: Watch = UNWATCHED
) -> Game:
    """The game of a clip for a detector of clips: the logits of its spans. One muted clip at a time is held."""

    def score(clips: Picture) -> Doubles:
        watch.check()
        return np.stack([detector.score_clip(clip, each).logits for each in clips]).astype(np.float64)

    return ClipGame(score, crops, labels)
