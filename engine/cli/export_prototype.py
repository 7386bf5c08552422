"""`export --prototype NAME`: the motion of a prototype beside the patch that it finds, in step."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from engine.case.case_file import CaseFile
from engine.case.reviewed import PrototypeReview, reviews
from engine.cli.scenes import analysed_scene
from engine.cli.session import EngineSession
from engine.detectors.cards import load_card
from engine.detectors.flow_card import flow_of
from engine.detectors.prototype_evidence import patch_box
from engine.errors import UsageError
from engine.exports.prototype_clip import export_prototype_clip
from engine.exports.questioned_patch import Questioned, side_by_side
from engine.rendering.scene import Scene
from engine.results import SIMILARITY, DetectorInfo, FaceTrack, FloatArray, Scores
from engine.runtime.protocol import ExplainRequest, ExplanationMade
from engine.video.media import Media

EXPLAINER = "prototypes"


def export_beside_patch(
    session: EngineSession,
    media: Media,
    frames: Sequence[int],
    detector: str,
    name: str,
    out: Path,
    device: str,
    case: Path | None = None,
) -> tuple[tuple[Path, Path], list[str]]:
    """Write the animation of the clip that begins in some frames and is most similar to a prototype.

    Returns:
        The animation and its sidecar, and lines for the user.

    Raises:
        UsageError: the detector has no such prototype, or no clip that begins there was scored.
        TellframeError: whatever the engine answers, or writing fails.
    """
    info = next(info for info in session.detectors().detectors if info.id == detector)
    index = _number(info, name)
    folder = Path(info.folder)
    spec, _ = flow_of(load_card(folder))
    wide = range(min(frames), min(max(frames) + 1 + spec.offsets[-1], len(media.index)))  # a clip looks ahead
    scene, notes = analysed_scene(session, media, wide, detector, None, device, case)
    scores, row = _most_similar(scene, frames, index, media.path)
    first, last = scores.spans[row].tolist()
    start, boxes = _boxes(next(track for track in scene.tracks if track.id == scores.track_id))
    request = ExplainRequest(
        media.path,
        detector,
        EXPLAINER,
        (first,),
        track_id=scores.track_id,
        case=case,
        device=device,
        settings={"prototype": name},
    )
    made = next(event.explanation for event in session.ask(request) if isinstance(event, ExplanationMade))
    asked = Questioned(
        folder,
        info.prototypes[index],
        index,
        scores,
        first,
        last,
        boxes,
        start,
        float(scores.activations[SIMILARITY][row, index]),
        _own_name(case, info, name),
    )
    shown = side_by_side(media, asked, patch_box(made.values[0], made.affine[0]))
    return export_prototype_clip(media, out, shown, progress=session.progress.show), notes


def _number(info: DetectorInfo, name: str) -> int:
    names = [each.name for each in info.prototypes]
    if not names:
        raise UsageError(f"{info.id} has no prototypes", advice="Choose a detector that has some: dpnet-compact")
    if name not in names:
        raise UsageError(f"{info.id} has no prototype {name}", advice=f"It has {', '.join(names)}")
    return names.index(name)


def _most_similar(scene: Scene, frames: Sequence[int], index: int, file: Path) -> tuple[Scores, int]:
    """The scores of the face, and the row of the clip."""
    found = [
        (float(scores.activations[SIMILARITY][row, index]), -at, row)
        for at, scores in enumerate(scene.scores)
        for row in np.flatnonzero(
            (scores.spans[:, 0] >= min(frames)) & (scores.spans[:, 0] <= max(frames))
        ).tolist()
    ]
    if not found:
        raise UsageError("No clip that begins in these frames was scored", advice="Give more frames", file=file)
    _, at, row = max(found)
    return scene.scores[-at], row


def _boxes(track: FaceTrack) -> tuple[int, FloatArray]:
    """The first frame, and (N, 4) boxes from there on, nan where the face is not seen."""
    start = int(track.frames[0])
    boxes: FloatArray = np.full((int(track.frames[-1]) - start + 1, 4), np.nan, np.float32)
    boxes[track.frames - start] = track.boxes
    return start, boxes


def _own_name(case: Path | None, info: DetectorInfo, name: str) -> str:
    if case is None:
        return ""
    with CaseFile.open(case) as opened:
        return reviews(opened).get((info.weights_sha256, name), PrototypeReview()).name
