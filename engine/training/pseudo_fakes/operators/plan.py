"""What the temporal operators work on: the faces of a clip as numbers, and the plan of what is pasted where.

A plan is made from landmarks alone, before any picture is touched: long videos are forged frame by frame.
"""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from scipy.signal import lfilter

from engine.results import BoolArray, FloatArray, IntArray

FEATURES: dict[str, slice] = {
    "right-brow": slice(17, 22),
    "left-brow": slice(22, 27),
    "nose": slice(27, 36),
    "right-eye": slice(36, 42),
    "left-eye": slice(42, 48),
    "mouth": slice(48, 68),
}
"""The inner features of a face and their landmarks."""


@dataclass(frozen=True, slots=True)
class Footage:
    """What must be known of a clip to draw parameters for it.

    Attributes:
        fps: frames per second.
        dense: whether its landmarks follow the expression; the mean shape fitted to five points does not.
    """

    fps: float
    dense: bool


@dataclass(frozen=True, eq=False)
class ClipFaces:
    """One face through the frames of a clip.

    Attributes:
        points: (T, 68, 2) float32, smoothed landmarks, pixels of the frame.
        fps: frames per second.
        starts: rows at which a run of successive frames begins; the first is 0. Nothing is taken over a break.
    """

    points: FloatArray
    fps: float
    starts: IntArray = field(default_factory=lambda: np.zeros(1, np.int64))

    def __len__(self) -> int:
        return len(self.points)

    def within_runs(self, rows: npt.ArrayLike) -> IntArray:
        """(T,) rows wanted by each row, moved into the run of the row that wants them."""
        run = np.searchsorted(self.starts, np.arange(len(self)), side="right") - 1
        ends = np.append(self.starts[1:], len(self)) - 1
        return np.asarray(np.clip(np.asarray(rows), self.starts[run], ends[run]), dtype=np.int64)

    def in_run(self) -> IntArray:
        """(T,) each row's place in its run."""
        run = np.searchsorted(self.starts, np.arange(len(self)), side="right") - 1
        return np.asarray(np.arange(len(self)) - self.starts[run], dtype=np.int64)

    def widths(self) -> FloatArray:
        """(T,) width of the face, pixels."""
        return np.asarray(np.maximum(np.ptp(self.points[:, :17, 0], axis=1), 1.0), dtype=np.float32)

    def interocular(self) -> FloatArray:
        """(T,) distance between the middles of the eyes, pixels."""
        between = self.points[:, 36:42].mean(axis=1) - self.points[:, 42:48].mean(axis=1)
        return np.asarray(np.linalg.norm(between, axis=1), dtype=np.float32)


@dataclass(frozen=True, eq=False)
class Plan:
    """What is pasted into each of T frames.

    Attributes:
        motion: (T, 4) float32 shift right, shift down (widths of the face), degrees, ln of the scale of the patch.
        offsets: (T, 68, 2) float32 by which landmarks are morphed, pixels.
        gain, tint, ratio: (T,) float32: brightness factor; red times 1 + tint and blue times 1 - tint; factor of
            the blend ratio.
        sources: (T, 3) int64 rows from which the patch is taken; sources[:, 0] alone where weights[:, 1:] are 0.
        weights: (T, 3) float32, sum 1.
        aligned: whether a patch of another row is brought onto the frame's own landmarks.
        active: (T,) bool, which frames are forged.
    """

    motion: FloatArray
    offsets: FloatArray
    gain: FloatArray
    tint: FloatArray
    ratio: FloatArray
    sources: IntArray
    weights: FloatArray
    aligned: bool
    active: BoolArray

    @property
    def reach(self) -> int:
        """How many rows away a source lies at most."""
        away = np.abs(self.sources - np.arange(len(self.sources))[:, None])
        return int(np.where(self.weights > 0, away, 0).max(initial=0))


def still_plan(length: int) -> Plan:
    """A plan in which nothing moves."""
    weights = np.zeros((length, 3), np.float32)
    weights[:, 0] = 1
    return Plan(
        motion=np.zeros((length, 4), np.float32),
        offsets=np.zeros((length, 68, 2), np.float32),
        gain=np.ones(length, np.float32),
        tint=np.zeros(length, np.float32),
        ratio=np.ones(length, np.float32),
        sources=np.repeat(np.arange(length)[:, None], 3, axis=1).astype(np.int64),
        weights=weights,
        aligned=False,
        active=np.ones(length, bool),
    )


def autoregressive(rng: np.random.Generator, length: int, channels: int, rho: float) -> FloatArray:
    """(length, channels) of a stationary AR(1) process of variance 1 and correlation `rho` from frame to frame."""
    noise = rng.standard_normal((length, channels))
    noise[1:] *= np.sqrt(1 - rho**2)
    return np.asarray(lfilter([1.0], [1.0, -rho], noise, axis=0), dtype=np.float32)
