"""The windows in which LPS (P001) looks at a face: 60 successive frames in 12 examples of 5, every 30 frames.

P001 takes 60 frames from a random place. Here windows cover all that is seen of a face. They begin at the
multiples of 30 of the video's own frames, so that a window does not hang on where the face was first seen, and
windows that follow each other share half of their examples.
"""

from collections.abc import Sequence

import numpy as np

from engine.detectors.base import Clip
from engine.detectors.stretches import reflect
from engine.results import frozen

EXAMPLE_FRAMES = 5
EXAMPLES = 12
WINDOW = EXAMPLE_FRAMES * EXAMPLES
STRIDE = 30
PREDICTION_ERROR = "prediction-error"
"""The series that tells how much each example of a window surprises the predictor."""


def window_clips(first: int, last: int, every: int = 1) -> Sequence[Clip]:
    """All windows of a stretch first..last without a gap; see ClipDetector.plan.

    Besides those of the grid one begins with the stretch and one ends with it; they share no examples with the
    others unless they lie a multiple of 5 frames from them. A stretch shorter than a window is one window that is
    played forth and back. The span of a window is all of its frames, so spans overlap.

    Args:
        every: windows of the grid begin at least so many frames apart; the two at the ends are always there.
    """
    if last - first + 1 < WINDOW:
        shown = first + reflect(np.arange(WINDOW), last - first + 1)
        return [Clip(frozen(shown), frozen(np.array([[first, last]], np.int64)), repeats=True)]
    step = STRIDE * -(-max(every, 1) // STRIDE)
    grid = range(-(-first // step) * step, last - WINDOW + 2, step)
    return [
        Clip(frozen(np.arange(at, at + WINDOW)), frozen(np.array([[at, at + WINDOW - 1]], np.int64)))
        for at in sorted({first, *grid, last - WINDOW + 1})
    ]
