"""Exact reading of one video stream."""

from collections import deque
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from engine.errors import FrameUnavailableError
from engine.video.colour import Converter
from engine.video.damage import DamageLog
from engine.video.decoding import AstrayError, Decoder, Manner
from engine.video.index import FrameIndex
from engine.video.reader import DecodedFrame, FrameReader

# Decoding on to a key frame that is this near costs less than seeking to it.
_NEAR = 4


class _DoubtError(Exception):
    """The decoder shows signs of damage: what it gives must be decoded again with care."""


class VideoReader(FrameReader):
    """Reads a video file through a decoder of its own. See FrameReader.

    A file without a sign of damage is decoded in the quickest manner. At the first sign the reader begins again at
    the key frame in the careful manner, notes what is damaged, and stays careful.
    """

    def __init__(
        self,
        path: Path,
        index: FrameIndex,
        make_decoder: Callable[[Manner], Decoder],
        manner: Manner,
        converter: Converter,
        damage: DamageLog,
        guard: Callable[[], None],
    ) -> None:
        """`guard` raises EvidenceChangedError when the file is no longer the one that was opened."""
        super().__init__(path, index)
        self._make_decoder, self._manner = make_decoder, manner
        self._converter, self._damage, self._guard = converter, damage, guard
        self._decoder: Decoder | None = None
        self._held: deque[tuple[int, Any]] = deque()
        self._next_out = -1
        self._expected = 0

    def close(self) -> None:
        if self._decoder is not None:
            self._decoder.close()
            self._decoder = None
        self._held.clear()
        self._next_out = -1

    def decode(self, index: int, passing: Callable[[DecodedFrame], None] | None = None) -> DecodedFrame:
        self._guard()
        self._require_inside(index)
        for fresh in (False, True, True):
            if index in self._damage:
                break
            try:
                raw = self._run_to(self._approach(index, fresh=fresh), index, passing)
            except AstrayError:
                continue
            except _DoubtError:
                self._damage.suspect()
                continue
            if raw is not None:
                return self._wrap(index, raw)
            self._damage.suspect()
        self._damage.add(index)
        raise FrameUnavailableError(
            "This frame is damaged or missing in the file and cannot be shown exactly",
            advice="Go to another frame, or get an undamaged copy of the file",
            file=self._path,
            frame=index,
        )

    def _approach(self, index: int, *, fresh: bool) -> Decoder:
        """Bring the decoder to where decoding on gives `index`."""
        decoder = self._decoder
        if self._damage.suspected and self._manner is not Manner.CAREFUL:
            self._manner = Manner.CAREFUL
            self.close()
            decoder = None
        if decoder is None:
            decoder = self._decoder = self._make_decoder(self._manner)
        key = self._index.key_before(index)
        if not fresh and 0 <= self._next_out <= index and key <= self._next_out + _NEAR:
            return decoder
        self._held.clear()
        self._next_out = -1
        decoder.seek(index)
        self._next_out = self._expected = decoder.landed
        return decoder

    def _run_to(self, decoder: Decoder, index: int, passing: Callable[[DecodedFrame], None] | None) -> Any | None:
        """Decode up to `index`; None if the decoder passes it by or cannot vouch for it."""
        try:
            while (found := self._take(decoder, index)) is not None:
                number, raw = found
                if number == index:
                    return None if index in self._damage else raw
                if number > index:
                    self._held.appendleft(found)
                    self._next_out = number
                    return None
                if passing is not None:
                    passing(self._wrap(number, raw))
        except AstrayError:
            decoder.restart()
            self._held.clear()
            self._next_out = self._expected = 0
            raise
        return None

    def _take(self, decoder: Decoder, wanted: int) -> tuple[int, Any] | None:
        """The next frame; the wanted one only once all that it may be built on has come out of the decoder."""
        hold = int(self._index.hold[wanted])
        while not self._held or (self._held[0][0] == wanted and self._held[-1][0] < hold):
            item = decoder.next(wanted)
            self._judge(decoder, item)
            if item is None:
                break
            self._held.append(item)
        if not self._held:
            return None
        number, raw = self._held.popleft()
        self._next_out = number + 1
        return number, raw

    def _judge(self, decoder: Decoder, item: tuple[int, Any] | None) -> None:
        """Look for signs of damage in what the decoder has just done."""
        broken = decoder.take_refused()
        if item is not None and item[1].is_corrupt:
            broken.append(item[0])
        if decoder.manner is Manner.CAREFUL:
            came = len(self._index) if item is None else item[0]
            broken += range(self._expected, came)
            self._expected = max(self._expected, came + 1)
            self._damage.add_spreading(broken)
        elif broken:
            raise _DoubtError

    def _wrap(self, number: int, raw: Any) -> DecodedFrame:
        return self._lazily(number, partial(self._converter.rgb, raw))
