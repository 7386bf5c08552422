"""A video file as evidence."""

from itertools import chain
from pathlib import Path
from typing import Any

import av.error

from engine.errors import VideoError
from engine.progress import CancelToken, ProgressCallback
from engine.results import VideoIdentity
from engine.video.colour import Converter, Orientation, orientation_of
from engine.video.damage import DamageLog
from engine.video.decoding import Decoder, Manner
from engine.video.facts import MediaFacts, read_facts
from engine.video.hashing import Identification
from engine.video.index import FrameIndex
from engine.video.index_cache import cached_index
from engine.video.packets import only, packets
from engine.video.source import FileState, choose_stream, file_state, open_container, require_unchanged
from engine.video.video_reader import VideoReader

SQUARE = 0.02
"""Up to this, pixels pass for square: rounding of sizes makes such aspects."""


class VideoFile:
    """A video file, opened read-only. See Media."""

    def __init__(
        self,
        path: Path,
        state: FileState,
        facts: MediaFacts,
        index: FrameIndex,
        orientation: Orientation,
    ) -> None:
        self._path, self._state, self._facts, self._index = path, state, facts, index
        self._orientation = orientation
        self._damage = DamageLog(index)
        self._identification = Identification(self, lambda digests: digests[0])

    @property
    def path(self) -> Path:
        return self._path

    @property
    def files(self) -> tuple[Path, ...]:
        return (self._path,)

    @property
    def facts(self) -> MediaFacts:
        return self._facts

    @property
    def index(self) -> FrameIndex:
        return self._index

    @property
    def width(self) -> int:
        stream = self._facts.stream
        return stream.height if self._orientation.turns % 2 else stream.width

    @property
    def height(self) -> int:
        stream = self._facts.stream
        return stream.width if self._orientation.turns % 2 else stream.height

    @property
    def damaged(self) -> tuple[int, ...]:
        return self._damage.frames

    def warnings(self) -> tuple[str, ...]:
        found = []
        if self._index.variable_rate:
            found.append("The frame rate varies: times do not follow from frame numbers")
        if self._facts.stream.interlaced:
            found.append("The video is interlaced: a frame holds two moments")
        aspect = self._facts.stream.shown_pixel_aspect
        if abs(aspect - 1) > SQUARE:
            found.append(
                f"Pixels are not square ({aspect.numerator}:{aspect.denominator}): "
                "detectors see faces as they are stored, squeezed"
            )
        if len(self._facts.video) > 1:
            found.append(
                f"The file has {len(self._facts.video)} video streams; stream {self._facts.chosen} is shown"
            )
        if self._index.stamp is None:
            found.append("Frames can only be found by decoding from the start: going to a frame takes longer")
        if self.damaged:
            found.append(f"{len(self.damaged)} damaged frames found so far")
        return tuple(found)

    def reader(self, *, stepping: bool = False) -> VideoReader:
        self.verify_unchanged()
        stream = self._facts.stream

        def make(manner: Manner) -> Decoder:
            return Decoder(self._path, stream.number, self._index, manner)

        manner = Manner.STEPPING if stepping else Manner.SEQUENTIAL
        converter = Converter(stream.width, stream.height, self._orientation)
        return VideoReader(self._path, self._index, make, manner, converter, self._damage, self.verify_unchanged)

    def identity(
        self, cancel: CancelToken | None = None, progress: ProgressCallback | None = None
    ) -> VideoIdentity:
        return self._identification.identity(cancel, progress)

    def verify_unchanged(self) -> None:
        require_unchanged(self._path, self._state)

    def close(self) -> None:
        """Nothing stays open between readers; kept so that every Media closes alike."""


def open_video(
    path: Path,
    stream: int | None = None,
    *,
    cancel: CancelToken | None = None,
    progress: ProgressCallback | None = None,
) -> VideoFile:
    """Open a video file. See open_media."""
    state = file_state(path)
    with open_container(path) as container:
        chosen = choose_stream(container, path, stream)
        first = first_raw(container, chosen, path)
        orientation = orientation_of(first)
        facts = read_facts(
            container,
            state.size,
            chosen.index,
            orientation,
            interlaced=first.interlaced_frame,
            pixel_format=first.format.name,
        )
    index = cached_index(path, state, facts.chosen, cancel=cancel, progress=progress)
    return VideoFile(path, state, facts, index, orientation)


def first_raw(container: Any, stream: Any, path: Path) -> Any:
    """The first frame that a video stream yields, as decoded: its frame 0.

    Raises:
        VideoError: not one frame can be decoded.
    """
    only(container, stream)
    for packet in chain(packets(container, stream), [None]):
        try:
            frames = stream.codec_context.decode(packet)
        except av.error.FFmpegError:
            continue
        if frames:
            return frames[0]
    raise VideoError(
        "Not one frame of the video can be decoded", advice="Copy it again from its source", file=path
    )
