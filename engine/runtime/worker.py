"""What the engine thread does: owns detectors, evidence and cases, and turns requests into jobs.

Imported by the engine thread, by name: it brings torch along.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Generator
from pathlib import Path

# isort: off
import engine.runtime.loading
import engine.runtime.without_compiler  # noqa: F401 - before anything imports timm or torchvision

# isort: on
from engine.case.case_file import CaseFile
from engine.detectors.base import AnyDetector, ClipDetector, Detector, Notify
from engine.detectors.cards import load_card
from engine.detectors.devices import resolve_device
from engine.detectors.foreign.detector import EXPLAINERS as SCORES_ALONE
from engine.detectors.foreign.detector import ForeignDetector
from engine.detectors.foreign.shelf import describe_model, import_model, is_foreign
from engine.detectors.frame import FrameDetector
from engine.detectors.registry import detector_infos, import_weights, load_any, weights_folder
from engine.errors import EvidenceChangedError, InternalError, UsageError
from engine.explainers.base import ClipExplainer, Explainer
from engine.explainers.registry import explainer_infos, load_explainer
from engine.faces.detector import FaceDetector
from engine.results import DetectorInfo
from engine.runtime.analysis import Analysis
from engine.runtime.clip_explaining import ClipExplaining
from engine.runtime.devices import device_status, process_memory, return_freed_memory
from engine.runtime.explaining import Explaining
from engine.runtime.jobs import JobContext, Steps
from engine.runtime.protocol import (
    AnalyzeRequest,
    DescribeModelRequest,
    DetectorsListed,
    DetectorsRequest,
    DeviceStatus,
    Event,
    ExplainRequest,
    ImportModelRequest,
    ImportWeightsRequest,
    ModelDescribed,
    Notice,
    Request,
)
from engine.runtime.session import VideoSession
from engine.runtime.store import ResultStore

_OPEN_SESSIONS = 4

_TIDY_BYTES, _TIDY_SECONDS = 2 << 30, 2.0
"""From which size of the process on freed memory is given back, and how often."""


def create_worker(device: str) -> "TorchWorker":
    """The worker for an engine whose requests mean `device` by auto.

    Raises:
        UsageError, DeviceError: there is no such device.
    """
    return TorchWorker(device)


class TorchWorker:
    """See engine.runtime.jobs.Worker."""

    def __init__(self, device: str) -> None:
        self._auto = resolve_device(device).type
        self._shown = (resolve_device(device), "float32")
        self._sessions: OrderedDict[Path, VideoSession] = OrderedDict()
        self._cases: dict[Path, CaseFile] = {}
        self._detectors: dict[tuple[str, str, str, str], AnyDetector] = {}
        self._brought: dict[str, tuple[str, DetectorInfo]] = {}  # foreign models that were not imported, by id
        self._faces: dict[str, FaceDetector] = {}
        self._tidied_at = 0.0

    def run(self, request: Request, job: JobContext) -> Steps:
        match request:
            case AnalyzeRequest():
                return self._analyze(request, job)
            case ExplainRequest():
                return self._explain(request, job)
            case DetectorsRequest():
                return self._list(job, request.models)
            case DescribeModelRequest():
                return self._describe(request, job)
            case ImportModelRequest():
                return self._import_model(request, job)
            case ImportWeightsRequest():
                return self._import(request, job)

    def device_status(self, job: int) -> DeviceStatus:
        now = time.monotonic()
        if now - self._tidied_at > _TIDY_SECONDS and process_memory() > _TIDY_BYTES:
            self._tidied_at = now
            return_freed_memory()
        return device_status(job, *self._shown)

    def close(self) -> None:
        for session in self._sessions.values():
            session.close()
        for case in self._cases.values():
            case.close()
        for detector in self._detectors.values():
            if isinstance(detector, ForeignDetector):
                detector.close()
        self._sessions.clear()
        self._cases.clear()

    def _analyze(self, request: AnalyzeRequest, job: JobContext) -> Steps:
        detector = self._detector_of(request, job)
        yield self.device_status(job.id)
        yield from self._with_session(
            request.video,
            job,
            lambda session: Analysis(
                request, job, session, self._store(session, request.case), detector, self._face_detector(detector)
            ).steps(),
        )

    def _explain(self, request: ExplainRequest, job: JobContext) -> Steps:
        explainer = load_explainer(request.explainer_id, request.detector_id, request.settings)
        detector = self._detector_of(request, job)
        if isinstance(detector, FrameDetector) and request.explainer_id not in SCORES_ALONE:
            detector = detector.on_torch()

        def explaining(session: VideoSession) -> Steps:
            store, faces = self._store(session, request.case), self._face_detector(detector)
            match detector, explainer:
                case ClipDetector(), ClipExplainer():
                    return ClipExplaining(request, job, session, store, detector, explainer, faces).steps()
                case Detector(), Explainer():
                    return Explaining(request, job, session, store, detector, explainer, faces).steps()
            raise InternalError(f"{request.explainer_id} was chosen for {request.detector_id}")

        yield from self._with_session(request.video, job, explaining)

    def _list(self, job: JobContext, models: tuple[str, ...] = ()) -> Steps:
        brought = tuple(self._bring(path) for path in models)
        infos = {info.id: info for info in (*(info for _, info in self._brought.values()), *detector_infos())}
        yield DetectorsListed(job.id, tuple(infos.values()), explainer_infos(infos.values()), brought)

    def _bring(self, path: str) -> str:
        """Try a foreign model and know it by its id from now on."""
        detector = self._detector(path)
        if not isinstance(detector, ForeignDetector):
            raise UsageError("This is no FILE.onnx", advice="Give the path of a foreign model", file=path)
        self._brought[detector.id] = (path, detector.info())
        return detector.id

    def _describe(self, request: DescribeModelRequest, job: JobContext) -> Steps:
        yield ModelDescribed(job.id, *describe_model(request.path))

    def _import_model(self, request: ImportModelRequest, job: JobContext) -> Steps:
        import_model(request.path, request.settings)
        yield from self._list(job)

    def _import(self, request: ImportWeightsRequest, job: JobContext) -> Steps:
        import_weights(request.folder)
        yield from self._list(job)

    def _with_session(self, path: Path, job: JobContext, work: Callable[[VideoSession], Steps]) -> Steps:
        session = yield from self._session(path, job)
        session.users += 1
        try:
            yield from work(session)
        finally:
            session.users -= 1

    def _session(self, path: Path, job: JobContext) -> Generator[Event | None, None, VideoSession]:
        """The evidence, opened unless it is open.

        Raises:
            EvidenceChangedError: it changed since it was opened; the next request opens it anew.
        """
        name = path.absolute()
        session = self._sessions.get(name)
        if session is None:
            opened = yield from VideoSession.opening(path, job)
            session = self._sessions.setdefault(name, opened)
            if session is not opened:  # another job was quicker
                opened.close()
            idle = [n for n, s in self._sessions.items() if not s.users and n != name]
            for old in idle[: max(0, len(self._sessions) - _OPEN_SESSIONS)]:
                self._sessions.pop(old).close()
        else:
            try:
                session.media.verify_unchanged()
            except EvidenceChangedError:
                if not session.users:
                    self._sessions.pop(name).close()
                raise
        self._sessions.move_to_end(name)
        return session

    def _store(self, session: VideoSession, case: Path | None) -> ResultStore:
        if case is None:
            return session.memory
        name = case.absolute()
        if name not in self._cases:
            self._cases[name] = CaseFile.open_or_create(case)
        return self._cases[name]

    def _detector_of(self, request: AnalyzeRequest | ExplainRequest, job: JobContext) -> AnyDetector:
        """The detector that a request asks for; if it is run otherwise, its job tells."""

        def notify(text: str) -> None:
            job.emit(Notice(job.id, text))

        return self._detector(
            request.detector_id, request.device, request.precision, engine=request.engine, notify=notify
        )

    def _detector(
        self,
        detector_id: str,
        device: str = "auto",
        precision: str = "auto",
        *,
        engine: str = "torch",
        notify: Notify = lambda _: None,
    ) -> AnyDetector:
        """A detector with the weights that lie there now."""
        if detector_id in self._brought:
            detector_id = self._brought[detector_id][0]
        where = self._auto if device == "auto" else device
        if device == "auto" and where == "cuda" and is_foreign(detector_id):
            where = "auto"  # torch may know a GPU that ONNX Runtime does not
        key = (detector_id, where, precision, engine)
        detector = self._detectors.get(key)
        if detector is None or not _is_current(detector, detector_id):
            if isinstance(detector, ForeignDetector):
                detector.close()
            detector = self._detectors[key] = load_any(detector_id, where, precision, engine, notify)
        self._shown = (resolve_device(detector.device), detector.precision)
        return detector

    def _face_detector(self, detector: AnyDetector) -> FaceDetector:
        if detector.device not in self._faces:
            self._faces[detector.device] = FaceDetector(detector.device)
        return self._faces[detector.device]


def _is_current(detector: AnyDetector, detector_id: str) -> bool:
    """Whether the weights that it was loaded with lie there still."""
    if isinstance(detector, ForeignDetector):
        return detector.current
    folder = weights_folder(detector_id)
    return folder is not None and load_card(folder).sha256 == detector.weights_sha256
