"""The pop-up with what changes the picture for the eye alone. GUI thread only."""

from dataclasses import replace

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QFormLayout, QFrame, QLabel, QPushButton, QSlider, QVBoxLayout, QWidget

from gui import theme
from gui.player.display import Display, Field


class AdjustPopup(QFrame):
    """Brightness, levels, gamma and field.

    Signals:
        changed: a Display.
    """

    changed = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setObjectName("notice")
        self.setAccessibleName("Display adjustments")
        self._display = Display()
        title = QLabel("For the eye only")
        theme.set_role(title, "heading")
        hint = QLabel("Analysis and export use the decoded pixels.")
        theme.set_role(hint, "muted")
        self._brightness = self._slider("Brightness", -100, 100)
        self._black = self._slider("Black level", 0, 254)
        self._white = self._slider("White level", 1, 255)
        self._gamma = self._slider("Gamma", 20, 400)
        self._field = QComboBox()
        self._field.addItems([field.value for field in Field])
        self._field.setAccessibleName("Field of interlaced video")
        self._field.setToolTip("An interlaced frame holds two moments; a field shows one of them")
        self._field.currentIndexChanged.connect(self._on_field)
        reset = QPushButton("Reset")
        reset.setToolTip("Show the decoded pixels again")
        reset.setAccessibleName("Reset display adjustments")
        reset.clicked.connect(lambda: self._change(Display()))
        form = QFormLayout()
        form.setSpacing(7)
        for name, widget in (
            ("Brightness", self._brightness),
            ("Black", self._black),
            ("White", self._white),
            ("Gamma", self._gamma),
            ("Interlaced", self._field),
        ):
            form.addRow(name, widget)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(14, 12, 14, 12)
        layout.addWidget(title)
        layout.addWidget(hint)
        layout.addLayout(form)
        layout.addWidget(reset, 0, Qt.AlignmentFlag.AlignRight)
        self._show()

    @property
    def display(self) -> Display:
        return self._display

    def _slider(self, name: str, low: int, high: int) -> QSlider:
        slider = QSlider(Qt.Orientation.Horizontal)
        slider.setRange(low, high)
        slider.setMinimumWidth(170)
        slider.setAccessibleName(name)
        slider.setToolTip(f"{name} of what is shown; arrow keys change it")
        slider.valueChanged.connect(self._on_slider)
        return slider

    def _on_slider(self) -> None:
        black = min(self._black.value(), 254)
        self._change(
            replace(
                self._display,
                brightness=self._brightness.value() / 100,
                black=black,
                white=max(self._white.value(), black + 1),
                gamma=self._gamma.value() / 100,
            )
        )

    def _on_field(self, row: int) -> None:
        self._change(replace(self._display, field=list(Field)[row]))

    def _change(self, display: Display) -> None:
        if display != self._display:
            self._display = display
            self._show()
            self.changed.emit(display)

    def _show(self) -> None:
        shown = self._display
        for widget, value in (
            (self._brightness, round(shown.brightness * 100)),
            (self._black, shown.black),
            (self._white, shown.white),
            (self._gamma, round(shown.gamma * 100)),
        ):
            widget.blockSignals(True)
            widget.setValue(value)
            widget.blockSignals(False)
        self._field.blockSignals(True)
        self._field.setCurrentIndex(list(Field).index(shown.field))
        self._field.blockSignals(False)
