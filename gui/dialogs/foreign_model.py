"""Asks how a foreign ONNX model is fed and read: what its file cannot say. GUI thread only."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QDoubleSpinBox,
    QFormLayout,
    QLineEdit,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from engine.detectors.foreign.description import Description
from engine.detectors.foreign.settings import COLOURS, LARGEST, LAYOUTS, MEANINGS, ModelSettings, parse_settings
from gui.panels.parts import muted

_NOTHING = "choose …"
_CLASSES = ("real, fake", "fake, real")
_MEANINGS = dict(
    zip(
        MEANINGS,
        (
            "one logit",
            "one probability (after a sigmoid)",
            "two logits",
            "two probabilities (after a softmax)",
        ),
        strict=True,
    )
)


class ForeignModelDialog(QDialog):
    """One form; what nobody but the user knows has to be chosen before it can be accepted.

    Signals:
        chosen: the ModelSettings, when the user accepts.
    """

    chosen = Signal(object)

    def __init__(
        self, description: Description, known: ModelSettings | None = None, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Import ONNX model")
        shape = ", ".join("any" if n is None else str(n) for n in description.input.shape or ())
        note = muted(
            f"{description.path.name}: input ({shape}), opset {description.opset}. Its file does not say how it "
            "was trained: ask its maker, for wrong answers here give scores without any meaning."
        )
        self.layout_ = _choice("Layout", LAYOUTS, known.layout if known else description.layout)
        self.size_ = QSpinBox(
            minimum=7,
            maximum=LARGEST,
            value=(known and known.size) or description.size or 7,
        )
        self.size_.setEnabled(description.size is None)
        self.colour = _choice("Colours", COLOURS, known.colour if known else "")
        self.scale = QDoubleSpinBox(
            minimum=0.001, maximum=1e6, decimals=3, value=known.scale if known is not None else 255.0
        )
        self.mean = QLineEdit(_numbers(known.mean if known else ()))
        self.std = QLineEdit(_numbers(known.std if known else ()))
        self.mean.setPlaceholderText("such as 0.485, 0.456, 0.406")
        self.std.setPlaceholderText("such as 0.229, 0.224, 0.225")
        self.margin = QDoubleSpinBox(
            minimum=-0.05,
            maximum=2,
            singleStep=0.05,
            decimals=2,
            value=known.margin if known is not None else -0.05,
        )
        names = tuple(each.name for each in description.outputs)
        self.output = _choice("Output", names, known.output if known else names[0] if len(names) == 1 else "")
        self.meaning = _choice("Meaning", MEANINGS, known.meaning if known else "", _MEANINGS)
        self.classes = _choice("Classes", _CLASSES, ", ".join(known.classes) if known else "")
        form = QFormLayout()
        for label, field in (
            ("Layout", self.layout_),
            ("Side of the crop (px)", self.size_),
            ("Order of the colours", self.colour),
            ("Scale: (pixel / scale - mean) / std", self.scale),
            ("Mean, in the order of the colours", self.mean),
            ("Std, in the order of the colours", self.std),
            ("Margin around the face's box", self.margin),
            ("Output that is read", self.output),
            ("What it gives", self.meaning),
            ("Order of two outputs; low and high of one", self.classes),
        ):
            form.addRow(label, field)
            field.setAccessibleName(label)
        self.problem = muted()
        self.buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel
        )
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(note)
        layout.addLayout(form)
        layout.addWidget(self.problem)
        layout.addWidget(self.buttons)
        for box in (self.layout_, self.colour, self.output, self.meaning, self.classes):
            box.currentIndexChanged.connect(self._check)
        for line in (self.mean, self.std):
            line.textChanged.connect(self._check)
        for spin in (self.size_, self.margin):
            spin.setSpecialValueText(_NOTHING)
            spin.valueChanged.connect(self._check)
        self._check()

    def settings(self) -> ModelSettings:
        """What is chosen.

        Raises:
            KeyError, TypeError, ValueError: something is not, or makes no sense.
        """
        return parse_settings(
            {
                "input": {
                    "layout": self.layout_.currentData(),
                    "size": self.size_.value(),
                    "colour": self.colour.currentData(),
                    "scale": self.scale.value(),
                    "mean": [float(part) for part in self.mean.text().split(",")],
                    "std": [float(part) for part in self.std.text().split(",")],
                    "margin": self.margin.value(),
                },
                "output": {
                    "name": self.output.currentData(),
                    "meaning": self.meaning.currentData(),
                    "classes": str(self.classes.currentData()).split(", "),
                },
            }
        )

    def accept(self) -> None:
        self.chosen.emit(self.settings())
        super().accept()

    def _check(self) -> None:
        """Say what is missing, and let nothing incomplete through."""
        missing = [
            box.accessibleName()
            for box in (self.layout_, self.colour, self.output, self.meaning, self.classes)
            if not box.currentData()
        ]
        missing += [spin.accessibleName() for spin in (self.size_, self.margin) if spin.text() == _NOTHING]
        problem = f"Choose: {'; '.join(missing)}." if missing else ""
        if not missing:
            try:
                self.settings()
            except (KeyError, TypeError, ValueError):
                problem = "Mean and std must be three numbers each, with commas between them; std positive."
        self.problem.setText(problem)
        self.buttons.button(QDialogButtonBox.StandardButton.Ok).setEnabled(not problem)


def _choice(name: str, options: tuple[str, ...], chosen: str, titles: dict[str, str] | None = None) -> QComboBox:
    """A box that begins with nothing chosen unless it is known."""
    box = QComboBox()
    box.setAccessibleName(name)
    box.addItem(_NOTHING, "")
    for option in options:
        box.addItem((titles or {}).get(option, option), option)
    box.setCurrentIndex(max(0, box.findData(chosen)) if chosen else 0)
    return box


def _numbers(values: tuple[float, ...]) -> str:
    return ", ".join(f"{value:g}" for value in values)
