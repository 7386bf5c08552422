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
) -> tuple[Scene, list[str]]:
    """The faces, scores and maps of some frames; scores come from the case where it has them.

    Beside the scene, lines for the user once all is written: a failure shall be told in a single one.

    Raises:
        TellframeError: whatever the engine answers.
    """
    first, last = min(frames), max(frames)
    answers = session.ask(AnalyzeRequest(media.path, detector, case=case, first=first, last=last, device=device))
    done = next(event for event in answers if isinstance(event, AnalysisDone))
    notes = [f"{media.path}: {warning}" for warning in done.warnings]
    if case is None and done.tracks:
        notes += numbering(media, first, last)
    explanations = []
    if explainer is not None and done.tracks:
        request = ExplainRequest(media.path, detector, explainer, tuple(frames), case=case, device=device)
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
    )
    return scene, notes


def numbering(media: Media, first: int, last: int) -> list[str]:
    """A line for the user where an analysis of the whole video may give the faces other numbers."""
    if last - first + 1 == len(media.index):
        return []
    where = f"{media.path}: faces are numbered by their appearance in the frames {first} to {last}"
    return [f"{where}, which may differ from their numbers in the whole video"]
