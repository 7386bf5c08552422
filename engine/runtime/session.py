"""One piece of evidence while the engine works on it: opened once, hashed once, its faces looked for once."""

from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import wait
from pathlib import Path

from engine.faces.cuts import find_cuts
from engine.faces.detection import Detection
from engine.faces.detector import FaceDetector, working_size
from engine.faces.segments import FaceSegment, context, find_segment_faces
from engine.progress import CancelToken, ProgressCallback
from engine.results import Picture, VideoIdentity
from engine.runtime.background import WAIT, Background
from engine.runtime.jobs import JobContext
from engine.runtime.pictures import PictureThread, Window, wait_for
from engine.runtime.plan import Span, segment_length, segments
from engine.runtime.protocol import Event
from engine.runtime.shelf import Shelf
from engine.runtime.store import MemoryStore
from engine.video.media import Media, open_media

_LOOKS_AT_A_TIME = 2
_REMEMBERED_LOOKS = 256


class VideoSession:
    """For the engine thread.

    Attributes:
        media: opened evidence.
        memory: keeps the results while there is no case.
        hashing: the identity, being made since the session began.
        length, grid: the segments of this evidence.
        ids: detector id -> the id under which its last analysis told of a tracklet (segment, number there).
        users: running jobs that use it.
    """

    def __init__(self, media: Media) -> None:
        self.media = media
        self.memory = MemoryStore()
        self.hashing: Background[VideoIdentity] = Background("hash", media.identity)
        self.length = segment_length(media.width, media.height)
        self.grid = segments(len(media.index), self.length)
        self.ids: dict[str, Callable[[tuple[Span, int]], int | None]] = {}
        self.users = 0
        self._found: dict[Span, FaceSegment] = {}
        self._seen: dict[int, Sequence[Detection]] = {}

    @classmethod
    def opening(cls, path: Path, job: JobContext) -> Generator[Event | None, None, "VideoSession"]:
        """Open evidence in steps.

        Raises:
            VideoError: it cannot be opened.
        """

        def call(cancel: CancelToken, progress: ProgressCallback) -> Media:
            return open_media(path, cancel=cancel, progress=progress)

        work = Background("open", call)
        try:
            media = yield from work.steps(job)
        finally:
            work.stop()
        return cls(media)

    def close(self) -> None:
        self.hashing.stop()
        self.media.close()

    def span_of(self, frame: int) -> Span:
        return self.grid[frame // self.length]

    def spans_in(self, first: int, last: int) -> list[Span]:
        """The segments with some of the frames first..last, which may reach beyond the end. O(their number)."""
        return self.grid[max(0, first) // self.length : last // self.length + 1]

    @property
    def look_width(self) -> int:
        """Width of the pictures in which faces are looked for."""
        return working_size(self.media.width, self.media.height)[0]

    def context(self, span: Span) -> Span:
        """The frames that must be decoded to find the faces of a segment."""
        return context(*span, len(self.media.index))

    def find_faces(
        self, faces: FaceDetector, pictures: PictureThread, window: Window, span: Span, job: JobContext
    ) -> Generator[Event | None, None, FaceSegment]:
        """The faces of one segment, in steps, from the window over its context, which may still be decoded."""

        def detect(frames: Sequence[int]) -> Mapping[int, Sequence[Detection]]:
            missing = [frame for frame in frames if frame not in self._seen]
            self._look(faces, pictures.looks(window, missing).result(), job)
            return {frame: self._seen[frame] for frame in frames if frame in self._seen}

        while not self._look_ahead(faces, window, job):
            job.token.check()
            yield None
        yield from wait_for(window.ready, job)
        segment = find_segment_faces(detect, find_cuts(window.thumbnails), *span, len(self.media.index))
        for frame in list(self._seen)[:-_REMEMBERED_LOOKS]:
            del self._seen[frame]
        self._found[span] = segment
        return segment

    def known_faces(self, span: Span, shelf: Shelf | None) -> FaceSegment | None:
        """The faces of a segment if they were found before, in this session or as stored."""
        if span not in self._found and shelf is not None:
            stored = shelf.faces(span)
            if stored is not None:
                self._found[span] = stored
        return self._found.get(span)

    def _look_ahead(self, faces: FaceDetector, window: Window, job: JobContext) -> bool:
        """One step of looking at what is decoded so far, or of waiting; whether the whole grid was looked at."""
        over = window.ready.done()
        new = [(frame, look) for frame, look in list(window.looks.items()) if frame not in self._seen]
        if new:
            self._look(faces, dict(new[:_LOOKS_AT_A_TIME]), job)
        elif not over:
            wait([window.ready], timeout=WAIT)
        return over and len(new) <= _LOOKS_AT_A_TIME

    def _look(self, faces: FaceDetector, pictures: Mapping[int, Picture], job: JobContext) -> None:
        """Find the faces of frames that were not looked at before; neighbouring segments share some."""
        new = [frame for frame in pictures if frame not in self._seen]
        if new:
            whole = (self.media.width, self.media.height)
            found = faces.detect([pictures[frame] for frame in new], whole, cancel=job.token)
            self._seen.update(zip(new, found, strict=True))
