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

SIZE = 160
"""Side of the pictures, pixels."""
SLOWER = 4
"""How many times slower than the video the motion is shown: it lasts a third of a second."""
BEAT_MS = 40 * SLOWER
"""Milliseconds for each picture, of a video with 25 frames a second."""


class Motions(QObject):
    """The motions of the chosen detector's prototypes, all drawn on one scale so that they can be compared.

    Attributes:
        flows: (m, F, 2, n, n) float32; None while they are not there.
        frames: a moving picture of each prototype, F images; empty while they are not there.
        full: the length of motion with the strongest colour, pixels of what the network sees.
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
        self.full, self.problem = 0.0, ""

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
        self.flows, self.frames, self.problem = None, (), ""
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
            self._task = None

    def _on_drawn(
        self, task: Task, flows: FloatArray, full: float, frames: tuple[tuple[QImage, ...], ...]
    ) -> None:
        if task is self._task:
            self._task = None
            self.flows, self.full, self.frames = flows, full, frames
            self.changed.emit()

    def _on_failed(self, task: Task, error: Exception) -> None:
        if task is self._task:
            self._task, self.problem = None, str(error)
            self.changed.emit()


def drawn(
    detector: DetectorInfo, cancel: CancelToken, size: int = SIZE
) -> tuple[FloatArray, float, tuple[tuple[QImage, ...], ...]]:
    """The flows of all prototypes, the length with the strongest colour, and their pictures. Worker threads only.

    Raises:
        WeightsError: the file is missing, or is not that of the card.
        CancelledError: cancelled.
    """
    folder = Path(detector.folder)
    flows = read_motions(folder, load_card(folder))
    full = full_length(*flows)
    frames = []
    for flow in flows:
        cancel.check()
        frames.append(tuple(_image(picture) for picture in flow_frames(flow, size, full)))
    return flows, full, tuple(frames)


def _image(pixels: np.ndarray) -> QImage:
    height, width = pixels.shape[:2]
    image = QImage(np.ascontiguousarray(pixels).data, width, height, 3 * width, QImage.Format.Format_RGB888)
    return image.copy()
