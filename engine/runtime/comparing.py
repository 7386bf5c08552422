"""Explainers compared on videos: the faces of an analysis in, measures out. In the calling thread."""

import math
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path

import numpy as np

from engine.detectors.base import Detector
from engine.errors import DataError, UsageError
from engine.evaluation.explanations.checks import Checks, rank_agreement
from engine.evaluation.explanations.faithfulness import probability
from engine.evaluation.explanations.localisation import localisation
from engine.evaluation.explanations.maps import enlarged, grey
from engine.evaluation.explanations.measures import face_motion, map_measures, mean
from engine.evaluation.explanations.record import Compared, Faithfulness, Located, Outcome
from engine.explainers.base import Explainer, Maps, Watch
from engine.faces.crops import crop_affines, cut_crop
from engine.faces.detector import FaceDetector
from engine.progress import CancelToken, ProgressCallback, ProgressMeter
from engine.results import BoolArray, FaceTrack, FloatArray, IntArray, Picture
from engine.runtime.protocol import AnalyzeRequest
from engine.runtime.scoring import analysed
from engine.runtime.session import VideoSession
from engine.runtime.truth import Truth, find_truth, forged_pixels
from engine.video.interface import Media
from engine.video.media import open_media

MOST_FRAMES = 100
"""Of a video, as in P002, unless the user says otherwise."""


@dataclass(frozen=True)
class Choice:
    """What is measured.

    Attributes:
        first, end: frames first to end - 1; end None for the video's.
        every: each n-th frame, counted from frame 0; None for evenly spaced ones, MOST_FRAMES at most.
        checks: frames for the measures that cost many forward passes, 0 for none.
        seed: of all that is drawn.
        draws: wholly random networks for the sanity badge, 0 for none.
    """

    first: int = 0
    end: int | None = None
    every: int | None = None
    checks: int = 4
    seed: int = 0
    draws: int = 0


@dataclass(frozen=True, eq=False)
class _Face:
    """The crops of one face on the chosen frames: frames (F,), affines (F, 2, 3), crops (F, S, S, 3)."""

    frames: IntArray
    affines: FloatArray
    crops: Picture


