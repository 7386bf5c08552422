"""What `export` and `stills` draw over their frames: an analysis of the stretch and, if asked, explanations."""

from collections.abc import Sequence
from pathlib import Path

from engine.cli.session import EngineSession
from engine.rendering.scene import Scene
from engine.runtime.protocol import AnalysisDone, AnalyzeRequest, ExplainRequest, ExplanationMade
from engine.video.media import Media


def analysed_scene(
    session: EngineSession,
    media: Media,
    frames: Sequence[int],
    detector: str,
    explainer: str | None,
    device: str,
    case: Path | None = None,
) -> Scene:
    """The faces, scores and maps of some frames; scores come from the case where it has them.

    Raises:
        TellframeError: whatever the engine answers.
    """
    first, last = min(frames), max(frames)
    answers = session.ask(AnalyzeRequest(media.path, detector, case=case, first=first, last=last, device=device))
    done = next(event for event in answers if isinstance(event, AnalysisDone))
    for warning in done.warnings:
        session.say(f"{media.path}: {warning}")
    if case is None and done.tracks:
        tell_numbering(session, media, first, last)
    explanations = []
    if explainer is not None and done.tracks:
        request = ExplainRequest(media.path, detector, explainer, tuple(frames), case=case, device=device)
        explanations = [e.explanation for e in session.ask(request) if isinstance(e, ExplanationMade)]
    weights = done.scores[0].provenance.weights_sha256 if done.scores else ""
    return Scene(
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
    )


def tell_numbering(session: EngineSession, media: Media, first: int, last: int) -> None:
    """Say that an analysis of the whole video may give the faces of a part of it other numbers."""
    if last - first + 1 < len(media.index):
        session.say(
            f"{media.path}: faces are numbered by their appearance in the frames {first} to {last}, "
            "which may differ from their numbers in the whole video"
        )
