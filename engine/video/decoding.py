"""Decoding one stream from any key frame on: the only place that seeks."""

from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av.error

from engine.video.index import FrameIndex
from engine.video.packets import only, packets
from engine.video.source import choose_stream, open_container

# Decoders whose non-reference pictures can be left out without changing any other picture.
_SKIPPABLE = ("h264", "hevc", "mpeg2video", "mpeg1video")


class Decoder:
    """Gives (frame number, decoded frame) in display order from a key frame on. For one thread at a time.

    A seek is checked against the index: decoding starts at a packet that is a key frame of the index, never at
    one after the wanted frame, and pictures shown before that key frame (open GOP) are dropped.
    """

    def __init__(self, path: Path, stream: int, index: FrameIndex, *, stepping: bool) -> None:
        self._path, self._number, self._index = path, stream, index
        self._stepping = stepping
        stamp = index.stamp
        self._key_stamps = set() if stamp is None else {int(s) for s in stamp[index.keys]}
        self._container: Any = None
        self._open()

    def _open(self) -> None:
        self.close()
        self._container = open_container(self._path)
        self._stream = choose_stream(self._container, self._path, self._number)
        context = self._stream.codec_context
        context.thread_type = "SLICE" if self._stepping else "AUTO"
        context.thread_count = 0
        self._skippable = context.name in _SKIPPABLE and self._index.stamp is not None
        only(self._container, self._stream)
        self._packets: Iterator[Any] = packets(self._container, self._stream)
        self._ready: deque[tuple[int, Any]] = deque()
        self._refused: list[int] = []
        self._from = -1
        self._drained = False
        self._counted = 0

    def close(self) -> None:
        if self._container is not None:
            self._container.close()
            self._container = None

    def seek(self, index: int) -> None:
        """Place the decoder so that it gives frame `index` or one before it first."""
        key = self._index.key_before(index)
        attempts = 0
        while key > 0 and attempts < 4:
            if self._try_seek(key, index):
                return
            attempts += 1
            key = self._index.key_before(key - 1)
        self._open()

    def _try_seek(self, key: int, index: int) -> bool:
        """Seek to a key frame; False if the container leads to no key frame at or before `index`."""
        stamp = self._index.stamp
        if stamp is None:
            return False
        try:
            self._container.seek(int(stamp[key]), stream=self._stream, backward=True)
        except av.error.FFmpegError:
            return False
        self._ready.clear()
        self._refused.clear()
        self._drained = False
        source = packets(self._container, self._stream)
        for packet in source:
            if packet.is_keyframe and packet.pts in self._key_stamps:
                landed = self._index.of_stamp(packet.pts)
                if landed > index:
                    return False
                self._from = landed
                self._packets = source
                self._feed(packet)
                return True
        return False

    def next(self, skip_before: int = 0) -> tuple[int, Any] | None:
        """The next frame in display order, None at the end.

        Args:
            skip_before: frames with lower numbers may be left out if that is quicker.
        """
        while not self._ready and not self._drained:
            packet = next(self._packets, None)
            if packet is None:
                self._drained = True
                self._take(None)
                break
            self._feed(packet, skip_before)
        return self._ready.popleft() if self._ready else None

    def take_refused(self) -> list[int]:
        """Numbers of the frames whose packets the decoder has refused since the last call."""
        refused, self._refused = self._refused, []
        return refused

    def _feed(self, packet: Any, skip_before: int = 0) -> None:
        if self._skippable:
            number = -1 if packet.pts is None else self._index.of_stamp(packet.pts)
            self._stream.codec_context.skip_frame = "NONREF" if 0 <= number < skip_before else "DEFAULT"
        self._take(packet)

    def _take(self, packet: Any) -> None:
        try:
            frames = self._stream.codec_context.decode(packet)
        except av.error.FFmpegError:
            if packet is not None:
                self._note_refused(packet.pts)
            return
        for frame in frames:
            number = self._shown_as(frame.pts)
            if number >= max(self._from, 0):
                self._ready.append((number, frame))

    def _note_refused(self, stamp: int | None) -> None:
        number = -1 if stamp is None else self._index.of_stamp(stamp)
        if number >= max(self._from, 0):
            self._refused.append(number)

    def _shown_as(self, stamp: int | None) -> int:
        """The number of the frame that has come out of the decoder, -1 if the index does not know it."""
        if self._index.stamp is None:
            self._counted += 1
            return self._counted - 1
        return -1 if stamp is None else self._index.of_stamp(stamp)
