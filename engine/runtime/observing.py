"""Videos of a set seen by a detector that gives embeddings, in the calling thread, as `evaluate` judges them."""

from collections.abc import Sequence

from engine.detectors.base import AnyDetector
from engine.detectors.embedding import Embedding
from engine.errors import DataError, VideoError
from engine.evaluation.evaluate import Judged, Sample, Unread
from engine.evaluation.kept_scores import digest
from engine.evaluation.video_scores import collected
from engine.evaluation.views.kept import KeptViews
from engine.evaluation.views.observed import Glimpse, Observed, deciding_face
from engine.faces.crops import cut_crop
from engine.faces.detector import FaceDetector
from engine.progress import CancelToken, ProgressCallback, ProgressMeter
from engine.results import Picture
from engine.runtime.found_faces import FoundFaces
from engine.runtime.protocol import AnalyzeRequest
from engine.runtime.scoring import PLAIN, AnalysisScorer, analysed
from engine.runtime.session import VideoSession
from engine.video.media import open_media


class Observer:
    """Faces, clips and scores are those of `evaluate --every N`; embeddings come beside them. For one thread."""

    def __init__(
        self, detector: AnyDetector, faces: FaceDetector, every: int, found: FoundFaces, *, fresh: bool = False
    ) -> None:
        """Raises UsageError: the detector gives no embeddings."""
        self._detector, self._faces, self._every = Embedding(detector), faces, every
        self._found = found.under(PLAIN.settings)
        self._kept = KeptViews(AnalysisScorer(self._detector, faces, every).key, fresh=fresh)

    def observe(
        self,
        samples: Sequence[Sample],
        unread: Unread,
        *,
        cancel: CancelToken,
        progress: ProgressCallback | None = None,
    ) -> list[Observed]:
        """All samples that can be judged.

        Args:
            unread: takes up files that cannot be read.

        Raises:
            DeviceError, CancelledError: what was observed so far is kept.
        """
        meter = ProgressMeter("Looking at videos", len(samples), "files", progress)
        found = []
        for done, sample in enumerate(samples, 1):
            cancel.check()
            try:
                found.append(self._observed(sample, cancel))
            except (VideoError, DataError) as error:
                unread.reasons[sample.name] = str(error)
            meter.update(done)
        return found

    def pictures(self, sample: Sample, glimpse: Glimpse, cancel: CancelToken) -> list[Picture]:
        """The face on some frames, as the detector sees it: (S, S, 3) uint8 each.

        Raises:
            VideoError: a frame cannot be read.
        """
        affines = self._detector.affines(glimpse.boxes, glimpse.landmarks)
        media = open_media(sample.path, cancel=cancel)
        try:
            reader = media.reader()
            return [
                cut_crop(reader.read(int(frame)).pixels, affine, self._detector.crop_spec.size)
                for frame, affine in zip(glimpse.frames, affines, strict=True)
            ]
        finally:
            media.close()

    def _observed(self, sample: Sample, cancel: CancelToken) -> Observed:
        try:
            sha256 = digest(sample.path)
        except OSError as error:
            raise DataError(
                f"The file cannot be read ({error.strerror})", advice="Restore or remove it", file=sample.path
            ) from error
        known = self._kept.get(sample, sha256)
        if known is None:
            known = self._seen(sample, sha256, cancel)
            self._kept.put(known)
        return known

    def _seen(self, sample: Sample, sha256: str, cancel: CancelToken) -> Observed:
        session = VideoSession(open_media(sample.path, cancel=cancel))
        try:
            if not len(session.media.index):
                raise DataError("It has no frame", advice="Remove it from the data set", file=sample.path)
            request = AnalyzeRequest(
                sample.path, self._detector.id, every=self._every, device=self._detector.device
            )
            done = analysed(session, request, self._detector, self._faces, cancel, self._found)
        finally:
            session.close()
        judged = Judged(sample, collected(done.tracks, done.scores), sha256)
        return Observed(judged, deciding_face(judged, done.tracks, done.scores))
