"""The sound of a stretch of video, for an exported clip: copied where MP4 can hold it, else encoded to AAC."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.stream
import numpy as np

from engine.video.source import open_container

COPIED = ("aac", "mp3", "ac3", "eac3", "alac", "opus")
"""Codecs that MP4 holds and players know."""


class AudioCut:
    """The packets of one sound track between two times of its container. For one thread; close it after use.

    Attributes:
        copied: whether the packets are the original ones.
        codec: name of the original codec.
    """

    def __init__(self, source: Path, begin: Fraction, end: Fraction) -> None:
        """Open the sound between `begin` and `end`, seconds in the container's own time.

        Raises:
            VideoError: the source cannot be opened.
            LookupError: it has no sound.
        """
        self._begin, self._end = begin, end
        self._container = open_container(source)
        self._stream: Any = self._container.streams.best("audio")
        if self._stream is None:
            self._container.close()
            raise LookupError("no sound")
        for other in self._container.streams:
            if other.index != self._stream.index:
                other.discard = av.stream.Discard.all
        self.codec: str = self._stream.codec_context.codec.canonical_name
        self.copied = self.codec in COPIED

    def add_stream(self, output: Any) -> Any:
        """The stream of this sound in an output container."""
        if self.copied:
            return output.add_stream_from_template(self._stream)
        stream = output.add_stream("aac", rate=self._stream.codec_context.sample_rate)
        stream.codec_context.layout = self._stream.codec_context.layout
        stream.codec_context.bit_rate = 192_000
        return stream

    def packets(self, stream: Any) -> Iterator[tuple[float, Any]]:
        """(seconds since `begin`, packet for `stream`), in time order.

        A packet is kept if it starts inside the stretch: the sound may begin up to a packet (some 20 ms) late, but
        it is never shifted against the picture.
        """
        base = self._stream.time_base
        seek = max(0, int((self._begin - 1) / base))  # a second early: codecs need a few packets to start
        self._container.seek(seek, stream=self._stream)
        yield from self._copies(stream) if self.copied else self._encoded(stream)

    def _copies(self, stream: Any) -> Iterator[tuple[float, Any]]:
        base = self._stream.time_base
        shift = round(self._begin / base)
        for packet in self._container.demux(self._stream):
            if packet.pts is None or packet.pts < shift:
                continue
            if packet.pts * base >= self._end:
                return
            packet.pts -= shift
            packet.dts = packet.pts
            packet.stream = stream
            yield float(packet.pts * base), packet

    def _encoded(self, stream: Any) -> Iterator[tuple[float, Any]]:
        context = stream.codec_context
        rate = context.sample_rate
        resampler = av.AudioResampler(format="fltp", layout=context.layout, rate=rate)
        length = round((self._end - self._begin) * rate)
        for frame in self._container.decode(self._stream):
            if frame.pts is None:
                continue
            # In samples since the cut begins; cut to the sample.
            at = round((frame.pts * frame.time_base - self._begin) * rate)
            if at >= length:
                break
            for piece in resampler.resample(frame):
                samples = piece.to_ndarray()[:, max(0, -at) : max(0, length - at)]
                if samples.size:
                    cut = av.AudioFrame.from_ndarray(
                        np.ascontiguousarray(samples, np.float32), "fltp", context.layout.name
                    )
                    cut.sample_rate, cut.pts, cut.time_base = rate, max(0, at), Fraction(1, rate)
                    yield from self._muxable(stream.encode(cut))
                at += piece.samples
        yield from self._muxable(stream.encode(None))

    def _muxable(self, packets: list[Any]) -> Iterator[tuple[float, Any]]:
        for packet in packets:
            yield float(packet.pts * packet.time_base), packet

    def close(self) -> None:
        self._container.close()
