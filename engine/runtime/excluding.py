"""A whole answer without the prototypes that a reviewer excluded: for the window and for commands on a case."""

from collections.abc import Collection, Sequence
from dataclasses import replace

from engine.detectors.prototype_exclusion import without
from engine.results import Prototype
from engine.runtime.protocol import AnalysisDone


def done_without(done: AnalysisDone, prototypes: Sequence[Prototype], excluded: Collection[str]) -> AnalysisDone:
    """The scores of all tracks, and of the video, without some prototypes; the very same answer if there are none.

    Raises:
        DataError: there is no such prototype, or the scores are not those of these prototypes.
    """
    if not excluded:
        return done
    scores = tuple(without(each, prototypes, excluded) for each in done.scores)
    top = max((each.track_probability for each in scores), default=None)
    return replace(done, scores=scores, fake_probability=top)
