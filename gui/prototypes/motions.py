"""How the prototypes of a detector move, as pictures: read and drawn on a worker thread. GUI thread only."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QImage

from engine.detectors.cards import load_card
from engine.detectors.prototypes import read_motions
from engine.progress import CancelToken
from engine.rendering.flow_picture import flow_frames, full_length
from engine.results import DetectorInfo, FloatArray
from gui.bridge import Task
from gui.session import Session

SIZE = 128
"""Side of the pictures, pixels."""
SLOWER = 4
"""How many times slower than the video the motion is shown: it lasts a third of a second."""
BEAT_MS = 40 * SLOWER
"""Milliseconds for each picture, of a video with 25 frames a second."""

Drawn = tuple[FloatArray, tuple[float, ...], tuple[tuple[QImage, ...], ...]]


class Motions(QObject):
    """The motions of the chosen detector's prototypes, each drawn on a scale of its own: some hardly move.

    Attributes:
        flows: (m, F, 2, n, n) float32; None while they are not there.
        frames: a moving picture of each prototype, F images; empty while they are not there.
        full: the length of motion with the strongest colour of each, pixels of what the network sees.
        problem: why there are none, empty if nothing is wrong.

    Signals:
        changed: any of these.
    """

    changed = Signal()

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._of: tuple[str, str] = ("", "")
        self._task: Task | None = None
        self.flows: FloatArray | None = None
        self.frames: tuple[tuple[QImage, ...], ...] = ()
        self.full: tuple[float, ...] = ()
        self.problem = ""

    def load(self) -> None:
        """Read those of the chosen detector, unless they are there or on their way."""
        detector = self._session.detector
        of = (
            (detector.folder, detector.weights_sha256)
            if detector is not None and detector.prototypes
            else ("", "")
        )
        if of == self._of:
            return
        self._of, self._task = of, None
        self.flows, self.full, self.frames, self.problem = None, (), (), ""
        if detector is not None and detector.prototypes:
            self._task = task = self._session.background.start(
                lambda cancel, _: drawn(detector, cancel), slow=True
            )
            task.succeeded.connect(lambda made: self._on_drawn(task, *made))
            task.failed.connect(lambda error: self._on_failed(task, error))
        self.changed.emit()

    def close(self) -> None:
        """Stop what is on its way."""
        if self._task is not None:
            self._task.cancel()
            self._task, self._of = None, ("", "")  # the next time it is read anew

    def strength(self, index: int) -> str:
        """How far the strongest motion of a prototype goes: "up to 0.8 px a frame"; empty while not known."""
        return f"up to {self.full[index]:.2g} px a frame" if index < len(self.full) else ""

    def _on_drawn(
        self, task: Task, flows: FloatArray, full: tuple[float, ...], frames: tuple[tuple[QImage, ...], ...]
    ) -> None:
        if task is self._task:
            self._task = None
            self.flows, self.full, self.frames = flows, full, frames
            self.changed.emit()

    def _on_failed(self, task: Task, error: Exception) -> None:
        if task is self._task:
            self._task, self.problem = None, str(error)
            self.changed.emit()


def drawn(detector: DetectorInfo, cancel: CancelToken, size: int = SIZE) -> Drawn:
    """The flows of all prototypes, their lengths with the strongest colour, and pictures. Worker threads only.

    Raises:
        WeightsError: the file is missing, or is not that of the card.
        CancelledError: cancelled.
    """
    folder = Path(detector.folder)
    flows = read_motions(folder, load_card(folder))
    full = tuple(full_length(flow) for flow in flows)
    frames = []
    for flow, longest in zip(flows, full, strict=True):
        cancel.check()
        frames.append(tuple(_image(picture) for picture in flow_frames(flow, size, longest)))
    return flows, full, tuple(frames)


def _image(pixels: np.ndarray) -> QImage:
    height, width = pixels.shape[:2]
    image = QImage(np.ascontiguousarray(pixels).data, width, height, 3 * width, QImage.Format.Format_RGB888)
    return image.copy()