class Comparing:
    """Measures explainers of one detector on one video after another."""

    def __init__(
        self,
        detector: Detector,
        faces: FaceDetector,
        explainers: Mapping[str, Explainer],
        choice: Choice,
        cancel: CancelToken,
        progress: ProgressCallback | None = None,
    ) -> None:
        self._detector, self._faces, self._explainers = detector, faces, explainers
        self._choice, self._cancel, self._progress = choice, cancel, progress
        self._watch = Watch(cancel)
        self._checks = Checks(detector, choice.seed, cancel)

    def video(self, path: Path) -> Compared:
        """All measures of one video.

        Raises:
            DataError: no face is seen on a chosen frame, or what lies beside the clip is another clip's truth.
            UsageError: the chosen frames are not there.
            VideoError, DeviceError, CancelledError: as an analysis.
        """
        media = open_media(path, cancel=self._cancel)
        session = VideoSession(media)
        try:
            wanted, step = self._wanted(media)
            request = AnalyzeRequest(
                path, self._detector.id, every=step, first=wanted[0], last=wanted[-1], device=self._detector.device
            )
            done = analysed(session, request, self._detector, self._faces, self._cancel)
            if not done.tracks:
                raise DataError("No face was found on the chosen frames", advice="Choose others", file=path)
            asked = np.array(wanted, np.int64)
            track = max(done.tracks, key=lambda each: (np.isin(asked, each.frames).sum(), -each.id))
            face = self._face(media, track, asked)
            motion = face_motion(track.frames, track.raw_boxes, asked, step, media.width, media.height)
            rate = media.index.rate
            truth = find_truth(path, done.video.sha256)
            try:
                return self._compared(
                    path.name,
                    done.video.sha256,
                    face,
                    step,
                    step / float(rate) if rate else None,
                    (track.id, len(done.tracks), motion),
                    truth,
                )
            finally:
                if truth is not None:
                    truth.close()
        finally:
            session.close()

    def _wanted(self, media: Media) -> tuple[Sequence[int], int]:
        """The chosen frames and their distance."""
        count = len(media.index)
        end = count if self._choice.end is None else self._choice.end
        if not self._choice.first < end <= count:
            raise UsageError(
                f"The frames {self._choice.first}:{end} were asked of {count} frames",
                advice=f"Choose a range within 0:{count}",
                file=media.path,
            )
        step = self._choice.every or max(1, math.ceil((end - self._choice.first) / MOST_FRAMES))
        frames = range(-(-self._choice.first // step) * step, end, step)
        if not frames:
            raise UsageError(
                f"No multiple of {step} lies among the chosen frames", advice="Choose more frames", file=media.path
            )
        return frames, step

    def _face(self, media: Media, track: FaceTrack, wanted: IntArray) -> _Face:
        """The crops of a track on those of the wanted frames that can be decoded."""
        rows = np.flatnonzero(np.isin(track.frames, wanted))
        spec = self._detector.crop_spec
        affines = dict(
            zip(
                track.frames[rows].tolist(),
                crop_affines(track.boxes[rows], track.landmarks[rows], spec),
                strict=True,
            )
        )
        crops, kept = [], []
        step = int(wanted[1] - wanted[0]) if len(wanted) > 1 else 1
        with closing(media.reader()) as reader:
            for frame in reader.frames(int(wanted[0]), int(wanted[-1]), step, cancel=self._cancel):
                if frame.index in affines:
                    kept.append(frame.index)
                    crops.append(cut_crop(frame.pixels, affines[frame.index], spec.size))
        if not kept:
            raise DataError("No face was found on the chosen frames", advice="Choose others", file=media.path)
        return _Face(np.array(kept, np.int64), np.stack([affines[n] for n in kept]), np.stack(crops))

    def _compared(
        self,
        name: str,
        sha256: str,
        face: _Face,
        step: int,
        seconds_apart: float | None,
        where: tuple[int, int, float],
        truth: Truth | None,
    ) -> Compared:
        count = min(self._choice.checks, len(face.frames))
        rows = np.unique(np.linspace(0, len(face.frames) - 1, count).round().astype(np.int64))
        meter = ProgressMeter(f"Comparing on {name}", len(self._explainers), "explainers", self._progress)
        meter.update(0)
        blocks = self._checks.blocks(face.crops[rows])
        chance: Mapping[str, Faithfulness] = self._checks.by_chance(face.crops[rows], blocks) if count else {}
        forged = None if truth is None else self._forged(face, truth)
        outcomes: dict[str, Outcome] = {}
        maps: dict[str, Maps] = {}
        for number, (key, explainer) in enumerate(self._explainers.items()):
            outcomes[key], maps[key] = self._outcome(explainer, face, step, rows, blocks, forged)
            meter.update(number + 1)
        size = self._detector.crop_spec.size
        agreement = {
            f"{a}, {b}": rank_agreement(maps[a].values, maps[b].values, size, self._cancel)
            for a, b in combinations(maps, 2)
        }
        track, faces, motion = where
        return Compared(
            name=name,
            sha256=sha256,
            frames=tuple(face.frames.tolist()),
            step=step,
            seconds_apart=seconds_apart,
            track=track,
            faces=faces,
            motion=motion,
            fake_probability=float(probability(next(iter(maps.values())).logits).mean()),
            checked=tuple(face.frames[rows].tolist()),
            outcomes=outcomes,
            chance=chance,
            agreement=agreement,
            truth="" if truth is None else truth.name,
        )

    def _outcome(
        self,
        explainer: Explainer,
        face: _Face,
        step: int,
        rows: IntArray,
        blocks: list[IntArray],
        forged: Mapping[int, BoolArray] | None,
    ) -> tuple[Outcome, Maps]:
        """One explainer on one face, and its maps."""
        began = time.perf_counter()
        maps = explainer.explain(self._detector, face.crops, self._watch)
        seconds = time.perf_counter() - began
        self._cancel.check()
        shown = grey(maps.values, signed=explainer.signed)
        outcome = Outcome(
            measures=map_measures(shown, face.frames, step, self._detector.crop_spec.size),
            native=map_measures(shown, face.frames, step),
            native_size=(maps.values.shape[1], maps.values.shape[2]),
            seconds=seconds,
            passes=int(maps.passes.sum()),
            located=None if forged is None else self._located(maps.values, forged),
        )
        if len(rows):
            outcome = self._checked(outcome, explainer, face.crops[rows], maps.values[rows], blocks)
        return outcome, maps

    def _checked(
        self,
        outcome: Outcome,
        explainer: Explainer,
        crops: Picture,
        values: FloatArray,
        blocks: list[IntArray],
    ) -> Outcome:
        """With what costs many forward passes."""
        faithful = self._checks.faithfulness(crops, values, blocks)
        # Again, of these crops alone: an explainer may look at all that it is given together.
        base = explainer.explain(self._detector, crops, self._watch)
        noise = self._checks.noise(explainer, crops, base.values, base.logits)
        return replace(
            outcome,
            faithfulness=faithful,
            noise_mean=noise.mean,
            noise_max=noise.largest,
            logit_noise=noise.logit,
            randomised=self._checks.randomised(explainer, crops, base.values),
            untaught=self._checks.untaught(explainer, crops, base.values, self._choice.draws),
        )

    def _forged(self, face: _Face, truth: Truth) -> Mapping[int, BoolArray]:
        """Row -> (S, S) bool, for the crops that show a forged pixel."""
        found = {}
        for row, (frame, affine) in enumerate(zip(face.frames.tolist(), face.affines, strict=True)):
            self._cancel.check()
            levels = truth.levels(frame)
            if levels is not None:
                mask = forged_pixels(levels).astype(np.uint8) * np.uint8(255)
                crop = cut_crop(mask, affine, self._detector.crop_spec.size) >= 128
                if crop.any():
                    found[row] = crop
        return found

    def _located(self, values: FloatArray, forged: Mapping[int, BoolArray]) -> Located | None:
        size = self._detector.crop_spec.size
        found = [localisation(enlarged(values[row], size), mask) for row, mask in forged.items()]
        if not found:
            return None
        return Located(
            mean([each.relevance_mass for each in found]),
            mean([each.pointing for each in found]),
            mean([each.chance for each in found]),
            len(found),
        )
