"""Faces ready to be cut: pictures with some surroundings, landmarks and the detector's square, from any item.

Faces of clips and sequences are prepared once and lie in packs in the cache; stills are read from their files each
time. Frames come from the application's own exact reader and are cut as its detectors' crops are, so that a
network is trained on the colours, the orientation and the sharpness that it is used with.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

import numpy as np

from engine.errors import DataError, VideoError
from engine.faces.crops import run_square
from engine.progress import CancelToken, ProgressCallback
from engine.results import FloatArray, Picture
from engine.training.datasets.base import FACE_SIDE, Dataset, Item
from engine.training.faces.pack_making import Task
from engine.training.faces.packs import CONTEXT, STORED, Faces, Pack, PackReader, Sampling, from_stored
from engine.training.faces.preparing import Prepared, prepare
from engine.training.faces.shape68 import face_square
from engine.video.images import read_picture

log = logging.getLogger(__name__)

_MARGIN = STORED * (CONTEXT - 1) / 2 / CONTEXT
INNER: FloatArray = np.array([_MARGIN, _MARGIN, STORED - _MARGIN, STORED - _MARGIN], dtype=np.float32)
"""The square that was cut, in every stored picture."""


@dataclass(frozen=True, eq=False)
class Face:
    """One face of one frame.

    Attributes:
        item: where it is from.
        frame: of the clip, 0 for stills.
        points: (68, 2) in pixels of the picture that `FaceStore.load` gives.
        square: (4,) x0, y0, x1, y1 in that picture: the detector's square; the one square of the run for a face of
            a run.
        slot: row in its pack, None for a still, which is read from its file.
        original: index of the real face it was made from, None if unknown.
        pts: of the frame, in units of the video's time base.
        run: number of the place in the video it belongs to: faces of one item and run are successive frames.
        pack: the file with its picture, None for a still.
    """

    item: Item
    frame: int
    points: FloatArray
    square: FloatArray
    slot: int | None
    original: int | None = None
    pts: int = 0
    run: int = 0
    pack: Path | None = None


@dataclass(frozen=True)
class Skipped:
    """An item that gives no face, and why."""

    name: str
    reason: str


class FaceStore:
    """All faces of some items. Cheap to send to another process; one thread at a time.

    Attributes:
        faces: in the order of items, runs and frames.
        skipped: the items without a face.
        runs: the indices of the faces of each run, in the order of frames; none where single frames were gathered.
    """

    def __init__(self, faces: Sequence[Face], skipped: Sequence[Skipped] = (), length: int = 1) -> None:
        self.faces = tuple(faces)
        self.skipped = tuple(skipped)
        by_run = groupby(range(len(faces)), lambda i: (faces[i].item.name, faces[i].run))
        self.runs = tuple(tuple(run) for _, run in by_run) if length > 1 else ()
        self._reader = PackReader()

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_reader": PackReader()}

    def load(self, index: int) -> Picture:
        """The picture (H, W, 3) of a face; all faces of one original share one size.

        Raises:
            DataError: the file of a still, or a pack, cannot be read.
        """
        face = self.faces[index]
        if face.slot is None or face.pack is None:
            return read_still(face.item.path)
        picture: Picture = self._reader.read(face.pack, face.slot, 1)[0]
        return picture

    def load_run(self, run: Sequence[int]) -> Picture:
        """The pictures (T, 288, 288, 3) of a run, an entry of `runs`. Raises DataError as load."""
        first = self.faces[run[0]]
        if first.slot is None or first.pack is None:
            raise ValueError("a still is no run")
        return self._reader.read(first.pack, first.slot, len(run))


def read_still(path: Path) -> Picture:
    """A picture file as (H, W, 3) RGB, turned as its EXIF data say.

    Raises:
        DataError: it cannot be read.
    """
    try:
        return np.array(read_picture(path))
    except VideoError as error:
        raise DataError(
            f"The picture cannot be read: {error.message}", advice="Restore or remove it", file=path
        ) from error


def gather_faces(
    dataset: Dataset,
    items: Sequence[Item],
    frames_per_clip: int,
    *,
    workers: int | None = None,
    cancel: CancelToken | None = None,
    progress: ProgressCallback | None = None,
) -> FaceStore:
    """Faces of stills and of single frames spread evenly over clips and sequences.

    Landmarks are those that come with the data, else of the largest face that MTCNN finds. A forgery whose
    original is known gives the same frames, cut with the original's square and landmarks, so that the two differ
    in the forgery alone; if its frames are not of the original's size, it is taken as one of unknown origin.

    Args:
        workers: processes that prepare; by default as many as there are CPUs if there is much to do.

    Raises:
        DataError: not one of the items gives a face, or the cache cannot be written.
        CancelledError: cancelled; what is prepared stays.
    """
    return _gather(dataset, items, Sampling(frames_per_clip), workers, cancel, progress)


def gather_runs(
    dataset: Dataset,
    items: Sequence[Item],
    runs_per_clip: int,
    length: int,
    *,
    workers: int | None = None,
    cancel: CancelToken | None = None,
    progress: ProgressCallback | None = None,
) -> FaceStore:
    """Runs of successive frames at the video's own rate, their places spread evenly over it; no stills.

    All frames of a run are cut with one and the same square, so that nothing moves in a run that did not move in
    the video; it is as large as the face's way in the run demands (`run_square`). A run in which the
    face is lost, or that a cut goes through, is left out. Otherwise as gather_faces.
    """
    moving = [item for item in items if item.kind in ("clip", "sequence")]
    return _gather(dataset, moving, Sampling(runs_per_clip, length), workers, cancel, progress)


def _gather(
    dataset: Dataset,
    items: Sequence[Item],
    sampling: Sampling,
    workers: int | None,
    cancel: CancelToken | None,
    progress: ProgressCallback | None,
) -> FaceStore:
    by_name = {item.name: item for item in dataset.items}
    leads = {item.name: by_name.get(item.original, item) for item in items}
    from_files = {item.name for item in items if item.kind == "face" or _is_marked_still(item, leads[item.name])}
    moving = [item for item in items if item.name not in from_files]
    first = {lead.name: lead for lead in (leads[item.name] for item in moving)}
    own = [lead for lead in first.values() if lead.points is None or lead.name in leads]
    owned = {lead.name for lead in own}
    following = [item for item in moving if item.name not in owned]
    packs: dict[str, Prepared] = {}
    for part in (own, following):  # what is found in originals is given to their forgeries
        given = [_marked(leads.get(i.name, i), sampling) or _found(packs, leads.get(i.name, i)) for i in part]
        tasks = [Task(item.path, item.kind, sampling, faces) for item, faces in zip(part, given, strict=True)]
        results = prepare(
            tasks,
            before=len(packs),
            total=len(own) + len(following),
            workers=workers,
            cancel=cancel,
            progress=progress,
        )
        packs |= {item.name: result for item, result in zip(part, results, strict=True)}
    return _store(items, leads, packs, sampling)


def _is_marked_still(item: Item, lead: Item) -> bool:
    return item.kind == "still" and lead.points is not None


def _marked(lead: Item, sampling: Sampling) -> Faces | None:
    """The faces to be stored by the landmarks that come with an item, None if there are none."""
    if lead.points is None:
        return None
    seen = np.concatenate([[0], (~np.isnan(lead.points).any(axis=(1, 2))).cumsum()])
    starts = np.flatnonzero(seen[sampling.length :] - seen[: -sampling.length] == sampling.length)
    chosen = np.linspace(0, len(starts) - 1, min(sampling.places, len(starts))).round().astype(int)
    frames = starts[chosen][:, None] + np.arange(sampling.length)
    points = lead.points[frames]
    squares = [run_square(np.stack([face_square(marks) for marks in run])) for run in points]
    return Faces(
        frames.ravel().astype(np.int64),
        np.repeat(np.arange(len(frames), dtype=np.int64), sampling.length),
        points.reshape(-1, 68, 2).astype(np.float32),
        np.repeat(np.array(squares, dtype=np.float32).reshape(-1, 4), sampling.length, axis=0),
    )


def _found(packs: dict[str, Prepared], lead: Item) -> Faces | None:
    """The faces that were found in an original, None if there are none."""
    pack = packs[lead.name].pack if lead.name in packs else None
    return pack.faces if pack is not None and len(pack.faces.frames) else None


def _store(
    items: Sequence[Item], leads: dict[str, Item], packs: dict[str, Prepared], sampling: Sampling
) -> FaceStore:
    faces: list[Face] = []
    skipped: list[Skipped] = []
    alone: set[str] = set()  # forgeries that are not as their originals
    for item in items:
        points = leads[item.name].points
        result = packs.get(item.name)
        if result is not None:
            reason = result.reason if result.pack is None else result.pack.reason
            if result.pack is not None and result.place is not None:
                faces += _faces(item, result.pack, result.place)
                if not result.pack.follows:
                    alone.add(item.name)
        elif points is None:
            reason = "it comes without landmarks"
        else:
            reason = ""
            whole = np.array([0, 0, FACE_SIDE, FACE_SIDE], dtype=np.float32)
            square = whole if item.kind == "face" else face_square(points[0])
            faces.append(Face(item, 0, points[0], square, None))
        if reason:
            skipped.append(Skipped(item.name, reason))
    _tell(items, faces, skipped)
    at = {(face.item.name, face.run, face.frame): index for index, face in enumerate(faces)}
    linked = [
        replace(
            face, original=None if face.item.name in alone else at.get((face.item.original, face.run, face.frame))
        )
        for face in faces
    ]
    return FaceStore(linked, skipped, sampling.length)


def _faces(item: Item, pack: Pack, place: Path) -> list[Face]:
    """The faces of a pack."""
    found = pack.faces
    if item.kind == "still":
        return [
            Face(item, 0, marks, square, None) for marks, square in zip(found.points, found.squares, strict=True)
        ]
    affines = from_stored(found.squares)
    points = (found.points - affines[:, None, :, 2]) / affines[:, 0, 0][:, None, None]
    return [
        Face(item, int(frame), marks, INNER, slot, pts=int(pts), run=int(run), pack=place)
        for slot, (frame, run, pts, marks) in enumerate(
            zip(found.frames, found.runs, pack.pts, points, strict=True)
        )
    ]


def _tell(items: Sequence[Item], faces: Sequence[Face], skipped: Sequence[Skipped]) -> None:
    """Say which items give no face; nothing is left out in silence.

    Raises:
        DataError: no item gives one.
    """
    named = "; ".join(f"{each.name}: {each.reason}" for each in skipped[:3])
    if items and not faces:
        raise DataError(
            f"Not one of {len(items)} files gives a face ({named})",
            advice="Look at the files, or give other data",
            file=items[0].path.parent,
        )
    if skipped:
        log.warning("%d of %d files give no face and are skipped: %s", len(skipped), len(items), named)
