"""Exact reading: the asked frame, verified, or a typed error; never a neighbour."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from engine.errors import FrameUnavailableError
from engine.progress import CancelToken
from engine.results import Picture
from engine.video.frame import Frame
from engine.video.index import FrameIndex


@dataclass(frozen=True, slots=True)
class DecodedFrame:
    """A frame as the decoder holds it; pictures are made on demand. For the thread of its reader.

    Attributes:
        index, pts, seconds: as in Frame.
        make: the picture, RGB uint8, scaled to a width as displayed, or whole for None.
    """

    index: int
    pts: int
    seconds: float
    make: Callable[[int | None], Picture]

    def rgb(self) -> Picture:
        """The whole picture, RGB uint8 (H, W, 3), read-only."""
        return self.make(None)

    def rgb_reduced(self, width: int) -> Picture:
        """The picture scaled by area to a width as displayed, RGB uint8, read-only; never enlarged."""
        return self.make(width)

    def frame(self) -> Frame:
        """The whole picture with its place in the file."""
        return Frame(self.index, self.pts, self.seconds, self.rgb())


class FrameReader(ABC):
    """Reads frames of one piece of evidence. One thread at a time; made by `Media.reader()`, closed after use."""

    def __init__(self, path: Path, index: FrameIndex) -> None:
        self._path, self._index = path, index

    @abstractmethod
    def decode(self, index: int, passing: Callable[[DecodedFrame], None] | None = None) -> DecodedFrame:
        """The frame with this number, its picture not made yet.

        Args:
            passing: called with each frame that is decoded on the way there; it may raise to give up.

        Raises:
            FrameUnavailableError: it cannot be decoded exactly, or there is no such frame.
            EvidenceChangedError: the file changed or vanished.
        """

    @abstractmethod
    def close(self) -> None:
        """Free the decoder; the reader opens a new one when it is used again."""

    def read(self, index: int) -> Frame:
        """The frame with this number. Raises as `decode`."""
        return self.decode(index).frame()

    def frames(
        self, first: int, last: int, step: int = 1, *, cancel: CancelToken | None = None
    ) -> Iterator[Frame]:
        """Frames first, first + step, ... up to last (inclusive), in order; damaged ones are left out.

        Raises:
            FrameUnavailableError: `first` or `last` lies outside of the video.
            CancelledError: cancelled.
        """
        for decoded in self.decoded(first, last, step, cancel=cancel):
            yield decoded.frame()

    def decoded(
        self, first: int, last: int, step: int = 1, *, cancel: CancelToken | None = None
    ) -> Iterator[DecodedFrame]:
        """As `frames`, with pictures made on demand."""
        self._require_inside(first)
        self._require_inside(last)

        def passing(_: DecodedFrame) -> None:
            if cancel is not None:
                cancel.check()

        for index in range(first, last + 1, step):
            if cancel is not None:
                cancel.check()
            try:
                yield self.decode(index, passing)
            except FrameUnavailableError:
                continue

    def _require_inside(self, index: int) -> None:
        if not 0 <= index < len(self._index):
            raise FrameUnavailableError(
                f"The video has no such frame: its frames are 0 to {len(self._index) - 1}",
                advice="Choose a frame inside the video",
                file=self._path,
                frame=index,
            )

    def _lazily(self, index: int, make: Callable[[int | None], Picture]) -> DecodedFrame:
        return DecodedFrame(index, int(self._index.pts[index]), self._index.seconds(index), make)
