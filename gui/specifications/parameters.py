"""The parameters of a specification as fields with their range and meaning. GUI thread only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QLocale, QSize, Signal
from PySide6.QtWidgets import QDoubleSpinBox, QFormLayout, QToolButton, QWidget

from gui import theme
from gui.panels.parts import muted, row

if TYPE_CHECKING:
    from engine.temporal_logic.specification import ParameterSpec

ANY = 1e9
"""A parameter without a range is held within plus and minus this."""
DECIMALS = 6


class NumberField(QDoubleSpinBox):
    """A number written with no more digits than it needs, with a point whatever the language of the system."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setLocale(QLocale.c())
        self.setDecimals(DECIMALS)
        self.setStepType(QDoubleSpinBox.StepType.AdaptiveDecimalStepType)
        self.setKeyboardTracking(False)
        self.setFont(theme.numbers_font(self))

    def textFromValue(self, value: float) -> str:
        return f"{value:.10g}"

    def minimumSizeHint(self) -> QSize:
        return QSize(84, super().minimumSizeHint().height())

    def sizeHint(self) -> QSize:
        return QSize(110, super().sizeHint().height())


class ParameterForm(QWidget):
    """A field per parameter, and beside it a button that brings its default back.

    Signals:
        changed: name and value; None for the default.
    """

    changed = Signal(str, object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._form = QFormLayout(self)
        self._form.setContentsMargins(0, 0, 0, 0)
        self._form.setVerticalSpacing(4)
        self._made: tuple[ParameterSpec, ...] = ()
        self.fields: dict[str, NumberField] = {}
        self.resets: dict[str, QToolButton] = {}

    def show_parameters(self, parameters: Sequence[ParameterSpec], values: Mapping[str, float]) -> None:
        if tuple(parameters) != self._made:
            self._make(tuple(parameters))
        for parameter in parameters:
            field = self.fields[parameter.name]
            field.blockSignals(True)
            field.setValue(values[parameter.name])
            field.blockSignals(False)
            self.resets[parameter.name].setEnabled(values[parameter.name] != parameter.default)
        self.setVisible(bool(parameters))

    def _make(self, parameters: tuple[ParameterSpec, ...]) -> None:
        while self._form.rowCount():
            self._form.removeRow(0)
        self._made, self.fields, self.resets = parameters, {}, {}
        for parameter in parameters:
            self._add(parameter)

    def _add(self, parameter: ParameterSpec) -> None:
        low, high = parameter.low, parameter.high
        field, reset = NumberField(), QToolButton()
        field.setRange(-ANY if low is None else low, ANY if high is None else high)
        span = "" if low is None or high is None else f", from {low:g} to {high:g}"
        tip = f"{parameter.text}{span}; the default is {parameter.default:g}"
        field.setToolTip(tip)
        field.setAccessibleName(parameter.name)
        field.setAccessibleDescription(tip)
        reset.setText("↺")
        reset.setToolTip(f"Set {parameter.name} to its default, {parameter.default:g}")
        reset.setAccessibleName(reset.toolTip())
        theme.set_role(reset, "flat")
        name = parameter.name
        field.valueChanged.connect(lambda value: self.changed.emit(name, value))
        reset.clicked.connect(lambda: self.changed.emit(name, None))
        label = muted(name, wrap=False)
        label.setToolTip(tip)
        label.setBuddy(field)
        self.fields[name], self.resets[name] = field, reset
        self._form.addRow(label, row(field, reset, stretch=0))
