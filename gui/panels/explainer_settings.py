"""What can be set of the chosen explainer, as controls made from the engine's description. GUI thread only."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QEvent, QObject, QSignalBlocker
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QLabel,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from engine.results import SettingInfo
from gui import theme
from gui.commands import explainer_name
from gui.panels.parts import heading, row
from gui.session import Session

DECIMALS = 3
Change = Callable[[object], None]


class ExplainerSettingsView(QWidget):
    """A control for each setting; what is changed holds at once. Hidden where there is nothing to set."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._infos: tuple[SettingInfo, ...] = ()
        self.controls: dict[str, QWidget] = {}
        self.title = heading("Settings")
        self.defaults = QPushButton("Defaults")
        self.defaults.setToolTip("Let this explainer be as it is by default: that is how it was measured")
        self.defaults.clicked.connect(session.reset_explainer_settings)
        theme.set_role(self.defaults, "link")
        self._form = QWidget()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(row(self.title, QWidget(), self.defaults, stretch=1))
        layout.addWidget(self._form)
        session.choice_changed.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show what can be set, and how it is set."""
        session = self._session
        infos = session.setting_infos
        if infos != self._infos:
            self._infos = infos
            self._make()
        chosen = dict(session.explainer_settings)
        for info in infos:
            _show(self.controls[info.name], chosen.get(info.name, info.default))
        self.title.setText(f"Settings of {explainer_name(session.explainer_id)}")
        self.defaults.setEnabled(bool(chosen))
        self.setVisible(bool(infos))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """The wheel scrolls the panel over a control that does not have the focus."""
        if event.type() == QEvent.Type.Wheel and isinstance(watched, QWidget) and not watched.hasFocus():
            event.ignore()
            return True
        return super().eventFilter(watched, event)

    def _make(self) -> None:
        old, self._form = self._form, QWidget()
        form = QFormLayout(self._form)
        form.setContentsMargins(0, 0, 0, 0)
        form.setVerticalSpacing(4)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self.controls = {}
        for info in self._infos:
            tip = f"{info.meaning[:1].upper()}{info.meaning[1:]}"
            control = _control(info, partial(self._session.set_explainer_setting, info.name))
            control.setAccessibleName(info.name)
            control.setAccessibleDescription(info.meaning)
            control.setToolTip(f"<p>{tip}</p><p>{_default_text(info)}</p>")
            control.installEventFilter(self)
            self.controls[info.name] = control
            label = QLabel(info.name.capitalize())
            label.setToolTip(control.toolTip())
            label.setBuddy(control)
            form.addRow(label, control)
        self.layout().replaceWidget(old, self._form)  # type: ignore[union-attr]
        old.hide()
        old.deleteLater()


def _default_text(info: SettingInfo) -> str:
    default = info.default
    if isinstance(default, bool):
        default = "on" if default else "off"
    limits = f"; {info.allowed}" if info.kind in ("whole", "real") else ""
    return f"Default: {default}{limits}"


def _control(info: SettingInfo, change: Change) -> QWidget:
    """The control of one setting; `change` is told what the user does, and nothing else."""
    match info.kind:
        case "switch":
            box = QCheckBox()
            box.toggled.connect(change)
            return box
        case "choice":
            combo = QComboBox()
            combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            combo.setMinimumContentsLength(8)
            for option in info.options:
                combo.addItem(f"{option} (default)" if option == info.default else option, option)
            combo.activated.connect(lambda at: change(combo.itemData(at)))
            return combo
        case "whole":
            whole = QSpinBox()
            whole.setRange(int(info.low), int(info.high))
            whole.valueChanged.connect(change)
            return _spin(whole)
        case "real":
            real = QDoubleSpinBox()
            real.setDecimals(DECIMALS)
            real.setRange(info.low, info.high)
            real.setStepType(QAbstractSpinBox.StepType.AdaptiveDecimalStepType)
            real.valueChanged.connect(change)
            return _spin(real)


def _spin(box: QSpinBox | QDoubleSpinBox) -> QWidget:
    box.setKeyboardTracking(False)  # not a new mask for every digit
    if isinstance(box, QSpinBox):
        box.setStepType(QAbstractSpinBox.StepType.AdaptiveDecimalStepType)
    box.setMinimumWidth(80)
    return box


def _show(control: QWidget, value: object) -> None:
    with QSignalBlocker(control):
        match control:
            case QCheckBox():
                control.setChecked(bool(value))
            case QComboBox():
                control.setCurrentIndex(control.findData(value))
            case QSpinBox() | QDoubleSpinBox():
                control.setValue(value)  # type: ignore[arg-type]
