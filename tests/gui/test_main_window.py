"""The window as a whole: its keys, its menus, its pages, its messages, and that it ends without a trace."""

from collections.abc import Callable, Iterator
from pathlib import Path

import fakes
import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent, QGuiApplication, QImage
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QInputDialog,
    QLineEdit,
    QTabBar,
    QTabWidget,
    QWidget,
)
from pytestqt.qtbot import QtBot

from gui import theme
from gui.main_window import MainWindow
from gui.notices import SCOPE
from gui.session import Session
from gui.videos import AnalysisState

Window = Callable[[Session], MainWindow]


@pytest.fixture
def make_window(qtbot: QtBot, qapp: QApplication) -> Iterator[Window]:
    theme.apply(qapp)
    made: list[MainWindow] = []

    def make(session: Session) -> MainWindow:
        window = MainWindow(session)
        made.append(window)
        window.show()
        qtbot.waitExposed(window)
        return window

    yield make
    for window in made:
        window.close()
        window.deleteLater()


@pytest.fixture
def window(opened: Session, make_window: Window) -> MainWindow:
    """A window with one video open."""
    opened.settings.change(scope_seen=True)
    return make_window(opened)


def page(window: MainWindow) -> QWidget:
    return window.player._pages.currentWidget()


def press(qtbot: QtBot, window: MainWindow, key: Qt.Key, modifier: Qt.KeyboardModifier | None = None) -> None:
    focus = window.focusWidget() or window
    qtbot.keyClick(focus, key, modifier if modifier is not None else Qt.KeyboardModifier.NoModifier)


def test_an_empty_window_invites(session: Session, make_window: Window) -> None:
    window = make_window(session)
    assert page(window) is window.player.empty
    assert window.windowTitle() == "Tellframe"
    assert window.notices.texts == (SCOPE,)
    assert not window.actions_by_id["export"].isEnabled()


def test_the_scope_notice_is_dismissed_for_good(session: Session, make_window: Window, qtbot: QtBot) -> None:
    window = make_window(session)
    window.notices._rows[0].dismissed.emit()
    assert window.notices.texts == ()
    assert session.settings.preferences.scope_seen
    window.actions_by_id["scope"].trigger()
    assert window.notices.texts == (SCOPE,)


def test_keys_move_the_playhead(window: MainWindow, opened: Session, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: window.actions_by_id["step_forward"].isEnabled())
    shift, control = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier
    for key, modifier, frame in (
        (Qt.Key.Key_Right, None, 1), (Qt.Key.Key_Period, None, 2), (Qt.Key.Key_Right, shift, 12),
        (Qt.Key.Key_Left, None, 11), (Qt.Key.Key_Comma, None, 10), (Qt.Key.Key_End, None, 99),
        (Qt.Key.Key_Left, shift, 89), (Qt.Key.Key_Home, None, 0),
    ):  # fmt: skip
        press(qtbot, window, key, modifier)
        assert opened.frame == frame
    opened.start_analysis()
    qtbot.waitUntil(lambda: window.actions_by_id["peak_forward"].isEnabled())
    qtbot.waitUntil(lambda: opened.analysis.state is AnalysisState.DONE)
    press(qtbot, window, Qt.Key.Key_Right, control)
    assert opened.frame == 33
    press(qtbot, window, Qt.Key.Key_Right, control)
    assert opened.frame == 33
    assert any("No suspicious moment after" in text for text in window.notices.texts)


def test_the_range_the_masks_and_the_explainer_have_keys(
    window: MainWindow, opened: Session, qtbot: QtBot
) -> None:
    qtbot.waitUntil(lambda: window.actions_by_id["in_point"].isEnabled())
    opened.go_to(10)
    press(qtbot, window, Qt.Key.Key_I)
    opened.go_to(20)
    press(qtbot, window, Qt.Key.Key_O)
    assert opened.range == (10, 20)
    press(qtbot, window, Qt.Key.Key_V)
    assert not opened.masks_visible
    press(qtbot, window, Qt.Key.Key_2)
    assert (opened.explainer_id, opened.masks_visible) == ("attention", True)


def test_space_plays_but_presses_a_focused_button(window: MainWindow, opened: Session, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: window.actions_by_id["play"].isEnabled())
    window.setFocus()
    press(qtbot, window, Qt.Key.Key_Space)
    assert opened.playing
    press(qtbot, window, Qt.Key.Key_Space)
    assert not opened.playing
    button = next(b for b in window.player.findChildren(QAbstractButton) if b.accessibleName() == "One frame on")
    button.setFocus()
    before = opened.frame
    press(qtbot, window, Qt.Key.Key_Space)
    assert not opened.playing
    assert opened.frame == before + 1


