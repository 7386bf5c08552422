"""Making one pack: reading the wanted frames of a video, finding the face where it is not given, cutting it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.errors import FrameUnavailableError, VideoError
from engine.faces.crops import cut_crop, run_square
from engine.progress import CancelToken
from engine.results import FloatArray, Picture
from engine.training.datasets.base import Kind
from engine.training.faces.landmarks import LandmarkFinder
from engine.training.faces.packs import STORED, Faces, Pack, Sampling, from_stored, pack_path, write_pack
from engine.video.interface import Media
from engine.video.media import open_media
from engine.video.reader import DecodedFrame, FrameReader

_NO_FACE = "no face was found"


@dataclass(frozen=True, eq=False)
class Task:
    """One pack to be made.

    Attributes:
        path: the video, folder of pictures, or still.
        kind: of the item; no picture is stored of a still.
        sampling: which frames.
        given: the faces where they are known; frames of another size than theirs are looked through afresh.
    """

    path: Path
    kind: Kind
    sampling: Sampling
    given: Faces | None = None


def make_pack(task: Task, finder: LandmarkFinder, cancel: CancelToken | None) -> str:
    """Make one pack; gives why it cannot be made, or nothing.

    A file without a face gets a pack without a face, so that it is not looked through again; a file that cannot be
    read gets none.

    Raises:
        DataError: the pack cannot be written.
        CancelledError: cancelled.
    """
    try:
        place = pack_path(task.path, task.kind, task.sampling, task.given)
        media = open_media(task.path, cancel=cancel)
        try:
            pack, pictures = _Maker(task, media, finder, cancel).make()
        finally:
            media.close()
    except VideoError as error:
        return error.message
    except OSError as error:
        return f"it cannot be read ({error.strerror})"
    write_pack(place, pack, pictures)
    return ""


class _Maker:
    """Reads the wanted frames of one video and cuts their faces."""

    def __init__(self, task: Task, media: Media, finder: LandmarkFinder, cancel: CancelToken | None) -> None:
        self._task, self._media, self._finder, self._cancel = task, media, finder, cancel
        self._size = (media.width, media.height)
        given = task.given
        self._given = None if given is not None and given.size not in (None, self._size) else given
        self._frames: list[int] = []
        self._runs: list[int] = []
        self._points: list[FloatArray] = []
        self._squares: list[FloatArray] = []
        self._pictures: list[Picture] = []

    def make(self) -> tuple[Pack, Picture]:
        """The pack and its pictures. Raises VideoError, CancelledError."""
        reader = self._media.reader(stepping=True)
        looked_at = damaged = 0
        try:
            for run, frames in self._wanted():
                looked_at += 1
                pictures = self._read(reader, frames)
                if pictures is None:
                    damaged += 1
                else:
                    self._add(run, frames, pictures)
        finally:
            reader.close()
        return self._packed("" if self._frames else self._reason(looked_at, damaged))

    def _reason(self, looked_at: int, damaged: int) -> str:
        """Why there is no face."""
        if looked_at and damaged == looked_at:
            return "its frames are damaged"
        if looked_at == 0 and self._given is None:
            return f"it has fewer than {self._task.sampling.length} frames"
        return _NO_FACE

    def _wanted(self) -> Iterator[tuple[int, list[int]]]:
        """(run, its frames): those of the given faces, else spread evenly."""
        count = len(self._media.index)
        if self._given is not None:
            for run in np.unique(self._given.runs):
                frames = self._given.frames[self._given.runs == run]
                if frames[-1] < count:  # a forgery may be shorter than its original
                    yield int(run), frames.tolist()
            return
        places, length = self._task.sampling.places, self._task.sampling.length
        if count >= length:
            starts = np.linspace(0, count - length, min(places, count - length + 1)).round().astype(int)
            for run, start in enumerate(starts.tolist()):
                yield run, list(range(start, start + length))

    def _read(self, reader: FrameReader, frames: list[int]) -> list[Picture] | None:
        """The pictures of a run; None if one of them is damaged."""

        def passing(_: DecodedFrame) -> None:
            if self._cancel is not None:
                self._cancel.check()

        pictures = []
        for frame in frames:
            if self._cancel is not None:
                self._cancel.check()
            try:
                pictures.append(reader.decode(frame, passing).rgb())
            except FrameUnavailableError:
                return None
        return pictures

    def _add(self, run: int, frames: list[int], pictures: list[Picture]) -> None:
        if self._given is not None:
            rows = np.flatnonzero(self._given.runs == run)
            points, square = self._given.points[rows], self._given.squares[rows[0]]
        else:
            found = self._finder.find(pictures, self._cancel)
            if found is None:
                return
            points, square = found.points, run_square(found.squares)
        affine = from_stored(square[None])[0]
        for frame, picture, marks in zip(frames, pictures, points, strict=True):
            self._frames.append(frame)
            self._runs.append(run)
            self._points.append(marks)
            self._squares.append(square)
            if self._task.kind != "still":
                self._pictures.append(cut_crop(picture, affine, STORED))

    def _packed(self, reason: str) -> tuple[Pack, Picture]:
        frames = np.array(self._frames, dtype=np.int64)
        faces = Faces(
            frames,
            np.array(self._runs, dtype=np.int64),
            np.array(self._points, dtype=np.float32).reshape(-1, 68, 2),
            np.array(self._squares, dtype=np.float32).reshape(-1, 4),
            self._size,
        )
        pts = self._media.index.pts[frames]
        pictures = np.array(self._pictures, dtype=np.uint8).reshape(-1, STORED, STORED, 3)
        return Pack(faces, pts, self._given is not None, reason), pictures
