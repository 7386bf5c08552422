"""The measures of the maps that have been made so far, on a worker thread, a frame at a time. GUI thread only.

They are arithmetic of a few milliseconds a map and need no model: the engine thread is not kept from explaining.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from engine.evaluation.explanations.maps import enlarged, grey
from engine.evaluation.explanations.measures import (
    FrameMeasures,
    MapMeasures,
    correlation,
    frame_measures,
    mean,
    summed_up,
)
from engine.evaluation.explanations.pairs import agreement
from engine.progress import CancelToken, ProgressCallback
from engine.results import FloatArray
from gui.bridge import Background
from gui.compare.choice import PaneChoice
from gui.explaining import FrameExplanation


@dataclass(frozen=True, slots=True)
class Series:
    """What belongs together: the maps of one face of one video by one choice.

    Attributes:
        size: side of the detector's crop in pixels, at which the measures of P002 are taken.
    """

    video: Path
    choice: PaneChoice
    track_id: int
    size: int


@dataclass(frozen=True, slots=True)
class Agreement:
    """Mean rank correlation of two series over the frames on which both have a map; nan without one."""

    mean: float
    frames: int


@dataclass(frozen=True, slots=True)
class _Item:
    """One new map with what it is measured against.

    Attributes:
        after: the map of the next frame, before: that of the frame before; None where it is not made.
        others: the maps of other series on the same frame.
    """

    series: Series
    made: FrameExplanation
    before: FrameExplanation | None
    after: FrameExplanation | None
    others: tuple[tuple[Series, FrameExplanation], ...]


@dataclass
class _Known:
    """By frame; a pair has the number of its first frame."""

    frames: dict[int, FrameMeasures] = field(default_factory=dict)
    pairs: dict[int, float] = field(default_factory=dict)


_Found = tuple[_Item, FrameMeasures, dict[int, float], dict[Series, float]]

LookUp = Callable[[Series, int], FrameExplanation | None]


class Measuring(QObject):
    """Takes maps as they are made and says what they come to over a range of frames.

    Args:
        background: its worker threads do the arithmetic.
        look_up: the map of a series on a frame, None where there is none.

    Signals:
        changed: there are new figures.
    """

    changed = Signal()

    def __init__(self, background: Background, look_up: LookUp, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._background, self._look_up = background, look_up
        self._known: defaultdict[Series, _Known] = defaultdict(_Known)
        self._agreements: defaultdict[frozenset[Series], dict[int, float]] = defaultdict(dict)
        self._waiting: dict[tuple[Series, int], tuple[Series, ...]] = {}
        self._running = False
        self._age = 0

    def add(self, series: Series, frame: int, others: tuple[Series, ...]) -> None:
        """A map was made; it is measured unless it is already, also against the maps of other series."""
        known = self._known[series]
        missing = tuple(
            other
            for other in others
            if other != series
            and frame not in self._agreements[frozenset((series, other))]
            and self._look_up(other, frame) is not None
        )
        if frame not in known.frames or missing:
            self._waiting[series, frame] = missing
            self._start()

    def forget(self) -> None:
        """Drop all figures: the maps do not hold any more."""
        self._known.clear()
        self._agreements.clear()
        self._waiting.clear()
        self._age += 1
        self.changed.emit()

    def measures(self, series: Series, first: int, last: int) -> MapMeasures:
        """V, tau, rho and mu over the frames made so far among first to last; tau over neighbouring frames."""
        known = self._known[series]
        frames = [value for frame, value in known.frames.items() if first <= frame <= last]
        pairs = [value for frame, value in known.pairs.items() if first <= frame < last]
        return summed_up(frames, pairs)

    def agreement(self, one: Series, other: Series, first: int, last: int) -> Agreement:
        """Over the frames among first to last on which both have maps that are not constant."""
        found = self._agreements[frozenset((one, other))]
        values = [value for frame, value in found.items() if first <= frame <= last and math.isfinite(value)]
        return Agreement(mean(values), len(values))

    def agreement_at(self, one: Series, other: Series, frame: int) -> float:
        """On one frame; nan where it is not known."""
        return self._agreements[frozenset((one, other))].get(frame, math.nan)

    def _start(self) -> None:
        if self._running or not self._waiting:
            return
        items = [item for at, others in self._waiting.items() if (item := self._item(*at, others)) is not None]
        self._waiting.clear()
        if not items:
            return
        self._running = True
        age = self._age
        task = self._background.start(lambda cancel, progress: _measured(items, cancel, progress))
        task.succeeded.connect(lambda found: self._on_found(age, found))
        for end in (task.failed, task.cancelled):
            end.connect(self._on_end)

    def _item(self, series: Series, frame: int, others: tuple[Series, ...]) -> _Item | None:
        made = self._look_up(series, frame)
        if made is None:
            return None
        partners = ((other, self._look_up(other, frame)) for other in others)
        return _Item(
            series,
            made,
            self._look_up(series, frame - 1),
            self._look_up(series, frame + 1),
            tuple((other, there) for other, there in partners if there is not None),
        )

    def _on_found(self, age: int, found: list[_Found]) -> None:
        if age == self._age:
            for item, measures, pairs, agreements in found:
                known = self._known[item.series]
                known.frames[item.made.frame] = measures
                known.pairs.update(pairs)
                for other, value in agreements.items():
                    self._agreements[frozenset((item.series, other))][item.made.frame] = value
            self.changed.emit()
        self._on_end()

    def _on_end(self, *_: object) -> None:
        self._running = False
        self._start()


def _measured(items: list[_Item], cancel: CancelToken, _progress: ProgressCallback) -> list[_Found]:
    """The part on the worker thread."""
    found = []
    for item in items:
        cancel.check()
        made, size = item.made, item.series.size
        shown = _shown(made, size)
        pairs = {}
        if item.before is not None:
            pairs[made.frame - 1] = correlation(_shown(item.before, size), shown)
        if item.after is not None:
            pairs[made.frame] = correlation(shown, _shown(item.after, size))
        agreements = {
            other: agreement(made.values, made.affine, there.values, there.affine) for other, there in item.others
        }
        found.append((item, frame_measures(shown), pairs, agreements))
    return found


def _shown(made: FrameExplanation, size: int) -> FloatArray:
    """The map as P002 measures it."""
    return enlarged(grey(made.values[None], signed=made.signed)[0], size)
