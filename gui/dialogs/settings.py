"""The user's choices that outlive the day. Every change takes effect at once. GUI thread only."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDoubleSpinBox,
    QFormLayout,
    QLabel,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from engine import paths
from gui import keymap
from gui.panels.parts import breakable, heading, muted, row
from gui.session import Session

MIB = 1 << 20
DEVICES = (("auto", "Choose by itself"), ("cpu", "Processor (CPU)"), ("cuda", "Graphics card (CUDA)"))


ENGINES = (("torch", "PyTorch"), ("onnxruntime", "ONNX Runtime (processor only)"))


class SettingsDialog(QDialog):
    """Memory, device, analysis, start-up, and where things are kept."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        chosen = session.settings.preferences
        self.setWindowTitle("Settings")
        self.setMinimumWidth(480)
        self.cache = QSpinBox()
        self.cache.setRange(128, 65536)
        self.cache.setSingleStep(128)
        self.cache.setSuffix(" MiB")
        self.cache.setGroupSeparatorShown(True)
        self.cache.setValue(chosen.cache_bytes // MIB)
        self._name(self.cache, "Memory for frames", "Frames kept for scrubbing; used from the next video on")
        self.device = QComboBox()
        for value, text in DEVICES:
            self.device.addItem(text, value)
        self.device.setCurrentIndex(max(0, self.device.findData(chosen.device)))
        self._name(self.device, "Device", "Where the next analysis runs")
        self.engine = QComboBox()
        for value, text in ENGINES:
            self.engine.addItem(text, value)
        self.engine.setCurrentIndex(max(0, self.engine.findData(chosen.engine)))
        self._name(
            self.engine,
            "Engine",
            "What computes the scores of the next analysis. ONNX Runtime is quicker on the processor and has to "
            "agree with PyTorch within 0.001 of a logit; the results of the two are kept apart",
        )
        self.threshold = QDoubleSpinBox()
        self.threshold.setRange(0.0, 1.0)
        self.threshold.setDecimals(2)
        self.threshold.setSingleStep(0.05)
        self.threshold.setValue(chosen.threshold)
        self._name(self.threshold, "Threshold", "From this fake probability on, a frame counts as suspicious")
        self.every = QSpinBox()
        self.every.setRange(1, 1000)
        self.every.setPrefix("every ")
        self.every.setValue(chosen.every)
        self._name(self.every, "Frames to score", "1 scores each frame; 5 each fifth, five times as fast")
        self.analyse = QCheckBox("Analyse it")
        self.analyse.setChecked(chosen.analyse_on_open)
        self.analyse.setToolTip("Begin to analyse a video as soon as it is open")
        self.play = QCheckBox("Play it")
        self.play.setChecked(chosen.play_on_open)
        self.play.setToolTip("Begin to play a video as soon as it is open")
        for box in (self.cache, self.threshold, self.every):
            box.setKeyboardTracking(False)
        self._lay_out()
        self._connect()

    def _name(self, widget: QWidget, name: str, tip: str) -> None:
        widget.setAccessibleName(name)
        widget.setToolTip(tip)

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 14)
        layout.setSpacing(10)
        for title, rows in (
            (
                "Analysis",
                (
                    ("Device", self.device),
                    ("Engine", self.engine),
                    ("Frame", self.every),
                    ("Threshold", self.threshold),
                ),
            ),
            ("When a video is opened", (("", self.analyse), ("", self.play))),
            ("Player", (("Memory for frames", self.cache),)),
        ):
            layout.addWidget(heading(title))
            layout.addLayout(_form(*rows))
        layout.addWidget(heading("Where things are kept"))
        case = self._session.case_path
        layout.addLayout(
            _form(
                ("Case", _path(str(case) if case else "Not kept: the case file cannot be used")),
                ("Own weights", _path(str(paths.weights_dirs()[0]))),
                ("Own keys", _path(str(keymap.user_file()))),
            )
        )
        layout.addSpacing(6)
        close = QPushButton("Close")
        close.setDefault(True)
        close.setToolTip("Close; every change has been kept")
        close.clicked.connect(self.accept)
        layout.addLayout(row(QWidget(), close, stretch=0))

    def _connect(self) -> None:
        session = self._session
        self.cache.valueChanged.connect(lambda value: session.settings.change(cache_bytes=value * MIB))
        self.device.activated.connect(lambda at: session.set_device(self.device.itemData(at)))
        self.engine.activated.connect(lambda at: session.set_engine(self.engine.itemData(at)))
        self.threshold.valueChanged.connect(session.set_threshold)
        self.every.valueChanged.connect(session.set_every)
        self.analyse.toggled.connect(lambda on: session.settings.change(analyse_on_open=on))
        self.play.toggled.connect(lambda on: session.settings.change(play_on_open=on))


def _form(*rows: tuple[str, QWidget]) -> QFormLayout:
    form = QFormLayout()
    form.setContentsMargins(0, 0, 0, 6)
    form.setHorizontalSpacing(14)
    form.setVerticalSpacing(6)
    for name, widget in rows:
        label = muted(name, wrap=False)
        label.setFixedWidth(130)
        form.addRow(label, widget)
    return form


def _path(text: str) -> QWidget:
    label = QLabel(breakable(text))
    label.setWordWrap(True)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label
