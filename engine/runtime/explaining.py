"""From a request to maps: the exact frame, the face's box there, what made its score."""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np

from engine.detectors.base import Detector
from engine.detectors.registry import weights_folder
from engine.errors import UsageError
from engine.evaluation.explanations.badge import find_sanity
from engine.explainers.base import Explainer, Watch, map_affines, timed
from engine.faces.crops import crop_affine
from engine.faces.detector import FaceDetector
from engine.progress import ProgressMeter
from engine.results import Cost, Explanation, FloatArray, Provenance, frozen
from engine.runtime.jobs import JobContext, Steps
from engine.runtime.pictures import PictureThread, wait_for
from engine.runtime.protocol import Event, ExplainRequest, ExplanationMade, Notice
from engine.runtime.session import VideoSession
from engine.runtime.shelf import FaceMap, Shelf, face_key
from engine.runtime.store import ResultStore
from engine.runtime.tally import Name, Tally

T = TypeVar("T")
Working = Generator[Event | None, None, T]


class Explaining:
    """One ExplainRequest at work. For the engine thread."""

    def __init__(
        self,
        request: ExplainRequest,
        job: JobContext,
        session: VideoSession,
        store: ResultStore,
        detector: Detector,
        explainer: Explainer,
        faces: FaceDetector,
    ) -> None:
        """Raises UsageError if the request asks for frames that are not there."""
        self._request, self._job, self._session, self._store = request, job, session, store
        self._detector, self._explainer, self._faces = detector, explainer, faces
        count = len(session.media.index)
        strange = [frame for frame in request.frames if not 0 <= frame < count]
        if strange or not request.frames:
            raise UsageError(
                f"Frame {strange[0]} was asked of {count} frames" if strange else "No frame was asked for",
                advice=f"Choose frames within 0 to {count - 1}",
                file=request.video,
            )
        self._frames = sorted(set(request.frames))
        settings = {
            **explainer.settings,
            "precision": explainer.precision,
            "detector": detector.id,
        }
        made_by = detector.provenance(**settings, faces=face_key(session.length))
        self._made_by: Provenance = replace(made_by, component=explainer.id, precision=explainer.precision)
        self._sanity = find_sanity(weights_folder(detector.id), detector.weights_sha256, explainer)
        self._pictures: PictureThread | None = None

    def steps(self) -> Steps:
        """The job: an ExplanationMade for each face that is seen on one of the frames."""
        identity = yield from self._session.hashing.steps(self._job)
        shelf = Shelf(self._store, self._store.put_video(identity), self._session.length)
        meter = ProgressMeter("Explaining", len(self._frames), "frames", self._job.report)
        made: dict[Name, dict[int, FaceMap]] = {}
        try:
            for done, frame in enumerate(self._frames):
                found = yield from self._frame(frame, shelf)
                for name, one in found:
                    made.setdefault(name, {})[frame] = one
                meter.update(done + 1)
                yield None
            self._session.media.verify_unchanged()
        finally:
            if self._pictures is not None:
                self._pictures.close()
        ids = self._ids(list(made), shelf)
        faces: dict[int, dict[int, FaceMap]] = {}
        for name in made:
            faces.setdefault(ids[name], {}).update(made[name])
        asked = self._request.track_id
        told = [number for number in sorted(faces) if asked in (None, number)]
        for number in told:
            yield ExplanationMade(self._job.id, identity, self._explanation(number, faces[number]))
        if not told:
            yield Notice(self._job.id, f"There is no {'' if asked is None else 'such '}face to be explained here")

    def _frame(self, frame: int, shelf: Shelf) -> Working[list[tuple[Name, FaceMap]]]:
        """The maps of all faces of one frame, stored or made."""
        span = self._session.span_of(frame)
        segment = self._session.known_faces(span, shelf)
        if segment is None:
            pictures = self._open()
            window = pictures.window(*self._session.context(span))
            segment = yield from self._session.find_faces(self._faces, pictures, window, span, self._job)
            shelf.keep_faces(segment)
        spec = self._detector.crop_spec
        rows = [(part, row) for part in segment.parts() if (row := part.row(frame)) is not None]
        names = [(span, part.id) for part, _ in rows]
        affines = [crop_affine(part.boxes[row], part.landmarks[row], spec) for part, row in rows]
        known = shelf.maps(self._made_by, frame)
        new = [affine for affine in affines if _at(known, affine) is None]
        if new:
            made = yield from self._made(frame, np.stack(new))
            if made is None:
                return []
            known += made
            shelf.keep_maps(self._made_by, frame, known)
        at = [_at(known, affine) for affine in affines]
        return [(name, one) for name, one in zip(names, at, strict=True) if one is not None]

    def _made(self, frame: int, affines: FloatArray) -> Working[tuple[FaceMap, ...] | None]:
        """New maps of crops of one frame; None, told to the user, if it cannot be decoded."""
        crops = yield from self._crops(frame, affines)
        if crops is None:
            return None
        watch = Watch(self._job.token, lambda t: self._job.emit(Notice(self._job.id, t)), self._job.report)
        maps, seconds = yield from timed(self._explainer.steps(self._detector, crops, watch))
        shares = seconds * maps.passes / max(1, maps.passes.sum())  # crops of a frame go through it together
        errors = [None] * len(crops) if maps.errors is None else maps.errors
        rows = zip(
            affines, maps.values, maps.logits.tolist(), maps.passes.tolist(), shares.tolist(), errors, strict=True
        )
        return tuple(FaceMap(*row) for row in rows)

    def _crops(self, frame: int, affines: FloatArray) -> Working[np.ndarray | None]:
        """Crops of the exact frame; None, told to the user, if it cannot be decoded."""
        pictures = self._open()
        window = pictures.window(frame, frame)
        yield from wait_for(window.ready, self._job)
        if frame not in window.frames:
            yield Notice(self._job.id, f"Frame {frame} is damaged and cannot be explained")
            return None
        size = self._detector.crop_spec.size
        return (yield from wait_for(pictures.crops(window, [frame] * len(affines), affines, size), self._job))

    def _open(self) -> PictureThread:
        if self._pictures is None:
            stepping = len(self._frames) == 1
            self._pictures = PictureThread(self._session.media, self._session.look_width, stepping=stepping)
        return self._pictures

    def _ids(self, names: Sequence[Name], shelf: Shelf) -> dict[Name, int]:
        """The ids under which the faces were told to the user, or would be by an analysis of what is known now."""
        told = self._session.ids.get(self._detector.id)
        ids = {name: told(name) for name in names} if told is not None else {}
        if told is not None and None not in ids.values():
            return {name: number for name, number in ids.items() if number is not None}
        tally = Tally()
        for span in sorted(shelf.spans_with_faces()):
            segment = self._session.known_faces(span, shelf)
            if segment is not None:
                tally.link(segment)
        return dict(tally.final_ids())

    def _explanation(self, number: int, made: Mapping[int, FaceMap]) -> Explanation:
        frames = np.array(sorted(made), np.int64)
        maps = [made[frame] for frame in sorted(made)]
        values = np.stack([one.values for one in maps])
        affines = np.stack([one.affine for one in maps])
        errors = [one.errors for one in maps if one.errors is not None]
        return Explanation(
            explainer_id=self._explainer.id,
            detector_id=self._detector.id,
            track_id=number,
            frames=frozen(frames),
            pts=frozen(self._session.media.index.pts[frames].astype(np.int64)),
            values=frozen(values),
            affine=frozen(map_affines(affines, self._detector.crop_spec.size, *values.shape[1:])),
            logits=frozen(np.array([one.logit for one in maps], np.float32)),
            signed=self._explainer.signed,
            provenance=self._made_by,
            cost=Cost(
                frozen(np.array([one.passes for one in maps], np.int64)),
                frozen(np.array([one.seconds for one in maps], np.float32)),
            ),
            errors=frozen(np.stack(errors)) if errors else None,
            title=self._explainer.title,
            sanity=self._sanity,
        )


def _at(maps: Sequence[FaceMap], affine: FloatArray) -> FaceMap | None:
    """The map of exactly this crop."""
    return next((one for one in maps if np.array_equal(one.affine, affine)), None)
