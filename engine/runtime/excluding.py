"""A whole answer without the prototypes that a reviewer excluded: for the window and for commands on a case."""

from collections.abc import Callable
from dataclasses import replace

from engine.results import Scores
from engine.runtime.protocol import AnalysisDone


def done_with(done: AnalysisDone, rescore: Callable[[Scores], Scores]) -> AnalysisDone:
    """The scores of all tracks as `rescore` makes them, and what they come to; the same answer if they stay.

    Args:
        rescore: `engine.detectors.prototype_exclusion.without` with its arguments; what it raises is raised.
    """
    scores = tuple(rescore(each) for each in done.scores)
    if all(new is old for new, old in zip(scores, done.scores, strict=True)):
        return done
    top = max((each.track_probability for each in scores), default=None)
    return replace(done, scores=scores, fake_probability=top)
