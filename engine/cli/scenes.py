"""What `export` and `stills` draw over their frames: an analysis of the stretch and, if asked, explanations."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from engine.case.case_file import CaseFile
from engine.case.noted import last_analysis
from engine.cli.reviewed import as_reviewed
from engine.cli.session import EngineSession
from engine.evaluation.calibration.answer import Abstention, Ratio, ratio_of, statement
from engine.evaluation.calibration.conditions import evidence_of
from engine.evaluation.intervals import hidden_stretches
from engine.rendering.scene import Scene
from engine.runtime.protocol import AnalysisDone, AnalyzeRequest, ExplainRequest, ExplanationMade
from engine.video.media import Media

PARTIAL = Abstention(
    "only the exported frames were analysed, and the calibration is of whole videos",
    "only a part was analysed",
)
Span = tuple[int, int]


def analysed_scene(
    session: EngineSession,
    media: Media,
    frames: Sequence[int],
    detector: str,
    explainer: str | None,
    device: str,
    case: Path | None = None,
    settings: Mapping[str, object] = MappingProxyType({}),
) -> tuple[Scene, list[str]]:
    """The faces, scores and maps of some frames; scores come from the case where it has them.

    Beside the scene, lines for the user once all is written: a failure shall be told in a single one. `settings`
    are of the explainer.

    Raises:
        TellframeError: whatever the engine answers.
    """
    first, last = min(frames), max(frames)
    answers = session.ask(AnalyzeRequest(media.path, detector, case=case, first=first, last=last, device=device))
    done = next(event for event in answers if isinstance(event, AnalysisDone))
    notes = [f"{media.path}: {warning}" for warning in done.warnings]
    done, left_out = as_reviewed(session, done, case)
    notes += left_out
    if case is None and done.tracks:
        notes += numbering(media, first, last)
    explanations = []
    if explainer is not None and done.tracks:
        request = ExplainRequest(
            media.path, detector, explainer, tuple(frames), case=case, device=device, settings=settings
        )
        explanations = [e.explanation for e in session.ask(request) if isinstance(e, ExplanationMade)]
    weights = done.scores[0].provenance.weights_sha256 if done.scores else ""
    scene = Scene(
        media.width,
        media.height,
        first,
        last,
        tracks=done.tracks,
        scores=done.scores,
        explanations=explanations,
        detector_id=detector,
        weights_sha256=weights,
        explainer_id=explainer or "",
        statement=statement(likelihood(session, media, done, (first, last), case, device)),
    )
    return scene, notes


def likelihood(
    session: EngineSession, media: Media, done: AnalysisDone, frames: Span, case: Path | None, device: str
) -> Ratio | Abstention | None:
    """What `analyze` would say of the whole video, of which `done` are some frames (first and last)."""
    if frames != (0, len(media.index) - 1):
        whole = stored_whole(session, media, done, case, device)
        if whole is None:
            return PARTIAL
        done, _ = as_reviewed(session, whole, case)
    info = next(info for info in session.detectors().detectors if info.id == done.detector_id)
    hidden = hidden_stretches(done.scores, media.index.seconds)
    return ratio_of(info.card, done.tracks, done.scores, hidden, evidence_of(media))


def stored_whole(
    session: EngineSession, media: Media, part: AnalysisDone, case: Path | None, device: str
) -> AnalysisDone | None:
    """The whole analysis by the detector of `part` that the case's log tells of, None if there is none.

    It is asked of the engine, which finds it in the case.
    """
    if case is None or not part.scores:
        return None
    made_by, sha256 = part.scores[0].provenance, part.video.sha256
    with CaseFile.open(case) as opened:
        video = next((video.id for video in opened.videos() if video.identity.sha256 == sha256), None)
        if video is None:
            return None
        stored = opened.list_results(video, made_by.component, made_by.weights_sha256, made_by.settings_hash)
        noted = last_analysis(opened, sha256, part.detector_id)
    if noted is None or sum(span.last - span.first + 1 for span in stored) < len(media.index):
        return None  # none, or one with other weights or in another precision
    request = AnalyzeRequest(media.path, part.detector_id, case=case, every=noted["every"], device=device)
    return next(event for event in session.ask(request) if isinstance(event, AnalysisDone))


def numbering(media: Media, first: int, last: int) -> list[str]:
    """A line for the user where an analysis of the whole video may give the faces other numbers."""
    if last - first + 1 == len(media.index):
        return []
    where = f"{media.path}: faces are numbered by their appearance in the frames {first} to {last}"
    return [f"{where}, which may differ from their numbers in the whole video"]
