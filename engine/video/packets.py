"""Building the frame index by demuxing: no picture is decoded."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import av.error
import numpy as np

from engine.progress import CancelToken, ProgressCallback, ProgressMeter
from engine.video.index import FrameIndex, make_index


@dataclass(slots=True)
class PacketTable:
    """What the packets of one stream say, in decoding order."""

    pts: list[int] = field(default_factory=list)
    key: list[bool] = field(default_factory=list)
    last_duration: int = 0
    complete: bool = True
    """Whether every packet that yields a frame has a time of its own."""

    def index(self, time_base: Any) -> FrameIndex:
        """The index in display order; the table must hold a frame."""
        pts = np.array(self.pts, np.int64)
        order = np.argsort(pts, kind="stable")
        return make_index(pts[order], np.array(self.key, bool)[order], order, time_base, self.last_duration)


def packets(container: Any, stream: Any) -> Iterator[Any]:
    """The packets of one stream up to the end or to the first place that cannot be read."""
    try:
        for packet in container.demux(stream):
            if packet.size:
                yield packet
    except av.error.FFmpegError:
        return


def read_packets(
    container: Any,
    stream: Any,
    path: Path,
    *,
    cancel: CancelToken | None = None,
    progress: ProgressCallback | None = None,
) -> PacketTable:
    """Demux a whole stream. About 100,000 packets per second."""
    meter = ProgressMeter("Reading the index", path.stat().st_size, "bytes", progress)
    table = PacketTable()
    seen: set[int] = set()
    latest = -(1 << 63)
    for number, packet in enumerate(packets(container, stream)):
        if number % 256 == 0:
            if cancel is not None:
                cancel.check()
            meter.update(packet.pos or 0)
        if packet.is_discard:
            continue
        pts = packet.pts
        if pts is None or pts in seen:
            table.complete = False
            continue
        seen.add(pts)
        table.pts.append(pts)
        table.key.append(packet.is_keyframe)
        if pts > latest:
            latest, table.last_duration = pts, packet.duration or 0
    return table
