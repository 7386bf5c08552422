"""The analysis of the application in the calling thread, for commands that judge many files.

The faces, crops and scores are those of `analyze`: the same Analysis runs, without the engine thread around it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from engine.detectors.base import AnyDetector, single_crops
from engine.detectors.probability import sigmoid
from engine.errors import DataError, InternalError
from engine.evaluation.evaluate import Sample
from engine.evaluation.video_scores import TrackScores, VideoScores, collected
from engine.faces.crops import cut_crop, picture_affine
from engine.faces.detector import FaceDetector
from engine.progress import CancelToken
from engine.results import frozen, settings_hash
from engine.runtime.analysis import Analysis
from engine.runtime.found_faces import FoundFaces
from engine.runtime.jobs import JobContext
from engine.runtime.protocol import AnalysisDone, AnalyzeRequest, Priority
from engine.runtime.session import VideoSession
from engine.runtime.shelf import face_settings
from engine.runtime.store import ResultStore
from engine.video.interface import Media
from engine.video.media import open_media


@dataclass(frozen=True)
class Opener:
    """How files are opened: as they are, or changed on the way.

    Attributes:
        open: opens a sample's file.
        settings: what distinguishes its pictures from those of the file, for the key of kept scores.
    """

    open: Callable[[Sample, CancelToken], Media]
    settings: Mapping[str, object]


def _as_it_is(sample: Sample, cancel: CancelToken) -> Media:
    return open_media(sample.path, cancel=cancel)


PLAIN = Opener(_as_it_is, {})


class AnalysisScorer:
    """Scores samples as `analyze --every N` does. See engine.evaluation.evaluate.Scorer. For one thread."""

    def __init__(
        self,
        detector: AnyDetector,
        faces: FaceDetector,
        every: int,
        opener: Opener = PLAIN,
        found: FoundFaces | None = None,
    ) -> None:
        """`found` is what `faces` has found for other detectors, and will find for the next ones."""
        self._detector, self._faces, self._every, self._opener = detector, faces, every, opener
        self._found = None if found is None else found.under(opener.settings)

    @property
    def key(self) -> str:
        """Names all on which the scores of a file depend besides the file."""
        made_by = self._detector.provenance(
            faces=face_settings(0), every=self._every, pictures=dict(self._opener.settings)
        )
        return settings_hash(
            {
                "settings": made_by.settings_hash,
                "component": made_by.component,
                "weights": made_by.weights_sha256,
                # A CPU's threads move the last bit of a score, which no figure shows.
                "device": "cpu" if self._detector.device == "cpu" else made_by.device,
                "versions": dict(made_by.versions),
            }
        )

    def score(self, sample: Sample, cancel: CancelToken) -> VideoScores:
        """Raises VideoError, DataError, DeviceError, CancelledError."""
        media = self._opener.open(sample, cancel)
        if sample.kind == "face":
            return self._face(media)
        return score_media(media, self._detector, self._faces, self._every, cancel, self._found)

    def _face(self, media: Media) -> VideoScores:
        """A picture that is a face's box already: no face is looked for, and no margin can be added."""
        try:
            pixels = media.reader().read(0).pixels
        finally:
            media.close()
        detector = single_crops(self._detector, "A still")
        spec = detector.crop_spec
        logit = detector.score_crops(cut_crop(pixels, picture_affine(pixels, spec), spec.size)[None])
        probability = sigmoid(logit)
        return VideoScores(
            (TrackScores(frozen(np.zeros((1, 2), np.int64)), frozen(probability), float(max(pixels.shape[:2]))),)
        )


def score_media(
    media: Media,
    detector: AnyDetector,
    faces: FaceDetector,
    every: int,
    cancel: CancelToken,
    store: ResultStore | None = None,
) -> VideoScores:
    """Analyse opened evidence from end to end, with what a store knows of it; it is closed afterwards.

    Raises:
        DataError: it has no frame.
        VideoError, DeviceError, CancelledError: as `analyze`.
    """
    session = VideoSession(media)
    try:
        if not len(media.index):
            raise DataError("It has no frame", advice="Remove it from the data set", file=media.path)
        request = AnalyzeRequest(media.path, detector.id, every=every, device=detector.device)
        done = analysed(session, request, detector, faces, cancel, store)
    finally:
        session.close()
    return collected(done.tracks, done.scores)


def analysed(
    session: VideoSession,
    request: AnalyzeRequest,
    detector: AnyDetector,
    faces: FaceDetector,
    cancel: CancelToken,
    store: ResultStore | None = None,
) -> AnalysisDone:
    """The answer of an analysis that runs in this thread from end to end, kept in the session without a store.

    Raises:
        VideoError, DeviceError, CancelledError: as `analyze`.
    """
    job = JobContext(0, Priority.BACKGROUND, cancel, lambda _: None, lambda: 0)
    steps = Analysis(request, job, session, store or session.memory, detector, faces).steps()
    try:
        done = next((event for event in steps if isinstance(event, AnalysisDone)), None)
    finally:
        steps.close()  # type: ignore[attr-defined] # a generator: ends its thread of pictures
    if done is None:
        raise InternalError("An analysis ended without an answer")
    return done
