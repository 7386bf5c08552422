"""The cards of all detectors: their training, what was measured, what they cannot do. GUI thread only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import QSize, Qt, QTimer
from PySide6.QtGui import QGuiApplication, QShowEvent
from PySide6.QtWidgets import QFileDialog, QFrame, QGridLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from engine.detectors.calibration import calibration_of
from engine.results import DetectorInfo
from engine.runtime.protocol import DescribeModelRequest, Event, Failed, ModelDescribed
from gui import theme
from gui.dialogs.foreign_model import ForeignModelDialog
from gui.panels.calibration import CalibrationView
from gui.panels.parts import Elided, FactsGrid, Scrolling, clear_layout, column, heading, muted, row
from gui.session import Session


def words(value: object) -> str:
    """A value of a card as one reads it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {words(inner)}" for name, inner in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "; ".join(words(inner) for inner in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def split_table(table: object) -> tuple[list[tuple[str, str]], list[tuple[str, list[str]]]]:
    """A table of a card as (name, value) for what is short, and (name, points) for what is a list of texts."""
    facts: list[tuple[str, str]] = []
    lists: list[tuple[str, list[str]]] = []
    for name, value in table.items() if isinstance(table, Mapping) else ():
        title = str(name).replace("_", " ").capitalize()
        if isinstance(value, Sequence) and not isinstance(value, str) and len(value) > 1:
            lists.append((title, [words(point) for point in value]))
        else:
            facts.append((title, words(value)))
    return facts, lists


def measure_row(measure: Mapping[str, Any]) -> tuple[str, str, str]:
    """What was measured, the figure with its 95 % interval, and on what."""
    interval = f"{measure['low']:.3f} to {measure['high']:.3f}"
    on = f"{measure['protocol']}, {measure['data']}: {measure['n_real']} real, {measure['n_fake']} fake"
    return str(measure["metric"]), f"{measure['value']:.3f}  ({interval})", on


