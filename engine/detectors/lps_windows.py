"""The windows in which LPS (P001) looks at a track: 60 successive frames in 12 examples of 5, every 30 frames.

P001 takes 60 frames from a random place. Here windows cover a whole track: they begin every 30 frames, and the
last one ends with the last frame. Frames of a window follow each other without a gap, for a gap would look like a
jump of the face: a track is cut at its gaps, and each run of frames has windows of its own. A run shorter than a
window is played forth and back until it fills one, and that window is flagged as short.
"""

from dataclasses import dataclass

import numpy as np

from engine.detectors.stretches import reflect, stretches
from engine.results import BoolArray, IntArray, frozen

EXAMPLE_FRAMES = 5
EXAMPLES = 12
STRIDE = 30


@dataclass(frozen=True, slots=True)
class WindowPlan:
    """Which frames each window of a track shows.

    Attributes:
        examples: (E, 5) int64 frame numbers, each different example once, by their first use.
        windows: (W, 12) int64 rows of `examples`, in the order of time; overlapping windows share rows.
        spans: (W, 2) int64, first and last frame of each window, inclusive.
        short: (W,) bool, True for windows of a run with fewer frames than a window, shown forth and back.
    """

    examples: IntArray
    windows: IntArray
    spans: IntArray
    short: BoolArray

    def frames(self, window: int) -> IntArray:
        """(60,) frame numbers that a window shows, in the order in which it shows them."""
        shown: IntArray = self.examples[self.windows[window]].reshape(-1)
        return shown


def plan_windows(
    frames: IntArray, example_frames: int = EXAMPLE_FRAMES, examples: int = EXAMPLES, stride: int = STRIDE
) -> WindowPlan:
    """The windows of a track that is seen in `frames`, (N,) int64, strictly increasing; no frames, no windows.

    Raises:
        ValueError: frames that do not increase, or a stride at which windows could not share examples.
    """
    if len(frames) > 1 and np.diff(frames).min() < 1:
        raise ValueError("windows: the frames of a track must increase")
    if stride < 1 or stride % example_frames:
        raise ValueError(
            f"windows: a stride of {stride} frames is no multiple of the {example_frames} of an example"
        )
    length = example_frames * examples
    rows: dict[tuple[int, ...], int] = {}
    windows, spans, short = [], [], []
    for run in stretches(frames):
        first, last = int(run[0]), int(run[-1])
        for start in _starts(len(run), length, stride):
            shown = run[reflect(np.arange(start, start + length), len(run))]
            groups = (tuple(group) for group in shown.reshape(examples, example_frames).tolist())
            windows.append([rows.setdefault(group, len(rows)) for group in groups])
            spans.append((first + start, min(first + start + length - 1, last)))
            short.append(len(run) < length)
    return WindowPlan(
        frozen(np.array(list(rows), np.int64).reshape(-1, example_frames)),
        frozen(np.array(windows, np.int64).reshape(-1, examples)),
        frozen(np.array(spans, np.int64).reshape(-1, 2)),
        frozen(np.array(short, np.bool_)),
    )


def _starts(count: int, length: int, stride: int) -> list[int]:
    """Where windows begin in a run of `count` frames: every `stride`, and one that ends with the run."""
    starts = list(range(0, count - length + 1, stride))
    if not starts:
        return [0]
    end = count - length
    return starts if starts[-1] == end else [*starts, end]
