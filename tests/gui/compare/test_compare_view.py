"""The comparison in the window: keys, the shared view, the wipe, and what every control says of itself."""

from collections.abc import Callable, Iterator

import fakes
import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QAbstractButton, QApplication, QComboBox, QWidget
from pytestqt.qtbot import QtBot

from engine.evaluation.explanations.pairs import difference
from engine.results import Picture
from gui import theme
from gui.compare.choice import PaneChoice
from gui.compare.comparison import Comparison
from gui.compare.pane import Stand
from gui.compare.picture import PanePicture
from gui.compare.view import CompareView
from gui.main_window import MainWindow
from gui.session import Session

Settle = Callable[[Comparison], None]


@pytest.fixture
def window(analysed: Session, qtbot: QtBot, qapp: QApplication) -> Iterator[MainWindow]:
    theme.apply(qapp)
    analysed.settings.change(scope_seen=True)
    made = MainWindow(analysed)
    made.resize(1280, 800)
    made.show()
    qtbot.waitExposed(made)
    yield made
    made.close()
    made.deleteLater()


@pytest.fixture
def view(window: MainWindow, qtbot: QtBot, settle: Settle) -> CompareView:
    press(qtbot, window, Qt.Key.Key_C)
    settle(window.comparison)
    found = window._compared.view
    assert found is not None
    return found


def press(qtbot: QtBot, window: MainWindow, key: Qt.Key, modifier: Qt.KeyboardModifier | None = None) -> None:
    qtbot.wait(60)  # until commands know what makes sense
    qtbot.keyClick(window.focusWidget() or window, key, modifier or Qt.KeyboardModifier.NoModifier)
    qtbot.wait(60)


def pixels(picture: PanePicture) -> Picture:
    image = picture.grab().toImage().convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : image.width() * 3].reshape(image.height(), image.width(), 3).copy()


def test_a_key_opens_it_and_escape_brings_the_player_back(
    window: MainWindow, view: CompareView, qtbot: QtBot
) -> None:
    case, details, _ = window._docks
    assert view.isVisible()
    assert not window.player.picture.isVisible()
    assert case.isHidden()
    assert details.isHidden()
    assert window.player.transport.isVisible(), "the one player goes on"
    press(qtbot, window, Qt.Key.Key_Escape)
    assert not view.isVisible()
    assert window.player.picture.isVisible()
    assert not case.isHidden()
    assert not details.isHidden()
    press(qtbot, window, Qt.Key.Key_F8)
    assert view.isVisible()


def test_it_closes_with_the_video(window: MainWindow, view: CompareView, analysed: Session, qtbot: QtBot) -> None:
    analysed.remove_video(0)
    assert not view.isVisible()
    assert not window.comparison.is_open


def test_four_panes_and_the_docks_fit_a_small_screen(
    window: MainWindow, view: CompareView, qtbot: QtBot, settle: Settle
) -> None:
    for _ in range(2):
        press(qtbot, window, Qt.Key.Key_A)
    settle(window.comparison)
    assert len(view.panes) == 4
    assert window.width() == 1280
    assert window.minimumSizeHint().width() <= 1280
    for view_of_pane in view.panes:
        for combo in (view_of_pane.detector, view_of_pane.explainer):
            words = combo.fontMetrics().horizontalAdvance(combo.currentText())
            assert words + 30 <= combo.width(), f"{combo.currentText()} is cut off"
    for dock in window._docks:
        dock.show()
    qtbot.wait(150)
    assert (window.width(), window.height()) == (1280, 800)
    assert view._columns == 2, "four in a row could not be read there"
    press(qtbot, window, Qt.Key.Key_D)
    assert (window.width(), window.height()) == (1280, 800)
    press(qtbot, window, Qt.Key.Key_D)
    press(qtbot, window, Qt.Key.Key_X)
    assert len(view.panes) == 3


