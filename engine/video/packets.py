"""Building the frame index: by demuxing alone where the packets tell the truth, else by decoding all once.

The packets' times are put to the proof on the first frames. They are not trusted where a packet has no time of its
own (raw streams), where two have the same, and where the container stores decoding times only (H.264 in AVI).
"""

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import chain, pairwise
from pathlib import Path
from typing import Any

import av
import av.error
import numpy as np

from engine.errors import VideoError
from engine.progress import CancelToken, ProgressCallback, ProgressMeter
from engine.results import IntArray
from engine.video import h264
from engine.video.index import FrameIndex, make_index
from engine.video.source import choose_stream, open_container

PROOF = 24


@dataclass(slots=True)
class PacketTable:
    """What the packets of one stream say, in decoding order. Plain numbers: there may be a million packets.

    Attributes:
        pts, key, suspect: one per packet.
        position, size: bytes in the file; position -1 where the container does not tell.
        complete: whether every packet has a time, different from all others.
    """

    pts: "array[int]" = field(default_factory=lambda: array("q"))
    key: bytearray = field(default_factory=bytearray)
    position: "array[int]" = field(default_factory=lambda: array("q"))
    size: "array[int]" = field(default_factory=lambda: array("q"))
    suspect: bytearray = field(default_factory=bytearray)
    last_duration: int = 0
    complete: bool = True


def packets(container: Any, stream: Any) -> Iterator[Any]:
    """The packets of one stream up to the end or to the first place that cannot be read."""
    try:
        for packet in container.demux(stream):
            if packet.size:
                yield packet
    except (av.error.FFmpegError, OSError, IndexError):  # IndexError: the demuxer met a stream that is new to PyAV
        return


def only(container: Any, stream: Any) -> None:
    """Let the demuxer pass over all other streams."""
    for other in container.streams:
        if other.index != stream.index:
            other.discard = av.stream.Discard.all


def read_packets(
    container: Any,
    stream: Any,
    size: int,
    *,
    cancel: CancelToken | None = None,
    progress: ProgressCallback | None = None,
) -> PacketTable:
    """Demux a whole stream of a file of `size` bytes. About 100,000 packets per second."""
    meter = ProgressMeter("Reading the index", size, "bytes", progress)
    table = PacketTable()
    seen: set[int] = set()
    latest = -(1 << 63)
    is_h264, extradata = stream.codec_context.name == "h264", stream.codec_context.extradata
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
        table.key.append(
            packet.is_keyframe and not (is_h264 and not h264.starts_clean(memoryview(packet), extradata))
        )
        table.position.append(-1 if packet.pos is None else packet.pos)
        table.size.append(packet.size)
        table.suspect.append(packet.is_corrupt)
        if pts > latest:
            latest, table.last_duration = pts, packet.duration or 0
    return table


def build_index(
    path: Path,
    number: int,
    *,
    cancel: CancelToken | None = None,
    progress: ProgressCallback | None = None,
) -> FrameIndex:
    """The index of video stream `number` of a file.

    Raises:
        VideoError: not a single frame can be decoded.
        CancelledError: cancelled.
    """
    size = path.stat().st_size
    with open_container(path) as container:
        stream = choose_stream(container, path, number)
        only(container, stream)
        table = read_packets(container, stream, size, cancel=cancel, progress=progress)
        time_base: Fraction = stream.time_base
        # An AVI file has no presentation times; for H.264 they cannot be worked out from its packets.
        guessed = container.format.name == "avi" and stream.codec_context.name in ("h264", "hevc")
    if table.complete and table.pts and not guessed:
        index = _from_packets(table, time_base)
        proof = _stamps(path, number, limit=PROOF)
        if proof and proof[0] is not None:
            # pictures shown before the first that can be decoded (a recording cut in the middle) are no frames
            skipped = int(np.searchsorted(index.pts, proof[0]))
            if proof == index.pts[skipped : skipped + len(proof)].tolist():
                return index.without_first(skipped)
    stamps = _stamps(
        path, number, cancel=cancel, meter=ProgressMeter("Decoding the index", size, "bytes", progress)
    )
    if not stamps:
        raise VideoError(
            "Not one frame of the video can be decoded", advice="Copy it again from its source", file=path
        )
    return _from_decoding(stamps, table, time_base)


def _from_packets(table: PacketTable, time_base: Fraction) -> FrameIndex:
    pts = np.array(table.pts, np.int64)
    order = np.argsort(pts, kind="stable")
    return _arranged(table, pts[order], pts[order], order, time_base)


def _arranged(
    table: PacketTable, pts: IntArray, stamp: IntArray, packet: IntArray, time_base: Fraction
) -> FrameIndex:
    """An index from the table's packets, given the number of the packet of each frame in display order."""
    return make_index(
        pts,
        time_base,
        stamp=stamp,
        key=np.frombuffer(table.key, np.bool_)[packet],
        rank=np.argsort(np.argsort(packet)),
        place=np.column_stack((table.position, table.size))[packet],
        suspect=np.frombuffer(table.suspect, np.bool_)[packet],
        last_duration=table.last_duration,
    )


def _from_decoding(stamps: list[int | None], table: PacketTable, time_base: Fraction) -> FrameIndex:
    """The index of frames that came out of the decoder with these times, in this order."""
    count = len(stamps)
    known = [s for s in stamps if s is not None]
    packet_of = {pts: at for at, pts in enumerate(table.pts)}
    if len(known) == count == len(set(known)) and all(s in packet_of for s in known) and table.complete:
        stamp = np.array(known, np.int64)
        packet = np.array([packet_of[s] for s in known], np.int64)
        return _arranged(table, np.sort(stamp), stamp, packet, time_base)
    rising = len(known) == count and all(b > a for a, b in pairwise(known))
    step = max(1, round(1 / (25 * time_base)))
    pts = np.array(known, np.int64) if rising else np.arange(count, dtype=np.int64) * step
    return make_index(pts, time_base, stamp=None, key=np.arange(count) == 0, rank=np.arange(count))


def _stamps(
    path: Path,
    number: int,
    *,
    limit: int | None = None,
    cancel: CancelToken | None = None,
    meter: ProgressMeter | None = None,
) -> list[int | None]:
    """The times that the decoder puts on the frames, in the order in which it gives them, from the start."""
    for threads in ("AUTO", "NONE"):  # with several threads, an error takes good frames along
        found: list[int | None] = []
        with open_container(path) as container:
            stream = choose_stream(container, path, number)
            only(container, stream)
            stream.thread_type = threads
            sound = True
            for packet in chain(packets(container, stream), [None]):  # None empties the decoder
                if cancel is not None:
                    cancel.check()
                if meter is not None and packet is not None:
                    meter.update(packet.pos or 0)
                try:
                    found += [frame.pts for frame in stream.codec_context.decode(packet)]
                except av.error.FFmpegError:
                    sound = False
                if limit is not None and len(found) >= limit:
                    break
        if sound:
            break
    return found[:limit]
