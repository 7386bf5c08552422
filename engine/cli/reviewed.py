"""What a command on a case shows as the window does: without the prototypes that the reviewer excluded there."""

from pathlib import Path

from engine.case.case_file import CaseFile
from engine.case.reviewed import exclusions
from engine.cli.session import EngineSession
from engine.detectors.prototype_exclusion import without
from engine.results import excluded_words
from engine.runtime.excluding import done_with
from engine.runtime.protocol import AnalysisDone


def as_reviewed(session: EngineSession, done: AnalysisDone, case: Path | None) -> tuple[AnalysisDone, list[str]]:
    """The analysis of a video as its case has it, and lines that tell the user what is left out.

    Raises:
        CaseError: the case cannot be read.
        DataError: the scores are not those of the detector's prototypes.
    """
    weights = {scores.provenance.weights_sha256 for scores in done.scores}
    if case is None or len(weights) != 1:
        return done, []
    with CaseFile.open(case) as opened:
        excluded = exclusions(opened, done.video.sha256).get(weights.pop(), frozenset())
    if not excluded:
        return done, []
    info = next(info for info in session.detectors().detectors if info.id == done.detector_id)
    left_out = f"{excluded_words(len(excluded))}, as the case says ({', '.join(sorted(excluded))})"
    heard = done_with(done, lambda scores: without(scores, info.prototypes, excluded))
    return heard, [f"{done.video.path}: {left_out}"]