def test_all_pictures_show_one_frame_at_one_scale(
    window: MainWindow, view: CompareView, analysed: Session, qtbot: QtBot, settle: Settle
) -> None:
    analysed.go_to(8)
    settle(window.comparison)
    one, other = (pane.picture for pane in view.panes)
    assert one._frame is other._frame is analysed.shown
    assert one.viewport == other.viewport
    other.set_zoom(3.0)
    assert one.viewport == other.viewport
    assert one.zoom == pytest.approx(3.0)
    assert not window.comparison.follows_face, "the hand leads"
    press(qtbot, window, Qt.Key.Key_F)
    centre = one.viewport.centre
    assert (centre.x(), centre.y()) == pytest.approx((80, 90), abs=0.1), "the middle of the face's box"


def test_the_wipe_shows_the_decoded_frame_on_its_left(
    window: MainWindow, view: CompareView, analysed: Session, qtbot: QtBot
) -> None:
    picture = view.panes[0].picture
    masked = pixels(picture)
    analysed.set_masks_visible(False)
    qtbot.wait(60)
    raw = pixels(picture)
    analysed.set_masks_visible(True)
    press(qtbot, window, Qt.Key.Key_W)
    wiped = pixels(picture)
    x = round(picture.wipe_x())
    top = slice(0, picture.height() // 3)  # above handle and words
    assert (wiped[top, : x - 4] == raw[top, : x - 4]).all()
    assert (wiped[top, x + 5 :] == masked[top, x + 5 :]).all()
    assert (raw[top, x + 5 :] != masked[top, x + 5 :]).any()


def test_the_wipe_moves_by_hand_and_by_key_in_all_panes(
    window: MainWindow, view: CompareView, qtbot: QtBot
) -> None:
    press(qtbot, window, Qt.Key.Key_W)
    one, other = (pane.picture for pane in view.panes)
    before = one.wipe_x()
    start = QPoint(round(before), 20)
    qtbot.mousePress(one, Qt.MouseButton.LeftButton, pos=start)
    qtbot.mouseMove(one, start + QPoint(40, 0))
    qtbot.mouseRelease(one, Qt.MouseButton.LeftButton, pos=start + QPoint(40, 0))
    qtbot.wait(60)
    assert one.wipe_x() == pytest.approx(before + 40, abs=2)
    assert other.wipe_x() == pytest.approx(one.wipe_x(), abs=2)
    at = window.comparison.wipe_at
    press(qtbot, window, Qt.Key.Key_BracketLeft)
    assert window.comparison.wipe_at == pytest.approx(at - 0.02)


def test_the_difference_is_of_the_two_maps_on_the_screen(
    window: MainWindow, view: CompareView, qtbot: QtBot, settle: Settle
) -> None:
    comparison = window.comparison
    comparison.choose(comparison.panes[1], PaneChoice("frame-mobile", "kernel-shap"))
    press(qtbot, window, Qt.Key.Key_D)
    assert view.difference.isVisible()
    assert view.difference.shown is None
    assert view.difference.card.isVisible(), "B has no mask yet"
    comparison.panes[1].make()
    settle(comparison)
    shown = view.difference.shown
    assert shown is not None
    a, b = (pane.mask(0, 0) for pane in comparison.panes)
    assert a is not None
    assert b is not None
    expected, _ = difference(a.values, a.affine, b.values, b.affine)
    assert np.array_equal(shown.values, expected)
    assert shown.end == 2.0
    assert "Difference A − B" in view.difference.name.text()
    comparison.set_pair((1, 0))
    qtbot.wait(60)
    assert np.allclose(view.difference.shown.values, -expected)  # type: ignore[union-attr]


@pytest.mark.parametrize("panes", [2, 4])
def test_the_three_pictures_of_a_difference_stand_in_a_row(
    window: MainWindow, view: CompareView, panes: int, qtbot: QtBot
) -> None:
    while len(view.panes) < panes:
        window.comparison.add()
    qtbot.wait(100)
    press(qtbot, window, Qt.Key.Key_D)
    qtbot.wait(100)
    shown = (*view.panes[:2], view.difference)
    places = {(one.picture.mapTo(view, QPoint(0, 0)).y(), one.picture.height()) for one in shown}
    assert len(places) == 1


def test_red_shows_what_supports_fake_alone(window: MainWindow, view: CompareView, qtbot: QtBot) -> None:
    press(qtbot, window, Qt.Key.Key_R)
    mask = window.comparison.panes[0].mask(0, 0)
    shown = view.map_of(mask)
    assert shown is not None
    assert shown.values.min() == 0
    assert shown.values.max() == 1
    assert window.comparison.style.colour_map == "red"
    assert view.scale.texts[-1] == "supports fake"


def test_the_words_below_a_pane_tell_its_figures(
    window: MainWindow, view: CompareView, analysed: Session, settle: Settle
) -> None:
    pane = view.panes[0]
    assert "fake probability 0.818" in pane.score.text()  # logit 1.5
    assert pane.measures.text().startswith("V 0.")
    assert "1" in pane.measures.text().split("n ")[1]


def test_a_slow_mask_has_a_button_a_progress_and_a_cancel(
    window: MainWindow, view: CompareView, switches: fakes.Switches, qtbot: QtBot
) -> None:
    comparison = window.comparison
    comparison.choose(comparison.panes[1], PaneChoice("frame-mobile", "kernel-shap"))
    card = view.panes[1].card
    qtbot.waitUntil(card.make.isVisible)
    switches.delay = 0.5
    qtbot.mouseClick(card.make, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: card.bar.isVisible() and card.bar.maximum() == 1000)
    assert card.bar.value() == 250
    qtbot.mouseClick(card.cancel, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(card.make.isVisible)
    press(qtbot, window, Qt.Key.Key_2, Qt.KeyboardModifier.AltModifier)
    switches.delay = 0
    press(qtbot, window, Qt.Key.Key_N)
    qtbot.waitUntil(lambda: comparison.panes[1].state(0).stand is Stand.READY)


def test_choosing_in_a_pane_keeps_what_fits(window: MainWindow, view: CompareView, qtbot: QtBot) -> None:
    pane = view.panes[0]
    press(qtbot, window, Qt.Key.Key_1, Qt.KeyboardModifier.AltModifier)
    assert pane.detector.hasFocus()
    row = pane.explainer.findData("attention")
    pane.explainer.setCurrentIndex(row)
    pane.explainer.activated.emit(row)
    assert pane.pane.choice == PaneChoice("frame-mobile", "attention")
    window.comparison.choose(pane.pane, PaneChoice("frame-mobile", "gradcam", (("layer", "features.7"),)))
    qtbot.waitUntil(lambda: pane.given.text() == "layer=features.7")
    assert pane.explainer.currentData() == "gradcam"


def test_every_control_has_a_name_a_tip_and_a_place_among_the_keys(
    window: MainWindow, view: CompareView, qtbot: QtBot
) -> None:
    press(qtbot, window, Qt.Key.Key_D)
    poor = []
    for control in view.findChildren(QWidget):
        if not isinstance(control, QAbstractButton | QComboBox) or control.isHidden():
            continue
        named = control.accessibleName() and control.toolTip()
        if not named or not control.focusPolicy() & Qt.FocusPolicy.TabFocus:
            poor.append(f"{type(control).__name__} {control.accessibleName()} {control.toolTip()}")
    assert poor == []


def test_a_window_closed_while_comparing_keeps_the_players_arrangement(
    window: MainWindow, view: CompareView, qtbot: QtBot
) -> None:
    assert window.isActiveWindow(), "nothing was a window of its own, even for a moment"
    window.close()
    assert [dock.isHidden() for dock in window._docks] == [False, False, False]
    assert not window.comparison.is_open
