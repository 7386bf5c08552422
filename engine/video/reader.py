"""Exact reading: the asked frame, verified, or a typed error; never a neighbour."""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from engine.errors import FrameUnavailableError, VideoError
from engine.progress import CancelToken
from engine.results import Picture
from engine.video.colour import Converter
from engine.video.damage import DamageLog
from engine.video.decoding import Decoder
from engine.video.frame import Frame
from engine.video.index import FrameIndex

# Decoding on to a key frame that is this near costs less than seeking to it.
_NEAR = 4


@dataclass(frozen=True, slots=True)
class DecodedFrame:
    """A frame as the decoder holds it; pictures are made on demand. For the thread of its reader."""

    index: int
    pts: int
    seconds: float
    _raw: Any
    _converter: Converter

    def rgb(self) -> Picture:
        """The whole picture, RGB uint8 (H, W, 3), read-only."""
        return self._converter.rgb(self._raw)

    def rgb_reduced(self, width: int) -> Picture:
        """The picture scaled to a width as displayed, RGB uint8, read-only; quicker than scaling rgb()."""
        return self._converter.reduced(self._raw, width)

    def frame(self) -> Frame:
        return Frame(self.index, self.pts, self.seconds, self.rgb())


class FrameReader:
    """Reads frames of one video file. One thread at a time; every reader has its own decoder.

    Made by `Media.reader()`: with `stepping` it is quick at single frames anywhere, else at long runs.
    """

    def __init__(
        self,
        make_decoder: Callable[[], Decoder],
        index: FrameIndex,
        converter: Converter,
        damage: DamageLog,
        guard: Callable[[], None],
    ) -> None:
        """`guard` raises EvidenceChangedError when the file is no longer the one that was opened."""
        self._guard = guard
        self._make_decoder = make_decoder
        self._decoder: Decoder | None = None
        self._index, self._converter, self._damage = index, converter, damage
        self._held: deque[tuple[int, Any]] = deque()
        self._out = -1

    @property
    def position(self) -> int:
        """The next frame that decoding on would give, -1 before the first read."""
        return self._out

    def close(self) -> None:
        if self._decoder is not None:
            self._decoder.close()
            self._decoder = None
        self._held.clear()

    def read(self, index: int) -> Frame:
        """The frame with this number.

        Raises:
            FrameUnavailableError: it cannot be decoded exactly, or there is no such frame.
            EvidenceChangedError: the file changed or vanished.
        """
        return self.decode(index).frame()

    def decode(self, index: int, passing: Callable[[DecodedFrame], None] | None = None) -> DecodedFrame:
        """As `read`, without making the picture yet.

        Args:
            passing: called with each frame that is decoded on the way there; it may raise to give up.
        """
        self._guard()
        self._require(index)
        for attempt in range(2):
            decoder = self._approach(index, again=attempt > 0)
            found = self._run_to(decoder, index, passing)
            if found is not None:
                return self._wrap(*found)
            if index in self._damage:
                break
        self._damage.add(index)
        raise self._unavailable(index)

    def frames(
        self, first: int, last: int, step: int = 1, *, cancel: CancelToken | None = None
    ) -> Iterator[Frame]:
        """Frames first, first + step, ... up to last in order; damaged ones are left out."""
        for decoded in self.decoded(first, last, step, cancel=cancel):
            yield decoded.frame()

    def decoded(
        self, first: int, last: int, step: int = 1, *, cancel: CancelToken | None = None
    ) -> Iterator[DecodedFrame]:
        """As `frames`, with pictures made on demand."""
        self._require(first)
        self._require(last)
        for index in range(first, last + 1, step):
            if cancel is not None:
                cancel.check()
            try:
                yield self.decode(index)
            except FrameUnavailableError:
                continue

    def _require(self, index: int) -> None:
        if not 0 <= index < len(self._index):
            raise FrameUnavailableError(
                f"The video has no such frame: its frames are 0 to {len(self._index) - 1}",
                advice="Choose a frame inside the video",
                file=self._damage.path,
                frame=index,
            )
        if index in self._damage:
            raise self._unavailable(index)

    def _approach(self, index: int, *, again: bool) -> Decoder:
        """Bring the decoder to where decoding on gives `index`."""
        if self._decoder is None:
            self._decoder = self._make_decoder()
        key = self._index.key_before(index)
        if not again and self._out >= 0 and self._out <= index and key <= self._out + _NEAR:
            return self._decoder
        self._held.clear()
        self._decoder.seek(index)
        self._out = max(key, 0)
        return self._decoder

    def _run_to(
        self, decoder: Decoder, index: int, passing: Callable[[DecodedFrame], None] | None
    ) -> tuple[int, Any] | None:
        """Decode up to `index`; None if the decoder passes it by or cannot vouch for it."""
        while (found := self._next(decoder, index)) is not None:
            number, raw = found
            if number == index:
                return None if index in self._damage else (number, raw)
            if number > index:
                self._held.appendleft(found)
                self._out = number
                return None
            if passing is not None:
                passing(self._wrap(number, raw))
        return None

    def _next(self, decoder: Decoder, wanted: int) -> tuple[int, Any] | None:
        """The next frame, once all that it may depend on has come out of the decoder."""
        hold = int(self._index.hold[wanted])
        while not self._held or (self._held[0][0] == wanted and self._held[-1][0] < hold):
            item = decoder.next(wanted)
            self._damage.add_failed(decoder.take_failed())
            if item is None:
                break
            if item[1].is_corrupt:
                self._damage.add_failed([item[0]])
            self._held.append(item)
        if not self._held:
            return None
        number, raw = self._held.popleft()
        self._out = number + 1
        return number, raw

    def _wrap(self, number: int, raw: Any) -> DecodedFrame:
        index = self._index
        return DecodedFrame(number, int(index.pts[number]), index.seconds(number), raw, self._converter)

    def _unavailable(self, index: int) -> VideoError:
        return FrameUnavailableError(
            "This frame is damaged or missing in the file and cannot be shown exactly",
            advice="Go to another frame, or get an undamaged copy of the file",
            file=self._damage.path,
            frame=index,
        )