class MeasuresTable(QWidget):
    """One line per figure: name, value with interval, and below it on what it was measured."""

    def __init__(self, measures: Sequence[Mapping[str, Any]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(2)
        grid.setColumnStretch(1, 1)
        for number, measure in enumerate(measures):
            name, value, on = measure_row(measure)
            figure = QLabel(value)
            figure.setFont(theme.numbers_font(self))
            figure.setAccessibleName(f"{name} {value}, {on}")
            figure.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            grid.addWidget(QLabel(name), 2 * number, 0)
            grid.addWidget(figure, 2 * number, 1)
            grid.addWidget(muted(on), 2 * number + 1, 0, 1, 2)


class CardView(QFrame):
    """One detector."""

    def __init__(self, info: DetectorInfo, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("notice")
        self.setAccessibleName(f"Detector {info.id}")
        layout = column(self)
        badge = QLabel("✓ trained" if info.trained else "✕ not trained")
        theme.set_role(badge, "badge", "good" if info.trained else "warning")
        name = Elided(info.name)
        theme.set_role(name, "heading")
        layout.addLayout(row(name, badge, stretch=0))
        layout.addWidget(muted(f"{info.id} · {info.paper}"))
        if not info.trained:
            layout.addWidget(_plain(f"It is never used to score: {info.problem}."))
            return
        self._add_card(layout, info)

    def _add_card(self, layout: QVBoxLayout, info: DetectorInfo) -> None:
        card = info.card
        if card.get("trustworthy"):
            layout.addWidget(_plain("✓ Takes part in the verdict.", "good"))
        else:
            layout.addWidget(_plain("! Not trusted for a verdict. Read its scores as hints.", "warning"))
        if card.get("trust_reason"):
            layout.addWidget(muted(_sentence(str(card["trust_reason"]))))
        limits, training = card.get("limits"), card.get("training")
        self._add_limits(layout, limits)
        measures = card.get("measures", ())
        if isinstance(measures, Sequence) and measures:
            layout.addWidget(heading("Measured, with 95 % intervals"))
            layout.addWidget(MeasuresTable(measures))
        layout.addWidget(heading("Calibration"))
        calibration = calibration_of(card)
        if calibration is None:
            layout.addWidget(muted("Never calibrated: its scores give no likelihood ratio."))
        else:
            layout.addWidget(CalibrationView(calibration, Path(info.folder)))
        facts, lists = split_table(training)
        grid = FactsGrid()
        grid.set_rows(
            [
                ("Weights", "Made", str(card.get("date", ""))),
                ("Weights", "Network", f"{card.get('architecture', '')}, {card.get('size', '')} px"),
                ("Weights", "Folder", info.folder),
                *(("Training", name, value) for name, value in facts),
            ]
        )
        layout.addWidget(grid)
        for name, points in lists:
            _add_points(layout, f"Training: {name.lower()}", points)
        digest = Elided(f"SHA-256 {info.weights_sha256}")
        theme.set_role(digest, "muted")
        copy = QPushButton("Copy")
        copy.setToolTip(f"Copy the SHA-256 of the weights of {info.id}")
        copy.setAccessibleName(f"Copy the SHA-256 of {info.id}")
        copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(info.weights_sha256))
        layout.addLayout(row(digest, copy, stretch=0))

    def _add_limits(self, layout: QVBoxLayout, limits: object) -> None:
        facts, lists = split_table(limits)
        for name, value in facts:
            if name == "Not for":
                layout.addWidget(_plain(f"Must not be used for: {value}.", "warning"))
            else:
                _add_points(layout, "Limits" if name == "Text" else name, [value])
        for name, points in lists:
            _add_points(layout, "Limits" if name == "Text" else name, points)


def _add_points(layout: QVBoxLayout, title: str, points: Sequence[str]) -> None:
    """A heading and one paragraph per point."""
    layout.addWidget(heading(title))
    layout.addWidget(muted("\n".join(f"•  {point}" for point in points)))


class WeightsPanel(QWidget):
    """All cards, the chosen detector's first, and the way to bring one's own weights.

    Cards are long: they are made when somebody looks, one at each turn of the event loop.
    """

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("panel")
        self.setAccessibleName("Weights")
        self._session = session
        inside = QWidget()
        layout = column(inside)
        self.bring = QPushButton("Import weights…")
        self.bring.setToolTip(
            "Choose a folder with model.safetensors and card.toml; it is checked before it is copied"
        )
        self.bring.clicked.connect(self._import)
        self.foreign = QPushButton("Import ONNX model…")
        self.foreign.setToolTip("Choose a frame model made elsewhere; you are asked how it is fed and read")
        self.foreign.clicked.connect(self._import_model)
        layout.addLayout(row(self.bring, self.foreign))
        self._cards = QVBoxLayout()
        self._cards.setSpacing(10)
        layout.addLayout(self._cards)
        layout.addStretch(1)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(Scrolling(inside))
        self._shown: tuple[DetectorInfo, ...] | None = None
        self._waiting: list[DetectorInfo] = []
        self._turn = QTimer(self, interval=0)
        self._turn.timeout.connect(self._add_next)
        session.detectors_changed.connect(self.refresh)
        session.choice_changed.connect(self.refresh)

    def sizeHint(self) -> QSize:
        return QSize(340, 560)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.refresh()

    def refresh(self) -> None:
        """Make the cards anew if they are others now and somebody looks."""
        if not self.isVisible():
            return
        chosen = self._session.detector_id
        cards = tuple(sorted(self._session.detectors, key=lambda info: info.id != chosen))
        if cards == self._shown:
            return
        self._shown = cards
        clear_layout(self._cards)
        self._waiting = list(cards)
        if cards:
            self._turn.start()
        else:
            self._cards.addWidget(muted("The detectors are being listed."))

    def _add_next(self) -> None:
        if self._waiting:
            self._cards.addWidget(CardView(self._waiting.pop(0)))
        else:
            self._turn.stop()

    def _import(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Folder with model.safetensors and card.toml")
        if folder:
            self._session.import_weights(Path(folder))

    def _import_model(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "ONNX model", filter="ONNX models (*.onnx)")
        if path:
            self._session.ask(DescribeModelRequest(Path(path)), self._on_described)

    def _on_described(self, event: Event) -> None:
        if isinstance(event, Failed):
            self._session.notify("error", str(event.error))
        elif isinstance(event, ModelDescribed):
            path = event.description.path
            dialog = ForeignModelDialog(event.description, event.settings, self)
            dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            dialog.chosen.connect(lambda settings: self._session.import_model(path, settings))
            dialog.open()


def _sentence(text: str) -> str:
    """With exactly one full stop."""
    return f"{text.rstrip('.')}."


def _plain(text: str, level: str = "") -> QLabel:
    label = QLabel(_sentence(text))
    label.setWordWrap(True)
    theme.set_role(label, "", level)
    return label
