"""Every control of the panels, the dialogs and the timeline can be heard, explained and reached by key."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QLineEdit,
    QScrollBar,
    QWidget,
)

from gui.commands import Command
from gui.dialogs.export import ExportDialog
from gui.dialogs.keys import KeysDialog
from gui.dialogs.settings import SettingsDialog
from gui.intervals import Intervals
from gui.keymap import load
from gui.panels.case import CasePanel
from gui.panels.explanation import ExplanationPanel
from gui.panels.integrity import IntegrityPanel
from gui.panels.moments import MomentsPanel
from gui.panels.weights import WeightsPanel
from gui.specifications.checking import Checking
from gui.specifications.panel import SpecificationsPanel
from gui.timeline.timeline import TimelinePanel


def make_specifications(session):
    """The tab with something chosen, so that all of it is there."""
    checking = Checking(session, session)
    checking.choose("shipped/sustained")
    panel = SpecificationsPanel(session, checking)
    panel.show()
    return panel


def make_moments(session):
    """The tab with the rule opened."""
    intervals = Intervals(session)
    panel = MomentsPanel(session, intervals)
    intervals.setParent(panel)
    panel.intervals.change.click()
    panel.show()
    return panel


COMMANDS = (Command("play", "Play", "Play", "Play or pause", lambda: None),)
VIEWS = {
    "case": CasePanel,
    "explanation": ExplanationPanel,
    "integrity": IntegrityPanel,
    "weights": WeightsPanel,
    "specifications": make_specifications,
    "moments": make_moments,
    "timeline": TimelinePanel,
    "export": ExportDialog,
    "settings": SettingsDialog,
    "keys": lambda _session: KeysDialog(COMMANDS, load(["play"])),
}


def controls(view: QWidget) -> list[QWidget]:
    """Those that belong to us: not the inner parts of Qt's own controls."""
    kinds = (QAbstractButton, QAbstractSlider, QAbstractSpinBox, QComboBox, QLineEdit)
    found = [w for kind in kinds for w in view.findChildren(kind)]
    inner = [w for w in found if isinstance(w, QScrollBar) or isinstance(w.parent(), QLineEdit | QAbstractSpinBox)]
    return [w for w in found if w not in inner and not w.objectName().startswith("qt_")]


@pytest.mark.parametrize("name", VIEWS)
def test_every_control_has_a_name_a_tooltip_and_takes_the_focus(name, make_scene, qtbot):
    scene = make_scene(500)
    scene.list_detectors()
    scene.open(qtbot)
    view = VIEWS[name](scene.session)
    qtbot.addWidget(view)
    scene.finish(scene.analyse(), *scene.two_people())
    scene.session.go_to(355)
    qtbot.waitUntil(lambda: scene.session.shown_exact)
    checked = controls(view)
    assert checked
    for control in checked:
        spoken = control.accessibleName() or (control.text() if isinstance(control, QAbstractButton) else "")
        where = f"{name}: {type(control).__name__} {control.objectName()} “{spoken}”"
        assert len(spoken) > 1, where
        assert control.toolTip(), where
        assert control.focusPolicy() & Qt.FocusPolicy.TabFocus, where
