"""The tab Prototypes in the window: only where there are any, by its keys, and its patch on the picture."""

import numpy as np
import pytest
from prototype_scenes import fives, make_prototype_detector, make_similarities
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QTabWidget
from scenes import make_track

from gui.main_window import MainWindow

FRAMES = 60


@pytest.fixture
def window(scene, qtbot):
    window = MainWindow(scene.session)
    qtbot.addWidget(window)
    window.resize(1280, 800)
    window.show()
    qtbot.waitExposed(window)
    yield window
    window.close()


def test_it_is_there_with_prototypes_only_and_has_keys(window, scene, qtbot):
    tabs = window.findChild(QTabWidget)
    place = tabs.indexOf(window.prototypes)
    assert tabs.tabText(place) == "Prototypes"
    assert not tabs.isTabVisible(place)
    scene.list_detectors(make_prototype_detector())
    assert tabs.isTabVisible(place)
    window.player.transport._dropped.setText("9999 dropped")
    window.player.transport._dropped.setVisible(True)
    qtbot.wait(50)
    assert (window.width(), window.height()) == (1280, 800), "it must not grow beyond a small screen"
    window.resize(1920, 1080)
    qtbot.waitUntil(lambda: tabs.tabBar().sizeHint().width() <= tabs.width())
    scene.finish(scene.analyse(), (make_track(0, np.arange(60)), make_similarities(0, fives(0, 59))))
    qtbot.waitUntil(lambda: window.actions_by_id["prototypes"].isEnabled())
    qtbot.keyClick(window, Qt.Key.Key_Y)
    assert tabs.currentWidget() is window.prototypes
    assert window.prototypes.list.hasFocus()
    assert window.prototypes.moment.isChecked()
    window.setFocus()
    qtbot.keyClick(window, Qt.Key.Key_Y, Qt.KeyboardModifier.ShiftModifier)
    assert window.prototypes.whole.isChecked()
    assert "Shift+Y" in window.prototypes.whole.toolTip()
    scene.list_detectors()
    assert not tabs.isTabVisible(place)


def test_the_patch_is_outlined_on_the_picture(window, scene, qtbot):
    scene.session.go_to(3)
    picture = window.player.picture
    qtbot.waitUntil(lambda: scene.session.shown is not None and scene.session.shown.index == 3)
    before = picture.grab().toImage()
    box = (200.0, 100.0, 400.0, 250.0)
    window.prototypes.patch_changed.emit(box)
    image = picture.grab().toImage()
    for x, y in ((200, 110), (400, 240), (215, 100), (385, 250)):  # near its corners, where it is heavy
        place = picture.viewport.transform.map(float(x), float(y))
        around = [
            image.pixelColor(round(place[0]) + dx, round(place[1]) + dy)
            for dx in range(-4, 5) for dy in range(-4, 5)
        ]  # fmt: skip
        assert max(min(c.red(), c.green(), c.blue()) for c in around) > 230
        assert min(max(c.red(), c.green(), c.blue()) for c in around) < 90
    inside = picture.viewport.transform.map(300.0, 175.0)
    at = round(inside[0]), round(inside[1])
    assert image.pixelColor(*at) == before.pixelColor(*at)
    window.prototypes.patch_changed.emit(None)
    assert picture.grab().toImage() == before
