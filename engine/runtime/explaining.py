"""From a request to maps: the exact frame, the face's box there, what made its score."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt

from engine.detectors.base import AnyDetector, Detector
from engine.detectors.registry import weights_folder
from engine.errors import UsageError
from engine.evaluation.explanations.badge import find_sanity
from engine.explainers.base import AnyExplainer, Explainer, Watch, map_affines, timed
from engine.explainers.kernel_shap import volume_moments
from engine.explainers.samples import Growth
from engine.faces.crops import crop_affine
from engine.faces.detector import FaceDetector
from engine.faces.segments import FaceSegment
from engine.progress import ProgressCallback, ProgressMeter, part_of
from engine.results import Cost, Explanation, FloatArray, Picture, Provenance, Volumes, frozen
from engine.runtime.growing import KeptSamples
from engine.runtime.jobs import JobContext, Steps
from engine.runtime.pictures import PictureThread, wait_for
from engine.runtime.plan import Span
from engine.runtime.protocol import Event, ExplainRequest, ExplanationGrew, ExplanationMade, Notice
from engine.runtime.session import VideoSession
from engine.runtime.shelf import FaceMap, Shelf, face_key
from engine.runtime.store import ResultStore
from engine.runtime.tally import Name, Tally

D = TypeVar("D", bound=AnyDetector)
E = TypeVar("E", bound=AnyExplainer)
T = TypeVar("T")
Working = Generator[Event | None, None, T]


class AnyExplaining(ABC, Generic[D, E]):
    """One ExplainRequest at work, whatever is explained. For the engine thread."""

    def __init__(
        self,
        request: ExplainRequest,
        job: JobContext,
        session: VideoSession,
        store: ResultStore,
        detector: D,
        explainer: E,
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
        settings: dict[str, object] = {
            **explainer.settings,
            "precision": explainer.precision,
            "detector": detector.id,
        }
        if self._together:
            settings["frames"] = self._frames
        made_by = detector.provenance(**settings, faces=face_key(session.length))
        self._made_by: Provenance = replace(made_by, component=explainer.id, precision=explainer.precision)
        self._sanity = find_sanity(weights_folder(detector.id), detector.weights_sha256, explainer)
        self._pictures: PictureThread | None = None

    def steps(self) -> Steps:
        """The job: an ExplanationMade for each face that is seen on one of the frames."""
        identity = yield from self._session.hashing.steps(self._job)
        shelf = Shelf(self._store, self._store.put_video(identity), self._session.length)
        meter = ProgressMeter("Explaining", len(self._frames), "frames", self._job.report)
        told = 0
        try:
            for part in self._parts():
                faces = yield from self._maps(shelf, meter, part)
                self._session.media.verify_unchanged()
                for number in sorted(faces):
                    if self._request.track_id in (None, number):
                        told += 1
                        yield ExplanationMade(self._job.id, identity, self._explanation(number, faces[number]))
        finally:
            if self._pictures is not None:
                self._pictures.close()
        if not told and not self._request.stored:
            such = "" if self._request.track_id is None else "such "
            yield Notice(self._job.id, f"There is no {such}face to be explained here")

    @abstractmethod
    def _maps(self, shelf: Shelf, meter: ProgressMeter, part: range) -> Working[dict[int, dict[int, FaceMap]]]:
        """The maps of some of the frames, by the id of a face and the frame."""

    @property
    def _together(self) -> bool:
        """Whether a map hangs on which frames are asked."""
        return False

    @property
    def _stepping(self) -> bool:
        """Whether single frames are decoded, rather than runs of them."""
        return False

    def _parts(self) -> Iterator[range]:
        """The frames that are told of together, by their places among all."""
        count = len(self._frames)
        step = 1 if self._request.at_once and not self._together else count
        return (range(at, at + step) for at in range(0, count, step))

    def _segment(self, span: Span, shelf: Shelf) -> Working[FaceSegment | None]:
        """The faces of a segment, stored or found; None where they are not stored and nothing is to be found."""
        segment = self._session.known_faces(span, shelf)
        if segment is None:
            if self._request.stored:
                return None
            pictures = self._open()
            window = pictures.window(*self._session.context(span))
            segment = yield from self._session.find_faces(self._faces, pictures, window, span, self._job)
        shelf.keep_faces(segment)  # those that a job on another case has found are in the memory alone
        return segment

    def _open(self) -> PictureThread:
        if self._pictures is None:
            self._pictures = PictureThread(self._session.media, self._session.look_width, stepping=self._stepping)
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

    def _watch(
        self,
        shelf: Shelf,
        frames: Sequence[int],
        report: ProgressCallback | None,
        grown: Callable[[Growth], tuple[int, Mapping[int, FaceMap]]],
    ) -> Watch:
        """How an explainer at work is watched.

        Args:
            frames: of the crops that are explained together, ascending.
            grown: the id of the face and its maps by frame, of what has grown.
        """

        def grow(growth: Growth) -> None:
            number, maps = grown(growth)
            if self._request.track_id in (None, number):
                explanation = self._explanation(number, maps)
                self._job.emit(ExplanationGrew(self._job.id, explanation, growth.samples, growth.most))

        return Watch(
            self._job.token,
            lambda text: self._job.emit(Notice(self._job.id, text)),
            report,
            KeptSamples(shelf, self._made_by, self._explainer, frames),
            grow if self._request.growing else None,
        )

    def _explanation(self, number: int, made: Mapping[int, FaceMap]) -> Explanation:
        frames = np.array(sorted(made), np.int64)
        maps = [made[frame] for frame in sorted(made)]
        values = np.stack([one.values for one in maps])
        affines = np.stack([one.affine for one in maps])
        errors = [one.errors for one in maps if one.errors is not None]
        labels = [one.volumes for one in maps if one.volumes is not None]
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
            volumes=_volumes(values, np.stack(labels)) if labels else None,
        )


class Explaining(AnyExplaining[Detector, Explainer]):
    """Of single crops. For the engine thread."""

    @property
    def _together(self) -> bool:
        return self._explainer.together

    @property
    def _stepping(self) -> bool:
        return len(self._frames) == 1

    def _maps(self, shelf: Shelf, meter: ProgressMeter, part: range) -> Working[dict[int, dict[int, FaceMap]]]:
        return (yield from (self._clips if self._together else self._singles)(shelf, meter, part))

    def _singles(self, shelf: Shelf, meter: ProgressMeter, part: range) -> Working[dict[int, dict[int, FaceMap]]]:
        """By the id of a face and the frame: maps each of which is made of one crop alone."""
        made: dict[Name, dict[int, FaceMap]] = {}
        for done in part:
            frame = self._frames[done]
            seen = yield from self._seen(frame, shelf)
            known = shelf.maps(self._made_by, frame)
            new = {name: affine for name, affine in seen.items() if map_at(known, affine) is None}
            if new and not self._request.stored:
                affines = np.stack(list(new.values()))
                crops = yield from self._crops(frame, affines)
                if crops is not None:
                    told = self._ids(list(new), shelf) if self._request.growing else {}
                    report = part_of(self._job.report, done, len(self._frames))
                    faces = [(told.get(name, 0), frame) for name in new]
                    known += yield from self._made(crops, affines, faces, shelf, report)
                    shelf.keep_maps(self._made_by, frame, known)
            for name, affine in seen.items():
                one = map_at(known, affine)
                if one is not None:
                    made.setdefault(name, {})[frame] = one
            meter.update(done + 1)
            yield None
        ids = self._ids(list(made), shelf)
        found: dict[int, dict[int, FaceMap]] = {}
        for name in made:
            found.setdefault(ids[name], {}).update(made[name])
        return found

    def _clips(self, shelf: Shelf, meter: ProgressMeter, part: range) -> Working[dict[int, dict[int, FaceMap]]]:
        """The same of an explainer that takes all crops of a face together."""
        found: dict[Name, dict[int, FloatArray]] = {}
        for done in part:
            frame = self._frames[done]
            for name, affine in (yield from self._seen(frame, shelf)).items():
                found.setdefault(name, {})[frame] = affine
            meter.update(done + 1)
            yield None
        ids = self._ids(list(found), shelf)
        seen: dict[int, dict[int, FloatArray]] = {}
        for name in found:
            seen.setdefault(ids[name], {}).update(found[name])
        asked = [number for number in sorted(seen) if self._request.track_id in (None, number)]
        faces: dict[int, dict[int, FaceMap]] = {}
        for done, number in enumerate(asked):
            report = part_of(self._job.report, done, len(asked))
            clip = yield from self._clip(number, dict(sorted(seen[number].items())), shelf, report)
            if clip:
                faces[number] = clip
        return faces

    def _clip(
        self, number: int, seen: Mapping[int, FloatArray], shelf: Shelf, report: ProgressCallback | None
    ) -> Working[dict[int, FaceMap]]:
        """The maps of one face, by frame, stored or made; only of frames that can be decoded."""
        stored = {frame: map_at(shelf.maps(self._made_by, frame), affine) for frame, affine in seen.items()}
        known = {frame: one for frame, one in stored.items() if one is not None}
        if len(known) == len(seen) or self._request.stored:
            return known
        crops: dict[int, Picture] = {}
        for frame, affine in seen.items():
            found = yield from self._crops(frame, affine[None])
            if found is not None:
                crops[frame] = found[0]
        if not crops:
            return {}
        affines = np.stack([seen[frame] for frame in crops])
        faces = [(number, frame) for frame in crops]
        made = yield from self._made(np.stack(list(crops.values())), affines, faces, shelf, report)
        maps = dict(zip(crops, made, strict=True))
        for frame, one in maps.items():
            if frame not in known:
                shelf.keep_maps(self._made_by, frame, (*shelf.maps(self._made_by, frame), one))
        return maps

    def _seen(self, frame: int, shelf: Shelf) -> Working[dict[Name, FloatArray]]:
        """Where the faces of one frame are, stored or found: the affine of each one's crop."""
        span = self._session.span_of(frame)
        segment = yield from self._segment(span, shelf)
        if segment is None:
            return {}
        spec = self._detector.crop_spec
        rows = [(part, row) for part in segment.parts() if (row := part.row(frame)) is not None]
        return {(span, part.id): crop_affine(part.boxes[row], part.landmarks[row], spec) for part, row in rows}

    def _made(
        self,
        crops: Picture,
        affines: FloatArray,
        faces: Sequence[tuple[int, int]],
        shelf: Shelf,
        report: ProgressCallback | None,
    ) -> Working[tuple[FaceMap, ...]]:
        """New maps of crops that go through the explainer together; `faces`: id of the face and frame of each."""

        def grown(growth: Growth) -> tuple[int, Mapping[int, FaceMap]]:
            parts = (affines[growth.rows.start : growth.rows.stop], growth.values, growth.logits.tolist())
            cost = (growth.passes.tolist(), growth.seconds.tolist(), growth.errors)
            maps = [FaceMap(*row) for row in zip(*parts, *cost, strict=True)]
            frames = [faces[row][1] for row in growth.rows]
            return faces[growth.rows.start][0], dict(zip(frames, maps, strict=True))

        watch = self._watch(shelf, [frame for _, frame in faces], report, grown)
        maps, seconds = yield from timed(self._explainer.steps(self._detector, crops, watch))
        nothing = [None] * len(crops)
        shares = seconds * maps.passes / max(1, maps.passes.sum()) if maps.seconds is None else maps.seconds
        rows = zip(
            affines,
            maps.values,
            maps.logits.tolist(),
            maps.passes.tolist(),
            shares.tolist(),
            nothing if maps.errors is None else maps.errors,
            nothing if maps.volumes is None else maps.volumes,
            strict=True,
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


def _volumes(values: FloatArray, labels: npt.NDArray[np.int32]) -> Volumes:
    frames, mean, variance = volume_moments(values, labels)
    return Volumes(frozen(labels), frozen(frames), frozen(mean), frozen(variance))


def map_at(maps: Sequence[FaceMap], affine: FloatArray) -> FaceMap | None:
    """The map of exactly this crop."""
    return next((one for one in maps if np.array_equal(one.affine, affine)), None)
