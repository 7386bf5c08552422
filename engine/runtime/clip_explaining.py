"""From a request to maps of frames that are judged by clips: the clip of each, and what made its scores."""

from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np

from engine.detectors.base import ClipDetector
from engine.explainers.base import ClipExplainer, ClipMaps, timed
from engine.explainers.samples import Growth
from engine.progress import ProgressCallback, ProgressMeter, part_of
from engine.results import FloatArray, IntArray, Picture
from engine.runtime.clip_scores import PlannedClip, planned_clips
from engine.runtime.explaining import AnyExplaining, Working, map_at
from engine.runtime.pictures import wait_for
from engine.runtime.plan import Span
from engine.runtime.protocol import Notice
from engine.runtime.shelf import FaceMap, Shelf
from engine.runtime.tally import Name


class ClipExplaining(AnyExplaining[ClipDetector, ClipExplainer]):
    """Of clips. For the engine thread.

    A frame is explained by the clip with a span that holds it, as an analysis of all frames plans its clips, and
    where spans overlap by the one that begins last, as a frame's score is shown. The other frames of which the
    clip tells get their maps with it, and these are kept.
    """

    @cached_property
    def _planned(self) -> dict[Span, Sequence[PlannedClip]]:
        """The clips that begin in a segment, as far as they were planned."""
        return {}

    @cached_property
    def _broken(self) -> set[tuple[Name, int]]:
        """Clips that cannot be explained: their first tracklet and frame."""
        return set()

    def _maps(self, shelf: Shelf, meter: ProgressMeter, part: range) -> Working[dict[int, dict[int, FaceMap]]]:
        made: dict[Name, dict[int, FaceMap]] = {}
        for done in part:
            frame = self._frames[done]
            held = yield from self._holding(frame, shelf)
            for number, (name, one) in enumerate(held):
                affines = self._detector.affines(one.boxes, one.landmarks)
                affine = affines[_row(one.clip.frames, frame)]
                found = map_at(shelf.maps(self._made_by, frame), affine)
                if found is None and not self._request.stored and (name, one.clip.first) not in self._broken:
                    report = part_of(part_of(self._job.report, done, len(self._frames)), number, len(held))
                    yield from self._explain(name, one, affines, shelf, report)
                    found = map_at(shelf.maps(self._made_by, frame), affine)
                if found is not None:
                    made.setdefault(name, {})[frame] = found
            meter.update(done + 1)
            yield None
        ids = self._ids(list(made), shelf)
        faces: dict[int, dict[int, FaceMap]] = {}
        for name in made:
            faces.setdefault(ids[name], {}).update(made[name])
        return faces

    def _holding(self, frame: int, shelf: Shelf) -> Working[list[tuple[Name, PlannedClip]]]:
        """The clips that tell of a frame, one a face, under the names of their first tracklets."""
        found: list[tuple[Name, PlannedClip]] = []
        for span in self._session.spans_in(frame - self._detector.length + 1, frame):
            if span not in self._planned:
                self._planned[span] = yield from self._plan(span, shelf)
            found += [((span, one.owner), one) for one in self._planned[span] if frame in one.told]
        return found

    def _plan(self, span: Span, shelf: Shelf) -> Working[Sequence[PlannedClip]]:
        """The clips that begin in a segment; none where its faces are not stored and none are to be found."""
        segments = []
        for each in self._session.spans_in(span[0], span[1] + self._detector.length):
            segment = yield from self._segment(each, shelf)
            if segment is None:
                return ()
            segments.append(segment)
        return planned_clips(self._detector, segments[0], segments[1:], len(self._session.media.index))

    def _explain(
        self, name: Name, one: PlannedClip, affines: FloatArray, shelf: Shelf, report: ProgressCallback | None
    ) -> Working[None]:
        """Make and keep the maps of a clip; none, told to the user, if a frame of it cannot be decoded."""
        clip, told = one.clip, one.told.tolist()
        crops = yield from self._crops(name, one, affines)
        if crops is None:
            return
        number = self._ids([name], shelf).get(name, 0) if self._request.growing else 0

        def maps_of(
            frames: Sequence[int], maps: Growth | ClipMaps, logits: FloatArray, passes: int, seconds: float
        ) -> dict[int, FaceMap]:
            """`logits` are of the rows; what the clip took is shared out to all frames that it tells of."""
            cost = -(-passes // len(told)), seconds / len(told)
            rows = {frame: _row(clip.frames, frame) for frame in frames}
            return {
                frame: FaceMap(
                    affines[row],
                    maps.values[row],
                    float(logits[row]),
                    *cost,
                    None if maps.errors is None else maps.errors[row],
                )
                for frame, row in rows.items()
            }

        def grown(growth: Growth) -> tuple[int, Mapping[int, FaceMap]]:
            asked = sorted(set(told).intersection(self._frames))
            passes, seconds = int(growth.passes.sum()), float(growth.seconds.sum())
            return number, maps_of(asked, growth, growth.logits, passes, seconds)

        watch = self._watch(shelf, sorted(clip.frames.tolist()), report, grown)
        maps, took = yield from timed(self._explainer.steps(self._detector, clip, crops, watch))
        seconds = took if maps.seconds is None else maps.seconds
        logits, passes = maps.logits[clip.span_rows], maps.passes * len(clip.frames)
        for frame, new in maps_of(told, maps, logits, passes, seconds).items():
            known = shelf.maps(self._made_by, frame)
            if map_at(known, new.affine) is None:
                shelf.keep_maps(self._made_by, frame, (*known, new))
            yield None

    def _crops(self, name: Name, one: PlannedClip, affines: FloatArray) -> Working[Picture | None]:
        """The crops of a clip; None, told to the user, if a frame of it cannot be decoded."""
        clip, pictures = one.clip, self._open()
        window = pictures.window(clip.first, int(clip.frames.max()))
        yield from wait_for(window.ready, self._job)
        damaged = [frame for frame in clip.frames.tolist() if frame not in window.frames]
        if damaged:
            self._broken.add((name, clip.first))
            text = f"Frame {damaged[0]} is damaged: what is judged together with it cannot be explained"
            yield Notice(self._job.id, text)
            return None
        cut = pictures.crops(window, clip.frames.tolist(), affines, self._detector.crop_spec.size)
        return (yield from wait_for(cut, self._job))


def _row(frames: IntArray, frame: int) -> int:
    """The first row of a frame."""
    return int(np.flatnonzero(frames == frame)[0])
