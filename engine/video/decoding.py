"""Decoding one stream from any key frame on: the only place that seeks."""

from collections import deque
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any

import av.error

from engine.video import h264
from engine.video.index import FrameIndex
from engine.video.packets import only, packets
from engine.video.source import choose_stream, open_container

# Decoders that leave out pictures on which no other is built. HEVC is not among them: its "sub-layer
# non-reference" pictures may be references of a higher layer. Nor is H.264, where such packets are not even handed
# over: each would take the turn of a thread, so that half of the threads stood idle.
_SKIPPING = ("mpeg2video", "mpeg1video")

# Decoders whose threads read a damaged picture in different ways without a complaint: one way for all manners.
_SAME_THREADS = {"hevc": "FRAME", "vp8": "NONE", "mpeg1video": "NONE", "mpeg2video": "NONE"}


class Manner(Enum):
    """How to decode.

    SEQUENTIAL is quickest at long runs and STEPPING at single frames; CAREFUL is slower, but tells exactly which
    packet was refused and which frames are missing, and gives the same pictures whatever was asked before.
    The values are numbers of threads, 0 for as many as there are cores. Most decoders give each frame a thread and
    run that many frames ahead, which costs little beside the way from the key frame, but would with 16 threads.
    """

    SEQUENTIAL = 0
    STEPPING = 3
    CAREFUL = 1


class AstrayError(Exception):
    """After a seek, the container gives other packets than it gave when the index was made."""


class Decoder:
    """Gives (frame number, decoded frame) in display order from a key frame on. For one thread at a time.

    A seek is checked against the index: decoding starts at a packet that is a key frame of the index, never at
    one after the wanted frame; pictures shown before that key frame (open GOP) are dropped; and every packet must
    lie where it lay in the file when the index was made, so that none goes under a wrong time.
    """

    def __init__(self, path: Path, stream: int, index: FrameIndex, manner: Manner) -> None:
        self.manner = manner
        self._path, self._number, self._index = path, stream, index
        self._container: Any = None
        self.restart()

    def restart(self) -> None:
        """Place the decoder at the start of the file, where nothing can go astray."""
        self.close()
        self._container = open_container(self._path)
        self._stream = choose_stream(self._container, self._path, self._number)
        only(self._container, self._stream)
        context = self._stream.codec_context
        context.thread_type = _SAME_THREADS.get(context.name, "AUTO")
        context.thread_count = self.manner.value
        if context.name in ("ffv1", "mjpeg"):  # damage is hidden unless asked for; no frame depends on another one
            context.options = {"err_detect": "crccheck+explode"}
        quick = self.manner is not Manner.CAREFUL and self._index.stamp is not None
        self._skips = quick and context.name in _SKIPPING
        self._withholds = quick and context.name == "h264"
        self._begin(packets(self._container, self._stream), -1)

    def _begin(self, source: Iterator[Any], landed: int) -> None:
        self._packets = source
        self._landed = landed
        self._ready: deque[tuple[int, Any]] = deque()
        self._refused: list[int] = []
        self._drained = False
        self._counted = 0

    @property
    def landed(self) -> int:
        """The key frame at which decoding started; 0 at the start of the file."""
        return max(self._landed, 0)

    def close(self) -> None:
        if self._container is not None:
            self._container.close()
            self._container = None

    def seek(self, index: int) -> None:
        """Place the decoder so that it gives frame `index` or one before it first."""
        key = self._index.key_before(index)
        attempts = 0
        while key > 0 and attempts < 4 and self._index.stamp is not None:
            if self._try_seek(int(self._index.stamp[key]), index):
                return
            attempts += 1
            key = self._index.key_before(key - 1)
        self.restart()

    def _try_seek(self, stamp: int, index: int) -> bool:
        """Seek to a key frame; False if the container leads to no key frame at or before `index`."""
        try:
            self._container.seek(stamp, stream=self._stream, backward=True)
        except av.error.FFmpegError:
            return False
        source = packets(self._container, self._stream)
        for packet in source:
            if packet.is_keyframe:
                number = self._identify(packet)
                if number > index:
                    return False
                if number >= 0 and self._index.key[number] and self._index.lies_at(number, packet):
                    self._begin(source, number)
                    self._feed(packet, 0)
                    return True
        return False

    def next(self, skip_before: int = 0) -> tuple[int, Any] | None:
        """The next frame in display order, None at the end.

        Args:
            skip_before: frames with lower numbers may be left out if that is quicker.

        Raises:
            AstrayError: the place is lost; only a restart leads on.
        """
        while not self._ready and not self._drained:
            packet = next(self._packets, None)
            if packet is None:
                self._drained = True
                self._decode(None, -1)
            else:
                self._feed(packet, skip_before)
        return self._ready.popleft() if self._ready else None

    def take_refused(self) -> list[int]:
        """Numbers of the frames whose packets the decoder has refused since the last call."""
        refused, self._refused = self._refused, []
        return refused

    def _feed(self, packet: Any, skip_before: int) -> None:
        number = self._identify(packet)
        if self._landed >= 0 and number >= 0 and not self._index.lies_at(number, packet):
            raise AstrayError
        passed_by = 0 <= number < skip_before
        context = self._stream.codec_context
        if self._skips:
            context.skip_frame = "NONREF" if passed_by else "DEFAULT"
        if self._withholds and passed_by and h264.is_unreferenced(memoryview(packet), context.extradata):
            return
        self._decode(packet, number)

    def _decode(self, packet: Any, number: int) -> None:
        try:
            frames = self._stream.codec_context.decode(packet)
        except av.error.FFmpegError:
            if number >= self.landed:
                self._refused.append(number)
            return
        for frame in frames:
            shown = self._shown_as(frame.pts)
            if shown >= self.landed:
                self._ready.append((shown, frame))

    def _identify(self, packet: Any) -> int:
        """The frame that a packet holds, -1 if the index does not know it.

        After a seek some containers (MPEG program streams) guess other times; the place in the file then tells.
        """
        stamp = self._index.stamp
        if stamp is None:
            return -1
        number = -1 if packet.pts is None else self._index.of_stamp(packet.pts)
        if self._landed >= 0 and not (number >= 0 and self._index.lies_at(number, packet)):
            placed = self._index.of_place(packet)
            if placed >= 0:
                packet.pts = int(stamp[placed])
                return placed
        return number

    def _shown_as(self, stamp: int | None) -> int:
        """The number of the frame that has come out of the decoder, -1 if the index does not know it."""
        if self._index.stamp is None:
            self._counted += 1
            return self._counted - 1
        return -1 if stamp is None else self._index.of_stamp(stamp)