def test_a_mark_with_a_note_can_be_undone_from_the_keys(
    window: MainWindow, opened: Session, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    qtbot.waitUntil(lambda: window.actions_by_id["mark"].isEnabled())
    monkeypatch.setattr(QInputDialog, "getText", lambda *_, **__: (" seam at the chin ", True))
    opened.go_to(7)
    press(qtbot, window, Qt.Key.Key_M)
    assert [(m.first, m.last, m.note) for m in opened.marks] == [(7, 7, "seam at the chin")]
    qtbot.waitUntil(lambda: window.actions_by_id["undo"].isEnabled())
    press(qtbot, window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert opened.marks == ()


def test_typing_a_frame_or_a_time_goes_there(window: MainWindow, opened: Session, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: window.actions_by_id["go_to"].isEnabled())
    press(qtbot, window, Qt.Key.Key_G, Qt.KeyboardModifier.ControlModifier)
    field = window.player.transport.frame_field
    assert field.hasFocus() or window.focusWidget() is field
    qtbot.keyClicks(field, "42")
    qtbot.keyClick(field, Qt.Key.Key_Return)
    assert opened.frame == 42
    field = window.player.transport.time_field
    field.setFocus()
    field.selectAll()
    qtbot.keyClicks(field, "0:02.39")
    qtbot.keyClick(field, Qt.Key.Key_Return)
    assert opened.frame == 59  # on the screen from 2.36 s to 2.40 s


def test_exact_is_said_only_when_the_picture_is_there(
    window: MainWindow, opened: Session, servers: list[fakes.FakeServer], qtbot: QtBot
) -> None:
    badge = window.player.transport._exact
    qtbot.waitUntil(lambda: badge.text() == "✓ exact")
    servers[-1].held = True
    opened.go_to(50)
    assert badge.text() == "≈ frame 0"
    servers[-1].answer(50)
    qtbot.waitUntil(lambda: badge.text() == "✓ exact")


def test_a_damaged_frame_is_told_in_the_place_of_the_picture(
    window: MainWindow, opened: Session, qtbot: QtBot
) -> None:
    opened.go_to(13)
    qtbot.waitUntil(lambda: window.player._card.isVisible())
    assert "frame 13" in window.player._card.accessibleName()
    assert window.player.transport._exact.text() == "✕ not available"
    opened.step(1)
    qtbot.waitUntil(lambda: not window.player._card.isVisible())


def test_a_bad_file_is_told_in_place_and_the_rest_goes_on(
    window: MainWindow, opened: Session, qtbot: QtBot
) -> None:
    opened.open([Path("/evidence/bad.mp4")])
    qtbot.waitUntil(lambda: page(window) is window.player.failed)
    assert "The file holds no video" in window.player.failed.card.accessibleName()
    opened.show_video(0)
    qtbot.waitUntil(lambda: page(window) is window.player.picture)
    opened.show_video(1)
    window.player.failed.remove_requested.emit()
    assert [v.name for v in opened.videos] == ["clip.mp4"]
    assert page(window) is window.player.picture


def test_dropped_files_are_opened(window: MainWindow, opened: Session, qtbot: QtBot) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile("/evidence/a.mp4"), QUrl.fromLocalFile("/evidence/b.mp4")])
    keys, buttons = Qt.KeyboardModifier.NoModifier, Qt.MouseButton.LeftButton
    window.dropEvent(QDropEvent(QPointF(5, 5), Qt.DropAction.CopyAction, data, buttons, keys))
    assert [v.name for v in opened.videos] == ["clip.mp4", "a.mp4", "b.mp4"]
    qtbot.waitUntil(lambda: opened.shown is not None)


def test_a_copied_frame_carries_where_it_comes_from(window: MainWindow, opened: Session, qtbot: QtBot) -> None:
    opened.go_to(21)
    qtbot.waitUntil(lambda: opened.shown_exact and window.actions_by_id["copy_frame"].isEnabled())
    window.actions_by_id["copy_frame"].trigger()
    data = QGuiApplication.clipboard().mimeData()
    for words in ("/evidence/clip.mp4", "cd" * 32, "Frame: 21", f"pts: {21 * 512}", "0:00:00.840"):
        assert words in data.text()
    image = QImage(data.imageData())
    assert (image.width(), image.height()) == (fakes.WIDTH, fakes.HEIGHT)
    assert image.pixelColor(30, 40).getRgb()[:3] == (21, 30, 40)


