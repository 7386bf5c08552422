"""Between frames and pixels: the one horizontal scale that all lanes of the timeline share."""

from dataclasses import dataclass, replace

import numpy as np

NARROWEST = 8.0
"""Fewest frames that zooming in leaves in view."""


@dataclass(frozen=True, slots=True)
class FrameScale:
    """Frame i is the interval [i - 0.5, i + 0.5), so that its value sits in the middle of its own pixels.

    Attributes:
        frames: how many frames the video has, at least 1.
        start, end: the visible interval in frames, start < end, inside [-0.5, frames - 0.5].
        left, width: the pixels the interval covers, width at least 1.
    """

    frames: int
    start: float
    end: float
    left: float
    width: float

    @classmethod
    def whole(cls, frames: int, left: float = 0.0, width: float = 1.0) -> "FrameScale":
        """A scale that shows all frames."""
        frames = max(1, frames)
        return cls(frames, -0.5, frames - 0.5, left, max(1.0, width))

    @property
    def span(self) -> float:
        """Frames in view."""
        return self.end - self.start

    @property
    def fitted(self) -> bool:
        """Whether the whole video is in view."""
        return self.span >= self.frames

    @property
    def pixels_per_frame(self) -> float:
        return self.width / self.span

    def x(self, frame: float) -> float:
        """Pixel of the middle of a frame; outside the visible interval it lies outside the widget."""
        return self.left + (frame - self.start) * self.width / self.span

    def position(self, x: float) -> float:
        """Continuous frame coordinate at a pixel."""
        return self.start + (x - self.left) * self.span / self.width

    def frame(self, x: float) -> int:
        """The frame under a pixel, held inside the video."""
        return min(self.frames - 1, max(0, int(np.floor(self.position(x) + 0.5))))

    def resized(self, left: float, width: float) -> "FrameScale":
        """The same interval on other pixels."""
        return replace(self, left=left, width=max(1.0, width))

    def zoomed(self, factor: float, anchor: float) -> "FrameScale":
        """`factor` > 1 shows fewer frames; the frame coordinate `anchor` stays where it is if the ends allow."""
        span = min(float(self.frames), max(min(NARROWEST, float(self.frames)), self.span / factor))
        share = (anchor - self.start) / self.span
        return self._placed(anchor - share * span, span)

    def panned(self, frames: float) -> "FrameScale":
        """Moved by so many frames, stopping at the ends."""
        return self._placed(self.start + frames, self.span)

    def showing(self, first: float, last: float) -> "FrameScale":
        """The frames `first` to `last` from edge to edge."""
        span = min(float(self.frames), max(min(NARROWEST, float(self.frames)), last - first + 1.0))
        return self._placed((first + last) / 2.0 - span / 2.0, span)

    def following(self, frame: int) -> "FrameScale":
        """Paged so that `frame` is in view; the same scale if it already is."""
        if self.start <= frame < self.end:
            return self
        return self._placed(frame - 0.1 * self.span, self.span)

    def _placed(self, start: float, span: float) -> "FrameScale":
        start = min(max(start, -0.5), self.frames - 0.5 - span)
        return replace(self, start=start, end=start + span)
