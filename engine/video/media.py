"""Opening evidence: a video file, a still, or a sequence of stills, behind one interface."""

import threading
from pathlib import Path
from typing import Protocol

from engine.progress import CancelToken, ProgressCallback
from engine.results import VideoIdentity
from engine.video.colour import Converter, Orientation, orientation_of
from engine.video.damage import DamageLog
from engine.video.decoding import Decoder
from engine.video.facts import MediaFacts, read_facts
from engine.video.hashing import hash_files
from engine.video.index import FrameIndex
from engine.video.packets import build_index, only
from engine.video.reader import FrameReader
from engine.video.source import FileState, choose_stream, file_state, open_container, require_unchanged


class Media(Protocol):
    """One piece of evidence, opened read-only. Any thread may call any method."""

    @property
    def path(self) -> Path: ...
    @property
    def facts(self) -> MediaFacts: ...
    @property
    def index(self) -> FrameIndex: ...
    @property
    def width(self) -> int:
        """Of a frame as displayed, pixels."""
        ...

    @property
    def height(self) -> int: ...
    @property
    def damaged(self) -> tuple[int, ...]:
        """Frames known so far to be undecodable."""
        ...

    def warnings(self) -> tuple[str, ...]:
        """What limits the use of this file, a sentence each."""
        ...

    def reader(self, *, stepping: bool = False) -> FrameReader:
        """A new reader; `stepping` for single frames anywhere, else for long runs. Close it after use."""
        ...

    def identity(
        self, cancel: CancelToken | None = None, progress: ProgressCallback | None = None
    ) -> VideoIdentity:
        """Hash the evidence (once) and name it.

        Raises:
            EvidenceChangedError: it changed since it was opened, or while it was hashed.
            CancelledError: cancelled.
        """
        ...

    def verify_unchanged(self) -> None:
        """Raise EvidenceChangedError unless size, time of change and place on disk are as when it was opened."""
        ...

    def close(self) -> None: ...


class VideoFile:
    """A video file. See Media."""

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
        self._damage = DamageLog(path, index)
        self._identity: VideoIdentity | None = None
        self._hashing = threading.Lock()

    @property
    def path(self) -> Path:
        return self._path

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
        if len(self._facts.video) > 1:
            found.append(
                f"The file has {len(self._facts.video)} video streams; stream {self._facts.chosen} is shown"
            )
        if self.damaged:
            found.append(f"{len(self.damaged)} damaged frames found so far")
        return tuple(found)

    def reader(self, *, stepping: bool = False) -> FrameReader:
        self.verify_unchanged()
        stream = self._facts.stream

        def make() -> Decoder:
            self.verify_unchanged()
            return Decoder(self._path, stream.number, self._index, stepping=stepping)

        converter = Converter(stream.width, stream.height, self._orientation)
        return FrameReader(make, self._index, converter, self._damage, self.verify_unchanged)

    def identity(
        self, cancel: CancelToken | None = None, progress: ProgressCallback | None = None
    ) -> VideoIdentity:
        with self._hashing:
            if self._identity is None:
                self.verify_unchanged()
                (digest,) = hash_files([self._path], self._state.size, cancel=cancel, progress=progress)
                self.verify_unchanged()
                self._identity = VideoIdentity(
                    path=str(self._path),
                    sha256=digest,
                    size=self._state.size,
                    frames=len(self._index),
                    seconds=self._index.duration,
                    variable_rate=self._index.variable_rate,
                    width=self.width,
                    height=self.height,
                    time_base=self._index.time_base,
                )
            return self._identity

    def verify_unchanged(self) -> None:
        require_unchanged(self._path, self._state)

    def close(self) -> None:
        """Nothing stays open between readers; kept so that every Media closes alike."""


def open_media(
    path: Path | str,
    *,
    stream: int | None = None,
    cancel: CancelToken | None = None,
    progress: ProgressCallback | None = None,
) -> Media:
    """Open a video file, a still, a folder of numbered stills, or a pattern of stills such as `name_%04d.png`.

    Nothing is hashed and nothing is written into the evidence.

    Args:
        stream: number of a video stream in the container; by default the file's default one, else the largest.

    Raises:
        VideoError: it cannot be opened; the message says why.
        CancelledError: cancelled.
    """
    path = Path(path)
    state = file_state(path)
    with open_container(path) as container:
        number = choose_stream(container, path, stream).index
    index = build_index(path, number, cancel=cancel, progress=progress)
    with open_container(path) as container:
        chosen = choose_stream(container, path, number)
        only(container, chosen)
        first = next(iter(container.decode(chosen)))
        orientation = orientation_of(first)
        facts = read_facts(
            container,
            state.size,
            number,
            orientation,
            interlaced=first.interlaced_frame,
            pixel_format=first.format.name,
        )
    return VideoFile(path, state, facts, index, orientation)