def test_the_cancel_button_says_cancelling_until_it_has(
    window: MainWindow, opened: Session, switches: fakes.Switches, qtbot: QtBot
) -> None:
    switches.delay = 0.2
    buttons = window.findChildren(QAbstractButton)
    cancel = next(b for b in buttons if b.accessibleName() == "Cancel the analysis")
    assert not cancel.isVisible()
    opened.start_analysis()
    qtbot.waitUntil(lambda: opened.analysis.state is AnalysisState.RUNNING)
    assert (cancel.isVisible(), cancel.text(), cancel.isEnabled()) == (True, "Cancel", True)
    cancel.click()
    assert (cancel.text(), cancel.isEnabled()) == ("Cancelling…", False)
    qtbot.waitUntil(lambda: not cancel.isVisible(), timeout=1000)


def test_errors_stay_and_equal_ones_are_told_once(window: MainWindow, opened: Session) -> None:
    opened.notify("error", "The disk is full.")
    opened.notify("error", "The disk is full.")
    for n in range(5):
        opened.notify("warning", f"warning {n}")
    assert window.notices.texts == ("warning 2", "warning 3", "warning 4")
    assert len(opened.messages) == 7


def test_every_control_has_a_name_and_a_tip(window: MainWindow, opened: Session, qtbot: QtBot) -> None:
    opened.start_analysis()
    qtbot.waitUntil(lambda: bool(opened.explanations))
    for tabs in window.findChildren(QTabWidget):
        for row in range(tabs.count()):
            tabs.setCurrentIndex(row)
    kinds = QAbstractButton | QComboBox | QAbstractSpinBox | QAbstractSlider | QLineEdit
    nameless, tipless = [], []
    for control in window.findChildren(QWidget):
        inner = control.objectName().startswith("qt_") or isinstance(
            control.parent(), QAbstractSpinBox | QComboBox
        )
        if not isinstance(control, kinds) or inner or "ScrollBar" in type(control).__name__:
            continue
        if control.window() is not window or control.isHidden() or isinstance(control.parent(), QTabBar):
            continue
        if not (control.accessibleName() or (isinstance(control, QAbstractButton) and control.text())):
            nameless.append(f"{type(control).__name__} in {type(control.parent()).__name__}")
        if not control.toolTip():
            tipless.append(f"{type(control).__name__} {control.accessibleName()}")
    assert nameless == []
    assert tipless == []


def test_the_layout_comes_back(session: Session, make_window: Window) -> None:
    window = make_window(session)
    window._docks[1].hide()
    window.layout().activate()
    window.resize(760, 690)  # the test's screen is 800 pixels wide
    size = window.size()
    window.close()
    again = MainWindow(session)
    assert again.size() == size
    assert again._docks[1].isHidden()
    again.deleteLater()


def test_the_moments_have_keys(window: MainWindow, opened: Session, qtbot: QtBot) -> None:
    opened.start_analysis()
    qtbot.waitUntil(lambda: opened.analysis.state is AnalysisState.DONE)
    qtbot.waitUntil(lambda: [(found.first, found.last) for found in window.intervals.found] == [(33, 65)])
    tabs = window.findChild(QTabWidget)
    assert tabs is not None
    press(qtbot, window, Qt.Key.Key_U)
    assert tabs.currentWidget() is window.moments
    assert window.moments.intervals.list.hasFocus()
    opened.go_to(40)
    qtbot.waitUntil(lambda: window.actions_by_id["mark_interval"].isEnabled())
    window.setFocus()
    press(qtbot, window, Qt.Key.Key_U, Qt.KeyboardModifier.ShiftModifier)
    (mark,) = opened.marks
    assert (mark.first, mark.last) == (33, 65)
    assert "Shift+U" in window.moments.intervals.mark.toolTip()
    qtbot.waitUntil(lambda: window.actions_by_id["undo"].isEnabled())
    press(qtbot, window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert opened.marks == ()


@pytest.mark.usefixtures("opened")
def test_it_fits_a_small_screen_with_all_it_may_have_to_say(window: MainWindow, qtbot: QtBot) -> None:
    window.player.transport._dropped.setText("9999 dropped")
    window.player.transport._dropped.setVisible(True)
    window.resize(1280, 800)
    qtbot.wait(50)
    assert (window.width(), window.height()) == (1280, 800)
    tabs = window.findChild(QTabWidget)
    assert tabs is not None
    assert tabs.tabBar().sizeHint().width() <= tabs.width(), "a tab is cut off"


def test_the_title_names_the_video_and_the_case(window: MainWindow, opened: Session, tmp_path: Path) -> None:
    assert window.windowTitle() == "clip.mp4 — Tellframe"
    window.open([tmp_path / "smith.tell"])
    assert window.windowTitle() == "smith — Tellframe"
