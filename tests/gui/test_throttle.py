from PySide6.QtCore import QObject

from gui.throttle import Throttle


def test_the_first_value_passes_at_once_and_the_last_is_never_lost(qtbot):
    owner, passed = QObject(), []
    throttle = Throttle(passed.append, 20, owner)
    for value in range(100):
        throttle(value)
    assert passed == [0]
    qtbot.waitUntil(lambda: passed == [0, 99])
    qtbot.wait(60)
    assert passed == [0, 99]
    throttle(7)
    assert passed[-1] == 7


def test_a_dropped_value_never_comes(qtbot):
    owner, passed = QObject(), []
    throttle = Throttle(passed.append, 10, owner)
    throttle(1)
    throttle(2)
    throttle.drop()
    qtbot.wait(40)
    assert passed == [1]
